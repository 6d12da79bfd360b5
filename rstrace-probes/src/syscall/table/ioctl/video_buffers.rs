//! Video devices: the buffers of their streams, and their controls.

use rstrace_core::describe::{
    Case, Constants, Custom, Item, Meaning, Object, Shape, Struct, Type, Width, field, hidden, long, named,
};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet, Flags};

use super::video_formats::BUFFER_TYPE;
use super::video_names::{CONTROL_TYPES, CONTROLS};
use super::{encoded, is_set, requests, two_parts};
use crate::syscall::types::*;
use crate::uapi;

static MEMORIES: Choices = choices!("V4L2_MEMORY_???", V4L2_MEMORY_MMAP V4L2_MEMORY_USERPTR V4L2_MEMORY_OVERLAY
    V4L2_MEMORY_DMABUF);
static BUFFER_FLAGS: FlagSet = set!("V4L2_BUF_FLAG_???", V4L2_BUF_FLAG_MAPPED V4L2_BUF_FLAG_QUEUED V4L2_BUF_FLAG_DONE
    V4L2_BUF_FLAG_KEYFRAME V4L2_BUF_FLAG_PFRAME V4L2_BUF_FLAG_BFRAME V4L2_BUF_FLAG_ERROR V4L2_BUF_FLAG_IN_REQUEST
    V4L2_BUF_FLAG_TIMECODE V4L2_BUF_FLAG_M2M_HOLD_CAPTURE_BUF V4L2_BUF_FLAG_PREPARED
    V4L2_BUF_FLAG_NO_CACHE_INVALIDATE V4L2_BUF_FLAG_NO_CACHE_CLEAN V4L2_BUF_FLAG_LAST V4L2_BUF_FLAG_REQUEST_FD);
static CLOCKS: Choices = choices!("V4L2_BUF_FLAG_TIMESTAMP_???", V4L2_BUF_FLAG_TIMESTAMP_UNKNOWN
    V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC V4L2_BUF_FLAG_TIMESTAMP_COPY);
static SOURCES: Choices =
    choices!("V4L2_BUF_FLAG_TSTAMP_SRC_???", V4L2_BUF_FLAG_TSTAMP_SRC_EOF V4L2_BUF_FLAG_TSTAMP_SRC_SOE);
static CONTROL_FLAGS: FlagSet = set!("V4L2_CTRL_FLAG_???", V4L2_CTRL_FLAG_DISABLED V4L2_CTRL_FLAG_GRABBED
    V4L2_CTRL_FLAG_READ_ONLY V4L2_CTRL_FLAG_UPDATE V4L2_CTRL_FLAG_INACTIVE V4L2_CTRL_FLAG_SLIDER
    V4L2_CTRL_FLAG_WRITE_ONLY V4L2_CTRL_FLAG_VOLATILE V4L2_CTRL_FLAG_HAS_PAYLOAD V4L2_CTRL_FLAG_EXECUTE_ON_WRITE
    V4L2_CTRL_FLAG_MODIFY_LAYOUT V4L2_CTRL_FLAG_DYNAMIC_ARRAY V4L2_CTRL_FLAG_HAS_WHICH_MIN_MAX);
static NEXT: FlagSet = set!("", V4L2_CTRL_FLAG_NEXT_CTRL V4L2_CTRL_FLAG_NEXT_COMPOUND);

/// Flags, the clock of the time stamp and when it is taken.
fn write_buffer_flags(out: &mut Notation<'_>, bits: u64) {
    if out.constants() == Constants::Raw {
        return named::hex(out, bits);
    }
    let (clock, source) =
        (bits & uapi::V4L2_BUF_FLAG_TIMESTAMP_MASK, bits & uapi::V4L2_BUF_FLAG_TSTAMP_SRC_MASK);
    let rest = bits & !clock & !source;
    if rest != 0 {
        Flags { bits: rest, set: &BUFFER_FLAGS }.write(out);
        out.push(b'|');
    }
    CLOCKS.write(out, clock);
    out.push(b'|');
    SOURCES.write(out, source);
}
static BUFFER_FLAG: Type = Type::Number(Width::U32, Meaning::Written(write_buffer_flags));

/// The id of a control, or of the one that follows it.
fn write_control(out: &mut Notation<'_>, id: u64) {
    let next = id & (uapi::V4L2_CTRL_FLAG_NEXT_CTRL | uapi::V4L2_CTRL_FLAG_NEXT_COMPOUND);
    if out.constants() == Constants::Raw {
        return named::hex(out, id);
    }
    if next != 0 {
        Flags { bits: next, set: &NEXT }.write(out);
        out.push(b'|');
    }
    CONTROLS.write(out, id & !next);
}
const CONTROL_ID: Type = Type::Number(Width::U32, Meaning::Written(write_control));

pub static MEMORY: Type = choice(&MEMORIES);

/// `struct v4l2_requestbuffers`: as many buffers are made as there can be.
static BUFFERS: Type = Type::Custom(&Custom::of(20, Shape::Struct, |buffers, _, emit| {
    emit(Item::member("type", buffers.value_at(4, &BUFFER_TYPE)));
    emit(Item::member("memory", buffers.value_at(8, &MEMORY)));
    let asked = buffers.value_at(0, &U32);
    match buffers.changed().filter(|_| buffers.call.succeeded()) {
        Some(after) => emit(Item::member("count", Value::Change(&asked, &after.value_at(0, &U32)))),
        None => emit(Item::member("count", asked)),
    }
}));

/// Emits what is known of a `struct v4l2_buffer` after the call: when it was filled only of one that is taken out.
fn buffer(buffer: &Object<'_>, has_stamp: bool, emit: &mut dyn FnMut(Item<'_>)) {
    emit(Item::member("memory", buffer.value_at(60, &MEMORY)));
    match buffer.number(60, Width::U32) {
        uapi::V4L2_MEMORY_MMAP => emit(Item::member("m.offset", buffer.value_at(64, &HEX32))),
        uapi::V4L2_MEMORY_USERPTR => emit(Item::member("m.userptr", buffer.value_at(64, &ADDRESS))),
        _ => {}
    }
    emit(Item::member("length", buffer.value_at(72, &U32)));
    emit(Item::member("bytesused", buffer.value_at(8, &U32)));
    emit(Item::member("flags", buffer.value_at(12, &BUFFER_FLAG)));
    if has_stamp {
        emit(Item::member("timestamp", buffer.value_at(24, &TIMEVAL)));
    }
    emit(Item::element(Value::More(None)));
}
static ASKED_BUFFER: Type = Type::Custom(&Custom::of(88, Shape::Struct, |asked, _, emit| {
    emit(Item::member("type", asked.value_at(4, &BUFFER_TYPE)));
    emit(Item::member("index", asked.value_at(0, &U32)));
}));
static GIVEN_BUFFER: Type =
    Type::Custom(&Custom::of(88, Shape::Struct, |given, _, emit| buffer(given, false, emit)));
static BUFFER: Type = two_parts!(88, Struct, extended, ASKED_BUFFER, GIVEN_BUFFER);
static WANTED_BUFFER: Type = Type::Custom(&Custom::of(88, Shape::Struct, |wanted, _, emit| {
    emit(Item::member("type", wanted.value_at(4, &BUFFER_TYPE)));
}));
static TAKEN_BUFFER: Type = Type::Custom(&Custom::of(88, Shape::Struct, |taken, _, emit| {
    emit(Item::member("index", taken.value_at(0, &U32)));
    buffer(taken, true, emit);
}));
static TAKE_BUFFER: Type = two_parts!(88, Struct, extended, WANTED_BUFFER, TAKEN_BUFFER);

macro_rules! control {
    ($($place:literal)*) => {
        Type::Struct(
            &Struct::of(&[field("id", CONTROL_NAME), field("value", INT)]).in_order(&[$($place),*]),
        )
    };
}
const CONTROL_NAME: Type = choice(&CONTROLS);
static ASKED_CONTROL: Type = control!(0);
static CONTROL_VALUE: Type = control!(1);
/// `struct v4l2_control`.
static GET_CONTROL: Type = two_parts!(8, Struct, extended, ASKED_CONTROL, CONTROL_VALUE);
static SET_CONTROL: Type = Type::Custom(&Custom::of(8, Shape::Struct, |control, verbose, emit| {
    Object { ty: &ASKED_CONTROL, ..*control }.parts(verbose, emit);
    let told = control.value_at(4, &INT);
    match control.changed().filter(|_| control.call.succeeded()) {
        Some(after) => emit(Item::member("value", Value::Change(&told, &after.value_at(4, &INT)))),
        None => emit(Item::member("value", told)),
    }
}));

static ASKED_QUERY: Type = Type::Custom(&Custom::of(68, Shape::Struct, |query, _, emit| {
    emit(Item::member("id", query.value_at(0, &CONTROL_ID)));
}));
static GIVEN_QUERY: Type = Type::Struct(&Struct::of(&[
    hidden(U32),
    field("type", choice(&CONTROL_TYPES)),
    field("name", Type::Chars(32)),
    long("minimum", INT),
    long("maximum", INT),
    long("step", INT),
    long("default_value", INT),
    long("flags", flags(&CONTROL_FLAGS)),
    long("reserved", Type::Elements(&HEX32, 2)).only_if(|query| is_set(query, 60, 8)),
]));
/// `struct v4l2_queryctrl`.
static QUERY: Type = two_parts!(68, Struct, extended, ASKED_QUERY, GIVEN_QUERY);

static GIVEN_QUERY_HEAD: Type = Type::Struct(&Struct::of(&[
    hidden(U32),
    field("type", choice(&CONTROL_TYPES)),
    field("name", Type::Chars(32)),
    long("minimum", I64),
    long("maximum", I64),
    long("step", U64),
    long("default_value", I64),
    long("flags", flags(&CONTROL_FLAGS)),
    long("elem_size", U32),
    long("elems", U32),
    long("nr_of_dims", U32),
]));
static DIMENSIONS: Type = Type::Elements(&U32, 4);
static RESERVED: Type = Type::Elements(&HEX32, 32);
static GIVEN_LONG_QUERY: Type = Type::Custom(&Custom::of(232, Shape::Struct, |query, verbose, emit| {
    Object { ty: &GIVEN_QUERY_HEAD, ..*query }.parts(verbose, emit);
    if !verbose {
        return;
    }
    if let Value::Object(sizes) = query.value_at(88, &DIMENSIONS) {
        let count = query.number(84, Width::U32).min(sizes.count);
        emit(Item::member("dims", Value::Object(Object { count, ..sizes })));
    }
    if is_set(query, 104, 128) {
        emit(Item::member("reserved", query.value_at(104, &RESERVED)));
    }
}));
/// `struct v4l2_query_ext_ctrl`.
static LONG_QUERY: Type = two_parts!(232, Struct, extended, ASKED_QUERY, GIVEN_LONG_QUERY);

pub const REQUESTS: &[Case] = requests! {
    VIDIOC_G_CTRL: encoded(&GET_CONTROL),
    VIDIOC_S_CTRL: encoded(&SET_CONTROL),
    VIDIOC_REQBUFS: encoded(&BUFFERS),
    VIDIOC_QUERYCTRL: encoded(&QUERY),
    VIDIOC_QUERYBUF: encoded(&BUFFER),
    VIDIOC_QBUF: encoded(&BUFFER),
    VIDIOC_DQBUF: encoded(&TAKE_BUFFER),
    VIDIOC_QUERY_EXT_CTRL: encoded(&LONG_QUERY),
};
