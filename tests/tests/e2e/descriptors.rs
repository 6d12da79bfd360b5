//! What descriptors are is told as strace tells it, of one and the same run: so inodes and ports are the same too.

use rstrace_tests::{
    Finished, Line, Objects, Rstrace, SameRun, Scratch, Trace, assert_same_lines, fixture, in_vm, needs, skip,
};

/// Holds a run of a command against strace, with these options of both.
#[track_caller]
fn compare(command: &[&str], options: &[&str]) -> Trace {
    compare_some(command, options, |_| true)
}

/// Likewise, lines of some calls.
#[track_caller]
fn compare_some(command: &[&str], options: &[&str], some: impl Fn(&str) -> bool) -> Trace {
    let (mut strace, rstrace) = SameRun::new(command, options, options).watch();
    let is_of_them = |line: &Line| !line.text.starts_with("--- ") && some(&line.text);
    strace.lines.retain(is_of_them);
    let mut shown = rstrace.clone();
    shown.lines.retain(is_of_them);
    assert_same_lines(&strace, &shown);
    rstrace
}

/// More descriptors in a set than it is told of what they are.
fn is_of_many(line: &str) -> bool {
    line.contains(" 269")
}

macro_rules! needs_strace {
    () => {
        needs!("strace");
        if in_vm() {
            skip!("how descriptors are written is the same on every kernel");
        }
    };
}

fn compare_fixture(options: &[&str]) -> Trace {
    let scratch = Scratch::new();
    compare_some(&[&fixture("descriptors"), &scratch.fresh_folder("d")], options, |line| !is_of_many(line))
}

#[test]
fn a_descriptor_of_each_kind_is_told_as_strace_tells_it() {
    needs_strace!();
    let trace = compare_fixture(&["-y"]);
    assert!(!trace.calls_with("{fd=-1}, {fd=13<socket:[").is_empty(), "{trace:?}");
    assert!(!trace.calls_with("</dev/null>], {tv_sec=0").is_empty(), "{trace:?}");
    assert!(!trace.calls_with("SCM_RIGHTS, cmsg_data=[0<pipe:[").is_empty(), "{trace:?}");
}

#[test]
fn who_passes_descriptors_has_a_name() {
    needs_strace!();
    let trace = compare_fixture(&["-yY", "-e", "trace=sendmsg,recvmsg,sendmmsg,recvmmsg"]);
    let named = "<descriptors>, uid=0, gid=0}}, {cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, ";
    assert!(!trace.calls_with(named).is_empty(), "{trace:?}");
}

#[test]
fn of_a_set_with_very_many_descriptors_it_is_told_what_the_first_ones_are() {
    if in_vm() {
        skip!("how descriptors are written is the same on every kernel");
    }
    let scratch = Scratch::new();
    let tracing = Rstrace::tracing("trace=select,pselect6").and(&["-y"]);
    let run = tracing.run(&[&fixture("descriptors"), &scratch.fresh_folder("d")]).ended_well();
    let calls = run.trace.calls();
    let many: Vec<_> = calls.iter().filter(|call| is_of_many(call)).collect();
    let [many] = &many[..] else { panic!("{calls:#?}") };
    assert_eq!(many.matches("</dev/null>").count(), 64, "{many}");
    assert!(many.contains("262</dev/null> 263</dev/null> 264 265 266 267 268 269], NULL"), "{many}");
}

#[test]
fn descriptors_of_calls_by_socketcall_are_told_as_strace_tells_them() {
    needs_strace!();
    const CALLS: [&str; 6] = ["socket(", "socketpair(", "sendmsg(", "recvmsg(", "sendto(", "getsockopt("];
    let is_of_them = |line: &str| CALLS.iter().any(|call| line.starts_with(call));
    let trace = compare_some(&[&fixture("calls/compat")], &["-y"], is_of_them);
    assert!(!trace.calls_with("SCM_RIGHTS, cmsg_data=[0<").is_empty(), "{trace:?}");
    assert!(!trace.calls_with("socketpair(AF_UNIX, SOCK_STREAM, 0, [7<socket:[").is_empty(), "{trace:?}");
}

#[test]
fn devices_sockets_and_processes_are_told_as_strace_tells_them() {
    needs_strace!();
    let trace = compare_fixture(&["-yy"]);
    assert!(!trace.calls_with("<TCP:[127.0.0.1:").is_empty(), "{trace:?}");
}

#[test]
fn a_list_picks_what_is_told() {
    needs_strace!();
    for list in ["path", "socket", "dev,pidfd", "!path", "none"] {
        compare_fixture(&["-e", &format!("decode-fds={list}")]);
    }
}

#[test]
fn descriptors_of_new_processes_are_told_as_strace_tells_them() {
    needs_strace!();
    let calls = ["-e", "trace=clone,clone3,waitid,close"];
    let trace = compare(&[&fixture("names")], &[&["-y"][..], &calls].concat());
    let told = |before: &str| {
        let calls = trace.calls_with(before);
        calls
            .iter()
            .filter(|call| {
                call.split_once(before).is_some_and(|(_, rest)| rest.contains("<anon_inode:[pidfd]>"))
            })
            .count()
    };
    assert_eq!(
        [told(" => {pidfd=["), told("parent_tid=["), told("waitid(P_PIDFD, ")],
        [1, 1, 2],
        "{trace:?}"
    );
}

#[test]
fn a_pipeline_shows_the_same_pipes() {
    needs_strace!();
    let scratch = Scratch::new();
    let file = scratch.file("f", "line\n");
    compare(&["sh", "-c", &format!("cat {file} | cat >/dev/null")], &["-y", "-e", "trace=%desc"]);
}

/// The descriptors are read by the kernel side, of which no two kernels are alike: so this is for each of them. What
/// the fixture's files are called is known.
#[test]
fn descriptors_are_told_on_this_kernel() {
    let scratch = Scratch::new();
    let folder = scratch.fresh_folder("d");
    let Finished { trace, .. } =
        Rstrace::tracing("trace=fstat,newfstatat,sendfile,openat,close,poll,accept,select,pselect6,%net")
            .and(&["-yy"])
            .follow()
            .run(&[&fixture("descriptors"), &folder])
            .ended_well();
    for text in [
        format!(r#"openat(AT_FDCWD<{folder}>, ".", O_RDONLY|O_DIRECTORY)"#),
        format!("</{}>", &folder[1..]),
        format!(r#"sendfile(4<{folder}/a\74b\76\n\"c\\\303\251>, 7<{folder}/in>, "#),
        format!("7<{folder}/in>(deleted), "),
        format!("4<{folder}/renamed>, "),
        "3</dev/null<char 1:3>>".to_owned(),
        "6</>, ".to_owned(),
        "</memfd:mm>(deleted)".to_owned(),
        "<net:[".to_owned(),
        "poll([{fd=".to_owned(),
        "<anon_inode:[timerfd]>".to_owned(),
        "<anon_inode:inotify>".to_owned(),
        "<TCP:[127.0.0.1:".to_owned(),
        "<TCPv6:[[::1]:".to_owned(),
        "<UDP:[127.0.0.1:".to_owned(),
        format!(r#",@"rstrace \"{folder}\""]>"#),
        r#","so<ck>\"et"]>"#.to_owned(),
        "<NETLINK:[ROUTE:".to_owned(),
        format!(r#"openat(AT_FDCWD<{folder}/gone (deleted)>, "nothing""#),
        "</dev/null<char 1:3>> ".to_owned(),
        "], [0</dev/null<char 1:3>> ".to_owned(),
        "</dev/null<char 1:3>> 264 265 ".to_owned(),
        "cmsg_type=SCM_RIGHTS, cmsg_data=[0</dev/null<char 1:3>>, 1<".to_owned(),
        "cmsg_type=SCM_CREDENTIALS, ".to_owned(),
    ] {
        assert!(!trace.calls_with(&text).is_empty(), "{text}: {trace:?}");
    }
}

#[test]
fn objects_say_what_descriptors_are() {
    if in_vm() {
        skip!("how descriptors are written is the same on every kernel");
    }
    let scratch = Scratch::new();
    let file = scratch.file("f", "line\n");
    let finished = Rstrace::tracing("trace=openat,read").and(&["-y", "--json"]).run(&["cat", &file]);
    let text = finished.text.clone();
    let objects = Objects::parse(text.lines());
    let opened =
        objects.calls("openat").find(|call| Objects::argument(call, "pathname").as_str() == Some(&file));
    let result = &opened.expect("cat opens its file")["result"]["value"];
    assert_eq!(result["file"].as_str(), Some(file.as_str()), "{result}");
    let of_read = objects.calls("read").any(|call| Objects::argument(call, "fd") == result);
    assert!(of_read, "{text}");
}
