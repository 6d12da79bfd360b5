//! A small copy of the kernel's type information with what the kernel side is relocated by: libbpf reads that instead.
//!
//! One pass finds the structures, and what they contain is copied; pointers lead nowhere, as no relocation follows one
//! within a type.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::thread::{self, JoinHandle};

use rstrace_probes_bpf::RELOCATED;

use super::{
    HEADER, KERNEL, KIND_ARRAY, KIND_CONST, KIND_ENUM, KIND_ENUM64, KIND_PTR, KIND_RESTRICT, KIND_STRUCT,
    KIND_TYPE_TAG, KIND_TYPEDEF, KIND_UNION, KIND_VOLATILE, KernelTypes, MAGIC, Types,
};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::machine::cast::Cast;

/// A copy that is being made in a thread of its own, in a file without a name.
#[derive(Debug)]
pub(crate) struct Copying {
    file: File,
    thread: JoinHandle<Result<Option<Cast>>>,
}

impl Copying {
    /// Begins to copy of the kernel's types those that are needed; they are read first if they have not been.
    pub(crate) fn begin(kernel: Option<KernelTypes>) -> Result<Self> {
        let file = nix::sys::memfd::memfd_create(c"rstrace-btf", nix::sys::memfd::MFdFlags::MFD_CLOEXEC);
        let file = File::from(file.map_err(io::Error::from).context("memfd_create")?);
        let mut out = file.try_clone().context("memfd_create")?;
        let copying = move || {
            let unsupported = |why| Error::new(ErrorKind::Unsupported, why);
            let kernel = kernel.map_or_else(KernelTypes::read, Ok).map_err(unsupported)?;
            let copied = copy(&kernel, RELOCATED)
                .ok_or_else(|| unsupported(format!("{KERNEL} has an unknown form")))?;
            out.write_all(&copied).context("the copy of the kernel's types")?;
            Ok(Cast::find(&kernel))
        };
        let thread = thread::Builder::new().name("types".into()).spawn(copying);
        Ok(Self { file, thread: thread.context("the thread that copies the kernel's types")? })
    }

    /// Where libbpf can open it when it is finished, as long as it lives.
    pub(crate) fn path(&self) -> String {
        format!("/proc/self/fd/{}", self.file.as_raw_fd())
    }

    /// Waits until it is written, which it is as long as the file lives; and tells what else was looked for.
    pub(crate) fn finish(self) -> Result<(File, Option<Cast>)> {
        let cast = self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok((self.file, cast))
    }
}

/// What is being written.
struct Copy<'a> {
    types: Types<'a>,
    /// The new id of each type copied.
    ids: HashMap<u32, u32>,
    words: Vec<u32>,
    strings: Vec<u8>,
    /// Types that have an id and are not written yet: their old ids, in the order of the new ones.
    waiting: Vec<u32>,
}

impl Copy<'_> {
    /// The new id of a type, which is written in its turn.
    fn id(&mut self, old: u32) -> u32 {
        if old == 0 {
            return 0;
        }
        let next = self.ids.len() as u32 + 1;
        *self.ids.entry(old).or_insert_with(|| {
            self.waiting.push(old);
            next
        })
    }

    fn string(&mut self, offset: u32) -> Option<u32> {
        if offset == 0 {
            return Some(0);
        }
        let text = self.types.strings.get(offset as usize..)?.split(|byte| *byte == 0).next()?;
        let place = self.strings.len() as u32;
        self.strings.extend_from_slice(text);
        self.strings.push(0);
        Some(place)
    }

    fn write(&mut self, old: u32) -> Option<()> {
        let at = *self.types.starts.get(old as usize)? as usize;
        let word = |copy: &Self, n: usize| copy.types.word(at + n);
        let (name, info) = (word(self, 0)?, word(self, 1)?);
        let kind = self.types.kind(at)?;
        let name = self.string(name)?;
        self.words.extend([name, info]);
        let third = word(self, 2)?;
        let third = match kind {
            KIND_PTR => 0,
            KIND_TYPEDEF | KIND_VOLATILE | KIND_CONST | KIND_RESTRICT | KIND_TYPE_TAG => self.id(third),
            _ => third,
        };
        self.words.push(third);
        match kind {
            KIND_ARRAY => {
                let (of, index, len) = (word(self, 3)?, word(self, 4)?, word(self, 5)?);
                let (of, index) = (self.id(of), self.id(index));
                self.words.extend([of, index, len]);
            }
            KIND_STRUCT | KIND_UNION => {
                for member in 0..self.types.vlen(at)? {
                    let first = 3 + 3 * member;
                    let (name, of, place) =
                        (word(self, first)?, word(self, first + 1)?, word(self, first + 2)?);
                    let (name, of) = (self.string(name)?, self.id(of));
                    self.words.extend([name, of, place]);
                }
            }
            KIND_ENUM | KIND_ENUM64 => {
                let each = if kind == KIND_ENUM { 2 } else { 3 };
                for value in 0..self.types.vlen(at)? {
                    let first = 3 + each * value;
                    let name = self.string(word(self, first)?)?;
                    self.words.push(name);
                    for n in 1..each {
                        self.words.push(word(self, first + n)?);
                    }
                }
            }
            _ => {
                for n in 0..self.types.words_behind(at)? {
                    self.words.push(word(self, 3 + n)?);
                }
            }
        }
        Some(())
    }
}

/// The structures of these names and all that they contain; `None` if the form is unknown.
fn copy(kernel: &KernelTypes, structures: &[&str]) -> Option<Vec<u8>> {
    let types = kernel.types()?;
    let mut copy =
        Copy { types, ids: HashMap::new(), words: Vec::new(), strings: vec![0], waiting: Vec::new() };
    for (id, at) in types.of_kind(KIND_STRUCT) {
        let name = types.name(at)?;
        if structures.iter().any(|wanted| wanted.as_bytes() == name) {
            copy.id(id);
        }
    }
    let mut written = 0;
    while let Some(old) = copy.waiting.get(written).copied() {
        copy.write(old)?;
        written += 1;
    }
    let (types, strings) = (copy.words.len() as u32 * 4, copy.strings.len() as u32);
    let mut out = Vec::with_capacity(HEADER + (types + strings) as usize);
    out.extend(MAGIC.to_le_bytes());
    out.extend([1, 0]); // version, flags
    for word in [HEADER as u32, 0, types, types, strings].iter().chain(&copy.words) {
        out.extend(word.to_le_bytes());
    }
    out.extend(copy.strings);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use libbpf_rs::btf::Btf;
    use libbpf_rs::btf::types::Struct;

    #[test]
    fn the_copy_has_the_kernels_structures_and_little_else() {
        let Ok(kernel) = KernelTypes::read() else {
            eprintln!("SKIP: this kernel has no {KERNEL}");
            return;
        };
        let small = copy(&kernel, RELOCATED).unwrap();
        let len = kernel.bytes.as_slice().len();
        assert!(small.len() < len / 8, "{} of {len}", small.len());
        let path = std::env::temp_dir().join(format!("rstrace-btf-{}", std::process::id()));
        std::fs::write(&path, small).unwrap();
        let (ours, all) = (Btf::from_path(&path).unwrap(), Btf::from_vmlinux().unwrap());
        std::fs::remove_file(path).unwrap();
        let members = |btf: &Btf<'_>, name: &str| -> Option<Vec<_>> {
            let found = btf.type_by_name::<Struct<'_>>(name)?;
            Some(found.iter().map(|m| (m.name.map(|n| n.to_owned()), format!("{:?}", m.attr))).collect())
        };
        for name in RELOCATED {
            assert_eq!(members(&ours, name), members(&all, name), "{name}");
        }
        assert!(members(&ours, "task_struct").is_some_and(|members| members.len() > 50));
    }
}
