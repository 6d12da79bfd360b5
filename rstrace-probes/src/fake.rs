//! What the tests of the probes use: calls and memory that are just there, without a kernel.

use rstrace_core::event::{Abi, Call};
use rstrace_core::memory::{At, Piece, encode};
use rstrace_core::probe::{End, MAX_ARGS, Payload, Probe, RawCall};

/// What was read at an address at entry.
pub const fn read(address: u64, payload: Payload<'_>) -> Piece<'_> {
    Piece { capture: 0, at: At::Entry, address, payload, made: false }
}

/// Bytes that were read at an address at entry.
pub const fn bytes(address: u64, bytes: &[u8]) -> Piece<'_> {
    read(address, Payload::Bytes(bytes))
}

/// What was made of the vector at an address.
pub const fn made(address: u64, bytes: &[u8]) -> Piece<'_> {
    Piece { made: true, ..self::bytes(address, bytes) }
}

/// Decodes a call of the pair `name`, with captured memory, and hands it to `check`.
pub fn decode(
    probe: &dyn Probe,
    name: &str,
    args: &[u64],
    captured: &[Piece<'_>],
    end: End,
    check: impl FnOnce(&Call<'_>),
) {
    let pair = probe.pairs().iter().position(|pair| pair.name == name).expect("the pair is there");
    let mut registers = [0; MAX_ARGS];
    registers[..args.len()].copy_from_slice(args);
    let memory = encode(captured);
    let call = RawCall {
        pair,
        name,
        nr: 0,
        abi: Abi::Native,
        entry_ns: Some(1),
        args: registers,
        end,
        memory: memory.memory(),
        tid: 1,
    };
    let mut check = Some(check);
    probe.decode(&call, &mut |call| (check.take().expect("emitted once"))(call));
    assert!(check.is_none(), "nothing was emitted");
}
