//! `cargo xtask test`: the checks, the unit tests, and the end-to-end tests here and on the kernel matrix.
//!
//! Every part runs even if an earlier one failed, and the table at the end says what ran, what could not and
//! why. The last line adds up the end-to-end tests of all runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use crate::report::{Counts, Outcome, Part, Report};
use crate::{Result, artifacts, process, setup, uapi, vm};

/// Which stages to run. Without any option: all.
#[derive(Debug, Args)]
pub struct Options {
    /// Leave the virtual machines out
    #[arg(long)]
    no_vm: bool,
    /// Run only this stage
    #[arg(long, conflicts_with = "no_vm")]
    only: Option<Stage>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stage {
    /// Formatting, lints, documentation, licences
    Checks,
    /// Unit and documentation tests
    Unit,
    /// End-to-end tests on this machine's kernel
    Host,
    /// End-to-end tests on the kernels of the matrix
    Vm,
}

/// `cargo xtask test`.
pub fn run(options: &Options) -> Result<ExitCode> {
    let wants =
        |stage| options.only.is_none_or(|only| only == stage) && !(options.no_vm && stage == Stage::Vm);
    let mut report = Report::default();
    let start = Instant::now();
    if let Err(error) = setup::install(&[setup::BUILD, setup::TEST]) {
        report.add(Part::check("set-up", Outcome::Failed(error), start.elapsed()));
    } else {
        if wants(Stage::Checks) {
            checks(&mut report);
        }
        if wants(Stage::Unit) {
            report.add(unit_tests());
        }
        if wants(Stage::Host) {
            report.add(host());
        }
        if wants(Stage::Vm) {
            let start = Instant::now();
            if let Err(error) = vm::all(&mut report) {
                report.add(Part::check("kernels", Outcome::Failed(error), start.elapsed()));
            }
        } else if options.no_vm {
            report.add(Part::check("kernels", Outcome::Skipped("--no-vm".into()), Duration::ZERO));
        }
    }
    report.print();
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn checks(report: &mut Report) {
    let fmt = ["fmt", "--all", "--check"];
    report.add(cargo_check("cargo fmt", "rustup component add rustfmt", &fmt));
    let clippy =
        ["clippy", "--quiet", "--release", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    report.add(cargo_check("cargo clippy", "rustup component add clippy", &clippy));
    report.add(check("cargo doc", || {
        let mut doc = process::cargo();
        // the profile of the check before, whose dependencies serve here too
        doc.args(["doc", "--quiet", "--release", "--workspace", "--no-deps"])
            .env("RUSTDOCFLAGS", "-Dwarnings");
        Ok(doc)
    }));
    // Licences and sources only: known vulnerabilities would need the network and change without us.
    let deny = ["deny", "check", "licenses", "bans", "sources"];
    report.add(cargo_check("cargo deny", "cargo install cargo-deny", &deny));
    report.add(check("clang-format", clang_format));
    report.add(check("cargo xtask uapi --check", uapi_check));
    report.add(check("cargo xtask man --check", || itself(&["man", "--check"])));
}

/// Runs the command that `prepare` gives, or says why there is none.
fn check(name: &str, prepare: impl FnOnce() -> Result<Command>) -> Part {
    eprintln!("xtask: {name}");
    let start = Instant::now();
    let outcome = match prepare() {
        Ok(mut command) => process::run(&mut command).map_or_else(Outcome::Failed, |()| Outcome::Passed),
        Err(why) => Outcome::Skipped(why),
    };
    Part::check(name, outcome, start.elapsed())
}

/// A cargo subcommand that may not be installed.
fn cargo_check(name: &str, install: &str, args: &[&str]) -> Part {
    check(name, || {
        process::output(process::cargo().args([args[0], "--version"]))
            .map_err(|_| format!("{name} is not installed: {install}"))?;
        let mut command = process::cargo();
        command.args(args);
        Ok(command)
    })
}

fn clang_format() -> Result<Command> {
    if process::find("clang-format").is_none() {
        return Err("clang-format is not installed".into());
    }
    let mut sources: Vec<PathBuf> = fs::read_dir(process::top().join("probes-bpf/src/bpf"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "c" || extension == "h"))
        .collect();
    if sources.is_empty() {
        return Err("there are no C files in probes-bpf/src/bpf".into());
    }
    sources.sort();
    let mut command = Command::new("clang-format");
    command.args(["--dry-run", "--Werror"]).args(sources);
    Ok(command)
}

fn uapi_check() -> Result<Command> {
    uapi::cached()?;
    itself(&["uapi", "--check"])
}

/// A process of its own, like the other checks.
fn itself(args: &[&str]) -> Result<Command> {
    let own = std::env::current_exe().map_err(|error| format!("cannot find xtask itself: {error}"))?;
    let mut command = Command::new(own);
    command.args(args);
    Ok(command)
}

/// How long decoders are tried on records that are others in each run.
const FUZZ_SECONDS: &str = "60";

fn unit_tests() -> Part {
    eprintln!("xtask: unit tests");
    let mut command = process::cargo();
    command.args(["test", "--release", "--workspace", "--exclude", "rstrace-tests", "--no-fail-fast"]);
    command.env("RSTRACE_FUZZ_SECONDS", FUZZ_SECONDS);
    watched("unit and doc tests", &mut command, false)
}

/// The end-to-end tests on the kernel that runs here.
fn host() -> Part {
    const NAME: &str = "this kernel";
    eprintln!("xtask: end-to-end tests on this kernel");
    let start = Instant::now();
    if let Some(why) = refusal() {
        return Part::check(NAME, Outcome::Skipped(why), start.elapsed());
    }
    let built = artifacts::rstrace().and_then(|rstrace| Ok((rstrace, artifacts::tests()?)));
    let (rstrace, tests) = match built {
        Ok(built) => built,
        Err(error) => return Part::check(NAME, Outcome::Failed(error), start.elapsed()),
    };
    // The test binary itself, because all of it needs root and cargo should not run as root. The variables go
    // through env: sudo passes none on.
    let mut command = process::as_root("env");
    command.arg(variable("RSTRACE_BIN", &rstrace));
    if let Some(fixtures) = &tests.fixtures {
        command.arg(variable("RSTRACE_FIXTURES", fixtures));
    }
    command.arg(&tests.e2e).current_dir(process::top().join("tests"));
    watched(NAME, &mut command, true)
}

fn variable(name: &str, path: &Path) -> std::ffi::OsString {
    let mut text = std::ffi::OsString::from(name);
    text.push("=");
    text.push(path);
    text
}

/// Why nothing can be traced here, whatever the kernel offers.
fn refusal() -> Option<String> {
    if !process::is_root() {
        return process::find("sudo").is_none().then(|| "tracing needs root and there is no sudo".into());
    }
    // capability.h: CAP_SYS_ADMIN is bit 21. A container's root often lacks it.
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    let has_admin = u64::from_str_radix(effective.trim(), 16).ok()? >> 21 & 1 == 1;
    (!has_admin).then(|| "root lacks CAP_SYS_ADMIN here: run outside of the container".into())
}

fn watched(name: &str, command: &mut Command, is_end_to_end: bool) -> Part {
    let start = Instant::now();
    let mut counts = Counts::default();
    let mut results = 0;
    let ended = process::watch(command, |line| results += u32::from(counts.add_line(line)));
    let outcome = match ended {
        Ok(true) if counts.ran() > 0 || !is_end_to_end => Outcome::Passed,
        Ok(true) => Outcome::Failed("no test ran".into()),
        Ok(false) => Outcome::Failed("see above".into()),
        Err(error) => Outcome::Failed(error),
    };
    let tests = (results > 0).then_some(counts);
    Part { name: name.into(), outcome, tests, is_end_to_end, took: start.elapsed() }
}
