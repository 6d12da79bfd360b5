//! Fonts of consoles: what characters look like, and which of them stands for a code point.

use rstrace_core::describe::{
    Access, Case, Custom, Item, Length, Nested, Object, Parts, Shape, Struct, Type, Width, field,
    size_of_type,
};
use rstrace_core::event::{Abi, Value};
use rstrace_core::flags::{Choices, FlagSet};
use rstrace_core::probe::Payload;

use super::{following, requests, rewritten, text};
use crate::syscall::types::*;
use crate::uapi;

/// `struct unipair`.
static PAIR: Type = Type::Struct(&Struct::of(&[field("unicode", HEX16), field("fontpos", HEX16)]));
static PAIRS: Type = Type::List(Access::In, &PAIR, Length::Member(0));
/// `struct unimapdesc`.
static MAP: Struct = Struct::of(&[field("entry_ct", U16), field("entries", PAIRS)]);
static TOLD_MAP: Type = Type::Struct(&MAP);

/// So many pairs are there, of which as many are answered as there is room for: too little room is an error.
fn asked_map(map: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    if map.bytes.len() < size_of_type(map.ty, map.call.abi) {
        return;
    }
    let Some(after) = map.changed() else { return };
    let [room, count] = [map, &after].map(|map| map.number(0, Width::U16));
    emit(Item::member("entry_ct", Value::Change(&Value::Unsigned(room), &Value::Unsigned(count))));
    let address = map.address_at(PAIRS_AT[usize::from(map.call.abi == Abi::Compat32)]);
    let is_answered = map.call.succeeded() || map.call.returned() == -i64::from(libc::ENOMEM);
    emit(Item::member(
        "entries",
        match is_answered && address != 0 {
            true => following(&Object { address, ..after }, 0, count.min(room), &PAIRS),
            false => Value::Address(address),
        },
    ));
}
const PAIRS_AT: [usize; 2] = [8, 4];
static GET_MAP: Type = Type::Custom(&Custom {
    size: 16,
    compat_size: 8,
    shape: Shape::Struct,
    parts: asked_map,
    nested: &[Nested { offset: [0, 0], ty: Type::Struct(&MAP) }],
});

/// Every character has so many bytes in the data of a font, however high it is.
const CHARACTER: u64 = 32;

/// What a font consists of, or its name: more is behind the address than is shown.
const fn data(access: Access) -> Type {
    Type::HexBuffer(access, Length::Fixed(1 << 20))
}

/// So many bytes of a font's data.
fn glyphs<'a>(font: &Object<'a>, address: u64, size: u64) -> Value<'a> {
    if size == 0 && address != 0 {
        return Value::HexBytes(&[]);
    }
    let part = |bytes: &'a [u8]| &bytes[..bytes.len().min(usize::try_from(size).unwrap_or(usize::MAX))];
    match font.call.memory.from(address, font.at) {
        Some(Payload::Bytes(bytes) | Payload::Cut(bytes)) => Value::HexBytes(part(bytes)),
        Some(Payload::Unreadable(bytes)) if bytes.len() as u64 >= size => Value::HexBytes(part(bytes)),
        _ => Value::Address(address),
    }
}

/// `struct consolefontdesc`.
fn description(font: &Object<'_>, has_data: bool, emit: &mut dyn FnMut(Item<'_>)) {
    let count = font.number(0, Width::U16);
    let address = font.address_at(DATA[usize::from(font.call.abi == Abi::Compat32)]);
    emit(Item::member("charcount", Value::Unsigned(count)));
    emit(Item::member("charheight", Value::Unsigned(font.number(2, Width::U16))));
    let data = if has_data { glyphs(font, address, count * CHARACTER) } else { Value::Address(address) };
    emit(Item::member("chardata", data));
}
const DATA: [usize; 2] = [8, 4];

/// A [`Custom`] that has its data at one of these offsets, of native and of 32-bit programs; nothing follows it.
const fn with_data(data_at: [usize; 2], shape: Shape, parts: Parts, nested: &'static [Nested]) -> Custom {
    Custom { size: data_at[0] + 8, compat_size: data_at[1] + 4, shape, parts, nested }
}
static WITHOUT_DATA: Type =
    Type::Custom(&with_data(DATA, Shape::Struct, |font, _, emit| description(font, false, emit), &[]));
static WITH_DATA: Type = Type::Custom(&with_data(
    DATA,
    Shape::Struct,
    |font, _, emit| description(font, true, emit),
    &[Nested { offset: [8, 4], ty: data(Access::In) }],
));
static GET_FONT: Type = Type::Custom(&with_data(
    DATA,
    Shape::Bare,
    |font, verbose, emit| rewritten(font, verbose, (&WITHOUT_DATA, &WITH_DATA), emit),
    &[Nested { offset: [8, 4], ty: data(Access::Out) }],
));

static OPERATIONS: Choices = choices!("KD_FONT_OP_???", KD_FONT_OP_SET KD_FONT_OP_GET KD_FONT_OP_SET_DEFAULT
    KD_FONT_OP_COPY KD_FONT_OP_SET_TALL KD_FONT_OP_GET_TALL);
static OPERATION_FLAGS: FlagSet = set!("KD_FONT_FLAG_???", KD_FONT_FLAG_DONT_RECALC);
static OPERATION: Type = choice(&OPERATIONS);
static OPERATION_FLAG: Type = flags(&OPERATION_FLAGS);

/// `struct console_font_op`: members of 32 bits, and the address of the data or of a name.
const OPERATION_DATA: [usize; 2] = [24, 20];
const WIDTH: usize = 8;
const HEIGHT: usize = 12;
const COUNT: usize = 16;
/// Bytes of a font's name with its end.
const NAME: usize = 32;

fn number_at(op: &Object<'_>, offset: usize) -> u64 {
    op.number(offset, Width::U32)
}

fn operation_address(op: &Object<'_>) -> u64 {
    op.address_at(OPERATION_DATA[usize::from(op.call.abi == Abi::Compat32)])
}

/// The data of a font whose height says how many bytes a character has in the tall operations.
fn operation_data<'a>(op: &Object<'a>) -> Value<'a> {
    let rows = match number_at(op, 0) {
        uapi::KD_FONT_OP_SET_TALL | uapi::KD_FONT_OP_GET_TALL => number_at(op, HEIGHT),
        _ => CHARACTER,
    };
    let size = number_at(op, WIDTH).div_ceil(8).saturating_mul(rows).saturating_mul(number_at(op, COUNT));
    glyphs(op, operation_address(op), size)
}

fn font_name<'a>(op: &Object<'a>) -> Value<'a> {
    let address = operation_address(op);
    let bytes = op.call.memory.from(address, op.at).map_or(&[][..], |name| name.bytes());
    text(bytes, NAME).unwrap_or(Value::Address(address))
}

fn emit_number(op: &Object<'_>, (name, offset): (&'static str, usize), emit: &mut dyn FnMut(Item<'_>)) {
    emit(Item::member(name, Value::Unsigned(number_at(op, offset))));
}

/// What an operation asks for: of each the members that it uses.
fn asked(op: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    emit(Item::member("op", op.value_at(0, &OPERATION)));
    let kind = number_at(op, 0);
    if kind == uapi::KD_FONT_OP_COPY {
        return emit_number(op, ("height", HEIGHT), emit);
    }
    let is_named = kind == uapi::KD_FONT_OP_SET_DEFAULT;
    if !is_named {
        emit(Item::member("flags", op.value_at(4, &OPERATION_FLAG)));
    }
    emit_number(op, ("width", WIDTH), emit);
    emit_number(op, ("height", HEIGHT), emit);
    if !is_named {
        emit_number(op, ("charcount", COUNT), emit);
    }
    emit(Item::member(
        "data",
        match kind {
            uapi::KD_FONT_OP_SET | uapi::KD_FONT_OP_SET_TALL => operation_data(op),
            uapi::KD_FONT_OP_SET_DEFAULT => font_name(op),
            _ => Value::Address(operation_address(op)),
        },
    ));
}

/// What it answers.
fn answered(op: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    emit_number(op, ("width", WIDTH), emit);
    emit_number(op, ("height", HEIGHT), emit);
    if number_at(op, 0) != uapi::KD_FONT_OP_SET_DEFAULT {
        emit_number(op, ("charcount", COUNT), emit);
        emit(Item::member(
            "data",
            match number_at(op, 0) {
                uapi::KD_FONT_OP_GET | uapi::KD_FONT_OP_GET_TALL => operation_data(op),
                _ => Value::Address(operation_address(op)),
            },
        ));
    }
}
static ASKED: Type = Type::Custom(&with_data(OPERATION_DATA, Shape::Struct, asked, &[]));
static ANSWERED: Type = Type::Custom(&with_data(OPERATION_DATA, Shape::Struct, answered, &[]));
static FONT_OPERATION: Type = Type::Custom(&with_data(
    OPERATION_DATA,
    Shape::Bare,
    |op, verbose, emit| match number_at(op, 0) {
        uapi::KD_FONT_OP_SET | uapi::KD_FONT_OP_SET_TALL | uapi::KD_FONT_OP_COPY => {
            emit(Item::element(Value::Object(Object { ty: &ASKED, ..*op })));
        }
        _ => rewritten(op, verbose, (&ASKED, &ANSWERED), emit),
    },
    &[Nested { offset: [24, 20], ty: data(Access::In) }],
));

pub const REQUESTS: &[Case] = requests! {
    // no `Pointer`: what has changed is shown within it
    GIO_UNIMAP: Type::Sized(Access::InOutAlways, &GET_MAP, Length::Fixed(16)),
    PIO_UNIMAP: input(&TOLD_MAP),
    GIO_FONTX: changed(&GET_FONT),
    PIO_FONTX: input(&WITH_DATA),
    KDFONTOP: changed(&FONT_OPERATION),
};
