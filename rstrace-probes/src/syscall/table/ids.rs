//! Who a process is: processes, groups and sessions by number.

use rstrace_core::describe::{Syscall, param};

use crate::syscall::classes::PURE;
use crate::syscall::types::*;

pub static SYSCALLS: &[Syscall] = &[
    call("getpid", PURE, &[], RET_PID),
    call("getppid", PURE, &[], RET_PID),
    call("gettid", PURE, &[], RET_PID),
    call("getpgrp", PURE, &[], RET_PGID),
    call("getpgid", 0, &[param("pid", PID)], RET_PGID),
    call("getsid", 0, &[param("pid", PID)], RET_PGID),
    call("setpgid", 0, &[param("pid", PID), param("pgid", PGID)], RET_INT),
    call("setsid", 0, &[], RET_PGID),
];
