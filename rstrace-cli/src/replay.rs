//! Records to lines without a kernel: what the fuzz target, its bounded run in the tests, and the bench go through.

use std::io;

use rstrace_core::describe::Limits;
use rstrace_core::replay::Replay;
use rstrace_probes::SIGINFO;
use rstrace_probes::syscall::Described;

use crate::output::json::Objects;
use crate::output::quote::Hex;
use crate::output::text::{Style, Text};
use crate::output::{Output, line};

/// Every row of the table of system calls, and lines for what they decode.
pub struct Lines {
    replay: Replay,
    output: Box<dyn Output>,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").finish_non_exhaustive()
    }
}

impl Lines {
    /// Lines of text to `sink`, at length or not.
    pub fn new(sink: impl io::Write + 'static, verbose: bool) -> Self {
        let style = Style {
            limits: line::Limits {
                length: 32,
                whole_vectors: verbose,
                constants: Default::default(),
                hex: Hex::Never,
                files: crate::output::files::Files::NONE,
            },
            ..Style::default()
        };
        Self { replay: replay(verbose), output: Box::new(Text::new(sink, style)) }
    }

    /// Likewise, of JSON.
    pub fn of_json(sink: impl io::Write + 'static, verbose: bool) -> Self {
        let output = Box::new(Objects::new(sink, limits(verbose), u64::MAX));
        Self { replay: replay(verbose), output }
    }

    /// The number of the row of a call.
    pub fn row(&self, name: &str) -> Option<u16> {
        self.replay.pair(name)
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.replay.pairs()
    }

    /// Decodes the bytes of a record as a call of this row, or as whatever they say, and writes its line. Bytes that
    /// are no record are refused.
    pub fn record(&mut self, bytes: &[u8], row: Option<u16>) -> bool {
        self.replay.record(bytes, row, self.output.as_mut())
    }

    /// The same by every row.
    pub fn by_every_row(&mut self, bytes: &[u8]) {
        for row in 0..=self.rows() {
            self.record(bytes, (row > 0).then_some(row as u16));
        }
    }

    /// Hands on the lines that wait.
    pub fn finish(&mut self) -> io::Result<()> {
        self.output.finish(None)
    }
}

fn limits(verbose: bool) -> Limits {
    Limits { whole_lists: verbose, ..Limits::of_length(32) }
}

fn replay(verbose: bool) -> Replay {
    Replay::new(vec![Box::new(Described::all(limits(verbose)))], &SIGINFO)
}

#[cfg(test)]
mod devices;
#[cfg(test)]
mod storage;
#[cfg(test)]
mod tests;
