//! How records come from the kernel: a BPF ring buffer, or a perf buffer per CPU merged by time. Both hand
//! out records in place and in one order, and wake their reader by fill level and not per record.

mod frames;
pub(crate) mod perf;
pub(crate) mod pump;
pub(crate) mod ring;

use std::ffi::c_void;
use std::os::fd::BorrowedFd;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;

use crate::backend::attach::PerfRead;

/// A way for records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A perf buffer per CPU: every kernel.
    Perf,
    /// A BPF ring buffer: 5.8 and later.
    Ring,
}

/// Why [`Transport::Ring`] can't be used where it can't: the doctor's words and the error's.
pub(crate) const NO_RING: &str = "this kernel has no BPF ring buffer (it came with 5.8)";

impl Transport {
    /// The word after `--transport`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Perf => "perf",
            Self::Ring => "ring",
        }
    }
}

/// What a reader found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Records; there may be more.
    Records,
    /// A record that is still being written. Others may be behind it.
    Unfinished,
    /// Nothing: all that was written before has been read.
    Nothing,
}

/// The reading end.
#[derive(Debug)]
pub(crate) enum Reader {
    Ring(ring::Ring),
    Perf(perf::Perf),
}

impl Reader {
    /// Becomes readable when much is waiting; little is left for a timer.
    pub(crate) fn epoll_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Ring(ring) => ring.map(),
            Self::Perf(perf) => perf.epoll_fd(),
        }
    }

    /// The time (`CLOCK_MONOTONIC`, ns) up to which everything that was written has been appended.
    pub(crate) fn complete_ns(&self) -> u64 {
        match self {
            Self::Ring(ring) => ring.complete_ns(),
            Self::Perf(perf) => perf.complete_ns(),
        }
    }

    /// Appends the frames of what is waiting, a bounded number of bytes at a time; says what there was.
    /// At the end (`last`) nothing is held back for ordering.
    pub(crate) fn read(&mut self, last: bool, block: &mut Vec<u64>) -> Found {
        match self {
            Self::Ring(ring) => ring.read(block),
            Self::Perf(perf) => perf.read(last, &mut |record| frames::push(block, record)),
        }
    }
}

// SAFETY: libbpf's objects and the ring's mappings belong to no thread, and a reader is used by one at a time.
unsafe impl Send for Reader {}

/// What a C callback calls. A panic must not cross C: it is kept and goes on behind the C code.
///
/// C code holds its address, so it is only ever used through a raw pointer.
#[derive(Debug)]
struct Callback(NonNull<CallbackState>);

type Deliver = dyn FnMut(&[u8]);

struct CallbackState {
    read: PerfRead,
    deliver: Option<*mut Deliver>,
    panic: Option<Box<dyn std::any::Any + Send>>,
}

impl Callback {
    fn new(read: PerfRead) -> Self {
        Self(NonNull::from(Box::leak(Box::new(CallbackState { read, deliver: None, panic: None }))))
    }

    /// What C code is to hand to [`Callback::call`].
    fn context(&self) -> *mut c_void {
        self.0.as_ptr().cast()
    }

    /// Runs C code that calls back into [`Callback::call`].
    fn during(&mut self, deliver: &mut dyn FnMut(&[u8]), run: impl FnOnce()) {
        let deliver: *mut (dyn FnMut(&[u8]) + '_) = deliver;
        let state = self.0.as_ptr();
        // SAFETY: only the lifetime changes, and the pointer is taken back below, before the borrow ends. No
        // reference to the state is held while the C code runs.
        unsafe {
            (*state).deliver =
                Some(std::mem::transmute::<*mut (dyn FnMut(&[u8]) + '_), *mut Deliver>(deliver));
            run();
            (*state).deliver = None;
            if let Some(panic) = (*state).panic.take() {
                resume_unwind(panic);
            }
        }
    }

    /// Tells the kernel side what has been taken out of a CPU's perf buffer.
    ///
    /// # Safety
    /// The context is that of a live callback.
    unsafe fn have_read(context: *mut c_void, cpu: usize, bytes: u64) {
        let state: *mut CallbackState = context.cast();
        // SAFETY: the state is alive.
        unsafe { (*state).read }.add(cpu, bytes);
    }

    /// Hands bytes to the closure of `during`.
    ///
    /// # Safety
    /// The context is that of a live callback.
    unsafe fn call(context: *mut c_void, bytes: &[u8]) {
        let state: *mut CallbackState = context.cast();
        // SAFETY: the state is alive, and `during` holds the borrow behind the closure's pointer.
        unsafe {
            if let (Some(deliver), None) = ((*state).deliver, &(*state).panic) {
                (*state).panic = catch_unwind(AssertUnwindSafe(|| (*deliver)(bytes))).err();
            }
        }
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        // SAFETY: made from a box by `new`, and the owner has freed the C code's object before.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}
