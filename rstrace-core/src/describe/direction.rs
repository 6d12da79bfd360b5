//! Which arguments are known when a call is entered: those before the first that the call itself writes.

use super::{Access, Param, Type};
use crate::probe::RawCall;

/// How many of the arguments that are shown are known before the call has done anything.
pub fn known_at_entry(params: &[Param], call: &RawCall<'_>) -> usize {
    let mut known = 0;
    for param in params {
        if param.at_return || is_written(&param.ty, call) {
            break;
        }
        known += usize::from(param.shown.is_none_or(|shown| shown(call)));
    }
    known
}

/// Whether something of this type is written by the call.
fn is_written(ty: &Type, call: &RawCall<'_>) -> bool {
    match ty {
        Type::Pointer(access, _)
        | Type::Sized(access, ..)
        | Type::Text(access)
        | Type::Buffer(access, _)
        | Type::Message(access, ..)
        | Type::Terminated(access, _)
        | Type::HexBuffer(access, _)
        | Type::List(access, ..) => !matches!(access, Access::In | Access::InAgain),
        // what is shown of it may depend on the result
        Type::Either(_, one, other) => is_written(one, call) || is_written(other, call),
        Type::ByAbi(..) => is_written(ty.of_abi(call.abi), call),
        // bit 31 of a request: the call writes
        Type::Encoded(_) => call.args[1] >> 31 & 1 != 0,
        _ => false,
    }
}
