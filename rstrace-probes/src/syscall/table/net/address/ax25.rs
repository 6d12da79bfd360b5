//! Addresses of AX.25: call signs, each with the letters that it stands for.

use rstrace_core::describe::{Custom, Item, Notation, Object, Shape, Type, Width};
use rstrace_core::event::{Comment, Value};

use super::super::notation::*;
use crate::syscall::types::*;

/// Call signs that an address of AX.25 has room for, behind `struct sockaddr_ax25`.
const DIGIPEATERS: usize = 8;
/// Bytes of `struct sockaddr_ax25`.
pub(super) const LEAST: usize = 16;
/// Bytes of a call sign.
const CALL: usize = 7;

const CALL_SIGN: Type = Type::Custom(&Custom::of(CALL, Shape::Struct, call_sign));

pub(super) fn members(object: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    static HEAD: Type = Type::Custom(&Custom::of(14, Shape::Struct, ax25_head));
    static CALLS: Type = Type::Custom(&Custom::of(0, Shape::List, call_signs));
    let Value::Object(head) = object.value_at(2, &HEAD) else { return };
    let count = object.number(12, Width::I32) as i32;
    if object.bytes.len() == LEAST && count == 0 {
        return head.parts(true, emit);
    }
    emit(Item::member("fsa_ax25", Value::Object(head)));
    if count > 0
        && let Value::Object(calls) = object.value_at(LEAST, &CALLS)
    {
        let count = u64::from(count.unsigned_abs()).min(DIGIPEATERS as u64);
        emit(Item::member("fsa_digipeater", Value::Object(Object { count, ..calls })));
    }
    let behind = object.bytes.len() - LEAST;
    if behind > DIGIPEATERS * CALL || !behind.is_multiple_of(CALL) {
        emit(Item::element(Value::More(None)));
    }
}

/// As many as there is room for, each with the letters that it stands for.
fn call_signs(object: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    let count = usize::try_from(object.count).unwrap_or(usize::MAX);
    let mut shown = 0;
    for (place, bytes) in object.bytes.chunks_exact(CALL).take(count).enumerate() {
        let sign = object.value_at(place * CALL, &CALL_SIGN);
        let word = bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        let is_sign = bytes.iter().take(6).all(|byte| (b'0'..=b'z').contains(&(byte >> 1)));
        let comment = Comment::Written(word, write_call_sign);
        emit(Item::element(if is_sign { Value::Commented(&sign, comment) } else { sign }));
        shown += 1;
    }
    if shown < count {
        emit(Item::element(Value::More(None)));
    }
}

fn ax25_head(object: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    emit(Item::member("sax25_call", object.value_at(0, &CALL_SIGN)));
    emit(Item::member("sax25_ndigis", object.value_at(10, &INT)));
}

fn call_sign(object: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    emit(Item::member("ax25_call", Value::HexBytes(object.bytes)));
}

/// `DHKORV-9`: six letters, a bit further left, and a number.
fn write_call_sign(out: &mut Notation<'_>, sign: u64) {
    let bytes = sign.to_le_bytes();
    let letters = bytes[..6].iter().map(|byte| byte >> 1).take_while(|letter| *letter != b' ');
    out.extend(letters);
    put!(out, "-{}", bytes[6] >> 1 & 0xf);
}
