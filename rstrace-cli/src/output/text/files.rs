//! A file for the lines of each thread, as `strace -ff` has it.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

/// The files. None is open for longer than it is written to: there may be more threads than descriptors.
#[derive(Debug)]
pub struct Files {
    /// What their names begin with; a dot and the thread's id follow.
    prefix: PathBuf,
    /// Whether what they hold is kept.
    append: bool,
    /// The threads whose files were made or emptied.
    made: HashSet<u32>,
}

impl Files {
    /// Files with names that begin so; `append` keeps what they hold.
    pub fn new(prefix: PathBuf, append: bool) -> Self {
        Self { prefix, append, made: HashSet::new() }
    }

    /// Appends lines to a thread's file. It is made the first time, even without lines.
    pub fn write(&mut self, tid: u32, lines: &[u8]) -> io::Result<()> {
        let is_new = self.made.insert(tid);
        if lines.is_empty() && !is_new {
            return Ok(());
        }
        let mut name = OsString::from(&self.prefix);
        name.push(format!(".{tid}"));
        let mut file = if is_new && !self.append {
            File::create(name)?
        } else {
            File::options().append(true).create(true).open(name)?
        };
        file.write_all(lines)
    }
}
