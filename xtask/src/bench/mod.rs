//! `cargo xtask bench`: what tracing costs, and what it loses, written into docs/src/performance.md.
//!
//! The variants of a workload (`variants.rs`, `workloads.rs`) run in turn (A B C A B C ...), because a machine drifts
//! by more than the differences measured. Quoted are medians with their quartiles, and ratios of runs that stood
//! next to each other.

mod chart;
mod goals;
mod inputs;
mod loss;
mod measure;
mod page;
mod program;
mod results;
mod statistics;
mod variants;
mod workloads;

use std::process::ExitCode;

use clap::Args;

use crate::{Result, artifacts, process, setup};
use measure::Place;
use results::Results;

/// What to measure, and how long.
#[derive(Debug, Args)]
pub struct Options {
    /// Runs of each variant
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(3..))]
    rounds: u32,
    /// Measure only these: workloads by the names that `--list` shows, or `loss`
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Calls of each storm that is counted
    #[arg(long, value_name = "CALLS", default_value_t = 10_000_000)]
    loss_calls: u64,
    /// Print the results, but leave the page as it is
    #[arg(long)]
    print: bool,
    /// Show the names of what is measured, and end
    #[arg(long)]
    list: bool,
}

const LOSS: &str = "loss";

/// `cargo xtask bench`.
pub fn run(options: &Options) -> Result<ExitCode> {
    let names = || workloads::ALL.iter().map(|workload| workload.id).chain([LOSS]);
    if options.list {
        names().for_each(|name| println!("{name}"));
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(unknown) = options.only.iter().find(|wanted| names().all(|name| name != *wanted)) {
        return Err(format!("--only {unknown}: there is no such workload, see --list"));
    }
    setup::install(&[setup::BUILD])?;
    setup::install_if_possible(setup::BENCH);
    if !process::is_root() {
        return Err("tracing needs root: run `sudo -E cargo xtask bench`".into());
    }
    let wants = |name: &str| options.only.is_empty() || options.only.iter().any(|wanted| wanted == name);
    let rstrace = artifacts::rstrace()?;
    let floor = artifacts::test_program("floor")?;
    let fixtures = artifacts::tests()?.fixtures.ok_or("the tests have no fixtures to measure with")?;
    program::kill_all_when_interrupted()?;
    let scratch = inputs::Scratch::new()?;
    let text = |path: &std::path::Path| path.to_string_lossy().into_owned();
    let place = Place {
        rstrace: text(&rstrace),
        floor: text(&floor),
        fixtures: text(&fixtures),
        scratch: text(scratch.path()),
        port: measure::free_port()?,
    };
    inputs::make(&scratch, place.port)?;

    let whole = options.only.is_empty();
    // at once, so that an interruption leaves what is finished
    let publish = |name: &str, text: &str| {
        println!("{text}");
        if options.print { Ok(()) } else { page::write(name, text) }
    };
    let mut results = Results::default();
    for workload in workloads::ALL.iter().filter(|workload| wants(workload.id)) {
        if let Some(table) = results::measure(&place, workload, options.rounds) {
            publish(workload.id, &page::table(&table))?;
            results.0.insert(workload.id, table);
        }
    }
    let mut good = true;
    if wants(LOSS) {
        let loss = loss::count(&place, options.loss_calls);
        good = loss.is_good();
        publish(LOSS, &loss.table())?;
    }
    // those that are not measured now keep their rows
    publish("goals", &goals::table(&results, &page::section("goals")))?;
    if whole {
        publish("machine", &machine(options))?;
    }
    if !options.print {
        chart::write(&results)?;
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn machine(options: &Options) -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!(
        "Measured by `cargo xtask bench --rounds {}` on kernel {}, {processors} CPUs. Absolute numbers are this \
         machine's; compare ratios.\n",
        options.rounds,
        release.trim()
    )
}
