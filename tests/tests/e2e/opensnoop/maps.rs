//! `--mntnsmap` and `--cgroupmap`: sets that someone else keeps.

use std::fs;
use std::os::unix::fs::MetadataExt;

use rstrace_tests::{Opensnoop, PinnedSet, Program, Running, Scratch, fixture, skip, with_bpffs};

const OPENS: usize = 10;

fn gate(path: &str) -> Running {
    let gate = Program::new(&[fixture("gate"), fixture("open_burst"), OPENS.to_string(), path.to_owned()]);
    let gate = gate.with_stdin().start();
    gate.wait_for_stdout("pid");
    gate
}

/// Traces both with these options; both open their path, and the first is to be shown alone.
#[track_caller]
fn only_the_first_is_shown(options: &[&str], mut inside: Running, mut outside: Running) {
    let snooping = Opensnoop::with(options).attach_to(&[inside.pid(), outside.pid()]);
    for target in [&mut inside, &mut outside] {
        target.tell(b"\n");
        target.wait();
    }
    let run = snooping.finish().ended_with(0);
    let pids: Vec<String> = run.table().into_iter().map(|mut row| row.remove("PID").expect("PID")).collect();
    assert_eq!(pids, vec![inside.pid().to_string(); OPENS], "{}", run.text);
    assert_eq!(run.ledger().seen, OPENS as u64);
}

#[test]
fn only_the_mount_namespaces_in_a_map_are_shown() {
    let scratch = Scratch::new();
    let path = scratch.file("f", "");
    let outside = gate(&path);
    with_bpffs(|bpffs| {
        let pin = format!("{bpffs}/namespaces");
        // the values' size is nobody's business: 4 as BCC's documentation has it
        let set = PinnedSet::create(&pin, 4);
        let inside = gate(&path);
        set.insert(fs::metadata(format!("/proc/{}/ns/mnt", inside.pid())).expect("it runs").ino());
        only_the_first_is_shown(&["--mntnsmap", &pin], inside, outside);
    });
}

#[test]
fn only_the_cgroups_in_a_map_are_shown() {
    let mounts = fs::read_to_string("/proc/mounts").expect("/proc");
    let cgroup2 =
        mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>()).find(|words| words[2] == "cgroup2");
    let Some(cgroup2) = cgroup2 else { skip!("no cgroup2 is mounted") };
    let group = Cgroup(format!("{}/rstrace-test-{}", cgroup2[1], std::process::id()));
    if let Err(error) = fs::create_dir(&group.0) {
        skip!("no cgroup can be made: {error}");
    }
    let scratch = Scratch::new();
    let path = scratch.file("f", "");
    with_bpffs(|bpffs| {
        let pin = format!("{bpffs}/cgroups");
        let set = PinnedSet::create(&pin, 8);
        let (inside, outside) = (gate(&path), gate(&path));
        fs::write(format!("{}/cgroup.procs", group.0), inside.pid().to_string()).expect("it can be moved");
        // a cgroup's id is the inode number of its folder
        set.insert(fs::metadata(&group.0).expect("it is there").ino());
        only_the_first_is_shown(&["--cgroupmap", &pin], inside, outside);
    });
}

/// A cgroup that goes away with the test.
struct Cgroup(String);

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn a_map_that_is_none_is_named() {
    let scratch = Scratch::new();
    let file = scratch.file("no-map", "");
    for (path, why) in [(scratch.at("missing"), "there is no such file"), (file, "is no pinned map")] {
        for option in ["--mntnsmap", "--cgroupmap"] {
            let run = Opensnoop::with(&[option, &path]).run(&[&fixture("exit_code")]).ended_with(1);
            let error = run.output.stderr;
            assert!(error.starts_with(&format!("opensnoop: {path}: {why}")), "{error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
    }
}
