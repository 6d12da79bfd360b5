//! The ledger as `--stats` prints it.

/// A number, or the admission that nobody counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// This many.
    Known(u64),
    /// The kernel does not count it.
    Unknown,
}

/// The ledger as `--stats` prints it.
#[derive(Debug, Clone, PartialEq)]
pub struct Ledger {
    /// Calls that the kernel side saw.
    pub seen: u64,
    /// Calls that came out.
    pub delivered: u64,
    /// Calls that did not.
    pub lost: u64,
    /// Delivered calls of which everything could be read.
    pub complete: u64,
    /// Delivered calls of which something could not be read.
    pub incomplete: u64,
    /// Lost calls by cause.
    pub causes: Vec<(String, u64)>,
    /// Times that the kernel skipped a program because it ran already, on the whole machine.
    pub recursion: Count,
    /// Calls that were left out by how they ended.
    pub left_out: u64,
    /// Records that came from the kernel.
    pub records: u64,
    /// Calls seen by each pair that saw any.
    pub pairs: Vec<(String, u64)>,
    /// The backend that was used.
    pub backend: String,
    /// The transport that was used.
    pub transport: String,
    /// From rstrace's start to the release of its target, in milliseconds.
    pub started_in_ms: f64,
}

impl Ledger {
    /// Reads it from what rstrace wrote to stderr.
    #[track_caller]
    pub fn parse(stderr: &str) -> Self {
        Self::try_parse(stderr).unwrap_or_else(|what| panic!("no {what} of the ledger in:\n{stderr}"))
    }

    fn try_parse(stderr: &str) -> Result<Self, &'static str> {
        let lines: Vec<&str> = stderr.lines().filter_map(said).collect();
        let find = |start: &str| lines.iter().find_map(|l| l.strip_prefix(start));
        let (seen, delivered, lost) =
            find("seen ").and_then(|l| sum(l, "delivered ", "lost ")).ok_or("line `seen`")?;
        let (again, complete, incomplete) =
            find("delivered ").and_then(|l| sum(l, "complete ", "incomplete ")).ok_or("line `delivered`")?;
        if again != delivered {
            return Err("one number of delivered calls");
        }
        let (causes, recursion) =
            find("lost: ").and_then(|l| l.split_once("; recursion ")).ok_or("line `lost:`")?;
        let causes = causes.split(", ").map(name_and_number).collect::<Option<_>>().ok_or("causes")?;
        let recursion = match recursion {
            "unknown" => Count::Unknown,
            number => Count::Known(number.parse().map_err(|_| "recursion")?),
        };
        let left_out = match find("left out at their end, and not among those seen: ") {
            Some(number) => number.parse().map_err(|_| "calls left out")?,
            None => 0,
        };
        let records = find("records ").and_then(|l| l.split_once(" = ")?.0.parse().ok()).ok_or("records")?;
        let pairs = lines.iter().filter_map(|l| l.strip_prefix("pair "));
        let pairs = pairs.map(|l| {
            let (name, seen) = l.split_once(" seen ")?;
            Some((name.to_owned(), seen.parse().ok()?))
        });
        let pairs = pairs.collect::<Option<_>>().ok_or("pairs")?;
        let mut last = find("backend ").ok_or("line `backend`")?.split(", ");
        let backend = last.next().ok_or("backend")?.to_owned();
        let transport = last.next().and_then(|w| w.strip_prefix("transport ")).ok_or("transport")?.to_owned();
        let started_in_ms = last
            .find_map(|w| w.strip_prefix("started in ")?.strip_suffix(" ms")?.parse().ok())
            .ok_or("start-up time")?;
        Ok(Self {
            seen,
            delivered,
            lost,
            complete,
            incomplete,
            causes,
            recursion,
            left_out,
            records,
            pairs,
            backend,
            transport,
            started_in_ms,
        })
    }

    /// Fails the test if a sum is wrong.
    #[track_caller]
    pub fn adds_up(&self) -> &Self {
        assert_eq!(self.seen, self.delivered + self.lost, "seen = delivered + lost in {self:?}");
        assert_eq!(
            self.delivered,
            self.complete + self.incomplete,
            "delivered = complete + incomplete in {self:?}"
        );
        assert_eq!(self.lost, self.causes.iter().map(|c| c.1).sum::<u64>(), "lost by cause in {self:?}");
        assert_eq!(self.seen, self.pairs.iter().map(|p| p.1).sum::<u64>(), "seen by pair in {self:?}");
        self
    }

    /// Calls lost for this cause.
    #[track_caller]
    pub fn lost_by(&self, cause: &str) -> u64 {
        let found = self.causes.iter().find(|c| c.0 == cause);
        found.unwrap_or_else(|| panic!("no cause {cause:?} in {self:?}")).1
    }
}

/// What a line of one of the commands says.
fn said(line: &str) -> Option<&str> {
    line.strip_prefix("rstrace: ").or(line.strip_prefix("opensnoop: "))
}

/// `1000 = delivered 998 + lost 2`.
fn sum(line: &str, first: &str, second: &str) -> Option<(u64, u64, u64)> {
    let (total, parts) = line.split_once(" = ")?;
    let (one, two) = parts.split_once(" + ")?;
    let one = one.strip_prefix(first)?.parse().ok()?;
    Some((total.parse().ok()?, one, two.strip_prefix(second)?.parse().ok()?))
}

/// `in-flight full 0`.
fn name_and_number(text: &str) -> Option<(String, u64)> {
    let (name, number) = text.rsplit_once(' ')?;
    Some((name.to_owned(), number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATS: &str = "\
rstrace: seen 1000 = delivered 998 + lost 2
rstrace: delivered 998 = complete 997 + incomplete 1
rstrace: lost: buffer full 2, in-flight full 0, entry without return 0, return without entry 0, nested 0, ended within 0; recursion unknown
rstrace: records 1003 = calls 998 + parts 1 + others 4
rstrace: pair openat seen 990
rstrace: pair creat seen 10
rstrace: backend tracepoint, transport ring, 12345 events/s, started in 21 ms
";

    #[test]
    fn every_line_is_read() {
        let ledger = Ledger::parse(&format!("something else\n{STATS}"));
        ledger.adds_up();
        assert_eq!(ledger.lost_by("buffer full"), 2);
        assert_eq!(ledger.recursion, Count::Unknown);
        assert_eq!(ledger.pairs, [("openat".to_owned(), 990), ("creat".to_owned(), 10)]);
        assert_eq!((ledger.backend.as_str(), ledger.transport.as_str()), ("tracepoint", "ring"));
    }

    #[test]
    #[should_panic(expected = "seen = delivered + lost")]
    fn a_wrong_sum_fails() {
        Ledger::parse(&STATS.replace("seen 1000", "seen 1001")).adds_up();
    }

    #[test]
    #[should_panic(expected = "line `backend`")]
    fn a_missing_line_is_named() {
        Ledger::parse(&STATS.replace("backend", "end"));
    }
}
