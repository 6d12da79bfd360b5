//! What is told of the ids of processes and threads, from the words of the command line.

use rstrace_core::probe::Ids;

use super::{Error, refuse, set};

const COMM: u64 = 1;
const PIDNS: u64 = 2;

/// What the two options have `given`, or a list instead of them.
pub fn ids(given: Ids, list: Option<&str>) -> Result<Ids, Error> {
    Ok(match list {
        None => given,
        Some(_) if given.are_told() => {
            refuse!("-Y and --pidns-translation do the same as --decode-pids: give the one or the other")
        }
        Some(list) => {
            let bits = set::bits(list, COMM | PIDNS, member)?;
            Ids { comm: bits & COMM != 0, initial: bits & PIDNS != 0 }
        }
    })
}

fn member(word: &str) -> Result<u64, Error> {
    Ok(match word {
        "comm" => COMM,
        "pidns" => PIDNS,
        _ => refuse!("--decode-pids={}: give comm, pidns, all or none", word.escape_debug()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_words() {
        for (comm, initial, list, expected) in [
            (false, false, None, "none"),
            (true, false, None, "comm"),
            (true, true, None, "both"),
            (false, false, Some("comm"), "comm"),
            (false, false, Some("pidns"), "initial"),
            (false, false, Some("comm,pidns"), "both"),
            (false, false, Some("all"), "both"),
            (false, false, Some("none"), "none"),
            (false, false, Some("!pidns"), "comm"),
        ] {
            let found = match ids(Ids { comm, initial }, list).expect("known words") {
                Ids { comm: true, initial: true } => "both",
                Ids { comm: true, .. } => "comm",
                Ids { initial: true, .. } => "initial",
                Ids { .. } => "none",
            };
            assert_eq!(found, expected, "{comm} {initial} {list:?}");
        }
        assert!(ids(Ids { comm: true, initial: false }, Some("comm")).is_err());
        assert!(ids(Ids::default(), Some("name")).is_err());
    }
}
