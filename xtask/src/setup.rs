//! The Debian packages that rstrace needs: one list for building, one for testing.
//!
//! What counts is whether the program or header is there, not whether the package is installed: on another
//! distribution, or with a compiler from elsewhere, nothing is asked for.

use std::path::Path;
use std::process::Command;

use crate::{Result, process};

/// A package and what shows that it is not needed any more.
#[derive(Debug)]
pub struct Need {
    package: &'static str,
    proof: Proof,
}

#[derive(Debug)]
enum Proof {
    Program(&'static str),
    Header(&'static str),
}

const fn program(package: &'static str, program: &'static str) -> Need {
    Need { package, proof: Proof::Program(program) }
}

const fn header(package: &'static str, header: &'static str) -> Need {
    Need { package, proof: Proof::Header(header) }
}

/// To build: clang for the BPF programs; a C compiler, libelf and zlib for libbpf.
pub const BUILD: &[Need] = &[
    program("clang", "clang"),
    program("llvm", "llvm-strip"),
    program("gcc", "cc"),
    program("make", "make"),
    program("pkg-config", "pkg-config"),
    header("libelf-dev", "libelf.h"),
    header("zlib1g-dev", "zlib.h"),
    header("libc6-dev", "stdio.h"),
    header("linux-libc-dev", "linux/bpf.h"),
];

/// To test: what the checks call, what the end-to-end tests compare with, and the virtual machines.
pub const TEST: &[Need] = &[
    program("clang-format", "clang-format"),
    program("git", "git"),
    program("strace", "strace"),
    program("qemu-system-x86", "qemu-system-x86_64"),
    program("busybox-static", "busybox"),
];

/// To measure: other tracers, and clients. Servers (redis-server, nginx) are used where they are; their packages
/// start them for good.
pub const BENCH: &[Need] = &[
    program("git", "git"),
    program("strace", "strace"),
    program("bpftrace", "bpftrace"),
    program("linux-perf", "perf"),
    program("redis-tools", "redis-benchmark"),
    program("wrk", "wrk"),
];

impl Need {
    fn is_met(&self) -> bool {
        match self.proof {
            Proof::Program(name) => process::find(name).is_some(),
            Proof::Header(name) => {
                let multiarch = format!("/usr/include/{}-linux-gnu", std::env::consts::ARCH);
                ["/usr/include", &multiarch, "/usr/local/include"]
                    .iter()
                    .any(|directory| Path::new(directory).join(name).exists())
            }
        }
    }
}

/// Installs what is missing, and only that.
pub fn install(lists: &[&[Need]]) -> Result<()> {
    let missing: Vec<&str> =
        lists.iter().copied().flatten().filter(|need| !need.is_met()).map(|need| need.package).collect();
    install_packages(&missing)
}

/// Installs what is missing of what can be done without.
pub fn install_if_possible(list: &[Need]) {
    for need in list.iter().filter(|need| !need.is_met()) {
        if let Err(error) = install_packages(&[need.package]) {
            eprintln!("xtask: going on without {}: {error}", need.package);
        }
    }
}

/// Installs these packages.
pub fn install_packages(missing: &[&str]) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    if process::find("apt-get").is_none() {
        return Err(format!("missing, and there is no apt-get to install them; please install: {names}"));
    }
    eprintln!("xtask: installing {names}");
    if process::run(apt_get().args(INSTALL).args(missing)).is_err() {
        eprintln!("xtask: refreshing apt's package lists, then trying again");
        process::run(apt_get().args(["-qq", "update"]))?;
        process::run(apt_get().args(INSTALL).args(missing))
            .map_err(|error| format!("{error}; please install by hand: {names}"))?;
    }
    Ok(())
}

const INSTALL: [&str; 4] = ["-qq", "install", "--yes", "--no-install-recommends"];

fn apt_get() -> Command {
    // Through env, because sudo passes no variables on.
    let mut command = process::as_root("env");
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    // Our stdout is for results.
    command.stdout(std::io::stderr());
    command
}
