//! What stands before a line besides the thread: the time, the time since the line before, the number of the call; and
//! the time that a call took, after it.

use super::date;
use super::line::put;
use super::quote::escaped;
use std::collections::HashMap;
use std::io::Write;

const SECOND: u64 = 1_000_000_000;

/// How exactly a time is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// Seconds.
    S,
    /// Milliseconds.
    Ms,
    /// Microseconds.
    Us,
    /// Nanoseconds.
    Ns,
}

impl Precision {
    /// Writes nanoseconds as seconds, at least so wide before the point, with their fraction.
    pub fn write(self, out: &mut Vec<u8>, ns: u64, width: usize) {
        put!(out, "{:width$}", ns / SECOND);
        self.fraction(out, ns);
    }

    fn fraction(self, out: &mut Vec<u8>, ns: u64) {
        let ns = ns % SECOND;
        match self {
            Self::S => {}
            Self::Ms => put!(out, ".{:03}", ns / 1_000_000),
            Self::Us => put!(out, ".{:06}", ns / 1000),
            Self::Ns => put!(out, ".{ns:09}"),
        }
    }
}

/// The time of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Absolute {
    /// Whether it is in seconds since 1970, and not the time of day.
    pub unix: bool,
    /// How exactly.
    pub precision: Precision,
}

/// What stands before a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prefixes {
    /// The time.
    pub absolute: Option<Absolute>,
    /// The time since the line before.
    pub relative: Option<Precision>,
    /// The number of the call.
    pub number: bool,
    /// Where the program is.
    pub pointer: bool,
}

/// The name of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    bytes: [u8; Self::LEN],
    len: u8,
}

impl Name {
    /// `TASK_COMM_LEN`.
    const LEN: usize = 16;

    /// As the kernel has it.
    pub fn new(name: &[u8]) -> Self {
        let mut bytes = [0; Self::LEN];
        let len = name.len().min(Self::LEN);
        bytes[..len].copy_from_slice(&name[..len]);
        Self { bytes, len: len as u8 }
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// Appends the name behind an id.
pub fn write_name(out: &mut Vec<u8>, name: &[u8]) {
    out.push(b'<');
    escaped(out, name);
    out.push(b'>');
}

/// What a line tells of that stands before it, as far as it is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mark {
    /// The number of the call that it is about.
    pub number: Option<u32>,
    /// Where the program is.
    pub place: Place,
    /// What the thread is called, if that is shown and the line tells of it.
    pub name: Option<Name>,
}

/// Where a program is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Place {
    /// Where it was when a line before told of it.
    #[default]
    AsBefore,
    /// At this address.
    At(u64),
    /// Nowhere any more, or nobody knows.
    Unknown,
}

impl Place {
    /// What an event says of it.
    pub fn of(pointer: Option<u64>) -> Self {
        pointer.map_or(Self::Unknown, Self::At)
    }
}

/// Writes it.
#[derive(Debug)]
pub struct Prefix {
    what: Prefixes,
    wall: Wall,
    /// The time of the line before, nanoseconds.
    before_ns: Option<u64>,
    /// The latest call's number of each thread.
    numbers: HashMap<u32, u32>,
    /// Where each thread was last.
    places: HashMap<u32, u64>,
    /// What each thread is called.
    names: HashMap<u32, Name>,
}

impl Prefix {
    /// For a trace that begins now.
    pub fn new(what: Prefixes) -> Self {
        Self {
            what,
            wall: Wall::default(),
            before_ns: None,
            numbers: HashMap::new(),
            places: HashMap::new(),
            names: HashMap::new(),
        }
    }

    /// What a line of a thread tells of stands before it, and before its lines from here on.
    pub fn note(&mut self, tid: u32, mark: Mark) {
        if let Some(number) = mark.number {
            self.numbers.insert(tid, number);
        }
        if let Place::At(pointer) = mark.place {
            self.places.insert(tid, pointer);
        }
        if let Some(name) = mark.name {
            self.names.insert(tid, name);
        }
    }

    /// What a thread is called, if that is shown.
    pub fn name(&self, tid: u32) -> Option<&Name> {
        self.names.get(&tid)
    }

    /// A thread has ended.
    pub fn forget(&mut self, tid: u32) {
        self.numbers.remove(&tid);
        self.places.remove(&tid);
        self.names.remove(&tid);
    }

    /// What stands before a line of a thread that tells of a time, `CLOCK_MONOTONIC` nanoseconds.
    pub fn write(&mut self, out: &mut Vec<u8>, tid: u32, time_ns: u64, place: Place) {
        if let Some(absolute) = self.what.absolute {
            self.wall.write(out, time_ns, absolute);
            out.push(b' ');
        }
        if let Some(precision) = self.what.relative {
            let since_ns = time_ns.saturating_sub(self.before_ns.replace(time_ns).unwrap_or(time_ns));
            let beside = self.what.absolute.is_some();
            put!(out, "{}", if beside { "(+" } else { "" });
            precision.write(out, since_ns, 6);
            put!(out, "{} ", if beside { ")" } else { "" });
        }
        if self.what.number {
            match self.numbers.get(&tid) {
                Some(number) => put!(out, "[{number:>4}] "),
                None => put!(out, "[????] "),
            }
        }
        if self.what.pointer {
            match self.places.get(&tid).filter(|_| place != Place::Unknown) {
                Some(pointer) => put!(out, "[{pointer:016x}] "),
                None => put!(out, "[????????????????] "),
            }
        }
    }
}

/// The clock on the wall.
#[derive(Debug, Default)]
pub struct Wall {
    /// Nanoseconds by which it is ahead of the trace's clock.
    ahead_ns: i64,
    /// When that was asked for: somebody may set it.
    asked_ns: Option<u64>,
    /// The second whose time of day is known.
    second: Option<(u64, [i32; 3])>,
}

impl Wall {
    /// What it shows at a time of the trace, `CLOCK_MONOTONIC` nanoseconds: nanoseconds since 1970.
    pub fn at(&mut self, time_ns: u64) -> u64 {
        if self.asked_ns.is_none_or(|asked| time_ns.saturating_sub(asked) >= SECOND) {
            self.ahead_ns = date::wall_offset_ns();
            self.asked_ns = Some(time_ns);
        }
        time_ns.saturating_add_signed(self.ahead_ns)
    }

    fn write(&mut self, out: &mut Vec<u8>, time_ns: u64, absolute: Absolute) {
        let ns = self.at(time_ns);
        if absolute.unix {
            return absolute.precision.write(out, ns, 0);
        }
        let [hour, minute, second] = match self.second {
            Some((known, time)) if known == ns / SECOND => time,
            _ => {
                let (hour, minute, second) = date::time_of_day((ns / SECOND) as i64);
                self.second = Some((ns / SECOND, [hour, minute, second]));
                [hour, minute, second]
            }
        };
        put!(out, "{hour:02}:{minute:02}:{second:02}");
        absolute.precision.fraction(out, ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(prefix: &mut Prefix, time_ns: u64) -> String {
        let mut out = Vec::new();
        prefix.write(&mut out, 5, time_ns, Place::AsBefore);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn the_time_since_the_line_before() {
        let mut prefix = Prefix::new(Prefixes { relative: Some(Precision::Us), ..Prefixes::default() });
        assert_eq!(written(&mut prefix, 7 * SECOND), "     0.000000 ");
        assert_eq!(written(&mut prefix, 8 * SECOND + 25_999), "     1.000025 ");
        assert_eq!(written(&mut prefix, SECOND), "     0.000000 ");
        let mut prefix = Prefix::new(Prefixes { relative: Some(Precision::S), ..Prefixes::default() });
        assert_eq!(written(&mut prefix, 7 * SECOND), "     0 ");
    }

    #[test]
    fn all_stand_in_the_order_of_strace() {
        let absolute = Some(Absolute { unix: true, precision: Precision::Ms });
        let what = Prefixes { absolute, relative: Some(Precision::Ns), number: true, pointer: true };
        let mut prefix = Prefix::new(what);
        prefix.wall = Wall { ahead_ns: 1_000_000, asked_ns: Some(SECOND), second: None };
        prefix.note(5, Mark { number: Some(39), place: Place::At(0x7f12), name: None });
        prefix.note(5, Mark::default());
        let expected = "1.001 (+     0.000000000) [  39] [0000000000007f12] ";
        assert_eq!(written(&mut prefix, SECOND), expected);
        let mut out = Vec::new();
        prefix.write(&mut out, 5, SECOND, Place::Unknown);
        assert!(out.ends_with(b"[  39] [????????????????] "));
        prefix.forget(5);
        let expected = "1.001 (+     0.000000005) [????] [????????????????] ";
        assert_eq!(written(&mut prefix, SECOND + 5), expected);
    }
}
