//! The expressions after `-e`: which probes, and which system calls.
//!
//! A bare word that is a probe's name is that probe. All else is a set of system calls, and of several sets the last
//! one counts, as in strace.

use super::{Error, refuse};
use rstrace_core::Probe;
use rstrace_core::describe::Limits;
use rstrace_probes::syscall::classes::CLASSES;
use rstrace_probes::syscall::{self, Described, table};
use rstrace_probes::{Entry, REGISTRY, numbers, probe};

/// What is to be traced.
#[derive(Debug, Default)]
pub struct Selection {
    /// Probes by their own names.
    pub probes: Vec<&'static Entry>,
    /// System calls beside them.
    pub calls: Calls,
}

/// A set of system calls.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Calls {
    /// None.
    #[default]
    None,
    /// All, those without a description too.
    All,
    /// Those with these names.
    Named(Vec<&'static str>),
}

impl Selection {
    /// Whether nothing but probes was asked for by name, which show arguments whole.
    pub fn is_of_probes(&self) -> bool {
        self.calls == Calls::None
    }

    /// Makes the probes. Where two trace one call, the latter has it.
    pub fn probes(&self, limits: Limits) -> Vec<Box<dyn Probe>> {
        let calls: Option<Box<dyn Probe>> = match &self.calls {
            Calls::None => None,
            Calls::All => Some(Box::new(Described::all(limits))),
            Calls::Named(names) => Some(Box::new(Described::only(names, limits))),
        };
        calls.into_iter().chain(self.probes.iter().map(|entry| (entry.make)(limits))).collect()
    }
}

/// What the expressions name together; without any, every system call.
pub fn select(exprs: &[String]) -> Result<Selection, Error> {
    let mut selection = Selection::default();
    if exprs.is_empty() {
        selection.calls = Calls::All;
    }
    for expr in exprs {
        let (qualified, list) = match expr.split_once('=') {
            Some(("trace" | "t", list)) => (true, list),
            Some((qualifier, _)) => {
                refuse!("-e {}=: only trace= is supported", qualifier.escape_debug())
            }
            None => (false, expr.as_str()),
        };
        let words: Vec<_> = list.split(',').map(str::trim).collect();
        let is_probe =
            |word: &&str| !qualified && probe(word).is_some_and(|entry| entry.name != syscall::NAME);
        for entry in words.iter().filter(|word| is_probe(word)).filter_map(|word| probe(word)) {
            if !selection.probes.iter().any(|known| known.name == entry.name) {
                selection.probes.push(entry);
            }
        }
        let calls: Vec<_> = words.into_iter().filter(|word| !is_probe(word)).collect();
        if !calls.is_empty() {
            selection.calls = set(&calls, qualified)?;
        }
    }
    Ok(selection)
}

/// A list of names and classes, or with `!` before it all others.
fn set(words: &[&str], qualified: bool) -> Result<Calls, Error> {
    let mut words = words.to_vec();
    let inverted = words[0].starts_with('!');
    if inverted {
        words[0] = &words[0][1..];
    }
    match words[..] {
        ["all"] | [syscall::NAME] if !inverted => return Ok(Calls::All),
        ["none"] if inverted => return Ok(Calls::All),
        ["all" | "none"] => return Ok(Calls::None),
        _ => {}
    }
    let mut names = Vec::new();
    for word in words {
        names.extend(members(word, qualified)?);
    }
    let chosen = |name: &&'static str| names.contains(name) != inverted;
    let all = table::all().map(|syscall| syscall.name);
    Ok(Calls::Named(all.filter(chosen).collect()))
}

/// The calls that a word names.
fn members(word: &str, qualified: bool) -> Result<Vec<&'static str>, Error> {
    let class = match word.strip_prefix('%') {
        Some(name) => CLASSES.iter().find(|class| class.name == name),
        None => CLASSES.iter().find(|class| class.name == word && class.bare),
    };
    if let Some(class) = class {
        let of_class = table::all().filter(|syscall| syscall.classes & class.bits != 0);
        return Ok(of_class.map(|syscall| syscall.name).collect());
    }
    let name = word.strip_prefix('?').unwrap_or(word);
    let by_number = name.parse().ok().and_then(numbers::native_name);
    match syscall::find(by_number.unwrap_or(name)) {
        Some(syscall) => Ok(vec![syscall.name]),
        None if word.starts_with('?') => Ok(Vec::new()),
        None => Err(unknown(word, qualified)),
    }
}

fn unknown(word: &str, qualified: bool) -> Error {
    let known = || table::all().map(|syscall| syscall.name);
    let probes = || REGISTRY.iter().map(|entry| entry.name).filter(|_| !qualified);
    let shown = word.escape_debug();
    Error(if word.is_empty() {
        "-e has an empty name in its list: give -e open, for example".to_string()
    } else if word.starts_with('!') {
        format!("-e {shown}: ! stands before the whole list only")
    } else if word.starts_with('/') {
        format!(
            "-e {shown}: regular expressions are not supported: name the system calls, or a class (%file)"
        )
    } else if word.starts_with('%') {
        let names: Vec<_> = CLASSES.iter().map(|class| format!("%{}", class.name)).collect();
        format!("-e {shown}: there is no such class; the classes are {}", names.join(", "))
    } else if probe(word).is_some() {
        format!("-e trace={shown}: {shown} is a probe, not a system call: give -e {shown}")
    } else {
        match nearest(word, probes().chain(known())) {
            Some(name) => format!("-e {shown}: did you mean {name}?"),
            None => {
                let probes: Vec<_> = REGISTRY.iter().map(|entry| entry.name).collect();
                format!(
                    "-e {shown}: no probe and no system call has this name; the probes are {}",
                    probes.join(", ")
                )
            }
        }
    })
}

/// The name that differs least from the word, if it differs little.
fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // One slip, or two in a longer word.
    let most = if word.len() < 6 { 1 } else { 2 };
    let distances = names.map(|name| (distance(word, name), name)).filter(|(distance, _)| *distance <= most);
    distances.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// How many letters were left out, added, replaced or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(exprs: &[&str]) -> Result<String, String> {
        let exprs: Vec<_> = exprs.iter().map(|expr| expr.to_string()).collect();
        let selection = select(&exprs).map_err(|error| error.to_string())?;
        let probes: Vec<_> = selection.probes.iter().map(|entry| entry.name).collect();
        Ok(match selection.calls {
            Calls::None => probes.join(" "),
            Calls::All => format!("{} all", probes.join(" ")).trim().to_string(),
            Calls::Named(names) => format!("{} ({})", probes.join(" "), names.join(" ")).trim().to_string(),
        })
    }

    #[test]
    fn words_are_probes_or_system_calls() {
        for (exprs, names) in [
            (&[][..], "all"),
            (&["open"], "open"),
            (&["open,exec"], "open exec"),
            (&["exec", "open", "open"], "exec open"),
            (&["openat"], "(openat)"),
            (&["trace=open,openat"], "(open openat)"),
            (&["t=openat,execve,openat"], "(execve openat)"),
            (&["open,read"], "open (read)"),
            (&["open", "trace=openat"], "open (openat)"),
            (&["trace=creat", "openat2"], "(openat2)"),
            (&["trace=all"], "all"),
            (&["trace=!none"], "all"),
            (&["none"], ""),
            (&["?nonsense,read"], "(read)"),
            (&["0"], "(read)"),
        ] {
            assert_eq!(selected(exprs).expect("known names"), names, "{exprs:?}");
        }
    }

    #[test]
    fn classes_and_complements() {
        assert!(selected(&["%file"]).expect("a class").contains(" openat2"));
        assert_eq!(selected(&["file"]), selected(&["trace=%file"]));
        assert_eq!(selected(&["stat"]), Ok("(stat)".to_string()));
        assert_eq!(selected(&["%stat"]), Ok("(stat stat64)".to_string()));
        let others = selected(&["!%file,close"]).expect("a complement");
        let has = |name| others.split([' ', '(', ')']).any(|other| other == name);
        assert!(has("read") && has("close_range") && !has("openat") && !has("close"));
    }

    #[test]
    fn what_is_unknown_is_said_in_one_line() {
        for (expr, text) in [
            ("opne", "-e opne: did you mean open?"),
            ("exce", "-e exce: did you mean exec?"),
            ("trace=opnat", "-e opnat: did you mean openat?"),
            ("trace=exec", "-e trace=exec: exec is a probe, not a system call: give -e exec"),
            ("signal=none", "-e signal=: only trace= is supported"),
            ("open,", "-e has an empty name in its list: give -e open, for example"),
            ("read,!open", "-e !open: ! stands before the whole list only"),
            (
                "a\nb",
                "-e a\\nb: no probe and no system call has this name; the probes are syscall, open, exec",
            ),
        ] {
            assert_eq!(selected(&[expr]).expect_err("an error"), text);
        }
    }

    #[test]
    fn distances() {
        for (a, b, slips) in
            [("", "", 0), ("open", "opne", 1), ("open", "ope", 1), ("abc", "xyz", 3), ("", "ab", 2)]
        {
            assert_eq!((distance(a, b), distance(b, a)), (slips, slips), "{a} {b}");
        }
    }
}
