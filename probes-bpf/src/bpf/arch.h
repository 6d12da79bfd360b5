/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * All that depends on the processor: where arguments and results are, and which syscall table is in use.
 * A new architecture defines the same names here, and its numbers in rstrace-core's arch.rs.
 */
#ifndef RSTRACE_ARCH_H
#define RSTRACE_ARCH_H

#include "types.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#if defined(__TARGET_ARCH_x86)

/* arch/x86/include/uapi/asm/ptrace.h, the kernel's member names */
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8;
	unsigned long ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};

#define THREAD_SIZE (4 * 4096)
/* thread_info.status: the syscall came through a 32-bit entry */
#define TS_COMPAT 0x0002

static __always_inline bool arch_is_compat_status(u32 status)
{
	return (status & TS_COMPAT) != 0;
}

static __always_inline void arch_syscall_args(const struct pt_regs *regs, bool compat, u64 *args)
{
	if (compat) {
		args[0] = (u32)regs->bx;
		args[1] = (u32)regs->cx;
		args[2] = (u32)regs->dx;
		args[3] = (u32)regs->si;
		args[4] = (u32)regs->di;
		args[5] = (u32)regs->bp;
	} else {
		args[0] = regs->di;
		args[1] = regs->si;
		args[2] = regs->dx;
		args[3] = regs->r10;
		args[4] = regs->r8;
		args[5] = regs->r9;
	}
}

static __always_inline void arch_function_args(const struct pt_regs *regs, u64 *args)
{
	args[0] = regs->di;
	args[1] = regs->si;
	args[2] = regs->dx;
	args[3] = regs->cx;
	args[4] = regs->r8;
	args[5] = regs->r9;
}

/*
 * rt_sigreturn has no arguments: what it restores stands on the stack. Behind its stack pointer the frame of
 * the signal goes on with a struct ucontext, 32-bit with three words and the siginfo before. In the ucontext
 * the mask of signals follows two words, the stack_t and the struct sigcontext.
 */
#define ARCH_SIGRETURN_MASK(sp, compat) ((compat) ? (sp) + 12 + 128 + 20 + 88 : (sp) + 40 + 256)
#define ARCH_SYSCALL_NR(regs) ((regs)->orig_ax)
#define ARCH_RETURN_VALUE(regs) ((regs)->ax)
#define ARCH_STACK_POINTER(regs) ((regs)->sp)
#define ARCH_INSTRUCTION_POINTER(regs) ((regs)->ip)

#else
#error "this architecture needs its names in arch.h"
#endif

/* Before bpf_task_pt_regs (5.15): the registers are at the top of the kernel stack. */
static __always_inline struct pt_regs *arch_task_regs_by_stack(struct task_struct *task)
{
	void *stack = BPF_CORE_READ(task, stack);

	return stack + THREAD_SIZE - sizeof(struct pt_regs);
}

#endif
