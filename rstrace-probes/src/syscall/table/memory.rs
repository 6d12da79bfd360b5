//! Memory being mapped, protected, locked and placed.

use std::io::Write;

use rstrace_core::describe::{
    Access, Custom, Indirect, Inner, Is, Item, Length, Meaning, Object, Param, Shape, Syscall, Type, Width,
    param, param_if, size_of_type,
};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagSet, Packed, PackedNumber};
use rstrace_core::probe::RawCall;

use super::errors::FAILURE;
use crate::syscall::classes::{DESC, MEMORY};
use crate::syscall::types::*;
use crate::uapi;

static PROT: FlagSet =
    set!("PROT_???", PROT_NONE PROT_READ PROT_WRITE PROT_EXEC PROT_SEM PROT_GROWSDOWN PROT_GROWSUP);

static MAP: Packed = Packed {
    set: set!("MAP_???", MAP_TYPE: MAP_FILE MAP_SHARED MAP_PRIVATE MAP_SHARED_VALIDATE;
        MAP_FIXED MAP_ANONYMOUS MAP_32BIT MAP_ABOVE4G MAP_NORESERVE MAP_POPULATE MAP_NONBLOCK MAP_GROWSDOWN
        MAP_DENYWRITE MAP_EXECUTABLE MAP_LOCKED MAP_STACK MAP_HUGETLB MAP_SYNC MAP_FIXED_NOREPLACE),
    numbers: &[PackedNumber::Shifted {
        mask: uapi::MAP_HUGE_MASK << uapi::MAP_HUGE_SHIFT,
        shift: uapi::MAP_HUGE_SHIFT,
        name: "MAP_HUGE_SHIFT",
    }],
};
const MAP_FLAGS: Type = Type::Number(Width::U32, Meaning::Packed(&MAP));

static MREMAP: FlagSet = set!("MREMAP_???", MREMAP_MAYMOVE MREMAP_FIXED MREMAP_DONTUNMAP);

fn has_new_address(call: &RawCall<'_>) -> bool {
    call.args[3] & (uapi::MREMAP_FIXED | uapi::MREMAP_DONTUNMAP) != 0
}

static ADVICE: Choices = choices!("MADV_???", MADV_NORMAL MADV_RANDOM MADV_SEQUENTIAL MADV_WILLNEED MADV_DONTNEED
    MADV_FREE MADV_REMOVE MADV_DONTFORK MADV_DOFORK MADV_MERGEABLE MADV_UNMERGEABLE MADV_HUGEPAGE MADV_NOHUGEPAGE
    MADV_DONTDUMP MADV_DODUMP MADV_WIPEONFORK MADV_KEEPONFORK MADV_COLD MADV_PAGEOUT MADV_POPULATE_READ
    MADV_POPULATE_WRITE MADV_DONTNEED_LOCKED MADV_COLLAPSE MADV_HWPOISON MADV_SOFT_OFFLINE MADV_GUARD_INSTALL
    MADV_GUARD_REMOVE);

static MSYNC: FlagSet = set!("MS_???", MS_SYNC MS_ASYNC MS_INVALIDATE);
static MLOCK: FlagSet = set!("MLOCK_???", MLOCK_ONFAULT);
static MLOCKALL: FlagSet = set!("MCL_???", MCL_CURRENT MCL_FUTURE MCL_ONFAULT);
static SHADOW_STACK: FlagSet = set!("SHADOW_STACK_???", SHADOW_STACK_SET_TOKEN SHADOW_STACK_SET_MARKER);

static PKEY_RIGHTS: FlagSet = FlagSet {
    choice: None,
    names: &[
        (uapi::PKEY_UNRESTRICTED, "PKEY_UNRESTRICTED"),
        (uapi::PKEY_DISABLE_ACCESS, "PKEY_DISABLE_ACCESS"),
        (uapi::PKEY_DISABLE_WRITE, "PKEY_DISABLE_WRITE"),
        // of powerpc: its asm/mman.h
        (4, "PKEY_DISABLE_EXECUTE"),
    ],
    unknown: "PKEY_???",
};

static POLICY: FlagSet = FlagSet {
    choice: Some((
        !uapi::MPOL_MODE_FLAGS,
        &names!(MPOL_DEFAULT MPOL_PREFERRED MPOL_BIND MPOL_INTERLEAVE MPOL_LOCAL MPOL_PREFERRED_MANY
            MPOL_WEIGHTED_INTERLEAVE),
    )),
    names: &names!(MPOL_F_STATIC_NODES MPOL_F_RELATIVE_NODES MPOL_F_NUMA_BALANCING),
    unknown: "MPOL_???",
};
static POLICY_CHOICE: Type = choice(&POLICIES);
static MODE: Type = flags(&POLICY);
static LONG_MODE: Type = long_flags(&POLICY);
/// Of a policy without a name only the flags are told apart.
static UNKNOWN_POLICY: FlagSet = FlagSet { choice: None, ..POLICY };
static UNKNOWN_MODE: Type = flags(&UNKNOWN_POLICY);
static UNKNOWN_LONG_MODE: Type = long_flags(&UNKNOWN_POLICY);

fn is_policy(mode: u64) -> bool {
    POLICIES.name(mode & !uapi::MPOL_MODE_FLAGS).is_some()
}

static POLICIES: Choices = choices!("MPOL_???", MPOL_DEFAULT MPOL_PREFERRED MPOL_BIND MPOL_INTERLEAVE MPOL_LOCAL
    MPOL_PREFERRED_MANY MPOL_WEIGHTED_INTERLEAVE);
static POLICY_FLAGS: FlagSet = set!("MPOL_F_???", MPOL_F_NODE MPOL_F_ADDR MPOL_F_MEMS_ALLOWED);
static MOVE_PAGES_FLAGS: FlagSet = set!("MPOL_MF_???", MPOL_MF_MOVE MPOL_MF_MOVE_ALL);
static MOVE_FLAGS: FlagSet = set!("MPOL_MF_???", MPOL_MF_STRICT MPOL_MF_MOVE MPOL_MF_MOVE_ALL);

/// A word of a mask of nodes: two characters a byte.
fn write_nodes<const WORD: usize>(out: &mut Notation<'_>, word: u64) {
    let width = 2 * WORD;
    // writing to a vector cannot fail
    let _ = if word == 0 { write!(out, "{word:0width$}") } else { write!(out, "{word:#0width$x}") };
}

/// Bytes of a word of a mask.
fn word_of(mask: &Object<'_>) -> usize {
    size_of_type(&ULONG, mask.call.abi)
}

/// A mask of nodes has one bit less than the argument `MAXNODE` says, in whole words. One without a bit is its address,
/// as one that cannot be read, unless not even that bit is said to be there.
fn nodes<const MAXNODE: usize>(mask: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    let bits = mask.call.args[MAXNODE];
    let word = word_of(mask);
    if bits == 0 || (bits > 1 && mask.bytes.len() >= word) {
        let count = bits.saturating_sub(1).div_ceil(8 * word as u64);
        emit(Item::element(Value::Object(Object { ty: &WORDS, count, ..*mask })));
    }
}

fn words(mask: &Object<'_>, _: bool, emit: &mut dyn FnMut(Item<'_>)) {
    let count = mask.count;
    let size = word_of(mask);
    let write = if size == 4 { write_nodes::<4> } else { write_nodes::<8> };
    let (mut done, words) = (0, mask.bytes.chunks_exact(size));
    for word in words.take(usize::try_from(count).unwrap_or(usize::MAX)) {
        let word = word.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        emit(Item::element(Value::Written(word, write)));
        done += 1;
    }
    if done < count && done > 0 {
        let next = mask.address.wrapping_add(done * size as u64);
        emit(Item::element(Value::More(mask.unreadable.then_some(next))));
    }
}

static WORDS: Type = Type::Custom(&Custom::of(0, Shape::List, words));
static NODES_OF_1: Type = Type::Custom(&Custom::of(0, Shape::Bare, nodes::<1>));
static NODES_OF_2: Type = Type::Custom(&Custom::of(0, Shape::Bare, nodes::<2>));
static NODES_OF_4: Type = Type::Custom(&Custom::of(0, Shape::Bare, nodes::<4>));

/// A node, or why the page is on none.
static STATUS: Type = Type::Number(Width::I32, Meaning::Named(&FAILURE));

const fn mapping(offset: Type) -> [Param; 6] {
    [
        param("addr", ADDRESS),
        param("length", SIZE),
        param("prot", long_flags(&PROT)),
        param("flags", MAP_FLAGS),
        param("fd", FD),
        param("offset", offset),
    ]
}

/// An offset in pages of 4,096 bytes, shown in bytes.
const PAGES: Type = Type::Number(Width::U32, Meaning::Written(write_pages));

fn write_pages(out: &mut Notation<'_>, pages: u64) {
    named::hex(out, pages << 12);
}

/// What 32-bit programs once pointed to with their one argument.
static OLD_MMAP: Indirect = Indirect {
    number: None,
    calls: &[Inner { number: 0, call: Is::Named("mmap"), args: &words_behind::<6>(0), result: None }],
    unknown: &[param("arg", ADDRESS)],
};

pub static SYSCALLS: &[Syscall] = &[
    call("brk", MEMORY, &[param("addr", ADDRESS)], RET_ADDRESS),
    call("mmap", DESC | MEMORY, &const { mapping(HEX) }, RET_ADDRESS).with_compat(&OLD_MMAP),
    call("mmap2", DESC | MEMORY, &const { mapping(PAGES) }, RET_ADDRESS),
    call(
        "mprotect",
        MEMORY,
        &[param("addr", ADDRESS), param("length", SIZE), param("prot", long_flags(&PROT))],
        RET_INT,
    ),
    call("munmap", MEMORY, &[param("addr", ADDRESS), param("length", SIZE)], RET_INT),
    call(
        "mremap",
        MEMORY,
        &[
            param("old_address", ADDRESS),
            param("old_size", SIZE),
            param("new_size", SIZE),
            param("flags", long_flags(&MREMAP)),
            param_if("new_address", ADDRESS, has_new_address),
        ],
        RET_ADDRESS,
    ),
    call(
        "madvise",
        MEMORY,
        &[param("addr", ADDRESS), param("length", SIZE), param("advice", choice(&ADVICE))],
        RET_INT,
    ),
    call(
        "mincore",
        MEMORY,
        &[
            param("addr", ADDRESS),
            param("length", SIZE),
            param("vec", Type::Either(|call| call.args[1] == 0, &NOTHING, &RESIDENCE)),
        ],
        RET_INT,
    ),
    call(
        "msync",
        MEMORY,
        &[param("addr", ADDRESS), param("length", SIZE), param("flags", flags(&MSYNC))],
        RET_INT,
    ),
    call("mlock", MEMORY, &[param("addr", ADDRESS), param("length", SIZE)], RET_INT),
    call(
        "mlock2",
        MEMORY,
        &[param("addr", ADDRESS), param("length", SIZE), param("flags", flags(&MLOCK))],
        RET_INT,
    ),
    call("munlock", MEMORY, &[param("addr", ADDRESS), param("length", SIZE)], RET_INT),
    call("mlockall", MEMORY, &[param("flags", flags(&MLOCKALL))], RET_INT),
    call("munlockall", MEMORY, &[], RET_INT),
    call(
        "remap_file_pages",
        MEMORY,
        &[
            param("addr", ADDRESS),
            param("size", SIZE),
            param("prot", long_flags(&PROT)),
            param("pgoff", ULONG),
            param("flags", MAP_FLAGS),
        ],
        RET_INT,
    ),
    call(
        "map_shadow_stack",
        MEMORY,
        &[param("addr", ADDRESS), param("size", SIZE), param("flags", flags(&SHADOW_STACK))],
        RET_ADDRESS,
    ),
    call("mseal", MEMORY, &[param("addr", ADDRESS), param("size", SIZE), param("flags", HEX)], RET_INT),
    call("pkey_alloc", 0, &[param("flags", HEX), param("access_rights", flags(&PKEY_RIGHTS))], RET_INT),
    call("pkey_free", 0, &[param("pkey", INT)], RET_INT),
    call(
        "pkey_mprotect",
        MEMORY,
        &[param("addr", ADDRESS), param("size", SIZE), param("prot", long_flags(&PROT)), param("pkey", INT)],
        RET_INT,
    ),
    call(
        "mbind",
        MEMORY,
        &[
            param("addr", ADDRESS),
            param("size", SIZE),
            param("mode", Type::Either(|call| is_policy(call.args[2]), &LONG_MODE, &UNKNOWN_LONG_MODE)),
            param("nodemask", Type::Sized(Access::In, &NODES_OF_4, Length::BitsArg(4))),
            param("maxnode", ULONG),
            param("flags", flags(&MOVE_FLAGS)),
        ],
        RET_INT,
    ),
    call(
        "set_mempolicy",
        MEMORY,
        &[
            param("mode", Type::Either(|call| is_policy(call.args[0] as u32 as u64), &MODE, &UNKNOWN_MODE)),
            param("nodemask", Type::Sized(Access::In, &NODES_OF_2, Length::BitsArg(2))),
            param("maxnode", ULONG),
        ],
        RET_INT,
    ),
    call(
        "get_mempolicy",
        MEMORY,
        &[
            param("mode", output(&POLICY_CHOICE)),
            param("nodemask", Type::Either(|call| call.args[2] == 0, &NOTHING, &NODES_FOUND)),
            param("maxnode", ULONG),
            param("addr", ADDRESS),
            param("flags", long_flags(&POLICY_FLAGS)),
        ],
        RET_INT,
    ),
    call(
        "set_mempolicy_home_node",
        MEMORY,
        &[param("addr", ADDRESS), param("size", SIZE), param("home_node", ULONG), param("flags", HEX)],
        RET_INT,
    ),
    call(
        "migrate_pages",
        MEMORY,
        &[
            param("pid", PID),
            param("maxnode", ULONG),
            param("old_nodes", Type::Sized(Access::In, &NODES_OF_1, Length::BitsArg(1))),
            param("new_nodes", Type::Sized(Access::In, &NODES_OF_1, Length::BitsArg(1))),
        ],
        RET_LONG,
    ),
    call(
        "move_pages",
        MEMORY,
        &[
            param("pid", PID),
            param("count", ULONG),
            param("pages", Type::List(Access::In, &ADDRESS, Length::Arg(1))),
            param("nodes", Type::List(Access::In, &NODE, Length::Arg(1))),
            param("status", Type::List(Access::Out, &STATUS, Length::Arg(1))),
            param("flags", flags(&MOVE_PAGES_FLAGS)),
        ],
        RET_LONG,
    ),
];

/// Whether a page is resident.
static RESIDENT: Type = U8;
static RESIDENCE: Type = Type::List(Access::Out, &RESIDENT, Length::PagesArg(1));
static NODES_FOUND: Type = Type::Sized(Access::Out, &NODES_OF_2, Length::BitsArg(2));
/// A list that was asked for without any element is empty, also of a call that fails.
static NOTHING: Type = Type::List(Access::In, &RESIDENT, Length::Fixed(0));
/// A node's number.
static NODE: Type = INT;
