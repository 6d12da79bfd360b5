//! Objects of JSON, a line for each event: see `docs/src/json.md` and `docs/rstrace.schema.json`.
//!
//! Lines come as events do: a call's when it returns. Nothing is held back, put together or left out: that is the
//! reader's business.

mod value;
mod write;

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;

use rstrace_core::describe::Limits;
use rstrace_core::event::{
    Abi, Arg, Call, Caller, Event, EventKind, Outcome, Signal, SignalStage, Value, WaitStatus,
};
use rstrace_core::memory::Memory;
use rstrace_core::probe::End;
use rstrace_core::{Ledger, Report, Sink};

use super::prefix::Wall;
use super::threads::{AGAIN_NS, Thread, Threads};
use super::{Output, Start, Whom, date, errno};
use value::Values;
use write::Json;

/// The version of what the lines are: raised when something that was there means something else, or is gone.
const VERSION: u64 = 1;

/// Lines are handed on in blocks of about this many bytes.
const BLOCK: usize = 64 * 1024;

/// The output.
#[derive(Debug)]
pub struct Objects<W> {
    sink: W,
    values: Values,
    wall: Wall,
    /// Of which signals lines tell, a bit each from that of signal 1.
    signals: u64,
    threads: Threads,
    /// What happened before has been told.
    complete_ns: u64,
}

impl<W: Write> Objects<W> {
    /// An output to `sink`, which needs no buffer of its own, of these signals; so much of values is shown.
    pub fn new(sink: W, limits: Limits, signals: u64) -> Self {
        Self {
            sink,
            values: Values::new(limits),
            wall: Wall::default(),
            signals,
            threads: Threads::default(),
            complete_ns: 0,
        }
    }

    fn json(&mut self) -> &mut Json {
        &mut self.values.json
    }

    /// Begins an object of a type, as of a time.
    fn begin(&mut self, kind: &str, mono_ns: u64) {
        let time_ns = self.wall.at(mono_ns);
        let json = self.json();
        json.push("{\"type\":\"");
        json.push(kind);
        json.push("\",\"time_ns\":");
        json.nanoseconds(time_ns);
        json.push(",\"mono_ns\":");
        json.nanoseconds(mono_ns);
    }

    /// Likewise, of a thread.
    fn begin_of(&mut self, kind: &str, mono_ns: u64, event: &Event<'_>) {
        self.begin(kind, mono_ns);
        let json = self.json();
        json.push(",\"pid\":");
        json.unsigned(event.tgid.into());
        json.push(",\"tid\":");
        json.unsigned(event.tid.into());
    }

    fn end(&mut self) {
        self.json().push("}\n");
    }

    /// A call that returned or never will, or one that has been entered.
    fn call(&mut self, kind: &str, event: &Event<'_>, call: &Call<'_>) {
        self.values.limits.whole_lists = call.whole;
        self.begin_of(kind, call.entry_ns.unwrap_or(event.time_ns), event);
        if let Some(Caller { uid, comm }) = event.caller {
            let json = self.json();
            json.push(",\"uid\":");
            json.unsigned(uid.into());
            json.push(",\"comm\":");
            json.string(comm, false);
        }
        let json = self.json();
        json.push(",\"syscall\":");
        json.text(call.name);
        json.push(",\"number\":");
        match call.raw.map(|raw| raw.nr).filter(|number| *number != u32::MAX) {
            Some(number) => json.unsigned(number.into()),
            None => json.push("null"),
        }
        json.push(match call.abi {
            Abi::Native => ",\"abi\":64,\"args\":[",
            Abi::Compat32 => ",\"abi\":32,\"args\":[",
        });
        let memory = call.raw.map(|raw| raw.memory).unwrap_or_default();
        let returned =
            matches!(call.outcome, Outcome::Returned(_) | Outcome::Failed(_) | Outcome::Restart(_));
        // of a call that does not return nobody knows what it would have written
        let known = if returned { call.args.len() } else { call.at_entry };
        for arg in call.args.iter().take(known) {
            self.argument(arg, memory);
        }
        self.json().push("]");
        if call.entry_ns.is_none() {
            self.json().push(",\"entry_seen\":false");
        }
        if matches!(event.kind, EventKind::Call(_)) {
            let took =
                call.entry_ns.filter(|_| returned).map(|entry_ns| event.time_ns.saturating_sub(entry_ns));
            self.json().push(",\"duration_ns\":");
            match took {
                Some(ns) => self.json().unsigned(ns),
                None => self.json().push("null"),
            }
            self.result(call, memory);
        }
        if !call.notes.is_empty() {
            self.json().push(",\"notes\":{");
            for note in call.notes {
                self.json().key(note.name);
                self.values.value(note.value, memory);
            }
            self.json().push("}");
        }
        self.end();
    }

    fn argument(&mut self, arg: &Arg<'_>, memory: Memory<'_>) {
        let json = self.json();
        json.separate();
        json.push("{\"name\":");
        json.text(arg.name);
        if let Some(raw) = arg.raw {
            json.push(",\"raw\":");
            json.word(raw);
        }
        json.push(",\"value\":");
        self.values.value(arg.value, memory);
        self.json().push("}");
    }

    fn result(&mut self, call: &Call<'_>, memory: Memory<'_>) {
        self.json().push(",\"result\":{\"outcome\":");
        match call.outcome {
            Outcome::Returned(value) => {
                self.json().push("\"returned\",\"value\":");
                self.values.value(value, memory);
                if let Some(End::Returned(raw)) = call.raw.map(|raw| raw.end) {
                    self.json().push(",\"raw\":");
                    self.json().word(raw as u64);
                }
            }
            Outcome::Failed(code) => {
                self.json().push("\"failed\",\"value\":-1");
                self.errno(code);
            }
            Outcome::Restart(code) => {
                self.json().push("\"interrupted\"");
                self.errno(code);
            }
            Outcome::Died => self.json().push("\"died\""),
            Outcome::Unfinished => self.json().push("\"unfinished\""),
        }
        if let Some(gloss) = call.gloss {
            self.values.gloss(gloss, memory);
        }
        self.json().push("}");
    }

    fn errno(&mut self, code: i32) {
        let json = self.json();
        json.push(",\"errno\":");
        json.integer(code.into());
        json.push(",\"error\":");
        json.notation(|out| errno::name(out, code));
        if let Some(text) = errno::text(code) {
            json.push(",\"text\":");
            json.text(text);
        }
    }

    /// A call that a thread is in for long.
    fn entered(&mut self, event: &Event<'_>, call: &Call<'_>) {
        if !self.threads.show(event, call, self.complete_ns) {
            return;
        }
        self.call("entered", event, call);
    }

    fn signal(&mut self, event: &Event<'_>, signal: &Signal) {
        if !(1..=64).contains(&signal.number) || self.signals & 1 << (signal.number - 1) == 0 {
            return;
        }
        self.begin_of("signal", event.time_ns, event);
        self.json().push(",\"signal\":");
        self.values.value(Value::Signal(signal.number.into()), Memory::default());
        self.json().push(match signal.stage {
            SignalStage::Sent => ",\"stage\":\"sent\"",
            SignalStage::Ignored => ",\"stage\":\"ignored\"",
            SignalStage::Delivered { default: false } => ",\"stage\":\"delivered\",\"default\":false",
            SignalStage::Delivered { default: true } => ",\"stage\":\"delivered\",\"default\":true",
        });
        self.json().push(",\"info\":");
        signal.info.show(|value| self.values.value(value, Memory::default()));
        self.end();
    }

    fn status(&mut self, status: WaitStatus) {
        match status {
            WaitStatus::Exited(code) => {
                self.json().push("{\"exited\":");
                self.json().unsigned(code.into());
            }
            WaitStatus::Signaled { signal, core } => {
                self.json().push("{\"killed\":");
                self.values.value(Value::Signal(signal.into()), Memory::default());
                self.json().push(",\"core\":");
                self.json().boolean(core);
            }
        }
        self.json().push("}");
    }

    fn exec(&mut self, event: &Event<'_>, old_tid: u32) {
        self.begin_of("exec", event.time_ns, event);
        self.json().push(",\"old_tid\":");
        self.json().unsigned(old_tid.into());
        self.end();
        // the thread takes the place and the id of its group's leader
        if old_tid != event.tid
            && let Some(thread) = self.threads.remove(old_tid)
        {
            self.threads.insert(Thread { tid: event.tid, ..thread });
        }
    }

    fn detached_at(&mut self, mono_ns: u64, id: u32) {
        self.begin("detach", mono_ns);
        self.json().push(",\"pid\":");
        self.json().unsigned(id.into());
        self.end();
    }

    /// That calls are missing, for this cause; at this place, if a time is given.
    fn lost(&mut self, mono_ns: Option<u64>, calls: u64, cause: &str) {
        match mono_ns {
            Some(mono_ns) => self.begin("lost", mono_ns),
            None => self.json().push("{\"type\":\"lost\""),
        }
        self.json().push(",\"calls\":");
        self.json().unsigned(calls);
        self.json().push(",\"cause\":");
        self.json().text(cause);
        self.end();
    }

    fn ledger(&mut self, ledger: &Ledger) {
        let lost = &ledger.lost;
        let json = self.json();
        json.push(",\"ledger\":{");
        let number = |json: &mut Json, (name, number): (&str, Option<u64>)| {
            json.key(name);
            match number {
                Some(number) => json.unsigned(number),
                None => json.push("null"),
            }
        };
        for count in [
            ("seen", Some(ledger.seen)),
            ("delivered", Some(ledger.delivered)),
            ("complete", Some(ledger.delivered - ledger.incomplete)),
            ("incomplete", Some(ledger.incomplete)),
            ("left_out", Some(ledger.left_out)),
        ] {
            number(json, count);
        }
        json.key("lost");
        json.push("{");
        number(json, ("total", Some(lost.total())));
        for (cause, calls) in causes(ledger) {
            number(json, (cause, Some(calls)));
        }
        number(json, ("ended_within", Some(lost.ended_within)));
        json.push("}");
        for count in [
            ("recursion", ledger.recursion),
            ("dropped_returns", ledger.dropped_returns),
            ("lost_points", Some(ledger.lost_points)),
            ("not_followed", Some(ledger.not_followed)),
            ("throttled", Some(ledger.throttled)),
            ("throttled_ns", Some(ledger.throttled_for.as_nanos() as u64)),
            ("spilled", Some(ledger.spilled)),
            ("records", Some(ledger.records)),
            ("parts", Some(ledger.parts)),
        ] {
            number(json, count);
        }
        json.key("pairs");
        json.push("{");
        for (name, seen) in sums(&ledger.pairs) {
            number(json, (name, Some(seen)));
        }
        json.push("}}");
    }

    fn report(&mut self, report: &Report) {
        for (cause, calls) in causes(&report.ledger) {
            // the others were told where they are missing
            if calls > 0 && cause != BUFFER_FULL {
                self.lost(None, calls, cause);
            }
        }
        self.begin("end", date::monotonic_ns());
        self.json().push(",\"command\":");
        match report.command {
            Some(status) => self.status(status),
            None => self.json().push("null"),
        }
        self.json().push(",\"interrupted\":");
        match report.interrupted {
            Some(signal) => self.values.value(Value::Signal(signal as i64), Memory::default()),
            None => self.json().push("null"),
        }
        self.json().push(",\"expired\":");
        self.json().boolean(report.expired);
        self.ledger(&report.ledger);
        let json = self.json();
        json.push(",\"backends\":[");
        for backend in &report.backends {
            json.separate();
            json.text(backend.name());
        }
        json.push("],\"transport\":");
        json.text(report.transport.name());
        json.push(",\"startup_ns\":");
        json.unsigned(report.startup.as_nanos() as u64);
        json.push(",\"traced_ns\":");
        json.unsigned(report.traced.as_nanos() as u64);
        self.end();
    }

    fn hand_on(&mut self) -> io::Result<()> {
        let result = self.sink.write_all(&self.values.json.bytes);
        // What could not be written is not written again: a part of it may be out.
        self.values.json.bytes.clear();
        result
    }
}

/// The one cause of which events tell.
const BUFFER_FULL: &str = "buffer_full";

/// Calls of which there is no object, by cause.
fn causes(ledger: &Ledger) -> [(&'static str, u64); 5] {
    let lost = &ledger.lost;
    [
        (BUFFER_FULL, lost.buffer_full),
        ("inflight_full", lost.inflight_full),
        ("no_return", lost.no_return),
        ("no_entry", lost.no_entry),
        ("nested", lost.nested),
    ]
}

/// The pairs of each name as one: a call has several where 32-bit programs or its requests have other arguments.
fn sums(pairs: &[(String, u64)]) -> std::collections::BTreeMap<&str, u64> {
    let mut sums = std::collections::BTreeMap::new();
    for (name, seen) in pairs {
        *sums.entry(name.as_str()).or_default() += seen;
    }
    sums
}

impl<W: Write> Sink for Objects<W> {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        let (tid, time_ns) = (event.tid, event.time_ns);
        match &event.kind {
            EventKind::Call(call) => {
                let thread = self.threads.get_or_insert(tid, || Thread::new(tid, call.abi, 0));
                thread.tgid = Some(event.tgid);
                thread.heard_ns = time_ns;
                thread.returns(call.entry_ns);
                self.call("call", event, call);
            }
            EventKind::Entered(call) => self.entered(event, call),
            EventKind::Fork { child } => {
                self.threads.insert(Thread::new(*child, Abi::Native, time_ns));
                self.begin_of("fork", time_ns, event);
                self.json().push(",\"child\":");
                self.json().unsigned((*child).into());
                self.end();
            }
            EventKind::Exec { old_tid } => self.exec(event, *old_tid),
            EventKind::LetGo => {
                self.threads.remove(tid);
                self.detached_at(time_ns, event.tgid);
            }
            EventKind::Exit { status, last } => {
                self.threads.remove(tid);
                self.begin_of("exit", time_ns, event);
                self.json().push(",\"status\":");
                self.status(*status);
                self.json().push(",\"last\":");
                self.json().boolean(*last);
                self.end();
            }
            EventKind::Signal(signal) => self.signal(event, signal),
            EventKind::Lost { calls } => self.lost((time_ns > 0).then_some(time_ns), *calls, BUFFER_FULL),
        }
        if self.values.json.bytes.len() < BLOCK { Ok(()) } else { self.hand_on() }
    }

    fn idle(&mut self) -> io::Result<()> {
        self.hand_on()?;
        self.sink.flush()
    }

    fn overdue(&mut self, complete_ns: u64, ask: &mut dyn FnMut(Option<u32>, u32)) {
        let complete_ns = complete_ns.max(self.complete_ns);
        self.complete_ns = complete_ns;
        self.threads.ask(complete_ns, AGAIN_NS, ask);
    }
}

impl<W: Write> Output for Objects<W> {
    fn start(&mut self, start: &Start<'_>) -> io::Result<()> {
        self.begin("start", date::monotonic_ns());
        let json = self.json();
        json.push(",\"schema\":\"rstrace\",\"version\":");
        json.unsigned(VERSION);
        json.push(",\"rstrace\":");
        json.text(env!("CARGO_PKG_VERSION"));
        if let Ok(system) = nix::sys::utsname::uname() {
            json.push(",\"kernel\":");
            json.string(system.release().as_bytes(), false);
            json.push(",\"machine\":");
            json.string(system.machine().as_bytes(), false);
        }
        json.push(",\"target\":{");
        let numbers = |json: &mut Json, numbers: &[u32]| {
            json.push("[");
            for number in numbers {
                json.separate();
                json.unsigned((*number).into());
            }
            json.push("]");
        };
        match start.whom {
            Whom::Command(argv) => {
                json.push("\"command\":[");
                for word in argv {
                    json.separate();
                    json.string(OsString::as_os_str(word).as_bytes(), false);
                }
                json.push("]");
            }
            Whom::Processes(pids) => {
                json.push("\"pids\":");
                numbers(json, pids);
            }
            Whom::Thread(tid) => {
                json.push("\"tid\":");
                json.unsigned(tid.into());
            }
            Whom::All => json.push("\"all\":true"),
        }
        json.push(",\"follow\":");
        json.boolean(start.follow);
        json.push("},\"warnings\":[");
        for warning in start.warnings {
            json.separate();
            json.text(warning);
        }
        json.push("]");
        self.end();
        self.idle()
    }

    fn attached(&mut self, tgid: u32, tids: &[u32]) {
        for tid in tids {
            self.threads.get_or_insert(*tid, || Thread::new(*tid, Abi::Native, 0)).tgid = Some(tgid);
        }
        self.begin("attach", date::monotonic_ns());
        let json = self.json();
        json.push(",\"pid\":");
        json.unsigned(tgid.into());
        json.push(",\"tids\":[");
        for tid in tids {
            json.separate();
            json.unsigned((*tid).into());
        }
        json.push("]");
        self.end();
    }

    fn detached(&mut self, id: u32) {
        self.detached_at(date::monotonic_ns(), id);
    }

    fn interject(&mut self, lines: &str) -> io::Result<()> {
        debug_assert!(lines.is_empty(), "tables go with lines of text only");
        Ok(())
    }

    fn finish(&mut self, report: Option<&Report>) -> io::Result<()> {
        if let Some(report) = report {
            self.report(report);
        }
        self.idle()
    }
}

#[cfg(test)]
mod tests;
