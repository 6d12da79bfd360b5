//! Records as they come from the kernel side: checked and read in place.
//!
//! The bytes are the kernel side's own, but a reader that trusts lengths is one bug away from a crash as root:
//! whatever does not fit is refused.

pub(crate) use rstrace_probes_bpf::layout::Record;

/// Splits a record into its head and its payloads; `None` if it is too short for what it says.
pub(crate) fn parse(bytes: &[u8]) -> Option<(&Record, &[u8])> {
    let head: &Record = plain::from_bytes(bytes).ok()?;
    let payloads = bytes.get(size_of::<Record>()..head.size as usize)?;
    Some((head, payloads))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{bytes_of, extend};

    #[test]
    fn a_record_cut_anywhere_is_refused() {
        let head = Record { size: size_of::<Record>() as u32 + 24, ..Default::default() };
        let mut words = Vec::new();
        // SAFETY: plain data without padding.
        extend(&mut words, unsafe { plain::as_bytes(&head) });
        extend(&mut words, &[7; 24]);
        let whole = bytes_of(&words);
        assert_eq!(parse(whole).unwrap().1, [7; 24]);
        for len in 0..whole.len() {
            assert!(parse(&whole[..len]).is_none(), "{len}");
        }
    }
}
