//! Flash memory: MTD devices.

use rstrace_core::describe::{Case, Meaning, Struct, Type, Width, field, hidden};
use rstrace_core::flags::{Choices, FlagSet};

use super::{encoded, requests, two_parts};
use crate::syscall::types::*;

static KINDS: Choices = choices!("MTD_???", MTD_ABSENT MTD_RAM MTD_ROM MTD_NORFLASH MTD_NANDFLASH MTD_DATAFLASH
    MTD_UBIVOLUME MTD_MLCNANDFLASH);
static CAPABILITIES: FlagSet = set!("MTD_???", MTD_WRITEABLE MTD_BIT_WRITEABLE MTD_NO_ERASE MTD_POWERUP_LOCK
    MTD_SLC_ON_MLC_EMULATION);
static OPERATIONS: Choices = choices!("MTD_OPS_???", MTD_OPS_PLACE_OOB MTD_OPS_AUTO_OOB MTD_OPS_RAW);
static PLACEMENTS: Choices = choices!("MTD_NANDECC_???", MTD_NANDECC_OFF MTD_NANDECC_PLACE MTD_NANDECC_AUTOPLACE
    MTD_NANDECC_PLACEONLY MTD_NANDECC_AUTOPL_USR);
static OTP_MODES: Choices = choices!("MTD_OTP_???", MTD_OTP_OFF MTD_OTP_FACTORY MTD_OTP_USER);
static FILE_MODES: Choices = choices!("MTD_FILE_MODE_???", MTD_FILE_MODE_NORMAL MTD_FILE_MODE_OTP_FACTORY
    MTD_FILE_MODE_OTP_USER MTD_FILE_MODE_RAW);

/// `struct mtd_info_user`.
static INFO: Type = Type::Struct(&Struct::of(&[
    field("type", Type::Number(Width::U8, Meaning::Choice(&KINDS))),
    field("flags", flags(&CAPABILITIES)),
    field("size", HEX32),
    field("erasesize", HEX32),
    field("writesize", HEX32),
    field("oobsize", HEX32),
    field("padding", HEX64),
]));

/// `struct erase_info_user`.
static AREA: Type = Type::Struct(&Struct::of(&[field("start", HEX32), field("length", HEX32)]));
/// `struct erase_info_user64`.
static WIDE_AREA: Type = Type::Struct(&Struct::of(&[field("start", HEX64), field("length", HEX64)]));

/// `struct mtd_oob_buf`.
static SPARE: Type =
    Type::Struct(&Struct::of(&[field("start", HEX32), field("length", HEX32), field("ptr", ADDRESS)]));
/// An address of 64 bits in all programs.
const ADDRESS64: Type = Type::Number(Width::U64, Meaning::Address);
/// `struct mtd_oob_buf64`.
static WIDE_SPARE: Type = Type::Struct(&Struct::of(&[
    field("start", HEX64),
    hidden(U32),
    field("length", HEX32),
    field("usr_ptr", ADDRESS64),
]));

/// `struct mtd_write_req`.
static WRITE: Type = Type::Struct(&Struct::of(&[
    field("start", HEX64),
    field("len", HEX64),
    field("ooblen", HEX64),
    field("usr_data", ADDRESS64),
    field("usr_oob", ADDRESS64),
    field("mode", Type::Number(Width::U8, Meaning::Choice(&OPERATIONS))),
]));

macro_rules! region {
    ($($place:literal)*) => {
        Type::Struct(
            &Struct::of(&[
                field("offset", HEX32),
                field("erasesize", HEX32),
                field("numblocks", HEX32),
                field("regionindex", HEX32),
            ])
            .in_order(&[$($place),*]),
        )
    };
}
static REGION_BEFORE: Type = region!(3);
static REGION_AFTER: Type = region!(0 1 2);
/// `struct region_info_user`.
static REGION: Type = two_parts!(16, Struct, extended, REGION_BEFORE, REGION_AFTER);

/// `struct otp_info`.
static OTP: Type =
    Type::Struct(&Struct::of(&[field("start", HEX32), field("length", HEX32), field("locked", U32)]));

static PAIR: Type = Type::Elements(&HEX32, 2);
/// `struct nand_oobinfo`.
static SPARE_INFO: Type = Type::Struct(&Struct::of(&[
    field("useecc", choice(&PLACEMENTS)),
    field("eccbytes", HEX32),
    field("oobfree", Type::Elements(&PAIR, 8)),
    field("eccpos", Type::Elements(&HEX32, 32)),
]));

/// `struct nand_oobfree`.
static FREE: Type = Type::Struct(&Struct::of(&[field("offset", HEX32), field("length", HEX32)]));
/// `struct nand_ecclayout_user`.
static LAYOUT: Type = Type::Struct(&Struct::of(&[
    field("eccbytes", HEX32),
    field("eccpos", Type::Elements(&HEX32, 64)),
    field("oobavail", HEX32),
    field("oobfree", Type::Elements(&FREE, 8)),
]));

/// `struct mtd_ecc_stats`.
static ECC_STATS: Type = Type::Struct(&Struct::of(&[
    field("corrected", HEX32),
    field("failed", HEX32),
    field("badblocks", HEX32),
    field("bbtblocks", HEX32),
]));

/// `loff_t`, but the kernel refuses negative ones.
static OFFSET: Type = U64;
static OTP_MODE: Type = choice(&OTP_MODES);

/// Some requests go in another direction than they say: these rows say it themselves.
pub const REQUESTS: &[Case] = requests! {
    MTDFILEMODE: Type::Number(Width::Word, Meaning::Choice(&FILE_MODES)),
    OTPGETREGIONCOUNT: output(&UINT),
    MEMERASE: encoded(&AREA),
    MEMLOCK: encoded(&AREA),
    MEMUNLOCK: encoded(&AREA),
    MEMGETBADBLOCK: encoded(&OFFSET),
    MEMSETBADBLOCK: encoded(&OFFSET),
    OTPGETREGIONINFO: output(&OTP),
    MEMERASE64: encoded(&WIDE_AREA),
    MEMGETREGIONCOUNT: encoded(&INT),
    OTPSELECT: input(&OTP_MODE),
    MEMISLOCKED: input(&AREA),
    OTPLOCK: input(&OTP),
    ECCGETSTATS: encoded(&ECC_STATS),
    MEMGETINFO: encoded(&INFO),
    MEMGETOOBSEL: encoded(&SPARE_INFO),
    ECCGETLAYOUT: encoded(&LAYOUT),
    MEMWRITEOOB: input(&SPARE),
    MEMREADOOB: input(&SPARE),
    MEMGETREGIONINFO: encoded(&REGION),
    MEMWRITEOOB64: input(&WIDE_SPARE),
    MEMREADOOB64: input(&WIDE_SPARE),
    MEMWRITE: input(&WRITE),
};
