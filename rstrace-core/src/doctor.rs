//! What this machine offers for each probe: every combination of backend and transport, which one would be
//! chosen, and why not the others.

use crate::backend::{self, Backend, Verdict};
use crate::machine::Machine;
use crate::probe::{Hook, Pair, Probe};
use crate::transport::{NO_RING, Transport};

/// What can be said of one combination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The probe's name.
    pub probe: &'static str,
    /// The backend.
    pub backend: Backend,
    /// The transport; `None` if the backend is refused whatever the transport.
    pub transport: Option<Transport>,
    /// Whether it is what would be chosen.
    pub chosen: bool,
    /// Why it can't be used, or what it would miss.
    pub trouble: Option<Trouble>,
}

/// Why a combination is not perfect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It can't be used: the text of the error when it is forced.
    Refused(String),
    /// It would miss calls: when.
    Lossy(String),
}

/// The findings for one probe, all backends and transports.
pub fn examine(machine: &Machine, probe: &dyn Probe) -> Vec<Finding> {
    let pairs = probe.pairs();
    let chosen =
        pairs.first().and_then(|pair| backend::choose(machine, None, pair).ok()).map(|(backend, _)| backend);
    let transports = [(Transport::Ring, machine.has_ring_buffer()), (Transport::Perf, true)];
    let preferred = if machine.has_ring_buffer() { Transport::Ring } else { Transport::Perf };
    let mut findings = Vec::new();
    for backend in Backend::ALL {
        let finding = |transport, trouble| Finding {
            probe: probe.name(),
            backend,
            transport,
            chosen: chosen == Some(backend) && transport == Some(preferred),
            trouble,
        };
        match judge_all(machine, backend, &pairs) {
            Verdict::Refused(reason) => findings.push(finding(None, Some(Trouble::Refused(reason)))),
            verdict => {
                for (transport, offered) in transports {
                    findings.push(finding(
                        Some(transport),
                        match &verdict {
                            _ if !offered => Some(Trouble::Refused(NO_RING.into())),
                            Verdict::Lossy(when) => Some(Trouble::Lossy(when.clone())),
                            _ => None,
                        },
                    ));
                }
            }
        }
    }
    findings
}

/// What a probe's kernel functions do not see of its system calls; `None` if it has none.
pub fn unseen_by_functions(probe: &dyn Probe) -> Option<&'static str> {
    probe.pairs().iter().find_map(|pair| match pair.hook {
        Hook::Syscall { unseen, .. } if !unseen.is_empty() => Some(unseen),
        _ => None,
    })
}

/// The worst verdict of a probe's pairs.
fn judge_all(machine: &Machine, backend: Backend, pairs: &[Pair]) -> Verdict {
    let mut worst = Verdict::Complete;
    let mut judged: Vec<&[&str]> = Vec::new();
    for pair in pairs {
        // pairs with the same functions have the same verdict, and trying costs
        if judged.contains(&backend::functions(pair)) {
            continue;
        }
        judged.push(backend::functions(pair));
        match backend::judge(machine, backend, pair) {
            Verdict::Refused(reason) => return Verdict::Refused(reason),
            verdict @ Verdict::Lossy(_) => worst = verdict,
            Verdict::Complete => {}
        }
    }
    worst
}
