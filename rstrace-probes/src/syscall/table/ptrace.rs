//! ptrace, by request.

use std::io::Write;

use rstrace_core::describe::{
    Access, Case, Cases, Custom, Field, Item, Length, Meaning, Named, Nested, Object, Param, Parts, Shape,
    Struct, Syscall, Type, Width, field, param,
};
use rstrace_core::event::{Abi, Value};
use rstrace_core::flags::{Choices, FlagSet, Flags};
use rstrace_core::memory::At;

use super::errors::FAILURE;
use super::security::{FILTER_FLAGS, SECCOMP_INSTRUCTION};
use super::signals::SIGINFO;
use crate::numbers;
use crate::syscall::types::*;
use crate::uapi;

static REQUESTS: Choices = choices!("PTRACE_???", PTRACE_TRACEME PTRACE_PEEKTEXT PTRACE_PEEKDATA PTRACE_PEEKUSER
    PTRACE_POKETEXT PTRACE_POKEDATA PTRACE_POKEUSER PTRACE_CONT PTRACE_KILL PTRACE_SINGLESTEP PTRACE_GETREGS
    PTRACE_SETREGS PTRACE_GETFPREGS PTRACE_SETFPREGS PTRACE_ATTACH PTRACE_DETACH PTRACE_GETFPXREGS PTRACE_SETFPXREGS
    PTRACE_OLDSETOPTIONS PTRACE_SYSCALL PTRACE_GET_THREAD_AREA PTRACE_SET_THREAD_AREA PTRACE_ARCH_PRCTL PTRACE_SYSEMU
    PTRACE_SYSEMU_SINGLESTEP PTRACE_SINGLEBLOCK PTRACE_SETOPTIONS PTRACE_GETEVENTMSG PTRACE_GETSIGINFO
    PTRACE_SETSIGINFO PTRACE_GETREGSET PTRACE_SETREGSET PTRACE_SEIZE PTRACE_INTERRUPT PTRACE_LISTEN PTRACE_PEEKSIGINFO
    PTRACE_GETSIGMASK PTRACE_SETSIGMASK PTRACE_SECCOMP_GET_FILTER PTRACE_SECCOMP_GET_METADATA PTRACE_GET_SYSCALL_INFO
    PTRACE_GET_RSEQ_CONFIGURATION PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG
    PTRACE_SET_SYSCALL_INFO);

static OPTIONS: FlagSet = set!("PTRACE_O_???", PTRACE_O_TRACESYSGOOD PTRACE_O_TRACEFORK PTRACE_O_TRACEVFORK
    PTRACE_O_TRACECLONE PTRACE_O_TRACEEXEC PTRACE_O_TRACEVFORKDONE PTRACE_O_TRACEEXIT PTRACE_O_TRACESECCOMP
    PTRACE_O_EXITKILL PTRACE_O_SUSPEND_SECCOMP);

/// `NT_FPREGSET` is what elf(5) and the C library call `NT_PRFPREG`.
static NOTES: Choices = Choices { names: &sorted(const { notes() }), unknown: "NT_???" };

const fn notes() -> [(u64, &'static str); 78] {
    let mut notes = names!(NT_PRSTATUS NT_PRFPREG NT_PRPSINFO NT_TASKSTRUCT NT_AUXV NT_SIGINFO NT_FILE NT_PRXFPREG
        NT_PPC_VMX NT_PPC_SPE NT_PPC_VSX NT_PPC_TAR NT_PPC_PPR NT_PPC_DSCR NT_PPC_EBB NT_PPC_PMU NT_PPC_TM_CGPR
        NT_PPC_TM_CFPR NT_PPC_TM_CVMX NT_PPC_TM_CVSX NT_PPC_TM_SPR NT_PPC_TM_CTAR NT_PPC_TM_CPPR NT_PPC_TM_CDSCR
        NT_PPC_PKEY NT_PPC_DEXCR NT_PPC_HASHKEYR NT_386_TLS NT_386_IOPERM NT_X86_XSTATE NT_X86_SHSTK NT_X86_XSAVE_LAYOUT
        NT_S390_HIGH_GPRS NT_S390_TIMER NT_S390_TODCMP NT_S390_TODPREG NT_S390_CTRS NT_S390_PREFIX NT_S390_LAST_BREAK
        NT_S390_SYSTEM_CALL NT_S390_TDB NT_S390_VXRS_LOW NT_S390_VXRS_HIGH NT_S390_GS_CB NT_S390_GS_BC NT_S390_RI_CB
        NT_S390_PV_CPU_DATA NT_ARM_VFP NT_ARM_TLS NT_ARM_HW_BREAK NT_ARM_HW_WATCH NT_ARM_SYSTEM_CALL NT_ARM_SVE
        NT_ARM_PAC_MASK NT_ARM_PACA_KEYS NT_ARM_PACG_KEYS NT_ARM_TAGGED_ADDR_CTRL NT_ARM_PAC_ENABLED_KEYS NT_ARM_SSVE
        NT_ARM_ZA NT_ARM_ZT NT_ARM_FPMR NT_ARM_POE NT_ARM_GCS NT_ARC_V2 NT_VMCOREDD NT_MIPS_DSP NT_MIPS_FP_MODE
        NT_MIPS_MSA NT_RISCV_CSR NT_RISCV_VECTOR NT_RISCV_TAGGED_ADDR_CTRL NT_RISCV_USER_CFI NT_LOONGARCH_CPUCFG
        NT_LOONGARCH_CSR NT_LOONGARCH_LSX NT_LOONGARCH_LASX NT_LOONGARCH_LBT);
    notes[1].1 = "NT_FPREGSET";
    notes
}

/// Where the members of `struct user` (`sys/user.h`) begin on x86-64.
static USER: &[(u64, &str)] = &[
    (0, "8*R15"),
    (8, "8*R14"),
    (16, "8*R13"),
    (24, "8*R12"),
    (32, "8*RBP"),
    (40, "8*RBX"),
    (48, "8*R11"),
    (56, "8*R10"),
    (64, "8*R9"),
    (72, "8*R8"),
    (80, "8*RAX"),
    (88, "8*RCX"),
    (96, "8*RDX"),
    (104, "8*RSI"),
    (112, "8*RDI"),
    (120, "8*ORIG_RAX"),
    (128, "8*RIP"),
    (136, "8*CS"),
    (144, "8*EFL"),
    (152, "8*RSP"),
    (160, "8*SS"),
    (216, "offsetof(struct user, u_fpvalid)"),
    (224, "offsetof(struct user, i387)"),
    (736, "offsetof(struct user, u_tsize)"),
    (744, "offsetof(struct user, u_dsize)"),
    (752, "offsetof(struct user, u_ssize)"),
    (760, "offsetof(struct user, start_code)"),
    (768, "offsetof(struct user, start_stack)"),
    (776, "offsetof(struct user, signal)"),
    (784, "offsetof(struct user, reserved)"),
    (792, "offsetof(struct user, u_ar0)"),
    (800, "offsetof(struct user, u_fpstate)"),
    (808, "offsetof(struct user, magic)"),
    (816, "offsetof(struct user, u_comm)"),
    (848, "offsetof(struct user, u_debugreg)"),
    (912, "sizeof(struct user)"),
];

fn write_user_offset(out: &mut Notation<'_>, offset: u64) {
    let last = USER.last().map_or(0, |(end, _)| *end);
    let behind = USER.partition_point(|(begin, _)| *begin <= offset);
    // writing to a vector cannot fail
    let _ = match behind.checked_sub(1).and_then(|place| USER.get(place)) {
        Some((begin, name)) if *begin == offset => write!(out, "{name}"),
        Some((begin, name)) if offset < last => write!(out, "{name}+{}", offset - begin),
        _ => write!(out, "{offset:#x}"),
    };
}

/// `struct user_regs_struct` of x86-64.
static REGISTERS: Type = Type::Struct(&Struct::of(
    &const {
        let names = [
            "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi",
            "rdi", "orig_rax", "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs",
            "gs",
        ];
        let mut fields = [field("", HEX64); 27];
        let mut place = 0;
        while place < names.len() {
            fields[place] = Field { name: names[place], ..fields[place] };
            place += 1;
        }
        fields
    },
));

static WORD32: Type = HEX32;

/// `struct user_fpregs_struct` of x86-64.
static FLOATING: Type = Type::Struct(&Struct::of(&[
    field("cwd", HEX16),
    field("swd", HEX16),
    field("ftw", HEX16),
    field("fop", HEX16),
    field("rip", HEX64),
    field("rdp", HEX64),
    field("mxcsr", HEX32),
    field("mxcr_mask", HEX32),
    field("st_space", Type::Elements(&WORD32, 32)),
    field("xmm_space", Type::Elements(&WORD32, 64)),
    field("padding", Type::Elements(&WORD32, 24)),
]));

/// The registers that a note stands for, if they are known.
fn registers_of(note: u64) -> Option<&'static Type> {
    match note {
        uapi::NT_PRSTATUS => Some(&REGISTERS),
        uapi::NT_PRFPREG => Some(&FLOATING),
        _ => None,
    }
}

/// `struct iovec` of registers: the call fills it in and says how many bytes there are, or takes them.
static REGISTER_SET: Type = Type::Custom(&Custom {
    size: 16,
    compat_size: 8,
    shape: Shape::Struct,
    parts: |object, _, emit| {
        let call = object.call;
        let word = if call.abi == Abi::Native { 8 } else { 4 };
        if object.bytes.len() < 2 * word {
            return;
        }
        let (base, before) = (object.address_at(0), object.address_at(word));
        let fills = call.args[0] == uapi::PTRACE_GETREGSET;
        let changed = object.changed().filter(|_| fills && call.succeeded());
        let after = changed.map_or(before, |after| after.address_at(word));
        let at = if fills { At::Return } else { At::Entry };
        let bytes = call.memory.from(base, at).filter(|_| !fills || call.succeeded());
        let len = usize::try_from(after).unwrap_or(usize::MAX);
        let bytes = bytes.and_then(|payload| payload.bytes().get(..len.min(LONGEST_SET))).unwrap_or(&[]);
        let registers = registers_of(call.args[2]).filter(|_| word == 8);
        emit(Item::member(
            "iov_base",
            match registers {
                Some(ty) if bytes.len() == rstrace_core::describe::size_of_type(ty, call.abi) => {
                    Value::Object(Object { ty, bytes, address: base, at, ..*object })
                }
                _ => Value::Address(base),
            },
        ));
        let (before, after) = (Value::Unsigned(before), Value::Unsigned(after));
        let changes = changed.is_some_and(|after| after.bytes != object.bytes);
        emit(Item::member("iov_len", if changes { Value::Change(&before, &after) } else { before }));
    },
    nested: &[Nested { offset: [0, 0], ty: Type::Sized(Access::In, &SET_BYTES, Length::Member(8)) }],
});

/// Bytes of the longest set of registers that is shown: those of `struct user_fpregs_struct`.
const LONGEST_SET: usize = 512;

static SET_BYTES: Type = Type::HexBytes(LONGEST_SET);

const fn register_set(access: Access) -> Type {
    Type::Sized(access, &REGISTER_SET, Length::Fixed(16))
}

pub(super) static ARCHITECTURES: Choices = choices!("AUDIT_ARCH_???", AUDIT_ARCH_X86_64 AUDIT_ARCH_I386 AUDIT_ARCH_AARCH64
    AUDIT_ARCH_ARM AUDIT_ARCH_ARMEB AUDIT_ARCH_PPC AUDIT_ARCH_PPC64 AUDIT_ARCH_PPC64LE AUDIT_ARCH_RISCV32
    AUDIT_ARCH_RISCV64 AUDIT_ARCH_S390 AUDIT_ARCH_S390X AUDIT_ARCH_LOONGARCH32 AUDIT_ARCH_LOONGARCH64 AUDIT_ARCH_MIPS
    AUDIT_ARCH_MIPSEL AUDIT_ARCH_MIPS64 AUDIT_ARCH_MIPSEL64 AUDIT_ARCH_SPARC AUDIT_ARCH_SPARC64 AUDIT_ARCH_ALPHA
    AUDIT_ARCH_IA64 AUDIT_ARCH_M68K AUDIT_ARCH_PARISC AUDIT_ARCH_PARISC64 AUDIT_ARCH_XTENSA);

static INFO_KINDS: Choices = choices!("PTRACE_SYSCALL_INFO_???", PTRACE_SYSCALL_INFO_NONE PTRACE_SYSCALL_INFO_ENTRY
    PTRACE_SYSCALL_INFO_EXIT PTRACE_SYSCALL_INFO_SECCOMP);

/// `struct ptrace_syscall_info`, as much of it as there is.
static SYSCALL_INFO: Type = Type::Custom(&Custom::of(88, Shape::Struct, |object, _, emit| {
    if object.bytes.is_empty() {
        return;
    }
    let kind = object.number(info::KIND, Width::U8);
    emit(Item::member("op", Value::Choice(kind, &INFO_KINDS)));
    for (name, place, width, value) in INFO_HEAD {
        if object.bytes.len() >= place + width.bytes(object.call.abi) {
            emit(Item::member(name, value(object.number(*place, *width))));
        }
    }
    let (name, ty) = match kind {
        uapi::PTRACE_SYSCALL_INFO_ENTRY => ("entry", &INFO_ENTRY),
        uapi::PTRACE_SYSCALL_INFO_EXIT => ("exit", &INFO_EXIT),
        uapi::PTRACE_SYSCALL_INFO_SECCOMP => ("seccomp", &INFO_SECCOMP),
        _ => return,
    };
    if let Some(bytes) = object.bytes.get(info::REST..).filter(|bytes| bytes.len() >= 8) {
        emit(Item::member(name, Value::Object(Object { ty, bytes, ..*object })));
    }
}));

/// A number, and how it is shown.
type Shown = (&'static str, usize, Width, fn(u64) -> Value<'static>);

/// What all kinds of `struct ptrace_syscall_info` have behind the first member.
static INFO_HEAD: &[Shown] = &[
    ("arch", info::ARCH, Width::U32, |arch| Value::Choice(arch, &ARCHITECTURES)),
    ("instruction_pointer", info::INSTRUCTION, Width::U64, Value::Address),
    ("stack_pointer", info::STACK, Width::U64, Value::Address),
];

/// Where the members of `struct ptrace_syscall_info` begin.
mod info {
    pub(super) const KIND: usize = 0;
    pub(super) const ARCH: usize = 4;
    pub(super) const INSTRUCTION: usize = 8;
    pub(super) const STACK: usize = 16;
    pub(super) const REST: usize = 24;
    /// In `entry` and `seccomp`: arguments.
    pub(super) const ARGS: usize = 8;
    /// In `exit`: whether the result is an error.
    pub(super) const IS_ERROR: usize = 8;
    /// In `seccomp`: what the filter returned.
    pub(super) const RET_DATA: usize = 56;
}

static CALL_NUMBER: Named = Named::hex(write_call_number);

fn write_call_number(out: &mut Notation<'_>, number: u64) {
    // writing to a vector cannot fail
    let _ = match u32::try_from(number).ok().and_then(numbers::native_name) {
        Some(name) => write!(out, "__NR_{name}"),
        None => write!(out, "{number:#x} /* __NR_??? */"),
    };
}

static CALL_ARGUMENTS: Type = Type::Elements(&WORD64, 6);
static WORD64: Type = HEX64;

fn entry(object: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    emit(Item::member("nr", Value::Named(object.number(0, Width::U64), &CALL_NUMBER)));
    let end = object.bytes.len().min(info::RET_DATA);
    if let Some(bytes) = object.bytes.get(info::ARGS..end).filter(|bytes| bytes.len() >= 8) {
        let count = bytes.len() as u64 / 8;
        emit(Item::member("args", Value::Object(Object { ty: &CALL_ARGUMENTS, bytes, count, ..*object })));
    }
}

const fn info(parts: Parts) -> Custom {
    Custom::of(64, Shape::Struct, parts)
}

static INFO_ENTRY: Type = Type::Custom(&const { info(|object, _, emit| entry(object, emit)) });

static INFO_EXIT: Type = Type::Custom(
    &const {
        info(|object, _, emit| {
            let result = object.number(0, Width::I64) as i64;
            let is_error = object.bytes.get(info::IS_ERROR).copied();
            let plain = Value::Int(result);
            emit(Item::member(
                "rval",
                match is_error {
                    Some(1..) if result < 0 => Value::Named(result as u64, &FAILURE),
                    _ => plain,
                },
            ));
            if let Some(is_error) = is_error {
                emit(Item::member("is_error", Value::Unsigned(is_error.into())));
            }
        })
    },
);

static INFO_SECCOMP: Type = Type::Custom(
    &const {
        info(|object, _, emit| {
            entry(object, emit);
            if object.bytes.len() >= info::RET_DATA + 4 {
                emit(Item::member("ret_data", Value::Hex(object.number(info::RET_DATA, Width::U32))));
            }
        })
    },
);

/// `struct seccomp_metadata`: the program says which filter, the call what it is.
static METADATA: Type = Type::Custom(&Custom::of(16, Shape::Struct, |object, _, emit| {
    if object.bytes.len() < 8 {
        return;
    }
    emit(Item::member("filter_off", Value::Unsigned(object.number(0, Width::U64))));
    let after = object.call.memory.bytes(object.address, 16, At::Return);
    if let Some(bytes) = after.filter(|_| object.call.succeeded()) {
        let bits = Object { bytes, ..*object }.number(8, Width::U64);
        emit(Item::member("flags", Value::Flags(Flags { bits, set: &FILTER_FLAGS })));
    }
}));

static PEEKSIGINFO_FLAGS: FlagSet = set!("PTRACE_PEEKSIGINFO_???", PTRACE_PEEKSIGINFO_SHARED);

/// `struct ptrace_peeksiginfo_args`.
static PEEKSIGINFO: Type = Type::Struct(&Struct::of(&[
    field("off", U64),
    field("flags", flags(&PEEKSIGINFO_FLAGS)),
    field("nr", UINT),
]));

static SIGNAL_SET: Type = Type::Signals;
static SIGNALS_IN: Type = input(&SIGNAL_SET);
static SIGNALS_OUT: Type = output(&SIGNAL_SET);
static WORD: Type = ADDRESS;
static MESSAGE: Type = ULONG;
/// Signals that wait.
const WAITING: Type = Type::List(Access::Out, &SIGINFO, Length::Returned);
static FILTERS: Type = Type::List(Access::Out, &SECCOMP_INSTRUCTION, Length::Returned);
static REGISTERS_IN: Type = input(&REGISTERS);
static REGISTERS_OUT: Type = output(&REGISTERS);
static FLOATING_IN: Type = input(&FLOATING);
static FLOATING_OUT: Type = output(&FLOATING);

const OP: Param = param("op", Type::Number(Width::Word, Meaning::Choice(&REQUESTS)));
const TRACEE: Param = param("pid", PID);
const ADDR: Param = param("addr", ADDRESS);
const DATA: Param = param("data", ADDRESS);

const fn op(value: u64, params: &'static [Param]) -> Case {
    Case { value: value as u32, params, result: None }
}

static NO_MORE: [Param; 2] = [OP, TRACEE];
static PEEK: [Param; 4] = [OP, TRACEE, ADDR, param("data", output(&WORD))];
static POKE: [Param; 4] = [OP, TRACEE, ADDR, DATA];
const USER_OFFSET: Param =
    param("addr", Type::Number(Width::Word, Meaning::Named(&Named::hex(write_user_offset))));
static WITH_SIGNAL: [Param; 4] =
    [OP, TRACEE, ADDR, param("data", Type::Number(Width::Word, Meaning::Signal))];
static WITH_OPTIONS: [Param; 4] = [OP, TRACEE, ADDR, param("data", long_flags(&OPTIONS))];

/// Registers, of which 32-bit programs have others.
const fn registers(ty: &'static Type) -> [Param; 3] {
    [OP, TRACEE, param("data", Type::ByAbi(ty, &WORD)).in_register(3, 3)]
}

const fn signal_mask(ty: &'static Type) -> [Param; 4] {
    [OP, TRACEE, param("addr", ULONG), param("data", Type::Either(|call| call.args[2] == 8, ty, &WORD))]
}

static CASES: Cases = Cases {
    arg: 0,
    cases: &[
        op(uapi::PTRACE_TRACEME, &[OP]),
        op(uapi::PTRACE_PEEKTEXT, &PEEK),
        op(uapi::PTRACE_PEEKDATA, &PEEK),
        op(uapi::PTRACE_PEEKUSR, &[OP, TRACEE, USER_OFFSET, param("data", output(&WORD))]),
        op(uapi::PTRACE_POKETEXT, &POKE),
        op(uapi::PTRACE_POKEDATA, &POKE),
        op(uapi::PTRACE_POKEUSR, &[OP, TRACEE, USER_OFFSET, DATA]),
        op(uapi::PTRACE_CONT, &WITH_SIGNAL),
        op(uapi::PTRACE_KILL, &NO_MORE),
        op(uapi::PTRACE_SINGLESTEP, &WITH_SIGNAL),
        op(uapi::PTRACE_GETREGS, &const { registers(&REGISTERS_OUT) }),
        op(uapi::PTRACE_SETREGS, &const { registers(&REGISTERS_IN) }),
        op(uapi::PTRACE_GETFPREGS, &const { registers(&FLOATING_OUT) }),
        op(uapi::PTRACE_SETFPREGS, &const { registers(&FLOATING_IN) }),
        op(uapi::PTRACE_ATTACH, &NO_MORE),
        op(uapi::PTRACE_DETACH, &WITH_SIGNAL),
        op(uapi::PTRACE_OLDSETOPTIONS, &WITH_OPTIONS),
        op(uapi::PTRACE_SYSCALL, &WITH_SIGNAL),
        op(uapi::PTRACE_SYSEMU, &WITH_SIGNAL),
        op(uapi::PTRACE_SYSEMU_SINGLESTEP, &WITH_SIGNAL),
        op(uapi::PTRACE_SINGLEBLOCK, &WITH_SIGNAL),
        op(uapi::PTRACE_SETOPTIONS, &WITH_OPTIONS),
        op(uapi::PTRACE_GETEVENTMSG, &[OP, TRACEE, ADDR, param("data", output(&MESSAGE))]),
        op(uapi::PTRACE_GETSIGINFO, &[OP, TRACEE, ADDR, param("data", output(&SIGINFO))]),
        op(uapi::PTRACE_SETSIGINFO, &[OP, TRACEE, ADDR, param("data", input(&SIGINFO))]),
        op(
            uapi::PTRACE_GETREGSET,
            &[
                OP,
                TRACEE,
                param("addr", Type::Number(Width::Word, Meaning::Choice(&NOTES))),
                param("data", register_set(Access::InOut)),
            ],
        ),
        op(
            uapi::PTRACE_SETREGSET,
            &[
                OP,
                TRACEE,
                param("addr", Type::Number(Width::Word, Meaning::Choice(&NOTES))),
                param("data", register_set(Access::In)),
            ],
        ),
        op(uapi::PTRACE_SEIZE, &WITH_OPTIONS),
        op(uapi::PTRACE_INTERRUPT, &NO_MORE),
        op(uapi::PTRACE_LISTEN, &NO_MORE),
        op(
            uapi::PTRACE_PEEKSIGINFO,
            &[OP, TRACEE, param("addr", input(&PEEKSIGINFO)), param("data", WAITING)],
        ),
        op(uapi::PTRACE_GETSIGMASK, &const { signal_mask(&SIGNALS_OUT) }),
        op(uapi::PTRACE_SETSIGMASK, &const { signal_mask(&SIGNALS_IN) }),
        op(uapi::PTRACE_SECCOMP_GET_FILTER, &[OP, TRACEE, param("addr", ULONG), param("data", FILTERS)]),
        op(
            uapi::PTRACE_SECCOMP_GET_METADATA,
            &[
                OP,
                TRACEE,
                param("addr", ULONG),
                param("data", Type::Sized(Access::InOut, &METADATA, Length::Arg(2))),
            ],
        ),
        op(
            uapi::PTRACE_GET_SYSCALL_INFO,
            &[
                OP,
                TRACEE,
                param("addr", ULONG),
                param("data", Type::Sized(Access::Out, &SYSCALL_INFO, Length::ReturnedWithin(2))),
            ],
        ),
        op(
            uapi::PTRACE_SET_SYSCALL_INFO,
            &[
                OP,
                TRACEE,
                param("addr", ULONG),
                param("data", Type::Sized(Access::In, &SYSCALL_INFO, Length::Arg(2))),
            ],
        ),
    ],
};

pub static SYSCALLS: &[Syscall] = &[Syscall {
    name: "ptrace",
    classes: 0,
    params: &[OP, TRACEE, ADDR, DATA],
    result: RET_LONG,
    cases: Some(&CASES),
    indirect: None,
}];
