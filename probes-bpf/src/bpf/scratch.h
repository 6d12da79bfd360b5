/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * The scratch areas: a record is built in one, as a BPF stack has but 512 bytes, and in it stands how far the
 * reading of its captures has come.
 */
#ifndef RSTRACE_SCRATCH_H
#define RSTRACE_SCRATCH_H

#include <bpf/bpf_helpers.h>
#include "record.h"

/*
 * A program on a CPU has a scratch area of its own, its lane: where a hook can be preempted, other
 * programs run in between, the same one does not.
 */
enum lane {
	LANE_ENTER,
	LANE_EXIT,
	LANE_FORK,
	LANE_EXEC,
	LANE_GONE,
	LANE_PREPARE_EXEC,
	LANE_FAILED_EXEC,
	LANE_GENERATE,
	LANE_DELIVER,
	LANE_FUNCTIONS, /* two each: entry, return */
};

#define ALL_CAPTURES ((1U << MAX_CAPTURES) - 1)
#define WHAT_NONE 0xff

/* A vector being read. */
struct walk {
	u64 begin;  /* its address */
	u64 vector; /* the address of the next pointer */
	u64 string; /* the rest of the string being read, or 0 */
	u64 count;
	u32 what;    /* of the capture being read, or WHAT_NONE */
	u32 capture; /* its index */
	u32 next;    /* index of the capture to look at next */
	u32 compat;
	u32 continued;
	u32 unterminated;
};

/* Captures for each element of another, being read. */
struct iteration {
	u32 of;	   /* the capture whose elements these are */
	u32 begin; /* the captures, from and to */
	u32 end;
	u32 left; /* elements, this one included */
	u32 stride;
};

/* Captures being read. */
struct reading {
	u64 address; /* of what is to be read next */
	u64 left;    /* bytes of the capture under way, or 0 if none is */
	u32 when;
	u32 next;	      /* the capture under way, or to look at next */
	u32 depth;	      /* of loops */
	u32 head;	      /* where the payload begins */
	u32 keep;	      /* what a flush must leave: others are members of it */
	u32 cut;	      /* there is more than the limit */
	u32 again;	      /* something was not resident: all is to be read at return */
	u32 found;	      /* numbers that the capture under way has looked up */
	u32 rights_end;	      /* where the descriptors end in the control message under way, or 0 */
	u32 next_message;     /* where the one behind it begins */
	u32 at[MAX_CAPTURES]; /* where what a capture brought is in data, of a list the element; 0: nowhere */
	u32 end[MAX_CAPTURES];
	struct iteration loops[MAX_LOOPS];
};

/* The way from a directory up, see path.h. */
struct way {
	u64 dentry;
	u64 mount;
	u64 value; /* read last: the stack has no room for all that is */
	u32 state; /* enum way_state */
	u32 lane;  /* of the scratch area that this is in */
};

struct scratch {
	struct way way;
	struct walk walk;
	struct reading reading;
	u64 len;     /* of data */
	u64 pending; /* captures to be read, a bit each */
	u64 frame;   /* of an entry: where the stack was */
	u64 waiting; /* bytes in the transport when the latest record was sent */
	u64 lost;    /* calls, since the last record of this lane went out */
	struct record record;
	u8 data[MAX_DATA];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LANE_FUNCTIONS);
	__type(key, u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

static __always_inline struct scratch *scratch_of(u32 lane)
{
	return bpf_map_lookup_elem(&scratches, &lane);
}

static __always_inline void begin_reading(struct scratch *s, u32 when)
{
	__builtin_memset(&s->reading, 0, sizeof(s->reading));
	s->reading.when = when;
}

static __always_inline void begin_record(struct scratch *s, u16 kind, u64 pid_tgid)
{
	struct record *r = &s->record;

	__builtin_memset(r, 0, sizeof(*r));
	r->kind = kind;
	r->pid_tgid = pid_tgid;
	s->len = 0;
}

#endif
