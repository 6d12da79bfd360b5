//! `-f`: no call of a child is missed, however short it lives.

use std::collections::BTreeMap;

use rstrace_tests::{Finished, Line, Output, Program, Rstrace, Scratch, fixture, said_number, scale};

/// What stands between these in the calls that have both, each with how often it is there.
fn between<'a>(calls: &'a [String], before: &str, behind: &str) -> BTreeMap<&'a str, usize> {
    let mut all = BTreeMap::new();
    for call in calls {
        let rest = call.split_once(before).map(|(_, rest)| rest);
        if let Some((found, _)) = rest.and_then(|rest| rest.split_once(behind)) {
            *all.entry(found).or_default() += 1;
        }
    }
    all
}

/// Every call of every child is shown once, and as many as they counted themselves.
#[track_caller]
fn shows_all(run: &Finished, said: &Output, children: u64) {
    let calls = run.trace.calls();
    let numbers: Vec<String> = (0..children).map(|number| number.to_string()).collect();
    let each_once: BTreeMap<&str, usize> = numbers.iter().map(|number| (number.as_str(), 1)).collect();
    for (before, behind, what) in [("/life-", "\"", "opens"), ("\"<", ">\"", "writes")] {
        let shown = between(&calls, before, behind);
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

/// The calls of a process by their names, each with how often it is there.
fn counts(lines: &[Line]) -> BTreeMap<&str, u64> {
    let mut counts = BTreeMap::new();
    for name in lines.iter().filter(|line| line.is_call()).filter_map(|line| line.text.split('(').next()) {
        *counts.entry(name).or_default() += 1;
    }
    counts
}

#[test]
fn workers_of_a_server_are_shown_whole_whether_they_were_there_or_are_made_later() {
    let scratch = Scratch::new();
    let (workers, life, total) = scale::server();
    let socket = scratch.at("socket");
    let [workers_word, life, total_word] = [workers, life, total].map(|number| number.to_string());
    let prefork = fixture("prefork");
    let server = Program::new(&[&prefork, "serve", &socket, &workers_word, &life, &total_word]).start();
    let said = server.wait_for_stdout("\n");
    let pids = said.strip_prefix("pids ").expect("the server says who is there").split_whitespace();
    let pids: Vec<u32> = pids.map(|pid| pid.parse().expect("a number")).collect();
    assert_eq!(pids.len() as u64, workers + 1);
    let tracing =
        Rstrace::with(&["-e", "trace=accept,read,write,close,exit_group,fork", "-e", "signal=none"]);
    let tracing = tracing.follow().stats().attach_to(&pids);
    Program::new(&[&prefork, "ask", &socket, "3", &total_word]).run().ended_well();
    let server = server.finish().ended_well();
    let run = tracing.finish().ended_well();

    let by_pid = run.trace.by_pid();
    let own = server.stdout.lines().filter_map(|line| line.strip_prefix("worker "));
    let mut served = 0;
    let mut all = 0;
    for own in own {
        let own: Vec<u64> = own.split(' ').map(|number| number.parse().expect("a number")).collect();
        let [pid, accepts, reads, writes, closes] = own[..] else { panic!("{own:?}") };
        let shown = by_pid.get(&(pid as u32)).map_or_else(BTreeMap::new, |lines| counts(lines));
        let made =
            [("accept", accepts), ("read", reads), ("write", writes), ("close", closes), ("exit_group", 1)];
        let made: BTreeMap<&str, u64> = made.into_iter().filter(|(_, calls)| *calls > 0).collect();
        assert_eq!(shown, made, "worker {pid}");
        served += accepts;
        all += 1;
    }
    assert_eq!(served, total);
    let later = said_number(&server.stdout, "made-later");
    assert_eq!(all, workers + later);
    let forks = counts(&by_pid[pids.last().expect("the server itself")])["fork"];
    assert_eq!(forks, later);
    let calls = run.trace.calls();
    let answers = between(&calls, "\"<", ">\"");
    assert!(answers.values().all(|times| *times == 1) && answers.len() as u64 == total, "{answers:?}");
    let ledger = run.ledger();
    assert_eq!((ledger.lost, ledger.incomplete), (0, 0), "{ledger:?}");
}
