//! strace's and rstrace's trace of one and the same run, compared line by line for each process.
//!
//! Nothing is normalised but what `rules` names: differences between strace 6.1 and the notation that rstrace
//! follows. Lines are aligned, so that one that is missing is one difference.

mod align;
mod call;
mod known;
mod report;
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::{Line, Trace};
pub use call::Call;
use call::subject;
pub use known::known_differences;
pub use report::Table;
pub use rules::{RULES, Rule};

/// What two traces have in common.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Lines that both have, or that one has.
    pub lines: usize,
    /// The others.
    pub differences: Vec<Difference>,
    /// By call (and `+++`, `---`): how many lines there are.
    pub calls: BTreeMap<String, usize>,
    /// By rule: how many lines are the same only because of it.
    pub rules: BTreeMap<&'static str, usize>,
}

/// A line that is not the same.
#[derive(Debug)]
pub struct Difference {
    /// The process or thread.
    pub pid: u32,
    /// What the line is about.
    pub subject: String,
    /// The line of strace, if it has one.
    pub strace: Option<String>,
    /// The line of rstrace, if it has one.
    pub rstrace: Option<String>,
}

impl Comparison {
    /// Compares two traces of one run.
    pub fn new(strace: &Trace, rstrace: &Trace) -> Self {
        let (strace, rstrace) = (strace.by_pid(), rstrace.by_pid());
        let pids: BTreeSet<u32> = strace.keys().chain(rstrace.keys()).copied().collect();
        let mut comparison = Self::default();
        for pid in pids {
            let of = |all: &BTreeMap<u32, Vec<Line>>| -> Vec<Line> {
                // strace hides it with `-o` and a command, rstrace with `-p` must not
                let lines = all.get(&pid).into_iter().flatten();
                lines.filter(|line| !line.text.starts_with("[ Process ")).cloned().collect()
            };
            comparison.process(pid, &of(&strace), &of(&rstrace));
        }
        comparison
    }

    /// How many lines are the same.
    pub fn same(&self) -> usize {
        self.lines - self.differences.len()
    }

    /// How many of 100 lines are the same.
    pub fn percent(&self) -> f64 {
        if self.lines == 0 { 0.0 } else { 100.0 * self.same() as f64 / self.lines as f64 }
    }

    /// The calls of which a line differs.
    pub fn differing(&self) -> BTreeSet<&str> {
        self.differences.iter().map(|difference| difference.subject.as_str()).collect()
    }

    fn process(&mut self, pid: u32, strace: &[Line], rstrace: &[Line]) {
        for (theirs, ours) in pairs(strace, rstrace) {
            let (theirs, ours) = (theirs.map(|i| &strace[i]), ours.map(|i| &rstrace[i]));
            let Some(any) = ours.or(theirs) else { continue };
            let subject = subject(&any.text);
            self.lines += 1;
            *self.calls.entry(subject.to_owned()).or_default() += 1;
            if let (Some(theirs), Some(ours)) = (theirs, ours)
                && let Some(needed) = same(theirs, ours)
            {
                needed.into_iter().for_each(|rule| *self.rules.entry(rule).or_default() += 1);
                continue;
            }
            let text = |line: Option<&Line>| line.map(|line| line.text.clone());
            self.differences.push(Difference {
                pid,
                subject: subject.to_owned(),
                strace: text(theirs),
                rstrace: text(ours),
            });
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |line: &Option<String>| line.as_deref().map_or("(nothing)".to_owned(), cut);
        write!(f, "{}\n  strace  {}\n  rstrace {}", self.pid, shown(&self.strace), shown(&self.rstrace))
    }
}

/// Which rules make two lines the same; `None` if they differ.
fn same(strace: &Line, rstrace: &Line) -> Option<Vec<&'static str>> {
    if strace.text == rstrace.text {
        return Some(Vec::new());
    }
    let (theirs, ours) = (squeezed(&strace.text), squeezed(&rstrace.text));
    if theirs == ours {
        // where the result stands depends on what else stood on the line
        return (strace.joined || rstrace.joined).then(Vec::new);
    }
    rules::reconcile(&theirs, &ours)
}

/// Which lines belong together: by their text, and between those that do by what they are about.
fn pairs(strace: &[Line], rstrace: &[Line]) -> Vec<(Option<usize>, Option<usize>)> {
    let texts = |lines: &[Line]| lines.iter().map(|line| squeezed(&line.text)).collect::<Vec<_>>();
    let subjects =
        |lines: &[Line]| lines.iter().map(|line| subject(&line.text).to_owned()).collect::<Vec<_>>();
    let same_text = align::common(&texts(strace), &texts(rstrace)).unwrap_or_default();
    let mut pairs = Vec::new();
    gaps(&same_text, (strace.len(), rstrace.len()), &mut pairs, |pairs, theirs, ours| {
        let begin = (theirs.start, ours.start);
        let (theirs, ours) = (&strace[theirs], &rstrace[ours]);
        let same_call = align::common(&subjects(theirs), &subjects(ours)).unwrap_or_default();
        let mut within = Vec::new();
        gaps(&same_call, (theirs.len(), ours.len()), &mut within, |within, theirs, ours| {
            // nothing in common: in their order
            let most = theirs.len().max(ours.len());
            let (mut theirs, mut ours) = (theirs, ours);
            within.extend((0..most).map(|_| (theirs.next(), ours.next())));
        });
        pairs.extend(within.into_iter().map(|(i, j)| (i.map(|i| i + begin.0), j.map(|j| j + begin.1))));
    });
    pairs
}

/// Copies what is common, and calls `gap` for what is between.
fn gaps(
    common: &[(usize, usize)],
    len: (usize, usize),
    pairs: &mut Vec<(Option<usize>, Option<usize>)>,
    gap: impl Fn(&mut Vec<(Option<usize>, Option<usize>)>, std::ops::Range<usize>, std::ops::Range<usize>),
) {
    let mut next = (0, 0);
    for &(i, j) in common {
        if (i, j) != next {
            gap(pairs, next.0..i, next.1..j);
        }
        pairs.push((Some(i), Some(j)));
        next = (i + 1, j + 1);
    }
    if next != len {
        gap(pairs, next.0..len.0, next.1..len.1);
    }
}

/// Without the padding before the result.
fn squeezed(text: &str) -> String {
    match call::Call::parse(text) {
        Some(call) => format!("{}({}) = {}", call.name, call.args, call.result),
        None => text.to_owned(),
    }
}

fn cut(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= 600 {
        return text.to_owned();
    }
    format!("{} … {}", String::from_iter(&chars[..400]), String::from_iter(&chars[chars.len() - 150..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(strace: &str, rstrace: &str) -> Comparison {
        Comparison::new(&Trace::parse(strace), &Trace::parse(rstrace))
    }

    const OPEN: &str = "7     open(\"x\", O_RDONLY)              = 3\n";
    const CLOSE: &str = "7     close(3)                          = 0\n";

    #[test]
    fn interruption_makes_no_difference() {
        let strace = "7     open(\"x\", O_RDONLY <unfinished ...>\n8     +++ exited with 0 +++\n\
                      7     <... open resumed>)               = 3\n";
        let comparison = compared(strace, &format!("8     +++ exited with 0 +++\n{OPEN}"));
        assert_eq!((comparison.lines, comparison.same()), (2, 2));
    }

    #[test]
    fn padding_makes_a_difference() {
        assert_eq!(compared(OPEN, "7     open(\"x\", O_RDONLY) = 3\n").same(), 0);
    }

    #[test]
    fn a_missing_line_is_one_difference() {
        let all = [OPEN, CLOSE, OPEN, CLOSE].concat();
        let some = [OPEN, CLOSE, CLOSE].concat();
        for (strace, rstrace) in [(&all, &some), (&some, &all)] {
            let comparison = compared(strace, rstrace);
            assert_eq!((comparison.lines, comparison.same()), (4, 3));
            assert_eq!(comparison.differing().into_iter().collect::<Vec<_>>(), ["open"]);
        }
        assert_eq!(compared(OPEN, &format!("{OPEN}8     +++ exited with 0 +++\n")).same(), 1);
    }

    #[test]
    fn lines_that_differ_are_held_against_each_other_by_their_call() {
        let strace = [OPEN, "7     read(3, \"a\", 1)                  = 1\n", CLOSE].concat();
        let rstrace = [OPEN, "7     read(3, \"b\", 1)                  = 1\n", CLOSE].concat();
        let comparison = compared(&strace, &rstrace);
        assert_eq!((comparison.lines, comparison.same()), (3, 2));
        let [one] = &comparison.differences[..] else { panic!("{comparison:?}") };
        assert!(one.strace.as_ref().is_some_and(|line| line.contains("\"a\"")));
        assert!(one.rstrace.as_ref().is_some_and(|line| line.contains("\"b\"")));
    }
}
