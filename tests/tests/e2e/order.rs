//! Where lines stand: by the time of the entry, in two parts where others fall between, and before the return where a
//! call blocks.

use rstrace_tests::{
    Program, Rstrace, SameRun, Trace, Tracing, assert_same_lines, fixture, limit, needs, until,
};

/// What happens in a trace, in order: whose it is, and `name(` for an entry, `name)` for a return, or the line.
fn happenings(trace: &Trace) -> Vec<(u32, String)> {
    let mut all = Vec::new();
    for line in &trace.lines {
        let mut add = |what: String| all.push((line.pid.unwrap_or(0), what));
        if let Some((name, _)) = line.text.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>"))
        {
            add(format!("{name})"));
        } else if let Some((name, _)) = line.text.split_once('(').filter(|_| line.is_call()) {
            add(format!("{name}("));
            if !line.text.ends_with("<unfinished ...>") {
                add(format!("{name})"));
            }
        } else {
            add(line.text.clone());
        }
    }
    all
}

#[test]
fn lines_whose_order_is_forced_stand_as_strace_s_do() {
    needs!("strace");
    let calls = ["-e", "trace=read,write,wait4,exit_group"];
    let (strace, rstrace) = SameRun::new(&[&fixture("forced_order"), "5"], &calls, &calls).watch();
    // What is released by a write returns after the write began; how it goes on there is nobody's business. A thread
    // enters its read at any time before.
    let forced = |trace: &Trace| {
        let is_forced = |what: &str| match what {
            "write(" | "read)" | "wait4)" | "exit_group(" | "+++ exited with 3 +++" => true,
            what => what.starts_with("--- "),
        };
        happenings(trace).into_iter().filter(|(_, what)| is_forced(what)).collect::<Vec<_>>()
    };
    assert_eq!(forced(&strace), forced(&rstrace), "\n{:#?}\n{:#?}", strace.lines, rstrace.lines);
    let broken = |name: &str| {
        let is_broken = |text: &str| text.starts_with(name) && text.ends_with(" <unfinished ...>");
        rstrace.lines.iter().filter(|line| is_broken(&line.text)).count()
    };
    assert_eq!((broken("read("), broken("wait4(")), (15, 1), "what ends a call falls into it");
    assert_same_lines(&strace, &rstrace);
}

#[test]
fn a_wait_that_is_stopped_and_continued_shows_the_same_lines() {
    needs!("strace");
    let calls = ["-e", "trace=nanosleep,poll,futex,restart_syscall,kill"];
    let (mut strace, mut rstrace) = SameRun::new(&[&fixture("stopped_waits")], &calls, &calls).watch();
    for trace in [&mut strace, &mut rstrace] {
        trace.lines.retain(|line| !line.text.starts_with("--- "));
    }
    assert_same_lines(&strace, &rstrace);
    let resumed = rstrace.calls_with("restart_syscall(<... resuming interrupted ");
    assert_eq!(resumed.len(), 3, "{resumed:?}");
}

/// The last line of a trace when it begins like this.
#[track_caller]
fn is_shown(tracing: &Tracing, line: &str) {
    until("the call is shown before it returns", limit(), || {
        tracing.trace_so_far().lines.last().is_some_and(|last| last.text == line).then_some(())
    });
}

#[test]
fn a_blocked_read_is_shown_before_it_returns() {
    let words = [fixture("gate"), fixture("exit_code"), "0".into()];
    let words = words.each_ref().map(String::as_str);
    let mut tracing = Rstrace::with(&["-e", "trace=read"]).with_stdin().start(&words);
    is_shown(&tracing, "read(0");
    tracing.running.tell(b"\n");
    let run = tracing.finish().ended_well();
    assert!(run.text.starts_with("read(0, \"\\n\", 1)                        = 1\n"), "{}", run.text);
}

#[test]
fn a_read_that_was_under_way_at_the_attach_is_shown_before_it_returns() {
    let words = [fixture("gate"), fixture("exit_code"), "0".into()];
    let mut target = Program::new(&words).with_stdin().start();
    target.wait_for_stdout("pid");
    let tracing = Rstrace::with(&["-e", "trace=read"]).attach(target.pid());
    is_shown(&tracing, "read(0");
    target.tell(b"\n");
    target.finish().ended_well();
    let run = tracing.finish().ended_well();
    assert!(run.text.starts_with("read(0, \"\\n\", 1)                        = 1\n"), "{}", run.text);
}
