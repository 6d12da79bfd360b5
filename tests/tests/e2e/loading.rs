//! The verifier walks through every program at each start: how far is printed, so that growth is seen.

use std::collections::BTreeMap;
use std::io::Write;

use rstrace_tests::{Doctor, Program, Scratch, fixture, opensnoop_binary, rstrace_binary};

/// The most that the verifier may have to walk through for one program: a start takes a second per million here.
/// Kernels without `bpf_loop` have their loops walked through step by step.
const MOST: u64 = 100_000;

/// The programs that a run loads, with the instructions that the verifier processed.
fn verified(words: &[&str]) -> BTreeMap<String, u64> {
    let output = Program::new(words).env("RSTRACE_LIBBPF_LOG", "1").run().ended_well();
    let mut program = None;
    let mut found = BTreeMap::new();
    for line in output.stderr.lines() {
        if line.contains("-- BEGIN PROG LOAD LOG --") {
            program = line.split('\'').nth(1);
        } else if let Some(rest) = line.strip_prefix("processed ") {
            let name = program.take().expect("a log has a beginning");
            let count = rest.split(' ').next().and_then(|word| word.parse().ok());
            found.insert(name.to_owned(), count.expect("the verifier says a number"));
        }
    }
    found
}

#[test]
fn every_program_is_verified_in_few_steps() {
    let scratch = Scratch::new();
    let (file, command) = (scratch.at("trace"), fixture("exit_code"));
    let (rstrace, opensnoop) = (rstrace_binary(), opensnoop_binary());
    let runs: [&[&str]; 6] = [
        &[&rstrace, "-f", "-o", &file, "--", &command, "0"],
        &[&rstrace, "-f", "-Y", "--pidns-translation", "-yy", "-o", &file, "--", &command, "0"],
        &[&rstrace, "--backend", "tracepoint", "-e", "open", "-o", &file, "--", &command, "0"],
        &[&rstrace, "-e", "open", "-o", &file, "--", &command, "0"],
        &[&rstrace, "-k", "-f", "-o", &file, "--", &command, "0"],
        &[&opensnoop, "-F", "--", &command, "0"],
    ];
    let mut programs = BTreeMap::new();
    for run in runs {
        let found = verified(run);
        assert!(!found.is_empty(), "{run:?} loads nothing");
        for (name, count) in found {
            // another set of captures may leave code out
            let most = programs.entry(name).or_insert(count);
            *most = count.max(*most);
        }
    }
    for (name, count) in &programs {
        let _ = writeln!(std::io::stderr(), "VERIFIED {name} {count}");
    }
    let large: Vec<_> = programs.iter().filter(|(_, count)| **count > MOST).collect();
    assert!(large.is_empty(), "more than {MOST} instructions: {large:?}");
}

/// Which captures there are decides what of a program the verifier looks at, and what it knows there.
#[test]
fn programs_of_each_set_of_captures_are_loaded() {
    let scratch = Scratch::new();
    let (file, command) = (scratch.at("trace"), fixture("exit_code"));
    let mut refused = Vec::new();
    for calls in ["accept", "execve", "select,pselect6", "sendmsg", "poll,read", "openat,close"] {
        for options in [&[][..], &["-y"], &["-yY", "-i"]] {
            let trace = format!("trace={calls}");
            let words = [&[&rstrace_binary(), "-e", &trace, "-o", &file], options, &["--", &command, "0"]];
            let output = Program::new(&words.concat()).run();
            if !output.status.success() {
                refused.push(format!("{calls} {options:?}: {}", output.stderr));
            }
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
}

/// With function pairs other system calls and other processes run no program of rstrace: what is loaded besides the pairs
/// is for the beginnings and ends of processes.
#[test]
fn a_narrow_set_is_on_nobody_elses_path() {
    let scratch = Scratch::new();
    let (file, command) = (scratch.at("trace"), fixture("exit_code"));
    for offer in Doctor::ask().usable("open") {
        let words = ["-e", "open", "--backend", &offer.backend, "-o", &file, "--", &command, "0"];
        let found = verified(&[&[rstrace_binary().as_str()][..], &words].concat());
        let of_every_call = |name: &String| name.contains("sys_enter") || name.contains("sys_exit");
        let mut programs = found.keys();
        assert_eq!(programs.any(of_every_call), offer.backend == "tracepoint", "{offer}: {found:?}");
    }
}
