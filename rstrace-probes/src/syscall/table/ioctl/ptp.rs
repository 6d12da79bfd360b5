//! Clocks of the precision time protocol.

use rstrace_core::describe::{Case, Custom, Item, Object, Shape, Struct, Type, Width, field};
use rstrace_core::event::{Comment, Value};
use rstrace_core::flags::{Choices, FlagSet};

use super::{encoded, extended, is_set, requests};
use crate::syscall::types::*;
use crate::uapi;

static EVENT_FLAGS: FlagSet = set!("PTP_???", PTP_ENABLE_FEATURE PTP_RISING_EDGE PTP_FALLING_EDGE PTP_STRICT_FLAGS
    PTP_EXT_OFFSET);
static OUTPUT_FLAGS: FlagSet =
    set!("PTP_PEROUT_???", PTP_PEROUT_ONE_SHOT PTP_PEROUT_DUTY_CYCLE PTP_PEROUT_PHASE);
static FUNCTIONS: Choices = choices!("PTP_PF_???", PTP_PF_NONE PTP_PF_EXTTS PTP_PF_PEROUT PTP_PF_PHYSYNC);

/// What is reserved, which is shown only if there is something.
const fn reserved(count: usize) -> Type {
    Type::Elements(&HEX32, count)
}

/// Bytes of a `struct ptp_clock_time`.
const STAMP: usize = 16;
static TIME: Type = Type::Struct(&Struct::of(&[
    field("sec", I64),
    field("nsec", U32),
    field("reserved", HEX32).only_if(|time| is_set(time, 12, 4)),
]));

/// Emits a point of time, with its date unless it is none.
fn stamp(object: &Object<'_>, name: &'static str, offset: usize, emit: &mut dyn FnMut(Item<'_>)) {
    let value = object.value_at(offset, &TIME);
    match Comment::of_stamp(object.number(offset, Width::U64) as i64, object.number(offset + 8, Width::U32)) {
        Some(date) => emit(Item::member(name, Value::Commented(&value, date))),
        None => emit(Item::member(name, value)),
    }
}

/// A list of points of time.
static STAMPS: Type = Type::Custom(&Custom::of(0, Shape::List, |list, _, emit| {
    for offset in (0..list.bytes.len()).step_by(STAMP) {
        stamp(list, "", offset, emit);
    }
}));

/// Lists of three.
static TRIPLES: Type = Type::Custom(&Custom::of(0, Shape::List, |list, _, emit| {
    let triples = list.bytes.chunks_exact(3 * STAMP).zip((0..).step_by(3 * STAMP));
    for (bytes, offset) in triples {
        let address = list.address.wrapping_add(offset);
        emit(Item::element(Value::Object(Object { ty: &STAMPS, bytes, address, ..*list })));
    }
}));

/// `struct ptp_clock_caps`.
static CAPABILITIES: Type = Type::Struct(&Struct::of(&[
    field("max_adj", INT),
    field("n_alarm", INT),
    field("n_ext_ts", INT),
    field("n_per_out", INT),
    field("pps", INT),
    field("n_pins", INT),
    field("cross_timestamping", INT),
    field("adjust_phase", INT),
    field("rsv", reserved(12)).only_if(|clock| is_set(clock, 32, 48)),
]));

macro_rules! events {
    ($($place:literal)*) => {
        Type::Struct(
            &Struct::of(&[
                field("index", U32),
                field("flags", flags(&EVENT_FLAGS)),
                field("rsv", reserved(2)).only_if(|events| is_set(events, 8, 8)),
            ])
            .in_order(&[$($place),*]),
        )
    };
}
/// `struct ptp_extts_request`: the older request ignores what is reserved.
static EVENTS: Type = events!(0 1);
static EVENTS_2: Type = events!(0 1 2);

/// `struct ptp_perout_request`.
fn output(output: &Object<'_>, is_newer: bool, emit: &mut dyn FnMut(Item<'_>)) {
    let bits = output.number(36, Width::U32);
    match bits & uapi::PTP_PEROUT_PHASE {
        0 => stamp(output, "start", 0, emit),
        _ => emit(Item::member("phase", output.value_at(0, &TIME))),
    }
    emit(Item::member("period", output.value_at(STAMP, &TIME)));
    emit(Item::member("index", Value::Unsigned(output.number(32, Width::U32))));
    emit(Item::member("flags", output.value_at(36, &OUTPUT_FLAG)));
    if bits & uapi::PTP_PEROUT_DUTY_CYCLE != 0 {
        emit(Item::member("on", output.value_at(40, &TIME)));
    } else if is_newer && is_set(output, 40, STAMP) {
        emit(Item::member("rsv", output.value_at(40, &FOUR_RESERVED)));
    }
}
static OUTPUT_FLAG: Type = flags(&OUTPUT_FLAGS);
static FOUR_RESERVED: Type = reserved(4);
static OUTPUT: Type =
    Type::Custom(&Custom::of(56, Shape::Struct, |request, _, emit| output(request, false, emit)));
static OUTPUT_2: Type =
    Type::Custom(&Custom::of(56, Shape::Struct, |request, _, emit| output(request, true, emit)));

/// How many samples are asked for: `struct ptp_sys_offset` and `struct ptp_sys_offset_extended` up to them.
static ASKED_SAMPLES: Type = Type::Struct(&Struct::of(&[
    field("n_samples", U32),
    field("rsv", reserved(3)).only_if(|samples| is_set(samples, 4, 12)),
]));
/// So many at most.
const SAMPLES: u64 = 25;

/// Emits the samples that a call has taken: of each so many points of time, and so many more.
fn taken(
    samples: &Object<'_>,
    (list, each, more): (&'static Type, usize, usize),
    emit: &mut dyn FnMut(Item<'_>),
) {
    Object { ty: &ASKED_SAMPLES, ..*samples }.parts(true, emit);
    let Some(after) = samples.changed().filter(|_| samples.call.succeeded()) else { return };
    let count = after.number(0, Width::U32).min(SAMPLES) as usize * each + more;
    let bytes = after.bytes.get(STAMP..STAMP * (1 + count)).unwrap_or(&[]);
    let address = after.address.wrapping_add(STAMP as u64);
    emit(Item::member("ts", Value::Object(Object { ty: list, bytes, address, ..after })));
}
static OFFSET: Type = Type::Custom(&Custom::of(STAMP * 52, Shape::Struct, |samples, _, emit| {
    taken(samples, (&STAMPS, 2, 1), emit)
}));
static EXTENDED_OFFSET: Type = Type::Custom(&Custom::of(STAMP * 76, Shape::Struct, |samples, _, emit| {
    taken(samples, (&TRIPLES, 3, 0), emit)
}));

/// `struct ptp_sys_offset_precise`.
static PRECISE_OFFSET: Type = Type::Custom(&Custom::of(64, Shape::Struct, |offset, _, emit| {
    let Some(after) = offset.changed().filter(|_| offset.call.succeeded()) else { return };
    stamp(&after, "device", 0, emit);
    stamp(&after, "sys_realtime", STAMP, emit);
    emit(Item::member("sys_monoraw", after.value_at(2 * STAMP, &TIME)));
    if is_set(&after, 3 * STAMP, STAMP) {
        emit(Item::member("rsv", after.value_at(3 * STAMP, &FOUR_RESERVED)));
    }
}));

macro_rules! pin {
    ($($place:literal)*) => {
        Type::Struct(
            &Struct::of(&[
                field("name", Type::Chars(64)),
                field("index", U32),
                field("func", choice(&FUNCTIONS)),
                field("chan", U32),
                field("rsv", reserved(5)).only_if(|pin| is_set(pin, 76, 20)),
            ])
            .in_order(&[$($place),*]),
        )
    };
}
static TOLD_PIN: Type = pin!(1 2 3);
static TOLD_PIN_2: Type = pin!(1 2 3 4);
static ASKED_PIN: Type = pin!(1);
static ASKED_PIN_2: Type = pin!(1 4);
static PIN_ANSWER: Type = pin!(0 2 3);
/// `struct ptp_pin_desc`.
static GET_PIN: Type = Type::Custom(&Custom::of(96, Shape::Struct, |pin, verbose, emit| {
    extended(pin, verbose, (&ASKED_PIN, &PIN_ANSWER), emit);
}));
static GET_PIN_2: Type = Type::Custom(&Custom::of(96, Shape::Struct, |pin, verbose, emit| {
    extended(pin, verbose, (&ASKED_PIN_2, &PIN_ANSWER), emit);
}));

pub const REQUESTS: &[Case] = requests! {
    PTP_ENABLE_PPS: HEX,
    PTP_ENABLE_PPS2: HEX,
    PTP_EXTTS_REQUEST: encoded(&EVENTS),
    PTP_EXTTS_REQUEST2: encoded(&EVENTS_2),
    PTP_PEROUT_REQUEST: encoded(&OUTPUT),
    PTP_PEROUT_REQUEST2: encoded(&OUTPUT_2),
    PTP_PIN_SETFUNC: encoded(&TOLD_PIN),
    PTP_PIN_SETFUNC2: encoded(&TOLD_PIN_2),
    // the request says that nothing is written
    PTP_SYS_OFFSET: changed(&OFFSET),
    PTP_SYS_OFFSET2: changed(&OFFSET),
    PTP_CLOCK_GETCAPS: encoded(&CAPABILITIES),
    PTP_CLOCK_GETCAPS2: encoded(&CAPABILITIES),
    PTP_SYS_OFFSET_PRECISE: encoded(&PRECISE_OFFSET),
    PTP_SYS_OFFSET_PRECISE2: encoded(&PRECISE_OFFSET),
    PTP_PIN_GETFUNC: encoded(&GET_PIN),
    PTP_PIN_GETFUNC2: encoded(&GET_PIN_2),
    PTP_SYS_OFFSET_EXTENDED: encoded(&EXTENDED_OFFSET),
    PTP_SYS_OFFSET_EXTENDED2: encoded(&EXTENDED_OFFSET),
};
