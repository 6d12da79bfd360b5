//! What strace 6.1 prints otherwise than the newer notation that rstrace follows: a rule each, with the number that the
//! difference has in the notation's list of what is newer than 6.1.
//!
//! A rule is tried where two lines differ, and counts as needed only if the lines are the same with it. It rewrites
//! the older form into the newer, or where that is not possible the newer into the older; what a form leaves out can
//! only be taken over from the other, and the rule says so.

use std::sync::OnceLock;

use regex_lite::{Captures, Regex};
use rstrace_probes::{numbers, uapi};

use super::call::{Call, subject};

/// A difference by version.
#[derive(Debug)]
pub struct Rule {
    /// What differs.
    pub name: &'static str,
    /// The calls that it is about; empty: any.
    calls: &'static [&'static str],
    rewrite: Rewrite,
}

#[derive(Debug)]
enum Rewrite {
    /// In strace's line, what the pattern matches.
    Old(&'static str, &'static str),
    /// In both lines.
    Both(&'static str, &'static str),
    /// strace's line and rstrace's; `None` if it is about something else.
    By(fn(&str, &str) -> Option<(String, String)>),
}

const fn rule(name: &'static str, calls: &'static [&'static str], rewrite: Rewrite) -> Rule {
    Rule { name, calls, rewrite }
}

const EPOLL: &[&str] = &["epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2"];
const GETXATTR: &[&str] = &["getxattr", "lgetxattr", "fgetxattr"];
const SCHED_PARAM: &[&str] = &["sched_setparam", "sched_getparam", "sched_setscheduler"];

/// All of them, in the order in which they are tried.
pub static RULES: &[Rule] = &[
    rule(
        "2: the separator before a call's end in death",
        &[],
        Rewrite::Both(r",?  ?<unfinished \.\.\.>\) = \?$", ") = ?"),
    ),
    rule("8: numbers without a name", &[], Rewrite::By(unnamed)),
    rule(
        "9: restart_syscall after attaching",
        &["restart_syscall"],
        Rewrite::Both(r"resuming interrupted \w+ ", "resuming interrupted CALL "),
    ),
    rule("10: the offset of sendfile", &["sendfile"], Rewrite::Old(r"\[(\d+)\] => \[(\d+)\]", "[$1 => $2]")),
    rule("11: epoll data", EPOLL, Rewrite::By(epoll_data)),
    rule("12: rseq", &["rseq"], Rewrite::By(rseq)),
    rule("13: sched_param", SCHED_PARAM, Rewrite::Old(r"\[(-?\d+)\]", "{sched_priority=$1}")),
    rule("15: bytes of requests without a decoder", &["ioctl"], Rewrite::By(request_bytes)),
    rule("16: terminal requests", &["ioctl"], Rewrite::Old(r"\bSNDCTL_\w+ or (TC\w+)", "$1")),
    rule("23: fcntl operations", &["fcntl"], Rewrite::By(newer_operation)),
    rule("24: futex_waitv flags", &["futex_waitv"], Rewrite::Old("FUTEX_32", "FUTEX2_SIZE_U32")),
    rule(
        "24: futex_waitv's private flag",
        &["futex_waitv"],
        Rewrite::Old("FUTEX_PRIVATE_FLAG", "FUTEX2_PRIVATE"),
    ),
    rule("28: mremap's new address", &["mremap"], Rewrite::By(mremap)),
    rule("29: set_tid_address(NULL)", &["set_tid_address"], Rewrite::Old(r"\(0\)", "(NULL)")),
    rule("30: attributes whose size is asked for", GETXATTR, Rewrite::By(attribute_size)),
    rule("31: pkey_alloc", &["pkey_alloc"], Rewrite::Old(r", 0\)", ", PKEY_UNRESTRICTED)")),
    rule("32: RENAME_???", &["renameat2"], Rewrite::Old(r"RENAME_\?\? ", "RENAME_??? ")),
    rule("32: SECCOMP_???", &["seccomp"], Rewrite::Old(r"SECCOMP_SET_MODE_\?\?\?", "SECCOMP_???")),
    rule("32: MPOL_F_???", &["get_mempolicy"], Rewrite::Old(r"MPOL_\?\?\?", "MPOL_F_???")),
    rule("32: MPOL_MF_???", &["mbind"], Rewrite::Old(r"MPOL_\?\?\?(.*)$", "MPOL_MF_???$1")),
    rule("36: constants without a name", &[], Rewrite::By(newer_constants)),
    rule("36: requests without a name", &["ioctl"], Rewrite::By(newer_request)),
];

/// The rules that make two lines the same; `None` if they differ otherwise.
pub fn reconcile(strace: &str, rstrace: &str) -> Option<Vec<&'static str>> {
    let mut pair = (strace.to_owned(), rstrace.to_owned());
    let mut needed = Vec::new();
    for (place, rule) in RULES.iter().enumerate() {
        if !rule.calls.is_empty() && !rule.calls.contains(&subject(rstrace)) {
            continue;
        }
        let rewritten = match rule.rewrite {
            Rewrite::Old(_, by) => (pattern(place).replace_all(&pair.0, by).into_owned(), pair.1.clone()),
            Rewrite::Both(_, by) => {
                let both = [&pair.0, &pair.1].map(|line| pattern(place).replace_all(line, by).into_owned());
                both.into()
            }
            Rewrite::By(rewrite) => rewrite(&pair.0, &pair.1).unwrap_or_else(|| pair.clone()),
        };
        if rewritten != pair {
            pair = rewritten;
            needed.push(rule.name);
            if pair.0 == pair.1 {
                return Some(needed);
            }
        }
    }
    None
}

/// The compiled pattern of the rule at this place.
fn pattern(place: usize) -> &'static Regex {
    static PATTERNS: OnceLock<Vec<Option<Regex>>> = OnceLock::new();
    let compile = |rule: &Rule| match rule.rewrite {
        Rewrite::Old(pattern, _) | Rewrite::Both(pattern, _) => Some(Regex::new(pattern).expect(rule.name)),
        Rewrite::By(_) => None,
    };
    let patterns = PATTERNS.get_or_init(|| RULES.iter().map(compile).collect());
    patterns[place].as_ref().expect("the rule has a pattern")
}

/// Calls that 6.1 does not know have their registers and no meaning: number and result must agree.
fn unnamed(strace: &str, rstrace: &str) -> Option<(String, String)> {
    let (theirs, ours) = (Call::parse(strace)?, Call::parse(rstrace)?);
    let number = u32::from_str_radix(theirs.name.strip_prefix("syscall_0x")?, 16).ok()?;
    if numbers::native(ours.name)? != number {
        return None;
    }
    // of a success in hex
    let result = theirs.result.strip_prefix("0x").and_then(|hex| u64::from_str_radix(hex, 16).ok());
    let same = theirs.result == ours.result || result.is_some_and(|r| r.to_string() == ours.result);
    same.then(|| (rstrace.to_owned(), rstrace.to_owned()))
}

/// 6.1 shows the address alone; the bytes are taken over, of which there are no more than the request says.
fn request_bytes(strace: &str, rstrace: &str) -> Option<(String, String)> {
    let (theirs, ours) = (Call::parse(strace)?, Call::parse(rstrace)?);
    let ([_, _, address], [_, _, bytes]) = (theirs.list().try_into().ok()?, ours.list().try_into().ok()?);
    let (address, bytes): (&str, &str) = (address, bytes);
    let is_buffer = bytes.starts_with("\"\\x") && address.starts_with("0x");
    is_buffer
        .then(|| (strace.replacen(&format!(", {address})"), &format!(", {bytes})"), 1), rstrace.to_owned()))
}

/// Requests that 6.1 does not know are shown as what they are made of.
fn newer_request(strace: &str, rstrace: &str) -> Option<(String, String)> {
    let (theirs, ours) = (Call::parse(strace)?, Call::parse(rstrace)?);
    let (made_up, name) = (*theirs.list().get(1)?, *ours.list().get(1)?);
    let parts = made_up.strip_prefix("_IOC(")?.strip_suffix(')')?;
    let [direction, numbers @ ..] = &*parts.split(", ").collect::<Vec<_>>() else { return None };
    let bit = |word: &str| match word {
        "_IOC_WRITE" => uapi::_IOC_WRITE,
        "_IOC_READ" => uapi::_IOC_READ,
        _ => 0,
    };
    let direction = direction.split('|').fold(0, |all, word| all | bit(word));
    let hex = |word: &&str| u64::from_str_radix(word.strip_prefix("0x").unwrap_or(word), 16).ok();
    let [kind, number, size] = numbers.iter().map(hex).collect::<Option<Vec<_>>>()?.try_into().ok()?;
    let code = (direction << 30 | size << 16 | kind << 8 | number) as u32;
    let known = uapi::ioctls::IOCTLS.contains(&(code, name));
    known.then(|| (strace.replacen(made_up, name, 1), rstrace.to_owned()))
}

/// `{u32=5, u64=5}` and `0x5`.
fn epoll_data(strace: &str, rstrace: &str) -> Option<(String, String)> {
    static DATA: OnceLock<Regex> = OnceLock::new();
    let data = DATA.get_or_init(|| Regex::new(r"\{u32=\d+, u64=(\d+)\}").expect("a pattern"));
    let hex = |found: &Captures<'_>| match found[1].parse::<u64>() {
        Ok(0) => "0".to_owned(),
        Ok(number) => format!("{number:#x}"),
        Err(_) => found[0].to_owned(),
    };
    Some((data.replace_all(strace, hex).into_owned(), rstrace.to_owned()))
}

/// 6.1 shows the address alone, and all in hex: the structure is taken over.
fn rseq(strace: &str, rstrace: &str) -> Option<(String, String)> {
    let (theirs, ours) = (Call::parse(strace)?, Call::parse(rstrace)?);
    let ([address, len, flags, signature], [structure, _, names, _]) =
        (theirs.list().try_into().ok()?, ours.list().try_into().ok()?);
    let (address, len, flags, signature): (&str, &str, &str, &str) = (address, len, flags, signature);
    let hex = |word: &str| u64::from_str_radix(word.strip_prefix("0x").unwrap_or(word), 16).ok();
    let len = hex(len)?;
    let structure: &str = if structure.starts_with('{') { structure } else { address };
    let flags = if hex(flags)? == uapi::RSEQ_FLAG_UNREGISTER { names } else { flags };
    let text = format!("rseq({structure}, {len}, {flags}, {signature}) = {}", theirs.result);
    Some((text, rstrace.to_owned()))
}

/// 6.1 has no name for the operation and so an address for its argument.
fn newer_operation(strace: &str, rstrace: &str) -> Option<(String, String)> {
    let (theirs, ours) = (Call::parse(strace)?, Call::parse(rstrace)?);
    let newer = theirs.list().get(1)?.ends_with("/* F_??? */");
    let same = theirs.list().first() == ours.list().first() && theirs.result == ours.result;
    (newer && same).then(|| (rstrace.to_owned(), rstrace.to_owned()))
}

/// With MREMAP_DONTUNMAP the kernel takes a fifth argument, which 6.1 leaves out.
fn mremap(strace: &str, rstrace: &str) -> Option<(String, String)> {
    let (theirs, ours) = (Call::parse(strace)?, Call::parse(rstrace)?);
    let fifth = ours.list().get(4).copied()?;
    let told = theirs.list().len() == 4 && theirs.args.contains("MREMAP_DONTUNMAP");
    told.then(|| (format!("mremap({}, {fifth}) = {}", theirs.args, theirs.result), rstrace.to_owned()))
}

/// Where only the size is asked for, 6.1 shows a string where there is an address.
fn attribute_size(strace: &str, rstrace: &str) -> Option<(String, String)> {
    let (theirs, ours) = (Call::parse(strace)?, Call::parse(rstrace)?);
    let (mut list, taken) = (theirs.list(), ours.list());
    let asked = list.get(3) == Some(&"0") && list.get(2)?.starts_with('"');
    list[2] = taken.get(2).filter(|address| asked && address.starts_with("0x"))?;
    Some((format!("{}({}) = {}", theirs.name, list.join(", "), theirs.result), rstrace.to_owned()))
}

macro_rules! constants {
    ($($name:ident)*) => { &[$((stringify!($name), uapi::$name)),*] };
}

/// What 6.1 has no name for.
static NEWER: &[(&str, u64)] = constants!(
    O_EMPTYPATH MAP_ABOVE4G MADV_GUARD_INSTALL MADV_GUARD_REMOVE RWF_NOAPPEND RWF_ATOMIC RWF_DONTCACHE RWF_NOSIGNAL
    STATX_MNT_ID_UNIQUE STATX_SUBVOL STATX_WRITE_ATOMIC STATX_DIO_READ_ALIGN MFD_EXEC MFD_NOEXEC_SEAL PIDFD_THREAD
    SCHED_EXT FALLOC_FL_WRITE_ZEROES MPOL_WEIGHTED_INTERLEAVE FSCONFIG_CMD_CREATE_EXCL MOVE_MOUNT_BENEATH
    AT_EXECVE_CHECK AT_HANDLE_FID PIDFD_SIGNAL_THREAD PIDFD_SIGNAL_THREAD_GROUP PIDFD_SIGNAL_PROCESS_GROUP
    PR_SET_MDWE PR_GET_MDWE SO_PASSPIDFD SO_PEERPIDFD SO_RCVPRIORITY SO_PASSRIGHTS SO_INQ
);

/// Puts names that are newer back into the hex rest; a comment that nothing was known goes with it.
fn newer_constants(strace: &str, rstrace: &str) -> Option<(String, String)> {
    static SET: OnceLock<Regex> = OnceLock::new();
    let set = SET.get_or_init(|| {
        Regex::new(r"\b[A-Za-z_0-9]+(\|[A-Za-z_0-9<]+)*( /\* \w+\?\?\? \*/)?").expect("a pattern")
    });
    let mut rests = Vec::new();
    let ours = set.replace_all(rstrace, |found: &Captures<'_>| {
        let names = found[0].split(" /*").next().unwrap_or_default();
        let value = |name: &&str| NEWER.iter().find(|(newer, _)| newer == name).map(|(_, value)| *value);
        let rest = |name: &&str| u64::from_str_radix(name.strip_prefix("0x")?, 16).ok();
        let newer: Vec<u64> = names.split('|').filter_map(|name| value(&name)).collect();
        if newer.is_empty() {
            return found[0].to_owned();
        }
        let all = newer
            .iter()
            .fold(names.split('|').filter_map(|name| rest(&name)).fold(0, |a, b| a | b), |a, b| a | b);
        let all = format!("{all:#x}");
        let mut kept: Vec<&str> =
            names.split('|').filter(|name| value(name).is_none() && rest(name).is_none()).collect();
        kept.push(&all);
        rests.push(kept.join("|"));
        kept.join("|")
    });
    let mut theirs = strace.to_owned();
    for rest in &rests {
        let Some(at) = theirs.find(&format!("{rest} /* ")) else { continue };
        let comment = at + rest.len();
        let Some(end) = theirs[comment..].find(" */") else { continue };
        theirs.replace_range(comment..comment + end + " */".len(), "");
    }
    (!rests.is_empty()).then(|| (theirs, ours.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn same_by(rule: &str, strace: &str, rstrace: &str) {
        let needed = reconcile(strace, rstrace).unwrap_or_else(|| panic!("{strace}\n{rstrace}"));
        assert!(needed.len() == 1 && needed[0].starts_with(rule), "{needed:?}");
        assert_eq!(reconcile(strace, &rstrace.replace(" = ", " = 1")), None, "another result: {rstrace}");
    }

    #[test]
    fn what_only_the_version_changes_is_the_same() {
        for (rule, strace, rstrace) in [
            ("2:", "read(3,  <unfinished ...>) = ?", "read(3 <unfinished ...>) = ?"),
            ("8:", "syscall_0x1c3(0x3, 0x7f, 0, 0, 0, 0) = 0", "cachestat(3, {off=0}, {nr=0}, 0) = 0"),
            (
                "9:",
                "restart_syscall(<... resuming interrupted read ...>) = 0",
                "restart_syscall(<... resuming interrupted poll ...>) = 0",
            ),
            ("10:", "sendfile(4, 3, [5] => [15], 10) = 10", "sendfile(4, 3, [5 => 15], 10) = 10"),
            (
                "11:",
                "epoll_ctl(3, EPOLL_CTL_ADD, 4, {events=EPOLLIN, data={u32=5, u64=255}}) = 0",
                "epoll_ctl(3, EPOLL_CTL_ADD, 4, {events=EPOLLIN, data=0xff}) = 0",
            ),
            (
                "12:",
                "rseq(0x7f10, 0x20, 0, 0x53053053) = 0",
                "rseq({cpu_id_start=0, cpu_id=1}, 32, 0, 0x53053053) = 0",
            ),
            (
                "12:",
                "rseq(0x7f10, 0x20, 0x1, 0x53053053) = 0",
                "rseq(0x7f10, 32, RSEQ_FLAG_UNREGISTER, 0x53053053) = 0",
            ),
            ("13:", "sched_getparam(0, [5]) = 0", "sched_getparam(0, {sched_priority=5}) = 0"),
            (
                "16:",
                "ioctl(0, SNDCTL_TMR_START or TCSETS, {c_iflag=0}) = 0",
                "ioctl(0, TCSETS, {c_iflag=0}) = 0",
            ),
            ("15:", "ioctl(9, TIOCGPKT, 0x7ffe) = 0", r#"ioctl(9, TIOCGPKT, "\x01\x00\x00\x00") = 0"#),
            (
                "28:",
                "mremap(0x1000, 1, 2, MREMAP_MAYMOVE|MREMAP_DONTUNMAP) = 0x2000",
                "mremap(0x1000, 1, 2, MREMAP_MAYMOVE|MREMAP_DONTUNMAP, 0x3000) = 0x2000",
            ),
            ("29:", "set_tid_address(0) = 7", "set_tid_address(NULL) = 7"),
            ("30:", "fgetxattr(3, \"a\", \"\", 0) = 5", "fgetxattr(3, \"a\", 0x7ffe, 0) = 5"),
            (
                "36:",
                "open(\".\", O_ACCMODE|FASYNC|0xff80003c, 0600) = 4",
                "open(\".\", O_ACCMODE|O_EMPTYPATH|FASYNC|0xfb80003c, 0600) = 4",
            ),
            ("36:", "open(\"f\", O_RDONLY|0x4000000) = 4", "open(\"f\", O_RDONLY|O_EMPTYPATH) = 4"),
            (
                "36:",
                "ioctl(3, _IOC(_IOC_READ, 0x15, 0, 0x11), 0x5) = 0",
                "ioctl(3, FS_IOC_GETFSUUID, 0x5) = 0",
            ),
            ("36:", "madvise(NULL, 1, 0x66 /* MADV_??? */) = 0", "madvise(NULL, 1, MADV_GUARD_INSTALL) = 0"),
        ] {
            same_by(rule, strace, rstrace);
        }
    }

    #[test]
    fn what_else_differs_does() {
        for (strace, rstrace) in [
            ("read(3, \"a\", 1) = 1", "read(3, \"b\", 1) = 1"),
            ("syscall_0x1c3(0x3, 0, 0, 0, 0, 0) = 0", "mseal(3, 0, 0) = 0"),
            ("open(\"f\", O_RDONLY|0x4000000) = 4", "open(\"f\", O_RDONLY|O_EMPTYPATH|0x10) = 4"),
            ("rseq(0x7f10, 0x20, 0, 0x53053053) = 0", "rseq(0x7f20, 32, 0, 0x53053053) = 0"),
        ] {
            assert_eq!(reconcile(strace, rstrace), None, "{strace}\n{rstrace}");
        }
    }
}
