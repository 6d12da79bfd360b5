//! System call numbers and names: the kernel's own table and the one for 32-bit programs.
//!
//! Names are those of the newest kernel's headers (`uapi::numbers`). A name's number is that of the
//! `syscalls` crate, and what is newer than the crate goes by the headers' tables. A call that an architecture
//! does not have is `None`.

use std::borrow::Cow;

use rstrace_core::event::Abi;
use syscalls::Sysno;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use crate::uapi::numbers::{COMPAT, NATIVE};
#[cfg(target_arch = "aarch64")]
use syscalls::arm::Sysno as CompatSysno;
#[cfg(target_arch = "x86_64")]
use syscalls::x86::Sysno as CompatSysno;

/// What the headers of no other architecture are read for.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
static NATIVE: &[(u32, &str)] = &[];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
static COMPAT: &[(u32, &str)] = &[];

/// The number in the kernel's own table.
pub fn native(name: &str) -> Option<u32> {
    name.parse::<Sysno>().ok().map(|number| number.id() as u32).or_else(|| number_in(NATIVE, name))
}

/// The number in the table for 32-bit programs.
pub fn compat(name: &str) -> Option<u32> {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    if let Ok(number) = name.parse::<CompatSysno>() {
        return Some(number.id() as u32);
    }
    number_in(COMPAT, name)
}

/// The name of a number in the kernel's own table.
pub fn native_name(number: u32) -> Option<&'static str> {
    *NATIVE_NAMES.get(number as usize)?
}

/// The name of a number in the table for 32-bit programs.
pub fn compat_name(number: u32) -> Option<&'static str> {
    *COMPAT_NAMES.get(number as usize)?
}

/// What a call is shown as, in lines and in tables: its name, or `syscall_0x` and its number, of which a register
/// holds all, also of a negative one.
pub fn name(abi: Abi, number: u32) -> Cow<'static, str> {
    let (known, register) = match abi {
        Abi::Native => (native_name(number), i64::from(number as i32) as u64),
        Abi::Compat32 => (compat_name(number), number.into()),
    };
    known.map_or_else(|| Cow::Owned(format!("syscall_{register:#x}")), Cow::Borrowed)
}

static NATIVE_NAMES: [Option<&str>; length(NATIVE)] = by_number(NATIVE);
static COMPAT_NAMES: [Option<&str>; length(COMPAT)] = by_number(COMPAT);

const fn length(table: &[(u32, &str)]) -> usize {
    match table {
        [.., (last, _)] => *last as usize + 1,
        [] => 0,
    }
}

/// A look-up by number is on the way of every call: an index, no search.
const fn by_number<const N: usize>(table: &[(u32, &'static str)]) -> [Option<&'static str>; N] {
    let mut names = [None; N];
    let mut row = 0;
    while row < table.len() {
        names[table[row].0 as usize] = Some(table[row].1);
        row += 1;
    }
    names
}

fn number_in(table: &[(u32, &str)], name: &str) -> Option<u32> {
    table.iter().find(|(_, known)| *known == name).map(|(number, _)| *number)
}

/// Whether one of the tables has a call of this name.
pub fn exists(name: &str) -> bool {
    native(name).is_some() || compat(name).is_some()
}

/// The names of the kernel's own table.
pub fn names() -> impl Iterator<Item = &'static str> {
    let newer = NATIVE.iter().map(|(_, name)| *name).filter(|name| name.parse::<Sysno>().is_err());
    Sysno::iter().map(|number| number.name()).chain(newer)
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

    #[test]
    fn the_newest_calls_are_there() {
        assert_eq!((native("rseq_slice_yield"), compat("listns")), (Some(471), Some(470)));
        assert_eq!((native_name(470), compat_name(471)), (Some("listns"), Some("rseq_slice_yield")));
        assert!(names().any(|name| name == "listns"));
        assert_eq!((native_name(400), compat_name(100_000)), (None, None));
    }

    #[test]
    fn a_number_without_a_name_is_shown_as_the_register_has_it() {
        assert_eq!((name(Abi::Native, 257), name(Abi::Compat32, 5)), ("openat".into(), "open".into()));
        assert_eq!(name(Abi::Native, 0x4000_0027), "syscall_0x40000027");
        assert_eq!(name(Abi::Native, u32::MAX), "syscall_0xffffffffffffffff");
        assert_eq!(name(Abi::Compat32, u32::MAX), "syscall_0xffffffff");
    }

    #[test]
    fn the_crate_and_the_headers_agree() {
        for (number, name) in NATIVE {
            assert_eq!((native(name), native_name(*number)), (Some(*number), Some(*name)));
        }
        for (number, name) in COMPAT {
            assert_eq!((compat(name), compat_name(*number)), (Some(*number), Some(*name)));
        }
        for call in Sysno::iter() {
            assert_eq!(native_name(call.id() as u32), Some(call.name()));
        }
    }

    #[test]
    fn each_name_is_told_once() {
        let mut all: Vec<_> = names().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
