//! Whom to trace: a command that is launched and held until everything is attached, processes that run
//! already, or the whole machine.

pub(crate) mod attach;
pub(crate) mod guard;
pub(crate) mod launch;

use std::ffi::OsString;

/// Whom to trace.
#[derive(Debug, Clone)]
pub enum Target {
    /// A command to launch.
    Launch {
        /// The program and its arguments; the program is looked up in `PATH` if it has no slash.
        argv: Vec<OsString>,
        /// What it is called, if not by the program's name.
        argv0: Option<OsString>,
        /// Variables of its environment that it gets, or with `None` does not get; else it has rstrace's own.
        env: Vec<(OsString, Option<OsString>)>,
        /// The user to run it as.
        user: Option<RunAs>,
        /// With everything it starts.
        follow: bool,
        /// The calling process becomes the command, and what follows is done by a grandchild of it. It must have no
        /// other threads.
        apart: Option<Apart>,
    },
    /// Running processes, by their ids, with all their threads.
    Processes {
        /// The ids.
        pids: Vec<u32>,
        /// With everything they start.
        follow: bool,
    },
    /// One thread.
    Thread(u32),
    /// Every process, save rstrace itself and those who read its output.
    All,
}

/// Where a tracer goes that leaves its process to the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apart {
    /// It stays in the command's process group.
    SameGroup,
    /// It makes a process group of its own.
    OwnGroup,
    /// It makes a session of its own, without a terminal.
    OwnSession,
}

/// A user to run a command as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunAs {
    /// The name, for its supplementary groups.
    pub name: String,
    /// The user id.
    pub uid: u32,
    /// The group id.
    pub gid: u32,
}

impl Target {
    /// Whether what the target starts is traced as well.
    pub fn follows(&self) -> bool {
        matches!(self, Self::Launch { follow: true, .. } | Self::Processes { follow: true, .. })
    }
}
