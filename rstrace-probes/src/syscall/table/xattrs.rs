//! Extended attributes.

use rstrace_core::describe::{Access, Length, Param, Struct, Syscall, Type, field, hidden, param};
use rstrace_core::flags::FlagSet;
use rstrace_core::memory::At;
use rstrace_core::probe::RawCall;

use super::stat::AT_FLAGS;
use crate::syscall::classes::{DESC, FILE};
use crate::syscall::types::*;
use crate::uapi;

static XATTR: FlagSet = set!("XATTR_???", XATTR_CREATE XATTR_REPLACE);

/// The value that is set, unless it is longer than any can be.
const VALUE: Type = Type::Either(
    |call| call.args[3] <= uapi::XATTR_SIZE_MAX,
    &Type::Terminated(Access::In, Length::Arg(3)),
    &ADDRESS,
);

/// The value that is asked for: with size 0 only its length is.
const ANSWER: Type = Type::Either(has_room, &Type::Terminated(Access::Out, Length::Returned), &ADDRESS);

fn has_room(call: &RawCall<'_>) -> bool {
    call.args[3] != 0
}

/// Names, one behind the other: with size 0 only their length is asked for.
const fn names(has_room: fn(&RawCall<'_>) -> bool) -> Type {
    Type::Either(has_room, &DATA_OUT, &ADDRESS)
}

fn has_room_for_names(call: &RawCall<'_>) -> bool {
    call.args[2] != 0
}

fn has_room_for_names_at(call: &RawCall<'_>) -> bool {
    call.args[4] != 0
}

/// `struct xattr_args`: the value stands in 64 bits whatever the ABI.
static SET_ARGS: Struct = Struct::of(&[
    field("value", Type::Terminated(Access::In, Length::Member(1))),
    field("size", U32),
    field("flags", flags(&XATTR)),
])
.with_compat(&SET_ARGS_COMPAT)
.growing_from(16);
static SET_ARGS_COMPAT: Struct = Struct::of(&[
    field("value", Type::Terminated(Access::In, Length::Member(2))),
    hidden(Type::Padding(4)),
    field("size", U32),
    field("flags", flags(&XATTR)),
])
.growing_from(16);

/// Likewise; the value is what the call brings.
static GET_ARGS: Struct = Struct::of(&[field("value", ANSWER_AT), field("size", U32), field("flags", HEX32)])
    .with_compat(&GET_ARGS_COMPAT)
    .growing_from(16);
static GET_ARGS_COMPAT: Struct = Struct::of(&[
    field("value", ANSWER_AT),
    hidden(Type::Padding(4)),
    field("size", U32),
    field("flags", HEX32),
])
.growing_from(16);

const ANSWER_AT: Type = Type::Either(has_room_at, &Type::Terminated(Access::Out, Length::Returned), &ADDRESS);

fn has_room_at(call: &RawCall<'_>) -> bool {
    /// Where the structure has its size.
    const SIZE: usize = 8;
    let bytes = call.memory.bytes(call.args[4], SIZE + 4, At::Return);
    bytes.is_some_and(|bytes| bytes[SIZE..] != [0; 4])
}

const fn set(first: Param) -> [Param; 5] {
    [first, param("name", TEXT), param("value", VALUE), param("size", SIZE), param("flags", flags(&XATTR))]
}

const fn get(first: Param) -> [Param; 4] {
    [first, param("name", TEXT), param("value", ANSWER), param("size", SIZE)]
}

const fn list(first: Param) -> [Param; 3] {
    [first, param("list", names(has_room_for_names)), param("size", SIZE)]
}

const PATHNAME: Param = param("path", PATH);
const DESCRIPTOR: Param = param("fd", FD);

pub static SYSCALLS: &[Syscall] = &[
    call("setxattr", FILE, &const { set(PATHNAME) }, RET_INT),
    call("lsetxattr", FILE, &const { set(PATHNAME) }, RET_INT),
    call("fsetxattr", DESC, &const { set(DESCRIPTOR) }, RET_INT),
    call("getxattr", FILE, &const { get(PATHNAME) }, RET_LONG),
    call("lgetxattr", FILE, &const { get(PATHNAME) }, RET_LONG),
    call("fgetxattr", DESC, &const { get(DESCRIPTOR) }, RET_LONG),
    call("listxattr", FILE, &const { list(PATHNAME) }, RET_LONG),
    call("llistxattr", FILE, &const { list(PATHNAME) }, RET_LONG),
    call("flistxattr", DESC, &const { list(DESCRIPTOR) }, RET_LONG),
    call("removexattr", FILE, &[PATHNAME, param("name", TEXT)], RET_INT),
    call("lremovexattr", FILE, &[PATHNAME, param("name", TEXT)], RET_INT),
    call("fremovexattr", DESC, &[DESCRIPTOR, param("name", TEXT)], RET_INT),
    call(
        "setxattrat",
        DESC | FILE,
        &[
            param("dirfd", DIRFD),
            param("pathname", PATH),
            param("at_flags", flags(&AT_FLAGS)),
            param("name", TEXT),
            param("uargs", Type::Sized(Access::In, &Type::Struct(&SET_ARGS), Length::Arg(5))),
            param("usize", SIZE),
        ],
        RET_INT,
    ),
    call(
        "getxattrat",
        DESC | FILE,
        &[
            param("dirfd", DIRFD),
            param("pathname", PATH),
            param("at_flags", flags(&AT_FLAGS)),
            param("name", TEXT),
            param("uargs", Type::Sized(Access::OutAlways, &Type::Struct(&GET_ARGS), Length::Arg(5))),
            param("usize", SIZE),
        ],
        RET_LONG,
    ),
    call(
        "listxattrat",
        DESC | FILE,
        &[
            param("dirfd", DIRFD),
            param("pathname", PATH),
            param("at_flags", flags(&AT_FLAGS)),
            param("list", names(has_room_for_names_at)),
            param("size", SIZE),
        ],
        RET_LONG,
    ),
    call(
        "removexattrat",
        DESC | FILE,
        &[
            param("dirfd", DIRFD),
            param("pathname", PATH),
            param("at_flags", flags(&AT_FLAGS)),
            param("name", TEXT),
        ],
        RET_INT,
    ),
];
