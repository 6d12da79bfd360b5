//! Random numbers, clocks, watchdogs, network block devices.

use rstrace_core::describe::{
    Case, Custom, Item, Length, Meaning, Nested, Shape, Struct, Type, Width, field, long,
};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet};

use super::{encoded, requests, two_parts};
use crate::syscall::types::*;

static BYTE: Type = U8;

/// `struct rand_pool_info`: the bytes follow.
static POOL: Type = Type::Custom(&Custom {
    size: 8,
    compat_size: 8,
    shape: Shape::Struct,
    parts: |pool, _, emit| {
        emit(Item::member("entropy_count", pool.value_at(0, &INT_TYPE)));
        emit(Item::member("buf_size", pool.value_at(4, &INT_TYPE)));
        let address = pool.address.wrapping_add(8);
        let size = pool.number(4, Width::U32) as usize;
        let bytes = match pool.call.memory.from(address, pool.at) {
            Some(payload) => payload.bytes(),
            None if size == 0 => &[],
            None => return emit(Item::member("buf", Value::Address(address))),
        };
        let shown = bytes.get(..size).unwrap_or(bytes);
        emit(Item::member("buf", Value::Text { bytes: shown, more: shown.len() < size, whole: false }));
    },
    nested: &[Nested { offset: [8, 8], ty: Type::Following(&BYTE, Length::Member(4)) }],
});
static INT_TYPE: Type = INT;

/// `struct rtc_time`.
const TIME: Type = Type::Struct(&Struct::of(&[
    field("tm_sec", INT),
    field("tm_min", INT),
    field("tm_hour", INT),
    field("tm_mday", INT),
    field("tm_mon", INT),
    field("tm_year", INT),
    long("tm_wday", INT),
    long("tm_yday", INT),
    long("tm_isdst", INT),
]));
static RTC_TIME: Type = TIME;

/// `struct rtc_wkalrm`.
static ALARM: Type =
    Type::Struct(&Struct::of(&[field("enabled", U8), field("pending", U8), field("time", TIME)]));

/// `struct rtc_pll_info`.
static PLL: Type = Type::Struct(&Struct::of(&[
    field("pll_ctrl", INT),
    field("pll_value", INT),
    field("pll_max", INT),
    field("pll_min", INT),
    field("pll_posmult", INT),
    field("pll_negmult", INT),
    field("pll_clock", LONG),
]));

static VOLTAGE: FlagSet = set!("RTC_VL_???", RTC_VL_DATA_INVALID RTC_VL_BACKUP_LOW RTC_VL_BACKUP_EMPTY RTC_VL_ACCURACY_LOW
    RTC_VL_BACKUP_SWITCH);
static VOLTAGE_LOW: Type = flags(&VOLTAGE);

static PARAMETER: Choices =
    choices!("RTC_PARAM_???", RTC_PARAM_FEATURES RTC_PARAM_CORRECTION RTC_PARAM_BACKUP_SWITCH_MODE);

macro_rules! parameter {
    ($($member:expr),*) => {
        Type::Struct(&Struct::of(&[$($member),*]))
    };
}
const PAD: rstrace_core::describe::Field =
    field("__pad", HEX32).only_if(|parameter| parameter.number(20, Width::U32) != 0);
const KIND: Type = Type::Number(Width::U64, Meaning::Choice(&PARAMETER));

/// `struct rtc_param`.
static SET_PARAMETER: Type =
    parameter!(field("param", KIND), field("uvalue", HEX64), field("index", U32), PAD);
static ASK_PARAMETER: Type =
    parameter!(field("param", KIND), rstrace_core::describe::hidden(U64), field("index", U32), PAD);
static PARAMETER_VALUE: Type = parameter!(
    rstrace_core::describe::hidden(U64),
    field("uvalue", HEX64),
    rstrace_core::describe::hidden(U32),
    PAD
);
static GET_PARAMETER: Type = two_parts!(24, Bare, rewritten, ASK_PARAMETER, PARAMETER_VALUE);

static NBD_FLAGS: FlagSet = set!("NBD_IOC_FLAG_???", NBD_FLAG_HAS_FLAGS NBD_FLAG_READ_ONLY NBD_FLAG_SEND_FLUSH
    NBD_FLAG_SEND_FUA NBD_FLAG_ROTATIONAL NBD_FLAG_SEND_TRIM NBD_FLAG_SEND_WRITE_ZEROES NBD_FLAG_CAN_MULTI_CONN);

pub const NBD: &[Case] = requests! {
    NBD_SET_SOCK: FD,
    NBD_SET_BLKSIZE: ULONG,
    NBD_SET_SIZE: ULONG,
    NBD_DO_IT,
    NBD_CLEAR_SOCK,
    NBD_CLEAR_QUE,
    NBD_PRINT_DEBUG,
    NBD_SET_SIZE_BLOCKS: ULONG,
    NBD_DISCONNECT,
    NBD_SET_TIMEOUT: ULONG,
    NBD_SET_FLAGS: long_flags(&NBD_FLAGS),
};

pub const RANDOM: &[Case] = requests! {
    RNDZAPENTCNT,
    RNDCLEARPOOL,
    RNDRESEEDCRNG,
    RNDADDTOENTCNT: encoded(&INT),
    RNDADDENTROPY: encoded(&POOL),
    RNDGETENTCNT: encoded(&INT),
};

pub const CLOCKS: &[Case] = requests! {
    RTC_AIE_ON,
    RTC_AIE_OFF,
    RTC_UIE_ON,
    RTC_UIE_OFF,
    RTC_PIE_ON,
    RTC_PIE_OFF,
    RTC_WIE_ON,
    RTC_WIE_OFF,
    RTC_VL_CLR,
    RTC_IRQP_SET: ULONG,
    RTC_EPOCH_SET: ULONG,
    RTC_PARAM_GET: changed(&GET_PARAMETER),
    RTC_PARAM_SET: encoded(&SET_PARAMETER),
    RTC_PLL_SET: encoded(&PLL),
    RTC_ALM_SET: encoded(&RTC_TIME),
    RTC_SET_TIME: encoded(&RTC_TIME),
    RTC_WKALM_SET: encoded(&ALARM),
    RTC_VL_READ: encoded(&VOLTAGE_LOW),
    RTC_IRQP_READ: encoded(&ULONG),
    RTC_EPOCH_READ: encoded(&ULONG),
    RTC_PLL_GET: encoded(&PLL),
    RTC_ALM_READ: encoded(&RTC_TIME),
    RTC_RD_TIME: encoded(&RTC_TIME),
    RTC_WKALM_RD: encoded(&ALARM),
    WDIOC_GETSTATUS: encoded(&INT),
    WDIOC_GETBOOTSTATUS: encoded(&INT),
    WDIOC_GETTEMP: encoded(&INT),
    WDIOC_KEEPALIVE,
    WDIOC_GETTIMEOUT: encoded(&INT),
    WDIOC_GETPRETIMEOUT: encoded(&INT),
    WDIOC_GETTIMELEFT: encoded(&INT),
    WDIOC_SETTIMEOUT: encoded(&INT),
    WDIOC_SETPRETIMEOUT: encoded(&INT),
};
