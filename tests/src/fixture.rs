//! The fixtures: where they are, and what they said.

use std::path::PathBuf;

/// The path of a compiled fixture.
#[track_caller]
pub fn fixture(name: &str) -> String {
    let folder = std::env::var_os("RSTRACE_FIXTURES")
        .map_or_else(|| PathBuf::from(env!("RSTRACE_FIXTURES_BUILT")), PathBuf::from);
    let path = folder.join(name);
    assert!(path.is_file(), "no fixture {}: build with cargo, or set RSTRACE_FIXTURES", path.display());
    path.into_os_string().into_string().expect("the path of a fixture is UTF-8")
}

/// What stands after `key` on the line that begins with it.
#[track_caller]
pub fn said<'a>(stdout: &'a str, key: &str) -> &'a str {
    stdout
        .lines()
        .find_map(|l| l.strip_prefix(key)?.strip_prefix(' '))
        .unwrap_or_else(|| panic!("the fixture said nothing of {key:?}, only:\n{stdout}"))
}

/// The number that stands after `key`.
#[track_caller]
pub fn said_number(stdout: &str, key: &str) -> u64 {
    let text = said(stdout, key);
    text.parse().unwrap_or_else(|_| panic!("{key} is {text:?}, not a number"))
}
