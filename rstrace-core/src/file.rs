//! What a descriptor is, as the kernel side found it in the thread's table of files at the moment of the call.
//!
//! Layout: `struct file_info` in `probes-bpf/src/bpf/record.h`, then what its kind says.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rstrace_probes_bpf::layout;

use crate::event::text_of;
use crate::way::{Standing, Way};

/// An open file, by what was captured of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File<'a> {
    bytes: &'a [u8],
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<'a> {
    /// It has a path, in the mount namespace of who opened it.
    InTree(Way<'a>),
    /// It never was in a directory and has but a name, as those of `memfd_create(2)`.
    OfNoTree(&'a [u8]),
    /// A pipe without a name.
    Pipe,
    /// A socket, and its ends if they could be read.
    Socket(Option<Ends<'a>>),
    /// One of the kernel's objects that are used by descriptors, as the name of its kind says: `[eventfd]`.
    Anonymous(&'a [u8]),
    /// A namespace of this kind.
    Namespace(&'a [u8]),
}

/// The ends of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends<'a> {
    bytes: &'a [u8],
}

/// Where a socket is, and where the one is that it is connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addresses<'a> {
    /// It has no address that is known.
    None,
    /// Of an internet protocol.
    Internet(SocketAddr, Option<SocketAddr>),
    /// Of the unix family.
    Unix {
        /// The inode of the socket that it is connected to, if somebody has that open.
        peer: Option<u64>,
        /// Its name: a path, or a zero byte and a name.
        name: &'a [u8],
    },
    /// Of netlink: its port.
    Netlink(u32),
}

/// Sizes and places in what the kernel side writes.
mod place {
    pub const KIND: usize = 0;
    pub const MODE: usize = 4;
    pub const INODE: usize = 8;
    pub const DEVICE: usize = 16;
    pub const PID: usize = 20;
    pub const REST: usize = 24;
    pub const FAMILY: usize = 0;
    pub const TYPE: usize = 2;
    pub const PROTOCOL: usize = 4;
    pub const STATE: usize = 6;
    pub const PORT: usize = 8;
    pub const PEER_PORT: usize = 10;
    pub const PORT_ID: usize = 12;
    pub const ADDRESS: usize = 16;
    pub const PEER_ADDRESS: usize = 32;
    pub const PEER: usize = 48;
    pub const NAME_LEN: usize = 56;
    pub const NAME: usize = 64;
}

/// `TCP_CLOSE`: not connected, and nobody listens.
const CLOSED: u16 = 7;

fn number<const N: usize>(bytes: &[u8], place: usize) -> [u8; N] {
    bytes.get(place..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

impl<'a> File<'a> {
    /// From the payload of a capture; `None` if that is not whole.
    pub fn from_payload(bytes: &'a [u8]) -> Option<Self> {
        (bytes.len() >= place::REST).then_some(Self { bytes })
    }

    /// What it is; `None` if that is not known.
    pub fn kind(self) -> Option<Kind<'a>> {
        let rest = self.bytes.get(place::REST..)?;
        Some(match u32::from_ne_bytes(number(self.bytes, place::KIND)) {
            layout::FILE_IN_TREE => Kind::InTree(Way::from_payload(rest)),
            layout::FILE_OF_NO_TREE if !rest.is_empty() => Kind::OfNoTree(rest),
            layout::FILE_PIPE => Kind::Pipe,
            layout::FILE_SOCKET => Kind::Socket((rest.len() >= place::NAME).then_some(Ends { bytes: rest })),
            layout::FILE_ANONYMOUS if !rest.is_empty() => Kind::Anonymous(text_of(rest)),
            layout::FILE_NAMESPACE if !rest.is_empty() => Kind::Namespace(rest),
            _ => return None,
        })
    }

    /// Its inode's number.
    pub fn inode(self) -> u64 {
        u64::from_ne_bytes(number(self.bytes, place::INODE))
    }

    /// Of a device file: whether it is a block device, and the numbers of the device, as `makedev(3)` takes them.
    pub fn device(self) -> Option<(bool, u32, u32)> {
        /// Bits of the minor number in the kernel's own.
        const MINOR_BITS: u32 = 20;
        let mode = u32::from_ne_bytes(number(self.bytes, place::MODE));
        let is_block = match mode & libc::S_IFMT {
            libc::S_IFBLK => true,
            libc::S_IFCHR => false,
            _ => return None,
        };
        let device = u32::from_ne_bytes(number(self.bytes, place::DEVICE));
        Some((is_block, device >> MINOR_BITS, device & ((1 << MINOR_BITS) - 1)))
    }

    /// Of a pidfd: the process, in the initial PID namespace, unless it has been waited for.
    pub fn pid(self) -> Option<u32> {
        match u32::from_ne_bytes(number(self.bytes, place::PID)) {
            0 => None,
            pid => Some(pid),
        }
    }

    /// Of a pidfd: that process's name, if names were asked for.
    pub fn process_name(self) -> Option<&'a [u8]> {
        let rest = self.bytes.get(place::REST..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        self.pid().map(|_| text_of(&rest[end + 1..]))
    }

    /// Whether it is in no directory any more, or never was.
    pub fn is_deleted(self) -> bool {
        match self.kind() {
            Some(Kind::InTree(way)) => way.is_deleted(),
            Some(Kind::OfNoTree(_)) => true,
            _ => false,
        }
    }

    /// Appends what `/proc/PID/fd` says of it, without ` (deleted)`. If not all of that is known, nothing, and
    /// `false`.
    pub fn write_name(self, out: &mut Vec<u8>) -> bool {
        let inode = self.inode();
        let result = match self.kind() {
            Some(Kind::InTree(way)) => match way.standing() {
                Standing::Cut | Standing::Nothing => return false,
                Standing::Whole | Standing::Deleted | Standing::Detached => {
                    let begin = out.len();
                    way.write(out);
                    if out.len() == begin {
                        out.push(b'/');
                    }
                    // more than that cannot be asked for by the kernel's own interface
                    if out.len() - begin >= crate::probe::PATH_MAX as usize {
                        out.truncate(begin);
                        return false;
                    }
                    return true;
                }
            },
            Some(Kind::OfNoTree(name)) => {
                out.push(b'/');
                out.extend_from_slice(name);
                return true;
            }
            Some(Kind::Anonymous(name)) => {
                out.extend_from_slice(b"anon_inode:");
                out.extend_from_slice(name);
                return true;
            }
            Some(Kind::Pipe) => write!(out, "pipe:[{inode}]"),
            Some(Kind::Socket(_)) => write!(out, "socket:[{inode}]"),
            Some(Kind::Namespace(name)) => {
                out.extend_from_slice(name);
                write!(out, ":[{inode}]")
            }
            None => return false,
        };
        result.is_ok()
    }
}

impl<'a> Ends<'a> {
    fn half(self, place: usize) -> u16 {
        u16::from_ne_bytes(number(self.bytes, place))
    }

    /// Its address family.
    pub fn family(self) -> u16 {
        self.half(place::FAMILY)
    }

    /// Its protocol, by number.
    pub fn protocol(self) -> u16 {
        self.half(place::PROTOCOL)
    }

    /// Its type, as `SOCK_STREAM`.
    pub fn kind(self) -> u16 {
        self.half(place::TYPE)
    }

    fn socket_address(self, address: usize, port: u16) -> SocketAddr {
        let ip: IpAddr = match i32::from(self.family()) {
            libc::AF_INET => Ipv4Addr::from(number::<4>(self.bytes, address)).into(),
            _ => Ipv6Addr::from(number::<16>(self.bytes, address)).into(),
        };
        SocketAddr::new(ip, port)
    }

    /// Where it is, and where its peer.
    pub fn addresses(self) -> Addresses<'a> {
        match i32::from(self.family()) {
            libc::AF_INET | libc::AF_INET6 => {
                let (port, peer_port) = (self.half(place::PORT), self.half(place::PEER_PORT));
                let has_ports = matches!(
                    i32::from(self.protocol()),
                    libc::IPPROTO_TCP | libc::IPPROTO_UDP | libc::IPPROTO_UDPLITE
                );
                if !has_ports || port == 0 {
                    return Addresses::None;
                }
                // where a connection was that is over means nothing
                let is_over =
                    i32::from(self.protocol()) == libc::IPPROTO_TCP && self.half(place::STATE) == CLOSED;
                let peer = self.socket_address(place::PEER_ADDRESS, peer_port);
                let peer = (peer_port != 0 && !is_over).then_some(peer);
                Addresses::Internet(self.socket_address(place::ADDRESS, port), peer)
            }
            libc::AF_UNIX => {
                let peer = u64::from_ne_bytes(number(self.bytes, place::PEER));
                let len = u32::from_ne_bytes(number(self.bytes, place::NAME_LEN)) as usize;
                let name = self.bytes.get(place::NAME..place::NAME + len).unwrap_or(&[]);
                Addresses::Unix { peer: (peer != 0).then_some(peer), name }
            }
            libc::AF_NETLINK => match u32::from_ne_bytes(number(self.bytes, place::PORT_ID)) {
                0 => Addresses::None,
                port => Addresses::Netlink(port),
            },
            _ => Addresses::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(kind: u32, mode: u32, inode: u64, device: u32, pid: u32, rest: &[u8]) -> Vec<u8> {
        let head = [kind.to_ne_bytes(), mode.to_ne_bytes()].concat();
        let tail = [device.to_ne_bytes(), pid.to_ne_bytes()].concat();
        [&head, &inode.to_ne_bytes()[..], &tail, rest].concat()
    }

    fn named(bytes: &[u8]) -> Option<String> {
        let mut name = Vec::new();
        File::from_payload(bytes)?.write_name(&mut name).then(|| String::from_utf8(name).unwrap())
    }

    #[test]
    fn names_are_those_of_proc() {
        for (kind, rest, name) in [
            (layout::FILE_IN_TREE, &b"\0f\0tmp\0"[..], Some("/tmp/f")),
            (layout::FILE_IN_TREE, b"\0", Some("/")),
            (layout::FILE_IN_TREE, b"\x01f\0tmp\0", Some("/tmp/f")),
            (layout::FILE_IN_TREE, b"\x04f\0", None),
            (layout::FILE_IN_TREE, b"\x08", None),
            (layout::FILE_OF_NO_TREE, b"memfd:x", Some("/memfd:x")),
            (layout::FILE_PIPE, b"", Some("pipe:[7]")),
            (layout::FILE_SOCKET, b"", Some("socket:[7]")),
            (layout::FILE_ANONYMOUS, b"[eventfd]", Some("anon_inode:[eventfd]")),
            (layout::FILE_ANONYMOUS, b"", None),
            (layout::FILE_OF_NO_TREE, b"", None),
            (layout::FILE_NAMESPACE, b"net", Some("net:[7]")),
            (layout::FILE_NAMESPACE, b"", None),
            (0, b"", None),
            (99, b"", None),
        ] {
            assert_eq!(named(&file(kind, 0, 7, 0, 0, rest)).as_deref(), name, "{kind} {rest:?}");
        }
        assert_eq!(named(b"short"), None);
        let long: Vec<u8> = std::iter::once(0).chain(b"0123456\0".repeat(600)).collect();
        assert_eq!(named(&file(layout::FILE_IN_TREE, 0, 7, 0, 0, &long)), None);
    }

    #[test]
    fn what_is_deleted_says_so() {
        let is_deleted =
            |kind, rest: &[u8]| File::from_payload(&file(kind, 0, 7, 0, 0, rest)).unwrap().is_deleted();
        assert!(is_deleted(layout::FILE_IN_TREE, b"\x03f\0"));
        assert!(is_deleted(layout::FILE_OF_NO_TREE, b"memfd:x"));
        assert!(!is_deleted(layout::FILE_IN_TREE, b"\x02f\0") && !is_deleted(layout::FILE_PIPE, b""));
    }

    #[test]
    fn devices_have_numbers() {
        let device = |mode| {
            let bytes = file(layout::FILE_IN_TREE, mode, 7, 259 << 20 | 0x12345, 0, b"\0");
            File::from_payload(&bytes).unwrap().device()
        };
        assert_eq!(device(libc::S_IFCHR | 0o600), Some((false, 259, 0x12345)));
        assert_eq!(device(libc::S_IFBLK), Some((true, 259, 0x12345)));
        assert_eq!(device(libc::S_IFREG), None);
    }

    /// `struct socket_ends` with these halves, addresses, inode of a peer and name.
    fn ends(halves: [u16; 6], port_id: u32, addresses: [[u8; 16]; 2], peer: u64, name: &[u8]) -> Vec<u8> {
        let mut bytes: Vec<u8> = halves.iter().flat_map(|half| half.to_ne_bytes()).collect();
        bytes.extend(port_id.to_ne_bytes());
        bytes.extend(addresses.concat());
        bytes.extend(peer.to_ne_bytes());
        bytes.extend((name.len() as u32).to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(name);
        bytes
    }

    fn addresses(ends: &[u8]) -> String {
        let bytes = file(layout::FILE_SOCKET, 0, 7, 0, 0, ends);
        match File::from_payload(&bytes).unwrap().kind() {
            Some(Kind::Socket(Some(ends))) => format!("{:?}", ends.addresses()),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn sockets_have_ends() {
        let mut four = [0; 16];
        four[..4].copy_from_slice(&[127, 0, 0, 1]);
        let mut six = [0; 16];
        six[15] = 1;
        let internet = |family: i32, protocol: i32, state, ports: [u16; 2], address| {
            let halves = [family as u16, 1, protocol as u16, state, ports[0], ports[1]];
            addresses(&ends(halves, 0, [address; 2], 0, b""))
        };
        let tcp = libc::IPPROTO_TCP;
        assert_eq!(internet(libc::AF_INET, tcp, 10, [80, 0], four), "Internet(127.0.0.1:80, None)");
        assert_eq!(internet(libc::AF_INET6, tcp, 1, [80, 9], six), "Internet([::1]:80, Some([::1]:9))");
        // a connection that is over
        assert_eq!(internet(libc::AF_INET, tcp, CLOSED, [80, 9], four), "Internet(127.0.0.1:80, None)");
        assert_eq!(internet(libc::AF_INET, tcp, CLOSED, [0, 0], four), "None");
        let udp = internet(libc::AF_INET, libc::IPPROTO_UDP, CLOSED, [80, 9], four);
        assert_eq!(udp, "Internet(127.0.0.1:80, Some(127.0.0.1:9))");
        assert_eq!(internet(libc::AF_INET, libc::IPPROTO_ICMP, CLOSED, [1, 0], four), "None");

        let unix = [libc::AF_UNIX as u16, 1, 0, 1, 0, 0];
        let named = addresses(&ends(unix, 0, [[0; 16]; 2], 5, b"/s"));
        assert_eq!(named, "Unix { peer: Some(5), name: [47, 115] }");
        assert_eq!(addresses(&ends(unix, 0, [[0; 16]; 2], 0, b"")), "Unix { peer: None, name: [] }");
        let netlink = [libc::AF_NETLINK as u16, 3, 0, 0, 0, 0];
        assert_eq!(addresses(&ends(netlink, 9, [[0; 16]; 2], 0, b"")), "Netlink(9)");
        assert_eq!(addresses(&ends(netlink, 0, [[0; 16]; 2], 0, b"")), "None");
        assert_eq!(addresses(&ends(netlink, 9, [[0; 16]; 2], 0, b"")[..60]), "Some(Socket(None))");
    }
}
