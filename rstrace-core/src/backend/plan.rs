//! The plan of a session: which pair is attached how, and from that the programs to load and the tables that
//! the kernel side works by.

use std::collections::BTreeSet;

use rstrace_probes_bpf::layout;

use super::{Backend, TracepointHook, Verdict, choose, fentry, functions, kprobe, tracepoint_hook};
use crate::error::{Error, ErrorKind, Result};
use crate::machine::{Machine, has_helper};
use crate::probe::{Hook, MAX_CAPTURE_LEN, MAX_CAPTURES, Pair, Returns, What, When};

/// A pair's place in the kernel side's tables: from 1, as 0 stands for "not traced".
pub(crate) type PairId = u16;

/// A kernel function that is attached to.
#[derive(Debug)]
pub(crate) struct FunctionSlot {
    pub symbol: &'static str,
    pub backend: Backend,
    /// Arguments that the function takes; known for fentry only.
    args: usize,
    returns: Returns,
    /// The pair it is; `None` if it carries out system calls.
    pair: Option<PairId>,
}

/// Which program reads the vectors of an execve.
#[derive(Debug, Clone, Copy)]
struct Vectors {
    /// `bpf_loop` exists (5.17).
    looping: bool,
}

/// What the names of programs end in that are the tails of others, and are not attached themselves.
pub(crate) const AGAIN: &str = "_again";

/// Which pair is attached how.
#[derive(Debug)]
pub(crate) struct Plan {
    pub functions: Vec<FunctionSlot>,
    pub hook: TracepointHook,
    /// What the user should know of the choice.
    pub warnings: Vec<String>,
    /// The backends in use, for the summary.
    pub backends: Vec<Backend>,
    syscalls: bool,
    vectors: Option<Vectors>,
    tables: Vec<layout::Pair>,
    numbers: Vec<(usize, u16)>,
}

impl Plan {
    /// Decides for each pair; the order gives their ids.
    pub(crate) fn make(machine: &Machine, forced: Option<Backend>, pairs: &[&Pair]) -> Result<Self> {
        let mut plan = Self {
            functions: Vec::new(),
            hook: tracepoint_hook(machine),
            warnings: Vec::new(),
            backends: Vec::new(),
            syscalls: false,
            vectors: None,
            tables: Vec::new(),
            numbers: Vec::new(),
        };
        for (index, pair) in pairs.iter().enumerate() {
            plan.add(machine, forced, pair, (index + 1) as PairId)?;
        }
        Ok(plan)
    }

    fn add(&mut self, machine: &Machine, forced: Option<Backend>, pair: &Pair, id: PairId) -> Result<()> {
        let unsupported = |reason: String| Error::new(ErrorKind::Unsupported, reason);
        self.tables.push(table(machine, pair).map_err(unsupported)?);
        // pairs that the same functions carry out share a slot, and so the decision
        let shared = self.functions.iter().any(|slot| {
            slot.pair.is_none()
                && functions(pair).contains(&slot.symbol)
                && matches!(pair.hook, Hook::Syscall { .. })
        });
        let backend = if shared {
            None
        } else {
            let (backend, verdict) = choose(machine, forced, pair).map_err(|reason| {
                unsupported(match forced {
                    Some(backend) => format!("--backend {backend} can't be used: {reason}"),
                    None => format!("{} can't be traced: {reason}", pair.name),
                })
            })?;
            if let Verdict::Lossy(when) = verdict {
                let warning = format!("{}: {when}", pair.name);
                if !self.warnings.contains(&warning) {
                    self.warnings.push(warning);
                }
            }
            if !self.backends.contains(&backend) {
                self.backends.push(backend);
            }
            Some(backend)
        };
        let by_function = backend != Some(Backend::Tracepoint);
        if let Hook::Syscall { native, compat, .. } = pair.hook {
            let entry = if by_function { id | layout::BY_FUNCTION } else { id };
            self.numbers.extend(native.map(|nr| (nr as usize, entry)));
            self.numbers.extend(compat.map(|nr| (layout::MAX_SYSCALLS + nr as usize, entry)));
        }
        match backend {
            Some(Backend::Tracepoint) => {
                self.syscalls = true;
                if pair.has_vectors() {
                    let looping = has_helper(libbpf_sys::BPF_FUNC_loop);
                    self.vectors = Some(Vectors { looping });
                }
            }
            Some(backend) => self.add_function(machine, backend, pair, id).map_err(unsupported)?,
            None => {}
        }
        Ok(())
    }

    fn add_function(
        &mut self,
        machine: &Machine,
        backend: Backend,
        pair: &Pair,
        id: PairId,
    ) -> Result<(), String> {
        let (symbol, args) = match backend {
            Backend::Fentry => fentry::find(machine, functions(pair))?,
            _ => (kprobe::find(machine, functions(pair))?, 0),
        };
        if self.functions.len() == layout::FUNCTION_SLOTS {
            return Err(format!(
                "{symbol} is one kernel function too many: {} can be traced at once",
                layout::FUNCTION_SLOTS
            ));
        }
        let (Hook::Syscall { returns, .. } | Hook::Function { returns, .. }) = pair.hook;
        let pair = matches!(pair.hook, Hook::Function { .. }).then_some(id);
        self.functions.push(FunctionSlot { symbol, backend, args, returns, pair });
        Ok(())
    }

    /// The symbol that a pair is attached to, if it is a function of its own.
    pub(crate) fn symbol(&self, id: PairId) -> Option<&'static str> {
        self.functions.iter().find(|slot| slot.pair == Some(id)).map(|slot| slot.symbol)
    }

    /// The rows of the kernel side's table of pairs, from id 1.
    pub(crate) fn tables(&self) -> &[layout::Pair] {
        &self.tables
    }

    /// Writes what the kernel side needs to know of the plan.
    pub(crate) fn configure(&self, config: &mut layout::Config) {
        for (slot, function) in self.functions.iter().enumerate() {
            config.function_args[slot] = function.args as u32;
            config.function_int[slot] = (function.returns == Returns::Int).into();
            config.function_pair[slot] = function.pair.unwrap_or(0);
        }
        for (place, entry) in &self.numbers {
            config.syscalls[*place] = *entry;
        }
        config.execs = self.vectors.is_some().into();
        config.execve = crate::arch::EXECVE;
    }

    /// The names of the programs to load. Whoever of the preparing ones has no hook on this kernel is left out.
    pub(crate) fn programs(&self, follow: bool, prepare: Option<Prepare>) -> BTreeSet<String> {
        let hook = match self.hook {
            TracepointHook::Raw => "raw",
            TracepointHook::Classic => "classic",
        };
        let mut names = BTreeSet::from([format!("{hook}_exec"), format!("{hook}_exit")]);
        if follow {
            names.insert(format!("{hook}_fork"));
        }
        if self.syscalls {
            names.extend([format!("{hook}_sys_enter"), format!("{hook}_sys_exit")]);
        }
        if let Some(Vectors { looping }) = self.vectors {
            let suffixes: &[_] = if looping { &[""] } else { &["_bounded", AGAIN] };
            for suffix in suffixes {
                names.insert(format!("{hook}_failed_exec{suffix}"));
                names.extend(prepare.map(|prepare| match prepare {
                    Prepare::Tracepoint => format!("{hook}_prepare_exec"),
                    Prepare::Kprobe => format!("kprobe_prepare_exec{suffix}"),
                }));
            }
        }
        for (slot, function) in self.functions.iter().enumerate() {
            let (entry, ret) = match function.backend {
                Backend::Fentry => ("fentry", "fexit"),
                _ => ("kprobe", "kretprobe"),
            };
            names.extend([format!("{entry}_{slot}"), format!("{ret}_{slot}")]);
        }
        names
    }

    /// Whether vectors of strings are read, and so a hook is needed that sees an execve before it succeeds.
    pub(crate) fn needs_prepare(&self) -> bool {
        self.vectors.is_some()
    }
}

/// The hook that sees an execve when its arguments are resident and still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prepare {
    /// The tracepoint sched_prepare_exec (6.10; `bpf_loop` is older).
    Tracepoint,
    /// A kprobe on a function at the same place.
    Kprobe,
}

impl Prepare {
    pub(crate) const TRACEPOINT: &'static str = "sched_prepare_exec";
    pub(crate) const FUNCTION: &'static str = "security_bprm_creds_for_exec";

    /// The one that this machine has.
    pub(crate) fn find(machine: &Machine) -> Option<Self> {
        let traced = machine.types().is_ok_and(|types| types.has_tracepoint(Self::TRACEPOINT));
        if traced {
            Some(Self::Tracepoint)
        } else if kprobe::find(machine, &[Self::FUNCTION]).is_ok() {
            Some(Self::Kprobe)
        } else {
            None
        }
    }
}

/// A pair's captures as the kernel side reads them.
fn table(machine: &Machine, pair: &Pair) -> Result<layout::Pair, String> {
    if pair.captures.len() > MAX_CAPTURES {
        return Err(format!("{} asks for more than {MAX_CAPTURES} captures", pair.name));
    }
    let mut table = layout::Pair {
        captures: pair.captures.len() as u16,
        vectors: pair.has_vectors().into(),
        ..Default::default()
    };
    for (capture, row) in pair.captures.iter().zip(&mut table.capture) {
        row.arg = capture.arg;
        row.when = match capture.when {
            When::Entry => layout::WHEN_ENTRY,
            When::Return => layout::WHEN_RETURN,
        };
        row.what = match capture.what {
            What::String => layout::WHAT_STRING,
            What::Bytes(len) => {
                row.len = len.min(MAX_CAPTURE_LEN);
                layout::WHAT_BYTES
            }
            What::BytesByArg { count, scale } => {
                row.count = count;
                row.len = scale;
                layout::WHAT_BYTES_BY_ARG
            }
            What::BytesByReturn => layout::WHAT_BYTES_BY_RETURN,
            What::Strings => layout::WHAT_STRINGS,
            What::PointerCount => layout::WHAT_POINTER_COUNT,
            What::KernelString { record, field } => {
                let offset = machine.types()?.member_offset(record, field);
                row.offset =
                    offset.ok_or_else(|| format!("this kernel's struct {record} has no member {field}"))?;
                layout::WHAT_KERNEL_STRING
            }
            What::Parent => layout::WHAT_PARENT,
        };
    }
    Ok(table)
}
