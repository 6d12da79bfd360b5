//! Signals.

mod siginfo;

use std::io::Write;

use rstrace_core::describe::{
    Access, Custom, Gloss, Item, Length, Meaning, Named, Object, Param, Returned, Shape, Struct, Syscall,
    Type, Width, field, first_signals, param, size_of_type,
};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet};
use rstrace_core::memory::At;
use rstrace_core::probe::RawCall;

pub use siginfo::{KERNEL_SIGINFO, SIGINFO};

use super::time::TIMESPEC64;
use crate::syscall::classes;
use crate::syscall::types::*;
use crate::uapi;

static HOW: Choices = choices!("SIG_???", SIG_BLOCK SIG_UNBLOCK SIG_SETMASK);

static ACTION_FLAGS: FlagSet = set!("SA_???", SA_RESTORER SA_ONSTACK SA_RESTART SA_INTERRUPT SA_NODEFER SA_RESETHAND
    SA_SIGINFO SA_NOCLDSTOP SA_NOCLDWAIT);

static STACK_FLAGS: FlagSet = FlagSet {
    choice: None,
    names: &[
        (uapi::SS_ONSTACK, "SS_ONSTACK"),
        (uapi::SS_DISABLE, "SS_DISABLE"),
        // linux/signal.h
        (1 << 31, "SS_AUTODISARM"),
    ],
    unknown: "SS_???",
};

/// Bytes of a set of signals.
const SIGSET_BYTES: u64 = 8;

/// A set of signals whose size the program says: any other than the kernel's is refused.
pub(super) static SIZED_SIGSET: Type = Type::Custom(&Custom {
    size: 8,
    compat_size: 8,
    shape: Shape::Bare,
    parts: |set, _, emit| {
        if set.count == SIGSET_BYTES && set.bytes.len() as u64 == SIGSET_BYTES {
            emit(Item::element(Value::Signals(set.number(0, Width::U64))));
        }
    },
    nested: &[],
});

/// The set behind an address, whose size another argument says.
pub(super) const fn sigset(access: Access, size: u8) -> Type {
    Type::Sized(access, &SIZED_SIGSET, Length::Arg(size))
}

fn write_handler(out: &mut Notation<'_>, handler: u64) {
    match handler as i64 {
        0 => out.extend_from_slice(b"SIG_DFL"),
        1 => out.extend_from_slice(b"SIG_IGN"),
        -1 => out.extend_from_slice(b"SIG_ERR"),
        _ => named::hex(out, handler),
    }
}

const HANDLER: Type = Type::Number(Width::Word, Meaning::Named(&Named::hex(write_handler)));

fn has_restorer(action: &Object<'_>) -> bool {
    let word = size_of_type(&ADDRESS, action.call.abi);
    action.number(word, Width::Word) & uapi::SA_RESTORER != 0
}

/// How the members of an action are shown: the mask before the flags.
const ACTION_ORDER: &[u8] = &[0, 3, 1, 2];

/// The kernel's `struct sigaction`.
static SIGACTION: Type = Type::Struct(
    &Struct::of(&[
        field("sa_handler", HANDLER),
        field("sa_flags", long_flags(&ACTION_FLAGS)),
        field("sa_restorer", ADDRESS).only_if(has_restorer),
        field("sa_mask", Type::Signals),
    ])
    .in_order(ACTION_ORDER),
);

/// The first 32 signals, in the older calls of 32-bit programs.
static SIGNAL_BITS: Type = Type::Number(Width::U32, Meaning::Signals);
static OLD_SIGSET: Type = Type::Custom(&OLD_SET);
static OLD_SET: Custom = Custom {
    size: 4,
    compat_size: 4,
    shape: Shape::Bare,
    parts: |set, _, emit| emit(Item::element(set.value_at(0, &SIGNAL_BITS))),
    nested: &[],
};

/// `struct old_sigaction`, likewise.
static OLD_SIGACTION: Type = Type::Struct(&Struct::of(&[
    field("sa_handler", HANDLER),
    field("sa_mask", SIGNAL_BITS),
    field("sa_flags", long_flags(&ACTION_FLAGS)),
    field("sa_restorer", ADDRESS).only_if(|action| action.number(8, Width::U32) & uapi::SA_RESTORER != 0),
]));

/// What rt_sigreturn restores, of all that stands in the frame of a signal.
static RESTORED: Type = Type::Struct(&Struct::of(&[field("mask", Type::Signals)]));

/// A frame that could not be read: all that is known is where the mask would be.
static UNREADABLE_FRAME: Type = Type::Number(Width::Word, Meaning::Written(write_frame));

fn write_frame(out: &mut Notation<'_>, address: u64) {
    // writing to a vector cannot fail
    let _ = write!(out, "{{mask={address:#x}}}");
}

fn is_restored(call: &RawCall<'_>) -> bool {
    call.memory.bytes(call.args[0], 8, At::Entry).is_some()
}

static RESTORED_AT: Type = input(&RESTORED);

/// `stack_t`.
static STACK: Type = Type::Struct(&Struct::of(&[
    field("ss_sp", ADDRESS),
    field("ss_flags", flags(&STACK_FLAGS)),
    field("ss_size", SIZE),
]));

/// The mask that a call returned.
const fn mask(gloss: Gloss) -> Returned {
    Returned::Glossed(Width::U32, Meaning::Hex, gloss)
}

fn returned_set(call: &RawCall<'_>) -> Value<'static> {
    Value::Signals(first_signals(call.returned() as u32))
}

/// The handler that a call returned, if it is none of the program's.
fn handler<'a>(call: &'a RawCall<'a>, emit: &mut dyn FnMut(Item<'_>)) {
    // SIG_DFL and SIG_IGN
    if let handler @ 0..=1 = call.returned() as u64 {
        emit(Item::element(Value::Written(handler, write_handler)));
    }
}

/// The signal that a call returned.
fn signal<'a>(call: &'a RawCall<'a>, emit: &mut dyn FnMut(Item<'_>)) {
    emit(Item::element(Value::Signal(call.returned())));
}

const SET_SIZE: Param = param("sigsetsize", SIZE);

pub static SYSCALLS: &[Syscall] = &[
    call(
        "rt_sigaction",
        classes::SIGNAL,
        &[
            param("signum", SIGNAL),
            param("act", input(&SIGACTION)),
            param("oldact", output(&SIGACTION)),
            SET_SIZE,
        ],
        RET_INT,
    ),
    call(
        "rt_sigprocmask",
        classes::SIGNAL,
        &[
            param("how", choice(&HOW)),
            param("set", sigset(Access::In, 3)),
            param("oldset", sigset(Access::Out, 3)),
            SET_SIZE,
        ],
        RET_INT,
    ),
    call(
        "rt_sigpending",
        classes::SIGNAL,
        // of a smaller set the kernel fills in as much
        &[param("set", Type::Sized(Access::Out, &Type::Signals, Length::Arg(1))), SET_SIZE],
        RET_INT,
    ),
    call("rt_sigsuspend", classes::SIGNAL, &[param("mask", sigset(Access::In, 1)), SET_SIZE], RET_INT),
    call(
        "rt_sigtimedwait",
        classes::SIGNAL,
        &[
            param("set", sigset(Access::In, 3)),
            param("info", output(&SIGINFO)),
            param("timeout", input(&TIMESPEC)),
            SET_SIZE,
        ],
        Returned::Glossed(Width::I32, Meaning::Plain, signal),
    ),
    call(
        "rt_sigtimedwait_time64",
        classes::SIGNAL,
        &[
            param("set", sigset(Access::In, 3)),
            param("info", output(&SIGINFO)),
            param("timeout", input(&TIMESPEC64)),
            SET_SIZE,
        ],
        Returned::Glossed(Width::I32, Meaning::Plain, signal),
    ),
    call(
        "rt_sigqueueinfo",
        classes::SIGNAL | classes::PROCESS,
        &[param("tgid", PID), param("sig", SIGNAL), param("info", input(&SIGINFO))],
        RET_INT,
    ),
    call(
        "rt_tgsigqueueinfo",
        classes::SIGNAL | classes::PROCESS,
        &[param("tgid", PID), param("tid", PID), param("sig", SIGNAL), param("info", input(&SIGINFO))],
        RET_INT,
    ),
    call(
        "rt_sigreturn",
        classes::SIGNAL,
        &[param("sigmask", Type::Either(is_restored, &RESTORED_AT, &UNREADABLE_FRAME))],
        RET_LONG,
    ),
    call("kill", classes::SIGNAL | classes::PROCESS, &[param("pid", PID), param("signum", SIGNAL)], RET_INT),
    call("tkill", classes::SIGNAL | classes::PROCESS, &[param("tid", PID), param("signum", SIGNAL)], RET_INT),
    call(
        "tgkill",
        classes::SIGNAL | classes::PROCESS,
        &[param("tgid", PID), param("tid", PID), param("signum", SIGNAL)],
        RET_INT,
    ),
    call("pause", classes::SIGNAL, &[], RET_INT),
    call(
        "sigaltstack",
        classes::SIGNAL,
        &[param("ss", input(&STACK)), param("old_ss", output(&STACK))],
        RET_INT,
    ),
    // of 32-bit programs only
    call(
        "sigaction",
        classes::SIGNAL,
        &[
            param("signum", SIGNAL),
            param("act", input(&OLD_SIGACTION)),
            param("oldact", output(&OLD_SIGACTION)),
        ],
        RET_INT,
    ),
    call(
        "sigprocmask",
        classes::SIGNAL,
        &[param("how", choice(&HOW)), param("set", input(&OLD_SIGSET)), param("oldset", output(&OLD_SIGSET))],
        RET_INT,
    ),
    call("sigpending", classes::SIGNAL, &[param("set", output(&OLD_SIGSET))], RET_INT),
    // the mask is the third argument, the others are of no use
    call(
        "sigsuspend",
        classes::SIGNAL,
        &[param("mask", Type::Number(Width::U32, Meaning::Signals)).in_register(2, 2)],
        RET_INT,
    ),
    call("sgetmask", classes::SIGNAL, &[], mask(|call, emit| emit(Item::member("mask", returned_set(call))))),
    call(
        "ssetmask",
        classes::SIGNAL,
        &[param("newmask", Type::Number(Width::U32, Meaning::Signals))],
        mask(|call, emit| emit(Item::member("old mask", returned_set(call)))),
    ),
    call(
        "signal",
        classes::SIGNAL,
        &[param("signum", SIGNAL), param("handler", HANDLER)],
        Returned::Glossed(Width::Word, Meaning::Hex, handler),
    ),
    call("sigreturn", classes::SIGNAL, &[], RET_LONG),
];
