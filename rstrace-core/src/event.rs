//! What a user of the library and an output format see: typed, decoded, borrowed from the record.
//!
//! An event lives only as long as the call that hands it out; copy what is to be kept. Nothing here
//! says how a value is printed beyond what it *is*: that is the output's business.

use crate::describe::{Object, Type};
use crate::file::File;
use crate::flags::{Choices, Flags, Packed};
use crate::memory::{self, At, Memory, Piece};
use crate::probe::RawCall;
use crate::stacks::Stack;
use crate::strings::Strings;

/// One thing that happened in a traced thread.
#[derive(Debug)]
pub struct Event<'a> {
    /// Thread group, the "process id" of user space. In the initial PID namespace.
    pub tgid: u32,
    /// Thread. In the initial PID namespace.
    pub tid: u32,
    /// When it happened (of a call: when it returned), `CLOCK_MONOTONIC` nanoseconds.
    pub time_ns: u64,
    /// Who made the call, if this is one and the session was asked, see [`Options::callers`](crate::Options::callers).
    pub caller: Option<Caller<'a>>,
    /// The instruction pointer of the thread, if this is a call or a signal, the session was asked, see
    /// [`Options::pointers`](crate::Options::pointers), and it was known.
    pub pointer: Option<u64>,
    /// The user stack that a call was made from, when it has ended, see [`Options::stacks`](crate::Options::stacks).
    pub stack: Option<&'a Stack>,
    /// The thread's name when it happened, of a call when it was entered; of a call it is known if the session was
    /// asked for callers.
    pub name: Option<&'a [u8]>,
    /// What happened.
    pub kind: EventKind<'a>,
}

/// Who made a call, as it was when the call was entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller<'a> {
    /// The real user id, in the initial user namespace.
    pub uid: u32,
    /// The thread's name, as `/proc/PID/task/TID/comm` has it: without the terminator.
    pub comm: &'a [u8],
}

impl<'a> Caller<'a> {
    /// From what [`What::Identity`](crate::probe::What::Identity) brought.
    pub(crate) fn from_payload(bytes: &'a [u8]) -> Option<Self> {
        let (uid, comm) = bytes.split_first_chunk::<4>()?;
        Some(Self { uid: u32::from_ne_bytes(*uid), comm: text_of(comm) })
    }
}

/// What stands before the first zero.
pub(crate) fn text_of(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    &bytes[..end]
}

/// What happened.
#[derive(Debug)]
pub enum EventKind<'a> {
    /// A pair: a call was entered and returned (or never will).
    Call(&'a Call<'a>),
    /// A call was entered and has not returned; its outcome is [`Outcome::Unfinished`]. Only for sinks that ask, see
    /// [`Sink::overdue`](crate::Sink::overdue): the call itself is told when it returns.
    Entered(&'a Call<'a>),
    /// The thread made a new thread or process.
    Fork {
        /// The new thread's id.
        child: u32,
    },
    /// The thread executed a new program.
    Exec {
        /// The id that the thread had before: another than `tid` if it was not its group's leader.
        old_tid: u32,
    },
    /// The thread ended.
    Exit {
        /// How, as `wait(2)` tells it.
        status: WaitStatus,
        /// Whether it was the last thread of its group.
        last: bool,
    },
    /// The process executed a new program and is traced no more, see
    /// [`Options::let_go`](crate::Options::let_go). Its execve came before, with the outcome
    /// [`Outcome::Unfinished`].
    LetGo,
    /// A signal for the thread.
    Signal(Signal),
    /// Calls are missing in the stream at this place.
    Lost {
        /// How many.
        calls: u64,
    },
}

/// A signal.
#[derive(Debug, Clone, Copy)]
pub struct Signal {
    /// Its number.
    pub number: u8,
    /// How far it came.
    pub stage: SignalStage,
    /// Its `siginfo_t`.
    pub info: SignalInfo,
}

/// The `siginfo_t` of a signal, as far as it was captured. To be kept as long as one likes.
#[derive(Debug, Clone, Copy)]
pub struct SignalInfo {
    ty: &'static Type,
    bytes: [u8; Self::LEN],
    len: u8,
    /// The payload of what is behind the id in it, if there is one: so many of these words.
    identity: [u64; 5],
    identity_len: u8,
}

impl SignalInfo {
    /// Bytes that are captured: all that a signal can say.
    const LEN: usize = 48;

    /// These bytes of a structure of that type.
    pub fn new(ty: &'static Type, info: &[u8]) -> Self {
        let mut bytes = [0; Self::LEN];
        let len = info.len().min(Self::LEN);
        bytes[..len].copy_from_slice(&info[..len]);
        Self { ty, bytes, len: len as u8, identity: [0; 5], identity_len: 0 }
    }

    /// Likewise, with what is behind the id that is in it.
    pub(crate) fn with_identity(mut self, piece: &Piece<'_>) -> Self {
        let encoded = memory::encode(std::slice::from_ref(piece));
        let words = encoded.words();
        if let Some(place) = self.identity.get_mut(..words.len()) {
            place.copy_from_slice(words);
            self.identity_len = words.len() as u8;
        }
        self
    }

    /// Without what is behind the id in it, if that is this id: whose it was is gone.
    pub fn forget_identity(&mut self, id: i32) {
        // the second word of a payload's head is its address
        if self.identity[1] as u32 == id as u32 {
            self.identity_len = 0;
        }
    }

    /// Shows what it says; nothing if it could not be read.
    pub fn show(&self, show: impl FnOnce(Value<'_>)) {
        let payload = memory::bytes_of(&self.identity[..usize::from(self.identity_len)]);
        let call = RawCall::none(Memory::of_bytes(payload));
        show(Value::Object(Object::alone(self.ty, &self.bytes[..usize::from(self.len)], &call)));
    }
}

/// How far a signal came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalStage {
    /// It was sent to the thread or its group, and waits. Another event follows if it is delivered.
    Sent,
    /// It was sent to the thread, which ignores it: it will never be delivered.
    Ignored,
    /// The thread is about to act on it. A signal that kills is delivered as `SIGKILL`.
    Delivered {
        /// Whether it does what the signal does by default: no handler catches it.
        default: bool,
    },
}

/// How a thread ended, decoded from the kernel's `task_struct.exit_code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitStatus {
    /// It exited with this code (0 to 255).
    Exited(u8),
    /// It was killed by this signal.
    Signaled {
        /// Signal number.
        signal: u8,
        /// Whether a core was dumped.
        core: bool,
    },
}

/// A call, decoded.
#[derive(Debug)]
pub struct Call<'a> {
    /// The name under which it is shown: the syscall's or the function's.
    pub name: &'a str,
    /// The calling convention that the thread used.
    pub abi: Abi,
    /// When it was entered, `CLOCK_MONOTONIC` nanoseconds; `None` if only its return was seen
    /// (a call that seccomp refused, or one that was under way when tracing began).
    pub entry_ns: Option<u64>,
    /// The arguments, in the order of the call.
    pub args: &'a [Arg<'a>],
    /// How many of them, from the first on, are known when the call is entered: those before any that it writes.
    pub at_entry: usize,
    /// The result.
    pub outcome: Outcome<'a>,
    /// What else the probe knows: named facts that are no arguments.
    pub notes: &'a [Arg<'a>],
    /// The registers and numbers that it was decoded from; `None` if the probe does not say.
    pub raw: Option<&'a RawCall<'a>>,
    /// What the result stands for, if the probe says.
    pub gloss: Option<Glossed<'a>>,
    /// Whether structures and lists are shown whole.
    pub whole: bool,
    /// What went through a descriptor, if its dump was asked for.
    pub data: &'a [Buffer<'a>],
}

/// A piece of what a call read or wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buffer<'a> {
    /// Its bytes, as far as they were captured.
    pub bytes: &'a [u8],
    /// How many there are.
    pub len: u64,
    /// Its place in a list of buffers, if it is in one.
    pub place: Option<u32>,
    /// The number of buffers in the message that it begins, and that message's place in a list of them.
    pub message: Option<(u32, u32)>,
}

/// What the result of a call stands for.
#[derive(Debug, Clone, Copy)]
pub struct Glossed<'a> {
    /// The call.
    pub call: &'a RawCall<'a>,
    /// Says it.
    pub gloss: crate::describe::Gloss,
}

/// The calling convention of a syscall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Abi {
    /// The kernel's own (64-bit).
    Native,
    /// 32-bit, by the compatibility table (`int 0x80` on x86-64).
    Compat32,
}

/// A named value.
#[derive(Debug, Clone, Copy)]
pub struct Arg<'a> {
    /// The name, as the man page or the structure has it.
    pub name: &'static str,
    /// The value.
    pub value: Value<'a>,
    /// Whether the name is always shown with it.
    pub named: bool,
    /// What the program passed: the register, or two of them as one number where an argument takes two. `None` of
    /// what is no argument of its own.
    pub raw: Option<u64>,
}

impl<'a> Arg<'a> {
    /// A value of which the place says what it is.
    pub const fn new(name: &'static str, value: Value<'a>) -> Self {
        Self { name, value, named: false, raw: None }
    }
}

/// How a call ended.
#[derive(Debug, Clone, Copy)]
pub enum Outcome<'a> {
    /// It returned this.
    Returned(Value<'a>),
    /// It failed with this errno (positive).
    Failed(i32),
    /// A signal interrupted it; the kernel-internal code says how it goes on (512, 513, 514 or 516).
    Restart(i32),
    /// The thread died inside it.
    Died,
    /// Tracing ended before it returned.
    Unfinished,
}

/// What is behind an id, as far as that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity<'a> {
    /// The name of the process or thread: groups have none.
    pub comm: Option<&'a [u8]>,
    /// The id in the initial PID namespace, if it is another one there.
    pub initial: Option<u32>,
}

/// A value with its meaning.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// A signed number.
    Int(i64),
    /// An unsigned number.
    Unsigned(u64),
    /// A number shown in hex; zero is `0`.
    Hex(u64),
    /// An address in the traced process; zero is `NULL`.
    Address(u64),
    /// A file descriptor, and what it is if that was asked for and the descriptor is open.
    Fd(i32, Option<File<'a>>),
    /// A file descriptor of a directory, or `AT_FDCWD`; likewise.
    DirFd(i32, Option<File<'a>>),
    /// The id of a process or thread, or of a group of them, and what is behind it if that was asked for and there is
    /// something.
    Pid(i32, Option<Identity<'a>>),
    /// A set of flags.
    Flags(Flags),
    /// A set of flags with numbers among them.
    Packed(u64, &'static Packed),
    /// Permission bits, shown in octal. As wide as `struct open_how` has them.
    Mode(u64),
    /// A path without its terminator.
    Path {
        /// The bytes.
        bytes: &'a [u8],
        /// Whether the kernel's limit (`PATH_MAX`) cut it.
        cut: bool,
    },
    /// Bytes that are shown in hex.
    HexBytes(&'a [u8]),
    /// Bytes that are shown in hex, whatever their number.
    WholeHexBytes {
        /// The bytes.
        bytes: &'a [u8],
        /// Whether there are more in the process.
        more: bool,
    },
    /// One of several named values.
    Choice(u64, &'static Choices),
    /// A signal's number.
    Signal(i64),
    /// A number with a notation of its own.
    Written(u64, crate::describe::Writer),
    /// A number with a name.
    Named(u64, &'static crate::describe::Named),
    /// Bytes with a notation of their own.
    WrittenBytes(&'a [u8], crate::describe::BytesWriter),
    /// The name of a socket that is no path.
    AbstractName(&'a [u8]),
    /// What should be here but is not.
    Missing,
    /// Bytes that are shown as text.
    Text {
        /// The bytes; of a C string without the terminator.
        bytes: &'a [u8],
        /// Whether there are more in the process.
        more: bool,
        /// Whether they are shown whatever their number, as a name of fixed size is.
        whole: bool,
    },
    /// Bytes that are shown as text; the last one that would be shown is not, if it is zero.
    Terminated {
        /// The bytes.
        bytes: &'a [u8],
        /// Whether there are more in the process.
        more: bool,
    },
    /// A structure, a list, or something else that has parts.
    Object(Object<'a>),
    /// An object that the call may have changed.
    Changing(Object<'a>),
    /// A value before and after the call.
    Change(&'a Value<'a>, &'a Value<'a>),
    /// The call that goes on, by its name.
    Resuming(&'static str),
    /// A set of numbers, a bit each; those that are less than this.
    Bits(&'a [u8], u32),
    /// Likewise, of descriptors; the call says what they were at this moment, if that was asked for.
    FdSet(&'a [u8], u32, &'a RawCall<'a>, At),
    /// A set of signals, a bit each from 1.
    Signals(u64),
    /// There are more parts; they could not be read from this address on, if there is one.
    More(Option<u64>),
    /// Bytes beyond the known structure with the offset of the first; none: they could not be read.
    Tail(usize, &'a [u8]),
    /// Two parts of one number: `A|B`.
    Joined(&'a Value<'a>, &'a Value<'a>),
    /// A date: seconds since 1970 and nanoseconds.
    Date(i64, u32),
    /// A value and what it means besides.
    Commented(&'a Value<'a>, Comment),
    /// A vector of strings, such as `argv`.
    Strings(Strings<'a>),
    /// A vector of pointers of which only the number is known, such as `envp`.
    Counted {
        /// Where it is.
        address: u64,
        /// How many elements stand before the terminating `NULL`.
        count: u64,
        /// Whether memory ended before a `NULL` was found.
        unterminated: bool,
    },
}

/// What is said besides of a value.
#[derive(Debug, Clone, Copy)]
pub enum Comment {
    /// The date that it stands for: seconds since 1970 and nanoseconds.
    Date(i64, u32),
    /// Likewise, and microseconds.
    DateInMicroseconds(i64, u32),
    /// What a function writes of a number.
    Written(u64, crate::describe::Writer),
}

impl Comment {
    /// The date of a time stamp: none if it is zero, or if the nanoseconds are too many for one.
    pub fn of_stamp(seconds: i64, nanoseconds: u64) -> Option<Self> {
        let is_stamp = (seconds, nanoseconds) != (0, 0) && nanoseconds < 1_000_000_000;
        is_stamp.then_some(Self::Date(seconds, nanoseconds as u32))
    }
}
