//! Everything around the build, as `cargo xtask run|test|vm|bench|diff|uapi|man`.
//!
//! Each command first installs the Debian packages that it needs and that are missing (see
//! `setup.rs`), then does one thing. Nothing of this is shipped: users get the `rstrace` command only.

mod apt;
mod artifacts;
mod bench;
mod diff;
mod headers;
mod initramfs;
mod kernels;
mod man;
mod process;
mod report;
mod run;
mod setup;
mod sources;
mod test;
mod uapi;
mod vm;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// An error is one line for the user: what failed and what to do about it.
type Result<T> = std::result::Result<T, String>;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Build, run and test rstrace")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build rstrace and run it; everything after `run` is for rstrace
    #[command(disable_help_flag = true)]
    Run {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Check the code, run all tests here and on the kernels of the matrix
    Test(test::Options),
    /// Run the end-to-end tests, or a command, on stock kernels in virtual machines
    Vm(vm::Options),
    /// Measure what tracing costs and update docs/src/performance.md
    Bench(bench::Options),
    /// Hold rstrace's trace of real programs against strace's of the same run
    Diff(diff::Options),
    /// Write the constants in rstrace-probes/src/uapi anew, from the newest Linux headers
    Uapi(uapi::Options),
    /// Write the options into the manual pages in docs/man
    Man(man::Options),
}

fn main() -> ExitCode {
    let mut args: Vec<OsString> = std::env::args_os().collect();
    // clap would take the first `--` away, wherever it stands, and it belongs to rstrace. Only one that
    // directly follows `run` is ours.
    if args.get(1).is_some_and(|command| command == "run") {
        let at = if args.get(2).is_some_and(|arg| arg == "--") { 3 } else { 2 };
        return finish(run::run(&args.split_off(at)));
    }
    finish(match Cli::parse_from(args).command {
        Command::Run { args } => run::run(&args),
        Command::Test(options) => test::run(&options),
        Command::Vm(options) => vm::run(&options),
        Command::Bench(options) => bench::run(&options),
        Command::Diff(options) => diff::run(&options),
        Command::Uapi(options) => uapi::run(&options),
        Command::Man(options) => man::run(&options),
    })
}

fn finish(outcome: Result<ExitCode>) -> ExitCode {
    outcome.unwrap_or_else(|error| {
        eprintln!("xtask: {error}");
        ExitCode::FAILURE
    })
}
