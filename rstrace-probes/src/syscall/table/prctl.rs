//! A process's settings: prctl and arch_prctl by operation, personality.

use std::io::Write;

use rstrace_core::describe::{
    Access, Case, Cases, Constants, Custom, Item, Length, Meaning, Named, Param, Returned, Shape, Syscall,
    Type, Width, param,
};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet, Flags};
use rstrace_core::memory::At;
use rstrace_core::probe::RawCall;

use super::creds::CAPABILITIES;
use super::security::SECCOMP_PROGRAM;
use crate::syscall::classes::CREDS;
use crate::syscall::types::*;
use crate::uapi;

static OPERATIONS: Choices = choices!("PR_???", PR_SET_PDEATHSIG PR_GET_PDEATHSIG PR_GET_DUMPABLE PR_SET_DUMPABLE
    PR_GET_UNALIGN PR_SET_UNALIGN PR_GET_KEEPCAPS PR_SET_KEEPCAPS PR_GET_FPEMU PR_SET_FPEMU PR_GET_FPEXC PR_SET_FPEXC
    PR_GET_TIMING PR_SET_TIMING PR_SET_NAME PR_GET_NAME PR_GET_ENDIAN PR_SET_ENDIAN PR_GET_SECCOMP PR_SET_SECCOMP
    PR_CAPBSET_READ PR_CAPBSET_DROP PR_GET_TSC PR_SET_TSC PR_GET_SECUREBITS PR_SET_SECUREBITS PR_SET_TIMERSLACK
    PR_GET_TIMERSLACK PR_TASK_PERF_EVENTS_DISABLE PR_TASK_PERF_EVENTS_ENABLE PR_MCE_KILL PR_MCE_KILL_GET PR_SET_MM
    PR_SET_PTRACER PR_SET_CHILD_SUBREAPER PR_GET_CHILD_SUBREAPER PR_SET_NO_NEW_PRIVS PR_GET_NO_NEW_PRIVS
    PR_GET_TID_ADDRESS PR_SET_THP_DISABLE PR_GET_THP_DISABLE PR_MPX_ENABLE_MANAGEMENT PR_MPX_DISABLE_MANAGEMENT
    PR_SET_FP_MODE PR_GET_FP_MODE PR_CAP_AMBIENT PR_SVE_SET_VL PR_SVE_GET_VL PR_GET_SPECULATION_CTRL
    PR_SET_SPECULATION_CTRL PR_PAC_RESET_KEYS PR_SET_TAGGED_ADDR_CTRL PR_GET_TAGGED_ADDR_CTRL PR_SET_IO_FLUSHER
    PR_GET_IO_FLUSHER PR_SET_SYSCALL_USER_DISPATCH PR_PAC_SET_ENABLED_KEYS PR_PAC_GET_ENABLED_KEYS PR_SCHED_CORE
    PR_SME_SET_VL PR_SME_GET_VL PR_SET_MDWE PR_GET_MDWE PR_SET_VMA PR_GET_AUXV PR_SET_MEMORY_MERGE
    PR_GET_MEMORY_MERGE PR_RISCV_V_SET_CONTROL PR_RISCV_V_GET_CONTROL PR_RISCV_SET_ICACHE_FLUSH_CTX PR_PPC_GET_DEXCR
    PR_PPC_SET_DEXCR PR_GET_SHADOW_STACK_STATUS PR_SET_SHADOW_STACK_STATUS PR_LOCK_SHADOW_STACK_STATUS
    PR_TIMER_CREATE_RESTORE_IDS PR_FUTEX_HASH PR_RSEQ_SLICE_EXTENSION PR_GET_CFI PR_SET_CFI);

/// `SUID_DUMP_*` as prctl(2) and the kernel's `linux/sched/coredump.h` have them.
static DUMPABLE: Choices = Choices {
    names: &[(0, "SUID_DUMP_DISABLE"), (1, "SUID_DUMP_USER"), (2, "SUID_DUMP_ROOT")],
    unknown: "SUID_DUMP_???",
};

static UNALIGN: FlagSet = set!("PR_UNALIGN_???", PR_UNALIGN_NOPRINT PR_UNALIGN_SIGBUS);

static TSC: Choices = choices!("PR_TSC_???", PR_TSC_ENABLE PR_TSC_SIGSEGV);

static SECUREBITS: FlagSet = set!("SECBIT_???", SECBIT_NOROOT SECBIT_NOROOT_LOCKED SECBIT_NO_SETUID_FIXUP
    SECBIT_NO_SETUID_FIXUP_LOCKED SECBIT_KEEP_CAPS SECBIT_KEEP_CAPS_LOCKED SECBIT_NO_CAP_AMBIENT_RAISE
    SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED SECBIT_EXEC_RESTRICT_FILE SECBIT_EXEC_RESTRICT_FILE_LOCKED
    SECBIT_EXEC_DENY_INTERACTIVE SECBIT_EXEC_DENY_INTERACTIVE_LOCKED);

static SECCOMP_MODES: Choices =
    choices!("SECCOMP_MODE_???", SECCOMP_MODE_DISABLED SECCOMP_MODE_STRICT SECCOMP_MODE_FILTER);

static MCE_KILL: Choices = choices!("PR_MCE_KILL_???", PR_MCE_KILL_CLEAR PR_MCE_KILL_SET);

static MCE_POLICIES: Choices =
    choices!("PR_MCE_KILL_???", PR_MCE_KILL_LATE PR_MCE_KILL_EARLY PR_MCE_KILL_DEFAULT);

static SET_MM: Choices = choices!("PR_SET_MM_???", PR_SET_MM_START_CODE PR_SET_MM_END_CODE PR_SET_MM_START_DATA
    PR_SET_MM_END_DATA PR_SET_MM_START_STACK PR_SET_MM_START_BRK PR_SET_MM_BRK PR_SET_MM_ARG_START PR_SET_MM_ARG_END
    PR_SET_MM_ENV_START PR_SET_MM_ENV_END PR_SET_MM_AUXV PR_SET_MM_EXE_FILE PR_SET_MM_MAP PR_SET_MM_MAP_SIZE);

static SET_VMA: Choices = choices!("PR_SET_VMA_???", PR_SET_VMA_ANON_NAME);

static AMBIENT: Choices = choices!("PR_CAP_AMBIENT_???", PR_CAP_AMBIENT_IS_SET PR_CAP_AMBIENT_RAISE
    PR_CAP_AMBIENT_LOWER PR_CAP_AMBIENT_CLEAR_ALL);

static FP_MODES: FlagSet = set!("PR_FP_MODE_???", PR_FP_MODE_FR PR_FP_MODE_FRE);

/// `PR_SVE_VL_INHERIT`, whose low bits are a length.
static SVE_LENGTH: FlagSet = set!("", PR_SVE_SET_VL_ONEXEC PR_SVE_VL_INHERIT);
/// Likewise of `PR_SME_VL_INHERIT`.
static SME_LENGTH: FlagSet = set!("", PR_SME_SET_VL_ONEXEC PR_SME_VL_INHERIT);

static SPECULATION: Choices =
    choices!("PR_SPEC_???", PR_SPEC_STORE_BYPASS PR_SPEC_INDIRECT_BRANCH PR_SPEC_L1D_FLUSH);

static SPECULATION_STATES: Choices = choices!("PR_SPEC_???", PR_SPEC_ENABLE PR_SPEC_DISABLE PR_SPEC_FORCE_DISABLE
    PR_SPEC_DISABLE_NOEXEC);

static SPECULATION_STATE_ASKED: Type = of(&SPECULATION_STATES);

/// What the states of an unknown kind mean is unknown too.
fn is_speculation(call: &RawCall<'_>) -> bool {
    SPECULATION.name(call.args[1]).is_some()
}

static SPECULATION_STATE: FlagSet = set!("PR_SPEC_???", PR_SPEC_NOT_AFFECTED PR_SPEC_PRCTL PR_SPEC_ENABLE
    PR_SPEC_DISABLE PR_SPEC_FORCE_DISABLE PR_SPEC_DISABLE_NOEXEC);

static PAC_KEYS: FlagSet = set!("PR_PAC_???", PR_PAC_APIAKEY PR_PAC_APIBKEY PR_PAC_APDAKEY PR_PAC_APDBKEY
    PR_PAC_APGAKEY);

static MTE: Choices =
    choices!("PR_MTE_???", PR_MTE_TCF_NONE PR_MTE_TCF_SYNC PR_MTE_TCF_ASYNC PR_MTE_TCF_MASK);

static DISPATCH: Choices = choices!("PR_SYS_DISPATCH_???", PR_SYS_DISPATCH_OFF PR_SYS_DISPATCH_ON
    PR_SYS_DISPATCH_INCLUSIVE_ON);

static SCHED_CORE: Choices = choices!("PR_SCHED_CORE_???", PR_SCHED_CORE_GET PR_SCHED_CORE_CREATE
    PR_SCHED_CORE_SHARE_TO PR_SCHED_CORE_SHARE_FROM);

static MDWE: FlagSet = set!("PR_MDWE_???", PR_MDWE_REFUSE_EXEC_GAIN PR_MDWE_NO_INHERIT);

/// From this kind on the id is that of a group or session.
const PIDTYPE_PGID: u64 = 2;

/// `0 /* PIDTYPE_PID */`: the names of the kernel's `linux/pid.h`, which are in no header for programs.
fn write_pid_type(out: &mut Notation<'_>, kind: u64) {
    let name = match kind {
        0 => "PIDTYPE_PID",
        1 => "PIDTYPE_TGID",
        2 => "PIDTYPE_PGID",
        3 => "PIDTYPE_SID",
        _ => "PIDTYPE_???",
    };
    named::hex(out, kind);
    // writing to a vector cannot fail
    let _ = write!(out, " /* {name} */");
}

fn lets_any_trace(call: &RawCall<'_>) -> bool {
    call.args[1] == uapi::PR_SET_PTRACER_ANY
}

static ANY_PTRACER: Type =
    Type::Number(Width::Word, Meaning::Named(&Named::int(|out, _| out.push_text("PR_SET_PTRACER_ANY"))));

/// What arm64 keeps of an address's upper byte: whether, how tags are checked, which tags there are.
fn write_tagged_address(out: &mut Notation<'_>, control: u64) {
    let (tags, checks) = (control & uapi::PR_MTE_TAG_MASK, control & uapi::PR_MTE_TCF_MASK);
    let enabled = control & uapi::PR_TAGGED_ADDR_ENABLE != 0;
    out.extend_from_slice(if enabled { b"PR_TAGGED_ADDR_ENABLE|" } else { b"!PR_TAGGED_ADDR_ENABLE|" });
    MTE.write(out, checks);
    // writing to a vector cannot fail
    if tags != 0 {
        let _ = write!(out, "|{:#x}<<PR_MTE_TAG_SHIFT", tags >> uapi::PR_MTE_TAG_SHIFT);
    }
    let rest = control & !tags & !checks & !uapi::PR_TAGGED_ADDR_ENABLE;
    if rest != 0 {
        out.push(b'|');
        named::hex(out, rest);
    }
}

/// Bytes of a thread's name with its terminator: `TASK_COMM_LEN` of `linux/sched.h`.
const NAME_BYTES: usize = 16;

/// The name of a thread. The kernel reads all but the last byte and does not look whether the name ends there, so `...`
/// may stand for nothing.
static NAME: Type = Type::Custom(&Custom {
    size: NAME_BYTES,
    compat_size: NAME_BYTES,
    shape: Shape::Bare,
    parts: |object, _, emit| {
        let mut text = |bytes, more| emit(Item::element(Value::Text { bytes, more, whole: false }));
        // the kernel ends what it writes
        let most = if object.at == At::Return { NAME_BYTES } else { NAME_BYTES - 1 };
        let read = object.bytes.get(..most);
        let known = read.unwrap_or(object.bytes);
        match known.iter().position(|byte| *byte == 0) {
            Some(end) => text(&known[..end], false),
            None if read.is_some() => text(known, true),
            None => {}
        }
    },
    nested: &[],
});

static DEATH_SIGNAL: Type = SIGNAL;
static UNALIGN_BITS: Type = flags(&UNALIGN);
static TSC_STATE: Type = choice(&TSC);
static NUMBER: Type = UINT;
static THREAD_AREA: Type = ADDRESS;
static COOKIE: Type = HEX64;
static ANY_WORD: Type = HEX;

const OP: Param = param("op", choice(&OPERATIONS));
const DECIMAL: Param = param("arg2", ULONG);
const SECOND: Param = param("arg2", HEX);
const THIRD: Param = param("arg3", HEX);
const FOURTH: Param = param("arg4", HEX);
const FIFTH: Param = param("arg5", HEX);

/// All 64 bits of a register, one of several values.
const fn of(set: &'static Choices) -> Type {
    Type::Number(Width::Word, Meaning::Choice(set))
}

const fn written(write: fn(&mut Notation<'_>, u64)) -> Type {
    Type::Number(Width::Word, Meaning::Written(write))
}

/// An operation, and what stands behind it.
const fn op(value: u64, params: &'static [Param]) -> Case {
    Case { value: value as u32, params, result: None }
}

/// The same of an operation whose result has a meaning.
const fn telling(value: u64, params: &'static [Param], gloss: Returned) -> Case {
    Case { value: value as u32, params, result: Some(gloss) }
}

/// A result of named bits: nothing if there are none.
macro_rules! bits {
    ($set:ident) => {
        Returned::Glossed(Width::U32, Meaning::Hex, |call, emit| {
            if call.returned() != 0 {
                emit(Item::element(Value::Flags(Flags { bits: call.returned() as u64, set: &$set })));
            }
        })
    };
}

/// A result that is one of several values.
macro_rules! one_of {
    ($set:ident) => {
        Returned::Glossed(Width::I32, Meaning::Plain, |call, emit| {
            emit(Item::element(Value::Choice(call.returned() as u64, &$set)));
        })
    };
}

fn is_filter(call: &RawCall<'_>) -> bool {
    call.args[1] == uapi::SECCOMP_MODE_FILTER
}

fn is_strict(call: &RawCall<'_>) -> bool {
    call.args[1] == uapi::SECCOMP_MODE_STRICT
}

fn is_other_mode(call: &RawCall<'_>) -> bool {
    !is_filter(call) && !is_strict(call)
}

fn sets_policy(call: &RawCall<'_>) -> bool {
    call.args[1] == uapi::PR_MCE_KILL_SET
}

fn takes_capability(call: &RawCall<'_>) -> bool {
    matches!(
        call.args[1],
        uapi::PR_CAP_AMBIENT_IS_SET | uapi::PR_CAP_AMBIENT_RAISE | uapi::PR_CAP_AMBIENT_LOWER
    )
}

fn names_memory(call: &RawCall<'_>) -> bool {
    call.args[1] == uapi::PR_SET_VMA_ANON_NAME
}

static FILTER_PROGRAM: Type = input(&SECCOMP_PROGRAM);
static MCE_POLICY: Type = of(&MCE_POLICIES);
static CAPABILITY: Type = of(&CAPABILITIES);
static BYTES: Type = ULONG;
static MEMORY_NAME: Type = TEXT;

const fn only_if(param: Param, shown: fn(&RawCall<'_>) -> bool) -> Param {
    Param { shown: Some(shown), ..param }
}

/// A call whose result is the length of a vector register, with flags.
macro_rules! ret_length {
    ($write:ident) => {
        Returned::Glossed(Width::U32, Meaning::Hex, |call, emit| {
            emit(Item::element(Value::Written(call.returned() as u64, $write)));
        })
    };
}

static CASES: Cases = Cases {
    arg: 0,
    cases: &[
        op(uapi::PR_SET_PDEATHSIG, &[OP, param("arg2", Type::Number(Width::Word, Meaning::Signal))]),
        op(uapi::PR_GET_PDEATHSIG, &[OP, param("arg2", output(&DEATH_SIGNAL))]),
        telling(uapi::PR_GET_DUMPABLE, &[OP], one_of!(DUMPABLE)),
        op(uapi::PR_SET_DUMPABLE, &[OP, param("arg2", of(&DUMPABLE))]),
        op(uapi::PR_GET_UNALIGN, &[OP, param("arg2", output(&UNALIGN_BITS))]),
        op(uapi::PR_SET_UNALIGN, &[OP, param("arg2", long_flags(&UNALIGN))]),
        op(uapi::PR_GET_KEEPCAPS, &[OP]),
        op(uapi::PR_SET_KEEPCAPS, &[OP, DECIMAL]),
        op(uapi::PR_GET_FPEMU, &[OP, param("arg2", output(&NUMBER))]),
        op(uapi::PR_SET_FPEMU, &[OP, DECIMAL]),
        op(uapi::PR_GET_FPEXC, &[OP, param("arg2", output(&NUMBER))]),
        op(uapi::PR_SET_FPEXC, &[OP, DECIMAL]),
        op(uapi::PR_GET_TIMING, &[OP]),
        op(uapi::PR_SET_TIMING, &[OP, DECIMAL]),
        op(uapi::PR_SET_NAME, &[OP, param("arg2", Type::Sized(Access::In, &NAME, NAME_LENGTH))]),
        op(uapi::PR_GET_NAME, &[OP, param("arg2", Type::Sized(Access::Out, &NAME, NAME_LENGTH))]),
        op(uapi::PR_GET_ENDIAN, &[OP, param("arg2", output(&NUMBER))]),
        op(uapi::PR_SET_ENDIAN, &[OP, DECIMAL]),
        op(uapi::PR_GET_SECCOMP, &[OP]),
        op(
            uapi::PR_SET_SECCOMP,
            &[
                OP,
                param("arg2", of(&SECCOMP_MODES)),
                only_if(param("arg3", Type::Either(is_filter, &FILTER_PROGRAM, &ANY_WORD)), |call| {
                    !is_strict(call)
                }),
                only_if(FOURTH, is_other_mode),
                only_if(FIFTH, is_other_mode),
            ],
        ),
        op(uapi::PR_CAPBSET_READ, &[OP, param("arg2", of(&CAPABILITIES))]),
        op(uapi::PR_CAPBSET_DROP, &[OP, param("arg2", of(&CAPABILITIES))]),
        op(uapi::PR_GET_TSC, &[OP, param("arg2", output(&TSC_STATE))]),
        op(uapi::PR_SET_TSC, &[OP, param("arg2", of(&TSC))]),
        telling(uapi::PR_GET_SECUREBITS, &[OP], bits!(SECUREBITS)),
        op(uapi::PR_SET_SECUREBITS, &[OP, param("arg2", long_flags(&SECUREBITS))]),
        op(uapi::PR_SET_TIMERSLACK, &[OP, param("arg2", LONG)]),
        telling(uapi::PR_GET_TIMERSLACK, &[OP], returns(Width::Word, Meaning::Plain)),
        op(uapi::PR_TASK_PERF_EVENTS_DISABLE, &[OP]),
        op(uapi::PR_TASK_PERF_EVENTS_ENABLE, &[OP]),
        op(
            uapi::PR_MCE_KILL,
            &[
                OP,
                param("arg2", of(&MCE_KILL)),
                param("arg3", Type::Either(sets_policy, &MCE_POLICY, &ANY_WORD)),
                FOURTH,
                FIFTH,
            ],
        ),
        telling(uapi::PR_MCE_KILL_GET, &[OP, SECOND, THIRD, FOURTH, FIFTH], one_of!(MCE_POLICIES)),
        op(uapi::PR_SET_MM, &[OP, param("arg2", of(&SET_MM)), THIRD, FOURTH, FIFTH]),
        op(uapi::PR_SET_CHILD_SUBREAPER, &[OP, DECIMAL]),
        op(uapi::PR_GET_CHILD_SUBREAPER, &[OP, param("arg2", output(&NUMBER))]),
        op(uapi::PR_SET_NO_NEW_PRIVS, &[OP, DECIMAL, THIRD, FOURTH, FIFTH]),
        op(uapi::PR_GET_TID_ADDRESS, &[OP, param("arg2", output(&THREAD_AREA))]),
        op(uapi::PR_SET_THP_DISABLE, &[OP, DECIMAL, THIRD, FOURTH, FIFTH]),
        op(uapi::PR_SET_FP_MODE, &[OP, param("arg2", long_flags(&FP_MODES))]),
        telling(uapi::PR_GET_FP_MODE, &[OP], bits!(FP_MODES)),
        op(
            uapi::PR_CAP_AMBIENT,
            &[
                OP,
                param("arg2", of(&AMBIENT)),
                param("arg3", Type::Either(takes_capability, &CAPABILITY, &ANY_WORD)),
                FOURTH,
                FIFTH,
            ],
        ),
        op(uapi::PR_SVE_SET_VL, &[OP, param("arg2", written(write_sve_length))]),
        telling(uapi::PR_SVE_GET_VL, &[OP], ret_length!(write_sve_length)),
        telling(
            uapi::PR_GET_SPECULATION_CTRL,
            &[OP, param("arg2", of(&SPECULATION))],
            bits!(SPECULATION_STATE),
        ),
        op(
            uapi::PR_SET_SPECULATION_CTRL,
            &[
                OP,
                param("arg2", of(&SPECULATION)),
                param("arg3", Type::Either(is_speculation, &SPECULATION_STATE_ASKED, &ANY_WORD)),
            ],
        ),
        op(uapi::PR_PAC_RESET_KEYS, &[OP, param("arg2", long_flags(&PAC_KEYS)), THIRD, FOURTH, FIFTH]),
        op(
            uapi::PR_SET_TAGGED_ADDR_CTRL,
            &[OP, param("arg2", written(write_tagged_address)), THIRD, FOURTH, FIFTH],
        ),
        telling(
            uapi::PR_GET_TAGGED_ADDR_CTRL,
            &[OP, SECOND, THIRD, FOURTH, FIFTH],
            Returned::Glossed(Width::U32, Meaning::Hex, |call, emit| {
                emit(Item::element(Value::Written(call.returned() as u64, write_tagged_address)));
            }),
        ),
        op(uapi::PR_SET_IO_FLUSHER, &[OP, DECIMAL, THIRD, FOURTH, FIFTH]),
        op(
            uapi::PR_SET_SYSCALL_USER_DISPATCH,
            &[OP, param("arg2", of(&DISPATCH)), THIRD, FOURTH, param("arg5", ADDRESS)],
        ),
        op(
            uapi::PR_PAC_SET_ENABLED_KEYS,
            &[OP, param("arg2", long_flags(&PAC_KEYS)), param("arg3", long_flags(&PAC_KEYS)), FOURTH, FIFTH],
        ),
        telling(uapi::PR_PAC_GET_ENABLED_KEYS, &[OP, SECOND, THIRD, FOURTH, FIFTH], bits!(PAC_KEYS)),
        op(
            uapi::PR_SCHED_CORE,
            &[
                OP,
                param("arg2", of(&SCHED_CORE)),
                param("arg3", Type::Either(|call| call.args[3] < PIDTYPE_PGID, &PID, &PGID)),
                param("arg4", written(write_pid_type)),
                param("arg5", output(&COOKIE)),
            ],
        ),
        op(uapi::PR_SME_SET_VL, &[OP, param("arg2", written(write_sme_length))]),
        telling(uapi::PR_SME_GET_VL, &[OP], ret_length!(write_sme_length)),
        op(uapi::PR_SET_MDWE, &[OP, param("arg2", long_flags(&MDWE)), THIRD, FOURTH, FIFTH]),
        telling(uapi::PR_GET_MDWE, &[OP, SECOND, THIRD, FOURTH, FIFTH], bits!(MDWE)),
        op(
            uapi::PR_SET_VMA,
            &[
                OP,
                param("arg2", of(&SET_VMA)),
                THIRD,
                param("arg4", Type::Either(names_memory, &BYTES, &ANY_WORD)),
                param("arg5", Type::Either(names_memory, &MEMORY_NAME, &ANY_WORD)),
            ],
        ),
        op(uapi::PR_SET_PTRACER, &[OP, param("arg2", Type::Either(lets_any_trace, &ANY_PTRACER, &PID))]),
    ],
};

const NAME_LENGTH: Length = Length::Fixed(NAME_BYTES as u32);

/// The length of a vector register, and flags. The masks of SVE and SME are the same.
fn write_length(out: &mut Notation<'_>, length: u64, set: &'static FlagSet) {
    let (bits, length) = (length & !uapi::PR_SVE_VL_LEN_MASK, length & uapi::PR_SVE_VL_LEN_MASK);
    if bits != 0 {
        Flags { bits, set }.write(out);
        out.push(b'|');
    }
    named::hex(out, length);
}

fn write_sve_length(out: &mut Notation<'_>, length: u64) {
    write_length(out, length, &SVE_LENGTH);
}

fn write_sme_length(out: &mut Notation<'_>, length: u64) {
    write_length(out, length, &SME_LENGTH);
}

static ARCH_OPERATIONS: Choices = choices!("ARCH_???", ARCH_SET_GS ARCH_SET_FS ARCH_GET_FS ARCH_GET_GS ARCH_GET_CPUID
    ARCH_SET_CPUID ARCH_GET_XCOMP_SUPP ARCH_GET_XCOMP_PERM ARCH_REQ_XCOMP_PERM ARCH_GET_XCOMP_GUEST_PERM
    ARCH_REQ_XCOMP_GUEST_PERM ARCH_MAP_VDSO_X32 ARCH_MAP_VDSO_32 ARCH_MAP_VDSO_64 ARCH_GET_UNTAG_MASK
    ARCH_ENABLE_TAGGED_ADDR ARCH_GET_MAX_TAG_BITS ARCH_FORCE_TAGGED_SVA ARCH_SHSTK_ENABLE ARCH_SHSTK_DISABLE
    ARCH_SHSTK_LOCK ARCH_SHSTK_UNLOCK ARCH_SHSTK_STATUS);

static SHADOW_STACK: FlagSet = set!("ARCH_SHSTK_???", ARCH_SHSTK_SHSTK ARCH_SHSTK_WRSS);

/// Features of the processor that have a state to be saved, by their bits in XCR0 (Intel's manual, volume 1, 13.1),
/// with the names of the kernel's `asm/fpu/types.h`, which is no header for programs.
static FEATURE_MASKS: FlagSet = FlagSet {
    choice: None,
    names: &[
        (0x3, "XFEATURE_MASK_FPSSE"),
        (0x4, "XFEATURE_MASK_YMM"),
        (0x8, "XFEATURE_MASK_BNDREGS"),
        (0x10, "XFEATURE_MASK_BNDCSR"),
        (0xe0, "XFEATURE_MASK_AVX512"),
        (0x20, "XFEATURE_MASK_OPMASK"),
        (0x40, "XFEATURE_MASK_ZMM_Hi256"),
        (0x80, "XFEATURE_MASK_Hi16_ZMM"),
        (0x100, "XFEATURE_MASK_PT"),
        (0x200, "XFEATURE_MASK_PKRU"),
        (0x400, "XFEATURE_MASK_PASID"),
        (0x8000, "XFEATURE_MASK_LBR"),
        (0x60000, "XFEATURE_MASK_XTILE"),
        (0x20000, "XFEATURE_MASK_XTILE_CFG"),
        (0x40000, "XFEATURE_MASK_XTILE_DATA"),
    ],
    unknown: "",
};

/// The same features by number.
static FEATURES: Choices = Choices {
    names: &[
        (0, "XFEATURE_FP"),
        (1, "XFEATURE_SSE"),
        (2, "XFEATURE_YMM"),
        (3, "XFEATURE_BNDREGS"),
        (4, "XFEATURE_BNDCSR"),
        (5, "XFEATURE_OPMASK"),
        (6, "XFEATURE_ZMM_Hi256"),
        (7, "XFEATURE_Hi16_ZMM"),
        (8, "XFEATURE_PT_UNIMPLEMENTED_SO_FAR"),
        (9, "XFEATURE_PKRU"),
        (10, "XFEATURE_PASID"),
        (15, "XFEATURE_LBR"),
        (17, "XFEATURE_XTILE_CFG"),
        (18, "XFEATURE_XTILE_DATA"),
    ],
    unknown: "XFEATURE_???",
};

fn write_feature(out: &mut Notation<'_>, feature: u64) {
    named::hex(out, feature);
    if out.constants() != Constants::Raw {
        // writing to a vector cannot fail
        let _ = write!(out, " /* {} */", FEATURES.name(feature).unwrap_or(FEATURES.unknown));
    }
}

fn write_features(out: &mut Notation<'_>, bits: u64) {
    named::hex(out, bits);
    if bits != 0 && out.constants() != Constants::Raw {
        out.push_text(" /* ");
        out.by_name(|out| Flags { bits, set: &FEATURE_MASKS }.write(out));
        out.push_text(" */");
    }
}

static SAVED_FEATURES: Type = written(write_features);
static BASE: Type = ADDRESS;
static MASK: Type = HEX;
static BITS: Type = ULONG;
static SHADOW_STACK_BITS: Type = long_flags(&SHADOW_STACK);

const ARCH_OP: Param = param("op", choice(&ARCH_OPERATIONS));
const ARCH_FEATURE: Param = param("addr", written(write_feature));
const ARCH_FEATURES: Param = param("addr", output(&SAVED_FEATURES));
const ARCH_SHADOW_STACK: Param = param("addr", long_flags(&SHADOW_STACK));

static ARCH_CASES: Cases = Cases {
    arg: 0,
    cases: &[
        op(uapi::ARCH_GET_FS, &[ARCH_OP, param("addr", output(&BASE))]),
        op(uapi::ARCH_GET_GS, &[ARCH_OP, param("addr", output(&BASE))]),
        op(uapi::ARCH_GET_CPUID, &[ARCH_OP]),
        op(uapi::ARCH_GET_XCOMP_SUPP, &[ARCH_OP, ARCH_FEATURES]),
        op(uapi::ARCH_GET_XCOMP_PERM, &[ARCH_OP, ARCH_FEATURES]),
        op(uapi::ARCH_REQ_XCOMP_PERM, &[ARCH_OP, ARCH_FEATURE]),
        op(uapi::ARCH_GET_XCOMP_GUEST_PERM, &[ARCH_OP, ARCH_FEATURES]),
        op(uapi::ARCH_REQ_XCOMP_GUEST_PERM, &[ARCH_OP, ARCH_FEATURE]),
        op(uapi::ARCH_GET_UNTAG_MASK, &[ARCH_OP, param("addr", output(&MASK))]),
        op(uapi::ARCH_ENABLE_TAGGED_ADDR, &[ARCH_OP, param("addr", ULONG)]),
        op(uapi::ARCH_GET_MAX_TAG_BITS, &[ARCH_OP, param("addr", output(&BITS))]),
        op(uapi::ARCH_FORCE_TAGGED_SVA, &[ARCH_OP]),
        op(uapi::ARCH_SHSTK_ENABLE, &[ARCH_OP, ARCH_SHADOW_STACK]),
        op(uapi::ARCH_SHSTK_DISABLE, &[ARCH_OP, ARCH_SHADOW_STACK]),
        op(uapi::ARCH_SHSTK_LOCK, &[ARCH_OP, ARCH_SHADOW_STACK]),
        op(uapi::ARCH_SHSTK_UNLOCK, &[ARCH_OP, ARCH_SHADOW_STACK]),
        op(uapi::ARCH_SHSTK_STATUS, &[ARCH_OP, param("addr", output(&SHADOW_STACK_BITS))]),
    ],
};

static PERSONALITY: FlagSet = set!("PER_???",
    PER_MASK: PER_LINUX PER_BSD PER_LINUX32 PER_RISCOS PER_OSF4 PER_HPUX PER_MASK;
    UNAME26 ADDR_NO_RANDOMIZE FDPIC_FUNCPTRS MMAP_PAGE_ZERO ADDR_COMPAT_LAYOUT READ_IMPLIES_EXEC ADDR_LIMIT_32BIT
    SHORT_INODE WHOLE_SECONDS STICKY_TIMEOUTS ADDR_LIMIT_3GB);

/// What stands beside the kind.
static PERSONALITY_BITS: FlagSet = FlagSet { choice: None, ..PERSONALITY };

/// All ones only ask. As numbers the kind and what stands beside it are two.
fn write_personality(out: &mut Notation<'_>, persona: u64) {
    /// `PER_MASK` of `linux/personality.h`.
    const KIND: u64 = 0xff;
    match persona {
        ASKED => out.extend_from_slice(b"0xffffffff"),
        _ if out.constants() == Constants::Abbrev || persona & !KIND == 0 => {
            Flags { bits: persona, set: &PERSONALITY }.write(out);
        }
        _ => {
            Flags { bits: persona & KIND, set: &PERSONALITY }.write(out);
            out.push(b'|');
            Flags { bits: persona & !KIND, set: &PERSONALITY_BITS }.write(out);
        }
    }
}

const ASKED: u64 = u32::MAX as u64;

fn gloss_personality<'a>(call: &'a RawCall<'a>, emit: &mut dyn FnMut(Item<'_>)) {
    let bits = u64::from(call.returned() as u32);
    emit(Item::element(Value::Flags(Flags { bits, set: &PERSONALITY })));
}

pub static SYSCALLS: &[Syscall] = &[
    Syscall {
        name: "prctl",
        classes: CREDS,
        params: &[OP, SECOND, THIRD, FOURTH, FIFTH],
        result: RET_INT,
        cases: Some(&CASES),
        indirect: None,
    },
    Syscall {
        name: "arch_prctl",
        classes: 0,
        params: &[ARCH_OP, param("addr", HEX)],
        result: RET_INT,
        cases: Some(&ARCH_CASES),
        indirect: None,
    },
    call(
        "personality",
        0,
        &[param("persona", Type::Number(Width::U32, Meaning::Written(write_personality)))],
        Returned::Glossed(Width::U32, Meaning::Hex, gloss_personality),
    ),
];
