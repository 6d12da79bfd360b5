//! Attributes of interfaces.

use rstrace_core::describe::{Item, Meaning, Shape, Struct, Type, Width, field};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet};

use super::super::super::notation::put;
use super::super::attributes::{NAME, attributes};
use super::super::custom;
use super::*;

attributes!(LINK_ATTRIBUTES "IFLA_???" {
    IFLA_UNSPEC,
    IFLA_ADDRESS: HARDWARE_ADDRESS,
    IFLA_BROADCAST: HARDWARE_ADDRESS,
    IFLA_IFNAME: NAME,
    IFLA_MTU: UINT32,
    IFLA_LINK: INTERFACE32,
    IFLA_QDISC: NAME,
    IFLA_STATS: STATISTICS,
    IFLA_COST,
    IFLA_PRIORITY,
    IFLA_MASTER: INTERFACE32,
    IFLA_WIRELESS,
    IFLA_PROTINFO,
    IFLA_TXQLEN: UINT32,
    IFLA_MAP: MAP,
    IFLA_WEIGHT: UINT32,
    IFLA_OPERSTATE: UINT8,
    IFLA_LINKMODE: UINT8,
    IFLA_LINKINFO: INFO,
    IFLA_NET_NS_PID: UINT32,
    IFLA_IFALIAS: NAME,
    IFLA_NUM_VF: UINT32,
    IFLA_VFINFO_LIST,
    IFLA_STATS64: STATISTICS64,
    IFLA_VF_PORTS,
    IFLA_PORT_SELF,
    IFLA_AF_SPEC: FAMILIES_OF_LINK,
    IFLA_GROUP: UINT32,
    IFLA_NET_NS_FD: INT32,
    IFLA_EXT_MASK: EXTENSIONS,
    IFLA_PROMISCUITY: UINT32,
    IFLA_NUM_TX_QUEUES: UINT32,
    IFLA_NUM_RX_QUEUES: UINT32,
    IFLA_CARRIER: UINT8,
    IFLA_PHYS_PORT_ID,
    IFLA_CARRIER_CHANGES: UINT32,
    IFLA_PHYS_SWITCH_ID,
    IFLA_LINK_NETNSID: INT32,
    IFLA_PHYS_PORT_NAME: NAME,
    IFLA_PROTO_DOWN: UINT8,
    IFLA_GSO_MAX_SEGS: UINT32,
    IFLA_GSO_MAX_SIZE: UINT32,
    IFLA_PAD,
    IFLA_XDP: XDP,
    IFLA_EVENT: EVENT,
    IFLA_NEW_NETNSID: INT32,
    IFLA_TARGET_NETNSID: INT32,
    IFLA_CARRIER_UP_COUNT: UINT32,
    IFLA_CARRIER_DOWN_COUNT: UINT32,
    IFLA_NEW_IFINDEX: INTERFACE32,
    IFLA_MIN_MTU: UINT32,
    IFLA_MAX_MTU: UINT32,
    IFLA_PROP_LIST: LINK_ATTRIBUTES,
    IFLA_ALT_IFNAME: NAME,
    IFLA_PERM_ADDRESS: HARDWARE_ADDRESS,
    IFLA_PROTO_DOWN_REASON,
    IFLA_PARENT_DEV_NAME: NAME,
    IFLA_PARENT_DEV_BUS_NAME: NAME,
    IFLA_GRO_MAX_SIZE: UINT32,
    IFLA_TSO_MAX_SIZE: UINT32,
    IFLA_TSO_MAX_SEGS: UINT32,
    IFLA_ALLMULTI: UINT32,
    IFLA_DEVLINK_PORT,
    IFLA_GSO_IPV4_MAX_SIZE: UINT32,
    IFLA_GRO_IPV4_MAX_SIZE: UINT32,
    IFLA_DPLL_PIN,
    IFLA_MAX_PACING_OFFLOAD_HORIZON: UINT32,
    IFLA_NETNS_IMMUTABLE: UINT8,
    IFLA_HEADROOM: UINT16,
    IFLA_TAILROOM: UINT16,
});

static EXTENSIONS: Type = flags(&EXTENSION_FLAGS);
static EXTENSION_FLAGS: FlagSet = set!("RTEXT_FILTER_???",
    RTEXT_FILTER_VF RTEXT_FILTER_BRVLAN RTEXT_FILTER_BRVLAN_COMPRESSED RTEXT_FILTER_SKIP_STATS RTEXT_FILTER_MRP
    RTEXT_FILTER_CFM_CONFIG RTEXT_FILTER_CFM_STATUS RTEXT_FILTER_MST);

static EVENT: Type = choice(&EVENTS);
static EVENTS: Choices = choices!("IFLA_EVENT_???",
    IFLA_EVENT_NONE IFLA_EVENT_REBOOT IFLA_EVENT_FEATURES IFLA_EVENT_BONDING_FAILOVER IFLA_EVENT_NOTIFY_PEERS
    IFLA_EVENT_IGMP_RESEND IFLA_EVENT_BONDING_OPTIONS);

/// `struct rtnl_link_stats`, as older kernels have it: the last member came later.
static STATISTICS: Type = Type::Custom(&custom(Shape::Struct, |object, _, emit| {
    let bytes = object.bytes.chunks_exact(4);
    for (place, (name, _)) in COUNTERS.iter().take(COUNTERS.len() - 1).zip(bytes).enumerate() {
        emit(Item::member(name, Value::Unsigned(object.number(place * 4, Width::U32))));
    }
}));
/// `struct rtnl_link_stats64`
static STATISTICS64: Type = Type::Custom(&custom(Shape::Struct, |object, _, emit| {
    let bytes = object.bytes.chunks_exact(8);
    for (place, (name, _)) in COUNTERS.iter().zip(bytes).enumerate() {
        emit(Item::member(name, Value::Unsigned(object.number(place * 8, Width::U64))));
    }
}));

static COUNTERS: &[&str] = &[
    "rx_packets",
    "tx_packets",
    "rx_bytes",
    "tx_bytes",
    "rx_errors",
    "tx_errors",
    "rx_dropped",
    "tx_dropped",
    "multicast",
    "collisions",
    "rx_length_errors",
    "rx_over_errors",
    "rx_crc_errors",
    "rx_frame_errors",
    "rx_fifo_errors",
    "rx_missed_errors",
    "tx_aborted_errors",
    "tx_carrier_errors",
    "tx_fifo_errors",
    "tx_heartbeat_errors",
    "tx_window_errors",
    "rx_compressed",
    "tx_compressed",
    "rx_nohandler",
    "rx_otherhost_dropped",
];

/// `struct rtnl_link_ifmap`: the padding at its end may be missing.
static MAP: Type = Type::Struct(&Struct::of(&[
    field("mem_start", HEX64),
    field("mem_end", HEX64),
    field("base_addr", HEX64),
    field("irq", U16),
    field("dma", U8),
    field("port", U8),
]));

attributes!(INFO "IFLA_INFO_???" {
    IFLA_INFO_UNSPEC,
    IFLA_INFO_KIND: NAME,
    IFLA_INFO_DATA,
    IFLA_INFO_XSTATS,
    IFLA_INFO_SLAVE_KIND: NAME,
    IFLA_INFO_SLAVE_DATA,
});

static XDP_MODES: Choices = choices!("XDP_???",
    XDP_ATTACHED_NONE XDP_ATTACHED_DRV XDP_ATTACHED_SKB XDP_ATTACHED_HW XDP_ATTACHED_MULTI);
static XDP_MODE: Type = Type::Number(Width::U8, Meaning::Choice(&XDP_MODES));
static XDP_FLAG_SET: FlagSet = set!("XDP_FLAGS_???",
    XDP_FLAGS_UPDATE_IF_NOEXIST XDP_FLAGS_SKB_MODE XDP_FLAGS_DRV_MODE XDP_FLAGS_HW_MODE XDP_FLAGS_REPLACE);
static XDP_FLAGS: Type = flags(&XDP_FLAG_SET);

attributes!(XDP "IFLA_XDP_???" {
    IFLA_XDP_UNSPEC,
    IFLA_XDP_FD: FD32,
    IFLA_XDP_ATTACHED: XDP_MODE,
    IFLA_XDP_FLAGS: XDP_FLAGS,
    IFLA_XDP_PROG_ID: UINT32,
    IFLA_XDP_DRV_PROG_ID: UINT32,
    IFLA_XDP_SKB_PROG_ID: UINT32,
    IFLA_XDP_HW_PROG_ID: UINT32,
    IFLA_XDP_EXPECTED_FD: FD32,
});

static FD32: Type = FD;

attributes!(FAMILIES_OF_LINK "AF_???" {
    AF_UNSPEC,
    AF_UNIX,
    AF_INET: OF_INET,
    AF_BRIDGE,
    AF_INET6: OF_INET6,
    AF_MPLS,
    AF_MCTP,
});

attributes!(OF_INET "IFLA_INET_???" {
    IFLA_INET_UNSPEC,
    IFLA_INET_CONF: SETTINGS,
});

attributes!(OF_INET6 "IFLA_INET6_???" {
    IFLA_INET6_UNSPEC,
    IFLA_INET6_FLAGS: LINK_STATE,
    IFLA_INET6_CONF: SETTINGS6,
    IFLA_INET6_STATS: IP_COUNTERS,
    IFLA_INET6_MCAST,
    IFLA_INET6_CACHEINFO: LINK_TIMES,
    IFLA_INET6_ICMP6STATS: ICMP_COUNTERS,
    IFLA_INET6_TOKEN: IP_ADDRESS,
    IFLA_INET6_ADDR_GEN_MODE: GENERATION,
    IFLA_INET6_RA_MTU: UINT32,
});

/// `include/net/if_inet6.h`
static LINK_STATES: FlagSet = FlagSet {
    choice: None,
    names: &[
        (0x80, "IF_RA_OTHERCONF"),
        (0x40, "IF_RA_MANAGED"),
        (0x20, "IF_RA_RCVD"),
        (0x10, "IF_RS_SENT"),
        (0x8000_0000, "IF_READY"),
    ],
    unknown: "IF_???",
};
static LINK_STATE: Type = flags(&LINK_STATES);

static LINK_TIMES: Type = Type::Struct(&Struct::of(&[
    field("max_reasm_len", UINT),
    field("tstamp", UINT),
    field("reachable_time", UINT),
    field("retrans_time", UINT),
]));

static GENERATIONS: Choices = choices!("IN6_ADDR_GEN_MODE_???",
    IN6_ADDR_GEN_MODE_EUI64 IN6_ADDR_GEN_MODE_NONE IN6_ADDR_GEN_MODE_STABLE_PRIVACY IN6_ADDR_GEN_MODE_RANDOM);
static GENERATION: Type = Type::Number(Width::U8, Meaning::Choice(&GENERATIONS));

/// Settings of IPv4: the first has the number 1.
static SETTINGS: Type = Type::Custom(&custom(Shape::List, |object, _, emit| {
    for (place, bytes) in object.bytes.chunks_exact(4).enumerate() {
        emit(Item::element(setting(place as u64 + 1, bytes, write_setting)));
    }
}));
/// Settings of IPv6.
static SETTINGS6: Type = Type::Custom(&custom(Shape::List, |object, _, emit| {
    for (place, bytes) in object.bytes.chunks_exact(4).enumerate() {
        emit(Item::element(setting(place as u64, bytes, write_setting6)));
    }
}));

/// Counters of IPv6.
static IP_COUNTERS: Type = Type::Custom(&custom(Shape::List, |object, _, emit| {
    counters(object.bytes, |out, bytes| write_counter(out, bytes, IP_COUNTER_NAMES, "IPSTATS_MIB_???"), emit);
}));
static ICMP_COUNTERS: Type = Type::Custom(&custom(Shape::List, |object, _, emit| {
    counters(object.bytes, |out, bytes| write_counter(out, bytes, ICMP_COUNTER_NAMES, "ICMP6_MIB_???"), emit);
}));

/// Bytes of a counter.
const COUNTER: usize = 8;

fn counters(bytes: &[u8], write: rstrace_core::describe::BytesWriter, emit: &mut dyn FnMut(Item<'_>)) {
    for end in (COUNTER..=bytes.len()).step_by(COUNTER) {
        emit(Item::element(Value::WrittenBytes(&bytes[..end], write)));
    }
}

/// `[IPSTATS_MIB_NUM]=38`: the last of these counters, its number is how many there are before it.
fn write_counter(out: &mut Notation<'_>, bytes: &[u8], names: &[&str], unknown: &str) {
    let Some((before, counter)) = bytes.split_last_chunk::<COUNTER>() else { return };
    let (place, value) = (before.len() / COUNTER, u64::from_ne_bytes(*counter));
    match names.get(place) {
        Some(name) => put!(out, "[{name}]={value}"),
        None => put!(out, "[{place} /* {unknown} */]={value}"),
    }
}

/// linux/snmp.h
static IP_COUNTER_NAMES: &[&str] = &[
    "IPSTATS_MIB_NUM",
    "IPSTATS_MIB_INPKTS",
    "IPSTATS_MIB_INOCTETS",
    "IPSTATS_MIB_INDELIVERS",
    "IPSTATS_MIB_OUTFORWDATAGRAMS",
    "IPSTATS_MIB_OUTREQUESTS",
    "IPSTATS_MIB_OUTOCTETS",
    "IPSTATS_MIB_INHDRERRORS",
    "IPSTATS_MIB_INTOOBIGERRORS",
    "IPSTATS_MIB_INNOROUTES",
    "IPSTATS_MIB_INADDRERRORS",
    "IPSTATS_MIB_INUNKNOWNPROTOS",
    "IPSTATS_MIB_INTRUNCATEDPKTS",
    "IPSTATS_MIB_INDISCARDS",
    "IPSTATS_MIB_OUTDISCARDS",
    "IPSTATS_MIB_OUTNOROUTES",
    "IPSTATS_MIB_REASMTIMEOUT",
    "IPSTATS_MIB_REASMREQDS",
    "IPSTATS_MIB_REASMOKS",
    "IPSTATS_MIB_REASMFAILS",
    "IPSTATS_MIB_FRAGOKS",
    "IPSTATS_MIB_FRAGFAILS",
    "IPSTATS_MIB_FRAGCREATES",
    "IPSTATS_MIB_INMCASTPKTS",
    "IPSTATS_MIB_OUTMCASTPKTS",
    "IPSTATS_MIB_INBCASTPKTS",
    "IPSTATS_MIB_OUTBCASTPKTS",
    "IPSTATS_MIB_INMCASTOCTETS",
    "IPSTATS_MIB_OUTMCASTOCTETS",
    "IPSTATS_MIB_INBCASTOCTETS",
    "IPSTATS_MIB_OUTBCASTOCTETS",
    "IPSTATS_MIB_CSUMERRORS",
    "IPSTATS_MIB_NOECTPKTS",
    "IPSTATS_MIB_ECT1PKTS",
    "IPSTATS_MIB_ECT0PKTS",
    "IPSTATS_MIB_CEPKTS",
    "IPSTATS_MIB_REASM_OVERLAPS",
    "IPSTATS_MIB_OUTPKTS",
];
static ICMP_COUNTER_NAMES: &[&str] = &[
    "ICMP6_MIB_NUM",
    "ICMP6_MIB_INMSGS",
    "ICMP6_MIB_INERRORS",
    "ICMP6_MIB_OUTMSGS",
    "ICMP6_MIB_OUTERRORS",
    "ICMP6_MIB_CSUMERRORS",
    "ICMP6_MIB_RATELIMITHOST",
];

/// A setting: its number above, its value below.
fn setting(number: u64, bytes: &[u8], write: rstrace_core::describe::Writer) -> Value<'static> {
    let value = bytes.first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes));
    Value::Written(number << 32 | u64::from(value), write)
}

/// `[IPV4_DEVCONF_FORWARDING-1]=0`
fn write_setting(out: &mut Notation<'_>, setting: u64) {
    match SETTING_NAMES.name(setting >> 32) {
        Some(name) => put!(out, "[{name}-1]={}", setting as i32),
        None => put!(out, "[{} /* {} */]={}", (setting >> 32) - 1, SETTING_NAMES.unknown, setting as i32),
    }
}

/// `[DEVCONF_FORWARDING]=0`
fn write_setting6(out: &mut Notation<'_>, setting: u64) {
    match SETTING6_NAMES.name(setting >> 32) {
        Some(name) => put!(out, "[{name}]={}", setting as i32),
        None => put!(out, "[{} /* {} */]={}", setting >> 32, SETTING6_NAMES.unknown, setting as i32),
    }
}

static SETTING_NAMES: Choices = choices!("IPV4_DEVCONF_???",
    IPV4_DEVCONF_FORWARDING IPV4_DEVCONF_MC_FORWARDING IPV4_DEVCONF_PROXY_ARP IPV4_DEVCONF_ACCEPT_REDIRECTS
    IPV4_DEVCONF_SECURE_REDIRECTS IPV4_DEVCONF_SEND_REDIRECTS IPV4_DEVCONF_SHARED_MEDIA IPV4_DEVCONF_RP_FILTER
    IPV4_DEVCONF_ACCEPT_SOURCE_ROUTE IPV4_DEVCONF_BOOTP_RELAY IPV4_DEVCONF_LOG_MARTIANS IPV4_DEVCONF_TAG
    IPV4_DEVCONF_ARPFILTER IPV4_DEVCONF_MEDIUM_ID IPV4_DEVCONF_NOXFRM IPV4_DEVCONF_NOPOLICY
    IPV4_DEVCONF_FORCE_IGMP_VERSION IPV4_DEVCONF_ARP_ANNOUNCE IPV4_DEVCONF_ARP_IGNORE
    IPV4_DEVCONF_PROMOTE_SECONDARIES IPV4_DEVCONF_ARP_ACCEPT IPV4_DEVCONF_ARP_NOTIFY IPV4_DEVCONF_ACCEPT_LOCAL
    IPV4_DEVCONF_SRC_VMARK IPV4_DEVCONF_PROXY_ARP_PVLAN IPV4_DEVCONF_ROUTE_LOCALNET
    IPV4_DEVCONF_IGMPV2_UNSOLICITED_REPORT_INTERVAL IPV4_DEVCONF_IGMPV3_UNSOLICITED_REPORT_INTERVAL
    IPV4_DEVCONF_IGNORE_ROUTES_WITH_LINKDOWN IPV4_DEVCONF_DROP_UNICAST_IN_L2_MULTICAST
    IPV4_DEVCONF_DROP_GRATUITOUS_ARP IPV4_DEVCONF_BC_FORWARDING IPV4_DEVCONF_ARP_EVICT_NOCARRIER);

static SETTING6_NAMES: Choices = choices!("DEVCONF_???",
    DEVCONF_FORWARDING DEVCONF_HOPLIMIT DEVCONF_MTU6 DEVCONF_ACCEPT_RA DEVCONF_ACCEPT_REDIRECTS DEVCONF_AUTOCONF
    DEVCONF_DAD_TRANSMITS DEVCONF_RTR_SOLICITS DEVCONF_RTR_SOLICIT_INTERVAL DEVCONF_RTR_SOLICIT_DELAY
    DEVCONF_USE_TEMPADDR DEVCONF_TEMP_VALID_LFT DEVCONF_TEMP_PREFERED_LFT DEVCONF_REGEN_MAX_RETRY
    DEVCONF_MAX_DESYNC_FACTOR DEVCONF_MAX_ADDRESSES DEVCONF_FORCE_MLD_VERSION DEVCONF_ACCEPT_RA_DEFRTR
    DEVCONF_ACCEPT_RA_PINFO DEVCONF_ACCEPT_RA_RTR_PREF DEVCONF_RTR_PROBE_INTERVAL
    DEVCONF_ACCEPT_RA_RT_INFO_MAX_PLEN DEVCONF_PROXY_NDP DEVCONF_OPTIMISTIC_DAD DEVCONF_ACCEPT_SOURCE_ROUTE
    DEVCONF_MC_FORWARDING DEVCONF_DISABLE_IPV6 DEVCONF_ACCEPT_DAD DEVCONF_FORCE_TLLAO DEVCONF_NDISC_NOTIFY
    DEVCONF_MLDV1_UNSOLICITED_REPORT_INTERVAL DEVCONF_MLDV2_UNSOLICITED_REPORT_INTERVAL
    DEVCONF_SUPPRESS_FRAG_NDISC DEVCONF_ACCEPT_RA_FROM_LOCAL DEVCONF_USE_OPTIMISTIC DEVCONF_ACCEPT_RA_MTU
    DEVCONF_STABLE_SECRET DEVCONF_USE_OIF_ADDRS_ONLY DEVCONF_ACCEPT_RA_MIN_HOP_LIMIT
    DEVCONF_IGNORE_ROUTES_WITH_LINKDOWN DEVCONF_DROP_UNICAST_IN_L2_MULTICAST DEVCONF_DROP_UNSOLICITED_NA
    DEVCONF_KEEP_ADDR_ON_DOWN DEVCONF_RTR_SOLICIT_MAX_INTERVAL DEVCONF_SEG6_ENABLED DEVCONF_SEG6_REQUIRE_HMAC
    DEVCONF_ENHANCED_DAD DEVCONF_ADDR_GEN_MODE DEVCONF_DISABLE_POLICY DEVCONF_ACCEPT_RA_RT_INFO_MIN_PLEN
    DEVCONF_NDISC_TCLASS DEVCONF_RPL_SEG_ENABLED DEVCONF_RA_DEFRTR_METRIC DEVCONF_IOAM6_ENABLED DEVCONF_IOAM6_ID
    DEVCONF_IOAM6_ID_WIDE DEVCONF_NDISC_EVICT_NOCARRIER DEVCONF_ACCEPT_UNTRACKED_NA DEVCONF_ACCEPT_RA_MIN_LFT
    DEVCONF_FORCE_FORWARDING);
