//! The state of files and of file systems.

mod old;
mod statfs;
mod statx;

use rstrace_core::describe::{
    Field, Meaning, Named, Object, Struct, Syscall, Type, Width, field, hidden, long, param,
};
use rstrace_core::event::{Abi, Comment};
use rstrace_core::flags::FlagSet;

use self::old::{COMPAT_STAT, OLDEST_STAT, STAT64};
pub(super) use self::statfs::write_kind;
use self::statfs::{STATFS, STATFS64};
use crate::syscall::classes::{DESC, FILE, FSTAT, FSTATFS, LSTAT, STAT, STATFS as OF_STATFS, STATFS_LIKE};
use crate::syscall::types::*;
use crate::uapi;

/// How a path is looked up, of calls without a set of their own.
pub(super) static AT_FLAGS: FlagSet = set!("AT_???",
    AT_SYMLINK_NOFOLLOW AT_REMOVEDIR AT_SYMLINK_FOLLOW AT_NO_AUTOMOUNT AT_EMPTY_PATH AT_RECURSIVE);

/// Whether a node with this mode is a device.
pub(super) fn is_device_mode(mode: u64) -> bool {
    let kind = mode & uapi::S_IFMT;
    kind == uapi::S_IFCHR || kind == uapi::S_IFBLK
}

fn is_device(stat: &Object<'_>) -> bool {
    /// Where 64-bit programs have it.
    const MODE: usize = 24;
    match stat.call.abi {
        Abi::Native => is_device_mode(stat.number(MODE, Width::U32)),
        Abi::Compat32 => stat.member("st_mode").is_some_and(is_device_mode),
    }
}

fn is_no_device(stat: &Object<'_>) -> bool {
    !is_device(stat)
}

/// `S_IFREG|0644`
pub(super) fn write_file_mode(out: &mut Notation<'_>, mode: u64) {
    const KINDS: &[(u64, &str)] = &names!(S_IFREG S_IFDIR S_IFLNK S_IFCHR S_IFBLK S_IFIFO S_IFSOCK);
    const BITS: &[(u64, &str)] = &names!(S_ISUID S_ISGID S_ISVTX);
    let is = |(kind, _): &&(u64, &str)| *kind == mode & uapi::S_IFMT;
    let kind = KINDS.iter().find(is);
    if kind.is_none() && mode & uapi::S_IFMT != 0 {
        return octal(out, mode);
    }
    for (_, name) in kind.into_iter().chain(BITS.iter().filter(|(bit, _)| mode & bit != 0)) {
        out.extend_from_slice(name.as_bytes());
        out.push(b'|');
    }
    octal(out, mode & 0o777);
}

/// At least three digits, a zero before them.
fn octal(out: &mut Notation<'_>, number: u64) {
    let digits = (u64::BITS - number.leading_zeros()).div_ceil(3).max(3);
    let digits = if digits == 3 && number < 0o100 { 2 } else { digits };
    out.push(b'0');
    out.extend((0..digits).rev().map(|place| b'0' + (number >> (3 * place) & 7) as u8));
}

/// A mode of 16 bits, with its type.
pub(super) const NODE_MODE: Type = Type::Number(Width::U16, Meaning::Named(&Named::octal(write_file_mode)));
const FILE_MODE: Type = Type::Number(Width::U32, Meaning::Named(&Named::octal(write_file_mode)));

/// `makedev(0x1, 0x3)`
pub(super) fn write_device(out: &mut Notation<'_>, device: u64) {
    let major = (device >> 8 & 0xfff) | (device >> 32 & !0xfff);
    let minor = ((device & 0xff) | (device >> 12 & !0xff)) & u64::from(u32::MAX);
    out.extend_from_slice(b"makedev(");
    named::hex(out, major);
    out.extend_from_slice(b", ");
    named::hex(out, minor);
    out.push(b')');
}

const DEVICE: Type = Type::Number(Width::Word, Meaning::Named(&Named::hex(write_device)));

/// The date of a time stamp, unless it is zero.
fn date(stat: &Object<'_>, seconds: &str, nanoseconds: &str) -> Option<Comment> {
    Comment::of_stamp(stat.member(seconds)? as i64, stat.member(nanoseconds)?)
}

/// The times of a file.
const STAMPS: [Field; 6] = [
    long("st_atime", LONG).commented(|stat| date(stat, "st_atime", "st_atime_nsec")),
    long("st_atime_nsec", ULONG),
    long("st_mtime", LONG).commented(|stat| date(stat, "st_mtime", "st_mtime_nsec")),
    long("st_mtime_nsec", ULONG),
    long("st_ctime", LONG).commented(|stat| date(stat, "st_ctime", "st_ctime_nsec")),
    long("st_ctime_nsec", ULONG),
];

/// `struct stat` of 64-bit programs.
static STRUCT_STAT: Type = Type::Struct(
    &Struct::of(&[
        long("st_dev", DEVICE),
        long("st_ino", ULONG),
        long("st_nlink", ULONG),
        field("st_mode", FILE_MODE),
        long("st_uid", UINT),
        long("st_gid", UINT),
        hidden(Type::Padding(4)),
        field("st_rdev", DEVICE).only_if(is_device),
        field("st_size", LONG).only_if(is_no_device),
        long("st_blksize", LONG),
        long("st_blocks", LONG),
        STAMPS[0],
        STAMPS[1],
        STAMPS[2],
        STAMPS[3],
        STAMPS[4],
        STAMPS[5],
        hidden(Type::Padding(24)),
    ])
    .in_order(&[0, 1, 3, 2, 4, 5, 9, 10, 8, 7, 11, 12, 13, 14, 15, 16])
    .with_compat(&COMPAT_STAT),
);

/// `unsigned int`, as the older calls take a device.
pub(super) const DEVICE32: Type = Type::Number(Width::U32, Meaning::Named(&Named::hex(write_device)));

/// `struct cachestat_range`
static CACHE_RANGE: Type = Type::Struct(&Struct::of(&[field("off", U64), field("len", U64)]));

/// `struct cachestat`
static CACHE_STATE: Type = Type::Struct(&Struct::of(&[
    field("nr_cache", U64),
    field("nr_dirty", U64),
    field("nr_writeback", U64),
    field("nr_evicted", U64),
    field("nr_recently_evicted", U64),
]));

pub static SYSCALLS: &[Syscall] = &[
    call("stat", FILE | STAT, &[param("pathname", PATH), param("statbuf", output(&STRUCT_STAT))], RET_INT),
    call("lstat", FILE | LSTAT, &[param("pathname", PATH), param("statbuf", output(&STRUCT_STAT))], RET_INT),
    call("fstat", DESC | FSTAT, &[param("fd", FD), param("statbuf", output(&STRUCT_STAT))], RET_INT),
    call("oldstat", FILE | STAT, &[param("pathname", PATH), param("statbuf", output(&OLDEST_STAT))], RET_INT),
    call(
        "oldlstat",
        FILE | LSTAT,
        &[param("pathname", PATH), param("statbuf", output(&OLDEST_STAT))],
        RET_INT,
    ),
    call("oldfstat", DESC | FSTAT, &[param("fd", FD), param("statbuf", output(&OLDEST_STAT))], RET_INT),
    call("stat64", FILE | STAT, &[param("pathname", PATH), param("statbuf", output(&STAT64))], RET_INT),
    call("lstat64", FILE | LSTAT, &[param("pathname", PATH), param("statbuf", output(&STAT64))], RET_INT),
    call("fstat64", DESC | FSTAT, &[param("fd", FD), param("statbuf", output(&STAT64))], RET_INT),
    call(
        "newfstatat",
        DESC | FILE | FSTAT,
        &[
            param("dirfd", DIRFD),
            param("pathname", PATH),
            param("statbuf", output(&STRUCT_STAT)),
            param("flags", flags(&AT_FLAGS)),
        ],
        RET_INT,
    ),
    call(
        "fstatat64",
        DESC | FILE | FSTAT,
        &[
            param("dirfd", DIRFD),
            param("pathname", PATH),
            param("statbuf", output(&STAT64)),
            param("flags", flags(&AT_FLAGS)),
        ],
        RET_INT,
    ),
    call(
        "statx",
        DESC | FILE | FSTAT,
        &[
            param("dirfd", DIRFD),
            param("pathname", PATH),
            param("flags", flags(&statx::FLAGS)),
            param("mask", flags(&statx::MASK)),
            param("statxbuf", output(&statx::STATX)),
        ],
        RET_INT,
    ),
    call("statfs", FILE | OF_STATFS, &[param("path", PATH), param("buf", output(&STATFS))], RET_INT),
    call("fstatfs", DESC | FSTATFS, &[param("fd", FD), param("buf", output(&STATFS))], RET_INT),
    call(
        "statfs64",
        FILE | OF_STATFS,
        &[param("path", PATH), param("size", SIZE), param("buf", output(&STATFS64))],
        RET_INT,
    ),
    call(
        "fstatfs64",
        DESC | FSTATFS,
        &[param("fd", FD), param("size", SIZE), param("buf", output(&STATFS64))],
        RET_INT,
    ),
    call("ustat", STATFS_LIKE, &[param("dev", DEVICE32), param("ubuf", ADDRESS).at_return()], RET_INT),
    call("sysfs", 0, &[param("option", HEX), param("arg1", HEX), param("arg2", HEX)], RET_INT),
    call(
        "cachestat",
        DESC,
        &[
            param("fd", FD),
            param("cstat_range", input(&CACHE_RANGE)),
            param("cstat", output(&CACHE_STATE)),
            param("flags", HEX32),
        ],
        RET_INT,
    ),
];
