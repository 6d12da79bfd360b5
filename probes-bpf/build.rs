//! Compiles the BPF object and generates its skeleton, and the list of the kernel structures that it is relocated by.

use std::env;
use std::fs;
use std::path::PathBuf;

use libbpf_cargo::SkeletonBuilder;

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let types = fs::read_to_string("src/bpf/types.h").expect("types.h is there");
    fs::write(out.join("relocated.rs"), format!("[{}]", relocated(&types))).expect("OUT_DIR can be written");
    SkeletonBuilder::new()
        .source("src/bpf/rstrace.bpf.c")
        .clang_args(["-mcpu=v3", "-Wall", "-Werror=int-conversion", "-Wno-unused-function"])
        .build_and_generate(out.join("rstrace.skel.rs"))
        .expect("the BPF object needs clang (apt-get install clang)");
    println!("cargo:rerun-if-changed=src/bpf");
}

/// The names of the structures that are defined under the attribute, as literals.
fn relocated(types: &str) -> String {
    let (_, rest) = types.split_once("#pragma clang attribute push").expect("types.h has the attribute");
    let (under, _) = rest.split_once("#pragma clang attribute pop").expect("the attribute ends");
    let names = under.lines().filter_map(|line| line.strip_prefix("struct ")?.strip_suffix(" {"));
    names.map(|name| format!("{name:?},")).collect()
}
