//! The `open` probe: `open`, `openat`, `openat2` and `creat`.
//!
//! The four differ in where their arguments stand; a row of the table says so, and one decoder serves all.
//! Flags and mode are taken from the system call's registers, not from the function that carries it out:
//! the kernel has altered them by then.

mod flags;

use crate::decode::{Args, dirfd, int_flags, mode, path};
use crate::numbers;
use rstrace_core::Probe;
use rstrace_core::event::{Call, Value};
use rstrace_core::flags::Flags;
use rstrace_core::probe::{Capture, Pair, Payload, RawCall, What, When};

/// One line for `--list`.
pub const SUMMARY: &str = "files being opened or created: open, openat, openat2, creat";

/// Every system call of the family ends in one of these: `do_sys_openat2` since Linux 5.6.
const UNSEEN: &str =
    "calls that seccomp refuses, and openat2 calls whose open_how is refused (EINVAL, E2BIG, EFAULT)";
const THROUGH: &[&str] = &["do_sys_openat2", "do_sys_open"];

/// What follows the path.
#[derive(Debug, PartialEq)]
enum Rest {
    /// Flags, and a mode if they ask for one.
    Flags,
    /// A mode alone.
    Mode,
    /// A `struct open_how` and its size.
    How,
}

/// A system call of the family.
#[derive(Debug)]
struct Row {
    name: &'static str,
    /// Whether the directory's descriptor stands before the path.
    at: bool,
    rest: Rest,
}

const ROWS: &[Row] = &[
    Row { name: "open", at: false, rest: Rest::Flags },
    Row { name: "openat", at: true, rest: Rest::Flags },
    Row { name: "openat2", at: true, rest: Rest::How },
    Row { name: "creat", at: false, rest: Rest::Mode },
];

/// The names of the system calls, of all architectures.
pub const SYSCALLS: &[&str] = &{
    let mut names = [""; ROWS.len()];
    let mut i = 0;
    while i < ROWS.len() {
        names[i] = ROWS[i].name;
        i += 1;
    }
    names
};

// Captures by index.
const PATH: usize = 0;
/// The structure by the size that the program gave.
const HOW: usize = 1;
/// Its first version alone: readable even if what follows is not.
const HOW_FIRST: usize = 2;

/// `OPEN_HOW_SIZE_VER0`: `flags`, `mode` and `resolve`, 8 bytes each.
const HOW_SIZE: usize = 24;

/// The probe.
#[derive(Debug)]
pub struct Open {
    rows: Vec<&'static Row>,
}

impl Open {
    /// The whole family, as far as this architecture has it.
    pub fn all() -> Self {
        Self::only(SYSCALLS)
    }

    /// Those of the family that are named.
    pub fn only(names: &[&str]) -> Self {
        let rows = ROWS.iter().filter(|row| names.contains(&row.name) && numbers::exists(row.name)).collect();
        Self { rows }
    }
}

impl Probe for Open {
    fn name(&self) -> &'static str {
        "open"
    }

    fn summary(&self) -> &'static str {
        SUMMARY
    }

    fn pairs(&self) -> Vec<Pair> {
        let pair = |row: &&'static Row| {
            let hook = numbers::hook(row.name, THROUGH, UNSEEN)?;
            let path = u8::from(row.at);
            let mut captures = vec![Capture { arg: path, when: When::Entry, what: What::String }];
            if row.rest == Rest::How {
                let (arg, count, when) = (path + 1, path + 2, When::Entry);
                captures.push(Capture { arg, when, what: What::BytesByArg { count, scale: 1 } });
                captures.push(Capture { arg, when, what: What::Bytes(HOW_SIZE as u32) });
            }
            Some(Pair { name: row.name, hook, captures })
        };
        self.rows.iter().filter_map(pair).collect()
    }

    fn decode(&self, call: &RawCall<'_>, emit: &mut dyn FnMut(&Call<'_>)) {
        let Some(row) = self.rows.get(call.pair) else { return };
        let registers = &call.args[usize::from(row.at)..];
        let mut fields = Args::new();
        let how = match row.rest {
            Rest::How => open_how(call, registers[2], &mut fields),
            _ => None,
        };
        let mut args = Args::new();
        if row.at {
            args.push("dirfd", dirfd(call.args[0]));
        }
        args.push("pathname", path(call, PATH, registers[0]));
        match row.rest {
            Rest::Flags => {
                args.push("flags", int_flags(registers[1], &flags::OPEN));
                if flags::takes_mode(registers[1]) {
                    args.push("mode", mode(registers[2]));
                }
            }
            Rest::Mode => args.push("mode", mode(registers[1])),
            Rest::How => {
                let value = match how {
                    Some(tail) => Value::Struct { fields: fields.as_slice(), tail },
                    None => Value::Address(registers[1]),
                };
                args.push("how", value);
                args.push("size", Value::Unsigned(registers[2]));
            }
        }
        emit(&Call {
            name: row.name,
            abi: call.abi,
            entry_ns: call.entry_ns,
            args: args.as_slice(),
            outcome: call.outcome(|fd| Value::Fd(fd as i32)),
            notes: &[],
        });
    }
}

/// The bytes after the first version of a structure, if they say anything, with their offset.
type Tail<'a> = Option<(usize, &'a [u8])>;

/// Fills in the fields of a `struct open_how` and returns what follows them; `None` if it is smaller than
/// its first version or cannot be read.
fn open_how<'a>(call: &RawCall<'a>, size: u64, fields: &mut Args<'a>) -> Option<Tail<'a>> {
    if size < HOW_SIZE as u64 {
        return None;
    }
    let (known, tail) = match call.payload(HOW) {
        Some(Payload::Bytes(bytes) | Payload::Cut(bytes)) => {
            let (known, tail) = bytes.split_first_chunk::<HOW_SIZE>()?;
            (known, tail.iter().any(|byte| *byte != 0).then_some((HOW_SIZE, tail)))
        }
        _ => match call.payload(HOW_FIRST) {
            Some(Payload::Bytes(bytes)) if size > HOW_SIZE as u64 => {
                (bytes.first_chunk::<HOW_SIZE>()?, Some((HOW_SIZE, &[][..])))
            }
            _ => return None,
        },
    };
    let mut words = known.chunks_exact(8).map(|word| u64::from_ne_bytes(word.try_into().unwrap_or_default()));
    let [bits, mode, resolve] = [(); 3].map(|()| words.next().unwrap_or_default());
    fields.push("flags", Value::Flags(Flags { bits, set: &flags::OPEN }));
    if mode != 0 || flags::takes_mode(bits) {
        fields.push("mode", Value::Mode(mode));
    }
    fields.push("resolve", Value::Flags(Flags { bits: resolve, set: &flags::RESOLVE }));
    Some(tail)
}

#[cfg(test)]
mod tests;
