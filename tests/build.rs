//! Compiles the fixtures, statically: the same files run here and in the virtual machines. Those in `calls` have no
//! libc either, so that a trace of one has nothing but what stands in its file.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const ALL: &[&str] = &["-Wall", "-Wextra", "-Wno-unused-result", "-static"];
const PROGRAMS: &[&str] = &["-O2", "-pthread"];
const CALLS: &[&str] = &["-O1", "-nostdlib", "-ffreestanding", "-fno-stack-protector"];

fn main() {
    let source = Path::new("fixtures");
    let target = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("fixtures");

    println!("cargo::rerun-if-changed=fixtures");
    println!("cargo::rerun-if-env-changed=CC");
    println!("cargo::rustc-env=RSTRACE_FIXTURES_BUILT={}", target.display());
    compile_folder(source, &target, PROGRAMS);
    compile_folder(&source.join("calls"), &target.join("calls"), CALLS);
}

fn compile_folder(source: &Path, target: &Path, flags: &[&str]) {
    fs::create_dir_all(target).expect("the output folder can be made");
    for entry in fs::read_dir(source).expect("the folder of the fixtures is there") {
        let path = entry.expect("the folder of the fixtures can be read").path();
        if path.extension().is_some_and(|e| e == "c") {
            let program = target.join(path.file_stem().expect("a file has a name"));
            compile(&path, &program, flags);
        }
    }
}

fn compile(path: &Path, program: &Path, flags: &[&str]) {
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    let output = Command::new(&compiler).args(ALL).args(flags).arg("-o").arg(program).arg(path).output();
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

fn fail(message: &str) -> ! {
    eprintln!("{message}");
    std::process::exit(1)
}
