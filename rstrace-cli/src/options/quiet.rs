//! Which messages are left out, from the words of the command line.

use super::{Error, refuse, set};
use crate::output::text::Quiet;

/// The words, a bit each.
const WORDS: &[(&str, u64)] = &[
    ("attach", ATTACH),
    ("exit", EXIT),
    ("path-resolution", PATH_RESOLUTION),
    ("path-resolve", PATH_RESOLUTION),
    ("personality", PERSONALITY),
    ("thread-execve", THREAD_EXECVE),
    ("superseded", THREAD_EXECVE),
];
const ATTACH: u64 = 1;
const EXIT: u64 = 2;
const PERSONALITY: u64 = 4;
const THREAD_EXECVE: u64 = 8;
const PATH_RESOLUTION: u64 = 16;

/// What is left out, by the number of `-q`, or by a set of words.
pub fn quiet(count: u8, words: Option<&str>) -> Result<Quiet, Error> {
    let Some(words) = words else { return Ok(Quiet::by_count(count)) };
    if count > 0 {
        refuse!("-q and --quiet= do the same: give one of them");
    }
    let bits = set::bits(words, u64::MAX, |word| match WORDS.iter().find(|(known, _)| *known == word) {
        Some((_, bit)) => Ok(*bit),
        None => refuse!(
            "--quiet={}: give attach, exit, path-resolution, personality, thread-execve, all or none",
            word.escape_debug()
        ),
    })?;
    let has = |bit| bits & bit != 0;
    Ok(Quiet {
        attach: has(ATTACH),
        exit: has(EXIT),
        personality: has(PERSONALITY),
        thread_execve: has(THREAD_EXECVE),
        path_resolution: has(PATH_RESOLUTION),
    })
}
