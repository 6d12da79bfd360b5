//! Classes of system calls, as `-e trace=%file` names them: a bit each.

pub(crate) const FILE: u32 = 1 << 0;
pub(crate) const DESC: u32 = 1 << 1;
pub(crate) const PROCESS: u32 = 1 << 2;
pub(crate) const NETWORK: u32 = 1 << 3;
pub(crate) const SIGNAL: u32 = 1 << 4;
pub(crate) const IPC: u32 = 1 << 5;
pub(crate) const MEMORY: u32 = 1 << 6;
pub(crate) const CREDS: u32 = 1 << 7;
pub(crate) const CLOCK: u32 = 1 << 8;
pub(crate) const PURE: u32 = 1 << 9;
pub(crate) const STAT: u32 = 1 << 10;
pub(crate) const LSTAT: u32 = 1 << 11;
pub(crate) const FSTAT: u32 = 1 << 12;
pub(crate) const STATFS: u32 = 1 << 13;
pub(crate) const FSTATFS: u32 = 1 << 14;
/// `%%statfs` beside the two before.
pub(crate) const STATFS_LIKE: u32 = 1 << 15;

/// A class.
#[derive(Debug)]
pub struct Class {
    /// Its name, without the first `%`.
    pub name: &'static str,
    /// A call with any of these bits belongs to it.
    pub bits: u32,
    /// Whether it may be named without `%`.
    pub bare: bool,
}

const fn class(name: &'static str, bits: u32, bare: bool) -> Class {
    Class { name, bits, bare }
}

/// All of them.
pub static CLASSES: &[Class] = &[
    class("file", FILE, true),
    class("desc", DESC, true),
    class("process", PROCESS, true),
    class("network", NETWORK, true),
    class("net", NETWORK, false),
    class("signal", SIGNAL, true),
    class("ipc", IPC, true),
    class("memory", MEMORY, true),
    class("creds", CREDS, false),
    class("clock", CLOCK, false),
    class("pure", PURE, false),
    class("stat", STAT, false),
    class("lstat", LSTAT, false),
    class("fstat", FSTAT, false),
    class("%stat", STAT | LSTAT | FSTAT, false),
    class("statfs", STATFS, false),
    class("fstatfs", FSTATFS, false),
    class("%statfs", STATFS | FSTATFS | STATFS_LIKE, false),
];
