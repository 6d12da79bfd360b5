//! `cargo xtask uapi`: the constants of the newest Linux UAPI headers, as Rust.
//!
//! Decoders name their constants; nobody types numbers. So all constants of the headers in `groups.rs` are
//! written, the names of all ioctl requests, and the numbers of all system calls.

mod evaluate;
mod glibc;
mod groups;
mod ioctls;
mod numbers;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Args;

use crate::headers::{self, Headers};
use crate::{Result, process, setup};
use evaluate::{Constant, Source};
use groups::{GROUPS, Group};

/// What to do with what is generated.
#[derive(Debug, Args)]
pub struct Options {
    /// Write nothing; fail if the files are not what would be written
    #[arg(long)]
    check: bool,
}

/// Where headers with ioctl requests are.
const DIRECTORIES: &[&str] =
    &["asm", "asm-generic", "cxl", "drm", "fwctl", "linux", "misc", "mtd", "rdma", "scsi", "sound", "video"];

/// `cargo xtask uapi`.
pub fn run(options: &Options) -> Result<ExitCode> {
    setup::install(&[setup::BUILD])?;
    if options.check {
        return check(&cached()?).map(|()| ExitCode::SUCCESS);
    }
    for (name, text) in &generate(&headers::get()?)? {
        let path = directory().join(name);
        std::fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        println!("{name}: {} lines, {} kB", text.lines().count(), text.len() / 1000);
    }
    Ok(ExitCode::SUCCESS)
}

/// The headers that the files here were made from, or why there are none: they are not downloaded for a check.
pub fn cached() -> Result<Headers> {
    let text = read("numbers.rs");
    let version = write::source(&text).ok_or("uapi/numbers.rs does not name its source")?;
    headers::cached(version).ok_or_else(|| format!("{version} is not in the cache"))
}

fn check(headers: &Headers) -> Result<()> {
    let mut stale = Vec::new();
    for (name, text) in generate(headers)? {
        let here = read(&name);
        if here == text {
            continue;
        }
        // The C library is the machine's own.
        if name == GLIBC && write::source(&here) != write::source(&text) {
            eprintln!("xtask: {name} is of another C library and not checked");
            continue;
        }
        stale.push(name);
    }
    if stale.is_empty() {
        return Ok(());
    }
    Err(format!("not what `cargo xtask uapi` writes: {}", stale.join(" ")))
}

fn directory() -> PathBuf {
    process::top().join("rstrace-probes/src/uapi")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(directory().join(name)).unwrap_or_default()
}

/// The file with what only the C library defines.
const GLIBC: &str = "glibc.rs";

/// The files by name.
fn generate(headers: &Headers) -> Result<BTreeMap<String, String>> {
    let defined = evaluate_all(headers, &sources(headers));
    let mut known = Known::default();
    let mut files = constants(headers, GROUPS, &defined, &mut known)?;
    let of_glibc = |header: &str| defined.get(&Source::Glibc(header.into())).map_or(&[][..], Vec::as_slice);
    let base: BTreeSet<&str> = of_glibc(glibc::BASE).iter().map(|constant| constant.name.as_str()).collect();
    let mut parts = Vec::new();
    for header in glibc::HEADERS {
        let is_wanted = |name: &str| !name.starts_with('_') && !base.contains(name);
        let wanted = of_glibc(header).iter().filter(|constant| is_wanted(&constant.name));
        parts.push((*header, known.add(header, wanted)));
    }
    files.insert(GLIBC.into(), write::constants(&glibc::version(headers)?, glibc::ABOUT, &parts));
    files.insert("ioctls.rs".into(), write::ioctls(&headers.version, &ioctls::table(&defined)));
    files.insert("numbers.rs".into(), write::numbers(&headers.version, &numbers::tables(headers)?));
    Ok(files)
}

/// The files of these groups.
fn constants(
    headers: &Headers,
    groups: &[Group],
    defined: &BTreeMap<Source, Vec<Constant>>,
    known: &mut Known,
) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for group in groups {
        let mut parts = Vec::new();
        for header in group.headers {
            let Some(constants) = defined.get(&Source::Uapi((*header).into())) else {
                return Err(format!("{} has no {header}", headers.version));
            };
            parts.push((*header, known.add(header, constants)));
        }
        files.insert(format!("{}.rs", group.name), write::constants(&headers.version, group.about, &parts));
    }
    Ok(files)
}

/// All that is evaluated.
fn sources(headers: &Headers) -> Vec<Source> {
    let uapi = DIRECTORIES.iter().flat_map(|directory| headers.list(directory)).map(Source::Uapi);
    let glibc = glibc::HEADERS.iter().chain([&glibc::BASE]).map(|header| Source::Glibc((*header).into()));
    uapi.chain(glibc).filter(|source| !evaluate::is_no_header(source)).collect()
}

/// Each header's constants. A header that clang refuses is reported and has none.
fn evaluate_all(headers: &Headers, sources: &[Source]) -> BTreeMap<Source, Vec<Constant>> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(BTreeMap::new());
    let work = || {
        while let Some(source) = sources.get(next.fetch_add(1, Ordering::Relaxed)) {
            match evaluate::constants(headers, source) {
                Ok(constants) => {
                    found.lock().expect("no thread panics").insert(source.clone(), constants);
                }
                Err(error) => eprintln!("xtask: left out: {source:?}: {error}"),
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    found.into_inner().expect("no thread panics")
}

/// The names that are written already.
#[derive(Debug, Default)]
struct Known {
    /// Value and header by name.
    values: BTreeMap<String, (u64, String)>,
    /// Other values that were reported.
    others: BTreeSet<(String, u64)>,
}

impl Known {
    /// Those that no earlier header has. One with another value is reported.
    fn add<'a>(
        &mut self,
        header: &str,
        constants: impl IntoIterator<Item = &'a Constant>,
    ) -> Vec<(String, u64)> {
        let mut new = Vec::new();
        for Constant { name, value, .. } in constants {
            match self.values.get(name) {
                Some((earlier, place)) => {
                    if earlier != value && self.others.insert((name.clone(), *value)) {
                        eprintln!(
                            "xtask: {name}: {earlier:#x} of {place} is kept, not {value:#x} of {header}"
                        );
                    }
                }
                None => {
                    self.values.insert(name.clone(), (*value, header.into()));
                    new.push((name.clone(), *value));
                }
            }
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One file of constants and the numbers: all of them take minutes and are checked by `cargo xtask test`.
    #[test]
    fn the_files_are_what_the_generator_makes() {
        let headers = match cached() {
            Ok(headers) => headers,
            Err(why) => return eprintln!("skipped: {why}"),
        };
        let groups = &GROUPS[..1];
        let sources: Vec<Source> =
            groups[0].headers.iter().map(|header| Source::Uapi((*header).into())).collect();
        let defined = evaluate_all(&headers, &sources);
        let files = constants(&headers, groups, &defined, &mut Known::default()).expect("clang reads them");
        assert_eq!(files.into_iter().collect::<Vec<_>>(), [("mm.rs".to_string(), read("mm.rs"))]);
        let numbers = numbers::tables(&headers).expect("the headers are there");
        assert_eq!(write::numbers(&headers.version, &numbers), read("numbers.rs"));
    }

    #[test]
    fn the_first_header_that_defines_a_name_is_right() {
        let constant = |name: &str, value| Constant {
            name: name.into(),
            value,
            expansion: String::new(),
            body: String::new(),
        };
        let mut known = Known::default();
        assert_eq!(known.add("a.h", &[constant("A", 1)]), [("A".to_string(), 1)]);
        let again = [constant("A", 2), constant("B", 3)];
        assert_eq!(known.add("b.h", &again), [("B".to_string(), 3)]);
    }
}
