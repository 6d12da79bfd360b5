//! Names on a terminal: what could command it, or deceive its reader, is escaped.

/// Appends a name so that a terminal shows it as it is: control characters, characters that change the direction of
/// writing, and bytes that are no UTF-8 as `\n` or octal, and the backslash doubled.
pub fn for_terminal(out: &mut Vec<u8>, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            let mut buffer = [0; 4];
            let encoded = character.encode_utf8(&mut buffer).as_bytes();
            if is_harmless(character) {
                out.extend_from_slice(encoded);
            } else {
                escape(out, encoded);
            }
        }
        escape(out, chunk.invalid());
    }
}

fn is_harmless(character: char) -> bool {
    // the marks, embeddings, overrides and isolates of Unicode's bidirectional algorithm; line separators
    let deceives = matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}');
    !character.is_control() && character != '\\' && !deceives
}

fn escape(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        out.push(b'\\');
        match byte {
            b'\\' => out.push(b'\\'),
            b'\n' => out.push(b'n'),
            b'\t' => out.push(b't'),
            b'\r' => out.push(b'r'),
            byte => out.extend([byte >> 6, byte >> 3 & 7, byte & 7].map(|digit| b'0' + digit)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        for_terminal(&mut out, bytes);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn what_commands_a_terminal_is_escaped() {
        assert_eq!(shown(b"a\x1b[2J\n\t\x07\x7f"), r"a\033[2J\n\t\007\177");
        assert_eq!(shown("\u{9b}2J\u{202e}x".as_bytes()), r"\302\2332J\342\200\256x");
    }

    #[test]
    fn letters_of_all_languages_stay() {
        assert_eq!(shown("Größe/日本語 ☃".as_bytes()), "Größe/日本語 ☃");
    }

    #[test]
    fn what_is_no_utf8_is_octal_and_a_backslash_is_two() {
        assert_eq!(shown(b"\xff\xfe\\n"), r"\377\376\\n");
    }

    #[test]
    fn no_byte_of_any_name_commands_a_terminal() {
        for first in 0..=255 {
            for second in 0..=255 {
                let text = shown(&[first, second]);
                assert!(!text.chars().any(char::is_control), "{first} {second}");
            }
        }
    }
}
