//! `--json`: every line conforms to the schema and says what strace says of the same run.

use std::collections::BTreeMap;

use nix::sys::signal::Signal;
use rstrace_tests::differ::Call;
use rstrace_tests::{
    Line, Objects, Program, Rstrace, SameRun, Scratch, fixture, in_vm, limit, needs, said_number, skip, until,
};
use serde_json::Value;

use crate::call_fixtures::programs;

const WRITTEN: &str = "how a value is written is the same on every kernel";

/// The names and results of calls, as strace writes them.
type Calls = Vec<(String, String)>;

/// A call of a line of strace's; how a result is explained is left out of those that are no errors.
fn by_strace(line: &Line) -> Option<(String, String)> {
    let call = Call::parse(&line.text)?;
    let result = match call.result.strip_prefix("? ").or(call.result.strip_prefix("-1 ")) {
        Some(_) => call.result.to_owned(),
        None => {
            let word = call.result.split(' ').next().unwrap_or_default();
            let hex = word.strip_prefix("0x").map(|hex| u64::from_str_radix(hex, 16));
            // the one call whose result is in octal
            let octal = (call.name == "umask").then(|| u64::from_str_radix(word, 8));
            match hex.or(octal) {
                Some(number) => (number.expect("a number") as i64).to_string(),
                None => word.to_owned(),
            }
        }
    };
    Some((call.name.to_owned(), result))
}

/// Likewise, of an object.
fn by_rstrace(call: &Value) -> (String, String) {
    let result = &call["result"];
    let text = |member: &str| result[member].as_str().unwrap_or_default();
    let word = match text("outcome") {
        "returned" => {
            let raw = u64::from_str_radix(text("raw").trim_start_matches("0x"), 16).expect("hex");
            (raw as i64).to_string()
        }
        "failed" => format!("-1 {} ({})", text("error"), text("text")),
        "interrupted" => format!("? {} ({})", text("error"), text("text")),
        _ => "?".to_owned(),
    };
    (call["syscall"].as_str().expect("a name").to_owned(), word)
}

/// Lets strace and `rstrace --json` watch a run: the calls of each thread are the same.
fn compare(run: SameRun) -> Objects {
    let (strace, rstrace) = run.watch();
    let expected: BTreeMap<u64, Calls> = strace
        .by_pid()
        .into_iter()
        .map(|(pid, lines)| {
            (pid.into(), lines.iter().filter(|l| l.is_call()).filter_map(by_strace).collect())
        })
        .collect();
    let objects = Objects::parse(rstrace.lines.iter().map(|line| line.text.as_str()));
    let mut calls: Vec<&Value> = objects.of_type("call").collect();
    calls.sort_by_key(|call| Objects::time(call, "mono_ns"));
    // what the gate waits in until both are attached
    let gate = calls.iter().position(|call| call["syscall"] == "read").expect("the gate reads");
    calls.remove(gate);
    let mut found: BTreeMap<u64, Calls> = BTreeMap::new();
    for call in calls {
        found.entry(call["tid"].as_u64().expect("an id")).or_default().push(by_rstrace(call));
    }
    assert!(expected.values().map(Vec::len).sum::<usize>() > 10, "{expected:?}");
    for (tid, calls) in &expected {
        let found = found.get(tid).map(Vec::as_slice).unwrap_or_default();
        for (place, (theirs, ours)) in calls.iter().zip(found).enumerate() {
            assert_eq!(theirs, ours, "call {place} of {tid}");
        }
        assert_eq!(calls.len(), found.len(), "calls of {tid}");
    }
    assert_eq!(found.len(), expected.len(), "threads");
    assert_eq!(objects.ledger()["lost"]["total"], 0);
    objects
}

#[test]
fn a_shell_with_a_pipe_makes_the_calls_that_strace_sees() {
    needs!("strace", "sh");
    if in_vm() {
        skip!("{WRITTEN}");
    }
    let command = ["sh", "-c", "cat /proc/nope | cat; kill -TERM $$"];
    let objects = compare(SameRun::new(&command, &["-e", "signal=none"], &["--json"]));
    let ends: Vec<_> = objects.of_type("exit").map(|exit| &exit["status"]).collect();
    assert_eq!(ends.len(), 3, "{ends:?}");
    assert_eq!(ends.iter().filter(|end| end["killed"]["name"] == "SIGTERM").count(), 1, "{ends:?}");
    assert_eq!(objects.of_type("fork").count(), 2);
    assert!(objects.of_type("signal").any(|s| s["signal"]["name"] == "SIGCHLD" && s["stage"] == "delivered"));
    // the name of a thread is the one that it has when it calls
    for call in objects.calls("execve").filter(|call| call["result"]["outcome"] == "returned") {
        assert_ne!(call["comm"], "cat", "{call}");
    }
    assert!(objects.calls("openat").any(|call| call["comm"] == "cat"));
}

#[test]
fn git_status_makes_the_calls_that_strace_sees() {
    if in_vm() {
        skip!("there is no git in the virtual machine");
    }
    needs!("strace", "git");
    let scratch = Scratch::new();
    let repo = scratch.fresh_folder("repo");
    Program::new(&["git", "init", "-q", &repo]).run().ended_well();
    scratch.file("repo/file", "content\n");
    compare(SameRun::new(&["git", "-C", &repo, "status"], &[], &["--json"]));
}

#[test]
fn python_makes_the_calls_that_strace_sees() {
    if in_vm() {
        skip!("there is no python in the virtual machine");
    }
    needs!("strace", "python3");
    compare(SameRun::new(&["python3", "-c", "import json"], &[], &["--json"]));
}

#[test]
fn every_call_of_the_fixtures_conforms_to_the_schema() {
    if in_vm() {
        skip!("{WRITTEN}");
    }
    for options in [&["--json"][..], &["--json", "-v"]] {
        for program in programs().values() {
            let run = Rstrace::with(options).follow().run(&[program]);
            let objects = Objects::parse(run.text.lines());
            let calls = objects.of_type("call").count() as u64;
            let ledger = objects.ledger();
            assert_eq!(Some(calls), ledger["seen"].as_u64(), "{program}: {ledger}");
        }
    }
}

#[test]
fn without_a_file_all_that_is_said_is_objects() {
    if in_vm() {
        skip!("{WRITTEN}");
    }
    let tracing = Rstrace::with(&["--json", "-e", "open,exec"]).to_stderr();
    let tracing = tracing.start(&[&fixture("open_burst"), "1", "/dev/null"]);
    let pid = tracing.running.pid();
    let run = tracing.finish();
    let objects = Objects::parse(run.text.lines());
    let open = objects.calls("openat").next().expect("it opens a file");
    assert_eq!(Objects::argument(open, "pathname"), "/dev/null");
    assert_eq!(Objects::argument(open, "dirfd")["name"], "AT_FDCWD");
    assert_eq!(open["result"]["outcome"], "returned");
    let exec = objects.calls("execve").next().expect("it is executed");
    assert_eq!(Objects::argument(exec, "argv")[1], "1");
    assert_eq!(exec["notes"]["ppid"], pid);
}

#[test]
fn hostile_names_come_back_byte_by_byte() {
    if in_vm() {
        skip!("{WRITTEN}");
    }
    let scratch = Scratch::new();
    let run = Rstrace::with(&["--json", "-e", "open"]);
    let run = run.run(&[&fixture("hostile_names"), &scratch.fresh_folder("d")]).ended_well();
    let objects = Objects::parse(run.text.lines());
    let path = |call: &Value| Objects::bytes(Objects::argument(call, "pathname"));
    let names: Vec<Vec<u8>> = objects.of_type("call").map(path).collect();
    assert_eq!(names.len() as u64, said_number(&run.output.stdout, "opens"));
    let every = |with_slash: bool| (1..=255).filter(|byte| with_slash || *byte != b'/').collect::<Vec<u8>>();
    for name in [
        &b"new\nline"[..],
        b"quote\"d 'single' back\\slash",
        b"\x1b[31mred\x1b[0m\x1b]0;title\x07",
        b"\x9b31m one-byte escape",
        b"\xff\xfe not UTF-8 \xc0\x80 overlong \xed\xa0\x80 surrogate",
        "\u{202e} right to left \u{202c}".as_bytes(),
        b"tab\tvertical\x0bform\x0creturn\rbell\x07backspace\x08",
        "caf\u{e9}".as_bytes(),
        b"",
        &every(false),
        &every(true),
    ] {
        assert!(names.iter().any(|other| other == name), "{} in {names:?}", name.escape_ascii());
    }
}

#[test]
fn lost_calls_stand_in_the_stream_and_add_up_to_the_ledger() {
    if in_vm() {
        skip!("what is lost on each kernel is the matter of the ledger's tests");
    }
    let attempt = || {
        let run = Rstrace::with(&["--json", "-e", "open", "--loss", "drop", "--buffer", "4k"]).stats();
        let run = run.run(&[&fixture("open_burst"), "20000", "/dev/null"]).ended_well();
        let objects = Objects::parse(run.text.lines());
        (run, objects)
    };
    // where both share a CPU, the reader may happen to keep up
    let lost_any = |(_, objects): &(_, Objects)| objects.of_type("lost").next().is_some();
    let lossy = (0..20).map(|_| attempt()).find(lost_any);
    let (run, objects) = lossy.expect("losses in one of 20 runs");
    let ledger = objects.ledger();
    let number = |value: &Value| value.as_u64().expect("a number");
    let lost: u64 = objects.of_type("lost").map(|lost| number(&lost["calls"])).sum();
    assert!(lost > 0, "{ledger}");
    assert_eq!(lost, number(&ledger["lost"]["total"]));
    assert_eq!(objects.of_type("call").count() as u64, number(&ledger["delivered"]));
    assert_eq!(number(&ledger["seen"]), 20_000);
    let said = rstrace_tests::Ledger::parse(&run.output.stderr);
    assert_eq!((said.seen, said.lost), (number(&ledger["seen"]), lost));
    // at the place where they are missing: before a call that came later
    let first = objects.0.iter().position(|object| object["type"] == "lost").expect("there is one");
    assert_eq!(objects.0[first + 1]["type"], "call");
}

#[test]
fn what_filters_leave_out_is_no_object_and_in_the_ledger() {
    let options = ["--json", "-e", "trace=getppid,dup", "-Z"];
    let run = Rstrace::with(&options).run(&[&fixture("counted_calls"), "1", "1", "100"]).ended_well();
    let objects = Objects::parse(run.text.lines());
    let failed = objects.calls("dup").filter(|call| call["result"]["error"] == "EBADF").count();
    assert_eq!((objects.of_type("call").count(), failed), (10, 10), "{}", run.text);
    let ledger = objects.ledger();
    assert_eq!((&ledger["seen"], &ledger["left_out"]), (&10.into(), &100.into()), "{ledger}");
    assert_eq!(objects.0.last().map(|end| &end["expired"]), Some(&false.into()));
}

#[test]
fn the_end_says_that_there_were_enough_calls() {
    let options = ["--json", "-e", "getppid", "--count", "3"];
    let run = Rstrace::with(&options).run(&[&fixture("counted_calls"), "1", "1", "100000"]).ended_well();
    let objects = Objects::parse(run.text.lines());
    assert_eq!((objects.of_type("call").count(), &objects.ledger()["delivered"]), (3, &3.into()));
    assert_eq!(objects.0.last().map(|end| &end["expired"]), Some(&true.into()));
}

#[test]
fn a_call_in_which_a_process_is_killed_has_died() {
    let scratch = Scratch::new();
    let fifo = scratch.at("fifo");
    let run = Rstrace::with(&["--json", "-e", "open", "-f"]).run(&[&fixture("killed_in_open"), &fifo]);
    let objects = Objects::parse(run.text.lines());
    let of_fifo = |call: &&Value| Objects::argument(call, "pathname") == fifo.as_str();
    let opens: Vec<_> = objects.of_type("call").filter(of_fifo).collect();
    assert_eq!(opens.len(), 1, "{opens:?}");
    assert_eq!(opens[0]["result"]["outcome"], "died");
    assert!(opens[0]["duration_ns"].is_null());
}

#[test]
fn a_call_that_blocks_is_told_of_before_it_returns_and_at_the_end() {
    let mut cat = Program::new(&["cat"]).with_stdin().start();
    cat.tell(b"x");
    cat.wait_for_stdout("x");
    let tracing = Rstrace::with(&["--json", "-e", "trace=read,write"]).attach(cat.pid());
    let so_far = || tracing.trace_so_far().lines;
    let has_entered = |count: usize| {
        let entered = so_far().iter().filter(|line| line.text.contains("\"type\":\"entered\"")).count();
        (entered >= count).then_some(())
    };
    // the one that it was in when rstrace came, and the next
    until("the first read is told of", limit(), || has_entered(1));
    cat.tell(b"y");
    until("the second read is told of", limit(), || has_entered(2));
    tracing.running.signal(Signal::SIGINT);
    let run = tracing.finish();
    let objects = Objects::parse(run.text.lines());
    let types: Vec<_> = objects.0.iter().map(|object| object["type"].as_str().expect("a type")).collect();
    assert_eq!(
        types,
        ["start", "attach", "entered", "call", "call", "entered", "call", "detach", "end"],
        "{}",
        run.text
    );
    let [before, read, write, entered, unfinished] = &objects.0[2..7] else { panic!("{types:?}") };
    assert_eq!((&before["syscall"], &before["entry_seen"]), (&"read".into(), &false.into()));
    assert_eq!((&read["syscall"], &write["syscall"]), (&"read".into(), &"write".into()));
    assert_eq!(Objects::argument(read, "buf"), "y");
    assert_eq!(entered["mono_ns"], unfinished["mono_ns"]);
    assert_eq!(unfinished["result"]["outcome"], "unfinished");
    // what it would read nobody knows
    assert_eq!(entered["args"].as_array().map(Vec::len), Some(1));
    assert_eq!(objects.0[0]["target"]["pids"][0], cat.pid());
    assert_eq!(objects.0.last().expect("the end")["interrupted"]["name"], "SIGINT");
    assert_eq!(objects.ledger()["lost"]["ended_within"], 1);
}
