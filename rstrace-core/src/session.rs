//! A session: a target, probes attached to it, and the loop that hands out events until the target ends.

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use libbpf_rs::{MapCore, MapFlags};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::signal::{self, SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;
use rstrace_probes_bpf::layout;

use crate::backend::Backend;
use crate::backend::attach::{self, Attached, Settings};
use crate::backend::plan::{self, Plan, Tally, Wish};
use crate::backend::tables;
use crate::before::{self, Before, Numbered};
use crate::clock::monotonic_ns;
use crate::deliver::{self, Delivery, Known, Sink, wait_status};
use crate::describe::Type;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::event::{Event, EventKind, WaitStatus};
use crate::filter::Filter;
use crate::ledger::Ledger;
use crate::machine::Machine;
use crate::probe::{Capture, From, MAX_CAPTURES, Pair, Probe, What, When};
use crate::record::Record;
use crate::stacks::Stacks;
use crate::statistics::{Counter, Counting, Statistics, Times};
use crate::target::Target;
use crate::target::attach::{Process, no_such_process, readers_of_our_output, thread_exists};
use crate::target::guard::{Guard, Prey};
use crate::target::launch::{Held, Inherited};
use crate::transport::perf::Perf;
use crate::transport::pump::{POLL_MS, Pump};
use crate::transport::ring::Ring;
use crate::transport::{NO_RING, Reader, Transport};
use crate::underway;
use crate::unpreempted::Unpreempted;

/// What a session is to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whom to trace.
    pub target: Target,
    /// The backend to use; `None`: the best for each pair.
    pub backend: Option<Backend>,
    /// The transport to use; `None`: the ring buffer where there is one.
    pub transport: Option<Transport>,
    /// Bytes of the ring buffer, or of each CPU's perf buffer; rounded up to a power of two. `None`: the default.
    pub buffer: Option<usize>,
    /// Only calls of this user (real user id).
    pub uid: Option<u32>,
    /// What a `siginfo_t` is: with it signals come as events too.
    pub signals: Option<&'static Type>,
    /// What is done when the transport's buffer fills up.
    pub loss: Loss,
    /// Which calls are asked for.
    pub filter: Filter,
    /// Whether calls say who made them ([`Event::caller`]).
    pub callers: bool,
    /// Whether calls and signals say where the program is ([`Event::pointer`]).
    pub pointers: bool,
    /// Whether calls say from where they were made ([`Event::stack`]).
    pub stacks: bool,
    /// What is counted beside the events or instead of them.
    pub counting: Option<Counting>,
    /// When to end at the latest, counted from the beginning of [`Session::run`]. A command that still runs goes on.
    pub duration: Option<Duration>,
    /// After how many calls to end. A command that still runs goes on.
    pub calls: Option<u64>,
    /// What signals to rstrace do.
    pub interrupts: Interrupts,
    /// Whether a process is traced no more once it executes a program; that which a command is launched for does not
    /// count. Not for [`Target::All`].
    pub let_go: bool,
    /// Whether what is traced is killed when the session ends, even by the end of its process. For [`Target::Launch`].
    pub kill: bool,
}

/// What `SIGINT`, `SIGTERM`, `SIGHUP` and `SIGQUIT` do to a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Interrupts {
    /// They are passed on to the command that was launched, or end the session.
    #[default]
    Handled,
    /// Nothing: they are blocked.
    Blocked,
    /// Nothing, and `SIGTSTP` does nothing either.
    BlockedAndStop,
}

/// What is done when calls are made faster than they can be read, for longer than the buffer lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The traced threads wait at the returns of their system calls, in slices of at most 100 us.
    Never,
    /// Calls are dropped and counted; nobody waits.
    Drop,
}

/// Bytes of the ring buffer.
const RING_BYTES: usize = 16 << 20;
/// Bytes of each CPU's perf buffer.
const PERF_BYTES: usize = 8 << 20;

/// A call is shown before its return when it has lasted so long.
const LASTING_NS: u64 = 100_000_000;

/// How a session ended.
#[derive(Debug)]
pub struct Report {
    /// The account.
    pub ledger: Ledger,
    /// How the launched command ended; `None` if none was launched.
    pub command: Option<WaitStatus>,
    /// The signal that ended the session, if one did.
    pub interrupted: Option<Signal>,
    /// Whether it ended because its time was over, or as many calls had been handed out as were asked for.
    pub expired: bool,
    /// Whether the sink's reader was gone before the end.
    pub closed: bool,
    /// Mappings of code that the kernel could not tell of, where user stacks were asked for.
    pub lost_mappings: u64,
    /// What was counted, if that was asked for.
    pub statistics: Option<Statistics>,
    /// The backends that were used.
    pub backends: Vec<Backend>,
    /// The transport that was used.
    pub transport: Transport,
    /// From the start of the session to the command's release, or to the end of attaching.
    pub startup: Duration,
    /// From then to the end.
    pub traced: Duration,
}

/// An attached target.
pub struct Session<'m> {
    // before a command that is still held: it keeps a copy of its gate
    guard: Option<Guard>,
    // before what it writes to
    pump: Pump,
    attached: Attached<'m>,
    plan: Plan,
    delivery: Delivery,
    end: End,
    signals: SignalFd,
    transport: Transport,
    startup: Duration,
    duration: Option<Duration>,
    warnings: Vec<String>,
    /// Threads of which the sink wants to know in which call they are, by group and id.
    asked: Vec<(Option<u32>, u32)>,
    /// Threads that were attached to and may still be in a call from before.
    attached_to: HashSet<u32>,
    /// The pairs, for calls from before.
    pairs: Vec<Numbered>,
    counter: Option<Counter>,
    /// Nothing is sent from the kernel.
    silent: bool,
    filter: Filter,
    /// Processes are let go that execute a program.
    let_go: bool,
}

/// What ends a session.
enum End {
    /// The command, and with `follow` all it started.
    Command {
        held: Option<Held>,
        process: Process,
        /// Somebody else waits for it if not.
        is_child: bool,
        follow: bool,
        program: std::ffi::OsString,
    },
    /// The processes, and with `follow` all they started.
    Processes { processes: Vec<Process>, follow: bool },
    /// The thread.
    Thread,
    /// A signal only.
    Signal,
}

impl End {
    /// Watches what the target has mapped and will map.
    fn watch_mappings(&self, target: &Target) -> Result<Stacks> {
        let (pids, tids): (Vec<u32>, Vec<u32>) = match (self, target) {
            (Self::Command { process, .. }, _) => (vec![process.pid], vec![process.pid]),
            (Self::Processes { processes, .. }, _) => (
                processes.iter().map(|process| process.pid).collect(),
                processes.iter().flat_map(Process::threads).collect(),
            ),
            (Self::Thread, Target::Thread(tid)) => {
                // any thread of its process may map what it executes
                let pid = underway::group_of(*tid).unwrap_or(*tid);
                (vec![pid], Process::open(pid)?.threads().into_iter().collect())
            }
            _ => (Vec::new(), Vec::new()),
        };
        let held = matches!(self, Self::Command { .. });
        Stacks::start(&pids, &tids, pids.is_empty() || target.follows(), held)
    }
}

impl fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("plan", &self.plan).finish_non_exhaustive()
    }
}

impl<'m> Session<'m> {
    /// Launches or finds the target and attaches the probes to it. A launched command is held before its exec
    /// until [`Session::run`].
    ///
    /// Blocks `SIGINT`, `SIGTERM`, `SIGHUP` and `SIGQUIT` for the calling thread, to handle them in `run`.
    pub fn start(machine: &'m Machine, options: &Options, probes: Vec<Box<dyn Probe>>) -> Result<Self> {
        let begun = Instant::now();
        let inherited = Inherited::now()?;
        machine.check()?;
        let mut mask = SigSet::empty();
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
            // what the caller has ignored (nohup, a shell's background) stays ignored
            if !is_ignored(signal) {
                mask.add(signal);
            }
        }
        if options.interrupts == Interrupts::BlockedAndStop {
            mask.add(Signal::SIGTSTP);
        }
        mask.thread_block().context("sigprocmask")?;
        if options.interrupts != Interrupts::Handled {
            // they wait until rstrace ends
            mask = SigSet::empty();
        }
        let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
            .context("signalfd")?;

        let mut pairs = Vec::new();
        let mut places = Vec::new();
        for (probe, plugin) in probes.iter().enumerate() {
            for (index, pair) in plugin.pairs().into_iter().enumerate() {
                places.push((probe, index));
                pairs.push(pair);
            }
        }
        let silent = options.counting.is_some_and(|counting| !counting.events);
        if silent {
            // what nobody sees need not be read
            for pair in &mut pairs {
                pair.captures.clear();
                pair.variants = None;
            }
        } else {
            for (what, _) in [(What::Identity, options.callers), (What::Pointer, options.pointers)]
                .into_iter()
                .filter(|(_, asked)| *asked)
            {
                pairs.iter_mut().for_each(|pair| ask_for(what, pair));
            }
        }
        // calls are counted however they end, as strace counts them; nothing else is to be done for `silent`
        let filter = if silent { options.filter.without_results() } else { options.filter.clone() };
        // only the tracepoints are sure to tell a call's number
        let backend = if options.counting.is_some() { Some(Backend::Tracepoint) } else { options.backend };
        let rows = plan::rows(&pairs);
        let plan = Plan::make(machine, backend, &rows)?;
        let mut place = 0;
        let mut known = Vec::new();
        let mut numbered = Vec::new();
        for (row, id) in rows.iter().zip(1..) {
            place += usize::from(row.variant.is_none() && id > 1);
            if row.variant.is_none() {
                numbered.push(Numbered { id, pair: row.pair.clone() });
            }
            let (probe, index) = places[place];
            known.push(Known {
                probe,
                index,
                unwanted: 0,
                name: plan.symbol(id).unwrap_or(row.pair.name).to_owned(),
                vectors: row.captures.iter().map(|capture| capture.what == What::Strings).collect(),
                entry: deliver::entry_captures(row.captures),
                identity: row.captures.iter().position(|capture| capture.what == What::Identity),
                pointer: row.captures.iter().position(|capture| capture.what == What::Pointer),
            });
        }

        let end = Self::find_target(&options.target, inherited)?;
        let transport = choose_transport(machine, options.transport)?;
        let buffer = options.buffer.unwrap_or(match transport {
            Transport::Ring => RING_BYTES,
            Transport::Perf => PERF_BYTES,
        });
        let (scope, target) = scope(&end, options.let_go);
        let settings = Settings {
            scope,
            target,
            wish: Wish {
                follow: options.target.follows(),
                signals: options.signals.is_some(),
                throttle: options.loss == Loss::Never && !silent,
                tally: options.counting.map(|counting| Tally {
                    alone: silent && filter.is_of_target(),
                    cpu: counting.times == Times::Cpu,
                }),
            },
            uid: options.uid,
            stacks: options.stacks && !silent,
            held: matches!(end, End::Command { .. }),
            let_go: options.let_go,
            filter: filter.clone(),
            transport,
            buffer: if silent { 4096 } else { buffer.max(4096).next_power_of_two() },
            counting: options.counting,
        };
        // before the programs are attached: what is mapped from now on is told of
        let stacks = if settings.stacks { Some(end.watch_mappings(&options.target)?) } else { None };
        let ring = match transport {
            Transport::Ring => Some(Ring::make(settings.buffer)?),
            Transport::Perf => None,
        };
        let (mut attached, ring) = attach::load(machine, &plan, &settings, ring)?;
        let maps = &attached.skel.maps;
        let reader = match ring {
            Some(ring) => Reader::Ring(ring),
            None => Reader::Perf(Perf::new(maps.perf.as_fd(), settings.buffer, attached.perf_read())?),
        };
        if let End::Signal = end {
            for pid in readers_of_our_output() {
                maps.ignored
                    .update(&pid.to_ne_bytes(), &[1], MapFlags::ANY)
                    .context("the map of ignored processes")?;
            }
        }
        attached.attach(machine, &plan)?;
        let warnings = plan.warnings.clone();
        let delivery = Delivery::new(probes, known, options.signals, options.calls, stacks);
        let mut session = Self {
            guard: None,
            pump: Pump::start(reader)?,
            attached,
            plan,
            delivery,
            end,
            signals,
            transport,
            startup: Duration::ZERO,
            duration: options.duration,
            warnings,
            asked: Vec::new(),
            attached_to: HashSet::new(),
            pairs: numbered,
            counter: options.counting.as_ref().map(Counter::new),
            silent,
            filter,
            let_go: options.let_go,
        };
        session.follow_target(&options.target)?;
        if options.kill {
            session.guard = session.guard()?;
        }
        session.startup = begun.elapsed();
        Ok(session)
    }

    /// How the kernel is watched, in words.
    pub fn means(&self) -> String {
        let backends: Vec<_> = self.plan.backends.iter().map(|backend| backend.name()).collect();
        format!("backend {}, transport {}", backends.join("+"), self.transport.name())
    }

    /// The ids of the processes, or of the thread, that are traced from the start, if these are known.
    pub fn targets(&self) -> Vec<u32> {
        match &self.end {
            End::Command { process, .. } => vec![process.pid],
            End::Processes { processes, .. } => processes.iter().map(|process| process.pid).collect(),
            End::Thread | End::Signal => Vec::new(),
        }
    }

    /// What the user should know before the trace: calls that may be missed, and why.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn find_target(target: &Target, inherited: Inherited) -> Result<End> {
        Ok(match target {
            Target::Launch { argv, argv0, env, user, follow, apart } => {
                let held = Held::start(argv, argv0.as_deref(), env, user.as_ref(), *apart, inherited)?;
                let process = Process::open(held.pid().as_raw() as u32)?;
                let (program, is_child) = (argv[0].clone(), apart.is_none());
                End::Command { held: Some(held), process, is_child, follow: *follow, program }
            }
            Target::Processes { pids, .. } if pids.contains(&std::process::id()) => {
                return Err(Error::new(
                    ErrorKind::Other,
                    "rstrace can't trace itself: give -p another process",
                ));
            }
            Target::Processes { pids, follow } => {
                let processes = pids.iter().map(|pid| Process::open(*pid)).collect::<Result<_>>()?;
                End::Processes { processes, follow: *follow }
            }
            Target::Thread(tid) if thread_exists(*tid) => End::Thread,
            Target::Thread(tid) => return Err(no_such_process(*tid)),
            Target::All => End::Signal,
        })
    }

    /// Fills the set of what is followed, now that the fork and exit points keep it.
    fn follow_target(&mut self, target: &Target) -> Result<()> {
        let _unpreempted = Unpreempted::new();
        match (&self.end, target) {
            (End::Command { process, follow: true, .. }, _) => self.follow(process.pid)?,
            (End::Command { process, follow: false, .. }, _) if self.let_go => self.watch(process.pid)?,
            (End::Processes { processes, follow: true }, _) => {
                for process in processes {
                    // threads made by ones that are in the set already join it by themselves
                    let mut known = std::collections::BTreeSet::new();
                    loop {
                        let threads = process.threads();
                        if threads.is_subset(&known) {
                            break;
                        }
                        for tid in threads.difference(&known) {
                            self.follow(*tid)?;
                        }
                        known.extend(threads);
                    }
                }
            }
            (End::Processes { processes, follow: false }, _) if processes.len() > 1 || self.let_go => {
                processes.iter().try_for_each(|process| self.watch(process.pid))?;
            }
            (End::Thread, Target::Thread(tid)) => self.follow(*tid)?,
            _ => {}
        }
        match (&self.end, target) {
            (End::Processes { processes, .. }, _) => {
                self.attached_to.extend(processes.iter().flat_map(Process::threads));
            }
            (End::Thread, Target::Thread(tid)) => self.attached_to.extend([*tid]),
            _ => {}
        }
        if let End::Processes { processes, .. } = &self.end
            && let Some(gone) = processes.iter().find(|process| process.has_ended())
        {
            return Err(no_such_process(gone.pid));
        }
        Ok(())
    }

    /// Who kills the command with all that is traced.
    fn guard(&self) -> Result<Option<Guard>> {
        let End::Command { process, follow, .. } = &self.end else { return Ok(None) };
        let prey = if *follow || self.let_go {
            Prey::Set(self.attached.skel.maps.followed.as_fd())
        } else {
            Prey::Process(process.as_fd())
        };
        Guard::start(&prey).map(Some)
    }

    /// Puts a process into the set, alone.
    fn watch(&self, pid: u32) -> Result<()> {
        let set = &self.attached.skel.maps.followed;
        set.update(&pid.to_ne_bytes(), &[1], MapFlags::ANY).context("the follow set")
    }

    fn follow(&self, tid: u32) -> Result<()> {
        let set = &self.attached.skel.maps.followed;
        let key = tid.to_ne_bytes();
        match set.update(&key, &[1], MapFlags::NO_EXIST) {
            Ok(()) => {}
            // the fork point was faster
            Err(error) if error.kind() == libbpf_rs::ErrorKind::AlreadyExists => return Ok(()),
            Err(error) => return Err(error).context(format!("thread {tid} can't be followed")),
        }
        self.attached.live().fetch_add(1, Ordering::Relaxed);
        // it may have ended before it was in the set, and then nobody takes it out
        if !thread_exists(tid) && set.delete(&key).is_ok() {
            self.attached.live().fetch_sub(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Lets the command go and hands out events until the target has ended or a signal ends the session.
    pub fn run(mut self, sink: &mut dyn Sink) -> Result<Report> {
        let started = Instant::now();
        let deadline = self.duration.and_then(|duration| started.checked_add(duration));
        let mut failure = None;
        if let Some(counter) = &mut self.counter {
            counter.start();
        }
        if let End::Command { held, program, .. } = &mut self.end
            && let Some(held) = held.take()
        {
            // a failed exec is an error, but its events are to be seen
            failure = held.release(program).err();
        }
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).context("epoll")?;
        let interest = || EpollEvent::new(EpollFlags::EPOLLIN, 0);
        epoll.add(self.signals.as_fd(), interest()).context("epoll")?;
        epoll.add(self.pump.filled(), interest()).context("epoll")?;
        match &self.end {
            End::Command { process, .. } => epoll.add(process.as_fd(), interest()).context("epoll")?,
            End::Processes { processes, .. } => {
                for process in processes {
                    epoll.add(process.as_fd(), interest()).context("epoll")?;
                }
            }
            End::Thread | End::Signal => {}
        }

        let mut interrupted = None;
        let mut events = [EpollEvent::empty(); 4];
        let mut ended = false;
        let mut expired = false;
        while !ended {
            ended = self.has_ended(&epoll);
            let delivery = &mut self.delivery;
            let any = self.pump.read(&mut |bytes| delivery.record(bytes, sink))?;
            if let Some(stacks) = self.delivery.stacks() {
                stacks.advance(self.pump.complete_ns());
            }
            if self.delivery.error.is_none() {
                let lasting_ns = monotonic_ns().saturating_sub(LASTING_NS);
                self.tell_of_entered(self.pump.complete_ns().min(lasting_ns), sink);
            }
            if self.delivery.error.is_some() {
                break;
            }
            interrupted = self.handle_signals()?;
            if let Some(counter) = &mut self.counter
                && let Some(statistics) = counter.tick(&self.attached)?
                && let Err(error) = sink.statistics(&statistics)
            {
                self.delivery.error = Some(error);
                break;
            }
            let is_over = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            expired = !ended && (is_over || self.delivery.is_done());
            if interrupted.is_some() || expired {
                break;
            }
            if !any && !ended {
                if let Err(error) = sink.idle() {
                    self.delivery.error = Some(error);
                    break;
                }
                let next = self.counter.as_ref().and_then(Counter::next);
                let left = deadline.into_iter().chain(next).min().map_or(u128::MAX, |moment| {
                    moment.saturating_duration_since(Instant::now()).as_millis() + 1
                });
                let timeout = left.min(u128::from(POLL_MS)) as u16;
                match epoll.wait(&mut events, EpollTimeout::from(timeout)) {
                    Ok(_) | Err(nix::Error::EINTR) => {}
                    Err(error) => return Err(error).context("epoll_wait"),
                }
            }
        }
        let report = self.finish(sink, interrupted, ended, expired, started)?;
        match failure {
            Some(error) => Err(error),
            None => Ok(report),
        }
    }

    /// Whether the target has ended; takes ended processes out of the poll set, as they stay readable.
    fn has_ended(&mut self, epoll: &Epoll) -> bool {
        let nobody_left = self.attached.live().load(Ordering::Relaxed) <= 0;
        let is_let_go = self.attached.has_let_go_of_command();
        let followed = &self.attached.skel.maps.followed;
        match &mut self.end {
            End::Command { process, follow, .. } => {
                let ended = process.has_ended();
                if ended && *follow {
                    let _ = epoll.delete(process.as_fd());
                }
                (ended || is_let_go) && (!*follow || nobody_left)
            }
            End::Processes { processes, follow: false } => {
                processes.retain(|process| {
                    let ended = process.has_ended() || (self.let_go && !is_in(followed, process.pid));
                    if ended {
                        let _ = epoll.delete(process.as_fd());
                        // its id may become another's
                        let _unpreempted = Unpreempted::new();
                        let _ = followed.delete(&process.pid.to_ne_bytes());
                    }
                    !ended
                });
                processes.is_empty()
            }
            End::Processes { processes, follow: true } => {
                for process in processes.iter().filter(|process| process.has_ended()) {
                    let _ = epoll.delete(process.as_fd());
                }
                nobody_left
            }
            End::Thread => nobody_left,
            End::Signal => false,
        }
    }

    /// Signals to rstrace. A command that still runs decides about them itself: the terminal sends them to it as
    /// well, and what was sent to rstrace alone is passed on.
    fn handle_signals(&mut self) -> Result<Option<Signal>> {
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

    /// Detaches, drains what is left, and makes up the account.
    fn finish(
        mut self,
        sink: &mut dyn Sink,
        interrupted: Option<Signal>,
        ended: bool,
        expired: bool,
        started: Instant,
    ) -> Result<Report> {
        // while its end can still be seen
        drop(self.guard.take());
        let recursion = self.attached.recursion_misses(&self.plan);
        let dropped_returns = self.attached.detach(!ended);
        let traced = started.elapsed();
        let delivery = &mut self.delivery;
        self.pump.finish();
        while self.pump.read(&mut |bytes| delivery.record(bytes, sink))? {}
        let silent = self.silent;
        let unfinished = if silent { 0 } else { self.report_unfinished(sink) };

        let mut ledger = Ledger {
            delivered: self.delivery.delivered,
            incomplete: self.delivery.incomplete,
            recursion,
            dropped_returns,
            records: self.delivery.records,
            parts: self.delivery.parts_read,
            ..Ledger::default()
        };
        ledger.lost.ended_within = unfinished + self.delivery.let_go;
        let counters = tables::read_counters(&self.attached.skel.maps.counts)?;
        // what is only counted is no part of the account of what was to be delivered
        for (index, known) in self.delivery.pairs().iter().enumerate().filter(|_| !silent) {
            ledger.add(&known.name, &counters[index + 1], known.unwanted);
        }
        let points = &counters[0];
        ledger.lost_points = points.count[layout::COUNT_POINT_LOST];
        ledger.not_followed = points.count[layout::COUNT_NOT_FOLLOWED];
        ledger.throttled = points.count[layout::COUNT_THROTTLED];
        ledger.throttled_for = Duration::from_nanos(points.count[layout::COUNT_THROTTLED_NS]);
        ledger.spilled = self.pump.spilled();
        let statistics = match &mut self.counter {
            None => None,
            Some(counter) => {
                let rest = counter.rest(&self.attached)?;
                if counter.has_intervals() && self.delivery.error.is_none() {
                    self.delivery.error = sink.statistics(&rest).err();
                }
                Some(counter.total(&self.attached, points.count[layout::COUNT_NOT_TALLIED])?)
            }
        };

        // those that no later record could tell of
        let calls = ledger.lost.buffer_full.saturating_sub(self.delivery.lost_shown);
        if calls > 0 && self.delivery.error.is_none() {
            let event = Event {
                tgid: 0,
                tid: 0,
                time_ns: 0,
                caller: None,
                pointer: None,
                stack: None,
                name: None,
                kind: EventKind::Lost { calls },
            };
            self.delivery.error = sink.event(&event).err();
        }
        let error = self.delivery.error.take().or_else(|| sink.idle().err());
        let closed = error.as_ref().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe);
        let command = match &self.end {
            // with the output gone there is still a command to wait for: its status is ours
            End::Command { process, is_child: true, .. }
                if !self.attached.has_let_go_of_command() && (!expired || process.has_ended()) =>
            {
                Some(self.wait_for_command()?)
            }
            _ => None,
        };
        if let Some(error) = error.filter(|_| !closed) {
            return Err(Error::new(ErrorKind::Output, format!("the output can't be written: {error}")));
        }
        Ok(Report {
            ledger,
            command,
            interrupted,
            expired,
            closed,
            lost_mappings: self.delivery.stacks().map_or(0, Stacks::lost),
            statistics,
            backends: self.plan.backends.clone(),
            transport: self.transport,
            startup: self.startup,
            traced,
        })
    }

    /// How the command ended. It may still run, with the output gone: signals to rstrace are still passed on.
    fn wait_for_command(&mut self) -> Result<WaitStatus> {
        let End::Command { process, .. } = &self.end else { unreachable!("only commands are waited for") };
        let pid = process.pid;
        loop {
            let End::Command { process, .. } = &self.end else { unreachable!("as above") };
            if process.has_ended() {
                break;
            }
            let mut fds = [
                PollFd::new(process.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut fds, PollTimeout::NONE) {
                Ok(_) | Err(nix::Error::EINTR) => {}
                Err(error) => return Err(error).context("poll"),
            }
            self.handle_signals()?;
        }
        let mut status = 0;
        // SAFETY: the status is ours to write to. (nix knows no real-time signals.)
        if unsafe { libc::waitpid(pid as i32, &mut status, 0) } < 0 {
            return Err(io::Error::last_os_error()).context("the command's exit status is lost");
        }
        Ok(wait_status(status as u32))
    }

    /// Shows the calls that are still under way, and counts them.
    fn report_unfinished(&mut self, sink: &mut dyn Sink) -> u64 {
        let mut shown = 0;
        for call in underway::all(&self.attached.skel.maps.inflights) {
            let head = call.head();
            let after = Duration::from_nanos(monotonic_ns().saturating_sub(head.entry_time));
            let is_undecided = head.flags & layout::CALL_UNDECIDED != 0;
            if !self.filter.wants_detached(after) || is_undecided || self.delivery.is_done() {
                self.delivery.leave_out(head.pair);
                continue;
            }
            shown += 1;
            if self.delivery.error.is_none() {
                let result = self.delivery.unfinished(&head, call.payloads(), sink);
                self.delivery.error = result.err();
            }
        }
        shown
    }

    /// Tells the sink of calls that are under way, as far as it asks.
    fn tell_of_entered(&mut self, complete_ns: u64, sink: &mut dyn Sink) {
        let asked = &mut self.asked;
        asked.clear();
        sink.overdue(complete_ns, &mut |tgid, tid| asked.push((tgid, tid)));
        if self.filter.is_by_result() {
            // whether anybody wants to see it is not known before it ends
            asked.clear();
        }
        if asked.is_empty() {
            return;
        }
        let _unpreempted = Unpreempted::new();
        for &(tgid, tid) in &self.asked {
            let Some(tgid) = tgid.or_else(|| underway::group_of(tid)) else { continue };
            let (inflights, slots) = (&self.attached.skel.maps.inflights, self.plan.slots());
            let result = if let Some(call) = underway::of_thread(inflights, slots, tgid, tid) {
                self.attached_to.remove(&tid);
                let head = call.head();
                if head.flags & layout::CALL_UNDECIDED != 0 {
                    continue;
                }
                self.delivery.entered(&head, call.payloads(), call.pending(), sink)
            } else if self.attached_to.contains(&tid) && !self.filter.is_by_entry() {
                // what a filter says of a call from before is known when it returns
                let entered = || underway::of_thread(inflights, slots, tgid, tid).is_some();
                let call = before::look(&self.pairs, tgid, tid, entered);
                if !matches!(call, Before::Moving) {
                    self.attached_to.remove(&tid);
                }
                match call {
                    Before::In(head, payloads) => {
                        let head = Record { time: monotonic_ns(), ..*head };
                        self.delivery.entered(&head, payloads.as_bytes(), 0, sink)
                    }
                    Before::InNone | Before::Moving => Ok(()),
                }
            } else {
                Ok(())
            };
            if let Err(error) = result {
                self.delivery.error = Some(error);
                return;
            }
        }
    }
}

/// Whether a process is in the set.
fn is_in(set: &impl MapCore, pid: u32) -> bool {
    let _unpreempted = Unpreempted::new();
    matches!(set.lookup(&pid.to_ne_bytes(), MapFlags::ANY), Ok(Some(_)))
}

/// Captures what the session asks for of every call, behind what the probe wants.
fn ask_for(what: What, pair: &mut Pair) {
    let variants = pair.variants.iter_mut().flat_map(|variants| &mut variants.captures);
    for captures in variants.map(|(_, captures)| captures).chain([&mut pair.captures]) {
        let has_it = captures.iter().any(|capture| capture.what == what);
        if !has_it && captures.len() < MAX_CAPTURES {
            captures.push(Capture { from: From::Arg(0), when: When::Entry, what });
        }
    }
}

fn is_ignored(signal: Signal) -> bool {
    // SAFETY: a null action changes nothing, and the old one is ours to write to; zero bytes are a valid one.
    unsafe {
        let mut old: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal as i32, std::ptr::null(), &mut old) == 0 && old.sa_sigaction == libc::SIG_IGN
    }
}

/// How the target is told, and the process that is it or the command. One that may be let go is told by a set, which it
/// can leave.
fn scope(end: &End, let_go: bool) -> (u32, u32) {
    match end {
        End::Command { process, follow: false, .. } if !let_go => (layout::SCOPE_TGID, process.pid),
        End::Command { process, follow: false, .. } => (layout::SCOPE_TGIDS, process.pid),
        End::Command { process, follow: true, .. } => (layout::SCOPE_TIDS, process.pid),
        End::Processes { processes, follow: false } if processes.len() == 1 && !let_go => {
            (layout::SCOPE_TGID, processes[0].pid)
        }
        End::Processes { follow: false, .. } => (layout::SCOPE_TGIDS, 0),
        End::Processes { .. } | End::Thread => (layout::SCOPE_TIDS, 0),
        End::Signal => (layout::SCOPE_ALL, 0),
    }
}

fn choose_transport(machine: &Machine, forced: Option<Transport>) -> Result<Transport> {
    match forced {
        Some(Transport::Ring) if !machine.has_ring_buffer() => {
            Err(Error::new(ErrorKind::Unsupported, format!("--transport ring can't be used: {NO_RING}")))
        }
        Some(transport) => Ok(transport),
        None if machine.has_ring_buffer() => Ok(Transport::Ring),
        None => Ok(Transport::Perf),
    }
}
