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
    /// By time, and by when they came: the places of the pieces.
    queue: Vec<(u64, u32)>,
    /// How many moves are left to keep the queue sorted; `None` where there were too few, and it is not.
    moves: Option<usize>,
    /// What is left after a release, while it is moved to the beginning.
    spare: (Vec<u8>, Vec<Piece>),
    /// Bytes from which on it is worth while to release.
    enough: usize,
}

/// A piece: its bytes, and what they are.
#[derive(Debug, Clone, Copy)]
struct Piece {
    what: What,
    tid: u32,
    /// What stands before its line.
    mark: Mark,
    begin: usize,
    end: usize,
    /// Where the name ends of a call that returns.
    name: usize,
    /// Where the arguments end of a call that returns.
    args: usize,
    /// Bytes that take no column: of a call that returns, among its arguments.
    invisible: usize,
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
    Count(isize),
    /// What is known of a thread from here on.
    Note,
}

impl Order {
    /// Nothing waits.
    pub fn new(lines: Lines) -> Self {
        Self {
            lines,
            pieces: Vec::new(),
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
        self.queue.iter().map(|(time, _)| *time).min()
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
        let invisible = self.lines.mark().1 - invisible;
        let piece = self.piece(What::Entry { entry_ns }, tid, begin);
        self.push(time_ns, Piece { mark, invisible, ..piece });
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
        let piece = self.piece(What::Return, tid, begin);
        self.push(time_ns, Piece { mark, name, args, invisible: after - invisible, ..piece });
    }

    /// A call will not be seen to return.
    pub fn detach(&mut self, tid: u32) {
        let begin = self.lines.mark().0;
        self.push(u64::MAX, self.piece(What::Detach, tid, begin));
    }

    /// A thread in a call has taken over the id of its group's leader.
    pub fn became(&mut self, time_ns: u64, tid: u32, leader: u32) {
        let begin = self.lines.mark().0;
        self.push(time_ns, self.piece(What::Became(leader), tid, begin));
    }

    /// A line of a thread, or of none.
    pub fn line(&mut self, time_ns: u64, tid: Option<u32>, mark: Mark, write: impl FnOnce(&mut Lines)) {
        let begin = self.lines.mark().0;
        write(&mut self.lines);
        let what = if tid.is_some() { What::Line } else { What::Message };
        let piece = self.piece(what, tid.unwrap_or(0), begin);
        self.push(time_ns, Piece { mark, ..piece });
    }

    /// There is one thread more, or fewer: this one.
    pub fn count(&mut self, time_ns: u64, tid: u32, change: isize) {
        let begin = self.lines.mark().0;
        self.push(time_ns, self.piece(What::Count(change), tid, begin));
    }

    /// This is known of a thread from this time on.
    pub fn note(&mut self, time_ns: u64, tid: u32, mark: Mark) {
        let begin = self.lines.mark().0;
        let piece = self.piece(What::Note, tid, begin);
        self.push(time_ns, Piece { mark, ..piece });
    }

    fn piece(&self, what: What, tid: u32, begin: usize) -> Piece {
        let end = self.lines.mark().0;
        Piece { what, tid, mark: Mark::default(), begin, end, name: begin, args: begin, invisible: 0 }
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
            print(&self.pieces[*place as usize], *time, self.lines.bytes(), page);
        }
        self.keep_from(count);
    }

    /// Moves what is left to the beginning.
    fn keep_from(&mut self, count: usize) {
        let (bytes, pieces) = &mut self.spare;
        bytes.clear();
        pieces.clear();
        self.queue.drain(..count);
        for (_, place) in &mut self.queue {
            let piece = self.pieces[*place as usize];
            let begin = bytes.len();
            bytes.extend_from_slice(&self.lines.bytes()[piece.begin..piece.end]);
            let moved = |at: usize| at - piece.begin + begin;
            *place = pieces.len() as u32;
            pieces.push(Piece {
                begin,
                end: moved(piece.end),
                name: moved(piece.name),
                args: moved(piece.args),
                ..piece
            });
        }
        std::mem::swap(&mut self.pieces, pieces);
        self.lines.replace(bytes);
        // what is left is moved again only when as much has come
        self.enough = 2 * self.lines.bytes().len();
    }
}

fn print(piece: &Piece, time_ns: u64, bytes: &[u8], page: &mut Page) {
    let whole = &bytes[piece.begin..piece.end];
    match piece.what {
        What::Entry { entry_ns } => {
            page.enter(piece.tid, entry_ns, piece.mark);
            page.lines.append(whole, piece.invisible);
        }
        What::Return => {
            page.resume(piece.tid, time_ns, piece.mark, |lines| {
                lines.append(&bytes[piece.begin..piece.name], 0);
            });
            page.lines.append(&bytes[piece.name..piece.args], piece.invisible);
            page.result();
            page.lines.append(&bytes[piece.args..piece.end], 0);
            page.lines.end();
        }
        What::Detach => page.detach(piece.tid),
        What::Became(leader) => page.became(piece.tid, leader),
        What::Line | What::Message => {
            let tid = matches!(piece.what, What::Line).then_some(piece.tid);
            page.line(tid, time_ns, piece.mark, |lines| lines.append(whole, 0));
        }
        What::Count(change) => page.count(piece.tid, change),
        What::Note => page.note(piece.tid, piece.mark),
    }
}

#[cfg(test)]
mod tests;
