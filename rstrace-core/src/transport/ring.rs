//! The BPF ring buffer: one for all CPUs, in order.
//!
//! What waits is copied out in one piece and given back to the kernel side in one step: a step for each record, as libbpf
//! does it, takes the positions' cache line away from the CPU that writes, each time.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use super::{Found, frames};
use crate::clock::monotonic_ns;
use crate::error::{Context, Result};
use crate::mapping::Mapping;
use crate::memory::extend;

/// Bytes copied before the caller looks at its other business.
const BATCH: usize = 256 << 10;

/// The reading end of a ring buffer (`Documentation/bpf/ringbuf.rst`; the layout is that of kernel/bpf/ringbuf.c: a page
/// with the consumer's position, one with the producer's, then the data). The kernel has the data twice in a row, but each
/// page that is mapped costs time at a start.
#[derive(Debug)]
pub(crate) struct Ring {
    map: OwnedFd,
    consumer: Mapping,
    producer: Mapping,
    page: usize,
    /// Bytes of data, a power of two.
    size: usize,
    goal: Goal,
    complete_ns: u64,
}

/// Where the producer was at a time: whatever was written before stands before it.
#[derive(Debug, Default)]
struct Goal {
    position: u64,
    time_ns: u64,
}

/// A ring buffer that is being made: its pages are zeroed and mapped, which takes some milliseconds.
#[derive(Debug)]
pub(crate) struct Making(JoinHandle<Result<Ring>>);

impl Making {
    /// Waits until it is there.
    pub(crate) fn finish(self) -> Result<Ring> {
        self.0.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Ring {
    /// Makes a map and its mappings in a thread of its own.
    pub(crate) fn make(size: usize) -> Result<Making> {
        let thread = thread::Builder::new().name("ring".into()).spawn(move || Self::new(size));
        Ok(Making(thread.context("the thread that makes the ring buffer")?))
    }

    fn new(size: usize) -> Result<Self> {
        let what = "the ring buffer can't be made";
        // SAFETY: the name is a C string, the others are numbers, and a null for the options is allowed.
        let fd = unsafe {
            let kind = libbpf_sys::BPF_MAP_TYPE_RINGBUF;
            libbpf_sys::bpf_map_create(kind, c"ring".as_ptr(), 0, 0, size as u32, std::ptr::null())
        };
        if fd < 0 {
            return Err(io::Error::from_raw_os_error(-fd)).context(what);
        }
        // SAFETY: the kernel just made this descriptor for us.
        Self::of(unsafe { OwnedFd::from_raw_fd(fd) }, size).context(what)
    }

    /// The reading end of a map of so many bytes.
    fn of(map: OwnedFd, size: usize) -> io::Result<Self> {
        // SAFETY: a question about a number.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        Ok(Self {
            consumer: Mapping::shared(map.as_fd(), 0, page, true)?,
            producer: Mapping::shared(map.as_fd(), page, page + size, false)?,
            map,
            page,
            size,
            goal: Goal::default(),
            complete_ns: 0,
        })
    }

    pub(super) fn complete_ns(&self) -> u64 {
        self.complete_ns
    }

    /// The map.
    pub(crate) fn map(&self) -> BorrowedFd<'_> {
        self.map.as_fd()
    }

    /// Appends what is waiting, at most a batch.
    pub(super) fn read(&mut self, block: &mut Vec<u64>) -> Found {
        // nobody else writes it
        let begin = position(&self.consumer).load(Ordering::Relaxed);
        if begin >= self.goal.position {
            // the time first: what is written in between is not promised
            let time_ns = monotonic_ns();
            self.goal = Goal { position: position(&self.producer).load(Ordering::Acquire), time_ns };
        }
        let written = position(&self.producer).load(Ordering::Acquire);
        let first = begin as usize & (self.size - 1);
        let waiting = (written.wrapping_sub(begin) as usize).min(self.size);
        let mut len = 0;
        while len < waiting.min(BATCH) {
            let place = (first + len) & (self.size - 1);
            // SAFETY: the data stands behind the producer's page, and `place` is less than its size; records begin at
            // multiples of 8, and the kernel side sets and reads the head atomically.
            let head = unsafe { &*self.producer.address().add(self.page + place).cast::<AtomicU32>() };
            match frames::len_of(head.load(Ordering::Acquire)) {
                Some(frame) => len += frame,
                // still being written
                None => break,
            }
        }
        let len = len.min(waiting);
        if begin + len as u64 >= self.goal.position {
            self.complete_ns = self.goal.time_ns;
        }
        match (len, waiting) {
            (0, 0) => return Found::Nothing,
            (0, _) => return Found::Unfinished,
            _ => {}
        }
        // up to the end of the data, and the rest from its beginning
        let (before, behind) = parts(first, len, self.size);
        for (place, len) in [(first, before), (0, behind)] {
            // SAFETY: inside the data; the kernel side leaves these records alone until the consumer's position has
            // passed them.
            extend(block, unsafe {
                std::slice::from_raw_parts(self.producer.address().add(self.page + place), len)
            });
        }
        position(&self.consumer).store(begin + len as u64, Ordering::Release);
        Found::Records
    }
}

/// How many of `len` bytes from `first` on stand before the end of `size` bytes, and how many go on at their beginning.
fn parts(first: usize, len: usize, size: usize) -> (usize, usize) {
    let before = len.min(size - first);
    (before, len - before)
}

/// The position at a page's beginning.
fn position(page: &Mapping) -> &AtomicU64 {
    // SAFETY: it is aligned and lives as long as the mapping; both sides access it atomically.
    unsafe { &*page.address().cast::<AtomicU64>() }
}

/// A ring whose writing end is a test.
#[cfg(test)]
pub(super) mod written {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    use nix::sys::memfd::{MFdFlags, memfd_create};

    use super::Ring;

    const PAGE: u64 = 4096;

    /// A file in the form of the map: the consumer's page, the producer's, and a page of data.
    #[derive(Debug)]
    pub(in super::super) struct Written(File);

    impl Written {
        pub(in super::super) fn new() -> (Self, Ring) {
            let map = File::from(memfd_create("ring", MFdFlags::MFD_CLOEXEC).unwrap());
            map.set_len(3 * PAGE).unwrap();
            let ring = Ring::of(map.try_clone().unwrap().into(), PAGE as usize).unwrap();
            (Self(map), ring)
        }

        /// Writes a word of the data, at a position that only grows.
        pub(in super::super) fn word(&self, position: u64, value: u64) {
            self.0.write_all_at(&value.to_ne_bytes(), 2 * PAGE + position % PAGE).unwrap();
        }

        /// Says up to where there is data.
        pub(in super::super) fn produced(&self, position: u64) {
            self.0.write_all_at(&position.to_ne_bytes(), PAGE).unwrap();
        }

        /// Up to where it has been read.
        pub(in super::super) fn consumed(&self) -> u64 {
            let mut position = [0; 8];
            self.0.read_exact_at(&mut position, 0).unwrap();
            u64::from_ne_bytes(position)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::written::Written;
    use super::*;

    /// Of the head of a record: still being written (linux/bpf.h).
    const BUSY: u32 = libbpf_sys::BPF_RINGBUF_BUSY_BIT;

    #[test]
    fn behind_a_record_that_is_being_written_others_may_be() {
        let (written, mut ring) = Written::new();
        let mut block = Vec::new();
        assert_eq!(ring.read(&mut block), Found::Nothing);
        let before = ring.complete_ns();
        assert!(before > 0);
        // two records of 8 bytes, of which the second is there first
        written.word(0, u64::from(BUSY | 8));
        written.word(16, 8);
        written.produced(32);
        assert_eq!(ring.read(&mut block), Found::Unfinished);
        assert_eq!((&block[..], ring.complete_ns()), (&[][..], before));
        written.word(0, 8);
        assert_eq!(ring.read(&mut block), Found::Records);
        assert_eq!(block, [8, 0, 8, 0]);
        assert!(ring.complete_ns() > before);
        assert_eq!(ring.read(&mut block), Found::Nothing);
    }

    #[test]
    fn what_passes_the_end_goes_on_at_the_beginning() {
        assert_eq!(parts(0, 64, 64), (64, 0));
        assert_eq!(parts(48, 16, 64), (16, 0));
        assert_eq!(parts(48, 40, 64), (16, 24));
    }
}
