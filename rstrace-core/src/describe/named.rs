//! Numbers with a notation of their own, for which users can ask to see the number too.

use super::Writer;
use std::io::Write;

/// The notations of a number that has a name.
#[derive(Debug)]
pub struct Named {
    /// By its name.
    pub named: Writer,
    /// As a number.
    pub raw: Writer,
    /// Both, if that is not the number with the name as a comment.
    pub verbose: Option<Writer>,
}

impl Named {
    /// A number that is in hex.
    pub const fn hex(named: Writer) -> Self {
        Self { named, raw: hex, verbose: None }
    }

    /// One that is in octal, as modes are.
    pub const fn octal(named: Writer) -> Self {
        Self { named, raw: octal, verbose: None }
    }

    /// One that is in decimal.
    pub const fn unsigned(named: Writer) -> Self {
        Self { named, raw: unsigned, verbose: None }
    }

    /// An `int`.
    pub const fn int(named: Writer) -> Self {
        Self { named, raw: int, verbose: None }
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

/// Appends a number and its name as a comment: the number alone if it has none.
pub fn commented(out: &mut Vec<u8>, number: u64, raw: Writer, named: Writer) {
    let begin = out.len();
    raw(out, number);
    let name = out.len();
    named(out, number);
    let (plain, text) = out[begin..].split_at(name - begin);
    if text.starts_with(plain) && (text.len() == plain.len() || text[plain.len()..].starts_with(b" /*")) {
        // without a name it is shown like that anyway
        out.drain(begin..name);
    } else {
        out.splice(name..name, *b" /* ");
        out.extend_from_slice(b" */");
    }
}

/// A part of a number, and how it is written as a number and by its name.
pub type Part = (u64, Writer, Writer);

/// Appends the parts that a number is the sum of: as numbers, or as numbers with their names.
pub fn joined(out: &mut Vec<u8>, parts: &[Part], with_names: bool) {
    for (place, (number, raw, named)) in parts.iter().enumerate() {
        out.extend_from_slice(if place == 0 { b"" } else { b"|" });
        if with_names {
            commented(out, *number, *raw, *named);
        } else {
            raw(out, *number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_five(out: &mut Vec<u8>, number: u64) {
        let _ = match number {
            5 => write!(out, "FIVE"),
            6 => write!(out, "{number:#x} /* F_??? */"),
            _ => write!(out, "{number:#x}"),
        };
    }

    #[test]
    fn a_name_is_a_comment_of_its_number() {
        let text = |number| {
            let mut out = b"=".to_vec();
            commented(&mut out, number, hex, write_five);
            String::from_utf8(out).expect("ASCII")
        };
        assert_eq!([text(5), text(6), text(7)], ["=0x5 /* FIVE */", "=0x6 /* F_??? */", "=0x7"]);
        let mut out = Vec::new();
        joined(&mut out, &[(5, hex, write_five), (17, unsigned, unsigned)], true);
        joined(&mut out, &[(5, hex, write_five), (17, octal, unsigned)], false);
        assert_eq!(String::from_utf8_lossy(&out), "0x5 /* FIVE */|170x5|021");
    }
}
