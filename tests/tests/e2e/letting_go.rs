//! `-b execve`: a process is let go when it executes another program, in the kernel, so that nothing later is seen.

use rstrace_tests::{Program, Rstrace, Scratch, Traces, fixture, form, in_vm, needs, rstrace_binary, skip};

#[test]
fn what_is_shown_until_then_is_what_strace_shows() {
    if in_vm() {
        skip!("there is no strace");
    }
    needs!("strace");
    let (chain, threads, exit_code) = (fixture("exec_chain"), fixture("thread_exec"), fixture("exit_code"));
    let chain = [chain.as_str(), "3", "/dev/null"];
    let shell = format!("{exit_code} 5; ({exit_code} 6); exec {exit_code} 7");
    let shell = ["sh", "-c", shell.as_str()];
    let failing = ["sh", "-c", "exec /nonexistent/program"];
    let threads = [threads.as_str(), &exit_code, "7"];
    for (options, command) in [
        (&["-e", "trace=execve,openat,exit_group"][..], &chain[..]),
        (&["-e", "trace=openat"], &chain),
        (&["-e", "status=detached"], &chain),
        (&["-z", "-e", "trace=execve,openat"], &chain),
        // when a signal comes is nobody's to say
        (&["-ff", "-e", "trace=execve,wait4,exit_group", "-e", "signal=none"], &shell),
        (&["-e", "trace=execve,wait4,exit_group", "-e", "signal=none"], &shell),
        (&["-e", "trace=execve,exit_group"], &failing),
        (&["-ff", "-e", "trace=execve", "-e", "signal=none"], &threads),
        (&["-c", "-U", "calls,errors,name", "-S", "name"], &chain),
        (&["-f", "-c", "-U", "calls,errors,name", "-S", "name"], &shell),
    ] {
        let options = [&["-b", "execve"], options].concat();
        let by = |tracer: &str| Traces::by(tracer, &options, command);
        assert_eq!(by(&rstrace_binary()), by("strace"), "{options:?} {command:?}");
    }
}

#[test]
fn a_process_that_was_attached_to_is_let_go_and_that_is_said() {
    if in_vm() {
        skip!("there is no strace");
    }
    needs!("strace");
    for options in [&[][..], &["-f"], &["-q"]] {
        let by = |tracer: &str| {
            let scratch = Scratch::new();
            let file = scratch.at("trace");
            let gate = Program::new(&[&fixture("gate"), &fixture("exit_code"), "9"]);
            let mut gate = gate.with_stdin().start();
            gate.wait_for_stdout("pid");
            let pid = gate.pid().to_string();
            // a quiet one does not say that it is attached
            let words = [&[tracer, "-b", "execve", "-o", &file, "-p", &pid], options].concat();
            let tracing = Program::new(&words).start();
            rstrace_tests::until("the read is shown", rstrace_tests::limit(), || {
                std::fs::read_to_string(&file).is_ok_and(|shown| shown.contains("read(")).then_some(())
            });
            gate.tell(b"\n");
            let output = tracing.finish().ended_well();
            let status = gate.finish().status.code();
            let trace = std::fs::read_to_string(&file).expect("a trace");
            let said = output.stderr.replace("rstrace: ", "strace: ");
            (form(&trace.replace(&format!("{pid:<5}"), "PID")), form(&said), status)
        };
        assert_eq!(by(&rstrace_binary()), by("strace"), "{options:?}");
    }
}

#[test]
fn nothing_is_seen_of_what_a_process_does_after_its_execve() {
    let chain = fixture("exec_chain");
    let seen = |lives: &str, options: &[&str]| {
        let tracing = Rstrace::with(&["-e", "trace=openat,execve,exit_group"]).stats().and(options);
        let run = tracing.run(&[&chain, lives, "/dev/null"]).ended_well();
        let ledger = run.ledger();
        assert_eq!(ledger.lost, ledger.lost_by("ended within"), "{ledger:?}");
        (ledger.seen, ledger.lost)
    };
    for follow in [&[][..], &["-f"]] {
        let let_go = [&["-b", "execve"], follow].concat();
        let (alone, _) = seen("0", follow);
        assert_eq!(seen("0", &let_go), (alone, 0), "its own first execve does not count");
        for lives in ["1", "5"] {
            // all but its exit_group; and the execve, in which tracing ended
            assert_eq!(seen(lives, &let_go), (alone, 1), "{lives} {follow:?}");
        }
    }
}

#[test]
fn the_other_children_are_traced_to_their_ends() {
    needs!("sh");
    let exit_code = fixture("exit_code");
    // the command itself is let go first; without job control 0 is /dev/null in the background
    let script = format!("exec 3<&0; (read x <&3; exit 3) & exec {exit_code} 0");
    let tracing = Rstrace::with(&["-f", "-b", "execve", "-e", "trace=execve,exit_group"]).with_stdin();
    let mut tracing = tracing.start(&["sh", "-c", &script]);
    rstrace_tests::until("the command is let go", rstrace_tests::limit(), || {
        let shown = tracing.trace_so_far();
        shown.lines.iter().any(|line| line.text.contains(&exit_code)).then_some(())
    });
    tracing.running.end_stdin();
    let run = tracing.finish().ended_well();
    assert!(run.text.contains("<detached ...>"), "{}", run.text);
    let exits = run.trace.calls_with("exit_group(");
    assert!(matches!(&exits[..], [one] if one.contains("exit_group(3)")), "{}", run.text);
}

#[test]
fn whom_it_cannot_let_go_is_said() {
    for (options, said) in [
        (&["-b", "open", "true"][..], "invalid value 'open' for '--detach-on <SYSCALL>'"),
        (&["-b", "execve", "--all"], "-b lets go of a command"),
    ] {
        let run = Program::new(&[&[rstrace_binary().as_str()], options].concat()).run();
        assert_eq!(run.status.code(), Some(1));
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
}
