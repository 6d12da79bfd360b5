//! Loads the kernel side for a plan and attaches its programs.

use std::fmt;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};

use libbpf_rs::skel::{OpenSkel, Skel, SkelBuilder};
use libbpf_rs::{MapCore, MapFlags, OpenObject, PrintLevel};
use rstrace_probes_bpf::{RstraceSkel, RstraceSkelBuilder, layout};

use super::kprobe::{self, ReturnEvent};
use super::plan::{Plan, Prepare, Tail, Wish};
use super::programs::{self, Program};
use super::{Backend, TracepointHook, tables};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::filter::{Filter, path_keys};
use crate::machine::btf::Copying;
use crate::machine::{Machine, has_helper, perf_event_open};
use crate::probe::Accesses;
use crate::statistics::{Counting, Times};
use crate::transport::Transport;
use crate::transport::ring::{Making, Ring};

/// What the kernel side is told beyond the plan.
#[derive(Debug)]
pub(crate) struct Settings {
    pub scope: u32,
    pub target: u32,
    pub wish: Wish,
    pub uid: Option<u32>,
    /// Whether each call brings its user stack.
    pub stacks: bool,
    /// The target is a command that is held before its exec.
    pub held: bool,
    /// A process that executes a program is traced no more; of a command its first one does not count.
    pub let_go: bool,
    pub filter: Filter,
    pub transport: Transport,
    /// Bytes: of the ring, or of each CPU's perf buffer.
    pub buffer: usize,
    pub counting: Option<Counting>,
}

/// Threads or processes that can be followed at once.
const FOLLOWED: u32 = 65536;
/// Places of statistics that are not by a table's number: of numbers that are in none, and of calls by process.
const TALLIES_BY_NUMBER: u32 = 256;
const TALLIES_BY_PROCESS: u32 = 32768;
/// Processes whose names are known.
const PROCESS_NAMES: u32 = 8192;

/// Threads of the target that can have a call in flight, each with a place until it ends.
const PLACES: u32 = 8192;

/// The loaded kernel side, with its programs attached until it is dropped.
pub(crate) struct Attached<'m> {
    // the order is that of dropping: what attaches programs, then the events they use, then the object
    links: Vec<OwnedFd>,
    programs: Vec<Program>,
    kretprobes: usize,
    returns: Vec<ReturnEvent<'m>>,
    /// The kernel side's count of living threads, in its mapped .bss.
    live: NonNull<i64>,
    /// Likewise, whether the command is traced no more.
    command_let_go: NonNull<u64>,
    /// Likewise, what has been read of each CPU's perf buffer.
    perf_read: NonNull<[u64; layout::MAX_CPUS]>,
    /// Likewise, which half of the statistics is in use.
    epoch: NonNull<u32>,
    pub skel: RstraceSkel<'static>,
}

impl fmt::Debug for Attached<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attached").field("returns", &self.returns).finish_non_exhaustive()
    }
}

/// The kernel side's array of bytes read, by CPU. Valid as long as the skeleton lives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PerfRead(NonNull<[u64; layout::MAX_CPUS]>);

// SAFETY: the array is mapped memory that outlives the session's reader, and is changed atomically only.
unsafe impl Send for PerfRead {}

impl PerfRead {
    /// Adds bytes read of a CPU's buffer.
    pub(crate) fn add(self, cpu: usize, bytes: u64) {
        let place = self.0.as_ptr().cast::<u64>().wrapping_add(cpu % layout::MAX_CPUS);
        // SAFETY: inside the array, aligned, and mapped (see above); the kernel side only reads it.
        unsafe { AtomicU64::from_ptr(place) }.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// What libbpf said last: its errors are numbers, the reason is in its messages.
static LIBBPF_SAID: Mutex<String> = Mutex::new(String::new());

fn keep_message(_: PrintLevel, message: String) {
    if let Ok(mut said) = LIBBPF_SAID.lock() {
        said.push_str(&message);
    }
}

/// Whether all that libbpf and the verifier say is to be shown.
fn is_verbose() -> bool {
    std::env::var_os("RSTRACE_LIBBPF_LOG").is_some()
}

/// The verifier's statistics, without its log (`BPF_LOG_STATS` of the kernel's bpf_verifier.h).
const LOG_STATISTICS: u32 = 4;

/// Shows what libbpf and the verifier said, if that is asked for.
fn say_all() {
    if is_verbose() {
        eprintln!("{}", LIBBPF_SAID.lock().map(|said| said.clone()).unwrap_or_default());
    }
}

fn load_error(error: libbpf_rs::Error) -> Error {
    say_all();
    let said = LIBBPF_SAID.lock().map(|s| s.clone()).unwrap_or_default();
    let reason = said.lines().find(|line| line.contains("failed")).unwrap_or("");
    Error::new(
        ErrorKind::Unsupported,
        format!("the kernel refuses rstrace's programs: {error}; {reason} (RSTRACE_LIBBPF_LOG=1 shows all)"),
    )
}

/// Loads the programs of a plan; nothing is attached yet. They write to the ring that is being made meanwhile, if one is.
pub(crate) fn load<'m>(
    machine: &'m Machine,
    plan: &Plan,
    settings: &Settings,
    ring: Option<Making>,
) -> Result<(Attached<'m>, Option<Ring>)> {
    if let Ok(mut said) = LIBBPF_SAID.lock() {
        said.clear();
    }
    let level = if is_verbose() { PrintLevel::Debug } else { PrintLevel::Warn };
    libbpf_rs::set_print(Some((level, keep_message)));

    // The skeleton borrows the place of its object: a few bytes, given up for an owned skeleton.
    let place: &'static mut MaybeUninit<OpenObject> = Box::leak(Box::new(MaybeUninit::uninit()));
    let types = Copying::begin(machine.take_types())?;
    let mut builder = RstraceSkelBuilder::default();
    builder.object_builder_mut().btf_custom_path(types.path()).map_err(load_error)?;
    let mut open = builder.open(place).map_err(load_error)?;

    let prepare = if plan.needs_prepare() { Prepare::find(machine) } else { None };
    let wanted = plan.programs(settings.wish, prepare);
    for mut program in open.open_object_mut().progs_mut() {
        let name = program.name().to_string_lossy().into_owned();
        if !wanted.contains(&name) {
            program.set_autoload(false);
            continue;
        }
        if is_verbose() {
            program.set_log_level(LOG_STATISTICS);
        }
        if let Some(slot) = name.strip_prefix("fentry_").or(name.strip_prefix("fexit_")) {
            let slot: usize = slot.parse().context("the slot of a program")?;
            let symbol = plan.functions[slot].symbol;
            program.set_attach_target(0, Some(symbol.to_owned())).map_err(load_error)?;
        }
    }

    let rodata = open.maps.rodata_data.as_deref_mut().context_missing()?;
    rodata.filter = settings.filter.constants()?;
    // programs of classic tracepoints get no storage for a task on Linux 7.2
    let task_storage = settings.counting.is_some()
        && plan.hook == TracepointHook::Raw
        && has_helper(libbpf_sys::BPF_FUNC_task_storage_get);
    if let Some(counting) = &settings.counting {
        rodata.tallying = layout::TallyConfig {
            mode: if counting.events { layout::TALLY_TOO } else { layout::TALLY_ONLY },
            timed: (counting.times >= Times::Wall).into(),
            cpu: (counting.times >= Times::Cpu).into(),
            by_process: counting.per_process.into(),
            task_storage: task_storage.into(),
            recalled: crate::arch::RECALLED,
            overhead: counting.overhead.as_nanos() as u64,
            ..Default::default()
        };
    }
    let config = &mut open.maps.rodata_data.as_deref_mut().context_missing()?.config;
    plan.configure(config);
    config.scope = settings.scope;
    config.target = settings.target;
    config.follow = settings.wish.follow.into();
    config.let_go = settings.let_go.into();
    config.throttle = settings.wish.throttle.into();
    config.buffer = settings.buffer as u32;
    config.by_uid = settings.uid.is_some().into();
    config.stacks = settings.stacks.into();
    config.uid = settings.uid.unwrap_or(0);
    config.transport = match settings.transport {
        Transport::Perf => layout::TRANSPORT_PERF,
        Transport::Ring => layout::TRANSPORT_RING,
    };
    config.wake_bytes = (settings.buffer / 4) as u32;
    config.typed = has_helper(libbpf_sys::BPF_FUNC_task_pt_regs).into();
    if settings.wish.follow && plan.hook == TracepointHook::Classic {
        let tracefs = machine.tracefs().map_err(unsupported)?;
        config.fork_child_offset =
            tracefs.field_offset("sched/sched_process_fork", "child_pid").context("tracefs")?;
    }

    let cgroups = Filter::open_map(&mut open.maps.cgroup_set, settings.filter.cgroups.as_ref())?;
    let namespaces = Filter::open_map(&mut open.maps.mntns_set, settings.filter.mount_namespaces.as_ref())?;
    let maps = &mut open.maps;
    let rows = plan.tables().len() as u32 + 1;
    let sized = (|| {
        maps.pairs.set_max_entries(rows)?;
        maps.counts.set_max_entries(rows)?;
        maps.variants.set_max_entries((plan.variants().len() as u32).max(1))?;
        maps.arg_filters.set_max_entries(if settings.filter.args.is_empty() { 1 } else { rows })?;
        let is_by_path = settings.filter.is_by_file();
        maps.path_args.set_max_entries(if is_by_path { rows } else { 1 })?;
        let paths = (settings.filter.paths.len() as u32).max(1);
        maps.path_names.set_max_entries(paths)?;
        maps.path_ways.set_max_entries(paths)?;
        let fds = settings.filter.descriptors.as_ref().map_or(0, |fds| fds.numbers.len() as u32);
        maps.fd_set.set_max_entries(fds.max(1))?;
        maps.inflights.set_max_entries(places(settings.scope))?;
        maps.scratches.set_max_entries(layout::LANE_FUNCTIONS + 2 * plan.functions.len() as u32)?;
        if matches!(settings.scope, layout::SCOPE_TGIDS | layout::SCOPE_TIDS) {
            maps.followed.set_max_entries(FOLLOWED)?;
        }
        maps.clocks_of_tasks.set_autocreate(task_storage)?;
        if let Some(counting) = &settings.counting {
            if !task_storage {
                maps.clocks_of_tids.set_max_entries(FOLLOWED)?;
            }
            if counting.per_process {
                maps.tallies_by_key.set_max_entries(TALLIES_BY_PROCESS)?;
                maps.process_names.set_max_entries(PROCESS_NAMES)?;
            } else {
                let epochs = if counting.interval.is_some() { 2 } else { 1 };
                maps.tallies.set_max_entries(epochs * layout::TALLY_ROWS as u32)?;
                maps.tallies_by_key.set_max_entries(TALLIES_BY_NUMBER)?;
            }
        }
        match settings.transport {
            Transport::Ring => maps.perf.set_autocreate(false),
            Transport::Perf => maps.ring.set_autocreate(false),
        }
    })();
    sized.map_err(load_error)?;
    let ring = ring.map(Making::finish).transpose()?;
    if let Some(ring) = &ring {
        open.maps.ring.reuse_fd(ring.map()).map_err(load_error)?;
    }

    let (_types, cast) = types.finish()?;
    if let Some(cast) = &cast {
        open.maps.rodata_data.as_deref_mut().context_missing()?.config.registers = cast.registers;
    }
    let said = |message: &str| keep_message(PrintLevel::Debug, message.to_owned());
    let level = is_verbose().then_some(LOG_STATISTICS);
    let mut programs =
        programs::load(open.open_object_mut(), cast.as_ref(), level, &said).inspect_err(|_| say_all())?;
    let mut skel = open.load().map_err(load_error)?;
    programs.extend(programs::of_libbpf(skel.object())?);
    say_all();
    Filter::hold(&skel.maps.cgroup_set, cgroups.as_ref())?;
    Filter::hold(&skel.maps.mntns_set, namespaces.as_ref())?;
    let bss = skel.maps.bss_data.as_deref_mut().context_missing()?;
    bss.held = settings.held.into();
    bss.starting = settings.held.into();
    let live = NonNull::from(&mut bss.live);
    let command_let_go = NonNull::from(&mut bss.command_let_go);
    let perf_read = NonNull::from(&mut bss.perf_read);
    let epoch = NonNull::from(&mut bss.epoch);
    tables::write_pairs(&skel.maps.pairs, plan.tables()).context("the table of pairs")?;
    for index in 0..plan.tables().len() {
        let key = (index as u32 + 1).to_ne_bytes();
        // without an entry a pair has no tests
        if !settings.filter.args.is_empty() {
            let tests = settings.filter.tests(plan.name(index));
            // SAFETY: the row is plain data without padding, see layout.
            let value = unsafe { plain::as_bytes(&tests) };
            skel.maps.arg_filters.update(&key, value, MapFlags::ANY).map_err(load_error)?;
        }
        if settings.filter.is_by_file() {
            let Accesses { paths, descriptors } = plan.accesses(index);
            let value = [u16::from(paths).to_ne_bytes(), u16::from(descriptors).to_ne_bytes()].concat();
            skel.maps.path_args.update(&key, &value, MapFlags::ANY).map_err(load_error)?;
        }
    }
    for path in &settings.filter.paths {
        let (name, way) = path_keys(path);
        skel.maps.path_names.update(&name, &[1], MapFlags::ANY).map_err(load_error)?;
        if let Some(way) = way {
            skel.maps.path_ways.update(&way, &[1], MapFlags::ANY).map_err(load_error)?;
        }
    }
    for fd in settings.filter.descriptors.iter().flat_map(|fds| &fds.numbers) {
        skel.maps.fd_set.update(&fd.to_ne_bytes(), &[1], MapFlags::ANY).map_err(load_error)?;
    }
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for (key, row) in plan.variants() {
        // SAFETY: the key is plain data without padding, see layout.
        keys.extend(unsafe { plain::as_bytes(key) });
        values.extend(u32::from(*row).to_ne_bytes());
    }
    tables::fill(&skel.maps.variants, &keys, &values).map_err(load_error)?;
    let (links, returns) = (Vec::new(), Vec::new());
    let attached =
        Attached { links, programs, kretprobes: 0, returns, live, command_let_go, perf_read, epoch, skel };
    Ok((attached, ring))
}

/// Places for the threads that may make calls: with all processes twice those that there are now.
fn places(scope: u32) -> u32 {
    if scope != layout::SCOPE_ALL {
        return PLACES;
    }
    // proc(5): the fourth field is runnable and existing threads, as 2/345
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let threads = load.split_whitespace().nth(3).and_then(|field| field.split('/').nth(1)?.parse().ok());
    threads.unwrap_or(0u32).saturating_mul(2).clamp(PLACES, 1 << 18)
}

fn unsupported(reason: &str) -> Error {
    Error::new(ErrorKind::Unsupported, reason)
}

trait Missing<T> {
    fn context_missing(self) -> Result<T>;
}

impl<T> Missing<T> for Option<T> {
    fn context_missing(self) -> Result<T> {
        self.ok_or_else(|| Error::new(ErrorKind::Other, "the BPF object is incomplete"))
    }
}

impl<'m> Attached<'m> {
    /// Attaches every loaded program: returns before entries, so that no entry waits for a return that can't
    /// be seen, and points first, so that no thread goes by unknown.
    pub(crate) fn attach(&mut self, machine: &'m Machine, plan: &Plan) -> Result<()> {
        if let (Some(_), Ok(tracefs)) = (machine.kprobe_pmu(), machine.tracefs()) {
            kprobe::remove_orphans(tracefs);
        }
        let mut links = Vec::new();
        self.programs.sort_by_key(|program| order(&program.name));
        for program in &self.programs {
            let name = &program.name;
            let maps = &self.skel.maps;
            if let Some(tail) = Tail::of(name) {
                let (table, place) = match tail {
                    Tail::Prepare => (&maps.prepare_again, 0),
                    Tail::Failed => (&maps.failed_again, 0),
                    Tail::Enter => (&maps.tails, u32::from(layout::WHEN_ENTRY)),
                    Tail::Leave => (&maps.tails, u32::from(layout::WHEN_RETURN)),
                    Tail::Throttle => (&maps.tails, layout::TAIL_THROTTLE),
                    Tail::FailedExec => (&maps.tails, layout::TAIL_FAILED_EXEC),
                };
                let fd = program.as_fd().as_raw_fd().to_ne_bytes();
                table.update(&place.to_ne_bytes(), &fd, MapFlags::ANY).context("the table of tail calls")?;
                continue;
            }
            if plan.needs_prepare() && name.ends_with("_sys_exit") {
                // the tail that reads the vectors of a failed execve begins it anew
                let fd = program.as_fd().as_raw_fd().to_ne_bytes();
                let place = layout::TAIL_EXIT.to_ne_bytes();
                maps.tails.update(&place, &fd, MapFlags::ANY).context("the table of tail calls")?;
            }
            let link = attach_program(machine, plan, program, &mut self.returns)?;
            links.push(link);
        }
        self.links = links;
        self.kretprobes =
            plan.functions.iter().filter(|function| function.backend == Backend::Kprobe).count();
        Ok(())
    }

    /// Threads that are followed and alive, as the kernel side counts them.
    pub(crate) fn live(&self) -> &AtomicI64 {
        // SAFETY: aligned, mapped as long as the skeleton lives, and used through this pointer alone; the kernel side
        // changes it atomically.
        unsafe { AtomicI64::from_ptr(self.live.as_ptr()) }
    }

    /// Whether the command is traced no more, as it has executed another program.
    pub(crate) fn has_let_go_of_command(&self) -> bool {
        // SAFETY: as of `live`; the kernel side only writes it.
        unsafe { AtomicU64::from_ptr(self.command_let_go.as_ptr()) }.load(Ordering::Relaxed) != 0
    }

    /// Which half of the statistics the kernel side uses, 0 or 1.
    pub(crate) fn epoch(&self) -> &AtomicU32 {
        // SAFETY: aligned, mapped as long as the skeleton lives, and used through this pointer alone; the kernel side
        // only reads it.
        unsafe { AtomicU32::from_ptr(self.epoch.as_ptr()) }
    }

    /// Waits until every program has ended that runs now.
    pub(crate) fn wait_for_programs(&self) {
        // for a grace period, which takes some 20 ms
        // SAFETY: plain numbers.
        unsafe { libc::syscall(libc::SYS_membarrier, libc::MEMBARRIER_CMD_GLOBAL, 0, 0) };
    }

    /// Where the reader says how many bytes it has taken out of each CPU's perf buffer.
    pub(crate) fn perf_read(&self) -> PerfRead {
        PerfRead(self.perf_read)
    }

    /// Detaches everything; what was counted and sent stays readable. Returns dropped for want of instances,
    /// machine-wide, if the kernel says.
    /// With `running` targets programs may be running on other CPUs, and are waited for.
    pub(crate) fn detach(&mut self, running: bool) -> Option<u64> {
        // without an event of its own (no tracefs), a kretprobe's drops are nowhere to be read
        let known = self.kretprobes > 0 && self.returns.len() == self.kretprobes;
        let missed = known.then(|| self.returns.iter().map(ReturnEvent::missed).sum()).flatten();
        // in the other order than they were attached: entries before returns, so that none is left without its return
        while self.links.pop().is_some() {}
        if running {
            // they still count and send
            self.wait_for_programs();
        }
        self.returns.clear();
        missed
    }

    /// Runs that the kernel skipped because the same program was running on that CPU, of all programs and
    /// processes. `None` where it doesn't count them.
    pub(crate) fn recursion_misses(&self, plan: &Plan) -> Option<u64> {
        // kprobe and classic tracepoint programs are counted since 6.7, others since 5.12
        let perf = plan.hook == TracepointHook::Classic
            || plan.functions.iter().any(|function| function.backend == Backend::Kprobe);
        if crate::machine::kernel_release() < if perf { (6, 7) } else { (5, 12) } {
            return None;
        }
        let mut sum = 0;
        for program in &self.programs {
            sum += recursion_misses(program.as_fd())?;
        }
        Some(sum)
    }
}

fn recursion_misses(program: BorrowedFd<'_>) -> Option<u64> {
    let mut info = libbpf_sys::bpf_prog_info::default();
    let mut len = size_of_val(&info) as u32;
    // SAFETY: the structure is as long as said, and the kernel fills no more than that.
    let err = unsafe { libbpf_sys::bpf_prog_get_info_by_fd(program.as_raw_fd(), &mut info, &mut len) };
    (err == 0).then_some(info.recursion_misses)
}

fn order(name: &str) -> u8 {
    match name {
        // tails before the programs that call them
        _ if name.ends_with("_fork") || name.ends_with("_switch") || Tail::of(name).is_some() => 0,
        "raw_exit" | "classic_exit" | "raw_exec" | "classic_exec" => 1,
        _ if name.starts_with("kretprobe")
            || name.starts_with("fexit")
            || name.ends_with("sys_exit")
            || name.ends_with("tally_exit") =>
        {
            3
        }
        _ => 4,
    }
}

fn attach_program<'m>(
    machine: &'m Machine,
    plan: &Plan,
    program: &Program,
    returns: &mut Vec<ReturnEvent<'m>>,
) -> Result<OwnedFd> {
    let name = program.name.as_str();
    let what =
        |e: &dyn fmt::Display| Error::new(ErrorKind::Unsupported, format!("{name} can't be attached: {e}"));
    let perf = |fd: OwnedFd| program.attach_perf(fd).map_err(|e| what(&e));
    let function = |prefix: &str| Some(&plan.functions[name.strip_prefix(prefix)?.parse::<usize>().ok()?]);
    let slot = |prefix: &str| name.strip_prefix(prefix).and_then(|slot| slot.parse::<usize>().ok());
    if let Some(function) = function("kprobe_") {
        return perf(kprobe::open(machine, function.symbol, false).map_err(|e| what(&e))?);
    }
    if let (Some(function), Some(slot)) = (function("kretprobe_"), slot("kretprobe_")) {
        let Ok(tracefs) = machine.tracefs() else {
            return perf(kprobe::open(machine, function.symbol, true).map_err(|e| what(&e))?);
        };
        let event = ReturnEvent::create(tracefs, function.symbol, slot).map_err(|e| what(&e))?;
        let fd = event.open().map_err(|e| what(&e))?;
        returns.push(event);
        return perf(fd);
    }
    if name.starts_with("kprobe_prepare_exec") {
        return perf(kprobe::open(machine, Prepare::FUNCTION, false).map_err(|e| what(&e))?);
    }
    if name.starts_with("fentry") || name.starts_with("fexit") {
        return program.attach_raw(None).map_err(|e| what(&e));
    }
    if let Some(tracepoint) = program.section.strip_prefix("raw_tp/") {
        return program.attach_raw(Some(tracepoint)).map_err(|e| what(&e));
    }
    let event = program.section.strip_prefix("tp/").context_missing()?;
    let tracefs = machine.tracefs().map_err(unsupported)?;
    let config = tracefs.event_id(event).map_err(|e| what(&e))?;
    let mut attr =
        libbpf_sys::perf_event_attr { type_: libbpf_sys::PERF_TYPE_TRACEPOINT, config, ..Default::default() };
    perf(perf_event_open(&mut attr, -1, 0).map_err(|e| what(&e))?)
}
