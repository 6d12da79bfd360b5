//! What a plug-in says: which pairs it wants, what to capture from each, and how to decode what comes back.

use rstrace_probes_bpf::layout;

use crate::event::{Abi, Call, Identity, Outcome, Value, text_of};
use crate::file::File;
pub use crate::memory::Memory;
use crate::memory::{At, Piece};

/// Arguments that a pair carries.
pub const MAX_ARGS: usize = 6;
/// Captures that a pair can ask for.
pub const MAX_CAPTURES: usize = 16;
/// The longest path with its terminator, in bytes.
pub const PATH_MAX: u32 = 4096;

/// A plug-in.
///
/// `pairs` is asked once, when a session starts; `decode` is called for every call that was seen, with the
/// index into what `pairs` returned.
pub trait Probe {
    /// The word after `-e`.
    fn name(&self) -> &'static str;
    /// One line for `--list`.
    fn summary(&self) -> &'static str;
    /// What happens to the same end but is none of its calls, and so is seen by no backend: a part of a sentence.
    fn unseen(&self) -> &'static str {
        ""
    }
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
    /// Other captures for calls where one argument has a certain value, as an `ioctl` has for its request.
    pub variants: Option<Variants>,
    /// What of the arguments is a path or a descriptor, for a filter of paths.
    pub accesses: Accesses,
}

/// Which arguments a call accesses files by, a bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Accesses {
    /// Addresses of paths.
    pub paths: u8,
    /// Descriptors.
    pub descriptors: u8,
}

/// Captures by the value of an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variants {
    /// The argument, from 0; its lower 32 bits count.
    pub arg: u8,
    /// The captures of each value; all others have those of the pair.
    pub captures: Vec<(u32, Vec<Capture>)>,
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
    /// Every system call that no other pair of the session names, in all tables.
    AnySyscall,
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

/// What to copy from the traced process.
///
/// A pair's captures are made in their order: one may follow an address, or take a count, from what an earlier
/// one brought at the same time (at entry, or at return).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capture {
    /// Where the address is.
    pub from: From,
    /// When it is read.
    pub when: When,
    /// What is there.
    pub what: What,
}

impl Capture {
    /// A path that the argument with this index points to.
    pub const fn path(arg: u8) -> Self {
        Self { from: From::Arg(arg), when: When::Entry, what: What::String { limit: PATH_MAX } }
    }

    /// So many bytes behind the argument with this index.
    pub const fn bytes(arg: u8, when: When, len: u32) -> Self {
        let what = What::Bytes { count: Count::Fixed, scale: len, add: 0, limit: len };
        Self { from: From::Arg(arg), when, what }
    }
}

/// Where the address of a capture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// In the argument with this index, from 0.
    Arg(u8),
    /// A member of what the capture with the index `of` brought: `size` (4 or 8) bytes at `offset`.
    Captured {
        /// Index of a capture of the same pair.
        of: u8,
        /// Bytes from its beginning, of a list from the beginning of the element.
        offset: u16,
        /// Bytes of an address in the traced process.
        size: u8,
    },
    /// What the call returned; of a [`What::File`] or [`What::Id`] only.
    Return,
}

/// When a capture is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// At entry; what is not resident then is read again at return.
    Entry,
    /// At entry and never later, because the call changes it.
    EntryOnly,
    /// At return, if the call did not fail.
    Return,
    /// At return, whatever it returned.
    ReturnAlways,
}

/// What a capture copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A C string in user memory.
    String {
        /// At most so many bytes, the terminator included.
        limit: u32,
    },
    /// `count * scale + add` bytes of user memory.
    Bytes {
        /// How many.
        count: Count,
        /// Bytes per count.
        scale: u32,
        /// Bytes besides.
        add: u32,
        /// At most so many bytes in all.
        limit: u32,
    },
    /// The next `body` captures, for each element of what the capture with the index `of` brought. May contain
    /// another one, no more.
    Each {
        /// Index of a capture of the same pair.
        of: u8,
        /// Bytes per element.
        stride: u32,
        /// How many captures that follow belong to it.
        body: u8,
        /// At most for so many elements.
        limit: u32,
    },
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
    /// The thread group id of the calling thread's parent, as 4 bytes; the address is not used.
    Parent,
    /// The calling thread's user id (the real one) as 4 bytes, and its name as 16, padded with zeros; the
    /// address is not used.
    Identity,
    /// Where the program goes on after the call: the instruction pointer, as 8 bytes; the address is not used.
    Pointer,
    /// The way from what a name is relative to, up to the root of the thread's mount namespace: see
    /// [`Way`](crate::way::Way). The address is not used.
    Base {
        /// The argument with the directory's descriptor; `None`: the working directory.
        directory: Option<u8>,
        /// The argument that is the name. An absolute one is relative to the thread's root directory.
        name: u8,
        /// A flag that makes the directory the root of absolute names.
        root_of_all: Option<FlagBehind>,
    },
    /// `count` bytes of user memory that go through a socket, at most `limit` of them; of a netlink socket, which
    /// a [`What::Socket`] before has found, whole messages.
    Message {
        /// How many.
        count: Count,
        /// Whether they are no more than the call returned.
        transferred: bool,
        /// At most so many bytes of sockets that are not netlink.
        limit: u32,
    },
    /// What socket the descriptor is that the argument says: see [`RawCall::socket`].
    Socket,
    /// What the descriptor is that stands where the address would: see [`RawCall::file`].
    File,
    /// What is behind the id that stands where the address would: see [`RawCall::identity`].
    Id(Ids),
    /// What each descriptor is whose bit is set in what another capture brought, words of 64 bits: as [`What::File`],
    /// of at most [`MAX_FILES`]. Where the address would stand, it says which capture that is.
    FdSet,
    /// Of the control messages that another capture brought, what each descriptor is that they pass, and what is behind
    /// the ids of those that they say are the senders; likewise.
    Control {
        /// Whether descriptors are looked up.
        files: bool,
        /// What is told of ids.
        ids: Ids,
    },
}

/// What is told of the ids of processes, threads and groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ids {
    /// The names of processes and threads.
    pub comm: bool,
    /// The ids in the initial PID namespace.
    pub initial: bool,
}

impl Ids {
    /// Whether anything is.
    pub fn are_told(self) -> bool {
        self.comm || self.initial
    }
}

/// So many descriptors of a set, or numbers in control messages, are looked up.
pub const MAX_FILES: u32 = 64;

/// A flag behind an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlagBehind {
    /// The argument that points to the structure.
    pub arg: u8,
    /// Where in it 8 bytes of flags are.
    pub offset: u32,
    /// The flag.
    pub mask: u32,
}

/// How many elements a capture of bytes has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// One.
    Fixed,
    /// As many as the argument with this index says, all its bits.
    Arg(u8),
    /// As many as the argument with this index says, an `int`: none if it is negative.
    IntArg(u8),
    /// As many as are needed for so many bits in words of 64.
    BitsArg(u8),
    /// As many as the argument with this index spans pages of 4096 bytes.
    PagesArg(u8),
    /// As many as the call returned.
    Return,
    /// As many as the argument with this index says; at return no more than the call returned.
    Transferred(u8),
    /// As many as a member of what the capture with the index `of` brought says.
    Captured {
        /// Index of a capture of the same pair.
        of: u8,
        /// Bytes from its beginning, of a list from the beginning of the element.
        offset: u16,
        /// Bytes of the member: 1, 2, 4 or 8.
        size: u8,
    },
    /// As many as are needed, in words of 64, for so many bits as a member of what the capture with the index `of`
    /// brought says.
    CapturedBits {
        /// Index of a capture of the same pair.
        of: u8,
        /// Bytes from its beginning.
        offset: u16,
        /// Bytes of the member: 1, 2, 4 or 8.
        size: u8,
    },
    /// As many bytes as the request of an `ioctl` (the second argument) encodes, if it says that the call reads
    /// them.
    IoctlIn,
    /// Likewise, if it says that the call writes them.
    IoctlOut,
}

/// What a capture brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload<'a> {
    /// The bytes; of a string without its terminator.
    Bytes(&'a [u8]),
    /// The first of the bytes: there were more than the capture's limit.
    Cut(&'a [u8]),
    /// What stands before the first byte that could not be read, if anything.
    Unreadable(&'a [u8]),
    /// The first of the bytes, if any: there was no room for more.
    NoRoom(&'a [u8]),
}

impl<'a> Payload<'a> {
    /// What could be had.
    pub fn bytes(self) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) | Self::Cut(bytes) | Self::Unreadable(bytes) | Self::NoRoom(bytes) => bytes,
        }
    }
}

/// A call as the kernel side reported it, before decoding.
pub struct RawCall<'a> {
    /// The place in the list that [`Probe::pairs`] returned.
    pub pair: usize,
    /// The pair's name, or of a function the one that was attached to.
    pub name: &'a str,
    /// The system call's number in the table of its `abi`; `u32::MAX` of a function.
    pub nr: u32,
    /// The calling convention that the thread used.
    pub abi: Abi,
    /// Entry time, `CLOCK_MONOTONIC` nanoseconds, if the entry was seen.
    pub entry_ns: Option<u64>,
    /// The arguments. Of a 32-bit call the upper halves are zero.
    pub args: [u64; MAX_ARGS],
    /// How it ended.
    pub end: End,
    /// What was captured.
    pub memory: Memory<'a>,
    /// The thread, in the initial PID namespace.
    pub tid: u32,
}

impl std::fmt::Debug for RawCall<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawCall").field("name", &self.name).field("args", &self.args).finish_non_exhaustive()
    }
}

/// A socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Socket {
    /// Its address family.
    pub family: u16,
    /// Its type.
    pub kind: u16,
    /// Its protocol.
    pub protocol: u16,
    /// Of a netlink socket: whether it has an address.
    pub bound: bool,
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
    /// No call: of what has something captured beside it.
    pub(crate) const fn none(memory: Memory<'a>) -> Self {
        Self {
            pair: 0,
            name: "",
            nr: u32::MAX,
            abi: Abi::Native,
            entry_ns: None,
            args: [0; MAX_ARGS],
            end: End::Unfinished,
            memory,
            tid: 0,
        }
    }

    /// What the capture with this index brought first; `None` if it was not made.
    pub fn payload(&self, capture: usize) -> Option<Payload<'a>> {
        self.memory.of_capture(capture)
    }

    /// What socket the descriptor in this argument is, if that was captured.
    pub fn socket(&self, arg: usize) -> Option<Socket> {
        // that of who calls is longer, and may stand at the address 0 too
        let bytes = <&[u8; 8]>::try_from(self.memory.made(*self.args.get(arg)?)?.bytes()).ok()?;
        let half = |i: usize| u16::from_ne_bytes([bytes[2 * i], bytes[2 * i + 1]]);
        Some(Socket { family: half(0), kind: half(1), protocol: half(2), bound: half(3) != 0 })
    }

    /// What the descriptor with this number was before the call, or is after it, if that was captured.
    pub fn file(&self, fd: i32, at: At) -> Option<File<'a>> {
        File::from_payload(self.looked_up(layout::DESCRIPTOR_TAG, fd, at)?)
    }

    /// What was behind this id before the call, or is after it, if that was captured and there was something: a
    /// process or thread, or, if it is negative, a group of processes. The id is one of the calling thread's PID
    /// namespace.
    pub fn identity(&self, id: i32, at: At) -> Option<Identity<'a>> {
        let (initial, comm) = self.looked_up(layout::ID_TAG, id, at)?.split_first_chunk()?;
        let initial = u32::from_ne_bytes(*initial);
        let identity = Identity {
            comm: (!comm.is_empty()).then(|| text_of(comm)),
            initial: (initial != 0 && initial != id.unsigned_abs()).then_some(initial),
        };
        (identity.comm.is_some() || identity.initial.is_some()).then_some(identity)
    }

    /// Likewise of the id of a group or session, of which no name is told.
    pub fn identity_of_group(&self, id: i32, at: At) -> Option<Identity<'a>> {
        let initial = self.identity(id, at)?.initial?;
        Some(Identity { comm: None, initial: Some(initial) })
    }

    /// What was found out of a number at a moment.
    fn looked_up(&self, tag: u64, number: i32, at: At) -> Option<&'a [u8]> {
        let address = tag | u64::from(number as u32);
        // what failed has changed nothing, should only its return have been seen
        let meant = |piece: &Piece<'_>| piece.at == at || (at == At::Entry && !self.succeeded());
        let piece = self.memory.pieces().find(|p| p.made && p.address == address && meant(p))?;
        match piece.payload {
            Payload::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Whether it returned, and that is no error code of a system call.
    pub fn succeeded(&self) -> bool {
        matches!(self.end, End::Returned(value) if !(-4095..0).contains(&value))
    }

    /// What it returned, or 0.
    pub fn returned(&self) -> i64 {
        match self.end {
            End::Returned(value) => value,
            End::Died | End::Unfinished => 0,
        }
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
