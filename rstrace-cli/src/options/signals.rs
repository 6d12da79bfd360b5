//! Sets of signals, by name or number.

use super::{Error, refuse, set};
use nix::sys::signal::Signal;

/// The highest number of a signal.
const LAST: u32 = 64;

/// A set of signals, a bit each from that of signal 1. `option` is the words before the list.
pub fn set(option: &str, list: &str) -> Result<u64, Error> {
    set::bits(list, u64::MAX, |word| match number(word) {
        Some(number) => Ok(1 << (number - 1)),
        None => {
            refuse!("{option}{}: no signal has this name: give TERM or 15, for example", word.escape_debug())
        }
    })
}

fn number(word: &str) -> Option<u32> {
    if let Ok(number) = word.parse() {
        return (1..=LAST).contains(&number).then_some(number);
    }
    let name = word.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    // as lines name them: those that libc keeps to itself are among them
    match name.strip_prefix("RT_") {
        Some(above) => above.parse().ok().map(|above: u32| above.saturating_add(32)).filter(|n| *n <= LAST),
        None if name == "RTMIN" => Some(32),
        None => format!("SIG{name}").parse::<Signal>().ok().map(|signal| signal as u32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_names_and_numbers() {
        for (list, expected) in [
            ("TERM", 1 << 14),
            ("SIGTERM", 1 << 14),
            ("term,1", 1 << 14 | 1),
            ("!hup", !1),
            ("none", 0),
            ("all", u64::MAX),
            ("RT_1,SIGRTMIN,64", 1 << 32 | 1 << 31 | 1 << 63),
        ] {
            assert_eq!(set("", list), Ok(expected), "{list}");
        }
        for word in ["", "0", "65", "RT_33", "SIGRTMIN+1", "-1", "foo"] {
            let text = format!("-e signal={word}: no signal has this name: give TERM or 15, for example");
            assert_eq!(set("-e signal=", word), Err(Error(text)), "{word}");
        }
    }
}
