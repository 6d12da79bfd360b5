//! `mount`: what it ignores depends on its flags.

use rstrace_core::describe::{Param, Type, param};
use rstrace_core::flags::FlagSet;
use rstrace_core::probe::RawCall;

use crate::syscall::types::*;
use crate::uapi;

const NAMES: &[(u64, &str)] = &names!(
    MS_RDONLY MS_NOSUID MS_NODEV MS_NOEXEC MS_SYNCHRONOUS MS_REMOUNT MS_MANDLOCK MS_DIRSYNC MS_NOSYMFOLLOW
    MS_NOATIME MS_NODIRATIME MS_BIND MS_MOVE MS_REC MS_SILENT MS_POSIXACL MS_UNBINDABLE MS_PRIVATE MS_SLAVE
    MS_SHARED MS_RELATIME MS_KERNMOUNT MS_I_VERSION MS_STRICTATIME MS_LAZYTIME MS_SUBMOUNT MS_NOREMOTELOCK
    MS_NOSEC MS_BORN MS_ACTIVE MS_NOUSER);

/// The flags of a mount and of a super block.
pub(super) static FLAGS: FlagSet = FlagSet { choice: None, names: NAMES, unknown: "MS_???" };

/// Flags of old programs: a magic number takes the place of all those in the upper half.
static MAGIC: FlagSet = FlagSet {
    choice: Some((uapi::MS_MGC_MSK, &[(uapi::MS_MGC_VAL, "MS_MGC_VAL")])),
    names: NAMES,
    unknown: "MS_???",
};

fn is_magic(call: &RawCall<'_>) -> bool {
    call.args[3] & uapi::MS_MGC_MSK == uapi::MS_MGC_VAL
}

fn flags_of(call: &RawCall<'_>) -> u64 {
    if is_magic(call) { call.args[3] & !uapi::MS_MGC_MSK } else { call.args[3] }
}

/// No new file system is made.
const OF_MOUNTS: u64 =
    uapi::MS_BIND | uapi::MS_MOVE | uapi::MS_SHARED | uapi::MS_PRIVATE | uapi::MS_SLAVE | uapi::MS_UNBINDABLE;

fn has_type(call: &RawCall<'_>) -> bool {
    flags_of(call) & (OF_MOUNTS | uapi::MS_REMOUNT) == 0
}

fn has_data(call: &RawCall<'_>) -> bool {
    let flags = flags_of(call);
    flags & OF_MOUNTS == 0 || flags & uapi::MS_REMOUNT != 0
}

static MAGIC_FLAGS: Type = long_flags(&MAGIC);
static PLAIN_FLAGS: Type = long_flags(&FLAGS);

pub(super) const MOUNT: &[Param] = &[
    param("source", PATH),
    param("target", PATH),
    param("filesystemtype", Type::Either(has_type, &TEXT, &ADDRESS)),
    param("mountflags", Type::Either(is_magic, &MAGIC_FLAGS, &PLAIN_FLAGS)),
    param("data", Type::Either(has_data, &TEXT, &ADDRESS)),
];
