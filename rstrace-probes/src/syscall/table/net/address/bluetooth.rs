//! Addresses of Bluetooth: each protocol has a structure of its own, told apart by its size.

use std::ops::RangeInclusive;

use rstrace_core::describe::{Item, Meaning, Notation, Object, Type, Width};
use rstrace_core::flags::Choices;

use super::super::notation::*;
use super::{choice8, choice16};
use crate::syscall::types::*;

const ADDRESS: Type = Type::Written(6, write_hardware_address);
const DEVICE: Type = Type::Number(Width::U16, Meaning::Written(|out, device| put!(out, "htobs({device})")));
const SERVICE: Type = Type::Number(Width::U16, Meaning::Written(write_service));
const CHANNEL: Type = Type::Number(Width::U16, Meaning::Written(write_channel));
const HCI_CHANNEL: Type = choice16(&HCI_CHANNELS);
const ADDRESS_KIND: Type = choice8(&ADDRESS_KINDS);

/// `include/net/bluetooth/hci_sock.h`
static HCI_CHANNELS: Choices = Choices {
    names: &[
        (0, "HCI_CHANNEL_RAW"),
        (1, "HCI_CHANNEL_USER"),
        (2, "HCI_CHANNEL_MONITOR"),
        (3, "HCI_CHANNEL_CONTROL"),
        (4, "HCI_CHANNEL_LOGGING"),
    ],
    unknown: "HCI_CHANNEL_???",
};

/// `include/net/bluetooth/bluetooth.h`
static ADDRESS_KINDS: Choices = Choices {
    names: &[(0, "BDADDR_BREDR"), (1, "BDADDR_LE_PUBLIC"), (2, "BDADDR_LE_RANDOM")],
    unknown: "BDADDR_???",
};

/// `include/net/bluetooth/l2cap.h`
static SERVICES: Choices = Choices {
    names: &[
        (0x01, "L2CAP_PSM_SDP"),
        (0x03, "L2CAP_PSM_RFCOMM"),
        (0x21, "L2CAP_PSM_3DSP"),
        (0x23, "L2CAP_PSM_IPSP"),
        (0x80, "L2CAP_PSM_LE_DYN_START"),
        (0xff, "L2CAP_PSM_LE_DYN_END"),
        (0x1001, "L2CAP_PSM_DYN_START"),
        (0x10ff, "L2CAP_PSM_AUTO_END"),
        (0xffff, "L2CAP_PSM_DYN_END"),
    ],
    unknown: "L2CAP_PSM_???",
};

/// Likewise.
static CHANNELS: Choices = Choices {
    names: &[
        (1, "L2CAP_CID_SIGNALING"),
        (2, "L2CAP_CID_CONN_LESS"),
        (3, "L2CAP_CID_A2MP"),
        (4, "L2CAP_CID_ATT"),
        (5, "L2CAP_CID_LE_SIGNALING"),
        (6, "L2CAP_CID_SMP"),
        (7, "L2CAP_CID_SMP_BREDR"),
        (0x40, "L2CAP_CID_DYN_START"),
        (0x7f, "L2CAP_CID_LE_DYN_END"),
        (0xffff, "L2CAP_CID_DYN_END"),
    ],
    unknown: "L2CAP_CID_???",
};

fn write_service(out: &mut Notation<'_>, service: u64) {
    const RANGES: &[(RangeInclusive<u64>, &str)] =
        &[(0x80..=0xff, "L2CAP_PSM_LE_DYN_START"), (0x1001..=0xffff, "L2CAP_PSM_DYN_START")];
    write(out, service, &SERVICES, RANGES);
}

fn write_channel(out: &mut Notation<'_>, channel: u64) {
    write(out, channel, &CHANNELS, &[(0x40..=0xffff, "L2CAP_CID_DYN_START")]);
}

/// A number by its name, or by its place in a range that is given out as it is needed.
fn write(
    out: &mut Notation<'_>,
    number: u64,
    names: &'static Choices,
    ranges: &[(RangeInclusive<u64>, &str)],
) {
    out.push_text("htobs(");
    let is_named = names.name(number).is_some();
    match ranges.iter().find(|(range, _)| !is_named && range.contains(&number)) {
        Some((range, name)) => {
            out.constant(|out| put!(out, "{number:#x}"), |out| put!(out, "{name}+{}", number - range.start()))
        }
        None => names.write(out, number),
    }
    out.push(b')');
}

/// The members of an address; `false` if no address is so long.
pub(super) fn members(object: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) -> bool {
    let members: &[(&str, usize, &'static Type)] = match object.bytes.len() {
        4 => &[("hci_dev", 2, &DEVICE)],
        6 => &[("hci_dev", 2, &DEVICE), ("hci_channel", 4, &HCI_CHANNEL)],
        8 => &[("sco_bdaddr", 2, &ADDRESS)],
        10 => &[("rc_bdaddr", 2, &ADDRESS), ("rc_channel", 8, &U8)],
        12 => &[("l2_psm", 2, &SERVICE), ("l2_bdaddr", 4, &ADDRESS), ("l2_cid", 10, &CHANNEL)],
        14 => &[
            ("l2_psm", 2, &SERVICE),
            ("l2_bdaddr", 4, &ADDRESS),
            ("l2_cid", 10, &CHANNEL),
            ("l2_bdaddr_type", 12, &ADDRESS_KIND),
        ],
        _ => return false,
    };
    for (name, offset, ty) in members {
        emit(Item::member(name, object.value_at(*offset, ty)));
    }
    true
}
