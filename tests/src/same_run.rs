//! strace (ptrace) and rstrace (BPF) watch one and the same run: ids and addresses agree, nothing need be
//! normalised.

use crate::differ::Comparison;
use crate::{Line, Program, Rstrace, Scratch, Trace, fixture};

/// A run that both watch.
#[derive(Debug)]
pub struct SameRun {
    program: Program,
    gate: String,
    file: String,
    scratch: Scratch,
    rstrace: Rstrace,
    timed: bool,
}

impl SameRun {
    /// A run of a command, strace with these options, rstrace with these.
    ///
    /// strace starts a gate, which waits until rstrace is attached and then becomes the command.
    pub fn new(command: &[&str], strace: &[&str], rstrace: &[&str]) -> Self {
        let scratch = Scratch::new();
        let file = scratch.at("strace");
        let gate = fixture("gate");
        let words = [&["strace", "-f"], strace, &["-o", &file, &gate], command].concat();
        let program = Program::new(&words).with_stdin();
        // the backend that sees what strace does; what the others do not is told in backends.rs
        let rstrace = Rstrace::with(rstrace).follow().and(&["--backend", "tracepoint"]);
        Self { program, gate, file, scratch, rstrace, timed: strace.contains(&"-tt") }
    }

    /// Runs the command in a folder.
    pub fn in_folder(mut self, folder: &str) -> Self {
        self.program = self.program.in_folder(folder);
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.program = self.program.env(name, value);
        self
    }

    /// Both traces, strace's first, without times and without what strace saw of the gate before rstrace was there. How
    /// the command ends is its own business.
    #[track_caller]
    pub fn watch(self) -> (Trace, Trace) {
        let mut strace = self.program.start();
        let said = strace.wait_for_stdout("\n");
        let line = said.lines().next().unwrap_or_default();
        let pid = line.strip_prefix("pid ").and_then(|p| p.parse().ok()).expect("the gate says its pid");
        let rstrace = self.rstrace.attach(pid);
        strace.tell(b"\n");
        strace.end_stdin();
        strace.finish();
        let by_strace = std::fs::read(&self.file).expect("strace wrote its file");
        let mut by_strace = Trace::parse(&String::from_utf8_lossy(&by_strace));
        let mut by_rstrace = rstrace.finish().trace;
        if self.timed {
            (by_strace, by_rstrace) = (by_strace.without_times(), by_rstrace.without_times());
        }
        by_strace.lines.retain(|line| {
            let gate_itself = line.text.starts_with(&format!("execve(\"{}\"", self.gate));
            // a thread that died before strace knew in which call has no line
            !gate_itself && !line.text.starts_with("???(")
        });
        // the gate waits in its first read of stdin, which may be told to be a pipe
        let is_wait = |line: &Line| {
            line.pid.is_none_or(|p| p == pid)
                && line.text.strip_prefix("read(0").is_some_and(|rest| rest.starts_with([',', '<']))
        };
        if let Some(waited) = by_strace.lines.iter().position(is_wait) {
            by_strace.lines.drain(..=waited);
        }
        if by_rstrace.lines.first().is_some_and(is_wait) {
            by_rstrace.lines.remove(0);
        }
        drop(self.scratch);
        (by_strace, by_rstrace)
    }
}

/// Runs a command that both watch, strace with `-e trace=CALLS`, rstrace with `-e PROBES`: strace's trace, then
/// rstrace's. Signals are not compared.
#[track_caller]
pub fn watch_same_run(command: &[&str], calls: &str, probes: &str) -> (Trace, Trace) {
    // -s: it limits the strings and the number of elements of an argv
    let strace = ["-s", "200000", "-e", &format!("trace={calls}")];
    let rstrace = ["-s", "200000", "-e", probes];
    let (mut by_strace, by_rstrace) = SameRun::new(command, &strace, &rstrace).watch();
    // with `-e signal=none` the lines of killed processes would be missing too
    by_strace.lines.retain(|line| !line.text.starts_with("--- "));
    (by_strace, by_rstrace)
}

/// Fails the test where two traces of one run differ, line by line for each process.
#[track_caller]
pub fn assert_same_lines(by_strace: &Trace, by_rstrace: &Trace) {
    assert!(!by_strace.lines.is_empty(), "strace showed nothing");
    let comparison = Comparison::new(by_strace, by_rstrace);
    let shown: Vec<_> = comparison.differences.iter().take(20).map(ToString::to_string).collect();
    assert!(shown.is_empty(), "{} lines differ:\n{}", comparison.differences.len(), shown.join("\n"));
}
