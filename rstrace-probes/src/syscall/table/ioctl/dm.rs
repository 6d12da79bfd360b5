//! The device mapper: what is asked of it, and the tables, names and messages that go with it.

use rstrace_core::describe::{
    Case, Custom, Item, Length, Meaning, Named, Nested, Object, Shape, Struct, Type, Width, field, hidden,
};
use rstrace_core::event::{Comment, Value};
use rstrace_core::flags::FlagSet;
use rstrace_core::memory::At;
use rstrace_core::probe::Payload;

use super::super::stat::write_device;
use super::{NUMBER, encoded, requests, rewritten, text};
use crate::syscall::types::*;
use crate::uapi;

/// `DM_EXISTS_FLAG` is gone from the headers.
const EXISTS: u64 = 4;
static FLAGS: FlagSet = FlagSet {
    choice: None,
    names: &[
        (uapi::DM_READONLY_FLAG, "DM_READONLY_FLAG"),
        (uapi::DM_SUSPEND_FLAG, "DM_SUSPEND_FLAG"),
        (EXISTS, "DM_EXISTS_FLAG"),
        (uapi::DM_PERSISTENT_DEV_FLAG, "DM_PERSISTENT_DEV_FLAG"),
        (uapi::DM_STATUS_TABLE_FLAG, "DM_STATUS_TABLE_FLAG"),
        (uapi::DM_ACTIVE_PRESENT_FLAG, "DM_ACTIVE_PRESENT_FLAG"),
        (uapi::DM_INACTIVE_PRESENT_FLAG, "DM_INACTIVE_PRESENT_FLAG"),
        (uapi::DM_BUFFER_FULL_FLAG, "DM_BUFFER_FULL_FLAG"),
        (uapi::DM_SKIP_BDGET_FLAG, "DM_SKIP_BDGET_FLAG"),
        (uapi::DM_SKIP_LOCKFS_FLAG, "DM_SKIP_LOCKFS_FLAG"),
        (uapi::DM_NOFLUSH_FLAG, "DM_NOFLUSH_FLAG"),
        (uapi::DM_QUERY_INACTIVE_TABLE_FLAG, "DM_QUERY_INACTIVE_TABLE_FLAG"),
        (uapi::DM_UEVENT_GENERATED_FLAG, "DM_UEVENT_GENERATED_FLAG"),
        (uapi::DM_UUID_FLAG, "DM_UUID_FLAG"),
        (uapi::DM_SECURE_DATA_FLAG, "DM_SECURE_DATA_FLAG"),
        (uapi::DM_DATA_OUT_FLAG, "DM_DATA_OUT_FLAG"),
        (uapi::DM_DEFERRED_REMOVE, "DM_DEFERRED_REMOVE"),
        (uapi::DM_INTERNAL_SUSPEND_FLAG, "DM_INTERNAL_SUSPEND_FLAG"),
        (uapi::DM_IMA_MEASUREMENT_FLAG, "DM_IMA_MEASUREMENT_FLAG"),
    ],
    unknown: "DM_???",
};
const DEVICE: Type = Type::Number(Width::U64, Meaning::Named(&Named::hex(write_device)));
static VERSION: Type = Type::Elements(&U32, 3);

/// Members of `struct dm_ioctl` that say how others are to be understood: where they stand.
const DATA_SIZE: usize = 12;
const DATA_START: usize = 16;
const TARGET_COUNT: usize = 20;
const FLAG_BITS: usize = 28;
/// Bytes of it that count: what follows is there to align it.
const HEADER_SIZE: usize = 305;

fn number(header: &Object<'_>, offset: usize) -> u64 {
    header.number(offset, Width::U32)
}

fn has_flag(header: &Object<'_>, flag: u64) -> bool {
    number(header, FLAG_BITS) & flag != 0
}

fn request(header: &Object<'_>) -> u64 {
    u64::from(header.call.args[1] as u32)
}

fn is_supported(header: &Object<'_>) -> bool {
    number(header, 0) == uapi::DM_VERSION_MAJOR
}

/// Whether the other members mean anything.
fn is_valid(header: &Object<'_>) -> bool {
    is_supported(header) && number(header, DATA_SIZE) >= HEADER_SIZE as u64
}

/// Whether it is said what the request is about.
fn is_named(header: &Object<'_>, offset: usize, size: usize) -> bool {
    let of_all = [uapi::DM_REMOVE_ALL, uapi::DM_LIST_DEVICES, uapi::DM_LIST_VERSIONS];
    let member = header.bytes.get(offset..offset + size).unwrap_or(&[]);
    let is_set = if size == size_of::<u64>() {
        member.iter().any(|byte| *byte != 0)
    } else {
        member.first().is_some_and(|byte| *byte != 0)
    };
    is_valid(header) && is_set && !of_all.contains(&request(header))
}

/// Whether data may go with the request, before the call or after it.
fn may_have_data(header: &Object<'_>) -> bool {
    let with_data = [
        uapi::DM_LIST_DEVICES,
        uapi::DM_DEV_RENAME,
        uapi::DM_DEV_WAIT,
        uapi::DM_TABLE_LOAD,
        uapi::DM_TABLE_DEPS,
        uapi::DM_TABLE_STATUS,
        uapi::DM_LIST_VERSIONS,
        uapi::DM_TARGET_MSG,
        uapi::DM_DEV_SET_GEOMETRY,
    ];
    is_valid(header) && with_data.contains(&request(header))
}

/// Whether it is the answer of a request that tells the state of a device.
fn tells_state(header: &Object<'_>) -> bool {
    let stateless = [
        uapi::DM_VERSION,
        uapi::DM_REMOVE_ALL,
        uapi::DM_LIST_DEVICES,
        uapi::DM_DEV_REMOVE,
        uapi::DM_LIST_VERSIONS,
        uapi::DM_DEV_SET_GEOMETRY,
        uapi::DM_DEV_ARM_POLL,
    ];
    is_valid(header) && header.at == At::Return && !stateless.contains(&request(header))
}

/// Whether the program passes the number of an event, or a cookie: to resume takes one, to suspend does not.
fn takes_event(header: &Object<'_>) -> bool {
    let takes = match request(header) {
        uapi::DM_DEV_REMOVE | uapi::DM_DEV_RENAME | uapi::DM_DEV_WAIT => true,
        uapi::DM_DEV_SUSPEND => !has_flag(header, uapi::DM_SUSPEND_FLAG),
        _ => false,
    };
    is_valid(header) && header.at == At::Entry && takes
}

fn counts_targets(header: &Object<'_>) -> bool {
    let loads = header.at == At::Entry && request(header) == uapi::DM_TABLE_LOAD;
    (is_valid(header) && loads) || tells_state(header)
}

/// `struct dm_ioctl`: of each request the members that it has to do with.
static HEADER: Type = Type::Struct(
    &Struct::of(&[
        field("version", Type::Elements(&U32, 3)).commented(|header| {
            let comment =
                Comment::Written(0, |out, _| out.push_text("unsupported device mapper ABI version"));
            (!is_supported(header)).then_some(comment)
        }),
        field("data_size", U32).only_if(is_supported).commented(|header| {
            let comment = Comment::Written(0, |out, _| out.push_text("data_size too small"));
            (!is_valid(header)).then_some(comment)
        }),
        field("data_start", U32).only_if(may_have_data),
        field("target_count", U32).only_if(counts_targets),
        field("open_count", INT).only_if(tells_state),
        field("flags", flags(&FLAGS)).only_if(is_valid),
        field("event_nr", U32).only_if(|header| takes_event(header) || tells_state(header)),
        hidden(U32),
        field("dev", DEVICE).only_if(|header| is_named(header, 40, 8)),
        field("name", Type::Chars(uapi::DM_NAME_LEN as usize)).only_if(|header| is_named(header, 48, 128)),
        field("uuid", Type::Chars(uapi::DM_UUID_LEN as usize)).only_if(|header| is_named(header, 176, 129)),
    ])
    .in_order(&[0, 1, 2, 8, 9, 10, 3, 4, 6, 5]),
);

/// The string that stands in the data from an offset on.
fn string<'a>(part: &Object<'a>, offset: usize) -> Value<'a> {
    let most = usize::try_from(part.count).unwrap_or(usize::MAX).saturating_sub(offset);
    if most == 0 {
        return Value::Text { bytes: &[], more: false, whole: false };
    }
    let bytes = part.bytes.get(offset..).unwrap_or(&[]);
    text(bytes, most).unwrap_or(Value::Address(part.address.wrapping_add(offset as u64)))
}

// What stands in the data: its bytes are those from there on, its count is how much of the data is left.
static STRING: Type = Type::Custom(&Custom::of(0, Shape::Struct, |part, _, emit| {
    emit(Item::member("string", string(part, 0)))
}));

/// `struct dm_target_msg`
static MESSAGE: Type = Type::Custom(&Custom::of(0, Shape::Struct, |part, _, emit| {
    emit(Item::member("sector", part.value_at(0, &U64)));
    emit(Item::member("message", string(part, 8)));
}));

/// `struct dm_target_spec`, which the string of its parameters follows.
static TARGET: Type = Type::Custom(&Custom::of(0, Shape::Struct, |part, _, emit| {
    Object { ty: &TARGET_HEAD, ..*part }.parts(true, emit);
    emit(Item::member("string", string(part, 40)));
}));
static TARGET_HEAD: Type = Type::Struct(&Struct::of(&[
    field("sector_start", U64),
    field("length", U64),
    field("status", INT).only_if(|target| target.at == At::Return),
    hidden(U32),
    field("target_type", Type::Chars(uapi::DM_MAX_TYPE_NAME as usize)),
]));

/// `struct dm_target_deps`
static DEPENDENCIES: Type = Type::Custom(&Custom::of(0, Shape::Struct, |part, _, emit| {
    let count = number(part, 0);
    let bytes = part.bytes.get(8..).unwrap_or(&[]);
    let address = part.address.wrapping_add(8);
    emit(Item::member("count", Value::Unsigned(count)));
    emit(Item::member("deps", Value::Object(Object { ty: &DEVICES, bytes, address, count, ..*part })));
}));
static DEVICES: Type = Type::Elements(&DEVICE, 0);

/// `struct dm_name_list`. The number of an event follows the name since version 4.37, if there is room before the
/// next one: of the last one nobody knows.
static NAME: Type = Type::Custom(&Custom::of(0, Shape::Struct, |part, _, emit| {
    const WITH_EVENTS: u64 = 37;
    const STRING: usize = 12;
    emit(Item::member("dev", part.value_at(0, &DEVICE)));
    emit(Item::member("name", string(part, STRING)));
    let Some(header) = part.behind(part.call.args[2], &VERSION) else { return };
    let name = part.bytes.get(STRING..).unwrap_or(&[]);
    let Some(length) = name.iter().position(|byte| *byte == 0) else { return };
    // it is aligned within the whole
    let begin = part.address.wrapping_sub(part.call.args[2]) as usize;
    let end = begin.saturating_add(STRING + length + 1).next_multiple_of(8);
    let event = end.saturating_sub(begin);
    if number(&header, 4) >= WITH_EVENTS && event as u64 + 4 <= number(part, 8) {
        emit(Item::member("event_nr", part.value_at(event, &U32)));
    }
}));

/// `struct dm_target_versions`
static TARGET_VERSION: Type = Type::Custom(&Custom::of(0, Shape::Struct, |part, _, emit| {
    emit(Item::member("name", string(part, 16)));
    emit(Item::member("version", part.value_at(4, &VERSION)));
}));

/// What kind of structure the data is made of.
struct Kind {
    ty: &'static Type,
    /// Bytes that it has at least.
    size: usize,
    /// Where it says how far away the next one is, if there may be one.
    next: Option<usize>,
    /// What is said of one that stands where none can be.
    misplaced: fn(&mut Notation<'_>, u64),
}

macro_rules! kind {
    ($ty:ident, $size:literal, $next:expr, $name:literal) => {
        Kind {
            ty: &$ty,
            size: $size,
            next: $next,
            misplaced: |out, _| out.push_text(concat!("misplaced struct ", $name)),
        }
    };
}
static STRINGS: Kind = Kind { ty: &STRING, size: 0, next: None, misplaced: |_, _| {} };
static MESSAGES: Kind = kind!(MESSAGE, 8, None, "dm_target_msg");
static TARGETS: Kind = kind!(TARGET, 40, Some(20), "dm_target_spec");
static DEPENDENCY_LISTS: Kind = kind!(DEPENDENCIES, 8, None, "dm_target_deps");
static NAMES: Kind = kind!(NAME, 12, Some(8), "dm_name_list");
static VERSIONS: Kind = kind!(TARGET_VERSION, 16, Some(0), "dm_target_versions");

/// What the data consists of, if there is any.
fn data_of(header: &Object<'_>) -> Option<&'static Kind> {
    let is_empty = number(header, DATA_START) == number(header, DATA_SIZE);
    let has_targets = number(header, TARGET_COUNT) > 0;
    match (header.at, request(header)) {
        _ if !is_valid(header) => None,
        (At::Entry, uapi::DM_DEV_RENAME | uapi::DM_DEV_SET_GEOMETRY) => Some(&STRINGS),
        (At::Return, uapi::DM_TARGET_MSG) if has_flag(header, uapi::DM_DATA_OUT_FLAG) => Some(&STRINGS),
        (At::Entry, uapi::DM_TABLE_LOAD) if has_targets => Some(&TARGETS),
        (At::Return, uapi::DM_TABLE_STATUS | uapi::DM_DEV_WAIT) if has_targets => Some(&TARGETS),
        (At::Entry, uapi::DM_TARGET_MSG) if !is_empty => Some(&MESSAGES),
        (At::Return, uapi::DM_TABLE_DEPS) if !is_empty => Some(&DEPENDENCY_LISTS),
        (At::Return, uapi::DM_LIST_DEVICES) if !is_empty => Some(&NAMES),
        (At::Return, uapi::DM_LIST_VERSIONS) if !is_empty => Some(&VERSIONS),
        _ => None,
    }
}

/// Emits the structures of the data: those of a table are counted, of others the last one says that none follows.
fn data(header: &Object<'_>, kind: &'static Kind, emit: &mut dyn FnMut(Item<'_>)) {
    let [start, end] = [DATA_START, DATA_SIZE].map(|offset| number(header, offset) as usize);
    let is_table = std::ptr::eq(kind, &TARGETS);
    // what is told of a table counts from its first target
    let from_first = is_table && header.at == At::Return;
    let mut left = if is_table { number(header, TARGET_COUNT) } else { u64::MAX };
    let (mut offset, mut least) = (start, start);
    while left > 0 {
        let address = header.address.wrapping_add(offset as u64);
        let payload = header.call.memory.from(address, header.at);
        let unreadable = matches!(payload, Some(Payload::Unreadable(_)));
        let bytes = payload.map_or(&[][..], |payload| payload.bytes());
        let bytes = bytes.get(..end.saturating_sub(offset)).unwrap_or(bytes);
        let count = end.saturating_sub(offset) as u64;
        let part = Object { ty: kind.ty, bytes, address, count, unreadable, ..*header };
        let devices = if std::ptr::eq(kind, &DEPENDENCY_LISTS) { number(&part, 0) } else { 0 };
        let size = kind.size as u64 + 8 * devices;
        if kind.size > 0 && (offset < least || size > count) {
            let comment = Comment::Written(0, kind.misplaced);
            return emit(Item::element(Value::Commented(&Value::Missing, comment)));
        }
        if bytes.len() < kind.size {
            return emit(Item::element(Value::Address(address)));
        }
        emit(Item::element(Value::Object(part)));
        let Some(next) = kind.next.map(|next| number(&part, next) as usize) else { return };
        if next == 0 && !is_table {
            return;
        }
        least = offset + kind.size + 1;
        offset = next + if from_first { start } else { offset };
        left -= 1;
    }
}

/// The request and its data, before the call or after it.
static STATE: Type = Type::Custom(&Custom::of(HEADER_SIZE, Shape::List, |header, verbose, emit| {
    emit(Item::element(Value::Object(Object { ty: &HEADER, ..*header })));
    let Some(kind) = data_of(header) else { return };
    // an answer for which there was too little room is none
    let is_full = header.at == At::Return && has_flag(header, uapi::DM_BUFFER_FULL_FLAG);
    if verbose && !is_full {
        data(header, kind, emit);
    } else {
        emit(Item::element(Value::More(None)));
    }
}));
static REQUEST: Type = Type::Custom(&Custom {
    size: HEADER_SIZE,
    compat_size: HEADER_SIZE,
    shape: Shape::Bare,
    parts: |header, verbose, emit| {
        // one that does not even reach to its size is none
        if number(header, DATA_SIZE) >= DATA_SIZE as u64 {
            rewritten(header, verbose, (&STATE, &STATE), emit);
        }
    },
    // all of it, with the data
    nested: &[Nested { offset: [0, 0], ty: Type::Following(&U8, Length::Member(DATA_SIZE as u8)) }],
});

/// `NULL` is none.
const STRUCTURE: Type = Type::Either(|call| call.args[2] != 0, &ENCODED, &NUMBER);
static ENCODED: Type = encoded(&REQUEST);

pub const REQUESTS: &[Case] = requests! {
    DM_VERSION: STRUCTURE,
    DM_REMOVE_ALL: STRUCTURE,
    DM_LIST_DEVICES: STRUCTURE,
    DM_DEV_CREATE: STRUCTURE,
    DM_DEV_REMOVE: STRUCTURE,
    DM_DEV_RENAME: STRUCTURE,
    DM_DEV_SUSPEND: STRUCTURE,
    DM_DEV_STATUS: STRUCTURE,
    DM_DEV_WAIT: STRUCTURE,
    DM_TABLE_LOAD: STRUCTURE,
    DM_TABLE_CLEAR: STRUCTURE,
    DM_TABLE_DEPS: STRUCTURE,
    DM_TABLE_STATUS: STRUCTURE,
    DM_LIST_VERSIONS: STRUCTURE,
    DM_TARGET_MSG: STRUCTURE,
    DM_DEV_SET_GEOMETRY: STRUCTURE,
    DM_DEV_ARM_POLL: STRUCTURE,
};
