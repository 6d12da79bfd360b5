//! Memory shared with the kernel through a descriptor.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;

/// A mapping (mmap(2)), until it is dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    address: NonNull<u8>,
    len: usize,
}

// SAFETY: it is an address range that belongs to no thread; who reads and writes it minds the other side anyway.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Maps `len` bytes from `offset`, which is a multiple of the page size; what is written is written for all.
    pub(crate) fn shared(fd: BorrowedFd<'_>, offset: usize, len: usize, writable: bool) -> io::Result<Self> {
        let protection = libc::PROT_READ | if writable { libc::PROT_WRITE } else { 0 };
        Self::map(fd, offset, len, protection, libc::MAP_SHARED)
    }

    /// Maps the first `len` bytes for reading.
    pub(crate) fn private(fd: BorrowedFd<'_>, len: usize) -> io::Result<Self> {
        Self::map(fd, 0, len, libc::PROT_READ, libc::MAP_PRIVATE)
    }

    fn map(fd: BorrowedFd<'_>, offset: usize, len: usize, protection: i32, flags: i32) -> io::Result<Self> {
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
        let address = unsafe {
            libc::mmap(std::ptr::null_mut(), len, protection, flags, fd.as_raw_fd(), offset as libc::off_t)
        };
        match NonNull::new(address.cast::<u8>()) {
            Some(address) if address.as_ptr().cast() != libc::MAP_FAILED => Ok(Self { address, len }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Where it begins.
    pub(crate) fn address(&self) -> *mut u8 {
        self.address.as_ptr()
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`, and nothing that borrows from it is left.
        unsafe { libc::munmap(self.address.as_ptr().cast(), self.len) };
    }
}
