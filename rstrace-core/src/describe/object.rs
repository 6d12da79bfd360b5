//! Objects in the memory of the traced process: a type, and the bytes that were captured. Decoded as they are
//! looked at, without a copy.

use super::decode::{self, Parent, Source};
use super::layout::word;
use super::{Access, Field, Length, Shape, Struct, Type, Width};
use crate::event::{Abi, Value};
use crate::memory::At;
use crate::probe::{Payload, RawCall};

/// A part of an object.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// The member's name; empty of an element.
    pub name: &'static str,
    /// What it is.
    pub value: Value<'a>,
}

impl<'a> Item<'a> {
    /// An element of a list.
    pub fn element(value: Value<'a>) -> Self {
        Self { name: "", value }
    }

    /// A member of a structure.
    pub fn member(name: &'static str, value: Value<'a>) -> Self {
        Self { name, value }
    }
}

/// An object in the traced process.
#[derive(Clone, Copy)]
pub struct Object<'a> {
    /// What it is.
    pub ty: &'static Type,
    /// Its bytes, as far as they were captured.
    pub bytes: &'a [u8],
    /// Where it stands.
    pub address: u64,
    /// Whether it is the state before or after the call.
    pub at: At,
    /// Of a list: how many elements there are, captured or not. Of others: their size in bytes, as the program
    /// gave it, or as the type has it.
    pub count: u64,
    /// Whether what is missing of the bytes could not be read; else there was more than was asked for.
    pub unreadable: bool,
    /// How many bytes the call transferred to or from this and what follows it in a list, if it is or has a
    /// buffer: see [`Length::MemberTransferred`].
    pub left: u64,
    /// The call that it belongs to.
    pub call: &'a RawCall<'a>,
}

impl std::fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Object")
            .field("address", &self.address)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl<'a> Object<'a> {
    /// An object of a type of the host that belongs to no call; `call` is [`RawCall::none`].
    pub(crate) fn alone(ty: &'static Type, bytes: &'a [u8], call: &'a RawCall<'a>) -> Self {
        let count = bytes.len() as u64;
        Self { ty, bytes, address: 0, at: At::Entry, count, unreadable: false, left: 0, call }
    }

    /// The id of a process or thread that stands at an offset, in 4 bytes.
    pub fn id_at(&self, offset: usize) -> Value<'a> {
        let id = self.number(offset, Width::U32) as i32;
        Value::Pid(id, self.call.identity(id, self.at))
    }

    /// That of a group of processes, likewise.
    pub fn group_at(&self, offset: usize) -> Value<'a> {
        let id = self.number(offset, Width::U32) as i32;
        Value::Pid(id, self.call.identity_of_group(id, self.at))
    }

    /// What encloses its parts.
    pub fn shape(&self) -> Shape {
        match self.ty {
            Type::Struct(_) => Shape::Struct,
            Type::Custom(custom) => custom.shape,
            _ => Shape::List,
        }
    }

    /// Whether it may have any number of parts; a number alone is in brackets too.
    pub fn is_list(&self) -> bool {
        match self.ty {
            Type::Custom(custom) => custom.shape == Shape::List,
            ty => matches!(ty, Type::List(..) | Type::Elements(..)),
        }
    }

    /// Whether only a function knows its parts: if it knows none, the object is its address.
    pub fn is_custom(&self) -> bool {
        matches!(self.ty, Type::Custom(_))
    }

    /// The unsigned number of so many bytes at an offset; 0 where there are none.
    pub fn number(&self, offset: usize, width: Width) -> u64 {
        self.bytes.get(offset..).map_or(0, |bytes| width.read(bytes, self.call.abi))
    }

    /// The address at an offset.
    pub fn address_at(&self, offset: usize) -> u64 {
        self.number(offset, Width::Word)
    }

    /// The value of the member with this name, as a number.
    pub fn member(&self, name: &str) -> Option<u64> {
        let Type::Struct(structure) = self.ty else { return None };
        let abi = self.call.abi;
        let mut fields = structure.of_abi(abi).offsets(abi);
        let (offset, field) = fields.find(|(_, field)| field.name == name)?;
        match field.ty {
            Type::Number(width, _) => Some(width.read(self.bytes.get(offset..)?, abi)),
            _ => Some(self.address_at(offset)),
        }
    }

    /// A value of a type at an offset of this object: a member of it, or what its member points to.
    pub fn value_at(&self, offset: usize, ty: &'static Type) -> Value<'a> {
        let rest = self.bytes.get(offset..).unwrap_or(&[]);
        let rest = match super::size_of_type(ty, self.call.abi) {
            // it takes all there is
            0 => rest,
            size => rest.get(..size).unwrap_or(rest),
        };
        decode::in_memory(ty, rest, self.address.wrapping_add(offset as u64), &self.source(None))
    }

    /// The object of a type behind an address, if all of it was captured; in the same state of the memory.
    pub fn behind(&self, address: u64, ty: &'static Type) -> Option<Object<'a>> {
        let size = super::size_of_type(ty, self.call.abi);
        let bytes = self.call.memory.bytes(address, size, self.at)?;
        Some(Object { ty, bytes, address, count: decode::whole(ty, size), unreadable: false, ..*self })
    }

    /// Emits the parts: all of them, or without `verbose` those that are shown in brief, and [`Value::More`] for
    /// the others.
    pub fn parts(&self, verbose: bool, emit: &mut dyn FnMut(Item<'_>)) {
        match self.ty {
            Type::Struct(structure) => self.members(structure, verbose, emit),
            Type::Custom(custom) => (custom.parts)(self, verbose, emit),
            Type::Elements(element, _) => self.elements(element, emit),
            Type::List(_, element, _) => self.elements(element, emit),
            // a number or address alone behind an address: `[5]`
            ty => emit(Item::element(decode::in_memory(ty, self.bytes, self.address, &self.source(None)))),
        }
    }

    /// The same object after the call, if that is known.
    pub fn changed(&self) -> Option<Object<'a>> {
        let bytes = self.call.memory.bytes(self.address, self.bytes.len(), At::Return)?;
        Some(Object { bytes, at: At::Return, ..*self })
    }

    fn source(&self, parent: Option<Parent<'a>>) -> Source<'a> {
        Source { call: self.call, at: self.at, parent, left: self.left }
    }

    fn members(&self, structure: &'static Struct, verbose: bool, emit: &mut dyn FnMut(Item<'_>)) {
        let abi = self.call.abi;
        let structure = structure.of_abi(abi);
        let source = self.source(Some(Parent { structure, bytes: self.bytes, address: self.address }));
        let mut more = false;
        let (is_ordered, layout) = (!structure.order.is_empty(), structure.layout(abi));
        let count = if is_ordered { structure.order.len() } else { structure.fields.len() };
        for i in 0..count {
            let place = if is_ordered { usize::from(structure.order[i]) } else { i };
            let Some(field) = structure.fields.get(place) else { continue };
            let is_left_out = field.long && !verbose;
            // one `...` stands for all that are long
            if is_left_out && more {
                if i >= structure.brief {
                    break;
                }
                continue;
            }
            let begin = layout.offset(place);
            // of a structure that grew over time, older programs have the first members only
            let end = begin + super::size_of_type(&field.ty, abi);
            let Some(bytes) = self.bytes.get(begin..end).filter(|_| self.is_shown(field)) else { continue };
            if is_left_out {
                more = true;
                continue;
            }
            let address = self.address.wrapping_add(begin as u64);
            let value = if field.distant && !verbose {
                Value::Address(Width::Word.read(bytes, abi))
            } else {
                decode::in_memory(&field.ty, bytes, address, &source)
            };
            match field.comment.and_then(|comment| comment(self)) {
                Some(comment) => emit(Item::member(field.name, Value::Commented(&value, comment))),
                None => emit(Item::member(field.name, value)),
            }
        }
        let end = layout.end;
        if more {
            emit(Item::element(Value::More(None)));
        } else if structure.extensible && self.count as usize > end {
            self.tail(end, emit);
        }
    }

    fn is_shown(&self, field: &Field) -> bool {
        !matches!(field.ty, Type::Padding(_)) && field.shown.is_none_or(|shown| shown(self))
    }

    /// Bytes behind the last member that is known, if they say anything.
    fn tail(&self, offset: usize, emit: &mut dyn FnMut(Item<'_>)) {
        let tail = self.bytes.get(offset..).unwrap_or(&[]);
        if self.unreadable {
            emit(Item::element(Value::Tail(offset, &[])));
        } else if tail.iter().any(|byte| *byte != 0) {
            emit(Item::element(Value::Tail(offset, tail)));
        }
    }

    fn elements(&self, element: &'static Type, emit: &mut dyn FnMut(Item<'_>)) {
        let abi = self.call.abi;
        let size = super::size_of_type(element, abi).max(1);
        let mut source = self.source(None);
        let taken = transferred(element, abi);
        let mut done = 0;
        for bytes in self.bytes.chunks_exact(size).take(usize::try_from(self.count).unwrap_or(usize::MAX)) {
            let address = self.address.wrapping_add((done * size) as u64);
            emit(Item::element(decode::in_memory(element, bytes, address, &source)));
            if let Some((offset, width)) = taken {
                let of_element = bytes.get(offset..).map_or(0, |bytes| width.read(bytes, abi));
                source.left = source.left.saturating_sub(of_element);
            }
            done += 1;
        }
        if (done as u64) < self.count {
            let next = self.address.wrapping_add((done * size) as u64);
            emit(Item::element(Value::More(self.unreadable.then_some(next))));
        }
    }
}

/// Where an element of a list says how much of what the call transferred may belong to it.
fn transferred(element: &Type, abi: Abi) -> Option<(usize, Width)> {
    let Type::Struct(structure) = element else { return None };
    let structure = structure.of_abi(abi);
    let place = structure.fields.iter().find_map(|field| match field.ty {
        Type::Buffer(_, Length::MemberTransferred(place))
        | Type::Message(_, Length::MemberTransferred(place), _) => Some(place),
        _ => None,
    })?;
    let (offset, field) = structure.member(place.into(), abi)?;
    Some((offset, field.ty.as_number()?))
}

/// The count that a [`Length`] stands for in a call; `None` if it is not known.
pub(super) fn count(length: Length, source: &Source<'_>) -> Option<u64> {
    let call = source.call;
    let arg = |place: u8| call.args.get(usize::from(place)).copied();
    Some(match length {
        Length::Fixed(count) => count.into(),
        Length::Arg(place) => arg(place)?,
        Length::IntArg(place) => u64::try_from(arg(place)? as i32).unwrap_or(0),
        Length::LongArg(place) => match call.abi {
            Abi::Native => u64::try_from(arg(place)? as i64).ok()?,
            Abi::Compat32 => u64::try_from(arg(place)? as i32).ok()?,
        },
        Length::BitsArg(place) => u64::try_from(arg(place)? as i32).unwrap_or(0).div_ceil(64) * 8,
        Length::PagesArg(place) => arg(place)?.div_ceil(4096),
        Length::LongAndArg(place) => arg(place)?.saturating_add(word(call.abi) as u64),
        Length::Returned => u64::try_from(call.returned()).unwrap_or(0),
        Length::ReturnedWithin(place) => u64::try_from(call.returned()).unwrap_or(0).min(arg(place)?),
        Length::Pointed(place) => {
            let address = arg(place)?;
            let int = |at| {
                let bytes = call.memory.bytes(address, 4, at)?;
                Some(u64::from(u32::from_ne_bytes(*bytes.first_chunk()?)))
            };
            let after = int(At::Return)?;
            int(At::Entry).map_or(after, |before| before.min(after))
        }
        Length::Member(place) => member(source.parent?, place, call.abi)?,
        Length::Share(place) => {
            let parent = source.parent?;
            let size = super::size_of_type(&Type::Struct(parent.structure), call.abi).max(1);
            let before = call.memory.before(parent.address, source.at).chunks_exact(size);
            let taken = before.filter_map(|bytes| member(Parent { bytes, ..parent }, place, call.abi));
            let left = u64::try_from(call.returned())
                .unwrap_or(0)
                .saturating_sub(taken.fold(0, u64::saturating_add));
            member(parent, place, call.abi)?.min(left)
        }
        Length::MemberTransferred(place) => member(source.parent?, place, call.abi)?.min(source.left),
        Length::Own { .. } => return None,
    })
}

/// The number that is the member with this index.
fn member(parent: Parent<'_>, place: u8, abi: Abi) -> Option<u64> {
    let (offset, field) = parent.structure.member(place.into(), abi)?;
    let width = field.ty.as_number()?;
    Some(width.read(parent.bytes.get(offset..)?, abi))
}

/// What is behind an address, as far as it was captured, if it is to be shown at all.
pub(super) fn captured<'a>(address: u64, access: Access, source: &Source<'a>) -> Option<Payload<'a>> {
    source.call.memory.from(address, source.moment(access)?)
}

/// Bytes of an address in this ABI.
pub(super) fn address_bytes(abi: Abi) -> usize {
    word(abi)
}
