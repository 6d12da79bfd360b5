//! Messages of the generic family and of netfilter.

use rstrace_core::describe::{Item, Meaning, Notation, Object, Struct, Type, Width, field, size_of_type};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet};

use super::super::names::FAMILIES;
use super::super::notation::*;
use super::attributes::{NAME, attributes};
use super::{bytes, families, part};
use crate::syscall::types::*;
use crate::uapi::*;

/// The type of a message is the number of its family.
pub(super) fn write_type(out: &mut Notation<'_>, kind: u64) {
    let is_fixed = TYPES.name(kind).is_some();
    match (!is_fixed).then(|| families::name(kind as u16)).flatten() {
        Some(name) => out.constant(|out| put!(out, "{kind:#x}"), |out| out.push_text(&name)),
        None => TYPES.write(out, kind),
    }
}

/// Those families whose number is fixed; the others get theirs when they come.
static TYPES: Choices = Choices {
    names: &[(GENL_ID_CTRL, "nlctrl"), (GENL_ID_VFS_DQUOT, "VFS_DQUOT"), (GENL_ID_PMCRAID, "PMCRAID")],
    unknown: "GENERIC_FAMILY_???",
};

/// What follows the header.
pub(super) fn payload(kind: u64, object: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    if kind != GENL_ID_CTRL {
        return bytes(object, emit);
    }
    with_attributes(object, &HEADER, &ATTRIBUTES, emit);
}

fn with_attributes(
    object: &Object<'_>,
    structure: &'static Type,
    attributes: &'static Type,
    emit: &mut dyn FnMut(Item<'_>),
) {
    let size = size_of_type(structure, object.call.abi);
    if object.bytes.len() < size {
        return bytes(object, emit);
    }
    emit(Item::element(object.value_at(0, structure)));
    let rest = part(object, attributes, size.next_multiple_of(4), object.bytes.len());
    if rest.bytes.len() >= 4 {
        emit(Item::element(Value::Object(rest)));
    }
}

static COMMANDS: Choices = choices!("CTRL_CMD_???",
    CTRL_CMD_UNSPEC CTRL_CMD_NEWFAMILY CTRL_CMD_DELFAMILY CTRL_CMD_GETFAMILY CTRL_CMD_NEWOPS CTRL_CMD_DELOPS
    CTRL_CMD_GETOPS CTRL_CMD_NEWMCAST_GRP CTRL_CMD_DELMCAST_GRP CTRL_CMD_GETMCAST_GRP CTRL_CMD_GETPOLICY);

/// `struct genlmsghdr`
static HEADER: Type = Type::Struct(&Struct::of(&[
    field("cmd", Type::Number(Width::U8, Meaning::Choice(&COMMANDS))),
    field("version", U8),
    field("", Type::Padding(2)),
]));

static UINT16: Type = U16;
static UINT32: Type = UINT;

attributes!(ATTRIBUTES "CTRL_ATTR_???" {
    CTRL_ATTR_UNSPEC,
    CTRL_ATTR_FAMILY_ID: UINT16,
    CTRL_ATTR_FAMILY_NAME: NAME,
    CTRL_ATTR_VERSION: UINT32,
    CTRL_ATTR_HDRSIZE: UINT32,
    CTRL_ATTR_MAXATTR: UINT32,
    CTRL_ATTR_OPS: LIST_OF_OPERATIONS,
    CTRL_ATTR_MCAST_GROUPS: LIST_OF_GROUPS,
    CTRL_ATTR_POLICY,
    CTRL_ATTR_OP_POLICY,
    CTRL_ATTR_OP: UINT32,
});

attributes!(LIST_OF_OPERATIONS of OPERATION);
attributes!(LIST_OF_GROUPS of GROUP);

attributes!(OPERATION "CTRL_ATTR_OP_???" {
    CTRL_ATTR_OP_UNSPEC,
    CTRL_ATTR_OP_ID: UINT32,
    CTRL_ATTR_OP_FLAGS: OPERATION_FLAG,
});

attributes!(GROUP "CTRL_ATTR_MCAST_GRP_???" {
    CTRL_ATTR_MCAST_GRP_UNSPEC,
    CTRL_ATTR_MCAST_GRP_NAME: NAME,
    CTRL_ATTR_MCAST_GRP_ID: UINT32,
});

static OPERATION_FLAGS: FlagSet = set!("GENL_???",
    GENL_ADMIN_PERM GENL_CMD_CAP_DO GENL_CMD_CAP_DUMP GENL_CMD_CAP_HASPOL GENL_UNS_ADMIN_PERM);
static OPERATION_FLAG: Type = flags(&OPERATION_FLAGS);

static SUBSYSTEMS: Choices = choices!("NFNL_SUBSYS_???",
    NFNL_SUBSYS_NONE NFNL_SUBSYS_CTNETLINK NFNL_SUBSYS_CTNETLINK_EXP NFNL_SUBSYS_QUEUE NFNL_SUBSYS_ULOG
    NFNL_SUBSYS_OSF NFNL_SUBSYS_IPSET NFNL_SUBSYS_ACCT NFNL_SUBSYS_CTNETLINK_TIMEOUT NFNL_SUBSYS_CTHELPER
    NFNL_SUBSYS_NFTABLES NFNL_SUBSYS_NFT_COMPAT NFNL_SUBSYS_HOOK);

static TABLES: Choices = choices!("NFT_MSG_???",
    NFT_MSG_NEWTABLE NFT_MSG_GETTABLE NFT_MSG_DELTABLE NFT_MSG_NEWCHAIN NFT_MSG_GETCHAIN NFT_MSG_DELCHAIN
    NFT_MSG_NEWRULE NFT_MSG_GETRULE NFT_MSG_DELRULE NFT_MSG_NEWSET NFT_MSG_GETSET NFT_MSG_DELSET
    NFT_MSG_NEWSETELEM NFT_MSG_GETSETELEM NFT_MSG_DELSETELEM NFT_MSG_NEWGEN NFT_MSG_GETGEN NFT_MSG_TRACE
    NFT_MSG_NEWOBJ NFT_MSG_GETOBJ NFT_MSG_DELOBJ NFT_MSG_GETOBJ_RESET NFT_MSG_NEWFLOWTABLE
    NFT_MSG_GETFLOWTABLE NFT_MSG_DELFLOWTABLE NFT_MSG_GETRULE_RESET NFT_MSG_DESTROYTABLE
    NFT_MSG_DESTROYCHAIN NFT_MSG_DESTROYRULE NFT_MSG_DESTROYSET NFT_MSG_DESTROYSETELEM NFT_MSG_DESTROYOBJ
    NFT_MSG_DESTROYFLOWTABLE NFT_MSG_GETSETELEM_RESET);

static CONNECTIONS: Choices = choices!("IPCTNL_MSG_CT_???",
    IPCTNL_MSG_CT_NEW IPCTNL_MSG_CT_GET IPCTNL_MSG_CT_DELETE IPCTNL_MSG_CT_GET_CTRZERO
    IPCTNL_MSG_CT_GET_STATS_CPU IPCTNL_MSG_CT_GET_STATS IPCTNL_MSG_CT_GET_DYING
    IPCTNL_MSG_CT_GET_UNCONFIRMED);

/// linux/netfilter/nfnetlink.h
const NFNL_MSG_BATCH_BEGIN: u64 = NLMSG_MIN_TYPE;
const NFNL_MSG_BATCH_END: u64 = NLMSG_MIN_TYPE + 1;

/// `NFNL_SUBSYS_NFTABLES<<8|NFT_MSG_GETGEN`
pub(super) fn write_netfilter_type(out: &mut Notation<'_>, kind: u64) {
    match kind {
        NFNL_MSG_BATCH_BEGIN => return put!(out, "NFNL_MSG_BATCH_BEGIN"),
        NFNL_MSG_BATCH_END => return put!(out, "NFNL_MSG_BATCH_END"),
        _ => {}
    }
    let (subsystem, message) = (kind >> 8, kind & 0xff);
    match SUBSYSTEMS.name(subsystem) {
        Some(name) => put!(out, "{name}<<8|"),
        None => put!(out, "{subsystem:#x}<<8 /* {} */|", SUBSYSTEMS.unknown),
    }
    let names = match subsystem {
        NFNL_SUBSYS_NFTABLES => &TABLES,
        NFNL_SUBSYS_CTNETLINK => &CONNECTIONS,
        _ => return put!(out, "{message:#x}"),
    };
    match names.name(message) {
        Some(name) => put!(out, "{name}"),
        None => put!(out, "{message:#x} /* {} */", names.unknown),
    }
}

static VERSIONS: Choices = choices!("NFNETLINK_???", NFNETLINK_V0);

/// `struct nfgenmsg`
static NETFILTER_HEADER: Type = Type::Struct(&Struct::of(&[
    field("nfgen_family", Type::Number(Width::U8, Meaning::Choice(&FAMILIES))),
    field("version", Type::Number(Width::U8, Meaning::Choice(&VERSIONS))),
    field("res_id", PORT),
]));

attributes!(NETFILTER_ATTRIBUTES);

/// What follows the header of a message of netfilter.
pub(super) fn netfilter(object: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    with_attributes(object, &NETFILTER_HEADER, &NETFILTER_ATTRIBUTES, emit);
}
