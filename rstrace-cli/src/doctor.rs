//! `--doctor`: what this machine offers for each probe, a line per combination, for people and for scripts.

use std::fmt::Write;

use rstrace_core::Machine;
use rstrace_core::doctor::{Trouble, examine};

/// The whole report.
pub fn report() -> String {
    let machine = Machine::new();
    let mut text = String::new();
    if let Err(error) = machine.check() {
        return format!("nothing can be traced: {error}\n");
    }
    let preemption = machine.preemption().name();
    let release = nix::sys::utsname::uname().map(|u| u.release().to_string_lossy().into_owned());
    let _ = writeln!(text, "kernel {}, preemption {preemption}", release.unwrap_or_default());
    let tracefs = machine.tracefs_state();
    let _ = writeln!(text, "tracefs {tracefs}");
    for entry in rstrace_probes::REGISTRY {
        for finding in examine(&machine, (entry.all)().as_ref()) {
            let _ = write!(text, "{} {}", finding.probe, finding.backend);
            if let Some(transport) = finding.transport {
                let _ = write!(text, " {}", transport.name());
            }
            let chosen = if finding.chosen { ", chosen" } else { "" };
            let _ = match finding.trouble {
                None => writeln!(text, " usable{chosen}"),
                Some(Trouble::Lossy(when)) => writeln!(text, " usable{chosen}, but: {when}"),
                Some(Trouble::Refused(reason)) => writeln!(text, " refused: {reason}"),
            };
        }
    }
    text
}
