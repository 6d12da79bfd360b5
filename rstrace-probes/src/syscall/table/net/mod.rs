//! Sockets.

mod address;
mod filter;
mod message;
mod names;
mod netlink;
mod notation;
mod options;

use rstrace_core::describe::{
    Access, Case, Cases, Indirect, Inner, Is, Item, Length, Meaning, Named, Object, Param, Returned, Syscall,
    Type, Width, param, size_of_type,
};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet, Flags};
use rstrace_core::memory::At;
use rstrace_core::probe::RawCall;

use self::address::{ETHERNET_PROTOCOL, address_in, address_out};
use self::message::{MESSAGE_IN, MESSAGE_OUT, ONE_IN, ONE_OUT};
pub(super) use self::names::FAMILIES;
pub use self::names::NETLINK_PROTOCOLS;
use self::names::*;
use self::netlink::MESSAGES;
use self::notation::put;
pub(super) use self::notation::{INTERFACE, IPV4, PORT, write_hardware_address};
use self::options::{GET, GET_CASES, SET, SET_CASES};
use super::time::TIMESPEC64;
use crate::syscall::classes::NETWORK;
use crate::syscall::types::*;
use crate::uapi;

/// The descriptor of a socket of which is asked what it is.
const SOCKET: Param = param("sockfd", Type::Number(Width::I32, Meaning::Socket));
const SOCKFD: Param = param("sockfd", FD);
const FLAGS: Param = param("flags", flags(&MESSAGE_FLAGS));

/// `SOCK_STREAM|SOCK_CLOEXEC`; without a type that is known all bits are flags.
fn write_socket_type(out: &mut Notation<'_>, kind: u64) {
    /// What is a type, as opposed to a flag.
    const TYPE: u64 = 0xf;
    static UNTYPED: FlagSet = FlagSet { unknown: "SOCK_???", ..SOCKET_FLAGS };
    let kind = u64::from(kind as u32);
    if SOCKET_TYPES.name(kind & TYPE).is_none() {
        return Flags { bits: kind, set: &UNTYPED }.write(out);
    }
    SOCKET_TYPES.write(out, kind & TYPE);
    if kind & !TYPE != 0 {
        out.push(b'|');
        Flags { bits: kind & !TYPE, set: &SOCKET_FLAGS }.write(out);
    }
}

const DOMAIN: Param = param("domain", choice(&FAMILIES));
const TYPE: Param = param("type", Type::Number(Width::U32, Meaning::Written(write_socket_type)));

const fn protocol(ty: Type) -> Param {
    param("protocol", ty)
}

const IP: Param = protocol(choice(&IP_PROTOCOLS));
const NETLINK: Param = protocol(choice(&NETLINK_PROTOCOLS));
const CAN: Param = protocol(choice(&CAN_PROTOCOLS));
const PACKET: Param = protocol(ETHERNET_PROTOCOL);
const AX25: Param = protocol(Type::Number(Width::Word, Meaning::Written(write_ax25_protocol)));
const BLUETOOTH: Param = protocol(choice(&BLUETOOTH_PROTOCOLS));
const RXRPC: Param = protocol(choice(&FAMILIES));
const ISDN: Param = protocol(choice(&ISDN_PROTOCOLS));
const PHONET: Param = protocol(choice(&PHONET_PROTOCOLS));
const CAIF: Param = protocol(choice(&CAIF_PROTOCOLS));
const NFC: Param = protocol(choice(&NFC_PROTOCOLS));
const KCM: Param = protocol(choice(&KCM_PROTOCOLS));
const SMC: Param = protocol(choice(&SMC_PROTOCOLS));
/// Without names it is shown as wide as it was passed.
const OTHER: Param = protocol(ULONG);

const fn case(family: u64, params: &'static [Param]) -> Case {
    Case { value: family as u32, params, result: None }
}

static PROTOCOLS: Cases = Cases {
    arg: 0,
    cases: &[
        case(uapi::AF_INET, &[DOMAIN, TYPE, IP]),
        case(uapi::AF_AX25, &[DOMAIN, TYPE, AX25]),
        case(uapi::AF_INET6, &[DOMAIN, TYPE, IP]),
        case(uapi::AF_NETLINK, &[DOMAIN, TYPE, NETLINK]),
        case(uapi::AF_PACKET, &[DOMAIN, TYPE, PACKET]),
        case(uapi::AF_CAN, &[DOMAIN, TYPE, CAN]),
        case(uapi::AF_BLUETOOTH, &[DOMAIN, TYPE, BLUETOOTH]),
        case(uapi::AF_RXRPC, &[DOMAIN, TYPE, RXRPC]),
        case(uapi::AF_ISDN, &[DOMAIN, TYPE, ISDN]),
        case(uapi::AF_PHONET, &[DOMAIN, TYPE, PHONET]),
        case(uapi::AF_CAIF, &[DOMAIN, TYPE, CAIF]),
        case(uapi::AF_NFC, &[DOMAIN, TYPE, NFC]),
        case(uapi::AF_KCM, &[DOMAIN, TYPE, KCM]),
        case(uapi::AF_SMC, &[DOMAIN, TYPE, SMC]),
    ],
};

const PAIR: Param = param("sv", output(&Type::Elements(&FD, 2)));

const ADDRESS_OUT: Param = param("addr", address_out(2));
/// The length of an address means nothing without one.
const ADDRESS_LENGTH: Param = param("addrlen", Type::Either(|call| call.args[1] != 0, &LENGTH, &ADDRESS));

static HOW: Choices = choices!("SHUT_???", SHUT_RD SHUT_WR SHUT_RDWR);
static ACCEPT_FLAGS: FlagSet = set!("SOCK_???", SOCK_CLOEXEC SOCK_NONBLOCK);

/// Shown as it was before; what is left of it is said of the result.
const TIMEOUT: Type = Type::Either(|_| true, &input(&TIMESPEC), &output(&TIMESPEC));
const TIMEOUT64: Type = Type::Either(|_| true, &input(&TIMESPEC64), &output(&TIMESPEC64));

/// `(left {tv_sec=0, tv_nsec=5})`, or `(Timeout)`.
fn time_left(call: &RawCall<'_>, ty: &'static Type, emit: &mut dyn FnMut(Item<'_>)) {
    let address = call.args[4];
    if address == 0 {
        return;
    }
    if call.returned() == 0 {
        return emit(Item::element(Value::Written(0, |out, _| put!(out, "Timeout"))));
    }
    let size = size_of_type(ty, call.abi);
    if let Some(bytes) = call.memory.bytes(address, size, At::Return) {
        let (at, count) = (At::Return, size as u64);
        let left = Object { ty, bytes, address, at, count, unreadable: false, left: 0, call };
        emit(Item::member("left", Value::Object(left)));
    }
}

/// The arguments of `recvmmsg`.
const fn received(socket: Param, timeout: Type) -> [Param; 5] {
    [
        socket,
        param("msgvec", Type::List(Access::Filled, &ONE_OUT, Length::ReturnedWithin(2))),
        param("vlen", UINT),
        FLAGS,
        param("timeout", timeout),
    ]
}

static SOCKETCALL_NAME: Named = Named::int(|out, call| SOCKETCALLS.write(out, call as i32 as u64));
static SOCKETCALLS: Choices = choices!("", SYS_SOCKET SYS_BIND SYS_CONNECT SYS_LISTEN SYS_ACCEPT SYS_GETSOCKNAME
    SYS_GETPEERNAME SYS_SOCKETPAIR SYS_SEND SYS_RECV SYS_SENDTO SYS_RECVFROM SYS_SHUTDOWN SYS_SETSOCKOPT
    SYS_GETSOCKOPT SYS_SENDMSG SYS_RECVMSG SYS_ACCEPT4 SYS_RECVMMSG SYS_SENDMMSG);

const SOCKETCALL: &[Param] =
    &[param("call", Type::Number(Width::I32, Meaning::Named(&SOCKETCALL_NAME))), param("args", ADDRESS)];

/// What 32-bit programs make by `socketcall`.
static BY_NUMBER: Indirect = Indirect {
    number: Some(|number| number),
    calls: &[
        inner::<3>(uapi::SYS_SOCKET, Is::Named("socket")),
        inner::<3>(uapi::SYS_BIND, Is::Named("bind")),
        inner::<3>(uapi::SYS_CONNECT, Is::Named("connect")),
        inner::<2>(uapi::SYS_LISTEN, Is::Named("listen")),
        inner::<3>(uapi::SYS_ACCEPT, Is::Named("accept")),
        inner::<3>(uapi::SYS_GETSOCKNAME, Is::Named("getsockname")),
        inner::<3>(uapi::SYS_GETPEERNAME, Is::Named("getpeername")),
        inner::<4>(uapi::SYS_SOCKETPAIR, Is::Named("socketpair")),
        inner::<4>(uapi::SYS_SEND, Is::Own(&SEND)),
        inner::<4>(uapi::SYS_RECV, Is::Own(&RECV)),
        inner::<6>(uapi::SYS_SENDTO, Is::Named("sendto")),
        inner::<6>(uapi::SYS_RECVFROM, Is::Named("recvfrom")),
        inner::<2>(uapi::SYS_SHUTDOWN, Is::Named("shutdown")),
        inner::<5>(uapi::SYS_SETSOCKOPT, Is::Named("setsockopt")),
        inner::<5>(uapi::SYS_GETSOCKOPT, Is::Named("getsockopt")),
        inner::<3>(uapi::SYS_SENDMSG, Is::Named("sendmsg")),
        inner::<3>(uapi::SYS_RECVMSG, Is::Named("recvmsg")),
        inner::<4>(uapi::SYS_ACCEPT4, Is::Named("accept4")),
        inner::<5>(uapi::SYS_RECVMMSG, Is::Own(&RECVMMSG)),
        inner::<4>(uapi::SYS_SENDMMSG, Is::Named("sendmmsg")),
    ],
    unknown: SOCKETCALL,
};

/// A call with so many words as arguments.
const fn inner<const N: usize>(number: u64, call: Is) -> Inner {
    Inner { number: number as u32, call, args: &const { words_behind::<N>(1) }, result: None }
}

const DATA_IN: Param = param("buf", Type::Message(Access::In, Length::Arg(2), &MESSAGES));
const DATA_OUT: Param = param("buf", Type::Message(Access::Out, Length::ReturnedWithin(2), &MESSAGES));
static SEND: Syscall = call("send", NETWORK, &[SOCKET, DATA_IN, param("size", SIZE), FLAGS], RET_LONG);
/// It has as many captures as there can be without the one that tells what socket it is.
static RECVMMSG: Syscall = call("recvmmsg", NETWORK, &const { received(SOCKFD, TIMEOUT) }, RECEIVED);
const RECEIVED: Returned =
    Returned::Glossed(Width::I32, Meaning::Plain, |call, emit| time_left(call, &TIMESPEC, emit));
static RECV: Syscall = call("recv", NETWORK, &[SOCKET, DATA_OUT, param("size", SIZE), FLAGS], RET_LONG);

const WORDS: &[Param] =
    &[param("arg1", HEX), param("arg2", HEX), param("arg3", HEX), param("arg4", HEX), param("arg5", HEX)];

pub static SYSCALLS: &[Syscall] = &[
    Syscall { cases: Some(&PROTOCOLS), ..call("socket", NETWORK, &[DOMAIN, TYPE, OTHER], RET_FD) },
    call("socketpair", NETWORK, &[DOMAIN, TYPE, OTHER, PAIR], RET_INT),
    call("bind", NETWORK, &[SOCKFD, param("addr", address_in(2)), param("addrlen", INT)], RET_INT),
    call("connect", NETWORK, &[SOCKFD, param("addr", address_in(2)), param("addrlen", INT)], RET_INT),
    call("listen", NETWORK, &[SOCKFD, param("backlog", INT)], RET_INT),
    call("accept", NETWORK, &[SOCKFD, ADDRESS_OUT, ADDRESS_LENGTH], RET_FD),
    call(
        "accept4",
        NETWORK,
        &[SOCKFD, ADDRESS_OUT, ADDRESS_LENGTH, param("flags", flags(&ACCEPT_FLAGS))],
        RET_FD,
    ),
    call("getsockname", NETWORK, &[SOCKFD, ADDRESS_OUT, ADDRESS_LENGTH], RET_INT),
    call("getpeername", NETWORK, &[SOCKFD, ADDRESS_OUT, ADDRESS_LENGTH], RET_INT),
    call(
        "sendto",
        NETWORK,
        &[
            SOCKET,
            DATA_IN,
            param("size", SIZE),
            FLAGS,
            param("dest_addr", address_in(5)),
            param("addrlen", INT),
        ],
        RET_LONG,
    ),
    call(
        "recvfrom",
        NETWORK,
        &[
            SOCKET,
            DATA_OUT,
            param("size", SIZE),
            FLAGS,
            param("src_addr", address_out(5)),
            param("addrlen", Type::Either(|call| call.args[4] != 0, &LENGTH, &ADDRESS)),
        ],
        RET_LONG,
    ),
    call("sendmsg", NETWORK, &[SOCKET, param("msg", input(&MESSAGE_IN)), FLAGS], RET_LONG),
    call(
        "recvmsg",
        NETWORK,
        &[SOCKET, param("msg", Type::Pointer(Access::Filled, &MESSAGE_OUT)), FLAGS],
        RET_LONG,
    ),
    call(
        "sendmmsg",
        NETWORK,
        &[
            SOCKET,
            param("msgvec", Type::List(Access::InOut, &ONE_IN, Length::Arg(2))),
            param("vlen", UINT),
            FLAGS,
        ],
        RET_INT,
    ),
    call("recvmmsg", NETWORK, &const { received(SOCKET, TIMEOUT) }, RECEIVED),
    call(
        "recvmmsg_time64",
        NETWORK,
        &const { received(SOCKET, TIMEOUT64) },
        Returned::Glossed(Width::I32, Meaning::Plain, |call, emit| time_left(call, &TIMESPEC64, emit)),
    ),
    call("socketcall", NETWORK, SOCKETCALL, RET_LONG).with_compat(&BY_NUMBER),
    call("shutdown", NETWORK, &[SOCKFD, param("how", choice(&HOW))], RET_INT),
    Syscall { cases: Some(&SET_CASES), ..call("setsockopt", NETWORK, &SET, RET_INT) },
    Syscall { cases: Some(&GET_CASES), ..call("getsockopt", NETWORK, &GET, RET_INT) },
    call("getpmsg", NETWORK, WORDS, RET_LONG),
    call("putpmsg", NETWORK, WORDS, RET_LONG),
];
