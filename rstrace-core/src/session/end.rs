//! What ends a session: its target, as it was found or launched. What is done at the end is in `finish`.

use std::ffi::OsString;

use rstrace_probes_bpf::layout;

use crate::error::{Error, ErrorKind, Result};
use crate::stacks::Stacks;
use crate::target::Target;
use crate::target::attach::{Process, no_such_process, thread_exists};
use crate::target::launch::{Held, Inherited};
use crate::underway;

/// What ends a session.
pub(super) enum End {
    /// The command, and with `follow` all it started.
    Command {
        held: Option<Held>,
        process: Process,
        /// Somebody else waits for it if not.
        is_child: bool,
        follow: bool,
        program: OsString,
    },
    /// The processes, and with `follow` all they started.
    Processes { processes: Vec<Process>, follow: bool },
    /// The thread.
    Thread,
    /// A signal only.
    Signal,
}

impl End {
    /// Launches or finds the target.
    pub(super) fn find(target: &Target, inherited: Inherited) -> Result<Self> {
        Ok(match target {
            Target::Launch { argv, argv0, env, user, follow, apart } => {
                let held = Held::start(argv, argv0.as_deref(), env, user.as_ref(), *apart, inherited)?;
                let process = Process::open(held.pid().as_raw() as u32)?;
                let (program, is_child) = (argv[0].clone(), apart.is_none());
                Self::Command { held: Some(held), process, is_child, follow: *follow, program }
            }
            Target::Processes { pids, .. } if pids.contains(&std::process::id()) => {
                return Err(Error::new(
                    ErrorKind::Other,
                    "rstrace can't trace itself: give -p another process",
                ));
            }
            Target::Processes { pids, follow } => {
                let processes = pids.iter().map(|pid| Process::open(*pid)).collect::<Result<_>>()?;
                Self::Processes { processes, follow: *follow }
            }
            Target::Thread(tid) if thread_exists(*tid) => Self::Thread,
            Target::Thread(tid) => return Err(no_such_process(*tid)),
            Target::All => Self::Signal,
        })
    }

    /// How the target is told, and the process that is it or the command. One that may be let go is told by a set,
    /// which it can leave.
    pub(super) fn scope(&self, let_go: bool) -> (u32, u32) {
        match self {
            Self::Command { process, follow: false, .. } if !let_go => (layout::SCOPE_TGID, process.pid),
            Self::Command { process, follow: false, .. } => (layout::SCOPE_TGIDS, process.pid),
            Self::Command { process, follow: true, .. } => (layout::SCOPE_TIDS, process.pid),
            Self::Processes { processes, follow: false } if processes.len() == 1 && !let_go => {
                (layout::SCOPE_TGID, processes[0].pid)
            }
            Self::Processes { follow: false, .. } => (layout::SCOPE_TGIDS, 0),
            Self::Processes { .. } | Self::Thread => (layout::SCOPE_TIDS, 0),
            Self::Signal => (layout::SCOPE_ALL, 0),
        }
    }

    /// Watches what the target has mapped and will map, for stacks of at most so many frames.
    pub(super) fn watch_mappings(&self, target: &Target, frames: usize) -> Result<Stacks> {
        let (pids, tids): (Vec<u32>, Vec<u32>) = match (self, target) {
            (Self::Command { process, .. }, _) => (vec![process.pid], vec![process.pid]),
            (Self::Processes { processes, .. }, _) => (
                processes.iter().map(|process| process.pid).collect(),
                processes.iter().flat_map(Process::threads).collect(),
            ),
            (Self::Thread, Target::Thread(tid)) => {
                // any thread of its process may map what it executes
                let pid = underway::group_of(*tid).unwrap_or(*tid);
                (vec![pid], Process::open(pid)?.threads().into_iter().collect())
            }
            _ => (Vec::new(), Vec::new()),
        };
        let held = matches!(self, Self::Command { .. });
        Stacks::start(&pids, &tids, pids.is_empty() || target.follows(), held, frames)
    }
}
