//! Compiles the BPF object and generates its skeleton.

use std::env;
use std::path::PathBuf;

use libbpf_cargo::SkeletonBuilder;

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("rstrace.skel.rs");
    SkeletonBuilder::new()
        .source("src/bpf/rstrace.bpf.c")
        .clang_args(["-mcpu=v3", "-Wall", "-Wno-unused-function"])
        .build_and_generate(&out)
        .expect("the BPF object needs clang (apt-get install clang)");
    println!("cargo:rerun-if-changed=src/bpf");
}
