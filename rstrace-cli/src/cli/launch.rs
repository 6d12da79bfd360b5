//! Options of how a command is started.

use clap::Args;
use std::ffi::OsString;

/// How a command is started.
#[derive(Debug, Args)]
#[command(next_help_heading = "Startup")]
pub struct Launch {
    /// Put a variable into the command's environment, or by its name alone take it out
    #[arg(short = 'E', long, value_name = "VAR[=VALUE]")]
    pub env: Vec<OsString>,

    /// Give the command this name as its argument 0
    #[arg(long, value_name = "NAME")]
    pub argv0: Option<OsString>,
}
