//! rstrace's engine: entry/return pairs of kernel functions and system calls, traced with eBPF.
//!
//! A [`Probe`] says what to trace and how to decode it; a [`Session`] attaches it to a [`Target`] by the best
//! backend that the [`Machine`] offers, and delivers [`Event`]s in order to a [`Sink`], with an exact account of
//! what was lost ([`Ledger`]).

mod arch;
mod backend;
mod before;
mod clock;
mod deliver;
mod error;
mod filter;
mod ledger;
mod mapping;
mod parts;
mod record;
mod session;
mod target;
mod transport;
mod underway;
mod unpreempted;

pub mod describe;
pub mod doctor;
pub mod event;
pub mod file;
pub mod flags;
pub mod machine;
pub mod memory;
pub mod probe;
#[doc(hidden)]
pub mod replay;
pub mod stacks;
pub mod statistics;
pub mod strings;
pub mod way;

pub use backend::Backend;
pub use deliver::Sink;
pub use error::{Error, ErrorKind, Result};
pub use event::Event;
pub use filter::{ArgFilter, Descriptors, Filter, MAX_NAME, MAX_PATH, MAX_TESTS, Name, Statuses};
pub use ledger::{Ledger, Lost};
pub use machine::Machine;
pub use probe::Probe;
pub use session::{Interrupts, Loss, Options, Report, Session};
pub use target::{Apart, RunAs, Target};
pub use transport::Transport;
