//! The `syscall` probe: every system call, decoded as strace does it.
//!
//! A call is a row of a table: see [`table`], and `types` for the words that rows are written in.

pub mod classes;
pub mod table;
pub(crate) mod types;

use std::cell::RefCell;
use std::collections::HashMap;

use rstrace_core::Probe;
use rstrace_core::describe::{self, Inner, Is, Limits, Param, Returned, Syscall};
use rstrace_core::event::{Abi, Arg, Call, Glossed, Outcome, Value};
use rstrace_core::probe::{Accesses, Capture, End, Hook, MAX_ARGS, Pair, RawCall, Returns, Variants};

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
    /// The calls that it may stand for, with what they are.
    inner: Vec<(&'static Inner, &'static Syscall)>,
}

impl Row {
    fn new(syscall: &'static Syscall, native: Option<u32>, compat: Option<u32>, captured_for: Abi) -> Self {
        let inner = match (syscall.indirect, captured_for) {
            (Some(indirect), Abi::Compat32) => {
                let known = |inner: &'static Inner| {
                    let call = match inner.call {
                        Is::Named(name) => find(name)?,
                        Is::Own(syscall) => syscall,
                    };
                    Some((inner, call))
                };
                indirect.calls.iter().filter_map(known).collect()
            }
            _ => Vec::new(),
        };
        Self { syscall, native, compat, captured_for, inner }
    }

    /// The captures of a call, and those that depend on an argument.
    fn captures(&self, limits: Limits) -> (Vec<Capture>, Option<Variants>) {
        let abi = self.captured_for;
        match (&self.inner[..], self.syscall.indirect) {
            ([], _) | (_, None) => {
                let variants = describe::variants(self.syscall, abi, limits);
                (describe::captures(self.syscall.params, self.syscall.result, abi, limits), variants)
            }
            ([(inner, call)], Some(describe::Indirect { number: None, .. })) => {
                (inner.captures(call, limits), None)
            }
            (inner, Some(indirect)) => {
                let captures = inner.iter().map(|(inner, call)| (inner.number, inner.captures(call, limits)));
                let variants = Variants { arg: 0, captures: captures.collect() };
                (describe::captures(indirect.unknown, self.syscall.result, abi, limits), Some(variants))
            }
        }
    }

    /// Which of the arguments a call accesses files by. What a symbolic link is to contain is a path to nobody yet.
    fn accesses(&self) -> Accesses {
        if !self.inner.is_empty() {
            // what its registers hold is not what the call that is meant has
            return Accesses::default();
        }
        let accesses = describe::accesses(self.syscall.params, self.captured_for);
        let text = u8::from(matches!(self.syscall.name, "symlink" | "symlinkat"));
        Accesses { paths: accesses.paths & !text, ..accesses }
    }

    /// The call that is meant by one of a 32-bit program, as if it had been made itself.
    fn meant<'a>(&self, call: &RawCall<'a>) -> Option<(&'static Syscall, RawCall<'a>)> {
        let meant = self.syscall.indirect?.meant(&call.args)?;
        let (inner, syscall) = self.inner.iter().find(|(inner, _)| std::ptr::eq(*inner, meant))?;
        Some((syscall, inner.made(syscall, call)?))
    }
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
            let captures = |abi| describe::captures(syscall.params, syscall.result, abi, limits);
            let row = |native, compat, captured_for| Row::new(syscall, native, compat, captured_for);
            let is_simple = syscall.cases.is_none() && syscall.indirect.is_none();
            if is_simple && captures(Abi::Native) == captures(Abi::Compat32) {
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

    /// Leaves out the calls of programs of which `wanted` says so, by name.
    pub fn of_abis(mut self, wanted: impl Fn(&str, Abi) -> bool) -> Self {
        for row in &mut self.rows {
            row.native = row.native.filter(|_| wanted(row.syscall.name, Abi::Native));
            row.compat = row.compat.filter(|_| wanted(row.syscall.name, Abi::Compat32));
        }
        self.rows.retain(|row| row.native.is_some() || row.compat.is_some());
        self
    }

    /// Says what no backend sees of what the calls are for.
    pub fn blind_to(self, unseen: &'static str) -> Self {
        Self { unseen, ..self }
    }

    /// Decodes a call, with what else the caller knows of it.
    pub fn decode_with(&self, call: &RawCall<'_>, notes: &[Arg<'_>], emit: &mut dyn FnMut(&Call<'_>)) {
        let Some(row) = self.rows.get(call.pair) else { return undescribed(call, emit) };
        match row.syscall.indirect {
            Some(indirect) if call.abi == Abi::Compat32 => match row.meant(call) {
                Some((syscall, call)) => {
                    let (params, result) = syscall.of_call(&call.args, call.abi);
                    self.decode_as(syscall.name, params, result, &call, notes, emit);
                }
                None => {
                    let Syscall { name, result, .. } = *row.syscall;
                    self.decode_as(name, indirect.unknown, result, call, notes, emit);
                }
            },
            _ => {
                let (params, result) = row.syscall.of_call(&call.args, call.abi);
                self.decode_as(row.syscall.name, params, result, call, notes, emit);
            }
        }
    }

    fn decode_as(
        &self,
        name: &'static str,
        params: &'static [Param],
        result: Returned,
        call: &RawCall<'_>,
        notes: &[Arg<'_>],
        emit: &mut dyn FnMut(&Call<'_>),
    ) {
        let mut args = describe::arguments(params, call, self.limits);
        let outcome = describe::outcome(result, call);
        let resuming;
        if let Outcome::Restart(516) = outcome {
            self.interrupted.borrow_mut().insert(call.tid, name);
        } else if name == "restart_syscall" {
            let mut interrupted = self.interrupted.borrow_mut();
            resuming = match call.end {
                // it will be told again
                End::Unfinished => interrupted.get(&call.tid).copied(),
                _ => interrupted.remove(&call.tid),
            };
            args.set(0, Value::Resuming(resuming.unwrap_or("system call")));
        }
        emit(&Call {
            name,
            abi: call.abi,
            entry_ns: call.entry_ns,
            args: args.as_slice(),
            at_entry: describe::known_at_entry(params, call),
            outcome,
            notes,
            raw: Some(call),
            gloss: match result {
                describe::Returned::Glossed(_, _, gloss) if call.succeeded() => Some(Glossed { call, gloss }),
                _ => None,
            },
        });
    }

    /// The pairs, each with these captures besides.
    pub fn pairs_with(&self, more: &[Capture]) -> Vec<Pair> {
        let described = self.rows.iter().map(|row| {
            let (mut captures, variants) = row.captures(self.limits);
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
                variants,
                accesses: row.accesses(),
            }
        });
        let others = self.others.then(|| Pair {
            name: "other system calls",
            hook: Hook::AnySyscall,
            captures: Vec::new(),
            variants: None,
            accesses: Accesses::default(),
        });
        described.chain(others).collect()
    }
}

/// A call without a description: its name if it has one, and all registers.
fn undescribed(call: &RawCall<'_>, emit: &mut dyn FnMut(&Call<'_>)) {
    let name = numbers::name(call.abi, call.nr);
    let names = ["arg1", "arg2", "arg3", "arg4", "arg5", "arg6"];
    let args: [Arg<'_>; MAX_ARGS] = std::array::from_fn(|i| Arg {
        raw: Some(call.args[i]),
        ..Arg::new(names[i], Value::Hex(call.args[i]))
    });
    emit(&Call {
        name: &name,
        abi: call.abi,
        entry_ns: call.entry_ns,
        args: &args,
        at_entry: args.len(),
        outcome: call.outcome(|value| Value::Hex(value as u64)),
        notes: &[],
        raw: Some(call),
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
