//! The end-to-end tests on stock kernels in qemu: 5.10, 6.1, 6.12 and 7.2, the newer ones preemptible too.
//!
//! Emulated without KVM, so this shows behaviour, never timings. A machine says by a line on its console how it
//! ended; qemu's exit status says nothing. A machine for each processor at a time.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use crate::apt::Missing;
use crate::kernels::{Kernel, Series};
use crate::report::{Counts, Outcome, Part, Report};
use crate::{Result, artifacts, initramfs, kernels, setup};

/// Which machines to boot, and for what. Without any option: the whole matrix, all tests.
#[derive(Debug, Default, Args)]
pub struct Options {
    /// Boot only this kernel
    #[arg(long, value_parser = ["5.10", "6.1", "6.12", "7.2"])]
    kernel: Option<String>,
    /// Boot only with this preemption mode
    #[arg(long)]
    preempt: Option<Preempt>,
    /// Trace function pairs by this backend
    #[arg(long, default_value = "auto", value_parser = ["auto", "kprobe", "fentry", "tracepoint"])]
    backend: Option<String>,
    /// Run only the tests whose names contain this
    #[arg(long, value_name = "TESTNAME")]
    filter: Option<String>,
    /// Run this shell command instead of the tests and show the console
    #[arg(long, value_name = "CMD", conflicts_with = "filter")]
    shell: Option<String>,
    /// Give up on a machine after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 1500)]
    timeout: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Preempt {
    /// What the kernel was built with
    Default,
    /// preempt=full
    Full,
}

/// What every machine of one call has in common.
struct Bench<'a> {
    options: &'a Options,
    rstrace: PathBuf,
    tests: Option<artifacts::Tests>,
    /// For logs and archives: `target/vm`.
    directory: PathBuf,
}

/// `cargo xtask vm`.
pub fn run(options: &Options) -> Result<ExitCode> {
    setup::install(&[setup::BUILD, setup::TEST])?;
    let mut report = Report::default();
    matrix(options, &mut report)?;
    if options.shell.is_none() {
        report.print();
    }
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The whole matrix, for `cargo xtask test`.
pub fn all(report: &mut Report) -> Result<()> {
    matrix(&Options { timeout: 1500, ..Options::default() }, report)
}

fn matrix(options: &Options, report: &mut Report) -> Result<()> {
    let selected = selection(options);
    if selected.is_empty() {
        return Err("5.10 cannot boot with preempt=full: leave out --preempt".into());
    }
    if !cfg!(target_arch = "x86_64") {
        let outcome = Outcome::Skipped("the programs under test and the kernels must both be x86-64".into());
        report.add(Part::check("kernels", outcome, Duration::ZERO));
        return Ok(());
    }
    let rstrace = artifacts::rstrace()?;
    let tests = match artifacts::tests() {
        Ok(tests) => Some(tests),
        // By hand, rstrace alone is still worth booting.
        Err(error) if options.shell.is_some() => {
            eprintln!("xtask: without tests and fixtures: {error}");
            None
        }
        Err(error) => return Err(error),
    };
    let directory = artifacts::target_directory()?.join("vm");
    std::fs::create_dir_all(&directory)
        .map_err(|error| format!("cannot create {}: {error}", directory.display()))?;
    let bench = Bench { options, rstrace, tests, directory };
    bench.machines(&selected).into_iter().for_each(|part| report.add(part));
    Ok(())
}

fn selection(options: &Options) -> Vec<(&'static Series, Preempt)> {
    let mut selected = Vec::new();
    for series in kernels::ALL {
        for preempt in [Preempt::Default, Preempt::Full] {
            let wanted = options.kernel.as_deref().is_none_or(|kernel| kernel == series.name)
                && options.preempt.is_none_or(|wanted| wanted == preempt)
                && (preempt == Preempt::Default || series.preempt_full)
                // A command by hand runs once on each kernel, unless told otherwise.
                && (options.shell.is_none() || options.preempt.is_some() || preempt == Preempt::Default);
            if wanted {
                selected.push((series, preempt));
            }
        }
    }
    selected
}

/// How a machine ended, from its console.
#[derive(Debug, Default)]
struct Console {
    tests: Counts,
    tested: bool,
    status: Option<i32>,
    timed_out: bool,
    /// The first line by which the kernel says that it is broken.
    complaint: Option<String>,
    /// Programs, each with how many instructions the verifier walked through.
    verified: Vec<String>,
}

impl Console {
    fn see(&mut self, line: &str) {
        self.tested |= self.tests.add_line(line);
        if let Some((_, status)) = line.split_once("RSTRACE-VM-RESULT status=") {
            self.status = status.trim().parse().ok();
        }
        self.verified.extend(line.split_once("VERIFIED ").map(|(_, program)| program.to_owned()));
        // /init repeats what the kernel's log holds, since warnings do not reach a quiet console.
        let logged = line.split_once("RSTRACE-VM-KERNEL ").map(|(_, logged)| logged);
        let fatal = ["BUG: ", "Oops: ", "Kernel panic", "general protection fault"];
        // An emulated processor may well be stuck for a while, that is no fault of the kernel.
        let is_fatal = line.starts_with('[')
            && fatal.iter().any(|sign| line.contains(sign))
            && !line.contains("soft lockup");
        if (is_fatal || logged.is_some()) && self.complaint.is_none() {
            self.complaint = Some(logged.unwrap_or(line).into());
        }
    }
}

/// The tests of what hooks see and how they are attached. On kernels between the oldest and the newest, and where a
/// kernel is made preemptible, only these are run: the others hold on both sides of it.
const OF_HOOKS: [&str; 6] =
    ["backends::", "hard_calls::", "ledger::", "library::", "loading::", "lossless::"];

impl Bench<'_> {
    /// Boots them, a machine for each processor of this one at a time: an emulator keeps one busy.
    fn machines(&self, selected: &[(&'static Series, Preempt)]) -> Vec<Part> {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let at_once = if self.options.shell.is_some() { 1 } else { processors };
        // the long runs first, so that none is left to itself at the end
        let mut order: Vec<usize> = (0..selected.len()).collect();
        order.sort_by_key(|index| {
            let (series, preempt) = selected[*index];
            !(series.is_outermost() && preempt == Preempt::Default)
        });
        let next = AtomicUsize::new(0);
        let parts: Vec<_> = selected.iter().map(|_| OnceLock::new()).collect();
        std::thread::scope(|scope| {
            for _ in 0..at_once.min(selected.len()) {
                scope.spawn(|| {
                    while let Some(index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let (series, preempt) = selected[*index];
                        let _ = parts[*index].set(self.machine(series, preempt));
                    }
                });
            }
        });
        parts.into_iter().filter_map(OnceLock::into_inner).collect()
    }

    fn machine(&self, series: &Series, preempt: Preempt) -> Part {
        let mut name = format!("kernel {}", series.name);
        if preempt == Preempt::Full {
            name.push_str(" preempt=full");
        }
        if let Some(backend) = self.backend() {
            name.push(' ');
            name.push_str(backend);
        }
        let start = Instant::now();
        // two machines may be of one kernel, and apt has one lock
        static FETCHING: Mutex<()> = Mutex::new(());
        let fetching = FETCHING.lock().unwrap_or_else(PoisonError::into_inner);
        let got = kernels::get(series);
        drop(fetching);
        let kernel = match got {
            Ok(kernel) => kernel,
            Err(missing) => {
                let (Missing::Unavailable(why) | Missing::Broken(why)) = &missing;
                eprintln!("xtask: {name} cannot be booted: {why}");
                let outcome = match missing {
                    Missing::Unavailable(why) => Outcome::Skipped(why),
                    Missing::Broken(why) => Outcome::Failed(why),
                };
                return Part::check(&name, outcome, start.elapsed());
            }
        };
        let start = Instant::now();
        eprintln!("xtask: {name} ({})", kernel.version);
        let log = self.directory.join(format!("{}.log", name.replace([' ', '='], "-")));
        let (outcome, tests) = match self.boot(series, preempt, &kernel, &log) {
            Ok((outcome, console)) => {
                if !console.verified.is_empty() {
                    let programs = console.verified.join(", ");
                    eprintln!("xtask: {name}: instructions that the verifier walked through: {programs}");
                }
                (outcome, console.tested.then_some(console.tests))
            }
            Err(error) => (Outcome::Failed(error), None),
        };
        match &outcome {
            Outcome::Failed(why) if self.options.shell.is_none() => {
                eprintln!("xtask: {name}: {why}; the end of {}:", log.display());
                print_tail(&log);
            }
            // The console has been shown.
            Outcome::Failed(why) => eprintln!("xtask: {name}: {why}"),
            Outcome::Passed | Outcome::Skipped(_) => {}
        }
        Part { name, outcome, tests, is_end_to_end: true, took: start.elapsed() }
    }

    fn backend(&self) -> Option<&str> {
        self.options.backend.as_deref().filter(|backend| *backend != "auto")
    }

    fn environment(&self, series: &Series) -> String {
        let mut text = format!(
            "export PATH=/bin HOME=/root USER=root LC_ALL=C.UTF-8 RUST_BACKTRACE=1\n\
             export RSTRACE_BIN=/bin/rstrace RSTRACE_FIXTURES=/fixtures RSTRACE_VM=1 RSTRACE_KERNEL={}\n",
            series.name
        );
        if let Some(backend) = self.backend() {
            text.push_str(&format!("export RSTRACE_BACKEND={backend}\n"));
        }
        text
    }

    fn command(&self, series: &Series, preempt: Preempt) -> String {
        if let Some(command) = &self.options.shell {
            return format!("{command}\n");
        }
        // One at a time: emulated processors are slow enough.
        let filter = self.options.filter.as_deref().unwrap_or_default().replace('\'', "'\\''");
        let modules = match preempt {
            Preempt::Default if series.is_outermost() => String::new(),
            _ if filter.is_empty() => OF_HOOKS.join(" "),
            _ => String::new(),
        };
        format!("e2e --test-threads=1 '{filter}' {modules}\n").replace("'' ", "")
    }

    fn boot(
        &self,
        series: &Series,
        preempt: Preempt,
        kernel: &Kernel,
        log: &Path,
    ) -> Result<(Outcome, Console)> {
        let archive = log.with_extension("cpio");
        let tests = self.tests.as_ref();
        initramfs::write(
            &archive,
            &initramfs::Contents {
                rstrace: &self.rstrace,
                e2e: tests.map(|tests| tests.e2e.as_path()),
                fixtures: tests.and_then(|tests| tests.fixtures.as_deref()),
                environment: &self.environment(series),
                command: &self.command(series, preempt),
            },
        )?;
        let mut command_line = "console=ttyS0 quiet panic=-1".to_string();
        if preempt == Preempt::Full {
            command_line.push_str(" preempt=full");
        }
        let mut qemu = Command::new("qemu-system-x86_64");
        // Both processors in one thread: with one thread each, qemu 7.2 at times runs a stale translation of an
        // instruction that the kernel is patching, and attaching a probe patches many ("Oops: int3").
        // Without cmpxchg16b, which a kernel can do without: after it qemu 7.2 at times has the wrong flags
        // ("double fault" in kmalloc).
        qemu.args([
            "-accel",
            "tcg,thread=single",
            "-cpu",
            "max,-cx16",
            "-m",
            "2048",
            "-smp",
            "2",
            "-no-reboot",
        ]);
        qemu.args(["-nodefaults", "-display", "none", "-serial", "stdio", "-append", &command_line]);
        qemu.arg("-kernel").arg(&kernel.vmlinuz).arg("-initrd").arg(&archive);
        let console = self.watch(&mut qemu, log);
        // Tens of megabytes that the next run writes anew.
        let _ = std::fs::remove_file(&archive);
        let console = console?;
        let outcome = match (&console.complaint, console.status) {
            (Some(line), _) => Outcome::Failed(format!("the kernel complained: {line}")),
            (None, None) if console.timed_out => {
                Outcome::Failed(format!("no result within {} s", self.options.timeout))
            }
            (None, None) => Outcome::Failed("the machine ended without a result".into()),
            (None, Some(0)) if console.tests.ran() > 0 || self.options.shell.is_some() => Outcome::Passed,
            (None, Some(0)) => Outcome::Failed("no test ran".into()),
            (None, Some(status)) => Outcome::Failed(format!("exit status {status}")),
        };
        Ok((outcome, console))
    }

    /// Runs qemu to its end or the time limit and reads the console, which goes to `log` too.
    fn watch(&self, qemu: &mut Command, log: &Path) -> Result<Console> {
        let mut to = File::create(log).map_err(|error| format!("cannot write {}: {error}", log.display()))?;
        let mut child = qemu
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start qemu-system-x86_64: {error}"))?;
        let mut from = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let (sender, lines) = mpsc::channel();
        let reader = std::thread::spawn(move || {
            let mut line = Vec::new();
            while from.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                let text = clean(&String::from_utf8_lossy(&line));
                line.clear();
                if sender.send(text).is_err() {
                    break;
                }
            }
        });
        let end = Instant::now() + Duration::from_secs(self.options.timeout);
        let mut console = Console::default();
        loop {
            match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    console.see(&line);
                    let _ = writeln!(to, "{line}");
                    if self.options.shell.is_some() {
                        println!("{line}");
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    let _ = writeln!(to, "xtask: stopped after {} s", self.options.timeout);
                    console.timed_out = true;
                    let _ = child.kill();
                    break;
                }
            }
        }
        let _ = child.wait();
        drop(lines);
        let _ = reader.join();
        Ok(console)
    }
}

/// A line of a serial console without its carriage return and the firmware's escape sequences.
fn clean(line: &str) -> String {
    let mut text = String::new();
    let mut characters = line.trim_end_matches(['\r', '\n']).chars();
    while let Some(character) = characters.next() {
        if character == '\x1b' {
            // CSI: parameters up to a letter; others: one character.
            if characters.next() == Some('[') {
                characters.by_ref().find(|character| character.is_ascii_alphabetic());
            }
        } else {
            text.push(character);
        }
    }
    text
}

fn print_tail(log: &Path) {
    const LINES: usize = 40;
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    for line in &lines[lines.len().saturating_sub(LINES)..] {
        eprintln!("    {line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matrix_has_seven_machines() {
        assert_eq!(selection(&Options::default()).len(), 7);
    }

    #[test]
    fn a_command_by_hand_runs_once_on_a_kernel() {
        let options =
            Options { kernel: Some("6.12".into()), shell: Some("true".into()), ..Options::default() };
        assert_eq!(selection(&options).len(), 1);
    }

    #[test]
    fn a_result_is_read_from_the_console() {
        let mut console = Console::default();
        console.see(&clean("\x1b[2J\x1bctest result: ok. 5 passed; 0 failed; 1 ignored; 0 measured\r\n"));
        console.see("RSTRACE-VM-RESULT status=0");
        assert_eq!(console.status, Some(0));
        assert_eq!(console.tests, Counts { passed: 5, failed: 0, skipped: 1 });
        assert!(console.complaint.is_none());
    }

    #[test]
    fn a_broken_kernel_is_noticed() {
        let mut console = Console::default();
        console.see("[    4.2] BUG: kernel NULL pointer dereference, address: 0");
        assert!(console.complaint.is_some());
    }
}
