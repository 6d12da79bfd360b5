//! The `opensnoop` command: files being opened, as a table, with the options of the tools of that name.
//!
//! The engine and the `open` probe are rstrace's. What is here: the options, the filters that they become, and the
//! table.

mod cli;
mod escape;
mod json;
mod options;
mod row;
mod table;
mod trace;

use std::process::ExitCode;

use crate::{FAILURE, NAME, doctor, fail, print};
use cli::{Cli, Stop};
use options::Task;

/// Its grammar, for what is written from it.
pub(crate) fn grammar() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

/// The `opensnoop` command.
pub fn main() -> ExitCode {
    NAME.get_or_init(|| "opensnoop");
    let task = match Cli::recognise(std::env::args_os()) {
        Ok(cli) => Task::new(cli),
        Err(Stop::Shown(text)) => return print(&text),
        Err(Stop::Error(error)) => return fail(&error, FAILURE),
    };
    match task {
        Ok(Task::Doctor) => match doctor::report(&["open"]) {
            Ok(text) => print(&text),
            Err(error) => fail(&format_args!("nothing can be traced: {error}"), FAILURE),
        },
        Ok(Task::Trace(options)) => trace::run(&options),
        Err(error) => fail(&error, FAILURE),
    }
}
