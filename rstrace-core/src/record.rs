//! Records as they come from the kernel side: checked and read in place.
//!
//! The bytes are the kernel side's own, but a reader that trusts lengths is one bug away from a crash as root:
//! whatever does not fit is refused.

use rstrace_probes_bpf::layout::{self, PayloadHead};

pub(crate) use layout::Record;

use crate::probe::{MAX_CAPTURES, Payload};

/// Splits a record into its head and its payloads; `None` if it is too short for what it says.
pub(crate) fn parse(bytes: &[u8]) -> Option<(&Record, &[u8])> {
    let head: &Record = plain::from_bytes(bytes).ok()?;
    let payloads = bytes.get(size_of::<Record>()..head.size as usize)?;
    Some((head, payloads))
}

/// What was captured for one call, by capture.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Captured<'a> {
    payloads: [Option<Payload<'a>>; MAX_CAPTURES],
}

impl<'a> Captured<'a> {
    /// Adds the payloads of a record or part. A capture that was made twice keeps what could be read.
    pub(crate) fn add(&mut self, mut bytes: &'a [u8]) {
        while let Some((capture, payload, rest)) = next_payload(bytes) {
            bytes = rest;
            if let Some(place) = self.payloads.get_mut(capture)
                && matches!(place, None | Some(Payload::Unreadable))
            {
                *place = Some(payload);
            }
        }
    }

    /// Says what a capture brought, whatever was known before.
    pub(crate) fn set(&mut self, capture: usize, payload: Payload<'a>) {
        self.payloads[capture] = Some(payload);
    }

    pub(crate) fn get(&self, capture: usize) -> Option<Payload<'a>> {
        *self.payloads.get(capture)?
    }
}

/// The first payload of the bytes and what stands behind it.
pub(crate) fn next_payload(bytes: &[u8]) -> Option<(usize, Payload<'_>, &[u8])> {
    let head: &PayloadHead = plain::from_bytes(bytes).ok()?;
    let rest = &bytes[size_of::<PayloadHead>()..];
    let len = head.len as usize;
    let data = rest.get(..len)?;
    let rest = rest.get(len.checked_next_multiple_of(8)?..).unwrap_or(&[]);
    let payload = match head.status {
        layout::PAYLOAD_WHOLE => Payload::Bytes(data),
        layout::PAYLOAD_CUT => Payload::Cut(data),
        _ => Payload::Unreadable,
    };
    Some((head.capture.into(), payload, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes at an address that is a multiple of 8, as both transports hand them out.
    struct Aligned(Vec<u64>, usize);

    impl Aligned {
        fn new(bytes: &[u8]) -> Self {
            let words = bytes.chunks(8).map(|chunk| {
                let mut word = [0; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                u64::from_ne_bytes(word)
            });
            Self(words.collect(), bytes.len())
        }

        fn bytes(&self) -> &[u8] {
            // SAFETY: the words are initialised and at least as long.
            unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.1) }
        }
    }

    fn payload(capture: u16, status: u16, data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(capture.to_ne_bytes());
        bytes.extend(status.to_ne_bytes());
        bytes.extend((data.len() as u32).to_ne_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    fn record(payloads: &[u8]) -> Vec<u8> {
        let head = Record {
            size: (size_of::<Record>() + payloads.len()) as u32,
            kind: layout::RECORD_CALL,
            ..Default::default()
        };
        // SAFETY: plain data without padding.
        let mut bytes = unsafe { plain::as_bytes(&head) }.to_vec();
        bytes.extend(payloads);
        bytes
    }

    #[test]
    fn payloads_are_found_by_their_capture() {
        let bytes = [payload(2, 0, b"/etc/hosts"), payload(0, 1, b"cut"), payload(5, 2, b"")].concat();
        let aligned = Aligned::new(&record(&bytes));
        let (_, payloads) = parse(aligned.bytes()).unwrap();
        let mut captured = Captured::default();
        captured.add(payloads);
        assert_eq!(captured.get(2), Some(Payload::Bytes(b"/etc/hosts")));
        assert_eq!(captured.get(0), Some(Payload::Cut(b"cut")));
        assert_eq!(captured.get(5), Some(Payload::Unreadable));
        assert_eq!(captured.get(1), None);
        assert_eq!(captured.get(99), None);
    }

    #[test]
    fn what_could_be_read_later_replaces_what_could_not() {
        let bytes = [payload(0, 2, b""), payload(0, 0, b"x"), payload(0, 0, b"y")].concat();
        let aligned = Aligned::new(&bytes);
        let mut captured = Captured::default();
        captured.add(aligned.bytes());
        assert_eq!(captured.get(0), Some(Payload::Bytes(b"x")));
    }

    #[test]
    fn a_record_cut_anywhere_is_refused_or_shorter() {
        let whole = record(&payload(1, 0, b"some longer payload"));
        for len in 0..whole.len() {
            assert!(parse(Aligned::new(&whole[..len]).bytes()).is_none(), "{len}");
        }
    }

    /// Every byte of a record set to extreme values: nothing may panic or read outside.
    #[test]
    fn hostile_lengths_are_refused() {
        let whole = record(&[payload(1, 0, b"some longer payload"), payload(3, 0, b"z")].concat());
        for place in 0..whole.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[place] = value;
                let aligned = Aligned::new(&bytes);
                if let Some((_, payloads)) = parse(aligned.bytes()) {
                    let mut captured = Captured::default();
                    captured.add(payloads);
                }
            }
        }
    }
}
