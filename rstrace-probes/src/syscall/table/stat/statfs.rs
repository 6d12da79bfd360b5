//! `statfs` and its like: the state of file systems.

use std::io::Write;

use rstrace_core::describe::{Meaning, Named, Struct, Type, Width, field, hidden};
use rstrace_core::flags::{Choices, FlagSet};

use crate::syscall::types::*;

/// File systems by their magic numbers.
static KINDS: Choices = choices!("",
    AAFS_MAGIC ADFS_SUPER_MAGIC AFFS_SUPER_MAGIC AFS_FS_MAGIC AFS_SUPER_MAGIC ANON_INODE_FS_MAGIC AUTOFS_SUPER_MAGIC
    BCACHEFS_SUPER_MAGIC BDEVFS_MAGIC BINDERFS_SUPER_MAGIC BINFMTFS_MAGIC BPF_FS_MAGIC BTRFS_SUPER_MAGIC
    BTRFS_TEST_MAGIC CEPH_SUPER_MAGIC CGROUP2_SUPER_MAGIC CGROUP_SUPER_MAGIC CIFS_SUPER_MAGIC CODA_SUPER_MAGIC
    CRAMFS_MAGIC CRAMFS_MAGIC_WEND DAXFS_MAGIC DEBUGFS_MAGIC DEVMEM_MAGIC DEVPTS_SUPER_MAGIC DMA_BUF_MAGIC
    ECRYPTFS_SUPER_MAGIC EFIVARFS_MAGIC EFS_SUPER_MAGIC EROFS_SUPER_MAGIC_V1 EXFAT_SUPER_MAGIC EXT2_SUPER_MAGIC
    F2FS_SUPER_MAGIC FUSE_SUPER_MAGIC FUTEXFS_SUPER_MAGIC GUEST_MEMFD_MAGIC HOSTFS_SUPER_MAGIC HPFS_SUPER_MAGIC
    HUGETLBFS_MAGIC ISOFS_SUPER_MAGIC JFFS2_SUPER_MAGIC MINIX2_SUPER_MAGIC MINIX2_SUPER_MAGIC2 MINIX3_SUPER_MAGIC
    MINIX_SUPER_MAGIC MINIX_SUPER_MAGIC2 MSDOS_SUPER_MAGIC MTD_INODE_FS_MAGIC NCP_SUPER_MAGIC NFS_SUPER_MAGIC
    NILFS_SUPER_MAGIC NSFS_MAGIC NULL_FS_MAGIC OCFS2_SUPER_MAGIC OPENPROM_SUPER_MAGIC OVERLAYFS_SUPER_MAGIC
    PID_FS_MAGIC PIPEFS_MAGIC PROC_SUPER_MAGIC PSTOREFS_MAGIC QNX4_SUPER_MAGIC QNX6_SUPER_MAGIC RAMFS_MAGIC
    RDTGROUP_SUPER_MAGIC REISERFS_SUPER_MAGIC SECRETMEM_MAGIC SECURITYFS_MAGIC SELINUX_MAGIC SMACK_MAGIC
    SMB2_SUPER_MAGIC SMB_SUPER_MAGIC SOCKFS_MAGIC SQUASHFS_MAGIC SYSFS_MAGIC TMPFS_MAGIC TRACEFS_MAGIC
    UDF_SUPER_MAGIC USBDEVICE_SUPER_MAGIC V9FS_MAGIC XENFS_SUPER_MAGIC XFS_SUPER_MAGIC ZONEFS_MAGIC);

/// File systems whose numbers no UAPI header has: those of statfs(2), and of the sources of configfs, fusectl, GFS2,
/// HFS+ and UBIFS in the kernel.
static MORE_KINDS: Choices = Choices {
    names: &sorted([
        (0x4246_5331, "BEFS_SUPER_MAGIC"),
        (0x012f_f7b7, "COH_SUPER_MAGIC"),
        (0x6265_6570, "CONFIGFS_MAGIC"),
        (0x1373, "DEVFS_SUPER_MAGIC"),
        (0xef51, "EXT2_OLD_SUPER_MAGIC"),
        (0x137d, "EXT_SUPER_MAGIC"),
        (0x6573_5543, "FUSE_CTL_SUPER_MAGIC"),
        (0x0116_1970, "GFS2_MAGIC"),
        (0x482b, "HFSPLUS_SUPER_MAGIC"),
        (0x4244, "HFS_SUPER_MAGIC"),
        (0x3153_464a, "JFS_SUPER_MAGIC"),
        (0x5346_544e, "NTFS_SB_MAGIC"),
        (0x7275, "ROMFS_MAGIC"),
        (0x012f_f7b6, "SYSV2_SUPER_MAGIC"),
        (0x012f_f7b5, "SYSV4_SUPER_MAGIC"),
        (0x2405_1905, "UBIFS_SUPER_MAGIC"),
        (0x0001_1954, "UFS_MAGIC"),
        (0xa501_fcf5, "VXFS_SUPER_MAGIC"),
        (0x012f_f7b4, "XENIX_SUPER_MAGIC"),
        (0x012f_d16d, "XIAFS_SUPER_MAGIC"),
    ]),
    unknown: "",
};

/// The name of a file system's magic number, or the number in hex.
pub(in super::super) fn write_kind(out: &mut Notation<'_>, magic: u64) {
    match KINDS.name(magic).or_else(|| MORE_KINDS.name(magic)) {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => {
            let _ = write!(out, "{magic:#x}");
        }
    }
}

/// The kernel's `include/linux/statfs.h`; the C library knows most of them.
static FLAGS: FlagSet = FlagSet {
    choice: None,
    names: &[
        (0x20, "ST_VALID"),
        (0x1, "ST_RDONLY"),
        (0x2, "ST_NOSUID"),
        (0x4, "ST_NODEV"),
        (0x8, "ST_NOEXEC"),
        (0x10, "ST_SYNCHRONOUS"),
        (0x40, "ST_MANDLOCK"),
        (0x400, "ST_NOATIME"),
        (0x800, "ST_NODIRATIME"),
        (0x1000, "ST_RELATIME"),
        (0x2000, "ST_NOSYMFOLLOW"),
    ],
    unknown: "ST_???",
};

static FSID: Type = Type::Struct(&Struct::of(&[field("val", Type::Elements(&HEX32, 2))]));

/// `struct statfs`
pub(super) static STATFS: Type = Type::Struct(&Struct::of(&[
    field("f_type", Type::Number(Width::Word, Meaning::Named(&Named::hex(write_kind)))),
    field("f_bsize", ULONG),
    field("f_blocks", ULONG),
    field("f_bfree", ULONG),
    field("f_bavail", ULONG),
    field("f_files", ULONG),
    field("f_ffree", ULONG),
    field("f_fsid", FSID),
    field("f_namelen", ULONG),
    field("f_frsize", ULONG),
    field("f_flags", long_flags(&FLAGS)),
    hidden(Type::Elements(&ULONG, 4)),
]));

/// `struct statfs64` of 32-bit programs, packed.
pub(super) static STATFS64: Type = Type::Struct(&Struct::of(&[
    field("f_type", Type::Number(Width::U32, Meaning::Named(&Named::hex(write_kind)))),
    field("f_bsize", U32),
    field("f_blocks", U64),
    field("f_bfree", U64),
    field("f_bavail", U64),
    field("f_files", U64),
    field("f_ffree", U64),
    field("f_fsid", FSID),
    field("f_namelen", U32),
    field("f_frsize", U32),
    field("f_flags", flags(&FLAGS)),
    hidden(Type::Elements(&U32, 4)),
]));
