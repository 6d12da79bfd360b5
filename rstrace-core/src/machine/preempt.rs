//! How the kernel preempts itself, which decides what BPF programs miss: a program is guarded per CPU
//! against recursion, and a thread that runs while another is preempted *inside* the program skips it.

use std::fs;

use super::tracefs::mount_detached;

/// How the kernel preempts itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preemption {
    /// Not, or only at places that ask for it: never inside a BPF program.
    Never,
    /// `preempt=lazy`: at the timer's tick.
    Lazy,
    /// `preempt=full`: anywhere.
    Full,
    /// It could not be found out.
    Unknown,
}

impl Preemption {
    /// Whether a thread may be preempted inside a BPF program; unknown counts as yes.
    pub fn can_preempt(self) -> bool {
        self != Self::Never
    }

    /// The name that the kernel's `preempt=` has for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Never => "none or voluntary",
            Self::Lazy => "lazy",
            Self::Full => "full",
            Self::Unknown => "unknown",
        }
    }
}

/// Finds it out: from the kernel's build, then debugfs, then the command line over the build's default.
pub(super) fn detect() -> Preemption {
    let version =
        nix::sys::utsname::uname().map(|u| u.version().to_string_lossy().into_owned()).unwrap_or_default();
    if !version.contains("PREEMPT") {
        return Preemption::Never;
    }
    if !version.contains("PREEMPT_DYNAMIC") {
        return Preemption::Full;
    }
    if let Some(mode) = debugfs_mode().as_deref().and_then(parse_debugfs) {
        return mode;
    }
    let command_line = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    if let Some(mode) = command_line.split_whitespace().rev().find_map(|word| word.strip_prefix("preempt=")) {
        return by_name(mode);
    }
    build_default(&build_config().unwrap_or_default())
}

fn by_name(name: &str) -> Preemption {
    match name {
        "none" | "voluntary" => Preemption::Never,
        "lazy" => Preemption::Lazy,
        "full" => Preemption::Full,
        _ => Preemption::Unknown,
    }
}

/// `none (voluntary) full`: the one in parentheses is in force.
fn parse_debugfs(text: &str) -> Option<Preemption> {
    let (_, rest) = text.split_once('(')?;
    Some(by_name(rest.split_once(')')?.0))
}

fn debugfs_mode() -> Option<String> {
    if let Ok(text) = fs::read_to_string("/sys/kernel/debug/sched/preempt") {
        return Some(text);
    }
    use nix::fcntl::{OFlag, openat};
    let root = mount_detached(c"debugfs").ok()?;
    let file =
        openat(root, "sched/preempt", OFlag::O_RDONLY | OFlag::O_CLOEXEC, nix::sys::stat::Mode::empty());
    std::io::read_to_string(fs::File::from(file.ok()?)).ok()
}

fn build_config() -> Option<String> {
    use std::io::Read;
    let release = nix::sys::utsname::uname().ok()?.release().to_string_lossy().into_owned();
    if let Ok(text) = fs::read_to_string(format!("/boot/config-{release}")) {
        return Some(text);
    }
    let mut text = String::new();
    flate2::read::GzDecoder::new(fs::File::open("/proc/config.gz").ok()?).read_to_string(&mut text).ok()?;
    Some(text)
}

fn build_default(config: &str) -> Preemption {
    let set = |name: &str| config.lines().any(|line| line.strip_prefix(name) == Some("=y"));
    if set("CONFIG_PREEMPT_NONE") || set("CONFIG_PREEMPT_VOLUNTARY") {
        Preemption::Never
    } else if set("CONFIG_PREEMPT_LAZY") {
        Preemption::Lazy
    } else if set("CONFIG_PREEMPT") {
        Preemption::Full
    } else {
        Preemption::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_in_parentheses_is_in_force() {
        assert_eq!(parse_debugfs("none (voluntary) full \n"), Some(Preemption::Never));
        assert_eq!(parse_debugfs("full (lazy) \n"), Some(Preemption::Lazy));
        assert_eq!(parse_debugfs("(full) lazy \n"), Some(Preemption::Full));
        assert_eq!(parse_debugfs("none voluntary\n"), None);
    }

    #[test]
    fn the_build_s_default_is_one_of_the_choices() {
        assert_eq!(build_default("CONFIG_PREEMPT_NONE=y\n# CONFIG_PREEMPT is not set\n"), Preemption::Never);
        assert_eq!(build_default("CONFIG_PREEMPT_LAZY=y\n"), Preemption::Lazy);
        assert_eq!(build_default("CONFIG_PREEMPT=y\n"), Preemption::Full);
        assert_eq!(build_default(""), Preemption::Unknown);
    }
}
