/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * A call as its hook sees it and hands it to the engine: its pair, its arguments.
 */
#ifndef RSTRACE_CALL_H
#define RSTRACE_CALL_H

#include "current.h"

/* Which pair a syscall belongs to, with BY_FUNCTION; 0 if to none. */
static __always_inline u32 pair_of_syscall(bool compat, u64 nr)
{
	if (nr >= MAX_SYSCALLS)
		return config.unknown;
	return config.syscalls[(compat ? MAX_SYSCALLS : 0) + nr];
}

/* One entry or return, as its hook saw it. */
struct call {
	u64 pid_tgid;
	u64 args[MAX_ARGS];
	u64 frame;
	s64 ret;
	u32 nr;
	u32 pair; /* 0 at a return: unknown */
	u32 flags;
	u32 slot;
	u32 lane;
	u32 has_args; /* at a return: args are the call's, so it needs no entry */
};

/*
 * args_of_current() where registers must be copied, and may be unreadable. A function of its own, so that the
 * copy is not on the stack while captures are read.
 */
static __noinline bool args_of_copied_regs(struct call *c)
{
	struct pt_regs regs;

	if (bpf_probe_read_kernel(&regs, sizeof(regs), current_regs(current_task())))
		return 0;
	arch_syscall_args(&regs, c->flags & CALL_COMPAT, c->args);
	return 1;
}

/* The arguments of the system call that the thread is in; 0 if they can't be had. */
static __always_inline bool args_of_current(struct task_struct *task, struct call *c)
{
	if (!config.typed)
		return args_of_copied_regs(c);
	arch_syscall_args(current_regs(task), c->flags & CALL_COMPAT, c->args);
	return 1;
}

#endif
