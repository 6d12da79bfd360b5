/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * The state of a call between its entry and its return, in the place of its thread.
 */
#ifndef RSTRACE_INFLIGHT_H
#define RSTRACE_INFLIGHT_H

#include "maps.h"
#include "scratch.h"

static __always_inline u64 inflight_key(u64 pid_tgid, u64 slot)
{
	return pid_tgid | slot << SLOT_SHIFT;
}

/* The call under way. */
static __always_inline struct inflight *lookup_inflight(u64 *key)
{
	struct inflight *in = bpf_map_lookup_elem(&inflights, key);

	return in && in->pair ? in : 0;
}

/* The place of a thread, made if it has none. */
static __always_inline struct inflight *place_of(u64 *key, long *err)
{
	struct inflight *in = bpf_map_lookup_elem(&inflights, key);

	if (in)
		return in;
	*err = bpf_map_update_elem(&inflights, key, &no_call, BPF_NOEXIST);
	return bpf_map_lookup_elem(&inflights, key);
}

/* From the in-flight state to a record in the scratch area. */
static __always_inline void resume_record(struct scratch *s, const struct inflight *in, u64 pid_tgid,
					  u32 slot)
{
	struct record *r = &s->record;
	u64 len = in->len;

	begin_record(s, RECORD_CALL, pid_tgid);
	r->entry_time = in->entry_time;
	for (int i = 0; i < MAX_ARGS; i++)
		r->args[i] = in->args[i];
	r->nr = in->nr;
	r->pair = in->pair;
	r->flags = in->flags;
	r->parts = in->parts;
	r->slot = slot;
	if (!len)
		return;
	/* else the compiler joins the two checks into one that the verifier can't follow */
	barrier_var(len);
	if (len <= INLINE_LEN) {
		bpf_probe_read_kernel(s->data, len, in->data);
		s->len = len;
	}
}

#endif
