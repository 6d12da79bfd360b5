//! What a header defines, and what it is worth: clang says both.
//!
//! A header is read on its own. Its macros and enumerators come from the preprocessor's output; a constant is
//! what clang accepts as the initialiser of a 64-bit integer, and its value is in the code that clang emits.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use crate::Result;
use crate::headers::Headers;

/// A header and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Linux's.
    Uapi(String),
    /// The C library's, with all that it includes of the C library.
    Glibc(String),
}

/// A name that a header defines.
#[derive(Debug, Clone)]
pub struct Constant {
    /// The name.
    pub name: String,
    /// Its value; negative ones are sign-extended.
    pub value: u64,
    /// Its definition with all macros expanded, but [`IOC`] for `_IOC`.
    pub expansion: String,
    /// Its definition as it stands in the header; empty for an enumerator.
    pub body: String,
}

/// What stands for `_IOC` in expansions.
pub const IOC: &str = "RSTRACE_IOC";

/// Headers that need others first.
const NEEDS: &[(&str, &[&str])] = &[
    ("asm-generic/ioctls.h", &["asm/termbits.h", "linux/serial.h"]),
    ("asm-generic/ucontext.h", &["asm/signal.h", "asm/sigcontext.h"]),
    ("asm/ucontext.h", &["asm/signal.h", "asm/sigcontext.h"]),
    ("linux/errqueue.h", &["linux/time.h"]),
    ("linux/fs.h", &["linux/blktrace_api.h", "linux/fiemap.h"]),
    ("linux/hdlc/ioctl.h", &["linux/if.h"]),
    ("linux/ivtvfb.h", &["linux/videodev2.h"]),
    ("linux/phonet.h", &["sys/socket.h"]),
    ("linux/ppdev.h", &["sys/time.h"]),
    ("linux/ppp-ioctl.h", &["linux/filter.h"]),
    ("linux/raid/md_u.h", &["linux/major.h"]),
    ("linux/sctp.h", &["sys/socket.h"]),
    ("linux/sonet.h", &["linux/atmioc.h"]),
];

/// For those that forget the C standard's own.
const ALWAYS: &[&str] = &["stdbool.h", "stddef.h", "stdint.h"];

/// No header of its own: it refuses to be included by another than the one that it belongs to.
pub fn is_no_header(source: &Source) -> bool {
    *source == Source::Uapi("linux/patchkey.h".into())
}

/// The constants that a header defines itself, in its order.
///
/// # Errors
///
/// If clang cannot be started, or refuses the header itself.
pub fn constants(headers: &Headers, source: &Source) -> Result<Vec<Constant>> {
    let mut includes = String::new();
    let (Source::Uapi(header) | Source::Glibc(header)) = source;
    if let Source::Glibc(_) = source {
        includes += "#define _GNU_SOURCE\n";
    }
    let needs = NEEDS.iter().find(|(name, _)| name == header).map_or(&[][..], |(_, needs)| needs);
    for name in ALWAYS.iter().chain(needs).chain([&header.as_str()]) {
        includes += &format!("#include <{name}>\n");
    }
    let mut names = defined(headers, source, &includes)?;
    names.retain(|definition| !is_guard(&definition.name));
    // Some headers use _IO without the header that defines it.
    includes += "#include <linux/ioctl.h>\n";
    loop {
        match values(headers, &includes, &names)? {
            Ok(values) => {
                let expansions = expansions(headers, &includes, &names)?;
                let with = |((definition, value), expansion): ((&Definition, u64), String)| Constant {
                    name: definition.name.clone(),
                    value: unsigned(value, expansion.as_str(), &definition.body),
                    expansion,
                    body: if definition.is_macro { definition.body.clone() } else { String::new() },
                };
                return Ok(names.iter().zip(values).zip(expansions).map(with).collect());
            }
            Err(bad) => {
                let mut index = 0;
                names.retain(|_| {
                    index += 1;
                    !bad.contains(&index)
                });
            }
        }
    }
}

/// A flag that is written `1 << 31` is an `int` for C and so negative, but means that bit.
fn unsigned(value: u64, expansion: &str, body: &str) -> u64 {
    let is_bits = |text: &str| text.contains("<<") && !text.contains(['-', '~']);
    let is_negative_int = value >> 31 == u64::MAX >> 31;
    if is_negative_int && (is_bits(expansion) || is_bits(body)) { value & 0xffff_ffff } else { value }
}

#[derive(Debug)]
struct Definition {
    name: String,
    body: String,
    is_macro: bool,
}

/// What the header defines that may be a constant.
fn defined(headers: &Headers, source: &Source, includes: &str) -> Result<Vec<Definition>> {
    let text = clang(headers, &["-E", "-dD"], includes)??;
    let mut known = BTreeSet::new();
    let mut found = Vec::new();
    let mut add = |definition: Definition| {
        if known.insert(definition.name.clone()) {
            found.push(definition);
        }
    };
    let mut is_here = false;
    // The text of an enum's body up to here, if one is open, and the word before a brace.
    let mut body: Option<String> = None;
    let mut before = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# ") {
            let file = rest.split('"').nth(1).unwrap_or_default();
            is_here = match (source, headers.header(file)) {
                (Source::Uapi(wanted), header) => header == Some(wanted),
                (Source::Glibc(_), header) => header.is_none() && file.starts_with("/usr/include/"),
            };
        } else if !is_here {
        } else if let Some(rest) = line.strip_prefix("#define ") {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (name, body) = rest.split_at(end);
            if is_expression(body) {
                add(Definition { name: name.into(), body: body.trim().into(), is_macro: true });
            }
        } else if !line.starts_with('#') {
            for c in line.chars().chain(['\n']) {
                match (&mut body, c) {
                    (Some(text), '}') => {
                        for piece in split(text) {
                            add(piece);
                        }
                        body = None;
                    }
                    (Some(text), c) => text.push(c),
                    (None, '{') => {
                        let is_enum = before.split_whitespace().any(|word| word == "enum");
                        body = is_enum.then(String::new);
                        before.clear();
                    }
                    (None, ';' | '}' | '(' | ')' | ',') => before.clear(),
                    (None, c) => before.push(c),
                }
            }
        }
    }
    Ok(found)
}

/// Only there for the headers themselves.
fn is_guard(name: &str) -> bool {
    let name = name.trim_end_matches('_');
    name.starts_with('_') && (name.ends_with("_H") || name.starts_with("__UAPI_DEF_"))
}

/// Neither a function-like macro nor nothing, nor what cannot be an expression.
fn is_expression(body: &str) -> bool {
    !body.starts_with('(') && !body.trim().is_empty() && !body.contains(['{', '}', ';', '"'])
}

/// The enumerators of an enum's body.
fn split(body: &str) -> Vec<Definition> {
    let mut depth = 0;
    let pieces = body.split(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    });
    let definition = |piece: &str| {
        let piece = piece.trim();
        let end = piece.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(piece.len());
        let (name, body) = piece.split_at(end);
        let body = body.trim_start_matches([' ', '=', '\n', '\t']);
        (!name.is_empty()).then(|| Definition { name: name.into(), body: body.into(), is_macro: false })
    };
    pieces.filter_map(definition).collect()
}

/// The values, or the places (from 1) of what is no constant.
fn values(
    headers: &Headers,
    includes: &str,
    names: &[Definition],
) -> Result<std::result::Result<Vec<u64>, BTreeSet<usize>>> {
    let mut source = format!("{includes}#line 1 \"rstrace\"\n");
    for (index, Definition { name, .. }) in names.iter().enumerate() {
        // A pointer and a float cannot be or-ed.
        source += &format!("const unsigned long long rstrace_{index} = ({name}) | 0ULL;\n");
    }
    let errors = match clang(headers, &["-S", "-emit-llvm", "-o", "-"], &source)? {
        Ok(code) => {
            let value = |line: &str| {
                let (name, rest) = line.strip_prefix("@rstrace_")?.split_once(" = ")?;
                let value = rest.split_once("constant i64 ")?.1.split(',').next()?;
                Some((name.parse::<usize>().ok()?, value.parse::<i64>().ok()? as u64))
            };
            let values: BTreeMap<usize, u64> = code.lines().filter_map(value).collect();
            if values.len() != names.len() {
                return Err("clang's code has not all constants".into());
            }
            return Ok(Ok(values.into_values().collect()));
        }
        Err(errors) => errors,
    };
    let place = |line: &str| line.strip_prefix("rstrace:")?.split(':').next()?.parse().ok();
    let is_error = |line: &&str| line.contains(" error: ");
    let bad: BTreeSet<usize> = errors.lines().filter(is_error).filter_map(place).collect();
    if bad.is_empty() {
        return Err(errors.lines().find(|line| line.contains("error: ")).unwrap_or(&errors).into());
    }
    Ok(Err(bad))
}

/// The definitions with all macros in them expanded.
fn expansions(headers: &Headers, includes: &str, names: &[Definition]) -> Result<Vec<String>> {
    let mut source = format!("{includes}#undef _IOC\n#define _IOC(a, b, c, d) {IOC}(a, b, c, d)\n@begin@");
    for Definition { name, .. } in names {
        source += &format!("\n{name}\n@@");
    }
    let text = clang(headers, &["-E", "-P"], &source)??;
    let text = text.rsplit("@begin@").next().unwrap_or_default();
    let found: Vec<String> =
        text.split("@@").map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    if found.len() != names.len() + 1 {
        return Err("the preprocessor lost some definitions".into());
    }
    Ok(found)
}

/// Clang's output, or its errors.
fn clang(headers: &Headers, options: &[&str], source: &str) -> Result<std::result::Result<String, String>> {
    let mut command = Command::new("clang");
    command.args(["-w", "-ferror-limit=0", "-fno-caret-diagnostics", "-x", "c"]).args(options);
    for root in headers.roots() {
        command.arg("-isystem").arg(root);
    }
    let failed = |error: std::io::Error| format!("cannot run clang: {error}");
    let mut child = command
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    // Clang reads all of its input before it writes.
    child.stdin.take().expect("stdin is piped").write_all(source.as_bytes()).map_err(failed)?;
    let output = child.wait_with_output().map_err(failed)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) })
}
