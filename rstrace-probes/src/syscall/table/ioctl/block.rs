//! Block devices.

use rstrace_core::describe::{Access, Case, Struct, Type, field, hidden};
use rstrace_core::flags::Choices;

use super::{encoded, requests, two_parts};
use crate::syscall::types::*;

static RANGE: Type = Type::Elements(&U64, 2);

static BLKPG_OPERATION: Choices =
    choices!("BLKPG_???", BLKPG_ADD_PARTITION BLKPG_DEL_PARTITION BLKPG_RESIZE_PARTITION);

/// `struct blkpg_partition`.
static PARTITION: Type = Type::Struct(&Struct::of(&[
    field("start", I64),
    field("length", I64),
    field("pno", INT),
    field("devname", Type::Chars(64)),
    field("volname", Type::Chars(64)),
]));

/// `struct blkpg_ioctl_arg`.
static BLKPG: Type = Type::Struct(&Struct::of(&[
    field("op", choice(&BLKPG_OPERATION)),
    field("flags", INT),
    field("datalen", INT),
    field("data", Type::Pointer(Access::In, &PARTITION)),
]));

/// `struct blk_user_trace_setup`: what is asked for.
static TRACE: Type = Type::Struct(&Struct::of(&[
    hidden(Type::Padding(32)),
    field("act_mask", U16),
    field("buf_size", U32),
    field("buf_nr", U32),
    field("start_lba", U64),
    field("end_lba", U64),
    field("pid", PID),
]));
/// And the name that the trace has.
static TRACE_NAME: Type =
    Type::Struct(&Struct::of(&[field("name", Type::Chars(32)), hidden(Type::Padding(40))]));
static TRACE_SETUP: Type = two_parts!(72, Struct, extended, TRACE, TRACE_NAME);

pub const REQUESTS: &[Case] = requests! {
    BLKROSET: input(&INT),
    BLKROGET: output(&INT),
    BLKRRPART,
    BLKGETSIZE: output(&ULONG),
    BLKFLSBUF,
    BLKRASET: ULONG,
    BLKRAGET: output(&LONG),
    BLKFRASET: ULONG,
    BLKFRAGET: output(&LONG),
    BLKSECTGET: output(&U16),
    BLKSSZGET: output(&INT),
    BLKPG: input(&BLKPG),
    BLKTRACESTART,
    BLKTRACESTOP,
    BLKTRACETEARDOWN,
    BLKDISCARD: input(&RANGE),
    BLKIOMIN: output(&UINT),
    BLKIOOPT: output(&UINT),
    BLKALIGNOFF: output(&INT),
    BLKPBSZGET: output(&UINT),
    BLKDISCARDZEROES: output(&UINT),
    BLKSECDISCARD: input(&RANGE),
    BLKROTATIONAL: output(&U16),
    BLKZEROOUT: input(&RANGE),
    BLKBSZSET: input(&INT),
    BLKGETZONESZ: encoded(&UINT),
    BLKGETNRZONES: encoded(&UINT),
    BLKBSZGET: output(&INT),
    BLKTRACESETUP: changed(&TRACE_SETUP),
    BLKGETSIZE64: encoded(&U64),
    BLKGETDISKSEQ: encoded(&U64),
};
