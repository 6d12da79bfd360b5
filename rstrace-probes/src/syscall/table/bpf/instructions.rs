//! Instructions of BPF programs, as `linux/bpf.h` and `linux/bpf_common.h` take them apart.

use std::io::Write;

use rstrace_core::describe::{Custom, Item, Shape, Type, Width};
use rstrace_core::event::Value;
use rstrace_core::flags::Choices;

use super::super::security::{ALU_OPERATIONS, JUMPS, MODES, SIZES, SOURCES, code, write_part};
use crate::syscall::types::*;
use crate::uapi;

static CLASSES: Choices = choices!("", BPF_LD BPF_LDX BPF_ST BPF_STX BPF_ALU BPF_JMP BPF_JMP32 BPF_ALU64);

static REGISTERS: Choices = choices!("BPF_REG_???", BPF_REG_0 BPF_REG_1 BPF_REG_2 BPF_REG_3 BPF_REG_4 BPF_REG_5
    BPF_REG_6 BPF_REG_7 BPF_REG_8 BPF_REG_9 BPF_REG_10);

fn write_code(out: &mut Notation<'_>, code: u64) {
    CLASSES.write(out, code & code::CLASS);
    match code & code::CLASS {
        uapi::BPF_ALU | uapi::BPF_ALU64 => {
            write_part(out, code & code::SOURCE, &SOURCES);
            write_part(out, code & code::OPERATION, &ALU_OPERATIONS);
        }
        uapi::BPF_JMP => {
            write_part(out, code & code::SOURCE, &SOURCES);
            write_part(out, code & code::OPERATION, &JUMPS);
        }
        uapi::BPF_JMP32 => {
            if code & !code::CLASS != 0 {
                // writing to a vector cannot fail
                let _ = write!(out, "|{:#x} /* BPF_??? */", code & !code::CLASS);
            }
        }
        _ => {
            write_part(out, code & code::SIZE, &SIZES);
            write_part(out, code & code::MODE, &MODES);
        }
    }
}

/// `struct bpf_insn`. Two registers share a byte.
pub(super) static INSTRUCTION: Type = Type::Custom(&Custom {
    size: 8,
    compat_size: 8,
    shape: Shape::Struct,
    parts: |object, _, emit| {
        let registers = object.number(1, Width::U8);
        emit(Item::member("code", Value::Written(object.number(0, Width::U8), write_code)));
        emit(Item::member("dst_reg", Value::Choice(registers & 0xf, &REGISTERS)));
        emit(Item::member("src_reg", Value::Choice(registers >> 4, &REGISTERS)));
        emit(Item::member("off", Value::Int(object.number(2, Width::I16) as i64)));
        emit(Item::member("imm", Value::Hex(object.number(4, Width::U32))));
    },
    nested: &[],
});
