//! Statistics as tables in strace's form, and as histograms.

use std::cmp::Reverse;
use std::fmt::Write;
use std::time::Duration;

use super::line::put;
use rstrace_core::event::Abi;
use rstrace_core::statistics::{BUCKETS, Spent, Statistics, Tally};
use rstrace_probes::numbers;

/// A column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// The part of the total time, in percent.
    Part,
    /// The total time.
    Total,
    /// The shortest time.
    Min,
    /// The longest time.
    Max,
    /// The average time.
    Average,
    /// The total wall time, whichever clock the others are by; likewise the following.
    WallTotal,
    /// The shortest wall time.
    WallMin,
    /// The longest wall time.
    WallMax,
    /// The average wall time.
    WallAverage,
    /// How many calls.
    Calls,
    /// How many failed.
    Errors,
    /// The system call's name.
    Name,
}

/// What there is to know of a column beside its values.
#[derive(Debug)]
struct Kind {
    column: Column,
    /// strace's names for it, the first is the usual one.
    names: &'static [&'static str],
    heading: &'static str,
    width: usize,
}

const fn kind(column: Column, heading: &'static str, width: usize, names: &'static [&'static str]) -> Kind {
    Kind { column, names, heading, width }
}

static KINDS: [Kind; 12] = [
    kind(Column::Part, "% time", 6, &["time-percent", "time", "percent-time"]),
    kind(Column::Total, "seconds", 11, &["total-time", "time-total"]),
    kind(Column::Min, "shortest", 8, &["min-time", "shortest", "time-min"]),
    kind(Column::Max, "longest", 8, &["max-time", "longest", "time-max"]),
    kind(Column::Average, "usecs/call", 11, &["avg-time", "time-avg"]),
    kind(Column::WallTotal, "wall-total", 11, &["wall-total"]),
    kind(Column::WallMin, "wall-min", 8, &["wall-min"]),
    kind(Column::WallMax, "wall-max", 8, &["wall-max"]),
    kind(Column::WallAverage, "wall-avg", 11, &["wall-avg"]),
    kind(Column::Calls, "calls", 9, &["calls", "count"]),
    kind(Column::Errors, "errors", 9, &["errors", "error"]),
    kind(Column::Name, "syscall", 16, &["name", "syscall", "syscall-name"]),
];

impl Column {
    /// The columns without `-U`.
    pub const USUAL: [Self; 6] =
        [Self::Part, Self::Total, Self::Average, Self::Calls, Self::Errors, Self::Name];

    /// By one of strace's names; it takes `_` for `-`.
    pub fn find(name: &str) -> Option<Self> {
        let name = name.replace('_', "-");
        KINDS.iter().find(|kind| kind.names.contains(&name.as_str())).map(|kind| kind.column)
    }

    /// The usual names of all columns.
    pub fn names() -> Vec<&'static str> {
        KINDS.iter().map(|kind| kind.names[0]).collect()
    }

    fn kind(self) -> &'static Kind {
        // the table is in the order of the columns, which a test makes sure of
        &KINDS[self as usize]
    }

    /// Whether it is of the wall time whatever the clock.
    pub fn is_wall(self) -> bool {
        matches!(self, Self::WallTotal | Self::WallMin | Self::WallMax | Self::WallAverage)
    }

    /// Whether it is a time by the clock that was asked for.
    pub fn is_time(self) -> bool {
        matches!(self, Self::Part | Self::Total | Self::Min | Self::Max | Self::Average)
    }
}

/// How the statistics look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Style {
    /// The columns; the name is among them.
    pub columns: Vec<Column>,
    /// The column to sort by, numbers downwards and names upwards; `None`: by the system call's number.
    pub sort: Option<Column>,
    /// Whether times are wall times.
    pub wall: bool,
    /// Whether histograms follow.
    pub histogram: bool,
}

/// A line of the table: a system call, or all of them.
struct Row<'a> {
    name: &'a str,
    tally: &'a Tally,
    /// Of the table.
    total: Duration,
}

impl Style {
    fn spent<'a>(&self, tally: &'a Tally) -> &'a Spent {
        if self.wall { &tally.wall } else { &tally.cpu }
    }

    /// The statistics, of each process first if processes are told apart. Nothing if there is nothing to say.
    pub fn text(&self, statistics: &Statistics) -> String {
        let mut out = String::new();
        let tallies = &statistics.tallies;
        let processes: Vec<_> = tallies.chunk_by(|a, b| a.process == b.process).collect();
        for tallies in &processes {
            let Some(pid) = tallies[0].process else { continue };
            let name = statistics.names.get(&pid).map_or_else(String::new, |name| {
                // the traced program chose it
                format!(" ({})", name.escape_ascii())
            });
            put!(out, "process {pid}{name}:\n");
            self.tables(&mut out, tallies);
            out.push('\n');
        }
        match &processes[..] {
            [] => {}
            [tallies] if tallies[0].process.is_some() => {
                out.pop();
            }
            [tallies] => self.tables(&mut out, tallies),
            _ => {
                put!(out, "all {} processes:\n", processes.len());
                self.tables(&mut out, &together(tallies));
            }
        }
        out
    }

    /// A table for each of the ABIs, and its histograms.
    fn tables(&self, out: &mut String, tallies: &[Tally]) {
        for abi in [Abi::Native, Abi::Compat32] {
            let of_abi: Vec<_> = tallies.iter().filter(|tally| tally.abi == abi).collect();
            if of_abi.is_empty() {
                continue;
            }
            if abi == Abi::Compat32 {
                out.push_str("System call usage summary for 32 bit mode:\n");
            }
            let mut sum = Tally { process: None, ..of_abi[0].clone() };
            of_abi[1..].iter().for_each(|tally| sum.add(tally));
            let total = self.spent(&sum).sum;
            let names: Vec<_> = of_abi.iter().map(|tally| numbers::name(tally.abi, tally.number)).collect();
            let rows = names.iter().zip(of_abi).map(|(name, tally)| Row { name, tally, total });
            let mut rows: Vec<_> = rows.collect();
            self.sort(&mut rows);
            self.line(out, |column| column.kind().heading.to_owned());
            self.line(out, |column| "-".repeat(column.kind().width));
            rows.iter().for_each(|row| self.line(out, |column| self.value(row, column)));
            self.line(out, |column| "-".repeat(column.kind().width));
            let last = Row { name: "total", tally: &sum, total };
            self.line(out, |column| match column {
                Column::Part => "100.00".to_owned(),
                _ => self.value(&last, column),
            });
            if self.histogram {
                rows.iter().for_each(|row| histogram(out, row));
            }
        }
    }

    fn sort(&self, rows: &mut [Row<'_>]) {
        let spent = |row: &Row<'_>| *self.spent(row.tally);
        let wall = |row: &Row<'_>| row.tally.wall;
        // each is stable: what is equal stays in the order of numbers
        match self.sort {
            None => {}
            Some(Column::Part | Column::Total) => rows.sort_by_key(|row| Reverse(spent(row).sum)),
            Some(Column::Min) => rows.sort_by_key(|row| Reverse(spent(row).min)),
            Some(Column::Max) => rows.sort_by_key(|row| Reverse(spent(row).max)),
            Some(Column::Average) => rows.sort_by_key(|row| Reverse(average(spent(row), row.tally))),
            Some(Column::WallTotal) => rows.sort_by_key(|row| Reverse(wall(row).sum)),
            Some(Column::WallMin) => rows.sort_by_key(|row| Reverse(wall(row).min)),
            Some(Column::WallMax) => rows.sort_by_key(|row| Reverse(wall(row).max)),
            Some(Column::WallAverage) => rows.sort_by_key(|row| Reverse(average(wall(row), row.tally))),
            Some(Column::Calls) => rows.sort_by_key(|row| Reverse(row.tally.calls)),
            Some(Column::Errors) => rows.sort_by_key(|row| Reverse(row.tally.errors)),
            Some(Column::Name) => rows.sort_by_key(|row| row.name),
        }
    }

    fn line(&self, out: &mut String, value: impl Fn(Column) -> String) {
        for (place, column) in self.columns.iter().enumerate() {
            let (value, width) = (value(*column), column.kind().width);
            let last = place + 1 == self.columns.len();
            match column {
                Column::Name if last => out.push_str(&value),
                Column::Name => put!(out, "{value:<width$}"),
                _ => put!(out, "{value:>width$}"),
            }
            out.push(if last { '\n' } else { ' ' });
        }
    }

    fn value(&self, row: &Row<'_>, column: Column) -> String {
        let seconds = |time: Duration| format!("{:.6}", time.as_secs_f64());
        let spent = self.spent(row.tally);
        let wall = &row.tally.wall;
        match column {
            Column::Part if row.total.is_zero() => "0.00".to_owned(),
            Column::Part => format!("{:.2}", 100.0 * spent.sum.as_secs_f64() / row.total.as_secs_f64()),
            Column::Total => seconds(spent.sum),
            Column::Min => seconds(spent.min),
            Column::Max => seconds(spent.max),
            Column::Average => average(*spent, row.tally).to_string(),
            Column::WallTotal => seconds(wall.sum),
            Column::WallMin => seconds(wall.min),
            Column::WallMax => seconds(wall.max),
            Column::WallAverage => average(*wall, row.tally).to_string(),
            Column::Calls => row.tally.calls.to_string(),
            Column::Errors if row.tally.errors == 0 => String::new(),
            Column::Errors => row.tally.errors.to_string(),
            Column::Name => row.name.to_owned(),
        }
    }
}

/// In microseconds.
fn average(spent: Spent, tally: &Tally) -> u128 {
    spent.sum.as_micros() / u128::from(tally.calls.max(1))
}

/// All processes' calls by ABI and number.
fn together(tallies: &[Tally]) -> Vec<Tally> {
    let mut sums: Vec<Tally> = Vec::new();
    let place = |tally: &Tally| (tally.abi == Abi::Compat32, tally.number);
    for tally in tallies {
        match sums.binary_search_by_key(&place(tally), place) {
            Ok(at) => sums[at].add(tally),
            Err(at) => sums.insert(at, Tally { process: None, ..tally.clone() }),
        }
    }
    sums
}

/// The widest bar.
const BAR: u64 = 52;

/// How long the calls took: a line for each power of two between the shortest and the longest, in nanoseconds.
fn histogram(out: &mut String, row: &Row<'_>) {
    let Tally { calls, timed, histogram, .. } = row.tally;
    let Some(first) = histogram.iter().position(|count| *count > 0) else { return };
    let last = histogram.iter().rposition(|count| *count > 0).unwrap_or(first);
    let most = histogram.iter().max().copied().unwrap_or(1);
    put!(out, "\n{}: {timed} calls by nanoseconds", row.name);
    if timed < calls {
        put!(out, ", {} of unknown time", calls - timed);
    }
    out.push('\n');
    for (bucket, count) in histogram.iter().enumerate().take(last + 1).skip(first) {
        let from = if bucket == 0 { 0 } else { 1 << (bucket - 1) };
        let to = if bucket + 1 == BUCKETS { "...".to_owned() } else { rounded(1 << bucket) };
        let range = format!("[{}, {to})", rounded(from));
        let bar = "@".repeat((u128::from(*count) * u128::from(BAR) / u128::from(most)) as usize);
        put!(out, "{range:<14} {count:>10} |{bar:<width$}|\n", width = BAR as usize);
    }
}

/// A power of two in the unit that makes it short: 1024 is 1K.
fn rounded(value: u64) -> String {
    let units = ["", "K", "M", "G", "T"];
    let unit = (value.max(1).ilog2() / 10) as usize;
    format!("{}{}", value >> (10 * unit), units[unit])
}

#[cfg(test)]
mod tests;
