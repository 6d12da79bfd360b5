//! opensnoop: its options, its paths, the maps of others, and its account.

mod account;
mod maps;
mod options;
mod outputs;
mod paths;
mod targets;

use rstrace_tests::{Scratch, fixture};

/// A row that the fixture `open_variety` says it is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    pid: u32,
    tid: u32,
    uid: u32,
    comm: String,
    fd: i32,
    err: i32,
    flags: u32,
    /// `-` for none.
    mode: String,
    path: String,
}

/// What `open_variety` said.
#[track_caller]
fn said_rows(stdout: &str) -> Vec<Row> {
    let row = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let [pid, tid, uid, comm, fd, err, flags, mode, path] = words.as_slice() else {
            panic!("no row: {line}")
        };
        let number = |word: &str| word.parse::<u32>().expect("a number");
        Row {
            pid: number(pid),
            tid: number(tid),
            uid: number(uid),
            comm: (*comm).to_owned(),
            fd: fd.parse().expect("a number"),
            err: err.parse().expect("a number"),
            flags: u32::from_str_radix(flags, 8).expect("an octal number"),
            mode: (*mode).to_owned(),
            path: (*path).to_owned(),
        }
    };
    let rows: Vec<Row> = stdout.lines().filter_map(|line| line.strip_prefix("row ")).map(row).collect();
    assert_eq!(rows.len(), 12, "the fixture made all its opens:\n{stdout}");
    rows
}

/// The command line of `open_variety`, in a folder that it can work in.
fn variety(scratch: &Scratch) -> [String; 2] {
    let folder = scratch.fresh_folder("variety");
    let path = format!("{folder}/f");
    std::fs::write(&path, "").expect("a file can be made");
    use std::os::unix::fs::PermissionsExt;
    let readable = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(&path, readable).expect("its mode can be set");
    [fixture("open_variety"), folder]
}
