/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * Points beside the pairs: fork, exec and exit keep the follow set, the in-flight map and its keys right,
 * and are records themselves.
 */
#ifndef RSTRACE_POINTS_H
#define RSTRACE_POINTS_H

#include "engine.h"

#define EEXIST 17

/* Keeping the state right is for every thread of the target; telling of it only for those asked for. */
static __always_inline bool picks_threads(void)
{
	return config.by_uid || filter.in_cgroup || filter.by_comm;
}

static __always_inline void emit_point(void *ctx, u32 lane, u16 kind, u64 arg0, u64 arg1)
{
	struct scratch *s = scratch_of(lane);

	if (!s || (!config.follow && picks_threads() && !is_picked((void *)bpf_get_current_task())))
		return;
	begin_record(s, kind, bpf_get_current_pid_tgid());
	s->record.args[0] = arg0;
	s->record.args[1] = arg1;
	bpf_get_current_comm(&s->record.args[NAME_ARG], COMM_LEN);
	emit(ctx, s);
}

/* In the parent, before the child runs. */
static __always_inline int on_fork(void *ctx, u32 child_tid)
{
	u8 yes = 1;
	long err;

	/* without -f there is no set to keep, and a process of its own is nothing to us */
	if (!config.follow || !in_scope(bpf_get_current_pid_tgid()))
		return 0;
	err = bpf_map_update_elem(&followed, &child_tid, &yes, BPF_NOEXIST);
	/* an id whose end was missed is in the set still, and still counted */
	if (err && err != -EEXIST) {
		count(0, COUNT_NOT_FOLLOWED);
		return 0;
	}
	if (!err)
		atomic_add(&live, 1);
	emit_point(ctx, LANE_FORK, RECORD_FORK, child_tid, 0);
	return 0;
}

/* The in-flight state of a thread that has taken over its leader's id. */
static __always_inline void rekey(u64 from, u64 to)
{
	for (u64 slot = 0; slot <= FUNCTION_SLOTS && slot < config.slots; slot++) {
		u64 old = inflight_key(from, slot), new = inflight_key(to, slot);
		struct inflight *in;

		in = lookup_inflight(&old);
		if (!in)
			continue;
		if (bpf_map_update_elem(&inflights, &new, in, BPF_ANY))
			count(in->pair, COUNT_NO_RETURN);
		in->pair = 0;
		bpf_map_delete_elem(&inflights, &old);
	}
}

/* The execve of a process that is let go: it is not seen to return. */
static __always_inline void let_go_inflight(void *ctx, struct scratch *s, u64 pid_tgid)
{
	u64 key = inflight_key(pid_tgid, 0);
	struct inflight *in = lookup_inflight(&key);

	if (in) {
		if ((filter.by_path && in->flags & CALL_UNDECIDED) ||
		    (filter.by_result && !passes_result(in->entry_time, STATUS_DETACHED, 0))) {
			count(in->pair, COUNT_FILTERED);
		} else {
			resume_record(s, in, pid_tgid, 0);
			s->record.flags |= CALL_LET_GO;
			emit(ctx, s);
		}
	}
	bpf_map_delete_elem(&inflights, &key);
}

/* In the only thread of a process that has executed a program: from here on nothing of it is looked at. */
static __always_inline void let_go(void *ctx, u64 pid_tgid)
{
	u32 tgid = pid_tgid >> 32, tid = (u32)pid_tgid;
	struct scratch *s = scratch_of(LANE_EXEC);

	if (s)
		let_go_inflight(ctx, s, pid_tgid);
	if (tallying.mode) {
		struct call_clock *clock = clock_of_current(0);

		/* an execve that is not seen to return is not counted */
		if (clock)
			clock->running = 0;
		forget_clock(tid);
	}
	emit_point(ctx, LANE_EXEC, RECORD_LET_GO, 0, 0);
	/* last, as who reads these then looks for no more records */
	if (config.scope == SCOPE_TIDS) {
		if (!bpf_map_delete_elem(&followed, &tid))
			atomic_add(&live, -1);
	} else {
		bpf_map_delete_elem(&followed, &tgid);
	}
	if (tgid == config.target)
		command_let_go = 1;
}

/* In the thread that executes, when its old memory is gone. */
static __always_inline int on_exec(void *ctx, u32 old_tid)
{
	u64 now = bpf_get_current_pid_tgid(), key = inflight_key(now, 0);
	u64 before = (now & 0xffffffff00000000ULL) | old_tid;
	struct inflight *in;

	if (!in_scope(before))
		return 0;
	/* where no system call is looked at, this is the first that is known of the command */
	if (held)
		held = 0;
	if (old_tid != (u32)now) {
		u32 tid = now;
		u8 yes = 1;

		if (config.scope == SCOPE_TIDS && !bpf_map_delete_elem(&followed, &old_tid))
			bpf_map_update_elem(&followed, &tid, &yes, BPF_ANY);
		rekey(before, now);
		if (tallying.mode)
			rekey_clock(old_tid, tid);
	}
	if (tallying.by_process)
		name_process(BPF_ANY);
	/* what could not be read until now never will be: the addresses mean other memory from here on */
	in = lookup_inflight(&key);
	if (in) {
		in->pending = 0;
		in->flags |= CALL_EXECED;
	}
	emit_point(ctx, LANE_EXEC, RECORD_EXEC, old_tid, 0);
	if (starting)
		starting = 0;
	else if (config.let_go)
		let_go(ctx, now);
	return 0;
}

/* A call that was never seen to return: a record if the thread is still in it, else a loss. */
static __always_inline void end_inflight(void *ctx, struct scratch *s, u64 pid_tgid, u64 slot)
{
	u64 key = inflight_key(pid_tgid, slot);
	struct inflight *in = bpf_map_lookup_elem(&inflights, &key);
	struct pt_regs *regs;
	u32 nr = ~0U;

	if (!in || !in->pair)
		goto out;
	regs = current_regs(current_task());
	if (regs) {
		unsigned long orig = 0;

		bpf_probe_read_kernel(&orig, sizeof(orig), &ARCH_SYSCALL_NR(regs));
		nr = orig;
	}
	if (slot == 0 && in->nr == nr) {
		if (filter.by_result && !passes_result(in->entry_time, STATUS_UNFINISHED, 0)) {
			count(in->pair, COUNT_FILTERED);
			goto out;
		}
		resume_record(s, in, pid_tgid, 0);
		s->record.flags |= CALL_DIED;
		emit(ctx, s);
	} else {
		count(in->pair, COUNT_NO_RETURN);
	}
out:
	bpf_map_delete_elem(&inflights, &key);
}

/* In the thread that ends. */
static __always_inline int on_exit(void *ctx)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	u64 pid_tgid = bpf_get_current_pid_tgid();
	u32 tid = (u32)pid_tgid;
	struct scratch *s = scratch_of(LANE_GONE);
	u64 last;

	if (!s || !in_scope(pid_tgid))
		return 0;
	for (u64 slot = 0; slot <= FUNCTION_SLOTS && slot < config.slots; slot++)
		end_inflight(ctx, s, pid_tgid, slot);
	if (tallying.mode)
		forget_clock(tid);
	last = BPF_CORE_READ(task, signal, live.counter) == 0;
	emit_point(ctx, LANE_GONE, RECORD_EXIT, (u32)BPF_CORE_READ(task, exit_code), last);
	if (config.scope == SCOPE_TIDS) {
		if (!bpf_map_delete_elem(&followed, &tid))
			atomic_add(&live, -1);
	}
	return 0;
}

#define SI_KERNEL 0x80

/* A value of the tracepoint signal_generate's result. */
#define TRACE_SIGNAL_IGNORED 1

#define SIGINFO_LEN 48

/* Appends what is told of the process that a signal tells of. */
static __always_inline void tell_sender(struct scratch *s, struct task_struct *target)
{
	struct payload *head = (void *)s->data + sizeof(*head) + SIGINFO_LEN;
	u32 id = *(u32 *)(s->data + sizeof(*head) + 16);
	struct pid *pid = (int)id > 0 ? find_pid(target, id) : 0;
	u32 len = pid ? tell_id((void *)(head + 1), pid, 0) : 0;

	if (!len)
		return;
	head->capture = 0;
	head->status = PAYLOAD_WHOLE | PAYLOAD_MADE;
	head->len = len;
	head->address = ID_TAG | id;
	s->len += sizeof(*head) + len;
}

/*
 * A signal for `target` and what is known of it. `info` may be one of two small numbers that stand for
 * SI_USER from this thread and SI_KERNEL.
 */
static __always_inline void emit_signal(void *ctx, u32 lane, struct task_struct *target, u64 pid_tgid,
					u32 signal, void *info, u32 what, u64 handler, u64 pointer)
{
	struct scratch *s = scratch_of(lane);
	struct payload *head;

	if (!s)
		return;
	begin_record(s, RECORD_SIGNAL, pid_tgid);
	s->record.args[0] = signal;
	s->record.args[1] = what;
	s->record.args[2] = handler;
	s->record.args[3] = pointer;
	bpf_probe_read_kernel(&s->record.args[NAME_ARG], COMM_LEN,
			      __builtin_preserve_access_index(&target->comm));
	head = (void *)s->data;
	head->capture = 0;
	head->status = PAYLOAD_WHOLE;
	head->len = SIGINFO_LEN;
	head->address = (u64)info;
	if ((u64)info <= 2) {
		u64 sender = bpf_get_current_pid_tgid() >> 32;
		u32 uid = bpf_get_current_uid_gid();

		__builtin_memset(head + 1, 0, SIGINFO_LEN);
		*(u32 *)(s->data + sizeof(*head)) = signal;
		if ((u64)info == 1) {
			*(u32 *)(s->data + sizeof(*head) + 8) = SI_KERNEL;
		} else {
			*(u32 *)(s->data + sizeof(*head) + 16) = sender;
			*(u32 *)(s->data + sizeof(*head) + 20) = uid;
		}
	} else if (bpf_probe_read_kernel(head + 1, SIGINFO_LEN, info)) {
		head->status = PAYLOAD_UNREADABLE;
	}
	s->len = sizeof(*head) + SIGINFO_LEN;
	if (HAS_KIND(WHAT_ID) && head->status == PAYLOAD_WHOLE)
		tell_sender(s, target);
	emit(ctx, s);
}

/* In the sender, which may be anyone. What will be delivered is told again then, but perhaps as another one.
 */
static __always_inline int on_signal_generate(void *ctx, u32 signal, void *info, struct task_struct *to,
					      u32 result)
{
	u64 pid_tgid, pointer = 0;

	if (held || result > TRACE_SIGNAL_IGNORED)
		return 0;
	pid_tgid = (u64)BPF_CORE_READ(to, tgid) << 32 | (u32)BPF_CORE_READ(to, pid);
	if (!in_scope(pid_tgid) || (picks_threads() && !is_picked(to)))
		return 0;
	/* where another thread is nobody knows now */
	if (HAS_KIND(WHAT_POINTER) && pid_tgid == bpf_get_current_pid_tgid())
		pointer = current_pointer();
	emit_signal(ctx, LANE_GENERATE, to, pid_tgid, signal, info,
		    result == TRACE_SIGNAL_IGNORED ? SIGNAL_IGNORED : SIGNAL_SENT, 0, pointer);
	return 0;
}

/* In the thread that it is for. */
static __always_inline int on_signal_deliver(void *ctx, u32 signal, void *info, struct k_sigaction *action)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	u64 pid_tgid = bpf_get_current_pid_tgid();

	if (held || !in_scope(pid_tgid))
		return 0;
	if (!picks_threads() || is_picked(task))
		emit_signal(ctx, LANE_DELIVER, task, pid_tgid, signal, info, SIGNAL_DELIVERED,
			    (u64)BPF_CORE_READ(action, sa.sa_handler),
			    HAS_KIND(WHAT_POINTER) ? current_pointer() : 0);
	return 0;
}

#endif
