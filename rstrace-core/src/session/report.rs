//! How a session ended: what [`Session::run`](super::Session::run) hands back.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::backend::Backend;
use crate::event::WaitStatus;
use crate::ledger::Ledger;
use crate::statistics::Statistics;
use crate::transport::Transport;

/// How a session ended.
#[derive(Debug)]
pub struct Report {
    /// The account.
    pub ledger: Ledger,
    /// How the launched command ended; `None` if none was launched.
    pub command: Option<WaitStatus>,
    /// The signal that ended the session, if one did.
    pub interrupted: Option<Signal>,
    /// Whether it ended because its time was over, or as many calls had been handed out as were asked for.
    pub expired: bool,
    /// Whether the sink's reader was gone before the end.
    pub closed: bool,
    /// Mappings of code that the kernel could not tell of, where user stacks were asked for.
    pub lost_mappings: u64,
    /// What was counted, if that was asked for.
    pub statistics: Option<Statistics>,
    /// The backends that were used.
    pub backends: Vec<Backend>,
    /// The transport that was used.
    pub transport: Transport,
    /// From the start of the session to the command's release, or to the end of attaching.
    pub startup: Duration,
    /// From then to the end.
    pub traced: Duration,
}
