//! User stacks: the kernel side captures the top of a stack and the registers, this unwinds it by the files that the
//! process had mapped then, and names the functions.

mod events;
mod files;
mod space;
mod unwind;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Once;

use crate::error::Result;
use events::{Change, Events};
use files::Files;
pub use files::{Function, SourceLine};
use space::{Place, Space, snapshot};
use unwind::Registers;

/// Where the code segment stands in `struct pt_regs`.
const CS: usize = 17;
/// That of 64-bit programs (`__USER_CS`, asm/segment.h), and of 32-bit ones.
const USER_CS: u64 = 0x33;
const USER32_CS: u64 = 0x23;

/// A frame of a user stack.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The file that its code is from, as the traced process knows it; `None` if the address is in no known mapping.
    pub file: Option<Rc<[u8]>>,
    /// The functions, the innermost first: more than one where some were inlined. None if that can't be told.
    pub functions: Rc<[Function]>,
    /// Where the code goes on: the offset in the file, without one the address in memory.
    pub offset: u64,
    /// Behind the beginning of the outermost function.
    pub in_function: u64,
}

/// Why a stack has no more frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StackEnd {
    /// There are none.
    Bottom,
    /// There may be more beyond what was captured, or what is there was not resident.
    NotCaptured,
    /// How the last frame was called can't be told.
    Unknown,
    /// It is a 32-bit program's, which can't be unwound.
    Compat32,
    /// There are too many.
    TooMany,
    /// The program that is to be traced had not begun: the tracer's child was about to execute it.
    NotBegun,
}

/// A user stack.
#[derive(Debug, Clone)]
pub struct Stack {
    /// The frames, the innermost first.
    pub frames: Vec<Frame>,
    /// What is behind the last one.
    pub end: StackEnd,
}

impl Stack {
    /// A stack of which nothing is known.
    pub(crate) const NONE: Self = Self { frames: Vec::new(), end: StackEnd::NotCaptured };
}

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs what reads files and stacks of the traced program; `None` if it panicked. Whatever they hold, it is no reason to
/// end, nor to say anything.
fn guarded<T>(read: impl FnOnce() -> T) -> Option<T> {
    GUARDED.set(true);
    let result = catch_unwind(AssertUnwindSafe(read)).ok();
    GUARDED.set(false);
    result
}

/// What is known of the target's mappings.
pub(crate) struct Stacks(RefCell<State>);

struct State {
    events: Events,
    /// Of each process its address spaces, the latest last.
    processes: HashMap<u32, Vec<Space>>,
    /// The processes that are traced, if no others can join them.
    only: Option<Vec<u32>>,
    files: Files,
    /// Frames of a stack at most.
    most: usize,
}

impl Stacks {
    /// Watches these threads and what they will make (none: all that run), and looks at what their processes have
    /// mapped already, unless they are `held` before they begin. Without `follow` no other processes are traced. A stack
    /// has `most` frames at most.
    pub(crate) fn start(pids: &[u32], tids: &[u32], follow: bool, held: bool, most: usize) -> Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let others = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                if !GUARDED.get() {
                    others(info);
                }
            }));
        });
        let events = Events::open(tids)?;
        let only = (!follow).then(|| pids.to_vec());
        let mut state = State { events, processes: HashMap::new(), only, files: Files::new(), most };
        for pid in pids {
            if held {
                state.processes.insert(*pid, Vec::new());
            } else {
                state.look_at(*pid);
            }
        }
        Ok(Self(RefCell::new(state)))
    }

    /// Takes in what happened until a time that no call is from any more.
    pub(crate) fn advance(&self, time_ns: u64) {
        self.0.borrow_mut().advance(time_ns);
    }

    /// How many mappings the kernel could not tell of.
    pub(crate) fn lost(&self) -> u64 {
        self.0.borrow().events.lost
    }

    /// A process has ended.
    pub(crate) fn forget(&self, tgid: u32, time_ns: u64) {
        let mut state = self.0.borrow_mut();
        state.advance(time_ns);
        state.processes.remove(&tgid);
    }

    /// Unwinds what was captured at a time.
    pub(crate) fn stack(&self, tgid: u32, time_ns: u64, captured: &[u8]) -> Option<Stack> {
        self.0.borrow_mut().stack(tgid, time_ns, captured)
    }
}

impl State {
    /// What a process that runs has mapped already.
    fn look_at(&mut self, pid: u32) {
        let mut space = Space::new(0);
        snapshot(pid, |mapped| space.map(mapped, &mut self.files));
        self.processes.insert(pid, vec![space]);
    }

    fn advance(&mut self, time_ns: u64) {
        self.events.read();
        while let Some(change) = self.events.next_until(time_ns) {
            self.apply(change);
        }
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Mapped(pid, _) | Change::Forked { child: pid, .. } | Change::Executed(pid, _)
                if self.only.as_ref().is_some_and(|only| !only.contains(&pid)) => {}
            Change::Mapped(pid, mapped) => {
                // of one that is not known all is read when it makes a call
                if let Some(space) = self.processes.get_mut(&pid).and_then(|spaces| spaces.last_mut()) {
                    space.map(&mapped, &mut self.files);
                }
            }
            Change::Forked { parent, child } => {
                let space = self.processes.get(&parent).and_then(|spaces| spaces.last()).cloned();
                if let Some(space) = space {
                    self.processes.insert(child, vec![space]);
                }
            }
            Change::Executed(pid, time_ns) => {
                let spaces = self.processes.entry(pid).or_insert_with(|| vec![Space::new(0)]);
                // the call that did it is still of the one before
                let old = spaces.pop();
                spaces.clear();
                spaces.extend(old);
                spaces.push(Space::new(time_ns));
            }
        }
    }

    fn stack(&mut self, tgid: u32, time_ns: u64, captured: &[u8]) -> Option<Stack> {
        let (head, stack) = captured.split_at_checked(size_of::<[u64; 21]>())?;
        let (words, _) = head.as_chunks::<8>();
        let mut pt_regs = [0; 21];
        pt_regs.iter_mut().zip(words).for_each(|(register, word)| *register = u64::from_ne_bytes(*word));
        self.advance(time_ns);
        match pt_regs[CS] & 0xffff {
            USER_CS => {}
            USER32_CS => return Some(Stack { frames: Vec::new(), end: StackEnd::Compat32 }),
            // a thread of the kernel
            _ => return None,
        }
        if !self.processes.contains_key(&tgid) {
            // one that ran before, where all are traced
            self.look_at(tgid);
        }
        let files = &self.files;
        let spaces = self.processes.get(&tgid)?;
        let Some(space) = spaces.iter().rfind(|space| space.since_ns <= time_ns) else {
            return Some(Stack { frames: Vec::new(), end: StackEnd::NotBegun });
        };
        let unwind = || space.unwind(Registers::new(&pt_regs), stack, self.most);
        let (places, end) = guarded(unwind).unwrap_or((Vec::new(), StackEnd::Unknown));
        let frame = |Place { address, within }| {
            let Some(map) = space.find(within) else {
                return Frame { file: None, functions: Rc::new([]), offset: address, in_function: 0 };
            };
            let offset = |address: u64| (address - map.start).wrapping_add(map.offset);
            let (functions, in_function) = files.functions(&map.file, offset(within));
            let in_function = in_function + (address - within);
            Frame { file: Some(map.file.name()), functions, offset: offset(address), in_function }
        };
        Some(Stack { frames: places.into_iter().map(frame).collect(), end })
    }
}
