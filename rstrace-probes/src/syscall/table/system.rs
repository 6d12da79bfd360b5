//! The machine as a whole: what it is, its log, its modules, kernels to boot, and what never was a call.

use rstrace_core::describe::{
    Access, Case, Cases, Custom, Item, Length, Meaning, Object, Param, Returned, Shape, Struct, Syscall,
    Type, Width, field, hidden, long, param, param_if,
};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet, Flags};
use rstrace_core::probe::RawCall;

use crate::syscall::classes::DESC;
use crate::syscall::types::*;
use crate::uapi;

/// `struct new_utsname`.
static UTSNAME: Type = Type::Struct(&Struct::of(&[
    field("sysname", Type::Chars(65)),
    field("nodename", Type::Chars(65)),
    long("release", Type::Chars(65)),
    long("version", Type::Chars(65)),
    long("machine", Type::Chars(65)),
    long("domainname", Type::Chars(65)),
]));

/// `struct old_utsname` of 32-bit programs.
static OLD_UTSNAME: Type = Type::Struct(&Struct::of(&[
    field("sysname", Type::Chars(65)),
    field("nodename", Type::Chars(65)),
    long("release", Type::Chars(65)),
    long("version", Type::Chars(65)),
    long("machine", Type::Chars(65)),
]));

/// `struct oldold_utsname`, likewise.
static OLDEST_UTSNAME: Type = Type::Struct(&Struct::of(&[
    field("sysname", Type::Chars(9)),
    field("nodename", Type::Chars(9)),
    long("release", Type::Chars(9)),
    long("version", Type::Chars(9)),
    long("machine", Type::Chars(9)),
]));

/// `struct sysinfo`, without the padding of 32-bit programs at its end.
static SYSINFO: Type = Type::Struct(&Struct::of(&[
    field("uptime", LONG),
    field("loads", Type::Elements(&ULONG, 3)),
    field("totalram", ULONG),
    field("freeram", ULONG),
    field("sharedram", ULONG),
    field("bufferram", ULONG),
    field("totalswap", ULONG),
    field("freeswap", ULONG),
    field("procs", U16),
    hidden(U16),
    field("totalhigh", ULONG),
    field("freehigh", ULONG),
    field("mem_unit", UINT),
]));

static RANDOM: FlagSet = set!("GRND_???", GRND_NONBLOCK GRND_RANDOM GRND_INSECURE);

/// What `syslog` does (`syslog(2)`; no header for programs has the names).
const LOG_ACTIONS: &[&str] = &[
    "SYSLOG_ACTION_CLOSE",
    "SYSLOG_ACTION_OPEN",
    "SYSLOG_ACTION_READ",
    "SYSLOG_ACTION_READ_ALL",
    "SYSLOG_ACTION_READ_CLEAR",
    "SYSLOG_ACTION_CLEAR",
    "SYSLOG_ACTION_CONSOLE_OFF",
    "SYSLOG_ACTION_CONSOLE_ON",
    "SYSLOG_ACTION_CONSOLE_LEVEL",
    "SYSLOG_ACTION_SIZE_UNREAD",
    "SYSLOG_ACTION_SIZE_BUFFER",
];
/// What the console shows up to (`syslog(2)`).
const LOG_LEVELS: &[&str] = &[
    "LOGLEVEL_EMERG",
    "LOGLEVEL_ALERT",
    "LOGLEVEL_CRIT",
    "LOGLEVEL_ERR",
    "LOGLEVEL_WARNING",
    "LOGLEVEL_NOTICE",
    "LOGLEVEL_INFO",
    "LOGLEVEL_DEBUG",
    "LOGLEVEL_DEBUG+1",
];

fn numbered(out: &mut Notation<'_>, number: u64, names: &[&str], unknown: &str) {
    let name = usize::try_from(number).ok().and_then(|number| names.get(number)).unwrap_or(&unknown);
    out.extend_from_slice(format!("{} /* {name} */", number as i64).as_bytes());
}
fn write_log_action(out: &mut Notation<'_>, action: u64) {
    numbered(out, action, LOG_ACTIONS, "SYSLOG_ACTION_???");
}
fn write_log_level(out: &mut Notation<'_>, level: u64) {
    numbered(out, level, LOG_LEVELS, "LOGLEVEL_???");
}

const LOG_ACTION: Param = param("type", Type::Number(Width::I32, Meaning::Written(write_log_action)));
const LOG: &[Param] = &[LOG_ACTION];
const LOG_READ: &[Param] = &[LOG_ACTION, param("bufp", DATA_OUT), param("len", INT)];
const LOG_LEVEL: &[Param] = &[
    LOG_ACTION,
    param("bufp", ADDRESS),
    param("len", Type::Number(Width::I32, Meaning::Written(write_log_level))),
];

const fn case(value: u32, params: &'static [Param]) -> Case {
    Case { value, params, result: None }
}

/// `__NEW_UTS_LEN`
const MOST_OF_NAME: u32 = 64;
/// A name for the machine: an address, if it is longer than the kernel takes.
static NAME: Type = Type::Buffer(Access::In, Length::IntArg(1));
const SET_NAME: &[Param] = &[
    param("name", Type::Either(|call| call.args[1] as u32 <= MOST_OF_NAME, &NAME, &ANY_ADDRESS)),
    param("len", UINT),
];
static ANY_ADDRESS: Type = ADDRESS;

/// What modify_ldt fails with. The kernel returns it as 32 bits, so that it is no error for the C library: it is
/// shown as the number, and what is meant.
static LDT_ERRORS: &[(u64, &str)] = &[
    (uapi::EINTR, "EINTR (Interrupted system call)"),
    (uapi::ENOMEM, "ENOMEM (Cannot allocate memory)"),
    (uapi::EFAULT, "EFAULT (Bad address)"),
    (uapi::EINVAL, "EINVAL (Invalid argument)"),
    (uapi::ENOSYS, "ENOSYS (Function not implemented)"),
];

fn write_ldt_result(out: &mut Notation<'_>, result: u64) {
    out.extend_from_slice(result.to_string().as_bytes());
    let error = (1u64 << 32).checked_sub(result);
    if let Some((_, text)) = LDT_ERRORS.iter().find(|(known, _)| Some(*known) == error) {
        out.push(b' ');
        out.extend_from_slice(text.as_bytes());
    }
}

static MAGIC1: Choices = choices!("LINUX_REBOOT_MAGIC1???", LINUX_REBOOT_MAGIC1);
static MAGIC2: Choices = choices!("LINUX_REBOOT_MAGIC2???", LINUX_REBOOT_MAGIC2 LINUX_REBOOT_MAGIC2A
    LINUX_REBOOT_MAGIC2B LINUX_REBOOT_MAGIC2C);
static REBOOT: Choices = choices!("LINUX_REBOOT_CMD_???", LINUX_REBOOT_CMD_RESTART LINUX_REBOOT_CMD_HALT
    LINUX_REBOOT_CMD_CAD_ON LINUX_REBOOT_CMD_CAD_OFF LINUX_REBOOT_CMD_POWER_OFF LINUX_REBOOT_CMD_RESTART2
    LINUX_REBOOT_CMD_SW_SUSPEND LINUX_REBOOT_CMD_KEXEC);

fn reboots_with_text(call: &RawCall<'_>) -> bool {
    call.args[2] as u32 == uapi::LINUX_REBOOT_CMD_RESTART2 as u32
}

static KEXEC_ARCH: Choices = choices!("KEXEC_ARCH_???", KEXEC_ARCH_DEFAULT KEXEC_ARCH_386 KEXEC_ARCH_68K
    KEXEC_ARCH_PARISC KEXEC_ARCH_X86_64 KEXEC_ARCH_PPC KEXEC_ARCH_PPC64 KEXEC_ARCH_IA_64 KEXEC_ARCH_ARM
    KEXEC_ARCH_S390 KEXEC_ARCH_SH KEXEC_ARCH_MIPS_LE KEXEC_ARCH_MIPS KEXEC_ARCH_AARCH64 KEXEC_ARCH_RISCV
    KEXEC_ARCH_LOONGARCH);
static KEXEC: FlagSet = set!("KEXEC_???", KEXEC_ON_CRASH KEXEC_PRESERVE_CONTEXT KEXEC_UPDATE_ELFCOREHDR
    KEXEC_CRASH_HOTPLUG_SUPPORT);

/// The machine that a kernel is for, and flags.
fn write_kexec(out: &mut Notation<'_>, flags: u64) {
    KEXEC_ARCH.write(out, flags & uapi::KEXEC_ARCH_MASK);
    let bits = flags & !uapi::KEXEC_ARCH_MASK;
    if bits != 0 {
        out.push(b'|');
        Flags { bits, set: &KEXEC }.write(out);
    }
}

static KEXEC_FILE: FlagSet = set!("KEXEC_FILE_???", KEXEC_FILE_UNLOAD KEXEC_FILE_ON_CRASH KEXEC_FILE_NO_INITRAMFS
    KEXEC_FILE_DEBUG KEXEC_FILE_NO_CMA KEXEC_FILE_FORCE_DTB);

/// `struct kexec_segment`.
static KEXEC_SEGMENT: Type = Type::Struct(&Struct::of(&[
    field("buf", ADDRESS),
    field("bufsz", SIZE),
    field("mem", ADDRESS),
    field("memsz", SIZE),
]));

static KEXEC_SEGMENTS: Type = Type::List(Access::In, &KEXEC_SEGMENT, Length::Arg(1));

/// The kernel looks at none if there are too many.
fn are_segments(call: &RawCall<'_>) -> bool {
    call.args[1] <= uapi::KEXEC_SEGMENT_MAX
}

static MODULE_INIT: FlagSet = set!("MODULE_INIT_???", MODULE_INIT_IGNORE_MODVERSIONS MODULE_INIT_IGNORE_VERMAGIC
    MODULE_INIT_COMPRESSED_FILE);
static DELETE: FlagSet = set!("O_???", O_NONBLOCK O_TRUNC);
static USERFAULT: FlagSet = set!("UFFD_???", UFFD_USER_MODE_ONLY O_NONBLOCK O_CLOEXEC);

/// A number in hex, eight characters.
fn write_segment_number(out: &mut Notation<'_>, number: u64) {
    let text = if number == 0 { "00000000".to_owned() } else { format!("{number:#08x}") };
    out.extend_from_slice(text.as_bytes());
}

/// `struct user_desc` (`asm/ldt.h`), all of it or what names it.
fn segment(entry: &Object<'_>, whole: bool, emit: &mut dyn FnMut(Item<'_>)) {
    let number = entry.number(0, Width::U32);
    let number = if number as u32 == u32::MAX { Value::Int(-1) } else { Value::Unsigned(number) };
    emit(Item::member("entry_number", number));
    if !whole {
        return emit(Item::element(Value::More(None)));
    }
    for (name, offset) in [("base_addr", 4), ("limit", 8)] {
        emit(Item::member(name, Value::Written(entry.number(offset, Width::U32), write_segment_number)));
    }
    let bits = entry.number(12, Width::U32);
    for (name, place, mask) in SEGMENT_BITS {
        emit(Item::member(name, Value::Unsigned(bits >> place & mask)));
    }
}
/// The members that are some bits: their names, where they begin, and which bits.
const SEGMENT_BITS: [(&str, u32, u64); 7] = [
    ("seg_32bit", 0, 1),
    ("contents", 1, 3),
    ("read_exec_only", 3, 1),
    ("limit_in_pages", 4, 1),
    ("seg_not_present", 5, 1),
    ("useable", 6, 1),
    ("lm", 7, 1),
];
/// Bytes of a `struct user_desc`.
const SEGMENT_SIZE: usize = 16;

const fn segment_type(parts: rstrace_core::describe::Parts) -> Custom {
    Custom::of(SEGMENT_SIZE, Shape::Struct, parts)
}
static SEGMENT: Type = Type::Custom(&segment_type(|entry, _, emit| segment(entry, true, emit)));
/// One that the program has given the size of.
static SIZED_SEGMENT: Type = Type::Custom(&segment_type(|entry, _, emit| {
    if entry.count as usize == SEGMENT_SIZE && entry.bytes.len() == SEGMENT_SIZE {
        segment(entry, true, emit);
    }
}));
/// One that the program asks for by its number.
static ASKED_SEGMENT: Type =
    Type::Custom(&segment_type(|entry, _, emit| segment(entry, entry.call.succeeded(), emit)));

const MODIFY_LDT: &[Param] = &[
    param("func", INT),
    param("ptr", Type::Sized(Access::In, &SIZED_SEGMENT, Length::Arg(2))),
    param("bytecount", ULONG),
];

/// `struct __sysctl_args`.
static SYSCTL: Type = Type::Struct(&Struct::of(&[
    field("name", ADDRESS),
    field("nlen", INT),
    field("oldval", ADDRESS),
    field("oldlenp", ADDRESS),
    field("newval", ADDRESS),
    field("newlen", SIZE),
]));

/// Arguments of which nothing is known.
const UNKNOWN: [Param; 5] =
    [param("arg1", HEX), param("arg2", HEX), param("arg3", HEX), param("arg4", HEX), param("arg5", HEX)];
const ONE: &[Param] = UNKNOWN.split_at(1).0;
const TWO: &[Param] = UNKNOWN.split_at(2).0;
const THREE: &[Param] = UNKNOWN.split_at(3).0;
const FOUR: &[Param] = UNKNOWN.split_at(4).0;
const FIVE: &[Param] = &UNKNOWN;

pub static SYSCALLS: &[Syscall] = &[
    call("uname", 0, &[param("buf", output(&UTSNAME))], RET_INT),
    call("sysinfo", 0, &[param("info", output(&SYSINFO))], RET_INT),
    call(
        "getrandom",
        0,
        &[
            param("buf", Type::HexBuffer(Access::Out, Length::Returned)),
            param("buflen", SIZE),
            param("flags", flags(&RANDOM)),
        ],
        RET_LONG,
    ),
    Syscall {
        cases: Some(&Cases {
            arg: 0,
            cases: &[
                case(0, LOG),
                case(1, LOG),
                case(2, LOG_READ),
                case(3, LOG_READ),
                case(4, LOG_READ),
                case(5, LOG),
                case(6, LOG),
                case(7, LOG),
                case(8, LOG_LEVEL),
                case(9, LOG),
                case(10, LOG),
            ],
        }),
        ..call("syslog", 0, &[LOG_ACTION, param("bufp", ADDRESS), param("len", INT)], RET_INT)
    },
    call("sethostname", 0, SET_NAME, RET_INT),
    call("setdomainname", 0, SET_NAME, RET_INT),
    call(
        "reboot",
        0,
        &[
            param("magic", choice(&MAGIC1)),
            param("magic2", choice(&MAGIC2)),
            param("op", choice(&REBOOT)),
            param_if("arg", TEXT, reboots_with_text),
        ],
        RET_INT,
    ),
    call(
        "kexec_load",
        0,
        &[
            param("entry", ADDRESS),
            param("nr_segments", ULONG),
            param("segments", Type::Either(are_segments, &KEXEC_SEGMENTS, &ADDRESS)),
            param("flags", Type::Number(Width::Word, Meaning::Written(write_kexec))),
        ],
        RET_INT,
    ),
    call(
        "kexec_file_load",
        DESC,
        &[
            param("kernel_fd", FD),
            param("initrd_fd", FD),
            param("cmdline_len", ULONG),
            param("cmdline", data_in(2)),
            param("flags", flags(&KEXEC_FILE)),
        ],
        RET_INT,
    ),
    call(
        "init_module",
        0,
        &[param("module_image", ADDRESS), param("size", ULONG), param("param_values", TEXT)],
        RET_INT,
    ),
    call(
        "finit_module",
        DESC,
        &[param("fd", FD), param("param_values", TEXT), param("flags", flags(&MODULE_INIT))],
        RET_INT,
    ),
    call("delete_module", 0, &[param("name", TEXT), param("flags", flags(&DELETE))], RET_INT),
    call("iopl", 0, &[param("level", INT)], RET_INT),
    call("ioperm", 0, &[param("from", HEX), param("num", HEX), param("turn_on", INT)], RET_INT),
    Syscall {
        cases: Some(&Cases { arg: 0, cases: &[case(1, MODIFY_LDT), case(17, MODIFY_LDT)] }),
        ..call(
            "modify_ldt",
            0,
            &[param("func", INT), param("ptr", ADDRESS), param("bytecount", ULONG)],
            Returned::Number(Width::U64, Meaning::Written(write_ldt_result)),
        )
    },
    call("set_thread_area", 0, &[param("u_info", input(&SEGMENT))], RET_INT),
    call("get_thread_area", 0, &[param("u_info", Type::Pointer(Access::OutAlways, &ASKED_SEGMENT))], RET_INT),
    call("vhangup", 0, &[], RET_INT),
    call(
        "lookup_dcookie",
        0,
        &[param("cookie", U64), param("buffer", DATA_OUT), param("size", SIZE)],
        RET_LONG,
    ),
    call("userfaultfd", DESC, &[param("flags", flags(&USERFAULT))], RET_FD),
    call("_sysctl", 0, &[param("args", input(&SYSCTL))], RET_INT),
    // of uprobes only
    call("uretprobe", 0, &[], RET_LONG),
    call("uprobe", 0, &[], RET_LONG),
    // gone, or never there
    call("create_module", 0, TWO, RET_HEX),
    call("get_kernel_syms", 0, ONE, RET_INT),
    call("query_module", 0, FIVE, RET_INT),
    call("nfsservctl", 0, THREE, RET_LONG),
    call("afs_syscall", 0, FIVE, RET_LONG),
    call("tuxcall", 0, THREE, RET_LONG),
    call("security", 0, THREE, RET_LONG),
    call("vserver", 0, FIVE, RET_LONG),
    // of 32-bit programs only
    call("olduname", 0, &[param("buf", output(&OLD_UTSNAME))], RET_INT),
    call("oldolduname", 0, &[param("buf", output(&OLDEST_UTSNAME))], RET_INT),
    call("bdflush", 0, TWO, RET_INT),
    call("vm86", 0, FIVE, RET_INT),
    call("vm86old", 0, ONE, RET_INT),
    call("idle", 0, &[], RET_INT),
    call("break", 0, &[], RET_INT),
    call("ftime", 0, &[], RET_INT),
    call("prof", 0, &[], RET_INT),
    call("lock", 0, &[], RET_INT),
    call("mpx", 0, &[], RET_INT),
    call("stty", 0, TWO, RET_INT),
    call("gtty", 0, TWO, RET_INT),
    call("ulimit", 0, TWO, RET_INT),
    call("profil", 0, FOUR, RET_INT),
];
