//! Clocks, sleeps and timers.

use rstrace_core::describe::{
    Access, Custom, Field, Item, Meaning, Object, Returned, Shape, Struct, Syscall, Type, Width, field,
    hidden, param,
};
use rstrace_core::event::{Abi, Comment, Value};
use rstrace_core::flags::{Choices, FlagSet};
use rstrace_core::probe::{End, RawCall};

use crate::syscall::classes;
use crate::syscall::types::*;
use crate::uapi;

pub(super) static CLOCKS: Choices = choices!("CLOCK_???", CLOCK_REALTIME CLOCK_MONOTONIC CLOCK_PROCESS_CPUTIME_ID
    CLOCK_THREAD_CPUTIME_ID CLOCK_MONOTONIC_RAW CLOCK_REALTIME_COARSE CLOCK_MONOTONIC_COARSE CLOCK_BOOTTIME
    CLOCK_REALTIME_ALARM CLOCK_BOOTTIME_ALARM CLOCK_SGI_CYCLE CLOCK_TAI);

static INTERVAL_TIMERS: Choices = choices!("ITIMER_???", ITIMER_REAL ITIMER_VIRTUAL ITIMER_PROF);
static TIMER_FLAGS: FlagSet = set!("TIMER_???", TIMER_ABSTIME);
static NOTIFY: Choices = choices!("SIGEV_???", SIGEV_SIGNAL SIGEV_NONE SIGEV_THREAD SIGEV_THREAD_ID);

static ADJUST: FlagSet = set!("ADJ_???", ADJ_OFFSET_SS_READ ADJ_OFFSET_SINGLESHOT ADJ_OFFSET ADJ_FREQUENCY
    ADJ_MAXERROR ADJ_ESTERROR ADJ_STATUS ADJ_TIMECONST ADJ_TAI ADJ_SETOFFSET ADJ_MICRO ADJ_NANO ADJ_TICK);
static STATUS: FlagSet = set!("STA_???", STA_PLL STA_PPSFREQ STA_PPSTIME STA_FLL STA_INS STA_DEL STA_UNSYNC
    STA_FREQHOLD STA_PPSSIGNAL STA_PPSJITTER STA_PPSWANDER STA_PPSERROR STA_CLOCKERR STA_NANO STA_MODE STA_CLK);
static CLOCK_STATE: Choices = choices!("TIME_???", TIME_OK TIME_INS TIME_DEL TIME_OOP TIME_WAIT TIME_ERROR);

const CLOCK: Type = choice(&CLOCKS);

/// `struct timespec` of 64 bits, whatever the ABI.
pub(super) static TIMESPEC64: Type =
    Type::Struct(&Struct::of(&[field("tv_sec", I64), field("tv_nsec", U64)]));

const fn interval(of: Type) -> [Field; 2] {
    [field("it_interval", of), field("it_value", of)]
}
const TIMESPEC_MEMBER: Type = Type::Struct(&Struct::of(&[field("tv_sec", LONG), field("tv_nsec", ULONG)]));
const TIMEVAL_MEMBER: Type = Type::Struct(&Struct::of(&[field("tv_sec", LONG), field("tv_usec", ULONG)]));
const TIMESPEC64_MEMBER: Type = Type::Struct(&Struct::of(&[field("tv_sec", I64), field("tv_nsec", U64)]));

pub(super) static ITIMERSPEC: Type = Type::Struct(&Struct::of(&interval(TIMESPEC_MEMBER)));
pub(super) static ITIMERSPEC64: Type = Type::Struct(&Struct::of(&interval(TIMESPEC64_MEMBER)));
static ITIMERVAL: Type = Type::Struct(&Struct::of(&interval(TIMEVAL_MEMBER)));

static TIMEZONE: Type = Type::Struct(&Struct::of(&[field("tz_minuteswest", INT), field("tz_dsttime", INT)]));

/// What was left of a sleep that a signal interrupted; any other call does not tell.
const fn remainder(compat_size: usize, parts: Parts) -> Custom {
    Custom { size: 16, compat_size, shape: Shape::Bare, parts, nested: &[] }
}
type Parts = rstrace_core::describe::Parts;
static REMAINDER: Type = Type::Custom(&remainder(8, |rest, _, emit| remaining(rest, &TIMESPEC, emit)));
static REMAINDER64: Type = Type::Custom(&remainder(16, |rest, _, emit| remaining(rest, &TIMESPEC64, emit)));

fn remaining(rest: &Object<'_>, ty: &'static Type, emit: &mut dyn FnMut(Item<'_>)) {
    /// The sleep goes on with what is left.
    const ERESTART_RESTARTBLOCK: i64 = 516;
    if rest.call.end == End::Returned(-ERESTART_RESTARTBLOCK) {
        emit(Item::element(rest.value_at(0, ty)));
    }
}

/// `time_t`, behind an address.
static TIME: Type = Type::Custom(&Custom {
    size: 8,
    compat_size: 4,
    shape: Shape::List,
    parts: |time, _, emit| {
        let seconds = time.number(0, Width::SignedWord) as i64;
        let plain = Value::Int(seconds);
        let dated = Value::Commented(&plain, Comment::Date(seconds, 0));
        emit(Item::element(if seconds == 0 { plain } else { dated }));
    },
    nested: &[],
});

fn date<'a>(call: &'a RawCall<'a>, emit: &mut dyn FnMut(Item<'_>)) {
    emit(Item::element(Value::Date(call.returned(), 0)));
}

fn clock_state<'a>(call: &'a RawCall<'a>, emit: &mut dyn FnMut(Item<'_>)) {
    emit(Item::element(Value::Choice(call.returned() as u64, &CLOCK_STATE)));
}
const RET_CLOCK_STATE: Returned = Returned::Glossed(Width::I32, Meaning::Plain, clock_state);

/// Behind each `int` stand so many bytes that mean nothing.
const fn timex(word: Type, time: Type, filling: usize) -> [Field; 24] {
    const fn nothing(bytes: usize) -> Field {
        hidden(Type::Padding(bytes))
    }
    [
        field("modes", flags(&ADJUST)),
        nothing(filling),
        field("offset", word),
        field("freq", word),
        field("maxerror", word),
        field("esterror", word),
        field("status", flags(&STATUS)),
        nothing(filling),
        field("constant", word),
        field("precision", word),
        field("tolerance", word),
        field("time", time),
        field("tick", word),
        field("ppsfreq", word),
        field("jitter", word),
        field("shift", INT),
        nothing(filling),
        field("stabil", word),
        field("jitcnt", word),
        field("calcnt", word),
        field("errcnt", word),
        field("stbcnt", word),
        field("tai", INT),
        nothing(44),
    ]
}
const TIMEVAL64_MEMBER: Type = Type::Struct(&Struct::of(&[field("tv_sec", I64), field("tv_usec", U64)]));
static TIMEX: Type = Type::Struct(&Struct::of(&timex(LONG, TIMEVAL_MEMBER, 0)));
static TIMEX64: Type = Type::Struct(&Struct::of(&timex(I64, TIMEVAL64_MEMBER, 4)));

/// `struct sigevent`, as far as the kernel reads it.
pub(super) static SIGEVENT: Type =
    Type::Custom(&Custom { size: 32, compat_size: 20, shape: Shape::Struct, parts: event, nested: &[] });

fn event(event: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    let word = if event.call.abi == Abi::Native { 8 } else { 4 };
    let value = event.address_at(0);
    let signal = event.number(word, Width::U32);
    let notify = event.number(word + 4, Width::U32);
    if value != 0 {
        emit(Item::member("sigev_value", Value::Object(Object { ty: &SIGVAL, ..*event })));
    }
    let is_known = matches!(notify, uapi::SIGEV_SIGNAL | uapi::SIGEV_THREAD | uapi::SIGEV_THREAD_ID);
    let signal = if is_known { Value::Signal(signal as i32 as i64) } else { Value::Unsigned(signal) };
    emit(Item::member("sigev_signo", signal));
    emit(Item::member("sigev_notify", Value::Choice(notify, &NOTIFY)));
    match notify {
        uapi::SIGEV_THREAD_ID => {
            let tid = event.number(word + 8, Width::I32) as i64;
            emit(Item::member("sigev_notify_thread_id", Value::Int(tid)));
        }
        uapi::SIGEV_THREAD => {
            emit(Item::member("sigev_notify_function", Value::Address(event.address_at(word + 8))));
            let attributes = event.address_at(2 * word + 8);
            emit(Item::member("sigev_notify_attributes", Value::Address(attributes)));
        }
        _ => {}
    }
}

/// `union sigval`.
static SIGVAL: Type = Type::Custom(&Custom {
    size: 8,
    compat_size: 4,
    shape: Shape::Struct,
    parts: |value, _, emit| {
        emit(Item::member("sival_int", Value::Int(value.number(0, Width::I32) as i64)));
        emit(Item::member("sival_ptr", Value::Address(value.address_at(0))));
    },
    nested: &[],
});

/// A timer's number.
static TIMER: Type = INT;

pub static SYSCALLS: &[Syscall] = &[
    call(
        "clock_gettime",
        classes::CLOCK,
        &[param("clockid", CLOCK), param("tp", output(&TIMESPEC))],
        RET_INT,
    ),
    call("clock_settime", classes::CLOCK, &[param("clockid", CLOCK), param("tp", input(&TIMESPEC))], RET_INT),
    call(
        "clock_getres",
        classes::CLOCK,
        &[param("clockid", CLOCK), param("res", output(&TIMESPEC))],
        RET_INT,
    ),
    call(
        "gettimeofday",
        classes::CLOCK,
        &[param("tv", output(&TIMEVAL)), param("tz", output(&TIMEZONE))],
        RET_INT,
    ),
    call(
        "settimeofday",
        classes::CLOCK,
        &[param("tv", input(&TIMEVAL)), param("tz", input(&TIMEZONE))],
        RET_INT,
    ),
    call(
        "time",
        classes::CLOCK,
        &[param("tloc", output(&TIME))],
        Returned::Glossed(Width::SignedWord, Meaning::Plain, date),
    ),
    call("adjtimex", classes::CLOCK, &[param("buf", output(&TIMEX))], RET_CLOCK_STATE),
    call(
        "clock_adjtime",
        classes::CLOCK,
        &[param("clk_id", CLOCK), param("buf", output(&TIMEX))],
        RET_CLOCK_STATE,
    ),
    call(
        "nanosleep",
        0,
        &[param("duration", input(&TIMESPEC)), param("rem", Type::Pointer(Access::OutAlways, &REMAINDER))],
        RET_INT,
    ),
    call(
        "clock_nanosleep",
        0,
        &[
            param("clockid", CLOCK),
            param("flags", flags(&TIMER_FLAGS)),
            param("t", input(&TIMESPEC)),
            param("remain", Type::Pointer(Access::OutAlways, &REMAINDER)),
        ],
        RET_INT,
    ),
    call("alarm", 0, &[param("seconds", UINT)], returns(Width::U32, Meaning::Plain)),
    call(
        "getitimer",
        0,
        &[param("which", choice(&INTERVAL_TIMERS)), param("curr_value", output(&ITIMERVAL))],
        RET_INT,
    ),
    call(
        "setitimer",
        0,
        &[
            param("which", choice(&INTERVAL_TIMERS)),
            param("new_value", input(&ITIMERVAL)),
            param("old_value", output(&ITIMERVAL)),
        ],
        RET_INT,
    ),
    call(
        "timer_create",
        0,
        &[param("clockid", CLOCK), param("sevp", input(&SIGEVENT)), param("timerid", output(&TIMER))],
        RET_INT,
    ),
    call(
        "timer_settime",
        0,
        &[
            param("timerid", INT),
            param("flags", flags(&TIMER_FLAGS)),
            param("new_value", input(&ITIMERSPEC)),
            param("old_value", output(&ITIMERSPEC)),
        ],
        RET_INT,
    ),
    call("timer_gettime", 0, &[param("timerid", INT), param("curr_value", output(&ITIMERSPEC))], RET_INT),
    call("timer_getoverrun", 0, &[param("timerid", INT)], RET_INT),
    call("timer_delete", 0, &[param("timerid", INT)], RET_INT),
    // of 32-bit programs only: with times of 64 bits, and the oldest
    call(
        "clock_gettime64",
        classes::CLOCK,
        &[param("clockid", CLOCK), param("tp", output(&TIMESPEC64))],
        RET_INT,
    ),
    call(
        "clock_settime64",
        classes::CLOCK,
        &[param("clockid", CLOCK), param("tp", input(&TIMESPEC64))],
        RET_INT,
    ),
    call(
        "clock_getres_time64",
        classes::CLOCK,
        &[param("clockid", CLOCK), param("res", output(&TIMESPEC64))],
        RET_INT,
    ),
    call(
        "clock_adjtime64",
        classes::CLOCK,
        &[param("clk_id", CLOCK), param("buf", output(&TIMEX64))],
        RET_CLOCK_STATE,
    ),
    call(
        "clock_nanosleep_time64",
        0,
        &[
            param("clockid", CLOCK),
            param("flags", flags(&TIMER_FLAGS)),
            param("t", input(&TIMESPEC64)),
            param("remain", Type::Pointer(Access::OutAlways, &REMAINDER64)),
        ],
        RET_INT,
    ),
    call(
        "timer_settime64",
        0,
        &[
            param("timerid", INT),
            param("flags", flags(&TIMER_FLAGS)),
            param("new_value", input(&ITIMERSPEC64)),
            param("old_value", output(&ITIMERSPEC64)),
        ],
        RET_INT,
    ),
    call("timer_gettime64", 0, &[param("timerid", INT), param("curr_value", output(&ITIMERSPEC64))], RET_INT),
    call("stime", 0, &[param("t", input(&TIME))], RET_INT),
];
