//! Loads the kernel side for a plan and attaches its programs.

use std::fmt;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use libbpf_rs::skel::{OpenSkel, Skel, SkelBuilder};
use libbpf_rs::{Link, MapCore, MapFlags, OpenObject, PrintLevel, ProgramMut};
use rstrace_probes_bpf::{RstraceSkel, RstraceSkelBuilder, layout};

use super::kprobe::{self, ReturnEvent};
use super::plan::{Plan, Prepare, Tail, Wish};
use super::{Backend, TracepointHook};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::filter::Filter;
use crate::machine::{Machine, has_helper, perf_event_open};
use crate::transport::Transport;

/// What the kernel side is told beyond the plan.
#[derive(Debug)]
pub(crate) struct Settings {
    pub scope: u32,
    pub target: u32,
    pub wish: Wish,
    pub uid: Option<u32>,
    /// The target is a command that is held before its exec.
    pub held: bool,
    pub filter: Filter,
    pub transport: Transport,
    /// Bytes: of the ring, or of each CPU's perf buffer.
    pub buffer: usize,
}

/// Threads or processes that can be followed at once.
const FOLLOWED: u32 = 65536;

/// The loaded kernel side, with its programs attached until it is dropped.
pub(crate) struct Attached<'m> {
    // the order is that of dropping: links, then the events they use, then the object
    links: Vec<Link>,
    kretprobes: usize,
    returns: Vec<ReturnEvent<'m>>,
    /// The kernel side's count of living threads, in its mapped .bss.
    live: NonNull<i64>,
    /// Likewise, what has been read of each CPU's perf buffer.
    perf_read: NonNull<[u64; layout::MAX_CPUS]>,
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

fn load_error(error: libbpf_rs::Error) -> Error {
    let said = LIBBPF_SAID.lock().map(|s| s.clone()).unwrap_or_default();
    if is_verbose() {
        eprintln!("{said}");
    }
    let reason = said.lines().find(|line| line.contains("failed")).unwrap_or("");
    Error::new(
        ErrorKind::Unsupported,
        format!("the kernel refuses rstrace's programs: {error}; {reason} (RSTRACE_LIBBPF_LOG=1 shows all)"),
    )
}

/// Loads the programs of a plan; nothing is attached yet.
pub(crate) fn load<'m>(machine: &'m Machine, plan: &Plan, settings: &Settings) -> Result<Attached<'m>> {
    if let Ok(mut said) = LIBBPF_SAID.lock() {
        said.clear();
    }
    let level = if is_verbose() { PrintLevel::Debug } else { PrintLevel::Warn };
    libbpf_rs::set_print(Some((level, keep_message)));

    // The skeleton borrows the place of its object: a few bytes, given up for an owned skeleton.
    let place: &'static mut MaybeUninit<OpenObject> = Box::leak(Box::new(MaybeUninit::uninit()));
    let mut open = RstraceSkelBuilder::default().open(place).map_err(load_error)?;

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
    rodata.filter = settings.filter.constants();
    let config = &mut open.maps.rodata_data.as_deref_mut().context_missing()?.config;
    plan.configure(config);
    config.scope = settings.scope;
    config.target = settings.target;
    config.follow = settings.wish.follow.into();
    config.throttle = settings.wish.throttle.into();
    config.buffer = settings.buffer as u32;
    config.by_uid = settings.uid.is_some().into();
    config.uid = settings.uid.unwrap_or(0);
    config.transport = match settings.transport {
        Transport::Perf => layout::TRANSPORT_PERF,
        Transport::Ring => layout::TRANSPORT_RING,
    };
    config.wake_bytes = (settings.buffer / 4) as u32;
    config.task_pt_regs = has_helper(libbpf_sys::BPF_FUNC_task_pt_regs).into();
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
        maps.arg_filters.set_max_entries(rows)?;
        maps.scratches.set_max_entries(layout::LANE_FUNCTIONS + 2 * plan.functions.len() as u32)?;
        if matches!(settings.scope, layout::SCOPE_TGIDS | layout::SCOPE_TIDS) {
            maps.followed.set_max_entries(FOLLOWED)?;
        }
        match settings.transport {
            Transport::Ring => {
                maps.ring.set_max_entries(settings.buffer as u32)?;
                maps.perf.set_autocreate(false)
            }
            Transport::Perf => maps.ring.set_autocreate(false),
        }
    })();
    sized.map_err(load_error)?;

    let mut skel = open.load().map_err(load_error)?;
    if is_verbose() {
        eprintln!("{}", LIBBPF_SAID.lock().map(|said| said.clone()).unwrap_or_default());
    }
    Filter::hold(&skel.maps.cgroup_set, cgroups.as_ref())?;
    Filter::hold(&skel.maps.mntns_set, namespaces.as_ref())?;
    let bss = skel.maps.bss_data.as_deref_mut().context_missing()?;
    bss.held = settings.held.into();
    let live = NonNull::from(&mut bss.live);
    let perf_read = NonNull::from(&mut bss.perf_read);
    for (index, row) in plan.tables().iter().enumerate() {
        let key = (index as u32 + 1).to_ne_bytes();
        // SAFETY: the row is plain data without padding, see layout.
        let value = unsafe { plain::as_bytes(row) };
        skel.maps.pairs.update(&key, value, MapFlags::ANY).map_err(load_error)?;
        let tests = settings.filter.tests(plan.name(index));
        // SAFETY: as above.
        let value = unsafe { plain::as_bytes(&tests) };
        skel.maps.arg_filters.update(&key, value, MapFlags::ANY).map_err(load_error)?;
    }
    for (key, row) in plan.variants() {
        // SAFETY: the key is plain data without padding, see layout.
        let key = unsafe { plain::as_bytes(key) };
        skel.maps.variants.update(key, &u32::from(*row).to_ne_bytes(), MapFlags::ANY).map_err(load_error)?;
    }
    Ok(Attached { links: Vec::new(), kretprobes: 0, returns: Vec::new(), live, perf_read, skel })
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
        let mut programs: Vec<_> = self
            .skel
            .object()
            .progs_mut()
            .filter(|p| p.as_fd().as_raw_fd() >= 0)
            .map(|p| (order(&p.name().to_string_lossy()), p))
            .collect();
        programs.sort_by_key(|(order, _)| *order);
        for (_, program) in programs {
            let name = program.name().to_string_lossy().into_owned();
            if let Some(tail) = Tail::of(&name) {
                let maps = &self.skel.maps;
                let (table, place) = match tail {
                    Tail::Prepare => (&maps.prepare_again, 0),
                    Tail::Failed => (&maps.failed_again, 0),
                    Tail::Enter => (&maps.tails, u32::from(layout::WHEN_ENTRY)),
                    Tail::Leave => (&maps.tails, u32::from(layout::WHEN_RETURN)),
                    Tail::Throttle => (&maps.tails, layout::TAIL_THROTTLE),
                };
                let fd = program.as_fd().as_raw_fd().to_ne_bytes();
                table.update(&place.to_ne_bytes(), &fd, MapFlags::ANY).context("the table of tail calls")?;
                continue;
            }
            let link = attach_program(machine, plan, &program, &name, &mut self.returns)?;
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
        self.links.clear();
        if running {
            // they still count and send until a grace period is over; it takes some 20 ms
            // SAFETY: plain numbers.
            unsafe { libc::syscall(libc::SYS_membarrier, libc::MEMBARRIER_CMD_GLOBAL, 0, 0) };
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
        for program in self.skel.object().progs_mut().filter(|p| p.as_fd().as_raw_fd() >= 0) {
            sum += recursion_misses(program.as_fd().as_raw_fd())?;
        }
        Some(sum)
    }
}

fn recursion_misses(program: i32) -> Option<u64> {
    let mut info = libbpf_sys::bpf_prog_info::default();
    let mut len = size_of_val(&info) as u32;
    // SAFETY: the structure is as long as said, and the kernel fills no more than that.
    let err = unsafe { libbpf_sys::bpf_prog_get_info_by_fd(program, &mut info, &mut len) };
    (err == 0).then_some(info.recursion_misses)
}

fn order(name: &str) -> u8 {
    match name {
        // tails before the programs that call them
        _ if name.ends_with("_fork") || Tail::of(name).is_some() => 0,
        "raw_exit" | "classic_exit" | "raw_exec" | "classic_exec" => 1,
        // before sys_exit, which forgets the call
        _ if name.contains("failed_exec") => 2,
        _ if name.starts_with("kretprobe") || name.starts_with("fexit") || name.ends_with("sys_exit") => 3,
        _ => 4,
    }
}

fn attach_program<'m>(
    machine: &'m Machine,
    plan: &Plan,
    program: &ProgramMut<'_>,
    name: &str,
    returns: &mut Vec<ReturnEvent<'m>>,
) -> Result<Link> {
    let what =
        |e: &dyn fmt::Display| Error::new(ErrorKind::Unsupported, format!("{name} can't be attached: {e}"));
    let perf = |fd: OwnedFd| program.attach_perf_event(fd.into_raw_fd()).map_err(|e| what(&e));
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
        return program.attach_trace().map_err(|e| what(&e));
    }
    let section = program.section().to_string_lossy();
    if let Some(tracepoint) = section.strip_prefix("raw_tp/") {
        return program.attach_raw_tracepoint(tracepoint).map_err(|e| what(&e));
    }
    let event = section.strip_prefix("tp/").context_missing()?;
    let tracefs = machine.tracefs().map_err(unsupported)?;
    let config = tracefs.event_id(event).map_err(|e| what(&e))?;
    let mut attr =
        libbpf_sys::perf_event_attr { type_: libbpf_sys::PERF_TYPE_TRACEPOINT, config, ..Default::default() };
    perf(perf_event_open(&mut attr, -1, 0).map_err(|e| what(&e))?)
}
