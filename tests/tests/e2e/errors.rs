//! What cannot be done is one line that says what is wrong and what to do.

use rstrace_tests::{Finished, Output, Program, Rstrace, Scratch, fixture, rstrace_binary};

/// The error of a run that failed: one line, and nothing else.
#[track_caller]
fn one_line(output: &Output) -> &str {
    assert!(!output.status.success(), "it worked:\n{}", output.stderr);
    let stderr = output.stderr.trim_end();
    assert_eq!(stderr.lines().count(), 1, "an error is one line:\n{stderr}");
    let error = stderr.strip_prefix("rstrace: ");
    error.unwrap_or_else(|| panic!("no name before the error: {stderr}"))
}

fn alone(options: &[&str]) -> Finished {
    Rstrace::tracing("open").and(options).start_alone().finish()
}

#[test]
fn a_process_that_is_not_there_is_named() {
    // Above the largest id that Linux gives.
    let run = alone(&["-p", "4194305"]);
    let error = one_line(&run.output);
    assert!(error.contains("4194305"), "{error}");
}

#[test]
fn a_process_that_is_gone_is_named() {
    let mut gone = Program::new(&[fixture("exit_code")]).start();
    let pid = gone.pid().to_string();
    gone.wait();
    let run = alone(&["-p", &pid]);
    assert!(one_line(&run.output).contains(&pid));
}

#[test]
fn a_thread_that_is_not_there_is_named() {
    let run = alone(&["--tid", "4194305"]);
    assert!(one_line(&run.output).contains("4194305"));
}

#[test]
fn without_privilege_it_says_which_one_and_how_to_get_it() {
    // Under its own path it may be out of reach for others.
    let scratch = Scratch::new();
    let copy = |from: &str, name: &str| scratch.program(name, &std::fs::read(from).expect("it can be read"));
    let (rstrace, command) = (copy(&rstrace_binary(), "rstrace"), copy(&fixture("exit_code"), "command"));
    let output = Program::new(&[&rstrace, "-e", "open", "--", &command]).as_nobody().run();
    let error = one_line(&output);
    assert!(error.contains("needs CAP_BPF and CAP_PERFMON: run with sudo"), "{error}");
}

#[test]
fn an_unknown_probe_is_named_and_the_known_ones_too() {
    let run = Rstrace::tracing("no-such-probe").run(&[&fixture("exit_code")]);
    assert!(!run.output.status.success());
    let stderr = &run.output.stderr;
    assert!(stderr.contains("no-such-probe") && stderr.contains("open"), "{stderr}");
}

#[test]
fn an_unknown_user_is_named() {
    let run = Rstrace::tracing("open").and(&["-u", "no-such-user"]).run(&[&fixture("exit_code")]);
    assert!(one_line(&run.output).contains("no-such-user"));
}

#[test]
fn a_trace_file_that_cannot_be_made_is_named() {
    let words = [&rstrace_binary(), "-o", "/nonexistent/trace", "-e", "open", "--", &fixture("open_burst")];
    let output = Program::new(&words).run();
    assert!(one_line(&output).contains("/nonexistent/trace"));
}

#[test]
fn without_a_target_it_says_what_it_needs() {
    let run = alone(&[]);
    assert!(!run.output.status.success());
    assert!(!run.output.stderr.is_empty());
    assert!(!run.output.stderr.contains("panicked"), "{}", run.output.stderr);
}

#[test]
fn a_full_disk_is_said_and_the_command_ends_well() {
    let binary = rstrace_binary();
    let words = [&binary, "-o", "/dev/full", "-e", "open", "--", &fixture("open_burst"), "1000", "/dev/null"];
    let output = Program::new(&words).run();
    assert_eq!(output.stdout, "opens 1000\n");
    assert!(output.stderr.contains("/dev/full"), "{}", output.stderr);
}
