//! What the command line asks for, validated: from here on nothing can be wrong with it.
//!
//! Every error is one line that names the option and says what to do instead.

mod select;

use crate::cli::{Backend, Cli, Loss, Transport};
use crate::output::line::Limits;
use crate::output::quote::Hex;
use crate::output::text::{Pids, Style};
use nix::unistd::User;
use rstrace_core::{RunAs, describe};
pub use select::Selection;
use select::select;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

/// The smallest and the largest buffer: one page, and what an `int` of the kernel's interface holds.
const BUFFER: std::ops::RangeInclusive<u64> = 4096..=1 << 30;

/// What to do.
#[derive(Debug)]
pub enum Task {
    /// List the probes.
    List,
    /// Say what the machine offers.
    Doctor,
    /// Trace.
    Trace(Box<Options>),
}

/// How to trace.
#[derive(Debug)]
pub struct Options {
    /// The probes and system calls.
    pub selection: Selection,
    /// Whom.
    pub target: Target,
    /// Whether children are traced too.
    pub follow: bool,
    /// Only the calls of this user.
    pub uid: Option<u32>,
    /// The file to write to; standard error if there is none.
    pub output: Option<PathBuf>,
    /// 0 to 3, as [`Style::quiet`].
    pub quiet: u8,
    /// Whether more is shown.
    pub verbose: bool,
    /// Where `=` stands.
    pub column: usize,
    /// How much of a string and of a vector is shown; `None`: what the probe's users expect.
    pub string_size: Option<usize>,
    /// Which strings are shown in hex.
    pub hex: Hex,
    /// How to attach.
    pub backend: Backend,
    /// How records come from the kernel.
    pub transport: Transport,
    /// Bytes of the transport's buffer, if not the default.
    pub buffer: Option<u32>,
    /// What to do when the buffer fills up, if that was said.
    pub loss: Option<Loss>,
    /// Whether the account is printed.
    pub stats: bool,
    /// Whether a lost call is a failure.
    pub strict: bool,
}

/// Whom to trace.
#[derive(Debug, PartialEq, Eq)]
pub enum Target {
    /// A program that is to be run.
    Command {
        /// Its name and its arguments; at least the name.
        argv: Vec<OsString>,
        /// As whom, if not as the one who runs rstrace.
        user: Option<RunAs>,
    },
    /// Processes that run, all their threads; none twice, at least one.
    Pids(Vec<u32>),
    /// A thread.
    Tid(u32),
    /// Everything.
    All,
}

/// What is wrong with the command line: one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(pub(crate) String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// Ends the function with an [`Error`].
macro_rules! refuse {
    ($($format:tt)*) => { return Err($crate::options::Error(format!($($format)*))) };
}
pub(crate) use refuse;

impl Task {
    /// Checks what was recognised on the command line.
    pub fn new(cli: Cli) -> Result<Self, Error> {
        if cli.list {
            return Ok(Task::List);
        }
        if cli.doctor {
            return Ok(Task::Doctor);
        }
        let selection = select(&cli.exprs)?;
        if cli.follow > 0 && cli.tid.is_some() {
            refuse!("-f follows a command or the processes of -p: leave it out with --tid");
        }
        if let Some(file) = &cli.output
            && file.as_os_str().as_encoded_bytes().starts_with(b"|")
        {
            refuse!("-o '|command' is not supported: give a file, or a pipe such as -o >(command)");
        }
        Ok(Task::Trace(Box::new(Options {
            selection,
            hex: hex(cli.hex, cli.strings_in_hex)?,
            uid: cli.uid.as_deref().map(|user| uid("--uid", user)).transpose()?,
            follow: cli.follow > 0,
            quiet: cli.quiet.min(3),
            verbose: cli.verbose > 0,
            column: cli.column.into(),
            string_size: cli.string_size,
            backend: cli.backend,
            transport: cli.transport,
            buffer: cli.buffer.as_deref().map(buffer).transpose()?,
            loss: cli.loss,
            stats: cli.stats,
            strict: cli.strict,
            target: target(cli.command, cli.user, &cli.pids, cli.tid, cli.all, cli.uid.is_some())?,
            output: cli.output,
        })))
    }
}

impl Options {
    /// A probe shows arguments whole, a system call by its name (`trace=`) shows what strace does.
    fn length(&self) -> usize {
        self.string_size.unwrap_or(if self.selection.is_of_probes() { usize::MAX } else { 32 })
    }

    /// What is done when the buffer fills up: processes that the user picked may wait, others may not.
    pub fn loss(&self) -> rstrace_core::Loss {
        match (self.loss, &self.target) {
            (Some(Loss::Never), _) | (None, Target::Command { .. } | Target::Pids(_) | Target::Tid(_)) => {
                rstrace_core::Loss::Never
            }
            (Some(Loss::Drop), _) | (None, Target::All) => rstrace_core::Loss::Drop,
        }
    }

    /// Signals are part of a trace of system calls, not of a probe.
    pub fn shows_signals(&self) -> bool {
        !self.selection.is_of_probes()
    }

    /// How much is captured: what is shown.
    pub fn capture_limits(&self) -> describe::Limits {
        describe::Limits {
            length: u32::try_from(self.length()).unwrap_or(u32::MAX),
            whole_lists: self.verbose,
        }
    }

    /// How lines look on this sink; `terminal` says whether colours are wanted there.
    pub fn style(&self, terminal: bool) -> Style {
        let to_file = self.output.is_some();
        let many = match &self.target {
            Target::All => true,
            Target::Pids(pids) => pids.len() > 1,
            Target::Command { .. } | Target::Tid(_) => false,
        };
        // A command's lines in a file are the result; messages would be noise in them.
        let least = u8::from(to_file && matches!(self.target, Target::Command { .. }));
        Style {
            column: self.column,
            pids: match (to_file, self.follow || many) {
                (true, true) => Pids::Column,
                (false, _) if self.target == Target::All => Pids::Bracketed,
                _ => Pids::WhenSeveral,
            },
            follow: self.follow,
            attached: self.follow && !to_file,
            quiet: self.quiet.max(least),
            notes: self.verbose,
            limits: Limits { length: self.length(), whole_vectors: self.verbose, hex: self.hex },
            colour: terminal && !to_file,
        }
    }
}

fn target(
    command: Vec<OsString>,
    user: Option<String>,
    pids: &[String],
    tid: Option<u32>,
    all: bool,
    by_uid: bool,
) -> Result<Target, Error> {
    let given = [(!command.is_empty(), "a command"), (!pids.is_empty(), "-p"), (tid.is_some(), "--tid")];
    let mut given =
        given.into_iter().chain([(all, "--all")]).filter(|(given, _)| *given).map(|(_, name)| name);
    if let (Some(first), Some(second)) = (given.next(), given.next()) {
        refuse!("{first} and {second} cannot be traced together: give one of them");
    }
    if user.is_some() && command.is_empty() {
        refuse!("-u is for a command that rstrace runs: give one, or use --uid to pick the calls of a user");
    }
    if !command.is_empty() {
        return Ok(Target::Command { argv: command, user: user.map(run_as).transpose()? });
    }
    if !pids.is_empty() {
        return pid_list(pids).map(Target::Pids);
    }
    match tid {
        Some(tid) => Ok(Target::Tid(tid)),
        None if all || by_uid => Ok(Target::All),
        None => refuse!("nobody to trace is named: give a command, -p PID, --tid TID, --all or --uid UID"),
    }
}

/// Which strings are shown in hex: by the number of `-x`, or by a word.
fn hex(count: u8, word: Option<String>) -> Result<Hex, Error> {
    match word.as_deref() {
        None if count == 0 => Ok(Hex::Never),
        None if count == 1 => Ok(Hex::NonAscii),
        None | Some("" | "all") => Ok(Hex::All),
        Some("none") => Ok(Hex::Never),
        Some("non-ascii") => Ok(Hex::NonAscii),
        Some("non-ascii-chars") => Ok(Hex::NonAsciiChars),
        Some(word) => {
            refuse!("--strings-in-hex={}: give none, non-ascii, non-ascii-chars or all", word.escape_debug())
        }
    }
}

fn run_as(name: String) -> Result<RunAs, Error> {
    match User::from_name(&name) {
        Ok(Some(user)) => Ok(RunAs { name, uid: user.uid.as_raw(), gid: user.gid.as_raw() }),
        Ok(None) => refuse!("-u {name}: there is no user of this name"),
        Err(error) => refuse!("-u {name}: {}", error.desc()),
    }
}

/// A user id, by number or name, as an option gives it.
pub fn uid(option: &str, user: &str) -> Result<u32, Error> {
    if let Ok(uid) = user.parse() {
        return Ok(uid);
    }
    match User::from_name(user) {
        Ok(Some(user)) => Ok(user.uid.as_raw()),
        _ => refuse!("{option} {}: neither a user id nor a user's name", user.escape_debug()),
    }
}

/// Process ids, separated as `pidof` and shells do it.
pub fn pid_list(lists: &[String]) -> Result<Vec<u32>, Error> {
    let mut pids = Vec::new();
    let words = lists.iter().flat_map(|list| list.split([',', ' ', '\t', '\n']));
    for word in words.filter(|word| !word.is_empty()) {
        match word.parse::<i32>() {
            Ok(pid @ 1..) if !pids.contains(&(pid as u32)) => pids.push(pid as u32),
            Ok(1..) => {}
            _ => refuse!("-p {}: not a process id: give a number from 1", word.escape_debug()),
        }
    }
    if pids.is_empty() {
        refuse!("-p is empty: give a process id");
    }
    Ok(pids)
}

fn buffer(size: &str) -> Result<u32, Error> {
    let (digits, unit) = match size.as_bytes().last() {
        Some(b'k' | b'K') => (&size[..size.len() - 1], 1 << 10),
        Some(b'm' | b'M') => (&size[..size.len() - 1], 1 << 20),
        _ => (size, 1),
    };
    match digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)) {
        Some(bytes) if BUFFER.contains(&bytes) => Ok(bytes as u32),
        Some(_) => refuse!("--buffer {size}: give 4k to 1024M"),
        None => refuse!("--buffer {}: give a number of bytes, or one with k or M", size.escape_debug()),
    }
}

#[cfg(test)]
mod tests;
