//! What options say of the tracer itself: which process it is, what ends it.

use nix::sys::signal::Signal;
use rstrace_tests::{Program, Rstrace, Scratch, fixture, in_vm, limit, needs, rstrace_binary, skip, until};

/// The numbers on a line.
fn numbers(line: &str) -> Vec<u32> {
    line.split_whitespace().map(|word| word.parse().expect("a number")).collect()
}

#[test]
fn a_command_can_have_the_place_of_its_tracer() {
    if in_vm() {
        skip!("how a command is started is the same on every kernel");
    }
    needs!("sh");
    let binary = rstrace_binary();
    for option in ["-D", "-DD", "--daemonize=session", "--daemonize"] {
        let scratch = Scratch::new();
        let file = scratch.at("trace");
        // the process that was started: its id, its parent, its children but for the one that asks
        let command = "echo $$ $PPID; cat /proc/$$/task/$$/children; echo; exit 7";
        let started = format!("{binary} {option} -e trace=execve -o {file} sh -c '{command}'");
        let script = format!("{started} & wait $!; echo $? $! $$");
        let run = Program::new(&["sh", "-c", &script]).run().ended_well();
        let said: Vec<_> = run.stdout.lines().map(numbers).collect();
        let [own, children, end] = &said[..] else { panic!("{option}: {}{}", run.stdout, run.stderr) };
        assert_eq!((end[0], own[0], own[1]), (7, end[1], end[2]), "{option}: {}", run.stdout);
        assert_eq!(children.len(), 1, "{option}: {}", run.stdout);
        // the tracer may end after the command
        let traced = until("the end of the trace", limit(), || {
            let text = std::fs::read_to_string(&file).ok()?;
            text.ends_with("+++ exited with 7 +++\n").then_some(text)
        });
        assert!(traced.starts_with("execve("), "{traced}");
    }
}

#[test]
fn a_tracer_may_be_deaf_to_signals() {
    if in_vm() {
        skip!("what signals do to rstrace is the same on every kernel");
    }
    for when in ["never", "3", "4"] {
        let mut tracing = Rstrace::with(&["-I", when, "-e", "trace=none"]).with_stdin().start(&["cat"]);
        tracing.running.tell(b"before\n");
        tracing.running.wait_for_stdout("before\n");
        for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
            tracing.running.signal(signal);
        }
        if when == "4" {
            tracing.running.signal(Signal::SIGTSTP);
        }
        tracing.running.tell(b"after\n");
        tracing.running.wait_for_stdout("after\n");
        tracing.running.end_stdin();
        let run = tracing.finish().ended_well();
        assert_eq!(run.text, "+++ exited with 0 +++\n", "-I {when}");
    }
}

#[test]
fn a_limit_of_calls_is_told() {
    if in_vm() {
        skip!("what is told of a limit is the same on every kernel");
    }
    let run = Rstrace::with(&["--syscall-limit=3"]).run(&[&fixture("exit_code"), "0"]).ended_well();
    assert_eq!(run.trace.calls().len(), 3, "{}", run.text);
    let told = "rstrace: System call limit has been reached, detaching tracees\n";
    assert!(run.output.stderr.starts_with(told), "{}", run.output.stderr);
}
