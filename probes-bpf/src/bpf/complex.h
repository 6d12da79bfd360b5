/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * Captures that are not simple: members of what was captured, for each element of a list, longer than one
 * read. They are read step by step, in programs that the system call tracepoints call as their tails.
 *
 * Where bpf_loop exists (5.17) there is no end to the steps. Before it the verifier walks through a loop, and
 * gives up after some thousand branches: there a program does BOUNDED_CAPTURE_STEPS and calls its tail for
 * the next ones, some 30 times at most.
 */
#ifndef RSTRACE_COMPLEX_H
#define RSTRACE_COMPLEX_H

#include "throttle.h"

#define CAPTURE_LOOP_STEPS (1 << 20)
#define BOUNDED_CAPTURE_STEPS 12

/* A value of 1, 2, 4 or 8 bytes in what has been captured; 0 if it is not there. */
static __always_inline bool captured_value(struct scratch *s, u32 capture, u32 offset, u32 size, u64 *value)
{
	u64 at, end;

	if (capture >= MAX_CAPTURES)
		return 0;
	at = s->reading.at[capture];
	end = s->reading.end[capture];
	if (!at || at + offset + size > end)
		return 0;
	at += offset;
	if (at > MAX_DATA - 8)
		return 0;
	*value = 0;
	if (size == 8)
		bpf_probe_read_kernel(value, 8, s->data + at);
	else if (size == 4)
		bpf_probe_read_kernel(value, 4, s->data + at);
	else if (size == 2)
		bpf_probe_read_kernel(value, 2, s->data + at);
	else
		bpf_probe_read_kernel(value, 1, s->data + at);
	return 1;
}

/* The count of a capture, from the call or from what was captured. */
static __always_inline u64 count_of(struct scratch *s, const struct capture *c)
{
	u32 from = c->count;
	u64 n = 0;

	if (from < FROM_CAPTURED || from >= FROM_RETURN)
		return count_of_call(s, c);
	captured_value(s, from - FROM_CAPTURED, c->count_offset, c->count_size, &n);
	return at_most_returned(s, c, n);
}

/* Sends what is captured so far as a part, to have room; not 0 if that gains none. */
static __always_inline long flush(void *ctx, struct scratch *s)
{
	struct record *r = &s->record;
	u16 kind = r->kind;
	u64 keep = s->reading.keep;

	if (keep > MAX_DATA / 2)
		return -1;
	r->kind = RECORD_PART;
	emit(ctx, s);
	r->parts++;
	r->kind = kind;
	s->len = keep;
	return 0;
}

/* Keeps where a payload is in the data: others may be members of what it brought. */
static __always_inline void keep_place(struct scratch *s, const struct capture *c, u32 status)
{
	struct reading *r = &s->reading;
	u32 index = r->next;

	if (index >= MAX_CAPTURES)
		return;
	r->at[index] = r->head + sizeof(struct payload);
	r->end[index] = s->len;
	end_payload(s, status);
	if (c->flags & CAPTURE_PARENT)
		r->keep = s->len;
}

/* The capture under way is over. */
static __always_inline void next_capture(struct scratch *s, const struct capture *c, u32 status)
{
	struct reading *r = &s->reading;

	if (status == PAYLOAD_UNREADABLE && r->when == WHEN_ENTRY && !(c->flags & CAPTURE_FRESH)) {
		/* the kernel itself will bring it in: it can be read at return, with all it hangs together
		 * with */
		s->len = r->head;
		if (r->depth || c->from >= FROM_CAPTURED || c->flags & CAPTURE_PARENT)
			r->again = 1;
	} else {
		keep_place(s, c, status);
		if (!r->depth)
			s->pending &= ~(1U << r->next);
	}
	r->next++;
	r->left = 0;
}

/* Reads on in the capture under way. */
static __noinline long read_on(void *ctx, struct scratch *s, const struct capture *c)
{
	struct reading *r = &s->reading;
	u64 off = s->len, step = r->left;
	u32 status = r->cut ? PAYLOAD_CUT : PAYLOAD_WHOLE;
	long n;

	barrier_var(off);
	if (off > MAX_DATA - STEP_LEN - 2 * sizeof(struct payload)) {
		keep_place(s, c, PAYLOAD_CUT);
		if (flush(ctx, s)) {
			begin_payload(s);
			next_capture(s, c, PAYLOAD_NO_ROOM);
		} else {
			begin_payload(s);
		}
		return 0;
	}
	if (step > STEP_LEN)
		step = STEP_LEN;
	if (c->what == WHAT_STRING) {
		char last = 0;

		n = bpf_probe_read_user_str(s->data + off, step, (void *)r->address);
		/* older kernels say 0 of an empty string, newer ones 1 */
		if (n == 0)
			n = 1;
		if (n < 0 || n > STEP_LEN) {
			next_capture(s, c, PAYLOAD_UNREADABLE);
			return 0;
		}
		s->len = off + n - 1;
		if (n < (long)step) {
			next_capture(s, c, PAYLOAD_WHOLE);
			return 0;
		}
		/* whole, if the terminator is the last byte that was looked at */
		if (bpf_probe_read_user(&last, 1, (void *)r->address + step - 1))
			last = 1;
		r->address += step - 1;
		r->left -= step - 1;
		if (!last || r->left <= 1)
			next_capture(s, c, last ? PAYLOAD_CUT : PAYLOAD_WHOLE);
		return 0;
	}
	n = bpf_probe_read_user(s->data + off, step, (void *)r->address);
	if (n) {
		u64 page = PAGE_BYTES - (r->address & (PAGE_BYTES - 1));

		/* a read fails as a whole: what stands in the page before may be there */
		if (page < step && !bpf_probe_read_user(s->data + off, page, (void *)r->address))
			s->len = off + page;
		next_capture(s, c, PAYLOAD_UNREADABLE);
		return 0;
	}
	s->len = off + step;
	r->address += step;
	r->left -= step;
	if (!r->left)
		next_capture(s, c, status);
	return 0;
}

#define SOL_SOCKET 1
#define SCM_RIGHTS 1
#define SCM_CREDENTIALS 2

/* Whether a capture looks up many numbers. */
static __always_inline bool is_many(const struct capture *c)
{
	return (HAS_KIND(WHAT_FD_SET) && c->what == WHAT_FD_SET) ||
	       (HAS_KIND(WHAT_CONTROL) && c->what == WHAT_CONTROL);
}

enum many {
	MANY_OVER,  /* there are no more of them */
	MANY_FOUND, /* reading.address is a descriptor */
	MANY_NAMED, /* it is the id of a process */
	MANY_ON,    /* there may be more */
};

/* The lowest bit that is set; there is one. (Clang 14 breaks off at its builtin.) */
static __always_inline u32 lowest_bit(u64 word)
{
	u32 bit = 0;

	for (u32 half = 32; half; half /= 2) {
		if (!(word & ((1ULL << half) - 1))) {
			word >>= half;
			bit += half;
		}
	}
	return bit;
}

/* The next descriptor of a set from the bit `at` on. */
static __always_inline int next_of_set(struct scratch *s, u32 of, u64 at)
{
	struct reading *r = &s->reading;
	u64 word = 0;

	if (!captured_value(s, of, at / 64 * 8, 8, &word))
		return MANY_OVER;
	word >>= at & 63;
	if (!word) {
		r->left = (at | 63) + 2;
		return MANY_ON;
	}
	at += lowest_bit(word);
	r->address = at;
	r->left = at + 2;
	return MANY_FOUND;
}

/* The next number in control messages from the byte `at` on. */
static __always_inline int next_of_control(struct scratch *s, const struct capture *c, u32 of, u64 at)
{
	u64 word = s->record.flags & CALL_COMPAT ? 4 : 8, head = word + 8;
	u64 len = 0, level = 0, kind = 0, number = 0;
	struct reading *r = &s->reading;

	if (r->rights_end) {
		if (at < r->rights_end) {
			if (!captured_value(s, of, at, 4, &number))
				return MANY_OVER;
			r->address = number;
			r->left = at + 5;
			return MANY_FOUND;
		}
		r->rights_end = 0;
		at = r->next_message;
	}
	if (!captured_value(s, of, at, word, &len) || !captured_value(s, of, at + word, 4, &level) ||
	    !captured_value(s, of, at + word + 4, 4, &kind) || len < head || len > MAX_DATA)
		return MANY_OVER;
	r->next_message = at + ((len + word - 1) & ~(word - 1));
	r->left = r->next_message + 1;
	if (level != SOL_SOCKET)
		return MANY_ON;
	if (kind == SCM_RIGHTS && c->scale & LOOK_UP_FILES) {
		r->rights_end = at + head + ((len - head) & ~3ULL);
		r->left = at + head + 1;
	} else if (kind == SCM_CREDENTIALS && c->scale & (ID_COMM | ID_INITIAL) &&
		   captured_value(s, of, at + head, 4, &number)) {
		r->address = number;
		return MANY_NAMED;
	}
	return MANY_ON;
}

/*
 * The next number of a capture that looks up many (enum many); in reading.left it is said where to look for
 * it, from 1. Global, as what is in path.h.
 */
__noinline int next_of_many(u32 lane, u32 index)
{
	struct scratch *s = scratch_of(lane);
	const struct capture *c;
	u32 pair, of;
	struct pair *p;
	int many;

	if (!s || index >= MAX_CAPTURES)
		return MANY_OVER;
	pair = s->record.pair;
	p = bpf_map_lookup_elem(&pairs, &pair);
	if (!p || !s->reading.left)
		return MANY_OVER;
	c = &p->capture[index];
	of = c->from - FROM_CAPTURED;
	if (s->reading.found >= c->limit)
		return MANY_OVER;
	if (HAS_KIND(WHAT_FD_SET) && c->what == WHAT_FD_SET)
		many = next_of_set(s, of, s->reading.left - 1);
	else
		many = next_of_control(s, c, of, s->reading.left - 1);
	if (many == MANY_FOUND || many == MANY_NAMED)
		s->reading.found++;
	return many;
}

/* A step of a capture that looks up many numbers; 0 if it is over. */
static __always_inline bool look_up_many(void *ctx, struct scratch *s, u32 index)
{
	int many = next_of_many(s->way.lane, index);

	if (many == MANY_OVER) {
		s->reading.left = 0;
		return 0;
	}
	if (many == MANY_ON)
		return 1;
	if (s->len > MAX_DATA - STEP_LEN - 2 * sizeof(struct payload))
		flush(ctx, s);
	if (many == MANY_FOUND)
		capture_file(s->way.lane);
	else
		capture_id(s->way.lane);
	return 1;
}

/* The address that a capture is to read, or 0. */
static __always_inline u64 capture_address(struct scratch *s, const struct capture *c)
{
	u32 from = c->from;
	u64 address = 0;

	if (from < MAX_ARGS)
		return s->record.args[from];
	if ((HAS_KIND(WHAT_FILE) || HAS_KIND(WHAT_ID)) && from == FROM_RETURN)
		return s->record.ret;
	captured_value(s, from - FROM_CAPTURED, c->offset, c->pointer, &address);
	return address;
}

/* Begins the captures that are done for each element of another. */
static __always_inline void begin_each(struct scratch *s, const struct capture *c)
{
	struct reading *r = &s->reading;
	u32 of = c->from - FROM_CAPTURED, begin = r->next + 1;
	struct iteration *loop;
	u32 depth = r->depth;
	u64 elements = 0;

	if (of < MAX_CAPTURES && c->scale && r->at[of])
		elements = (r->end[of] - r->at[of]) / c->scale;
	if (elements > c->limit)
		elements = c->limit;
	r->next = begin + c->body;
	if (!elements || depth >= MAX_LOOPS)
		return;
	r->depth = depth + 1;
	/* once more: it may have been on the stack meanwhile, where older verifiers forget what is known of
	 * it */
	barrier_var(depth);
	loop = &r->loops[depth & (MAX_LOOPS - 1)];
	loop->of = of;
	loop->begin = begin;
	loop->end = r->next;
	loop->left = elements;
	loop->stride = c->scale;
	r->next = begin;
}

/* At the end of a loop's captures: the next element. */
static __always_inline void next_element(struct reading *r, struct iteration *loop)
{
	u32 of = loop->of;

	if (--loop->left && of < MAX_CAPTURES) {
		r->at[of] += loop->stride;
		r->next = loop->begin;
	} else {
		r->depth--;
	}
}

/* One step; not 0 when nothing is left to do. */
static __noinline long capture_step(void *ctx, struct scratch *s, const struct pair *p)
{
	struct reading *r = &s->reading;
	u32 index = r->next, depth = r->depth;
	const struct capture *c;
	u64 len, most;

	if (depth > 0 && depth <= MAX_LOOPS && index == r->loops[depth - 1].end) {
		next_element(r, &r->loops[depth - 1]);
		return 0;
	}
	if (index >= p->captures || index >= MAX_CAPTURES)
		return 1;
	c = &p->capture[index];
	if (r->left && is_many(c)) {
		if (look_up_many(ctx, s, index))
			return 0;
		goto skip;
	}
	if (r->left)
		return read_on(ctx, s, c);
	if (!is_due(s, c) || (!depth && !(s->pending & (1U << index))))
		goto skip;
	if (c->what == WHAT_EACH) {
		if (!depth)
			s->pending &= ~(((1U << (c->body & 15)) * 2 - 1) << index);
		begin_each(s, c);
		return 0;
	}
	if (is_many(c)) {
		if (!is_moment_of_number(s, c))
			goto skip;
		r->found = 0;
		r->rights_end = 0;
		r->left = 1;
		return 0;
	}
	r->address = capture_address(s, c);
	if (c->what >= WHAT_KERNEL_STRING) {
		if (s->len > MAX_DATA - STEP_LEN - 2 * sizeof(struct payload))
			flush(ctx, s);
		if (is_looked_up(c)) {
			look_up(s->way.lane, s, c);
		} else if (capture_made(s->way.lane, index))
			r->again = 1;
		goto skip;
	}
	/* vectors are read elsewhere, see vector.h */
	if (!r->address || (c->what != WHAT_STRING && c->what != WHAT_BYTES))
		goto skip;
	len = c->what == WHAT_STRING ? c->limit : bytes_of_count(c, count_of(s, c));
	if (!len)
		goto skip;
	most = limit_of(s, c);
	r->cut = len > most;
	r->left = r->cut ? most : len;
	begin_payload(s);
	return read_on(ctx, s, c);
skip:
	if (!depth && (c->when == r->when || r->when == WHEN_RETURN))
		s->pending &= ~(1U << index);
	r->next = index + 1 + (c->what == WHAT_EACH ? c->body : 0);
	return 0;
}

struct capture_loop {
	void *ctx;
	struct scratch *s;
	const struct pair *p;
};

static long captures_loop(u64 index, struct capture_loop *loop)
{
	return capture_step(loop->ctx, loop->s, loop->p);
}

/* What enter() or leave() left to be done for a complex pair. */
static __always_inline void finish_complex(void *ctx, struct scratch *s, u32 when)
{
	if (s->reading.again)
		s->pending = ALL_CAPTURES;
	if (when == WHEN_ENTRY) {
		finish_enter(ctx, s);
		return;
	}
	emit(ctx, s);
	if (throttle_ns(s->waiting))
		bpf_tail_call(ctx, &tails, TAIL_THROTTLE);
}

static __always_inline int complex_looping(void *ctx, u32 lane, u32 when)
{
	struct scratch *s = scratch_of(lane);
	struct capture_loop loop = {ctx, s};
	u32 pair;

	if (!s)
		return 0;
	pair = s->record.pair;
	loop.p = bpf_map_lookup_elem(&pairs, &pair);
	if (loop.p)
		bpf_loop(CAPTURE_LOOP_STEPS, captures_loop, &loop, 0);
	finish_complex(ctx, s, when);
	return 0;
}

static __always_inline int complex_bounded(void *ctx, u32 lane, u32 when)
{
	struct scratch *s = scratch_of(lane);
	struct reading *r;
	struct pair *p;
	u32 pair;

	if (!s)
		return 0;
	pair = s->record.pair;
	p = bpf_map_lookup_elem(&pairs, &pair);
	if (!p)
		return 0;
	for (u32 i = 0; i < BOUNDED_CAPTURE_STEPS; i++) {
		if (capture_step(ctx, s, p)) {
			finish_complex(ctx, s, when);
			return 0;
		}
	}
	bpf_tail_call(ctx, &tails, when);
	/* no tail is left: what is under way is not whole */
	r = &s->reading;
	if (r->left && r->next < MAX_CAPTURES && !is_many(&p->capture[r->next]))
		next_capture(s, &p->capture[r->next], PAYLOAD_NO_ROOM);
	finish_complex(ctx, s, when);
	return 0;
}

#define COMPLEX_PROGRAMS(hook, section)                              \
	SEC(section)                                                 \
	int hook##_complex_enter(void *ctx)                          \
	{                                                            \
		return complex_looping(ctx, LANE_ENTER, WHEN_ENTRY); \
	}                                                            \
	SEC(section)                                                 \
	int hook##_complex_leave(void *ctx)                          \
	{                                                            \
		return complex_looping(ctx, LANE_EXIT, WHEN_RETURN); \
	}                                                            \
	SEC(section)                                                 \
	int hook##_complex_enter_bounded(void *ctx)                  \
	{                                                            \
		return complex_bounded(ctx, LANE_ENTER, WHEN_ENTRY); \
	}                                                            \
	SEC(section)                                                 \
	int hook##_complex_leave_bounded(void *ctx)                  \
	{                                                            \
		return complex_bounded(ctx, LANE_EXIT, WHEN_RETURN); \
	}

COMPLEX_PROGRAMS(raw, "raw_tp")
COMPLEX_PROGRAMS(classic, "tp")

#endif
