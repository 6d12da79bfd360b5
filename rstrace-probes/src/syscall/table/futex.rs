//! Waiting for a word of memory to change.

use rstrace_core::describe::{
    Access, Case, Cases, Custom, Item, Length, Meaning, Named, Object, Param, Shape, Struct, Syscall, Type,
    Width, field, param, param_if,
};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet};

use super::time::{CLOCKS, TIMESPEC64};
use crate::syscall::types::*;
use crate::uapi;

/// The operations by number, with the flags that each may have.
macro_rules! operations {
    ($($name:ident $params:ident;)*) => {
        /// How each is called.
        static OPERATIONS: Choices = Choices {
            names: &sorted([
                $((uapi::$name, stringify!($name)),)*
                $((uapi::$name | uapi::FUTEX_PRIVATE_FLAG, concat!(stringify!($name), "_PRIVATE")),)*
                (WAIT_BITSET_CLOCK, "FUTEX_WAIT_BITSET|FUTEX_CLOCK_REALTIME"),
                (WAIT_CLOCK, "FUTEX_WAIT|FUTEX_CLOCK_REALTIME"),
                (WAIT_REQUEUE_PI_CLOCK, "FUTEX_WAIT_REQUEUE_PI|FUTEX_CLOCK_REALTIME"),
                (WAIT_BITSET_CLOCK | uapi::FUTEX_PRIVATE_FLAG, "FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME"),
                (WAIT_CLOCK | uapi::FUTEX_PRIVATE_FLAG, "FUTEX_WAIT_PRIVATE|FUTEX_CLOCK_REALTIME"),
                (
                    WAIT_REQUEUE_PI_CLOCK | uapi::FUTEX_PRIVATE_FLAG,
                    "FUTEX_WAIT_REQUEUE_PI_PRIVATE|FUTEX_CLOCK_REALTIME",
                ),
            ]),
            unknown: "FUTEX_???",
        };

        /// What each takes, in the order of their numbers.
        static CASES: &[Case] = &[
            $(case(uapi::$name, $params),)*
            $(case(uapi::$name | uapi::FUTEX_PRIVATE_FLAG, $params),)*
            $(case(uapi::$name | uapi::FUTEX_CLOCK_REALTIME, $params),)*
            $(case(uapi::$name | uapi::FUTEX_PRIVATE_FLAG | uapi::FUTEX_CLOCK_REALTIME, $params),)*
        ];

        /// Likewise, with times of 64 bits.
        static CASES64: &[Case] = &[
            $(case(uapi::$name, timed64::$params),)*
            $(case(uapi::$name | uapi::FUTEX_PRIVATE_FLAG, timed64::$params),)*
            $(case(uapi::$name | uapi::FUTEX_CLOCK_REALTIME, timed64::$params),)*
            $(case(uapi::$name | uapi::FUTEX_PRIVATE_FLAG | uapi::FUTEX_CLOCK_REALTIME, timed64::$params),)*
        ];
    };
}

operations! {
    FUTEX_WAIT WAIT;
    FUTEX_WAKE WAKE;
    FUTEX_FD WAKE;
    FUTEX_REQUEUE REQUEUE;
    FUTEX_CMP_REQUEUE CMP_REQUEUE;
    FUTEX_WAKE_OP WAKE_OP;
    FUTEX_LOCK_PI LOCK_PI;
    FUTEX_UNLOCK_PI WORD;
    FUTEX_TRYLOCK_PI WORD;
    FUTEX_WAIT_BITSET WAIT_BITSET;
    FUTEX_WAKE_BITSET WAKE_BITSET;
    FUTEX_WAIT_REQUEUE_PI WAIT_REQUEUE_PI;
    FUTEX_CMP_REQUEUE_PI CMP_REQUEUE;
    FUTEX_LOCK_PI2 LOCK_PI;
}

const WAIT_CLOCK: u64 = uapi::FUTEX_WAIT | uapi::FUTEX_CLOCK_REALTIME;
const WAIT_BITSET_CLOCK: u64 = uapi::FUTEX_WAIT_BITSET | uapi::FUTEX_CLOCK_REALTIME;
const WAIT_REQUEUE_PI_CLOCK: u64 = uapi::FUTEX_WAIT_REQUEUE_PI | uapi::FUTEX_CLOCK_REALTIME;

const fn case(value: u64, params: &'static [Param]) -> Case {
    Case { value: value as u32, params, result: None }
}

const UADDR: Param = param("uaddr", ADDRESS);
const OP: Param = param("futex_op", choice(&OPERATIONS));
const VAL: Param = param("val", UINT);
const VAL2: Param = param("val2", UINT);
const UADDR2: Param = param("uaddr2", ADDRESS);
const VAL3: Param = param("val3", UINT);
const BITS: Param = param("val3", Type::Number(Width::U32, Meaning::Named(&Named::hex(write_bits))));
const WAKE_OPERATION: Param = param("val3", Type::Number(Width::U32, Meaning::Written(write_operation)));
/// An argument that this operation does not have, in the midst of others.
const NONE: Param = param_if("", ADDRESS, |_| false);

const WORD: &[Param] = &[UADDR, OP];
const WAKE: &[Param] = &[UADDR, OP, VAL];
const REQUEUE: &[Param] = &[UADDR, OP, VAL, VAL2, UADDR2];
const CMP_REQUEUE: &[Param] = &[UADDR, OP, VAL, VAL2, UADDR2, VAL3];
const WAKE_OP: &[Param] = &[UADDR, OP, VAL, VAL2, UADDR2, WAKE_OPERATION];
const WAKE_BITSET: &[Param] = &[UADDR, OP, VAL, NONE, NONE, BITS];

/// Operations with a time, which is another type in the newer call of 32-bit programs.
macro_rules! timed {
    ($time:expr) => {
        const TIMEOUT: Param = param("timeout", input(&$time));
        pub(super) const WAIT: &[Param] = &[UADDR, OP, VAL, TIMEOUT];
        pub(super) const LOCK_PI: &[Param] = &[UADDR, OP, NONE, TIMEOUT];
        pub(super) const WAIT_BITSET: &[Param] = &[UADDR, OP, VAL, TIMEOUT, NONE, BITS];
        pub(super) const WAIT_REQUEUE_PI: &[Param] = &[UADDR, OP, VAL, TIMEOUT, UADDR2];
    };
}
timed!(TIMESPEC);
mod timed64 {
    pub(super) use super::*;
    timed!(TIMESPEC64);
}

const UNKNOWN: &[Param] = &[UADDR, OP, VAL, param("timeout", ADDRESS), UADDR2, param("val3", HEX32)];

fn write_bits(out: &mut Notation<'_>, bits: u64) {
    match bits {
        uapi::FUTEX_BITSET_MATCH_ANY => out.extend_from_slice(b"FUTEX_BITSET_MATCH_ANY"),
        _ => named::hex(out, bits),
    }
}

static OPERATIONS_OF_WAKE: Choices =
    choices!("FUTEX_OP_???", FUTEX_OP_SET FUTEX_OP_ADD FUTEX_OP_OR FUTEX_OP_ANDN FUTEX_OP_XOR);
static COMPARISONS: Choices = choices!("FUTEX_OP_CMP_???", FUTEX_OP_CMP_EQ FUTEX_OP_CMP_NE FUTEX_OP_CMP_LT
    FUTEX_OP_CMP_LE FUTEX_OP_CMP_GT FUTEX_OP_CMP_GE);

/// The last argument of `FUTEX_WAKE_OP`: `FUTEX_OP_SET<<28|0x5<<12|FUTEX_OP_CMP_GT<<24|0x7`.
fn write_operation(out: &mut Notation<'_>, encoded: u64) {
    let shifted = |out: &mut Notation<'_>, choices: &Choices, value, shift: &str| {
        let is_known = choices.name(value).is_some();
        if is_known {
            choices.write(out, value);
        } else {
            choices.write_number(out, value);
        }
        out.push_text(shift);
        if !is_known {
            choices.write_unknown(out);
        }
        out.push(b'|');
    };
    let operation = encoded >> 28 & 0xf;
    if operation & uapi::FUTEX_OP_OPARG_SHIFT != 0 {
        out.constant(
            |out| named::hex(out, uapi::FUTEX_OP_OPARG_SHIFT),
            |out| out.push_text("FUTEX_OP_OPARG_SHIFT"),
        );
        out.push_text("<<28|");
    }
    shifted(out, &OPERATIONS_OF_WAKE, operation & !uapi::FUTEX_OP_OPARG_SHIFT, "<<28");
    named::hex(out, encoded >> 12 & 0xfff);
    out.push_text("<<12|");
    shifted(out, &COMPARISONS, encoded >> 24 & 0xf, "<<24");
    named::hex(out, encoded & 0xfff);
}

static FUTEX2: FlagSet = set!("FUTEX2_???", FUTEX2_SIZE_MASK: FUTEX2_SIZE_U8 FUTEX2_SIZE_U16 FUTEX2_SIZE_U32 FUTEX2_SIZE_U64;
    FUTEX2_NUMA FUTEX2_MPOL FUTEX2_PRIVATE);

/// `struct futex_waitv`.
static WAITER: Type = Type::Struct(&Struct::of(&[
    field("val", HEX64),
    field("uaddr", Type::Number(Width::U64, Meaning::Address)),
    field("flags", flags(&FUTEX2)),
    field("__reserved", HEX32).only_if(|waiter| waiter.number(20, Width::U32) != 0),
]));

static HEAD: Type = ADDRESS;
static LENGTH_OF_HEAD: Type = SIZE;

static RSEQ_FLAGS: FlagSet = set!("RSEQ_FLAG_???", RSEQ_FLAG_UNREGISTER RSEQ_FLAG_SLICE_EXT_DEFAULT_ON);
static RSEQ_CS_FLAGS: FlagSet = set!("RSEQ_CS_FLAG_???", RSEQ_CS_FLAG_NO_RESTART_ON_PREEMPT
    RSEQ_CS_FLAG_NO_RESTART_ON_SIGNAL RSEQ_CS_FLAG_NO_RESTART_ON_MIGRATE RSEQ_CS_FLAG_SLICE_EXT_AVAILABLE
    RSEQ_CS_FLAG_SLICE_EXT_ENABLED);

fn write_cpu(out: &mut Notation<'_>, cpu: u64) {
    const NAMES: &[(u64, &str)] = &names!(RSEQ_CPU_ID_UNINITIALIZED RSEQ_CPU_ID_REGISTRATION_FAILED);
    match NAMES.iter().find(|(number, _)| *number as u32 == cpu as u32) {
        Some((_, name)) => out.extend_from_slice(name.as_bytes()),
        None => out.extend_from_slice(cpu.to_string().as_bytes()),
    }
}

/// `struct rseq`. Of what grew behind its first 32 bytes only the end of those is shown.
static RSEQ: Type = Type::Custom(&Custom {
    size: 32,
    compat_size: 32,
    shape: Shape::Struct,
    parts: |rseq, _, emit| {
        if rseq.bytes.len() < 32 {
            return;
        }
        let number = |offset| rseq.number(offset, Width::U32);
        emit(Item::member("cpu_id_start", Value::Unsigned(number(0))));
        emit(Item::member("cpu_id", Value::Written(number(4), write_cpu)));
        emit(Item::member("rseq_cs", Value::Address(rseq.number(8, Width::U64))));
        let bits = number(16);
        emit(Item::member("flags", Value::Flags(rstrace_core::flags::Flags { bits, set: &RSEQ_CS_FLAGS })));
        emit(Item::member("node_id", Value::Unsigned(number(20))));
        emit(Item::member("mm_cid", Value::Unsigned(number(24))));
        let slice = Object { ty: &SLICE_CONTROL, bytes: rseq.bytes.get(28..32).unwrap_or(&[]), ..*rseq };
        emit(Item::member("slice_ctrl", Value::Object(slice)));
        emit(Item::member("__reserved", Value::Unsigned(rseq.number(32, Width::U8))));
    },
    nested: &[],
});
static SLICE_CONTROL: Type =
    Type::Struct(&Struct::of(&[field("request", U8), field("granted", U8), field("__reserved", U16)]));

pub static SYSCALLS: &[Syscall] = &[
    Syscall { cases: Some(&Cases { arg: 1, cases: CASES }), ..call("futex", 0, UNKNOWN, RET_INT) },
    Syscall { cases: Some(&Cases { arg: 1, cases: CASES64 }), ..call("futex_time64", 0, UNKNOWN, RET_INT) },
    call(
        "futex_waitv",
        0,
        &[
            param("waiters", Type::List(Access::In, &WAITER, Length::Arg(1))),
            param("nr_futexes", UINT),
            param("flags", HEX32),
            param("timeout", input(&TIMESPEC64)),
            param("clockid", choice(&CLOCKS)),
        ],
        RET_INT,
    ),
    call(
        "futex_wake",
        0,
        &[UADDR, param("mask", HEX), param("nr", INT), param("flags", flags(&FUTEX2))],
        RET_INT,
    ),
    call(
        "futex_wait",
        0,
        &[
            UADDR,
            param("val", HEX),
            param("mask", HEX),
            param("flags", flags(&FUTEX2)),
            param("timeout", input(&TIMESPEC64)),
            param("clockid", choice(&CLOCKS)),
        ],
        RET_INT,
    ),
    call(
        "futex_requeue",
        0,
        &[
            param("waiters", Type::List(Access::In, &WAITER, Length::Fixed(2))),
            param("flags", HEX32),
            param("nr_wake", INT),
            param("nr_requeue", INT),
        ],
        RET_INT,
    ),
    call("set_robust_list", 0, &[param("head", ADDRESS), param("length", SIZE)], RET_INT),
    call(
        "get_robust_list",
        0,
        &[param("pid", PID), param("head_ptr", output(&HEAD)), param("sizep", output(&LENGTH_OF_HEAD))],
        RET_INT,
    ),
    call(
        "rseq",
        0,
        &[
            param("rseq", Type::Sized(Access::In, &RSEQ, Length::Arg(1))),
            param("rseq_len", UINT),
            param("flags", flags(&RSEQ_FLAGS)),
            param("sig", HEX32),
        ],
        RET_INT,
    ),
];
