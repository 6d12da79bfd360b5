//! Runs a trace: the options to a session, its events to the output, its end to an exit status.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

use rstrace_core::event::{Event, EventKind};
use rstrace_core::statistics::Statistics;
use rstrace_core::{ErrorKind, Machine, Report, Session};

use crate::options::{Destination, Options, Summary, Target};
use crate::output::json::Objects;
use crate::output::text::{Files, Text};
use crate::output::{Output, Start, Whom};
use crate::run::{end, status_of};
use crate::{FAILURE, fail, say, stats};

/// Traces as the options say.
pub fn run(options: &Options) -> ExitCode {
    let (sink, reader) = match open(options.output.as_ref()) {
        Ok(opened) => opened,
        Err(error) => return fail(&error, FAILURE),
    };
    let traced = trace(options, sink);
    // what it prints belongs to the trace, so it is waited for; how it ends is its own business
    if let Some(mut reader) = reader {
        let _ = reader.wait();
    }
    match traced {
        Ok(report) => end(&report, options.strict),
        Err(status) => status,
    }
}

/// Where the lines go, and who reads them if that was started for it.
fn open(output: Option<&Destination>) -> Result<(Box<dyn Write>, Option<Child>), String> {
    let failed =
        |error: io::Error| format!("-o {}: {error}", output.map(Destination::name).unwrap_or_default());
    match output {
        None => Ok((Box::new(io::stderr()), None)),
        // made when their threads are known
        Some(Destination::Files { .. }) => Ok((Box::new(io::sink()), None)),
        Some(Destination::File { path, append: false }) => {
            Ok((Box::new(File::create(path).map_err(failed)?), None))
        }
        Some(Destination::File { path, append: true }) => {
            let file = File::options().append(true).create(true).open(path).map_err(failed)?;
            Ok((Box::new(file), None))
        }
        Some(Destination::Pipe(words)) => {
            let mut shell = Command::new("/bin/sh");
            shell.arg("-c").arg(words).stdin(Stdio::piped());
            let mut reader = shell.spawn().map_err(failed)?;
            let stdin = reader.stdin.take().ok_or_else(|| failed(io::ErrorKind::BrokenPipe.into()))?;
            Ok((Box::new(stdin), Some(reader)))
        }
    }
}

/// Traces to the end; the account, or the status of what failed and has been said. The sink is closed after it.
fn trace(options: &Options, sink: Box<dyn Write>) -> Result<Report, ExitCode> {
    let machine = Machine::new();
    let probes = options.selection.probes(options.capture_limits(), &options.manners);
    let session = match Session::start(&machine, &core_options(options), probes) {
        Ok(session) => session,
        Err(error) => return Err(fail(&error, status_of(error.kind()))),
    };
    if options.says_messages() {
        for (given, path) in options.resolved.iter().filter(|_| !options.quiet.path_resolution) {
            say(&format!("Requested path \"{}\" resolved into \"{}\"", shown(given), shown(path)));
        }
        session.warnings().iter().for_each(|warning| say(warning));
    }
    let files = match &options.output {
        Some(Destination::Files { prefix, append }) => {
            let mut files = Files::new(prefix.clone(), *append);
            // what can't be made is found out before anything is traced
            for id in session.targets() {
                if let Err(error) = files.write(id, b"") {
                    return Err(fail(&format_args!("-o {}: {error}", prefix.display()), FAILURE));
                }
            }
            Some(files)
        }
        _ => None,
    };
    let mut output: Box<dyn Output> = if options.json {
        Box::new(Objects::new(sink, options.capture_limits(), options.signals.unwrap_or(u64::MAX)))
    } else {
        let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        let text = Text::new(sink, options.style(colour));
        Box::new(match files {
            Some(files) => text.into_files(files),
            None => text,
        })
    };
    let start = Start { whom: whom(&options.target), follow: options.follow, warnings: session.warnings() };
    // a reader that is gone already is found out by the session
    let _ = output.start(&start);
    attached(options, output.as_mut());
    let mut sink = Sink {
        output: output.as_mut(),
        summary: options.summary.as_ref(),
        started: Instant::now(),
        let_go: HashSet::new(),
        says_let_go: says_let_go(options),
    };
    let traced = session.run(&mut sink);
    let let_go = std::mem::take(&mut sink.let_go);
    let report = match traced {
        Ok(report) => report,
        Err(error) => {
            let _ = output.finish(None);
            return Err(match (error.kind(), &options.output) {
                (ErrorKind::Output, Some(output)) => {
                    fail(&format_args!("-o {}: {error}", output.name()), FAILURE)
                }
                (kind, _) => fail(&error, status_of(kind)),
            });
        }
    };
    let mut running = running_on(options, &report);
    running.retain(|id| !let_go.contains(id));
    running.iter().for_each(|id| output.detached(*id));
    let finished = output.finish(Some(&report)).and_then(|()| totals(options, &report, output.as_mut()));
    let closed = report.closed || finished.is_err_and(|e| e.kind() == io::ErrorKind::BrokenPipe);
    if !closed {
        if options.syscall_limit == Some(report.ledger.delivered) && options.says_messages() {
            say("System call limit has been reached, detaching tracees");
        }
        let runs_on =
            report.expired && report.command.is_none() && matches!(options.target, Target::Command { .. });
        if runs_on && options.says_messages() {
            say("tracing is over: the command runs on");
        }
        if !options.quiet.attach && options.says_messages() {
            running.iter().for_each(|id| say(&format!("Process {id} detached")));
        }
        if options.stats {
            stats::print(&report);
        } else if options.says_messages() {
            stats::warn(&report, "--buffer");
        }
    }
    Ok(report)
}

/// Where a session's events go, and its statistics.
struct Sink<'a> {
    output: &'a mut dyn Output,
    summary: Option<&'a Summary>,
    started: Instant,
    /// Processes that are traced no more.
    let_go: HashSet<u32>,
    /// Whether that is said here, as the output is a file.
    says_let_go: bool,
}

impl rstrace_core::Sink for Sink<'_> {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        if let EventKind::LetGo = event.kind {
            self.let_go.insert(event.tgid);
            if self.says_let_go {
                say(&format!("Process {} detached", event.tgid));
            }
        }
        self.output.event(event)
    }

    fn idle(&mut self) -> io::Result<()> {
        self.output.idle()
    }

    fn overdue(&mut self, complete_ns: u64, ask: &mut dyn FnMut(Option<u32>, u32)) {
        self.output.overdue(complete_ns, ask);
    }

    fn statistics(&mut self, statistics: &Statistics) -> io::Result<()> {
        let Some(summary) = self.summary else { return Ok(()) };
        let after = self.started.elapsed().as_secs_f64();
        let table = summary.style.text(statistics);
        let lines = if table.is_empty() { "no calls\n" } else { &table };
        self.output.interject(&format!("after {after:.1} s:\n{lines}\n"))
    }
}

/// The statistics of the whole trace.
fn totals(options: &Options, report: &Report, output: &mut dyn Output) -> io::Result<()> {
    let (Some(summary), Some(statistics)) = (&options.summary, &report.statistics) else { return Ok(()) };
    let table = summary.style.text(statistics);
    let head = if summary.interval.is_some() && !table.is_empty() { "in all:\n" } else { "" };
    output.interject(&format!("{head}{table}"))
}

/// Says that everything is attached to what was running already.
fn attached(options: &Options, output: &mut dyn Output) {
    let quiet = options.quiet.attach || !options.says_messages();
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
                output.attached(*pid, &threads);
            }
        }
        Target::Tid(tid) if !quiet => say(&format!("Process {tid} attached")),
        Target::All if !quiet => say("all processes attached"),
        _ => {}
    }
}

/// Whether a message of its own tells of each process that is let go: of a command in a file the lines are all.
fn says_let_go(options: &Options) -> bool {
    let is_command = matches!(options.target, Target::Command { .. });
    options.output.is_some() && !is_command && !options.quiet.attach
}

/// The processes, or the thread, that are traced no longer and run on.
fn running_on(options: &Options, report: &Report) -> Vec<u32> {
    let tids: &[u32] = match &options.target {
        _ if report.interrupted.is_none() && !report.expired => &[],
        Target::Pids(pids) => pids,
        Target::Tid(tid) => std::slice::from_ref(tid),
        _ => &[],
    };
    tids.iter().copied().filter(|tid| std::fs::metadata(format!("/proc/{tid}")).is_ok()).collect()
}

fn whom(target: &Target) -> Whom<'_> {
    match target {
        Target::Command { argv, .. } => Whom::Command(argv),
        Target::Pids(pids) => Whom::Processes(pids),
        Target::Tid(tid) => Whom::Thread(*tid),
        Target::All => Whom::All,
    }
}

fn core_options(options: &Options) -> rstrace_core::Options {
    let follow = options.follow;
    rstrace_core::Options {
        target: match &options.target {
            Target::Command { argv, argv0, env, user, apart } => rstrace_core::Target::Launch {
                apart: *apart,
                argv: argv.clone(),
                argv0: argv0.clone(),
                env: env.clone(),
                user: user.clone(),
                follow,
            },
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
        callers: options.json || options.ids.comm,
        pointers: options.prefixes.pointer,
        stacks: options.stacks,
        interrupts: options.interrupts,
        let_go: options.let_go,
        kill: options.kill,
        counting: options.summary.as_ref().map(Summary::counting),
        filter: options.filter.clone(),
        duration: options.duration,
        calls: options.calls,
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().escape_debug().to_string()
}

fn threads(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    tasks.filter_map(|task| task.file_name().to_str()?.parse().ok()).collect()
}
