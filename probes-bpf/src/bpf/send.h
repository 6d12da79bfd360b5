/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * Sends a record from its scratch area to user space, by the ring buffer or a perf buffer, or counts that it
 * had no room.
 */
#ifndef RSTRACE_SEND_H
#define RSTRACE_SEND_H

#include "maps.h"
#include "scratch.h"

/* Sends the scratch area's record with its data; 0 if it got through. */
static __always_inline long send(void *ctx, struct scratch *s)
{
	struct record *r = &s->record;
	u64 len = s->len;
	long err;

	if (tallying.mode == TALLY_ONLY)
		return 0;
	if (len > MAX_DATA)
		return -1;
	len += sizeof(*r);
	r->size = len;
	r->time = bpf_ktime_get_ns();
	r->lost = s->lost;
	if (config.transport == TRANSPORT_RING) {
		u64 waiting = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
		/* once when the mark is passed; the reader's timer does the rest */
		bool wake = waiting >= config.wake_bytes && waiting < config.wake_bytes + 2 * len;

		s->waiting = waiting;
		err = bpf_ringbuf_output(&ring, r, len, wake ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
	} else {
		err = bpf_perf_event_output(ctx, &perf, BPF_F_CURRENT_CPU, r, len);
		/* behind a header and a size, and filled up */
		if (config.throttle) {
			u32 cpu = bpf_get_smp_processor_id() & (MAX_CPUS - 1);

			if (!err)
				atomic_add(&perf_sent[cpu], (len + 12 + 7) & ~7ULL);
			s->waiting = perf_sent[cpu] - perf_read[cpu];
		}
	}
	if (!err) {
		s->lost = 0;
		return 0;
	}
	if (r->kind == RECORD_CALL) {
		s->lost++;
		count(r->pair, COUNT_BUFFER_FULL);
	} else if (r->kind == RECORD_PART) {
		count(r->pair, COUNT_PART_LOST);
	} else {
		count(0, COUNT_POINT_LOST);
	}
	return err;
}

static __noinline long emit(void *ctx, struct scratch *s)
{
	return send(ctx, s);
}

#endif
