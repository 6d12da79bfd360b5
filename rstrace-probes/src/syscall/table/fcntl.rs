//! fcntl, by its command.

use rstrace_core::describe::{
    Case, Cases, Custom, Item, Meaning, Nested, Param, Returned, Shape, Struct, Syscall, Type, Width, field,
    hidden, param,
};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet, Flags};
use rstrace_core::probe::RawCall;

use super::fds::WHENCE;
use super::open::OPEN_FLAGS;
use crate::syscall::classes::DESC;
use crate::syscall::types::*;
use crate::uapi;

static COMMANDS: Choices = choices!("F_???",
    F_DUPFD F_GETFD F_SETFD F_GETFL F_SETFL F_GETLK F_SETLK F_SETLKW F_SETOWN F_GETOWN F_SETSIG F_GETSIG
    F_SETOWN_EX F_GETOWN_EX F_GETOWNER_UIDS F_OFD_GETLK F_OFD_SETLK F_OFD_SETLKW
    F_SETLEASE F_GETLEASE F_NOTIFY F_DUPFD_QUERY F_CREATED_QUERY F_CANCELLK F_DUPFD_CLOEXEC F_SETPIPE_SZ
    F_GETPIPE_SZ F_ADD_SEALS F_GET_SEALS F_GET_RW_HINT F_SET_RW_HINT F_GET_FILE_RW_HINT F_SET_FILE_RW_HINT
    F_GETDELEG F_SETDELEG);

/// What 32-bit programs ask for locks in big files with: `asm-generic/fcntl.h` has them for such programs only.
static COMMANDS64: Choices =
    Choices { names: &[(12, "F_GETLK64"), (13, "F_SETLK64"), (14, "F_SETLKW64")], unknown: "F_???" };

static FD_FLAGS: FlagSet = set!("FD_???", FD_CLOEXEC);

static LOCK_KINDS: Choices = choices!("F_???", F_RDLCK F_WRLCK F_UNLCK F_EXLCK F_SHLCK);

static OWNER_KINDS: Choices = choices!("F_OWNER_???", F_OWNER_TID F_OWNER_PID F_OWNER_PGRP);

static SEALS: FlagSet = set!("F_SEAL_???",
    F_SEAL_SEAL F_SEAL_SHRINK F_SEAL_GROW F_SEAL_WRITE F_SEAL_FUTURE_WRITE F_SEAL_EXEC);

static NOTIFY: FlagSet =
    set!("DN_???", DN_ACCESS DN_MODIFY DN_CREATE DN_DELETE DN_RENAME DN_ATTRIB DN_MULTISHOT);

static HINTS: Choices = choices!("RWH_WRITE_LIFE_???",
    RWH_WRITE_LIFE_NOT_SET RWH_WRITE_LIFE_NONE RWH_WRITE_LIFE_SHORT RWH_WRITE_LIFE_MEDIUM RWH_WRITE_LIFE_LONG
    RWH_WRITE_LIFE_EXTREME);

static HINT: Type = Type::Number(Width::U64, Meaning::Choice(&HINTS));

const LOCK_KIND: Type = Type::Number(Width::U16, Meaning::Choice(&LOCK_KINDS));
const LOCK_WHENCE: Type = Type::Number(Width::U16, Meaning::Choice(&WHENCE));

/// `struct flock` as it is asked for.
static FLOCK: Type = Type::Struct(&Struct::of(&[
    field("l_type", LOCK_KIND),
    field("l_whence", LOCK_WHENCE),
    field("l_start", LONG),
    field("l_len", LONG),
    hidden(PID),
]));

/// `struct flock` as it is answered.
static FLOCK_FOUND: Type = Type::Struct(&Struct::of(&[
    field("l_type", LOCK_KIND),
    field("l_whence", LOCK_WHENCE),
    field("l_start", LONG),
    field("l_len", LONG),
    field("l_pid", PID),
]));

/// `struct flock64` as it is asked for.
static FLOCK64: Type = Type::Struct(&Struct::of(&[
    field("l_type", LOCK_KIND),
    field("l_whence", LOCK_WHENCE),
    field("l_start", I64),
    field("l_len", I64),
    hidden(PID),
]));

/// `struct flock64` as it is answered.
static FLOCK64_FOUND: Type = Type::Struct(&Struct::of(&[
    field("l_type", LOCK_KIND),
    field("l_whence", LOCK_WHENCE),
    field("l_start", I64),
    field("l_len", I64),
    field("l_pid", PID),
]));

/// `struct f_owner_ex`.
static OWNER: Type = Type::Custom(&Custom {
    size: 8,
    compat_size: 8,
    shape: Shape::Struct,
    parts: |owner, _, emit| {
        static KIND: Type = choice(&OWNER_KINDS);
        let is_group = owner.number(0, Width::U32) == uapi::F_OWNER_PGRP;
        emit(Item::member("type", owner.value_at(0, &KIND)));
        emit(Item::member("pid", if is_group { owner.group_at(4) } else { owner.id_at(4) }));
    },
    nested: &[Nested { offset: [4, 4], ty: PID }],
});

/// `struct delegation`.
static DELEGATION: Type =
    Type::Struct(&Struct::of(&[field("d_flags", HEX32), field("d_type", LOCK_KIND), field("__pad", U16)]));

fn gloss_descriptor_flags(call: &RawCall<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    if call.returned() != 0 {
        emit(Item::member("flags", flags_of(call, &FD_FLAGS)));
    }
}

fn gloss_file_flags(call: &RawCall<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    emit(Item::member("flags", flags_of(call, &OPEN_FLAGS)));
}

fn gloss_seals(call: &RawCall<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    if call.returned() != 0 {
        emit(Item::member("seals", flags_of(call, &SEALS)));
    }
}

fn gloss_signal(call: &RawCall<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    if call.returned() != 0 {
        emit(Item::element(Value::Signal(call.returned())));
    }
}

fn gloss_lease(call: &RawCall<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    emit(Item::element(Value::Choice(call.returned() as u32 as u64, &LOCK_KINDS)));
}

fn flags_of(call: &RawCall<'_>, set: &'static FlagSet) -> Value<'static> {
    Value::Flags(Flags { bits: call.returned() as u32 as u64, set })
}

const BITS: Width = Width::U32;
const RET_FD_FLAGS: Returned = Returned::Glossed(BITS, Meaning::Hex, gloss_descriptor_flags);
const RET_FILE_FLAGS: Returned = Returned::Glossed(BITS, Meaning::Hex, gloss_file_flags);
const RET_SEALS: Returned = Returned::Glossed(BITS, Meaning::Hex, gloss_seals);
const RET_SIGNAL: Returned = Returned::Glossed(Width::I32, Meaning::Plain, gloss_signal);
const RET_LEASE: Returned = Returned::Glossed(BITS, Meaning::Hex, gloss_lease);

const FIRST: Param = param("fd", FD);
const COMMAND: Param = param("op", choice(&COMMANDS));
const COMMAND64: Param = param("op", choice(&COMMANDS64));

/// A command with an argument.
macro_rules! with {
    ($name:ident, $arg:expr) => {
        with!($name, $arg, None)
    };
    ($name:ident, $arg:expr, $result:expr) => {
        Case { value: uapi::$name as u32, params: &[FIRST, COMMAND, param("arg", $arg)], result: $result }
    };
}

/// A command without an argument.
macro_rules! alone {
    ($name:ident) => {
        alone!($name, None)
    };
    ($name:ident, $result:expr) => {
        Case { value: uapi::$name as u32, params: &[FIRST, COMMAND], result: $result }
    };
}

static BY_COMMAND: Cases = Cases {
    arg: 1,
    cases: &[
        with!(F_DUPFD, INT, Some(RET_FD)),
        alone!(F_GETFD, Some(RET_FD_FLAGS)),
        with!(F_SETFD, flags(&FD_FLAGS)),
        alone!(F_GETFL, Some(RET_FILE_FLAGS)),
        with!(F_SETFL, flags(&OPEN_FLAGS)),
        with!(F_GETLK, output(&FLOCK_FOUND)),
        with!(F_SETLK, input(&FLOCK)),
        with!(F_SETLKW, input(&FLOCK)),
        with!(F_SETOWN, PID),
        alone!(F_GETOWN, Some(RET_PID)),
        with!(F_SETSIG, SIGNAL),
        alone!(F_GETSIG, Some(RET_SIGNAL)),
        Case { value: 12, params: &[FIRST, COMMAND64, param("arg", output(&FLOCK64_FOUND))], result: None },
        Case { value: 13, params: &[FIRST, COMMAND64, param("arg", input(&FLOCK64))], result: None },
        Case { value: 14, params: &[FIRST, COMMAND64, param("arg", input(&FLOCK64))], result: None },
        with!(F_SETOWN_EX, input(&OWNER)),
        with!(F_GETOWN_EX, output(&OWNER)),
        with!(F_OFD_GETLK, output(&FLOCK64_FOUND)),
        with!(F_OFD_SETLK, input(&FLOCK64)),
        with!(F_OFD_SETLKW, input(&FLOCK64)),
        with!(F_SETLEASE, Type::Number(Width::Word, Meaning::Choice(&LOCK_KINDS))),
        alone!(F_GETLEASE, Some(RET_LEASE)),
        with!(F_NOTIFY, long_flags(&NOTIFY)),
        with!(F_DUPFD_QUERY, FD),
        alone!(F_CREATED_QUERY),
        with!(F_DUPFD_CLOEXEC, INT, Some(RET_FD)),
        with!(F_SETPIPE_SZ, INT),
        alone!(F_GETPIPE_SZ),
        with!(F_ADD_SEALS, long_flags(&SEALS)),
        alone!(F_GET_SEALS, Some(RET_SEALS)),
        with!(F_GET_RW_HINT, output(&HINT)),
        with!(F_SET_RW_HINT, input(&HINT)),
        with!(F_GET_FILE_RW_HINT, output(&HINT)),
        with!(F_SET_FILE_RW_HINT, input(&HINT)),
        with!(F_GETDELEG, output(&DELEGATION)),
        with!(F_SETDELEG, input(&DELEGATION)),
    ],
};

const UNKNOWN: &[Param] = &[FIRST, COMMAND, param("arg", HEX)];

pub static SYSCALLS: &[Syscall] = &[
    call("fcntl", DESC, UNKNOWN, RET_INT).by(&BY_COMMAND),
    call("fcntl64", DESC, UNKNOWN, RET_INT).by(&BY_COMMAND),
];
