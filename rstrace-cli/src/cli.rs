//! The grammar of the command line, as strace has it where both have an option.
//!
//! Only words are recognised here; what they mean, and which go together, is `options.rs`'s business.

pub mod filters;
pub mod format;
pub mod launch;
pub mod shown;
pub mod tampering;

use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, ValueEnum, error::ErrorKind};
use clap_complete::Shell;
use std::ffi::OsString;
use std::path::PathBuf;

use filters::Filters;
use format::Format;
use launch::Launch;
use shown::Shown;
use tampering::Tampering;

/// Traces what programs ask of the kernel, with eBPF.
#[derive(Debug, Parser)]
#[command(name = "rstrace", version, max_term_width = 100, args_override_self = true)]
#[command(
    override_usage = "rstrace [OPTIONS] [-e EXPR] COMMAND [ARG]...\n       rstrace [OPTIONS] [-e EXPR] -p PID"
)]
pub struct Cli {
    /// What to trace: probes (`open,exec`) or system calls (`trace=openat,%file`); without it every call
    ///
    /// Probes are `open` and `exec`, or both with a comma. Of system calls `trace=` may be left out where what
    /// follows is no probe's name: names, numbers, classes (`%file`, `%desc`, `%process`, `%network`, `%signal`,
    /// `%ipc`, `%memory`, `%creds`, `%clock`, `%pure`, `%stat`, `%lstat`, `%fstat`, `%%stat`, `%statfs`,
    /// `%fstatfs`, `%%statfs`), `all` or `none`. A `!` before the list stands for all others, a `?` before a name
    /// for no error if it is unknown, a `/` before a regular expression for the names that match, and `@64` or
    /// `@32` behind a name or a class for the calls of such programs alone. Of several such lists the last one
    /// counts; probes add up.
    #[arg(short = 'e', long = "trace", value_name = "EXPR", help_heading = "Filtering")]
    pub exprs: Vec<String>,

    /// Show only these signals: TERM,HUP or all others by !, all, none
    ///
    /// Names or numbers; also as `-e signal=`SET.
    #[arg(long = "signals", alias = "signal", value_name = "SET", help_heading = "Filtering")]
    pub signals: Option<String>,

    /// Write to FILE instead of standard error
    ///
    /// If it begins with `|` or `!`, the rest is a command for the shell, and lines go to its standard input.
    #[arg(short = 'o', long, value_name = "FILE", help_heading = "Output format")]
    pub output: Option<PathBuf>,

    /// Trace children too; -ff writes a file for each thread (--output-separately)
    ///
    /// They are traced from before they run. -F is the same.
    #[arg(short = 'f', long = "follow-forks", short_alias = 'F', action = ArgAction::Count)]
    #[arg(help_heading = "Tracing")]
    pub follow: u8,

    /// Let a process go when it executes another program (execve): nothing more of it is shown
    ///
    /// The program that a command is run for does not count. What the new program starts is not shown either.
    #[arg(short = 'b', long, value_name = "SYSCALL", value_enum, help_heading = "Tracing")]
    pub detach_on: Option<DetachOn>,

    /// Whether signals end the trace: anywhere or waiting (1, 2); never (3); never, nor is rstrace stopped (4)
    ///
    /// They are SIGINT, SIGTERM, SIGHUP and SIGQUIT; with 4 also SIGTSTP. No call is held up while it is decoded,
    /// so 1 and 2 change nothing.
    #[arg(short = 'I', long, value_name = "WHEN", value_enum, default_value_t, help_heading = "Tracing")]
    pub interruptible: Interruptible,

    /// Changes nothing: no call is stopped, asked for or not
    #[arg(long, hide_short_help = true, help_heading = "Tracing")]
    pub seccomp_bpf: bool,

    /// Trace the processes with these ids, all their threads
    ///
    /// It can be repeated.
    #[arg(short = 'p', long = "attach", value_name = "PID[,PID]...", help_heading = "Startup")]
    pub pids: Vec<String>,

    /// Trace this thread alone
    #[arg(long, value_name = "TID", value_parser = clap::value_parser!(u32).range(1..=i32::MAX as i64))]
    #[arg(help_heading = "Startup")]
    pub tid: Option<u32>,

    /// Trace every process of the machine
    ///
    /// Save rstrace and those that have a pipe open which it writes to.
    #[arg(long, help_heading = "Startup")]
    pub all: bool,

    /// Show only the calls of this user, by id or name; without another target, of all its processes
    ///
    /// It is the real user id.
    #[arg(long, value_name = "UID", help_heading = "Filtering")]
    pub uid: Option<String>,

    /// Run the command as this user
    #[arg(short = 'u', long, value_name = "USER", help_heading = "Startup")]
    pub user: Option<String>,

    /// Show fewer messages; -qq also leaves out exits, -qqq also superseded threads
    #[arg(short = 'q', action = ArgAction::Count, help_heading = "Output format")]
    pub quiet: u8,

    /// Likewise by words: attach, exit, path-resolution, personality, thread-execve, all or none
    ///
    /// Also as `-e quiet=`SET. Without a set `attach` and `personality` are meant; a `!` before the list stands for
    /// all others.
    #[arg(long = "quiet", alias = "silent", alias = "silence", value_name = "SET", num_args = 0..=1)]
    #[arg(
        require_equals = true,
        default_missing_value = "attach,personality",
        help_heading = "Output format"
    )]
    pub quiet_set: Option<String>,

    /// Show structures and lists whole, and what a probe knows besides
    ///
    /// The same as `-e abbrev=none`.
    #[arg(short = 'v', long = "no-abbrev", action = ArgAction::Count, help_heading = "Output format")]
    pub verbose: u8,

    /// Where `=` stands in a line [default: 40]
    #[arg(short = 'a', long = "columns", value_name = "COL", help_heading = "Output format")]
    pub column: Option<u16>,

    /// How much of a string and of a vector is shown (trace=: 32); paths and a probe's own are shown whole
    ///
    /// At most so many bytes of a string that is no path, and as many elements of a vector. The default is 32, and
    /// no limit where only probes are named.
    #[arg(short = 's', long = "string-limit", value_name = "SIZE", help_heading = "Output format")]
    pub string_size: Option<usize>,

    /// Show strings in hex: -x those with bytes that are no text, -xx all
    ///
    /// Those of -x hold a byte that is neither printable nor white space.
    #[arg(short = 'x', action = ArgAction::Count, help_heading = "Output format")]
    pub hex: u8,

    /// Show strings in hex: none, non-ascii, non-ascii-chars or all
    ///
    /// With `non-ascii-chars` only these bytes are shown so.
    #[arg(long, value_name = "WHICH", num_args = 0..=1, require_equals = true, default_missing_value = "all")]
    #[arg(help_heading = "Output format")]
    pub strings_in_hex: Option<String>,

    #[command(flatten)]
    pub filters: Filters,

    #[command(flatten)]
    pub launch: Launch,

    #[command(flatten)]
    pub format: Format,

    #[command(flatten)]
    pub shown: Shown,

    #[command(flatten)]
    pub tampering: Tampering,

    /// How to attach
    ///
    /// What is chosen without it is the cheapest that sees every call that reaches it.
    #[arg(long, value_name = "KIND", value_enum, default_value_t, help_heading = "How to trace")]
    pub backend: Backend,

    /// How events come from the kernel
    #[arg(long, value_name = "KIND", value_enum, default_value_t, help_heading = "How to trace")]
    pub transport: Transport,

    /// Size of the transport's buffer in bytes, or with k or M
    ///
    /// Of the ring buffer, or of each CPU's perf buffer: 4k to 1024M, rounded up to a power of two. The default is
    /// 16M for the ring buffer and 8M for a perf buffer.
    #[arg(long, value_name = "SIZE", help_heading = "How to trace")]
    pub buffer: Option<String>,

    /// What to do when calls come faster than they can be read [default: never for a command and -p, else drop]
    ///
    /// The threads wait in slices of at most 100 us. What is lost is counted.
    #[arg(long, value_name = "WHAT", value_enum, help_heading = "How to trace")]
    pub loss: Option<Loss>,

    /// Count calls, errors and times of each system call in the kernel, and print a table instead of the calls
    ///
    /// The table comes at the end.
    #[arg(short = 'c', long, help_heading = "Statistics")]
    pub summary_only: bool,

    /// Likewise, and print the calls too
    #[arg(short = 'C', long, help_heading = "Statistics")]
    pub summary: bool,

    /// Count wall time; without it CPU time
    ///
    /// That is the time from a call's entry to its return by the clock; CPU time is for how long the thread was on
    /// a CPU meanwhile.
    #[arg(short = 'w', long, help_heading = "Statistics")]
    pub summary_wall_clock: bool,

    /// Sort by a column: time, min-time, max-time, avg-time, calls, errors, name, or nothing [default: time]
    ///
    /// Numbers downwards and names upwards.
    #[arg(short = 'S', long, value_name = "COLUMN", help_heading = "Statistics")]
    pub summary_sort_by: Option<String>,

    /// The columns, of time-percent, total-time, min-time, max-time, avg-time, wall-total, wall-min, wall-max,
    /// wall-avg, calls, errors, name
    ///
    /// Also `time` for `time-percent`, `shortest` for `min-time`, `longest` for `max-time`, `count` for `calls` and
    /// `syscall` for `name`. If neither they nor the order need times, none are taken, which is cheaper.
    #[arg(short = 'U', long, value_name = "COLUMN[,COLUMN]...", help_heading = "Statistics")]
    pub summary_columns: Option<String>,

    /// Take this off the time of each call: microseconds, or with a unit (s, ms, us, ns)
    #[arg(short = 'O', long, value_name = "TIME", help_heading = "Statistics")]
    pub summary_syscall_overhead: Option<String>,

    /// Print also how many calls took how long, for each system call
    #[arg(long, help_heading = "Statistics")]
    pub hist: bool,

    /// Count each process for itself
    ///
    /// There is a table for each, and then one of all.
    #[arg(long, help_heading = "Statistics")]
    pub per_process: bool,

    /// Print a table of what was counted meanwhile every so many seconds
    #[arg(long, value_name = "SECONDS", help_heading = "Statistics")]
    pub interval: Option<String>,

    /// Print the account of calls seen, delivered and lost at the end
    #[arg(long, help_heading = "Statistics")]
    pub stats: bool,

    /// Fail if a call was lost
    #[arg(long, help_heading = "Statistics")]
    pub strict: bool,

    /// Say what this machine offers for tracing, and end
    ///
    /// For each probe, backend and transport whether it can be used here, what it would miss, and what is chosen.
    #[arg(long, help_heading = "Miscellaneous")]
    pub doctor: bool,

    /// List the probes, and end
    #[arg(long, help_heading = "Miscellaneous")]
    pub list: bool,

    /// Print what completes the options in this shell, and end
    #[arg(long, value_name = "SHELL", value_enum, hide_short_help = true, help_heading = "Miscellaneous")]
    pub completions: Option<Shell>,

    /// The program to run and trace, with its arguments
    ///
    /// All its threads are traced. It is held before its exec until everything is attached. Options end at the
    /// first word that is none; `--` before the command may be left out.
    #[arg(value_name = "COMMAND", trailing_var_arg = true, help_heading = "Startup")]
    pub command: Vec<OsString>,
}

/// Why there is no [`Cli`].
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    /// This was asked for: the help or the version, to be printed to standard output.
    Shown(String),
    /// What is wrong, in one line.
    Error(String),
}

impl Cli {
    /// Recognises the words of a command line, the program's name first.
    pub fn recognise(words: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Self, Stop> {
        let matches = Self::command().try_get_matches_from(words).map_err(|error| stop(&error))?;
        let mut cli = Self::from_arg_matches(&matches).map_err(|error| stop(&error))?;
        cli.filters.find_last_status(&matches, &cli.exprs);
        cli.exprs = shown::in_order(&matches, &cli.exprs);
        Ok(cli)
    }
}

/// What completes the options in a shell.
pub fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "rstrace", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// What clap says instead of a command line.
pub fn stop(error: &clap::Error) -> Stop {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Stop::Shown(text),
        _ => Stop::Error(one_line(&text)),
    }
}

/// What clap says, without its usage. Control characters it has left out itself.
fn one_line(text: &str) -> String {
    let said = text.strip_prefix("error: ").unwrap_or(text).lines();
    let said =
        said.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"));
    let lines: Vec<_> = said.map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("; ")
}

/// How pairs are attached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// The best that the machine offers
    #[default]
    Auto,
    /// kprobe and kretprobe
    Kprobe,
    /// fentry and fexit
    Fentry,
    /// The tracepoints of all system calls
    Tracepoint,
}

/// What ends the tracing of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DetachOn {
    /// An execve or execveat that succeeds
    Execve,
}

/// When signals to rstrace do what they are for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Interruptible {
    /// At any time
    #[value(alias = "1")]
    Anywhere,
    /// Likewise: no call is held up while it is decoded
    #[default]
    #[value(alias = "2")]
    Waiting,
    /// SIGINT, SIGTERM, SIGHUP and SIGQUIT do nothing
    #[value(alias = "3")]
    Never,
    /// And SIGTSTP does nothing
    #[value(alias = "4", name = "never_tstp")]
    NeverTstp,
}

impl Interruptible {
    /// What becomes of the signals.
    pub fn interrupts(self) -> rstrace_core::Interrupts {
        match self {
            Self::Anywhere | Self::Waiting => rstrace_core::Interrupts::Handled,
            Self::Never => rstrace_core::Interrupts::Blocked,
            Self::NeverTstp => rstrace_core::Interrupts::BlockedAndStop,
        }
    }
}

/// What is done when the buffer fills up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Loss {
    /// Traced threads wait at the returns of their system calls
    Never,
    /// Calls are dropped and counted
    Drop,
}

/// How records come from the kernel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// The best that the machine offers
    #[default]
    Auto,
    /// Perf buffers, one for each CPU
    Perf,
    /// The BPF ring buffer
    Ring,
}

impl Backend {
    /// The one that is forced, if one is.
    pub fn forced(self) -> Option<rstrace_core::Backend> {
        match self {
            Self::Auto => None,
            Self::Kprobe => Some(rstrace_core::Backend::Kprobe),
            Self::Fentry => Some(rstrace_core::Backend::Fentry),
            Self::Tracepoint => Some(rstrace_core::Backend::Tracepoint),
        }
    }
}

impl Transport {
    /// The one that is forced, if one is.
    pub fn forced(self) -> Option<rstrace_core::Transport> {
        match self {
            Self::Auto => None,
            Self::Perf => Some(rstrace_core::Transport::Perf),
            Self::Ring => Some(rstrace_core::Transport::Ring),
        }
    }
}

/// Whether a text has this option, and not only a longer one that contains it.
#[cfg(test)]
pub fn has_word(text: &str, option: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '-';
    text.match_indices(option)
        .any(|(at, _)| !text[..at].ends_with(in_word) && !text[at + option.len()..].starts_with(in_word))
}

/// The text of a manual page.
#[cfg(test)]
pub fn without_fonts(page: &str) -> String {
    let fonts = ["\\fB", "\\fI", "\\fR"];
    fonts.iter().fold(page.replace("\\-", "-"), |text, font| text.replace(font, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stop(words: &[&str]) -> Stop {
        Cli::recognise(["rstrace"].iter().chain(words)).expect_err("no command line")
    }

    #[test]
    fn the_grammar_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_is_in_the_manual_page_and_in_the_guide() {
        let manual = without_fonts(include_str!("../../docs/man/rstrace.1"));
        let guide = include_str!("../../docs/src/guide.md");
        let mut command = Cli::command();
        command.build();
        let short = command.get_arguments().filter_map(|arg| Some(format!("-{}", arg.get_short()?)));
        let long = command.get_arguments().filter_map(|arg| Some(format!("--{}", arg.get_long()?)));
        let options: Vec<_> = short.chain(long).collect();
        assert!(options.iter().any(|option| option == "--version") && options.iter().any(|o| o == "-h"));
        for option in &options {
            assert!(has_word(&manual, option), "{option} is not in docs/man/rstrace.1");
            assert!(has_word(guide, option), "{option} is not in docs/src/guide.md");
        }
    }

    #[test]
    fn every_option_is_completed() {
        let mut command = Cli::command();
        command.build();
        for shell in [Shell::Bash, Shell::Zsh] {
            let script = completions(shell);
            for option in command.get_arguments().filter_map(|arg| arg.get_long()) {
                assert!(has_word(&script, &format!("--{option}")), "{option} in {shell}");
            }
        }
    }

    #[test]
    fn help_and_version_are_shown() {
        assert!(matches!(stop(&["-h"]), Stop::Shown(text) if text.contains("--transport")));
        assert_eq!(stop(&["-V"]), Stop::Shown(format!("rstrace {}\n", env!("CARGO_PKG_VERSION"))));
    }

    #[test]
    fn errors_are_one_line() {
        for (words, text) in [
            (&["--backend", "x"][..], "invalid value 'x' for '--backend <KIND>'"),
            (&["--tid", "0"], "invalid value '0' for '--tid <TID>'"),
            (&["-e"], "a value is required for '--trace <EXPR>'"),
            (&["--\x1b[31mx\x07"], "unexpected argument '--x' found; tip: "),
        ] {
            let Stop::Error(error) = stop(words) else { panic!("{words:?}") };
            assert!(error.starts_with(text), "{error}");
            assert!(!error.chars().any(char::is_control), "{error}");
        }
    }
}
