//! Text in strace's notation: a line for each call, for each end of a thread, and for what was lost.
//!
//! Events come in the order in which calls return, lines stand where calls are entered: where there are several threads
//! they wait in [`order`] until nothing from before can come. What has to wait for another event is the end of a
//! group's leader: it is told when the last thread of its group has ended, as `wait(2)` does.

mod files;
mod order;
mod page;
mod stack;

use super::errno;
use super::line::{Limits, Lines, Token, put};
use super::prefix::{Mark, Name, Place, Precision, Prefix, Prefixes};
use super::quote::Hex;
use super::signals::{Note, STOPPING, Signals, What};
use super::threads::{AGAIN_NS, Thread, Threads};
use super::{Output, Start, dump};
use rstrace_core::describe::Constants;
use rstrace_core::event::{
    Abi, Arg, Call, Event, EventKind, Outcome, Signal, SignalStage, Value, WaitStatus,
};
use rstrace_core::stacks::Stack;
use rstrace_core::{Report, Sink};
use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::ops::Range;

pub use files::Files;
use order::Order;
use page::Page;

/// Lines are handed on in blocks of about this many bytes.
const BLOCK: usize = 64 * 1024;

/// Where the number of the thread stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pids {
    /// On no line.
    Never,
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
    /// Whether a message tells of each process that is traced no more.
    pub detached: bool,
    /// Which messages are left out.
    pub quiet: Quiet,
    /// Of which signals lines tell, a bit each from that of signal 1.
    pub signals: u64,
    /// Whether notes are shown.
    pub notes: bool,
    /// How much of a value is shown.
    pub limits: Limits,
    /// What stands before a line besides the thread.
    pub prefixes: Prefixes,
    /// How exactly the time that a call took is shown, if it is.
    pub call_times: Option<Precision>,
    /// Whether the line of a call is in one piece and stands where it ended: what it says then decides whether it is
    /// shown.
    pub whole: bool,
    /// Whether the names of all arguments are shown.
    pub arg_names: bool,
    /// Whether frames of stacks have their lines of source.
    pub sources: bool,
    /// Whether the names of threads stand behind their numbers.
    pub names: bool,
    /// Whether the lines are coloured.
    pub colour: bool,
}

/// Which messages are left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quiet {
    /// New threads, and what is attached to.
    pub attach: bool,
    /// Exits, but not ends by a signal.
    pub exit: bool,
    /// Changes of the ABI.
    pub personality: bool,
    /// Threads that are superseded by an execve.
    pub thread_execve: bool,
    /// What paths of `-P` lead to.
    pub path_resolution: bool,
}

impl Quiet {
    /// As so many `-q` have it.
    pub fn by_count(count: u8) -> Self {
        let (once, twice, thrice) = (count > 0, count > 1, count > 2);
        Self { attach: once, personality: once, exit: twice, thread_execve: thrice, path_resolution: thrice }
    }
}

impl Default for Style {
    /// As strace without options, to a file.
    fn default() -> Self {
        Self {
            column: 40,
            pids: Pids::WhenSeveral,
            follow: false,
            attached: false,
            detached: false,
            quiet: Quiet::default(),
            signals: u64::MAX,
            notes: false,
            limits: Limits {
                length: 32,
                whole_vectors: false,
                constants: Constants::Abbrev,
                hex: Hex::Never,
                files: super::files::Files::NONE,
            },
            prefixes: Prefixes::default(),
            call_times: None,
            whole: false,
            arg_names: false,
            sources: false,
            names: false,
            colour: false,
        }
    }
}

/// The output.
#[derive(Debug)]
pub struct Text<W> {
    sink: W,
    /// Where lines go instead, those of each thread into a file of its own.
    files: Option<Files>,
    page: Page,
    order: Order,
    style: Style,
    /// A leader that ended before its group is among them.
    threads: Threads,
    /// The latest time of which an event told.
    newest_ns: u64,
    /// Nothing is to come from before this time but the returns of calls that are shown.
    complete_ns: u64,
    /// How leaders ended whose groups live on, by group id.
    ended: HashMap<u32, WaitStatus>,
    /// Groups whose last thread ended before the leader's end was seen: the kernel decides who is the last
    /// before it tells of the end, so two ends may come in the other order.
    over: HashSet<u32>,
    /// Leaders whose place a thread has taken, until the next event tells whether its execve is traced.
    superseded: HashMap<u32, Superseded>,
    signals: Signals,
    /// Stacks of calls that never return, by thread: they stand behind its end.
    last_stacks: HashMap<u32, Lines>,
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
        let lines = || Lines::new(style.colour, style.limits);
        Self {
            sink,
            files: None,
            page: Page::new(lines(), style.pids, Prefix::new(style.prefixes), style.column),
            order: Order::new(lines()),
            style,
            threads: Threads::default(),
            newest_ns: 0,
            complete_ns: 0,
            ended: HashMap::new(),
            over: HashSet::new(),
            superseded: HashMap::new(),
            signals: Signals::default(),
            last_stacks: HashMap::new(),
        }
    }

    /// Writes the lines of each thread into a file of its own, and none to the sink.
    pub fn into_files(mut self, files: Files) -> Self {
        self.page.keep_apart(Lines::new(self.style.colour, self.style.limits));
        self.files = Some(files);
        self
    }

    /// Whether nothing can come from before what comes now: lines are printed as they come.
    fn is_in_order(&self) -> bool {
        self.threads.len() <= 1 && self.order.is_empty()
    }

    /// The thread, made known if it was not.
    fn thread(&mut self, tid: u32, time_ns: u64) -> &mut Thread {
        let new = || Thread::new(tid, Abi::Native, 0);
        if !self.threads.contains(tid) {
            self.threads.get_or_insert(tid, new);
            self.count(time_ns, tid, 1);
        }
        self.threads.get_or_insert(tid, new)
    }

    /// There is one thread more from this time on, or fewer: this one.
    fn count(&mut self, time_ns: u64, tid: u32, change: i32) {
        if self.is_in_order() {
            self.page.count(tid, change);
        } else {
            self.order.count(time_ns, tid, change);
        }
    }

    /// A line of a thread, or of none.
    fn line(&mut self, time_ns: u64, tid: Option<u32>, write: impl FnOnce(&mut Lines)) {
        self.marked_line(time_ns, tid, Mark::default(), write);
    }

    /// Likewise, before which something of its own stands.
    fn marked_line(&mut self, time_ns: u64, tid: Option<u32>, mark: Mark, write: impl FnOnce(&mut Lines)) {
        if self.is_in_order() {
            self.page.line(tid, time_ns, mark, write);
        } else {
            self.order.line(time_ns, tid, mark, write);
        }
    }

    /// A thread is called so from this time on.
    fn name(&mut self, time_ns: u64, tid: u32, name: Option<&[u8]>) {
        let Some(name) = name.filter(|_| self.style.names) else { return };
        let mark = Mark { name: Some(Name::new(name)), ..Mark::default() };
        if self.is_in_order() {
            self.page.note(tid, mark);
        } else {
            self.order.note(time_ns, tid, mark);
        }
    }

    /// What stands before the line of a call that begins.
    fn first_mark(&self, event: &Event<'_>, call: &Call<'_>) -> Mark {
        let name = event.name.filter(|_| self.style.names).map(Name::new);
        Mark { name, ..self.mark(event, call) }
    }

    /// What stands before its later lines, as far as it is shown.
    fn mark(&self, event: &Event<'_>, call: &Call<'_>) -> Mark {
        let shown = &self.style.prefixes;
        Mark {
            number: call.raw.filter(|_| shown.number).map(|raw| raw.nr),
            place: if shown.pointer { Place::of(event.pointer) } else { Place::AsBefore },
            name: None,
        }
    }

    fn call(&mut self, event: &Event<'_>, call: &Call<'_>) {
        let (tid, time_ns) = (event.tid, event.time_ns);
        let entry_ns = call.entry_ns.unwrap_or(time_ns);
        let thread = self.thread(tid, entry_ns);
        thread.tgid = Some(event.tgid);
        thread.heard_ns = time_ns;
        let args = match thread.returns(call.entry_ns) {
            Some(shown) => shown.args,
            None if thread.abi == call.abi => {
                self.begin(tid, entry_ns, time_ns, self.first_mark(event, call), call);
                call.at_entry
            }
            None => {
                self.enter(event, entry_ns, call);
                call.at_entry
            }
        };
        if let Outcome::Returned(Value::Pid(id, None)) = call.outcome {
            // whoever was waited for is not there any more where a signal tells of it afterwards
            self.signals.forget_identity(id);
        }
        // where that ends the line is left as it is, to whoever ends its tracing
        if !matches!(call.outcome, Outcome::Unfinished) {
            self.resume(event, call, args);
        }
    }

    /// A call begins of which it is known now.
    fn enter(&mut self, event: &Event<'_>, entry_ns: u64, call: &Call<'_>) {
        self.abi(event.tid, if self.style.whole { event.time_ns } else { entry_ns }, call.abi);
        self.begin(event.tid, entry_ns, event.time_ns, self.first_mark(event, call), call);
    }

    /// The line of a call begins.
    fn begin(&mut self, tid: u32, entry_ns: u64, time_ns: u64, mark: Mark, call: &Call<'_>) {
        let names = self.style.arg_names;
        if self.is_in_order() {
            self.page.enter(tid, entry_ns, mark);
            begin_call(&mut self.page.lines, call, names);
        } else {
            let since_ns = if self.style.whole { time_ns } else { entry_ns };
            let begin = |lines: &mut Lines| begin_call(lines, call, names);
            self.order.enter(since_ns, entry_ns, tid, mark, begin);
        }
    }

    /// A call returns of which so many arguments stand there already.
    fn resume(&mut self, event: &Event<'_>, call: &Call<'_>, args: usize) {
        let (tid, time_ns, mark) = (event.tid, event.time_ns, self.mark(event, call));
        let name = |lines: &mut Lines| lines.push(call.name);
        let style = &self.style;
        let names = style.arg_names;
        let mut stack = event.stack;
        if matches!(call.outcome, Outcome::Died)
            && let Some(stack) = stack.take()
        {
            let mut lines = Lines::new(false, style.limits);
            stack::write(&mut lines, stack, style.sources);
            self.last_stacks.insert(tid, lines);
        }
        if self.is_in_order() {
            let page = &mut self.page;
            page.resume(tid, time_ns, mark, name);
            later_args(&mut page.lines, call, args, names);
            page.result();
            end_call(&mut page.lines, call, time_ns, stack, style);
            page.lines.end();
        } else {
            let later = |lines: &mut Lines| later_args(lines, call, args, names);
            let result = |lines: &mut Lines| end_call(lines, call, time_ns, stack, style);
            self.order.resume(time_ns, tid, mark, name, later, result);
        }
    }

    /// A call that a thread is in, and of which others are not to wait.
    fn entered(&mut self, event: &Event<'_>, call: &Call<'_>) {
        if !self.threads.show(event, call, self.complete_ns) {
            return;
        }
        let entry_ns = call.entry_ns.unwrap_or(event.time_ns);
        self.held_notes(Some(event.tid), entry_ns, None);
        self.enter(event, entry_ns, call);
    }

    fn abi(&mut self, tid: u32, time_ns: u64, abi: Abi) {
        let thread = self.thread(tid, time_ns);
        if std::mem::replace(&mut thread.abi, abi) == abi || self.style.quiet.personality {
            return;
        }
        let bits = match abi {
            Abi::Native => usize::BITS,
            Abi::Compat32 => 32,
        };
        self.line(time_ns, Some(tid), |lines| {
            lines.format(|out| put!(out, "[ Process PID={tid} runs in {bits} bit mode. ]"));
        });
    }

    /// The end of the execve by which a thread took over its leader's id: it began under its own.
    fn resumed_exec(&mut self, event: &Event<'_>, old: Superseded, call: &Call<'_>) {
        let (tid, entry_ns) = (event.tid, call.entry_ns);
        let thread = self.thread(tid, old.time_ns);
        thread.heard_ns = event.time_ns;
        let args = match thread.shown.take().filter(|shown| shown.entry_ns == entry_ns) {
            Some(shown) => shown.args,
            None => {
                let entry_ns = entry_ns.unwrap_or(old.time_ns);
                self.begin(old.tid, entry_ns, old.time_ns, self.first_mark(event, call), call);
                call.at_entry
            }
        };
        if self.is_in_order() {
            self.page.became(old.tid, tid);
        } else {
            self.order.became(old.time_ns, old.tid, tid);
        }
        self.superseded_line(tid, old);
        // it is its group's leader now
        self.thread(tid, old.time_ns).tgid = Some(tid);
        if !matches!(call.outcome, Outcome::Unfinished) {
            self.abi(tid, event.time_ns, call.abi);
            self.resume(event, call, args);
        }
    }

    fn superseded_line(&mut self, tid: u32, old: Superseded) {
        if !self.style.quiet.thread_execve {
            self.marked_line(old.time_ns, Some(tid), NOWHERE, |lines| {
                lines.format(|out| put!(out, "+++ superseded by execve in pid {} +++", old.tid));
            });
        }
    }

    fn fork(&mut self, tid: u32, child: u32, time_ns: u64) {
        let abi = self.thread(tid, time_ns).abi;
        if !self.style.follow {
            return;
        }
        if self.threads.insert(Thread::new(child, abi, time_ns)) {
            self.count(time_ns, child, 1);
        }
        if self.style.attached && !self.style.quiet.attach {
            self.line(time_ns, None, |lines| {
                lines.format(|out| put!(out, "rstrace: Process {child} attached"));
            });
        }
    }

    /// A process is traced no more.
    fn let_go(&mut self, tid: u32, time_ns: u64) {
        if self.is_in_order() {
            self.page.detach(tid);
        } else {
            self.order.detach(time_ns, tid);
        }
        self.signals.forget(tid);
        if self.threads.remove(tid).is_some() {
            self.count(time_ns, tid, -1);
        }
        if self.style.detached && !self.style.quiet.attach {
            self.line(time_ns, None, |lines| {
                lines.format(|out| put!(out, "rstrace: Process {tid} detached"));
            });
        }
    }

    fn exec(&mut self, tgid: u32, tid: u32, old_tid: u32, time_ns: u64) {
        if old_tid == tid {
            self.thread(tid, time_ns);
            return;
        }
        // The thread takes the place and the id of its group's leader, whose end is not told.
        let before = self.threads.remove(old_tid);
        let thread = before.unwrap_or(Thread { tgid: Some(tgid), ..Thread::new(tid, Abi::Native, time_ns) });
        let is_more = self.threads.insert(Thread { tid, ..thread });
        match (is_more, before.is_some()) {
            (true, false) => self.count(time_ns, tid, 1),
            (false, true) => self.count(time_ns, old_tid, -1),
            _ => {}
        }
        self.ended.remove(&tgid);
        self.superseded.insert(tid, Superseded { tid: old_tid, time_ns });
    }

    fn signal(&mut self, event: &Event<'_>, signal: &Signal) {
        let (tgid, tid) = (event.tgid, event.tid);
        let note = Note {
            tid,
            time_ns: event.time_ns,
            pointer: event.pointer,
            what: What::Signal(signal.number, signal.info),
        };
        match signal.stage {
            SignalStage::Sent => self.signals.send(tgid, signal.number, note),
            // nobody ignores it: the process is dying already, or dead
            SignalStage::Ignored if i32::from(signal.number) == libc::SIGKILL => {}
            SignalStage::Ignored => self.signals.hold(note),
            SignalStage::Delivered { default } => {
                self.signals.take(tgid, signal.number);
                self.held_notes(Some(tid), u64::MAX, Some(note.time_ns));
                // of a SIGKILL the end tells; it may stand for another signal
                if i32::from(signal.number) != libc::SIGKILL {
                    self.note(&note, note.time_ns);
                }
                if default && STOPPING.contains(&signal.number.into()) {
                    self.stopped(tgid, &Note { what: What::Stop(signal.number), ..note });
                }
            }
        }
    }

    /// All threads of a group stop when one of them gets the signal: the others after the calls they are in.
    fn stopped(&mut self, tgid: u32, stop: &Note) {
        self.note(stop, stop.time_ns);
        for thread in self.threads.iter().filter(|thread| thread.tgid == Some(tgid)) {
            if thread.tid != stop.tid {
                self.signals.hold(Note { tid: thread.tid, ..*stop });
            }
        }
    }

    /// What was held back of a thread (or of any) from before a time, as of this time or of its own.
    fn held_notes(&mut self, tid: Option<u32>, before_ns: u64, time_ns: Option<u64>) {
        while let Some(note) = self.signals.next_held(tid, before_ns) {
            self.note(&note, time_ns.unwrap_or(note.time_ns));
        }
    }

    fn tells_of(&self, signal: u8) -> bool {
        (1..=64).contains(&signal) && self.style.signals & 1 << (signal - 1) != 0
    }

    fn note(&mut self, note: &Note, time_ns: u64) {
        let (What::Signal(signal, _) | What::Stop(signal)) = note.what;
        if self.tells_of(signal) {
            let place = note.pointer.map_or(Place::AsBefore, Place::At);
            let mark = Mark { place, ..Mark::default() };
            self.marked_line(time_ns, Some(note.tid), mark, |lines| note.write(lines));
        }
    }

    fn exit(&mut self, event: &Event<'_>, status: WaitStatus, last: bool) {
        let (tgid, tid, time_ns) = (event.tgid, event.tid, event.time_ns);
        self.thread(tid, time_ns);
        self.held_notes(Some(tid), u64::MAX, Some(time_ns));
        // delivered as SIGKILL, to all threads
        if let WaitStatus::Signaled { signal, .. } = status
            && i32::from(signal) != libc::SIGKILL
            && let Some(sent) = self.signals.take_deadly(tgid, (!last).then_some(tid), signal)
        {
            self.note(&sent, time_ns);
        }
        if last {
            self.signals.forget(tgid);
        }
        if tid == tgid && !last && !self.over.remove(&tgid) {
            self.ended.insert(tgid, status);
            // nobody waits for it
            self.thread(tid, time_ns).heard_ns = u64::MAX;
            return;
        }
        self.ended_line(time_ns, tid, status);
        if last && tid != tgid {
            match self.ended.remove(&tgid) {
                Some(status) => self.ended_line(time_ns, tgid, status),
                None => {
                    self.over.insert(tgid);
                }
            }
        }
    }

    fn ended_line(&mut self, time_ns: u64, tid: u32, status: WaitStatus) {
        let stack = self.last_stacks.remove(&tid);
        let told = match status {
            WaitStatus::Exited(_) => !self.style.quiet.exit,
            WaitStatus::Signaled { signal, .. } => self.tells_of(signal),
        };
        if told {
            self.marked_line(time_ns, Some(tid), NOWHERE, |lines| {
                lines.format(|out| match status {
                    WaitStatus::Exited(code) => put!(out, "+++ exited with {code} +++"),
                    WaitStatus::Signaled { signal, core } => {
                        put!(out, "+++ killed by ");
                        errno::signal(out, signal);
                        put!(out, "{} +++", if core { " (core dumped)" } else { "" });
                    }
                });
                if let Some(stack) = &stack {
                    lines.append(stack.bytes(), 0);
                }
            });
        }
        if self.threads.remove(tid).is_some() {
            self.count(time_ns, tid, -1);
        }
    }

    /// Prints what nothing can come before any more.
    fn release(&mut self) {
        let running = self.threads.iter().filter(|thread| thread.shown.is_none());
        let heard_ns = running.map(|thread| thread.heard_ns).min().unwrap_or(u64::MAX);
        self.order.release(heard_ns.max(self.complete_ns), &mut self.page);
    }

    fn hand_on(&mut self) -> io::Result<()> {
        let Self { sink, files, page, .. } = self;
        page.hand_on(|tid, lines| match (tid, &mut *files) {
            (Some(tid), Some(files)) => files.write(tid, lines),
            _ => sink.write_all(lines),
        })
    }
}

impl<W: Write> Sink for Text<W> {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        let (tid, time_ns) = (event.tid, event.time_ns);
        self.newest_ns = self.newest_ns.max(time_ns);
        let superseded = if self.superseded.is_empty() { None } else { self.superseded.remove(&tid) };
        match (&event.kind, superseded) {
            (EventKind::Call(call), Some(old)) if call.entry_ns.is_some_and(|entry| entry < old.time_ns) => {
                self.resumed_exec(event, old, call);
                return Ok(());
            }
            (_, Some(old)) => self.superseded_line(tid, old),
            _ => {}
        }
        match &event.kind {
            EventKind::Call(call) => {
                if self.signals.holds_none() {
                    self.call(event, call);
                } else {
                    self.held_notes(Some(tid), call.entry_ns.unwrap_or(u64::MAX), None);
                    self.call(event, call);
                    self.held_notes(Some(tid), u64::MAX, Some(time_ns));
                }
            }
            EventKind::Entered(call) => self.entered(event, call),
            EventKind::Fork { child } => {
                self.fork(tid, *child, time_ns);
                self.name(time_ns, *child, event.name);
            }
            EventKind::Exec { old_tid } => {
                self.exec(event.tgid, tid, *old_tid, time_ns);
                self.name(time_ns, tid, event.name);
            }
            EventKind::LetGo => self.let_go(tid, time_ns),
            EventKind::Exit { status, last } => {
                self.name(time_ns, tid, event.name);
                self.exit(event, *status, *last);
            }
            EventKind::Signal(signal) => {
                self.name(time_ns, tid, event.name);
                self.signal(event, signal);
            }
            EventKind::Lost { calls } => {
                let s = if *calls == 1 { "" } else { "s" };
                self.line(time_ns, None, |lines| {
                    lines.format(|out| put!(out, "--- {calls} call{s} lost here: the buffer was full ---"));
                });
            }
        }
        if self.order.is_full(BLOCK) {
            self.release();
        }
        if self.page.lines.bytes().len() < BLOCK { Ok(()) } else { self.hand_on() }
    }

    fn idle(&mut self) -> io::Result<()> {
        self.release();
        self.hand_on()?;
        self.sink.flush()
    }

    fn overdue(&mut self, complete_ns: u64, ask: &mut dyn FnMut(Option<u32>, u32)) {
        let complete_ns = complete_ns.max(self.complete_ns);
        self.complete_ns = complete_ns;
        // where nothing waits to be printed a call is shown because it lasts, and that is no hurry
        let again_ns = match self.order.earliest() {
            Some(time) if time <= complete_ns => 0,
            _ => AGAIN_NS,
        };
        self.threads.ask(complete_ns, again_ns, ask);
    }
}

impl<W: Write> Output for Text<W> {
    fn start(&mut self, _: &Start<'_>) -> io::Result<()> {
        Ok(())
    }

    /// It is by the number of threads that lines begin with [`Pids::WhenSeveral`] or do not.
    fn attached(&mut self, tgid: u32, tids: &[u32]) {
        for tid in tids {
            self.thread(*tid, 0).tgid = Some(tgid);
            if self.style.names {
                let name = std::fs::read(format!("/proc/{tgid}/task/{tid}/comm")).unwrap_or_default();
                self.name(0, *tid, name.strip_suffix(b"\n"));
            }
        }
    }

    fn detached(&mut self, _: u32) {}

    fn interject(&mut self, lines: &str) -> io::Result<()> {
        self.idle()?;
        self.sink.write_all(lines.as_bytes())?;
        self.sink.flush()
    }

    fn finish(&mut self, _: Option<&Report>) -> io::Result<()> {
        for (tid, old) in std::mem::take(&mut self.superseded) {
            self.superseded_line(tid, old);
        }
        self.order.release(u64::MAX, &mut self.page);
        let newest_ns = self.newest_ns;
        self.held_notes(None, u64::MAX, Some(newest_ns));
        let mut ended: Vec<_> = self.ended.drain().collect();
        ended.sort_unstable_by_key(|(tgid, _)| *tgid);
        for (tgid, status) in ended {
            self.ended_line(newest_ns, tgid, status);
        }
        self.order.release(u64::MAX, &mut self.page);
        self.page.close();
        self.hand_on()?;
        self.sink.flush()
    }
}

/// Before a line that tells of a thread's end: it is nowhere any more.
const NOWHERE: Mark = Mark { number: None, place: Place::Unknown, name: None };

/// The name and what is known at the entry.
fn begin_call(lines: &mut Lines, call: &Call<'_>, names: bool) {
    lines.show_whole(call.whole);
    lines.paint(Token::Call, |out| out.extend_from_slice(call.name.as_bytes()));
    lines.push("(");
    args(lines, call, 0..call.at_entry, names);
}

/// What is known at the return only.
fn later_args(lines: &mut Lines, call: &Call<'_>, from: usize, names: bool) {
    if from >= call.args.len() {
        return;
    }
    if let Outcome::Died = call.outcome {
        lines.push(" <unfinished ...>");
    } else {
        lines.show_whole(call.whole);
        args(lines, call, from..call.args.len(), names);
    }
}

fn args(lines: &mut Lines, call: &Call<'_>, places: Range<usize>, names: bool) {
    for (i, arg) in call.args.iter().enumerate().take(places.end).skip(places.start) {
        lines.push(if i == 0 { "" } else { ", " });
        if arg.named || names {
            lines.push(arg.name);
            lines.push("=");
        }
        lines.value(arg.value);
    }
}

/// The result, what is said of it, and what stands in lines of its own behind it.
fn end_call(lines: &mut Lines, call: &Call<'_>, return_ns: u64, stack: Option<&Stack>, style: &Style) {
    lines.show_whole(call.whole);
    lines.push("= ");
    outcome(lines, call.outcome);
    if let Some(gloss) = call.gloss {
        lines.gloss(gloss);
    }
    if style.notes && !call.notes.is_empty() {
        notes(lines, call.notes);
    }
    if let (Some(precision), Some(ns)) = (style.call_times, duration(call, return_ns)) {
        lines.push(" <");
        lines.format(|out| precision.write(out, ns, 0));
        lines.push(">");
    }
    if !call.data.is_empty() {
        dump::write(lines, call.data);
    }
    if let Some(stack) = stack {
        stack::write(lines, stack, style.sources);
    }
}

/// Nanoseconds that a call took which returned, if both times are known.
fn duration(call: &Call<'_>, return_ns: u64) -> Option<u64> {
    match call.outcome {
        Outcome::Returned(_) | Outcome::Failed(_) | Outcome::Restart(_) => {
            call.entry_ns.map(|entry_ns| return_ns.saturating_sub(entry_ns))
        }
        Outcome::Died | Outcome::Unfinished => None,
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
