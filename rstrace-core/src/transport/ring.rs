//! The BPF ring buffer: one for all CPUs, in order.
//!
//! What waits is copied out in one piece and given back to the kernel side in one step: a step for each record, as libbpf
//! does it, takes the positions' cache line away from the CPU that writes, each time.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::frames;
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
        })
    }

    pub(super) fn epoll_fd(&self) -> BorrowedFd<'_> {
        self.map.as_fd()
    }

    /// Appends what is waiting, at most a batch; says whether there was any.
    pub(super) fn read(&mut self, block: &mut Vec<u64>) -> bool {
        // nobody else writes it
        let begin = position(&self.consumer).load(Ordering::Relaxed);
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
        if len == 0 {
            return false;
        }
        // SAFETY: as above; the kernel side leaves these records alone until the consumer's position has passed them.
        let bytes =
            unsafe { std::slice::from_raw_parts(self.producer.address().add(self.page + first), len) };
        extend(block, bytes);
        position(&self.consumer).store(begin + len as u64, Ordering::Release);
        true
    }
}

/// The position at a page's beginning.
fn position(page: &Mapping) -> &AtomicU64 {
    // SAFETY: it is aligned and lives as long as the mapping; both sides access it atomically.
    unsafe { &*page.address().cast::<AtomicU64>() }
}
