//! The `syscall` probe: every system call, decoded as strace does it.
//!
//! A call is a row of a table: see [`table`], and `types` for the words that rows are written in.

pub mod classes;
mod data;
pub mod manner;
pub mod table;
pub(crate) mod types;

use std::cell::RefCell;
use std::collections::HashMap;

use rstrace_core::Probe;
use rstrace_core::describe::{self, Inner, Is, Limits, Param, Returned, Syscall};
use rstrace_core::event::{Abi, Arg, Buffer, Call, Glossed, Outcome, Value};
use rstrace_core::probe::{Accesses, Capture, End, Hook, MAX_ARGS, Pair, RawCall, Returns, Variants};

use crate::numbers;
use manner::{Dump, Dumps, Manner};

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
    /// The call that a thread was in when it was interrupted, for restart_syscall to tell.
    interrupted: RefCell<HashMap<u32, &'static str>>,
}

#[derive(Debug, Clone)]
struct Row {
    syscall: &'static Syscall,
    native: Option<u32>,
    compat: Option<u32>,
    captured_for: Abi,
    /// The calls that it may stand for, with what they are.
    inner: Vec<(&'static Inner, &'static Syscall)>,
    manner: Manner,
    dump: Option<Dump>,
}

impl Row {
    fn new(
        syscall: &'static Syscall,
        native: Option<u32>,
        compat: Option<u32>,
        captured_for: Abi,
        limits: Limits,
    ) -> Self {
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
        let manner = Manner { limits, raw: false };
        Self { syscall, native, compat, captured_for, inner, manner, dump: None }
    }

    /// The captures of a call, and those that depend on an argument.
    fn captures(&self) -> (Vec<Capture>, Option<Variants>) {
        let (abi, limits) = (self.captured_for, self.manner.limits);
        let usual = || describe::captures(self.syscall.params, self.syscall.result, abi, limits);
        match (&self.dump, self.manner.raw) {
            (Some(dump), true) => return self.with_data(Vec::new(), dump),
            (Some(dump), false) => return self.with_data(usual(), dump),
            // of a call that stands for others what is meant is read
            (None, true) if self.inner.is_empty() => return (Vec::new(), None),
            _ => {}
        }
        match (&self.inner[..], self.syscall.indirect) {
            ([], _) | (_, None) => {
                let variants = describe::variants(self.syscall, abi, limits);
                (usual(), variants)
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
            let row = |native, compat, captured_for| Row::new(syscall, native, compat, captured_for, limits);
            let is_simple = syscall.cases.is_none() && syscall.indirect.is_none();
            if is_simple && captures(Abi::Native) == captures(Abi::Compat32) {
                rows.push(row(native, compat, Abi::Native));
            } else {
                rows.extend(native.map(|_| row(native, None, Abi::Native)));
                rows.extend(compat.map(|_| row(None, compat, Abi::Compat32)));
            }
        }
        let interrupted = RefCell::default();
        Self { name, summary, rows, others: false, through, unseen: "", interrupted }
    }

    /// Shows calls as `manner` says, by their names, and dumps data.
    pub fn shown(mut self, manner: &dyn Fn(&str, Abi) -> Manner, dumps: &Dumps) -> Self {
        self.rows = self.rows.into_iter().flat_map(|row| row.shown(manner, dumps)).collect();
        self
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
                    self.decode_as(row, syscall, params, result, &call, notes, emit);
                }
                None => {
                    let syscall = row.syscall;
                    self.decode_as(row, syscall, indirect.unknown, syscall.result, call, notes, emit);
                }
            },
            _ => {
                let (params, result) = row.syscall.of_call(&call.args, call.abi);
                self.decode_as(row, row.syscall, params, result, call, notes, emit);
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "what was looked up for the call, each of another type")]
    fn decode_as(
        &self,
        row: &Row,
        syscall: &'static Syscall,
        params: &'static [Param],
        result: Returned,
        call: &RawCall<'_>,
        notes: &[Arg<'_>],
        emit: &mut dyn FnMut(&Call<'_>),
    ) {
        let name = syscall.name;
        let data: &[Buffer<'_>] = match &row.dump {
            Some(dump) if dump.fds.has(call.args[0] as i32) => {
                &data::buffers(dump.shape, dump.direction, call)
            }
            _ => &[],
        };
        if row.manner.raw {
            let count = syscall.registers(params, call.abi).max(syscall.registers(syscall.params, call.abi));
            return emit(&Call {
                notes,
                data,
                ..registers(name, &registers_of(call)[..count.min(MAX_ARGS)], call)
            });
        }
        let mut args = describe::arguments(params, call, row.manner.limits);
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
            whole: row.manner.limits.whole_lists,
            data,
        });
    }

    /// The pairs, each with these captures besides.
    pub fn pairs_with(&self, more: &[Capture]) -> Vec<Pair> {
        let described = self.rows.iter().map(|row| {
            let (mut captures, variants) = row.captures();
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
    emit(&registers(&name, &registers_of(call), call));
}

/// A call with these registers for arguments.
fn registers<'a>(name: &'a str, args: &'a [Arg<'a>], call: &'a RawCall<'a>) -> Call<'a> {
    Call {
        name,
        abi: call.abi,
        entry_ns: call.entry_ns,
        args,
        at_entry: args.len(),
        outcome: call.outcome(|value| Value::Hex(value as u64)),
        notes: &[],
        raw: Some(call),
        gloss: None,
        whole: false,
        data: &[],
    }
}

/// The registers of a call's arguments.
fn registers_of<'a>(call: &RawCall<'_>) -> [Arg<'a>; MAX_ARGS] {
    const NAMES: [&str; MAX_ARGS] = ["arg1", "arg2", "arg3", "arg4", "arg5", "arg6"];
    std::array::from_fn(|i| Arg { raw: Some(call.args[i]), ..Arg::new(NAMES[i], Value::Hex(call.args[i])) })
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
