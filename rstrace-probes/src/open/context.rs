//! The `open` probe with more than the calls themselves: who made them, and the whole path of the name that was
//! passed. What stands in the call is decoded as without.

use std::cell::RefCell;

use rstrace_core::Probe;
use rstrace_core::describe::Limits;
use rstrace_core::event::{Arg, Call, Value};
use rstrace_core::flags::{FlagSet, Flags};
use rstrace_core::probe::{Capture, FlagBehind, From, Pair, Payload, RawCall, What, When};
use rstrace_core::way::{Standing, Way};

use super::{SUMMARY, THROUGH, UNSEEN_BY_ALL};
use crate::syscall::Described;
use crate::uapi;

/// What is told beside the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// Notes [`COMM`] and [`UID`].
    Identity,
    /// Besides, [`FULL_PATH`] and [`STANDING`].
    FullPath,
}

/// The note of the thread's name.
pub const COMM: &str = "comm";
/// The note of the thread's real user id.
pub const UID: &str = "uid";
/// The note of the absolute path: of the name as it was passed, in the mount namespace of the thread. Nothing in it is
/// resolved: symbolic links and `..` stand as they were passed. Not there if the name could not be read or is empty.
pub const FULL_PATH: &str = "full_path";
/// The note of how much [`FULL_PATH`] is worth: a set of [`STANDINGS`].
pub const STANDING: &str = "standing";

/// The directory that a name is relative to has been deleted.
pub const DELETED: u64 = 1;
/// It is not mounted in the thread's namespace: the path begins where its mount does.
pub const DETACHED: u64 = 2;
/// The beginning, or the end, of the path is missing.
pub const CUT: u64 = 4;
/// There is no such directory: the descriptor is of no file.
pub const UNKNOWN: u64 = 8;

/// The names of the above.
pub static STANDINGS: FlagSet = FlagSet {
    choice: None,
    names: &[(DELETED, "deleted"), (DETACHED, "detached"), (CUT, "cut"), (UNKNOWN, "unknown")],
    unknown: "",
};

/// Notes at most: one for each of the above names.
const NOTES: usize = 4;

/// The capture of the name, by its index.
const NAME: usize = 0;

/// The probe.
#[derive(Debug)]
pub struct Opens {
    calls: Described,
    context: Context,
    /// By pair, the index of the first capture that is ours.
    ours: Vec<usize>,
    /// The memory of full paths, used again and again.
    path: RefCell<Vec<u8>>,
}

impl Opens {
    /// The probe for some of the family's calls.
    pub fn only(calls: &[&str], context: Context) -> Self {
        let limits = Limits { whole_lists: true, ..Limits::of_length(u32::MAX) };
        let calls = Described::probe("open", SUMMARY, calls, limits, THROUGH);
        let ours = calls.pairs().iter().map(|pair| pair.captures.len()).collect();
        Self { calls, context, ours, path: RefCell::default() }
    }

    fn notes<'a>(
        &self,
        call: &RawCall<'a>,
        path: &'a mut Vec<u8>,
        notes: &mut [Arg<'a>; NOTES],
    ) -> Option<usize> {
        let first = *self.ours.get(call.pair)?;
        let mut len = 0;
        let mut push = |name, value| {
            notes[len] = Arg::new(name, value);
            len += 1;
        };
        if let Some(Payload::Bytes(identity)) = call.payload(first)
            && let Some((uid, comm)) = identity.split_first_chunk::<4>()
        {
            let end = comm.iter().position(|byte| *byte == 0).unwrap_or(comm.len());
            push(COMM, Value::Path { bytes: &comm[..end], cut: false });
            push(UID, Value::Unsigned(u32::from_ne_bytes(*uid).into()));
        }
        let (name, cut) = match call.payload(NAME) {
            Some(Payload::Bytes(name)) => (name, false),
            Some(Payload::Cut(name)) => (name, true),
            _ => (&[][..], false),
        };
        if self.context == Context::FullPath && !name.is_empty() {
            let absolute = name.starts_with(b"/");
            let way = match call.payload(first + 1).map(|payload| Way::from_payload(payload.bytes())) {
                // else the name has changed since
                Some(way) if absolute || !way.is_of_root() => way,
                _ => Way::unknown(),
            };
            way.write(path);
            if !absolute {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            let standing = match way.standing() {
                Standing::Whole => 0,
                Standing::Deleted => DELETED,
                Standing::Detached => DETACHED,
                Standing::Cut => CUT,
                Standing::Nothing => UNKNOWN,
            };
            push(FULL_PATH, Value::Path { bytes: path, cut });
            push(STANDING, Value::Flags(Flags { bits: standing, set: &STANDINGS }));
        }
        Some(len)
    }
}

/// The captures for a call: of the thread, and of what its name is relative to.
fn captures(context: Context, call: &str) -> Vec<Capture> {
    let at = call != "open" && call != "creat";
    let name = u8::from(at);
    let capture = |what| Capture { from: From::Arg(name), when: When::Entry, what };
    let mut captures = vec![capture(What::Identity)];
    if context == Context::FullPath {
        // `resolve` is the third member of `struct open_how`
        let flag = FlagBehind { arg: name + 1, offset: 16, mask: uapi::RESOLVE_IN_ROOT as u32 };
        let root_of_all = (call == "openat2").then_some(flag);
        captures.push(capture(What::Base { directory: at.then_some(0), name, root_of_all }));
    }
    captures
}

impl Probe for Opens {
    fn name(&self) -> &'static str {
        self.calls.name()
    }

    fn summary(&self) -> &'static str {
        self.calls.summary()
    }

    fn unseen(&self) -> &'static str {
        UNSEEN_BY_ALL
    }

    fn pairs(&self) -> Vec<Pair> {
        let mut pairs = self.calls.pairs();
        for pair in &mut pairs {
            pair.captures.extend(captures(self.context, pair.name));
        }
        pairs
    }

    fn decode(&self, call: &RawCall<'_>, emit: &mut dyn FnMut(&Call<'_>)) {
        let mut path = self.path.take();
        path.clear();
        let mut notes = [Arg::new("", Value::Int(0)); NOTES];
        let len = self.notes(call, &mut path, &mut notes).unwrap_or(0);
        self.calls.decode_with(call, &notes[..len], emit);
        self.path.replace(path);
    }
}
