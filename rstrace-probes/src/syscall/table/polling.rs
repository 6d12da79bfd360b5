//! Waiting for descriptors, and the descriptors that are made to be waited for.

use rstrace_core::describe::{
    Access, Case, Cases, Custom, Indirect, Inner, Is, Item, Length, Meaning, Object, Param, Returned, Shape,
    Struct, Syscall, Type, Width, field, hidden, param, size_of_type,
};
use rstrace_core::event::{Abi, Value};
use rstrace_core::flags::{Choices, FlagSet, Flags};
use rstrace_core::memory::At;
use rstrace_core::probe::RawCall;

use super::signals::{SIZED_SIGSET, sigset};
use super::time::{CLOCKS, ITIMERSPEC, ITIMERSPEC64, TIMESPEC64};
use crate::syscall::classes::{DESC, SIGNAL};
use crate::syscall::types::*;
use crate::uapi;

/// Not a plain number in the header: `asm-generic/poll.h`.
const POLL_BUSY_LOOP: u64 = 0x8000;

/// What `poll` waits for.
pub(super) static POLL: FlagSet = FlagSet {
    choice: None,
    names: &[
        (uapi::POLLIN, "POLLIN"),
        (uapi::POLLPRI, "POLLPRI"),
        (uapi::POLLOUT, "POLLOUT"),
        (uapi::POLLERR, "POLLERR"),
        (uapi::POLLHUP, "POLLHUP"),
        (uapi::POLLNVAL, "POLLNVAL"),
        (uapi::POLLRDNORM, "POLLRDNORM"),
        (uapi::POLLRDBAND, "POLLRDBAND"),
        (uapi::POLLWRNORM, "POLLWRNORM"),
        (uapi::POLLWRBAND, "POLLWRBAND"),
        (uapi::POLLMSG, "POLLMSG"),
        (uapi::POLLREMOVE, "POLLREMOVE"),
        (uapi::POLLRDHUP, "POLLRDHUP"),
        (POLL_BUSY_LOOP, "POLL_BUSY_LOOP"),
    ],
    unknown: "POLL???",
};

static EPOLL: FlagSet = set!("EPOLL???",
    EPOLLIN EPOLLPRI EPOLLOUT EPOLLERR EPOLLHUP EPOLLNVAL EPOLLRDNORM EPOLLRDBAND EPOLLWRNORM EPOLLWRBAND EPOLLMSG
    EPOLLRDHUP EPOLL_URING_WAKE EPOLLEXCLUSIVE EPOLLWAKEUP EPOLLONESHOT EPOLLET);

static EPOLL_CREATE: FlagSet = set!("EPOLL_???", EPOLL_CLOEXEC);

static EPOLL_CTL: Choices = choices!("EPOLL_CTL_???", EPOLL_CTL_ADD EPOLL_CTL_DEL EPOLL_CTL_MOD);

static EVENTFD: FlagSet = set!("EFD_???", EFD_SEMAPHORE EFD_CLOEXEC EFD_NONBLOCK);

static SIGNALFD: FlagSet = set!("SFD_???", SFD_CLOEXEC SFD_NONBLOCK);

static TIMERFD: FlagSet = set!("TFD_???", TFD_TIMER_ABSTIME TFD_TIMER_CANCEL_ON_SET TFD_CLOEXEC TFD_NONBLOCK);

/// The last argument of `pselect6` and its like.
pub(super) static SIGNALS_AND_SIZE: Type = Type::Struct(&Struct::of(&[
    field("sigmask", Type::Sized(Access::In, &SIZED_SIGSET, Length::Member(1))),
    field("sigsetsize", SIZE),
]));

const EVENTS_OF_POLL: Type = Type::Number(Width::U16, Meaning::Flags(&POLL));

/// `struct pollfd` before the call.
static POLLED: Type = Type::Struct(&Struct::of(&[
    field("fd", FD),
    field("events", EVENTS_OF_POLL).only_if(|polled| polled.number(0, Width::I32) as i64 >= 0),
    hidden(U16),
]));

/// `struct pollfd` after it.
static READY: Type =
    Type::Struct(&Struct::of(&[field("fd", INT), hidden(U16), field("revents", EVENTS_OF_POLL)]));

/// Those of the descriptors where something happened.
static ALL_READY: Type = Type::Custom(&Custom {
    size: 0,
    compat_size: 0,
    shape: Shape::List,
    parts: |list, _, emit| {
        const REVENTS: usize = 6;
        for (place, bytes) in list.bytes.chunks_exact(size_of_type(&READY, Abi::Native)).enumerate() {
            let offset = (place * bytes.len()) as u64;
            let ready = Object { ty: &READY, bytes, address: list.address.wrapping_add(offset), ..*list };
            if ready.number(REVENTS, Width::U16) != 0 {
                emit(Item::element(Value::Object(ready)));
            }
        }
    },
    nested: &[],
});

const POLLED_LIST: Type = Type::List(Access::InAgain, &POLLED, Length::Arg(1));

/// What is behind an address after the call.
fn after<'a>(call: &'a RawCall<'a>, address: u64, ty: &'static Type) -> Option<Object<'a>> {
    let payload = call.memory.from(address, At::Return).filter(|_| address != 0)?;
    let bytes = payload.bytes();
    Some(Object {
        ty,
        bytes,
        address,
        at: At::Return,
        count: bytes.len() as u64,
        unreadable: false,
        left: 0,
        call,
    })
}

/// `Timeout`, if nothing happened.
fn timed_out(call: &RawCall<'_>, emit: &mut dyn FnMut(Item<'_>)) -> bool {
    let nothing = call.returned() == 0;
    if nothing {
        emit(Item::element(Value::Written(0, |out, _| out.extend_from_slice(b"Timeout"))));
    }
    nothing
}

/// What is left of the time, in the argument with this index.
fn left(call: &RawCall<'_>, arg: usize, ty: &'static Type, emit: &mut dyn FnMut(Item<'_>)) {
    let size = size_of_type(ty, call.abi);
    if let Some(time) = after(call, call.args[arg], ty).filter(|time| time.bytes.len() >= size) {
        emit(Item::member("left", Value::Object(time)));
    }
}

fn gloss_poll(call: &RawCall<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    if timed_out(call, emit) {
        return;
    }
    if let Some(list) = after(call, call.args[0], &ALL_READY) {
        emit(Item::element(Value::Object(list)));
    }
}

fn gloss_ppoll(call: &RawCall<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    gloss_poll(call, emit);
    if call.returned() != 0 {
        left(call, 2, &TIMESPEC, emit);
    }
}

fn gloss_ppoll_time64(call: &RawCall<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    gloss_poll(call, emit);
    if call.returned() != 0 {
        left(call, 2, &TIMESPEC64, emit);
    }
}

/// The sets that are not empty, and what is left of the time.
fn gloss_sets(call: &RawCall<'_>, time: &'static Type, emit: &mut dyn FnMut(Item<'_>)) {
    if timed_out(call, emit) {
        return;
    }
    let below = call.args[0] as u32;
    for (name, address) in ["in", "out", "except"].into_iter().zip(&call.args[1..4]) {
        let Some(set) = after(call, *address, &Type::Bits) else { continue };
        if !is_empty(set.bytes, below as usize) {
            emit(Item::member(name, Value::Bits(set.bytes, below)));
        }
    }
    left(call, 4, time, emit);
}

/// Whether a set has no number below this.
fn is_empty(set: &[u8], below: usize) -> bool {
    let whole = set.iter().take(below / 8).all(|byte| *byte == 0);
    whole && set.get(below / 8).is_none_or(|byte| byte & !(0xff << (below % 8)) == 0)
}

fn gloss_select(call: &RawCall<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    gloss_sets(call, &TIMEVAL, emit);
}

fn gloss_pselect(call: &RawCall<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    gloss_sets(call, &TIMESPEC, emit);
}

fn gloss_pselect_time64(call: &RawCall<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    gloss_sets(call, &TIMESPEC64, emit);
}

const fn ready(gloss: rstrace_core::describe::Gloss) -> Returned {
    Returned::Glossed(Width::I32, Meaning::Plain, gloss)
}

const FD_SET: Type = Type::Sized(Access::InAgain, &Type::FdSet, Length::BitsArg(0));

/// The arguments of `select`, and those of `pselect6`.
macro_rules! sets {
    ($time:ident $(, $more:expr)?) => {
        &[
            param("nfds", INT),
            param("readfds", FD_SET),
            param("writefds", FD_SET),
            param("exceptfds", FD_SET),
            param("timeout", Type::Pointer(Access::InAgain, &$time)),
            $($more)?
        ]
    };
}

/// `struct sel_arg_struct`: what 32-bit programs once pointed to with their one argument.
static OLD_SELECT: Indirect = Indirect {
    number: None,
    calls: &[Inner { number: 0, call: Is::Named("select"), args: &words_behind::<5>(0), result: None }],
    unknown: &[param("arg", ADDRESS)],
};

/// `struct epoll_event`, which is packed.
static EPOLL_EVENT: Type = Type::Custom(&Custom {
    size: 12,
    compat_size: 12,
    shape: Shape::Struct,
    parts: |event, _, emit| {
        let events = Flags { bits: event.number(0, Width::U32), set: &EPOLL };
        emit(Item::member("events", Value::Flags(events)));
        emit(Item::member("data", Value::Hex(event.number(4, Width::U64))));
    },
    nested: &[],
});

const EVENTS_OUT: Type = Type::List(Access::Out, &EPOLL_EVENT, Length::Returned);

const CTL: [Param; 3] = [param("epfd", FD), param("op", choice(&EPOLL_CTL)), param("fd", FD)];

/// What is to be deleted needs no event.
static BY_OPERATION: Cases = Cases {
    arg: 1,
    cases: &[Case {
        value: uapi::EPOLL_CTL_DEL as u32,
        params: &[CTL[0], CTL[1], CTL[2], param("event", ADDRESS)],
        result: None,
    }],
};

const WAIT: [Param; 3] = [param("epfd", FD), param("events", EVENTS_OUT), param("maxevents", INT)];

pub static SYSCALLS: &[Syscall] = &[
    call(
        "poll",
        DESC,
        &[param("fds", POLLED_LIST), param("nfds", UINT), param("timeout", INT)],
        ready(gloss_poll),
    ),
    call(
        "ppoll",
        DESC,
        &[
            param("fds", POLLED_LIST),
            param("nfds", UINT),
            param("tmo_p", Type::Pointer(Access::InAgain, &TIMESPEC)),
            param("sigmask", sigset(Access::In, 4)),
            param("sigsetsize", SIZE),
        ],
        ready(gloss_ppoll),
    ),
    call(
        "ppoll_time64",
        DESC,
        &[
            param("fds", POLLED_LIST),
            param("nfds", UINT),
            param("tmo_p", Type::Pointer(Access::InAgain, &TIMESPEC64)),
            param("sigmask", sigset(Access::In, 4)),
            param("sigsetsize", SIZE),
        ],
        ready(gloss_ppoll_time64),
    ),
    call("select", DESC, sets!(TIMEVAL), ready(gloss_select)).with_compat(&OLD_SELECT),
    call("_newselect", DESC, sets!(TIMEVAL), ready(gloss_select)),
    call("pselect6", DESC, sets!(TIMESPEC, param("sigmask", input(&SIGNALS_AND_SIZE))), ready(gloss_pselect)),
    call(
        "pselect6_time64",
        DESC,
        sets!(TIMESPEC64, param("sigmask", input(&SIGNALS_AND_SIZE))),
        ready(gloss_pselect_time64),
    ),
    call("epoll_create", DESC, &[param("size", INT)], RET_FD),
    call("epoll_create1", DESC, &[param("flags", flags(&EPOLL_CREATE))], RET_FD),
    call("epoll_ctl", DESC, &[CTL[0], CTL[1], CTL[2], param("event", input(&EPOLL_EVENT))], RET_INT)
        .by(&BY_OPERATION),
    call("epoll_wait", DESC, &[WAIT[0], WAIT[1], WAIT[2], param("timeout", INT)], RET_INT),
    call(
        "epoll_pwait",
        DESC,
        &[
            WAIT[0],
            WAIT[1],
            WAIT[2],
            param("timeout", INT),
            param("sigmask", sigset(Access::Out, 5)),
            param("sigsetsize", SIZE),
        ],
        RET_INT,
    ),
    call(
        "epoll_pwait2",
        DESC,
        &[
            WAIT[0],
            WAIT[1],
            WAIT[2],
            param("timeout", output(&TIMESPEC64)),
            param("sigmask", sigset(Access::Out, 5)),
            param("sigsetsize", SIZE),
        ],
        RET_INT,
    ),
    // numbers without a call
    call(
        "epoll_ctl_old",
        0,
        &[param("epfd", HEX), param("op", HEX), param("fd", HEX), param("event", HEX)],
        RET_INT,
    ),
    call(
        "epoll_wait_old",
        0,
        &[param("epfd", HEX), param("events", HEX), param("maxevents", HEX), param("timeout", HEX)],
        RET_INT,
    ),
    call("eventfd", DESC, &[param("initval", UINT)], RET_FD),
    call("eventfd2", DESC, &[param("initval", UINT), param("flags", flags(&EVENTFD))], RET_FD),
    call(
        "signalfd",
        DESC | SIGNAL,
        &[param("fd", FD), param("mask", sigset(Access::In, 2)), param("sizemask", SIZE)],
        RET_FD,
    ),
    call(
        "signalfd4",
        DESC | SIGNAL,
        &[
            param("fd", FD),
            param("mask", sigset(Access::In, 2)),
            param("sizemask", SIZE),
            param("flags", flags(&SIGNALFD)),
        ],
        RET_FD,
    ),
    call(
        "timerfd_create",
        DESC,
        &[param("clockid", choice(&CLOCKS)), param("flags", flags(&TIMERFD))],
        RET_FD,
    ),
    call(
        "timerfd_settime",
        DESC,
        &[
            param("fd", FD),
            param("flags", flags(&TIMERFD)),
            param("new_value", input(&ITIMERSPEC)),
            param("old_value", output(&ITIMERSPEC)),
        ],
        RET_INT,
    ),
    call(
        "timerfd_settime64",
        DESC,
        &[
            param("fd", FD),
            param("flags", flags(&TIMERFD)),
            param("new_value", input(&ITIMERSPEC64)),
            param("old_value", output(&ITIMERSPEC64)),
        ],
        RET_INT,
    ),
    call("timerfd_gettime", DESC, &[param("fd", FD), param("curr_value", output(&ITIMERSPEC))], RET_INT),
    call("timerfd_gettime64", DESC, &[param("fd", FD), param("curr_value", output(&ITIMERSPEC64))], RET_INT),
];

#[cfg(test)]
mod tests {
    use super::is_empty;

    #[test]
    fn bits_beyond_the_highest_descriptor_count_nothing() {
        let set = [0, 0b100];
        assert!(is_empty(&set, 10));
        assert!(!is_empty(&set, 11));
        assert!(is_empty(&set, 0));
        assert!(!is_empty(&set, 1000));
        assert!(is_empty(&[], 5));
    }
}
