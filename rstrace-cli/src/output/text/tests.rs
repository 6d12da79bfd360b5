//! Lines from events that are made here, without a kernel.

use super::*;
use rstrace_core::event::Value;

const NOTHING: &[Arg<'static>] = &[];

/// A trace in which each event takes 10 ns.
struct Trace(Text<Vec<u8>>, u64);

impl Trace {
    fn new(style: Style) -> Self {
        Trace(Text::new(Vec::new(), style), 0)
    }

    fn event(&mut self, tgid: u32, tid: u32, kind: EventKind<'_>) -> &mut Self {
        self.1 += 10;
        self.0
            .event(&Event {
                tgid,
                tid,
                time_ns: self.1,
                caller: None,
                pointer: None,
                stack: None,
                name: None,
                kind,
            })
            .expect("a vector takes everything");
        self
    }

    fn call(&mut self, tgid: u32, tid: u32, call: Call<'_>) -> &mut Self {
        self.event(tgid, tid, EventKind::Call(&Call { entry_ns: Some(self.1 + 5), ..call }))
    }

    /// A read that is told now and was entered when.
    fn read(&mut self, tid: u32, entry_ns: u64) -> &mut Self {
        self.event(5, tid, EventKind::Call(&Call { entry_ns: Some(entry_ns), ..read() }))
    }

    /// A read that has not returned.
    fn entered(&mut self, tid: u32, entry_ns: u64) -> &mut Self {
        let call = Call { entry_ns: Some(entry_ns), outcome: Outcome::Unfinished, ..read() };
        self.event(5, tid, EventKind::Entered(&call))
    }

    /// Those that are asked for when everything until a time has come.
    fn asked(&mut self, complete_ns: u64) -> Vec<u32> {
        let mut tids = Vec::new();
        self.0.overdue(complete_ns, &mut |_, tid| tids.push(tid));
        tids
    }

    /// What is printed when nothing more comes.
    fn idle(&mut self) -> String {
        self.0.idle().expect("a vector takes everything");
        String::from_utf8(std::mem::take(&mut self.0.sink)).expect("ASCII")
    }

    fn fork(&mut self, tgid: u32, tid: u32, child: u32) -> &mut Self {
        self.event(tgid, tid, EventKind::Fork { child })
    }

    fn exit(&mut self, tgid: u32, tid: u32, code: u8, last: bool) -> &mut Self {
        self.event(tgid, tid, EventKind::Exit { status: WaitStatus::Exited(code), last })
    }

    fn lines(&mut self) -> Vec<String> {
        self.0.finish(None).expect("a vector takes everything");
        let text = String::from_utf8(std::mem::take(&mut self.0.sink)).expect("ASCII");
        assert!(text.is_empty() || text.ends_with('\n'));
        text.lines().map(str::to_string).collect()
    }
}

fn pause(outcome: Outcome<'_>) -> Call<'_> {
    Call {
        name: "pause",
        abi: Abi::Native,
        entry_ns: Some(1),
        args: NOTHING,
        at_entry: 0,
        outcome,
        notes: NOTHING,
        raw: None,
        gloss: None,
        whole: false,
        data: &[],
    }
}

fn returned() -> Call<'static> {
    pause(Outcome::Returned(Value::Int(0)))
}

/// `read(3, 0x10, 5) = 5`, of which the buffer is known at the return.
fn read() -> Call<'static> {
    const ARGS: &[Arg<'static>] = &[
        Arg::new("fd", Value::Fd(3, None)),
        Arg::new("buf", Value::Address(0x10)),
        Arg::new("count", Value::Unsigned(5)),
    ];
    Call { name: "read", args: ARGS, at_entry: 1, ..pause(Outcome::Returned(Value::Int(5))) }
}

/// Two threads, 5 and 6, that are known from the beginning.
fn two_threads() -> Trace {
    let mut trace = Trace::new(Style { pids: Pids::Column, column: 0, follow: true, ..Style::default() });
    trace.0.attached(5, &[5, 6]);
    trace
}

fn one(style: Style, call: Call<'_>) -> String {
    let lines = Trace::new(style).call(5, 5, call).lines();
    let [line] = &lines[..] else { panic!("{lines:?}") };
    line.clone()
}

fn with_path<'a>(path: &'a Arg<'a>) -> Call<'a> {
    Call { args: std::slice::from_ref(path), at_entry: 1, ..returned() }
}

#[test]
fn the_result_stands_at_its_column() {
    let line = |length, column| {
        let bytes = vec![b'x'; length];
        let path = Arg::new("pathname", Value::Path { bytes: &bytes, cut: false });
        one(Style { column, ..Style::default() }, with_path(&path)).find('=').expect("a result")
    };
    // pause("") is 9 characters long.
    assert_eq!(line(0, 40), 40);
    assert_eq!(line(29, 40), 40);
    assert_eq!(line(30, 40), 40);
    assert_eq!(line(31, 40), 41);
    assert_eq!(line(0, 0), 10);
    assert_eq!(line(0, 9), 10);
}

#[test]
fn the_column_counts_prefixes() {
    let style = Style { pids: Pids::Column, ..Style::default() };
    assert_eq!(one(style, returned()), format!("{:<40}= 0", "5     pause()"));
    let style = Style { pids: Pids::Bracketed, ..Style::default() };
    assert_eq!(one(style, returned()), format!("{:<40}= 0", "[pid     5] pause()"));
}

#[test]
fn outcomes() {
    for (outcome, text) in [
        (Outcome::Returned(Value::Fd(3, None)), "pause() = 3"),
        (Outcome::Failed(2), "pause() = -1 ENOENT (No such file or directory)"),
        (Outcome::Failed(4000), "pause() = -1 (errno 4000)"),
        (Outcome::Restart(512), "pause() = ? ERESTARTSYS (To be restarted if SA_RESTART is set)"),
        (Outcome::Restart(513), "pause() = ? ERESTARTNOINTR (To be restarted)"),
        (Outcome::Restart(514), "pause() = ? ERESTARTNOHAND (To be restarted if no handler)"),
        (Outcome::Restart(516), "pause() = ? ERESTART_RESTARTBLOCK (Interrupted by signal)"),
        (Outcome::Died, "pause() = ?"),
        (Outcome::Unfinished, "pause( <detached ...>"),
    ] {
        assert_eq!(one(Style { column: 0, ..Style::default() }, pause(outcome)), text);
    }
}

#[test]
fn notes_are_shown_on_demand() {
    let ppid = [Arg::new("ppid", Value::Unsigned(812))];
    let call = || Call { notes: &ppid, ..returned() };
    let style = |notes| Style { notes, column: 0, ..Style::default() };
    assert_eq!(one(style(false), call()), "pause() = 0");
    assert_eq!(one(style(true), call()), "pause() = 0 /* ppid=812 */");
}

#[test]
fn the_prefix_is_there_while_there_are_several() {
    let style = Style { follow: true, column: 0, ..Style::default() };
    let lines = Trace::new(style)
        .call(5, 5, returned())
        .fork(5, 5, 6)
        .call(5, 5, returned())
        .call(6, 6, returned())
        .exit(6, 6, 0, true)
        .call(5, 5, returned())
        .lines();
    assert_eq!(
        lines,
        [
            "pause() = 0",
            "[pid     5] pause() = 0",
            "[pid     6] pause() = 0",
            "[pid     6] +++ exited with 0 +++",
            "pause() = 0",
        ]
    );
}

#[test]
fn without_f_a_child_does_not_count_but_a_thread_that_is_seen_does() {
    let style = Style { column: 0, ..Style::default() };
    let lines = Trace::new(style).fork(5, 5, 6).call(5, 5, returned()).call(5, 7, returned()).lines();
    assert_eq!(lines, ["pause() = 0", "[pid     7] pause() = 0"]);
}

#[test]
fn threads_that_are_attached_to_count_from_the_start() {
    let mut trace = Trace::new(Style { column: 0, ..Style::default() });
    trace.0.attached(5, &[5, 6]);
    assert_eq!(trace.call(5, 5, returned()).lines(), ["[pid     5] pause() = 0"]);
}

#[test]
fn a_new_thread_is_announced_if_that_is_wanted() {
    let style = Style { follow: true, attached: true, ..Style::default() };
    assert_eq!(Trace::new(style.clone()).fork(5, 5, 6).lines(), ["rstrace: Process 6 attached"]);
    assert!(Trace::new(Style { quiet: Quiet::by_count(1), ..style }).fork(5, 5, 6).lines().is_empty());
}

#[test]
fn ends_of_threads() {
    let killed = |signal, core| EventKind::Exit { status: WaitStatus::Signaled { signal, core }, last: true };
    let mut trace = Trace::new(Style::default());
    trace.exit(5, 5, 255, true).event(6, 6, killed(9, false)).event(7, 7, killed(6, true));
    assert_eq!(
        trace.lines(),
        ["+++ exited with 255 +++", "+++ killed by SIGKILL +++", "+++ killed by SIGABRT (core dumped) +++"]
    );
    let mut trace = Trace::new(Style { quiet: Quiet::by_count(2), ..Style::default() });
    trace.exit(5, 5, 255, true).event(6, 6, killed(9, false));
    assert_eq!(trace.lines(), ["+++ killed by SIGKILL +++"]);
}

#[test]
fn a_leader_ends_when_its_group_does() {
    let style = Style { pids: Pids::Column, follow: true, ..Style::default() };
    let mut trace = Trace::new(style);
    trace.fork(5, 5, 6).fork(5, 5, 7).exit(5, 5, 1, false).exit(5, 6, 2, false).exit(5, 7, 3, true);
    assert_eq!(
        trace.lines(),
        ["6     +++ exited with 2 +++", "7     +++ exited with 3 +++", "5     +++ exited with 1 +++"]
    );
}

#[test]
fn a_leader_that_is_late_is_not_held() {
    let mut trace = Trace::new(Style { pids: Pids::Column, ..Style::default() });
    trace.exit(5, 6, 0, true).exit(5, 5, 0, false).call(8, 8, returned());
    assert_eq!(trace.lines()[..2], ["6     +++ exited with 0 +++", "5     +++ exited with 0 +++"]);
}

#[test]
fn a_leader_whose_group_outlives_the_trace_is_told_last() {
    let lines = Trace::new(Style { column: 0, ..Style::default() })
        .exit(5, 5, 0, false)
        .call(5, 6, returned())
        .lines();
    assert_eq!(lines, ["[pid     6] pause() = 0", "[pid     5] +++ exited with 0 +++"]);
}

#[test]
fn a_thread_that_executes_a_program_supersedes_the_leader() {
    let trace = |quiet| {
        Trace::new(Style { follow: true, quiet: Quiet::by_count(quiet), column: 0, ..Style::default() })
            .fork(5, 5, 6)
            .fork(5, 5, 7)
            .exit(5, 6, 0, false)
            .exit(5, 5, 0, false)
            .event(5, 5, EventKind::Exec { old_tid: 7 })
            .call(5, 5, returned())
            .exit(5, 5, 0, true)
            .lines()
    };
    assert_eq!(
        trace(0),
        [
            "[pid     6] +++ exited with 0 +++",
            "+++ superseded by execve in pid 7 +++",
            "pause() = 0",
            "+++ exited with 0 +++",
        ]
    );
    assert_eq!(trace(3), ["pause() = 0"]);
}

#[test]
fn a_change_of_the_abi_is_told_once() {
    let compat = || Call { abi: Abi::Compat32, ..returned() };
    let calls = |quiet| {
        Trace::new(Style { quiet: Quiet::by_count(quiet), column: 0, ..Style::default() })
            .call(5, 5, returned())
            .call(5, 5, compat())
            .call(5, 5, compat())
            .call(5, 5, returned())
            .lines()
    };
    assert_eq!(
        calls(0),
        [
            "pause() = 0",
            "[ Process PID=5 runs in 32 bit mode. ]",
            "pause() = 0",
            "pause() = 0",
            "[ Process PID=5 runs in 64 bit mode. ]",
            "pause() = 0",
        ]
    );
    assert_eq!(calls(1).len(), 4);
}

#[test]
fn lost_calls_stand_where_they_are_missing() {
    let mut trace = Trace::new(Style::default());
    trace.event(0, 0, EventKind::Lost { calls: 12 }).event(0, 0, EventKind::Lost { calls: 1 });
    assert_eq!(
        trace.lines(),
        ["--- 12 calls lost here: the buffer was full ---", "--- 1 call lost here: the buffer was full ---"]
    );
}

#[test]
fn a_closed_pipe_is_an_error_once() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut text = Text::new(Closed, Style::default());
    let event = Event {
        tgid: 5,
        tid: 5,
        time_ns: 0,
        caller: None,
        pointer: None,
        stack: None,
        name: None,
        kind: EventKind::Call(&returned()),
    };
    text.event(&event).expect("still in memory");
    assert_eq!(text.idle().expect_err("closed").kind(), io::ErrorKind::BrokenPipe);
    text.idle().expect("nothing is left");
}

#[test]
fn lines_go_out_in_blocks() {
    struct Count(usize);
    impl Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += 1;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut text = Text::new(Count(0), Style::default());
    let event = Event {
        tgid: 5,
        tid: 5,
        time_ns: 0,
        caller: None,
        pointer: None,
        stack: None,
        name: None,
        kind: EventKind::Call(&returned()),
    };
    for _ in 0..10_000 {
        text.event(&event).expect("it takes everything");
    }
    text.finish(None).expect("it takes everything");
    assert!(text.sink.0 < 10, "{} writes", text.sink.0);
}

#[test]
fn a_call_that_another_thread_s_line_falls_into_is_two_lines() {
    let lines = two_threads().call(5, 5, returned()).read(6, 12).call(5, 5, returned()).read(6, 24).lines();
    assert_eq!(
        lines,
        [
            "5     pause() = 0",
            "6     read(3, 0x10, 5) = 5",
            "6     read(3 <unfinished ...>",
            "5     pause() = 0",
            "6     <... read resumed>, 0x10, 5) = 5",
        ]
    );
}

#[test]
fn one_thread_is_never_held_back() {
    let mut trace = Trace::new(Style { column: 0, ..Style::default() });
    assert_eq!(trace.call(5, 5, returned()).idle(), "pause() = 0\n");
    trace.fork(5, 5, 6);
    assert_eq!(trace.call(5, 5, returned()).idle(), "pause() = 0\n");
}

#[test]
fn lines_wait_for_a_thread_that_may_have_been_earlier_until_it_is_heard_of() {
    let mut trace = two_threads();
    assert_eq!(trace.call(5, 5, returned()).call(5, 5, returned()).idle(), "");
    assert_eq!(
        trace.read(6, 4).idle(),
        "6     read(3 <unfinished ...>\n5     pause() = 0\n5     pause() = 0\n"
    );
    assert_eq!(trace.call(5, 5, returned()).idle(), "6     <... read resumed>, 0x10, 5) = 5\n");
    assert_eq!(trace.lines(), ["5     pause() = 0"]);
}

#[test]
fn lines_wait_for_a_thread_no_longer_than_everything_is_complete() {
    let mut trace = two_threads();
    assert_eq!(trace.call(5, 5, returned()).idle(), "");
    assert_eq!(trace.asked(10), [5, 6][1..]);
    assert_eq!(trace.idle(), "5     pause() = 0\n");
}

#[test]
fn a_blocked_call_is_shown_and_its_line_goes_on_where_it_stands() {
    let mut trace = two_threads();
    trace.call(5, 5, returned());
    assert_eq!(trace.asked(10), [6]);
    assert_eq!(trace.entered(6, 3).idle(), "6     read(3 <unfinished ...>\n5     pause() = 0\n");
    assert_eq!(trace.read(6, 3).idle(), "", "5 may have made a call before");
    assert_eq!(trace.asked(2 * AGAIN_NS), [5, 6]);
    assert_eq!(
        trace.entered(5, 15).idle(),
        "5     read(3 <unfinished ...>\n6     <... read resumed>, 0x10, 5) = 5\n"
    );
    assert_eq!(trace.asked(4 * AGAIN_NS), [6], "whose call is shown is not asked again");
    assert_eq!(trace.entered(6, 45).idle(), "6     read(3");
    assert_eq!(trace.read(6, 45).idle(), ", 0x10, 5) = 5\n");
}

#[test]
fn a_call_from_before_the_trace_is_shown_and_goes_on() {
    let mut trace = Trace::new(Style { column: 0, ..Style::default() });
    trace.0.attached(5, &[5]);
    let before = || Call { entry_ns: None, ..read() };
    trace.event(5, 5, EventKind::Entered(&Call { outcome: Outcome::Unfinished, ..before() }));
    assert_eq!(trace.idle(), "read(3");
    trace.event(5, 5, EventKind::Call(&before()));
    assert_eq!(trace.idle(), ", 0x10, 5) = 5\n");
}

#[test]
fn calls_under_way_at_the_end_stand_where_they_were_entered() {
    let mut trace = two_threads();
    trace.call(5, 5, returned());
    for (tid, entry_ns) in [(6, 3), (5, 12)] {
        let call = Call { entry_ns: Some(entry_ns), outcome: Outcome::Unfinished, ..read() };
        trace.event(5, tid, EventKind::Call(&call));
    }
    let lines = ["6     read(3 <unfinished ...>", "5     pause() = 0", "5     read(3 <detached ...>"];
    assert_eq!(trace.lines(), lines);
}

#[test]
fn a_thread_that_dies_in_a_call_shows_no_arguments_that_it_would_have_got() {
    let died = |trace: &mut Trace, tid| {
        trace.event(5, tid, EventKind::Call(&Call { entry_ns: Some(1), outcome: Outcome::Died, ..read() }));
    };
    let mut trace = two_threads();
    died(trace.call(5, 5, returned()), 6);
    let lines = [
        "6     read(3 <unfinished ...>",
        "5     pause() = 0",
        "6     <... read resumed> <unfinished ...>) = ?",
    ];
    assert_eq!(trace.lines(), lines);
    let mut trace = two_threads();
    died(&mut trace, 6);
    assert_eq!(trace.lines(), ["6     read(3 <unfinished ...>) = ?"]);
}

#[test]
fn the_execve_of_a_thread_stands_before_the_ends_that_it_brings() {
    let trace = Trace::new(Style { follow: true, column: 0, ..Style::default() })
        .fork(5, 5, 6)
        .fork(5, 5, 7)
        .exit(5, 6, 0, false)
        .exit(5, 5, 0, false)
        .event(5, 5, EventKind::Exec { old_tid: 7 })
        .read(5, 25)
        .exit(5, 5, 0, true)
        .lines();
    assert_eq!(
        trace,
        [
            "[pid     7] read(3 <unfinished ...>",
            "[pid     6] +++ exited with 0 +++",
            "+++ superseded by execve in pid 7 +++",
            "<... read resumed>, 0x10, 5) = 5",
            "+++ exited with 0 +++",
        ]
    );
}

#[test]
fn a_storm_of_threads_is_held_back_in_bounds() {
    let mut trace = two_threads();
    trace.0.attached(5, &[7]);
    for _ in 0..10_000 {
        trace.call(5, 5, returned()).call(6, 6, returned());
    }
    assert!(trace.0.sink.is_empty());
    let complete_ns = trace.1 + 5;
    assert_eq!(trace.call(5, 5, returned()).asked(complete_ns), [6, 7]);
    for _ in 0..30_000 {
        trace.call(5, 5, returned());
    }
    assert!(!trace.0.sink.is_empty(), "what nothing can come before");
    assert_eq!(trace.lines().len(), 50_001);
}

#[test]
fn times_are_of_the_entry_and_of_what_is_resumed_of_the_return() {
    let prefixes = Prefixes { relative: Some(Precision::Ns), ..Prefixes::default() };
    let call_times = Some(Precision::Ns);
    let style = Style { pids: Pids::Column, column: 0, prefixes, call_times, ..Style::default() };
    let mut trace = Trace::new(style);
    trace.0.attached(5, &[5, 6]);
    let lines = trace.read(6, 4).read(5, 2).lines();
    assert_eq!(
        lines,
        [
            "5          0.000000000 read(3 <unfinished ...>",
            "6          0.000000002 read(3, 0x10, 5) = 5 <0.000000006>",
            "5          0.000000016 <... read resumed>, 0x10, 5) = 5 <0.000000018>",
        ]
    );
}

#[test]
fn what_was_held_to_the_end_has_the_time_of_the_latest_event() {
    let prefixes = Prefixes { relative: Some(Precision::Ns), ..Prefixes::default() };
    let mut trace = Trace::new(Style { prefixes, ..Style::default() });
    trace.exit(5, 5, 3, false).call(5, 6, returned());
    let lines = trace.lines();
    let last = lines.last().expect("a line");
    assert!(last.ends_with(" 0.000000005 +++ exited with 3 +++"), "{lines:?}");
}
