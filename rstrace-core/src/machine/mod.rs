//! What this machine offers to a tracer: asked of the kernel by trying, not by its version, save for the one
//! rule that nothing else tells: whether raw tracepoints see everything.

pub(crate) mod btf;
pub(crate) mod cast;
pub mod preempt;
pub(crate) mod tracefs;

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::rc::Rc;
use std::sync::OnceLock;

use libbpf_rs::{MapType, ProgramType};

use crate::backend::plan::Prepare;
use crate::error::{Error, ErrorKind, Result};
use btf::KernelTypes;
use preempt::Preemption;
use tracefs::Tracefs;

/// What this machine offers; each question is asked of the kernel once, when it matters.
#[derive(Debug, Default)]
pub struct Machine {
    tracefs: OnceCell<Result<Tracefs, String>>,
    preemption: OnceCell<Preemption>,
    kprobe_pmu: OnceCell<Option<u32>>,
    types: RefCell<Option<Rc<KernelTypes>>>,
    ring: OnceCell<bool>,
    /// How an execve's arguments can be read when they are resident.
    pub(crate) prepare: OnceCell<Option<Prepare>>,
    /// What fentry can be attached to, by the first of the candidate names.
    pub(crate) fentry_functions: RefCell<BTreeMap<&'static str, FentryFunction>>,
}

/// A function's name and the number of its arguments, or why none of the candidates can be attached to.
type FentryFunction = Result<(&'static str, usize), String>;

/// The inode of the initial PID namespace (`PROC_PID_INIT_INO`, include/linux/proc_ns.h).
const INITIAL_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

impl Machine {
    /// Nothing is asked yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks what every session needs: privilege, BPF, BTF, the initial PID namespace.
    pub fn check(&self) -> Result<()> {
        check_bpf()?;
        if !has_helper(libbpf_sys::BPF_FUNC_probe_read_user) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "this kernel is too old: its BPF can't read user memory as such (bpf_probe_read_user came with 5.5)",
            ));
        }
        if std::fs::metadata("/sys/kernel/btf/vmlinux").is_err() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "this kernel has no type information (/sys/kernel/btf/vmlinux): it needs CONFIG_DEBUG_INFO_BTF",
            ));
        }
        use std::os::unix::fs::MetadataExt;
        if std::fs::metadata("/proc/self/ns/pid").is_ok_and(|ns| ns.ino() != INITIAL_PID_NAMESPACE) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "rstrace runs in a PID namespace of its own, where process ids mean something else than to the \
                 kernel: run it outside of the container, or the container with --pid=host",
            ));
        }
        Ok(())
    }

    /// tracefs, mounted for us alone if it is mounted nowhere; or why there is none.
    pub(crate) fn tracefs(&self) -> Result<&Tracefs, &str> {
        self.tracefs.get_or_init(Tracefs::open).as_ref().map_err(String::as_str)
    }

    /// Where tracefs is, in words.
    pub fn tracefs_state(&self) -> String {
        match self.tracefs() {
            Ok(tracefs) if tracefs.is_ours() => "not mounted: rstrace mounts it for itself".to_owned(),
            Ok(_) => "mounted".to_owned(),
            Err(why) => format!("missing: {why}"),
        }
    }

    /// How this kernel preempts itself.
    pub fn preemption(&self) -> Preemption {
        *self.preemption.get_or_init(preempt::detect)
    }

    /// The perf event type of kprobes, if the kernel has them.
    pub(crate) fn kprobe_pmu(&self) -> Option<u32> {
        *self.kprobe_pmu.get_or_init(|| {
            std::fs::read_to_string("/sys/bus/event_source/devices/kprobe/type").ok()?.trim().parse().ok()
        })
    }

    /// The kernel's own types and functions, or why they can't be read.
    pub(crate) fn types(&self) -> Result<Rc<KernelTypes>, String> {
        let mut types = self.types.borrow_mut();
        if let Some(types) = &*types {
            return Ok(types.clone());
        }
        Ok(types.insert(Rc::new(KernelTypes::read()?)).clone())
    }

    /// Whether a tracepoint exists. (To try it would take longer: what was attached to a tracepoint before has to be
    /// gone from every CPU before the next one is let in.)
    pub(crate) fn has_tracepoint(&self, name: &str) -> bool {
        self.types().is_ok_and(|types| types.has_tracepoint(name))
    }

    /// Gives them away if they have been read and nobody uses them: they are some megabytes.
    pub(crate) fn take_types(&self) -> Option<KernelTypes> {
        self.types.borrow_mut().take().and_then(Rc::into_inner)
    }

    /// Whether there are BPF ring buffers (5.8).
    pub fn has_ring_buffer(&self) -> bool {
        *self.ring.get_or_init(|| MapType::RingBuf.is_supported().unwrap_or(false))
    }

    /// Whether raw tracepoints of system calls run their programs without being preempted. Up to 6.18 the
    /// tracepoint disables preemption around them, later only migration; no file of the kernel tells.
    pub(crate) fn raw_tracepoints_see_everything(&self) -> bool {
        // the release first: how a kernel preempts may be told by its packed configuration alone
        kernel_release() < (6, 19) || !self.preemption().can_preempt()
    }
}

/// Whether a BPF helper exists, for the programs that this crate loads.
pub(crate) fn has_helper(id: libbpf_sys::bpf_func_id) -> bool {
    ProgramType::RawTracepoint.is_helper_supported(id).unwrap_or(false)
}

/// Tries the cheapest thing that takes privilege: a map of one element.
fn check_bpf() -> Result<()> {
    // SAFETY: plain numbers and a null for the options, which is allowed.
    let fd = unsafe {
        libbpf_sys::bpf_map_create(
            libbpf_sys::BPF_MAP_TYPE_HASH,
            c"rstrace_try".as_ptr(),
            4,
            4,
            1,
            std::ptr::null(),
        )
    };
    if fd >= 0 {
        // SAFETY: the descriptor was just made and is ours.
        drop(unsafe { OwnedFd::from_raw_fd(fd) });
        return Ok(());
    }
    Err(match io::Error::from_raw_os_error(-fd).raw_os_error() {
        Some(libc::ENOSYS) => {
            Error::new(ErrorKind::Unsupported, "this kernel has no bpf(2): it needs CONFIG_BPF_SYSCALL")
        }
        Some(libc::EPERM | libc::EACCES) => Error::new(ErrorKind::Permission, why_not_permitted()),
        _ => Error::new(ErrorKind::Other, format!("bpf(2) failed: {}", io::Error::from_raw_os_error(-fd))),
    })
}

fn why_not_permitted() -> String {
    // CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN which contains them
    const CAP_SYS_ADMIN: u64 = 1 << 21;
    const CAP_PERFMON: u64 = 1 << 38;
    const CAP_BPF: u64 = 1 << 39;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("").trim().to_owned();
    let caps = u64::from_str_radix(&field("CapEff:"), 16).unwrap_or(0);
    if caps & CAP_SYS_ADMIN == 0 && caps & (CAP_BPF | CAP_PERFMON) != CAP_BPF | CAP_PERFMON {
        "needs CAP_BPF and CAP_PERFMON: run with sudo, or as root".to_owned()
    } else if field("Seccomp:") == "2" {
        "bpf(2) is refused by a seccomp filter, as containers have one: allow bpf and perf_event_open, \
         or run rstrace outside of the container"
            .to_owned()
    } else {
        "bpf(2) is refused although the capabilities are there: is the kernel locked down \
         (/sys/kernel/security/lockdown), or is this a container of a user namespace?"
            .to_owned()
    }
}

/// Major and minor of the running kernel.
pub(crate) fn kernel_release() -> (u32, u32) {
    static RELEASE: OnceLock<(u32, u32)> = OnceLock::new();
    *RELEASE.get_or_init(|| {
        let name = nix::sys::utsname::uname();
        let release = name.map(|name| name.release().to_string_lossy().into_owned()).unwrap_or_default();
        let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
    })
}

/// Opens a perf event, close-on-exec.
pub(crate) fn perf_event_open(
    attr: &mut libbpf_sys::perf_event_attr,
    pid: i32,
    cpu: i32,
) -> io::Result<OwnedFd> {
    attr.size = size_of::<libbpf_sys::perf_event_attr>() as u32;
    const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 8;
    // SAFETY: the attribute is a valid structure of the size it says and outlives the call.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            attr as *mut _,
            pid,
            cpu,
            -1 as libc::c_int,
            PERF_FLAG_FD_CLOEXEC,
        )
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}
