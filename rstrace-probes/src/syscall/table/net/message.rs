//! Message headers: names, vectors of data, control messages.

use rstrace_core::describe::{
    Access, Custom, Item, Length, Nested, Object, Shape, Struct, Type, Width, field,
};
use rstrace_core::event::{Abi, Value};
use rstrace_core::flags::Choices;
use rstrace_core::memory::At;

use super::address::ADDRESS;
use super::names::MESSAGE_FLAGS;
use super::netlink::MESSAGES;
use super::notation::*;
use super::options::names::CONTROL_LEVELS;
use crate::syscall::types::*;
use crate::uapi::*;

/// `struct iovec` whose bytes are sent.
static SENT: Type = Type::Struct(&Struct::of(&[
    field("iov_base", Type::Message(Access::In, Length::Member(1), &MESSAGES)),
    field("iov_len", SIZE),
]));

/// `struct iovec` whose bytes were received.
static RECEIVED: Type = Type::Struct(&Struct::of(&[
    field("iov_base", Type::Message(Access::In, Length::MemberTransferred(1), &MESSAGES)),
    field("iov_len", SIZE),
]));

const FLAGS: Type = flags(&MESSAGE_FLAGS);

/// Bytes of `struct msghdr` and where its members stand that conditions ask for.
fn control_length(message: &Object<'_>) -> u64 {
    match message.call.abi {
        Abi::Native => message.number(40, Width::U64),
        Abi::Compat32 => message.number(20, Width::U32),
    }
}

/// `struct msghdr` to be sent.
static MESSAGE_SENT: Struct = Struct::of(&[
    field("msg_name", Type::Sized(Access::In, &ADDRESS, Length::Member(1))),
    field("msg_namelen", INT),
    field("msg_iov", Type::List(Access::In, &SENT, Length::Member(3))),
    field("msg_iovlen", SIZE),
    field("msg_control", Type::Sized(Access::In, &CONTROL, Length::Member(5)))
        .only_if(|message| control_length(message) != 0),
    field("msg_controllen", SIZE),
    field("msg_flags", FLAGS),
]);

/// Before the call a message is but room: only the length of the name says anything.
fn is_received(message: &Object<'_>) -> bool {
    message.at == At::Return
}

/// `struct msghdr` that was received.
static MESSAGE_RECEIVED: Struct = Struct::of(&[
    field("msg_name", Type::Sized(Access::In, &ADDRESS, Length::Member(1))).only_if(is_received),
    field("msg_namelen", Type::Custom(&NAME_LENGTH)),
    field("msg_iov", Type::List(Access::In, &RECEIVED, Length::Member(3))).only_if(is_received),
    field("msg_iovlen", SIZE).only_if(is_received),
    field("msg_control", Type::Sized(Access::In, &CONTROL, Length::Member(5)))
        .only_if(|message| is_received(message) && control_length(message) != 0),
    field("msg_controllen", SIZE).only_if(is_received),
    field("msg_flags", FLAGS).only_if(is_received),
]);

/// `50 => 16`
static NAME_LENGTH: Custom =
    Custom { size: 4, compat_size: 4, shape: Shape::Bare, parts: name_length, nested: &[] };

fn name_length(object: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    let after = Value::Int(i64::from(object.number(0, Width::I32) as i32));
    let before = object.call.memory.bytes(object.address, 4, At::Entry).and_then(|bytes| bytes.first_chunk());
    match before {
        Some(before) if object.at == At::Return && before[..] != object.bytes[..] => {
            let before = Value::Int(i64::from(i32::from_ne_bytes(*before)));
            emit(Item::element(Value::Change(&before, &after)));
        }
        _ => emit(Item::element(after)),
    }
}

/// The message of sendmsg.
pub(super) static MESSAGE_IN: Type = Type::Struct(&MESSAGE_SENT);
/// The message of recvmsg.
pub(super) static MESSAGE_OUT: Type = Type::Struct(&MESSAGE_RECEIVED);

/// Bytes of `struct mmsghdr`.
const MULTIPLE: (usize, usize) = (64, 32);

const fn multiple(parts: rstrace_core::describe::Parts, nested: &'static [Nested]) -> Custom {
    Custom { size: MULTIPLE.0, compat_size: MULTIPLE.1, shape: Shape::Struct, parts, nested }
}

/// One of the messages of sendmmsg.
pub(super) static ONE_IN: Type =
    Type::Custom(&multiple(one_sent, &[Nested { offset: [0, 0], ty: Type::Struct(&MESSAGE_SENT) }]));
/// One of the messages of recvmmsg.
pub(super) static ONE_OUT: Type =
    Type::Custom(&multiple(one_received, &[Nested { offset: [0, 0], ty: Type::Struct(&MESSAGE_RECEIVED) }]));

fn one_sent(object: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    // of messages that were not sent it says nothing
    one(object, &MESSAGE_IN, object.call.succeeded(), emit);
}

fn one_received(object: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    one(object, &MESSAGE_OUT, true, emit);
}

/// `{msg_hdr={...}, msg_len=5}`
fn one(object: &Object<'_>, header: &'static Type, with_length: bool, emit: &mut dyn FnMut(Item<'_>)) {
    let size = rstrace_core::describe::size_of_type(header, object.call.abi);
    let left = object.number(size, Width::U32);
    if let Value::Object(message) = object.value_at(0, header) {
        emit(Item::member("msg_hdr", Value::Object(Object { left, ..message })));
    }
    if !with_length {
        return;
    }
    // what the call wrote, of what it only read
    let written = object.call.memory.bytes(object.address.wrapping_add(size as u64), 4, At::Return);
    let len = match written.and_then(|bytes| bytes.first_chunk()) {
        Some(bytes) => u32::from_ne_bytes(*bytes).into(),
        None => left,
    };
    emit(Item::member("msg_len", Value::Unsigned(len)));
}

/// Bytes of control messages that are looked at.
const MOST_CONTROL: usize = 4096;

/// Control messages: an address, if they are not there whole.
static CONTROL: Type = Type::Custom(&Custom {
    size: MOST_CONTROL,
    compat_size: MOST_CONTROL,
    shape: Shape::Bare,
    parts: control,
    nested: &[Nested { offset: [0, 0], ty: Type::ControlMessages }],
});

fn control(object: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    let is_whole = object.bytes.len() as u64 == object.count || object.bytes.len() == MOST_CONTROL;
    if !object.unreadable && is_whole && object.bytes.len() >= header_size(object.call.abi) {
        emit(Item::element(Value::Object(Object { ty: &CONTROL_LIST, ..*object })));
    }
}

static CONTROL_LIST: Type = Type::Custom(&Custom {
    size: 0,
    compat_size: 0,
    shape: Shape::List,
    parts: control_messages,
    nested: &[],
});

/// Bytes of `struct cmsghdr`.
fn header_size(abi: Abi) -> usize {
    match abi {
        Abi::Native => 16,
        Abi::Compat32 => 12,
    }
}

fn length_width(abi: Abi) -> usize {
    match abi {
        Abi::Native => 8,
        Abi::Compat32 => 4,
    }
}

fn control_messages(object: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    let (header, word) = (header_size(object.call.abi), length_width(object.call.abi));
    let mut begin = 0usize;
    while let Some(rest) = object.bytes.get(begin..).filter(|rest| rest.len() >= header) {
        let address = object.address.wrapping_add(begin as u64);
        let message = Object { ty: &CONTROL_MESSAGE, bytes: rest, address, ..*object };
        emit(Item::element(Value::Object(message)));
        let len = usize::try_from(message.number(0, Width::Word)).unwrap_or(usize::MAX);
        let step = len.max(header).checked_next_multiple_of(word).unwrap_or(usize::MAX);
        begin = begin.saturating_add(step);
        let left = object.bytes.len().saturating_sub(begin);
        if left != 0 && (left < header || len < header) {
            let next = object.address.wrapping_add(begin as u64);
            return emit(Item::element(Value::More(Some(next))));
        }
    }
}

static CONTROL_MESSAGE: Type = Type::Custom(&Custom {
    size: 0,
    compat_size: 0,
    shape: Shape::Struct,
    parts: control_message,
    nested: &[],
});

/// What the data of a control message is.
enum Data {
    Value(&'static Type),
    /// A number of 4 bytes alone.
    Number(&'static Type),
    /// As many elements as there is room for.
    Elements(&'static Type),
    Text,
    Address,
}

/// Those of sockets, by the names of the control message or of the option that asks for it.
static SOCKET_TYPES: Choices = Choices {
    names: &sorted([
        (SCM_RIGHTS, "SCM_RIGHTS"),
        (SCM_CREDENTIALS, "SCM_CREDENTIALS"),
        (SCM_SECURITY, "SCM_SECURITY"),
        (SCM_PIDFD, "SCM_PIDFD"),
        (SO_TIMESTAMP_OLD, "SO_TIMESTAMP_OLD"),
        (SO_TIMESTAMPNS_OLD, "SO_TIMESTAMPNS_OLD"),
        (SO_TIMESTAMPING_OLD, "SO_TIMESTAMPING_OLD"),
        (SO_TIMESTAMP_NEW, "SO_TIMESTAMP_NEW"),
        (SO_TIMESTAMPNS_NEW, "SO_TIMESTAMPNS_NEW"),
        (SO_TIMESTAMPING_NEW, "SO_TIMESTAMPING_NEW"),
        (SO_TXTIME, "SO_TXTIME"),
    ]),
    unknown: "SCM_???",
};

/// Kernel-internal, `include/linux/socket.h`.
const SCM_SECURITY: u64 = 3;
const SCM_PIDFD: u64 = 4;

static IP_TYPES: Choices = Choices {
    names: &sorted([
        (IP_TOS, "IP_TOS"),
        (IP_TTL, "IP_TTL"),
        (SCM_SECURITY, "SCM_SECURITY"),
        (IP_RECVOPTS, "IP_RECVOPTS"),
        (IP_RETOPTS, "IP_RETOPTS"),
        (IP_PKTINFO, "IP_PKTINFO"),
        (IP_RECVERR, "IP_RECVERR"),
        (IP_ORIGDSTADDR, "IP_ORIGDSTADDR"),
        (IP_CHECKSUM, "IP_CHECKSUM"),
    ]),
    unknown: "IP_???",
};

static CREDENTIALS: Type =
    Type::Struct(&Struct::of(&[field("pid", PID), field("uid", ID), field("gid", ID)]));
static TIMEVAL64: Type = Type::Struct(&Struct::of(&[field("tv_sec", I64), field("tv_usec", I64)]));
static TIMESPEC64: Type = Type::Struct(&Struct::of(&[field("tv_sec", I64), field("tv_nsec", I64)]));
static STAMPS: Type = Type::Elements(&TIMESPEC, 3);
static STAMPS64: Type = Type::Elements(&TIMESPEC64, 3);
static PACKET_INFO: Type = Type::Struct(&Struct::of(&[
    field("ipi_ifindex", INTERFACE),
    field("ipi_spec_dst", IPV4),
    field("ipi_addr", IPV4),
]));
static EXTENDED_ERROR: Type = Type::Struct(&Struct::of(&[
    field("ee_errno", UINT),
    field("ee_origin", U8),
    field("ee_type", U8),
    field("ee_code", U8),
    field("", Type::Padding(1)),
    field("ee_info", UINT),
    field("ee_data", UINT),
    field("offender", Type::Custom(&OFFENDER)),
]));
static OFFENDER: Custom =
    Custom { size: 16, compat_size: 16, shape: Shape::Struct, parts: offender, nested: &[] };

fn offender(object: &Object<'_>, verbose: bool, emit: &mut dyn FnMut(Item<'_>)) {
    Object { ty: &ADDRESS, count: object.bytes.len() as u64, ..*object }.parts(verbose, emit);
}

fn data_of(level: u64, kind: u64) -> Option<Data> {
    static FDS: Type = Type::Elements(&FD, 0);
    static BYTES: Type = Type::Elements(&HEX8, 0);
    static NUMBER: Type = INT;
    static CHECKSUM: Type = UINT;
    Some(match (level, kind) {
        (SOL_SOCKET, SCM_RIGHTS) => Data::Elements(&FDS),
        (SOL_SOCKET, SCM_CREDENTIALS) => Data::Value(&CREDENTIALS),
        (SOL_SOCKET | SOL_IP, SCM_SECURITY) => Data::Text,
        (SOL_SOCKET, SCM_PIDFD) => Data::Number(&FD_NUMBER),
        (SOL_SOCKET, SO_TIMESTAMP_OLD) => Data::Value(&TIMEVAL),
        (SOL_SOCKET, SO_TIMESTAMPNS_OLD) => Data::Value(&TIMESPEC),
        (SOL_SOCKET, SO_TIMESTAMPING_OLD) => Data::Value(&STAMPS),
        (SOL_SOCKET, SO_TIMESTAMP_NEW) => Data::Value(&TIMEVAL64),
        (SOL_SOCKET, SO_TIMESTAMPNS_NEW) => Data::Value(&TIMESPEC64),
        (SOL_SOCKET, SO_TIMESTAMPING_NEW) => Data::Value(&STAMPS64),
        (SOL_IP, IP_TTL) => Data::Number(&NUMBER),
        (SOL_IP, IP_CHECKSUM) => Data::Number(&CHECKSUM),
        (SOL_IP, IP_TOS | IP_RECVOPTS | IP_RETOPTS) => Data::Elements(&BYTES),
        (SOL_IP, IP_PKTINFO) => Data::Value(&PACKET_INFO),
        (SOL_IP, IP_RECVERR) => Data::Value(&EXTENDED_ERROR),
        (SOL_IP, IP_ORIGDSTADDR) => Data::Address,
        _ => return None,
    })
}

static FD_NUMBER: Type = FD;

fn control_message(object: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    let abi = object.call.abi;
    let (header, word) = (header_size(abi), length_width(abi));
    let len = object.number(0, Width::Word);
    let level = object.number(word, Width::U32);
    let kind = object.number(word + 4, Width::U32);
    emit(Item::member("cmsg_len", Value::Unsigned(len)));
    emit(Item::member("cmsg_level", Value::Choice(level, &CONTROL_LEVELS)));
    let kind_value = match level {
        SOL_SOCKET => Value::Choice(kind, &SOCKET_TYPES),
        SOL_IP => Value::Choice(kind, &IP_TYPES),
        _ => Value::Hex(kind),
    };
    emit(Item::member("cmsg_type", kind_value));
    let end = usize::try_from(len).unwrap_or(usize::MAX).min(object.bytes.len());
    let Some(bytes) = object.bytes.get(header..end).filter(|bytes| !bytes.is_empty()) else { return };
    let address = object.address.wrapping_add(header as u64);
    let data = Object { bytes, address, count: bytes.len() as u64, ..*object };
    emit_data(data_of(level, kind), level, kind, &data, emit);
}

/// The data of a control message; nothing, if it is too short to be what it should.
fn emit_data(data: Option<Data>, level: u64, kind: u64, object: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    let fits = |ty| object.bytes.len() >= rstrace_core::describe::size_of_type(ty, object.call.abi);
    let value = match data {
        Some(Data::Value(ty)) if fits(ty) => object.value_at(0, ty),
        // of time stamps that do not fit it is said
        Some(Data::Value(_)) if level == SOL_SOCKET && kind != SCM_CREDENTIALS => Value::Missing,
        Some(Data::Number(ty)) if fits(ty) => {
            Value::Object(Object { ty, bytes: &object.bytes[..4], ..*object })
        }
        Some(Data::Elements(ty)) => {
            let Type::Elements(element, _) = ty else { return };
            let size = rstrace_core::describe::size_of_type(element, object.call.abi).max(1);
            let count = object.bytes.len() / size;
            if count == 0 {
                return;
            }
            Value::Object(Object { ty, count: count as u64, ..*object })
        }
        Some(Data::Text) => Value::Text { bytes: object.bytes, more: false, whole: false },
        Some(Data::Address) if object.bytes.len() >= 16 => Value::Object(Object { ty: &ADDRESS, ..*object }),
        None => Value::HexBytes(object.bytes),
        _ => return,
    };
    emit(Item::member("cmsg_data", value));
}
