//! The fixtures in `fixtures/calls` are what decoders are compared by: strace sees them make every call there is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rstrace_tests::{Program, Scratch, fixture, in_vm, needs, skip};

/// The highest number that the fixtures call: the first that Linux 7.2 has not given to any call.
const LAST: u32 = 472;

/// The fixtures whose children die by signals, as they should.
const WITH_DEATHS: [&str; 2] = ["processes", "signals"];
/// The one whose children die where the kernel has calls that are for its own trampolines only (uretprobe, 6.11).
const MAY_HAVE_DEATHS: &str = "newer";

/// The fixtures of calls, by name.
pub fn programs() -> BTreeMap<String, String> {
    let one = fixture("calls/files");
    let folder = Path::new(&one).parent().expect("it is in a folder");
    std::fs::read_dir(folder)
        .expect("the folder of the fixtures can be read")
        .map(|entry| entry.expect("the folder of the fixtures can be read").file_name())
        .map(|name| name.into_string().expect("the names of fixtures are UTF-8"))
        .map(|name| (name.clone(), fixture(&format!("calls/{name}"))))
        .collect()
}

/// The one whose calls are of 32 bits, by the numbers of another table.
const OF_32_BITS: &str = "compat";

/// What strace writes of a program with `-n`: each line with the number of its call.
fn traced(program: &str) -> String {
    let scratch = Scratch::new();
    let file = scratch.at("strace");
    Program::new(&["strace", "-f", "-n", "-o", &file, program]).run().ended_well();
    let text = std::fs::read(&file).expect("strace wrote its file");
    String::from_utf8_lossy(&text).into_owned()
}

/// The number on a line on which a call begins: `7     [  39] getpid()`.
fn number(line: &str) -> Option<u32> {
    let (number, rest) = line.split_once('[')?.1.split_once("] ")?;
    let begins = !rest.starts_with("+++") && !rest.starts_with("---") && !rest.starts_with("<...");
    number.trim().parse().ok().filter(|_| begins)
}

#[test]
fn the_fixtures_make_every_call_there_is() {
    if in_vm() {
        skip!("the fixtures make the same calls on every kernel");
    }
    needs!("strace");
    let made: BTreeSet<u32> = programs()
        .iter()
        .filter(|(name, _)| *name != OF_32_BITS)
        .flat_map(|(_, p)| traced(p).lines().filter_map(number).collect::<Vec<_>>())
        .collect();
    let missing: Vec<u32> = (0..=LAST).filter(|n| !made.contains(n)).collect();
    assert!(missing.is_empty(), "nobody calls {missing:?}");
}

#[test]
fn their_children_die_only_where_that_is_shown() {
    needs!("strace");
    // A child that dies unexpectedly takes the rest of its calls with it.
    for (name, program) in programs() {
        let text = traced(&program);
        let dead = text.lines().any(|l| l.contains("+++ killed by"));
        if name != MAY_HAVE_DEATHS {
            assert_eq!(dead, WITH_DEATHS.contains(&name.as_str()), "{name}:\n{text}");
        }
    }
}

#[test]
fn they_end_well_each_time_and_leave_nothing_behind() {
    for (name, program) in programs() {
        for _ in 0..2 {
            let running = Program::new(&[&program]).start();
            let folder = format!("/tmp/rstrace-calls-{:010}", running.pid());
            let output = running.finish().ended_well();
            assert!(!Path::new(&folder).exists(), "{name} leaves {folder}");
            assert_eq!(output.stdout + &output.stderr, "", "{name}");
        }
    }
}
