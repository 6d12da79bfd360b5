//! The layout of what the kernel side and user space exchange, as `src/bpf/record.h` defines it.
//!
//! The structures are generated from the object's own BTF, so that there is one definition; the constants,
//! which BTF does not carry, stand here again and are compared with the header by a test.

pub use crate::types::{
    arg_test as ArgTest, arg_tests as ArgTests, capture as Capture, config as Config, counters as Counters,
    filter as Filter, inflight as Inflight, pair as Pair, record as Record, tally as Tally,
    tally_config as TallyConfig, tally_key as TallyKey, tally_times as TallyTimes, variant_key as VariantKey,
};

/// The head of a payload: capture, status, length and origin of the data behind it, which is padded to 8 bytes.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub struct PayloadHead {
    /// Index of the capture in its pair.
    pub capture: u16,
    /// One of the `PAYLOAD_` constants, and [`PAYLOAD_AT_RETURN`].
    pub status: u16,
    /// Bytes of data, without the padding.
    pub len: u32,
    /// Where they stood in the process.
    pub address: u64,
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
    /// Stands in calls of `bpf_rdonly_cast`, until its own id is known.
    RDONLY_CAST: u32 = 65536;
    /// Captured bytes that wait in the in-flight map.
    INLINE_LEN: usize = 256;
    /// Arguments of a call.
    MAX_ARGS: usize = 6;
    /// Captures of a pair.
    MAX_CAPTURES: usize = 16;
    /// More captures than these are not simple.
    MAX_SIMPLE: usize = 4;
    /// Bytes that are read at once.
    STEP_LEN: usize = 4096;
    /// Captures that are done for each element of another may nest so deep.
    MAX_LOOPS: usize = 2;
    /// CPUs whose perf buffers are told apart.
    MAX_CPUS: usize = 1024;
    /// The place of the throttle among the tails.
    TAIL_THROTTLE: u32 = 2;
    /// That of the reader of a failed execve's vectors.
    TAIL_FAILED_EXEC: u32 = 3;
    /// That of the return program itself.
    TAIL_EXIT: u32 = 4;
    /// Where the slot stands in a key of the in-flight map; below it is pid_tgid.
    SLOT_SHIFT: u32 = 56;
    /// Syscalls that make a thread or process.
    MAX_CLONES: usize = 4;
    /// Syscalls by which a thread may kill itself.
    MAX_KILLS: usize = 4;

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
    /// A signal was sent or delivered.
    RECORD_SIGNAL: u16 = 6;
    /// A process is traced no more.
    RECORD_LET_GO: u16 = 7;
    /// Of the last five: where among the arguments the thread's name begins.
    NAME_ARG: usize = 4;

    /// A thread is about to act on the signal.
    SIGNAL_DELIVERED: u64 = 0;
    /// The signal was sent to a thread that ignores it.
    SIGNAL_IGNORED: u64 = 1;
    /// The signal was sent and waits.
    SIGNAL_SENT: u64 = 2;

    /// The call was made by the 32-bit table.
    CALL_COMPAT: u16 = 1 << 0;
    /// Only the return was seen.
    CALL_NO_ENTRY: u16 = 1 << 1;
    /// The thread died in it.
    CALL_DIED: u16 = 1 << 2;
    /// Its vectors of strings were read.
    CALL_VECTORS: u16 = 1 << 3;
    /// Whether it accesses a path that is asked for is not known yet.
    CALL_UNDECIDED: u16 = 1 << 6;
    /// Its process was let go before it returned.
    CALL_LET_GO: u16 = 1 << 7;

    /// Calls must access a file with one of some paths.
    BY_NAMES: u32 = 1 << 0;
    /// Or by one of some descriptors.
    BY_FDS: u32 = 1 << 1;
    /// Or by one that is none of them.
    BY_OTHER_FDS: u32 = 1 << 2;

    /// The payload is all there was.
    PAYLOAD_WHOLE: u16 = 0;
    /// There was more than was asked for.
    PAYLOAD_CUT: u16 = 1;
    /// From its end on nothing could be read.
    PAYLOAD_UNREADABLE: u16 = 2;
    /// From its end on there was no room.
    PAYLOAD_NO_ROOM: u16 = 3;
    /// It was read at return.
    PAYLOAD_AT_RETURN: u16 = 0x100;
    /// It is not the process's bytes as they are.
    PAYLOAD_MADE: u16 = 0x200;

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
    /// Bytes of the process.
    WHAT_BYTES: u8 = 1;
    /// The captures that follow, for each element of another.
    WHAT_EACH: u8 = 2;
    /// A vector of strings.
    WHAT_STRINGS: u8 = 3;
    /// The length of a vector of pointers.
    WHAT_POINTER_COUNT: u8 = 4;
    /// A C string of the kernel behind a pointer in a structure.
    WHAT_KERNEL_STRING: u8 = 5;
    /// The parent's thread group id.
    WHAT_PARENT: u8 = 6;
    /// The thread's user id and name.
    WHAT_IDENTITY: u8 = 7;
    /// The way from what a name is relative to.
    WHAT_BASE: u8 = 8;
    /// What socket a descriptor is: four `u16`, its family, type, protocol, and whether it has a netlink address.
    WHAT_SOCKET: u8 = 9;
    /// What a descriptor is.
    WHAT_FILE: u8 = 10;
    /// The user's instruction pointer.
    WHAT_POINTER: u8 = 11;
    /// What is behind an id.
    WHAT_ID: u8 = 12;
    /// What each descriptor is whose bit is set.
    WHAT_FD_SET: u8 = 13;
    /// What each descriptor is in control messages, and what is behind ids there.
    WHAT_CONTROL: u8 = 14;
    /// Descriptors are looked up.
    LOOK_UP_FILES: u32 = 1 << 0;
    /// The names behind ids are.
    ID_COMM: u32 = 1 << 1;
    /// What ids are in the initial PID namespace is.
    ID_INITIAL: u32 = 1 << 2;

    /// The file has a path.
    FILE_IN_TREE: u32 = 1;
    /// It has but a name.
    FILE_OF_NO_TREE: u32 = 2;
    /// It is a pipe.
    FILE_PIPE: u32 = 3;
    /// It is a socket.
    FILE_SOCKET: u32 = 4;
    /// It is of a kind that has a name.
    FILE_ANONYMOUS: u32 = 5;
    /// It is a namespace of a kind that has a name.
    FILE_NAMESPACE: u32 = 6;
    /// The address of a payload about a descriptor, and the descriptor.
    DESCRIPTOR_TAG: u64 = 1 << 63;
    /// The address of the payload that is an instruction pointer.
    POINTER_TAG: u64 = 1 << 62;
    /// The address of a payload about an id, and the id.
    ID_TAG: u64 = 1 << 61;
    /// The address of the payload that is a user stack.
    STACK_TAG: u64 = 1 << 60;

    /// From a member of what was captured; plus that capture's index.
    FROM_CAPTURED: u8 = 16;
    /// From the result.
    FROM_RETURN: u8 = 32;
    /// 1.
    FROM_CONSTANT: u8 = 33;
    /// The size in an ioctl's request, if the call reads so much.
    FROM_IOC_IN: u8 = 34;
    /// Likewise, if it writes so much.
    FROM_IOC_OUT: u8 = 35;

    /// Read at return also if the call failed.
    CAPTURE_FAILED: u8 = 1 << 0;
    /// Read at entry or never.
    CAPTURE_FRESH: u8 = 1 << 1;
    /// The count is an `int`.
    CAPTURE_INT: u8 = 1 << 2;
    /// Others are members of what it brings.
    CAPTURE_PARENT: u8 = 1 << 3;
    /// Of a netlink socket whole, whatever the limit.
    CAPTURE_MESSAGE: u8 = 1 << 4;
    /// A count of no more than the call returned.
    CAPTURE_RETURNED: u8 = 1 << 5;

    /// The capture goes without this argument.
    NO_ARG: u8 = 0xff;

    /// The directory has been deleted.
    WAY_DELETED: u8 = 1 << 0;
    /// What the directory is on is mounted nowhere.
    WAY_DETACHED: u8 = 1 << 1;
    /// The way was too long.
    WAY_CUT: u8 = 1 << 2;
    /// There is no such descriptor.
    WAY_NONE: u8 = 1 << 3;
    /// It is that of the thread's root.
    WAY_OF_ROOT: u8 = 1 << 4;

    /// Tests of an argument.
    MAX_TESTS: usize = 4;
    /// Bytes of a path that is asked for, its end included.
    MAX_PATH: usize = 256;
    /// Bytes of a thread's name, its end included.
    COMM_LEN: usize = 16;

    /// The call returned without an error code.
    STATUS_SUCCESSFUL: u32 = 1 << 0;
    /// It returned an error code.
    STATUS_FAILED: u32 = 1 << 1;
    /// Its thread died in it.
    STATUS_UNFINISHED: u32 = 1 << 2;
    /// Tracing ended before it did.
    STATUS_DETACHED: u32 = 1 << 3;
    /// The highest error code.
    MAX_ERRNO: usize = 4095;

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
    /// Calls whose return was held back.
    COUNT_THROTTLED: usize = 10;
    /// For how long, in nanoseconds.
    COUNT_THROTTLED_NS: usize = 11;
    /// Calls seen whose end was not asked for: part of those seen.
    COUNT_FILTERED: usize = 12;
    /// Calls that the statistics had no place for.
    COUNT_NOT_TALLIED: usize = 13;
    /// How many counters there are.
    COUNTERS: usize = 14;

    /// No statistics are made.
    TALLY_NONE: u32 = 0;
    /// Statistics are made, and records sent.
    TALLY_TOO: u32 = 1;
    /// Statistics are made, and no records sent.
    TALLY_ONLY: u32 = 2;
    /// Calls by the number of bits of their time in nanoseconds; what is longer is in the last bucket.
    TALLY_BUCKETS: usize = 48;
    /// Words of the set of syscalls whose return does not tell which they were.
    RECALLED_WORDS: usize = 8;

    /// The lane of the first function slot; two each.
    LANE_FUNCTIONS: u32 = 9;
}

/// Rows of statistics for one epoch: native, then 32-bit, by number.
pub const TALLY_ROWS: usize = 2 * MAX_SYSCALLS;

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
unsafe impl plain::Plain for ArgTests {}
// SAFETY: as above.
unsafe impl plain::Plain for Tally {}
// SAFETY: as above.
unsafe impl plain::Plain for TallyKey {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// The constants of the headers: `#define NAME value`, and enumerators with and without a value.
    fn header_constants() -> HashMap<String, u64> {
        let mut found = HashMap::new();
        for text in [
            include_str!("bpf/record.h"),
            include_str!("bpf/scratch.h"),
            include_str!("bpf/filter.h"),
            include_str!("bpf/stats.h"),
        ] {
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
            assert_eq!(header.get(*name), Some(value), "{name} in the headers");
        }
    }

    #[test]
    fn the_header_of_a_payload_agrees() {
        let text = include_str!("bpf/record.h");
        let body = text.split("struct payload {").nth(1).unwrap().split('}').next().unwrap();
        let fields: Vec<_> =
            body.lines().filter_map(|l| l.trim().split(';').next()).filter(|l| !l.is_empty()).collect();
        assert_eq!(fields, ["u16 capture", "u16 status", "u32 len", "u64 address"]);
        assert_eq!(size_of::<PayloadHead>(), 16);
    }

    /// Structures that travel as bytes have no hole: their size is the sum of their members.
    #[test]
    fn records_have_no_padding() {
        assert_eq!(size_of::<Record>(), 4 + 2 + 2 + 8 * 3 + 8 + 8 * 6 + 4 + 4 + 2 + 2 + 4);
        assert_eq!(size_of::<Inflight>(), 8 + 8 * 6 + 8 + 4 + 4 + 2 * 4 + 4 + 4 + 256);
        assert_eq!(size_of::<Capture>(), 4 + 2 * 2 + 4 + 2 * 2 + 4 * 3);
        assert_eq!(size_of::<Pair>(), 2 + 1 + 1 + 2 + 2 + MAX_CAPTURES * size_of::<Capture>());
        assert_eq!(size_of::<Counters>(), 8 * COUNTERS);
        assert_eq!(size_of::<Tally>(), 8 * (3 + 2 * 3 + TALLY_BUCKETS));
        assert_eq!(size_of::<TallyKey>(), 4 * 5);
        assert_eq!(size_of::<ArgTests>(), 16 + MAX_TESTS * 16);
    }
}
