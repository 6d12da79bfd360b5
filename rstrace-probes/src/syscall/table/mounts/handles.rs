//! `struct file_handle`: a head, and as many bytes as it says.

use rstrace_core::describe::{Access, Custom, Item, Length, Object, Shape, Type, Width};
use rstrace_core::event::Value;
use rstrace_core::memory::At;

use crate::syscall::types::*;

/// The bytes of a handle follow its length and its type.
const HEAD: usize = 8;
/// The kernel's `MAX_HANDLE_SZ`: nothing longer is a handle.
const MOST: u64 = 128;

const OWN: Length = Length::Own { offset: 0, scale: 1, add: HEAD as u16 };

type Parts = rstrace_core::describe::Parts;

const fn custom(parts: Parts) -> Custom {
    const SIZE: usize = HEAD + MOST as usize;
    Custom::of(SIZE, Shape::Struct, parts)
}

/// What `name_to_handle_at` fills in, or says how long it had to be.
pub(super) const HANDLE: Type = Type::Sized(Access::InOutAlways, &FILLED, OWN);
static FILLED: Type = Type::Custom(&custom(|before, _, emit| {
    let Some(bytes) = before.bytes.first_chunk::<4>().filter(|_| before.bytes.len() >= HEAD) else { return };
    let length = Value::Unsigned(u32::from_ne_bytes(*bytes).into());
    let after = before.call.memory.most_from(before.address, At::Return);
    let after = Object { bytes: after.map_or(before.bytes, |after| after.bytes()), ..*before };
    let changed = Value::Unsigned(after.number(0, Width::U32));
    match after.bytes.get(..4) == Some(bytes) {
        true => emit(Item::member("handle_bytes", length)),
        false => emit(Item::member("handle_bytes", Value::Change(&length, &changed))),
    }
    if before.call.succeeded() {
        content(&after, emit);
    }
}));

/// What `open_by_handle_at` takes.
pub(super) const HANDLE_IN: Type = Type::Sized(Access::In, &GIVEN, OWN);
static GIVEN: Type = Type::Custom(&custom(|handle, _, emit| {
    if handle.bytes.len() >= HEAD {
        emit(Item::member("handle_bytes", handle.value_at(0, &U32)));
        content(handle, emit);
    }
}));

fn content(handle: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    emit(Item::member("handle_type", handle.value_at(4, &INT)));
    let length = handle.number(0, Width::U32);
    let end = HEAD + length.min(MOST) as usize;
    emit(Item::member(
        "f_handle",
        match handle.bytes.get(HEAD..end) {
            Some(bytes) => Value::WholeHexBytes { bytes, more: length > MOST },
            None => Value::Tail(HEAD, &[]),
        },
    ));
}
