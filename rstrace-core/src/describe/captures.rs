//! From a description to what the kernel side is to copy.

use super::layout::{register, word};
use super::{
    Access, Custom, Field, Length, Meaning, Param, Returned, Struct, Syscall, Type, Width, size_of_type,
};
use crate::event::Abi;
use crate::probe::{Accesses, Capture, Count, From, Ids, PATH_MAX, Variants, What, When};

/// A whole list or text, where all of it is asked for: what a call can be expected to have.
const WHOLE: u32 = 1 << 20;
/// The longest object of which the request of an `ioctl` says the length: what one step reads.
const ENCODED: u32 = PATH_MAX;

/// How much is captured of what has no natural end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a string and elements of a list that are shown.
    pub length: u32,
    /// Whether lists are shown whole.
    pub whole_lists: bool,
    /// Whether it is told what descriptors are.
    pub files: bool,
    /// What is told of ids.
    pub ids: Ids,
    /// Whether structures and lists are shown as their addresses.
    pub addresses: bool,
}

impl Limits {
    /// So many bytes of a string and elements of a list.
    pub const fn of_length(length: u32) -> Self {
        Self {
            length,
            whole_lists: false,
            files: false,
            ids: Ids { comm: false, initial: false },
            addresses: false,
        }
    }

    /// Whether what a member points to is shown.
    fn follow(&self, field: &Field) -> bool {
        !field.distant || self.whole_lists
    }
}

/// The captures for a call with these arguments and this result.
pub fn captures(params: &[Param], result: Returned, abi: Abi, limits: Limits) -> Vec<Capture> {
    let mut plan = Plan { captures: Vec::new(), abi, limits, ints: [None; 8], depth: 0 };
    // what an int says that is behind an argument is a count for others: it comes first
    let ints = params.iter().fold(0, |ints, param| ints | counted_by(&param.ty));
    for is_int in [true, false] {
        let places = (0u8..).zip(params).filter(|(place, _)| (ints >> place & 1 == 1) == is_int);
        for (place, param) in places {
            plan.argument(register(params, place, abi) as u8, &param.ty);
        }
    }
    let (Returned::Number(_, meaning) | Returned::Glossed(_, meaning, _)) = result;
    plan.look_up(From::Return, meaning, When::Return);
    plan.captures
}

/// Which of the arguments a call accesses files by.
pub fn accesses(params: &[Param], abi: Abi) -> Accesses {
    let mut accesses = Accesses::default();
    for (place, param) in (0u8..).zip(params) {
        let bit = 1 << register(params, place, abi);
        match param.ty.of_abi(abi) {
            Type::Path => accesses.paths |= bit,
            Type::Number(_, Meaning::Fd | Meaning::Socket | Meaning::ObjectFd | Meaning::DirFd) => {
                accesses.descriptors |= bit
            }
            _ => {}
        }
    }
    accesses
}

/// The captures by the value of the argument that decides.
pub fn variants(syscall: &Syscall, abi: Abi, limits: Limits) -> Option<Variants> {
    let cases = syscall.cases?;
    let usual = captures(syscall.params, syscall.result, abi, limits);
    let arg = register(syscall.params, cases.arg, abi) as u8;
    let own = cases.cases.iter().map(|case| {
        let result = case.result.unwrap_or(syscall.result);
        (case.value, captures(case.params, result, abi, limits))
    });
    let captures: Vec<_> = own.filter(|(_, captures)| *captures != usual).collect();
    (!captures.is_empty()).then_some(Variants { arg, captures })
}

/// The arguments behind which its length stands, a bit each.
fn counted_by(ty: &Type) -> u32 {
    match ty {
        Type::Sized(_, _, Length::Pointed(place))
        | Type::Buffer(_, Length::Pointed(place))
        | Type::Terminated(_, Length::Pointed(place))
        | Type::HexBuffer(_, Length::Pointed(place))
        | Type::List(_, _, Length::Pointed(place)) => 1 << place,
        Type::Either(_, one, other) => counted_by(one) | counted_by(other),
        _ => 0,
    }
}

struct Plan {
    captures: Vec<Capture>,
    abi: Abi,
    limits: Limits,
    /// The capture at return of the `int` behind each argument.
    ints: [Option<u8>; 8],
    /// Lists that what is captured next is in.
    depth: u8,
}

/// The structure that a member belongs to: what an index of a member means.
#[derive(Clone, Copy)]
enum Parent {
    None,
    /// The capture that brings it, and where it begins there.
    Struct(&'static Struct, u8, u16),
    /// Offsets instead of indices.
    Custom(u8),
}

impl Plan {
    fn argument(&mut self, place: u8, ty: &Type) {
        let before = self.captures.len();
        // without it messages are bytes
        if let Type::Number(_, Meaning::Socket) = ty
            && !self.limits.addresses
        {
            self.push(From::Arg(place), When::Entry, What::Socket);
        }
        self.look_up_argument(place, ty);
        self.behind(From::Arg(place), ty, None, Parent::None);
        let ty = match ty {
            Type::Either(_, one, _) => one,
            ty => ty,
        };
        if let Type::Pointer(Access::InOut | Access::InOutAlways | Access::Out, _) = ty {
            // of two captures, before and after, the one after
            self.ints[usize::from(place)] =
                self.captures.len().checked_sub(1).filter(|i| *i >= before).map(|i| i as u8);
        }
    }

    /// Captures what is behind an address: at the moment that its access says, or that of what it stands in.
    fn behind(&mut self, from: From, ty: &Type, moment: Option<When>, parent: Parent) {
        let limits = self.limits;
        let text = limits.length.saturating_add(1).min(WHOLE);
        match *ty.within(limits) {
            Type::Path => self.push(from, moment.unwrap_or(When::Entry), What::String { limit: PATH_MAX }),
            Type::Text(access) => {
                for when in moments(access, moment) {
                    // one byte more tells whether it ends there, one is the terminator
                    self.push(from, when, What::String { limit: text.saturating_add(1) });
                }
            }
            Type::Buffer(access, length)
            | Type::Terminated(access, length)
            | Type::HexBuffer(access, length) => {
                for when in moments(access, moment) {
                    if let Some((count, scale)) = self.count(length, parent) {
                        self.push(from, when, What::Bytes { count, scale, add: 0, limit: text });
                    }
                }
            }
            Type::Message(access, length, _) => {
                for when in moments(access, moment) {
                    if let Some((count, _)) = self.count(length, parent) {
                        // what a call returns of a list of lists are no bytes
                        let transferred = match length {
                            Length::ReturnedWithin(_) => true,
                            Length::MemberTransferred(_) => self.depth < 2,
                            _ => false,
                        };
                        self.push(from, when, What::Message { count, transferred, limit: text });
                    }
                }
            }
            Type::Pointer(access, inner) => {
                let size = size_of_type(inner, self.abi) as u32;
                for when in moments(access, moment) {
                    let of = self.captures.len() as u8;
                    let what = What::Bytes { count: Count::Fixed, scale: size, add: 0, limit: size };
                    self.push(from, when, what);
                    if is_followed(access, when) {
                        self.nested(inner, of, when);
                    }
                }
            }
            Type::Sized(access, inner, Length::Own { offset, scale, add }) => {
                let (scale, add) = (u32::from(scale), u32::from(add));
                let head = add.max(u32::from(offset) + 4);
                for when in moments(access, moment) {
                    let of = self.captures.len() as u8;
                    self.push(
                        from,
                        when,
                        What::Bytes { count: Count::Fixed, scale: head, add: 0, limit: head },
                    );
                    let count = Count::Captured { of, offset: offset.into(), size: 4 };
                    let limit = most_of(inner, self.abi);
                    self.push(from, when, What::Bytes { count, scale, add, limit });
                    self.nested(inner, of + 1, when);
                }
            }
            Type::Sized(access, inner, length) => {
                for when in moments(access, moment) {
                    let Some((count, scale)) = self.count(length, parent) else { continue };
                    let word = word(self.abi) as u32;
                    let (add, limit) = match length {
                        Length::LongAndArg(_) => (word, text + word),
                        _ => (0, most_of(inner, self.abi)),
                    };
                    let of = self.captures.len() as u8;
                    self.push(from, when, What::Bytes { count, scale, add, limit });
                    self.nested(inner, of, when);
                }
            }
            Type::List(access, element, length) => {
                for when in moments(access, moment) {
                    let Some((count, times)) = self.count(length, parent) else { continue };
                    let size = size_of_type(element, self.abi).max(1) as u32;
                    let whole = limits.whole_lists || (access == Access::InAgain && when == When::Return);
                    let most = if whole { WHOLE / size } else { limits.length.min(WHOLE / size) };
                    let of = self.captures.len() as u8;
                    let what = What::Bytes {
                        count,
                        scale: size.saturating_mul(times),
                        add: 0,
                        limit: most.max(1) * size,
                    };
                    self.push(from, when, what);
                    // of a list that is shown as it was before, the elements are followed then
                    if is_followed(access, when) && (access != Access::InOut || when == When::EntryOnly) {
                        self.each(element, of, size, when, most);
                    }
                }
            }
            Type::ByAbi(..) => self.behind(from, ty.of_abi(self.abi), moment, parent),
            Type::Either(_, one, other) => {
                self.behind(from, one, moment, parent);
                self.behind(from, other, moment, parent);
            }
            Type::Encoded(inner) => {
                for (when, count) in [(When::Entry, Count::IoctlIn), (When::ReturnAlways, Count::IoctlOut)] {
                    let of = self.captures.len() as u8;
                    // of all types alike: only what points further needs captures of its own
                    self.push(from, when, What::Bytes { count, scale: 1, add: 0, limit: ENCODED });
                    self.nested(inner, of, when);
                }
            }
            Type::Strings => self.push(from, When::Entry, What::Strings),
            Type::Counted => self.push(from, When::Entry, What::PointerCount),
            _ => {}
        }
    }

    /// Finds out what a number stands for: a descriptor, or an id.
    fn look_up(&mut self, from: From, meaning: Meaning, when: When) {
        match meaning {
            Meaning::Fd | Meaning::Socket | Meaning::DirFd if self.limits.files => {
                self.push(from, when, What::File);
            }
            Meaning::ObjectFd if self.limits.files || self.limits.whole_lists => {
                self.push(from, when, What::File);
            }
            Meaning::Pid if self.limits.ids.are_told() => self.push(from, when, What::Id(self.limits.ids)),
            Meaning::Group if self.limits.ids.initial => {
                self.push(from, when, What::Id(Ids { comm: false, initial: true }));
            }
            _ => {}
        }
    }

    /// Finds out what an argument stands for that is a number: of two types one or the other.
    fn look_up_argument(&mut self, place: u8, ty: &Type) {
        match *ty.of_abi(self.abi) {
            Type::Number(_, meaning) => self.look_up(From::Arg(place), meaning, When::EntryOnly),
            Type::Either(_, one, other) => {
                self.look_up_argument(place, one);
                self.look_up_argument(place, other);
            }
            _ => {}
        }
    }

    fn push(&mut self, from: From, when: When, what: What) {
        self.captures.push(Capture { from, when, what });
    }

    /// What the elements of the list that the capture `of` brings point to.
    fn each(&mut self, element: &Type, of: u8, stride: u32, when: When, most: u32) {
        let place = self.captures.len();
        self.push(From::Arg(0), when, What::Each { of, stride, body: 0, limit: most });
        self.depth += 1;
        self.nested(element, of, when);
        self.depth -= 1;
        let added = self.captures.len() - place - 1;
        match (added, &mut self.captures[place].what) {
            (0, _) => self.captures.truncate(place),
            (_, What::Each { body, .. }) => *body = added as u8,
            _ => {}
        }
    }

    /// What the object that the capture `of` brings points to.
    fn nested(&mut self, ty: &Type, of: u8, when: When) {
        self.member(ty, of, 0, when, Parent::None);
    }

    fn member(&mut self, ty: &Type, of: u8, offset: usize, when: When, parent: Parent) {
        let (abi, limits) = (self.abi, self.limits);
        match ty {
            Type::Struct(inner) => {
                let inner = inner.of_abi(abi);
                let parent = Parent::Struct(inner, of, offset as u16);
                for (inside, field) in inner.offsets(abi).filter(|(_, field)| limits.follow(field)) {
                    self.member(&field.ty, of, offset + inside, when, parent);
                }
            }
            Type::Custom(Custom { nested, .. }) => {
                for nested in *nested {
                    let inside = usize::from(nested.offset[usize::from(abi == Abi::Compat32)]);
                    self.member(&nested.ty, of, offset + inside, when, Parent::Custom(of));
                }
            }
            Type::Number(_, meaning) => {
                let from = From::Captured { of, offset: offset as u16, size: 4 };
                self.look_up(from, *meaning, when);
            }
            // after the call the sets are shown without
            Type::FdSet if self.limits.files && when == When::EntryOnly => {
                self.push(From::Captured { of, offset: 0, size: 8 }, when, What::FdSet);
            }
            Type::ControlMessages if self.limits.files || self.limits.ids.are_told() => {
                let what = What::Control { files: self.limits.files, ids: self.limits.ids };
                self.push(From::Captured { of, offset: 0, size: 8 }, when, what);
            }
            Type::Elements(element @ Type::Number(..), count) => {
                for place in 0..*count {
                    self.member(element, of, offset + place * size_of_type(element, abi), when, parent);
                }
            }
            Type::Following(element, length) => {
                let Some((count, times)) = self.count(*length, parent) else { return };
                let from = self.captures[usize::from(of)].from;
                let size = size_of_type(element, abi).max(1) as u32;
                let most = if self.limits.whole_lists { WHOLE / size } else { self.limits.length };
                let (scale, add) = (size * times, offset as u32);
                let limit = most.saturating_add(1).saturating_mul(size).min(WHOLE) + add;
                self.push(from, when, What::Bytes { count, scale, add, limit });
            }
            address => {
                let from = From::Captured { of, offset: offset as u16, size: word(abi) as u8 };
                self.behind(from, address, Some(when), parent);
            }
        }
    }

    /// The count of a length, and the factor that belongs to it.
    fn count(&self, length: Length, parent: Parent) -> Option<(Count, u32)> {
        let count = match length {
            Length::Fixed(times) => return Some((Count::Fixed, times)),
            Length::Arg(place) | Length::LongArg(place) | Length::LongAndArg(place) => Count::Arg(place),
            Length::IntArg(place) => Count::IntArg(place),
            Length::BitsArg(place) => return Some((Count::BitsArg(place), 8)),
            Length::PagesArg(place) => Count::PagesArg(place),
            Length::Returned => Count::Return,
            Length::ReturnedWithin(place) => Count::Transferred(place),
            Length::Pointed(place) => {
                let of = self.ints[usize::from(place)]?;
                Count::Captured { of, offset: 0, size: 4 }
            }
            Length::Member(place) | Length::Share(place) | Length::MemberTransferred(place) => match parent {
                Parent::Struct(structure, of, begin) => {
                    let (offset, field) = structure.member(place.into(), self.abi)?;
                    let width = field.ty.as_number()?;
                    let size = width.bytes(self.abi) as u8;
                    Count::Captured { of, offset: begin + offset as u16, size }
                }
                Parent::Custom(of) => {
                    Count::Captured { of, offset: place.into(), size: Width::U32.bytes(self.abi) as u8 }
                }
                Parent::None => return None,
            },
            Length::Own { .. } => return None,
        };
        Some((count, 1))
    }
}

/// When something is read that is accessed so.
fn moments(access: Access, moment: Option<When>) -> Vec<When> {
    match (moment, access) {
        // what the call writes is no use before, where it is read again after it
        (Some(When::EntryOnly), Access::Out) => Vec::new(),
        (Some(when), _) => vec![when],
        (None, Access::In) => vec![When::Entry],
        (None, Access::Out) => vec![When::Return],
        (None, Access::OutAlways) => vec![When::ReturnAlways],
        (None, Access::InOut | Access::InAgain | Access::Filled) => vec![When::EntryOnly, When::Return],
        (None, Access::InOutAlways) => vec![When::EntryOnly, When::ReturnAlways],
    }
}

/// Whether what an object points to is of interest then.
fn is_followed(access: Access, when: When) -> bool {
    access != Access::Filled || when == When::Return
}

/// How many bytes of an object are captured whose size the program says.
fn most_of(ty: &Type, abi: Abi) -> u32 {
    match ty {
        Type::Struct(structure) if structure.extensible => PATH_MAX,
        Type::Bits | Type::FdSet => PATH_MAX,
        Type::Custom(custom) if custom.size == 0 => WHOLE,
        ty => size_of_type(ty, abi) as u32,
    }
}
