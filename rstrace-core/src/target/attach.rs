//! Running processes as targets: their threads, their end, and who must not be traced.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::error::{Error, ErrorKind, Result};

/// A process by a descriptor that stays its own, whatever becomes of its id.
#[derive(Debug)]
pub(crate) struct Process {
    pub pid: u32,
    fd: OwnedFd,
}

impl Process {
    pub(crate) fn open(pid: u32) -> Result<Self> {
        // SAFETY: plain numbers.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        if fd < 0 {
            let error = io::Error::last_os_error();
            return Err(match error.raw_os_error() {
                // a thread that leads no group: EINVAL, or ENOENT since 6.15
                Some(libc::EINVAL | libc::ENOENT) if thread_exists(pid) => Error::new(
                    ErrorKind::NoSuchProcess,
                    format!(
                        "{pid} is a thread, not a process: give its process to -p, or trace it alone with --tid {pid}"
                    ),
                ),
                Some(libc::ESRCH | libc::EINVAL | libc::ENOENT) => no_such_process(pid),
                _ => Error::new(ErrorKind::Other, format!("process {pid}: {error}")),
            });
        }
        // SAFETY: the kernel just made this descriptor for us.
        Ok(Self { pid, fd: unsafe { OwnedFd::from_raw_fd(fd as i32) } })
    }

    /// Whether it has ended, a zombie included.
    pub(crate) fn has_ended(&self) -> bool {
        let mut fds = [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
    }

    pub(crate) fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Its threads at this moment.
    pub(crate) fn threads(&self) -> BTreeSet<u32> {
        let entries = fs::read_dir(format!("/proc/{}/task", self.pid)).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    }
}

pub(crate) fn no_such_process(pid: u32) -> Error {
    Error::new(ErrorKind::NoSuchProcess, format!("no process has the id {pid}: it may have ended"))
}

/// Whether a thread is there and has not ended: a leader stays as a zombie while its group lives.
pub(crate) fn thread_exists(tid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{tid}/stat")).unwrap_or_default();
    // behind the name in parentheses, which may contain anything
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X' | 'x'))
}

/// The processes that must not be traced with everything: this one, and whoever reads what it writes, as each
/// line would make them do something that makes another line.
pub(crate) fn readers_of_our_output() -> BTreeSet<u32> {
    let mut found = BTreeSet::from([std::process::id()]);
    // whatever this process has open but standard input: the trace may go to any of them
    let own = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let own = own.filter_map(|fd| fd.file_name().to_str().filter(|fd| *fd != "0").map(str::to_owned));
    let ours: BTreeSet<_> = own.filter_map(|fd| pipe_of(std::process::id(), &fd)).collect();
    if ours.is_empty() {
        return found;
    }
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for pid in processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
        let fds = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let reads =
            fds.filter_map(|fd| pipe_of(pid, fd.file_name().to_str()?)).any(|pipe| ours.contains(&pipe));
        if reads {
            found.insert(pid);
        }
    }
    found
}

/// The pipe or FIFO that a descriptor is, by device and inode.
fn pipe_of(pid: u32, fd: &str) -> Option<(u64, u64)> {
    let file = fs::metadata(format!("/proc/{pid}/fd/{fd}")).ok()?;
    file.file_type().is_fifo().then(|| (file.dev(), file.ino()))
}
