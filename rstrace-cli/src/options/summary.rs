//! The options of the statistics: `-c`, `-C` and those that go with them.

use super::{Error, refuse, set};
use crate::cli::{Backend, Cli};
use crate::output::summary::{Column, Style};
use rstrace_core::statistics::{Counting, Times};
use std::time::Duration;

/// What is counted, and how it is shown.
#[derive(Debug, PartialEq)]
pub struct Summary {
    /// Whether calls are shown too.
    pub calls: bool,
    /// How the statistics look.
    pub style: Style,
    /// Whether each process has its own.
    pub per_process: bool,
    /// Taken off the time of each call.
    overhead: Duration,
    /// How often the statistics are shown before the end.
    pub interval: Option<Duration>,
}

impl Summary {
    /// What is to be counted for this.
    pub fn counting(&self) -> Counting {
        let Style { columns, sort, wall, histogram } = &self.style;
        let shown = || columns.iter().chain(sort);
        let times = match (shown().any(|column| column.is_time()), wall) {
            (true, false) => Times::Cpu,
            (true, true) => Times::Wall,
            _ if *histogram || shown().any(|column| column.is_wall()) => Times::Wall,
            _ => Times::No,
        };
        Counting {
            events: self.calls,
            times,
            per_process: self.per_process,
            overhead: self.overhead,
            interval: self.interval,
        }
    }
}

/// The statistics that are asked for, if any are.
pub fn summary(cli: &Cli) -> Result<Option<Summary>, Error> {
    let columns = cli.summary_columns.as_deref().map(columns).transpose()?;
    let sort = cli.summary_sort_by.as_deref().map(sort_key).transpose()?;
    let overhead = cli.summary_syscall_overhead.as_deref().map(overhead).transpose()?;
    let interval = cli.interval.as_deref().map(interval).transpose()?;
    match (cli.summary_only, cli.summary) {
        (true, true) => refuse!("-c and -C exclude each other: -C prints the calls too, -c does not"),
        (true, _) if cli.format.stack_trace().is_some() => {
            refuse!("-k shows frames behind each call, and -c shows none: leave one of them out, or give -C")
        }
        (false, false) => {
            let given = [
                (cli.summary_wall_clock, "-w"),
                (sort.is_some(), "-S"),
                (columns.is_some(), "-U"),
                (overhead.is_some(), "-O"),
                (cli.hist, "--hist"),
                (cli.per_process, "--per-process"),
                (interval.is_some(), "--interval"),
            ];
            if let Some((_, option)) = given.iter().find(|(given, _)| *given) {
                refuse!("{option} is about the statistics of -c and -C: give one of these too");
            }
            return Ok(None);
        }
        _ => {}
    }
    if !matches!(cli.backend, Backend::Auto | Backend::Tracepoint) {
        refuse!("-c and -C count system calls at the tracepoints: leave --backend out");
    }
    let columns = columns.unwrap_or_else(|| Column::USUAL.to_vec());
    // strace sorts by time whether it is shown or not, but to take times is most of the cost
    let timed = columns.iter().any(|column| column.is_time());
    let usual = if timed { Column::Part } else { Column::Calls };
    Ok(Some(Summary {
        calls: cli.summary,
        style: Style {
            columns,
            sort: sort.unwrap_or(Some(usual)),
            wall: cli.summary_wall_clock,
            histogram: cli.hist,
        },
        per_process: cli.per_process,
        overhead: overhead.unwrap_or_default(),
        interval,
    }))
}

/// The columns of `-U`; the name is added where it is missing.
fn columns(list: &str) -> Result<Vec<Column>, Error> {
    let mut columns = Vec::new();
    for word in list.split(',') {
        let Some(column) = Column::find(word) else {
            refuse!(
                "-U {}: there is no such column; give {}",
                word.escape_debug(),
                Column::names().join(", ")
            );
        };
        if columns.contains(&column) {
            refuse!("-U {word}: this column is given twice");
        }
        columns.push(column);
    }
    if !columns.contains(&Column::Name) {
        columns.push(Column::Name);
    }
    Ok(columns)
}

/// The key of `-S`; `None`: nothing.
fn sort_key(word: &str) -> Result<Option<Column>, Error> {
    match (word, Column::find(word)) {
        ("nothing" | "none", _) => Ok(None),
        (_, Some(column)) => Ok(Some(column)),
        (_, None) => {
            refuse!("-S {}: give nothing, {}", word.escape_debug(), Column::names().join(", "))
        }
    }
}

/// A time in microseconds, or with a unit.
fn overhead(text: &str) -> Result<Duration, Error> {
    match set::time(text, Some(1e-6)) {
        Some(time) => Ok(time),
        None => refuse!("-O {}: give a time such as 5, 5us or 0.1ms", text.escape_debug()),
    }
}

/// Seconds between the tables.
fn interval(text: &str) -> Result<Duration, Error> {
    let least = Duration::from_millis(100);
    match set::number_of(text).map(Duration::try_from_secs_f64) {
        Some(Ok(time)) if time >= least => Ok(time),
        _ => refuse!("--interval {}: give seconds, at least 0.1", text.escape_debug()),
    }
}
