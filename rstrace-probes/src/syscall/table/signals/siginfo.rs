//! `siginfo_t`: what it says depends on who sent the signal, and on the signal (`sigaction(2)`).

use rstrace_core::describe::{
    Constants, Custom, Item, Named, Nested, Notation, Object, Shape, Struct, Type, Width, field,
};
use rstrace_core::event::{Abi, Comment, Value};
use rstrace_core::flags::Choices;

use super::super::errors::ERROR;
use crate::numbers;
use crate::syscall::table::ptrace::ARCHITECTURES;
use crate::syscall::types::{FD, PID, choices};
use crate::uapi::*;

/// `siginfo_t` where a program has it; with the signal 0 it says nothing.
pub static SIGINFO: Type = Type::Struct(&Struct::of(&[
    field("", Type::Custom(&info(Shape::Bare))).only_if(|info| info.number(SIGNO, Width::I32) != 0)
]));

/// `siginfo_t` of a signal that the kernel tells of.
pub static KERNEL_SIGINFO: Type = Type::Custom(&info(Shape::Struct));

const fn info(shape: Shape) -> Custom {
    Custom {
        size: 128,
        compat_size: 128,
        shape,
        parts,
        nested: &[Nested { offset: [16, 12], ty: PID }, Nested { offset: [24, 16], ty: FD }],
    }
}

// Where the members are that all have.
const SIGNO: usize = 0;
const ERRNO: usize = 4;
const CODE: usize = 8;

const SENDERS: Choices = choices!("", SI_USER SI_KERNEL SI_QUEUE SI_TIMER SI_MESGQ SI_ASYNCIO SI_SIGIO SI_TKILL
    SI_DETHREAD SI_ASYNCNL);

/// The codes of each signal that has its own.
static CODES: &[(u64, Choices)] = &[
    (
        SIGILL,
        choices!("", ILL_ILLOPC ILL_ILLOPN ILL_ILLADR ILL_ILLTRP ILL_PRVOPC ILL_PRVREG ILL_COPROC ILL_BADSTK
        ILL_BADIADDR),
    ),
    (SIGTRAP, choices!("", TRAP_BRKPT TRAP_TRACE TRAP_BRANCH TRAP_HWBKPT TRAP_UNK TRAP_PERF)),
    (SIGBUS, choices!("", BUS_ADRALN BUS_ADRERR BUS_OBJERR BUS_MCEERR_AR BUS_MCEERR_AO)),
    (
        SIGFPE,
        choices!("", FPE_INTDIV FPE_INTOVF FPE_FLTDIV FPE_FLTOVF FPE_FLTUND FPE_FLTRES FPE_FLTINV FPE_FLTSUB
        FPE_FLTUNK FPE_CONDTRAP),
    ),
    (
        SIGSEGV,
        choices!("", SEGV_MAPERR SEGV_ACCERR SEGV_BNDERR SEGV_PKUERR SEGV_ACCADI SEGV_ADIDERR SEGV_ADIPERR
        SEGV_MTEAERR SEGV_MTESERR SEGV_CPERR),
    ),
    (SIGCHLD, choices!("", CLD_EXITED CLD_KILLED CLD_DUMPED CLD_TRAPPED CLD_STOPPED CLD_CONTINUED)),
    (SIGIO, choices!("", POLL_IN POLL_OUT POLL_MSG POLL_ERR POLL_PRI POLL_HUP)),
    (SIGSYS, choices!("", SYS_SECCOMP SYS_USER_DISPATCH)),
];

/// The members behind the ones that all have, by where they stand: 32-bit programs have narrower words.
struct Members<'a> {
    object: &'a Object<'a>,
    /// Where they begin.
    base: usize,
    /// Bytes of an address.
    word: usize,
}

impl<'a> Members<'a> {
    fn of(object: &'a Object<'a>) -> Self {
        match object.call.abi {
            Abi::Native => Self { object, base: 16, word: 8 },
            Abi::Compat32 => Self { object, base: 12, word: 4 },
        }
    }

    fn u32(&self, offset: usize) -> u32 {
        self.object.number(self.base + offset, Width::U32) as u32
    }

    fn word(&self, offset: usize) -> u64 {
        self.object.number(self.base + offset, Width::Word)
    }

    /// `union sigval`, which follows two numbers of 32 bits.
    fn value(&self, emit: &mut dyn FnMut(Item<'_>)) {
        emit(Item::member("si_int", Value::Int(i64::from(self.u32(8) as i32))));
        emit(Item::member("si_ptr", Value::Address(self.word(8))));
    }

    fn sender(&self, emit: &mut dyn FnMut(Item<'_>)) {
        emit(Item::member("si_pid", self.object.id_at(self.base)));
        let uid = match self.u32(4) {
            u32::MAX => Value::Int(-1),
            uid => Value::Unsigned(uid.into()),
        };
        emit(Item::member("si_uid", uid));
    }

    fn sender_and_value(&self, emit: &mut dyn FnMut(Item<'_>)) {
        self.sender(emit);
        if self.word(8) != 0 {
            self.value(emit);
        }
    }

    fn timer(&self, emit: &mut dyn FnMut(Item<'_>)) {
        emit(Item::member("si_timerid", Value::Hex(self.u32(0).into())));
        emit(Item::member("si_overrun", Value::Int(i64::from(self.u32(4) as i32))));
        self.value(emit);
    }

    fn band(&self, emit: &mut dyn FnMut(Item<'_>)) {
        let band = self.object.number(self.base, Width::SignedWord);
        emit(Item::member("si_band", Value::Int(band as i64)));
        let fd = self.u32(self.word) as i32;
        emit(Item::member("si_fd", Value::Fd(fd, self.object.call.file(fd, self.object.at))));
    }

    fn fault(&self, signal: u64, code: u64, emit: &mut dyn FnMut(Item<'_>)) {
        emit(Item::member("si_addr", Value::Address(self.word(0))));
        match (signal, code) {
            (SIGBUS, BUS_MCEERR_AR | BUS_MCEERR_AO) => {
                let lsb = self.object.number(self.base + self.word, Width::U16);
                emit(Item::member("si_addr_lsb", Value::Hex(lsb)));
            }
            (SIGSEGV, SEGV_BNDERR) => {
                emit(Item::member("si_lower", Value::Address(self.word(2 * self.word))));
                emit(Item::member("si_upper", Value::Address(self.word(3 * self.word))));
            }
            (SIGSEGV, SEGV_PKUERR) => {
                emit(Item::member("si_pkey", Value::Unsigned(self.u32(2 * self.word).into())));
            }
            _ => {}
        }
    }

    fn child(&self, code: u64, emit: &mut dyn FnMut(Item<'_>)) {
        self.sender(emit);
        let status = i64::from(self.u32(8) as i32);
        let status = if code == CLD_EXITED { Value::Int(status) } else { Value::Signal(status) };
        emit(Item::member("si_status", status));
        for (name, offset) in [("si_utime", 8 + self.word), ("si_stime", 8 + 2 * self.word)] {
            let ticks = self.word(offset);
            let plain = Value::Unsigned(ticks);
            let seconds = Value::Commented(&plain, Comment::Written(ticks, write_seconds));
            emit(Item::member(name, if ticks == 0 { plain } else { seconds }));
        }
    }

    fn system_call(&self, emit: &mut dyn FnMut(Item<'_>)) {
        emit(Item::member("si_call_addr", Value::Address(self.word(0))));
        let (number, architecture) = (self.u32(self.word), u64::from(self.u32(self.word + 4)));
        let plain = Value::Unsigned(number.into());
        let other = Value::Commented(&plain, Comment::Written(number.into(), write_compat_name));
        let number = match architecture {
            AUDIT_ARCH_X86_64 if numbers::native_name(number).is_some() => {
                Value::Named(number.into(), &NATIVE_CALL)
            }
            AUDIT_ARCH_I386 if numbers::compat_name(number).is_some() => other,
            _ => plain,
        };
        emit(Item::member("si_syscall", number));
        emit(Item::member("si_arch", Value::Choice(architecture, &ARCHITECTURES)));
    }
}

fn parts(object: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    let signal = object.number(SIGNO, Width::I32);
    if signal == 0 {
        return;
    }
    let code = object.number(CODE, Width::I32);
    let error = object.number(ERRNO, Width::U32);
    let own = CODES.iter().find(|(of, _)| *of == signal).map(|(_, codes)| codes);
    let named = own.filter(|codes| codes.name(code).is_some());
    emit(Item::member("si_signo", Value::Signal(signal as i64)));
    let code_value = match named.or(SENDERS.name(code).map(|_| &SENDERS)) {
        Some(names) => Value::Choice(code, names),
        None => Value::Hex(code & 0xffff_ffff),
    };
    emit(Item::member("si_code", code_value));
    if error != 0 {
        emit(Item::member("si_errno", Value::Named(error, &ERROR)));
    }
    let members = Members::of(object);
    match code {
        SI_USER | SI_TKILL => members.sender(emit),
        SI_TIMER => members.timer(emit),
        SI_SIGIO => members.band(emit),
        code if (code as i64) < 0 => members.sender_and_value(emit),
        code => match signal {
            SIGILL | SIGTRAP | SIGBUS | SIGFPE | SIGSEGV => members.fault(signal, code, emit),
            SIGCHLD => members.child(code, emit),
            SIGIO if named.is_some() => members.band(emit),
            SIGIO => {}
            SIGSYS => members.system_call(emit),
            _ if members.u32(0) == 0 && members.u32(4) == 0 && members.word(8) == 0 => {}
            _ => members.sender_and_value(emit),
        },
    }
}

/// Clock ticks, a hundred of which are a second (`USER_HZ`).
fn write_seconds(out: &mut Notation<'_>, ticks: u64) {
    if out.constants() != Constants::Raw {
        out.push_text(&format!("{}.{:02} s", ticks / 100, ticks % 100));
    }
}

static NATIVE_CALL: Named = Named::int(write_native_call);

fn write_native_call(out: &mut Notation<'_>, number: u64) {
    out.extend_from_slice(b"__NR_");
    out.extend_from_slice(numbers::native_name(number as u32).unwrap_or("???").as_bytes());
}

fn write_compat_name(out: &mut Notation<'_>, number: u64) {
    out.extend_from_slice(numbers::compat_name(number as u32).unwrap_or("???").as_bytes());
}
