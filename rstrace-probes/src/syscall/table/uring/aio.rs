//! Control blocks and events of the contexts that `io_setup` makes.

use rstrace_core::describe::{
    Access, Custom, Item, Length, Named, Nested, Object, Shape, Struct, Type, Width, field,
};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet, Flags};
use rstrace_core::probe::Payload;

use super::super::fds::RWF;
use super::super::polling::POLL;
use super::super::sched::write_ioprio;
use crate::syscall::types::*;
use crate::uapi;

static COMMANDS: Choices = Choices {
    names: &sorted([
        (uapi::IOCB_CMD_PREAD, "IOCB_CMD_PREAD"),
        (uapi::IOCB_CMD_PWRITE, "IOCB_CMD_PWRITE"),
        (uapi::IOCB_CMD_FSYNC, "IOCB_CMD_FSYNC"),
        (uapi::IOCB_CMD_FDSYNC, "IOCB_CMD_FDSYNC"),
        // in a comment of linux/aio_abi.h
        (4, "IOCB_CMD_PREADX"),
        (uapi::IOCB_CMD_POLL, "IOCB_CMD_POLL"),
        (uapi::IOCB_CMD_NOOP, "IOCB_CMD_NOOP"),
        (uapi::IOCB_CMD_PREADV, "IOCB_CMD_PREADV"),
        (uapi::IOCB_CMD_PWRITEV, "IOCB_CMD_PWRITEV"),
    ]),
    unknown: "IOCB_CMD_???",
};

static FLAGS: FlagSet = set!("IOCB_FLAG_???", IOCB_FLAG_RESFD IOCB_FLAG_IOPRIO);

/// An `aio_context_t`.
pub(super) static CONTEXT: Type = ADDRESS;

/// `struct io_event`.
pub(super) static EVENT: Type = Type::Struct(&Struct::of(&[
    field("data", HEX64),
    field("obj", HEX64),
    field("res", I64),
    field("res2", I64),
]));

pub(super) const EVENTS: Type = Type::List(Access::Out, &EVENT, Length::Returned);

// Offsets of the members of `struct iocb`.
const KEY: usize = 8;
const RW_FLAGS: usize = 12;
const OPCODE: usize = 16;
const PRIORITY: usize = 18;
const DESCRIPTOR: usize = 20;
const BUFFER: usize = 24;
const LENGTH: usize = 32;
const OFFSET: usize = 40;
const IOCB_FLAGS: usize = 56;
const RESULT_FD: usize = 60;

/// An element of what `io_submit` takes.
pub(super) static IOCB_ADDRESS: Type = Type::Pointer(Access::In, &IOCB);

/// `struct iocb` with what its operation takes.
static IOCB: Type = Type::Custom(&Custom {
    size: 64,
    compat_size: 64,
    shape: Shape::Struct,
    parts: |iocb, _, emit| {
        head(iocb, emit);
        operands(iocb, emit);
        let bits = iocb.number(IOCB_FLAGS, Width::U32);
        if bits != 0 {
            emit(Item::member("aio_flags", Value::Flags(Flags { bits, set: &FLAGS })));
        }
        let fd = iocb.number(RESULT_FD, Width::U32);
        if bits & uapi::IOCB_FLAG_RESFD != 0 {
            emit(Item::member("aio_resfd", iocb.value_at(RESULT_FD, &FD)));
        } else if fd != 0 {
            emit(Item::member("aio_resfd", Value::Hex(fd)));
        }
    },
    nested: &[
        Nested {
            offset: [BUFFER as u16; 2],
            ty: Type::List(Access::In, &IOVEC_IN, Length::Member(LENGTH as u8)),
        },
        Nested { offset: [BUFFER as u16; 2], ty: Type::Buffer(Access::In, Length::Member(LENGTH as u8)) },
        Nested { offset: [DESCRIPTOR as u16; 2], ty: FD },
        Nested { offset: [RESULT_FD as u16; 2], ty: FD },
    ],
});

/// `struct iocb` as far as it tells one from another.
pub(super) static IOCB_IN_BRIEF: Type = Type::Custom(&Custom {
    size: 64,
    compat_size: 64,
    shape: Shape::Struct,
    parts: |iocb, _, emit| head(iocb, emit),
    nested: &[Nested { offset: [DESCRIPTOR as u16; 2], ty: FD }],
});

/// What all operations have.
fn head(iocb: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    emit(Item::member("aio_data", Value::Hex(iocb.number(0, Width::U64))));
    let key = iocb.number(KEY, Width::U32);
    if key != 0 {
        emit(Item::member("aio_key", Value::Unsigned(key)));
    }
    let bits = iocb.number(RW_FLAGS, Width::U32);
    if bits != 0 {
        emit(Item::member("aio_rw_flags", Value::Flags(Flags { bits, set: &RWF })));
    }
    let opcode = iocb.number(OPCODE, Width::U16);
    emit(Item::member("aio_lio_opcode", Value::Named(opcode, &COMMAND)));
    let priority = iocb.number(PRIORITY, Width::I16);
    if iocb.number(IOCB_FLAGS, Width::U32) & uapi::IOCB_FLAG_IOPRIO != 0 {
        emit(Item::member("aio_reqprio", Value::Named(priority & 0xffff, &IO_PRIORITY)));
    } else if priority != 0 {
        emit(Item::member("aio_reqprio", Value::Int(priority as i64)));
    }
    emit(Item::member("aio_fildes", iocb.value_at(DESCRIPTOR, &FD)));
}

/// What one operation has.
fn operands(iocb: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    let address = iocb.number(BUFFER, Width::U64);
    let length = iocb.number(LENGTH, Width::U64);
    let mut buffer = |value| emit(Item::member("aio_buf", value));
    let vectors = match iocb.number(OPCODE, Width::U16) {
        uapi::IOCB_CMD_PREAD => {
            buffer(Value::Hex(address));
            false
        }
        uapi::IOCB_CMD_PWRITE => {
            buffer(text(iocb, address, length));
            false
        }
        uapi::IOCB_CMD_PREADV => {
            buffer(list(iocb, address, length, &READ_VECTORS));
            true
        }
        uapi::IOCB_CMD_PWRITEV => {
            buffer(list(iocb, address, length, &WRITTEN_VECTORS));
            true
        }
        uapi::IOCB_CMD_POLL => return buffer(Value::Flags(Flags { bits: address, set: &POLL })),
        _ => return,
    };
    if !vectors {
        emit(Item::member("aio_nbytes", Value::Unsigned(length)));
    }
    emit(Item::member("aio_offset", Value::Int(iocb.number(OFFSET, Width::I64) as i64)));
}

fn text<'a>(iocb: &Object<'a>, address: u64, length: u64) -> Value<'a> {
    if address == 0 {
        return Value::Address(0);
    }
    match iocb.call.memory.from(address, iocb.at) {
        _ if length == 0 => Value::Text { bytes: &[], more: false, whole: false },
        Some(Payload::Unreadable(bytes)) if (bytes.len() as u64) < length => Value::Address(address),
        Some(payload) => {
            let bytes = payload.bytes();
            let shown = bytes.len().min(usize::try_from(length).unwrap_or(usize::MAX));
            Value::Text { bytes: &bytes[..shown], more: (shown as u64) < length, whole: false }
        }
        None => Value::Address(address),
    }
}

static WRITTEN_VECTORS: Type = Type::List(Access::In, &IOVEC_IN, Length::Member(LENGTH as u8));
static READ_VECTORS: Type = Type::List(Access::In, &super::register::IOVEC, Length::Member(LENGTH as u8));

fn list<'a>(iocb: &Object<'a>, address: u64, count: u64, ty: &'static Type) -> Value<'a> {
    if address == 0 {
        return Value::Address(0);
    }
    let payload = iocb.call.memory.from(address, iocb.at).filter(|_| count != 0);
    let (bytes, unreadable) = match payload {
        Some(payload) => (payload.bytes(), matches!(payload, Payload::Unreadable(_))),
        None if count == 0 => (&[][..], false),
        None => return Value::Address(address),
    };
    Value::Object(Object { ty, bytes, address, count, unreadable, ..*iocb })
}

static IO_PRIORITY: Named = Named::hex(write_ioprio);

/// By its name, or the number in decimal.
static COMMAND: Named = Named::unsigned(|out, opcode| match COMMANDS.name(opcode) {
    Some(name) => out.push_text(name),
    None => {
        named::unsigned(out, opcode);
        COMMANDS.write_unknown(out);
    }
});
