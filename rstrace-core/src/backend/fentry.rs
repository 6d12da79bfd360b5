//! fentry + fexit: the cheapest hook of a kernel function, but skipped by every thread that runs while another
//! is preempted inside the program, so only for kernels that don't preempt.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

use nix::errno::Errno;

use super::Verdict;
use crate::machine::Machine;
use crate::probe::MAX_ARGS;

pub(super) fn judge(machine: &Machine, names: &[&'static str]) -> Verdict {
    if let Err(reason) = find(machine, names) {
        return Verdict::Refused(reason);
    }
    if machine.preemption().can_preempt() {
        return Verdict::Lossy(format!(
            "fentry programs are skipped while another thread is preempted inside them (preemption {})",
            machine.preemption().name()
        ));
    }
    Verdict::Complete
}

/// The first of the names that can be attached to, with the number of its arguments. Trying costs a program, so
/// each answer is kept.
pub(crate) fn find(machine: &Machine, names: &[&'static str]) -> Result<(&'static str, usize), String> {
    let first = names.first().copied().unwrap_or_default();
    if let Some(known) = machine.fentry_functions.borrow().get(first) {
        return known.clone();
    }
    let found = try_all(machine, names);
    machine.fentry_functions.borrow_mut().insert(first, found.clone());
    found
}

fn try_all(machine: &Machine, names: &[&'static str]) -> Result<(&'static str, usize), String> {
    // a kernel that allows no such program says so whatever the function, and reading its types costs
    const VOID: u32 = 0;
    if let Err(error) = try_load(VOID)
        && error.raw_os_error() == Some(libc::EPERM)
    {
        return Err(format!("this kernel refuses fentry programs ({})", Errno::EPERM.desc()));
    }
    let types = machine.types()?;
    let known: Vec<_> = names.iter().filter_map(|name| types.function(name).map(|f| (*name, f))).collect();
    if known.is_empty() {
        return Err(format!("this kernel has no {}", names.join(" and no ")));
    }
    let mut errors = Vec::new();
    for (name, (id, args)) in known {
        if args > MAX_ARGS {
            errors.push(format!("{name} (it has {args} arguments, more than {MAX_ARGS})"));
            continue;
        }
        match try_load(id) {
            Ok(()) => return Ok((name, args)),
            Err(error) => errors.push(format!("{name} ({error})")),
        }
    }
    Err(format!("this kernel refuses fentry programs on {}", errors.join(", ")))
}

/// Loads and attaches the smallest fentry program: only trying tells whether both are allowed.
fn try_load(function: u32) -> io::Result<()> {
    let insns = [
        // r0 = 0; exit
        libbpf_sys::bpf_insn { code: 0xb7, ..Default::default() },
        libbpf_sys::bpf_insn { code: 0x95, ..Default::default() },
    ];
    let mut opts = libbpf_sys::bpf_prog_load_opts {
        sz: size_of::<libbpf_sys::bpf_prog_load_opts>() as _,
        expected_attach_type: libbpf_sys::BPF_TRACE_FENTRY,
        attach_btf_id: function,
        ..Default::default()
    };
    // SAFETY: the program and the options are valid and outlive the call; the strings are C strings.
    let fd = unsafe {
        libbpf_sys::bpf_prog_load(
            libbpf_sys::BPF_PROG_TYPE_TRACING,
            c"rstrace_try".as_ptr(),
            c"GPL".as_ptr(),
            insns.as_ptr(),
            insns.len() as _,
            &mut opts,
        )
    };
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(-fd));
    }
    // SAFETY: the kernel just made this descriptor for us.
    let _program = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: a null name is how tracing programs are attached; the descriptor is open.
    let link = unsafe { libbpf_sys::bpf_raw_tracepoint_open(std::ptr::null(), fd) };
    if link < 0 {
        return Err(io::Error::from_raw_os_error(-link));
    }
    // SAFETY: as above.
    drop(unsafe { OwnedFd::from_raw_fd(link) });
    Ok(())
}
