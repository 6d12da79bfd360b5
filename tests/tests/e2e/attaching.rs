//! Processes that run already: attaching, detaching, and what stays behind.

use std::collections::BTreeSet;
use std::fs;

use nix::sys::signal::Signal;
use rstrace_tests::{
    Program, Rstrace, Running, Scratch, Snapshot, fixture, in_vm, limit, said_number, scale, skip, until,
};

fn threads() -> usize {
    // an emulated machine has one processor's time for all of them and the tracer
    if rstrace_tests::in_vm() { 2 } else { 8 }
}

/// A process with busy threads, and their ids.
fn busy_process() -> (Running, BTreeSet<u32>) {
    let program = Program::new(&[&fixture("many_threads_busy"), &threads().to_string(), "/dev/null"]);
    let busy = program.with_stdin().start();
    busy.wait_for_stdout("ready");
    let tasks = fs::read_dir(format!("/proc/{}/task", busy.pid())).expect("it runs");
    let all = tasks.map(|t| t.expect("it runs").file_name().to_str().and_then(|n| n.parse().ok()));
    let all: Option<BTreeSet<u32>> = all.collect();
    let mut tids = all.expect("ids are numbers");
    // The leader only waits.
    tids.remove(&busy.pid());
    (busy, tids)
}

#[track_caller]
fn is_untouched(pid: u32) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs on");
    let field = |name: &str| status.lines().find_map(|l| l.strip_prefix(name)).map(str::trim);
    assert_eq!(field("TracerPid:"), Some("0"));
    assert!(!field("State:").expect("it has a state").starts_with(['T', 't']), "{status}");
}

#[track_caller]
fn ends_well(mut busy: Running) {
    busy.end_stdin();
    let output = busy.finish().ended_well();
    assert!(output.stdout.lines().any(|l| l == "well"), "{}", output.stdout);
}

#[test]
fn every_thread_of_a_busy_process_is_shown_and_it_runs_on_after_ctrl_c() {
    let (busy, tids) = busy_process();
    let tracing = Rstrace::tracing("open").follow().attach(busy.pid());
    until("all threads are in the file", limit(), || {
        let trace = tracing.trace_so_far();
        let shown: BTreeSet<u32> = trace.lines.iter().filter_map(|l| l.pid).collect();
        shown.is_superset(&tids).then_some(())
    });
    tracing.running.signal(Signal::SIGINT);
    let run = tracing.finish();
    assert!(run.text.ends_with('\n'), "the last line is whole");
    is_untouched(busy.pid());
    ends_well(busy);
}

#[test]
fn cycles_of_attaching_and_detaching_leave_nothing_behind() {
    let (busy, _) = busy_process();
    let fds = || fs::read_dir(format!("/proc/{}/fd", busy.pid())).expect("it runs").count();
    let (before, fds_before) = (Snapshot::take(), fds());
    for _ in 0..scale::attach_cycles() {
        let tracing = Rstrace::tracing("open").attach(busy.pid());
        tracing.running.signal(Signal::SIGINT);
        tracing.finish();
    }
    before.nothing_is_left();
    // Each thread has one file open at most, at any moment.
    assert!(fds().abs_diff(fds_before) <= threads());
    is_untouched(busy.pid());
    ends_well(busy);
}

#[test]
fn one_thread_alone_can_be_traced() {
    let (busy, tids) = busy_process();
    let tid = *tids.first().expect("it has threads");
    let tracing = Rstrace::tracing("open").stats().and(&["--tid", &tid.to_string()]).start_alone();
    until("the thread is in the file", limit(), || (tracing.trace_so_far().lines.len() > 10).then_some(()));
    tracing.running.signal(Signal::SIGINT);
    let run = tracing.finish();
    let shown: BTreeSet<u32> = run.trace.lines.iter().filter(|l| l.is_call()).filter_map(|l| l.pid).collect();
    assert!(shown.is_empty() || shown == BTreeSet::from([tid]), "{shown:?}");
    run.ledger();
    ends_well(busy);
}

#[test]
fn rstrace_ends_when_all_its_targets_are_gone() {
    let scratch = Scratch::new();
    let path = scratch.file("f", "");
    let gate = || {
        let program = Program::new(&[fixture("gate"), fixture("open_burst"), "10".into(), path.clone()]);
        program.with_stdin().start()
    };
    let (mut one, mut two) = (gate(), gate());
    one.wait_for_stdout("pid");
    two.wait_for_stdout("pid");
    let tracing = Rstrace::tracing("open").follow().stats().attach_to(&[one.pid(), two.pid()]);
    for target in [&mut one, &mut two] {
        target.tell(b"\n");
    }
    let run = tracing.finish().ended_well();
    let by_pid = run.trace.by_pid();
    for target in [&one, &two] {
        let calls = by_pid[&target.pid()].iter().filter(|l| l.is_call()).count();
        assert_eq!(calls, 10, "{}", run.text);
    }
    assert_eq!(run.ledger().seen, 20);
}

#[test]
fn two_rstraces_on_one_target_see_the_same() {
    let scratch = Scratch::new();
    // those that every backend sees
    let words = [fixture("gate"), fixture("open_flags"), "late".into(), scratch.fresh_folder("d")];
    let mut target = Program::new(&words).with_stdin().start();
    target.wait_for_stdout("pid");
    let one = Rstrace::tracing("open").follow().attach(target.pid());
    let two = Rstrace::tracing("open").follow().attach(target.pid());
    target.tell(b"\n");
    let output = target.finish().ended_well();
    let (one, two) = (one.finish().ended_well(), two.finish().ended_well());
    assert_eq!(one.trace.calls(), two.trace.calls());
    assert_eq!(one.trace.calls().len() as u64, said_number(&output.stdout, "opens"));
}

#[test]
fn a_process_that_forks_meanwhile_is_followed() {
    let scratch = Scratch::new();
    let folder = scratch.fresh_folder("d");
    let words = [fixture("gate"), fixture("fork_tree"), "2".into(), "3".into(), folder];
    let mut target = Program::new(&words).with_stdin().start();
    target.wait_for_stdout("pid");
    let tracing = Rstrace::tracing("open").follow().stats().attach(target.pid());
    target.tell(b"\n");
    let output = target.finish().ended_well();
    let run = tracing.finish().ended_well();
    assert_eq!(run.ledger().seen, said_number(&output.stdout, "opens"));
    assert_eq!(run.trace.calls().len() as u64, said_number(&output.stdout, "opens"));
}

#[test]
fn the_whole_machine_is_shown_but_rstrace_itself() {
    if !in_vm() {
        skip!("other processes of the host are none of ours");
    }
    let scratch = Scratch::new();
    let path = scratch.file("f", "");
    let words = [fixture("gate"), fixture("open_burst"), "10".into(), path.clone()];
    let mut target = Program::new(&words).with_stdin().start();
    target.wait_for_stdout("pid");
    let tracing = Rstrace::tracing("open").and(&["--all"]).start_alone();
    tracing.running.wait_for_stderr("attached");
    target.tell(b"\n");
    let pid = target.pid();
    target.finish().ended_well();
    until("its opens are in the file", limit(), || {
        (tracing.trace_so_far().calls_with(&path).len() == 10).then_some(())
    });
    let own = tracing.running.pid();
    tracing.running.signal(Signal::SIGINT);
    let run = tracing.finish();
    let by_pid = run.trace.by_pid();
    assert_eq!(by_pid[&pid].iter().filter(|l| l.text.contains(&path)).count(), 10);
    assert!(!by_pid.contains_key(&own), "{}", run.text);
}

#[test]
fn a_user_id_selects_whose_calls_are_shown() {
    if !in_vm() {
        skip!("other processes of the host are none of ours");
    }
    let scratch = Scratch::new();
    let path = scratch.file("f", "");
    let words = [fixture("gate"), fixture("open_burst"), "10".into(), path.clone()];
    let mut roots = Program::new(&words).with_stdin().start();
    let mut nobodys = Program::new(&words).with_stdin().as_nobody().start();
    roots.wait_for_stdout("pid");
    nobodys.wait_for_stdout("pid");
    let tracing = Rstrace::tracing("open").and(&["--all", "--uid", "65534"]).start_alone();
    tracing.running.wait_for_stderr("attached");
    for target in [&mut roots, &mut nobodys] {
        target.tell(b"\n");
        target.wait();
    }
    until("its opens are in the file", limit(), || {
        (tracing.trace_so_far().calls_with(&path).len() >= 10).then_some(())
    });
    tracing.running.signal(Signal::SIGINT);
    let run = tracing.finish();
    let pids: BTreeSet<u32> = run.trace.by_pid().into_keys().collect();
    assert_eq!(pids, BTreeSet::from([nobodys.pid()]), "{}", run.text);
}
