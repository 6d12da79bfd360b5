//! How numbers and bytes of the network are written: ports, addresses, interfaces.

use std::net::{Ipv4Addr, Ipv6Addr};

use rstrace_core::describe::{Constants, Meaning, Notation, Type, Width};

/// Formats into the line's bytes. Writing to a vector cannot fail.
macro_rules! put {
    ($out:expr, $($format:tt)*) => {{ let _ = std::io::Write::write_fmt($out, format_args!($($format)*)); }};
}
pub(super) use put;

/// Appends bytes of the network: as they are in hex, or what they mean.
pub(super) fn write_bytes(out: &mut Notation<'_>, bytes: &[u8], meaning: impl FnOnce(&mut Notation<'_>)) {
    out.constant(|out| write_escaped(out, bytes), meaning);
}

/// Bytes in quotes, each in hex.
pub(super) fn write_escaped(out: &mut Notation<'_>, bytes: &[u8]) {
    out.push(b'"');
    bytes.iter().for_each(|byte| put!(out, "\\x{byte:02x}"));
    out.push(b'"');
}

/// `htons(80)`, of a number in the host's order.
pub(super) fn write_htons(out: &mut Notation<'_>, number: u64) {
    let number = number as u16;
    write_bytes(out, &number.to_be_bytes(), |out| put!(out, "htons({number})"));
}

/// `htonl(5)`, of a number in the host's order.
pub(super) fn write_htonl(out: &mut Notation<'_>, number: u64) {
    let number = number as u32;
    write_bytes(out, &number.to_be_bytes(), |out| put!(out, "htonl({number})"));
}

/// `htons(80)`, in memory.
pub(in crate::syscall::table) const PORT: Type = Type::Number(Width::Be16, Meaning::Written(write_htons));

/// `inet_addr("127.0.0.1")`: the number as a processor of the host's order reads it.
pub(super) fn write_ipv4(out: &mut Notation<'_>, number: u64) {
    let bytes = (number as u32).to_ne_bytes();
    write_bytes(out, &bytes, |out| {
        out.push_text("inet_addr(");
        out.quoted(Ipv4Addr::from(bytes).to_string().as_bytes());
        out.push(b')');
    });
}

/// An address of IPv4, in memory.
pub(in crate::syscall::table) const IPV4: Type = Type::Number(Width::U32, Meaning::Written(write_ipv4));

/// `inet_pton(AF_INET6, "::1")`; what is too short is nothing.
pub(super) fn write_ipv6(out: &mut Notation<'_>, bytes: &[u8]) {
    ipv6(out, bytes, None);
}

/// `inet_pton(AF_INET6, "::1", &sin6_addr)`
pub(super) fn write_sin6_addr(out: &mut Notation<'_>, bytes: &[u8]) {
    ipv6(out, bytes, Some("sin6_addr"));
}

/// `inet_pton(AF_INET6, "::1", &ipv6mr_multiaddr)`
pub(super) fn write_ipv6mr_multiaddr(out: &mut Notation<'_>, bytes: &[u8]) {
    ipv6(out, bytes, Some("ipv6mr_multiaddr"));
}

/// `inet_pton(AF_INET6, "::1", &idiag_src)`
pub(super) fn write_idiag_src(out: &mut Notation<'_>, bytes: &[u8]) {
    ipv6(out, bytes, Some("idiag_src"));
}

/// `inet_pton(AF_INET6, "::1", &idiag_dst)`
pub(super) fn write_idiag_dst(out: &mut Notation<'_>, bytes: &[u8]) {
    ipv6(out, bytes, Some("idiag_dst"));
}

/// An address, and the member that it is: that is an argument of the call that stands for it, or else before the bytes.
fn ipv6(out: &mut Notation<'_>, bytes: &[u8], member: Option<&str>) {
    let Some(bytes) = bytes.first_chunk::<16>() else { return };
    let is_call = out.constants() == Constants::Abbrev;
    if let (Some(member), false) = (member, is_call) {
        put!(out, "{member}=");
    }
    let address = Ipv6Addr::from(*bytes);
    let text = match address.to_ipv4() {
        // the C library writes the deprecated compatible addresses as it does the mapped ones
        Some(four) if address.segments()[5] == 0 && four.octets()[..2] != [0, 0] => format!("::{four}"),
        _ => address.to_string(),
    };
    write_bytes(out, bytes, |out| {
        out.push_text("inet_pton(AF_INET6, ");
        out.quoted(text.as_bytes());
        if let (Some(member), true) = (member, is_call) {
            put!(out, ", &{member}");
        }
        out.push(b')');
    });
}

/// `if_nametoindex("lo")`, or the number if this machine has no such interface (any more).
pub(super) fn write_interface(out: &mut Notation<'_>, index: u64) {
    let name = u32::try_from(index).ok().filter(|index| *index != 0).map(nix::net::if_::if_indextoname);
    let number = |out: &mut Notation<'_>| put!(out, "{}", index as u32);
    match name {
        // of an interface that does not exist nix may say that it has no name
        Some(Ok(name)) if !name.is_empty() => out.constant(number, |out| {
            out.push_text("if_nametoindex(");
            out.quoted(name.as_bytes());
            out.push(b')');
        }),
        _ => number(out),
    }
}

/// An interface by its number.
pub(in crate::syscall::table) const INTERFACE: Type =
    Type::Number(Width::U32, Meaning::Written(write_interface));

/// `01:02:03:04:05:06`
pub(in crate::syscall::table) fn write_hardware_address(out: &mut Notation<'_>, bytes: &[u8]) {
    write_bytes(out, bytes, |out| {
        for (place, byte) in bytes.iter().enumerate() {
            put!(out, "{}{byte:02x}", if place == 0 { "" } else { ":" });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_the_c_library_does() {
        let written = |bytes: [u16; 8]| {
            let mut out = Vec::new();
            write_ipv6(&mut Notation::plain(&mut out), &bytes.map(u16::to_be_bytes).concat());
            String::from_utf8(out).expect("ASCII")
        };
        assert_eq!(written([0, 0, 0, 0, 0, 0, 0, 1]), r#"inet_pton(AF_INET6, "::1")"#);
        assert_eq!(written([0, 0, 0, 0, 0, 0xffff, 0xa00, 1]), r#"inet_pton(AF_INET6, "::ffff:10.0.0.1")"#);
        assert_eq!(written([0, 0, 0, 0, 0, 0, 0xa00, 1]), r#"inet_pton(AF_INET6, "::10.0.0.1")"#);
        assert_eq!(written([0xfe80, 0, 0, 0, 0, 0, 0, 1]), r#"inet_pton(AF_INET6, "fe80::1")"#);
    }
}
