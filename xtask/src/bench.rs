//! `cargo xtask bench`: what tracing costs, written into docs/src/performance.md.
//!
//! The variants of one workload run in turn (A B C A B C ...), because a machine drifts by more than the
//! differences measured. Quoted are medians with their quartiles, and ratios to the untraced run.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use clap::Args;

use crate::{Result, artifacts, process, setup};

/// How long to measure.
#[derive(Debug, Args)]
pub struct Options {
    /// Runs of each variant
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(3..))]
    rounds: u32,
    /// Calls in a loop, per run
    #[arg(long, default_value_t = 50_000)]
    calls: u64,
}

const PAGE: &str = "docs/src/performance.md";
const BEGIN: &str = "<!-- bench:begin -->";
const FLOOR: &str = "empty programs (the floor)";
const END: &str = "<!-- bench:end -->";

/// What is run, and how its result is read.
struct Workload {
    name: &'static str,
    command: Vec<String>,
    /// The program prints nanoseconds per call; else its whole run is timed, in microseconds.
    prints_its_result: bool,
}

/// A way to run a workload: words in front of its command.
struct Variant {
    name: &'static str,
    prefix: Vec<String>,
}

/// `cargo xtask bench`.
pub fn run(options: &Options) -> Result<ExitCode> {
    setup::install(&[setup::BUILD, setup::TEST])?;
    if !process::is_root() {
        return Err("tracing needs root: run `sudo -E cargo xtask bench`".into());
    }
    let rstrace = artifacts::rstrace()?;
    let fixtures = artifacts::tests()?.fixtures.ok_or("the tests have no fixtures to measure with")?;
    let file = std::env::temp_dir().join(format!("rstrace-bench-{}", std::process::id()));
    let variants = variants(&rstrace, &file.to_string_lossy());
    let mut text = heading(options);
    for workload in workloads(&fixtures, options.calls) {
        if !Path::new(&workload.command[0]).is_file() {
            eprintln!("xtask: {} left out: there is no {}", workload.name, workload.command[0]);
            continue;
        }
        eprintln!("xtask: {}, {} rounds of {} variants", workload.name, options.rounds, variants.len());
        text.push_str(&table(&workload, &variants, options.rounds)?);
    }
    let _ = fs::remove_file(file);
    println!("{text}");
    write(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn workloads(fixtures: &Path, calls: u64) -> Vec<Workload> {
    let looped = |name, program: &str, calls: u64| Workload {
        name,
        command: vec![fixtures.join(program).display().to_string(), calls.to_string()],
        prints_its_result: true,
    };
    vec![
        looped("getppid loop (ns per call)", "getppid_loop", calls),
        looped("open and close loop (ns per call)", "open_close_loop", calls),
        Workload {
            name: "start to end of /bin/true (µs)",
            command: vec!["/bin/true".into()],
            prints_its_result: false,
        },
    ]
}

fn variants(rstrace: &Path, file: &str) -> Vec<Variant> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_string()).collect::<Vec<_>>();
    let mut variants = vec![Variant { name: "untraced", prefix: Vec::new() }];
    // Empty programs on the same hooks: no tracer that uses them can be cheaper.
    let floor = rstrace.with_file_name("floor");
    if floor.is_file() {
        let prefix = words(&[&floor.to_string_lossy(), "--"]);
        variants.push(Variant { name: FLOOR, prefix });
    } else {
        eprintln!("xtask: the floor is left out: there is no {}", floor.display());
    }
    let prefix = words(&[&rstrace.to_string_lossy(), "-e", "open", "-o", file, "--"]);
    variants.push(Variant { name: "rstrace -e open", prefix });
    if process::find("strace").is_some() {
        let strace = ["strace", "-f", "-e", "trace=open,openat", "-o", file];
        variants.push(Variant { name: "strace -f -e trace=open,openat", prefix: words(&strace) });
        let mut prefix = words(&strace);
        prefix.insert(1, "--seccomp-bpf".into());
        variants.push(Variant { name: "the same with --seccomp-bpf", prefix });
    } else {
        eprintln!("xtask: strace is left out: it is not installed");
    }
    variants
}

fn table(workload: &Workload, variants: &[Variant], rounds: u32) -> Result<String> {
    let mut results = vec![Vec::new(); variants.len()];
    let mut failures: Vec<Option<String>> = vec![None; variants.len()];
    for _ in 0..rounds {
        for (index, variant) in variants.iter().enumerate() {
            if failures[index].is_some() {
                continue;
            }
            match measure(workload, variant) {
                Ok(result) => results[index].push(result),
                Err(error) if index == 0 => return Err(error),
                Err(error) => {
                    eprintln!("xtask: {} is left out: {error}", variant.name);
                    failures[index] = Some(error);
                }
            }
        }
    }
    let mut text = format!(
        "\n| {} | median | quartiles | of untraced | added, of the floor |\n|---|--:|--:|--:|--:|\n",
        workload.name
    );
    let floor = variants.iter().position(|variant| variant.name == FLOOR);
    for (index, variant) in variants.iter().enumerate() {
        if failures[index].is_some() {
            text.push_str(&format!("| {} | could not run | | | |\n", variant.name));
            continue;
        }
        // ratios are of runs that stood next to each other
        let mut ratios: Vec<_> =
            results[index].iter().zip(&results[0]).map(|(this, base)| this / base).collect();
        let of_floor = floor.filter(|floor| failures[*floor].is_none() && index > 0).map(|floor| {
            let rounds = results[index].iter().zip(&results[0]).zip(&results[floor]);
            let mut added: Vec<_> =
                rounds.map(|((this, base), floor)| (this - base) / (floor - base)).collect();
            let [low, median, high] = quartiles(&mut added);
            format!("{median:.1} ({low:.1} to {high:.1})")
        });
        let [low, median, high] = quartiles(&mut results[index].clone());
        text.push_str(&format!(
            "| {} | {median:.0} | {low:.0} to {high:.0} | {:.2} | {} |\n",
            variant.name,
            quartiles(&mut ratios)[1],
            of_floor.unwrap_or_default()
        ));
    }
    Ok(text)
}

fn measure(workload: &Workload, variant: &Variant) -> Result<f64> {
    let words: Vec<&String> = variant.prefix.iter().chain(&workload.command).collect();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stdin(Stdio::null());
    let start = Instant::now();
    let output = process::output(&mut command)?;
    let took = start.elapsed();
    if !workload.prints_its_result {
        return Ok(took.as_secs_f64() * 1e6);
    }
    let number = output.split_whitespace().find_map(|word| word.parse().ok());
    number.ok_or_else(|| format!("{} printed no number", workload.command[0]))
}

/// The lower quartile, the median and the upper quartile, each the nearest measured value.
fn quartiles(values: &mut [f64]) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let at = |part: f64| values[((values.len() - 1) as f64 * part).round() as usize];
    [at(0.25), at(0.5), at(0.75)]
}

fn heading(options: &Options) -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!(
        "Measured by `cargo xtask bench --rounds {} --calls {}` on kernel {}, {processors} CPUs. Absolute numbers \
         are this machine's; compare ratios.\n",
        options.rounds,
        options.calls,
        release.trim()
    )
}

/// Replaces what is between the markers in the page; the rest of it is written by hand.
fn write(text: &str) -> Result<()> {
    let path = process::top().join(PAGE);
    let page = fs::read_to_string(&path).map_err(|error| format!("cannot read {PAGE}: {error}"))?;
    let page = replaced(&page, text).ok_or_else(|| format!("{PAGE} lacks the lines {BEGIN} and {END}"))?;
    fs::write(&path, page).map_err(|error| format!("cannot write {PAGE}: {error}"))
}

fn replaced(page: &str, text: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}\n{END}{after}", text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_measured_values() {
        assert_eq!(quartiles(&mut [5.0, 1.0, 3.0, 2.0, 4.0]), [2.0, 3.0, 4.0]);
    }

    #[test]
    fn only_the_text_between_the_markers_is_replaced() {
        let page = format!("# Title\n{BEGIN}\nold\n{END}\nend\n");
        assert_eq!(replaced(&page, "new\n"), Some(format!("# Title\n{BEGIN}\nnew\n{END}\nend\n")));
        assert_eq!(replaced("no markers", "new"), None);
    }
}
