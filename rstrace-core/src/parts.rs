//! Captures that went ahead of their call in parts, because they were too long to wait in the kernel:
//! kept per thread until the call comes, joined where one capture spans several parts.

use std::collections::HashMap;

use rstrace_probes_bpf::layout;

use crate::memory::{At, Payloads, Piece, bytes_of, encode, extend};
use crate::probe::{MAX_CAPTURES, Payload};
use crate::record::Record;

/// The parts of calls that are still under way.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    // a thread is in one call per slot
    waiting: HashMap<(u64, u32), Box<Call>>,
    /// Emptied calls, so that their memory is used again.
    #[expect(clippy::vec_box, reason = "a call is large, and goes from here to where calls wait and back")]
    spare: Vec<Box<Call>>,
}

/// The parts of one call.
#[derive(Debug, Default)]
pub struct Call {
    entry_time: u64,
    /// How many came; a part that was lost leaves a gap.
    count: u16,
    in_sequence: bool,
    /// All parts came, as far as the call itself can say.
    whole: bool,
    /// Payloads with their heads, but for vectors of strings.
    payloads: Vec<u64>,
    /// Where the head of the last payload is, in words.
    last: Option<usize>,
    vectors: [Vector; MAX_CAPTURES],
}

/// A vector of strings, joined over its parts.
#[derive(Debug, Default)]
struct Vector {
    used: bool,
    address: u64,
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
        for piece in Payloads(payloads) {
            match piece.payload {
                Payload::Bytes(data) if is_vector(piece.capture) && piece.capture < MAX_CAPTURES => {
                    call.vectors[piece.capture].append(piece.address, data);
                }
                _ => call.append(&piece),
            }
        }
    }

    /// The parts of a call that is complete now; these payloads came with itself, and the first of them may go on
    /// where the last part ended.
    pub(crate) fn take(&mut self, head: &Record, payloads: &[u8]) -> Option<Box<Call>> {
        if head.parts == 0 {
            return None;
        }
        let mut call = self.waiting.remove(&(head.pid_tgid, head.slot))?;
        if call.entry_time != head.entry_time {
            self.give_back(call);
            return None;
        }
        call.whole = call.in_sequence && call.count == head.parts;
        if let Some(first) = Payloads(payloads).next().filter(|_| call.whole) {
            call.join(&first);
        }
        Some(call)
    }

    /// The parts of a call that is under way, if there are any.
    pub(crate) fn of(&self, head: &Record) -> Option<&Call> {
        let call = self.waiting.get(&(head.pid_tgid, head.slot))?;
        (call.entry_time == head.entry_time).then_some(call)
    }

    /// Takes back what `take` gave, to be used again.
    pub(crate) fn give_back(&mut self, call: Box<Call>) {
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
        self.payloads.clear();
        self.last = None;
        for vector in &mut self.vectors {
            vector.used = false;
            vector.bytes.clear();
        }
    }

    /// Keeps a payload; one that goes on where the last one of the same capture ended is joined to it.
    fn append(&mut self, piece: &Piece<'_>) {
        if !self.join(piece) {
            self.last = Some(self.payloads.len());
            extend(&mut self.payloads, encode(std::slice::from_ref(piece)).as_bytes());
        }
    }

    /// Joins a payload to the last one, if it goes on where that ended.
    fn join(&mut self, piece: &Piece<'_>) -> bool {
        let Some(place) = self.last else { return false };
        let last = Payloads(bytes_of(&self.payloads[place..])).next();
        let goes_on = |last: &Piece<'_>| {
            (last.capture, last.at) == (piece.capture, piece.at)
                && matches!(last.payload, Payload::Cut(_))
                && last.address.wrapping_add(last.payload.bytes().len() as u64) == piece.address
        };
        let Some(last) = last.filter(goes_on) else { return false };
        let joined = [last.payload.bytes(), piece.payload.bytes()].concat();
        let payload = match piece.payload {
            Payload::Bytes(_) => Payload::Bytes(&joined),
            Payload::Cut(_) => Payload::Cut(&joined),
            Payload::Unreadable(_) => Payload::Unreadable(&joined),
            Payload::NoRoom(_) => Payload::NoRoom(&joined),
        };
        let joined = encode(&[Piece { address: last.address, payload, ..*piece }]);
        self.payloads.truncate(place);
        extend(&mut self.payloads, joined.as_bytes());
        true
    }

    /// Whether no part of it was lost.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    /// What the parts brought.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        let vectors = self.vectors.iter().enumerate().filter(|(_, vector)| vector.used);
        let vectors = vectors.map(|(capture, vector)| Piece {
            capture,
            at: At::Entry,
            address: vector.address,
            // a list with a gap would be a false one
            made: true,
            payload: if self.whole { Payload::Bytes(&vector.bytes) } else { Payload::NoRoom(&[]) },
        });
        Payloads(bytes_of(&self.payloads)).chain(vectors)
    }
}

impl Vector {
    /// Appends elements; one that is continued grows the element before it.
    fn append(&mut self, address: u64, mut data: &[u8]) {
        if !self.used {
            self.address = address;
        }
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
        vector.append(0x10, &[element(0, b"ls"), element(0, b"a long ")].concat());
        vector.append(0x10, &[element(layout::ELEMENT_CONTINUED, b"one"), element(0, b"end")].concat());
        let elements: Vec<_> = Strings::from_payload(&vector.bytes).iter().collect();
        assert_eq!(elements, [Element::Bytes(b"ls"), Element::Bytes(b"a long one"), Element::Bytes(b"end")]);
    }

    #[test]
    fn a_continuation_of_nothing_is_an_element() {
        let mut vector = Vector::default();
        vector.append(0x10, &element(layout::ELEMENT_CONTINUED, b"x"));
        assert_eq!(Strings::from_payload(&vector.bytes).iter().count(), 1);
    }

    fn part(parts: u16, piece: &Piece<'_>) -> (Record, crate::memory::Encoded) {
        let head = Record { parts, entry_time: 5, pid_tgid: 9, ..Default::default() };
        (head, encode(std::slice::from_ref(piece)))
    }

    fn joined(numbers: &[u16], pieces: &[Piece<'_>], vector: bool) -> Option<Box<Call>> {
        let mut parts = Parts::default();
        for (number, piece) in numbers.iter().zip(pieces) {
            let (head, payload) = part(*number, piece);
            parts.add(&head, payload.as_bytes(), |_| vector);
        }
        parts.take(&Record { parts: 2, entry_time: 5, pid_tgid: 9, ..Default::default() }, &[])
    }

    #[test]
    fn a_lost_part_makes_the_list_unreadable() {
        let word = element(0, b"word");
        let piece =
            Piece { capture: 1, at: At::Entry, address: 0x10, payload: Payload::Bytes(&word), made: true };
        let call = joined(&[0, 2], &[piece, piece], true).unwrap();
        assert!(!call.is_whole());
        assert_eq!(call.pieces().next().unwrap().payload, Payload::NoRoom(&[]));
        let call = joined(&[0, 1], &[piece, piece], true).unwrap();
        assert_eq!(
            call.pieces().next().unwrap().payload,
            Payload::Bytes(&[word.clone(), word.clone()].concat())
        );
    }

    #[test]
    fn a_buffer_over_two_parts_or_a_part_and_its_call_becomes_one() {
        let piece = |address, payload| Piece { capture: 3, at: At::Return, address, payload, made: false };
        let pieces = [piece(0x1000, Payload::Cut(b"long")), piece(0x1004, Payload::Bytes(b" one"))];
        let call = joined(&[0, 1], &pieces, false).unwrap();
        assert_eq!(call.pieces().collect::<Vec<_>>(), [piece(0x1000, Payload::Bytes(b"long one"))]);
        let mut parts = Parts::default();
        let (head, payload) = part(0, &pieces[0]);
        parts.add(&head, payload.as_bytes(), |_| false);
        let (head, payload) = part(1, &pieces[1]);
        let call = parts.take(&head, payload.as_bytes()).unwrap();
        assert_eq!(call.pieces().collect::<Vec<_>>(), [piece(0x1000, Payload::Bytes(b"long one"))]);
        let pieces = [piece(0x1000, Payload::Cut(b"long")), piece(0x1008, Payload::Bytes(b"else"))];
        assert_eq!(joined(&[0, 1], &pieces, false).unwrap().pieces().count(), 2);
    }
}
