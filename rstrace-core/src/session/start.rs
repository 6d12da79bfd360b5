//! The start of a session: chooses the backends, finds the target, attaches the probes.

use std::collections::HashSet;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use libbpf_rs::{MapCore, MapFlags};

use super::end::End;
use super::options::{Loss, Options};
use super::{Session, pairs, signals};
use crate::backend::Backend;
use crate::backend::attach::{self, Settings};
use crate::backend::plan::{self, Plan, Tally, Wish};
use crate::deliver::Delivery;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::filter::Filter;
use crate::machine::Machine;
use crate::probe::Probe;
use crate::statistics::{Counter, Times};
use crate::target::attach::readers_of_our_output;
use crate::target::launch::Inherited;
use crate::transport::perf::Perf;
use crate::transport::pump::Pump;
use crate::transport::ring::Ring;
use crate::transport::{NO_RING, Reader, Transport};

/// Bytes of the ring buffer.
const RING_BYTES: usize = 16 << 20;
/// Bytes of each CPU's perf buffer.
const PERF_BYTES: usize = 8 << 20;

impl<'m> Session<'m> {
    /// Launches or finds the target and attaches the probes to it. A launched command is held before its exec
    /// until [`Session::run`].
    ///
    /// Blocks `SIGINT`, `SIGTERM`, `SIGHUP` and `SIGQUIT` for the calling thread, to handle them in `run`.
    pub fn start(machine: &'m Machine, options: &Options, probes: Vec<Box<dyn Probe>>) -> Result<Self> {
        let begun = Instant::now();
        let inherited = Inherited::now()?;
        machine.check()?;
        let signals = signals::block(options.interrupts)?;

        let silent = options.counting.is_some_and(|counting| !counting.events);
        let (pairs, places) = pairs::wanted(&probes, options, silent);
        // calls are counted however they end, as strace counts them; nothing else is to be done for `silent`
        let filter = if silent { options.filter.without_results() } else { options.filter.clone() };
        // only the tracepoints are sure to tell a call's number
        let backend = if options.counting.is_some() { Some(Backend::Tracepoint) } else { options.backend };
        let rows = plan::rows(&pairs);
        let plan = Plan::make(machine, backend, &rows)?;
        let (known, numbered) = pairs::number(&rows, &places, &plan);

        let end = End::find(&options.target, inherited)?;
        let transport = choose_transport(machine, options.transport)?;
        let settings = settings(options, &end, &filter, transport, silent);
        // before the programs are attached: what is mapped from now on is told of
        let frames = options.stacks.filter(|_| settings.stacks);
        let stacks = frames.map(|frames| end.watch_mappings(&options.target, frames)).transpose()?;
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
}

/// What the programs are loaded with. Silent ones send nothing: they need no room, and nobody waits for any.
fn settings(options: &Options, end: &End, filter: &Filter, transport: Transport, silent: bool) -> Settings {
    let buffer = options.buffer.unwrap_or(match transport {
        Transport::Ring => RING_BYTES,
        Transport::Perf => PERF_BYTES,
    });
    let (scope, target) = end.scope(options.let_go);
    Settings {
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
        stacks: options.stacks.is_some() && !silent,
        held: matches!(end, End::Command { .. }),
        let_go: options.let_go,
        filter: filter.clone(),
        transport,
        buffer: if silent { 4096 } else { buffer.max(4096).next_power_of_two() },
        counting: options.counting,
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
