//! What is done with events: one file or folder per format, each a [`rstrace_core::Sink`].
//!
//! A format knows no probe: it prints values by what they are.

pub mod date;
mod dump;
pub mod errno;
pub mod files;
pub mod json;
pub mod line;
pub mod prefix;
pub mod quote;
pub mod signals;
pub mod summary;
pub mod text;
mod threads;

#[cfg(all(test, target_arch = "x86_64"))]
mod conformance;

use std::ffi::OsString;
use std::io;

use rstrace_core::{Report, Sink};

/// A format of a trace.
pub trait Output: Sink {
    /// Everything is attached; events are to come. To be called once, before all else.
    fn start(&mut self, start: &Start<'_>) -> io::Result<()>;
    /// The trace is of this process too, which ran already, with these threads.
    fn attached(&mut self, tgid: u32, tids: &[u32]);
    /// Tracing ended before this process, or thread, did.
    fn detached(&mut self, id: u32);
    /// Writes lines of another kind behind what was told.
    fn interject(&mut self, lines: &str) -> io::Result<()>;
    /// Writes what was held back. To be called once, after the last event; with the report, unless tracing failed.
    fn finish(&mut self, report: Option<&Report>) -> io::Result<()>;
}

/// What is known of a trace when it begins.
#[derive(Debug)]
pub struct Start<'a> {
    /// Who is traced.
    pub whom: Whom<'a>,
    /// Whether children are traced too.
    pub follow: bool,
    /// What may be missing in the trace.
    pub warnings: &'a [String],
}

/// Who is traced.
#[derive(Debug, Clone, Copy)]
pub enum Whom<'a> {
    /// A program that is run for it: its name and arguments.
    Command(&'a [OsString]),
    /// Processes.
    Processes(&'a [u32]),
    /// A thread.
    Thread(u32),
    /// Everybody.
    All,
}
