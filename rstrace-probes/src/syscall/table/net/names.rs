//! Names that several of the socket calls share: families, types, protocols, flags.

use rstrace_core::describe::{Constants, Notation};
use rstrace_core::flags::{Choices, FlagSet};

use super::notation::put;
use crate::syscall::types::*;

/// Address families.
pub(in crate::syscall::table) static FAMILIES: Choices = choices!("AF_???",
    AF_UNSPEC AF_UNIX AF_INET AF_AX25 AF_IPX AF_APPLETALK AF_NETROM AF_BRIDGE AF_ATMPVC AF_X25 AF_INET6 AF_ROSE
    AF_DECnet AF_NETBEUI AF_SECURITY AF_KEY AF_NETLINK AF_PACKET AF_ASH AF_ECONET AF_ATMSVC AF_RDS AF_SNA AF_IRDA
    AF_PPPOX AF_WANPIPE AF_LLC AF_IB AF_MPLS AF_CAN AF_TIPC AF_BLUETOOTH AF_IUCV AF_RXRPC AF_ISDN AF_PHONET
    AF_IEEE802154 AF_CAIF AF_ALG AF_NFC AF_VSOCK AF_KCM AF_QIPCRTR AF_SMC AF_XDP AF_MCTP);

/// Types of sockets.
pub(super) static SOCKET_TYPES: Choices = choices!("SOCK_???",
    SOCK_STREAM SOCK_DGRAM SOCK_RAW SOCK_RDM SOCK_SEQPACKET SOCK_DCCP SOCK_PACKET);

/// What goes with the type of a socket.
pub(super) static SOCKET_FLAGS: FlagSet = set!("SOCK_???", SOCK_CLOEXEC SOCK_NONBLOCK);

/// Protocols of IPv4 and IPv6.
pub(super) static IP_PROTOCOLS: Choices = choices!("IPPROTO_???",
    IPPROTO_IP IPPROTO_ICMP IPPROTO_IGMP IPPROTO_IPIP IPPROTO_TCP IPPROTO_EGP IPPROTO_PUP IPPROTO_UDP IPPROTO_IDP
    IPPROTO_TP IPPROTO_DCCP IPPROTO_IPV6 IPPROTO_ROUTING IPPROTO_FRAGMENT IPPROTO_RSVP IPPROTO_GRE IPPROTO_ESP
    IPPROTO_AH IPPROTO_ICMPV6 IPPROTO_NONE IPPROTO_DSTOPTS IPPROTO_MTP IPPROTO_BEETPH IPPROTO_ENCAP IPPROTO_PIM
    IPPROTO_COMP IPPROTO_L2TP IPPROTO_SCTP IPPROTO_MH IPPROTO_UDPLITE IPPROTO_MPLS IPPROTO_ETHERNET
    IPPROTO_AGGFRAG IPPROTO_RAW IPPROTO_SMC IPPROTO_MPTCP);

/// Protocols of netlink.
pub static NETLINK_PROTOCOLS: Choices = choices!("NETLINK_???",
    NETLINK_ROUTE NETLINK_UNUSED NETLINK_USERSOCK NETLINK_FIREWALL NETLINK_SOCK_DIAG NETLINK_NFLOG NETLINK_XFRM
    NETLINK_SELINUX NETLINK_ISCSI NETLINK_AUDIT NETLINK_FIB_LOOKUP NETLINK_CONNECTOR NETLINK_NETFILTER
    NETLINK_IP6_FW NETLINK_DNRTMSG NETLINK_KOBJECT_UEVENT NETLINK_GENERIC NETLINK_SCSITRANSPORT NETLINK_ECRYPTFS
    NETLINK_RDMA NETLINK_CRYPTO NETLINK_SMC);

/// Protocols of CAN.
pub(super) static CAN_PROTOCOLS: Choices = choices!("CAN_???",
    CAN_RAW CAN_BCM CAN_TP16 CAN_TP20 CAN_MCNET CAN_ISOTP CAN_J1939);

/// `include/net/ax25.h`: the number says more than the name, as other protocols have the same.
pub(super) fn write_ax25_protocol(out: &mut Notation<'_>, protocol: u64) {
    const NAMES: &[(u64, &str)] = &[
        (0x01, "AX25_P_ROSE"),
        (0x06, "AX25_P_VJCOMP"),
        (0x07, "AX25_P_VJUNCOMP"),
        (0x08, "AX25_P_SEGMENT"),
        (0xc3, "AX25_P_TEXNET"),
        (0xc4, "AX25_P_LQ"),
        (0xca, "AX25_P_ATALK"),
        (0xcb, "AX25_P_ATALK_ARP"),
        (0xcc, "AX25_P_IP"),
        (0xcd, "AX25_P_ARP"),
        (0xce, "AX25_P_FLEXNET"),
        (0xcf, "AX25_P_NETROM"),
        (0xf0, "AX25_P_TEXT"),
    ];
    match protocol {
        0 => out.push(b'0'),
        _ => put!(out, "{protocol:#x}"),
    }
    if out.constants() != Constants::Raw {
        let known = NAMES.iter().find(|(number, _)| *number == protocol);
        put!(out, " /* {} */", known.map_or("AX25_P_???", |(_, name)| name));
    }
}

/// `include/net/bluetooth/bluetooth.h`
pub(super) static BLUETOOTH_PROTOCOLS: Choices = Choices {
    names: &[
        (0, "BTPROTO_L2CAP"),
        (1, "BTPROTO_HCI"),
        (2, "BTPROTO_SCO"),
        (3, "BTPROTO_RFCOMM"),
        (4, "BTPROTO_BNEP"),
        (5, "BTPROTO_CMTP"),
        (6, "BTPROTO_HIDP"),
        (7, "BTPROTO_AVDTP"),
        (8, "BTPROTO_ISO"),
    ],
    unknown: "BTPROTO_???",
};

/// linux/mISDNif.h, which is not among the headers for programs.
pub(super) static ISDN_PROTOCOLS: Choices = Choices {
    names: &[
        (0x00, "ISDN_P_BASE"),
        (0x01, "ISDN_P_TE_S0"),
        (0x02, "ISDN_P_NT_S0"),
        (0x03, "ISDN_P_TE_E1"),
        (0x04, "ISDN_P_NT_E1"),
        (0x10, "ISDN_P_LAPD_TE"),
        (0x11, "ISDN_P_LAPD_NT"),
        (0x21, "ISDN_P_B_RAW"),
        (0x22, "ISDN_P_B_HDLC"),
        (0x23, "ISDN_P_B_X75SLP"),
        (0x24, "ISDN_P_B_L2DTMF"),
        (0x25, "ISDN_P_B_L2DSP"),
        (0x26, "ISDN_P_B_L2DSPHDLC"),
    ],
    unknown: "ISDN_P_???",
};

pub(super) static PHONET_PROTOCOLS: Choices =
    choices!("PN_PROTO_???", PN_PROTO_TRANSPORT PN_PROTO_PHONET PN_PROTO_PIPE);

/// linux/caif/caif_socket.h
pub(super) static CAIF_PROTOCOLS: Choices = Choices {
    names: &[
        (0, "CAIFPROTO_AT"),
        (1, "CAIFPROTO_DATAGRAM"),
        (2, "CAIFPROTO_DATAGRAM_LOOP"),
        (3, "CAIFPROTO_UTIL"),
        (4, "CAIFPROTO_RFM"),
        (5, "CAIFPROTO_DEBUG"),
    ],
    unknown: "CAIFPROTO_???",
};

/// linux/nfc.h
pub(super) static NFC_PROTOCOLS: Choices =
    Choices { names: &[(0, "NFC_SOCKPROTO_RAW"), (1, "NFC_SOCKPROTO_LLCP")], unknown: "NFC_SOCKPROTO_???" };

pub(super) static KCM_PROTOCOLS: Choices = choices!("KCMPROTO_???", KCMPROTO_CONNECTED);

/// `net/smc/smc.h`
pub(super) static SMC_PROTOCOLS: Choices =
    Choices { names: &[(0, "SMCPROTO_SMC"), (1, "SMCPROTO_SMC6")], unknown: "SMCPROTO_???" };

/// Protocols of Ethernet frames.
pub(super) static ETHERNET_PROTOCOLS: Choices = choices!("ETH_P_???",
    ETH_P_LOOP ETH_P_PUP ETH_P_PUPAT ETH_P_TSN ETH_P_ERSPAN2 ETH_P_IP ETH_P_X25 ETH_P_ARP ETH_P_BPQ
    ETH_P_IEEEPUP ETH_P_IEEEPUPAT ETH_P_BATMAN ETH_P_DEC ETH_P_DNA_DL ETH_P_DNA_RC ETH_P_DNA_RT ETH_P_LAT
    ETH_P_DIAG ETH_P_CUST ETH_P_SCA ETH_P_TEB ETH_P_RARP ETH_P_ATALK ETH_P_AARP ETH_P_8021Q ETH_P_ERSPAN
    ETH_P_IPX ETH_P_IPV6 ETH_P_PAUSE ETH_P_SLOW ETH_P_WCCP ETH_P_MPLS_UC ETH_P_MPLS_MC ETH_P_ATMMPOA
    ETH_P_PPP_DISC ETH_P_PPP_SES ETH_P_LINK_CTL ETH_P_8021AC ETH_P_ATMFATE ETH_P_PAE ETH_P_PROFINET
    ETH_P_REALTEK ETH_P_AOE ETH_P_ETHERCAT ETH_P_8021AD ETH_P_802_EX1 ETH_P_MXLGSW ETH_P_PREAUTH ETH_P_TIPC
    ETH_P_LLDP ETH_P_MRP ETH_P_MACSEC ETH_P_8021AH ETH_P_MVRP ETH_P_1588 ETH_P_NCSI ETH_P_PRP ETH_P_CFM
    ETH_P_FCOE ETH_P_IBOE ETH_P_TDLS ETH_P_FIP ETH_P_80221 ETH_P_HSR ETH_P_NSH ETH_P_LOOPBACK ETH_P_QINQ1
    ETH_P_QINQ2 ETH_P_QINQ3 ETH_P_YT921X ETH_P_EDSA ETH_P_DSA_8021Q ETH_P_DSA_A5PSW ETH_P_IFE ETH_P_AF_IUCV
    ETH_P_NXP_NETC ETH_P_802_3_MIN ETH_P_802_3 ETH_P_AX25 ETH_P_ALL ETH_P_802_2 ETH_P_SNAP ETH_P_DDCMP
    ETH_P_WAN_PPP ETH_P_PPP_MP ETH_P_LOCALTALK ETH_P_CAN ETH_P_CANFD ETH_P_CANXL ETH_P_PPPTALK
    ETH_P_TR_802_2 ETH_P_MOBITEX ETH_P_CONTROL ETH_P_IRDA ETH_P_ECONET ETH_P_HDLC ETH_P_ARCNET ETH_P_DSA
    ETH_P_TRAILER ETH_P_PHONET ETH_P_IEEE802154 ETH_P_CAIF ETH_P_XDSA ETH_P_MAP ETH_P_MCTP ETH_P_GRE_OSI);

/// Kinds of hardware.
pub(super) static HARDWARE: Choices = choices!("ARPHRD_???",
    ARPHRD_NETROM ARPHRD_ETHER ARPHRD_EETHER ARPHRD_AX25 ARPHRD_PRONET ARPHRD_CHAOS ARPHRD_IEEE802 ARPHRD_ARCNET
    ARPHRD_APPLETLK ARPHRD_DLCI ARPHRD_ATM ARPHRD_METRICOM ARPHRD_IEEE1394 ARPHRD_EUI64 ARPHRD_INFINIBAND
    ARPHRD_SLIP ARPHRD_CSLIP ARPHRD_SLIP6 ARPHRD_CSLIP6 ARPHRD_RSRVD ARPHRD_ADAPT ARPHRD_ROSE ARPHRD_X25
    ARPHRD_HWX25 ARPHRD_CAN ARPHRD_MCTP ARPHRD_PPP ARPHRD_CISCO ARPHRD_LAPB ARPHRD_DDCMP ARPHRD_RAWHDLC
    ARPHRD_RAWIP ARPHRD_TUNNEL ARPHRD_TUNNEL6 ARPHRD_FRAD ARPHRD_SKIP ARPHRD_LOOPBACK ARPHRD_LOCALTLK
    ARPHRD_FDDI ARPHRD_BIF ARPHRD_SIT ARPHRD_IPDDP ARPHRD_IPGRE ARPHRD_PIMREG ARPHRD_HIPPI ARPHRD_ASH
    ARPHRD_ECONET ARPHRD_IRDA ARPHRD_FCPP ARPHRD_FCAL ARPHRD_FCPL ARPHRD_FCFABRIC ARPHRD_IEEE802_TR
    ARPHRD_IEEE80211 ARPHRD_IEEE80211_PRISM ARPHRD_IEEE80211_RADIOTAP ARPHRD_IEEE802154
    ARPHRD_IEEE802154_MONITOR ARPHRD_PHONET ARPHRD_PHONET_PIPE ARPHRD_CAIF ARPHRD_IP6GRE ARPHRD_NETLINK
    ARPHRD_6LOWPAN ARPHRD_VSOCKMON ARPHRD_VOID ARPHRD_NONE);

/// Kinds of packets.
pub(super) static PACKET_TYPES: Choices = choices!("PACKET_???",
    PACKET_HOST PACKET_BROADCAST PACKET_MULTICAST PACKET_OTHERHOST PACKET_OUTGOING PACKET_LOOPBACK PACKET_USER
    PACKET_KERNEL);

/// Kernel-internal, `include/linux/socket.h`.
const MSG_PROBE: u64 = 0x10;
const MSG_SENDPAGE_NOTLAST: u64 = 0x20000;
const MSG_NO_SHARED_FRAGS: u64 = 0x80000;
const MSG_SOCK_DEVMEM: u64 = 0x200_0000;
const MSG_CMSG_COMPAT: u64 = 0x8000_0000;

/// Flags of sending and receiving.
pub(super) static MESSAGE_FLAGS: FlagSet = FlagSet {
    choice: None,
    names: &{
        macro_rules! named {
            ($($name:ident)*) => {{
                #[allow(unused_imports, reason = "some are those of this file")]
                use crate::uapi::*;
                [$(($name, stringify!($name))),*]
            }};
        }
        named!(MSG_OOB MSG_PEEK MSG_DONTROUTE MSG_CTRUNC MSG_PROBE MSG_TRUNC MSG_DONTWAIT MSG_EOR MSG_WAITALL
            MSG_FIN MSG_SYN MSG_CONFIRM MSG_RST MSG_ERRQUEUE MSG_NOSIGNAL MSG_MORE MSG_WAITFORONE
            MSG_SENDPAGE_NOTLAST MSG_BATCH MSG_NO_SHARED_FRAGS MSG_SOCK_DEVMEM MSG_ZEROCOPY MSG_FASTOPEN
            MSG_CMSG_CLOEXEC MSG_CMSG_COMPAT)
    },
    unknown: "MSG_???",
};
