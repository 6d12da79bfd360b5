//! Loop devices.

use rstrace_core::describe::{Case, Custom, Item, Meaning, Object, Shape, Struct, Type, Width, field, long};
use rstrace_core::event::{Abi, Value};
use rstrace_core::flags::{Choices, FlagSet};

use super::super::stat::write_device;
use super::requests;
use crate::syscall::types::*;
use crate::uapi;

/// `linux/loop.h`; the second one was there up to Linux 5.
static FLAGS: FlagSet = FlagSet {
    choice: None,
    names: &[
        (uapi::LO_FLAGS_READ_ONLY, "LO_FLAGS_READ_ONLY"),
        (2, "LO_FLAGS_USE_AOPS"),
        (uapi::LO_FLAGS_AUTOCLEAR, "LO_FLAGS_AUTOCLEAR"),
        (uapi::LO_FLAGS_PARTSCAN, "LO_FLAGS_PARTSCAN"),
        (uapi::LO_FLAGS_DIRECT_IO, "LO_FLAGS_DIRECT_IO"),
    ],
    unknown: "LO_FLAGS_???",
};

static ENCRYPTION: Choices = choices!("LO_CRYPT_???", LO_CRYPT_NONE LO_CRYPT_XOR LO_CRYPT_DES LO_CRYPT_FISH2
    LO_CRYPT_BLOW LO_CRYPT_CAST128 LO_CRYPT_IDEA LO_CRYPT_DUMMY LO_CRYPT_SKIPJACK LO_CRYPT_CRYPTOAPI);

const fn device(width: Width) -> Type {
    Type::Number(width, Meaning::Written(write_device))
}

/// The key of a `struct loop_info` that says its length.
const KEY: Type = Type::Custom(&Custom {
    size: KEY_SIZE,
    compat_size: KEY_SIZE,
    shape: Shape::Bare,
    parts: |key, _, emit| emit(Item::element(Value::Text { bytes: key.bytes, more: false, whole: false })),
    nested: &[],
});

/// The longest key.
const KEY_SIZE: usize = 32;

/// Emits the members of one of two descriptions: what concerns encryption is shown at length only, unless there is
/// any.
fn information(
    info: &Object<'_>,
    (plain, encrypted): (&'static Type, &'static Type),
    encryption: usize,
    verbose: bool,
    emit: &mut dyn FnMut(Item<'_>),
) {
    let ty = if info.number(encryption, Width::U32) == 0 { plain } else { encrypted };
    let key_size = (info.number(encryption + 4, Width::U32) as usize).min(KEY_SIZE);
    Object { ty, ..*info }.parts(verbose, &mut |item| match item.value {
        Value::Object(key) if item.name == "lo_encrypt_key" => {
            let bytes = key.bytes.get(..key_size).unwrap_or(key.bytes);
            emit(Item::member(item.name, Value::Object(Object { bytes, ..key })));
        }
        _ => emit(item),
    });
}

macro_rules! loop_info {
    ($of_encryption:ident) => {
        Type::Struct(
            &Struct::of(&[
                field("lo_number", INT),
                long("lo_device", device(Width::Word)),
                long("lo_inode", ULONG),
                long("lo_rdevice", device(Width::Word)),
                field("lo_offset", HEX32),
                $of_encryption("lo_encrypt_type", choice(&ENCRYPTION)),
                $of_encryption("lo_encrypt_key_size", U32),
                field("lo_flags", flags(&FLAGS)),
                field("lo_name", Type::Chars(64)),
                $of_encryption("lo_encrypt_key", KEY),
                long("lo_init", Type::Elements(&HEX, 2)),
                long("reserved", Type::Elements(&HEX8, 4)),
            ])
            .with_compat(&Struct::of(&[
                field("lo_number", INT),
                long("lo_device", device(Width::U16)),
                long("lo_inode", ULONG),
                long("lo_rdevice", device(Width::U16)),
                field("lo_offset", HEX32),
                $of_encryption("lo_encrypt_type", choice(&ENCRYPTION)),
                $of_encryption("lo_encrypt_key_size", U32),
                field("lo_flags", flags(&FLAGS)),
                field("lo_name", Type::Chars(64)),
                $of_encryption("lo_encrypt_key", KEY),
                long("lo_init", Type::Elements(&HEX, 2)),
                long("reserved", Type::Elements(&HEX8, 4)),
            ])),
        )
    };
}

macro_rules! loop_info64 {
    ($of_encryption:ident) => {
        Type::Struct(&Struct::of(&[
            long("lo_device", device(Width::U64)),
            long("lo_inode", U64),
            long("lo_rdevice", device(Width::U64)),
            field("lo_offset", HEX64),
            long("lo_sizelimit", U64),
            field("lo_number", U32),
            $of_encryption("lo_encrypt_type", choice(&ENCRYPTION)),
            $of_encryption("lo_encrypt_key_size", U32),
            field("lo_flags", flags(&FLAGS)),
            field("lo_file_name", Type::Chars(64)),
            $of_encryption("lo_crypt_name", Type::Chars(64)),
            $of_encryption("lo_encrypt_key", KEY),
            long("lo_init", Type::Elements(&HEX64, 2)),
        ]))
    };
}

static PLAIN: Type = loop_info!(long);
static ENCRYPTED: Type = loop_info!(field);
static PLAIN64: Type = loop_info64!(long);
static ENCRYPTED64: Type = loop_info64!(field);

/// `struct loop_info`.
static INFO: Type = Type::Custom(&Custom {
    size: 168,
    compat_size: 140,
    shape: Shape::Struct,
    parts: |info, verbose, emit| {
        let encryption = if info.call.abi == Abi::Native { 36 } else { 16 };
        information(info, (&PLAIN, &ENCRYPTED), encryption, verbose, emit);
    },
    nested: &[],
});
/// `struct loop_info64`.
const INFO64: Type = Type::Custom(&Custom {
    size: 232,
    compat_size: 232,
    shape: Shape::Struct,
    parts: |info, verbose, emit| information(info, (&PLAIN64, &ENCRYPTED64), 44, verbose, emit),
    nested: &[],
});
static INFO64_TYPE: Type = INFO64;

/// `struct loop_config`.
static CONFIG: Type = Type::Struct(&Struct::of(&[
    field("fd", FD),
    field("block_size", U32),
    field("info", INFO64),
    field("__reserved", Type::Elements(&HEX64, 8)).only_if(|config| {
        config.bytes.get(240..).is_some_and(|reserved| reserved.iter().any(|byte| *byte != 0))
    }),
]));

pub const REQUESTS: &[Case] = requests! {
    LOOP_SET_FD: FD,
    LOOP_CLR_FD,
    LOOP_SET_STATUS: input(&INFO),
    LOOP_GET_STATUS: output(&INFO),
    LOOP_SET_STATUS64: input(&INFO64_TYPE),
    LOOP_GET_STATUS64: output(&INFO64_TYPE),
    LOOP_CHANGE_FD: FD,
    LOOP_SET_CAPACITY,
    LOOP_SET_DIRECT_IO: ULONG,
    LOOP_SET_BLOCK_SIZE: ULONG,
    LOOP_CONFIGURE: input(&CONFIG),
    LOOP_CTL_ADD: INT,
    LOOP_CTL_REMOVE: INT,
    LOOP_CTL_GET_FREE,
};
