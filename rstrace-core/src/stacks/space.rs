//! The code that a process has mapped, and the unwinding through it.

use std::fs;
use std::rc::Rc;

use framehop::x86_64::{CacheX86_64, UnwindRegsX86_64, UnwinderX86_64};
use framehop::{Error, FrameAddress, Unwinder};

use super::StackEnd;
use super::files::{CodeFile, Files, Sections};

/// A mapping as the kernel tells of it.
pub(super) struct Mapped {
    pub pid: u32,
    pub start: u64,
    pub end: u64,
    /// In the file.
    pub offset: u64,
    pub inode: u64,
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
    unwinder: UnwinderX86_64<Sections>,
}

impl Space {
    pub fn new(since_ns: u64) -> Self {
        Self { since_ns, maps: Vec::new(), unwinder: UnwinderX86_64::new() }
    }

    /// Code is mapped; what stood there is gone.
    pub fn map(&mut self, mapped: Mapped, files: &mut Files) {
        let (start, end) = (mapped.start, mapped.end);
        let mut rests = Vec::new();
        for map in self.maps.extract_if(.., |map| map.start < end && start < map.end) {
            self.unwinder.remove_module(map.start);
            let before = Map { end: start, ..map.clone() };
            let after = Map { start: end, offset: map.offset + end.saturating_sub(map.start), ..map };
            rests.extend([before, after].into_iter().filter(|rest| rest.start < rest.end));
        }
        let file = files.open(&mapped);
        rests.push(Map { start, end, offset: mapped.offset, file });
        for map in rests {
            if let Some(module) = map.file.module(map.start..map.end, map.offset) {
                self.unwinder.add_module(module);
            }
            self.maps.push(map);
        }
    }

    pub fn find(&self, address: u64) -> Option<&Map> {
        self.maps.iter().find(|map| (map.start..map.end).contains(&address))
    }

    /// The addresses of the frames, from instruction, stack and frame pointer and the stack from there on.
    pub fn unwind(&self, [ip, sp, bp]: [u64; 3], stack: &[u8], most: usize) -> (Vec<u64>, StackEnd) {
        let mut cache = CacheX86_64::<_>::new();
        let mut read = |address: u64| {
            let offset = address.checked_sub(sp).and_then(|offset| usize::try_from(offset).ok()).ok_or(())?;
            let word = stack.get(offset..).and_then(<[u8]>::first_chunk).ok_or(())?;
            Ok(u64::from_ne_bytes(*word))
        };
        let mut regs = UnwindRegsX86_64::new(ip, sp, bp);
        let mut frame = FrameAddress::from_instruction_pointer(ip);
        let mut addresses = Vec::new();
        loop {
            if addresses.len() == most {
                return (addresses, StackEnd::TooMany);
            }
            addresses.push(frame.address());
            // without the file's tables the rest would be a guess
            if !self.find(frame.address_for_lookup()).is_some_and(|map| map.file.has_tables()) {
                return (addresses, StackEnd::Unknown);
            }
            let caller = match self.unwinder.unwind_frame(frame, &mut regs, &mut cache, &mut read) {
                Ok(caller) => caller.and_then(FrameAddress::from_return_address),
                Err(Error::ReturnAddressIsNull) => None,
                // the psABI's mark of the outermost frame, where the tables say nothing of it
                Err(Error::FramepointerUnwindingMovedBackwards) if regs.bp() == 0 => None,
                Err(Error::CouldNotReadStack(address)) if address >= sp => {
                    return (addresses, StackEnd::NotCaptured);
                }
                Err(_) => return (addresses, StackEnd::Unknown),
            };
            let Some(caller) = caller else { return (addresses, StackEnd::Bottom) };
            frame = caller;
        }
    }
}

/// What a process that runs has mapped as code.
pub(super) fn snapshot(pid: u32, mut found: impl FnMut(Mapped)) {
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
            found(Mapped { pid, start, end, offset, inode, name: name.to_vec() });
        }
    }
}
