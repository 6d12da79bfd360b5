//! Btrfs: searches in its trees, and what is found there.

use std::io::Write;

use rstrace_core::describe::{
    Access, Case, Custom, Field, Item, Length, Meaning, Named, Nested, Object, Parts, Shape, Struct, Type,
    Width, field, hidden,
};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet};
use rstrace_core::memory::At;
use rstrace_core::probe::Payload;

use super::{encoded, requests, rewritten, text, two_parts};
use crate::syscall::types::*;
use crate::uapi;

/// `UINT64_MAX` stands for all that follows.
pub(super) const LIMIT: Type = Type::Number(Width::U64, Meaning::Named(&Named::unsigned(write_limit)));
fn write_limit(out: &mut Notation<'_>, limit: u64) {
    let _ = if limit == u64::MAX { write!(out, "UINT64_MAX") } else { write!(out, "{limit}") };
}

static OBJECTS: Choices = choices!("", BTRFS_ROOT_TREE_OBJECTID BTRFS_EXTENT_TREE_OBJECTID BTRFS_CHUNK_TREE_OBJECTID
    BTRFS_DEV_TREE_OBJECTID BTRFS_FS_TREE_OBJECTID BTRFS_ROOT_TREE_DIR_OBJECTID BTRFS_CSUM_TREE_OBJECTID
    BTRFS_QUOTA_TREE_OBJECTID BTRFS_UUID_TREE_OBJECTID BTRFS_FREE_SPACE_TREE_OBJECTID BTRFS_BLOCK_GROUP_TREE_OBJECTID
    BTRFS_RAID_STRIPE_TREE_OBJECTID BTRFS_REMAP_TREE_OBJECTID BTRFS_FIRST_FREE_OBJECTID BTRFS_LAST_FREE_OBJECTID);
/// A tree, or something in one.
pub(super) const OBJECT: Type = Type::Number(Width::U64, Meaning::Named(&Named::unsigned(write_object)));
fn write_object(out: &mut Notation<'_>, object: u64) {
    match OBJECTS.name(object) {
        Some(name) => out.push_text(name),
        None => write_limit(out, object),
    }
}

static KEYS: Choices = Choices {
    names: &sorted([
        (uapi::BTRFS_INODE_ITEM_KEY, "BTRFS_INODE_ITEM_KEY"),
        (uapi::BTRFS_INODE_REF_KEY, "BTRFS_INODE_REF_KEY"),
        (uapi::BTRFS_INODE_EXTREF_KEY, "BTRFS_INODE_EXTREF_KEY"),
        (uapi::BTRFS_XATTR_ITEM_KEY, "BTRFS_XATTR_ITEM_KEY"),
        (uapi::BTRFS_VERITY_DESC_ITEM_KEY, "BTRFS_VERITY_DESC_ITEM_KEY"),
        (uapi::BTRFS_VERITY_MERKLE_ITEM_KEY, "BTRFS_VERITY_MERKLE_ITEM_KEY"),
        (uapi::BTRFS_ORPHAN_ITEM_KEY, "BTRFS_ORPHAN_ITEM_KEY"),
        (uapi::BTRFS_DIR_LOG_ITEM_KEY, "BTRFS_DIR_LOG_ITEM_KEY"),
        (uapi::BTRFS_DIR_LOG_INDEX_KEY, "BTRFS_DIR_LOG_INDEX_KEY"),
        (uapi::BTRFS_DIR_ITEM_KEY, "BTRFS_DIR_ITEM_KEY"),
        (uapi::BTRFS_DIR_INDEX_KEY, "BTRFS_DIR_INDEX_KEY"),
        (uapi::BTRFS_EXTENT_DATA_KEY, "BTRFS_EXTENT_DATA_KEY"),
        (uapi::BTRFS_EXTENT_CSUM_KEY, "BTRFS_EXTENT_CSUM_KEY"),
        (uapi::BTRFS_ROOT_ITEM_KEY, "BTRFS_ROOT_ITEM_KEY"),
        (uapi::BTRFS_ROOT_BACKREF_KEY, "BTRFS_ROOT_BACKREF_KEY"),
        (uapi::BTRFS_ROOT_REF_KEY, "BTRFS_ROOT_REF_KEY"),
        (uapi::BTRFS_EXTENT_ITEM_KEY, "BTRFS_EXTENT_ITEM_KEY"),
        (uapi::BTRFS_METADATA_ITEM_KEY, "BTRFS_METADATA_ITEM_KEY"),
        (uapi::BTRFS_TREE_BLOCK_REF_KEY, "BTRFS_TREE_BLOCK_REF_KEY"),
        (uapi::BTRFS_EXTENT_DATA_REF_KEY, "BTRFS_EXTENT_DATA_REF_KEY"),
        // gone from the headers
        (180, "BTRFS_EXTENT_REF_V0_KEY"),
        (uapi::BTRFS_SHARED_BLOCK_REF_KEY, "BTRFS_SHARED_BLOCK_REF_KEY"),
        (uapi::BTRFS_SHARED_DATA_REF_KEY, "BTRFS_SHARED_DATA_REF_KEY"),
        (uapi::BTRFS_BLOCK_GROUP_ITEM_KEY, "BTRFS_BLOCK_GROUP_ITEM_KEY"),
        (uapi::BTRFS_FREE_SPACE_INFO_KEY, "BTRFS_FREE_SPACE_INFO_KEY"),
        (uapi::BTRFS_FREE_SPACE_EXTENT_KEY, "BTRFS_FREE_SPACE_EXTENT_KEY"),
        (uapi::BTRFS_FREE_SPACE_BITMAP_KEY, "BTRFS_FREE_SPACE_BITMAP_KEY"),
        (uapi::BTRFS_DEV_EXTENT_KEY, "BTRFS_DEV_EXTENT_KEY"),
        (uapi::BTRFS_DEV_ITEM_KEY, "BTRFS_DEV_ITEM_KEY"),
        (uapi::BTRFS_CHUNK_ITEM_KEY, "BTRFS_CHUNK_ITEM_KEY"),
        (uapi::BTRFS_QGROUP_STATUS_KEY, "BTRFS_QGROUP_STATUS_KEY"),
        (uapi::BTRFS_QGROUP_INFO_KEY, "BTRFS_QGROUP_INFO_KEY"),
        (uapi::BTRFS_QGROUP_LIMIT_KEY, "BTRFS_QGROUP_LIMIT_KEY"),
        (uapi::BTRFS_QGROUP_RELATION_KEY, "BTRFS_QGROUP_RELATION_KEY"),
        (uapi::BTRFS_TEMPORARY_ITEM_KEY, "BTRFS_TEMPORARY_ITEM_KEY"),
        (uapi::BTRFS_PERSISTENT_ITEM_KEY, "BTRFS_PERSISTENT_ITEM_KEY"),
        (uapi::BTRFS_DEV_REPLACE_KEY, "BTRFS_DEV_REPLACE_KEY"),
        (uapi::BTRFS_UUID_KEY_SUBVOL, "BTRFS_UUID_KEY_SUBVOL"),
        (uapi::BTRFS_UUID_KEY_RECEIVED_SUBVOL, "BTRFS_UUID_KEY_RECEIVED_SUBVOL"),
        (uapi::BTRFS_STRING_ITEM_KEY, "BTRFS_STRING_ITEM_KEY"),
    ]),
    unknown: "",
};
/// What kind of item it is.
const KEY: Type = Type::Number(Width::U32, Meaning::Named(&Named::unsigned(write_key)));
fn write_key(out: &mut Notation<'_>, key: u64) {
    match KEYS.name(key) {
        Some(name) => out.push_text(name),
        None if key == u64::from(u32::MAX) => out.push_text("UINT32_MAX"),
        None => drop(write!(out, "{key}")),
    }
}

/// `struct btrfs_ioctl_search_key`
const SEARCH_KEY: [Field; 11] = [
    field("tree_id", OBJECT),
    field("min_objectid", OBJECT),
    field("max_objectid", OBJECT),
    field("min_offset", LIMIT),
    field("max_offset", LIMIT),
    field("min_transid", LIMIT),
    field("max_transid", LIMIT),
    field("min_type", KEY),
    field("max_type", KEY),
    field("nr_items", U32),
    hidden(Type::Padding(36)),
];
static WHOLE_KEY: Type = Type::Struct(&Struct::of(&SEARCH_KEY));
/// In brief without the bounds that leave out nothing but what belongs to the file system itself.
const ASKED_KEY: Type = Type::Custom(&ASKED);
static ASKED: Custom = Custom::of(FIXED_BUFFER, Shape::Struct, |key, verbose, emit| {
    let key = Object { ty: &WHOLE_KEY, ..*key };
    key.parts(true, &mut |item| {
        let usual = match item.name {
            "min_objectid" => Some(uapi::BTRFS_FIRST_FREE_OBJECTID),
            "max_objectid" => Some(uapi::BTRFS_LAST_FREE_OBJECTID),
            _ => None,
        };
        if verbose || usual.is_none() || usual != key.member(item.name) {
            emit(item);
        }
    });
});
static ANSWERED_KEY: Type = Type::Struct(&Struct::of(&SEARCH_KEY).in_order(&[9]));
static SEARCH: Type = Type::Struct(&Struct::of(&[field("key", ASKED_KEY)]));
static SIZED_SEARCH: Type = Type::Struct(&Struct::of(&[field("key", ASKED_KEY), field("buf_size", U64)]));
static NEEDED: Type =
    Type::Struct(&Struct::of(&[field("key", ASKED_KEY), field("buf_size", U64)]).in_order(&[1]));

/// `struct btrfs_ioctl_search_header`
static HEADER: Type = Type::Struct(&Struct::of(&[
    field("transid", U64),
    field("objectid", OBJECT),
    field("offset", U64),
    field("type", KEY),
    field("len", U32),
]));
/// What was found: headers, each with so many bytes behind it.
static ITEMS: Type = Type::Custom(&Custom::of(0, Shape::List, |items, _, emit| {
    const SIZE: usize = 32;
    let mut offset = 0;
    for _ in 0..items.count {
        let rest = items.bytes.get(offset..).unwrap_or(&[]);
        let address = items.address.wrapping_add(offset as u64);
        let Some(bytes) = rest.get(..SIZE) else {
            return emit(Item::element(Value::More(items.unreadable.then_some(address))));
        };
        let header = Object { ty: &HEADER, bytes, address, ..*items };
        emit(Item::element(Value::Object(header)));
        offset += SIZE + header.number(28, Width::U32) as usize;
    }
}));

/// What a search answers: its buffer has so many bytes and begins here.
fn answer(search: &Object<'_>, (begin, size): (usize, u64), verbose: bool, emit: &mut dyn FnMut(Item<'_>)) {
    let count = search.number(64, Width::U32);
    emit(Item::member("key", Value::Object(Object { ty: &ANSWERED_KEY, ..*search })));
    if begin > FIXED_BUFFER {
        emit(Item::member("buf_size", Value::Unsigned(size)));
    }
    if !verbose {
        return emit(Item::element(Value::More(None)));
    }
    let address = search.address.wrapping_add(begin as u64);
    let payload = search.call.memory.from(address, search.at);
    let bytes = payload.map_or(&[][..], |payload| payload.bytes());
    let bytes = bytes.get(..usize::try_from(size).unwrap_or(usize::MAX)).unwrap_or(bytes);
    let unreadable = matches!(payload, Some(Payload::Unreadable(_))) && (bytes.len() as u64) < size;
    emit(Item::member(
        "buf",
        Value::Object(Object { ty: &ITEMS, bytes, address, count, unreadable, ..*search }),
    ));
}
/// Where the buffer of a `struct btrfs_ioctl_search_args` begins: it ends with the page.
const FIXED_BUFFER: usize = 104;
static SEARCH_FIXED: Type = two_parts!(104, Bare, rewritten, SEARCH, FOUND);
static FOUND: Type = Type::Custom(&Custom::of(FIXED_BUFFER, Shape::Struct, |search, verbose, emit| {
    answer(search, (FIXED_BUFFER, 4096 - FIXED_BUFFER as u64), verbose, emit)
}));
/// That of a `struct btrfs_ioctl_search_args_v2`, of which the size stands before it.
static FOUND_SIZED: Type = Type::Custom(&Custom::of(112, Shape::Struct, |search, verbose, emit| {
    answer(search, (112, search.number(104, Width::U64)), verbose, emit)
}));
static SEARCH_SIZED: Type = Type::Custom(&Custom {
    size: 112,
    compat_size: 112,
    shape: Shape::Bare,
    parts: |search, verbose, emit| {
        let first = Value::Object(Object { ty: &SIZED_SEARCH, ..*search });
        // if an item does not fit, it is answered how much it takes
        match search.changed().filter(|_| search.call.returned() == -i64::from(libc::EOVERFLOW)) {
            Some(changed) => {
                let second = Value::Object(Object { ty: &NEEDED, ..changed });
                emit(Item::element(Value::Change(&first, &second)));
            }
            None => rewritten(search, verbose, (&SIZED_SEARCH, &FOUND_SIZED), emit),
        }
    },
    nested: &[Nested { offset: [112, 112], ty: Type::Following(&U8, Length::Member(104)) }],
});

/// `struct btrfs_ioctl_ino_lookup_args`. Tree 0 is that of the file, which is answered.
const LOOKUP: [Field; 3] = [
    field("treeid", OBJECT).only_if(|lookup| {
        let asked = lookup.call.memory.bytes(lookup.address, 8, At::Entry);
        lookup.at == At::Entry || asked == Some(&[0; 8])
    }),
    field("objectid", OBJECT),
    field("name", Type::Chars(uapi::BTRFS_INO_LOOKUP_PATH_MAX as usize)),
];
static LOOKUP_BEFORE: Type = Type::Struct(&Struct::of(&LOOKUP).in_order(&[0, 1]));
static LOOKUP_AFTER: Type = Type::Struct(&Struct::of(&LOOKUP).in_order(&[0, 2]));
static LOOK_UP: Type = two_parts!(4096, Bare, rewritten, LOOKUP_BEFORE, LOOKUP_AFTER);

/// An object of which the request writes what its member points to: the address before, the data after.
const fn with_container(shape: Shape, parts: Parts) -> Custom {
    // as many bytes as the second member says
    const CONTAINER: Nested =
        Nested { offset: [48, 48], ty: Type::List(Access::Out, &U8, Length::Member(8)) };
    Custom { size: 56, compat_size: 56, shape, parts, nested: &[CONTAINER] }
}
const CONTAINER_ADDRESS: Type = Type::Number(Width::U64, Meaning::Address);

/// `struct btrfs_data_container` at the address that stands at the end.
fn container<'a>(request: &Object<'a>, ty: &'static Type) -> Value<'a> {
    let [size, address] = [8, 48].map(|offset| request.number(offset, Width::U64));
    let bytes = request.call.memory.from(address, request.at).map_or(&[][..], |payload| payload.bytes());
    let bytes = bytes.get(..usize::try_from(size).unwrap_or(usize::MAX)).unwrap_or(bytes);
    if bytes.len() < VALUES {
        return Value::Address(address);
    }
    Value::Object(Object { ty, bytes, address, ..*request })
}
/// Where the values of a container begin.
const VALUES: usize = 16;
static CONTAINER_HEAD: Type = Type::Struct(&Struct::of(&[
    field("bytes_left", U32),
    field("bytes_missing", U32),
    field("elem_cnt", U32),
    field("elem_missed", U32),
]));

fn values(
    container: &Object<'_>,
    (ty, each): (&'static Type, u64),
    verbose: bool,
    emit: &mut dyn FnMut(Item<'_>),
) {
    Object { ty: &CONTAINER_HEAD, ..*container }.parts(true, emit);
    if !verbose {
        return emit(Item::element(Value::More(None)));
    }
    let bytes = container.bytes.get(VALUES..).unwrap_or(&[]);
    let address = container.address.wrapping_add(VALUES as u64);
    let count = container.number(8, Width::U32) / each;
    emit(Item::member("val", Value::Object(Object { ty, bytes, address, count, ..*container })));
}

/// `struct btrfs_ioctl_ino_path_args`
const PATHS: [Field; 4] =
    [field("inum", U64), field("size", U64), hidden(Type::Padding(32)), field("fspath", CONTAINER_ADDRESS)];
static PATHS_BEFORE: Type = Type::Struct(&Struct::of(&PATHS));
static PATHS_AFTER: Type = Type::Custom(&with_container(Shape::Struct, |request, _, emit| {
    emit(Item::member("fspath", container(request, &PATH_CONTAINER)));
}));
static PATH_CONTAINER: Type = Type::Custom(&Custom::of(0, Shape::Struct, |container, verbose, emit| {
    values(container, (&PATH_LIST, 1), verbose, emit)
}));
/// Where each path begins, counted from here.
static PATH_LIST: Type = Type::Custom(&Custom::of(0, Shape::List, |list, _, emit| {
    for place in 0..list.count as usize {
        if list.bytes.len() < 8 * (place + 1) {
            return emit(Item::element(Value::More(None)));
        }
        let offset = list.number(8 * place, Width::U64);
        let rest = usize::try_from(offset).ok().and_then(|offset| list.bytes.get(offset..));
        let address = Value::Address(list.address.wrapping_add(offset));
        emit(Item::element(text(rest.unwrap_or(&[]), uapi::PATH_MAX as usize).unwrap_or(address)));
    }
}));
static FIND_PATHS: Type = Type::Custom(&with_container(Shape::Bare, |request, verbose, emit| {
    rewritten(request, verbose, (&PATHS_BEFORE, &PATHS_AFTER), emit);
}));

static LOGICAL_FLAGS: FlagSet = set!("BTRFS_LOGICAL_INO_ARGS_???", BTRFS_LOGICAL_INO_ARGS_IGNORE_OFFSET);
/// `struct btrfs_ioctl_logical_ino_args`
const INODES: [Field; 5] = [
    field("logical", U64),
    field("size", U64),
    field("reserved", Type::Elements(&HEX64, 3)).only_if(|request| {
        request.bytes.get(16..40).is_some_and(|reserved| reserved.iter().any(|byte| *byte != 0))
    }),
    field("flags", flags64(&LOGICAL_FLAGS)),
    field("inodes", CONTAINER_ADDRESS),
];
static INODES_BEFORE: Type = Type::Struct(&Struct::of(&INODES));
static INODES_AFTER: Type = Type::Custom(&with_container(Shape::Struct, |request, _, emit| {
    emit(Item::member("inodes", container(request, &INODE_CONTAINER)));
}));
static INODE_CONTAINER: Type = Type::Custom(&Custom::of(0, Shape::Struct, |container, verbose, emit| {
    // three values are one inode
    values(container, (&INODE_LIST, 3), verbose, emit);
}));
static INODE_LIST: Type = Type::Elements(&INODE, 0);
static INODE: Type =
    Type::Struct(&Struct::of(&[field("inum", U64), field("offset", U64), field("root", OBJECT)]));
static FIND_INODES: Type = Type::Custom(&with_container(Shape::Bare, |request, verbose, emit| {
    rewritten(request, verbose, (&INODES_BEFORE, &INODES_AFTER), emit);
}));

pub const REQUESTS: &[Case] = requests! {
    BTRFS_IOC_TREE_SEARCH: encoded(&SEARCH_FIXED),
    BTRFS_IOC_TREE_SEARCH_V2: encoded(&SEARCH_SIZED),
    BTRFS_IOC_INO_LOOKUP: encoded(&LOOK_UP),
    BTRFS_IOC_INO_PATHS: encoded(&FIND_PATHS),
    BTRFS_IOC_LOGICAL_INO: encoded(&FIND_INODES),
};
