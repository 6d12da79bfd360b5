//! What this machine offers, as `rstrace --doctor` prints it.

use crate::{Program, rstrace_binary};

/// What this machine offers.
#[derive(Debug, Clone)]
pub struct Doctor {
    /// One for each probe and combination.
    pub offers: Vec<Offer>,
}

/// What doctor says of one combination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The probe.
    pub probe: String,
    /// The backend.
    pub backend: String,
    /// The transport; none where the backend is refused with any.
    pub transport: Option<String>,
    /// Whether it works.
    pub verdict: Verdict,
}

/// Whether a combination works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Usable {
        /// Whether it is what rstrace takes by itself.
        chosen: bool,
        /// What it does not see or cannot do.
        caveat: Option<String>,
    },
    /// It does not, for this reason.
    Refused(String),
}

impl Doctor {
    /// Asks the command under test.
    #[track_caller]
    pub fn ask() -> Self {
        let output = Program::new(&[rstrace_binary().as_str(), "--doctor"]).run().ended_well();
        let doctor = Self::parse(&output.stdout);
        assert!(!doctor.offers.is_empty(), "doctor says nothing that can be read:\n{}", output.stdout);
        doctor
    }

    fn parse(text: &str) -> Self {
        Self { offers: text.lines().filter_map(Offer::parse).collect() }
    }

    /// The combinations that work for a probe.
    pub fn usable(&self, probe: &str) -> Vec<Offer> {
        let all = self.offers.iter().filter(|o| o.probe == probe);
        all.filter(|o| matches!(o.verdict, Verdict::Usable { .. })).cloned().collect()
    }

    /// The combinations that do not, with the reasons.
    pub fn refused(&self) -> Vec<(Offer, String)> {
        let all = self.offers.iter().filter_map(|o| match &o.verdict {
            Verdict::Refused(reason) => Some((o.clone(), reason.clone())),
            Verdict::Usable { .. } => None,
        });
        all.collect()
    }

    /// What rstrace takes by itself.
    #[track_caller]
    pub fn chosen(&self, probe: &str) -> Offer {
        let is_chosen = |o: &&Offer| matches!(o.verdict, Verdict::Usable { chosen: true, .. });
        let mut chosen = self.offers.iter().filter(|o| o.probe == probe).filter(is_chosen);
        let first = chosen.next().unwrap_or_else(|| panic!("nothing is chosen for {probe} in {self:?}"));
        assert_eq!(chosen.next(), None, "two are chosen for {probe}");
        first.clone()
    }
}

impl Offer {
    /// `PROBE BACKEND [TRANSPORT] usable[, chosen][, but: CAVEAT]` or `PROBE BACKEND [TRANSPORT] refused: REASON`.
    fn parse(line: &str) -> Option<Self> {
        let (probe, rest) = line.split_once(' ')?;
        let (backend, rest) = rest.split_once(' ')?;
        if !["kprobe", "fentry", "tracepoint", "uprobe"].contains(&backend) {
            return None;
        }
        let (transport, rest) = match rest.split_once(' ') {
            Some((transport @ ("perf" | "ring"), rest)) => (Some(transport.to_owned()), rest),
            _ => (None, rest),
        };
        let verdict = if let Some(reason) = rest.strip_prefix("refused: ") {
            Verdict::Refused(reason.to_owned())
        } else {
            let rest = rest.strip_prefix("usable")?;
            let (marks, caveat) = match rest.split_once(", but: ") {
                Some((marks, caveat)) => (marks, Some(caveat.to_owned())),
                None => (rest, None),
            };
            match marks {
                "" => Verdict::Usable { chosen: false, caveat },
                ", chosen" => Verdict::Usable { chosen: true, caveat },
                _ => return None,
            }
        };
        Some(Self { probe: probe.to_owned(), backend: backend.to_owned(), transport, verdict })
    }

    /// The options that force it.
    pub fn options(&self) -> Vec<&str> {
        let mut options = vec!["--backend", &self.backend];
        if let Some(transport) = &self.transport {
            options.extend(["--transport", transport.as_str()]);
        }
        options
    }

    /// Whether it sees the function that carries out a call, not the call.
    pub fn sees_functions(&self) -> bool {
        self.backend == "kprobe" || self.backend == "fentry"
    }
}

impl std::fmt::Display for Offer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} by {}", self.probe, self.backend)?;
        self.transport.iter().try_for_each(|t| write!(f, " over {t}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_line_is_read() {
        let doctor = Doctor::parse(
            "kernel 6.18\n\
             open kprobe refused: no kprobes in this kernel (no kprobe PMU)\n\
             open tracepoint perf usable\n\
             open tracepoint ring usable, chosen\n\
             open fentry ring usable, but: skips calls while preempted\n\
             exec kprobe refused: execve is only seen as a system call\n",
        );
        assert_eq!(doctor.offers.len(), 5);
        assert_eq!(doctor.usable("open").len(), 3);
        assert_eq!(doctor.chosen("open").options(), ["--backend", "tracepoint", "--transport", "ring"]);
        assert_eq!(doctor.refused()[0].1, "no kprobes in this kernel (no kprobe PMU)");
        let caveat =
            Verdict::Usable { chosen: false, caveat: Some("skips calls while preempted".to_owned()) };
        assert_eq!(doctor.offers[3].verdict, caveat);
    }
}
