use super::*;

const LIMITS: Limits = Limits::of_length(32);
const MS: u64 = 1_000_000;

/// Objects whose clock on the wall is the trace's.
struct Trace(Objects<Vec<u8>>);

impl Trace {
    fn new() -> Self {
        Self(Objects::new(Vec::new(), LIMITS, u64::MAX))
    }

    fn event(&mut self, tid: u32, time_ns: u64, kind: EventKind<'_>) {
        let caller = matches!(kind, EventKind::Call(_)).then_some(Caller { uid: 7, comm: b"a\"b" });
        self.0
            .event(&Event { tgid: 5, tid, time_ns, caller, pointer: None, stack: None, name: None, kind })
            .expect("a vector takes everything");
    }

    /// The lines, without the times on the wall.
    fn lines(mut self) -> Vec<serde_json::Value> {
        self.0.finish(None).expect("a vector takes everything");
        let text = String::from_utf8(self.0.sink).expect("ASCII");
        let without_time = |line: &str| {
            let mut object: serde_json::Value = serde_json::from_str(line).expect("JSON");
            object.as_object_mut().expect("an object").remove("time_ns");
            object
        };
        text.lines().map(without_time).collect()
    }
}

fn call(entry_ns: Option<u64>, outcome: Outcome<'static>) -> Call<'static> {
    static ARGS: &[Arg<'static>] = &[
        Arg { name: "fd", value: Value::Fd(3, None), named: false, raw: Some(0xffff_0003) },
        Arg::new("buf", Value::Text { bytes: b"x", more: false, whole: false }),
    ];
    Call {
        name: "read",
        abi: Abi::Native,
        entry_ns,
        args: ARGS,
        at_entry: 1,
        outcome,
        notes: &[],
        raw: None,
        gloss: None,
        whole: false,
        data: &[],
    }
}

#[test]
fn a_call_says_who_what_and_when() {
    let mut trace = Trace::new();
    trace.event(6, 30, EventKind::Call(&call(Some(10), Outcome::Returned(Value::Int(1)))));
    trace.event(6, 40, EventKind::Call(&call(None, Outcome::Failed(4))));
    trace.event(6, 50, EventKind::Call(&call(Some(45), Outcome::Died)));
    let lines = trace.lines();
    assert_eq!(
        lines[0],
        serde_json::json!({
            "type": "call", "mono_ns": "10", "pid": 5, "tid": 6, "uid": 7, "comm": "a\"b", "syscall": "read",
            "number": null, "abi": 64,
            "args": [{"name": "fd", "raw": "0xffff0003", "value": 3}, {"name": "buf", "value": "x"}],
            "duration_ns": 20, "result": {"outcome": "returned", "value": 1},
        })
    );
    assert_eq!((&lines[1]["mono_ns"], &lines[1]["entry_seen"]), (&"40".into(), &false.into()));
    assert!(lines[1]["duration_ns"].is_null());
    let failed = serde_json::json!(
        {"outcome": "failed", "value": -1, "errno": 4, "error": "EINTR", "text": "Interrupted system call"}
    );
    assert_eq!(lines[1]["result"], failed);
    // what it would have read is not known
    assert_eq!(lines[2]["args"].as_array().map(Vec::len), Some(1));
    assert_eq!(lines[2]["result"], serde_json::json!({"outcome": "died"}));
}

/// The threads that are asked for when all until this time was told.
fn asked(trace: &mut Trace, complete_ns: u64) -> Vec<u32> {
    let mut asked = Vec::new();
    trace.0.overdue(complete_ns, &mut |_, tid| asked.push(tid));
    asked
}

#[test]
fn a_call_that_lasts_is_told_once_before_it_returns() {
    let mut trace = Trace::new();
    let entered = call(Some(300 * MS), Outcome::Unfinished);
    trace.0.attached(5, &[6]);
    trace.event(6, 200 * MS, EventKind::Call(&call(Some(1), Outcome::Died)));
    assert_eq!(asked(&mut trace, 400 * MS), [6]);
    trace.event(6, 500 * MS, EventKind::Entered(&entered));
    trace.event(6, 510 * MS, EventKind::Entered(&entered));
    assert_eq!(asked(&mut trace, 600 * MS), [0; 0]);
    trace.event(6, 700 * MS, EventKind::Call(&call(Some(300 * MS), Outcome::Returned(Value::Int(0)))));
    let lines = trace.lines();
    let types: Vec<_> = lines.iter().map(|line| line["type"].as_str().expect("a type")).collect();
    assert_eq!(types, ["attach", "call", "entered", "call"]);
    assert_eq!(lines[2]["mono_ns"], lines[3]["mono_ns"]);
    assert_eq!(lines[2]["args"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_thread_that_takes_its_leaders_place_keeps_what_is_known_of_it() {
    let mut trace = Trace::new();
    trace.event(6, 1, EventKind::Call(&call(Some(1), Outcome::Died)));
    trace.event(5, 2, EventKind::Exec { old_tid: 6 });
    assert_eq!(asked(&mut trace, 400 * MS), [5]);
    trace.event(
        5,
        3,
        EventKind::Exit { status: WaitStatus::Signaled { signal: 9, core: false }, last: true },
    );
    assert_eq!(asked(&mut trace, 900 * MS), [0; 0]);
    let lines = trace.lines();
    assert_eq!(lines[1]["old_tid"], 6);
    let killed = serde_json::json!({"killed": {"name": "SIGKILL", "value": 9}, "core": false});
    assert_eq!(lines[2]["status"], killed);
}

#[test]
fn lost_calls_are_told_at_their_place_or_without_one() {
    let mut trace = Trace::new();
    trace.event(6, 9, EventKind::Lost { calls: 3 });
    trace.event(0, 0, EventKind::Lost { calls: 4 });
    let lines = trace.lines();
    assert_eq!(
        lines[0],
        serde_json::json!({"type": "lost", "mono_ns": "9", "calls": 3, "cause": "buffer_full"})
    );
    assert_eq!(lines[1], serde_json::json!({"type": "lost", "calls": 4, "cause": "buffer_full"}));
}
