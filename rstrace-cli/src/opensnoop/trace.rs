//! Runs opensnoop: the options to a session, its opens to the table or to JSON, its end to an exit status.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use rstrace_core::event::{Event, EventKind};
use rstrace_core::{ErrorKind, Machine, Session, Sink, Target};

use super::json::Json;
use super::options::Options;
use super::row::Row;
use super::table::Table;
use crate::run::{end, status_of};
use crate::{FAILURE, fail, say, stats};

/// What is written is handed on in blocks of about this many bytes.
const BLOCK: usize = 64 * 1024;

/// A way to write opens.
pub trait Format {
    /// What stands before the first of them.
    fn header(&self, out: &mut Vec<u8>);
    /// An open.
    fn row(&mut self, out: &mut Vec<u8>, row: &Row<'_>);
    /// Another event. Returns how many opens are missing here, which is said to the user.
    fn event(&mut self, out: &mut Vec<u8>, event: &Event<'_>) -> u64;
}

/// The output: a format, and where it goes.
struct Output {
    format: Box<dyn Format>,
    bytes: Vec<u8>,
    to: Box<dyn Write>,
    /// Opens lost since it was last said.
    lost: u64,
}

impl Output {
    fn hand_on(&mut self) -> io::Result<()> {
        let result = self.to.write_all(&self.bytes);
        // What could not be written is not written again: a part of it may be out.
        self.bytes.clear();
        result
    }
}

impl Sink for Output {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match &event.kind {
            EventKind::Call(call) => self.format.row(&mut self.bytes, &Row::new(event, call)),
            _ => self.lost += self.format.event(&mut self.bytes, event),
        }
        if self.bytes.len() < BLOCK { Ok(()) } else { self.hand_on() }
    }

    fn idle(&mut self) -> io::Result<()> {
        self.hand_on()?;
        self.to.flush()?;
        // once for a whole burst, and behind what came of it
        if self.lost > 0 {
            say(&format!("{} opens lost: the buffer was full", self.lost));
            self.lost = 0;
        }
        Ok(())
    }
}

/// Traces as the options say.
pub fn run(options: &Options) -> ExitCode {
    let to: Box<dyn Write> = match &options.output {
        None => Box::new(io::stdout()),
        Some(path) => match File::create(path) {
            Ok(file) => Box::new(file),
            Err(error) => return fail(&format_args!("-o {}: {error}", path.display()), FAILURE),
        },
    };
    let machine = Machine::new();
    let session = match Session::start(&machine, &options.session, vec![Box::new(options.probe())]) {
        Ok(session) => session,
        Err(error) => return fail(&error, status_of(error.kind())),
    };
    for warning in session.warnings() {
        say(warning);
    }
    if options.verbose {
        say(&format!("attached, {}", session.means()));
    }
    let terminal = options.output.is_none() && io::stdout().is_terminal();
    let format: Box<dyn Format> = match options.columns {
        Some(columns) => Box::new(Table::new(columns, terminal)),
        None => Box::new(Json::default()),
    };
    let mut output = Output { format, bytes: Vec::new(), to, lost: 0 };
    output.format.header(&mut output.bytes);
    // the header says that everything is attached; a reader that is gone already is found out by the session
    let _ = output.to.write_all(&output.bytes).and_then(|()| output.to.flush());
    output.bytes.clear();
    let mut report = match session.run(&mut output) {
        Ok(report) => report,
        Err(error) => {
            return match (error.kind(), &options.output) {
                (ErrorKind::Output, Some(path)) => {
                    fail(&format_args!("-o {}: {error}", path.display()), FAILURE)
                }
                (kind, _) => fail(&error, status_of(kind)),
            };
        }
    };
    if !report.closed {
        if report.expired
            && report.command.is_none()
            && matches!(options.session.target, Target::Launch { .. })
        {
            say("the time is over: the command runs on");
        }
        if options.stats {
            stats::print(&report);
        } else {
            stats::warn(&report, "-b");
        }
    }
    // Ctrl-C is how a table is ended, and no failure
    report.interrupted.take_if(|signal| *signal as i32 == libc::SIGINT);
    end(&report, options.strict)
}
