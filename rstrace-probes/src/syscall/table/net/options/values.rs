//! The values of socket options. Most are an `int`; what has no structure that is known is shown as text.

use rstrace_core::describe::{
    Custom, Item, Length, Meaning, Named, Nested, Object, Shape, Struct, Type, Width, field, size_of_type,
};
use rstrace_core::event::Value;
use rstrace_core::flags::Choices;

use super::super::super::errors;
use super::super::address::ADDRESS;
use super::super::filter::{INSTRUCTION, PROGRAM, PROGRAM_IN_BRIEF, WHOLE};
use super::super::notation::*;
use super::names::SET_SOCKET;
use crate::syscall::types::*;
use crate::uapi::*;

/// Bytes of a value that are looked at; no structure is longer.
const MOST: usize = 4096;

const fn value(parts: rstrace_core::describe::Parts, nested: &'static [Nested]) -> Custom {
    Custom { size: MOST, compat_size: MOST, shape: Shape::Bare, parts, nested }
}

/// A value from the program.
pub(super) static WRITTEN: Type = Type::Custom(&value(written, &[]));
/// Likewise, that may be a program.
pub(super) static WRITTEN_TO_SOCKET: Type =
    Type::Custom(&value(written, &[Nested { offset: [0, 0], ty: Type::Struct(&WHOLE) }]));
/// A value for the program.
pub(super) static READ: Type = Type::Custom(&value(read, &[]));
/// Likewise, of which a program has its length in instructions.
pub(super) static READ_FROM_SOCKET: Type = Type::Custom(&value(
    read,
    &[
        Nested { offset: [0, 0], ty: INSTRUCTIONS },
        // that of the credentials
        Nested { offset: [0, 0], ty: PID },
    ],
));
const INSTRUCTIONS: Type = Type::Following(&INSTRUCTION, Length::Pointed(4));
static PROGRAM_READ: Type = Type::Elements(&INSTRUCTION, 0);

/// How a value is shown.
#[derive(Clone, Copy)]
enum Kind {
    /// An `int` if it has as many bytes, else text.
    Usual,
    /// An `int`, whatever follows.
    Int(&'static Type),
    /// A structure; read, the members that there are.
    Struct(&'static Type),
    /// Likewise, written only with just its size.
    Exactly(&'static Type),
    /// An `int` each.
    Ints,
    /// A bit of each type.
    IcmpTypes,
    /// A program; read, its address, or at length its instructions.
    Program,
}

static LINGER: Type = Type::Struct(&Struct::of(&[field("l_onoff", INT), field("l_linger", INT)]));
static CREDENTIALS: Type =
    Type::Struct(&Struct::of(&[field("pid", PID), field("uid", ID), field("gid", ID)]));
static GROUP: Type = Type::Struct(&Struct::of(&[field("imr_multiaddr", IPV4), field("imr_interface", IPV4)]));
static GROUP_IPV6: Type = Type::Struct(&Struct::of(&[
    field("", Type::Written(16, write_ipv6mr_multiaddr)),
    field("ipv6mr_interface", INTERFACE),
]));
static RING: Type = Type::Struct(&Struct::of(&[
    field("tp_block_size", UINT),
    field("tp_block_nr", UINT),
    field("tp_frame_size", UINT),
    field("tp_frame_nr", UINT),
]));
static STATISTICS: Type = Type::Struct(&Struct::of(&[field("tp_packets", UINT), field("tp_drops", UINT)]));

/// `struct group_req`: the address is aligned as a word is.
static GROUP_REQUEST: Type =
    Type::Struct(&Struct::of(&[field("gr_interface", INTERFACE), field("gr_group", ADDRESS_OF_GROUP)]));
const ADDRESS_OF_GROUP: Type = Type::Custom(match &ADDRESS {
    Type::Custom(custom) => custom,
    _ => unreachable!(),
});

static MEMBERSHIPS: Choices =
    choices!("PACKET_MR_???", PACKET_MR_MULTICAST PACKET_MR_PROMISC PACKET_MR_ALLMULTI PACKET_MR_UNICAST);
/// `struct packet_mreq`: as many bytes of the address as it says.
static MEMBERSHIP: Type =
    Type::Custom(&Custom { size: 16, compat_size: 16, shape: Shape::Struct, parts: membership, nested: &[] });

fn membership(object: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    const KIND: Type = Type::Number(Width::U16, Meaning::Choice(&MEMBERSHIPS));
    let len = object.number(6, Width::U16);
    let address = object.bytes.get(8..).unwrap_or(&[]);
    let address = &address[..address.len().min(len as usize)];
    emit(Item::member("mr_ifindex", object.value_at(0, &INTERFACE)));
    emit(Item::member("mr_type", object.value_at(4, &KIND)));
    emit(Item::member("mr_alen", Value::Unsigned(len)));
    emit(Item::member("mr_address", Value::WrittenBytes(address, write_hardware_address)));
}

static ERROR: Type = Type::Number(Width::I32, Meaning::Named(&errors::ERROR));

fn write_rehash(out: &mut Notation<'_>, rehash: u64) {
    match rehash {
        SOCK_TXREHASH_DISABLED => put!(out, "SOCK_TXREHASH_DISABLED"),
        SOCK_TXREHASH_ENABLED => put!(out, "SOCK_TXREHASH_ENABLED"),
        SOCK_TXREHASH_DEFAULT => put!(out, "SOCK_TXREHASH_DEFAULT"),
        other => put!(out, "{} /* SOCK_TXREHASH_??? */", other as i32),
    }
}

static REHASH: Type = Type::Number(Width::U32, Meaning::Named(&Named::int(write_rehash)));
static PLAIN: Type = INT;

/// What the program writes.
fn kind_written(level: u64, name: u64) -> Kind {
    match (level, name) {
        (SOL_SOCKET, SO_ATTACH_FILTER | SO_ATTACH_REUSEPORT_CBPF) => Kind::Program,
        // they are only read, or are a descriptor
        (
            SOL_SOCKET,
            SO_ERROR
            | SO_TYPE
            | SO_DOMAIN
            | SO_PROTOCOL
            | SO_PEERCRED
            | SO_BPF_EXTENSIONS
            | SO_ATTACH_BPF
            | SO_ATTACH_REUSEPORT_EBPF,
        ) => Kind::Usual,
        (SOL_SOCKET, name) if SET_SOCKET.name(name).is_none() => Kind::Usual,
        (SOL_IP, IP_ADD_MEMBERSHIP | IP_DROP_MEMBERSHIP) => Kind::Struct(&GROUP),
        (SOL_IP | SOL_IPV6, MCAST_JOIN_GROUP | MCAST_LEAVE_GROUP) => Kind::Struct(&GROUP_REQUEST),
        (SOL_IPV6, IPV6_ADD_MEMBERSHIP | IPV6_DROP_MEMBERSHIP | IPV6_JOIN_ANYCAST | IPV6_LEAVE_ANYCAST) => {
            Kind::Struct(&GROUP_IPV6)
        }
        (SOL_PACKET, PACKET_RX_RING | PACKET_TX_RING) => Kind::Exactly(&RING),
        (SOL_PACKET, PACKET_ADD_MEMBERSHIP | PACKET_DROP_MEMBERSHIP) => Kind::Struct(&MEMBERSHIP),
        (SOL_NETLINK, _) => Kind::Int(&PLAIN),
        _ => kind(level, name),
    }
}

/// What the program reads.
fn kind_read(level: u64, name: u64) -> Kind {
    match (level, name) {
        (SOL_SOCKET, SO_GET_FILTER) => Kind::Program,
        (SOL_SOCKET, SO_ERROR) => Kind::Int(&ERROR),
        (SOL_SOCKET, SO_PEERCRED) => Kind::Struct(&CREDENTIALS),
        (SOL_PACKET, PACKET_STATISTICS) => Kind::Struct(&STATISTICS),
        (SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS) => Kind::Ints,
        (SOL_NETLINK, _) => Kind::Int(&PLAIN),
        _ => kind(level, name),
    }
}

/// What is the same in both directions.
fn kind(level: u64, name: u64) -> Kind {
    match (level, name) {
        (SOL_SOCKET, SO_LINGER) => Kind::Struct(&LINGER),
        (SOL_SOCKET, SO_TXREHASH) => Kind::Int(&REHASH),
        (
            SOL_SOCKET,
            SO_PEERNAME
            | SO_PEERSEC
            | SO_PEERGROUPS
            | SO_RCVTIMEO_OLD
            | SO_SNDTIMEO_OLD
            | SO_RCVTIMEO_NEW
            | SO_SNDTIMEO_NEW
            | SO_SECURITY_AUTHENTICATION
            | SO_SECURITY_ENCRYPTION_TRANSPORT
            | SO_SECURITY_ENCRYPTION_NETWORK
            | SO_BINDTODEVICE
            | SO_MAX_PACING_RATE
            | SO_MEMINFO
            | SO_COOKIE
            | SO_NETNS_COOKIE
            | SO_TXTIME
            | SO_DEVMEM_DONTNEED,
        ) => Kind::Usual,
        (SOL_SOCKET, name) if name <= SO_INQ => Kind::Int(&PLAIN),
        (SOL_RAW, ICMP_FILTER) => Kind::IcmpTypes,
        _ => Kind::Usual,
    }
}

/// Level and name of the option of a call.
fn option(object: &Object<'_>) -> (u64, u64) {
    (u64::from(object.call.args[1] as u32), u64::from(object.call.args[2] as u32))
}

fn int(object: &Object<'_>, ty: &'static Type, emit: &mut dyn FnMut(Item<'_>)) {
    emit(Item::element(Value::Object(Object { ty, bytes: &object.bytes[..4], ..*object })));
}

/// Text, if as much of it could be read as is shown.
fn text(object: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    let len = object.bytes.len() as u64;
    if object.unreadable && len < object.count {
        return;
    }
    emit(Item::element(Value::Text { bytes: object.bytes, more: len < object.count, whole: false }));
}

fn written(object: &Object<'_>, verbose: bool, emit: &mut dyn FnMut(Item<'_>)) {
    let (level, name) = option(object);
    let len = object.bytes.len();
    // a negative length is none
    if len == 0 && object.call.args[4] as u32 != 0 {
        return;
    }
    match kind_written(level, name) {
        Kind::Usual if object.count == 4 && len == 4 => int(object, &PLAIN, emit),
        Kind::Usual => text(object, emit),
        Kind::Int(ty) if len >= 4 => int(object, ty, emit),
        Kind::Int(_) => {}
        Kind::Exactly(ty) if object.count != size_of_type(ty, object.call.abi) as u64 => {}
        Kind::Struct(ty) | Kind::Exactly(ty) => whole(object, ty, emit),
        Kind::Ints => text(object, emit),
        Kind::IcmpTypes => icmp_types(object, emit),
        Kind::Program if verbose => whole(object, &PROGRAM, emit),
        Kind::Program => whole(object, &PROGRAM_IN_BRIEF, emit),
    }
}

fn read(object: &Object<'_>, verbose: bool, emit: &mut dyn FnMut(Item<'_>)) {
    let (level, name) = option(object);
    let len = object.bytes.len();
    match kind_read(level, name) {
        Kind::Usual if object.count == 4 && len == 4 => int(object, &PLAIN, emit),
        Kind::Usual => text(object, emit),
        Kind::Int(ty) if len >= 4 => int(object, ty, emit),
        Kind::Int(_) => emit(Item::element(Value::HexBytes(object.bytes))),
        Kind::Struct(_) | Kind::Exactly(_) => {
            emit(Item::element(Value::Object(Object { ty: &MEMBERS, ..*object })));
        }
        Kind::Ints => {
            emit(Item::element(Value::Object(Object { ty: &INTS, count: object.count / 4, ..*object })));
        }
        Kind::IcmpTypes => icmp_types(object, emit),
        Kind::Program if verbose => {
            if let Some(payload) = object.call.memory.from(object.address, object.at) {
                let bytes = payload.bytes();
                emit(Item::element(Value::Object(Object { ty: &PROGRAM_READ, bytes, ..*object })));
            }
        }
        Kind::Program => {}
    }
}

static INTS: Type = Type::Elements(&UINT, 0);

/// The members of a structure that there are: of the last one perhaps only some bytes.
static MEMBERS: Type =
    Type::Custom(&Custom { size: 0, compat_size: 0, shape: Shape::Struct, parts: members, nested: &[] });

fn members(object: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    /// Bytes of each member of all that are read.
    const MEMBER: usize = 4;
    let (level, name) = option(object);
    let (Kind::Struct(Type::Struct(structure)) | Kind::Exactly(Type::Struct(structure))) =
        kind_read(level, name)
    else {
        return;
    };
    for (bytes, (place, field)) in object.bytes.chunks(MEMBER).zip(structure.fields().iter().enumerate()) {
        let value = if bytes.len() == MEMBER {
            object.value_at(place * MEMBER, &field.ty)
        } else {
            Value::HexBytes(bytes)
        };
        emit(Item::member(field.name, value));
    }
}

/// A structure that must be there whole.
fn whole(object: &Object<'_>, ty: &'static Type, emit: &mut dyn FnMut(Item<'_>)) {
    if let Some(bytes) = object.bytes.get(..size_of_type(ty, object.call.abi)) {
        emit(Item::element(Value::Object(Object { ty, bytes, ..*object })));
    }
}

static ICMP_TYPES: Choices = choices!("ICMP_???",
    ICMP_ECHOREPLY ICMP_DEST_UNREACH ICMP_SOURCE_QUENCH ICMP_REDIRECT ICMP_ECHO ICMP_TIME_EXCEEDED
    ICMP_PARAMETERPROB ICMP_TIMESTAMP ICMP_TIMESTAMPREPLY ICMP_INFO_REQUEST ICMP_INFO_REPLY ICMP_ADDRESS
    ICMP_ADDRESSREPLY);

/// `[ICMP_ECHO ICMP_REDIRECT]`, or the complement of most.
fn write_icmp_types(out: &mut Notation<'_>, types: u64) {
    /// So many are shown by their complement.
    const MOST: u32 = 16;
    let types = types as u32;
    let inverted = types.count_ones() > MOST;
    let shown = if inverted { !types } else { types };
    put!(out, "{}", if inverted { "~[" } else { "[" });
    let mut separator = "";
    for kind in (0..32u64).filter(|kind| shown & 1 << kind != 0) {
        match ICMP_TYPES.name(kind) {
            Some(name) => put!(out, "{separator}{name}"),
            None => put!(out, "{separator}{kind:#x} /* {} */", ICMP_TYPES.unknown),
        }
        separator = " ";
    }
    put!(out, "]");
}

fn icmp_types(object: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    if object.bytes.len() >= 4 {
        emit(Item::element(Value::Written(object.number(0, Width::U32), write_icmp_types)));
    } else {
        text(object, emit);
    }
}
