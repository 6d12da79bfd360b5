//! ioctl, by its request.
//!
//! A family of requests is a file: a row says what the argument of a request is. Where the request encodes the size
//! and direction of what its argument points to, the row's type is [`encoded`], and needs no captures of its own. A
//! request without a row shows its argument as a number, and at length the bytes behind it.

mod block;
mod btrfs;
mod btrfs_devices;
mod btrfs_trees;
mod consoles;
mod devices;
mod disks;
mod dm;
mod files;
mod fonts;
mod gpio;
mod infrared;
mod input;
mod kernel;
mod key_values;
mod keyboards;
mod keys;
mod loops;
mod mtd;
mod names;
mod ptp;
mod scsi;
mod sockets;
mod tee;
mod terminals;
mod tunnels;
mod ubi;
mod video;
mod video_buffers;
mod video_formats;
mod video_names;

use std::io::Write;

use rstrace_core::describe::{
    Case, Cases, Custom, Item, Meaning, Named, Object, Param, Shape, Syscall, Type, Width, param,
};
use rstrace_core::event::Value;
use rstrace_core::memory::At;
use rstrace_core::probe::{Payload, RawCall};

use crate::syscall::classes::DESC;
use crate::syscall::types::*;
use crate::uapi;

/// The families; in ascending order of their requests, or nearly so, they are quickly sorted.
const FAMILIES: &[&[Case]] = &[
    disks::REQUESTS,
    block::REQUESTS,
    scsi::REQUESTS,
    consoles::REQUESTS,
    keyboards::REQUESTS,
    fonts::REQUESTS,
    loops::REQUESTS,
    terminals::SHARED,
    terminals::REQUESTS,
    sockets::REQUESTS,
    devices::NBD,
    files::NAMESPACE_REQUESTS,
    input::REQUESTS,
    kernel::WATCHES,
    kernel::REQUESTS,
    devices::RANDOM,
    tunnels::REQUESTS,
    devices::CLOCKS,
    mtd::REQUESTS,
    ubi::REQUESTS,
    ptp::REQUESTS,
    infrared::REQUESTS,
    tee::REQUESTS,
    gpio::REQUESTS,
    video::REQUESTS,
    video_buffers::REQUESTS,
    video_formats::REQUESTS,
    video_formats::MAKING,
    files::REQUESTS,
    btrfs::REQUESTS,
    btrfs_devices::REQUESTS,
    btrfs_trees::REQUESTS,
    dm::REQUESTS,
];

const fn count() -> usize {
    let (mut family, mut count) = (0, 0);
    while family < FAMILIES.len() {
        count += FAMILIES[family].len();
        family += 1;
    }
    count
}

/// All requests, by code.
static REQUESTS: [Case; count()] = {
    let mut requests = [FAMILIES[0][0]; count()];
    let (mut family, mut end) = (0, 0);
    while family < FAMILIES.len() {
        let mut i = 0;
        while i < FAMILIES[family].len() {
            let request = FAMILIES[family][i];
            let mut place = end;
            while place > 0 && requests[place - 1].value > request.value {
                requests[place] = requests[place - 1];
                place -= 1;
            }
            requests[place] = request;
            end += 1;
            i += 1;
        }
        family += 1;
    }
    requests
};

/// The descriptor.
const FD_PARAM: Param = param("fd", FD);
/// The request.
const OP_PARAM: Param = param("op", OP);
const OP: Type = Type::Number(Width::U32, Meaning::Named(&Named::hex(names::write)));

/// Requests and what their argument is: `NAME: type`, or of an argument that is not shown `NAME`.
macro_rules! requests {
    ($($name:ident $(: $ty:expr)?,)*) => {
        &[$(rstrace_core::describe::Case {
            value: $crate::uapi::$name as u32,
            params: &[super::FD_PARAM, super::OP_PARAM $(, rstrace_core::describe::param("argp", $ty))?],
            result: None,
        }),*]
    };
}
use requests;

/// What is behind the address, as long and in the direction that the request says.
const fn encoded(ty: &'static Type) -> Type {
    Type::Encoded(ty)
}

/// Emits an object of which the call reads one half and writes the other: `{...} => {...}`.
fn rewritten(
    object: &Object<'_>,
    _: bool,
    (before, after): (&'static Type, &'static Type),
    emit: &mut dyn FnMut(Item<'_>),
) {
    let first = Value::Object(Object { ty: before, ..*object });
    match object.changed().filter(|_| object.call.succeeded()) {
        Some(changed) => {
            let second = Value::Object(Object { ty: after, ..changed });
            emit(Item::element(Value::Change(&first, &second)));
        }
        None => emit(Item::element(first)),
    }
}

/// Emits the members that the call reads, and after them those that it writes, if it did.
fn extended(
    object: &Object<'_>,
    verbose: bool,
    (before, after): (&'static Type, &'static Type),
    emit: &mut dyn FnMut(Item<'_>),
) {
    Object { ty: before, ..*object }.parts(verbose, emit);
    if let Some(changed) = object.changed().filter(|_| object.call.succeeded()) {
        Object { ty: after, ..changed }.parts(verbose, emit);
    }
}

/// An object of so many bytes of which the call reads one half and writes the other: its shape, how the halves are
/// put together ([`rewritten`], [`extended`]), and what they are.
macro_rules! two_parts {
    ($size:literal, $shape:ident, $how:ident, $before:ident, $after:ident) => {
        rstrace_core::describe::Type::Custom(&rstrace_core::describe::Custom::of(
            $size,
            rstrace_core::describe::Shape::$shape,
            |object, verbose, emit| super::$how(object, verbose, (&$before, &$after), emit),
        ))
    };
}
use two_parts;

/// A UUID, byte by byte.
const UUID: Type = Type::Written(16, |out, bytes| {
    for (place, byte) in bytes.iter().enumerate() {
        let dash = if matches!(place, 4 | 6 | 8 | 10) { "-" } else { "" };
        // writing to a vector cannot fail
        let _ = write!(out, "{dash}{byte:02x}");
    }
});

/// Whether any of so many bytes at an offset is set: what is reserved is shown only then.
fn is_set(object: &Object<'_>, offset: usize, size: usize) -> bool {
    object.bytes.iter().skip(offset).take(size).any(|byte| *byte != 0)
}

/// The C string in these bytes, which has no more than so many; none if they end before it does.
fn text(bytes: &[u8], most: usize) -> Option<Value<'_>> {
    let bytes = &bytes[..bytes.len().min(most)];
    let end = bytes.iter().position(|byte| *byte == 0);
    let more = end.is_none();
    (!more || bytes.len() == most).then(|| Value::Text {
        bytes: &bytes[..end.unwrap_or(most)],
        more,
        whole: false,
    })
}

/// So many elements that follow an object at this offset from its beginning; their address if there are none.
fn following<'a>(object: &Object<'a>, offset: usize, count: u64, list: &'static Type) -> Value<'a> {
    let address = object.address.wrapping_add(offset as u64);
    let payload = object.call.memory.from(address, object.at);
    let bytes = payload.map_or(&[][..], |payload| payload.bytes());
    if bytes.is_empty() && count > 0 {
        return Value::Address(address);
    }
    let unreadable = matches!(payload, Some(Payload::Unreadable(_)));
    Value::Object(Object { ty: list, bytes, address, count, unreadable, ..*object })
}

/// The bytes behind the argument of a request that nobody knows: at length, and if the request says how many.
static UNKNOWN: Type = Type::Encoded(&Type::Custom(&Custom::of(0, Shape::Bare, unknown_bytes)));
static NUMBER: Type = HEX;
static NULL_OR_NUMBER: Type = Type::Either(is_of_socket, &ADDRESS_ONLY, &NUMBER);

/// So many bytes are captured, if the request says that there are as many.
const WHOLE: u64 = 4096;

fn unknown_bytes(object: &Object<'_>, verbose: bool, emit: &mut dyn FnMut(Item<'_>)) {
    if input::computed(object, emit) {
        return;
    }
    // a part of them says nothing
    let is_whole = object.bytes.len() as u64 >= object.count.min(WHOLE);
    if !verbose || object.bytes.is_empty() || !is_whole {
        return;
    }
    let bytes = Value::HexBytes(object.bytes);
    let both = uapi::_IOC_READ | uapi::_IOC_WRITE;
    let memory = object.call.memory;
    let after = memory.from(object.address, At::Return).map(|after| after.bytes());
    match after.filter(|_| names::parts(object.call.args[1]).direction == both) {
        Some(after) => {
            let after = Value::HexBytes(after.get(..object.bytes.len()).unwrap_or(after));
            emit(Item::element(Value::Change(&bytes, &after)));
        }
        None => emit(Item::element(bytes)),
    }
}

/// Whether the argument of a request points to bytes, for all that the request says.
fn is_address(call: &RawCall<'_>) -> bool {
    const DIRECTION: u64 = 3 << 30;
    let [_, request, argument, ..] = call.args;
    request & DIRECTION != 0 && argument != 0
}

/// The address of which nothing is known.
static ADDRESS_ONLY: Type = ADDRESS;

/// Whether a request goes to a socket, and so has an address for its argument.
fn is_of_socket(call: &RawCall<'_>) -> bool {
    const SOCKET: u8 = 0x89;
    let request = call.args[1] as u32;
    names::parts(request.into()).kind == SOCKET && names::is_known(request)
}

pub static SYSCALLS: &[Syscall] = &[Syscall {
    name: "ioctl",
    params: &[FD_PARAM, OP_PARAM, param("argp", Type::Either(is_address, &UNKNOWN, &NULL_OR_NUMBER))],
    result: RET_INT,
    classes: DESC,
    cases: Some(&Cases { arg: 1, cases: &REQUESTS }),
    indirect: None,
}];
