//! How a command is started, from the words of the command line.

use super::{Error, Target, refuse, run_as};
use crate::cli::launch::Launch;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// A command, or nothing if there is none.
pub fn command(argv: Vec<OsString>, user: Option<String>, launch: Launch) -> Result<Option<Target>, Error> {
    if argv.is_empty() {
        let given = [(!launch.env.is_empty(), "-E"), (launch.argv0.is_some(), "--argv0")];
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
    Ok(Some(Target::Command { argv, argv0: launch.argv0, env, user: user.map(run_as).transpose()? }))
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
