//! What the kernel says of mounts and namespaces: requests, and the answer with its strings.

use rstrace_core::describe::{
    Access, Custom, Field, Item, Length, Meaning, Object, Shape, Struct, Type, Width, field, hidden,
};
use rstrace_core::event::Value;
use rstrace_core::flags::FlagSet;

use super::attributes::{ATTR, PROPAGATION};
use super::old;
use crate::syscall::table::stat::write_kind;
use crate::syscall::types::*;
use crate::uapi;

/// As the request itself says.
const OWN: Length = Length::Own { offset: 0, scale: 1, add: 0 };

const fn growing(fields: &'static [Field], least: u64) -> Struct {
    Struct::of(fields).growing_from(least as usize)
}

/// `struct mnt_id_req` of `statmount`.
pub(super) const STATED: Type = Type::Sized(Access::In, &Type::Struct(&STATED_STRUCT), OWN);
static STATED_STRUCT: Struct = growing(
    &[
        field("size", U32),
        field("mnt_ns_fd", FD),
        field("mnt_id", HEX64),
        field("param", flags64(&MASK)),
        field("mnt_ns_id", HEX64),
    ],
    uapi::MNT_ID_REQ_SIZE_VER0,
);

/// Likewise, of `listmount`.
pub(super) const LISTED: Type = Type::Sized(Access::In, &Type::Struct(&LISTED_STRUCT), OWN);
static LISTED_STRUCT: Struct = growing(
    &[
        field("size", U32),
        field("mnt_ns_fd", FD),
        field("mnt_id", Type::Number(Width::U64, Meaning::Written(write_mount))),
        field("param", HEX64),
        field("mnt_ns_id", HEX64),
    ],
    uapi::MNT_ID_REQ_SIZE_VER0,
);

/// `struct ns_id_req`
pub(super) const NAMESPACES: Type = Type::Sized(Access::In, &Type::Struct(&NAMESPACES_STRUCT), OWN);
static NAMESPACES_STRUCT: Struct = growing(
    &[
        field("size", U32),
        hidden(U32),
        field("ns_id", HEX64),
        field("ns_type", flags(&NAMESPACE)),
        hidden(U32),
        field("user_ns_id", Type::Number(Width::U64, Meaning::Written(write_user_namespace))),
    ],
    uapi::NS_ID_REQ_SIZE_VER0,
);

static NAMESPACE: FlagSet = set!("CLONE_NEW???",
    CLONE_NEWTIME CLONE_NEWNS CLONE_NEWCGROUP CLONE_NEWUTS CLONE_NEWIPC CLONE_NEWUSER CLONE_NEWPID CLONE_NEWNET);

fn write_mount(out: &mut Notation<'_>, id: u64) {
    write_id(out, id, uapi::LSMT_ROOT, "LSMT_ROOT");
}

fn write_user_namespace(out: &mut Notation<'_>, id: u64) {
    write_id(out, id, uapi::LISTNS_CURRENT_USER, "LISTNS_CURRENT_USER");
}

/// An id in hex, or the name of the one that is none.
fn write_id(out: &mut Notation<'_>, id: u64, special: u64, name: &str) {
    if id == special {
        out.extend_from_slice(name.as_bytes());
    } else {
        named::hex(out, id);
    }
}

static MASK: FlagSet = set!("STATMOUNT_???",
    STATMOUNT_SB_BASIC STATMOUNT_MNT_BASIC STATMOUNT_PROPAGATE_FROM STATMOUNT_MNT_ROOT STATMOUNT_MNT_POINT
    STATMOUNT_FS_TYPE STATMOUNT_MNT_NS_ID STATMOUNT_MNT_OPTS STATMOUNT_FS_SUBTYPE STATMOUNT_SB_SOURCE
    STATMOUNT_OPT_ARRAY STATMOUNT_OPT_SEC_ARRAY STATMOUNT_SUPPORTED_MASK STATMOUNT_MNT_UIDMAP
    STATMOUNT_MNT_GIDMAP);

/// `struct statmount`, with the strings behind it.
pub(super) const STATMOUNT: Type = Type::Sized(
    Access::Out,
    &Type::Custom(&Custom { size: 0, compat_size: 0, shape: Shape::Struct, parts: answer, nested: &[] }),
    OWN,
);

/// Where the strings begin.
const STRINGS: usize = 512;

/// A member that is there if its bit is in the mask.
struct Member {
    bit: u64,
    name: &'static str,
    offset: usize,
    kind: Kind,
}

enum Kind {
    Value(&'static Type),
    /// The offset of a string.
    Text,
    /// The offset of strings; their number stands before it.
    Texts,
}

const fn value(bit: u64, name: &'static str, offset: usize, ty: &'static Type) -> Member {
    Member { bit, name, offset, kind: Kind::Value(ty) }
}

const fn text(bit: u64, name: &'static str, offset: usize) -> Member {
    Member { bit, name, offset, kind: Kind::Text }
}

const fn texts(bit: u64, name: &'static str, offset: usize) -> Member {
    Member { bit, name, offset, kind: Kind::Texts }
}

/// Where the mask stands.
const MASK_AT: usize = 8;

static MASK_FLAGS: Type = flags64(&MASK);
static SB_FLAGS: Type = flags(&old::FLAGS);
static ATTR_FLAGS: Type = flags64(&ATTR);

/// In the order of their offsets.
static MEMBERS: &[Member] = &[
    value(0, "size", 0, &U32),
    text(uapi::STATMOUNT_MNT_OPTS, "mnt_opts", 4),
    value(0, "mask", MASK_AT, &MASK_FLAGS),
    value(uapi::STATMOUNT_SB_BASIC, "sb_dev_major", 16, &U32),
    value(uapi::STATMOUNT_SB_BASIC, "sb_dev_minor", 20, &U32),
    value(uapi::STATMOUNT_SB_BASIC, "sb_magic", 24, &Type::Number(Width::U64, Meaning::Written(write_kind))),
    value(uapi::STATMOUNT_SB_BASIC, "sb_flags", 32, &SB_FLAGS),
    text(uapi::STATMOUNT_FS_TYPE, "fs_type", 36),
    value(uapi::STATMOUNT_MNT_BASIC, "mnt_id", 40, &HEX64),
    value(uapi::STATMOUNT_MNT_BASIC, "mnt_parent_id", 48, &HEX64),
    value(uapi::STATMOUNT_MNT_BASIC, "mnt_id_old", 56, &HEX32),
    value(uapi::STATMOUNT_MNT_BASIC, "mnt_parent_id_old", 60, &HEX32),
    value(uapi::STATMOUNT_MNT_BASIC, "mnt_attr", 64, &ATTR_FLAGS),
    value(
        uapi::STATMOUNT_MNT_BASIC,
        "mnt_propagation",
        72,
        &Type::Number(Width::U64, Meaning::Choice(&PROPAGATION)),
    ),
    value(uapi::STATMOUNT_MNT_BASIC, "mnt_peer_group", 80, &HEX64),
    value(uapi::STATMOUNT_MNT_BASIC, "mnt_master", 88, &HEX64),
    value(uapi::STATMOUNT_PROPAGATE_FROM, "propagate_from", 96, &HEX64),
    text(uapi::STATMOUNT_MNT_ROOT, "mnt_root", 104),
    text(uapi::STATMOUNT_MNT_POINT, "mnt_point", 108),
    value(uapi::STATMOUNT_MNT_NS_ID, "mnt_ns_id", 112, &HEX64),
    text(uapi::STATMOUNT_FS_SUBTYPE, "fs_subtype", 120),
    text(uapi::STATMOUNT_SB_SOURCE, "sb_source", 124),
    value(uapi::STATMOUNT_OPT_ARRAY, "opt_num", 128, &U32),
    texts(uapi::STATMOUNT_OPT_ARRAY, "opt_array", 132),
    value(uapi::STATMOUNT_OPT_SEC_ARRAY, "opt_sec_num", 136, &U32),
    texts(uapi::STATMOUNT_OPT_SEC_ARRAY, "opt_sec_array", 140),
    value(uapi::STATMOUNT_SUPPORTED_MASK, "supported_mask", 144, &MASK_FLAGS),
    value(uapi::STATMOUNT_MNT_UIDMAP, "mnt_uidmap_num", 152, &U32),
    texts(uapi::STATMOUNT_MNT_UIDMAP, "mnt_uidmap", 156),
    value(uapi::STATMOUNT_MNT_GIDMAP, "mnt_gidmap_num", 160, &U32),
    texts(uapi::STATMOUNT_MNT_GIDMAP, "mnt_gidmap", 164),
];

fn answer(statmount: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    if statmount.bytes.len() < STRINGS {
        return;
    }
    let mask = statmount.number(MASK_AT, Width::U64);
    for member in MEMBERS.iter().filter(|member| member.bit == 0 || mask & member.bit != 0) {
        let value = match member.kind {
            Kind::Value(ty) => statmount.value_at(member.offset, ty),
            Kind::Text => first_string(strings_at(statmount, member.offset)),
            Kind::Texts => {
                let count = statmount.number(member.offset - 4, Width::U32);
                let bytes = strings_at(statmount, member.offset);
                Value::Object(Object { ty: &LIST, bytes, count, ..*statmount })
            }
        };
        emit(Item::member(member.name, value));
    }
}

/// The strings that the member at this offset says the offset of, and all behind them.
fn strings_at<'a>(statmount: &Object<'a>, member: usize) -> &'a [u8] {
    let offset = STRINGS.saturating_add(statmount.number(member, Width::U32) as usize);
    statmount.bytes.get(offset..).unwrap_or(&[])
}

fn first_string(bytes: &[u8]) -> Value<'_> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    Value::Text { bytes: &bytes[..end], more: false, whole: false }
}

static LIST: Type =
    Type::Custom(&Custom { size: 0, compat_size: 0, shape: Shape::List, parts: list, nested: &[] });

fn list(strings: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    let strings = strings.bytes.split(|byte| *byte == 0).take(strings.count as usize);
    strings.for_each(|string| emit(Item::element(first_string(string))));
}
