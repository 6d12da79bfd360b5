//! What was copied from the traced process for one call: pieces of its memory, by capture and by address.

use rstrace_probes_bpf::layout::{self, PayloadHead};

use crate::parts;
use crate::probe::Payload;

/// When a piece of memory was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Before the call changed anything.
    Entry,
    /// After it.
    Return,
}

/// One piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Index of the capture in its pair.
    pub capture: usize,
    /// When it was read.
    pub at: At,
    /// Where it stood.
    pub address: u64,
    /// What it is.
    pub payload: Payload<'a>,
    /// Whether these are not the bytes that stood there but something that was made of them.
    pub made: bool,
}

/// The pieces of memory that were captured for a call.
///
/// They are looked for in place, one after the other: there are few.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory<'a> {
    /// Payloads with their heads, as the record has them.
    record: &'a [u8],
    /// What went ahead in parts.
    parts: Option<&'a parts::Call>,
}

impl<'a> Memory<'a> {
    /// The payloads of a record, which are aligned to 8 bytes, and of its parts.
    pub(crate) fn new(record: &'a [u8], parts: Option<&'a parts::Call>) -> Self {
        Self { record, parts }
    }

    /// For tests: payloads as [`encode`] makes them.
    #[doc(hidden)]
    pub fn of_bytes(record: &'a [u8]) -> Self {
        Self { record, parts: None }
    }

    /// All pieces, those that went ahead first.
    pub fn pieces(&self) -> impl Iterator<Item = Piece<'a>> + use<'a> {
        let mut ahead = self.parts.map(parts::Call::pieces);
        let mut record = Payloads(self.record);
        // a chain of iterators costs several times as much where nothing went ahead
        std::iter::from_fn(move || {
            if let Some(piece) = ahead.as_mut().and_then(Iterator::next) {
                return Some(piece);
            }
            ahead = None;
            record.next()
        })
    }

    /// What the capture with this index brought first that could be read, else what it brought at all.
    pub fn of_capture(&self, capture: usize) -> Option<Payload<'a>> {
        let mut found = None;
        for piece in self.pieces().filter(|piece| piece.capture == capture) {
            match piece.payload {
                Payload::Unreadable([]) | Payload::NoRoom([]) => found = found.or(Some(piece.payload)),
                payload => return Some(payload),
            }
        }
        found
    }

    /// The memory from an address on, as far as it was captured in one piece: the longest, as objects may
    /// overlap. `at` says which state is meant: of [`At::Entry`] what could be read only later is taken for want
    /// of it.
    pub fn from(&self, address: u64, at: At) -> Option<Payload<'a>> {
        let mut found: Option<(bool, Payload<'a>)> = None;
        for piece in self.pieces().filter(|piece| !piece.made) {
            let Some(offset) = address.checked_sub(piece.address) else { continue };
            let bytes = piece.payload.bytes();
            if offset > bytes.len() as u64 || (offset == bytes.len() as u64 && offset > 0) {
                continue;
            }
            let rest = &bytes[offset as usize..];
            let payload = match piece.payload {
                Payload::Bytes(_) => Payload::Bytes(rest),
                Payload::Cut(_) => Payload::Cut(rest),
                Payload::Unreadable(_) => Payload::Unreadable(rest),
                Payload::NoRoom(_) => Payload::NoRoom(rest),
            };
            let meant = piece.at == at && !rest.is_empty();
            let better =
                found.is_none_or(|(before, other)| (meant, rest.len()) > (before, other.bytes().len()));
            if better && (meant || at == At::Entry || piece.at == at) {
                found = Some((meant, payload));
            }
        }
        found.map(|(_, payload)| payload)
    }

    /// What stands before an address in the piece that it was captured with.
    pub fn before(&self, address: u64, at: At) -> &'a [u8] {
        let reaches = |piece: &Piece<'a>| {
            address
                .checked_sub(piece.address)
                .is_some_and(|offset| offset < piece.payload.bytes().len() as u64)
        };
        let found = self.pieces().find(|piece| piece.at == at && !piece.made && reaches(piece));
        found.map_or(&[], |piece| &piece.payload.bytes()[..(address - piece.address) as usize])
    }

    /// The longest piece of memory that was captured from exactly this address on, in the state that
    /// [`Memory::from`] would take.
    pub fn most_from(&self, address: u64, at: At) -> Option<Payload<'a>> {
        let pieces = self.pieces().filter(|piece| !piece.made && piece.address == address);
        let pieces = pieces.filter(|piece| at == At::Entry || piece.at == at);
        let longest = pieces.max_by_key(|piece| (piece.at == at, piece.payload.bytes().len()))?;
        Some(longest.payload)
    }

    /// What was made of the memory at an address: a vector of strings, or its length. If captures made two things
    /// of it, because one vector is passed twice, that of the first capture.
    pub fn made(&self, address: u64) -> Option<Payload<'a>> {
        self.all_made(address).min_by_key(|piece| piece.capture).map(|piece| piece.payload)
    }

    /// Likewise, that of the last capture.
    pub fn last_made(&self, address: u64) -> Option<Payload<'a>> {
        self.all_made(address).max_by_key(|piece| piece.capture).map(|piece| piece.payload)
    }

    fn all_made(&self, address: u64) -> impl Iterator<Item = Piece<'a>> + use<'a> {
        self.pieces().filter(move |piece| piece.made && piece.address == address)
    }

    /// So many bytes at an address, all of them.
    pub fn bytes(&self, address: u64, len: usize, at: At) -> Option<&'a [u8]> {
        self.from(address, at)?.bytes().get(..len)
    }
}

/// Payloads with their heads, one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Payloads<'a>(pub &'a [u8]);

impl<'a> Iterator for Payloads<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let head: &PayloadHead = plain::from_bytes(self.0).ok()?;
        let rest = &self.0[size_of::<PayloadHead>()..];
        let len = head.len as usize;
        let data = rest.get(..len)?;
        self.0 = rest.get(len.checked_next_multiple_of(8)?..).unwrap_or(&[]);
        let payload = match head.status & 0xff {
            layout::PAYLOAD_WHOLE => Payload::Bytes(data),
            layout::PAYLOAD_CUT => Payload::Cut(data),
            layout::PAYLOAD_UNREADABLE => Payload::Unreadable(data),
            _ => Payload::NoRoom(data),
        };
        let at = if head.status & layout::PAYLOAD_AT_RETURN != 0 { At::Return } else { At::Entry };
        let made = head.status & layout::PAYLOAD_MADE != 0;
        Some(Piece { capture: head.capture.into(), at, address: head.address, payload, made })
    }
}

/// Payloads as the kernel side writes them, for tests of decoders and for recorded calls.
pub fn encode(pieces: &[Piece<'_>]) -> Encoded {
    let mut words = Vec::new();
    for piece in pieces {
        let status = match piece.payload {
            Payload::Bytes(_) => layout::PAYLOAD_WHOLE,
            Payload::Cut(_) => layout::PAYLOAD_CUT,
            Payload::Unreadable(_) => layout::PAYLOAD_UNREADABLE,
            Payload::NoRoom(_) => layout::PAYLOAD_NO_ROOM,
        };
        let at = if piece.at == At::Return { layout::PAYLOAD_AT_RETURN } else { 0 };
        let made = if piece.made { layout::PAYLOAD_MADE } else { 0 };
        let bytes = piece.payload.bytes();
        let head = PayloadHead {
            capture: piece.capture as u16,
            status: status | at | made,
            len: bytes.len() as u32,
            address: piece.address,
        };
        // SAFETY: plain data without padding.
        extend(&mut words, unsafe { plain::as_bytes(&head) });
        extend(&mut words, bytes);
    }
    Encoded(words)
}

/// What [`encode`] makes: bytes at an address that is a multiple of 8.
#[derive(Debug, Clone, Default)]
pub struct Encoded(Vec<u64>);

impl Encoded {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        bytes_of(&self.0)
    }

    /// The same as words.
    pub(crate) fn words(&self) -> &[u64] {
        &self.0
    }

    /// What a decoder reads.
    pub fn memory(&self) -> Memory<'_> {
        Memory::of_bytes(self.as_bytes())
    }
}

/// Appends bytes as words, the last one filled up with zeros.
pub(crate) fn extend(words: &mut Vec<u64>, bytes: &[u8]) {
    let (whole, rest) = bytes.as_chunks::<8>();
    words.extend(whole.iter().map(|word| u64::from_ne_bytes(*word)));
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        words.push(u64::from_ne_bytes(word));
    }
}

/// The bytes of words.
pub(crate) fn bytes_of(words: &[u64]) -> &[u8] {
    // SAFETY: the words are initialised, and bytes have no alignment to keep.
    unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), words.len() * 8) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(capture: usize, at: At, address: u64, payload: Payload<'_>) -> Piece<'_> {
        Piece { capture, at, address, payload, made: false }
    }

    #[test]
    fn bytes_become_words_with_zeros_behind_the_last_one() {
        let mut words = vec![7];
        for len in 0..20u8 {
            let bytes: Vec<u8> = (1..=len).collect();
            words.truncate(1);
            extend(&mut words, &bytes);
            assert_eq!(words.len(), 1 + bytes.len().div_ceil(8));
            let (text, filling) = bytes_of(&words[1..]).split_at(bytes.len());
            assert_eq!((words[0], text), (7, &bytes[..]));
            assert!(filling.iter().all(|byte| *byte == 0), "{filling:?}");
        }
    }

    #[test]
    fn pieces_are_found_by_capture_and_by_address() {
        let encoded = encode(&[
            piece(2, At::Entry, 0x1000, Payload::Bytes(b"/etc/hosts")),
            piece(0, At::Entry, 0x2000, Payload::Cut(b"cut")),
            piece(5, At::Return, 0x3000, Payload::Unreadable(b"")),
        ]);
        let memory = encoded.memory();
        assert_eq!(memory.of_capture(2), Some(Payload::Bytes(b"/etc/hosts")));
        assert_eq!(memory.of_capture(0), Some(Payload::Cut(b"cut")));
        assert_eq!(memory.of_capture(5), Some(Payload::Unreadable(b"")));
        assert_eq!(memory.of_capture(1), None);
        assert_eq!(memory.of_capture(99), None);
        assert_eq!(memory.from(0x1005, At::Entry), Some(Payload::Bytes(b"hosts")));
        assert_eq!(memory.from(0x100a, At::Entry), None);
        assert_eq!(memory.bytes(0x1001, 3, At::Entry), Some(&b"etc"[..]));
        assert_eq!(memory.bytes(0x1001, 10, At::Entry), None);
        assert_eq!(memory.from(0x3000, At::Return), Some(Payload::Unreadable(b"")));
        assert_eq!(memory.before(0x1004, At::Entry), b"/etc");
        assert_eq!(memory.before(0x100a, At::Entry), b"");
        assert_eq!(memory.before(0x1004, At::Return), b"");
    }

    #[test]
    fn of_pieces_that_overlap_the_longest_counts() {
        let encoded = encode(&[
            piece(0, At::Entry, 0x10, Payload::Bytes(b"0")),
            piece(1, At::Entry, 0x10, Payload::Cut(b"012345")),
            piece(2, At::Entry, 0x11, Payload::Bytes(b"123")),
        ]);
        assert_eq!(encoded.memory().from(0x10, At::Entry), Some(Payload::Cut(b"012345")));
        assert_eq!(encoded.memory().from(0x11, At::Entry), Some(Payload::Cut(b"12345")));
    }

    #[test]
    fn the_state_before_and_after_a_call_are_two() {
        let encoded = encode(&[
            piece(0, At::Entry, 0x10, Payload::Bytes(b"old")),
            piece(1, At::Return, 0x10, Payload::Bytes(b"new")),
            piece(2, At::Return, 0x20, Payload::Bytes(b"late")),
        ]);
        let memory = encoded.memory();
        assert_eq!(memory.bytes(0x10, 3, At::Entry), Some(&b"old"[..]));
        assert_eq!(memory.bytes(0x10, 3, At::Return), Some(&b"new"[..]));
        assert_eq!(memory.bytes(0x20, 4, At::Entry), Some(&b"late"[..]));
        let early = encode(&[piece(0, At::Entry, 0x10, Payload::Bytes(b"old"))]);
        assert_eq!(early.memory().bytes(0x10, 3, At::Return), None);
    }

    #[test]
    fn what_could_be_read_later_replaces_what_could_not() {
        let encoded = encode(&[
            piece(0, At::Entry, 0x10, Payload::Unreadable(b"")),
            piece(0, At::Return, 0x10, Payload::Bytes(b"x")),
        ]);
        assert_eq!(encoded.memory().of_capture(0), Some(Payload::Bytes(b"x")));
        assert_eq!(encoded.memory().bytes(0x10, 1, At::Entry), Some(&b"x"[..]));
    }

    /// Every byte set to extreme values: nothing may panic or read outside.
    #[test]
    fn hostile_lengths_are_refused() {
        let good = encode(&[
            piece(1, At::Entry, 0x10, Payload::Bytes(b"some longer payload")),
            piece(3, At::Return, 0x20, Payload::Bytes(b"z")),
        ]);
        for place in 0..good.as_bytes().len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut words = good.0.clone();
                let shift = place % 8 * 8;
                words[place / 8] = words[place / 8] & !(0xff << shift) | value << shift;
                let bad = Encoded(words);
                bad.memory().pieces().for_each(drop);
                for len in 0..bad.as_bytes().len() {
                    Memory::of_bytes(&bad.as_bytes()[..len]).pieces().for_each(drop);
                }
            }
        }
    }
}
