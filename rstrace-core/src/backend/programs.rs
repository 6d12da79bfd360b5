//! Loads programs side by side, as the verifier is most of a start and uses one CPU for each.
//!
//! libbpf relocates the programs, and they are loaded here. What fentry and fexit are attached to only libbpf knows, so
//! it loads those itself.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use libbpf_rs::{AsRawLibbpf, Object, OpenObject, OpenProgramMut};

use crate::error::{Context, Error, ErrorKind, Result};
use crate::machine::cast::Cast;

/// A loaded program.
#[derive(Debug)]
pub(crate) struct Program {
    pub name: String,
    /// Where it is in the object, which says what it is for.
    pub section: String,
    fd: OwnedFd,
}

impl AsFd for Program {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Program {
    /// Attaches it to a raw tracepoint, or to what it was loaded for; until the descriptor is closed.
    pub(crate) fn attach_raw(&self, tracepoint: Option<&str>) -> io::Result<OwnedFd> {
        let name = tracepoint.map(CString::new).transpose()?;
        let name = name.as_deref().map_or(std::ptr::null(), CStr::as_ptr);
        // SAFETY: the name is none or a C string, and the descriptor is open.
        owned(unsafe { libbpf_sys::bpf_raw_tracepoint_open(name, self.fd.as_raw_fd()) })
    }

    /// Attaches it to a perf event, until that is closed.
    pub(crate) fn attach_perf(&self, event: OwnedFd) -> io::Result<OwnedFd> {
        // PERF_EVENT_IOC_SET_BPF and PERF_EVENT_IOC_ENABLE of linux/perf_event.h
        let requests = [(libc::_IOW::<u32>(PERF, 8), self.fd.as_raw_fd()), (libc::_IO(PERF, 0), 0)];
        for (request, argument) in requests {
            // SAFETY: both take a number.
            if unsafe { libc::ioctl(event.as_raw_fd(), request, argument) } < 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(event)
    }
}

/// What libbpf has made ready.
struct Ready<'a> {
    name: CString,
    section: String,
    kind: libbpf_sys::bpf_prog_type,
    instructions: Vec<libbpf_sys::bpf_insn>,
    functions: &'a [libbpf_sys::bpf_func_info],
    lines: &'a [libbpf_sys::bpf_line_info],
    types: i32,
}

/// Creates the maps and loads those programs of an object that are to be loaded, but for those that libbpf must load;
/// what is said of them with `verbose` goes to `say`.
pub(crate) fn load(
    object: &mut OpenObject,
    cast: Option<&Cast>,
    verbose: Option<u32>,
    say: &dyn Fn(&str),
) -> Result<Vec<Program>> {
    let pointer = object.as_libbpf_object().as_ptr();
    // SAFETY: the object is open and borrowed.
    let err = unsafe { libbpf_sys::bpf_object__prepare(pointer) };
    if err != 0 {
        return Err(io::Error::from_raw_os_error(-err)).context("the kernel refuses rstrace's maps");
    }
    // SAFETY: as above.
    let types = unsafe { libbpf_sys::bpf_object__btf_fd(pointer) };
    let mut ready = Vec::new();
    for mut program in object.progs_mut() {
        let section = program.section().to_string_lossy().into_owned();
        if program.autoload() && !section.starts_with("fentry") && !section.starts_with("fexit") {
            ready.push(Ready::new(&program, section, types, cast)?);
            program.set_autoload(false);
        }
    }
    // the longest first, so that none of them is the last
    ready.sort_by_key(|ready| std::cmp::Reverse(ready.instructions.len()));
    let results = side_by_side(&ready, |ready| ready.load(verbose.unwrap_or(0)));
    let mut programs = Vec::new();
    for (ready, (result, log)) in ready.into_iter().zip(results) {
        let name = ready.name.to_string_lossy().into_owned();
        if !log.is_empty() {
            say(&format!("prog '{name}': -- BEGIN PROG LOAD LOG --\n{log}-- END PROG LOAD LOG --\n"));
        }
        let fd = result.map_err(|error| {
            let is_reason = |line: &&str| !STATISTICS.iter().any(|begin| line.starts_with(begin));
            let why = log.lines().rfind(is_reason).unwrap_or("it does not say why");
            let what = format!(
                "the kernel refuses rstrace's program {name}: {error}: {why} (RSTRACE_LIBBPF_LOG=1 shows all)"
            );
            Error::new(ErrorKind::Unsupported, what)
        })?;
        programs.push(Program { name, section: ready.section, fd });
    }
    Ok(programs)
}

/// The programs that libbpf has loaded.
pub(crate) fn of_libbpf(object: &Object) -> Result<Vec<Program>> {
    let loaded = object.progs().filter(|program| program.as_fd().as_raw_fd() >= 0);
    loaded
        .map(|program| {
            Ok(Program {
                name: program.name().to_string_lossy().into_owned(),
                section: program.section().to_string_lossy().into_owned(),
                fd: program.as_fd().try_clone_to_owned().context("a program's descriptor")?,
            })
        })
        .collect()
}

impl<'a> Ready<'a> {
    fn new(program: &OpenProgramMut<'a>, section: String, types: i32, cast: Option<&Cast>) -> Result<Self> {
        let pointer = program.as_libbpf_object().as_ptr();
        // SAFETY: the program is one of an object that is prepared and borrowed as long as what is returned; libbpf keeps
        // what these point to as long as the object is not loaded.
        let mut ready = unsafe {
            Self {
                name: CString::new(program.name().as_encoded_bytes()).context("a program's name")?,
                section,
                kind: libbpf_sys::bpf_program__type(pointer),
                instructions: slice(
                    libbpf_sys::bpf_program__insns(pointer),
                    libbpf_sys::bpf_program__insn_cnt(pointer) as usize,
                )
                .to_vec(),
                functions: slice(
                    libbpf_sys::bpf_program__func_info(pointer),
                    libbpf_sys::bpf_program__func_info_cnt(pointer) as usize,
                ),
                lines: slice(
                    libbpf_sys::bpf_program__line_info(pointer),
                    libbpf_sys::bpf_program__line_info_cnt(pointer) as usize,
                ),
                types,
            }
        };
        if let Some(cast) = cast {
            cast.resolve(&mut ready.instructions);
        }
        Ok(ready)
    }

    /// Loads it, and what the verifier says: as much as was asked for, and all if it refuses the program.
    fn load(&self, level: u32) -> (io::Result<OwnedFd>, String) {
        match self.try_load(level) {
            (Err(_), _) if level == 0 => self.try_load(1),
            result => result,
        }
    }

    fn try_load(&self, level: u32) -> (io::Result<OwnedFd>, String) {
        let mut log = vec![0u8; if level == 0 { 0 } else { LOG_BYTES }];
        let mut options = libbpf_sys::bpf_prog_load_opts {
            sz: size_of::<libbpf_sys::bpf_prog_load_opts>() as _,
            prog_btf_fd: self.types as u32,
            func_info: self.functions.as_ptr().cast(),
            func_info_cnt: self.functions.len() as u32,
            func_info_rec_size: size_of::<libbpf_sys::bpf_func_info>() as u32,
            ..Default::default()
        };
        if level > 0 {
            options.log_level = level;
            options.log_buf = log.as_mut_ptr().cast();
            options.log_size = log.len() as u32;
            // the kernel checks each of them, and only the log shows them
            options.line_info = self.lines.as_ptr().cast();
            options.line_info_cnt = self.lines.len() as u32;
            options.line_info_rec_size = size_of::<libbpf_sys::bpf_line_info>() as u32;
        }
        // SAFETY: all pointers are to what lives during the call, with the sizes that go with them.
        let fd = owned(unsafe {
            libbpf_sys::bpf_prog_load(
                self.kind,
                self.name.as_ptr(),
                LICENSE.as_ptr(),
                self.instructions.as_ptr(),
                self.instructions.len() as _,
                &mut options,
            )
        });
        let said = CStr::from_bytes_until_nul(&log).unwrap_or_default();
        (fd, said.to_string_lossy().into_owned())
    }
}

const PERF: u32 = b'$' as u32;
/// How the lines begin that end the verifier's log, behind the reason of a refusal.
const STATISTICS: [&str; 3] = ["verification time", "stack depth", "processed"];
/// As the object has it.
const LICENSE: &CStr = c"Dual MIT/GPL";
/// The most that every kernel takes (`BPF_LOG_BUF_SIZE` of libbpf's bpf.h).
const LOG_BYTES: usize = u32::MAX as usize >> 8;

/// # Safety
/// The pointer is null, or to so many elements that live as long as it is said.
unsafe fn slice<'a, T>(first: *const T, len: usize) -> &'a [T] {
    if first.is_null() {
        return &[];
    }
    // SAFETY: as the caller says.
    unsafe { std::slice::from_raw_parts(first, len) }
}

fn owned(fd: i32) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(-fd));
    }
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The results in the order of the items, on as many CPUs as there are.
fn side_by_side<I: Sync, R: Send>(items: &[I], run: impl Fn(&I) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(items.len()));
    let work = || {
        while let Some((place, item)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|n| Some((n, items.get(n)?)))
        {
            let result = run(item);
            results.lock().unwrap_or_else(PoisonError::into_inner).push((place, result));
        }
    };
    let cpus = thread::available_parallelism().map_or(1, usize::from).min(items.len());
    thread::scope(|scope| {
        for _ in 1..cpus {
            // without a thread there is one CPU less
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::side_by_side;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        let items: Vec<u32> = (0..100).collect();
        assert_eq!(
            side_by_side(&items, |item| item * 2),
            items.iter().map(|item| item * 2).collect::<Vec<_>>()
        );
        assert!(side_by_side(&[] as &[u32], |_| ()).is_empty());
    }
}
