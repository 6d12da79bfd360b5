//! Records one after the other in a block of words, as the ring buffer has them: a head of 8 bytes, whose first four are
//! the length and two flags, then the record, filled up to a multiple of 8.

use crate::memory::{bytes_of, extend};

/// `BPF_RINGBUF_BUSY_BIT` and `BPF_RINGBUF_DISCARD_BIT` (linux/bpf.h), and the size of the head.
const BUSY: u32 = 1 << 31;
const DISCARDED: u32 = 1 << 30;
const HEAD: usize = 8;

/// Bytes of the frame that has this head; `None` while it is being written.
pub(super) fn len_of(head: u32) -> Option<usize> {
    (head & BUSY == 0).then(|| HEAD + ((head & !DISCARDED) as usize).next_multiple_of(8))
}

/// Appends a record.
pub(super) fn push(words: &mut Vec<u64>, record: &[u8]) {
    words.push(record.len() as u64);
    extend(words, record);
}

/// The records of a block.
pub(super) fn records(words: &[u64]) -> impl Iterator<Item = &[u8]> {
    let mut rest = words;
    std::iter::from_fn(move || {
        loop {
            let (head, behind) = rest.split_first()?;
            let head = *head as u32;
            let words = len_of(head)?.checked_sub(HEAD)? / 8;
            let record;
            (record, rest) = behind.split_at_checked(words)?;
            if head & DISCARDED == 0 {
                return bytes_of(record).get(..head as usize);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_out_as_they_went_in_but_for_the_discarded() {
        let mut words = Vec::new();
        push(&mut words, b"one");
        push(&mut words, b"discarded");
        push(&mut words, b"threefold");
        words[2] |= u64::from(DISCARDED);
        assert_eq!(records(&words).collect::<Vec<_>>(), [&b"one"[..], b"threefold"]);
    }

    #[test]
    fn what_is_not_whole_ends_the_block() {
        let mut words = Vec::new();
        push(&mut words, b"first");
        push(&mut words, b"second one");
        words.pop();
        assert_eq!(records(&words).count(), 1);
        assert_eq!(len_of(5 | BUSY), None);
    }
}
