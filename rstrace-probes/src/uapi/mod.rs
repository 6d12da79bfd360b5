//! The kernel's constants, by the names that its headers give them.
//!
//! Tables of flags and names take their numbers from here: `uapi::O_CLOEXEC` is a `u64`, whatever type C gives
//! it. Negative values are sign-extended, as in a register; a flag in bit 31 is that bit alone.
//!
//! All but this file is written by `cargo xtask uapi` from the newest Linux headers (and for what these do not
//! define, from the C library's); each file names its source. The headers are listed in
//! `xtask/src/uapi/groups.rs`: add one there and its constants are here. The values are those of x86-64.
//!
//! A name stands in one file only, so all of them are used as `uapi::NAME`.

#![allow(missing_docs, reason = "the headers are the documentation of their constants")]
#![allow(non_upper_case_globals, reason = "a few names in the headers have small letters")]
#![allow(
    dead_code,
    unused_imports,
    reason = "all constants of a header are written, whatever the tables use"
)]

mod bpf;
mod device;
mod fs;
mod glibc;
pub mod ioctls;
mod mm;
mod net;
mod netfilter;
mod netlink;
pub mod numbers;
mod process;
mod security;
#[cfg(all(test, target_arch = "x86_64"))]
mod tests;
mod tty;

pub use bpf::*;
pub use device::*;
pub use fs::*;
pub use glibc::*;
pub use mm::*;
pub use net::*;
pub use netfilter::*;
pub use netlink::*;
pub use process::*;
pub use security::*;
pub use tty::*;
