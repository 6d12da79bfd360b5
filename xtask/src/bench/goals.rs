//! What tracing may cost at most: each goal is a row, and the worse quartile counts.

use super::results::Results;
use super::statistics::Quartiles;
use super::variants::{
    FLOOR, PERF, RSTRACE, RSTRACE_COUNT, RSTRACE_COUNT_ALONE, RSTRACE_FOLLOW, RSTRACE_OPEN, STRACE, UNTRACED,
};

/// A goal.
struct Goal {
    what: &'static str,
    measure: Measure,
    limit: Limit,
}

#[derive(Debug, Clone, Copy)]
enum Measure {
    /// What the variant adds in the workload, as a multiple of what another adds.
    Added(&'static str, &'static str, &'static str),
    /// What the variant takes, as a multiple of what another takes.
    Ratio(&'static str, &'static str, &'static str),
    /// A value in the workload's unit.
    Value(&'static str, &'static str),
    /// Calls in millions a second, of so many for one count.
    Rate(&'static str, &'static str, f64),
    /// What the variant adds to each call, as a multiple of the most that it adds in a loop.
    OfLoops(&'static str),
}

#[derive(Debug, Clone, Copy)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

use Limit::{AtLeast, AtMost};
use Measure::{Added, OfLoops, Rate, Ratio, Value};

const LOOPS: &[&str] = &["getppid", "read1", "read32", "write1", "open"];

const GOALS: &[Goal] = &[
    Goal {
        what: "getppid (no captures): added, of the floor",
        measure: Added("getppid", RSTRACE, FLOOR),
        limit: AtMost(4.5),
    },
    Goal {
        what: "read of 32 bytes (a capture): added, of the floor",
        measure: Added("read32", RSTRACE, FLOOR),
        limit: AtMost(7.0),
    },
    Goal {
        what: "getppid: strace adds, of what rstrace adds",
        measure: Added("getppid", STRACE, RSTRACE),
        limit: AtLeast(50.0),
    },
    Goal {
        what: "getppid: perf trace adds, of what rstrace adds",
        measure: Added("getppid", PERF, RSTRACE),
        limit: AtLeast(50.0),
    },
    Goal {
        what: "read of 32 bytes: strace adds, of what rstrace adds",
        measure: Added("read32", STRACE, RSTRACE),
        limit: AtLeast(50.0),
    },
    Goal {
        what: "read of 32 bytes: perf trace adds, of what rstrace adds",
        measure: Added("read32", PERF, RSTRACE),
        limit: AtLeast(50.0),
    },
    Goal {
        what: "10 million getppid counted with times: added, of the floor",
        measure: Added("count", RSTRACE_COUNT, FLOOR),
        limit: AtMost(4.0),
    },
    Goal {
        what: "10 million getppid counted alone: added, of the floor",
        measure: Added("count", RSTRACE_COUNT_ALONE, FLOOR),
        limit: AtMost(1.7),
    },
    Goal {
        what: "8 threads into /dev/null, nothing lost: million calls/s",
        measure: Rate("storm", RSTRACE, 8.0),
        limit: AtLeast(1.2),
    },
    Goal {
        what: "dd bs=1 count=500k: of untraced",
        measure: Ratio("dd", RSTRACE, UNTRACED),
        limit: AtMost(5.0),
    },
    Goal { what: "find: added per call, of the dearest loop", measure: OfLoops("find"), limit: AtMost(1.0) },
    Goal { what: "git: added per call, of the dearest loop", measure: OfLoops("git"), limit: AtMost(1.0) },
    Goal {
        what: "compile: added per call, of the dearest loop",
        measure: OfLoops("compile"),
        limit: AtMost(1.0),
    },
    Goal {
        what: "redis: added per call, of the dearest loop",
        measure: OfLoops("redis"),
        limit: AtMost(1.0),
    },
    Goal {
        what: "nginx: added per call, of the dearest loop",
        measure: OfLoops("nginx"),
        limit: AtMost(1.0),
    },
    Goal { what: "compile: of untraced", measure: Ratio("compile", RSTRACE, UNTRACED), limit: AtMost(1.25) },
    Goal { what: "redis: of untraced", measure: Ratio("redis", RSTRACE, UNTRACED), limit: AtMost(1.25) },
    Goal { what: "nginx: of untraced", measure: Ratio("nginx", RSTRACE, UNTRACED), limit: AtMost(1.25) },
    Goal {
        what: "bystander, another process traced: added, of the floor",
        measure: Added("bystander", RSTRACE, FLOOR),
        limit: AtMost(1.6),
    },
    Goal {
        what: "bystander, another process traced with -f: added, of the floor",
        measure: Added("bystander", RSTRACE_FOLLOW, FLOOR),
        limit: AtMost(2.2),
    },
    Goal {
        what: "rstrace -e open -- true, start to end: ms",
        measure: Value("startup", RSTRACE_OPEN),
        limit: AtMost(15.0),
    },
    Goal {
        what: "peak memory without the ring, -e open: MiB",
        measure: Value("memory", RSTRACE_OPEN),
        limit: AtMost(12.0),
    },
    Goal {
        what: "peak memory without the ring, everything traced: MiB",
        measure: Value("memory", RSTRACE),
        limit: AtMost(24.0),
    },
];

/// The rows of the goals; of those that could not be measured now, that of an earlier table, if it had one.
pub fn table(results: &Results, earlier: &str) -> String {
    let mut text = String::from("| goal | limit | measured | median | met |\n|---|--:|--:|--:|---|\n");
    for goal in GOALS {
        let Some(measured) = measure(results, goal.measure) else {
            let begin = format!("| {} |", goal.what);
            text.extend(earlier.lines().filter(|row| row.starts_with(&begin)).flat_map(|row| [row, "\n"]));
            continue;
        };
        let (limit, counts, met) = match goal.limit {
            AtMost(limit) => (format!("≤ {limit}"), measured.high, measured.high <= limit),
            AtLeast(limit) => (format!("≥ {limit}"), measured.low, measured.low >= limit),
        };
        text.push_str(&format!(
            "| {} | {limit} | {counts:.2} | {:.2} | {} |\n",
            goal.what,
            measured.median,
            if met { "yes" } else { "**no**" }
        ));
    }
    text
}

fn measure(results: &Results, measure: Measure) -> Option<Quartiles> {
    let map = |values: Option<Quartiles>, change: &dyn Fn(f64) -> f64| {
        let values = values?;
        Quartiles::of([values.low, values.median, values.high].map(change))
    };
    match measure {
        Added(workload, this, other) => results.added_ratio(workload, this, other),
        Ratio(workload, this, base) => results.ratio(workload, this, base),
        Value(workload, this) => {
            let size = results.0.get(workload)?.workload.unit.size;
            let values = &results.series(workload, this)?.values;
            Quartiles::of(values.iter().map(|value| value / size))
        }
        Rate(workload, this, calls) => {
            let values = &results.series(workload, this)?.values;
            map(Quartiles::of(values.iter().copied()), &|value| calls * 1e3 / value)
        }
        OfLoops(workload) => {
            let loops = LOOPS.iter().filter_map(|id| results.added_per_call(id, RSTRACE));
            let dearest = loops.map(|added| added.median).max_by(f64::total_cmp)?;
            map(results.added_per_call(workload, RSTRACE), &|value| value / dearest)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::results::{Series, Table};
    use super::super::workloads;
    use super::*;

    fn results(rstrace: &[f64]) -> Results {
        let workload = workloads::ALL.iter().find(|workload| workload.id == "getppid").unwrap();
        let series = |variant, values: &[f64]| Series {
            variant,
            values: values.to_vec(),
            calls: Some(1.0),
            left_out: None,
        };
        let series = vec![
            series(UNTRACED, &[100.0; 3]),
            series(FLOOR, &[200.0; 3]),
            series(RSTRACE, rstrace),
            series(STRACE, &[30_100.0; 3]),
        ];
        Results([("getppid", Table { workload, series })].into())
    }

    #[test]
    fn the_upper_quartile_decides() {
        let text = table(&results(&[500.0, 500.0, 600.0]), "");
        assert!(text.contains("of the floor | ≤ 4.5 | 5.00 | 4.00 | **no** |"), "{text}");
        let text = table(&results(&[500.0, 500.0, 540.0]), "");
        assert!(text.contains("of the floor | ≤ 4.5 | 4.40 | 4.00 | yes |"), "{text}");
    }

    #[test]
    fn where_more_is_better_the_lower_quartile_decides() {
        let text = table(&results(&[500.0, 500.0, 800.0]), "");
        assert!(text.contains("of what rstrace adds | ≥ 50 | 42.86 | 75.00 | **no** |"), "{text}");
        assert!(!text.contains("dd bs"), "{text}");
    }

    #[test]
    fn a_goal_that_is_not_measured_again_keeps_its_row() {
        let kept = "| dd bs=1 count=500k: of untraced | ≤ 5 | 4.52 | 4.33 | yes |\n";
        let replaced = "| getppid: perf trace adds, of what rstrace adds | ≥ 50 | 1 | 1 | **no** |\n";
        let without = table(&Results::default(), &format!("{replaced}{kept}| other | ≤ 1 | 1 | 1 | yes |\n"));
        assert!(without.ends_with(&format!("{replaced}{kept}")), "{without}");
        let strace = "| getppid: strace adds, of what rstrace adds | ≥ 50 | 1 | 1 | **no** |\n";
        let with = table(&results(&[500.0; 3]), &format!("{strace}{kept}"));
        assert!(!with.contains(strace) && with.ends_with(kept), "{with}");
    }
}
