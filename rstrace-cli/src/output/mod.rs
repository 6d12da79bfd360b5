//! What is done with events: one file per format, each a [`rstrace_core::Sink`].
//!
//! A format knows no probe: it prints values by what they are.

pub mod date;
pub mod errno;
pub mod line;
pub mod quote;
pub mod signals;
pub mod text;

#[cfg(all(test, target_arch = "x86_64"))]
mod conformance;
