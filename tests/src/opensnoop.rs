//! opensnoop: runs of it, and its table read back.

use std::collections::BTreeMap;

use crate::{Ledger, Output, Program, Running, Scratch, rstrace_binary};

/// The path of opensnoop: beside rstrace.
#[track_caller]
pub fn opensnoop_binary() -> String {
    let path = std::path::Path::new(&rstrace_binary()).with_file_name("opensnoop");
    assert!(path.is_file(), "{} is not built: run `cargo xtask test`", path.display());
    path.into_os_string().into_string().expect("the path of opensnoop is UTF-8")
}

/// A run of opensnoop that is being prepared. The table goes to a file, so that stdout is the command's.
#[derive(Debug)]
pub struct Opensnoop {
    words: Vec<String>,
    scratch: Scratch,
    stdin: bool,
}

impl Opensnoop {
    /// A run with these options.
    pub fn with(options: &[&str]) -> Self {
        let scratch = Scratch::new();
        let mut words = vec![opensnoop_binary(), "-o".to_owned(), scratch.at("table")];
        words.extend(options.iter().map(|&word| word.to_owned()));
        Self { words, scratch, stdin: false }
    }

    /// Gives it, and so the command, a stdin that stays open.
    pub fn with_stdin(mut self) -> Self {
        self.stdin = true;
        self
    }

    /// Starts it with these words at the end.
    #[track_caller]
    pub fn start(mut self, last: &[&str]) -> Snooping {
        self.words.extend(last.iter().map(|&word| word.to_owned()));
        let mut program = Program::new(&self.words);
        if self.stdin {
            program = program.with_stdin();
        }
        Snooping { running: program.start(), scratch: self.scratch }
    }

    /// Runs it to its end with these words at the end.
    #[track_caller]
    pub fn run(self, last: &[&str]) -> Snooped {
        self.start(last).finish()
    }

    /// Starts it on processes that run, and waits until it is attached.
    #[track_caller]
    pub fn attach_to(self, pids: &[u32]) -> Snooping {
        let list: Vec<String> = pids.iter().map(u32::to_string).collect();
        self.start(&["-v", "-p", &list.join(",")]).attached()
    }
}

/// A run of opensnoop.
#[derive(Debug)]
pub struct Snooping {
    /// Its process.
    pub running: Running,
    scratch: Scratch,
}

impl Snooping {
    /// Waits until it is attached. Needs `-v`.
    #[track_caller]
    pub fn attached(self) -> Self {
        self.running.wait_for_stderr("opensnoop: attached");
        self
    }

    /// What it has written so far.
    pub fn text_so_far(&self) -> String {
        let bytes = std::fs::read(self.scratch.at("table")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn finish(self) -> Snooped {
        let output = self.running.finish();
        let bytes = std::fs::read(self.scratch.at("table")).unwrap_or_default();
        Snooped { output, text: String::from_utf8_lossy(&bytes).into_owned() }
    }
}

/// A run of opensnoop that has ended.
#[derive(Debug)]
pub struct Snooped {
    /// How it ended, and what it and the command wrote.
    pub output: Output,
    /// The table, or the lines of JSON.
    pub text: String,
}

impl Snooped {
    /// Fails the test if it did not end with this status.
    #[track_caller]
    pub fn ended_with(self, code: i32) -> Self {
        let Output { status, stdout, stderr, .. } = &self.output;
        assert_eq!(status.code(), Some(code), "{status}\nstdout:\n{stdout}\nstderr:\n{stderr}");
        self
    }

    /// The table.
    #[track_caller]
    pub fn table(&self) -> Vec<BTreeMap<String, String>> {
        table(&self.text)
    }

    /// What stands in the column PATH, row by row.
    #[track_caller]
    pub fn paths(&self) -> Vec<String> {
        self.table().into_iter().map(|mut row| row.remove("PATH").unwrap_or_default()).collect()
    }

    /// The objects of `--json`.
    #[track_caller]
    pub fn objects(&self) -> Vec<serde_json::Value> {
        let object = |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e} in {line}"));
        self.text.lines().map(object).collect()
    }

    /// The ledger, its sums checked. Needs `--stats`.
    #[track_caller]
    pub fn ledger(&self) -> Ledger {
        let ledger = Ledger::parse(&self.output.stderr);
        ledger.adds_up();
        ledger
    }
}

/// The rows of a table by the names of its columns. The last column may contain spaces.
#[track_caller]
pub fn table(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().expect("a header").split_whitespace().collect();
    let row = |line: &str| {
        let mut rest = line;
        let mut row = BTreeMap::new();
        for (at, name) in header.iter().enumerate() {
            rest = rest.trim_start();
            let end = if at + 1 == header.len() { rest.len() } else { rest.find(' ').unwrap_or(rest.len()) };
            row.insert((*name).to_owned(), rest[..end].to_owned());
            rest = &rest[end..];
        }
        row
    };
    lines.map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_its_columns_by_name() {
        let rows = table("PID    COMM               FD ERR PATH\n12     cat                -1   2 a b\n");
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0]["FD"].as_str(), rows[0]["PATH"].as_str()), ("-1", "a b"));
    }
}
