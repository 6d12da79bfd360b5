//! The newest Linux UAPI headers: Debian's `linux-libc-dev` of sid, unpacked beside the machine's own.

use std::path::{Path, PathBuf};

use crate::apt::{self, Got, Missing, Wanted};

/// The headers of all architectures are in one package there.
const PACKAGE: Wanted = Wanted {
    prefix: "linux-libc-dev",
    suffix: None,
    suites: &["sid"],
    own: false,
    room: "headers",
    find: |unpacked| Some(unpacked.join("usr")).filter(|usr| usr.join("include/linux").is_dir()),
    kept: "usr",
};

/// An unpacked package of headers.
#[derive(Debug)]
pub struct Headers {
    /// The package and its version.
    pub version: String,
    usr: PathBuf,
}

/// The newest headers, from apt or from the cache.
pub fn get() -> crate::Result<Headers> {
    apt::get(&PACKAGE).map(Headers::from).map_err(|missing| match missing {
        Missing::Unavailable(why) | Missing::Broken(why) => why,
    })
}

/// The headers of this package and version, if they are in the cache.
pub fn cached(version: &str) -> Option<Headers> {
    apt::kept(&PACKAGE, version).map(Headers::from)
}

impl From<Got> for Headers {
    fn from(got: Got) -> Self {
        Self { version: got.version, usr: got.path }
    }
}

impl Headers {
    /// Where `<linux/...>` and then `<asm/...>` are.
    pub fn roots(&self) -> [PathBuf; 2] {
        // The compiler's own architecture: these are links into `usr/lib/linux/uapi`.
        [self.usr.join("include"), self.usr.join("include/x86_64-linux-gnu")]
    }

    /// Where `x86/asm/...` and those of all other architectures are.
    pub fn of_all_architectures(&self) -> PathBuf {
        self.usr.join("lib/linux/uapi")
    }

    /// The header that this file is, as it is included; `None` for a file of another place.
    pub fn header<'a>(&self, file: &'a str) -> Option<&'a str> {
        let [include, asm] = self.roots();
        let file = Path::new(file);
        file.strip_prefix(asm).or_else(|_| file.strip_prefix(include)).ok()?.to_str()
    }

    /// The headers in this directory and below it, sorted.
    pub fn list(&self, directory: &str) -> Vec<String> {
        let mut found = Vec::new();
        for root in self.roots() {
            walk(&root.join(directory), directory, &mut found);
        }
        found.sort();
        found
    }
}

fn walk(directory: &Path, name: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            walk(&entry.path(), &name, found);
        } else if name.ends_with(".h") {
            found.push(name);
        }
    }
}
