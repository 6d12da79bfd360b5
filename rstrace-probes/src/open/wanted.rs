//! Which opens are asked for, by their flags: names to tests that the kernel side makes.

use rstrace_core::{ArgFilter, MAX_TESTS};

use super::{CREAT_FLAGS, SYSCALLS};
use crate::syscall::table::open::OPEN_FLAGS;
use crate::uapi;

/// Names that programs write and that are shown by other ones.
const ALIASES: &[(&str, u64)] = &[
    ("O_NDELAY", uapi::O_NONBLOCK),
    ("O_RSYNC", uapi::O_SYNC),
    ("O_FSYNC", uapi::O_SYNC),
    ("O_ASYNC", uapi::FASYNC),
];

/// Where the flags are: the call, the argument, and whether that points to them, as the first member of
/// `struct open_how` is pointed to. creat passes none.
const PLACES: &[(&str, u8, bool)] = &[("open", 1, false), ("openat", 2, false), ("openat2", 2, true)];

const ACCESS: u64 = uapi::O_ACCMODE;

/// Opens with certain flags: with all that are named. A call has one access mode, so of these any that is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedFlags {
    /// Masks and values, one of which is to fit.
    any_of: Vec<(u64, u64)>,
}

impl WantedFlags {
    /// By the names of flags; the error is the name that there is none of.
    pub fn named<'a>(names: &[&'a str]) -> Result<Self, &'a str> {
        let (mut modes, mut set) = (Vec::new(), 0);
        for name in names {
            if let Some(mode) = access_mode(name) {
                if !modes.contains(&mode) {
                    modes.push(mode);
                }
            } else {
                set |= bits(name).ok_or(*name)?;
            }
        }
        let any_of = match modes.as_slice() {
            [] => vec![(set, set)],
            modes => modes.iter().map(|mode| (set | ACCESS, set | mode)).collect(),
        };
        debug_assert!(any_of.len() <= MAX_TESTS);
        Ok(Self { any_of })
    }

    /// Whether a call with these flags is asked for.
    pub fn fits(&self, flags: u64) -> bool {
        self.any_of.iter().any(|(mask, value)| flags & mask == *value)
    }

    /// The system calls that may be asked for: not creat if its flags are none of them.
    pub fn syscalls(&self) -> Vec<&'static str> {
        let may_be = |call: &&'static str| *call != "creat" || self.fits(CREAT_FLAGS.bits);
        SYSCALLS.iter().copied().filter(may_be).collect()
    }

    /// For the kernel side.
    pub fn filters(&self) -> Vec<ArgFilter> {
        let filter = |(pair, arg, pointed): &(&'static str, u8, bool)| ArgFilter {
            pair,
            arg: *arg,
            pointed: *pointed,
            any_of: self.any_of.clone(),
        };
        PLACES.iter().map(filter).collect()
    }
}

/// The access mode of this name.
fn access_mode(name: &str) -> Option<u64> {
    let (_, modes) = OPEN_FLAGS.choice?;
    modes.iter().find(|(_, known)| *known == name).map(|(mode, _)| *mode)
}

/// The bits of a flag's name.
fn bits(name: &str) -> Option<u64> {
    let named = OPEN_FLAGS.names.iter().filter(|(_, known)| !known.starts_with('_')).map(|(b, n)| (*n, *b));
    named.chain(ALIASES.iter().copied()).find(|(known, _)| *known == name).map(|(_, bits)| bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREAT: u64 = CREAT_FLAGS.bits;
    const RDWR: u64 = libc::O_RDWR as u64;
    const TRUNC: u64 = libc::O_TRUNC as u64;

    fn fits(names: &[&str], flags: u64) -> bool {
        WantedFlags::named(names).expect("flags").fits(flags)
    }

    #[test]
    fn all_named_flags_must_be_set() {
        assert!(fits(&["O_CREAT", "O_TRUNC"], CREAT));
        assert!(!fits(&["O_CREAT", "O_EXCL"], CREAT));
        // of more than one bit
        assert!(!fits(&["O_TMPFILE"], libc::O_DIRECTORY as u64));
        assert!(fits(&["O_TMPFILE"], libc::O_TMPFILE as u64 | RDWR));
    }

    #[test]
    fn reading_only_is_a_value_and_not_a_bit() {
        assert!(fits(&["O_RDONLY"], libc::O_CLOEXEC as u64));
        assert!(!fits(&["O_RDONLY"], RDWR));
    }

    #[test]
    fn of_the_access_modes_any_will_do() {
        assert!(fits(&["O_WRONLY", "O_RDWR"], CREAT));
        assert!(fits(&["O_WRONLY", "O_RDWR"], RDWR));
        assert!(!fits(&["O_WRONLY", "O_RDWR"], 0));
        assert!(!fits(&["O_WRONLY", "O_RDWR", "O_TRUNC"], RDWR));
        assert!(fits(&["O_WRONLY", "O_RDWR", "O_TRUNC"], RDWR | TRUNC));
    }

    #[test]
    fn every_access_mode_at_once_is_not_too_much() {
        let all = ["O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE", "O_RDWR"];
        assert_eq!(WantedFlags::named(&all).expect("flags").any_of.len(), 4);
    }

    #[test]
    fn what_is_no_flag_is_named() {
        assert_eq!(WantedFlags::named(&["O_RDWR", "O_NOPE"]), Err("O_NOPE"));
        assert_eq!(WantedFlags::named(&["__O_SYNC"]), Err("__O_SYNC"));
        assert_eq!(WantedFlags::named(&["FASYNC"]).map(|w| w.fits(libc::O_ASYNC as u64)), Ok(true));
        assert!(fits(&["O_ASYNC"], libc::O_ASYNC as u64));
    }

    #[test]
    fn creat_is_left_alone_if_it_cannot_fit() {
        let syscalls = |names: &[&str]| WantedFlags::named(names).expect("flags").syscalls();
        assert_eq!(syscalls(&["O_RDWR"]), ["open", "openat", "openat2"]);
        assert!(syscalls(&["O_CREAT"]).contains(&"creat"));
    }

    #[test]
    fn each_call_says_where_its_flags_are() {
        let filters = WantedFlags::named(&["O_RDWR"]).expect("flags").filters();
        let places: Vec<_> = filters.iter().map(|f| (f.pair, f.arg, f.pointed)).collect();
        assert_eq!(places, [("open", 1, false), ("openat", 2, false), ("openat2", 2, true)]);
    }
}
