//! Which calls of the target are asked for, by how they end.

use super::{Error, refuse, set};
use crate::cli::filters::Filters;
use crate::output::errno;
use rstrace_core::{Descriptors, Filter, MAX_NAME, MAX_PATH, Name, Statuses};
use rstrace_probes::syscall::manner::Fds;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

/// The highest error code.
const MAX_ERRNO: u16 = 4095;

/// What the options say together: all of it must hold.
pub fn filter(filters: &Filters, fds: Option<Fds>) -> Result<Filter, Error> {
    Ok(Filter {
        statuses: match &filters.last_status {
            Some((option, list)) => statuses(option, list)?,
            None => Statuses::ALL,
        },
        errnos: filters.errno.as_deref().map(errnos).transpose()?,
        slower_than: filters.duration.as_deref().map(slower_than).transpose()?,
        name: filters.comm.as_deref().map(name).transpose()?,
        cgroup: filters.cgroup.clone(),
        paths: paths(&filters.paths)?,
        descriptors: fds.map(|fds| Descriptors {
            inverted: fds.inverted,
            numbers: fds.numbers.iter().map(|fd| *fd as u32).collect(),
        }),
        ..Filter::default()
    })
}

/// The paths, each as it was given and as it is without links and dots, if that is another one.
fn paths(given: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut paths = Vec::new();
    for path in given.iter().cloned().chain(resolved(given).into_iter().map(|(_, path)| path)) {
        let shown = || path.to_string_lossy().escape_debug().to_string();
        if path.as_os_str().is_empty() {
            refuse!("-P is empty: give a path");
        }
        if path.as_os_str().len() >= MAX_PATH {
            refuse!("-P {}: paths of at most {} bytes can be told apart", shown(), MAX_PATH - 1);
        }
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    Ok(paths)
}

/// Those of the paths that are other ones without links and dots, and these.
pub fn resolved(given: &[PathBuf]) -> Vec<(PathBuf, PathBuf)> {
    let known = given.iter().filter_map(|path| Some((path.clone(), path.canonicalize().ok()?)));
    known.filter(|(path, resolved)| path.as_os_str() != resolved.as_os_str()).collect()
}

/// A set of ways to end.
fn statuses(option: &str, list: &str) -> Result<Statuses, Error> {
    let all = Statuses::ALL.bits().into();
    let bits = set::bits(list, all, |word| {
        Ok(match word.to_ascii_lowercase().as_str() {
            "successful" => Statuses::SUCCESSFUL.bits().into(),
            "failed" => Statuses::FAILED.bits().into(),
            "unfinished" => Statuses::UNFINISHED.bits().into(),
            // the kernel tells the status of every call that it tells of
            "unavailable" => 0,
            "detached" => Statuses::DETACHED.bits().into(),
            _ => refuse!(
                "{option}{}: give successful, failed, unfinished, unavailable, detached, all or none",
                word.escape_debug()
            ),
        })
    })?;
    Ok(Statuses::of_bits(bits as u32))
}

/// A set of error codes.
fn errnos(list: &str) -> Result<Vec<u16>, Error> {
    let set::Words { inverted, words } = set::words(list);
    let codes = words.iter().map(|word| code(word)).collect::<Result<Vec<_>, _>>()?;
    if codes.is_empty() {
        refuse!("--errno is empty: give ENOENT,EACCES, for example");
    }
    Ok(if inverted { (1..=MAX_ERRNO).filter(|code| !codes.contains(code)).collect() } else { codes })
}

/// The code that lines show by this name, or by this number.
fn code(word: &str) -> Result<u16, Error> {
    let upper = word.to_ascii_uppercase();
    let name = match upper.as_str() {
        "EWOULDBLOCK" => "EAGAIN",
        "EDEADLOCK" => "EDEADLK",
        "ENOTSUP" => "EOPNOTSUPP",
        name => name,
    };
    let mut shown = Vec::new();
    let found = (1..=MAX_ERRNO).find(|code| {
        shown.clear();
        errno::name(&mut shown, i32::from(*code));
        shown == name.as_bytes()
    });
    match found {
        Some(code) => Ok(code),
        None => refuse!("--errno {}: no error has this name: give ENOENT, for example", word.escape_debug()),
    }
}

fn slower_than(text: &str) -> Result<Duration, Error> {
    match set::time(text, None) {
        Some(time) => Ok(time),
        None => refuse!("--duration {}: give a time such as 10ms, 500us or 1s", text.escape_debug()),
    }
}

/// A name, or a part of it: a star stands for the rest, at the beginning and at the end.
fn name(pattern: &OsStr) -> Result<Name, Error> {
    let bytes = pattern.as_bytes();
    let part = bytes.strip_prefix(b"*").unwrap_or(bytes);
    let begins = part.len() == bytes.len();
    let inner = part.strip_suffix(b"*").unwrap_or(part);
    let shown = || pattern.to_string_lossy().escape_debug().to_string();
    if inner.is_empty() || inner.contains(&b'*') {
        refuse!("--comm {}: give a name, with * at its beginning, its end or both for the rest", shown());
    }
    if inner.len() > MAX_NAME {
        refuse!("--comm {}: the kernel keeps the first {MAX_NAME} bytes of a name: give no more", shown());
    }
    Ok(Name { part: inner.to_vec(), begins, ends: inner.len() == part.len() })
}

/// How long to trace.
pub fn seconds(text: &str) -> Result<Duration, Error> {
    match set::time(text, Some(1.0)).filter(|time| !time.is_zero()) {
        Some(time) => Ok(time),
        None => refuse!("--for {}: give a number of seconds above 0", text.escape_debug()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_statuses() {
        let (good, bad) = (Statuses::SUCCESSFUL.bits(), Statuses::FAILED.bits());
        for (list, bits) in [
            ("successful", good),
            ("Failed,successful", good | bad),
            ("!failed", Statuses::ALL.bits() & !bad),
            ("all", Statuses::ALL.bits()),
            ("!all", 0),
            ("none", 0),
            ("unavailable", 0),
            ("unavailable,failed", bad),
        ] {
            assert_eq!(statuses("", list).map(Statuses::bits), Ok(bits), "{list}");
        }
        for list in ["", "all,failed", "foo", "%failed"] {
            let error = statuses("-e status=", list).expect_err("refused").to_string();
            assert!(
                error.starts_with("-e status=") && error.contains(": give successful, failed, "),
                "{error}"
            );
        }
    }

    #[test]
    fn sets_of_errors() {
        assert_eq!(errnos("ENOENT,eacces,EWOULDBLOCK"), Ok(vec![2, 13, 11]));
        assert_eq!(errnos("ERESTARTSYS,4000"), Ok(vec![512, 4000]));
        let others = errnos("!ENOENT").expect("a set");
        assert!(others.len() == 4094 && !others.contains(&2));
        for (list, error) in [
            ("", "--errno is empty: give ENOENT,EACCES, for example"),
            ("ENOENT,ENOSUCH", "--errno ENOSUCH: no error has this name: give ENOENT, for example"),
            ("0", "--errno 0: no error has this name: give ENOENT, for example"),
        ] {
            assert_eq!(errnos(list), Err(Error(error.to_string())));
        }
    }

    #[test]
    fn paths_are_also_resolved() {
        let list = |words: &[&str]| paths(&words.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(list(&["/no/such", "/", "/"]), Ok(vec!["/no/such".into(), "/".into()]));
        assert_eq!(list(&["/proc/../tmp"]), Ok(vec!["/proc/../tmp".into(), "/tmp".into()]));
        assert!(list(&[""]).is_err() && list(&[&format!("/{}", "x".repeat(255))]).is_err());
        assert!(list(&[&format!("/{}", "x".repeat(254))]).is_ok());
    }

    #[test]
    fn names_and_parts_of_names() {
        for (pattern, part, begins, ends) in [
            ("cat", "cat", true, true),
            ("cat*", "cat", true, false),
            ("*cat", "cat", false, true),
            ("*c t?*", "c t?", false, false),
        ] {
            let expected = Name { part: part.as_bytes().to_vec(), begins, ends };
            assert_eq!(name(OsStr::new(pattern)), Ok(expected), "{pattern}");
        }
        for pattern in ["", "*", "**", "a*b", "1234567890123456"] {
            let error = name(OsStr::new(pattern)).expect_err("refused").to_string();
            assert!(error.starts_with(&format!("--comm {pattern}: ")), "{error}");
        }
        assert!(name(OsStr::new("*123456789012345*")).is_ok());
    }

    #[test]
    fn the_time_to_trace() {
        assert_eq!(seconds("1.5"), Ok(Duration::from_millis(1500)));
        assert_eq!(seconds("20ms"), Ok(Duration::from_millis(20)));
        for text in ["", "0", "-1", "x", "inf"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_have_a_unit() {
        for (text, nanos) in [("10ms", 10_000_000), ("0.5us", 500), ("1s", 1_000_000_000), ("7ns", 7)] {
            assert_eq!(slower_than(text), Ok(Duration::from_nanos(nanos)));
        }
        for text in ["", "10", "ms", "-1ms", "1h", "infs"] {
            assert!(slower_than(text).is_err(), "{text}");
        }
    }
}
