//! Attributes of netlink messages: a list of types with values, which may have attributes again.

use rstrace_core::describe::{Item, Object, Shape, Type, Width, size_of_type};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet, Flags};

use super::{bytes, custom, part};
use crate::syscall::types::*;
use crate::uapi::*;

/// What the attributes of a place are.
#[derive(Debug)]
pub(super) struct Attributes {
    /// Their names.
    pub names: Choices,
    /// What those have for a value that is known.
    pub values: &'static [(u64, &'static Type)],
    /// Several of them, and one.
    pub several: &'static Type,
    pub one: &'static Type,
    pub header: &'static Type,
}

/// Stands for every type of attribute.
pub(super) const ANY: u64 = u64::MAX;

/// A type: as many attributes as there is room for. What stands in the comment of a type without a name, the names
/// with what they have for a value; those without a value are shown in hex. Where types are but numbers there are no
/// names, and all have the same value, or one that is not known.
macro_rules! attributes {
    (@ $(#[$doc:meta])* $name:ident, $names:expr, $values:expr) => {
        $(#[$doc])*
        pub(super) static $name: rstrace_core::describe::Type = {
            use rstrace_core::describe::{Shape, Type};
            use $crate::syscall::table::net::netlink::{attributes, custom};
            static TABLE: attributes::Attributes = attributes::Attributes {
                names: $names,
                values: $values,
                several: &SEVERAL,
                one: &ONE,
                header: &HEADER,
            };
            static SEVERAL: Type =
                Type::Custom(&custom(Shape::List, |object, _, emit| attributes::each(object, &TABLE, emit)));
            static ONE: Type =
                Type::Custom(&custom(Shape::List, |object, _, emit| attributes::one(object, &TABLE, emit)));
            static HEADER: Type =
                Type::Custom(&custom(Shape::Struct, |object, _, emit| attributes::header(object, &TABLE, emit)));
            Type::Custom(&custom(Shape::Bare, |object, _, emit| attributes::all(object, &TABLE, emit)))
        };
    };
    ($(#[$doc:meta])* $name:ident $unknown:literal { $($attribute:ident $(: $value:expr)?,)* }) => {
        attributes!(@ $(#[$doc])* $name,
            $crate::syscall::types::choices!($unknown, $($attribute)*),
            &[$($(($crate::uapi::$attribute, &$value),)?)*]);
    };
    ($(#[$doc:meta])* $name:ident of $value:expr) => {
        attributes!(@ $(#[$doc])* $name,
            rstrace_core::flags::Choices { names: &[], unknown: "" }, &[(attributes::ANY, &$value)]);
    };
    ($(#[$doc:meta])* $name:ident) => {
        attributes!(@ $(#[$doc])* $name, rstrace_core::flags::Choices { names: &[], unknown: "" }, &[]);
    };
}
pub(super) use attributes;

/// Bytes of `struct nlattr`.
const HEADER: usize = 4;

/// Where the attribute that begins here ends.
fn end_of(bytes: &[u8]) -> usize {
    let len = bytes.first_chunk::<2>().map_or(0, |bytes| usize::from(u16::from_ne_bytes(*bytes)));
    if len < HEADER { bytes.len() } else { len.next_multiple_of(4).min(bytes.len()) }
}

pub(super) fn all(object: &Object<'_>, table: &'static Attributes, emit: &mut dyn FnMut(Item<'_>)) {
    if object.bytes.len() < HEADER {
        return bytes(object, emit);
    }
    if object.bytes.len() - end_of(object.bytes) < HEADER {
        emit(Item::element(attribute(object, table, 0, object.bytes.len())));
    } else {
        emit(Item::element(Value::Object(Object { ty: table.several, ..*object })));
    }
}

pub(super) fn each(object: &Object<'_>, table: &'static Attributes, emit: &mut dyn FnMut(Item<'_>)) {
    let mut begin = 0;
    while let Some(rest) = object.bytes.get(begin..).filter(|rest| rest.len() >= HEADER) {
        let end = begin + end_of(rest);
        emit(Item::element(attribute(object, table, begin, end)));
        begin = end;
    }
}

/// An attribute: its header alone if it has no value.
fn attribute<'a>(object: &Object<'a>, table: &'static Attributes, begin: usize, end: usize) -> Value<'a> {
    let one = part(object, table.one, begin, end);
    let has_value = one.number(0, Width::U16) > HEADER as u64 && one.bytes.len() > HEADER;
    Value::Object(if has_value { one } else { Object { ty: table.header, ..one } })
}

pub(super) fn one(object: &Object<'_>, table: &'static Attributes, emit: &mut dyn FnMut(Item<'_>)) {
    emit(Item::element(Value::Object(Object { ty: table.header, ..*object })));
    let len = object.number(0, Width::U16) as usize;
    let kind = object.number(2, Width::U16) & NLA_TYPE_MASK & 0xffff;
    let value = part(object, table.header, HEADER, len);
    let known = table.values.iter().find(|(known, _)| *known == kind || *known == ANY).map(|(_, ty)| *ty);
    match known {
        Some(ty) if value.bytes.len() >= size_of_type(ty, object.call.abi) => {
            emit(Item::element(value.value_at(0, ty)));
        }
        _ => bytes(&value, emit),
    }
}

static FLAGS: FlagSet = set!("NLA_F_???", NLA_F_NESTED NLA_F_NET_BYTEORDER);

pub(super) fn header(object: &Object<'_>, table: &'static Attributes, emit: &mut dyn FnMut(Item<'_>)) {
    emit(Item::member("nla_len", Value::Unsigned(object.number(0, Width::U16))));
    let kind = object.number(2, Width::U16);
    let number = kind & !(NLA_F_NESTED | NLA_F_NET_BYTEORDER);
    let name = match table.names.names {
        [] => Value::Hex(number),
        _ => Value::Choice(number, &table.names),
    };
    let flags = Value::Flags(Flags { bits: kind & (NLA_F_NESTED | NLA_F_NET_BYTEORDER), set: &FLAGS });
    let is_plain = kind & (NLA_F_NESTED | NLA_F_NET_BYTEORDER) == 0;
    emit(Item::member("nla_type", if is_plain { name } else { Value::Joined(&flags, &name) }));
}

/// A name, which ends at a NUL.
pub(super) static NAME: Type = Type::Custom(&custom(Shape::Bare, |object, _, emit| {
    let end = object.bytes.iter().position(|byte| *byte == 0);
    let bytes = &object.bytes[..end.unwrap_or(object.bytes.len())];
    emit(Item::element(Value::Text { bytes, more: end.is_none(), whole: false }));
}));
