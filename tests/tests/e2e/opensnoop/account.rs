//! Nothing is lost silently.

use nix::sys::signal::Signal;
use rstrace_tests::{Opensnoop, Program, Scratch, fixture, in_vm, scale, skip};

/// Opens that a buffer of 256 KiB holds: those of BCC's default size.
const IN_64_PAGES: u64 = 1_000;

#[test]
fn a_burst_is_shown_or_counted_exactly() {
    let scratch = Scratch::new();
    let path = scratch.file("f", "");
    for (pages, burst) in [
        (None, scale::BURST),
        (Some("64"), scale::repeated(scale::BURST)),
        (Some("1"), scale::repeated(scale::BURST)),
    ] {
        let opens = burst.to_string();
        let options: Vec<&str> = pages.iter().flat_map(|pages| ["--loss", "drop", "-b", *pages]).collect();
        let run =
            Opensnoop::with(&options).run(&["--stats", "--exec", &fixture("open_burst"), &opens, &path]);
        let run = run.ended_with(0);
        let ledger = run.ledger();
        assert_eq!(ledger.seen, burst, "{ledger:?}");
        assert_eq!(run.table().len() as u64, ledger.delivered, "{ledger:?}");
        assert!(run.paths().iter().all(|shown| *shown == path));
        let told: u64 = run.output.stderr.lines().filter_map(lost_here).sum();
        assert_eq!(told, ledger.lost_by("buffer full"), "{}", run.output.stderr);
    }
}

/// `opensnoop: 12 opens lost: the buffer was full`.
fn lost_here(line: &str) -> Option<u64> {
    line.strip_prefix("opensnoop: ")?.strip_suffix(" opens lost: the buffer was full")?.parse().ok()
}

#[test]
fn strict_fails_if_and_only_if_an_open_was_lost() {
    if in_vm() {
        skip!("the ledger's tests show it for each kernel");
    }
    let scratch = Scratch::new();
    let path = scratch.file("f", "");
    let opens = scale::repeated(scale::BURST).to_string();
    for pages in ["1", "16384"] {
        let words = ["--exec", &fixture("open_burst"), &opens, &path];
        let run = Opensnoop::with(&["--strict", "--stats", "--loss", "drop", "-b", pages]).run(&words);
        let ledger = run.ledger();
        assert_eq!(run.output.status.success(), ledger.lost == 0, "{} with {ledger:?}", run.output.status);
    }
}

#[test]
fn a_small_buffer_holds_a_thousand_opens() {
    let scratch = Scratch::new();
    let path = scratch.file("f", "");
    let words = [fixture("gate"), fixture("open_burst"), IN_64_PAGES.to_string(), path];
    let mut target = Program::new(&words).with_stdin().start();
    target.wait_for_stdout("pid");
    let snooping = Opensnoop::with(&["-b", "64", "--loss", "drop"]).attach_to(&[target.pid()]);
    // it reads nothing until all is there
    snooping.running.signal(Signal::SIGSTOP);
    target.tell(b"\n");
    target.wait();
    snooping.running.signal(Signal::SIGCONT);
    let run = snooping.finish().ended_with(0);
    let ledger = run.ledger();
    assert_eq!((ledger.seen, ledger.lost), (IN_64_PAGES, 0), "{ledger:?}");
}

#[test]
fn what_is_filtered_costs_no_room_and_is_not_counted() {
    let scratch = Scratch::new();
    let path = scratch.file("f", "");
    let opens = scale::repeated(scale::BURST).to_string();
    for filter in [&["-x"][..], &["-n", "another"], &["-f", "O_WRONLY"], &["-u", "65534"]] {
        let words = ["--exec", &fixture("open_burst"), &opens, &path];
        let run = Opensnoop::with(&[filter, &["--stats", "-b", "1"]].concat()).run(&words).ended_with(0);
        let ledger = run.ledger();
        assert_eq!((ledger.seen, run.table().len()), (0, 0), "{filter:?}: {ledger:?}");
    }
}

#[test]
fn paths_on_dropped_pages_are_no_empty_names() {
    let scratch = Scratch::new();
    let count = scale::DROPPED_PAGES.to_string();
    let folder = scratch.fresh_folder("d");
    for options in [&[][..], &["-F"]] {
        let run = Opensnoop::with(options).run(&["--exec", &fixture("dropped_page_path"), &count, &folder]);
        let paths = run.ended_with(0).paths();
        for number in 0..scale::DROPPED_PAGES {
            let path = format!("{folder}/dropped-{number:04}");
            assert!(paths.contains(&path), "{path} with {options:?} in {paths:?}");
        }
    }
}
