//! Pieces in an order in which no thread would make them.

use super::super::Pids;
use super::*;
use crate::output::line::Limits;
use crate::output::prefix::{Prefix, Prefixes};
use crate::output::quote::Hex;

struct Waiting {
    order: Order,
    page: Page,
}

impl Waiting {
    fn new(column: usize) -> Self {
        Self::with(Prefixes::default(), column)
    }

    fn with(prefixes: Prefixes, column: usize) -> Self {
        let lines = || {
            Lines::new(
                false,
                Limits {
                    length: 32,
                    whole_vectors: false,
                    constants: Default::default(),
                    hex: Hex::Never,
                    files: crate::output::files::Files::NONE,
                },
            )
        };
        let page = Page::new(lines(), Pids::Column, Prefix::new(prefixes), column);
        Self { order: Order::new(lines()), page }
    }

    fn call(&mut self, tid: u32, entry_ns: u64, return_ns: u64) -> &mut Self {
        self.numbered_call(None, tid, entry_ns, return_ns)
    }

    fn numbered_call(&mut self, number: Option<u32>, tid: u32, entry_ns: u64, return_ns: u64) -> &mut Self {
        let mark = Mark { number, ..Mark::default() };
        self.order.enter(entry_ns, entry_ns, tid, mark, |lines| lines.push("f(1"));
        let (name, args) = (|lines: &mut Lines| lines.push("f"), |lines: &mut Lines| lines.push(", 2"));
        self.order.resume(return_ns, tid, mark, name, args, |lines| lines.push("= 0"));
        self
    }

    fn line(&mut self, tid: u32, time_ns: u64) -> &mut Self {
        self.order.line(time_ns, Some(tid), Mark::default(), |lines| lines.format(|out| out.push(b'x')));
        self
    }

    /// What is printed when everything until a time is.
    fn until(&mut self, time_ns: u64) -> Vec<String> {
        self.order.release(time_ns, &mut self.page);
        let text = String::from_utf8(self.page.lines.bytes().to_vec()).expect("ASCII");
        self.page.lines.clear();
        text.split_terminator('\n').map(str::to_string).collect()
    }
}

#[test]
fn a_call_within_which_nothing_happens_is_one_line() {
    let mut waiting = Waiting::new(0);
    waiting.call(5, 1, 2).call(6, 3, 4).call(5, 5, 6);
    assert_eq!(waiting.until(6), ["5     f(1, 2) = 0", "6     f(1, 2) = 0", "5     f(1, 2) = 0"]);
    assert!(waiting.order.is_empty());
}

#[test]
fn a_call_that_encloses_another_is_two_lines_whatever_came_first() {
    let expected =
        ["5     f(1 <unfinished ...>", "6     f(1, 2) = 0", "6     x", "5     <... f resumed>, 2) = 0"];
    assert_eq!(Waiting::new(0).call(6, 2, 3).line(6, 4).call(5, 1, 9).until(9), expected);
    assert_eq!(Waiting::new(0).call(5, 1, 9).line(6, 4).call(6, 2, 3).until(9), expected);
}

#[test]
fn what_is_later_waits_and_goes_on_where_the_line_is() {
    let mut waiting = Waiting::new(20);
    waiting.call(5, 1, 4).call(6, 5, 7);
    assert_eq!(waiting.until(3), ["5     f(1"]);
    waiting.line(6, 6);
    // the result stands at its column though its line began earlier
    assert_eq!(waiting.until(5), [", 2)       = 0", "6     f(1"]);
    assert_eq!(waiting.until(6), [" <unfinished ...>", "6     x"]);
    assert_eq!(waiting.until(7), ["6     <... f resumed>, 2) = 0"]);
}

#[test]
fn what_comes_too_late_is_printed_at_once() {
    let mut waiting = Waiting::new(0);
    assert_eq!(waiting.line(6, 5).until(9), ["6     x"]);
    assert_eq!(waiting.call(5, 1, 10).line(6, 9).until(10)[0], "5     f(1 <unfinished ...>");
}

#[test]
fn pieces_of_one_time_stay_in_their_order() {
    let mut waiting = Waiting::new(0);
    waiting.line(7, 1).line(6, 1).line(5, 1);
    assert!(waiting.until(0).is_empty());
    assert_eq!(waiting.line(4, 1).until(1), ["7     x", "6     x", "5     x", "4     x"]);
}

#[test]
fn a_line_has_the_number_of_its_threads_latest_call_there() {
    let mut waiting = Waiting::with(Prefixes { number: true, ..Prefixes::default() }, 0);
    waiting.numbered_call(Some(60), 5, 4, 5).line(5, 3).numbered_call(Some(39), 5, 1, 2);
    waiting.order.count(6, 5, -1);
    let lines = waiting.line(5, 7).until(7);
    let expected =
        ["5     [  39] f(1, 2) = 0", "5     [  39] x", "5     [  60] f(1, 2) = 0", "5     [????] x"];
    assert_eq!(lines, expected);
}

#[test]
fn pieces_are_printed_by_time_however_many_have_to_move() {
    // from none that moves, through a few and one that moves far, to each that passes all others
    let steps = [1, 3, 37, 61, 97];
    for step in steps {
        let mut waiting = Waiting::new(0);
        for i in 0..98 {
            waiting.line(i * step % 98, u64::from(i * step % 98));
        }
        let expected: Vec<_> = (0..98).map(|tid| format!("{tid:<5} x")).collect();
        assert_eq!(waiting.until(40), expected[..=40], "{step}");
        assert_eq!(
            waiting.line(98, 3).until(97),
            [&["98    x".to_owned()], &expected[41..]].concat(),
            "{step}"
        );
    }
}
