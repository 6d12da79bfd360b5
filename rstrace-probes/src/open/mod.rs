//! The `open` probe: `open`, `openat`, `openat2` and `creat`, by the kernel functions that carry them out where
//! those are cheaper to trace.

pub mod context;
mod wanted;

use rstrace_core::describe::Limits;
use rstrace_core::flags::Flags;

use crate::syscall::table::open::OPEN_FLAGS;
use crate::syscall::{Described, Through};
use crate::uapi;

pub use crate::syscall::table::open::takes_mode;
pub use wanted::WantedFlags;

/// One line for `--list`.
pub const SUMMARY: &str = "files being opened or created: open, openat, openat2, creat";

/// The system calls.
pub const SYSCALLS: &[&str] = &["open", "openat", "openat2", "creat"];

/// All four pass through `do_sys_openat2`, on kernels before 5.6 through `do_sys_open`.
const THROUGH: Through = Through {
    functions: &["do_sys_openat2", "do_sys_open"],
    unseen: "calls that seccomp refuses, and openat2 calls whose open_how is refused (EINVAL, E2BIG, EFAULT)",
};

/// Opens that are no calls of the family.
const UNSEEN_BY_ALL: &str = "opens by io_uring (OPENAT, OPENAT2), by open_by_handle_at, and the kernel's own: of \
                             programs and interpreters in execve, of core dumps, swap and accounting files";

/// The flags of creat(2), which it does not pass.
pub const CREAT_FLAGS: Flags =
    Flags { bits: uapi::O_CREAT | uapi::O_WRONLY | uapi::O_TRUNC, set: &OPEN_FLAGS };

/// The probe.
pub fn open(limits: Limits) -> Described {
    Described::probe("open", SUMMARY, SYSCALLS, limits, THROUGH).blind_to(UNSEEN_BY_ALL)
}

#[cfg(test)]
mod tests;
