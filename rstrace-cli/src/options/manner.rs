//! How calls are shown, one differently from another, from the words of the command line.

use super::select::Calls;
use super::set::{self, Words};
use super::{Error, refuse};
use rstrace_core::describe::Limits;
use rstrace_core::event::Abi;
use rstrace_probes::syscall::Described;
use rstrace_probes::syscall::manner::{Dumps, Fds, Manner};

/// What was said of it.
#[derive(Debug, Default)]
pub struct Manners {
    /// Calls of which structures and lists are abbreviated, if not of all.
    abbreviated: Option<Calls>,
    /// Calls of which structures and lists are shown at all, if not of all.
    followed: Option<Calls>,
    /// Calls that are shown undecoded.
    raw: Calls,
    /// Data that is dumped.
    pub dumps: Dumps,
}

/// Whether this stands before a list that is about how calls are shown.
pub fn is_qualifier(word: &str) -> bool {
    matches!(
        word,
        "abbrev" | "a" | "verbose" | "v" | "raw" | "x" | "read" | "reads" | "r" | "write" | "writes" | "w"
    )
}

impl Manners {
    /// Takes in what a list says behind such a word.
    pub fn set(&mut self, qualifier: &str, list: &str) -> Result<(), Error> {
        match qualifier {
            "abbrev" | "a" => self.abbreviated = Some(Calls::of_list(list)?),
            "verbose" | "v" => self.followed = Some(Calls::of_list(list)?),
            "raw" | "x" => self.raw = Calls::of_list(list)?,
            "read" | "reads" | "r" => self.dumps.read = descriptors("read", list)?,
            _ => self.dumps.written = descriptors("write", list)?,
        }
        Ok(())
    }

    /// Whether nothing is abbreviated.
    pub fn at_length(&self) -> bool {
        self.abbreviated == Some(Calls::None)
    }

    /// Whether data is dumped.
    pub fn dump(&self) -> bool {
        self.dumps != Dumps::default()
    }

    /// Calls, shown as was said, for which so much is captured otherwise.
    pub fn of(&self, calls: Described, limits: Limits) -> Described {
        if self.abbreviated.as_ref().is_none_or(|calls| *calls == Calls::None)
            && self.followed.is_none()
            && self.raw == Calls::None
            && !self.dump()
        {
            return calls;
        }
        let is_among =
            |calls: &Option<Calls>, name: &str, abi| calls.as_ref().is_none_or(|calls| calls.has(name, abi));
        let manner = |name: &str, abi: Abi| Manner {
            limits: Limits {
                whole_lists: !is_among(&self.abbreviated, name, abi),
                addresses: !is_among(&self.followed, name, abi),
                ..limits
            },
            raw: self.raw.has(name, abi),
        };
        calls.shown(&manner, &self.dumps)
    }
}

/// Descriptors by their numbers: `3,5`, all others by `!`, `all`, `none`.
pub fn descriptors(option: &str, list: &str) -> Result<Fds, Error> {
    let Words { inverted, words } = set::words(list);
    let (inverted, words) = match words[..] {
        ["all"] => (!inverted, &[][..]),
        ["none"] => (inverted, &[][..]),
        _ => (inverted, &words[..]),
    };
    let number = |word: &&str| match word.parse::<i32>() {
        Ok(fd @ 0..) => Ok(fd),
        _ => refuse!("-e {option}={}: no descriptor: give a number, all or none", word.escape_debug()),
    };
    let mut numbers = words.iter().map(number).collect::<Result<Vec<_>, _>>()?;
    if numbers.is_empty() && !list.contains("all") && !list.contains("none") {
        refuse!("-e {option}= is empty: give a number, all or none");
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(Fds { inverted, numbers })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_numbers() {
        for (list, inverted, numbers) in [
            ("3,5,3", false, &[3, 5][..]),
            ("!3", true, &[3]),
            ("all", true, &[]),
            ("!all", false, &[]),
            ("none", false, &[]),
            ("!none", true, &[]),
        ] {
            assert_eq!(descriptors("read", list), Ok(Fds { inverted, numbers: numbers.to_vec() }), "{list}");
        }
        for list in ["", "x", "-1", "3,all", "!"] {
            assert!(descriptors("read", list).is_err(), "{list}");
        }
    }
}
