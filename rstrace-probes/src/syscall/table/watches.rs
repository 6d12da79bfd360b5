//! Watching files: inotify and fanotify.

use rstrace_core::describe::{Case, Cases, Param, Syscall, param};
use rstrace_core::flags::{Choices, FlagSet};

use super::open::OPEN_FLAGS;
use crate::syscall::classes::{DESC, FILE};
use crate::syscall::types::*;
use crate::uapi;

static INOTIFY: FlagSet = set!("IN_???", IN_NONBLOCK IN_CLOEXEC);

static WATCHED: FlagSet = set!("IN_???",
    IN_ACCESS IN_MODIFY IN_ATTRIB IN_CLOSE_WRITE IN_CLOSE_NOWRITE IN_OPEN IN_MOVED_FROM IN_MOVED_TO IN_CREATE
    IN_DELETE IN_DELETE_SELF IN_MOVE_SELF IN_UNMOUNT IN_Q_OVERFLOW IN_IGNORED IN_ONLYDIR IN_DONT_FOLLOW
    IN_EXCL_UNLINK IN_MASK_CREATE IN_MASK_ADD IN_ISDIR IN_ONESHOT);

static FANOTIFY: FlagSet = set!("FAN_CLASS_???",
    FAN_ALL_CLASS_BITS: FAN_CLASS_NOTIF FAN_CLASS_CONTENT FAN_CLASS_PRE_CONTENT;
    FAN_CLOEXEC FAN_NONBLOCK FAN_UNLIMITED_QUEUE FAN_UNLIMITED_MARKS FAN_ENABLE_AUDIT FAN_REPORT_PIDFD
    FAN_REPORT_TID FAN_REPORT_FID FAN_REPORT_DIR_FID FAN_REPORT_NAME FAN_REPORT_TARGET_FID FAN_REPORT_FD_ERROR
    FAN_REPORT_MNT);

static MARK: FlagSet = set!("FAN_MARK_???",
    FAN_MARK_ADD FAN_MARK_REMOVE FAN_MARK_DONT_FOLLOW FAN_MARK_ONLYDIR FAN_MARK_MNTNS FAN_MARK_MOUNT
    FAN_MARK_IGNORED_MASK FAN_MARK_IGNORED_SURV_MODIFY FAN_MARK_FLUSH FAN_MARK_FILESYSTEM FAN_MARK_EVICTABLE
    FAN_MARK_IGNORE);

static EVENTS: FlagSet = set!("FAN_???",
    FAN_ACCESS FAN_MODIFY FAN_ATTRIB FAN_CLOSE_WRITE FAN_CLOSE_NOWRITE FAN_OPEN FAN_MOVED_FROM FAN_MOVED_TO
    FAN_CREATE FAN_DELETE FAN_DELETE_SELF FAN_MOVE_SELF FAN_OPEN_EXEC FAN_Q_OVERFLOW FAN_FS_ERROR FAN_OPEN_PERM
    FAN_ACCESS_PERM FAN_OPEN_EXEC_PERM FAN_PRE_ACCESS FAN_MNT_ATTACH FAN_MNT_DETACH FAN_EVENT_ON_CHILD FAN_RENAME
    FAN_ONDIR);

static NO_DIRECTORY: Choices = Choices { names: &[(0xffff_ffff, "FAN_NOFD")], unknown: "" };

const FIRST: Param = param("fanotify_fd", FD);
const FLAGS: Param = param("flags", flags(&MARK));
const MASK: Param = param("mask", flags64(&EVENTS));
const LAST: Param = param("pathname", PATH);

/// A descriptor of -1 has a name.
static BY_DIRECTORY: Cases = Cases {
    arg: 3,
    cases: &[Case {
        value: uapi::FAN_NOFD as u32,
        params: &[FIRST, FLAGS, MASK, param("dirfd", choice(&NO_DIRECTORY)), LAST],
        result: None,
    }],
};

pub static SYSCALLS: &[Syscall] = &[
    call("inotify_init", DESC, &[], RET_FD),
    call("inotify_init1", DESC, &[param("flags", flags(&INOTIFY))], RET_FD),
    call(
        "inotify_add_watch",
        DESC | FILE,
        &[param("fd", FD), param("pathname", PATH), param("mask", flags(&WATCHED))],
        RET_INT,
    ),
    call("inotify_rm_watch", DESC, &[param("fd", FD), param("wd", INT)], RET_INT),
    call(
        "fanotify_init",
        DESC,
        &[param("flags", flags(&FANOTIFY)), param("event_f_flags", flags(&OPEN_FLAGS))],
        RET_FD,
    ),
    call("fanotify_mark", DESC | FILE, &[FIRST, FLAGS, MASK, param("dirfd", DIRFD), LAST], RET_INT)
        .by(&BY_DIRECTORY),
];
