//! The names of ioctl requests.
//!
//! A request is a macro that is an `_IOC(...)` and nothing else, however many macros there are in between. Older
//! requests are plain numbers: those are known by their header and the beginning of their names.

use std::collections::{BTreeMap, BTreeSet};

use super::evaluate::{Constant, IOC, Source};

/// A code and all its names.
#[derive(Debug)]
pub struct Request {
    /// The code.
    pub code: u32,
    /// The names, sorted.
    pub names: Vec<String>,
}

/// Headers with requests that are plain numbers, what the names of these begin with, and their codes without
/// the last two digits.
const PLAIN: &[(&str, &[&str], &[u32])] = &[
    ("asm-generic/ioctls.h", &["TC", "TI", "FIO"], &[0x54]),
    ("asm-generic/sockios.h", &["SIOC", "FIO"], &[0x89]),
    ("linux/cdrom.h", &["CDROM", "DVD_"], &[0x53]),
    ("linux/fb.h", &["FBIO"], &[0x46]),
    ("linux/hdreg.h", &["HDIO_"], &[0x03]),
    ("linux/kd.h", &["GIO_", "KD", "KIOC", "PIO_"], &[0x4b]),
    ("linux/loop.h", &["LOOP_"], &[0x4c]),
    ("linux/sockios.h", &["SIOC"], &[0x89]),
    ("linux/vt.h", &["VT_"], &[0x56]),
    ("linux/wireless.h", &["SIOC"], &[0x8b]),
    ("scsi/scsi.h", &["SCSI_IOCTL_"], &[0x53]),
    ("scsi/scsi_ioctl.h", &["SCSI_IOCTL_"], &[0x53]),
    ("scsi/sg.h", &["SG_"], &[0x22]),
];

/// Left out, as strace does: requests of other processors' KVM, and second names of a request that are there for
/// another size of its argument or for the kernel itself. (What `MIXER_READ(...)` makes, strace shows so.)
const HIDDEN: &[&str] = &["DMA_BUF_SET_NAME", "PPPIOCGIDLE"];
const HIDDEN_PREFIXES: &[&str] = &["KVM_ARM_", "KVM_PPC_", "KVM_S390_", "__"];
const HIDDEN_BODIES: &[&str] = &["MIXER_READ", "MIXER_WRITE"];

/// All requests, sorted by code.
pub fn table(defined: &BTreeMap<Source, Vec<Constant>>) -> Vec<Request> {
    let mut names: BTreeMap<u32, BTreeSet<&str>> = BTreeMap::new();
    for (source, constants) in defined {
        let (Source::Uapi(header) | Source::Glibc(header)) = source;
        let plain = PLAIN.iter().find(|(name, ..)| name == header);
        for Constant { name, value, expansion, body } in constants {
            let Ok(code) = u32::try_from(*value) else { continue };
            let is_plain = plain
                .is_some_and(|(_, prefixes, types)| begins(name, prefixes) && types.contains(&(code >> 8)));
            if (is_plain || is_request(expansion)) && !is_alias(body) && !is_hidden(name, body) {
                names.entry(code).or_default().insert(name);
            }
        }
    }
    let request = |(code, names): (u32, BTreeSet<&str>)| {
        // The V4L2 sub-device requests of the same code are the same request.
        let is_second = |name: &str| {
            name.strip_prefix("VIDIOC_SUBDEV_")
                .is_some_and(|rest| names.contains(format!("VIDIOC_{rest}").as_str()))
        };
        let names = names.iter().filter(|name| !is_second(name)).map(|name| (*name).into()).collect();
        Request { code, names }
    };
    names.into_iter().map(request).collect()
}

fn is_hidden(name: &str, body: &str) -> bool {
    HIDDEN.contains(&name) || begins(name, HIDDEN_PREFIXES) || begins(body, HIDDEN_BODIES)
}

fn begins(name: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| name.starts_with(prefix))
}

/// One `_IOC(...)` in any number of brackets.
fn is_request(expansion: &str) -> bool {
    let mut text = expansion.trim();
    while let Some(inner) = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) {
        text = inner.trim();
    }
    let Some(arguments) = text.strip_prefix(IOC).map(str::trim) else { return false };
    let mut depth = 0;
    let end = arguments.find(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0
    });
    end.is_some_and(|end| end + 1 == arguments.len())
}

/// Another name for the same request, written as such.
fn is_alias(body: &str) -> bool {
    body.starts_with(|c: char| c.is_alphabetic()) && body.chars().all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_an_ioc_and_nothing_more() {
        assert!(is_request("RSTRACE_IOC((0U), (('T')), ((1)), (0))"));
        assert!(is_request("((RSTRACE_IOC((2U), 'T', 1, (sizeof(int)))))"));
        assert!(!is_request("RSTRACE_IOC(1, 2, 3, 4) + 1"));
        assert!(!is_request("(RSTRACE_IOC(1, 2, 3, 4)) + (1)"));
        assert!(!is_request("0x5401"));
    }

    #[test]
    fn an_alias_is_one_name() {
        assert!(is_alias("FIONREAD"));
        assert!(!is_alias("0x541B"));
        assert!(!is_alias("_IO('T', 1)"));
    }
}
