//! What a directory contains, and which one is the current one.

use std::io::Write;

use rstrace_core::describe::{Access, Custom, Item, Length, Object, Shape, Type, Width, size_of_type};
use rstrace_core::event::{Comment, Value};
use rstrace_core::flags::Choices;

use crate::syscall::types::*;

/// A path with its terminator, which the result counts.
pub(super) const CURRENT: Type = Type::Sized(Access::Out, &CURRENT_PATH, Length::Returned);
static CURRENT_PATH: Type = Type::Custom(&Custom::of(0, Shape::Bare, |object, _, emit| {
    if let [bytes @ .., 0] = object.bytes {
        emit(Item::element(Value::Path { bytes, cut: false }));
    }
}));

/// `struct linux_dirent`s.
pub(super) const ENTRIES: Type = Type::Sized(Access::Out, &COUNT, Length::Returned);
static COUNT: Type = Type::Custom(&Custom::of(0, Shape::Bare, |object, verbose, emit| {
    entries(object, verbose, 2 * size_of_type(&ULONG, object.call.abi), &LIST, emit);
}));
static LIST: Type = Type::Custom(&Custom::of(0, Shape::List, |object, _, emit| {
    for entry in split(object, 2 * size_of_type(&ULONG, object.call.abi)) {
        emit(Item::element(Value::Object(Object { ty: &ENTRY, ..entry })));
    }
}));
static ENTRY: Type = Type::Custom(&Custom::of(0, Shape::Struct, |entry, _, emit| {
    let word = size_of_type(&ULONG, entry.call.abi);
    emit(Item::member("d_ino", entry.value_at(0, &ULONG)));
    emit(Item::member("d_off", entry.value_at(word, &ULONG)));
    emit(Item::member("d_reclen", entry.value_at(2 * word, &U16)));
    let (kind, rest) = entry.bytes.split_last().unwrap_or((&0, &[]));
    emit(Item::member("d_name", name(rest.get(2 * word + 2..))));
    emit(Item::member("d_type", Value::Choice((*kind).into(), &KINDS)));
}));

/// `struct old_linux_dirent` of `readdir`: what is behind the name's end is not the call's.
pub(super) static OLD_ENTRY: Type =
    Type::Custom(&Custom::of(OLD_NAME + OLD_NAME_LEN, Shape::Struct, |entry, _, emit| {
        let length = entry.number(8, Width::U16);
        emit(Item::member("d_ino", entry.value_at(0, &U32)));
        emit(Item::member("d_off", entry.value_at(4, &U32)));
        emit(Item::member("d_reclen", Value::Unsigned(length)));
        let name = entry.bytes.get(OLD_NAME..).unwrap_or(&[]);
        let bytes = name.get(..length as usize).unwrap_or(name);
        emit(Item::member("d_name", Value::Text { bytes, more: false, whole: true }));
    }));
/// Where the name begins, and how long it can be.
const OLD_NAME: usize = 10;
const OLD_NAME_LEN: usize = 256;

/// `struct linux_dirent64`s.
pub(super) const ENTRIES64: Type = Type::Sized(Access::Out, &COUNT64, Length::Returned);
static COUNT64: Type = Type::Custom(&Custom::of(0, Shape::Bare, |object, verbose, emit| {
    entries(object, verbose, 16, &LIST64, emit);
}));
static LIST64: Type = Type::Custom(&Custom::of(0, Shape::List, |object, _, emit| {
    for entry in split(object, 16) {
        emit(Item::element(Value::Object(Object { ty: &ENTRY64, ..entry })));
    }
}));
static ENTRY64: Type = Type::Custom(&Custom::of(0, Shape::Struct, |entry, _, emit| {
    emit(Item::member("d_ino", entry.value_at(0, &U64)));
    emit(Item::member("d_off", entry.value_at(8, &I64)));
    emit(Item::member("d_reclen", entry.value_at(16, &U16)));
    emit(Item::member("d_type", Value::Choice(entry.number(18, Width::U8), &KINDS)));
    emit(Item::member("d_name", name(entry.bytes.get(19..))));
}));

static KINDS: Choices =
    choices!("DT_???", DT_UNKNOWN DT_FIFO DT_CHR DT_DIR DT_BLK DT_REG DT_LNK DT_SOCK DT_WHT);

/// In brief the number of entries behind the address.
fn entries(
    object: &Object<'_>,
    verbose: bool,
    length_at: usize,
    list: &'static Type,
    emit: &mut dyn FnMut(Item<'_>),
) {
    if verbose {
        return emit(Item::element(Value::Object(Object { ty: list, ..*object })));
    }
    let count = Comment::Written(split(object, length_at).count() as u64, |out, count| {
        let _ = write!(out, "{count} entries");
    });
    emit(Item::element(Value::Commented(&Value::Address(object.address), count)));
}

/// The entries, each with its length at this offset.
fn split<'a>(object: &Object<'a>, length_at: usize) -> impl Iterator<Item = Object<'a>> {
    let mut rest = *object;
    std::iter::from_fn(move || {
        let length = rest.number(length_at, Width::U16) as usize;
        let entry = rest.bytes.get(..length).filter(|entry| entry.len() > length_at + 2)?;
        let this = Object { bytes: entry, ..rest };
        rest.bytes = &rest.bytes[length..];
        rest.address = rest.address.wrapping_add(length as u64);
        Some(this)
    })
}

/// A name that ends with a zero, before padding.
fn name(bytes: Option<&[u8]>) -> Value<'_> {
    let bytes = bytes.unwrap_or(&[]);
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    Value::Text { bytes: &bytes[..end], more: false, whole: true }
}

#[cfg(test)]
mod tests {
    use rstrace_core::event::Abi;
    use rstrace_core::memory::{At, Memory};
    use rstrace_core::probe::{End, RawCall};

    use super::*;

    fn lengths(bytes: &[u8]) -> Vec<usize> {
        let call = RawCall {
            pair: 0,
            name: "getdents64",
            nr: 0,
            abi: Abi::Native,
            entry_ns: None,
            args: [0; 6],
            end: End::Returned(0),
            memory: Memory::of_bytes(&[]),
            tid: 1,
        };
        let (address, at, count) = (0x1000, At::Return, bytes.len() as u64);
        let object =
            Object { ty: &COUNT64, bytes, address, at, count, unreadable: false, left: 0, call: &call };
        split(&object, 16).map(|entry| entry.bytes.len()).collect()
    }

    #[test]
    fn entries_end_where_one_has_no_length_that_can_be() {
        let entry = |length: u16| {
            let mut entry = [0; 24];
            entry[16..18].copy_from_slice(&length.to_ne_bytes());
            entry
        };
        assert_eq!(lengths(&[entry(24), entry(24)].concat()), [24, 24]);
        assert_eq!(lengths(&[entry(24), entry(0)].concat()), [24]);
        assert_eq!(lengths(&[entry(24), entry(18), entry(24)].concat()), [24]);
        assert_eq!(lengths(&[entry(24), entry(25)].concat()), [24]);
        assert_eq!(lengths(&[]), [0; 0]);
    }
}
