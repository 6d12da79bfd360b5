/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * What is behind the ids of processes, threads and their groups: names, and the ids in the initial PID
 * namespace. An id is looked up as the kernel itself does it, in the tree of a PID namespace, at the very
 * moment of the entry or the return: so a process that was waited for is not found, and one that merely ended
 * still is.
 *
 * No task or id is freed meanwhile: the programs run where RCU keeps both.
 */
#ifndef RSTRACE_ID_H
#define RSTRACE_ID_H

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

/* Whose id it is, as `viewer` sees ids; 0 if it is nobody's. */
static __always_inline struct pid *find_pid(struct task_struct *viewer, u32 id)
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
	return IS_NODE(entry) ? 0 : (struct pid *)entry;
}

/*
 * Writes what is told of an id (struct id_info), of a group no name; returns how many bytes that is, 0 if
 * there is nothing to tell.
 */
static __always_inline u32 tell_id(struct id_info *to, struct pid *pid, bool is_group)
{
	struct task_struct *task = config.ids & ID_COMM && !is_group ? task_of(pid) : 0;
	u32 initial = config.ids & ID_INITIAL ? BPF_CORE_READ(pid, numbers[0].nr) : 0;

	if (!task && !initial)
		return 0;
	bpf_probe_read_kernel(&to->initial, sizeof(to->initial), &initial);
	if (!task)
		return sizeof(to->initial);
	bpf_probe_read_kernel(to->comm, sizeof(to->comm), __builtin_preserve_access_index(&task->comm));
	return sizeof(*to);
}

/*
 * Captures what is told of the process or thread whose id stands in reading.address, or of the group whose id
 * is the negative of that. Global, as what is in path.h.
 */
__noinline int capture_id(u32 lane)
{
	struct scratch *s = scratch_of(lane);
	struct id_info *info;
	struct pid *pid;
	bool is_group;
	u32 id, len;

	if (!s || !HAS_KIND(WHAT_ID))
		return 0;
	id = s->reading.address;
	is_group = (int)id < 0;
	/* -1 is everybody, and groups have no name to tell */
	if (!id || id == (u32)-1 || (is_group && !(config.ids & ID_INITIAL)))
		return 0;
	pid = find_pid((struct task_struct *)bpf_get_current_task(), is_group ? -id : id);
	if (!pid)
		return 0;
	info = begin_found(s, ID_TAG | id);
	if (!info)
		return 0;
	len = tell_id(info, pid, is_group);
	s->len += len;
	end_payload(s, PAYLOAD_WHOLE | PAYLOAD_MADE);
	return 0;
}

#endif
