//! Classic BPF programs, as socket filters are.

use rstrace_core::describe::{Access, Length, Meaning, Struct, Type, Width, field};

use super::notation::put;
use crate::syscall::types::*;
use crate::uapi;

const BPF_CLASSES: [&str; 8] =
    ["BPF_LD", "BPF_LDX", "BPF_ST", "BPF_STX", "BPF_ALU", "BPF_JMP", "BPF_RET", "BPF_MISC"];

static SIZES: &[(u64, &str)] = &names!(BPF_W BPF_H BPF_B);
static MODES: &[(u64, &str)] = &names!(BPF_IMM BPF_ABS BPF_IND BPF_MEM BPF_LEN BPF_MSH);
static SOURCES: &[(u64, &str)] = &names!(BPF_K BPF_X);
static OPERATIONS: &[(u64, &str)] =
    &names!(BPF_ADD BPF_SUB BPF_MUL BPF_DIV BPF_OR BPF_AND BPF_LSH BPF_RSH BPF_NEG BPF_MOD BPF_XOR);
static JUMPS: &[(u64, &str)] = &names!(BPF_JA BPF_JEQ BPF_JGT BPF_JGE BPF_JSET);
static VALUES: &[(u64, &str)] = &names!(BPF_K BPF_X BPF_A);
static MISCELLANEOUS: &[(u64, &str)] = &names!(BPF_TAX BPF_TXA);

/// `BPF_STMT(BPF_RET|BPF_K, 0)`
fn write_instruction(out: &mut Notation<'_>, instruction: u64) {
    let code = instruction & 0xffff;
    let (jt, jf, k) = (instruction >> 16 & 0xff, instruction >> 24 & 0xff, instruction >> 32);
    put!(out, "BPF_{}(", if jt == 0 && jf == 0 { "STMT" } else { "JUMP" });
    put!(out, "{}", BPF_CLASSES[(code & 7) as usize]);
    let rest = match code & 7 {
        uapi::BPF_LD | uapi::BPF_LDX => {
            name(out, code & 0x18, SIZES);
            name(out, code & 0xe0, MODES);
            0xffff_ff00
        }
        uapi::BPF_ALU => {
            name(out, code & 8, SOURCES);
            name(out, code & 0xf0, OPERATIONS);
            0xffff_ff00
        }
        uapi::BPF_JMP => {
            name(out, code & 8, SOURCES);
            name(out, code & 0xf0, JUMPS);
            0xffff_ff00
        }
        uapi::BPF_RET => {
            name(out, code & 0x18, VALUES);
            0xffff_ffe0
        }
        uapi::BPF_MISC => {
            name(out, code & 0xf8, MISCELLANEOUS);
            0xffff_ff00
        }
        _ => 0xffff_fff8,
    };
    if code & rest != 0 {
        put!(out, "|{:#x}", code & rest);
    }
    let numbers = [k, jt, jf];
    let shown = if jt == 0 && jf == 0 { 1 } else { numbers.len() };
    for number in &numbers[..shown] {
        put!(out, ", ");
        hex(out, *number);
    }
    put!(out, ")");
}

fn name(out: &mut Notation<'_>, bits: u64, names: &[(u64, &str)]) {
    match names.iter().find(|(value, _)| *value == bits) {
        Some((_, name)) => put!(out, "|{name}"),
        None => put!(out, "|{bits:#x}"),
    }
}

fn hex(out: &mut Notation<'_>, number: u64) {
    match number {
        0 => put!(out, "0"),
        number => put!(out, "{number:#x}"),
    }
}

/// `struct sock_filter`
pub(super) static INSTRUCTION: Type = Type::Number(Width::U64, Meaning::Written(write_instruction));

/// `struct sock_fprog`: shown in brief it has but the address of its instructions.
pub(super) static PROGRAM: Type = Type::Struct(&WHOLE);

/// `struct sock_fprog`
pub(super) static WHOLE: Struct = Struct::of(&[
    field("len", U16),
    field("filter", Type::List(Access::In, &INSTRUCTION, Length::Member(0))),
]);

/// The same in brief.
pub(super) static PROGRAM_IN_BRIEF: Type =
    Type::Struct(&Struct::of(&[field("len", U16), field("filter", ADDRESS)]));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instruction_is_written_by_its_class() {
        let written = |code: u64, jt: u64, jf: u64, k: u64| {
            let mut out = Vec::new();
            write_instruction(&mut Notation::plain(&mut out), code | jt << 16 | jf << 24 | k << 32);
            String::from_utf8(out).expect("ASCII")
        };
        assert_eq!(written(0x28, 0, 0, 12), "BPF_STMT(BPF_LD|BPF_H|BPF_ABS, 0xc)");
        assert_eq!(written(0x15, 0, 1, 0x800), "BPF_JUMP(BPF_JMP|BPF_K|BPF_JEQ, 0x800, 0, 0x1)");
        assert_eq!(written(6, 0, 0, 0), "BPF_STMT(BPF_RET|BPF_K, 0)");
    }
}
