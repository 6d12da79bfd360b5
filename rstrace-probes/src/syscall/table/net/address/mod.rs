//! Addresses of sockets: a structure per family.

mod ax25;
mod bluetooth;
mod rxrpc;

use rstrace_core::describe::{
    Access, Constants, Custom, Item, Length, Meaning, Named, Nested, Object, Shape, Struct, Type, Width,
    field, size_of_type,
};
use rstrace_core::event::{Comment, Value};
use rstrace_core::flags::{Choices, FlagSet};

use super::names::*;
use super::notation::*;
use crate::syscall::types::*;
use crate::uapi;

/// Bytes of the longest address that there is, `struct sockaddr_storage`.
const LONGEST: usize = 128;

/// `struct sockaddr`
pub(super) static ADDRESS: Type = Type::Custom(&Custom {
    size: LONGEST,
    compat_size: LONGEST,
    shape: Shape::Struct,
    parts: address,
    // of netlink
    nested: &[Nested { offset: [4, 4], ty: PID }],
});

/// An address from the program, with its length in an argument.
pub(super) const fn address_in(length: u8) -> Type {
    Type::Sized(Access::In, &ADDRESS, Length::IntArg(length))
}

/// An address that the call fills in, with its length behind an argument.
pub(super) const fn address_out(length: u8) -> Type {
    Type::Sized(Access::Out, &ADDRESS, Length::Pointed(length))
}

/// Addresses of a family that are described by their members.
struct Family {
    family: u64,
    /// Bytes that it has at least to be described.
    least: usize,
    members: &'static [Member],
}

struct Member {
    name: &'static str,
    offset: usize,
    ty: Type,
    /// Whether it is left out while it is 0.
    padding: bool,
}

const fn member(name: &'static str, offset: usize, ty: Type) -> Member {
    Member { name, offset, ty, padding: false }
}

const fn padding(name: &'static str, offset: usize, ty: Type) -> Member {
    Member { name, offset, ty, padding: true }
}

const fn choice16(set: &'static Choices) -> Type {
    Type::Number(Width::U16, Meaning::Choice(set))
}

const fn choice8(set: &'static Choices) -> Type {
    Type::Number(Width::U8, Meaning::Choice(set))
}

/// `htons(ETH_P_IP)`
fn write_ethernet_protocol(out: &mut Notation<'_>, protocol: u64) {
    out.push_text("htons(");
    ETHERNET_PROTOCOLS.write(out, protocol);
    out.push(b')');
}

/// The protocol of a packet, in the order of the network: an argument.
pub(super) const ETHERNET_PROTOCOL: Type =
    Type::Number(Width::Be16, Meaning::Written(write_ethernet_protocol));

/// Likewise, in memory.
const ETHERNET_PROTOCOL_IN_MEMORY: Type = Type::Number(
    Width::Be16,
    Meaning::Written(|out, protocol| {
        write_bytes(out, &(protocol as u16).to_be_bytes(), |out| write_ethernet_protocol(out, protocol));
    }),
);

fn write_cid(out: &mut Notation<'_>, cid: u64) {
    match cid {
        uapi::VMADDR_CID_ANY => put!(out, "VMADDR_CID_ANY"),
        uapi::VMADDR_CID_HYPERVISOR => put!(out, "VMADDR_CID_HYPERVISOR"),
        uapi::VMADDR_CID_LOCAL => put!(out, "VMADDR_CID_LOCAL"),
        uapi::VMADDR_CID_HOST => put!(out, "VMADDR_CID_HOST"),
        cid => put!(out, "{cid:#x}"),
    }
}

fn write_vsock_port(out: &mut Notation<'_>, port: u64) {
    match port {
        uapi::VMADDR_PORT_ANY => put!(out, "VMADDR_PORT_ANY"),
        0 => put!(out, "0"),
        port => put!(out, "{port:#x}"),
    }
}

/// `00000000`, or `0x` and six digits.
fn write_groups(out: &mut Notation<'_>, groups: u64) {
    match groups {
        0 => put!(out, "00000000"),
        groups => put!(out, "{groups:#08x}"),
    }
}

static XDP_FLAGS: FlagSet =
    set!("XDP_???", XDP_SHARED_UMEM XDP_COPY XDP_ZEROCOPY XDP_USE_NEED_WAKEUP XDP_USE_SG);

/// linux/nfc.h
static NFC_PROTOCOLS: Choices = Choices {
    names: &[
        (1, "NFC_PROTO_JEWEL"),
        (2, "NFC_PROTO_MIFARE"),
        (3, "NFC_PROTO_FELICA"),
        (4, "NFC_PROTO_ISO14443"),
        (5, "NFC_PROTO_NFC_DEP"),
        (6, "NFC_PROTO_ISO14443_B"),
        (7, "NFC_PROTO_ISO15693"),
    ],
    unknown: "NFC_PROTO_???",
};

const NODE: Type = Type::Elements(&BYTE, 6);
static BYTE: Type = Type::Number(Width::U8, Meaning::Written(write_byte));

const MCTP_NETWORK: Type = Type::Number(
    Width::U32,
    Meaning::Written(|out, network| write_special(out, network, &names!(MCTP_NET_ANY))),
);
static MCTP_ADDRESS: Struct = Struct::of(&[field(
    "s_addr",
    Type::Number(
        Width::U8,
        Meaning::Written(|out, address| write_special(out, address, &names!(MCTP_ADDR_NULL MCTP_ADDR_ANY))),
    ),
)]);

const QRTR_NODE: Type = Type::Number(
    Width::U32,
    Meaning::Written(|out, node| write_special(out, node, &names!(QRTR_NODE_BCAST))),
);
const QRTR_PORT: Type =
    Type::Number(Width::U32, Meaning::Written(|out, port| write_special(out, port, &names!(QRTR_PORT_CTRL))));

/// A number in hex of which some have names, and the others need none.
fn write_special(out: &mut Notation<'_>, number: u64, names: &[(u64, &str)]) {
    match names.iter().find(|(special, _)| *special == number) {
        Some((_, name)) => out.constant(|out| named::hex(out, number), |out| out.push_text(name)),
        None => named::hex(out, number),
    }
}

/// Likewise, which stands in any case.
fn write_glossed(out: &mut Notation<'_>, number: u64, names: &[(u64, &str)]) {
    named::hex(out, number);
    if out.constants() != Constants::Raw
        && let Some((_, name)) = names.iter().find(|(special, _)| *special == number)
    {
        put!(out, " /* {name} */");
    }
}

/// Flags after their number. `include/linux/crypto.h` has one that programs may set.
fn write_alg_flags(out: &mut Notation<'_>, flags: u64) {
    named::hex(out, flags);
    let known = flags & 0x1000;
    if flags != 0 && out.constants() != Constants::Raw {
        match (known, flags & !known) {
            (0, _) => out.push_text(" /* CRYPTO_ALG_??? */"),
            (_, 0) => out.push_text(" /* CRYPTO_ALG_KERN_DRIVER_ONLY */"),
            (_, rest) => put!(out, " /* CRYPTO_ALG_KERN_DRIVER_ONLY|{rest:#x} */"),
        }
    }
}

static VSOCK_FLAGS: FlagSet = set!("VMADDR_FLAG_???", VMADDR_FLAG_TO_HOST);

static X25_ADDRESS: Struct = Struct::of(&[field("x25_addr", Type::Chars(16))]);

const BE32_HEX: Type = Type::Number(Width::Be32, Meaning::Written(write_htonl_hex));

fn write_htonl_hex(out: &mut Notation<'_>, number: u64) {
    match number {
        0 => put!(out, "htonl(0)"),
        number => put!(out, "htonl({number:#x})"),
    }
}

static DESCRIBED: &[Family] = &[
    Family {
        family: uapi::AF_INET,
        least: 16,
        members: &[member("sin_port", 2, PORT), member("sin_addr", 4, IPV4)],
    },
    Family {
        family: uapi::AF_IPX,
        least: 16,
        members: &[
            member("sipx_port", 2, PORT),
            member("sipx_network", 4, BE32_HEX),
            member("sipx_node", 8, NODE),
            member("sipx_type", 14, BYTE),
            padding("sipx_zero", 15, HEX8),
        ],
    },
    Family {
        family: uapi::AF_X25,
        least: 18,
        members: &[member("sx25_addr", 2, Type::Struct(&X25_ADDRESS))],
    },
    Family {
        family: uapi::AF_NETLINK,
        least: 12,
        members: &[
            padding("nl_pad", 2, HEX16),
            member("nl_pid", 4, PID),
            member("nl_groups", 8, Type::Number(Width::U32, Meaning::Written(write_groups))),
        ],
    },
    Family {
        family: uapi::AF_NFC,
        least: 16,
        members: &[
            member("dev_idx", 4, UINT),
            member("target_idx", 8, HEX32),
            member("nfc_protocol", 12, choice(&NFC_PROTOCOLS)),
        ],
    },
    Family {
        family: uapi::AF_VSOCK,
        least: 16,
        members: &[
            padding("svm_reserved1", 2, HEX16),
            member("svm_cid", 8, Type::Number(Width::U32, Meaning::Named(&Named::hex(write_cid)))),
            member("svm_port", 4, Type::Number(Width::U32, Meaning::Named(&Named::hex(write_vsock_port)))),
            member("svm_flags", 12, Type::Number(Width::U8, Meaning::Flags(&VSOCK_FLAGS))),
            padding("svm_zero", 13, Type::Written(3, write_escaped)),
        ],
    },
    Family {
        family: uapi::AF_QIPCRTR,
        least: 12,
        members: &[member("sq_node", 4, QRTR_NODE), member("sq_port", 8, QRTR_PORT)],
    },
    Family {
        family: uapi::AF_XDP,
        least: 16,
        members: &[
            member("sxdp_flags", 2, flags16(&XDP_FLAGS)),
            member("sxdp_ifindex", 4, INTERFACE),
            member("sxdp_queue_id", 8, UINT),
        ],
    },
    Family {
        family: uapi::AF_MCTP,
        least: 12,
        members: &[
            padding("__smctp_pad0", 2, HEX16),
            member("smctp_network", 4, MCTP_NETWORK),
            member("smctp_addr", 8, Type::Struct(&MCTP_ADDRESS)),
            member("smctp_type", 9, HEX8),
            member("smctp_tag", 10, HEX8),
            padding("__smctp_pad1", 11, HEX8),
        ],
    },
];

/// The parts of an address; none if it is too short to have a family, or was not captured whole.
fn address(object: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    let Some(bytes) = object.bytes.get(..object.bytes.len().min(LONGEST)) else { return };
    if bytes.len() < 2 || object.unreadable || (bytes.len() as u64) < object.count.min(LONGEST as u64) {
        return;
    }
    let family = object.number(0, Width::U16);
    emit(Item::member("sa_family", Value::Choice(family, &FAMILIES)));
    let len = bytes.len();
    match family {
        uapi::AF_UNIX => unix(bytes, emit),
        uapi::AF_INET6 if len >= 24 => inet6(object, emit),
        uapi::AF_PACKET if len >= 20 => packet(object, emit),
        uapi::AF_AX25 if len >= ax25::LEAST => ax25::members(object, emit),
        uapi::AF_BLUETOOTH if bluetooth::members(object, emit) => {}
        uapi::AF_ALG if len > ALG_NAME => alg(object, emit),
        uapi::AF_RXRPC if len >= rxrpc::LEAST => rxrpc::members(object, emit),
        uapi::AF_IEEE802154 if len >= 20 => ieee802154(object, emit),
        family => {
            match DESCRIBED.iter().find(|described| described.family == family && len >= described.least) {
                Some(described) => {
                    for member in described.members {
                        let size = size_of_type(&member.ty, object.call.abi);
                        let is_zero = || bytes[member.offset..][..size].iter().all(|byte| *byte == 0);
                        if !member.padding || !is_zero() {
                            emit(Item::member(member.name, object.value_at(member.offset, &member.ty)));
                        }
                    }
                    match family {
                        uapi::AF_NFC => nfc_service(object, emit),
                        uapi::AF_XDP => shared_memory(object, emit),
                        _ => {}
                    }
                }
                None => data(bytes, emit),
            }
        }
    }
}

/// What has no description.
fn data(bytes: &[u8], emit: &mut dyn FnMut(Item<'_>)) {
    let data = &bytes[2..];
    if !data.is_empty() {
        emit(Item::member("sa_data", Value::Text { bytes: data, more: false, whole: true }));
    }
}

/// Where the name of an algorithm stands in `struct sockaddr_alg`; it is as long as it is.
const ALG_NAME: usize = 24;

fn alg(object: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    const KIND: Type = Type::Chars(14);
    const FLAGS: Type = Type::Number(Width::U32, Meaning::Written(write_alg_flags));
    emit(Item::member("salg_type", object.value_at(2, &KIND)));
    emit(Item::member("salg_feat", object.value_at(16, &FLAGS)));
    emit(Item::member("salg_mask", object.value_at(20, &FLAGS)));
    let name = &object.bytes[ALG_NAME..];
    let end = name.iter().position(|byte| *byte == 0);
    let bytes = &name[..end.unwrap_or(name.len() - 1)];
    emit(Item::member("salg_name", Value::Text { bytes, more: end.is_none(), whole: true }));
}

/// Bytes of `sun_path`.
const UNIX_PATH: usize = 108;

fn unix(bytes: &[u8], emit: &mut dyn FnMut(Item<'_>)) {
    match &bytes[2..bytes.len().min(2 + UNIX_PATH)] {
        [] => {}
        [0, name @ ..] => emit(Item::member("sun_path", Value::AbstractName(name))),
        path => {
            let end = path.iter().position(|byte| *byte == 0).unwrap_or(path.len());
            emit(Item::member("sun_path", Value::Path { bytes: &path[..end], cut: false }));
        }
    }
}

fn inet6(object: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    const FLOW: Type = Type::Number(Width::Be32, Meaning::Written(write_htonl));
    const ADDRESS: Type = Type::Written(16, write_sin6_addr);
    emit(Item::member("sin6_port", object.value_at(2, &PORT)));
    emit(Item::member("sin6_flowinfo", object.value_at(4, &FLOW)));
    emit(Item::element(object.value_at(8, &ADDRESS)));
    let Some(scope_id) = object.bytes.get(24..).filter(|bytes| !bytes.is_empty()) else { return };
    let is_local = match object.bytes[8..10] {
        [0xfe, second] => second & 0xc0 == 0x80,
        [0xff, second] => second & 0xf == 2,
        _ => false,
    };
    // of a short one the rest is 0
    let mut whole = [0; 4];
    let len = scope_id.len().min(whole.len());
    whole[..len].copy_from_slice(&scope_id[..len]);
    let scope_id = u64::from(u32::from_ne_bytes(whole));
    let scope_id =
        if is_local { Value::Written(scope_id, write_interface) } else { Value::Unsigned(scope_id) };
    emit(Item::member("sin6_scope_id", scope_id));
}

/// C's `%#02x`.
fn write_byte(out: &mut Notation<'_>, byte: u64) {
    match byte {
        0 => out.extend_from_slice(b"00"),
        _ => put!(out, "{byte:#x}"),
    }
}

fn packet(object: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    const HARDWARE_KIND: Type = choice16(&HARDWARE);
    const KIND: Type = choice8(&PACKET_TYPES);
    /// Where the address stands; it may be longer than `sll_addr` has room for.
    const ADDRESS: usize = 12;
    static BYTES: Type = Type::Elements(&BYTE, 0);
    emit(Item::member("sll_protocol", object.value_at(2, &ETHERNET_PROTOCOL_IN_MEMORY)));
    emit(Item::member("sll_ifindex", object.value_at(4, &INTERFACE)));
    emit(Item::member("sll_hatype", object.value_at(8, &HARDWARE_KIND)));
    emit(Item::member("sll_pkttype", object.value_at(10, &KIND)));
    let len = object.number(11, Width::U8);
    emit(Item::member("sll_halen", Value::Unsigned(len)));
    if len == 0 {
        return;
    }
    let bytes = &object.bytes[ADDRESS..];
    let bytes = &bytes[..bytes.len().min(len as usize)];
    // what is said to be longer than the whole has more that can't be seen
    emit(Item::member(
        "sll_addr",
        Value::Object(Object { ty: &BYTES, bytes, count: len, unreadable: false, ..*object }),
    ));
}

/// The descriptor whose memory a socket of XDP shares; without the flag the number means nothing.
fn shared_memory(object: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    let is_shared = object.number(2, Width::U16) & uapi::XDP_SHARED_UMEM != 0;
    if is_shared || object.number(12, Width::U32) != 0 {
        let ty = if is_shared { &FD } else { &HEX32 };
        emit(Item::member("sxdp_shared_umem_fd", object.value_at(12, ty)));
    }
}

/// `struct sockaddr_nfc_llcp` has a service besides: where, and how long it is at most.
const NFC_LLCP_LEN: usize = 96;
const NFC_SERVICE: usize = 18;
const NFC_SERVICE_LEN: usize = 63;

fn nfc_service(object: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    /// Bytes of an address without a service.
    const NFC_LEN: usize = 16;
    /// `net/nfc/nfc.h`
    const SERVICE_POINTS: &[(u64, &str)] = &[
        (1, "LLCP_SAP_SDP"),
        (2, "LLCP_SAP_IP"),
        (3, "LLCP_SAP_OBEX"),
        (4, "LLCP_SAP_SNEP"),
        (0xff, "LLCP_SAP_MAX"),
    ];
    const SERVICE_POINT: Type =
        Type::Number(Width::U8, Meaning::Written(|out, point| write_glossed(out, point, SERVICE_POINTS)));
    if object.bytes.len() < NFC_LLCP_LEN {
        if object.bytes.len() > NFC_LEN {
            emit(Item::element(Value::More(None)));
        }
        return;
    }
    emit(Item::member("dsap", object.value_at(16, &SERVICE_POINT)));
    emit(Item::member("ssap", object.value_at(17, &SERVICE_POINT)));
    let len = object.number(88, Width::U64);
    let shown = NFC_SERVICE_LEN.min(usize::try_from(len).unwrap_or(NFC_SERVICE_LEN));
    if let Some(bytes) = object.bytes.get(NFC_SERVICE..NFC_SERVICE + shown) {
        emit(Item::member("service_name", Value::Text { bytes, more: false, whole: true }));
    }
    emit(Item::member("service_name_len", Value::Unsigned(len)));
}

fn ieee802154(object: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    /// `include/net/af_ieee802154.h`
    static KINDS: Choices = Choices {
        names: &[(0, "IEEE802154_ADDR_NONE"), (2, "IEEE802154_ADDR_SHORT"), (3, "IEEE802154_ADDR_LONG")],
        unknown: "IEEE802154_ADDR_???",
    };
    static ADDRESS: Type = Type::Custom(&Custom {
        size: 16,
        compat_size: 16,
        shape: Shape::Struct,
        parts: |object, _, emit| {
            const HARDWARE: Type = Type::Written(8, write_hardware_address);
            const NETWORK: Type = Type::Number(
                Width::U16,
                Meaning::Written(|out, id| write_glossed(out, id, &[(0xffff, "IEEE802154_PANID_BROADCAST")])),
            );
            const SHORT: Type = Type::Number(
                Width::U16,
                Meaning::Written(|out, address| {
                    const SPECIAL: &[(u64, &str)] =
                        &[(0xfffe, "IEEE802154_ADDR_UNDEF"), (0xffff, "IEEE802154_ADDR_BROADCAST")];
                    write_glossed(out, address, SPECIAL);
                }),
            );
            let kind = object.number(0, Width::U32);
            // strace says the number first, as with other names that are no interface of programs'
            let number = Value::Hex(kind);
            let name =
                Comment::Written(kind, |out, kind| out.push_text(KINDS.name(kind).unwrap_or(KINDS.unknown)));
            emit(Item::member("addr_type", Value::Commented(&number, name)));
            emit(Item::member("pan_id", object.value_at(4, &NETWORK)));
            match kind {
                0 => {}
                2 => emit(Item::member("short_addr", object.value_at(6, &SHORT))),
                _ => emit(Item::member("hwaddr", object.value_at(6, &HARDWARE))),
            }
        },
        nested: &[],
    });
    emit(Item::member("addr", object.value_at(4, &ADDRESS)));
}
