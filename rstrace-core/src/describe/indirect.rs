//! Calls of 32-bit programs by which others are made, as `socketcall` and `ipc`: the others' arguments are in other
//! registers, or in memory.

use super::{Limits, Param, Syscall, captures};
use crate::event::Abi;
use crate::memory::At;
use crate::probe::{Capture, Count, End, From, Ids, MAX_ARGS, RawCall, What, When};

/// Bytes of a word of a 32-bit program.
const WORD: u8 = 4;

/// What a call stands for where a 32-bit program makes it.
#[derive(Debug)]
pub struct Indirect {
    /// The number of the call that is meant, from the first argument; without it there is but one.
    pub number: Option<fn(u32) -> u32>,
    /// By number, in ascending order.
    pub calls: &'static [Inner],
    /// The arguments that are shown where no call is meant, or its arguments could not be read.
    pub unknown: &'static [Param],
}

/// A call that is made by another.
#[derive(Debug)]
pub struct Inner {
    /// Its number there.
    pub number: u32,
    /// What it is.
    pub call: Is,
    /// Where its arguments are, in their order.
    pub args: &'static [Place],
    /// The argument of the other call that points to a word into which this one's result is written.
    pub result: Option<u8>,
}

/// Which call an [`Inner`] is.
#[derive(Debug)]
pub enum Is {
    /// One that has a number of its own too.
    Named(&'static str),
    /// One that has none.
    Own(&'static Syscall),
}

/// Where an argument is.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    /// In this argument of the other call.
    Register(u8),
    /// The word with this index behind this argument of the other call.
    Word {
        /// The argument; the same for all arguments of a call that are words.
        arg: u8,
        /// From 0.
        index: u8,
    },
}

impl Indirect {
    /// The call that is meant by one with these arguments.
    pub fn meant(&self, args: &[u64]) -> Option<&'static Inner> {
        let number = match self.number {
            Some(number) => number(*args.first()? as u32),
            None => return self.calls.first(),
        };
        let place = self.calls.binary_search_by_key(&number, |inner| inner.number).ok()?;
        self.calls.get(place)
    }
}

impl Inner {
    /// The argument behind which words are, and how many.
    fn words(&self) -> Option<(u8, u8)> {
        let words = self.args.iter().filter_map(|place| match place {
            Place::Word { arg, index } => Some((*arg, index + 1)),
            Place::Register(_) => None,
        });
        words.max_by_key(|(_, count)| *count)
    }

    /// The call as if it had been made itself, if `row` is what it is; `None` if its arguments could not be read.
    pub fn made<'a>(&self, row: &'static Syscall, call: &RawCall<'a>) -> Option<RawCall<'a>> {
        let word = |arg: u8, index: u8, at| {
            let address = call.args.get(usize::from(arg))?.checked_add(u64::from(index * WORD))?;
            let bytes = call.memory.bytes(address, WORD.into(), at)?;
            Some(u64::from(u32::from_ne_bytes(*bytes.first_chunk()?)))
        };
        let mut args = [0; MAX_ARGS];
        for (arg, place) in args.iter_mut().zip(self.args) {
            *arg = match *place {
                Place::Register(register) => *call.args.get(usize::from(register))?,
                Place::Word { arg, index } => word(arg, index, At::Entry)?,
            };
        }
        let result = self.result.filter(|_| call.succeeded()).and_then(|arg| word(arg, 0, At::Return));
        let end = result.map_or(call.end, |result| End::Returned(result as i64));
        Some(RawCall { name: row.name, args, end, ..*call })
    }

    /// What is to be captured for it, in terms of the other call; `row` is what it is.
    pub fn captures(&self, row: &Syscall, limits: Limits) -> Vec<Capture> {
        // with what is behind ids too there would be more captures than a pair has
        let limits = Limits { ids: Ids::default(), ..limits };
        let mut own = captures(row.params, row.result, Abi::Compat32, limits);
        for case in row.cases.iter().flat_map(|cases| cases.cases) {
            for capture in captures(case.params, row.result, Abi::Compat32, limits) {
                add_simple(&mut own, capture);
            }
        }
        let mut all = Vec::new();
        let mut words = Words { entry: None, ret: None };
        if let Some((arg, count)) = self.words() {
            let size = u32::from(count * WORD);
            words.entry = Some(0);
            all.push(Capture::bytes(arg, When::Entry, size));
            if own.iter().any(|capture| matches!(capture.when, When::Return | When::ReturnAlways)) {
                words.ret = Some(1);
                all.push(Capture::bytes(arg, When::ReturnAlways, size));
            }
        }
        let before = all.len() as u8;
        all.extend(own.iter().map(|capture| self.moved(*capture, before, words)));
        all.extend(self.result.map(|arg| Capture::bytes(arg, When::Return, WORD.into())));
        all
    }

    /// A capture of the call itself, made one of the other call: so many are `before` it.
    fn moved(&self, capture: Capture, before: u8, words: Words) -> Capture {
        let of_words = match capture.when {
            When::Entry | When::EntryOnly => words.entry,
            When::Return | When::ReturnAlways => words.ret,
        };
        let place = |arg: u8| self.args.get(usize::from(arg)).copied().unwrap_or(Place::Register(arg));
        let count = |count| match count {
            Count::Arg(arg) => count_at(place(arg), of_words, Count::Arg),
            Count::IntArg(arg) => count_at(place(arg), of_words, Count::IntArg),
            // at most more than is needed, and what is too much is not shown
            Count::Transferred(arg) => count_at(place(arg), of_words, Count::Transferred),
            Count::BitsArg(arg) => match count_at(place(arg), of_words, Count::BitsArg) {
                Count::Captured { of, offset, size } => Count::CapturedBits { of, offset, size },
                count => count,
            },
            Count::PagesArg(arg) => count_at(place(arg), of_words, Count::PagesArg),
            Count::Captured { of, offset, size } => Count::Captured { of: of + before, offset, size },
            Count::CapturedBits { of, offset, size } => Count::CapturedBits { of: of + before, offset, size },
            count @ (Count::Fixed | Count::Return | Count::IoctlIn | Count::IoctlOut) => count,
        };
        let from = match capture.from {
            From::Return => From::Return,
            From::Captured { of, offset, size } => From::Captured { of: of + before, offset, size },
            // of the elements of a list, whose captures say themselves where they are
            from if matches!(capture.what, What::Each { .. }) => from,
            From::Arg(arg) => match place(arg) {
                Place::Register(arg) => From::Arg(arg),
                Place::Word { index, .. } => {
                    From::Captured { of: of_words.unwrap_or(0), offset: u16::from(index * WORD), size: WORD }
                }
            },
        };
        let what = match capture.what {
            What::Bytes { count: of, scale, add, limit } => {
                What::Bytes { count: count(of), scale, add, limit }
            }
            What::Message { count: of, transferred, limit } => {
                What::Message { count: count(of), transferred, limit }
            }
            What::Each { of, stride, body, limit } => What::Each { of: of + before, stride, body, limit },
            what => what,
        };
        Capture { from, what, ..capture }
    }
}

/// The captures that bring the words in which arguments are.
#[derive(Clone, Copy)]
struct Words {
    entry: Option<u8>,
    ret: Option<u8>,
}

fn count_at(place: Place, words: Option<u8>, of_register: fn(u8) -> Count) -> Count {
    match place {
        Place::Register(arg) => of_register(arg),
        Place::Word { index, .. } => {
            Count::Captured { of: words.unwrap_or(0), offset: u16::from(index * WORD), size: WORD }
        }
    }
}

/// Adds what one case of a call needs beside the others, as far as that needs nothing else: the kernel side chooses by
/// the number of the call, and not by another argument as well.
fn add_simple(captures: &mut Vec<Capture>, more: Capture) {
    let What::Bytes { count: Count::Fixed, scale, add: 0, .. } = more.what else { return };
    if !matches!(more.from, From::Arg(_)) {
        return;
    }
    let same = captures.iter_mut().find(|other| {
        let simple = matches!(other.what, What::Bytes { count: Count::Fixed, add: 0, .. });
        simple && (other.from, other.when) == (more.from, more.when)
    });
    match same {
        Some(other) => {
            if let What::Bytes { scale: size, .. } = other.what
                && size < scale
            {
                other.what = more.what;
            }
        }
        None => captures.push(more),
    }
}
