//! The names of the generic families: their numbers are given out while the kernel runs, so it is asked for them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::os::fd::AsRawFd;
use std::rc::Rc;

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

use crate::uapi::*;

/// Bytes of `struct nlmsghdr`, of `struct genlmsghdr` and of `struct nlattr`.
const HEADER: usize = 16;
const GENERIC_HEADER: usize = 4;
const ATTRIBUTE: usize = 4;

thread_local! {
    /// What is known; none is the name of a number that no family had when it was asked for.
    static KNOWN: RefCell<HashMap<u16, Option<Rc<str>>>> = RefCell::default();
}

/// What the family with this number is called. A number costs a question once.
pub(super) fn name(number: u16) -> Option<Rc<str>> {
    KNOWN.with_borrow_mut(|known| {
        if !known.contains_key(&number) {
            // without an answer the number has no name
            let _ = ask(|number, name| drop(known.insert(number, Some(name.into()))));
        }
        known.entry(number).or_default().clone()
    })
}

/// Asks the kernel for all families.
fn ask(mut tell: impl FnMut(u16, &str)) -> nix::Result<()> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let kernel = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkGeneric)?;
    let len = (HEADER + GENERIC_HEADER) as u32;
    let flags = (NLM_F_REQUEST | NLM_F_DUMP) as u16;
    let mut request = Vec::new();
    request.extend(len.to_ne_bytes());
    request.extend((GENL_ID_CTRL as u16).to_ne_bytes());
    request.extend(flags.to_ne_bytes());
    // its number, and who asks: the kernel knows
    request.extend([0; 8]);
    request.extend([CTRL_CMD_GETFAMILY as u8, 1, 0, 0]);
    send(kernel.as_raw_fd(), &request, MsgFlags::empty())?;
    let mut room = vec![0; 1 << 16];
    loop {
        let len = recv(kernel.as_raw_fd(), &mut room, MsgFlags::empty())?;
        let mut rest = &room[..len];
        while let Some((message, behind)) = cut(rest, |bytes| word(bytes, 0, 4), HEADER) {
            if word(message, 4, 2) < NLMSG_MIN_TYPE as usize {
                // the last one, or an error
                return Ok(());
            }
            family(message.get(HEADER + GENERIC_HEADER..).unwrap_or_default(), &mut tell);
            rest = behind;
        }
    }
}

/// The number and the name among a family's attributes.
fn family(mut attributes: &[u8], tell: &mut impl FnMut(u16, &str)) {
    let (mut number, mut name) = (None, None);
    while let Some((attribute, rest)) = cut(attributes, |bytes| word(bytes, 0, 2), ATTRIBUTE) {
        let value = &attribute[ATTRIBUTE..];
        match word(attribute, 2, 2) as u64 {
            CTRL_ATTR_FAMILY_ID if value.len() >= 2 => number = Some(word(value, 0, 2) as u16),
            CTRL_ATTR_FAMILY_NAME => name = std::str::from_utf8(value).ok(),
            _ => {}
        }
        attributes = rest;
    }
    let name = name.map(|name| name.trim_end_matches('\0'));
    // what a module calls itself is to be no danger to a terminal
    if let (Some(number), Some(name)) =
        (number, name.filter(|name| name.bytes().all(|c| c.is_ascii_graphic())))
    {
        tell(number, name);
    }
}

/// The first part of what consists of parts that say how long they are, and the rest.
fn cut(bytes: &[u8], len: impl FnOnce(&[u8]) -> usize, least: usize) -> Option<(&[u8], &[u8])> {
    let len = len(bytes.get(..least)?);
    let part = bytes.get(..len).filter(|_| len >= least)?;
    Some((part, bytes.get(len.next_multiple_of(4)..).unwrap_or_default()))
}

/// The number of so many bytes at an offset.
fn word(bytes: &[u8], at: usize, len: usize) -> usize {
    let mut word = [0; size_of::<usize>()];
    word[..len].copy_from_slice(&bytes[at..at + len]);
    usize::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_the_names() {
        assert_eq!(name(GENL_ID_CTRL as u16).as_deref(), Some("nlctrl"));
        assert_eq!(name(u16::MAX), None);
    }

    #[test]
    fn what_is_cut_off_has_no_name() {
        let mut found = Vec::new();
        let attributes = [6, 0, 1, 0, 0x1f, 0, 0, 0, 7, 0, 2, 0, b'a', b'b', 0, 0];
        for end in 0..=attributes.len() {
            family(&attributes[..end], &mut |number, name: &str| found.push((number, name.to_owned())));
        }
        assert_eq!(found, vec![(0x1f, "ab".to_owned()); 2]);
    }
}
