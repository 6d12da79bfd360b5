//! Messages about sockets: what a program asks for, what the kernel says of each.

use rstrace_core::describe::{Item, Meaning, Object, Shape, Struct, Type, Width, field, size_of_type};
use rstrace_core::event::{Comment, Value};
use rstrace_core::flags::{Choices, FlagSet};

use super::super::names::{FAMILIES, IP_PROTOCOLS, SOCKET_TYPES};
use super::super::notation::*;
use super::attributes::{NAME, attributes};
use super::{bytes, custom, part};
use crate::syscall::types::*;
use crate::uapi::*;

pub(super) static TYPES: Choices =
    choices!("SOCK_DIAG_???", TCPDIAG_GETSOCK DCCPDIAG_GETSOCK SOCK_DIAG_BY_FAMILY SOCK_DESTROY);

/// What follows the header: a question has the flag of requests.
pub(super) fn payload(kind: u64, flags: u64, object: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    let family = object.number(0, Width::U8);
    let is_question = flags & NLM_F_REQUEST != 0;
    let (structure, attributes): (&Type, Option<&'static Type>) = match (kind, family, is_question) {
        (SOCK_DIAG_BY_FAMILY | SOCK_DESTROY, AF_UNIX, true) => (&UNIX_QUESTION, None),
        (SOCK_DIAG_BY_FAMILY, AF_UNIX, false) => (&UNIX_ANSWER, Some(&UNIX_ATTRIBUTES)),
        (SOCK_DIAG_BY_FAMILY | SOCK_DESTROY, AF_INET, true) => (&INET_QUESTION, Some(&QUESTION_ATTRIBUTES)),
        (SOCK_DIAG_BY_FAMILY | SOCK_DESTROY, AF_INET6, true) => (&INET6_QUESTION, Some(&QUESTION_ATTRIBUTES)),
        (_, AF_INET, false) => (&INET_ANSWER, Some(&INET_ATTRIBUTES)),
        (_, AF_INET6, false) => (&INET6_ANSWER, Some(&INET_ATTRIBUTES)),
        (SOCK_DIAG_BY_FAMILY | SOCK_DESTROY, _, _) if !object.bytes.is_empty() => {
            return emit(Item::element(Value::Object(Object { ty: &UNKNOWN, ..*object })));
        }
        _ => return bytes(object, emit),
    };
    let size = size_of_type(structure, object.call.abi);
    if object.bytes.len() < size {
        return emit(Item::element(Value::Object(Object { ty: &UNKNOWN, ..*object })));
    }
    emit(Item::element(object.value_at(0, structure)));
    if let Some(attributes) = attributes {
        let rest = part(object, attributes, size.next_multiple_of(4), object.bytes.len());
        if rest.bytes.len() >= 4 {
            emit(Item::element(Value::Object(rest)));
        }
    }
}

/// Of a family without a description.
static UNKNOWN: Type = Type::Custom(&custom(Shape::Struct, |object, _, emit| {
    emit(Item::member("sdiag_family", Value::Choice(object.number(0, Width::U8), &FAMILIES)));
    let data = part(object, object.ty, 1, object.bytes.len());
    if !data.bytes.is_empty() {
        bytes(&data, &mut |item| emit(Item::member("data", item.value)));
    }
}));

const fn choice8(set: &'static Choices) -> Type {
    Type::Number(Width::U8, Meaning::Choice(set))
}

const FAMILY: Type = choice8(&FAMILIES);

/// `include/net/tcp_states.h`
static STATES: Choices = Choices {
    names: &[
        (1, "TCP_ESTABLISHED"),
        (2, "TCP_SYN_SENT"),
        (3, "TCP_SYN_RECV"),
        (4, "TCP_FIN_WAIT1"),
        (5, "TCP_FIN_WAIT2"),
        (6, "TCP_TIME_WAIT"),
        (7, "TCP_CLOSE"),
        (8, "TCP_CLOSE_WAIT"),
        (9, "TCP_LAST_ACK"),
        (10, "TCP_LISTEN"),
        (11, "TCP_CLOSING"),
        (12, "TCP_NEW_SYN_RECV"),
    ],
    unknown: "TCP_???",
};

static STATE_BITS: FlagSet = FlagSet {
    choice: None,
    names: &[
        (1 << 1, "1<<TCP_ESTABLISHED"),
        (1 << 2, "1<<TCP_SYN_SENT"),
        (1 << 3, "1<<TCP_SYN_RECV"),
        (1 << 4, "1<<TCP_FIN_WAIT1"),
        (1 << 5, "1<<TCP_FIN_WAIT2"),
        (1 << 6, "1<<TCP_TIME_WAIT"),
        (1 << 7, "1<<TCP_CLOSE"),
        (1 << 8, "1<<TCP_CLOSE_WAIT"),
        (1 << 9, "1<<TCP_LAST_ACK"),
        (1 << 10, "1<<TCP_LISTEN"),
        (1 << 11, "1<<TCP_CLOSING"),
        (1 << 12, "1<<TCP_NEW_SYN_RECV"),
    ],
    unknown: "1<<TCP_???",
};

static SHOW: FlagSet = set!("UDIAG_SHOW_???",
    UDIAG_SHOW_NAME UDIAG_SHOW_VFS UDIAG_SHOW_PEER UDIAG_SHOW_ICONS UDIAG_SHOW_RQLEN UDIAG_SHOW_MEMINFO
    UDIAG_SHOW_UID);

const COOKIE: Type = Type::Elements(&UINT, 2);

/// `struct unix_diag_req`
static UNIX_QUESTION: Type = Type::Struct(&Struct::of(&[
    field("sdiag_family", FAMILY),
    field("sdiag_protocol", U8),
    field("", Type::Padding(2)),
    field("udiag_states", flags(&STATE_BITS)),
    field("udiag_ino", UINT),
    field("udiag_show", flags(&SHOW)),
    field("udiag_cookie", COOKIE),
]));

/// `struct unix_diag_msg`
static UNIX_ANSWER: Type = Type::Struct(&Struct::of(&[
    field("udiag_family", FAMILY),
    field("udiag_type", choice8(&SOCKET_TYPES)),
    field("udiag_state", choice8(&STATES)),
    field("", Type::Padding(1)),
    field("udiag_ino", UINT),
    field("udiag_cookie", COOKIE),
]));

static EXTENSIONS: FlagSet = FlagSet {
    choice: None,
    names: &[
        (1 << 0, "1<<(INET_DIAG_MEMINFO-1)"),
        (1 << 1, "1<<(INET_DIAG_INFO-1)"),
        (1 << 2, "1<<(INET_DIAG_VEGASINFO-1)"),
        (1 << 3, "1<<(INET_DIAG_CONG-1)"),
        (1 << 4, "1<<(INET_DIAG_TOS-1)"),
        (1 << 5, "1<<(INET_DIAG_TCLASS-1)"),
        (1 << 6, "1<<(INET_DIAG_SKMEMINFO-1)"),
        (1 << 7, "1<<(INET_DIAG_SHUTDOWN-1)"),
    ],
    unknown: "1<<INET_DIAG_???",
};

/// `struct inet_diag_sockid`
static INET_ID: Struct = Struct::of(&[
    field("idiag_sport", PORT),
    field("idiag_dport", PORT),
    field("idiag_src", IPV4),
    field("", Type::Padding(12)),
    field("idiag_dst", IPV4),
    field("", Type::Padding(12)),
    field("idiag_if", INTERFACE),
    field("idiag_cookie", COOKIE),
]);
static INET6_ID: Struct = Struct::of(&[
    field("idiag_sport", PORT),
    field("idiag_dport", PORT),
    field("", Type::Written(16, write_idiag_src)),
    field("", Type::Written(16, write_idiag_dst)),
    field("idiag_if", INTERFACE),
    field("idiag_cookie", COOKIE),
]);

/// `struct inet_diag_req_v2`
macro_rules! question {
    ($id:ident) => {
        Type::Struct(&Struct::of(&[
            field("sdiag_family", FAMILY),
            field("sdiag_protocol", choice8(&IP_PROTOCOLS)),
            field("idiag_ext", flags8(&EXTENSIONS)),
            field("", Type::Padding(1)),
            field("idiag_states", flags(&STATE_BITS)),
            field("id", Type::Struct(&$id)),
        ]))
    };
}
static INET_QUESTION: Type = question!(INET_ID);
static INET6_QUESTION: Type = question!(INET6_ID);

attributes!(QUESTION_ATTRIBUTES "INET_DIAG_REQ_???" {
    INET_DIAG_REQ_NONE,
    INET_DIAG_REQ_BYTECODE,
    INET_DIAG_REQ_SK_BPF_STORAGES,
    INET_DIAG_REQ_PROTOCOL,
});

/// `struct inet_diag_msg`
macro_rules! answer {
    ($id:ident) => {
        Type::Struct(&Struct::of(&[
            field("idiag_family", FAMILY),
            field("idiag_state", choice8(&STATES)),
            field("idiag_timer", U8),
            field("idiag_retrans", U8),
            field("id", Type::Struct(&$id)),
            field("idiag_expires", UINT),
            field("idiag_rqueue", UINT),
            field("idiag_wqueue", UINT),
            field("idiag_uid", UINT),
            field("idiag_inode", UINT),
        ]))
    };
}
static INET_ANSWER: Type = answer!(INET_ID);
static INET6_ANSWER: Type = answer!(INET6_ID);

static UINT8: Type = U8;
static UINT32: Type = UINT;
static UINT64: Type = U64;

/// The memory of a socket, a number for each use.
static MEMORY: Type = Type::Custom(&custom(Shape::List, |object, _, emit| {
    static NAMES: &[&str] = &[
        "[SK_MEMINFO_RMEM_ALLOC]",
        "[SK_MEMINFO_RCVBUF]",
        "[SK_MEMINFO_WMEM_ALLOC]",
        "[SK_MEMINFO_SNDBUF]",
        "[SK_MEMINFO_FWD_ALLOC]",
        "[SK_MEMINFO_WMEM_QUEUED]",
        "[SK_MEMINFO_OPTMEM]",
        "[SK_MEMINFO_BACKLOG]",
        "[SK_MEMINFO_DROPS]",
    ];
    for (place, (name, _)) in NAMES.iter().zip(object.bytes.chunks_exact(4)).enumerate() {
        emit(Item::member(name, Value::Unsigned(object.number(place * 4, Width::U32))));
    }
}));

static QUEUES: Type = Type::Struct(&Struct::of(&[field("udiag_rqueue", UINT), field("udiag_wqueue", UINT)]));
static FILE: Type = Type::Struct(&Struct::of(&[field("udiag_vfs_ino", UINT), field("udiag_vfs_dev", UINT)]));

/// The name of a socket: `@` stands for the NUL before one that is no path.
static SOCKET_NAME: Type = Type::Custom(&custom(Shape::Bare, |object, _, emit| {
    emit(Item::element(match object.bytes {
        [0, name @ ..] => Value::AbstractName(name),
        bytes => Value::Text { bytes, more: false, whole: false },
    }));
}));

static NUMBERS: Type = Type::Custom(&custom(Shape::List, |object, _, emit| {
    for place in 0..object.bytes.len() / 4 {
        emit(Item::element(Value::Unsigned(object.number(place * 4, Width::U32))));
    }
}));

attributes!(UNIX_ATTRIBUTES "UNIX_DIAG_???" {
    UNIX_DIAG_NAME: SOCKET_NAME,
    UNIX_DIAG_VFS: FILE,
    UNIX_DIAG_PEER: UINT32,
    UNIX_DIAG_ICONS: NUMBERS,
    UNIX_DIAG_RQLEN: QUEUES,
    UNIX_DIAG_MEMINFO: MEMORY,
    UNIX_DIAG_SHUTDOWN: UINT8,
    UNIX_DIAG_UID: UINT32,
});

static INET_MEMORY: Type = Type::Struct(&Struct::of(&[
    field("idiag_rmem", UINT),
    field("idiag_wmem", UINT),
    field("idiag_fmem", UINT),
    field("idiag_tmem", UINT),
]));

/// `struct inet_diag_sockopt`: a bit each, of which in brief those that are set are shown.
static SOCKET_OPTIONS: Type = Type::Custom(&custom(Shape::Struct, |object, verbose, emit| {
    static NAMES: &[&str] = &[
        "recverr",
        "is_icsk",
        "freebind",
        "hdrincl",
        "mc_loop",
        "transparent",
        "mc_all",
        "nodefrag",
        "bind_address_no_port",
        "recverr_rfc4884",
        "defer_connect",
    ];
    let bits = object.number(0, Width::U16);
    for (bit, name) in NAMES.iter().enumerate().filter(|(bit, _)| verbose || bits >> bit & 1 != 0) {
        emit(Item::member(name, Value::Unsigned(bits >> bit & 1)));
    }
    let unused = bits >> NAMES.len();
    if verbose || unused != 0 {
        // they are counted from the byte that they begin in
        let comment = Comment::Written(0, |out, _| out.extend_from_slice(b"bits 3..8"));
        emit(Item::member("unused", Value::Commented(&Value::Hex(unused), comment)));
    }
}));

attributes!(INET_ATTRIBUTES "INET_DIAG_???" {
    INET_DIAG_NONE,
    INET_DIAG_MEMINFO: INET_MEMORY,
    INET_DIAG_INFO,
    INET_DIAG_VEGASINFO,
    INET_DIAG_CONG: NAME,
    INET_DIAG_TOS: UINT8,
    INET_DIAG_TCLASS: UINT8,
    INET_DIAG_SKMEMINFO: MEMORY,
    INET_DIAG_SHUTDOWN: UINT8,
    INET_DIAG_DCTCPINFO,
    INET_DIAG_PROTOCOL,
    INET_DIAG_SKV6ONLY: UINT8,
    INET_DIAG_LOCALS,
    INET_DIAG_PEERS,
    INET_DIAG_PAD,
    INET_DIAG_MARK: UINT32,
    INET_DIAG_BBRINFO,
    INET_DIAG_CLASS_ID: UINT32,
    INET_DIAG_MD5SIG,
    INET_DIAG_ULP_INFO,
    INET_DIAG_SK_BPF_STORAGES,
    INET_DIAG_CGROUP_ID: UINT64,
    INET_DIAG_SOCKOPT: SOCKET_OPTIONS,
});
