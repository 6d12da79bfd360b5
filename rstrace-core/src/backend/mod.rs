//! How pairs are attached: which backends a machine can use for a pair, what each of them would miss, and
//! which one is taken. Decided by rule from the hook and the kernel's preemption, before anything is loaded.

pub(crate) mod attach;
pub(crate) mod fentry;
pub(crate) mod kprobe;
pub(crate) mod plan;
pub(crate) mod programs;
pub(crate) mod tables;

use std::fmt;

use crate::machine::Machine;
use crate::probe::{Hook, Pair};

/// A way to attach pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// kprobe + kretprobe on a kernel function.
    Kprobe,
    /// fentry + fexit on a kernel function.
    Fentry,
    /// The sys_enter + sys_exit tracepoints; system calls only.
    Tracepoint,
}

impl Backend {
    /// All of them, the cheapest first.
    pub const ALL: [Self; 3] = [Self::Fentry, Self::Kprobe, Self::Tracepoint];

    /// The word after `--backend`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kprobe => "kprobe",
            Self::Fentry => "fentry",
            Self::Tracepoint => "tracepoint",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a backend can do for a pair on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It sees every call.
    Complete,
    /// It can be used, but misses calls: when.
    Lossy(String),
    /// It can't be used: why.
    Refused(String),
}

/// The kernel functions that a pair can be attached to, newest first; none for a plain system call.
pub(crate) fn functions(pair: &Pair) -> &'static [&'static str] {
    match pair.hook {
        Hook::Syscall { through, .. } => through,
        Hook::Function { names, .. } => names,
        Hook::AnySyscall => &[],
    }
}

/// What a backend can do for a pair on this machine.
pub fn judge(machine: &Machine, backend: Backend, pair: &Pair) -> Verdict {
    if backend == Backend::Tracepoint {
        return match pair.hook {
            Hook::Syscall { .. } | Hook::AnySyscall => judge_tracepoint(machine, pair),
            Hook::Function { .. } => Verdict::Refused(format!(
                "{} is a kernel function: tracepoints see system calls only",
                pair.name
            )),
        };
    }
    if functions(pair).is_empty() {
        return Verdict::Refused(format!(
            "{} is only seen as a system call, by no kernel function",
            pair.name
        ));
    }
    if plan::is_complex(pair) {
        return Verdict::Refused(format!("{} has captures that only the tracepoints can make", pair.name));
    }
    match backend {
        Backend::Kprobe => kprobe::judge(machine, functions(pair)),
        _ => fentry::judge(machine, functions(pair)),
    }
}

/// Which of a tracepoint's two hooks is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TracepointHook {
    /// A raw tracepoint: cheaper, and needs no tracefs.
    Raw,
    /// Through perf: guarded against preemption on every kernel.
    Classic,
}

/// The hook for tracepoints on this machine: the cheaper one where it sees everything.
pub(crate) fn tracepoint_hook(machine: &Machine) -> TracepointHook {
    if machine.raw_tracepoints_see_everything() || machine.tracefs().is_err() {
        TracepointHook::Raw
    } else {
        TracepointHook::Classic
    }
}

fn judge_tracepoint(machine: &Machine, pair: &Pair) -> Verdict {
    if tracepoint_hook(machine) == TracepointHook::Raw && !machine.raw_tracepoints_see_everything() {
        return Verdict::Lossy(format!(
            "raw tracepoints miss calls on this kernel (preemption {}), and the classic ones need tracefs: {}",
            machine.preemption().name(),
            machine.tracefs().err().unwrap_or("not there"),
        ));
    }
    if pair.has_vectors() && plan::Prepare::find(machine).is_none() {
        return Verdict::Lossy(format!(
            "arguments of a new program that are not resident can't be read: this kernel has neither the tracepoint \
             {} nor kprobes",
            plan::Prepare::TRACEPOINT
        ));
    }
    Verdict::Complete
}

/// The backend for a pair: the forced one, else the cheapest of those that see everything, else the one that
/// misses least. An error is the reason why there is none.
pub(crate) fn choose(
    machine: &Machine,
    forced: Option<Backend>,
    pair: &Pair,
) -> Result<(Backend, Verdict), String> {
    if let Some(backend) = forced {
        return match judge(machine, backend, pair) {
            Verdict::Refused(reason) => Err(reason),
            verdict => Ok((backend, verdict)),
        };
    }
    let mut lossy = None;
    let mut reasons = Vec::new();
    // of those that miss, fentry misses most: it is skipped by any preempted program of its function
    for backend in Backend::ALL {
        match judge(machine, backend, pair) {
            Verdict::Complete => return Ok((backend, Verdict::Complete)),
            Verdict::Lossy(when) => lossy = Some((backend, Verdict::Lossy(when))),
            Verdict::Refused(reason) => reasons.push(format!("{backend}: {reason}")),
        }
    }
    lossy.ok_or_else(|| reasons.join("; "))
}
