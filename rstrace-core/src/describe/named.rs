//! Numbers with a notation of their own, for which users can ask to see the number too.

use super::{Constants, Notation, Writer};
use std::io::Write;

/// The notations of a number that has a name.
#[derive(Debug, Clone, Copy)]
pub struct Named {
    /// By its name.
    pub named: Writer,
    /// As a number.
    pub raw: fn(&mut Vec<u8>, u64),
}

impl Named {
    /// A number that is in hex.
    pub const fn hex(named: Writer) -> Self {
        Self { named, raw: hex }
    }

    /// One that is in octal, as modes are.
    pub const fn octal(named: Writer) -> Self {
        Self { named, raw: octal }
    }

    /// One that is in decimal.
    pub const fn unsigned(named: Writer) -> Self {
        Self { named, raw: unsigned }
    }

    /// An `int`.
    pub const fn int(named: Writer) -> Self {
        Self { named, raw: int }
    }

    /// Appends a number: as such, by its name, or with the name as a comment, which it may not have.
    pub fn write(&self, out: &mut Notation<'_>, number: u64) {
        match out.constants() {
            Constants::Raw => (self.raw)(out, number),
            Constants::Abbrev => (self.named)(out, number),
            Constants::Verbose => self.write_commented(out, number),
        }
    }

    fn write_commented(&self, out: &mut Notation<'_>, number: u64) {
        let begin = out.len();
        (self.raw)(out, number);
        let name = out.len();
        out.by_name(|out| (self.named)(out, number));
        let (plain, text) = out[begin..].split_at(name - begin);
        if text.starts_with(plain) && (text.len() == plain.len() || text[plain.len()..].starts_with(b" /*")) {
            // without a name it is shown like that anyway
            out.drain(begin..name);
        } else {
            out.splice(name..name, *b" /* ");
            out.extend_from_slice(b" */");
        }
    }
}

/// Appends a number in hex; zero is `0`.
pub fn hex(out: &mut Vec<u8>, number: u64) {
    // writing to a vector cannot fail
    let _ = if number == 0 { write!(out, "0") } else { write!(out, "{number:#x}") };
}

/// Appends a number in octal, at least three digits.
pub fn octal(out: &mut Vec<u8>, number: u64) {
    let _ = write!(out, "0{number:02o}");
}

/// Appends a number in decimal.
pub fn unsigned(out: &mut Vec<u8>, number: u64) {
    let _ = write!(out, "{number}");
}

/// Appends the `int` that the lower half is.
pub fn int(out: &mut Vec<u8>, number: u64) {
    let _ = write!(out, "{}", number as i32);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_five(out: &mut Notation<'_>, number: u64) {
        let _ = match number {
            5 => write!(out, "FIVE"),
            6 => write!(out, "{number:#x} /* F_??? */"),
            _ => write!(out, "{number:#x}"),
        };
    }

    #[test]
    fn a_name_is_a_comment_of_its_number() {
        let text = |constants, number| {
            let mut out = b"=".to_vec();
            Named::hex(write_five).write(&mut Notation::new(&mut out, constants, |_, _| ()), number);
            String::from_utf8(out).expect("ASCII")
        };
        let verbose = [5, 6, 7].map(|number| text(Constants::Verbose, number));
        assert_eq!(verbose, ["=0x5 /* FIVE */", "=0x6 /* F_??? */", "=0x7"]);
        assert_eq!([text(Constants::Raw, 5), text(Constants::Abbrev, 5)], ["=0x5", "=FIVE"]);
    }
}
