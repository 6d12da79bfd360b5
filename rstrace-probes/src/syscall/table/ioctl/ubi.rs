//! Volumes on flash memory: UBI devices.

use rstrace_core::describe::{
    Access, Case, Custom, Item, Length, Meaning, Object, Parts, Shape, Struct, Type, Width, field, hidden,
    size_of_type,
};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet};

use super::{encoded, following, requests, rewritten};
use crate::syscall::types::*;

static KINDS: Choices = choices!("UBI_???_VOLUME", UBI_DYNAMIC_VOLUME UBI_STATIC_VOLUME);
static VOLUME_FLAGS: FlagSet = set!("UBI_VOL_???", UBI_VOL_SKIP_CRC_CHECK_FLG);
static PROPERTIES: Choices = choices!("UBI_VOL_PROP_???", UBI_VOL_PROP_DIRECT_WRITE);
/// How long data stays: the kernel's header has lost the names, as it no longer cares.
static DATA_TYPES: Choices =
    Choices { names: &[(1, "UBI_LONGTERM"), (2, "UBI_SHORTTERM"), (3, "UBI_UNKNOWN")], unknown: "UBI_???" };

const DATA_TYPE: Type = Type::Number(Width::U8, Meaning::Choice(&DATA_TYPES));

/// Bytes of a volume's name with its end.
const NAME: usize = 128;

/// The name at an offset, of so many bytes as the program says; it is cut where it goes on.
fn name<'a>(volume: &Object<'a>, offset: usize, length: u64) -> Value<'a> {
    let Some(bytes) = volume.bytes.get(offset..offset + NAME) else { return Value::Missing };
    let shown = usize::try_from(length as i16).unwrap_or(0).min(NAME - 1);
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(NAME);
    Value::Text { bytes: &bytes[..end.min(shown)], more: end > shown, whole: true }
}

/// `struct ubi_mkvol_req` up to the name.
static VOLUME_HEAD: Type = Type::Struct(&Struct::of(&[
    field("vol_id", INT),
    field("alignment", INT),
    field("bytes", I64),
    field("vol_type", Type::Number(Width::U8, Meaning::Choice(&KINDS))),
    field("flags", flags8(&VOLUME_FLAGS)),
    field("name_len", I16),
]));
static VOLUME: Type = Type::Custom(&Custom::of(152, Shape::Struct, |volume, verbose, emit| {
    Object { ty: &VOLUME_HEAD, ..*volume }.parts(verbose, emit);
    emit(Item::member("name", name(volume, 24, volume.number(18, Width::U16))));
}));
/// The number that the volume or device got is written where the program asked for one.
static NUMBER: Type = INT;

const fn numbered(size: usize, parts: Parts) -> Custom {
    Custom::of(size, Shape::Bare, parts)
}
static MAKE_VOLUME: Type = Type::Custom(&numbered(152, |volume, verbose, emit| {
    rewritten(volume, verbose, (&VOLUME, &NUMBER), emit);
}));

/// `struct ubi_attach_req`.
static ATTACHED: Type = Type::Struct(&Struct::of(&[
    field("ubi_num", INT),
    field("mtd_num", INT),
    field("vid_hdr_offset", INT),
    field("max_beb_per1024", I16),
    hidden(Type::Padding(10)),
]));
static ATTACH: Type = Type::Custom(&numbered(24, |device, verbose, emit| {
    rewritten(device, verbose, (&ATTACHED, &NUMBER), emit);
}));

/// `struct ubi_rsvol_req`: it has no padding at its end.
static RESIZE: Type = Type::Custom(&Custom::of(12, Shape::Struct, |volume, verbose, emit| {
    Object { ty: &RESIZED, ..*volume }.parts(verbose, emit);
}));
static RESIZED: Type = Type::Struct(&Struct::of(&[field("bytes", I64), field("vol_id", INT)]));

/// An element of `struct ubi_rnvol_req`.
static RENAMED: Type = Type::Custom(&Custom::of(8 + NAME, Shape::Struct, |volume, _, emit| {
    let length = volume.number(4, Width::U16);
    emit(Item::member("vol_id", volume.value_at(0, &NUMBER)));
    emit(Item::member("name_len", Value::Int((length as i16).into())));
    emit(Item::member("name", name(volume, 8, length)));
}));
static RENAMED_LIST: Type = Type::List(Access::In, &RENAMED, Length::Fixed(0));
/// `struct ubi_rnvol_req`: its last elements are not captured.
static RENAME: Type = Type::Custom(&Custom::of(16, Shape::Struct, |volumes, _, emit| {
    /// So many can be renamed at once.
    const MOST: i32 = 32;
    let count = volumes.number(0, Width::U32) as i32;
    emit(Item::member("count", Value::Int(count.into())));
    let count = count.clamp(0, MOST) as u64;
    emit(Item::member("ents", renamed(volumes, count)));
}));

fn renamed<'a>(volumes: &Object<'a>, count: u64) -> Value<'a> {
    let list = following(volumes, size_of_type(volumes.ty, volumes.call.abi), count, &RENAMED_LIST);
    match list {
        Value::Object(list) if count == 0 => Value::Object(Object { bytes: &[], ..list }),
        list => list,
    }
}

/// `struct ubi_leb_change_req`.
static CHANGE: Type = Type::Struct(&Struct::of(&[
    field("lnum", INT),
    field("bytes", INT),
    field("dtype", DATA_TYPE),
    hidden(Type::Padding(7)),
]));
/// `struct ubi_map_req`.
static MAP: Type = Type::Struct(&Struct::of(&[field("lnum", INT), field("dtype", DATA_TYPE)]));

/// `struct ubi_set_vol_prop_req`.
static PROPERTY: Type = Type::Struct(&Struct::of(&[
    field("property", Type::Number(Width::U8, Meaning::Choice(&PROPERTIES))),
    field("value", HEX64),
]));

static BYTES: Type = I64;

/// Some requests go in another direction or have a larger argument than they say: these rows say it themselves.
pub const REQUESTS: &[Case] = requests! {
    UBI_IOCVOLRMBLK,
    UBI_IOCEBER: encoded(&NUMBER),
    UBI_IOCEBCH: input(&CHANGE),
    UBI_IOCEBUNMAP: encoded(&NUMBER),
    UBI_IOCRMVOL: encoded(&NUMBER),
    UBI_IOCRPEB: encoded(&NUMBER),
    UBI_IOCSPEB: encoded(&NUMBER),
    UBI_IOCDET: encoded(&NUMBER),
    UBI_IOCVOLUP: encoded(&BYTES),
    UBI_IOCEBMAP: encoded(&MAP),
    UBI_IOCRSVOL: encoded(&RESIZE),
    UBI_IOCSETVOLPROP: encoded(&PROPERTY),
    UBI_IOCATT: changed(&ATTACH),
    UBI_IOCVOLCRBLK,
    UBI_IOCMKVOL: changed(&MAKE_VOLUME),
    UBI_IOCRNVOL: encoded(&RENAME),
    UBI_IOCEBISMAP: input(&NUMBER),
};
