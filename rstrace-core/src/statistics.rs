//! Statistics of system calls: how many, how many failed, and how long they took. The kernel side counts, per CPU
//! and by number; here the counts are read and added up.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use libbpf_rs::{MapCore, MapFlags};
use rstrace_probes_bpf::layout;

use crate::backend::attach::Attached;
use crate::error::{Context, Result};
use crate::event::Abi;
use crate::unpreempted::Unpreempted;

/// What is to be counted beside, or instead of, events. Only system calls are, at their tracepoints.
#[derive(Debug, Clone, Copy)]
pub struct Counting {
    /// Whether events are delivered too. If not, nothing at all is sent from the kernel.
    pub events: bool,
    /// Which times are taken: each costs something.
    pub times: Times,
    /// Whether each process is counted for itself.
    pub per_process: bool,
    /// Taken off the time of each call, as far as it goes.
    pub overhead: Duration,
    /// How often the sink is told what was counted since the last time; `None`: never.
    pub interval: Option<Duration>,
}

/// Which times of a call are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Times {
    /// None.
    No,
    /// From entry to return.
    Wall,
    /// Beside that, how long the thread was on a CPU meanwhile: a program sees each context switch of the machine.
    Cpu,
}

/// What was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statistics {
    /// By process (if they are told apart), ABI and number.
    pub tallies: Vec<Tally>,
    /// The last known names (`comm`) of the processes.
    pub names: BTreeMap<u32, Vec<u8>>,
    /// Calls that the kernel side had no place for: there are too many processes, or unknown numbers.
    pub uncounted: u64,
}

/// What was counted of one system call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The process, if processes are told apart.
    pub process: Option<u32>,
    /// The table that the number is of.
    pub abi: Abi,
    /// The system call's number; it may be in no table.
    pub number: u32,
    /// Calls that returned, those that a signal interrupted included.
    pub calls: u64,
    /// Of these, calls that failed; interrupted ones are among them.
    pub errors: u64,
    /// Of these, calls whose entry was seen: the times are theirs. (Not seen is that of a call which seccomp refuses.)
    pub timed: u64,
    /// From entry to return.
    pub wall: Spent,
    /// On a CPU, interrupts that were served meanwhile included.
    pub cpu: Spent,
    /// Timed calls by the number of bits of their wall time in nanoseconds: 0, 1, 2 to 3, 4 to 7, ...
    /// What takes longer than the last bucket is counted there.
    pub histogram: [u64; BUCKETS],
}

/// The number of buckets of a [`Tally::histogram`]; the last one begins at 2^46 ns, which is 19 hours.
pub const BUCKETS: usize = layout::TALLY_BUCKETS;

/// Times of calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Of all.
    pub sum: Duration,
    /// The shortest.
    pub min: Duration,
    /// The longest.
    pub max: Duration,
}

impl Spent {
    /// Adds what others took; `new`: this is of none yet.
    pub fn add(&mut self, other: &Self, new: bool) {
        self.sum += other.sum;
        self.min = if new { other.min } else { self.min.min(other.min) };
        self.max = self.max.max(other.max);
    }

    fn of(times: &layout::TallyTimes) -> Self {
        let [sum, min, max] = [times.sum, times.min, times.max].map(Duration::from_nanos);
        Self { sum, min, max }
    }
}

impl Tally {
    fn new((process, compat, number): Key) -> Self {
        Self {
            process: (process != 0).then_some(process),
            abi: if compat { Abi::Compat32 } else { Abi::Native },
            number,
            calls: 0,
            errors: 0,
            timed: 0,
            wall: Spent::default(),
            cpu: Spent::default(),
            histogram: [0; BUCKETS],
        }
    }

    /// Adds what was counted elsewhere or later.
    pub fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.errors += other.errors;
        if other.timed > 0 {
            self.wall.add(&other.wall, self.timed == 0);
            self.cpu.add(&other.cpu, self.timed == 0);
        }
        self.timed += other.timed;
        for (sum, count) in self.histogram.iter_mut().zip(other.histogram) {
            *sum += count;
        }
    }

    fn add_raw(&mut self, raw: &layout::Tally) {
        let other = Self {
            calls: raw.calls,
            errors: raw.errors,
            timed: raw.timed,
            wall: Spent::of(&raw.wall),
            cpu: Spent::of(&raw.cpu),
            histogram: raw.bucket,
            ..*self
        };
        self.add(&other);
    }
}

/// The process or 0, whether the call is of the 32-bit table, and its number.
type Key = (u32, bool, u32);

/// What was counted until now, in all and since the last interval.
#[derive(Debug)]
pub(crate) struct Counter {
    per_process: bool,
    total: BTreeMap<Key, Tally>,
    interval: Option<Duration>,
    next: Option<Instant>,
}

impl Counter {
    pub(crate) fn new(counting: &Counting) -> Self {
        Self {
            per_process: counting.per_process,
            total: BTreeMap::new(),
            interval: counting.interval,
            next: None,
        }
    }

    /// The clock of the intervals starts.
    pub(crate) fn start(&mut self) {
        self.next = self.interval.map(|interval| Instant::now() + interval);
    }

    /// When the next interval is over.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Whether there are intervals.
    pub(crate) fn has_intervals(&self) -> bool {
        self.interval.is_some()
    }

    /// What was counted since the last time, if an interval is over.
    pub(crate) fn tick(&mut self, attached: &Attached<'_>) -> Result<Option<Statistics>> {
        let (Some(next), Some(interval)) = (self.next, self.interval) else { return Ok(None) };
        let now = Instant::now();
        if now < next {
            return Ok(None);
        }
        // after a long stop intervals are left out, not made up for
        self.next = Some(if next + interval > now { next + interval } else { now + interval });
        let retired = attached.epoch().fetch_xor(1, Ordering::Relaxed);
        attached.wait_for_programs();
        let _unpreempted = Unpreempted::new();
        self.read(attached, retired).map(Some)
    }

    /// What was counted since the last time; nobody counts any more.
    pub(crate) fn rest(&mut self, attached: &Attached<'_>) -> Result<Statistics> {
        self.read(attached, attached.epoch().load(Ordering::Relaxed))
    }

    /// All that was counted.
    pub(crate) fn total(&self, attached: &Attached<'_>, uncounted: u64) -> Result<Statistics> {
        let tallies = self.total.values().cloned().collect();
        Ok(Statistics { tallies, names: self.names(attached)?, uncounted })
    }

    /// Reads an epoch that nobody writes to, and clears it for the next time.
    fn read(&mut self, attached: &Attached<'_>, epoch: u32) -> Result<Statistics> {
        let mut part = BTreeMap::new();
        let mut add = |key: Key, raw: &layout::Tally| {
            part.entry(key).or_insert_with(|| Tally::new(key)).add_raw(raw);
        };
        let maps = &attached.skel.maps;
        let rows = if self.per_process { 0 } else { layout::TALLY_ROWS as u32 };
        for row in 0..rows {
            let key = (epoch * rows + row).to_ne_bytes();
            let cpus = maps
                .tallies
                .lookup_percpu(&key, MapFlags::ANY)
                .context("the statistics")?
                .unwrap_or_default();
            let mut any = false;
            for cpu in &cpus {
                let mut raw = layout::Tally::default();
                if plain::copy_from_bytes(&mut raw, cpu).is_ok() && raw.calls > 0 {
                    let compat = row as usize >= layout::MAX_SYSCALLS;
                    add((0, compat, row % layout::MAX_SYSCALLS as u32), &raw);
                    any = true;
                }
            }
            if any && self.has_intervals() {
                let zeros: Vec<_> = cpus.iter().map(|cpu| vec![0; cpu.len()]).collect();
                maps.tallies.update_percpu(&key, &zeros, MapFlags::ANY).context("the statistics")?;
            }
        }
        for bytes in maps.tallies_by_key.keys().collect::<Vec<_>>() {
            let mut key = layout::TallyKey::default();
            let mut raw = layout::Tally::default();
            let value = maps.tallies_by_key.lookup(&bytes, MapFlags::ANY).context("the statistics")?;
            if plain::copy_from_bytes(&mut key, &bytes).is_err()
                || key.epoch != epoch
                || value.is_none_or(|value| plain::copy_from_bytes(&mut raw, &value).is_err())
            {
                continue;
            }
            add((key.tgid, key.compat != 0, key.nr), &raw);
            maps.tallies_by_key.delete(&bytes).context("the statistics")?;
        }
        for (key, tally) in &part {
            self.total.entry(*key).or_insert_with(|| Tally::new(*key)).add(tally);
        }
        Ok(Statistics { tallies: part.into_values().collect(), names: self.names(attached)?, uncounted: 0 })
    }

    fn names(&self, attached: &Attached<'_>) -> Result<BTreeMap<u32, Vec<u8>>> {
        let mut names = BTreeMap::new();
        if !self.per_process {
            return Ok(names);
        }
        let map = &attached.skel.maps.process_names;
        for key in map.keys() {
            let name = map.lookup(&key, MapFlags::ANY).context("the processes' names")?.unwrap_or_default();
            let name = name.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
            if let Some(pid) = key.first_chunk() {
                names.insert(u32::from_ne_bytes(*pid), name);
            }
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(times: &[u64]) -> Tally {
        let mut sum = Tally::new((7, false, 1));
        for ns in times {
            let spent = layout::TallyTimes { sum: *ns, min: *ns, max: *ns };
            let mut raw = layout::Tally { calls: 1, timed: 1, wall: spent, cpu: spent, ..Default::default() };
            raw.bucket[(u64::BITS - ns.leading_zeros()) as usize] = 1;
            sum.add_raw(&raw);
        }
        sum
    }

    #[test]
    fn what_was_counted_on_several_cpus_adds_up() {
        let mut sum = tally(&[5, 3]);
        // a call without a time says nothing about the shortest
        sum.add_raw(&layout::Tally { calls: 1, errors: 1, ..Default::default() });
        sum.add(&tally(&[9, 4]));
        let ns = |spent: Spent| [spent.sum, spent.min, spent.max].map(|time| time.as_nanos());
        assert_eq!((sum.calls, sum.errors, sum.timed), (5, 1, 4));
        assert_eq!((ns(sum.wall), ns(sum.cpu)), ([21, 3, 9], [21, 3, 9]));
        assert_eq!(sum.histogram[..5], [0, 0, 1, 2, 1]);
        assert_eq!(sum.histogram.iter().sum::<u64>(), sum.timed);
        assert_eq!((sum.process, sum.abi, sum.number), (Some(7), Abi::Native, 1));
    }
}
