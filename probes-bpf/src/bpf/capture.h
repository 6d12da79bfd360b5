/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * Captures: the table says what, this copies it behind the record as payloads.
 *
 * Most pairs' captures are simple: each an argument's memory, one read. The others (members of what was
 * captured, lists, long buffers) are read in steps by programs of their own, see complex.h.
 */
#ifndef RSTRACE_CAPTURE_H
#define RSTRACE_CAPTURE_H

#include "current.h"
#include "path.h"

#define PAGE_BYTES 4096
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define AF_NETLINK 16

/* Whether any capture is of this kind (enum capture_what). */
#define HAS_KIND(what) (config.kinds & 1U << (what))
/* Whether any is of those that are no memory of the process. */
#define HAS_MADE (config.kinds >> WHAT_KERNEL_STRING)

/* How many bytes so many elements are. */
static __always_inline u64 bytes_of_count(const struct capture *c, u64 n)
{
	/* more than can be captured anyway, and no product that wraps */
	if (n > 0xffffffffULL)
		n = 0xffffffffULL;
	return ((n + c->round) >> (c->shift & 63)) * c->scale + c->add;
}

/* No more than the call returned, where that is how much it transferred. */
static __always_inline u64 at_most_returned(struct scratch *s, const struct capture *c, u64 n)
{
	if (c->flags & CAPTURE_RETURNED && s->reading.when == WHEN_RETURN && s->record.ret >= 0 &&
	    (u64)s->record.ret < n)
		return s->record.ret;
	return n;
}

/* How many bytes are read at most. */
static __always_inline u64 limit_of(struct scratch *s, const struct capture *c)
{
	return c->flags & CAPTURE_MESSAGE && s->record.flags & CALL_NETLINK ? MESSAGE_LEN : c->limit;
}

/* The count that a capture takes from the call itself. */
static __always_inline u64 count_of_call(struct scratch *s, const struct capture *c)
{
	u32 from = c->count;
	u64 n = 1;

	if (from < MAX_ARGS) {
		n = s->record.args[from];
		if (c->flags & CAPTURE_INT)
			n = (int)n < 0 ? 0 : (u32)n;
	} else if (from == FROM_RETURN) {
		n = s->record.ret < 0 ? 0 : s->record.ret;
	} else if (from == FROM_IOC_IN || from == FROM_IOC_OUT) {
		u32 request = s->record.args[1];

		/* direction, then 14 bits of size, as linux/ioctl.h has them */
		n = request & (from == FROM_IOC_IN ? 1U << 30 : 1U << 31) ? (request >> 16) & 0x3fff : 0;
	}
	return at_most_returned(s, c, n);
}

/* Whether a capture is to be made now. */
static __always_inline bool is_due(struct scratch *s, const struct capture *c)
{
	if (s->reading.when == WHEN_ENTRY)
		return c->when == WHEN_ENTRY;
	return c->when == WHEN_ENTRY || c->flags & CAPTURE_FAILED || s->record.ret >= 0 ||
	       s->record.ret < -4095;
}

/* Begins a payload of what stands at r->address; its bytes follow. */
static __always_inline void begin_payload(struct scratch *s)
{
	struct reading *r = &s->reading;
	struct payload *payload;
	u64 off = s->len;

	if (off > MAX_DATA - sizeof(*payload))
		return;
	payload = (void *)s->data + off;
	payload->capture = r->next;
	payload->address = r->address;
	r->head = off;
	s->len = off + sizeof(*payload);
}

/*
 * Begins the payload of what was found out of a number, at an address that is none of memory; where its data
 * goes, of which there is room for a step, or 0.
 */
static __always_inline void *begin_found(struct scratch *s, u64 address)
{
	u64 off;

	if (s->len > MAX_DATA - STEP_LEN - sizeof(struct payload))
		return 0;
	s->reading.address = address;
	begin_payload(s);
	off = s->len;
	/* it is this very value that is checked and used */
	barrier_var(off);
	if (off > MAX_DATA - STEP_LEN)
		return 0;
	return (void *)s->data + off;
}

_Static_assert(PAYLOAD_AT_RETURN == WHEN_RETURN << 8, "when a payload was read is a bit of its status");

static __always_inline void end_payload(struct scratch *s, u32 status)
{
	struct reading *r = &s->reading;
	u32 head = r->head;
	struct payload *payload;

	if (head > MAX_DATA - sizeof(*payload))
		return;
	payload = (void *)s->data + head;
	payload->status = status | r->when << 8;
	payload->len = s->len - head - sizeof(*payload);
	s->len = (s->len + 7) & ~7ULL;
}

/* Whether a flag behind an argument makes a directory the root of absolute names too. */
static __always_inline bool is_root_of_all(struct scratch *s, const struct capture *c)
{
	u32 arg = c->shift;
	u64 flags = 0;

	if (arg >= MAX_ARGS)
		return 0;
	bpf_probe_read_user(&flags, sizeof(flags), (void *)s->record.args[arg] + c->add);
	return (flags & c->limit) != 0;
}

/* Writes the way to what a name is relative to. */
static __always_inline u32 write_base(struct scratch *s, const struct capture *c, char first)
{
	u32 dirfd = AT_FDCWD, arg = c->from;

	if (arg < MAX_ARGS)
		dirfd = s->record.args[arg];
	capture_way(s, first == '/' && !is_root_of_all(s, c), dirfd);
	return s->way.state & WAY_CUT ? PAYLOAD_NO_ROOM : PAYLOAD_WHOLE;
}

/*
 * What socket an argument is: the file in the task's table must be a socket that says it is this file's. The
 * task may be one of several that share the table, so what was read may be gone; the reads fail then, or the
 * file is no longer the socket's.
 */
static __always_inline bool look_up_socket(struct way *way, u32 fd, struct socket_info *info)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct file *file = file_of(way, task, fd);
	struct socket *socket;
	struct sock *sk;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	if (!socket || BPF_CORE_READ(socket, file) != file)
		return 0;
	sk = BPF_CORE_READ(socket, sk);
	if (!sk)
		return 0;
	info->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	info->type = BPF_CORE_READ(sk, sk_type);
	info->protocol = BPF_CORE_READ(sk, sk_protocol);
	info->bound = info->family == AF_NETLINK && BPF_CORE_READ((struct netlink_sock *)sk, portid) != 0;
	return 1;
}

/* The string that a pointer in a structure of the kernel's points to. */
static __always_inline u32 write_kernel_string(struct scratch *s, const struct capture *c, u64 off)
{
	u64 string = 0;
	long n;

	n = bpf_probe_read_kernel(&string, sizeof(string), (void *)s->reading.address + c->offset);
	if (!n)
		n = bpf_probe_read_kernel_str(s->data + off, STEP_LEN, (void *)string);
	if (n > 0 && n <= STEP_LEN)
		s->len = off + n - 1;
	return n < 0 ? PAYLOAD_UNREADABLE : n == STEP_LEN ? PAYLOAD_CUT : PAYLOAD_WHOLE;
}

/*
 * Captures what is no memory of the process; not 0 if it can't be read yet. Few calls want it, so it is
 * global, as what is in path.h.
 */
__noinline int capture_made(u32 lane, u32 index)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct scratch *s = scratch_of(lane);
	struct socket_info info = {};
	const struct capture *c;
	u32 id, arg, status = PAYLOAD_WHOLE;
	struct pair *p;
	char first = 0;
	u64 off;

	if (!s || index >= MAX_CAPTURES)
		return 0;
	id = s->record.pair;
	p = bpf_map_lookup_elem(&pairs, &id);
	if (!p)
		return 0;
	c = &p->capture[index];
	if (HAS_KIND(WHAT_BASE) && c->what == WHAT_BASE) {
		long err = -1;

		arg = c->count;
		if (arg < MAX_ARGS)
			err = bpf_probe_read_user(&first, 1, (void *)s->record.args[arg]);
		if (err && s->reading.when == WHEN_ENTRY)
			return 1;
	} else if (HAS_KIND(WHAT_SOCKET) && c->what == WHAT_SOCKET) {
		/* an argument, wherever it is */
		if (!look_up_socket(&s->way, s->reading.address, &info))
			return 0;
		if (info.family == AF_NETLINK)
			s->record.flags |= CALL_NETLINK;
	} else if (c->what == WHAT_KERNEL_STRING && !s->reading.address) {
		return 0;
	}
	if (c->what != WHAT_SOCKET && c->what != WHAT_KERNEL_STRING)
		s->reading.address = c->what == WHAT_POINTER ? POINTER_TAG : 0;
	if (s->len > MAX_DATA - STEP_LEN - sizeof(struct payload))
		return 0;
	begin_payload(s);
	off = s->len;
	barrier_var(off);
	if (off > MAX_DATA - STEP_LEN)
		return 0;
	if (HAS_KIND(WHAT_BASE) && c->what == WHAT_BASE) {
		status = write_base(s, c, first);
	} else if (c->what == WHAT_SOCKET) {
		bpf_probe_read_kernel(s->data + off, sizeof(info), &info);
		s->len = off + sizeof(info);
	} else if (c->what == WHAT_KERNEL_STRING) {
		status = write_kernel_string(s, c, off);
	} else if (c->what == WHAT_PARENT) {
		u32 parent = BPF_CORE_READ(task, real_parent, tgid);

		bpf_probe_read_kernel(s->data + off, sizeof(parent), &parent);
		s->len = off + sizeof(parent);
	} else if (HAS_KIND(WHAT_POINTER) && c->what == WHAT_POINTER) {
		u64 pointer = current_pointer();

		bpf_probe_read_kernel(s->data + off, sizeof(pointer), &pointer);
		s->len = off + sizeof(pointer);
	} else {
		u32 uid = bpf_get_current_uid_gid();

		bpf_probe_read_kernel(s->data + off, sizeof(uid), &uid);
		bpf_get_current_comm(s->data + off + sizeof(uid), COMM_LEN);
		s->len = off + sizeof(uid) + COMM_LEN;
	}
	end_payload(s, status | PAYLOAD_MADE);
	return 0;
}

#include "id.h"
#include "file.h"

/* What is looked up by a number: a descriptor, or an id. */
static __always_inline bool is_looked_up(const struct capture *c)
{
	return (HAS_KIND(WHAT_FILE) && c->what == WHAT_FILE) || (HAS_KIND(WHAT_ID) && c->what == WHAT_ID);
}

static __always_inline void look_up(u32 lane, struct scratch *s, const struct capture *c)
{
	if (!is_moment_of_number(s, c))
		return;
	if (HAS_KIND(WHAT_FILE) && c->what == WHAT_FILE)
		capture_file(lane);
	else if (HAS_KIND(WHAT_ID))
		capture_id(lane);
}

/*
 * Reads a simple capture; 0 if there is nothing more to do for it, else it could not be read. Global, so that
 * the verifier looks at it once and not for each place that a capture may have.
 */
__noinline int capture_one(u32 lane, u32 index)
{
	struct scratch *s = scratch_of(lane);
	u32 pair, status = PAYLOAD_WHOLE, arg;
	const struct capture *c;
	struct reading *r;
	u64 off, len, most;
	struct pair *p;
	bool is_string;
	long n;

	if (!s || index >= MAX_CAPTURES)
		return 0;
	pair = s->record.pair;
	p = bpf_map_lookup_elem(&pairs, &pair);
	if (!p)
		return 0;
	r = &s->reading;
	c = &p->capture[index];
	arg = c->from;
	if (s->len > MAX_DATA - STEP_LEN - 2 * sizeof(struct payload))
		return 0;
	r->address = arg < MAX_ARGS ? s->record.args[arg] : 0;
	if (is_looked_up(c)) {
		if (arg == FROM_RETURN)
			r->address = s->record.ret;
		look_up(lane, s, c);
		return 0;
	}
	if (HAS_MADE && c->what >= WHAT_KERNEL_STRING)
		return capture_made(lane, index);
	/* vectors are read elsewhere, see vector.h */
	if (!r->address || (c->what != WHAT_STRING && c->what != WHAT_BYTES))
		return 0;
	is_string = !HAS_KIND(WHAT_BYTES) || c->what == WHAT_STRING;
	len = is_string ? c->limit : bytes_of_count(c, count_of_call(s, c));
	most = limit_of(s, c);
	/* a step is all there is for a simple capture */
	if (most > STEP_LEN)
		most = STEP_LEN;
	if (len > most) {
		len = most;
		status = PAYLOAD_CUT;
	}
	if (!len)
		return 0;
	begin_payload(s);
	off = s->len;
	barrier_var(off);
	if (off > MAX_DATA - STEP_LEN)
		return 0;
	if (len > STEP_LEN)
		len = STEP_LEN;
	if (is_string) {
		n = bpf_probe_read_user_str(s->data + off, len, (void *)r->address);
		/* older kernels say 0 of an empty string, newer ones 1 */
		if (n == 0)
			n = 1;
		if (n > 0 && n <= STEP_LEN)
			s->len = off + n - 1;
		if (n == (long)len) {
			char last = 0;

			/* whole, if the terminator is the last byte that was looked at */
			bpf_probe_read_user(&last, 1, (void *)r->address + len - 1);
			if (last)
				status = PAYLOAD_CUT;
		}
	} else {
		n = bpf_probe_read_user(s->data + off, len, (void *)r->address);
		if (!n) {
			s->len = off + len;
		} else {
			u64 page = PAGE_BYTES - (r->address & (PAGE_BYTES - 1));

			/* a read fails as a whole: what stands in the page before may be there */
			if (page < len && !bpf_probe_read_user(s->data + off, page, (void *)r->address))
				s->len = off + page;
		}
	}
	if (n < 0) {
		status = PAYLOAD_UNREADABLE;
		/* the kernel itself will bring it in: it can be read at return */
		if (r->when == WHEN_ENTRY && !(c->flags & CAPTURE_FRESH)) {
			s->len = r->head;
			return n;
		}
	}
	end_payload(s, status);
	return 0;
}

/*
 * Reads the simple captures of s->pending that are due, and leaves there those still to be read. What is not
 * resident at entry is no failure yet.
 *
 * A global function, which the verifier looks at once, whatever led to it. The state is kept in memory: in
 * registers, where the verifier knows its values, every subset of the captures would be a path of its own to
 * it.
 */
__noinline int capture_simple(u32 lane, u32 when)
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
	r = &s->reading;
	r->when = when;
	for (u32 i = 0; i < MAX_SIMPLE; i++) {
		const struct capture *c = &p->capture[i];

		if (i >= config.simple || i >= p->captures)
			break;
		r->next = i;
		/* `when` is read anew: each value that it is known to have would be a path of its own */
		barrier();
		if (!(s->pending & (1U << i)))
			continue;
		if (r->when == WHEN_ENTRY && c->when != WHEN_ENTRY)
			continue;
		if (!is_due(s, c) || !capture_one(lane, i))
			s->pending &= ~(1U << i);
	}
	return 0;
}

#endif
