//! The names of requests: those of the headers, and those that the headers compute from a number or a length.

use std::io::Write;

use rstrace_core::describe::Notation;
use rstrace_core::flags::Choices;

use crate::syscall::types::choices;
use crate::uapi;
use crate::uapi::ioctls::IOCTLS;

/// Whether the headers have a name for a request.
pub fn is_known(request: u32) -> bool {
    IOCTLS.binary_search_by_key(&request, |(code, _)| *code).is_ok()
}

/// Appends the name of a request, or how it is made up.
pub fn write(out: &mut Notation<'_>, request: u64) {
    let begin = out.len();
    computed(out, request);
    let place = IOCTLS.binary_search_by_key(&(request as u32), |(code, _)| *code);
    if let Some((_, name)) = place.ok().and_then(|place| IOCTLS.get(place)) {
        if out.len() > begin {
            out.extend_from_slice(b" or ");
        }
        out.extend_from_slice(name.as_bytes());
    } else if out.len() == begin {
        made_up(out, request);
    }
}

/// The parts of a request, as `asm-generic/ioctl.h` puts them together.
#[derive(Debug, Clone, Copy)]
pub struct Parts {
    /// [`uapi::_IOC_READ`], [`uapi::_IOC_WRITE`].
    pub direction: u64,
    /// Whose request it is.
    pub kind: u8,
    /// Which of them.
    pub number: u64,
    /// Bytes behind the argument.
    pub size: u64,
}

/// Takes a request apart.
pub fn parts(request: u64) -> Parts {
    Parts {
        direction: request >> 30 & 3,
        kind: (request >> 8) as u8,
        number: request & 0xff,
        size: request >> 16 & 0x3fff,
    }
}

/// A request that the headers make of a length or a number.
struct Computed {
    direction: u64,
    kind: u8,
    /// The first number and the last one.
    numbers: (u64, u64),
    name: &'static str,
    of: Of,
}

/// What stands in the parentheses.
enum Of {
    /// How long the answer may be.
    Size,
    /// The number of the request.
    Number,
    /// The number from the first one on, as one of these.
    Choice(&'static Choices),
    /// Likewise, if it is not zero, and how long the answer may be.
    ChoiceAndSize(&'static Choices),
}

const READ: u64 = uapi::_IOC_READ;
const WRITE: u64 = uapi::_IOC_WRITE;

const fn sized(direction: u64, kind: u8, number: u64, name: &'static str) -> Computed {
    Computed { direction, kind, numbers: (number, number), name, of: Of::Size }
}

const fn ranged(direction: u64, kind: u8, numbers: (u64, u64), name: &'static str, of: Of) -> Computed {
    Computed { direction, kind, numbers, name, of }
}

/// Kinds of events of an input device.
pub static EVENT: Choices = choices!("EV_???",
    EV_SYN EV_KEY EV_REL EV_ABS EV_MSC EV_SW EV_LED EV_SND EV_REP EV_FF EV_PWR EV_FF_STATUS);
/// Axes of an input device.
pub static AXIS: Choices = choices!("ABS_???",
    ABS_X ABS_Y ABS_Z ABS_RX ABS_RY ABS_RZ ABS_THROTTLE ABS_RUDDER ABS_WHEEL ABS_GAS ABS_BRAKE ABS_HAT0X ABS_HAT0Y
    ABS_HAT1X ABS_HAT1Y ABS_HAT2X ABS_HAT2Y ABS_HAT3X ABS_HAT3Y ABS_PRESSURE ABS_DISTANCE ABS_TILT_X ABS_TILT_Y
    ABS_TOOL_WIDTH ABS_VOLUME ABS_PROFILE ABS_MISC ABS_RESERVED ABS_MT_SLOT ABS_MT_TOUCH_MAJOR ABS_MT_TOUCH_MINOR
    ABS_MT_WIDTH_MAJOR ABS_MT_WIDTH_MINOR ABS_MT_ORIENTATION ABS_MT_POSITION_X ABS_MT_POSITION_Y ABS_MT_TOOL_TYPE
    ABS_MT_BLOB_ID ABS_MT_TRACKING_ID ABS_MT_PRESSURE ABS_MT_DISTANCE ABS_MT_TOOL_X ABS_MT_TOOL_Y);

/// `linux/input.h`, `linux/uinput.h`, `linux/hidraw.h`, `linux/hiddev.h`, `linux/joystick.h`, `linux/soundcard.h`,
/// `linux/spi/spidev.h`.
static COMPUTED: &[Computed] = &[
    sized(READ, b'E', 0x06, "EVIOCGNAME"),
    sized(READ, b'E', 0x07, "EVIOCGPHYS"),
    sized(READ, b'E', 0x08, "EVIOCGUNIQ"),
    sized(READ, b'E', 0x09, "EVIOCGPROP"),
    sized(READ, b'E', 0x0a, "EVIOCGMTSLOTS"),
    sized(READ, b'E', 0x18, "EVIOCGKEY"),
    sized(READ, b'E', 0x19, "EVIOCGLED"),
    sized(READ, b'E', 0x1a, "EVIOCGSND"),
    sized(READ, b'E', 0x1b, "EVIOCGSW"),
    ranged(READ, b'E', (0x20, 0x3f), "EVIOCGBIT", Of::ChoiceAndSize(&EVENT)),
    ranged(READ, b'E', (0x40, 0x7f), "EVIOCGABS", Of::Choice(&AXIS)),
    ranged(WRITE, b'E', (0xc0, 0xff), "EVIOCSABS", Of::Choice(&AXIS)),
    sized(READ, b'H', 0x04, "HIDIOCGRAWNAME"),
    sized(READ, b'H', 0x05, "HIDIOCGRAWPHYS"),
    sized(READ, b'H', 0x06, "HIDIOCSFEATURE"),
    sized(READ | WRITE, b'H', 0x06, "HIDIOCSFEATURE"),
    sized(READ | WRITE, b'H', 0x07, "HIDIOCGFEATURE"),
    sized(READ, b'H', 0x08, "HIDIOCGRAWUNIQ"),
    sized(READ, b'H', 0x12, "HIDIOCGPHYS"),
    ranged(READ, b'M', (0, 0xff), "MIXER_READ", Of::Number),
    ranged(WRITE, b'M', (0, 0xff), "MIXER_WRITE", Of::Number),
    sized(READ, b'U', 0x2c, "UI_GET_SYSNAME"),
    sized(READ, b'j', 0x13, "JSIOCGNAME"),
    sized(WRITE, b'k', 0x00, "SPI_IOC_MESSAGE"),
];

fn computed(out: &mut Notation<'_>, request: u64) {
    let Parts { direction, kind, number, size } = parts(request);
    let known = COMPUTED.iter().find(|known| {
        (known.direction, known.kind) == (direction, kind)
            && (known.numbers.0..=known.numbers.1).contains(&number)
    });
    let Some(known) = known else { return };
    let number = number - known.numbers.0;
    let _ = write!(out, "{}(", known.name);
    match known.of {
        Of::Size => write!(out, "{size}"),
        Of::Number => write!(out, "{number}"),
        Of::Choice(choices) => write!(out, "{}", Choice(choices, number)),
        Of::ChoiceAndSize(_) if number == 0 => write!(out, "0, {size}"),
        Of::ChoiceAndSize(choices) => write!(out, "{}, {size}", Choice(choices, number)),
    }
    .ok();
    out.push(b')');
}

struct Choice(&'static Choices, u64);

impl std::fmt::Display for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.name(self.1) {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#x} /* {} */", self.1, self.0.unknown),
        }
    }
}

fn made_up(out: &mut Notation<'_>, request: u64) {
    let Parts { direction, kind, number, size } = parts(request);
    let direction = match direction {
        0 => "_IOC_NONE",
        uapi::_IOC_WRITE => "_IOC_WRITE",
        uapi::_IOC_READ => "_IOC_READ",
        _ => "_IOC_READ|_IOC_WRITE",
    };
    let _ = write!(out, "_IOC({direction}, {}, {}, {})", Hex(kind.into()), Hex(number), Hex(size));
}

/// `0x10`, `0`
struct Hex(u64);

impl std::fmt::Display for Hex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            0 => f.write_str("0"),
            number => write!(f, "{number:#x}"),
        }
    }
}
