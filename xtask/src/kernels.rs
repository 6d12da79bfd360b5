//! The stock kernels of the matrix: Debian's own packages, downloaded and unpacked, never installed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::apt::{self, Got, Missing, Wanted};

/// One kernel series of the matrix.
#[derive(Debug)]
pub struct Series {
    /// As the user names it: `6.12`.
    pub name: &'static str,
    /// The package's name is this, a version, and [`SUFFIX`].
    prefix: &'static str,
    /// Debian's suites that carry it, the best first.
    suites: &'static [&'static str],
    /// It takes `preempt=full` on its command line, so it is booted both ways.
    pub preempt_full: bool,
}

/// The smallest flavour that still has every tracing option.
const SUFFIX: &str = "-cloud-amd64";

/// The matrix, oldest first.
pub const ALL: &[Series] = &[
    Series { name: "5.10", prefix: "linux-image-5.10.0-", suites: &["bullseye"], preempt_full: false },
    Series { name: "6.1", prefix: "linux-image-6.1.0-", suites: &["bookworm"], preempt_full: true },
    Series { name: "6.12", prefix: "linux-image-6.12.", suites: &["trixie", "bookworm"], preempt_full: true },
    // From 7.x on the linux-image packages are empty, the kernel is in linux-binary.
    Series { name: "7.2", prefix: "linux-binary-7.2.", suites: &["sid"], preempt_full: true },
];

impl Series {
    /// Whether it is the oldest or the newest.
    pub fn is_outermost(&self) -> bool {
        [ALL.first(), ALL.last()].into_iter().flatten().any(|outermost| outermost.name == self.name)
    }
}

/// A kernel that can be booted.
#[derive(Debug)]
pub struct Kernel {
    /// The package and its version.
    pub version: String,
    /// The image.
    pub vmlinuz: PathBuf,
}

/// The newest kernel of the series, from apt or from the cache.
pub fn get(series: &Series) -> Result<Kernel, Missing> {
    apt::get(&series.wanted()).map(|Got { version, path }| Kernel { version, vmlinuz: path })
}

impl Series {
    fn wanted(&self) -> Wanted {
        Wanted {
            prefix: self.prefix,
            suffix: Some(SUFFIX),
            suites: self.suites,
            own: true,
            room: "kernels",
            find: find_vmlinuz,
            kept: "vmlinuz",
        }
    }
}

/// The image in an unpacked package: `boot/vmlinuz-*` or, newer, `usr/lib/modules/*/vmlinuz`.
fn find_vmlinuz(unpacked: &Path) -> Option<PathBuf> {
    let modules = fs::read_dir(unpacked.join("usr/lib/modules")).into_iter().flatten().flatten();
    std::iter::once(unpacked.join("boot"))
        .chain(modules.map(|entry| entry.path()))
        .flat_map(|directory| fs::read_dir(directory).into_iter().flatten().flatten())
        .find(|entry| entry.file_name().to_string_lossy().starts_with("vmlinuz"))
        .map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_and_unsigned_packages_are_not_taken() {
        let series = ALL[1].wanted();
        assert!(series.has("linux-image-6.1.0-56-cloud-amd64"));
        assert!(!series.has("linux-image-6.1.0-56-cloud-amd64-dbg"));
        assert!(!series.has("linux-image-6.1.0-56-cloud-amd64-unsigned"));
    }
}
