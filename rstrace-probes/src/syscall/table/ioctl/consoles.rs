//! Consoles and their keyboards.

use std::io::Write;

use rstrace_core::describe::{Case, Custom, Item, Meaning, Shape, Struct, Type, Width, field};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet};

use super::{requests, two_parts};
use crate::syscall::types::*;
use crate::uapi;

static LEDS: FlagSet = set!("LED_???", LED_SCR LED_NUM LED_CAP);
static LED_STATE: Type = flags8(&LEDS);
/// Lights and, above them, what they are set to by default.
static KEYBOARD_LEDS: FlagSet = FlagSet {
    choice: None,
    names: &[
        (uapi::LED_SCR, "LED_SCR"),
        (uapi::LED_NUM, "LED_NUM"),
        (uapi::LED_CAP, "LED_CAP"),
        (uapi::LED_SCR << 4, "LED_SCR<<4"),
        (uapi::LED_NUM << 4, "LED_NUM<<4"),
        (uapi::LED_CAP << 4, "LED_CAP<<4"),
    ],
    unknown: "LED_???",
};
static KEYBOARD_LED_STATE: Type = flags8(&KEYBOARD_LEDS);

static KEYBOARD: Choices = choices!("KB_???", KB_84 KB_101 KB_OTHER);
static KEYBOARD_KIND: Type = Type::Number(Width::U8, Meaning::Choice(&KEYBOARD));
static SCREEN: Choices = choices!("KD_???", KD_TEXT KD_GRAPHICS KD_TEXT0 KD_TEXT1);
static SCREEN_MODE: Type = choice(&SCREEN);
static META: Choices = choices!("K_???", K_METABIT K_ESCPREFIX);
static META_MODE: Type = choice(&META);

/// Modes of a keyboard; one without a name is decimal.
fn write_keyboard_mode(out: &mut Notation<'_>, mode: u64) {
    static MODES: [(u64, &str); 5] = names!(K_RAW K_XLATE K_MEDIUMRAW K_UNICODE K_OFF);
    let _ = match MODES.iter().find(|(value, _)| *value == mode & 0xffff_ffff) {
        Some((_, name)) => write!(out, "{name}"),
        None => write!(out, "{} /* K_??? */", mode as i32),
    };
}
static KEYBOARD_MODE: Type = Type::Number(Width::I32, Meaning::Written(write_keyboard_mode));

/// Ticks of the timer that makes sounds, in a second.
const TICKS: u64 = 1_193_182;

/// How high a sound is, of which so many ticks are one wave.
fn hertz(ticks: u64) -> Option<u64> {
    TICKS.checked_div(ticks).filter(|hertz| *hertz > 0)
}

fn write_sound(out: &mut Notation<'_>, ticks: u64) {
    let _ = match hertz(ticks) {
        Some(hertz) => write!(out, "{ticks} /* {hertz} Hz */"),
        None => write!(out, "{ticks} /* off */"),
    };
}

fn write_tone(out: &mut Notation<'_>, tone: u64) {
    let (milliseconds, ticks) = (tone >> 16 & 0xffff, tone & 0xffff);
    if milliseconds != 0 {
        let _ = write!(out, "{milliseconds}<<16|");
    }
    let _ = write!(out, "{ticks}");
    let _ = match hertz(ticks) {
        Some(hertz) if milliseconds > 0 => write!(out, " /* {hertz} Hz, {milliseconds} ms */"),
        _ => write!(out, " /* off */"),
    };
}

const fn table(size: usize) -> Custom {
    Custom::of(size, Shape::Bare, |table, _, emit| emit(Item::element(Value::HexBytes(table.bytes))))
}
/// What each character looks like, and which colours there are.
static SCREEN_MAP: Type = Type::Custom(&table(uapi::E_TABSZ as usize));
static COLOURS: Type = Type::Custom(&table(48));
static FONT: Type = Type::Custom(&table(8192));
static UNICODE_MAP: Type = Type::Elements(&HEX16, uapi::E_TABSZ as usize);

/// `struct kbkeycode`.
static SET_CODE: Type = Type::Struct(&Struct::of(&[field("scancode", HEX32), field("keycode", HEX32)]));
static GET_CODE: Type = Type::Custom(&Custom::of(8, Shape::Struct, |code, _, emit| {
    let value = |object: &rstrace_core::describe::Object<'_>| Value::Hex(object.number(4, Width::U32));
    emit(Item::member("scancode", Value::Hex(code.number(0, Width::U32))));
    match code.changed().filter(|_| code.call.succeeded()) {
        Some(after) => {
            emit(Item::member("keycode", Value::Change(&value(code), &value(&after))));
        }
        None => emit(Item::member("keycode", value(code))),
    }
}));

/// `struct kbd_repeat`.
static REPEAT_PAIR: Type = Type::Struct(&Struct::of(&[field("delay", INT), field("period", INT)]));
static REPEAT: Type = two_parts!(8, Bare, rewritten, REPEAT_PAIR, REPEAT_PAIR);

/// `struct unimapinit`.
static CLEAR: Type = Type::Struct(&Struct::of(&[
    field("advised_hashsize", U16),
    field("advised_hashstep", U16),
    field("advised_hashlevel", U16),
]));

pub const REQUESTS: &[Case] = requests! {
    KIOCSOUND: Type::Number(Width::Word, Meaning::Written(write_sound)),
    KDMKTONE: Type::Number(Width::Word, Meaning::Written(write_tone)),
    KDGETLED: output(&LED_STATE),
    KDSETLED: flags8(&LEDS),
    KDGKBTYPE: output(&KEYBOARD_KIND),
    KDENABIO,
    KDDISABIO,
    KDSETMODE: choice(&SCREEN),
    KDGETMODE: output(&SCREEN_MODE),
    KDMAPDISP,
    KDUNMAPDISP,
    GIO_SCRNMAP: output(&SCREEN_MAP),
    PIO_SCRNMAP: input(&SCREEN_MAP),
    KDGKBMODE: output(&KEYBOARD_MODE),
    KDSKBMODE: Type::Number(Width::I32, Meaning::Written(write_keyboard_mode)),
    KDGETKEYCODE: changed(&GET_CODE),
    KDSETKEYCODE: input(&SET_CODE),
    KDKBDREP: changed(&REPEAT),
    GIO_FONT: output(&FONT),
    PIO_FONT: input(&FONT),
    KDGKBMETA: output(&META_MODE),
    KDSKBMETA: choice(&META),
    KDGKBLED: output(&KEYBOARD_LED_STATE),
    KDSKBLED: flags8(&KEYBOARD_LEDS),
    PIO_UNIMAPCLR: input(&CLEAR),
    GIO_UNISCRNMAP: output(&UNICODE_MAP),
    PIO_UNISCRNMAP: input(&UNICODE_MAP),
    PIO_FONTRESET,
    GIO_CMAP: output(&COLOURS),
    PIO_CMAP: input(&COLOURS),
};
