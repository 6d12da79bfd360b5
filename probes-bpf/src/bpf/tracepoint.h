/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * The tracepoint backend: sys_enter and sys_exit, and the points, each classic (through perf, guarded
 * against preemption on every kernel) and raw (cheaper).
 */
#ifndef RSTRACE_TRACEPOINT_H
#define RSTRACE_TRACEPOINT_H

#include "complex.h"
#include "points.h"
#include "vector.h"

/* The fixed layouts of tracefs' format files. */
struct classic_sys_enter {
	u64 common;
	s64 id;
	u64 args[MAX_ARGS];
};

struct classic_sys_exit {
	u64 common;
	s64 id;
	s64 ret;
};

struct classic_sched_process_exec {
	u64 common;
	u32 filename;
	u32 pid;
	u32 old_pid;
};

/* enter() and leave(), with the tails; should one fail, without what it does. */
static __always_inline int enter_syscall(void *ctx, struct call *c)
{
	if (enter(ctx, c)) {
		struct scratch *s = scratch_of(LANE_ENTER);

		bpf_tail_call(ctx, &tails, WHEN_ENTRY);
		if (s)
			finish_enter(ctx, s);
	}
	return 0;
}

static __always_inline int leave_syscall(void *ctx, struct call *c)
{
	int complex = leave(ctx, c, 1);
	struct scratch *s = scratch_of(LANE_EXIT);

	if (!s)
		return 0;
	if (complex) {
		bpf_tail_call(ctx, &tails, WHEN_RETURN);
		emit(ctx, s);
	}
	if (throttle_ns(s->waiting))
		bpf_tail_call(ctx, &tails, TAIL_THROTTLE);
	return 0;
}

/* rt_sigreturn gets the address of what it restores for an argument. */
static __always_inline void sigreturn_args(struct pt_regs *from, struct call *c)
{
	bool compat = (c->flags & CALL_COMPAT) != 0;
	unsigned long sp = 0;

	if (c->nr != config.sigreturn[compat])
		return;
	bpf_probe_read_kernel(&sp, sizeof(sp), &ARCH_STACK_POINTER(from));
	c->args[0] = ARCH_SIGRETURN_MASK(sp, compat);
}

/* A new child returns from the clone that its parent made: that is no call of its own. */
static __always_inline bool is_of_new_child(u32 nr, s64 ret, bool compat)
{
	if (ret)
		return 0;
	for (int i = 0; i < MAX_CLONES; i++)
		if (nr == config.clones[compat][i])
			return 1;
	return 0;
}

/* Whether a call is still rstrace's own, in the process that is to become the command, whoever its user is.
 */
static __always_inline bool is_before_exec(u32 nr)
{
	if (held && nr == config.execve[0])
		held = 0;
	return held;
}

/*
 * bpf_rdonly_cast(), which the verifier inlines: makes a pointer one of the kernel's type of this id.
 * rstrace-core puts the function's own id in the place of this number, as libbpf would read all of the
 * kernel's types for it.
 */
static void *(*const rdonly_cast)(const void *pointer, u32 type) = (void *)RDONLY_CAST;

/* The registers that a raw tracepoint of a syscall has for an argument. */
static __always_inline const struct pt_regs *hook_regs(struct bpf_raw_tracepoint_args *ctx,
						       struct task_struct *task)
{
	if (config.registers)
		return rdonly_cast((void *)ctx->args[0], config.registers);
	return current_regs(task);
}

SEC("raw_tp/sys_enter")
int raw_sys_enter(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = current_task();
	struct call c = {.lane = LANE_ENTER, .pid_tgid = current_pid_tgid(task)};

	if (!in_scope(c.pid_tgid))
		return 0;
	c.nr = ctx->args[1];
	if (is_before_exec(c.nr) || !is_of_user())
		return 0;
	c.flags = current_is_compat(task) ? CALL_COMPAT : 0;
	c.pair = pair_of_syscall(c.flags & CALL_COMPAT, c.nr);
	if (!c.pair || c.pair & BY_FUNCTION)
		return 0;
	if (config.typed)
		arch_syscall_args(hook_regs(ctx, task), c.flags & CALL_COMPAT, c.args);
	else if (!args_of_copied_regs(&c))
		return 0;
	sigreturn_args((void *)ctx->args[0], &c);
	return enter_syscall(ctx, &c);
}

SEC("tp/raw_syscalls/sys_enter")
int classic_sys_enter(struct classic_sys_enter *ctx)
{
	struct task_struct *task = current_task();
	struct call c = {.lane = LANE_ENTER, .pid_tgid = current_pid_tgid(task)};

	if (!in_scope(c.pid_tgid))
		return 0;
	c.nr = ctx->id;
	if (is_before_exec(c.nr) || !is_of_user())
		return 0;
	c.flags = current_is_compat(task) ? CALL_COMPAT : 0;
	c.pair = pair_of_syscall(c.flags & CALL_COMPAT, c.nr);
	if (!c.pair || c.pair & BY_FUNCTION)
		return 0;
	for (int i = 0; i < MAX_ARGS; i++)
		c.args[i] = c.flags & CALL_COMPAT ? (u32)ctx->args[i] : ctx->args[i];
	if (c.nr == config.sigreturn[c.flags & CALL_COMPAT ? 1 : 0])
		sigreturn_args(current_regs(task), &c);
	return enter_syscall(ctx, &c);
}

static __always_inline int sys_exit(void *ctx, struct task_struct *task, u64 pid_tgid, s64 nr, s64 ret)
{
	struct call c = {.lane = LANE_EXIT, .pid_tgid = pid_tgid, .nr = nr, .ret = ret};

	if (held)
		return 0;
	c.flags = current_is_compat(task) ? CALL_COMPAT : 0;
	c.pair = pair_of_syscall(c.flags & CALL_COMPAT, c.nr);
	if (c.pair & BY_FUNCTION)
		c.pair = 0;
	if (!c.pair && !config.execs && (config.sigreturn[0] == ~0U || c.nr != ~0U))
		return 0;
	if (is_of_new_child(c.nr, ret, c.flags & CALL_COMPAT))
		return 0;
	return leave_syscall(ctx, &c);
}

/* The number of the call that returns. */
static __always_inline u32 raw_exit_nr(struct bpf_raw_tracepoint_args *ctx, struct task_struct *task)
{
	struct pt_regs *regs = (void *)ctx->args[0];
	unsigned long nr = 0;

	if (config.typed)
		return ARCH_SYSCALL_NR(hook_regs(ctx, task));
	bpf_probe_read_kernel(&nr, sizeof(nr), &ARCH_SYSCALL_NR(regs));
	return nr;
}

SEC("raw_tp/sys_exit")
int raw_sys_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = current_task();
	u64 pid_tgid = current_pid_tgid(task);

	if (!wanted(pid_tgid))
		return 0;
	return sys_exit(ctx, task, pid_tgid, raw_exit_nr(ctx, task), ctx->args[1]);
}

SEC("tp/raw_syscalls/sys_exit")
int classic_sys_exit(struct classic_sys_exit *ctx)
{
	struct task_struct *task = current_task();
	u64 pid_tgid = current_pid_tgid(task);

	if (!wanted(pid_tgid))
		return 0;
	return sys_exit(ctx, task, pid_tgid, ctx->id, ctx->ret);
}

SEC("raw_tp/signal_generate")
int raw_signal_generate(struct bpf_raw_tracepoint_args *ctx)
{
	return on_signal_generate(ctx, ctx->args[0], (void *)ctx->args[1], (void *)ctx->args[2],
				  ctx->args[4]);
}

SEC("raw_tp/signal_deliver")
int raw_signal_deliver(struct bpf_raw_tracepoint_args *ctx)
{
	return on_signal_deliver(ctx, ctx->args[0], (void *)ctx->args[1], (void *)ctx->args[2]);
}

SEC("raw_tp/sched_process_fork")
int raw_fork(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *child = (void *)ctx->args[1];

	return on_fork(ctx, BPF_CORE_READ(child, pid));
}

SEC("tp/sched/sched_process_fork")
int classic_fork(void *ctx)
{
	u32 child = 0;

	bpf_probe_read_kernel(&child, sizeof(child), ctx + config.fork_child_offset);
	return on_fork(ctx, child);
}

SEC("raw_tp/sched_process_exec")
int raw_exec(struct bpf_raw_tracepoint_args *ctx)
{
	return on_exec(ctx, ctx->args[1]);
}

SEC("tp/sched/sched_process_exec")
int classic_exec(struct classic_sched_process_exec *ctx)
{
	return on_exec(ctx, ctx->old_pid);
}

SEC("raw_tp/sched_process_exit")
int raw_exit(struct bpf_raw_tracepoint_args *ctx)
{
	return on_exit(ctx);
}

SEC("tp/sched/sched_process_exit")
int classic_exit(void *ctx)
{
	return on_exit(ctx);
}

/*
 * The vectors of execve, each hook with either loop (see vector.h). Those of one that failed are read by a
 * tail of sys_exit's program, which then begins anew.
 */
static __always_inline int prepare_exec(void *ctx, void *again)
{
	/* if only failures are asked for, they are read when it has failed */
	if (wanted(bpf_get_current_pid_tgid()) && !(filter.by_result && filter.statuses == STATUS_FAILED))
		send_vectors(ctx, LANE_PREPARE_EXEC, again);
	return 0;
}

static __always_inline int failed_exec(void *ctx, void *again)
{
	send_vectors(ctx, LANE_FAILED_EXEC, again);
	bpf_tail_call(ctx, &tails, TAIL_EXIT);
	return 0;
}

static __always_inline int failed_exec_again(void *ctx)
{
	bounded_vectors(ctx, LANE_FAILED_EXEC, &failed_again);
	bpf_tail_call(ctx, &tails, TAIL_EXIT);
	return 0;
}

SEC("raw_tp/sched_prepare_exec")
int raw_prepare_exec(void *ctx)
{
	return prepare_exec(ctx, 0);
}

SEC("tp/sched/sched_prepare_exec")
int classic_prepare_exec(void *ctx)
{
	return prepare_exec(ctx, 0);
}

SEC("kprobe/security_bprm_creds_for_exec")
int kprobe_prepare_exec(void *ctx)
{
	return prepare_exec(ctx, 0);
}

SEC("kprobe/security_bprm_creds_for_exec")
int kprobe_prepare_exec_bounded(void *ctx)
{
	return prepare_exec(ctx, &prepare_again);
}

SEC("kprobe")
int kprobe_prepare_exec_again(void *ctx)
{
	bounded_vectors(ctx, LANE_PREPARE_EXEC, &prepare_again);
	return 0;
}

#define FAILED_EXEC_PROGRAMS(hook, section)             \
	SEC(section)                                    \
	int hook##_failed_exec(void *ctx)               \
	{                                               \
		return failed_exec(ctx, 0);             \
	}                                               \
	SEC(section)                                    \
	int hook##_failed_exec_bounded(void *ctx)       \
	{                                               \
		return failed_exec(ctx, &failed_again); \
	}                                               \
	SEC(section)                                    \
	int hook##_failed_exec_again(void *ctx)         \
	{                                               \
		return failed_exec_again(ctx);          \
	}

FAILED_EXEC_PROGRAMS(raw, "raw_tp")
FAILED_EXEC_PROGRAMS(classic, "tp")

#endif
