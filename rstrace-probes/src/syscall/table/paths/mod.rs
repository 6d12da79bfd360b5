//! Files by their names: access, owners, modes, links, directories.

mod directories;
mod times;

use rstrace_core::describe::{Meaning, Param, Syscall, Width, param, param_if};
use rstrace_core::flags::FlagSet;
use rstrace_core::probe::RawCall;

use self::directories::{CURRENT, ENTRIES, ENTRIES64, OLD_ENTRY};
use self::times::{STAMPS, STAMPS64, UTIMBUF, UTIMES};
use super::creds::OLD_ID;
use super::stat::{AT_FLAGS, DEVICE32, NODE_MODE, is_device_mode};
use crate::syscall::classes::{DESC, FILE};
use crate::syscall::types::*;

static ACCESS: FlagSet = set!("?_OK", F_OK R_OK W_OK X_OK);

/// The flags that `faccessat2` knows.
static ACCESS_AT: FlagSet = set!("AT_???", AT_SYMLINK_NOFOLLOW AT_EACCESS AT_EMPTY_PATH);

static RENAME: FlagSet = set!("RENAME_???", RENAME_NOREPLACE RENAME_EXCHANGE RENAME_WHITEOUT);

fn mknod_takes_device(call: &RawCall<'_>) -> bool {
    is_device_mode(call.args[1])
}

fn mknodat_takes_device(call: &RawCall<'_>) -> bool {
    is_device_mode(call.args[2])
}

const OWNER: [Param; 2] = [param("owner", ID), param("group", ID)];
const OLD_OWNER: [Param; 2] = [param("owner", OLD_ID), param("group", OLD_ID)];

pub static SYSCALLS: &[Syscall] = &[
    call("access", FILE, &[param("pathname", PATH), param("mode", flags(&ACCESS))], RET_INT),
    call(
        "faccessat",
        DESC | FILE,
        &[param("dirfd", DIRFD), param("pathname", PATH), param("mode", flags(&ACCESS))],
        RET_INT,
    ),
    call(
        "faccessat2",
        DESC | FILE,
        &[
            param("dirfd", DIRFD),
            param("pathname", PATH),
            param("mode", flags(&ACCESS)),
            param("flags", flags(&ACCESS_AT)),
        ],
        RET_INT,
    ),
    call("chdir", FILE, &[param("path", PATH)], RET_INT),
    call("fchdir", DESC, &[param("fd", FD)], RET_INT),
    call("chroot", FILE, &[param("path", PATH)], RET_INT),
    call("pivot_root", FILE, &[param("new_root", PATH), param("put_old", PATH)], RET_INT),
    call("getcwd", FILE, &[param("buf", CURRENT), param("size", SIZE)], RET_LONG),
    call("chmod", FILE, &[param("pathname", PATH), param("mode", MODE)], RET_INT),
    call("fchmod", DESC, &[param("fd", FD), param("mode", MODE)], RET_INT),
    call(
        "fchmodat",
        DESC | FILE,
        &[param("dirfd", DIRFD), param("pathname", PATH), param("mode", MODE)],
        RET_INT,
    ),
    call(
        "fchmodat2",
        DESC | FILE,
        &[
            param("dirfd", DIRFD),
            param("pathname", PATH),
            param("mode", MODE),
            param("flags", flags(&AT_FLAGS)),
        ],
        RET_INT,
    ),
    call("chown", FILE, &[param("pathname", PATH), OLD_OWNER[0], OLD_OWNER[1]], RET_INT),
    call("lchown", FILE, &[param("pathname", PATH), OLD_OWNER[0], OLD_OWNER[1]], RET_INT),
    call("fchown", DESC, &[param("fd", FD), OLD_OWNER[0], OLD_OWNER[1]], RET_INT),
    call("chown32", FILE, &[param("pathname", PATH), OWNER[0], OWNER[1]], RET_INT),
    call("lchown32", FILE, &[param("pathname", PATH), OWNER[0], OWNER[1]], RET_INT),
    call("fchown32", DESC, &[param("fd", FD), OWNER[0], OWNER[1]], RET_INT),
    call(
        "fchownat",
        DESC | FILE,
        &[
            param("dirfd", DIRFD),
            param("pathname", PATH),
            OWNER[0],
            OWNER[1],
            param("flags", flags(&AT_FLAGS)),
        ],
        RET_INT,
    ),
    call("link", FILE, &[param("oldpath", PATH), param("newpath", PATH)], RET_INT),
    call(
        "linkat",
        DESC | FILE,
        &[
            param("olddirfd", DIRFD),
            param("oldpath", PATH),
            param("newdirfd", DIRFD),
            param("newpath", PATH),
            param("flags", flags(&AT_FLAGS)),
        ],
        RET_INT,
    ),
    call("symlink", FILE, &[param("target", PATH), param("linkpath", PATH)], RET_INT),
    call(
        "symlinkat",
        DESC | FILE,
        &[param("target", PATH), param("newdirfd", DIRFD), param("linkpath", PATH)],
        RET_INT,
    ),
    call(
        "readlink",
        FILE,
        &[param("pathname", PATH), param("buf", DATA_OUT), param("bufsiz", SIZE)],
        RET_LONG,
    ),
    call(
        "readlinkat",
        DESC | FILE,
        &[param("dirfd", DIRFD), param("pathname", PATH), param("buf", DATA_OUT), param("bufsiz", SIZE)],
        RET_LONG,
    ),
    call("rename", FILE, &[param("oldpath", PATH), param("newpath", PATH)], RET_INT),
    call(
        "renameat",
        DESC | FILE,
        &[param("olddirfd", DIRFD), param("oldpath", PATH), param("newdirfd", DIRFD), param("newpath", PATH)],
        RET_INT,
    ),
    call(
        "renameat2",
        DESC | FILE,
        &[
            param("olddirfd", DIRFD),
            param("oldpath", PATH),
            param("newdirfd", DIRFD),
            param("newpath", PATH),
            param("flags", flags(&RENAME)),
        ],
        RET_INT,
    ),
    call("unlink", FILE, &[param("pathname", PATH)], RET_INT),
    call(
        "unlinkat",
        DESC | FILE,
        &[param("dirfd", DIRFD), param("pathname", PATH), param("flags", flags(&AT_FLAGS))],
        RET_INT,
    ),
    call("rmdir", FILE, &[param("path", PATH)], RET_INT),
    call("mkdir", FILE, &[param("pathname", PATH), param("mode", MODE)], RET_INT),
    call(
        "mkdirat",
        DESC | FILE,
        &[param("dirfd", DIRFD), param("pathname", PATH), param("mode", MODE)],
        RET_INT,
    ),
    call(
        "mknod",
        FILE,
        &[param("pathname", PATH), param("mode", NODE_MODE), param_if("dev", DEVICE32, mknod_takes_device)],
        RET_INT,
    ),
    call(
        "mknodat",
        DESC | FILE,
        &[
            param("dirfd", DIRFD),
            param("pathname", PATH),
            param("mode", NODE_MODE),
            param_if("dev", DEVICE32, mknodat_takes_device),
        ],
        RET_INT,
    ),
    call("truncate", FILE, &[param("path", PATH), param("length", SIZE)], RET_INT),
    call("ftruncate", DESC, &[param("fd", FD), param("length", SIZE)], RET_INT),
    call("truncate64", FILE, &[param("path", PATH), param("length", U64)], RET_INT),
    call("ftruncate64", DESC, &[param("fd", FD), param("length", U64)], RET_INT),
    call("umask", 0, &[param("mask", MODE)], returns(Width::U16, Meaning::Mode)),
    call("utime", FILE, &[param("filename", PATH), param("times", input(&UTIMBUF))], RET_INT),
    call("utimes", FILE, &[param("filename", PATH), param("times", input(&UTIMES))], RET_INT),
    call(
        "futimesat",
        DESC | FILE,
        &[param("dirfd", DIRFD), param("pathname", PATH), param("times", input(&UTIMES))],
        RET_INT,
    ),
    call(
        "utimensat",
        DESC | FILE,
        &[
            param("dirfd", DIRFD),
            param("pathname", PATH),
            param("times", input(&STAMPS)),
            param("flags", flags(&AT_FLAGS)),
        ],
        RET_INT,
    ),
    call(
        "utimensat_time64",
        DESC | FILE,
        &[
            param("dirfd", DIRFD),
            param("pathname", PATH),
            param("times", input(&STAMPS64)),
            param("flags", flags(&AT_FLAGS)),
        ],
        RET_INT,
    ),
    call(
        "readdir",
        DESC,
        &[
            param("fd", FD),
            param("dirp", output(&OLD_ENTRY)),
            param_if("count", UINT, |call| !call.succeeded()),
        ],
        RET_INT,
    ),
    call("getdents", DESC, &[param("fd", FD), param("dirp", ENTRIES), param("count", UINT)], RET_LONG),
    call("getdents64", DESC, &[param("fd", FD), param("dirp", ENTRIES64), param("count", UINT)], RET_LONG),
    call("acct", FILE, &[param("filename", PATH)], RET_INT),
    call("uselib", FILE, &[param("library", PATH)], RET_INT),
];
