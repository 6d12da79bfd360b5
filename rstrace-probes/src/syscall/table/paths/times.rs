//! The times that a file is given.

use rstrace_core::describe::{Custom, Item, Object, Shape, Struct, Type, Width, field, size_of_type};
use rstrace_core::event::{Comment, Value};
use rstrace_core::flags::Choices;

use super::super::time::TIMESPEC64;
use crate::syscall::types::*;
use crate::uapi;

/// Access and modification as `utimensat` takes them.
pub(super) static STAMPS: Type = Type::Elements(&Type::Custom(&STAMP), 2);
static STAMP: Custom = Custom { size: 16, compat_size: 8, shape: Shape::Bare, parts: stamp, nested: &[] };

/// Nanoseconds that are none.
static SPECIAL: Choices = choices!("", UTIME_NOW UTIME_OMIT);

fn stamp(object: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    put_stamp(object, halves(object), &TIMESPEC, emit);
}

/// Likewise, with 64 bits in 32-bit programs too.
pub(super) static STAMPS64: Type = Type::Elements(&Type::Custom(&STAMP64), 2);
static STAMP64: Custom = Custom {
    size: 16,
    compat_size: 16,
    shape: Shape::Bare,
    parts: |object, _, emit| {
        let halves = (object.number(0, Width::I64) as i64, object.number(8, Width::U64));
        put_stamp(object, halves, &TIMESPEC64, emit);
    },
    nested: &[],
};

fn put_stamp(
    object: &Object<'_>,
    (seconds, nanos): (i64, u64),
    ty: &'static Type,
    emit: &mut dyn FnMut(Item<'_>),
) {
    let value = match nanos {
        uapi::UTIME_NOW | uapi::UTIME_OMIT => Value::Choice(nanos, &SPECIAL),
        _ => object.value_at(0, ty),
    };
    match Comment::of_stamp(seconds, nanos) {
        Some(date) => emit(Item::element(Value::Commented(&value, date))),
        None => emit(Item::element(value)),
    }
}

/// Likewise, as `utimes` takes them.
pub(super) static UTIMES: Type = Type::Elements(&Type::Custom(&OLD_STAMP), 2);
static OLD_STAMP: Custom =
    Custom { size: 16, compat_size: 8, shape: Shape::Bare, parts: old_stamp, nested: &[] };

fn old_stamp(object: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    let (seconds, micros) = halves(object);
    let value = object.value_at(0, &TIMEVAL);
    match micros {
        0 if seconds == 0 => emit(Item::element(value)),
        0..1_000_000 => {
            let date = Comment::DateInMicroseconds(seconds, micros as u32);
            emit(Item::element(Value::Commented(&value, date)));
        }
        _ => emit(Item::element(value)),
    }
}

/// Seconds, and what is said in the other word.
fn halves(object: &Object<'_>) -> (i64, u64) {
    let word = size_of_type(&LONG, object.call.abi);
    (object.number(0, Width::SignedWord) as i64, object.number(word, Width::Word))
}

/// `struct utimbuf`
pub(super) static UTIMBUF: Type = Type::Struct(&Struct::of(&[
    field("actime", LONG).commented(|times| date(times.member("actime"))),
    field("modtime", LONG).commented(|times| date(times.member("modtime"))),
]));

fn date(seconds: Option<u64>) -> Option<Comment> {
    Comment::of_stamp(seconds? as i64, 0)
}
