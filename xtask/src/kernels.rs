//! The stock kernels of the matrix: Debian's own packages, downloaded and unpacked, never installed.
//!
//! Versions come and go, so the newest that apt knows is taken. The machine's own apt is asked first, then
//! the suites that carry the series, through a private apt configuration with the mirror that the
//! machine uses. What was unpacked once stays in a cache outside the checkout and works offline.

use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::{Result, process};

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

/// How long downloaded package lists of another suite are good for.
const LISTS_ARE_FRESH_FOR: Duration = Duration::from_secs(24 * 3600);

/// A kernel that can be booted.
#[derive(Debug)]
pub struct Kernel {
    /// The package and its version.
    pub version: String,
    /// The image.
    pub vmlinuz: PathBuf,
}

/// Why there is no kernel.
#[derive(Debug)]
pub enum Missing {
    /// No package can be had now: no network, or no suite carries the series any more.
    Unavailable(String),
    /// The package was there and something else went wrong.
    Broken(String),
}

/// The newest kernel of the series, from apt or from the cache.
pub fn get(series: &Series) -> std::result::Result<Kernel, Missing> {
    let cache = cache().map_err(Missing::Broken)?;
    let why = match newest(series, &cache) {
        Ok((apt, package)) => {
            let version = apt.version(&package).map_err(Missing::Broken)?;
            let name = format!("{package}_{}", version.replace(':', "%3a"));
            let directory = cache.join("kernels").join(&name);
            if directory.join("vmlinuz").is_file() {
                return Ok(Kernel { version: name, vmlinuz: directory.join("vmlinuz") });
            }
            eprintln!("xtask: downloading {package} {version}");
            let work = cache.join(format!("unpack-{}-{}", series.name, std::process::id()));
            let unpacked = fetch(&apt, &package, &work, &directory);
            let _ = fs::remove_dir_all(&work);
            match unpacked {
                Ok(()) => return Ok(Kernel { version: name, vmlinuz: directory.join("vmlinuz") }),
                Err(Missing::Unavailable(why)) => why,
                Err(broken) => return Err(broken),
            }
        }
        Err(why) => why,
    };
    let Some(kernel) = cached(series, &cache) else { return Err(Missing::Unavailable(why)) };
    eprintln!("xtask: {} from the cache ({why})", kernel.version);
    Ok(kernel)
}

fn cache() -> Result<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("RSTRACE_CACHE")
        .or_else(|| absolute("XDG_CACHE_HOME").map(|path| path.join("rstrace")))
        .or_else(|| absolute("HOME").map(|path| path.join(".cache/rstrace")))
        .ok_or_else(|| "no place for the kernels: set RSTRACE_CACHE to a directory".into())
}

fn cached(series: &Series, cache: &Path) -> Option<Kernel> {
    let mut found: Vec<Kernel> = fs::read_dir(cache.join("kernels"))
        .ok()?
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().into_string().ok()?;
            let vmlinuz = entry.path().join("vmlinuz");
            let package = version.split('_').next()?;
            (series.has(package) && vmlinuz.is_file()).then_some(Kernel { version, vmlinuz })
        })
        .collect();
    found.sort_by(|a, b| natural_order(&a.version, &b.version));
    found.pop()
}

/// The newest package of the series and the apt that knows it, or why there is none.
fn newest(series: &Series, cache: &Path) -> Result<(Apt, String)> {
    if process::find("apt-get").is_none() {
        return Err("there is no apt-get here".into());
    }
    let own = Apt { options: Vec::new() };
    if let Some(package) = own.newest(series)? {
        return Ok((own, package));
    }
    let mirrors = mirrors();
    if mirrors.is_empty() {
        return Err("apt's sources name no archive".into());
    }
    let mut why = String::new();
    for suite in series.suites {
        for (number, mirror) in mirrors.iter().enumerate() {
            let apt = Apt::private(&cache.join(format!("apt/{suite}-{number}")), mirror, suite)?;
            if let Err(error) = apt.refresh() {
                why = error;
            }
            // Lists of an earlier day still do when there is no network.
            if let Some(package) = apt.newest(series)? {
                return Ok((apt, package));
            }
        }
    }
    let suites = series.suites.join(" or ");
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    Err(format!("apt knows no {}*{SUFFIX} in {suites}{why}", series.prefix))
}

fn fetch(apt: &Apt, package: &str, work: &Path, into: &Path) -> std::result::Result<(), Missing> {
    let broken = |error: String| Missing::Broken(format!("cannot unpack {package}: {error}"));
    let io = |error: std::io::Error| broken(error.to_string());
    let _ = fs::remove_dir_all(work);
    fs::create_dir_all(work).map_err(io)?;
    if apt.download(package, work).is_err() {
        // Lists that are older than the archive name files that are gone.
        let _ = apt.update();
        apt.download(package, work)
            .map_err(|error| Missing::Unavailable(format!("cannot download {package}: {error}")))?;
    }
    let deb = fs::read_dir(work)
        .map_err(io)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .ok_or_else(|| broken("apt-get download left no .deb".into()))?;
    let unpacked = work.join("unpacked");
    process::output(Command::new("dpkg").arg("-x").arg(&deb).arg(&unpacked)).map_err(broken)?;
    let vmlinuz = find_vmlinuz(&unpacked).ok_or_else(|| broken("it holds no vmlinuz".into()))?;
    fs::create_dir_all(into).map_err(io)?;
    // By rename, so that a cached image is never half of one.
    fs::rename(vmlinuz, into.join("vmlinuz")).map_err(io)
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

impl Series {
    fn has(&self, package: &str) -> bool {
        package.starts_with(self.prefix) && package.ends_with(SUFFIX)
    }
}

/// An apt configuration: the machine's own, or one for a single suite of its mirror.
struct Apt {
    options: Vec<String>,
}

impl Apt {
    fn private(directory: &Path, mirror: &str, suite: &str) -> Result<Apt> {
        let failed = |error: std::io::Error| format!("cannot write to {}: {error}", directory.display());
        fs::create_dir_all(directory.join("lists/partial")).map_err(failed)?;
        fs::create_dir_all(directory.join("cache/archives/partial")).map_err(failed)?;
        // Trusted, since the machine need not have this suite's keys; the kernel runs only inside qemu.
        let source = format!("deb [trusted=yes] {mirror} {suite} main\n");
        fs::write(directory.join("sources.list"), source).map_err(failed)?;
        let under = |name: &str| directory.join(name).display().to_string();
        let options = vec![
            format!("Dir::Etc::SourceList={}", under("sources.list")),
            "Dir::Etc::SourceParts=/dev/null".into(),
            format!("Dir::State::Lists={}", under("lists")),
            format!("Dir::Cache={}", under("cache")),
            // An old suite's Release file is not renewed any more.
            "Acquire::Check-Valid-Until=false".into(),
            "Acquire::Languages=none".into(),
            "Acquire::Retries=1".into(),
        ];
        Ok(Apt { options })
    }

    fn call(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        // The cache need not be readable for apt's download user.
        command.args(["-qq", "-oAPT::Sandbox::User="]);
        command.args(self.options.iter().map(|option| format!("-o{option}")));
        command
    }

    /// Only a private configuration is updated: the machine's own lists are for its owner to renew.
    fn update(&self) -> Result<()> {
        if self.options.is_empty() {
            return Ok(());
        }
        process::output(self.call("apt-get").arg("-oAPT::Update::Error-Mode=any").arg("update"))
            .map(drop)
            .map_err(|error| format!("its lists cannot be fetched: {}", reason(&error)))
    }

    fn refresh(&self) -> Result<()> {
        let lists = self.options.iter().find_map(|option| option.strip_prefix("Dir::State::Lists="));
        let Some(stamp) = lists.map(|lists| Path::new(lists).with_file_name("updated")) else {
            return Ok(());
        };
        let age = fs::metadata(&stamp).and_then(|file| file.modified()).ok().and_then(|at| at.elapsed().ok());
        if age.is_some_and(|age| age < LISTS_ARE_FRESH_FOR) {
            return Ok(());
        }
        self.update()?;
        fs::write(&stamp, "").map_err(|error| format!("cannot write {}: {error}", stamp.display()))
    }

    fn newest(&self, series: &Series) -> Result<Option<String>> {
        let pattern = format!("^{}", series.prefix.replace('.', "\\."));
        let found = process::output(self.call("apt-cache").args(["search", "--names-only"]).arg(pattern))?;
        let names = found.lines().filter_map(|line| line.split_whitespace().next());
        Ok(names.filter(|name| series.has(name)).max_by(|a, b| natural_order(a, b)).map(String::from))
    }

    fn version(&self, package: &str) -> Result<String> {
        let shown = process::output(self.call("apt-cache").args(["show", "--no-all-versions"]).arg(package))?;
        let version = shown.lines().find_map(|line| line.strip_prefix("Version: "));
        version.map(String::from).ok_or_else(|| format!("apt-cache shows no version of {package}"))
    }

    fn download(&self, package: &str, into: &Path) -> Result<()> {
        process::output(self.call("apt-get").arg("download").arg(package).current_dir(into))
            .map(drop)
            .map_err(|error| reason(&error).into())
    }
}

/// What apt says, without the long list of options that it was called with.
fn reason(error: &str) -> &str {
    error.rsplit_once("): E: ").map_or(error, |(_, reason)| reason)
}

/// The archives in the machine's own apt sources, in both formats. The main archive comes before the one for
/// security updates, which has other suites.
fn mirrors() -> Vec<String> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    let parts = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten();
    files.extend(parts.map(|entry| entry.path()));
    files.sort();
    let mut found: Vec<(bool, String)> = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let archives = match file.extension().and_then(|extension| extension.to_str()) {
            Some("list") => list_archives(&text),
            Some("sources") => deb822_archives(&text),
            _ => continue,
        };
        for (uri, suites) in archives {
            let is_security =
                suites.iter().all(|suite| suite.ends_with("-security") || suite.ends_with("/updates"));
            if !found.iter().any(|(_, known)| *known == uri) {
                found.push((is_security, uri));
            }
        }
    }
    found.sort_by_key(|(is_security, _)| *is_security);
    found.into_iter().map(|(_, uri)| uri).collect()
}

/// `deb [options] URI SUITE COMPONENTS` (sources.list(5)).
fn list_archives(text: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let Some(rest) = line.strip_prefix("deb").filter(|rest| rest.starts_with([' ', '\t'])) else {
            continue;
        };
        let rest = match rest.trim_start().strip_prefix('[') {
            Some(options) => options.split_once(']').map_or("", |(_, after)| after),
            None => rest,
        };
        let mut words = rest.split_whitespace().map(String::from);
        if let (Some(uri), Some(suite)) = (words.next(), words.next()) {
            found.push((uri, vec![suite]));
        }
    }
    found
}

/// Paragraphs with `Types:`, `URIs:` and `Suites:`; a field goes on in lines that start with a space.
fn deb822_archives(text: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    let text: String =
        text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    for paragraph in text.split("\n\n") {
        let joined = paragraph.replace("\n ", " ").replace("\n\t", " ");
        let field = |name: &str| -> Vec<String> {
            let line = joined.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.trim().eq_ignore_ascii_case(name).then_some(value)
            });
            line.unwrap_or_default().split_whitespace().map(String::from).collect()
        };
        let is_off = field("Enabled").iter().any(|value| value.eq_ignore_ascii_case("no"));
        if is_off || !field("Types").iter().any(|kind| kind == "deb") {
            continue;
        }
        found.extend(field("URIs").into_iter().map(|uri| (uri, field("Suites"))));
    }
    found
}

/// Compares so that `6.1.0-9` is before `6.1.0-10`: runs of digits by their value.
fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        match (digits(a), digits(b)) {
            (0, _) | (_, 0) => match (a.chars().next(), b.chars().next()) {
                (Some(x), Some(y)) if x == y => (a, b) = (&a[x.len_utf8()..], &b[y.len_utf8()..]),
                (x, y) => return x.cmp(&y),
            },
            (x, y) => {
                let value = |text: &str| text.parse::<u64>().unwrap_or(u64::MAX);
                match value(&a[..x]).cmp(&value(&b[..y])) {
                    Ordering::Equal => (a, b) = (&a[x..], &b[y..]),
                    unequal => return unequal,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_version_is_greater_however_it_is_written() {
        assert_eq!(natural_order("linux-6.1.0-9-cloud", "linux-6.1.0-10-cloud"), Ordering::Less);
        assert_eq!(natural_order("6.12.117+deb12", "6.12.100+deb12"), Ordering::Greater);
        assert_eq!(natural_order("6.12", "6.12"), Ordering::Equal);
    }

    #[test]
    fn debug_and_unsigned_packages_are_not_taken() {
        let series = &ALL[1];
        assert!(series.has("linux-image-6.1.0-56-cloud-amd64"));
        assert!(!series.has("linux-image-6.1.0-56-cloud-amd64-dbg"));
        assert!(!series.has("linux-image-6.1.0-56-cloud-amd64-unsigned"));
    }

    #[test]
    fn one_line_sources_are_read() {
        let text = "# deb http://a.invalid/x y main\ndeb-src http://b.invalid/ s main\n\
                    deb [arch=amd64 signed-by=/k.gpg] http://c.invalid/debian sid main # note\n";
        assert_eq!(list_archives(text), [("http://c.invalid/debian".into(), vec!["sid".into()])]);
    }

    #[test]
    fn deb822_sources_are_read() {
        let text = "Types: deb deb-src\n# a note\nURIs: http://a.invalid/debian\n http://b.invalid/debian\n\
                    Suites: sid sid-updates\n\nTypes: deb\nEnabled: no\nURIs: http://c.invalid\nSuites: x\n";
        let suites = vec!["sid".to_string(), "sid-updates".to_string()];
        let expected =
            [("http://a.invalid/debian".into(), suites.clone()), ("http://b.invalid/debian".into(), suites)];
        assert_eq!(deb822_archives(text), expected);
    }
}
