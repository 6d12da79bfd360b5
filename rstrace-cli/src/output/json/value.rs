//! Values as JSON, by what they are: see `docs/src/json.md`.
//!
//! What a description knows only how to write is a string in strace's notation.

use std::io::Write;

use rstrace_core::describe::{Item, Limits, Named, Notation, Object, Shape};
use rstrace_core::event::{Comment, Glossed, Value};
use rstrace_core::file::{Addresses, Ends, File, Kind};
use rstrace_core::flags::{FlagPart, Flags, Packed, PackedNumber};
use rstrace_core::memory::Memory;
use rstrace_core::probe::Payload;
use rstrace_core::strings::{Element, Strings};

use super::super::errno;
use super::super::files;
use super::super::line::{numbers, put};
use super::write::Json;

/// Writes the values of one call after the other.
#[derive(Debug)]
pub struct Values {
    /// Where they are written.
    pub json: Json,
    pub limits: Limits,
    /// The members of the structures that are being written.
    members: Vec<&'static str>,
    /// Room for a name.
    name: Vec<u8>,
}

impl Values {
    /// Values of which so much is shown.
    pub fn new(limits: Limits) -> Self {
        Self { json: Json::default(), limits, members: Vec::new(), name: Vec::new() }
    }

    /// Appends a descriptor, and what it is if that is known.
    fn descriptor(&mut self, fd: i32, file: Option<File<'_>>, constant: Option<&'static str>) {
        let mut name = std::mem::take(&mut self.name);
        name.clear();
        match (file.filter(|file| file.write_name(&mut name)), constant) {
            (Some(file), _) => self.file(fd, file, &name, constant),
            (None, Some(constant)) => self.named(constant, fd.into()),
            (None, None) => self.json.integer(fd.into()),
        }
        self.name = name;
    }

    fn file(&mut self, fd: i32, file: File<'_>, name: &[u8], constant: Option<&'static str>) {
        let json = &mut self.json;
        json.push("{");
        if let Some(constant) = constant {
            json.key("name");
            json.text(constant);
        }
        json.key("value");
        json.integer(fd.into());
        json.key("file");
        json.string(name, false);
        if file.is_deleted() {
            json.push(",\"deleted\":true");
        }
        if let Some((is_block, major, minor)) = file.device() {
            json.key(if is_block { "block_device" } else { "char_device" });
            json.push("[");
            json.unsigned(major.into());
            json.separate();
            json.unsigned(minor.into());
            json.push("]");
        }
        if let Some(pid) = file.pid() {
            json.key("pid");
            json.unsigned(pid.into());
            if let Some(name) = file.process_name() {
                json.key("comm");
                json.string(name, false);
            }
        }
        if let Some(Kind::Socket(Some(ends))) = file.kind() {
            self.socket(ends);
        }
        self.json.push("}");
    }

    fn socket(&mut self, ends: Ends<'_>) {
        let Some(protocol) = files::protocol(ends) else { return };
        let json = &mut self.json;
        json.key("protocol");
        json.text(protocol);
        match ends.addresses() {
            Addresses::None => {}
            Addresses::Internet(here, there) => {
                json.key("address");
                json.notation(|out| put!(out, "{here}"));
                if let Some(there) = there {
                    json.key("peer");
                    json.notation(|out| put!(out, "{there}"));
                }
            }
            Addresses::Unix { peer, name } => {
                if let Some(peer) = peer {
                    json.key("peer_inode");
                    json.unsigned(peer);
                }
                match name {
                    [] => {}
                    [0, name @ ..] => {
                        json.key("abstract");
                        json.string(name, false);
                    }
                    path => {
                        json.key("path");
                        json.string(path.split(|byte| *byte == 0).next().unwrap_or(path), false);
                    }
                }
            }
            Addresses::Netlink(port) => {
                if let Some(family) = files::netlink_family(ends) {
                    json.key("netlink");
                    json.text(family);
                }
                json.key("port");
                json.unsigned(port.into());
            }
        }
    }

    fn length(&self) -> usize {
        self.limits.length as usize
    }

    /// Appends a value of a call for which this was captured.
    pub fn value(&mut self, value: Value<'_>, memory: Memory<'_>) {
        let length = self.length();
        let json = &mut self.json;
        match value {
            Value::Int(number) => json.integer(number),
            Value::Unsigned(number) | Value::Hex(number) | Value::Mode(number) => json.unsigned(number),
            Value::DirFd(libc::AT_FDCWD, file) => {
                self.descriptor(libc::AT_FDCWD, file, Some("AT_FDCWD"));
            }
            Value::Fd(fd, file) | Value::DirFd(fd, file) => self.descriptor(fd, file, None),
            Value::Pid(id, None) => json.integer(id.into()),
            Value::Pid(id, Some(identity)) => {
                json.push("{\"value\":");
                json.integer(id.into());
                if let Some(name) = identity.comm {
                    json.key("comm");
                    json.string(name, false);
                }
                if let Some(initial) = identity.initial {
                    json.key("initial");
                    json.unsigned(initial.into());
                }
                json.push("}");
            }
            Value::Address(address) => self.address(address, memory),
            Value::Flags(flags) => {
                self.flags(flags);
                self.json.key("bits");
                self.json.word(flags.bits);
                self.json.push("}");
            }
            Value::Packed(bits, packed) => self.packed(bits, packed),
            Value::Path { bytes, cut } => json.string(bytes, cut),
            Value::Text { bytes, more, whole } => {
                let shown = if whole { bytes } else { &bytes[..bytes.len().min(length)] };
                json.string(shown, more || shown.len() < bytes.len());
            }
            Value::Terminated { bytes, more } => match &bytes[..bytes.len().min(length)] {
                [text @ .., 0] if text.len() + 1 == bytes.len() && !more => json.string(text, false),
                shown => json.string(shown, more || shown.len() < bytes.len()),
            },
            Value::HexBytes(bytes) => {
                let shown = &bytes[..bytes.len().min(length)];
                self.bytes(shown, shown.len() < bytes.len());
            }
            Value::WholeHexBytes { bytes, more } => self.bytes(bytes, more),
            Value::Choice(value, choices) => match choices.name(value) {
                Some(name) => self.named(name, value as i64),
                None if choices.unknown.is_empty() => json.integer(value as i64),
                None => json.unsigned(value),
            },
            Value::Signal(number) => self.signal(number),
            Value::Written(number, write) | Value::Named(number, &Named { named: write, .. }) => {
                json.push("{\"text\":");
                json.notation(|out| write(&mut Notation::plain(out), number));
                json.key("value");
                json.unsigned(number);
                json.push("}");
            }
            Value::WrittenBytes(bytes, write) => {
                json.push("{\"text\":");
                json.notation(|out| write(&mut Notation::plain(out), bytes));
                json.key("hex");
                json.hex(bytes);
                json.push("}");
            }
            Value::AbstractName(bytes) => {
                json.push("{\"abstract\":");
                json.string(bytes, false);
                json.push("}");
            }
            Value::Missing => json.push("{\"missing\":true}"),
            Value::Object(object) => self.object(&object, memory),
            Value::Changing(object) => match object.changed().filter(|after| after.bytes != object.bytes) {
                Some(after) => self.change(Value::Object(object), Value::Object(after), memory),
                None => self.object(&object, memory),
            },
            Value::Change(before, after) => self.change(*before, *after, memory),
            Value::Resuming(name) => {
                json.push("{\"resuming\":");
                json.text(name);
                json.push("}");
            }
            Value::Bits(bytes, below) => self.bits(bytes, below, |_| None),
            Value::FdSet(bytes, below, call, at) => self.bits(bytes, below, |fd| call.file(fd, at)),
            Value::Signals(set) => self.signals(set),
            Value::More(address) => self.more(address),
            Value::Tail(offset, bytes) => self.tail(offset, bytes),
            Value::Joined(first, second) => {
                json.push("{\"joined\":[");
                self.value(*first, memory);
                self.json.separate();
                self.value(*second, memory);
                self.json.push("]}");
            }
            Value::Date(seconds, nanoseconds) => {
                json.push("{\"seconds\":");
                json.integer(seconds);
                json.key("nanoseconds");
                json.unsigned(nanoseconds.into());
                json.push("}");
            }
            Value::Commented(value, comment) => self.commented(*value, comment, memory),
            Value::Strings(strings) => self.strings(strings),
            Value::Counted { address, count, unterminated } => {
                json.push("{\"address\":");
                json.word(address);
                json.key("count");
                json.unsigned(count);
                json.push(if unterminated { ",\"unterminated\":true}" } else { "}" });
            }
        }
    }

    /// Appends what the result of a call stands for: a list of what may have names.
    pub fn gloss(&mut self, glossed: Glossed<'_>, memory: Memory<'_>) {
        let begin = self.json.bytes.len();
        self.json.key("gloss");
        self.json.push("[");
        let mut is_any = false;
        (glossed.gloss)(glossed.call, &mut |item| {
            is_any = true;
            self.json.separate();
            self.json.push("{");
            if !item.name.is_empty() {
                self.json.key("name");
                self.json.text(item.name);
            }
            self.json.key("value");
            self.value(item.value, memory);
            self.json.push("}");
        });
        self.json.push("]");
        if !is_any {
            self.json.bytes.truncate(begin);
        }
    }

    /// A number with the name that it has.
    fn named(&mut self, name: &str, number: i64) {
        self.json.push("{\"name\":");
        self.json.text(name);
        self.json.key("value");
        self.json.integer(number);
        self.json.push("}");
    }

    fn signal(&mut self, number: i64) {
        match u8::try_from(number) {
            Ok(signal @ 1..=64) => {
                self.json.push("{\"name\":");
                self.json.notation(|out| errno::signal(out, signal));
                self.json.key("value");
                self.json.integer(number);
                self.json.push("}");
            }
            _ => self.json.integer(number),
        }
    }

    /// An address; marked, if what stands there was to be read and could not be.
    fn address(&mut self, address: u64, memory: Memory<'_>) {
        if address == 0 {
            return self.json.push("null");
        }
        self.json.push("{\"address\":");
        self.json.word(address);
        let failed = memory.pieces().find_map(|piece| match piece.payload {
            Payload::Unreadable(_) if piece.address == address => Some(",\"unreadable\":true"),
            Payload::NoRoom(_) if piece.address == address => Some(",\"no_room\":true"),
            _ => None,
        });
        self.json.push(failed.unwrap_or_default());
        self.json.push("}");
    }

    fn bytes(&mut self, bytes: &[u8], truncated: bool) {
        self.json.push("{\"hex\":");
        self.json.hex(bytes);
        self.json.truncated(truncated);
        self.json.push("}");
    }

    /// Names and what has none, of an object that is to be ended.
    fn flags(&mut self, flags: Flags) {
        self.json.push("{\"flags\":[");
        let mut rest = None;
        for part in flags.parts() {
            match part {
                FlagPart::Name(name) => {
                    self.json.separate();
                    self.json.text(name);
                }
                // what has no name of several values, and what has none of bits
                FlagPart::Rest(bits, _) => rest = Some(rest.unwrap_or(0) | bits),
            }
        }
        self.json.push("]");
        if let Some(rest) = rest {
            self.json.key("rest");
            self.json.word(rest);
        }
    }

    fn packed(&mut self, bits: u64, packed: &'static Packed) {
        self.flags(packed.flags(bits));
        self.json.key("numbers");
        self.json.push("{");
        for number in packed.numbers {
            let value = bits & number.mask();
            match number {
                PackedNumber::Shifted { .. } if value == 0 => {}
                PackedNumber::Shifted { shift, name, .. } => {
                    self.json.key(name);
                    self.json.unsigned(value.checked_shr(*shift as u32).unwrap_or(0));
                }
                PackedNumber::Mode => {
                    self.json.key("mode");
                    self.json.unsigned(value);
                }
            }
        }
        self.json.push("}");
        self.json.key("bits");
        self.json.word(bits);
        self.json.push("}");
    }

    fn change(&mut self, before: Value<'_>, after: Value<'_>, memory: Memory<'_>) {
        self.json.push("{\"before\":");
        self.value(before, memory);
        self.json.key("after");
        self.value(after, memory);
        self.json.push("}");
    }

    fn bits<'a>(&mut self, bytes: &[u8], below: u32, file: impl Fn(i32) -> Option<File<'a>>) {
        self.json.push("[");
        for number in numbers(bytes, below) {
            self.json.separate();
            self.descriptor(number, file(number), None);
        }
        self.json.push("]");
    }

    fn signals(&mut self, set: u64) {
        self.json.push("{\"signals\":[");
        for number in (1..=64u8).filter(|number| set & (1 << (number - 1)) != 0) {
            self.json.separate();
            self.json.notation(|out| errno::signal(out, number));
        }
        self.json.push("],\"mask\":");
        self.json.word(set);
        self.json.push("}");
    }

    /// That there is more than is shown; from the address on it could not be read.
    fn more(&mut self, address: Option<u64>) {
        self.json.push("{\"more\":true");
        if let Some(address) = address {
            self.json.key("address");
            self.json.word(address);
        }
        self.json.push("}");
    }

    fn tail(&mut self, offset: usize, bytes: &[u8]) {
        self.json.push("{\"offset\":");
        self.json.unsigned(offset as u64);
        if bytes.is_empty() {
            self.json.push(",\"unreadable\":true}");
        } else {
            let shown = &bytes[..bytes.len().min(self.length())];
            self.json.key("hex");
            self.json.hex(shown);
            self.json.truncated(shown.len() < bytes.len());
            self.json.push("}");
        }
    }

    fn commented(&mut self, value: Value<'_>, comment: Comment, memory: Memory<'_>) {
        match comment {
            // it says again what the value says
            Comment::Date(..) | Comment::DateInMicroseconds(..) => self.value(value, memory),
            Comment::Written(number, write) => {
                self.json.push("{\"commented\":");
                self.value(value, memory);
                self.json.key("comment");
                self.json.notation(|out| write(&mut Notation::plain(out), number));
                self.json.push("}");
            }
        }
    }

    fn strings(&mut self, strings: Strings<'_>) {
        let limit = if self.limits.whole_lists { usize::MAX } else { self.length() };
        if let Some(Element::Cut(address)) = strings.iter().next() {
            self.json.push("{\"address\":");
            self.json.word(address);
            return self.json.push(",\"unreadable\":true}");
        }
        self.json.push("[");
        for (i, element) in strings.iter().enumerate() {
            self.json.separate();
            if i >= limit {
                self.more(None);
                break;
            }
            match element {
                Element::Bytes(bytes) => {
                    let shown = &bytes[..bytes.len().min(self.length())];
                    self.json.string(shown, shown.len() < bytes.len());
                }
                Element::Unreadable(address) => {
                    self.json.push("{\"address\":");
                    self.json.word(address);
                    self.json.push(",\"unreadable\":true}");
                }
                Element::Cut(address) => self.more(Some(address)),
            }
        }
        self.json.push("]");
    }

    fn object(&mut self, object: &Object<'_>, memory: Memory<'_>) {
        match object.shape() {
            Shape::Struct => self.structure(object, memory),
            Shape::List => {
                let limit = if self.limits.whole_lists { usize::MAX } else { self.length() };
                self.list(object, limit, memory);
            }
            Shape::Words => self.list_or_address(object, memory),
            Shape::Bare => {
                if self.parts(object) == 1 {
                    object.parts(self.limits.whole_lists, &mut |item| self.item(item, memory));
                } else {
                    self.list_or_address(object, memory);
                }
            }
        }
    }

    /// A list of all parts; the address if there are none.
    fn list_or_address(&mut self, object: &Object<'_>, memory: Memory<'_>) {
        let begin = self.json.bytes.len();
        if self.list(object, usize::MAX, memory) == 0 && object.is_custom() {
            self.json.bytes.truncate(begin);
            self.address(object.address, memory);
        }
    }

    /// A list of so many parts at most; how many there are.
    fn list(&mut self, object: &Object<'_>, limit: usize, memory: Memory<'_>) -> usize {
        self.json.push("[");
        let mut count = 0;
        object.parts(self.limits.whole_lists, &mut |item| {
            if count < limit {
                self.json.separate();
                self.item(item, memory);
            } else if count == limit {
                self.json.separate();
                self.more(None);
            }
            count += 1;
        });
        self.json.push("]");
        count
    }

    /// A part that stands in no structure.
    fn item(&mut self, item: Item<'_>, memory: Memory<'_>) {
        if item.name.is_empty() {
            return self.value(item.value, memory);
        }
        self.json.push("{\"struct\":{");
        self.json.key(item.name);
        self.value(item.value, memory);
        self.json.push("}}");
    }

    /// Members by their names, and what has no name of its own.
    fn structure(&mut self, object: &Object<'_>, memory: Memory<'_>) {
        let begin = self.json.bytes.len();
        let (mut is_any, mut others) = (false, false);
        self.json.push("{\"struct\":{");
        self.each_member(object, |values, item, is_member| {
            is_any = true;
            match item.value {
                Value::More(_) | Value::Tail(..) if item.name.is_empty() => {}
                value if is_member => {
                    values.json.key(item.name);
                    values.value(value, memory);
                }
                _ => others = true,
            }
        });
        self.json.push("}");
        if !is_any && object.is_custom() {
            self.json.bytes.truncate(begin);
            return self.address(object.address, memory);
        }
        if others {
            self.json.key("also");
            self.json.push("[");
            self.each_member(object, |values, item, is_member| match item.value {
                Value::More(_) | Value::Tail(..) if item.name.is_empty() => {}
                _ if !is_member => {
                    values.json.separate();
                    values.item(item, memory);
                }
                _ => {}
            });
            self.json.push("]");
        }
        let mut is_told = false;
        self.each_member(object, |values, item, _| match item.value {
            Value::More(address) if item.name.is_empty() && !std::mem::replace(&mut is_told, true) => {
                values.json.push(",\"more\":true");
                if let Some(address) = address {
                    values.json.key("address");
                    values.json.word(address);
                }
            }
            Value::Tail(offset, bytes) if item.name.is_empty() => {
                values.json.key("tail");
                values.tail(offset, bytes);
            }
            _ => {}
        });
        self.json.push("}");
    }

    /// Each part, and whether it is a member: it has a name, which no one before it has.
    fn each_member(&mut self, object: &Object<'_>, mut write: impl FnMut(&mut Self, Item<'_>, bool)) {
        let begin = self.members.len();
        self.members_of(object, begin, &mut write);
        self.members.truncate(begin);
    }

    fn members_of(
        &mut self,
        object: &Object<'_>,
        begin: usize,
        write: &mut dyn FnMut(&mut Self, Item<'_>, bool),
    ) {
        object.parts(self.limits.whole_lists, &mut |item| {
            // parts without brackets of their own are parts of what they stand in
            if item.name.is_empty()
                && let Value::Object(inner) = item.value
                && inner.shape() == Shape::Bare
                && self.parts(&inner) > 0
            {
                return self.members_of(&inner, begin, write);
            }
            let is_member = !item.name.is_empty() && !self.members[begin..].contains(&item.name);
            if is_member {
                self.members.push(item.name);
            }
            write(self, item, is_member);
        });
    }

    /// How many parts an object has.
    fn parts(&self, object: &Object<'_>) -> usize {
        let mut count = 0;
        object.parts(self.limits.whole_lists, &mut |_| count += 1);
        count
    }
}

#[cfg(test)]
mod tests;
