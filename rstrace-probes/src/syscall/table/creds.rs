//! What a process may do: users, groups and capabilities.

use std::io::Write;

use rstrace_core::describe::{
    Access, Custom, Item, Length, Meaning, Param, Returned, Shape, Struct, Syscall, Type, Width, field, param,
};
use rstrace_core::event::Value;
use rstrace_core::flags::Choices;
use rstrace_core::memory::At;

use crate::syscall::classes::{CREDS, PURE};
use crate::syscall::types::*;
use crate::uapi;

/// 16 bits, as the oldest calls of 32-bit programs have them.
const ID16: Type = Type::Number(Width::U16, Meaning::Written(write_id16));

fn write_id16(out: &mut Notation<'_>, id: u64) {
    // writing to a vector cannot fail
    let _ = if id == u64::from(u16::MAX) { write!(out, "-1") } else { write!(out, "{id}") };
}

static ONE_ID: Type = ID;
static ONE_ID16: Type = ID16;
static OUT: Type = output(&ONE_ID);
static OUT16: Type = output(&ONE_ID16);

/// In 32-bit programs the calls without `32` in their names have 16 bits.
pub(super) const OLD_ID: Type = Type::ByAbi(&ONE_ID, &ONE_ID16);
const OLD_OUT: Type = Type::ByAbi(&OUT, &OUT16);

const RET_ID: Returned = returns(Width::U32, Meaning::Plain);

/// A call that reports one id.
const fn get(name: &'static str) -> Syscall {
    call(name, CREDS | PURE, &[], RET_ID)
}

/// A call that takes ids.
const fn set(name: &'static str, params: &'static [Param]) -> Syscall {
    call(name, CREDS, params, RET_INT)
}

const fn three(names: [&'static str; 3], ty: Type) -> [Param; 3] {
    [param(names[0], ty), param(names[1], ty), param(names[2], ty)]
}

const fn two(names: [&'static str; 3], ty: Type) -> [Param; 2] {
    [param(names[0], ty), param(names[1], ty)]
}

const USERS: [&str; 3] = ["ruid", "euid", "suid"];
const GROUP_IDS: [&str; 3] = ["rgid", "egid", "sgid"];

static SET: [Param; 1] = [param("uid", ID)];
static OLD_SET: [Param; 1] = [param("uid", OLD_ID)];
static SET_FS: [Param; 1] = [param("fsuid", ID)];
static OLD_SET_FS: [Param; 1] = [param("fsuid", OLD_ID)];
static SET_TWO: [Param; 2] = two(USERS, ID);
static OLD_SET_TWO: [Param; 2] = two(USERS, OLD_ID);
static SET_THREE: [Param; 3] = three(USERS, ID);
static OLD_SET_THREE: [Param; 3] = three(USERS, OLD_ID);

const LIST: Type = Type::List(Access::Out, &ONE_ID, Length::Returned);
static LIST16: Type = Type::List(Access::Out, &ONE_ID16, Length::Returned);
const OLD_LIST: Type = Type::ByAbi(&LIST, &LIST16);

/// Without room groups are only counted; as many as were counted are shown of what is there, as strace does.
const fn groups(list: Type) -> [Param; 2] {
    [param("size", INT), param("list", list)]
}

static NEW_LIST: Type = Type::List(Access::In, &ONE_ID, Length::Arg(0));
static NEW_LIST16: Type = Type::List(Access::In, &ONE_ID16, Length::Arg(0));

static VERSIONS: Choices = choices!("_LINUX_CAPABILITY_VERSION_???", _LINUX_CAPABILITY_VERSION_1
    _LINUX_CAPABILITY_VERSION_2 _LINUX_CAPABILITY_VERSION_3);

static HEADER: Type = Type::Struct(&Struct::of(&[field("version", choice(&VERSIONS)), field("pid", PID)]));

/// Capabilities, by number.
pub(super) static CAPABILITIES: Choices = choices!("CAP_???", CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH
    CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETGID CAP_SETUID CAP_SETPCAP CAP_LINUX_IMMUTABLE CAP_NET_BIND_SERVICE
    CAP_NET_BROADCAST CAP_NET_ADMIN CAP_NET_RAW CAP_IPC_LOCK CAP_IPC_OWNER CAP_SYS_MODULE CAP_SYS_RAWIO
    CAP_SYS_CHROOT CAP_SYS_PTRACE CAP_SYS_PACCT CAP_SYS_ADMIN CAP_SYS_BOOT CAP_SYS_NICE CAP_SYS_RESOURCE CAP_SYS_TIME
    CAP_SYS_TTY_CONFIG CAP_MKNOD CAP_LEASE CAP_AUDIT_WRITE CAP_AUDIT_CONTROL CAP_SETFCAP CAP_MAC_OVERRIDE
    CAP_MAC_ADMIN CAP_SYSLOG CAP_WAKE_ALARM CAP_BLOCK_SUSPEND CAP_AUDIT_READ CAP_PERFMON CAP_BPF
    CAP_CHECKPOINT_RESTORE);

/// `1<<CAP_CHOWN|1<<CAP_KILL`, each half of the set for itself; what has no name stands behind as bits of the half.
fn write_capabilities(out: &mut Notation<'_>, set: u64) {
    let begin = out.len();
    for half in [0, 32] {
        let bits = u64::from((set >> half) as u32);
        if bits != 0 {
            out.push_text(if out.len() > begin { "|" } else { "" });
            out.constant(|out| named::hex(out, bits), |out| write_half(out, bits, half));
        }
    }
    if out.len() == begin {
        out.push(b'0');
    }
}

fn write_half(out: &mut Notation<'_>, bits: u64, half: u64) {
    let begin = out.len();
    let mut unknown = 0;
    for bit in (0..32).filter(|bit| bits >> bit & 1 != 0) {
        match CAPABILITIES.name(half + bit) {
            // writing to a vector cannot fail
            Some(name) => drop(write!(out, "{}1<<{name}", if out.len() > begin { "|" } else { "" })),
            None => unknown |= 1 << bit,
        }
    }
    if unknown != 0 {
        let (separator, comment) = if out.len() > begin { ("|", "") } else { ("", " /* CAP_??? */") };
        let _ = write!(out, "{separator}{unknown:#x}{comment}");
    }
}

/// Bytes of `struct __user_cap_data_struct`.
const HALF: usize = 12;

/// One or, in newer versions, two `struct __user_cap_data_struct`: the halves of three sets.
static DATA: Type = Type::Custom(&Custom {
    size: 2 * HALF,
    compat_size: 2 * HALF,
    shape: Shape::Struct,
    parts: |object, _, emit| {
        let Some(head) = object.call.memory.bytes(object.call.args[0], 8, At::Entry) else { return };
        let version = head.first_chunk().map_or(0, |bytes| u64::from(u32::from_ne_bytes(*bytes)));
        let halves =
            if matches!(version, uapi::_LINUX_CAPABILITY_VERSION_2 | uapi::_LINUX_CAPABILITY_VERSION_3) {
                2
            } else {
                1
            };
        if object.bytes.len() < halves * HALF {
            return;
        }
        for (place, name) in ["effective", "permitted", "inheritable"].into_iter().enumerate() {
            let half = |half: usize| object.number(half * HALF + place * 4, Width::U32);
            let high = if halves == 2 { half(1) } else { 0 };
            emit(Item::member(name, Value::Written(half(0) | high << 32, write_capabilities)));
        }
    },
    nested: &[],
});

const fn data(access: Access) -> Type {
    Type::Sized(access, &DATA, Length::Fixed(2 * HALF as u32))
}

pub static SYSCALLS: &[Syscall] = &[
    get("getuid"),
    get("geteuid"),
    get("getgid"),
    get("getegid"),
    get("getuid32"),
    get("geteuid32"),
    get("getgid32"),
    get("getegid32"),
    set("getresuid", &const { three(USERS, OLD_OUT) }),
    set("getresgid", &const { three(GROUP_IDS, OLD_OUT) }),
    set("getresuid32", &const { three(USERS, output(&ONE_ID)) }),
    set("getresgid32", &const { three(GROUP_IDS, output(&ONE_ID)) }),
    set("setuid", &OLD_SET),
    set("setgid", &OLD_SET),
    set("setuid32", &SET),
    set("setgid32", &SET),
    set("setfsuid", &OLD_SET_FS),
    set("setfsgid", &OLD_SET_FS),
    set("setfsuid32", &SET_FS),
    set("setfsgid32", &SET_FS),
    set("setreuid", &OLD_SET_TWO),
    set("setregid", &OLD_SET_TWO),
    set("setreuid32", &SET_TWO),
    set("setregid32", &SET_TWO),
    set("setresuid", &OLD_SET_THREE),
    set("setresgid", &OLD_SET_THREE),
    set("setresuid32", &SET_THREE),
    set("setresgid32", &SET_THREE),
    set("getgroups", &const { groups(OLD_LIST) }),
    set("getgroups32", &const { groups(LIST) }),
    set("setgroups", &[param("size", INT), param("list", Type::ByAbi(&NEW_LIST, &NEW_LIST16))]),
    set("setgroups32", &[param("size", INT), param("list", NEW_LIST)]),
    call("capget", CREDS, &[param("hdrp", input(&HEADER)), param("datap", data(Access::Out))], RET_INT),
    call("capset", CREDS, &[param("hdrp", input(&HEADER)), param("datap", data(Access::In))], RET_INT),
];
