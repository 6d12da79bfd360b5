//! The lines under construction, and how a value is written into them.
//!
//! The memory is used again and again: in the steady state nothing is allocated.

mod constants;

use super::date;
use super::errno;
use super::files::Files;
use super::prefix::write_name;
use super::quote::{Hex, quoted, quoted_as, quoted_hex};
use owo_colors::Style;
use rstrace_core::describe::{Constants, Item, Notation, Object, Quote, Shape};
use rstrace_core::event::{Comment, Glossed, Identity, Value};
use rstrace_core::file::File;
use rstrace_core::flags::{Choices, FlagPart, Flags, Packed, PackedNumber};
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
    /// Whether vectors and structures are shown whole.
    pub whole_vectors: bool,
    /// Which strings are shown in hex.
    pub hex: Hex,
    /// What is told of descriptors.
    pub files: Files,
    /// How named constants are shown.
    pub constants: Constants,
}

/// Lines: the finished ones and the one under construction.
#[derive(Debug, Clone)]
pub struct Lines {
    bytes: Vec<u8>,
    /// Where the current line begins.
    start: usize,
    /// Columns of the current line that were forgotten with what stood before.
    gone: usize,
    /// Bytes of the current line that take no column.
    invisible: usize,
    colour: bool,
    limits: Limits,
    /// Room for a name.
    name: Vec<u8>,
}

impl Lines {
    /// No lines.
    pub fn new(colour: bool, limits: Limits) -> Self {
        Self { bytes: Vec::new(), start: 0, gone: 0, invisible: 0, colour, limits, name: Vec::new() }
    }

    /// What was written since [`Lines::clear`].
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets all lines, keeps the memory. A line that is not finished goes on where it was.
    pub fn clear(&mut self) {
        self.gone = self.columns();
        self.bytes.clear();
        self.start = 0;
        self.invisible = 0;
    }

    /// Columns of the current line.
    fn columns(&self) -> usize {
        self.gone + self.bytes.len() - self.start - self.invisible
    }

    /// How many bytes there are, and how many of the current line take no column.
    pub fn mark(&self) -> (usize, usize) {
        (self.bytes.len(), self.invisible)
    }

    /// Appends what was written elsewhere, so many bytes of which take no column.
    pub fn append(&mut self, bytes: &[u8], invisible: usize) {
        self.bytes.extend_from_slice(bytes);
        self.invisible += invisible;
    }

    /// Exchanges all lines for these bytes, and these for them.
    pub fn replace(&mut self, bytes: &mut Vec<u8>) {
        std::mem::swap(&mut self.bytes, bytes);
        self.start = 0;
        self.gone = 0;
        self.invisible = 0;
    }

    /// Shows structures and lists whole from here on, or in brief.
    pub fn show_whole(&mut self, whole: bool) {
        self.limits.whole_vectors = whole;
    }

    /// Appends text without a colour.
    #[inline]
    pub fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Appends what `write` writes, without a colour.
    #[inline]
    pub fn format(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
    }

    /// Appends what a call returned.
    pub fn result(&mut self, value: Value<'_>) {
        match value {
            Value::Int(number) => self.number(Token::Result, number),
            Value::Fd(fd, file) => {
                self.number(Token::Result, fd);
                self.file(file);
            }
            Value::Pid(id, identity) => {
                self.number(Token::Result, id);
                self.identity(identity);
            }
            other => self.value(other),
        }
    }

    /// Appends what `write` writes, in the colour of `token`.
    #[inline]
    pub fn paint(&mut self, token: Token, write: impl FnOnce(&mut Vec<u8>)) {
        if self.colour {
            self.paint_coloured(token, write);
        } else {
            write(&mut self.bytes);
        }
    }

    #[cold]
    fn paint_coloured(&mut self, token: Token, write: impl FnOnce(&mut Vec<u8>)) {
        let style = token.style();
        let before = self.bytes.len();
        put!(self.bytes, "{}", style.prefix_formatter());
        let begin = self.bytes.len();
        write(&mut self.bytes);
        let end = self.bytes.len();
        put!(self.bytes, "{}", style.suffix_formatter());
        self.invisible += begin - before + self.bytes.len() - end;
    }

    /// Appends what `write` writes as constants and strings are to be shown, in the colour of `token`.
    fn notation(&mut self, token: Token, write: impl FnOnce(&mut Notation<'_>)) {
        let constants = self.limits.constants;
        let quote: Quote = match self.limits.hex {
            Hex::Never => quoted,
            Hex::NonAscii => |out, bytes| quoted_as(out, bytes, Hex::NonAscii),
            Hex::NonAsciiChars => |out, bytes| quoted_as(out, bytes, Hex::NonAsciiChars),
            Hex::All => quoted_hex,
        };
        self.paint(token, |out| write(&mut Notation::new(out, constants, quote)));
    }

    /// Appends spaces, at least one, so that what follows stands at this column (from 0).
    pub fn pad_to(&mut self, column: usize) {
        let spaces = column.saturating_sub(self.columns()).max(1);
        self.bytes.resize(self.bytes.len() + spaces, b' ');
    }

    /// Ends the current line.
    pub fn end(&mut self) {
        self.bytes.push(b'\n');
        self.start = self.bytes.len();
        self.gone = 0;
        self.invisible = 0;
    }

    /// Appends a value.
    pub fn value(&mut self, value: Value<'_>) {
        if self.limits.constants != Constants::Abbrev && self.by_number(value) {
            return;
        }
        match value {
            Value::Int(number) => self.decimal(number),
            Value::Unsigned(number) => self.decimal(number),
            Value::Hex(0) => self.paint(Token::Value, |out| out.push(b'0')),
            Value::Address(0) => self.constant("NULL"),
            Value::Hex(number) | Value::Address(number) => self.hex(number),
            Value::DirFd(libc::AT_FDCWD, directory) => {
                self.constant("AT_FDCWD");
                if let Some(directory) = directory {
                    self.limits.files.write_directory(&mut self.bytes, directory, &mut self.name);
                }
            }
            Value::Fd(fd, file) | Value::DirFd(fd, file) => {
                self.decimal(fd);
                self.file(file);
            }
            Value::Pid(id, identity) => {
                self.decimal(id);
                self.identity(identity);
            }
            Value::Flags(flags) => self.flags(flags),
            Value::Packed(bits, packed) => self.packed(bits, packed),
            Value::Mode(mode) => self.paint(Token::Value, |out| put!(out, "0{mode:02o}")),
            Value::Path { bytes, cut } => self.string(bytes, cut),
            Value::Text { bytes, more, whole } => {
                let shown = if whole { bytes } else { &bytes[..bytes.len().min(self.limits.length)] };
                self.string(shown, more || shown.len() < bytes.len());
            }
            Value::Terminated { bytes, more } => match &bytes[..bytes.len().min(self.limits.length)] {
                // strace shows it where it makes a string one in hex
                [text @ .., 0] if !matches!(self.limits.hex, Hex::NonAscii | Hex::All) => {
                    self.string(text, false);
                }
                shown => self.string(shown, more || shown.len() < bytes.len()),
            },
            Value::HexBytes(bytes) => self.hex_bytes(bytes),
            Value::WholeHexBytes { bytes, more } => {
                self.paint(Token::Value, |out| quoted_hex(out, bytes));
                self.push(if more { "..." } else { "" });
            }
            Value::Choice(value, choices) => self.choice(value, choices),
            Value::Signal(number) => self.signal(number),
            Value::Written(number, write) => self.notation(Token::Value, |out| write(out, number)),
            Value::Named(number, named) => self.notation(Token::Value, |out| named.write(out, number)),
            Value::WrittenBytes(bytes, write) => self.notation(Token::Value, |out| write(out, bytes)),
            Value::AbstractName(bytes) => {
                self.push("@");
                self.string(bytes, false);
            }
            Value::Missing => self.push("???"),
            Value::Joined(first, second) => {
                self.value(*first);
                self.push("|");
                self.value(*second);
            }
            Value::Object(object) => self.object(&object),
            Value::Changing(object) => self.changing(&object),
            Value::Change(before, after) => {
                self.value(*before);
                self.push(" => ");
                self.value(*after);
            }
            Value::Resuming(name) => self.format(|out| put!(out, "<... resuming interrupted {name} ...>")),
            Value::Bits(bytes, below) => self.bits(bytes, below, |_| None),
            Value::FdSet(bytes, below, call, at) => self.bits(bytes, below, |fd| call.file(fd, at)),
            Value::Signals(set) => self.signals(set, |lines, number| {
                // without `SIG`
                lines.paint(Token::Constant, |out| errno::signal_in_set(out, number));
            }),
            Value::More(address) => self.more(address),
            Value::Tail(offset, bytes) => self.tail(offset, bytes),
            Value::Date(seconds, nanoseconds) => self.paint(Token::Value, |out| {
                date::write(out, seconds, nanoseconds, 9);
            }),
            Value::Commented(value, comment) => {
                self.value(*value);
                self.comment(comment);
            }
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

    fn comment(&mut self, comment: Comment) {
        let (begin, invisible) = (self.bytes.len(), self.invisible);
        let mut says_something = true;
        self.push(" ");
        self.notation(Token::Comment, |out| {
            put!(out, "/* ");
            match comment {
                Comment::Date(seconds, nanos) => says_something = date::write(out, seconds, nanos, 9),
                Comment::DateInMicroseconds(seconds, micros) => {
                    says_something = date::write(out, seconds, micros, 6);
                }
                Comment::Written(number, write) => {
                    let begin = out.len();
                    write(out, number);
                    says_something = out.len() > begin;
                }
            }
            put!(out, " */");
        });
        if !says_something {
            self.bytes.truncate(begin);
            self.invisible = invisible;
        }
    }

    fn file(&mut self, file: Option<File<'_>>) {
        if let Some(file) = file {
            self.limits.files.write(&mut self.bytes, file, &mut self.name);
        }
    }

    fn identity(&mut self, identity: Option<Identity<'_>>) {
        let Some(Identity { comm, initial }) = identity else { return };
        if let Some(name) = comm {
            write_name(&mut self.bytes, name);
        }
        if let Some(id) = initial {
            // strace's words, which scripts may look for
            put!(self.bytes, " /* {id} in strace's PID NS */");
        }
    }

    fn decimal(&mut self, number: impl itoa::Integer) {
        self.number(Token::Value, number);
    }

    fn number(&mut self, token: Token, number: impl itoa::Integer) {
        self.paint(token, |out| out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()));
    }

    fn constant(&mut self, name: &str) {
        self.paint(Token::Constant, |out| out.extend_from_slice(name.as_bytes()));
    }

    fn hex(&mut self, number: u64) {
        self.paint(Token::Value, |out| hex(out, number));
    }

    fn string(&mut self, bytes: &[u8], cut: bool) {
        let hex = self.limits.hex;
        self.paint(Token::Value, |out| quoted_as(out, bytes, hex));
        if cut {
            self.push("...");
        }
    }

    fn hex_bytes(&mut self, bytes: &[u8]) {
        let shown = &bytes[..bytes.len().min(self.limits.length)];
        self.paint(Token::Value, |out| quoted_hex(out, shown));
        if shown.len() < bytes.len() {
            self.push("...");
        }
    }

    fn choice(&mut self, value: u64, choices: &Choices) {
        match choices.name(value) {
            Some(name) => self.constant(name),
            None if choices.unknown.is_empty() => {
                self.paint(Token::Value, |out| put!(out, "{}", value as i64))
            }
            None => {
                self.value(Value::Hex(value));
                self.unknown(choices.unknown);
            }
        }
    }

    fn unknown(&mut self, comment: &str) {
        self.push(" ");
        self.paint(Token::Comment, |out| put!(out, "/* {comment} */"));
    }

    fn signal(&mut self, number: i64) {
        self.paint(Token::Constant, |out| match u8::try_from(number) {
            Ok(1..=64) => errno::signal(out, number as u8),
            _ => put!(out, "{number}"),
        });
    }

    /// Each as `write` writes it; where most are set, those that are not.
    fn signals(&mut self, set: u64, write: impl Fn(&mut Self, u8)) {
        /// So many are shown by their complement.
        const MOST: u32 = 42;
        let inverted = set.count_ones() >= MOST;
        let shown = if inverted { !set } else { set };
        self.push(if inverted { "~[" } else { "[" });
        let mut separator = "";
        for number in (1..=64u8).filter(|number| shown & (1 << (number - 1)) != 0) {
            self.push(separator);
            separator = " ";
            write(self, number);
        }
        self.push("]");
    }

    fn bits<'a>(&mut self, bytes: &[u8], below: u32, file: impl Fn(i32) -> Option<File<'a>>) {
        self.push("[");
        let mut separator = "";
        for number in numbers(bytes, below) {
            self.push(separator);
            separator = " ";
            self.decimal(number);
            self.file(file(number));
        }
        self.push("]");
    }

    fn more(&mut self, address: Option<u64>) {
        self.push("...");
        if let Some(address) = address {
            self.push(" ");
            self.paint(Token::Comment, |out| put!(out, "/* {address:#x} */"));
        }
    }

    fn object(&mut self, object: &Object<'_>) {
        let verbose = self.limits.whole_vectors;
        let begin = self.bytes.len();
        let (open, close) = match object.shape() {
            Shape::Struct => ("{", "}"),
            Shape::List | Shape::Words => ("[", "]"),
            Shape::Bare => ("", ""),
        };
        let separator = if object.shape() == Shape::Words { " " } else { ", " };
        let limit = if object.is_list() && !verbose { self.limits.length } else { usize::MAX };
        self.push(open);
        let mut count = 0;
        object.parts(verbose, &mut |item| {
            if count < limit {
                self.push(if count == 0 { "" } else { separator });
                self.item(item);
            } else if count == limit {
                self.push(if count == 0 { "..." } else { ", ..." });
            }
            count += 1;
        });
        if count == 0 && object.shape() != Shape::List && object.is_custom() {
            self.bytes.truncate(begin);
            return self.value(Value::Address(object.address));
        }
        self.push(close);
    }

    fn item(&mut self, item: Item<'_>) {
        if !item.name.is_empty() {
            self.push(item.name);
            self.push("=");
        }
        self.value(item.value);
    }

    /// What a call changed in place: `[200 => 16]`.
    fn changing(&mut self, object: &Object<'_>) {
        let changed = object.changed().filter(|after| after.bytes != object.bytes);
        let Some(after) = changed else { return self.object(object) };
        if object.shape() != Shape::List {
            self.object(object);
            self.push(" => ");
            return self.object(&after);
        }
        self.push("[");
        object.parts(true, &mut |item| self.value(item.value));
        self.push(" => ");
        after.parts(true, &mut |item| self.value(item.value));
        self.push("]");
    }

    /// What the result of a call stands for, if its description says.
    pub fn gloss(&mut self, glossed: Glossed<'_>) {
        let mut separator = " (";
        (glossed.gloss)(glossed.call, &mut |item| {
            if self.says_nothing(&item) {
                return;
            }
            self.push(separator);
            separator = ", ";
            if !item.name.is_empty() {
                self.push(item.name);
                self.push(" ");
            }
            self.glossed(item);
        });
        if separator == ", " {
            self.push(")");
        }
    }

    fn tail(&mut self, offset: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return self.push("???");
        }
        let last = offset + bytes.len() - 1;
        self.paint(Token::Comment, |out| put!(out, "/* bytes {offset}..{last} */"));
        self.push(" ");
        self.hex_bytes(bytes);
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
                    if alone && !flags.set.unknown.is_empty() {
                        self.unknown(flags.set.unknown);
                    }
                }
            }
        }
        if separator.is_empty() {
            self.paint(Token::Value, |out| out.push(b'0'));
        }
    }

    fn packed(&mut self, bits: u64, packed: &'static Packed) {
        let flags = packed.flags(bits);
        let mut separator = "";
        if flags.parts().next().is_some() {
            self.flags(flags);
            separator = "|";
        }
        for number in packed.numbers {
            let value = bits & number.mask();
            match number {
                PackedNumber::Shifted { .. } if value == 0 => continue,
                PackedNumber::Shifted { shift, name, .. } => {
                    self.push(separator);
                    let number = value.checked_shr(*shift as u32).unwrap_or(0);
                    self.paint(Token::Value, |out| put!(out, "{number}<<{name}"));
                }
                PackedNumber::Mode => {
                    self.push(separator);
                    self.value(Value::Mode(value));
                }
            }
            separator = "|";
        }
        if separator.is_empty() {
            self.paint(Token::Value, |out| out.push(b'0'));
        }
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
                    self.string(shown, shown.len() < bytes.len());
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

/// Appends a number in hex.
fn hex(out: &mut Vec<u8>, number: u64) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 18];
    let mut begin = text.len();
    let mut left = number;
    loop {
        begin -= 1;
        text[begin] = DIGITS[(left & 15) as usize];
        left >>= 4;
        if left == 0 {
            break;
        }
    }
    begin -= 2;
    text[begin..begin + 2].copy_from_slice(b"0x");
    out.extend_from_slice(&text[begin..]);
}

/// The numbers below this one whose bits are set.
pub fn numbers(bytes: &[u8], below: u32) -> impl Iterator<Item = i32> {
    let places = (0i32..).step_by(8).zip(bytes).filter(|(_, byte)| **byte != 0);
    let all = places
        .flat_map(|(first, byte)| (0..8).filter(move |bit| byte & 1 << bit != 0).map(move |bit| first + bit));
    all.take_while(move |number| (*number as u32) < below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstrace_core::flags::FlagSet;
    use rstrace_core::strings::{CUT, UNREADABLE};

    const LIMITS: Limits = Limits {
        length: 32,
        whole_vectors: false,
        hex: Hex::Never,
        files: Files::NONE,
        constants: Constants::Abbrev,
    };

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
            (Value::Fd(-100, None), "-100"),
            (Value::DirFd(-100, None), "AT_FDCWD"),
            (Value::DirFd(3, None), "3"),
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
        static SET: FlagSet = FlagSet { choice: None, names: &[(1, "AT_A"), (2, "AT_B")], unknown: "AT_???" };
        for (bits, text) in
            [(0, "0"), (3, "AT_A|AT_B"), (0x11, "AT_A|0x10"), (0x10, "0x10 /* AT_??? */"), (2, "AT_B")]
        {
            assert_eq!(shown(Value::Flags(Flags { bits, set: &SET })), text);
        }
    }

    #[test]
    fn numbers_among_flags_come_last() {
        static PACKED: Packed = Packed {
            set: FlagSet { choice: None, names: &[(0x1000, "A")], unknown: "" },
            numbers: &[PackedNumber::Shifted { mask: 0xf0000, shift: 16, name: "S" }, PackedNumber::Mode],
        };
        for (bits, text) in [(0, "000"), (0o600, "0600"), (0x51000, "A|5<<S|000"), (0x3180, "A|0x2000|0600")]
        {
            assert_eq!(shown(Value::Packed(bits, &PACKED)), text);
        }
    }

    #[test]
    fn a_path_is_cut_only_by_the_kernel() {
        let long = [b'x'; 100];
        assert_eq!(shown(Value::Path { bytes: &long, cut: false }).len(), 102);
        assert_eq!(shown(Value::Path { bytes: b"xx", cut: true }), "\"xx\"...");
    }

    #[test]
    fn a_zero_at_the_end_of_what_is_shown_is_not_shown() {
        let show = |bytes, length, more| {
            shown_within(Limits { length, ..LIMITS }, Value::Terminated { bytes, more })
        };
        assert_eq!(show(b"abc\0", 32, false), r#""abc""#);
        assert_eq!(show(b"\0\0", 32, false), r#""\0""#);
        assert_eq!(show(b"", 32, false), r#""""#);
        assert_eq!(show(b"abc\0", 3, false), r#""abc"..."#);
        assert_eq!(show(b"ab\0d", 3, true), r#""ab""#);
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
            shown_within(
                Limits { length, whole_vectors, ..LIMITS },
                Value::Strings(Strings::from_payload(&bytes)),
            )
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
