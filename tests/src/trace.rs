//! Lines in strace's notation: whose they are, and halves put together.

use std::collections::BTreeMap;

/// A trace: lines in the order in which they were written.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// The lines.
    pub lines: Vec<Line>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Whose it is, if it says.
    pub pid: Option<u32>,
    /// What that one is called, in `<` and `>`, if it says.
    pub name: Option<String>,
    /// The rest. Spaces before the last ` = ` are as they were, unless `joined`.
    pub text: String,
    /// Whether it came in two halves.
    pub joined: bool,
}

const UNFINISHED: &str = " <unfinished ...>";

impl Trace {
    /// Reads a trace with or without ids before the lines.
    pub fn parse(text: &str) -> Self {
        Self { lines: text.lines().map(Line::parse).collect() }
    }

    /// The trace with both halves of interrupted lines put together, at the place of the first.
    ///
    /// A half that never went on keeps its `<unfinished ...>`.
    pub fn joined(&self) -> Self {
        let mut lines: Vec<Line> = Vec::new();
        let mut open: BTreeMap<Option<u32>, usize> = BTreeMap::new();
        for line in &self.lines {
            if let Some(rest) = line.resumed()
                && let Some(at) = open.remove(&line.pid)
            {
                let first = &mut lines[at];
                let start = first.text.strip_suffix(UNFINISHED).unwrap_or(&first.text).to_owned();
                // The separator between two arguments is on either half, by version.
                let (start, rest) = match (start.strip_suffix(", "), rest.strip_prefix(", ")) {
                    (Some(start), None) if rest.starts_with([')', ' ']) => (start, rest),
                    _ => (start.as_str(), rest),
                };
                let whole = format!("{start}{rest}");
                // Killed in the second half: `call(args <unfinished ...>) = ?`.
                first.text = squeezed(&whole.replace(" <unfinished ...>) = ?", ") = ?"));
                first.joined = true;
                continue;
            }
            if line.text.ends_with(UNFINISHED) {
                open.insert(line.pid, lines.len());
            }
            lines.push(line.clone());
        }
        Self { lines }
    }

    /// The trace without the times that `-tt` puts before each line and `-T` behind calls: two tracers see other ones.
    pub fn without_times(&self) -> Self {
        let lines =
            self.lines.iter().map(|line| Line { text: without_times(&line.text).into(), ..line.clone() });
        Self { lines: lines.collect() }
    }

    /// The joined lines of each process or thread, in order; those that do not say whose they are under 0.
    pub fn by_pid(&self) -> BTreeMap<u32, Vec<Line>> {
        let mut all: BTreeMap<u32, Vec<Line>> = BTreeMap::new();
        for line in self.joined().lines {
            all.entry(line.pid.unwrap_or(0)).or_default().push(line);
        }
        all
    }

    /// The lines that are calls, joined, without the padding before their results.
    pub fn calls(&self) -> Vec<String> {
        let joined = self.joined();
        let calls = joined.lines.iter().filter(|l| l.is_call());
        calls.map(|l| squeezed(&l.text)).collect()
    }

    /// The calls that mention a text.
    pub fn calls_with(&self, text: &str) -> Vec<String> {
        self.calls().into_iter().filter(|c| c.contains(text)).collect()
    }

    /// The sum of the lines that tell of lost calls.
    pub fn lost(&self) -> u64 {
        self.lines.iter().filter_map(|l| lost_in(&l.text)).sum()
    }
}

impl Line {
    fn parse(line: &str) -> Self {
        let (pid, name, text) = split_pid(line);
        Self { pid, name: name.map(str::to_owned), text: text.to_owned(), joined: false }
    }

    /// Whether it is a call, or a half of one.
    pub fn is_call(&self) -> bool {
        !self.text.starts_with("+++ ")
            && !self.text.starts_with("--- ")
            && !self.text.starts_with("[ Process ")
    }

    fn resumed(&self) -> Option<&str> {
        let (_, rest) = self.text.strip_prefix("<... ")?.split_once(" resumed>")?;
        Some(rest)
    }
}

/// `28258 text`, `5     text` and `[pid    55] text`, each perhaps with a name behind the number: `5<sh> text`.
fn split_pid(line: &str) -> (Option<u32>, Option<&str>, &str) {
    let (inside, text) = match line.strip_prefix("[pid ") {
        Some(rest) => match rest.split_once("] ") {
            Some((inside, text)) => (inside.trim_start(), text),
            None => return (None, None, line),
        },
        None => {
            let digits = line.bytes().take_while(u8::is_ascii_digit).count();
            let named = line[digits..].starts_with('<').then(|| line.find("> ")).flatten();
            line.split_at(named.map_or(digits, |end| end + 1))
        }
    };
    let (digits, name) = inside.find('<').map_or((inside, None), |at| (&inside[..at], Some(&inside[at..])));
    match digits.parse() {
        Ok(pid) if text.len() < line.len() && (line.starts_with('[') || text.starts_with(' ')) => {
            (Some(pid), name, text.trim_start_matches(' '))
        }
        _ => (None, None, line),
    }
}

/// Without the padding before the result: where it goes depends on what else stood on the line.
fn squeezed(text: &str) -> String {
    // A result has no ` = `, but an argument may.
    match text.rsplit_once(" = ") {
        Some((call, result)) => format!("{} = {result}", call.trim_end_matches(' ')),
        None => text.to_owned(),
    }
}

/// Without `12:34:56.123456 ` and ` <0.123456>`.
fn without_times(text: &str) -> &str {
    const FORM: &[u8] = b"00:00:00.000000 ";
    let is_alike =
        |(byte, form): (u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == *form };
    let text = match text.split_at_checked(FORM.len()) {
        Some((time, rest)) if time.bytes().zip(FORM).all(is_alike) => rest,
        _ => text,
    };
    let is_time = |time: &str| time.parse::<f64>().is_ok();
    match text.rsplit_once(" <") {
        Some((call, time)) if time.strip_suffix('>').is_some_and(is_time) => call,
        _ => text,
    }
}

fn lost_in(text: &str) -> Option<u64> {
    let (count, rest) = text.strip_prefix("--- ")?.split_once(" call")?;
    rest.trim_start_matches('s').starts_with(" lost here").then(|| count.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(text: &str) -> Vec<String> {
        Trace::parse(text).calls()
    }

    #[test]
    fn times_are_taken_off() {
        let text =
            "7     12:34:56.123456 read(3</x>, \"<1.5>\", 1) = 1 <0.000123>\n7     1 close(3) = 0 <x>\n";
        let trace = Trace::parse(text).without_times();
        let texts: Vec<_> = trace.lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["read(3</x>, \"<1.5>\", 1) = 1", "1 close(3) = 0 <x>"]);
    }

    #[test]
    fn halves_of_a_line_meet_again() {
        let text = "7     openat(AT_FDCWD, \"x\", O_RDONLY <unfinished ...>\n\
                    8     open(\"y\", O_RDONLY)              = 4\n\
                    7     <... openat resumed>)             = 3\n";
        assert_eq!(calls(text), ["openat(AT_FDCWD, \"x\", O_RDONLY) = 3", "open(\"y\", O_RDONLY) = 4"]);
    }

    #[test]
    fn both_places_of_the_separator_are_understood() {
        let old = "6     read(3,  <unfinished ...>\n6     <... read resumed>\"x\", 1) = 1\n";
        let new = "6     read(3 <unfinished ...>\n6     <... read resumed>, \"x\", 1)       = 1\n";
        assert_eq!(calls(old), calls(new));
    }

    #[test]
    fn a_thread_that_died_in_a_call_has_a_question_mark() {
        let text = "9     openat(AT_FDCWD, \"f\", O_RDONLY <unfinished ...>\n\
                    9     <... openat resumed> <unfinished ...>) = ?\n";
        assert_eq!(calls(text), ["openat(AT_FDCWD, \"f\", O_RDONLY) = ?"]);
    }

    #[test]
    fn ids_are_read_in_each_form() {
        let text = "12345 a() = 1\n5     b() = 2\n[pid    77] c() = 3\nd() = 4\n";
        let pids: Vec<_> = Trace::parse(text).lines.iter().map(|l| l.pid).collect();
        assert_eq!(pids, [Some(12345), Some(5), Some(77), None]);
    }

    #[test]
    fn lost_calls_are_summed() {
        let text = "--- 14 calls lost here: the buffer was full ---\n5     x() = 1\n\
                    --- 1 call lost here: the buffer was full ---\n";
        assert_eq!(Trace::parse(text).lost(), 15);
    }

    #[test]
    fn a_path_that_looks_like_a_loss_is_none() {
        let text = "openat(AT_FDCWD, \"--- 9 calls lost here: the buffer was full ---\", O_RDONLY) = 3\n";
        assert_eq!(Trace::parse(text).lost(), 0);
    }
}
