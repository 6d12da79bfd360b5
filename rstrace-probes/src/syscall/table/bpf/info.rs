//! What `BPF_OBJ_GET_INFO_BY_FD` tells, at length: it depends on what the descriptor is.

use rstrace_core::describe::{
    Access, Custom, Item, Length, Meaning, Named, Object, Shape, Struct, Type, Width, field, hidden,
};
use rstrace_core::event::{Comment, Value};
use rstrace_core::file::Kind;
use rstrace_core::memory::At;

use super::super::net::INTERFACE;
use super::super::stat::write_device;
use super::instructions::INSTRUCTION;
use super::{ADDRESS64, CHANGED, Known, MAP_FLAGS, MAP_TYPES, PROG_TYPES, attributes, nested, number_at};
use crate::syscall::types::*;

/// Where `struct { ... } info` has its members, seen from the last one, the address.
mod before {
    pub const FD: u64 = 8;
    pub const LEN: u64 = 4;
}

/// The address of what is told.
pub(super) static INFO: Custom = Custom {
    size: 8,
    compat_size: 8,
    shape: Shape::Bare,
    parts: |object, verbose, emit| {
        let address = object.number(0, Width::U64);
        emit(Item::element(told(object, address, verbose).map_or(Value::Address(address), Value::Object)));
    },
    nested: &[nested(0, Type::Sized(Access::InOut, &TOLD, Length::Member(4)))],
};

/// What is behind the address, if the descriptor is one of those that are known and something is there.
fn told<'a>(object: &Object<'a>, address: u64, verbose: bool) -> Option<Object<'a>> {
    let memory = object.call.memory;
    let at = if object.call.succeeded() { At::Return } else { At::Entry };
    let number = |before, at| number_at(object, object.address.wrapping_sub(before), at);
    let file = object.call.file(number(before::FD, At::Entry)? as i32, At::Entry)?;
    let ty = match file.kind()? {
        Kind::Anonymous(b"bpf-map") => &MAP,
        Kind::Anonymous(b"bpf-prog") => &PROGRAM,
        _ => return None,
    };
    let count = number(before::LEN, at)?;
    let bytes = memory.from(address, at).filter(|_| verbose && address != 0 && count != 0)?.bytes();
    let bytes = bytes.get(..count as usize).unwrap_or(bytes);
    Some(Object { ty, bytes, address, at, count, ..*object }).filter(|told| !told.bytes.is_empty())
}

/// What is captured of it: of a program also what it points to.
static TOLD: Type = Type::Custom(&Custom {
    size: 4096,
    compat_size: 4096,
    shape: Shape::Struct,
    parts: |_, _, _| (),
    nested: &[
        nested(24, Type::HexBuffer(Access::Out, Length::Member(16))),
        nested(32, Type::List(Access::Out, &BYTE, Length::Member(20))),
        nested(56, Type::List(Access::Out, &ONE_ID, Length::Member(52))),
    ],
});

/// What an address points to, as far as there was room for it: the address if it is not known.
macro_rules! filled {
    ($behind:literal, $bytes:literal, $shown:expr) => {
        Type::Custom(&Custom {
            size: 8,
            compat_size: 8,
            shape: Shape::Bare,
            parts: |object, _, emit| {
                let address = object.number(0, Width::U64);
                emit(Item::element(
                    filled(object, address, $behind, $bytes).map_or(Value::Address(address), $shown),
                ));
            },
            nested: &[],
        })
    };
}

/// Each length before its address.
const PROGRAM_ORDER: [u8; 38] = {
    let mut order = [0; 38];
    let mut place = 0;
    while place < order.len() {
        order[place] = place as u8;
        place += 1;
    }
    (order[4], order[5]) = (5, 4);
    order
};

attributes! { MAP = "" &[
    field("type", choice(&MAP_TYPES)),
    field("id", UINT),
    field("key_size", UINT),
    field("value_size", UINT),
    field("max_entries", UINT),
    field("map_flags", flags(&MAP_FLAGS)),
    field("name", Type::Chars(16)),
    field("ifindex", INTERFACE),
    field("btf_vmlinux_value_type_id", UINT),
    field("netns_dev", DEVICE64),
    field("netns_ino", U64),
    field("btf_id", UINT),
    field("btf_key_type_id", UINT),
    field("btf_value_type_id", UINT),
    hidden(UINT),
    field("map_extra", HEX64).only_if(|info| info.number(80, Width::U64) != 0),
]; &[24, 40, 44, 48, 64]; 88 }

attributes! { PROGRAM = "" of Struct::of(&[
    field("type", choice(&PROG_TYPES)),
    field("id", UINT),
    field("tag", Type::HexBytes(8)),
    field("jited_prog_len", COUNT),
    field("xlated_prog_len", COUNT),
    field("jited_prog_insns", JITED),
    field("xlated_prog_insns", TRANSLATED),
    field("load_time", U64).commented(loaded),
    field("created_by_uid", UINT),
    field("nr_map_ids", COUNT),
    field("map_ids", MAP_IDS),
    field("name", Type::Chars(16)),
    field("ifindex", INTERFACE),
    // a bit
    field("gpl_compatible", UINT),
    field("netns_dev", DEVICE64),
    field("netns_ino", U64),
    field("nr_jited_ksyms", COUNT),
    field("nr_jited_func_lens", COUNT),
    field("jited_ksyms", ADDRESS64),
    field("jited_func_lens", ADDRESS64),
    field("btf_id", UINT),
    field("func_info_rec_size", COUNT),
    field("func_info", ADDRESS64),
    field("nr_func_info", COUNT),
    field("nr_line_info", COUNT),
    field("line_info", ADDRESS64),
    field("jited_line_info", ADDRESS64),
    field("nr_jited_line_info", COUNT),
    field("line_info_rec_size", COUNT),
    field("jited_line_info_rec_size", COUNT),
    field("nr_prog_tags", COUNT),
    field("prog_tags", ADDRESS64),
    field("run_time_ns", U64),
    field("run_cnt", U64),
    field("recursion_misses", U64),
    field("verified_insns", UINT),
    field("attach_btf_obj_id", UINT).only_if(|info| info.number(220, Width::U32) != 0),
    field("attach_btf_id", UINT).only_if(|info| info.number(224, Width::U32) != 0),
]).in_order(&PROGRAM_ORDER); &[40, 64, 80, 84, 88, 104, 128, 152, 160, 168, 176, 192, 208, 216, 220]; 228 }

const COUNT: Type = Type::Custom(&CHANGED);

/// The count stands so many bytes before the address, and one is of so many bytes.
fn filled<'a>(object: &Object<'a>, address: u64, behind: u64, bytes: usize) -> Option<Object<'a>> {
    let memory = object.call.memory;
    let count_at = object.address.wrapping_sub(behind);
    let [before, after] = [At::Entry, At::Return].map(|at| number_at(object, count_at, at));
    let count = before?.min(after?);
    let all = match memory.from(address, At::Return).filter(|_| address != 0) {
        Some(payload) => payload.bytes(),
        None if count == 0 && address != 0 => &[],
        None => return None,
    };
    let bytes = all.get(..count as usize * bytes).unwrap_or(all);
    Some(Object { bytes, address, at: At::Return, count, ..*object })
}

const JITED: Type = filled!(8, 1, |code| Value::HexBytes(code.bytes));
const TRANSLATED: Type =
    filled!(12, 1, |code| { Value::Object(Object { ty: &INSTRUCTIONS, count: code.count / 8, ..code }) });
const MAP_IDS: Type = filled!(4, 4, |ids| Value::Object(Object { ty: &IDS, ..ids }));

/// When it was loaded: that is told since the machine started.
fn loaded(info: &Object<'_>) -> Option<Comment> {
    use nix::time::{ClockId, clock_gettime};
    const SECOND: i64 = 1_000_000_000;
    let nanos = |clock| clock_gettime(clock).ok().map(|time| time.tv_sec() * SECOND + time.tv_nsec());
    let started = nanos(ClockId::CLOCK_REALTIME)? - nanos(ClockId::CLOCK_BOOTTIME)?;
    let loaded = started.checked_add_unsigned(info.number(40, Width::U64))?;
    Some(Comment::Date(loaded.div_euclid(SECOND), 0))
}

const DEVICE64: Type = Type::Number(Width::U64, Meaning::Named(&Named::hex(write_device)));
static BYTE: Type = U8;
static ONE_ID: Type = UINT;
static IDS: Type = Type::List(Access::Out, &ONE_ID, Length::Returned);
static INSTRUCTIONS: Type = Type::List(Access::Out, &INSTRUCTION, Length::Returned);
