//! What depends on the processor, beside `probes-bpf/src/bpf/arch.h`.

/// The numbers of execve, native and 32-bit: under them the kernel reports every exec that succeeded, execveat too.
#[cfg(target_arch = "x86_64")]
pub(crate) const EXECVE: [u32; 2] =
    [syscalls::x86_64::Sysno::execve as u32, syscalls::x86::Sysno::execve as u32];

/// The numbers of the calls that make a thread or process, native and 32-bit: they return in the child too.
#[cfg(target_arch = "x86_64")]
pub(crate) const CLONES: [[u32; 4]; 2] = {
    use syscalls::{x86, x86_64};
    [
        [
            x86_64::Sysno::clone as u32,
            x86_64::Sysno::fork as u32,
            x86_64::Sysno::vfork as u32,
            x86_64::Sysno::clone3 as u32,
        ],
        [
            x86::Sysno::clone as u32,
            x86::Sysno::fork as u32,
            x86::Sysno::vfork as u32,
            x86::Sysno::clone3 as u32,
        ],
    ]
};

/// The numbers of rt_sigreturn: the kernel's own and of 32-bit programs.
#[cfg(target_arch = "x86_64")]
pub(crate) const RT_SIGRETURN: [u32; 2] =
    [syscalls::x86_64::Sysno::rt_sigreturn as u32, syscalls::x86::Sysno::rt_sigreturn as u32];
