//! The account of a session, in calls: seen = delivered + lost, each loss with its cause.
//!
//! `seen` is counted in the kernel before anything can fail; `delivered` where events are handed out. A call that is
//! left out is not among those seen: one by its entry is not counted at all, one by its end is subtracted.

use rstrace_probes_bpf::layout::{self, Counters};

/// The account of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Calls that the kernel side saw.
    pub seen: u64,
    /// Calls that were handed out.
    pub delivered: u64,
    /// Calls whose end told that they are not asked for, or that came after the last one; no part of those seen.
    pub left_out: u64,
    /// Records that came from the kernel: calls, parts of them, and events of other kinds.
    pub records: u64,
    /// Of these records, parts.
    pub parts: u64,
    /// Of those delivered, calls with something that could not be captured.
    pub incomplete: u64,
    /// Calls that were not handed out, by cause.
    pub lost: Lost,
    /// Program runs that the kernel skipped because the same program was running on that CPU: an upper bound
    /// for calls that nothing else here knows of, of the whole machine. `None`: the kernel doesn't count them.
    pub recursion: Option<u64>,
    /// kretprobe returns dropped for want of instances, of the whole machine. `None` where none is in use.
    pub dropped_returns: Option<u64>,
    /// Fork, exec and exit events without room in the buffer.
    pub lost_points: u64,
    /// Children that could not be followed, as the set was full.
    pub not_followed: u64,
    /// Calls whose return was held back so that none is lost.
    pub throttled: u64,
    /// For how long in all.
    pub throttled_for: std::time::Duration,
    /// Bytes of records that did not fit into rstrace's own memory and waited in a file.
    pub spilled: u64,
    /// Calls seen per pair, by name; only pairs that saw something.
    pub pairs: Vec<(String, u64)>,
}

/// Lost calls, by cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lost {
    /// The transport's buffer was full.
    pub buffer_full: u64,
    /// The in-flight map was full or its place locked, and the return alone told too little.
    pub inflight_full: u64,
    /// The return was never seen.
    pub no_return: u64,
    /// The entry was never seen, and the return alone told too little.
    pub no_entry: u64,
    /// A call of a function inside a call of the same function on the same thread.
    pub nested: u64,
    /// Tracing ended before they returned.
    pub ended_within: u64,
}

impl Lost {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.buffer_full
            + self.inflight_full
            + self.no_return
            + self.no_entry
            + self.nested
            + self.ended_within
    }
}

impl Ledger {
    /// Adds what the kernel side counted for one pair, and calls under way at the end that nobody asked for.
    pub(crate) fn add(&mut self, name: &str, counters: &Counters, unwanted: u64) {
        let count = |which: usize| counters.count[which];
        // those that only their end told to be unwanted were counted at entry
        let left_out = count(layout::COUNT_FILTERED) + unwanted;
        let seen = count(layout::COUNT_SEEN) - left_out;
        self.left_out += left_out;
        self.seen += seen;
        self.lost.buffer_full += count(layout::COUNT_BUFFER_FULL);
        self.lost.no_return += count(layout::COUNT_NO_RETURN);
        self.lost.nested += count(layout::COUNT_NESTED);
        // a return whose entry had no place is one whose entry is missing: tell the two apart
        let orphans = count(layout::COUNT_NO_ENTRY);
        let full = orphans.min(count(layout::COUNT_INFLIGHT_FULL) + count(layout::COUNT_INFLIGHT_BUSY));
        self.lost.inflight_full += full;
        self.lost.no_entry += orphans - full;
        if seen > 0 {
            self.pairs.push((name.to_owned(), seen));
        }
    }

    /// Whether the account is exact. It is not if records arrived that nobody counted, which would be a bug.
    pub fn adds_up(&self) -> bool {
        self.seen == self.delivered + self.lost.total()
    }

    /// Whether anything was missed that the user should know of.
    pub fn anything_lost(&self) -> bool {
        self.lost.total() - self.lost.ended_within > 0 || self.lost_points > 0 || self.not_followed > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_not_seen() {
        let mut counters = Counters::default();
        counters.count[layout::COUNT_SEEN] = 10;
        counters.count[layout::COUNT_FILTERED] = 6;
        let mut ledger = Ledger { delivered: 3, ..Ledger::default() };
        ledger.add("f", &counters, 1);
        assert_eq!((ledger.seen, ledger.left_out), (3, 7));
        assert!(ledger.adds_up() && ledger.pairs == [("f".to_owned(), 3)]);
    }

    #[test]
    fn a_return_without_entry_is_told_from_a_full_map() {
        let mut counters = Counters::default();
        counters.count[layout::COUNT_SEEN] = 10;
        counters.count[layout::COUNT_NO_ENTRY] = 5;
        counters.count[layout::COUNT_INFLIGHT_FULL] = 3;
        let mut ledger = Ledger::default();
        ledger.add("f", &counters, 0);
        ledger.delivered = 5;
        assert_eq!((ledger.lost.inflight_full, ledger.lost.no_entry), (3, 2));
        assert!(ledger.adds_up());
        assert!(ledger.anything_lost());
    }
}
