//! Btrfs: its devices and the space on them.

use std::io::Write;

use rstrace_core::describe::{
    Case, Custom, Field, Item, Length, Meaning, Nested, Object, Shape, Struct, Type, Width, field, hidden,
};
use rstrace_core::event::{Comment, Value};
use rstrace_core::flags::{Choices, FlagSet};

use super::btrfs::VOLUME;
use super::btrfs_trees::LIMIT;
use super::{UUID, encoded, following, is_set, requests, rewritten, two_parts};
use crate::syscall::types::*;
use crate::uapi;

/// Bytes of a UUID.
const UUID_SIZE: usize = 16;

const fn choice64(set: &'static Choices) -> Type {
    Type::Number(Width::U64, Meaning::Choice(set))
}

static SCRUB_FLAGS: FlagSet = set!("BTRFS_SCRUB_???", BTRFS_SCRUB_READONLY);
/// `struct btrfs_scrub_progress`
const PROGRESS: Type = Type::Struct(&Struct::of(&[
    field("data_extents_scrubbed", U64),
    field("tree_extents_scrubbed", U64),
    field("data_bytes_scrubbed", U64),
    field("tree_bytes_scrubbed", U64),
    field("read_errors", U64),
    field("csum_errors", U64),
    field("verify_errors", U64),
    field("no_csum", U64),
    field("csum_discards", U64),
    field("super_errors", U64),
    field("malloc_errors", U64),
    field("uncorrectable_errors", U64),
    field("corrected_errors", U64),
    field("last_physical", U64),
    field("unverified_errors", U64),
]));
/// `struct btrfs_ioctl_scrub_args`. The id of a device is a number of its own, no `dev_t`.
const SCRUBBING: [Field; 5] = [
    field("devid", U64),
    field("start", U64),
    field("end", LIMIT),
    field("flags", flags64(&SCRUB_FLAGS)),
    field("progress", PROGRESS),
];
static SCRUB_BEFORE: Type = Type::Struct(&Struct::of(&SCRUBBING).in_order(&[0, 1, 2, 3]));
static SCRUB_DEVICE: Type = Type::Struct(&Struct::of(&SCRUBBING).in_order(&[0]));
static SCRUB_AFTER: Type = Type::Struct(&Struct::of(&SCRUBBING).in_order(&[4]));
static SCRUB: Type = two_parts!(1024, Bare, rewritten, SCRUB_BEFORE, SCRUB_AFTER);
static SCRUB_PROGRESS: Type = two_parts!(1024, Bare, rewritten, SCRUB_DEVICE, SCRUB_AFTER);

/// `struct btrfs_ioctl_dev_info_args`
const DEVICE: [Field; 6] = [
    field("devid", U64),
    field("uuid", UUID).only_if(|device| is_set(device, 8, UUID_SIZE)),
    field("bytes_used", U64),
    field("total_bytes", U64),
    hidden(Type::Padding(3032)),
    field("path", Type::Chars(uapi::BTRFS_DEVICE_PATH_NAME_MAX as usize)),
];
static DEVICE_BEFORE: Type = Type::Struct(&Struct::of(&DEVICE).in_order(&[0, 1]));
static DEVICE_AFTER: Type = Type::Struct(&Struct::of(&DEVICE).in_order(&[1, 2, 3, 5]));
static DEVICE_INFO: Type = two_parts!(4096, Bare, rewritten, DEVICE_BEFORE, DEVICE_AFTER);

static INFO_FLAGS: FlagSet = set!("BTRFS_FS_INFO_FLAG_???", BTRFS_FS_INFO_FLAG_CSUM_INFO BTRFS_FS_INFO_FLAG_GENERATION
    BTRFS_FS_INFO_FLAG_METADATA_UUID);
static CHECKSUMS: Choices = choices!("BTRFS_CSUM_TYPE_???", BTRFS_CSUM_TYPE_CRC32 BTRFS_CSUM_TYPE_XXHASH
    BTRFS_CSUM_TYPE_SHA256 BTRFS_CSUM_TYPE_BLAKE2);
fn tells(info: &Object<'_>, flag: u64) -> bool {
    info.number(48, Width::U64) & flag != 0
}
/// `struct btrfs_ioctl_fs_info_args`
static FILE_SYSTEM: Type = Type::Struct(&Struct::of(&[
    field("max_id", U64),
    field("num_devices", U64),
    field("fsid", UUID),
    field("nodesize", U32),
    field("sectorsize", U32),
    field("clone_alignment", U32),
    field("csum_type", Type::Number(Width::U16, Meaning::Choice(&CHECKSUMS)))
        .only_if(|info| tells(info, uapi::BTRFS_FS_INFO_FLAG_CSUM_INFO)),
    field("csum_size", U16).only_if(|info| tells(info, uapi::BTRFS_FS_INFO_FLAG_CSUM_INFO)),
    field("flags", flags64(&INFO_FLAGS)),
    field("generation", U64).only_if(|info| tells(info, uapi::BTRFS_FS_INFO_FLAG_GENERATION)),
    field("metadata_uuid", UUID).only_if(|info| tells(info, uapi::BTRFS_FS_INFO_FLAG_METADATA_UUID)),
    hidden(Type::Padding(944)),
]));

macro_rules! block_groups {
    ($unknown:literal) => {
        set!($unknown, BTRFS_BLOCK_GROUP_DATA BTRFS_BLOCK_GROUP_SYSTEM BTRFS_BLOCK_GROUP_METADATA
            BTRFS_BLOCK_GROUP_RAID0 BTRFS_BLOCK_GROUP_RAID1 BTRFS_BLOCK_GROUP_DUP BTRFS_BLOCK_GROUP_RAID10
            BTRFS_BLOCK_GROUP_RAID5 BTRFS_BLOCK_GROUP_RAID6 BTRFS_BLOCK_GROUP_RAID1C3
            BTRFS_BLOCK_GROUP_RAID1C4 BTRFS_AVAIL_ALLOC_BIT_SINGLE BTRFS_SPACE_INFO_GLOBAL_RSV)
    };
}
static PROFILES: FlagSet = block_groups!("BTRFS_BLOCK_GROUP_???");
static SPACE_FLAGS: FlagSet = block_groups!("BTRFS_SPACE_INFO_???");
/// `struct btrfs_ioctl_space_info`
static SPACE: Type = Type::Struct(&Struct::of(&[
    field("flags", flags64(&SPACE_FLAGS)),
    field("total_bytes", U64),
    field("used_bytes", U64),
]));
static SPACE_LIST: Type = Type::Elements(&SPACE, 0);
/// `struct btrfs_ioctl_space_args`
static SPACES_BEFORE: Type = Type::Struct(&Struct::of(&[field("space_slots", U64)]));
static SPACES_AFTER: Type = Type::Custom(&Custom::of(16, Shape::Struct, |spaces, verbose, emit| {
    let [slots, total] = [0, 8].map(|offset| spaces.number(offset, Width::U64));
    emit(Item::member("total_spaces", Value::Unsigned(total)));
    if !verbose {
        return emit(Item::element(Value::More(None)));
    }
    // no more than there is room for are written
    emit(Item::member("spaces", following(spaces, 16, total.min(slots), &SPACE_LIST)));
}));
static SPACES: Type = Type::Custom(&Custom {
    size: 16,
    compat_size: 16,
    shape: Shape::Bare,
    parts: |spaces, verbose, emit| rewritten(spaces, verbose, (&SPACES_BEFORE, &SPACES_AFTER), emit),
    nested: &[Nested { offset: [16, 16], ty: Type::Following(&SPACE, Length::Member(0)) }],
});

static BALANCE_FLAGS: FlagSet = set!("BTRFS_BALANCE_???", BTRFS_BALANCE_DATA BTRFS_BALANCE_SYSTEM BTRFS_BALANCE_METADATA
    BTRFS_BALANCE_FORCE BTRFS_BALANCE_RESUME);
static BALANCE_STATES: FlagSet = set!("BTRFS_BALANCE_STATE_???", BTRFS_BALANCE_STATE_RUNNING
    BTRFS_BALANCE_STATE_PAUSE_REQ BTRFS_BALANCE_STATE_CANCEL_REQ);
static BALANCED: FlagSet = set!("BTRFS_BALANCE_ARGS_???", BTRFS_BALANCE_ARGS_PROFILES BTRFS_BALANCE_ARGS_USAGE
    BTRFS_BALANCE_ARGS_DEVID BTRFS_BALANCE_ARGS_DRANGE BTRFS_BALANCE_ARGS_VRANGE BTRFS_BALANCE_ARGS_LIMIT
    BTRFS_BALANCE_ARGS_LIMIT_RANGE BTRFS_BALANCE_ARGS_STRIPES_RANGE BTRFS_BALANCE_ARGS_CONVERT
    BTRFS_BALANCE_ARGS_SOFT BTRFS_BALANCE_ARGS_USAGE_RANGE);
/// `struct btrfs_balance_args`
static BALANCE_ARGS_STRUCT: Struct = Struct::of(&[
    field("profiles", flags64(&PROFILES)),
    field("usage", LIMIT),
    field("devid", U64),
    field("pstart", U64),
    field("pend", LIMIT),
    field("vstart", U64),
    field("vend", LIMIT),
    field("target", U64),
    field("flags", flags64(&BALANCED)),
    hidden(Type::Padding(64)),
]);
const BALANCE_ARGS: Type = Type::Struct(&BALANCE_ARGS_STRUCT);
fn balances(balance: &Object<'_>, kind: u64) -> bool {
    balance.number(0, Width::U64) & kind != 0
}
/// `struct btrfs_ioctl_balance_args`
const BALANCE: [Field; 6] = [
    field("flags", flags64(&BALANCE_FLAGS)),
    field("state", flags64(&BALANCE_STATES)),
    field("data", BALANCE_ARGS).only_if(|balance| balances(balance, uapi::BTRFS_BALANCE_DATA)),
    field("meta", BALANCE_ARGS).only_if(|balance| balances(balance, uapi::BTRFS_BALANCE_METADATA)),
    field("sys", BALANCE_ARGS).only_if(|balance| balances(balance, uapi::BTRFS_BALANCE_SYSTEM)),
    hidden(Type::Padding(600)),
];
static BALANCE_BEFORE: Type = Type::Struct(&Struct::of(&BALANCE).in_order(&[0, 2, 3, 4]));
static BALANCE_AFTER: Type = Type::Struct(&Struct::of(&BALANCE));
static BALANCING: Type = two_parts!(1024, Bare, rewritten, BALANCE_BEFORE, BALANCE_AFTER);
static BALANCE_CONTROL: Choices =
    choices!("BTRFS_BALANCE_CTL_???", BTRFS_BALANCE_CTL_PAUSE BTRFS_BALANCE_CTL_CANCEL);

static STATISTICS_FLAGS: FlagSet = set!("BTRFS_DEV_STATS_???", BTRFS_DEV_STATS_RESET);
/// `struct btrfs_ioctl_get_dev_stats` up to its values.
const STATISTICS: [Field; 3] =
    [field("devid", U64), field("nr_items", U64), field("flags", flags64(&STATISTICS_FLAGS))];
static STATISTICS_BEFORE: Type = Type::Struct(&Struct::of(&STATISTICS));
static STATISTICS_HEAD: Type = Type::Struct(&Struct::of(&STATISTICS).in_order(&[1, 2]));
static STATISTICS_AFTER: Type = Type::Custom(&Custom::of(1032, Shape::Struct, |statistics, _, emit| {
    Object { ty: &STATISTICS_HEAD, ..*statistics }.parts(true, emit);
    emit(Item::element(Value::Object(Object { ty: &COUNTERS, ..*statistics })));
}));
static COUNTERS: Type = Type::Custom(&Custom::of(1032, Shape::List, |statistics, _, emit| {
    const NAMES: [&str; 5] = [
        "[BTRFS_DEV_STAT_WRITE_ERRS]",
        "[BTRFS_DEV_STAT_READ_ERRS]",
        "[BTRFS_DEV_STAT_FLUSH_ERRS]",
        "[BTRFS_DEV_STAT_CORRUPTION_ERRS]",
        "[BTRFS_DEV_STAT_GENERATION_ERRS]",
    ];
    let count = statistics.number(8, Width::U64);
    for (place, name) in NAMES.into_iter().enumerate().take_while(|(place, _)| (*place as u64) < count) {
        emit(Item::member(name, Value::Unsigned(statistics.number(24 + 8 * place, Width::U64))));
    }
    if count > NAMES.len() as u64 {
        emit(Item::element(Value::More(None)));
    }
}));
static GET_STATISTICS: Type = two_parts!(1032, Bare, rewritten, STATISTICS_BEFORE, STATISTICS_AFTER);

static COMMANDS: Choices = choices!("BTRFS_IOCTL_DEV_REPLACE_CMD_???", BTRFS_IOCTL_DEV_REPLACE_CMD_START
    BTRFS_IOCTL_DEV_REPLACE_CMD_STATUS BTRFS_IOCTL_DEV_REPLACE_CMD_CANCEL);
static READING: Choices = choices!("BTRFS_IOCTL_DEV_REPLACE_CONT_READING_FROM_SRCDEV_MODE_???",
    BTRFS_IOCTL_DEV_REPLACE_CONT_READING_FROM_SRCDEV_MODE_ALWAYS
    BTRFS_IOCTL_DEV_REPLACE_CONT_READING_FROM_SRCDEV_MODE_AVOID);
static RESULTS: Choices = choices!("BTRFS_IOCTL_DEV_REPLACE_RESULT_???", BTRFS_IOCTL_DEV_REPLACE_RESULT_NO_ERROR
    BTRFS_IOCTL_DEV_REPLACE_RESULT_NOT_STARTED BTRFS_IOCTL_DEV_REPLACE_RESULT_ALREADY_STARTED
    BTRFS_IOCTL_DEV_REPLACE_RESULT_SCRUB_INPROGRESS);
static STATES: Choices = choices!("BTRFS_IOCTL_DEV_REPLACE_STATE_???", BTRFS_IOCTL_DEV_REPLACE_STATE_NEVER_STARTED
    BTRFS_IOCTL_DEV_REPLACE_STATE_STARTED BTRFS_IOCTL_DEV_REPLACE_STATE_FINISHED
    BTRFS_IOCTL_DEV_REPLACE_STATE_CANCELED BTRFS_IOCTL_DEV_REPLACE_STATE_SUSPENDED);
const PATH_SIZE: usize = uapi::BTRFS_DEVICE_PATH_NAME_MAX as usize + 1;
/// `struct btrfs_ioctl_dev_replace_start_params`
static START_STRUCT: Struct = Struct::of(&[
    field("srcdevid", U64),
    field("cont_reading_from_srcdev_mode", choice64(&READING)),
    field("srcdev_name", Type::Chars(PATH_SIZE)),
    field("tgtdev_name", Type::Chars(PATH_SIZE)),
]);
const START: Type = Type::Struct(&START_STRUCT);

fn date(status: &Object<'_>, offset: usize) -> Option<Comment> {
    Comment::of_stamp(status.number(offset, Width::U64) as i64, 0)
}
/// Thousandths as a percentage.
fn percentage(status: &Object<'_>) -> Option<Comment> {
    let progress = status.number(8, Width::U64);
    let comment = Comment::Written(progress, |out, progress| {
        let _ = write!(out, "{}.{}%", progress / 10, progress % 10);
    });
    (progress <= 1000).then_some(comment)
}
/// `struct btrfs_ioctl_dev_replace_status_params`
static STATUS_STRUCT: Struct = Struct::of(&[
    field("replace_state", choice64(&STATES)),
    field("progress_1000", U64).commented(percentage),
    field("time_started", U64).commented(|status| date(status, 16)),
    field("time_stopped", U64).commented(|status| date(status, 24)),
    field("num_write_errors", U64),
    field("num_uncorrectable_read_errors", U64),
]);
const STATUS: Type = Type::Struct(&STATUS_STRUCT);
fn is_command(replacement: &Object<'_>, command: u64) -> bool {
    replacement.number(0, Width::U64) == command
}
/// `struct btrfs_ioctl_dev_replace_args`
static REPLACE_BEFORE: Type = Type::Struct(&Struct::of(&[
    field("cmd", choice64(&COMMANDS)),
    hidden(U64),
    field("start", START)
        .only_if(|replacement| is_command(replacement, uapi::BTRFS_IOCTL_DEV_REPLACE_CMD_START)),
]));
static REPLACE_AFTER: Type = Type::Struct(&Struct::of(&[
    hidden(U64),
    field("result", choice64(&RESULTS)),
    field("status", STATUS)
        .only_if(|replacement| is_command(replacement, uapi::BTRFS_IOCTL_DEV_REPLACE_CMD_STATUS)),
]));
static REPLACE: Type = two_parts!(2600, Bare, rewritten, REPLACE_BEFORE, REPLACE_AFTER);

static COMPATIBLE: FlagSet = FlagSet { choice: None, names: &[], unknown: "BTRFS_FEATURE_COMPAT_???" };
static READABLE: FlagSet = set!("BTRFS_FEATURE_COMPAT_RO_???", BTRFS_FEATURE_COMPAT_RO_FREE_SPACE_TREE
    BTRFS_FEATURE_COMPAT_RO_FREE_SPACE_TREE_VALID BTRFS_FEATURE_COMPAT_RO_VERITY
    BTRFS_FEATURE_COMPAT_RO_BLOCK_GROUP_TREE);
static INCOMPATIBLE: FlagSet = set!("BTRFS_FEATURE_INCOMPAT_???", BTRFS_FEATURE_INCOMPAT_MIXED_BACKREF
    BTRFS_FEATURE_INCOMPAT_DEFAULT_SUBVOL BTRFS_FEATURE_INCOMPAT_MIXED_GROUPS BTRFS_FEATURE_INCOMPAT_COMPRESS_LZO
    BTRFS_FEATURE_INCOMPAT_COMPRESS_ZSTD BTRFS_FEATURE_INCOMPAT_BIG_METADATA BTRFS_FEATURE_INCOMPAT_EXTENDED_IREF
    BTRFS_FEATURE_INCOMPAT_RAID56 BTRFS_FEATURE_INCOMPAT_SKINNY_METADATA BTRFS_FEATURE_INCOMPAT_NO_HOLES
    BTRFS_FEATURE_INCOMPAT_METADATA_UUID BTRFS_FEATURE_INCOMPAT_RAID1C34 BTRFS_FEATURE_INCOMPAT_ZONED
    BTRFS_FEATURE_INCOMPAT_EXTENT_TREE_V2 BTRFS_FEATURE_INCOMPAT_RAID_STRIPE_TREE BTRFS_FEATURE_INCOMPAT_SIMPLE_QUOTA
    BTRFS_FEATURE_INCOMPAT_REMAP_TREE);
/// `struct btrfs_ioctl_feature_flags`
static FEATURES: Type = Type::Struct(&Struct::of(&[
    field("compat_flags", flags64(&COMPATIBLE)),
    field("compat_ro_flags", flags64(&READABLE)),
    field("incompat_flags", flags64(&INCOMPATIBLE)),
]));
/// Which to change, and to what.
static NEW_FEATURES: Type = Type::Elements(&FEATURES, 2);
static SUPPORTED: Type = Type::Custom(&Custom::of(72, Shape::List, |supported, _, emit| {
    let comments: [fn(&mut Notation<'_>, u64); 3] = [
        |out, _| out.push_text("supported"),
        |out, _| out.push_text("safe to set"),
        |out, _| out.push_text("safe to clear"),
    ];
    for (place, comment) in comments.into_iter().enumerate() {
        let features = supported.value_at(24 * place, &FEATURES);
        emit(Item::element(Value::Commented(&features, Comment::Written(0, comment))));
    }
}));

pub const REQUESTS: &[Case] = requests! {
    BTRFS_IOC_BALANCE_CTL: choice(&BALANCE_CONTROL),
    BTRFS_IOC_SET_FEATURES: encoded(&NEW_FEATURES),
    BTRFS_IOC_SCAN_DEV: encoded(&VOLUME),
    BTRFS_IOC_FORGET_DEV: encoded(&VOLUME),
    BTRFS_IOC_ADD_DEV: encoded(&VOLUME),
    BTRFS_IOC_RM_DEV: encoded(&VOLUME),
    BTRFS_IOC_BALANCE,
    BTRFS_IOC_GET_FEATURES: encoded(&FEATURES),
    BTRFS_IOC_GET_SUPPORTED_FEATURES: encoded(&SUPPORTED),
    BTRFS_IOC_FS_INFO: encoded(&FILE_SYSTEM),
    BTRFS_IOC_BALANCE_PROGRESS: encoded(&BALANCE_AFTER),
    // the kernel reads it, whatever the request says
    BTRFS_IOC_DEVICES_READY: input(&VOLUME),
    BTRFS_IOC_SPACE_INFO: encoded(&SPACES),
    BTRFS_IOC_SCRUB: encoded(&SCRUB),
    BTRFS_IOC_SCRUB_CANCEL,
    BTRFS_IOC_SCRUB_PROGRESS: encoded(&SCRUB_PROGRESS),
    BTRFS_IOC_BALANCE_V2: encoded(&BALANCING),
    BTRFS_IOC_GET_DEV_STATS: encoded(&GET_STATISTICS),
    BTRFS_IOC_DEV_REPLACE: encoded(&REPLACE),
    BTRFS_IOC_DEV_INFO: encoded(&DEVICE_INFO),
};
