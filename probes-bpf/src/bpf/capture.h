/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * Captures: the table says what, this copies it behind the record as payloads.
 */
#ifndef RSTRACE_CAPTURE_H
#define RSTRACE_CAPTURE_H

/* Reads one capture; 0 if there is nothing more to do for it, else it could not be read. */
static __noinline long capture_one(struct scratch *s, const struct capture *what, u32 index)
{
	struct payload *head;
	u64 off = s->len, len = 0, ptr;
	u32 arg = what->arg, status = PAYLOAD_WHOLE;
	u8 *data;
	long n;

	if (off > MAX_DATA - sizeof(*head) - MAX_CAPTURE_LEN || arg >= MAX_ARGS)
		return 0;
	head = (void *)s->data + off;
	data = (u8 *)(head + 1);
	ptr = s->record.args[arg];
	if (what->what == WHAT_PARENT) {
		struct task_struct *task = (struct task_struct *)bpf_get_current_task();
		u32 parent = BPF_CORE_READ(task, real_parent, tgid);

		__builtin_memcpy(data, &parent, sizeof(parent));
		n = len = sizeof(parent);
	} else if (!ptr) {
		return 0;
	} else if (what->what == WHAT_STRING || what->what == WHAT_KERNEL_STRING) {
		if (what->what == WHAT_STRING) {
			n = bpf_probe_read_user_str(data, MAX_CAPTURE_LEN, (void *)ptr);
		} else {
			u64 string = 0;

			n = bpf_probe_read_kernel(&string, sizeof(string), (void *)ptr + what->offset);
			if (!n)
				n = bpf_probe_read_kernel_str(data, MAX_CAPTURE_LEN, (void *)string);
		}
		if (n > 0) {
			len = n - 1;
			if (n == MAX_CAPTURE_LEN) {
				char last = 0;

				/* whole, if the terminator is the last byte that was looked at */
				if (what->what == WHAT_STRING)
					bpf_probe_read_user(&last, 1, (void *)ptr + MAX_CAPTURE_LEN - 1);
				else
					last = 1;
				if (last)
					status = PAYLOAD_CUT;
			}
		}
	} else {
		if (what->what == WHAT_BYTES) {
			len = what->len;
		} else if (what->what == WHAT_BYTES_BY_ARG) {
			u32 by = what->count;

			if (by >= MAX_ARGS)
				return 0;
			len = s->record.args[by];
			/* more than can be captured anyway, and no product that wraps */
			len = len > MAX_CAPTURE_LEN ? MAX_CAPTURE_LEN + 1 : len * what->len;
		} else if (what->what == WHAT_BYTES_BY_RETURN) {
			if (s->record.ret <= 0)
				return 0;
			len = s->record.ret;
		} else {
			return 0; /* vectors are read elsewhere, see vector.h */
		}
		if (len > MAX_CAPTURE_LEN) {
			len = MAX_CAPTURE_LEN;
			status = PAYLOAD_CUT;
		}
		n = bpf_probe_read_user(data, len, (void *)ptr);
	}
	if (n < 0) {
		len = 0;
		status = PAYLOAD_UNREADABLE;
	}
	head->capture = index;
	head->status = status;
	head->len = len;
	s->len = off + sizeof(*head) + ((len + 7) & ~7ULL);
	return n < 0 ? n : 0;
}

/*
 * Reads the captures of s->pending that are due, and leaves there those still to be read. What is not
 * resident at entry is no failure yet: the kernel itself will bring it in, and it can be read at return.
 *
 * The mask is kept in memory: in a register, where the verifier knows its value, every subset of the captures
 * would be a path of its own to it.
 */
static __noinline void capture_all(struct scratch *s, const struct pair *p, u32 when)
{
	for (u32 i = 0; i < MAX_CAPTURES; i++) {
		u64 before = s->len;

		if (i >= p->captures)
			break;
		if (!(s->pending & (1U << i)))
			continue;
		if (when == WHEN_ENTRY && p->capture[i].when == WHEN_RETURN)
			continue;
		if (capture_one(s, &p->capture[i], i) && when == WHEN_ENTRY)
			s->len = before;
		else
			s->pending &= ~(1U << i);
	}
}

#endif
