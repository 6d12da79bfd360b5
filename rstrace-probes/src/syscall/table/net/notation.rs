//! How numbers and bytes of the network are written: ports, addresses, interfaces.

use std::net::{Ipv4Addr, Ipv6Addr};

use rstrace_core::describe::{Meaning, Type, Width};

/// Formats into the line's bytes. Writing to a vector cannot fail.
macro_rules! put {
    ($out:expr, $($format:tt)*) => {{ let _ = std::io::Write::write_fmt($out, format_args!($($format)*)); }};
}
pub(super) use put;

/// `htons(80)`, of a number in the host's order.
pub(super) fn write_htons(out: &mut Vec<u8>, number: u64) {
    put!(out, "htons({})", number as u16);
}

/// `htonl(5)`, of a number in the host's order.
pub(super) fn write_htonl(out: &mut Vec<u8>, number: u64) {
    put!(out, "htonl({})", number as u32);
}

/// `htons(80)`, in memory.
pub(super) const PORT: Type = Type::Number(Width::Be16, Meaning::Written(write_htons));

/// `inet_addr("127.0.0.1")`: the number as a processor of the host's order reads it.
pub(super) fn write_ipv4(out: &mut Vec<u8>, number: u64) {
    put!(out, "inet_addr(\"{}\")", Ipv4Addr::from((number as u32).to_ne_bytes()));
}

/// An address of IPv4, in memory.
pub(super) const IPV4: Type = Type::Number(Width::U32, Meaning::Written(write_ipv4));

/// `inet_pton(AF_INET6, "::1")`; what is too short is nothing.
pub(super) fn write_ipv6(out: &mut Vec<u8>, bytes: &[u8]) {
    ipv6(out, bytes, "");
}

/// `inet_pton(AF_INET6, "::1", &sin6_addr)`
pub(super) fn write_sin6_addr(out: &mut Vec<u8>, bytes: &[u8]) {
    ipv6(out, bytes, ", &sin6_addr");
}

/// `inet_pton(AF_INET6, "::1", &ipv6mr_multiaddr)`
pub(super) fn write_ipv6mr_multiaddr(out: &mut Vec<u8>, bytes: &[u8]) {
    ipv6(out, bytes, ", &ipv6mr_multiaddr");
}

/// `inet_pton(AF_INET6, "::1", &idiag_src)`
pub(super) fn write_idiag_src(out: &mut Vec<u8>, bytes: &[u8]) {
    ipv6(out, bytes, ", &idiag_src");
}

/// `inet_pton(AF_INET6, "::1", &idiag_dst)`
pub(super) fn write_idiag_dst(out: &mut Vec<u8>, bytes: &[u8]) {
    ipv6(out, bytes, ", &idiag_dst");
}

fn ipv6(out: &mut Vec<u8>, bytes: &[u8], rest: &str) {
    if let Some(bytes) = bytes.first_chunk::<16>() {
        let address = Ipv6Addr::from(*bytes);
        // the C library writes the deprecated compatible addresses as it does the mapped ones
        match address.to_ipv4() {
            Some(four) if address.segments()[5] == 0 && four.octets()[..2] != [0, 0] => {
                put!(out, "inet_pton(AF_INET6, \"::{four}\"{rest})");
            }
            _ => put!(out, "inet_pton(AF_INET6, \"{address}\"{rest})"),
        }
    }
}

/// `if_nametoindex("lo")`, or the number if this machine has no such interface (any more).
pub(super) fn write_interface(out: &mut Vec<u8>, index: u64) {
    let name = u32::try_from(index).ok().filter(|index| *index != 0).map(nix::net::if_::if_indextoname);
    match name {
        // of an interface that does not exist nix may say that it has no name
        Some(Ok(name)) if !name.is_empty() => {
            out.extend_from_slice(b"if_nametoindex(\"");
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\")");
        }
        _ => put!(out, "{}", index as i32),
    }
}

/// An interface by its number.
pub(in crate::syscall::table) const INTERFACE: Type =
    Type::Number(Width::U32, Meaning::Written(write_interface));

/// `01:02:03:04:05:06`
pub(super) fn write_hardware_address(out: &mut Vec<u8>, bytes: &[u8]) {
    for (place, byte) in bytes.iter().enumerate() {
        put!(out, "{}{byte:02x}", if place == 0 { "" } else { ":" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_the_c_library_does() {
        let written = |bytes: [u16; 8]| {
            let mut out = Vec::new();
            write_ipv6(&mut out, &bytes.map(u16::to_be_bytes).concat());
            String::from_utf8(out).expect("ASCII")
        };
        assert_eq!(written([0, 0, 0, 0, 0, 0, 0, 1]), r#"inet_pton(AF_INET6, "::1")"#);
        assert_eq!(written([0, 0, 0, 0, 0, 0xffff, 0xa00, 1]), r#"inet_pton(AF_INET6, "::ffff:10.0.0.1")"#);
        assert_eq!(written([0, 0, 0, 0, 0, 0, 0xa00, 1]), r#"inet_pton(AF_INET6, "::10.0.0.1")"#);
        assert_eq!(written([0xfe80, 0, 0, 0, 0, 0, 0, 1]), r#"inet_pton(AF_INET6, "fe80::1")"#);
    }
}
