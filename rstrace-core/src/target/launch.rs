//! Launches a command and holds it before its exec until it is let go.
//!
//! The child waits on a pipe, not on a signal, so that no shell notices. What can fail or allocate is done
//! before the fork: between fork and exec only async-signal-safe calls are made.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::SigSet;
use nix::sys::stat::Mode;
use nix::unistd::{AccessFlags, Gid, Pid};

use super::{Apart, RunAs};

use crate::error::{Context, Error, ErrorKind, Result};

/// A child that waits before its exec. Dropping it unreleased makes it exit without one.
#[derive(Debug)]
pub(crate) struct Held {
    pid: Pid,
    /// Taken when the child is let go.
    gate: Option<File>,
    failure: File,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(gate) = self.gate.take() {
            // at the end of the gate's file the child exits; nobody else would wait for it
            drop(gate);
            let _ = nix::sys::wait::waitpid(self.pid, None);
        }
    }
}

/// What the child needs, ready before the fork.
struct Ready {
    path: CString,
    // keeps what `argv` points to
    _words: Vec<CString>,
    argv: Vec<*const libc::c_char>,
    _variables: Vec<CString>,
    envp: Vec<*const libc::c_char>,
    identity: Option<(u32, u32, Vec<libc::gid_t>)>,
    inherited: Inherited,
}

/// What a command is to have as rstrace's own caller gave it, though rstrace changes it for itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inherited {
    signals: SigSet,
    /// Ignored, it would keep the command's status from rstrace.
    child_signal: libc::sighandler_t,
    /// libbpf raises it where maps count against it (before 5.11).
    memlock: libc::rlimit,
}

impl Inherited {
    /// To be asked before anything else is changed. From here on ended children are waited for.
    pub(crate) fn now() -> Result<Self> {
        let (soft, hard) = getrlimit(Resource::RLIMIT_MEMLOCK).context("getrlimit")?;
        Ok(Self {
            signals: SigSet::thread_get_mask().context("sigprocmask")?,
            // SAFETY: the default disposition runs no code.
            child_signal: unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) },
            memlock: libc::rlimit { rlim_cur: soft, rlim_max: hard },
        })
    }
}

impl Held {
    /// Forks the child.
    pub(crate) fn start(
        argv: &[OsString],
        argv0: Option<&OsStr>,
        env: &[(OsString, Option<OsString>)],
        user: Option<&RunAs>,
        apart: Option<Apart>,
        inherited: Inherited,
    ) -> Result<Self> {
        let program =
            argv.first().ok_or_else(|| Error::new(ErrorKind::Other, "there is no command to run"))?;
        let path = find_program(program)?;
        let word = |s: &OsStr| CString::new(s.as_bytes()).context("an argument of the command");
        let names = std::iter::once(argv0.unwrap_or(program));
        let words =
            names.chain(argv[1..].iter().map(OsString::as_os_str)).map(word).collect::<Result<Vec<_>>>()?;
        let variables = environment(env).iter().map(|v| word(v)).collect::<Result<Vec<_>>>()?;
        let identity = user.map(identity_of).transpose()?;
        let ready = Ready {
            path: word(path.as_os_str())?,
            argv: pointers(&words),
            _words: words,
            envp: pointers(&variables),
            _variables: variables,
            identity,
            inherited,
        };

        let (gate_read, gate_write) = pipe()?;
        let (failure_read, failure_write) = pipe()?;
        if let Some(apart) = apart {
            let Some(pid) = go_apart(apart)? else {
                // our own copy of the gate would keep it from ever closing
                // SAFETY: a descriptor that this process does not use any more.
                unsafe { libc::close(gate_write.as_raw_fd()) };
                child(&ready, gate_read.as_raw_fd(), failure_write.as_raw_fd())
            };
            return Ok(Self { pid, gate: Some(gate_write.into()), failure: failure_read.into() });
        }
        // SAFETY: the child makes async-signal-safe calls only, see `child`.
        let pid = unsafe { libc::fork() };
        match pid {
            -1 => Err(io::Error::last_os_error()).context("fork"),
            0 => {
                // the child's own copy of the gate would keep it from ever closing
                // SAFETY: a descriptor that this process does not use any more.
                unsafe { libc::close(gate_write.as_raw_fd()) };
                child(&ready, gate_read.as_raw_fd(), failure_write.as_raw_fd())
            }
            pid => Ok(Self {
                pid: Pid::from_raw(pid),
                gate: Some(gate_write.into()),
                failure: failure_read.into(),
            }),
        }
    }

    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Lets the child go on to its exec; the error is the exec's.
    pub(crate) fn release(mut self, program: &OsStr) -> Result<()> {
        if let Some(mut gate) = self.gate.take() {
            gate.write_all(&[1]).context("the held command is gone")?;
        }
        let mut said = [0; 8];
        // the exec closes the pipe; on failure the child says where and why
        if self.failure.read_exact(&mut said).is_err() {
            return Ok(());
        }
        let [stage, errno] = [0, 4].map(|at| said[at..].first_chunk().map_or(0, |b| i32::from_ne_bytes(*b)));
        let why = nix::errno::Errno::from_raw(errno).desc();
        Err(if stage == STAGE_IDENTITY {
            let what = format!(
                "-u: the command can't become another user: {why} (run rstrace with sudo, or as root)"
            );
            Error::new(ErrorKind::Permission, what)
        } else {
            let kind = match errno {
                libc::ENOENT => ErrorKind::CommandNotFound,
                _ => ErrorKind::CommandNotExecutable,
            };
            Error::new(kind, format!("{}: {why}", program.to_string_lossy()))
        })
    }
}

/// Goes on in a grandchild, for which the id of this process is returned; nothing is in this process itself, which
/// is to make async-signal-safe calls only from here on.
fn go_apart(apart: Apart) -> Result<Option<Pid>> {
    let own = Pid::this();
    // SAFETY: the child that exits makes async-signal-safe calls only; the grandchild goes on as the only thread, like
    // the one that it is a copy of.
    unsafe {
        match libc::fork() {
            -1 => return Err(io::Error::last_os_error()).context("fork"),
            0 => match libc::fork() {
                0 => {}
                grandchild => libc::_exit(i32::from(grandchild < 0)),
            },
            between => {
                // a child that it does not know would surprise the command
                libc::waitpid(between, std::ptr::null_mut(), 0);
                return Ok(None);
            }
        }
        match apart {
            Apart::SameGroup => {}
            Apart::OwnGroup => _ = libc::setpgid(0, 0),
            Apart::OwnSession => _ = libc::setsid(),
        }
    }
    Ok(Some(own))
}

/// After the fork. Returns to nobody.
fn child(ready: &Ready, gate: i32, failure: i32) -> ! {
    let mut byte = 0u8;
    // SAFETY: each call is async-signal-safe and gets pointers that were made before the fork.
    unsafe {
        loop {
            let n = libc::read(gate, (&raw mut byte).cast(), 1);
            if n == 1 {
                break;
            }
            // end of file: the tracer is gone, and so must be its command
            if n == 0 || *libc::__errno_location() != libc::EINTR {
                libc::_exit(127);
            }
        }
        // before the privilege to do so may be gone
        libc::setrlimit(libc::RLIMIT_MEMLOCK, &ready.inherited.memlock);
        if let Some((uid, gid, groups)) = &ready.identity
            && (libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) != 0
                || libc::syscall(libc::SYS_setresgid, *gid, *gid, *gid) != 0
                || libc::syscall(libc::SYS_setresuid, *uid, *uid, *uid) != 0)
        {
            fail(failure, STAGE_IDENTITY);
        }
        // Rust's runtime ignores it, a command must not
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        if ready.inherited.child_signal == libc::SIG_IGN {
            libc::signal(libc::SIGCHLD, libc::SIG_IGN);
        }
        libc::sigprocmask(libc::SIG_SETMASK, ready.inherited.signals.as_ref(), std::ptr::null_mut());
        libc::execve(ready.path.as_ptr(), ready.argv.as_ptr(), ready.envp.as_ptr());
        fail(failure, STAGE_EXEC)
    }
}

/// Where the child can fail.
const STAGE_IDENTITY: i32 = 1;
const STAGE_EXEC: i32 = 2;

/// Tells the tracer where and errno, and exits as a shell does.
unsafe fn fail(failure: i32, stage: i32) -> ! {
    // SAFETY: as in `child`.
    unsafe {
        let errno = *libc::__errno_location();
        let said = [stage, errno];
        libc::write(failure, said.as_ptr().cast(), size_of_val(&said));
        libc::_exit(if errno == libc::ENOENT { 127 } else { 126 })
    }
}

/// As execve(2) takes a list.
fn pointers(words: &[CString]) -> Vec<*const libc::c_char> {
    words.iter().map(|word| word.as_ptr()).chain([std::ptr::null()]).collect()
}

/// rstrace's own environment with these changes, the later ones last.
fn environment(changes: &[(OsString, Option<OsString>)]) -> Vec<OsString> {
    changed(own_environment(), changes)
}

/// As it is: also what is no variable, which has no `=`.
fn own_environment() -> Vec<OsString> {
    unsafe extern "C" {
        static environ: *const *const libc::c_char;
    }
    let mut words = Vec::new();
    // SAFETY: a list of C strings that ends with a null pointer, if there is one. Who changes the environment has
    // to see that nobody reads it: that is what `std::env::set_var` is unsafe for.
    unsafe {
        let mut word = environ;
        while !word.is_null() && !(*word).is_null() {
            words.push(OsStr::from_bytes(CStr::from_ptr(*word).to_bytes()).to_owned());
            word = word.add(1);
        }
    }
    words
}

/// A value is given to the first of a name's entries; without one all of them are taken out.
fn changed(mut words: Vec<OsString>, changes: &[(OsString, Option<OsString>)]) -> Vec<OsString> {
    let is_of = |word: &OsString, name: &OsString| {
        let rest = word.as_bytes().strip_prefix(name.as_bytes());
        rest.is_some_and(|rest| rest.first().is_none_or(|byte| *byte == b'='))
    };
    for (name, value) in changes {
        let Some(value) = value else {
            words.retain(|word| !is_of(word, name));
            continue;
        };
        let mut entry = name.clone();
        entry.push("=");
        entry.push(value);
        match words.iter().position(|word| is_of(word, name)) {
            Some(place) => words[place] = entry,
            None => words.push(entry),
        }
    }
    words
}

/// The ends to read from and to write to.
pub(super) fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    nix::unistd::pipe2(OFlag::O_CLOEXEC).context("pipe")
}

fn identity_of(user: &RunAs) -> Result<(u32, u32, Vec<libc::gid_t>)> {
    let name = CString::new(user.name.as_bytes()).context("the user's name")?;
    let groups = nix::unistd::getgrouplist(&name, Gid::from_raw(user.gid))
        .context(format!("the groups of {}", user.name))?;
    Ok((user.uid, user.gid, groups.into_iter().map(Gid::as_raw).collect()))
}

/// The file to execute, as a shell finds it.
fn find_program(program: &OsStr) -> Result<PathBuf> {
    let not_found = || {
        Error::new(ErrorKind::CommandNotFound, format!("{}: command not found", program.to_string_lossy()))
    };
    let not_executable = |why: &str| {
        Error::new(ErrorKind::CommandNotExecutable, format!("{}: {why}", program.to_string_lossy()))
    };
    if program.is_empty() {
        return Err(not_found());
    }
    if program.as_bytes().contains(&b'/') {
        let path = Path::new(program);
        return match nix::unistd::access(path, AccessFlags::X_OK) {
            _ if path.is_dir() => Err(not_executable("is a directory")),
            Ok(()) => Ok(path.to_owned()),
            Err(nix::Error::ENOENT | nix::Error::ENOTDIR) => Err(not_found()),
            Err(error) => Err(not_executable(error.desc())),
        };
    }
    let search = std::env::var_os("PATH").unwrap_or_else(|| OsString::from_vec(b"/bin:/usr/bin".to_vec()));
    let mut refused = false;
    for directory in std::env::split_paths(&search) {
        let path = if directory.as_os_str().is_empty() {
            Path::new(".").join(program)
        } else {
            directory.join(program)
        };
        if !path.is_file() {
            continue;
        }
        let mode =
            nix::sys::stat::stat(&path).map(|s| Mode::from_bits_truncate(s.st_mode)).unwrap_or(Mode::empty());
        if mode.intersects(Mode::S_IXUSR | Mode::S_IXGRP | Mode::S_IXOTH) {
            return Ok(path);
        }
        refused = true;
    }
    Err(if refused { not_executable("Permission denied") } else { not_found() })
}
