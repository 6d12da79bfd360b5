//! What is held back until nothing from before can come any more.
//!
//! Calls come when they return, and their lines begin when they were entered. So each comes in two pieces with a time
//! each, formatted already, and pieces are printed in the order of their times. The memory is used again and again.

use super::page::Page;
use crate::output::line::Lines;
use crate::output::prefix::Mark;

/// So many moves of what waits are made for each piece, on average, to keep the queue sorted.
const MOVES: usize = 8;

/// The pieces that wait.
#[derive(Debug)]
pub struct Order {
    lines: Lines,
    pieces: Vec<Piece>,
    /// What stands before their lines, where that is something.
    marks: Vec<Mark>,
    /// By time, and by when they came: the places of the pieces.
    queue: Vec<(u64, u32)>,
    /// How many moves are left to keep the queue sorted; `None` where there were too few, and it is not.
    moves: Option<usize>,
    /// What is left after a release, while it is moved to the beginning.
    spare: (Vec<u8>, Vec<Piece>, Vec<Mark>),
    /// Bytes from which on it is worth while to release.
    enough: usize,
}

/// A piece: its bytes, and what they are. Many wait, so it is small.
#[derive(Debug, Clone, Copy)]
struct Piece {
    what: What,
    tid: u32,
    /// What stands before its line: the place in the marks, from 1; 0 if that is nothing.
    mark: u32,
    /// Where its bytes are.
    begin: usize,
    /// How many bytes it has.
    len: u32,
    /// How many of them are the name of a call that returns.
    name: u32,
    /// And how many the name and the arguments.
    args: u32,
    /// Bytes that take no column: of a call that returns, among its arguments.
    invisible: u32,
}

impl Piece {
    /// Its bytes in these, from one of them on and up to another.
    fn bytes(self, all: &[u8], from: u32, to: u32) -> &[u8] {
        &all[self.begin + from as usize..self.begin + to as usize]
    }
}

#[derive(Debug, Clone, Copy)]
enum What {
    /// A call's name and what is known of it at its entry.
    Entry { entry_ns: u64 },
    /// A call's name, its other arguments, and its result.
    Return,
    /// A call that will not be seen to return.
    Detach,
    /// A thread in a call has taken over this id.
    Became(u32),
    /// A line of a thread.
    Line,
    /// A line of no thread.
    Message,
    /// A change in the number of threads, by this one.
    Count(i32),
    /// What is known of a thread from here on.
    Note,
}

impl Order {
    /// Nothing waits.
    pub fn new(lines: Lines) -> Self {
        Self {
            lines,
            pieces: Vec::new(),
            marks: Vec::new(),
            queue: Vec::new(),
            moves: Some(0),
            spare: Default::default(),
            enough: 0,
        }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether so much waits that something is to be printed.
    pub fn is_full(&self, block: usize) -> bool {
        self.lines.bytes().len() >= self.enough.max(block)
    }

    /// The earliest time of what waits.
    pub fn earliest(&self) -> Option<u64> {
        let mut times = self.queue.iter().map(|(time, _)| *time);
        if self.moves.is_some() { times.next() } else { times.min() }
    }

    /// A call is entered, at `entry_ns` as its line tells; the line stands where it belongs by `time_ns`.
    pub fn enter(
        &mut self,
        time_ns: u64,
        entry_ns: u64,
        tid: u32,
        mark: Mark,
        write: impl FnOnce(&mut Lines),
    ) {
        let (begin, invisible) = self.lines.mark();
        write(&mut self.lines);
        let invisible = (self.lines.mark().1 - invisible) as u32;
        let piece = self.piece(What::Entry { entry_ns }, tid, mark, begin);
        self.push(time_ns, Piece { invisible, ..piece });
    }

    /// A call returns: its name, the arguments that were not known at its entry, and its result.
    pub fn resume(
        &mut self,
        time_ns: u64,
        tid: u32,
        mark: Mark,
        name: impl FnOnce(&mut Lines),
        args: impl FnOnce(&mut Lines),
        result: impl FnOnce(&mut Lines),
    ) {
        let begin = self.lines.mark().0;
        name(&mut self.lines);
        let (name, invisible) = self.lines.mark();
        args(&mut self.lines);
        let (args, after) = self.lines.mark();
        result(&mut self.lines);
        let piece = self.piece(What::Return, tid, mark, begin);
        let (name, args, invisible) =
            ((name - begin) as u32, (args - begin) as u32, (after - invisible) as u32);
        self.push(time_ns, Piece { name, args, invisible, ..piece });
    }

    /// A thread is traced no more: the call that it is in will not be seen to return.
    pub fn detach(&mut self, time_ns: u64, tid: u32) {
        let begin = self.lines.mark().0;
        let piece = self.piece(What::Detach, tid, Mark::default(), begin);
        self.push(time_ns, piece);
    }

    /// A thread in a call has taken over the id of its group's leader.
    pub fn became(&mut self, time_ns: u64, tid: u32, leader: u32) {
        let begin = self.lines.mark().0;
        let piece = self.piece(What::Became(leader), tid, Mark::default(), begin);
        self.push(time_ns, piece);
    }

    /// A line of a thread, or of none.
    pub fn line(&mut self, time_ns: u64, tid: Option<u32>, mark: Mark, write: impl FnOnce(&mut Lines)) {
        let begin = self.lines.mark().0;
        write(&mut self.lines);
        let what = if tid.is_some() { What::Line } else { What::Message };
        let piece = self.piece(what, tid.unwrap_or(0), mark, begin);
        self.push(time_ns, piece);
    }

    /// There is one thread more, or fewer: this one.
    pub fn count(&mut self, time_ns: u64, tid: u32, change: i32) {
        let begin = self.lines.mark().0;
        let piece = self.piece(What::Count(change), tid, Mark::default(), begin);
        self.push(time_ns, piece);
    }

    /// This is known of a thread from this time on.
    pub fn note(&mut self, time_ns: u64, tid: u32, mark: Mark) {
        let begin = self.lines.mark().0;
        let piece = self.piece(What::Note, tid, mark, begin);
        self.push(time_ns, piece);
    }

    fn piece(&mut self, what: What, tid: u32, mark: Mark, begin: usize) -> Piece {
        let len = (self.lines.mark().0 - begin) as u32;
        let mark = keep_mark(&mut self.marks, mark);
        Piece { what, tid, mark, begin, len, name: 0, args: 0, invisible: 0 }
    }

    /// Pieces come nearly in order, so most have their place a few steps from the end of the queue.
    fn push(&mut self, time_ns: u64, piece: Piece) {
        let waiting = (time_ns, self.pieces.len() as u32);
        self.pieces.push(piece);
        let Some(moves) = self.moves.map(|moves| moves + MOVES) else { return self.queue.push(waiting) };
        let later = self.queue.iter().rev().take(moves + 1).take_while(|(time, _)| *time > time_ns).count();
        self.moves = moves.checked_sub(later);
        let at = if self.moves.is_some() { self.queue.len() - later } else { self.queue.len() };
        self.queue.insert(at, waiting);
    }

    /// Prints what is from this time or before.
    pub fn release(&mut self, until_ns: u64, page: &mut Page) {
        if self.moves.is_none() {
            self.queue.sort_unstable();
        }
        self.moves = Some(0);
        let count = self.queue.partition_point(|(time, _)| *time <= until_ns);
        for (time, place) in &self.queue[..count] {
            let piece = self.pieces[*place as usize];
            print(piece, *time, mark_of(&self.marks, piece), self.lines.bytes(), page);
        }
        self.keep_from(count);
    }

    /// Moves what is left to the beginning.
    fn keep_from(&mut self, count: usize) {
        let (bytes, pieces, marks) = &mut self.spare;
        bytes.clear();
        pieces.clear();
        marks.clear();
        self.queue.drain(..count);
        for (_, place) in &mut self.queue {
            let piece = self.pieces[*place as usize];
            let begin = bytes.len();
            bytes.extend_from_slice(piece.bytes(self.lines.bytes(), 0, piece.len));
            *place = pieces.len() as u32;
            pieces.push(Piece { begin, mark: keep_mark(marks, mark_of(&self.marks, piece)), ..piece });
        }
        std::mem::swap(&mut self.pieces, pieces);
        std::mem::swap(&mut self.marks, marks);
        self.lines.replace(bytes);
        // what is left is moved again only when as much has come
        self.enough = 2 * self.lines.bytes().len();
    }
}

/// Puts what stands before a line among the others, if it is something; its place.
fn keep_mark(marks: &mut Vec<Mark>, mark: Mark) -> u32 {
    if mark == Mark::default() {
        return 0;
    }
    marks.push(mark);
    marks.len() as u32
}

fn mark_of(marks: &[Mark], piece: Piece) -> Mark {
    (piece.mark as usize).checked_sub(1).map_or_else(Mark::default, |place| marks[place])
}

fn print(piece: Piece, time_ns: u64, mark: Mark, bytes: &[u8], page: &mut Page) {
    let part = |from, to| piece.bytes(bytes, from, to);
    let (whole, invisible) = (part(0, piece.len), piece.invisible as usize);
    match piece.what {
        What::Entry { entry_ns } => {
            page.enter(piece.tid, entry_ns, mark);
            page.lines.append(whole, invisible);
        }
        What::Return => {
            page.resume(piece.tid, time_ns, mark, |lines| lines.append(part(0, piece.name), 0));
            page.lines.append(part(piece.name, piece.args), invisible);
            page.result();
            page.lines.append(part(piece.args, piece.len), 0);
            page.lines.end();
        }
        What::Detach => page.detach(piece.tid),
        What::Became(leader) => page.became(piece.tid, leader),
        What::Line | What::Message => {
            let tid = matches!(piece.what, What::Line).then_some(piece.tid);
            page.line(tid, time_ns, mark, |lines| lines.append(whole, 0));
        }
        What::Count(change) => page.count(piece.tid, change),
        What::Note => page.note(piece.tid, mark),
    }
}

#[cfg(test)]
mod tests;
