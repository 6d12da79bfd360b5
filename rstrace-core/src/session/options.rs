//! What a session is asked to do.

use std::time::Duration;

use crate::backend::Backend;
use crate::describe::Type;
use crate::filter::Filter;
use crate::statistics::Counting;
use crate::target::Target;
use crate::transport::Transport;

/// What a session is to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whom to trace.
    pub target: Target,
    /// The backend to use; `None`: the best for each pair.
    pub backend: Option<Backend>,
    /// The transport to use; `None`: the ring buffer where there is one.
    pub transport: Option<Transport>,
    /// Bytes of the ring buffer, or of each CPU's perf buffer; rounded up to a power of two. `None`: the default.
    pub buffer: Option<usize>,
    /// Only calls of this user (real user id).
    pub uid: Option<u32>,
    /// What a `siginfo_t` is: with it signals come as events too.
    pub signals: Option<&'static Type>,
    /// What is done when the transport's buffer fills up.
    pub loss: Loss,
    /// Which calls are asked for.
    pub filter: Filter,
    /// Whether calls say who made them ([`Event::caller`](crate::Event::caller)).
    pub callers: bool,
    /// Whether calls and signals say where the program is ([`Event::pointer`](crate::Event::pointer)).
    pub pointers: bool,
    /// Whether calls say from where they were made ([`Event::stack`](crate::Event::stack)), with so many frames at most.
    pub stacks: Option<usize>,
    /// What is counted beside the events or instead of them.
    pub counting: Option<Counting>,
    /// When to end at the latest, counted from the beginning of [`Session::run`](super::Session::run). A command that
    /// still runs goes on.
    pub duration: Option<Duration>,
    /// After how many calls to end. A command that still runs goes on.
    pub calls: Option<u64>,
    /// What signals to rstrace do.
    pub interrupts: Interrupts,
    /// Whether a process is traced no more once it executes a program; that which a command is launched for does not
    /// count. Not for [`Target::All`].
    pub let_go: bool,
    /// Whether what is traced is killed when the session ends, even by the end of its process. For [`Target::Launch`].
    pub kill: bool,
}

/// What `SIGINT`, `SIGTERM`, `SIGHUP` and `SIGQUIT` do to a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Interrupts {
    /// They are passed on to the command that was launched, or end the session.
    #[default]
    Handled,
    /// Nothing: they are blocked.
    Blocked,
    /// Nothing, and `SIGTSTP` does nothing either.
    BlockedAndStop,
}

/// What is done when calls are made faster than they can be read, for longer than the buffer lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The traced threads wait at the returns of their system calls, in slices of at most 100 us.
    Never,
    /// Calls are dropped and counted; nobody waits.
    Drop,
}
