//! `--kill-on-exit`: what is traced ends with rstrace, however that ends. A process that is left holds the pipe which is
//! its stdout: when that has ended, nobody is.

use std::os::unix::process::ExitStatusExt;

use nix::sys::signal::Signal;
use rstrace_tests::{Program, Rstrace, Running, fixture, rstrace_binary};

/// More processes than are there when rstrace ends, so that it ends while they are made.
const MANY: &str = "5000";

fn breeding(options: &[&str], most: &str) -> Running {
    let (rstrace, breeding) = (rstrace_binary(), fixture("breeding"));
    let words = [&[&rstrace, "--kill-on-exit", "-o", "/dev/null"], options, &[&breeding, most]].concat();
    Program::new(&words).with_stdin().start()
}

#[test]
fn all_that_is_followed_ends_with_a_tracer_that_is_killed() {
    for options in [&["-f"][..], &["-f", "-e", "open"], &["-f", "-c"]] {
        let running = breeding(options, MANY);
        running.wait_for_stdout("made the first");
        running.signal(Signal::SIGKILL);
        let output = running.finish();
        assert_eq!(output.status.signal(), Some(Signal::SIGKILL as i32), "{options:?}");
        assert!(!output.stdout.contains("made all"), "{options:?}");
    }
}

#[test]
fn only_the_command_ends_if_only_that_is_traced() {
    let mut running = breeding(&[], "30");
    running.wait_for_stdout("made all");
    running.signal(Signal::SIGKILL);
    assert_eq!(running.wait().signal(), Some(Signal::SIGKILL as i32));
    assert!(running.holds_stdout(), "its children are not traced");
    running.end_stdin();
    running.finish();
}

#[test]
fn how_they_end_is_shown_if_rstrace_ends_by_itself() {
    let run = Rstrace::with(&["--kill-on-exit", "--for", "0.5"]).follow().with_stdin();
    let finished = run.start(&[&fixture("breeding"), "30"]).finish();
    let count = |is: &dyn Fn(&str) -> bool| finished.trace.lines.iter().filter(|line| is(&line.text)).count();
    let made = |text: &str| {
        let result = text.contains("clone").then(|| text.rsplit_once(") = ")).flatten();
        result.is_some_and(|(_, child)| child.parse::<u32>().is_ok())
    };
    let (made, left) = (count(&made), count(&|text| text.starts_with("+++ exited with 0")));
    let killed = count(&|text| text == "+++ killed by SIGKILL +++");
    assert_eq!(1 + made, left + killed, "{made} made, {left} ended by themselves");
    assert!(killed > 0);
}
