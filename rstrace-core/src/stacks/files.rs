//! Files that code is mapped from: their tables for unwinding, and the names of their functions. They are the traced
//! program's and may hold anything, so a copy is read, which nobody changes meanwhile.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Seek};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use blazesym::symbolize::source::{Elf, Source};
use blazesym::symbolize::{CodeInfo, Input, Symbolized, Symbolizer};
use flate2::CrcWriter;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::time::{ClockId, clock_gettime};
use object::read::elf::{ElfFile64, ProgramHeader};
use object::{Endianness, Object, ObjectSection, ReadCache};

use super::guarded;
use super::space::Mapped;
use super::unwind::Tables;
use crate::clock::monotonic_ns;

/// Bytes of a file, and of a section of it, that are read at most.
const MOST: u64 = 1 << 30;
/// Where debug files are installed.
const DEBUG: &str = "/usr/lib/debug";
/// Sections that name other files.
const LINKS: [&str; 3] = [".gnu_debuglink", ".gnu_debugaltlink", ".debug_sup"];

/// A function of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name, demangled.
    pub name: Box<str>,
    /// Whether its code was inlined into that of the next one.
    pub inlined: bool,
    /// The line of source that it is in, if its debug information tells.
    pub source: Option<SourceLine>,
}

/// A line of a source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLine {
    /// The path as the debug information has it.
    pub path: Box<[u8]>,
    /// The number of the line, the first is 1.
    pub line: u32,
}

/// A file that code is mapped from.
pub(super) struct CodeFile {
    name: Rc<[u8]>,
    /// `None` if it could not be opened, or can't be used.
    code: Option<Code>,
    symbols: OnceCell<Vec<Symbols>>,
    /// What was found, by address.
    functions: RefCell<HashMap<u64, Found>>,
}

/// What of it is used.
struct Code {
    path: PathBuf,
    file: File,
    metadata: Metadata,
    /// Offset, size and address of code that is loaded.
    segments: Vec<(u64, u64, u64)>,
    tables: Option<Tables>,
}

/// A copy of a file with symbols.
struct Symbols {
    copy: File,
    /// Whether its debug sections are used.
    debug: bool,
}

/// Functions, and how far behind the beginning of the outermost one.
type Found = (Rc<[Function]>, u64);

impl CodeFile {
    /// Its path, as the traced process knows it.
    pub fn name(&self) -> Rc<[u8]> {
        Rc::clone(&self.name)
    }

    /// What tells who has called the code at an offset, and its address there.
    pub fn tables(&self, offset: u64) -> Option<(&Tables, u64)> {
        Some((self.code.as_ref()?.tables.as_ref()?, self.address(offset)?))
    }

    /// The address of what is mapped from an offset.
    fn address(&self, offset: u64) -> Option<u64> {
        // a segment is mapped from the beginning of its first page
        let holds = |(begin, size, _): &&(u64, u64, u64)| {
            offset >= begin & !0xfff && offset < begin.saturating_add(*size)
        };
        let (begin, _, address) = self.code.as_ref()?.segments.iter().find(holds)?;
        Some(offset.wrapping_sub(*begin).wrapping_add(*address))
    }
}

/// All of them, opened once.
pub(super) struct Files {
    known: HashMap<(Vec<u8>, u64, u64), Rc<CodeFile>>,
    symbolizer: Symbolizer,
}

impl Files {
    pub fn new() -> Self {
        let symbolizer = Symbolizer::builder()
            .enable_auto_reload(false)
            .enable_code_info(true)
            .enable_inlined_fns(true)
            // it takes any name for a mangled one: of `t` it makes `unsigned short`
            .enable_demangling(false)
            .set_debug_dirs(Some([""; 0]))
            .build();
        Self { known: HashMap::new(), symbolizer }
    }

    /// The file of a mapping.
    pub fn open(&mut self, mapped: &Mapped) -> Rc<CodeFile> {
        let key = (mapped.name.clone(), mapped.inode, mapped.generation);
        let found = find(mapped);
        if let Some(known) = self.known.get(&key) {
            let changed = |(_, now): &(PathBuf, Metadata)| {
                known.code.as_ref().is_none_or(|code| times(&code.metadata) != times(now))
            };
            // what is gone by now is taken for what it was
            if !found.as_ref().is_some_and(changed) {
                return Rc::clone(known);
            }
        }
        let read = |(path, _)| guarded(|| Code::read(path, mapped)).flatten();
        let file = Rc::new(CodeFile {
            name: mapped.name.as_slice().into(),
            code: found.and_then(read),
            symbols: OnceCell::new(),
            functions: RefCell::default(),
        });
        self.known.insert(key, Rc::clone(&file));
        file
    }

    /// The functions that this offset of a file is in, and how far behind the beginning of the outermost one it is.
    pub fn functions(&self, file: &CodeFile, offset: u64) -> Found {
        let Some((code, address)) = file.code.as_ref().zip(file.address(offset)) else {
            return Found::default();
        };
        let mut known = file.functions.borrow_mut();
        let found = known.entry(address).or_insert_with(|| {
            let look_up = || {
                let symbols = file.symbols.get_or_init(|| code.symbols());
                symbols.iter().find_map(|symbols| symbols.look_up(&self.symbolizer, address))
            };
            guarded(look_up).flatten().unwrap_or_default()
        });
        found.clone()
    }
}

/// Where the file of a mapping can be opened: as rstrace sees it if that is the same file, else as the process does.
fn find(mapped: &Mapped) -> Option<(PathBuf, Metadata)> {
    let name = Path::new(OsStr::from_bytes(&mapped.name));
    let below = name.strip_prefix("/").ok()?;
    let candidates = [name.to_owned(), Path::new(&format!("/proc/{}/root", mapped.pid)).join(below)];
    candidates.into_iter().find_map(|path| {
        let found = fs::metadata(&path).ok()?;
        (found.is_file() && found.ino() == mapped.inode).then_some((path, found))
    })
}

/// Opens a regular file, whatever else may stand there by now.
fn open(path: &Path) -> Option<(File, Metadata)> {
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).ok()?;
    let found = file.metadata().ok()?;
    (found.is_file() && found.len() <= MOST).then_some((file, found))
}

/// What changes when a file is written to or replaced.
fn times(metadata: &Metadata) -> (u64, i64, i64, u64) {
    (metadata.ino(), metadata.mtime(), metadata.mtime_nsec(), metadata.len())
}

/// Whether a file is as it was at a time (`CLOCK_MONOTONIC`).
fn is_from_before(metadata: &Metadata, time_ns: u64) -> bool {
    let Ok(now) = clock_gettime(ClockId::CLOCK_REALTIME) else { return false };
    let ns = |seconds: i64, ns: i64| i128::from(seconds) * 1_000_000_000 + i128::from(ns);
    let ago = i128::from(monotonic_ns()) - i128::from(time_ns);
    ns(metadata.ctime(), metadata.ctime_nsec()) <= ns(now.tv_sec(), now.tv_nsec()) - ago
}

type Parsed<'cache, 'file> = ElfFile64<'cache, Endianness, &'cache ReadCache<&'file File>>;

impl Code {
    fn read(path: PathBuf, mapped: &Mapped) -> Option<Self> {
        let (file, metadata) = open(&path)?;
        if metadata.ino() != mapped.inode || !is_from_before(&metadata, mapped.time_ns) {
            return None;
        }
        let cache = ReadCache::new(&file);
        let elf = Parsed::parse(&cache).ok()?;
        let endian = elf.endian();
        // only code is mapped; the last page of a segment may be the first one of the next
        let headers = elf.elf_program_headers().iter().filter(|header| {
            header.p_type(endian) == object::elf::PT_LOAD
                && header.p_flags(endian) & object::elf::PF_X == object::elf::PF_X
        });
        let segments =
            headers.map(|header| (header.p_offset(endian), header.p_filesz(endian), header.p_vaddr(endian)));
        let segments = segments.collect();
        let tables = elf.section_by_name(".eh_frame").and_then(|section| {
            let text = elf.section_by_name(".text").map_or(0, |text| text.address());
            Some(Tables::new(section.data().ok()?.into(), section.address(), text))
        });
        drop(cache);
        Some(Self { path, file, metadata, segments, tables })
    }

    /// The files with its symbols: the debug file, if there is one, and itself.
    fn symbols(&self) -> Vec<Symbols> {
        let is_same = self.file.metadata().is_ok_and(|now| times(&now) == times(&self.metadata));
        let own = is_same.then(|| Symbols::copy(&self.file)).flatten();
        self.debug_file().into_iter().chain(own).collect()
    }

    /// The file that its debug link or its build ID names.
    fn debug_file(&self) -> Option<Symbols> {
        let cache = ReadCache::new(&self.file);
        let elf = Parsed::parse(&cache).ok()?;
        let id = elf.build_id().ok().flatten();
        let link = elf.gnu_debuglink().ok().flatten();
        let directory = self.path.parent()?;
        let named = link.and_then(|(name, _)| Path::new(OsStr::from_bytes(name)).file_name());
        let by_name = named.into_iter().flat_map(|name| {
            let installed = Path::new(DEBUG).join(directory.strip_prefix("/").unwrap_or(directory));
            [directory, &directory.join(".debug"), &installed].map(|directory| directory.join(name))
        });
        let by_id = id.and_then(|id| id.split_first()).map(|(first, rest)| {
            let rest: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
            Path::new(DEBUG).join(format!(".build-id/{first:02x}/{rest}.debug"))
        });
        by_id.into_iter().chain(by_name).find_map(|path| {
            let symbols = Symbols::copy(&open(&path)?.0)?;
            let same_id =
                id.is_some() && symbols.parsed(|elf| elf.build_id().ok().flatten() == id) == Some(true);
            let same_sum = || link.is_some_and(|(_, sum)| symbols.sum() == Some(sum));
            (same_id || same_sum()).then_some(symbols)
        })
    }
}

impl Symbols {
    fn copy(mut file: &File) -> Option<Self> {
        let mut copy = File::from(memfd_create(c"rstrace-symbols", MFdFlags::MFD_CLOEXEC).ok()?);
        file.rewind().ok()?;
        io::copy(&mut file.take(MOST), &mut copy).ok()?;
        let mut symbols = Self { copy, debug: false };
        symbols.debug = symbols.parsed(|elf| {
            // such a file would be opened, whatever it is
            let links = LINKS.iter().any(|name| elf.section_by_name(name).is_some());
            // such a section would be unpacked
            let is_large = |section: object::read::elf::ElfSection64<'_, '_, Endianness, _>| {
                section.compressed_file_range().is_ok_and(|range| range.uncompressed_size > MOST)
            };
            !links && !elf.sections().any(is_large)
        })?;
        Some(symbols)
    }

    fn parsed<T>(&self, ask: impl FnOnce(&Parsed<'_, '_>) -> T) -> Option<T> {
        let cache = ReadCache::new(&self.copy);
        Some(ask(&Parsed::parse(&cache).ok()?))
    }

    /// The sum that a debug link has of its file.
    fn sum(&self) -> Option<u32> {
        let mut sum = CrcWriter::new(io::sink());
        (&self.copy).rewind().ok()?;
        io::copy(&mut &self.copy, &mut sum).ok()?;
        Some(sum.crc().sum())
    }

    fn look_up(&self, symbolizer: &Symbolizer, address: u64) -> Option<Found> {
        let mut source = Elf::new(format!("/proc/self/fd/{}", self.copy.as_raw_fd()));
        source.debug_syms = self.debug;
        let found = symbolizer.symbolize_single(&Source::Elf(source), Input::VirtOffset(address));
        let Symbolized::Sym(sym) = found.ok()? else { return None };
        let function = |name: &str, inlined: bool, code: Option<&CodeInfo<'_>>| {
            let source = code.and_then(|code| {
                let path = code.to_path().as_os_str().as_bytes().into();
                Some(SourceLine { path, line: code.line? })
            });
            Function { name: demangled(name), inlined, source }
        };
        let inlined = sym.inlined.iter().rev();
        let inlined = inlined.map(|inlined| function(&inlined.name, true, inlined.code_info.as_ref()));
        let own = function(&sym.name, false, sym.code_info.as_deref());
        Some((inlined.chain([own]).collect(), sym.offset as u64))
    }
}

/// A name as it is in its language, without the hash that Rust's have.
fn demangled(name: &str) -> Box<str> {
    let rust = rustc_demangle::try_demangle(name).map(|name| format!("{name:#}"));
    let cpp = || cpp_demangle::Symbol::new(name).ok()?.demangle().ok();
    match rust {
        Ok(name) => name.into(),
        _ if name.starts_with("_Z") => cpp().unwrap_or_else(|| name.to_owned()).into(),
        _ => name.into(),
    }
}
