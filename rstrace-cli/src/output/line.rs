//! The lines under construction, and how a value is written into them.
//!
//! The memory is used again and again: in the steady state nothing is allocated.

use super::quote::{quoted, quoted_hex};
use owo_colors::Style;
use rstrace_core::event::{Arg, Value};
use rstrace_core::flags::{FlagPart, Flags};
use rstrace_core::strings::{Element, Strings};
use std::io::Write;

/// Formats into the line's bytes. Writing to a vector cannot fail.
macro_rules! put {
    ($out:expr, $($format:tt)*) => {{ let _ = write!($out, $($format)*); }};
}
pub(super) use put;

/// What a piece of a line is, for its colour.
#[derive(Debug, Clone, Copy)]
pub enum Token {
    /// The name of a call.
    Call,
    /// A number, an address or a string.
    Value,
    /// A named constant.
    Constant,
    /// What stands between `/*` and `*/`.
    Comment,
    /// The result of a call that succeeded.
    Result,
    /// The result of one that failed.
    Error,
}

impl Token {
    fn style(self) -> Style {
        match self {
            Token::Call => Style::new().yellow(),
            Token::Value => Style::new().magenta(),
            Token::Constant => Style::new().blue(),
            Token::Comment => Style::new().cyan(),
            Token::Result => Style::new().green(),
            Token::Error => Style::new().red(),
        }
    }
}

/// How much of a value is shown.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of a string that is no path, and elements of a vector.
    pub length: usize,
    /// Whether vectors are shown whole.
    pub whole_vectors: bool,
}

/// Lines: the finished ones and the one under construction.
#[derive(Debug)]
pub struct Lines {
    bytes: Vec<u8>,
    /// Where the current line begins.
    start: usize,
    /// Bytes of the current line that take no column.
    invisible: usize,
    colour: bool,
    limits: Limits,
}

impl Lines {
    /// No lines.
    pub fn new(colour: bool, limits: Limits) -> Self {
        Self { bytes: Vec::new(), start: 0, invisible: 0, colour, limits }
    }

    /// What was written since [`Lines::clear`].
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets all lines, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.start = 0;
        self.invisible = 0;
    }

    /// Appends text without a colour.
    pub fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Appends what `write` writes, without a colour.
    pub fn format(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
    }

    /// Appends what a call returned.
    pub fn result(&mut self, value: Value<'_>) {
        match value {
            Value::Int(number) => self.paint(Token::Result, |out| put!(out, "{number}")),
            Value::Fd(fd) => self.paint(Token::Result, |out| put!(out, "{fd}")),
            other => self.value(other),
        }
    }

    /// Appends what `write` writes, in the colour of `token`.
    pub fn paint(&mut self, token: Token, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.colour {
            return write(&mut self.bytes);
        }
        let style = token.style();
        let before = self.bytes.len();
        put!(self.bytes, "{}", style.prefix_formatter());
        let begin = self.bytes.len();
        write(&mut self.bytes);
        let end = self.bytes.len();
        put!(self.bytes, "{}", style.suffix_formatter());
        self.invisible += begin - before + self.bytes.len() - end;
    }

    /// Appends spaces, at least one, so that what follows stands at this column (from 0).
    pub fn pad_to(&mut self, column: usize) {
        let now = self.bytes.len() - self.start - self.invisible;
        let spaces = column.saturating_sub(now).max(1);
        self.bytes.resize(self.bytes.len() + spaces, b' ');
    }

    /// Ends the current line.
    pub fn end(&mut self) {
        self.bytes.push(b'\n');
        self.start = self.bytes.len();
        self.invisible = 0;
    }

    /// Appends a value.
    pub fn value(&mut self, value: Value<'_>) {
        match value {
            Value::Int(number) => self.paint(Token::Value, |out| put!(out, "{number}")),
            Value::Unsigned(number) => self.paint(Token::Value, |out| put!(out, "{number}")),
            Value::Hex(0) => self.paint(Token::Value, |out| out.push(b'0')),
            Value::Address(0) => self.constant("NULL"),
            Value::Hex(number) | Value::Address(number) => self.hex(number),
            Value::DirFd(libc::AT_FDCWD) => self.constant("AT_FDCWD"),
            Value::Fd(fd) | Value::DirFd(fd) => self.paint(Token::Value, |out| put!(out, "{fd}")),
            Value::Flags(flags) => self.flags(flags),
            Value::Mode(mode) => self.paint(Token::Value, |out| put!(out, "0{mode:02o}")),
            Value::Path { bytes, cut } => self.string(bytes, cut, quoted),
            Value::HexBytes(bytes) => self.hex_bytes(bytes),
            Value::Struct { fields, tail } => self.structure(fields, tail),
            Value::Strings(strings) => self.strings(strings),
            Value::Counted { address, count, unterminated } => {
                self.hex(address);
                self.push(" ");
                self.paint(Token::Comment, |out| {
                    let s = if count == 1 { "" } else { "s" };
                    let end = if unterminated { ", unterminated" } else { "" };
                    put!(out, "/* {count} var{s}{end} */");
                });
            }
        }
    }

    fn constant(&mut self, name: &str) {
        self.paint(Token::Constant, |out| out.extend_from_slice(name.as_bytes()));
    }

    fn hex(&mut self, number: u64) {
        self.paint(Token::Value, |out| put!(out, "{number:#x}"));
    }

    fn string(&mut self, bytes: &[u8], cut: bool, quote: fn(&mut Vec<u8>, &[u8])) {
        self.paint(Token::Value, |out| quote(out, bytes));
        if cut {
            self.push("...");
        }
    }

    fn hex_bytes(&mut self, bytes: &[u8]) {
        let shown = &bytes[..bytes.len().min(self.limits.length)];
        self.string(shown, shown.len() < bytes.len(), quoted_hex);
    }

    fn flags(&mut self, flags: Flags) {
        let mut separator = "";
        for part in flags.parts() {
            self.push(separator);
            separator = "|";
            match part {
                FlagPart::Name(name) => self.constant(name),
                FlagPart::Rest(bits, alone) => {
                    self.hex(bits);
                    if alone && !flags.set.prefix.is_empty() {
                        self.push(" ");
                        self.paint(Token::Comment, |out| put!(out, "/* {}_??? */", flags.set.prefix));
                    }
                }
            }
        }
        if separator.is_empty() {
            self.paint(Token::Value, |out| out.push(b'0'));
        }
    }

    fn structure(&mut self, fields: &[Arg<'_>], tail: Option<(usize, &[u8])>) {
        self.push("{");
        for (i, field) in fields.iter().enumerate() {
            self.push(if i == 0 { "" } else { ", " });
            self.push(field.name);
            self.push("=");
            self.value(field.value);
        }
        match tail {
            None => {}
            Some((_, [])) => self.push(", ???"),
            Some((offset, bytes)) => {
                self.push(", ");
                let last = offset + bytes.len() - 1;
                self.paint(Token::Comment, |out| put!(out, "/* bytes {offset}..{last} */"));
                self.push(" ");
                self.hex_bytes(bytes);
            }
        }
        self.push("}");
    }

    fn strings(&mut self, strings: Strings<'_>) {
        let limit = if self.limits.whole_vectors { usize::MAX } else { self.limits.length };
        for (i, element) in strings.iter().enumerate() {
            // Nothing at all could be read: the vector is its address.
            if let (0, Element::Cut(address)) = (i, element) {
                return self.hex(address);
            }
            self.push(if i == 0 { "[" } else { ", " });
            if i >= limit {
                return self.push("...]");
            }
            match element {
                Element::Bytes(bytes) => {
                    let shown = &bytes[..bytes.len().min(self.limits.length)];
                    self.string(shown, shown.len() < bytes.len(), quoted);
                }
                Element::Unreadable(address) => self.hex(address),
                Element::Cut(address) => {
                    self.push("... ");
                    self.paint(Token::Comment, |out| put!(out, "/* {address:#x} */"));
                }
            }
        }
        self.push(if strings.iter().next().is_none() { "[]" } else { "]" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstrace_core::flags::FlagSet;
    use rstrace_core::strings::{CUT, UNREADABLE};

    const LIMITS: Limits = Limits { length: 32, whole_vectors: false };

    fn shown_within(limits: Limits, value: Value<'_>) -> String {
        let mut lines = Lines::new(false, limits);
        lines.value(value);
        String::from_utf8(lines.bytes).expect("ASCII")
    }

    fn shown(value: Value<'_>) -> String {
        shown_within(LIMITS, value)
    }

    fn vector(elements: &[(u32, &[u8])]) -> Vec<u8> {
        let element =
            |(bits, bytes): &(u32, &[u8])| [&(bits | bytes.len() as u32).to_ne_bytes()[..], bytes].concat();
        elements.iter().flat_map(element).collect()
    }

    fn argv(elements: &[(u32, &[u8])]) -> String {
        shown(Value::Strings(Strings::from_payload(&vector(elements))))
    }

    #[test]
    fn scalars() {
        for (value, text) in [
            (Value::Int(-5), "-5"),
            (Value::Unsigned(u64::MAX), "18446744073709551615"),
            (Value::Hex(0), "0"),
            (Value::Hex(16), "0x10"),
            (Value::Address(0), "NULL"),
            (Value::Address(16), "0x10"),
            (Value::Fd(-100), "-100"),
            (Value::DirFd(-100), "AT_FDCWD"),
            (Value::DirFd(3), "3"),
            (Value::Mode(0), "000"),
            (Value::Mode(0o1), "001"),
            (Value::Mode(0o20), "020"),
            (Value::Mode(0o644), "0644"),
            (Value::Mode(0o100644), "0100644"),
        ] {
            assert_eq!(shown(value), text);
        }
    }

    #[test]
    fn flags_are_names_and_a_rest() {
        static SET: FlagSet = FlagSet { choice: None, names: &[(1, "AT_A"), (2, "AT_B")], prefix: "AT" };
        for (bits, text) in
            [(0, "0"), (3, "AT_A|AT_B"), (0x11, "AT_A|0x10"), (0x10, "0x10 /* AT_??? */"), (2, "AT_B")]
        {
            assert_eq!(shown(Value::Flags(Flags { bits, set: &SET })), text);
        }
    }

    #[test]
    fn a_path_is_cut_only_by_the_kernel() {
        let long = [b'x'; 100];
        assert_eq!(shown(Value::Path { bytes: &long, cut: false }).len(), 102);
        assert_eq!(shown(Value::Path { bytes: b"xx", cut: true }), "\"xx\"...");
    }

    #[test]
    fn a_structure_has_fields_and_a_tail() {
        let fields = [Arg { name: "a", value: Value::Int(1) }, Arg { name: "b", value: Value::Hex(2) }];
        let show = |tail| shown(Value::Struct { fields: &fields, tail });
        assert_eq!(show(None), "{a=1, b=0x2}");
        assert_eq!(show(Some((24, b"a\0"))), r#"{a=1, b=0x2, /* bytes 24..25 */ "\x61\x00"}"#);
        assert_eq!(show(Some((24, b""))), "{a=1, b=0x2, ???}");
        assert!(show(Some((24, &[1; 40]))).ends_with("\\x01\"...}"));
    }

    #[test]
    fn vectors_of_strings() {
        let (address, stop) = (16u64.to_ne_bytes(), 0x7f00_0000_4000u64.to_ne_bytes());
        assert_eq!(argv(&[]), "[]");
        assert_eq!(argv(&[(0, b"a"), (UNREADABLE, &address), (0, b"c")]), r#"["a", 0x10, "c"]"#);
        assert_eq!(argv(&[(0, b"x"), (CUT, &stop)]), r#"["x", ... /* 0x7f0000004000 */]"#);
        assert_eq!(argv(&[(CUT, &stop)]), "0x7f0000004000");
        assert_eq!(argv(&[(0, &[b'0'; 33])]), format!("[\"{}\"...]", "0".repeat(32)));
        assert_eq!(argv(&[(0, &[b'0'; 32])]), format!("[\"{}\"]", "0".repeat(32)));
    }

    #[test]
    fn a_vector_shows_as_many_elements_as_a_string_bytes() {
        let bytes = vector(&[(0, b"z"), (0, b"z"), (0, b"z")]);
        let show = |length, whole_vectors| {
            shown_within(Limits { length, whole_vectors }, Value::Strings(Strings::from_payload(&bytes)))
        };
        assert_eq!(show(2, false), r#"["z", "z", ...]"#);
        assert_eq!(show(3, false), r#"["z", "z", "z"]"#);
        assert_eq!(show(2, true), r#"["z", "z", "z"]"#);
        assert_eq!(show(0, false), "[...]");
    }

    #[test]
    fn counted_pointers() {
        let show = |count, unterminated| shown(Value::Counted { address: 0x30, count, unterminated });
        assert_eq!(show(23, false), "0x30 /* 23 vars */");
        assert_eq!(show(1, false), "0x30 /* 1 var */");
        assert_eq!(show(2, true), "0x30 /* 2 vars, unterminated */");
    }

    #[test]
    fn colours_take_no_column() {
        let mut lines = Lines::new(true, LIMITS);
        lines.paint(Token::Call, |out| out.extend_from_slice(b"abc"));
        lines.pad_to(5);
        lines.push("=");
        assert_eq!(lines.bytes, b"\x1b[33mabc\x1b[0m  =");
    }
}
