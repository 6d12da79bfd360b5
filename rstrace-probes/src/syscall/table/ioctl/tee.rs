//! Trusted execution environments.

use std::io::Write;

use rstrace_core::describe::{
    Access, Case, Custom, Item, Length, Meaning, Named, Nested, Object, Shape, Struct, Type, Width, field,
    hidden, size_of_type,
};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet};

use super::{UUID, encoded, following, requests, rewritten, two_parts};
use crate::syscall::types::*;
use crate::uapi;

static IMPLEMENTATIONS: Choices = choices!("TEE_IMPL_ID_???", TEE_IMPL_ID_OPTEE TEE_IMPL_ID_AMDTEE);
static CAPABILITIES: FlagSet = set!("TEE_GEN_CAP_???", TEE_GEN_CAP_GP TEE_GEN_CAP_PRIVILEGED TEE_GEN_CAP_REG_MEM
    TEE_GEN_CAP_MEMREF_NULL);
static OPTEE_CAPABILITIES: FlagSet = set!("TEE_OPTEE_CAP_???", TEE_OPTEE_CAP_TZ);
/// The kernel's header has lost these.
static SHARED_FLAGS: FlagSet = FlagSet {
    choice: None,
    names: &[
        (1, "TEE_IOCTL_SHM_MAPPED"),
        (2, "TEE_IOCTL_SHM_DMA_BUF"),
        (4, "TEE_IOCTL_SHM_EXT_DMA_BUF"),
        (8, "TEE_IOCTL_SHM_REGISTER"),
        (0x10, "TEE_IOCTL_SHM_USER_MAPPED"),
        (0x20, "TEE_IOCTL_SHM_POOL"),
        (0x40, "TEE_IOCTL_SHM_KERNEL_MAPPED"),
    ],
    unknown: "TEE_IOCTL_SHM_???",
};
static LOGINS: Choices = choices!("TEE_IOCTL_LOGIN_???", TEE_IOCTL_LOGIN_PUBLIC TEE_IOCTL_LOGIN_USER
    TEE_IOCTL_LOGIN_GROUP TEE_IOCTL_LOGIN_APPLICATION TEE_IOCTL_LOGIN_USER_APPLICATION
    TEE_IOCTL_LOGIN_GROUP_APPLICATION);
/// The specification of the interface has these.
static ORIGINS: Choices = Choices {
    names: &[
        (1, "TEEC_ORIGIN_API"),
        (2, "TEEC_ORIGIN_COMMS"),
        (3, "TEEC_ORIGIN_TEE"),
        (4, "TEEC_ORIGIN_TRUSTED_APP"),
    ],
    unknown: "TEEC_ORIGIN_???",
};
static TYPES: Choices = choices!("", TEE_IOCTL_PARAM_ATTR_TYPE_NONE TEE_IOCTL_PARAM_ATTR_TYPE_VALUE_INPUT
    TEE_IOCTL_PARAM_ATTR_TYPE_VALUE_OUTPUT TEE_IOCTL_PARAM_ATTR_TYPE_VALUE_INOUT TEE_IOCTL_PARAM_ATTR_TYPE_MEMREF_INPUT
    TEE_IOCTL_PARAM_ATTR_TYPE_MEMREF_OUTPUT TEE_IOCTL_PARAM_ATTR_TYPE_MEMREF_INOUT
    TEE_IOCTL_PARAM_ATTR_TYPE_UBUF_INPUT TEE_IOCTL_PARAM_ATTR_TYPE_UBUF_OUTPUT TEE_IOCTL_PARAM_ATTR_TYPE_UBUF_INOUT
    TEE_IOCTL_PARAM_ATTR_TYPE_OBJREF_INPUT TEE_IOCTL_PARAM_ATTR_TYPE_OBJREF_OUTPUT
    TEE_IOCTL_PARAM_ATTR_TYPE_OBJREF_INOUT);

/// `struct tee_ioctl_version_data`.
static VERSION: Type = Type::Custom(&Custom::of(12, Shape::Struct, |version, _, emit| {
    let capabilities = match version.number(0, Width::U32) {
        uapi::TEE_IMPL_ID_OPTEE => &OPTEE_CAPABILITY,
        _ => &HEX32,
    };
    emit(Item::member("impl_id", version.value_at(0, &IMPLEMENTATION)));
    emit(Item::member("gen_caps", version.value_at(8, &CAPABILITY)));
    emit(Item::member("impl_caps", version.value_at(4, capabilities)));
}));
static IMPLEMENTATION: Type = choice(&IMPLEMENTATIONS);
static CAPABILITY: Type = flags(&CAPABILITIES);
static OPTEE_CAPABILITY: Type = flags(&OPTEE_CAPABILITIES);

macro_rules! memory {
    ($($place:literal)*) => {
        Type::Struct(
            &Struct::of(&[
                field("size", HEX64),
                field("flags", flags(&SHARED_FLAGS)),
                field("id", INT),
            ])
            .in_order(&[$($place),*]),
        )
    };
}
static MEMORY_BEFORE: Type = memory!(0 1);
static MEMORY_AFTER: Type = memory!(0 1 2);
/// `struct tee_ioctl_shm_alloc_data`.
static MEMORY: Type = two_parts!(16, Bare, rewritten, MEMORY_BEFORE, MEMORY_AFTER);

/// An address of 64 bits in all programs.
const ADDRESS64: Type = Type::Number(Width::U64, Meaning::Address);
macro_rules! registered {
    ($($place:literal)*) => {
        Type::Struct(
            &Struct::of(&[
                field("addr", ADDRESS64),
                field("length", HEX64),
                field("flags", flags(&SHARED_FLAGS)),
                field("id", INT),
            ])
            .in_order(&[$($place),*]),
        )
    };
}
static REGISTERED_BEFORE: Type = registered!(0 1 2);
static REGISTERED_AFTER: Type = registered!(1 2 3);
/// `struct tee_ioctl_shm_register_data`.
static REGISTERED: Type = two_parts!(24, Bare, rewritten, REGISTERED_BEFORE, REGISTERED_AFTER);

/// `struct tee_ioctl_cancel_arg`.
static CANCEL: Type = Type::Struct(&Struct::of(&[field("cancel_id", U32), field("session", HEX32)]));
/// `struct tee_ioctl_close_session_arg`.
static CLOSE: Type = Type::Struct(&Struct::of(&[field("session", HEX32)]));

/// What kind of parameter it is, and whether it is one of the interface itself.
fn write_attribute(out: &mut Notation<'_>, attribute: u64) {
    let kind = attribute & !uapi::TEE_IOCTL_PARAM_ATTR_META;
    match TYPES.name(kind) {
        Some(name) => out.push_text(name),
        // writing to a vector cannot fail
        None => drop(write!(out, "{kind:#x} /* TEE_IOCTL_PARAM_ATTR_ */")),
    }
    if kind != attribute {
        out.push_text("|TEE_IOCTL_PARAM_ATTR_META");
    }
}
static ATTRIBUTE: Type = Type::Number(Width::U64, Meaning::Named(&Named::hex(write_attribute)));

/// Bytes of a `struct tee_ioctl_param`.
const PARAM: usize = 32;
static PARAMETER: Type = Type::Custom(&Custom::of(PARAM, Shape::Struct, |param, _, emit| {
    emit(Item::member("attr", param.value_at(0, &ATTRIBUTE)));
    let names = match param.number(0, Width::U64) {
        uapi::TEE_IOCTL_PARAM_ATTR_TYPE_NONE => return,
        uapi::TEE_IOCTL_PARAM_ATTR_TYPE_MEMREF_INPUT..=uapi::TEE_IOCTL_PARAM_ATTR_TYPE_MEMREF_INOUT => {
            ["shm_offs", "size", "shm_id"]
        }
        _ => ["a", "b", "c"],
    };
    for (name, offset) in names.into_iter().zip([8, 16, 24]) {
        let is_id = name == "shm_id";
        emit(Item::member(name, param.value_at(offset, if is_id { &U64 } else { &HEX64 })));
    }
}));
static PARAMETERS: Type = Type::List(Access::In, &PARAMETER, Length::Fixed(0));

/// Emits the parameters behind an argument of so many bytes, of which the last 4 say how many they are.
fn parameters(argument: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    let head = size_of_type(argument.ty, argument.call.abi);
    let count = argument.number(head - 4, Width::U32);
    let list = following(argument, head, count, &PARAMETERS);
    emit(Item::member(
        "params",
        match list {
            _ if count == 0 => Value::Address(0),
            Value::Object(list) if list.bytes.len() < PARAM => Value::Address(list.address),
            list => list,
        },
    ));
}

/// The members of an argument that stand in these places, and its parameters.
macro_rules! argument {
    ($size:literal, $fields:ident) => {
        Type::Custom(&Custom::of($size, Shape::Struct, |argument, _, emit| {
            Object { ty: &$fields, ..*argument }.parts(true, emit);
            parameters(argument, emit);
        }))
    };
}
macro_rules! session {
    ($($place:literal)*) => {
        Type::Struct(
            &Struct::of(&[
                field("uuid", UUID),
                hidden(Type::Padding(16)),
                field("clnt_login", choice(&LOGINS)),
                field("cancel_id", U32),
                field("session", HEX32),
                field("ret", U32),
                field("ret_origin", choice(&ORIGINS)),
                field("num_params", U32),
            ])
            .in_order(&[$($place),*]),
        )
    };
}
static SESSION_TARGET: Type = session!(0 2);
static SESSION_FIELDS: Type = session!(3 7);
static SESSION_ANSWER_FIELDS: Type = session!(4 5 6);
/// `struct tee_ioctl_open_session_arg`: who the client is does not matter to all logins, and is a group to some.
static SESSION: Type = Type::Custom(&Custom::of(56, Shape::Struct, |session, _, emit| {
    Object { ty: &SESSION_TARGET, ..*session }.parts(true, emit);
    match session.number(32, Width::U32) {
        uapi::TEE_IOCTL_LOGIN_GROUP | uapi::TEE_IOCTL_LOGIN_GROUP_APPLICATION => {
            emit(Item::member("clnt_uuid", Value::Unsigned(session.number(16, Width::U32))));
        }
        login if LOGINS.name(login).is_none() => {
            emit(Item::member("clnt_uuid", session.value_at(16, &BYTES)));
        }
        _ => {}
    }
    Object { ty: &SESSION_FIELDS, ..*session }.parts(true, emit);
    parameters(session, emit);
}));
static BYTES: Type = Type::Elements(&HEX8, 16);
static SESSION_ANSWER: Type = argument!(56, SESSION_ANSWER_FIELDS);

macro_rules! invocation {
    ($($place:literal)*) => {
        Type::Struct(
            &Struct::of(&[
                field("func", U32),
                field("session", HEX32),
                field("cancel_id", U32),
                field("ret", U32),
                field("ret_origin", choice(&ORIGINS)),
                field("num_params", U32),
            ])
            .in_order(&[$($place),*]),
        )
    };
}
static INVOCATION_FIELDS: Type = invocation!(0 1 2 5);
static INVOCATION_ANSWER_FIELDS: Type = invocation!(3 4);
static INVOCATION: Type = argument!(24, INVOCATION_FIELDS);
static INVOCATION_ANSWER: Type = argument!(24, INVOCATION_ANSWER_FIELDS);

static RECEIVE_FIELDS: Type = Type::Struct(&Struct::of(&[field("func", U32), field("num_params", U32)]));
static RECEIVE_ANSWER_FIELDS: Type = Type::Struct(&Struct::of(&[hidden(U32), field("num_params", U32)]));
static RECEIVE: Type = argument!(8, RECEIVE_FIELDS);
static RECEIVE_ANSWER: Type = argument!(8, RECEIVE_ANSWER_FIELDS);
static SEND_ANSWER_FIELDS: Type = Type::Struct(&Struct::of(&[field("ret", U32), hidden(U32)]));
static SEND_ANSWER: Type = argument!(8, SEND_ANSWER_FIELDS);

/// `struct tee_ioctl_buf_data`: where an argument is, which is shown as long as it is what it says.
fn buffer(
    buffer: &Object<'_>,
    (before, after): (&'static Type, &'static Type),
    emit: &mut dyn FnMut(Item<'_>),
) {
    let [address, length] = [0, 8].map(|offset| buffer.number(offset, Width::U64));
    emit(Item::member("buf_len", Value::Unsigned(length)));
    let argument = buffer.behind(address, before).filter(|argument| {
        let count = argument.number(argument.bytes.len() - 4, Width::U32);
        argument.bytes.len() as u64 + count * PARAM as u64 == length
    });
    let Some(argument) = argument else { return emit(Item::member("buf_ptr", Value::Address(address))) };
    rewritten(&argument, true, (before, after), &mut |item| emit(Item::member("buf_ptr", item.value)));
}
/// What is captured of an argument.
static ARGUMENT: Type = Type::Custom(&Custom::of(0, Shape::Struct, |_, _, _| {}));
macro_rules! behind {
    ($before:ident, $after:ident) => {
        Type::Custom(&Custom {
            size: 16,
            compat_size: 16,
            shape: Shape::Struct,
            parts: |object, _, emit| buffer(object, (&$before, &$after), emit),
            nested: &[Nested {
                offset: [0, 0],
                ty: Type::Sized(Access::InOut, &ARGUMENT, Length::Member(8)),
            }],
        })
    };
}
static OPEN_SESSION: Type = behind!(SESSION, SESSION_ANSWER);
static INVOKE: Type = behind!(INVOCATION, INVOCATION_ANSWER);
static RECEIVED: Type = behind!(RECEIVE, RECEIVE_ANSWER);
static SENT: Type = behind!(RECEIVE_ANSWER, SEND_ANSWER);

/// Most requests say that they only write, but read too: these rows say it themselves.
pub const REQUESTS: &[Case] = requests! {
    TEE_IOC_CLOSE_SESSION: input(&CLOSE),
    TEE_IOC_CANCEL: input(&CANCEL),
    TEE_IOC_VERSION: encoded(&VERSION),
    TEE_IOC_OPEN_SESSION: changed(&OPEN_SESSION),
    TEE_IOC_INVOKE: changed(&INVOKE),
    TEE_IOC_SUPPL_RECV: changed(&RECEIVED),
    TEE_IOC_SUPPL_SEND: changed(&SENT),
    TEE_IOC_SHM_ALLOC: encoded(&MEMORY),
    TEE_IOC_SHM_REGISTER: encoded(&REGISTERED),
};
