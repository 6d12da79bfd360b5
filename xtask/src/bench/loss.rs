//! Whether anything is lost, and whether it is counted: storms against the count of the program that made them.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};

use super::measure::{Account, Place};
use super::program::{self, number_after};
use crate::Result;

/// How long a run may take.
const LIMIT: Duration = Duration::from_secs(180);
/// How long the reader is stopped.
const STOPPED: Duration = Duration::from_secs(2);

/// A storm, and what makes it hard.
#[derive(Debug, Clone, Copy)]
struct Scenario {
    name: &'static str,
    threads: u64,
    /// Calls, if not as many as were asked for.
    calls: Option<u64>,
    /// Storm and tracer share one CPU.
    pinned: bool,
    /// rstrace is stopped for a while in the midst of it.
    stopped: bool,
    /// The trace goes into a pipe that is read at 10 kB/s until the storm is over and for 5 s more.
    slow_pipe: bool,
}

const PLAIN: Scenario =
    Scenario { name: "8 threads", threads: 8, calls: None, pinned: false, stopped: false, slow_pipe: false };

const SCENARIOS: &[Scenario] = &[
    PLAIN,
    Scenario { name: "64 threads", threads: 64, ..PLAIN },
    Scenario { name: "8 threads, on one CPU", pinned: true, ..PLAIN },
    Scenario { name: "8 threads, rstrace stopped for 2 s", stopped: true, ..PLAIN },
    Scenario { name: "into a pipe read at 10 kB/s", calls: Some(100_000), slow_pipe: true, ..PLAIN },
];

/// Under which options: what they are called in the page, and the words.
const OPTIONS: &[(&str, &[&str])] = &[
    ("--loss never", &["--loss", "never"]),
    ("--loss drop --buffer 4k", &["--loss", "drop", "--buffer", "4k"]),
];
const TRANSPORTS: &[&str] = &["ring", "perf"];

/// What a storm gave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counted {
    made: u64,
    seen: u64,
    delivered: u64,
    lost: u64,
    lines: u64,
    /// Lost calls that the lines tell of.
    told: u64,
    held_back: u64,
}

impl Counted {
    fn is_good(&self, may_lose: bool) -> bool {
        self.seen == self.made
            && self.made == self.delivered + self.lost
            && self.lines == self.delivered
            && self.told == self.lost
            && (may_lose || self.lost == 0)
    }
}

/// All runs.
#[derive(Debug)]
pub struct Loss(Vec<(String, Result<Counted>, bool)>);

impl Loss {
    /// Nothing was lost that may not be, and everything was counted.
    pub fn is_good(&self) -> bool {
        self.0.iter().all(|(_, _, good)| *good)
    }

    /// The table for the page.
    pub fn table(&self) -> String {
        let mut text = String::from(
            "| storm | calls made | seen | delivered | lost | lines | returns held back | exact |\n\
             |---|--:|--:|--:|--:|--:|--:|---|\n",
        );
        for (name, counted, good) in &self.0 {
            let exact = if *good { "yes" } else { "**no**" };
            match counted {
                Ok(c) => text.push_str(&format!(
                    "| {name} | {} | {} | {} | {} | {} | {} | {exact} |\n",
                    c.made, c.seen, c.delivered, c.lost, c.lines, c.held_back
                )),
                Err(error) => {
                    text.push_str(&format!("| {name} | could not run: {error} | | | | | | {exact} |\n"))
                }
            }
        }
        text
    }
}

/// Runs all storms with so many calls each.
pub fn count(place: &Place, calls: u64) -> Loss {
    let mut rows = Vec::new();
    for (options_name, options) in OPTIONS {
        let may_lose = options.contains(&"drop");
        for scenario in SCENARIOS {
            for transport in TRANSPORTS {
                let name = format!("{}, `{options_name} --transport {transport}`", scenario.name);
                eprintln!("xtask: storm of {name}");
                let counted =
                    storm(place, scenario, &[*options, &["--transport", transport][..]].concat(), calls);
                let good = counted.as_ref().is_ok_and(|counted| counted.is_good(may_lose));
                if !good {
                    eprintln!("xtask: that is not exact: {counted:?}");
                }
                rows.push((name, counted, good));
            }
        }
    }
    Loss(rows)
}

fn storm(place: &Place, scenario: &Scenario, options: &[&str], calls: u64) -> Result<Counted> {
    let pipe = format!("{}/pipe", place.scratch);
    let over = format!("{}/over", place.scratch);
    let _ = (std::fs::remove_file(&pipe), std::fs::remove_file(&over));
    mkfifo(pipe.as_str(), Mode::S_IRWXU).map_err(|error| format!("cannot make a pipe: {error}"))?;
    let reader = program::start(&reader(&pipe, &over, scenario.slow_pipe))?;

    let each = (scenario.calls.unwrap_or(calls) / scenario.threads).to_string();
    let mut words: Vec<String> = Vec::new();
    let mut add = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
    if scenario.pinned {
        add(&["taskset", "-c", "0"]);
    }
    add(&[&place.rstrace, "--stats", "-e", "trace=getppid", "-o", &pipe]);
    add(options);
    add(&["--", &format!("{}/call_storm", place.fixtures), &scenario.threads.to_string(), &each]);
    let mut storm = program::start(&words)?;
    storm.end_stdin();
    if scenario.stopped {
        std::thread::sleep(Duration::from_millis(600));
        let pid = Pid::from_raw(storm.pid() as i32);
        let _ = kill(pid, Signal::SIGSTOP);
        std::thread::sleep(STOPPED);
        let _ = kill(pid, Signal::SIGCONT);
    }
    if scenario.slow_pipe {
        storm.until(LIMIT, |storm| storm.stdout().contains("calls ").then_some(()))?;
        std::thread::sleep(Duration::from_secs(5));
        std::fs::write(&over, "").map_err(|error| format!("cannot write {over}: {error}"))?;
    }
    let ended = storm.finish(LIMIT)?.ended_well("rstrace")?;
    let read = reader.finish(LIMIT)?.ended_well("the reader of the pipe")?;
    let account = Account::of(&ended.stderr).ok_or("rstrace gave no account")?;
    Ok(Counted {
        made: ended.number("calls ")? as u64,
        seen: account.seen,
        delivered: account.delivered,
        lost: account.lost,
        lines: read.number("lines ")? as u64,
        told: number_after(&read.stdout, "told ").unwrap_or_default() as u64,
        held_back: account.held_back,
    })
}

/// What reads the trace and counts its lines.
fn reader(pipe: &str, over: &str, slow: bool) -> Vec<String> {
    let count = r#"/getppid\(/ { n++ } /^--- .* lost here/ { lost += $2 } END { print "lines " n+0, "told " lost+0 }"#;
    let slowly = format!("while [ ! -e {over} ]; do head -c 10000; sleep 1; done; ");
    let script = format!("{{ {} cat; }} < {pipe} | awk '{count}'", if slow { &slowly } else { "" });
    ["sh", "-c", &script].map(str::to_owned).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_to_agree() {
        let good = Counted { made: 9, seen: 9, delivered: 7, lost: 2, lines: 7, told: 2, held_back: 0 };
        assert!(good.is_good(true));
        assert!(!good.is_good(false));
        for bad in [
            Counted { seen: 8, ..good },
            Counted { delivered: 6, ..good },
            Counted { lost: 1, ..good },
            Counted { lines: 6, ..good },
            Counted { told: 0, ..good },
        ] {
            assert!(!bad.is_good(true), "{bad:?}");
        }
    }
}
