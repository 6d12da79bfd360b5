//! `cargo xtask man`: the options in the manual pages, from their one definition.

use std::process::{Command, ExitCode, Stdio};

use clap::Args;

use crate::{Result, process, setup};

/// What to do with what is generated.
#[derive(Debug, Args)]
pub struct Options {
    /// Write nothing; fail if the pages are not what would be written
    #[arg(long)]
    check: bool,
}

/// `cargo xtask man`.
pub fn run(options: &Options) -> Result<ExitCode> {
    setup::install(&[setup::BUILD])?;
    let mut write = process::cargo();
    write.args(["run", "--quiet", "--release", "--package", "rstrace-cli", "--example", "man", "--"]);
    write.args(options.check.then_some("--check"));
    process::run(&mut write)?;
    if process::find("man").is_some() && process::find("groff").is_some() {
        read()?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Has the pages formatted: what roff warns of is an error.
fn read() -> Result<()> {
    let folder = process::top().join("docs/man");
    let pages = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for page in pages.flatten().map(|entry| entry.path()) {
        let mut man = Command::new("man");
        man.args(["--warnings", "-l"]).arg(&page).env("LC_ALL", "C.UTF-8").env("MANWIDTH", "80");
        let read = man.stdin(Stdio::null()).output().map_err(|error| format!("man: {error}"))?;
        if !read.status.success() || !read.stderr.is_empty() {
            return Err(format!("{}: {}", page.display(), String::from_utf8_lossy(&read.stderr).trim()));
        }
    }
    Ok(())
}
