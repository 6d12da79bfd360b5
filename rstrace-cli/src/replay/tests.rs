//! A bounded run of what the fuzz target does: nothing that a record may hold makes a decoder panic or hang.
//!
//! The inputs are the same in every run, but for those that `RSTRACE_FUZZ_SECONDS` asks for.

use std::io::Write;
use std::time::{Duration, Instant, SystemTime};

use rstrace_core::event::Abi;
use rstrace_core::memory::{At, Encoded, Memory, Piece, encode};
use rstrace_core::probe::{End, Payload, RawCall};
use rstrace_core::replay::{self, HEAD};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::*;

/// Pseudo-random numbers (xorshift64), the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.roll() % limit.max(1) as u64) as usize
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// A number such as programs pass, or an extreme one, or an address where memory was captured.
    fn word(&mut self) -> u64 {
        const EXTREME: [u64; 12] = [
            0,
            1,
            u64::MAX,
            i64::MIN as u64,
            i64::MAX as u64,
            u32::MAX as u64,
            i32::MIN as u64,
            0x7fff_ffff,
            0x8000_0000,
            0xffff_ffff_0000_0000,
            -100i64 as u64,
            4095,
        ];
        match self.below(8) {
            0 => self.of(&EXTREME),
            1 | 2 => self.roll() % 64,
            3 => 1 << (self.roll() % 64),
            4 => self.roll(),
            _ => self.address(),
        }
    }

    fn address(&mut self) -> u64 {
        0x1000 * (1 + self.roll() % 6) + self.of(&[0, 0, 0, 8, 4, 24])
    }

    /// Memory as a program could have it: words such as above, text, or anything.
    fn bytes(&mut self) -> Vec<u8> {
        let len = match self.below(4) {
            0 => self.below(16),
            1 => self.below(5000),
            _ => self.below(300),
        };
        let kind = self.below(5);
        let mut bytes = Vec::new();
        while bytes.len() < len {
            match kind {
                0 => bytes.push(self.roll() as u8),
                1 => bytes.push(self.of(b"a/\0\n\"x0")),
                2 => bytes.extend((self.word() as u32).to_ne_bytes()),
                3 => bytes.extend((self.roll() as u16 % 40).to_ne_bytes()),
                _ => bytes.extend(self.word().to_ne_bytes()),
            }
        }
        bytes.truncate(len);
        bytes
    }

    fn payloads(&mut self) -> Encoded {
        let bytes: Vec<_> = (0..self.below(7)).map(|_| self.bytes()).collect();
        let pieces: Vec<_> = bytes
            .iter()
            .map(|bytes| Piece {
                capture: self.below(11),
                at: self.of(&[At::Entry, At::Return]),
                address: self.address(),
                payload: match self.below(6) {
                    0 => Payload::Cut(bytes),
                    1 => Payload::Unreadable(bytes),
                    2 => Payload::NoRoom(bytes),
                    _ => Payload::Bytes(bytes),
                },
                made: self.below(8) == 0,
            })
            .collect();
        encode(&pieces)
    }

    /// The record of a call that fits together.
    fn call(&mut self) -> Vec<u8> {
        let call = RawCall {
            pair: 0,
            name: "",
            nr: self.below(600) as u32,
            abi: self.of(&[Abi::Native, Abi::Compat32]),
            entry_ns: self.of(&[Some(1), None]),
            args: std::array::from_fn(|_| self.word()),
            end: match self.below(8) {
                0 => End::Died,
                1 => End::Returned(-(self.below(600) as i64)),
                2 => End::Returned(self.word() as i64),
                _ => End::Returned(self.below(70) as i64),
            },
            memory: Memory::default(),
            tid: 5,
        };
        replay::call(0, &call, &self.payloads())
    }
}

/// All forms of every line: text and JSON, in brief and at length.
fn all_forms() -> [Lines; 4] {
    let text = |verbose| Lines::new(io::sink(), verbose);
    let json = |verbose| Lines::of_json(Objects, verbose);
    [text(false), text(true), json(false), json(true)]
}

/// Takes objects of JSON only, a line for each.
struct Objects;

impl io::Write for Objects {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let text = std::str::from_utf8(line).expect("UTF-8");
            assert!(
                text.strip_suffix('\n')
                    .is_some_and(|text| !text.contains(|c: char| !(' '..='~').contains(&c)))
            );
            let Value::Object = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}")) else {
                panic!("no object: {text}")
            };
        }
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A value of JSON of which no object has a member twice.
enum Value {
    Object,
    Other,
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Values;

        impl<'de> Visitor<'de> for Values {
            type Value = Value;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Other)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
                Ok(Value::Other)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Value, E> {
                Ok(Value::Other)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Value, E> {
                Ok(Value::Other)
            }

            fn visit_str<E>(self, _: &str) -> Result<Value, E> {
                Ok(Value::Other)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
                while list.next_element::<Value>()?.is_some() {}
                Ok(Value::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
                let mut names = std::collections::HashSet::new();
                while let Some((name, _)) = members.next_entry::<String, Value>()? {
                    if let Some(twice) = names.replace(name) {
                        return Err(A::Error::custom(format_args!("{twice} twice")));
                    }
                }
                Ok(Value::Object)
            }
        }

        deserializer.deserialize_any(Values)
    }
}

#[test]
fn calls_with_any_arguments_and_memory_have_a_line() {
    let mut dice = Dice(0x5eed_0001);
    let mut forms = all_forms();
    for _ in 0..40 {
        for row in 1..=forms[0].rows() {
            let record = dice.call();
            for lines in &mut forms {
                assert!(lines.record(&record, Some(row as u16)));
            }
        }
    }
}

/// A record with some bytes changed, by any row.
fn flipped(dice: &mut Dice, forms: &mut [Lines; 4]) {
    let mut record = dice.call();
    for _ in 0..1 + dice.below(8) {
        // most of what can go wrong is in the heads
        let place = if dice.below(2) == 0 { dice.below(HEAD) } else { dice.below(record.len()) };
        record[place] = dice.of(&[0, 1, 0x7f, 0x80, 0xff]);
    }
    let row = dice.below(forms[0].rows() + 1) as u16;
    for lines in forms {
        lines.record(&record, (row > 0).then_some(row));
    }
}

#[test]
fn records_with_flipped_bytes_are_decoded_or_refused() {
    let mut dice = Dice(0x5eed_0002);
    let mut forms = all_forms();
    for _ in 0..20_000 {
        flipped(&mut dice, &mut forms);
    }
}

#[test]
fn other_records_in_each_run_do_no_harm_for_as_long_as_is_asked_for() {
    let Ok(seconds) = std::env::var("RSTRACE_FUZZ_SECONDS") else { return };
    let end =
        Instant::now() + Duration::from_secs(seconds.parse().expect("RSTRACE_FUZZ_SECONDS is a number"));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is later than 1970");
    let mut seed = now.as_nanos() as u64 | 1;
    let mut forms = all_forms();
    let mut records = 0;
    while Instant::now() < end {
        // shown if something panics below
        println!("seed {seed:#x}");
        let mut dice = Dice(seed);
        for row in 1..=forms[0].rows() {
            let record = dice.call();
            for lines in &mut forms {
                assert!(lines.record(&record, Some(row as u16)));
            }
            flipped(&mut dice, &mut forms);
        }
        records += 2 * forms[0].rows();
        seed = dice.0;
    }
    // past libtest, which swallows what a test that passes says
    let _ = writeln!(io::stderr(), "{records} records in {seconds} s");
}

#[test]
fn bytes_that_are_no_record_do_no_harm() {
    let mut dice = Dice(0x5eed_0003);
    let mut forms = all_forms();
    for _ in 0..200 {
        let bytes = dice.bytes();
        let mut record = dice.call();
        record.truncate(dice.below(record.len()));
        for lines in &mut forms {
            lines.by_every_row(&bytes);
            assert!(!lines.record(&record, None));
        }
    }
}

#[test]
fn a_long_list_takes_no_longer_than_it_is() {
    // counts beyond what was captured: whoever believes them does not come to an end
    let mut forms = all_forms();
    let bytes = vec![0xff; 4096];
    let pieces: Vec<_> = (1..7)
        .map(|page| Piece {
            capture: 0,
            at: At::Entry,
            address: 0x1000 * page,
            payload: Payload::Bytes(&bytes),
            made: false,
        })
        .collect();
    let args = [0x1000, u64::MAX, 0x2000, u64::MAX, 0x3000, u64::MAX];
    let call = RawCall {
        pair: 0,
        name: "",
        nr: 0,
        abi: Abi::Native,
        entry_ns: Some(1),
        args,
        end: End::Returned(i64::MAX),
        memory: Memory::default(),
        tid: 5,
    };
    for lines in &mut forms {
        lines.by_every_row(&replay::call(0, &call, &encode(&pieces)));
    }
}

/// Keeps what it gets.
#[derive(Clone, Default)]
struct Kept(std::rc::Rc<std::cell::RefCell<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The line of an `ioctl` that returned 0, with this memory before and after it.
pub(super) fn ioctl_line(request: u64, memory: &[(At, u64, &[u8])]) -> String {
    ioctl_line_at(false, request, memory)
}

/// The same, at length or not.
pub(super) fn ioctl_line_at(verbose: bool, request: u64, memory: &[(At, u64, &[u8])]) -> String {
    let pieces: Vec<_> = memory
        .iter()
        .map(|&(at, address, bytes)| Piece {
            capture: 0,
            at,
            address,
            payload: Payload::Bytes(bytes),
            made: false,
        })
        .collect();
    let call = RawCall {
        pair: 0,
        name: "ioctl",
        nr: 16,
        abi: Abi::Native,
        entry_ns: Some(1),
        args: [3, request, 0x1000, 0, 0, 0],
        end: End::Returned(0),
        memory: Memory::default(),
        tid: 5,
    };
    let kept = Kept::default();
    let mut lines = Lines::new(kept.clone(), verbose);
    let row = lines.row("ioctl").expect("the call has a row");
    assert!(lines.record(&replay::call(row, &call, &encode(&pieces)), None));
    lines.finish().expect("a vector takes everything");
    String::from_utf8(kept.0.take()).expect("lines are ASCII")
}

/// No console at hand has fonts: what is expected is what strace 6.1 shows where it is made to believe that the call
/// succeeded (`-e inject=ioctl:retval=0`).
#[test]
fn the_fonts_that_a_console_answers_are_shown() {
    use rstrace_probes::uapi;
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<u8>>();
    let glyphs: Vec<u8> = (0..64).collect();
    let shown: String = (0..32).map(|byte| format!("\\x{byte:02x}")).collect();
    for (operation, asked, answer) in [
        (
            uapi::KD_FONT_OP_GET,
            "op=KD_FONT_OP_GET, flags=0, width=32, height=32, charcount=512, data=0x2000".to_owned(),
            format!(" => {{width=8, height=16, charcount=2, data=\"{shown}\"...}}"),
        ),
        (
            uapi::KD_FONT_OP_SET_DEFAULT,
            "op=KD_FONT_OP_SET_DEFAULT, width=32, height=32, data=\"\"".to_owned(),
            " => {width=8, height=16}".to_owned(),
        ),
        (uapi::KD_FONT_OP_COPY, "op=KD_FONT_OP_COPY, height=32".to_owned(), String::new()),
    ] {
        let before = words(&[operation as u32, 0, 32, 32, 512, 0, 0x2000, 0]);
        let after = words(&[operation as u32, 0, 8, 16, 2, 0, 0x2000, 0]);
        let memory = [
            (At::Entry, 0x1000, &before[..]),
            (At::Entry, 0x2000, &glyphs),
            (At::Return, 0x1000, &after),
            (At::Return, 0x2000, &glyphs),
        ];
        let line = ioctl_line(uapi::KDFONTOP, &memory);
        assert_eq!(line, format!("ioctl(3, KDFONTOP, {{{asked}}}{answer}) = 0\n"));
    }
    let before = words(&[512 | 32 << 16, 0, 0x2000, 0]);
    let after = words(&[1 | 16 << 16, 0, 0x2000, 0]);
    let memory =
        [(At::Entry, 0x1000, &before[..]), (At::Return, 0x1000, &after), (At::Return, 0x2000, &glyphs)];
    let asked = "{charcount=512, charheight=32, chardata=0x2000}";
    assert_eq!(
        ioctl_line(uapi::GIO_FONTX, &memory),
        format!("ioctl(3, GIO_FONTX, {asked} => {{charcount=1, charheight=16, chardata=\"{shown}\"}}) = 0\n")
    );
}
