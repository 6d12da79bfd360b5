//! Lines from events that are made here, without a kernel.

use super::*;
use rstrace_core::event::Value;

const NOTHING: &[Arg<'static>] = &[];

struct Trace(Text<Vec<u8>>);

impl Trace {
    fn new(style: Style) -> Self {
        Trace(Text::new(Vec::new(), style))
    }

    fn event(&mut self, tgid: u32, tid: u32, kind: EventKind<'_>) -> &mut Self {
        self.0.event(&Event { tgid, tid, time_ns: 0, kind }).expect("a vector takes everything");
        self
    }

    fn call(&mut self, tgid: u32, tid: u32, call: Call<'_>) -> &mut Self {
        self.event(tgid, tid, EventKind::Call(call))
    }

    fn fork(&mut self, tgid: u32, tid: u32, child: u32) -> &mut Self {
        self.event(tgid, tid, EventKind::Fork { child })
    }

    fn exit(&mut self, tgid: u32, tid: u32, code: u8, last: bool) -> &mut Self {
        self.event(tgid, tid, EventKind::Exit { status: WaitStatus::Exited(code), last })
    }

    fn lines(&mut self) -> Vec<String> {
        self.0.finish().expect("a vector takes everything");
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
        outcome,
        notes: NOTHING,
        gloss: None,
    }
}

fn returned() -> Call<'static> {
    pause(Outcome::Returned(Value::Int(0)))
}

fn one(style: Style, call: Call<'_>) -> String {
    let lines = Trace::new(style).call(5, 5, call).lines();
    let [line] = &lines[..] else { panic!("{lines:?}") };
    line.clone()
}

fn with_path<'a>(path: &'a Arg<'a>) -> Call<'a> {
    Call { args: std::slice::from_ref(path), ..returned() }
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
        (Outcome::Returned(Value::Fd(3)), "pause() = 3"),
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
    trace.0.know([5, 6]);
    assert_eq!(trace.call(5, 5, returned()).lines(), ["[pid     5] pause() = 0"]);
}

#[test]
fn a_new_thread_is_announced_if_that_is_wanted() {
    let style = Style { follow: true, attached: true, ..Style::default() };
    assert_eq!(Trace::new(style.clone()).fork(5, 5, 6).lines(), ["rstrace: Process 6 attached"]);
    assert!(Trace::new(Style { quiet: 1, ..style }).fork(5, 5, 6).lines().is_empty());
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
    let mut trace = Trace::new(Style { quiet: 2, ..Style::default() });
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
        Trace::new(Style { follow: true, quiet, column: 0, ..Style::default() })
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
        Trace::new(Style { quiet, column: 0, ..Style::default() })
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
    let event = Event { tgid: 5, tid: 5, time_ns: 0, kind: EventKind::Call(returned()) };
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
    let event = Event { tgid: 5, tid: 5, time_ns: 0, kind: EventKind::Call(returned()) };
    for _ in 0..10_000 {
        text.event(&event).expect("it takes everything");
    }
    text.finish().expect("it takes everything");
    assert!(text.sink.0 < 10, "{} writes", text.sink.0);
}
