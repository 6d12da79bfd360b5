//! `bpf_rdonly_cast` (6.2), by which a program reads the registers that its hook has for an argument, without a helper
//! that looks for them. It is a function of the kernel's, called by its id among the kernel's types. libbpf would read
//! all of them, some 20 ms, to find that; here they are read anyway.

use std::os::fd::{FromRawFd, OwnedFd};

use libbpf_sys::{bpf_insn, bpf_prog_load_opts};
use rstrace_probes_bpf::layout;

use super::btf::KernelTypes;

// linux/bpf.h and linux/bpf_common.h
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;
const SET: u8 = 0xb7;
/// In place of a call's source register: it calls a function of the kernel.
const PSEUDO_KFUNC_CALL: u8 = 2;

/// What a program needs to make a pointer one to `struct pt_regs`: ids among the kernel's types.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cast {
    function: u32,
    pub registers: u32,
}

impl Cast {
    /// `None` if the kernel does not have it or does not let programs call it.
    pub(crate) fn find(types: &KernelTypes) -> Option<Self> {
        let (function, _) = types.function("bpf_rdonly_cast")?;
        let cast = Self { function, registers: types.structure("pt_regs")? };
        cast.is_allowed().then_some(cast)
    }

    /// Whether a program that casts nothing can be loaded: without the JIT compiler none may call the kernel's functions.
    fn is_allowed(&self) -> bool {
        let set = |register, value| instruction(SET, register, 0, value);
        let program =
            [set(1, 0), set(2, self.registers as i32), self.call(), set(0, 0), instruction(EXIT, 0, 0, 0)];
        let options = bpf_prog_load_opts { sz: size_of::<bpf_prog_load_opts>() as _, ..Default::default() };
        // SAFETY: all pointers are to what lives during the call, with the sizes that go with them.
        let fd = unsafe {
            libbpf_sys::bpf_prog_load(
                libbpf_sys::BPF_PROG_TYPE_RAW_TRACEPOINT,
                c"rstrace_cast".as_ptr(),
                c"GPL".as_ptr(),
                program.as_ptr(),
                program.len() as _,
                &options as *const _ as *mut _,
            )
        };
        if fd >= 0 {
            // SAFETY: the kernel just made this descriptor for us.
            drop(unsafe { OwnedFd::from_raw_fd(fd) });
        }
        fd >= 0
    }

    /// Makes each call of [`layout::RDONLY_CAST`] one of the function.
    pub(crate) fn resolve(&self, program: &mut [bpf_insn]) {
        for instruction in program {
            if instruction.code == CALL
                && instruction.src_reg() == 0
                && instruction.imm == layout::RDONLY_CAST as i32
            {
                *instruction = self.call();
            }
        }
    }

    fn call(&self) -> bpf_insn {
        instruction(CALL, 0, PSEUDO_KFUNC_CALL, self.function as i32)
    }
}

fn instruction(code: u8, to: u8, from: u8, imm: i32) -> bpf_insn {
    let mut instruction = bpf_insn { code, imm, ..Default::default() };
    instruction.set_dst_reg(to);
    instruction.set_src_reg(from);
    instruction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_kernel_has_the_function_programs_call_it() {
        let Some((function, _)) =
            KernelTypes::read().ok().and_then(|types| types.function("bpf_rdonly_cast"))
        else {
            eprintln!("SKIP: this kernel has no bpf_rdonly_cast");
            return;
        };
        let cast = Cast::find(&KernelTypes::read().unwrap()).expect("a program that calls it");
        let calls = [(0u8, layout::RDONLY_CAST as i32), (1, layout::RDONLY_CAST as i32), (0, 1)];
        let mut program = calls.map(|(kind, imm)| instruction(CALL, 0, kind, imm));
        cast.resolve(&mut program);
        // neither a call within the program nor that of another helper
        let resolved = [(PSEUDO_KFUNC_CALL, function as i32), calls[1], calls[2]];
        assert_eq!(program.map(|call| (call.src_reg(), call.imm)), resolved);
    }
}
