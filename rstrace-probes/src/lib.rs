//! The plug-ins of rstrace, one folder each, and their registration.
//!
//! A new probe is a folder and one row of [`REGISTRY`]. Nothing here attaches anything: that is the
//! engine's business; nothing here prints: that is the output's.

mod decode;
pub mod exec;
pub mod numbers;
pub mod open;

use exec::Exec;
use open::Open;
use rstrace_core::Probe;

/// A probe as the command line knows it.
#[derive(Debug)]
pub struct Entry {
    /// The word after `-e`.
    pub name: &'static str,
    /// One line for `--list`.
    pub summary: &'static str,
    /// The system calls that it decodes, all of them, whether or not this architecture has them.
    pub syscalls: &'static [&'static str],
    /// Makes the probe for its whole family.
    pub all: fn() -> Box<dyn Probe>,
    /// Makes the probe for some of `syscalls`; other names are ignored.
    pub only: fn(&[&str]) -> Box<dyn Probe>,
}

impl Entry {
    const fn of(
        name: &'static str,
        summary: &'static str,
        syscalls: &'static [&'static str],
        all: fn() -> Box<dyn Probe>,
        only: fn(&[&str]) -> Box<dyn Probe>,
    ) -> Self {
        Self { name, summary, syscalls, all, only }
    }
}

/// All probes, in the order of `--list`.
pub static REGISTRY: &[Entry] = &[
    Entry::of(
        "open",
        open::SUMMARY,
        open::SYSCALLS,
        || Box::new(Open::all()),
        |some| Box::new(Open::only(some)),
    ),
    Entry::of(
        "exec",
        exec::SUMMARY,
        exec::SYSCALLS,
        || Box::new(Exec::all()),
        |some| Box::new(Exec::only(some)),
    ),
];

/// The probe with this name.
pub fn probe(name: &str) -> Option<&'static Entry> {
    REGISTRY.iter().find(|entry| entry.name == name)
}

/// The probe that decodes this system call.
pub fn probe_of_syscall(name: &str) -> Option<&'static Entry> {
    REGISTRY.iter().find(|entry| entry.syscalls.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstrace_core::probe::{Hook, Pair};

    #[test]
    fn a_row_says_what_its_probe_says() {
        for entry in REGISTRY {
            let probe = (entry.all)();
            assert_eq!((probe.name(), probe.summary()), (entry.name, entry.summary));
            let is_syscall = |pair: &Pair| matches!(pair.hook, Hook::Syscall { .. });
            for pair in probe.pairs().into_iter().filter(is_syscall) {
                assert!(entry.syscalls.contains(&pair.name), "{}", pair.name);
            }
        }
    }

    #[test]
    fn every_system_call_has_one_probe() {
        let names: Vec<_> = REGISTRY.iter().flat_map(|entry| entry.syscalls).collect();
        for name in &names {
            assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name}");
            assert!(numbers::exists(name), "{name}");
        }
    }

    #[test]
    fn a_part_of_a_family_has_only_its_pairs() {
        let open = probe_of_syscall("openat").expect("openat is decoded");
        assert_eq!(open.name, "open");
        let names: Vec<_> = (open.only)(&["openat", "close"]).pairs().iter().map(|pair| pair.name).collect();
        assert_eq!(names, ["openat"]);
    }

    #[test]
    fn the_book_s_examples_are_the_code() {
        let unindented = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
        let sources = [
            include_str!("lib.rs"),
            include_str!("exec/mod.rs"),
            include_str!("../../rstrace-core/examples/files.rs"),
        ]
        .map(unindented);
        let book = include_str!("../../docs/src/writing-a-probe.md");
        // the trait stands at the top, without its comments
        let (_, examples) = book.split_once("## A probe for system calls").expect("the first example");
        let blocks: Vec<_> = examples.split("```").skip(1).step_by(2).collect();
        assert_eq!(blocks.len(), 10);
        for block in blocks {
            let code = unindented(block.strip_prefix("rust,ignore\n").expect("Rust"));
            assert!(sources.iter().any(|source| source.contains(code.trim())), "{block}");
        }
    }
}
