//! The data that calls read from descriptors and write to them, for dumps of it.

use rstrace_core::event::{Abi, Buffer};
use rstrace_core::memory::At;
use rstrace_core::probe::{End, RawCall};

/// Where data goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// To the program.
    Read,
    /// From the program.
    Written,
}

/// Where the data of a call stands; the descriptor is its first argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// In the second argument, as much as the third says.
    Buffer,
    /// In the buffers of a list: the second argument, of which the third is the length.
    Vector,
    /// In the buffers of the `struct msghdr` that the second argument points to.
    Message,
    /// In those of a list of `struct mmsghdr`: the second argument, of which the third is the length.
    Messages,
}

/// Calls that read data.
const READ: &[(Shape, &[&str])] = &[
    (Shape::Buffer, &["read", "pread64", "recv", "recvfrom", "mq_timedreceive", "mq_timedreceive_time64"]),
    (Shape::Vector, &["readv", "preadv", "preadv2"]),
    (Shape::Message, &["recvmsg"]),
    (Shape::Messages, &["recvmmsg", "recvmmsg_time64"]),
];

/// Calls that write data.
const WRITTEN: &[(Shape, &[&str])] = &[
    (Shape::Buffer, &["write", "pwrite64", "send", "sendto", "mq_timedsend", "mq_timedsend_time64"]),
    (Shape::Vector, &["writev", "pwritev", "pwritev2", "vmsplice"]),
    (Shape::Message, &["sendmsg"]),
    (Shape::Messages, &["sendmmsg"]),
];

/// What data a call transfers.
pub(super) fn transfer(name: &str) -> Option<(Shape, Direction)> {
    let of = |table: &[(Shape, &[&str])], direction| {
        let row = table.iter().find(|(_, names)| names.contains(&name));
        row.map(|(shape, _)| (*shape, direction))
    };
    of(READ, Direction::Read).or_else(|| of(WRITTEN, Direction::Written))
}

/// The data of a call that returned, as far as it could be read.
pub(super) fn buffers<'a>(shape: Shape, direction: Direction, call: &RawCall<'a>) -> Vec<Buffer<'a>> {
    let End::Returned(returned) = call.end else { return Vec::new() };
    // what was to be written is told of a call that failed too
    let mut left = match direction {
        Direction::Written => u64::MAX,
        Direction::Read => u64::try_from(returned).unwrap_or(0),
    };
    let data = Data { call, at: if direction == Direction::Read { At::Return } else { At::Entry } };
    let mut buffers = Vec::new();
    match shape {
        Shape::Buffer => buffers.extend(data.buffer(call.args[1], call.args[2].min(left), None)),
        Shape::Vector => data.vector(call.args[1], call.args[2], &mut left, None, &mut buffers),
        Shape::Message => data.message(call.args[1], &mut left, None, &mut buffers),
        Shape::Messages => {
            let (size, length_at) = if call.abi == Abi::Native { (64, 56) } else { (32, 28) };
            let count = match direction {
                Direction::Written => call.args[2] as u32,
                Direction::Read => left.min(call.args[2]) as u32,
            };
            for place in 0..count {
                let address = call.args[1].wrapping_add(u64::from(place) * size);
                let length = call.memory.bytes(address.wrapping_add(length_at), 4, data.at);
                let Some(length) = length.and_then(|bytes| bytes.first_chunk()) else { break };
                let mut left = match direction {
                    Direction::Written => u64::MAX,
                    Direction::Read => u32::from_ne_bytes(*length).into(),
                };
                data.message(address, &mut left, Some(place), &mut buffers);
            }
        }
    }
    buffers
}

/// The memory of a call that data is in.
struct Data<'c, 'a> {
    call: &'c RawCall<'a>,
    at: At,
}

impl<'a> Data<'_, 'a> {
    fn buffer(&self, address: u64, len: u64, place: Option<u32>) -> Option<Buffer<'a>> {
        if len == 0 {
            return None;
        }
        let bytes = self.call.memory.from(address, self.at)?.bytes();
        let bytes = bytes.get(..usize::try_from(len).unwrap_or(usize::MAX)).unwrap_or(bytes);
        (!bytes.is_empty()).then_some(Buffer { bytes, len, place, message: None })
    }

    /// The buffers of a `struct iovec` list, together no more than is left.
    fn vector(
        &self,
        address: u64,
        count: u64,
        left: &mut u64,
        message: Option<u32>,
        to: &mut Vec<Buffer<'a>>,
    ) {
        let word = self.word();
        let mut message = message.map(|place| (place, count as u32));
        for place in 0..u32::try_from(count).unwrap_or(u32::MAX) {
            let element = address.wrapping_add(u64::from(place) * 2 * word);
            let (Some(base), Some(len)) = (self.number(element), self.number(element.wrapping_add(word)))
            else {
                break;
            };
            let len = len.min(*left);
            *left -= len;
            if let Some(buffer) = self.buffer(base, len, Some(place)) {
                to.push(Buffer { message: message.take(), ..buffer });
            }
        }
    }

    /// The buffers of a `struct msghdr`, which is the one at a place in a list.
    fn message(&self, address: u64, left: &mut u64, place: Option<u32>, to: &mut Vec<Buffer<'a>>) {
        let word = self.word();
        // behind msg_name, and msg_namelen with its padding
        let (vector, count) = (address.wrapping_add(2 * word), address.wrapping_add(3 * word));
        if let (Some(vector), Some(count)) = (self.number(vector), self.number(count)) {
            self.vector(vector, count, left, place, to);
        }
    }

    fn word(&self) -> u64 {
        if self.call.abi == Abi::Native { 8 } else { 4 }
    }

    /// The word at an address.
    fn number(&self, address: u64) -> Option<u64> {
        let bytes = self.call.memory.bytes(address, self.word() as usize, At::Entry)?;
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        Some(u64::from_ne_bytes(word))
    }
}
