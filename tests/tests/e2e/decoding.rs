//! Every system call is shown as strace shows it: held against strace on one and the same run, line by line, and the
//! table against the kernel's own list.

use std::collections::BTreeSet;
use std::io::Write;

use rstrace_core::describe::{Meaning, Type};
use rstrace_tests::differ::{Comparison, Table, known_differences};
use rstrace_tests::programs::PROGRAMS;
use rstrace_tests::{SameRun, in_vm, needs, skip};

use crate::call_fixtures::programs;

/// So many of 100 system calls of a fixture must have no line that differs, or a reason why. With `-v` those that
/// fall short are named.
const CALLS: f64 = 95.0;
/// So many of 100 system calls of all fixtures must be the same: what has been reached, so that nothing gets lost.
const CALLS_IN_ALL: f64 = 95.0;
/// Likewise, with `-v`.
const CALLS_IN_ALL_AT_LENGTH: f64 = 95.0;
/// So many of 100 lines of a real program must be the same.
const LINES: f64 = 99.5;

/// Says something where libtest does not swallow it.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

/// Holds all fixtures of calls against strace, with these options of both.
pub fn compare_fixtures(options: &[&str], least: f64) {
    let mut table = Table::default();
    let mut too_low = Vec::new();
    let mut needless = Vec::new();
    let (mut all_calls, mut same_calls) = (0, 0);
    for (name, program) in programs() {
        let (strace, rstrace) = SameRun::new(&[&program], options, options).watch();
        let comparison = Comparison::new(&strace, &rstrace);
        let known = known_differences(&name);
        let differing = comparison.differing();
        let is_call = |subject: &&str| !matches!(*subject, "+++" | "---");
        let calls: BTreeSet<&str> = comparison.calls.keys().map(String::as_str).filter(is_call).collect();
        let same = calls.iter().filter(|call| !differing.contains(**call)).count();
        let unexplained: Vec<&str> =
            differing.iter().copied().filter(|call| !known.contains_key(*call)).collect();
        needless.extend(
            known.keys().filter(|call| !differing.contains(call.as_str())).map(|c| format!("{name}: {c}")),
        );
        let explained = percent(calls.len() - unexplained.iter().filter(|c| is_call(c)).count(), calls.len());
        say(&format!(
            "{name:<20} {:>4} calls, {same:>4} the same, {explained:>6.2} % with those that are explained; not: {}",
            calls.len(),
            unexplained.join(" ")
        ));
        if explained < CALLS || calls.is_empty() {
            too_low.push(name.clone());
        }
        (all_calls, same_calls) = (all_calls + calls.len(), same_calls + same);
        let mut unexplained_only = comparison;
        unexplained_only.differences.retain(|difference| !known.contains_key(&difference.subject));
        table.add(&name, unexplained_only);
    }
    say(&format!(
        "all fixtures: {same_calls} of {all_calls} calls are the same, {:.2} %",
        percent(same_calls, all_calls)
    ));
    say(&format!("lines that are the same only by a rule:\n{}", table.rules()));
    if !needless.is_empty() {
        say(&format!("explained, but the same here:\n  {}", needless.join("\n  ")));
    }
    if !too_low.is_empty() {
        say(&format!("less than {CALLS} % in {}", too_low.join(", ")));
    }
    assert!(too_low.is_empty() || !options.is_empty(), "{}", table.differences());
    let reached = percent(same_calls, all_calls);
    assert!(reached >= least, "{}{reached:.2} % of all fixtures' calls", table.differences());
}

#[test]
fn every_call_of_the_fixtures_is_shown_as_strace_shows_it() {
    needs!("strace");
    if in_vm() {
        skip!("what differs by kernel is not known yet");
    }
    compare_fixtures(&[], CALLS_IN_ALL);
}

#[test]
fn every_call_of_the_fixtures_is_shown_at_length_as_strace_shows_it() {
    needs!("strace");
    if in_vm() {
        skip!("what differs by kernel is not known yet");
    }
    compare_fixtures(&["-v"], CALLS_IN_ALL_AT_LENGTH);
}

/// A test for a real program of the list.
macro_rules! real_programs {
    ($($test:ident: $name:literal;)+) => {
        $(
            #[test]
            fn $test() {
                if in_vm() {
                    skip!("there is nothing but busybox in the virtual machine");
                }
                needs!("strace");
                let program = PROGRAMS.iter().find(|program| program.name == $name).expect("it is in the list");
                assert!(program.in_tests);
                if let Some(missing) = program.missing() {
                    skip!("{missing} is not installed");
                }
                let mut table = Table::default();
                table.add($name, program.compare(&[]));
                say(&table.programs());
                assert!(
                    table.below(LINES).is_empty(),
                    "{}\n{}\n{}", table.differences(), table.calls(), table.programs()
                );
            }
        )+

        #[test]
        fn every_program_that_is_to_be_tested_is() {
            let tested = [$($name),+];
            let all: Vec<_> = PROGRAMS.iter().filter(|program| program.in_tests).map(|p| p.name).collect();
            assert_eq!(all, tested);
            assert!(PROGRAMS.len() >= 40);
        }
    };
}

real_programs! {
    a_shell_is_shown_as_strace_shows_it: "sh";
    ls_is_shown_as_strace_shows_it: "ls";
    tar_is_shown_as_strace_shows_it: "tar";
    find_is_shown_as_strace_shows_it: "find";
    grep_is_shown_as_strace_shows_it: "grep";
    git_is_shown_as_strace_shows_it: "git";
    python_is_shown_as_strace_shows_it: "python3";
    perl_is_shown_as_strace_shows_it: "perl";
    a_compiler_is_shown_as_strace_shows_it: "gcc";
    sqlite_is_shown_as_strace_shows_it: "sqlite3";
    all_constants_are_shown_as_strace_shows_them: "constants";
    all_addresses_are_shown_as_strace_shows_them: "addresses";
}

/// Names in tracefs that are those of the kernel's functions, not of the calls.
const FUNCTIONS: &[(&str, &str)] = &[
    ("newstat", "stat"),
    ("newlstat", "lstat"),
    ("newfstat", "fstat"),
    ("newuname", "uname"),
    ("sendfile64", "sendfile"),
    ("umount", "umount2"),
];

/// Calls that take more arguments in the table than the kernel declares, or fewer, and why.
const OTHERWISE: &[(&str, &str)] = &[
    ("bpf", "7.2 takes common attributes and their size too, the notation has the three of always"),
    ("preadv", "the two halves of the offset are one argument on 64 bits, the second half is not looked at"),
    ("preadv2", "likewise"),
    ("pwritev", "likewise"),
    ("pwritev2", "likewise"),
    ("restart_syscall", "the kernel passes nothing, the notation shows what is resumed"),
    ("rt_sigreturn", "likewise, what is restored"),
];

/// Arguments that look as if they meant more, by the kernel's name for them, and what they are.
const PLAIN: &[(&str, &str, &str)] = &[
    ("cachestat", "flags", NO_FLAGS),
    ("close_range", "fd", "the beginning of a range"),
    ("copy_file_range", "flags", NO_FLAGS),
    ("futex_requeue", "flags", NO_FLAGS),
    ("futex_waitv", "flags", NO_FLAGS),
    ("getcpu", "unused", "the kernel ignores it"),
    ("listns", "flags", NO_FLAGS),
    ("lsm_get_self_attr", "ctx", "the notation shows the address"),
    ("lsm_list_modules", "flags", NO_FLAGS),
    ("lsm_set_self_attr", "ctx", "the notation shows the address"),
    ("lsm_set_self_attr", "flags", NO_FLAGS),
    ("mseal", "flags", NO_FLAGS),
    ("pidfd_getfd", "fd", "a descriptor of the other process"),
    ("pidfd_getfd", "flags", NO_FLAGS),
    ("pkey_alloc", "flags", NO_FLAGS),
    ("process_madvise", "flags", NO_FLAGS),
    ("process_mrelease", "flags", NO_FLAGS),
    ("process_vm_readv", "flags", NO_FLAGS),
    ("process_vm_writev", "flags", NO_FLAGS),
    ("sched_setattr", "flags", NO_FLAGS),
    ("set_mempolicy_home_node", "flags", NO_FLAGS),
    ("set_robust_list", "head", "the notation shows the address"),
    ("shmat", "shmaddr", "a place in the address space"),
    ("shmdt", "shmaddr", "likewise"),
    ("ustat", "ubuf", "the notation shows the address"),
];
const NO_FLAGS: &str = "no flag is defined";

/// A system call of the kernel's: its name, and its arguments as C declares them.
type Declared = (String, Vec<String>);

/// The kernel's own list of system calls, if tracefs has it.
fn kernels_list() -> Option<Vec<Declared>> {
    let folder = std::path::Path::new("/sys/kernel/tracing/events/syscalls");
    let mut calls = Vec::new();
    for entry in std::fs::read_dir(folder).ok()? {
        let entry = entry.expect("the folder can be read");
        let name = entry.file_name().into_string().expect("names of events are ASCII");
        let Some(function) = name.strip_prefix("sys_enter_") else { continue };
        let format = std::fs::read_to_string(entry.path().join("format")).expect("a format can be read");
        let fields = format.lines().filter_map(|line| line.trim_start().strip_prefix("field:"));
        let fields = fields.filter_map(|field| field.split(';').next());
        let own = fields.filter(|field| !field.contains(" common_") && !field.contains("__syscall_nr"));
        // the contents of strings are fields too on newer kernels: names with two underscores before
        let args = own.filter(|field| !field.contains("__data_loc")).map(str::to_owned).collect();
        let known = FUNCTIONS.iter().find(|(known, _)| *known == function);
        calls.push((known.map_or(function, |(_, call)| call).to_owned(), args));
    }
    (!calls.is_empty()).then_some(calls)
}

#[test]
fn the_table_has_every_call_of_the_kernel_with_its_arguments() {
    let Some(calls) = kernels_list() else {
        skip!("this kernel's tracefs does not list the system calls (CONFIG_FTRACE_SYSCALLS)");
    };
    let mut wrong = Vec::new();
    for (name, args) in &calls {
        let Some(row) = rstrace_probes::syscall::find(name) else {
            wrong.push(format!("{name} has no row"));
            continue;
        };
        let cases = row.cases.map_or(&[][..], |cases| cases.cases);
        let most = cases.iter().map(|case| case.params.len()).chain([row.params.len()]).max();
        if most != Some(args.len()) && !OTHERWISE.iter().any(|(known, _)| known == name) {
            wrong.push(format!("{name} has {} arguments, in the kernel {}", most.unwrap_or(0), args.len()));
        }
    }
    assert!(wrong.is_empty(), "of {} calls:\n{}", calls.len(), wrong.join("\n"));
}

/// What an argument of this declaration must not be.
fn is_too_plain(declared: &str, ty: &Type) -> bool {
    let (kind, name) = declared.rsplit_once(' ').unwrap_or(("", declared));
    match ty {
        Type::Number(_, Meaning::Plain | Meaning::Hex) => {
            kind.contains('*') || kind == "umode_t" || name == "fd" || name.contains("flags")
        }
        Type::Number(_, Meaning::Address) => kind.contains("struct ") || kind.contains("char *"),
        _ => false,
    }
}

#[test]
fn no_argument_that_means_more_is_a_plain_number() {
    let Some(calls) = kernels_list() else {
        skip!("this kernel's tracefs does not list the system calls (CONFIG_FTRACE_SYSCALLS)");
    };
    let mut wrong = Vec::new();
    for (name, args) in &calls {
        let Some(row) = rstrace_probes::syscall::find(name) else { continue };
        // what the others mean is the cases' matter
        if row.cases.is_some() || OTHERWISE.iter().any(|(known, _)| known == name) {
            continue;
        }
        for (declared, param) in args.iter().zip(row.params) {
            let is_known = |(call, arg, _): &(&str, &str, &str)| {
                call == name && declared.strip_suffix(arg).is_some_and(|rest| rest.ends_with(' '))
            };
            if is_too_plain(declared, &param.ty) && !PLAIN.iter().any(is_known) {
                wrong.push(format!("{name}: `{declared}` is {:?}", param.ty));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
