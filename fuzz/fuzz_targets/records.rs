//! Raw records, decoded by every row of the table of system calls and written as text, at length and not.
//!
//! `cargo +nightly fuzz run records`
#![no_main]

use std::cell::RefCell;
use std::io;

use libfuzzer_sys::fuzz_target;
use rstrace_cli::replay::Lines;
use rstrace_core::event::Abi;
use rstrace_core::memory::{At, Memory, Piece, encode};
use rstrace_core::probe::{End, Payload, RawCall};
use rstrace_core::replay;

thread_local! {
    static FORMS: RefCell<[Lines; 4]> = RefCell::new([
        Lines::new(io::sink(), false),
        Lines::new(io::sink(), true),
        Lines::of_json(io::sink(), false),
        Lines::of_json(io::sink(), true),
    ]);
}

/// The input, from its beginning to its end; zeros follow.
struct Tape<'a>(&'a [u8]);

impl<'a> Tape<'a> {
    fn bytes(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn number<const LEN: usize>(&mut self) -> u64 {
        let mut word = [0; 8];
        let taken = self.bytes(LEN);
        word[..taken.len()].copy_from_slice(taken);
        u64::from_le_bytes(word)
    }

    /// The record of a call that fits together: memory stands where the arguments or what was captured point to.
    fn call(mut self) -> Vec<u8> {
        let kind = self.number::<1>();
        let args = std::array::from_fn(|_| self.number::<8>());
        let end = if kind & 1 != 0 { End::Died } else { End::Returned(self.number::<8>() as i64) };
        let mut pieces = Vec::new();
        while !self.0.is_empty() {
            let (kind, place) = (self.number::<1>(), self.number::<1>() as usize);
            let from = match args.get(place) {
                Some(arg) => *arg,
                None => self.number::<8>(),
            };
            let len = self.number::<2>() as usize;
            let data = self.bytes(len);
            pieces.push(Piece {
                capture: (kind >> 4) as usize % 11,
                at: if kind & 1 != 0 { At::Return } else { At::Entry },
                address: from,
                payload: match kind >> 1 & 3 {
                    0 => Payload::Bytes(data),
                    1 => Payload::Cut(data),
                    2 => Payload::Unreadable(data),
                    _ => Payload::NoRoom(data),
                },
                made: kind & 8 != 0,
            });
        }
        let call = RawCall {
            pair: 0,
            name: "",
            nr: 0,
            abi: if kind & 2 != 0 { Abi::Compat32 } else { Abi::Native },
            entry_ns: (kind & 4 == 0).then_some(1),
            args,
            end,
            memory: Memory::default(),
            tid: 5,
        };
        replay::call(0, &call, &encode(&pieces))
    }
}

fuzz_target!(|bytes: &[u8]| FORMS.with_borrow_mut(|forms| {
    let call = Tape(bytes).call();
    for lines in forms {
        // as it came, and as a call of each row
        lines.record(bytes, None);
        lines.by_every_row(&call);
    }
}));
