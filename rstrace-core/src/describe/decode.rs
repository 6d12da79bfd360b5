//! From registers and captured memory to values, by their description.

use arrayvec::ArrayVec;

use super::layout;
use super::object::{Item, Object, address_bytes, captured, count};
use super::{Access, Length, Limits, Meaning, Param, Returned, Shape, Struct, Type, Width, size_of_type};
use crate::event::{Arg, Outcome, Value};
use crate::flags::Flags;
use crate::memory::At;
use crate::probe::{MAX_ARGS, PATH_MAX, Payload, RawCall};
use crate::strings::Strings;

/// The decoded arguments of a call.
#[derive(Debug)]
pub struct Arguments<'a>(ArrayVec<Arg<'a>, MAX_ARGS>);

impl<'a> Arguments<'a> {
    /// Puts another value in the place of an argument that is shown.
    pub fn set(&mut self, place: usize, value: Value<'a>) {
        if let Some(arg) = self.0.get_mut(place) {
            arg.value = value;
        }
    }

    /// In their order, those that are shown.
    pub fn as_slice(&self) -> &[Arg<'a>] {
        &self.0
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub call: &'a RawCall<'a>,
    pub at: At,
    /// The structure that it is a member of.
    pub parent: Option<Parent<'a>>,
    /// See [`Object::left`].
    pub left: u64,
}

/// A structure of which a member is decoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parent<'a> {
    pub structure: &'static Struct,
    pub bytes: &'a [u8],
    pub address: u64,
}

impl Source<'_> {
    /// The state of the memory that is to be shown of an argument; `None` if it means nothing.
    pub(super) fn moment(&self, access: Access) -> Option<At> {
        match access {
            Access::In if self.parent.is_some() => Some(self.at),
            Access::In => Some(At::Entry),
            Access::InOut | Access::InOutAlways | Access::InAgain => Some(At::Entry),
            Access::Out => self.call.succeeded().then_some(At::Return),
            Access::OutAlways => Some(At::Return),
            Access::Filled if self.call.succeeded() => Some(At::Return),
            Access::Filled => Some(At::Entry),
        }
    }
}

/// Decodes the arguments of a call, for which as much was captured as these limits say.
pub fn arguments<'a>(params: &'static [Param], call: &'a RawCall<'a>, limits: Limits) -> Arguments<'a> {
    let mut arguments = ArrayVec::new();
    let left = u64::try_from(call.returned()).unwrap_or(0);
    let source = Source { call, at: At::Entry, parent: None, left };
    let mut next = 0;
    for param in params.iter().take(MAX_ARGS) {
        let takes = layout::registers(&param.ty, call.abi);
        let register = layout::own_register(param, call.abi).unwrap_or(next);
        next += takes;
        if param.shown.is_some_and(|shown| !shown(call)) {
            continue;
        }
        let registers = call.args.get(register..).unwrap_or(&[]);
        let first = registers.first().copied().unwrap_or(0);
        let (value, raw) = match of_call(&param.ty, call).within(limits) {
            Type::Number(width, meaning) => {
                let argument = width.argument(registers, call.abi);
                let raw = if takes > 1 { argument } else { first };
                (number(*width, *meaning, argument, call, At::Entry), raw)
            }
            ty => (behind(ty, first, &source), first),
        };
        arguments.push(Arg { name: param.name, value, named: param.named, raw: Some(raw) });
    }
    Arguments(arguments)
}

/// The one of two types that holds for a call.
fn of_call(ty: &'static Type, call: &RawCall<'_>) -> &'static Type {
    match *ty {
        Type::Either(is_one, one, other) => of_call(if is_one(call) { one } else { other }, call),
        Type::ByAbi(..) => of_call(ty.of_abi(call.abi), call),
        _ => ty,
    }
}

/// What a call returned.
pub fn outcome<'a>(returned: Returned, call: &RawCall<'a>) -> Outcome<'a> {
    let (Returned::Number(width, meaning) | Returned::Glossed(width, meaning, _)) = returned;
    call.outcome(|result| number(width, meaning, width.narrow(result as u64, call.abi), call, At::Return))
}

/// Emits what a result stands for.
pub fn gloss<'a>(returned: Returned, call: &'a RawCall<'a>, emit: &mut dyn FnMut(Item<'_>)) {
    if let Returned::Glossed(_, _, gloss) = returned
        && call.succeeded()
    {
        gloss(call, emit);
    }
}

/// A number with its meaning.
fn number<'a>(width: Width, meaning: Meaning, number: u64, call: &RawCall<'a>, at: At) -> Value<'a> {
    match meaning {
        Meaning::Plain if width.is_signed() => Value::Int(number as i64),
        Meaning::Plain => Value::Unsigned(number),
        Meaning::Hex => Value::Hex(unextended(width, number)),
        Meaning::Address => Value::Address(number),
        Meaning::Fd | Meaning::Socket | Meaning::ObjectFd => {
            let fd = number as i32;
            // AT_FDCWD is none here
            Value::Fd(fd, if fd < 0 { None } else { call.file(fd, at) })
        }
        Meaning::DirFd => Value::DirFd(number as i32, call.file(number as i32, at)),
        Meaning::Pid => Value::Pid(number as i32, call.identity(number as i32, at)),
        Meaning::Group => Value::Pid(number as i32, call.identity_of_group(number as i32, at)),
        Meaning::Id => match number as u32 {
            u32::MAX => Value::Int(-1),
            id => Value::Unsigned(id.into()),
        },
        Meaning::Mode => Value::Mode(number),
        Meaning::Flags(set) => Value::Flags(Flags { bits: unextended(width, number), set }),
        Meaning::Packed(packed) => Value::Packed(unextended(width, number), packed),
        Meaning::Choice(set) => Value::Choice(unextended(width, number), set),
        Meaning::Signal => Value::Signal(number as i64),
        Meaning::Signals => Value::Signals(first_signals(number as u32)),
        Meaning::Written(write) => Value::Written(number, write),
        Meaning::Named(named) => Value::Named(number, named),
    }
}

/// The first 32 signals as the set of all that is shown alike: by its complement if most of them are in it.
pub fn first_signals(set: u32) -> u64 {
    /// So many are shown by their complement.
    const MOST: u32 = 21;
    let others = if set.count_ones() >= MOST { !u64::from(u32::MAX) } else { 0 };
    others | u64::from(set)
}

/// Without the sign bits that do not belong to it.
fn unextended(width: Width, number: u64) -> u64 {
    match width {
        Width::I8 => number & 0xff,
        Width::I16 => number & 0xffff,
        Width::I32 => number & 0xffff_ffff,
        _ => number,
    }
}

/// The value of a type that stands in memory.
pub(super) fn in_memory<'a>(
    ty: &'static Type,
    bytes: &'a [u8],
    address: u64,
    source: &Source<'a>,
) -> Value<'a> {
    let abi = source.call.abi;
    let ty = of_call(ty, source.call);
    let object = Object {
        ty,
        bytes,
        address,
        at: source.at,
        count: bytes.len() as u64,
        unreadable: false,
        left: source.left,
        call: source.call,
    };
    match ty {
        Type::Number(width, meaning) => {
            number(*width, *meaning, width.read(bytes, abi), source.call, source.at)
        }
        Type::Struct(_) | Type::Custom(_) => Value::Object(object),
        Type::Elements(_, count) => Value::Object(Object { count: *count as u64, ..object }),
        Type::Chars(_) => chars(bytes),
        Type::HexBytes(_) => Value::HexBytes(bytes),
        Type::Written(_, write) => Value::WrittenBytes(bytes, *write),
        Type::Padding(_) => Value::HexBytes(bytes),
        Type::Bits => Value::Bits(bytes, u32::MAX),
        Type::FdSet => Value::FdSet(bytes, u32::MAX, source.call, source.at),
        Type::Signals => Value::Signals(Width::U64.read(bytes, abi)),
        pointer => behind(pointer, Width::Word.read(bytes, abi), source),
    }
}

/// A C string in a field of fixed size: without an end it is shown one byte short.
fn chars(bytes: &[u8]) -> Value<'_> {
    match bytes.iter().position(|byte| *byte == 0) {
        Some(end) => Value::Text { bytes: &bytes[..end], more: false, whole: true },
        None => Value::Text { bytes: &bytes[..bytes.len().saturating_sub(1)], more: true, whole: true },
    }
}

/// What an address stands for.
fn behind<'a>(ty: &'static Type, address: u64, source: &Source<'a>) -> Value<'a> {
    if address == 0 {
        return Value::Address(0);
    }
    let unknown = Value::Address(address);
    let abi = source.call.abi;
    match *ty {
        Type::Path => match captured(address, Access::In, source) {
            Some(Payload::Bytes(bytes)) => Value::Path { bytes, cut: false },
            Some(Payload::Cut(bytes)) if bytes.len() + 1 >= PATH_MAX as usize => {
                Value::Path { bytes, cut: true }
            }
            _ => unknown,
        },
        Type::Text(access) => match captured(address, access, source) {
            Some(Payload::Bytes(bytes)) => Value::Text { bytes, more: false, whole: false },
            Some(Payload::Cut(bytes)) => Value::Text { bytes, more: true, whole: false },
            _ => unknown,
        },
        Type::Buffer(access, length) => match buffer(address, access, length, source) {
            Some((bytes, more)) => Value::Text { bytes, more, whole: false },
            None => unknown,
        },
        Type::Message(access, length, messages) => {
            message(messages, address, access, length, source).unwrap_or(unknown)
        }
        Type::Terminated(access, length) => match buffer(address, access, length, source) {
            Some((bytes, more)) => Value::Terminated { bytes, more },
            None => unknown,
        },
        Type::HexBuffer(access, length) => match buffer(address, access, length, source) {
            Some((bytes, _)) => Value::HexBytes(bytes),
            None => unknown,
        },
        Type::Pointer(access, inner) => match object(inner, address, access, source) {
            Some(object) => accessed(object, access),
            None => unknown,
        },
        Type::Encoded(inner) => encoded(inner, address, source).unwrap_or(unknown),
        Type::Sized(access, inner, length) => {
            sized(inner, address, access, length, source).unwrap_or(unknown)
        }
        Type::List(access, element, length) => {
            list(ty, element, address, access, length, source).unwrap_or(unknown)
        }
        Type::Strings => match source.call.memory.made(address) {
            Some(Payload::Bytes(bytes) | Payload::Cut(bytes)) => Value::Strings(Strings::from_payload(bytes)),
            _ => unknown,
        },
        Type::Counted => counted(address, source).unwrap_or(unknown),
        _ => {
            debug_assert_eq!(size_of_type(ty, abi), address_bytes(abi), "{ty:?} is no address");
            unknown
        }
    }
}

/// An object behind an address as it is shown. A [`Type::Custom`] says itself what the call changed.
fn accessed(object: Object<'_>, access: Access) -> Value<'_> {
    match access {
        Access::InOut if object.call.succeeded() && !object.is_custom() => Value::Changing(object),
        Access::InOutAlways => Value::Changing(object),
        _ => pointed(object),
    }
}

/// What the argument of an `ioctl` points to: the request says the direction and the size.
fn encoded<'a>(ty: &'static Type, address: u64, source: &Source<'a>) -> Option<Value<'a>> {
    /// Bits of the direction, as `linux/ioctl.h` has them.
    const IN: u64 = 1;
    const OUT: u64 = 2;
    let request = source.call.args[1];
    let access = match request >> 30 & 3 {
        OUT => Access::Out,
        IN => Access::In,
        _ => Access::InOut,
    };
    if size_of_type(ty, source.call.abi) > 0 {
        return Some(accessed(object(ty, address, access, source)?, access));
    }
    // as long as the request says, whatever the result
    let at = if access == Access::Out { At::Return } else { At::Entry };
    let count = request >> 16 & 0x3fff;
    let bytes = source.call.memory.from(address, at)?.bytes();
    let bytes = bytes.get(..count as usize).unwrap_or(bytes);
    Some(pointed(Object {
        ty,
        bytes,
        address,
        at,
        count,
        unreadable: false,
        left: source.left,
        call: source.call,
    }))
}

/// An object behind an address as it is shown: a number alone in brackets.
fn pointed(object: Object<'_>) -> Value<'_> {
    match object.ty {
        Type::Signals => Value::Signals(Width::U64.read(object.bytes, object.call.abi)),
        Type::Bits => Value::Bits(object.bytes, u32::MAX),
        Type::Chars(_) => chars(object.bytes),
        Type::Written(_, write) => Value::WrittenBytes(object.bytes, *write),
        _ => Value::Object(object),
    }
}

fn object<'a>(ty: &'static Type, address: u64, access: Access, source: &Source<'a>) -> Option<Object<'a>> {
    let size = size_of_type(ty, source.call.abi);
    let at = source.moment(access)?;
    let bytes = source.call.memory.bytes(address, size, at)?;
    let count = whole(ty, size);
    Some(Object { ty, bytes, address, at, count, unreadable: false, left: source.left, call: source.call })
}

/// The count of an object that is there whole.
pub(super) fn whole(ty: &Type, size: usize) -> u64 {
    match ty {
        Type::Elements(_, count) => *count as u64,
        _ => size as u64,
    }
}

fn sized<'a>(
    ty: &'static Type,
    address: u64,
    access: Access,
    length: Length,
    source: &Source<'a>,
) -> Option<Value<'a>> {
    let at = source.moment(access)?;
    let memory = source.call.memory;
    let (payload, size) = match length {
        Length::Own { offset, scale, add } => {
            // the head alone, and if it could be read the whole
            let payload = memory.most_from(address, at)?;
            let bytes = payload.bytes().get(offset.into()..)?.first_chunk::<4>()?;
            let size = u64::from(add) + u64::from(u32::from_ne_bytes(*bytes)) * u64::from(scale);
            match payload {
                Payload::Bytes(bytes) if (bytes.len() as u64) < size => (Payload::Unreadable(bytes), size),
                payload => (payload, size),
            }
        }
        _ => {
            let size = count(length, source)?;
            if size == 0 && (is_of_any_size(ty) || may_be_text(ty, at)) {
                (Payload::Bytes(&[]), 0)
            } else {
                (memory.from(address, at)?, size)
            }
        }
    };
    let bytes = payload.bytes();
    let bytes = &bytes[..bytes.len().min(usize::try_from(size).unwrap_or(usize::MAX))];
    let unreadable = matches!(payload, Payload::Unreadable(_));
    if let Type::Struct(structure) = ty
        && bytes.len() < structure.of_abi(source.call.abi).least
    {
        return None;
    }
    if (bytes.is_empty() && !is_of_any_size(ty) && !may_be_text(ty, at))
        || (unreadable && matches!(ty, Type::Bits | Type::FdSet))
    {
        return None;
    }
    if let (Type::FdSet, Length::BitsArg(place)) = (ty, length) {
        let below = source.call.args.get(usize::from(place)).map_or(0, |bits| *bits as u32);
        return (size != 0).then_some(Value::FdSet(bytes, below, source.call, at));
    }
    let left = source.left;
    let object = Object { ty, bytes, address, at, count: size, unreadable, left, call: source.call };
    Some(pointed(object))
}

/// Whether only its function knows how many bytes an object has: none may be a valid one.
fn is_of_any_size(ty: &Type) -> bool {
    matches!(ty, Type::Bits | Type::FdSet) || matches!(ty, Type::Custom(custom) if custom.size == 0)
}

/// Whether what the program passes may be text, and so be empty.
fn may_be_text(ty: &Type, at: At) -> bool {
    at == At::Entry && matches!(ty, Type::Custom(custom) if custom.shape == Shape::Bare)
}

fn list<'a>(
    ty: &'static Type,
    element: &'static Type,
    address: u64,
    access: Access,
    length: Length,
    source: &Source<'a>,
) -> Option<Value<'a>> {
    let at = source.moment(access)?;
    if access == Access::Filled && !source.call.succeeded() {
        return None;
    }
    let count = count(length, source)?;
    let size = size_of_type(element, source.call.abi).max(1);
    let list = |bytes, unreadable| {
        Value::Object(Object {
            ty,
            bytes,
            address,
            at,
            count,
            unreadable,
            left: source.left,
            call: source.call,
        })
    };
    if count == 0 {
        return Some(list(&[], false));
    }
    let payload = source.call.memory.from(address, at)?;
    let bytes = payload.bytes();
    (bytes.len() >= size).then(|| list(bytes, matches!(payload, Payload::Unreadable(_) | Payload::NoRoom(_))))
}

/// The family of sockets whose messages have a structure of their own.
const NETLINK: u16 = libc::AF_NETLINK as u16;

/// Bytes that go through a socket.
fn message<'a>(
    messages: &'static Type,
    address: u64,
    access: Access,
    length: Length,
    source: &Source<'a>,
) -> Option<Value<'a>> {
    let at = source.moment(access)?;
    let is_netlink = source.call.socket(0).is_some_and(|socket| socket.family == NETLINK);
    if !is_netlink {
        let (bytes, more) = buffer(address, access, length, source)?;
        return Some(Value::Text { bytes, more, whole: false });
    }
    let count = count(length, source)?;
    let (bytes, unreadable): (&[u8], _) = match captured(address, access, source) {
        _ if count == 0 => (&[], false),
        Some(payload) => (payload.bytes(), matches!(payload, Payload::Unreadable(_))),
        None => return None,
    };
    let bytes = &bytes[..bytes.len().min(usize::try_from(count).unwrap_or(usize::MAX))];
    let left = source.left;
    Some(Value::Object(Object {
        ty: messages,
        bytes,
        address,
        at,
        count,
        unreadable,
        left,
        call: source.call,
    }))
}

/// The bytes of a buffer as far as they were captured, and whether there are more.
fn buffer<'a>(address: u64, access: Access, length: Length, source: &Source<'a>) -> Option<(&'a [u8], bool)> {
    source.moment(access)?;
    let length = count(length, source)?;
    if length == 0 {
        return Some((&[], false));
    }
    match captured(address, access, source)? {
        Payload::Bytes(bytes) | Payload::Cut(bytes) => {
            let shown = bytes.len().min(usize::try_from(length).unwrap_or(usize::MAX));
            Some((&bytes[..shown], (shown as u64) < length))
        }
        // more was asked for than the call has to do with
        Payload::Unreadable(bytes) if bytes.len() as u64 >= length => {
            Some((&bytes[..length as usize], false))
        }
        Payload::Unreadable(_) | Payload::NoRoom(_) => None,
    }
}

fn counted<'a>(address: u64, source: &Source<'a>) -> Option<Value<'a>> {
    /// The flag of a pointer count whose memory ended before a `NULL`.
    const UNTERMINATED: u64 = 1;
    let bytes = source.call.memory.last_made(address)?.bytes().first_chunk::<16>()?;
    let word = |i: usize| u64::from_ne_bytes(std::array::from_fn(|byte| bytes[8 * i + byte]));
    match (word(0), word(1) & UNTERMINATED != 0) {
        // not even the first pointer could be read
        (0, true) => None,
        (count, unterminated) => Some(Value::Counted { address, count, unterminated }),
    }
}
