//! `cargo xtask run ARGS...`: build rstrace and become it.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use crate::{Result, artifacts, process, setup};

/// Replaces this process by rstrace, so its exit status and its signals are rstrace's own.
pub fn run(args: &[OsString]) -> Result<ExitCode> {
    setup::install(&[setup::BUILD])?;
    let rstrace = artifacts::rstrace()?;
    // cargo sets it for this program; the traced command would look for its libraries there first
    let error = process::as_root(&rstrace).args(args).env_remove("LD_LIBRARY_PATH").exec();
    Err(format!("cannot start {}: {error}", rstrace.display()))
}
