//! The expressions after `-e`: which probes, and which of their system calls.
//!
//! A bare word is a probe or a system call; after `trace=` it is a system call.

use super::{Error, refuse};
use rstrace_core::Probe;
use rstrace_probes::{Entry, REGISTRY, numbers, probe, probe_of_syscall};

/// A probe that was asked for.
#[derive(Debug)]
pub struct Selection {
    /// Which.
    pub entry: &'static Entry,
    /// Its system calls that were asked for; `None` for all.
    pub only: Option<Vec<&'static str>>,
}

impl Selection {
    /// Whether it is the probe by its own name, with all that it traces.
    pub fn is_whole(&self) -> bool {
        self.only.is_none()
    }

    /// Makes the probe.
    pub fn probe(&self) -> Box<dyn Probe> {
        match &self.only {
            None => (self.entry.all)(),
            Some(names) => (self.entry.only)(names),
        }
    }
}

/// The probes that the expressions name together.
pub fn select(exprs: &[String]) -> Result<Vec<Selection>, Error> {
    let mut selections = Vec::new();
    for expr in exprs {
        let (qualified, list) = match expr.split_once('=') {
            Some(("trace" | "t", list)) => (true, list),
            Some((qualifier, _)) => {
                refuse!("-e {}=: only trace= is supported", qualifier.escape_debug())
            }
            None => (false, expr.as_str()),
        };
        for word in list.split(',').map(str::trim) {
            add(&mut selections, word, qualified)?;
        }
    }
    Ok(selections)
}

fn add(selections: &mut Vec<Selection>, word: &str, qualified: bool) -> Result<(), Error> {
    if let Some(entry) = probe(word).filter(|_| !qualified) {
        selection(selections, entry).only = None;
        return Ok(());
    }
    let Some(entry) = probe_of_syscall(word) else { return Err(unknown(word, qualified)) };
    if let Some(names) = &mut selection(selections, entry).only
        && let Some(name) = entry.syscalls.iter().find(|name| **name == word && !names.contains(name))
    {
        names.push(name);
    }
    Ok(())
}

/// The probe's selection, made empty if it is new.
fn selection<'a>(selections: &'a mut Vec<Selection>, entry: &'static Entry) -> &'a mut Selection {
    let place = selections.iter().position(|selection| selection.entry.name == entry.name);
    let place = place.unwrap_or_else(|| {
        selections.push(Selection { entry, only: Some(Vec::new()) });
        selections.len() - 1
    });
    &mut selections[place]
}

fn unknown(word: &str, qualified: bool) -> Error {
    let known = || REGISTRY.iter().flat_map(|entry| entry.syscalls).copied();
    let probes = || REGISTRY.iter().map(|entry| entry.name).filter(|_| !qualified);
    let shown = word.escape_debug();
    Error(if word.is_empty() {
        "-e has an empty name in its list: give -e open, for example".to_string()
    } else if word.starts_with(['!', '%', '/', '?']) {
        format!("-e {shown}: only names are supported: name the probes or system calls to trace")
    } else if probe(word).is_some() {
        format!("-e trace={shown}: {shown} is a probe, not a system call: give -e {shown}")
    } else if numbers::exists(word) {
        let known: Vec<_> = known().collect();
        format!("-e {shown}: no probe decodes this system call yet: there are {}", known.join(", "))
    } else {
        match nearest(word, probes().chain(known())).or_else(|| nearest(word, numbers::names())) {
            Some(name) => format!("-e {shown}: did you mean {name}?"),
            None => {
                format!(
                    "-e {shown}: no probe and no system call has this name; the probes are {}",
                    known_probes()
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

fn known_probes() -> String {
    let names: Vec<_> = rstrace_probes::REGISTRY.iter().map(|entry| entry.name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(exprs: &[&str]) -> Result<Vec<String>, String> {
        let exprs: Vec<_> = exprs.iter().map(|expr| expr.to_string()).collect();
        let show = |selection: &Selection| {
            let only = selection.only.as_ref().map(|names| format!("({})", names.join(" ")));
            format!("{}{}", selection.entry.name, only.unwrap_or_default())
        };
        let selections = select(&exprs).map_err(|error| error.to_string())?;
        Ok(selections.iter().map(show).collect())
    }

    #[test]
    fn words_are_probes_or_system_calls() {
        for (exprs, names) in [
            (&["open"][..], &["open"][..]),
            (&["open,exec"], &["open", "exec"]),
            (&["exec", "open"], &["exec", "open"]),
            (&["open,open"], &["open"]),
            (&["openat"], &["open(openat)"]),
            (&["trace=open,openat"], &["open(open openat)"]),
            (&["t=openat,execve,openat"], &["open(openat)", "exec(execve)"]),
            (&["openat,open"], &["open"]),
            (&["open", "trace=openat"], &["open"]),
            (&["trace=creat", "openat2"], &["open(creat openat2)"]),
        ] {
            assert_eq!(selected(exprs).expect("known names"), names, "{exprs:?}");
        }
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
            ("!open", "-e !open: only names are supported: name the probes or system calls to trace"),
            (
                "close",
                "-e close: no probe decodes this system call yet: there are open, openat, openat2, creat, \
                 execve, execveat",
            ),
            ("a\nb", "-e a\\nb: no probe and no system call has this name; the probes are open, exec"),
        ] {
            assert_eq!(selected(&[expr]).expect_err("an error"), text);
        }
    }

    #[test]
    fn a_selection_makes_its_probe() {
        let selections = select(&["openat".to_string()]).expect("known");
        assert_eq!(selections[0].probe().pairs().len(), 1);
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
