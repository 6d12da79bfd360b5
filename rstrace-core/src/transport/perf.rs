//! Perf buffers, one per CPU, merged by time into one ordered stream.
//!
//! A record can be held back until a whole round over the CPUs has been read after it: by then nothing older
//! can turn up any more, because a record's time is taken just before it is written.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ffi::{c_int, c_void};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;

use super::{Callback, Found};
use crate::backend::attach::PerfRead;
use crate::clock::monotonic_ns;
use crate::error::{Error, ErrorKind, Result};
use crate::memory::{bytes_of, extend};

/// Words in the arena from which on it is worth moving what is still waiting.
const COMPACT: usize = 1 << 17;

/// The reading end of the perf buffers.
#[derive(Debug)]
pub(crate) struct Perf {
    buffer: NonNull<libbpf_sys::perf_buffer>,
    // the buffer keeps its context; dropped after it
    callback: Callback,
    merge: Merge,
    /// When the last round over the CPUs began.
    round_ns: u64,
    complete_ns: u64,
}

/// Records waiting for older ones: their bytes in one arena, their times in a heap.
#[derive(Debug, Default)]
struct Merge {
    arena: Vec<u64>,
    // time, then order of arrival, place in the arena and length in bytes
    waiting: BinaryHeap<Reverse<(u64, usize, usize)>>,
    /// The latest time in the round before.
    safe: u64,
    latest: u64,
}

impl Merge {
    fn add(&mut self, bytes: &[u8]) {
        // the time's place in a record is fixed: behind size, kind and pair
        let Some(time) = bytes.get(8..16).and_then(|b| b.first_chunk::<8>()) else { return };
        let time = u64::from_ne_bytes(*time);
        let place = self.arena.len();
        // perf's samples are not aligned to 8 bytes, the arena is
        extend(&mut self.arena, bytes);
        self.waiting.push(Reverse((time, place, bytes.len())));
        self.latest = self.latest.max(time);
    }

    /// Drops the bytes of records that are gone.
    fn compact(&mut self) {
        let old = std::mem::take(&mut self.arena);
        let mut waiting = std::mem::take(&mut self.waiting).into_vec();
        for Reverse((_, place, len)) in &mut waiting {
            let words = *place..*place + len.div_ceil(8);
            *place = self.arena.len();
            self.arena.extend_from_slice(&old[words]);
        }
        self.waiting = waiting.into();
    }

    fn release(&mut self, last: bool, deliver: &mut dyn FnMut(&[u8])) {
        while let Some(Reverse((time, place, len))) = self.waiting.peek().copied() {
            if time > self.safe && !last {
                break;
            }
            self.waiting.pop();
            let words = &self.arena[place..place + len.div_ceil(8)];
            deliver(&bytes_of(words)[..len]);
        }
        self.safe = self.latest;
        if self.waiting.is_empty() {
            self.arena.clear();
        } else if self.arena.len() > COMPACT {
            self.compact();
        }
    }
}

/// `PERF_RECORD_SAMPLE` with `PERF_SAMPLE_RAW`: header, size, bytes (perf_event_open(2)).
#[repr(C)]
struct Sample {
    header: libbpf_sys::perf_event_header,
    size: u32,
}

unsafe extern "C" fn event(
    context: *mut c_void,
    cpu: c_int,
    event: *mut libbpf_sys::perf_event_header,
) -> libbpf_sys::bpf_perf_event_ret {
    // SAFETY: libbpf passes a whole event, which may not be aligned.
    let header = unsafe { event.read_unaligned() };
    let room = (header.size as usize).saturating_sub(size_of::<Sample>());
    if header.type_ == libbpf_sys::PERF_RECORD_SAMPLE {
        // SAFETY: a sample of the type asked for has a size behind its header, and that many bytes; the context is
        // that which `new` registered, whose callback outlives the buffer.
        unsafe {
            let size = (&raw const (*event.cast::<Sample>()).size).read_unaligned() as usize;
            let bytes =
                std::slice::from_raw_parts(event.cast::<u8>().add(size_of::<Sample>()), size.min(room));
            Callback::call(context, bytes);
            Callback::have_read(context, cpu as usize, header.size.into());
        }
    }
    // PERF_RECORD_LOST needs no look: the kernel side counts what it could not write
    libbpf_sys::LIBBPF_PERF_EVENT_CONT
}

impl Perf {
    pub(crate) fn new(map: BorrowedFd<'_>, bytes: usize, read: PerfRead) -> Result<Self> {
        let page =
            nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten().unwrap_or(4096) as usize;
        let pages = (bytes / page).max(1);
        let mut attr = libbpf_sys::perf_event_attr {
            type_: libbpf_sys::PERF_TYPE_SOFTWARE,
            size: size_of::<libbpf_sys::perf_event_attr>() as u32,
            config: libbpf_sys::PERF_COUNT_SW_BPF_OUTPUT.into(),
            sample_type: libbpf_sys::PERF_SAMPLE_RAW.into(),
            ..Default::default()
        };
        attr.__bindgen_anon_1.sample_period = 1;
        // wake by bytes, not by events: a wake-up costs more than all the rest of a call
        attr.set_watermark(1);
        attr.__bindgen_anon_2.wakeup_watermark = (pages * page / 4) as u32;
        let callback = Callback::new(read);
        // SAFETY: the map is a perf event array; the attribute is read during the call; the context outlives the
        // buffer, both being owned by the result.
        let buffer = unsafe {
            libbpf_sys::perf_buffer__new_raw(
                map.as_raw_fd(),
                pages as _,
                &mut attr,
                Some(event),
                callback.context(),
                std::ptr::null(),
            )
        };
        let buffer = NonNull::new(buffer).ok_or_else(|| {
            let error = std::io::Error::last_os_error();
            Error::new(
                ErrorKind::Other,
                format!(
                    "the perf buffers can't be made: {error} (perf_event_open(2) and mmap(2) must be allowed)"
                ),
            )
        })?;
        Ok(Self { buffer, callback, merge: Merge::default(), round_ns: 0, complete_ns: 0 })
    }

    pub(super) fn complete_ns(&self) -> u64 {
        self.complete_ns
    }

    pub(super) fn epoll_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the buffer is alive, and its descriptor with it.
        unsafe { BorrowedFd::borrow_raw(libbpf_sys::perf_buffer__epoll_fd(self.buffer.as_ptr())) }
    }

    pub(super) fn read(&mut self, last: bool, deliver: &mut dyn FnMut(&[u8])) -> Found {
        let begin_ns = monotonic_ns();
        let buffer = self.buffer.as_ptr();
        let mut any = false;
        let merge = &mut self.merge;
        let mut add = |bytes: &[u8]| {
            any = true;
            merge.add(bytes);
        };
        self.callback.during(&mut add, || {
            // SAFETY: the buffer is alive; its callback is ours.
            unsafe { libbpf_sys::perf_buffer__consume(buffer) };
        });
        let held = !self.merge.waiting.is_empty();
        self.merge.release(last, deliver);
        // what this round found may be held back until the next
        self.complete_ns = if self.merge.waiting.is_empty() { begin_ns } else { self.round_ns };
        self.round_ns = begin_ns;
        if any || (held && !last) { Found::Records } else { Found::Nothing }
    }
}

impl Drop for Perf {
    fn drop(&mut self) {
        // SAFETY: made by perf_buffer__new_raw, freed once.
        unsafe { libbpf_sys::perf_buffer__free(self.buffer.as_ptr()) }
    }
}

#[cfg(test)]
mod tests {
    use super::Merge;

    fn record(time: u64) -> Vec<u8> {
        let mut bytes = vec![0; 8];
        bytes.extend(time.to_ne_bytes());
        bytes.extend([7; 5]);
        bytes
    }

    fn released(merge: &mut Merge, last: bool) -> Vec<u64> {
        let mut times = Vec::new();
        merge.release(last, &mut |bytes| {
            assert_eq!(bytes.len(), 21);
            times.push(u64::from_ne_bytes(*bytes[8..].first_chunk().unwrap()));
        });
        times
    }

    #[test]
    fn records_of_two_cpus_come_in_order() {
        let mut merge = Merge::default();
        for time in [10, 30, 50] {
            merge.add(&record(time));
        }
        assert_eq!(released(&mut merge, false), []);
        for time in [20, 40, 60] {
            merge.add(&record(time));
        }
        assert_eq!(released(&mut merge, false), [10, 20, 30, 40, 50]);
        assert_eq!(released(&mut merge, false), [60]);
    }

    #[test]
    fn nothing_is_held_back_at_the_end() {
        let mut merge = Merge::default();
        merge.add(&record(3));
        merge.add(&[1, 2, 3]);
        assert_eq!(released(&mut merge, true), [3]);
    }
}
