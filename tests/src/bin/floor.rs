//! Runs a command with empty programs on the hooks that rstrace uses for system calls: no tracer that uses
//! them can cost less. For the bench.

use std::ffi::CStr;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().skip_while(|word| word != "--").skip(1).collect();
    let [program, arguments @ ..] = words.as_slice() else {
        eprintln!("usage: floor -- COMMAND [ARG]...");
        return ExitCode::FAILURE;
    };
    let attached = [c"sys_enter", c"sys_exit"].map(attach_nothing);
    if let Some(error) = attached.iter().find_map(|link| link.as_ref().err()) {
        eprintln!("floor: no empty program can be attached: {error}");
        return ExitCode::FAILURE;
    }
    match Command::new(program).args(arguments).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("floor: {}: {error}", program.display());
            ExitCode::FAILURE
        }
    }
}

/// Attaches a program that returns at once to a raw tracepoint, until the result is dropped.
fn attach_nothing(tracepoint: &CStr) -> io::Result<(OwnedFd, OwnedFd)> {
    // r0 = 0; exit
    let insns = [0xb7, 0x95].map(|code| libbpf_sys::bpf_insn { code, ..Default::default() });
    let owned = |fd: i32| {
        if fd < 0 {
            return Err(io::Error::from_raw_os_error(-fd));
        }
        // SAFETY: the kernel just made this descriptor for us.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    };
    // SAFETY: the instructions and the strings are valid and outlive the calls.
    let program = unsafe {
        libbpf_sys::bpf_prog_load(
            libbpf_sys::BPF_PROG_TYPE_RAW_TRACEPOINT,
            c"floor".as_ptr(),
            c"GPL".as_ptr(),
            insns.as_ptr(),
            insns.len() as _,
            std::ptr::null_mut(),
        )
    };
    let program_fd = owned(program)?;
    // SAFETY: as above; the program's descriptor is open.
    let link = owned(unsafe { libbpf_sys::bpf_raw_tracepoint_open(tracepoint.as_ptr(), program) })?;
    Ok((program_fd, link))
}
