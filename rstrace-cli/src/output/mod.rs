//! What is done with events: one file per format, behind one trait.
//!
//! A format knows no probe: it prints values by what they are.

pub mod errno;
pub mod line;
pub mod quote;
pub mod text;

#[cfg(all(test, target_arch = "x86_64"))]
mod conformance;

use rstrace_core::Event;
use std::io;

/// Where events go.
///
/// An error is that of the sink; a closed pipe is [`io::ErrorKind::BrokenPipe`].
pub trait Output {
    /// Takes one event. What it prints may stay in memory until [`Output::flush`].
    fn event(&mut self, event: &Event<'_>) -> io::Result<()>;
    /// Hands on what is in memory. To be called when no event is waiting.
    fn flush(&mut self) -> io::Result<()>;
    /// Prints what was held back, and flushes. To be called once, after the last event.
    fn finish(&mut self) -> io::Result<()>;
}
