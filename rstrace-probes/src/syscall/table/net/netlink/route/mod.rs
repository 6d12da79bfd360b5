//! Messages of the route family: interfaces, addresses, routes, neighbours, rules, queues.

mod link;

use rstrace_core::describe::{Item, Meaning, Object, Shape, Struct, Type, Width, field, size_of_type};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet};

use super::super::names::{FAMILIES, HARDWARE};
use super::super::notation::*;
use super::attributes::{NAME, attributes};
use super::{bytes, custom, part};
use crate::syscall::types::*;
use crate::uapi::*;

pub(super) static TYPES: Choices = choices!("RTM_???",
    RTM_NEWLINK RTM_DELLINK RTM_GETLINK RTM_SETLINK RTM_NEWADDR RTM_DELADDR RTM_GETADDR RTM_NEWROUTE RTM_DELROUTE
    RTM_GETROUTE RTM_NEWNEIGH RTM_DELNEIGH RTM_GETNEIGH RTM_NEWRULE RTM_DELRULE RTM_GETRULE RTM_NEWQDISC
    RTM_DELQDISC RTM_GETQDISC RTM_NEWTCLASS RTM_DELTCLASS RTM_GETTCLASS RTM_NEWTFILTER RTM_DELTFILTER
    RTM_GETTFILTER RTM_NEWACTION RTM_DELACTION RTM_GETACTION RTM_NEWPREFIX RTM_NEWMULTICAST RTM_DELMULTICAST
    RTM_GETMULTICAST RTM_NEWANYCAST RTM_DELANYCAST RTM_GETANYCAST RTM_NEWNEIGHTBL RTM_GETNEIGHTBL
    RTM_SETNEIGHTBL RTM_NEWNDUSEROPT RTM_NEWADDRLABEL RTM_DELADDRLABEL RTM_GETADDRLABEL RTM_GETDCB RTM_SETDCB
    RTM_NEWNETCONF RTM_DELNETCONF RTM_GETNETCONF RTM_NEWMDB RTM_DELMDB RTM_GETMDB RTM_NEWNSID RTM_DELNSID
    RTM_GETNSID RTM_NEWSTATS RTM_GETSTATS RTM_SETSTATS RTM_NEWCACHEREPORT RTM_NEWCHAIN RTM_DELCHAIN
    RTM_GETCHAIN RTM_NEWNEXTHOP RTM_DELNEXTHOP RTM_GETNEXTHOP RTM_NEWLINKPROP RTM_DELLINKPROP
    RTM_GETLINKPROP RTM_NEWVLAN RTM_DELVLAN RTM_GETVLAN RTM_NEWNEXTHOPBUCKET RTM_DELNEXTHOPBUCKET
    RTM_GETNEXTHOPBUCKET RTM_NEWTUNNEL RTM_DELTUNNEL RTM_GETTUNNEL);

/// What follows the header of messages, by their group of types: a structure whose first member is the family, and
/// attributes.
struct Payload {
    group: u64,
    structure: &'static Type,
    /// What the family is called there.
    family: &'static str,
    attributes: &'static Type,
}

const fn payload_of(
    first: u64,
    family: &'static str,
    structure: &'static Type,
    attributes: &'static Type,
) -> Payload {
    Payload { group: first >> 2, structure, family, attributes }
}

static PAYLOADS: &[Payload] = &[
    payload_of(RTM_NEWLINK, "ifi_family", &LINK, &link::LINK_ATTRIBUTES),
    payload_of(RTM_NEWADDR, "ifa_family", &ADDRESS, &ADDRESS_ATTRIBUTES),
    payload_of(RTM_NEWROUTE, "rtm_family", &ROUTE, &ROUTE_ATTRIBUTES),
    payload_of(RTM_NEWNEIGH, "ndm_family", &NEIGHBOUR, &NEIGHBOUR_ATTRIBUTES),
    payload_of(RTM_NEWRULE, "family", &RULE, &RULE_ATTRIBUTES),
    payload_of(RTM_NEWQDISC, "tcm_family", &TRAFFIC, &TRAFFIC_ATTRIBUTES),
    payload_of(RTM_NEWTCLASS, "tcm_family", &TRAFFIC, &TRAFFIC_ATTRIBUTES),
    payload_of(RTM_NEWTFILTER, "tcm_family", &TRAFFIC, &TRAFFIC_ATTRIBUTES),
    payload_of(RTM_NEWNEIGHTBL, "ndtm_family", &NEIGHBOUR_TABLE, &NEIGHBOUR_TABLE_ATTRIBUTES),
    payload_of(RTM_NEWADDRLABEL, "ifal_family", &LABEL, &LABEL_ATTRIBUTES),
    payload_of(RTM_NEWNETCONF, "ncm_family", &CONFIGURATION, &CONFIGURATION_ATTRIBUTES),
    payload_of(RTM_NEWNSID, "rtgen_family", &NAMESPACE, &NAMESPACE_ATTRIBUTES),
];

/// What follows the header.
pub(super) fn payload(kind: u64, object: &Object<'_>, emit: &mut dyn FnMut(Item<'_>)) {
    if object.bytes.is_empty() {
        return;
    }
    let Some(known) = PAYLOADS.iter().find(|known| known.group == kind >> 2) else {
        return emit(Item::element(Value::Object(Object { ty: &UNKNOWN, ..*object })));
    };
    let size = size_of_type(known.structure, object.call.abi);
    if object.bytes.len() < size {
        return emit(Item::element(Value::Object(Object { ty: &CUT, count: kind >> 2, ..*object })));
    }
    let structure = Object { ty: known.structure, bytes: &object.bytes[..size], ..*object };
    emit(Item::element(Value::Object(structure)));
    let rest = part(object, known.attributes, size.next_multiple_of(4), object.bytes.len());
    if rest.bytes.len() >= 4 {
        emit(Item::element(Value::Object(rest)));
    }
}

/// A structure that is not there whole: its family, and that there is more.
static CUT: Type = Type::Custom(&custom(Shape::Struct, |object, _, emit| {
    let name =
        PAYLOADS.iter().find(|known| known.group == object.count).map_or("family", |known| known.family);
    emit(Item::member(name, Value::Choice(object.number(0, Width::U8), &FAMILIES)));
    if object.unreadable {
        emit(Item::element(Value::Address(object.address.wrapping_add(1))));
    } else {
        emit(Item::element(Value::More(None)));
    }
}));

/// `{family=AF_UNIX, data="\x01"}`
static UNKNOWN: Type = Type::Custom(&custom(Shape::Struct, |object, _, emit| {
    emit(Item::member("family", Value::Choice(object.number(0, Width::U8), &FAMILIES)));
    let data = part(object, object.ty, 1, object.bytes.len());
    if !data.bytes.is_empty() {
        bytes(&data, &mut |item| emit(Item::member("data", item.value)));
    }
}));

const fn choice8(set: &'static Choices) -> Type {
    Type::Number(Width::U8, Meaning::Choice(set))
}

const fn choice16(set: &'static Choices) -> Type {
    Type::Number(Width::U16, Meaning::Choice(set))
}

const FAMILY: Type = choice8(&FAMILIES);

static INTERFACE_FLAGS: FlagSet = set!("IFF_???",
    IFF_UP IFF_BROADCAST IFF_DEBUG IFF_LOOPBACK IFF_POINTOPOINT IFF_NOTRAILERS IFF_RUNNING IFF_NOARP IFF_PROMISC
    IFF_ALLMULTI IFF_MASTER IFF_SLAVE IFF_MULTICAST IFF_PORTSEL IFF_AUTOMEDIA IFF_DYNAMIC IFF_LOWER_UP
    IFF_DORMANT IFF_ECHO);

/// `struct ifinfomsg`
static LINK: Type = Type::Struct(&Struct::of(&[
    field("ifi_family", FAMILY),
    field("", Type::Padding(1)),
    field("ifi_type", choice16(&HARDWARE)),
    field("ifi_index", INTERFACE),
    field("ifi_flags", flags(&INTERFACE_FLAGS)),
    field("ifi_change", HEX32),
]));

static ADDRESS_FLAGS: FlagSet = set!("IFA_F_???",
    IFA_F_SECONDARY IFA_F_NODAD IFA_F_OPTIMISTIC IFA_F_DADFAILED IFA_F_HOMEADDRESS IFA_F_DEPRECATED
    IFA_F_TENTATIVE IFA_F_PERMANENT IFA_F_MANAGETEMPADDR IFA_F_NOPREFIXROUTE IFA_F_MCAUTOJOIN
    IFA_F_STABLE_PRIVACY);

static SCOPES: Choices =
    choices!("", RT_SCOPE_UNIVERSE RT_SCOPE_SITE RT_SCOPE_LINK RT_SCOPE_HOST RT_SCOPE_NOWHERE);

/// `struct ifaddrmsg`
static ADDRESS: Type = Type::Struct(&Struct::of(&[
    field("ifa_family", FAMILY),
    field("ifa_prefixlen", U8),
    field("ifa_flags", flags8(&ADDRESS_FLAGS)),
    field("ifa_scope", choice8(&SCOPES)),
    field("ifa_index", INTERFACE),
]));

/// An address of IPv4 or IPv6, by its length.
pub(super) static IP_ADDRESS: Type = Type::Custom(&custom(Shape::Bare, |object, _, emit| {
    emit(Item::element(match object.bytes.len() {
        4 => Value::Written(object.number(0, Width::U32), write_ipv4),
        16 => Value::WrittenBytes(object.bytes, write_ipv6),
        _ => Value::HexBytes(object.bytes),
    }));
}));

/// An address of hardware.
pub(super) static HARDWARE_ADDRESS: Type = Type::Custom(&custom(Shape::Bare, |object, _, emit| {
    emit(Item::element(Value::WrittenBytes(object.bytes, write_hardware_address)));
}));

static ADDRESS_TIMES: Type = Type::Struct(&Struct::of(&[
    field("ifa_prefered", UINT),
    field("ifa_valid", UINT),
    field("cstamp", UINT),
    field("tstamp", UINT),
]));

attributes!(ADDRESS_ATTRIBUTES "IFA_???" {
    IFA_UNSPEC,
    IFA_ADDRESS: IP_ADDRESS,
    IFA_LOCAL: IP_ADDRESS,
    IFA_LABEL: NAME,
    IFA_BROADCAST: IP_ADDRESS,
    IFA_ANYCAST: IP_ADDRESS,
    IFA_CACHEINFO: ADDRESS_TIMES,
    IFA_MULTICAST: IP_ADDRESS,
    IFA_FLAGS: ADDRESS_FLAGS32,
    IFA_RT_PRIORITY: UINT32,
    IFA_TARGET_NETNSID: INT32,
    IFA_PROTO,
});

static ADDRESS_FLAGS32: Type = flags(&ADDRESS_FLAGS);
static UINT8: Type = U8;
static UINT16: Type = U16;
static UINT32: Type = UINT;
static UINT64: Type = U64;
static INT32: Type = INT;
static INTERFACE32: Type = INTERFACE;
static PORT16: Type = PORT;

static TABLES: Choices =
    choices!("", RT_TABLE_UNSPEC RT_TABLE_COMPAT RT_TABLE_DEFAULT RT_TABLE_MAIN RT_TABLE_LOCAL);
static TABLE32: Type = choice(&TABLES);

static ROUTE_PROTOCOLS: Choices = choices!("",
    RTPROT_UNSPEC RTPROT_REDIRECT RTPROT_KERNEL RTPROT_BOOT RTPROT_STATIC RTPROT_GATED RTPROT_RA RTPROT_MRT
    RTPROT_ZEBRA RTPROT_BIRD RTPROT_DNROUTED RTPROT_XORP RTPROT_NTK RTPROT_DHCP RTPROT_MROUTED
    RTPROT_KEEPALIVED RTPROT_BABEL RTPROT_OVN RTPROT_OPENR RTPROT_BGP RTPROT_ISIS RTPROT_OSPF RTPROT_RIP
    RTPROT_EIGRP);
static ROUTE_PROTOCOL: Type = choice8(&ROUTE_PROTOCOLS);

static ROUTE_TYPES: Choices = choices!("RTN_???",
    RTN_UNSPEC RTN_UNICAST RTN_LOCAL RTN_BROADCAST RTN_ANYCAST RTN_MULTICAST RTN_BLACKHOLE RTN_UNREACHABLE
    RTN_PROHIBIT RTN_THROW RTN_NAT RTN_XRESOLVE);

static ROUTE_FLAGS: FlagSet = set!("RTM_F_???",
    RTNH_F_DEAD RTNH_F_PERVASIVE RTNH_F_ONLINK RTNH_F_OFFLOAD RTNH_F_LINKDOWN RTNH_F_UNRESOLVED RTNH_F_TRAP
    RTM_F_NOTIFY RTM_F_CLONED RTM_F_EQUALIZE RTM_F_PREFIX RTM_F_LOOKUP_TABLE RTM_F_FIB_MATCH RTM_F_OFFLOAD
    RTM_F_TRAP RTM_F_OFFLOAD_FAILED);

/// `struct rtmsg`
static ROUTE: Type = Type::Struct(&Struct::of(&[
    field("rtm_family", FAMILY),
    field("rtm_dst_len", U8),
    field("rtm_src_len", U8),
    field("rtm_tos", HEX8),
    field("rtm_table", choice8(&TABLES)),
    field("rtm_protocol", choice8(&ROUTE_PROTOCOLS)),
    field("rtm_scope", choice8(&SCOPES)),
    field("rtm_type", choice8(&ROUTE_TYPES)),
    field("rtm_flags", flags(&ROUTE_FLAGS)),
]));

static ROUTE_TIMES: Type = Type::Struct(&Struct::of(&[
    field("rta_clntref", UINT),
    field("rta_lastuse", UINT),
    field("rta_expires", INT),
    field("rta_error", UINT),
    field("rta_used", UINT),
    field("rta_id", HEX32),
    field("rta_ts", UINT),
    field("rta_tsage", UINT),
]));

attributes!(ROUTE_ATTRIBUTES "RTA_???" {
    RTA_UNSPEC,
    RTA_DST: IP_ADDRESS,
    RTA_SRC: IP_ADDRESS,
    RTA_IIF: INTERFACE32,
    RTA_OIF: INTERFACE32,
    RTA_GATEWAY: IP_ADDRESS,
    RTA_PRIORITY: UINT32,
    RTA_PREFSRC: IP_ADDRESS,
    RTA_METRICS: METRICS,
    RTA_MULTIPATH,
    RTA_PROTOINFO,
    RTA_FLOW: UINT32,
    RTA_CACHEINFO: ROUTE_TIMES,
    RTA_SESSION,
    RTA_MP_ALGO,
    RTA_TABLE: TABLE32,
    RTA_MARK: UINT32,
    RTA_MFC_STATS,
    RTA_VIA,
    RTA_NEWDST: IP_ADDRESS,
    RTA_PREF: UINT8,
    RTA_ENCAP_TYPE: UINT16,
    RTA_ENCAP,
    RTA_EXPIRES: UINT32,
    RTA_PAD,
    RTA_UID: UINT32,
    RTA_TTL_PROPAGATE: UINT8,
    RTA_IP_PROTO: UINT8,
    RTA_SPORT: PORT16,
    RTA_DPORT: PORT16,
    RTA_NH_ID: UINT32,
    RTA_FLOWLABEL,
});

attributes!(METRICS "RTAX_???" {
    RTAX_UNSPEC,
    RTAX_LOCK: UINT32,
    RTAX_MTU: UINT32,
    RTAX_WINDOW: UINT32,
    RTAX_RTT: UINT32,
    RTAX_RTTVAR: UINT32,
    RTAX_SSTHRESH: UINT32,
    RTAX_CWND: UINT32,
    RTAX_ADVMSS: UINT32,
    RTAX_REORDERING: UINT32,
    RTAX_HOPLIMIT: UINT32,
    RTAX_INITCWND: UINT32,
    RTAX_FEATURES: UINT32,
    RTAX_RTO_MIN: UINT32,
    RTAX_INITRWND: UINT32,
    RTAX_QUICKACK: UINT32,
    RTAX_CC_ALGO: NAME,
    RTAX_FASTOPEN_NO_COOKIE: UINT32,
});

static NEIGHBOUR_STATES: FlagSet = set!("NUD_???",
    NUD_NONE NUD_INCOMPLETE NUD_REACHABLE NUD_STALE NUD_DELAY NUD_PROBE NUD_FAILED NUD_NOARP NUD_PERMANENT);
static NEIGHBOUR_FLAGS: FlagSet = set!("NTF_???",
    NTF_USE NTF_SELF NTF_MASTER NTF_PROXY NTF_EXT_LEARNED NTF_OFFLOADED NTF_STICKY NTF_ROUTER);

/// `struct ndmsg`
static NEIGHBOUR: Type = Type::Struct(&Struct::of(&[
    field("ndm_family", FAMILY),
    field("", Type::Padding(3)),
    field("ndm_ifindex", INTERFACE),
    field("ndm_state", flags16(&NEIGHBOUR_STATES)),
    field("ndm_flags", flags8(&NEIGHBOUR_FLAGS)),
    field("ndm_type", choice8(&ROUTE_TYPES)),
]));

static NEIGHBOUR_TIMES: Type = Type::Struct(&Struct::of(&[
    field("ndm_confirmed", UINT),
    field("ndm_used", UINT),
    field("ndm_updated", UINT),
    field("ndm_refcnt", UINT),
]));

attributes!(NEIGHBOUR_ATTRIBUTES "NDA_???" {
    NDA_UNSPEC,
    NDA_DST: IP_ADDRESS,
    NDA_LLADDR: HARDWARE_ADDRESS,
    NDA_CACHEINFO: NEIGHBOUR_TIMES,
    NDA_PROBES: UINT32,
    NDA_VLAN: UINT16,
    NDA_PORT: PORT16,
    NDA_VNI: UINT32,
    NDA_IFINDEX: INTERFACE32,
    NDA_MASTER: INTERFACE32,
    NDA_LINK_NETNSID: UINT32,
    NDA_SRC_VNI: UINT32,
    NDA_PROTOCOL: ROUTE_PROTOCOL,
    NDA_NH_ID: UINT32,
    NDA_FDB_EXT_ATTRS,
    NDA_FLAGS_EXT,
    NDA_NDM_STATE_MASK,
    NDA_NDM_FLAGS_MASK,
});

static RULE_ACTIONS: Choices = choices!("FR_ACT_???",
    FR_ACT_UNSPEC FR_ACT_TO_TBL FR_ACT_GOTO FR_ACT_NOP FR_ACT_RES3 FR_ACT_RES4 FR_ACT_BLACKHOLE
    FR_ACT_UNREACHABLE FR_ACT_PROHIBIT);
static RULE_FLAGS: FlagSet = set!("FIB_RULE_???",
    FIB_RULE_PERMANENT FIB_RULE_INVERT FIB_RULE_UNRESOLVED FIB_RULE_IIF_DETACHED FIB_RULE_OIF_DETACHED
    FIB_RULE_FIND_SADDR);

/// `struct fib_rule_hdr`
static RULE: Type = Type::Struct(&Struct::of(&[
    field("family", FAMILY),
    field("dst_len", U8),
    field("src_len", U8),
    field("tos", HEX8),
    field("table", choice8(&TABLES)),
    field("", Type::Padding(2)),
    field("action", choice8(&RULE_ACTIONS)),
    field("flags", flags(&RULE_FLAGS)),
]));

static UID_RANGE: Type = Type::Struct(&Struct::of(&[field("start", UINT), field("end", UINT)]));
static PORT_RANGE: Type = Type::Struct(&Struct::of(&[field("start", U16), field("end", U16)]));

attributes!(RULE_ATTRIBUTES "FRA_???" {
    FRA_UNSPEC,
    FRA_DST: IP_ADDRESS,
    FRA_SRC: IP_ADDRESS,
    FRA_IIFNAME: NAME,
    FRA_GOTO: UINT32,
    FRA_PRIORITY: UINT32,
    FRA_FWMARK: UINT32,
    FRA_FLOW: UINT32,
    FRA_TUN_ID: TUNNEL,
    FRA_SUPPRESS_IFGROUP: UINT32,
    FRA_SUPPRESS_PREFIXLEN: UINT32,
    FRA_TABLE: TABLE32,
    FRA_FWMASK: UINT32,
    FRA_OIFNAME: NAME,
    FRA_PAD,
    FRA_L3MDEV: UINT8,
    FRA_UID_RANGE: UID_RANGE,
    FRA_PROTOCOL: ROUTE_PROTOCOL,
    FRA_IP_PROTO: UINT8,
    FRA_SPORT_RANGE: PORT_RANGE,
    FRA_DPORT_RANGE: PORT_RANGE,
    FRA_DSCP,
    FRA_FLOWLABEL,
    FRA_FLOWLABEL_MASK,
    FRA_SPORT_MASK,
    FRA_DPORT_MASK,
    FRA_DSCP_MASK,
});

/// 64 bits in the order of the network.
static TUNNEL: Type = Type::Written(8, |out, bytes| {
    if let Some(bytes) = bytes.first_chunk() {
        put!(out, "htobe64({})", u64::from_be_bytes(*bytes));
    }
});

/// `struct tcmsg`
static TRAFFIC: Type = Type::Struct(&Struct::of(&[
    field("tcm_family", FAMILY),
    field("", Type::Padding(3)),
    field("tcm_ifindex", INTERFACE),
    field("tcm_handle", UINT),
    field("tcm_parent", UINT),
    field("tcm_info", UINT),
]));

attributes!(TRAFFIC_ATTRIBUTES "TCA_???" {
    TCA_UNSPEC,
    TCA_KIND: NAME,
    TCA_OPTIONS,
    TCA_STATS: TRAFFIC_STATISTICS,
    TCA_XSTATS,
    TCA_RATE: RATE,
    TCA_FCNT: UINT32,
    TCA_STATS2: TRAFFIC_STATISTICS2,
    TCA_STAB,
    TCA_PAD,
    TCA_DUMP_INVISIBLE,
    TCA_CHAIN: UINT32,
    TCA_HW_OFFLOAD: UINT8,
    TCA_INGRESS_BLOCK: UINT32,
    TCA_EGRESS_BLOCK: UINT32,
    TCA_DUMP_FLAGS,
    TCA_EXT_WARN_MSG,
});

/// `struct tc_stats`
static TRAFFIC_STATISTICS: Type = Type::Struct(&Struct::of(&[
    field("bytes", U64),
    field("packets", UINT),
    field("drops", UINT),
    field("overlimits", UINT),
    field("bps", UINT),
    field("pps", UINT),
    field("qlen", UINT),
    field("backlog", UINT),
]));
static RATE: Type = Type::Struct(&Struct::of(&[field("interval", U8), field("ewma_log", U8)]));

/// `struct gnet_stats_basic`: without the padding at its end it may be, too.
static BASIC: Type = Type::Struct(&Struct::of(&[field("bytes", U64), field("packets", UINT)]));
static RATES: Type = Type::Struct(&Struct::of(&[field("bps", UINT), field("pps", UINT)]));
static QUEUE: Type = Type::Struct(&Struct::of(&[
    field("qlen", UINT),
    field("backlog", UINT),
    field("drops", UINT),
    field("requeues", UINT),
    field("overlimits", UINT),
]));
static RATES64: Type = Type::Struct(&Struct::of(&[field("bps", U64), field("pps", U64)]));

attributes!(TRAFFIC_STATISTICS2 "TCA_STATS_???" {
    TCA_STATS_UNSPEC,
    TCA_STATS_BASIC: BASIC,
    TCA_STATS_RATE_EST: RATES,
    TCA_STATS_QUEUE: QUEUE,
    TCA_STATS_APP,
    TCA_STATS_RATE_EST64: RATES64,
    TCA_STATS_PAD,
    TCA_STATS_BASIC_HW: BASIC,
    TCA_STATS_PKT64: UINT64,
});

/// `struct ndtmsg`
static NEIGHBOUR_TABLE: Type =
    Type::Struct(&Struct::of(&[field("ndtm_family", FAMILY), field("", Type::Padding(3))]));

/// `0x000007`, or `00000000`.
fn write_mask(out: &mut Notation<'_>, mask: u64) {
    match mask {
        0 => put!(out, "00000000"),
        mask => put!(out, "{mask:#08x}"),
    }
}

static TABLE_CONFIGURATION: Type = Type::Struct(&Struct::of(&[
    field("ndtc_key_len", U16),
    field("ndtc_entry_size", U16),
    field("ndtc_entries", UINT),
    field("ndtc_last_flush", UINT),
    field("ndtc_last_rand", UINT),
    field("ndtc_hash_rnd", UINT),
    field("ndtc_hash_mask", Type::Number(Width::U32, Meaning::Written(write_mask))),
    field("ndtc_hash_chain_gc", UINT),
    field("ndtc_proxy_qlen", UINT),
]));

static TABLE_STATISTICS: Type = Type::Struct(&Struct::of(&[
    field("ndts_allocs", U64),
    field("ndts_destroys", U64),
    field("ndts_hash_grows", U64),
    field("ndts_res_failed", U64),
    field("ndts_lookups", U64),
    field("ndts_hits", U64),
    field("ndts_rcv_probes_mcast", U64),
    field("ndts_rcv_probes_ucast", U64),
    field("ndts_periodic_gc_runs", U64),
    field("ndts_forced_gc_runs", U64),
    field("ndts_table_fulls", U64),
]));

attributes!(NEIGHBOUR_TABLE_ATTRIBUTES "NDTA_???" {
    NDTA_UNSPEC,
    NDTA_NAME: NAME,
    NDTA_THRESH1: UINT32,
    NDTA_THRESH2: UINT32,
    NDTA_THRESH3: UINT32,
    NDTA_CONFIG: TABLE_CONFIGURATION,
    NDTA_PARMS: TABLE_PARAMETERS,
    NDTA_STATS: TABLE_STATISTICS,
    NDTA_GC_INTERVAL: UINT64,
    NDTA_PAD,
});

attributes!(TABLE_PARAMETERS "NDTPA_???" {
    NDTPA_UNSPEC,
    NDTPA_IFINDEX: INTERFACE32,
    NDTPA_REFCNT: UINT32,
    NDTPA_REACHABLE_TIME: UINT64,
    NDTPA_BASE_REACHABLE_TIME: UINT64,
    NDTPA_RETRANS_TIME: UINT64,
    NDTPA_GC_STALETIME: UINT64,
    NDTPA_DELAY_PROBE_TIME: UINT64,
    NDTPA_QUEUE_LEN: UINT32,
    NDTPA_APP_PROBES: UINT32,
    NDTPA_UCAST_PROBES: UINT32,
    NDTPA_MCAST_PROBES: UINT32,
    NDTPA_ANYCAST_DELAY: UINT64,
    NDTPA_PROXY_DELAY: UINT64,
    NDTPA_PROXY_QLEN: UINT32,
    NDTPA_LOCKTIME: UINT64,
    NDTPA_QUEUE_LENBYTES: UINT32,
    NDTPA_MCAST_REPROBES: UINT32,
    NDTPA_PAD,
    NDTPA_INTERVAL_PROBE_TIME_MS: UINT64,
});

/// `struct ifaddrlblmsg`
static LABEL: Type = Type::Struct(&Struct::of(&[
    field("ifal_family", FAMILY),
    field("", Type::Padding(1)),
    field("ifal_prefixlen", U8),
    field("ifal_flags", HEX8),
    field("ifal_index", INTERFACE),
    field("ifal_seq", UINT),
]));

attributes!(LABEL_ATTRIBUTES "IFAL_???" {
    IFAL_ADDRESS: IP_ADDRESS,
    IFAL_LABEL: UINT32,
});

/// `struct netconfmsg`
static CONFIGURATION: Type = Type::Struct(&Struct::of(&[field("ncm_family", FAMILY)]));

attributes!(CONFIGURATION_ATTRIBUTES "NETCONFA_???" {
    NETCONFA_UNSPEC,
    NETCONFA_IFINDEX: INTERFACE_OR_ALL,
    NETCONFA_FORWARDING: INT32,
    NETCONFA_RP_FILTER: INT32,
    NETCONFA_MC_FORWARDING: INT32,
    NETCONFA_PROXY_NEIGH: INT32,
    NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN: INT32,
    NETCONFA_INPUT: INT32,
    NETCONFA_BC_FORWARDING: INT32,
    NETCONFA_FORCE_FORWARDING: INT32,
});

/// All interfaces, or the default of those to come, are negative, but shown as they stand.
static INTERFACE_OR_ALL: Type = Type::Number(
    Width::U32,
    Meaning::Written(|out, index| {
        if index > i32::MAX as u64 {
            put!(out, "{index}");
        } else {
            write_interface(out, index);
        }
    }),
);

/// `struct rtgenmsg`
static NAMESPACE: Type = Type::Struct(&Struct::of(&[field("rtgen_family", FAMILY)]));

attributes!(NAMESPACE_ATTRIBUTES "NETNSA_???" {
    NETNSA_NONE,
    NETNSA_NSID: INT32,
    NETNSA_PID: UINT32,
    NETNSA_FD: INT32,
    NETNSA_TARGET_NSID: INT32,
    NETNSA_CURRENT_NSID: INT32,
});
