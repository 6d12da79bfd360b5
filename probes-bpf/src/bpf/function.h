/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * The backends for kernel functions: kprobe (kprobe + kretprobe) and fentry (fentry + fexit). A slot is a
 * function that can be attached to; each has a program of its own per hook, so that no cookie (5.15) is
 * needed.
 *
 * A function that carries out syscalls is only their witness: the record is the syscall's, with the
 * registers as the program set them, because the function sees them altered.
 */
#ifndef RSTRACE_FUNCTION_H
#define RSTRACE_FUNCTION_H

#include "engine.h"

/*
 * Makes the call one of the syscall that the thread is in; 0 if that is not traced by this function.
 */
static __always_inline bool as_syscall(struct call *c)
{
	struct task_struct *task = current_task();
	unsigned long nr = 0;
	u32 pair;

	bpf_probe_read_kernel(&nr, sizeof(nr), &ARCH_SYSCALL_NR(current_regs(task)));
	c->flags = current_is_compat(task) ? CALL_COMPAT : 0;
	c->nr = nr;
	pair = pair_of_syscall(c->flags & CALL_COMPAT, c->nr);
	if (!(pair & BY_FUNCTION))
		return 0;
	c->pair = pair & ~BY_FUNCTION;
	c->has_args = args_of_current(task, c);
	if (!c->has_args)
		return 0;
	/* no syscall is inside another; and from one to the next the stack begins at random */
	c->frame = 0;
	return 1;
}

static __always_inline int function_entry(void *ctx, u32 slot, struct call *c)
{
	c->slot = slot + 1;
	c->lane = LANE_FUNCTIONS + 2 * slot;
	c->nr = ~0U;
	c->pair = config.function_pair[slot];
	if (!c->pair && !as_syscall(c))
		return 0;
	/* functions have no complex captures */
	enter(ctx, c);
	return 0;
}

static __always_inline int function_return(void *ctx, u32 slot, u64 pid_tgid, s64 ret)
{
	struct call c = {.slot = slot + 1, .lane = LANE_FUNCTIONS + 2 * slot + 1, .nr = ~0U};

	c.pid_tgid = pid_tgid;
	c.ret = ret;

	if (config.function_int[slot])
		c.ret = (int)ret;
	c.pair = config.function_pair[slot];
	if (!c.pair && !as_syscall(&c))
		return 0;
	leave(ctx, &c, 0);
	return 0;
}

static __always_inline int kprobe_entry(struct pt_regs *ctx, u32 slot)
{
	struct call c = {.pid_tgid = current_pid_tgid(current_task())};

	if (!wanted(c.pid_tgid))
		return 0;
	arch_function_args(ctx, c.args);
	c.frame = ARCH_STACK_POINTER(ctx);
	return function_entry(ctx, slot, &c);
}

static __always_inline int kprobe_return(struct pt_regs *ctx, u32 slot)
{
	u64 pid_tgid = current_pid_tgid(current_task());

	if (!wanted(pid_tgid))
		return 0;
	return function_return(ctx, slot, pid_tgid, ARCH_RETURN_VALUE(ctx));
}

/* The verifier lets a program read only the arguments that the function has. */
static __always_inline int fentry_entry(u64 *ctx, u32 slot)
{
	struct call c = {.pid_tgid = current_pid_tgid(current_task())};

	if (!wanted(c.pid_tgid))
		return 0;
	if (config.function_args[slot] > 0)
		c.args[0] = ctx[0];
	if (config.function_args[slot] > 1)
		c.args[1] = ctx[1];
	if (config.function_args[slot] > 2)
		c.args[2] = ctx[2];
	if (config.function_args[slot] > 3)
		c.args[3] = ctx[3];
	if (config.function_args[slot] > 4)
		c.args[4] = ctx[4];
	if (config.function_args[slot] > 5)
		c.args[5] = ctx[5];
	c.frame = (u64)ctx;
	return function_entry(ctx, slot, &c);
}

/*
 * Behind the arguments stands the result. The barrier keeps the compiler from making one load of
 * variable offset, which the verifier refuses, of the seven.
 */
#define RETURN_BEHIND(args)                       \
	if (config.function_args[slot] == args) { \
		ret = ctx[args];                  \
		barrier_var(ret);                 \
	}

static __always_inline int fentry_return(u64 *ctx, u32 slot)
{
	u64 pid_tgid = current_pid_tgid(current_task()), ret = 0;

	if (!wanted(pid_tgid))
		return 0;
	RETURN_BEHIND(0);
	RETURN_BEHIND(1);
	RETURN_BEHIND(2);
	RETURN_BEHIND(3);
	RETURN_BEHIND(4);
	RETURN_BEHIND(5);
	RETURN_BEHIND(6);
	return function_return(ctx, slot, pid_tgid, ret);
}

#define FUNCTION_PROGRAMS(slot)                   \
	SEC("kprobe")                             \
	int kprobe_##slot(struct pt_regs *ctx)    \
	{                                         \
		return kprobe_entry(ctx, slot);   \
	}                                         \
	SEC("kretprobe")                          \
	int kretprobe_##slot(struct pt_regs *ctx) \
	{                                         \
		return kprobe_return(ctx, slot);  \
	}                                         \
	SEC("fentry")                             \
	int fentry_##slot(u64 *ctx)               \
	{                                         \
		return fentry_entry(ctx, slot);   \
	}                                         \
	SEC("fexit")                              \
	int fexit_##slot(u64 *ctx)                \
	{                                         \
		return fentry_return(ctx, slot);  \
	}

FUNCTION_PROGRAMS(0)
FUNCTION_PROGRAMS(1)
FUNCTION_PROGRAMS(2)
FUNCTION_PROGRAMS(3)
FUNCTION_PROGRAMS(4)
FUNCTION_PROGRAMS(5)
FUNCTION_PROGRAMS(6)
FUNCTION_PROGRAMS(7)

#endif
