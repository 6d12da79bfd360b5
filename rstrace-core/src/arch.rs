//! What depends on the processor, beside `probes-bpf/src/bpf/arch.h`.

/// The numbers of execve, native and 32-bit: under them the kernel reports every exec that succeeded, execveat too.
#[cfg(target_arch = "x86_64")]
pub(crate) const EXECVE: [u32; 2] =
    [syscalls::x86_64::Sysno::execve as u32, syscalls::x86::Sysno::execve as u32];
