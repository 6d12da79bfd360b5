//! Calls that were entered and have not returned, read from the kernel side's in-flight map.

use libbpf_rs::{MapCore, MapFlags};
use rstrace_probes_bpf::layout::{self, Inflight};

use crate::record::Record;

/// A call that is under way.
#[derive(Debug)]
pub(crate) struct UnderWay {
    key: u64,
    state: Inflight,
}

impl UnderWay {
    /// What a record of the call would say.
    pub(crate) fn head(&self) -> Record {
        let state = &self.state;
        Record {
            kind: layout::RECORD_CALL,
            pair: state.pair,
            time: state.entry_time,
            entry_time: state.entry_time,
            pid_tgid: self.key & ((1 << layout::SLOT_SHIFT) - 1),
            args: state.args,
            nr: state.nr,
            flags: state.flags,
            parts: state.parts,
            slot: (self.key >> layout::SLOT_SHIFT) as u32,
            ..Record::default()
        }
    }

    /// The captures that are still to be made, a bit each.
    pub(crate) fn pending(&self) -> u64 {
        self.state.pending.into()
    }

    /// What was captured at the entry; aligned as a record's payloads are, as `data` stands at a multiple of 8.
    pub(crate) fn payloads(&self) -> &[u8] {
        &self.state.data[..(self.state.len as usize).min(self.state.data.len())]
    }
}

/// All of them, by the time of their entries.
pub(crate) fn all(inflights: &impl MapCore) -> Vec<UnderWay> {
    let mut calls: Vec<_> = inflights.keys().filter_map(|key| look_up(inflights, &key)).collect();
    calls.sort_by_key(|call| call.state.entry_time);
    calls
}

/// The call that a thread is in, looked for in so many slots; of a function only if it is in no system call that is
/// traced.
pub(crate) fn of_thread(inflights: &impl MapCore, slots: u32, tgid: u32, tid: u32) -> Option<UnderWay> {
    let pid_tgid = u64::from(tgid) << 32 | u64::from(tid);
    (0..slots).find_map(|slot| {
        let key = (pid_tgid | u64::from(slot) << layout::SLOT_SHIFT).to_ne_bytes();
        let call = look_up(inflights, &key)?;
        // the thread may have gone on while it was read: then both differ
        let again = look_up(inflights, &key)?;
        // SAFETY: plain data without padding.
        let same = unsafe { plain::as_bytes(&call.state) == plain::as_bytes(&again.state) };
        same.then_some(call)
    })
}

fn look_up(inflights: &impl MapCore, key: &[u8]) -> Option<UnderWay> {
    let value = inflights.lookup(key, MapFlags::ANY).ok()??;
    let key = u64::from_ne_bytes(*key.first_chunk()?);
    let mut call = UnderWay { key, state: Inflight::default() };
    plain::copy_from_bytes(&mut call.state, &value).ok()?;
    (call.state.pair != 0).then_some(call)
}

/// The group of a thread, if it lives.
pub(crate) fn group_of(tid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{tid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Tgid:"))?.trim().parse().ok()
}
