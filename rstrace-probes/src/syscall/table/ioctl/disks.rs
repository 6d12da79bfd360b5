//! IDE disks.

use rstrace_core::describe::{Case, Custom, Item, Meaning, Shape, Struct, Type, Width, field};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet};

use super::requests;
use crate::syscall::types::*;
use crate::uapi;

/// `struct hd_geometry`.
static GEOMETRY: Type = Type::Struct(&Struct::of(&[
    field("heads", U8),
    field("sectors", U8),
    field("cylinders", U16),
    field("start", ULONG),
]));

macro_rules! nice {
    ($($name:ident)*) => { &[$((1 << uapi::$name, concat!("1 << ", stringify!($name)))),*] };
}
static NICE: FlagSet = FlagSet {
    choice: None,
    names: nice!(IDE_NICE_DSC_OVERLAP IDE_NICE_ATAPI_OVERLAP IDE_NICE_1 IDE_NICE_0 IDE_NICE_2),
    unknown: "IDE_NICE_???",
};
static NICENESS: Type = long_flags(&NICE);

static BUS: Choices = choices!("BUSSTATE_???", BUSSTATE_OFF BUSSTATE_ON BUSSTATE_TRISTATE);
const BUS_STATE: Type = Type::Number(Width::Word, Meaning::Choice(&BUS));

static REGISTERS: Type = Type::Elements(&HEX32, 3);

const fn identity(size: usize) -> Custom {
    Custom::of(size, Shape::Bare, |identity, _, emit| {
        emit(Item::element(Value::Text { bytes: identity.bytes, more: false, whole: false }));
    })
}
/// `struct hd_driveid`, and what there was of it at first.
static IDENTITY: Type = Type::Custom(&identity(512));
static OLD_IDENTITY: Type = Type::Custom(&identity(142));

pub const REQUESTS: &[Case] = requests! {
    HDIO_GETGEO: output(&GEOMETRY),
    HDIO_GET_UNMASKINTR: output(&ULONG),
    HDIO_GET_MULTCOUNT: output(&ULONG),
    HDIO_OBSOLETE_IDENTITY: output(&OLD_IDENTITY),
    HDIO_GET_KEEPSETTINGS: output(&ULONG),
    HDIO_GET_32BIT: output(&ULONG),
    HDIO_GET_NOWERR: output(&ULONG),
    HDIO_GET_DMA: output(&ULONG),
    HDIO_GET_NICE: output(&NICENESS),
    HDIO_GET_IDENTITY: output(&IDENTITY),
    HDIO_GET_WCACHE: output(&ULONG),
    HDIO_GET_ACOUSTIC: output(&ULONG),
    HDIO_GET_ADDRESS: output(&ULONG),
    HDIO_GET_BUSSTATE: output(&BUS_STATE),
    HDIO_DRIVE_RESET: input(&REGISTERS),
    HDIO_SET_MULTCOUNT: ULONG,
    HDIO_SET_UNMASKINTR: ULONG,
    HDIO_SET_KEEPSETTINGS: ULONG,
    HDIO_SET_32BIT: ULONG,
    HDIO_SET_NOWERR: ULONG,
    HDIO_SET_DMA: ULONG,
    HDIO_SET_PIO_MODE: ULONG,
    HDIO_SCAN_HWIF: input(&REGISTERS),
    HDIO_SET_NICE: NICENESS,
    HDIO_UNREGISTER_HWIF: ULONG,
    HDIO_SET_WCACHE: ULONG,
    HDIO_SET_ACOUSTIC: ULONG,
    HDIO_SET_BUSSTATE: BUS_STATE,
    HDIO_SET_ADDRESS: ULONG,
};
