//! What a line looks like, and which lines there are.

use rstrace_tests::{Rstrace, Scratch, fixture};

#[test]
fn an_open_is_shown_as_strace_shows_it() {
    let scratch = Scratch::new();
    let path = scratch.file("hostname", "name\n");
    let run = Rstrace::tracing("open").run(&[&fixture("open_burst"), "1", &path]).ended_well();
    let text = &run.trace.lines[0].text;
    let call = format!("openat(AT_FDCWD, \"{path}\", O_RDONLY)");
    assert_eq!(*text, format!("{call:<39} = 3"));
}

#[test]
fn an_open_that_fails_has_its_error_in_words() {
    // Nobody can make a file there, as somebody may in the root.
    let run = Rstrace::tracing("open").run(&[&fixture("open_burst"), "1", "/proc/nope"]);
    let expected = "openat(AT_FDCWD, \"/proc/nope\", O_RDONLY) = -1 ENOENT (No such file or directory)";
    assert_eq!(run.trace.lines[0].text, expected);
}

#[test]
fn without_a_file_the_lines_go_to_stderr_and_stdout_is_the_commands_own() {
    let run =
        Rstrace::tracing("open").to_stderr().run(&[&fixture("open_burst"), "3", "/dev/null"]).ended_well();
    assert_eq!(run.output.stdout, "opens 3\n");
    assert_eq!(run.trace.calls_with("\"/dev/null\"").len(), 3, "{}", run.text);
}

#[test]
fn the_first_thing_seen_is_the_commands_own_execve() {
    let program = fixture("open_burst");
    let run = Rstrace::tracing("open,exec").run(&[&program, "2", "/dev/null"]).ended_well();
    let calls = run.trace.calls();
    assert!(calls[0].starts_with(&format!("execve(\"{program}\", [")), "{calls:?}");
    assert!(calls[0].ends_with(") = 0"), "{calls:?}");
    assert_eq!(calls.len(), 3, "one ordered stream of one execve and two opens: {calls:?}");
}

#[test]
fn options_end_at_the_first_word_that_is_none() {
    let scratch = Scratch::new();
    let file = scratch.at("trace");
    let binary = rstrace_tests::rstrace_binary();
    // A command whose own argument looks like an option of ours.
    let words = [&binary, "-e", "open", "-o", &file, &fixture("exit_code"), "-e"];
    let output = rstrace_tests::Program::new(&words).run();
    assert_eq!(output.status.code(), Some(0), "{}", output.stderr);
}

#[test]
fn a_name_in_strace_s_sense_selects_one_call() {
    let scratch = Scratch::new();
    let command = [&fixture("open_flags"), "late", &scratch.fresh_folder("d")].map(String::from);
    let command = command.each_ref().map(String::as_str);
    let only = |what: &str| {
        scratch.fresh_folder("d");
        Rstrace::tracing(what).run(&command).ended_well().trace.calls()
    };
    let (opens, all) = (only("trace=open"), only("open"));
    assert!(!opens.is_empty() && opens.iter().all(|c| c.starts_with("open(")), "{opens:?}");
    let of_all: Vec<_> = all.into_iter().filter(|c| c.starts_with("open(")).collect();
    assert_eq!(opens, of_all);
    let two = only("trace=creat,openat2");
    assert!(two.iter().all(|c| c.starts_with("creat(") || c.starts_with("openat2(")), "{two:?}");
}

#[test]
fn every_call_of_the_family_is_counted_and_shown() {
    let scratch = Scratch::new();
    // those that every backend sees
    let run = Rstrace::tracing("open").run(&[&fixture("open_flags"), "late", &scratch.fresh_folder("d")]);
    let run = run.ended_well();
    let calls = run.trace.calls();
    assert_eq!(calls.len() as u64, rstrace_tests::said_number(&run.output.stdout, "opens"));
    for name in ["open(", "openat(", "openat2(", "creat("] {
        assert!(calls.iter().any(|c| c.starts_with(name)), "no {name}");
    }
}

#[test]
fn the_probes_are_listed_by_name() {
    let binary = rstrace_tests::rstrace_binary();
    let output = rstrace_tests::Program::new(&[binary.as_str(), "--list"]).run().ended_well();
    for name in ["open", "exec"] {
        let named = output.stdout.lines().any(|l| l.split_whitespace().next() == Some(name));
        assert!(named, "no {name} in:\n{}", output.stdout);
    }
}
