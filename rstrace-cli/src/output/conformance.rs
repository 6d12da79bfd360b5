//! Probes and text together: whole lines, as strace prints them for the same calls.
//!
//! The expected lines are what strace 6.1 printed on x86-64 for a program that makes these calls, but for
//! `execveat`, whose own set of flags is newer.

use super::text::{Style, Text};
use crate::output::Output;
use rstrace_core::describe::Limits;
use rstrace_core::event::{Abi, EventKind};
use rstrace_core::memory::{At, Piece, encode};
use rstrace_core::probe::{End, MAX_ARGS, Payload, RawCall};
use rstrace_core::strings::{CUT, UNREADABLE};
use rstrace_core::{Event, Probe, Sink};
use rstrace_probes::syscall::{self, Described};

const FDCWD: u64 = -100i32 as u32 as u64;
const ENOENT: i64 = -2;
/// Where the path is in most calls.
const PATH: u64 = 1;
const NOPE: Piece<'_> = read(PATH, Payload::Bytes(b"/nope"));

/// What was read at an address.
const fn read(address: u64, payload: Payload<'_>) -> Piece<'_> {
    Piece { capture: 0, at: At::Entry, address, payload, made: false }
}

/// What was made of the vector at an address.
const fn made(address: u64, bytes: &[u8]) -> Piece<'_> {
    Piece { capture: 0, at: At::Entry, address, payload: Payload::Bytes(bytes), made: true }
}

/// The line of a call.
fn line(name: &str, args: &[u64], captured: &[Piece<'_>], result: i64) -> String {
    assert!(syscall::find(name).is_some(), "{name} is in the table");
    let probe = Described::only(&[name], Limits::of_length(32));
    let mut registers = [0; MAX_ARGS];
    registers[..args.len()].copy_from_slice(args);
    let memory = encode(captured);
    let call = RawCall {
        pair: 0,
        name,
        nr: 0,
        abi: Abi::Native,
        entry_ns: Some(1),
        args: registers,
        end: End::Returned(result),
        memory: memory.memory(),
        tid: 5,
    };
    let mut bytes = Vec::new();
    let mut text = Text::new(&mut bytes, Style::default());
    probe.decode(&call, &mut |call| {
        let event = Event {
            tgid: 5,
            tid: 5,
            time_ns: 2,
            caller: None,
            pointer: None,
            stack: None,
            name: None,
            kind: EventKind::Call(call),
        };
        text.event(&event).expect("a vector takes everything");
    });
    text.finish(None).expect("a vector takes everything");
    drop(text);
    let text = String::from_utf8(bytes).expect("ASCII");
    text.strip_suffix('\n').expect("one line").to_string()
}

fn how(flags: u64, mode: u64, resolve: u64, tail: &[u8]) -> Vec<u8> {
    let words = [flags, mode, resolve].map(u64::to_ne_bytes);
    [words.as_flattened(), tail].concat()
}

fn elements(elements: &[(u32, &[u8])]) -> Vec<u8> {
    let element =
        |(bits, bytes): &(u32, &[u8])| [&(bits | bytes.len() as u32).to_ne_bytes()[..], bytes].concat();
    elements.iter().flat_map(element).collect()
}

#[test]
fn open_and_openat_and_creat() {
    let open = |flags, mode| line("open", &[1, flags, mode], &[NOPE], 11);
    assert_eq!(open(0x40, 0xfffff), r#"open("/nope", O_RDONLY|O_CREAT, 0177777) = 11"#);
    assert_eq!(open(0x40, 0), r#"open("/nope", O_RDONLY|O_CREAT, 000)    = 11"#);
    let openat = |flags| line("openat", &[FDCWD, 1, flags, 0x1234_5678], &[NOPE], ENOENT);
    let enoent = "-1 ENOENT (No such file or directory)";
    for (flags, text) in [
        (0, "O_RDONLY)     ="),
        (3, "O_ACCMODE)    ="),
        (0o100000, "O_RDONLY|O_LARGEFILE) ="),
        (0o10000, "O_RDONLY|O_DSYNC) ="),
        (0o4010000, "O_RDONLY|O_SYNC) ="),
        (0o4000000, "O_RDONLY|__O_SYNC) ="),
        (0o20200000, "O_RDONLY|O_TMPFILE, 053170) ="),
        (0o20000000, "O_RDONLY|__O_TMPFILE, 053170) ="),
        (0x1000_0000, "O_RDONLY|0x10000000) ="),
        (0o20000, "O_RDONLY|FASYNC) ="),
        (0o600000, "O_RDONLY|O_NOFOLLOW|O_DIRECTORY) ="),
        (1 << 32 | 0x41, "O_WRONLY|O_CREAT, 053170) ="),
    ] {
        assert_eq!(openat(flags), format!("openat(AT_FDCWD, \"/nope\", {text} {enoent}"));
    }
    assert_eq!(
        line("creat", &[1, 0xabcd_ef12], &[NOPE], 16),
        r#"creat("/nope", 0167422)                 = 16"#
    );
    assert_eq!(
        line("creat", &[0, 0], &[], -14),
        "creat(NULL, 000)                        = -1 EFAULT (Bad address)"
    );
    assert_eq!(
        line("openat", &[1 << 32 | FDCWD, 16, 0], &[read(16, Payload::Unreadable(b""))], -14),
        "openat(AT_FDCWD, 0x10, O_RDONLY)        = -1 EFAULT (Bad address)"
    );
    assert_eq!(
        line("open", &[1, 0], &[read(PATH, Payload::Bytes(b"a\"\\\x017\x03x\xff\x80\n\t\x07\x1b"))], ENOENT),
        r#"open("a\"\\\0017\3x\377\200\n\t\7\33", O_RDONLY) = -1 ENOENT (No such file or directory)"#
    );
    assert_eq!(
        line("openat", &[FDCWD, 1, 0], &[read(PATH, Payload::Bytes(b"ff"))], -512),
        r#"openat(AT_FDCWD, "ff", O_RDONLY)        = ? ERESTARTSYS (To be restarted if SA_RESTART is set)"#
    );
}

#[test]
fn openat2() {
    const HOW: u64 = 0x7f77_4a61_0000;
    let of = |payload: Payload<'_>, size, result| {
        line("openat2", &[FDCWD, 1, HOW, size], &[NOPE, read(HOW, payload)], result)
    };
    let show = |bytes: &[u8], size, result| of(Payload::Bytes(bytes), size, result);
    assert_eq!(
        show(&how(0x42, 0o644, 0, &[]), 24, 19),
        r#"openat2(AT_FDCWD, "/nope", {flags=O_RDWR|O_CREAT, mode=0644, resolve=0}, 24) = 19"#
    );
    assert_eq!(
        show(&how(0, 0, 1, &[]), 24, 24),
        r#"openat2(AT_FDCWD, "/nope", {flags=O_RDONLY, resolve=RESOLVE_NO_XDEV}, 24) = 24"#
    );
    assert_eq!(
        show(&how(0, 0, 64, &[]), 24, -22),
        r#"openat2(AT_FDCWD, "/nope", {flags=O_RDONLY, resolve=0x40 /* RESOLVE_??? */}, 24) = -1 EINVAL (Invalid argument)"#
    );
    assert_eq!(
        show(&how(0x42, 0o644, 0, b"a\0\0\0\0\0\x05\0"), 32, -7),
        r#"openat2(AT_FDCWD, "/nope", {flags=O_RDWR|O_CREAT, mode=0644, resolve=0, /* bytes 24..31 */ "\x61\x00\x00\x00\x00\x00\x05\x00"}, 32) = -1 E2BIG (Argument list too long)"#
    );
    let mut long = how(0x42, 0o644, 0, b"a\0\0\0\0\0\x05\0");
    long.resize(4096, 0);
    let shown = of(Payload::Cut(&long), 100_000, -7);
    assert!(shown.contains(r#", /* bytes 24..4095 */ "\x61\x00"#), "{shown}");
    assert!(shown.contains(r#"\x00"...}, 100000) = -1 E2BIG"#), "{shown}");
    assert_eq!(
        show(&[0; 24], 8, -22),
        r#"openat2(AT_FDCWD, "/nope", 0x7f774a610000, 8) = -1 EINVAL (Invalid argument)"#
    );
    let first = how(0x42, 0o644, 0, &[]);
    assert_eq!(
        line("openat2", &[FDCWD, 1, HOW, 32], &[NOPE, read(HOW, Payload::Unreadable(&first))], -14),
        r#"openat2(AT_FDCWD, "/nope", {flags=O_RDWR|O_CREAT, mode=0644, resolve=0, ???}, 32) = -1 EFAULT (Bad address)"#
    );
    assert_eq!(
        line("openat2", &[FDCWD, 0, 0, u64::MAX], &[], -7),
        "openat2(AT_FDCWD, NULL, NULL, 18446744073709551615) = -1 E2BIG (Argument list too long)"
    );
}

#[test]
fn execve_and_execveat() {
    const ENVP: u64 = 0x7fff_6c75_2780;
    let (bad, stop) = (16u64.to_ne_bytes(), 0x7f99_ab72_1000u64.to_ne_bytes());
    let count = |count: u64, flags: u64| [count, flags].map(u64::to_ne_bytes).as_flattened().to_vec();
    let show = |argv: &[(u32, &[u8])], envp: &[u8], result| {
        let argv = elements(argv);
        let captured = [NOPE, made(2, &argv), made(ENVP, envp)];
        line("execve", &[1, 2, ENVP], &captured, result)
    };
    assert_eq!(
        show(&[(0, b"cat"), (0, b"/etc/hostname")], &count(23, 0), 0),
        r#"execve("/nope", ["cat", "/etc/hostname"], 0x7fff6c752780 /* 23 vars */) = 0"#
    );
    assert_eq!(
        show(&[(0, b"x"), (UNREADABLE, &bad), (0, b"y")], &count(3, 0), -14),
        r#"execve("/nope", ["x", 0x10, "y"], 0x7fff6c752780 /* 3 vars */) = -1 EFAULT (Bad address)"#
    );
    assert_eq!(
        show(&[(0, b"r"), (0, b"q"), (CUT, &stop)], &count(2, 1), -14),
        r#"execve("/nope", ["r", "q", ... /* 0x7f99ab721000 */], 0x7fff6c752780 /* 2 vars, unterminated */) = -1 EFAULT (Bad address)"#
    );
    assert_eq!(
        show(&[(CUT, &stop)], &count(0, 1), -14),
        r#"execve("/nope", 0x7f99ab721000, 0x7fff6c752780) = -1 EFAULT (Bad address)"#
    );
    let long = [b"0123456789".as_slice(); 4].concat();
    assert_eq!(
        show(&[(0, &long[..34]), (0, &long[..32])], &count(1, 0), -8),
        r#"execve("/nope", ["01234567890123456789012345678901"..., "01234567890123456789012345678901"], 0x7fff6c752780 /* 1 var */) = -1 ENOEXEC (Exec format error)"#
    );
    assert_eq!(
        line("execve", &[1, 0, 0], &[NOPE], -8),
        r#"execve("/nope", NULL, NULL)             = -1 ENOEXEC (Exec format error)"#
    );
    let execveat = |flags| line("execveat", &[FDCWD, 1, 0, 0, flags], &[NOPE], -22);
    for (flags, text) in [
        (0, "0"),
        (0x1100, "AT_SYMLINK_NOFOLLOW|AT_EMPTY_PATH"),
        (0x10000, "AT_EXECVE_CHECK"),
        (0x2000, "0x2000 /* AT_??? */"),
    ] {
        assert!(execveat(flags).starts_with(&format!(r#"execveat(AT_FDCWD, "/nope", NULL, NULL, {text}) "#)));
    }
}
