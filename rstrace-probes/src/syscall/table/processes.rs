//! Processes being made, waited for and ended.

use std::io::Write;

use rstrace_core::describe::{
    Access, Case, Cases, Custom, Item, Length, Meaning, Named, Nested, Object, Param, Shape, Struct, Syscall,
    Type, Width, field, param, param_if,
};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet, Flags};
use rstrace_core::memory::At;
use rstrace_core::probe::RawCall;

use super::sched::RUSAGE;
use super::signals::SIGINFO;
use crate::syscall::classes::{DESC, PROCESS, SIGNAL as SIGNALS};
use crate::syscall::types::*;
use crate::uapi;

static CLONE: FlagSet = set!("CLONE_???", CLONE_VM CLONE_FS CLONE_FILES CLONE_SIGHAND CLONE_PIDFD CLONE_PTRACE
    CLONE_VFORK CLONE_PARENT CLONE_THREAD CLONE_NEWNS CLONE_SYSVSEM CLONE_SETTLS CLONE_PARENT_SETTID
    CLONE_CHILD_CLEARTID CLONE_UNTRACED CLONE_CHILD_SETTID CLONE_NEWCGROUP CLONE_NEWUTS CLONE_NEWIPC CLONE_NEWUSER
    CLONE_NEWPID CLONE_NEWNET CLONE_IO);

static CLONE3: FlagSet = set!("CLONE_???", CLONE_VM CLONE_FS CLONE_FILES CLONE_SIGHAND CLONE_PIDFD CLONE_PTRACE
    CLONE_VFORK CLONE_PARENT CLONE_THREAD CLONE_NEWNS CLONE_SYSVSEM CLONE_SETTLS CLONE_PARENT_SETTID
    CLONE_CHILD_CLEARTID CLONE_UNTRACED CLONE_CHILD_SETTID CLONE_NEWCGROUP CLONE_NEWUTS CLONE_NEWIPC CLONE_NEWUSER
    CLONE_NEWPID CLONE_NEWNET CLONE_IO CLONE_NEWTIME CLONE_CLEAR_SIGHAND CLONE_INTO_CGROUP CLONE_AUTOREAP CLONE_NNP
    CLONE_PIDFD_AUTOKILL CLONE_EMPTY_MNTNS);

static UNSHARE: FlagSet = set!("CLONE_???", CLONE_NEWTIME CLONE_VM CLONE_FS CLONE_FILES CLONE_SIGHAND CLONE_THREAD
    CLONE_NEWNS CLONE_SYSVSEM CLONE_NEWCGROUP CLONE_NEWUTS CLONE_NEWIPC CLONE_NEWUSER CLONE_NEWPID CLONE_NEWNET);

static SETNS: FlagSet = set!("CLONE_NEW???", CLONE_NEWTIME CLONE_NEWNS CLONE_NEWCGROUP CLONE_NEWUTS CLONE_NEWIPC
    CLONE_NEWUSER CLONE_NEWPID CLONE_NEWNET);

static WAIT: FlagSet = set!("W???", WNOHANG WEXITED WSTOPPED WCONTINUED WNOWAIT __WCLONE __WALL __WNOTHREAD);

static WAIT_FOR: Choices = choices!("P_???", P_ALL P_PID P_PGID P_PIDFD);

static PIDFD_OPEN: FlagSet = set!("PIDFD_???", PIDFD_NONBLOCK PIDFD_THREAD);

static PIDFD_SIGNAL: FlagSet = set!("PIDFD_SIGNAL_???", PIDFD_SIGNAL_THREAD PIDFD_SIGNAL_THREAD_GROUP
    PIDFD_SIGNAL_PROCESS_GROUP);

static ADVICE: Choices = choices!("MADV_???", MADV_WILLNEED MADV_COLD MADV_PAGEOUT MADV_COLLAPSE);

static KCMP: Choices = choices!("KCMP_???", KCMP_FILE KCMP_VM KCMP_FILES KCMP_FS KCMP_SIGHAND KCMP_IO KCMP_SYSVSEM
    KCMP_EPOLL_TFD);

/// Signals by name; those of real time have none here.
static SIGNAL_NAMES: Choices = choices!("", SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL
    SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE SIGALRM SIGTERM SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG
    SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO SIGPWR SIGSYS);

static EVENTS: Choices = choices!("", PTRACE_EVENT_FORK PTRACE_EVENT_VFORK PTRACE_EVENT_CLONE PTRACE_EVENT_EXEC
    PTRACE_EVENT_VFORK_DONE PTRACE_EVENT_EXIT PTRACE_EVENT_SECCOMP PTRACE_EVENT_STOP);

/// `SIGKILL`, `SIGRTMIN`, `SIGRT_1`; a number that is no signal is itself.
pub(super) fn write_signal(out: &mut Notation<'_>, number: u64) {
    // writing to a vector cannot fail
    let _ = match number {
        32 => write!(out, "SIGRTMIN"),
        33..=64 => write!(out, "SIGRT_{}", number - 32),
        _ => match SIGNAL_NAMES.name(number) {
            Some(name) => write!(out, "{name}"),
            None => write!(out, "{number}"),
        },
    };
}

/// The flags of `clone`, and the signal in their lowest byte.
fn write_clone_flags(out: &mut Notation<'_>, flags: u64) {
    let (bits, signal) = clone_parts(flags);
    if bits != 0 || signal == 0 {
        write_clone_bits(out, bits);
    }
    if signal != 0 {
        out.extend_from_slice(if bits != 0 { b"|" } else { b"" });
        Named::unsigned(write_signal).write(out, signal);
    }
}

/// The flags, and the signal that the child ends with.
fn clone_parts(flags: u64) -> (u64, u64) {
    /// `CSIGNAL` of `sched.h`.
    const SIGNAL_MASK: u64 = 0xff;
    (flags & !SIGNAL_MASK, flags & SIGNAL_MASK)
}

fn write_clone_bits(out: &mut Notation<'_>, bits: u64) {
    Flags { bits, set: &CLONE }.write(out);
}

/// What `wait4` stores: `{WIFEXITED(s) && WEXITSTATUS(s) == 3}`, with what no macro of `wait.h` looks at behind it.
fn write_wait_status(out: &mut Notation<'_>, status: u64) {
    /// Where an event of ptrace begins.
    const EVENT: u32 = 16;
    /// What PTRACE_O_TRACESYSGOOD adds to the signal.
    const SYSGOOD: u64 = 0x80;
    let (low, high) = (status & 0xff, status >> 8 & 0xff);
    let mut rest = status & !0xffff;
    // writing to a vector cannot fail
    let _ = match (low, high) {
        (0xff, 0xff) => write!(out, "{{WIFCONTINUED(s)"),
        (0x7f, _) => {
            let _ = write!(out, "{{WIFSTOPPED(s) && WSTOPSIG(s) == ");
            write_signal(out, high & !SYSGOOD);
            write!(out, "{}", if high & SYSGOOD != 0 { " | 0x80" } else { "" })
        }
        (0, _) => write!(out, "{{WIFEXITED(s) && WEXITSTATUS(s) == {high}"),
        _ => {
            let _ = write!(out, "{{WIFSIGNALED(s) && WTERMSIG(s) == ");
            write_signal(out, low & 0x7f);
            rest |= high << 8;
            write!(out, "{}", if low & 0x80 != 0 { " && WCOREDUMP(s)" } else { "" })
        }
    };
    out.push(b'}');
    if rest == 0 {
        return;
    }
    out.push(b'|');
    if low == 0x7f && EVENTS.name(rest >> EVENT).is_some() {
        EVENTS.write(out, rest >> EVENT);
        let _ = write!(out, "<<{EVENT}");
    } else {
        let _ = write!(out, "{rest:#x}");
    }
}

static STATUS: Type = Type::Number(Width::U32, Meaning::Written(write_wait_status));

static STATUS_OUT: Type = output(&STATUS);
static RUSAGE_OUT: Type = output(&RUSAGE);

/// Who is waited for: a process by its id or by a descriptor, or others by a number of their own.
const WAITED_FOR: Type = Type::Either(|call| call.args[0] as u32 == uapi::P_PID as u32, &PID, &WAITED_BY_FD);
static WAITED_BY_FD: Type =
    Type::Either(|call| call.args[0] as u32 == uapi::P_PIDFD as u32, &FD, &WAITED_GROUP);
static WAITED_GROUP: Type = Type::Either(|call| call.args[0] as u32 == uapi::P_PGID as u32, &PGID, &INT);

fn found_one(call: &RawCall<'_>) -> bool {
    call.succeeded() && call.returned() > 0
}

/// What is stored of a child that was found; of none it is an address.
const fn of_child(ty: &'static Type) -> Type {
    Type::Either(found_one, ty, &ADDRESS)
}

/// `struct clone_args`, as it is read.
static CLONE_ARGS: Type = Type::Struct(
    &Struct::of(&[
        field("flags", flags64(&CLONE3)),
        field("pidfd", ADDRESS64).only_if(|args| has(args, uapi::CLONE_PIDFD)),
        field("child_tid", ADDRESS64)
            .only_if(|args| has(args, uapi::CLONE_CHILD_SETTID | uapi::CLONE_CHILD_CLEARTID)),
        field("parent_tid", ADDRESS64).only_if(|args| has(args, uapi::CLONE_PARENT_SETTID)),
        field("exit_signal", Type::Number(Width::U64, Meaning::Named(&Named::unsigned(write_signal)))),
        field("stack", ADDRESS64),
        field("stack_size", HEX64),
        field("tls", ADDRESS64).only_if(|args| has(args, uapi::CLONE_SETTLS)),
        field("set_tid", Type::Custom(&SET_TID)).only_if(has_tids),
        field("set_tid_size", U64).only_if(has_tids),
        field("cgroup", U64).only_if(|args| {
            has(args, uapi::CLONE_INTO_CGROUP) || args.number(clone_args::CGROUP, Width::U64) != 0
        }),
    ])
    .growing_from(uapi::CLONE_ARGS_SIZE_VER0 as usize),
);

/// Where members of `struct clone_args` stand that something else depends on.
mod clone_args {
    pub(super) const FLAGS: usize = 0;
    pub(super) const PIDFD: usize = 8;
    pub(super) const PARENT_TID: usize = 24;
    pub(super) const SET_TID: usize = 64;
    pub(super) const SET_TID_SIZE: usize = 72;
    pub(super) const CGROUP: usize = 80;
}

const ADDRESS64: Type = Type::Number(Width::U64, Meaning::Address);

fn has(args: &Object<'_>, flags: u64) -> bool {
    args.number(clone_args::FLAGS, Width::U64) & flags != 0
}

fn has_tids(args: &Object<'_>) -> bool {
    [clone_args::SET_TID, clone_args::SET_TID_SIZE].iter().any(|place| args.number(*place, Width::U64) != 0)
}

/// More than the kernel has levels of PID namespaces: such a list is not even read.
const MAX_TIDS: u64 = 32;

static TIDS: Type = Type::List(Access::In, &INT, Length::Member(clone_args::SET_TID_SIZE as u8));

static SET_TID: Custom = Custom {
    size: 8,
    compat_size: 8,
    shape: Shape::Bare,
    parts: |object, _, emit| {
        let address = object.number(0, Width::U64);
        let size = object.address.wrapping_add((clone_args::SET_TID_SIZE - clone_args::SET_TID) as u64);
        let count = object.call.memory.bytes(size, 8, object.at).and_then(|bytes| bytes.first_chunk());
        let count = count.map_or(0, |bytes| u64::from_ne_bytes(*bytes));
        let list = object.call.memory.from(address, object.at).filter(|_| count <= MAX_TIDS);
        let bytes = list.map_or(&[][..], |payload| payload.bytes());
        emit(Item::element(if bytes.len() < 4 {
            Value::Address(address)
        } else {
            Value::Object(Object { ty: &TIDS, bytes, address, count, unreadable: true, ..*object })
        }));
    },
    nested: &[],
};

/// What `clone3` is given, and what it stores where that says.
static CLONE3_ARGS: Type = Type::Custom(&Custom {
    // of a longer structure so much is looked at
    size: 4096,
    compat_size: 4096,
    shape: Shape::Bare,
    parts: |object, _, emit| {
        if object.bytes.len() < uapi::CLONE_ARGS_SIZE_VER0 as usize {
            return;
        }
        let before = Value::Object(Object { ty: &CLONE_ARGS, ..*object });
        let stored = Object { ty: &CLONE3_STORED, at: At::Return, ..*object };
        let mut any = false;
        if object.call.succeeded() {
            stored.parts(false, &mut |_| any = true);
        }
        let after = Value::Object(stored);
        emit(Item::element(if any { Value::Change(&before, &after) } else { before }));
    },
    nested: &[
        Nested { offset: [clone_args::PIDFD as u16; 2], ty: output(&FD) },
        Nested { offset: [clone_args::PARENT_TID as u16; 2], ty: output(&PID) },
        Nested { offset: [clone_args::SET_TID as u16; 2], ty: TIDS },
    ],
});

static CLONE3_STORED: Type = Type::Custom(&Custom {
    size: 88,
    compat_size: 88,
    shape: Shape::Struct,
    parts: |object, _, emit| {
        for (flag, name, place, ty) in [
            (uapi::CLONE_PIDFD, "pidfd", clone_args::PIDFD, &FD_NUMBER),
            (uapi::CLONE_PARENT_SETTID, "parent_tid", clone_args::PARENT_TID, &PID_NUMBER),
        ] {
            let stored = object.behind(object.number(place, Width::U64), ty);
            if let Some(stored) = stored.filter(|_| has(object, flag)) {
                emit(Item::member(name, Value::Object(stored)));
            }
        }
    },
    nested: &[],
});

static FD_NUMBER: Type = FD;
static PID_NUMBER: Type = PID;

/// `struct iovec` of another process, or that another process fills in.
static IOVEC_THERE: Type = Type::Struct(&Struct::of(&[field("iov_base", ADDRESS), field("iov_len", SIZE)]));

/// `struct iovec` of which so much was filled in as the call returned, the vectors before it first.
static IOVEC_FILLED: Type = Type::Custom(&Custom {
    size: 16,
    compat_size: 8,
    shape: Shape::Struct,
    parts: |object, _, emit| {
        let (base, len) = (object.address_at(0), object.address_at(object.bytes.len() / 2));
        let before = filled_before(object);
        let filled = u64::try_from(object.call.returned()).unwrap_or(0).saturating_sub(before).min(len);
        let bytes = object.call.memory.from(base, At::Return).map_or(&[][..], |payload| payload.bytes());
        let shown = &bytes[..bytes.len().min(usize::try_from(filled).unwrap_or(usize::MAX))];
        emit(Item::member(
            "iov_base",
            match (base, filled) {
                (0, _) => Value::Address(0),
                (_, 1..) if shown.is_empty() => Value::Address(base),
                _ => Value::Text { bytes: shown, more: (shown.len() as u64) < filled, whole: false },
            },
        ));
        emit(Item::member("iov_len", Value::Unsigned(len)));
    },
    nested: &[Nested { offset: [0, 0], ty: Type::Buffer(Access::Out, Length::Member(8)) }],
});

/// How many bytes the vectors before this one hold.
fn filled_before(object: &Object<'_>) -> u64 {
    let (size, start) = (object.bytes.len().max(1), object.call.args[1]);
    let ahead = usize::try_from(object.address.wrapping_sub(start)).unwrap_or(0);
    let vectors = object.call.memory.bytes(start, ahead, object.at).unwrap_or(&[]);
    let lengths = vectors.chunks_exact(size).map(|vector| Object { bytes: vector, ..*object });
    lengths.fold(0, |sum: u64, vector| sum.saturating_add(vector.address_at(size / 2)))
}

const fn vectors(access: Access, ty: &'static Type, count: u8) -> Type {
    Type::List(access, ty, Length::Arg(count))
}

static FILLED: Type = vectors(Access::Out, &IOVEC_FILLED, 2);
static NOT_FILLED: Type = vectors(Access::In, &IOVEC_THERE, 2);

const RESUMED: Type = Type::Number(
    Width::Word,
    Meaning::Written(|out, _| out.extend_from_slice(b"<... resuming interrupted system call ...>")),
);

static KCMP_SLOT: Type =
    Type::Struct(&Struct::of(&[field("efd", INT), field("tfd", INT), field("toff", UINT)]));

const KCMP_PIDS: [Param; 3] = [param("pid1", PID), param("pid2", PID), param("type", choice(&KCMP))];

const fn kcmp(value: u64, params: &'static [Param]) -> Case {
    Case { value: value as u32, params, result: None }
}

static KCMP_CASES: Cases = Cases {
    arg: 2,
    cases: &[
        kcmp(
            uapi::KCMP_FILE,
            &[KCMP_PIDS[0], KCMP_PIDS[1], KCMP_PIDS[2], param("idx1", INT), param("idx2", INT)],
        ),
        kcmp(uapi::KCMP_VM, &KCMP_PIDS),
        kcmp(uapi::KCMP_FILES, &KCMP_PIDS),
        kcmp(uapi::KCMP_FS, &KCMP_PIDS),
        kcmp(uapi::KCMP_SIGHAND, &KCMP_PIDS),
        kcmp(uapi::KCMP_IO, &KCMP_PIDS),
        kcmp(uapi::KCMP_SYSVSEM, &KCMP_PIDS),
        kcmp(
            uapi::KCMP_EPOLL_TFD,
            &[KCMP_PIDS[0], KCMP_PIDS[1], KCMP_PIDS[2], param("idx1", INT), param("idx2", input(&KCMP_SLOT))],
        ),
    ],
};

/// What `clone` stores where its third argument says: a descriptor of the child, or its id.
const STORED_BY_CLONE: Type =
    Type::Either(|call| clone_has(call, uapi::CLONE_PIDFD), &output(&FD), &output(&PID));

fn clone_has(call: &RawCall<'_>, flags: u64) -> bool {
    call.args[0] & flags != 0
}

pub static SYSCALLS: &[Syscall] = &[
    call(
        "clone",
        PROCESS,
        &[
            param("child_stack", ADDRESS).in_register(1, 1).with_name(),
            param("flags", Type::Number(Width::Word, Meaning::Written(write_clone_flags)))
                .in_register(0, 0)
                .with_name(),
            param_if("parent_tid", STORED_BY_CLONE, |call| {
                clone_has(call, uapi::CLONE_PARENT_SETTID | uapi::CLONE_PIDFD)
            })
            .with_name(),
            param_if("tls", ADDRESS, |call| clone_has(call, uapi::CLONE_SETTLS))
                .in_register(4, 3)
                .with_name(),
            param_if("child_tidptr", ADDRESS, |call| {
                clone_has(call, uapi::CLONE_CHILD_SETTID | uapi::CLONE_CHILD_CLEARTID)
            })
            .in_register(3, 4)
            .with_name(),
        ],
        RET_PID,
    ),
    call(
        "clone3",
        PROCESS,
        &[param("cl_args", Type::Sized(Access::InOut, &CLONE3_ARGS, Length::Arg(1))), param("size", SIZE)],
        RET_PID,
    ),
    call("fork", PROCESS, &[], RET_PID),
    call("vfork", PROCESS, &[], RET_PID),
    call("exit", PROCESS, &[param("status", INT)], RET_INT),
    call("exit_group", PROCESS, &[param("status", INT)], RET_INT),
    call(
        "wait4",
        PROCESS,
        &[
            param("pid", PID),
            param("status", of_child(&STATUS_OUT)),
            param("options", flags(&WAIT)),
            param("usage", of_child(&RUSAGE_OUT)),
        ],
        RET_PID,
    ),
    call(
        "waitpid",
        PROCESS,
        &[param("pid", PID), param("status", of_child(&STATUS_OUT)), param("options", flags(&WAIT))],
        RET_PID,
    ),
    call(
        "waitid",
        PROCESS,
        &[
            param("which", choice(&WAIT_FOR)),
            param("upid", WAITED_FOR),
            param("infop", output(&SIGINFO)),
            param("options", flags(&WAIT)),
            param("usage", output(&RUSAGE)),
        ],
        RET_INT,
    ),
    call("pidfd_open", DESC, &[param("pid", PID), param("flags", flags(&PIDFD_OPEN))], RET_FD),
    call("pidfd_getfd", DESC, &[param("pidfd", FD), param("targetfd", INT), param("flags", HEX32)], RET_FD),
    call(
        "pidfd_send_signal",
        DESC | PROCESS | SIGNALS,
        &[
            param("pidfd", FD),
            param("sig", SIGNAL),
            param("info", input(&SIGINFO)),
            param("flags", flags(&PIDFD_SIGNAL)),
        ],
        RET_INT,
    ),
    call("set_tid_address", 0, &[param("tidptr", ADDRESS)], RET_INT),
    call(
        "process_vm_readv",
        0,
        &[
            param("pid", PID),
            param("local_iov", Type::Either(|call| call.succeeded(), &FILLED, &NOT_FILLED)),
            param("liovcnt", ULONG),
            param("remote_iov", vectors(Access::In, &IOVEC_THERE, 4)),
            param("riovcnt", ULONG),
            param("flags", ULONG),
        ],
        RET_LONG,
    ),
    call(
        "process_vm_writev",
        0,
        &[
            param("pid", PID),
            param("local_iov", vectors(Access::In, &IOVEC_IN, 2)),
            param("liovcnt", ULONG),
            param("remote_iov", vectors(Access::In, &IOVEC_THERE, 4)),
            param("riovcnt", ULONG),
            param("flags", ULONG),
        ],
        RET_LONG,
    ),
    call(
        "process_madvise",
        DESC,
        &[
            param("pidfd", FD),
            param("vec", vectors(Access::In, &IOVEC_THERE, 2)),
            param("vlen", SIZE),
            param("advice", choice(&ADVICE)),
            param("flags", HEX32),
        ],
        RET_LONG,
    ),
    call("process_mrelease", DESC, &[param("pidfd", FD), param("flags", HEX32)], RET_INT),
    Syscall {
        name: "kcmp",
        classes: 0,
        params: &[KCMP_PIDS[0], KCMP_PIDS[1], KCMP_PIDS[2], param("idx1", HEX), param("idx2", HEX)],
        result: RET_INT,
        cases: Some(&KCMP_CASES),
        indirect: None,
    },
    call("unshare", 0, &[param("flags", flags(&UNSHARE))], RET_INT),
    call("setns", DESC, &[param("fd", FD), param("nstype", flags(&SETNS))], RET_INT),
    call("restart_syscall", 0, &[param("", RESUMED)], RET_LONG),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: fn(&mut Notation<'_>, u64), number: u64) -> String {
        let mut out = Vec::new();
        write(&mut Notation::plain(&mut out), number);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn what_wait_stores() {
        for (status, text) in [
            (0x300, "{WIFEXITED(s) && WEXITSTATUS(s) == 3}"),
            (0x86, "{WIFSIGNALED(s) && WTERMSIG(s) == SIGABRT && WCOREDUMP(s)}"),
            (0x28, "{WIFSIGNALED(s) && WTERMSIG(s) == SIGRT_8}"),
            (0x137f, "{WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP}"),
            (0x857f, "{WIFSTOPPED(s) && WSTOPSIG(s) == SIGTRAP | 0x80}"),
            (0x6057f, "{WIFSTOPPED(s) && WSTOPSIG(s) == SIGTRAP}|PTRACE_EVENT_EXIT<<16"),
            (0xffff, "{WIFCONTINUED(s)}"),
        ] {
            assert_eq!(written(write_wait_status, status), text);
        }
    }

    #[test]
    fn flags_of_clone_end_with_a_signal() {
        for (flags, text) in [
            (0, "0"),
            (17, "SIGCHLD"),
            (0x4011, "CLONE_VFORK|SIGCHLD"),
            (0x4089, "CLONE_VFORK|137"),
            (0x4000, "CLONE_VFORK"),
        ] {
            assert_eq!(written(write_clone_flags, flags), text);
        }
    }
}
