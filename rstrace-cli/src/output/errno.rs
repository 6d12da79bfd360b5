//! Error codes and signals by name, as strace shows them.
//!
//! The texts are those of glibc's `strerror` in the C locale, whatever C library this program is linked to.

use nix::errno::Errno;
use nix::sys::signal::Signal;
use std::io::Write;
use std::sync::LazyLock;

/// Codes that the kernel uses inside and that a program should never see (`linux/errno.h`).
const INTERNAL: &[(i32, &str)] = &[
    (515, "ENOIOCTLCMD"),
    (517, "EPROBE_DEFER"),
    (518, "EOPENSTALE"),
    (521, "EBADHANDLE"),
    (522, "ENOTSYNC"),
    (523, "EBADCOOKIE"),
    (524, "ENOTSUPP"),
    (525, "ETOOSMALL"),
    (526, "ESERVERFAULT"),
    (527, "EBADTYPE"),
    (528, "EJUKEBOX"),
    (529, "EIOCBQUEUED"),
    (530, "ERECALLCONFLICT"),
];

/// Codes of a call that a signal interrupted, with what happens next.
const RESTART: &[(i32, &str)] = &[
    (512, "ERESTARTSYS (To be restarted if SA_RESTART is set)"),
    (513, "ERESTARTNOINTR (To be restarted)"),
    (514, "ERESTARTNOHAND (To be restarted if no handler)"),
    (516, "ERESTART_RESTARTBLOCK (Interrupted by signal)"),
];

/// Texts in which `nix` differs from glibc.
const TEXTS: &[(Errno, &str)] = &[
    (Errno::EIO, "Input/output error"),
    (Errno::EBADF, "Bad file descriptor"),
    (Errno::EAGAIN, "Resource temporarily unavailable"),
    (Errno::ENOMEM, "Cannot allocate memory"),
    (Errno::EXDEV, "Invalid cross-device link"),
    (Errno::ENFILE, "Too many open files in system"),
    (Errno::ENOTTY, "Inappropriate ioctl for device"),
    (Errno::EDOM, "Numerical argument out of domain"),
    (Errno::ERANGE, "Numerical result out of range"),
    (Errno::EDEADLK, "Resource deadlock avoided"),
    (Errno::ENOLCK, "No locks available"),
    (Errno::ELOOP, "Too many levels of symbolic links"),
    (Errno::EBADMSG, "Bad message"),
    (Errno::EILSEQ, "Invalid or incomplete multibyte or wide character"),
    (Errno::EOPNOTSUPP, "Operation not supported"),
    (Errno::ENETRESET, "Network dropped connection on reset"),
    (Errno::EDQUOT, "Disk quota exceeded"),
];

/// Appends `ENOENT`, or the number of a code without a name.
pub fn name(out: &mut Vec<u8>, code: i32) {
    if !symbol(out, code) {
        // Writing to a vector cannot fail.
        let _ = write!(out, "{code}");
    }
}

/// Appends `ENOENT`; `false`, and nothing, of a code without a name.
pub fn symbol(out: &mut Vec<u8>, code: i32) -> bool {
    let restart = || restart(code)?.split(" (").next();
    let _ = match (Errno::from_raw(code), find(INTERNAL, code).or_else(restart)) {
        (Errno::UnknownErrno, None) => return false,
        (Errno::UnknownErrno, Some(name)) => write!(out, "{name}"),
        (errno, _) => write!(out, "{errno:?}"),
    };
    true
}

/// `No such file or directory`; of a restart code how the call goes on.
pub fn text(code: i32) -> Option<&'static str> {
    match Errno::from_raw(code) {
        Errno::UnknownErrno => restart(code)?.strip_suffix(')')?.split(" (").nth(1),
        errno => Some(find(TEXTS, errno).unwrap_or_else(|| errno.desc())),
    }
}

/// Appends `ENOENT (No such file or directory)`, or `(errno 4000)` for a code without a name.
pub fn failure(out: &mut Vec<u8>, code: i32) {
    /// Those that programs see, by their codes: many calls fail, and names are slow to look up.
    static USUAL: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
        let written = |code| {
            let mut text = Vec::new();
            write_failure(&mut text, code);
            text
        };
        (0..=Errno::EHWPOISON as i32).map(written).collect()
    });
    match usize::try_from(code).ok().and_then(|code| USUAL.get(code)) {
        Some(text) => out.extend_from_slice(text),
        None => write_failure(out, code),
    }
}

fn write_failure(out: &mut Vec<u8>, code: i32) {
    // Writing to a vector cannot fail.
    let _ = match (Errno::from_raw(code), find(INTERNAL, code)) {
        (Errno::UnknownErrno, None) => write!(out, "(errno {code})"),
        (Errno::UnknownErrno, Some(name)) => write!(out, "{name} (Unknown error {code})"),
        (errno, _) => write!(out, "{errno:?} ({})", text(code).unwrap_or_default()),
    };
}

/// The name and the text of a restart code.
pub fn restart(code: i32) -> Option<&'static str> {
    find(RESTART, code)
}

fn find<Key: PartialEq>(table: &[(Key, &'static str)], key: Key) -> Option<&'static str> {
    table.iter().find(|(other, _)| *other == key).map(|(_, text)| *text)
}

/// Appends `SIGKILL`, `SIGRTMIN`, `SIGRT_1`.
pub fn signal(out: &mut Vec<u8>, number: u8) {
    let _ = match (Signal::try_from(i32::from(number)), number) {
        (Ok(signal), _) => write!(out, "{}", signal.as_str()),
        (_, 32) => write!(out, "SIGRTMIN"),
        (_, 33..=64) => write!(out, "SIGRT_{}", number - 32),
        _ => write!(out, "{number}"),
    };
}

/// Likewise without `SIG`, as sets of signals have them.
pub fn signal_in_set(out: &mut Vec<u8>, number: u8) {
    let begin = out.len();
    signal(out, number);
    if out[begin..].starts_with(b"SIG") {
        out.drain(begin..begin + 3);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(code: i32) -> String {
        let mut out = Vec::new();
        failure(&mut out, code);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn names_and_texts() {
        assert_eq!(failed(2), "ENOENT (No such file or directory)");
        assert_eq!(failed(11), "EAGAIN (Resource temporarily unavailable)");
        assert_eq!(failed(95), "EOPNOTSUPP (Operation not supported)");
        assert_eq!(failed(524), "ENOTSUPP (Unknown error 524)");
        for code in [0, 41, 58, 134, 519, 4000] {
            assert_eq!(failed(code), format!("(errno {code})"));
        }
    }

    #[test]
    #[cfg(target_env = "gnu")]
    fn texts_are_those_of_the_c_library() {
        for code in 1..134 {
            if Errno::from_raw(code) == Errno::UnknownErrno {
                continue;
            }
            let error = std::io::Error::from_raw_os_error(code).to_string();
            let error =
                error.strip_suffix(&format!(" (os error {code})")).expect("the standard library's suffix");
            assert!(failed(code).ends_with(&format!(" ({error})")), "{code}: {} but {error}", failed(code));
        }
    }

    #[test]
    fn names_and_texts_alone() {
        for (code, name, text) in [
            (2, "ENOENT", Some("No such file or directory")),
            (512, "ERESTARTSYS", Some("To be restarted if SA_RESTART is set")),
            (524, "ENOTSUPP", None),
            (4000, "", None),
        ] {
            let mut out = Vec::new();
            assert_eq!(symbol(&mut out, code), !name.is_empty());
            assert_eq!((out.as_slice(), super::text(code)), (name.as_bytes(), text));
        }
    }

    #[test]
    fn signals_have_names() {
        for (number, name) in
            [(9, "SIGKILL"), (29, "SIGIO"), (31, "SIGSYS"), (32, "SIGRTMIN"), (64, "SIGRT_32"), (99, "99")]
        {
            let mut out = Vec::new();
            signal(&mut out, number);
            assert_eq!(String::from_utf8_lossy(&out), name);
        }
    }
}
