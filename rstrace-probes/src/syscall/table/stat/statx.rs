//! `statx`: what is asked for, and the answer.

use rstrace_core::describe::{Object, Struct, Type, Width, field, hidden, long};
use rstrace_core::event::Comment;
use rstrace_core::flags::FlagSet;

use super::NODE_MODE;
use crate::syscall::types::*;
use crate::uapi;

/// How a path is looked up; first, how fresh the answer is to be.
pub(super) static FLAGS: FlagSet = FlagSet {
    choice: Some((
        uapi::AT_STATX_SYNC_TYPE,
        &[
            (uapi::AT_STATX_SYNC_AS_STAT, "AT_STATX_SYNC_AS_STAT"),
            (uapi::AT_STATX_FORCE_SYNC, "AT_STATX_FORCE_SYNC"),
            (uapi::AT_STATX_DONT_SYNC, "AT_STATX_DONT_SYNC"),
            (uapi::AT_STATX_SYNC_TYPE, "AT_STATX_FORCE_SYNC|AT_STATX_DONT_SYNC"),
        ],
    )),
    ..super::AT_FLAGS
};

pub(super) static MASK: FlagSet = set!("STATX_???",
    STATX_ALL STATX_BASIC_STATS STATX_TYPE STATX_MODE STATX_NLINK STATX_UID STATX_GID STATX_ATIME STATX_MTIME
    STATX_CTIME STATX_INO STATX_SIZE STATX_BLOCKS STATX_BTIME STATX_MNT_ID STATX_DIOALIGN STATX_MNT_ID_UNIQUE
    STATX_SUBVOL STATX_WRITE_ATOMIC STATX_DIO_READ_ALIGN);

static ATTRIBUTES: FlagSet = set!("STATX_ATTR_???",
    STATX_ATTR_COMPRESSED STATX_ATTR_IMMUTABLE STATX_ATTR_APPEND STATX_ATTR_NODUMP STATX_ATTR_ENCRYPTED
    STATX_ATTR_AUTOMOUNT STATX_ATTR_MOUNT_ROOT STATX_ATTR_VERITY STATX_ATTR_DAX STATX_ATTR_WRITE_ATOMIC);

/// `struct statx_timestamp`
static STAMP: Type =
    Type::Struct(&Struct::of(&[field("tv_sec", I64), field("tv_nsec", U32), hidden(Type::Padding(4))]));

// Where the structure has its stamps.
const ATIME: usize = 0x40;
const BTIME: usize = 0x50;
const CTIME: usize = 0x60;
const MTIME: usize = 0x70;

fn date(statx: &Object<'_>, offset: usize) -> Option<Comment> {
    Comment::of_stamp(statx.number(offset, Width::I64) as i64, statx.number(offset + 8, Width::U32))
}

/// Whether the answer has any of these.
fn has(statx: &Object<'_>, bits: u64) -> bool {
    statx.number(0, Width::U32) & bits != 0
}

/// `struct statx`
pub(super) static STATX: Type = Type::Struct(&Struct::of(&[
    field("stx_mask", flags(&MASK)),
    long("stx_blksize", U32),
    field("stx_attributes", flags64(&ATTRIBUTES)),
    long("stx_nlink", U32),
    long("stx_uid", U32),
    long("stx_gid", U32),
    field("stx_mode", NODE_MODE),
    hidden(Type::Padding(2)),
    long("stx_ino", U64),
    field("stx_size", U64),
    long("stx_blocks", U64),
    long("stx_attributes_mask", flags64(&ATTRIBUTES)),
    long("stx_atime", STAMP)
        .only_if(|statx| has(statx, uapi::STATX_ATIME))
        .commented(|statx| date(statx, ATIME)),
    long("stx_btime", STAMP)
        .only_if(|statx| has(statx, uapi::STATX_BTIME))
        .commented(|statx| date(statx, BTIME)),
    long("stx_ctime", STAMP)
        .only_if(|statx| has(statx, uapi::STATX_CTIME))
        .commented(|statx| date(statx, CTIME)),
    long("stx_mtime", STAMP)
        .only_if(|statx| has(statx, uapi::STATX_MTIME))
        .commented(|statx| date(statx, MTIME)),
    long("stx_rdev_major", U32),
    long("stx_rdev_minor", U32),
    long("stx_dev_major", U32),
    long("stx_dev_minor", U32),
    long("stx_mnt_id", HEX64).only_if(|statx| has(statx, uapi::STATX_MNT_ID | uapi::STATX_MNT_ID_UNIQUE)),
    long("stx_dio_mem_align", U32).only_if(|statx| has(statx, uapi::STATX_DIOALIGN)),
    long("stx_dio_offset_align", U32).only_if(|statx| has(statx, uapi::STATX_DIOALIGN)),
    long("stx_subvol", HEX64).only_if(|statx| has(statx, uapi::STATX_SUBVOL)),
    long("stx_atomic_write_unit_min", U32).only_if(|statx| has(statx, uapi::STATX_WRITE_ATOMIC)),
    long("stx_atomic_write_unit_max", U32).only_if(|statx| has(statx, uapi::STATX_WRITE_ATOMIC)),
    long("stx_atomic_write_segments_max", U32).only_if(|statx| has(statx, uapi::STATX_WRITE_ATOMIC)),
    long("stx_dio_read_offset_align", U32).only_if(|statx| has(statx, uapi::STATX_DIO_READ_ALIGN)),
    long("stx_atomic_write_unit_max_opt", U32).only_if(|statx| has(statx, uapi::STATX_WRITE_ATOMIC)),
    hidden(Type::Padding(4 + 64)),
]));
