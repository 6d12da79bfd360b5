//! Every backend and both transports, forced one after the other, against what doctor says of them.

use rstrace_tests::{Count, Doctor, Ledger, Offer, Rstrace, Scratch, Verdict, fixture, said_number};
use std::sync::{Mutex, PoisonError};

/// Fixtures that show the same under every backend, save for what is unseen by functions. They run one after the
/// other in a run of their own.
struct Case {
    /// Each fixture with its arguments; `DIR`, `FIFO`, `FILE` and `PROGRAM` are put in.
    commands: &'static [&'static [&'static str]],
    /// Which of their calls never reach the function that carries out an open.
    unseen_by_functions: fn(&str) -> bool,
}

/// The list of what `kprobe` and `fentry` do not see: calls that seccomp refuses, and calls of openat2
/// whose structure is too short, too long, or not readable. (`open`, `openat` and `creat` check nothing before
/// `do_sys_openat2`; wrong flags and modes are refused inside it.)
const CASES: &[Case] = &[
    Case {
        commands: &[&["seccomp_refused", "5", "FILE"]],
        unseen_by_functions: |call| call.ends_with(" = -1 ENOANO (No anode)"),
    },
    Case {
        commands: &[&["open_flags", "early", "DIR"]],
        unseen_by_functions: |call| call.starts_with("openat2("),
    },
    Case {
        commands: &[
            &["open_flags", "late", "DIR"],
            &["bad_pointers"],
            &["hostile_names", "DIR"],
            &["long_path", "FILE"],
            &["dropped_page_path", "100", "DIR"],
            &["int80_open", "FILE"],
            &["vfork_child", "5", "DIR"],
            &["clone3_child", "8", "DIR"],
            &["fork_tree", "2", "3", "DIR"],
            &["fast_threads", "100", "DIR"],
            &["exec_chain", "5", "FILE"],
            &["thread_exec", "PROGRAM", "9"],
            &["killed_in_open", "FIFO"],
            &["never_returns", "FIFO"],
            &["interrupted_open", "FIFO"],
        ],
        unseen_by_functions: |_| false,
    },
];

/// The lines of a run without ids, in an order that does not depend on which thread was faster.
fn lines(probe: &str, offer: &Offer, commands: &[&[&str]]) -> Vec<String> {
    lines_and_ledger(probe, offer, commands).0
}

fn lines_and_ledger(probe: &str, offer: &Offer, commands: &[&[&str]]) -> (Vec<String>, Ledger) {
    // the tests of this file run side by side, and share the path
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let scratch_of_all = std::env::temp_dir().join(format!("rstrace-backends-{}", std::process::id()));
    // The same path for every backend.
    let _ = std::fs::remove_dir_all(&scratch_of_all);
    let mut script = String::new();
    for (number, words) in commands.iter().enumerate() {
        let folder = scratch_of_all.join(number.to_string());
        let inside = |name: &str| folder.join(name).to_str().expect("temporary paths are UTF-8").to_owned();
        std::fs::create_dir_all(inside("d")).expect("a folder can be made");
        std::fs::write(inside("file"), "").expect("a file can be written");
        script.push_str(&fixture(words[0]));
        for word in &words[1..] {
            let word = match *word {
                "DIR" => inside("d"),
                "FIFO" => inside("fifo"),
                "FILE" => inside("file"),
                "PROGRAM" => fixture("exit_code"),
                other => other.to_owned(),
            };
            script.push_str(&format!(" '{word}'"));
        }
        script.push('\n');
    }
    let run = Rstrace::tracing(probe).follow().stats().forced(offer).without_aslr();
    let run = run.run(&["sh", "-c", &script]);
    let ledger = run.ledger();
    let mut lines: Vec<String> = run.trace.joined().lines.iter().map(|l| without_ids(&l.text)).collect();
    lines.sort();
    let _ = std::fs::remove_dir_all(&scratch_of_all);
    assert!(!lines.is_empty(), "{offer}: {commands:?} shows nothing: {}", run.output.stderr);
    (lines, ledger)
}

/// Fixtures look at themselves through /proc/PID/task/TID, and a new leader says whose place it took.
fn without_ids(text: &str) -> String {
    let squeezed = text.split(' ').filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ");
    if !squeezed.contains("\"/proc/")
        && !squeezed.starts_with("+++ superseded")
        && !squeezed.starts_with("[ ")
    {
        return squeezed;
    }
    let mut out = String::new();
    for c in squeezed.chars() {
        match c {
            '0'..='9' if out.ends_with('#') => {}
            '0'..='9' => out.push('#'),
            other => out.push(other),
        }
    }
    out
}

#[track_caller]
fn assert_equal(what: &str, expected: &[String], shown: &[String]) {
    let only = |a: &[String], b: &[String]| {
        let mut rest = b.to_vec();
        let mut only = Vec::new();
        for line in a {
            match rest.iter().position(|l| l == line) {
                Some(at) => drop(rest.swap_remove(at)),
                None => only.push(line.clone()),
            }
        }
        only
    };
    let (missing, extra) = (only(expected, shown), only(shown, expected));
    assert!(missing.is_empty() && extra.is_empty(), "{what}\nmissing: {missing:#?}\nunexpected: {extra:#?}");
}

#[test]
fn every_backend_and_transport_shows_the_same_events() {
    let offers = Doctor::ask().usable("open");
    let (calls, others): (Vec<_>, Vec<_>) = offers.into_iter().partition(|o| !o.sees_functions());
    let first = calls.first().expect("tracepoints can be used on every kernel");
    for case in CASES {
        let all = lines("open", first, case.commands);
        for offer in &calls[1..] {
            let what = format!("{:?}, {offer}", case.commands);
            assert_equal(&what, &all, &lines("open", offer, case.commands));
        }
        let seen: Vec<String> = all.into_iter().filter(|l| !(case.unseen_by_functions)(l)).collect();
        for offer in &others {
            let what = format!("{:?}, {offer}", case.commands);
            let (shown, ledger) = lines_and_ledger("open", offer, case.commands);
            if matches!(offer.verdict, Verdict::Usable { caveat: None, .. }) || shown.len() == seen.len() {
                assert_equal(&what, &seen, &shown);
            } else {
                // doctor says that it misses calls: it may, if the account says so as well, and shows nothing else
                assert!(shown.iter().all(|line| seen.contains(line)), "{what}: {shown:#?}");
                let told = ledger.lost > 0 || !matches!(ledger.recursion, Count::Known(0));
                assert!(told, "{what} misses calls without a word: {ledger:?}");
            }
        }
    }
}

#[test]
fn every_backend_and_transport_shows_the_same_programs() {
    let offers = Doctor::ask().usable("exec");
    let first = offers.first().expect("the exec probe can be used on every kernel");
    let commands: &[&[&str]] =
        &[&["exec_args", "PROGRAM"], &["exec_chain", "5", "FILE"], &["thread_exec", "PROGRAM", "9"]];
    let all = lines("exec", first, commands);
    for offer in &offers[1..] {
        assert_equal(&offer.to_string(), &all, &lines("exec", offer, commands));
    }
}

#[test]
fn each_combination_that_doctor_calls_usable_traces() {
    let scratch = Scratch::new();
    let path = scratch.file("f", "");
    let chain = fixture("exec_chain");
    for probe in ["open", "exec"] {
        let offers = Doctor::ask().usable(probe);
        assert!(!offers.is_empty(), "nothing can be used for {probe}");
        for offer in offers {
            let run = Rstrace::tracing(probe).stats().forced(&offer).run(&[&chain, "3", &path]).ended_well();
            assert_eq!(run.trace.calls().len(), 4, "{offer}:\n{}", run.text);
            let ledger = run.ledger();
            assert_eq!(ledger.seen, 4, "{offer}");
            assert_eq!(ledger.backend, offer.backend);
            assert_eq!(Some(ledger.transport), offer.transport);
        }
    }
}

#[test]
fn each_combination_that_doctor_refuses_fails_with_that_reason() {
    for (offer, reason) in Doctor::ask().refused() {
        let run =
            Rstrace::tracing(&offer.probe).forced(&offer).run(&[&fixture("open_burst"), "1", "/dev/null"]);
        let stderr = &run.output.stderr;
        assert!(!run.output.status.success(), "{offer} works");
        assert!(stderr.contains(&reason), "{offer}: {reason:?} is not in {stderr:?}");
        assert_eq!(stderr.trim_end().lines().count(), 1, "{offer}: an error is one line:\n{stderr}");
        assert!(stderr.starts_with("rstrace: "), "{stderr}");
        assert_eq!(run.output.stdout, "", "{offer}: the command must not have run");
    }
}

#[test]
fn what_doctor_chooses_is_what_is_used() {
    let doctor = Doctor::ask();
    for probe in ["open", "exec"] {
        let chosen = doctor.chosen(probe);
        let run =
            Rstrace::tracing(probe).stats().run(&[&fixture("exec_chain"), "1", "/dev/null"]).ended_well();
        let ledger = run.ledger();
        assert_eq!((&ledger.backend, Some(ledger.transport)), (&chosen.backend, chosen.transport));
    }
}

#[test]
fn what_is_chosen_has_no_caveat() {
    for offer in Doctor::ask().offers {
        if let Verdict::Usable { chosen: true, caveat } = &offer.verdict {
            assert_eq!(*caveat, None, "{offer}: only a hook that sees every call may be chosen");
        }
    }
}

#[test]
fn a_raised_count_of_threads_loses_no_return_under_any_backend() {
    for offer in Doctor::ask().usable("open") {
        let run = Rstrace::tracing("open").stats().forced(&offer);
        let run = run.run(&[&fixture("open_storm"), "16", "500", "/dev/null"]).ended_well();
        let (ledger, opens) = (run.ledger_of_lines(), said_number(&run.output.stdout, "opens"));
        assert!(ledger.seen <= opens, "{offer}: {ledger:?}");
    }
}
