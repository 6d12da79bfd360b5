//! What stands before and after a line, and where lines go, as strace has it.

use rstrace_tests::{Program, Rstrace, SameRun, Scratch, Trace, fixture, in_vm, needs, rstrace_binary, skip};

/// A line with `-ttt -r -n -T`.
#[derive(Debug)]
struct Timed {
    /// Seconds since 1970.
    time: f64,
    /// Since the line before.
    since: f64,
    number: u32,
    text: String,
    took: Option<f64>,
}

impl Timed {
    fn parse(line: &str) -> Self {
        let (time, rest) = line.split_once(" (+").expect("the time of day");
        let (since, rest) = rest.split_once(") [").expect("the time since");
        let (number, rest) = rest.split_once("] ").expect("the number");
        let (text, took) = match rest.strip_suffix('>').and_then(|rest| rest.rsplit_once(" <")) {
            Some((text, took)) => (text, Some(took.parse().expect("seconds"))),
            None => (rest, None),
        };
        Self {
            time: time.parse().expect("seconds"),
            since: since.trim().parse().expect("seconds"),
            number: number.trim().parse().expect("a number"),
            text: text.split_whitespace().collect::<Vec<_>>().join(" "),
            took,
        }
    }

    /// The lines of a command, without those of what started it.
    fn of(trace: &Trace, program: &str) -> Vec<Self> {
        let begins = |text: &str| text.contains("execve(") && text.contains(program);
        let at = trace.lines.iter().rposition(|line| begins(&line.text)).expect("an execve");
        trace.lines[at..].iter().map(|line| Self::parse(&line.text)).collect()
    }
}

#[test]
fn times_and_numbers_are_those_that_strace_has_on_the_same_run() {
    needs!("strace");
    let options = ["-ttt", "-r", "-n", "-T"];
    let (by_strace, by_rstrace) = SameRun::new(&["sleep", "0.1"], &options, &options).watch();
    let (by_strace, by_rstrace) = (Timed::of(&by_strace, "sleep"), Timed::of(&by_rstrace, "sleep"));
    assert_eq!(by_strace.len(), by_rstrace.len(), "{by_strace:#?} {by_rstrace:#?}");
    for (theirs, ours) in by_strace.iter().zip(&by_rstrace) {
        // how arguments are shown is the business of other tests
        let name = |line: &Timed| line.text.split('(').next().map(str::to_owned);
        assert_eq!((theirs.number, name(theirs)), (ours.number, name(ours)));
        // strace takes the time before it lets the thread enter the call; the sleep's return is later than this
        let within = if theirs.took.is_some() { -0.001..0.09 } else { -1.0..1.0 };
        assert!(within.contains(&(ours.time - theirs.time)), "{theirs:?} {ours:?}");
        assert_eq!(theirs.took.is_some(), ours.took.is_some(), "{theirs:?} {ours:?}");
        if let (Some(theirs), Some(ours)) = (theirs.took, ours.took) {
            assert!(ours < theirs + 0.02, "{ours} is longer than strace's {theirs}");
        }
    }
    for pair in by_rstrace.windows(2) {
        assert!((pair[1].time - pair[0].time - pair[1].since).abs() < 0.000_003, "{pair:?}");
    }
    let slept = by_rstrace.iter().find(|line| line.text.contains("nanosleep(")).expect("it sleeps");
    assert!((0.1..1.0).contains(&slept.took.expect("it returned")), "{slept:?}");
}

/// Every digit as a `d`.
fn form(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_digit() { 'd' } else { c }).collect()
}

#[test]
fn each_way_to_ask_for_times_gives_the_form_of_strace() {
    if in_vm() {
        skip!("how a line is written is the same on every kernel");
    }
    needs!("strace");
    let (scratch, command) = (Scratch::new(), fixture("exit_code"));
    for options in [
        &["-t"][..],
        &["-tt"],
        &["-r"],
        &["-tr"],
        &["-nT"],
        &["--absolute-timestamps"],
        &["--absolute-timestamps=unix,ms"],
        &["--absolute-timestamps=precision:ns,format:time", "--relative-timestamps=s"],
        &["--absolute-timestamps=none", "--relative-timestamps=ns"],
        &["--syscall-times=ns", "--relative-timestamps=ms"],
        &["--syscall-times=s", "-a9"],
    ] {
        let by = |tracer: &str, name: &str| {
            let file = scratch.at(name);
            let trace = ["-e", "trace=dup,exit_group", "-o", &file];
            let words = [&[tracer], options, &trace, &[&command, "0"]].concat();
            Program::new(&words).run().ended_well();
            form(&std::fs::read_to_string(&file).expect("a trace"))
        };
        assert_eq!(by(&rstrace_binary(), "ours"), by("strace", "theirs"), "{options:?}");
    }
}

#[test]
fn lines_go_to_the_end_of_a_file_or_into_a_command() {
    let scratch = Scratch::new();
    let (file, piped) = (scratch.file("trace", "before\n"), scratch.at("piped"));
    let (binary, command) = (rstrace_binary(), fixture("exit_code"));
    let tracing = |output: &[&str]| {
        let words = [&[binary.as_str(), "-e", "trace=exit_group"], output, &[&command, "0"]];
        Program::new(&words.concat()).run().ended_well();
    };
    tracing(&["-Ao", &file]);
    let text = std::fs::read_to_string(&file).expect("the file");
    assert!(text.starts_with("before\nexit_group("), "{text}");
    for mark in ['|', '!'] {
        tracing(&["-o", &format!("{mark}sleep 0.1; cat > {piped}")]);
        // the tracer has waited for it
        let said = std::fs::read_to_string(&piped).expect("the command wrote it");
        assert_eq!(said, text["before\n".len()..]);
        std::fs::remove_file(&piped).expect("it is there");
    }
    // also if it ends by a signal, as the command did
    let words = [&binary, "-e", "trace=none", "-o", &format!("|sleep 0.1; cat > {piped}")];
    let killed = Program::new(&[&words[..], &["sh", "-c", "kill -TERM $$"]].concat()).run();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&killed.status), Some(15), "{}", killed.stderr);
    let said = std::fs::read_to_string(&piped).expect("the command wrote it");
    let lines: Vec<_> = said.lines().collect();
    let [signal, end] = lines[..] else { panic!("{said}") };
    assert!(signal.starts_with("--- SIGTERM {si_signo=SIGTERM, si_code=SI_USER, "), "{said}");
    assert_eq!(end, "+++ killed by SIGTERM +++");
}

#[test]
fn arguments_have_names_and_lines_ids_on_demand() {
    let run = Rstrace::with(&["-N", "--always-show-pid", "-a1", "-e", "trace=openat,exit_group", "-qq"]);
    let run = run.run(&[&fixture("open_burst"), "1", "/proc/nope"]);
    let line = "openat(dirfd=AT_FDCWD, pathname=\"/proc/nope\", flags=O_RDONLY) = -1 ENOENT";
    assert!(run.trace.lines.iter().any(|l| l.pid.is_some() && l.text.starts_with(line)), "{}", run.text);
}
