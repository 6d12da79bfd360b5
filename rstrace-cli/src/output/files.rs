//! What a descriptor is, in strace's notation: `3</etc/passwd>`.

use std::io::Write;

use rstrace_core::file::{Addresses, Ends, File, Kind};
use rstrace_probes::NETLINK_PROTOCOLS;

use super::prefix::write_name;
use super::quote::{escaped, quoted};

/// What is told of descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Files {
    /// Paths, and what other files have instead; the working directory.
    pub path: bool,
    /// Protocols and addresses of sockets.
    pub socket: bool,
    /// Numbers of devices.
    pub device: bool,
    /// The processes of pidfds.
    pub pidfd: bool,
}

impl Files {
    /// Nothing.
    pub const NONE: Self = Self { path: false, socket: false, device: false, pidfd: false };

    /// Whether anything is told.
    pub fn any(self) -> bool {
        self != Self::NONE
    }

    /// Appends what a descriptor is, if it is of a kind that is told and all of that is known. `name` is room for
    /// a name.
    pub fn write(self, out: &mut Vec<u8>, file: File<'_>, name: &mut Vec<u8>) {
        let kind = file.kind();
        let device = file.device().filter(|_| self.device);
        name.clear();
        match kind {
            Some(Kind::Socket(Some(ends))) if self.socket && write_ends(name, ends, file.inode()) => {
                out.push(b'<');
                out.append(name);
                out.push(b'>');
                return;
            }
            Some(Kind::Socket(_)) if self.socket => {}
            Some(Kind::Anonymous(b"[pidfd]")) if self.pidfd => {
                if let Some(pid) = file.pid() {
                    let _ = write!(out, "<pid:{pid}");
                    if let Some(process) = file.process_name() {
                        write_name(out, process);
                    }
                    out.push(b'>');
                    return;
                }
            }
            _ if !self.path && device.is_none() => return,
            _ => {}
        }
        name.clear();
        if !file.write_name(name) {
            return;
        }
        out.push(b'<');
        escaped(out, name);
        if let Some((is_block, major, minor)) = device {
            let _ = write!(out, "<{} {major}:{minor}>", if is_block { "block" } else { "char" });
        }
        out.push(b'>');
        if file.is_deleted() {
            out.extend_from_slice(b"(deleted)");
        }
    }

    /// Appends what `AT_FDCWD` stands for.
    pub fn write_directory(self, out: &mut Vec<u8>, file: File<'_>, name: &mut Vec<u8>) {
        name.clear();
        if !self.path || !file.write_name(name) {
            return;
        }
        out.push(b'<');
        escaped(out, name);
        if file.is_deleted() {
            out.extend_from_slice(b" (deleted)");
        }
        out.push(b'>');
    }
}

/// The protocol of a socket, if its ends are told.
pub fn protocol(ends: Ends<'_>) -> Option<&'static str> {
    let is_six = i32::from(ends.family()) == libc::AF_INET6;
    let of = |four, six| if is_six { six } else { four };
    Some(match (i32::from(ends.family()), i32::from(ends.kind()), i32::from(ends.protocol())) {
        (libc::AF_INET | libc::AF_INET6, libc::SOCK_RAW, _) => of("RAW", "RAWv6"),
        (libc::AF_INET | libc::AF_INET6, _, libc::IPPROTO_TCP) => of("TCP", "TCPv6"),
        (libc::AF_INET | libc::AF_INET6, _, libc::IPPROTO_UDP) => of("UDP", "UDPv6"),
        (libc::AF_INET | libc::AF_INET6, _, libc::IPPROTO_UDPLITE) => of("UDPLITE", "UDPLITEv6"),
        (libc::AF_UNIX, libc::SOCK_STREAM, _) => "UNIX-STREAM",
        (libc::AF_UNIX, ..) => "UNIX",
        (libc::AF_NETLINK, ..) => "NETLINK",
        _ => return None,
    })
}

/// The name of a netlink family without what all have.
pub fn netlink_family(ends: Ends<'_>) -> Option<&'static str> {
    NETLINK_PROTOCOLS.name(ends.protocol().into())?.strip_prefix("NETLINK_")
}

/// Appends where a socket is; nothing and `false`, if its protocol is not told.
fn write_ends(out: &mut Vec<u8>, ends: Ends<'_>, inode: u64) -> bool {
    let Some(protocol) = protocol(ends) else { return false };
    let _ = match ends.addresses() {
        Addresses::None => write!(out, "{protocol}:[{inode}]"),
        Addresses::Internet(here, None) => write!(out, "{protocol}:[{here}]"),
        Addresses::Internet(here, Some(there)) => write!(out, "{protocol}:[{here}->{there}]"),
        Addresses::Netlink(port) => match netlink_family(ends) {
            Some(family) => write!(out, "{protocol}:[{family}:{port}]"),
            None => write!(out, "{protocol}:[{}:{port}]", ends.protocol()),
        },
        Addresses::Unix { peer, name } => {
            let _ = write!(out, "{protocol}:[{inode}");
            if let Some(peer) = peer {
                let _ = write!(out, "->{peer}");
            }
            match name {
                [] => {}
                [0, name @ ..] => {
                    out.extend_from_slice(b",@");
                    quoted(out, name);
                }
                path => {
                    out.push(b',');
                    quoted(out, path.split(|byte| *byte == 0).next().unwrap_or(path));
                }
            }
            out.push(b']');
            Ok(())
        }
    };
    true
}
