//! Whom opensnoop traces, how long, and how it ends.

use nix::sys::signal::Signal;

use super::{said_rows, variety};
use rstrace_tests::{Opensnoop, Program, Running, Scratch, fixture, in_vm, limit, skip, table, until};

/// A process that makes so many opens of a path when it is told.
fn gate(opens: u32, path: &str) -> Running {
    let gate = Program::new(&[fixture("gate"), fixture("open_burst"), opens.to_string(), path.to_owned()]);
    let gate = gate.with_stdin().start();
    gate.wait_for_stdout("pid");
    gate
}

#[test]
fn exec_traces_children_too_and_has_the_commands_status() {
    let scratch = Scratch::new();
    let command = variety(&scratch);
    let run = Opensnoop::with(&[]).run(&["--exec", &command[0], &command[1]]).ended_with(9);
    assert_eq!(run.table().len(), said_rows(&run.output.stdout).len());
}

#[test]
fn a_command_is_traced_alone_unless_it_is_followed() {
    let scratch = Scratch::new();
    let command = variety(&scratch);
    let run = Opensnoop::with(&[]).run(&[&command[0], &command[1]]).ended_with(9);
    let rows = said_rows(&run.output.stdout);
    let own: Vec<_> = rows.iter().filter(|row| row.pid == rows[0].pid).map(|row| row.path.clone()).collect();
    assert_eq!(run.paths(), own);
    let command = variety(&scratch);
    let run = Opensnoop::with(&["--follow"]).run(&[&command[0], &command[1]]).ended_with(9);
    assert_eq!(run.table().len(), said_rows(&run.output.stdout).len());
}

#[test]
fn a_command_that_is_not_there_is_named() {
    let run = Opensnoop::with(&[]).run(&["--exec", "no-such-command-anywhere"]).ended_with(127);
    assert_eq!(run.output.stderr, "opensnoop: no-such-command-anywhere: command not found\n");
}

#[test]
fn a_process_is_traced_with_all_its_threads_and_a_thread_alone() {
    let scratch = Scratch::new();
    for (options, follow) in [(&["-p"][..], false), (&["-t"], false), (&["--follow", "-p"], true)] {
        let command = variety(&scratch);
        let words = [&fixture("gate"), &command[0], &command[1]];
        let mut target = Program::new(&words).with_stdin().start();
        target.wait_for_stdout("pid");
        let pid = target.pid().to_string();
        let snooping = Opensnoop::with(&["-v"]).start(&[options, &[pid.as_str()]].concat()).attached();
        target.tell(b"\n");
        let rows = said_rows(&target.finish().stdout);
        let run = snooping.finish().ended_with(0);
        let by_thread = options == ["-t"];
        let wanted = |row: &&super::Row| match (by_thread, follow) {
            (true, _) => row.tid == rows[0].tid,
            (false, true) => true,
            (false, false) => row.pid == rows[0].pid,
        };
        let expected: Vec<_> = rows.iter().filter(wanted).map(|row| row.path.clone()).collect();
        assert_eq!(run.paths(), expected, "{options:?}");
        let header = if by_thread { "TID " } else { "PID " };
        assert!(run.text.starts_with(header), "{}", run.text);
    }
}

#[test]
fn it_ends_on_time_when_nothing_happens() {
    let mut target = gate(10, "/dev/null");
    let pid = target.pid().to_string();
    let run = Opensnoop::with(&["-d", "0.2", "-p", &pid]).run(&[]).ended_with(0);
    assert_eq!(run.table().len(), 0);
    // the target lives, and never knew
    target.tell(b"\n");
    target.finish().ended_well();
}

#[test]
fn it_ends_on_time_while_much_happens() {
    if in_vm() {
        skip!("an emulated machine is too slow to be on time");
    }
    let words = [fixture("many_threads_busy"), "2".to_owned(), "/dev/null".to_owned()];
    let mut busy = Program::new(&words).with_stdin().start();
    busy.wait_for_stdout("ready");
    let pid = busy.pid().to_string();
    let run = Opensnoop::with(&["-d", "0.3", "--stats", "-p", &pid]).run(&[]).ended_with(0);
    let ledger = run.ledger();
    assert!(run.table().len() as u64 >= ledger.delivered, "{ledger:?}");
    busy.end_stdin();
    busy.finish().ended_well();
}

#[test]
fn a_command_outlives_the_time_it_is_traced() {
    let snooping = Opensnoop::with(&["-d", "0.2"]).with_stdin();
    let snooping = snooping.start(&["--exec", &fixture("gate"), &fixture("exit_code"), "5"]);
    let gate = snooping.running.wait_for_stdout("pid");
    let pid: i32 = rstrace_tests::said_number(&gate, "pid").try_into().expect("an id");
    let mut snooping = snooping;
    let status = snooping.running.wait();
    assert_eq!(status.code(), Some(0));
    snooping.running.wait_for_stderr("the command runs on");
    assert!(std::fs::metadata(format!("/proc/{pid}")).is_ok(), "it was ended with its tracer");
}

#[test]
fn ctrl_c_ends_the_table_well() {
    let target = gate(1, "/dev/null");
    let snooping = Opensnoop::with(&[]).attach_to(&[target.pid()]);
    snooping.running.signal(Signal::SIGINT);
    snooping.finish().ended_with(0);
}

#[test]
fn without_a_target_the_whole_machine_is_shown_but_opensnoop_itself() {
    if !in_vm() {
        skip!("other processes of the host are none of ours");
    }
    let scratch = Scratch::new();
    let (command, path) = (variety(&scratch), scratch.file("burst", ""));
    let mut bystander = gate(10, &path);
    let words = [&fixture("gate"), &command[0], &command[1]];
    let mut other = Program::new(&words).with_stdin().start();
    other.wait_for_stdout("pid");
    let snooping = Opensnoop::with(&["-v", "-U", "-e"]).start(&[]).attached();
    for target in [&mut bystander, &mut other] {
        target.tell(b"\n");
    }
    let rows = said_rows(&other.finish().stdout);
    until("all opens are in the table", limit(), || {
        let text = snooping.text_so_far();
        let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
        let shown = if whole.is_empty() { Vec::new() } else { table(whole) };
        let count = |path: &str| shown.iter().filter(|row| row["PATH"] == path).count();
        (count(&path) == 10 && count("f") == 4).then_some(())
    });
    let own = snooping.running.pid();
    snooping.running.signal(Signal::SIGINT);
    let run = snooping.finish().ended_with(0);
    let shown = run.table();
    let of = |pid: u32| shown.iter().filter(move |row| row["PID"] == pid.to_string());
    assert_eq!(of(bystander.pid()).filter(|row| row["PATH"] == path).count(), 10, "{}", run.text);
    for row in &rows {
        let same = of(row.pid).filter(|shown| {
            let tells = [("COMM", &row.comm), ("PATH", &row.path)];
            shown["FD"] == row.fd.to_string()
                && shown["UID"] == row.uid.to_string()
                && shown["FLAGS"] == format!("{:08o}", row.flags)
                && tells.iter().all(|(column, value)| shown[*column] == **value)
        });
        assert_eq!(same.count(), 1, "{row:?} in:\n{}", run.text);
    }
    assert_eq!(of(own).count(), 0, "{}", run.text);
}
