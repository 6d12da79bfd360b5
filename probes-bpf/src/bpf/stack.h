/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * The top of the user's stack and the registers to unwind it with, which user space does.
 */
#ifndef RSTRACE_STACK_H
#define RSTRACE_STACK_H

#include "capture.h"

/*
 * Appends the payload of the current thread's stack to the data. What is not resident is not there: the
 * unwinding ends before it. Global, so that the verifier looks at it once.
 */
__noinline int capture_stack(u32 lane)
{
	struct scratch *s = scratch_of(lane);
	struct payload *payload;
	struct pt_regs *user;
	u64 off, at, address;

	if (!s)
		return 0;
	off = s->len;
	barrier_var(off);
	if (off > MAX_DATA - sizeof(*payload) - sizeof(*user) - STACK_PAGES * PAGE_BYTES)
		return 0;
	payload = (void *)s->data + off;
	payload->capture = MAX_CAPTURES;
	payload->status = PAYLOAD_WHOLE | PAYLOAD_MADE;
	payload->address = STACK_TAG;
	user = (void *)s->data + off + sizeof(*payload);
	bpf_probe_read_kernel(user, sizeof(*user), current_regs(current_task()));
	address = ARCH_STACK_POINTER(user);
	at = off + sizeof(*payload) + sizeof(*user);
	for (int i = 0; i < STACK_PAGES; i++) {
		u64 rest = PAGE_BYTES - (address & (PAGE_BYTES - 1));

		barrier_var(at);
		if (at > MAX_DATA - PAGE_BYTES)
			break;
		barrier_var(rest);
		if (rest > PAGE_BYTES)
			break;
		if (bpf_probe_read_user(s->data + at, rest, (void *)address))
			break;
		at += rest;
		address += rest;
	}
	payload->len = at - off - sizeof(*payload);
	s->len = (at + 7) & ~7ULL;
	return 0;
}

#endif
