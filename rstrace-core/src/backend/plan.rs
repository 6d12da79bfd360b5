//! The plan of a session: which pair is attached how, and from that the programs to load and the tables that
//! the kernel side works by.

use std::collections::BTreeSet;

use rstrace_probes_bpf::layout;

use super::{Backend, TracepointHook, Verdict, choose, fentry, functions, kprobe, tracepoint_hook};
use crate::error::{Error, ErrorKind, Result};
use crate::machine::{Machine, has_helper};
use crate::probe::{
    Accesses, Capture, Count, From, Hook, Ids, MAX_CAPTURES, MAX_FILES, PATH_MAX, Pair, Returns, What, When,
};

/// A pair's place in the kernel side's tables: from 1, as 0 stands for "not traced".
pub(crate) type PairId = u16;

/// A row of the kernel side's table of pairs: a pair, or one by the value of an argument.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub pair: &'a Pair,
    pub captures: &'a [Capture],
    /// The row of the pair as such, and the value.
    pub variant: Option<(PairId, u32)>,
}

/// The rows of pairs, in the order of their ids: each pair's own before its variants.
pub(crate) fn rows(pairs: &[Pair]) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for pair in pairs {
        rows.push(Row { pair, captures: &pair.captures, variant: None });
        let own = rows.len() as PairId;
        for (value, captures) in pair.variants.iter().flat_map(|variants| &variants.captures) {
            rows.push(Row { pair, captures, variant: Some((own, *value)) });
        }
    }
    rows
}

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

/// What the names of programs end in that go on where a bounded one stopped.
const AGAIN: &str = "_again";

/// A program that is the tail of others, and is not attached itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Goes on with the vectors of an execve about to succeed.
    Prepare,
    /// Goes on with the vectors of one that failed.
    Failed,
    /// Reads complex captures at entry.
    Enter,
    /// Reads them at return.
    Leave,
    /// Waits for the reader.
    Throttle,
    /// Reads the vectors of an execve that failed.
    FailedExec,
}

impl Tail {
    /// What the program of this name is the tail of, if it is one.
    pub(crate) fn of(program: &str) -> Option<Self> {
        Some(match program {
            _ if program.ends_with(AGAIN) && program.contains("prepare") => Self::Prepare,
            _ if program.ends_with(AGAIN) => Self::Failed,
            _ if program.contains("_complex_enter") => Self::Enter,
            _ if program.contains("_complex_leave") => Self::Leave,
            _ if program.contains("_throttle") => Self::Throttle,
            _ if program.contains("_failed_exec") => Self::FailedExec,
            _ => return None,
        })
    }
}

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
    /// The pair of calls that no other pair has.
    unknown: PairId,
    /// Vectors of strings are read.
    vectors: bool,
    /// Captures are read that take many steps.
    complex: bool,
    tables: Vec<layout::Pair>,
    variants: Vec<(layout::VariantKey, PairId)>,
    /// The pairs' names, as their rows are.
    names: Vec<&'static str>,
    /// Likewise, by which arguments they access files.
    accesses: Vec<Accesses>,
    numbers: Vec<(usize, u16)>,
}

impl Plan {
    /// Decides for each pair; the order gives their ids.
    pub(crate) fn make(machine: &Machine, forced: Option<Backend>, rows: &[Row<'_>]) -> Result<Self> {
        let mut plan = Self {
            functions: Vec::new(),
            hook: tracepoint_hook(machine),
            warnings: Vec::new(),
            backends: Vec::new(),
            syscalls: false,
            unknown: 0,
            vectors: false,
            complex: false,
            tables: Vec::new(),
            variants: Vec::new(),
            names: Vec::new(),
            accesses: Vec::new(),
            numbers: Vec::new(),
        };
        for (row, id) in rows.iter().zip(1..) {
            let table = table(machine, row).map_err(|reason| Error::new(ErrorKind::Unsupported, reason))?;
            plan.complex |= table.complex != 0;
            plan.tables.push(table);
            plan.names.push(row.pair.name);
            plan.accesses.push(row.pair.accesses);
            match row.variant {
                None => plan.add(machine, forced, row.pair, id)?,
                Some((pair, value)) => {
                    let key = layout::VariantKey { pair: pair.into(), value };
                    plan.variants.push((key, id));
                }
            }
        }
        Ok(plan)
    }

    fn add(&mut self, machine: &Machine, forced: Option<Backend>, pair: &Pair, id: PairId) -> Result<()> {
        let unsupported = |reason: String| Error::new(ErrorKind::Unsupported, reason);
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
        if let Hook::AnySyscall = pair.hook {
            self.unknown = id;
        }
        if let Hook::Syscall { native, compat, .. } = pair.hook {
            let entry = if by_function { id | layout::BY_FUNCTION } else { id };
            self.numbers.extend(native.map(|nr| (nr as usize, entry)));
            self.numbers.extend(compat.map(|nr| (layout::MAX_SYSCALLS + nr as usize, entry)));
        }
        match backend {
            Some(Backend::Tracepoint) => {
                self.syscalls = true;
                self.vectors |= pair.has_vectors();
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
        let returns = match pair.hook {
            Hook::Syscall { returns, .. } | Hook::Function { returns, .. } => returns,
            Hook::AnySyscall => Returns::Long,
        };
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

    /// Which rows calls take whose selecting argument has a certain value.
    pub(crate) fn variants(&self) -> &[(layout::VariantKey, PairId)] {
        &self.variants
    }

    /// The name of the pair in this row.
    pub(crate) fn name(&self, row: usize) -> &'static str {
        self.names[row]
    }

    /// By which arguments the pair in this row accesses files.
    pub(crate) fn accesses(&self, row: usize) -> Accesses {
        self.accesses[row]
    }

    /// How many slots a thread has in the in-flight map: one for system calls and one for each function.
    pub(crate) fn slots(&self) -> u32 {
        1 + self.functions.len() as u32
    }

    /// Writes what the kernel side needs to know of the plan.
    pub(crate) fn configure(&self, config: &mut layout::Config) {
        for (slot, function) in self.functions.iter().enumerate() {
            config.function_args[slot] = function.args as u32;
            config.function_int[slot] = (function.returns == Returns::Int).into();
            config.function_pair[slot] = function.pair.unwrap_or(0);
        }
        config.syscalls.fill(self.unknown);
        for (place, entry) in &self.numbers {
            config.syscalls[*place] = *entry;
        }
        config.slots = self.slots();
        config.execs = self.vectors.into();
        config.complex = self.complex.into();
        config.selecting = (!self.variants.is_empty()).into();
        for table in &self.tables {
            let captures = &table.capture[..table.captures.into()];
            config.kinds |= captures.iter().fold(0, |kinds, capture| kinds | kinds_of(capture));
            config.ids |= told_of_ids(captures);
            // what an execve's entry could not read is read with its vectors, however it is read else
            if table.complex == 0 || table.vectors != 0 {
                config.simple = config.simple.max(captures.len().min(layout::MAX_SIMPLE) as u32);
            }
        }
        config.execve = crate::arch::EXECVE;
        config.clones = crate::arch::CLONES;
        config.kills = crate::arch::KILLS;
        let traced = self.numbers.iter().any(|(place, _)| *place == crate::arch::RT_SIGRETURN[0] as usize);
        config.sigreturn = if traced { crate::arch::RT_SIGRETURN } else { [u32::MAX; 2] };
        config.unknown = self.unknown.into();
    }

    /// The names of the programs to load. Whoever of the preparing ones has no hook on this kernel is left out.
    pub(crate) fn programs(&self, wish: Wish, prepare: Option<Prepare>) -> BTreeSet<String> {
        let Wish { follow, signals, throttle, tally } = wish;
        let hook = match self.hook {
            TracepointHook::Raw => "raw",
            TracepointHook::Classic => "classic",
        };
        let mut names = BTreeSet::from([format!("{hook}_exec"), format!("{hook}_exit")]);
        if follow {
            names.insert(format!("{hook}_fork"));
        }
        if signals {
            names.extend(["raw_signal_generate", "raw_signal_deliver"].map(str::to_owned));
        }
        if tally.is_some_and(|tally| tally.cpu) {
            names.insert("raw_switch".to_owned());
        }
        if tally.is_some_and(|tally| tally.alone) {
            names.extend([format!("{hook}_tally_enter"), format!("{hook}_tally_exit")]);
            return names;
        }
        if self.syscalls {
            names.extend([format!("{hook}_sys_enter"), format!("{hook}_sys_exit")]);
        }
        let looping = has_helper(libbpf_sys::BPF_FUNC_loop);
        let suffix = if looping { "" } else { "_bounded" };
        if self.complex {
            names.extend(["enter", "leave"].map(|half| format!("{hook}_complex_{half}{suffix}")));
        }
        if self.syscalls && throttle {
            names.insert(format!("{hook}_throttle{suffix}"));
        }
        if self.vectors {
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
        self.vectors
    }
}

/// What a session wants beside its pairs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    /// Children are followed.
    pub follow: bool,
    /// Signals are told.
    pub signals: bool,
    /// Traced threads wait for the reader.
    pub throttle: bool,
    /// Calls are counted.
    pub tally: Option<Tally>,
}

/// How calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// By programs that do nothing else; else by those that the events come from.
    pub alone: bool,
    /// With CPU times.
    pub cpu: bool,
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
    pub(crate) const TRACEPOINT: &str = "sched_prepare_exec";
    pub(crate) const FUNCTION: &'static str = "security_bprm_creds_for_exec";

    /// The one that this machine has.
    pub(crate) fn find(machine: &Machine) -> Option<Self> {
        *machine.prepare.get_or_init(|| {
            if machine.has_tracepoint(Self::TRACEPOINT) {
                Some(Self::Tracepoint)
            } else if kprobe::find(machine, &[Self::FUNCTION]).is_ok() {
                Some(Self::Kprobe)
            } else {
                None
            }
        })
    }
}

/// A row's captures as the kernel side reads them.
fn table(machine: &Machine, row: &Row<'_>) -> Result<layout::Pair, String> {
    let Row { pair, captures, .. } = row;
    if captures.len() > MAX_CAPTURES {
        return Err(format!("{} asks for more than {MAX_CAPTURES} captures", pair.name));
    }
    let select = if row.variant.is_none() { pair.variants.as_ref().map(|v| v.arg + 1) } else { None };
    let mut table = layout::Pair {
        captures: captures.len() as u16,
        vectors: pair.has_vectors().into(),
        select: select.unwrap_or(0),
        complex: are_complex(captures).into(),
        ahead: (pair.has_vectors() || captures.iter().any(|capture| !may_be_read_at_return(capture))).into(),
        ..Default::default()
    };
    for (index, capture) in captures.iter().enumerate() {
        table.capture[index] = capture_row(machine, capture)?;
        if captures.iter().any(|other| depends_on(other, index)) {
            table.capture[index].flags |= layout::CAPTURE_PARENT;
        }
    }
    Ok(table)
}

/// Whether captures of a pair are not simple: then only the tracepoints can make them.
pub(crate) fn is_complex(pair: &Pair) -> bool {
    let variants = pair.variants.iter().flat_map(|variants| &variants.captures);
    are_complex(&pair.captures) || variants.into_iter().any(|(_, captures)| are_complex(captures))
}

fn are_complex(captures: &[Capture]) -> bool {
    captures.len() > layout::MAX_SIMPLE || captures.iter().any(takes_many_steps)
}

/// What can be told of ids.
const OF_IDS: u32 = layout::ID_COMM | layout::ID_INITIAL;

/// What captures tell of ids.
fn told_of_ids(captures: &[layout::Capture]) -> u32 {
    let looks_up =
        |capture: &&layout::Capture| matches!(capture.what, layout::WHAT_ID | layout::WHAT_CONTROL);
    captures.iter().filter(looks_up).fold(0, |told, capture| told | capture.scale & OF_IDS)
}

/// The kinds of captures that one is, a bit each: what looks up many is also what it looks up.
fn kinds_of(capture: &layout::Capture) -> u32 {
    let (file, id) = (1 << layout::WHAT_FILE, 1 << layout::WHAT_ID);
    let looks_up = match capture.what {
        layout::WHAT_FD_SET => file,
        layout::WHAT_CONTROL => {
            let is = |kinds, bit| if capture.scale & kinds != 0 { bit } else { 0 };
            is(layout::LOOK_UP_FILES, file) | is(OF_IDS, id)
        }
        _ => 0,
    };
    1 << capture.what | looks_up
}

/// Whether what a capture brings at the entry is still there at the return.
fn may_be_read_at_return(capture: &Capture) -> bool {
    let made = matches!(
        capture.what,
        What::Base { .. } | What::Identity | What::Pointer | What::Parent | What::KernelString { .. }
    );
    capture.when != When::EntryOnly && !made
}

/// Whether a capture may take more than one step of the kernel side's.
fn takes_many_steps(capture: &Capture) -> bool {
    matches!(capture.from, From::Captured { .. })
        || match capture.what {
            What::Bytes { count: Count::Captured { .. } | Count::CapturedBits { .. }, .. }
            | What::Message { count: Count::Captured { .. }, .. }
            | What::Each { .. } => true,
            What::String { limit } | What::Bytes { limit, .. } | What::Message { limit, .. } => {
                limit > PATH_MAX
            }
            _ => false,
        }
}

fn depends_on(capture: &Capture, index: usize) -> bool {
    let by_address = matches!(capture.from, From::Captured { of, .. } if usize::from(of) == index);
    let by_count = matches!(
        capture.what,
        What::Bytes { count: Count::Captured { of, .. } | Count::CapturedBits { of, .. }, .. }
        | What::Message { count: Count::Captured { of, .. }, .. }
            if usize::from(of) == index
    );
    by_address || by_count || matches!(capture.what, What::Each { of, .. } if usize::from(of) == index)
}

fn capture_row(machine: &Machine, capture: &Capture) -> Result<layout::Capture, String> {
    let mut row = layout::Capture::default();
    match capture.from {
        From::Arg(arg) => row.from = arg,
        From::Return => row.from = layout::FROM_RETURN,
        From::Captured { of, offset, size } => {
            row.from = layout::FROM_CAPTURED + of;
            row.offset = offset;
            row.pointer = size;
        }
    }
    (row.when, row.flags) = match capture.when {
        When::Entry => (layout::WHEN_ENTRY, 0),
        When::EntryOnly => (layout::WHEN_ENTRY, layout::CAPTURE_FRESH),
        When::Return => (layout::WHEN_RETURN, 0),
        When::ReturnAlways => (layout::WHEN_RETURN, layout::CAPTURE_FAILED),
    };
    row.what = match capture.what {
        What::String { limit } => {
            row.limit = limit;
            layout::WHAT_STRING
        }
        What::Bytes { count, scale, add, limit } => {
            (row.scale, row.add, row.limit) = (scale, add, limit);
            count_row(count, &mut row);
            layout::WHAT_BYTES
        }
        What::Each { of, stride, body, limit } => {
            row.from = layout::FROM_CAPTURED + of;
            (row.scale, row.body, row.limit) = (stride, body, limit);
            layout::WHAT_EACH
        }
        What::Strings => layout::WHAT_STRINGS,
        What::PointerCount => layout::WHAT_POINTER_COUNT,
        What::KernelString { record, field } => {
            let offset = machine.types()?.member_offset(record, field);
            let offset =
                offset.ok_or_else(|| format!("this kernel's struct {record} has no member {field}"))?;
            row.offset = offset as u16;
            layout::WHAT_KERNEL_STRING
        }
        What::Parent => layout::WHAT_PARENT,
        What::Identity => layout::WHAT_IDENTITY,
        What::Pointer => layout::WHAT_POINTER,
        What::Base { directory, name, root_of_all } => {
            (row.from, row.count) = (directory.unwrap_or(layout::NO_ARG), name);
            row.shift = layout::NO_ARG.into();
            if let Some(flag) = root_of_all {
                (row.shift, row.add, row.limit) = (flag.arg.into(), flag.offset, flag.mask);
            }
            layout::WHAT_BASE
        }
        What::Message { count, transferred, limit } => {
            (row.scale, row.limit) = (1, limit);
            count_row(count, &mut row);
            row.flags |= layout::CAPTURE_MESSAGE;
            if transferred {
                row.flags |= layout::CAPTURE_RETURNED;
            }
            layout::WHAT_BYTES
        }
        What::Socket => layout::WHAT_SOCKET,
        What::File => layout::WHAT_FILE,
        What::Id(ids) => {
            row.scale = bits_of(ids);
            layout::WHAT_ID
        }
        What::FdSet => {
            row.limit = MAX_FILES;
            layout::WHAT_FD_SET
        }
        What::Control { files, ids } => {
            row.limit = MAX_FILES;
            row.scale = bits_of(ids) | if files { layout::LOOK_UP_FILES } else { 0 };
            layout::WHAT_CONTROL
        }
    };
    Ok(row)
}

/// What is told of ids, as the kernel side has it.
fn bits_of(ids: Ids) -> u32 {
    let bit = |asked, bit| if asked { bit } else { 0 };
    bit(ids.comm, layout::ID_COMM) | bit(ids.initial, layout::ID_INITIAL)
}

fn count_row(count: Count, row: &mut layout::Capture) {
    row.count = match count {
        Count::Fixed => layout::FROM_CONSTANT,
        Count::Arg(arg) => arg,
        Count::IntArg(arg) => {
            row.flags |= layout::CAPTURE_INT;
            arg
        }
        Count::BitsArg(arg) => {
            (row.round, row.shift) = (63, 6);
            arg
        }
        Count::PagesArg(arg) => {
            (row.round, row.shift) = (4095, 12);
            arg
        }
        Count::Return => layout::FROM_RETURN,
        Count::Transferred(arg) => {
            row.flags |= layout::CAPTURE_RETURNED;
            arg
        }
        Count::CapturedBits { of, offset, size } => {
            (row.round, row.shift) = (63, 6);
            (row.count_offset, row.count_size) = (offset, size);
            layout::FROM_CAPTURED + of
        }
        Count::Captured { of, offset, size } => {
            (row.count_offset, row.count_size) = (offset, size);
            layout::FROM_CAPTURED + of
        }
        Count::IoctlIn => layout::FROM_IOC_IN,
        Count::IoctlOut => layout::FROM_IOC_OUT,
    };
}
