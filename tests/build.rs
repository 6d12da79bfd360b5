//! Compiles the fixtures, statically: the same files run here and in the virtual machines.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let source = Path::new("fixtures");
    let target = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("fixtures");
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());

    println!("cargo::rerun-if-changed=fixtures");
    println!("cargo::rerun-if-env-changed=CC");
    println!("cargo::rustc-env=RSTRACE_FIXTURES_BUILT={}", target.display());
    fs::create_dir_all(&target).expect("the output folder can be made");
    for entry in fs::read_dir(source).expect("tests/fixtures is there") {
        let path = entry.expect("tests/fixtures can be read").path();
        if path.extension().is_none_or(|e| e != "c") {
            continue;
        }
        let program = target.join(path.file_stem().expect("a file has a name"));
        let output = Command::new(&compiler)
            .args(["-O2", "-Wall", "-Wextra", "-Wno-unused-result", "-static", "-pthread", "-o"])
            .arg(&program)
            .arg(&path)
            .output();
        match output {
            Err(error) => fail(&format!(
                "the C compiler {} cannot be started: {error}; install one (Debian: gcc) or set CC",
                compiler.display()
            )),
            Ok(output) if !output.status.success() => {
                let message = String::from_utf8_lossy(&output.stderr);
                let libc_is_missing = ["-lc", "-lpthread", "libc.a"].iter().any(|l| message.contains(l));
                let hint = if libc_is_missing {
                    "\nthe static C library is missing: install it (Debian: libc6-dev)"
                } else {
                    ""
                };
                fail(&format!("{} does not compile:\n{message}{hint}", path.display()))
            }
            Ok(_) => {}
        }
    }
}

fn fail(message: &str) -> ! {
    eprintln!("{message}");
    std::process::exit(1)
}
