//! kprobe + kretprobe. The return half needs an instance per call under way; there are few by default and
//! they are shared by the whole machine, so it is attached through tracefs with room for [`MAXACTIVE`].
//!
//! A tracefs event outlives its maker: its name carries who made it, and the next session removes orphans.

use std::io;
use std::os::fd::OwnedFd;

use super::Verdict;
use crate::machine::tracefs::Tracefs;
use crate::machine::{Machine, perf_event_open};

/// Calls under way at once, machine-wide, whose return is still seen. The kernel's own limit (4096).
pub(crate) const MAXACTIVE: u32 = 4096;

const GROUP: &str = "rstrace";

pub(super) fn judge(machine: &Machine, names: &[&str]) -> Verdict {
    if machine.kprobe_pmu().is_none() {
        return Verdict::Refused(
            "this kernel has no kprobes (no kprobe event source: CONFIG_KPROBES)".to_owned(),
        );
    }
    if let Err(error) = find(machine, names) {
        return Verdict::Refused(error);
    }
    match machine.tracefs() {
        Ok(_) => Verdict::Complete,
        Err(why) => Verdict::Lossy(format!(
            "returns are dropped while many calls are blocked anywhere on the machine, as kretprobes can't be given \
             more instances without tracefs ({why})"
        )),
    }
}

/// The first of the names that can be attached to.
pub(crate) fn find<'a>(machine: &Machine, names: &[&'a str]) -> Result<&'a str, String> {
    let mut errors = Vec::new();
    for name in names {
        match open(machine, name, false) {
            Ok(_) => return Ok(name),
            Err(error) => errors.push(format!("{name} ({error})")),
        }
    }
    Err(format!("no kprobe can be set on {}", errors.join(", ")))
}

/// Opens the perf event of a kprobe or kretprobe, without tracefs.
pub(crate) fn open(machine: &Machine, function: &str, ret: bool) -> io::Result<OwnedFd> {
    let pmu = machine.kprobe_pmu().ok_or_else(|| io::Error::from_raw_os_error(libc::ENODEV))?;
    let name = std::ffi::CString::new(function)?;
    let mut attr = libbpf_sys::perf_event_attr { type_: pmu, config: ret.into(), ..Default::default() };
    attr.__bindgen_anon_3.config1 = name.as_ptr() as u64;
    perf_event_open(&mut attr, -1, 0)
}

/// A kretprobe made through tracefs; removed when dropped.
#[derive(Debug)]
pub(crate) struct ReturnEvent<'m> {
    tracefs: &'m Tracefs,
    name: String,
}

impl<'m> ReturnEvent<'m> {
    pub(crate) fn create(tracefs: &'m Tracefs, function: &str, slot: usize) -> io::Result<Self> {
        // several sessions of one process must not collide either
        static SERIAL: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let serial = SERIAL.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let pid = std::process::id();
        let started = start_time(pid).ok_or_else(|| io::Error::other("/proc/self/stat can't be read"))?;
        let name = format!("p{pid}_{started}_{serial}_{slot}");
        tracefs.append("kprobe_events", &format!("r{MAXACTIVE}:{GROUP}/{name} {function}\n"))?;
        Ok(Self { tracefs, name })
    }

    /// Opens it as a perf event.
    pub(crate) fn open(&self) -> io::Result<OwnedFd> {
        let config = self.tracefs.event_id(&format!("{GROUP}/{}", self.name))?;
        let mut attr = libbpf_sys::perf_event_attr {
            type_: libbpf_sys::PERF_TYPE_TRACEPOINT,
            config,
            ..Default::default()
        };
        perf_event_open(&mut attr, -1, 0)
    }

    /// Returns that the kernel dropped for want of an instance, machine-wide.
    pub(crate) fn missed(&self) -> Option<u64> {
        let profile = self.tracefs.read("kprobe_profile").ok()?;
        let line = profile.lines().find(|line| line.split_whitespace().next() == Some(&self.name))?;
        line.split_whitespace().nth(2)?.parse().ok()
    }
}

impl Drop for ReturnEvent<'_> {
    fn drop(&mut self) {
        // what is still in use now is an orphan for the next session to remove
        let _ = remove(self.tracefs, &self.name);
    }
}

fn remove(tracefs: &Tracefs, name: &str) -> io::Result<()> {
    // the kernel lets go of a perf event's use a moment after its descriptor is closed
    let mut result = Ok(());
    for _ in 0..1000 {
        result = tracefs.append("kprobe_events", &format!("-:{GROUP}/{name}\n"));
        match &result {
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            _ => break,
        }
    }
    result
}

/// Removes the events of rstrace processes that are gone.
pub(crate) fn remove_orphans(tracefs: &Tracefs) {
    let Ok(events) = tracefs.read("kprobe_events") else { return };
    for line in events.lines() {
        let Some((_, rest)) = line.split_once(&format!(":{GROUP}/")) else { continue };
        let name = rest.split_whitespace().next().unwrap_or("");
        if maker(name).is_some_and(|(pid, started)| start_time(pid) != Some(started)) {
            let _ = remove(tracefs, name);
        }
    }
}

/// The process that made an event: its id and start time.
fn maker(name: &str) -> Option<(u32, u64)> {
    let mut parts = name.strip_prefix('p')?.split('_');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// When a process started, in clock ticks since boot: tells it from a later one with the same id.
fn start_time(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // field 22; the second one, the name in parentheses, may contain anything
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_s_name_tells_its_maker() {
        assert_eq!(maker("p12_345_0_1"), Some((12, 345)));
        assert_eq!(maker("do_sys_open"), None);
        assert!(start_time(std::process::id()).is_some());
        assert_eq!(start_time(u32::MAX), None);
    }
}
