//! Calls that threads were in when they were attached to: no entry was seen, so what is known of them is what `/proc`
//! tells, and what their arguments point to now.

use std::fs;
use std::fs::File;
use std::os::unix::fs::FileExt;

use rstrace_probes_bpf::layout;

use crate::event::Abi;
use crate::memory::{At, Encoded, Piece, encode};
use crate::probe::{Capture, Count, From, Hook, MAX_ARGS, PATH_MAX, Pair, Payload, What, When};
use crate::record::Record;

/// Longer memory is shown as its address.
const LONGEST: usize = 64 << 10;

/// What is known of the call that a thread is in.
#[derive(Debug)]
pub(crate) enum Before {
    /// It is in this one, as its record would say, and in the same one as before.
    In(Box<Record>, Encoded),
    /// It is in none that is traced.
    InNone,
    /// It went on meanwhile.
    Moving,
}

/// A pair of a session with the number that records have of it.
#[derive(Debug)]
pub(crate) struct Numbered {
    pub id: u16,
    pub pair: Pair,
}

/// The call that a thread is in. `entered` says whether its entry has been seen after all.
pub(crate) fn look(pairs: &[Numbered], tgid: u32, tid: u32, entered: impl Fn() -> bool) -> Before {
    let at = format!("/proc/{tgid}/task/{tid}");
    let read = || fs::read_to_string(format!("{at}/syscall"));
    let Ok(text) = read() else { return Before::InNone };
    let Some((nr, args)) = parse(&text) else {
        return if text.starts_with("running") { Before::Moving } else { Before::InNone };
    };
    if is_held_or_exiting(&at) {
        return Before::Moving;
    }
    let abi = abi_of(&at);
    let Some(Numbered { id, pair }) = find(pairs, abi, nr) else { return Before::InNone };
    let payloads = match File::open(format!("{at}/mem")) {
        Ok(memory) => captured(captures_of(pair, &args), &args, &memory),
        Err(_) => encode(&[]),
    };
    // where it is in the same call with the same stack and still nobody has seen it enter one, that is one from before
    if entered() || !read().is_ok_and(|again| again == text) || is_held_or_exiting(&at) {
        return Before::Moving;
    }
    let compat = if abi == Abi::Compat32 { layout::CALL_COMPAT } else { 0 };
    let head = Record {
        kind: layout::RECORD_CALL,
        pair: *id,
        pid_tgid: u64::from(tgid) << 32 | u64::from(tid),
        args,
        nr,
        flags: layout::CALL_NO_ENTRY | compat,
        ..Record::default()
    };
    Before::In(Box::new(head), payloads)
}

/// Whether a debugger holds a thread: that may be before its call's entry is seen, or after its return was. Of one that
/// exits the kernel side has forgotten in which call it does.
fn is_held_or_exiting(task: &str) -> bool {
    let stat = fs::read_to_string(format!("{task}/stat"));
    // behind the name, which may hold any byte
    stat.is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| stat_is_of_held_or_exiting(rest)))
}

/// `STATE PPID PGRP SESSION TTY TPGID FLAGS ...`
fn stat_is_of_held_or_exiting(fields: &str) -> bool {
    /// From the kernel's sched.h.
    const PF_EXITING: u32 = 4;
    let mut fields = fields.split(' ');
    let is_held = fields.next() == Some("t");
    let flags = fields.nth(5).and_then(|flags| flags.parse().ok());
    is_held || flags.is_none_or(|flags: u32| flags & PF_EXITING != 0)
}

/// `NR 0xA 0xB 0xC 0xD 0xE 0xF 0xSP 0xPC`; a thread in no call has -1 and fewer, one that is on a CPU `running`.
fn parse(text: &str) -> Option<(u32, [u64; MAX_ARGS])> {
    let mut words = text.split_ascii_whitespace();
    let nr = words.next()?.parse().ok()?;
    let mut args = [0; MAX_ARGS];
    for arg in &mut args {
        *arg = u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok()?;
    }
    Some((nr, args))
}

/// That of the program: one that mixes both is not told from others.
fn abi_of(task: &str) -> Abi {
    /// Where an ELF file has its class, and that of 32 bits.
    const CLASS: (u64, u8) = (4, 1);
    let mut class = [0];
    let file = File::open(format!("{task}/exe"));
    match file.and_then(|file| file.read_exact_at(&mut class, CLASS.0)) {
        Ok(()) if class[0] == CLASS.1 => Abi::Compat32,
        _ => Abi::Native,
    }
}

fn find(pairs: &[Numbered], abi: Abi, nr: u32) -> Option<&Numbered> {
    let has = |numbered: &&Numbered| match &numbered.pair.hook {
        Hook::Syscall { native, compat, .. } => {
            (if abi == Abi::Native { native } else { compat }).is_some_and(|own| own == nr)
        }
        _ => false,
    };
    let any = |numbered: &&Numbered| matches!(numbered.pair.hook, Hook::AnySyscall);
    pairs.iter().find(has).or_else(|| pairs.iter().find(any))
}

/// The captures of a call with these arguments.
fn captures_of<'a>(pair: &'a Pair, args: &[u64; MAX_ARGS]) -> &'a [Capture] {
    let own = pair.variants.as_ref().and_then(|variants| {
        let value = *args.get(usize::from(variants.arg))? as u32;
        variants.captures.iter().find(|(of, _)| *of == value)
    });
    own.map_or(&pair.captures, |(_, captures)| captures)
}

/// What the plain captures of an entry bring now; others are left out, and shown as their addresses.
fn captured(captures: &[Capture], args: &[u64; MAX_ARGS], memory: &File) -> Encoded {
    let mut brought: Vec<Option<(u64, Vec<u8>)>> = Vec::new();
    let mut skip = 0usize;
    for capture in captures {
        let of_an_element = skip > 0;
        skip = match capture.what {
            What::Each { body, .. } => usize::max(skip.saturating_sub(1), body.into()),
            _ => skip.saturating_sub(1),
        };
        let is_wanted = !of_an_element && matches!(capture.when, When::Entry | When::EntryOnly);
        brought.push(if is_wanted { bring(capture, args, &brought, memory) } else { None });
    }
    let pieces = brought.iter().enumerate().filter_map(|(capture, brought)| {
        let (address, bytes) = brought.as_ref()?;
        let payload = Payload::Bytes(bytes);
        Some(Piece { capture, at: At::Entry, address: *address, payload, made: false })
    });
    encode(&pieces.collect::<Vec<_>>())
}

fn bring(
    capture: &Capture,
    args: &[u64; MAX_ARGS],
    brought: &[Option<(u64, Vec<u8>)>],
    memory: &File,
) -> Option<(u64, Vec<u8>)> {
    let member = |of: u8, offset: u16, size: u8| {
        let (_, bytes) = brought.get(usize::from(of))?.as_ref()?;
        let bytes = bytes.get(offset.into()..)?.get(..size.into())?;
        let mut word = [0; 8];
        word.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(u64::from_ne_bytes(word))
    };
    let address = match capture.from {
        From::Arg(arg) => *args.get(usize::from(arg))?,
        From::Captured { of, offset, size } => member(of, offset, size)?,
        From::Return => return None,
    };
    if address == 0 {
        return None;
    }
    let bytes = match capture.what {
        What::String { limit } => string(memory, address, limit as usize)?,
        What::Bytes { count, scale, add, limit } => {
            let arg = |arg: u8| args.get(usize::from(arg)).copied();
            let count = match count {
                Count::Fixed => 1,
                Count::Arg(place) | Count::Transferred(place) => arg(place)?,
                Count::IntArg(place) => (arg(place)? as i32).max(0) as u64,
                Count::BitsArg(place) => arg(place)?.div_ceil(64),
                Count::PagesArg(place) => arg(place)?.div_ceil(PATH_MAX.into()),
                Count::Captured { of, offset, size } => member(of, offset, size)?,
                Count::CapturedBits { of, offset, size } => member(of, offset, size)?.div_ceil(64),
                Count::IoctlIn if arg(1)? >> 30 & 1 != 0 => arg(1)? >> 16 & 0x3fff,
                Count::Return | Count::IoctlIn | Count::IoctlOut => return None,
            };
            let len = count.saturating_mul(scale.into()).saturating_add(add.into()).min(limit.into());
            let mut bytes = vec![0; usize::try_from(len).ok().filter(|len| *len <= LONGEST)?];
            memory.read_exact_at(&mut bytes, address).ok()?;
            bytes
        }
        _ => return None,
    };
    Some((address, bytes))
}

/// A C string without its terminator, read page by page: what follows it may not be there.
fn string(memory: &File, address: u64, limit: usize) -> Option<Vec<u8>> {
    const PAGE: u64 = 4096;
    let mut bytes = Vec::new();
    while bytes.len() < limit.min(LONGEST) {
        let from = address.checked_add(bytes.len() as u64)?;
        let start = bytes.len();
        bytes.resize(start + (PAGE - from % PAGE) as usize, 0);
        memory.read_exact_at(&mut bytes[start..], from).ok()?;
        if let Some(end) = bytes[start..].iter().position(|byte| *byte == 0) {
            bytes.truncate(start + end);
            return Some(bytes);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proc_says_of_a_thread() {
        let text = "0 0x3 0x7ffe10 0x1 0x0 0x0 0x0 0x7ffe00 0x7f00\n";
        assert_eq!(parse(text), Some((0, [3, 0x7ffe10, 1, 0, 0, 0])));
        for none in ["running\n", "-1 0x7ffe00 0x7f00\n", ""] {
            assert_eq!(parse(none), None, "{none}");
        }
    }

    #[test]
    fn what_stat_says_of_a_thread() {
        for (fields, expected) in [
            ("S 1 2 3 0 -1 4194304 0", false),
            ("t 1 2 3 0 -1 4194304 0", true),
            ("D 1 2 3 0 -1 4194308 0", true),
            ("S", true),
        ] {
            assert_eq!(stat_is_of_held_or_exiting(fields), expected, "{fields}");
        }
    }

    #[test]
    fn memory_is_read_as_the_captures_say() {
        let path = c"/etc/hosts";
        let numbers = [7u32, 8];
        let (text, words) = (path.as_ptr() as u64, numbers.as_ptr() as u64);
        let captures =
            [Capture::path(0), Capture::bytes(1, When::Entry, 8), Capture::bytes(1, When::Return, 8)];
        let memory = File::open("/proc/self/mem").expect("our own memory");
        let encoded = captured(&captures, &[text, words, 0, 0, 0, 0], &memory);
        let memory = encoded.memory();
        assert_eq!(memory.of_capture(0), Some(Payload::Bytes(path.to_bytes())));
        assert_eq!(memory.bytes(words, 4, At::Entry), Some(&7u32.to_ne_bytes()[..]));
        assert_eq!(memory.of_capture(2), None);
    }
}
