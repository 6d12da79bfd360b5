//! The command under test: where it is, and runs of it.

use std::path::PathBuf;

use crate::{Ledger, Offer, Output, Program, Running, Scratch, Trace};

/// The path of the command under test: `RSTRACE_BIN`, else the one that cargo built beside this test.
#[track_caller]
pub fn rstrace_binary() -> String {
    let path = std::env::var_os("RSTRACE_BIN").map_or_else(built_beside, PathBuf::from);
    assert!(path.is_file(), "{} is not built: run `cargo xtask test`, or set RSTRACE_BIN", path.display());
    path.into_os_string().into_string().expect("the path of rstrace is UTF-8")
}

fn built_beside() -> PathBuf {
    // target/PROFILE/deps/e2e-HASH, or a program in target/PROFILE itself
    let own = std::env::current_exe().expect("a program knows its own path");
    let folders = own.ancestors().skip(1).take(2).map(|folder| folder.join("rstrace"));
    folders.clone().find(|path| path.is_file()).or(folders.last()).expect("a program is in a folder")
}

/// A run of rstrace that is being prepared. The trace goes to a file, so that stdout and stderr are the command's
/// and rstrace's own words.
#[derive(Debug)]
pub struct Rstrace {
    options: Vec<String>,
    scratch: Scratch,
    to_file: bool,
    stdin: bool,
    without_aslr: bool,
}

impl Rstrace {
    /// A run with `-e WHAT`.
    pub fn tracing(what: &str) -> Self {
        Self::with(&["-e", what])
    }

    /// A run with these options.
    pub fn with(options: &[&str]) -> Self {
        let options = options.iter().map(|&o| o.to_owned()).collect();
        Self { options, scratch: Scratch::new(), to_file: true, stdin: false, without_aslr: false }
    }

    /// Adds options.
    pub fn and(mut self, options: &[&str]) -> Self {
        self.options.extend(options.iter().map(|&o| o.to_owned()));
        self
    }

    /// Adds `-f`.
    pub fn follow(self) -> Self {
        self.and(&["-f"])
    }

    /// Adds `--stats`.
    pub fn stats(self) -> Self {
        self.and(&["--stats"])
    }

    /// Forces a combination.
    pub fn forced(self, offer: &Offer) -> Self {
        self.and(&offer.options())
    }

    /// Leaves the trace on stderr.
    pub fn to_stderr(mut self) -> Self {
        self.to_file = false;
        self
    }

    /// Gives the command a stdin that stays open.
    pub fn with_stdin(mut self) -> Self {
        self.stdin = true;
        self
    }

    /// The same addresses in every run.
    pub fn without_aslr(mut self) -> Self {
        self.without_aslr = true;
        self
    }

    fn start_with(self, last: &[&str]) -> Tracing {
        let binary = rstrace_binary();
        let file = self.scratch.at("trace");
        let mut words = vec![binary.as_str()];
        words.extend(self.options.iter().map(String::as_str));
        if self.to_file {
            words.extend(["-o", &file]);
        }
        words.extend(last);
        let mut program = Program::new(&words);
        if self.stdin {
            program = program.with_stdin();
        }
        if self.without_aslr {
            program = program.without_aslr();
        }
        let running = program.start();
        Tracing { running, file: self.to_file.then_some(file), _scratch: self.scratch }
    }

    /// Starts it on a command, without waiting for its end.
    #[track_caller]
    pub fn start(self, command: &[&str]) -> Tracing {
        let words: Vec<&str> = [&["--"], command].concat();
        self.start_with(&words)
    }

    /// Runs it on a command to the end.
    #[track_caller]
    pub fn run(self, command: &[&str]) -> Finished {
        self.start(command).finish()
    }

    /// Starts it with its options alone: they say the target.
    #[track_caller]
    pub fn start_alone(self) -> Tracing {
        self.start_with(&[])
    }

    /// Starts it on a process that runs, and waits until it is attached.
    #[track_caller]
    pub fn attach(self, pid: u32) -> Tracing {
        self.attach_to(&[pid])
    }

    /// Starts it on processes that run, and waits until it is attached to all.
    #[track_caller]
    pub fn attach_to(self, pids: &[u32]) -> Tracing {
        let list: Vec<String> = pids.iter().map(u32::to_string).collect();
        let tracing = self.start_with(&["-p", &list.join(",")]);
        for pid in pids {
            tracing.running.wait_for_stderr(&format!("rstrace: Process {pid} attached"));
        }
        tracing
    }
}

/// A run of rstrace.
#[derive(Debug)]
pub struct Tracing {
    /// Its process.
    pub running: Running,
    file: Option<String>,
    _scratch: Scratch,
}

impl Tracing {
    /// What the file holds so far.
    #[track_caller]
    pub fn trace_so_far(&self) -> Trace {
        let file = self.file.as_ref().expect("the trace goes to a file");
        // It may not have been made yet.
        Trace::parse(&String::from_utf8_lossy(&std::fs::read(file).unwrap_or_default()))
    }

    /// Waits for its end.
    #[track_caller]
    pub fn finish(self) -> Finished {
        let output = self.running.finish();
        let trace = match &self.file {
            // None is made when rstrace refuses its options.
            Some(file) => String::from_utf8_lossy(&std::fs::read(file).unwrap_or_default()).into_owned(),
            None => output.stderr.clone(),
        };
        Finished { trace: Trace::parse(&trace), text: trace, output }
    }
}

/// A run of rstrace that has ended.
#[derive(Debug)]
pub struct Finished {
    /// How it ended, and what it and the command wrote.
    pub output: Output,
    /// The trace.
    pub trace: Trace,
    /// The trace as it was written.
    pub text: String,
}

impl Finished {
    /// Fails the test if it did not end with 0.
    #[track_caller]
    pub fn ended_well(self) -> Self {
        Self { output: self.output.ended_well(), ..self }
    }

    /// Fails the test if it did not end with this status.
    #[track_caller]
    pub fn ended_with(self, code: i32) -> Self {
        let Output { status, stdout, stderr, .. } = &self.output;
        assert_eq!(status.code(), Some(code), "{status}\nstdout:\n{stdout}\nstderr:\n{stderr}");
        self
    }

    /// The ledger, its sums checked, and the lost calls in the stream against it. Needs `--stats`.
    #[track_caller]
    pub fn ledger(&self) -> Ledger {
        let ledger = Ledger::parse(&self.output.stderr);
        ledger.adds_up();
        assert_eq!(self.trace.lost(), ledger.lost_by("buffer full"), "lost in the stream and in {ledger:?}");
        ledger
    }

    /// The ledger, with the lines against it too: each delivered call has one that tells of its return. Of a lost one
    /// the beginning may have been shown before it was lost.
    #[track_caller]
    pub fn ledger_of_lines(&self) -> Ledger {
        let ledger = self.ledger();
        let (begun, returned): (Vec<_>, Vec<_>) =
            self.trace.calls().into_iter().partition(|call| call.ends_with("<unfinished ...>"));
        assert_eq!(returned.len() as u64, ledger.delivered, "lines and {ledger:?}, without {begun:#?}");
        assert!(begun.len() as u64 <= ledger.lost, "{begun:#?}, but {ledger:?}");
        ledger
    }
}
