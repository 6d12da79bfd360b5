//! The BPF ring buffer: one for all CPUs, in order.
//!
//! What waits is copied out in one piece and given back to the kernel side in one step: a step for each record, as libbpf
//! does it, takes the positions' cache line away from the CPU that writes, each time.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::{Found, frames};
use crate::clock::monotonic_ns;
use crate::error::{Context, Result};
use crate::mapping::Mapping;
use crate::memory::extend;

/// Bytes copied before the caller looks at its other business.
const BATCH: usize = 256 << 10;

/// The reading end of a ring buffer (`Documentation/bpf/ringbuf.rst`; the layout is that of kernel/bpf/ringbuf.c: a page
/// with the consumer's position, one with the producer's, then the data twice in a row, so that each record is in one
/// piece).
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

impl Ring {
    pub(super) fn new(map: BorrowedFd<'_>, size: usize) -> Result<Self> {
        // SAFETY: a question about a number.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        let what = "the ring buffer can't be mapped";
        Ok(Self {
            map: map.try_clone_to_owned().context(what)?,
            consumer: Mapping::shared(map, 0, page, true).context(what)?,
            producer: Mapping::shared(map, page, page + 2 * size, false).context(what)?,
            page,
            size,
            goal: Goal::default(),
            complete_ns: 0,
        })
    }

    pub(super) fn complete_ns(&self) -> u64 {
        self.complete_ns
    }

    pub(super) fn epoll_fd(&self) -> BorrowedFd<'_> {
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
            // SAFETY: behind the producer's page the data stands twice, so `first + len`, less than twice its size, is
            // inside; records begin at multiples of 8, and the kernel side sets and reads the head atomically.
            let head = unsafe { &*self.producer.address().add(self.page + first + len).cast::<AtomicU32>() };
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
        // SAFETY: as above; the kernel side leaves these records alone until the consumer's position has passed them.
        let bytes =
            unsafe { std::slice::from_raw_parts(self.producer.address().add(self.page + first), len) };
        extend(block, bytes);
        position(&self.consumer).store(begin + len as u64, Ordering::Release);
        Found::Records
    }
}

/// The position at a page's beginning.
fn position(page: &Mapping) -> &AtomicU64 {
    // SAFETY: it is aligned and lives as long as the mapping; both sides access it atomically.
    unsafe { &*page.address().cast::<AtomicU64>() }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    use nix::sys::memfd::{MFdFlags, memfd_create};

    use super::*;

    /// Of the head of a record: still being written (linux/bpf.h).
    const BUSY: u32 = libbpf_sys::BPF_RINGBUF_BUSY_BIT;

    #[test]
    fn behind_a_record_that_is_being_written_others_may_be() {
        let page = 4096;
        let map = File::from(memfd_create("ring", MFdFlags::MFD_CLOEXEC).unwrap());
        map.set_len(4 * page).unwrap();
        let mut ring = Ring::new(map.as_fd(), page as usize).unwrap();
        let mut block = Vec::new();
        assert_eq!(ring.read(&mut block), Found::Nothing);
        let before = ring.complete_ns();
        assert!(before > 0);
        // two records of 8 bytes, of which the second is there first
        let word = |at: u64, value: u64| map.write_all_at(&value.to_ne_bytes(), at).unwrap();
        let (produced, data) = (page, 2 * page);
        word(data, u64::from(BUSY | 8));
        word(data + 16, 8);
        word(produced, 32);
        assert_eq!(ring.read(&mut block), Found::Unfinished);
        assert_eq!((&block[..], ring.complete_ns()), (&[][..], before));
        word(data, 8);
        assert_eq!(ring.read(&mut block), Found::Records);
        assert_eq!(block, [8, 0, 8, 0]);
        assert!(ring.complete_ns() > before);
        assert_eq!(ring.read(&mut block), Found::Nothing);
    }
}
