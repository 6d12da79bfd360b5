//! How calls are shown: what strace's options say of it does here what it does there, on the same run.

use rstrace_tests::{Line, Rstrace, SameRun, Trace, assert_same_lines, fixture, in_vm, needs, skip};

use crate::decoding::compare_fixtures;

macro_rules! needs_strace {
    () => {
        needs!("strace");
    };
}

/// So many of 100 calls of the fixtures are the same with these options. With `-X` those that differ are constants that
/// strace 6.1 does not know; it has no notation for their numbers that could be told from others'.
const NOTATIONS: &[(&[&str], f64)] = &[
    (&["-X", "raw"], 95.5),
    (&["--const-print-style=verbose"], 93.5),
    (&["-e", "raw=all"], 96.5),
    (&["--verbose=none"], 95.0),
    (&["-x"], 97.0),
    (&["-xx"], 97.0),
    (&["--strings-in-hex=non-ascii-chars"], 97.0),
    (&["-s", "0"], 95.5),
    (&["-v", "-s", "4"], 96.5),
    (&["-y"], 96.5),
];

#[test]
fn every_call_of_the_fixtures_is_shown_in_other_notations_as_strace_shows_it() {
    needs_strace!();
    if in_vm() {
        skip!("how a call is shown is the same on every kernel");
    }
    for (options, least) in NOTATIONS {
        compare_fixtures(options, *least);
    }
}

#[test]
fn sets_of_calls_are_shown_each_in_their_way() {
    needs_strace!();
    let command = ["sh", "-c", "cat /proc/nope; uname -a; ls /proc/self/task"];
    for options in [
        &["-v", "-e", "abbrev=!uname"][..],
        &["-e", "a=none", "-v", "-e", "abbrev=%file"],
        &["-e", "verbose=!uname,execve", "-e", "raw=openat,%memory"],
        &["--raw=!all", "-e", "x=uname", "-e", "v=%stat"],
    ] {
        let calls = ["-e", "trace=read,execve,uname,openat,getdents64,mprotect,munmap,newfstatat,write"];
        let options = [&calls[..], options].concat();
        let (strace, rstrace) = SameRun::new(&command, &options, &options).watch();
        assert_same_lines(&strace, &rstrace);
    }
}

#[test]
fn data_that_is_read_and_written_is_dumped() {
    needs_strace!();
    let command = fixture("transfers");
    for options in [
        &["-e", "read=all", "-e", "write=all"][..],
        &["--read=3,6", "--write=4"],
        &["-e", "r=!3", "-e", "w=!4,5"],
        &["-e", "raw=read,write", "-e", "reads=3", "-e", "writes=!none", "-s", "5"],
    ] {
        let (strace, rstrace) = SameRun::new(&[&command], options, options).watch();
        let rows = rstrace.lines.iter().filter(|line| line.text.starts_with(" | ")).count();
        assert!(rows > 2, "{options:?}: {rows} rows");
        assert_same_lines(&strace, &rstrace);
    }
}

/// What the dump of a file costs is paid for that file's calls alone: of others no more is captured than is shown.
#[test]
fn only_data_that_is_dumped_is_captured_whole() {
    let records = |options: &[&str]| {
        let run =
            Rstrace::with(options).and(&["-e", "trace=read,write"]).stats().run(&[&fixture("transfers")]);
        run.ended_well().ledger().records
    };
    let usual = records(&[]);
    assert_eq!(records(&["--read=99", "--write=99"]), usual);
    // what is long comes in records of its own
    assert!(records(&["--write=4"]) > usual);
}

/// The lines of a program, without those of what started it.
fn since_exec(trace: &Trace, program: &str) -> Trace {
    let is_exec = |line: &Line| line.text.contains("] execve(") && line.text.contains(program);
    let begin = trace.lines.iter().rposition(is_exec).expect("an execve");
    Trace { lines: trace.lines[begin..].to_vec() }
}

#[test]
fn lines_say_where_the_program_is() {
    needs_strace!();
    // where a thread is that others send a signal to is not known
    let options = ["-i", "-e", "signal=!CHLD", "-e", "trace=!rseq"];
    for command in [vec![fixture("transfers")], vec![fixture("signal_suicide"), "11".to_owned()]] {
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        let (strace, rstrace) = SameRun::new(&command, &options, &options).watch();
        let (strace, rstrace) = (since_exec(&strace, command[0]), since_exec(&rstrace, command[0]));
        let at = |line: &Line| line.text.starts_with("[00");
        assert!(rstrace.lines.iter().filter(|line| at(line)).count() > 2, "{rstrace:?}");
        let last = rstrace.lines.last().expect("an end");
        assert!(last.text.starts_with("[????????????????] +++ "), "{last:?}");
        assert_same_lines(&strace, &rstrace);
    }
}

#[test]
fn calls_of_some_descriptors_are_shown() {
    let shown = |options: &[&str]| {
        let run =
            Rstrace::with(options).and(&["-e", "signal=none"]).run(&[&fixture("transfers")]).ended_well();
        run.trace.calls()
    };
    let own = shown(&["-e", "trace-fds=3", "-e", "trace=read,write,readv,writev,close"]);
    assert!(own.len() >= 5 && own.iter().all(|call| call.contains("(3, ")), "{own:#?}");
    let mut others = shown(&["--trace-fds=!3", "-e", "trace=read,write"]);
    assert!(others.iter().any(|call| call.starts_with("write(4, ")), "{others:#?}");
    others.retain(|call| call.contains("(3, ") || call.contains("(-1, "));
    assert!(others.is_empty(), "{others:#?}");
    assert!(shown(&["-e", "fd=none", "-e", "trace=read,write"]).is_empty());
    // one of the two is enough
    let both = shown(&["-e", "fd=4", "-P", "/proc/self/exe", "-e", "trace=write,open,openat"]);
    let opens = both.iter().filter(|call| call.contains("\"/proc/self/exe\"")).count();
    let writes = both.iter().filter(|call| call.starts_with("write(4, ")).count();
    assert!(opens == 1 && writes >= 3 && both.len() == opens + writes, "{both:#?}");
}
