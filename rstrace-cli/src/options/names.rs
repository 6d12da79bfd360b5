//! Whether names stand behind ids, from the words of the command line.

use super::{Error, refuse, set};

const COMM: u64 = 1;
const PIDNS: u64 = 2;

/// What `-Y` or a list says; at most one of the two may be given.
pub fn names(given: bool, list: Option<&str>) -> Result<bool, Error> {
    let bits = match (given, list) {
        (true, Some(_)) => refuse!("-Y and --decode-pids do the same: give one of them"),
        (given, None) => u64::from(given),
        (false, Some(list)) => set::bits(list, COMM | PIDNS, member)?,
    };
    if bits & PIDNS != 0 {
        refuse!(
            "--decode-pids=pidns is not supported: ids are shown as the program has them, lines begin with those \
             of the initial PID namespace: give comm or none"
        );
    }
    Ok(bits & COMM != 0)
}

fn member(word: &str) -> Result<u64, Error> {
    Ok(match word {
        "comm" => COMM,
        "pidns" => PIDNS,
        _ => refuse!("--decode-pids={}: give comm or none", word.escape_debug()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_words() {
        for (given, list, expected) in [
            (false, None, false),
            (true, None, true),
            (false, Some("comm"), true),
            (false, Some("none"), false),
            (false, Some("!pidns"), true),
        ] {
            assert_eq!(names(given, list), Ok(expected), "{given} {list:?}");
        }
        for (given, list) in
            [(true, "comm"), (false, "all"), (false, "pidns"), (false, "!comm"), (false, "name")]
        {
            assert!(names(given, Some(list)).is_err(), "{list}");
        }
    }
}
