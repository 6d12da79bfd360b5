/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * Filters beside the target: calls that nobody asked for end here, before anything is copied or counted.
 * What is not asked for is not there when the program is loaded: the settings are constants.
 */
#ifndef RSTRACE_FILTER_H
#define RSTRACE_FILTER_H

#include <bpf/bpf_endian.h>
#include "maps.h"
#include "path.h"

#define MAX_TESTS 4
/* of a path that is asked for, its end included */
#define MAX_PATH 256

struct filter {
	u32 by_comm;
	u32 by_result; /* any of those at the end */
	u64 comm[2];   /* a part of the name, as big-endian numbers, the first byte first */
	u64 comm_mask[2];
	u32 comm_first; /* only where the name begins */
	u32 in_cgroup;	/* or below it */
	u64 cgroup_id;
	u32 cgroup_level;
	u32 by_cgroup;
	u32 by_mntns;
	u32 by_args;  /* some pairs have tests */
	u32 by_path;  /* enum by_path: only calls that access one of some files */
	u32 entry;    /* any of these but `by_result` */
	u32 statuses; /* how calls may have ended, a bit each */
	u32 by_errno;
	u64 min_ns;			  /* that they took at least */
	u64 errnos[(MAX_ERRNO + 1) / 64]; /* a bit each */
};

/* How files are told that calls must access; any of these suffices. */
enum by_path {
	BY_NAMES = 1 << 0,     /* paths */
	BY_FDS = 1 << 1,       /* descriptors that are in a set */
	BY_OTHER_FDS = 1 << 2, /* those that are not */
};

/* How a call ended. */
enum call_status {
	STATUS_SUCCESSFUL = 1 << 0,
	STATUS_FAILED = 1 << 1,
	STATUS_UNFINISHED = 1 << 2, /* its thread died in it */
	STATUS_DETACHED = 1 << 3,   /* tracing ended before it */
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

/* Whether a thread's name is one asked for. */
static __always_inline bool comm_matches(struct task_struct *task)
{
	u64 comm[3] = {};
	u64 high, low;

	bpf_probe_read_kernel_str(comm, COMM_LEN, __builtin_preserve_access_index(&task->comm));
	comm[0] = bpf_be64_to_cpu(comm[0]);
	comm[1] = bpf_be64_to_cpu(comm[1]);
	high = comm[0];
	low = comm[1];
	for (int i = 0; i < COMM_LEN; i++) {
		if (!(((high ^ filter.comm[0]) & filter.comm_mask[0]) |
		      ((low ^ filter.comm[1]) & filter.comm_mask[1])))
			return 1;
		if (filter.comm_first)
			return 0;
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

/* Which of a pair's arguments are paths, and which descriptors: a bit each. */
struct accesses {
	u16 paths;
	u16 descriptors;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct accesses);
} path_args SEC(".maps");

struct path_key {
	u8 bytes[MAX_PATH];
};

/* The paths that are asked for: as they are passed, and as ways (see path.h). What follows is zero. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct path_key);
	__type(value, u8);
} path_names SEC(".maps"), path_ways SEC(".maps");

/* Descriptors, by number. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u8);
} fd_set SEC(".maps");

/* Where a key is written in a scratch area: behind the byte that says how a way ended. */
#define PATH_KEY 8

enum match {
	MATCH_NO,
	MATCH_YES,
	MATCH_UNKNOWN, /* a path is not resident */
};

/* Whether the key that was written is in a set. */
static __always_inline u32 match_key(void *set, struct scratch *s, u64 len)
{
	return len <= MAX_PATH && bpf_map_lookup_elem(set, s->data + PATH_KEY) ? MATCH_YES : MATCH_NO;
}

/*
 * Whether a name in the process's memory is one of the paths (enum match). Global, as what is in path.h. The
 * scratch area's data is free until the record is begun.
 */
__noinline int match_name(u32 lane, u64 address)
{
	struct scratch *s = scratch_of(lane);
	long n;

	if (!s || !address)
		return MATCH_NO;
	__builtin_memset(s->data, 0, PATH_KEY + MAX_PATH);
	n = bpf_probe_read_user_str(s->data + PATH_KEY, MAX_PATH, (void *)address);
	if (n < 0)
		return MATCH_UNKNOWN;
	/* the place of the end is zero in ours: one that was cut is none of them */
	return match_key(&path_names, s, n);
}

/* Whether a descriptor is of a file that has one of the paths now (enum match). */
__noinline int match_descriptor(u32 lane, u32 fd)
{
	struct scratch *s = scratch_of(lane);
	u64 len;

	if (!s || (int)fd < 0)
		return MATCH_NO;
	__builtin_memset(s->data, 0, PATH_KEY + MAX_PATH);
	s->len = PATH_KEY - 1;
	capture_way(s, 0, fd);
	len = s->len;
	s->len = 0;
	/* what is deleted has its path still, as in strace */
	if (s->way.state & ~WAY_DELETED)
		return MATCH_NO;
	return match_key(&path_ways, s, len - PATH_KEY);
}

/* Whether a descriptor's number is asked for. */
static __always_inline bool match_number(u32 fd)
{
	bool is_in;

	if (!(filter.by_path & (BY_FDS | BY_OTHER_FDS)) || (int)fd < 0)
		return 0;
	is_in = bpf_map_lookup_elem(&fd_set, &fd) != 0;
	return filter.by_path & BY_FDS ? is_in : !is_in;
}

/* Whether a call accesses one of the files (enum match). */
static __noinline long match_path(u32 lane, u32 pair, const u64 *args)
{
	struct accesses *accesses = bpf_map_lookup_elem(&path_args, &pair);
	long found = MATCH_NO;

	if (!accesses)
		return MATCH_NO;
	for (u32 i = 0; i < MAX_ARGS; i++) {
		u32 match = MATCH_NO;

		if (accesses->descriptors & 1U << i && match_number(args[i]))
			return MATCH_YES;
		if (!(filter.by_path & BY_NAMES))
			continue;
		if (accesses->paths & 1U << i)
			match = match_name(lane, args[i]);
		else if (accesses->descriptors & 1U << i)
			match = match_descriptor(lane, args[i]);
		if (match == MATCH_YES)
			return MATCH_YES;
		if (match == MATCH_UNKNOWN)
			found = MATCH_UNKNOWN;
	}
	return found;
}

/* Whether a thread's cgroup (of version 2) is the one asked for, or below it. */
static __always_inline bool is_in_cgroup(struct task_struct *task)
{
	struct cgroup *cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp), *above = 0;
	u64 level = filter.cgroup_level, id = 0;

	if (BPF_CORE_READ(cgroup, level) < (int)level)
		return 0;
	if (bpf_core_field_exists(cgroup->ancestors)) {
		bpf_probe_read_kernel(&above, sizeof(above),
				      (void *)__builtin_preserve_access_index(&cgroup->ancestors) +
					      level * sizeof(above));
		id = BPF_CORE_READ(above, kn, id);
	} else {
		bpf_probe_read_kernel(&id, sizeof(id),
				      (void *)__builtin_preserve_access_index(&cgroup->ancestor_ids) +
					      level * sizeof(id));
	}
	return id == filter.cgroup_id;
}

/* Whether a thread is one of those asked for. */
static __noinline long is_picked(struct task_struct *task)
{
	if (config.by_uid && BPF_CORE_READ(task, cred, uid.val) != config.uid)
		return 0;
	if (filter.in_cgroup && !is_in_cgroup(task))
		return 0;
	return !filter.by_comm || comm_matches(task);
}

/*
 * Whether a call is asked for, as far as its entry tells (enum match); unknown if nothing but a path is to be
 * read yet.
 */
static __noinline long passes(u32 lane, u32 pair, const u64 *args)
{
	if (filter.by_cgroup && !is_in_set(&cgroup_set, bpf_get_current_cgroup_id()))
		return 0;
	if (filter.by_mntns) {
		struct task_struct *task = (struct task_struct *)bpf_get_current_task();

		if (!is_in_set(&mntns_set, BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum)))
			return 0;
	}
	if ((filter.in_cgroup || filter.by_comm) && !is_picked((struct task_struct *)bpf_get_current_task()))
		return 0;
	if (filter.by_args && !args_match(pair, args))
		return MATCH_NO;
	return filter.by_path ? match_path(lane, pair, args) : MATCH_YES;
}

/* Whether it is asked for, by how it ended and when it began, which is 0 if that was not seen. */
static __noinline long passes_result(u64 entry_time, u32 status, s64 ret)
{
	u32 errno = -ret;

	if (!(filter.statuses & status))
		return 0;
	if (filter.by_errno) {
		if (status != STATUS_FAILED || errno > MAX_ERRNO)
			return 0;
		if (!(filter.errnos[errno / 64] & 1ULL << (errno % 64)))
			return 0;
	}
	/* of a call that is not known to have been fast none can say that nobody wants it */
	return !filter.min_ns || !entry_time || bpf_ktime_get_ns() - entry_time >= filter.min_ns;
}

#endif
