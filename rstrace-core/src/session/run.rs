//! The loop of a session: hands out what comes, and shows calls that last, until the target has ended.

use std::os::fd::AsFd;
use std::sync::atomic::Ordering;
use std::time::Instant;

use libbpf_rs::{MapCore, MapFlags};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use rstrace_probes_bpf::layout;

use super::Session;
use super::end::End;
use super::report::Report;
use crate::before::{self, Before};
use crate::clock::monotonic_ns;
use crate::deliver::Sink;
use crate::error::{Context, Result};
use crate::record::Record;
use crate::statistics::Counter;
use crate::transport::pump::POLL_MS;
use crate::underway;
use crate::unpreempted::Unpreempted;

/// A call is shown before its return when it has lasted so long.
const LASTING_NS: u64 = 100_000_000;

impl Session<'_> {
    /// Lets the command go and hands out events until the target has ended or a signal ends the session.
    pub fn run(mut self, sink: &mut dyn Sink) -> Result<Report> {
        let started = Instant::now();
        let deadline = self.duration.and_then(|duration| started.checked_add(duration));
        let mut failure = None;
        if let Some(counter) = &mut self.counter {
            counter.start();
        }
        if let End::Command { held, program, .. } = &mut self.end
            && let Some(held) = held.take()
        {
            // a failed exec is an error, but its events are to be seen
            failure = held.release(program).err();
        }
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).context("epoll")?;
        let interest = || EpollEvent::new(EpollFlags::EPOLLIN, 0);
        epoll.add(self.signals.as_fd(), interest()).context("epoll")?;
        epoll.add(self.pump.filled(), interest()).context("epoll")?;
        match &self.end {
            End::Command { process, .. } => epoll.add(process.as_fd(), interest()).context("epoll")?,
            End::Processes { processes, .. } => {
                for process in processes {
                    epoll.add(process.as_fd(), interest()).context("epoll")?;
                }
            }
            End::Thread | End::Signal => {}
        }

        let mut interrupted = None;
        let mut events = [EpollEvent::empty(); 4];
        let mut ended = false;
        let mut expired = false;
        while !ended {
            ended = self.has_ended(&epoll);
            let delivery = &mut self.delivery;
            let any = self.pump.read(&mut |bytes| delivery.record(bytes, sink))?;
            if let Some(stacks) = self.delivery.stacks() {
                stacks.advance(self.pump.complete_ns());
            }
            if self.delivery.error.is_none() {
                let lasting_ns = monotonic_ns().saturating_sub(LASTING_NS);
                self.tell_of_entered(self.pump.complete_ns().min(lasting_ns), sink);
            }
            if self.delivery.error.is_some() {
                break;
            }
            interrupted = self.handle_signals()?;
            if let Some(counter) = &mut self.counter
                && let Some(statistics) = counter.tick(&self.attached)?
                && let Err(error) = sink.statistics(&statistics)
            {
                self.delivery.error = Some(error);
                break;
            }
            let is_over = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            expired = !ended && (is_over || self.delivery.is_done());
            if interrupted.is_some() || expired {
                break;
            }
            if !any && !ended {
                if let Err(error) = sink.idle() {
                    self.delivery.error = Some(error);
                    break;
                }
                let next = self.counter.as_ref().and_then(Counter::next);
                let left = deadline.into_iter().chain(next).min().map_or(u128::MAX, |moment| {
                    moment.saturating_duration_since(Instant::now()).as_millis() + 1
                });
                let timeout = left.min(u128::from(POLL_MS)) as u16;
                match epoll.wait(&mut events, EpollTimeout::from(timeout)) {
                    Ok(_) | Err(nix::Error::EINTR) => {}
                    Err(error) => return Err(error).context("epoll_wait"),
                }
            }
        }
        let report = self.finish(sink, interrupted, ended, expired, started)?;
        match failure {
            Some(error) => Err(error),
            None => Ok(report),
        }
    }

    /// Whether the target has ended; takes ended processes out of the poll set, as they stay readable.
    fn has_ended(&mut self, epoll: &Epoll) -> bool {
        let nobody_left = self.attached.live().load(Ordering::Relaxed) <= 0;
        let is_let_go = self.attached.has_let_go_of_command();
        let followed = &self.attached.skel.maps.followed;
        match &mut self.end {
            End::Command { process, follow, .. } => {
                let ended = process.has_ended();
                if ended && *follow {
                    let _ = epoll.delete(process.as_fd());
                }
                (ended || is_let_go) && (!*follow || nobody_left)
            }
            End::Processes { processes, follow: false } => {
                processes.retain(|process| {
                    let ended = process.has_ended() || (self.let_go && !is_in(followed, process.pid));
                    if ended {
                        let _ = epoll.delete(process.as_fd());
                        // its id may become another's
                        let _unpreempted = Unpreempted::new();
                        let _ = followed.delete(&process.pid.to_ne_bytes());
                    }
                    !ended
                });
                processes.is_empty()
            }
            End::Processes { processes, follow: true } => {
                for process in processes.iter().filter(|process| process.has_ended()) {
                    let _ = epoll.delete(process.as_fd());
                }
                nobody_left
            }
            End::Thread => nobody_left,
            End::Signal => false,
        }
    }

    /// Tells the sink of calls that are under way, as far as it asks.
    fn tell_of_entered(&mut self, complete_ns: u64, sink: &mut dyn Sink) {
        // no call is told of, so none that is under way either
        if self.silent {
            return;
        }
        let asked = &mut self.asked;
        asked.clear();
        sink.overdue(complete_ns, &mut |tgid, tid| asked.push((tgid, tid)));
        if self.filter.is_by_result() {
            // whether anybody wants to see it is not known before it ends
            asked.clear();
        }
        if asked.is_empty() {
            return;
        }
        let _unpreempted = Unpreempted::new();
        for &(tgid, tid) in &self.asked {
            let Some(tgid) = tgid.or_else(|| underway::group_of(tid)) else { continue };
            let (inflights, slots) = (&self.attached.skel.maps.inflights, self.plan.slots());
            let result = if let Some(call) = underway::of_thread(inflights, slots, tgid, tid) {
                self.attached_to.remove(&tid);
                let head = call.head();
                if head.flags & layout::CALL_UNDECIDED != 0 {
                    continue;
                }
                self.delivery.entered(&head, call.payloads(), call.pending(), sink)
            } else if self.attached_to.contains(&tid) && !self.filter.is_by_entry() {
                // what a filter says of a call from before is known when it returns
                let entered = || underway::of_thread(inflights, slots, tgid, tid).is_some();
                let call = before::look(&self.pairs, tgid, tid, entered);
                if !matches!(call, Before::Moving) {
                    self.attached_to.remove(&tid);
                }
                match call {
                    Before::In(head, payloads) => {
                        let head = Record { time: monotonic_ns(), ..*head };
                        self.delivery.entered(&head, payloads.as_bytes(), 0, sink)
                    }
                    Before::InNone | Before::Moving => Ok(()),
                }
            } else {
                Ok(())
            };
            if let Err(error) = result {
                self.delivery.error = Some(error);
                return;
            }
        }
    }
}

/// Whether a process is in the set.
fn is_in(set: &impl MapCore, pid: u32) -> bool {
    let _unpreempted = Unpreempted::new();
    matches!(set.lookup(&pid.to_ne_bytes(), MapFlags::ANY), Ok(Some(_)))
}
