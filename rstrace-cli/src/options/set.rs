//! Sets as strace writes them: words with commas between, `!` before the list for all others, `all`, `none`.

use super::Error;
use std::time::Duration;

/// A list.
#[derive(Debug, PartialEq, Eq)]
pub struct Words<'a> {
    /// Whether all others are meant.
    pub inverted: bool,
    /// Its words; empty ones count for nothing.
    pub words: Vec<&'a str>,
}

/// Takes a list apart.
pub fn words(list: &str) -> Words<'_> {
    let list = list.trim();
    let bare = list.trim_start_matches('!');
    let inverted = (list.len() - bare.len()) % 2 == 1;
    Words { inverted, words: bare.split(',').map(str::trim).filter(|word| !word.is_empty()).collect() }
}

/// A set of what has a bit each: of `all` those that `member` says for the words.
pub fn bits(list: &str, all: u64, mut member: impl FnMut(&str) -> Result<u64, Error>) -> Result<u64, Error> {
    let Words { inverted, words } = words(list);
    let named = match words[..] {
        ["all"] => all,
        ["none"] => 0,
        [] => member("")?,
        _ => words.into_iter().try_fold(0, |set, word| Ok(set | member(word)?))?,
    };
    Ok(if inverted { all & !named } else { named })
}

/// A time with a unit; without one it is in units of so many seconds, if that is allowed.
pub fn time(text: &str, usual: Option<f64>) -> Option<Duration> {
    let units = [("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9), ("s", 1.0)];
    let with_unit = units.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, Some(*seconds))));
    let (number, unit) = with_unit.unwrap_or((text, usual));
    Duration::try_from_secs_f64(number_of(number)? * unit?).ok()
}

/// A number that is not negative, in decimal; no `inf` and the like.
pub fn number_of(text: &str) -> Option<f64> {
    text.starts_with(|c: char| c.is_ascii_digit() || c == '.').then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        for (list, inverted, expected) in [
            ("a,b", false, &["a", "b"][..]),
            ("!a, b,", true, &["a", "b"]),
            ("!!a", false, &["a"]),
            ("", false, &[]),
            ("!", true, &[]),
        ] {
            assert_eq!(words(list), Words { inverted, words: expected.to_vec() }, "{list}");
        }
    }

    #[test]
    fn bits_of_words() {
        let member = |word: &str| match word.parse::<u32>() {
            Ok(bit) => Ok(1 << bit),
            Err(_) => Err(Error(word.to_string())),
        };
        for (list, set) in [("all", 15), ("none", 0), ("!none", 15), ("!all", 0), ("0,2", 5), ("!0,2", 10)] {
            assert_eq!(bits(list, 15, member), Ok(set), "{list}");
        }
        for (list, word) in [("", ""), ("0,all", "all"), ("0,!1", "!1")] {
            assert_eq!(bits(list, 15, member), Err(Error(word.to_string())), "{list}");
        }
    }
}
