//! Network devices made by programs: tun and tap. strace shows their arguments as addresses.

use rstrace_core::describe::{
    Access, Case, Custom, Item, Length, Meaning, Object, Shape, Struct, Type, Width, field,
};
use rstrace_core::event::Value;
use rstrace_core::flags::FlagSet;

use super::sockets::{NAME, NAME_SIZE, SIZES, write_hardware};
use super::{encoded, requests};
use crate::syscall::types::*;

static FLAGS: FlagSet = set!("IFF_???", IFF_TUN IFF_TAP IFF_NAPI IFF_NAPI_FRAGS IFF_NO_CARRIER IFF_MULTI_QUEUE
    IFF_ATTACH_QUEUE IFF_DETACH_QUEUE IFF_PERSIST IFF_NO_PI IFF_ONE_QUEUE IFF_VNET_HDR IFF_TUN_EXCL);
static DEVICE_FLAGS: Type = flags16(&FLAGS);
static FEATURES: Type = flags(&FLAGS);
static OFFLOADS: FlagSet = set!("TUN_F_???", TUN_F_CSUM TUN_F_TSO4 TUN_F_TSO6 TUN_F_TSO_ECN TUN_F_UFO TUN_F_USO4
    TUN_F_USO6 TUN_F_UDP_TUNNEL_GSO TUN_F_UDP_TUNNEL_GSO_CSUM);

fn device(request: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    emit(Item::member("ifr_flags", request.value_at(NAME_SIZE, &DEVICE_FLAGS)));
}

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
}

/// `struct ifreq` of a device that is made: the kernel fills in the number in its name.
static NEW_DEVICE: Type = ifreq!(|request, _, emit| {
    let name = request.value_at(0, &NAME);
    match request.changed().filter(|after| request.call.succeeded() && changed_name(request, after)) {
        Some(after) => {
            emit(Item::member("ifr_name", Value::Change(&name, &after.value_at(0, &NAME))));
        }
        None => emit(Item::member("ifr_name", name)),
    }
    device(request, emit);
});
static DEVICE: Type = ifreq!(|request, _, emit| {
    emit(Item::member("ifr_name", request.value_at(0, &NAME)));
    device(request, emit);
});
static QUEUE: Type = ifreq!(|request, _, emit| device(request, emit));

fn changed_name(before: &Object<'_>, after: &Object<'_>) -> bool {
    before.bytes.get(..NAME_SIZE) != after.bytes.get(..NAME_SIZE)
}

/// `struct sock_filter`.
static INSTRUCTION: Type =
    Type::Struct(&Struct::of(&[field("code", HEX16), field("jt", U8), field("jf", U8), field("k", HEX32)]));

/// `struct sock_fprog`.
static FILTER: Type = Type::Struct(&Struct::of(&[
    field("len", U16),
    field("filter", Type::List(Access::In, &INSTRUCTION, Length::Member(0))).at_length(),
]));

const HARDWARE: Type = Type::Number(Width::Word, Meaning::Written(write_hardware));

pub const REQUESTS: &[Case] = requests! {
    TUNGETDEVNETNS,
    TUNSETNOCSUM: INT,
    TUNSETDEBUG: INT,
    TUNSETIFF: changed(&NEW_DEVICE),
    TUNSETPERSIST: INT,
    TUNSETOWNER: ID,
    TUNSETLINK: HARDWARE,
    TUNSETGROUP: ID,
    TUNSETOFFLOAD: long_flags(&OFFLOADS),
    TUNSETSNDBUF: encoded(&INT),
    TUNSETVNETHDRSZ: encoded(&INT),
    TUNSETQUEUE: input(&QUEUE),
    TUNSETIFINDEX: encoded(&UINT),
    TUNSETVNETLE: encoded(&INT),
    TUNSETVNETBE: encoded(&INT),
    TUNSETCARRIER: encoded(&INT),
    TUNATTACHFILTER: input(&FILTER),
    TUNDETACHFILTER,
    TUNGETFEATURES: encoded(&FEATURES),
    TUNGETIFF: output(&DEVICE),
    TUNGETSNDBUF: encoded(&INT),
    TUNGETVNETHDRSZ: encoded(&INT),
    TUNGETVNETLE: encoded(&INT),
    TUNGETVNETBE: encoded(&INT),
    TUNSETSTEERINGEBPF: encoded(&FD),
    TUNSETFILTEREBPF: encoded(&FD),
    TUNGETFILTER: output(&FILTER),
};
