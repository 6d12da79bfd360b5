//! Addresses of RxRPC, which hold another one.

use rstrace_core::describe::{Custom, Item, Object, Shape, Type, Width};
use rstrace_core::event::Value;
use rstrace_core::flags::Choices;

use super::super::names::*;
use super::super::notation::*;
use super::{choice16, inet6};
use crate::syscall::types::*;
use crate::uapi;

/// Bytes of `struct sockaddr_rxrpc`, and where the address of its transport begins.
pub(super) const LEAST: usize = 36;
const TRANSPORT_AT: usize = 8;

pub(super) fn members(object: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    const KIND: Type = choice16(&SOCKET_TYPES);
    /// linux/rxrpc.h has no names for them.
    static SERVICES: Choices = Choices { names: &[], unknown: "???_SERVICE" };
    const SERVICE: Type = choice16(&SERVICES);
    emit(Item::member("srx_service", object.value_at(2, &SERVICE)));
    emit(Item::member("transport_type", object.value_at(4, &KIND)));
    emit(Item::member("transport_len", object.value_at(6, &U16)));
    // the family stands there in any case
    let len = (object.number(6, Width::U16) as usize).clamp(2, object.bytes.len() - TRANSPORT_AT);
    let bytes = &object.bytes[TRANSPORT_AT..][..len];
    emit(Item::member("transport", Value::Object(Object { ty: &TRANSPORT, bytes, ..*object })));
}

/// The address of a transport inside another address, and what it is of the two families that have members.
static TRANSPORT: Type = Type::Custom(&Custom::of(0, Shape::Struct, transport));
static TRANSPORT_IPV4: Type = Type::Custom(&Custom::of(0, Shape::Struct, |object, _, emit| {
    transport_of("sin_family", object, emit, |emit| {
        if object.bytes.len() < 16 {
            return false;
        }
        emit(Item::member("sin_port", object.value_at(2, &PORT)));
        emit(Item::member("sin_addr", object.value_at(4, &IPV4)));
        true
    });
}));
static TRANSPORT_IPV6: Type = Type::Custom(&Custom::of(0, Shape::Struct, |object, _, emit| {
    transport_of("sin6_family", object, emit, |emit| {
        if object.bytes.len() < 24 {
            return false;
        }
        inet6(object, emit);
        true
    });
}));

fn transport(object: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    let as_a = |ty| Value::Object(Object { ty, ..*object });
    match object.number(0, Width::U16) {
        uapi::AF_INET => emit(Item::member("sin", as_a(&TRANSPORT_IPV4))),
        uapi::AF_INET6 => emit(Item::member("sin6", as_a(&TRANSPORT_IPV6))),
        _ => transport_of("family", object, emit, |_| false),
    }
}

/// The family, and what is behind it: its members, or bytes if it has none or they are too few.
fn transport_of(
    name: &'static str,
    object: &Object<'_>,
    emit: &mut dyn FnMut(Item<'_>),
    members: impl FnOnce(&mut dyn FnMut(Item<'_>)) -> bool,
) {
    emit(Item::member(name, Value::Choice(object.number(0, Width::U16), &FAMILIES)));
    if !members(emit) && object.bytes.len() > 2 {
        emit(Item::element(Value::Text { bytes: &object.bytes[2..], more: false, whole: true }));
    }
}
