//! What depends on the processor, beside `probes-bpf/src/bpf/arch.h`.

use rstrace_probes_bpf::layout;

/// The numbers of calls of these names, native and 32-bit.
#[cfg(target_arch = "x86_64")]
macro_rules! numbers {
    ($($name:ident),+) => {
        [
            [$(syscalls::x86_64::Sysno::$name as u32),+],
            [$(syscalls::x86::Sysno::$name as u32),+],
        ]
    };
}

/// The numbers of execve, native and 32-bit: under them the kernel reports every exec that succeeded, execveat too.
#[cfg(target_arch = "x86_64")]
pub(crate) const EXECVE: [u32; 2] =
    [syscalls::x86_64::Sysno::execve as u32, syscalls::x86::Sysno::execve as u32];

/// The numbers of the calls that make a thread or process, native and 32-bit: they return in the child too.
#[cfg(target_arch = "x86_64")]
pub(crate) const CLONES: [[u32; 4]; 2] = numbers![clone, fork, vfork, clone3];

/// The numbers of the calls by which a thread may kill itself, native and 32-bit.
#[cfg(target_arch = "x86_64")]
pub(crate) const KILLS: [[u32; 4]; 2] = numbers![kill, tkill, tgkill, pidfd_send_signal];

/// The numbers of calls whose return does not tell which they were, native or 32-bit, as a set of bits.
#[cfg(target_arch = "x86_64")]
pub(crate) const RECALLED: [u64; layout::RECALLED_WORDS] = {
    use syscalls::{x86, x86_64};
    let numbers = [
        EXECVE[0],
        x86_64::Sysno::execveat as u32,
        x86_64::Sysno::rt_sigreturn as u32,
        EXECVE[1],
        x86::Sysno::execveat as u32,
        x86::Sysno::rt_sigreturn as u32,
        x86::Sysno::sigreturn as u32,
    ];
    let mut bits = [0; layout::RECALLED_WORDS];
    let mut place = 0;
    while place < numbers.len() {
        bits[numbers[place] as usize / 64] |= 1 << (numbers[place] % 64);
        place += 1;
    }
    bits
};

/// The numbers of rt_sigreturn: the kernel's own and of 32-bit programs.
#[cfg(target_arch = "x86_64")]
pub(crate) const RT_SIGRETURN: [u32; 2] =
    [syscalls::x86_64::Sysno::rt_sigreturn as u32, syscalls::x86::Sysno::rt_sigreturn as u32];
