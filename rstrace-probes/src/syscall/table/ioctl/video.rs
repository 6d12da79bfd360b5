//! Video devices: what they are, their inputs and tuners.

use std::io::Write;

use rstrace_core::describe::{Case, Meaning, Struct, Type, Width, field, hidden};
use rstrace_core::flags::{Choices, FlagSet};

use super::video_formats::{BUFFER_TYPES, FRACTION, RECTANGLE, asked};
use super::{encoded, is_set, requests, two_parts};
use crate::syscall::types::*;

static CAPABILITIES: FlagSet = set!("V4L2_CAP_???", V4L2_CAP_VIDEO_CAPTURE V4L2_CAP_VIDEO_OUTPUT V4L2_CAP_VIDEO_OVERLAY
    V4L2_CAP_VBI_CAPTURE V4L2_CAP_VBI_OUTPUT V4L2_CAP_SLICED_VBI_CAPTURE V4L2_CAP_SLICED_VBI_OUTPUT
    V4L2_CAP_RDS_CAPTURE V4L2_CAP_VIDEO_OUTPUT_OVERLAY V4L2_CAP_HW_FREQ_SEEK V4L2_CAP_RDS_OUTPUT
    V4L2_CAP_VIDEO_CAPTURE_MPLANE V4L2_CAP_VIDEO_OUTPUT_MPLANE V4L2_CAP_VIDEO_M2M_MPLANE V4L2_CAP_VIDEO_M2M
    V4L2_CAP_TUNER V4L2_CAP_AUDIO V4L2_CAP_RADIO V4L2_CAP_MODULATOR V4L2_CAP_SDR_CAPTURE V4L2_CAP_EXT_PIX_FORMAT
    V4L2_CAP_SDR_OUTPUT V4L2_CAP_META_CAPTURE V4L2_CAP_READWRITE V4L2_CAP_EDID V4L2_CAP_STREAMING
    V4L2_CAP_META_OUTPUT V4L2_CAP_TOUCH V4L2_CAP_IO_MC V4L2_CAP_DEVICE_CAPS);
static INPUT_TYPES: Choices =
    choices!("V4L2_INPUT_TYPE_???", V4L2_INPUT_TYPE_TUNER V4L2_INPUT_TYPE_CAMERA V4L2_INPUT_TYPE_TOUCH);
static TUNER_TYPES: Choices = choices!("V4L2_TUNER_???", V4L2_TUNER_RADIO V4L2_TUNER_ANALOG_TV
    V4L2_TUNER_DIGITAL_TV V4L2_TUNER_SDR V4L2_TUNER_RF);
static TUNER_CAPABILITIES: FlagSet = set!("V4L2_TUNER_CAP_???", V4L2_TUNER_CAP_LOW V4L2_TUNER_CAP_NORM
    V4L2_TUNER_CAP_HWSEEK_BOUNDED V4L2_TUNER_CAP_HWSEEK_WRAP V4L2_TUNER_CAP_STEREO V4L2_TUNER_CAP_LANG2
    V4L2_TUNER_CAP_LANG1 V4L2_TUNER_CAP_RDS V4L2_TUNER_CAP_RDS_BLOCK_IO V4L2_TUNER_CAP_RDS_CONTROLS
    V4L2_TUNER_CAP_FREQ_BANDS V4L2_TUNER_CAP_HWSEEK_PROG_LIM V4L2_TUNER_CAP_1HZ);
static TUNER_CHANNELS: FlagSet = set!("V4L2_TUNER_SUB_???", V4L2_TUNER_SUB_MONO V4L2_TUNER_SUB_STEREO
    V4L2_TUNER_SUB_LANG2 V4L2_TUNER_SUB_LANG1 V4L2_TUNER_SUB_RDS);
static TUNER_MODES: Choices = choices!("V4L2_TUNER_MODE_???", V4L2_TUNER_MODE_MONO V4L2_TUNER_MODE_STEREO
    V4L2_TUNER_MODE_LANG2 V4L2_TUNER_MODE_LANG1 V4L2_TUNER_MODE_LANG1_LANG2);

static STANDARD_SET: Type = HEX64;

/// `KERNEL_VERSION(6, 1, 2)`
fn write_version(out: &mut Notation<'_>, version: u64) {
    let _ = write!(out, "KERNEL_VERSION({}, {}, {})", version >> 16, version >> 8 & 0xff, version & 0xff);
}

/// `struct v4l2_capability`.
static DEVICE: Type = Type::Struct(&Struct::of(&[
    field("driver", Type::Chars(16)),
    field("card", Type::Chars(32)),
    field("bus_info", Type::Chars(32)),
    field("version", Type::Number(Width::U32, Meaning::Written(write_version))),
    field("capabilities", flags(&CAPABILITIES)),
    field("device_caps", flags(&CAPABILITIES)).only_if(|device| is_set(device, 88, 4)),
    hidden(Type::Padding(12)),
]));

// `struct v4l2_standard`
asked!(STANDARD, 72, ASKED_STANDARD [0], GIVEN_STANDARD [2 3 4], [
    field("index", U32),
    hidden(U64),
    field("name", Type::Chars(24)),
    field("frameperiod", FRACTION),
    field("framelines", U32),
]);

// `struct v4l2_input`
asked!(INPUT, 80, ASKED_INPUT [0], GIVEN_INPUT [1 2], [
    field("index", U32),
    field("name", Type::Chars(32)),
    field("type", choice(&INPUT_TYPES)),
]);

// `struct v4l2_cropcap`
asked!(CROPPING, 44, ASKED_CROPPING [0], GIVEN_CROPPING [1 2 3], [
    field("type", choice(&BUFFER_TYPES)),
    field("bounds", RECTANGLE),
    field("defrect", RECTANGLE),
    field("pixelaspect", FRACTION),
]);
// `struct v4l2_crop`
asked!(
    CROP,
    20,
    ASKED_CROP[0],
    GIVEN_CROP[1],
    [field("type", choice(&BUFFER_TYPES)), field("c", RECTANGLE),]
);
static TOLD_CROP: Type =
    Type::Struct(&Struct::of(&[field("type", choice(&BUFFER_TYPES)), field("c", RECTANGLE)]));

/// `struct v4l2_framebuffer` up to its format.
static FRAME_BUFFER: Type = Type::Struct(&Struct::of(&[
    field("capability", HEX32),
    field("flags", HEX32),
    field("base", ADDRESS),
    hidden(Type::Padding(32)),
]));

macro_rules! tuner {
    ($($place:literal)*) => {
        Type::Struct(
            &Struct::of(&[
                field("index", U32),
                field("name", Type::Chars(32)),
                field("type", choice(&TUNER_TYPES)),
                field("capability", flags(&TUNER_CAPABILITIES)),
                field("rangelow", U32),
                field("rangehigh", U32),
                field("rxsubchans", flags(&TUNER_CHANNELS)),
                field("audmode", choice(&TUNER_MODES)),
                field("signal", INT),
                field("afc", INT),
            ])
            .in_order(&[$($place),*]),
        )
    };
}
static ASKED_TUNER: Type = tuner!(0);
static GIVEN_TUNER: Type = tuner!(1 2 3 4 5 6 7 8 9);
static TOLD_TUNER: Type = tuner!(0 1 2 3 4 5 6 7 8 9);
/// `struct v4l2_tuner`.
static GET_TUNER: Type = two_parts!(84, Struct, extended, ASKED_TUNER, GIVEN_TUNER);
static SET_TUNER: Type = two_parts!(84, Bare, rewritten, TOLD_TUNER, GIVEN_TUNER);

pub const REQUESTS: &[Case] = requests! {
    VIDIOC_S_STD: encoded(&STANDARD_SET),
    VIDIOC_S_CROP: encoded(&TOLD_CROP),
    VIDIOC_S_FBUF: encoded(&FRAME_BUFFER),
    // the request says that nothing is written
    VIDIOC_S_TUNER: changed(&SET_TUNER),
    VIDIOC_G_INPUT: encoded(&U32),
    VIDIOC_G_STD: encoded(&STANDARD_SET),
    VIDIOC_G_FBUF: encoded(&FRAME_BUFFER),
    VIDIOC_QUERYCAP: encoded(&DEVICE),
    VIDIOC_S_INPUT: input(&U32),
    VIDIOC_G_CROP: encoded(&CROP),
    VIDIOC_CROPCAP: encoded(&CROPPING),
    VIDIOC_ENUMSTD: encoded(&STANDARD),
    VIDIOC_ENUMINPUT: encoded(&INPUT),
    VIDIOC_G_TUNER: encoded(&GET_TUNER),
};
