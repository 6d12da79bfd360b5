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

macro_rules! constants {
    ($($name:ident)*) => { &[$((stringify!($name), uapi::$name)),*] };
}

const EPOLL: &[&str] = &["epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2"];
const GETXATTR: &[&str] = &["getxattr", "lgetxattr", "fgetxattr"];
const CONTROL: &[&str] = &["sendmsg", "sendmmsg", "recvmsg", "recvmmsg"];
const MESSAGES: &[&str] = &["sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg"];
const SCHED_FLAGS: &[&str] = &["sched_setscheduler", "sched_getscheduler", "sched_setattr", "sched_getattr"];
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
        Rewrite::Both(r"resuming interrupted (system call|\w+) ", "resuming interrupted CALL "),
    ),
    rule(
        "10: the offset of sendfile",
        &["sendfile", "sendfile64"],
        Rewrite::Old(r"\[(\d+)\] => \[(\d+)\]", "[$1 => $2]"),
    ),
    rule("11: epoll data", EPOLL, Rewrite::By(epoll_data)),
    rule("12: rseq", &["rseq"], Rewrite::By(rseq)),
    rule("13: sched_param", SCHED_PARAM, Rewrite::Old(r"\[(-?\d+)\]", "{sched_priority=$1}")),
    rule("13, 14: scheduling policies and flags", SCHED_FLAGS, Rewrite::By(same_numbers)),
    rule("15: bytes of requests without a decoder", &["ioctl"], Rewrite::By(request_bytes)),
    rule("16: terminal requests", &["ioctl"], Rewrite::Old(r"\bSNDCTL_\w+ or (TC\w+)", "$1")),
    rule("17: data of unknown control messages", CONTROL, Rewrite::By(control_data)),
    rule("20: commands of bpf", &["bpf"], Rewrite::By(newer_command)),
    rule("20: members", &["bpf", "perf_event_open"], Rewrite::By(newer_members)),
    rule(
        "20: flags of the next id",
        &["bpf"],
        Rewrite::Old(r"(_GET_NEXT_ID, \{start_id=\d+, next_id=\d+), open_flags=\w+", "$1"),
    ),
    rule("21: landlock rulesets", &["landlock_create_ruleset"], Rewrite::By(ruleset)),
    rule("21: landlock rules of ports", &["landlock_add_rule"], Rewrite::By(newer_choice)),
    rule("22: flags of landlock rules", &["landlock_add_rule"], Rewrite::By(same_numbers)),
    rule("23: fcntl operations", &["fcntl"], Rewrite::By(newer_operation)),
    rule("24: futex_waitv flags", &["futex_waitv"], Rewrite::By(futex2)),
    rule("27: nlctrl", MESSAGES, Rewrite::By(nlctrl)),
    rule("28: mremap's new address", &["mremap"], Rewrite::By(mremap)),
    rule("29: set_tid_address(NULL)", &["set_tid_address"], Rewrite::Old(r"\(0\)", "(NULL)")),
    rule("30: attributes whose size is asked for", GETXATTR, Rewrite::By(attribute_size)),
    rule("31: pkey_alloc", &["pkey_alloc"], Rewrite::Old(r", 0\)", ", PKEY_UNRESTRICTED)")),
    rule("32: RENAME_???", &["renameat2"], Rewrite::Old(r"RENAME_\?\? ", "RENAME_??? ")),
    rule("32: SECCOMP_???", &["seccomp"], Rewrite::Old(r"SECCOMP_SET_MODE_\?\?\?", "SECCOMP_???")),
    rule("32: MPOL_F_???", &["get_mempolicy"], Rewrite::Old(r"MPOL_\?\?\?", "MPOL_F_???")),
    rule(
        "32: MPOL_MF_???",
        &["mbind", "move_pages"],
        Rewrite::Old(r"MPOL_\?\?\? \*/\) = ", "MPOL_MF_??? */) = "),
    ),
    rule(
        "32: reboot's first number",
        &["reboot"],
        Rewrite::Old(r"\((0x\w+ /\* LINUX_REBOOT_MAGIC)_\?", "(${1}1?"),
    ),
    rule(
        "32: reboot's second number",
        &["reboot"],
        Rewrite::Old(
            r"LINUX_REBOOT_MAGIC_\?\?\? \*/, (\w+|0x\w+ /\* LINUX_REBOOT_CMD_\?\?\? \*/)(,|\))",
            "LINUX_REBOOT_MAGIC2??? */, $1$2",
        ),
    ),
    rule("33: flags of execveat", &["execveat"], Rewrite::By(same_numbers)),
    rule("36, 37: operations of ptrace", &["ptrace"], Rewrite::By(newer_choice)),
    rule("36: levels and options of sockets", &["getsockopt", "setsockopt"], Rewrite::By(same_numbers)),
    rule("36: attributes without a name", MESSAGES, Rewrite::By(newer_attributes)),
    rule("36: registrations of barriers", &["membarrier"], Rewrite::By(registrations)),
    rule(
        "36: a flag of XDP",
        &["bind"],
        Rewrite::Old(r"XDP_USE_NEED_WAKEUP\|0xfff0", "XDP_USE_NEED_WAKEUP|XDP_USE_SG|0xffe0"),
    ),
    rule("36: constants without a name", &[], Rewrite::By(newer_constants)),
    rule("36: requests without a name", &["ioctl"], Rewrite::By(newer_request)),
    rule("38: advice of process_madvise", &["process_madvise"], Rewrite::By(advice)),
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

/// 6.1 shows the address alone, and all in hex as it stands in the registers, of which the kernel takes 32 bits of
/// all but the address: the structure is taken over.
fn rseq(strace: &str, rstrace: &str) -> Option<(String, String)> {
    let (theirs, ours) = (Call::parse(strace)?, Call::parse(rstrace)?);
    let ([address, numbers @ ..], [structure, taken @ ..]) = (&*theirs.list(), &*ours.list()) else {
        return None;
    };
    let same =
        |(word, taken): (&&str, &&str)| number(word).is_some_and(|n| number(taken) == Some(n as u32 as u64));
    let same_all = numbers.len() == taken.len() && numbers.iter().zip(taken).all(same);
    let null = *structure == "NULL" && *address == "0";
    let same_address = structure.starts_with('{') || structure == address || null;
    let text = format!("rseq({}) = {}", ours.args, theirs.result);
    (same_all && same_address).then(|| (text, rstrace.to_owned()))
}

/// A number, or a set of names and numbers, with or without a comment; `None` if a name is not known here.
fn number(text: &str) -> Option<u64> {
    let named = |word: &str| newer(word).or_else(|| value_in(NAMED, word));
    let word = |word: &str| match word.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => word.parse().ok().or_else(|| named(word)),
    };
    text.split(" /* ").next()?.split('|').try_fold(0, |all, part| Some(all | word(part)?))
}

/// Arguments and results that are the same number are taken over, however they are written.
fn same_numbers(strace: &str, rstrace: &str) -> Option<(String, String)> {
    let (theirs, ours) = (Call::parse(strace)?, Call::parse(rstrace)?);
    let same =
        |theirs: &str, ours: &str| theirs == ours || number(theirs).is_some_and(|n| number(ours) == Some(n));
    let or_ours = |(theirs, ours): (&str, &str)| if same(theirs, ours) { ours } else { theirs }.to_owned();
    let (list, taken) = (theirs.list(), ours.list());
    if list.len() != taken.len() {
        return None;
    }
    // of a result the names stand in a gloss
    let plain = ours.result.split(" (").next().unwrap_or_default();
    let result = if same(theirs.result, plain) { ours.result } else { theirs.result };
    let list: Vec<_> = list.into_iter().zip(taken).map(or_ours).collect();
    Some((format!("{}({}) = {result}", theirs.name, list.join(", ")), rstrace.to_owned()))
}

/// 6.1 has no name for the value that decides what the other arguments are, the second or the first: those are taken
/// over where 6.1 has a number or an address.
fn newer_choice(strace: &str, rstrace: &str) -> Option<(String, String)> {
    let (theirs, ours) = (Call::parse(strace)?, Call::parse(rstrace)?);
    let (mut list, taken) = (theirs.list(), ours.list());
    let place = list.iter().position(|argument| argument.ends_with("??? */"))?;
    let known = taken.get(place).filter(|name| !name.ends_with("*/"))?;
    if place > 1 || list.len() != taken.len() || number(known) != number(list[place]) {
        return None;
    }
    list[place] = known;
    for (argument, taken) in list.iter_mut().zip(taken).skip(place + 1) {
        let is_number = number(argument).is_some();
        let same = match number(taken) {
            Some(value) => number(argument) == Some(value),
            None => taken.starts_with(['{', '"', '[']),
        };
        if is_number && same {
            *argument = taken;
        }
    }
    Some((format!("{}({}) = {}", theirs.name, list.join(", "), theirs.result), rstrace.to_owned()))
}

/// 6.1 knows the first member alone, and shows it even if the others cannot be read.
fn ruleset(strace: &str, rstrace: &str) -> Option<(String, String)> {
    let (theirs, ours) = (Call::parse(strace)?, Call::parse(rstrace)?);
    let (mut list, taken) = (theirs.list(), ours.list());
    let first = list.first()?.strip_suffix(", ...}").or_else(|| list.first()?.strip_suffix('}'))?;
    let is_longer = number(list.get(1)?).is_some_and(|size| size > 8);
    let unreadable = taken.first()?.starts_with("0x") && theirs.result.contains("EFAULT");
    let same = unreadable || taken.first()?.strip_prefix(first)?.starts_with(", ");
    if !is_longer || !first.starts_with("{handled_access_fs=") || !same {
        return None;
    }
    list[0] = taken.first()?;
    Some((format!("{}({}) = {}", theirs.name, list.join(", "), theirs.result), rstrace.to_owned()))
}

/// 6.1 leaves out the data of control messages that it does not know.
fn control_data(strace: &str, rstrace: &str) -> Option<(String, String)> {
    static DATA: OnceLock<Regex> = OnceLock::new();
    let data = DATA.get_or_init(|| {
        Regex::new(r#"(cmsg_type=0x[0-9a-f]+( /\* \w+\?\?\? \*/)?), cmsg_data="(\\x[0-9a-f]{2})*"(\.\.\.)?"#)
            .expect("a pattern")
    });
    Some((strace.to_owned(), data.replace_all(rstrace, "$1").into_owned()))
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

/// A command that 6.1 has no decoder for has an address: the structure is taken over.
fn newer_command(strace: &str, rstrace: &str) -> Option<(String, String)> {
    const COMMANDS: &[&str] = &[
        "BPF_ENABLE_STATS",
        "BPF_ITER_CREATE",
        "BPF_LINK_DETACH",
        "BPF_PROG_BIND_MAP",
        "BPF_TOKEN_CREATE",
        "BPF_PROG_STREAM_READ_BY_FD",
        "BPF_PROG_ASSOC_STRUCT_OPS",
    ];
    let (theirs, ours) = (Call::parse(strace)?, Call::parse(rstrace)?);
    let ([_, address, _], [command, structure, _]) =
        (theirs.list().try_into().ok()?, ours.list().try_into().ok()?);
    let (address, structure): (&str, &str) = (address, structure);
    let newer = COMMANDS.contains(&command) && address.starts_with("0x") && structure.starts_with('{');
    newer.then(|| (strace.replacen(address, structure, 1), rstrace.to_owned()))
}

/// Members that 6.1 does not know: it shows that there is more, if they say anything.
fn newer_members(strace: &str, rstrace: &str) -> Option<(String, String)> {
    static MEMBERS: OnceLock<Regex> = OnceLock::new();
    static MORE: OnceLock<Regex> = OnceLock::new();
    let members = MEMBERS.get_or_init(|| {
        let names = "value_type_btf_obj_fd|map_token_fd|excl_prog_hash|excl_prog_hash_size|log_true_size\
            |prog_token_fd|fd_array_cnt|path_fd|config3";
        Regex::new(&format!(r#", ({names})=("[^"]*"|[^,}}]*)"#)).expect("a pattern")
    });
    let more = MORE.get_or_init(|| {
        Regex::new(r#", (\.\.\.|extra_data="[^"]*" /\* bytes \d+\.\.\d+ \*/)\}"#).expect("a pattern")
    });
    let ours = members.replace_all(rstrace, "");
    let known = ours != rstrace && !more.is_match(&ours);
    let theirs = if known { more.replace(strace, "}") } else { strace.into() };
    Some((theirs.into_owned(), ours.into_owned()))
}

/// Both in hex: 6.1 has other names, and none for the size of a byte.
fn futex2(strace: &str, rstrace: &str) -> Option<(String, String)> {
    static FLAGS: OnceLock<Regex> = OnceLock::new();
    const NAMES: &[(&str, u64)] = &[
        ("FUTEX_32", uapi::FUTEX2_SIZE_U32),
        ("FUTEX_PRIVATE_FLAG", uapi::FUTEX2_PRIVATE),
        ("FUTEX2_SIZE_U8", uapi::FUTEX2_SIZE_U8),
        ("FUTEX2_SIZE_U16", uapi::FUTEX2_SIZE_U16),
        ("FUTEX2_SIZE_U32", uapi::FUTEX2_SIZE_U32),
        ("FUTEX2_SIZE_U64", uapi::FUTEX2_SIZE_U64),
        ("FUTEX2_NUMA", uapi::FUTEX2_NUMA),
        ("FUTEX2_MPOL", uapi::FUTEX2_MPOL),
        ("FUTEX2_PRIVATE", uapi::FUTEX2_PRIVATE),
    ];
    let flags = FLAGS.get_or_init(|| Regex::new(r"flags=([\w|]+)").expect("a pattern"));
    let value = |name: &str| match NAMES.iter().find(|(known, _)| *known == name) {
        Some((_, value)) => Some(*value),
        None => u64::from_str_radix(name.strip_prefix("0x").unwrap_or(name), 16).ok(),
    };
    let hex = |found: &Captures<'_>| match found[1].split('|').map(value).sum::<Option<u64>>() {
        Some(all) => format!("flags={all:#x}"),
        None => found[0].to_owned(),
    };
    Some((flags.replace_all(strace, hex).into_owned(), flags.replace_all(rstrace, hex).into_owned()))
}

/// 6.1 shows bytes where there is a message of generic netlink's own family: it is taken over.
fn nlctrl(strace: &str, rstrace: &str) -> Option<(String, String)> {
    static BYTES: OnceLock<Regex> = OnceLock::new();
    let bytes = BYTES.get_or_init(|| {
        Regex::new(r#"nlmsg_type=nlctrl, [^}]*\}, ("(\\x[0-9a-f]{2})+"(\.\.\.)?)"#).expect("a pattern")
    });
    let bytes = bytes.captures(strace)?.get(1)?;
    let message = rstrace.strip_prefix(&strace[..bytes.start()])?.strip_suffix(&strace[bytes.end()..])?;
    message.starts_with("{cmd=CTRL_CMD_").then(|| (rstrace.to_owned(), rstrace.to_owned()))
}

/// Attributes of interfaces that 6.1 does not know have their number and bytes.
fn newer_attributes(strace: &str, rstrace: &str) -> Option<(String, String)> {
    static ATTRIBUTE: OnceLock<Regex> = OnceLock::new();
    static NAMES: &[(&str, u64)] = constants!(
        IFLA_DEVLINK_PORT IFLA_GSO_IPV4_MAX_SIZE IFLA_GRO_IPV4_MAX_SIZE IFLA_DPLL_PIN IFLA_MAX_PACING_OFFLOAD_HORIZON
        IFLA_NETNS_IMMUTABLE IFLA_HEADROOM IFLA_TAILROOM
    );
    /// Elements of lists that have got a name, or another one, since.
    const ELEMENTS: &[(&str, &str)] = &[
        ("[DEVCONF_ACCEPT_RA_MIN_LFT]", "[58 /* DEVCONF_??? */]"),
        ("[DEVCONF_FORCE_FORWARDING]", "[59 /* DEVCONF_??? */]"),
        ("[IPSTATS_MIB_OUTPKTS]", "[37 /* IPSTATS_MIB_??? */]"),
        ("[IPSTATS_MIB_OUTREQUESTS]", "[IPSTATS_MIB_OUTPKTS]"),
        ("[ICMP6_MIB_RATELIMITHOST]", "[6 /* ICMP6_MIB_??? */]"),
    ];
    let attribute = ATTRIBUTE
        .get_or_init(|| Regex::new(r"\{nla_len=(\d+), nla_type=(IFLA_\w+)\}, (\d+)\]").expect("a pattern"));
    let older = |found: &Captures<'_>| {
        let number = NAMES.iter().find(|(name, _)| *name == &found[2]).map(|(_, number)| *number);
        let (len, value) = (found[1].parse::<usize>(), found[3].parse::<u64>());
        let (Some(number), Ok(len), Ok(value)) = (number, len, value) else { return found[0].to_owned() };
        let bytes = value.to_le_bytes();
        let bytes = bytes.iter().take(len.saturating_sub(4)).map(|byte| format!("\\x{byte:02x}"));
        let bytes = bytes.collect::<String>();
        format!("{{nla_len={len}, nla_type={number:#x} /* IFLA_??? */}}, \"{bytes}\"]")
    };
    let mut ours = attribute.replace_all(rstrace, older).into_owned();
    for (name, number) in NAMES {
        // without a value
        let older = format!("NLA_F_NESTED|{number:#x} /* IFLA_??? */}}");
        ours = ours.replace(&format!("NLA_F_NESTED|{name}}}"), &older);
    }
    for (newer, older) in ELEMENTS {
        ours = ours.replace(newer, older);
    }
    Some((strace.to_owned(), ours))
}

/// 6.1 does not know that the command returns a set.
fn registrations(strace: &str, rstrace: &str) -> Option<(String, String)> {
    let (theirs, ours) = (Call::parse(strace)?, Call::parse(rstrace)?);
    let set = ours.result.split(" (").next()?.strip_prefix("0x")?;
    let asked = ours.args.starts_with("MEMBARRIER_CMD_GET_REGISTRATIONS, ");
    let same = asked && theirs.result.parse() == u64::from_str_radix(set, 16);
    same.then(|| (strace.to_owned(), format!("{}({}) = {}", ours.name, ours.args, theirs.result)))
}

/// 6.1 names all advice, also what this call does not take.
fn advice(strace: &str, rstrace: &str) -> Option<(String, String)> {
    static NAMES: &[(&str, u64)] = constants!(
        MADV_NORMAL MADV_RANDOM MADV_SEQUENTIAL MADV_DONTNEED MADV_FREE MADV_REMOVE MADV_DONTFORK MADV_DOFORK
        MADV_MERGEABLE MADV_UNMERGEABLE MADV_HUGEPAGE MADV_NOHUGEPAGE MADV_DONTDUMP MADV_DODUMP
    );
    let (theirs, ours) = (Call::parse(strace)?, Call::parse(rstrace)?);
    let (name, number) = (*theirs.list().get(3)?, *ours.list().get(3)?);
    let (_, value) = NAMES.iter().find(|(known, _)| *known == name)?;
    (number == format!("{value:#x} /* MADV_??? */"))
        .then(|| (strace.replacen(name, number, 1), rstrace.to_owned()))
}

/// What 6.1 has no name for.
static NEWER: &[(&str, u64)] = constants!(
    O_EMPTYPATH MAP_ABOVE4G MADV_GUARD_INSTALL MADV_GUARD_REMOVE RWF_NOAPPEND RWF_ATOMIC RWF_DONTCACHE RWF_NOSIGNAL
    STATX_MNT_ID_UNIQUE STATX_SUBVOL STATX_WRITE_ATOMIC STATX_DIO_READ_ALIGN MFD_EXEC MFD_NOEXEC_SEAL PIDFD_THREAD
    SCHED_EXT FALLOC_FL_WRITE_ZEROES MPOL_WEIGHTED_INTERLEAVE FSCONFIG_CMD_CREATE_EXCL MOVE_MOUNT_BENEATH
    AT_EXECVE_CHECK AT_HANDLE_FID PIDFD_SIGNAL_THREAD PIDFD_SIGNAL_THREAD_GROUP PIDFD_SIGNAL_PROCESS_GROUP
    MEMBARRIER_CMD_GET_REGISTRATIONS PERF_SAMPLE_BRANCH_COUNTERS
    UFFD_FEATURE_WP_UNPOPULATED UFFD_FEATURE_POISON UFFD_FEATURE_WP_ASYNC UFFD_FEATURE_MOVE
    BPF_TOKEN_CREATE BPF_PROG_STREAM_READ_BY_FD BPF_PROG_ASSOC_STRUCT_OPS
    BPF_F_LINK BPF_F_PATH_FD BPF_F_VTYPE_BTF_OBJ_FD BPF_F_TOKEN_FD BPF_F_SEGV_ON_FAULT BPF_F_NO_USER_CONV
    BPF_F_RB_OVERWRITE BPF_F_XDP_HAS_FRAGS BPF_F_XDP_DEV_BOUND_ONLY BPF_F_TEST_REG_INVARIANTS
    SO_PASSPIDFD SO_PEERPIDFD SO_RCVPRIORITY SO_PASSRIGHTS SO_INQ SO_DEVMEM_LINEAR SO_DEVMEM_DMABUF
    SO_DEVMEM_DONTNEED IP_LOCAL_PORT_RANGE IP_PROTOCOL TCP_AO_ADD_KEY TCP_AO_DEL_KEY TCP_AO_INFO TCP_AO_GET_KEYS
    TCP_AO_REPAIR TCP_IS_MPTCP TCP_RTO_MAX_MS PACKET_VNET_HDR_SZ MPTCP_INFO MPTCP_TCPINFO SOL_MPTCP SOL_MCTP SOL_SMC
    SOL_VSOCK KEXEC_UPDATE_ELFCOREHDR KEXEC_CRASH_HOTPLUG_SUPPORT KEXEC_FILE_DEBUG KEXEC_FILE_NO_CMA
    KEXEC_FILE_FORCE_DTB CLONE_AUTOREAP CLONE_NNP CLONE_PIDFD_AUTOKILL CLONE_EMPTY_MNTNS
    LANDLOCK_CREATE_RULESET_ERRATA LANDLOCK_RULE_NET_PORT LANDLOCK_ADD_RULE_QUIET
    LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON
    LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF LANDLOCK_RESTRICT_SELF_TSYNC SECBIT_EXEC_RESTRICT_FILE
    PR_SET_MDWE PR_GET_MDWE PR_GET_AUXV PR_SET_MEMORY_MERGE PR_GET_MEMORY_MERGE PR_RISCV_V_SET_CONTROL
    PR_RISCV_V_GET_CONTROL PR_RISCV_SET_ICACHE_FLUSH_CTX PR_PPC_GET_DEXCR PR_PPC_SET_DEXCR
    PR_GET_SHADOW_STACK_STATUS PR_SET_SHADOW_STACK_STATUS PR_LOCK_SHADOW_STACK_STATUS PR_TIMER_CREATE_RESTORE_IDS
    PR_FUTEX_HASH PR_RSEQ_SLICE_EXTENSION PR_GET_CFI PR_SET_CFI ARCH_SHSTK_STATUS ARCH_SHSTK_ENABLE ARCH_SHSTK_SHSTK
    ARCH_SHSTK_WRSS ARCH_GET_UNTAG_MASK PTRACE_SET_SYSCALL_INFO PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG
    PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG
);

/// Likewise, but kernel-internal: `include/linux/socket.h`.
static NEWER_INTERNAL: &[(&str, u64)] = &[("MSG_SOCK_DEVMEM", 0x200_0000)];

fn value_in(constants: &[(&str, u64)], name: &str) -> Option<u64> {
    constants.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

/// The value of a constant that 6.1 has no name for.
fn newer(name: &str) -> Option<u64> {
    value_in(NEWER, name).or_else(|| value_in(NEWER_INTERNAL, name))
}

/// Other constants of sets that 6.1 and newer ones write differently.
static NAMED: &[(&str, u64)] = constants!(
    RSEQ_FLAG_UNREGISTER RSEQ_FLAG_SLICE_EXT_DEFAULT_ON SCHED_GETATTR_FLAG_DL_DYNAMIC SCHED_RESET_ON_FORK SCHED_FIFO
    SCHED_RR AT_SYMLINK_NOFOLLOW AT_REMOVEDIR AT_SYMLINK_FOLLOW AT_NO_AUTOMOUNT AT_EMPTY_PATH AT_RECURSIVE
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
        let value = |name: &&str| newer(name);
        let rest = |name: &&str| u64::from_str_radix(name.strip_prefix("0x")?, 16).ok();
        let added: Vec<u64> = names.split('|').filter_map(|name| value(&name)).collect();
        if added.is_empty() {
            return found[0].to_owned();
        }
        let all = added
            .iter()
            .fold(names.split('|').filter_map(|name| rest(&name)).fold(0, |a, b| a | b), |a, b| a | b);
        let all = format!("{all:#x}");
        let mut kept: Vec<&str> =
            names.split('|').filter(|name| value(name).is_none() && rest(name).is_none()).collect();
        // numbers that stand in other bits come last
        let end = kept.iter().position(|name| name.contains("<<")).unwrap_or(kept.len());
        kept.insert(end, &all);
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
                "12:",
                "rseq(0x10, 0xffffffffffffffff, 0xff, 0x5) = -1 EINVAL (Invalid argument)",
                "rseq(0x10, 4294967295, RSEQ_FLAG_UNREGISTER|RSEQ_FLAG_SLICE_EXT_DEFAULT_ON|0xfc, 0x5) = -1 EINVAL (Invalid argument)",
            ),
            (
                "13, 14:",
                "sched_getscheduler(0) = 1073741825",
                "sched_getscheduler(0) = 0x40000001 (SCHED_RESET_ON_FORK|SCHED_FIFO)",
            ),
            (
                "13, 14:",
                "sched_getattr(0, 0x7ffc, 56, 7) = 0",
                "sched_getattr(0, 0x7ffc, 56, SCHED_GETATTR_FLAG_DL_DYNAMIC|0x6) = 0",
            ),
            (
                "21:",
                "landlock_create_ruleset({handled_access_fs=0x1, ...}, 16, 0) = 3",
                "landlock_create_ruleset({handled_access_fs=0x1, handled_access_net=0}, 16, 0) = 3",
            ),
            (
                "21:",
                "landlock_add_rule(3, 0x2 /* LANDLOCK_RULE_??? */, 0x7ffc, 0) = 0",
                "landlock_add_rule(3, LANDLOCK_RULE_NET_PORT, {allowed_access=0, port=443}, 0) = 0",
            ),
            (
                "33:",
                "execveat(-1, 0x10, 0x10, 0x10, AT_REMOVEDIR|AT_EMPTY_PATH|0xff) = 0",
                "execveat(-1, 0x10, 0x10, 0x10, AT_EMPTY_PATH|0x2ff) = 0",
            ),
            (
                "36, 37:",
                "ptrace(0x4212 /* PTRACE_??? */, 5, 0x58, 0x7ffc) = 0",
                "ptrace(PTRACE_SET_SYSCALL_INFO, 5, 88, {op=PTRACE_SYSCALL_INFO_NONE}) = 0",
            ),
            (
                "36:",
                "getsockopt(3, 0x11c /* SOL_?? */, 1, 0x7ffc, [4]) = 0",
                "getsockopt(3, SOL_MPTCP, MPTCP_INFO, 0x7ffc, [4]) = 0",
            ),
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
            (
                "36:",
                "mmap(NULL, 1, PROT_NONE, MAP_PRIVATE|MAP_HUGETLB|0x680|21<<MAP_HUGE_SHIFT, -1, 0) = 0x7f",
                "mmap(NULL, 1, PROT_NONE, MAP_PRIVATE|MAP_ABOVE4G|MAP_HUGETLB|0x600|21<<MAP_HUGE_SHIFT, -1, 0) = 0x7f",
            ),
            (
                "20:",
                "bpf(BPF_MAP_CREATE, {map_type=1, map_extra=0}, 92) = 3",
                "bpf(BPF_MAP_CREATE, {map_type=1, map_extra=0, map_token_fd=0, excl_prog_hash=NULL}, 92) = 3",
            ),
            (
                "20:",
                r#"bpf(BPF_PROG_LOAD, {fd_array=NULL, extra_data="\x01" /* bytes 128..151 */}, 152) = 3"#,
                "bpf(BPF_PROG_LOAD, {fd_array=NULL, log_true_size=98, prog_token_fd=0}, 152) = 3",
            ),
            (
                "20:",
                "bpf(BPF_LINK_DETACH, 0x7ff0, 4) = 0",
                "bpf(BPF_LINK_DETACH, {link_detach={link_fd=3}}, 4) = 0",
            ),
            (
                "20:",
                "bpf(BPF_MAP_GET_NEXT_ID, {start_id=1, next_id=0, open_flags=0}, 12) = 0",
                "bpf(BPF_MAP_GET_NEXT_ID, {start_id=1, next_id=0}, 12) = 0",
            ),
            (
                "24:",
                "futex_waitv([{val=1, uaddr=0x10, flags=FUTEX_32|0x7775}, {val=0, uaddr=NULL, flags=0}], 2) = 0",
                "futex_waitv([{val=1, uaddr=0x10, flags=FUTEX2_SIZE_U64|FUTEX2_NUMA|0x7770}, \
                 {val=0, uaddr=NULL, flags=FUTEX2_SIZE_U8}], 2) = 0",
            ),
            (
                "27:",
                r#"sendto(3, [{nlmsg_len=8, nlmsg_type=nlctrl, nlmsg_pid=0}, "\x03\x01"...], 8) = 8"#,
                "sendto(3, [{nlmsg_len=8, nlmsg_type=nlctrl, nlmsg_pid=0}, {cmd=CTRL_CMD_GETFAMILY, version=1}], 8) = 8",
            ),
            ("32:", "move_pages(0, 0xf8 /* MPOL_??? */) = 0", "move_pages(0, 0xf8 /* MPOL_MF_??? */) = 0"),
            (
                "36:",
                r#"recvfrom(3, [{nla_len=8, nla_type=0x3f /* IFLA_??? */}, "\x00\x00\x01\x00"]) = 8"#,
                "recvfrom(3, [{nla_len=8, nla_type=IFLA_GSO_IPV4_MAX_SIZE}, 65536]) = 8",
            ),
            (
                "38:",
                "process_madvise(3, NULL, 0, MADV_MERGEABLE, 0) = 0",
                "process_madvise(3, NULL, 0, 0xc /* MADV_??? */, 0) = 0",
            ),
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
            ("rseq(0x7f10, 0x20, 0x2, 0x5) = 0", "rseq({flags=0}, 32, RSEQ_FLAG_UNREGISTER, 0x5) = 0"),
            ("sched_getscheduler(0) = 1", "sched_getscheduler(0) = 0x2 (SCHED_RR)"),
            ("execveat(-1, 0x10, 0x10, 0x10, AT_REMOVEDIR) = 0", "execveat(-1, 0x10, 0x10, 0x10, 0x100) = 0"),
            (
                "landlock_create_ruleset({handled_access_fs=0x1, ...}, 16, 0) = 3",
                "landlock_create_ruleset({handled_access_fs=0x2, handled_access_net=0}, 16, 0) = 3",
            ),
        ] {
            assert_eq!(reconcile(strace, rstrace), None, "{strace}\n{rstrace}");
        }
    }
}
