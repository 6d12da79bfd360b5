//! What a plug-in says: which pairs it wants, what to capture from each, and how to decode what comes back.

use crate::event::{Abi, Call, Outcome, Value};

/// Arguments that a pair carries.
pub const MAX_ARGS: usize = 6;
/// Captures that a pair can ask for.
pub const MAX_CAPTURES: usize = 6;
/// The most bytes that one capture of a string or buffer brings, the terminator included: `PATH_MAX`.
pub const MAX_CAPTURE_LEN: u32 = 4096;

/// A plug-in.
///
/// `pairs` is asked once, when a session starts; `decode` is called for every call that was seen, with the
/// index into what `pairs` returned.
pub trait Probe {
    /// The word after `-e`.
    fn name(&self) -> &'static str;
    /// One line for `--list`.
    fn summary(&self) -> &'static str;
    /// What to attach to. The place in this list is the [`RawCall::pair`] of its calls.
    fn pairs(&self) -> Vec<Pair>;
    /// Decodes one call and hands it to `emit`, once.
    fn decode(&self, call: &RawCall<'_>, emit: &mut dyn FnMut(&Call<'_>));
}

/// One function seen at its entry and at its return.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The name under which it is known: the syscall's, or the newest of the function's names.
    pub name: &'static str,
    /// What it is attached to.
    pub hook: Hook,
    /// What to copy; the place in this list is the index for [`RawCall::payload`].
    pub captures: Vec<Capture>,
}

impl Pair {
    /// Whether a capture is a vector, which is read when a new program is about to replace the old one.
    pub(crate) fn has_vectors(&self) -> bool {
        self.captures.iter().any(|capture| matches!(capture.what, What::Strings | What::PointerCount))
    }
}

/// What a pair is attached to.
#[derive(Debug, Clone)]
pub enum Hook {
    /// A system call. Its arguments are the six registers as the program set them.
    Syscall {
        /// Its number in the kernel's own table, if it is there.
        native: Option<u32>,
        /// Its number in the 32-bit compatibility table, if it is there.
        compat: Option<u32>,
        /// Kernel functions, newest name first, that carry it out whole: attached to instead of the
        /// system call where that is cheaper. Empty if there is none.
        through: &'static [&'static str],
        /// What those functions return: in some kernels an `int` where the call's result is as wide as a register.
        returns: Returns,
        /// What those functions do not see, for the documentation that a user asks the machine for.
        unseen: &'static str,
    },
    /// A kernel function by its candidate names, newest first. Its arguments are the function's own.
    Function {
        /// The names.
        names: &'static [&'static str],
        /// What it returns.
        returns: Returns,
    },
}

/// The type of a function's result: of a narrower one the register's upper half means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returns {
    /// `int`.
    Int,
    /// `long`, a pointer, or anything as wide.
    Long,
}

/// What to copy from the traced process for one argument.
#[derive(Debug, Clone, Copy)]
pub struct Capture {
    /// Which argument holds the address, from 0.
    pub arg: u8,
    /// When it is read.
    pub when: When,
    /// What is there.
    pub what: What,
}

/// When a capture is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// At entry; what is not resident then is read again at return.
    Entry,
    /// At return.
    Return,
}

/// What a capture copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A C string in user memory, up to [`MAX_CAPTURE_LEN`] bytes.
    String,
    /// This many bytes of user memory, at most [`MAX_CAPTURE_LEN`].
    Bytes(u32),
    /// As many bytes of user memory as another argument says times `scale`, at most [`MAX_CAPTURE_LEN`].
    BytesByArg {
        /// The argument that holds the count, from 0.
        count: u8,
        /// Bytes per count.
        scale: u32,
    },
    /// As many bytes of user memory as the call returned, at most [`MAX_CAPTURE_LEN`].
    BytesByReturn,
    /// A `NULL`-terminated vector of C strings in user memory, uncut, in numbered parts.
    /// Read when a new program is about to replace the old one, or when that failed. `execve` only.
    Strings,
    /// The number of pointers before the terminating `NULL` of a vector. Read as [`What::Strings`] is.
    ///
    /// 16 bytes: the count as a `u64` of the host's byte order, then a `u64` of flags. Bit 0: memory ended
    /// before a `NULL` was found.
    PointerCount,
    /// A C string in kernel memory whose address is the member `field` of the `record` that the argument points to.
    KernelString {
        /// The structure's name, as BTF has it.
        record: &'static str,
        /// The member's name.
        field: &'static str,
    },
    /// The thread group id of the calling thread's parent, as 4 bytes; `arg` is not used.
    Parent,
}

/// What a capture brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload<'a> {
    /// The bytes; of a string without its terminator.
    Bytes(&'a [u8]),
    /// The first of the bytes: there were more than can be captured.
    Cut(&'a [u8]),
    /// Nothing: the memory could not be read.
    Unreadable,
}

/// A call as the kernel side reported it, before decoding.
pub trait Payloads {
    /// What the capture with this index brought; `None` if it was not made.
    fn payload(&self, capture: usize) -> Option<Payload<'_>>;
}

/// A call as the kernel side reported it, before decoding.
pub struct RawCall<'a> {
    /// The place in the list that [`Probe::pairs`] returned.
    pub pair: usize,
    /// The pair's name, or of a function the one that was attached to.
    pub name: &'a str,
    /// The calling convention that the thread used.
    pub abi: Abi,
    /// Entry time, `CLOCK_MONOTONIC` nanoseconds, if the entry was seen.
    pub entry_ns: Option<u64>,
    /// The arguments. Of a 32-bit call the upper halves are zero.
    pub args: [u64; MAX_ARGS],
    /// How it ended.
    pub end: End,
    /// What was captured.
    pub payloads: &'a dyn Payloads,
}

impl std::fmt::Debug for RawCall<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawCall").field("name", &self.name).field("args", &self.args).finish_non_exhaustive()
    }
}

/// How a call ended, before its result is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It returned this.
    Returned(i64),
    /// The thread died inside it.
    Died,
    /// Tracing ended before it returned.
    Unfinished,
}

impl<'a> RawCall<'a> {
    /// What the capture with this index brought; `None` if it was not made.
    pub fn payload(&self, capture: usize) -> Option<Payload<'a>> {
        self.payloads.payload(capture)
    }

    /// The outcome of a system call or of a function that follows its convention (-4095 to -1 are errors):
    /// `success` gives a result its meaning.
    pub fn outcome(&self, success: impl FnOnce(i64) -> Value<'a>) -> Outcome<'a> {
        match self.end {
            End::Returned(code @ (-516 | -514..=-512)) => Outcome::Restart(-code as i32),
            End::Returned(code @ -4095..=-1) => Outcome::Failed(-code as i32),
            End::Returned(value) => Outcome::Returned(success(value)),
            End::Died => Outcome::Died,
            End::Unfinished => Outcome::Unfinished,
        }
    }
}
