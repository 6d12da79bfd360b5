/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * The names behind the ids of processes and threads. An id is looked up as the kernel itself does it, in the
 * tree of a PID namespace, at the very moment of the entry or the return: so a process that was waited for
 * has none, and one that merely ended still has.
 *
 * No task or id is freed meanwhile: the programs run where RCU keeps both.
 */
#ifndef RSTRACE_NAME_H
#define RSTRACE_NAME_H

/* Nodes on the way to an id, of 64 places each: ids have 22 bits at most (PID_MAX_LIMIT). Smaller nodes, of
 * kernels made for little memory, have 16. */
#define MAX_NODES 6

/* What is a node in such a tree, by the low bits of its address. */
#define IS_NODE(entry) (((entry)&3) == 2)

/* The task that an id belongs to, or 0. */
static __always_inline struct task_struct *task_of(struct pid *pid)
{
	struct hlist_node *link = BPF_CORE_READ(pid, tasks[0].first);

	return link ? (void *)link - bpf_core_field_offset(struct task_struct, pid_links) : 0;
}

/* The task with an id, as `viewer` sees ids; 0 if there is none. */
static __always_inline struct task_struct *find_task(struct task_struct *viewer, u32 id)
{
	struct pid *own = BPF_CORE_READ(viewer, thread_pid);
	u64 places = bpf_core_field_size(struct xa_node, slots) / sizeof(void *);
	u32 level = BPF_CORE_READ(own, level), shift = 0;
	struct pid_namespace *ns = 0;
	u64 entry;

	bpf_probe_read_kernel(&ns, sizeof(ns),
			      (void *)__builtin_preserve_access_index(&own->numbers[0].ns) +
				      level * bpf_core_type_size(struct upid));
	entry = (u64)BPF_CORE_READ(ns, idr.idr_rt.xa_head);
	/* ids that the tree is not yet deep enough for are not in it */
	if (IS_NODE(entry))
		shift = BPF_CORE_READ((struct xa_node *)(entry - 2), shift);
	if (!IS_NODE(entry) || id >> shift >= places)
		return 0;
	for (int i = 0; i < MAX_NODES && IS_NODE(entry); i++) {
		struct xa_node *node = (void *)(entry - 2);

		shift = BPF_CORE_READ(node, shift);
		entry = 0;
		bpf_probe_read_kernel(&entry, sizeof(entry),
				      (void *)__builtin_preserve_access_index(&node->slots[0]) +
					      (id >> (shift & 31) & (places - 1)) * sizeof(entry));
	}
	if (IS_NODE(entry))
		return 0;
	return task_of((struct pid *)entry);
}

/*
 * Captures the name of the process or thread whose id stands in reading.address. Global, as what is in
 * path.h.
 */
__noinline int capture_name(u32 lane)
{
	struct scratch *s = scratch_of(lane);
	struct task_struct *task;
	void *name;
	u32 id;

	if (!s || !HAS_KIND(WHAT_NAME))
		return 0;
	id = s->reading.address;
	if ((int)id <= 0)
		return 0;
	task = find_task((struct task_struct *)bpf_get_current_task(), id);
	if (!task)
		return 0;
	name = begin_found(s, NAME_TAG | id);
	if (!name)
		return 0;
	bpf_probe_read_kernel(name, COMM_LEN, __builtin_preserve_access_index(&task->comm));
	s->len += COMM_LEN;
	end_payload(s, PAYLOAD_WHOLE | PAYLOAD_MADE);
	return 0;
}

#endif
