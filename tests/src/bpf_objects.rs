//! What a tracer could leave behind in the kernel: BPF programs, maps and links by id, and tracefs events.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

/// `BPF_PROG_GET_NEXT_ID` and its like of `enum bpf_cmd`, with the word that stands in `/proc/PID/fdinfo`.
const KINDS: [(&str, libc::c_int); 3] = [("prog_id", 11), ("map_id", 12), ("link_id", 31)];

/// One object: its kind and its id.
type Object = (&'static str, u32);

/// All BPF objects and tracefs events at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    objects: BTreeSet<Object>,
    events: BTreeSet<String>,
}

/// What was not there before, and belongs to nobody who lives.
#[derive(Debug)]
pub struct Leftovers {
    /// BPF objects by kind and id.
    pub objects: Vec<(&'static str, u32)>,
    /// Lines of tracefs' lists of dynamic events.
    pub events: Vec<String>,
}

impl Snapshot {
    /// What is there now.
    #[track_caller]
    pub fn take() -> Self {
        let objects = KINDS.iter().flat_map(|&(kind, command)| ids(kind, command)).collect();
        Self { objects, events: dynamic_events().into_iter().collect() }
    }

    /// What came since and has no owner: others on this machine may load programs too, but theirs are
    /// held by a file descriptor of a living process.
    #[track_caller]
    pub fn leftovers(&self) -> Leftovers {
        let now = Self::take();
        let mut objects: Vec<Object> = now.objects.difference(&self.objects).copied().collect();
        if !objects.is_empty() {
            let held = held_by_processes();
            // Those that went away meanwhile were being freed.
            let still = Self::take();
            objects.retain(|o| !held.contains(o) && still.objects.contains(o));
        }
        let ours = now.events.difference(&self.events).filter(|e| is_of_rstrace(e));
        Leftovers { objects, events: ours.cloned().collect() }
    }

    /// Waits up to 5 s for the kernel to free what came since; fails the test if something stays.
    #[track_caller]
    pub fn nothing_is_left(&self) {
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            let left = self.leftovers();
            if left.objects.is_empty() && left.events.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "left behind after 5 s: {left:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The dynamic events that carry rstrace's name.
pub fn tracefs_events_of_rstrace() -> Vec<String> {
    dynamic_events().into_iter().filter(|e| is_of_rstrace(e)).collect()
}

fn is_of_rstrace(event: &str) -> bool {
    event.contains("rstrace")
}

fn dynamic_events() -> Vec<String> {
    let mut events = Vec::new();
    for folder in ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"] {
        for list in ["kprobe_events", "uprobe_events"] {
            // No tracefs, or a kernel without that kind: no events.
            let text = fs::read_to_string(format!("{folder}/{list}")).unwrap_or_default();
            events.extend(text.lines().map(str::to_owned));
        }
    }
    events
}

#[track_caller]
fn ids(kind: &'static str, command: libc::c_int) -> Vec<Object> {
    let mut found = Vec::new();
    // start_id (in), next_id (out), open_flags: the struct of these commands in `union bpf_attr`.
    let mut attr = [0u32; 3];
    loop {
        // SAFETY: the attribute is as long as it says and outlives the call.
        let result = unsafe {
            libc::syscall(libc::SYS_bpf, command, attr.as_mut_ptr(), size_of_val(&attr) as libc::c_uint)
        };
        if result != 0 {
            let error = std::io::Error::last_os_error();
            assert_eq!(error.raw_os_error(), Some(libc::ENOENT), "listing {kind}: {error}");
            return found;
        }
        found.push((kind, attr[1]));
        attr = [attr[1], 0, 0];
    }
}

fn held_by_processes() -> BTreeSet<Object> {
    let mut held = BTreeSet::new();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in processes.filter(|p| p.file_name().as_encoded_bytes()[0].is_ascii_digit()) {
        // Processes end while they are looked at.
        for info in fs::read_dir(process.path().join("fdinfo")).into_iter().flatten().flatten() {
            let text = fs::read_to_string(info.path()).unwrap_or_default();
            for line in text.lines() {
                let Some((key, id)) = line.split_once(":\t") else { continue };
                let kind = KINDS.iter().find(|k| k.0 == key);
                if let (Some(kind), Ok(id)) = (kind, id.trim().parse()) {
                    held.insert((kind.0, id));
                }
            }
        }
    }
    held
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_lists_its_objects() {
        if !nix::unistd::geteuid().is_root() {
            crate::skip!("only root may list BPF objects");
        }
        let before = Snapshot::take();
        before.nothing_is_left();
    }
}
