//! Calls that tracers print wrongly or not at all.

use std::collections::BTreeSet;

use rstrace_tests::{Finished, Rstrace, Scratch, fixture, in_vm, said_number, scale, skip};

fn traced(words: &[&str]) -> Finished {
    let program = fixture(words[0]);
    let command: Vec<&str> = [&[program.as_str()], &words[1..]].concat();
    Rstrace::tracing("open").follow().stats().run(&command)
}

/// Each `KIND-0` to `KIND-(N-1)` (or from 1) in a folder is shown once.
#[track_caller]
fn each_is_shown_once(run: &Finished, folder: &str, kind: &str, numbers: impl Iterator<Item = u64>) {
    let calls = run.trace.calls();
    for number in numbers {
        let path = format!("\"{folder}/{kind}-{number}\"");
        assert_eq!(calls.iter().filter(|c| c.contains(&path)).count(), 1, "{path} in:\n{}", run.text);
    }
}

#[test]
fn paths_on_dropped_pages_are_printed_right() {
    let scratch = Scratch::new();
    let folder = scratch.fresh_folder("d");
    let count = scale::DROPPED_PAGES;
    let run = traced(&["dropped_page_path", &count.to_string(), &folder]).ended_well();
    let calls = run.trace.calls();
    for number in 0..count {
        let expected = match number % 4 {
            0 => format!("openat(AT_FDCWD, \"{folder}/dropped-{number:04}\", O_RDWR|O_CREAT, 0600) = 3"),
            _ => format!(
                "openat(AT_FDCWD, \"{folder}/dropped-{number:04}\", O_RDONLY) = -1 ENOENT (No such file or directory)"
            ),
        };
        assert!(calls.contains(&expected), "{expected} in:\n{}", run.text);
    }
    let ledger = run.ledger();
    assert_eq!((ledger.seen, ledger.incomplete), (count + 1, 0), "{ledger:?}");
}

#[test]
fn the_longest_path_is_printed_whole() {
    let scratch = Scratch::new();
    let run = traced(&["long_path", &scratch.file("f", "")]).ended_well();
    let calls = run.trace.calls();
    let lengths: Vec<usize> = calls
        .iter()
        .map(|c| {
            let (_, rest) = c.split_once('"').expect("a path is quoted");
            rest.split_once('"').expect("a path is quoted").0.len()
        })
        .collect();
    // What cannot be a path is cut at the kernel's limit, and says so.
    assert_eq!(lengths, [4094, 4095, 4095, 4095, 4095, 4095]);
    for (call, &length) in calls.iter().zip(&[4094, 4095, 4096, 4097, 5000, 10000]) {
        assert_eq!(call.contains("\"..., "), length > 4095, "{length}");
        assert_eq!(call.ends_with("ENAMETOOLONG (File name too long)"), length > 4095, "{length}");
    }
}

#[test]
fn no_control_character_of_a_name_reaches_the_output() {
    let scratch = Scratch::new();
    let folder = scratch.fresh_folder("d");
    let run = traced(&["hostile_names", &folder]).ended_well();
    assert!(run.text.bytes().all(|b| b == b'\n' || (0x20..0x7f).contains(&b)), "{:?}", run.text);
    assert_eq!(run.trace.calls().len() as u64, said_number(&run.output.stdout, "opens"), "{}", run.text);
    assert!(run.text.contains(r#""new\nline""#), "{}", run.text);
    assert!(run.text.contains(r#""\0011 \1a \0377 \1778""#), "{}", run.text);
}

#[test]
fn a_path_that_cannot_be_read_is_printed_as_its_address_and_counted() {
    let run = traced(&["bad_pointers"]).ended_well();
    let calls = run.trace.calls();
    assert_eq!(calls.len() as u64, said_number(&run.output.stdout, "opens"));
    for address in ["NULL", "0x1", "0x20001000", "0x20000800", "0xffffffff81000000", "0xffffffffffffffff"] {
        let expected = format!("open({address}, O_RDONLY) = -1 EFAULT (Bad address)");
        assert!(calls.contains(&expected), "{expected} in:\n{}", run.text);
    }
    // NULL is no path that could not be read; "" and two good names are read.
    let ledger = run.ledger();
    assert_eq!(ledger.incomplete, 13 * 4, "{ledger:?}");
}

#[test]
fn calls_that_seccomp_refuses_are_shown_with_their_arguments() {
    let scratch = Scratch::new();
    let path = scratch.file("f", "");
    // function pairs do not see them, see backends.rs
    let run = Rstrace::tracing("open").follow().stats().and(&["--backend", "tracepoint"]);
    let run = run.run(&[&fixture("seccomp_refused"), "50", &path]).ended_well();
    let refused = run.trace.calls_with("= -1 ENOANO (No anode)");
    assert_eq!(refused.len() as u64, said_number(&run.output.stdout, "refused"), "{}", run.text);
    let all = refused.len() as u64 + said_number(&run.output.stdout, "allowed");
    assert_eq!(run.trace.calls().len() as u64, all);
    let first = format!("openat(AT_FDCWD, \"{path}\", O_RDONLY|O_NOATIME) = -1 ENOANO (No anode)");
    assert_eq!(refused.iter().filter(|c| **c == first).count(), 50);
    assert_eq!(run.ledger().seen, all);
}

#[test]
fn a_call_without_an_entry_is_counted_by_the_row_that_it_is_shown_by() {
    // those that nobody asked for are taken off what was seen of the same row
    let run = Rstrace::with(&["-e", "trace=ioctl", "--count", "3"]).stats();
    let run = run.run(&[&fixture("refused_requests"), "2000"]).ended_well();
    assert_eq!(run.trace.calls_with("= -1 ENOANO (No anode)").len(), 3, "{}", run.text);
    let ledger = run.ledger();
    assert_eq!((ledger.seen, ledger.delivered), (3, 3), "{ledger:?}");
    assert!(run.output.stderr.contains("pair ioctl seen 3\n"), "{:?}", run.output);
}

#[test]
fn calls_of_32_bits_go_by_their_own_table() {
    let scratch = Scratch::new();
    let path = scratch.file("f", "");
    let run = traced(&["int80_open", &path]);
    if run.output.status.code() == Some(77) {
        skip!("this kernel has no 32-bit calls");
    }
    let run = run.ended_well();
    let expected = [
        format!("open(\"{path}\", O_RDONLY) = 3"),
        format!("openat(AT_FDCWD, \"{path}\", O_RDONLY|O_CLOEXEC) = 4"),
        format!("openat2(AT_FDCWD, \"{path}\", {{flags=O_RDONLY, resolve=0}}, 24) = 5"),
        "creat(\"/nonexistent/int80\", 0640) = -1 ENOENT (No such file or directory)".to_owned(),
        format!("openat(AT_FDCWD, \"{path}\", O_RDONLY) = 6"),
    ];
    // Nothing else: fork, readlink and remap_file_pages have numbers that are opens in the other table.
    assert_eq!(run.trace.calls(), expected);
}

#[test]
fn calls_of_32_bits_are_marked() {
    let run = Rstrace::tracing("open").to_stderr().run(&[&fixture("int80_open"), "/dev/null"]);
    if run.output.status.code() == Some(77) {
        skip!("this kernel has no 32-bit calls");
    }
    assert!(run.text.contains(" runs in 32 bit mode. ]"), "{}", run.text);
    assert!(run.text.contains(" runs in 64 bit mode. ]"), "{}", run.text);
}

#[test]
fn children_of_vfork_are_followed_from_their_first_call() {
    let scratch = Scratch::new();
    let folder = scratch.fresh_folder("d");
    let run = traced(&["vfork_child", "100", &folder]).ended_well();
    each_is_shown_once(&run, &folder, "vfork-child", 0..100);
    each_is_shown_once(&run, &folder, "vfork-parent", 0..100);
    assert_eq!(run.ledger().seen, 200);
}

#[test]
fn children_of_clone3_are_followed_from_their_first_call() {
    let scratch = Scratch::new();
    let folder = scratch.fresh_folder("d");
    let run = traced(&["clone3_child", "100", &folder]).ended_well();
    each_is_shown_once(&run, &folder, "clone3-child", 0..100);
    assert_eq!(run.ledger().seen, 100);
}

#[test]
fn a_tree_of_processes_is_followed_to_its_orphans() {
    let scratch = Scratch::new();
    let folder = scratch.fresh_folder("d");
    let run = traced(&["fork_tree", "3", "4", &folder]).ended_well();
    let nodes = said_number(&run.output.stdout, "nodes");
    let orphans = said_number(&run.output.stdout, "orphans");
    each_is_shown_once(&run, &folder, "node", 1..=nodes);
    each_is_shown_once(&run, &folder, "orphan", nodes - orphans + 1..=nodes);
    assert_eq!(run.ledger().seen, nodes + orphans);
}

#[test]
fn without_following_a_child_is_not_shown() {
    let scratch = Scratch::new();
    let folder = scratch.fresh_folder("d");
    let run = Rstrace::tracing("open").run(&[&fixture("vfork_child"), "10", &folder]).ended_well();
    assert_eq!(run.trace.calls_with("vfork-child").len(), 0, "{}", run.text);
    assert_eq!(run.trace.calls_with("vfork-parent").len(), 10, "{}", run.text);
}

#[test]
fn threads_that_live_for_one_call_are_all_shown() {
    let scratch = Scratch::new();
    let folder = scratch.fresh_folder("d");
    let run = traced(&["fast_threads", "2000", &folder]).ended_well();
    let calls = run.trace.calls_with("/thread-");
    let names: BTreeSet<&str> = calls.iter().filter_map(|c| c.split('"').nth(1)).collect();
    assert_eq!((calls.len(), names.len()), (2000, 2000));
    assert_eq!(run.ledger().seen, 2000);
}

/// The kernel's limit of process ids, put back when the test ends.
struct FewIds(String);

impl FewIds {
    const FILE: &str = "/proc/sys/kernel/pid_max";

    fn set(limit: u32) -> Self {
        let before = std::fs::read_to_string(Self::FILE).expect("the limit can be read");
        std::fs::write(Self::FILE, limit.to_string()).expect("root may lower the limit");
        Self(before)
    }
}

impl Drop for FewIds {
    fn drop(&mut self) {
        let _ = std::fs::write(Self::FILE, &self.0);
    }
}

#[test]
fn ids_that_are_used_again_and_again_confuse_nothing() {
    if !in_vm() {
        skip!("the limit of process ids is the whole machine's");
    }
    let scratch = Scratch::new();
    let folder = scratch.fresh_folder("d");
    let _few = FewIds::set(1000);
    let run = traced(&["fast_threads", "5000", &folder]).ended_well();
    let calls = run.trace.calls_with("/thread-");
    let names: BTreeSet<&str> = calls.iter().filter_map(|c| c.split('"').nth(1)).collect();
    assert_eq!((calls.len(), names.len()), (5000, 5000));
    assert_eq!(run.ledger().lost, 0);
    // Children's zero from clone meets the slots of threads that had their id before.
    let run = traced(&["fork_tree", "2", "8", &folder]).ended_well();
    assert_eq!(run.ledger().seen, said_number(&run.output.stdout, "opens"));
}

#[test]
fn a_thread_that_execs_goes_on_under_the_leaders_id() {
    let run = Rstrace::tracing("open,exec").follow();
    let run = run.run(&[&fixture("thread_exec"), &fixture("exec_chain"), "1", "/dev/null"]).ended_well();
    let leader = run.trace.lines[0].pid;
    let calls = run.trace.calls();
    // Its own start and the one that the chain makes of itself.
    assert_eq!(
        calls.iter().filter(|c| c.starts_with("execve(") && c.ends_with(") = 0")).count(),
        2,
        "{}",
        run.text
    );
    // The thread's begins under its own id and ends under the leader's.
    let begun = run
        .trace
        .lines
        .iter()
        .find(|l| l.text.starts_with("execve(") && l.text.ends_with("<unfinished ...>"));
    assert_ne!(begun.expect("the thread's exec is unfinished").pid, leader, "{}", run.text);
    let ended = run.trace.lines.iter().find(|l| l.text.starts_with("<... execve resumed>)"));
    assert_eq!(ended.expect("it is resumed").pid, leader, "{}", run.text);
    assert_eq!(run.trace.calls_with("/dev/null\", O_RDONLY|O_CLOEXEC) = 3").len(), 2, "{}", run.text);
    assert_eq!(run.trace.calls_with("before-exec").len(), 1, "{}", run.text);
    let superseded = run.trace.lines.iter().find(|l| l.text.starts_with("+++ superseded by execve in pid "));
    assert_eq!(superseded.expect("the leader is superseded").pid, leader, "{}", run.text);
    assert_eq!(run.trace.lines.last().expect("there are lines").pid, leader, "{}", run.text);
}

#[test]
fn a_blocked_open_that_is_killed_is_shown_with_a_question_mark() {
    let scratch = Scratch::new();
    let fifo = scratch.at("fifo");
    let run = traced(&["killed_in_open", &fifo]);
    let expected = [format!("openat(AT_FDCWD, \"{fifo}\", O_RDONLY) = ?")];
    assert_eq!(run.trace.calls_with(&fifo), expected, "{}", run.text);
    let deaths = run.trace.lines.iter().filter(|l| l.text == "+++ killed by SIGKILL +++").count();
    assert_eq!(deaths, 2, "{}", run.text);
}

#[test]
fn an_open_that_never_returns_is_shown_with_a_question_mark() {
    let scratch = Scratch::new();
    let fifo = scratch.at("fifo");
    let run = traced(&["never_returns", &fifo]).ended_with(7);
    let expected = [format!("openat(AT_FDCWD, \"{fifo}\", O_RDONLY) = ?")];
    assert_eq!(run.trace.calls_with(&fifo), expected, "{}", run.text);
}

#[test]
fn an_interrupted_open_is_shown_with_each_of_its_tries() {
    let scratch = Scratch::new();
    let fifo = scratch.at("fifo");
    let run = traced(&["interrupted_open", &fifo]).ended_well();
    let call = format!("openat(AT_FDCWD, \"{fifo}\", O_RDONLY)");
    let again = format!("{call} = ? ERESTARTSYS (To be restarted if SA_RESTART is set)");
    let readers: Vec<_> =
        run.trace.calls_with(&fifo).into_iter().filter(|c| c.contains("O_RDONLY")).collect();
    assert_eq!(readers, [again.clone(), again, format!("{call} = 4")], "{}", run.text);
}

#[test]
fn every_argument_of_a_program_is_shown_uncut() {
    let run = Rstrace::tracing("exec").follow().and(&["-s", "200000"]);
    let run = run.run(&[&fixture("exec_args"), &fixture("exit_code")]).ended_well();
    let large = format!("[\"large\", \"{}\"]", "x".repeat(100 * 1024));
    assert_eq!(run.trace.calls_with(&large).len(), 1);
    let list: Vec<String> = (0..2000).map(|n| format!("\"argument-{n}\"")).collect();
    assert_eq!(run.trace.calls_with(&format!("[{}]", list.join(", "))).len(), 1);
    let largest = format!("[\"largest\", \"{}\"]", "y".repeat(131_071));
    assert_eq!(run.trace.calls_with(&largest).len(), 1);
}
