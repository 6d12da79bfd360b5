//! Dumps of what calls read and wrote, below their lines.

use super::line::{Lines, put};
use rstrace_core::event::Buffer;
use std::io::Write;

/// Bytes in a line.
const WIDTH: usize = 16;

/// Appends lines that tell of the buffers, each after the end of the one before.
pub fn write(lines: &mut Lines, buffers: &[Buffer<'_>]) {
    lines.format(|out| {
        for buffer in buffers {
            if let Some((place, count)) = buffer.message {
                put!(out, "\n = {count} buffers in vector {place}");
            }
            if let Some(place) = buffer.place {
                put!(out, "\n * {} bytes in buffer {place}", buffer.len);
            }
            for (row, bytes) in buffer.bytes.chunks(WIDTH).enumerate() {
                line(out, row * WIDTH, bytes);
            }
            let missing = buffer.len.saturating_sub(buffer.bytes.len() as u64);
            if missing > 0 {
                put!(out, "\n * {missing} bytes more, which were not captured");
            }
        }
    });
}

fn line(out: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    put!(out, "\n | {offset:05x} ");
    for place in 0..WIDTH {
        put!(out, "{}", if place % (WIDTH / 2) == 0 { " " } else { "" });
        match bytes.get(place) {
            Some(byte) => put!(out, "{byte:02x} "),
            None => put!(out, "   "),
        }
    }
    out.push(b' ');
    out.extend(bytes.iter().map(|byte| if (b' '..=b'~').contains(byte) { *byte } else { b'.' }));
    put!(out, "{:1$} |", "", WIDTH - bytes.len());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::text::Style;

    #[test]
    fn sixteen_bytes_are_a_line() {
        let mut lines = Lines::new(false, Style::default().limits);
        let bytes: Vec<u8> = (b'a'..=b'q').collect();
        let whole = Buffer { bytes: &bytes, len: 17, place: None, message: None };
        write(&mut lines, &[whole, Buffer { bytes: b"\n~", len: 5, place: Some(2), message: Some((1, 4)) }]);
        let expected = "
 | 00000  61 62 63 64 65 66 67 68  69 6a 6b 6c 6d 6e 6f 70  abcdefghijklmnop |
 | 00010  71                                                q                |
 = 4 buffers in vector 1
 * 5 bytes in buffer 2
 | 00000  0a 7e                                             .~               |
 * 3 bytes more, which were not captured";
        assert_eq!(String::from_utf8_lossy(lines.bytes()), expected);
    }
}
