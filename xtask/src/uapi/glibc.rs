//! Constants that system calls take and only the C library's headers define, like `R_OK` and `SHUT_RD`.

use crate::Result;
use crate::headers::Headers;

use super::evaluate::{self, Source};

/// What is in the file.
pub const ABOUT: &str = "What no UAPI header defines, but the GNU C library's headers do";

/// Defines only what C itself asks for: left out.
pub const BASE: &str = "limits.h";

/// The headers, in this order; what they include counts as theirs.
pub const HEADERS: &[&str] = &[
    "fcntl.h",
    "unistd.h",
    "dirent.h",
    "poll.h",
    "sched.h",
    "signal.h",
    "time.h",
    "termios.h",
    "aio.h",
    "mqueue.h",
    "syslog.h",
    "sys/file.h",
    "sys/stat.h",
    "sys/statvfs.h",
    "sys/mount.h",
    "sys/swap.h",
    "sys/quota.h",
    "sys/mman.h",
    "sys/shm.h",
    "sys/sem.h",
    "sys/msg.h",
    "sys/wait.h",
    "sys/resource.h",
    "sys/time.h",
    "sys/timex.h",
    "sys/reboot.h",
    "sys/ptrace.h",
    "sys/personality.h",
    "sys/prctl.h",
    "sys/random.h",
    "sys/xattr.h",
    "sys/uio.h",
    "sys/epoll.h",
    "sys/eventfd.h",
    "sys/signalfd.h",
    "sys/timerfd.h",
    "sys/inotify.h",
    "sys/fanotify.h",
    "sys/pidfd.h",
    "sys/socket.h",
    "sys/un.h",
    "sys/ioctl.h",
    "netinet/in.h",
    "netinet/ip.h",
    "netinet/tcp.h",
    "netinet/udp.h",
    "netinet/icmp6.h",
    "netpacket/packet.h",
    "netipx/ipx.h",
    "net/if.h",
    "net/if_arp.h",
    "net/route.h",
    "scsi/scsi.h",
    "scsi/sg.h",
    "scsi/scsi_ioctl.h",
];

/// The library and its version.
pub fn version(headers: &Headers) -> Result<String> {
    let base = evaluate::constants(headers, &Source::Glibc(BASE.into()))?;
    let value =
        |name: &str| base.iter().find(|constant| constant.name == name).map(|constant| constant.value);
    match (value("__GLIBC__"), value("__GLIBC_MINOR__")) {
        (Some(major), Some(minor)) => Ok(format!("glibc {major}.{minor}")),
        _ => Err("the C library here is not glibc".into()),
    }
}
