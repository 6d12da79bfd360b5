//! The table of system calls: a file per family, a row per call.
//!
//! A new call is a row, a new flag is a name in its set. Names and order of arguments are those of the manual
//! pages.

mod bpf;
mod creds;
mod errors;
mod exec;
mod fcntl;
mod fds;
mod futex;
mod ids;
mod ioctl;
mod ipc;
mod keys;
mod memory;
mod mounts;
mod net;
pub(crate) mod open;
mod paths;
mod perf;
mod polling;
mod prctl;
mod processes;
mod ptrace;
mod sched;
mod security;
mod signals;
mod stat;
mod system;
mod time;
mod uring;
mod watches;
mod xattrs;

use rstrace_core::describe::Syscall;

pub use net::NETLINK_PROTOCOLS;
pub use signals::KERNEL_SIGINFO;

/// The families.
static FAMILIES: &[&[Syscall]] = &[
    bpf::SYSCALLS,
    creds::SYSCALLS,
    exec::SYSCALLS,
    fcntl::SYSCALLS,
    fds::SYSCALLS,
    futex::SYSCALLS,
    ids::SYSCALLS,
    ioctl::SYSCALLS,
    ipc::SYSCALLS,
    keys::SYSCALLS,
    memory::SYSCALLS,
    mounts::SYSCALLS,
    net::SYSCALLS,
    open::SYSCALLS,
    paths::SYSCALLS,
    perf::SYSCALLS,
    polling::SYSCALLS,
    prctl::SYSCALLS,
    processes::SYSCALLS,
    ptrace::SYSCALLS,
    sched::SYSCALLS,
    security::SYSCALLS,
    signals::SYSCALLS,
    stat::SYSCALLS,
    system::SYSCALLS,
    time::SYSCALLS,
    uring::SYSCALLS,
    watches::SYSCALLS,
    xattrs::SYSCALLS,
];

/// Every row.
pub fn all() -> impl Iterator<Item = &'static Syscall> {
    FAMILIES.iter().copied().flatten()
}
