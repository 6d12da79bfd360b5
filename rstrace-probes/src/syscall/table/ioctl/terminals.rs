//! Terminals.

use std::io::Write;

use rstrace_core::describe::{
    Case, Constants, Custom, Item, Meaning, Named, Shape, Struct, Type, Width, field, long,
};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet, Flags};
use rstrace_core::probe::RawCall;

use super::{FD_PARAM, OP, encoded, requests};
use crate::syscall::types::*;
use crate::uapi;

static INPUT: FlagSet = set!("", IGNBRK BRKINT IGNPAR PARMRK INPCK ISTRIP INLCR IGNCR ICRNL IUCLC IXON IXANY IXOFF
    IMAXBEL IUTF8);
static OUTPUT: FlagSet = set!("", OPOST OLCUC ONLCR OCRNL ONOCR ONLRET OFILL OFDEL);
static CONTROL: FlagSet = set!("", CSTOPB CREAD PARENB PARODD HUPCL CLOCAL CMSPAR CRTSCTS);
static LOCAL: FlagSet = set!("", ISIG ICANON XCASE ECHO ECHOE ECHOK ECHONL NOFLSH IEXTEN ECHOCTL ECHOPRT ECHOKE FLUSHO
    PENDIN TOSTOP EXTPROC);

/// Delays, as parts of the output flags: a mask each.
static DELAYS: &[(u64, &[(u64, &str)])] = &[
    (uapi::NLDLY, &names!(NL0 NL1)),
    (uapi::CRDLY, &names!(CR0 CR1 CR2 CR3)),
    (uapi::TABDLY, &names!(TAB0 TAB1 TAB2 XTABS)),
    (uapi::BSDLY, &names!(BS0 BS1)),
    (uapi::VTDLY, &names!(VT0 VT1)),
    (uapi::FFDLY, &names!(FF0 FF1)),
];

static SPEEDS: Choices = choices!("", B0 B50 B75 B110 B134 B150 B200 B300 B600 B1200 B1800 B2400 B4800 B9600 B19200
    B38400 BOTHER B57600 B115200 B230400 B460800 B500000 B576000 B921600 B1000000 B1152000 B1500000 B2000000 B2500000
    B3000000 B3500000 B4000000);

static SIZES: Choices = choices!("", CS5 CS6 CS7 CS8);

static DISCIPLINE: Choices = choices!("N_???", N_TTY N_SLIP N_MOUSE N_PPP N_STRIP N_AX25 N_X25 N_6PACK N_MASC N_R3964
    N_PROFIBUS_FDL N_IRDA N_SMSBLOCK N_HDLC N_SYNC_PPP N_HCI N_GIGASET_M101 N_SLCAN N_PPS N_V253 N_CAIF N_GSM0710
    N_TI_WL N_TRACESINK N_TRACEROUTER N_NCI N_SPEAKUP N_NULL N_MCTP N_DEVELOPMENT N_CAN327);

/// Appends the names of what is set: nothing if nothing is.
fn write_flags(out: &mut Notation<'_>, bits: u64, set: &'static FlagSet) {
    // by their names, none is nothing
    if bits != 0 || out.constants() != Constants::Abbrev {
        Flags { bits, set }.write(out);
    }
}

fn write_input(out: &mut Notation<'_>, bits: u64) {
    write_flags(out, bits, &INPUT);
}

/// One of several values: without a name it is nothing.
fn write_one(out: &mut Notation<'_>, value: u64, name: Option<&str>) {
    out.constant(|out| named::hex(out, value), |out| out.push_text(name.unwrap_or_default()));
}

/// `NL0|CR0|TAB0|BS0|VT0|FF0|OPOST`
fn write_output(out: &mut Notation<'_>, bits: u64) {
    let mut rest = bits;
    for (mask, names) in DELAYS {
        rest &= !mask;
        let name = names.iter().find(|(value, _)| *value == bits & mask);
        write_one(out, bits & mask, name.map(|(_, name)| *name));
        out.push(b'|');
    }
    write_flags(out, rest, &OUTPUT);
}

/// `B38400|CS8|CREAD`
fn write_control(out: &mut Notation<'_>, bits: u64) {
    let (output, input) = (bits & uapi::CBAUD, (bits & uapi::CIBAUD) >> uapi::IBSHIFT);
    write_one(out, output, SPEEDS.name(output));
    if input != 0 {
        out.push(b'|');
        write_one(out, input, SPEEDS.name(input));
        out.push_text("<<IBSHIFT");
    }
    out.push(b'|');
    write_one(out, bits & uapi::CSIZE, SIZES.name(bits & uapi::CSIZE));
    out.push(b'|');
    write_flags(out, bits & !(uapi::CBAUD | uapi::CIBAUD | uapi::CSIZE), &CONTROL);
}

fn write_local(out: &mut Notation<'_>, bits: u64) {
    write_flags(out, bits, &LOCAL);
}

/// The names of the control characters by their place.
static CHARACTERS: [&str; 17] = [
    "VINTR", "VQUIT", "VERASE", "VKILL", "VEOF", "VTIME", "VMIN", "VSWTC", "VSTART", "VSTOP", "VSUSP",
    "VEOL", "VREPRINT", "VDISCARD", "VWERASE", "VLNEXT", "VEOL2",
];

/// `[[VINTR]=0x3, [VQUIT]=0x1c]`
fn write_characters(out: &mut Notation<'_>, bytes: &[u8]) {
    out.push(b'[');
    for (place, byte) in bytes.iter().enumerate() {
        out.extend_from_slice(if place == 0 { b"[" } else { b", [" });
        let _ = match CHARACTERS.get(place) {
            Some(name) => write!(out, "{name}]="),
            None => write!(out, "{place}]="),
        };
        named::hex(out, u64::from(*byte));
    }
    out.push(b']');
}

const fn written(width: Width, write: fn(&mut Notation<'_>, u64)) -> Type {
    Type::Number(width, Meaning::Written(write))
}

const LINE: Type = Type::Number(Width::U8, Meaning::Choice(&DISCIPLINE));

macro_rules! settings {
    ($width:expr, $characters:literal $(, $more:expr)*) => {
        Type::Struct(&Struct::of(&[
            field("c_iflag", written($width, write_input)),
            field("c_oflag", written($width, write_output)),
            field("c_cflag", written($width, write_control)),
            field("c_lflag", written($width, write_local)),
            long("c_line", LINE),
            long("c_cc", Type::Written($characters, write_characters)),
            $($more),*
        ]))
    };
}

/// `struct termios` of `asm-generic/termbits.h`.
static TERMIOS: Type = settings!(Width::U32, 19);
/// `struct termios2`.
static TERMIOS2: Type = settings!(Width::U32, 19, long("c_ispeed", UINT), long("c_ospeed", UINT));
/// `struct termio`.
static TERMIO: Type = settings!(Width::U16, 8);

/// `struct winsize`.
static WINSIZE: Type = Type::Struct(&Struct::of(&[
    field("ws_row", U16),
    field("ws_col", U16),
    field("ws_xpixel", U16),
    field("ws_ypixel", U16),
]));

static MODEM: FlagSet = set!("TIOCM_???", TIOCM_LE TIOCM_DTR TIOCM_RTS TIOCM_ST TIOCM_SR TIOCM_CTS TIOCM_CAR TIOCM_RNG
    TIOCM_DSR TIOCM_OUT1 TIOCM_OUT2 TIOCM_LOOP);
static MODEM_LINES: Type = flags(&MODEM);

static FLOW: Choices = choices!("TC???", TCOOFF TCOON TCIOFF TCION);
static QUEUE: Choices = choices!("TC???", TCIFLUSH TCOFLUSH TCIOFLUSH);

const fn long_choice(set: &'static Choices) -> Type {
    Type::Number(Width::Word, Meaning::Choice(set))
}

static CHARACTER: Type = Type::Custom(&Custom::of(1, Shape::Bare, |object, _, emit| {
    emit(Item::element(Value::Text { bytes: object.bytes, more: false, whole: true }));
}));

/// The requests that terminals share with the timers of old sound devices: on a terminal only its own name. What
/// the descriptor is shows in the result.
fn is_no_terminal(call: &RawCall<'_>) -> bool {
    const NO_TERMINAL: [i64; 2] = [-(libc::ENOTTY as i64), -(libc::EBADF as i64)];
    NO_TERMINAL.contains(&call.returned())
}
static SHARED_NAME: Type = OP;
static OWN_NAME: Type = Type::Number(Width::U32, Meaning::Named(&Named::hex(write_own_name)));

fn write_own_name(out: &mut Notation<'_>, request: u64) {
    static OWN: [(u64, &str); 3] = names!(TCSETS TCSETSW TCSETSF);
    if let Some((_, name)) = OWN.iter().find(|(code, _)| *code == request) {
        out.extend_from_slice(name.as_bytes());
    }
}

macro_rules! shared {
    ($name:ident: $ty:expr) => {
        Case {
            value: uapi::$name as u32,
            params: &[
                FD_PARAM,
                rstrace_core::describe::param("op", Type::Either(is_no_terminal, &SHARED_NAME, &OWN_NAME)),
                rstrace_core::describe::param("argp", $ty),
            ],
            result: None,
        }
    };
}

pub const SHARED: &[Case] =
    &[shared!(TCSETS: input(&TERMIOS)), shared!(TCSETSW: input(&TERMIOS)), shared!(TCSETSF: input(&TERMIOS))];

pub const REQUESTS: &[Case] = requests! {
    TCGETS: output(&TERMIOS),
    TCGETA: output(&TERMIO),
    TCSETA: input(&TERMIO),
    TCSETAW: input(&TERMIO),
    TCSETAF: input(&TERMIO),
    TCSBRK: INT,
    TCXONC: long_choice(&FLOW),
    TCFLSH: long_choice(&QUEUE),
    TIOCEXCL,
    TIOCNXCL,
    TIOCSCTTY: INT,
    TIOCGPGRP: output(&PGID),
    TIOCSPGRP: input(&PGID),
    TIOCOUTQ: output(&INT),
    TIOCSTI: input(&CHARACTER),
    TIOCGWINSZ: output(&WINSIZE),
    TIOCSWINSZ: input(&WINSIZE),
    TIOCMGET: output(&MODEM_LINES),
    TIOCMBIS: input(&MODEM_LINES),
    TIOCMBIC: input(&MODEM_LINES),
    TIOCMSET: input(&MODEM_LINES),
    TIOCGSOFTCAR: output(&INT),
    TIOCSSOFTCAR: input(&INT),
    FIONREAD: output(&INT),
    TIOCCONS,
    TIOCSSERIAL,
    TIOCPKT: input(&INT),
    FIONBIO: input(&INT),
    TIOCNOTTY,
    TIOCSETD: input(&INT),
    TIOCGETD: output(&INT),
    TCSBRKP: INT,
    TIOCSBRK,
    TIOCCBRK,
    TIOCGSID: output(&PGID),
    TIOCVHANGUP,
    FIONCLEX,
    FIOCLEX,
    FIOASYNC: input(&INT),
    TIOCGLCKTRMIOS: output(&TERMIOS),
    TIOCSLCKTRMIOS: input(&TERMIOS),
    TIOCSPTLCK: encoded(&INT),
    TCSETS2: encoded(&TERMIOS2),
    TCSETSW2: encoded(&TERMIOS2),
    TCSETSF2: encoded(&TERMIOS2),
    TIOCGPTN: encoded(&INT),
    TIOCGDEV: encoded(&INT),
    TIOCGEXCL: encoded(&INT),
    TCGETS2: encoded(&TERMIOS2),
};
