//! `cargo xtask diff`: rstrace's trace of real programs against strace's of the same run, line by line.
//!
//! The programs are those of `tests/src/programs/list.rs`, and the comparison is the tests' own program `differ`;
//! here is what it needs: the Debian packages, and root.

use std::process::ExitCode;

use clap::Args;

use crate::{Result, artifacts, process, setup};

/// What to compare.
#[derive(Debug, Args)]
pub struct Options {
    /// The programs, by the names of the list; without any: all
    names: Vec<String>,
    /// With -tt -T -y -s 200
    #[arg(long)]
    detailed: bool,
}

/// `cargo xtask diff`.
pub fn run(options: &Options) -> Result<ExitCode> {
    setup::install(&[setup::BUILD, setup::TEST])?;
    let rstrace = artifacts::rstrace()?;
    let differ = artifacts::test_program("differ")?;
    let mut needs = std::process::Command::new(&differ);
    let needs = process::output(needs.arg("--needs").args(&options.names))?;
    for package in missing(&needs) {
        // one at a time: what this suite of Debian does not have is said and skipped
        if let Err(error) = setup::install_packages(&[package]) {
            eprintln!("xtask: {error}");
        }
    }
    // the variable goes through env: sudo passes none on
    let mut command = process::as_root("env");
    command.arg(format!("RSTRACE_BIN={}", rstrace.display())).arg(differ);
    command.args(options.detailed.then_some("--detailed")).args(&options.names);
    let ended =
        command.status().map_err(|error| format!("cannot start `{}`: {error}", process::line(&command)))?;
    Ok(if ended.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The packages whose programs are not there, from lines `PACKAGE PROGRAM`.
fn missing(needs: &str) -> Vec<&str> {
    let lines = needs.lines().filter_map(|line| line.split_once(' '));
    let mut packages: Vec<&str> =
        lines.filter(|(_, program)| process::find(program).is_none()).map(|(package, _)| package).collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_installed() {
        assert_eq!(missing("dash sh\nnothing no-such-program\nnothing no-such-other\n"), ["nothing"]);
    }
}
