//! Decoding of the `open` family from registers and payloads, without a kernel.

use super::*;
use crate::decode::fake::decode;
use rstrace_core::event::{Arg, Outcome};
use rstrace_core::flags::FlagPart;
use rstrace_core::probe::End;
use rstrace_core::probe::Hook;

const FDCWD: u64 = libc::AT_FDCWD as u32 as u64;

/// The arguments in a short form, names included.
fn shown(name: &str, args: &[u64], captured: &[Option<Payload<'_>>]) -> String {
    let mut text = String::new();
    decode(&Open::all(), name, args, captured, End::Returned(3), |call| {
        assert_eq!(call.name, name);
        assert!(matches!(call.outcome, Outcome::Returned(Value::Fd(3))));
        text = list(call.args);
    });
    text
}

fn list(args: &[Arg<'_>]) -> String {
    let one = |arg: &Arg<'_>| format!("{}={}", arg.name, value(arg.value));
    args.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn value(value: Value<'_>) -> String {
    match value {
        Value::DirFd(fd) => fd.to_string(),
        Value::Path { bytes, cut } => format!("{}{}", bytes.escape_ascii(), if cut { "..." } else { "" }),
        Value::Flags(flags) => {
            let part = |part| match part {
                FlagPart::Name(name) => name.to_string(),
                FlagPart::Rest(bits, _) => format!("{bits:#x}"),
            };
            flags.parts().map(part).collect::<Vec<_>>().join("|")
        }
        Value::Mode(mode) => format!("{mode:#o}"),
        Value::Address(address) => format!("@{address:#x}"),
        Value::Unsigned(number) => number.to_string(),
        Value::Struct { fields, tail } => format!("{{{} {tail:?}}}", list(fields)),
        other => panic!("{other:?}"),
    }
}

fn some(bytes: &[u8]) -> Option<Payload<'_>> {
    Some(Payload::Bytes(bytes))
}

fn how(flags: u64, mode: u64, resolve: u64) -> Vec<u8> {
    [flags, mode, resolve].iter().flat_map(|word| word.to_ne_bytes()).collect()
}

#[test]
#[cfg(target_arch = "x86_64")]
fn the_family_has_its_numbers() {
    let numbers: Vec<_> = Open::all()
        .pairs()
        .iter()
        .map(|pair| match pair.hook {
            Hook::Syscall { native, compat, .. } => (pair.name, native, compat),
            _ => panic!("no system call"),
        })
        .collect();
    assert_eq!(
        numbers,
        [
            ("open", Some(2), Some(5)),
            ("openat", Some(257), Some(295)),
            ("openat2", Some(437), Some(437)),
            ("creat", Some(85), Some(8)),
        ]
    );
}

#[test]
fn a_mode_is_there_only_if_the_flags_ask_for_it() {
    let path = [some(b"f")];
    assert_eq!(shown("openat", &[FDCWD, 1, 0, 0o644], &path), "dirfd=-100 pathname=f flags=O_RDONLY");
    assert_eq!(
        shown("openat", &[FDCWD, 1, 0o102, 0x1234_5678], &path),
        "dirfd=-100 pathname=f flags=O_RDWR|O_CREAT mode=0o53170"
    );
    assert_eq!(
        shown("openat", &[3, 1, libc::O_TMPFILE as u64 | 1, 0o600], &path),
        "dirfd=3 pathname=f flags=O_WRONLY|O_TMPFILE mode=0o600"
    );
    assert_eq!(
        shown("openat", &[3, 1, libc::O_DIRECTORY as u64, 0o600], &path),
        "dirfd=3 pathname=f flags=O_RDONLY|O_DIRECTORY"
    );
    assert_eq!(shown("creat", &[1, 0xabcd_ef12], &path), "pathname=f mode=0o167422");
}

#[test]
fn an_int_is_the_lower_half_of_its_register() {
    let path = [some(b"f")];
    assert_eq!(shown("open", &[1, 1 << 32 | 1], &path), "pathname=f flags=O_WRONLY");
    assert_eq!(shown("openat", &[5 << 32 | 7, 1, 0], &path), "dirfd=7 pathname=f flags=O_RDONLY");
    assert_eq!(shown("openat", &[1 << 32 | FDCWD, 1, 0], &path), "dirfd=-100 pathname=f flags=O_RDONLY");
}

#[test]
#[cfg(target_arch = "x86_64")]
fn all_flags_have_their_place() {
    assert_eq!(
        shown("open", &[1, u64::from(u32::MAX), 0], &[some(b"f")]),
        "pathname=f flags=O_ACCMODE|O_CREAT|O_EXCL|O_NOCTTY|O_TRUNC|O_APPEND|O_NONBLOCK|O_SYNC|O_DIRECT|\
         O_LARGEFILE|O_NOFOLLOW|O_NOATIME|O_CLOEXEC|O_PATH|O_TMPFILE|FASYNC|0xff80003c mode=0o0"
    );
    for (flags, name) in [
        (0o10000, "O_DSYNC"),
        (0o4010000, "O_SYNC"),
        (0o4000000, "__O_SYNC"),
        (0o100000, "O_LARGEFILE"),
        (8, "0x8"),
        (3, ""),
    ] {
        let text = shown("open", &[1, flags, 0], &[some(b"f")]);
        assert!(text.ends_with(name), "{text}");
    }
}

#[test]
fn a_path_that_was_not_read_is_its_address() {
    assert_eq!(shown("open", &[0x10, 0], &[Some(Payload::Unreadable)]), "pathname=@0x10 flags=O_RDONLY");
    assert_eq!(shown("open", &[0, 0], &[some(b"")]), "pathname=@0x0 flags=O_RDONLY");
    assert_eq!(shown("open", &[0x10, 0], &[None]), "pathname=@0x10 flags=O_RDONLY");
    assert_eq!(shown("open", &[1, 0], &[Some(Payload::Cut(b"xx"))]), "pathname=xx... flags=O_RDONLY");
}

#[test]
fn open_how_is_decoded_by_its_size() {
    let show = |size: u64, bytes: &[u8]| {
        shown("openat2", &[FDCWD, 1, 0x5000, size], &[some(b"f"), some(bytes), some(&bytes[..24])])
    };
    let mut bytes = how(0o102, 0o600, 8);
    assert_eq!(
        show(24, &bytes),
        "dirfd=-100 pathname=f how={flags=O_RDWR|O_CREAT mode=0o600 resolve=RESOLVE_BENEATH None} size=24"
    );
    bytes.extend([0; 8]);
    assert!(show(32, &bytes).contains("RESOLVE_BENEATH None}"));
    bytes[30] = 5;
    assert!(show(32, &bytes).contains("RESOLVE_BENEATH Some((24, [0, 0, 0, 0, 0, 0, 5, 0]))}"));
    assert_eq!(show(23, &bytes), "dirfd=-100 pathname=f how=@0x5000 size=23");
}

#[test]
fn open_how_shows_a_mode_that_is_set_or_asked_for() {
    let show = |flags, mode| {
        let bytes = how(flags, mode, 0);
        shown("openat2", &[FDCWD, 1, 2, 24], &[some(b"f"), some(&bytes), some(&bytes)])
    };
    assert!(show(0, 0).contains("{flags=O_RDONLY resolve= None}"));
    assert!(show(0o100, 0).contains("mode=0o0 "));
    assert!(show(0, 0o200000).contains("mode=0o200000 "));
    assert!(show(0, u64::MAX).contains("mode=0o1777777777777777777777 "));
    assert!(show(1 << 32, 0).contains("flags=O_RDONLY|0x100000000 "));
}

#[test]
fn open_how_with_an_unreadable_part() {
    let (first, unreadable) = (how(1, 0, 0), Some(Payload::Unreadable));
    let show = |size, captured: &[Option<Payload<'_>>]| shown("openat2", &[FDCWD, 1, 0x10, size], captured);
    assert!(
        show(32, &[some(b"f"), unreadable, some(&first)])
            .contains("{flags=O_WRONLY resolve= Some((24, []))}")
    );
    assert!(show(24, &[some(b"f"), unreadable, unreadable]).contains("how=@0x10 "));
    assert!(show(24, &[some(b"f")]).contains("how=@0x10 "));
    assert!(show(24, &[some(b"f"), some(b"short"), None]).contains("how=@0x10 "));
}

#[test]
fn an_error_is_an_errno() {
    decode(&Open::all(), "open", &[1, 0], &[some(b"f")], End::Returned(-2), |call| {
        assert!(matches!(call.outcome, Outcome::Failed(2)));
    });
    decode(&Open::all(), "open", &[1, 0], &[some(b"f")], End::Returned(-512), |call| {
        assert!(matches!(call.outcome, Outcome::Restart(512)));
    });
}
