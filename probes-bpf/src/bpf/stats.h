/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * Statistics: calls, errors and times of each system call, counted where they happen, so that nothing need be
 * sent. Where only counts are wanted and no filter looks at arguments, programs of their own do nothing else
 * (tally.h); otherwise the engine says start_clock() and tally_return().
 *
 * All of it is per CPU and not atomic: hooks of system calls are not preempted, see backends in the docs.
 */
#ifndef RSTRACE_STATS_H
#define RSTRACE_STATS_H

#include "maps.h"

/* A time of 0 is in bucket 0, one of n bits in bucket n, and what is longer than that in the last one. */
#define TALLY_BUCKETS 48
/* rows of `tallies` for one epoch: native, then compat, by number */
#define TALLY_ROWS (2 * MAX_SYSCALLS)

/* The half of `tallies` that is in use: user space reads the other one. */
u32 epoch = 0;

struct tally_times {
	u64 sum; /* ns */
	u64 min;
	u64 max;
};

struct tally {
	u64 calls;
	u64 errors;
	u64 timed; /* calls whose entry was seen, so that their time is known */
	struct tally_times wall;
	struct tally_times cpu;
	u64 bucket[TALLY_BUCKETS]; /* by wall time */
};

struct tally_key {
	u32 tgid; /* 0 for all processes */
	u32 nr;
	u32 compat;
	u32 epoch;
	u32 cpu; /* so that nobody else changes it */
};

/* The call that a thread is in. */
struct call_clock {
	u64 entered; /* CLOCK_MONOTONIC ns */
	u64 cpu;     /* ns on a CPU until the thread was last taken off one */
	u32 nr;
	u16 compat;
	u16 running;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct tally);
} tallies SEC(".maps");

/* By process, and of numbers that are in no table. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct tally_key);
	__type(value, struct tally);
} tallies_by_key SEC(".maps");

struct process_name {
	u8 comm[COMM_LEN];
};

/* The names of processes, by id; they outlive them. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct process_name);
} process_names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u32);
	__type(value, struct call_clock);
} clocks_of_tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct call_clock);
} clocks_of_tids SEC(".maps");

/* When the thread that runs on this CPU came on it. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} arrivals SEC(".maps");

static const struct tally no_tally = {};
static const struct call_clock no_clock = {};

static __always_inline struct call_clock *clock_of_current(bool create)
{
	struct call_clock *clock;
	u32 tid;

	if (tallying.task_storage)
		return bpf_task_storage_get(&clocks_of_tasks, bpf_get_current_task_btf(), 0,
					    create ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
	tid = bpf_get_current_pid_tgid();
	clock = bpf_map_lookup_elem(&clocks_of_tids, &tid);
	if (clock || !create)
		return clock;
	bpf_map_update_elem(&clocks_of_tids, &tid, &no_clock, BPF_NOEXIST);
	return bpf_map_lookup_elem(&clocks_of_tids, &tid);
}

/* Task storage goes with its task, and stays with it. */
static __always_inline void forget_clock(u32 tid)
{
	if (!tallying.task_storage)
		bpf_map_delete_elem(&clocks_of_tids, &tid);
}

/* A thread has taken over its leader's id. */
static __always_inline void rekey_clock(u32 from, u32 to)
{
	struct call_clock *clock;

	if (tallying.task_storage)
		return;
	clock = bpf_map_lookup_elem(&clocks_of_tids, &from);
	if (clock)
		bpf_map_update_elem(&clocks_of_tids, &to, clock, BPF_ANY);
	forget_clock(from);
}

/* At the entry of a call. */
static __always_inline void start_clock(u32 nr, bool compat)
{
	struct call_clock *clock = clock_of_current(1);

	if (!clock)
		return;
	clock->nr = nr;
	clock->compat = compat;
	clock->cpu = 0;
	if (tallying.timed)
		clock->entered = bpf_ktime_get_ns();
	clock->running = 1;
}

/* How long the current thread has been on this CPU without a break, but at most since `since`. */
static __always_inline u64 on_cpu_since(u64 since, u64 now)
{
	u32 first = 0;
	u64 *arrived = bpf_map_lookup_elem(&arrivals, &first);

	if (arrived && *arrived > since)
		since = *arrived;
	return now > since ? now - since : 0;
}

static __always_inline void name_process(u64 flags)
{
	u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct process_name name = {};

	bpf_get_current_comm(&name, sizeof(name));
	bpf_map_update_elem(&process_names, &tgid, &name, flags);
}

static __always_inline struct tally *tally_of(u32 nr, bool compat)
{
	struct tally_key key = {.nr = nr, .compat = compat, .epoch = epoch};
	u32 row = (epoch ? TALLY_ROWS : 0) + (compat ? MAX_SYSCALLS : 0) + nr;
	struct tally *tally;

	if (!tallying.by_process && nr < MAX_SYSCALLS)
		return bpf_map_lookup_elem(&tallies, &row);
	if (tallying.by_process)
		key.tgid = bpf_get_current_pid_tgid() >> 32;
	key.cpu = bpf_get_smp_processor_id();
	tally = bpf_map_lookup_elem(&tallies_by_key, &key);
	if (tally)
		return tally;
	if (tallying.by_process)
		name_process(BPF_NOEXIST);
	bpf_map_update_elem(&tallies_by_key, &key, &no_tally, BPF_NOEXIST);
	return bpf_map_lookup_elem(&tallies_by_key, &key);
}

static __always_inline void add_time(struct tally_times *times, u64 timed, u64 time)
{
	times->sum += time;
	if (!timed || time < times->min)
		times->min = time;
	if (time > times->max)
		times->max = time;
}

/* How many bits a number has. */
static __always_inline u32 bits_of(u64 value)
{
	u32 bits = 0;

#pragma unroll
	for (u32 half = 32; half; half /= 2) {
		if (value >> half) {
			value >>= half;
			bits += half;
		}
	}
	return bits + (value ? 1 : 0);
}

static __always_inline u64 without_overhead(u64 time)
{
	return time > tallying.overhead ? time - tallying.overhead : 0;
}

/* Counts a call that has returned, with its time if its clock runs. */
static __always_inline void tally_call(struct call_clock *clock, u32 nr, bool compat, s64 ret)
{
	u64 now = tallying.timed ? bpf_ktime_get_ns() : 0;
	struct tally *tally = tally_of(nr, compat);
	u64 wall;
	u32 bucket;

	if (!tally) {
		count(0, COUNT_NOT_TALLIED);
		return;
	}
	tally->calls++;
	if (ret < 0 && ret >= -MAX_ERRNO)
		tally->errors++;
	if (!tallying.timed || !clock)
		return;
	wall = without_overhead(now - clock->entered);
	add_time(&tally->wall, tally->timed, wall);
	if (tallying.cpu)
		add_time(&tally->cpu, tally->timed,
			 without_overhead(clock->cpu + on_cpu_since(clock->entered, now)));
	tally->timed++;
	bucket = bits_of(wall);
	if (bucket >= TALLY_BUCKETS)
		bucket = TALLY_BUCKETS - 1;
	tally->bucket[bucket]++;
}

/* Whether the kernel forgets within the call which one it is. */
static __always_inline bool is_recalled(u32 nr)
{
	if (nr >= MAX_SYSCALLS)
		return 0;
	/* the compiler is not to know what the mask is for: the verifier */
	barrier_var(nr);
	return tallying.recalled[nr / 64 & (RECALLED_WORDS - 1)] >> (nr & 63) & 1;
}

/* Stops the current thread's clock; none if it is not that of the call which returns. */
static __always_inline struct call_clock *stop_clock(struct call_clock *clock, u32 nr)
{
	if (!clock || !clock->running)
		return 0;
	clock->running = 0;
	/* else it is that of a call which was never seen to return */
	return clock->nr == nr || is_recalled(clock->nr) ? clock : 0;
}

/* At the return of a call that the engine has looked at. */
static __noinline void tally_return(u32 nr, u32 compat, s64 ret)
{
	tally_call(stop_clock(clock_of_current(0), nr), nr, compat, ret);
}

#endif
