//! A probe of kernel functions, used from the library: files being synced and renamed, where the kernel does it.
//!
//! `files COMMAND [ARG]...` runs a command as root and prints its events. The book takes the probe as an example.

use std::io;

use rstrace_core::Probe;
use rstrace_core::event::{Arg, Call, Event, EventKind, Value};
use rstrace_core::probe::{Accesses, Capture, From, Hook, Pair, Payload, RawCall, Returns, What, When};
use rstrace_core::{Filter, Loss, Machine, Options, Session, Sink, Target};

/// Syncs and renames, where the file systems see them.
#[derive(Debug)]
pub struct Files;

impl Probe for Files {
    fn name(&self) -> &'static str {
        "files"
    }

    fn summary(&self) -> &'static str {
        "files being synced and renamed, by the kernel functions that do it"
    }

    fn pairs(&self) -> Vec<Pair> {
        let name_of = |arg| Capture {
            from: From::Arg(arg),
            when: When::Entry,
            what: What::KernelString { record: "filename", field: "name" },
        };
        vec![
            // int vfs_fsync_range(struct file *file, loff_t start, loff_t end, int datasync)
            Pair {
                name: "vfs_fsync_range",
                hook: Hook::Function { names: &["vfs_fsync_range"], returns: Returns::Int },
                captures: vec![],
                variants: None,
                accesses: Accesses::default(),
            },
            // int filename_renameat2(int olddfd, struct filename *from, int newdfd, struct filename *to,
            //                        unsigned int flags), do_renameat2 on older kernels
            Pair {
                name: "filename_renameat2",
                hook: Hook::Function {
                    names: &["filename_renameat2", "do_renameat2"],
                    returns: Returns::Int,
                },
                captures: vec![name_of(1), name_of(3)],
                variants: None,
                accesses: Accesses::default(),
            },
        ]
    }

    fn decode(&self, call: &RawCall<'_>, emit: &mut dyn FnMut(&Call<'_>)) {
        let sync = [
            Arg::new("start", Value::Int(call.args[1] as i64)),
            Arg::new("end", Value::Int(call.args[2] as i64)),
            Arg::new("datasync", Value::Int(i64::from(call.args[3] as i32))),
        ];
        let path = |capture, arg: usize| match call.payload(capture) {
            Some(Payload::Bytes(bytes)) => Value::Path { bytes, cut: false },
            Some(Payload::Cut(bytes)) => Value::Path { bytes, cut: true },
            _ => Value::Address(call.args[arg]),
        };
        let rename = [
            Arg::new("from", path(0, 1)),
            Arg::new("to", path(1, 3)),
            Arg::new("flags", Value::Hex(u64::from(call.args[4] as u32))),
        ];
        emit(&Call {
            name: call.name,
            abi: call.abi,
            entry_ns: call.entry_ns,
            args: if call.pair == 0 { &sync } else { &rename },
            at_entry: if call.pair == 0 { sync.len() } else { rename.len() },
            outcome: call.outcome(Value::Int),
            notes: &[],
            raw: Some(call),
            gloss: None,
            whole: false,
            data: &[],
        });
    }
}

/// Prints calls by their fields.
struct Print;

impl Sink for Print {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        let EventKind::Call(call) = &event.kind else { return Ok(()) };
        println!("{}: {:?}", call.name, call.outcome);
        for arg in call.args {
            match arg.value {
                Value::Path { bytes, .. } => println!("  {} {}", arg.name, bytes.escape_ascii()),
                value => println!("  {} {value:?}", arg.name),
            }
        }
        Ok(())
    }

    fn idle(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn main() -> rstrace_core::Result<()> {
    let argv = std::env::args_os().skip(1).collect();
    let mut sink = Print;
    let machine = Machine::new();
    let options = Options {
        target: Target::Launch { argv, argv0: None, env: Vec::new(), user: None, follow: false, apart: None },
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
    let session = Session::start(&machine, &options, vec![Box::new(Files)])?;
    let report = session.run(&mut sink)?;
    assert!(report.ledger.adds_up());
    Ok(())
}
