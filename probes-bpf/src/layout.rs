//! The layout of what the kernel side and user space exchange, as `src/bpf/record.h` defines it.
//!
//! The structures are generated from the object's own BTF, so that there is one definition; the constants,
//! which BTF does not carry, stand here again and are compared with the header by a test.

pub use crate::types::{
    capture as Capture, config as Config, counters as Counters, inflight as Inflight,
    inflight_key as InflightKey, pair as Pair, record as Record,
};

/// The head of a payload: capture, status and length of the data behind it, which is padded to 8 bytes.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub struct PayloadHead {
    /// Index of the capture in its pair.
    pub capture: u16,
    /// One of the `PAYLOAD_` constants.
    pub status: u16,
    /// Bytes of data, without the padding.
    pub len: u32,
}

/// Declares constants whose values a test finds again in record.h, under the same names.
macro_rules! constants {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $value:expr;)*) => {
        $($(#[$doc])* pub const $name: $type = $value;)*
        #[cfg(test)]
        const CONSTANTS: &[(&str, u64)] = &[$((stringify!($name), $name as u64)),*];
    };
}

constants! {
    /// Kernel functions that can be attached to at once.
    FUNCTION_SLOTS: usize = 8;
    /// Larger than any syscall number in use.
    MAX_SYSCALLS: usize = 512;
    /// Captured bytes that wait in the in-flight map.
    INLINE_LEN: usize = 256;
    /// Arguments of a call.
    MAX_ARGS: usize = 6;
    /// Captures of a pair.
    MAX_CAPTURES: usize = 6;
    /// The most that one capture brings.
    MAX_CAPTURE_LEN: usize = 4096;

    /// A pair is complete.
    RECORD_CALL: u16 = 1;
    /// Captures of a call that follows.
    RECORD_PART: u16 = 2;
    /// A thread or process was made.
    RECORD_FORK: u16 = 3;
    /// A program was executed.
    RECORD_EXEC: u16 = 4;
    /// A thread ended.
    RECORD_EXIT: u16 = 5;

    /// The call was made by the 32-bit table.
    CALL_COMPAT: u16 = 1 << 0;
    /// Only the return was seen.
    CALL_NO_ENTRY: u16 = 1 << 1;
    /// The thread died in it.
    CALL_DIED: u16 = 1 << 2;

    /// The payload is all there was.
    PAYLOAD_WHOLE: u16 = 0;
    /// There was more.
    PAYLOAD_CUT: u16 = 1;
    /// Nothing could be read.
    PAYLOAD_UNREADABLE: u16 = 2;

    /// An element that could not be read.
    ELEMENT_UNREADABLE: u32 = 1 << 31;
    /// The vector could not be read further.
    ELEMENT_CUT: u32 = 1 << 30;
    /// The element goes on where the one before ended.
    ELEMENT_CONTINUED: u32 = 1 << 29;

    /// The capture is read at entry, or at return if it was not resident.
    WHEN_ENTRY: u8 = 0;
    /// The capture is read at return.
    WHEN_RETURN: u8 = 1;
    /// A C string of the process.
    WHAT_STRING: u8 = 0;
    /// Bytes of a fixed number.
    WHAT_BYTES: u8 = 1;
    /// Bytes whose number an argument holds.
    WHAT_BYTES_BY_ARG: u8 = 2;
    /// Bytes whose number the result holds.
    WHAT_BYTES_BY_RETURN: u8 = 3;
    /// A vector of strings.
    WHAT_STRINGS: u8 = 4;
    /// The length of a vector of pointers.
    WHAT_POINTER_COUNT: u8 = 5;
    /// A C string of the kernel behind a pointer in a structure.
    WHAT_KERNEL_STRING: u8 = 6;
    /// The parent's thread group id.
    WHAT_PARENT: u8 = 7;

    /// Everything is traced.
    SCOPE_ALL: u32 = 0;
    /// One process is traced.
    SCOPE_TGID: u32 = 1;
    /// Processes of a set are traced.
    SCOPE_TGIDS: u32 = 2;
    /// Threads of a set are traced.
    SCOPE_TIDS: u32 = 3;

    /// Records go through a perf buffer.
    TRANSPORT_PERF: u32 = 0;
    /// Records go through a ring buffer.
    TRANSPORT_RING: u32 = 1;

    /// The syscall is traced by a function that carries it out.
    BY_FUNCTION: u16 = 0x8000;

    /// Calls, counted before anything can fail.
    COUNT_SEEN: usize = 0;
    /// Lost: no room in the transport.
    COUNT_BUFFER_FULL: usize = 1;
    /// Entries without a place in the in-flight map.
    COUNT_INFLIGHT_FULL: usize = 2;
    /// Entries whose place was locked.
    COUNT_INFLIGHT_BUSY: usize = 3;
    /// Lost: the return was never seen.
    COUNT_NO_RETURN: usize = 4;
    /// Lost: the entry was never seen.
    COUNT_NO_ENTRY: usize = 5;
    /// Lost: inside a call of the same function.
    COUNT_NESTED: usize = 6;
    /// Parts without room.
    COUNT_PART_LOST: usize = 7;
    /// Points without room.
    COUNT_POINT_LOST: usize = 8;
    /// Children without room in the follow set.
    COUNT_NOT_FOLLOWED: usize = 9;
    /// How many counters there are.
    COUNTERS: usize = 10;

    /// The lane of the first function slot; two each.
    LANE_FUNCTIONS: u32 = 7;
}

// SAFETY: integers and arrays of them, without padding (a test checks that), valid for any bytes.
unsafe impl plain::Plain for Record {}
// SAFETY: as above.
unsafe impl plain::Plain for PayloadHead {}
// SAFETY: as above.
unsafe impl plain::Plain for Pair {}
// SAFETY: as above.
unsafe impl plain::Plain for Counters {}
// SAFETY: as above.
unsafe impl plain::Plain for Inflight {}
// SAFETY: as above.
unsafe impl plain::Plain for InflightKey {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// The constants of the headers: `#define NAME value`, and enumerators with and without a value.
    fn header_constants() -> HashMap<String, u64> {
        let mut found = HashMap::new();
        for text in [include_str!("bpf/record.h"), include_str!("bpf/engine.h")] {
            let mut next = None;
            for line in text.lines().map(str::trim) {
                let code = line.split("/*").next().unwrap_or("").trim();
                if let Some(rest) = code.strip_prefix("#define ") {
                    if let Some((name, value)) = rest.split_once(' ') {
                        found.extend(number(value).map(|n| (name.to_owned(), n)));
                    }
                } else if code.starts_with("enum ") && code.ends_with('{') {
                    next = Some(0);
                } else if code.starts_with('}') {
                    next = None;
                } else if let (Some(value), Some(item)) = (next, code.strip_suffix(',')) {
                    let (name, value) = match item.split_once(" = ") {
                        Some((name, text)) => (name, number(text).expect("an enumerator's value")),
                        None => (item, value),
                    };
                    found.insert(name.to_owned(), value);
                    next = Some(value + 1);
                }
            }
        }
        found
    }

    fn number(text: &str) -> Option<u64> {
        let text = text.trim_matches(['(', ')']);
        if let Some((one, shift)) = text.split_once(" << ") {
            return Some(number(one)? << number(shift)?);
        }
        let text = text.trim_end_matches(['U', 'L']);
        match text.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16).ok(),
            None => text.parse().ok(),
        }
    }

    #[test]
    fn constants_agree_with_the_header() {
        let header = header_constants();
        for (name, value) in CONSTANTS {
            assert_eq!(header.get(*name), Some(value), "{name} in record.h or engine.h");
        }
    }

    #[test]
    fn the_header_of_a_payload_agrees() {
        let text = include_str!("bpf/record.h");
        let body = text.split("struct payload {").nth(1).unwrap().split('}').next().unwrap();
        let fields: Vec<_> =
            body.lines().filter_map(|l| l.trim().split(';').next()).filter(|l| !l.is_empty()).collect();
        assert_eq!(fields, ["u16 capture", "u16 status", "u32 len"]);
        assert_eq!(size_of::<PayloadHead>(), 8);
    }

    /// Structures that travel as bytes have no hole: their size is the sum of their members.
    #[test]
    fn records_have_no_padding() {
        assert_eq!(size_of::<Record>(), 4 + 2 + 2 + 8 * 3 + 8 + 8 * 6 + 4 + 4 + 2 + 2 + 4);
        assert_eq!(size_of::<Inflight>(), 8 + 8 * 6 + 8 + 4 + 4 + 2 * 4 + 4 + 4 + 256);
        assert_eq!(size_of::<InflightKey>(), 16);
        assert_eq!(size_of::<Capture>(), 4 + 4 + 4);
        assert_eq!(size_of::<Pair>(), 2 + 2 + MAX_CAPTURES * 12);
        assert_eq!(size_of::<Counters>(), 8 * COUNTERS);
    }
}
