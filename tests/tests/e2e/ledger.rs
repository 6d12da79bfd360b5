//! The exact account: what a program counted itself is what was seen, and the sums are right.

use rstrace_tests::{
    Count, Doctor, Finished, Ledger, Offer, Program, Rstrace, Running, Scratch, Verdict, fixture, scale,
};

const SMALLEST_BUFFER: &str = "4k";

fn burst(run: Rstrace, opens: u64, path: &str) -> Finished {
    run.stats().run(&[&fixture("open_burst"), &opens.to_string(), path]).ended_well()
}

fn storm(run: Rstrace, each: u64, path: &str) -> Finished {
    let (threads, each) = (scale::STORM_THREADS.to_string(), each.to_string());
    run.stats().run(&[&fixture("open_storm"), &threads, &each, path]).ended_well()
}

fn bystanders(scratch: &Scratch) -> Running {
    let words = [fixture("fifo_blockers"), scale::BYSTANDERS.to_string(), scratch.at("bystanders")];
    let blocked = Program::new(&words).with_stdin().start();
    blocked.wait_for_stdout("ready");
    blocked
}

#[test]
fn a_burst_of_one_thread_is_seen_whole() {
    let scratch = Scratch::new();
    let ledger = burst(Rstrace::tracing("open"), scale::BURST, &scratch.file("f", "")).ledger_of_lines();
    assert_eq!(ledger.seen, scale::BURST, "{ledger:?}");
}

#[test]
fn a_storm_of_many_threads_is_seen_whole() {
    let scratch = Scratch::new();
    let ledger = storm(Rstrace::tracing("open"), scale::STORM, &scratch.file("f", "")).ledger_of_lines();
    assert_eq!(ledger.seen, scale::STORM_THREADS * scale::STORM, "{ledger:?}");
}

#[test]
fn a_tiny_buffer_loses_calls_but_not_the_count_of_them() {
    let scratch = Scratch::new();
    let path = scratch.file("f", "");
    let (opens, each) = (scale::repeated(scale::BURST), scale::repeated(scale::STORM));
    for offer in Doctor::ask().usable("open").iter().filter(|o| sees_every_call(o)) {
        let tiny =
            || Rstrace::tracing("open").forced(offer).and(&["--loss", "drop", "--buffer", SMALLEST_BUFFER]);
        let ledger = burst(tiny(), opens, &path).ledger_of_lines();
        assert_eq!(ledger.seen, opens, "{offer}: {ledger:?}");
        let ledger = storm(tiny(), each, &path).ledger_of_lines();
        assert_eq!(ledger.seen, scale::STORM_THREADS * each, "{offer}: {ledger:?}");
    }
}

#[test]
fn strict_fails_if_and_only_if_something_was_lost() {
    let scratch = Scratch::new();
    let path = scratch.file("f", "");
    let (threads, each) = (scale::STORM_THREADS.to_string(), scale::repeated(scale::STORM).to_string());
    for buffer in [SMALLEST_BUFFER, "64m"] {
        let run = Rstrace::tracing("open").stats().and(&["--strict", "--loss", "drop", "--buffer", buffer]);
        let run = run.run(&[&fixture("open_storm"), &threads, &each, &path]);
        let ledger = run.ledger_of_lines();
        assert_eq!(run.output.status.success(), ledger.lost == 0, "{} with {ledger:?}", run.output.status);
    }
}

#[test]
fn losses_are_summed_up_without_being_asked_for() {
    let scratch = Scratch::new();
    let path = scratch.file("f", "");
    let (threads, each) = (scale::STORM_THREADS.to_string(), scale::repeated(scale::STORM).to_string());
    let run = Rstrace::tracing("open").and(&["--loss", "drop", "--buffer", SMALLEST_BUFFER]);
    let run = run.run(&[&fixture("open_storm"), &threads, &each, &path]).ended_well();
    let summed_up = run.output.stderr.contains("lost");
    assert_eq!(summed_up, run.trace.lost() > 0, "{}", run.output.stderr);
}

#[test]
fn nothing_is_said_of_a_ledger_without_losses() {
    let run = Rstrace::tracing("open").run(&[&fixture("open_burst"), "10", "/dev/null"]).ended_well();
    assert_eq!(run.output.stderr, "");
}

#[test]
fn blocked_bystanders_hide_no_call() {
    let scratch = Scratch::new();
    let path = scratch.file("f", "");
    let _blocked = bystanders(&scratch);
    let run = Rstrace::tracing("open").stats().run(&[&fixture("open_burst"), "1000", &path]).ended_well();
    let ledger = run.ledger_of_lines();
    assert_eq!((ledger.seen, ledger.lost), (1000, 0), "{ledger:?}");
}

#[test]
fn a_forced_backend_that_misses_calls_says_so() {
    let scratch = Scratch::new();
    let path = scratch.file("f", "");
    let _blocked = bystanders(&scratch);
    let each = scale::repeated(scale::STORM);
    for offer in Doctor::ask().usable("open") {
        let forced = || Rstrace::tracing("open").forced(&offer);
        let run = forced().stats().run(&[&fixture("open_burst"), "1000", &path]).ended_well();
        accounts_for(&offer, &run.ledger_of_lines(), 1000);
        let run = storm(forced(), each, &path);
        accounts_for(&offer, &run.ledger_of_lines(), scale::STORM_THREADS * each);
    }
}

/// Whether doctor names no caveat.
fn sees_every_call(offer: &Offer) -> bool {
    matches!(offer.verdict, Verdict::Usable { caveat: None, .. })
}

/// What a backend did not see it must have announced, in doctor or as recursion in the ledger.
#[track_caller]
fn accounts_for(offer: &Offer, ledger: &Ledger, opens: u64) {
    assert!(ledger.seen <= opens, "{offer}: more than there were: {ledger:?}");
    let unseen = opens - ledger.seen;
    if unseen == 0 {
        return;
    }
    assert!(!sees_every_call(offer), "{offer} has no caveat, but missed {unseen}: {ledger:?}");
    match ledger.recursion {
        Count::Unknown => {}
        // Machine-wide, and counted for entry and return: an upper bound.
        Count::Known(skipped) => assert!(skipped >= unseen, "{offer}: missed {unseen}, {ledger:?}"),
    }
}
