//! An object of JSON in a line for each open.
//!
//! Names are text: bytes that are no UTF-8 are replaced in it, and stand beside it in hex.

use std::io::Write;

use rstrace_core::event::{Event, EventKind};
use rstrace_core::flags::FlagPart;
use rstrace_probes::open::context::STANDINGS;

use super::row::{End, Name, Row};
use super::trace::Format;
use crate::output::errno;

/// Lines of JSON.
#[derive(Debug, Default)]
pub struct Json {
    /// When the first open was.
    first_ns: Option<u64>,
}

/// Formats into bytes. Writing to a vector cannot fail.
macro_rules! put {
    ($out:expr, $($format:tt)*) => {{ let _ = write!($out, $($format)*); }};
}

impl Format for Json {
    fn header(&self, _: &mut Vec<u8>) {}

    fn row(&mut self, out: &mut Vec<u8>, row: &Row<'_>) {
        let since = row.time_ns.saturating_sub(*self.first_ns.get_or_insert(row.time_ns));
        put!(out, "{{\"time\":{}.{:09}", since / 1_000_000_000, since % 1_000_000_000);
        put!(out, ",\"time_ns\":{}", row.time_ns);
        match row.entry_ns {
            Some(entry) => put!(out, ",\"duration_ns\":{}", row.time_ns.saturating_sub(entry)),
            None => put!(out, ",\"duration_ns\":null"),
        }
        put!(out, ",\"uid\":{},\"pid\":{},\"tid\":{}", row.uid, row.pid, row.tid);
        text(out, "comm", row.comm);
        put!(out, ",\"syscall\":\"{}\"", row.syscall);
        match row.end {
            End::Opened(fd) => put!(out, ",\"fd\":{fd},\"err\":0"),
            End::Failed(code) => {
                put!(out, ",\"fd\":-1,\"err\":{code},\"error\":\"");
                errno::name(out, code);
                out.push(b'"');
            }
            End::Never => put!(out, ",\"fd\":null,\"err\":null"),
        }
        match row.flags {
            Some(flags) => {
                put!(out, ",\"flags\":{},\"flag_names\":[", flags.bits);
                list(out, flags.parts());
                out.push(b']');
            }
            None => put!(out, ",\"flags\":null"),
        }
        match row.mode {
            Some(mode) => put!(out, ",\"mode\":{mode}"),
            None => put!(out, ",\"mode\":null"),
        }
        match row.name {
            Name::Read { bytes, cut } => {
                text(out, "path", bytes);
                if cut {
                    put!(out, ",\"path_cut\":true");
                }
            }
            Name::Address(address) => put!(out, ",\"path\":null,\"path_address\":{address}"),
        }
        if let Some(path) = row.full_path {
            text(out, "full_path", path.bytes);
            put!(out, ",\"full_path_is\":[");
            let standing = rstrace_core::flags::Flags { bits: path.standing, set: &STANDINGS };
            list(out, standing.parts());
            out.push(b']');
        }
        out.extend_from_slice(b"}\n");
    }

    fn event(&mut self, out: &mut Vec<u8>, event: &Event<'_>) -> u64 {
        let EventKind::Lost { calls } = event.kind else { return 0 };
        put!(out, "{{\"lost\":{calls}}}\n");
        calls
    }
}

fn list(out: &mut Vec<u8>, parts: impl Iterator<Item = FlagPart>) {
    for (i, part) in parts.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        match part {
            FlagPart::Name(name) => put!(out, "\"{name}\""),
            FlagPart::Rest(bits, _) => put!(out, "\"{bits:#x}\""),
        }
    }
}

/// Appends a member that is text, and with `_hex` behind its key the bytes, if they are no text.
fn text(out: &mut Vec<u8>, key: &str, bytes: &[u8]) {
    put!(out, ",\"{key}\":\"");
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' | '\\' => put!(out, "\\{character}"),
                '\n' => out.extend_from_slice(b"\\n"),
                '\t' => out.extend_from_slice(b"\\t"),
                // also what JSON allows, but terminals obey
                _ if character.is_control() => put!(out, "\\u{:04x}", u32::from(character)),
                _ => put!(out, "{character}"),
            }
        }
        if !chunk.invalid().is_empty() {
            put!(out, "\u{fffd}");
        }
    }
    out.push(b'"');
    if std::str::from_utf8(bytes).is_err() {
        put!(out, ",\"{key}_hex\":\"");
        bytes.iter().for_each(|byte| put!(out, "{byte:02x}"));
        out.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::FullPath;
    use super::*;
    use rstrace_core::flags::Flags;
    use rstrace_probes::open::{CREAT_FLAGS, context};

    #[track_caller]
    fn line(row: &Row<'_>) -> String {
        let mut out = Vec::new();
        Json::default().row(&mut out, row);
        String::from_utf8(out).expect("UTF-8")
    }

    fn row() -> Row<'static> {
        Row {
            time_ns: 5_000_000_000,
            entry_ns: Some(4_999_999_000),
            pid: 1956,
            tid: 1957,
            uid: 1000,
            comm: b"cat",
            syscall: "openat",
            end: End::Failed(2),
            flags: Some(Flags { bits: 0o2000101, set: CREAT_FLAGS.set }),
            mode: Some(0o644),
            name: Name::Read { bytes: b"nope", cut: false },
            full_path: Some(FullPath { bytes: b"/gone/nope", standing: context::DELETED }),
        }
    }

    #[test]
    fn a_line_is_an_object() {
        assert_eq!(
            line(&row()),
            "{\"time\":0.000000000,\"time_ns\":5000000000,\"duration_ns\":1000,\"uid\":1000,\"pid\":1956,\
             \"tid\":1957,\"comm\":\"cat\",\"syscall\":\"openat\",\"fd\":-1,\"err\":2,\"error\":\"ENOENT\",\
             \"flags\":524353,\"flag_names\":[\"O_WRONLY\",\"O_CREAT\",\"O_CLOEXEC\"],\"mode\":420,\
             \"path\":\"nope\",\"full_path\":\"/gone/nope\",\"full_path_is\":[\"deleted\"]}\n"
        );
    }

    #[test]
    fn names_are_valid_json_whatever_they_are() {
        let text = line(&Row { name: Name::Read { bytes: b"\"\\\n\x1b\xff", cut: true }, ..row() });
        let path = "\"path\":\"\\\"\\\\\\n\\u001b\u{fffd}\",\"path_hex\":\"225c0a1bff\",\"path_cut\":true";
        assert!(text.contains(path), "{text}");
    }

    #[test]
    fn what_is_not_known_is_null() {
        let text = line(&Row {
            entry_ns: None,
            end: End::Never,
            flags: None,
            mode: None,
            name: Name::Address(16),
            full_path: None,
            ..row()
        });
        for member in ["duration_ns\":null", "fd\":null", "flags\":null", "mode\":null", "path\":null"] {
            assert!(text.contains(member), "{member} in {text}");
        }
        assert!(text.contains("\"path_address\":16}"), "{text}");
    }

    #[test]
    fn lost_calls_have_a_line() {
        let mut out = Vec::new();
        let event = Event {
            tgid: 0,
            tid: 0,
            time_ns: 0,
            caller: None,
            pointer: None,
            stack: None,
            name: None,
            kind: EventKind::Lost { calls: 3 },
        };
        assert_eq!(Json::default().event(&mut out, &event), 3);
        assert_eq!(out, b"{\"lost\":3}\n");
    }
}
