//! Raw records, decoded by every row of the table of system calls and written as text, at length and not.
//!
//! `cargo +nightly fuzz run records`. Records that fit together are tried by rstrace-cli's own tests.
#![no_main]

use std::cell::RefCell;
use std::io;

use libfuzzer_sys::fuzz_target;
use rstrace_cli::replay::Lines;

thread_local! {
    static FORMS: RefCell<[Lines<io::Sink>; 2]> =
        RefCell::new([false, true].map(|verbose| Lines::new(io::sink(), verbose)));
}

fuzz_target!(|bytes: &[u8]| FORMS.with_borrow_mut(|forms| {
    for lines in forms {
        // as the row that they name, and as every other
        lines.record(bytes, None);
        lines.by_every_row(bytes);
    }
}));
