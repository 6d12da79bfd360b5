//! How calls are shown, one differently from another: at length or in brief, as registers, with their data.

use super::Row;
use super::data::{Direction, Shape};
use rstrace_core::describe::{self, Limits};
use rstrace_core::event::Abi;
use rstrace_core::probe::{Capture, Variants};

/// How a call is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// How much of it.
    pub limits: Limits,
    /// As the registers of its arguments and what it returned, in hex.
    pub raw: bool,
}

/// Descriptors, by number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fds {
    /// Whether all others are meant.
    pub inverted: bool,
    /// The numbers.
    pub numbers: Vec<i32>,
}

impl Fds {
    /// Whether this one is meant.
    pub fn has(&self, fd: i32) -> bool {
        fd >= 0 && self.numbers.contains(&fd) != self.inverted
    }

    fn is_empty(&self) -> bool {
        self.numbers.is_empty() && !self.inverted
    }
}

/// Of which descriptors the data is dumped that is read and written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dumps {
    /// What is read.
    pub read: Fds,
    /// What is written.
    pub written: Fds,
}

/// What of a call is dumped.
#[derive(Debug, Clone)]
pub(super) struct Dump {
    pub shape: Shape,
    pub direction: Direction,
    pub fds: Fds,
}

impl Dump {
    /// For a call with this name, if any descriptor's data is to be dumped that it reads or writes.
    pub fn of(name: &str, dumps: &Dumps) -> Option<Self> {
        let (shape, direction) = super::data::transfer(name)?;
        let fds = match direction {
            Direction::Read => &dumps.read,
            Direction::Written => &dumps.written,
        };
        (!fds.is_empty()).then(|| Self { shape, direction, fds: fds.clone() })
    }
}

impl Row {
    /// The row as these have it: two of them, if programs of 32 bits are shown in another way.
    pub(super) fn shown(self, manner: &dyn Fn(&str, Abi) -> Manner, dumps: &Dumps) -> Vec<Self> {
        let name = self.syscall.name;
        let of = |row: Self, abi| Self { manner: manner(name, abi), dump: Dump::of(name, dumps), ..row };
        let (native, compat) = (of(self.clone(), Abi::Native), of(self.clone(), Abi::Compat32));
        let captures = |row: &Self, abi| Self { captured_for: abi, ..row.clone() }.captures();
        match (self.native, self.compat) {
            (Some(_), Some(_))
                if native.manner != compat.manner
                    || captures(&native, Abi::Native) != captures(&compat, Abi::Compat32) =>
            {
                vec![
                    Self { compat: None, captured_for: Abi::Native, ..native },
                    Self { native: None, captured_for: Abi::Compat32, ..compat },
                ]
            }
            (Some(_), _) => vec![native],
            (None, _) => vec![compat],
        }
    }

    /// The captures with those of the data that is dumped: which they are is decided by the descriptor.
    pub(super) fn with_data(&self, usual: Vec<Capture>, dump: &Dump) -> (Vec<Capture>, Option<Variants>) {
        let limits = Limits { length: u32::MAX, addresses: false, ..self.manner.limits };
        let abi = self.captured_for;
        let whole = describe::captures(self.syscall.params, self.syscall.result, abi, limits);
        let (own, others) = if dump.fds.inverted { (usual, whole) } else { (whole, usual) };
        let by_fd = dump.fds.numbers.iter().map(|fd| (*fd as u32, own.clone()));
        let variants = Variants { arg: 0, captures: by_fd.collect() };
        (others, (!variants.captures.is_empty()).then_some(variants))
    }
}
