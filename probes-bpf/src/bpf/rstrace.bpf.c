// SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0
/*
 * The one object: the engine and a thin set of programs per backend. A session loads only the programs
 * that it attaches.
 */
#include "types.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "tracepoint.h"
#include "function.h"
#include "tally.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";
