//! What was measured: a series of rounds for each workload and variant, and the rounds themselves.

use std::collections::BTreeMap;
use std::time::Instant;

use super::measure::{Measured, Place};
use super::statistics::{self, Quartiles};
use super::variants::{self, FLOOR, Variant};
use super::workloads::{Workload, is_slow};
use crate::process;

/// The rounds of a workload under a variant.
#[derive(Debug)]
pub struct Series {
    /// The variant's name.
    pub variant: &'static str,
    /// One value a round; all series of a workload have as many.
    pub values: Vec<f64>,
    /// Calls that rstrace saw for one count, in the median.
    pub calls: Option<f64>,
    /// Why there are no values.
    pub left_out: Option<String>,
}

/// All series of a workload.
#[derive(Debug)]
pub struct Table {
    /// What was measured.
    pub workload: &'static Workload,
    /// By variant, in the order of the workload's.
    pub series: Vec<Series>,
}

/// Tables by the workload's id.
#[derive(Debug, Default)]
pub struct Results(pub BTreeMap<&'static str, Table>);

impl Results {
    /// A series that was measured.
    pub fn series(&self, workload: &str, variant: &str) -> Option<&Series> {
        self.0.get(workload)?.of(variant)
    }

    /// What a variant takes as a multiple of another.
    pub fn ratio(&self, workload: &str, this: &str, base: &str) -> Option<Quartiles> {
        statistics::ratio(&self.series(workload, this)?.values, &self.series(workload, base)?.values)
    }

    /// What a variant adds to the first one, as a multiple of what another one adds.
    pub fn added_ratio(&self, workload: &str, this: &str, other: &str) -> Option<Quartiles> {
        self.0.get(workload)?.added_ratio(this, other)
    }

    /// Nanoseconds that a variant adds to each call.
    pub fn added_per_call(&self, workload: &str, this: &str) -> Option<Quartiles> {
        let table = self.0.get(workload)?;
        let (base, this) = (table.series.first()?, table.of(this)?);
        let calls = this.calls?;
        Quartiles::of(this.values.iter().zip(&base.values).map(|(this, base)| (this - base) / calls))
    }
}

impl Table {
    /// A series that was measured.
    pub fn of(&self, variant: &str) -> Option<&Series> {
        self.series.iter().find(|series| series.variant == variant && series.left_out.is_none())
    }

    /// What a variant adds to the first one, as a multiple of what another one adds.
    pub fn added_ratio(&self, this: &str, other: &str) -> Option<Quartiles> {
        let base = &self.series.first()?.values;
        statistics::added_ratio(&self.of(this)?.values, base, &self.of(other)?.values)
    }

    /// The same against the floor.
    pub fn of_floor(&self, this: &str) -> Option<Quartiles> {
        self.added_ratio(this, FLOOR)
    }
}

/// Runs the variants of a workload in turn: a machine drifts by more than the differences that are measured.
/// `None` with the reason said if it cannot run here.
pub fn measure(place: &Place, workload: &'static Workload, rounds: u32) -> Option<Table> {
    if let Some(program) = workload.needs.iter().find(|program| process::find(program).is_none()) {
        eprintln!("xtask: {} is left out: {program} is not installed", workload.id);
        return None;
    }
    let started = Instant::now();
    let variants: Vec<&Variant> =
        variants::ALL.iter().filter(|variant| workload.variants.contains(&variant.name)).collect();
    let mut runs: Vec<Run> = variants.iter().map(|variant| Run::prepared(place, workload, variant)).collect();
    for _ in 0..rounds {
        for (run, variant) in runs.iter_mut().zip(&variants) {
            if run.left_out.is_none() {
                match place.measure(workload, variant, run.count) {
                    Ok(measured) => run.rounds.push(measured),
                    Err(error) => run.left_out = Some(error),
                }
            }
        }
    }
    for (run, variant) in runs.iter().zip(&variants) {
        if let Some(why) = &run.left_out {
            eprintln!("xtask: {}: {} is left out: {why}", workload.id, variant.name);
        }
    }
    eprintln!("xtask: {} took {} s", workload.id, started.elapsed().as_secs());
    if runs.first()?.left_out.is_some() {
        eprintln!("xtask: {} is left out: there is nothing to compare with", workload.id);
        return None;
    }
    let series = runs.into_iter().zip(variants).map(|(run, variant)| Series {
        variant: variant.name,
        calls: Quartiles::of(run.rounds.iter().filter_map(|round| round.calls)).map(|calls| calls.median),
        values: run.rounds.iter().map(|round| round.value).collect(),
        left_out: run.left_out,
    });
    Some(Table { workload, series: series.collect() })
}

/// A variant while it is measured.
#[derive(Debug)]
struct Run {
    count: u64,
    rounds: Vec<Measured>,
    left_out: Option<String>,
}

impl Run {
    /// Runs it once, short, to learn how much of it makes a run of the length that is wished.
    fn prepared(place: &Place, workload: &Workload, variant: &Variant) -> Self {
        let (first, most) = workload.counts;
        let measured = match variant.missing() {
            Some(why) => Err(why),
            None => place.measure(workload, variant, first),
        };
        let seconds = if is_slow(variant.name) { workload.seconds / 3.0 } else { workload.seconds };
        match measured {
            Ok(measured) => {
                let count = (seconds * 1e9 / measured.value.max(1.0)) as u64;
                Self { count: count.clamp(first, most), rounds: Vec::new(), left_out: None }
            }
            Err(error) => Self { count: first, rounds: Vec::new(), left_out: Some(error) },
        }
    }
}
