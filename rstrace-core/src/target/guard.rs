//! Kills what is traced when its tracer ends, whatever ends it ([`Options::kill`](crate::Options::kill)).
//!
//! Of a tracer that was killed itself nobody would be left to do it, so it is the work of a process of its own. That
//! has copies of all the tracer's descriptors: the programs that keep the follow set stay attached until it has ended,
//! and no child is missed that is made meanwhile.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use nix::unistd::Pid;

use super::launch::pipe;
use crate::error::{Context, Result};

/// How often the set is looked at until nobody is in it any more, and for how long in between: who is killed in the
/// midst of an uninterruptible call takes its time.
const ROUNDS: u32 = 5_000;
const BETWEEN: libc::timespec = libc::timespec { tv_sec: 0, tv_nsec: 1_000_000 };

/// Whom to kill.
#[derive(Debug)]
pub(crate) enum Prey<'a> {
    /// The process of a pidfd.
    Process(BorrowedFd<'a>),
    /// Who is in the follow set: threads or processes.
    Set(BorrowedFd<'a>),
}

/// The process. Dropping it is the end of its tracer.
#[derive(Debug)]
pub(crate) struct Guard {
    pid: Pid,
    /// Closed when the tracer ends, by whatever means.
    life: Option<OwnedFd>,
}

impl Guard {
    /// Forks it.
    pub(crate) fn start(prey: &Prey<'_>) -> Result<Self> {
        let (ends, life) = pipe()?;
        // SAFETY: the child makes async-signal-safe calls only, see `guard`.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()).context("fork"),
            0 => guard(&ends, &life, prey),
            pid => Ok(Self { pid: Pid::from_raw(pid), life: Some(life) }),
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.life.take());
        let _ = nix::sys::wait::waitpid(self.pid, None);
    }
}

/// After the fork. Returns to nobody.
fn guard(ends: &OwnedFd, life: &OwnedFd, prey: &Prey<'_>) -> ! {
    let mut byte = 0u8;
    // SAFETY: each call is async-signal-safe and gets pointers to what stands on this stack; the own copy of the other
    // end of the pipe, which would keep it from ever closing, is not used any more.
    unsafe {
        // what is sent to the tracer's process group is not meant for it
        let mut all = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::sigprocmask(libc::SIG_SETMASK, &all, std::ptr::null_mut());
        libc::close(life.as_raw_fd());
        while libc::read(ends.as_raw_fd(), (&raw mut byte).cast(), 1) < 0 {}
        match prey {
            Prey::Process(pidfd) => {
                libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), libc::SIGKILL, 0, 0);
            }
            Prey::Set(set) => {
                for _ in 0..ROUNDS {
                    if !kill_all(set.as_raw_fd()) {
                        break;
                    }
                    libc::nanosleep(&BETWEEN, std::ptr::null_mut());
                }
            }
        }
        libc::_exit(0)
    }
}

/// Kills who is in the set; says whether anybody is.
///
/// An id is in the set for as long as it is somebody's whom the tracer follows, and ids are given out in a circle: it
/// is nobody else's so soon after it was found there.
///
/// # Safety
/// The descriptor is that of a map with keys of 4 bytes. Async-signal-safe.
unsafe fn kill_all(set: i32) -> bool {
    let (mut last, mut id) = (None::<u32>, 0u32);
    loop {
        let from = last.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: the keys are ours, and `from` is one or null.
        if unsafe { libbpf_sys::bpf_map_get_next_key(set, from.cast(), (&raw mut id).cast()) } != 0 {
            return last.is_some();
        }
        // 0 and negative numbers would be groups
        if id as i32 > 0 {
            // SAFETY: of numbers.
            unsafe { libc::kill(id as i32, libc::SIGKILL) };
        }
        last = Some(id);
    }
}
