//! The library by itself: a probe for kernel functions that rstrace does not bring, in Rust alone.

use std::io;

use rstrace_core::event::{Arg, Call, EventKind, Value};
use rstrace_core::probe::{Capture, Hook, Pair, Payload, RawCall, What, When};
use rstrace_core::{Backend, Event, Machine, Options, Probe, Session, Sink, Target, Transport};
use rstrace_tests::{Scratch, fixture, skip};

/// Synchronised ranges and renamed files, where the kernel does it.
struct Files;

const FSYNC: usize = 0;

impl Probe for Files {
    fn name(&self) -> &'static str {
        "files"
    }

    fn summary(&self) -> &'static str {
        "vfs_fsync_range and do_renameat2"
    }

    fn pairs(&self) -> Vec<Pair> {
        let name = |arg| Capture {
            arg,
            when: When::Entry,
            what: What::KernelString { record: "filename", field: "name" },
        };
        vec![
            Pair {
                name: "vfs_fsync_range",
                hook: Hook::Function { names: &["vfs_fsync_range"] },
                captures: Vec::new(),
            },
            Pair {
                name: "do_renameat2",
                // the first is its name since 7.0
                hook: Hook::Function { names: &["filename_renameat2", "do_renameat2"] },
                captures: vec![name(1), name(3)],
            },
        ]
    }

    fn decode(&self, call: &RawCall<'_>, emit: &mut dyn FnMut(&Call<'_>)) {
        let outcome = call.outcome(Value::Int);
        let mut decoded = |args: &[Arg<'_>]| {
            emit(&Call { name: call.name, abi: call.abi, entry_ns: call.entry_ns, args, outcome, notes: &[] })
        };
        let path = |capture| match call.payload(capture) {
            Some(Payload::Bytes(bytes)) => Value::Path { bytes, cut: false },
            _ => Value::Address(0),
        };
        let arg = |name, value| Arg { name, value };
        if call.pair == FSYNC {
            decoded(&[
                arg("start", Value::Int(call.args[1] as i64)),
                arg("datasync", Value::Int(call.args[3] as i32 as i64)),
            ]);
        } else {
            decoded(&[arg("from", path(0)), arg("to", path(1))]);
        }
    }
}

/// What came, in words.
#[derive(Default)]
struct Seen(Vec<String>);

impl Sink for Seen {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        if let EventKind::Call(call) = &event.kind {
            let word = |arg: &Arg<'_>| match arg.value {
                Value::Path { bytes, .. } => String::from_utf8_lossy(bytes).into_owned(),
                Value::Int(number) => number.to_string(),
                other => format!("{other:?}"),
            };
            let args: Vec<_> = call.args.iter().map(word).collect();
            self.0.push(format!("{} {} {:?}", call.name, args.join(" "), call.outcome));
        }
        Ok(())
    }

    fn idle(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_probe_in_rust_alone_pairs_kernel_functions() {
    if !std::path::Path::new("/sys/bus/event_source/devices/kprobe").exists() {
        skip!("this kernel has no kprobes to attach to its functions");
    }
    let machine = Machine::new();
    for backend in [Backend::Kprobe, Backend::Fentry] {
        for transport in [Transport::Perf, Transport::Ring] {
            let scratch = Scratch::new();
            let options = Options {
                target: Target::Launch {
                    argv: vec![fixture("fsync_rename").into(), scratch.fresh_folder("d").into()],
                    user: None,
                    follow: false,
                },
                backend: Some(backend),
                transport: Some(transport),
                buffer: None,
                uid: None,
            };
            let session =
                Session::start(&machine, &options, vec![Box::new(Files)]).expect("it can be attached");
            let mut seen = Seen::default();
            let report = session.run(&mut seen).expect("it runs");
            let renamed = if seen.0.iter().any(|line| line.starts_with("filename_renameat2")) {
                "filename_renameat2"
            } else {
                "do_renameat2"
            };
            let expected = [
                "vfs_fsync_range 0 0 Returned(Int(0))".to_owned(),
                "vfs_fsync_range 0 1 Returned(Int(0))".to_owned(),
                format!("{renamed} from to Returned(Int(0))"),
                format!("{renamed} missing to Failed(2)"),
            ];
            assert_eq!(seen.0, expected, "{backend} {transport:?}");
            assert_eq!(report.ledger.seen, 4);
            assert!(report.ledger.adds_up() && report.ledger.lost.total() == 0, "{:?}", report.ledger);
        }
    }
}

#[test]
fn a_function_that_no_kernel_has_is_refused_by_its_name() {
    struct Nothing;
    impl Probe for Nothing {
        fn name(&self) -> &'static str {
            "nothing"
        }
        fn summary(&self) -> &'static str {
            ""
        }
        fn pairs(&self) -> Vec<Pair> {
            let hook = Hook::Function { names: &["no_such_function_anywhere"] };
            vec![Pair { name: "no_such_function_anywhere", hook, captures: Vec::new() }]
        }
        fn decode(&self, _: &RawCall<'_>, _: &mut dyn FnMut(&Call<'_>)) {}
    }
    let target = Target::Launch { argv: vec!["true".into()], user: None, follow: false };
    let options = Options { target, backend: None, transport: None, buffer: None, uid: None };
    let machine = Machine::new();
    let error = Session::start(&machine, &options, vec![Box::new(Nothing)]).expect_err("it must be refused");
    assert!(error.to_string().contains("no_such_function_anywhere can't be traced"), "{error}");
}
