//! Input and output that goes on meanwhile: io_uring, and the contexts of before.

mod aio;
mod register;

use rstrace_core::describe::{
    Access, Custom, Field, Item, Length, Meaning, Nested, Object, Shape, Struct, Syscall, Type, Width, field,
    param, size_of_type,
};
use rstrace_core::event::Value;
use rstrace_core::flags::FlagSet;

use super::polling::SIGNALS_AND_SIZE;
use super::time::TIMESPEC64;
use crate::syscall::classes::{DESC, MEMORY, SIGNAL};
use crate::syscall::types::*;
use crate::uapi;

static SETUP: FlagSet = set!("IORING_SETUP_???",
    IORING_SETUP_IOPOLL IORING_SETUP_SQPOLL IORING_SETUP_SQ_AFF IORING_SETUP_CQSIZE IORING_SETUP_CLAMP
    IORING_SETUP_ATTACH_WQ IORING_SETUP_R_DISABLED IORING_SETUP_SUBMIT_ALL IORING_SETUP_COOP_TASKRUN
    IORING_SETUP_TASKRUN_FLAG IORING_SETUP_SQE128 IORING_SETUP_CQE32 IORING_SETUP_SINGLE_ISSUER
    IORING_SETUP_DEFER_TASKRUN IORING_SETUP_NO_MMAP IORING_SETUP_REGISTERED_FD_ONLY IORING_SETUP_NO_SQARRAY
    IORING_SETUP_HYBRID_IOPOLL IORING_SETUP_CQE_MIXED IORING_SETUP_SQE_MIXED IORING_SETUP_SQ_REWIND);

static FEATURES: FlagSet = set!("IORING_FEAT_???",
    IORING_FEAT_SINGLE_MMAP IORING_FEAT_NODROP IORING_FEAT_SUBMIT_STABLE IORING_FEAT_RW_CUR_POS
    IORING_FEAT_CUR_PERSONALITY IORING_FEAT_FAST_POLL IORING_FEAT_POLL_32BITS IORING_FEAT_SQPOLL_NONFIXED
    IORING_FEAT_EXT_ARG IORING_FEAT_NATIVE_WORKERS IORING_FEAT_RSRC_TAGS IORING_FEAT_CQE_SKIP
    IORING_FEAT_LINKED_FILE IORING_FEAT_REG_REG_RING IORING_FEAT_RECVSEND_BUNDLE IORING_FEAT_MIN_TIMEOUT
    IORING_FEAT_RW_ATTR IORING_FEAT_NO_IOWAIT);

static ENTER: FlagSet = set!("IORING_ENTER_???",
    IORING_ENTER_GETEVENTS IORING_ENTER_SQ_WAKEUP IORING_ENTER_SQ_WAIT IORING_ENTER_EXT_ARG
    IORING_ENTER_REGISTERED_RING IORING_ENTER_ABS_TIMER IORING_ENTER_EXT_ARG_REG IORING_ENTER_NO_IOWAIT);

/// Whether any byte of so many from an offset on is set: reserved members are shown only then.
fn any(object: &Object<'_>, offset: usize, length: usize) -> bool {
    object.bytes.iter().skip(offset).take(length).any(|byte| *byte != 0)
}

/// `struct io_sqring_offsets`.
static SQ_OFFSETS: Type = Type::Struct(&Struct::of(&[
    field("head", U32),
    field("tail", U32),
    field("ring_mask", U32),
    field("ring_entries", U32),
    field("flags", U32),
    field("dropped", U32),
    field("array", U32),
    field("resv1", HEX32).only_if(|offsets| any(offsets, 28, 4)),
    field("user_addr", HEX64),
]));

/// `struct io_cqring_offsets`.
static CQ_OFFSETS: Type = Type::Struct(&Struct::of(&[
    field("head", U32),
    field("tail", U32),
    field("ring_mask", U32),
    field("ring_entries", U32),
    field("overflow", U32),
    field("cqes", U32),
    field("flags", U32),
    field("resv1", HEX32).only_if(|offsets| any(offsets, 28, 4)),
    field("user_addr", HEX64),
]));

/// A member that the call fills in.
const fn answer(name: &'static str, ty: Type) -> Field {
    field(name, ty).only_if(|params| params.call.succeeded())
}

/// `struct io_uring_params`.
static PARAMS: Type = Type::Struct(
    &Struct::of(&[
        answer("sq_entries", U32),
        answer("cq_entries", U32),
        field("flags", flags(&SETUP)),
        field("sq_thread_cpu", HEX32),
        field("sq_thread_idle", U32),
        answer("features", flags(&FEATURES)),
        field("wq_fd", FD).only_if(|params| params.number(8, Width::U32) & uapi::IORING_SETUP_ATTACH_WQ != 0),
        field("resv", Type::Elements(&HEX32, 3)).only_if(|params| any(params, 28, 12)),
        answer("sq_off", SQ_OFFSETS),
        answer("cq_off", CQ_OFFSETS),
    ])
    .in_order(&[2, 3, 4, 6, 7, 0, 1, 5, 8, 9]),
);

/// `struct io_uring_getevents_arg`, whose pointers have 64 bits in all programs.
static GETEVENTS: Type = Type::Custom(&Custom {
    size: 24,
    compat_size: 24,
    shape: Shape::Struct,
    parts: |arg, _, emit| {
        let signals = arg.number(0, Width::U64);
        let size = arg.number(8, Width::U32);
        let set = arg.behind(signals, &Type::Signals).filter(|_| size == 8 && signals != 0);
        let set = set.map_or(Value::Address(signals), |set| set.value_at(0, &Type::Signals));
        emit(Item::member("sigmask", set));
        emit(Item::member("sigmask_sz", Value::Unsigned(size)));
        emit(Item::member("min_wait_usec", Value::Unsigned(arg.number(12, Width::U32))));
        let time = arg.number(16, Width::U64);
        let shown = arg.behind(time, &TIMESPEC64).filter(|_| time != 0);
        emit(Item::member("ts", shown.map_or(Value::Address(time), Value::Object)));
    },
    nested: &[],
});

/// The fifth argument of `io_uring_enter`: signals, or by a flag more than these.
static ENTER_ARG: Type = Type::Custom(&Custom {
    size: 0,
    compat_size: 0,
    shape: Shape::Bare,
    parts: |arg, _, emit| {
        let extended = arg.call.args[3] & uapi::IORING_ENTER_EXT_ARG != 0;
        let size = size_of_type(&GETEVENTS, arg.call.abi);
        if extended && arg.count >= size as u64 && arg.bytes.len() >= size {
            emit(Item::element(arg.value_at(0, &GETEVENTS)));
        } else if arg.count == 8 && arg.bytes.len() == 8 {
            emit(Item::element(arg.value_at(0, &Type::Signals)));
        }
    },
    nested: &[
        Nested { offset: [0, 0], ty: Type::Pointer(Access::In, &Type::Signals) },
        Nested { offset: [16, 16], ty: Type::Pointer(Access::In, &TIMESPEC64) },
    ],
});

const REGISTER_FLAGS: Type = Type::Number(Width::U32, Meaning::Choice(&register::OPERATIONS));

pub static SYSCALLS: &[Syscall] = &[
    call(
        "io_uring_setup",
        DESC,
        &[param("entries", UINT), param("params", Type::Pointer(Access::OutAlways, &PARAMS))],
        RET_FD,
    ),
    call(
        "io_uring_enter",
        DESC | SIGNAL,
        &[
            param("fd", FD),
            param("to_submit", UINT),
            param("min_complete", UINT),
            param("flags", flags(&ENTER)),
            param("argp", Type::Sized(Access::In, &ENTER_ARG, Length::Arg(5))),
            param("argsz", SIZE),
        ],
        RET_INT,
    ),
    call(
        "io_uring_register",
        DESC | MEMORY,
        &[param("fd", FD), param("opcode", REGISTER_FLAGS), param("arg", ADDRESS), param("nr_args", UINT)],
        RET_INT,
    )
    .by(&register::BY_OPERATION),
    call("io_setup", MEMORY, &[param("nr_events", UINT), param("ctx_idp", output(&aio::CONTEXT))], RET_INT),
    call("io_destroy", MEMORY, &[param("ctx_id", ADDRESS)], RET_INT),
    call(
        "io_submit",
        0,
        &[
            param("ctx_id", ADDRESS),
            param("nr", LONG),
            param("iocbpp", Type::List(Access::In, &aio::IOCB_ADDRESS, Length::LongArg(1))),
        ],
        RET_INT,
    ),
    call(
        "io_cancel",
        0,
        &[
            param("ctx_id", ADDRESS),
            param("iocb", input(&aio::IOCB_IN_BRIEF)),
            param("result", output(&aio::EVENT)),
        ],
        RET_INT,
    ),
    call(
        "io_getevents",
        0,
        &[
            param("ctx_id", ADDRESS),
            param("min_nr", LONG),
            param("nr", LONG),
            param("events", aio::EVENTS),
            param("timeout", input(&TIMESPEC)),
        ],
        RET_INT,
    ),
    call(
        "io_pgetevents",
        0,
        &[
            param("ctx_id", ADDRESS),
            param("min_nr", LONG),
            param("nr", LONG),
            param("events", aio::EVENTS),
            param("timeout", input(&TIMESPEC)),
            param("usig", input(&SIGNALS_AND_SIZE)),
        ],
        RET_INT,
    ),
    call(
        "io_pgetevents_time64",
        0,
        &[
            param("ctx_id", ADDRESS),
            param("min_nr", LONG),
            param("nr", LONG),
            param("events", aio::EVENTS),
            param("timeout", input(&TIMESPEC64)),
            param("usig", input(&SIGNALS_AND_SIZE)),
        ],
        RET_INT,
    ),
];
