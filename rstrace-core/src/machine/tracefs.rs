//! tracefs: where it is mounted, or a mount of our own that nobody else sees and that ends with us.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

/// An open tracefs.
#[derive(Debug)]
pub(crate) struct Tracefs {
    root: OwnedFd,
    ours: bool,
}

impl Tracefs {
    /// Opens the mounted one, else mounts it detached: no directory of the machine changes.
    pub(crate) fn open() -> Result<Self, String> {
        for path in ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"] {
            if Path::new(path).join("events").exists() {
                let root = File::open(path).map_err(|e| format!("{path}: {e}"))?;
                return Ok(Self { root: root.into(), ours: false });
            }
        }
        let root = mount_detached(c"tracefs")
            .map_err(|e| format!("tracefs is not mounted and can't be mounted by rstrace: {e}"))?;
        Ok(Self { root, ours: true })
    }

    /// Whether it is a mount of our own.
    pub(crate) fn is_ours(&self) -> bool {
        self.ours
    }

    /// A whole file.
    pub(crate) fn read(&self, path: &str) -> io::Result<String> {
        let fd = openat(&self.root, path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
        let mut text = String::new();
        File::from(fd).read_to_string(&mut text)?;
        Ok(text)
    }

    /// Appends a line: opening `kprobe_events` without `O_APPEND` would remove everybody's events.
    pub(crate) fn append(&self, path: &str, line: &str) -> io::Result<()> {
        let flags = OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_CLOEXEC;
        let fd = openat(&self.root, path, flags, Mode::empty())?;
        File::from(fd).write_all(line.as_bytes())
    }

    /// The id of an event, for perf_event_open(2).
    pub(crate) fn event_id(&self, event: &str) -> io::Result<u64> {
        let text = self.read(&format!("events/{event}/id"))?;
        text.trim().parse().map_err(|_| io::Error::other(format!("events/{event}/id: {text:?} is no number")))
    }

    /// The offset of a field in an event's record.
    pub(crate) fn field_offset(&self, event: &str, field: &str) -> io::Result<u32> {
        let format = self.read(&format!("events/{event}/format"))?;
        field_offset(&format, field).ok_or_else(|| io::Error::other(format!("{event} has no field {field}")))
    }
}

fn field_offset(format: &str, field: &str) -> Option<u32> {
    format.lines().find_map(|line| {
        let (declaration, rest) = line.trim().strip_prefix("field:")?.split_once(';')?;
        let name = declaration.rsplit(' ').next()?;
        (name == field).then(|| rest.trim().strip_prefix("offset:")?.split(';').next()?.parse().ok())?
    })
}

/// Mounts a file system without a place in the tree (fsopen(2), Linux 5.2).
pub(crate) fn mount_detached(kind: &std::ffi::CStr) -> io::Result<OwnedFd> {
    const FSOPEN_CLOEXEC: libc::c_uint = 1;
    const FSMOUNT_CLOEXEC: libc::c_uint = 1;
    const FSCONFIG_CMD_CREATE: libc::c_uint = 6;
    fn owned(fd: libc::c_long) -> io::Result<OwnedFd> {
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel just made this descriptor for us.
        Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
    }
    // SAFETY: the name is a C string that outlives the call.
    let context = owned(unsafe { libc::syscall(libc::SYS_fsopen, kind.as_ptr(), FSOPEN_CLOEXEC) })?;
    let null = std::ptr::null::<libc::c_char>();
    // SAFETY: the command takes no key and no value.
    let made =
        unsafe { libc::syscall(libc::SYS_fsconfig, context.as_raw_fd(), FSCONFIG_CMD_CREATE, null, null, 0) };
    if made < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: plain numbers.
    owned(unsafe { libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), FSMOUNT_CLOEXEC, 0) })
}

#[cfg(test)]
mod tests {
    use super::field_offset;

    #[test]
    fn a_field_is_found_by_its_name_alone() {
        let format = "\tfield:__data_loc char[] parent_comm;\toffset:8;\tsize:4;\tsigned:0;\n\
                      \tfield:pid_t parent_pid;\toffset:12;\tsize:4;\tsigned:1;\n\
                      \tfield:pid_t child_pid;\toffset:20;\tsize:4;\tsigned:1;\n";
        assert_eq!(field_offset(format, "child_pid"), Some(20));
        assert_eq!(field_offset(format, "pid"), None);
    }
}
