//! The `exec` probe: `execve` and `execveat`.
//!
//! The memory that holds the arguments is gone when such a call succeeds, so the engine reads the vectors
//! when the new program is about to replace the old one, or when that failed.

use crate::decode::{Args, dirfd, int_flags, path};
use crate::numbers;
use rstrace_core::Probe;
use rstrace_core::event::{Arg, Call, Value};
use rstrace_core::flags::FlagSet;
use rstrace_core::probe::{Capture, Pair, Payload, RawCall, What, When};
use rstrace_core::strings::Strings;

/// One line for `--list`.
pub const SUMMARY: &str = "programs being executed, with their arguments and parent: execve, execveat";

/// The names of the system calls.
pub const SYSCALLS: &[&str] = &["execve", EXECVEAT];
/// The one that begins with a directory's descriptor and ends with flags.
const EXECVEAT: &str = "execveat";

/// Those flags of `execveat` (`AT_EXECVE_CHECK` since Linux 6.14).
static FLAGS: FlagSet = FlagSet {
    choice: None,
    names: &[
        (libc::AT_SYMLINK_NOFOLLOW as u64, "AT_SYMLINK_NOFOLLOW"),
        (libc::AT_EMPTY_PATH as u64, "AT_EMPTY_PATH"),
        (libc::AT_EXECVE_CHECK as u64, "AT_EXECVE_CHECK"),
    ],
    prefix: "AT",
};

// Captures by index.
const PATH: usize = 0;
const ARGV: usize = 1;
const ENVP: usize = 2;
const PARENT: usize = 3;

/// Bit of the second word of a pointer count: memory ended before a `NULL`.
const UNTERMINATED: u64 = 1;

/// The probe.
#[derive(Debug)]
pub struct Exec {
    names: Vec<&'static str>,
}

impl Exec {
    /// Both calls.
    pub fn all() -> Self {
        Self::only(SYSCALLS)
    }

    /// Those that are named.
    pub fn only(names: &[&str]) -> Self {
        let wanted = |name: &&&'static str| names.contains(*name) && numbers::exists(name);
        Self { names: SYSCALLS.iter().filter(wanted).copied().collect() }
    }
}

impl Probe for Exec {
    fn name(&self) -> &'static str {
        "exec"
    }

    fn summary(&self) -> &'static str {
        SUMMARY
    }

    fn pairs(&self) -> Vec<Pair> {
        let pair = |name: &&'static str| {
            let hook = numbers::hook(name, &[], "")?;
            let path = u8::from(*name == EXECVEAT);
            let what = [What::String, What::Strings, What::PointerCount, What::Parent];
            let capture = |(i, what)| {
                let arg = if what == What::Parent { 0 } else { path + i };
                Capture { arg, when: When::Entry, what }
            };
            Some(Pair { name, hook, captures: (0u8..).zip(what).map(capture).collect() })
        };
        self.names.iter().filter_map(pair).collect()
    }

    fn decode(&self, call: &RawCall<'_>, emit: &mut dyn FnMut(&Call<'_>)) {
        let Some(name) = self.names.get(call.pair) else { return };
        let at = *name == EXECVEAT;
        let registers = &call.args[usize::from(at)..];
        let mut args = Args::new();
        if at {
            args.push("dirfd", dirfd(call.args[0]));
        }
        args.push("pathname", path(call, PATH, registers[0]));
        args.push("argv", strings(call.payload(ARGV), registers[1]));
        args.push("envp", counted(call.payload(ENVP), registers[2]));
        if at {
            args.push("flags", int_flags(registers[3], &FLAGS));
        }
        let parent = match call.payload(PARENT) {
            Some(Payload::Bytes(bytes)) => bytes.first_chunk::<4>().map(|bytes| u32::from_ne_bytes(*bytes)),
            _ => None,
        };
        let ppid = Arg { name: "ppid", value: Value::Unsigned(parent.unwrap_or_default().into()) };
        emit(&Call {
            name,
            abi: call.abi,
            entry_ns: call.entry_ns,
            args: args.as_slice(),
            outcome: call.outcome(Value::Int),
            notes: if parent.is_some() { std::slice::from_ref(&ppid) } else { &[] },
        });
    }
}

/// A vector of strings, or its address if it was not read.
fn strings(payload: Option<Payload<'_>>, address: u64) -> Value<'_> {
    match payload {
        Some(Payload::Bytes(bytes) | Payload::Cut(bytes)) if address != 0 => {
            Value::Strings(Strings::from_payload(bytes))
        }
        _ => Value::Address(address),
    }
}

/// A vector by the number of its pointers, or its address if they were not counted.
fn counted(payload: Option<Payload<'_>>, address: u64) -> Value<'_> {
    let words = match payload {
        Some(Payload::Bytes(bytes)) if address != 0 => bytes.first_chunk::<16>(),
        _ => None,
    };
    let Some(words) = words else { return Value::Address(address) };
    let word = |i: usize| u64::from_ne_bytes(std::array::from_fn(|byte| words[8 * i + byte]));
    match (word(0), word(1) & UNTERMINATED != 0) {
        // Not even the first pointer could be read.
        (0, true) => Value::Address(address),
        (count, unterminated) => Value::Counted { address, count, unterminated },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::fake::decode;
    use rstrace_core::event::Outcome;
    use rstrace_core::probe::End;
    use rstrace_core::strings::Element;

    fn count(count: u64, flags: u64) -> Vec<u8> {
        [count, flags].iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    fn some(bytes: &[u8]) -> Option<Payload<'_>> {
        Some(Payload::Bytes(bytes))
    }

    #[test]
    fn a_program_has_path_arguments_environment_and_parent() {
        let argv = [&2u32.to_ne_bytes()[..], b"ls", &0u32.to_ne_bytes()].concat();
        let (envp, parent) = (count(23, 0), 812u32.to_ne_bytes());
        let captured = [some(b"/bin/ls"), some(&argv), some(&envp), some(&parent)];
        decode(&Exec::all(), "execve", &[1, 2, 0x30], &captured, End::Returned(0), |call| {
            let [path, argv, envp] = call.args else { panic!("{:?}", call.args) };
            assert!(matches!(path.value, Value::Path { bytes: b"/bin/ls", cut: false }));
            let Value::Strings(strings) = argv.value else { panic!("{argv:?}") };
            assert_eq!(strings.iter().collect::<Vec<_>>(), [Element::Bytes(b"ls"), Element::Bytes(b"")]);
            let Value::Counted { address: 0x30, count: 23, unterminated: false } = envp.value else {
                panic!("{envp:?}")
            };
            assert!(matches!(call.outcome, Outcome::Returned(Value::Int(0))));
            let [ppid] = call.notes else { panic!("{:?}", call.notes) };
            assert_eq!(ppid.name, "ppid");
            assert!(matches!(ppid.value, Value::Unsigned(812)));
        });
    }

    #[test]
    fn what_was_not_read_is_its_address() {
        let captured = [Some(Payload::Unreadable), None, some(b"short"), None];
        decode(&Exec::all(), "execve", &[0x10, 0, 0x30], &captured, End::Returned(-14), |call| {
            let addresses = call.args.iter().map(|arg| match arg.value {
                Value::Address(address) => address,
                other => panic!("{other:?}"),
            });
            assert_eq!(addresses.collect::<Vec<_>>(), [0x10, 0, 0x30]);
            assert!(call.notes.is_empty());
        });
    }

    #[test]
    fn an_environment_may_have_no_end_or_no_beginning() {
        for (bytes, text) in [
            (count(2, 1), "Counted { address: 16, count: 2, unterminated: true }"),
            (count(0, 0), "Counted { address: 16, count: 0, unterminated: false }"),
            (count(0, 1), "Address(16)"),
        ] {
            assert_eq!(format!("{:?}", counted(some(&bytes), 16)), text);
        }
        assert_eq!(format!("{:?}", counted(some(&count(0, 0)), 0)), "Address(0)");
    }

    #[test]
    fn execveat_has_a_directory_and_flags() {
        let probe = Exec::only(&["execveat"]);
        let pairs = probe.pairs();
        assert_eq!(pairs.len(), 1);
        assert_eq!(pairs[0].captures.iter().map(|c| c.arg).collect::<Vec<_>>(), [1, 2, 3, 0]);
        decode(&probe, "execveat", &[5, 1, 0, 0, 0x1100], &[some(b"")], End::Returned(-9), |call| {
            let names: Vec<_> = call.args.iter().map(|arg| arg.name).collect();
            assert_eq!(names, ["dirfd", "pathname", "argv", "envp", "flags"]);
            let Value::Flags(flags) = call.args[4].value else { panic!("no flags") };
            assert_eq!(flags.parts().count(), 2);
        });
    }
}
