//! The set of what is followed, as it is when the programs begin to keep it, and the guard that kills what is in it.

use std::collections::BTreeSet;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;

use libbpf_rs::{MapCore, MapFlags};

use super::Session;
use super::end::End;
use crate::error::{Context, Result};
use crate::target::Target;
use crate::target::attach::{Process, no_such_process, thread_exists};
use crate::target::guard::{Guard, Prey};
use crate::unpreempted::Unpreempted;

impl Session<'_> {
    /// Fills the set of what is followed, now that the fork and exit points keep it.
    pub(super) fn follow_target(&mut self, target: &Target) -> Result<()> {
        let _unpreempted = Unpreempted::new();
        match (&self.end, target) {
            (End::Command { process, follow: true, .. }, _) => self.follow(process.pid)?,
            (End::Command { process, follow: false, .. }, _) if self.let_go => self.watch(process.pid)?,
            (End::Processes { processes, follow: true }, _) => {
                for process in processes {
                    // threads made by ones that are in the set already join it by themselves
                    let mut known = BTreeSet::new();
                    loop {
                        let threads = process.threads();
                        if threads.is_subset(&known) {
                            break;
                        }
                        for tid in threads.difference(&known) {
                            self.follow(*tid)?;
                        }
                        known.extend(threads);
                    }
                }
            }
            (End::Processes { processes, follow: false }, _) if processes.len() > 1 || self.let_go => {
                processes.iter().try_for_each(|process| self.watch(process.pid))?;
            }
            (End::Thread, Target::Thread(tid)) => self.follow(*tid)?,
            _ => {}
        }
        match (&self.end, target) {
            (End::Processes { processes, .. }, _) => {
                self.attached_to.extend(processes.iter().flat_map(Process::threads));
            }
            (End::Thread, Target::Thread(tid)) => self.attached_to.extend([*tid]),
            _ => {}
        }
        if let End::Processes { processes, .. } = &self.end
            && let Some(gone) = processes.iter().find(|process| process.has_ended())
        {
            return Err(no_such_process(gone.pid));
        }
        Ok(())
    }

    /// Who kills the command with all that is traced.
    pub(super) fn guard(&self) -> Result<Option<Guard>> {
        let End::Command { process, follow, .. } = &self.end else { return Ok(None) };
        let prey = if *follow || self.let_go {
            Prey::Set(self.attached.skel.maps.followed.as_fd())
        } else {
            Prey::Process(process.as_fd())
        };
        Guard::start(&prey).map(Some)
    }

    /// Puts a process into the set, alone.
    fn watch(&self, pid: u32) -> Result<()> {
        let set = &self.attached.skel.maps.followed;
        set.update(&pid.to_ne_bytes(), &[1], MapFlags::ANY).context("the follow set")
    }

    fn follow(&self, tid: u32) -> Result<()> {
        let set = &self.attached.skel.maps.followed;
        let key = tid.to_ne_bytes();
        match set.update(&key, &[1], MapFlags::NO_EXIST) {
            Ok(()) => {}
            // the fork point was faster
            Err(error) if error.kind() == libbpf_rs::ErrorKind::AlreadyExists => return Ok(()),
            Err(error) => return Err(error).context(format!("thread {tid} can't be followed")),
        }
        self.attached.live().fetch_add(1, Ordering::Relaxed);
        // it may have ended before it was in the set, and then nobody takes it out
        if !thread_exists(tid) && set.delete(&key).is_ok() {
            self.attached.live().fetch_sub(1, Ordering::Relaxed);
        }
        Ok(())
    }
}
