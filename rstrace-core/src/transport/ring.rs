//! The BPF ring buffer: one for all CPUs, in order.

use std::ffi::{c_int, c_void};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;

use super::Callback;
use crate::error::{Error, ErrorKind, Result};

/// Records handed out before the caller looks at signals again.
const BATCH: usize = 4096;

/// The reading end of a ring buffer.
#[derive(Debug)]
pub(crate) struct Ring {
    ring: NonNull<libbpf_sys::ring_buffer>,
    // the ring keeps its context; dropped after it
    callback: Callback,
}

unsafe extern "C" fn sample(context: *mut c_void, data: *mut c_void, len: libbpf_sys::size_t) -> c_int {
    // SAFETY: libbpf passes a record that stays until the callback returns, and the context that `new` registered,
    // whose callback outlives the ring.
    unsafe { Callback::call(context, std::slice::from_raw_parts(data.cast(), len as usize)) };
    0
}

impl Ring {
    pub(super) fn new(map: BorrowedFd<'_>) -> Result<Self> {
        let callback = Callback::new(None);
        // SAFETY: the map is a ring buffer; the context outlives the ring, both being owned by the result.
        let ring = unsafe {
            libbpf_sys::ring_buffer__new(map.as_raw_fd(), Some(sample), callback.context(), std::ptr::null())
        };
        let ring = NonNull::new(ring).ok_or_else(|| {
            let error = std::io::Error::last_os_error();
            Error::new(ErrorKind::Other, format!("the ring buffer can't be mapped: {error}"))
        })?;
        Ok(Self { ring, callback })
    }

    pub(super) fn epoll_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the ring is alive, and its descriptor with it.
        unsafe { BorrowedFd::borrow_raw(libbpf_sys::ring_buffer__epoll_fd(self.ring.as_ptr())) }
    }

    pub(super) fn read(&mut self, deliver: &mut dyn FnMut(&[u8])) -> bool {
        let ring = self.ring.as_ptr();
        let mut count = 0;
        self.callback.during(deliver, || {
            // SAFETY: the ring is alive; its callback is ours.
            count = unsafe { libbpf_sys::ring_buffer__consume_n(ring, BATCH as _) };
        });
        count > 0
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: made by ring_buffer__new, freed once.
        unsafe { libbpf_sys::ring_buffer__free(self.ring.as_ptr()) }
    }
}
