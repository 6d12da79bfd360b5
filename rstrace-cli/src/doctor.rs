//! `--doctor`: what this machine offers for each probe, a line per combination, for people and for scripts.

use std::fmt::Write;

use rstrace_core::Machine;
use rstrace_core::describe::Limits;
use rstrace_core::doctor::{Trouble, examine, unseen_by_functions};

/// The report for the probes of these names; the error is why nothing can be traced at all.
pub fn report(probes: &[&str]) -> Result<String, rstrace_core::Error> {
    let machine = Machine::new();
    machine.check()?;
    let mut text = String::new();
    let preemption = machine.preemption().name();
    let release = nix::sys::utsname::uname().map(|u| u.release().to_string_lossy().into_owned());
    let _ = writeln!(text, "kernel {}, preemption {preemption}", release.unwrap_or_default());
    let tracefs = machine.tracefs_state();
    let _ = writeln!(text, "tracefs {tracefs}");
    for entry in rstrace_probes::REGISTRY.iter().filter(|entry| probes.contains(&entry.name)) {
        let probe = (entry.make)(Limits::of_length(32));
        if !probe.unseen().is_empty() {
            let _ = writeln!(text, "{}: no backend sees {}", entry.name, probe.unseen());
        }
        if let Some(unseen) = unseen_by_functions(probe.as_ref()) {
            let _ = writeln!(text, "{}: fentry and kprobe do not see {unseen}", entry.name);
        }
        for finding in examine(&machine, probe.as_ref()) {
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
    Ok(text)
}
