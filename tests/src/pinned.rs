//! BPF maps that someone else keeps: sets of numbers, pinned by a path.

use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use crate::Scratch;

/// A hash map with keys of 8 bytes, pinned while this lives.
#[derive(Debug)]
pub struct PinnedSet {
    path: CString,
    map: OwnedFd,
}

impl PinnedSet {
    /// Makes and pins an empty one with values of so many bytes. The folder is a BPF file system.
    #[track_caller]
    pub fn create(path: &str, value_size: u32) -> Self {
        let path = CString::new(path).expect("no zero");
        // SAFETY: plain numbers, a C string, and a null for the options, which is allowed.
        let fd = unsafe {
            let (kind, name) = (libbpf_sys::BPF_MAP_TYPE_HASH, c"a_set".as_ptr());
            libbpf_sys::bpf_map_create(kind, name, 8, value_size, 16, std::ptr::null())
        };
        assert!(fd >= 0, "bpf_map_create: {}", std::io::Error::from_raw_os_error(-fd));
        // SAFETY: the kernel just made it for us.
        let map = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: a map and a C string.
        let err = unsafe { libbpf_sys::bpf_obj_pin(map.as_raw_fd(), path.as_ptr()) };
        assert_eq!(err, 0, "{path:?}: {}", std::io::Error::from_raw_os_error(-err));
        Self { path, map }
    }

    /// Adds a number.
    #[track_caller]
    pub fn insert(&self, number: u64) {
        let value = [0u8; 8];
        // SAFETY: key and value are at least as long as those of the map.
        let err = unsafe {
            let (key, value) = ((&raw const number).cast(), value.as_ptr().cast());
            libbpf_sys::bpf_map_update_elem(self.map.as_raw_fd(), key, value, 0)
        };
        assert_eq!(err, 0, "bpf_map_update_elem: {}", std::io::Error::from_raw_os_error(-err));
    }
}

impl Drop for PinnedSet {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.path.to_str().expect("paths of tests are UTF-8"));
    }
}

/// Runs a part of a test in a mount namespace of its own, with a BPF file system in a folder that it is told.
/// What it starts is in that namespace too.
#[track_caller]
pub fn with_bpffs(work: impl FnOnce(&str) + Send) {
    let scratch = Scratch::new();
    let folder = scratch.fresh_folder("bpf");
    // a thread can leave the others, and takes what it has mounted with it
    let private = || {
        unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace");
        let none = None::<&str>;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).expect("private mounts");
        mount(Some("bpf"), folder.as_str(), Some("bpf"), MsFlags::empty(), none).expect("a BPF file system");
        work(&folder);
    };
    std::thread::scope(|scope| scope.spawn(private).join())
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}
