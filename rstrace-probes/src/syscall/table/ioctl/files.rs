//! Files, file systems and namespaces.

use rstrace_core::describe::{
    Access, Case, Custom, Item, Length, Meaning, Nested, Object, Returned, Shape, Struct, Type, Width, field,
    hidden, param,
};
use rstrace_core::event::Value;
use rstrace_core::flags::{FlagSet, Flags};
use rstrace_core::probe::RawCall;

use super::{FD_PARAM, OP_PARAM, encoded, following, requests, rewritten};
use crate::syscall::types::*;
use crate::uapi;

static ATTRIBUTES: FlagSet = set!("FS_???_FL", FS_SECRM_FL FS_UNRM_FL FS_COMPR_FL FS_SYNC_FL FS_IMMUTABLE_FL
    FS_APPEND_FL FS_NODUMP_FL FS_NOATIME_FL FS_DIRTY_FL FS_COMPRBLK_FL FS_NOCOMP_FL FS_ENCRYPT_FL FS_INDEX_FL
    FS_IMAGIC_FL FS_JOURNAL_DATA_FL FS_NOTAIL_FL FS_DIRSYNC_FL FS_TOPDIR_FL FS_HUGE_FILE_FL FS_EXTENT_FL FS_VERITY_FL
    FS_EA_INODE_FL FS_EOFBLOCKS_FL FS_NOCOW_FL FS_DAX_FL FS_INLINE_DATA_FL FS_PROJINHERIT_FL FS_CASEFOLD_FL
    FS_RESERVED_FL);
/// The request says `long`, the kernel takes an `int`.
static FILE_FLAGS: Type = flags(&ATTRIBUTES);

static EXTENDED: FlagSet = set!("FS_XFLAG_???", FS_XFLAG_REALTIME FS_XFLAG_PREALLOC FS_XFLAG_IMMUTABLE FS_XFLAG_APPEND
    FS_XFLAG_SYNC FS_XFLAG_NOATIME FS_XFLAG_NODUMP FS_XFLAG_RTINHERIT FS_XFLAG_PROJINHERIT FS_XFLAG_NOSYMLINKS
    FS_XFLAG_EXTSIZE FS_XFLAG_EXTSZINHERIT FS_XFLAG_NODEFRAG FS_XFLAG_FILESTREAM FS_XFLAG_DAX FS_XFLAG_COWEXTSIZE
    FS_XFLAG_HASATTR);

/// `struct fsxattr`.
static EXTENDED_ATTRIBUTES: Type = Type::Struct(&Struct::of(&[
    field("fsx_xflags", flags(&EXTENDED)),
    field("fsx_extsize", U32),
    field("fsx_nextents", U32).only_if(|attributes| attributes.call.args[1] == uapi::FS_IOC_FSGETXATTR),
    field("fsx_projid", HEX32),
    field("fsx_cowextsize", U32),
    hidden(Type::Padding(8)),
]));

static LABEL: Type = Type::Chars(uapi::FSLABEL_MAX as usize);

/// `struct fstrim_range`.
static TRIM: Type =
    Type::Struct(&Struct::of(&[field("start", HEX64), field("len", U64), field("minlen", U64)]));

/// `struct file_clone_range`.
static CLONE: Type = Type::Struct(&Struct::of(&[
    field("src_fd", Type::Number(Width::I64, Meaning::Fd)),
    field("src_offset", U64),
    field("src_length", U64),
    field("dest_offset", U64),
]));

static MAP_FLAGS: FlagSet = set!("FIEMAP_FLAG_???", FIEMAP_FLAG_SYNC FIEMAP_FLAG_XATTR FIEMAP_FLAG_CACHE);
static EXTENT_FLAGS: FlagSet = set!("FIEMAP_EXTENT_???", FIEMAP_EXTENT_LAST FIEMAP_EXTENT_UNKNOWN FIEMAP_EXTENT_DELALLOC
    FIEMAP_EXTENT_ENCODED FIEMAP_EXTENT_DATA_ENCRYPTED FIEMAP_EXTENT_NOT_ALIGNED FIEMAP_EXTENT_DATA_INLINE
    FIEMAP_EXTENT_DATA_TAIL FIEMAP_EXTENT_UNWRITTEN FIEMAP_EXTENT_MERGED FIEMAP_EXTENT_SHARED);

/// `struct fiemap_extent`.
static EXTENT: Type = Type::Struct(&Struct::of(&[
    field("fe_logical", U64),
    field("fe_physical", U64),
    field("fe_length", U64),
    hidden(Type::Padding(16)),
    field("fe_flags", flags(&EXTENT_FLAGS)),
    hidden(Type::Padding(12)),
]));
static EXTENTS: Type = Type::List(Access::Out, &EXTENT, Length::Member(20));

/// `struct fiemap` up to its extents.
static MAP_BEFORE: Type = Type::Struct(&Struct::of(&[
    field("fm_start", U64),
    field("fm_length", U64),
    field("fm_flags", flags(&MAP_FLAGS)),
    hidden(U32),
    field("fm_extent_count", U32),
    hidden(U32),
]));
static MAP_AFTER: Type = Type::Custom(&Custom {
    size: 32,
    compat_size: 32,
    shape: Shape::Struct,
    parts: |map, verbose, emit| {
        emit(Item::member("fm_flags", map.value_at(16, &FIEMAP_FLAGS)));
        emit(Item::member("fm_mapped_extents", map.value_at(20, &U32_TYPE)));
        if verbose {
            emit(Item::member("fm_extents", following(map, 32, map.number(20, Width::U32), &EXTENTS)));
        } else {
            emit(Item::element(Value::More(None)));
        }
    },
    nested: &[],
});
static FIEMAP_FLAGS: Type = flags(&MAP_FLAGS);
static U32_TYPE: Type = U32;
static FIEMAP: Type = Type::Custom(&Custom {
    size: 32,
    compat_size: 32,
    shape: Shape::Bare,
    parts: |map, verbose, emit| rewritten(map, verbose, (&MAP_BEFORE, &MAP_AFTER), emit),
    nested: &[Nested { offset: [32, 32], ty: Type::Following(&EXTENT, Length::Member(20)) }],
});

/// `struct file_dedupe_range_info` before the call.
static DEDUPE_TO: Type = Type::Struct(&Struct::of(&[
    field("dest_fd", Type::Number(Width::I64, Meaning::Fd)),
    field("dest_offset", U64),
    hidden(U64),
    hidden(U64),
]));
/// And after it.
static DEDUPED: Type = Type::Struct(&Struct::of(&[
    hidden(U64),
    hidden(U64),
    field("bytes_deduped", U64),
    field("status", INT),
    hidden(U32),
]));
static DEDUPE_LIST: Type = Type::List(Access::In, &DEDUPE_TO, Length::Member(16));
static DEDUPED_LIST: Type = Type::List(Access::Out, &DEDUPED, Length::Member(16));
static U64_TYPE: Type = U64;
static U16_TYPE: Type = U16;

const fn dedupe_range(shape: Shape, parts: Parts, nested: &'static [Nested]) -> Custom {
    Custom { size: 24, compat_size: 24, shape, parts, nested }
}
type Parts = rstrace_core::describe::Parts;

/// The files: in brief the first two.
fn first_of<'a>(range: &Object<'a>, verbose: bool, list: &'static Type) -> Value<'a> {
    const FEW: usize = 2;
    let count = range.number(16, Width::U16);
    match following(range, 24, count, list) {
        Value::Object(files) if !verbose && count > FEW as u64 => {
            let size = FEW * rstrace_core::describe::size_of_type(&DEDUPED, range.call.abi);
            let bytes = files.bytes.get(..size).unwrap_or(files.bytes);
            Value::Object(Object { bytes, unreadable: files.unreadable && bytes.len() < size, ..files })
        }
        files => files,
    }
}

static DEDUPE_BEFORE: Type = Type::Custom(&dedupe_range(
    Shape::Struct,
    |range, verbose, emit| {
        emit(Item::member("src_offset", range.value_at(0, &U64_TYPE)));
        emit(Item::member("src_length", range.value_at(8, &U64_TYPE)));
        emit(Item::member("dest_count", range.value_at(16, &U16_TYPE)));
        emit(Item::member("info", first_of(range, verbose, &DEDUPE_LIST)));
    },
    &[],
));
static DEDUPE_AFTER: Type = Type::Custom(&dedupe_range(
    Shape::Struct,
    |range, verbose, emit| {
        emit(Item::member("info", first_of(range, verbose, &DEDUPED_LIST)));
    },
    &[],
));
/// `struct file_dedupe_range`.
static DEDUPE: Type = Type::Custom(&dedupe_range(
    Shape::Bare,
    |range, verbose, emit| rewritten(range, verbose, (&DEDUPE_BEFORE, &DEDUPE_AFTER), emit),
    // the count has 16 bits, and the 16 that are reserved behind it are zero
    &[Nested { offset: [24, 24], ty: Type::Following(&DEDUPE_TO, Length::Member(16)) }],
));

static NAMESPACES: FlagSet = set!("", CLONE_NEWTIME CLONE_NEWNS CLONE_NEWCGROUP CLONE_NEWUTS CLONE_NEWIPC CLONE_NEWUSER
    CLONE_NEWPID CLONE_NEWNET);

/// What kind of namespace the result says it is.
fn namespace(call: &RawCall<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    let bits = call.returned() as u64;
    if bits != 0 {
        emit(Item::element(Value::Flags(Flags { bits, set: &NAMESPACES })));
    }
}

const fn of_namespace(request: u64, result: Returned) -> Case {
    Case { value: request as u32, params: &[FD_PARAM, OP_PARAM], result: Some(result) }
}

pub const NAMESPACE_REQUESTS: &[Case] = &[
    of_namespace(uapi::NS_GET_USERNS, RET_FD),
    of_namespace(uapi::NS_GET_PARENT, RET_FD),
    of_namespace(uapi::NS_GET_NSTYPE, Returned::Glossed(Width::I32, Meaning::Plain, namespace)),
    Case {
        value: uapi::NS_GET_OWNER_UID as u32,
        params: &[FD_PARAM, OP_PARAM, param("argp", output(&ID))],
        result: None,
    },
];

pub const REQUESTS: &[Case] = requests! {
    FS_IOC32_SETFLAGS: encoded(&FILE_FLAGS),
    FICLONE: FD,
    FS_IOC_SETFLAGS: encoded(&FILE_FLAGS),
    FS_IOC_FSSETXATTR: encoded(&EXTENDED_ATTRIBUTES),
    FICLONERANGE: encoded(&CLONE),
    FS_IOC_SETFSLABEL: encoded(&LABEL),
    FS_IOC32_GETFLAGS: encoded(&FILE_FLAGS),
    FS_IOC_GETFLAGS: encoded(&FILE_FLAGS),
    FS_IOC_FSGETXATTR: encoded(&EXTENDED_ATTRIBUTES),
    FS_IOC_GETFSLABEL: encoded(&LABEL),
    FIFREEZE,
    FITHAW,
    FITRIM: encoded(&TRIM),
    FIDEDUPERANGE: encoded(&DEDUPE),
    FS_IOC_FIEMAP: encoded(&FIEMAP),
};
