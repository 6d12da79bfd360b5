/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * The pair engine, whatever the hook: filter, in-flight state, one merged record at return, the account.
 * A hook fills in a struct call and says enter() or leave().
 */
#ifndef RSTRACE_ENGINE_H
#define RSTRACE_ENGINE_H

#include "arch.h"
#include "record.h"

#define EEXIST 17
#define E2BIG 7
#define ENOSYS 38
#define SIGKILL 9
#define SIGKILL_BIT (1UL << (SIGKILL - 1))
#define SIGNAL_GROUP_EXIT 4
#define MAX_ERRNO 4095

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

static __always_inline struct scratch *scratch_of(u32 lane)
{
	return bpf_map_lookup_elem(&scratches, &lane);
}

/*
 * The current thread, which a program asks for once, as that is a call. Where the verifier knows the
 * pointer's type (from 5.15 on), it is read through without a helper.
 */
static __always_inline struct task_struct *current_task(void)
{
	if (config.typed)
		return bpf_get_current_task_btf();
	return (struct task_struct *)bpf_get_current_task();
}

/* bpf_get_current_pid_tgid() */
static __always_inline u64 current_pid_tgid(struct task_struct *task)
{
	if (!config.typed)
		return bpf_get_current_pid_tgid();
	return (u64)task->tgid << 32 | (u32)task->pid;
}

/* Whether a thread belongs to the target. */
static __always_inline bool in_scope(u64 pid_tgid)
{
	u32 tgid = pid_tgid >> 32, tid = (u32)pid_tgid;

	if (config.scope == SCOPE_TGID) {
		if (tgid != config.target)
			return 0;
	} else if (config.scope == SCOPE_TGIDS) {
		if (!bpf_map_lookup_elem(&followed, &tgid))
			return 0;
	} else if (config.scope == SCOPE_TIDS) {
		if (!bpf_map_lookup_elem(&followed, &tid))
			return 0;
	} else if (bpf_map_lookup_elem(&ignored, &tgid)) {
		return 0;
	}
	return 1;
}

static __always_inline bool is_of_user(void)
{
	return !config.by_uid || (u32)bpf_get_current_uid_gid() == config.uid;
}

/* The filter of calls: first thing in every program of a pair. */
static __always_inline bool wanted(u64 pid_tgid)
{
	return in_scope(pid_tgid) && is_of_user();
}

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

static __always_inline struct pt_regs *current_regs(struct task_struct *task)
{
	if (config.typed)
		return (struct pt_regs *)bpf_task_pt_regs(task);
	return arch_task_regs_by_stack(task);
}

/* The user's instruction pointer in the current thread. */
static __always_inline u64 current_pointer(void)
{
	struct pt_regs *regs = current_regs(current_task());
	unsigned long pointer = 0;

	bpf_probe_read_kernel(&pointer, sizeof(pointer), &ARCH_INSTRUCTION_POINTER(regs));
	return pointer;
}

static __always_inline bool current_is_compat(struct task_struct *task)
{
	if (config.typed)
		return arch_is_compat_status(task->thread_info.status);
	return arch_is_compat_status(BPF_CORE_READ(task, thread_info.status));
}

/* Which pair a syscall belongs to, with BY_FUNCTION; 0 if to none. */
static __always_inline u32 pair_of_syscall(bool compat, u64 nr)
{
	if (nr >= MAX_SYSCALLS)
		return config.unknown;
	return config.syscalls[(compat ? MAX_SYSCALLS : 0) + nr];
}

/* One entry or return, as its hook saw it. */
struct call {
	u64 pid_tgid;
	u64 args[MAX_ARGS];
	u64 frame;
	s64 ret;
	u32 nr;
	u32 pair; /* 0 at a return: unknown */
	u32 flags;
	u32 slot;
	u32 lane;
	u32 has_args; /* at a return: args are the call's, so it needs no entry */
};

/*
 * args_of_current() where registers must be copied, and may be unreadable. A function of its own, so that the
 * copy is not on the stack while captures are read.
 */
static __noinline bool args_of_copied_regs(struct call *c)
{
	struct pt_regs regs;

	if (bpf_probe_read_kernel(&regs, sizeof(regs), current_regs(current_task())))
		return 0;
	arch_syscall_args(&regs, c->flags & CALL_COMPAT, c->args);
	return 1;
}

/* The arguments of the system call that the thread is in; 0 if they can't be had. */
static __always_inline bool args_of_current(struct task_struct *task, struct call *c)
{
	if (!config.typed)
		return args_of_copied_regs(c);
	arch_syscall_args(current_regs(task), c->flags & CALL_COMPAT, c->args);
	return 1;
}

#include "path.h"
#include "filter.h"
#include "stats.h"
#include "capture.h"
#include "stack.h"

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

/*
 * Whether the thread is being killed, of a call with a result that may mean it. Few calls have one, so it is
 * global, as what is in path.h.
 */
__noinline int is_killed_within(u32 nr, u32 table, s64 ret)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	bool killed = 0;
	u32 signal;

	table &= 1;
	if (!ret)
		for (int i = 0; i < MAX_KILLS; i++)
			killed |= nr == config.kills[table][i];
	if (!killed && !ret)
		return 0;
	if (!(BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT))
		return !killed && BPF_CORE_READ(task, pending.signal.sig[0]) & SIGKILL_BIT;
	signal = BPF_CORE_READ(task, signal, group_exit_code) & 0x7f;
	if (killed)
		return signal == SIGKILL;
	return !signal || signal == SIGKILL || BPF_CORE_READ(task, pid) != BPF_CORE_READ(task, tgid);
}

/*
 * -512 and its like also come when the thread is being killed and will not go on, and so does the 0 of a kill
 * by which it killed itself. What a signal other than SIGKILL does to the thread that it was sent to is seen
 * by a debugger after the call, and told after it here.
 */
static __always_inline bool never_returns(u32 nr, bool compat, s64 ret)
{
	if (ret && (ret > -512 || ret < -516))
		return 0;
	return is_killed_within(nr, compat, ret);
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

static __noinline u32 status_of(u32 nr, u32 compat, s64 ret)
{
	if (never_returns(nr, compat != 0, ret))
		return STATUS_UNFINISHED;
	return ret < 0 && ret >= -MAX_ERRNO ? STATUS_FAILED : STATUS_SUCCESSFUL;
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
		count(pair, COUNT_SEEN);
		if (!c->has_args) {
			count(pair, COUNT_NO_ENTRY);
			return 0;
		}
		p = row_of(&pair, c->args);
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
