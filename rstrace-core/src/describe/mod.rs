//! System calls described as data: what each argument is, in which direction it goes, how it is laid out.
//!
//! From one description come the captures of the kernel side ([`captures`]), the decoded values ([`arguments`]) and
//! the documentation. A plug-in writes tables; only what no table can say is a function.

mod captures;
mod decode;
mod direction;
mod indirect;
mod layout;
pub mod named;
mod notation;
mod object;

pub use captures::{Limits, accesses, captures, variants};
pub use decode::{Arguments, arguments, first_signals, gloss, outcome};
pub use direction::known_at_entry;
pub use indirect::{Indirect, Inner, Is, Place};
pub use layout::size_of_type;
pub use named::Named;
pub use notation::{Constants, Notation, Quote};
pub use object::{Item, Object};

use crate::event::{Abi, Comment};
use crate::flags::{Choices, FlagSet, Packed};
use crate::probe::RawCall;

/// A system call.
#[derive(Debug)]
pub struct Syscall {
    /// Its name.
    pub name: &'static str,
    /// Its arguments, in order.
    pub params: &'static [Param],
    /// What it returns.
    pub result: Returned,
    /// The classes that it belongs to, as bits; the table that it stands in says what they mean.
    pub classes: u32,
    /// Arguments that depend on another one's value, as those of `ioctl` on its request.
    pub cases: Option<&'static Cases>,
    /// Which other call is meant where a 32-bit program makes this one.
    pub indirect: Option<&'static Indirect>,
}

/// One argument.
#[derive(Debug, Clone, Copy)]
pub struct Param {
    /// The name, as the manual page has it.
    pub name: &'static str,
    /// What it is.
    pub ty: Type,
    /// Whether it is there in this call; always, if there is nothing to ask.
    pub shown: Option<fn(&RawCall<'_>) -> bool>,
    /// The register that it stands in, of native and of 32-bit programs, if that is not its place in the list.
    pub register: Option<[u8; 2]>,
    /// Whether its name is always shown with it.
    pub named: bool,
    /// Whether it is shown when the call has returned, though its type does not say so.
    pub at_return: bool,
}

impl Param {
    /// Stands in another register than its place says: of native and of 32-bit programs.
    pub const fn in_register(mut self, native: u8, compat: u8) -> Self {
        self.register = Some([native, compat]);
        self
    }

    /// Is shown as `name=value`.
    pub const fn with_name(mut self) -> Self {
        self.named = true;
        self
    }

    /// Is shown when the call has returned, and so are all that follow.
    pub const fn at_return(mut self) -> Self {
        self.at_return = true;
        self
    }
}

/// An argument that is always there.
pub const fn param(name: &'static str, ty: Type) -> Param {
    Param { name, ty, shown: None, register: None, named: false, at_return: false }
}

/// An argument that is there in some calls.
pub const fn param_if(name: &'static str, ty: Type, shown: fn(&RawCall<'_>) -> bool) -> Param {
    Param { name, ty, shown: Some(shown), register: None, named: false, at_return: false }
}

/// What a call's arguments are, by the value of one of them.
#[derive(Debug)]
pub struct Cases {
    /// The argument that decides, from 0; its lower 32 bits count.
    pub arg: u8,
    /// By value, in ascending order: all the arguments of such a call, and what it returns.
    pub cases: &'static [Case],
}

/// Arguments of a call with a certain value.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The value.
    pub value: u32,
    /// All the arguments.
    pub params: &'static [Param],
    /// What it returns, if that is not what the other cases return.
    pub result: Option<Returned>,
}

impl Type {
    /// The type that holds for an ABI.
    pub(crate) fn of_abi(&self, abi: Abi) -> &Self {
        match (self, abi) {
            (Self::ByAbi(native, _), Abi::Native) => native,
            (Self::ByAbi(_, compat), Abi::Compat32) => compat,
            (ty, _) => ty,
        }
    }

    /// The type that holds where so much is shown.
    fn within(&self, limits: Limits) -> &Self {
        match self {
            Self::Pointer(..)
            | Self::Sized(..)
            | Self::List(..)
            | Self::Encoded(_)
            | Self::Strings
            | Self::Counted
                if limits.addresses =>
            {
                &Self::Number(Width::Word, Meaning::Address)
            }
            Self::Counted if limits.whole_lists => &Self::Strings,
            ty => ty,
        }
    }
}

impl Syscall {
    /// Has arguments that depend on another one's value.
    pub const fn by(mut self, cases: &'static Cases) -> Self {
        self.cases = Some(cases);
        self
    }

    /// Is made by 32-bit programs in another way, or stands for other calls there.
    pub const fn with_compat(mut self, indirect: &'static Indirect) -> Self {
        self.indirect = Some(indirect);
        self
    }

    /// How many registers the arguments of a call take, whether they are shown or not.
    pub fn registers(&self, params: &[Param], abi: Abi) -> usize {
        let places = (0u8..).zip(params);
        let ends = places
            .map(|(place, param)| layout::register(params, place, abi) + layout::registers(&param.ty, abi));
        ends.max().unwrap_or(0)
    }

    /// The arguments of a call with these registers, and what it returns.
    pub fn of_call(&self, args: &[u64], abi: Abi) -> (&'static [Param], Returned) {
        let case = self.cases.and_then(|cases| {
            let value = *args.get(layout::register(self.params, cases.arg, abi))? as u32;
            let place = cases.cases.binary_search_by_key(&value, |case| case.value).ok()?;
            cases.cases.get(place)
        });
        case.map_or((self.params, self.result), |case| (case.params, case.result.unwrap_or(self.result)))
    }
}

/// What a call returns when it does not fail.
#[derive(Debug, Clone, Copy)]
pub enum Returned {
    /// A number.
    Number(Width, Meaning),
    /// A number, and in parentheses what it stands for; nothing if the function emits nothing.
    Glossed(Width, Meaning, Gloss),
}

/// Says what a result stands for.
pub type Gloss = for<'a> fn(&'a RawCall<'a>, &mut dyn FnMut(Item<'_>));

/// What a piece of data is.
#[derive(Debug, Clone, Copy)]
pub enum Type {
    /// A number.
    Number(Width, Meaning),
    /// The address of an object.
    Pointer(Access, &'static Type),
    /// The address of an object whose size the program says: fewer bytes than the type has cut it short, more
    /// may follow.
    Sized(Access, &'static Type, Length),
    /// The address of a path: a C string that is shown whole.
    Path,
    /// The address of a C string of which so much is shown as of any string.
    Text(Access),
    /// The address of bytes.
    Buffer(Access, Length),
    /// The address of bytes that go through the socket of the first argument, a [`Meaning::Socket`]: those of
    /// netlink are this type, which takes as many bytes as there are; others are as [`Type::Buffer`] has them.
    Message(Access, Length, &'static Type),
    /// The address of bytes; the last one that would be shown is not, if it is zero.
    Terminated(Access, Length),
    /// The address of bytes that are shown in hex.
    HexBuffer(Access, Length),
    /// The address of elements.
    List(Access, &'static Type, Length),
    /// A structure, in memory.
    Struct(&'static Struct),
    /// So many elements, in memory.
    Elements(&'static Type, usize),
    /// A C string of at most so many bytes, in memory.
    Chars(usize),
    /// So many bytes that are shown in hex, in memory.
    HexBytes(usize),
    /// So many bytes that only a function can write, in memory.
    Written(usize, BytesWriter),
    /// So many bytes that mean nothing, in memory.
    Padding(usize),
    /// What only a function can say, in memory.
    Custom(&'static Custom),
    /// A set of bits by number, in memory or behind an address as [`Type::Sized`] has it.
    Bits,
    /// Likewise, of descriptors.
    FdSet,
    /// Control messages, where a [`Nested`] of a [`Type::Custom`] says: the descriptors and ids in them are looked up.
    ControlMessages,
    /// A set of signals of 8 bytes, in memory.
    Signals,
    /// One of two types: of native and of 32-bit programs.
    ByAbi(&'static Type, &'static Type),
    /// One of two types, by what else the call says: the first if the function says so. Both are captured.
    Either(fn(&RawCall<'_>) -> bool, &'static Type, &'static Type),
    /// The address of an object of which the request of an `ioctl` encodes in which direction it goes, and how
    /// long it is.
    Encoded(&'static Type),
    /// Elements that follow in memory where a [`Nested`] of a [`Type::Custom`] says, without an address of their own.
    Following(&'static Type, Length),
    /// `argv`: the address of a vector of addresses of C strings.
    Strings,
    /// `envp`: likewise, of which the number is shown, or the strings where lists are shown whole.
    Counted,
}

/// In which direction data goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// From the program: read before the call.
    In,
    /// To the program: read after the call, if that did not fail.
    Out,
    /// To the program, also by a call that fails or is interrupted.
    OutAlways,
    /// Both: shown as `before => after`.
    InOut,
    /// From the program; what the call made of it is read too, of a list all, for the result to tell.
    InAgain,
    /// To the program, into a structure that it prepared: what that points to is written by the call. Shown as it
    /// is after a call that did not fail, else, of a structure, as it was before.
    Filled,
    /// Both, also by a call that fails or is interrupted.
    InOutAlways,
}

/// How much there is behind an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// So much.
    Fixed(u32),
    /// As an argument says.
    Arg(u8),
    /// As an argument says, an `int`.
    IntArg(u8),
    /// As an argument says, a `long`: if that is negative, nothing is there.
    LongArg(u8),
    /// As many words of 64 bits as so many bits need; of bytes.
    BitsArg(u8),
    /// As many as the argument spans pages.
    PagesArg(u8),
    /// A `long`, and bytes behind it of which so many are shown as of any string: as many as an argument says.
    LongAndArg(u8),
    /// As the call returned.
    Returned,
    /// As a member of the same structure says, by its index there; of all the structures of a list together no
    /// more than the call returned.
    MemberTransferred(u8),
    /// As the call returned, but no more than an argument says.
    ReturnedWithin(u8),
    /// As the `int` says that this argument points to: after the call, but no more than before.
    Pointed(u8),
    /// As a member of the same structure says, by its index there.
    Member(u8),
    /// As a member of the same structure says, but no more than is left of what the call returned when the
    /// elements before have had as much as the same member of theirs says.
    Share(u8),
    /// As the object itself says, of a [`Type::Sized`]: the number of 32 bits at this offset, times `scale`, and `add`.
    Own {
        /// Bytes before the number.
        offset: u8,
        /// Bytes per count.
        scale: u8,
        /// Bytes that are not counted.
        add: u16,
    },
}

/// How many bytes a number has, and whether it is signed.
///
/// An argument of 64 bits takes two registers in 32-bit programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// 8 bits.
    U8,
    /// 16 bits.
    U16,
    /// 32 bits.
    U32,
    /// 64 bits.
    U64,
    /// 8 bits, signed.
    I8,
    /// 16 bits, signed.
    I16,
    /// 32 bits, signed.
    I32,
    /// 64 bits, signed.
    I64,
    /// `unsigned long`, addresses: as the ABI has them.
    Word,
    /// `long`: as the ABI has it.
    SignedWord,
    /// 16 bits in the order of the network.
    Be16,
    /// 32 bits in the order of the network.
    Be32,
    /// 64 bits, signed, an argument in two registers in all programs: the lower half, or all of it, first.
    LowHigh,
    /// Likewise, the higher half first.
    HighLow,
}

/// What a number means.
#[derive(Debug, Clone, Copy)]
pub enum Meaning {
    /// Itself.
    Plain,
    /// Bits: in hex, zero is `0`.
    Hex,
    /// An address: in hex, zero is `NULL`.
    Address,
    /// A file descriptor.
    Fd,
    /// A file descriptor of a socket: which one is looked up, see [`RawCall::socket`].
    Socket,
    /// A file descriptor of an object: what it is decides what else is shown at length, where it is looked up.
    ObjectFd,
    /// A file descriptor of a directory, or `AT_FDCWD`.
    DirFd,
    /// The id of a process or thread; of a group if it is negative.
    Pid,
    /// The id of a group of processes, or of a session: it is no process that is meant.
    Group,
    /// A user or group: all ones are -1.
    Id,
    /// Permission bits, in octal.
    Mode,
    /// A set of named bits.
    Flags(&'static FlagSet),
    /// Named bits and numbers among them.
    Packed(&'static Packed),
    /// One of several named values.
    Choice(&'static Choices),
    /// A signal.
    Signal,
    /// A set of the first 32 signals.
    Signals,
    /// What only a function can write.
    Written(Writer),
    /// Likewise, of a number that has a name.
    Named(&'static Named),
}

/// Appends the notation of a number.
pub type Writer = fn(&mut Notation<'_>, u64);

/// Appends the notation of bytes.
pub type BytesWriter = fn(&mut Notation<'_>, &[u8]);

/// A structure.
#[derive(Debug)]
pub struct Struct {
    fields: &'static [Field],
    /// The order in which the members are shown, by their indices; empty: as they stand.
    order: &'static [u8],
    /// Its layout in 32-bit programs, if that is not the same members with 32-bit words.
    compat: Option<&'static Struct>,
    /// Bytes that it must have to be shown at all, if the program says its size.
    least: usize,
    /// Whether bytes beyond the last member are shown.
    extensible: bool,
    /// So many of the first members: those that follow are shown at length only.
    brief: usize,
    native: layout::Layout,
    /// Of these members in 32-bit programs.
    compat32: layout::Layout,
}

impl Struct {
    /// A structure with these members, in order, laid out as C does it.
    pub const fn of(fields: &'static [Field]) -> Self {
        let mut brief = fields.len();
        while brief > 0 && fields[brief - 1].long {
            brief -= 1;
        }
        Self {
            fields,
            order: &[],
            compat: None,
            least: 0,
            extensible: false,
            brief,
            native: layout::Layout::of(fields, Abi::Native),
            compat32: layout::Layout::of(fields, Abi::Compat32),
        }
    }

    /// Its members, as they stand.
    pub const fn fields(&self) -> &'static [Field] {
        self.fields
    }

    /// Shows the members in another order, by their indices; those that are not among them not at all.
    pub const fn in_order(mut self, order: &'static [u8]) -> Self {
        self.order = order;
        self.brief = order.len();
        self
    }

    /// Has another layout in 32-bit programs than the same members with 32-bit words.
    pub const fn with_compat(mut self, compat: &'static Struct) -> Self {
        self.compat = Some(compat);
        self
    }

    /// Grows over time: programs say its size, which is so many bytes at least, and may be more than is known.
    pub const fn growing_from(mut self, least: usize) -> Self {
        self.least = least;
        self.extensible = true;
        self
    }
}

/// A member of a structure.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub ty: Type,
    /// Whether it is shown only at length.
    pub long: bool,
    /// Whether what it points to is shown only at length; else it is an address.
    pub distant: bool,
    /// Whether it is shown; always, if there is nothing to ask.
    pub shown: Option<fn(&Object<'_>) -> bool>,
    /// What is said of it besides.
    pub comment: Option<fn(&Object<'_>) -> Option<Comment>>,
}

/// A member.
pub const fn field(name: &'static str, ty: Type) -> Field {
    Field { name, ty, long: false, distant: false, shown: None, comment: None }
}

/// A member that is shown only at length: without `-v`, `...` stands for all of them.
pub const fn long(name: &'static str, ty: Type) -> Field {
    Field { name, ty, long: true, distant: false, shown: None, comment: None }
}

/// A member that is there but never shown.
pub const fn hidden(ty: Type) -> Field {
    Field { name: "", ty, long: false, distant: false, shown: Some(|_| false), comment: None }
}

impl Field {
    /// Shows it only where the function says so.
    pub const fn only_if(mut self, shown: fn(&Object<'_>) -> bool) -> Self {
        self.shown = Some(shown);
        self
    }

    /// Shows what it points to only at length: without `-v` it is an address.
    pub const fn at_length(mut self) -> Self {
        self.distant = true;
        self
    }

    /// Adds a comment where the function has one.
    pub const fn commented(mut self, comment: fn(&Object<'_>) -> Option<Comment>) -> Self {
        self.comment = Some(comment);
        self
    }
}

/// Data whose shape only a function knows: it emits the parts.
#[derive(Debug)]
pub struct Custom {
    /// Bytes, if it stands in a structure or list or behind a [`Type::Pointer`].
    pub size: usize,
    /// Likewise, in 32-bit programs.
    pub compat_size: usize,
    /// What encloses the parts.
    pub shape: Shape,
    /// Emits the parts, all of them or those that are shown in brief. If it emits none, the address is shown.
    pub parts: Parts,
    /// Memory that its parts point to, to be captured with it.
    pub nested: &'static [Nested],
}

impl Custom {
    /// Data of so many bytes, 0 for as many as there are, that is the same in all programs and points to nothing.
    pub const fn of(size: usize, shape: Shape, parts: Parts) -> Self {
        Self { size, compat_size: size, shape, parts, nested: &[] }
    }
}

/// Emits the parts of an object: all of them, or with `false` those that are shown in brief.
pub type Parts = for<'a> fn(&Object<'a>, bool, &mut dyn FnMut(Item<'_>));

/// What a [`Custom`] points to.
#[derive(Debug, Clone, Copy)]
pub struct Nested {
    /// Where the address stands, in bytes from the beginning: of native and of 32-bit programs.
    pub offset: [u16; 2],
    /// What is there: one of the types that are addresses, or a descriptor. A [`Length::Member`] is an offset of a 32-bit number.
    pub ty: Type,
}

/// What encloses parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `{name=value, ...}`
    Struct,
    /// `[value, ...]`
    List,
    /// `[value ...]`
    Words,
    /// Nothing: the value of its one part.
    Bare,
}
