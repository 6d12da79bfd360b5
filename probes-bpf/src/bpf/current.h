/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * The current thread: its ids, its registers, whether its syscall is one of the 32-bit table.
 */
#ifndef RSTRACE_CURRENT_H
#define RSTRACE_CURRENT_H

#include "arch.h"
#include "maps.h"

/*
 * The current thread, which a program asks for once, as that is a call. Where the verifier knows the
 * pointer's type (from 5.15 on), it is read through without a helper.
 */
static __always_inline struct task_struct *current_task(void)
{
	if (config.typed)
		return bpf_get_current_task_btf();
	return (struct task_struct *)bpf_get_current_task();
}

/* bpf_get_current_pid_tgid() */
static __always_inline u64 current_pid_tgid(struct task_struct *task)
{
	if (!config.typed)
		return bpf_get_current_pid_tgid();
	return (u64)task->tgid << 32 | (u32)task->pid;
}

static __always_inline struct pt_regs *current_regs(struct task_struct *task)
{
	if (config.typed)
		return (struct pt_regs *)bpf_task_pt_regs(task);
	return arch_task_regs_by_stack(task);
}

/* The user's instruction pointer in the current thread. */
static __always_inline u64 current_pointer(void)
{
	struct pt_regs *regs = current_regs(current_task());
	unsigned long pointer = 0;

	bpf_probe_read_kernel(&pointer, sizeof(pointer), &ARCH_INSTRUCTION_POINTER(regs));
	return pointer;
}

static __always_inline bool current_is_compat(struct task_struct *task)
{
	if (config.typed)
		return arch_is_compat_status(task->thread_info.status);
	return arch_is_compat_status(BPF_CORE_READ(task, thread_info.status));
}

#endif
