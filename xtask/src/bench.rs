//! Later.
use std::process::ExitCode;
/// None yet.
#[derive(Debug, clap::Args)]
pub struct Options {}
/// Nothing yet.
pub fn run(_: &Options) -> crate::Result<ExitCode> {
    Err("later".into())
}
