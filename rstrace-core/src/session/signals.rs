//! Signals to rstrace itself: which wait to be read, and what they do.

use nix::sys::signal::{self, SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;

use super::Session;
use super::end::End;
use super::options::Interrupts;
use crate::error::{Context, Result};

/// Blocks those that may end rstrace for the calling thread, and says where those to be handled are read.
pub(super) fn block(interrupts: Interrupts) -> Result<SignalFd> {
    let mut mask = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
        // what the caller has ignored (nohup, a shell's background) stays ignored
        if !is_ignored(signal) {
            mask.add(signal);
        }
    }
    if interrupts == Interrupts::BlockedAndStop {
        mask.add(Signal::SIGTSTP);
    }
    mask.thread_block().context("sigprocmask")?;
    if interrupts != Interrupts::Handled {
        // they wait until rstrace ends
        mask = SigSet::empty();
    }
    SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).context("signalfd")
}

fn is_ignored(signal: Signal) -> bool {
    // SAFETY: a null action changes nothing, and the old one is ours to write to; zero bytes are a valid one.
    unsafe {
        let mut old: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal as i32, std::ptr::null(), &mut old) == 0 && old.sa_sigaction == libc::SIG_IGN
    }
}

impl Session<'_> {
    /// Signals to rstrace. A command that still runs decides about them itself: the terminal sends them to it as
    /// well, and what was sent to rstrace alone is passed on.
    pub(super) fn handle_signals(&mut self) -> Result<Option<Signal>> {
        while let Some(info) = self.signals.read_signal().context("signalfd")? {
            let Ok(signal) = Signal::try_from(info.ssi_signo as i32) else { continue };
            match &self.end {
                End::Command { process, .. }
                    if !process.has_ended() && !self.attached.has_let_go_of_command() =>
                {
                    // not from the kernel: sent to rstrace alone
                    if info.ssi_code <= 0 {
                        let _ = signal::kill(Pid::from_raw(process.pid as i32), signal);
                    }
                }
                _ => return Ok(Some(signal)),
            }
        }
        Ok(None)
    }
}
