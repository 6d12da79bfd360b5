//! Keyboards of consoles: what keys mean, which strings function keys give, how accents combine.

use std::io::Write;

use rstrace_core::describe::{
    Access, Case, Constants, Custom, Item, Length, Meaning, Named, Object, Shape, Struct, Type, Width, field,
};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet, Flags};
use rstrace_core::memory::At;

use super::key_values::KEY_VALUES;
use super::{following, requests, text};
use crate::syscall::table::processes::write_signal;
use crate::syscall::types::*;
use crate::uapi;

/// An object that is shown as far as it can be read.
const fn partly(access: Access, ty: &'static Type, size: u32) -> Type {
    Type::Sized(access, ty, Length::Fixed(size))
}

static TABLES: Choices = choices!("", K_NORMTAB K_SHIFTTAB K_ALTTAB K_ALTSHIFTTAB);
macro_rules! modifiers {
    ($($name:ident)*) => { &[$((1 << uapi::$name, concat!("1<<", stringify!($name)))),*] };
}
static MODIFIERS: FlagSet = FlagSet {
    choice: None,
    names: modifiers!(KG_SHIFT KG_ALTGR KG_CTRL KG_ALT KG_SHIFTL KG_SHIFTR KG_CTRLL KG_CTRLR),
    unknown: "",
};

/// Which keymap: that of so many modifiers together.
fn write_keymap(out: &mut Notation<'_>, table: u64) {
    match TABLES.name(table) {
        Some(name) => out.push_text(name),
        None => Flags { bits: table, set: &MODIFIERS }.write(out),
    }
}
static KEYMAP: Type = Type::Number(Width::U8, Meaning::Named(&Named::hex(write_keymap)));

static KEY_TYPES: Choices = choices!("", KT_LATIN KT_FN KT_SPEC KT_PAD KT_DEAD KT_CONS KT_CUR KT_SHIFT KT_META KT_ASCII
    KT_LOCK KT_LETTER KT_SLOCK KT_DEAD2 KT_BRL KT_CSI);
/// Those whose values are characters.
const OF_CHARACTERS: [u64; 4] = [uapi::KT_LATIN, uapi::KT_META, uapi::KT_LETTER, uapi::KT_DEAD2];

/// As in C: `'a'`, `'\n'`, `'\xff'`.
fn write_character(out: &mut Notation<'_>, character: u64) {
    let character = character as u8;
    let _ = match character {
        b'\'' | b'\\' => write!(out, "'\\{}'", char::from(character)),
        b' '..=b'~' => write!(out, "'{}'", char::from(character)),
        b'\t' => write!(out, "'\\t'"),
        b'\n' => write!(out, "'\\n'"),
        b'\x0b' => write!(out, "'\\v'"),
        b'\x0c' => write!(out, "'\\f'"),
        b'\r' => write!(out, "'\\r'"),
        _ => write!(out, "'\\x{character:02x}'"),
    };
}

/// `0x100 /* K_F1 */`, `0x61 /* K(KT_LATIN, 'a') */`
fn write_key(out: &mut Notation<'_>, key: u64) {
    named::hex(out, key);
    if out.constants() == Constants::Raw {
        return;
    }
    let (kind, value) = (key >> 8, key & 0xff);
    out.push_text(" /* ");
    if let Some(name) = KEY_VALUES.name(key) {
        out.push_text(name);
    } else {
        out.push_text("K(");
        match KEY_TYPES.name(kind) {
            Some(name) => out.push_text(name),
            None => named::hex(out, kind),
        }
        out.push_text(", ");
        match OF_CHARACTERS.contains(&kind) {
            true => write_character(out, value),
            false => named::hex(out, value),
        }
        out.push(b')');
    }
    out.push_text(" */");
}

/// `struct kbentry`. What a key means is told or asked for: then it is known after the call.
fn entry<'a>(entry: &Object<'a>, meaning: Option<&Object<'a>>, emit: &mut dyn FnMut(Item<'_>)) {
    if entry.bytes.len() < 2 {
        return;
    }
    emit(Item::member("kb_table", entry.value_at(0, &KEYMAP)));
    emit(Item::member("kb_index", Value::Unsigned(entry.number(1, Width::U8))));
    emit(Item::member(
        "kb_value",
        match meaning {
            Some(meaning) if meaning.bytes.len() == 4 => {
                Value::Written(meaning.number(2, Width::U16), write_key)
            }
            Some(_) => Value::Missing,
            None => return,
        },
    ));
}

/// The object as it is after the call, as far as it can be read, if that did not fail.
fn answer<'a>(object: &Object<'a>) -> Option<Object<'a>> {
    let after = object.call.memory.from(object.address, At::Return);
    let bytes = after.map_or(&[][..], |after| after.bytes());
    object.call.succeeded().then_some(Object { bytes, at: At::Return, ..*object })
}
static GET_ENTRY: Type =
    Type::Custom(&Custom::of(4, Shape::Struct, |asked, _, emit| entry(asked, answer(asked).as_ref(), emit)));
static SET_ENTRY: Type =
    Type::Custom(&Custom::of(4, Shape::Struct, |told, _, emit| entry(told, Some(told), emit)));

/// The name of a function key in its type, without it: `KVAL(K_F1)`.
fn write_function(out: &mut Notation<'_>, function: u64) {
    match KEY_VALUES.name(uapi::KT_FN << 8 | function) {
        Some(name) => drop(write!(out, "KVAL({name})")),
        None => named::hex(out, function),
    }
}
static FUNCTION: Type = Type::Number(Width::U8, Meaning::Named(&Named::hex(write_function)));

/// Bytes of a `struct kbsentry`.
const STRING_ENTRY: usize = 513;

/// `struct kbsentry`, likewise.
fn string_entry<'a>(entry: &Object<'a>, string: Option<&Object<'a>>, emit: &mut dyn FnMut(Item<'_>)) {
    emit(Item::member("kb_func", entry.value_at(0, &FUNCTION)));
    let Some(object) = string else { return };
    let string = text(object.bytes.get(1..).unwrap_or(&[]), STRING_ENTRY - 1);
    emit(Item::member("kb_string", string.unwrap_or(Value::Missing)));
}
static GET_STRING: Type = Type::Custom(&Custom::of(STRING_ENTRY, Shape::Struct, |asked, _, emit| {
    string_entry(asked, answer(asked).as_ref(), emit);
}));
static SET_STRING: Type = Type::Custom(&Custom::of(STRING_ENTRY, Shape::Struct, |told, _, emit| {
    string_entry(told, Some(told), emit)
}));

const CHARACTER: Type = Type::Number(Width::U8, Meaning::Written(write_character));
/// `struct kbdiacr`: two characters and what they are together.
static ACCENT: Type = Type::Struct(&Struct::of(&[
    field("diacr", CHARACTER),
    field("base", CHARACTER),
    field("result", CHARACTER),
]));
/// `struct kbdiacruc`: likewise, of Unicode.
static WIDE_ACCENT: Type =
    Type::Struct(&Struct::of(&[field("diacr", HEX32), field("base", HEX32), field("result", HEX32)]));

/// So many accents are there at most.
const ACCENTS: usize = 256;
static ACCENT_LIST: Type = Type::Elements(&ACCENT, ACCENTS);
static WIDE_ACCENT_LIST: Type = Type::Elements(&WIDE_ACCENT, ACCENTS);

fn accents(table: &Object<'_>, name: &'static str, list: &'static Type, emit: &mut dyn FnMut(Item<'_>)) {
    let Some(head) = table.bytes.first_chunk() else { return };
    let count = u32::from_ne_bytes(*head);
    emit(Item::member("kb_cnt", Value::Unsigned(count.into())));
    emit(Item::member(name, following(table, head.len(), count.into(), list)));
}
/// `struct kbdiacrs`.
static TABLE: Type = Type::Custom(&Custom::of(4 + 3 * ACCENTS, Shape::Struct, |table, _, emit| {
    accents(table, "kbdiacr", &ACCENT_LIST, emit);
}));
/// `struct kbdiacrsuc`.
static WIDE_TABLE: Type = Type::Custom(&Custom::of(4 + 12 * ACCENTS, Shape::Struct, |table, _, emit| {
    accents(table, "kbdiacruc", &WIDE_ACCENT_LIST, emit);
}));

const ACCEPTED: Type = Type::Number(Width::Word, Meaning::Named(&Named::unsigned(write_signal)));

pub const REQUESTS: &[Case] = requests! {
    KDGKBENT: partly(Access::InOut, &GET_ENTRY, 4),
    KDSKBENT: partly(Access::In, &SET_ENTRY, 4),
    KDGKBSENT: partly(Access::InOut, &GET_STRING, STRING_ENTRY as u32),
    KDSKBSENT: partly(Access::In, &SET_STRING, STRING_ENTRY as u32),
    KDGKBDIACR: partly(Access::Out, &TABLE, 4 + 3 * ACCENTS as u32),
    KDSKBDIACR: partly(Access::In, &TABLE, 4 + 3 * ACCENTS as u32),
    KDSIGACCEPT: ACCEPTED,
    KDGKBDIACRUC: partly(Access::Out, &WIDE_TABLE, 4 + 12 * ACCENTS as u32),
    KDSKBDIACRUC: partly(Access::In, &WIDE_TABLE, 4 + 12 * ACCENTS as u32),
};
