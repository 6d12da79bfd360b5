//! One run of a workload under a variant, and its result.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::program::{self, Finished, Running, number_after};
use super::variants::{RSTRACE_STOPPED, Variant, Words};
use super::workloads::{Method, Workload};
use crate::Result;

/// How long one run may take; the longest take some ten seconds.
const LIMIT: Duration = Duration::from_secs(90);
/// How long something may take to be ready.
const READY: Duration = Duration::from_secs(20);

/// How long after its start a storm is under way.
const RUNS: Duration = Duration::from_millis(600);
/// How long a storm takes to fill half of a buffer that is not read.
const FULL: Duration = Duration::from_millis(500);

/// Where everything is that runs need.
#[derive(Debug)]
pub struct Place {
    /// The `rstrace` command.
    pub rstrace: String,
    /// The program that attaches empty programs.
    pub floor: String,
    /// The folder of the fixtures.
    pub fixtures: String,
    /// A folder to write to.
    pub scratch: String,
    /// Where servers listen.
    pub port: u16,
}

/// What a run gave.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Nanoseconds for one count of the workload, or bytes.
    pub value: f64,
    /// Calls that rstrace saw, for one count.
    pub calls: Option<f64>,
}

impl Place {
    fn words(&self, words: &[&str], count: u64) -> Vec<String> {
        let (count, port) = (count.to_string(), self.port.to_string());
        let replaced = words.iter().map(|word| {
            word.replace("{fixtures}", &self.fixtures)
                .replace("{scratch}", &self.scratch)
                .replace("{count}", &count)
                .replace("{port}", &port)
        });
        replaced.collect()
    }

    /// Runs a workload so many counts long.
    pub fn measure(&self, workload: &Workload, variant: &Variant, count: u64) -> Result<Measured> {
        let file = format!("{}/trace", self.scratch);
        let words = Words {
            rstrace: &self.rstrace,
            floor: &self.floor,
            file: workload.output.unwrap_or(&file),
            follow: workload.follow,
        };
        let command = variant.command(&words, &self.words(workload.command, count));
        let (value, counts, ended) = match workload.method {
            Method::Prints | Method::Counted(_) => {
                let ended = program::run(&command, LIMIT)?;
                if let Method::Counted(name) = workload.method
                    && variant.counts()
                {
                    let table = std::fs::read_to_string(words.file).unwrap_or_default();
                    match counted(&table, name) {
                        Some(calls) if calls == count => {}
                        calls => return Err(format!("it counted {calls:?} of {count} calls")),
                    }
                }
                (ended.number("ns-per-call")?, count as f64, ended)
            }
            Method::Wall => {
                let ended = program::run(&command, LIMIT)?;
                (ended.took.as_secs_f64() * 1e9 / count as f64, count as f64, ended)
            }
            Method::Served(client, mark) => self.served(&command, &self.words(client, count), mark)?,
            Method::Beside(other) => {
                let mut waiting = waits(&command)?;
                let other = program::run(&self.words(other, count), LIMIT)?;
                waiting.end_stdin();
                (other.number("ns-per-call")?, count as f64, waiting.finish(LIMIT)?)
            }
            Method::Memory => {
                let mut waiting = waits(&command)?;
                let bytes = peak_memory(waiting.pid())?;
                waiting.end_stdin();
                (bytes, 1.0, waiting.finish(LIMIT)?)
            }
            Method::Latency(words, mark) => {
                let storm = program::start(&command)?;
                std::thread::sleep(RUNS);
                let tracer = Pid::from_raw(storm.pid() as i32);
                if variant.name == RSTRACE_STOPPED {
                    let _ = kill(tracer, Signal::SIGSTOP);
                    std::thread::sleep(FULL);
                }
                let late = program::run(&self.words(words, count), LIMIT)?;
                let _ = kill(tracer, Signal::SIGCONT);
                storm.signal_group(Signal::SIGTERM);
                (late.number(mark)? * 1e3, 1.0, storm.finish(LIMIT)?)
            }
        };
        let account = Account::of(&ended.stderr);
        if let Some(Account { lost: 1.., .. }) = account {
            return Err(format!("it lost calls:\n{}", ended.stderr.trim()));
        }
        Ok(Measured { value, calls: account.map(|account| account.seen as f64 / counts) })
    }

    /// Nanoseconds for a request, and how many there were.
    fn served(&self, server: &[String], client: &[String], mark: &str) -> Result<(f64, f64, Finished)> {
        let mut server = program::start(server)?;
        let port = self.port;
        server.until(READY, |_| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok())?;
        let client = program::run(client, LIMIT)?;
        let rate = client.number(mark)?;
        server.signal_group(Signal::SIGTERM);
        let ended = server.finish(LIMIT)?;
        Ok((1e9 / rate, rate * client.took.as_secs_f64(), ended))
    }
}

/// How many calls of a name there were by a table of them, none of which failed.
fn counted(table: &str, name: &str) -> Option<u64> {
    let row = table.lines().map(str::split_whitespace).find(|row| row.clone().next_back() == Some(name))?;
    row.rev().nth(1)?.parse().ok()
}

/// A port that nobody listens on.
pub fn free_port() -> Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| format!("no port of 127.0.0.1 is free: {error}"))
}

/// Starts the fixture that waits for its standard input, and waits until it does.
fn waits(command: &[String]) -> Result<Running> {
    let mut waiting = program::start(command)?;
    waiting.until(READY, |waiting| waiting.stdout().contains("pid ").then_some(()))?;
    Ok(waiting)
}

/// The most memory that a process has had so far, less what it shares with the kernel: a buffer's pages are
/// the kernel's, and their size is an option.
fn peak_memory(pid: u32) -> Result<f64> {
    let read = |name: &str| {
        std::fs::read_to_string(format!("/proc/{pid}/{name}"))
            .map_err(|error| format!("cannot read /proc/{pid}/{name}: {error}"))
    };
    let peak = number_after(&read("status")?, "VmHWM:").ok_or("no VmHWM of the tracer")?;
    Ok((peak - shared_with_the_kernel(&read("smaps")?)) * 1024.0)
}

/// The resident kilobytes of ring and perf buffers.
fn shared_with_the_kernel(smaps: &str) -> f64 {
    let mut is_buffer = false;
    let mut sum = 0.0;
    for line in smaps.lines() {
        if let Some(size) = line.strip_prefix("Rss:") {
            sum += if is_buffer { number_after(size, "").unwrap_or(0.0) } else { 0.0 };
        } else if line.split_once(' ').is_some_and(|(range, _)| range.contains('-')) {
            is_buffer = line.contains("anon_inode:bpf-map") || line.contains("anon_inode:[perf_event]");
        }
    }
    sum
}

/// What `rstrace --stats` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// Calls that were made.
    pub seen: u64,
    /// Calls that came out.
    pub delivered: u64,
    /// Calls that did not, less those that were under way at the end.
    pub lost: u64,
    /// Returns that were held back.
    pub held_back: u64,
    /// Bytes of records that waited in a file.
    pub spilled: u64,
}

impl Account {
    /// Reads it from what rstrace wrote to standard error; `None` if it is not there.
    pub fn of(stderr: &str) -> Option<Self> {
        let number = |mark: &str| number_after(stderr, mark).map(|number| number as u64);
        let lost = number(" + lost ")?;
        Some(Self {
            seen: number("rstrace: seen ")?,
            delivered: number(" = delivered ")?,
            lost: lost.saturating_sub(number("ended within ")?),
            held_back: number("to lose none: ").unwrap_or(0),
            spilled: number(" s in all, ").unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_says_how_many_calls_there_were() {
        let table = " 99.00    1.5    0   10000000           getppid\n  1.00    0.1   49   1  1 access\n";
        assert_eq!(counted(table, "getppid"), Some(10_000_000));
        assert_eq!(counted("10000000 getppid\n", "getppid"), Some(10_000_000));
        assert_eq!(counted(table, "getpid"), None);
    }

    #[test]
    fn the_account_is_read() {
        let stderr = "rstrace: seen 12 = delivered 9 + lost 3\nrstrace: delivered 9 = complete 9 + incomplete 0\n\
                      rstrace: lost: buffer full 2, in-flight full 0, ended within 1; recursion 0\n\
                      rstrace: to lose none: 5 returns held back for 0.100 s in all, 7 bytes of records kept in a file\n";
        let account = Account { seen: 12, delivered: 9, lost: 2, held_back: 5, spilled: 7 };
        assert_eq!(Account::of(stderr), Some(account));
        assert_eq!(Account::of("strace: x\n"), None);
    }

    #[test]
    fn buffers_are_no_memory_of_the_tracer() {
        let smaps = "7f00-7f01 rw-s 00000000 00:0e 10   anon_inode:bpf-map\nSize: 64 kB\nRss:  40 kB\n\
                     7f02-7f03 rw-p 00000000 00:00 0    [heap]\nRss:  100 kB\n\
                     7f04-7f05 rw-s 00000000 00:0e 10   anon_inode:[perf_event]\nRss:   2 kB\n";
        assert_eq!(shared_with_the_kernel(smaps), 42.0);
    }
}
