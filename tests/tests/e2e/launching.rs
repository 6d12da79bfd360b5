//! A launched command: its end, its signals, its descendants.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use nix::sys::signal::Signal;
use rstrace_tests::{
    Doctor, Program, Rstrace, Scratch, Snapshot, fixture, in_vm, needs, rstrace_binary, skip,
    tracefs_events_of_rstrace,
};

#[test]
fn the_status_of_the_command_is_rstrace_s_own() {
    if in_vm() {
        skip!("what becomes of the command's status and output is the same on every kernel");
    }
    for code in [0, 1, 7, 126, 127, 255] {
        Rstrace::tracing("open").run(&[&fixture("exit_code"), &code.to_string()]).ended_with(code);
    }
}

#[test]
fn a_command_that_is_not_there_ends_with_127() {
    if in_vm() {
        skip!("what becomes of the command's status and output is the same on every kernel");
    }
    let run = Rstrace::tracing("open").run(&["/nonexistent/command"]).ended_with(127);
    assert!(run.output.stderr.contains("/nonexistent/command"), "{}", run.output.stderr);
    let run = Rstrace::tracing("open").run(&["no-such-command-in-path"]).ended_with(127);
    assert!(run.output.stderr.contains("no-such-command-in-path"), "{}", run.output.stderr);
}

#[test]
fn a_command_that_is_not_executable_ends_with_126() {
    if in_vm() {
        skip!("what becomes of the command's status and output is the same on every kernel");
    }
    let scratch = Scratch::new();
    let file = scratch.file("plain", "no program\n");
    let run = Rstrace::tracing("open").run(&[&file]).ended_with(126);
    assert!(run.output.stderr.contains(&file), "{}", run.output.stderr);
}

#[test]
fn a_command_that_dies_by_a_signal_takes_rstrace_with_it() {
    if in_vm() {
        skip!("what becomes of the command's status and output is the same on every kernel");
    }
    for signal in [Signal::SIGTERM, Signal::SIGKILL, Signal::SIGSEGV, Signal::SIGUSR1] {
        let run = Rstrace::tracing("open").run(&[&fixture("signal_suicide"), &(signal as i32).to_string()]);
        assert_eq!(run.output.status.signal(), Some(signal as i32), "{}", run.output.stderr);
    }
}

#[test]
fn ctrl_c_goes_to_the_command_and_the_trace_is_drained() {
    let tracing = Rstrace::tracing("open").with_stdin();
    let tracing = tracing.start(&[&fixture("wait_signal"), "2", "5", "/nonexistent/after"]);
    tracing.running.wait_for_stdout("ready");
    tracing.running.signal_group(Signal::SIGINT);
    let run = tracing.finish().ended_with(5);
    assert!(run.output.stdout.contains("got 2"), "{}", run.output.stdout);
    assert_eq!(run.trace.calls_with("/nonexistent/after").len(), 1, "{}", run.text);
}

#[test]
fn sigterm_for_rstrace_is_passed_on_to_the_command() {
    let tracing = Rstrace::tracing("open").with_stdin();
    let tracing = tracing.start(&[&fixture("wait_signal"), "15", "6", "/nonexistent/after"]);
    tracing.running.wait_for_stdout("ready");
    tracing.running.signal(Signal::SIGTERM);
    let run = tracing.finish().ended_with(6);
    assert!(run.output.stdout.contains("got 15"), "{}", run.output.stdout);
    assert_eq!(run.trace.calls_with("/nonexistent/after").len(), 1, "{}", run.text);
}

#[test]
fn with_follow_rstrace_ends_when_the_last_descendant_has() {
    needs!("sh");
    let run = Rstrace::tracing("open").follow().run(&["sh", "-c", "sleep 1 & exit 3"]).ended_with(3);
    assert!(run.output.took >= Duration::from_secs(1), "{:?}", run.output.took);
}

#[test]
fn without_follow_rstrace_ends_with_the_command() {
    needs!("sh");
    // The child holds no pipe of ours, so that only rstrace itself is waited for.
    let command = "sleep 600 >/dev/null 2>&1 </dev/null & exit 3";
    let run = Rstrace::tracing("open").run(&["sh", "-c", command]).ended_with(3);
    assert!(run.output.took < rstrace_tests::limit(), "{:?}", run.output.took);
}

#[test]
fn rstrace_is_no_parent_of_the_orphans() {
    // An orphan waits until it has another parent: were that rstrace, or did rstrace wait for the
    // wrong ones, this would not end.
    let scratch = Scratch::new();
    let run = Rstrace::tracing("open").follow();
    run.run(&[&fixture("fork_tree"), "1", "0", &scratch.fresh_folder("d")]).ended_well();
}

#[test]
fn the_command_goes_on_when_rstrace_is_killed_and_the_next_start_cleans_up() {
    for offer in Doctor::ask().usable("open") {
        let before = Snapshot::take();
        let tracing = Rstrace::tracing("open").forced(&offer).with_stdin();
        let mut tracing = tracing.start(&[&fixture("many_threads_busy"), "4", "/dev/null"]);
        tracing.running.wait_for_stdout("ready");
        tracing.running.signal(Signal::SIGKILL);
        assert_eq!(tracing.running.wait().signal(), Some(9), "{offer}");
        tracing.running.end_stdin();
        let said = tracing.running.wait_for_stdout("well\n");
        assert!(!said.contains("not well"), "{offer}: {said}");
        Rstrace::tracing("open").run(&[&fixture("exit_code")]).ended_well();
        assert_eq!(tracefs_events_of_rstrace(), Vec::<String>::new(), "{offer}");
        before.nothing_is_left();
    }
}

#[test]
fn the_output_pipe_may_be_closed() {
    if in_vm() {
        skip!("what becomes of the command's status and output is the same on every kernel");
    }
    // As `rstrace ... 2>&1 >/dev/null | head -1` does: quiet, and no harm for the command.
    needs!("sh");
    let scratch = Scratch::new();
    let (binary, burst, counted) = (rstrace_binary(), fixture("open_burst"), scratch.at("counted"));
    let script = format!("{{ {binary} -e open -- {burst} 5000 /dev/null; }} 2>&1 >{counted} | head -n 1");
    let output = Program::new(&["sh", "-c", &script]).run().ended_well();
    assert_eq!(output.stderr, "");
    assert_eq!(output.stdout.lines().count(), 1, "{}", output.stdout);
    assert_eq!(std::fs::read_to_string(&counted).expect("the command wrote its count"), "opens 5000\n");
}

#[test]
fn a_user_is_set_for_the_command() {
    let Ok(Some(nobody)) = nix::unistd::User::from_name("nobody") else {
        skip!("there is no user nobody");
    };
    needs!("id");
    // Its groups and its environment follow; rstrace itself stays what it is.
    let run = Rstrace::tracing("open").and(&["-u", "nobody"]).run(&["id", "-u"]).ended_well();
    assert_eq!(run.output.stdout.trim(), nobody.uid.to_string());
    assert!(!run.trace.lines.is_empty());
}
