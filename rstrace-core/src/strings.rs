//! A captured vector of strings (`argv`): the elements as the kernel side wrote them.
//!
//! Layout: per element a little-endian-of-the-host `u32` (length, and the bits below), then the bytes,
//! not padded. The bits are those of `probes-bpf/src/bpf/record.h`.

/// The element could not be read: its bytes are its address, 8 of them.
pub const UNREADABLE: u32 = 1 << 31;
/// The vector itself could not be read further: the bytes are the address where reading stopped, 8 of them.
pub const CUT: u32 = 1 << 30;
const LENGTH: u32 = CUT - 1;

/// A vector of strings in the traced process.
#[derive(Debug, Clone, Copy)]
pub struct Strings<'a> {
    bytes: &'a [u8],
}

/// One element of [`Strings`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element<'a> {
    /// A string without its terminator.
    Bytes(&'a [u8]),
    /// A string that could not be read, by its address.
    Unreadable(u64),
    /// The vector could not be read from this address on.
    Cut(u64),
}

impl<'a> Strings<'a> {
    /// From the payload of a capture. Malformed bytes end the iteration; they never panic.
    pub fn from_payload(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The elements in order.
    pub fn iter(self) -> impl Iterator<Item = Element<'a>> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let (head, after) = rest.split_first_chunk::<4>()?;
            let head = u32::from_ne_bytes(*head);
            let (bytes, after) = after.split_at_checked((head & LENGTH) as usize)?;
            rest = after;
            let address = || bytes.first_chunk::<8>().map(|b| u64::from_ne_bytes(*b));
            Some(match head & !LENGTH {
                0 => Element::Bytes(bytes),
                UNREADABLE => Element::Unreadable(address()?),
                _ => Element::Cut(address()?),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(elements: &[(u32, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (flags, data) in elements {
            bytes.extend((flags | data.len() as u32).to_ne_bytes());
            bytes.extend(*data);
        }
        bytes
    }

    #[test]
    fn elements_come_in_order() {
        let bytes =
            payload(&[(0, b"ls"), (0, b""), (UNREADABLE, &16u64.to_ne_bytes()), (CUT, &32u64.to_ne_bytes())]);
        let elements: Vec<_> = Strings::from_payload(&bytes).iter().collect();
        assert_eq!(
            elements,
            [Element::Bytes(b"ls"), Element::Bytes(b""), Element::Unreadable(16), Element::Cut(32)]
        );
    }

    #[test]
    fn hostile_bytes_end_the_iteration() {
        for cut in 0..12 {
            let mut bytes = payload(&[(0, b"ab"), (0, b"cdef")]);
            bytes.truncate(cut);
            assert!(Strings::from_payload(&bytes).iter().count() <= 2);
        }
        let bytes = payload(&[(UNREADABLE, b"abc")]);
        assert_eq!(Strings::from_payload(&bytes).iter().count(), 0);
    }
}
