/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * The pair engine, whatever the hook: what becomes of a call at its entry and at its return. It is filtered,
 * waits in-flight, and is sent as one merged record; all is counted.
 * A hook fills in a struct call and says enter() or leave().
 */
#ifndef RSTRACE_ENGINE_H
#define RSTRACE_ENGINE_H

#include "scratch.h"
#include "maps.h"
#include "scope.h"
#include "send.h"
#include "call.h"
#include "path.h"
#include "filter.h"
#include "stats.h"
#include "capture.h"
#include "stack.h"
#include "outcome.h"
#include "inflight.h"

#define E2BIG 7
#define ENOSYS 38

/* The row of a pair for these arguments, and its number. */
static __always_inline struct pair *row_of(u32 *pair, const u64 *args)
{
	struct pair *p = bpf_map_lookup_elem(&pairs, pair);
	struct variant_key key = {.pair = *pair};
	u32 select, *row;

	if (!p || !config.selecting || !p->select)
		return p;
	select = p->select - 1;
	if (select >= MAX_ARGS)
		return p;
	key.value = args[select];
	row = bpf_map_lookup_elem(&variants, &key);
	if (!row)
		return p;
	*pair = *row;
	return bpf_map_lookup_elem(&pairs, pair);
}

/* Whether what was read at the entry is left to the return, as nobody may want the call then. */
static __always_inline bool is_for_return(struct scratch *s)
{
	u32 pair = s->record.pair;
	struct pair *p;

	if (!filter.by_result || s->record.parts)
		return 0;
	p = bpf_map_lookup_elem(&pairs, &pair);
	return p && !p->ahead;
}

/*
 * Files the call whose entry has been captured as in flight. What differs is kept in memory, where the
 * verifier does not know its values: in registers it would walk through the rest once for each.
 */
static __always_inline void finish_enter(void *ctx, struct scratch *s)
{
	u64 key = inflight_key(s->record.pid_tgid, s->record.slot);
	u32 pair = s->record.pair;
	struct inflight *in;
	long err = 0;
	u64 len;

	if (s->len > INLINE_LEN) {
		/* what had no room may be read again at return */
		if (is_for_return(s)) {
			s->pending = ALL_CAPTURES;
		} else {
			if (emit(ctx, s))
				s->pending = ALL_CAPTURES;
			s->record.parts++;
		}
		s->len = 0;
	}
	barrier();
	if (tallying.mode && s->record.slot == 0)
		start_clock(s->record.nr, s->record.flags & CALL_COMPAT);
	in = place_of(&key, &err);
	if (!in) {
		/* without a place it is seen at its return, as one whose entry is missing */
		count(pair, err == -E2BIG ? COUNT_INFLIGHT_FULL : COUNT_INFLIGHT_BUSY);
		return;
	}
	count(pair, COUNT_SEEN);
	if (in->pair) {
		/* deeper on the stack than a call under way: inside it */
		if (s->frame && s->frame < in->frame) {
			in->nested++;
			count(pair, COUNT_NESTED);
			return;
		}
		count(in->pair, COUNT_NO_RETURN);
		in->pair = 0;
	}
	barrier();
	in->entry_time = s->record.entry_time;
	for (int i = 0; i < MAX_ARGS; i++)
		in->args[i] = s->record.args[i];
	in->frame = s->frame;
	in->nr = s->record.nr;
	in->flags = s->record.flags;
	in->parts = s->record.parts;
	in->nested = 0;
	in->pending = s->pending;
	len = s->len;
	in->len = len;
	if (len) {
		/* as in resume_record() */
		barrier_var(len);
		if (len <= INLINE_LEN)
			bpf_probe_read_kernel(in->data, len, s->data);
	}
	/* last, as user space may read it at any moment: only what has a pair is whole */
	barrier();
	in->pair = pair;
}

/* At an entry; not 0 if a tail has to read its captures and finish it. */
static __always_inline int enter(void *ctx, struct call *c)
{
	struct scratch *s = scratch_of(c->lane);
	u32 pair = c->pair;
	struct pair *p;

	if (!s)
		return 0;
	s->way.lane = c->lane;
	if (filter.entry) {
		long match = passes(c->lane, pair, c->args);

		if (match == MATCH_NO)
			return 0;
		if (match == MATCH_UNKNOWN)
			c->flags |= CALL_UNDECIDED;
	}
	p = row_of(&pair, c->args);
	if (!p)
		return 0;

	begin_record(s, RECORD_PART, c->pid_tgid);
	s->record.pair = pair;
	s->record.slot = c->slot;
	s->record.flags = c->flags;
	s->record.entry_time = bpf_ktime_get_ns();
	for (int i = 0; i < MAX_ARGS; i++)
		s->record.args[i] = c->args[i];
	s->record.nr = c->nr;
	s->frame = c->frame;
	if (config.stacks) {
		/* too long to wait in-flight */
		capture_stack(c->lane);
		emit(ctx, s);
		s->record.parts++;
		s->len = 0;
	}
	s->pending = (1U << p->captures) - 1;
	if (config.complex && p->complex) {
		begin_reading(s, WHEN_ENTRY);
		return 1;
	}
	if (p->captures)
		capture_simple(c->lane, WHEN_ENTRY);
	finish_enter(ctx, s);
	return 0;
}

/* Of a call whose path could not be read at the entry, whether it is asked for. */
static __always_inline bool is_path_wanted(u32 lane, struct inflight *in)
{
	/* the program is another one, and its memory too: nobody knows */
	if (!(in->flags & CALL_EXECED) && match_path(lane, in->pair, in->args) != MATCH_YES)
		return 0;
	in->flags &= ~CALL_UNDECIDED;
	return 1;
}

/* Whether a call that returns is asked for; statistics count it all the same, as those of strace do. */
static __always_inline bool is_result_wanted(struct call *c, u64 entry_time, u32 nr, u32 flags)
{
	u32 status = status_of(nr, flags & CALL_COMPAT, c->ret);

	if (passes_result(entry_time, status, c->ret))
		return 1;
	if (tallying.mode && c->slot == 0 && status != STATUS_UNFINISHED)
		tally_return(nr, flags & CALL_COMPAT, c->ret);
	return 0;
}

/*
 * At a return; not 0 if a tail has to read its captures and send the record. The vectors of an execve that
 * failed are read by a tail that then begins anew; only programs of the tracepoints have tails, so whether
 * this is one must be known to the compiler.
 */
static __always_inline int leave(void *ctx, struct call *c, const bool has_tails)
{
	struct scratch *s = scratch_of(c->lane);
	u64 key = inflight_key(c->pid_tgid, c->slot);
	struct inflight *in;
	struct pair *p;
	u32 pair;

	if (!s)
		return 0;
	s->way.lane = c->lane;
	s->waiting = 0;
	in = lookup_inflight(&key);
	if (in && c->nr == ~0U && in->nr == config.sigreturn[in->flags & CALL_COMPAT ? 1 : 0] && c->slot == 0)
		c->nr = in->nr;
	if (in && c->slot == 0 && in->nr != c->nr && !(in->flags & CALL_EXECED)) {
		count(in->pair, COUNT_NO_RETURN);
		in->pair = 0;
		in = 0;
	}
	if (in && in->nested) {
		in->nested--;
		return 0;
	}
	if (in && filter.by_path && in->flags & CALL_UNDECIDED && !is_path_wanted(c->lane, in)) {
		count(in->pair, COUNT_FILTERED);
		in->pair = 0;
		return 0;
	}
	if (in && filter.by_result && !is_result_wanted(c, in->entry_time, in->nr, in->flags)) {
		count(in->pair, COUNT_FILTERED);
		in->pair = 0;
		return 0;
	}
	if (has_tails && in && config.execs && c->ret < 0 && !(in->flags & CALL_VECTORS)) {
		pair = in->pair;
		p = bpf_map_lookup_elem(&pairs, &pair);
		if (p && p->vectors) {
			in->flags |= CALL_VECTORS;
			bpf_tail_call(ctx, &tails, TAIL_FAILED_EXEC);
		}
	}
	if (in) {
		resume_record(s, in, c->pid_tgid, c->slot);
		pair = in->pair;
		s->pending = in->pending;
		in->pair = 0;
	} else {
		pair = c->pair;
		/* an execve that succeeded left its place if it was seen: the registers are the new program's
		 */
		if (!pair || (c->ret == 0 && c->nr == config.execve[c->flags & CALL_COMPAT ? 1 : 0]))
			return 0;
		/* killed while a debugger held it before the call: that was never made */
		if (c->ret == -ENOSYS && is_killed_within(c->nr, c->flags & CALL_COMPAT, c->ret))
			return 0;
		if (!c->has_args && c->nr != ~0U)
			c->has_args = args_of_current(current_task(), c);
		if (filter.entry && passes(c->lane, pair, c->args) != MATCH_YES)
			return 0;
		if (filter.by_result && !is_result_wanted(c, 0, c->nr, c->flags))
			return 0;
		if (!c->has_args) {
			count(pair, COUNT_SEEN);
			count(pair, COUNT_NO_ENTRY);
			return 0;
		}
		/* all that is counted of a call is counted by its row */
		row_of(&pair, c->args);
		count(pair, COUNT_SEEN);
		begin_record(s, RECORD_CALL, c->pid_tgid);
		for (int i = 0; i < MAX_ARGS; i++)
			s->record.args[i] = c->args[i];
		s->record.nr = c->nr;
		s->record.pair = pair;
		s->record.flags = c->flags | CALL_NO_ENTRY;
		s->record.slot = c->slot;
		if (config.stacks)
			capture_stack(c->lane);
		s->pending = ALL_CAPTURES;
	}
	s->record.ret = c->ret;
	if (never_returns(s->record.nr, s->record.flags & CALL_COMPAT, c->ret))
		s->record.flags |= CALL_DIED;
	else if (tallying.mode && c->slot == 0)
		tally_return(s->record.nr, s->record.flags & CALL_COMPAT, c->ret);
	if (tallying.mode == TALLY_ONLY)
		return 0;
	if (s->pending) {
		p = bpf_map_lookup_elem(&pairs, &pair);
		if (config.complex && p && p->complex) {
			begin_reading(s, WHEN_RETURN);
			return 1;
		}
		if (p)
			capture_simple(c->lane, WHEN_RETURN);
	}
	send(ctx, s);
	return 0;
}

#endif
