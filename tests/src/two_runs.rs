//! What two tracers write of two runs of the same command, in a form that can be compared.

use std::collections::BTreeSet;

use crate::{Program, Scratch, limit, until};

/// A text without what differs from run to run: each number is `#`, each address `0x#`, and a short id at the head of
/// a line has as many blanks behind it as a long one.
pub fn form(text: &str) -> String {
    let mut form = String::new();
    for c in text.chars() {
        let is_number = c.is_ascii_digit() || (c.is_ascii_hexdigit() && form.ends_with("0x#"));
        match c {
            _ if is_number && form.ends_with('#') => {}
            ' ' if form.rsplit('\n').next() == Some("# ") => {}
            'x' if form.ends_with('#') => {
                form.pop();
                form.push_str("0x#");
            }
            _ => form.push(if is_number { '#' } else { c }),
        }
    }
    form
}

/// What a tracer writes of a command, in the form that can be compared.
#[derive(Debug, PartialEq, Eq)]
pub struct Traces {
    /// The name and the text of each file, in some order.
    pub files: Vec<(String, String)>,
    /// The tracer's exit status.
    pub status: Option<i32>,
}

impl Traces {
    /// Of a tracer with these options and `-o FILE`.
    pub fn by(tracer: &str, options: &[&str], command: &[&str]) -> Self {
        until("strace gives no call to a thread that made none", limit(), || {
            let scratch = Scratch::new();
            let folder = scratch.fresh_folder("traces");
            let prefix = format!("{folder}/trace");
            let run = Program::new(&[&[tracer], options, &["-o", &prefix], command].concat()).run();
            let files = std::fs::read_dir(&folder).expect("a folder").map(|file| file.expect("a file"));
            let mut files: Vec<_> = files
                .map(|file| {
                    let text = std::fs::read_to_string(file.path()).expect("a trace");
                    (file.file_name().to_string_lossy().into_owned(), text)
                })
                .collect();
            if tracer == "strace" && is_mistaken(&files) {
                return None;
            }
            for (name, text) in &mut files {
                (*name, *text) = (form(name), form(text));
            }
            files.sort();
            Some(Self { files, status: run.status.code() })
        })
    }

    /// The lines of all files, sorted: for what two processes do in any order.
    pub fn sorted_lines(&self) -> Vec<&str> {
        let mut lines: Vec<_> = self.files.iter().flat_map(|(_, text)| text.lines()).collect();
        lines.sort();
        lines
    }
}

/// Whether a call is given to a thread that made none: where one executes a program, strace now and then has the call
/// in the lines of another thread too, as `???(` or as a second beginning of the very same execve.
fn is_mistaken(files: &[(String, String)]) -> bool {
    let mut begun = BTreeSet::new();
    let mut lines = files.iter().flat_map(|(_, text)| text.lines());
    lines.any(|line| {
        let begins = line.find("execve(").and_then(|at| line[at..].split(" /* ").next());
        line.contains("???(") || begins.is_some_and(|begins| !begun.insert(begins))
    })
}
