/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * Nothing is lost if who makes the records waits for who reads them. A traced thread, and nobody else, spins
 * at the return of a system call while the transport is more than half full: the longer the fuller it is, and
 * never longer than THROTTLE_MOST_NS, because its CPU stands still meanwhile.
 *
 * Functions never spin: their return may be inside a lock.
 */
#ifndef RSTRACE_THROTTLE_H
#define RSTRACE_THROTTLE_H

#include "engine.h"

#define THROTTLE_LEAST_NS 1000
#define THROTTLE_MOST_NS 100000
#define THROTTLE_LOOP_STEPS (1 << 16)
/* before bpf_loop (5.17): as many steps as the verifier walks through */
#define BOUNDED_THROTTLE_STEPS 1024

/* How long to spin, in nanoseconds, with so many bytes waiting; 0 if there is room. */
static __always_inline u64 throttle_ns(u64 waiting)
{
	u64 half = config.buffer / 2, span = half / 2;
	u64 ns;

	if (!config.throttle || !span || waiting < half)
		return 0;
	ns = THROTTLE_LEAST_NS + (waiting - half) * (THROTTLE_MOST_NS - THROTTLE_LEAST_NS) / span;
	return ns < THROTTLE_MOST_NS ? ns : THROTTLE_MOST_NS;
}

/* Of the program that has just sent a record. */
static __always_inline u64 throttle_after_send(void)
{
	struct scratch *s = scratch_of(LANE_EXIT);

	return s ? throttle_ns(s->waiting) : 0;
}

struct throttle_loop {
	u64 until;
};

static long throttle_step(u64 index, struct throttle_loop *loop)
{
	return bpf_ktime_get_ns() >= loop->until;
}

static __always_inline void end_throttle(u64 begin)
{
	struct counters *counters;
	u32 points = 0;

	counters = bpf_map_lookup_elem(&counts, &points);
	if (!counters)
		return;
	atomic_add(&counters->count[COUNT_THROTTLED], 1);
	atomic_add(&counters->count[COUNT_THROTTLED_NS], bpf_ktime_get_ns() - begin);
}

static __always_inline int throttle_looping(void)
{
	u64 begin = bpf_ktime_get_ns(), ns = throttle_after_send();
	struct throttle_loop loop = {begin + ns};

	if (ns) {
		bpf_loop(THROTTLE_LOOP_STEPS, throttle_step, &loop, 0);
		end_throttle(begin);
	}
	return 0;
}

static __always_inline int throttle_bounded(void)
{
	u64 begin = bpf_ktime_get_ns(), ns = throttle_after_send();

	if (!ns)
		return 0;
	for (int i = 0; i < BOUNDED_THROTTLE_STEPS; i++)
		if (bpf_ktime_get_ns() >= begin + ns)
			break;
	end_throttle(begin);
	return 0;
}

#define THROTTLE_PROGRAMS(hook, section)       \
	SEC(section)                           \
	int hook##_throttle(void *ctx)         \
	{                                      \
		return throttle_looping();     \
	}                                      \
	SEC(section)                           \
	int hook##_throttle_bounded(void *ctx) \
	{                                      \
		return throttle_bounded();     \
	}

THROTTLE_PROGRAMS(raw, "raw_tp")
THROTTLE_PROGRAMS(classic, "tp")

#endif
