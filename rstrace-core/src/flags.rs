//! Sets of named bits: a table and a value.

use std::io::Write;

use crate::describe::{Constants, Notation, named};

/// The names of a flag argument, in the order in which they are shown.
#[derive(Debug, PartialEq, Eq)]
pub struct FlagSet {
    /// A multi-bit value inside the set, shown first even when it is zero: its mask and its names.
    pub choice: Option<(u64, &'static [(u64, &'static str)])>,
    /// Names of one or more bits; the first that matches wins.
    pub names: &'static [(u64, &'static str)],
    /// What stands in the comment when no name matches: `"AT_???"`. Without one there is no comment.
    pub unknown: &'static str,
}

/// The names of an argument that is one of several values.
#[derive(Debug, PartialEq, Eq)]
pub struct Choices {
    /// By value, in ascending order.
    pub names: &'static [(u64, &'static str)],
    /// What stands in the comment when the value has no name: `"MADV_???"`. Without one the value is decimal.
    pub unknown: &'static str,
}

impl Choices {
    /// Appends a value: its name, or the number.
    pub fn write(&self, out: &mut Notation<'_>, value: u64) {
        match self.name(value) {
            Some(name) => out.constant(|out| self.write_number(out, value), |out| out.push_text(name)),
            None => {
                self.write_number(out, value);
                self.write_unknown(out);
            }
        }
    }

    /// Appends a value as a number: in decimal if those without a name are.
    pub fn write_number(&self, out: &mut Vec<u8>, value: u64) {
        match self.unknown {
            // writing to a vector cannot fail
            "" if self.name(value).is_none() => drop(write!(out, "{}", value as i64)),
            // a negative one of 32 bits
            _ if value >> 32 == u64::from(u32::MAX) => named::hex(out, u64::from(value as u32)),
            _ => named::hex(out, value),
        }
    }

    /// Appends what is said of a number without a name.
    pub fn write_unknown(&self, out: &mut Notation<'_>) {
        if !self.unknown.is_empty() && out.constants() != Constants::Raw {
            let _ = write!(out, " /* {} */", self.unknown);
        }
    }

    /// The name of a value; of 32 bits it may be that of a negative number.
    pub fn name(&self, value: u64) -> Option<&'static str> {
        let find = |value| {
            let place = self.names.partition_point(|(known, _)| *known < value);
            self.names.get(place).filter(|(known, _)| *known == value).map(|(_, name)| *name)
        };
        let negative = u32::try_from(value).ok().map(|value| value as i32).filter(|value| *value < 0);
        find(value).or_else(|| find(i64::from(negative?) as u64))
    }
}

/// Names of bits, and numbers in other bits of the same value.
#[derive(Debug, PartialEq, Eq)]
pub struct Packed {
    /// The names.
    pub set: FlagSet,
    /// The numbers, in the order in which they are shown, behind the names.
    pub numbers: &'static [PackedNumber],
}

/// A number that stands in some bits of a value.
#[derive(Debug, PartialEq, Eq)]
pub enum PackedNumber {
    /// Shown as `21<<MAP_HUGE_SHIFT` unless it is zero.
    Shifted {
        /// Its bits.
        mask: u64,
        /// How far it is shifted.
        shift: u64,
        /// The name of the shift.
        name: &'static str,
    },
    /// Permissions, the lowest nine bits: shown in octal.
    Mode,
}

impl PackedNumber {
    /// The bits that it stands in.
    pub const fn mask(&self) -> u64 {
        match self {
            Self::Shifted { mask, .. } => *mask,
            Self::Mode => 0o777,
        }
    }
}

impl Packed {
    /// The bits that names are for.
    pub fn flags(&'static self, bits: u64) -> Flags {
        let numbers = self.numbers.iter().fold(0, |mask, number| mask | number.mask());
        Flags { bits: bits & !numbers, set: &self.set }
    }
}

/// A value of a [`FlagSet`].
#[derive(Debug, Clone, Copy)]
pub struct Flags {
    /// The bits.
    pub bits: u64,
    /// Their names.
    pub set: &'static FlagSet,
}

/// One piece of a [`Flags`] value, as [`Flags::parts`] yields them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagPart {
    /// A name.
    Name(&'static str),
    /// What no name stands for; `true` if nothing at all was named before it.
    Rest(u64, bool),
}

impl Flags {
    /// Appends the names that are set and the rest, or `0`.
    pub fn write(self, out: &mut Notation<'_>) {
        let is_named = self.parts().any(|part| matches!(part, FlagPart::Name(_)));
        match out.constants() {
            Constants::Verbose if !is_named => self.write_names(out),
            _ => out.constant(|out| named::hex(out, self.bits), |out| self.write_names(out)),
        }
    }

    fn write_names(self, out: &mut Vec<u8>) {
        let begin = out.len();
        for part in self.parts() {
            if out.len() > begin {
                out.push(b'|');
            }
            // writing to a vector cannot fail
            let _ = match part {
                FlagPart::Name(name) => write!(out, "{name}"),
                FlagPart::Rest(bits, alone) if alone && !self.set.unknown.is_empty() => {
                    write!(out, "{bits:#x} /* {} */", self.set.unknown)
                }
                FlagPart::Rest(bits, _) => write!(out, "{bits:#x}"),
            };
        }
        if out.len() == begin {
            out.push(b'0');
        }
    }

    /// The names that are set, in order, then the rest if there is one. Zero without a name for it yields nothing.
    pub fn parts(self) -> impl Iterator<Item = FlagPart> {
        let mut left = self.bits;
        let mut first = None;
        let mut unknown = None;
        if let Some((mask, values)) = self.set.choice {
            let value = self.bits & mask;
            first = values.iter().find(|(bits, _)| *bits == value);
            left &= !mask;
            if first.is_none() {
                unknown = Some(value);
            }
        }
        let mut names = self.set.names.iter();
        if self.bits == 0 && first.is_none() {
            first = self.set.names.iter().find(|(bits, _)| *bits == 0);
        }
        let mut any = first.is_some();
        let mut first = first.map(|(_, name)| FlagPart::Name(name));
        std::iter::from_fn(move || {
            if let Some(part) = first.take() {
                return Some(part);
            }
            if let Some(value) = unknown.take() {
                any = true;
                return Some(FlagPart::Rest(value, true));
            }
            for (bits, name) in names.by_ref() {
                if *bits != 0 && left & bits == *bits {
                    left &= !bits;
                    any = true;
                    return Some(FlagPart::Name(name));
                }
            }
            let rest = std::mem::take(&mut left);
            (rest != 0).then_some(FlagPart::Rest(rest, !any))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static SET: FlagSet = FlagSet {
        choice: Some((3, &[(0, "R"), (1, "W"), (2, "RW")])),
        names: &[(0x30, "BOTH"), (0x10, "ONE"), (0x40, "X")],
        unknown: "S_???",
    };

    fn parts(bits: u64) -> Vec<FlagPart> {
        Flags { bits, set: &SET }.parts().collect()
    }

    #[test]
    fn a_name_of_several_bits_goes_before_its_parts() {
        assert_eq!(parts(0x31), [FlagPart::Name("W"), FlagPart::Name("BOTH")]);
        assert_eq!(parts(0x10), [FlagPart::Name("R"), FlagPart::Name("ONE")]);
    }

    #[test]
    fn what_has_no_name_comes_last() {
        assert_eq!(parts(0x1040), [FlagPart::Name("R"), FlagPart::Name("X"), FlagPart::Rest(0x1000, false)]);
    }
}
