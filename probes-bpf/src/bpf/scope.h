/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * Whom to trace: the filter of the target, first thing in every program. The other filters are in filter.h.
 */
#ifndef RSTRACE_SCOPE_H
#define RSTRACE_SCOPE_H

#include "maps.h"

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

#endif
