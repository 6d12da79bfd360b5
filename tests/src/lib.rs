//! What the end-to-end tests share: starting rstrace, strace and the fixtures under a time limit, and
//! reading what they say.
//!
//! The tests themselves are one program, `tests/e2e`, which runs on the host and inside the virtual
//! machines. They need root. Three variables tell it where it is:
//! `RSTRACE_BIN` (the command under test), `RSTRACE_FIXTURES` (the folder of the compiled fixtures) and
//! `RSTRACE_VM=1` (a machine of its own: emulated, with busybox for a userland, and nobody else on it).

mod bpf_objects;
pub mod differ;
mod doctor;
mod fixture;
mod ledger;
mod objects;
mod opensnoop;
mod pinned;
mod process;
pub mod programs;
mod rstrace;
mod same_run;
pub mod scale;
mod schema;
mod scratch;
mod summary;
mod trace;
mod two_runs;
mod wait;

pub use bpf_objects::{Leftovers, Snapshot, tracefs_events_of_rstrace};
pub use doctor::{Doctor, Offer, Verdict};
pub use fixture::{fixture, said, said_number};
pub use ledger::{Count, Ledger};
pub use objects::Objects;
pub use opensnoop::{Opensnoop, Snooped, Snooping, opensnoop_binary, table};
pub use pinned::{PinnedSet, with_bpffs};
pub use process::{Output, Program, Running};
pub use rstrace::{Finished, Rstrace, Tracing, rstrace_binary};
pub use same_run::{SameRun, assert_same_lines, watch_same_run};
pub use scratch::Scratch;
pub use summary::Summary;
pub use trace::{Line, Trace};
pub use two_runs::{Traces, form};
pub use wait::{limit, until};

/// Whether this runs in a virtual machine of its own.
pub fn in_vm() -> bool {
    std::env::var_os("RSTRACE_VM").is_some_and(|v| v == "1")
}

/// Whether a program can be found in `PATH`.
pub fn has_program(name: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|p| std::env::split_paths(&p).any(|d| d.join(name).is_file()))
}

/// Says that a test is skipped, where libtest does not swallow it.
pub fn say_skipped(test: &str, reason: &str) {
    use std::io::Write;
    // `name::of::test::here`: the last word is the function that the macro defines to learn its name.
    let name = test.rsplit_once("::").map_or(test, |(test, _)| test);
    let _ = writeln!(std::io::stderr(), "SKIP {name}: {reason}");
}

/// Ends the test that it stands in with a line `SKIP name: reason`.
#[macro_export]
macro_rules! skip {
    ($($reason:tt)*) => {{
        fn here() {}
        $crate::say_skipped(std::any::type_name_of_val(&here), &format!($($reason)*));
        return;
    }};
}

/// Ends the test that it stands in, likewise, if one of these programs is not installed.
#[macro_export]
macro_rules! needs {
    ($($program:literal),+) => {$(
        if !$crate::has_program($program) {
            $crate::skip!(concat!($program, " is not installed"));
        }
    )+};
}
