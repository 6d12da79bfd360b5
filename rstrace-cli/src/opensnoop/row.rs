//! An open as the outputs need it: the call's arguments and notes by their meaning.

use rstrace_core::event::{Arg, Call, Event, Outcome, Value};
use rstrace_core::flags::Flags;
use rstrace_probes::open::context;
use rstrace_probes::open::{CREAT_FLAGS, takes_mode};

/// An open.
#[derive(Debug)]
pub struct Row<'a> {
    /// When it returned, `CLOCK_MONOTONIC` nanoseconds.
    pub time_ns: u64,
    /// When it was entered, if that was seen.
    pub entry_ns: Option<u64>,
    /// The process.
    pub pid: u32,
    /// The thread.
    pub tid: u32,
    /// The thread's real user id.
    pub uid: u32,
    /// The thread's name.
    pub comm: &'a [u8],
    /// The system call.
    pub syscall: &'a str,
    /// How it ended.
    pub end: End,
    /// The flags, if they are known.
    pub flags: Option<Flags>,
    /// The mode, if the flags ask for one.
    pub mode: Option<u64>,
    /// The name as it was passed.
    pub name: Name<'a>,
    /// The name as an absolute path, if it is asked for and known.
    pub full_path: Option<FullPath<'a>>,
}

/// How an open ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With this descriptor.
    Opened(i32),
    /// With this errno, or a code of the kernel's by which the call begins anew.
    Failed(i32),
    /// It did not return: the thread died in it, or tracing ended.
    Never,
}

/// A name as it was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name<'a> {
    /// The bytes; `cut` if there are more than the kernel reads.
    Read {
        /// The bytes.
        bytes: &'a [u8],
        /// Whether there are more.
        cut: bool,
    },
    /// It could not be read at this address.
    Address(u64),
}

/// A name as an absolute path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FullPath<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// What is wrong with it: bits of [`context::STANDINGS`].
    pub standing: u64,
}

impl<'a> Row<'a> {
    /// From an event and its call.
    pub fn new(event: &Event<'_>, call: &Call<'a>) -> Self {
        let arg = |name: &str| find(call.args, name);
        let how = |member| match arg("how") {
            Some(Value::Object(how)) => how.member(member),
            _ => None,
        };
        let flags = match arg("flags") {
            Some(Value::Flags(flags)) => Some(flags),
            _ if call.name == "creat" => Some(CREAT_FLAGS),
            _ => how("flags").map(|bits| Flags { bits, set: CREAT_FLAGS.set }),
        };
        let mode = match arg("mode") {
            Some(Value::Mode(mode)) => Some(mode),
            _ => how("mode"),
        };
        let note = |name: &str| find(call.notes, name);
        let standing = match note(context::STANDING) {
            Some(Value::Flags(flags)) => flags.bits,
            _ => 0,
        };
        Self {
            time_ns: event.time_ns,
            entry_ns: call.entry_ns,
            pid: event.tgid,
            tid: event.tid,
            uid: match note(context::UID) {
                Some(Value::Unsigned(uid)) => uid as u32,
                _ => u32::MAX,
            },
            comm: match note(context::COMM) {
                Some(Value::Path { bytes, .. }) => bytes,
                _ => b"?",
            },
            syscall: call.name,
            end: match call.outcome {
                Outcome::Returned(Value::Fd(fd, _)) => End::Opened(fd),
                Outcome::Failed(code) | Outcome::Restart(code) => End::Failed(code),
                _ => End::Never,
            },
            flags,
            mode: mode.filter(|mode| *mode != 0 || flags.is_some_and(|flags| takes_mode(flags.bits))),
            name: match arg("pathname") {
                Some(Value::Path { bytes, cut }) => Name::Read { bytes, cut },
                Some(Value::Address(address)) => Name::Address(address),
                _ => Name::Address(0),
            },
            full_path: match note(context::FULL_PATH) {
                Some(Value::Path { bytes, cut }) => {
                    Some(FullPath { bytes, standing: standing | if cut { context::CUT } else { 0 } })
                }
                _ => None,
            },
        }
    }
}

fn find<'a>(args: &[Arg<'a>], name: &str) -> Option<Value<'a>> {
    args.iter().find(|arg| arg.name == name).map(|arg| arg.value)
}
