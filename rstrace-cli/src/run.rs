//! What the commands share of a trace: how its end becomes an exit status.

use std::process::ExitCode;

use nix::sys::resource::{Resource, setrlimit};
use rstrace_core::event::WaitStatus;
use rstrace_core::{ErrorKind, Report};

use crate::FAILURE;

/// The exit status of `--strict` when something was lost and the command itself succeeded.
const LOST: u8 = 3;

/// As a shell says it of a command that can't be run.
pub fn status_of(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::CommandNotFound => 127,
        ErrorKind::CommandNotExecutable => 126,
        _ => FAILURE,
    }
}

/// The command's own end is the tracer's. `strict`: a lost call is a failure.
pub fn end(report: &Report, strict: bool) -> ExitCode {
    let missed = report.ledger.recursion.is_some_and(|misses| misses > 0);
    let lost = strict && (report.ledger.anything_lost() || missed);
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
