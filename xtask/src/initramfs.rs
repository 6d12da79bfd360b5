//! The root file system of a test machine: a cpio archive that the kernel unpacks into memory.
//!
//! Written here rather than by cpio(1), so that it needs no root (owners and the console's device node) and no
//! copy of its files. The format is the kernel's `Documentation/driver-api/early-userspace/buffer-format.rst`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Result, process};

/// What a test machine holds besides busybox and strace.
#[derive(Debug)]
pub struct Contents<'a> {
    /// Becomes /bin/rstrace; `opensnoop` beside it /bin/opensnoop.
    pub rstrace: &'a Path,
    /// Becomes /bin/e2e.
    pub e2e: Option<&'a Path>,
    /// A directory, becomes /fixtures.
    pub fixtures: Option<&'a Path>,
    /// A shell script: sets variables before the command.
    pub environment: &'a str,
    /// A shell script: what the machine is started for.
    pub command: &'a str,
}

const INIT: &str = include_str!("init.sh");
const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n";
const GROUP: &str = "root:x:0:\nnogroup:x:65534:\n";

/// Writes the archive to `path`.
pub fn write(path: &Path, contents: &Contents) -> Result<()> {
    let failed = |error: io::Error| format!("cannot write {}: {error}", path.display());
    let busybox = process::find("busybox").ok_or("busybox is missing: install busybox-static")?;
    let strace = process::find("strace");

    let mut files: Vec<(PathBuf, PathBuf)> =
        vec![(busybox.clone(), "bin/busybox".into()), (contents.rstrace.into(), "bin/rstrace".into())];
    files.push((contents.rstrace.with_file_name("opensnoop"), "bin/opensnoop".into()));
    files.extend(contents.e2e.map(|e2e| (e2e.into(), "bin/e2e".into())));
    files.extend(strace.map(|strace| (strace, "bin/strace".into())));
    if let Some(fixtures) = contents.fixtures {
        walk(fixtures, Path::new("fixtures"), &mut files)
            .map_err(|error| format!("cannot read {}: {error}", fixtures.display()))?;
    }
    let mut libraries = BTreeSet::new();
    for (file, _) in &files {
        libraries.extend(libraries_of(file));
    }
    files.extend(libraries.into_iter().map(|library| {
        let inside = library.strip_prefix("/").unwrap_or(&library).to_path_buf();
        (library, inside)
    }));

    let mut archive = Archive::new(File::create(path).map_err(failed)?);
    archive.add_device("dev/console", 5, 1).map_err(failed)?;
    for directory in ["proc", "sys", "tmp", "root", "run"] {
        archive.add_directory(Path::new(directory)).map_err(failed)?;
    }
    for (link, to) in [("sbin", "bin"), ("usr/bin", "../bin"), ("usr/sbin", "../bin")] {
        archive.add(link, LINK, to.as_bytes()).map_err(failed)?;
    }
    let texts = [
        ("init", 0o755, INIT),
        ("environment", 0o644, contents.environment),
        ("command", 0o644, contents.command),
        ("etc/passwd", 0o644, PASSWD),
        ("etc/group", 0o644, GROUP),
        ("etc/nsswitch.conf", 0o644, "passwd: files\ngroup: files\nhosts: files\n"),
        ("etc/hosts", 0o644, "127.0.0.1 localhost\n"),
        ("etc/hostname", 0o644, "rstrace-vm\n"),
    ];
    for (name, mode, text) in texts {
        archive.add(name, FILE | mode, text.as_bytes()).map_err(failed)?;
    }
    for (from, to) in &files {
        let unreadable = |error: io::Error| format!("cannot read {}: {error}", from.display());
        let mode = fs::metadata(from).map_err(unreadable)?.permissions().mode() & 0o7777;
        let data = fs::read(from).map_err(unreadable)?;
        archive.add(&to.to_string_lossy(), FILE | mode, &data).map_err(failed)?;
    }
    archive.finish().map_err(failed)
}

fn walk(from: &Path, to: &Path, files: &mut Vec<(PathBuf, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if fs::metadata(&from)?.is_dir() {
            walk(&from, &to, files)?;
        } else {
            files.push((from, to));
        }
    }
    Ok(())
}

/// The shared libraries of a program and its dynamic linker; none for a static one.
fn libraries_of(program: &Path) -> Vec<PathBuf> {
    // ldd fails for what is static or no program at all: both need nothing.
    let Ok(lines) = process::output(Command::new("ldd").arg(program)) else { return Vec::new() };
    lines
        .lines()
        .flat_map(str::split_whitespace)
        .filter(|word| word.starts_with('/'))
        .map(PathBuf::from)
        .collect()
}

const FILE: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;
const LINK: u32 = 0o120_000;
const DEVICE: u32 = 0o020_000;

/// A cpio archive in the `newc` format.
struct Archive {
    out: BufWriter<File>,
    entries: u32,
    directories: BTreeSet<PathBuf>,
}

impl Archive {
    fn new(out: File) -> Archive {
        Archive { out: BufWriter::new(out), entries: 0, directories: BTreeSet::new() }
    }

    fn add(&mut self, name: &str, mode: u32, data: &[u8]) -> io::Result<()> {
        self.add_parents(Path::new(name))?;
        self.entry(name, mode, data, (0, 0))
    }

    fn add_device(&mut self, name: &str, major: u32, minor: u32) -> io::Result<()> {
        self.add_parents(Path::new(name))?;
        self.entry(name, DEVICE | 0o600, &[], (major, minor))
    }

    fn add_directory(&mut self, path: &Path) -> io::Result<()> {
        self.add_parents(path)?;
        if self.directories.insert(path.into()) {
            self.entry(&path.to_string_lossy(), DIRECTORY | 0o755, &[], (0, 0))?;
        }
        Ok(())
    }

    fn add_parents(&mut self, path: &Path) -> io::Result<()> {
        match path.parent().filter(|parent| *parent != Path::new("")) {
            Some(parent) => self.add_directory(parent),
            None => Ok(()),
        }
    }

    fn entry(&mut self, name: &str, mode: u32, data: &[u8], device: (u32, u32)) -> io::Result<()> {
        self.entries += 1;
        let size = u32::try_from(data.len()).map_err(|_| io::Error::other("a file of 4 GiB or more"))?;
        let name_size = name.len() as u32 + 1;
        let (major, minor) = device;
        // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
        let fields = [self.entries, mode, 0, 0, 1, 0, size, 0, 0, major, minor, name_size, 0];
        self.out.write_all(b"070701")?;
        for field in fields {
            write!(self.out, "{field:08x}")?;
        }
        self.out.write_all(name.as_bytes())?;
        self.out.write_all(b"\0")?;
        self.pad(6 + 13 * 8 + name.len() + 1)?;
        self.out.write_all(data)?;
        self.pad(data.len())
    }

    /// Header and data each end at a multiple of four bytes.
    fn pad(&mut self, length: usize) -> io::Result<()> {
        self.out.write_all(&[0; 3][..length.next_multiple_of(4) - length])
    }

    fn finish(mut self) -> io::Result<()> {
        self.entry("TRAILER!!!", 0, &[], (0, 0))?;
        self.out.flush()
    }
}
