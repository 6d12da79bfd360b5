//! Runs a trace: the options to a session, its events to the output, its end to an exit status.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use rstrace_core::{ErrorKind, Machine, Report, Session};

use crate::options::{Options, Target};
use crate::output::text::Text;
use crate::run::{end, status_of};
use crate::{FAILURE, fail, say, stats};

/// Traces as the options say.
pub fn run(options: &Options) -> ExitCode {
    let sink: Box<dyn Write> = match &options.output {
        None => Box::new(io::stderr()),
        Some(path) => match File::create(path) {
            Ok(file) => Box::new(file),
            Err(error) => return fail(&format_args!("-o {}: {error}", path.display()), FAILURE),
        },
    };
    let machine = Machine::new();
    let probes = options.selection.probes(options.capture_limits());
    let session = match Session::start(&machine, &core_options(options), probes) {
        Ok(session) => session,
        Err(error) => return fail(&error, status_of(error.kind())),
    };
    for warning in session.warnings() {
        say(warning);
    }
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let mut text = Text::new(sink, options.style(colour));
    attached(options, &mut text);
    let report = match session.run(&mut text) {
        Ok(report) => report,
        Err(error) => {
            let _ = text.finish();
            return match (error.kind(), &options.output) {
                (ErrorKind::Output, Some(path)) => {
                    fail(&format_args!("-o {}: {error}", path.display()), FAILURE)
                }
                (kind, _) => fail(&error, status_of(kind)),
            };
        }
    };
    let closed = report.closed || text.finish().is_err_and(|e| e.kind() == io::ErrorKind::BrokenPipe);
    if !closed {
        detached(options, &report);
        if options.stats {
            stats::print(&report);
        } else {
            stats::warn(&report, "--buffer");
        }
    }
    end(&report, options.strict)
}

/// Says that everything is attached to what was running already.
fn attached<W: Write>(options: &Options, text: &mut Text<W>) {
    let quiet = options.quiet > 0;
    match &options.target {
        Target::Pids(pids) => {
            for pid in pids {
                let threads = threads(*pid);
                if !quiet {
                    let with = match threads.len() {
                        0 | 1 => String::new(),
                        several => format!(" with {several} threads"),
                    };
                    say(&format!("Process {pid} attached{with}"));
                }
                text.know(threads);
            }
        }
        Target::Tid(tid) if !quiet => say(&format!("Process {tid} attached")),
        Target::All if !quiet => say("all processes attached"),
        _ => {}
    }
}

/// Says that processes which run on are traced no longer.
fn detached(options: &Options, report: &Report) {
    if report.interrupted.is_none() || options.quiet > 0 {
        return;
    }
    let tids: &[u32] = match &options.target {
        Target::Pids(pids) => pids,
        Target::Tid(tid) => std::slice::from_ref(tid),
        _ => &[],
    };
    for tid in tids.iter().filter(|tid| std::fs::metadata(format!("/proc/{tid}")).is_ok()) {
        say(&format!("Process {tid} detached"));
    }
}

fn core_options(options: &Options) -> rstrace_core::Options {
    let follow = options.follow;
    rstrace_core::Options {
        target: match &options.target {
            Target::Command { argv, user } => {
                rstrace_core::Target::Launch { argv: argv.clone(), user: user.clone(), follow }
            }
            Target::Pids(pids) => rstrace_core::Target::Processes { pids: pids.clone(), follow },
            Target::Tid(tid) => rstrace_core::Target::Thread(*tid),
            Target::All => rstrace_core::Target::All,
        },
        backend: options.backend.forced(),
        transport: options.transport.forced(),
        buffer: options.buffer.map(|bytes| bytes as usize),
        uid: options.uid,
        loss: options.loss(),
        signals: options.shows_signals().then_some(&rstrace_probes::SIGINFO),
        filter: rstrace_core::Filter::default(),
        duration: None,
    }
}

fn threads(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    tasks.filter_map(|task| task.file_name().to_str()?.parse().ok()).collect()
}
