/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * What the kernel side and user space exchange. layout.rs says the same in Rust; a test compares
 * the two by the object's BTF.
 */
#ifndef RSTRACE_RECORD_H
#define RSTRACE_RECORD_H

#include "types.h"

#define MAX_ARGS 6
#define MAX_CAPTURES 6
/* PATH_MAX: the longest string or buffer that one capture brings */
#define MAX_CAPTURE_LEN 4096
/* kernel functions that can be attached to at once */
#define FUNCTION_SLOTS 8
/* larger than any syscall number in use */
#define MAX_SYSCALLS 512
/* captured bytes that wait in the in-flight map; what is longer goes ahead as a part */
#define INLINE_LEN 256
/* payload bytes of one record: MAX_CAPTURES captures with their heads fit */
#define MAX_DATA (MAX_CAPTURES * (MAX_CAPTURE_LEN + 8))

enum record_kind {
	RECORD_CALL = 1, /* a pair is complete: entry and return merged */
	RECORD_PART = 2, /* captures of a call that follows */
	RECORD_FORK = 3, /* args: the child's tid */
	RECORD_EXEC = 4, /* args: the tid before */
	RECORD_EXIT = 5, /* args: exit code, whether the group ended */
};

enum call_flags {
	CALL_COMPAT = 1 << 0,	/* made by the 32-bit table */
	CALL_NO_ENTRY = 1 << 1, /* only the return was seen */
	CALL_DIED = 1 << 2,	/* the thread is being killed, or never returned */
	CALL_VECTORS = 1 << 3,	/* its string vectors have been read */
	CALL_EXECED = 1 << 4,	/* it replaced the program: the kernel forgets which execve it was */
};

struct record {
	u32 size; /* of the whole record, payloads included */
	u16 kind; /* enum record_kind */
	u16 pair;
	u64 time;	/* when it was sent, CLOCK_MONOTONIC ns */
	u64 entry_time; /* of a call, or of the call that a part belongs to */
	u64 pid_tgid;
	s64 ret;
	u64 args[MAX_ARGS];
	u32 nr;	   /* syscall number; ~0 for a function that is none */
	u32 lost;  /* calls lost by this program on this CPU since its last record */
	u16 flags; /* enum call_flags */
	u16 parts; /* of a call: parts sent before it; of a part: its number */
	u32 slot;  /* in-flight slot: 0 for syscalls, else 1 + function slot */
};

enum payload_status {
	PAYLOAD_WHOLE = 0,
	PAYLOAD_CUT = 1,
	PAYLOAD_UNREADABLE = 2,
};

/* Follows the record, and itself: data of len bytes, padded to 8. */
struct payload {
	u16 capture;
	u16 status; /* enum payload_status */
	u32 len;
};

/* The head of an element in a captured vector of strings; the low bits are its length. */
#define ELEMENT_UNREADABLE (1U << 31)
#define ELEMENT_CUT (1U << 30)
#define ELEMENT_CONTINUED (1U << 29) /* belongs to the element before */

enum capture_when {
	WHEN_ENTRY = 0,
	WHEN_RETURN = 1,
};

enum capture_what {
	WHAT_STRING = 0,
	WHAT_BYTES = 1,
	WHAT_BYTES_BY_ARG = 2,
	WHAT_BYTES_BY_RETURN = 3,
	WHAT_STRINGS = 4,
	WHAT_POINTER_COUNT = 5,
	WHAT_KERNEL_STRING = 6,
	WHAT_PARENT = 7,
};

struct capture {
	u8 arg;
	u8 when;    /* enum capture_when */
	u8 what;    /* enum capture_what */
	u8 count;   /* BYTES_BY_ARG: the argument that holds the count */
	u32 len;    /* BYTES: how many; BYTES_BY_ARG: bytes per count */
	u32 offset; /* KERNEL_STRING: of the pointer in the structure */
};

struct pair {
	u16 captures; /* how many */
	u16 vectors;  /* some are vectors */
	struct capture capture[MAX_CAPTURES];
};

/* pid_tgid and slot, so that functions nest and probes do not collide */
struct inflight_key {
	u64 pid_tgid;
	u64 slot;
};

struct inflight {
	u64 entry_time;
	u64 args[MAX_ARGS];
	u64 frame; /* where the stack was: tells a nested call from one that never returned */
	u32 nr;
	u32 len; /* of data */
	u16 pair;
	u16 flags;
	u16 parts;
	u16 nested;  /* calls of the same function inside this one */
	u32 pending; /* captures still to be read, a bit each */
	u32 pad;
	u8 data[INLINE_LEN]; /* payloads read at entry */
};

enum counter {
	COUNT_SEEN,	     /* calls, counted before anything can fail */
	COUNT_BUFFER_FULL,   /* lost: the transport had no room */
	COUNT_INFLIGHT_FULL, /* entries without a place in the in-flight map */
	COUNT_INFLIGHT_BUSY, /* entries whose place was locked */
	COUNT_NO_RETURN,     /* lost: the return was never seen */
	COUNT_NO_ENTRY,	     /* lost: the entry was never seen */
	COUNT_NESTED,	     /* lost: inside a call of the same function */
	COUNT_PART_LOST,     /* parts without room: their call is incomplete */
	COUNT_POINT_LOST,    /* fork, exec and exit without room */
	COUNT_NOT_FOLLOWED,  /* children without room in the follow set */
	COUNTERS,
};

struct counters {
	u64 count[COUNTERS];
};

enum scope {
	SCOPE_ALL = 0,
	SCOPE_TGID = 1,	 /* one, a constant */
	SCOPE_TGIDS = 2, /* the keys of the map `followed` */
	SCOPE_TIDS = 3,	 /* likewise, threads */
};

enum transport {
	TRANSPORT_PERF = 0,
	TRANSPORT_RING = 1,
};

/* a syscall that a function pair carries out: the tracepoints leave it alone */
#define BY_FUNCTION 0x8000

struct config {
	u32 scope;  /* enum scope */
	u32 target; /* the tgid of SCOPE_TGID */
	u32 follow; /* new children join the set */
	u32 by_uid;
	u32 uid;
	u32 transport;	  /* enum transport */
	u32 wake_bytes;	  /* the ring wakes its reader when this much waits */
	u32 task_pt_regs; /* the helper exists (5.15) */
	u32 execve[2]; /* its number, native and compat: the kernel reports every exec that succeeded by it */
	u32 execs;     /* execve is traced: it may change the ABI within a call */
	u32 fork_child_offset;		   /* of child_pid in the classic sched_process_fork */
	u32 function_args[FUNCTION_SLOTS]; /* how many the function has (fentry) */
	u32 function_int[FUNCTION_SLOTS];  /* it returns an int: the upper half of its result means nothing */
	u16 function_pair[FUNCTION_SLOTS]; /* 0: it carries out syscalls, see below */
	u16 syscalls[2 * MAX_SYSCALLS];	   /* native, then compat, by number: pair, and BY_FUNCTION */
};

#endif
