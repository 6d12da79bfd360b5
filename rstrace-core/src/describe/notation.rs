//! Where the notation of a number or of bytes is written, and how named constants are to be shown there.

use std::io;
use std::ops::{Deref, DerefMut};

/// How named constants are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Constants {
    /// As numbers.
    Raw,
    /// By their names.
    #[default]
    Abbrev,
    /// As numbers, and their names as comments.
    Verbose,
}

/// Appends bytes in quotes.
pub type Quote = fn(&mut Vec<u8>, &[u8]);

/// What a [`Writer`](super::Writer) appends to.
#[derive(Debug)]
pub struct Notation<'a> {
    out: &'a mut Vec<u8>,
    constants: Constants,
    quote: Quote,
}

impl Deref for Notation<'_> {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        self.out
    }
}

impl DerefMut for Notation<'_> {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        self.out
    }
}

/// It cannot fail.
impl io::Write for Notation<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> Notation<'a> {
    /// Appends to these bytes, constants and strings so.
    pub fn new(out: &'a mut Vec<u8>, constants: Constants, quote: Quote) -> Self {
        Self { out, constants, quote }
    }

    /// Appends to these bytes constants by their names, and strings as they are.
    pub fn plain(out: &'a mut Vec<u8>) -> Self {
        Self::new(out, Constants::Abbrev, |out, bytes| {
            out.push(b'"');
            out.extend_from_slice(bytes);
            out.push(b'"');
        })
    }

    /// How constants are to be shown.
    pub fn constants(&self) -> Constants {
        self.constants
    }

    /// Appends text.
    pub fn push_text(&mut self, text: &str) {
        self.extend_from_slice(text.as_bytes());
    }

    /// Appends bytes in quotes.
    pub fn quoted(&mut self, bytes: &[u8]) {
        (self.quote)(self.out, bytes);
    }

    /// Appends a constant: as a number, by its name, or both.
    pub fn constant(&mut self, number: impl FnOnce(&mut Self), name: impl FnOnce(&mut Self)) {
        match self.constants {
            Constants::Raw => number(self),
            Constants::Abbrev => name(self),
            Constants::Verbose => {
                number(self);
                self.extend_from_slice(b" /* ");
                self.by_name(name);
                self.extend_from_slice(b" */");
            }
        }
    }

    /// Has constants appended by their names, however they are to be shown.
    pub fn by_name(&mut self, write: impl FnOnce(&mut Self)) {
        let constants = std::mem::replace(&mut self.constants, Constants::Abbrev);
        write(self);
        self.constants = constants;
    }
}
