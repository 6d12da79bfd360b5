//! SCSI devices: their settings, and the commands that go through them.

use rstrace_core::describe::{
    Access, Case, Custom, Field, Item, Length, Meaning, Nested, Object, Shape, Struct, Type, Width, field,
    hidden, size_of_type,
};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet, Flags};

use super::requests;
use crate::syscall::types::*;
use crate::uapi;

/// `struct sg_scsi_id`.
static SCSI_ID: Type = Type::Struct(&Struct::of(&[
    field("host_no", INT),
    field("channel", INT),
    field("scsi_id", HEX32),
    field("lun", INT),
    field("scsi_type", HEX32),
    field("h_cmd_per_lun", I16),
    field("d_queue_depth", I16),
]));

/// What the C library's `scsi/sg.h` lacks of the kernel's.
mod sg {
    pub const RESET_TARGET: u64 = 4;
    pub const RESET_NO_ESCALATE: u64 = 0x100;
    pub const FLAG_MMAP_IO: u64 = 4;
    pub const FLAG_Q_AT_TAIL: u64 = 0x10;
    pub const FLAG_Q_AT_HEAD: u64 = 0x20;
}

static RESETS: FlagSet =
    FlagSet { choice: None, names: &[(sg::RESET_NO_ESCALATE, "SG_SCSI_RESET_NO_ESCALATE")], unknown: "" };
static RESET_KINDS: Choices = Choices {
    names: &[
        (uapi::SG_SCSI_RESET_NOTHING, "SG_SCSI_RESET_NOTHING"),
        (uapi::SG_SCSI_RESET_DEVICE, "SG_SCSI_RESET_DEVICE"),
        (uapi::SG_SCSI_RESET_BUS, "SG_SCSI_RESET_BUS"),
        (uapi::SG_SCSI_RESET_HOST, "SG_SCSI_RESET_HOST"),
        (sg::RESET_TARGET, "SG_SCSI_RESET_TARGET"),
    ],
    unknown: "SG_SCSI_RESET_???",
};
/// What is to be reset, and whether more is if that does not help.
static RESET: Type = Type::Custom(&Custom::of(4, Shape::List, |reset, _, emit| {
    let bits = reset.number(0, Width::U32);
    let kind = Value::Choice(bits & !sg::RESET_NO_ESCALATE, &RESET_KINDS);
    if bits & sg::RESET_NO_ESCALATE == 0 {
        return emit(Item::element(kind));
    }
    let modifier = Value::Flags(Flags { bits: sg::RESET_NO_ESCALATE, set: &RESETS });
    emit(Item::element(Value::Joined(&modifier, &kind)));
}));

static DIRECTIONS: Choices = choices!("SG_DXFER_???", SG_DXFER_NONE SG_DXFER_TO_DEV SG_DXFER_FROM_DEV
    SG_DXFER_TO_FROM_DEV);
static FLAGS_3: FlagSet = FlagSet {
    choice: None,
    names: &[
        (uapi::SG_FLAG_DIRECT_IO, "SG_FLAG_DIRECT_IO"),
        // the C library has it without UNUSED
        (uapi::SG_FLAG_LUN_INHIBIT, "SG_FLAG_UNUSED_LUN_INHIBIT"),
        (sg::FLAG_MMAP_IO, "SG_FLAG_MMAP_IO"),
        (uapi::SG_FLAG_NO_DXFER, "SG_FLAG_NO_DXFER"),
        (sg::FLAG_Q_AT_TAIL, "SG_FLAG_Q_AT_TAIL"),
        (sg::FLAG_Q_AT_HEAD, "SG_FLAG_Q_AT_HEAD"),
    ],
    unknown: "SG_FLAG_???",
};
static INFO: FlagSet = set!("SG_INFO_???", SG_INFO_CHECK SG_INFO_DIRECT_IO SG_INFO_MIXED_IO);

static PROTOCOLS: Choices = choices!("BSG_PROTOCOL_???", BSG_PROTOCOL_SCSI);
static SUBPROTOCOLS: Choices = choices!("BSG_SUB_PROTOCOL_???", BSG_SUB_PROTOCOL_SCSI_CMD BSG_SUB_PROTOCOL_SCSI_TMF BSG_SUB_PROTOCOL_SCSI_TRANSPORT);
static FLAGS_4: FlagSet = set!("BSG_FLAG_???", BSG_FLAG_Q_AT_TAIL BSG_FLAG_Q_AT_HEAD);

/// `struct iovec` of which the command transfers so much together as it says.
static PART: Type = Type::Struct(&Struct::of(&[
    field("iov_base", Type::Buffer(Access::In, Length::MemberTransferred(1))),
    field("iov_len", SIZE),
]));
const fn parts(count: u8) -> Type {
    Type::List(Access::In, &PART, Length::Member(count))
}
const fn bytes(count: u8) -> Type {
    Type::HexBuffer(Access::In, Length::Member(count))
}

fn write_version(out: &mut Notation<'_>, version: u64) {
    out.extend_from_slice(&[b'\'', version as u8, b'\'']);
}
/// Which structure it is: a character.
const VERSION: Type = Type::Number(Width::U32, Meaning::Written(write_version));

/// `struct sg_io_hdr`. Its data is in one piece or in parts, of which nothing else is of interest.
macro_rules! command_3 {
    ($data:expr, $command:expr, $sense:expr) => {
        Struct::of(&[
            field("interface_id", VERSION),
            field("dxfer_direction", choice(&DIRECTIONS)),
            field("cmd_len", U8),
            field("mx_sb_len", U8),
            field("iovec_count", U16),
            field("dxfer_len", U32),
            field("dxferp", $data),
            field("cmdp", $command),
            field("sbp", $sense),
            field("timeout", U32),
            field("flags", flags(&FLAGS_3)),
            hidden(INT),
            hidden(ADDRESS),
            field("status", HEX8),
            field("masked_status", HEX8),
            field("msg_status", HEX8),
            field("sb_len_wr", U8),
            field("host_status", HEX16),
            field("driver_status", HEX16),
            field("resid", INT),
            field("duration", U32),
            field("info", flags(&INFO)),
        ])
    };
}
static FLAT_3: Type = Type::Struct(&command_3!(bytes(5), ADDRESS, ADDRESS).in_order(&[6]));
static SCATTERED_3: Type = Type::Struct(&command_3!(parts(4), ADDRESS, ADDRESS).in_order(&[6]));
static ASKED_3: Type =
    Type::Struct(&command_3!(ADDRESS, bytes(2), ADDRESS).in_order(&[0, 1, 2, 7, 3, 4, 5, 9, 10]));
static ANSWERED_3: Type =
    Type::Struct(&command_3!(ADDRESS, ADDRESS, bytes(16)).in_order(&[13, 14, 15, 16, 8, 17, 18, 19, 20, 21]));
/// What is captured of it: the sense data after the call only.
static CAPTURED_3: Struct = command_3!(bytes(5), bytes(2), Type::HexBuffer(Access::Out, Length::Member(16)));
static CAPTURED_PARTS_3: Struct = command_3!(parts(4), ADDRESS, ADDRESS);

/// An address of 64 bits is one of 32 bits and nothing in 32-bit programs.
const UPPER_HALF: Field = hidden(Type::ByAbi(&Type::Padding(0), &Type::Padding(4)));

/// `struct sg_io_v4`. What it points to is not captured, but for the command: it stands where the other structure has
/// its data.
macro_rules! command_4 {
    ($($place:literal)*) => {
        Type::Struct(
            &Struct::of(&[
                field("guard", VERSION),
                field("protocol", choice(&PROTOCOLS)),
                field("subprotocol", choice(&SUBPROTOCOLS)),
                field("request_len", U32),
                field("request", bytes(3)),
                UPPER_HALF,
                field("request_tag", HEX64),
                field("request_attr", U32),
                field("request_priority", U32),
                field("request_extra", U32),
                field("max_response_len", U32),
                field("response", ADDRESS),
                UPPER_HALF,
                field("dout_iovec_count", U32),
                field("dout_xfer_len", U32),
                field("din_iovec_count", U32),
                field("din_xfer_len", U32),
                field("dout_xferp", ADDRESS),
                UPPER_HALF,
                field("din_xferp", ADDRESS),
                UPPER_HALF,
                field("timeout", U32),
                field("flags", flags(&FLAGS_4)),
                field("usr_ptr", HEX64),
                hidden(U32),
                field("driver_status", HEX32),
                field("transport_status", HEX32),
                field("device_status", HEX32),
                field("retry_delay", U32),
                field("info", flags(&INFO)),
                field("duration", U32),
                field("response_len", U32),
                field("din_resid", INT),
                field("dout_resid", INT),
                field("generated_tag", HEX64),
                hidden(U32),
                hidden(U32),
            ])
            .in_order(&[$($place),*]),
        )
    };
}
static ASKED_4: Type = command_4!(0 1 2 3 4 6 7 8 9 10 13 14 15 16 17 21 22 23);
static ANSWERED_4: Type = command_4!(31 11 19 25 26 27 28 29 30 31 32 33 34);

fn view(command: &Object<'_>, ty: &'static Type, emit: &mut dyn FnMut(Item<'_>)) {
    Object { ty, ..*command }.parts(true, emit);
}

/// What is transferred: in parts, or in one piece if there are none.
fn data(command: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    let ty = if command.number(10, Width::U16) == 0 { &FLAT_3 } else { &SCATTERED_3 };
    view(&Object { left: command.number(12, Width::U32), ..*command }, ty, emit);
}

/// A command, before the call and after it, also if that failed. Of an unknown version it is its address.
fn command(command: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    let Some(version) = command.bytes.first_chunk() else { return };
    let version = u32::from_ne_bytes(*version).into();
    let (name, asked, answered) = match version {
        VERSION_3 => ("interface_id", &ASKED_3, &ANSWERED_3),
        VERSION_4 => ("guard", &ASKED_4, &ANSWERED_4),
        _ => return,
    };
    let Some(bytes) = command.bytes.get(..size_of_type(asked, command.call.abi)) else {
        emit(Item::member(name, Value::Written(version, write_version)));
        return emit(Item::element(Value::Address(command.address.wrapping_add(4))));
    };
    let before = Object { bytes, ..*command };
    view(&before, asked, emit);
    let direction = if version == VERSION_3 { before.number(4, Width::I32) } else { uapi::SG_DXFER_NONE };
    if direction == uapi::SG_DXFER_TO_DEV {
        data(&before, emit);
    }
    let Some(after) = before.changed() else { return emit(Item::element(Value::Missing)) };
    match direction {
        uapi::SG_DXFER_FROM_DEV => data(&after, emit),
        uapi::SG_DXFER_TO_FROM_DEV => data(&before, &mut |out| {
            data(&after, &mut |answer| {
                emit(Item::member(out.name, Value::Change(&out.value, &answer.value)));
            });
        }),
        _ => {}
    }
    view(&after, answered, emit);
}
static COMMAND: Type = Type::Custom(&Custom {
    size: LARGER,
    compat_size: LARGER,
    shape: Shape::Struct,
    parts: command,
    nested: &[
        Nested { offset: [0, 0], ty: Type::Struct(&CAPTURED_3) },
        Nested { offset: [0, 0], ty: Type::Struct(&CAPTURED_PARTS_3) },
    ],
});

/// Bytes of the larger structure.
const LARGER: usize = 160;
const VERSION_3: u64 = b'S' as u64;
const VERSION_4: u64 = b'Q' as u64;

pub const REQUESTS: &[Case] = requests! {
    SG_SET_TIMEOUT: input(&INT),
    SG_GET_TIMEOUT,
    SG_EMULATED_HOST: output(&INT),
    SG_GET_COMMAND_Q: output(&INT),
    SG_SET_COMMAND_Q: input(&INT),
    SG_GET_RESERVED_SIZE: output(&INT),
    SG_SET_RESERVED_SIZE: input(&INT),
    SG_GET_SCSI_ID: output(&SCSI_ID),
    SG_SET_FORCE_LOW_DMA: input(&INT),
    SG_GET_LOW_DMA: output(&INT),
    SG_SET_FORCE_PACK_ID: input(&INT),
    SG_GET_PACK_ID: output(&INT),
    SG_GET_NUM_WAITING: output(&INT),
    SG_SET_DEBUG: input(&INT),
    SG_GET_SG_TABLESIZE: output(&INT),
    SG_GET_VERSION_NUM: output(&INT),
    SG_SCSI_RESET: input(&RESET),
    SG_IO: Type::Sized(Access::InOutAlways, &COMMAND, Length::Fixed(LARGER as u32)),
    SG_NEXT_CMD_LEN: input(&INT),
    SG_SET_KEEP_ORPHAN: input(&INT),
    SG_GET_KEEP_ORPHAN: output(&INT),
};
