//! The flags of the `open` family: names as in the headers, in the order in which they are shown.
//!
//! Values are the kernel's for this architecture. Where the C library has another idea of a name
//! (`O_LARGEFILE` is 0 for 64-bit programs of glibc) or none, the number is that of `asm/fcntl.h`.

use rstrace_core::flags::FlagSet;

/// `__O_TMPFILE` of `asm-generic/fcntl.h`: what is left of `O_TMPFILE` without `O_DIRECTORY`.
pub const O_TMPFILE_BIT: u64 = (libc::O_TMPFILE & !libc::O_DIRECTORY) as u64;
/// `__O_SYNC`: what is left of `O_SYNC` without `O_DSYNC`.
const O_SYNC_BIT: u64 = (libc::O_SYNC & !libc::O_DSYNC) as u64;
/// From `arch/arm64/include/uapi/asm/fcntl.h`.
#[cfg(any(target_arch = "aarch64", target_arch = "arm"))]
const O_LARGEFILE: u64 = 0o400000;
/// From `asm-generic/fcntl.h`.
#[cfg(not(any(target_arch = "aarch64", target_arch = "arm")))]
const O_LARGEFILE: u64 = 0o100000;

/// The flags of `open`, `openat` and of `flags` in `struct open_how`.
pub static OPEN: FlagSet = FlagSet {
    choice: Some((
        libc::O_ACCMODE as u64,
        &[
            (libc::O_RDONLY as u64, "O_RDONLY"),
            (libc::O_WRONLY as u64, "O_WRONLY"),
            (libc::O_RDWR as u64, "O_RDWR"),
            (libc::O_ACCMODE as u64, "O_ACCMODE"),
        ],
    )),
    names: &[
        (libc::O_CREAT as u64, "O_CREAT"),
        (libc::O_EXCL as u64, "O_EXCL"),
        (libc::O_NOCTTY as u64, "O_NOCTTY"),
        (libc::O_TRUNC as u64, "O_TRUNC"),
        (libc::O_APPEND as u64, "O_APPEND"),
        (libc::O_NONBLOCK as u64, "O_NONBLOCK"),
        (libc::O_SYNC as u64, "O_SYNC"),
        (libc::O_DSYNC as u64, "O_DSYNC"),
        (O_SYNC_BIT, "__O_SYNC"),
        (libc::O_DIRECT as u64, "O_DIRECT"),
        (O_LARGEFILE, "O_LARGEFILE"),
        (libc::O_NOFOLLOW as u64, "O_NOFOLLOW"),
        (libc::O_NOATIME as u64, "O_NOATIME"),
        (libc::O_CLOEXEC as u64, "O_CLOEXEC"),
        (libc::O_PATH as u64, "O_PATH"),
        (libc::O_TMPFILE as u64, "O_TMPFILE"),
        (O_TMPFILE_BIT, "__O_TMPFILE"),
        (libc::O_DIRECTORY as u64, "O_DIRECTORY"),
        (libc::O_ASYNC as u64, "FASYNC"),
    ],
    prefix: "O",
};

/// `resolve` in `struct open_how`.
pub static RESOLVE: FlagSet = FlagSet {
    choice: None,
    names: &[
        (libc::RESOLVE_NO_XDEV, "RESOLVE_NO_XDEV"),
        (libc::RESOLVE_NO_MAGICLINKS, "RESOLVE_NO_MAGICLINKS"),
        (libc::RESOLVE_NO_SYMLINKS, "RESOLVE_NO_SYMLINKS"),
        (libc::RESOLVE_BENEATH, "RESOLVE_BENEATH"),
        (libc::RESOLVE_IN_ROOT, "RESOLVE_IN_ROOT"),
        (libc::RESOLVE_CACHED, "RESOLVE_CACHED"),
    ],
    prefix: "RESOLVE",
};

/// Whether a call with these flags takes a mode (open(2), `O_CREAT` and `O_TMPFILE`).
pub fn takes_mode(flags: u64) -> bool {
    flags & (libc::O_CREAT as u64 | O_TMPFILE_BIT) != 0
}
