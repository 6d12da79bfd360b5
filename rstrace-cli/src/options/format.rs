//! What a line looks like, from the words of the command line.

use super::{Destination, Error, refuse};
use crate::cli::Cli;
use crate::cli::format::{Format, When};
use crate::cli::shown::ConstantStyle;
use crate::output::prefix::{Absolute, Precision, Prefixes};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// What stands before a line.
pub fn prefixes(format: &Format) -> Result<Prefixes, Error> {
    let absolute = match (format.time, &format.absolute_timestamps) {
        (0, None) => None,
        (0, Some(words)) => absolute(words)?,
        (_, Some(_)) => refuse!("-t and --absolute-timestamps do the same: give one of them"),
        (1, None) => Some(Absolute { unix: false, precision: Precision::S }),
        (2, None) => Some(Absolute { unix: false, precision: Precision::Us }),
        (3.., None) => Some(Absolute { unix: true, precision: Precision::Us }),
    };
    let relative = precision_of("--relative-timestamps", format.relative_timestamps.as_deref())?;
    Ok(Prefixes { absolute, relative, number: format.syscall_number, pointer: format.instruction_pointer })
}

/// How exactly the time is shown that a call took, if it is.
pub fn call_times(format: &Format) -> Result<Option<Precision>, Error> {
    precision_of("--syscall-times", format.syscall_times.as_deref())
}

/// Whether objects of JSON are written: they have all that options add to lines of text.
pub fn json(cli: &Cli) -> Result<bool, Error> {
    let format = &cli.format;
    let given = [
        (cli.column.is_some(), "-a"),
        (cli.quiet > 1, "-qq"),
        (cli.quiet_set.is_some(), "--quiet="),
        (cli.hex > 0, "-x"),
        (cli.strings_in_hex.is_some(), "--strings-in-hex"),
        (format.time > 0, "-t"),
        (format.absolute_timestamps.is_some(), "--absolute-timestamps"),
        (format.relative_timestamps.is_some(), "-r"),
        (format.syscall_times.is_some(), "-T"),
        (format.syscall_number, "-n"),
        (format.instruction_pointer, "-i"),
        (format.stack_trace().is_some(), "-k"),
        (format.arg_names, "-N"),
        (format.always_show_pid, "--always-show-pid"),
        (format.color != When::Auto, "--color"),
        (cli.shown.constants != ConstantStyle::Abbrev, "-X"),
        (cli.summary_only, "-c"),
        (cli.summary, "-C"),
        (cli.output.is_some() && is_separate(cli), "-ff with -o"),
    ];
    match given.iter().find(|(given, _)| *given) {
        Some((_, option)) if format.json => {
            refuse!(
                "{option} is about lines and tables of text, of which --json has none: leave one of them out"
            )
        }
        _ => Ok(format.json),
    }
}

/// Whether lines are asked for in a file for each thread.
fn is_separate(cli: &Cli) -> bool {
    cli.follow > 1 || cli.format.output_separately
}

/// Where lines go, if not to standard error.
pub fn output(cli: &Cli) -> Result<Option<Destination>, Error> {
    let Some(path) = cli.output.clone() else { return Ok(None) };
    let (append, separate) = (cli.format.output_append_mode, is_separate(cli));
    Ok(Some(match path.as_os_str().as_bytes() {
        [b'|' | b'!', ..] if separate => {
            refuse!("-ff writes a file for each thread, and -o | has none: give -o FILE, or -f")
        }
        [b'|' | b'!', command @ ..] => Destination::Pipe(OsStr::from_bytes(command).to_os_string()),
        _ if separate && (cli.summary || cli.summary_only) => {
            refuse!("-c and -C print one table, -ff with -o a file for each thread: leave one of them out")
        }
        _ if separate => Destination::Files { prefix: path, append },
        _ => Destination::File { path, append },
    }))
}

fn absolute(words: &str) -> Result<Option<Absolute>, Error> {
    let (mut unix, mut shown, mut precision) = (false, true, Precision::S);
    for word in words.split(',') {
        let (kind, value) = match word.split_once(':') {
            Some((kind @ ("format" | "precision"), value)) => (kind, value),
            _ => ("", word),
        };
        match (kind, value, precise(value)) {
            ("" | "format", "none", _) => shown = false,
            ("" | "format", "time", _) => (shown, unix) = (true, false),
            ("" | "format", "unix", _) => (shown, unix) = (true, true),
            ("" | "precision", _, Some(exactly)) => precision = exactly,
            _ => refuse!(
                "--absolute-timestamps={}: give none, time or unix, and s, ms, us or ns",
                words.escape_debug()
            ),
        }
    }
    Ok(shown.then_some(Absolute { unix, precision }))
}

fn precision_of(option: &str, word: Option<&str>) -> Result<Option<Precision>, Error> {
    match word.map(|word| (word, precise(word))) {
        None => Ok(None),
        Some((_, Some(precision))) => Ok(Some(precision)),
        Some((word, None)) => refuse!("{option}={}: give s, ms, us or ns", word.escape_debug()),
    }
}

fn precise(word: &str) -> Option<Precision> {
    match word {
        "s" => Some(Precision::S),
        "ms" => Some(Precision::Ms),
        "us" => Some(Precision::Us),
        "ns" => Some(Precision::Ns),
        _ => None,
    }
}
