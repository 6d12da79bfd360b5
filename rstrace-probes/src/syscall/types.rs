//! The words that the tables are written in: types by the names that C gives them, sets of names, rows.

use rstrace_core::describe::{
    Access, Length, Meaning, Param, Place, Returned, Struct, Syscall, Type, Width, field,
};
pub use rstrace_core::describe::{Notation, named};
use rstrace_core::flags::{Choices, FlagSet};

pub const INT: Type = Type::Number(Width::I32, Meaning::Plain);
pub const UINT: Type = Type::Number(Width::U32, Meaning::Plain);
pub const LONG: Type = Type::Number(Width::SignedWord, Meaning::Plain);
pub const ULONG: Type = Type::Number(Width::Word, Meaning::Plain);
pub const SIZE: Type = ULONG;
pub const I64: Type = Type::Number(Width::I64, Meaning::Plain);
pub const U64: Type = Type::Number(Width::U64, Meaning::Plain);
pub const U32: Type = UINT;
pub const U16: Type = Type::Number(Width::U16, Meaning::Plain);
pub const I16: Type = Type::Number(Width::I16, Meaning::Plain);
pub const U8: Type = Type::Number(Width::U8, Meaning::Plain);
/// In hex; zero is `0`.
pub const HEX64: Type = Type::Number(Width::U64, Meaning::Hex);
pub const HEX32: Type = Type::Number(Width::U32, Meaning::Hex);
pub const HEX16: Type = Type::Number(Width::U16, Meaning::Hex);
pub const HEX8: Type = Type::Number(Width::U8, Meaning::Hex);
pub const HEX: Type = Type::Number(Width::Word, Meaning::Hex);
/// An address that is shown as such.
pub const ADDRESS: Type = Type::Number(Width::Word, Meaning::Address);
pub const FD: Type = Type::Number(Width::I32, Meaning::Fd);
pub const DIRFD: Type = Type::Number(Width::I32, Meaning::DirFd);
pub const PID: Type = Type::Number(Width::I32, Meaning::Pid);
/// Of a group or session.
pub const PGID: Type = Type::Number(Width::I32, Meaning::Group);
pub const ID: Type = Type::Number(Width::U32, Meaning::Id);
/// `umode_t`: 16 bits of the register.
pub const MODE: Type = Type::Number(Width::U16, Meaning::Mode);
pub const SIGNAL: Type = Type::Number(Width::I32, Meaning::Signal);
pub const PATH: Type = Type::Path;
pub const TEXT: Type = Type::Text(Access::In);

/// Bytes that the call fills in: as many as it returned.
pub const DATA_OUT: Type = Type::Buffer(Access::Out, Length::Returned);
/// Bytes from the program: as many as an argument says.
pub const fn data_in(length: u8) -> Type {
    Type::Buffer(Access::In, Length::Arg(length))
}

/// An `int` of flags.
pub const fn flags(set: &'static FlagSet) -> Type {
    Type::Number(Width::U32, Meaning::Flags(set))
}

/// An `unsigned long` of flags.
pub const fn long_flags(set: &'static FlagSet) -> Type {
    Type::Number(Width::Word, Meaning::Flags(set))
}

/// 64 bits of flags, whatever the ABI.
pub const fn flags64(set: &'static FlagSet) -> Type {
    Type::Number(Width::U64, Meaning::Flags(set))
}

/// 16 bits of flags.
pub const fn flags16(set: &'static FlagSet) -> Type {
    Type::Number(Width::U16, Meaning::Flags(set))
}

/// 8 bits of flags.
pub const fn flags8(set: &'static FlagSet) -> Type {
    Type::Number(Width::U8, Meaning::Flags(set))
}

/// An `int` that is one of several values.
pub const fn choice(set: &'static Choices) -> Type {
    Type::Number(Width::U32, Meaning::Choice(set))
}

/// What the call reads behind an address.
pub const fn input(ty: &'static Type) -> Type {
    Type::Pointer(Access::In, ty)
}

/// What the call writes behind an address.
pub const fn output(ty: &'static Type) -> Type {
    Type::Pointer(Access::Out, ty)
}

/// What the call reads and writes.
pub const fn changed(ty: &'static Type) -> Type {
    Type::Pointer(Access::InOut, ty)
}

/// `socklen_t *` and its like: shown as `[before => after]`.
pub const LENGTH: Type = changed(&INT);

/// A result that is a number.
pub const fn returns(width: Width, meaning: Meaning) -> Returned {
    Returned::Number(width, meaning)
}
/// 0, or a number of no further meaning.
pub const RET_INT: Returned = returns(Width::I32, Meaning::Plain);
/// A number of bytes and the like.
pub const RET_LONG: Returned = returns(Width::SignedWord, Meaning::Plain);
pub const RET_FD: Returned = returns(Width::I32, Meaning::Fd);
pub const RET_PID: Returned = returns(Width::I32, Meaning::Pid);
pub const RET_PGID: Returned = returns(Width::I32, Meaning::Group);
pub const RET_ADDRESS: Returned = returns(Width::Word, Meaning::Address);
pub const RET_HEX: Returned = returns(Width::Word, Meaning::Hex);

/// A row.
pub const fn call(name: &'static str, classes: u32, params: &'static [Param], result: Returned) -> Syscall {
    Syscall { name, params, result, classes, cases: None, indirect: None }
}

/// The arguments of a call: as many words as it has, behind an argument of the call that makes it.
pub const fn words_behind<const N: usize>(arg: u8) -> [Place; N] {
    let mut places = [Place::Word { arg, index: 0 }; N];
    let mut i = 0;
    while i < N {
        places[i] = Place::Word { arg, index: i as u8 };
        i += 1;
    }
    places
}

/// Sorts names by value, for [`Choices`]; of equal values the first stays first.
pub const fn sorted<const N: usize>(mut names: [(u64, &'static str); N]) -> [(u64, &'static str); N] {
    let mut i = 1;
    while i < N {
        let mut j = i;
        while j > 0 && names[j - 1].0 > names[j].0 {
            let name = names[j];
            names[j] = names[j - 1];
            names[j - 1] = name;
            j -= 1;
        }
        i += 1;
    }
    names
}

/// Constants of the kernel's headers with their names.
macro_rules! names {
    ($($name:ident)*) => { [$(($crate::uapi::$name, stringify!($name))),*] };
}
pub(crate) use names;

/// A [`FlagSet`]: what stands in the comment if no name matches, then the names in the order in which they are shown.
/// A multi-bit value inside the set stands before, with its mask: `flags!("O_???", O_ACCMODE: O_RDONLY ...; O_CREAT ...)`.
macro_rules! set {
    ($unknown:literal, $mask:ident: $($choice:ident)*; $($name:ident)*) => {
        rstrace_core::flags::FlagSet {
            choice: Some(($crate::uapi::$mask, &$crate::syscall::types::names!($($choice)*))),
            names: &$crate::syscall::types::names!($($name)*),
            unknown: $unknown,
        }
    };
    ($unknown:literal, $($name:ident)*) => {
        rstrace_core::flags::FlagSet {
            choice: None,
            names: &$crate::syscall::types::names!($($name)*),
            unknown: $unknown,
        }
    };
}
pub(crate) use set;

/// [`Choices`]: what stands in the comment if no name matches, then the names in any order.
macro_rules! choices {
    ($unknown:literal, $($name:ident)*) => {
        rstrace_core::flags::Choices {
            names: &$crate::syscall::types::sorted($crate::syscall::types::names!($($name)*)),
            unknown: $unknown,
        }
    };
}
pub(crate) use choices;

/// `struct timespec`.
pub static TIMESPEC: Type = Type::Struct(&Struct::of(&[field("tv_sec", LONG), field("tv_nsec", ULONG)]));
/// `struct timeval`.
pub static TIMEVAL: Type = Type::Struct(&Struct::of(&[field("tv_sec", LONG), field("tv_usec", ULONG)]));
/// `struct iovec` whose bytes come from the program.
pub static IOVEC_IN: Type = Type::Struct(&Struct::of(&[
    field("iov_base", Type::Buffer(Access::In, Length::Member(1))),
    field("iov_len", SIZE),
]));
