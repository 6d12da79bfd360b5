//! Decoding of the `open` family from registers and payloads, without a kernel.

use super::*;
use crate::fake::{bytes, decode, read};
use rstrace_core::Probe;
use rstrace_core::event::{Arg, Outcome, Value};
use rstrace_core::flags::FlagPart;
use rstrace_core::memory::Piece;
use rstrace_core::probe::{End, Hook, Payload};

const FDCWD: u64 = libc::AT_FDCWD as u32 as u64;
/// Where the path is, and what it is.
const PATH: u64 = 1;
const F: Piece<'_> = bytes(PATH, b"f");
/// Where the `open_how` is.
const HOW: u64 = 0x5000;

fn probe() -> Described {
    open(Limits::of_length(32))
}

/// The arguments in a short form, names included.
fn shown(name: &str, args: &[u64], captured: &[Piece<'_>]) -> String {
    let mut text = String::new();
    decode(&probe(), name, args, captured, End::Returned(3), |call| {
        assert_eq!(call.name, name);
        assert!(matches!(call.outcome, Outcome::Returned(Value::Fd(3, _))));
        text = list(call.args);
    });
    text
}

fn list(args: &[Arg<'_>]) -> String {
    let one = |arg: &Arg<'_>| format!("{}={}", arg.name, value(arg.value));
    args.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn value(shown: Value<'_>) -> String {
    match shown {
        Value::DirFd(fd, _) => fd.to_string(),
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
        Value::Tail(offset, bytes) => format!("{offset}..{bytes:?}"),
        Value::Object(object) => {
            let mut members = Vec::new();
            object.parts(true, &mut |item| members.push(list(&[Arg::new(item.name, item.value)])));
            format!("{{{}}}", members.join(" "))
        }
        other => panic!("{other:?}"),
    }
}

fn how(flags: u64, mode: u64, resolve: u64) -> Vec<u8> {
    [flags, mode, resolve].iter().flat_map(|word| word.to_ne_bytes()).collect()
}

#[test]
#[cfg(target_arch = "x86_64")]
fn the_family_has_its_numbers() {
    let numbers: Vec<_> = probe()
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
    let path = [F];
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
    let path = [F];
    assert_eq!(shown("open", &[1, 1 << 32 | 1], &path), "pathname=f flags=O_WRONLY");
    assert_eq!(shown("openat", &[5 << 32 | 7, 1, 0], &path), "dirfd=7 pathname=f flags=O_RDONLY");
    assert_eq!(shown("openat", &[1 << 32 | FDCWD, 1, 0], &path), "dirfd=-100 pathname=f flags=O_RDONLY");
}

#[test]
#[cfg(target_arch = "x86_64")]
fn all_flags_have_their_place() {
    assert_eq!(
        shown("open", &[1, u64::from(u32::MAX), 0], &[F]),
        "pathname=f flags=O_ACCMODE|O_CREAT|O_EXCL|O_NOCTTY|O_TRUNC|O_APPEND|O_NONBLOCK|O_SYNC|O_DIRECT|\
         O_LARGEFILE|O_NOFOLLOW|O_NOATIME|O_CLOEXEC|O_PATH|O_TMPFILE|O_EMPTYPATH|FASYNC|0xfb80003c mode=0o0"
    );
    for (flags, name) in [
        (0o10000, "O_DSYNC"),
        (0o4010000, "O_SYNC"),
        (0o4000000, "__O_SYNC"),
        (0o100000, "O_LARGEFILE"),
        (8, "0x8"),
        (3, ""),
    ] {
        let text = shown("open", &[1, flags, 0], &[F]);
        assert!(text.ends_with(name), "{text}");
    }
}

#[test]
fn a_path_that_was_not_read_is_its_address() {
    assert_eq!(
        shown("open", &[0x10, 0], &[read(0x10, Payload::Unreadable(b""))]),
        "pathname=@0x10 flags=O_RDONLY"
    );
    assert_eq!(shown("open", &[0, 0], &[bytes(0, b"")]), "pathname=@0x0 flags=O_RDONLY");
    assert_eq!(shown("open", &[0x10, 0], &[]), "pathname=@0x10 flags=O_RDONLY");
    let longest = [b'x'; 4095];
    let text = shown("open", &[PATH, 0], &[read(PATH, Payload::Cut(&longest))]);
    assert!(text.ends_with("xx... flags=O_RDONLY"), "{text}");
}

#[test]
fn open_how_is_decoded_by_its_size() {
    let show = |size: u64, how: &[u8]| shown("openat2", &[FDCWD, PATH, HOW, size], &[F, bytes(HOW, how)]);
    let mut bytes = how(0o102, 0o600, 8);
    assert_eq!(
        show(24, &bytes),
        "dirfd=-100 pathname=f how={flags=O_RDWR|O_CREAT mode=0o600 resolve=RESOLVE_BENEATH} size=24"
    );
    bytes.extend([0; 8]);
    assert!(show(32, &bytes).contains("RESOLVE_BENEATH} "));
    bytes[30] = 5;
    assert!(show(32, &bytes).contains("RESOLVE_BENEATH =24..[0, 0, 0, 0, 0, 0, 5, 0]} "));
    assert_eq!(show(23, &bytes), "dirfd=-100 pathname=f how=@0x5000 size=23");
}

#[test]
fn open_how_shows_a_mode_that_is_set_or_asked_for() {
    let show = |flags, mode| {
        let how = how(flags, mode, 0);
        shown("openat2", &[FDCWD, PATH, HOW, 24], &[F, bytes(HOW, &how)])
    };
    assert!(show(0, 0).contains("{flags=O_RDONLY resolve=}"));
    assert!(show(0o100, 0).contains("mode=0o0 "));
    assert!(show(0, 0o200000).contains("mode=0o200000 "));
    assert!(show(0, u64::MAX).contains("mode=0o1777777777777777777777 "));
    assert!(show(1 << 32, 0).contains("flags=O_RDONLY|0x100000000 "));
}

#[test]
fn open_how_with_an_unreadable_part() {
    let first = how(1, 0, 0);
    let show = |size, captured: &[Piece<'_>]| shown("openat2", &[FDCWD, PATH, HOW, size], captured);
    let text = show(32, &[F, read(HOW, Payload::Unreadable(&first))]);
    assert!(text.contains("{flags=O_WRONLY resolve= =24..[]}"), "{text}");
    assert!(show(24, &[F, read(HOW, Payload::Unreadable(b""))]).contains("how=@0x5000 "));
    assert!(show(24, &[F]).contains("how=@0x5000 "));
    assert!(show(24, &[F, bytes(HOW, b"short")]).contains("how=@0x5000 "));
}

#[test]
fn an_error_is_an_errno() {
    decode(&probe(), "open", &[1, 0], &[F], End::Returned(-2), |call| {
        assert!(matches!(call.outcome, Outcome::Failed(2)));
    });
    decode(&probe(), "open", &[1, 0], &[F], End::Returned(-512), |call| {
        assert!(matches!(call.outcome, Outcome::Restart(512)));
    });
}
