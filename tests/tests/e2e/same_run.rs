//! strace and rstrace watch one and the same run: the lines of each process are identical.

use rstrace_tests::{Scratch, Trace, assert_same_lines, fixture, in_vm, needs, skip, watch_same_run};

const OPENS: &str = "open,openat,openat2,creat";
const EXECS: &str = "execve,execveat";

fn compare_opens(command: &[&str]) -> Trace {
    let (strace, rstrace) = watch_same_run(command, OPENS, "open");
    assert_same_lines(&strace, &rstrace);
    rstrace
}

fn compare_fixture(words: &[&str]) -> Trace {
    let program = fixture(words[0]);
    let command: Vec<&str> = [&[program.as_str()], &words[1..]].concat();
    compare_opens(&command)
}

#[test]
fn a_shell_that_reads_two_files_shows_the_same_lines() {
    needs!("strace", "sh");
    let scratch = Scratch::new();
    let there = scratch.file("hostname", "name\n");
    let trace = compare_opens(&["sh", "-c", &format!("cat {there}; cat /proc/nope")]);
    assert_eq!(trace.calls_with("\"/proc/nope\"").len(), 1);
}

#[test]
fn git_status_shows_the_same_lines() {
    if in_vm() {
        skip!("there is no git in the virtual machine");
    }
    needs!("strace", "git", "sh");
    let scratch = Scratch::new();
    let repo = scratch.fresh_folder("repo");
    scratch.file("repo/file", "content\n");
    compare_opens(&["sh", "-c", &format!("cd {repo} && git init -q . && git add file && exec git status")]);
}

#[test]
fn python_that_imports_json_shows_the_same_lines() {
    if in_vm() {
        skip!("there is no python in the virtual machine");
    }
    needs!("strace", "python3");
    compare_opens(&["python3", "-c", "import json"]);
}

#[test]
fn find_over_a_large_tree_shows_the_same_lines() {
    needs!("strace", "sh", "find");
    compare_opens(&["sh", "-c", "find /usr/share -type f >/dev/null"]);
}

#[test]
fn a_c_compile_shows_the_same_lines() {
    if in_vm() {
        skip!("there is no compiler in the virtual machine");
    }
    needs!("strace", "cc");
    let scratch = Scratch::new();
    let source = scratch.file("a.c", "#include <stdio.h>\nint main(void) { return puts(\"x\") < 0; }\n");
    compare_opens(&["cc", "-c", "-o", &scratch.at("a.o"), &source]);
}

#[test]
fn every_flag_mode_and_open_how_shows_the_same_lines() {
    needs!("strace");
    let scratch = Scratch::new();
    compare_fixture(&["open_flags", "all", &scratch.fresh_folder("d")]);
}

#[test]
fn hostile_names_show_the_same_lines() {
    needs!("strace");
    let scratch = Scratch::new();
    compare_fixture(&["hostile_names", &scratch.fresh_folder("d")]);
}

#[test]
fn bad_pointers_show_the_same_lines() {
    needs!("strace");
    compare_fixture(&["bad_pointers"]);
}

#[test]
fn paths_around_the_longest_show_the_same_lines() {
    needs!("strace");
    let scratch = Scratch::new();
    compare_fixture(&["long_path", &scratch.file("f", "")]);
}

#[test]
fn calls_that_seccomp_refuses_show_the_same_lines() {
    needs!("strace");
    let scratch = Scratch::new();
    compare_fixture(&["seccomp_refused", "20", &scratch.file("f", "")]);
}

#[test]
fn calls_of_32_bits_show_the_same_lines() {
    needs!("strace");
    let scratch = Scratch::new();
    compare_fixture(&["int80_open", &scratch.file("f", "")]);
}

#[test]
fn children_of_every_kind_show_the_same_lines() {
    needs!("strace");
    let scratch = Scratch::new();
    let folder = scratch.fresh_folder("d");
    compare_fixture(&["vfork_child", "10", &folder]);
    compare_fixture(&["clone3_child", "12", &folder]);
    compare_fixture(&["fork_tree", "2", "3", &folder]);
    compare_fixture(&["fast_threads", "50", &folder]);
}

#[test]
fn opens_that_end_with_their_thread_show_the_same_lines() {
    needs!("strace");
    let scratch = Scratch::new();
    compare_fixture(&["killed_in_open", &scratch.at("killed")]);
    compare_fixture(&["never_returns", &scratch.at("never")]);
    compare_fixture(&["interrupted_open", &scratch.at("interrupted")]);
}

#[test]
fn a_thread_that_execs_shows_the_same_lines() {
    needs!("strace");
    let exit = fixture("exit_code");
    let (mut strace, rstrace) =
        watch_same_run(&[&fixture("thread_exec"), &exit, "9"], &format!("{OPENS},{EXECS}"), "open,exec");
    // On a busy machine strace 6.1 at times shows the unfinished execve as one of the other threads too. They make no
    // such call: the thread that does is named when it has taken over its leader's id.
    let named = |text: &str| {
        text.strip_prefix("+++ superseded by execve in pid ")?.strip_suffix(" +++")?.parse().ok()
    };
    let caller: Option<u32> = strace.lines.iter().find_map(|line| named(&line.text));
    assert!(caller.is_some(), "{strace:?}");
    strace.lines.retain(|line| {
        let is_unfinished = line.text.starts_with("execve(") && line.text.ends_with("<unfinished ...>");
        !is_unfinished || line.pid == caller
    });
    assert_same_lines(&strace, &rstrace);
}

#[test]
fn programs_with_odd_arguments_show_the_same_lines() {
    needs!("strace");
    let (strace, rstrace) = watch_same_run(&[&fixture("exec_args"), &fixture("exit_code")], EXECS, "exec");
    assert_same_lines(&strace, &rstrace);
}

#[test]
fn a_chain_of_execs_shows_the_same_lines() {
    needs!("strace");
    let scratch = Scratch::new();
    let (chain, path) = (fixture("exec_chain"), scratch.file("f", ""));
    let (strace, rstrace) = watch_same_run(&[&chain, "20", &path], &format!("{OPENS},{EXECS}"), "open,exec");
    assert_same_lines(&strace, &rstrace);
    assert_eq!(rstrace.calls_with("execve(").len(), 21);
}
