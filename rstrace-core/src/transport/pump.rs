//! The reader: a thread of its own that empties the transport into memory, and beyond a bound into a file, so that
//! a slow output never slows it.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::{Found, Reader, frames};
use crate::error::{Context, Result};
use crate::memory::extend;

/// Records are handed on in blocks of about so many bytes, or when nothing more is waiting.
const BLOCK: usize = 256 << 10;
/// Bytes of records that may wait in memory.
const MEMORY: usize = 64 << 20;
/// How long a record may wait in a buffer that is nearly empty: a terminal is to see a line within 50 ms.
pub(crate) const POLL_MS: u16 = 20;

/// The reading end of a session.
#[derive(Debug)]
pub(crate) struct Pump {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// Told when all has been read. The thread then gives its mappings back, which nobody need wait for.
    read_all: Receiver<()>,
    /// A block that has been handed out, to be used again.
    spare: Vec<u64>,
    complete_ns: u64,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    /// Readable when a block waits.
    filled: EventFd,
    /// To end the thread.
    stop: EventFd,
    stopping: AtomicBool,
    /// What was recorded until then (`CLOCK_MONOTONIC` ns) is in the queue, or was.
    queued_ns: AtomicU64,
}

#[derive(Debug, Default)]
struct Queue {
    /// With the time up to which nothing is missing behind each.
    blocks: VecDeque<(Block, u64)>,
    /// Bytes of those that are in memory.
    waiting: usize,
    spare: Vec<Vec<u64>>,
    spill: Option<Spill>,
    spilled: u64,
    ended: bool,
}

/// Records as words, one after the other.
#[derive(Debug)]
enum Block {
    Memory(Vec<u64>),
    /// Bytes of the file: from, and how many.
    File(u64, usize),
}

/// A file without a name.
#[derive(Debug)]
struct Spill {
    file: File,
    end: u64,
    /// Blocks in it that have not been read.
    blocks: usize,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The queue, unless somebody else has it.
    fn free_queue(&self) -> Option<MutexGuard<'_, Queue>> {
        match self.queue.try_lock() {
            Ok(queue) => Some(queue),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl Queue {
    fn push(&mut self, block: Vec<u64>, complete_ns: u64) -> Vec<u64> {
        let bytes = block.len() * 8;
        if self.waiting + bytes > MEMORY
            && let Ok(place) = self.spill(&block)
        {
            self.blocks.push_back((Block::File(place, bytes), complete_ns));
            self.spilled += bytes as u64;
            return block;
        }
        // with no room in a file either, memory is what is left
        self.waiting += bytes;
        self.blocks.push_back((Block::Memory(block), complete_ns));
        self.spare.pop().unwrap_or_default()
    }

    fn spill(&mut self, block: &[u64]) -> io::Result<u64> {
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => none.insert(Spill { file: tempfile()?, end: 0, blocks: 0 }),
        };
        if spill.blocks == 0 {
            // all that was in it has been read
            spill.file.set_len(0)?;
            spill.end = 0;
        }
        let place = spill.end;
        spill.file.write_all_at(crate::memory::bytes_of(block), place)?;
        spill.end += (block.len() * 8) as u64;
        spill.blocks += 1;
        Ok(place)
    }
}

/// A file that nobody else can open, and that is gone with its descriptor.
fn tempfile() -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = File::options();
    options.read(true).write(true).mode(0o600).custom_flags(libc::O_TMPFILE);
    options.open(std::env::temp_dir()).or_else(|_| options.open("/var/tmp"))
}

impl Pump {
    /// Starts the thread.
    pub(crate) fn start(reader: Reader) -> Result<Self> {
        let eventfd =
            || EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK).context("eventfd");
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            filled: eventfd()?,
            stop: eventfd()?,
            stopping: AtomicBool::new(false),
            queued_ns: AtomicU64::new(0),
        });
        let own = Arc::clone(&shared);
        let (tell, read_all) = channel();
        let thread = std::thread::Builder::new().name("reader".into()).spawn(move || {
            let mut reader = reader;
            pump(&mut reader, &own);
            // nobody listens any more if the session is gone
            let _ = tell.send(());
        });
        let thread = Some(thread.context("the reader's thread")?);
        Ok(Self { shared, thread, read_all, spare: Vec::new(), complete_ns: 0 })
    }

    /// The time (`CLOCK_MONOTONIC`, ns) up to which all records have been handed out.
    pub(crate) fn complete_ns(&self) -> u64 {
        self.complete_ns
    }

    /// Becomes readable when something is waiting.
    pub(crate) fn filled(&self) -> BorrowedFd<'_> {
        self.shared.filled.as_fd()
    }

    /// Reads what is left, without holding anything back, and has the thread end.
    pub(crate) fn finish(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        let _ = self.shared.stop.write(1);
        // else it has panicked
        if self.read_all.recv().is_err() {
            self.join();
        }
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            // a panic of the thread is one of the session
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    }

    /// Hands out one block of records; says whether there was one. An error is that of the file, whose records
    /// are lost.
    pub(crate) fn read(&mut self, deliver: &mut dyn FnMut(&[u8])) -> Result<bool> {
        let _ = self.shared.filled.read();
        // before the queue: what is added meanwhile is not promised
        let queued_ns = self.shared.queued_ns.load(Ordering::Acquire);
        let mut queue = self.shared.queue();
        let Some((block, complete_ns)) = queue.blocks.pop_front() else {
            self.complete_ns = queued_ns;
            return Ok(false);
        };
        let words = match block {
            Block::Memory(words) => {
                queue.waiting -= words.len() * 8;
                let spare = std::mem::take(&mut self.spare);
                if spare.capacity() > 0 && queue.spare.len() < 4 {
                    queue.spare.push(spare);
                }
                drop(queue);
                words
            }
            Block::File(place, bytes) => {
                let words = read_back(&mut queue, place, bytes, std::mem::take(&mut self.spare));
                drop(queue);
                words.context("cannot read back the file in which events waited")?
            }
        };
        for record in frames::records(&words) {
            deliver(without_padding(record));
        }
        self.spare = words;
        self.spare.clear();
        self.complete_ns = complete_ns;
        Ok(true)
    }

    /// Bytes that went through a file.
    pub(crate) fn spilled(&self) -> u64 {
        self.shared.queue().spilled
    }
}

/// A block that waited in the file.
fn read_back(queue: &mut Queue, place: u64, bytes: usize, mut words: Vec<u64>) -> io::Result<Vec<u64>> {
    let mut buffer = vec![0; bytes];
    words.clear();
    let spill = queue.spill.as_mut().ok_or(io::ErrorKind::NotFound)?;
    spill.blocks -= 1;
    spill.file.read_exact_at(&mut buffer, place)?;
    extend(&mut words, &buffer);
    Ok(words)
}

impl Drop for Pump {
    fn drop(&mut self) {
        if !self.shared.stopping.load(Ordering::Acquire) {
            self.finish();
        }
        self.join();
    }
}

/// How long a record is waited for that is being written.
const UNFINISHED: Duration = Duration::from_micros(100);
/// After how long it is tried again to hand on a block, if nothing comes meanwhile.
const HAND_ON_MS: u16 = 1;

fn pump(reader: &mut Reader, shared: &Shared) {
    run_first();
    let mut block: Vec<u64> = Vec::with_capacity(2 * BLOCK / 8);
    loop {
        // before the last read, so that this one sees everything
        let last = shared.stopping.load(Ordering::Acquire);
        let found = reader.read(last, &mut block);
        let is_due = found != Found::Records || block.len() * 8 >= BLOCK;
        if is_due && !block.is_empty() {
            // who has the queue is of ordinary priority, and may not get a CPU until there is too much to read
            let queue = if last { Some(shared.queue()) } else { shared.free_queue() };
            if let Some(mut queue) = queue {
                block = queue.push(block, reader.complete_ns());
                drop(queue);
                block.clear();
                let _ = shared.filled.write(1);
            }
        }
        if block.is_empty() {
            shared.queued_ns.store(reader.complete_ns(), Ordering::Release);
        }
        match found {
            Found::Records => continue,
            Found::Unfinished => {
                // who writes it may wait for this CPU
                std::thread::sleep(UNFINISHED);
                continue;
            }
            Found::Nothing => {}
        }
        if last {
            shared.queue().ended = true;
            return;
        }
        let mut fds = [
            PollFd::new(reader.epoll_fd(), PollFlags::POLLIN),
            PollFd::new(shared.stop.as_fd(), PollFlags::POLLIN),
        ];
        let timeout = if block.is_empty() { POLL_MS } else { HAND_ON_MS };
        // an interruption is as good as a timeout
        let _ = poll(&mut fds, PollTimeout::from(timeout));
    }
}

/// Gives the calling thread a CPU whenever it wants one: those that make records may want all of them, and the buffer
/// lasts for some milliseconds only. It sleeps when nothing is waiting. Without the privilege it stays as it is.
fn run_first() {
    // SAFETY: a structure of plain numbers that is read during the call.
    unsafe {
        let priority = libc::sched_param { sched_priority: 1 };
        libc::sched_setscheduler(0, libc::SCHED_RR, &priority);
    }
}

/// Perf buffers fill samples up: a record says how long it is.
fn without_padding(bytes: &[u8]) -> &[u8] {
    let size = bytes.first_chunk::<4>().map_or(0, |size| u32::from_ne_bytes(*size) as usize);
    bytes.get(..size).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::ring::written::Written;
    use super::*;

    #[test]
    fn who_has_the_queue_does_not_keep_the_reader_from_emptying_the_ring() {
        let (written, ring) = Written::new();
        let mut pump = Pump::start(Reader::Ring(ring)).unwrap();
        // more than the ring holds: one record of a word at a time, which says its own size as a record does
        const RECORDS: u64 = 1000;
        let queue = pump.shared.queue();
        for position in (0..RECORDS).map(|number| number * 16) {
            written.word(position, 8);
            written.word(position + 8, 8);
            written.produced(position + 16);
            let begin = std::time::Instant::now();
            while written.consumed() < position + 16 {
                assert!(begin.elapsed() < Duration::from_secs(10), "nobody reads");
                std::thread::yield_now();
            }
        }
        assert!(queue.blocks.is_empty());
        drop(queue);
        pump.finish();
        let mut records = 0;
        while pump.read(&mut |_| records += 1).unwrap() {}
        assert_eq!(records, RECORDS);
    }

    #[test]
    fn what_is_too_much_for_memory_waits_in_a_file() {
        let mut queue = Queue::default();
        let block = |number: u64| vec![number; MEMORY / 8 / 4];
        for number in 0..6 {
            queue.push(block(number), number);
        }
        assert_eq!(queue.spilled, 2 * (MEMORY / 4) as u64);
        for number in 0..6 {
            let (words, complete_ns) = queue.blocks.pop_front().unwrap();
            assert_eq!(complete_ns, number);
            let words = match words {
                Block::Memory(words) => words,
                Block::File(place, bytes) => read_back(&mut queue, place, bytes, Vec::new()).unwrap(),
            };
            assert_eq!(words, block(number), "{number}");
        }
        assert_eq!(queue.spill.as_ref().unwrap().blocks, 0);
        queue.spill.as_mut().unwrap().blocks = 1;
        queue.spill.as_mut().unwrap().file.set_len(0).unwrap();
        assert!(read_back(&mut queue, 0, 8, Vec::new()).is_err());
    }
}
