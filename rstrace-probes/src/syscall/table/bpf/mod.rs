//! bpf, by command.
//!
//! `union bpf_attr` grows with each kernel. A program says how much of it it knows: members beyond that are not
//! shown, and what is behind the members that are known here is `...`.

mod info;
mod instructions;

use std::io::Write;

use rstrace_core::describe::{
    Access, Case, Cases, Custom, Field, Item, Length, Meaning, Nested, Object, Param, Parts, Shape, Struct,
    Syscall, Type, Width, field, hidden, param,
};
use rstrace_core::event::{Comment, Value};
use rstrace_core::flags::{Choices, FlagSet};
use rstrace_core::memory::At;
use rstrace_core::probe::Payload;

use super::net::INTERFACE;
use crate::syscall::classes::DESC;
use crate::syscall::types::*;
use crate::uapi;
use info::INFO as INFO_BEHIND;
use instructions::INSTRUCTION;

static COMMANDS: Choices = choices!("BPF_???", BPF_MAP_CREATE BPF_MAP_LOOKUP_ELEM BPF_MAP_UPDATE_ELEM
    BPF_MAP_DELETE_ELEM BPF_MAP_GET_NEXT_KEY BPF_PROG_LOAD BPF_OBJ_PIN BPF_OBJ_GET BPF_PROG_ATTACH BPF_PROG_DETACH
    BPF_PROG_TEST_RUN BPF_PROG_GET_NEXT_ID BPF_MAP_GET_NEXT_ID BPF_PROG_GET_FD_BY_ID BPF_MAP_GET_FD_BY_ID
    BPF_OBJ_GET_INFO_BY_FD BPF_PROG_QUERY BPF_RAW_TRACEPOINT_OPEN BPF_BTF_LOAD BPF_BTF_GET_FD_BY_ID BPF_TASK_FD_QUERY
    BPF_MAP_LOOKUP_AND_DELETE_ELEM BPF_MAP_FREEZE BPF_BTF_GET_NEXT_ID BPF_MAP_LOOKUP_BATCH
    BPF_MAP_LOOKUP_AND_DELETE_BATCH BPF_MAP_UPDATE_BATCH BPF_MAP_DELETE_BATCH BPF_LINK_CREATE BPF_LINK_UPDATE
    BPF_LINK_GET_FD_BY_ID BPF_LINK_GET_NEXT_ID BPF_ENABLE_STATS BPF_ITER_CREATE BPF_LINK_DETACH BPF_PROG_BIND_MAP
    BPF_TOKEN_CREATE BPF_PROG_STREAM_READ_BY_FD BPF_PROG_ASSOC_STRUCT_OPS);

static MAP_TYPES: Choices = choices!("BPF_MAP_TYPE_???", BPF_MAP_TYPE_UNSPEC BPF_MAP_TYPE_HASH BPF_MAP_TYPE_ARRAY
    BPF_MAP_TYPE_PROG_ARRAY BPF_MAP_TYPE_PERF_EVENT_ARRAY BPF_MAP_TYPE_PERCPU_HASH BPF_MAP_TYPE_PERCPU_ARRAY
    BPF_MAP_TYPE_STACK_TRACE BPF_MAP_TYPE_CGROUP_ARRAY BPF_MAP_TYPE_LRU_HASH BPF_MAP_TYPE_LRU_PERCPU_HASH
    BPF_MAP_TYPE_LPM_TRIE BPF_MAP_TYPE_ARRAY_OF_MAPS BPF_MAP_TYPE_HASH_OF_MAPS BPF_MAP_TYPE_DEVMAP BPF_MAP_TYPE_SOCKMAP
    BPF_MAP_TYPE_CPUMAP BPF_MAP_TYPE_XSKMAP BPF_MAP_TYPE_SOCKHASH BPF_MAP_TYPE_CGROUP_STORAGE
    BPF_MAP_TYPE_REUSEPORT_SOCKARRAY BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE BPF_MAP_TYPE_QUEUE BPF_MAP_TYPE_STACK
    BPF_MAP_TYPE_SK_STORAGE BPF_MAP_TYPE_DEVMAP_HASH BPF_MAP_TYPE_STRUCT_OPS BPF_MAP_TYPE_RINGBUF
    BPF_MAP_TYPE_INODE_STORAGE BPF_MAP_TYPE_TASK_STORAGE BPF_MAP_TYPE_BLOOM_FILTER BPF_MAP_TYPE_USER_RINGBUF
    BPF_MAP_TYPE_CGRP_STORAGE BPF_MAP_TYPE_ARENA BPF_MAP_TYPE_INSN_ARRAY BPF_MAP_TYPE_RHASH);

static MAP_FLAGS: FlagSet = set!("BPF_F_???", BPF_F_NO_PREALLOC BPF_F_NO_COMMON_LRU BPF_F_NUMA_NODE BPF_F_RDONLY
    BPF_F_WRONLY BPF_F_STACK_BUILD_ID BPF_F_ZERO_SEED BPF_F_RDONLY_PROG BPF_F_WRONLY_PROG BPF_F_CLONE BPF_F_MMAPABLE
    BPF_F_PRESERVE_ELEMS BPF_F_INNER_MAP BPF_F_LINK BPF_F_PATH_FD BPF_F_VTYPE_BTF_OBJ_FD BPF_F_TOKEN_FD
    BPF_F_SEGV_ON_FAULT BPF_F_NO_USER_CONV BPF_F_RB_OVERWRITE);

static FILE_FLAGS: FlagSet = set!("BPF_F_???", BPF_F_RDONLY BPF_F_WRONLY BPF_F_PATH_FD);

static UPDATE_FLAGS: Choices = choices!("BPF_???", BPF_ANY BPF_NOEXIST BPF_EXIST BPF_F_LOCK);

static LOOKUP_FLAGS: FlagSet = set!("BPF_???", BPF_ANY BPF_F_LOCK BPF_F_CPU BPF_F_ALL_CPUS);

static PROG_TYPES: Choices = choices!("BPF_PROG_TYPE_???", BPF_PROG_TYPE_UNSPEC BPF_PROG_TYPE_SOCKET_FILTER
    BPF_PROG_TYPE_KPROBE BPF_PROG_TYPE_SCHED_CLS BPF_PROG_TYPE_SCHED_ACT BPF_PROG_TYPE_TRACEPOINT BPF_PROG_TYPE_XDP
    BPF_PROG_TYPE_PERF_EVENT BPF_PROG_TYPE_CGROUP_SKB BPF_PROG_TYPE_CGROUP_SOCK BPF_PROG_TYPE_LWT_IN
    BPF_PROG_TYPE_LWT_OUT BPF_PROG_TYPE_LWT_XMIT BPF_PROG_TYPE_SOCK_OPS BPF_PROG_TYPE_SK_SKB BPF_PROG_TYPE_CGROUP_DEVICE
    BPF_PROG_TYPE_SK_MSG BPF_PROG_TYPE_RAW_TRACEPOINT BPF_PROG_TYPE_CGROUP_SOCK_ADDR BPF_PROG_TYPE_LWT_SEG6LOCAL
    BPF_PROG_TYPE_LIRC_MODE2 BPF_PROG_TYPE_SK_REUSEPORT BPF_PROG_TYPE_FLOW_DISSECTOR BPF_PROG_TYPE_CGROUP_SYSCTL
    BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE BPF_PROG_TYPE_CGROUP_SOCKOPT BPF_PROG_TYPE_TRACING BPF_PROG_TYPE_STRUCT_OPS
    BPF_PROG_TYPE_EXT BPF_PROG_TYPE_LSM BPF_PROG_TYPE_SK_LOOKUP BPF_PROG_TYPE_SYSCALL BPF_PROG_TYPE_NETFILTER);

static PROG_FLAGS: FlagSet = set!("BPF_F_???", BPF_F_STRICT_ALIGNMENT BPF_F_ANY_ALIGNMENT BPF_F_TEST_RND_HI32
    BPF_F_TEST_STATE_FREQ BPF_F_SLEEPABLE BPF_F_XDP_HAS_FRAGS BPF_F_XDP_DEV_BOUND_ONLY BPF_F_TEST_REG_INVARIANTS
    BPF_F_TOKEN_FD);

static ATTACH_TYPES: Choices = choices!("BPF_???", BPF_CGROUP_INET_INGRESS BPF_CGROUP_INET_EGRESS
    BPF_CGROUP_INET_SOCK_CREATE BPF_CGROUP_SOCK_OPS BPF_SK_SKB_STREAM_PARSER BPF_SK_SKB_STREAM_VERDICT
    BPF_CGROUP_DEVICE BPF_SK_MSG_VERDICT BPF_CGROUP_INET4_BIND BPF_CGROUP_INET6_BIND BPF_CGROUP_INET4_CONNECT
    BPF_CGROUP_INET6_CONNECT BPF_CGROUP_INET4_POST_BIND BPF_CGROUP_INET6_POST_BIND BPF_CGROUP_UDP4_SENDMSG
    BPF_CGROUP_UDP6_SENDMSG BPF_LIRC_MODE2 BPF_FLOW_DISSECTOR BPF_CGROUP_SYSCTL BPF_CGROUP_UDP4_RECVMSG
    BPF_CGROUP_UDP6_RECVMSG BPF_CGROUP_GETSOCKOPT BPF_CGROUP_SETSOCKOPT BPF_TRACE_RAW_TP BPF_TRACE_FENTRY
    BPF_TRACE_FEXIT BPF_MODIFY_RETURN BPF_LSM_MAC BPF_TRACE_ITER BPF_CGROUP_INET4_GETPEERNAME
    BPF_CGROUP_INET6_GETPEERNAME BPF_CGROUP_INET4_GETSOCKNAME BPF_CGROUP_INET6_GETSOCKNAME BPF_XDP_DEVMAP
    BPF_CGROUP_INET_SOCK_RELEASE BPF_XDP_CPUMAP BPF_SK_LOOKUP BPF_XDP BPF_SK_SKB_VERDICT BPF_SK_REUSEPORT_SELECT
    BPF_SK_REUSEPORT_SELECT_OR_MIGRATE BPF_PERF_EVENT BPF_TRACE_KPROBE_MULTI BPF_LSM_CGROUP BPF_STRUCT_OPS BPF_NETFILTER
    BPF_TCX_INGRESS BPF_TCX_EGRESS BPF_TRACE_UPROBE_MULTI BPF_CGROUP_UNIX_CONNECT BPF_CGROUP_UNIX_SENDMSG
    BPF_CGROUP_UNIX_RECVMSG BPF_CGROUP_UNIX_GETPEERNAME BPF_CGROUP_UNIX_GETSOCKNAME BPF_NETKIT_PRIMARY BPF_NETKIT_PEER
    BPF_TRACE_KPROBE_SESSION BPF_TRACE_UPROBE_SESSION BPF_TRACE_FSESSION BPF_TRACE_FENTRY_MULTI BPF_TRACE_FEXIT_MULTI
    BPF_TRACE_FSESSION_MULTI);

static ATTACH_FLAGS: FlagSet = set!("BPF_F_???", BPF_F_ALLOW_OVERRIDE BPF_F_ALLOW_MULTI BPF_F_REPLACE BPF_F_BEFORE
    BPF_F_AFTER BPF_F_ID BPF_F_PREORDER BPF_F_LINK);

static QUERY_FLAGS: FlagSet = set!("BPF_F_QUERY_???", BPF_F_QUERY_EFFECTIVE);

static TEST_FLAGS: FlagSet =
    set!("BPF_F_???", BPF_F_TEST_RUN_ON_CPU BPF_F_TEST_XDP_LIVE_FRAMES BPF_F_TEST_SKB_CHECKSUM_COMPLETE);

static FD_TYPES: Choices = choices!("BPF_FD_TYPE_???", BPF_FD_TYPE_RAW_TRACEPOINT BPF_FD_TYPE_TRACEPOINT
    BPF_FD_TYPE_KPROBE BPF_FD_TYPE_KRETPROBE BPF_FD_TYPE_UPROBE BPF_FD_TYPE_URETPROBE);

static STATS: Choices = choices!("BPF_STATS_???", BPF_STATS_RUN_TIME);

static KPROBE_FLAGS: FlagSet = set!("BPF_F_???", BPF_F_KPROBE_MULTI_RETURN);

/// Addresses have 64 bits here, in 32-bit programs too.
const ADDRESS64: Type = Type::Number(Width::U64, Meaning::Address);

/// More bytes than `union bpf_attr` has.
const MOST: usize = 256;

/// Members of `union bpf_attr` that a command knows.
struct Known {
    /// What stands before the `=`, if they are in a structure of their own.
    name: &'static str,
    /// The members.
    ty: &'static Type,
    /// Where members begin that are shown only to programs that know them.
    begins: &'static [usize],
    /// Where the last one ends.
    end: usize,
}

impl Known {
    /// Emits the members, and what is behind them.
    fn parts(&self, object: &Object<'_>, verbose: bool, emit: &mut dyn FnMut(Item<'_>)) {
        let size = usize::try_from(object.count).unwrap_or(usize::MAX);
        let have = object.bytes.len().min(self.end).min(MOST);
        if have == 0 || have < size.min(self.end) {
            return;
        }
        let mut members = [0; MOST];
        members[..have].copy_from_slice(&object.bytes[..have]);
        let end = self.begins.iter().copied().find(|begin| size <= *begin).unwrap_or(self.end).min(MOST);
        let known = Object { ty: self.ty, bytes: &members[..end], ..*object };
        if self.name.is_empty() {
            known.parts(verbose, emit);
        } else {
            emit(Item::member(self.name, Value::Object(known)));
        }
        let more = object.bytes.get(self.end..).unwrap_or(&[]);
        if more.iter().all(|byte| *byte == 0) {
            return;
        }
        if !verbose {
            return emit(Item::element(Value::More(None)));
        }
        let range = (self.end as u64) << 32 | (self.end + more.len() - 1) as u64;
        let bytes = Value::WholeHexBytes { bytes: more, more: false };
        emit(Item::member("extra_data", Value::Commented(&bytes, Comment::Written(range, write_range))));
    }
}

/// `bytes 128..151`
fn write_range(out: &mut Notation<'_>, range: u64) {
    // writing to a vector cannot fail
    let _ = write!(out, "bytes {}..{}", range >> 32, range as u32);
}

/// A command's part of `union bpf_attr`: how it is shown, and what it points to.
macro_rules! attributes {
    ($name:ident = $wrapped:literal $fields:expr; $begins:expr; $end:literal) => {
        attributes! { $name = $wrapped of Struct::of($fields); $begins; $end }
    };
    ($name:ident = $wrapped:literal of $members:expr; $begins:expr; $end:literal) => {
        static $name: Type = {
            static MEMBERS: Struct = $members;
            static FIELDS: Type = Type::Struct(&MEMBERS);
            static KNOWN: Known = Known { name: $wrapped, ty: &FIELDS, begins: $begins, end: $end };
            Type::Custom(&Custom {
                // as much as the kernel looks at
                size: 4096,
                compat_size: 4096,
                shape: Shape::Struct,
                parts: |object, verbose, emit| KNOWN.parts(object, verbose, emit),
                nested: &[nested(0, Type::Struct(&MEMBERS))],
            })
        };
    };
}
use attributes;

const fn nested(offset: u16, ty: Type) -> Nested {
    Nested { offset: [offset; 2], ty }
}

/// The hole that aligns what follows.
const HOLE: Field = hidden(Type::Padding(4));

attributes! { MAP_CREATE = "" &[
    field("map_type", choice(&MAP_TYPES)),
    field("key_size", UINT),
    field("value_size", UINT),
    field("max_entries", UINT),
    field("map_flags", flags(&MAP_FLAGS)),
    field("inner_map_fd", FD),
    field("numa_node", UINT).only_if(|map| map.number(MAP_FLAGS_AT, Width::U32) & uapi::BPF_F_NUMA_NODE != 0),
    field("map_name", Type::Chars(16)),
    field("map_ifindex", INTERFACE),
    field("btf_fd", FD),
    field("btf_key_type_id", UINT),
    field("btf_value_type_id", UINT),
    field("btf_vmlinux_value_type_id", UINT),
    field("map_extra", HEX64),
    field("value_type_btf_obj_fd", FD).only_if(|attr| attr.number(72, Width::U32) != 0),
    field("map_token_fd", FD),
    field("excl_prog_hash", Type::HexBuffer(Access::In, Length::Member(17))),
    field("excl_prog_hash_size", UINT),
]; &[16, 20, 24, 28, 44, 48, 60, 64, 72, 76, 80]; 92 }

const MAP_FLAGS_AT: usize = 16;

attributes! { MAP_LOOKUP = "" &[
    field("map_fd", FD),
    HOLE,
    field("key", ADDRESS64),
    field("value", ADDRESS64),
    field("flags", flags64(&LOOKUP_FLAGS)),
]; &[24]; 32 }

attributes! { MAP_UPDATE = "" &[
    field("map_fd", FD),
    HOLE,
    field("key", ADDRESS64),
    field("value", ADDRESS64),
    field("flags", Type::Number(Width::U64, Meaning::Choice(&UPDATE_FLAGS))),
]; &[]; 32 }

attributes! { MAP_DELETE = "" &[field("map_fd", FD), HOLE, field("key", ADDRESS64)]; &[]; 16 }

attributes! { MAP_NEXT_KEY = "" &[
    field("map_fd", FD),
    HOLE,
    field("key", ADDRESS64),
    field("next_key", ADDRESS64),
]; &[]; 24 }

attributes! { MAP_FREEZE = "" &[field("map_fd", FD)]; &[]; 4 }

/// Where `struct { ... } batch` has its count.
const BATCH_COUNT: usize = 32;

const BATCH: [Field; 8] = [
    field("in_batch", ADDRESS64),
    field("out_batch", ADDRESS64),
    field("keys", ADDRESS64),
    field("values", ADDRESS64),
    field("count", UINT),
    field("map_fd", FD),
    field("elem_flags", flags64(&LOOKUP_FLAGS)),
    field("flags", HEX64),
];

const UNUSED: Field = hidden(Type::Padding(8));

attributes! { BATCH_LOOKUP = "batch" &BATCH; &[]; 56 }
attributes! { BATCH_UPDATE = "batch"
&[UNUSED, UNUSED, BATCH[2], BATCH[3], BATCH[4], BATCH[5], BATCH[6], BATCH[7]]; &[]; 56 }
attributes! { BATCH_DELETE = "batch"
&[UNUSED, UNUSED, BATCH[2], UNUSED, BATCH[4], BATCH[5], BATCH[6], BATCH[7]]; &[]; 56 }

/// What a batch has done: how many elements.
static BATCH_DONE: Type = Type::Custom(&Custom {
    size: 56,
    compat_size: 56,
    shape: Shape::Struct,
    parts: |object, _, emit| {
        emit(Item::member("batch", Value::Object(Object { ty: &BATCH_DONE_COUNT, ..*object })))
    },
    nested: &[],
});

static BATCH_DONE_COUNT: Type = Type::Custom(&Custom {
    size: 56,
    compat_size: 56,
    shape: Shape::Struct,
    parts: |object, _, emit| {
        emit(Item::member("count", Value::Unsigned(object.number(BATCH_COUNT, Width::U32))));
    },
    nested: &[],
});

/// A batch, and how many elements it came to, if fewer: also where it failed.
const fn changing(parts: Parts) -> Custom {
    const MAP_FD: Nested = nested(BATCH_COUNT as u16 + 4, FD);
    Custom { size: 4096, compat_size: 4096, shape: Shape::Bare, parts, nested: &[MAP_FD] }
}

fn batch(object: &Object<'_>, ty: &'static Type, emit: &mut dyn FnMut(Item<'_>)) {
    /// Bytes up to the count.
    const HEAD: usize = BATCH_COUNT + 4;
    let wanted = usize::try_from(object.count).unwrap_or(usize::MAX).min(HEAD);
    if object.bytes.len() < wanted || object.bytes.is_empty() {
        return;
    }
    let before = Value::Object(Object { ty, ..*object });
    let after = object.call.memory.bytes(object.address, HEAD, At::Return);
    match after.filter(|after| object.bytes.get(BATCH_COUNT..HEAD) != after.get(BATCH_COUNT..)) {
        Some(bytes) => {
            let after = Value::Object(Object { ty: &BATCH_DONE, bytes, ..*object });
            emit(Item::element(Value::Change(&before, &after)));
        }
        None => emit(Item::element(before)),
    }
}

static LOOKUP_BATCH: Type =
    Type::Custom(&const { changing(|object, _, emit| batch(object, &BATCH_LOOKUP, emit)) });
static UPDATE_BATCH: Type =
    Type::Custom(&const { changing(|object, _, emit| batch(object, &BATCH_UPDATE, emit)) });
static DELETE_BATCH: Type =
    Type::Custom(&const { changing(|object, _, emit| batch(object, &BATCH_DELETE, emit)) });

fn write_kernel_version(out: &mut Notation<'_>, version: u64) {
    let (major, minor, patch) = (version >> 16, version >> 8 & 0xff, version & 0xff);
    // writing to a vector cannot fail
    let _ = write!(out, "KERNEL_VERSION({major}, {minor}, {patch})");
}

/// The address of a text that the call leaves: also one that fails.
static TEXT_AFTER: Custom = Custom {
    size: 8,
    compat_size: 8,
    shape: Shape::Bare,
    parts: |object, _, emit| {
        let address = object.number(0, Width::U64);
        let text = |bytes, more| Value::Text { bytes, more, whole: false };
        emit(Item::element(match object.call.memory.from(address, At::Return) {
            Some(Payload::Bytes(bytes)) if address != 0 => text(bytes, false),
            Some(Payload::Cut(bytes)) if address != 0 => text(bytes, true),
            _ => Value::Address(address),
        }));
    },
    nested: &[nested(0, TEXT)],
};

// Members that say nothing unless they are set stand there only then.
attributes! { PROG_LOAD = "" &[
    field("prog_type", choice(&PROG_TYPES)),
    field("insn_cnt", UINT),
    field("insns", Type::List(Access::In, &INSTRUCTION, Length::Member(1))).at_length(),
    field("license", TEXT),
    field("log_level", UINT),
    field("log_size", UINT),
    field("log_buf", TEXT),
    field("kern_version", Type::Number(Width::U32, Meaning::Written(write_kernel_version))),
    field("prog_flags", flags(&PROG_FLAGS)),
    field("prog_name", Type::Chars(16)),
    field("prog_ifindex", INTERFACE),
    field("expected_attach_type", choice(&ATTACH_TYPES)),
    field("prog_btf_fd", FD),
    field("func_info_rec_size", UINT),
    field("func_info", ADDRESS64),
    field("func_info_cnt", UINT),
    field("line_info_rec_size", UINT),
    field("line_info", ADDRESS64),
    field("line_info_cnt", UINT),
    field("attach_btf_id", UINT),
    field("attach_prog_fd", FD),
    field("core_relo_cnt", UINT).only_if(|attr| attr.number(116, Width::U32) != 0),
    field("fd_array", ADDRESS64),
    field("core_relos", ADDRESS64).only_if(|attr| attr.number(128, Width::U64) != 0),
    field("core_relo_rec_size", UINT).only_if(|attr| attr.number(136, Width::U32) != 0),
    field("log_true_size", UINT).only_if(|attr| attr.number(140, Width::U32) != 0),
    field("prog_token_fd", FD),
    field("fd_array_cnt", UINT).only_if(|attr| attr.number(148, Width::U32) != 0),
    field("signature", Type::HexBuffer(Access::In, Length::Member(29))).only_if(|attr| attr.number(152, Width::U64) != 0),
    field("signature_size", UINT).only_if(|attr| attr.number(160, Width::U32) != 0),
    field("keyring_id", INT).only_if(|attr| attr.number(164, Width::U32) != 0),
]; &[24, 40, 44, 48, 64, 68, 72, 108, 116, 120, 128, 136, 140, 144, 148, 152, 164]; 168 }

attributes! { OBJECT = "" &[
    field("pathname", PATH),
    field("bpf_fd", FD),
    field("file_flags", flags(&FILE_FLAGS)),
    field("path_fd", DIRFD),
]; &[12, 16]; 20 }

attributes! { ATTACH = "" &[
    field("target_fd", FD),
    field("attach_bpf_fd", FD),
    field("attach_type", choice(&ATTACH_TYPES)),
    field("attach_flags", flags(&ATTACH_FLAGS)),
    field("replace_bpf_fd", FD),
    field("relative_fd", FD),
    field("expected_revision", U64),
]; &[16, 20, 24]; 32 }

attributes! { DETACH = "" &[
    field("target_fd", FD),
    hidden(Type::Padding(4)),
    field("attach_type", choice(&ATTACH_TYPES)),
]; &[]; 12 }

attributes! { TEST_RUN = "test" &[
    field("prog_fd", FD),
    field("retval", UINT),
    field("data_size_in", UINT),
    field("data_size_out", UINT),
    field("data_in", ADDRESS64),
    field("data_out", ADDRESS64),
    field("repeat", UINT),
    field("duration", UINT),
    field("ctx_size_in", UINT),
    field("ctx_size_out", UINT),
    field("ctx_in", ADDRESS64),
    field("ctx_out", ADDRESS64),
    field("flags", flags(&TEST_FLAGS)),
    field("cpu", UINT),
    field("batch_size", UINT),
]; &[40, 64, 68, 72]; 76 }

attributes! { NEXT_ID = "" &[field("start_id", UINT), field("next_id", UINT)]; &[]; 8 }

const NEXT: [Field; 3] =
    [field("next_id", UINT), field("open_flags", flags(&FILE_FLAGS)), field("fd_by_id_token_fd", FD)];

attributes! { PROG_BY_ID = "" &[field("prog_id", UINT), NEXT[0], NEXT[1], NEXT[2]]; &[8, 12]; 16 }
attributes! { MAP_BY_ID = "" &[field("map_id", UINT), NEXT[0], NEXT[1], NEXT[2]]; &[8, 12]; 16 }
attributes! { BTF_BY_ID = "" &[
    field("btf_id", UINT),
    hidden(Type::Padding(8)),
    NEXT[2],
]; &[4]; 16 }
attributes! { LINK_BY_ID = "" &[field("link_id", UINT)]; &[]; 4 }

/// A number that the call changes in place.
static CHANGED: Custom = Custom {
    size: 4,
    compat_size: 4,
    shape: Shape::Bare,
    parts: |object, _, emit| {
        let own = object.number(0, Width::U32);
        let before = number_at(object, object.address, At::Entry).unwrap_or(own);
        let after = number_at(object, object.address, At::Return).filter(|_| object.call.succeeded());
        let after = after.unwrap_or(own);
        let (first, second) = (Value::Unsigned(before), Value::Unsigned(after));
        emit(Item::element(if before == after { first } else { Value::Change(&first, &second) }));
    },
    nested: &[],
};

/// The number of 32 bits at an address, before the call or after it.
fn number_at(object: &Object<'_>, address: u64, at: At) -> Option<u64> {
    let bytes = object.call.memory.bytes(address, 4, at)?.first_chunk()?;
    Some(u32::from_ne_bytes(*bytes).into())
}

attributes! { INFO = "info" &[
    field("bpf_fd", Type::Number(Width::I32, Meaning::ObjectFd)),
    field("info_len", Type::Custom(&CHANGED)),
    field("info", Type::Custom(&INFO_BEHIND)).at_length(),
]; &[]; 16 }

attributes! { QUERY = "query" &[
    field("target_fd", FD),
    field("attach_type", choice(&ATTACH_TYPES)),
    field("query_flags", flags(&QUERY_FLAGS)),
    field("attach_flags", flags(&ATTACH_FLAGS)),
    field("prog_ids", Type::Custom(&PROG_IDS)),
    field("prog_cnt", Type::Custom(&CHANGED)),
]; &[]; 28 }

static ONE_ID: Type = UINT;
const IDS: Type = Type::List(Access::Out, &ONE_ID, Length::Member(24));
static ID_LIST: Type = IDS;

/// Where the list of a query stands, and how far behind it its length.
const QUERY_COUNT: u64 = 8;

static PROG_IDS: Custom = Custom {
    size: 8,
    compat_size: 8,
    shape: Shape::Bare,
    parts: |object, _, emit| {
        let address = object.number(0, Width::U64);
        let memory = object.call.memory;
        let count = memory.bytes(object.address.wrapping_add(QUERY_COUNT), 4, At::Return);
        let count = count.and_then(|bytes| bytes.first_chunk()).map(|bytes| u32::from_ne_bytes(*bytes));
        let list = memory.from(address, At::Return).filter(|_| object.call.succeeded() && address != 0);
        emit(Item::element(match (list, count) {
            (Some(list), Some(count)) => Value::Object(Object {
                ty: &ID_LIST,
                bytes: list.bytes(),
                address,
                at: At::Return,
                count: count.into(),
                unreadable: matches!(list, Payload::Unreadable(_)),
                ..*object
            }),
            _ => Value::Address(address),
        }));
    },
    nested: &[nested(0, IDS)],
};

attributes! { RAW_TRACEPOINT = "raw_tracepoint" &[
    field("name", TEXT),
    field("prog_fd", FD),
    HOLE,
    field("cookie", HEX64),
]; &[16]; 24 }

attributes! { BTF = "" &[
    field("btf", Type::Buffer(Access::In, Length::Member(2))),
    field("btf_log_buf", ADDRESS64),
    field("btf_size", UINT),
    field("btf_log_size", UINT),
    field("btf_log_level", UINT),
    field("btf_log_true_size", UINT).only_if(|attr| attr.number(28, Width::U32) != 0),
    field("btf_flags", flags(&MAP_FLAGS)).only_if(|attr| attr.number(32, Width::U32) != 0),
    field("btf_token_fd", FD),
]; &[28, 32, 36]; 40 }

attributes! { TASK_FD = "task_fd_query" &[
    field("pid", PID),
    field("fd", FD),
    field("flags", UINT),
    field("buf_len", UINT),
    field("buf", Type::Custom(&TEXT_AFTER)),
    field("prog_id", UINT),
    field("fd_type", choice(&FD_TYPES)),
    field("probe_offset", HEX64),
    field("probe_addr", HEX64),
]; &[]; 48 }

/// Where `struct { ... } link_create` says to what it attaches.
const LINK_TYPE: usize = 8;

const LINK: [Field; 4] = [
    field("prog_fd", FD),
    field("target_fd", FD),
    field("attach_type", choice(&ATTACH_TYPES)),
    field("flags", HEX32),
];

static NAME: Type = TEXT;
static WORD: Type = HEX64;

/// To how many functions a link is.
const FUNCTIONS: Length = Length::Member(1);

static KPROBE_LINK: Struct = Struct::of(&[
    field("flags", flags(&KPROBE_FLAGS)),
    field("cnt", UINT),
    field("syms", Type::List(Access::In, &NAME, FUNCTIONS)),
    field("addrs", Type::List(Access::In, &WORD, FUNCTIONS)),
    field("cookies", Type::List(Access::In, &WORD, FUNCTIONS)),
]);

static PERF_LINK: Struct = Struct::of(&[field("bpf_cookie", HEX64)]);
static TRACING_LINK: Struct = Struct::of(&[field("target_btf_id", UINT), HOLE, field("cookie", HEX64)]);
static ORDERED_LINK: Struct = Struct::of(&[field("relative_fd", FD), HOLE, field("expected_revision", U64)]);
static NETFILTER_LINK: Struct =
    Struct::of(&[field("pf", UINT), field("hooknum", UINT), field("priority", INT), field("flags", HEX32)]);

/// A kind of link: the types that it attaches to, and its members.
struct LinkKind {
    types: &'static [u64],
    known: Known,
}

/// A kind of link with these members behind the ones that all have.
macro_rules! link {
    ([$($to:ident)*] $end:literal $($member:expr),*) => {{
        static FIELDS: Type =
            Type::Struct(&Struct::of(&[LINK[0], LINK[1], LINK[2], LINK[3], $($member),*]));
        LinkKind {
            types: &[$(uapi::$to),*],
            known: Known { name: "link_create", ty: &FIELDS, begins: &[16], end: $end },
        }
    }};
}

/// The last one is all others.
static LINKS: [LinkKind; 8] = [
    link!([BPF_TRACE_ITER] 28 field("iter_info", ADDRESS64), field("iter_info_len", UINT)),
    link!([BPF_PERF_EVENT] 24 field("perf_event", Type::Struct(&PERF_LINK))),
    link!([BPF_TRACE_KPROBE_MULTI BPF_TRACE_KPROBE_SESSION] 48
        field("kprobe_multi", Type::Struct(&KPROBE_LINK))),
    link!([BPF_TRACE_FENTRY BPF_TRACE_FEXIT BPF_MODIFY_RETURN BPF_LSM_MAC BPF_TRACE_FSESSION] 32
        field("tracing", Type::Struct(&TRACING_LINK))),
    link!([BPF_NETFILTER] 32 field("netfilter", Type::Struct(&NETFILTER_LINK))),
    link!([BPF_TCX_INGRESS BPF_TCX_EGRESS] 32 field("tcx", Type::Struct(&ORDERED_LINK))),
    link!([BPF_NETKIT_PRIMARY BPF_NETKIT_PEER] 32 field("netkit", Type::Struct(&ORDERED_LINK))),
    link!([] 20 field("target_btf_id", UINT)),
];

static LINK_CREATE: Type = Type::Custom(&Custom {
    size: 4096,
    compat_size: 4096,
    shape: Shape::Struct,
    parts: |object, verbose, emit| {
        let to = object.number(LINK_TYPE, Width::U32);
        let kind = LINKS.iter().find(|kind| kind.types.contains(&to)).or(LINKS.last());
        if let Some(kind) = kind {
            kind.known.parts(object, verbose, emit);
        }
    },
    nested: &[
        nested(0, FD),
        nested(4, FD),
        nested(24, Type::List(Access::In, &NAME, Length::Member(20))),
        nested(32, Type::List(Access::In, &WORD, Length::Member(20))),
        nested(40, Type::List(Access::In, &WORD, Length::Member(20))),
    ],
});

attributes! { LINK_UPDATE = "link_update" &[
    field("link_fd", FD),
    field("new_prog_fd", FD),
    field("flags", flags(&ATTACH_FLAGS)),
    field("old_prog_fd", FD),
]; &[12]; 16 }

attributes! { LINK_DETACH = "link_detach" &[field("link_fd", FD)]; &[]; 4 }
attributes! { ENABLE_STATS = "enable_stats" &[field("type", choice(&STATS))]; &[]; 4 }
attributes! { ITER_CREATE = "iter_create" &[field("link_fd", FD), field("flags", HEX32)]; &[]; 8 }
attributes! { PROG_BIND_MAP = "prog_bind_map" &[
    field("prog_fd", FD),
    field("map_fd", FD),
    field("flags", HEX32),
]; &[]; 12 }
attributes! { TOKEN_CREATE = "token_create" &[field("flags", HEX32), field("bpffs_fd", FD)]; &[]; 8 }
attributes! { STREAM_READ = "prog_stream_read" &[
    field("stream_buf", ADDRESS64),
    field("stream_buf_len", UINT),
    field("stream_id", UINT),
    field("prog_fd", FD),
]; &[]; 20 }
attributes! { ASSOC_STRUCT_OPS = "prog_assoc_struct_ops" &[
    field("map_fd", FD),
    field("prog_fd", FD),
    field("flags", HEX32),
]; &[]; 12 }

const CMD: Param = param("cmd", choice(&COMMANDS));
const ATTR_SIZE: Param = param("size", UINT);

/// A command and its attributes.
macro_rules! command {
    ($name:ident $access:ident $ty:ident) => {
        Case {
            value: uapi::$name as u32,
            params: &const {
                // the layout is that of 64-bit programs, which 32-bit ones only have without addresses
                static ATTR: Type = Type::Sized(Access::$access, &$ty, Length::Arg(2));
                [CMD, param("attr", Type::ByAbi(&ATTR, &PLAIN_ADDRESS)), ATTR_SIZE]
            },
            result: None,
        }
    };
    ($name:ident $access:ident $ty:ident, $result:ident) => {
        Case { result: Some($result), ..command!($name $access $ty) }
    };
}

static PLAIN_ADDRESS: Type = ADDRESS;

static CASES: Cases = Cases {
    arg: 0,
    cases: &[
        command!(BPF_MAP_CREATE In MAP_CREATE, RET_FD),
        command!(BPF_MAP_LOOKUP_ELEM In MAP_LOOKUP),
        command!(BPF_MAP_UPDATE_ELEM In MAP_UPDATE),
        command!(BPF_MAP_DELETE_ELEM In MAP_DELETE),
        command!(BPF_MAP_GET_NEXT_KEY In MAP_NEXT_KEY),
        command!(BPF_PROG_LOAD In PROG_LOAD, RET_FD),
        command!(BPF_OBJ_PIN In OBJECT),
        command!(BPF_OBJ_GET In OBJECT, RET_FD),
        command!(BPF_PROG_ATTACH In ATTACH),
        command!(BPF_PROG_DETACH In DETACH),
        command!(BPF_PROG_TEST_RUN In TEST_RUN),
        command!(BPF_PROG_GET_NEXT_ID In NEXT_ID),
        command!(BPF_MAP_GET_NEXT_ID In NEXT_ID),
        command!(BPF_PROG_GET_FD_BY_ID In PROG_BY_ID, RET_FD),
        command!(BPF_MAP_GET_FD_BY_ID In MAP_BY_ID, RET_FD),
        command!(BPF_OBJ_GET_INFO_BY_FD InOut INFO),
        command!(BPF_PROG_QUERY InOut QUERY),
        command!(BPF_RAW_TRACEPOINT_OPEN In RAW_TRACEPOINT, RET_FD),
        command!(BPF_BTF_LOAD In BTF, RET_FD),
        command!(BPF_BTF_GET_FD_BY_ID In BTF_BY_ID, RET_FD),
        command!(BPF_TASK_FD_QUERY OutAlways TASK_FD),
        command!(BPF_MAP_LOOKUP_AND_DELETE_ELEM In MAP_LOOKUP),
        command!(BPF_MAP_FREEZE In MAP_FREEZE),
        command!(BPF_BTF_GET_NEXT_ID In NEXT_ID),
        command!(BPF_MAP_LOOKUP_BATCH InOutAlways LOOKUP_BATCH),
        command!(BPF_MAP_LOOKUP_AND_DELETE_BATCH InOutAlways LOOKUP_BATCH),
        command!(BPF_MAP_UPDATE_BATCH InOutAlways UPDATE_BATCH),
        command!(BPF_MAP_DELETE_BATCH InOutAlways DELETE_BATCH),
        command!(BPF_LINK_CREATE In LINK_CREATE, RET_FD),
        command!(BPF_LINK_UPDATE In LINK_UPDATE),
        command!(BPF_LINK_GET_FD_BY_ID In LINK_BY_ID, RET_FD),
        command!(BPF_LINK_GET_NEXT_ID In NEXT_ID),
        command!(BPF_ENABLE_STATS In ENABLE_STATS, RET_FD),
        command!(BPF_ITER_CREATE In ITER_CREATE, RET_FD),
        command!(BPF_LINK_DETACH In LINK_DETACH),
        command!(BPF_PROG_BIND_MAP In PROG_BIND_MAP),
        command!(BPF_TOKEN_CREATE In TOKEN_CREATE, RET_FD),
        command!(BPF_PROG_STREAM_READ_BY_FD In STREAM_READ),
        command!(BPF_PROG_ASSOC_STRUCT_OPS In ASSOC_STRUCT_OPS),
    ],
};

pub static SYSCALLS: &[Syscall] = &[Syscall {
    name: "bpf",
    classes: DESC,
    params: &[CMD, param("attr", ADDRESS), ATTR_SIZE],
    result: RET_INT,
    cases: Some(&CASES),
    indirect: None,
}];
