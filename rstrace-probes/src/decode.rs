//! What the decoders share: a list of arguments on the stack, and the meaning of registers and payloads.
//!
//! Registers are as the program set them: an `int` argument is their lower half, whatever the upper one holds.

use rstrace_core::event::{Arg, Value};
use rstrace_core::flags::{FlagSet, Flags};
use rstrace_core::probe::{MAX_ARGS, Payload, RawCall};

/// Up to [`MAX_ARGS`] named values, in order.
#[derive(Debug)]
pub struct Args<'a> {
    items: [Arg<'a>; MAX_ARGS],
    len: usize,
}

impl<'a> Args<'a> {
    pub fn new() -> Self {
        Self { items: [Arg { name: "", value: Value::Int(0) }; MAX_ARGS], len: 0 }
    }

    pub fn push(&mut self, name: &'static str, value: Value<'a>) {
        self.items[self.len] = Arg { name, value };
        self.len += 1;
    }

    pub fn as_slice(&self) -> &[Arg<'a>] {
        &self.items[..self.len]
    }
}

/// The directory that a path is relative to.
pub fn dirfd(register: u64) -> Value<'static> {
    Value::DirFd(register as i32)
}

/// An `int` of flags.
pub fn int_flags(register: u64, set: &'static FlagSet) -> Value<'static> {
    Value::Flags(Flags { bits: u64::from(register as u32), set })
}

/// A `umode_t`: the kernel takes 16 bits of the register.
pub fn mode(register: u64) -> Value<'static> {
    Value::Mode(u64::from(register as u16))
}

/// A path by its capture, or its address if it could not be read.
pub fn path<'a>(call: &RawCall<'a>, capture: usize, address: u64) -> Value<'a> {
    match call.payload(capture) {
        Some(Payload::Bytes(bytes)) if address != 0 => Value::Path { bytes, cut: false },
        Some(Payload::Cut(bytes)) if address != 0 => Value::Path { bytes, cut: true },
        _ => Value::Address(address),
    }
}

/// What the tests of the probes use: payloads that are just there.
#[cfg(test)]
pub mod fake {
    use rstrace_core::event::{Abi, Call};
    use rstrace_core::probe::{End, MAX_ARGS, Payload, Payloads, Probe, RawCall};

    /// Payloads by capture index.
    pub struct Captured<'a>(pub &'a [Option<Payload<'a>>]);

    impl Payloads for Captured<'_> {
        fn payload(&self, capture: usize) -> Option<Payload<'_>> {
            self.0.get(capture).copied().flatten()
        }
    }

    /// Decodes a call of the pair `name` and hands it to `check`.
    pub fn decode(
        probe: &dyn Probe,
        name: &str,
        args: &[u64],
        captured: &[Option<Payload<'_>>],
        end: End,
        check: impl FnOnce(&Call<'_>),
    ) {
        let pair = probe.pairs().iter().position(|pair| pair.name == name).expect("the pair is there");
        let mut registers = [0; MAX_ARGS];
        registers[..args.len()].copy_from_slice(args);
        let payloads = Captured(captured);
        let call = RawCall {
            pair,
            name,
            abi: Abi::Native,
            entry_ns: Some(1),
            args: registers,
            end,
            payloads: &payloads,
        };
        let mut check = Some(check);
        probe.decode(&call, &mut |call| (check.take().expect("emitted once"))(call));
        assert!(check.is_none(), "nothing was emitted");
    }
}
