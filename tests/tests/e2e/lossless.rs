//! Nothing is lost: traced threads wait for the reader, and the reader waits for nobody.

use std::io::Read;

use rstrace_tests::{Ledger, Program, Rstrace, Scratch, fixture, rstrace_binary, scale};

/// So small that it fills up again and again.
const SMALL_BUFFER: &str = "256k";

fn storm(run: Rstrace, path: &str) -> Ledger {
    let (threads, each) = (scale::STORM_THREADS.to_string(), scale::repeated(scale::STORM).to_string());
    run.stats().run(&[&fixture("open_storm"), &threads, &each, path]).ended_well().ledger()
}

#[test]
fn a_storm_into_a_small_buffer_loses_nothing() {
    let scratch = Scratch::new();
    let path = scratch.file("f", "");
    for transport in ["ring", "perf"] {
        let run =
            Rstrace::tracing("trace=openat,close").and(&["--transport", transport, "--buffer", SMALL_BUFFER]);
        let ledger = storm(run, &path);
        assert_eq!(ledger.lost, 0, "{transport}: {ledger:?}");
        assert!(ledger.seen >= 2 * scale::STORM_THREADS * scale::repeated(scale::STORM), "{ledger:?}");
    }
}

#[test]
fn who_asks_for_it_loses_calls_and_waits_for_nobody() {
    let scratch = Scratch::new();
    let path = scratch.file("f", "");
    let run = Rstrace::tracing("trace=openat,close").and(&["--loss", "drop", "--buffer", "4k"]);
    let ledger = storm(run, &path);
    assert!(ledger.lost > 0, "{ledger:?}");
    assert_eq!(ledger.seen, ledger.delivered + ledger.lost);
}

/// The trace goes into a pipe that nobody reads until the program has made all its calls.
#[test]
fn an_output_that_is_not_read_holds_nobody_up() {
    let scratch = Scratch::new();
    let (path, pipe) = (scratch.file("f", ""), scratch.at("pipe"));
    nix::unistd::mkfifo(pipe.as_str(), nix::sys::stat::Mode::S_IRWXU).expect("a named pipe");
    let (threads, each) = (scale::STORM_THREADS, scale::repeated(scale::STORM));
    let binary = rstrace_binary();
    let words = [&binary, "-e", "trace=openat", "-o", &pipe, "--buffer", SMALL_BUFFER, "--"];
    let storm = [&fixture("open_storm"), &threads.to_string(), &each.to_string(), &path];
    let running = Program::new(&[&words[..], &storm.map(String::as_str)].concat()).start();
    let mut trace = std::fs::File::open(&pipe).expect("rstrace opens it too");
    running.wait_for_stdout("opens");
    let mut text = String::new();
    trace.read_to_string(&mut text).expect("text");
    running.finish().ended_well();
    let opens = text.lines().filter(|line| line.contains(&path)).count() as u64;
    assert_eq!(opens, threads * each);
    assert!(!text.contains("lost"), "{text}");
}
