//! The grammar of opensnoop's command line: the letters and names of BCC's tool, and of those made after it.
//!
//! Only words are recognised here; what they mean, and which go together, is `options.rs`'s business.

use clap::Parser;
use std::ffi::OsString;
use std::path::PathBuf;

pub use crate::cli::Stop;
use crate::cli::{Backend, Loss, Transport, stop};

/// Shows files being opened, in the whole system or by some, with eBPF.
#[derive(Debug, Parser)]
#[command(name = "opensnoop", version, max_term_width = 100, args_override_self = true)]
#[command(override_usage = "opensnoop [OPTIONS]\n       opensnoop [OPTIONS] COMMAND [ARG]...\n       \
                            opensnoop [OPTIONS] --exec COMMAND [ARG]...")]
pub struct Cli {
    /// Show when: seconds since the first open that was shown
    #[arg(short = 'T', long, help_heading = "Output")]
    pub timestamp: bool,

    /// Show the user's id
    #[arg(short = 'U', long, help_heading = "Output")]
    pub print_uid: bool,

    /// Only opens that failed
    #[arg(short = 'x', long, help_heading = "Which opens")]
    pub failed: bool,

    /// Only of the processes with these ids, all their threads
    ///
    /// It can be repeated. Without -p, -t and a command: every process, save opensnoop and those that read its
    /// output by a pipe.
    #[arg(short = 'p', long = "pid", value_name = "PID[,PID]...", help_heading = "Whom to trace")]
    pub pids: Vec<String>,

    /// Only of this thread; the column PID becomes TID
    #[arg(short = 't', long, value_name = "TID", value_parser = clap::value_parser!(u32).range(1..=i32::MAX as i64), help_heading = "Whom to trace")]
    pub tid: Option<u32>,

    /// Only of this user, by id or name
    #[arg(short = 'u', long, value_name = "UID", help_heading = "Which opens")]
    pub uid: Option<String>,

    /// End after so many seconds
    ///
    /// A command that still runs then runs on.
    #[arg(short = 'd', long, value_name = "SECONDS", help_heading = "Which opens")]
    pub duration: Option<String>,

    /// Only of threads whose name contains this
    #[arg(short = 'n', long, value_name = "NAME", help_heading = "Which opens")]
    pub name: Option<OsString>,

    /// Show flags and mode too
    ///
    /// In octal.
    #[arg(short = 'e', long, alias = "extended_fields", help_heading = "Output")]
    pub extended_fields: bool,

    /// Only opens with this flag, such as O_CREAT; several: with all of them (of access modes: any)
    ///
    /// Flags are those of open(2). Of several access modes (`O_RDONLY`, `O_WRONLY`, `O_RDWR`) any will do.
    #[arg(short = 'f', long, value_name = "FLAG", alias = "flag_filter", help_heading = "Which opens")]
    pub flag_filter: Vec<String>,

    /// Show absolute paths
    ///
    /// From the root of the thread's mount namespace. Symbolic links and `..` in the name stand as they were
    /// passed.
    #[arg(short = 'F', long, help_heading = "Output")]
    pub full_path: bool,

    /// Size of the buffer in pages (of each CPU's, with --transport perf), a power of two
    ///
    /// The default is 16 MiB for the ring buffer and 8 MiB for a perf buffer.
    #[arg(short = 'b', long, value_name = "PAGES", help_heading = "How to trace")]
    pub buffer_pages: Option<u32>,

    /// Only of the cgroups whose ids are in the BPF map that is pinned here
    #[arg(long, value_name = "PATH", help_heading = "Which opens")]
    pub cgroupmap: Option<PathBuf>,

    /// Only of the mount namespaces whose inode numbers are in the BPF map that is pinned here
    #[arg(long, value_name = "PATH", help_heading = "Which opens")]
    pub mntnsmap: Option<PathBuf>,

    /// Run the rest of the line as a command and trace it, children too; its exit status is opensnoop's
    ///
    /// What follows belongs to the command, options too.
    #[arg(long, value_name = "COMMAND", num_args = 0.., allow_hyphen_values = true, help_heading = "Whom to trace")]
    pub exec: Vec<OsString>,

    /// With -p or a command: trace children too
    #[arg(long, help_heading = "Whom to trace")]
    pub follow: bool,

    /// Say more: how the kernel is watched, and the account at the end
    #[arg(short = 'v', long, help_heading = "Output")]
    pub verbose: bool,

    /// A JSON object for each open instead of the table
    #[arg(long, help_heading = "Output")]
    pub json: bool,

    /// Write to FILE instead of standard output
    #[arg(short = 'o', long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// How to attach
    #[arg(long, value_name = "KIND", value_enum, default_value_t, help_heading = "How to trace")]
    pub backend: Backend,

    /// How events come from the kernel
    #[arg(long, value_name = "KIND", value_enum, default_value_t, help_heading = "How to trace")]
    pub transport: Transport,

    /// What to do when opens are made faster than they can be shown; by default never, with the whole machine drop
    #[arg(long, value_name = "WHAT", value_enum, help_heading = "How to trace")]
    pub loss: Option<Loss>,

    /// Print the account of opens seen, delivered and lost at the end
    #[arg(long, help_heading = "Output")]
    pub stats: bool,

    /// Fail if an open was lost
    #[arg(long, help_heading = "Output")]
    pub strict: bool,

    /// Say what this machine offers for tracing opens and what is not seen, and end
    #[arg(long, help_heading = "How to trace")]
    pub doctor: bool,

    /// A program to run and trace, with its arguments
    ///
    /// All its threads are traced. Its exit status is opensnoop's.
    #[arg(value_name = "COMMAND", trailing_var_arg = true, help_heading = "Whom to trace")]
    pub command: Vec<OsString>,
}

impl Cli {
    /// Recognises the words of a command line, the program's name first.
    pub fn recognise(words: impl IntoIterator<Item = impl Into<OsString>>) -> Result<Self, Stop> {
        let words: Vec<OsString> = words.into_iter().map(Into::into).collect();
        // Behind --exec nothing is ours. It is not --exec where it is the value of an option before it, or
        // belongs to a command.
        for (at, _) in words.iter().enumerate().filter(|(_, word)| *word == "--exec") {
            if words[at - 1] != "--"
                && let Ok(cli) = Self::try_parse_from(&words[..at])
                && cli.command.is_empty()
            {
                let exec = words[at + 1..].to_vec();
                if exec.is_empty() {
                    return Err(Stop::Error("a command is required behind --exec".to_owned()));
                }
                return Ok(Self { exec, ..cli });
            }
        }
        Self::try_parse_from(words).map_err(|error| stop(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn cli(words: &[&str]) -> Cli {
        Cli::recognise(["opensnoop"].iter().chain(words).copied()).expect("a command line")
    }

    #[test]
    fn the_grammar_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_is_in_the_manual_page_and_in_the_book() {
        let manual = crate::cli::without_fonts(include_str!("../../../docs/man/opensnoop.8"));
        let page = include_str!("../../../docs/src/opensnoop.md");
        let mut command = Cli::command();
        command.build();
        let short = command.get_arguments().filter_map(|arg| Some(format!("-{}", arg.get_short()?)));
        let long = command.get_arguments().filter_map(|arg| Some(format!("--{}", arg.get_long()?)));
        for option in short.chain(long) {
            for (text, name) in [(manual.as_str(), "opensnoop.8"), (page, "opensnoop.md")] {
                assert!(crate::cli::has_word(text, &option), "{option} is not in {name}");
            }
        }
    }

    #[test]
    fn the_letters_are_those_of_bcc_and_may_be_joined() {
        let cli = cli(&["-TUxeF", "-p181", "-t", "182", "-u1000", "-d", "10", "-n", "main"]);
        assert!(cli.timestamp && cli.print_uid && cli.failed && cli.extended_fields && cli.full_path);
        assert_eq!((cli.pids, cli.tid), (vec!["181".to_owned()], Some(182)));
        assert_eq!((cli.uid.as_deref(), cli.duration.as_deref()), (Some("1000"), Some("10")));
        assert_eq!(cli.name, Some("main".into()));
    }

    #[test]
    fn the_long_names_are_those_of_both_families() {
        let bcc = cli(&["--extended_fields", "--flag_filter", "O_RDWR", "--buffer-pages", "64"]);
        let libbpf = cli(&["--extended-fields", "--flag-filter", "O_RDWR", "-b", "64", "--verbose"]);
        assert!(bcc.extended_fields && libbpf.extended_fields && libbpf.verbose);
        assert_eq!((&bcc.flag_filter, bcc.buffer_pages), (&libbpf.flag_filter, libbpf.buffer_pages));
    }

    #[test]
    fn several_flags_are_several_options() {
        assert_eq!(cli(&["-f", "O_WRONLY", "-f", "O_RDWR"]).flag_filter, ["O_WRONLY", "O_RDWR"]);
    }

    #[test]
    fn behind_exec_nothing_is_an_option() {
        let given = cli(&["-x", "--exec", "sh", "-c", "true", "--", "-T", "--exec"]);
        assert_eq!(given.exec, ["sh", "-c", "true", "--", "-T", "--exec"]);
        assert!(given.failed && !given.timestamp && given.command.is_empty());
    }

    #[test]
    fn exec_of_another_is_none() {
        let given = cli(&["cat", "--exec", "x"]);
        assert_eq!((given.command, given.exec.len()), (vec!["cat".into(), "--exec".into(), "x".into()], 0));
        let given = cli(&["--", "--exec", "x"]);
        assert_eq!(given.command, ["--exec", "x"]);
    }

    #[test]
    fn exec_of_nothing_is_an_error() {
        let stop = Cli::recognise(["opensnoop", "-x", "--exec"]).expect_err("no command");
        assert_eq!(stop, Stop::Error("a command is required behind --exec".to_owned()));
    }
}
