//! Pins: lines of GPIO chips.

use rstrace_core::describe::{
    Case, Custom, Item, Nested, Object, Shape, Struct, Type, Width, field, hidden, size_of_type,
};
use rstrace_core::event::Value;
use rstrace_core::flags::FlagSet;

use super::{encoded, is_set, requests, rewritten, two_parts};
use crate::syscall::types::*;
use crate::uapi;

static INFO_FLAGS: FlagSet = set!("GPIOLINE_FLAG_???", GPIOLINE_FLAG_KERNEL GPIOLINE_FLAG_IS_OUT GPIOLINE_FLAG_ACTIVE_LOW
    GPIOLINE_FLAG_OPEN_DRAIN GPIOLINE_FLAG_OPEN_SOURCE GPIOLINE_FLAG_BIAS_PULL_UP GPIOLINE_FLAG_BIAS_PULL_DOWN
    GPIOLINE_FLAG_BIAS_DISABLE);
static HANDLE_FLAGS: FlagSet = set!("GPIOHANDLE_REQUEST_???", GPIOHANDLE_REQUEST_INPUT GPIOHANDLE_REQUEST_OUTPUT
    GPIOHANDLE_REQUEST_ACTIVE_LOW GPIOHANDLE_REQUEST_OPEN_DRAIN GPIOHANDLE_REQUEST_OPEN_SOURCE
    GPIOHANDLE_REQUEST_BIAS_PULL_UP GPIOHANDLE_REQUEST_BIAS_PULL_DOWN GPIOHANDLE_REQUEST_BIAS_DISABLE);
static EVENT_FLAGS: FlagSet = set!("GPIOEVENT_REQUEST_???", GPIOEVENT_REQUEST_BOTH_EDGES GPIOEVENT_REQUEST_RISING_EDGE
    GPIOEVENT_REQUEST_FALLING_EDGE);
static LINE_FLAGS: FlagSet = set!("GPIO_V2_LINE_FLAG_???", GPIO_V2_LINE_FLAG_USED GPIO_V2_LINE_FLAG_ACTIVE_LOW
    GPIO_V2_LINE_FLAG_INPUT GPIO_V2_LINE_FLAG_OUTPUT GPIO_V2_LINE_FLAG_EDGE_RISING GPIO_V2_LINE_FLAG_EDGE_FALLING
    GPIO_V2_LINE_FLAG_OPEN_DRAIN GPIO_V2_LINE_FLAG_OPEN_SOURCE GPIO_V2_LINE_FLAG_BIAS_PULL_UP
    GPIO_V2_LINE_FLAG_BIAS_PULL_DOWN GPIO_V2_LINE_FLAG_BIAS_DISABLED GPIO_V2_LINE_FLAG_EVENT_CLOCK_REALTIME
    GPIO_V2_LINE_FLAG_EVENT_CLOCK_HTE);

const NAME: Type = Type::Chars(32);

/// So many lines are there at most.
const LINES: usize = 64;
static BYTES: Type = Type::Elements(&U8, LINES);
static OFFSETS: Type = Type::Elements(&U32, LINES);

/// The first of the elements at an offset.
fn first<'a>(object: &Object<'a>, offset: usize, count: u64, list: &'static Type) -> Value<'a> {
    match object.value_at(offset, list) {
        Value::Object(list) => Value::Object(Object { count: count.min(list.count), ..list }),
        other => other,
    }
}

/// `struct gpiochip_info`.
static CHIP: Type =
    Type::Struct(&Struct::of(&[field("name", NAME), field("label", NAME), field("lines", U32)]));

/// The number of a line alone.
static LINE: Type = Type::Struct(&Struct::of(&[field("offset", U32)]));

macro_rules! line_info {
    ($($place:literal)*) => {
        Type::Struct(
            &Struct::of(&[
                field("line_offset", U32),
                field("flags", flags(&INFO_FLAGS)),
                field("name", NAME),
                field("consumer", NAME),
            ])
            .in_order(&[$($place),*]),
        )
    };
}
static INFO_BEFORE: Type = line_info!(0);
static INFO_AFTER: Type = line_info!(1 2 3);
/// `struct gpioline_info`.
static INFO: Type = two_parts!(72, Bare, rewritten, INFO_BEFORE, INFO_AFTER);

/// The descriptor that a call has made stands at the end of what it was asked.
macro_rules! with_descriptor {
    ($size:literal, $offset:literal, $before:ident, $after:ident) => {
        Type::Custom(&Custom {
            size: $size,
            compat_size: $size,
            shape: Shape::Bare,
            parts: |request, verbose, emit| rewritten(request, verbose, (&$before, &$after), emit),
            nested: &[Nested { offset: [$offset, $offset], ty: FD }],
        })
    };
}

static HANDLE_FLAG: Type = flags(&HANDLE_FLAGS);
static HANDLE_BEFORE: Type = Type::Custom(&Custom::of(364, Shape::Struct, |request, _, emit| {
    let lines = request.number(356, Width::U32);
    emit(Item::member("lines", Value::Unsigned(lines)));
    emit(Item::member("lineoffsets", first(request, 0, lines, &OFFSETS)));
    emit(Item::member("flags", request.value_at(256, &HANDLE_FLAG)));
    emit(Item::member("default_values", first(request, 260, lines, &BYTES)));
    emit(Item::member("consumer_label", request.value_at(324, &NAME)));
}));
static HANDLE_AFTER: Type = Type::Custom(&Custom::of(364, Shape::Struct, |request, _, emit| {
    emit(Item::member("fd", request.value_at(360, &FD)));
}));
/// `struct gpiohandle_request`.
static HANDLE: Type = with_descriptor!(364, 360, HANDLE_BEFORE, HANDLE_AFTER);

macro_rules! event {
    ($($place:literal)*) => {
        Type::Struct(
            &Struct::of(&[
                field("lineoffset", U32),
                field("handleflags", flags(&HANDLE_FLAGS)),
                field("eventflags", flags(&EVENT_FLAGS)),
                field("consumer_label", NAME),
                field("fd", FD),
            ])
            .in_order(&[$($place),*]),
        )
    };
}
static EVENT_BEFORE: Type = event!(0 1 2 3);
static EVENT_AFTER: Type = event!(4);
/// `struct gpioevent_request`.
static EVENT: Type = with_descriptor!(48, 44, EVENT_BEFORE, EVENT_AFTER);

/// `struct gpiohandle_data`.
static DATA: Type = Type::Struct(&Struct::of(&[field("values", BYTES)]));
/// `struct gpiohandle_config`.
static CONFIG: Type = Type::Struct(&Struct::of(&[
    field("flags", flags(&HANDLE_FLAGS)),
    field("default_values", BYTES),
    hidden(Type::Padding(16)),
]));

macro_rules! values {
    ($($place:literal)*) => {
        Type::Struct(&Struct::of(&[field("bits", HEX64), field("mask", HEX64)]).in_order(&[$($place),*]))
    };
}
static TOLD_VALUES: Type = values!(0 1);
static ASKED_VALUES: Type = values!(1);
static VALUES_ANSWER: Type = values!(0);
/// `struct gpio_v2_line_values`.
static VALUES: Type = two_parts!(16, Bare, rewritten, ASKED_VALUES, VALUES_ANSWER);

static LINE_FLAG: Type = flags64(&LINE_FLAGS);
/// Emits what is reserved, if there is something.
fn padding(object: &Object<'_>, offset: usize, list: &'static Type, emit: &mut dyn FnMut(Item<'_>)) {
    if is_set(object, offset, size_of_type(list, object.call.abi)) {
        emit(Item::member("padding", object.value_at(offset, list)));
    }
}
static FOUR: Type = Type::Elements(&HEX32, 4);
static FIVE: Type = Type::Elements(&HEX32, 5);

/// Whether an attribute is one whose value is known.
fn is_known(attribute: &Object<'_>) -> bool {
    let id = attribute.number(0, Width::U32);
    !is_set(attribute, 4, 4)
        && (uapi::GPIO_V2_LINE_ATTR_ID_FLAGS..=uapi::GPIO_V2_LINE_ATTR_ID_DEBOUNCE).contains(&id)
}

/// `struct gpio_v2_line_attribute`.
fn attribute(attribute: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    let id = attribute.number(0, Width::U32);
    if !is_known(attribute) {
        emit(Item::member("id", Value::Unsigned(id)));
        if is_set(attribute, 4, 4) {
            emit(Item::member("padding", attribute.value_at(4, &HEX32)));
        }
        return emit(Item::member("data", attribute.value_at(8, &HEX64)));
    }
    match id {
        uapi::GPIO_V2_LINE_ATTR_ID_FLAGS => emit(Item::member("flags", attribute.value_at(8, &LINE_FLAG))),
        uapi::GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES => {
            emit(Item::member("values", attribute.value_at(8, &HEX64)));
        }
        _ => emit(Item::member("debounce_period_us", attribute.value_at(8, &U32))),
    }
}
static ATTRIBUTE: Type = Type::Custom(&Custom::of(16, Shape::Struct, attribute));
static ATTRIBUTES: Type = Type::Elements(&ATTRIBUTE, 10);
/// `struct gpio_v2_line_config_attribute`: of which lines an attribute is.
static MASKED: Type = Type::Custom(&Custom::of(24, Shape::Struct, |masked, verbose, emit| {
    let known = Object { ty: &ATTRIBUTE, ..*masked };
    match is_known(&known) {
        true => attribute(&known, verbose, emit),
        false => emit(Item::member("attr", masked.value_at(0, &ATTRIBUTE))),
    }
    emit(Item::member("mask", masked.value_at(16, &HEX64)));
}));
static MASKED_LIST: Type = Type::Elements(&MASKED, 10);

/// `struct gpio_v2_line_config`.
static LINE_CONFIG: Type = Type::Custom(&Custom::of(272, Shape::Struct, |config, _, emit| {
    let count = config.number(8, Width::U32);
    emit(Item::member("flags", config.value_at(0, &LINE_FLAG)));
    emit(Item::member("num_attrs", Value::Unsigned(count)));
    padding(config, 12, &FIVE, emit);
    if count > 0 {
        emit(Item::member("attrs", first(config, 32, count, &MASKED_LIST)));
    }
}));

static LINE_INFO_BEFORE: Type = Type::Custom(&Custom::of(256, Shape::Struct, |info, _, emit| {
    emit(Item::member("offset", info.value_at(64, &U32)));
}));
static LINE_INFO_AFTER: Type = Type::Custom(&Custom::of(256, Shape::Struct, |info, _, emit| {
    let count = info.number(68, Width::U32);
    emit(Item::member("name", info.value_at(0, &NAME)));
    emit(Item::member("consumer", info.value_at(32, &NAME)));
    emit(Item::member("flags", info.value_at(72, &LINE_FLAG)));
    emit(Item::member("num_attrs", Value::Unsigned(count)));
    if count > 0 {
        emit(Item::member("attrs", first(info, 80, count, &ATTRIBUTES)));
    }
    padding(info, 240, &FOUR, emit);
}));
/// `struct gpio_v2_line_info`.
static LINE_INFO: Type = two_parts!(256, Bare, rewritten, LINE_INFO_BEFORE, LINE_INFO_AFTER);

static REQUEST_BEFORE: Type = Type::Custom(&Custom::of(592, Shape::Struct, |request, _, emit| {
    let lines = request.number(560, Width::U32);
    emit(Item::member("num_lines", Value::Unsigned(lines)));
    emit(Item::member("offsets", first(request, 0, lines, &OFFSETS)));
    emit(Item::member("consumer", request.value_at(256, &NAME)));
    emit(Item::member("config", request.value_at(288, &LINE_CONFIG)));
    if is_set(request, 564, 4) {
        emit(Item::member("event_buffer_size", request.value_at(564, &U32)));
    }
    padding(request, 568, &FIVE, emit);
}));
static REQUEST_AFTER: Type = Type::Custom(&Custom::of(592, Shape::Struct, |request, _, emit| {
    emit(Item::member("fd", request.value_at(588, &FD)));
}));
/// `struct gpio_v2_line_request`.
static REQUEST: Type = with_descriptor!(592, 588, REQUEST_BEFORE, REQUEST_AFTER);

/// Some requests say that they go in both directions, but do not: these rows say it themselves.
pub const REQUESTS: &[Case] = requests! {
    GPIO_GET_CHIPINFO_IOCTL: encoded(&CHIP),
    GPIO_GET_LINEINFO_UNWATCH_IOCTL: input(&LINE),
    GPIO_V2_LINE_GET_VALUES_IOCTL: encoded(&VALUES),
    GPIO_V2_LINE_SET_VALUES_IOCTL: input(&TOLD_VALUES),
    GPIO_GET_LINEEVENT_IOCTL: encoded(&EVENT),
    GPIOHANDLE_GET_LINE_VALUES_IOCTL: output(&DATA),
    GPIOHANDLE_SET_LINE_VALUES_IOCTL: input(&DATA),
    GPIO_GET_LINEINFO_IOCTL: encoded(&INFO),
    GPIO_GET_LINEINFO_WATCH_IOCTL: encoded(&INFO),
    GPIOHANDLE_SET_CONFIG_IOCTL: input(&CONFIG),
    GPIO_V2_GET_LINEINFO_IOCTL: encoded(&LINE_INFO),
    GPIO_V2_GET_LINEINFO_WATCH_IOCTL: encoded(&LINE_INFO),
    GPIO_V2_LINE_SET_CONFIG_IOCTL: input(&LINE_CONFIG),
    GPIO_GET_LINEHANDLE_IOCTL: encoded(&HANDLE),
    GPIO_V2_GET_LINE_IOCTL: encoded(&REQUEST),
};
