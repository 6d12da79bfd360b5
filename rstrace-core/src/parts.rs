//! Captures that went ahead of their call in parts, because they were too long to wait in the kernel:
//! kept per thread until the call comes, joined where one capture spans several parts.

use std::collections::HashMap;

use rstrace_probes_bpf::layout::{self, PayloadHead};

use crate::probe::{MAX_CAPTURES, Payload};
use crate::record::{Captured, Record, next_payload};

/// The parts of calls that are still under way.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    // a thread is in one call per slot
    waiting: HashMap<(u64, u32), Call>,
    /// Emptied calls, so that their memory is used again.
    spare: Vec<Call>,
}

/// The parts of one call.
#[derive(Debug, Default)]
pub(crate) struct Call {
    entry_time: u64,
    /// How many came; a part that was lost leaves a gap.
    count: u16,
    in_sequence: bool,
    captures: [Option<Vec<u64>>; MAX_CAPTURES],
    vectors: [Vector; MAX_CAPTURES],
}

/// A vector of strings, joined over its parts.
#[derive(Debug, Default)]
struct Vector {
    used: bool,
    bytes: Vec<u8>,
    /// Where the last element's head is.
    last: usize,
}

impl Parts {
    /// Keeps a part. `is_vector` says of a capture whether it is a vector of strings.
    pub(crate) fn add(&mut self, head: &Record, payloads: &[u8], is_vector: impl Fn(usize) -> bool) {
        let spare = &mut self.spare;
        let key = (head.pid_tgid, head.slot);
        let call = self.waiting.entry(key).or_insert_with(|| spare.pop().unwrap_or_default());
        // parts of a call that never came
        if call.entry_time != head.entry_time {
            call.reset(head.entry_time);
        }
        call.in_sequence &= head.parts == call.count;
        call.count += 1;
        let mut bytes = payloads;
        while let Some((capture, payload, rest)) = next_payload(bytes) {
            let whole = &bytes[..bytes.len() - rest.len()];
            bytes = rest;
            if capture >= MAX_CAPTURES {
                continue;
            }
            match payload {
                Payload::Bytes(data) if is_vector(capture) => call.vectors[capture].append(data),
                Payload::Unreadable if call.captures[capture].is_some() => {}
                _ => call.captures[capture] = Some(aligned(whole)),
            }
        }
    }

    /// The parts of a call that is complete now.
    pub(crate) fn take(&mut self, head: &Record) -> Option<Call> {
        if head.parts == 0 {
            return None;
        }
        let call = self.waiting.remove(&(head.pid_tgid, head.slot))?;
        if call.entry_time != head.entry_time {
            self.give_back(call);
            return None;
        }
        Some(call)
    }

    /// Takes back what `take` gave, to be used again.
    pub(crate) fn give_back(&mut self, call: Call) {
        if self.spare.len() < 16 {
            self.spare.push(call);
        }
    }

    /// Forgets a thread that has ended.
    pub(crate) fn forget(&mut self, pid_tgid: u64) {
        if !self.waiting.is_empty() {
            self.waiting.retain(|(key, _), _| *key != pid_tgid);
        }
    }

    /// Follows a thread that took over its leader's id.
    pub(crate) fn rekey(&mut self, from: u64, to: u64) {
        for slot in 0..=layout::FUNCTION_SLOTS as u32 {
            if let Some(call) = self.waiting.remove(&(from, slot)) {
                self.waiting.insert((to, slot), call);
            }
        }
    }
}

impl Call {
    fn reset(&mut self, entry_time: u64) {
        self.entry_time = entry_time;
        self.count = 0;
        self.in_sequence = true;
        self.captures = Default::default();
        for vector in &mut self.vectors {
            vector.used = false;
            vector.bytes.clear();
        }
    }

    /// Adds what the parts brought; `expected` is how many there should be.
    pub(crate) fn add_to<'a>(&'a self, captured: &mut Captured<'a>, expected: u16) {
        for words in self.captures.iter().flatten() {
            // SAFETY: the words are initialised, and bytes have no alignment to keep.
            let bytes = unsafe { std::slice::from_raw_parts(words.as_ptr().cast::<u8>(), words.len() * 8) };
            captured.add(bytes);
        }
        let whole = self.in_sequence && self.count == expected;
        for (capture, vector) in self.vectors.iter().enumerate().filter(|(_, vector)| vector.used) {
            if whole {
                captured.set(capture, Payload::Bytes(&vector.bytes));
            } else {
                // a list with a gap would be a false one
                captured.set(capture, Payload::Unreadable);
            }
        }
    }
}

impl Vector {
    /// Appends elements; one that is continued grows the element before it.
    fn append(&mut self, mut data: &[u8]) {
        self.used = true;
        while let Some((head, after)) = data.split_first_chunk::<4>() {
            let head = u32::from_ne_bytes(*head);
            let len = (head & (layout::ELEMENT_CONTINUED - 1)) as usize;
            let Some((bytes, rest)) = after.split_at_checked(len) else { return };
            data = rest;
            if head & layout::ELEMENT_CONTINUED != 0 && self.bytes.len() >= self.last + 4 {
                let place = self.last..self.last + 4;
                let old = self.bytes[place.clone()].first_chunk::<4>().map_or(0, |b| u32::from_ne_bytes(*b));
                self.bytes[place].copy_from_slice(&(old + len as u32).to_ne_bytes());
            } else {
                self.last = self.bytes.len();
                self.bytes.extend((head & !layout::ELEMENT_CONTINUED).to_ne_bytes());
            }
            self.bytes.extend(bytes);
        }
    }
}

/// A copy that is aligned as payloads are.
fn aligned(bytes: &[u8]) -> Vec<u64> {
    debug_assert!(bytes.len() >= size_of::<PayloadHead>());
    let words = bytes.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_ne_bytes(word)
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strings::{Element, Strings};

    fn element(head: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = (head | data.len() as u32).to_ne_bytes().to_vec();
        bytes.extend(data);
        bytes
    }

    #[test]
    fn a_string_over_several_parts_becomes_one() {
        let mut vector = Vector::default();
        vector.append(&[element(0, b"ls"), element(0, b"a long ")].concat());
        vector.append(&[element(layout::ELEMENT_CONTINUED, b"one"), element(0, b"end")].concat());
        let elements: Vec<_> = Strings::from_payload(&vector.bytes).iter().collect();
        assert_eq!(elements, [Element::Bytes(b"ls"), Element::Bytes(b"a long one"), Element::Bytes(b"end")]);
    }

    #[test]
    fn a_continuation_of_nothing_is_an_element() {
        let mut vector = Vector::default();
        vector.append(&element(layout::ELEMENT_CONTINUED, b"x"));
        assert_eq!(Strings::from_payload(&vector.bytes).iter().count(), 1);
    }

    #[test]
    fn a_lost_part_makes_the_list_unreadable() {
        let words = |data: &[u8]| {
            let mut bytes = vec![1, 0, 0, 0];
            bytes.extend((data.len() as u32).to_ne_bytes());
            bytes.extend(data);
            aligned(&bytes)
        };
        let mut parts = Parts::default();
        for number in [0, 2] {
            let head = Record { parts: number, entry_time: 5, pid_tgid: 9, ..Default::default() };
            let payload = words(&element(0, b"word"));
            // SAFETY: as in `add_to`.
            let bytes = unsafe { std::slice::from_raw_parts(payload.as_ptr().cast(), payload.len() * 8) };
            parts.add(&head, bytes, |_| true);
        }
        let head = Record { parts: 3, entry_time: 5, pid_tgid: 9, ..Default::default() };
        let call = parts.take(&head).unwrap();
        let mut captured = Captured::default();
        call.add_to(&mut captured, 3);
        assert_eq!(captured.get(1), Some(Payload::Unreadable));
    }
}
