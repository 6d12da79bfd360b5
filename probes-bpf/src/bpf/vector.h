/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * Vectors of strings (argv) and of pointers (envp), of any length: in numbered parts, ahead of their call.
 *
 * They are read when a new program is about to replace the old one, or when that has failed: the kernel
 * has read them by then, so they are resident. At entry they often are not (after a fork never).
 *
 * bpf_loop is 5.17. Before it the verifier walks through a loop, and gives up after some thousand branches:
 * there a program does BOUNDED_STEPS and calls its tail for the next ones, 33 times at most.
 */
#ifndef RSTRACE_VECTOR_H
#define RSTRACE_VECTOR_H

#include "engine.h"

#define STRING_CHUNK 4096
#define BOUNDED_STEPS 96
#define LOOP_STEPS (1 << 23)

/* The tails: of the program that prepares an execve, and of that for a failed one. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u32));
} prepare_again SEC(".maps"), failed_again SEC(".maps");

/* Starts a part with the head of the vector's payload. */
static __always_inline void begin_part(struct scratch *s)
{
	struct payload *head = (void *)s->data;

	head->capture = s->walk.capture;
	head->status = PAYLOAD_WHOLE | PAYLOAD_MADE;
	head->len = 0;
	head->address = s->walk.begin;
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
	/* older kernels say 0 of an empty string, newer ones 1 */
	if (n == 0)
		n = 1;
	if (n < 0 || n > STRING_CHUNK) {
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

static __noinline long pointers_step(struct scratch *s)
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

static __always_inline void end_vector(void *ctx, struct scratch *s)
{
	if (s->walk.what == WHAT_POINTER_COUNT) {
		u64 result[2] = {s->walk.count, s->walk.unterminated};

		begin_part(s);
		bpf_probe_read_kernel(s->data + sizeof(struct payload), sizeof(result), result);
		s->len = sizeof(struct payload) + sizeof(result);
	}
	end_part(ctx, s);
	s->walk.what = WHAT_NONE;
}

/* Goes to the next capture that is a vector; not 0 if there is none. */
static __noinline long next_vector(struct scratch *s)
{
	u32 pair = s->record.pair, index = s->walk.next, arg;
	struct pair *p = bpf_map_lookup_elem(&pairs, &pair);
	struct walk *w = &s->walk;
	struct capture *capture;

	if (!p || index >= p->captures || index >= MAX_CAPTURES)
		return 1;
	w->next = index + 1;
	capture = &p->capture[index];
	arg = capture->from;
	if ((capture->what != WHAT_STRINGS && capture->what != WHAT_POINTER_COUNT) || arg >= MAX_ARGS)
		return 0;
	w->vector = s->record.args[arg];
	if (!w->vector)
		return 0;
	w->begin = w->vector;
	w->what = capture->what;
	w->capture = index;
	w->string = 0;
	w->count = 0;
	w->continued = 0;
	begin_part(s);
	return 0;
}

/* One step of the whole work; not 0 when it is done. */
static __noinline long vectors_step(void *ctx, struct scratch *s)
{
	long end;

	if (s->walk.what == WHAT_NONE)
		return next_vector(s);
	if (s->walk.what == WHAT_STRINGS)
		end = strings_step(ctx, s);
	else
		end = pointers_step(s);
	if (end)
		end_vector(ctx, s);
	return 0;
}

struct vector_loop {
	void *ctx;
	struct scratch *s;
};

static long vectors_loop(u64 index, struct vector_loop *loop)
{
	return vectors_step(loop->ctx, loop->s);
}

/* Keeps with the call what became of it; its record says how many parts there are. */
static __always_inline void finish_vectors(struct scratch *s)
{
	u64 key = inflight_key(s->record.pid_tgid, 0);
	struct inflight *in = bpf_map_lookup_elem(&inflights, &key);

	if (in) {
		in->parts = s->record.parts;
		in->flags |= CALL_VECTORS;
	}
}

/* As many steps as a program without bpf_loop can do; then its tail goes on. */
static __always_inline void bounded_vectors(void *ctx, u32 lane, void *again)
{
	struct scratch *s = scratch_of(lane);

	if (!s)
		return;
	for (int i = 0; i < BOUNDED_STEPS; i++) {
		if (vectors_step(ctx, s)) {
			finish_vectors(s);
			return;
		}
	}
	bpf_tail_call(ctx, again, 0);
	/* no tail is left: say where reading stopped */
	if (s->walk.what == WHAT_STRINGS && s->len <= MAX_DATA - 16)
		append_address(s, s->len, ELEMENT_CUT, s->walk.vector);
	s->walk.unterminated = 1;
	end_vector(ctx, s);
	finish_vectors(s);
}

/* Sends the vectors of the execve that this thread is in, and what its entry could not read. */
static __always_inline void send_vectors(void *ctx, u32 lane, void *again)
{
	u64 pid_tgid = bpf_get_current_pid_tgid(), key = inflight_key(pid_tgid, 0);
	struct scratch *s = scratch_of(lane);
	struct inflight *in;
	struct pair *p;
	u32 pair;

	in = lookup_inflight(&key);
	if (!s || !in || (lane == LANE_PREPARE_EXEC && in->flags & CALL_VECTORS))
		return;
	pair = in->pair;
	p = bpf_map_lookup_elem(&pairs, &pair);
	if (!p || !p->vectors)
		return;
	s->way.lane = lane;
	/* the kernel has read the path by now, so it can be read here */
	if (filter.by_path && in->flags & CALL_UNDECIDED) {
		if (!is_path_wanted(lane, in)) {
			count(pair, COUNT_FILTERED);
			in->pair = 0;
			return;
		}
	}
	resume_record(s, in, pid_tgid, 0);
	s->record.kind = RECORD_PART;
	s->len = 0;
	s->pending = in->pending;
	capture_simple(lane, WHEN_ENTRY);
	in->pending = s->pending;
	if (s->len) {
		emit(ctx, s);
		s->record.parts++;
	}
	s->walk.next = 0;
	s->walk.what = WHAT_NONE;
	s->walk.compat = s->record.flags & CALL_COMPAT;
	if (again) {
		bounded_vectors(ctx, lane, again);
	} else {
		struct vector_loop loop = {ctx, s};

		bpf_loop(LOOP_STEPS, vectors_loop, &loop, 0);
		finish_vectors(s);
	}
}

#endif
