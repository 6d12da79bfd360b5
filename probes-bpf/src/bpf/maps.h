/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * What the programs have in common, with each other and with user space: the settings that they are loaded
 * with, the state of the session, the maps of the engine, the account. What only one header works with
 * (scratch areas, filters, statistics, vectors) has its maps there.
 */
#ifndef RSTRACE_MAPS_H
#define RSTRACE_MAPS_H

#include <bpf/bpf_helpers.h>
#include "record.h"

const volatile struct config config = {};
const volatile struct tally_config tallying = {};

/* With SCOPE_TIDS the threads of the set that are alive, else unused. */
s64 live = 0;

/* The command is traced no more. */
u64 command_let_go = 0;

/* Bytes that went into each CPU's perf buffer, and bytes that the reader has taken out: it writes these. */
u64 perf_sent[MAX_CPUS] = {};
u64 perf_read[MAX_CPUS] = {};

/* A launched command is held before its exec: what rstrace's own code does until then is no part of it. */
u64 held = 0;

/* It has not executed its program yet. */
u64 starting = 0;

/*
 * A thread keeps its place from its first call to its end (and its slots): a look-up costs a tenth of an
 * insertion and a deletion. Between calls the place's pair is 0.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u64);
	__type(value, struct inflight);
} inflights SEC(".maps");

/* What a new place holds. */
const struct inflight no_call = {};

/* Written through a mapping, as it has a row for each of many calls. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct pair);
} pairs SEC(".maps");

/* The row of a pair by the value of its selecting argument, where that has one of its own. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct variant_key);
	__type(value, u32);
} variants SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct counters);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u8);
} followed SEC(".maps");

/* Processes that SCOPE_ALL leaves out: rstrace and who reads its output. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, u8);
} ignored SEC(".maps");

/* The tails of the system call tracepoints: those that read complex captures, and the throttle. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, TAILS);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u32));
} tails SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u32));
} perf SEC(".maps");

/*
 * An atomic add whose old value nobody wants, spelled out: newer compilers make of the builtin one that
 * fetches it, which kernels before 5.12 refuse.
 */
static __always_inline void atomic_add(void *value, s64 by)
{
	asm volatile("lock *(u64 *)(%0 + 0) += %1" : : "r"(value), "r"(by) : "memory");
}

static __always_inline void count(u32 pair, enum counter which)
{
	struct counters *counters = bpf_map_lookup_elem(&counts, &pair);

	/* atomic: a preempting thread on this CPU may count as well */
	if (counters)
		atomic_add(&counters->count[which], 1);
}

#endif
