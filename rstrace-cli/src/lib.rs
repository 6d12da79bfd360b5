//! The commands `rstrace` and `opensnoop`: arguments to a validated task, the task to a session, its end to an exit
//! status. What belongs to one of them: `cli`, `options` and `trace` to rstrace, `opensnoop` to the other.

mod cli;
mod doctor;
pub mod opensnoop;
mod options;
mod output;
#[doc(hidden)]
pub mod replay;
mod run;
mod stats;
mod trace;

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::OnceLock;

use clap::CommandFactory;
use cli::{Cli, Stop};
use options::Task;

/// The exit status of a tracer that could not do its work, as strace has it.
const FAILURE: u8 = 1;

/// The name of the command that runs, before its messages.
static NAME: OnceLock<&str> = OnceLock::new();

/// The `rstrace` command.
pub fn rstrace() -> ExitCode {
    NAME.get_or_init(|| "rstrace");
    let task = match Cli::recognise(std::env::args_os()) {
        Ok(cli) => Task::new(cli),
        Err(Stop::Shown(text)) => return print(&text),
        Err(Stop::Error(error)) => return fail(&error, FAILURE),
    };
    match task {
        Ok(Task::List) => print(&list()),
        Ok(Task::Doctor) => {
            match doctor::report(&rstrace_probes::REGISTRY.iter().map(|entry| entry.name).collect::<Vec<_>>())
            {
                Ok(text) => print(&text),
                Err(error) => fail(&format_args!("nothing can be traced: {error}"), FAILURE),
            }
        }
        Ok(Task::Completions(shell)) => print(&cli::completions(shell)),
        Ok(Task::Trace(options)) => trace::run(&options),
        Err(error) => fail(&error, FAILURE),
    }
}

/// The grammars of both commands, for what is written from them.
#[doc(hidden)]
pub fn grammars() -> [clap::Command; 2] {
    [Cli::command(), opensnoop::grammar()]
}

/// Says what is wrong, in one line. What the traced world named may be in it: nothing of that goes out raw.
fn fail(error: &dyn Display, status: u8) -> ExitCode {
    say(&error.to_string());
    ExitCode::from(status)
}

/// A message of the tracer's own.
fn say(message: &str) {
    let safe: String = message
        .chars()
        .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() })
        .collect();
    // with standard error gone there is nobody left to tell
    let _ = writeln!(io::stderr(), "{}: {safe}", NAME.get_or_init(|| "rstrace"));
}

fn print(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => fail(&format_args!("standard output can't be written: {error}"), FAILURE),
    }
}

fn list() -> String {
    let width = rstrace_probes::REGISTRY.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    let line = |entry: &rstrace_probes::Entry| format!("{:width$}  {}\n", entry.name, entry.summary);
    rstrace_probes::REGISTRY.iter().map(line).collect()
}
