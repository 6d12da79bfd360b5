//! The way from a directory to the root of its mount namespace, as the kernel side walked it.
//!
//! Layout: a byte of the bits of `enum way_state` in `probes-bpf/src/bpf/record.h`, then the names, the nearest
//! first, each with its terminator.

use rstrace_probes_bpf::layout;

/// A directory, by the names on the way from it to the root of its mount namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way<'a> {
    state: u8,
    names: &'a [u8],
}

/// How much a path made of a [`Way`] is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is the directory's path.
    Whole,
    /// It was the directory's path: it has been deleted since.
    Deleted,
    /// It is the path within something that is mounted nowhere.
    Detached,
    /// It is the end of the path: what is above could not be read.
    Cut,
    /// There is no path: the descriptor is of no file.
    Nothing,
}

impl<'a> Way<'a> {
    /// From the payload of a capture; malformed bytes make a cut way.
    pub fn from_payload(bytes: &'a [u8]) -> Self {
        match bytes.split_first() {
            Some((state, names)) => Self { state: *state, names },
            None => Self { state: layout::WAY_CUT, names: &[] },
        }
    }

    /// The way that could not be read at all.
    pub fn unknown() -> Self {
        Self { state: layout::WAY_CUT, names: &[] }
    }

    /// What is known of it. What is least certain counts.
    pub fn standing(self) -> Standing {
        let is = |bit| self.state & bit != 0;
        if is(layout::WAY_NONE) {
            Standing::Nothing
        } else if is(layout::WAY_CUT) {
            Standing::Cut
        } else if is(layout::WAY_DETACHED) {
            Standing::Detached
        } else if is(layout::WAY_DELETED) {
            Standing::Deleted
        } else {
            Standing::Whole
        }
    }

    /// Whether what it leads to has been deleted, whatever else is known of it.
    pub fn is_deleted(self) -> bool {
        self.state & layout::WAY_DELETED != 0
    }

    /// Whether it begins at the thread's root directory, because the name is absolute.
    pub fn is_of_root(self) -> bool {
        self.state & layout::WAY_OF_ROOT != 0
    }

    /// Appends `/a/b`: nothing for the root.
    pub fn write(self, out: &mut Vec<u8>) {
        let names = self.names.strip_suffix(b"\0").unwrap_or(self.names);
        if names.is_empty() {
            return;
        }
        for name in names.rsplit(|byte| *byte == 0) {
            out.push(b'/');
            out.extend_from_slice(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(payload: &[u8]) -> (String, Standing) {
        let way = Way::from_payload(payload);
        let mut out = Vec::new();
        way.write(&mut out);
        (String::from_utf8(out).unwrap(), way.standing())
    }

    #[test]
    fn names_come_nearest_first_and_are_written_from_the_root() {
        assert_eq!(path(b"\0c\0bb\0a\0"), ("/a/bb/c".into(), Standing::Whole));
        assert_eq!(path(b"\0"), (String::new(), Standing::Whole));
        assert_eq!(path(b"\x10jail\0"), ("/jail".into(), Standing::Whole));
        assert!(Way::from_payload(b"\x10").is_of_root() && !Way::from_payload(b"\0").is_of_root());
    }

    #[test]
    fn the_worst_news_counts() {
        assert_eq!(path(b"\x01gone\0a\0"), ("/a/gone".into(), Standing::Deleted));
        assert_eq!(path(b"\x03gone\0").1, Standing::Detached);
        assert_eq!(path(b"\x05gone\0").1, Standing::Cut);
        assert_eq!(path(b"\x08").1, Standing::Nothing);
        assert_eq!(path(b"").1, Standing::Cut);
    }
}
