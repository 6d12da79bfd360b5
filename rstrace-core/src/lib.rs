//! rstrace's engine: entry/return pairs of kernel functions and system calls, traced with eBPF.
//!
//! A [`Probe`] says what to trace and how to decode it; a session attaches it to a target by the best
//! backend that the machine offers, and delivers [`Event`]s in order with an exact account of what was lost.

pub mod event;
pub mod flags;
pub mod probe;
pub mod strings;

pub use event::Event;
pub use probe::Probe;
