//! What cargo has built and where: the command, the end-to-end tests and their fixtures.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{Result, process};

/// The end-to-end tests, ready to run here or in a virtual machine.
#[derive(Debug)]
pub struct Tests {
    /// The test program.
    pub e2e: PathBuf,
    /// The static C programs that the tests trace, if the tests have any.
    pub fixtures: Option<PathBuf>,
}

/// Builds the commands for release; the path of `rstrace`, beside which `opensnoop` is.
pub fn rstrace() -> Result<PathBuf> {
    let mut build = process::cargo();
    build.args(["build", "--quiet", "--release", "--package", "rstrace-cli"]);
    let messages = messages(&mut build)?;
    executable(&messages, "rstrace").ok_or_else(|| "cargo built no `rstrace` binary".into())
}

/// Builds the end-to-end tests for release.
pub fn tests() -> Result<Tests> {
    let mut build = process::cargo();
    build.args(["test", "--quiet", "--release", "--package", "rstrace-tests", "--test", "e2e", "--no-run"]);
    let messages = messages(&mut build)?;
    let e2e = executable(&messages, "e2e").ok_or("cargo built no `e2e` test")?;
    let fixtures = messages
        .iter()
        .filter(|message| message["reason"] == "build-script-executed")
        .filter(|message| message["package_id"].as_str().is_some_and(|id| id.contains("rstrace-tests")))
        .find_map(|message| message["out_dir"].as_str())
        .map(|directory| Path::new(directory).join("fixtures"))
        .filter(|directory| directory.is_dir());
    Ok(Tests { e2e, fixtures })
}

/// Builds the programs that belong to the tests; the path of this one.
pub fn test_program(name: &str) -> Result<PathBuf> {
    let mut build = process::cargo();
    build.args(["build", "--quiet", "--release", "--package", "rstrace-tests", "--bins"]);
    executable(&messages(&mut build)?, name).ok_or_else(|| format!("cargo built no `{name}` binary"))
}

/// The directory that cargo builds into: `target/`, unless the user says otherwise.
pub fn target_directory() -> Result<PathBuf> {
    let mut command = process::cargo();
    command.args(["metadata", "--no-deps", "--format-version=1"]);
    let metadata: Value = serde_json::from_str(&process::output(&mut command)?)
        .map_err(|error| format!("cannot read what `cargo metadata` says: {error}"))?;
    let directory =
        metadata["target_directory"].as_str().ok_or("`cargo metadata` names no target directory")?;
    Ok(directory.into())
}

fn messages(build: &mut Command) -> Result<Vec<Value>> {
    // Compiler errors still go to stderr, rendered; only the machine's part is read here.
    build.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit());
    let output = build.output().map_err(|error| format!("cannot start cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!("`{}` failed: see cargo's message above", process::line(build)));
    }
    let lines = output.stdout.split(|&byte| byte == b'\n');
    Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
}

fn executable(messages: &[Value], target: &str) -> Option<PathBuf> {
    messages
        .iter()
        .filter(|message| message["reason"] == "compiler-artifact" && message["target"]["name"] == target)
        .find_map(|message| message["executable"].as_str())
        .map(PathBuf::from)
}
