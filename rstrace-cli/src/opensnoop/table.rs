//! The table, with the columns and widths of BCC's opensnoop.

use std::io::Write;

use rstrace_core::event::{Event, EventKind};
use rstrace_probes::open::context;

use super::escape::for_terminal;
use super::row::{End, Name, Row};
use super::trace::Format;

/// Which columns there are beside those that are always there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Columns {
    /// `TIME(s)`.
    pub timestamp: bool,
    /// `UID`.
    pub uid: bool,
    /// `TID` instead of `PID`.
    pub tid: bool,
    /// `FLAGS` and `MODE`.
    pub extended: bool,
}

/// The table.
#[derive(Debug)]
pub struct Table {
    columns: Columns,
    /// Whether names are escaped.
    terminal: bool,
    /// When the first open was.
    first_ns: Option<u64>,
}

/// Formats into bytes. Writing to a vector cannot fail.
macro_rules! put {
    ($out:expr, $($format:tt)*) => {{ let _ = write!($out, $($format)*); }};
}

impl Table {
    /// An empty table.
    pub fn new(columns: Columns, terminal: bool) -> Self {
        Self { columns, terminal, first_ns: None }
    }

    /// A name, padded to `width` columns; how wide characters are is the terminal's business.
    fn name(&self, out: &mut Vec<u8>, bytes: &[u8], width: usize) {
        let start = out.len();
        if self.terminal {
            for_terminal(out, bytes);
        } else {
            out.extend_from_slice(bytes);
        }
        let columns = String::from_utf8_lossy(&out[start..]).chars().count();
        out.resize(out.len() + width.saturating_sub(columns), b' ');
    }

    fn path(&self, out: &mut Vec<u8>, row: &Row<'_>) {
        if let Some(path) = row.full_path {
            let is = |bit| path.standing & bit != 0;
            // a path that does not begin with a slash is none of the thread's namespace
            if is(context::UNKNOWN) {
                out.push(b'?');
            } else if is(context::DETACHED) {
                out.extend_from_slice(b"(unreachable)");
            } else if is(context::CUT) && !matches!(row.name, Name::Read { cut: true, .. }) {
                out.extend_from_slice(b"...");
            }
            self.name(out, path.bytes, 0);
            if matches!(row.name, Name::Read { cut: true, .. }) {
                out.extend_from_slice(b"...");
            }
            if is(context::DELETED) {
                out.extend_from_slice(b" (directory deleted)");
            }
            return;
        }
        match row.name {
            Name::Read { bytes: [], .. } => out.extend_from_slice(b"\"\""),
            Name::Read { bytes, cut } => {
                self.name(out, bytes, 0);
                if cut {
                    out.extend_from_slice(b"...");
                }
            }
            Name::Address(0) => out.extend_from_slice(b"NULL"),
            Name::Address(address) => put!(out, "{address:#x}"),
        }
    }
}

impl Format for Table {
    fn header(&self, out: &mut Vec<u8>) {
        let columns = self.columns;
        if columns.timestamp {
            put!(out, "{:<14}", "TIME(s)");
        }
        if columns.uid {
            put!(out, "{:<6}", "UID");
        }
        put!(out, "{:<6} {:<16} {:>4} {:>3} ", if columns.tid { "TID" } else { "PID" }, "COMM", "FD", "ERR");
        if columns.extended {
            put!(out, "{:<8} {:<4} ", "FLAGS", "MODE");
        }
        out.extend_from_slice(b"PATH\n");
    }

    fn row(&mut self, out: &mut Vec<u8>, row: &Row<'_>) {
        let columns = self.columns;
        if columns.timestamp {
            let since = row.time_ns.saturating_sub(*self.first_ns.get_or_insert(row.time_ns));
            let time = format_args!("{}.{:09}", since / 1_000_000_000, since % 1_000_000_000).to_string();
            put!(out, "{time:<14}");
        }
        if columns.uid {
            put!(out, "{:<6}", row.uid);
        }
        put!(out, "{:<6} ", if columns.tid { row.tid } else { row.pid });
        self.name(out, row.comm, 16);
        match row.end {
            End::Opened(fd) => put!(out, " {fd:>4} {:>3} ", 0),
            End::Failed(code) => put!(out, " {:>4} {code:>3} ", -1),
            End::Never => put!(out, " {:>4} {:>3} ", '?', '?'),
        }
        if columns.extended {
            match row.flags {
                Some(flags) => put!(out, "{:08o} ", flags.bits),
                None => put!(out, "{:<8} ", '?'),
            }
            match row.mode {
                Some(mode) => put!(out, "{mode:04o} "),
                None => put!(out, "{:<4} ", "n/a"),
            }
        }
        self.path(out, row);
        out.push(b'\n');
    }

    fn event(&mut self, _: &mut Vec<u8>, event: &Event<'_>) -> u64 {
        match event.kind {
            EventKind::Lost { calls } => calls,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::FullPath;
    use super::*;
    use rstrace_core::flags::Flags;
    use rstrace_probes::open::CREAT_FLAGS;

    fn row() -> Row<'static> {
        Row {
            time_ns: 5_000_000_000,
            entry_ns: None,
            pid: 1956,
            tid: 1957,
            uid: 0,
            comm: b"supervise",
            syscall: "openat",
            end: End::Opened(9),
            flags: Some(Flags { bits: 0o2100000, set: CREAT_FLAGS.set }),
            mode: None,
            name: Name::Read { bytes: b"supervise/status.new", cut: false },
            full_path: None,
        }
    }

    fn table(columns: Columns, terminal: bool, rows: &[Row<'_>]) -> String {
        let mut table = Table::new(columns, terminal);
        let mut out = Vec::new();
        table.header(&mut out);
        for row in rows {
            table.row(&mut out, row);
        }
        String::from_utf8(out).expect("UTF-8")
    }

    const ALL: Columns = Columns { timestamp: true, uid: true, tid: false, extended: true };

    #[test]
    fn columns_are_as_wide_as_bcc_s() {
        assert_eq!(
            table(Columns::default(), false, &[row()]),
            "PID    COMM               FD ERR PATH\n1956   supervise           9   0 supervise/status.new\n"
        );
        let second = Row { time_ns: 6_023_381_997, mode: Some(0o644), end: End::Failed(13), ..row() };
        assert_eq!(
            table(ALL, false, &[row(), second]),
            "TIME(s)       UID   PID    COMM               FD ERR FLAGS    MODE PATH\n\
             0.000000000   0     1956   supervise           9   0 02100000 n/a  supervise/status.new\n\
             1.023381997   0     1956   supervise          -1  13 02100000 0644 supervise/status.new\n"
        );
    }

    #[test]
    fn a_thread_is_told_by_its_own_id() {
        let text = table(Columns { tid: true, ..Columns::default() }, false, &[row()]);
        assert!(text.starts_with("TID    COMM") && text.contains("\n1957   supervise"), "{text}");
    }

    #[track_caller]
    fn path(row: Row<'_>) -> String {
        let text = table(Columns::default(), true, &[row]);
        let (_, line) = text.trim_end().split_once('\n').expect("two lines");
        line[33..].to_owned()
    }

    fn full(bytes: &[u8], standing: u64) -> Row<'_> {
        Row { full_path: Some(FullPath { bytes, standing }), ..row() }
    }

    #[test]
    fn no_name_is_empty() {
        assert_eq!(path(Row { name: Name::Read { bytes: b"", cut: false }, ..row() }), "\"\"");
        assert_eq!(path(Row { name: Name::Address(0), ..row() }), "NULL");
        assert_eq!(path(Row { name: Name::Address(0x7f00), ..row() }), "0x7f00");
        assert_eq!(path(Row { name: Name::Read { bytes: b"x", cut: true }, ..row() }), "x...");
    }

    #[test]
    fn a_path_that_is_not_certain_says_so() {
        assert_eq!(path(full(b"/a/b", 0)), "/a/b");
        assert_eq!(path(full(b"/a/b", context::DELETED)), "/a/b (directory deleted)");
        assert_eq!(path(full(b"/a/b", context::DETACHED)), "(unreachable)/a/b");
        assert_eq!(path(full(b"/a/b", context::CUT)), ".../a/b");
        assert_eq!(path(full(b"/b", context::UNKNOWN)), "?/b");
    }

    #[test]
    fn names_are_escaped_on_a_terminal_only() {
        let hostile = || Row { comm: b"\x1b[2J", name: Name::Read { bytes: b"a\nb", cut: false }, ..row() };
        assert_eq!(path(hostile()), r"a\nb");
        assert!(table(Columns::default(), true, &[hostile()]).contains("\\033[2J "));
        assert!(table(Columns::default(), false, &[hostile()]).contains("a\nb\n"));
    }

    #[test]
    fn what_never_returned_has_question_marks() {
        let text = table(Columns::default(), false, &[Row { end: End::Never, ..row() }]);
        assert!(text.contains("supervise           ?   ? supervise"), "{text}");
    }
}
