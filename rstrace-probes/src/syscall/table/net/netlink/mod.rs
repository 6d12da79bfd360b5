//! Netlink messages: a header each, what the family has behind it, attributes.

mod attributes;
mod diag;
mod families;
mod generic;
mod route;

use rstrace_core::describe::{Custom, Item, Object, Shape, Type, Width};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet, Flags};

use super::super::errors::FAILURE;
use crate::syscall::types::*;
use crate::uapi::*;

/// A type of which only a function knows the parts, and that takes all the bytes there are.
pub(super) const fn custom(shape: Shape, parts: rstrace_core::describe::Parts) -> Custom {
    Custom::of(0, shape, parts)
}

/// What goes through a netlink socket.
pub(super) static MESSAGES: Type = Type::Custom(&custom(Shape::Bare, messages));

/// Several messages, each as it would be alone.
static SEVERAL: Type = Type::Custom(&custom(Shape::List, each_message));
/// A header and what follows it.
static MESSAGE: Type = Type::Custom(&custom(Shape::List, message));
static HEADER: Type = Type::Custom(&custom(Shape::Struct, header));
static ERROR: Type = Type::Custom(&custom(Shape::Struct, error));

/// Bytes of `struct nlmsghdr`.
const HEADER_SIZE: usize = 16;

/// The protocol of the socket; none, if it has no address: then it may be anybody's.
fn protocol(object: &Object<'_>) -> Option<u64> {
    object.call.socket(0).filter(|socket| socket.bound).map(|socket| socket.protocol.into())
}

/// Where the message that begins here ends.
fn end_of_message(bytes: &[u8]) -> usize {
    let len = bytes.first_chunk::<4>().map_or(0, |bytes| u32::from_ne_bytes(*bytes) as usize);
    if len < HEADER_SIZE { bytes.len() } else { len.next_multiple_of(4).min(bytes.len()) }
}

/// The part of an object from here to there.
fn part<'a>(object: &Object<'a>, ty: &'static Type, begin: usize, end: usize) -> Object<'a> {
    let bytes = object.bytes.get(begin..end.min(object.bytes.len())).unwrap_or(&[]);
    let is_last = end >= object.bytes.len();
    Object {
        ty,
        bytes,
        address: object.address.wrapping_add(begin as u64),
        count: bytes.len() as u64,
        unreadable: object.unreadable && is_last,
        ..*object
    }
}

fn messages(object: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    let bytes = object.bytes;
    if bytes.len() < HEADER_SIZE {
        if !object.unreadable {
            emit(Item::element(Value::HexBytes(bytes)));
        }
        return;
    }
    if bytes.len() - end_of_message(bytes) < HEADER_SIZE {
        emit(Item::element(one_message(object, 0, bytes.len())));
    } else {
        emit(Item::element(Value::Object(Object { ty: &SEVERAL, ..*object })));
    }
}

fn each_message(object: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    let mut begin = 0;
    while let Some(rest) = object.bytes.get(begin..).filter(|rest| rest.len() >= HEADER_SIZE) {
        let end = begin + end_of_message(rest);
        emit(Item::element(one_message(object, begin, end)));
        begin = end;
    }
}

/// A message: its header alone if nothing follows.
fn one_message<'a>(object: &Object<'a>, begin: usize, end: usize) -> Value<'a> {
    let message = part(object, &MESSAGE, begin, end);
    let len = message.number(0, Width::U32);
    let follows = len as usize > HEADER_SIZE && (message.bytes.len() > HEADER_SIZE || message.unreadable);
    Value::Object(if follows { message } else { Object { ty: &HEADER, ..message } })
}

fn message(object: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    emit(Item::element(Value::Object(Object { ty: &HEADER, ..*object })));
    let len = object.number(0, Width::U32) as usize;
    let kind = object.number(4, Width::U16);
    let payload = part(object, &BYTES, HEADER_SIZE, len.min(object.bytes.len()));
    match kind {
        NLMSG_DONE if payload.bytes.len() == 4 => {
            emit(Item::element(Value::Int(i64::from(payload.number(0, Width::I32) as i32))));
        }
        NLMSG_ERROR if payload.bytes.len() >= 4 => {
            emit(Item::element(Value::Object(Object { ty: &ERROR, ..payload })));
        }
        kind if kind < NLMSG_MIN_TYPE => bytes(&payload, emit),
        kind => match protocol(object) {
            Some(NETLINK_ROUTE) => route::payload(kind, &payload, emit),
            Some(NETLINK_SOCK_DIAG) => diag::payload(kind, object.number(6, Width::U16), &payload, emit),
            Some(NETLINK_GENERIC) => generic::payload(kind, &payload, emit),
            Some(NETLINK_NETFILTER) => generic::netfilter(&payload, emit),
            _ => bytes(&payload, emit),
        },
    }
}

static BYTES: Type = Type::Custom(&custom(Shape::Bare, |object, _, emit| bytes(object, emit)));

/// What has no description.
fn bytes(object: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    if object.unreadable {
        emit(Item::element(Value::Address(object.address)));
    } else {
        emit(Item::element(Value::HexBytes(object.bytes)));
    }
}

/// `{error=-ENOENT, msg={...}}`
fn error(object: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    emit(Item::member("error", Value::Named(object.number(0, Width::U32), &FAILURE)));
    let message = part(object, &MESSAGES, 4, object.bytes.len());
    if message.bytes.len() >= HEADER_SIZE {
        emit(Item::member("msg", one_message(&message, 0, message.bytes.len())));
    } else if !message.bytes.is_empty() {
        emit(Item::member("msg", Value::HexBytes(message.bytes)));
    }
}

static CONTROL: Choices = choices!("NLMSG_???", NLMSG_NOOP NLMSG_ERROR NLMSG_DONE NLMSG_OVERRUN);
static XFRM: Choices = choices!("XFRM_MSG_???",
    XFRM_MSG_NEWSA XFRM_MSG_DELSA XFRM_MSG_GETSA XFRM_MSG_NEWPOLICY XFRM_MSG_DELPOLICY XFRM_MSG_GETPOLICY
    XFRM_MSG_ALLOCSPI XFRM_MSG_ACQUIRE XFRM_MSG_EXPIRE XFRM_MSG_UPDPOLICY XFRM_MSG_UPDSA XFRM_MSG_POLEXPIRE
    XFRM_MSG_FLUSHSA XFRM_MSG_FLUSHPOLICY XFRM_MSG_NEWAE XFRM_MSG_GETAE XFRM_MSG_REPORT XFRM_MSG_MIGRATE
    XFRM_MSG_NEWSADINFO XFRM_MSG_GETSADINFO XFRM_MSG_NEWSPDINFO XFRM_MSG_GETSPDINFO XFRM_MSG_MAPPING
    XFRM_MSG_SETDEFAULT XFRM_MSG_GETDEFAULT);
static SELINUX: Choices = choices!("SELNL_MSG_???", SELNL_MSG_SETENFORCE SELNL_MSG_POLICYLOAD);
static CRYPTO: Choices = choices!("CRYPTO_MSG_???",
    CRYPTO_MSG_NEWALG CRYPTO_MSG_DELALG CRYPTO_MSG_UPDATEALG CRYPTO_MSG_GETALG CRYPTO_MSG_DELRNG
    CRYPTO_MSG_GETSTAT);

/// What a message's type is called.
fn type_of(kind: u64, protocol: Option<u64>) -> Value<'static> {
    if kind < NLMSG_MIN_TYPE {
        return Value::Choice(kind, &CONTROL);
    }
    match protocol {
        Some(NETLINK_ROUTE) => Value::Choice(kind, &route::TYPES),
        Some(NETLINK_SOCK_DIAG) => Value::Choice(kind, &diag::TYPES),
        Some(NETLINK_XFRM) => Value::Choice(kind, &XFRM),
        Some(NETLINK_SELINUX) => Value::Choice(kind, &SELINUX),
        Some(NETLINK_CRYPTO) => Value::Choice(kind, &CRYPTO),
        Some(NETLINK_GENERIC) => Value::Written(kind, generic::write_type),
        Some(NETLINK_NETFILTER) => Value::Written(kind, generic::write_netfilter_type),
        _ => Value::Choice(kind, &CONTROL),
    }
}

/// Flags that all messages may have, and those of some.
macro_rules! header_flags {
    ($($name:ident)*) => {
        set!("NLM_F_???", NLM_F_REQUEST NLM_F_MULTI NLM_F_ACK NLM_F_ECHO NLM_F_DUMP_INTR NLM_F_DUMP_FILTERED
            $($name)*)
    };
}

static ANY: FlagSet = header_flags!();
static OF_NEW: FlagSet = header_flags!(NLM_F_REPLACE NLM_F_EXCL NLM_F_CREATE NLM_F_APPEND);
static OF_GET: FlagSet = header_flags!(NLM_F_DUMP NLM_F_ROOT NLM_F_MATCH NLM_F_ATOMIC);
static OF_DELETE: FlagSet = header_flags!(NLM_F_NONREC NLM_F_BULK);
static OF_ACK: FlagSet = header_flags!(NLM_F_CAPPED NLM_F_ACK_TLVS);

/// Which flags a message may have by its type.
fn flags_of(kind: u64, protocol: Option<u64>) -> &'static FlagSet {
    match (kind, protocol) {
        (NLMSG_ERROR, _) => &OF_ACK,
        (kind, _) if kind < NLMSG_MIN_TYPE => &ANY,
        // three or four to a group: new, delete, get, set
        (kind, Some(NETLINK_ROUTE)) => match kind & 3 {
            0 => &OF_NEW,
            1 => &OF_DELETE,
            2 => &OF_GET,
            _ => &ANY,
        },
        (_, Some(NETLINK_SOCK_DIAG)) => &OF_GET,
        _ => &ANY,
    }
}

fn header(object: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    let kind = object.number(4, Width::U16);
    let protocol = protocol(object);
    let flags = Flags { bits: object.number(6, Width::U16), set: flags_of(kind, protocol) };
    emit(Item::member("nlmsg_len", Value::Unsigned(object.number(0, Width::U32))));
    emit(Item::member("nlmsg_type", type_of(kind, protocol)));
    emit(Item::member("nlmsg_flags", Value::Flags(flags)));
    emit(Item::member("nlmsg_seq", Value::Unsigned(object.number(8, Width::U32))));
    emit(Item::member("nlmsg_pid", Value::Int(i64::from(object.number(12, Width::I32) as i32))));
}
