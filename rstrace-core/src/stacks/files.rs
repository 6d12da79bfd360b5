//! Files that code is mapped from: their tables for unwinding, and the names of their functions.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::ops::{Deref, Range};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use blazesym::symbolize::source::{Elf, Source};
use blazesym::symbolize::{Input, Symbolized, Symbolizer};
use framehop::{ExplicitModuleSectionInfo, Module};
use object::read::elf::{ElfFile64, ProgramHeader};
use object::{Endianness, Object, ObjectSection, ReadCache};

use super::space::Mapped;

/// A function of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name, demangled.
    pub name: Box<str>,
    /// Whether its code was inlined into that of the next one.
    pub inlined: bool,
}

/// Bytes of a section, shared by the processes that map it.
#[derive(Clone)]
pub(super) struct Sections(Rc<[u8]>);

impl Deref for Sections {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// A file that code is mapped from.
pub(super) struct CodeFile {
    name: Rc<[u8]>,
    /// Where it can be opened; `None` if nowhere, or another file is there.
    path: Option<PathBuf>,
    tables: Option<Tables>,
}

/// What of a file unwinding needs.
struct Tables {
    /// Offset, size and address of code that is loaded.
    segments: Vec<(u64, u64, u64)>,
    eh_frame: Option<(Range<u64>, Sections)>,
    eh_frame_hdr: Option<(Range<u64>, Sections)>,
    text: Option<Range<u64>>,
}

impl CodeFile {
    /// Its path, as the traced process knows it.
    pub fn name(&self) -> Rc<[u8]> {
        Rc::clone(&self.name)
    }

    /// Whether what is called by its code can be told.
    pub fn has_tables(&self) -> bool {
        self.tables.as_ref().is_some_and(|tables| tables.eh_frame.is_some())
    }

    /// What unwinding needs of a piece of it that is mapped there.
    pub fn module(&self, range: Range<u64>, offset: u64) -> Option<Module<Sections>> {
        let tables = self.tables.as_ref()?;
        // a segment is mapped from the beginning of its first page
        let holds = |(begin, size, _): &&(u64, u64, u64)| {
            offset >= begin & !0xfff && offset < begin.saturating_add(*size)
        };
        let (begin, _, address) = tables.segments.iter().find(holds)?;
        let base = range.start.wrapping_sub(offset.wrapping_sub(*begin).wrapping_add(*address));
        let (eh_frame_svma, eh_frame) = tables.eh_frame.clone().unzip();
        let (eh_frame_hdr_svma, eh_frame_hdr) = tables.eh_frame_hdr.clone().unzip();
        let sections = ExplicitModuleSectionInfo {
            text_svma: tables.text.clone(),
            eh_frame_svma,
            eh_frame,
            eh_frame_hdr_svma,
            eh_frame_hdr,
            base_svma: 0,
            text: None,
            stubs_svma: None,
            stub_helper_svma: None,
            got_svma: None,
            unwind_info: None,
            debug_frame: None,
            text_segment_svma: None,
            text_segment: None,
        };
        Some(Module::new(String::new(), range, base, sections))
    }
}

/// Functions, and how far behind the beginning of the outermost one.
type Found = (Rc<[Function]>, u64);

/// All of them, opened once.
pub(super) struct Files {
    known: HashMap<(Vec<u8>, u64), Rc<CodeFile>>,
    symbolizer: Symbolizer,
    /// By path and offset.
    functions: HashMap<(PathBuf, u64), Found>,
}

impl Files {
    pub fn new() -> Self {
        let symbolizer = Symbolizer::builder()
            .enable_auto_reload(false)
            // without it there are no inlined functions either
            .enable_code_info(true)
            .enable_inlined_fns(true)
            .enable_demangling(true)
            .build();
        Self { known: HashMap::new(), symbolizer, functions: HashMap::new() }
    }

    /// The file of a mapping.
    pub fn open(&mut self, mapped: &Mapped) -> Rc<CodeFile> {
        let key = (mapped.name.clone(), mapped.inode);
        if let Some(file) = self.known.get(&key) {
            return Rc::clone(file);
        }
        let path = path_of(mapped);
        let read = |path: &PathBuf| catch_unwind(AssertUnwindSafe(|| read_tables(path))).ok().flatten();
        let tables = path.as_ref().and_then(read);
        let file = Rc::new(CodeFile { name: mapped.name.as_slice().into(), path, tables });
        self.known.insert(key, Rc::clone(&file));
        file
    }

    /// The functions that this offset of a file is in, and how far behind the beginning of the outermost one it is.
    pub fn functions(&mut self, file: &CodeFile, offset: u64) -> Found {
        let Some(path) = &file.path else { return (Rc::new([]), 0) };
        let key = (path.clone(), offset);
        if let Some((functions, behind)) = self.functions.get(&key) {
            return (Rc::clone(functions), *behind);
        }
        let symbolizer = &self.symbolizer;
        let look_up = || look_up(symbolizer, path, offset);
        let (functions, behind) = catch_unwind(AssertUnwindSafe(look_up)).ok().flatten().unwrap_or_default();
        let functions: Rc<[Function]> = functions.into();
        self.functions.insert(key, (Rc::clone(&functions), behind));
        (functions, behind)
    }
}

fn look_up(symbolizer: &Symbolizer, path: &Path, offset: u64) -> Option<(Vec<Function>, u64)> {
    let source = Source::Elf(Elf::new(path));
    let Symbolized::Sym(sym) = symbolizer.symbolize_single(&source, Input::FileOffset(offset)).ok()? else {
        return None;
    };
    let inlined = sym.inlined.iter().rev();
    let mut functions: Vec<_> =
        inlined.map(|inlined| Function { name: inlined.name.as_ref().into(), inlined: true }).collect();
    functions.push(Function { name: sym.name.as_ref().into(), inlined: false });
    Some((functions, sym.offset as u64))
}

/// Where the file of a mapping can be opened: as rstrace sees it if that is the same file, else as the process does.
fn path_of(mapped: &Mapped) -> Option<PathBuf> {
    let name = Path::new(OsStr::from_bytes(&mapped.name));
    let below = name.strip_prefix("/").ok()?;
    let candidates = [name.to_owned(), Path::new(&format!("/proc/{}/root", mapped.pid)).join(below)];
    candidates.into_iter().find(|path| {
        std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.ino() == mapped.inode)
    })
}

fn is_code(header: &object::elf::ProgramHeader64<Endianness>, endian: Endianness) -> bool {
    header.p_type(endian) == object::elf::PT_LOAD
        && (header.p_flags(endian) & object::elf::PF_X) == object::elf::PF_X
}

fn read_tables(path: &Path) -> Option<Tables> {
    let cache = ReadCache::new(File::open(path).ok()?);
    let elf = ElfFile64::<Endianness, _>::parse(&cache).ok()?;
    let endian = elf.endian();
    // only code is mapped; the last page of a segment may be the first one of the next
    let is_code = |header: &&_| is_code(header, endian);
    let loads = elf.elf_program_headers().iter().filter(is_code);
    let segments =
        loads.map(|header| (header.p_offset(endian), header.p_filesz(endian), header.p_vaddr(endian)));
    let range = |name| {
        let section = elf.section_by_name(name)?;
        Some((section.address()..section.address().checked_add(section.size())?, section))
    };
    let section = |name| {
        let (range, section) = range(name)?;
        Some((range, Sections(section.data().ok()?.into())))
    };
    Some(Tables {
        segments: segments.collect(),
        eh_frame: section(".eh_frame"),
        eh_frame_hdr: section(".eh_frame_hdr"),
        text: range(".text").map(|(range, _)| range),
    })
}
