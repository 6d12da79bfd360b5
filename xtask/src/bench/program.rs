//! Programs under a time limit, each in a process group of its own: whatever it started ends with it.

use std::collections::BTreeSet;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal, killpg};
use nix::unistd::Pid;

use crate::Result;

/// The groups that run, to be killed when the bench is interrupted.
static GROUPS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on an interruption kills what runs before it ends the bench. Called before there are threads.
pub fn kill_all_when_interrupted() -> Result<()> {
    let signals: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
    signals.thread_block().map_err(|error| format!("cannot block signals: {error}"))?;
    std::thread::spawn(move || {
        let signal = signals.wait().unwrap_or(Signal::SIGTERM);
        for group in lock(&GROUPS).iter() {
            let _ = killpg(Pid::from_raw(*group), Signal::SIGKILL);
        }
        eprintln!("xtask: interrupted by {signal}");
        std::process::exit(128 + signal as i32);
    });
    Ok(())
}

/// A program that runs. Dropped, it is killed with its group.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    output: [Collected; 2],
    readers: Vec<JoinHandle<()>>,
    started: Instant,
}

/// A program that has ended.
#[derive(Debug)]
pub struct Finished {
    /// From its start to its end.
    pub took: Duration,
    /// How it ended.
    pub status: ExitStatus,
    /// What it and what it started wrote to standard output.
    pub stdout: String,
    /// What they wrote to standard error.
    pub stderr: String,
}

type Collected = Arc<Mutex<Vec<u8>>>;

/// Starts a program with a pipe for standard input.
pub fn start(words: &[String]) -> Result<Running> {
    let started = Instant::now();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).env_remove("LD_LIBRARY_PATH").process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // SAFETY: changing the mask is a bare system call; nothing else happens between fork and exec.
    unsafe {
        // what the bench has blocked is not blocked for what it measures
        command.pre_exec(|| Ok(SigSet::empty().thread_set_mask()?));
    }
    let mut child = command.spawn().map_err(|error| format!("{} cannot be started: {error}", words[0]))?;
    lock(&GROUPS).insert(child.id() as i32);
    let (stdout, mut readers) = (child.stdout.take().expect("a pipe"), Vec::new());
    let stderr = child.stderr.take().expect("a pipe");
    let output = [Collected::default(), Collected::default()];
    readers.push(collect(stdout, Arc::clone(&output[0])));
    readers.push(collect(stderr, Arc::clone(&output[1])));
    let stdin = child.stdin.take();
    let name = words[0].rsplit('/').next().unwrap_or_default().to_owned();
    Ok(Running { name, child, stdin, output, readers, started })
}

/// Runs a program to its end, which must come within the limit and be a success.
pub fn run(words: &[String], limit: Duration) -> Result<Finished> {
    let mut running = start(words)?;
    running.end_stdin();
    running.finish(limit)?.ended_well(&words[0])
}

fn collect(mut pipe: impl Read + Send + 'static, into: Collected) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = [0; 1 << 16];
        while let Ok(count) = pipe.read(&mut buffer) {
            if count == 0 {
                return;
            }
            lock(&into).extend_from_slice(&buffer[..count]);
        }
    })
}

impl Running {
    /// Its process id, which is its group's too.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends its standard input.
    pub fn end_stdin(&mut self) {
        self.stdin = None;
    }

    /// What it has written to standard output so far.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&lock(&self.output[0])).into_owned()
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_none())
    }

    /// Sends a signal to it and all that it started.
    pub fn signal_group(&self, signal: Signal) {
        let _ = killpg(Pid::from_raw(self.pid() as i32), signal);
    }

    /// Asks again and again until there is an answer; an error if it has ended or the limit has passed.
    pub fn until<T>(&mut self, limit: Duration, mut ask: impl FnMut(&mut Self) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + limit;
        loop {
            let running = self.is_running();
            if let Some(answer) = ask(self) {
                return Ok(answer);
            }
            if !running || Instant::now() > deadline {
                let what = if running { "is not ready" } else { "ended at once" };
                return Err(format!("{} {what}: {}", self.name, last_line(&lock(&self.output[1]))));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits for its end. What it has started and left behind is killed.
    pub fn finish(mut self, limit: Duration) -> Result<Finished> {
        let (ended, watch) = mpsc::channel::<()>();
        let group = Pid::from_raw(self.pid() as i32);
        let watchdog = std::thread::spawn(move || {
            let late = watch.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
            if late {
                let _ = killpg(group, Signal::SIGKILL);
            }
            late
        });
        let status = self.child.wait().map_err(|error| format!("cannot wait for {}: {error}", self.name))?;
        let took = self.started.elapsed();
        drop(ended);
        let late = watchdog.join().unwrap_or(false);
        self.signal_group(Signal::SIGKILL);
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        if late {
            return Err(format!("{} did not end within {} s", self.name, limit.as_secs()));
        }
        let text = |output: &Collected| String::from_utf8_lossy(&lock(output)).into_owned();
        Ok(Finished { took, status, stdout: text(&self.output[0]), stderr: text(&self.output[1]) })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signal_group(Signal::SIGKILL);
        let _ = self.child.wait();
        lock(&GROUPS).remove(&(self.pid() as i32));
    }
}

impl Finished {
    /// An error if it did not end with 0.
    pub fn ended_well(self, name: &str) -> Result<Self> {
        if self.status.success() {
            return Ok(self);
        }
        let how = match self.status.signal() {
            Some(signal) => format!("was ended by signal {signal}"),
            None => format!("ended with {}", self.status.code().unwrap_or_default()),
        };
        let name = name.rsplit('/').next().unwrap_or_default();
        Err(format!("{name} {how}: {}", last_line(self.stderr.as_bytes())))
    }

    /// The number that stands after this text on standard output.
    pub fn number(&self, mark: &str) -> Result<f64> {
        number_after(&self.stdout, mark).ok_or_else(|| format!("no number after {mark:?} in what it printed"))
    }
}

/// The number that directly follows a text.
pub fn number_after(text: &str, mark: &str) -> Option<f64> {
    let rest = text.split_once(mark)?.1.trim_start();
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    rest[..end].parse().ok()
}

fn last_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    last.trim().chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split('|').map(str::to_owned).collect()
    }

    #[test]
    fn a_program_that_goes_on_too_long_is_killed_with_what_it_started() {
        let start = Instant::now();
        let error = run(&words("sh|-c|sleep 60 & sleep 60"), Duration::from_millis(100)).unwrap_err();
        assert!(error.contains("did not end within"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_failure_is_told_by_its_last_words() {
        let error = run(&words("sh|-c|echo no; echo why >&2; exit 3"), Duration::from_secs(20)).unwrap_err();
        assert_eq!(error, "sh ended with 3: why");
    }

    #[test]
    fn numbers_stand_after_their_word() {
        assert_eq!(number_after("x ns-per-call 12.5\ny", "ns-per-call"), Some(12.5));
        assert_eq!(number_after("\"GET\",\"99.5\",", "\"GET\",\""), Some(99.5));
        assert_eq!(number_after("nothing", "ns-per-call"), None);
    }
}
