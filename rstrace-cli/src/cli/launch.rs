//! Options of how a command is started.

use clap::{ArgAction, Args};
use std::ffi::OsString;

/// How a command is started.
#[derive(Debug, Args)]
#[command(next_help_heading = "Startup")]
pub struct Launch {
    /// Put a variable into the command's environment, or by its name alone take it out
    #[arg(short = 'E', long, value_name = "VAR[=VALUE]")]
    pub env: Vec<OsString>,

    /// Become the command, and trace it as its grandchild; -DD in a process group of its own, -DDD in a session
    #[arg(short = 'D', action = ArgAction::Count, help_heading = "Tracing")]
    pub daemon: u8,

    /// Likewise by a word: grandchild, pgroup or session
    #[arg(long, aliases = ["daemonise", "daemonized", "daemonised"], value_name = "WHERE", num_args = 0..=1)]
    #[arg(require_equals = true, default_missing_value = "grandchild", help_heading = "Tracing")]
    pub daemonize: Option<String>,

    /// Kill the command, and with -f all that it has started, when rstrace ends, however it ends
    #[arg(long, help_heading = "Tracing")]
    pub kill_on_exit: bool,

    /// Give the command this name as its argument 0
    #[arg(long, value_name = "NAME")]
    pub argv0: Option<OsString>,
}
