//! Command lines, from words to validated options.

use super::select::Calls;
use super::*;
use crate::cli::Stop;

fn task(words: &[&str]) -> Result<Task, String> {
    match Cli::recognise(["rstrace"].iter().chain(words)) {
        Ok(cli) => Task::new(cli).map_err(|error| error.to_string()),
        Err(Stop::Error(text)) => Err(text),
        Err(Stop::Shown(text)) => panic!("{text}"),
    }
}

fn options(words: &[&str]) -> Options {
    match task(words) {
        Ok(Task::Trace(options)) => *options,
        other => panic!("{words:?}: {other:?}"),
    }
}

fn refused(words: &[&str]) -> String {
    let error = task(words).expect_err("an error");
    assert!(!error.contains('\n'), "{error}");
    error
}

fn command(words: &[&str]) -> Vec<String> {
    match options(words).target {
        Target::Command { argv, .. } => argv.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn options_end_at_the_command() {
    assert_eq!(command(&["-e", "open", "ls", "-l", "-e", "x"]), ["ls", "-l", "-e", "x"]);
    assert_eq!(command(&["-eopen", "-f", "--", "-odd", "-f"]), ["-odd", "-f"]);
    assert_eq!(command(&["-eopen", "sh", "-c", "true", "--", "a"]), ["sh", "-c", "true", "--", "a"]);
    assert_eq!(command(&["-eopen", "ls", "--help"]), ["ls", "--help"]);
    assert!(!options(&["-eopen", "ls", "-f"]).follow);
    assert!(
        refused(&["-eopen", "--no-such-option", "ls"]).starts_with("unexpected argument '--no-such-option'")
    );
    assert!(refused(&["-eopen", "-X", "ls"]).starts_with("unexpected argument '-X'"));
}

#[test]
fn a_value_may_stick_to_its_letter() {
    let options = options(&["-eopen", "-o/tmp/out", "-p1,2", "-a9", "-s5", "-qq", "-fv"]);
    assert_eq!(options.output, Some(PathBuf::from("/tmp/out")));
    assert_eq!(options.target, Target::Pids(vec![1, 2]));
    assert_eq!((options.column, options.string_size, options.quiet), (9, Some(5), 2));
    assert!(options.follow && options.verbose);
}

#[test]
fn the_last_of_two_values_counts() {
    assert_eq!(options(&["-eopen", "-a1", "-a", "2", "true"]).column, 2);
}

#[test]
fn process_ids_come_as_pidof_prints_them() {
    let pids = |lists: &[&str]| {
        let words: Vec<_> = lists.iter().flat_map(|list| ["-p", list]).collect();
        options(&[&["-eopen"], &words[..]].concat()).target
    };
    assert_eq!(pids(&["3 2\n1"]), Target::Pids(vec![3, 2, 1]));
    assert_eq!(pids(&["1,,2", "2,3\n"]), Target::Pids(vec![1, 2, 3]));
    assert_eq!(refused(&["-eopen", "-p", "x"]), "-p x: not a process id: give a number from 1");
    assert_eq!(refused(&["-eopen", "-p", "0"]), "-p 0: not a process id: give a number from 1");
    assert_eq!(
        refused(&["-eopen", "-p", "1,4294967296"]),
        "-p 4294967296: not a process id: give a number from 1"
    );
    assert_eq!(refused(&["-eopen", "-p", ""]), "-p is empty: give a process id");
}

#[test]
fn there_is_one_target() {
    assert_eq!(options(&["-eopen", "--tid", "7"]).target, Target::Tid(7));
    assert_eq!(options(&["-eopen", "--all"]).target, Target::All);
    let by_uid = options(&["-eopen", "--uid", "1000"]);
    assert_eq!((by_uid.target, by_uid.uid), (Target::All, Some(1000)));
    assert_eq!(options(&["-eopen", "--uid", "1000", "-p", "3"]).target, Target::Pids(vec![3]));
    for (words, pair) in [
        (&["-p1", "true"][..], "a command and -p"),
        (&["--all", "true"], "a command and --all"),
        (&["-p1", "--tid", "1"], "-p and --tid"),
        (&["--tid", "1", "--all"], "--tid and --all"),
    ] {
        let text = refused(&[&["-eopen"], words].concat());
        assert_eq!(text, format!("{pair} cannot be traced together: give one of them"));
    }
    assert!(refused(&["-eopen"]).starts_with("nobody to trace is named: give a command, "));
    assert!(refused(&["-eopen", "-f", "-o", "x"]).starts_with("nobody"));
}

#[test]
fn a_user_is_for_a_command() {
    let Target::Command { user: Some(user), .. } = options(&["-eopen", "-u", "root", "true"]).target else {
        panic!("no user");
    };
    assert_eq!((user.name.as_str(), user.uid), ("root", 0));
    assert_eq!(
        refused(&["-eopen", "-uno-such-user", "true"]),
        "-u no-such-user: there is no user of this name"
    );
    assert!(refused(&["-eopen", "-uroot", "-p1"]).starts_with("-u is for a command"));
}

#[test]
fn without_an_expression_every_call_is_traced_as_strace_does_it() {
    let all = options(&["true"]);
    assert_eq!(all.selection.calls, Calls::All);
    assert!(all.shows_signals());
    assert_eq!(all.capture_limits().length, 32);
    let probe = options(&["-eopen", "true"]);
    assert!(!probe.shows_signals());
    assert_eq!(probe.capture_limits().length, u32::MAX);
    assert!(matches!(task(&["--list"]), Ok(Task::List)));
    assert!(matches!(task(&["--doctor"]), Ok(Task::Doctor)));
}

#[test]
fn spellings_of_strace() {
    let all = options(&["true"]);
    assert_eq!((all.column, all.hex), (40, Hex::Never));
    let long = options(&["--trace=read", "--columns=9", "--follow-forks", "--string-limit=5", "true"]);
    assert_eq!((long.column, long.follow, long.string_size), (9, true, Some(5)));
    assert_eq!(long.selection.calls, options(&["-etrace=read", "true"]).selection.calls);
    for (words, hex) in [
        (&["-x"][..], Hex::NonAscii),
        (&["-xx"], Hex::All),
        (&["--strings-in-hex"], Hex::All),
        (&["--strings-in-hex=all"], Hex::All),
        (&["--strings-in-hex=non-ascii"], Hex::NonAscii),
        (&["--strings-in-hex=non-ascii-chars"], Hex::NonAsciiChars),
        (&["-x", "--strings-in-hex=none"], Hex::Never),
    ] {
        assert_eq!(options(&[words, &["true"]].concat()).hex, hex, "{words:?}");
    }
    assert!(refused(&["--strings-in-hex=some", "true"]).starts_with("--strings-in-hex=some: give none"));
}

#[test]
fn sizes_of_buffers() {
    for (text, bytes) in
        [("4096", 4096), ("64k", 65536), ("8M", 8 << 20), ("8m", 8 << 20), ("1024M", 1 << 30)]
    {
        assert_eq!(options(&["-eopen", "--buffer", text, "true"]).buffer, Some(bytes));
    }
    assert_eq!(options(&["-eopen", "true"]).buffer, None);
    assert_eq!(refused(&["-eopen", "--buffer", "0", "true"]), "--buffer 0: give 4k to 1024M");
    assert_eq!(refused(&["-eopen", "--buffer", "2048M", "true"]), "--buffer 2048M: give 4k to 1024M");
    for text in ["", "k", "-1", "8G", "99999999999999999999", "18446744073709551615M"] {
        let text = refused(&["-eopen", &format!("--buffer={text}"), "true"]);
        assert!(text.ends_with("give a number of bytes, or one with k or M"), "{text}");
    }
}

#[test]
fn kinds() {
    let options =
        options(&["-eopen", "--backend", "tracepoint", "--transport=ring", "--stats", "--strict", "true"]);
    assert_eq!((options.backend, options.transport), (Backend::Tracepoint, Transport::Ring));
    assert!(options.stats && options.strict);
    assert!(refused(&["-eopen", "--backend", "ptrace", "true"]).contains("kprobe, fentry, tracepoint"));
}

#[test]
fn a_pipe_is_refused() {
    assert!(refused(&["-eopen", "-o|cat", "true"]).starts_with("-o '|command' is not supported"));
}

#[test]
fn the_style_follows_the_target_and_the_file() {
    let style = |words: &[&str]| options(&[&["-eopen"], words].concat()).style(true);
    let plain = style(&["true"]);
    assert_eq!((plain.pids, plain.quiet, plain.attached, plain.colour), (Pids::WhenSeveral, 0, false, true));
    let followed = style(&["-f", "true"]);
    assert_eq!((followed.pids, followed.attached), (Pids::WhenSeveral, true));
    let to_file = style(&["-f", "-ox", "true"]);
    assert_eq!((to_file.pids, to_file.quiet, to_file.attached), (Pids::Column, 1, false));
    assert!(!to_file.colour);
    assert_eq!(style(&["-ox", "true"]).pids, Pids::WhenSeveral);
    assert_eq!((style(&["-ox", "-p1,2"]).pids, style(&["-ox", "-p1,2"]).quiet), (Pids::Column, 0));
    assert_eq!((style(&["--all"]).pids, style(&["--all", "-ox"]).pids), (Pids::Bracketed, Pids::Column));
}
