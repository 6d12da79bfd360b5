//! Keys and keyrings, keyctl by operation.

use rstrace_core::describe::{
    Access, Case, Cases, Custom, Field, Item, Length, Meaning, Named, Object, Param, Shape, Struct, Syscall,
    Type, Width, field, param,
};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet, Flags};
use rstrace_core::memory::At;

use super::errors::ERROR;
use crate::syscall::types::*;
use crate::uapi;

static OPERATIONS: Choices = choices!("KEYCTL_???", KEYCTL_GET_KEYRING_ID KEYCTL_JOIN_SESSION_KEYRING KEYCTL_UPDATE
    KEYCTL_REVOKE KEYCTL_CHOWN KEYCTL_SETPERM KEYCTL_DESCRIBE KEYCTL_CLEAR KEYCTL_LINK KEYCTL_UNLINK KEYCTL_SEARCH
    KEYCTL_READ KEYCTL_INSTANTIATE KEYCTL_NEGATE KEYCTL_SET_REQKEY_KEYRING KEYCTL_SET_TIMEOUT KEYCTL_ASSUME_AUTHORITY
    KEYCTL_GET_SECURITY KEYCTL_SESSION_TO_PARENT KEYCTL_REJECT KEYCTL_INSTANTIATE_IOV KEYCTL_INVALIDATE
    KEYCTL_GET_PERSISTENT KEYCTL_DH_COMPUTE KEYCTL_PKEY_QUERY KEYCTL_PKEY_ENCRYPT KEYCTL_PKEY_DECRYPT KEYCTL_PKEY_SIGN
    KEYCTL_PKEY_VERIFY KEYCTL_RESTRICT_KEYRING KEYCTL_MOVE KEYCTL_CAPABILITIES KEYCTL_WATCH_KEY);

static SPECIAL: Choices = choices!("", KEY_SPEC_THREAD_KEYRING KEY_SPEC_PROCESS_KEYRING KEY_SPEC_SESSION_KEYRING
    KEY_SPEC_USER_KEYRING KEY_SPEC_USER_SESSION_KEYRING KEY_SPEC_GROUP_KEYRING KEY_SPEC_REQKEY_AUTH_KEY
    KEY_SPEC_REQUESTOR_KEYRING);

/// `key_serial_t`: a name of those that everybody has, or a number.
fn write_key(out: &mut Notation<'_>, key: u64) {
    SPECIAL.write(out, i64::from(key as i32) as u64);
}

const KEY: Type = Type::Number(Width::U32, Meaning::Named(&Named::int(write_key)));

static DEFAULT_KEYRINGS: Choices = choices!("", KEY_REQKEY_DEFL_NO_CHANGE KEY_REQKEY_DEFL_DEFAULT
    KEY_REQKEY_DEFL_THREAD_KEYRING KEY_REQKEY_DEFL_PROCESS_KEYRING KEY_REQKEY_DEFL_SESSION_KEYRING
    KEY_REQKEY_DEFL_USER_KEYRING KEY_REQKEY_DEFL_USER_SESSION_KEYRING KEY_REQKEY_DEFL_GROUP_KEYRING
    KEY_REQKEY_DEFL_REQUESTOR_KEYRING);

fn write_default_keyring(out: &mut Notation<'_>, keyring: u64) {
    let keyring = i64::from(keyring as i32) as u64;
    DEFAULT_KEYRINGS.write(out, keyring);
    if DEFAULT_KEYRINGS.name(keyring).is_none() {
        out.extend_from_slice(b" /* KEY_REQKEY_DEFL_??? */");
    }
}

/// Who may do what with a key: the names of keyctl_setperm(3) and the kernel's `linux/key.h`.
static PERMISSIONS: FlagSet = FlagSet {
    choice: None,
    names: &[
        (0x0100_0000, "KEY_POS_VIEW"),
        (0x0200_0000, "KEY_POS_READ"),
        (0x0400_0000, "KEY_POS_WRITE"),
        (0x0800_0000, "KEY_POS_SEARCH"),
        (0x1000_0000, "KEY_POS_LINK"),
        (0x2000_0000, "KEY_POS_SETATTR"),
        (0x0001_0000, "KEY_USR_VIEW"),
        (0x0002_0000, "KEY_USR_READ"),
        (0x0004_0000, "KEY_USR_WRITE"),
        (0x0008_0000, "KEY_USR_SEARCH"),
        (0x0010_0000, "KEY_USR_LINK"),
        (0x0020_0000, "KEY_USR_SETATTR"),
        (0x0000_0100, "KEY_GRP_VIEW"),
        (0x0000_0200, "KEY_GRP_READ"),
        (0x0000_0400, "KEY_GRP_WRITE"),
        (0x0000_0800, "KEY_GRP_SEARCH"),
        (0x0000_1000, "KEY_GRP_LINK"),
        (0x0000_2000, "KEY_GRP_SETATTR"),
        (0x0000_0001, "KEY_OTH_VIEW"),
        (0x0000_0002, "KEY_OTH_READ"),
        (0x0000_0004, "KEY_OTH_WRITE"),
        (0x0000_0008, "KEY_OTH_SEARCH"),
        (0x0000_0010, "KEY_OTH_LINK"),
        (0x0000_0020, "KEY_OTH_SETATTR"),
    ],
    unknown: "KEY_???",
};

static MOVE: FlagSet = set!("KEYCTL_MOVE_???", KEYCTL_MOVE_EXCL);

static SUPPORTS: FlagSet = set!("KEYCTL_SUPPORTS_???", KEYCTL_SUPPORTS_ENCRYPT KEYCTL_SUPPORTS_DECRYPT
    KEYCTL_SUPPORTS_SIGN KEYCTL_SUPPORTS_VERIFY);

/// What each byte that `KEYCTL_CAPABILITIES` fills in can say.
static CAPABILITIES: [FlagSet; 3] = [
    set!("KEYCTL_CAPS0_???", KEYCTL_CAPS0_CAPABILITIES KEYCTL_CAPS0_PERSISTENT_KEYRINGS KEYCTL_CAPS0_DIFFIE_HELLMAN
        KEYCTL_CAPS0_PUBLIC_KEY KEYCTL_CAPS0_BIG_KEY KEYCTL_CAPS0_INVALIDATE KEYCTL_CAPS0_RESTRICT_KEYRING
        KEYCTL_CAPS0_MOVE),
    set!("KEYCTL_CAPS1_???", KEYCTL_CAPS1_NS_KEYRING_NAME KEYCTL_CAPS1_NS_KEY_TAG KEYCTL_CAPS1_NOTIFICATIONS),
    FlagSet { choice: None, names: &[], unknown: "" },
];

static CAPABILITY_BYTE: Type = Type::Custom(&Custom {
    size: 1,
    compat_size: 1,
    shape: Shape::Bare,
    parts: |object, _, emit| {
        let place = usize::try_from(object.address.wrapping_sub(object.call.args[1])).unwrap_or(usize::MAX);
        let set = &CAPABILITIES[place.min(CAPABILITIES.len() - 1)];
        emit(Item::element(Value::Flags(Flags { bits: object.number(0, Width::U8), set })));
    },
    nested: &[],
});

const fn dh_params() -> [Field; 3] {
    [field("private", KEY), field("prime", KEY), field("base", KEY)]
}

static DH_PARAMS: Type = Type::Struct(&Struct::of(&const { dh_params() }));

/// `struct keyctl_kdf_params`.
static KDF_PARAMS: Type = Type::Struct(&Struct::of(&[
    field("hashname", TEXT),
    field("otherinfo", Type::Buffer(Access::In, Length::Member(2))),
    field("otherinfolen", UINT),
    field("__spare", Type::Elements(&SPARE, 8)).only_if(|params| has_spare(params, params.bytes.len() - 32)),
]));

static SPARE: Type = HEX32;

fn has_spare(params: &Object<'_>, begin: usize) -> bool {
    params.bytes.get(begin..).is_some_and(|spare| spare.iter().any(|byte| *byte != 0))
}

/// `struct keyctl_pkey_params`, whose third member has a name of its own where there are two inputs.
const fn pkey_params(third: &'static str) -> [Field; 4] {
    [
        field("key_id", KEY),
        field("in_len", UINT),
        field(third, UINT),
        field("__spare", Type::Elements(&SPARE, 7)).only_if(|params| has_spare(params, PKEY_SPARE)),
    ]
}

/// Where the parts of `struct keyctl_pkey_params` stand.
const PKEY_IN_LENGTH: usize = 4;
const PKEY_SECOND_LENGTH: usize = 8;
const PKEY_SPARE: usize = 12;
const PKEY_PARAMS_BYTES: usize = 40;

static PKEY_PARAMS: Type = Type::Struct(&Struct::of(&const { pkey_params("out_len") }));
static PKEY_VERIFY_PARAMS: Type = Type::Struct(&Struct::of(&const { pkey_params("in2_len") }));

/// As much of a key's input or output is looked at: how long it is, another argument points to.
const PKEY_DATA: Length = Length::Fixed(1024);

/// The bytes of an argument, as many as the parameters of the key say.
fn pkey_data<'a>(object: &Object<'a>, length: usize, emit: &mut dyn FnMut(Item<'_>)) {
    let params = object.call.memory.bytes(object.call.args[1], PKEY_PARAMS_BYTES, At::Entry);
    let Some(length) = params.and_then(|params| params.get(length..)?.first_chunk()) else { return };
    let length = u32::from_ne_bytes(*length) as usize;
    let bytes = &object.bytes[..object.bytes.len().min(length)];
    if bytes.len() == length || !object.unreadable {
        emit(Item::element(Value::Text { bytes, more: bytes.len() < length, whole: false }));
    }
}

static PKEY_FIRST: Type = Type::Custom(&Custom {
    size: 1024,
    compat_size: 1024,
    shape: Shape::Bare,
    parts: |object, _, emit| pkey_data(object, PKEY_IN_LENGTH, emit),
    nested: &[],
});

static PKEY_SECOND: Type = Type::Custom(&Custom {
    parts: |object, _, emit| pkey_data(object, PKEY_SECOND_LENGTH, emit),
    size: 1024,
    compat_size: 1024,
    shape: Shape::Bare,
    nested: &[],
});

/// `struct keyctl_pkey_query`.
static PKEY_QUERY: Type = Type::Struct(&Struct::of(&[
    field("supported_ops", flags(&SUPPORTS)),
    field("key_size", UINT),
    field("max_data_size", U16),
    field("max_sig_size", U16),
    field("max_enc_size", U16),
    field("max_dec_size", U16),
    field("__spare", Type::Elements(&SPARE, 10)).only_if(|query| has_spare(query, 16)),
]));

const OP: Param = param("operation", choice(&OPERATIONS));
const ID_OF_KEY: Param = param("key", KEY);
const KEYRING: Param = param("keyring", KEY);
const TIMEOUT: Param = param("timeout", UINT);

const fn op(value: u64, params: &'static [Param]) -> Case {
    Case { value: value as u32, params, result: None }
}

/// Bytes of a key that a buffer of the size that an argument says may be too small for.
const fn filled(size: u8) -> Type {
    Type::Buffer(Access::Out, Length::ReturnedWithin(size))
}

/// The same, with a terminator.
const fn filled_text(size: u8) -> Type {
    Type::Terminated(Access::Out, Length::ReturnedWithin(size))
}

static CASES: Cases = Cases {
    arg: 0,
    cases: &[
        op(uapi::KEYCTL_GET_KEYRING_ID, &[OP, ID_OF_KEY, param("create", INT)]),
        op(uapi::KEYCTL_JOIN_SESSION_KEYRING, &[OP, param("name", TEXT)]),
        op(uapi::KEYCTL_UPDATE, &[OP, ID_OF_KEY, param("payload", data_in(3)), param("plen", SIZE)]),
        op(uapi::KEYCTL_REVOKE, &[OP, ID_OF_KEY]),
        op(uapi::KEYCTL_CHOWN, &[OP, ID_OF_KEY, param("uid", ID), param("gid", ID)]),
        op(uapi::KEYCTL_SETPERM, &[OP, ID_OF_KEY, param("perm", flags(&PERMISSIONS))]),
        op(uapi::KEYCTL_DESCRIBE, &[OP, ID_OF_KEY, param("buffer", filled_text(3)), param("buflen", SIZE)]),
        op(uapi::KEYCTL_CLEAR, &[OP, KEYRING]),
        op(uapi::KEYCTL_LINK, &[OP, ID_OF_KEY, KEYRING]),
        op(uapi::KEYCTL_UNLINK, &[OP, ID_OF_KEY, KEYRING]),
        op(
            uapi::KEYCTL_SEARCH,
            &[OP, KEYRING, param("type", TEXT), param("description", TEXT), param("dest_keyring", KEY)],
        ),
        op(uapi::KEYCTL_READ, &[OP, ID_OF_KEY, param("buffer", filled(3)), param("buflen", SIZE)]),
        op(
            uapi::KEYCTL_INSTANTIATE,
            &[OP, ID_OF_KEY, param("payload", data_in(3)), param("plen", SIZE), KEYRING],
        ),
        op(uapi::KEYCTL_NEGATE, &[OP, ID_OF_KEY, TIMEOUT, KEYRING]),
        op(
            uapi::KEYCTL_SET_REQKEY_KEYRING,
            &[
                OP,
                param(
                    "reqkey_defl",
                    Type::Number(Width::U32, Meaning::Named(&Named::int(write_default_keyring))),
                ),
            ],
        ),
        op(uapi::KEYCTL_SET_TIMEOUT, &[OP, ID_OF_KEY, TIMEOUT]),
        op(uapi::KEYCTL_ASSUME_AUTHORITY, &[OP, ID_OF_KEY]),
        op(
            uapi::KEYCTL_GET_SECURITY,
            &[OP, ID_OF_KEY, param("buffer", filled_text(3)), param("buflen", SIZE)],
        ),
        op(uapi::KEYCTL_SESSION_TO_PARENT, &[OP]),
        op(
            uapi::KEYCTL_REJECT,
            &[
                OP,
                ID_OF_KEY,
                TIMEOUT,
                param("error", Type::Number(Width::U32, Meaning::Named(&ERROR))),
                KEYRING,
            ],
        ),
        op(
            uapi::KEYCTL_INSTANTIATE_IOV,
            &[
                OP,
                ID_OF_KEY,
                param("payload_iov", Type::List(Access::In, &IOVEC_IN, Length::Arg(3))),
                param("ioc", ULONG),
                KEYRING,
            ],
        ),
        op(uapi::KEYCTL_INVALIDATE, &[OP, ID_OF_KEY]),
        op(uapi::KEYCTL_GET_PERSISTENT, &[OP, param("uid", UINT), KEYRING]),
        op(
            uapi::KEYCTL_DH_COMPUTE,
            &[
                OP,
                param("params", input(&DH_PARAMS)),
                param("buffer", filled(3)),
                param("buflen", SIZE),
                param("kdf", input(&KDF_PARAMS)),
            ],
        ),
        op(
            uapi::KEYCTL_PKEY_QUERY,
            &[
                OP,
                ID_OF_KEY,
                param("password", HEX),
                param("info", TEXT),
                param("result", output(&PKEY_QUERY)),
            ],
        ),
        op(uapi::KEYCTL_PKEY_ENCRYPT, &PKEY),
        op(uapi::KEYCTL_PKEY_DECRYPT, &PKEY),
        op(uapi::KEYCTL_PKEY_SIGN, &PKEY),
        op(
            uapi::KEYCTL_PKEY_VERIFY,
            &[
                OP,
                param("params", input(&PKEY_VERIFY_PARAMS)),
                param("info", TEXT),
                param("in", Type::Sized(Access::In, &PKEY_FIRST, PKEY_DATA)),
                param("in2", Type::Sized(Access::In, &PKEY_SECOND, PKEY_DATA)),
            ],
        ),
        op(uapi::KEYCTL_RESTRICT_KEYRING, &[OP, KEYRING, param("type", TEXT), param("restriction", TEXT)]),
        op(
            uapi::KEYCTL_MOVE,
            &[
                OP,
                ID_OF_KEY,
                param("from_keyring", KEY),
                param("to_keyring", KEY),
                param("flags", flags(&MOVE)),
            ],
        ),
        op(
            uapi::KEYCTL_CAPABILITIES,
            &[
                OP,
                param("buffer", Type::List(Access::Out, &CAPABILITY_BYTE, Length::ReturnedWithin(2))),
                param("buflen", SIZE),
            ],
        ),
    ],
};

static PKEY: [Param; 5] = [
    OP,
    param("params", input(&PKEY_PARAMS)),
    param("info", TEXT),
    param("in", Type::Sized(Access::In, &PKEY_FIRST, PKEY_DATA)),
    param("out", Type::Sized(Access::Out, &PKEY_SECOND, PKEY_DATA)),
];

pub static SYSCALLS: &[Syscall] = &[
    call(
        "add_key",
        0,
        &[
            param("type", TEXT),
            param("description", TEXT),
            param("payload", data_in(3)),
            param("plen", SIZE),
            KEYRING,
        ],
        RET_INT,
    ),
    call(
        "request_key",
        0,
        &[
            param("type", TEXT),
            param("description", TEXT),
            param("callout_info", TEXT),
            param("dest_keyring", KEY),
        ],
        RET_INT,
    ),
    Syscall {
        name: "keyctl",
        classes: 0,
        params: &[OP, param("arg2", HEX), param("arg3", HEX), param("arg4", HEX), param("arg5", HEX)],
        result: RET_INT,
        cases: Some(&CASES),
        indirect: None,
    },
];
