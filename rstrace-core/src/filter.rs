//! Filters beside the target: which of its calls are asked for. They work in the kernel, at a call's entry where
//! that tells enough, so that a call which nobody wants costs next to nothing and is not counted as seen.

use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use libbpf_rs::{MapCore, MapFlags, MapHandle, MapType, OpenMapMut};
use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, statfs};
use rstrace_probes_bpf::layout;

use crate::error::{Context, Error, ErrorKind, Result};

/// Which calls are asked for; the default is all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of threads with such a name (`comm`).
    pub name: Option<Name>,
    /// Only of threads in the cgroup (of version 2) with this folder, or in one below it.
    pub cgroup: Option<PathBuf>,
    /// Only calls that ended so.
    pub statuses: Statuses,
    /// Only calls that failed with one of these errors.
    pub errnos: Option<Vec<u16>>,
    /// Only calls that took at least so long. Those whose entry was not seen are shown too: it is not known of them.
    pub slower_than: Option<Duration>,
    /// Only of threads whose cgroup (of version 2) is a key of the pinned hash map with this path; keys are 8 bytes.
    pub cgroups: Option<PathBuf>,
    /// Only of threads whose mount namespace is a key of the pinned hash map with this path; keys are 8 bytes: the
    /// namespace's inode number.
    pub mount_namespaces: Option<PathBuf>,
    /// Only calls that access a file by one of these paths: an argument is the path, byte for byte, or a descriptor of
    /// a file that has the path at the call. A path is absolute, has no `.` and `..` in it, and is shorter than
    /// [`MAX_PATH`]; other spellings are only compared with arguments.
    pub paths: Vec<PathBuf>,
    /// Only calls that have a descriptor with one of these numbers for an argument; of this and `paths` one is enough.
    pub descriptors: Option<Descriptors>,
    /// Only calls whose arguments pass; pairs that are not named are not looked at.
    pub args: Vec<ArgFilter>,
}

/// Descriptors, by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptors {
    /// Whether all others are meant.
    pub inverted: bool,
    /// The numbers.
    pub numbers: Vec<u32>,
}

/// Names of threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// What is in them: at most [`MAX_NAME`] bytes, no zeros.
    pub part: Vec<u8>,
    /// Whether they begin with it.
    pub begins: bool,
    /// Whether they end with it.
    pub ends: bool,
}

/// How calls may end; the default is in any way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statuses(u32);

impl Statuses {
    /// They return, and no error code.
    pub const SUCCESSFUL: Self = Self(layout::STATUS_SUCCESSFUL);
    /// They return an error code; that a signal interrupted them is one.
    pub const FAILED: Self = Self(layout::STATUS_FAILED);
    /// Their thread ends in them.
    pub const UNFINISHED: Self = Self(layout::STATUS_UNFINISHED);
    /// Tracing ends in them.
    pub const DETACHED: Self = Self(layout::STATUS_DETACHED);
    /// In any way.
    pub const ALL: Self = Self(Self::SUCCESSFUL.0 | Self::FAILED.0 | Self::UNFINISHED.0 | Self::DETACHED.0);

    /// A bit for each.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// From a bit for each; others are left out.
    pub const fn of_bits(bits: u32) -> Self {
        Self(bits & Self::ALL.0)
    }
}

impl Default for Statuses {
    fn default() -> Self {
        Self::ALL
    }
}

/// The longest name of a thread: `TASK_COMM_LEN` less its end.
pub const MAX_NAME: usize = layout::COMM_LEN - 1;
/// A path that is asked for is shorter.
pub const MAX_PATH: usize = layout::MAX_PATH;
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
    /// Whether it depends on how a call ends whether it is asked for.
    pub fn is_by_result(&self) -> bool {
        self.statuses != Statuses::ALL || self.errnos.is_some() || self.slower_than.is_some()
    }

    /// Without what depends on how a call ends.
    pub(crate) fn without_results(&self) -> Self {
        Self { statuses: Statuses::ALL, errnos: None, slower_than: None, ..self.clone() }
    }

    /// Whether it depends on a call's entry whether it is asked for.
    pub(crate) fn is_by_entry(&self) -> bool {
        !self.without_results().is_of_target()
    }

    /// Whether it depends on the files that a call accesses whether it is asked for.
    pub(crate) fn is_by_file(&self) -> bool {
        !self.paths.is_empty() || self.descriptors.is_some()
    }

    /// Whether a call is asked for in which tracing ends after so long.
    pub(crate) fn wants_detached(&self, after: Duration) -> bool {
        self.statuses.0 & Statuses::DETACHED.0 != 0
            && self.errnos.is_none()
            && self.slower_than.is_none_or(|least| after >= least)
    }

    /// Whether every call of the target is asked for, however it ends.
    pub(crate) fn is_of_target(&self) -> bool {
        self.name.is_none()
            && self.cgroup.is_none()
            && self.cgroups.is_none()
            && self.mount_namespaces.is_none()
            && !self.is_by_file()
            && self.args.is_empty()
    }

    /// The constants that the kernel side is loaded with.
    pub(crate) fn constants(&self) -> Result<layout::Filter> {
        let mut constants = layout::Filter {
            by_result: self.is_by_result().into(),
            statuses: self.statuses.0,
            by_errno: self.errnos.is_some().into(),
            min_ns: self.slower_than.map_or(0, |least| least.as_nanos().try_into().unwrap_or(u64::MAX)),
            by_cgroup: self.cgroups.is_some().into(),
            by_mntns: self.mount_namespaces.is_some().into(),
            by_args: (!self.args.is_empty()).into(),
            by_path: self.by_path(),
            ..Default::default()
        };
        for errno in self.errnos.iter().flatten() {
            if let Some(word) = constants.errnos.get_mut(usize::from(errno / 64)) {
                *word |= 1 << (errno % 64);
            }
        }
        if let Some(name) = &self.name {
            let (comm, mask) = needle(name);
            constants.by_comm = 1;
            constants.comm = comm;
            constants.comm_mask = mask;
            constants.comm_first = name.begins.into();
        }
        if let Some(path) = &self.cgroup {
            constants.in_cgroup = 1;
            (constants.cgroup_id, constants.cgroup_level) = cgroup(path)?;
        }
        constants.entry = constants.by_cgroup
            | constants.by_mntns
            | constants.by_args
            | constants.by_comm
            | u32::from(constants.by_path != 0)
            | constants.in_cgroup;
        Ok(constants)
    }

    fn by_path(&self) -> u32 {
        let names = if self.paths.is_empty() { 0 } else { layout::BY_NAMES };
        let numbers = self
            .descriptors
            .as_ref()
            .map_or(0, |fds| if fds.inverted { layout::BY_OTHER_FDS } else { layout::BY_FDS });
        names | numbers
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

/// A path as the kernel side finds it among arguments, and as it is on the way up from a file (see
/// [`Way`](crate::way::Way)): each with zeros behind it.
pub(crate) fn path_keys(path: &Path) -> ([u8; MAX_PATH], Option<[u8; MAX_PATH]>) {
    let bytes = path.as_os_str().as_bytes();
    let way = bytes.strip_prefix(b"/").map(|rest| {
        let names = rest.split(|byte| *byte == b'/').rev().filter(|name| !name.is_empty());
        key(&names.flat_map(|name| [name, b"\0"].concat()).collect::<Vec<_>>())
    });
    (key(bytes), way)
}

fn key(bytes: &[u8]) -> [u8; MAX_PATH] {
    let mut key = [0; MAX_PATH];
    for (place, byte) in key.iter_mut().zip(bytes) {
        *place = *byte;
    }
    key
}

/// The id of the cgroup with this folder, and how deep it is below the root.
fn cgroup(path: &Path) -> Result<(u64, u32)> {
    let fail = |why: &str| Error::new(ErrorKind::Other, format!("cgroup {}: {why}", path.display()));
    let read = |path: &Path| path.metadata().map_err(|error| fail(&error.to_string()));
    let folder = path.canonicalize().map_err(|error| fail(&error.to_string()))?;
    let own = read(&folder)?;
    let file_system = statfs(&folder).map_err(|error| fail(error.desc()))?.filesystem_type();
    if file_system != CGROUP2_SUPER_MAGIC || !own.is_dir() {
        return Err(fail("is no folder of a cgroup file system of version 2"));
    }
    let (mut level, mut top) = (0, own.ino());
    for above in folder.ancestors().skip(1) {
        let above = read(above)?;
        if above.dev() != own.dev() {
            break;
        }
        (level, top) = (level + 1, above.ino());
    }
    // in a cgroup namespace the file system begins at another one
    if top != ROOT_CGROUP {
        return Err(fail(
            "its file system does not begin at the root of all cgroups: use it outside of the container",
        ));
    }
    // the inode number is the id where it has 64 bits
    Ok((own.ino(), level))
}

/// The id of the root of all cgroups.
const ROOT_CGROUP: u64 = 1;

/// A part of a name as the kernel side compares it: two big-endian numbers, the first byte first, and their mask.
fn needle(name: &Name) -> ([u64; 2], [u64; 2]) {
    let mut bytes = [0; layout::COMM_LEN];
    let mut mask = [0; layout::COMM_LEN];
    let end = name.ends.then_some(&0);
    for ((byte, mask), place) in name.part.iter().chain(end).zip(&mut mask).zip(&mut bytes) {
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
        let needle = |part: &[u8], ends| needle(&Name { part: part.to_vec(), begins: true, ends });
        let (comm, mask) = needle(b"cat", false);
        assert_eq!((comm, mask), ([0x6361_7400_0000_0000, 0], [0xffff_ff00_0000_0000, 0]));
        let (comm, mask) = needle(b"123456789", true);
        assert_eq!(comm, [0x3132_3334_3536_3738, 0x39 << 56]);
        assert_eq!(mask, [u64::MAX, 0xffff << 48]);
        assert_eq!(needle(b"123456789012345", true).1, [u64::MAX; 2]);
    }

    #[test]
    fn how_calls_may_end() {
        assert!(!Filter::default().is_by_result() && Filter::default().wants_detached(Duration::ZERO));
        let errors = Filter { errnos: Some(vec![2, 513]), ..Filter::default() };
        let constants = errors.constants().expect("constants");
        assert_eq!((constants.by_result, constants.by_errno, constants.min_ns), (1, 1, 0));
        assert_eq!((constants.errnos[0], constants.errnos[8]), (1 << 2, 1 << 1));
        assert!(!errors.wants_detached(Duration::ZERO));
        let slow = Filter { slower_than: Some(Duration::from_millis(2)), ..Filter::default() };
        let constants = slow.constants().expect("constants");
        assert_eq!((constants.by_result, constants.min_ns), (1, 2_000_000));
        assert!(slow.wants_detached(Duration::from_millis(2)));
        assert!(!slow.wants_detached(Duration::from_millis(1)));
        let failed = Filter { statuses: Statuses::FAILED, ..Filter::default() };
        assert!(failed.is_by_result() && !failed.wants_detached(Duration::ZERO) && failed.is_of_target());
    }

    #[test]
    fn what_is_no_cgroup_is_refused() {
        for (path, why) in
            [("/no/such", "No such file"), ("/", "no folder"), ("/proc/self/stat", "no folder")]
        {
            let error = cgroup(Path::new(path)).expect_err("no cgroup").to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn paths_and_ways() {
        let (name, way) = path_keys(Path::new("/tmp/file"));
        assert_eq!(name[..10], *b"/tmp/file\0");
        assert_eq!(way.map(|way| way[..10] == *b"file\0tmp\0\0"), Some(true));
        assert_eq!(path_keys(Path::new("/")).1, Some([0; MAX_PATH]));
        assert_eq!(path_keys(Path::new("file")).1, None);
    }

    #[test]
    fn a_pair_that_is_not_named_has_no_tests() {
        let args = vec![ArgFilter { pair: "openat", arg: 2, pointed: false, any_of: vec![(3, 1), (3, 2)] }];
        let filter = Filter { args, ..Filter::default() };
        assert_eq!(filter.tests("open").count, 0);
        let row = filter.tests("openat");
        assert_eq!((row.count, row.arg, row.test[1].mask, row.test[1].value), (2, 2, 3, 2));
        assert_eq!(filter.constants().expect("constants").by_args, 1);
    }
}
