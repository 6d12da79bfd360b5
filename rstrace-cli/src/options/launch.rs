//! How a command is started, from the words of the command line.

use super::{Error, Target, refuse, run_as};
use crate::cli::launch::Launch;
use rstrace_core::Apart;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// A command, or nothing if there is none.
pub fn command(argv: Vec<OsString>, user: Option<String>, launch: Launch) -> Result<Option<Target>, Error> {
    if argv.is_empty() {
        let apart = launch.daemon > 0 || launch.daemonize.is_some();
        let given = [
            (!launch.env.is_empty(), "-E"),
            (launch.argv0.is_some(), "--argv0"),
            (apart, "-D"),
            (launch.kill_on_exit, "--kill-on-exit"),
        ];
        return match given.iter().find(|(given, _)| *given) {
            Some((_, option)) => {
                refuse!("{option} is for a command that rstrace runs: give one, or leave it out")
            }
            None if user.is_some() => refuse!(
                "-u is for a command that rstrace runs: give one, or use --uid to pick the calls of a user"
            ),
            None => Ok(None),
        };
    }
    let env = launch.env.iter().map(|word| variable(word)).collect();
    let apart = apart(launch.daemon, launch.daemonize.as_deref())?;
    Ok(Some(Target::Command { argv, argv0: launch.argv0, env, user: user.map(run_as).transpose()?, apart }))
}

/// Where rstrace goes if it leaves its place to the command: by the number of `-D`, or by a word.
fn apart(count: u8, word: Option<&str>) -> Result<Option<Apart>, Error> {
    Ok(match (count, word) {
        (0, None) => None,
        (1.., Some(_)) => refuse!("-D and --daemonize= do the same: give one of them"),
        (1, None) | (0, Some("grandchild")) => Some(Apart::SameGroup),
        (2, None) | (0, Some("pgroup" | "pgrp")) => Some(Apart::OwnGroup),
        (3, None) | (0, Some("session")) => Some(Apart::OwnSession),
        (4.., None) => refuse!("-D is given too often: -DDD is a session of its own"),
        (0, Some(word)) => {
            refuse!("--daemonize={}: give grandchild, pgroup or session", word.escape_debug())
        }
    })
}

/// A variable, and its value if it has one.
fn variable(word: &OsStr) -> (OsString, Option<OsString>) {
    let bytes = word.as_bytes();
    match bytes.iter().position(|byte| *byte == b'=') {
        Some(at) => {
            let [name, value] =
                [&bytes[..at], &bytes[at + 1..]].map(|part| OsStr::from_bytes(part).to_owned());
            (name, Some(value))
        }
        None => (word.to_owned(), None),
    }
}
