//! What is told of descriptors, from the words of the command line.

use super::{Error, refuse, set};
use crate::output::files::Files;

const PATH: u64 = 1;
const SOCKET: u64 = 2;
const DEVICE: u64 = 4;
const PIDFD: u64 = 8;
const ALL: u64 = PATH | SOCKET | DEVICE | PIDFD;

/// What `-y`, so many times, or a list says; at most one of the two may be given.
pub fn files(count: u8, list: Option<&str>) -> Result<Files, Error> {
    let bits = match (count, list) {
        (0, None) => 0,
        (0, Some(list)) => set::bits(list, ALL, member)?,
        (_, Some(_)) => refuse!("-y and --decode-fds do the same: give one of them"),
        (1, None) => PATH,
        (2.., None) => ALL,
    };
    let has = |bit| bits & bit != 0;
    Ok(Files { path: has(PATH), socket: has(SOCKET), device: has(DEVICE), pidfd: has(PIDFD) })
}

fn member(word: &str) -> Result<u64, Error> {
    Ok(match word {
        "path" => PATH,
        "socket" => SOCKET,
        "dev" => DEVICE,
        "pidfd" => PIDFD,
        // what newer straces know, and is told by its name here
        "eventfd" | "signalfd" => 0,
        _ => refuse!(
            "--decode-fds={}: give path, dev, socket, pidfd, eventfd, signalfd, all or none",
            word.escape_debug()
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_words() {
        let none = Files::NONE;
        let path = Files { path: true, ..none };
        let all = Files { path: true, socket: true, device: true, pidfd: true };
        for (count, list, expected) in [
            (0, None, none),
            (1, None, path),
            (2, None, all),
            (3, None, all),
            (0, Some("path"), path),
            (0, Some("all"), all),
            (0, Some("none"), none),
            (0, Some("dev,socket"), Files { device: true, socket: true, ..none }),
            (0, Some("!pidfd,path"), Files { device: true, socket: true, ..none }),
            (0, Some("eventfd"), none),
        ] {
            assert_eq!(files(count, list), Ok(expected), "{count} {list:?}");
        }
        for (count, list) in [(1, Some("all")), (0, Some("paths")), (0, Some(""))] {
            assert!(files(count, list).is_err(), "{list:?}");
        }
    }
}
