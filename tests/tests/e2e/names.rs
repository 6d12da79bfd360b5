//! `-Y`, `--pidns-translation`: the names behind ids, and what they are in the initial PID namespace, as strace tells
//! them of one and the same run. They are those of the moment: of a process that was waited for there is none.

use std::collections::BTreeMap;

use rstrace_tests::{
    Finished, Objects, Rstrace, SameRun, Trace, assert_same_lines, fixture, in_vm, needs, said_number, skip,
};

/// What each process was called on its lines, in order, each name once as long as it lasts.
fn names(trace: &Trace) -> BTreeMap<u32, Vec<String>> {
    let mut names: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for (pid, lines) in trace.by_pid() {
        let names = names.entry(pid).or_default();
        names.extend(lines.into_iter().map(|line| line.name.unwrap_or_default()));
        names.dedup();
    }
    names
}

#[test]
fn names_are_told_as_strace_tells_them() {
    needs!("strace");
    if in_vm() {
        skip!("how names are written is the same on every kernel");
    }
    for options in [
        &["-Y"][..],
        &["-Y", "-e", "decode-fds=path,pidfd"],
        &["-e", "decode-pids=comm"],
        &["--decode-pids=none"],
    ] {
        let (strace, mut rstrace) = SameRun::new(&[&fixture("names")], options, options).watch();
        let is_named = !options[0].ends_with("none");
        for line in rstrace.lines.iter_mut().filter(|line| line.text.starts_with("perf_event_open(")) {
            // strace 6.1 has a number here
            assert_eq!(line.text.contains("<kid>, -1, -1"), is_named, "{line:?}");
            line.text = line.text.replace("<kid>", "");
        }
        assert_same_lines(&strace, &rstrace);
        assert_eq!(names(&strace), names(&rstrace), "{options:?}");
        let waited_by_fd = rstrace.calls_with("waitid(P_PIDFD, ");
        let with_process = waited_by_fd.iter().filter(|call| call.contains("<pid:")).count();
        assert_eq!(with_process, if options.len() > 2 { 2 } else { 0 }, "{waited_by_fd:?}");
        assert_eq!(!rstrace.calls_with("<kid>, 0)").is_empty(), is_named, "{rstrace:?}");
    }
}

/// Ids are looked up by the kernel side, of which no two kernels are alike: so this is for each of them.
#[test]
fn names_are_told_on_this_kernel() {
    let Finished { trace, output, .. } = Rstrace::with(&[
        "-Y",
        "-e",
        "trace=kill,getppid,gettid,pidfd_open,wait4,fork,clone,exit_group",
        "-yy",
    ])
    .follow()
    .run(&[&fixture("names")])
    .ended_well();
    let (this, child) = (said_number(&output.stdout, "self"), said_number(&output.stdout, "child"));
    let count = |text: String| trace.lines.iter().filter(|line| line.text.contains(&text)).count();
    // alive, and when it has ended
    assert_eq!(count(format!("kill({child}<kid>, 0)")), 2, "{trace:?}");
    assert_eq!(count(format!("kill({this}<na\\74m\\76e>, 0)")), 1, "{trace:?}");
    // when it has been waited for, and of a group
    assert_eq!(count(format!("kill({child}, 0)")), 1, "{trace:?}");
    assert_eq!(count(format!("kill(-{child}, 0)")), 1, "{trace:?}");
    assert_eq!(count("<rstrace>".to_owned()), 1, "{trace:?}");
    assert_eq!(count(format!("<pid:{child}<kid>>")), 1, "{trace:?}");
    assert_eq!(count(format!("0, NULL) = {child}")), 1, "{trace:?}");
    let names = names(&trace);
    assert_eq!(names[&(child as u32)].last().map(String::as_str), Some("<kid>"), "{names:?}");
    assert!(names.values().any(|names| names.contains(&"<thread>".to_owned())), "{names:?}");
}

#[test]
fn objects_name_processes() {
    let run = Rstrace::tracing("trace=kill").and(&["-Y", "--pidns-translation", "--json"]).follow();
    let finished = run.run(&in_pidns().each_ref().map(String::as_str));
    let objects = Objects::parse(finished.text.lines());
    let child = said_number(&finished.output.stdout, "child");
    let named = objects.calls("kill").filter(|call| {
        let pid = Objects::argument(call, "pid");
        let initial = pid["initial"].as_u64();
        pid["value"].as_u64() == Some(child) && pid["comm"].as_str() == Some("kid") && initial > Some(child)
    });
    assert_eq!(named.count(), 2, "{}", finished.text);
}

/// Arguments for the fixture in a PID namespace of its own.
fn in_pidns() -> [String; 2] {
    [fixture("in_pidns"), fixture("names")]
}

#[test]
fn ids_of_a_pid_namespace_are_told_in_the_initial_one() {
    needs!("strace");
    if in_vm() {
        skip!("how ids are written is the same on every kernel");
    }
    let program = in_pidns();
    for options in [&["--pidns-translation"][..], &["-e", "decode-pids=pidns"], &["--decode-pids=comm,pidns"]]
    {
        let run = SameRun::new(&program.each_ref().map(String::as_str), options, options);
        let (strace, mut rstrace) = run.watch();
        for line in &mut rstrace.lines {
            // strace 6.1 has a number for the process of the one, and does not find the group that the other makes
            if line.text.starts_with("perf_event_open(") || line.text.starts_with("setpgid(") {
                let (head, tail) = line.text.rsplit_once(", 2").expect("the id is 2");
                let (told, rest) = tail.split_once(" */").expect("it is told");
                assert!(told.ends_with(" in strace's PID NS"), "{line:?}");
                line.text = format!("{head}, 2{rest}");
            }
        }
        assert_same_lines(&strace, &rstrace);
    }
}

/// For each kernel, as with names.
#[test]
fn ids_are_told_in_the_initial_namespace_on_this_kernel() {
    let Finished { trace, output, .. } = Rstrace::with(&[
        "-Y",
        "--pidns-translation",
        "-e",
        "trace=kill,getppid,gettid,pidfd_open,wait4,fork,clone,setpgid,getpgid,exit_group",
    ])
    .follow()
    .run(&in_pidns().each_ref().map(String::as_str))
    .ended_well();
    let (this, child) = (said_number(&output.stdout, "self"), said_number(&output.stdout, "child"));
    assert_eq!((this, child), (1, 2));
    // as the line of the child's end begins
    let initial =
        trace.lines.iter().find(|line| line.text.starts_with("exit_group(3)")).expect("its end").pid;
    let initial = initial.expect("an id");
    let count = |text: String| trace.lines.iter().filter(|line| line.text.contains(&text)).count();
    let told = format!("/* {initial} in strace's PID NS */");
    assert_eq!(count(format!("kill(2<kid> {told}, 0)")), 2, "{trace:?}");
    assert_eq!(count("kill(2, 0)".to_owned()), 1, "{trace:?}");
    assert_eq!(count(format!("kill(-2 {told}, 0)")), 1, "{trace:?}");
    assert_eq!(count(format!("setpgid(2<kid> {told}, 2 {told})")), 1, "{trace:?}");
}
