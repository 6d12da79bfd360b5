//! Sockets and network interfaces.

use std::io::Write;

use rstrace_core::describe::{
    Access, Case, Custom, Item, Length, Meaning, Named, Nested, Object, Shape, Struct, Type, Width, field,
};
use rstrace_core::event::{Abi, Value};
use rstrace_core::flags::FlagSet;

use super::super::net::{FAMILIES, IPV4, PORT, write_hardware_address};
use super::requests;
use crate::syscall::types::*;
use crate::uapi;

/// Bytes of `ifr_name`.
pub const NAME_SIZE: usize = uapi::IFNAMSIZ as usize;
/// Bytes of `struct ifreq` of native and of 32-bit programs.
pub const SIZES: [usize; 2] = [40, 32];

/// `ifr_name`.
pub static NAME: Type = Type::Chars(NAME_SIZE);

/// Emits the name that the call is about, and what it was asked for if it succeeded.
fn asks(request: &Object<'_>, name: &'static str, ty: &'static Type, emit: &mut dyn FnMut(Item<'_>)) {
    emit(Item::member("ifr_name", request.value_at(0, &NAME)));
    if let Some(answer) = request.changed().filter(|_| request.call.succeeded()) {
        emit(Item::member(name, answer.value_at(NAME_SIZE, ty)));
    }
}

/// Emits the name that the call is about, and what is to be set.
fn sets(request: &Object<'_>, name: &'static str, ty: &'static Type, emit: &mut dyn FnMut(Item<'_>)) {
    emit(Item::member("ifr_name", request.value_at(0, &NAME)));
    emit(Item::member(name, request.value_at(NAME_SIZE, ty)));
}

/// `struct ifreq` of requests that use this member of it.
macro_rules! ifreq {
    ($parts:expr) => {
        Type::Custom(&Custom {
            size: SIZES[0],
            compat_size: SIZES[1],
            shape: Shape::Struct,
            parts: $parts,
            nested: &[],
        })
    };
    ($($get:ident, $set:ident: $name:literal $ty:ident;)*) => {
        $(
            static $get: Type = ifreq!(|request, _, emit| asks(request, $name, &$ty, emit));
            static $set: Type = ifreq!(|request, _, emit| sets(request, $name, &$ty, emit));
        )*
    };
}

static INTERFACE_FLAGS: FlagSet = set!("IFF_???", IFF_UP IFF_BROADCAST IFF_DEBUG IFF_LOOPBACK IFF_POINTOPOINT
    IFF_NOTRAILERS IFF_RUNNING IFF_NOARP IFF_PROMISC IFF_ALLMULTI IFF_MASTER IFF_SLAVE IFF_MULTICAST IFF_PORTSEL
    IFF_AUTOMEDIA IFF_DYNAMIC);
static FLAGS: Type = flags16(&INTERFACE_FLAGS);
static NUMBER: Type = INT;

/// `struct ifmap`.
static MAP: Type = Type::Struct(&Struct::of(&[
    field("mem_start", HEX),
    field("mem_end", HEX),
    field("base_addr", HEX16),
    field("irq", HEX8),
    field("dma", HEX8),
    field("port", HEX8),
]));

/// Kinds of hardware, with the bytes that their addresses have.
static HARDWARE: &[(u64, &str, usize)] = {
    macro_rules! kinds {
        ($($bytes:literal: $($name:ident)*;)*) => { &[$($((uapi::$name, stringify!($name), $bytes),)*)*] };
    }
    kinds! {
        1: ARPHRD_ARCNET ARPHRD_LOCALTLK ARPHRD_PHONET ARPHRD_PHONET_PIPE ARPHRD_CAIF;
        2: ARPHRD_DLCI;
        4: ARPHRD_TUNNEL ARPHRD_SIT ARPHRD_IPDDP ARPHRD_IPGRE ARPHRD_PIMREG ARPHRD_IRDA;
        6: ARPHRD_ETHER ARPHRD_IEEE802 ARPHRD_LOOPBACK ARPHRD_FDDI ARPHRD_HIPPI ARPHRD_IEEE80211
            ARPHRD_IEEE80211_PRISM ARPHRD_IEEE80211_RADIOTAP;
        7: ARPHRD_NETROM ARPHRD_AX25;
        8: ARPHRD_EUI64 ARPHRD_IEEE802154 ARPHRD_IEEE802154_MONITOR ARPHRD_6LOWPAN ARPHRD_VSOCKMON;
        14: ARPHRD_EETHER ARPHRD_PRONET ARPHRD_CHAOS ARPHRD_APPLETLK ARPHRD_ATM ARPHRD_METRICOM ARPHRD_IEEE1394
            ARPHRD_INFINIBAND ARPHRD_SLIP ARPHRD_CSLIP ARPHRD_SLIP6 ARPHRD_CSLIP6 ARPHRD_RSRVD ARPHRD_ADAPT
            ARPHRD_ROSE ARPHRD_X25 ARPHRD_HWX25 ARPHRD_CAN ARPHRD_MCTP ARPHRD_PPP ARPHRD_CISCO ARPHRD_LAPB
            ARPHRD_DDCMP ARPHRD_RAWHDLC ARPHRD_RAWIP ARPHRD_TUNNEL6 ARPHRD_FRAD ARPHRD_SKIP ARPHRD_BIF ARPHRD_ASH
            ARPHRD_ECONET ARPHRD_FCPP ARPHRD_FCAL ARPHRD_FCPL ARPHRD_FCFABRIC ARPHRD_IEEE802_TR ARPHRD_IP6GRE
            ARPHRD_NETLINK ARPHRD_NONE ARPHRD_VOID;
    }
};

/// The longest hardware address.
const LONGEST: usize = 14;

fn hardware(kind: u64) -> Option<&'static (u64, &'static str, usize)> {
    HARDWARE.iter().find(|(known, ..)| *known == kind)
}

/// `ARPHRD_ETHER`
pub fn write_hardware(out: &mut Notation<'_>, kind: u64) {
    let _ = match hardware(kind) {
        Some((_, name, _)) => write!(out, "{name}"),
        None => write!(out, "{kind:#x} /* ARPHRD_??? */"),
    };
}

static HARDWARE_KIND: Type = Type::Number(Width::U16, Meaning::Named(&Named::hex(write_hardware)));

/// `struct sockaddr` with the address of hardware.
static HARDWARE_ADDRESS: Type = Type::Custom(&Custom::of(16, Shape::Struct, |address, _, emit| {
    emit(Item::member("sa_family", address.value_at(0, &HARDWARE_KIND)));
    let len = hardware(address.number(0, Width::U16)).map_or(LONGEST, |(_, _, len)| *len);
    let bytes = address.bytes.get(2..2 + len).unwrap_or(&[]);
    emit(Item::member("sa_data", Value::WrittenBytes(bytes, write_hardware_address)));
}));

static FAMILY_NUMBER: Type = Type::Number(Width::U16, Meaning::Choice(&FAMILIES));

/// `struct sockaddr`, as much of an address as fits into it.
static ADDRESS: Type = Type::Custom(&Custom::of(16, Shape::Struct, |address, _, emit| {
    emit(Item::member("sa_family", address.value_at(0, &FAMILY_NUMBER)));
    if address.number(0, Width::U16) == uapi::AF_INET {
        emit(Item::member("sin_port", address.value_at(2, &PORT)));
        emit(Item::member("sin_addr", address.value_at(4, &IPV4)));
    } else {
        let bytes = address.bytes.get(2..).unwrap_or(&[]);
        emit(Item::member("sa_data", Value::Text { bytes, more: false, whole: false }));
    }
}));

ifreq! {
    GET_FLAGS, SET_FLAGS: "ifr_flags" FLAGS;
    GET_ADDRESS, SET_ADDRESS: "ifr_addr" ADDRESS;
    GET_DESTINATION, SET_DESTINATION: "ifr_dstaddr" ADDRESS;
    GET_BROADCAST, SET_BROADCAST: "ifr_broadaddr" ADDRESS;
    GET_NETMASK, SET_NETMASK: "ifr_netmask" ADDRESS;
    GET_METRIC, SET_METRIC: "ifr_metric" NUMBER;
    GET_MTU, SET_MTU: "ifr_mtu" NUMBER;
    GET_HARDWARE, SET_HARDWARE: "ifr_hwaddr" HARDWARE_ADDRESS;
    GET_SLAVE, SET_SLAVE: "ifr_slave" NAME;
    GET_QUEUE, SET_QUEUE: "ifr_qlen" NUMBER;
    GET_MAP, SET_MAP: "ifr_map" MAP;
}
static GET_INDEX: Type = ifreq!(|request, _, emit| asks(request, "ifr_ifindex", &NUMBER, emit));
static SET_NAME: Type = ifreq!(|request, _, emit| sets(request, "ifr_newname", &NAME, emit));
static GET_NAME: Type = ifreq!(|request, _, emit| {
    emit(Item::member("ifr_ifindex", request.value_at(NAME_SIZE, &NUMBER)));
    if let Some(answer) = request.changed().filter(|_| request.call.succeeded()) {
        emit(Item::member("ifr_name", answer.value_at(0, &NAME)));
    }
});
static PORT_OF_BRIDGE: Type = ifreq!(|request, _, emit| {
    emit(Item::member("ifr_ifindex", request.value_at(NAME_SIZE, &U32)));
});

/// `struct ifreq` in the answer of SIOCGIFCONF.
static CONFIGURED: Type = ifreq!(|request, _, emit| sets(request, "ifr_addr", &ADDRESS, emit));
static ALL_CONFIGURED: Type = Type::List(Access::Out, &CONFIGURED, Length::Member(0));

fn write_length(out: &mut Notation<'_>, length: u64, size: usize) {
    let length = length as i32;
    let _ = write!(out, "{length}");
    if let Ok(bytes) = usize::try_from(length)
        && bytes > 0
        && bytes % size == 0
    {
        let _ = write!(out, " /* {} * sizeof(struct ifreq) */", bytes / size);
    }
}

/// How much room there was, and how much was filled if the call succeeded.
fn configuration(conf: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    let compat = conf.call.abi == Abi::Compat32;
    let write = match compat {
        false => |out: &mut Notation<'_>, length| write_length(out, length, SIZES[0]),
        true => |out: &mut Notation<'_>, length| write_length(out, length, SIZES[1]),
    };
    let offset = if compat { 4 } else { 8 };
    let (address, room) = (conf.address_at(offset), conf.number(0, Width::I32));
    let before = Value::Written(room, write);
    let buffer = |buffer| Item::member("ifc_buf", buffer);
    let Some(after) = conf.changed().filter(|_| conf.call.succeeded()) else {
        emit(Item::member("ifc_len", before));
        return emit(buffer(Value::Address(address)));
    };
    let length = after.number(0, Width::I32);
    let filled = Value::Written(length, write);
    match room == length || address == 0 {
        true => emit(Item::member("ifc_len", filled)),
        false => emit(Item::member("ifc_len", Value::Change(&before, &filled))),
    }
    let length = length as i32;
    let count = usize::try_from(length).unwrap_or(0) / SIZES[usize::from(compat)];
    let payload = conf.call.memory.from(address, after.at);
    let bytes = payload.map_or(&[][..], |payload| payload.bytes());
    if address == 0 || length < 0 || (bytes.len() < SIZES[usize::from(compat)] && count > 0) {
        return emit(buffer(Value::Address(address)));
    }
    let unreadable =
        payload.is_some_and(|payload| matches!(payload, rstrace_core::probe::Payload::Unreadable(_)));
    let bytes = if count == 0 { &[][..] } else { bytes };
    emit(buffer(Value::Object(Object {
        ty: &ALL_CONFIGURED,
        bytes,
        address,
        count: count as u64,
        unreadable,
        ..after
    })));
}

/// The bytes of the answer.
static ROOM: Type = Type::Custom(&Custom::of(0, Shape::Bare, |_, _, _| {}));

/// `struct ifconf`.
static CONFIGURATION: Type = Type::Custom(&Custom {
    size: 16,
    compat_size: 8,
    shape: Shape::Struct,
    parts: configuration,
    nested: &[Nested { offset: [8, 4], ty: Type::Sized(Access::Out, &ROOM, Length::Member(0)) }],
});

/// The name of a bridge.
static BRIDGE_NAME: Type = Type::Custom(&Custom::of(NAME_SIZE, Shape::Bare, |name, _, emit| {
    if let Some(name) = super::text(name.bytes, NAME_SIZE) {
        emit(Item::element(name));
    }
}));
const BRIDGE: Type = Type::Sized(Access::In, &BRIDGE_NAME, Length::Fixed(NAME_SIZE as u32));

pub const REQUESTS: &[Case] = requests! {
    FIOSETOWN: input(&PID),
    SIOCSPGRP: input(&PID),
    FIOGETOWN: output(&PID),
    SIOCGPGRP: output(&PID),
    SIOCATMARK: output(&INT),
    SIOCGIFNAME: changed(&GET_NAME),
    SIOCGIFCONF: changed(&CONFIGURATION),
    SIOCGIFFLAGS: changed(&GET_FLAGS),
    SIOCSIFFLAGS: input(&SET_FLAGS),
    SIOCGIFADDR: changed(&GET_ADDRESS),
    SIOCSIFADDR: input(&SET_ADDRESS),
    SIOCGIFDSTADDR: changed(&GET_DESTINATION),
    SIOCSIFDSTADDR: input(&SET_DESTINATION),
    SIOCGIFBRDADDR: changed(&GET_BROADCAST),
    SIOCSIFBRDADDR: input(&SET_BROADCAST),
    SIOCGIFNETMASK: changed(&GET_NETMASK),
    SIOCSIFNETMASK: input(&SET_NETMASK),
    SIOCGIFMETRIC: changed(&GET_METRIC),
    SIOCSIFMETRIC: input(&SET_METRIC),
    SIOCGIFMTU: changed(&GET_MTU),
    SIOCSIFMTU: input(&SET_MTU),
    SIOCSIFNAME: input(&SET_NAME),
    SIOCSIFHWADDR: input(&SET_HARDWARE),
    SIOCGIFENCAP: output(&INT),
    SIOCSIFENCAP: input(&INT),
    SIOCGIFHWADDR: changed(&GET_HARDWARE),
    SIOCGIFSLAVE: changed(&GET_SLAVE),
    SIOCSIFSLAVE: input(&SET_SLAVE),
    SIOCADDMULTI: input(&SET_HARDWARE),
    SIOCDELMULTI: input(&SET_HARDWARE),
    SIOCGIFINDEX: changed(&GET_INDEX),
    SIOCSIFHWBROADCAST: input(&SET_HARDWARE),
    SIOCGIFTXQLEN: changed(&GET_QUEUE),
    SIOCSIFTXQLEN: input(&SET_QUEUE),
    SIOCOUTQNSD: output(&INT),
    SIOCGIFMAP: changed(&GET_MAP),
    SIOCSIFMAP: input(&SET_MAP),
    SIOCBRADDBR: BRIDGE,
    SIOCBRDELBR: BRIDGE,
    SIOCBRADDIF: input(&PORT_OF_BRIDGE),
    SIOCBRDELIF: input(&PORT_OF_BRIDGE),
};
