//! Differences of a fixture that are known and explained: `tests/differences/FIXTURE.txt`, a line `CALL: reason` each.

use std::collections::BTreeMap;
use std::path::Path;

/// The reasons by call; none if the fixture has no file.
pub fn known_differences(fixture: &str) -> BTreeMap<String, String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("differences").join(format!("{fixture}.txt"));
    match std::fs::read_to_string(&file) {
        Ok(text) => parse(&text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
        Err(error) => panic!("{}: {error}", file.display()),
    }
}

fn parse(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for line in lines {
        let (call, reason) = line.split_once(": ").unwrap_or_else(|| panic!("no `CALL: reason`: {line}"));
        assert!(!reason.trim().is_empty(), "no reason: {line}");
        known
            .entry(call.trim().to_owned())
            .and_modify(|more| *more = format!("{more}; {}", reason.trim()))
            .or_insert_with(|| reason.trim().to_owned());
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_call_and_a_reason() {
        let known =
            parse("# of the fixture\nread: 7.2 does: this\n\nread: and that\nioctl: 6.1 has no name\n");
        assert_eq!(known["read"], "7.2 does: this; and that");
        assert_eq!(known["ioctl"], "6.1 has no name");
    }
}
