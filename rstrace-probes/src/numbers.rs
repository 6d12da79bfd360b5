//! System call numbers by name: the kernel's own table and the one for 32-bit programs.
//!
//! The tables are those of the `syscalls` crate; a call that an architecture does not have is `None`.

use rstrace_core::probe::{Hook, Returns};
use syscalls::Sysno;

#[cfg(target_arch = "aarch64")]
use syscalls::arm::Sysno as CompatSysno;
#[cfg(target_arch = "x86_64")]
use syscalls::x86::Sysno as CompatSysno;

/// The number in the kernel's own table.
pub fn native(name: &str) -> Option<u32> {
    name.parse::<Sysno>().ok().map(|number| number.id() as u32)
}

/// The number in the table for 32-bit programs.
pub fn compat(name: &str) -> Option<u32> {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    return name.parse::<CompatSysno>().ok().map(|number| number.id() as u32);
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return None;
}

/// Whether one of the tables has a call of this name.
pub fn exists(name: &str) -> bool {
    native(name).is_some() || compat(name).is_some()
}

/// The names of the kernel's own table.
pub fn names() -> impl Iterator<Item = &'static str> {
    Sysno::iter().map(|number| number.name())
}

/// The hook for a system call whose result fits an `int`, `None` if this architecture does not have it.
pub(crate) fn hook(name: &str, through: &'static [&'static str], unseen: &'static str) -> Option<Hook> {
    let (native, compat) = (native(name), compat(name));
    (native.is_some() || compat.is_some()).then_some(Hook::Syscall {
        native,
        compat,
        through,
        returns: Returns::Int,
        unseen,
    })
}

#[cfg(test)]
#[cfg(target_arch = "x86_64")]
mod tests {
    use super::*;

    #[test]
    fn both_tables_are_there() {
        assert_eq!((native("openat"), compat("openat")), (Some(libc::SYS_openat as u32), Some(295)));
        assert_eq!((native("waitpid"), compat("waitpid")), (None, Some(7)));
        assert!(!exists("opne"));
        assert!(names().any(|name| name == "openat2"));
    }
}
