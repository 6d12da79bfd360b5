//! The `exec` probe: `execve` and `execveat`, with the parent of who called them.

use rstrace_core::Probe;
use rstrace_core::describe::Limits;
use rstrace_core::event::{Arg, Call, Value};
use rstrace_core::probe::{Capture, From, Pair, Payload, RawCall, What, When};

use crate::syscall::{Described, Through};

/// One line for `--list`.
pub const SUMMARY: &str = "programs being executed, with their arguments and parent: execve, execveat";

/// The system calls.
pub const SYSCALLS: &[&str] = &["execve", "execveat"];

/// The probe.
#[derive(Debug)]
pub struct Exec(Described);

impl Exec {
    /// Both calls.
    pub fn new(limits: Limits) -> Self {
        Self(Described::probe("exec", SUMMARY, SYSCALLS, limits, Through::default()))
    }
}

impl Probe for Exec {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn summary(&self) -> &'static str {
        self.0.summary()
    }

    fn pairs(&self) -> Vec<Pair> {
        self.0.pairs_with(&[Capture { from: From::Arg(0), when: When::Entry, what: What::Parent }])
    }

    fn decode(&self, call: &RawCall<'_>, emit: &mut dyn FnMut(&Call<'_>)) {
        // the captures of the arguments come first
        let place = call.memory.pieces().filter(|piece| piece.made).find(|piece| piece.address == 0);
        let parent = match place.map(|piece| piece.payload) {
            // that of who calls is longer
            Some(Payload::Bytes(bytes)) => bytes.try_into().ok().map(u32::from_ne_bytes),
            _ => None,
        };
        let ppid = Arg::new("ppid", Value::Unsigned(parent.unwrap_or_default().into()));
        let notes = if parent.is_some() { std::slice::from_ref(&ppid) } else { &[] };
        self.0.decode_with(call, notes, emit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{bytes, decode, made, read};
    use rstrace_core::event::Outcome;
    use rstrace_core::probe::End;
    use rstrace_core::strings::Element;

    const LIMITS: Limits = Limits::of_length(32);
    const ENVP: u64 = 0x30;

    fn count(count: u64, flags: u64) -> Vec<u8> {
        [count, flags].iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    #[test]
    fn a_program_has_path_arguments_environment_and_parent() {
        let argv = [&2u32.to_ne_bytes()[..], b"ls", &0u32.to_ne_bytes()].concat();
        let (envp, parent) = (count(23, 0), 812u32.to_ne_bytes());
        let captured = [bytes(1, b"/bin/ls"), made(2, &argv), made(ENVP, &envp), made(0, &parent)];
        decode(&Exec::new(LIMITS), "execve", &[1, 2, ENVP], &captured, End::Returned(0), |call| {
            let [path, argv, envp] = call.args else { panic!("{:?}", call.args) };
            assert!(matches!(path.value, Value::Path { bytes: b"/bin/ls", cut: false }));
            let Value::Strings(strings) = argv.value else { panic!("{argv:?}") };
            assert_eq!(strings.iter().collect::<Vec<_>>(), [Element::Bytes(b"ls"), Element::Bytes(b"")]);
            let Value::Counted { address: ENVP, count: 23, unterminated: false } = envp.value else {
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
        let captured = [read(0x10, Payload::Unreadable(b"")), made(ENVP, b"short")];
        decode(&Exec::new(LIMITS), "execve", &[0x10, 0, ENVP], &captured, End::Returned(-14), |call| {
            let addresses = call.args.iter().map(|arg| match arg.value {
                Value::Address(address) => address,
                other => panic!("{other:?}"),
            });
            assert_eq!(addresses.collect::<Vec<_>>(), [0x10, 0, ENVP]);
            assert!(call.notes.is_empty());
        });
    }

    #[test]
    fn an_environment_may_have_no_end_or_no_beginning() {
        for (envp, address, text) in [
            (count(2, 1), 0x30, "Counted { address: 48, count: 2, unterminated: true }"),
            (count(0, 0), 0x30, "Counted { address: 48, count: 0, unterminated: false }"),
            (count(0, 1), 0x30, "Address(48)"),
            (count(0, 0), 0, "Address(0)"),
        ] {
            let captured = [made(address, &envp)];
            decode(&Exec::new(LIMITS), "execve", &[1, 2, address], &captured, End::Returned(0), |call| {
                assert_eq!(format!("{:?}", call.args[2].value), text);
            });
        }
    }

    #[test]
    fn execveat_has_a_directory_and_flags() {
        let probe = Exec::new(LIMITS);
        let pairs = probe.pairs();
        let pair = pairs.iter().find(|pair| pair.name == "execveat").expect("the pair is there");
        let whats: Vec<_> = pair.captures.iter().map(|capture| (capture.from, capture.what)).collect();
        assert_eq!(
            whats[1..],
            [(From::Arg(2), What::Strings), (From::Arg(3), What::PointerCount), (From::Arg(0), What::Parent)]
        );
        decode(&probe, "execveat", &[5, 1, 0, 0, 0x1100], &[bytes(1, b"")], End::Returned(-9), |call| {
            let names: Vec<_> = call.args.iter().map(|arg| arg.name).collect();
            assert_eq!(names, ["dirfd", "pathname", "argv", "envp", "flags"]);
            let Value::Flags(flags) = call.args[4].value else { panic!("no flags") };
            assert_eq!(flags.parts().count(), 2);
        });
    }
}
