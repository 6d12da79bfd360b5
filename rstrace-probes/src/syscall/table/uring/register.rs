//! `io_uring_register`, by its operation.

use rstrace_core::describe::{
    Access, Case, Cases, Custom, Field, Item, Length, Meaning, Object, Param, Shape, Struct, Type, Width,
    field, hidden, param,
};
use rstrace_core::event::{Comment, Value};
use rstrace_core::flags::{Choices, FlagSet, Flags};

use super::super::time::{CLOCKS, TIMESPEC64};
use super::any;
use crate::syscall::types::*;
use crate::uapi;

pub(super) static OPERATIONS: Choices = choices!("IORING_REGISTER_???",
    IORING_REGISTER_BUFFERS IORING_UNREGISTER_BUFFERS IORING_REGISTER_FILES IORING_UNREGISTER_FILES
    IORING_REGISTER_EVENTFD IORING_UNREGISTER_EVENTFD IORING_REGISTER_FILES_UPDATE IORING_REGISTER_EVENTFD_ASYNC
    IORING_REGISTER_PROBE IORING_REGISTER_PERSONALITY IORING_UNREGISTER_PERSONALITY
    IORING_REGISTER_RESTRICTIONS IORING_REGISTER_ENABLE_RINGS IORING_REGISTER_FILES2
    IORING_REGISTER_FILES_UPDATE2 IORING_REGISTER_BUFFERS2 IORING_REGISTER_BUFFERS_UPDATE
    IORING_REGISTER_IOWQ_AFF IORING_UNREGISTER_IOWQ_AFF IORING_REGISTER_IOWQ_MAX_WORKERS
    IORING_REGISTER_RING_FDS IORING_UNREGISTER_RING_FDS IORING_REGISTER_PBUF_RING IORING_UNREGISTER_PBUF_RING
    IORING_REGISTER_SYNC_CANCEL IORING_REGISTER_FILE_ALLOC_RANGE IORING_REGISTER_PBUF_STATUS
    IORING_REGISTER_NAPI IORING_UNREGISTER_NAPI IORING_REGISTER_CLOCK IORING_REGISTER_CLONE_BUFFERS
    IORING_REGISTER_SEND_MSG_RING IORING_REGISTER_ZCRX_IFQ IORING_REGISTER_RESIZE_RINGS
    IORING_REGISTER_MEM_REGION IORING_REGISTER_QUERY IORING_REGISTER_ZCRX_CTRL IORING_REGISTER_BPF_FILTER);

static REQUESTS: Choices = choices!("IORING_OP_???",
    IORING_OP_NOP IORING_OP_READV IORING_OP_WRITEV IORING_OP_FSYNC IORING_OP_READ_FIXED IORING_OP_WRITE_FIXED
    IORING_OP_POLL_ADD IORING_OP_POLL_REMOVE IORING_OP_SYNC_FILE_RANGE IORING_OP_SENDMSG IORING_OP_RECVMSG
    IORING_OP_TIMEOUT IORING_OP_TIMEOUT_REMOVE IORING_OP_ACCEPT IORING_OP_ASYNC_CANCEL IORING_OP_LINK_TIMEOUT
    IORING_OP_CONNECT IORING_OP_FALLOCATE IORING_OP_OPENAT IORING_OP_CLOSE IORING_OP_FILES_UPDATE IORING_OP_STATX
    IORING_OP_READ IORING_OP_WRITE IORING_OP_FADVISE IORING_OP_MADVISE IORING_OP_SEND IORING_OP_RECV
    IORING_OP_OPENAT2 IORING_OP_EPOLL_CTL IORING_OP_SPLICE IORING_OP_PROVIDE_BUFFERS IORING_OP_REMOVE_BUFFERS
    IORING_OP_TEE IORING_OP_SHUTDOWN IORING_OP_RENAMEAT IORING_OP_UNLINKAT IORING_OP_MKDIRAT IORING_OP_SYMLINKAT
    IORING_OP_LINKAT IORING_OP_MSG_RING IORING_OP_FSETXATTR IORING_OP_SETXATTR IORING_OP_FGETXATTR
    IORING_OP_GETXATTR IORING_OP_SOCKET IORING_OP_URING_CMD IORING_OP_SEND_ZC IORING_OP_SENDMSG_ZC
    IORING_OP_READ_MULTISHOT IORING_OP_WAITID IORING_OP_FUTEX_WAIT IORING_OP_FUTEX_WAKE IORING_OP_FUTEX_WAITV
    IORING_OP_FIXED_FD_INSTALL IORING_OP_FTRUNCATE IORING_OP_BIND IORING_OP_LISTEN IORING_OP_RECV_ZC
    IORING_OP_EPOLL_WAIT IORING_OP_READV_FIXED IORING_OP_WRITEV_FIXED IORING_OP_PIPE IORING_OP_NOP128
    IORING_OP_URING_CMD128);

static SUPPORTED: FlagSet = set!("IO_URING_OP_???", IO_URING_OP_SUPPORTED);

static RESTRICTIONS: Choices = choices!("IORING_RESTRICTION_???",
    IORING_RESTRICTION_REGISTER_OP IORING_RESTRICTION_SQE_OP IORING_RESTRICTION_SQE_FLAGS_ALLOWED
    IORING_RESTRICTION_SQE_FLAGS_REQUIRED);

static ENTRY_FLAGS: FlagSet = set!("IOSQE_???",
    IOSQE_FIXED_FILE IOSQE_IO_DRAIN IOSQE_IO_LINK IOSQE_IO_HARDLINK IOSQE_ASYNC IOSQE_BUFFER_SELECT
    IOSQE_CQE_SKIP_SUCCESS);

static RESOURCE_FLAGS: FlagSet = set!("IORING_RSRC_???", IORING_RSRC_REGISTER_SPARSE);

static BUFFER_FLAGS: FlagSet = set!("IOU_PBUF_RING_???", IOU_PBUF_RING_MMAP IOU_PBUF_RING_INC);

static CANCEL: FlagSet = set!("IORING_ASYNC_CANCEL_???",
    IORING_ASYNC_CANCEL_ALL IORING_ASYNC_CANCEL_FD IORING_ASYNC_CANCEL_ANY IORING_ASYNC_CANCEL_FD_FIXED
    IORING_ASYNC_CANCEL_USERDATA IORING_ASYNC_CANCEL_OP);

static CLONE: FlagSet =
    set!("IORING_REGISTER_???", IORING_REGISTER_SRC_REGISTERED IORING_REGISTER_DST_REPLACE);

static REGION: FlagSet = set!("IORING_MEM_REGION_REG_???", IORING_MEM_REGION_REG_WAIT_ARG);

/// `struct iovec` of which the address is shown.
pub(super) static IOVEC: Type =
    Type::Struct(&Struct::of(&[field("iov_base", ADDRESS), field("iov_len", SIZE)]));

/// As many as the fourth argument says.
const fn list(element: &'static Type) -> Type {
    Type::List(Access::In, element, Length::Arg(3))
}

/// As many bytes as the fourth argument says.
const fn sized(ty: &'static Type) -> Type {
    Type::Sized(Access::In, ty, Length::Arg(3))
}

/// A descriptor, or the sign that there is to be no change.
fn write_kept(out: &mut Notation<'_>, fd: u64) {
    match fd {
        uapi::IORING_REGISTER_FILES_SKIP => out.extend_from_slice(b"IORING_REGISTER_FILES_SKIP"),
        fd => out.extend_from_slice((fd as i64).to_string().as_bytes()),
    }
}

static KEPT_OR_FD: Type = Type::Number(Width::I32, Meaning::Written(write_kept));

/// `struct io_uring_files_update`.
static FILES_UPDATE: Type = Type::Struct(&Struct::of(&[
    field("offset", U32),
    field("resv", HEX32).only_if(|update| any(update, 4, 4)),
    field("fds", list(&KEPT_OR_FD)),
]));

/// What fills up an address of 32 bits to one of 64.
const UPPER_HALF: Field = hidden(Type::Padding(4));

/// `struct io_uring_rsrc_register` with resources of a type.
macro_rules! resources {
    ($ty:expr) => {{
        const LIST: Type = Type::List(Access::In, $ty, Length::Member(0));
        const NR: Field = field("nr", U32);
        const FLAGS: Field = field("flags", flags(&RESOURCE_FLAGS));
        const RESV: Field = field("resv2", HEX64).only_if(|resources| any(resources, 8, 8));
        const DATA: Field = field("data", LIST);
        const TAGS: Field = field("tags", Type::List(Access::In, &HEX64, Length::Member(0)));
        static COMPAT: Struct =
            Struct::of(&[NR, FLAGS, RESV, DATA, UPPER_HALF, TAGS, UPPER_HALF]).growing_from(32);
        Type::Struct(&Struct::of(&[NR, FLAGS, RESV, DATA, TAGS]).with_compat(&COMPAT).growing_from(32))
    }};
}

static FILES2: Type = resources!(&INT);
static BUFFERS2: Type = resources!(&IOVEC);

/// `struct io_uring_rsrc_update2` with resources of a type.
macro_rules! update {
    ($ty:expr) => {{
        const OFFSET: Field = field("offset", U32);
        const RESV: Field = field("resv", HEX32).only_if(|update| any(update, 4, 4));
        const NR: Field = field("nr", U32);
        const RESV2: Field = field("resv2", HEX32).only_if(|update| any(update, 28, 4));
        static COMPAT: Struct = Struct::of(&[
            OFFSET,
            RESV,
            field("data", Type::List(Access::In, $ty, Length::Member(6))),
            UPPER_HALF,
            field("tags", Type::List(Access::In, &HEX64, Length::Member(6))),
            UPPER_HALF,
            NR,
            RESV2,
        ])
        .growing_from(32);
        Type::Struct(
            &Struct::of(&[
                OFFSET,
                RESV,
                field("data", Type::List(Access::In, $ty, Length::Member(4))),
                field("tags", Type::List(Access::In, &HEX64, Length::Member(4))),
                NR,
                RESV2,
            ])
            .with_compat(&COMPAT)
            .growing_from(32),
        )
    }};
}

static FILES_UPDATE2: Type = update!(&INT);
static BUFFERS_UPDATE: Type = update!(&IOVEC);

/// `struct io_uring_rsrc_update` of a descriptor of a ring.
static RING: Type = Type::Struct(&Struct::of(&[
    field("offset", INT),
    field("resv", HEX32).only_if(|update| any(update, 4, 4)),
    field("data", INT),
    field("", Type::Padding(4)),
]));

/// Likewise, when it is given back.
static RING_BACK: Type = Type::Struct(&Struct::of(&[
    field("offset", U32),
    field("resv", HEX32).only_if(|update| any(update, 4, 4)),
    field("data", HEX64).only_if(|update| any(update, 8, 8)),
]));

/// A request, by its name or in decimal.
fn write_request(out: &mut Notation<'_>, request: u64) {
    match REQUESTS.name(request) {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => out.extend_from_slice(format!("{request} /* {} */", REQUESTS.unknown).as_bytes()),
    }
}

const REQUEST: Type = Type::Number(Width::U8, Meaning::Written(write_request));

/// `struct io_uring_probe_op`.
static PROBED: Type = Type::Struct(&Struct::of(&[
    field("op", REQUEST),
    field("resv", HEX8).only_if(|op| any(op, 1, 1)),
    field("flags", flags16(&SUPPORTED)),
    field("resv2", HEX32).only_if(|op| any(op, 4, 4)),
]));

static ALL_PROBED: Type = list(&PROBED);

/// Requests fit into a byte.
const MOST_PROBED: u32 = 256;
const PROBE_HEAD: usize = 16;
const PROBE_LENGTH: Length = Length::Fixed(PROBE_HEAD as u32 + MOST_PROBED * 8);

/// The members of `struct io_uring_probe` before its list.
static PROBE_MEMBERS: Type = Type::Struct(&Struct::of(&[
    field("last_op", REQUEST),
    field("ops_len", U8),
    field("resv", HEX16).only_if(|probe| any(probe, 2, 2)),
    field("resv2", Type::Elements(&HEX32, 3)).only_if(|probe| any(probe, 4, 12)),
]));

/// `struct io_uring_probe`.
static PROBE: Type = Type::Custom(&Custom {
    size: 0,
    compat_size: 0,
    shape: Shape::Struct,
    parts: |probe, verbose, emit| {
        if let Some((head, rest)) = probe.bytes.split_at_checked(PROBE_HEAD) {
            let members = Object { ty: &PROBE_MEMBERS, bytes: head, count: PROBE_HEAD as u64, ..*probe };
            members.parts(verbose, emit);
            let address = probe.address.wrapping_add(PROBE_HEAD as u64);
            let count = u64::from(probe.call.args[3] as u32);
            let list = Object { ty: &ALL_PROBED, bytes: rest, address, count, ..*probe };
            emit(Item::member("ops", Value::Object(list)));
        }
    },
    nested: &[],
});

/// `struct io_uring_restriction`.
static RESTRICTION: Type = Type::Custom(&Custom {
    size: 16,
    compat_size: 16,
    shape: Shape::Struct,
    parts: |restriction, _, emit| {
        let kind = restriction.number(0, Width::U16);
        let what = restriction.number(2, Width::U8);
        let choice = Value::Choice(kind, &RESTRICTIONS);
        if RESTRICTIONS.name(kind).is_some() {
            emit(Item::member("opcode", choice));
        } else {
            let write = |out: &mut Notation<'_>, op| {
                out.push_text("op: ");
                named::hex(out, op);
            };
            emit(Item::member("opcode", Value::Commented(&choice, Comment::Written(what, write))));
        }
        match kind {
            uapi::IORING_RESTRICTION_REGISTER_OP => {
                emit(Item::member("register_op", Value::Choice(what, &OPERATIONS)));
            }
            uapi::IORING_RESTRICTION_SQE_OP => emit(Item::member("sqe_op", Value::Choice(what, &REQUESTS))),
            uapi::IORING_RESTRICTION_SQE_FLAGS_ALLOWED | uapi::IORING_RESTRICTION_SQE_FLAGS_REQUIRED => {
                emit(Item::member("sqe_flags", Value::Flags(Flags { bits: what, set: &ENTRY_FLAGS })));
            }
            _ => {}
        }
        if any(restriction, 3, 1) {
            emit(Item::member("resv", Value::Hex(restriction.number(3, Width::U8))));
        }
        if any(restriction, 4, 12) {
            emit(Item::member("resv2", restriction.value_at(4, &RESERVED)));
        }
    },
    nested: &[],
});

static RESERVED: Type = Type::Elements(&HEX32, 3);

/// The greatest numbers of workers, by their kind.
static WORKERS: Type = Type::Custom(&Custom {
    size: 8,
    compat_size: 8,
    shape: Shape::Bare,
    parts: |workers, _, emit| {
        static BY_KIND: Type = Type::Custom(&Custom {
            size: 8,
            compat_size: 8,
            shape: Shape::List,
            parts: |workers, _, emit| {
                for (name, offset) in [("[IO_WQ_BOUND]", 0), ("[IO_WQ_UNBOUND]", 4)] {
                    emit(Item::member(name, Value::Unsigned(workers.number(offset, Width::U32))));
                }
            },
            nested: &[],
        });
        let before = Value::Object(Object { ty: &BY_KIND, ..*workers });
        let changed = workers.changed().filter(|after| after.bytes != workers.bytes);
        match changed.map(|after| Value::Object(Object { ty: &BY_KIND, ..after })) {
            Some(after) => emit(Item::element(Value::Change(&before, &after))),
            None => emit(Item::element(before)),
        }
    },
    nested: &[],
});

/// `struct io_uring_buf_reg`.
static BUFFERS: Type = Type::Struct(&Struct::of(&[
    field("ring_addr", Type::Number(Width::U64, Meaning::Address)),
    field("ring_entries", U32),
    field("bgid", U16),
    field("flags", flags16(&BUFFER_FLAGS)),
    field("min_left", U32),
    field("resv", Type::Elements(&HEX32, 5)).only_if(|buffers| any(buffers, 20, 20)),
]));

/// `struct io_uring_sync_cancel_reg`.
static SYNC_CANCEL: Type = Type::Struct(&Struct::of(&[
    field("addr", HEX64),
    field("fd", FD),
    field("flags", flags(&CANCEL)),
    field("timeout", TIMESPEC64),
    field("opcode", REQUEST),
    field("pad", Type::Elements(&HEX8, 7)).only_if(|cancel| any(cancel, 33, 7)),
    field("pad2", Type::Elements(&HEX64, 3)).only_if(|cancel| any(cancel, 40, 24)),
]));

/// `struct io_uring_file_index_range`.
static INDEX_RANGE: Type = Type::Struct(&Struct::of(&[
    field("off", U32),
    field("len", U32),
    field("resv", HEX64).only_if(|range| any(range, 8, 8)),
]));

/// `struct io_uring_buf_status`.
static BUFFER_STATUS: Type = Type::Struct(&Struct::of(&[
    field("buf_group", U32),
    field("head", U32),
    field("resv", Type::Elements(&HEX32, 8)).only_if(|status| any(status, 8, 32)),
]));

/// `struct io_uring_napi`.
static NAPI: Type = Type::Struct(&Struct::of(&[
    field("busy_poll_to", U32),
    field("prefer_busy_poll", U8),
    field("opcode", U8),
    field("pad", Type::Elements(&HEX8, 2)).only_if(|napi| any(napi, 6, 2)),
    field("op_param", HEX32),
    field("resv", HEX32).only_if(|napi| any(napi, 12, 4)),
]));

/// `struct io_uring_clock_register`.
static CLOCK: Type = Type::Struct(&Struct::of(&[
    field("clockid", choice(&CLOCKS)),
    field("__resv", Type::Elements(&HEX32, 3)).only_if(|clock| any(clock, 4, 12)),
]));

/// `struct io_uring_clone_buffers`.
static CLONE_BUFFERS: Type = Type::Struct(&Struct::of(&[
    field("src_fd", FD),
    field("flags", flags(&CLONE)),
    field("src_off", U32),
    field("dst_off", U32),
    field("nr", U32),
    field("pad", Type::Elements(&HEX32, 3)).only_if(|clone| any(clone, 20, 12)),
]));

/// `struct io_uring_mem_region_reg`.
static MEM_REGION: Type = Type::Struct(&Struct::of(&[
    field("region_uptr", Type::Number(Width::U64, Meaning::Address)),
    field("flags", flags64(&REGION)),
    field("__resv", Type::Elements(&HEX64, 2)).only_if(|region| any(region, 16, 16)),
]));

/// `struct io_uring_query_hdr`.
static QUERY: Type = Type::Struct(&Struct::of(&[
    field("next_entry", Type::Number(Width::U64, Meaning::Address)),
    field("query_data", Type::Number(Width::U64, Meaning::Address)),
    field("query_op", U32),
    field("size", U32),
    field("result", INT),
    field("__resv", Type::Elements(&HEX32, 3)).only_if(|query| any(query, 28, 12)),
]));

/// The first members of `struct io_uring_zcrx_ifq_reg`.
static ZERO_COPY: Type = Type::Struct(&Struct::of(&[
    field("if_idx", U32),
    field("if_rxq", U32),
    field("rq_entries", U32),
    field("flags", HEX32),
    field("area_ptr", Type::Number(Width::U64, Meaning::Address)),
    field("region_ptr", Type::Number(Width::U64, Meaning::Address)),
]));

const FIRST: Param = param("fd", FD);
const OPERATION: Param = param("opcode", choice(&OPERATIONS));
const LAST: Param = param("nr_args", UINT);

/// An operation and its third argument.
macro_rules! case {
    ($name:ident, $arg:expr) => {
        Case {
            value: uapi::$name as u32,
            params: &[FIRST, OPERATION, param("arg", $arg), LAST],
            result: None,
        }
    };
}

/// The operations whose argument is more than an address.
pub(super) static BY_OPERATION: Cases = Cases {
    arg: 1,
    cases: &[
        case!(IORING_REGISTER_BUFFERS, list(&IOVEC)),
        case!(IORING_REGISTER_FILES, list(&FD)),
        case!(IORING_REGISTER_EVENTFD, list(&FD)),
        case!(IORING_REGISTER_FILES_UPDATE, input(&FILES_UPDATE)),
        case!(IORING_REGISTER_EVENTFD_ASYNC, list(&FD)),
        case!(IORING_REGISTER_PROBE, Type::Sized(Access::OutAlways, &PROBE, PROBE_LENGTH)),
        case!(IORING_REGISTER_RESTRICTIONS, list(&RESTRICTION)),
        case!(IORING_REGISTER_FILES2, sized(&FILES2)),
        case!(IORING_REGISTER_FILES_UPDATE2, sized(&FILES_UPDATE2)),
        case!(IORING_REGISTER_BUFFERS2, sized(&BUFFERS2)),
        case!(IORING_REGISTER_BUFFERS_UPDATE, sized(&BUFFERS_UPDATE)),
        case!(IORING_REGISTER_IOWQ_AFF, sized(&Type::Bits)),
        case!(IORING_REGISTER_IOWQ_MAX_WORKERS, changed(&WORKERS)),
        case!(IORING_REGISTER_RING_FDS, list(&RING)),
        case!(IORING_UNREGISTER_RING_FDS, list(&RING_BACK)),
        case!(IORING_REGISTER_PBUF_RING, input(&BUFFERS)),
        case!(IORING_UNREGISTER_PBUF_RING, input(&BUFFERS)),
        case!(IORING_REGISTER_SYNC_CANCEL, input(&SYNC_CANCEL)),
        case!(IORING_REGISTER_FILE_ALLOC_RANGE, input(&INDEX_RANGE)),
        case!(IORING_REGISTER_PBUF_STATUS, changed(&BUFFER_STATUS)),
        case!(IORING_REGISTER_NAPI, changed(&NAPI)),
        case!(IORING_UNREGISTER_NAPI, output(&NAPI)),
        case!(IORING_REGISTER_CLOCK, input(&CLOCK)),
        case!(IORING_REGISTER_CLONE_BUFFERS, input(&CLONE_BUFFERS)),
        case!(IORING_REGISTER_ZCRX_IFQ, input(&ZERO_COPY)),
        case!(IORING_REGISTER_RESIZE_RINGS, Type::Pointer(Access::OutAlways, &super::PARAMS)),
        case!(IORING_REGISTER_MEM_REGION, input(&MEM_REGION)),
        case!(IORING_REGISTER_QUERY, changed(&QUERY)),
    ],
};
