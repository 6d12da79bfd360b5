//! A session: a target, probes attached to it, and the loop that hands out events until the target ends.
//!
//! It begins in `start` with what `options` says, goes on in `run`, and ends in `finish`, which makes the `report`.

mod end;
mod finish;
mod follow;
mod options;
mod pairs;
mod report;
mod run;
mod signals;
mod start;

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use nix::sys::signalfd::SignalFd;

use crate::backend::attach::Attached;
use crate::backend::plan::Plan;
use crate::before::Numbered;
use crate::deliver::Delivery;
use crate::filter::Filter;
use crate::statistics::Counter;
use crate::target::guard::Guard;
use crate::transport::Transport;
use crate::transport::pump::Pump;

use end::End;
pub use options::{Interrupts, Loss, Options};
pub use report::Report;

/// An attached target.
pub struct Session<'m> {
    // before a command that is still held: it keeps a copy of its gate
    guard: Option<Guard>,
    // before what it writes to
    pump: Pump,
    attached: Attached<'m>,
    plan: Plan,
    delivery: Delivery,
    end: End,
    signals: SignalFd,
    transport: Transport,
    startup: Duration,
    duration: Option<Duration>,
    warnings: Vec<String>,
    /// Threads of which the sink wants to know in which call they are, by group and id.
    asked: Vec<(Option<u32>, u32)>,
    /// Threads that were attached to and may still be in a call from before.
    attached_to: HashSet<u32>,
    /// The pairs, for calls from before.
    pairs: Vec<Numbered>,
    counter: Option<Counter>,
    /// Nothing is sent from the kernel.
    silent: bool,
    filter: Filter,
    /// Processes are let go that execute a program.
    let_go: bool,
}

impl fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("plan", &self.plan).finish_non_exhaustive()
    }
}

impl Session<'_> {
    /// How the kernel is watched, in words.
    pub fn means(&self) -> String {
        let backends: Vec<_> = self.plan.backends.iter().map(|backend| backend.name()).collect();
        format!("backend {}, transport {}", backends.join("+"), self.transport.name())
    }

    /// The ids of the processes, or of the thread, that are traced from the start, if these are known.
    pub fn targets(&self) -> Vec<u32> {
        match &self.end {
            End::Command { process, .. } => vec![process.pid],
            End::Processes { processes, .. } => processes.iter().map(|process| process.pid).collect(),
            End::Thread | End::Signal => Vec::new(),
        }
    }

    /// What the user should know before the trace: calls that may be missed, and why.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}
