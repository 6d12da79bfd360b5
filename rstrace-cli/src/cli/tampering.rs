//! Options of strace that a tracer which does not stop its target cannot have: they are known to be refused.

use clap::Args;

/// What cannot be had.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tampering")]
pub struct Tampering {
    /// Refused: eBPF sees calls and does not change them
    ///
    /// Also as `-e inject=`SET.
    #[arg(long, value_name = "SET", hide_short_help = true)]
    pub inject: Vec<String>,

    /// Refused, as --inject is
    #[arg(long, value_name = "SET", hide_short_help = true)]
    pub fault: Vec<String>,

    /// Refused: an exit of a virtual CPU is told to its own process only
    #[arg(long, value_name = "WHAT", hide_short_help = true)]
    pub kvm: Option<String>,
}
