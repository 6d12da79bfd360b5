//! Runs a trace: the options to a session, its events to the output, its end to an exit status.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use nix::sys::resource::{Resource, setrlimit};
use rstrace_core::event::WaitStatus;
use rstrace_core::{ErrorKind, Machine, Report, Session};

use crate::cli;
use crate::options::{Options, Target};
use crate::output::text::Text;
use crate::{FAILURE, fail, say, stats};

/// The exit status of `--strict` when something was lost and the command itself succeeded.
const LOST: u8 = 3;

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
    let probes = options.probes.iter().map(|selection| selection.probe()).collect();
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
            stats::warn(&report);
        }
    }
    end(options, &report)
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
        backend: match options.backend {
            cli::Backend::Auto => None,
            cli::Backend::Kprobe => Some(rstrace_core::Backend::Kprobe),
            cli::Backend::Fentry => Some(rstrace_core::Backend::Fentry),
            cli::Backend::Tracepoint => Some(rstrace_core::Backend::Tracepoint),
        },
        transport: match options.transport {
            cli::Transport::Auto => None,
            cli::Transport::Perf => Some(rstrace_core::Transport::Perf),
            cli::Transport::Ring => Some(rstrace_core::Transport::Ring),
        },
        buffer: options.buffer.map(|bytes| bytes as usize),
        uid: options.uid,
    }
}

fn threads(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    tasks.filter_map(|task| task.file_name().to_str()?.parse().ok()).collect()
}

/// As a shell says it of a command that can't be run.
fn status_of(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::CommandNotFound => 127,
        ErrorKind::CommandNotExecutable => 126,
        _ => FAILURE,
    }
}

/// The command's own end is rstrace's.
fn end(options: &Options, report: &Report) -> ExitCode {
    let missed = report.ledger.recursion.is_some_and(|misses| misses > 0);
    let lost = options.strict && (report.ledger.anything_lost() || missed);
    match report.command {
        Some(WaitStatus::Exited(0)) if lost => ExitCode::from(LOST),
        Some(WaitStatus::Exited(code)) => ExitCode::from(code),
        Some(WaitStatus::Signaled { signal, .. }) => die_by(signal.into()),
        _ if lost => ExitCode::from(LOST),
        _ => match report.interrupted {
            Some(signal) if !report.closed => die_by(signal as i32),
            _ => ExitCode::SUCCESS,
        },
    }
}

/// Ends by a signal, without a core dump of our own. Real-time signals are signals too, so it is a number.
fn die_by(signal: i32) -> ExitCode {
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    // SAFETY: the default disposition runs no code of ours, and the set is ours to write to.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut());
        libc::raise(signal);
    }
    // signals that don't end a process: as a shell says it
    ExitCode::from(128 + signal as u8)
}
