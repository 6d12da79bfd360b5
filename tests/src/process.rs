//! Programs under a time limit: what they write is collected while they run, and whoever outlives its
//! test is killed with its process group.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

/// A program that is to be started.
#[derive(Debug)]
pub struct Program {
    command: Command,
    stdin: bool,
    words: Vec<String>,
}

impl Program {
    /// A program and its arguments.
    pub fn new(words: &[impl AsRef<str>]) -> Self {
        let words: Vec<String> = words.iter().map(|w| w.as_ref().to_owned()).collect();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        // From cargo, for the test alone: programs would look for their libraries there.
        command.env_remove("LD_LIBRARY_PATH");
        // A group of its own: to be killed whole, and to get a Ctrl-C whole.
        command.process_group(0);
        // The signals of a shell's background jobs and of nohup would be ignored here too. And descriptors that whoever
        // runs the tests left open would move the numbers of all that are opened (close_range has CLOEXEC from 5.11 on).
        // SAFETY: both are bare system calls; nothing else happens between fork and exec.
        unsafe {
            command.pre_exec(|| {
                for descriptor in 3..1024 {
                    libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC);
                }
                for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGHUP] {
                    libc::signal(signal, libc::SIG_DFL);
                }
                Ok(())
            });
        }
        Self { command, stdin: false, words }
    }

    /// Gives it a pipe for stdin, open until [`Running::end_stdin`]; else it is `/dev/null`.
    pub fn with_stdin(mut self) -> Self {
        self.stdin = true;
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts it in a folder.
    pub fn in_folder(mut self, folder: impl AsRef<std::path::Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Puts the same things at the same addresses in every run, for it and its descendants.
    pub fn without_aslr(mut self) -> Self {
        // SAFETY: personality is a bare system call; nothing else happens between fork and exec.
        unsafe {
            self.command.pre_exec(|| {
                libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong);
                Ok(())
            });
        }
        self
    }

    /// Runs it without any privilege.
    pub fn as_nobody(mut self) -> Self {
        const NOBODY: u32 = 65534;
        // Setting the ids drops every capability; std clears the supplementary groups with them.
        self.command.uid(NOBODY).gid(NOBODY);
        self
    }

    /// Starts it.
    #[track_caller]
    pub fn start(mut self) -> Running {
        let stdin = if self.stdin { Stdio::piped() } else { Stdio::null() };
        let spawned = self.command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|e| panic!("{} cannot be started: {e}", self.words[0]));
        Running {
            stdin: child.stdin.take(),
            stdout: Collected::from(child.stdout.take().expect("stdout is a pipe")),
            stderr: Collected::from(child.stderr.take().expect("stderr is a pipe")),
            pidfd: pidfd_open(child.id()),
            child,
            started: Instant::now(),
            words: self.words,
            status: None,
        }
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(self) -> Output {
        self.start().finish()
    }
}

/// What a program has written so far.
#[derive(Debug, Clone)]
struct Collected(Arc<(Mutex<Written>, Condvar)>);

#[derive(Debug, Default)]
struct Written {
    bytes: Vec<u8>,
    ended: bool,
}

impl Collected {
    fn from(mut pipe: impl Read + Send + 'static) -> Self {
        let shared = Arc::new((Mutex::new(Written::default()), Condvar::new()));
        let writer = Arc::clone(&shared);
        std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            loop {
                let count = match pipe.read(&mut buffer) {
                    Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                    other => other.unwrap_or(0),
                };
                let mut written = writer.0.lock().expect("a reader does not panic");
                written.bytes.extend_from_slice(&buffer[..count]);
                written.ended = count == 0;
                writer.1.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        Self(shared)
    }

    fn so_far(&self) -> Vec<u8> {
        self.0.0.lock().expect("a reader does not panic").bytes.clone()
    }

    /// Whether `enough` came to hold before the deadline, or before the end of the pipe.
    fn wait(&self, deadline: Instant, enough: impl Fn(&Written) -> bool) -> bool {
        let mut written = self.0.0.lock().expect("a reader does not panic");
        loop {
            if enough(&written) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if written.ended || left.is_zero() {
                return false;
            }
            written = self.0.1.wait_timeout(written, left).expect("a reader does not panic").0;
        }
    }
}

/// How a program ended and what it wrote.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// What it and its descendants wrote to stdout.
    pub stdout: String,
    /// What they wrote to stderr.
    pub stderr: String,
    /// From its start to its end.
    pub took: Duration,
}

impl Output {
    /// Fails the test if it did not end with 0.
    #[track_caller]
    pub fn ended_well(self) -> Self {
        assert!(self.status.success(), "{}\nstdout:\n{}\nstderr:\n{}", self.status, self.stdout, self.stderr);
        self
    }
}

/// A program that runs. Dropped, it is killed with its process group.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Collected,
    stderr: Collected,
    pidfd: OwnedFd,
    started: Instant,
    words: Vec<String>,
    status: Option<ExitStatus>,
}

impl Running {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes to its stdin.
    #[track_caller]
    pub fn tell(&mut self, bytes: &[u8]) {
        let pipe = self.stdin.as_mut().expect("started with a stdin");
        pipe.write_all(bytes).and_then(|()| pipe.flush()).expect("it reads its stdin");
    }

    /// Ends its stdin.
    pub fn end_stdin(&mut self) {
        self.stdin = None;
    }

    /// Sends a signal to it alone.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid() as i32), signal).expect("it runs");
    }

    /// Sends a signal to its process group, as a terminal does for Ctrl-C.
    #[track_caller]
    pub fn signal_group(&self, signal: Signal) {
        killpg(Pid::from_raw(self.pid() as i32), signal).expect("its group is there");
    }

    /// Whether somebody still has its stdout.
    pub fn holds_stdout(&self) -> bool {
        !self.stdout.wait(Instant::now(), |written| written.ended)
    }

    /// Waits until stdout has this text; all of stdout so far.
    #[track_caller]
    pub fn wait_for_stdout(&self, text: &str) -> String {
        self.wait_for("stdout", &self.stdout, text)
    }

    /// Waits until stderr has this text; all of stderr so far.
    #[track_caller]
    pub fn wait_for_stderr(&self, text: &str) -> String {
        self.wait_for("stderr", &self.stderr, text)
    }

    #[track_caller]
    fn wait_for(&self, name: &str, pipe: &Collected, text: &str) -> String {
        let has_it = |w: &Written| w.bytes.windows(text.len()).any(|w| w == text.as_bytes());
        if !pipe.wait(Instant::now() + crate::limit(), has_it) {
            panic!("{text:?} did not come on {name}\n{}", self.described());
        }
        String::from_utf8_lossy(&pipe.so_far()).into_owned()
    }

    /// Waits for its end alone: descendants may go on and hold its pipes.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        if let Some(status) = self.status {
            return status;
        }
        let limit = PollTimeout::try_from(crate::limit()).expect("the limit fits");
        let ready = poll(&mut [PollFd::new(self.pidfd.as_fd(), PollFlags::POLLIN)], limit);
        if ready != Ok(1) {
            panic!("it did not end within {:?}\n{}", crate::limit(), self.described());
        }
        let status = self.child.wait().expect("a child can be waited for");
        self.status = Some(status);
        status
    }

    /// Waits for its end, and for the end of its pipes.
    #[track_caller]
    pub fn finish(mut self) -> Output {
        let status = self.wait();
        let took = self.started.elapsed();
        let deadline = Instant::now() + crate::limit();
        if !self.stdout.wait(deadline, |w| w.ended) || !self.stderr.wait(deadline, |w| w.ended) {
            panic!("it ended ({status}), but someone still holds its pipes\n{}", self.described());
        }
        Output {
            status,
            stdout: String::from_utf8_lossy(&self.stdout.so_far()).into_owned(),
            stderr: String::from_utf8_lossy(&self.stderr.so_far()).into_owned(),
            took,
        }
    }

    fn described(&self) -> String {
        let tail = |bytes: Vec<u8>| {
            let start = bytes.len().saturating_sub(4000);
            String::from_utf8_lossy(&bytes[start..]).into_owned()
        };
        format!(
            "command: {}\nstdout:\n{}\nstderr:\n{}",
            self.words.join(" "),
            tail(self.stdout.so_far()),
            tail(self.stderr.so_far())
        )
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Also after its end: descendants may be left, and an id that a group still has is not used again.
        let _ = killpg(Pid::from_raw(self.pid() as i32), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

fn pidfd_open(pid: u32) -> OwnedFd {
    // SAFETY: takes two integers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    assert!(fd >= 0, "pidfd_open: {}", std::io::Error::last_os_error());
    // SAFETY: the kernel just gave it to us.
    unsafe { OwnedFd::from_raw_fd(fd as i32) }
}
