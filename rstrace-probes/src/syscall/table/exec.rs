//! Programs being executed.

use rstrace_core::describe::{Syscall, Type, param};
use rstrace_core::flags::FlagSet;

use crate::syscall::classes::{DESC, FILE, PROCESS};
use crate::syscall::types::*;

static EXECVEAT_FLAGS: FlagSet = set!("AT_???", AT_SYMLINK_NOFOLLOW AT_EMPTY_PATH AT_EXECVE_CHECK);

pub static SYSCALLS: &[Syscall] = &[
    call(
        "execve",
        FILE | PROCESS,
        &[param("pathname", PATH), param("argv", Type::Strings), param("envp", Type::Counted)],
        RET_INT,
    ),
    call(
        "execveat",
        DESC | FILE | PROCESS,
        &[
            param("dirfd", DIRFD),
            param("pathname", PATH),
            param("argv", Type::Strings),
            param("envp", Type::Counted),
            param("flags", flags(&EXECVEAT_FLAGS)),
        ],
        RET_INT,
    ),
];
