//! Mounts, quota, swap, and files by their handles.

mod attributes;
mod handles;
mod listing;
mod old;
mod quota;

use rstrace_core::describe::{Access, Case, Cases, Length, Meaning, Param, Syscall, Type, Width, param};
use rstrace_core::flags::{Choices, FlagSet, Flags};
use rstrace_core::probe::RawCall;

use self::attributes::{FILE_ATTR, FSMOUNT_ATTR, MOUNT_ATTRS};
use self::handles::{HANDLE, HANDLE_IN};
use self::listing::{LISTED, NAMESPACES, STATED, STATMOUNT};
use self::quota::{QUOTACTL, QUOTACTL_FD};
use crate::syscall::classes::{DESC, FILE};
use crate::syscall::table::open::OPEN_FLAGS;
use crate::syscall::table::stat::AT_FLAGS;
use crate::syscall::types::*;
use crate::uapi;

static UMOUNT: FlagSet = set!("MNT_???", MNT_FORCE MNT_DETACH MNT_EXPIRE UMOUNT_NOFOLLOW);

static FSOPEN: FlagSet = set!("FSOPEN_???", FSOPEN_CLOEXEC);

static FSPICK: FlagSet =
    set!("FSPICK_???", FSPICK_CLOEXEC FSPICK_SYMLINK_NOFOLLOW FSPICK_NO_AUTOMOUNT FSPICK_EMPTY_PATH);

static FSMOUNT: FlagSet = set!("FSMOUNT_???", FSMOUNT_CLOEXEC FSMOUNT_NAMESPACE);

static MOVE_MOUNT: FlagSet = set!("MOVE_MOUNT_???",
    MOVE_MOUNT_F_SYMLINKS MOVE_MOUNT_F_AUTOMOUNTS MOVE_MOUNT_F_EMPTY_PATH MOVE_MOUNT_T_SYMLINKS
    MOVE_MOUNT_T_AUTOMOUNTS MOVE_MOUNT_T_EMPTY_PATH MOVE_MOUNT_SET_GROUP MOVE_MOUNT_BENEATH);

static OPEN_TREE: FlagSet = set!("OPEN_TREE_???",
    OPEN_TREE_CLONE OPEN_TREE_NAMESPACE OPEN_TREE_CLOEXEC AT_SYMLINK_NOFOLLOW AT_REMOVEDIR AT_SYMLINK_FOLLOW
    AT_NO_AUTOMOUNT AT_EMPTY_PATH AT_RECURSIVE);

static SETATTR_AT: FlagSet = set!("AT_???", AT_SYMLINK_NOFOLLOW AT_NO_AUTOMOUNT AT_EMPTY_PATH AT_RECURSIVE);

static FSCONFIG: Choices = choices!("FSCONFIG_???",
    FSCONFIG_SET_FLAG FSCONFIG_SET_STRING FSCONFIG_SET_BINARY FSCONFIG_SET_PATH FSCONFIG_SET_PATH_EMPTY
    FSCONFIG_SET_FD FSCONFIG_CMD_CREATE FSCONFIG_CMD_RECONFIGURE FSCONFIG_CMD_CREATE_EXCL);

/// The arguments of an `fsconfig` command that has a key.
macro_rules! fsconfig {
    ($value:expr, $aux:expr) => {
        &[
            param("fd", FD),
            param("cmd", choice(&FSCONFIG)),
            param("key", TEXT),
            param("value", $value),
            param("aux", $aux),
        ]
    };
}

/// Those of a command that nobody knows, or that has none.
static FSCONFIG_PARAMS: &[Param] = &[
    param("fd", FD),
    param("cmd", choice(&FSCONFIG)),
    param("key", ADDRESS),
    param("value", ADDRESS),
    param("aux", INT),
];

fn has_length(call: &RawCall<'_>) -> bool {
    call.args[4] as i32 >= 0
}

static FSCONFIG_CASES: Cases = Cases {
    arg: 1,
    cases: &[
        fsconfig_case(uapi::FSCONFIG_SET_FLAG, fsconfig!(ADDRESS, INT)),
        fsconfig_case(uapi::FSCONFIG_SET_STRING, fsconfig!(TEXT, INT)),
        fsconfig_case(uapi::FSCONFIG_SET_BINARY, fsconfig!(BINARY, INT)),
        fsconfig_case(uapi::FSCONFIG_SET_PATH, fsconfig!(PATH, DIRFD)),
        fsconfig_case(uapi::FSCONFIG_SET_PATH_EMPTY, fsconfig!(PATH, DIRFD)),
        fsconfig_case(uapi::FSCONFIG_SET_FD, fsconfig!(ADDRESS, FD)),
    ],
};

const BINARY: Type = Type::Either(has_length, &Type::HexBuffer(Access::In, Length::IntArg(4)), &ADDRESS);

const fn fsconfig_case(command: u64, params: &'static [Param]) -> Case {
    Case { value: command as u32, params, result: None }
}

/// Those that no UAPI header has are from the kernel's `include/linux/swap.h`.
static SWAPON: FlagSet = FlagSet {
    choice: None,
    names: &[
        (uapi::SWAP_FLAG_PREFER, "SWAP_FLAG_PREFER"),
        (uapi::SWAP_FLAG_DISCARD, "SWAP_FLAG_DISCARD"),
        (0x20000, "SWAP_FLAG_DISCARD_ONCE"),
        (0x40000, "SWAP_FLAG_DISCARD_PAGES"),
    ],
    unknown: "SWAP_FLAG_???",
};

/// The priority stands in the lower half, after names if there are any.
fn write_swap_flags(out: &mut Notation<'_>, flags: u64) {
    let (bits, priority) = (flags & !uapi::SWAP_FLAG_PRIO_MASK, flags & uapi::SWAP_FLAG_PRIO_MASK);
    if bits != 0 {
        Flags { bits, set: &SWAPON }.write(out);
        out.push(b'|');
    }
    named::unsigned(out, priority);
}

const SWAP_FLAGS: Type = Type::Number(Width::U32, Meaning::Written(write_swap_flags));

static LISTMOUNT: FlagSet = set!("LISTMOUNT_???", LISTMOUNT_REVERSE);
static STATMOUNT_FLAGS: FlagSet = set!("STATMOUNT_???", STATMOUNT_BY_FD);

static HANDLE_AT: FlagSet = set!("AT_???",
    AT_HANDLE_MNT_ID_UNIQUE AT_HANDLE_CONNECTABLE AT_HANDLE_FID AT_SYMLINK_FOLLOW AT_EMPTY_PATH);

/// `u64`s that are shown in hex, as many as the call returned.
const IDS: Type = Type::List(Access::Out, &HEX64, Length::Returned);

/// `struct mount_attr` behind the fourth argument, its size in the fifth.
const MOUNT_ATTR: Type = Type::Sized(Access::In, &MOUNT_ATTRS, Length::Arg(4));

pub static SYSCALLS: &[Syscall] = &[
    call("mount", FILE, old::MOUNT, RET_INT),
    call("umount", FILE, &[param("target", PATH)], RET_INT),
    call("umount2", FILE, &[param("target", PATH), param("flags", flags(&UMOUNT))], RET_INT),
    call("fsopen", DESC, &[param("fsname", TEXT), param("flags", flags(&FSOPEN))], RET_FD),
    Syscall {
        name: "fsconfig",
        params: FSCONFIG_PARAMS,
        result: RET_INT,
        classes: DESC | FILE,
        cases: Some(&FSCONFIG_CASES),
        indirect: None,
    },
    call(
        "fsmount",
        DESC,
        &[param("fs_fd", FD), param("flags", flags(&FSMOUNT)), param("attr_flags", flags(&FSMOUNT_ATTR))],
        RET_FD,
    ),
    call(
        "fspick",
        DESC | FILE,
        &[param("dirfd", DIRFD), param("pathname", PATH), param("flags", flags(&FSPICK))],
        RET_FD,
    ),
    call(
        "move_mount",
        DESC | FILE,
        &[
            param("from_dirfd", DIRFD),
            param("from_pathname", PATH),
            param("to_dirfd", DIRFD),
            param("to_pathname", PATH),
            param("flags", flags(&MOVE_MOUNT)),
        ],
        RET_INT,
    ),
    call(
        "open_tree",
        DESC | FILE,
        &[param("dirfd", DIRFD), param("pathname", PATH), param("flags", flags(&OPEN_TREE))],
        RET_FD,
    ),
    call(
        "open_tree_attr",
        DESC | FILE,
        &[
            param("dirfd", DIRFD),
            param("pathname", PATH),
            param("flags", flags(&OPEN_TREE)),
            param("attr", Type::Sized(Access::In, &MOUNT_ATTRS, Length::Arg(4))),
            param("size", SIZE),
        ],
        RET_FD,
    ),
    call(
        "mount_setattr",
        DESC | FILE,
        &[
            param("dirfd", DIRFD),
            param("pathname", PATH),
            param("flags", flags(&SETATTR_AT)),
            param("attr", MOUNT_ATTR),
            param("size", SIZE),
        ],
        RET_INT,
    ),
    call(
        "statmount",
        0,
        &[
            param("req", STATED),
            param("buf", STATMOUNT),
            param("bufsize", SIZE),
            param("flags", flags(&STATMOUNT_FLAGS)),
        ],
        RET_INT,
    ),
    call(
        "listmount",
        0,
        &[
            param("req", LISTED),
            param("mnt_ids", IDS),
            param("nr_mnt_ids", SIZE),
            param("flags", flags(&LISTMOUNT)),
        ],
        RET_LONG,
    ),
    call(
        "listns",
        0,
        &[param("req", NAMESPACES), param("ns_ids", IDS), param("nr_ns_ids", SIZE), param("flags", HEX32)],
        RET_LONG,
    ),
    Syscall {
        name: "quotactl",
        params: quota::PARAMS,
        result: RET_INT,
        classes: FILE,
        cases: Some(&QUOTACTL),
        indirect: None,
    },
    Syscall {
        name: "quotactl_fd",
        params: quota::FD_PARAMS,
        result: RET_INT,
        classes: DESC,
        cases: Some(&QUOTACTL_FD),
        indirect: None,
    },
    call("swapon", FILE, &[param("path", PATH), param("swapflags", SWAP_FLAGS)], RET_INT),
    call("swapoff", FILE, &[param("path", PATH)], RET_INT),
    call(
        "name_to_handle_at",
        DESC | FILE,
        &[
            param("dirfd", DIRFD),
            param("pathname", PATH),
            param("handle", HANDLE),
            param("mount_id", output(&INT)),
            param("flags", flags(&HANDLE_AT)),
        ],
        RET_INT,
    ),
    call(
        "open_by_handle_at",
        DESC,
        &[param("mount_fd", FD), param("handle", HANDLE_IN), param("flags", flags(&OPEN_FLAGS))],
        RET_FD,
    ),
    call(
        "file_getattr",
        DESC | FILE,
        &[
            param("dirfd", DIRFD),
            param("pathname", PATH),
            param("ufattr", Type::Sized(Access::Out, &FILE_ATTR, Length::Arg(3))),
            param("usize", SIZE),
            param("at_flags", flags(&AT_FLAGS)),
        ],
        RET_INT,
    ),
    call(
        "file_setattr",
        DESC | FILE,
        &[
            param("dirfd", DIRFD),
            param("pathname", PATH),
            param("ufattr", Type::Sized(Access::In, &FILE_ATTR, Length::Arg(3))),
            param("usize", SIZE),
            param("at_flags", flags(&AT_FLAGS)),
        ],
        RET_INT,
    ),
    call("sync", 0, &[], RET_INT),
    call("syncfs", DESC, &[param("fd", FD)], RET_INT),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_priority_of_a_swap_area_stands_behind_names_or_alone() {
        for (flags, text) in [
            (0, "0"),
            (5, "5"),
            (0x8000, "SWAP_FLAG_PREFER|0"),
            (0x8005, "SWAP_FLAG_PREFER|5"),
            (0x80001, "0x80000 /* SWAP_FLAG_??? */|1"),
            (0x90000, "SWAP_FLAG_DISCARD|0x80000|0"),
        ] {
            let mut out = Vec::new();
            write_swap_flags(&mut Notation::plain(&mut out), flags);
            assert_eq!(String::from_utf8(out).expect("ASCII"), text);
        }
    }
}
