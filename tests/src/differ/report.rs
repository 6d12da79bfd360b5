//! Comparisons as a table: lines, how many are the same, which differ and why that may be.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Comparison, RULES};

/// Differences that are shown of one call of one program: the others are like them, as a rule.
const SHOWN: usize = 3;

/// Comparisons of several programs.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<(String, Comparison)>,
}

impl Table {
    /// Adds a program.
    pub fn add(&mut self, name: &str, comparison: Comparison) {
        self.rows.push((name.to_owned(), comparison));
    }

    /// The programs of which less than so many of 100 lines are the same, or that made no lines.
    pub fn below(&self, percent: f64) -> Vec<&str> {
        let rows = self.rows.iter().filter(|(_, comparison)| comparison.percent() < percent);
        rows.map(|(name, _)| name.as_str()).collect()
    }

    /// A line for each program.
    pub fn programs(&self) -> String {
        let mut text = format!("{:<24} {:>8} {:>8} {:>8}\n", "program", "lines", "same", "%");
        for (name, comparison) in &self.rows {
            let (lines, same) = (comparison.lines, comparison.same());
            let _ = writeln!(text, "{name:<24} {lines:>8} {same:>8} {:>8.2}", comparison.percent());
        }
        text
    }

    /// A line for each call of which a line differs.
    pub fn calls(&self) -> String {
        let mut calls: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for (_, comparison) in &self.rows {
            for (call, lines) in &comparison.calls {
                calls.entry(call).or_default().0 += lines;
            }
            for difference in &comparison.differences {
                calls.entry(&difference.subject).or_default().1 += 1;
            }
        }
        let mut text = format!("{:<24} {:>8} {:>8} {:>8}\n", "call", "lines", "differ", "% same");
        for (call, (lines, differ)) in calls.iter().filter(|(_, (_, differ))| *differ > 0) {
            let percent = 100.0 * (lines - differ) as f64 / *lines as f64;
            let _ = writeln!(text, "{call:<24} {lines:>8} {differ:>8} {percent:>8.2}");
        }
        text
    }

    /// The lines that differ, some of each call of each program.
    pub fn differences(&self) -> String {
        let mut text = String::new();
        for (name, comparison) in &self.rows {
            let mut shown: BTreeMap<&str, usize> = BTreeMap::new();
            for difference in &comparison.differences {
                let count = shown.entry(&difference.subject).or_default();
                *count += 1;
                if *count <= SHOWN {
                    let _ = writeln!(text, "{name}: {difference}");
                }
            }
            for (call, count) in shown.into_iter().filter(|(_, count)| *count > SHOWN) {
                let _ = writeln!(text, "{name}: {} more of {call}", count - SHOWN);
            }
        }
        text
    }

    /// How often each rule was needed.
    pub fn rules(&self) -> String {
        let mut text = String::new();
        for rule in RULES {
            let needed: usize = self.rows.iter().filter_map(|(_, c)| c.rules.get(rule.name)).sum();
            let _ = writeln!(text, "{needed:>8} {}", rule.name);
        }
        text
    }

    /// The rules that no line needed.
    pub fn unused_rules(&self) -> Vec<&'static str> {
        let used = |rule: &str| self.rows.iter().any(|(_, comparison)| comparison.rules.contains_key(rule));
        RULES.iter().map(|rule| rule.name).filter(|rule| !used(rule)).collect()
    }
}
