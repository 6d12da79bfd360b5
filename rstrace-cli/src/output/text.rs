//! Text in strace's notation: a line for each call, for each end of a thread, and for what was lost.
//!
//! Events come in the order in which calls return. What has to wait for another event is the end of a
//! group's leader: it is told when the last thread of its group has ended, as `wait(2)` does.

use super::errno;
use super::line::{Limits, Lines, Token, put};
use super::quote::Hex;
use super::signals::{Note, STOPPING, Signals, What};
use rstrace_core::Sink;
use rstrace_core::event::{Abi, Arg, Call, Event, EventKind, Outcome, Signal, SignalStage, WaitStatus};
use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

/// Lines are handed on in blocks of about this many bytes.
const BLOCK: usize = 64 * 1024;

/// Where the number of the thread stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pids {
    /// `[pid     5] `, while more than one thread is known.
    WhenSeveral,
    /// `[pid     5] ` on every line.
    Bracketed,
    /// `5     ` on every line.
    Column,
}

/// How the lines look, and which of them there are.
#[derive(Debug, Clone)]
pub struct Style {
    /// Where `=` stands, from 0.
    pub column: usize,
    /// Where the number of the thread stands.
    pub pids: Pids,
    /// Whether children are traced: every new thread is known from its birth then.
    pub follow: bool,
    /// Whether a message tells of each new thread.
    pub attached: bool,
    /// What is left out: 1 changes of the ABI and new threads, 2 exits too, 3 superseded threads too.
    pub quiet: u8,
    /// Whether notes are shown.
    pub notes: bool,
    /// How much of a value is shown.
    pub limits: Limits,
    /// Whether the lines are coloured.
    pub colour: bool,
}

impl Default for Style {
    /// As strace without options, to a file.
    fn default() -> Self {
        Self {
            column: 40,
            pids: Pids::WhenSeveral,
            follow: false,
            attached: false,
            quiet: 0,
            notes: false,
            limits: Limits { length: 32, whole_vectors: false, hex: Hex::Never },
            colour: false,
        }
    }
}

/// A thread that is traced.
#[derive(Debug, Clone, Copy)]
struct Thread {
    /// The ABI of its latest call.
    abi: Abi,
    /// Its group, once it has made a call.
    tgid: Option<u32>,
}

/// The output.
#[derive(Debug)]
pub struct Text<W> {
    sink: W,
    lines: Lines,
    style: Style,
    /// By thread id. A leader that ended before its group is among them.
    threads: HashMap<u32, Thread>,
    /// How leaders ended whose groups live on, by group id.
    ended: HashMap<u32, WaitStatus>,
    /// Groups whose last thread ended before the leader's end was seen: the kernel decides who is the last
    /// before it tells of the end, so two ends may come in the other order.
    over: HashSet<u32>,
    /// Leaders whose place a thread has taken, until the next event tells whether its execve is traced.
    superseded: HashMap<u32, Superseded>,
    signals: Signals,
}

/// A thread that took over its leader's id by an execve.
#[derive(Debug, Clone, Copy)]
struct Superseded {
    /// The id that it had before.
    tid: u32,
    /// When.
    time_ns: u64,
}

impl<W: Write> Text<W> {
    /// An output to `sink`, which needs no buffer of its own.
    pub fn new(sink: W, style: Style) -> Self {
        let lines = Lines::new(style.colour, style.limits);
        Self {
            sink,
            lines,
            style,
            threads: HashMap::new(),
            ended: HashMap::new(),
            over: HashSet::new(),
            superseded: HashMap::new(),
            signals: Signals::default(),
        }
    }

    /// Makes threads known before their first event: those that are attached to. It is by their number
    /// that lines begin with [`Pids::WhenSeveral`] or do not.
    pub fn know(&mut self, tids: impl IntoIterator<Item = u32>) {
        for tid in tids {
            self.thread(tid);
        }
    }

    /// Prints what was held back. To be called once, after the last event.
    pub fn finish(&mut self) -> io::Result<()> {
        self.held_notes(None, u64::MAX);
        for (tid, old) in std::mem::take(&mut self.superseded) {
            self.superseded_line(tid, old);
        }
        let mut ended: Vec<_> = self.ended.drain().collect();
        ended.sort_unstable_by_key(|(tgid, _)| *tgid);
        for (tgid, status) in ended {
            self.ended_line(tgid, status);
        }
        self.idle()
    }

    /// The thread, made known if it was not.
    fn thread(&mut self, tid: u32) -> &mut Thread {
        self.threads.entry(tid).or_insert(Thread { abi: Abi::Native, tgid: None })
    }

    fn prefix(&mut self, tid: u32) {
        let several = self.threads.len() > 1;
        let lines = &mut self.lines;
        match self.style.pids {
            Pids::WhenSeveral if !several => {}
            Pids::WhenSeveral | Pids::Bracketed => lines.format(|out| put!(out, "[pid {tid:>5}] ")),
            Pids::Column => lines.format(|out| put!(out, "{tid:<5} ")),
        }
    }

    fn abi(&mut self, tgid: u32, tid: u32, abi: Abi) {
        let thread = self.thread(tid);
        thread.tgid = Some(tgid);
        if std::mem::replace(&mut thread.abi, abi) == abi || self.style.quiet > 0 {
            return;
        }
        let bits = match abi {
            Abi::Native => usize::BITS,
            Abi::Compat32 => 32,
        };
        self.prefix(tid);
        self.lines.format(|out| put!(out, "[ Process PID={tid} runs in {bits} bit mode. ]"));
        self.lines.end();
    }

    fn call(&mut self, tgid: u32, tid: u32, call: &Call<'_>) {
        self.abi(tgid, tid, call.abi);
        self.prefix(tid);
        let lines = &mut self.lines;
        begin_call(lines, call);
        if let Outcome::Unfinished = call.outcome {
            lines.push(" <detached ...>");
            lines.end();
        } else {
            self.end_call(call);
        }
    }

    fn end_call(&mut self, call: &Call<'_>) {
        let lines = &mut self.lines;
        lines.push(")");
        lines.pad_to(self.style.column);
        lines.push("= ");
        outcome(lines, call.outcome);
        if let Some(gloss) = call.gloss {
            lines.gloss(gloss);
        }
        if self.style.notes && !call.notes.is_empty() {
            notes(lines, call.notes);
        }
        lines.end();
    }

    /// The end of the execve by which a thread took over its leader's id: it began under its own.
    fn resumed_exec(&mut self, tid: u32, old: Superseded, call: &Call<'_>) {
        self.prefix(old.tid);
        begin_call(&mut self.lines, call);
        self.lines.push(" <unfinished ...>");
        self.lines.end();
        self.superseded_line(tid, old);
        // it is its group's leader now
        self.abi(tid, tid, call.abi);
        self.prefix(tid);
        self.lines.push("<... ");
        self.lines.push(call.name);
        self.lines.push(" resumed>");
        self.end_call(call);
    }

    fn superseded_line(&mut self, tid: u32, old: Superseded) {
        if self.style.quiet < 3 {
            self.prefix(tid);
            self.lines.format(|out| put!(out, "+++ superseded by execve in pid {} +++", old.tid));
            self.lines.end();
        }
    }

    fn fork(&mut self, tid: u32, child: u32) {
        let abi = self.thread(tid).abi;
        if !self.style.follow {
            return;
        }
        self.threads.insert(child, Thread { abi, tgid: None });
        if self.style.attached && self.style.quiet == 0 {
            self.lines.format(|out| put!(out, "rstrace: Process {child} attached"));
            self.lines.end();
        }
    }

    fn exec(&mut self, tgid: u32, tid: u32, old_tid: u32, time_ns: u64) {
        if old_tid == tid {
            self.thread(tid);
            return;
        }
        // The thread takes the place and the id of its group's leader, whose end is not told.
        let before = self.threads.remove(&old_tid).unwrap_or(Thread { abi: Abi::Native, tgid: Some(tgid) });
        self.threads.insert(tid, before);
        self.ended.remove(&tgid);
        self.superseded.insert(tid, Superseded { tid: old_tid, time_ns });
    }

    fn signal(&mut self, event: &Event<'_>, signal: &Signal) {
        let (tgid, tid) = (event.tgid, event.tid);
        let note = Note { tid, time_ns: event.time_ns, what: What::Signal(signal.number, signal.info) };
        match signal.stage {
            SignalStage::Sent => self.signals.send(tgid, signal.number, note),
            SignalStage::Ignored => self.signals.hold(note),
            SignalStage::Delivered { default } => {
                self.signals.take(tgid, signal.number);
                self.held_notes(Some(tid), u64::MAX);
                // of a SIGKILL the end tells; it may stand for another signal
                if i32::from(signal.number) != libc::SIGKILL {
                    self.note(&note);
                }
                if default && STOPPING.contains(&signal.number.into()) {
                    self.stopped(tgid, &Note { what: What::Stop(signal.number), ..note });
                }
            }
        }
    }

    /// All threads of a group stop when one of them gets the signal: the others after the calls they are in.
    fn stopped(&mut self, tgid: u32, stop: &Note) {
        self.note(stop);
        for (tid, _) in self.threads.iter().filter(|(_, thread)| thread.tgid == Some(tgid)) {
            if *tid != stop.tid {
                self.signals.hold(Note { tid: *tid, ..*stop });
            }
        }
    }

    /// What was held back of a thread (or of any) from before this time.
    fn held_notes(&mut self, tid: Option<u32>, before: u64) {
        while let Some(note) = self.signals.next_held(tid, before) {
            self.note(&note);
        }
    }

    fn note(&mut self, note: &Note) {
        self.prefix(note.tid);
        note.write(&mut self.lines);
        self.lines.end();
    }

    fn exit(&mut self, tgid: u32, tid: u32, status: WaitStatus, last: bool) {
        self.thread(tid);
        self.held_notes(Some(tid), u64::MAX);
        // delivered as SIGKILL, to all threads
        if let WaitStatus::Signaled { signal, .. } = status
            && i32::from(signal) != libc::SIGKILL
            && let Some(sent) = self.signals.take_deadly(tgid, (!last).then_some(tid), signal)
        {
            self.note(&sent);
        }
        if last {
            self.signals.forget(tgid);
        }
        if tid == tgid && !last && !self.over.remove(&tgid) {
            self.ended.insert(tgid, status);
            return;
        }
        self.ended_line(tid, status);
        if last && tid != tgid {
            match self.ended.remove(&tgid) {
                Some(status) => self.ended_line(tgid, status),
                None => {
                    self.over.insert(tgid);
                }
            }
        }
    }

    fn ended_line(&mut self, tid: u32, status: WaitStatus) {
        if self.style.quiet < 2 || matches!(status, WaitStatus::Signaled { .. }) {
            self.prefix(tid);
            self.lines.format(|out| match status {
                WaitStatus::Exited(code) => put!(out, "+++ exited with {code} +++"),
                WaitStatus::Signaled { signal, core } => {
                    put!(out, "+++ killed by ");
                    errno::signal(out, signal);
                    put!(out, "{} +++", if core { " (core dumped)" } else { "" });
                }
            });
            self.lines.end();
        }
        self.threads.remove(&tid);
    }

    fn hand_on(&mut self) -> io::Result<()> {
        let result = self.sink.write_all(self.lines.bytes());
        // What could not be written is not written again: a part of it may be out.
        self.lines.clear();
        result
    }
}

impl<W: Write> Sink for Text<W> {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        let superseded = if self.superseded.is_empty() { None } else { self.superseded.remove(&event.tid) };
        match (&event.kind, superseded) {
            (EventKind::Call(call), Some(old)) if call.entry_ns.is_some_and(|entry| entry < old.time_ns) => {
                self.resumed_exec(event.tid, old, call);
                return Ok(());
            }
            (_, Some(old)) => self.superseded_line(event.tid, old),
            _ => {}
        }
        match &event.kind {
            EventKind::Call(call) => {
                self.held_notes(Some(event.tid), call.entry_ns.unwrap_or(u64::MAX));
                self.call(event.tgid, event.tid, call);
                self.held_notes(Some(event.tid), u64::MAX);
            }
            EventKind::Fork { child } => self.fork(event.tid, *child),
            EventKind::Exec { old_tid } => self.exec(event.tgid, event.tid, *old_tid, event.time_ns),
            EventKind::Exit { status, last } => self.exit(event.tgid, event.tid, *status, *last),
            EventKind::Signal(signal) => self.signal(event, signal),
            EventKind::Lost { calls } => {
                let s = if *calls == 1 { "" } else { "s" };
                self.lines.format(|out| put!(out, "--- {calls} call{s} lost here: the buffer was full ---"));
                self.lines.end();
            }
        }
        if self.lines.bytes().len() < BLOCK { Ok(()) } else { self.hand_on() }
    }

    fn idle(&mut self) -> io::Result<()> {
        self.hand_on()?;
        self.sink.flush()
    }
}

fn begin_call(lines: &mut Lines, call: &Call<'_>) {
    lines.paint(Token::Call, |out| out.extend_from_slice(call.name.as_bytes()));
    lines.push("(");
    for (i, arg) in call.args.iter().enumerate() {
        lines.push(if i == 0 { "" } else { ", " });
        if arg.named {
            lines.push(arg.name);
            lines.push("=");
        }
        lines.value(arg.value);
    }
}

fn outcome(lines: &mut Lines, outcome: Outcome<'_>) {
    match outcome {
        Outcome::Returned(value) => lines.result(value),
        Outcome::Failed(code) => {
            lines.paint(Token::Error, |out| {
                put!(out, "-1 ");
                errno::failure(out, code);
            });
        }
        Outcome::Restart(code) => lines.paint(Token::Error, |out| match errno::restart(code) {
            Some(text) => put!(out, "? {text}"),
            None => put!(out, "? (errno {code})"),
        }),
        Outcome::Died | Outcome::Unfinished => lines.paint(Token::Error, |out| out.push(b'?')),
    }
}

fn notes(lines: &mut Lines, notes: &[Arg<'_>]) {
    lines.push(" /* ");
    for (i, note) in notes.iter().enumerate() {
        lines.push(if i == 0 { "" } else { ", " });
        lines.push(note.name);
        lines.push("=");
        lines.value(note.value);
    }
    lines.push(" */");
}

#[cfg(test)]
mod tests;
