//! `struct stat` as 32-bit programs have it.

use rstrace_core::describe::{Field, Meaning, Named, Object, Struct, Type, Width, field, hidden, long};
use rstrace_core::event::Comment;

use super::{DEVICE32, FILE_MODE, NODE_MODE, STAMPS, is_device, is_no_device, write_device};
use crate::syscall::types::*;

const SIZE: Field = field("st_size", LONG).only_if(is_no_device);
const SIZE64: Field = field("st_size", I64).only_if(is_no_device);
const DEVICE64: Type = Type::Number(Width::U64, Meaning::Named(&Named::hex(write_device)));

/// `struct compat_stat` of the kernel's `asm/compat.h`.
pub(super) static COMPAT_STAT: Struct = Struct::of(&[
    long("st_dev", DEVICE32),
    long("st_ino", U32),
    field("st_mode", NODE_MODE),
    long("st_nlink", U16),
    long("st_uid", U16),
    long("st_gid", U16),
    field("st_rdev", DEVICE32).only_if(is_device),
    SIZE,
    long("st_blksize", U32),
    long("st_blocks", U32),
    STAMPS[0],
    STAMPS[1],
    STAMPS[2],
    STAMPS[3],
    STAMPS[4],
    STAMPS[5],
    hidden(Type::Padding(8)),
])
.in_order(&[0, 1, 2, 3, 4, 5, 8, 9, 6, 7, 10, 11, 12, 13, 14, 15]);

/// `struct stat64`
pub(super) static STAT64: Type = Type::Struct(
    &Struct::of(&[
        long("st_dev", DEVICE64),
        // a number of 32 bits in the place of older kernels
        hidden(Type::Padding(8)),
        field("st_mode", FILE_MODE),
        long("st_nlink", U32),
        long("st_uid", U32),
        long("st_gid", U32),
        field("st_rdev", DEVICE64).only_if(is_device),
        hidden(Type::Padding(4)),
        SIZE64,
        long("st_blksize", U32),
        long("st_blocks", U64),
        STAMPS[0],
        STAMPS[1],
        STAMPS[2],
        STAMPS[3],
        STAMPS[4],
        STAMPS[5],
        long("st_ino", U64),
    ])
    .in_order(&[0, 17, 2, 3, 4, 5, 9, 10, 6, 8, 11, 12, 13, 14, 15, 16]),
);

const DEVICE16: Type = Type::Number(Width::U16, Meaning::Named(&Named::hex(write_device)));

/// A member that the kernel does not have: shown like those of the newer structures, as strace does.
const NONE: Type = Type::Written(0, |out, _| out.push(b'0'));

fn date(stat: &Object<'_>, seconds: &str) -> Option<Comment> {
    Comment::of_stamp(stat.member(seconds)? as i64, 0)
}

/// `struct __old_kernel_stat`, which has numbers of 16 bits.
pub(super) static OLDEST_STAT: Type = Type::Struct(
    &Struct::of(&[
        long("st_dev", DEVICE16),
        long("st_ino", U16),
        field("st_mode", NODE_MODE),
        long("st_nlink", U16),
        long("st_uid", U16),
        long("st_gid", U16),
        field("st_rdev", DEVICE16).only_if(is_device),
        field("st_size", U32).only_if(is_no_device),
        long("st_atime", U32).commented(|stat| date(stat, "st_atime")),
        long("st_mtime", U32).commented(|stat| date(stat, "st_mtime")),
        long("st_ctime", U32).commented(|stat| date(stat, "st_ctime")),
        long("st_blksize", NONE),
        long("st_blocks", NONE),
    ])
    .in_order(&[0, 1, 2, 3, 4, 5, 11, 12, 6, 7, 8, 9, 10]),
);
