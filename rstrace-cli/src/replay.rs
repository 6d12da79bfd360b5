//! Records to lines without a kernel: what the fuzz target, its bounded run in the tests, and the bench go through.

use std::io;

use rstrace_core::describe::Limits;
use rstrace_core::replay::Replay;
use rstrace_probes::SIGINFO;
use rstrace_probes::syscall::Described;

use crate::output::line;
use crate::output::quote::Hex;
use crate::output::text::{Style, Text};

/// Every row of the table of system calls, and lines of text for what they decode.
#[derive(Debug)]
pub struct Lines<W: io::Write> {
    replay: Replay,
    text: Text<W>,
}

impl<W: io::Write> Lines<W> {
    /// Lines to `sink`, at length or not.
    pub fn new(sink: W, verbose: bool) -> Self {
        let limits = Limits { length: 32, whole_lists: verbose };
        let style = Style {
            limits: line::Limits { length: 32, whole_vectors: verbose, hex: Hex::Never },
            ..Style::default()
        };
        Self {
            replay: Replay::new(vec![Box::new(Described::all(limits))], &SIGINFO),
            text: Text::new(sink, style),
        }
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
        self.replay.record(bytes, row, &mut self.text)
    }

    /// The same by every row.
    pub fn by_every_row(&mut self, bytes: &[u8]) {
        for row in 0..=self.rows() {
            self.record(bytes, (row > 0).then_some(row as u16));
        }
    }

    /// Hands on the lines that wait.
    pub fn finish(&mut self) -> io::Result<()> {
        self.text.finish()
    }
}

#[cfg(test)]
mod tests;
