//! Options that strace has: what they do here is what they do there.

use rstrace_tests::{Program, Scratch, Traces, fixture, in_vm, needs, rstrace_binary, skip};

#[test]
fn each_thread_has_a_file_as_with_strace() {
    if in_vm() {
        skip!("where a line is written to is the same on every kernel");
    }
    needs!("strace");
    let shell = ["sh", "-c", "(exit 3); (exit 4); exit 5"];
    let (threads, exit_code) = (fixture("thread_exec"), fixture("exit_code"));
    let threads = [threads.as_str(), &exit_code, "7"];
    for (options, command) in [
        (&["-ff", "-e", "trace=exit_group", "-e", "signal=none"][..], &shell[..]),
        (
            &["--follow-forks", "--output-separately", "-qq", "-e", "trace=exit_group", "-e", "signal=CHLD"],
            &shell,
        ),
        (&["--output-separately", "-e", "trace=exit_group", "-e", "signal=none"], &shell),
        (&["-ffA", "-e", "trace=none", "-qqq", "-e", "signal=none"], &shell),
        (&["-ff", "-a20", "-e", "trace=execve", "-e", "signal=none"], &threads),
    ] {
        let by = |tracer: &str| Traces::by(tracer, options, command);
        assert_eq!(by(&rstrace_binary()), by("strace"), "{options:?}");
    }
}

#[test]
fn a_command_gets_variables_and_a_name() {
    if in_vm() {
        skip!("how a command is started is the same on every kernel");
    }
    needs!("strace");
    let command = ["sh", "-c", "echo $A ${B-none} ${C-none}"];
    for options in
        [&["-E", "A=1=2", "-EB", "--env=C="][..], &["-EA=1", "-EA=2", "-EC"], &["-E", "PATH=/none", "-EA"]]
    {
        let by = |tracer: &str| {
            let words = [&[tracer, "-e", "trace=none", "-o", "/dev/null"], options, &command].concat();
            Program::new(&words).env("A", "a").env("B", "b").env("C", "c").run().ended_well().stdout
        };
        assert_eq!(by(&rstrace_binary()), by("strace"), "{options:?}");
    }
    let words = ["-o", "/dev/null", "--argv0=another name", "sh", "-c", "cat /proc/$$/cmdline"];
    let named = Program::new(&[&[rstrace_binary().as_str()], &words[..]].concat()).run().ended_well();
    assert!(named.stdout.starts_with("another name\0-c\0"), "{}", named.stdout);
}

#[test]
fn an_environment_is_passed_on_whatever_is_in_it() {
    if in_vm() {
        skip!("how a command is started is the same on every kernel");
    }
    needs!("strace");
    let odd = fixture("odd_environment");
    // without a PATH of their own
    let path = std::env::var_os("PATH").expect("a PATH");
    let strace = std::env::split_paths(&path).map(|at| at.join("strace")).find(|path| path.is_file());
    let strace = strace.expect("strace is there");
    for change in ["A=5", "bare=7", "=y", "", "bare", "=", "A", "C=1"] {
        let by = |tracer: &str| {
            let words = [&odd, tracer, "-E", change, "-e", "trace=none", "-o", "/dev/null", &odd];
            Program::new(&words).run().ended_well().stdout
        };
        let ours = by(&rstrace_binary());
        assert!(ours.contains("[B=2]"), "{ours}");
        assert_eq!(ours, by(&strace.to_string_lossy()), "-E {change:?}");
    }
}

#[test]
fn a_file_for_each_thread_that_cannot_be_made_is_an_error_at_the_start() {
    let scratch = Scratch::new();
    let (file, made) = (scratch.file("file", ""), scratch.at("made"));
    for prefix in ["/no/such/trace", &format!("{file}/trace")] {
        let words = [&rstrace_binary(), "-ff", "-o", prefix, "touch", &made];
        let refused = Program::new(&words).run();
        assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
        let lines: Vec<_> = refused.stderr.lines().collect();
        assert!(lines.len() == 1 && lines[0].starts_with(&format!("rstrace: -o {prefix}: ")), "{lines:?}");
        assert!(!std::path::Path::new(&made).exists(), "the command was run");
    }
}

#[test]
fn signals_are_shown_where_no_call_is_as_with_strace() {
    if in_vm() {
        skip!("which lines are shown is the same on every kernel");
    }
    needs!("strace");
    let command = ["sh", "-c", "trap : USR1; (exit 3); kill -USR1 $$; (exit 4); true"];
    for options in [&["-f", "-e", "trace=none"][..], &["-e", "trace=none"]] {
        let by = |tracer: &str| Traces::by(tracer, options, &command);
        let (ours, theirs) = (by(&rstrace_binary()), by("strace"));
        // a child may end before its parent's next line or after it
        let (ours, theirs) = (ours.sorted_lines(), theirs.sorted_lines());
        assert!(ours.iter().filter(|line| line.contains("SIGCHLD")).count() == 2, "{ours:?}");
        assert_eq!(ours, theirs, "{options:?}");
    }
}

#[test]
fn a_signal_that_kills_the_dying_is_not_shown() {
    if in_vm() {
        skip!("which lines are shown is the same on every kernel");
    }
    needs!("strace");
    // no calls: the child's end comes now after the parent's call, now in the middle of it
    let by = |tracer: &str| {
        Traces::by(tracer, &["-f", "-e", "trace=none", "-e", "signal=KILL"], &[&fixture("killed_twice")])
    };
    assert_eq!(by(&rstrace_binary()).sorted_lines(), by("strace").sorted_lines());
}

#[test]
fn messages_are_left_out_as_with_strace() {
    if in_vm() {
        skip!("which messages are said is the same on every kernel");
    }
    needs!("strace");
    let (threads, exit_code) = (fixture("thread_exec"), fixture("exit_code"));
    for quiet in [
        &["--quiet=exit"][..],
        &["-e", "quiet=attach,exit"],
        &["-e", "q=all"],
        &["--silent=none"],
        &["--quiet"],
        &["--quiet=thread-execve"],
        &["--quiet=!thread-execve"],
    ] {
        let options = [&["-f", "-e", "trace=execve", "-e", "signal=none"], quiet].concat();
        let by = |tracer: &str| Traces::by(tracer, &options, &[&threads, &exit_code, "7"]);
        // threads end in any order
        assert_eq!(by(&rstrace_binary()).sorted_lines(), by("strace").sorted_lines(), "{quiet:?}");
    }
}

/// The options of `strace --help`, in each of their forms.
fn options_of_strace() -> Vec<String> {
    let help = Program::new(&["strace", "--help"]).run().ended_well().stdout;
    let listed = help.lines().skip_while(|line| *line != "General:").map(str::trim_start);
    let mut options = Vec::new();
    for line in listed.filter(|line| line.starts_with('-')) {
        // what is explained stands behind two blanks
        for form in line.split("  ").next().unwrap_or_default().split(", ").map(str::trim) {
            let end = form.find(['=', '[', ' ', ',']).unwrap_or(form.len());
            options.push(match form.strip_prefix("-e ") {
                Some(qualifier) if qualifier.contains('=') => {
                    form[..form.find('=').unwrap_or(form.len()) + 1].to_owned()
                }
                _ => form[..end].to_owned(),
            });
        }
    }
    options.retain(|option| option.starts_with('-'));
    options
}

#[test]
fn each_option_of_strace_is_there_or_is_listed_with_the_reason() {
    if in_vm() {
        skip!("what options there are is the same on every kernel");
    }
    needs!("strace");
    let documented = include_str!("../../../docs/src/compatibility.md");
    let (_, missing) = documented.split_once("\nNot there:\n").expect("a list of what is not there");
    let rows = missing.lines().skip(1).take_while(|line| line.is_empty() || line.starts_with('|'));
    let missing: String = rows.filter_map(|row| row.split('|').nth(1)).collect();
    let accepted = |words: &[&str]| {
        // a known option that lacks its value is another error than an unknown one
        let said = Program::new(&[&[rstrace_binary().as_str()], words].concat()).run().stderr;
        !said.contains("unexpected argument") && !said.contains("=: not supported: give ")
    };
    let options = options_of_strace();
    assert!(options.len() > 60, "{options:?}");
    for option in options {
        let is_there = match option.strip_prefix("-e ") {
            Some(qualifier) => accepted(&["-e", qualifier]),
            None => accepted(&[&option, "--list"]),
        };
        let is_listed = missing.contains(&format!("`{option}`"));
        assert!(is_there != is_listed, "{option}: there {is_there}, listed as not there {is_listed}");
    }
}
