//! What is printed, in its final order: what stands before each line, and the line of a call that has not returned,
//! which goes on where it stands if nothing else is printed meanwhile.

use super::Pids;
use crate::output::line::{Lines, put};
use crate::output::prefix::{Mark, Prefix, write_name};
use std::collections::HashMap;
use std::io::{self, Write};

/// The lines that are printed.
#[derive(Debug)]
pub struct Page {
    /// Finished ones, and one that may not be.
    pub lines: Lines,
    pids: Pids,
    prefix: Prefix,
    column: usize,
    /// How many threads are known at this place of the trace.
    known: usize,
    /// Whose call the last line is, if it has not returned.
    open: Option<u32>,
    /// If each thread has lines of its own: those of the others.
    apart: Option<Apart>,
}

/// Lines of several threads that are kept apart. Those of the thread that wrote last are the page's own.
#[derive(Debug)]
struct Apart {
    /// The thread that wrote last.
    tid: Option<u32>,
    /// It has ended.
    over: bool,
    others: HashMap<u32, Sheet>,
    empty: Lines,
}

/// The lines of a thread that did not write last.
#[derive(Debug)]
struct Sheet {
    lines: Lines,
    open: Option<u32>,
    over: bool,
}

impl Sheet {
    /// Whether nothing more will be written here.
    fn is_finished(&self) -> bool {
        self.over && self.open.is_none()
    }
}

impl Page {
    /// An empty one.
    pub fn new(lines: Lines, pids: Pids, prefix: Prefix, column: usize) -> Self {
        Self { lines, pids, prefix, column, known: 0, open: None, apart: None }
    }

    /// Keeps the lines of each thread apart from here on; `empty` is what they begin as.
    pub fn keep_apart(&mut self, empty: Lines) {
        self.apart = Some(Apart { tid: None, over: false, others: HashMap::new(), empty });
    }

    /// There is one thread more, or fewer: this one.
    pub fn count(&mut self, tid: u32, change: i32) {
        self.known = self.known.saturating_add_signed(change as isize);
        self.select(tid);
        if let Some(apart) = &mut self.apart {
            apart.over = change < 0;
        }
        if change < 0 {
            self.prefix.forget(tid);
        }
    }

    /// What is known of a thread from here on.
    pub fn note(&mut self, tid: u32, mark: Mark) {
        self.prefix.note(tid, mark);
    }

    /// Makes the lines of this thread the page's own, if they are kept apart.
    fn select(&mut self, tid: u32) {
        let Some(apart) = &mut self.apart else { return };
        if apart.tid == Some(tid) {
            return;
        }
        let fresh = || Sheet { lines: apart.empty.clone(), open: None, over: false };
        let sheet = apart.others.remove(&tid).unwrap_or_else(fresh);
        let before = Sheet {
            lines: std::mem::replace(&mut self.lines, sheet.lines),
            open: std::mem::replace(&mut self.open, sheet.open),
            over: std::mem::replace(&mut apart.over, sheet.over),
        };
        if let Some(last) = apart.tid.replace(tid) {
            apart.others.insert(last, before);
        }
    }

    /// Writes a whole line of a thread; one of none goes to all that are kept apart.
    pub fn line(&mut self, tid: Option<u32>, time_ns: u64, mark: Mark, write: impl FnOnce(&mut Lines)) {
        self.begin(tid, time_ns, mark);
        let from = self.lines.mark().0;
        write(&mut self.lines);
        if let (None, Some(apart)) = (tid, &mut self.apart) {
            for sheet in apart.others.values_mut() {
                if sheet.open.take().is_some() {
                    sheet.lines.push(" <unfinished ...>");
                    sheet.lines.end();
                }
                sheet.lines.append(&self.lines.bytes()[from..], 0);
                sheet.lines.end();
            }
        }
        self.lines.end();
    }

    /// Hands all lines on, each thread's with its id if they are kept apart, and forgets them. Threads that are new
    /// have a turn even without lines. What can't be handed on is not handed on again: a part of it may be out.
    pub fn hand_on(&mut self, mut to: impl FnMut(Option<u32>, &[u8]) -> io::Result<()>) -> io::Result<()> {
        let Some(apart) = &mut self.apart else {
            let result = to(None, self.lines.bytes());
            self.lines.clear();
            return result;
        };
        let mut result = Ok(());
        let mut hand_on = |tid: u32, lines: &mut Lines| {
            if result.is_ok() {
                result = to(Some(tid), lines.bytes());
            }
            lines.clear();
        };
        if let Some(tid) = apart.tid {
            hand_on(tid, &mut self.lines);
        }
        for (tid, sheet) in &mut apart.others {
            hand_on(*tid, &mut sheet.lines);
        }
        apart.others.retain(|_, sheet| !sheet.is_finished());
        result
    }

    /// A thread in a call has taken over the id of another: its lines go on there.
    pub fn became(&mut self, tid: u32, leader: u32) {
        self.select(tid);
        if self.open == Some(tid) {
            self.open = None;
            self.lines.format(|out| put!(out, " <pid changed to {leader} ...>"));
            self.lines.end();
        }
    }

    /// Begins a line of a thread, or of none, that tells of this time and what is marked.
    pub fn begin(&mut self, tid: Option<u32>, time_ns: u64, mark: Mark) {
        if let Some(tid) = tid {
            self.select(tid);
        }
        if self.open.take().is_some() {
            self.lines.push(" <unfinished ...>");
            self.lines.end();
        }
        if let Some(tid) = tid {
            self.prefix.note(tid, mark);
            self.prefix(tid, time_ns, mark);
        }
    }

    /// Begins the line of a call; its name and the arguments that are known at its entry follow.
    pub fn enter(&mut self, tid: u32, entry_ns: u64, mark: Mark) {
        self.begin(Some(tid), entry_ns, mark);
        self.open = Some(tid);
    }

    /// Goes on with a call that returns; the other arguments and [`Page::result`] follow.
    pub fn resume(&mut self, tid: u32, time_ns: u64, mark: Mark, name: impl FnOnce(&mut Lines)) {
        self.select(tid);
        if self.open == Some(tid) {
            self.open = None;
            return;
        }
        self.begin(Some(tid), time_ns, mark);
        self.lines.push("<... ");
        name(&mut self.lines);
        self.lines.push(" resumed>");
    }

    /// Stands between the arguments and the result.
    pub fn result(&mut self) {
        self.lines.push(")");
        self.lines.pad_to(self.column);
    }

    /// Tracing of a thread ends, perhaps before a call returns.
    pub fn detach(&mut self, tid: u32) {
        self.select(tid);
        if self.open == Some(tid) {
            close(&mut self.open, &mut self.lines);
        }
    }

    /// Ends the lines whose calls will not be seen to return.
    pub fn close(&mut self) {
        close(&mut self.open, &mut self.lines);
        for sheet in self.apart.iter_mut().flat_map(|apart| apart.others.values_mut()) {
            close(&mut sheet.open, &mut sheet.lines);
        }
    }

    /// What stands before a line that tells of this time.
    fn prefix(&mut self, tid: u32, time_ns: u64, mark: Mark) {
        let is_shown = match self.pids {
            Pids::Never => false,
            Pids::WhenSeveral => self.known > 1,
            Pids::Bracketed | Pids::Column => true,
        };
        if is_shown {
            let mut digits = itoa::Buffer::new();
            let digits = digits.format(tid).as_bytes();
            let is_column = self.pids == Pids::Column;
            let name = self.prefix.name(tid);
            self.lines.format(|out| {
                if !is_column {
                    out.extend_from_slice(b"[pid ");
                    out.extend_from_slice(blanks(digits));
                }
                out.extend_from_slice(digits);
                match name {
                    Some(name) => write_name(out, name.bytes()),
                    None if is_column => out.extend_from_slice(blanks(digits)),
                    None => {}
                }
                out.extend_from_slice(if is_column { b" " } else { b"] " });
            });
        }
        let prefix = &mut self.prefix;
        self.lines.format(|out| prefix.write(out, tid, time_ns, mark.place));
    }
}

/// What fills an id up to five columns.
fn blanks(digits: &[u8]) -> &'static [u8] {
    let blanks: &[u8] = b"     ";
    blanks.get(digits.len()..).unwrap_or_default()
}

/// Ends a line whose call will not be seen to return.
fn close(open: &mut Option<u32>, lines: &mut Lines) {
    if open.take().is_some() {
        lines.push(" <detached ...>");
        lines.end();
    }
}
