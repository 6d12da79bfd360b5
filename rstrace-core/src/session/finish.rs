//! The end of a session: what is left is drained, calls under way are shown, the account is made up. What brings the
//! end about is told in `end` and `run`.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use rstrace_probes_bpf::layout::{self, Counters};

use super::Session;
use super::end::End;
use super::report::Report;
use crate::backend::tables;
use crate::clock::monotonic_ns;
use crate::deliver::{Sink, wait_status};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::event::{Event, EventKind, WaitStatus};
use crate::ledger::Ledger;
use crate::stacks::Stacks;
use crate::statistics::Statistics;
use crate::underway;

impl Session<'_> {
    /// Detaches, drains what is left, and makes up the account.
    pub(super) fn finish(
        mut self,
        sink: &mut dyn Sink,
        interrupted: Option<Signal>,
        ended: bool,
        expired: bool,
        started: Instant,
    ) -> Result<Report> {
        // while its end can still be seen
        drop(self.guard.take());
        let recursion = self.attached.recursion_misses(&self.plan);
        let dropped_returns = self.attached.detach(!ended);
        let traced = started.elapsed();
        let delivery = &mut self.delivery;
        self.pump.finish();
        while self.pump.read(&mut |bytes| delivery.record(bytes, sink))? {}
        let unfinished = if self.silent { 0 } else { self.report_unfinished(sink) };

        let counters = tables::read_counters(&self.attached.skel.maps.counts)?;
        let ledger = Ledger { recursion, dropped_returns, ..self.account(&counters, unfinished) };
        let statistics = self.last_statistics(counters[0].count[layout::COUNT_NOT_TALLIED], sink)?;
        self.tell_of_lost(ledger.lost.buffer_full, sink);
        let error = self.delivery.error.take().or_else(|| sink.idle().err());
        let closed = error.as_ref().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe);
        let command = match &self.end {
            // with the output gone there is still a command to wait for: its status is ours
            End::Command { process, is_child: true, .. }
                if !self.attached.has_let_go_of_command() && (!expired || process.has_ended()) =>
            {
                Some(self.wait_for_command()?)
            }
            _ => None,
        };
        if let Some(error) = error.filter(|_| !closed) {
            return Err(Error::new(ErrorKind::Output, format!("the output can't be written: {error}")));
        }
        Ok(Report {
            ledger,
            command,
            interrupted,
            expired,
            closed,
            lost_mappings: self.delivery.stacks().map_or(0, Stacks::lost),
            statistics,
            backends: self.plan.backends.clone(),
            transport: self.transport,
            startup: self.startup,
            traced,
        })
    }

    /// Shows the calls that are still under way, and counts them.
    fn report_unfinished(&mut self, sink: &mut dyn Sink) -> u64 {
        let mut shown = 0;
        for call in underway::all(&self.attached.skel.maps.inflights) {
            let head = call.head();
            let after = Duration::from_nanos(monotonic_ns().saturating_sub(head.entry_time));
            let is_undecided = head.flags & layout::CALL_UNDECIDED != 0;
            if !self.filter.wants_detached(after) || is_undecided || self.delivery.is_done() {
                self.delivery.leave_out(head.pair);
                continue;
            }
            shown += 1;
            if self.delivery.error.is_none() {
                let result = self.delivery.unfinished(&head, call.payloads(), sink);
                self.delivery.error = result.err();
            }
        }
        shown
    }

    /// The account, of what was counted in the kernel and what was delivered.
    fn account(&self, counters: &[Counters], unfinished: u64) -> Ledger {
        let mut ledger = Ledger {
            delivered: self.delivery.delivered,
            incomplete: self.delivery.incomplete,
            records: self.delivery.records,
            parts: self.delivery.parts_read,
            ..Ledger::default()
        };
        ledger.lost.ended_within = unfinished + self.delivery.let_go;
        // what is only counted is no part of the account of what was to be delivered
        for (index, known) in self.delivery.pairs().iter().enumerate().filter(|_| !self.silent) {
            ledger.add(&known.name, &counters[index + 1], known.unwanted);
        }
        let points = &counters[0];
        ledger.lost_points = points.count[layout::COUNT_POINT_LOST];
        ledger.not_followed = points.count[layout::COUNT_NOT_FOLLOWED];
        ledger.throttled = points.count[layout::COUNT_THROTTLED];
        ledger.throttled_for = Duration::from_nanos(points.count[layout::COUNT_THROTTLED_NS]);
        ledger.spilled = self.pump.spilled();
        ledger
    }

    /// What was counted in all, if that was asked for; the sink gets what came since the last interval.
    fn last_statistics(&mut self, uncounted: u64, sink: &mut dyn Sink) -> Result<Option<Statistics>> {
        let Some(counter) = &mut self.counter else { return Ok(None) };
        let rest = counter.rest(&self.attached)?;
        if counter.has_intervals() && self.delivery.error.is_none() {
            self.delivery.error = sink.statistics(&rest).err();
        }
        counter.total(&self.attached, uncounted).map(Some)
    }

    /// Tells the sink of lost calls that no later record could tell of.
    fn tell_of_lost(&mut self, lost: u64, sink: &mut dyn Sink) {
        let calls = lost.saturating_sub(self.delivery.lost_shown);
        if calls > 0 && self.delivery.error.is_none() {
            let event = Event {
                tgid: 0,
                tid: 0,
                time_ns: 0,
                caller: None,
                pointer: None,
                stack: None,
                name: None,
                kind: EventKind::Lost { calls },
            };
            self.delivery.error = sink.event(&event).err();
        }
    }

    /// How the command ended. It may still run, with the output gone: signals to rstrace are still passed on.
    fn wait_for_command(&mut self) -> Result<WaitStatus> {
        let End::Command { process, .. } = &self.end else { unreachable!("only commands are waited for") };
        let pid = process.pid;
        loop {
            let End::Command { process, .. } = &self.end else { unreachable!("as above") };
            if process.has_ended() {
                break;
            }
            let mut fds = [
                PollFd::new(process.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut fds, PollTimeout::NONE) {
                Ok(_) | Err(nix::Error::EINTR) => {}
                Err(error) => return Err(error).context("poll"),
            }
            self.handle_signals()?;
        }
        let mut status = 0;
        // SAFETY: the status is ours to write to. (nix knows no real-time signals.)
        if unsafe { libc::waitpid(pid as i32, &mut status, 0) } < 0 {
            return Err(io::Error::last_os_error()).context("the command's exit status is lost");
        }
        Ok(wait_status(status as u32))
    }
}
