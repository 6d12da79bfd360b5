/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * How a call ended: well, with an error, or not at all, as its thread is being killed in it.
 */
#ifndef RSTRACE_OUTCOME_H
#define RSTRACE_OUTCOME_H

#include "arch.h"
#include "filter.h"

#define SIGKILL 9
#define SIGKILL_BIT (1UL << (SIGKILL - 1))
#define SIGNAL_GROUP_EXIT 4

/*
 * Whether the thread is being killed, of a call with a result that may mean it. Few calls have one, so it is
 * global, as what is in path.h.
 */
__noinline int is_killed_within(u32 nr, u32 table, s64 ret)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	bool killed = 0;
	u32 signal;

	table &= 1;
	if (!ret)
		for (int i = 0; i < MAX_KILLS; i++)
			killed |= nr == config.kills[table][i];
	if (!killed && !ret)
		return 0;
	if (!(BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT))
		return !killed && BPF_CORE_READ(task, pending.signal.sig[0]) & SIGKILL_BIT;
	signal = BPF_CORE_READ(task, signal, group_exit_code) & 0x7f;
	if (killed)
		return signal == SIGKILL;
	return !signal || signal == SIGKILL || BPF_CORE_READ(task, pid) != BPF_CORE_READ(task, tgid);
}

/*
 * -512 and its like also come when the thread is being killed and will not go on, and so does the 0 of a kill
 * by which it killed itself. What a signal other than SIGKILL does to the thread that it was sent to is seen
 * by a debugger after the call, and told after it here.
 */
static __always_inline bool never_returns(u32 nr, bool compat, s64 ret)
{
	if (ret && (ret > -512 || ret < -516))
		return 0;
	return is_killed_within(nr, compat, ret);
}

static __noinline u32 status_of(u32 nr, u32 compat, s64 ret)
{
	if (never_returns(nr, compat != 0, ret))
		return STATUS_UNFINISHED;
	return ret < 0 && ret >= -MAX_ERRNO ? STATUS_FAILED : STATUS_SUCCESSFUL;
}

#endif
