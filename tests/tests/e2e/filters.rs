//! What is left out: strace's filters on one and the same run, and that what is left out is never sent.

use std::collections::BTreeSet;

use nix::sys::signal::Signal;
use rstrace_tests::{
    Program, Rstrace, SameRun, Scratch, Trace, assert_same_lines, fixture, in_vm, limit, needs, said_number,
    skip, until,
};

/// The names of the calls of a trace. What has no name is in every class of strace's.
fn names(trace: &Trace) -> BTreeSet<String> {
    let calls = trace.calls();
    let names = calls.iter().filter_map(|call| Some(call.split_once('(')?.0.to_owned()));
    names.filter(|name| !name.starts_with("syscall_")).collect()
}

/// A run that both watch with the same options.
fn watch(command: &[&str], options: &[&str]) -> (Trace, Trace) {
    SameRun::new(command, options, options).watch()
}

#[test]
fn a_class_has_the_calls_that_it_has_in_strace() {
    if in_vm() {
        skip!("what is in a class is the same on every kernel");
    }
    needs!("strace");
    let command = [&*fixture("all_calls")];
    let known = names(&watch(&command, &["-e", "trace=all"]).0);
    for class in [
        "%file", "desc", "%process", "%network", "%net", "signal", "%ipc", "memory", "%creds", "%clock",
        "%pure", "%stat", "%lstat", "%fstat", "%%stat", "%statfs", "%fstatfs", "%%statfs",
    ] {
        let (strace, rstrace) = watch(&command, &["-e", &format!("trace={class}")]);
        // what is newer than the installed strace is in no class of its
        let ours: BTreeSet<_> = names(&rstrace).intersection(&known).cloned().collect();
        let theirs = names(&strace);
        let (missing, more) = (theirs.difference(&ours), ours.difference(&theirs));
        assert!(theirs == ours, "{class} lacks {missing:?} and has {more:?}");
    }
}

#[test]
fn sets_of_calls_and_signals_show_the_same_lines() {
    needs!("strace");
    let scratch = Scratch::new();
    let script = format!(
        "trap : TERM; trap '' HUP; kill -TERM $$; kill -HUP $$; cat {} /proc/nope; kill -USR1 $$",
        scratch.file("there", "content\n")
    );
    for options in [
        &["-e", "trace=/^(open|read)"][..],
        &["-e", "trace=!%memory,%signal,/^[f-q]"],
        &["-e", "trace=read@64,close@32,?no_such_call,?/no such"],
        &["-e", "trace=file@64,read", "-e", "signal=none"],
        &["-e", "trace=close,,openat", "-e", "s=!term,hup"],
        &["-e", "trace=none", "-e", "signal=SIGTERM,10"],
        &["-e", "trace=none"],
    ] {
        let (strace, rstrace) = watch(&["sh", "-c", &script], options);
        assert_same_lines(&strace, &rstrace);
    }
}

/// What ends in every way: calls that succeed, fail, are interrupted, and in which a thread is killed or ends.
fn ends_in_every_way(scratch: &Scratch) -> String {
    let at = |name| scratch.at(name);
    format!(
        "{} {}; {} {}; cat /proc/nope; kill -TERM $$",
        fixture("interrupted_open"),
        at("interrupted"),
        fixture("killed_in_open"),
        at("killed")
    )
}

#[test]
fn statuses_show_the_same_lines() {
    needs!("strace");
    let all = [
        &["-e", "status=unfinished"][..],
        &["-z"],
        &["-Z"],
        &["-z", "--failed-only"],
        &["-Z", "--status=successful"],
        &["-e", "status=Failed,unfinished", "-e", "trace=openat,exit_group"],
        &["-z", "-e", "status=!successful"],
        &["-e", "status=failed", "-z", "-e", "trace=openat"],
        &["-e", "status=none"],
        &["--status=unavailable,detached"],
        &["-e", "status=all", "-e", "trace=openat"],
    ];
    // whether a thread died in a call is asked of the kernel; the rest is the same on each
    for options in if in_vm() { &all[..1] } else { &all[..] } {
        let scratch = Scratch::new();
        // threads that wait for each other make many; of a kill of oneself strace does not see the return; the gate seeks
        let options = [&["-e", "trace=!sched_yield,futex,kill,lseek"], *options].concat();
        let (strace, rstrace) = watch(&["sh", "-c", &ends_in_every_way(&scratch)], &options);
        assert_same_lines(&strace, &rstrace);
    }
}

/// Options, and how many calls of so many getppid and dup are shown by them.
type Case<'a> = (&'a [&'a str], fn(u64, u64) -> u64);

#[test]
fn what_is_not_asked_for_is_never_sent() {
    let words = |options: &[&str]| {
        let options = [&["-e", "trace=getppid,dup"], options].concat();
        let command = fixture("counted_calls");
        let run = Rstrace::with(&options).stats().run(&[&command, "1", "1", "1000"]).ended_well();
        let said = run.output.stdout.clone();
        (run, said_number(&said, "getppid"), said_number(&said, "dup"))
    };
    let cases: [Case; 8] = [
        (&[], |getppid, dup| getppid + dup),
        (&["-z"], |getppid, _| getppid),
        (&["-Z"], |_, dup| dup),
        (&["--errno", "EBADF"], |_, dup| dup),
        (&["--errno", "!EBADF"], |_, _| 0),
        (&["--errno", "ENOENT,EACCES"], |_, _| 0),
        (&["--duration", "100s"], |_, _| 0),
        (&["--duration", "1ns", "-Z"], |_, dup| dup),
    ];
    for (options, asked) in &cases[if in_vm() { 5 } else { 0 }..] {
        let (run, getppid, dup) = words(options);
        let asked = asked(getppid, dup);
        let ledger = run.ledger();
        ledger.adds_up();
        assert_eq!((ledger.seen, ledger.delivered), (asked, asked), "{options:?} {ledger:?}");
        assert_eq!(run.trace.calls().len() as u64, asked, "{options:?}");
        assert_eq!(ledger.left_out, getppid + dup - asked, "{options:?}");
        // the end of the process, and perhaps its execve
        assert!((asked..=asked + 3).contains(&ledger.records), "{options:?} {ledger:?}");
    }
}

#[test]
fn a_call_is_as_slow_as_its_line_says() {
    let options = ["-T", "--duration", "400ms", "-e", "trace=nanosleep,clock_nanosleep,getppid,execve"];
    // on a busy machine a short one may last ten times as long, but not forty times
    let script = "sleep 0.01; sleep 0.41; sleep 0.5";
    let run = Rstrace::with(&options).follow().stats().run(&["sh", "-c", script]).ended_well();
    let calls = run.trace.calls();
    let sleeps: Vec<_> = calls.iter().filter(|call| call.contains("nanosleep(")).collect();
    assert_eq!(sleeps.len(), 2, "{calls:#?}");
    for call in &calls {
        let took = call.rsplit_once(" <").and_then(|(_, time)| time.strip_suffix('>')?.parse::<f64>().ok());
        assert!(took.is_some_and(|took| took >= 0.4), "{call}");
    }
    run.ledger().adds_up();
}

#[test]
fn a_blocked_call_is_told_of_only_if_that_was_asked_for() {
    for (status, lines) in [("detached", 1), ("all", 1), ("!detached", 0)] {
        let mut program = Program::new(&["cat"]).with_stdin().start();
        let options = ["-e", &format!("status={status}"), "-e", "trace=read"];
        // so that the read in which it is was seen to begin
        let tracing = Rstrace::with(&options).stats().attach(program.pid());
        program.tell(b"text\n");
        program.wait_for_stdout("text");
        until("cat reads again", limit(), || {
            let call = std::fs::read_to_string(format!("/proc/{}/syscall", program.pid())).ok()?;
            call.starts_with("0 ").then_some(())
        });
        tracing.running.signal(Signal::SIGINT);
        let run = tracing.finish();
        let detached = run.trace.lines.iter().filter(|line| line.text.ends_with("<detached ...>")).count();
        assert_eq!(detached, lines, "{status}: {:?}", run.trace);
        assert_eq!(run.ledger().adds_up().lost_by("ended within"), lines as u64);
        program.end_stdin();
        program.finish();
    }
}

/// The paths that were opened, by the lines of the calls.
fn opened(trace: &Trace, paths: &[&str]) -> Vec<usize> {
    paths.iter().map(|path| trace.calls_with(&format!("\"{path}\"")).len()).collect()
}

#[test]
fn threads_are_picked_by_their_name() {
    let scratch = Scratch::new();
    let file = scratch.file("file", "content\n");
    let by_sh = scratch.file("by sh", "");
    let script = format!("cat {file}; : < '{by_sh}'");
    let cases = [
        ("c*", [1, 0]),
        ("*at", [1, 0]),
        ("*a*", [1, 0]),
        ("sh", [0, 1]),
        ("c", [0, 0]),
        ("at*", [0, 0]),
        ("cat", [1, 0]),
        ("*ca", [0, 0]),
    ];
    for (pattern, expected) in &cases[if in_vm() { 6 } else { 0 }..] {
        let run = Rstrace::with(&["--comm", pattern, "-e", "trace=openat"]).follow().stats();
        let run = run.run(&["sh", "-c", &script]).ended_well();
        assert_eq!(opened(&run.trace, &[&file, &by_sh]), *expected, "{pattern}: {}", run.text);
        assert_eq!(run.ledger().seen, run.trace.calls().len() as u64);
    }
}

/// A cgroup with another one below it, which is removed at the end.
struct Cgroup(String);

impl Cgroup {
    fn new() -> Option<Self> {
        let mounts = std::fs::read_to_string("/proc/mounts").expect("proc is mounted");
        let at = mounts.lines().find_map(|line| {
            let mut words = line.split(' ').skip(1);
            let folder = words.next()?;
            (words.next() == Some("cgroup2")).then(|| folder.to_owned())
        })?;
        let own = Self(format!("{at}/rstrace-test-{}", std::process::id()));
        std::fs::create_dir_all(format!("{}/below", own.0)).ok()?;
        Some(own)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // it is busy until the last of its processes is gone
        let _ = std::fs::remove_dir(format!("{}/below", self.0));
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[test]
fn processes_are_picked_by_their_cgroup_and_those_above_it() {
    let Some(cgroup) = Cgroup::new() else {
        skip!("no cgroup of version 2 can be made here");
    };
    let scratch = Scratch::new();
    let files = ["outside", "inside", "below"].map(|name| scratch.file(name, ""));
    let cat_in = |folder: &str, file: &str| {
        format!("sh -c 'echo 0 > {}{folder}/cgroup.procs && exec cat {file}'", cgroup.0)
    };
    let script = format!("cat {}; {}; {}", files[0], cat_in("", &files[1]), cat_in("/below", &files[2]));
    let files = files.each_ref().map(String::as_str);
    for (folder, expected) in [("", [0, 1, 1]), ("/below", [0, 0, 1])] {
        let options = ["--cgroup", &format!("{}{folder}", cgroup.0), "-e", "trace=openat"];
        let run = Rstrace::with(&options).follow().stats().run(&["sh", "-c", &script]).ended_well();
        assert_eq!(opened(&run.trace, &files), expected, "{folder}: {}", run.text);
        assert_eq!(run.ledger().seen, run.trace.calls().len() as u64);
    }
}

#[test]
fn tracing_ends_after_so_many_calls() {
    let command = fixture("counted_calls");
    let options = ["-e", "trace=getppid,dup", "--count", "15"];
    let run = Rstrace::with(&options).stats().run(&[&command, "1", "1", "5000000"]).ended_well();
    assert_eq!(run.trace.calls().len(), 15, "{}", run.text);
    // the tenth getppid is followed by a dup
    assert_eq!(run.trace.calls_with("dup(-1)").len(), 1, "{}", run.text);
    let ledger = run.ledger();
    assert_eq!((ledger.seen, ledger.delivered), (15, 15), "{ledger:?}");
    assert!(run.output.stderr.contains("rstrace: tracing is over: the command runs on"));
}

#[test]
fn tracing_ends_after_some_time() {
    let mut program = Program::new(&["cat"]).with_stdin().start();
    let pid = program.pid();
    let run = Rstrace::with(&["--for", "0.1"]).attach(pid).finish().ended_well();
    assert!(run.output.stderr.contains(&format!("rstrace: Process {pid} detached")), "{:?}", run.output);
    program.end_stdin();
    program.finish().ended_well();
}

#[test]
fn calls_that_access_a_path_show_the_same_lines() {
    needs!("strace");
    for (place, paths) in
        [&["f"][..], &["new", "f"], &["no such"], &[""], &["link"], &["g"], &["/bin/cat"]].iter().enumerate()
    {
        if in_vm() && place > 1 {
            break;
        }
        let scratch = Scratch::new();
        let folder = scratch.fresh_folder("d");
        scratch.file("d/f", "content\n");
        std::os::unix::fs::symlink(format!("{folder}/f"), format!("{folder}/link")).expect("a link");
        // by its name, other names, descriptors, before and after it has another name or none
        let script = format!(
            "cat {folder}/f; cd {folder}; cat f ./f {folder}/../d/f; exec 5<f; ln f hard; cat hard; /bin/cat <&5; \
             echo x > new; cat <&5 >> new; cat {folder}/new; mv f g; cat <&5; /bin/cat {folder}/g; rm g; cat <&5; \
             ln -s {folder}/f other; ls {folder}; echo y > f; rm {folder}/new {folder}/f"
        );
        let mut options = Vec::new();
        for path in *paths {
            let absolute =
                if path.starts_with('/') { (*path).to_owned() } else { format!("{folder}/{path}") };
            options.extend(["-P".to_owned(), absolute.trim_end_matches('/').to_owned()]);
        }
        let options: Vec<_> = options.iter().map(String::as_str).collect();
        let (strace, rstrace) = watch(&["sh", "-c", &script], &options);
        assert_same_lines(&strace, &rstrace);
        let shown = rstrace.calls().len();
        assert!(paths[0] == "no such" || shown > 3, "{paths:?}: {shown} lines");
    }
}

#[test]
fn what_accesses_no_path_is_never_sent() {
    let scratch = Scratch::new();
    let (file, other) = (scratch.file("file", "content\n"), scratch.file("other", "content\n"));
    let run = Rstrace::with(&["-P", &file]).stats().run(&["cat", &other, &file, &other]).ended_well();
    let ledger = run.ledger();
    let shown = run.trace.calls().len() as u64;
    // it is opened, read to its end, and closed
    assert!(run.trace.calls_with(&file).len() == 1 && shown >= 4, "{}", run.text);
    assert_eq!((ledger.seen, ledger.delivered), (shown, shown));
    assert!(ledger.records <= shown + 3, "{ledger:?}");
}
