//! The kernel's types and functions (BTF).
//!
//! libbpf reads all of them, some 100,000, and searches them for each name: that takes longer and more memory than all
//! the rest of a start. Here they are read once, and one pass finds where each begins.

mod copy;

use std::fs::File;
use std::os::fd::AsFd;

pub(crate) use copy::Copying;

use crate::mapping::Mapping;

const KERNEL: &str = "/sys/kernel/btf/vmlinux";

// Documentation/bpf/btf.rst
const MAGIC: u16 = 0xeb9f;
const HEADER: usize = 24;
/// Words of a type before what its kind adds.
const HEAD: usize = 3;
const KIND_INT: u32 = 1;
const KIND_PTR: u32 = 2;
const KIND_ARRAY: u32 = 3;
const KIND_STRUCT: u32 = 4;
const KIND_UNION: u32 = 5;
const KIND_ENUM: u32 = 6;
const KIND_FWD: u32 = 7;
const KIND_TYPEDEF: u32 = 8;
const KIND_VOLATILE: u32 = 9;
const KIND_CONST: u32 = 10;
const KIND_RESTRICT: u32 = 11;
const KIND_FUNC: u32 = 12;
const KIND_FUNC_PROTO: u32 = 13;
const KIND_VAR: u32 = 14;
const KIND_DATASEC: u32 = 15;
const KIND_FLOAT: u32 = 16;
const KIND_DECL_TAG: u32 = 17;
const KIND_TYPE_TAG: u32 = 18;
const KIND_ENUM64: u32 = 19;

/// The kernel's type information.
#[derive(Debug)]
pub(crate) struct KernelTypes {
    bytes: Bytes,
    starts: Vec<u32>,
}

#[derive(Debug)]
enum Bytes {
    /// From 6.16 on, and how many they are.
    Mapped(Mapping, usize),
    /// A page at a time.
    Read(Vec<u8>),
}

impl KernelTypes {
    /// Reads them, or says why that is impossible.
    pub(super) fn read() -> Result<Self, String> {
        let failed = |error| format!("{KERNEL} can't be read: {error}");
        let file = File::open(KERNEL).map_err(failed)?;
        let len = file.metadata().map_err(failed)?.len() as usize;
        let bytes = match Mapping::private(file.as_fd(), len) {
            Ok(mapping) => Bytes::Mapped(mapping, len),
            Err(_) => Bytes::Read(std::fs::read(KERNEL).map_err(failed)?),
        };
        Self::parse(bytes).ok_or_else(|| format!("{KERNEL} has an unknown form"))
    }

    fn parse(bytes: Bytes) -> Option<Self> {
        let starts = Types::sections(bytes.as_slice())?.find_starts()?;
        Some(Self { bytes, starts })
    }

    fn types(&self) -> Option<Types<'_>> {
        Some(Types { starts: &self.starts, ..Types::sections(self.bytes.as_slice())? })
    }

    /// A function: its id and how many arguments it takes.
    pub(crate) fn function(&self, name: &str) -> Option<(u32, usize)> {
        let types = self.types()?;
        let (id, at) = types.find(KIND_FUNC, name)?;
        let prototype = types.start(types.word(at + 2)?)?;
        Some((id, types.vlen(prototype)?))
    }

    /// Whether there is a tracepoint of this name that BPF can be attached to: the type of its functions tells.
    pub(crate) fn has_tracepoint(&self, name: &str) -> bool {
        self.types().and_then(|types| types.find(KIND_TYPEDEF, &format!("btf_trace_{name}"))).is_some()
    }

    /// A structure's id.
    pub(crate) fn structure(&self, name: &str) -> Option<u32> {
        Some(self.types()?.find(KIND_STRUCT, name)?.0)
    }

    /// The offset of a structure's member in bytes, through anonymous members too.
    pub(crate) fn member_offset(&self, structure: &str, member: &str) -> Option<u32> {
        let types = self.types()?;
        types.offset_in(types.find(KIND_STRUCT, structure)?.1, member)
    }
}

impl Bytes {
    fn as_slice(&self) -> &[u8] {
        match self {
            // SAFETY: mapped for so many bytes, as long as this lives; the kernel never changes them.
            Self::Mapped(mapping, len) => unsafe { std::slice::from_raw_parts(mapping.address(), *len) },
            Self::Read(bytes) => bytes,
        }
    }
}

/// Types in the form of the kernel's.
#[derive(Debug, Clone, Copy)]
struct Types<'a> {
    words: &'a [u8],
    strings: &'a [u8],
    /// Where each begins, in words, by its id.
    starts: &'a [u32],
}

impl<'a> Types<'a> {
    /// The words and the strings of a file.
    fn sections(btf: &'a [u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_le_bytes(*btf.get(at..)?.first_chunk()?) as usize);
        if u16::from_le_bytes(*btf.first_chunk()?) != MAGIC || word(4)? < HEADER {
            return None;
        }
        let section = |at: usize| {
            let begin = word(4)?.checked_add(word(at)?)?;
            btf.get(begin..begin.checked_add(word(at + 4)?)?)
        };
        Some(Self { words: section(8)?, strings: section(16)?, starts: &[] })
    }

    /// Where each begins; `None` if the form is unknown.
    fn find_starts(&self) -> Option<Vec<u32>> {
        let (mut starts, mut at) = (vec![0], 0);
        while at < self.words.len() / 4 {
            starts.push(at as u32);
            at += HEAD + self.words_behind(at)?;
        }
        Some(starts)
    }

    fn word(&self, at: usize) -> Option<u32> {
        Some(u32::from_le_bytes(*self.words.get(at * 4..)?.first_chunk()?))
    }

    fn kind(&self, at: usize) -> Option<u32> {
        Some(self.word(at + 1)? >> 24 & 0x1f)
    }

    /// The number of members and the like.
    fn vlen(&self, at: usize) -> Option<usize> {
        Some((self.word(at + 1)? & 0xffff) as usize)
    }

    /// Words that follow a type's head.
    fn words_behind(&self, at: usize) -> Option<usize> {
        let vlen = self.vlen(at)?;
        Some(match self.kind(at)? {
            KIND_INT | KIND_VAR | KIND_DECL_TAG => 1,
            KIND_ARRAY => 3,
            KIND_STRUCT | KIND_UNION | KIND_DATASEC | KIND_ENUM64 => 3 * vlen,
            KIND_ENUM | KIND_FUNC_PROTO => 2 * vlen,
            KIND_PTR | KIND_FWD | KIND_TYPEDEF | KIND_VOLATILE | KIND_CONST | KIND_RESTRICT | KIND_FUNC
            | KIND_FLOAT | KIND_TYPE_TAG => 0,
            _ => return None,
        })
    }

    fn name(&self, at: usize) -> Option<&'a [u8]> {
        let begin = self.strings.get(self.word(at)? as usize..)?;
        begin.split(|byte| *byte == 0).next()
    }

    /// The types of a kind, with their ids.
    fn of_kind(&self, kind: u32) -> impl Iterator<Item = (u32, usize)> {
        let starts = self.starts.iter().zip(0u32..).skip(1).map(|(at, id)| (id, *at as usize));
        starts.filter(move |(_, at)| self.kind(*at) == Some(kind))
    }

    /// The first type of this kind and name, with its id.
    fn find(&self, kind: u32, name: &str) -> Option<(u32, usize)> {
        self.of_kind(kind).find(|(_, at)| self.is_named(*at, name.as_bytes()))
    }

    fn is_named(&self, at: usize, name: &[u8]) -> bool {
        let begin = self.word(at).and_then(|place| self.strings.get(place as usize..));
        begin.and_then(|begin| begin.strip_prefix(name)).is_some_and(|rest| rest.first() == Some(&0))
    }

    /// Where the type with this id begins.
    fn start(&self, id: u32) -> Option<usize> {
        self.starts.get(id as usize).map(|at| *at as usize)
    }

    /// The offset in bytes of a member of a structure or a union, through anonymous members too.
    fn offset_in(&self, composite: usize, member: &str) -> Option<u32> {
        // kind_flag: the offset is in the lower part, and the width of a bit field in the upper
        const BIT_FIELDS: u32 = 1 << 31;
        let offsets = if self.word(composite + 1)? & BIT_FIELDS != 0 { 0xff_ffff } else { u32::MAX };
        (0..self.vlen(composite)?).find_map(|index| {
            let at = composite + HEAD + 3 * index;
            let (name, of, bits) = (self.name(at)?, self.word(at + 1)?, self.word(at + 2)? & offsets);
            if !name.is_empty() {
                return (name == member.as_bytes()).then_some(bits / 8);
            }
            let inner = self.start(of)?;
            matches!(self.kind(inner)?, KIND_STRUCT | KIND_UNION)
                .then(|| self.offset_in(inner, member))
                .flatten()
                .map(|offset| bits / 8 + offset)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libbpf_rs::btf::Btf;
    use libbpf_rs::btf::types::{Func, FuncProto};

    #[test]
    fn functions_and_members_are_where_libbpf_finds_them() {
        let Ok(types) = KernelTypes::read() else {
            eprintln!("SKIP: this kernel has no {KERNEL}");
            return;
        };
        let btf = Btf::from_vmlinux().expect("what we read, libbpf reads");
        for name in ["do_sys_openat2", "vfs_read", "schedule", "no_such_function"] {
            let of_libbpf = btf.type_by_name::<Func<'_>>(name).map(|function| {
                let proto = FuncProto::try_from(function.next_type().expect("a prototype"));
                (u32::from(function.type_id()), proto.expect("a prototype").len())
            });
            assert_eq!(types.function(name), of_libbpf, "{name}");
        }
        assert!(types.has_tracepoint("sys_enter") && !types.has_tracepoint("sys_ente"));
        assert_eq!(types.member_offset("list_head", "prev"), Some(8));
        assert!(types.member_offset("file", "f_inode").is_some_and(|offset| offset > 0 && offset % 8 == 0));
        assert_eq!(types.member_offset("file", "no_such_member"), None);
    }

    #[test]
    fn what_is_no_type_information_is_refused() {
        for bytes in [&b""[..], &[0; 24], &[0x9f, 0xeb, 1, 0, 24, 0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0]] {
            assert!(KernelTypes::parse(Bytes::Read(bytes.to_vec())).is_none());
        }
    }
}
