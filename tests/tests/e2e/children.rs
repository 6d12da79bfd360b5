//! `-f`: no call of a child is missed, however short it lives.

use std::collections::BTreeMap;

use rstrace_tests::{Finished, Output, Program, Rstrace, Scratch, fixture, said_number, scale};

/// The numbers between these in the calls that have both, each with how often it is there.
fn numbers(calls: &[String], before: &str, behind: &str) -> BTreeMap<u64, usize> {
    let mut all = BTreeMap::new();
    for call in calls {
        let rest = call.split_once(before).map(|(_, rest)| rest);
        if let Some(number) = rest.and_then(|rest| rest.split_once(behind)?.0.parse().ok()) {
            *all.entry(number).or_default() += 1;
        }
    }
    all
}

/// Every call of every child is shown once, and as many as they counted themselves.
#[track_caller]
fn shows_all(run: &Finished, said: &Output, children: u64) {
    let calls = run.trace.calls();
    let each_once: BTreeMap<u64, usize> = (0..children).map(|number| (number, 1)).collect();
    for (before, behind, what) in [("/life-", "\"", "opens"), ("\"<", ">\"", "writes")] {
        let shown = numbers(&calls, before, behind);
        assert_eq!(said_number(&said.stdout, what), children);
        assert!(shown == each_once, "{what}: {} shown, not each once: {shown:?}", shown.len());
    }
    let exits = calls.iter().filter(|call| call.starts_with("exit_group(0)")).count() as u64;
    assert_eq!(exits, said_number(&said.stdout, "exits") + 1, "and that of the program itself");
    let ledger = run.ledger();
    assert_eq!((ledger.lost, ledger.incomplete), (0, 0), "{ledger:?}");
}

fn tracing() -> Rstrace {
    Rstrace::with(&["-e", "trace=openat,write,exit_group"]).follow().stats()
}

#[test]
fn children_of_a_command_that_live_for_three_calls_are_shown_whole() {
    let scratch = Scratch::new();
    let children = scale::children();
    let words = [&fixture("short_lives"), &children.to_string(), &scratch.fresh_folder("d")];
    let run = tracing().run(&words.map(String::as_str)).ended_well();
    shows_all(&run, &run.output, children);
}

#[test]
fn children_of_a_process_that_runs_already_are_shown_whole() {
    let scratch = Scratch::new();
    let children = scale::children();
    let lives = fixture("short_lives");
    let words = [fixture("gate"), lives, children.to_string(), scratch.fresh_folder("d")];
    let mut target = Program::new(&words).with_stdin().start();
    target.wait_for_stdout("pid");
    let tracing = tracing().attach(target.pid());
    target.tell(b"\n");
    let output = target.finish().ended_well();
    shows_all(&tracing.finish().ended_well(), &output, children);
}
