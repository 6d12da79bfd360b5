//! A temporary folder that goes away with the test.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Program;

/// A temporary folder that goes away with the test.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// A new, empty folder that everyone may read.
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("rstrace-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        // Left by an earlier process that had this id.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a temporary folder can be made");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its mode can be set");
        Self { path }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of something in it, as text.
    pub fn at(&self, name: &str) -> String {
        self.path.join(name).to_str().expect("temporary paths are UTF-8").to_owned()
    }

    /// Makes a file in it; its path.
    pub fn file(&self, name: &str, content: &str) -> String {
        fs::write(self.path.join(name), content).expect("a file can be written");
        self.at(name)
    }

    /// Makes a program in it; its path.
    ///
    /// Another process writes it. What a thread of this one has open for writing every child has that another thread
    /// forks in this moment, until it executes its program: and what is open for writing cannot be executed
    /// (`ETXTBSY`).
    pub fn program(&self, name: &str, content: &[u8]) -> String {
        let (bytes, path) = (self.at("content of a program"), self.at(name));
        fs::write(&bytes, content).expect("a file can be written");
        fs::set_permissions(&bytes, fs::Permissions::from_mode(0o755)).expect("its mode can be set");
        Program::new(&["cp", "-p", &bytes, &path]).run().ended_well();
        path
    }

    /// Makes a folder in it, empty even if it was there; its path.
    pub fn fresh_folder(&self, name: &str) -> String {
        let path = self.path.join(name);
        if path.exists() {
            fs::remove_dir_all(&path).expect("a folder can be removed");
        }
        fs::create_dir(&path).expect("a folder can be made");
        self.at(name)
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}
