//! What the command line asks for, validated: from here on nothing can be wrong with it.
//!
//! Every error is one line that names the option and says what to do instead.

mod files;
mod filters;
mod format;
mod ids;
mod launch;
mod manner;
mod quiet;
mod select;
mod set;
mod signals;
mod summary;

use crate::cli::format::{StackTrace, When};
use crate::cli::{Backend, Cli, Loss, Transport};
use crate::output::files::Files;
use crate::output::line::Limits;
use crate::output::prefix::{Precision, Prefixes};
use crate::output::quote::Hex;
use crate::output::text::{Pids, Quiet, Style};
use manner::Manners;
use nix::unistd::User;
use rstrace_core::describe::Constants;
use rstrace_core::probe::Ids;
use rstrace_core::{Apart, Filter, Interrupts, RunAs, describe};
pub use select::Selection;
use select::{Expressions, select};
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
pub use summary::Summary;

/// The smallest and the largest buffer: one page, and what an `int` of the kernel's interface holds.
const BUFFER: std::ops::RangeInclusive<u64> = 4096..=1 << 30;

/// Where `=` stands, if that was not said.
const COLUMN: u16 = 40;

/// What to do.
#[derive(Debug)]
pub enum Task {
    /// List the probes.
    List,
    /// Say what the machine offers.
    Doctor,
    /// Print what completes the options in this shell.
    Completions(clap_complete::Shell),
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
    /// Whether a process is traced no more once it executes another program.
    pub let_go: bool,
    /// Whether what is traced ends with rstrace.
    pub kill: bool,
    /// Which signals are shown, a bit each from that of signal 1, if that was said.
    pub signals: Option<u64>,
    /// Which of the target's calls.
    pub filter: Filter,
    /// Paths that the filter has in another spelling too: what was given, and what it is.
    pub resolved: Vec<(PathBuf, PathBuf)>,
    /// After how many calls tracing ends.
    pub calls: Option<u64>,
    /// Of what number it is said that it has been reached.
    pub syscall_limit: Option<u64>,
    /// What signals to rstrace do.
    pub interrupts: Interrupts,
    /// After how long.
    pub duration: Option<Duration>,
    /// Only the calls of this user.
    pub uid: Option<u32>,
    /// The file to write to; standard error if there is none.
    pub output: Option<Destination>,
    /// Whether objects of JSON are written, and not lines of text.
    pub json: bool,
    /// What stands before a line.
    pub prefixes: Prefixes,
    /// How many frames of a user stack are shown, if stacks are.
    pub stacks: Option<usize>,
    /// Whether their lines of source are shown too.
    pub sources: bool,
    /// How exactly the time that a call took is shown, if it is.
    pub call_times: Option<Precision>,
    /// Whether the names of arguments are shown.
    pub arg_names: bool,
    /// Whether the thread's id stands on every line.
    pub always_pid: bool,
    /// When lines are coloured.
    pub colour: When,
    /// Which messages are left out.
    pub quiet: Quiet,
    /// Whether more is shown.
    pub verbose: bool,
    /// How calls are shown, one differently from another.
    pub manners: Manners,
    /// How named constants are shown.
    pub constants: Constants,
    /// Where `=` stands.
    pub column: usize,
    /// How much of a string and of a vector is shown; `None`: what the probe's users expect.
    pub string_size: Option<usize>,
    /// Which strings are shown in hex.
    pub hex: Hex,
    /// What is told of descriptors.
    pub files: Files,
    /// What is told of the ids of processes and threads.
    pub ids: Ids,
    /// How to attach.
    pub backend: Backend,
    /// How records come from the kernel.
    pub transport: Transport,
    /// Bytes of the transport's buffer, if not the default.
    pub buffer: Option<u32>,
    /// What to do when the buffer fills up, if that was said.
    pub loss: Option<Loss>,
    /// What is counted, if anything is.
    pub summary: Option<Summary>,
    /// Whether the account is printed.
    pub stats: bool,
    /// Whether a lost call is a failure.
    pub strict: bool,
}

/// Where the lines go.
#[derive(Debug, PartialEq, Eq)]
pub enum Destination {
    /// To a file.
    File {
        /// Its path.
        path: PathBuf,
        /// Whether what it holds is kept.
        append: bool,
    },
    /// To a file for each thread.
    Files {
        /// What their paths begin with; a dot and the thread's id follow.
        prefix: PathBuf,
        /// Whether what they hold is kept.
        append: bool,
    },
    /// To the standard input of what a shell makes of these words.
    Pipe(OsString),
}

impl Destination {
    /// As it is named in messages.
    pub fn name(&self) -> String {
        match self {
            Self::File { path, .. } | Self::Files { prefix: path, .. } => path.display().to_string(),
            Self::Pipe(command) => format!("|{}", command.display()),
        }
    }
}

/// Whom to trace.
#[derive(Debug, PartialEq, Eq)]
pub enum Target {
    /// A program that is to be run.
    Command {
        /// Its name and its arguments; at least the name.
        argv: Vec<OsString>,
        /// What it is called, if not by its name.
        argv0: Option<OsString>,
        /// Variables that it gets, or does not.
        env: Vec<(OsString, Option<OsString>)>,
        /// As whom, if not as the one who runs rstrace.
        user: Option<RunAs>,
        /// Whether, and how, rstrace leaves its place to it.
        apart: Option<Apart>,
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
        if let Some(shell) = cli.completions {
            return Ok(Task::Completions(shell));
        }
        tampering(&cli)?;
        let Expressions { selection, signals, quiet, files, pids, manners, fds } = select(&cli.exprs)?;
        let signals = match &cli.signals {
            Some(list) => Some(signals::set("--signals=", list)?),
            None => signals,
        };
        if cli.follow > 0 && cli.tid.is_some() {
            refuse!("-f follows a command or the processes of -p: leave it out with --tid");
        }
        let most = cli.filters.count.or(cli.filters.syscall_limit);
        if most.is_some() && cli.summary_only {
            refuse!(
                "--count and --syscall-limit count the calls that are shown: leave it out with -c, or give --for"
            );
        }
        let picks = cli.uid.is_some() || cli.filters.comm.is_some() || cli.filters.cgroup.is_some();
        let json = format::json(&cli)?;
        if json && quiet.is_some() {
            refuse!("-e quiet= is about lines of text, of which --json has none: leave one of them out");
        }
        if json && manners.dump() {
            refuse!(
                "--read and --write dump lines of text, of which --json has none: give -s to see more of data"
            );
        }
        let output = format::output(&cli)?;
        let options = Options {
            selection,
            signals,
            resolved: filters::resolved(&cli.filters.paths),
            filter: filters::filter(&cli.filters, fds)?,
            calls: cli.filters.count.or(cli.filters.syscall_limit),
            syscall_limit: cli.filters.syscall_limit,
            interrupts: cli.interruptible.interrupts(),
            duration: cli.filters.seconds.as_deref().map(filters::seconds).transpose()?,
            summary: summary::summary(&cli)?,
            files: files::files(cli.format.files, cli.format.decode_fds.as_deref().or(files.as_deref()))?,
            ids: ids::ids(
                Ids { comm: cli.format.names, initial: cli.format.pidns_translation },
                cli.format.decode_pids.as_deref().or(pids.as_deref()),
            )?,
            hex: hex(cli.hex, cli.strings_in_hex)?,
            uid: cli.uid.as_deref().map(|user| uid("--uid", user)).transpose()?,
            follow: cli.follow > 0,
            let_go: cli.detach_on.is_some(),
            kill: cli.launch.kill_on_exit,
            quiet: quiet::quiet(cli.quiet, cli.quiet_set.as_deref().or(quiet.as_deref()))?,
            verbose: manners.at_length(),
            constants: cli.shown.constants.into(),
            manners,
            column: cli.column.unwrap_or(COLUMN).into(),
            json,
            string_size: cli.string_size,
            backend: cli.backend,
            transport: cli.transport,
            buffer: cli.buffer.as_deref().map(buffer).transpose()?,
            loss: cli.loss,
            stats: cli.stats,
            strict: cli.strict,
            target: target(
                launch::command(cli.command, cli.user, cli.launch)?,
                &cli.pids,
                cli.tid,
                cli.all,
                picks,
            )?,
            prefixes: format::prefixes(&cli.format)?,
            stacks: cli.format.stack_trace().map(|_| cli.format.stack_trace_frame_limit as usize),
            sources: cli.format.stack_trace() == Some(StackTrace::Source),
            call_times: format::call_times(&cli.format)?,
            arg_names: cli.format.arg_names,
            always_pid: cli.format.always_show_pid,
            colour: cli.format.color,
            output,
        };
        if options.let_go && options.target == Target::All {
            refuse!("-b lets go of a command, of the processes of -p or a thread: give one of them");
        }
        Ok(Task::Trace(Box::new(options)))
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

    /// With `-c` only a table is shown.
    pub fn shows_calls(&self) -> bool {
        self.summary.as_ref().is_none_or(|summary| summary.calls)
    }

    /// Whether rstrace says what it does in words: not beside objects of JSON, which say it themselves.
    pub fn says_messages(&self) -> bool {
        !self.json || self.output.is_some()
    }

    /// Whether any signal is shown: they are part of a trace of system calls, of a probe where they are asked for.
    pub fn shows_signals(&self) -> bool {
        self.shows_calls() && self.signals.map_or(!self.selection.is_of_probes(), |signals| signals != 0)
    }

    /// How much is captured: what is shown.
    pub fn capture_limits(&self) -> describe::Limits {
        describe::Limits {
            length: u32::try_from(self.length()).unwrap_or(u32::MAX),
            whole_lists: self.verbose,
            files: self.files.any(),
            ids: self.ids,
            addresses: false,
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
        let least = to_file && matches!(self.target, Target::Command { .. });
        Style {
            column: self.column,
            pids: match (to_file || self.always_pid, self.follow || many || self.always_pid) {
                (true, _) if matches!(self.output, Some(Destination::Files { .. })) && !self.always_pid => {
                    Pids::Never
                }
                (true, true) => Pids::Column,
                (false, _) if self.target == Target::All => Pids::Bracketed,
                _ => Pids::WhenSeveral,
            },
            follow: self.follow,
            attached: self.follow && !to_file,
            detached: !to_file,
            quiet: Quiet {
                attach: self.quiet.attach || least,
                personality: self.quiet.personality || least,
                ..self.quiet
            },
            signals: self.signals.unwrap_or(u64::MAX),
            notes: self.verbose,
            limits: Limits {
                length: self.length(),
                whole_vectors: self.verbose,
                hex: self.hex,
                files: self.files,
                constants: self.constants,
            },
            prefixes: self.prefixes,
            call_times: self.call_times,
            arg_names: self.arg_names,
            sources: self.sources,
            names: self.ids.comm,
            whole: self.filter.is_by_result(),
            colour: match self.colour {
                When::Auto => terminal && !to_file,
                When::Always => true,
                When::Never => false,
            },
        }
    }
}

/// Refuses what eBPF cannot do.
fn tampering(cli: &Cli) -> Result<(), Error> {
    let of_expr = |name| cli.exprs.iter().any(|expr| expr.split('=').next() == Some(name));
    if !cli.tampering.inject.is_empty() || of_expr("inject") {
        refuse!(
            "-e inject= is not supported: rstrace sees calls and cannot change them: use strace for that"
        );
    }
    if !cli.tampering.fault.is_empty() || of_expr("fault") {
        refuse!("-e fault= is not supported: rstrace sees calls and cannot change them: use strace for that");
    }
    if cli.tampering.kvm.is_some() || of_expr("kvm") {
        refuse!("-e kvm= is not supported: only a virtual CPU's own process can read why it stopped");
    }
    Ok(())
}

fn target(
    command: Option<Target>,
    pids: &[String],
    tid: Option<u32>,
    all: bool,
    picks: bool,
) -> Result<Target, Error> {
    let given = [(command.is_some(), "a command"), (!pids.is_empty(), "-p"), (tid.is_some(), "--tid")];
    let mut given =
        given.into_iter().chain([(all, "--all")]).filter(|(given, _)| *given).map(|(_, name)| name);
    if let (Some(first), Some(second)) = (given.next(), given.next()) {
        refuse!("{first} and {second} cannot be traced together: give one of them");
    }
    if let Some(command) = command {
        return Ok(command);
    }
    if !pids.is_empty() {
        return pid_list(pids).map(Target::Pids);
    }
    match tid {
        Some(tid) => Ok(Target::Tid(tid)),
        None if all || picks => Ok(Target::All),
        None => refuse!(
            "nobody to trace is named: give a command, -p PID, --tid TID, --all, --uid UID, --comm NAME or --cgroup PATH"
        ),
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
