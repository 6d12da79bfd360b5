//! Real programs that do real work, to hold rstrace's trace of them against strace's.
//!
//! Each is a shell script in an empty folder of its own. What it needs and what is not to be watched (files that are
//! made, programs that are compiled) stands in its preparation.

mod list;

use std::path::Path;

use crate::differ::Comparison;
use crate::{Program, SameRun, Scratch, fixture, has_program, rstrace_binary};
pub use list::PROGRAMS;

/// A program.
#[derive(Debug)]
pub struct RealProgram {
    /// What it is called here.
    pub name: &'static str,
    /// Programs that must be there, each with its Debian package.
    pub needs: &'static [(&'static str, &'static str)],
    /// What is done before, unwatched.
    pub prepare: &'static str,
    /// What is watched.
    pub script: &'static str,
    /// Whether it is among those that run in each test.
    pub in_tests: bool,
}

impl RealProgram {
    /// The first of the programs that are missing.
    pub fn missing(&self) -> Option<&'static str> {
        self.needs.iter().map(|(_, program)| *program).find(|program| !has_program(program))
    }

    /// Runs it, watched by strace and by rstrace with these options.
    #[track_caller]
    pub fn compare(&self, options: &[&str]) -> Comparison {
        let scratch = Scratch::new();
        let folder = scratch.fresh_folder("work");
        let variables = variables(&folder);
        let mut prepare = Program::new(&["sh", "-ec", self.prepare]).in_folder(&folder);
        for (name, value) in &variables {
            prepare = prepare.env(name, value);
        }
        prepare.run().ended_well();
        let mut run = SameRun::new(&["sh", "-ec", self.script], options, options).in_folder(&folder);
        for (name, value) in &variables {
            run = run.env(name, value);
        }
        let (strace, rstrace) = run.watch();
        Comparison::new(&strace, &rstrace)
    }
}

/// The same everywhere: no settings of the user, no pager, and the programs that cargo built beside rstrace.
fn variables(folder: &str) -> Vec<(&'static str, String)> {
    let path = std::env::var("PATH").unwrap_or_default();
    let rstrace = rstrace_binary();
    let beside = Path::new(&rstrace).parent().map(|folder| folder.display().to_string());
    vec![
        ("HOME", folder.to_owned()),
        ("LC_ALL", "C.UTF-8".to_owned()),
        ("TERM", "dumb".to_owned()),
        ("PAGER", "cat".to_owned()),
        ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
        ("GIT_AUTHOR_NAME", "A".to_owned()),
        ("GIT_AUTHOR_EMAIL", "a@example.org".to_owned()),
        ("GIT_COMMITTER_NAME", "A".to_owned()),
        ("GIT_COMMITTER_EMAIL", "a@example.org".to_owned()),
        ("PATH", format!("{path}:/usr/sbin:/sbin")),
        ("BESIDE", beside.unwrap_or_default()),
        ("ALL_CONSTANTS", fixture("all_constants")),
        ("ALL_ADDRESSES", fixture("all_addresses")),
    ]
}
