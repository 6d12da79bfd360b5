//! Socket options: by level and name, and their values.

pub(super) mod names;
mod values;

use rstrace_core::describe::{Access, Case, Cases, Length, Param, Type, param};

use self::names::*;
use self::values::{READ, READ_FROM_SOCKET, WRITTEN, WRITTEN_TO_SOCKET};
use crate::syscall::types::*;
use crate::uapi::*;

const LEVEL: Type = choice(&LEVELS);

const fn written(name: Type) -> [Param; 5] {
    written_as(name, &WRITTEN)
}

const fn written_as(name: Type, value: &'static Type) -> [Param; 5] {
    [
        param("sockfd", FD),
        param("level", LEVEL),
        param("optname", name),
        param("optval", Type::Sized(Access::In, value, Length::IntArg(4))),
        param("optlen", INT),
    ]
}

const fn read(name: Type) -> [Param; 5] {
    read_as(name, &READ)
}

const fn read_as(name: Type, value: &'static Type) -> [Param; 5] {
    [
        param("sockfd", FD),
        param("level", LEVEL),
        param("optname", name),
        param("optval", Type::Sized(Access::Out, value, Length::Pointed(4))),
        param("optlen", LENGTH),
    ]
}

/// The arguments of setsockopt at a level without names.
pub(super) static SET: [Param; 5] = written(UINT);
/// Likewise of getsockopt.
pub(super) static GET: [Param; 5] = read(UINT);

/// The arguments by level, in ascending order.
macro_rules! by_level {
    ($of:ident: $($level:ident $options:expr;)*) => {
        &[$({
            static PARAMS: [Param; 5] = $of(choice(&$options));
            Case { value: $level as u32, params: &PARAMS, result: None }
        }),*]
    };
}

/// `SOL_SOCKET` has programs for a value, which point to their instructions.
const fn written_to_socket(name: Type) -> [Param; 5] {
    written_as(name, &WRITTEN_TO_SOCKET)
}

/// Likewise, which are their instructions.
const fn read_from_socket(name: Type) -> [Param; 5] {
    read_as(name, &READ_FROM_SOCKET)
}

/// The cases of all levels: the one of sockets stands second.
const fn with_socket(socket: &'static [Param], others: &[Case]) -> [Case; 30] {
    let mut cases = [Case { value: SOL_SOCKET as u32, params: socket, result: None }; 30];
    let mut i = 0;
    while i < others.len() {
        cases[if i == 0 { 0 } else { i + 1 }] = others[i];
        i += 1;
    }
    cases
}

pub(super) static SET_CASES: Cases = Cases {
    arg: 1,
    cases: &{
        static SOCKET: [Param; 5] = written_to_socket(choice(&SET_SOCKET));
        const OTHERS: &[Case] = by_level!(written:
            SOL_IP SET_IP; SOL_TCP TCP; SOL_UDP UDP; AF_VSOCK VSOCK; SOL_IPV6 SET_IPV6; SOL_CAN_RAW RAW_CAN;
            SOL_SCTP SCTP; SOL_RAW RAW; SOL_IPX IPX; SOL_AX25 AX25; SOL_PACKET PACKET; SOL_IRDA IRDA; SOL_LLC LLC; SOL_DCCP DCCP;
            SOL_NETLINK NETLINK; SOL_TIPC TIPC; SOL_RXRPC RXRPC; SOL_PPPOL2TP PPPOL2TP; SOL_BLUETOOTH BLUETOOTH;
            SOL_PNPIPE PNPIPE; SOL_RDS RDS; SOL_IUCV IUCV; SOL_CAIF CAIF; SOL_ALG ALG; SOL_NFC NFC; SOL_KCM KCM;
            SOL_TLS TLS; SOL_XDP XDP; SOL_MPTCP MPTCP;);
        with_socket(&SOCKET, OTHERS)
    },
};

pub(super) static GET_CASES: Cases = Cases {
    arg: 1,
    cases: &{
        static SOCKET: [Param; 5] = read_from_socket(choice(&GET_SOCKET));
        const OTHERS: &[Case] = by_level!(read:
            SOL_IP GET_IP; SOL_TCP TCP; SOL_UDP UDP; AF_VSOCK VSOCK; SOL_IPV6 GET_IPV6; SOL_CAN_RAW RAW_CAN;
            SOL_SCTP SCTP; SOL_RAW RAW; SOL_IPX IPX; SOL_AX25 AX25; SOL_PACKET PACKET; SOL_IRDA IRDA; SOL_LLC LLC; SOL_DCCP DCCP;
            SOL_NETLINK NETLINK; SOL_TIPC TIPC; SOL_RXRPC RXRPC; SOL_PPPOL2TP PPPOL2TP; SOL_BLUETOOTH BLUETOOTH;
            SOL_PNPIPE PNPIPE; SOL_RDS RDS; SOL_IUCV IUCV; SOL_CAIF CAIF; SOL_ALG ALG; SOL_NFC NFC; SOL_KCM KCM;
            SOL_TLS TLS; SOL_XDP XDP; SOL_MPTCP MPTCP;);
        with_socket(&SOCKET, OTHERS)
    },
};
