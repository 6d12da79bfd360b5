//! Btrfs: subvolumes, quotas, what is sent and received.

use rstrace_core::describe::{
    Access, Case, Custom, Field, Item, Length, Meaning, Nested, Object, Shape, Struct, Type, Width, field,
    hidden,
};
use rstrace_core::event::{Comment, Value};
use rstrace_core::flags::{Choices, FlagSet};
use rstrace_core::memory::At;

use super::btrfs_trees::{LIMIT, OBJECT};
use super::{UUID, encoded, following, requests, two_parts};
use crate::syscall::types::*;
use crate::uapi;

const FD64: Type = Type::Number(Width::I64, Meaning::Fd);

/// `struct btrfs_ioctl_vol_args`
pub(super) static VOLUME: Type =
    Type::Struct(&Struct::of(&[field("fd", FD64), field("name", Type::Chars(VOLUME_NAME))]));
const VOLUME_NAME: usize = uapi::BTRFS_PATH_NAME_MAX as usize + 1;

static SUBVOLUME_FLAGS: FlagSet = set!("BTRFS_SUBVOL_???", BTRFS_SUBVOL_CREATE_ASYNC BTRFS_SUBVOL_RDONLY BTRFS_SUBVOL_QGROUP_INHERIT
    BTRFS_SUBVOL_SPEC_BY_ID);
static FLAGS: Type = flags64(&SUBVOLUME_FLAGS);
/// The flags of a subvolume stand without brackets.
static BARE_FLAGS: Type = Type::Custom(&Custom::of(8, Shape::Bare, |flags, _, emit| {
    emit(Item::element(flags.value_at(0, &FLAGS)))
}));

static GROUP_LIMITS: FlagSet = set!("BTRFS_QGROUP_LIMIT_???", BTRFS_QGROUP_LIMIT_MAX_RFER BTRFS_QGROUP_LIMIT_MAX_EXCL
    BTRFS_QGROUP_LIMIT_RSV_RFER BTRFS_QGROUP_LIMIT_RSV_EXCL BTRFS_QGROUP_LIMIT_RFER_CMPR BTRFS_QGROUP_LIMIT_EXCL_CMPR);
/// `struct btrfs_qgroup_limit`
static GROUP_LIMIT_STRUCT: Struct = Struct::of(&[
    field("flags", flags64(&GROUP_LIMITS)),
    field("max_rfer", U64),
    field("max_excl", U64),
    field("rsv_rfer", U64),
    field("rsv_excl", U64),
]);
const GROUP_LIMIT: Type = Type::Struct(&GROUP_LIMIT_STRUCT);

static INHERITANCE: FlagSet = set!("BTRFS_QGROUP_INHERIT_???", BTRFS_QGROUP_INHERIT_SET_LIMITS);
static GROUPS_HEAD: Type = Type::Struct(&Struct::of(&[
    field("flags", flags64(&INHERITANCE)),
    field("num_qgroups", U64),
    field("num_ref_copies", U64),
    field("num_excl_copies", U64),
    field("lim", GROUP_LIMIT),
]));
static GROUP_LIST: Type = Type::Elements(&U64, 0);
/// `struct btrfs_qgroup_inherit`, which the groups follow.
static GROUPS: Type = Type::Custom(&Custom {
    size: 72,
    compat_size: 72,
    shape: Shape::Struct,
    parts: |groups, verbose, emit| {
        Object { ty: &GROUPS_HEAD, ..*groups }.parts(true, emit);
        if !verbose {
            return emit(Item::element(Value::More(None)));
        }
        emit(Item::member("qgroups", following(groups, 72, groups.number(8, Width::U64), &GROUP_LIST)));
    },
    nested: &[Nested { offset: [72, 72], ty: Type::Following(&U64, Length::Member(8)) }],
});
const GROUPS_THERE: Type = Type::Pointer(Access::In, &GROUPS);

fn inherits(volume: &Object<'_>) -> bool {
    volume.number(16, Width::U64) & uapi::BTRFS_SUBVOL_QGROUP_INHERIT != 0
}
/// `struct btrfs_ioctl_vol_args_v2`
const NEW_VOLUME: [Field; 8] = [
    field("fd", FD64),
    field("transid", U64),
    field("flags", flags64(&SUBVOLUME_FLAGS)),
    field("size", U64).only_if(inherits),
    field("qgroup_inherit", GROUPS_THERE).only_if(inherits),
    hidden(Type::ByAbi(&Type::Padding(0), &Type::Padding(4))),
    hidden(Type::Padding(16)),
    field("name", Type::Chars(uapi::BTRFS_SUBVOL_NAME_MAX as usize + 1)),
];
static VOLUME_BEFORE: Type = Type::Struct(&Struct::of(&NEW_VOLUME).in_order(&[0, 2, 3, 4, 7]));
static VOLUME_AFTER: Type = Type::Struct(&Struct::of(&NEW_VOLUME).in_order(&[1]));
/// The request says that nothing is written: the members that may be are captured again.
static CREATE: Type = Type::Custom(&Custom {
    size: 4096,
    compat_size: 4096,
    shape: Shape::Bare,
    parts: |volume, _, emit| {
        let before = Value::Object(Object { ty: &VOLUME_BEFORE, ..*volume });
        let head = volume.call.memory.bytes(volume.address, HEAD, At::Return);
        match head.filter(|_| volume.call.succeeded()) {
            Some(bytes) => {
                let after = Object { ty: &VOLUME_AFTER, bytes, at: At::Return, ..*volume };
                emit(Item::element(Value::Change(&before, &Value::Object(after))));
            }
            None => emit(Item::element(before)),
        }
    },
    nested: &[
        Nested { offset: [0, 0], ty: FD64 },
        Nested { offset: [32, 32], ty: GROUPS_THERE },
        Nested { offset: [0, 0], ty: Type::Following(&VOLUME_HEAD, Length::Fixed(1)) },
    ],
});
const HEAD: usize = 16;
static VOLUME_HEAD: Type = Type::Elements(&U64, 2);

static DEFRAGMENTATION: FlagSet = set!("BTRFS_DEFRAG_RANGE_???", BTRFS_DEFRAG_RANGE_COMPRESS BTRFS_DEFRAG_RANGE_START_IO
    BTRFS_DEFRAG_RANGE_COMPRESS_LEVEL BTRFS_DEFRAG_RANGE_NOCOMPRESS);
static COMPRESSIONS: Choices = Choices {
    // they are in no header
    names: &[
        (0, "BTRFS_COMPRESS_NONE"),
        (1, "BTRFS_COMPRESS_ZLIB"),
        (2, "BTRFS_COMPRESS_LZO"),
        (3, "BTRFS_COMPRESS_ZSTD"),
    ],
    unknown: "BTRFS_COMPRESS_???",
};
/// `struct btrfs_ioctl_defrag_range_args`
static DEFRAGMENT: Type = Type::Struct(&Struct::of(&[
    field("start", U64),
    field("len", LIMIT),
    field("flags", flags64(&DEFRAGMENTATION)),
    field("extent_thresh", U32),
    field("compress_type", choice(&COMPRESSIONS)),
    hidden(Type::Padding(16)),
]));

/// `struct btrfs_ioctl_timespec`
const TIME: Type = Type::Struct(&Struct::of(&[field("sec", U64), field("nsec", U32)]));

fn date(subvolume: &Object<'_>, offset: usize) -> Option<Comment> {
    Comment::of_stamp(subvolume.number(offset, Width::U64) as i64, subvolume.number(offset + 8, Width::U32))
}
/// `struct btrfs_ioctl_received_subvol_args`
const RECEIVED: [Field; 7] = [
    field("uuid", UUID),
    field("stransid", U64),
    field("rtransid", U64),
    field("stime", TIME).commented(|subvolume| date(subvolume, 32)),
    field("rtime", TIME).commented(|subvolume| date(subvolume, 48)),
    field("flags", U64),
    hidden(Type::Padding(128)),
];
static RECEIVED_BEFORE: Type = Type::Struct(&Struct::of(&RECEIVED).in_order(&[0, 1, 3, 5]));
static RECEIVED_AFTER: Type = Type::Struct(&Struct::of(&RECEIVED).in_order(&[2, 4]));
static RECEIVE: Type = two_parts!(200, Bare, rewritten, RECEIVED_BEFORE, RECEIVED_AFTER);

static SENDING: FlagSet = set!("BTRFS_SEND_FLAGS_???", BTRFS_SEND_FLAG_NO_FILE_DATA BTRFS_SEND_FLAG_OMIT_STREAM_HEADER
    BTRFS_SEND_FLAG_OMIT_END_CMD BTRFS_SEND_FLAG_VERSION BTRFS_SEND_FLAG_COMPRESSED);
/// `struct btrfs_ioctl_send_args`
static SEND: Type = Type::Struct(&Struct::of(&[
    field("send_fd", FD64),
    field("clone_sources_count", U64),
    field("clone_sources", Type::List(Access::In, &OBJECT, Length::Member(1))).at_length(),
    field("parent_root", OBJECT),
    field("flags", flags64(&SENDING)),
    hidden(Type::Padding(32)),
]));

static QUOTA_COMMANDS: Choices = choices!("BTRFS_QUOTA_CTL_???", BTRFS_QUOTA_CTL_ENABLE BTRFS_QUOTA_CTL_DISABLE BTRFS_QUOTA_CTL_RESCAN__NOTUSED
    BTRFS_QUOTA_CTL_ENABLE_SIMPLE_QUOTA);
/// `struct btrfs_ioctl_quota_ctl_args`
static QUOTA: Type = Type::Struct(&Struct::of(&[
    field("cmd", Type::Number(Width::U64, Meaning::Choice(&QUOTA_COMMANDS))),
    hidden(U64),
]));
/// `struct btrfs_ioctl_quota_rescan_args`
static RESCAN: Type =
    Type::Struct(&Struct::of(&[field("flags", U64), hidden(U64), hidden(Type::Padding(48))]));
static RESCAN_STATUS: Type =
    Type::Struct(&Struct::of(&[field("flags", U64), field("progress", OBJECT), hidden(Type::Padding(48))]));
/// `struct btrfs_ioctl_qgroup_assign_args`
static ASSIGN: Type =
    Type::Struct(&Struct::of(&[field("assign", U64), field("src", U64), field("dst", U64)]));
/// `struct btrfs_ioctl_qgroup_create_args`
static CREATE_GROUP: Type = Type::Struct(&Struct::of(&[field("create", U64), field("qgroupid", U64)]));
/// `struct btrfs_ioctl_qgroup_limit_args`
static LIMIT_GROUP: Type = Type::Struct(&Struct::of(&[field("qgroupid", U64), field("lim", GROUP_LIMIT)]));

pub const REQUESTS: &[Case] = requests! {
    BTRFS_IOC_TRANS_START,
    BTRFS_IOC_TRANS_END,
    BTRFS_IOC_SYNC,
    BTRFS_IOC_QUOTA_RESCAN_WAIT,
    BTRFS_IOC_WAIT_SYNC: encoded(&U64),
    BTRFS_IOC_DEFAULT_SUBVOL: encoded(&U64),
    BTRFS_IOC_SUBVOL_SETFLAGS: encoded(&BARE_FLAGS),
    BTRFS_IOC_QGROUP_CREATE: encoded(&CREATE_GROUP),
    BTRFS_IOC_QGROUP_ASSIGN: encoded(&ASSIGN),
    BTRFS_IOC_DEFRAG_RANGE: encoded(&DEFRAGMENT),
    BTRFS_IOC_QUOTA_RESCAN: encoded(&RESCAN),
    BTRFS_IOC_SEND: encoded(&SEND),
    BTRFS_IOC_SNAP_CREATE: encoded(&VOLUME),
    BTRFS_IOC_DEFRAG,
    BTRFS_IOC_RESIZE: encoded(&VOLUME),
    BTRFS_IOC_SUBVOL_CREATE: encoded(&VOLUME),
    BTRFS_IOC_SNAP_DESTROY: encoded(&VOLUME),
    BTRFS_IOC_SNAP_CREATE_V2: encoded(&CREATE),
    BTRFS_IOC_SUBVOL_CREATE_V2: encoded(&CREATE),
    BTRFS_IOC_START_SYNC: encoded(&U64),
    BTRFS_IOC_SUBVOL_GETFLAGS: encoded(&BARE_FLAGS),
    // the kernel reads it, whatever the request says
    BTRFS_IOC_QGROUP_LIMIT: input(&LIMIT_GROUP),
    BTRFS_IOC_QUOTA_RESCAN_STATUS: encoded(&RESCAN_STATUS),
    BTRFS_IOC_QUOTA_CTL: encoded(&QUOTA),
    BTRFS_IOC_SET_RECEIVED_SUBVOL: encoded(&RECEIVE),
};
