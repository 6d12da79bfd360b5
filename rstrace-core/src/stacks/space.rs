//! The code that a process has mapped, and the unwinding through it.

use std::fs;
use std::rc::Rc;

use gimli::{UnwindContext, X86_64};

use super::StackEnd;
use super::files::{CodeFile, Files};
use super::unwind::{Caller, Registers};
use crate::clock::monotonic_ns;

/// A mapping as the kernel tells of it.
pub(super) struct Mapped {
    pub pid: u32,
    /// When it was there.
    pub time_ns: u64,
    pub start: u64,
    pub end: u64,
    /// In the file.
    pub offset: u64,
    pub inode: u64,
    /// Tells files apart that had the same inode number one after the other; 0 if not known.
    pub generation: u64,
    pub name: Vec<u8>,
}

/// A mapping of code.
#[derive(Clone)]
pub(super) struct Map {
    pub start: u64,
    end: u64,
    pub offset: u64,
    pub file: Rc<CodeFile>,
}

/// An address space.
#[derive(Clone)]
pub(super) struct Space {
    /// From when on it is the process's.
    pub since_ns: u64,
    maps: Vec<Map>,
}

/// Where a frame's code goes on, and an address that is in its function: a call may be the last of one.
pub(super) struct Place {
    pub address: u64,
    pub within: u64,
}

impl Space {
    pub fn new(since_ns: u64) -> Self {
        Self { since_ns, maps: Vec::new() }
    }

    /// Code is mapped; what stood there is gone.
    pub fn map(&mut self, mapped: &Mapped, files: &mut Files) {
        let (start, end) = (mapped.start, mapped.end);
        let mut rests = Vec::new();
        for map in self.maps.extract_if(.., |map| map.start < end && start < map.end) {
            let before = Map { end: start, ..map.clone() };
            let after = Map { start: end, offset: map.offset + end.saturating_sub(map.start), ..map };
            rests.extend([before, after].into_iter().filter(|rest| rest.start < rest.end));
        }
        self.maps.extend(rests);
        self.maps.push(Map { start, end, offset: mapped.offset, file: files.open(mapped) });
    }

    pub fn find(&self, address: u64) -> Option<&Map> {
        self.maps.iter().find(|map| (map.start..map.end).contains(&address))
    }

    /// The frames from these registers on, at most so many, by the stack from its pointer on.
    pub fn unwind(&self, mut registers: Registers, stack: &[u8], most: usize) -> (Vec<Place>, StackEnd) {
        let begin = registers.get(X86_64::RSP).unwrap_or(0);
        let read = |address: u64| {
            let offset = usize::try_from(address.checked_sub(begin)?).ok()?;
            Some(u64::from_ne_bytes(*stack.get(offset..)?.first_chunk()?))
        };
        let mut context = UnwindContext::new();
        let mut places = Vec::new();
        let mut back = 0;
        while places.len() < most {
            let Some(address) = registers.get(X86_64::RA) else { break };
            let within = address.wrapping_sub(back);
            places.push(Place { address, within });
            let caller = self.find(within).and_then(|map| {
                let (tables, within) = map.file.tables(within - map.start + map.offset)?;
                Some(tables.caller(within, &registers, &mut context, &read))
            });
            match caller.unwrap_or(Caller::Unknown) {
                Caller::Frame { registers: caller, interrupted } => {
                    registers = caller;
                    // what a signal has interrupted has called nothing
                    back = u64::from(!interrupted);
                }
                Caller::None => return (places, StackEnd::Bottom),
                Caller::At(address) if address >= begin => return (places, StackEnd::NotCaptured),
                Caller::At(_) | Caller::Unknown => return (places, StackEnd::Unknown),
            }
        }
        (places, StackEnd::TooMany)
    }
}

/// What a process that runs has mapped as code.
pub(super) fn snapshot(pid: u32, mut found: impl FnMut(&Mapped)) {
    let time_ns = monotonic_ns();
    let Ok(text) = fs::read(format!("/proc/{pid}/maps")) else { return };
    for line in text.split(|byte| *byte == b'\n') {
        let mut words = line.splitn(6, |byte| *byte == b' ');
        let mut word = || words.next().and_then(|word| std::str::from_utf8(word).ok());
        let (Some(range), Some(flags), Some(offset), Some(_), Some(inode)) =
            (word(), word(), word(), word(), word())
        else {
            continue;
        };
        let name = words.next().unwrap_or_default().trim_ascii_start();
        let hex = |word: &str| u64::from_str_radix(word, 16).ok();
        let Some((start, end)) = range.split_once('-') else { continue };
        let (Some(start), Some(end), Some(offset)) = (hex(start), hex(end), hex(offset)) else { continue };
        if flags.as_bytes().get(2) == Some(&b'x') {
            let inode = inode.parse().unwrap_or(0);
            let name = name.to_vec();
            found(&Mapped { pid, time_ns, start, end, offset, inode, generation: 0, name });
        }
    }
}
