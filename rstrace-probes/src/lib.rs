//! The plug-ins of rstrace, one folder each, and their registration.
//!
//! A new probe is a folder and one row of [`REGISTRY`]. Nothing here attaches anything: that is the
//! engine's business; nothing here prints: that is the output's.

pub mod exec;
#[cfg(test)]
pub(crate) mod fake;
pub mod numbers;
pub mod open;
pub mod syscall;
pub use syscall::table::KERNEL_SIGINFO as SIGINFO;
pub use syscall::table::NETLINK_PROTOCOLS;
#[doc(hidden)]
pub mod uapi;

use rstrace_core::Probe;
use rstrace_core::describe::Limits;
use syscall::Described;

/// A probe as the command line knows it.
#[derive(Debug)]
pub struct Entry {
    /// The word after `-e`.
    pub name: &'static str,
    /// One line for `--list`.
    pub summary: &'static str,
    /// Makes the probe; what has no natural end is captured up to these limits.
    pub make: fn(Limits) -> Box<dyn Probe>,
}

/// All probes, in the order of `--list`.
pub static REGISTRY: &[Entry] = &[
    Entry { name: syscall::NAME, summary: syscall::SUMMARY, make: |limits| Box::new(Described::all(limits)) },
    Entry { name: "open", summary: open::SUMMARY, make: |limits| Box::new(open::open(limits)) },
    Entry { name: "exec", summary: exec::SUMMARY, make: |limits| Box::new(exec::Exec::new(limits)) },
];

/// The probe with this name.
pub fn probe(name: &str) -> Option<&'static Entry> {
    REGISTRY.iter().find(|entry| entry.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each example stands in the file that the comment above it names.
    #[test]
    fn the_books_examples_are_the_code() {
        let top = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let read = |file: &str| std::fs::read_to_string(top.join(file)).expect("the file of an example");
        // how deep the code is indented does not matter
        let flat = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
        let page = read("docs/src/writing-a-probe.md");
        let mut examples = 0;
        for example in page.split("```rust,ignore\n").skip(1) {
            let code = example.split("```").next().unwrap_or_default();
            let before = &page[..page.find(example).expect("it is from there")];
            let comment = before.lines().rev().nth(1).unwrap_or_default();
            let file = comment.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
            let file = file.unwrap_or_else(|| panic!("no file is named above:\n{code}"));
            assert!(flat(&read(file)).contains(flat(code).trim()), "{file} has no\n{code}");
            examples += 1;
        }
        assert!(examples > 5);
    }

    #[test]
    fn a_row_says_what_its_probe_says() {
        for entry in REGISTRY {
            let probe = (entry.make)(Limits::of_length(32));
            assert_eq!((probe.name(), probe.summary()), (entry.name, entry.summary));
            assert!(!probe.pairs().is_empty());
        }
    }
}
