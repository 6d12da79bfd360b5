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
    assert!(refused(&["-eopen", "-J", "ls"]).starts_with("unexpected argument '-J'"));
}

#[test]
fn a_value_may_stick_to_its_letter() {
    let options = options(&["-eopen", "-o/tmp/out", "-p1,2", "-a9", "-s5", "-qq", "-fv"]);
    assert_eq!(options.output, Some(Destination::File { path: "/tmp/out".into(), append: false }));
    assert_eq!(options.target, Target::Pids(vec![1, 2]));
    assert_eq!((options.column, options.string_size, options.quiet), (9, Some(5), Quiet::by_count(2)));
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
    assert_eq!(options(&["--comm", "x"]).target, Target::All);
    assert_eq!(options(&["--cgroup", "/x"]).target, Target::All);
    assert!(
        refused(&["-c", "--count=1", "true"])
            .starts_with("--count and --syscall-limit count the calls that are shown")
    );
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
fn lines_go_to_a_file_or_to_a_command() {
    for words in ["|cat -n", "!cat -n"] {
        assert_eq!(options(&["-o", words, "true"]).output, Some(Destination::Pipe("cat -n".into())));
    }
    let appended = options(&["-Ao", "x", "true"]).output;
    assert_eq!(appended, Some(Destination::File { path: "x".into(), append: true }));
}

#[test]
fn times_by_letters_and_by_words() {
    use crate::output::prefix::Absolute;
    let absolute = |unix, precision| Some(Absolute { unix, precision });
    for (words, expected) in [
        (&["-t"][..], absolute(false, Precision::S)),
        (&["-tt"], absolute(false, Precision::Us)),
        (&["-ttt"], absolute(true, Precision::Us)),
        (&["-t", "-tt", "-t"], absolute(true, Precision::Us)),
        (&["--absolute-timestamps"], absolute(false, Precision::S)),
        (&["--absolute-timestamps=ms"], absolute(false, Precision::Ms)),
        (&["--absolute-timestamps=unix"], absolute(true, Precision::S)),
        (&["--absolute-timestamps=format:unix,precision:ns"], absolute(true, Precision::Ns)),
        (&["--absolute-timestamps=us,time"], absolute(false, Precision::Us)),
        (&["--absolute-timestamps=none"], None),
    ] {
        assert_eq!(options(&[words, &["true"]].concat()).prefixes.absolute, expected, "{words:?}");
    }
    let many = options(&["-rTnfN", "true"]);
    assert_eq!((many.prefixes.relative, many.call_times), (Some(Precision::Us), Some(Precision::Us)));
    assert!(many.prefixes.number && many.follow && many.arg_names);
    let words = options(&["--relative-timestamps=ns", "--syscall-times=s", "true"]);
    assert_eq!((words.prefixes.relative, words.call_times), (Some(Precision::Ns), Some(Precision::S)));
    assert_eq!(refused(&["-T", "--syscall-times=h", "true"]), "--syscall-times=h: give s, ms, us or ns");
    assert!(refused(&["--absolute-timestamps=x", "true"]).starts_with("--absolute-timestamps=x: give none"));
    assert!(refused(&["-t", "--absolute-timestamps", "true"]).contains("give one of them"));
}

#[test]
fn a_file_for_each_thread() {
    assert!(options(&["-ff", "true"]).follow && options(&["-f", "-ox", "true"]).follow);
    let files = |append| Some(Destination::Files { prefix: "x".into(), append });
    assert_eq!(options(&["-ff", "-ox", "true"]).output, files(false));
    assert_eq!(options(&["--output-separately", "-Aox", "true"]).output, files(true));
    assert_eq!(options(&["-ff", "true"]).output, None);
    for (words, text) in [
        (&["-ff", "-o|x", "true"][..], "-ff writes a file for each thread, and -o | has none"),
        (&["-ffc", "-ox", "true"], "-c and -C print one table, -ff with -o a file for each thread"),
        (
            &["-ff", "-ox", "--json", "true"],
            "-ff with -o is about lines and tables of text, of which --json has none",
        ),
    ] {
        assert!(refused(words).starts_with(text), "{words:?}");
    }
}

#[test]
fn colours_and_ids_on_demand() {
    let style = |words: &[&str], terminal| options(&[words, &["true"]].concat()).style(terminal);
    assert!(style(&["--color=always", "-ox"], false).colour && !style(&["--color", "never"], true).colour);
    assert!(style(&["--color=auto"], true).colour && !style(&["--color=auto", "-ox"], true).colour);
    assert_eq!(style(&["--always-show-pid"], true).pids, Pids::Column);
}

#[test]
fn what_a_tracer_without_ptrace_cannot_do_is_refused() {
    for (words, text) in [
        (&["-e", "inject=read:error=EIO"][..], "-e inject= is not supported: "),
        (&["--inject=read"], "-e inject= is not supported: "),
        (&["-efault=read"], "-e fault= is not supported: "),
        (&["--fault", "read"], "-e fault= is not supported: "),
        (&["--kvm=vcpu"], "-e kvm= is not supported: "),
    ] {
        let error = refused(&[words, &["true"]].concat());
        assert!(error.starts_with(text), "{error}");
    }
}

#[test]
fn the_style_follows_the_target_and_the_file() {
    let style = |words: &[&str]| options(&[&["-eopen"], words].concat()).style(true);
    let plain = style(&["true"]);
    assert_eq!(
        (plain.pids, plain.quiet, plain.attached, plain.colour),
        (Pids::WhenSeveral, Quiet::by_count(0), false, true)
    );
    let followed = style(&["-f", "true"]);
    assert_eq!((followed.pids, followed.attached), (Pids::WhenSeveral, true));
    let to_file = style(&["-f", "-ox", "true"]);
    assert_eq!((to_file.pids, to_file.quiet, to_file.attached), (Pids::Column, Quiet::by_count(1), false));
    assert!(!to_file.colour);
    assert_eq!(style(&["-ox", "true"]).pids, Pids::WhenSeveral);
    assert_eq!(
        (style(&["-ox", "-p1,2"]).pids, style(&["-ox", "-p1,2"]).quiet),
        (Pids::Column, Quiet::by_count(0))
    );
    assert_eq!((style(&["--all"]).pids, style(&["--all", "-ox"]).pids), (Pids::Bracketed, Pids::Column));
}

#[test]
fn the_last_word_on_how_calls_end_counts() {
    use rstrace_core::Statuses;
    let statuses = |words: &[&str]| options(&[words, &["true"]].concat()).filter.statuses;
    for words in [
        &["-z", "-Z"][..],
        &["-Z"],
        &["-zZ", "-e", "trace=read"],
        &["--status=all", "-e", "status=none", "--failed-only"],
        &["-z", "-e", "status=failed", "-e", "read"],
        &["-e", "status=successful", "--status", "failed"],
    ] {
        assert_eq!(statuses(words), Statuses::FAILED, "{words:?}");
    }
    assert_eq!(statuses(&["-Z", "-z"]), Statuses::SUCCESSFUL);
    assert_eq!(statuses(&["-e", "read"]), Statuses::ALL);
    // what comes after the command is its own
    assert_eq!(options(&["-z", "true", "-Z"]).filter.statuses, Statuses::SUCCESSFUL);
    assert!(refused(&["-e", "status=x", "true"]).starts_with("-e status=x: give successful, "));
}

#[test]
fn what_changes_lines_of_text_is_refused_with_json() {
    let json = options(&["--json", "-q", "-v", "-s9", "-f", "-o", "x", "true"]);
    assert!(json.json && json.says_messages());
    assert!(!options(&["--json", "true"]).says_messages());
    assert!(options(&["true"]).says_messages());
    for option in [
        "-a40",
        "-qq",
        "-x",
        "--strings-in-hex",
        "-t",
        "--absolute-timestamps",
        "-r",
        "-T",
        "-n",
        "-N",
        "--always-show-pid",
        "--color=never",
        "-c",
        "-C",
    ] {
        let text = refused(&["--json", option, "true"]);
        assert!(option.starts_with(text.split(' ').next().unwrap_or("?")), "{text}");
        assert!(text.contains(" is about lines and tables of text"), "{text}");
    }
}

#[test]
fn messages_are_left_out_by_words() {
    for (words, count) in [
        (&["--quiet"][..], 1),
        (&["--silent=attach,personality"], 1),
        (&["-e", "quiet=attach,exit,personality"], 2),
        (&["-eq=!thread-execve,path-resolution"], 2),
        (&["--quiet=all"], 3),
        (&["--quiet=none"], 0),
    ] {
        let quiet = options(&[words, &["true"]].concat()).quiet;
        assert_eq!(quiet, Quiet::by_count(count), "{words:?}");
    }
    assert!(refused(&["--json", "-eq=exit", "true"]).starts_with("-e quiet= is about lines of text"));
    assert!(options(&["--quiet=superseded", "true"]).quiet.thread_execve);
    assert!(options(&["--quiet=path-resolve", "true"]).quiet.path_resolution);
    assert!(refused(&["--quiet=foo", "true"]).starts_with("--quiet=foo: give attach, "));
    assert_eq!(refused(&["-q", "--quiet=exit", "true"]), "-q and --quiet= do the same: give one of them");
}

#[test]
fn a_command_is_started_otherwise() {
    let words = ["-EA=b=c", "-E", "HOME", "--env==", "--argv0=x", "true"];
    let Target::Command { argv, argv0, env, .. } = options(&words).target else { panic!("no command") };
    let variable = |name: &str, value: Option<&str>| (name.into(), value.map(Into::into));
    assert_eq!((argv, argv0), (vec!["true".into()], Some("x".into())));
    assert_eq!(env, [variable("A", Some("b=c")), variable("HOME", None), variable("", Some(""))]);
    for option in ["-EA=b", "--argv0=x", "--kill-on-exit"] {
        assert!(
            refused(&[option, "-p1"])
                .ends_with("is for a command that rstrace runs: give one, or leave it out")
        );
    }
}
