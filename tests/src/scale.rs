//! How much of everything, in one place.

use std::time::Duration;

/// Opens that one thread makes as fast as it can.
pub const BURST: u64 = 100_000;
/// Threads that open at the same time.
pub const STORM_THREADS: u64 = 8;
/// Opens of each of them.
pub const STORM: u64 = 20_000;
/// What is left of [`BURST`] and [`STORM`] where a test repeats them for each backend and transport; less where
/// the machine is emulated, as the automatic choice is tested with all of them.
pub fn repeated(opens: u64) -> u64 {
    if crate::in_vm() { opens / 10 } else { opens }
}
/// Processes blocked in an open of a FIFO while others are traced.
pub const BYSTANDERS: u64 = 20;
/// Paths on pages that were just dropped.
pub const DROPPED_PAGES: u64 = 100;

/// Times that rstrace attaches and detaches; fewer where the machine is emulated.
pub fn attach_cycles() -> u32 {
    if crate::in_vm() { 3 } else { 200 }
}

/// Calls of a storm that is made hard.
pub fn hard_storm() -> u64 {
    if crate::in_vm() { 16_000 } else { 200_000 }
}

/// Children that live for a few calls only.
pub fn children() -> u64 {
    if crate::in_vm() { 500 } else { 5_000 }
}

/// Workers of a server at a time, connections that each serves, and all connections.
pub fn server() -> (u64, u64, u64) {
    if crate::in_vm() { (4, 10, 200) } else { (16, 20, 5_000) }
}

/// How long rstrace is stopped in a storm.
pub fn stopped() -> Duration {
    Duration::from_millis(if crate::in_vm() { 200 } else { 2_000 })
}
