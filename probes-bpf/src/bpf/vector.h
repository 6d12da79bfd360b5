/* SPDX-License-Identifier: GPL-2.0 OR MIT OR Apache-2.0 */
/*
 * Vectors of strings (argv) and of pointers (envp), of any length: in numbered parts, ahead of their call.
 *
 * They are read when a new program is about to replace the old one, or when that has failed: the kernel
 * has read them by then, so they are resident. At entry they often are not (after a fork never).
 *
 * bpf_loop is 5.17; older kernels get a loop that their verifier walks through, and so a bound.
 */
#ifndef RSTRACE_VECTOR_H
#define RSTRACE_VECTOR_H

#include "engine.h"

#define STRING_CHUNK 4096
#define BOUNDED_STEPS 4096
#define LOOP_STEPS (1 << 23)

/* Starts a part with the head of the vector's payload. */
static __always_inline void begin_part(struct scratch *s)
{
	struct payload *head = (void *)s->data;

	head->capture = s->walk.capture;
	head->status = PAYLOAD_WHOLE;
	head->len = 0;
	s->len = sizeof(*head);
}

static __always_inline void end_part(void *ctx, struct scratch *s)
{
	struct payload *head = (void *)s->data;

	head->len = s->len - sizeof(*head);
	s->len = (s->len + 7) & ~7ULL;
	emit(ctx, s);
	s->record.parts++;
}

/* Appends what is no string: an address with its meaning. */
static __always_inline void append_address(struct scratch *s, u64 off, u32 meaning, u64 address)
{
	u32 head = meaning | sizeof(address);

	if (off > MAX_DATA - 16)
		return;
	__builtin_memcpy(s->data + off, &head, sizeof(head));
	bpf_probe_read_kernel(s->data + off + sizeof(head), sizeof(address), &address);
	s->len = off + sizeof(head) + sizeof(address);
}

/* One string, or a chunk of a long one; not 0 at the vector's end. */
static __noinline long strings_step(void *ctx, struct scratch *s)
{
	struct walk *w = &s->walk;
	u64 off;
	u32 head;
	long n;

	if (s->len > MAX_DATA - STRING_CHUNK - 32) {
		end_part(ctx, s);
		begin_part(s);
	}
	off = s->len;
	if (off > MAX_DATA - STRING_CHUNK - 32)
		return 1;
	if (!w->string) {
		u64 pointer = 0;

		if (w->compat)
			n = bpf_probe_read_user(&pointer, 4, (void *)w->vector);
		else
			n = bpf_probe_read_user(&pointer, 8, (void *)w->vector);
		if (n) {
			append_address(s, off, ELEMENT_CUT, w->vector);
			return 1;
		}
		if (!pointer)
			return 1;
		w->vector += w->compat ? 4 : 8;
		w->string = pointer;
		w->continued = 0;
	}
	n = bpf_probe_read_user_str(s->data + off + sizeof(head), STRING_CHUNK, (void *)w->string);
	if (n <= 0 || n > STRING_CHUNK) {
		append_address(s, off, ELEMENT_UNREADABLE, w->string);
		w->string = 0;
		return 0;
	}
	head = (n - 1) | w->continued;
	__builtin_memcpy(s->data + off, &head, sizeof(head));
	s->len = off + sizeof(head) + n - 1;
	if (n == STRING_CHUNK) {
		w->string += n - 1;
		w->continued = ELEMENT_CONTINUED;
	} else {
		w->string = 0;
	}
	return 0;
}

static __noinline long pointers_step(void *ctx, struct scratch *s)
{
	struct walk *w = &s->walk;
	u64 pointer = 0;
	long n;

	if (w->compat)
		n = bpf_probe_read_user(&pointer, 4, (void *)w->vector);
	else
		n = bpf_probe_read_user(&pointer, 8, (void *)w->vector);
	w->unterminated = n != 0;
	if (n || !pointer)
		return 1;
	w->vector += w->compat ? 4 : 8;
	w->count++;
	return 0;
}

struct vector_loop {
	void *ctx;
	struct scratch *s;
};

static long strings_loop(u64 index, struct vector_loop *loop)
{
	return strings_step(loop->ctx, loop->s);
}

static long pointers_loop(u64 index, struct vector_loop *loop)
{
	return pointers_step(loop->ctx, loop->s);
}

static __always_inline void read_strings(void *ctx, struct scratch *s, bool looping)
{
	begin_part(s);
	if (looping) {
		struct vector_loop loop = { ctx, s };

		bpf_loop(LOOP_STEPS, strings_loop, &loop, 0);
	} else {
		int i;

		for (i = 0; i < BOUNDED_STEPS; i++)
			if (strings_step(ctx, s))
				break;
		if (i == BOUNDED_STEPS && s->len <= MAX_DATA - 16)
			append_address(s, s->len, ELEMENT_CUT, s->walk.vector);
	}
	end_part(ctx, s);
}

static __always_inline void count_pointers(void *ctx, struct scratch *s, bool looping)
{
	u64 result[2];

	if (looping) {
		struct vector_loop loop = { ctx, s };

		bpf_loop(LOOP_STEPS, pointers_loop, &loop, 0);
	} else {
		int i;

		for (i = 0; i < BOUNDED_STEPS; i++)
			if (pointers_step(ctx, s))
				break;
		if (i == BOUNDED_STEPS)
			s->walk.unterminated = 1;
	}
	begin_part(s);
	result[0] = s->walk.count;
	result[1] = s->walk.unterminated;
	bpf_probe_read_kernel(s->data + sizeof(struct payload), sizeof(result), result);
	s->len = sizeof(struct payload) + sizeof(result);
	end_part(ctx, s);
}

/* Sends the vectors of the execve that this thread is in, and what its entry could not read. */
static __always_inline void send_vectors(void *ctx, u32 lane, bool looping)
{
	struct inflight_key key = {};
	struct scratch *s = scratch_of(lane);
	struct inflight *in;
	struct pair *p;
	u32 pair;

	key.pid_tgid = bpf_get_current_pid_tgid();
	in = bpf_map_lookup_elem(&inflights, &key);
	if (!s || !in || in->flags & CALL_VECTORS)
		return;
	pair = in->pair;
	p = bpf_map_lookup_elem(&pairs, &pair);
	if (!p)
		return;
	resume_record(s, in, key.pid_tgid, 0);
	s->record.kind = RECORD_PART;
	s->record.parts = in->parts;
	s->len = 0;
	in->pending = capture_all(s, p, in->pending, WHEN_ENTRY);
	if (s->len) {
		emit(ctx, s);
		s->record.parts++;
	}
	for (u32 i = 0; i < MAX_CAPTURES; i++) {
		u32 what, arg;

		if (i >= p->captures)
			break;
		what = p->capture[i].what;
		arg = p->capture[i].arg;
		if ((what != WHAT_STRINGS && what != WHAT_POINTER_COUNT) || arg >= MAX_ARGS)
			continue;
		s->walk.vector = s->record.args[arg];
		if (!s->walk.vector)
			continue;
		s->walk.capture = i;
		s->walk.compat = s->record.flags & CALL_COMPAT;
		s->walk.string = 0;
		s->walk.count = 0;
		s->walk.continued = 0;
		if (what == WHAT_STRINGS)
			read_strings(ctx, s, looping);
		else
			count_pointers(ctx, s, looping);
	}
	in->parts = s->record.parts;
	in->flags |= CALL_VECTORS;
}

#endif
