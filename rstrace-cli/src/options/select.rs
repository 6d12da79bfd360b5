//! The expressions after `-e`: which probes, and which system calls.
//!
//! A bare word that is a probe's name is that probe. All else is a set of system calls, and of several sets the last
//! one counts, as in strace.

use super::manner::{self, Manners};
use super::set::{self, Words};
use super::signals;
use super::{Error, refuse};
use regex::Regex;
use rstrace_core::Probe;
use rstrace_core::describe::Limits;
use rstrace_core::event::Abi;
use rstrace_probes::syscall::classes::CLASSES;
use rstrace_probes::syscall::manner::Fds;
use rstrace_probes::syscall::{self, Described, table};
use rstrace_probes::{Entry, REGISTRY, numbers, probe};

/// What the expressions say.
#[derive(Debug, Default)]
pub struct Expressions {
    /// What is traced.
    pub selection: Selection,
    /// Which signals are shown, a bit each from that of signal 1, if that was said.
    pub signals: Option<u64>,
    /// Which messages are left out, if that was said.
    pub quiet: Option<String>,
    /// What is told of descriptors, if that was said.
    pub files: Option<String>,
    /// What is told of ids, if that was said.
    pub pids: Option<String>,
    /// How calls are shown.
    pub manners: Manners,
    /// Descriptors that calls must have for an argument, if that was said.
    pub fds: Option<Fds>,
}

/// What is to be traced.
#[derive(Debug, Default)]
pub struct Selection {
    /// Probes by their own names.
    pub probes: Vec<&'static Entry>,
    /// System calls beside them.
    pub calls: Calls,
}

/// A set of system calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Calls {
    /// None.
    #[default]
    None,
    /// All, those without a description too.
    All,
    /// These.
    Named(Vec<Named>),
}

/// A system call by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// The name.
    pub name: &'static str,
    /// Whose calls.
    pub abis: Abis,
}

/// Which programs' calls: those of 64 bits, those of 32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abis {
    native: bool,
    compat: bool,
}

impl Abis {
    const NONE: Self = Self { native: false, compat: false };
    const BOTH: Self = Self { native: true, compat: true };

    fn has(self, abi: Abi) -> bool {
        match abi {
            Abi::Native => self.native,
            Abi::Compat32 => self.compat,
        }
    }
}

impl Selection {
    /// Whether nothing but probes was asked for, which show arguments whole.
    pub fn is_of_probes(&self) -> bool {
        self.calls == Calls::None && !self.probes.is_empty()
    }

    /// Makes the probes. Where two trace one call, the latter has it.
    pub fn probes(&self, limits: Limits, manners: &Manners) -> Vec<Box<dyn Probe>> {
        let calls = match &self.calls {
            Calls::None => None,
            Calls::All => Some(Described::all(limits)),
            Calls::Named(calls) => {
                let names: Vec<_> = calls.iter().map(|call| call.name).collect();
                let is_of = |name: &str, abi| calls.iter().any(|c| c.name == name && c.abis.has(abi));
                Some(Described::only(&names, limits).of_abis(is_of))
            }
        };
        let calls = calls.map(|calls| -> Box<dyn Probe> { Box::new(manners.of(calls, limits)) });
        calls.into_iter().chain(self.probes.iter().map(|entry| (entry.make)(limits))).collect()
    }
}

/// What the expressions say together; without one that names what to trace, that is every system call.
pub fn select(exprs: &[String]) -> Result<Expressions, Error> {
    let mut said = Expressions::default();
    let mut named = false;
    for expr in exprs {
        let (qualified, list) = match expr.split_once('=') {
            Some(("trace" | "t", list)) => (true, list),
            Some(("signal" | "signals" | "s", list)) => {
                said.signals = Some(signals::set("-e signal=", list)?);
                continue;
            }
            // the last of this and its like counts, which the command line tells
            Some(("status", _)) => continue,
            Some(("quiet" | "silent" | "silence" | "q", list)) => {
                said.quiet = Some(list.to_owned());
                continue;
            }
            Some(("decode-fds" | "decode-fd", list)) => {
                said.files = Some(list.to_string());
                continue;
            }
            Some(("decode-pids" | "decode-pid", list)) => {
                said.pids = Some(list.to_string());
                continue;
            }
            Some((qualifier @ ("trace-fds" | "trace-fd" | "fd" | "fds"), list)) => {
                said.fds = Some(manner::descriptors(qualifier, list)?);
                continue;
            }
            Some((qualifier, list)) if manner::is_qualifier(qualifier) => {
                said.manners.set(qualifier, list)?;
                continue;
            }
            // a pattern may contain anything
            Some((qualifier, _)) if !qualifier.contains('/') => {
                refuse!(
                    "-e {}=: not supported: give trace=, abbrev=, verbose=, raw=, signal=, read=, write=, trace-fds=, status=, quiet=, decode-fds=, decode-pids=, or names of system calls",
                    qualifier.escape_debug()
                )
            }
            _ => (false, expr.as_str()),
        };
        named = true;
        let Words { inverted, mut words } = set::words(list);
        if words.is_empty() {
            return Err(unknown("", qualified));
        }
        if !qualified && !inverted {
            let is_probe = |word: &str| probe(word).filter(|entry| entry.name != syscall::NAME);
            let probes = &mut said.selection.probes;
            for entry in words.iter().filter_map(|word| is_probe(word)) {
                if !probes.iter().any(|known| known.name == entry.name) {
                    probes.push(entry);
                }
            }
            words.retain(|word| is_probe(word).is_none());
        }
        if !words.is_empty() {
            said.selection.calls = calls(&words, inverted, qualified)?;
        }
    }
    if !named {
        said.selection.calls = Calls::All;
    }
    Ok(said)
}

impl Calls {
    /// Whether a call is one of them.
    pub fn has(&self, name: &str, abi: Abi) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Named(calls) => calls.iter().any(|call| call.name == name && call.abis.has(abi)),
        }
    }

    /// The calls that the value of a qualifier names.
    pub fn of_list(list: &str) -> Result<Self, Error> {
        let Words { inverted, words } = set::words(list);
        if words.is_empty() {
            return Err(unknown("", true));
        }
        calls(&words, inverted, true)
    }
}

/// A list of names and classes, or all others.
fn calls(words: &[&str], inverted: bool, qualified: bool) -> Result<Calls, Error> {
    match words {
        ["none"] => return Ok(if inverted { Calls::All } else { Calls::None }),
        [syscall::NAME] => return Ok(if inverted { Calls::None } else { Calls::All }),
        _ if words.contains(&"all") => return Ok(if inverted { Calls::None } else { Calls::All }),
        _ => {}
    }
    let mut all: Vec<_> =
        table::all().map(|syscall| Named { name: syscall.name, abis: Abis::NONE }).collect();
    for word in words {
        let (names, abis) = members(word, qualified)?;
        for call in all.iter_mut().filter(|call| names.contains(&call.name)) {
            call.abis.native |= abis.native;
            call.abis.compat |= abis.compat;
        }
    }
    if inverted {
        for call in &mut all {
            call.abis = Abis { native: !call.abis.native, compat: !call.abis.compat };
        }
    }
    all.retain(|call| call.abis != Abis::NONE);
    Ok(Calls::Named(all))
}

/// The calls that a word names, and whose.
fn members(word: &str, qualified: bool) -> Result<(Vec<&'static str>, Abis), Error> {
    let bare = word.trim_start_matches('?');
    if let Some(pattern) = bare.strip_prefix('/') {
        return match Regex::new(pattern) {
            Ok(regex) => {
                let names: Vec<_> =
                    table::all().map(|call| call.name).filter(|name| regex.is_match(name)).collect();
                if names.is_empty() && bare == word {
                    refuse!("-e {}: no system call's name matches", word.escape_debug());
                }
                Ok((names, Abis::BOTH))
            }
            Err(error) => refuse!(
                "-e {}: {}",
                word.escape_debug(),
                error.to_string().lines().last().unwrap_or_default().trim()
            ),
        };
    }
    let (name, abis) = match bare.rsplit_once('@') {
        None => (bare, Abis::BOTH),
        Some((name, "64")) => (name, Abis { native: true, compat: false }),
        Some((name, "32")) => (name, Abis { native: false, compat: true }),
        // their numbers are in neither table
        Some((name, "x32")) => (name, Abis::NONE),
        Some(_) => refuse!("-e {}: after @ comes 64, 32 or x32", word.escape_debug()),
    };
    if name == "all" {
        return Ok((table::all().map(|syscall| syscall.name).collect(), abis));
    }
    let class = match name.strip_prefix('%') {
        Some(name) => CLASSES.iter().find(|class| class.name == name),
        None => CLASSES.iter().find(|class| class.name == name && class.bare),
    };
    if let Some(class) = class {
        let of_class = table::all().filter(|syscall| syscall.classes & class.bits != 0);
        return Ok((of_class.map(|syscall| syscall.name).collect(), abis));
    }
    let by_number = name.parse().ok().and_then(numbers::native_name);
    match syscall::find(by_number.unwrap_or(name)) {
        Some(syscall) => Ok((vec![syscall.name], abis)),
        None if bare != word => Ok((Vec::new(), abis)),
        None => Err(unknown(name, qualified)),
    }
}

fn unknown(word: &str, qualified: bool) -> Error {
    let known = || table::all().map(|syscall| syscall.name);
    let probes = || REGISTRY.iter().map(|entry| entry.name).filter(|_| !qualified);
    let shown = word.escape_debug();
    Error(if word.is_empty() {
        "-e has an empty list: give -e open, for example".to_string()
    } else if word.starts_with('!') {
        format!("-e {shown}: ! stands before the whole list only")
    } else if let Some(class) = word.strip_prefix('%') {
        match nearest(class, CLASSES.iter().map(|class| class.name)) {
            Some(name) => format!("-e {shown}: did you mean %{name}?"),
            None => {
                let names: Vec<_> = CLASSES.iter().map(|class| format!("%{}", class.name)).collect();
                format!("-e {shown}: there is no such class; the classes are {}", names.join(", "))
            }
        }
    } else if word == "none" {
        "-e none stands alone".to_string()
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
        let selection = select(&exprs).map_err(|error| error.to_string())?.selection;
        let probes: Vec<_> = selection.probes.iter().map(|entry| entry.name).collect();
        Ok(match selection.calls {
            Calls::None => probes.join(" "),
            Calls::All => format!("{} all", probes.join(" ")).trim().to_string(),
            Calls::Named(calls) => {
                let suffix = |abis: Abis| match (abis.native, abis.compat) {
                    (true, true) => "",
                    (true, false) => "@64",
                    _ => "@32",
                };
                let mut calls = calls.clone();
                calls.sort_by_key(|call| call.name);
                let names: Vec<_> = calls.iter().map(|c| format!("{}{}", c.name, suffix(c.abis))).collect();
                format!("{} ({})", probes.join(" "), names.join(" ")).trim().to_string()
            }
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
            (&["trace=read,,close,"], "(close read)"),
            (&["trace=all,read"], "all"),
            (&["!all"], ""),
            (&["open", "trace=none"], "open"),
            (&["signal=TERM"], "all"),
            (&["s=none", "read"], "(read)"),
            (&["/^open(at)?$"], "(open openat)"),
            (&["trace=/^openat$,read"], "(openat read)"),
            (&["?/no such"], "()"),
            (&["??no_such"], "()"),
            (&["?%no_such"], "()"),
            (&["read@64,close@32,openat@64,openat@32"], "(close@32 openat read@64)"),
            (&["read@x32"], "()"),
            (&["%lstat@32,0@64"], "(lstat@32 lstat64@32 oldlstat@32 read@64)"),
        ] {
            assert_eq!(selected(exprs).expect("known names"), names, "{exprs:?}");
        }
    }

    #[test]
    fn classes_and_complements() {
        assert!(selected(&["%file"]).expect("a class").contains(" openat2"));
        assert_eq!(selected(&["file"]), selected(&["trace=%file"]));
        assert_eq!(selected(&["stat"]), Ok("(stat)".to_string()));
        assert_eq!(selected(&["%stat"]), Ok("(oldstat stat stat64)".to_string()));
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
            (
                "colour=red",
                "-e colour=: not supported: give trace=, abbrev=, verbose=, raw=, signal=, read=, write=, trace-fds=, status=, quiet=, decode-fds=, decode-pids=, or names of system calls",
            ),
            (",", "-e has an empty list: give -e open, for example"),
            ("trace=", "-e has an empty list: give -e open, for example"),
            ("%fiel", "-e %fiel: did you mean %file?"),
            ("read@16", "-e read@16: after @ comes 64, 32 or x32"),
            ("raed@64", "-e raed: did you mean read?"),
            ("/no such", "-e /no such: no system call's name matches"),
            ("/(", "-e /(: error: unclosed group"),
            ("read,none", "-e none stands alone"),
            ("signal=TREM", "-e signal=TREM: no signal has this name: give TERM or 15, for example"),
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
