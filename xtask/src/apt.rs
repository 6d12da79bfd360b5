//! Debian packages: downloaded and unpacked, never installed.
//!
//! Versions come and go, so the newest that apt knows is taken: from the machine's own apt where that will
//! do, else from the suites that carry the package, through a private apt configuration with the mirror that
//! the machine uses. What was unpacked once stays in a cache outside the checkout and works offline.

use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::{Result, process, sources};

/// How long downloaded package lists of another suite are good for.
const LISTS_ARE_FRESH_FOR: Duration = Duration::from_secs(24 * 3600);

/// A package, and what is kept of it.
#[derive(Debug)]
pub struct Wanted {
    /// The package's name, or what it begins with if there is a `suffix`.
    pub prefix: &'static str,
    /// The name is the prefix, a version, and this.
    pub suffix: Option<&'static str>,
    /// Debian's suites that carry it, the best first.
    pub suites: &'static [&'static str],
    /// The machine's own apt is asked before them.
    pub own: bool,
    /// The cache's directory for such packages.
    pub room: &'static str,
    /// What is kept is found in the unpacked package by this ...
    pub find: fn(&Path) -> Option<PathBuf>,
    /// ... and has this name in the cache.
    pub kept: &'static str,
}

/// What is kept of a package.
#[derive(Debug)]
pub struct Got {
    /// The package and its version.
    pub version: String,
    /// The file or directory.
    pub path: PathBuf,
}

/// Why there is no package.
#[derive(Debug)]
pub enum Missing {
    /// No package can be had now: no network, or no suite carries it any more.
    Unavailable(String),
    /// The package was there and something else went wrong.
    Broken(String),
}

/// The newest of the wanted packages, from apt or from the cache.
pub fn get(wanted: &Wanted) -> std::result::Result<Got, Missing> {
    let cache = cache().map_err(Missing::Broken)?;
    let why = match newest(wanted, &cache) {
        Ok((apt, package)) => {
            let version = apt.version(&package).map_err(Missing::Broken)?;
            let name = format!("{package}_{}", version.replace(':', "%3a"));
            let directory = cache.join(wanted.room).join(&name);
            let got = Got { version: name, path: directory.join(wanted.kept) };
            if got.path.exists() {
                return Ok(got);
            }
            eprintln!("xtask: downloading {package} {version}");
            let work = cache.join(format!("unpack-{}-{}", wanted.prefix, std::process::id()));
            let unpacked = fetch(wanted, &apt, &package, &work, &got.path);
            let _ = fs::remove_dir_all(&work);
            match unpacked {
                Ok(()) => return Ok(got),
                Err(Missing::Unavailable(why)) => why,
                Err(broken) => return Err(broken),
            }
        }
        Err(why) => why,
    };
    let Some(got) = cached(wanted, &cache) else { return Err(Missing::Unavailable(why)) };
    eprintln!("xtask: {} from the cache ({why})", got.version);
    Ok(got)
}

/// What is kept of the package of exactly this name and version, if it is in the cache.
pub fn kept(wanted: &Wanted, version: &str) -> Option<Got> {
    let path = cache().ok()?.join(wanted.room).join(version).join(wanted.kept);
    path.exists().then(|| Got { version: version.into(), path })
}

fn cache() -> Result<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("RSTRACE_CACHE")
        .or_else(|| absolute("XDG_CACHE_HOME").map(|path| path.join("rstrace")))
        .or_else(|| absolute("HOME").map(|path| path.join(".cache/rstrace")))
        .ok_or_else(|| "no place for downloads: set RSTRACE_CACHE to a directory".into())
}

fn cached(wanted: &Wanted, cache: &Path) -> Option<Got> {
    let mut found: Vec<Got> = fs::read_dir(cache.join(wanted.room))
        .ok()?
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().into_string().ok()?;
            let path = entry.path().join(wanted.kept);
            let package = version.split('_').next()?;
            (wanted.has(package) && path.exists()).then_some(Got { version, path })
        })
        .collect();
    found.sort_by(|a, b| natural_order(&a.version, &b.version));
    found.pop()
}

/// The newest of the wanted packages and the apt that knows it, or why there is none.
fn newest(wanted: &Wanted, cache: &Path) -> Result<(Apt, String)> {
    if process::find("apt-get").is_none() {
        return Err("there is no apt-get here".into());
    }
    if wanted.own {
        let own = Apt { options: Vec::new() };
        if let Some(package) = own.newest(wanted)? {
            return Ok((own, package));
        }
    }
    let mirrors = sources::mirrors();
    if mirrors.is_empty() {
        return Err("apt's sources name no archive".into());
    }
    let mut why = String::new();
    for suite in wanted.suites {
        for (number, mirror) in mirrors.iter().enumerate() {
            let apt = Apt::private(&cache.join(format!("apt/{suite}-{number}")), mirror, suite)?;
            if let Err(error) = apt.refresh() {
                why = error;
            }
            // Lists of an earlier day still do when there is no network.
            if let Some(package) = apt.newest(wanted)? {
                return Ok((apt, package));
            }
        }
    }
    let suites = wanted.suites.join(" or ");
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    Err(format!("apt knows no {} in {suites}{why}", wanted.pattern()))
}

fn fetch(
    wanted: &Wanted,
    apt: &Apt,
    package: &str,
    work: &Path,
    into: &Path,
) -> std::result::Result<(), Missing> {
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
    let kept = (wanted.find)(&unpacked).ok_or_else(|| broken(format!("it holds no {}", wanted.kept)))?;
    fs::create_dir_all(into.parent().expect("it is inside the cache")).map_err(io)?;
    // By rename, so that what is in the cache is never half of it.
    fs::rename(kept, into).map_err(io)
}

impl Wanted {
    /// Whether this package is one of them.
    pub fn has(&self, package: &str) -> bool {
        match self.suffix {
            Some(suffix) => package.starts_with(self.prefix) && package.ends_with(suffix),
            None => package == self.prefix,
        }
    }

    fn pattern(&self) -> String {
        self.suffix.map_or_else(|| self.prefix.into(), |suffix| format!("{}*{suffix}", self.prefix))
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
        // Trusted, since the machine need not have this suite's keys; nothing of it runs outside of qemu.
        let source = format!("deb [trusted=yes] {mirror} {suite} main\n");
        fs::write(directory.join("sources.list"), source).map_err(failed)?;
        // What is installed here is no candidate.
        fs::write(directory.join("status"), "").map_err(failed)?;
        let under = |name: &str| directory.join(name).display().to_string();
        let options = vec![
            format!("Dir::Etc::SourceList={}", under("sources.list")),
            "Dir::Etc::SourceParts=/dev/null".into(),
            format!("Dir::State::Lists={}", under("lists")),
            format!("Dir::State::status={}", under("status")),
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

    fn newest(&self, wanted: &Wanted) -> Result<Option<String>> {
        let pattern = format!("^{}", wanted.prefix.replace('.', "\\."));
        let found = process::output(self.call("apt-cache").args(["search", "--names-only"]).arg(pattern))?;
        let names = found.lines().filter_map(|line| line.split_whitespace().next());
        Ok(names.filter(|name| wanted.has(name)).max_by(|a, b| natural_order(a, b)).map(String::from))
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
    fn a_name_without_a_suffix_is_the_whole_name() {
        let wanted = Wanted {
            prefix: "linux-libc-dev",
            suffix: None,
            suites: &[],
            own: false,
            room: "",
            find: |_| None,
            kept: "",
        };
        assert!(wanted.has("linux-libc-dev"));
        assert!(!wanted.has("linux-libc-dev-amd64-cross"));
    }
}
