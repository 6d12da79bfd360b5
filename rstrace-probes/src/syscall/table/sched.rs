//! When and how long a process runs: policies, priorities, limits, and what it has used.

use std::io::Write;

use rstrace_core::describe::{
    Access, Custom, Field, Item, Length, Meaning, Named, Object, Returned, Shape, Struct, Syscall, Type,
    Width, field, long, param, param_if,
};
use rstrace_core::event::{Comment, Value};
use rstrace_core::flags::{Choices, FlagSet, Flags};
use rstrace_core::memory::At;
use rstrace_core::probe::RawCall;

use super::time::TIMESPEC64;
use crate::syscall::types::*;
use crate::uapi;

static POLICIES: Choices = choices!("SCHED_???", SCHED_OTHER SCHED_FIFO SCHED_RR SCHED_BATCH SCHED_ISO SCHED_IDLE SCHED_DEADLINE SCHED_EXT);

/// A policy, and the bit that a child does not inherit.
static POLICY_AND_RESET: FlagSet = set!("SCHED_???", SCHED_RESET_ON_FORK);

fn write_policy(out: &mut Notation<'_>, policy: u64) {
    if policy & uapi::SCHED_RESET_ON_FORK != 0 {
        Flags { bits: uapi::SCHED_RESET_ON_FORK, set: &POLICY_AND_RESET }.write(out);
        out.push(b'|');
    }
    POLICIES.write(out, policy & !uapi::SCHED_RESET_ON_FORK);
}

const POLICY: Type = Type::Number(Width::U32, Meaning::Named(&Named::hex(write_policy)));

fn gloss_policy<'a>(call: &'a RawCall<'a>, emit: &mut dyn FnMut(Item<'_>)) {
    emit(Item::element(Value::Written(call.returned() as u64, write_policy)));
}

static SCHED_PARAM: Type = Type::Struct(&Struct::of(&[field("sched_priority", INT)]));

static SCHED_FLAGS: FlagSet = set!("SCHED_FLAG_???", SCHED_FLAG_RESET_ON_FORK SCHED_FLAG_RECLAIM
    SCHED_FLAG_DL_OVERRUN SCHED_FLAG_KEEP_POLICY SCHED_FLAG_KEEP_PARAMS SCHED_FLAG_UTIL_CLAMP_MIN
    SCHED_FLAG_UTIL_CLAMP_MAX);

static GETATTR_FLAGS: FlagSet = set!("SCHED_GETATTR_FLAG_???", SCHED_GETATTR_FLAG_DL_DYNAMIC);

/// Where members of `struct sched_attr` stand that something else depends on.
mod attributes {
    pub(super) const SIZE: usize = 0;
    pub(super) const POLICY: usize = 4;
    pub(super) const FLAGS: usize = 8;
}

fn has_policy(attributes: &Object<'_>) -> bool {
    let policy = attributes.number(attributes::POLICY, Width::I32) as i64;
    policy < 0 || attributes.number(attributes::FLAGS, Width::U64) & uapi::SCHED_FLAG_KEEP_ALL == 0
}

fn has_parameters(attributes: &Object<'_>) -> bool {
    attributes.number(attributes::FLAGS, Width::U64) & uapi::SCHED_FLAG_KEEP_PARAMS == 0
}

/// The members of `struct sched_attr`.
const KNOWN: [Field; 10] = [
    field("size", UINT),
    field("sched_policy", choice(&POLICIES)).only_if(has_policy),
    field("sched_flags", flags64(&SCHED_FLAGS)),
    field("sched_nice", INT).only_if(has_parameters),
    field("sched_priority", UINT).only_if(has_parameters),
    field("sched_runtime", U64).only_if(has_parameters),
    field("sched_deadline", U64).only_if(has_parameters),
    field("sched_period", U64).only_if(has_parameters),
    field("sched_util_min", UINT),
    field("sched_util_max", UINT),
];

/// `struct sched_attr` as the kernel fills it in.
static ATTRIBUTES_OUT: Type = Type::Struct(&Struct::of(&KNOWN));

/// `struct sched_attr` that may be longer than is known.
static ATTRIBUTES: Type = Type::Struct(&Struct::of(&[
    KNOWN[0],
    KNOWN[1],
    KNOWN[2],
    KNOWN[3],
    KNOWN[4],
    KNOWN[5],
    KNOWN[6],
    KNOWN[7],
    KNOWN[8],
    KNOWN[9],
    field("", Type::Custom(&MORE)),
]));

/// Stands for what newer kernels have behind the members that are known.
static MORE: Custom = Custom {
    size: 1,
    compat_size: 1,
    shape: Shape::Bare,
    parts: |_, _, emit| emit(Item::element(Value::More(None))),
    nested: &[],
};

/// `struct sched_attr` of a size that has no members but that.
static ATTRIBUTES_SIZE: Type = Type::Struct(&Struct::of(&[field("size", UINT)]));

/// `struct sched_attr` as a program gives it: it says its own size, and the kernel corrects that.
static ATTRIBUTES_IN: Type = Type::Custom(&Custom {
    size: 64,
    compat_size: 64,
    shape: Shape::Bare,
    parts: |object, _, emit| {
        let least = uapi::SCHED_ATTR_SIZE_VER0;
        if object.bytes.len() < 4 {
            return;
        }
        let size = match object.number(attributes::SIZE, Width::U32) {
            0 => least,
            size => size,
        };
        let given = if size < least {
            Object { ty: &ATTRIBUTES_SIZE, bytes: &object.bytes[..4], ..*object }
        } else {
            let wanted = if size < uapi::SCHED_ATTR_SIZE_VER1 { least } else { size.min(57) };
            let Some(bytes) = object.bytes.get(..wanted as usize) else { return };
            Object { ty: &ATTRIBUTES, bytes, ..*object }
        };
        let after = object.call.memory.bytes(object.address, 4, At::Return);
        let corrected = after.filter(|after| given.bytes.get(..4) != Some(after) && !object.call.succeeded());
        let given = Value::Object(given);
        match corrected {
            Some(bytes) => {
                let corrected = Value::Object(Object { ty: &ATTRIBUTES_SIZE, bytes, ..*object });
                emit(Item::element(Value::Change(&given, &corrected)));
            }
            None => emit(Item::element(given)),
        }
    },
    nested: &[],
});

/// `struct timeval` twice, and what only `-v` asks for.
pub(super) static RUSAGE: Type = Type::Struct(&Struct::of(&[
    field("ru_utime", TIMEVAL),
    field("ru_stime", TIMEVAL),
    long("ru_maxrss", ULONG),
    long("ru_ixrss", ULONG),
    long("ru_idrss", ULONG),
    long("ru_isrss", ULONG),
    long("ru_minflt", ULONG),
    long("ru_majflt", ULONG),
    long("ru_nswap", ULONG),
    long("ru_inblock", ULONG),
    long("ru_oublock", ULONG),
    long("ru_msgsnd", ULONG),
    long("ru_msgrcv", ULONG),
    long("ru_nsignals", ULONG),
    long("ru_nvcsw", ULONG),
    long("ru_nivcsw", ULONG),
]));

static RUSAGE_OF: Choices = choices!("RUSAGE_???", RUSAGE_SELF RUSAGE_CHILDREN RUSAGE_BOTH RUSAGE_THREAD);

static RESOURCES: Choices = choices!("RLIMIT_???", RLIMIT_CPU RLIMIT_FSIZE RLIMIT_DATA RLIMIT_STACK RLIMIT_CORE
    RLIMIT_RSS RLIMIT_NPROC RLIMIT_NOFILE RLIMIT_MEMLOCK RLIMIT_AS RLIMIT_LOCKS RLIMIT_SIGPENDING RLIMIT_MSGQUEUE
    RLIMIT_NICE RLIMIT_RTPRIO RLIMIT_RTTIME);

/// `8192*1024`, `RLIM64_INFINITY`.
fn write_limit64(out: &mut Notation<'_>, limit: u64) {
    match limit {
        uapi::RLIM64_INFINITY => out.extend_from_slice(b"RLIM64_INFINITY"),
        limit => write_limit(out, limit),
    }
}

/// The same, of 32 bits.
fn write_limit32(out: &mut Notation<'_>, limit: u64) {
    match limit as u32 {
        u32::MAX => out.extend_from_slice(b"RLIM_INFINITY"),
        limit => write_limit(out, limit.into()),
    }
}

fn write_limit(out: &mut Notation<'_>, limit: u64) {
    // writing to a vector cannot fail
    let _ = if limit > 1024 && limit.is_multiple_of(1024) {
        write!(out, "{}*1024", limit / 1024)
    } else {
        write!(out, "{limit}")
    };
}

const fn limits(limit: Type) -> [Field; 2] {
    [field("rlim_cur", limit), field("rlim_max", limit)]
}

const LIMIT64: Type = Type::Number(Width::U64, Meaning::Named(&Named::unsigned(write_limit64)));
const LIMIT32: Type = Type::Number(Width::U32, Meaning::Named(&Named::unsigned(write_limit32)));

/// `struct rlimit64`.
static RLIMIT64: Type = Type::Struct(&Struct::of(&const { limits(LIMIT64) }));

/// `struct rlimit`.
static RLIMIT: Type = Type::Struct(
    &Struct::of(&const { limits(LIMIT64) }).with_compat(&Struct::of(&const { limits(LIMIT32) })),
);

static PRIORITY_OF: Choices = choices!("PRIO_???", PRIO_PROCESS PRIO_PGRP PRIO_USER);

static IOPRIO_WHO: Choices = choices!("IOPRIO_WHO_???", IOPRIO_WHO_PROCESS IOPRIO_WHO_PGRP IOPRIO_WHO_USER);

static IOPRIO_CLASSES: Choices =
    choices!("IOPRIO_CLASS_???", IOPRIO_CLASS_NONE IOPRIO_CLASS_RT IOPRIO_CLASS_BE IOPRIO_CLASS_IDLE);

/// `IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 3)`
pub(super) fn write_ioprio(out: &mut Notation<'_>, priority: u64) {
    out.extend_from_slice(b"IOPRIO_PRIO_VALUE(");
    IOPRIO_CLASSES.write(out, priority >> uapi::IOPRIO_CLASS_SHIFT);
    // writing to a vector cannot fail
    let _ = write!(out, ", {})", priority & uapi::IOPRIO_PRIO_MASK);
}

const IOPRIO: Type = Type::Number(Width::U32, Meaning::Named(&PRIORITY));
static PRIORITY: Named = Named::int(write_ioprio);

/// Behind the number: that alone says nothing more.
static RETURNED_PRIORITY: Named = Named { named: write_ioprio, raw: |_, _| () };

fn gloss_ioprio<'a>(call: &'a RawCall<'a>, emit: &mut dyn FnMut(Item<'_>)) {
    emit(Item::element(Value::Named(call.returned() as u32 as u64, &RETURNED_PRIORITY)));
}

/// Ticks of the clock as seconds: there are 100 a second.
fn write_ticks(out: &mut Notation<'_>, ticks: u64) {
    // writing to a vector cannot fail
    let _ = write!(out, "{}.{:02} s", ticks / 100, ticks % 100);
}

const fn ticks(name: &'static str, seconds: fn(&Object<'_>) -> Option<Comment>) -> Field {
    field(name, LONG).commented(seconds)
}

fn seconds_at(times: &Object<'_>, place: usize) -> Option<Comment> {
    let ticks = times.number(place * times.bytes.len() / 4, Width::Word);
    (ticks != 0).then_some(Comment::Written(ticks, write_ticks))
}

/// `struct tms`.
static TMS: Type = Type::Struct(&Struct::of(&[
    ticks("tms_utime", |times| seconds_at(times, 0)),
    ticks("tms_stime", |times| seconds_at(times, 1)),
    ticks("tms_cutime", |times| seconds_at(times, 2)),
    ticks("tms_cstime", |times| seconds_at(times, 3)),
]));

static MEMBARRIER: Choices = choices!("MEMBARRIER_CMD_???", MEMBARRIER_CMD_QUERY MEMBARRIER_CMD_GLOBAL
    MEMBARRIER_CMD_GLOBAL_EXPEDITED MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED MEMBARRIER_CMD_PRIVATE_EXPEDITED
    MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE
    MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ
    MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ MEMBARRIER_CMD_GET_REGISTRATIONS);

/// The commands as a set, which two of them return.
static MEMBARRIERS: FlagSet = set!("MEMBARRIER_CMD_???", MEMBARRIER_CMD_GLOBAL MEMBARRIER_CMD_GLOBAL_EXPEDITED
    MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED MEMBARRIER_CMD_PRIVATE_EXPEDITED
    MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE
    MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ
    MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ MEMBARRIER_CMD_GET_REGISTRATIONS);

static MEMBARRIER_FLAGS: FlagSet = set!("MEMBARRIER_CMD_FLAG_???", MEMBARRIER_CMD_FLAG_CPU);

fn gloss_membarrier<'a>(call: &'a RawCall<'a>, emit: &mut dyn FnMut(Item<'_>)) {
    let bits = call.returned() as u64;
    if bits != 0 {
        emit(Item::element(Value::Flags(Flags { bits, set: &MEMBARRIERS })));
    }
}

static NUMBER: Type = UINT;

/// Who is meant: a process, or by another number.
const PRIORITY_WHO: Type = Type::Either(|call| call.args[0] == uapi::PRIO_PROCESS, &PID, &PRIORITY_GROUP);
static PRIORITY_GROUP: Type = Type::Either(|call| call.args[0] == uapi::PRIO_PGRP, &PGID, &INT);
const IOPRIO_ID: Type = Type::Either(|call| call.args[0] == uapi::IOPRIO_WHO_PROCESS, &PID, &IOPRIO_GROUP);
static IOPRIO_GROUP: Type = Type::Either(|call| call.args[0] == uapi::IOPRIO_WHO_PGRP, &PGID, &INT);

pub static SYSCALLS: &[Syscall] = &[
    call("sched_yield", 0, &[], RET_INT),
    call("sched_get_priority_max", 0, &[param("policy", choice(&POLICIES))], RET_INT),
    call("sched_get_priority_min", 0, &[param("policy", choice(&POLICIES))], RET_INT),
    call(
        "sched_setscheduler",
        0,
        &[param("pid", PID), param("policy", POLICY), param("param", input(&SCHED_PARAM))],
        RET_INT,
    ),
    call(
        "sched_getscheduler",
        0,
        &[param("pid", PID)],
        Returned::Glossed(Width::U32, Meaning::Hex, gloss_policy),
    ),
    call("sched_setparam", 0, &[param("pid", PID), param("param", input(&SCHED_PARAM))], RET_INT),
    call("sched_getparam", 0, &[param("pid", PID), param("param", output(&SCHED_PARAM))], RET_INT),
    call(
        "sched_setattr",
        0,
        &[
            param("pid", PID),
            param("attr", Type::Sized(Access::InOutAlways, &ATTRIBUTES_IN, Length::Fixed(64))),
            param("flags", HEX32),
        ],
        RET_INT,
    ),
    call(
        "sched_getattr",
        0,
        &[
            param("pid", PID),
            param("attr", Type::Sized(Access::Out, &ATTRIBUTES_OUT, Length::Arg(2))),
            param("size", UINT),
            param("flags", flags(&GETATTR_FLAGS)),
        ],
        RET_INT,
    ),
    call(
        "sched_setaffinity",
        0,
        &[
            param("pid", PID),
            param("cpusetsize", UINT),
            param("mask", Type::Sized(Access::In, &Type::Bits, Length::Arg(1))),
        ],
        RET_INT,
    ),
    call(
        "sched_getaffinity",
        0,
        &[
            param("pid", PID),
            param("cpusetsize", UINT),
            param("mask", Type::Sized(Access::Out, &Type::Bits, Length::Returned)),
        ],
        RET_INT,
    ),
    call("sched_rr_get_interval", 0, &[param("pid", PID), param("tp", output(&TIMESPEC))], RET_INT),
    call("sched_rr_get_interval_time64", 0, &[param("pid", PID), param("tp", output(&TIMESPEC64))], RET_INT),
    call("getpriority", 0, &[param("which", choice(&PRIORITY_OF)), param("who", PRIORITY_WHO)], RET_INT),
    call(
        "setpriority",
        0,
        &[param("which", choice(&PRIORITY_OF)), param("who", PRIORITY_WHO), param("prio", INT)],
        RET_INT,
    ),
    call("nice", 0, &[param("inc", INT)], RET_INT),
    call(
        "ioprio_set",
        0,
        &[param("which", choice(&IOPRIO_WHO)), param("who", IOPRIO_ID), param("ioprio", IOPRIO)],
        RET_INT,
    ),
    call(
        "ioprio_get",
        0,
        &[param("which", choice(&IOPRIO_WHO)), param("who", IOPRIO_ID)],
        Returned::Glossed(Width::I32, Meaning::Plain, gloss_ioprio),
    ),
    call("getrlimit", 0, &[param("resource", choice(&RESOURCES)), param("rlim", output(&RLIMIT))], RET_INT),
    call("ugetrlimit", 0, &[param("resource", choice(&RESOURCES)), param("rlim", output(&RLIMIT))], RET_INT),
    call("setrlimit", 0, &[param("resource", choice(&RESOURCES)), param("rlim", input(&RLIMIT))], RET_INT),
    call(
        "prlimit64",
        0,
        &[
            param("pid", PID),
            param("resource", choice(&RESOURCES)),
            param("new_limit", input(&RLIMIT64)),
            param("old_limit", output(&RLIMIT64)),
        ],
        RET_INT,
    ),
    call("getrusage", 0, &[param("who", choice(&RUSAGE_OF)), param("usage", output(&RUSAGE))], RET_INT),
    call("times", 0, &[param("buf", output(&TMS))], RET_LONG),
    call(
        "getcpu",
        0,
        &[param("cpu", output(&NUMBER)), param("node", output(&NUMBER)), param("tcache", ADDRESS)],
        RET_INT,
    ),
    call(
        "membarrier",
        0,
        &[
            param("cmd", choice(&MEMBARRIER)),
            param("flags", flags(&MEMBARRIER_FLAGS)),
            param_if("cpu_id", INT, |call| call.args[1] & uapi::MEMBARRIER_CMD_FLAG_CPU != 0),
        ],
        Returned::Glossed(Width::U32, Meaning::Hex, gloss_membarrier),
    ),
    call("rseq_slice_yield", 0, &[], RET_INT),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: fn(&mut Notation<'_>, u64), number: u64) -> String {
        let mut out = Vec::new();
        write(&mut Notation::plain(&mut out), number);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn limits_are_multiples_of_1024_where_they_are() {
        for (limit, text) in [
            (1024, "1024"),
            (1025, "1025"),
            (2048, "2*1024"),
            (u64::MAX, "RLIM64_INFINITY"),
            (u64::MAX - 1023, "18014398509481983*1024"),
        ] {
            assert_eq!(written(write_limit64, limit), text);
        }
    }

    #[test]
    fn a_policy_may_be_reset_by_fork() {
        for (policy, text) in [
            (0, "SCHED_OTHER"),
            (0x4000_0001, "SCHED_RESET_ON_FORK|SCHED_FIFO"),
            (0x63, "0x63 /* SCHED_??? */"),
        ] {
            assert_eq!(written(write_policy, policy), text);
        }
    }
}
