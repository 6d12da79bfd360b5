//! Every option against a fixture that knows what it did.

use std::collections::BTreeMap;

use super::{Row, said_rows, variety};
use rstrace_tests::{Opensnoop, Scratch, in_vm, skip};

const ACCESS: u32 = libc::O_ACCMODE as u32;
const CREAT: u32 = libc::O_CREAT as u32;

/// What an option does to the rows.
type Select = fn(&Row, &Row) -> bool;

/// Options, and which rows of the fixture they leave; the second row is the fixture's first.
const SELECTING: &[(&[&str], Select)] = &[
    (&[], |_, _| true),
    (&["-x"], |row, _| row.fd < 0),
    (&["--failed"], |row, _| row.fd < 0),
    (&["-u", "0"], |row, _| row.uid == 0),
    (&["-u", "65534"], |row, _| row.uid == 65534),
    (&["--uid", "nobody"], |row, _| row.uid == 65534),
    (&["-n", "child"], |row, _| row.comm == "the-child"),
    (&["-n", "the-child"], |row, _| row.comm == "the-child"),
    (&["--name", "-"], |row, _| row.comm.contains('-')),
    (&["-n", "r"], |row, _| row.comm.contains('r')),
    (&["-n", "nobody"], |_, _| false),
    (&["-n", "open_variety"], |row, first| row.comm == first.comm),
    (&["-f", "O_RDONLY"], |row, _| row.flags & ACCESS == 0),
    (&["-f", "O_WRONLY"], |row, _| row.flags & ACCESS == 1),
    (&["-f", "O_WRONLY", "-f", "O_RDWR"], |row, _| row.flags & ACCESS != 0),
    (&["-f", "O_CREAT"], |row, _| row.flags & CREAT != 0),
    (&["-f", "O_CREAT", "-f", "O_EXCL"], |row, _| row.flags & libc::O_EXCL as u32 != 0),
    (&["-f", "O_CREAT", "-f", "O_RDWR"], |row, _| row.flags & CREAT != 0 && row.flags & ACCESS == 2),
    (&["--flag-filter", "O_TMPFILE"], |row, _| row.path == "."),
    (&["--flag_filter", "O_APPEND"], |row, _| row.flags & libc::O_APPEND as u32 != 0),
    (&["-f", "O_DIRECT"], |_, _| false),
    (&["-x", "-f", "O_WRONLY", "-u", "0"], |row, _| row.fd < 0 && row.flags & ACCESS == 1 && row.uid == 0),
    (&["-x", "-n", "worker"], |row, _| row.fd < 0 && row.comm == "a-worker"),
    (&["-b", "64"], |_, _| true),
    (&["--buffer-pages", "1"], |_, _| true),
    (&["-d", "3600"], |_, _| true),
    (&["--duration", "3600"], |_, _| true),
    (&["--transport", "perf"], |_, _| true),
    (&["-v"], |_, _| true),
    (&["--stats"], |_, _| true),
    (&["--strict"], |_, _| true),
];

/// Those that are tried where the machine is emulated and each run takes seconds: a filter of each kind.
const EMULATED: &[&[&str]] = &[
    &["-u", "65534"],
    &["-n", "child"],
    &["-f", "O_WRONLY", "-f", "O_RDWR"],
    &["-x", "-f", "O_WRONLY", "-u", "0"],
];

/// What a row of the table says of an open, by the columns that it has.
#[track_caller]
fn is_row(shown: &BTreeMap<String, String>, row: &Row) {
    let expected = [
        ("PID", row.pid.to_string()),
        ("TID", row.tid.to_string()),
        ("UID", row.uid.to_string()),
        ("COMM", row.comm.clone()),
        ("FD", row.fd.to_string()),
        ("ERR", row.err.to_string()),
        ("FLAGS", format!("{:08o}", row.flags)),
        ("MODE", if row.mode == "-" { "n/a".to_owned() } else { row.mode.clone() }),
        ("PATH", row.path.clone()),
    ];
    for (column, value) in expected {
        if let Some(shown) = shown.get(column) {
            assert_eq!(*shown, value, "{column} of {row:?}");
        }
    }
}

#[test]
fn each_option_leaves_what_it_says() {
    let scratch = Scratch::new();
    for (options, select) in SELECTING.iter().filter(|(options, _)| !in_vm() || EMULATED.contains(options)) {
        let command = variety(&scratch);
        let run = Opensnoop::with(&[&["-U", "-e"], *options].concat());
        let run = run.run(&["--exec", &command[0], &command[1]]).ended_with(9);
        let rows = said_rows(&run.output.stdout);
        let expected: Vec<_> = rows.iter().filter(|row| select(row, &rows[0])).collect();
        let shown = run.table();
        assert_eq!(shown.len(), expected.len(), "{options:?}:\n{}\n{}", run.text, run.output.stderr);
        for (shown, row) in shown.iter().zip(expected) {
            is_row(shown, row);
        }
    }
}

#[test]
fn columns_are_there_if_they_are_asked_for() {
    if in_vm() {
        skip!("how a table is written is the same on every kernel");
    }
    let scratch = Scratch::new();
    let all = [
        (&[][..], "PID    COMM               FD ERR PATH"),
        (&["-T"], "TIME(s)       PID    COMM               FD ERR PATH"),
        (&["--timestamp"], "TIME(s)       PID    COMM               FD ERR PATH"),
        (&["-U"], "UID   PID    COMM               FD ERR PATH"),
        (&["--print-uid"], "UID   PID    COMM               FD ERR PATH"),
        (&["-e"], "PID    COMM               FD ERR FLAGS    MODE PATH"),
        (&["--extended-fields"], "PID    COMM               FD ERR FLAGS    MODE PATH"),
        (&["-TUe"], "TIME(s)       UID   PID    COMM               FD ERR FLAGS    MODE PATH"),
    ];
    // the last has them all
    let first = if in_vm() { all.len() - 1 } else { 0 };
    for (options, header) in all.into_iter().skip(first) {
        let command = variety(&scratch);
        let run = Opensnoop::with(options).run(&["--exec", &command[0], &command[1]]).ended_with(9);
        assert_eq!(run.text.lines().next(), Some(header), "{options:?}");
        for (shown, row) in run.table().iter().zip(said_rows(&run.output.stdout)) {
            is_row(shown, &row);
        }
    }
}

#[test]
fn rows_are_as_wide_as_bccs() {
    if in_vm() {
        skip!("how a table is written is the same on every kernel");
    }
    let scratch = Scratch::new();
    let command = variety(&scratch);
    let run = Opensnoop::with(&["-Ue"]).run(&["--exec", &command[0], &command[1]]).ended_with(9);
    let expected = said_rows(&run.output.stdout).into_iter().map(|row| {
        let mode = if row.mode == "-" { "n/a" } else { &row.mode };
        let Row { uid, pid, comm, fd, err, flags, path, .. } = &row;
        format!("{uid:<6}{pid:<6} {comm:<16} {fd:>4} {err:>3} {flags:08o} {mode:<4} {path}")
    });
    let lines: Vec<_> = run.text.lines().skip(1).map(str::to_owned).collect();
    assert_eq!(lines, expected.collect::<Vec<_>>());
}

#[test]
fn time_begins_with_the_first_open_and_goes_on() {
    if in_vm() {
        skip!("how a table is written is the same on every kernel");
    }
    let scratch = Scratch::new();
    let command = variety(&scratch);
    let run = Opensnoop::with(&["-T", "-x"]).run(&["--exec", &command[0], &command[1]]).ended_with(9);
    let times: Vec<String> =
        run.table().into_iter().map(|mut row| row.remove("TIME(s)").expect("TIME")).collect();
    assert_eq!(times[0], "0.000000000");
    let seconds: Vec<f64> = times.iter().map(|time| time.parse().expect("seconds")).collect();
    // the opens of one thread after the other: each is later than the one before
    assert!(seconds.is_sorted_by(|one, next| one < next), "{times:?}");
}
