//! What a user of the library and an output format see: typed, decoded, borrowed from the record.
//!
//! An event lives only as long as the call that hands it out; copy what is to be kept. Nothing here
//! says how a value is printed beyond what it *is*: that is the output's business.

use crate::flags::Flags;
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
    /// What happened.
    pub kind: EventKind<'a>,
}

/// What happened.
#[derive(Debug)]
pub enum EventKind<'a> {
    /// A pair: a call was entered and returned (or never will).
    Call(Call<'a>),
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
    /// Calls are missing in the stream at this place.
    Lost {
        /// How many.
        calls: u64,
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
    /// The result.
    pub outcome: Outcome<'a>,
    /// What else the probe knows: named facts that are no arguments.
    pub notes: &'a [Arg<'a>],
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
    /// A file descriptor.
    Fd(i32),
    /// A file descriptor of a directory, or `AT_FDCWD`.
    DirFd(i32),
    /// A set of flags.
    Flags(Flags),
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
    /// A structure.
    Struct {
        /// The fields that are known.
        fields: &'a [Arg<'a>],
        /// Bytes beyond the known structure that are not zero, with the offset of the first. No bytes: they
        /// could not be read.
        tail: Option<(usize, &'a [u8])>,
    },
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
