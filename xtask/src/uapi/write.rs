//! The generated files' text, as rustfmt would have it.

use super::ioctls::Request;
use super::numbers::Table;

/// What stands before and behind the name of the source.
const WRITTEN: (&str, &str) = ("//! Written by `cargo xtask uapi` from ", "; not to be edited.");

fn head(about: &str, source: &str) -> String {
    format!("//! {about}.\n//!\n{}{source}{}\n", WRITTEN.0, WRITTEN.1)
}

/// The source that a generated file names.
pub fn source(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix(WRITTEN.0)?.strip_suffix(WRITTEN.1))
}

/// Constants by header.
pub fn constants(source: &str, about: &str, headers: &[(&str, Vec<(String, u64)>)]) -> String {
    let mut text = head(about, source);
    for (header, constants) in headers.iter().filter(|(_, constants)| !constants.is_empty()) {
        text += &format!("\n// {header}\n");
        for (name, value) in constants {
            text += &format!("pub const {name}: u64 = {value:#x};\n");
        }
    }
    text
}

/// The table of ioctl requests.
pub fn ioctls(source: &str, requests: &[Request]) -> String {
    let mut text = head("The names of ioctl requests, sorted by code", source);
    text +=
        "\n/// Code and name; several names of one code are joined as strace shows them.\n#[rustfmt::skip]\n";
    text += "pub static IOCTLS: &[(u32, &str)] = &[\n";
    for Request { code, names } in requests {
        text += &format!("    ({code:#010x}, \"{}\"),\n", names.join(" or "));
    }
    text + "];\n"
}

/// The tables of system calls.
pub fn numbers(source: &str, tables: &[Table]) -> String {
    let mut text = head("The numbers of system calls, sorted", source);
    for Table { name, about, cfg, rows } in tables {
        text += &format!("\n/// {about}\n#[cfg(target_arch = \"{cfg}\")]\n");
        text += &format!("pub static {name}: &[(u32, &str)] = &[\n");
        for (number, name) in rows {
            text += &format!("    ({number}, \"{name}\"),\n");
        }
        text += "];\n";
    }
    text
}
