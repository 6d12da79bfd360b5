//! The kernel side of rstrace: one BPF object with its skeleton, and the layout of what it exchanges
//! with user space. What the object does is told in `src/bpf/*.h`, what it is used for in rstrace-core.

pub mod layout;

/// The generated skeleton: typed access to the object's maps, programs and constants.
#[allow(missing_docs, missing_debug_implementations, clippy::all, clippy::undocumented_unsafe_blocks)]
mod skeleton {
    include!(concat!(env!("OUT_DIR"), "/rstrace.skel.rs"));
}

pub use skeleton::*;

/// The structures of the kernel whose members' places the object is told when it is loaded.
pub const RELOCATED: &[&str] = &include!(concat!(env!("OUT_DIR"), "/relocated.rs"));
