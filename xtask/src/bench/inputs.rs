//! What workloads work on: a repository, a C project, the files of servers, all made anew in a scratch folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::{Result, process};

/// Runs a command so many times.
const REPEAT: &str =
    "n=$1; shift\nwhile [ \"$n\" -gt 0 ]; do \"$@\" >/dev/null || exit; n=$((n - 1)); done\n";

/// One process that serves a file.
const NGINX: &str = "\
master_process off;
pid nginx.pid;
error_log stderr;
events {}
http {
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
    server { listen 127.0.0.1:PORT; root .; }
}
";

/// A folder that is gone when it is dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new one.
    pub fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("rstrace-bench-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        Ok(Self(folder))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Makes everything that workloads need, and may take from this port.
pub fn make(scratch: &Scratch, port: u16) -> Result<()> {
    let write = |name: &str, text: &str| put(&scratch.path().join(name), text);
    write("repeat", REPEAT)?;
    write("nginx.conf", &NGINX.replace("PORT", &port.to_string()))?;
    write("index.html", &"a line of sixteen\n".repeat(32))?;
    project(&scratch.path().join("project"))?;
    repository(&scratch.path().join("repository"))
}

/// So many files that a compile of all takes a second or two.
fn project(folder: &Path) -> Result<()> {
    let mut objects = Vec::new();
    for file in 0..16 {
        let mut text = String::from(
            "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n",
        );
        for function in 0..60 {
            text.push_str(&format!(
                "int f{file}_{function}(int n, char *s) {{ for (int i = 0; i < n; i++) s[i] = s[i] * {function} + i; \
                 return printf(\"%s %d\\n\", s, (int)strlen(s) + n); }}\n"
            ));
        }
        put(&folder.join(format!("f{file}.c")), &text)?;
        objects.push(format!("f{file}.o"));
    }
    put(&folder.join("Makefile"), &format!("CFLAGS = -O2\nall: {}\n", objects.join(" ")))
}

/// Files in folders, all committed.
fn repository(folder: &Path) -> Result<()> {
    // git reads files again that are no older than its index
    let old = SystemTime::now() - Duration::from_secs(3600);
    for place in 0..4_000 {
        let path = folder.join(format!("folder-{}/file-{place}.txt", place % 80));
        put(&path, &format!("file {place}\n"))?;
        let file = File::options().write(true).open(&path);
        file.and_then(|file| file.set_modified(old))
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let git = |words: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(folder).args(["-c", "user.name=bench", "-c", "user.email=bench@localhost"]);
        process::output(command.args(words)).map(|_| ())
    };
    git(&["init", "--quiet"])?;
    git(&["add", "."])?;
    git(&["commit", "--quiet", "--message", "everything"])
}

fn put(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}
