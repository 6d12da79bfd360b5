/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * Filters beside the target: calls that nobody asked for end here, before anything is copied or counted.
 * What is not asked for is not there when the program is loaded: the settings are constants.
 */
#ifndef RSTRACE_FILTER_H
#define RSTRACE_FILTER_H

#include <bpf/bpf_endian.h>

#define COMM_LEN 16
#define MAX_TESTS 4

struct filter {
	u32 by_comm;
	u32 failed;  /* only calls that failed */
	u64 comm[2]; /* a part of the name, as big-endian numbers, the first byte first */
	u64 comm_mask[2];
	u32 by_cgroup;
	u32 by_mntns;
	u32 by_args; /* some pairs have tests */
	u32 pad;
};

const volatile struct filter filter = {};

/* An argument passes if for one of the tests its bits under the mask are the value. */
struct arg_test {
	u64 mask;
	u64 value;
};

struct arg_tests {
	u32 count; /* none: every call passes */
	u32 arg;
	u32 pointed; /* the argument points to the number, which is 8 bytes */
	u32 pad;
	struct arg_test test[MAX_TESTS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct arg_tests);
} arg_filters SEC(".maps");

/*
 * Sets that someone else keeps: the ids of cgroups, and of mount namespaces. Each is a map of any size of
 * values in a map of its own.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u32));
} cgroup_set SEC(".maps"), mntns_set SEC(".maps");

/* Whether the thread's name contains the one asked for. */
static __always_inline bool comm_matches(void)
{
	u64 comm[3] = {};
	u64 high, low;

	bpf_get_current_comm(comm, COMM_LEN);
	comm[0] = bpf_be64_to_cpu(comm[0]);
	comm[1] = bpf_be64_to_cpu(comm[1]);
	high = comm[0];
	low = comm[1];
	for (int i = 0; i < COMM_LEN; i++) {
		if (!(((high ^ filter.comm[0]) & filter.comm_mask[0]) |
		      ((low ^ filter.comm[1]) & filter.comm_mask[1])))
			return 1;
		high = high << 8 | low >> 56;
		low <<= 8;
	}
	return 0;
}

static __always_inline bool args_match(u32 pair, const u64 *args)
{
	struct arg_tests *tests = bpf_map_lookup_elem(&arg_filters, &pair);
	u64 value = 0;

	if (!tests || !tests->count)
		return 1;
	for (u32 i = 0; i < MAX_ARGS; i++) {
		if (i == tests->arg)
			value = args[i];
	}
	/* what can't be read now is let through: the call is shown, or fails for the same reason */
	if (tests->pointed && bpf_probe_read_user(&value, sizeof(value), (void *)value))
		return 1;
	for (u32 i = 0; i < MAX_TESTS; i++) {
		if (i < tests->count && (value & tests->test[i].mask) == tests->test[i].value)
			return 1;
	}
	return 0;
}

static __always_inline bool is_in_set(void *holder, u64 id)
{
	u32 first = 0;
	void *set = bpf_map_lookup_elem(holder, &first);

	return set && bpf_map_lookup_elem(set, &id);
}

/* Whether a call is asked for, as far as its entry tells. */
static __noinline long passes(u32 pair, const u64 *args)
{
	if (filter.by_cgroup && !is_in_set(&cgroup_set, bpf_get_current_cgroup_id()))
		return 0;
	if (filter.by_mntns) {
		struct task_struct *task = (struct task_struct *)bpf_get_current_task();

		if (!is_in_set(&mntns_set, BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum)))
			return 0;
	}
	if (filter.by_comm && !comm_matches())
		return 0;
	return !filter.by_args || args_match(pair, args);
}

/* Whether it is asked for, by its result. */
static __always_inline bool passes_return(s64 ret)
{
	return !filter.failed || ret < 0;
}

#endif
