//! perf_event_open.

use std::io::Write;

use rstrace_core::describe::{Access, Custom, Item, Length, Object, Shape, Syscall, Type, Width, param};
use rstrace_core::event::{Comment, Value};
use rstrace_core::flags::{Choices, FlagSet, Flags};

use crate::syscall::classes::DESC;
use crate::syscall::types::*;
use crate::uapi;

static OPEN_FLAGS: FlagSet = set!("PERF_FLAG_???", PERF_FLAG_FD_NO_GROUP PERF_FLAG_FD_OUTPUT PERF_FLAG_PID_CGROUP
    PERF_FLAG_FD_CLOEXEC);

static TYPES: Choices = choices!("PERF_TYPE_???", PERF_TYPE_HARDWARE PERF_TYPE_SOFTWARE PERF_TYPE_TRACEPOINT
    PERF_TYPE_HW_CACHE PERF_TYPE_RAW PERF_TYPE_BREAKPOINT);

static SIZES: Choices = choices!("PERF_ATTR_SIZE_???", PERF_ATTR_SIZE_VER0 PERF_ATTR_SIZE_VER1 PERF_ATTR_SIZE_VER2
    PERF_ATTR_SIZE_VER3 PERF_ATTR_SIZE_VER4 PERF_ATTR_SIZE_VER5 PERF_ATTR_SIZE_VER6 PERF_ATTR_SIZE_VER7
    PERF_ATTR_SIZE_VER8 PERF_ATTR_SIZE_VER9);

static HARDWARE: Choices = choices!("PERF_COUNT_HW_???", PERF_COUNT_HW_CPU_CYCLES PERF_COUNT_HW_INSTRUCTIONS
    PERF_COUNT_HW_CACHE_REFERENCES PERF_COUNT_HW_CACHE_MISSES PERF_COUNT_HW_BRANCH_INSTRUCTIONS
    PERF_COUNT_HW_BRANCH_MISSES PERF_COUNT_HW_BUS_CYCLES PERF_COUNT_HW_STALLED_CYCLES_FRONTEND
    PERF_COUNT_HW_STALLED_CYCLES_BACKEND PERF_COUNT_HW_REF_CPU_CYCLES);

static SOFTWARE: Choices = choices!("PERF_COUNT_SW_???", PERF_COUNT_SW_CPU_CLOCK PERF_COUNT_SW_TASK_CLOCK
    PERF_COUNT_SW_PAGE_FAULTS PERF_COUNT_SW_CONTEXT_SWITCHES PERF_COUNT_SW_CPU_MIGRATIONS PERF_COUNT_SW_PAGE_FAULTS_MIN
    PERF_COUNT_SW_PAGE_FAULTS_MAJ PERF_COUNT_SW_ALIGNMENT_FAULTS PERF_COUNT_SW_EMULATION_FAULTS PERF_COUNT_SW_DUMMY
    PERF_COUNT_SW_BPF_OUTPUT PERF_COUNT_SW_CGROUP_SWITCHES);

static CACHES: Choices = choices!("PERF_COUNT_HW_CACHE_???", PERF_COUNT_HW_CACHE_L1D PERF_COUNT_HW_CACHE_L1I
    PERF_COUNT_HW_CACHE_LL PERF_COUNT_HW_CACHE_DTLB PERF_COUNT_HW_CACHE_ITLB PERF_COUNT_HW_CACHE_BPU
    PERF_COUNT_HW_CACHE_NODE);

static CACHE_OPERATIONS: Choices = choices!("PERF_COUNT_HW_CACHE_OP_???", PERF_COUNT_HW_CACHE_OP_READ
    PERF_COUNT_HW_CACHE_OP_WRITE PERF_COUNT_HW_CACHE_OP_PREFETCH);

static CACHE_RESULTS: Choices = choices!("PERF_COUNT_HW_CACHE_RESULT_???", PERF_COUNT_HW_CACHE_RESULT_ACCESS
    PERF_COUNT_HW_CACHE_RESULT_MISS);

static SAMPLE: FlagSet = set!("PERF_SAMPLE_???", PERF_SAMPLE_IP PERF_SAMPLE_TID PERF_SAMPLE_TIME PERF_SAMPLE_ADDR
    PERF_SAMPLE_READ PERF_SAMPLE_CALLCHAIN PERF_SAMPLE_ID PERF_SAMPLE_CPU PERF_SAMPLE_PERIOD PERF_SAMPLE_STREAM_ID
    PERF_SAMPLE_RAW PERF_SAMPLE_BRANCH_STACK PERF_SAMPLE_REGS_USER PERF_SAMPLE_STACK_USER PERF_SAMPLE_WEIGHT
    PERF_SAMPLE_DATA_SRC PERF_SAMPLE_IDENTIFIER PERF_SAMPLE_TRANSACTION PERF_SAMPLE_REGS_INTR PERF_SAMPLE_PHYS_ADDR
    PERF_SAMPLE_AUX PERF_SAMPLE_CGROUP PERF_SAMPLE_DATA_PAGE_SIZE PERF_SAMPLE_CODE_PAGE_SIZE PERF_SAMPLE_WEIGHT_STRUCT);

static READ_FORMAT: FlagSet = set!("PERF_FORMAT_???", PERF_FORMAT_TOTAL_TIME_ENABLED PERF_FORMAT_TOTAL_TIME_RUNNING
    PERF_FORMAT_ID PERF_FORMAT_GROUP PERF_FORMAT_LOST);

static BRANCHES: FlagSet = set!("PERF_SAMPLE_BRANCH_???", PERF_SAMPLE_BRANCH_USER PERF_SAMPLE_BRANCH_KERNEL
    PERF_SAMPLE_BRANCH_HV PERF_SAMPLE_BRANCH_ANY PERF_SAMPLE_BRANCH_ANY_CALL PERF_SAMPLE_BRANCH_ANY_RETURN
    PERF_SAMPLE_BRANCH_IND_CALL PERF_SAMPLE_BRANCH_ABORT_TX PERF_SAMPLE_BRANCH_IN_TX PERF_SAMPLE_BRANCH_NO_TX
    PERF_SAMPLE_BRANCH_COND PERF_SAMPLE_BRANCH_CALL_STACK PERF_SAMPLE_BRANCH_IND_JUMP PERF_SAMPLE_BRANCH_CALL
    PERF_SAMPLE_BRANCH_NO_FLAGS PERF_SAMPLE_BRANCH_NO_CYCLES PERF_SAMPLE_BRANCH_TYPE_SAVE PERF_SAMPLE_BRANCH_HW_INDEX
    PERF_SAMPLE_BRANCH_PRIV_SAVE PERF_SAMPLE_BRANCH_COUNTERS);

static BREAKPOINTS: FlagSet = set!("HW_BREAKPOINT_???", HW_BREAKPOINT_EMPTY HW_BREAKPOINT_RW HW_BREAKPOINT_R HW_BREAKPOINT_W HW_BREAKPOINT_X);

static CLOCKS: Choices = choices!("CLOCK_???", CLOCK_REALTIME CLOCK_MONOTONIC CLOCK_PROCESS_CPUTIME_ID
    CLOCK_THREAD_CPUTIME_ID CLOCK_MONOTONIC_RAW CLOCK_REALTIME_COARSE CLOCK_MONOTONIC_COARSE CLOCK_BOOTTIME
    CLOCK_REALTIME_ALARM CLOCK_BOOTTIME_ALARM CLOCK_TAI);

/// The bits of `struct perf_event_attr` by name, from the lowest; `precise_ip` has two.
static BITS: &[&str] = &[
    "disabled",
    "inherit",
    "pinned",
    "exclusive",
    "exclude_user",
    "exclude_kernel",
    "exclude_hv",
    "exclude_idle",
    "mmap",
    "comm",
    "freq",
    "inherit_stat",
    "enable_on_exec",
    "task",
    "watermark",
    "precise_ip",
    "precise_ip",
    "mmap_data",
    "sample_id_all",
    "exclude_host",
    "exclude_guest",
    "exclude_callchain_kernel",
    "exclude_callchain_user",
    "mmap2",
    "comm_exec",
    "use_clockid",
    "context_switch",
    "write_backward",
    "namespaces",
    "ksymbol",
    "bpf_event",
    "aux_output",
    "cgroup",
    "text_poke",
    "build_id",
    "inherit_thread",
    "remove_on_exec",
    "sigtrap",
];

/// Places in [`BITS`] that something else depends on.
mod bit {
    pub(super) const FREQ: u32 = 10;
    pub(super) const WATERMARK: u32 = 14;
    pub(super) const PRECISE_IP: u32 = 15;
    pub(super) const USE_CLOCKID: u32 = 25;
}

/// Where the members of `struct perf_event_attr` begin.
mod at {
    pub(super) const TYPE: usize = 0;
    pub(super) const SIZE: usize = 4;
    pub(super) const CONFIG: usize = 8;
    pub(super) const PERIOD: usize = 16;
    pub(super) const SAMPLE_TYPE: usize = 24;
    pub(super) const READ_FORMAT: usize = 32;
    pub(super) const BITS: usize = 40;
    pub(super) const WAKEUP: usize = 48;
    pub(super) const BP_TYPE: usize = 52;
    pub(super) const CONFIG1: usize = 56;
    pub(super) const CONFIG2: usize = 64;
    pub(super) const BRANCH: usize = 72;
    pub(super) const REGS_USER: usize = 80;
    pub(super) const STACK_USER: usize = 88;
    pub(super) const CLOCKID: usize = 92;
    pub(super) const REGS_INTR: usize = 96;
    pub(super) const AUX_WATERMARK: usize = 104;
    pub(super) const MAX_STACK: usize = 108;
    pub(super) const RESERVED_2: usize = 110;
    pub(super) const AUX_SIZE: usize = 112;
    pub(super) const RESERVED_3: usize = 116;
    pub(super) const SIG_DATA: usize = 120;
    pub(super) const CONFIG3: usize = 128;
    pub(super) const CONFIG4: usize = 136;
}

/// All that is known of the structure, in bytes.
const KNOWN: usize = uapi::PERF_ATTR_SIZE_VER9 as usize;

/// As much of it as is shown whatever it says: what came later is shown if it is not zero.
const ALWAYS: usize = uapi::PERF_ATTR_SIZE_VER7 as usize;

/// What comes before the configuration's last part: a number for those that the kernel extends.
fn write_extended(out: &mut Notation<'_>, config: u64, shift: u32) {
    if config >> shift != 0 {
        // writing to a vector cannot fail
        let _ = write!(out, "{:#x}<<{shift}|", config >> shift);
    }
}

fn write_hardware(out: &mut Notation<'_>, config: u64) {
    write_extended(out, config, 32);
    HARDWARE.write(out, config & 0xffff_ffff);
}

fn write_cache(out: &mut Notation<'_>, config: u64) {
    write_extended(out, config, 32);
    let own = config & 0xff00_0000;
    if own != 0 {
        // writing to a vector cannot fail
        let _ = write!(out, "{:#x}<<24|", own >> 24);
    }
    for (shift, names) in [(16, &CACHE_RESULTS), (8, &CACHE_OPERATIONS)] {
        names.write(out, config >> shift & 0xff);
        // writing to a vector cannot fail
        let _ = write!(out, "<<{shift}|");
    }
    CACHES.write(out, config & 0xff);
}

/// What is counted, by the type of the event.
fn config(kind: u64, config: u64) -> Value<'static> {
    match kind {
        uapi::PERF_TYPE_HARDWARE => Value::Written(config, write_hardware),
        uapi::PERF_TYPE_SOFTWARE => Value::Choice(config, &SOFTWARE),
        uapi::PERF_TYPE_TRACEPOINT => Value::Unsigned(config),
        uapi::PERF_TYPE_HW_CACHE => Value::Written(config, write_cache),
        _ => Value::Hex(config),
    }
}

fn write_skid(out: &mut Notation<'_>, precision: u64) {
    let skid: &[u8] = match precision {
        0 => b"arbitrary skid",
        1 => b"constant skid",
        2 => b"requested to have 0 skid",
        _ => b"must have 0 skid",
    };
    out.extend_from_slice(skid);
}

/// The bits: in brief those that are set.
fn bits(bits: u64, verbose: bool, emit: &mut dyn FnMut(Item<'_>)) {
    for (place, name) in BITS.iter().enumerate() {
        let place = place as u32;
        let set = bits >> place & 1;
        if place == bit::PRECISE_IP {
            let precision = bits >> place & 3;
            let plain = Value::Unsigned(precision);
            let comment = Comment::Written(precision, write_skid);
            emit(Item::member(name, Value::Commented(&plain, comment)));
        } else if place != bit::PRECISE_IP + 1 && (verbose || set != 0) {
            emit(Item::member(name, Value::Unsigned(set)));
        }
    }
    let known = BITS.len() as u32;
    if bits >> known != 0 {
        let plain = Value::Hex(bits >> known);
        let comment = Comment::Written(known.into(), |out, first| {
            // writing to a vector cannot fail
            let _ = write!(out, "Bits 63..{first}");
        });
        emit(Item::member("__reserved_1", Value::Commented(&plain, comment)));
    }
}

/// `bytes 110..111: 0xffff`
fn write_reserved_2(out: &mut Notation<'_>, value: u64) {
    // writing to a vector cannot fail
    let _ = write!(out, "bytes 110..111: {value:#x}");
}

/// `bytes 116..119: 0xffffffff`
fn write_reserved_3(out: &mut Notation<'_>, value: u64) {
    // writing to a vector cannot fail
    let _ = write!(out, "bytes 116..119: {value:#x}");
}

/// What the first version had behind the bits, and later ones added.
fn rest(attr: &Object<'_>, size: usize, emit: &mut dyn FnMut(Item<'_>)) {
    let number = |at, width| attr.number(at, width);
    let word = |at| attr.number(at, Width::U64);
    let set = |place: u32| word(at::BITS) >> place & 1 != 0;
    let has = |sample: u64| word(at::SAMPLE_TYPE) & sample != 0;
    let is_breakpoint = number(at::TYPE, Width::U32) == uapi::PERF_TYPE_BREAKPOINT;
    let mut member = |name, begin: usize, bytes: usize, shown: bool, value: Value<'_>| {
        if shown && size >= begin + bytes {
            emit(Item::member(name, value));
        }
    };
    let wakeup = if set(bit::WATERMARK) { "wakeup_watermark" } else { "wakeup_events" };
    member(wakeup, at::WAKEUP, 4, true, Value::Unsigned(number(at::WAKEUP, Width::U32)));
    let kind = Value::Flags(Flags { bits: number(at::BP_TYPE, Width::U32), set: &BREAKPOINTS });
    member("bp_type", at::BP_TYPE, 4, is_breakpoint, kind);
    member("bp_addr", at::CONFIG1, 8, is_breakpoint, Value::Hex(word(at::CONFIG1)));
    member("bp_len", at::CONFIG2, 8, is_breakpoint, Value::Unsigned(word(at::CONFIG2)));
    member("config1", at::CONFIG1, 8, !is_breakpoint, Value::Hex(word(at::CONFIG1)));
    member("config2", at::CONFIG2, 8, !is_breakpoint, Value::Hex(word(at::CONFIG2)));
    let branches = Value::Flags(Flags { bits: word(at::BRANCH), set: &BRANCHES });
    member("branch_sample_type", at::BRANCH, 8, has(uapi::PERF_SAMPLE_BRANCH_STACK), branches);
    member("sample_regs_user", at::REGS_USER, 8, true, Value::Hex(word(at::REGS_USER)));
    let stack = Value::Hex(number(at::STACK_USER, Width::U32));
    member("sample_stack_user", at::STACK_USER, 4, has(uapi::PERF_SAMPLE_STACK_USER), stack);
    let clock = Value::Choice(number(at::CLOCKID, Width::U32), &CLOCKS);
    member("clockid", at::CLOCKID, 4, set(bit::USE_CLOCKID), clock);
    member("sample_regs_intr", at::REGS_INTR, 8, true, Value::Hex(word(at::REGS_INTR)));
    let watermark = Value::Unsigned(number(at::AUX_WATERMARK, Width::U32));
    member("aux_watermark", at::AUX_WATERMARK, 4, true, watermark);
    let stack = Value::Unsigned(number(at::MAX_STACK, Width::U16));
    let reserved = number(at::RESERVED_2, Width::U16);
    let with_reserved = Value::Commented(&stack, Comment::Written(reserved, write_reserved_2));
    member("sample_max_stack", at::MAX_STACK, 4, true, if reserved == 0 { stack } else { with_reserved });
    let aux = Value::Unsigned(number(at::AUX_SIZE, Width::U32));
    let reserved = number(at::RESERVED_3, Width::U32);
    let with_reserved = Value::Commented(&aux, Comment::Written(reserved, write_reserved_3));
    member("aux_sample_size", at::AUX_SIZE, 8, true, if reserved == 0 { aux } else { with_reserved });
    member("sig_data", at::SIG_DATA, 8, true, Value::Hex(word(at::SIG_DATA)));
    member("config3", at::CONFIG3, 8, word(at::CONFIG3) != 0, Value::Hex(word(at::CONFIG3)));
    member("config4", at::CONFIG4, 8, word(at::CONFIG4) != 0, Value::Hex(word(at::CONFIG4)));
}

/// `struct perf_event_attr`, which says its own size.
static ATTR: Type = Type::Custom(&Custom {
    size: KNOWN,
    compat_size: KNOWN,
    shape: Shape::Struct,
    parts: |attr, verbose, emit| {
        let first = uapi::PERF_ATTR_SIZE_VER0 as usize;
        let said = attr.number(at::SIZE, Width::U32);
        let size = match said as usize {
            0 => first,
            size => size,
        };
        // in brief nothing is looked at behind the bits
        let wanted = if verbose { size.min(ALWAYS) } else { at::WAKEUP };
        if attr.bytes.len() < wanted || size < first {
            return;
        }
        let kind = attr.number(at::TYPE, Width::U32);
        let word = |at| attr.number(at, Width::U64);
        emit(Item::member("type", Value::Choice(kind, &TYPES)));
        emit(Item::member("size", Value::Choice(said, &SIZES)));
        emit(Item::member("config", config(kind, word(at::CONFIG))));
        let is_frequency = word(at::BITS) >> bit::FREQ & 1 != 0;
        let name = if is_frequency { "sample_freq" } else { "sample_period" };
        emit(Item::member(name, Value::Unsigned(word(at::PERIOD))));
        let sample = Value::Flags(Flags { bits: word(at::SAMPLE_TYPE), set: &SAMPLE });
        emit(Item::member("sample_type", sample));
        let format = Value::Flags(Flags { bits: word(at::READ_FORMAT), set: &READ_FORMAT });
        emit(Item::member("read_format", format));
        bits(word(at::BITS), verbose, emit);
        if verbose {
            rest(attr, size, emit);
        }
        if !verbose || size > KNOWN {
            emit(Item::element(Value::More(None)));
        }
    },
    nested: &[],
});

/// Behind an address.
pub(super) const ATTRIBUTES: Type = Type::Sized(Access::In, &ATTR, Length::Fixed(KNOWN as u32));

pub static SYSCALLS: &[Syscall] = &[call(
    "perf_event_open",
    DESC,
    &[
        param("attr", ATTRIBUTES),
        // of a cgroup it is the folder's descriptor
        param("pid", Type::Either(|call| call.args[4] & uapi::PERF_FLAG_PID_CGROUP != 0, &FD, &PID)),
        param("cpu", INT),
        param("group_fd", FD),
        param("flags", long_flags(&OPEN_FLAGS)),
    ],
    RET_FD,
)];
