//! Reading, writing and copying descriptors.

use rstrace_core::describe::{Access, Length, Meaning, Struct, Syscall, Type, Width, field, param};
use rstrace_core::flags::{Choices, FlagSet, Packed, PackedNumber};

use super::open::OPEN_FLAGS;
use crate::syscall::classes::{DESC, NETWORK};
use crate::syscall::types::*;
use crate::uapi;

/// The flags of `open`, where there is no access mode among them.
pub(super) static DESCRIPTOR_FLAGS: FlagSet =
    FlagSet { choice: None, names: OPEN_FLAGS.names, unknown: OPEN_FLAGS.unknown };

/// From where a position counts.
pub(super) static WHENCE: Choices = choices!("SEEK_???", SEEK_SET SEEK_CUR SEEK_END SEEK_DATA SEEK_HOLE);

/// What `preadv2` and its like take.
pub(super) static RWF: FlagSet = set!("RWF_???",
    RWF_HIPRI RWF_DSYNC RWF_SYNC RWF_NOWAIT RWF_APPEND RWF_NOAPPEND RWF_ATOMIC RWF_DONTCACHE RWF_NOSIGNAL);

static SPLICE: FlagSet = set!("SPLICE_F_???", SPLICE_F_MOVE SPLICE_F_NONBLOCK SPLICE_F_MORE SPLICE_F_GIFT);

static FALLOC: FlagSet = set!("FALLOC_FL_???",
    FALLOC_FL_KEEP_SIZE FALLOC_FL_PUNCH_HOLE FALLOC_FL_NO_HIDE_STALE FALLOC_FL_COLLAPSE_RANGE
    FALLOC_FL_ZERO_RANGE FALLOC_FL_INSERT_RANGE FALLOC_FL_UNSHARE_RANGE FALLOC_FL_WRITE_ZEROES);

static ADVICE: Choices = choices!("POSIX_FADV_???",
    POSIX_FADV_NORMAL POSIX_FADV_RANDOM POSIX_FADV_SEQUENTIAL POSIX_FADV_WILLNEED POSIX_FADV_DONTNEED
    POSIX_FADV_NOREUSE);

static SYNC_RANGE: FlagSet = set!("SYNC_FILE_RANGE_???",
    SYNC_FILE_RANGE_WAIT_BEFORE SYNC_FILE_RANGE_WRITE SYNC_FILE_RANGE_WAIT_AFTER);

static LOCKS: FlagSet =
    set!("LOCK_???", LOCK_SH LOCK_EX LOCK_NB LOCK_UN LOCK_MAND LOCK_RW LOCK_READ LOCK_WRITE);

static RANGE: FlagSet = set!("CLOSE_RANGE_???", CLOSE_RANGE_UNSHARE CLOSE_RANGE_CLOEXEC);

static MEMFD: Packed = Packed {
    set: set!("MFD_???", MFD_CLOEXEC MFD_ALLOW_SEALING MFD_HUGETLB MFD_NOEXEC_SEAL MFD_EXEC),
    numbers: &[PackedNumber::Shifted {
        mask: uapi::MFD_HUGE_MASK << uapi::MFD_HUGE_SHIFT,
        shift: uapi::MFD_HUGE_SHIFT,
        name: "MFD_HUGE_SHIFT",
    }],
};

static SECRET: FlagSet = set!("", O_CLOEXEC);

/// Positions that the call moves on; only the one before is shown.
const MOVED: Type = input(&I64);

/// `pos_l` and `pos_h`.
const POSITION: Type = Type::Number(Width::LowHigh, Meaning::Plain);

/// `struct iovec` whose bytes the call fills in, as far as they go.
static IOVEC_OUT: Type = Type::Struct(&Struct::of(&[
    field("iov_base", Type::Buffer(Access::Out, Length::Share(1))),
    field("iov_len", SIZE),
]));

const VECTORS_IN: Type = Type::List(Access::In, &IOVEC_IN, Length::Arg(2));
const VECTORS_OUT: Type = Type::List(Access::OutAlways, &IOVEC_OUT, Length::Arg(2));

static ENDS: Type = Type::Elements(&FD, 2);

pub static SYSCALLS: &[Syscall] = &[
    call("close", DESC, &[param("fd", FD)], RET_INT),
    call(
        "close_range",
        0,
        &[param("first", UINT), param("last", UINT), param("flags", flags(&RANGE))],
        RET_INT,
    ),
    call("dup", DESC, &[param("oldfd", FD)], RET_FD),
    call("dup2", DESC, &[param("oldfd", FD), param("newfd", FD)], RET_FD),
    call(
        "dup3",
        DESC,
        &[param("oldfd", FD), param("newfd", FD), param("flags", flags(&DESCRIPTOR_FLAGS))],
        RET_FD,
    ),
    call("pipe", DESC, &[param("pipefd", output(&ENDS))], RET_INT),
    call("pipe2", DESC, &[param("pipefd", output(&ENDS)), param("flags", flags(&DESCRIPTOR_FLAGS))], RET_INT),
    call(
        "memfd_create",
        DESC,
        &[param("name", TEXT), param("flags", Type::Number(Width::U32, Meaning::Packed(&MEMFD)))],
        RET_FD,
    ),
    call("memfd_secret", DESC, &[param("flags", flags(&SECRET))], RET_FD),
    call("read", DESC, &[param("fd", FD), param("buf", DATA_OUT), param("count", SIZE)], RET_LONG),
    call("write", DESC, &[param("fd", FD), param("buf", data_in(2)), param("count", SIZE)], RET_LONG),
    call(
        "pread64",
        DESC,
        &[param("fd", FD), param("buf", DATA_OUT), param("count", SIZE), param("offset", I64)],
        RET_LONG,
    ),
    call(
        "pwrite64",
        DESC,
        &[param("fd", FD), param("buf", data_in(2)), param("count", SIZE), param("offset", I64)],
        RET_LONG,
    ),
    call("readv", DESC, &[param("fd", FD), param("iov", VECTORS_OUT), param("iovcnt", ULONG)], RET_LONG),
    call("writev", DESC, &[param("fd", FD), param("iov", VECTORS_IN), param("iovcnt", ULONG)], RET_LONG),
    call(
        "preadv",
        DESC,
        &[param("fd", FD), param("iov", VECTORS_OUT), param("iovcnt", ULONG), param("offset", POSITION)],
        RET_LONG,
    ),
    call(
        "pwritev",
        DESC,
        &[param("fd", FD), param("iov", VECTORS_IN), param("iovcnt", ULONG), param("offset", POSITION)],
        RET_LONG,
    ),
    call(
        "preadv2",
        DESC,
        &[
            param("fd", FD),
            param("iov", VECTORS_OUT),
            param("iovcnt", ULONG),
            param("offset", POSITION),
            param("flags", flags(&RWF)),
        ],
        RET_LONG,
    ),
    call(
        "pwritev2",
        DESC,
        &[
            param("fd", FD),
            param("iov", VECTORS_IN),
            param("iovcnt", ULONG),
            param("offset", POSITION),
            param("flags", flags(&RWF)),
        ],
        RET_LONG,
    ),
    call(
        "lseek",
        DESC,
        &[param("fd", FD), param("offset", LONG), param("whence", choice(&WHENCE))],
        RET_LONG,
    ),
    call(
        "_llseek",
        DESC,
        &[
            param("fd", FD),
            param("offset", Type::Number(Width::HighLow, Meaning::Plain)),
            param("result", output(&I64)),
            param("whence", choice(&WHENCE)),
        ],
        RET_INT,
    ),
    call(
        "sendfile",
        DESC | NETWORK,
        &[param("out_fd", FD), param("in_fd", FD), param("offset", changed(&ULONG)), param("count", SIZE)],
        RET_LONG,
    ),
    call(
        "sendfile64",
        DESC | NETWORK,
        &[param("out_fd", FD), param("in_fd", FD), param("offset", changed(&U64)), param("count", SIZE)],
        RET_LONG,
    ),
    call(
        "splice",
        DESC,
        &[
            param("fd_in", FD),
            param("off_in", MOVED),
            param("fd_out", FD),
            param("off_out", MOVED),
            param("len", SIZE),
            param("flags", flags(&SPLICE)),
        ],
        RET_LONG,
    ),
    call(
        "tee",
        DESC,
        &[param("fd_in", FD), param("fd_out", FD), param("len", SIZE), param("flags", flags(&SPLICE))],
        RET_LONG,
    ),
    call(
        "vmsplice",
        DESC,
        &[param("fd", FD), param("iov", VECTORS_IN), param("nr_segs", ULONG), param("flags", flags(&SPLICE))],
        RET_LONG,
    ),
    call(
        "copy_file_range",
        DESC,
        &[
            param("fd_in", FD),
            param("off_in", MOVED),
            param("fd_out", FD),
            param("off_out", MOVED),
            param("len", SIZE),
            param("flags", UINT),
        ],
        RET_LONG,
    ),
    call("flock", DESC, &[param("fd", FD), param("op", flags(&LOCKS))], RET_INT),
    call("fsync", DESC, &[param("fd", FD)], RET_INT),
    call("fdatasync", DESC, &[param("fd", FD)], RET_INT),
    call(
        "sync_file_range",
        DESC,
        &[param("fd", FD), param("offset", I64), param("nbytes", I64), param("flags", flags(&SYNC_RANGE))],
        RET_INT,
    ),
    call("readahead", DESC, &[param("fd", FD), param("offset", I64), param("count", SIZE)], RET_LONG),
    call(
        "fadvise64",
        DESC,
        &[param("fd", FD), param("offset", I64), param("len", SIZE), param("advice", choice(&ADVICE))],
        RET_INT,
    ),
    call(
        "fadvise64_64",
        DESC,
        &[param("fd", FD), param("offset", I64), param("len", I64), param("advice", choice(&ADVICE))],
        RET_INT,
    ),
    call(
        "fallocate",
        DESC,
        &[param("fd", FD), param("mode", flags(&FALLOC)), param("offset", I64), param("len", I64)],
        RET_INT,
    ),
];
