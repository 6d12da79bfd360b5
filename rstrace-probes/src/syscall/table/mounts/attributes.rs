//! Attributes of mounts and of files, in structures that may grow.

use rstrace_core::describe::{Meaning, Struct, Type, Width, field};
use rstrace_core::flags::{Choices, FlagSet};

use crate::syscall::types::*;

/// Those that `fsmount` takes.
pub(super) static FSMOUNT_ATTR: FlagSet = set!("MOUNT_ATTR_???",
    MOUNT_ATTR_RDONLY MOUNT_ATTR_NOSUID MOUNT_ATTR_NODEV MOUNT_ATTR_NOEXEC MOUNT_ATTR__ATIME MOUNT_ATTR_NOATIME
    MOUNT_ATTR_STRICTATIME MOUNT_ATTR_NODIRATIME);

/// All of them.
pub(super) static ATTR: FlagSet = set!("MOUNT_ATTR_???",
    MOUNT_ATTR_RDONLY MOUNT_ATTR_NOSUID MOUNT_ATTR_NODEV MOUNT_ATTR_NOEXEC MOUNT_ATTR__ATIME MOUNT_ATTR_NOATIME
    MOUNT_ATTR_STRICTATIME MOUNT_ATTR_NODIRATIME MOUNT_ATTR_IDMAP MOUNT_ATTR_NOSYMFOLLOW);

/// What a mount shares with others.
pub(super) static PROPAGATION: Choices = choices!("MS_???", MS_UNBINDABLE MS_PRIVATE MS_SLAVE MS_SHARED);

/// `struct mount_attr`
pub(super) static MOUNT_ATTRS: Type = Type::Struct(
    &Struct::of(&[
        field("attr_set", flags64(&ATTR)),
        field("attr_clr", flags64(&ATTR)),
        field("propagation", Type::Number(Width::U64, Meaning::Choice(&PROPAGATION))),
        field("userns_fd", U64),
    ])
    .growing_from(32),
);

static XFLAGS: FlagSet = set!("FS_XFLAG_???",
    FS_XFLAG_REALTIME FS_XFLAG_PREALLOC FS_XFLAG_IMMUTABLE FS_XFLAG_APPEND FS_XFLAG_SYNC FS_XFLAG_NOATIME
    FS_XFLAG_NODUMP FS_XFLAG_RTINHERIT FS_XFLAG_PROJINHERIT FS_XFLAG_NOSYMLINKS FS_XFLAG_EXTSIZE
    FS_XFLAG_EXTSZINHERIT FS_XFLAG_NODEFRAG FS_XFLAG_FILESTREAM FS_XFLAG_DAX FS_XFLAG_COWEXTSIZE
    FS_XFLAG_VERITY FS_XFLAG_CASEFOLD FS_XFLAG_CASENONPRESERVING FS_XFLAG_HASATTR);

/// `struct file_attr`
pub(super) static FILE_ATTR: Type = Type::Struct(
    &Struct::of(&[
        field("fa_xflags", flags64(&XFLAGS)),
        field("fa_extsize", U32),
        field("fa_nextents", U32),
        field("fa_projid", U32),
        field("fa_cowextsize", U32),
    ])
    .growing_from(24),
);
