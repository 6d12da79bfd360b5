//! Input devices.

use rstrace_core::describe::{Case, Custom, Item, Meaning, Object, Shape, Struct, Type, Width, field, long};
use rstrace_core::event::Value;
use rstrace_core::flags::Choices;
use rstrace_core::memory::At;

use super::keys::KEYS;
use super::names::{AXIS, EVENT, Parts, parts};
use super::{encoded, requests};
use crate::syscall::types::*;
use crate::uapi;

static RELATIVE: Choices = choices!("REL_???", REL_X REL_Y REL_Z REL_RX REL_RY REL_RZ REL_HWHEEL REL_DIAL REL_WHEEL REL_MISC
    REL_RESERVED REL_WHEEL_HI_RES REL_HWHEEL_HI_RES);
static MISCELLANEOUS: Choices =
    choices!("MSC_???", MSC_SERIAL MSC_PULSELED MSC_GESTURE MSC_RAW MSC_SCAN MSC_TIMESTAMP);
static SWITCH: Choices = choices!("SW_???", SW_LID SW_TABLET_MODE SW_HEADPHONE_INSERT SW_RFKILL_ALL SW_MICROPHONE_INSERT
    SW_DOCK SW_LINEOUT_INSERT SW_JACK_PHYSICAL_INSERT SW_VIDEOOUT_INSERT SW_CAMERA_LENS_COVER SW_KEYPAD_SLIDE
    SW_FRONT_PROXIMITY SW_ROTATE_LOCK SW_LINEIN_INSERT SW_MUTE_DEVICE SW_PEN_INSERTED SW_MACHINE_COVER);
static LIGHT: Choices = choices!("LED_???", LED_NUML LED_CAPSL LED_SCROLLL LED_COMPOSE LED_KANA LED_SLEEP LED_SUSPEND
    LED_MUTE LED_MISC LED_MAIL LED_CHARGING);
static SOUND: Choices = choices!("SND_???", SND_CLICK SND_BELL SND_TONE);
static REPETITION: Choices = choices!("REP_???", REP_DELAY REP_PERIOD);
static EFFECT: Choices = choices!("FF_???", FF_RUMBLE FF_PERIODIC FF_CONSTANT FF_SPRING FF_FRICTION FF_DAMPER FF_INERTIA
    FF_RAMP FF_SQUARE FF_TRIANGLE FF_SINE FF_SAW_UP FF_SAW_DOWN FF_CUSTOM FF_GAIN FF_AUTOCENTER);
static EFFECT_STATUS: Choices = choices!("FF_STATUS_???", FF_STATUS_STOPPED FF_STATUS_PLAYING);
static PROPERTY: Choices = choices!("PROP_???", INPUT_PROP_POINTER INPUT_PROP_DIRECT INPUT_PROP_BUTTONPAD
    INPUT_PROP_SEMI_MT INPUT_PROP_TOPBUTTONPAD INPUT_PROP_POINTING_STICK INPUT_PROP_ACCELEROMETER
    INPUT_PROP_PRESSUREPAD);

/// What the bits of an answer stand for, and which of them is the last one of its kind: the last one is not shown.
type Bits = (&'static Choices, u64);
const KEY_BITS: Bits = (&KEYS, uapi::KEY_MAX);
const LIGHT_BITS: Bits = (&LIGHT, uapi::LED_MAX);
const SOUND_BITS: Bits = (&SOUND, uapi::SND_MAX);
const SWITCH_BITS: Bits = (&SWITCH, uapi::SW_MAX);

/// What the bits of EVIOCGBIT stand for.
fn bits_of(event: u64) -> Option<Bits> {
    Some(match event {
        0 => (&EVENT, uapi::EV_MAX),
        uapi::EV_KEY => KEY_BITS,
        uapi::EV_REL => (&RELATIVE, uapi::REL_MAX),
        uapi::EV_ABS => (&AXIS, uapi::ABS_MAX),
        uapi::EV_MSC => (&MISCELLANEOUS, uapi::MSC_MAX),
        uapi::EV_SW => SWITCH_BITS,
        uapi::EV_LED => LIGHT_BITS,
        uapi::EV_SND => SOUND_BITS,
        uapi::EV_REP => (&REPETITION, uapi::REP_MAX),
        uapi::EV_FF => (&EFFECT, uapi::FF_MAX),
        uapi::EV_FF_STATUS => (&EFFECT_STATUS, uapi::FF_STATUS_MAX),
        _ => return None,
    })
}

/// `struct input_absinfo`.
static AXIS_STATE: Type = Type::Struct(&Struct::of(&[
    field("value", U32),
    field("minimum", U32),
    long("maximum", U32),
    long("fuzz", U32),
    long("flat", U32),
    long("resolution", U32),
]));

/// A set of bits: `[KEY_ESC KEY_1 ...]`.
static BITS: Type = Type::Custom(&Custom {
    size: 0,
    compat_size: 0,
    shape: Shape::Words,
    parts: |object, verbose, emit| {
        /// So many are shown in brief.
        const FEW: usize = 4;
        let Some((names, last)) = bits_of_request(object) else { return };
        let is_set = |bit: &u64| {
            let byte = object.bytes.get((bit / 8) as usize).copied().unwrap_or(0);
            byte & 1 << (bit % 8) != 0
        };
        for (shown, bit) in (0..last).filter(is_set).enumerate() {
            if shown == FEW && !verbose {
                return emit(Item::element(Value::More(None)));
            }
            emit(Item::element(Value::Choice(bit, names)));
        }
    },
    nested: &[],
});

fn bits_of_request(object: &Object<'_>) -> Option<Bits> {
    match parts(object.call.args[1]).number {
        0x09 => Some((&PROPERTY, uapi::INPUT_PROP_MAX)),
        0x18 => Some(KEY_BITS),
        0x19 => Some(LIGHT_BITS),
        0x1a => Some(SOUND_BITS),
        0x1b => Some(SWITCH_BITS),
        number => bits_of(number.wrapping_sub(0x20)),
    }
}

static SLOT: Choices = choices!("ABS_MT_???", ABS_MT_SLOT ABS_MT_TOUCH_MAJOR ABS_MT_TOUCH_MINOR ABS_MT_WIDTH_MAJOR
    ABS_MT_WIDTH_MINOR ABS_MT_ORIENTATION ABS_MT_POSITION_X ABS_MT_POSITION_Y ABS_MT_TOOL_TYPE ABS_MT_BLOB_ID
    ABS_MT_TRACKING_ID ABS_MT_PRESSURE ABS_MT_DISTANCE ABS_MT_TOOL_X ABS_MT_TOOL_Y);
static SLOT_CODE: Type = choice(&SLOT);
static SLOT_VALUES: Type =
    Type::List(rstrace_core::describe::Access::Out, &INT, rstrace_core::describe::Length::Returned);
/// `struct input_mt_request_layout`.
static SLOTS: Type = Type::Custom(&Custom {
    size: 0,
    compat_size: 0,
    shape: Shape::Struct,
    parts: |slots, _, emit| {
        emit(Item::member("code", slots.value_at(0, &SLOT_CODE)));
        let values = slots.bytes.get(4..).unwrap_or(&[]);
        let (count, address) = (values.len() as u64 / 4, slots.address.wrapping_add(4));
        let values = Object { ty: &SLOT_VALUES, bytes: values, count, address, ..*slots };
        emit(Item::member("values", Value::Object(values)));
    },
    nested: &[],
});

/// What a request that the headers compute answers; `false` if it is none of an input device.
pub fn computed(object: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) -> bool {
    let Parts { direction, kind, number, size } = parts(object.call.args[1]);
    if kind != b'E' {
        return false;
    }
    let as_is = |ty, bytes| Item::element(Value::Object(Object { ty, bytes, ..*object }));
    if direction == uapi::_IOC_WRITE && number >= 0xc0 {
        emit(as_is(&AXIS_STATE, object.bytes));
        return true;
    }
    if direction != uapi::_IOC_READ || object.at != At::Return || !object.call.succeeded() {
        return false;
    }
    let returned = usize::try_from(object.call.returned()).unwrap_or(0);
    let answer = object.bytes.get(..returned).unwrap_or(object.bytes);
    match number {
        0x06..=0x08 => emit(Item::element(Value::Text { bytes: answer, more: false, whole: false })),
        0x0a if size >= 4 => emit(as_is(&SLOTS, object.bytes)),
        0x40..=0x7f => emit(as_is(&AXIS_STATE, object.bytes)),
        0x09 | 0x18..=0x1b | 0x20..=0x3f if returned > 0 && bits_of_request(object).is_some() => {
            emit(as_is(&BITS, answer));
        }
        _ => return false,
    }
    true
}

const KEY: Type = choice(&KEYS);

/// An array of two numbers.
static PAIR: Type = Type::Elements(&U32, 2);

/// A scan code and its key: `[1, KEY_ESC]`.
static KEY_CODE: Type = Type::Custom(&Custom {
    size: 8,
    compat_size: 8,
    shape: Shape::List,
    parts: |code, _, emit| {
        emit(Item::element(Value::Unsigned(code.number(0, Width::U32))));
        emit(Item::element(Value::Choice(code.number(4, Width::U32), &KEYS)));
    },
    nested: &[],
});

/// `struct input_keymap_entry`.
static KEYMAP: Type = Type::Struct(&Struct::of(&[
    field("flags", U8),
    field("len", U8),
    long("index", U16),
    long("keycode", KEY),
    long("scancode", Type::Elements(&HEX8, 32)),
]));

/// `struct input_id`.
static IDENTITY: Type = Type::Struct(&Struct::of(&[
    field("bustype", U16),
    field("vendor", U16),
    field("product", U16),
    field("version", U16),
]));

const EFFECT_KIND: Type = Type::Number(Width::U16, Meaning::Choice(&EFFECT));
static TRIGGER: Struct = Struct::of(&[field("button", U16), field("interval", U16)]);
static REPLAY: Struct = Struct::of(&[field("length", U16), field("delay", U16)]);

/// `struct ff_effect`, without what each kind of effect has of its own.
static EFFECT_UPLOAD: Type = Type::Struct(&Struct::of(&[
    field("type", EFFECT_KIND),
    field("id", I16),
    field("direction", U16),
    long("trigger", Type::Struct(&TRIGGER)),
    long("replay", Type::Struct(&REPLAY)),
]));

pub const REQUESTS: &[Case] = requests! {
    EVIOCRMFF: INT,
    EVIOCGRAB: ULONG,
    EVIOCREVOKE: ULONG,
    EVIOCSCLOCKID: encoded(&UINT),
    EVIOCSREP: encoded(&PAIR),
    EVIOCSKEYCODE: encoded(&KEY_CODE),
    EVIOCSKEYCODE_V2: encoded(&KEYMAP),
    EVIOCSFF: encoded(&EFFECT_UPLOAD),
    EVIOCGVERSION: encoded(&HEX32),
    EVIOCGEFFECTS: encoded(&UINT),
    EVIOCGID: encoded(&IDENTITY),
    EVIOCGREP: encoded(&PAIR),
    EVIOCGKEYCODE: encoded(&KEY_CODE),
    EVIOCGKEYCODE_V2: encoded(&KEYMAP),
};
