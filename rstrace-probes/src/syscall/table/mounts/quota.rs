//! `quotactl`: its commands and their structures.

use std::io::Write;

use rstrace_core::describe::{
    Case, Cases, Meaning, Named, Param, Struct, Type, Width, field, hidden, long, param, param_if,
};
use rstrace_core::flags::{Choices, FlagSet};
use rstrace_core::probe::RawCall;

use crate::syscall::types::*;
use crate::uapi;

static COMMANDS: Choices = choices!("Q_???",
    Q_SYNC Q_QUOTAON Q_QUOTAOFF Q_GETFMT Q_GETINFO Q_SETINFO Q_GETQUOTA Q_SETQUOTA Q_GETNEXTQUOTA Q_XQUOTAON
    Q_XQUOTAOFF Q_XGETQUOTA Q_XSETQLIM Q_XGETQSTAT Q_XQUOTARM Q_XQUOTASYNC Q_XGETQSTATV Q_XGETNEXTQUOTA);

static TYPES: Choices = choices!("???QUOTA", USRQUOTA GRPQUOTA PRJQUOTA);

static FORMATS: Choices = choices!("QFMT_VFS_???",
    QFMT_VFS_OLD QFMT_VFS_V0 QFMT_OCFS2 QFMT_VFS_V1 QFMT_SHMEM);

/// `QCMD(Q_GETQUOTA, USRQUOTA)`
fn write_command(out: &mut Notation<'_>, command: u64) {
    out.extend_from_slice(b"QCMD(");
    write_choice(out, command >> 8, &COMMANDS);
    out.extend_from_slice(b", ");
    write_choice(out, command & 0xff, &TYPES);
    out.push(b')');
}

fn write_choice(out: &mut Notation<'_>, value: u64, choices: &Choices) {
    let _ = match choices.name(value) {
        Some(name) => write!(out, "{name}"),
        None => write!(out, "{value:#x} /* {} */", choices.unknown),
    };
}

const COMMAND: Type = Type::Number(Width::U32, Meaning::Named(&Named::unsigned(write_command)));

static VALID: FlagSet = set!("QIF_???",
    QIF_BLIMITS QIF_SPACE QIF_ILIMITS QIF_INODES QIF_BTIME QIF_ITIME);

/// `struct if_dqblk`
static QUOTA: Type = Type::Struct(&Struct::of(&[
    field("dqb_bhardlimit", U64),
    field("dqb_bsoftlimit", U64),
    field("dqb_curspace", U64),
    field("dqb_ihardlimit", U64),
    field("dqb_isoftlimit", U64),
    field("dqb_curinodes", U64),
    long("dqb_btime", U64),
    long("dqb_itime", U64),
    long("dqb_valid", flags(&VALID)),
]));

/// `struct if_nextdqblk`
static NEXT_QUOTA: Type = Type::Struct(&Struct::of(&[
    field("dqb_bhardlimit", U64),
    field("dqb_bsoftlimit", U64),
    field("dqb_curspace", U64),
    field("dqb_ihardlimit", U64),
    field("dqb_isoftlimit", U64),
    field("dqb_curinodes", U64),
    long("dqb_btime", U64),
    long("dqb_itime", U64),
    long("dqb_valid", flags(&VALID)),
    long("dqb_id", U32),
]));

static INFO_FLAGS: FlagSet = set!("DQF_???", DQF_ROOT_SQUASH DQF_SYS_FILE);
static INFO_VALID: FlagSet = set!("IIF_???", IIF_BGRACE IIF_IGRACE IIF_FLAGS);

/// `struct if_dqinfo`
static INFO: Type = Type::Struct(&Struct::of(&[
    field("dqi_bgrace", U64),
    field("dqi_igrace", U64),
    field("dqi_flags", flags(&INFO_FLAGS)),
    field("dqi_valid", flags(&INFO_VALID)),
]));

static XFS_TYPES: FlagSet = set!("FS_???_QUOTA", FS_USER_QUOTA FS_PROJ_QUOTA FS_GROUP_QUOTA);
static XFS_FLAGS: FlagSet = set!("FS_QUOTA_???",
    FS_QUOTA_UDQ_ACCT FS_QUOTA_UDQ_ENFD FS_QUOTA_GDQ_ACCT FS_QUOTA_GDQ_ENFD FS_QUOTA_PDQ_ACCT FS_QUOTA_PDQ_ENFD);
static XFS_TYPES_BEHIND: Type = flags(&XFS_TYPES);
static XFS_FLAGS_BEHIND: Type = flags(&XFS_FLAGS);
static FORMAT_BEHIND: Type = choice(&FORMATS);

const I8: Type = Type::Number(Width::I8, Meaning::Plain);

/// `struct fs_disk_quota`
static XFS_QUOTA: Type = Type::Struct(&Struct::of(&[
    field("d_version", I8),
    field("d_flags", flags8(&XFS_TYPES)),
    field("d_fieldmask", HEX16),
    field("d_id", U32),
    field("d_blk_hardlimit", U64),
    field("d_blk_softlimit", U64),
    field("d_ino_hardlimit", U64),
    field("d_ino_softlimit", U64),
    field("d_bcount", U64),
    field("d_icount", U64),
    long("d_itimer", INT),
    long("d_btimer", INT),
    long("d_iwarns", U16),
    long("d_bwarns", U16),
    hidden(Type::Padding(4)),
    long("d_rtb_hardlimit", U64),
    long("d_rtb_softlimit", U64),
    long("d_rtbcount", U64),
    long("d_rtbtimer", INT),
    long("d_rtbwarns", U16),
    hidden(Type::Padding(2 + 8)),
]));

/// `struct fs_qfilestat`; the newer `struct fs_qfilestatv` has the same members.
static XFS_FILE: Struct =
    Struct::of(&[field("qfs_ino", U64), field("qfs_nblks", U64), field("qfs_nextents", U32)]);

/// `struct fs_quota_stat`
static XFS_STATE: Type = Type::Struct(&Struct::of(&[
    field("qs_version", I8),
    long("qs_flags", flags16(&XFS_FLAGS)),
    hidden(I8),
    long("qs_uquota", Type::Struct(&XFS_FILE)),
    long("qs_gquota", Type::Struct(&XFS_FILE)),
    long("qs_incoredqs", U32),
    long("qs_btimelimit", INT),
    long("qs_itimelimit", INT),
    long("qs_rtbtimelimit", INT),
    long("qs_bwarnlimit", U16),
    long("qs_iwarnlimit", U16),
]));

/// `struct fs_quota_statv`
static XFS_STATE_V: Type = Type::Struct(&Struct::of(&[
    field("qs_version", I8),
    hidden(U8),
    long("qs_flags", flags16(&XFS_FLAGS)),
    long("qs_incoredqs", U32),
    long("qs_uquota", Type::Struct(&XFS_FILE_V)),
    long("qs_gquota", Type::Struct(&XFS_FILE_V)),
    long("qs_pquota", Type::Struct(&XFS_FILE_V)),
    long("qs_btimelimit", INT),
    long("qs_itimelimit", INT),
    long("qs_rtbtimelimit", INT),
    long("qs_bwarnlimit", U16),
    long("qs_iwarnlimit", U16),
    hidden(Type::Padding(8 + 56)),
]));
static XFS_FILE_V: Struct = Struct::of(&[
    field("qfs_ino", U64),
    field("qfs_nblks", U64),
    field("qfs_nextents", U32),
    hidden(Type::Padding(4)),
]);

/// The command, without the type of quota.
fn command(op: u64) -> u64 {
    u64::from(op as u32) >> 8
}

/// Whether a command is about one user, group or project, or a format.
fn has_id(command: u64) -> bool {
    !matches!(
        command,
        uapi::Q_SYNC
            | uapi::Q_QUOTAOFF
            | uapi::Q_GETFMT
            | uapi::Q_GETINFO
            | uapi::Q_SETINFO
            | uapi::Q_XQUOTAON
            | uapi::Q_XQUOTAOFF
            | uapi::Q_XGETQSTAT
            | uapi::Q_XGETQSTATV
            | uapi::Q_XQUOTARM
            | uapi::Q_XQUOTASYNC
    )
}

/// Whether a command has an address.
fn has_address(command: u64) -> bool {
    !matches!(command, uapi::Q_SYNC | uapi::Q_QUOTAOFF | uapi::Q_XQUOTASYNC)
}

fn shows_id(call: &RawCall<'_>) -> bool {
    has_id(command(call.args[0]))
}

fn shows_address(call: &RawCall<'_>) -> bool {
    has_address(command(call.args[0]))
}

fn shows_id_of_fd(call: &RawCall<'_>) -> bool {
    has_id(command(call.args[1]))
}

fn shows_address_of_fd(call: &RawCall<'_>) -> bool {
    has_address(command(call.args[1]))
}

/// All arguments, by what the last two are.
macro_rules! quotactl {
    ($id:expr, $address:expr) => {
        &[
            param("op", COMMAND),
            param("special", PATH),
            param_if("id", $id, shows_id),
            param_if("addr", $address, shows_address),
        ]
    };
}

/// Likewise, of `quotactl_fd`.
macro_rules! quotactl_fd {
    ($id:expr, $address:expr) => {
        &[
            param("fd", FD),
            param("cmd", COMMAND),
            param_if("id", $id, shows_id_of_fd),
            param_if("addr", $address, shows_address_of_fd),
        ]
    };
}

/// The commands whose address is of something, each for the three types of quota.
macro_rules! cases {
    ($params:ident; $($command:ident $id:expr, $address:expr;)*) => {
        &[$(
            case(uapi::$command, uapi::USRQUOTA, $params!($id, $address)),
            case(uapi::$command, uapi::GRPQUOTA, $params!($id, $address)),
            case(uapi::$command, uapi::PRJQUOTA, $params!($id, $address)),
        )*]
    };
    ($params:ident) => {
        cases! {
            $params;
            Q_XQUOTAON ID, input(&XFS_FLAGS_BEHIND);
            Q_XQUOTAOFF ID, input(&XFS_FLAGS_BEHIND);
            Q_XGETQUOTA ID, output(&XFS_QUOTA);
            Q_XSETQLIM ID, input(&XFS_QUOTA);
            Q_XGETQSTAT ID, output(&XFS_STATE);
            Q_XQUOTARM ID, input(&XFS_TYPES_BEHIND);
            Q_XGETQSTATV ID, output(&XFS_STATE_V);
            Q_XGETNEXTQUOTA ID, output(&XFS_QUOTA);
            Q_QUOTAON choice(&FORMATS), PATH;
            Q_GETFMT ID, output(&FORMAT_BEHIND);
            Q_GETINFO ID, output(&INFO);
            Q_SETINFO ID, input(&INFO);
            Q_GETQUOTA ID, output(&QUOTA);
            Q_SETQUOTA ID, input(&QUOTA);
            Q_GETNEXTQUOTA ID, output(&NEXT_QUOTA);
        }
    };
}

const fn case(command: u64, quota: u64, params: &'static [Param]) -> Case {
    Case { value: (command << 8 | quota) as u32, params, result: None }
}

/// The arguments of `quotactl` without a structure.
pub(super) static PARAMS: &[Param] = quotactl!(ID, ADDRESS);
pub(super) static QUOTACTL: Cases = Cases { arg: 0, cases: cases!(quotactl) };

/// The arguments of `quotactl_fd` without a structure.
pub(super) static FD_PARAMS: &[Param] = quotactl_fd!(ID, ADDRESS);
pub(super) static QUOTACTL_FD: Cases = Cases { arg: 1, cases: cases!(quotactl_fd) };
