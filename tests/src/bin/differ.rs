//! Holds rstrace's trace of real programs against strace's of the same run, for `cargo xtask diff`.
//!
//! `differ [NAME]...` compares, `differ --detailed [NAME]...` with more options, `differ --needs [NAME]...` says which
//! programs that takes: a line `PACKAGE PROGRAM` each.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use rstrace_tests::differ::{Comparison, Table};
use rstrace_tests::programs::{PROGRAMS, RealProgram};

/// What is asked for in detail. The times themselves are not compared.
const DETAILED: &[&str] = &["-tt", "-T", "-y", "-s", "200"];

/// So many of 100 lines must be the same.
const LEAST: f64 = 99.5;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (options, names): (Vec<_>, Vec<_>) = words.iter().partition(|word| word.starts_with("--"));
    if let Some(unknown) = names.iter().find(|name| !PROGRAMS.iter().any(|program| program.name == **name)) {
        let known: Vec<_> = PROGRAMS.iter().map(|program| program.name).collect();
        eprintln!("differ: {unknown} is none of the programs: {}", known.join(", "));
        return ExitCode::FAILURE;
    }
    let chosen: Vec<_> =
        PROGRAMS.iter().filter(|p| names.is_empty() || names.iter().any(|name| *name == p.name)).collect();
    match options.first().map(|option| option.as_str()) {
        None => compare(&chosen, &[]),
        Some("--detailed") => compare(&chosen, DETAILED),
        Some("--needs") => {
            chosen
                .iter()
                .flat_map(|p| p.needs)
                .for_each(|(package, program)| println!("{package} {program}"));
            ExitCode::SUCCESS
        }
        Some(option) => {
            eprintln!("differ: {option} is no option");
            ExitCode::FAILURE
        }
    }
}

fn compare(programs: &[&RealProgram], options: &[&str]) -> ExitCode {
    let mut table = Table::default();
    let (mut skipped, mut failed) = (Vec::new(), Vec::new());
    for program in programs {
        if let Some(missing) = program.missing() {
            skipped.push(format!("{}: {missing} is not installed", program.name));
            continue;
        }
        eprintln!("differ: {}", program.name);
        // what goes wrong with one program is said by the panic itself
        let outcome: Result<Comparison, _> = catch_unwind(AssertUnwindSafe(|| program.compare(options)));
        match outcome {
            Ok(comparison) => table.add(program.name, comparison),
            Err(_) => failed.push(program.name),
        }
    }
    print!("{}\n{}\n{}", table.differences(), table.calls(), table.programs());
    println!("\nlines that are the same only by a rule:\n{}", table.rules());
    skipped.iter().for_each(|why| println!("SKIP {why}"));
    let below = table.below(LEAST);
    if !below.is_empty() {
        println!("less than {LEAST} % the same: {}", below.join(", "));
    }
    if !failed.is_empty() {
        println!("not compared: {}", failed.join(", "));
    }
    if below.is_empty() && failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
