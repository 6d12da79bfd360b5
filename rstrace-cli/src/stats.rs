//! The account at the end, on standard error: a line if something was lost, all of it with `--stats`.

use rstrace_core::{Ledger, Report};

use crate::say;

/// Prints the whole account.
pub fn print(report: &Report) {
    let ledger = &report.ledger;
    let lost = ledger.lost;
    say(&format!("seen {} = delivered {} + lost {}", ledger.seen, ledger.delivered, lost.total()));
    if !ledger.adds_up() {
        say("this account does not add up, which is a bug in rstrace: please report it");
    }
    say(&format!(
        "delivered {} = complete {} + incomplete {}",
        ledger.delivered,
        ledger.delivered - ledger.incomplete,
        ledger.incomplete
    ));
    say(&format!("lost: {}", causes(ledger)));
    if ledger.left_out > 0 {
        say(&format!("left out at their end, and not among those seen: {}", ledger.left_out));
    }
    let calls = ledger.delivered;
    say(&format!(
        "records {} = calls {calls} + parts {} + others {}",
        ledger.records,
        ledger.parts,
        ledger.records - calls - ledger.parts
    ));
    if let Some(statistics) = &report.statistics {
        let calls: u64 = statistics.tallies.iter().map(|tally| tally.calls).sum();
        say(&format!("counted in the kernel: {calls}"));
    }
    if let Some(others) = others(report) {
        say(&others);
    }
    if ledger.throttled > 0 || ledger.spilled > 0 {
        say(&format!(
            "to lose none: {} returns held back for {:.3} s in all, {} bytes of records kept in a file",
            ledger.throttled,
            ledger.throttled_for.as_secs_f64(),
            ledger.spilled
        ));
    }
    for (name, seen) in &ledger.pairs {
        say(&format!("pair {name} seen {seen}"));
    }
    let backends: Vec<_> = report.backends.iter().map(|b| b.name()).collect();
    let rate = ledger.delivered as f64 / report.traced.as_secs_f64().max(1e-9);
    say(&format!(
        "backend {}, transport {}, {rate:.0} events/s, started in {:.1} ms",
        backends.join("+"),
        report.transport.name(),
        report.startup.as_secs_f64() * 1000.0
    ));
}

/// Says that something was lost, if so, and what to do: `room` is the option for the buffer's size.
pub fn warn(report: &Report, room: &str) {
    let ledger = &report.ledger;
    if let Some(others) = others(report) {
        say(&others);
    }
    if report.lost_mappings > 0 {
        say(&format!(
            "-k: {} mappings were not told of in time: frames may be missing, or have names of what stood there before",
            report.lost_mappings
        ));
    }
    if ledger.lost.total() > ledger.lost.ended_within {
        say(&format!(
            "{} of {} calls were lost: {} ({room} gives more room, --stats the whole account)",
            ledger.lost.total(),
            ledger.seen,
            causes(ledger)
        ));
    }
}

fn causes(ledger: &Ledger) -> String {
    let lost = ledger.lost;
    format!(
        "buffer full {}, in-flight full {}, entry without return {}, return without entry {}, nested {}, \
         ended within {}; recursion {}",
        lost.buffer_full,
        lost.inflight_full,
        lost.no_return,
        lost.no_entry,
        lost.nested,
        lost.ended_within,
        match ledger.recursion {
            None => "unknown".to_owned(),
            Some(0) => "0".to_owned(),
            Some(misses) => misses.to_string(),
        }
    )
}

/// What else is missing, or may be.
fn others(report: &Report) -> Option<String> {
    let ledger = &report.ledger;
    let mut parts = Vec::new();
    if let Some(misses) = ledger.recursion.filter(|misses| *misses > 0) {
        parts.push(format!(
            "calls may be missing: the kernel skipped {misses} program runs on the whole machine"
        ));
    }
    if let Some(dropped) = ledger.dropped_returns.filter(|dropped| *dropped > 0) {
        parts.push(format!("{dropped} returns were dropped by the kernel on the whole machine"));
    }
    if ledger.lost_points > 0 {
        parts.push(format!(
            "{} fork, exec and exit events are missing: the buffer was full",
            ledger.lost_points
        ));
    }
    if let Some(uncounted) =
        report.statistics.as_ref().map(|counts| counts.uncounted).filter(|uncounted| *uncounted > 0)
    {
        parts.push(format!(
            "{uncounted} calls are in no table: there are too many processes, or unknown numbers"
        ));
    }
    if ledger.not_followed > 0 {
        parts.push(format!("{} children could not be followed: the set was full", ledger.not_followed));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}
