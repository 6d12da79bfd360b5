/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * Programs that count system calls and do nothing else, see stats.h; and the one that knows when threads run.
 */
#ifndef RSTRACE_TALLY_H
#define RSTRACE_TALLY_H

#include "tracepoint.h"

static __always_inline int tally_enter(u32 nr)
{
	struct task_struct *task;

	/* the return tells all there is to count */
	if (!tallying.timed && !is_recalled(nr))
		return 0;
	task = current_task();
	if (!in_scope(current_pid_tgid(task)) || is_before_exec(nr) || !is_of_user())
		return 0;
	start_clock(nr, current_is_compat(task));
	return 0;
}

static __always_inline int tally_exit(struct task_struct *task, u32 nr, s64 ret)
{
	u64 pid_tgid = current_pid_tgid(task);
	struct call_clock *clock = 0;
	bool compat;

	if (held)
		return 0;
	if (tallying.timed) {
		/* a comparison first: this is what bystanders pay */
		if (config.scope == SCOPE_TGID && pid_tgid >> 32 != config.target)
			return 0;
		clock = stop_clock(clock_of_current(0), nr);
		if (!clock && !wanted(pid_tgid))
			return 0;
	} else {
		if (!wanted(pid_tgid))
			return 0;
		if (nr == ~0U || nr == config.execve[0] || nr == config.execve[1])
			clock = stop_clock(clock_of_current(0), nr);
	}
	if (clock) {
		nr = clock->nr;
		compat = clock->compat;
	} else {
		compat = current_is_compat(task);
		/* an execve that succeeded was seen, unless it is not the target's */
		if (is_of_new_child(nr, ret, compat) || (!ret && nr == config.execve[compat]))
			return 0;
	}
	if (!pair_of_syscall(compat, nr) || never_returns(nr, compat, ret))
		return 0;
	tally_call(clock, nr, compat, ret);
	return 0;
}

SEC("raw_tp/sys_enter")
int raw_tally_enter(struct bpf_raw_tracepoint_args *ctx)
{
	return tally_enter(ctx->args[1]);
}

SEC("tp/raw_syscalls/sys_enter")
int classic_tally_enter(struct classic_sys_enter *ctx)
{
	return tally_enter(ctx->id);
}

SEC("raw_tp/sys_exit")
int raw_tally_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = current_task();

	return tally_exit(task, raw_exit_nr(ctx, task), ctx->args[1]);
}

SEC("tp/raw_syscalls/sys_exit")
int classic_tally_exit(struct classic_sys_exit *ctx)
{
	return tally_exit(current_task(), ctx->id, ctx->ret);
}

/* In the thread that is taken off its CPU. */
SEC("raw_tp/sched_switch")
int raw_switch(void *ctx)
{
	struct call_clock *clock = clock_of_current(0);
	u64 now = bpf_ktime_get_ns();
	u32 first = 0;
	u64 *arrived;

	if (clock && clock->running)
		clock->cpu += on_cpu_since(clock->entered, now);
	arrived = bpf_map_lookup_elem(&arrivals, &first);
	if (arrived)
		*arrived = now;
	return 0;
}

#endif
