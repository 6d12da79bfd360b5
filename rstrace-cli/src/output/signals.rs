//! Lines of signals: which of them are shown, and when.
//!
//! One that is delivered is shown then. One that its target ignores is only sent: it is shown after the call that
//! the target is in, where a debugger would see it. One that kills is delivered to every thread as `SIGKILL`: what
//! was sent is shown before the thread ends that it was sent to.

use super::errno;
use super::line::{Lines, put};
use rstrace_core::event::SignalInfo;
use std::collections::HashMap;
use std::io::Write;

/// What stops a process, if no handler catches it.
pub const STOPPING: &[i32] = &[libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];

/// A line between those of calls.
#[derive(Debug, Clone, Copy)]
pub struct Note {
    /// The thread that it is of.
    pub tid: u32,
    /// When it happened.
    pub time_ns: u64,
    /// Where the program was, if that is known.
    pub pointer: Option<u64>,
    /// What happened.
    pub what: What,
}

/// What happened to a thread.
#[derive(Debug, Clone, Copy)]
pub enum What {
    /// It got a signal.
    Signal(u8, SignalInfo),
    /// A signal stopped it.
    Stop(u8),
}

impl Note {
    /// Writes the line, without what stands before all lines.
    pub fn write(&self, lines: &mut Lines) {
        match &self.what {
            What::Signal(number, info) => {
                lines.format(|out| {
                    put!(out, "--- ");
                    errno::signal(out, *number);
                    put!(out, " ");
                });
                info.show(|value| lines.value(value));
            }
            What::Stop(number) => lines.format(|out| {
                put!(out, "--- stopped by ");
                errno::signal(out, *number);
            }),
        }
        lines.push(" ---");
    }
}

/// What is not shown yet.
#[derive(Debug, Default)]
pub struct Signals {
    /// Signals that wait, by group and number: the latest of each.
    sent: HashMap<u32, Vec<(u8, Note)>>,
    /// Notes that wait for the end of a call, in their order.
    held: Vec<Note>,
}

impl Signals {
    /// A signal was sent and may be delivered.
    pub fn send(&mut self, tgid: u32, number: u8, note: Note) {
        let sent = self.sent.entry(tgid).or_default();
        match sent.iter_mut().find(|(other, _)| *other == number) {
            Some((_, other)) => *other = note,
            None => sent.push((number, note)),
        }
    }

    /// The signal that was sent, as it is delivered.
    pub fn take(&mut self, tgid: u32, number: u8) -> Option<Note> {
        self.take_deadly(tgid, None, number)
    }

    /// The signal that was sent to this thread, or to any of its group, as it dies of it.
    pub fn take_deadly(&mut self, tgid: u32, tid: Option<u32>, number: u8) -> Option<Note> {
        let sent = self.sent.get_mut(&tgid)?;
        let is_it = |(other, note): &(u8, Note)| *other == number && tid.is_none_or(|tid| tid == note.tid);
        let place = sent.iter().position(is_it)?;
        Some(sent.swap_remove(place).1)
    }

    /// The process with this id is gone: what is to be told of it is told without what was behind the id.
    pub fn forget_identity(&mut self, id: i32) {
        for note in &mut self.held {
            if let What::Signal(_, info) = &mut note.what {
                info.forget_identity(id);
            }
        }
    }

    /// Nobody is left to get a signal.
    pub fn forget(&mut self, tgid: u32) {
        self.sent.remove(&tgid);
    }

    /// Something is to be shown after the call that the thread is in.
    pub fn hold(&mut self, note: Note) {
        self.held.push(note);
    }

    /// Whether nothing waits for the end of a call.
    pub fn holds_none(&self) -> bool {
        self.held.is_empty()
    }

    /// The next of a thread (or of any) from before this time.
    pub fn next_held(&mut self, tid: Option<u32>, before: u64) -> Option<Note> {
        let is_next = |note: &Note| tid.is_none_or(|tid| note.tid == tid) && note.time_ns < before;
        let place = self.held.iter().position(is_next)?;
        Some(self.held.remove(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(tid: u32, time_ns: u64) -> Note {
        Note { tid, time_ns, pointer: None, what: What::Stop(19) }
    }

    #[test]
    fn of_signals_that_wait_the_latest_of_a_number_counts() {
        let mut signals = Signals::default();
        signals.send(5, 15, note(5, 1));
        signals.send(5, 15, note(6, 2));
        signals.send(5, 2, note(5, 3));
        assert!(signals.take_deadly(5, Some(5), 15).is_none());
        assert_eq!(signals.take_deadly(5, Some(6), 15).map(|note| note.time_ns), Some(2));
        assert!(signals.take(5, 15).is_none());
        signals.forget(5);
        assert!(signals.take(5, 2).is_none());
    }

    #[test]
    fn what_is_held_comes_by_thread_and_time() {
        let mut signals = Signals::default();
        for (tid, time) in [(5, 1), (6, 2), (5, 3)] {
            signals.hold(note(tid, time));
        }
        let mut next = |tid, before| signals.next_held(tid, before).map(|note| note.time_ns);
        assert_eq!(next(Some(5), 2), Some(1));
        assert_eq!(next(Some(5), 2), None);
        assert_eq!(next(None, u64::MAX), Some(2));
        assert_eq!(next(Some(5), u64::MAX), Some(3));
    }
}
