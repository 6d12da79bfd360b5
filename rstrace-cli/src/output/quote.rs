//! Quoting of bytes as strace does it: `"a\n\0"`, or all in hex: `"\x61\x0a\x00"`.
//!
//! What comes out is printable ASCII, so no byte of a traced program reaches a terminal as it is.

/// The letter after the backslash for the bytes that have one.
const fn short(byte: u8) -> Option<u8> {
    Some(match byte {
        b'"' | b'\\' => byte,
        b'\t' => b't',
        b'\n' => b'n',
        0x0b => b'v',
        0x0c => b'f',
        b'\r' => b'r',
        _ => return None,
    })
}

/// Appends the bytes in quotes: octal for what is not printable, in three digits before
/// another octal digit.
pub fn quoted(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    printable(out, bytes);
    out.push(b'"');
}

/// Likewise, without the quotes.
pub fn printable(out: &mut Vec<u8>, bytes: &[u8]) {
    escape(out, bytes, |byte| matches!(byte, b' '..=b'~'));
}

/// Likewise, of what stands between `<` and `>`.
pub fn escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    escape(out, bytes, |byte| matches!(byte, b' '..=b'~') && byte != b'<' && byte != b'>');
}

fn escape(out: &mut Vec<u8>, bytes: &[u8], is_itself: impl Fn(u8) -> bool) {
    let is_plain = |byte: u8| is_itself(byte) && byte != b'"' && byte != b'\\';
    let mut begin = 0;
    while begin < bytes.len() {
        let rest = &bytes[begin..];
        let plain = leading(rest, is_plain);
        out.extend_from_slice(&rest[..plain]);
        let Some(&byte) = rest.get(plain) else { break };
        begin += plain + 1;
        if let Some(letter) = short(byte) {
            out.extend_from_slice(&[b'\\', letter]);
        } else {
            let digits = [byte >> 6, byte >> 3 & 7, byte & 7].map(|digit| b'0' + digit);
            let before_octal = bytes.get(begin).is_some_and(|next| (b'0'..b'8').contains(next));
            let skip = if before_octal { 0 } else { usize::from(byte < 0o100) + usize::from(byte < 0o10) };
            out.push(b'\\');
            out.extend_from_slice(&digits[skip..]);
        }
    }
}

/// How many of the first bytes are all of a kind.
fn leading(bytes: &[u8], is_one: impl Fn(u8) -> bool) -> usize {
    // so many at once are compared without a branch for each
    const AT_ONCE: usize = 16;
    let (chunks, _) = bytes.as_chunks::<AT_ONCE>();
    let all = |chunk: &&[u8; AT_ONCE]| chunk.iter().fold(true, |all, byte| all & is_one(*byte));
    let begin = chunks.iter().take_while(all).count() * AT_ONCE;
    begin + bytes[begin..].iter().take_while(|byte| is_one(**byte)).count()
}

/// Which strings are shown in hex.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Hex {
    /// None.
    #[default]
    Never,
    /// Those with a byte that is neither printable nor white space.
    NonAscii,
    /// Those with such a byte, only these bytes.
    NonAsciiChars,
    /// All.
    All,
}

/// Whether a byte is printable or white space.
fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t'..=b'\r')
}

/// Appends the bytes in quotes, in hex where that is wanted.
pub fn quoted_as(out: &mut Vec<u8>, bytes: &[u8], hex: Hex) {
    match hex {
        Hex::All => quoted_hex(out, bytes),
        Hex::NonAscii if !bytes.iter().copied().all(is_text) => quoted_hex(out, bytes),
        Hex::NonAsciiChars if !bytes.iter().copied().all(is_text) => {
            out.push(b'"');
            for run in bytes.chunk_by(|a, b| is_text(*a) == is_text(*b)) {
                let begin = out.len();
                if is_text(run[0]) {
                    quoted(out, run)
                } else {
                    quoted_hex(out, run)
                }
                out.remove(begin);
                out.pop();
            }
            out.push(b'"');
        }
        _ => quoted(out, bytes),
    }
}

/// Appends the bytes in quotes, every one of them in hex.
pub fn quoted_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for byte in bytes {
        let digit = |nibble: u8| DIGITS[usize::from(nibble)];
        out.extend([b'\\', b'x', digit(byte >> 4), digit(byte & 15)]);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        quoted(&mut out, bytes);
        String::from_utf8(out).expect("ASCII")
    }

    /// Reads a quoted string back as C does.
    fn unquoted(text: &str) -> Vec<u8> {
        let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).expect("in quotes");
        let (mut rest, mut bytes) = (text.as_bytes(), Vec::new());
        while let [first, after @ ..] = rest {
            rest = after;
            if *first != b'\\' {
                bytes.push(*first);
                continue;
            }
            let digits = rest.iter().take(3).take_while(|digit| (b'0'..b'8').contains(*digit)).count();
            if digits > 0 {
                let number = std::str::from_utf8(&rest[..digits]).expect("digits");
                bytes.push(u8::from_str_radix(number, 8).expect("a byte"));
                rest = &rest[digits..];
            } else {
                let letters = b"tnvfr\"\\".iter().zip(b"\t\n\x0b\x0c\r\"\\");
                let (_, byte) =
                    letters.into_iter().find(|(letter, _)| **letter == rest[0]).expect("an escape");
                bytes.push(*byte);
                rest = &rest[1..];
            }
        }
        bytes
    }

    #[test]
    fn octal_is_as_short_as_the_next_byte_allows() {
        assert_eq!(text(b"\0\x01\x7fa"), r#""\0\1\177a""#);
        assert_eq!(text(b"\x017\xff7"), r#""\0017\3777""#);
        assert_eq!(text(b"\x078 \x089"), r#""\78 \109""#);
        assert_eq!(text(b""), r#""""#);
    }

    #[test]
    fn what_has_a_letter_gets_it() {
        assert_eq!(text(b"a\"\\\n\t\x0b\x0c\r"), r#""a\"\\\n\t\v\f\r""#);
        assert_eq!(text(b"\x07\x08\x1b[0m"), r#""\7\10\33[0m""#);
    }

    #[test]
    fn every_byte_before_every_byte_can_be_read_back() {
        for first in 0..=255 {
            assert_eq!(unquoted(&text(&[first])), [first]);
            for second in 0..=255 {
                let quoted = text(&[first, second]);
                assert!(quoted.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{quoted}");
                assert_eq!(unquoted(&quoted), [first, second], "{quoted}");
            }
        }
    }

    #[test]
    fn hex_is_two_digits_for_each() {
        let mut out = Vec::new();
        quoted_hex(&mut out, b"a\0\xff");
        assert_eq!(out, br#""\x61\x00\xff""#);
    }
}
