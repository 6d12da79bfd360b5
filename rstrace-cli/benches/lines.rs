//! From a record to its line, against `write!` with std's formatting of the same line.
//!
//! `cargo bench -p rstrace-cli`. The records are as the kernel side sends them; both sides write the same bytes, which
//! is checked before anything is measured.

use std::hint::black_box;
use std::io::{self, Write};

use criterion::{Criterion, criterion_main};
use rstrace_cli::replay::Lines;
use rstrace_core::event::Abi;
use rstrace_core::memory::{At, Memory, Piece, encode};
use rstrace_core::probe::{End, Payload, RawCall};
use rstrace_core::replay;

/// A call that is measured.
struct Measured {
    name: &'static str,
    syscall: &'static str,
    args: [u64; 6],
    result: i64,
    captured: Vec<(At, u64, Vec<u8>)>,
    /// The same line by std's formatting, from what a decoder would have.
    by_std: fn(&mut Vec<u8>, &[u64; 6], i64, &[u8]),
}

impl Measured {
    fn record(&self, row: u16) -> Vec<u8> {
        let piece = |(capture, (at, address, bytes)): (usize, &(At, u64, Vec<u8>))| Piece {
            capture,
            at: *at,
            address: *address,
            payload: Payload::Bytes(Box::leak(bytes.clone().into_boxed_slice())),
            made: false,
        };
        let pieces: Vec<_> = self.captured.iter().enumerate().map(piece).collect();
        let call = RawCall {
            pair: 0,
            name: self.syscall,
            nr: 0,
            abi: Abi::Native,
            entry_ns: Some(1),
            args: self.args,
            end: End::Returned(self.result),
            memory: Memory::default(),
            tid: 5,
        };
        replay::call(row, &call, &encode(&pieces))
    }

    fn captured_bytes(&self) -> &[u8] {
        self.captured.last().map_or(&[], |(_, _, bytes)| bytes)
    }
}

/// Where the kernel's structures stand in the process.
const BUFFER: u64 = 0x7ffc_3a5e_9d40;

fn measured() -> Vec<Measured> {
    let stat: Vec<u8> = [
        0x801u64,
        131_077,
        1,
        0o100_644,
        0,
        0,
        14,
        4096,
        8,
        1_700_000_000,
        1,
        1_700_000_001,
        2,
        1_700_000_002,
        3,
        0,
        0,
        0,
    ]
    .iter()
    .flat_map(|word| word.to_ne_bytes())
    .collect();
    vec![
        Measured {
            name: "no payload",
            syscall: "close",
            args: [3, 0, 0, 0, 0, 0],
            result: 0,
            captured: Vec::new(),
            by_std: |out, args, result, _| {
                let call = format!("close({})", args[0] as i32);
                let _ = writeln!(out, "{call:<39} = {result}");
            },
        },
        Measured {
            name: "a string of 32 bytes",
            syscall: "read",
            args: [3, BUFFER, 32, 0, 0, 0],
            result: 32,
            captured: vec![(At::Return, BUFFER, b"localhost 127.0.0.1 ip6-loopback".to_vec())],
            by_std: |out, args, result, bytes| {
                let call = format!("read({}, \"{}\", {})", args[0] as i32, bytes.escape_ascii(), args[2]);
                let _ = writeln!(out, "{call:<39} = {result}");
            },
        },
        Measured {
            name: "a stat",
            syscall: "fstat",
            args: [3, BUFFER, 0, 0, 0, 0],
            result: 0,
            captured: vec![(At::Return, BUFFER, stat)],
            by_std: |out, args, result, bytes| {
                let word =
                    |at: usize| u64::from_ne_bytes(*bytes[at..].first_chunk().expect("a stat has them"));
                let mode = word(24) as u32;
                let kind = if mode & 0o170_000 == 0o100_000 { "S_IFREG" } else { "S_IFDIR" };
                let call = format!(
                    "fstat({}, {{st_mode={kind}|{:#o}, st_size={}, ...}})",
                    args[0] as i32,
                    Octal(mode & 0o7777),
                    word(48) as i64
                );
                let _ = writeln!(out, "{call:<39} = {result}");
            },
        },
    ]
}

/// C's `%#o`.
struct Octal(u32);

impl std::fmt::Octal for Octal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "0{:o}", self.0)
    }
}

/// A sink that keeps what it gets, to be compared.
#[derive(Clone, Default)]
struct Kept(std::rc::Rc<std::cell::RefCell<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lines(criterion: &mut Criterion) {
    for call in measured() {
        let kept = Kept::default();
        let mut checked = Lines::new(kept.clone(), false);
        let row = checked.row(call.syscall).expect("the call has a row");
        let record = call.record(row);
        assert!(checked.record(&record, None));
        checked.finish().expect("a vector takes everything");
        let mut expected = Vec::new();
        (call.by_std)(&mut expected, &call.args, call.result, call.captured_bytes());
        let (ours, theirs) = (kept.0.borrow(), String::from_utf8_lossy(&expected));
        assert_eq!(String::from_utf8_lossy(&ours), theirs);

        let mut group = criterion.benchmark_group(call.name);
        let mut lines = Lines::new(io::sink(), false);
        group.bench_function("record to line", |bencher| {
            bencher.iter(|| lines.record(black_box(&record), None));
        });
        let mut out = Vec::with_capacity(1 << 16);
        group.bench_function("write! of the line", |bencher| {
            bencher.iter(|| {
                if out.len() > 1 << 15 {
                    out.clear();
                }
                (call.by_std)(&mut out, black_box(&call.args), call.result, black_box(call.captured_bytes()));
            });
        });
        group.finish();
    }
}

#[allow(missing_docs, reason = "the macro writes it")]
mod groups {
    use super::lines;
    criterion::criterion_group!(benches, lines);
}
use groups::benches;
criterion_main!(benches);
