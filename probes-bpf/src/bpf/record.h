/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * What the kernel side and user space exchange. layout.rs says the same in Rust; a test compares
 * the two by the object's BTF.
 */
#ifndef RSTRACE_RECORD_H
#define RSTRACE_RECORD_H

#include "types.h"

#define MAX_ARGS 6
#define MAX_CAPTURES 16
/* more captures than these are read by a tail: each is a path of its own to the verifier */
#define MAX_SIMPLE 4
/* bytes that one step of a capture reads; PATH_MAX, so that a path needs but one */
#define STEP_LEN 4096
/* bytes that are read of messages of netlink; the kernel's own have up to 32 KiB */
#define MESSAGE_LEN (1 << 16)
/* kernel functions that can be attached to at once */
#define FUNCTION_SLOTS 8
/* larger than any syscall number in use */
#define MAX_SYSCALLS 512
#define RDONLY_CAST 65536 /* no helper has this number */
/* captured bytes that wait in the in-flight map; what is longer goes ahead as a part */
#define INLINE_LEN 256
/* pages of the user's stack that are captured, the first one from the stack pointer on */
#define STACK_PAGES 3
/* payload bytes of one record; what is longer goes ahead as parts */
#define MAX_DATA (6 * (STEP_LEN + 16))
/* CPUs whose perf buffers are told apart; a power of two */
#define MAX_CPUS 1024
/* the places of the tails in `tails`: enum capture_when, then */
#define TAIL_THROTTLE 2
#define TAIL_FAILED_EXEC 3
#define TAIL_EXIT 4 /* the return program itself, after the above */
#define TAILS 5
/* results from -MAX_ERRNO to -1 are errors (linux/err.h) */
#define MAX_ERRNO 4095
/* syscalls that make a thread or process */
#define MAX_CLONES 4
#define MAX_KILLS 4
/* words of the set of syscalls whose return does not tell which they were */
#define RECALLED_WORDS 8
_Static_assert(RECALLED_WORDS * 64 == MAX_SYSCALLS, "a bit for each number");
/* captures that are done for each element of another may nest so deep; a power of two */
#define MAX_LOOPS 2

enum record_kind {
	RECORD_CALL = 1, /* a pair is complete: entry and return merged */
	RECORD_PART = 2, /* captures of a call that follows */
	/* of these the last two args are the thread's name */
	RECORD_FORK = 3,   /* args: the child's tid */
	RECORD_EXEC = 4,   /* args: the tid before */
	RECORD_EXIT = 5,   /* args: exit code, whether the group ended */
	RECORD_SIGNAL = 6, /* args: number, enum signal_what, its handler, the instruction pointer or 0;
			      payloads: its siginfo, and the name of the process that this tells of */
	RECORD_LET_GO = 7, /* the process is traced no more */
};

/* Where in args the name begins. */
#define NAME_ARG 4

enum call_flags {
	CALL_COMPAT = 1 << 0,	 /* made by the 32-bit table */
	CALL_NO_ENTRY = 1 << 1,	 /* only the return was seen */
	CALL_DIED = 1 << 2,	 /* the thread is being killed, or never returned */
	CALL_VECTORS = 1 << 3,	 /* its string vectors have been read */
	CALL_EXECED = 1 << 4,	 /* it replaced the program: the kernel forgets which execve it was */
	CALL_NETLINK = 1 << 5,	 /* the descriptor that was looked up is a netlink socket */
	CALL_UNDECIDED = 1 << 6, /* a path was not to be read yet: it may be one that nobody asked for */
	CALL_LET_GO = 1 << 7,	 /* its process is traced no more: how it ends is not told */
};

struct record {
	u32 size; /* of the whole record, payloads included */
	u16 kind; /* enum record_kind */
	u16 pair;
	u64 time;	/* when it was sent, CLOCK_MONOTONIC ns */
	u64 entry_time; /* of a call, or of the call that a part belongs to */
	u64 pid_tgid;
	s64 ret;
	u64 args[MAX_ARGS];
	u32 nr;	   /* syscall number; ~0 for a function that is none */
	u32 lost;  /* calls lost by this program on this CPU since its last record */
	u16 flags; /* enum call_flags */
	u16 parts; /* of a call: parts sent before it; of a part: its number */
	u32 slot;  /* in-flight slot: 0 for syscalls, else 1 + function slot */
};

enum signal_what {
	SIGNAL_DELIVERED = 0, /* to this thread, which is about to act on it */
	SIGNAL_IGNORED = 1,   /* sent to this thread, which will never know */
	SIGNAL_SENT = 2,      /* to this thread, and waiting */
};

/* The low byte of a payload's status. */
enum payload_status {
	PAYLOAD_WHOLE = 0,
	PAYLOAD_CUT = 1,	/* there is more than was asked for */
	PAYLOAD_UNREADABLE = 2, /* from here on; what stands before could be read */
	PAYLOAD_NO_ROOM = 3,	/* likewise, but for want of room or of steps */
};
#define PAYLOAD_AT_RETURN 0x100
#define PAYLOAD_MADE 0x200 /* not the process's bytes as they are */

/* Follows the record, and itself: data of len bytes, padded to 8. */
struct payload {
	u16 capture;
	u16 status; /* enum payload_status, and when it was read */
	u32 len;
	u64 address; /* in the process */
};

/* The head of an element in a captured vector of strings; the low bits are its length. */
#define ELEMENT_UNREADABLE (1U << 31)
#define ELEMENT_CUT (1U << 30)
#define ELEMENT_CONTINUED (1U << 29) /* belongs to the element before */

enum capture_when {
	WHEN_ENTRY = 0,
	WHEN_RETURN = 1,
};

enum capture_what {
	WHAT_STRING = 0, /* in user memory, up to its terminator */
	WHAT_BYTES = 1,	 /* in user memory */
	WHAT_EACH = 2,	 /* the captures that follow, for each element of another */
	WHAT_STRINGS = 3,
	WHAT_POINTER_COUNT = 4,
	WHAT_KERNEL_STRING = 5,
	WHAT_PARENT = 6,
	WHAT_IDENTITY = 7,
	/*
	 * The way from what a name is relative to: `from` is the directory's descriptor, `count` the name. If
	 * there are bits of `limit` at `add` behind the argument `shift`, absolute names are relative too.
	 */
	WHAT_BASE = 8,
	WHAT_SOCKET = 9,   /* struct socket_info of the descriptor that the argument is, if it is a socket */
	WHAT_FILE = 10,	   /* struct file_info of the descriptor that stands there, if it is open */
	WHAT_POINTER = 11, /* the user's instruction pointer */
	/* struct id_info of the process or thread whose id stands there, if there is one: what `scale` says
	   (enum look_up) */
	WHAT_ID = 12,
	/* struct file_info of each descriptor whose bit is set in what `from` brought, words of 64 bits; at
	   most `limit` */
	WHAT_FD_SET = 13,
	/* likewise of each descriptor in the control messages that `from` brought, and struct id_info of
	   those who send them: what `scale` says (enum look_up) */
	WHAT_CONTROL = 14,
};

enum look_up {
	LOOK_UP_FILES = 1 << 0, /* descriptors */
	ID_COMM = 1 << 1,	/* ids: the names behind them */
	ID_INITIAL = 1 << 2,	/* what they are in the initial PID namespace */
};

/* Where an address, a descriptor or a count comes from: an argument by its index, or one of these. */
#define FROM_CAPTURED 16 /* plus the index of a capture: a member of what it brought */
#define FROM_RETURN 32
#define FROM_CONSTANT 33 /* count 1 */
/* Counts: the size in an ioctl's request (the second argument), if it says to read, or to write, it. */
#define FROM_IOC_IN 34
#define FROM_IOC_OUT 35

enum capture_flags {
	CAPTURE_FAILED = 1 << 0,   /* at return: also of a call that failed */
	CAPTURE_FRESH = 1 << 1,	   /* at entry: the call changes it, so never later */
	CAPTURE_INT = 1 << 2,	   /* the count is an int: the argument's upper half means nothing */
	CAPTURE_PARENT = 1 << 3,   /* others are members of what it brings */
	CAPTURE_MESSAGE = 1 << 4,  /* of a netlink socket as much as there is room for, whatever the limit */
	CAPTURE_RETURNED = 1 << 5, /* at return: a count of no more than the call returned */
};

/* What a socket is. */
struct socket_info {
	u16 family;
	u16 type;
	u16 protocol;
	u16 bound; /* netlink: it has an address */
};

/* What is said of a file, and what follows. */
enum file_kind {
	FILE_IN_TREE = 1,    /* it has a path: its way, see path.h */
	FILE_OF_NO_TREE = 2, /* it has but a name, like a memfd's */
	FILE_PIPE = 3,
	FILE_SOCKET = 4,    /* struct socket_ends */
	FILE_ANONYMOUS = 5, /* the name of its kind */
	FILE_NAMESPACE = 6, /* likewise */
};

struct file_info {
	u32 kind; /* enum file_kind */
	u32 mode;
	u64 inode;
	u32 device; /* of a device file, as the kernel has it: major << 20 | minor */
	u32 pid;    /* of a pidfd: the process, if it is still there */
};

/* The ends of a socket. */
struct socket_ends {
	u16 family;
	u16 type;
	u16 protocol;
	u16 state; /* as TCP has it */
	u16 port;
	u16 peer_port;
	u32 port_id; /* netlink: its address */
	u8 address[16];
	u8 peer_address[16];
	u64 peer;     /* unix: the inode of the socket at the other end */
	u32 name_len; /* unix: bytes of its address that follow */
	u32 pad;
};

/* Bytes of a thread's name, its end included. */
#define COMM_LEN 16

/* What is told of an id; the name may be missing. */
struct id_info {
	u32 initial; /* the id in the initial PID namespace, or 0 */
	u8 comm[COMM_LEN];
};

/* The address of a payload about a descriptor: no address of memory, and the descriptor. */
#define DESCRIPTOR_TAG (1ULL << 63)
/* The address of the payload that is an instruction pointer. */
#define POINTER_TAG (1ULL << 62)
/* Likewise of one about an id, and the id. */
#define ID_TAG (1ULL << 61)
/* The address of the payload that is the user's struct pt_regs and the stack from its pointer on. */
#define STACK_TAG (1ULL << 60)

/* An argument that a capture goes without. */
#define NO_ARG 0xff

/* How the way from a directory to the root of its mount namespace ended; 0 is well. */
enum way_state {
	WAY_DELETED = 1 << 0,  /* the directory is in its parent no more */
	WAY_DETACHED = 1 << 1, /* the root was not reached: what it is on is mounted nowhere */
	WAY_CUT = 1 << 2,      /* too long, or a name was not readable */
	WAY_NONE = 1 << 3,     /* there is no such descriptor */
	WAY_OF_ROOT = 1 << 4,  /* it is that of the thread's root, as the name is absolute */
};

/*
 * What to copy. The length is ((count + round) >> shift) * scale + add, at most limit. EACH goes through what
 * the capture `from` brought in steps of `scale`, at most `limit` of them.
 */
struct capture {
	u8 what;	  /* enum capture_what */
	u8 when;	  /* enum capture_when */
	u8 from;	  /* where the address is */
	u8 count;	  /* where the count is */
	u16 offset;	  /* of the address in what was captured; KERNEL_STRING: in the structure */
	u16 count_offset; /* likewise, of the count */
	u8 pointer;	  /* bytes of a captured address */
	u8 count_size;	  /* bytes of a captured count */
	u8 flags;	  /* enum capture_flags */
	u8 body;	  /* EACH: how many captures follow */
	u16 round;
	u16 shift;
	u32 scale;
	u32 add;
	u32 limit;
};

struct pair {
	u16 captures; /* how many */
	u8 vectors;   /* some are vectors of strings */
	u8 select;    /* 1 + the argument whose value may select another row, see `variants` */
	u16 complex;  /* captures may take many steps */
	u16 ahead;    /* what is read at the entry can't be read at the return */
	struct capture capture[MAX_CAPTURES];
};

/* A call that is another one by an argument's value: ioctl by its request. */
struct variant_key {
	u32 pair;
	u32 value;
};

/* The key of a place in the in-flight map: pid_tgid, whose upper bits are free (PID_MAX_LIMIT is 1 << 22),
 * and the slot. */
#define SLOT_SHIFT 56

struct inflight {
	u64 entry_time;
	u64 args[MAX_ARGS];
	u64 frame; /* where the stack was: tells a nested call from one that never returned */
	u32 nr;
	u32 len; /* of data */
	u16 pair;
	u16 flags;
	u16 parts;
	u16 nested;  /* calls of the same function inside this one */
	u32 pending; /* captures still to be read, a bit each */
	u32 pad;
	u8 data[INLINE_LEN]; /* payloads read at entry */
};

enum counter {
	COUNT_SEEN,	     /* calls, counted before anything can fail */
	COUNT_BUFFER_FULL,   /* lost: the transport had no room */
	COUNT_INFLIGHT_FULL, /* entries without a place in the in-flight map */
	COUNT_INFLIGHT_BUSY, /* entries whose place was locked */
	COUNT_NO_RETURN,     /* lost: the return was never seen */
	COUNT_NO_ENTRY,	     /* lost: the entry was never seen */
	COUNT_NESTED,	     /* lost: inside a call of the same function */
	COUNT_PART_LOST,     /* parts without room: their call is incomplete */
	COUNT_POINT_LOST,    /* fork, exec and exit without room */
	COUNT_NOT_FOLLOWED,  /* children without room in the follow set */
	COUNT_THROTTLED,     /* calls whose return was held back, and for how long */
	COUNT_THROTTLED_NS,
	COUNT_FILTERED,	   /* calls seen whose end was not asked for: part of those seen */
	COUNT_NOT_TALLIED, /* calls that the statistics had no place for */
	COUNTERS,
};

struct counters {
	u64 count[COUNTERS];
};

enum scope {
	SCOPE_ALL = 0,
	SCOPE_TGID = 1,	 /* one, a constant */
	SCOPE_TGIDS = 2, /* the keys of the map `followed` */
	SCOPE_TIDS = 3,	 /* likewise, threads */
};

enum transport {
	TRANSPORT_PERF = 0,
	TRANSPORT_RING = 1,
};

/* a syscall that a function pair carries out: the tracepoints leave it alone */
#define BY_FUNCTION 0x8000

struct config {
	u32 scope;  /* enum scope */
	u32 target; /* the tgid of SCOPE_TGID, and of a command */
	u32 follow; /* new children join the set */
	u32 let_go; /* a process that executes a program is traced no more, but for a command's first one */
	u32 by_uid;
	u32 uid;
	u32 transport;	/* enum transport */
	u32 throttle;	/* traced threads wait for the reader */
	u32 buffer;	/* bytes: of the ring, or of each CPU's perf buffer */
	u32 wake_bytes; /* the ring wakes its reader when this much waits */
	u32 typed;	/* the current task and its registers are had as typed pointers (5.15) */
	u32 registers;	/* the kernel's id of struct pt_regs, if RDONLY_CAST can be called (6.2) */
	/* Which kinds of captures there are, a bit each, and how many simple ones a pair has at most: the
	 * verifier does not look at code that these rule out. */
	u32 kinds;
	u32 ids; /* what is told of ids: enum look_up */
	u32 simple;
	u32 complex;   /* some pairs are */
	u32 stacks;    /* each call brings its user stack */
	u32 selecting; /* some pairs have rows of their own for some values of an argument */
	u32 slots;     /* in use: that of syscalls, and those of functions */
	u32 execve[2]; /* its number, native and compat: the kernel reports every exec that succeeded by it */
	u32 execs;     /* execve is traced: it may change the ABI within a call */
	u32 sigreturn[2]; /* likewise rt_sigreturn; ~0 if it is not traced: at its return the number is gone
			   */
	u32 clones[2][MAX_CLONES];	   /* native and compat: they return in the child too */
	u32 kills[2][MAX_KILLS];	   /* likewise: they may kill the thread that makes them */
	u32 unknown;			   /* the pair of calls whose number is in no table, or 0 */
	u32 fork_child_offset;		   /* of child_pid in the classic sched_process_fork */
	u32 function_args[FUNCTION_SLOTS]; /* how many the function has (fentry) */
	u32 function_int[FUNCTION_SLOTS];  /* it returns an int: the upper half of its result means nothing */
	u16 function_pair[FUNCTION_SLOTS]; /* 0: it carries out syscalls, see below */
	u16 syscalls[2 * MAX_SYSCALLS];	   /* native, then compat, by number: pair, and BY_FUNCTION */
};

enum tally_mode {
	TALLY_NONE = 0,
	TALLY_TOO = 1,	/* records are sent as well */
	TALLY_ONLY = 2, /* no record is sent at all */
};

struct tally_config {
	u32 mode;	  /* enum tally_mode */
	u32 timed;	  /* wall times are taken */
	u32 cpu;	  /* and CPU times */
	u32 by_process;	  /* each process has its own */
	u32 task_storage; /* the kernel has it for these programs (5.13) */
	u32 pad;
	u64 overhead;		      /* ns, taken off each time */
	u64 recalled[RECALLED_WORDS]; /* a bit for each number, be it native or compat */
};

#endif
