//! The `syscall` probe: every system call, decoded as strace does it.
//!
//! A call is a row of a table: see [`table`], and `types` for the words that rows are written in.

pub mod classes;
pub mod table;
pub(crate) mod types;

use std::cell::RefCell;
use std::collections::HashMap;

use rstrace_core::Probe;
use rstrace_core::describe::{self, Limits, Syscall};
use rstrace_core::event::{Abi, Arg, Call, Glossed, Outcome, Value};
use rstrace_core::probe::{Capture, Hook, MAX_ARGS, Pair, RawCall, Returns};

use crate::numbers;

/// One line for `--list`.
pub const SUMMARY: &str = "every system call, as strace shows it; also by name or class: -e trace=read,%file";

/// The name of the probe.
pub const NAME: &str = "syscall";

/// The description of a call.
pub fn find(name: &str) -> Option<&'static Syscall> {
    table::all().find(|syscall| syscall.name == name)
}

/// Kernel functions that carry calls out whole, and what they do not see.
#[derive(Debug, Clone, Copy, Default)]
pub struct Through {
    /// Names, newest first.
    pub functions: &'static [&'static str],
    /// For the user who asks the machine.
    pub unseen: &'static str,
}

/// System calls by their description.
#[derive(Debug)]
pub struct Described {
    name: &'static str,
    summary: &'static str,
    /// By pair.
    rows: Vec<Row>,
    /// The rest is traced too, without a description.
    others: bool,
    through: Through,
    /// What no backend sees.
    unseen: &'static str,
    limits: Limits,
    /// The call that a thread was in when it was interrupted, for restart_syscall to tell.
    interrupted: RefCell<HashMap<u32, &'static str>>,
}

#[derive(Debug)]
struct Row {
    syscall: &'static Syscall,
    native: Option<u32>,
    compat: Option<u32>,
    captured_for: Abi,
}

impl Described {
    /// Every call.
    pub fn all(limits: Limits) -> Self {
        let names: Vec<_> = table::all().map(|syscall| syscall.name).collect();
        Self { others: true, ..Self::only(&names, limits) }
    }

    /// The calls with these names.
    pub fn only(names: &[&str], limits: Limits) -> Self {
        Self::probe(NAME, SUMMARY, names, limits, Through::default())
    }

    /// A probe of its own of some calls.
    pub fn probe(
        name: &'static str,
        summary: &'static str,
        names: &[&str],
        limits: Limits,
        through: Through,
    ) -> Self {
        let mut rows = Vec::new();
        for syscall in table::all().filter(|syscall| names.contains(&syscall.name)) {
            let (native, compat) = (numbers::native(syscall.name), numbers::compat(syscall.name));
            let captures = |abi| describe::captures(syscall.params, abi, limits);
            let row = |native, compat, captured_for| Row { syscall, native, compat, captured_for };
            if syscall.cases.is_none() && captures(Abi::Native) == captures(Abi::Compat32) {
                rows.push(row(native, compat, Abi::Native));
            } else {
                rows.extend(native.map(|_| row(native, None, Abi::Native)));
                rows.extend(compat.map(|_| row(None, compat, Abi::Compat32)));
            }
        }
        Self {
            name,
            summary,
            rows,
            others: false,
            through,
            unseen: "",
            limits,
            interrupted: RefCell::default(),
        }
    }

    /// Says what no backend sees of what the calls are for.
    pub fn blind_to(self, unseen: &'static str) -> Self {
        Self { unseen, ..self }
    }

    /// Decodes a call, with what else the caller knows of it.
    pub fn decode_with(&self, call: &RawCall<'_>, notes: &[Arg<'_>], emit: &mut dyn FnMut(&Call<'_>)) {
        let Some(row) = self.rows.get(call.pair) else { return undescribed(call, emit) };
        let (params, result) = row.syscall.of_call(&call.args, call.abi);
        let mut args = describe::arguments(params, call, self.limits);
        let outcome = describe::outcome(result, call);
        let resuming;
        if let Outcome::Restart(516) = outcome {
            self.interrupted.borrow_mut().insert(call.tid, row.syscall.name);
        } else if row.syscall.name == "restart_syscall" {
            resuming = self.interrupted.borrow_mut().remove(&call.tid);
            args.set(0, Value::Resuming(resuming.unwrap_or("system call")));
        }
        emit(&Call {
            name: row.syscall.name,
            abi: call.abi,
            entry_ns: call.entry_ns,
            args: args.as_slice(),
            outcome,
            notes,
            gloss: match result {
                describe::Returned::Glossed(_, _, gloss) if call.succeeded() => Some(Glossed { call, gloss }),
                _ => None,
            },
        });
    }

    /// The pairs, each with these captures besides.
    pub fn pairs_with(&self, more: &[Capture]) -> Vec<Pair> {
        let described = self.rows.iter().map(|row| {
            let mut captures = describe::captures(row.syscall.params, row.captured_for, self.limits);
            captures.extend_from_slice(more);
            Pair {
                name: row.syscall.name,
                hook: Hook::Syscall {
                    native: row.native,
                    compat: row.compat,
                    through: self.through.functions,
                    returns: Returns::Int,
                    unseen: self.through.unseen,
                },
                captures,
                variants: describe::variants(row.syscall, row.captured_for, self.limits),
            }
        });
        let others = self.others.then(|| Pair {
            name: "other system calls",
            hook: Hook::AnySyscall,
            captures: Vec::new(),
            variants: None,
        });
        described.chain(others).collect()
    }
}

/// A call without a description: its name if it has one, and all registers.
fn undescribed(call: &RawCall<'_>, emit: &mut dyn FnMut(&Call<'_>)) {
    let name = match call.abi {
        Abi::Native => numbers::native_name(call.nr),
        Abi::Compat32 => numbers::compat_name(call.nr),
    };
    // a register holds all of a number, also of a negative one
    let number = match call.abi {
        Abi::Native => i64::from(call.nr as i32) as u64,
        Abi::Compat32 => call.nr.into(),
    };
    let unknown = format!("syscall_{number:#x}");
    let names = ["arg1", "arg2", "arg3", "arg4", "arg5", "arg6"];
    let args: [Arg<'_>; MAX_ARGS] = std::array::from_fn(|i| Arg::new(names[i], Value::Hex(call.args[i])));
    emit(&Call {
        name: name.unwrap_or(&unknown),
        abi: call.abi,
        entry_ns: call.entry_ns,
        args: &args,
        outcome: call.outcome(|value| Value::Hex(value as u64)),
        notes: &[],
        gloss: None,
    });
}

impl Probe for Described {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn unseen(&self) -> &'static str {
        self.unseen
    }

    fn pairs(&self) -> Vec<Pair> {
        self.pairs_with(&[])
    }

    fn decode(&self, call: &RawCall<'_>, emit: &mut dyn FnMut(&Call<'_>)) {
        self.decode_with(call, &[], emit);
    }
}

#[cfg(test)]
mod tests;
