//! Restricting oneself: seccomp, landlock, the security modules.

use std::io::Write;

use rstrace_core::describe::{
    Access, Case, Cases, Custom, Field, Item, Length, Meaning, Object, Param, Shape, Struct, Syscall, Type,
    Width, field, param,
};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet};

use crate::syscall::classes::DESC;
use crate::syscall::types::*;
use crate::uapi;

static SECCOMP_OPERATIONS: Choices = choices!("SECCOMP_???", SECCOMP_SET_MODE_STRICT SECCOMP_SET_MODE_FILTER
    SECCOMP_GET_ACTION_AVAIL SECCOMP_GET_NOTIF_SIZES);

pub(super) static FILTER_FLAGS: FlagSet = set!("SECCOMP_FILTER_FLAG_???", SECCOMP_FILTER_FLAG_TSYNC SECCOMP_FILTER_FLAG_LOG
    SECCOMP_FILTER_FLAG_SPEC_ALLOW SECCOMP_FILTER_FLAG_NEW_LISTENER SECCOMP_FILTER_FLAG_TSYNC_ESRCH
    SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);

static ACTIONS: Choices = choices!("SECCOMP_RET_???", SECCOMP_RET_KILL_PROCESS SECCOMP_RET_KILL_THREAD
    SECCOMP_RET_TRAP SECCOMP_RET_ERRNO SECCOMP_RET_USER_NOTIF SECCOMP_RET_TRACE SECCOMP_RET_LOG SECCOMP_RET_ALLOW);

static CLASSES: Choices = choices!("", BPF_LD BPF_LDX BPF_ST BPF_STX BPF_ALU BPF_JMP BPF_RET BPF_MISC);
pub(super) static SIZES: Choices = choices!("BPF_???", BPF_W BPF_H BPF_B BPF_DW);
pub(super) static MODES: Choices =
    choices!("BPF_???", BPF_IMM BPF_ABS BPF_IND BPF_MEM BPF_LEN BPF_MSH BPF_XADD);
pub(super) static SOURCES: Choices = choices!("BPF_???", BPF_K BPF_X);
static RETURN_VALUES: Choices = choices!("BPF_???", BPF_K BPF_X BPF_A);
pub(super) static ALU_OPERATIONS: Choices = choices!("BPF_???", BPF_ADD BPF_SUB BPF_MUL BPF_DIV BPF_OR BPF_AND
    BPF_LSH BPF_RSH BPF_NEG BPF_MOD BPF_XOR BPF_MOV BPF_ARSH BPF_END);
pub(super) static JUMPS: Choices = choices!("BPF_???", BPF_JA BPF_JEQ BPF_JGT BPF_JGE BPF_JSET BPF_JNE BPF_JSGT
    BPF_JSGE BPF_CALL BPF_EXIT BPF_JLT BPF_JLE BPF_JSLT BPF_JSLE);
static MISCELLANEOUS: Choices = choices!("BPF_???", BPF_TAX BPF_TXA);

/// Which bits of an instruction's code say what (`linux/bpf_common.h`).
pub(super) mod code {
    pub(in super::super) const CLASS: u64 = 0x07;
    pub(in super::super) const SIZE: u64 = 0x18;
    pub(in super::super) const MODE: u64 = 0xe0;
    pub(in super::super) const SOURCE: u64 = 0x08;
    pub(in super::super) const OPERATION: u64 = 0xf0;
    pub(super) const RETURN_VALUE: u64 = 0x18;
    pub(super) const MISCELLANEOUS: u64 = 0xf8;
}

/// A part of a code that has a name, behind those before it.
pub(super) fn write_part(out: &mut Notation<'_>, part: u64, names: &Choices) {
    out.push(b'|');
    names.write(out, part);
}

/// Bits that mean nothing in their place, if there are any.
fn write_nothing(out: &mut Notation<'_>, bits: u64) {
    if bits != 0 {
        // writing to a vector cannot fail
        let _ = write!(out, "|{bits:#x} /* BPF_??? */");
    }
}

fn write_code(out: &mut Notation<'_>, code: u64) {
    CLASSES.write(out, code & code::CLASS);
    match code & code::CLASS {
        uapi::BPF_LD | uapi::BPF_LDX => {
            write_part(out, code & code::SIZE, &SIZES);
            write_part(out, code & code::MODE, &MODES);
        }
        uapi::BPF_ST | uapi::BPF_STX => write_nothing(out, code & !code::CLASS),
        uapi::BPF_ALU => {
            write_part(out, code & code::SOURCE, &SOURCES);
            write_part(out, code & code::OPERATION, &ALU_OPERATIONS);
        }
        uapi::BPF_JMP => {
            write_part(out, code & code::SOURCE, &SOURCES);
            write_part(out, code & code::OPERATION, &JUMPS);
        }
        uapi::BPF_RET => {
            write_part(out, code & code::RETURN_VALUE, &RETURN_VALUES);
            write_nothing(out, code & !code::CLASS & !code::RETURN_VALUE);
        }
        _ => {
            write_part(out, code & code::MISCELLANEOUS, &MISCELLANEOUS);
            write_nothing(out, code & !0xff);
        }
    }
}

/// An instruction of a classic filter (`struct sock_filter`), as the macros of `linux/filter.h` make it.
fn write_instruction(out: &mut Notation<'_>, instruction: u64, write_value: fn(&mut Notation<'_>, u64)) {
    let [code, jumps, value] =
        [instruction & 0xffff, instruction >> 16 & 0xffff, instruction >> 32].map(|part: u64| part);
    let is_jump = jumps != 0;
    out.extend_from_slice(if is_jump { b"BPF_JUMP(" } else { b"BPF_STMT(" });
    write_code(out, code);
    out.extend_from_slice(b", ");
    if !is_jump && code & code::CLASS == uapi::BPF_RET {
        write_value(out, value);
    } else {
        named::hex(out, value);
    }
    if is_jump {
        for place in [jumps & 0xff, jumps >> 8] {
            out.extend_from_slice(b", ");
            named::hex(out, place);
        }
    }
    out.push(b')');
}

/// What a filter of system calls returns: an action, and a number for it.
fn write_action(out: &mut Notation<'_>, value: u64) {
    let (action, number) = (value & uapi::SECCOMP_RET_ACTION_FULL, value & uapi::SECCOMP_RET_DATA);
    ACTIONS.write(out, action);
    if number != 0 {
        out.push(b'|');
        named::hex(out, number);
    }
}

pub(super) static SECCOMP_INSTRUCTION: Type = Type::Number(
    Width::U64,
    Meaning::Written(|out, instruction| write_instruction(out, instruction, write_action)),
);

const fn program(instruction: &'static Type) -> [Field; 2] {
    [field("len", U16), field("filter", Type::List(Access::In, instruction, Length::Member(0))).at_length()]
}

/// `struct sock_fprog` of a filter of system calls.
pub(super) static SECCOMP_PROGRAM: Type = Type::Struct(&Struct::of(&const { program(&SECCOMP_INSTRUCTION) }));

static ACTION: Type = choice(&ACTIONS);

static NOTIFICATION_SIZES: Type = Type::Struct(&Struct::of(&[
    field("seccomp_notif", U16),
    field("seccomp_notif_resp", U16),
    field("seccomp_data", U16),
]));

const OPERATION: Param = param("operation", choice(&SECCOMP_OPERATIONS));

const fn operation(value: u64, params: &'static [Param]) -> Case {
    Case { value: value as u32, params, result: None }
}

static SECCOMP_CASES: Cases = Cases {
    arg: 0,
    cases: &[
        operation(
            uapi::SECCOMP_SET_MODE_FILTER,
            &[OPERATION, param("flags", flags(&FILTER_FLAGS)), param("args", input(&SECCOMP_PROGRAM))],
        ),
        operation(
            uapi::SECCOMP_GET_ACTION_AVAIL,
            &[OPERATION, param("flags", HEX32), param("args", input(&ACTION))],
        ),
        operation(
            uapi::SECCOMP_GET_NOTIF_SIZES,
            &[OPERATION, param("flags", HEX32), param("args", output(&NOTIFICATION_SIZES))],
        ),
    ],
};

static RULESET_FLAGS: FlagSet =
    set!("LANDLOCK_CREATE_RULESET_???", LANDLOCK_CREATE_RULESET_VERSION LANDLOCK_CREATE_RULESET_ERRATA);

static RULES: Choices = choices!("LANDLOCK_RULE_???", LANDLOCK_RULE_PATH_BENEATH LANDLOCK_RULE_NET_PORT);

static RULE_FLAGS: FlagSet = set!("LANDLOCK_ADD_RULE_???", LANDLOCK_ADD_RULE_QUIET);

static RESTRICT_FLAGS: FlagSet = set!("LANDLOCK_RESTRICT_SELF_???", LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF
    LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF LANDLOCK_RESTRICT_SELF_TSYNC);

static ACCESS_FS: FlagSet = set!("LANDLOCK_ACCESS_FS_???", LANDLOCK_ACCESS_FS_EXECUTE LANDLOCK_ACCESS_FS_WRITE_FILE
    LANDLOCK_ACCESS_FS_READ_FILE LANDLOCK_ACCESS_FS_READ_DIR LANDLOCK_ACCESS_FS_REMOVE_DIR
    LANDLOCK_ACCESS_FS_REMOVE_FILE LANDLOCK_ACCESS_FS_MAKE_CHAR LANDLOCK_ACCESS_FS_MAKE_DIR LANDLOCK_ACCESS_FS_MAKE_REG
    LANDLOCK_ACCESS_FS_MAKE_SOCK LANDLOCK_ACCESS_FS_MAKE_FIFO LANDLOCK_ACCESS_FS_MAKE_BLOCK LANDLOCK_ACCESS_FS_MAKE_SYM
    LANDLOCK_ACCESS_FS_REFER LANDLOCK_ACCESS_FS_TRUNCATE LANDLOCK_ACCESS_FS_IOCTL_DEV LANDLOCK_ACCESS_FS_RESOLVE_UNIX);

static ACCESS_NET: FlagSet = set!("LANDLOCK_ACCESS_NET_???", LANDLOCK_ACCESS_NET_BIND_TCP
    LANDLOCK_ACCESS_NET_CONNECT_TCP LANDLOCK_ACCESS_NET_BIND_UDP LANDLOCK_ACCESS_NET_CONNECT_SEND_UDP);

static SCOPES: FlagSet =
    set!("LANDLOCK_SCOPE_???", LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET LANDLOCK_SCOPE_SIGNAL);

/// `struct landlock_ruleset_attr`, as much of it as the program says.
static RULESET: Type = Type::Struct(&Struct::of(&[
    field("handled_access_fs", flags64(&ACCESS_FS)),
    field("handled_access_net", flags64(&ACCESS_NET)),
    field("scoped", flags64(&SCOPES)),
    field("quiet_access_fs", flags64(&ACCESS_FS)),
    field("quiet_access_net", flags64(&ACCESS_NET)),
    field("quiet_scoped", flags64(&SCOPES)),
]));

/// The same, of any size: `...` stands for what is behind it.
static RULESET_ATTR: Type = Type::Custom(&Custom {
    size: 48,
    compat_size: 48,
    shape: Shape::Struct,
    parts: |object, verbose, emit| {
        /// What the first version had.
        const LEAST: usize = 8;
        /// Whole members that are known.
        const KNOWN: usize = 48;
        let wanted = usize::try_from(object.count).unwrap_or(usize::MAX);
        if object.bytes.len() < wanted.clamp(LEAST, KNOWN) {
            return;
        }
        Object { ty: &RULESET, ..*object }.parts(verbose, emit);
        if wanted > KNOWN || wanted % 8 != 0 {
            emit(Item::element(Value::More(None)));
        }
    },
    nested: &[],
});

static PATH_BENEATH: Type =
    Type::Struct(&Struct::of(&[field("allowed_access", flags64(&ACCESS_FS)), field("parent_fd", FD)]));

static NET_PORT: Type =
    Type::Struct(&Struct::of(&[field("allowed_access", flags64(&ACCESS_NET)), field("port", U64)]));

const RULESET_FD: Param = param("ruleset_fd", FD);
const RULE_TYPE: Param = param("rule_type", choice(&RULES));

static RULE_CASES: Cases = Cases {
    arg: 1,
    cases: &[
        operation(
            uapi::LANDLOCK_RULE_PATH_BENEATH,
            &[
                RULESET_FD,
                RULE_TYPE,
                param("rule_attr", input(&PATH_BENEATH)),
                param("flags", flags(&RULE_FLAGS)),
            ],
        ),
        operation(
            uapi::LANDLOCK_RULE_NET_PORT,
            &[
                RULESET_FD,
                RULE_TYPE,
                param("rule_attr", input(&NET_PORT)),
                param("flags", flags(&RULE_FLAGS)),
            ],
        ),
    ],
};

static LSM_ATTRIBUTES: Choices = choices!("LSM_ATTR_???", LSM_ATTR_CURRENT LSM_ATTR_EXEC LSM_ATTR_FSCREATE
    LSM_ATTR_KEYCREATE LSM_ATTR_PREV LSM_ATTR_SOCKCREATE);

static LSM_FLAGS: FlagSet = set!("LSM_FLAG_???", LSM_FLAG_SINGLE);

static LSM_IDS: Choices = choices!("LSM_ID_???", LSM_ID_CAPABILITY LSM_ID_SELINUX LSM_ID_SMACK LSM_ID_TOMOYO
    LSM_ID_APPARMOR LSM_ID_YAMA LSM_ID_LOADPIN LSM_ID_SAFESETID LSM_ID_LOCKDOWN LSM_ID_BPF LSM_ID_LANDLOCK LSM_ID_IMA
    LSM_ID_EVM LSM_ID_IPE);

static LSM_ID: Type = Type::Number(Width::U64, Meaning::Choice(&LSM_IDS));

/// The `u32` of a size, which the kernel corrects also when it fails.
static SIZE32: Type = UINT;
const SIZE_CHANGED: Type = Type::Pointer(Access::InOutAlways, &SIZE32);

pub static SYSCALLS: &[Syscall] = &[
    Syscall {
        name: "seccomp",
        classes: 0,
        params: &[OPERATION, param("flags", HEX32), param("args", ADDRESS)],
        result: RET_INT,
        cases: Some(&SECCOMP_CASES),
        indirect: None,
    },
    call(
        "landlock_create_ruleset",
        DESC,
        &[
            param("attr", Type::Sized(Access::In, &RULESET_ATTR, Length::Arg(1))),
            param("size", SIZE),
            param("flags", flags(&RULESET_FLAGS)),
        ],
        RET_FD,
    ),
    Syscall {
        name: "landlock_add_rule",
        classes: DESC,
        params: &[RULESET_FD, RULE_TYPE, param("rule_attr", ADDRESS), param("flags", flags(&RULE_FLAGS))],
        result: RET_INT,
        cases: Some(&RULE_CASES),
        indirect: None,
    },
    call("landlock_restrict_self", DESC, &[RULESET_FD, param("flags", flags(&RESTRICT_FLAGS))], RET_INT),
    call(
        "lsm_get_self_attr",
        0,
        &[
            param("attr", choice(&LSM_ATTRIBUTES)),
            param("ctx", ADDRESS),
            param("size", SIZE_CHANGED),
            param("flags", flags(&LSM_FLAGS)),
        ],
        RET_INT,
    ),
    call(
        "lsm_set_self_attr",
        0,
        &[
            param("attr", choice(&LSM_ATTRIBUTES)),
            param("ctx", ADDRESS),
            param("size", UINT),
            param("flags", HEX32),
        ],
        RET_INT,
    ),
    call(
        "lsm_list_modules",
        0,
        &[
            param("ids", Type::List(Access::Out, &LSM_ID, Length::Returned)),
            param("size", SIZE_CHANGED),
            param("flags", HEX32),
        ],
        RET_INT,
    ),
];
