//! From records to events: finds the probe that a record belongs to, joins what came in parts, and hands the
//! decoded event to the sink.

use std::io;

use rstrace_probes_bpf::layout;

use crate::describe::Type;
use crate::event::{
    Abi, Call, Caller, Event, EventKind, Signal, SignalInfo, SignalStage, WaitStatus, text_of,
};
use crate::memory::{self, Memory, Payloads, Piece};
use crate::parts::Parts;
use crate::probe::{Capture, End, From, MAX_CAPTURES, PATH_MAX, Payload, Probe, RawCall, When};
use crate::record::{self, Record};
use crate::stacks::{Stack, Stacks};
use crate::statistics::Statistics;

/// Where events go.
pub trait Sink {
    /// Takes an event. An error ends the session; one of the kind [`io::ErrorKind::BrokenPipe`] quietly.
    fn event(&mut self, event: &Event<'_>) -> io::Result<()>;
    /// Called when nothing more is waiting: what is buffered should go out now.
    fn idle(&mut self) -> io::Result<()>;
    /// Called now and then: asks for the calls that threads are in, by their groups (if known) and ids. For each that
    /// is seen to be in one an event of the kind [`EventKind::Entered`] follows. What happened until `complete_ns`
    /// (`CLOCK_MONOTONIC`) has been handed out.
    ///
    /// A sink that shows calls when they return has nothing to ask.
    fn overdue(&mut self, complete_ns: u64, ask: &mut dyn FnMut(Option<u32>, u32)) {
        let _ = (complete_ns, ask);
    }
    /// Takes what was counted since the last time, where intervals are asked for.
    fn statistics(&mut self, _: &Statistics) -> io::Result<()> {
        Ok(())
    }
}

/// A pair of a session: the probe that wants it, and its place there.
#[derive(Debug)]
pub(crate) struct Known {
    pub probe: usize,
    pub index: usize,
    /// The symbol that was attached to, or the pair's name.
    pub name: String,
    /// Which captures are vectors of strings.
    pub vectors: Vec<bool>,
    /// The captures of arguments' memory at the entry, with the arguments' places.
    pub entry: Vec<(usize, u8)>,
    /// Calls that came, or are under way at the end, and that nobody asked for.
    pub unwanted: u64,
    /// The capture that says who calls.
    pub identity: Option<usize>,
    /// The capture that says where the program is.
    pub pointer: Option<usize>,
}

/// The state between records.
pub(crate) struct Delivery {
    probes: Vec<Box<dyn Probe>>,
    /// By id less one.
    pairs: Vec<Known>,
    parts: Parts,
    /// What a `siginfo_t` is.
    siginfo: Option<&'static Type>,
    /// How many calls are handed out at most.
    most: Option<u64>,
    /// What unwinds user stacks, if that was asked for.
    stacks: Option<Stacks>,
    /// Records that came from the kernel, up to the last call that was asked for.
    pub records: u64,
    /// Of these, parts of calls.
    pub parts_read: u64,
    pub delivered: u64,
    pub incomplete: u64,
    /// Calls whose processes were let go within them.
    pub let_go: u64,
    /// Lost calls that the stream has told of.
    pub lost_shown: u64,
    pub error: Option<io::Error>,
}

impl Delivery {
    pub(crate) fn new(
        probes: Vec<Box<dyn Probe>>,
        pairs: Vec<Known>,
        siginfo: Option<&'static Type>,
        most: Option<u64>,
        stacks: Option<Stacks>,
    ) -> Self {
        Self {
            probes,
            pairs,
            parts: Parts::default(),
            siginfo,
            most,
            stacks,
            records: 0,
            parts_read: 0,
            delivered: 0,
            incomplete: 0,
            let_go: 0,
            lost_shown: 0,
            error: None,
        }
    }

    /// What unwinds user stacks.
    pub(crate) fn stacks(&self) -> Option<&Stacks> {
        self.stacks.as_ref()
    }

    pub(crate) fn pairs(&self) -> &[Known] {
        &self.pairs
    }

    /// Whether as many calls have been handed out as were asked for. Nothing is handed out any more then.
    pub(crate) fn is_done(&self) -> bool {
        self.most.is_some_and(|most| self.delivered >= most)
    }

    /// Notes that nobody asked for a call of this pair.
    pub(crate) fn leave_out(&mut self, pair: u16) {
        if let Some(known) = self.pairs.get_mut(usize::from(pair).wrapping_sub(1)) {
            known.unwanted += 1;
        }
    }

    /// Takes one record. After an error of the sink nothing is delivered any more.
    pub(crate) fn record(&mut self, bytes: &[u8], sink: &mut dyn Sink) {
        if self.error.is_some() {
            return;
        }
        let Some((head, payloads)) = record::parse(bytes) else {
            debug_assert!(false, "a record of {} bytes that is none", bytes.len());
            return;
        };
        if self.is_done() {
            if head.kind == layout::RECORD_CALL {
                self.leave_out(head.pair);
            }
            return;
        }
        self.records += 1;
        self.parts_read += u64::from(head.kind == layout::RECORD_PART);
        if let Err(error) = self.dispatch(head, payloads, sink) {
            self.error = Some(error);
        }
    }

    fn dispatch(&mut self, head: &Record, payloads: &[u8], sink: &mut dyn Sink) -> io::Result<()> {
        if head.lost > 0 {
            self.lost_shown += u64::from(head.lost);
            sink.event(&event(head, EventKind::Lost { calls: head.lost.into() }))?;
        }
        match head.kind {
            layout::RECORD_CALL => self.call(head, payloads, sink),
            layout::RECORD_PART => {
                if let Some(known) = self.pairs.get(usize::from(head.pair).wrapping_sub(1)) {
                    self.parts.add(head, payloads, |capture| known.vectors.get(capture) == Some(&true));
                }
                Ok(())
            }
            layout::RECORD_SIGNAL => {
                let Some(siginfo) = self.siginfo else { return Ok(()) };
                let mut pieces = Payloads(payloads);
                let info = match pieces.next() {
                    Some(Piece { payload: Payload::Bytes(bytes), .. }) => bytes,
                    _ => &[],
                };
                let stage = match head.args[1] {
                    layout::SIGNAL_DELIVERED => {
                        SignalStage::Delivered { default: head.args[2] == libc::SIG_DFL as u64 }
                    }
                    layout::SIGNAL_IGNORED => SignalStage::Ignored,
                    _ => SignalStage::Sent,
                };
                let info = SignalInfo::new(siginfo, info);
                let info = pieces.next().map_or(info, |identity| info.with_identity(&identity));
                let signal = Signal { number: head.args[0] as u8, stage, info };
                let pointer = Some(head.args[3]).filter(|pointer| *pointer != 0);
                sink.event(&Event { pointer, ..point(head, EventKind::Signal(signal)) })
            }
            layout::RECORD_FORK => sink.event(&point(head, EventKind::Fork { child: head.args[0] as u32 })),
            layout::RECORD_EXEC => {
                let old_tid = head.args[0] as u32;
                let from = head.pid_tgid & !0xffff_ffff | u64::from(old_tid);
                if from != head.pid_tgid {
                    self.parts.rekey(from, head.pid_tgid);
                }
                sink.event(&point(head, EventKind::Exec { old_tid }))
            }
            layout::RECORD_LET_GO => {
                self.parts.forget(head.pid_tgid);
                sink.event(&point(head, EventKind::LetGo))
            }
            layout::RECORD_EXIT => {
                self.parts.forget(head.pid_tgid);
                let status = wait_status(head.args[0] as u32);
                if let Some(stacks) = self.stacks.as_ref().filter(|_| head.args[1] != 0) {
                    stacks.forget((head.pid_tgid >> 32) as u32, head.time);
                }
                sink.event(&point(head, EventKind::Exit { status, last: head.args[1] != 0 }))
            }
            _ => Ok(()),
        }
    }

    fn call(&mut self, head: &Record, payloads: &[u8], sink: &mut dyn Sink) -> io::Result<()> {
        if head.flags & layout::CALL_LET_GO != 0 {
            self.let_go += 1;
            return self.unfinished(head, payloads, sink);
        }
        let end = if head.flags & layout::CALL_DIED != 0 { End::Died } else { End::Returned(head.ret) };
        let incomplete = self.decode(head, payloads, end, sink)?;
        self.delivered += 1;
        self.incomplete += u64::from(incomplete);
        Ok(())
    }

    /// A call that was under way when tracing of it ended.
    pub(crate) fn unfinished(
        &mut self,
        head: &Record,
        payloads: &[u8],
        sink: &mut dyn Sink,
    ) -> io::Result<()> {
        self.decode(head, payloads, End::Unfinished, sink).map(|_| ())
    }

    /// A call that is under way. Of the captures those in `pending`, a bit each, are still to be made: the arguments
    /// from the first of them on are told at the return.
    pub(crate) fn entered(
        &mut self,
        head: &Record,
        payloads: &[u8],
        pending: u64,
        sink: &mut dyn Sink,
    ) -> io::Result<()> {
        let Some((known, probe)) = self.known(head) else { return Ok(()) };
        let memory = Memory::new(payloads, self.parts.of(head));
        let call = raw_call(known, head, memory, End::Unfinished);
        let has_vectors = head.flags & layout::CALL_VECTORS != 0;
        let is_to_come = |capture: usize| {
            pending & 1 << capture != 0 || (known.vectors.get(capture) == Some(&true) && !has_vectors)
        };
        let to_come = known.entry.iter().filter(|(capture, _)| is_to_come(*capture));
        let told = to_come.map(|(_, arg)| usize::from(*arg)).min().unwrap_or(usize::MAX);
        decode(
            probe,
            head,
            (caller(known, call.memory), pointer(known, call.memory), None),
            &call,
            Some(told),
            sink,
        )
    }

    /// Joins a call with its parts, has its probe decode it and hands it on; whether something is missing.
    fn decode(&mut self, head: &Record, payloads: &[u8], end: End, sink: &mut dyn Sink) -> io::Result<bool> {
        let parts = self.parts.take(head, payloads);
        let Some((known, probe)) = self.known(head) else { return Ok(false) };
        let memory = Memory::new(payloads, parts.as_deref());
        let call = raw_call(known, head, memory, end);
        let stack = self.stacks.as_ref().map(|stacks| stack(stacks, head, memory));
        let of_thread = (caller(known, memory), pointer(known, memory), stack.as_ref());
        let result = decode(probe, head, of_thread, &call, None, sink);
        let incomplete =
            is_incomplete(head, &memory) || parts.as_ref().map_or(head.parts > 0, |parts| !parts.is_whole());
        if let Some(parts) = parts {
            self.parts.give_back(parts);
        }
        result.map(|()| incomplete)
    }

    fn known(&self, head: &Record) -> Option<(&Known, &dyn Probe)> {
        let known = self.pairs.get(usize::from(head.pair).wrapping_sub(1))?;
        Some((known, self.probes[known.probe].as_ref()))
    }
}

/// Which captures are of arguments' memory at the entry, with the arguments' places.
pub(crate) fn entry_captures(captures: &[Capture]) -> Vec<(usize, u8)> {
    let of_entry = |(place, capture): (usize, &Capture)| match (capture.from, capture.when) {
        (From::Arg(arg), When::Entry | When::EntryOnly) => Some((place, arg)),
        _ => None,
    };
    captures.iter().enumerate().filter_map(of_entry).collect()
}

fn raw_call<'a>(known: &'a Known, head: &Record, memory: Memory<'a>, end: End) -> RawCall<'a> {
    RawCall {
        pair: known.index,
        name: &known.name,
        nr: head.nr,
        abi: if head.flags & layout::CALL_COMPAT != 0 { Abi::Compat32 } else { Abi::Native },
        entry_ns: (head.flags & layout::CALL_NO_ENTRY == 0).then_some(head.entry_time),
        args: head.args,
        end,
        memory,
        tid: head.pid_tgid as u32,
    }
}

/// Who made a call, if that was captured.
fn caller<'a>(known: &Known, memory: Memory<'a>) -> Option<Caller<'a>> {
    match memory.of_capture(known.identity?)? {
        Payload::Bytes(bytes) => Caller::from_payload(bytes),
        _ => None,
    }
}

/// Where the program is that made a call, if that was captured.
fn pointer(known: &Known, memory: Memory<'_>) -> Option<u64> {
    let bytes = memory.of_capture(known.pointer?)?.bytes();
    bytes.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes))
}

/// The user stack that a call was made from.
fn stack(stacks: &Stacks, head: &Record, memory: Memory<'_>) -> Stack {
    let captured = memory.of_capture(MAX_CAPTURES).map_or(&[][..], |captured| captured.bytes());
    let time_ns = if head.entry_time == 0 { head.time } else { head.entry_time };
    stacks.stack((head.pid_tgid >> 32) as u32, time_ns, captured).unwrap_or(Stack::NONE)
}

/// Has a probe decode a call and hands it on; if it has not returned, with at most so many arguments as known.
fn decode(
    probe: &dyn Probe,
    head: &Record,
    (caller, pointer, stack): (Option<Caller<'_>>, Option<u64>, Option<&Stack>),
    call: &RawCall<'_>,
    entered: Option<usize>,
    sink: &mut dyn Sink,
) -> io::Result<()> {
    let mut result = Ok(());
    probe.decode(call, &mut |call: &Call<'_>| {
        let known = entered.map(|known| Call { at_entry: call.at_entry.min(known), ..*call });
        let kind = known.as_ref().map_or(EventKind::Call(call), EventKind::Entered);
        let name = caller.map(|caller| caller.comm);
        result = sink.event(&Event { caller, name, pointer, stack, ..event(head, kind) });
    });
    result
}

fn event<'a>(head: &Record, kind: EventKind<'a>) -> Event<'a> {
    let (tgid, tid) = ((head.pid_tgid >> 32) as u32, head.pid_tgid as u32);
    Event { tgid, tid, time_ns: head.time, caller: None, pointer: None, stack: None, name: None, kind }
}

/// An event of a record that says what the thread is called.
fn point<'a>(head: &'a Record, kind: EventKind<'a>) -> Event<'a> {
    let name = text_of(memory::bytes_of(&head.args[layout::NAME_ARG..]));
    Event { name: Some(name), ..event(head, kind) }
}

/// Whether something that was asked for could not be captured, or only in part. A path that the kernel finds too
/// long is cut where the kernel stops reading it, and so complete.
fn is_incomplete(head: &Record, memory: &Memory<'_>) -> bool {
    let fails_with = |error| head.ret == -i64::from(error);
    memory.pieces().any(|piece| match piece.payload {
        Payload::Bytes(_) => false,
        Payload::Cut(bytes) => bytes.len() + 1 >= PATH_MAX as usize && !fails_with(libc::ENAMETOOLONG),
        Payload::Unreadable(_) | Payload::NoRoom(_) => true,
    })
}

/// `task_struct.exit_code` has the layout of wait(2).
pub(crate) fn wait_status(code: u32) -> WaitStatus {
    match code & 0x7f {
        0 => WaitStatus::Exited((code >> 8) as u8),
        signal => WaitStatus::Signaled { signal: signal as u8, core: code & 0x80 != 0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_wait() {
        assert_eq!(wait_status(0x300), WaitStatus::Exited(3));
        assert_eq!(wait_status(9), WaitStatus::Signaled { signal: 9, core: false });
        assert_eq!(wait_status(0x86), WaitStatus::Signaled { signal: 6, core: true });
    }
}
