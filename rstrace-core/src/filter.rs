//! Filters beside the target: which of its calls are asked for. They work in the kernel, at a call's entry where
//! that tells enough, so that a call which nobody wants costs next to nothing and is not counted as seen.

use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;

use libbpf_rs::{MapCore, MapFlags, MapHandle, MapType, OpenMapMut};
use rstrace_probes_bpf::layout;

use crate::error::{Context, Error, ErrorKind, Result};

/// Which calls are asked for; the default is all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of threads whose name (`comm`) contains this: at most [`MAX_NAME`] bytes, no zeros.
    pub name: Option<Vec<u8>>,
    /// Only calls that failed. Of those that never return it is not known, so they are shown too.
    pub failed: bool,
    /// Only of threads whose cgroup (of version 2) is a key of the pinned hash map with this path; keys are 8 bytes.
    pub cgroups: Option<PathBuf>,
    /// Only of threads whose mount namespace is a key of the pinned hash map with this path; keys are 8 bytes: the
    /// namespace's inode number.
    pub mount_namespaces: Option<PathBuf>,
    /// Only calls whose arguments pass; pairs that are not named are not looked at.
    pub args: Vec<ArgFilter>,
}

/// The longest name of a thread: `TASK_COMM_LEN` less its end.
pub const MAX_NAME: usize = layout::COMM_LEN - 1;
/// The most tests of one argument.
pub const MAX_TESTS: usize = layout::MAX_TESTS;

/// What an argument of a pair must be.
#[derive(Debug, Clone)]
pub struct ArgFilter {
    /// The pair's name.
    pub pair: &'static str,
    /// The argument, from 0.
    pub arg: u8,
    /// Whether it points to the number, which is 8 bytes then. What can't be read passes.
    pub pointed: bool,
    /// Masks and values: it passes if for one of them its bits under the mask are the value. At most [`MAX_TESTS`].
    pub any_of: Vec<(u64, u64)>,
}

impl Filter {
    /// The constants that the kernel side is loaded with.
    pub(crate) fn constants(&self) -> layout::Filter {
        let mut constants = layout::Filter {
            failed: self.failed.into(),
            by_cgroup: self.cgroups.is_some().into(),
            by_mntns: self.mount_namespaces.is_some().into(),
            by_args: (!self.args.is_empty()).into(),
            ..Default::default()
        };
        if let Some(name) = &self.name {
            let (comm, mask) = needle(name);
            constants.by_comm = 1;
            constants.comm = comm;
            constants.comm_mask = mask;
        }
        constants
    }

    /// The tests of a pair's arguments.
    pub(crate) fn tests(&self, pair: &str) -> layout::ArgTests {
        let mut row = layout::ArgTests::default();
        if let Some(filter) = self.args.iter().find(|filter| filter.pair == pair) {
            row.arg = filter.arg.into();
            row.pointed = filter.pointed.into();
            for ((mask, value), place) in filter.any_of.iter().zip(&mut row.test) {
                *place = layout::ArgTest { mask: *mask, value: *value };
                row.count += 1;
            }
        }
        row
    }

    /// Opens someone's pinned map, and prepares ours for holding it; without one there is none.
    pub(crate) fn open_map(holder: &mut OpenMapMut<'_>, path: Option<&PathBuf>) -> Result<Option<MapHandle>> {
        let Some(path) = path else {
            holder.set_autocreate(false).map_err(|e| Error::new(ErrorKind::Other, e.to_string()))?;
            return Ok(None);
        };
        let what = |why: &str| Error::new(ErrorKind::Unsupported, format!("{}: {why}", path.display()));
        let pinned = MapHandle::from_pinned_path(path).map_err(|error| {
            let why = match error.kind() {
                libbpf_rs::ErrorKind::NotFound => "there is no such file",
                // also said of a file that is on no BPF file system
                libbpf_rs::ErrorKind::PermissionDenied => "is no pinned map, or may not be opened",
                _ => "is no pinned map",
            };
            what(why)
        })?;
        if !matches!(pinned.map_type(), MapType::Hash | MapType::LruHash) || pinned.key_size() != 8 {
            return Err(what("is not a hash map with keys of 8 bytes"));
        }
        holder.set_inner_map_fd(pinned.as_fd()).map_err(|error| what(&error.to_string()))?;
        Ok(Some(pinned))
    }

    /// Puts it into ours, which is loaded.
    pub(crate) fn hold(holder: &impl MapCore, pinned: Option<&MapHandle>) -> Result<()> {
        let Some(pinned) = pinned else { return Ok(()) };
        let fd = pinned.as_fd().as_raw_fd().to_ne_bytes();
        holder.update(&[0; 4], &fd, MapFlags::ANY).context("a pinned map")
    }
}

/// A part of a name as the kernel side compares it: two big-endian numbers, the first byte first, and their mask.
fn needle(name: &[u8]) -> ([u64; 2], [u64; 2]) {
    let mut bytes = [0; layout::COMM_LEN];
    let mut mask = [0; layout::COMM_LEN];
    for ((byte, mask), place) in name.iter().zip(&mut mask).zip(&mut bytes) {
        *place = *byte;
        *mask = 0xff;
    }
    let halves = |bytes: [u8; layout::COMM_LEN]| {
        let whole = u128::from_be_bytes(bytes);
        [(whole >> 64) as u64, whole as u64]
    };
    (halves(bytes), halves(mask))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_two_big_endian_numbers() {
        let (comm, mask) = needle(b"cat");
        assert_eq!((comm, mask), ([0x6361_7400_0000_0000, 0], [0xffff_ff00_0000_0000, 0]));
        let (comm, mask) = needle(b"123456789");
        assert_eq!(comm, [0x3132_3334_3536_3738, 0x39 << 56]);
        assert_eq!(mask, [u64::MAX, 0xff << 56]);
    }

    #[test]
    fn a_pair_that_is_not_named_has_no_tests() {
        let args = vec![ArgFilter { pair: "openat", arg: 2, pointed: false, any_of: vec![(3, 1), (3, 2)] }];
        let filter = Filter { args, ..Filter::default() };
        assert_eq!(filter.tests("open").count, 0);
        let row = filter.tests("openat");
        assert_eq!((row.count, row.arg, row.test[1].mask, row.test[1].value), (2, 2, 3, 2));
        assert_eq!(filter.constants().by_args, 1);
    }
}
