//! The library by itself: a probe for kernel functions that rstrace does not bring, in Rust alone.

// the book's example, whose own `main` is not used here
#[allow(dead_code)]
#[path = "../../../rstrace-core/examples/files.rs"]
mod files;

use std::io;

use files::Files;

use rstrace_core::event::{Arg, Call, EventKind, Value};
use rstrace_core::probe::{Accesses, Hook, Pair, RawCall, Returns};
use rstrace_core::{Backend, Event, Filter, Loss, Machine, Options, Probe, Session, Sink, Target, Transport};
use rstrace_tests::{Scratch, fixture, skip};

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
                    argv0: None,
                    env: Vec::new(),
                    user: None,
                    follow: false,
                    apart: None,
                },
                backend: Some(backend),
                transport: Some(transport),
                buffer: None,
                uid: None,
                signals: None,
                loss: Loss::Never,
                filter: Filter::default(),
                duration: None,
                calls: None,
                callers: false,
                stacks: None,
                pointers: false,
                interrupts: Default::default(),
                let_go: false,
                kill: false,
                counting: None,
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
                "vfs_fsync_range 4096 8191 1 Returned(Int(0))".to_owned(),
                "vfs_fsync_range 0 8191 1 Returned(Int(0))".to_owned(),
                format!("{renamed} from to Hex(1) Returned(Int(0))"),
                format!("{renamed} missing to Hex(2) Failed(2)"),
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
            let hook = Hook::Function { names: &["no_such_function_anywhere"], returns: Returns::Long };
            vec![Pair {
                name: "no_such_function_anywhere",
                hook,
                captures: Vec::new(),
                variants: None,
                accesses: Accesses::default(),
            }]
        }
        fn decode(&self, _: &RawCall<'_>, _: &mut dyn FnMut(&Call<'_>)) {}
    }
    let target = Target::Launch {
        argv: vec!["true".into()],
        argv0: None,
        env: Vec::new(),
        user: None,
        follow: false,
        apart: None,
    };
    let options = Options {
        target,
        backend: None,
        transport: None,
        buffer: None,
        uid: None,
        signals: None,
        loss: Loss::Never,
        filter: Filter::default(),
        duration: None,
        calls: None,
        callers: false,
        stacks: None,
        pointers: false,
        interrupts: Default::default(),
        let_go: false,
        kill: false,
        counting: None,
    };
    let machine = Machine::new();
    let error = Session::start(&machine, &options, vec![Box::new(Nothing)]).expect_err("it must be refused");
    assert!(error.to_string().contains("no_such_function_anywhere can't be traced"), "{error}");
}
