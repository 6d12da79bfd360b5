//! What ran, what did not, and the totals: the table and the last line of `cargo xtask test` and `vm`.

use std::time::Duration;

/// Tests counted by their result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Tests that libtest calls ignored.
    pub skipped: u64,
}

impl Counts {
    /// Adds what a `test result:` line of libtest says; other lines change nothing. True if it was one.
    pub fn add_line(&mut self, line: &str) -> bool {
        // Something else on the console may share the line.
        let Some((_, result)) = line.split_once("test result: ") else { return false };
        let number = |word: &str| {
            let before = result.split(word).next().filter(|before| before.len() < result.len())?;
            before.trim_end().rsplit(' ').next()?.parse::<u64>().ok()
        };
        self.passed += number("passed").unwrap_or(0);
        self.failed += number("failed").unwrap_or(0);
        self.skipped += number("ignored").unwrap_or(0);
        true
    }

    /// How many tests ran.
    pub fn ran(&self) -> u64 {
        self.passed + self.failed
    }

    /// Adds another run's counts.
    pub fn add(&mut self, other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// How a part ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It ran and is good.
    Passed,
    /// It ran and is bad, or it had to run and could not: why.
    Failed(String),
    /// It could not run, through no fault of the code: why.
    Skipped(String),
}

/// One line of the table.
#[derive(Debug)]
pub struct Part {
    /// What it was, such as `clippy` or `6.12 preempt=full`.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Its tests, if it has such.
    pub tests: Option<Counts>,
    /// These are end-to-end tests, which the totals count.
    pub is_end_to_end: bool,
    /// How long it took.
    pub took: Duration,
}

impl Part {
    /// A part without tests of its own.
    pub fn check(name: &str, outcome: Outcome, took: Duration) -> Part {
        Part { name: name.into(), outcome, tests: None, is_end_to_end: false, took }
    }
}

/// All parts, in the order in which they ran.
#[derive(Debug, Default)]
pub struct Report {
    parts: Vec<Part>,
}

impl Report {
    /// Adds a part.
    pub fn add(&mut self, part: Part) {
        self.parts.push(part);
    }

    /// No part failed.
    pub fn is_good(&self) -> bool {
        !self.parts.iter().any(|part| matches!(part.outcome, Outcome::Failed(_)))
    }

    /// The end-to-end tests of all parts. A part that failed, or was skipped, without a test that says so counts
    /// as one: the last line must never look better than the table.
    pub fn totals(&self) -> Counts {
        let mut totals = Counts::default();
        for part in &self.parts {
            let mut counts = part.tests.filter(|_| part.is_end_to_end).unwrap_or_default();
            match part.outcome {
                Outcome::Failed(_) => counts.failed = counts.failed.max(1),
                Outcome::Skipped(_) => counts.skipped = counts.skipped.max(1),
                Outcome::Passed => {}
            }
            totals.add(counts);
        }
        totals
    }

    /// Prints the table and, as the last line, the totals.
    pub fn print(&self) {
        let width = self.parts.iter().map(|part| part.name.len()).max().unwrap_or(0);
        println!();
        for part in &self.parts {
            let (word, why) = match &part.outcome {
                Outcome::Passed => ("passed", ""),
                Outcome::Failed(why) => ("FAILED", why.as_str()),
                Outcome::Skipped(why) => ("skipped", why.as_str()),
            };
            let tests = part.tests.map_or(String::new(), |counts| {
                format!("{} passed, {} failed, {} skipped", counts.passed, counts.failed, counts.skipped)
            });
            let about =
                [tests.as_str(), why].iter().filter(|text| !text.is_empty()).copied().collect::<Vec<_>>();
            let row =
                format!("{:width$}  {word:7} {:>5} s  {}", part.name, part.took.as_secs(), about.join("; "));
            println!("{}", row.trim_end());
        }
        let totals = self.totals();
        println!("\n{} passed, {} failed, {} skipped", totals.passed, totals.failed, totals.skipped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str =
        "test result: FAILED. 12 passed; 3 failed; 4 ignored; 0 measured; 7 filtered out; finished in 1.00s";

    #[test]
    fn counts_are_read_from_libtests_line() {
        let mut counts = Counts::default();
        assert!(counts.add_line(LINE));
        assert_eq!(counts, Counts { passed: 12, failed: 3, skipped: 4 });
    }

    #[test]
    fn other_lines_count_nothing() {
        let mut counts = Counts::default();
        assert!(!counts.add_line("test a_line ... ok, 3 passed"));
        assert_eq!(counts, Counts::default());
    }

    #[test]
    fn a_failed_check_shows_in_the_totals() {
        let mut report = Report::default();
        report.add(Part::check("clippy", Outcome::Failed("exit status 1".into()), Duration::ZERO));
        assert_eq!(report.totals(), Counts { passed: 0, failed: 1, skipped: 0 });
        assert!(!report.is_good());
    }
}
