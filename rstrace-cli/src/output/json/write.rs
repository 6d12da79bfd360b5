//! JSON under construction: members, numbers and strings.
//!
//! All that comes out is printable ASCII, so no byte of a traced program reaches a terminal as it is. The memory is used
//! again and again: in the steady state nothing is allocated.

use std::io::Write;

use super::super::line::put;

/// The largest integer up to which every one is exactly a double, as which many readers take numbers.
const MAX_SAFE: u64 = (1 << 53) - 1;

/// Text of JSON.
#[derive(Debug, Default)]
pub struct Json {
    /// What was written since it was taken away.
    pub bytes: Vec<u8>,
    /// For what has to be escaped.
    scratch: Vec<u8>,
}

impl Json {
    /// Appends text that is JSON.
    pub fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Appends a comma, unless something has just begun.
    pub fn separate(&mut self) {
        if !matches!(self.bytes.last(), Some(b'{' | b'[' | b':')) {
            self.bytes.push(b',');
        }
    }

    /// Begins a member: a value is to follow.
    pub fn key(&mut self, name: &str) {
        self.separate();
        self.text(name);
        self.bytes.push(b':');
    }

    /// Appends a string.
    pub fn text(&mut self, text: &str) {
        self.bytes.push(b'"');
        escaped(&mut self.bytes, text);
        self.bytes.push(b'"');
    }

    /// Appends a string of what `write` writes.
    pub fn notation(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        write(&mut scratch);
        self.lossy(&scratch);
        self.scratch = scratch;
    }

    /// Appends bytes as a string; what is no UTF-8 is replaced.
    fn lossy(&mut self, bytes: &[u8]) {
        self.bytes.push(b'"');
        for chunk in bytes.utf8_chunks() {
            escaped(&mut self.bytes, chunk.valid());
            if !chunk.invalid().is_empty() {
                self.push("\\ufffd");
            }
        }
        self.bytes.push(b'"');
    }

    /// Appends bytes of which there may be more in the process: a string if that says all, else an object.
    pub fn string(&mut self, bytes: &[u8], truncated: bool) {
        let is_text = std::str::from_utf8(bytes).is_ok();
        if is_text && !truncated {
            return self.lossy(bytes);
        }
        self.push("{\"string\":");
        self.lossy(bytes);
        if !is_text {
            self.key("hex");
            self.hex(bytes);
        }
        self.truncated(truncated);
        self.push("}");
    }

    /// Appends the mark of what is not whole, if it is not.
    pub fn truncated(&mut self, truncated: bool) {
        if truncated {
            self.push(",\"truncated\":true");
        }
    }

    /// Appends bytes as a string of two digits for each.
    pub fn hex(&mut self, bytes: &[u8]) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.bytes.push(b'"');
        let digit = |nibble: u8| DIGITS[usize::from(nibble)];
        self.bytes.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
        self.bytes.push(b'"');
    }

    /// Appends a word as a string in hex.
    pub fn word(&mut self, word: u64) {
        put!(self.bytes, "\"{word:#x}\"");
    }

    /// Appends a time in nanoseconds, which no double holds: a string of its digits.
    pub fn nanoseconds(&mut self, time: u64) {
        self.bytes.push(b'"');
        self.bytes.extend_from_slice(itoa::Buffer::new().format(time).as_bytes());
        self.bytes.push(b'"');
    }

    /// Appends an integer: a number where readers cannot get it wrong.
    pub fn integer(&mut self, number: i64) {
        self.digits(number, number.unsigned_abs() <= MAX_SAFE);
    }

    /// Likewise.
    pub fn unsigned(&mut self, number: u64) {
        self.digits(number, number <= MAX_SAFE);
    }

    fn digits(&mut self, number: impl itoa::Integer, is_safe: bool) {
        self.push(if is_safe { "" } else { "{\"int\":\"" });
        self.bytes.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        self.push(if is_safe { "" } else { "\"}" });
    }

    /// Appends `true` or `false`.
    pub fn boolean(&mut self, is_true: bool) {
        self.push(if is_true { "true" } else { "false" });
    }
}

/// Appends text as it stands between quotes.
fn escaped(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut done = 0;
    for (at, character) in text.char_indices() {
        if matches!(character, ' '..='~') && !matches!(character, '"' | '\\') {
            continue;
        }
        out.extend_from_slice(&bytes[done..at]);
        done = at + character.len_utf8();
        match character {
            '"' | '\\' => out.extend_from_slice(&[b'\\', character as u8]),
            '\n' => out.extend_from_slice(b"\\n"),
            '\t' => out.extend_from_slice(b"\\t"),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    put!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.extend_from_slice(&bytes[done..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn written(write: impl FnOnce(&mut Json)) -> String {
        let mut json = Json::default();
        write(&mut json);
        assert!(json.bytes.iter().all(|byte| matches!(byte, b' '..=b'~')), "{json:?}");
        String::from_utf8(json.bytes).expect("ASCII")
    }

    #[test]
    fn text_is_a_string_and_other_bytes_an_object() {
        for (bytes, truncated, text) in [
            (&b"a/b"[..], false, r#""a/b""#),
            (b"\"\\\n\t\x1b\x7f\0", false, r#""\"\\\n\t\u001b\u007f\u0000""#),
            ("é\u{202e}😀".as_bytes(), false, r#""\u00e9\u202e\ud83d\ude00""#),
            (b"\xffx", false, r#"{"string":"\ufffdx","hex":"ff78"}"#),
            (b"ab", true, r#"{"string":"ab","truncated":true}"#),
            (b"\xc3", true, r#"{"string":"\ufffd","hex":"c3","truncated":true}"#),
        ] {
            assert_eq!(written(|json| json.string(bytes, truncated)), text);
        }
    }

    #[test]
    fn every_byte_before_every_byte_can_be_read_back() {
        for pair in (0..=255u8).flat_map(|first| (0..=255u8).map(move |second| [first, second])) {
            let text = written(|json| json.string(&pair, false));
            let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            let read = match &value["hex"] {
                serde_json::Value::String(hex) => {
                    u16::from_str_radix(hex, 16).expect("hex").to_be_bytes().to_vec()
                }
                _ => value.as_str().expect("a string").as_bytes().to_vec(),
            };
            assert_eq!(read, pair, "{text}");
        }
    }

    #[test]
    fn integers_are_numbers_where_a_double_holds_them() {
        for (number, text) in [
            (0, "0"),
            (-1, "-1"),
            (9_007_199_254_740_991, "9007199254740991"),
            (9_007_199_254_740_992, r#"{"int":"9007199254740992"}"#),
            (i64::MIN, r#"{"int":"-9223372036854775808"}"#),
        ] {
            assert_eq!(written(|json| json.integer(number)), text);
        }
        assert_eq!(written(|json| json.unsigned(u64::MAX)), r#"{"int":"18446744073709551615"}"#);
    }

    #[test]
    fn commas_stand_between() {
        let text = written(|json| {
            json.push("{");
            json.key("a");
            json.push("[");
            json.separate();
            json.integer(1);
            json.separate();
            json.word(255);
            json.push("]");
            json.key("b");
            json.nanoseconds(5);
            json.push("}");
        });
        assert_eq!(text, r#"{"a":[1,"0xff"],"b":"5"}"#);
    }
}
