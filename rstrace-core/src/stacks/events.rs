//! What processes map, execute and fork, told by the kernel when it happens: perf's records of a software event, in a
//! buffer for each CPU. Unlike `/proc/PID/maps` they are complete and outlive the process.

use std::collections::VecDeque;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use super::space::Mapped;
use crate::error::{Context, Result};
use crate::machine::perf_event_open;
use crate::mapping::Mapping;

/// Bytes of a buffer.
const BUFFER: usize = 1 << 20;
/// `PERF_EVENT_IOC_SET_OUTPUT`.
const SET_OUTPUT: u64 = 0x2405;
const PAGE: usize = 4096;
/// In `struct perf_event_mmap_page` (linux/perf_event.h).
const DATA_HEAD: usize = 1024;
const DATA_TAIL: usize = 1032;

/// Something that changes what is mapped.
pub(super) enum Change {
    /// A process mapped code.
    Mapped(u32, Mapped),
    /// A process made another one.
    Forked { parent: u32, child: u32 },
    /// A process began a new program, at this time.
    Executed(u32, u64),
}

/// The buffers and what was read from them.
pub(super) struct Events {
    buffers: Vec<(Mapping, OwnedFd)>,
    /// Threads that share a buffer.
    _others: Vec<OwnedFd>,
    queue: VecDeque<(u64, Change)>,
    pub lost: u64,
}

impl Events {
    /// Watches these threads, and all that they make; none: all.
    pub fn open(tids: &[u32]) -> Result<Self> {
        let mut events = Self { buffers: Vec::new(), _others: Vec::new(), queue: VecDeque::new(), lost: 0 };
        let everyone = [-1];
        let tids: Vec<i32> = tids.iter().map(|tid| *tid as i32).collect();
        let tids: &[i32] = if tids.is_empty() { &everyone } else { &tids };
        for cpu in 0..libbpf_rs::num_possible_cpus().context("the number of CPUs")? {
            let mut first = None;
            for tid in tids {
                let fd = match perf_event_open(&mut attributes(), *tid, cpu as i32) {
                    // a CPU that is not there, a thread that has ended
                    Err(error) if matches!(error.raw_os_error(), Some(libc::ENODEV | libc::ESRCH)) => {
                        continue;
                    }
                    other => other.context("-k: the kernel's events of mappings (perf_event_open)")?,
                };
                let Some(output) = first else {
                    let mapping = Mapping::shared(fd.as_fd(), 0, PAGE + BUFFER, true)
                        .context("-k: a buffer for the kernel's events of mappings")?;
                    first = Some(fd.as_raw_fd());
                    events.buffers.push((mapping, fd));
                    continue;
                };
                // SAFETY: a request with a number for its argument touches no memory.
                if unsafe { libc::ioctl(fd.as_raw_fd(), SET_OUTPUT, output) } < 0 {
                    return Err(std::io::Error::last_os_error()).context("-k: PERF_EVENT_IOC_SET_OUTPUT");
                }
                events._others.push(fd);
            }
        }
        Ok(events)
    }

    /// Takes all that has happened out of the buffers.
    pub fn read(&mut self) {
        let before = self.queue.len();
        for (mapping, _) in &self.buffers {
            read_buffer(mapping, &mut self.queue, &mut self.lost);
        }
        if self.queue.len() != before {
            self.queue.make_contiguous().sort_by_key(|(time, _)| *time);
        }
    }

    /// The next that happened until this time.
    pub fn next_until(&mut self, time_ns: u64) -> Option<Change> {
        let (time, _) = self.queue.front()?;
        if *time > time_ns {
            return None;
        }
        self.queue.pop_front().map(|(_, change)| change)
    }
}

fn attributes() -> libbpf_sys::perf_event_attr {
    let mut attr = libbpf_sys::perf_event_attr {
        type_: libbpf_sys::PERF_TYPE_SOFTWARE,
        config: libbpf_sys::PERF_COUNT_SW_DUMMY.into(),
        sample_type: libbpf_sys::PERF_SAMPLE_TIME.into(),
        clockid: libc::CLOCK_MONOTONIC,
        ..Default::default()
    };
    attr.set_inherit(1);
    attr.set_mmap(1);
    attr.set_mmap2(1);
    attr.set_comm(1);
    attr.set_comm_exec(1);
    attr.set_task(1);
    attr.set_sample_id_all(1);
    attr.set_use_clockid(1);
    attr.set_exclude_kernel(1);
    attr
}

fn read_buffer(mapping: &Mapping, queue: &mut VecDeque<(u64, Change)>, lost: &mut u64) {
    // SAFETY: the first page of the mapping is a perf_event_mmap_page, whose two counters are aligned and live as long.
    let (head, tail) = unsafe {
        let page = mapping.address();
        (&*page.add(DATA_HEAD).cast::<AtomicU64>(), &*page.add(DATA_TAIL).cast::<AtomicU64>())
    };
    let (end, mut at) = (head.load(Ordering::Acquire), tail.load(Ordering::Relaxed));
    let copy = |from: u64, len: usize| -> Vec<u8> {
        let byte = |place: u64| {
            let place = PAGE + (place % BUFFER as u64) as usize;
            // SAFETY: within the mapping; the kernel leaves alone what is before its head and not given back.
            unsafe { mapping.address().add(place).read() }
        };
        (from..from + len as u64).map(byte).collect()
    };
    while at < end {
        let header = copy(at, 8);
        let size = u16::from_ne_bytes([header[6], header[7]]);
        if size < 8 {
            break;
        }
        let record = copy(at, size.into());
        if let Some(change) = parse(&record, lost) {
            queue.push_back(change);
        }
        at += u64::from(size);
    }
    tail.store(end, Ordering::Release);
}

/// A record of the kernel's, if it is of use, and its time.
fn parse(record: &[u8], lost: &mut u64) -> Option<(u64, Change)> {
    let u32_at = |at: usize| Some(u32::from_ne_bytes(*record.get(at..)?.first_chunk()?));
    let u64_at = |at: usize| Some(u64::from_ne_bytes(*record.get(at..)?.first_chunk()?));
    let misc = u16::from_ne_bytes(*record.get(4..)?.first_chunk()?);
    let time = u64::from_ne_bytes(*record.last_chunk()?);
    let change = match u32_at(0)? {
        libbpf_sys::PERF_RECORD_LOST => {
            *lost += u64_at(16)?;
            return None;
        }
        libbpf_sys::PERF_RECORD_COMM if u32::from(misc) & libbpf_sys::PERF_RECORD_MISC_COMM_EXEC != 0 => {
            Change::Executed(u32_at(8)?, time)
        }
        libbpf_sys::PERF_RECORD_FORK => {
            let (child, parent) = (u32_at(8)?, u32_at(12)?);
            if child == parent {
                return None;
            }
            Change::Forked { parent, child }
        }
        libbpf_sys::PERF_RECORD_MMAP2 => {
            let (start, len) = (u64_at(16)?, u64_at(24)?);
            let name = record.get(72..record.len() - 8)?;
            let name = &name[..name.iter().position(|byte| *byte == 0)?];
            let pid = u32_at(8)?;
            let mapped = Mapped {
                pid,
                time_ns: time,
                start,
                end: start.checked_add(len)?,
                offset: u64_at(32)?,
                inode: u64_at(48)?,
                generation: u64_at(56)?,
                name: name.to_vec(),
            };
            Change::Mapped(pid, mapped)
        }
        _ => return None,
    };
    Some((time, change))
}
