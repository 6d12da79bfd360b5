//! Files being opened.

use rstrace_core::describe::{Access, Field, Length, Struct, Syscall, Type, field, param, param_if};
use rstrace_core::flags::FlagSet;
use rstrace_core::probe::RawCall;

use crate::syscall::classes::{DESC, FILE};
use crate::syscall::types::*;
use crate::uapi;

/// The flags of `open` and its like.
pub static OPEN_FLAGS: FlagSet = set!("O_???", O_ACCMODE: O_RDONLY O_WRONLY O_RDWR O_ACCMODE;
    O_CREAT O_EXCL O_NOCTTY O_TRUNC O_APPEND O_NONBLOCK O_SYNC O_DSYNC __O_SYNC O_DIRECT O_LARGEFILE O_NOFOLLOW
    O_NOATIME O_CLOEXEC O_PATH O_TMPFILE __O_TMPFILE O_DIRECTORY O_EMPTYPATH FASYNC);

static RESOLVE: FlagSet = set!("RESOLVE_???",
    RESOLVE_NO_XDEV RESOLVE_NO_MAGICLINKS RESOLVE_NO_SYMLINKS RESOLVE_BENEATH RESOLVE_IN_ROOT RESOLVE_CACHED);

/// Whether a mode belongs to such flags.
pub fn takes_mode(flags: u64) -> bool {
    flags & (uapi::O_CREAT | uapi::__O_TMPFILE) != 0
}

fn open_takes_mode(call: &RawCall<'_>) -> bool {
    takes_mode(call.args[1])
}

fn openat_takes_mode(call: &RawCall<'_>) -> bool {
    takes_mode(call.args[2])
}

/// Wider than any mode that a file can have.
const MODE64: Type = Type::Number(rstrace_core::describe::Width::U64, rstrace_core::describe::Meaning::Mode);

/// `struct open_how`.
static OPEN_HOW: Type = Type::Struct(
    &Struct::of(&[field("flags", flags64(&OPEN_FLAGS)), MODE_OF_HOW, field("resolve", flags64(&RESOLVE))])
        .growing_from(24),
);

const MODE_OF_HOW: Field = field("mode", MODE64).only_if(|how| {
    how.member("mode").is_some_and(|mode| mode != 0) || how.member("flags").is_some_and(takes_mode)
});

pub static SYSCALLS: &[Syscall] = &[
    call(
        "open",
        DESC | FILE,
        &[
            param("pathname", PATH),
            param("flags", flags(&OPEN_FLAGS)),
            param_if("mode", MODE, open_takes_mode),
        ],
        RET_FD,
    ),
    call(
        "openat",
        DESC | FILE,
        &[
            param("dirfd", DIRFD),
            param("pathname", PATH),
            param("flags", flags(&OPEN_FLAGS)),
            param_if("mode", MODE, openat_takes_mode),
        ],
        RET_FD,
    ),
    call(
        "openat2",
        DESC | FILE,
        &[
            param("dirfd", DIRFD),
            param("pathname", PATH),
            param("how", Type::Sized(Access::In, &OPEN_HOW, Length::Arg(3))),
            param("size", SIZE),
        ],
        RET_FD,
    ),
    call("creat", DESC | FILE, &[param("pathname", PATH), param("mode", MODE)], RET_FD),
];
