//! Video devices: the formats of their streams.

use std::io::Write;

use rstrace_core::describe::{
    Case, Constants, Custom, Item, Meaning, Object, Returned, Shape, Struct, Type, Width, field, hidden,
    named, param,
};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet};
use rstrace_core::memory::At;
use rstrace_core::probe::RawCall;

use super::video_buffers::MEMORY;
use super::video_names::FORMATS;
use super::{FD_PARAM, OP_PARAM, encoded, requests, rewritten, two_parts};
use crate::syscall::types::*;
use crate::uapi;

pub static BUFFER_TYPES: Choices = choices!("V4L2_BUF_TYPE_???", V4L2_BUF_TYPE_VIDEO_CAPTURE V4L2_BUF_TYPE_VIDEO_OUTPUT
    V4L2_BUF_TYPE_VIDEO_OVERLAY V4L2_BUF_TYPE_VBI_CAPTURE V4L2_BUF_TYPE_VBI_OUTPUT V4L2_BUF_TYPE_SLICED_VBI_CAPTURE
    V4L2_BUF_TYPE_SLICED_VBI_OUTPUT V4L2_BUF_TYPE_VIDEO_OUTPUT_OVERLAY V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE
    V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE V4L2_BUF_TYPE_SDR_CAPTURE V4L2_BUF_TYPE_SDR_OUTPUT V4L2_BUF_TYPE_META_CAPTURE
    V4L2_BUF_TYPE_META_OUTPUT);
static ORDERS: Choices = choices!("V4L2_FIELD_???", V4L2_FIELD_ANY V4L2_FIELD_NONE V4L2_FIELD_TOP V4L2_FIELD_BOTTOM
    V4L2_FIELD_INTERLACED V4L2_FIELD_SEQ_TB V4L2_FIELD_SEQ_BT V4L2_FIELD_ALTERNATE V4L2_FIELD_INTERLACED_TB
    V4L2_FIELD_INTERLACED_BT);
static COLORS: Choices = choices!("V4L2_COLORSPACE_???", V4L2_COLORSPACE_DEFAULT V4L2_COLORSPACE_SMPTE170M
    V4L2_COLORSPACE_SMPTE240M V4L2_COLORSPACE_REC709 V4L2_COLORSPACE_BT878 V4L2_COLORSPACE_470_SYSTEM_M
    V4L2_COLORSPACE_470_SYSTEM_BG V4L2_COLORSPACE_JPEG V4L2_COLORSPACE_SRGB V4L2_COLORSPACE_OPRGB
    V4L2_COLORSPACE_BT2020 V4L2_COLORSPACE_RAW V4L2_COLORSPACE_DCI_P3);
static FORMAT_FLAGS: FlagSet = set!("V4L2_FMT_FLAG_???", V4L2_FMT_FLAG_COMPRESSED V4L2_FMT_FLAG_EMULATED
    V4L2_FMT_FLAG_CONTINUOUS_BYTESTREAM V4L2_FMT_FLAG_DYN_RESOLUTION V4L2_FMT_FLAG_ENC_CAP_FRAME_INTERVAL
    V4L2_FMT_FLAG_CSC_COLORSPACE V4L2_FMT_FLAG_CSC_XFER_FUNC V4L2_FMT_FLAG_CSC_YCBCR_ENC
    V4L2_FMT_FLAG_CSC_QUANTIZATION V4L2_FMT_FLAG_META_LINE_BASED);
static VBI_FLAGS: FlagSet = set!("V4L2_VBI_???", V4L2_VBI_UNSYNC V4L2_VBI_INTERLACED);
static SLICED_SERVICES: FlagSet = set!("V4L2_SLICED_???", V4L2_SLICED_VBI_625 V4L2_SLICED_TELETEXT_B V4L2_SLICED_VPS
    V4L2_SLICED_CAPTION_525 V4L2_SLICED_WSS_625);
static STREAM_CAPABILITIES: FlagSet = set!("V4L2_CAP_???", V4L2_CAP_TIMEPERFRAME);
static STREAM_MODES: FlagSet = set!("V4L2_MODE_???", V4L2_MODE_HIGHQUALITY);
static SIZE_TYPES: Choices = choices!("V4L2_FRMSIZE_TYPE_???", V4L2_FRMSIZE_TYPE_DISCRETE
    V4L2_FRMSIZE_TYPE_CONTINUOUS V4L2_FRMSIZE_TYPE_STEPWISE);
static INTERVAL_TYPES: Choices = choices!("V4L2_FRMIVAL_TYPE_???", V4L2_FRMIVAL_TYPE_DISCRETE
    V4L2_FRMIVAL_TYPE_CONTINUOUS V4L2_FRMIVAL_TYPE_STEPWISE);
/// `v4l2_fourcc('Y', 'U', 'Y', 'V') /* V4L2_PIX_FMT_YUYV */`
fn write_format(out: &mut Notation<'_>, format: u64) {
    if out.constants() == Constants::Raw {
        return named::hex(out, format);
    }
    out.push_text("v4l2_fourcc(");
    for (i, character) in (format as u32).to_le_bytes().into_iter().enumerate() {
        out.push_text(if i == 0 { "" } else { ", " });
        // writing to a vector cannot fail
        let _ = match character {
            b'\'' | b'\\' => write!(out, "'\\{}'", char::from(character)),
            b' '..=b'~' => write!(out, "'{}'", char::from(character)),
            _ => write!(out, "'\\x{character:02x}'"),
        };
    }
    out.push(b')');
    if let Some(name) = FORMATS.name(format) {
        let _ = write!(out, " /* {name} */");
    }
}
const FORMAT: Type = Type::Number(Width::U32, Meaning::Written(write_format));

/// Two numbers: `1/25`.
fn write_fraction(out: &mut Notation<'_>, bytes: &[u8]) {
    let [numerator, denominator] = [0, 4].map(|at| {
        bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |number| u32::from_ne_bytes(*number))
    });
    let _ = write!(out, "{numerator}/{denominator}");
}
pub const FRACTION: Type = Type::Written(8, write_fraction);

pub static BUFFER_TYPE: Type = choice(&BUFFER_TYPES);
/// The members of a structure that the program passes, and those that the call answers: `name, before, after: members`.
macro_rules! asked {
    ($name:ident, $size:literal, $before:ident [$($asked:literal)*], $after:ident [$($answered:literal)*],
     [$($member:expr,)*]) => {
        static $before: Type = Type::Struct(&Struct::of(&[$($member),*]).in_order(&[$($asked),*]));
        static $after: Type = Type::Struct(&Struct::of(&[$($member),*]).in_order(&[$($answered),*]));
        static $name: Type = two_parts!($size, Struct, extended, $before, $after);
    };
}
pub(super) use asked;

// `struct v4l2_fmtdesc`
asked!(DESCRIPTION, 64, ASKED_DESCRIPTION [0 1], GIVEN_DESCRIPTION [2 3 4], [
    field("index", U32),
    field("type", choice(&BUFFER_TYPES)),
    field("flags", flags(&FORMAT_FLAGS)),
    field("description", Type::Chars(32)),
    field("pixelformat", FORMAT),
]);

/// `struct v4l2_pix_format`.
static PIXELS: Type = Type::Struct(&Struct::of(&[
    field("width", U32),
    field("height", U32),
    field("pixelformat", FORMAT),
    field("field", choice(&ORDERS)),
    field("bytesperline", U32),
    field("sizeimage", U32),
    field("colorspace", choice(&COLORS)),
]));
/// `struct v4l2_plane_pix_format`.
static PLANE: Type = Type::Struct(&Struct::of(&[
    field("sizeimage", U32),
    field("bytesperline", U32),
    hidden(Type::Padding(12)),
]));
static PLANES: Type = Type::Elements(&PLANE, 8);
/// `struct v4l2_pix_format_mplane` up to its planes.
static PLANAR_HEAD: Type = Type::Struct(&Struct::of(&[
    field("width", U32),
    field("height", U32),
    field("pixelformat", FORMAT),
    field("field", choice(&ORDERS)),
    field("colorspace", choice(&COLORS)),
]));
static PLANAR: Type = Type::Custom(&Custom::of(192, Shape::Struct, |pixels, _, emit| {
    let count = pixels.number(180, Width::U8);
    Object { ty: &PLANAR_HEAD, ..*pixels }.parts(true, emit);
    if let Value::Object(planes) = pixels.value_at(20, &PLANES) {
        let planes = Object { count: count.min(planes.count), ..planes };
        emit(Item::member("plane_fmt", Value::Object(planes)));
    }
    emit(Item::member("num_planes", Value::Unsigned(count)));
}));
/// `struct v4l2_rect`.
pub const RECTANGLE: Type = Type::Struct(&Struct::of(&[
    field("left", INT),
    field("top", INT),
    field("width", U32),
    field("height", U32),
]));
/// `struct v4l2_window`: its clips are not captured.
static WINDOW: Type = Type::Struct(&Struct::of(&[
    field("w", RECTANGLE),
    field("field", choice(&ORDERS)),
    field("chromakey", HEX32),
    field("clips", ADDRESS),
    field("clipcount", U32),
    field("bitmap", ADDRESS),
    field("global_alpha", HEX8),
]));
/// `struct v4l2_vbi_format`.
static BLANKING: Type = Type::Struct(&Struct::of(&[
    field("sampling_rate", U32),
    field("offset", U32),
    field("samples_per_line", U32),
    field("sample_format", FORMAT),
    field("start", Type::Elements(&INT, 2)),
    field("count", Type::Elements(&U32, 2)),
    field("flags", flags(&VBI_FLAGS)),
]));
static SERVICE: Type = HEX16;
static SERVICES: Type = Type::Elements(&SERVICE, 24);
/// `struct v4l2_sliced_vbi_format`.
static SLICED: Type = Type::Struct(&Struct::of(&[
    field("service_set", flags16(&SLICED_SERVICES)),
    field("service_lines", Type::Elements(&SERVICES, 2)),
    field("io_size", U32),
]));
/// `struct v4l2_sdr_format`.
static RADIO: Type = Type::Struct(&Struct::of(&[field("pixelformat", FORMAT), field("buffersize", U32)]));
/// `struct v4l2_meta_format`.
static METADATA: Type = Type::Struct(&Struct::of(&[field("dataformat", FORMAT), field("buffersize", U32)]));

/// Emits the member of a `struct v4l2_format` that its type says.
fn format(format: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    let (name, ty) = match format.number(0, Width::U32) {
        uapi::V4L2_BUF_TYPE_VIDEO_CAPTURE | uapi::V4L2_BUF_TYPE_VIDEO_OUTPUT => ("fmt.pix", &PIXELS),
        uapi::V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE | uapi::V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE => {
            ("fmt.pix_mp", &PLANAR)
        }
        uapi::V4L2_BUF_TYPE_VIDEO_OVERLAY | uapi::V4L2_BUF_TYPE_VIDEO_OUTPUT_OVERLAY => ("fmt.win", &WINDOW),
        uapi::V4L2_BUF_TYPE_VBI_CAPTURE | uapi::V4L2_BUF_TYPE_VBI_OUTPUT => ("fmt.vbi", &BLANKING),
        uapi::V4L2_BUF_TYPE_SLICED_VBI_CAPTURE | uapi::V4L2_BUF_TYPE_SLICED_VBI_OUTPUT => {
            ("fmt.sliced", &SLICED)
        }
        uapi::V4L2_BUF_TYPE_SDR_CAPTURE | uapi::V4L2_BUF_TYPE_SDR_OUTPUT => ("fmt.sdr", &RADIO),
        uapi::V4L2_BUF_TYPE_META_CAPTURE | uapi::V4L2_BUF_TYPE_META_OUTPUT => ("fmt.meta", &METADATA),
        _ => return,
    };
    emit(Item::member(name, format.value_at(8, ty)));
}

/// Emits the member of a `struct v4l2_streamparm` that its type says.
fn parameters(stream: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    match stream.number(0, Width::U32) {
        uapi::V4L2_BUF_TYPE_VIDEO_CAPTURE => {
            emit(Item::member("parm.capture", stream.value_at(4, &CAPTURE)));
        }
        uapi::V4L2_BUF_TYPE_VIDEO_OUTPUT => emit(Item::member("parm.output", stream.value_at(4, &OUTPUT))),
        _ => {}
    }
}
macro_rules! stream {
    ($mode:literal, $buffers:literal) => {
        Type::Struct(&Struct::of(&[
            field("capability", flags(&STREAM_CAPABILITIES)),
            field($mode, flags(&STREAM_MODES)),
            field("timeperframe", FRACTION),
            field("extendedmode", HEX32),
            field($buffers, U32),
        ]))
    };
}
/// `struct v4l2_captureparm`.
static CAPTURE: Type = stream!("capturemode", "readbuffers");
/// `struct v4l2_outputparm`.
static OUTPUT: Type = stream!("outputmode", "writebuffers");

/// A structure of so many bytes that consists of a type and what that says: asked for, or told and answered.
macro_rules! typed {
    ($size:literal, $rest:ident, $get:ident, $set:ident, $head:ident, $after:ident, $before:ident) => {
        static $head: Type = typed!($size, |object, _, emit| {
            emit(Item::member("type", object.value_at(0, &BUFFER_TYPE)));
        });
        static $after: Type = typed!($size, |object, _, emit| $rest(object, emit));
        static $before: Type = typed!($size, |object, _, emit| {
            emit(Item::member("type", object.value_at(0, &BUFFER_TYPE)));
            $rest(object, emit);
        });
        static $get: Type = two_parts!($size, Struct, extended, $head, $after);
        static $set: Type = Type::Custom(&Custom::of($size, Shape::Bare, |object, verbose, emit| {
            answered(object, verbose, (&$before, &$after), emit)
        }));
    };
    ($size:literal, $parts:expr) => {
        Type::Custom(&Custom::of($size, Shape::Struct, $parts))
    };
}
typed!(208, format, GET_FORMAT, SET_FORMAT, FORMAT_TYPE, FORMAT_REST, TOLD_FORMAT);
typed!(204, parameters, GET_PARAMETERS, SET_PARAMETERS, PARAMETERS_TYPE, PARAMETERS_REST, TOLD_PARAMETERS);

/// Emits what is told and what is answered, if the type says that there is something.
fn answered(
    object: &Object<'_>,
    verbose: bool,
    (before, after): (&'static Type, &'static Type),
    emit: &mut dyn FnMut(Item<'_>),
) {
    let mut is_empty = true;
    Object { ty: after, ..*object }.parts(verbose, &mut |_| is_empty = false);
    match is_empty {
        true => emit(Item::element(Value::Object(Object { ty: before, ..*object }))),
        false => rewritten(object, verbose, (before, after), emit),
    }
}

/// `struct v4l2_create_buffers`: what is made is told with the result.
static MAKE_BUFFERS: Type = typed!(256, |buffers, _, emit| {
    emit(Item::member("count", buffers.value_at(4, &U32)));
    emit(Item::member("memory", buffers.value_at(8, &MEMORY)));
    emit(Item::member("format", buffers.value_at(16, &TOLD_FORMAT)));
});
static MADE_BUFFERS: Type = Type::Struct(&Struct::of(&[field("index", U32), field("count", U32)]));

/// Which buffers were made.
fn made<'a>(call: &'a RawCall<'a>, emit: &mut dyn FnMut(Item<'_>)) {
    const SIZE: usize = 8;
    let address = call.args[2];
    let Some(bytes) = call.memory.bytes(address, SIZE, At::Return) else { return };
    emit(Item::element(Value::Object(Object {
        ty: &MADE_BUFFERS,
        bytes,
        address,
        at: At::Return,
        count: SIZE as u64,
        unreadable: false,
        left: 0,
        call,
    })));
}
pub const MAKING: &[Case] = &[Case {
    value: uapi::VIDIOC_CREATE_BUFS as u32,
    params: &[FD_PARAM, OP_PARAM, param("argp", encoded(&MAKE_BUFFERS))],
    result: Some(Returned::Glossed(Width::I32, Meaning::Plain, made)),
}];

static PIXEL_FORMAT: Type = FORMAT;

/// Emits the index and the format that sizes or intervals are asked for.
fn asked_frames(frames: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    emit(Item::member("index", frames.value_at(0, &U32)));
    emit(Item::member("pixel_format", frames.value_at(4, &PIXEL_FORMAT)));
}
static SIZE_TYPE: Type = choice(&SIZE_TYPES);
static AREA: Type = Type::Struct(&Struct::of(&[field("width", U32), field("height", U32)]));
/// `struct v4l2_frmsize_stepwise`.
static AREA_STEPS: Type = Type::Struct(&Struct::of(&[
    field("min_width", U32),
    field("max_width", U32),
    field("step_width", U32),
    field("min_height", U32),
    field("max_height", U32),
    field("step_height", U32),
]));
static ASKED_SIZES: Type = typed!(44, |sizes, _, emit| asked_frames(sizes, emit));
static GIVEN_SIZES: Type = typed!(44, |sizes, _, emit| {
    emit(Item::member("type", sizes.value_at(8, &SIZE_TYPE)));
    match sizes.number(8, Width::U32) {
        uapi::V4L2_FRMSIZE_TYPE_DISCRETE => emit(Item::member("discrete", sizes.value_at(12, &AREA))),
        uapi::V4L2_FRMSIZE_TYPE_STEPWISE => emit(Item::member("stepwise", sizes.value_at(12, &AREA_STEPS))),
        _ => {}
    }
});
/// `struct v4l2_frmsizeenum`.
static SIZES: Type = two_parts!(44, Struct, extended, ASKED_SIZES, GIVEN_SIZES);

static INTERVAL_TYPE: Type = choice(&INTERVAL_TYPES);
static INTERVAL: Type = FRACTION;
/// `struct v4l2_frmival_stepwise`.
static INTERVAL_STEPS: Type =
    Type::Struct(&Struct::of(&[field("min", FRACTION), field("max", FRACTION), field("step", FRACTION)]));
static ASKED_INTERVALS: Type = typed!(52, |intervals, _, emit| {
    asked_frames(intervals, emit);
    emit(Item::member("width", intervals.value_at(8, &U32)));
    emit(Item::member("height", intervals.value_at(12, &U32)));
});
static GIVEN_INTERVALS: Type = typed!(52, |intervals, _, emit| {
    emit(Item::member("type", intervals.value_at(16, &INTERVAL_TYPE)));
    match intervals.number(16, Width::U32) {
        uapi::V4L2_FRMIVAL_TYPE_DISCRETE => {
            emit(Item::member("discrete", intervals.value_at(20, &INTERVAL)));
        }
        uapi::V4L2_FRMIVAL_TYPE_STEPWISE | uapi::V4L2_FRMIVAL_TYPE_CONTINUOUS => {
            emit(Item::member("stepwise", intervals.value_at(20, &INTERVAL_STEPS)));
        }
        _ => {}
    }
});
/// `struct v4l2_frmivalenum`.
static INTERVALS: Type = two_parts!(52, Struct, extended, ASKED_INTERVALS, GIVEN_INTERVALS);

pub const REQUESTS: &[Case] = requests! {
    VIDIOC_STREAMON: encoded(&BUFFER_TYPE),
    VIDIOC_STREAMOFF: encoded(&BUFFER_TYPE),
    VIDIOC_ENUM_FRAMESIZES: encoded(&SIZES),
    VIDIOC_ENUM_FRAMEINTERVALS: encoded(&INTERVALS),
    VIDIOC_ENUM_FMT: encoded(&DESCRIPTION),
    VIDIOC_G_PARM: encoded(&GET_PARAMETERS),
    VIDIOC_S_PARM: encoded(&SET_PARAMETERS),
    VIDIOC_G_FMT: encoded(&GET_FORMAT),
    VIDIOC_S_FMT: encoded(&SET_FORMAT),
    VIDIOC_TRY_FMT: encoded(&SET_FORMAT),
};
