//! The table on a terminal, JSON, and what is not in either.

use std::fs::File;
use std::io::Read;
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{Command, Stdio};

use super::{said_rows, variety};
use rstrace_tests::{Opensnoop, Program, Scratch, fixture, in_vm, opensnoop_binary, said_number, skip};

/// What a command writes to a terminal.
#[track_caller]
fn on_a_terminal(words: &[&str]) -> Vec<u8> {
    let (mut master, mut slave) = (0, 0);
    let null = std::ptr::null_mut();
    // SAFETY: room for two descriptors, and nulls for what is not asked for.
    let made = unsafe { libc::openpty(&mut master, &mut slave, null, null.cast(), null.cast()) };
    assert_eq!(made, 0, "openpty: {}", std::io::Error::last_os_error());
    // SAFETY: the two were just made for us.
    let (master, slave) = unsafe { (OwnedFd::from_raw_fd(master), OwnedFd::from_raw_fd(slave)) };
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stdin(Stdio::null()).stdout(slave).stderr(Stdio::null());
    let mut child = command.spawn().expect("it can be started");
    drop(command);
    let mut bytes = Vec::new();
    // the end of a terminal that nobody writes to any more is an error, EIO
    let mut master = File::from(master);
    let mut block = [0; 4096];
    while let Ok(count @ 1..) = master.read(&mut block) {
        bytes.extend_from_slice(&block[..count]);
    }
    assert!(child.wait().expect("it can be waited for").success());
    bytes
}

#[test]
fn names_do_not_command_a_terminal() {
    if in_vm() {
        skip!("how a table is written is the same on every kernel");
    }
    let scratch = Scratch::new();
    let (binary, fixture) = (opensnoop_binary(), fixture("hostile_names"));
    let bytes = on_a_terminal(&[&binary, "--exec", &fixture, &scratch.fresh_folder("d")]);
    let text = String::from_utf8(bytes).expect("what is no UTF-8 is escaped");
    let text = text.replace("\r\n", "\n");
    let is_bad = |c: &char| c.is_control() && *c != '\n' || matches!(c, '\u{202a}'..='\u{202e}');
    assert_eq!(text.chars().find(is_bad), None, "{text:?}");
    // what the fixture says goes the same way, and is two lines; a newline in a name makes no line
    let rows = text.lines().filter(|line| line.contains(" hostile_names ")).count();
    assert_eq!(rows as u64, said_number(&text, "opens"), "{text}");
    assert!(text.contains(r"new\nline") && text.contains(r"\033[31mred"), "{text}");
    assert!(text.contains("café"), "{text}");
    assert!(text.lines().any(|line| line.ends_with(" \"\"")), "an empty name has quotes: {text}");
}

#[test]
fn names_in_a_file_are_the_bytes_that_were_passed() {
    if in_vm() {
        skip!("how a table is written is the same on every kernel");
    }
    let scratch = Scratch::new();
    let run = Opensnoop::with(&[]).run(&["--exec", &fixture("hostile_names"), &scratch.fresh_folder("d")]);
    assert!(run.text.contains("new\nline") && run.text.contains("\x1b[31mred\x1b[0m"), "{:?}", run.text);
}

#[test]
fn the_longest_path_is_shown_whole() {
    let scratch = Scratch::new();
    let file = scratch.file("f", "");
    let run = Opensnoop::with(&[]).run(&[&fixture("long_path"), &file]).ended_with(0);
    let lengths: Vec<usize> = run.paths().iter().map(String::len).collect();
    // what is too long for the kernel is cut where it stops reading, and says so
    assert_eq!(lengths, [4094, 4095, 4098, 4098, 4098, 4098]);
    assert!(run.paths()[2..].iter().all(|path| path.ends_with("...")));
}

#[test]
fn json_is_an_object_for_each_open() {
    if in_vm() {
        skip!("how a table is written is the same on every kernel");
    }
    let scratch = Scratch::new();
    let command = variety(&scratch);
    let run = Opensnoop::with(&["--json"]).run(&["--exec", &command[0], &command[1]]).ended_with(9);
    let (rows, objects) = (said_rows(&run.output.stdout), run.objects());
    assert_eq!(objects.len(), rows.len(), "{}", run.text);
    let mut before = 0;
    for (object, row) in objects.iter().zip(&rows) {
        assert_eq!(object["pid"], row.pid, "{row:?}");
        assert_eq!(object["tid"], row.tid);
        assert_eq!(object["uid"], row.uid);
        assert_eq!(object["comm"], row.comm.as_str());
        assert_eq!(object["fd"], row.fd);
        assert_eq!(object["err"], row.err);
        assert_eq!(object["flags"], row.flags);
        let mode = u32::from_str_radix(&row.mode, 8).ok();
        assert_eq!(object["mode"].as_u64(), mode.map(u64::from));
        assert_eq!(object["path"], row.path.as_str());
        let time = object["time_ns"].as_u64().expect("a time");
        assert!(time > before, "{object}");
        before = time;
    }
    assert_eq!(objects[1]["error"], "ENOENT");
    assert_eq!(objects[1]["flag_names"], serde_json::json!(["O_RDONLY", "O_CLOEXEC"]));
    let calls = [(0, "openat"), (2, "open"), (4, "creat"), (5, "openat2")];
    assert!(calls.iter().all(|(at, name)| objects[*at]["syscall"] == *name), "{}", run.text);
}

#[test]
fn json_of_any_name_is_valid() {
    if in_vm() {
        skip!("how a table is written is the same on every kernel");
    }
    let scratch = Scratch::new();
    let words = ["--exec", &fixture("hostile_names"), &scratch.fresh_folder("d")];
    let run = Opensnoop::with(&["--json"]).run(&words).ended_with(0);
    let objects = run.objects();
    assert_eq!(objects.len() as u64, said_number(&run.output.stdout, "opens"));
    assert!(objects.iter().any(|object| object["path"] == "new\nline"));
    let no_text = objects.iter().filter(|object| object.get("path_hex").is_some()).count();
    assert!(no_text >= 3, "{}", run.text);
}

#[test]
fn opens_that_are_no_calls_are_not_shown_and_doctor_says_so() {
    let scratch = Scratch::new();
    let folder = scratch.fresh_folder("d");
    for name in ["by-handle", "by-ring", "seen"] {
        std::fs::write(format!("{folder}/{name}"), "").expect("a file can be made");
    }
    let program = fixture("exit_code");
    let run = Opensnoop::with(&[]).run(&["--exec", &fixture("other_opens"), &folder, &program]).ended_with(0);
    // what a handle is opened by is a directory, which is seen
    let shown: Vec<_> = run.paths().into_iter().filter(|path| path != ".").collect();
    assert_eq!(shown, ["seen"], "{}", run.output.stdout);
    let output = Program::new(&[opensnoop_binary().as_str(), "--doctor"]).run().ended_well();
    for unseen in ["io_uring", "open_by_handle_at", "execve"] {
        let line = output.stdout.lines().find(|line| line.starts_with("open: no backend sees "));
        assert!(line.is_some_and(|line| line.contains(unseen)), "{unseen} in:\n{}", output.stdout);
    }
}
