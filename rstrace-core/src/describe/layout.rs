//! How types lie in memory, as C compilers lay them out for an ABI.

use super::{Field, Param, Struct, Type, Width};
use crate::event::Abi;

impl Width {
    /// Bytes.
    pub const fn bytes(self, abi: Abi) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 | Self::Be16 => 2,
            Self::U32 | Self::I32 | Self::Be32 => 4,
            Self::U64 | Self::I64 | Self::LowHigh | Self::HighLow => 8,
            Self::Word | Self::SignedWord => word(abi),
        }
    }

    /// The number as it stands in memory: signed ones are extended. Missing bytes are zero.
    #[inline]
    pub(super) fn read(self, bytes: &[u8], abi: Abi) -> u64 {
        let mut word = [0; 8];
        let len = self.bytes(abi).min(bytes.len());
        word[..len].copy_from_slice(&bytes[..len]);
        let number = u64::from_ne_bytes(word);
        match self {
            Self::Be16 => u16::from_be(number as u16).into(),
            Self::Be32 => u32::from_be(number as u32).into(),
            _ => self.narrow(number, abi),
        }
    }

    /// The number as a register holds it, of which only the lower bytes count.
    pub(super) fn narrow(self, number: u64, abi: Abi) -> u64 {
        match (self, abi) {
            (Self::U8, _) => u64::from(number as u8),
            (Self::U16, _) => u64::from(number as u16),
            (Self::U32, _) | (Self::Word, Abi::Compat32) => u64::from(number as u32),
            (Self::I8, _) => number as i8 as u64,
            (Self::I16, _) => number as i16 as u64,
            (Self::I32, _) | (Self::SignedWord, Abi::Compat32) => number as i32 as u64,
            (Self::Be16, _) => u64::from(u16::from_be(number as u16)),
            (Self::Be32, _) => u64::from(u32::from_be(number as u32)),
            (Self::U64 | Self::I64 | Self::LowHigh | Self::HighLow | Self::Word | Self::SignedWord, _) => {
                number
            }
        }
    }

    pub(super) const fn is_signed(self) -> bool {
        matches!(
            self,
            Self::I8 | Self::I16 | Self::I32 | Self::I64 | Self::LowHigh | Self::HighLow | Self::SignedWord
        )
    }

    /// The number that an argument has which begins in the first of these registers.
    pub(super) fn argument(self, registers: &[u64], abi: Abi) -> u64 {
        let half = |place: usize| registers.get(place).map_or(0, |half| u64::from(*half as u32));
        let number = match (self, abi) {
            (Self::HighLow, _) => half(0) << 32 | half(1),
            (Self::U64 | Self::I64 | Self::LowHigh, Abi::Compat32) => half(1) << 32 | half(0),
            _ => registers.first().copied().unwrap_or(0),
        };
        self.narrow(number, abi)
    }
}

/// How many registers an argument takes.
pub(super) fn registers(ty: &Type, abi: Abi) -> usize {
    match (ty.of_abi(abi), abi) {
        (Type::Number(Width::LowHigh | Width::HighLow, _), _)
        | (Type::Number(Width::U64 | Width::I64, _), Abi::Compat32) => 2,
        _ => 1,
    }
}

/// The register in which the argument begins that is `place`th in its list.
pub(super) fn register(params: &[Param], place: u8, abi: Abi) -> usize {
    let own = params.get(usize::from(place)).and_then(|param| own_register(param, abi));
    own.unwrap_or_else(|| params.iter().take(place.into()).map(|param| registers(&param.ty, abi)).sum())
}

/// The register in which an argument begins, if that is not the next one.
pub(super) fn own_register(param: &Param, abi: Abi) -> Option<usize> {
    let [native, compat] = param.register?;
    Some(match abi {
        Abi::Native => native.into(),
        Abi::Compat32 => compat.into(),
    })
}

/// Bytes of an address or a `long`.
pub(super) const fn word(abi: Abi) -> usize {
    match abi {
        Abi::Native => 8,
        Abi::Compat32 => 4,
    }
}

/// Bytes of an object of this type; of an address, those of the address.
pub const fn size_of_type(ty: &Type, abi: Abi) -> usize {
    size_and_alignment(ty, abi).0
}

const fn size_and_alignment(ty: &Type, abi: Abi) -> (usize, usize) {
    // i386 aligns nothing to more than 4 bytes
    let most = word(abi);
    match *ty {
        Type::Number(width, _) => {
            let bytes = width.bytes(abi);
            (bytes, least(bytes, most))
        }
        Type::Struct(structure) => {
            let layout = structure.of_abi(abi).layout(abi);
            (layout.size, layout.alignment)
        }
        Type::Elements(element, count) => {
            let (bytes, alignment) = size_and_alignment(element, abi);
            (bytes * count, alignment)
        }
        Type::Chars(bytes) | Type::HexBytes(bytes) | Type::Written(bytes, _) | Type::Padding(bytes) => {
            (bytes, 1)
        }
        Type::Custom(custom) => {
            let size = match abi {
                Abi::Native => custom.size,
                Abi::Compat32 => custom.compat_size,
            };
            let alignment = match size {
                0 => 1,
                _ => least(size, 4).next_power_of_two(),
            };
            (size, if size % most == 0 { most } else { alignment })
        }
        Type::Bits | Type::FdSet | Type::ControlMessages | Type::Following(..) => (0, 1),
        Type::Signals => (8, most),
        Type::ByAbi(native, compat) => match abi {
            Abi::Native => size_and_alignment(native, abi),
            Abi::Compat32 => size_and_alignment(compat, abi),
        },
        Type::Either(_, one, _) => size_and_alignment(one, abi),
        Type::Pointer(..)
        | Type::Sized(..)
        | Type::Path
        | Type::Text(_)
        | Type::Buffer(..)
        | Type::Message(..)
        | Type::Terminated(..)
        | Type::HexBuffer(..)
        | Type::List(..)
        | Type::Encoded(_)
        | Type::Strings
        | Type::Counted => (most, most),
    }
}

const fn least(one: usize, other: usize) -> usize {
    if one < other { one } else { other }
}

/// Members that a structure can have.
const MAX_FIELDS: usize = 48;

/// How a structure lies in memory: computed where it is written down, since it is asked for with every call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// Bytes, with those that fill it up to its alignment.
    pub size: usize,
    /// Bytes up to the end of the last member.
    pub end: usize,
    alignment: usize,
    offsets: [u16; MAX_FIELDS],
}

impl Layout {
    /// Where a member begins, by its index.
    pub(super) fn offset(&self, place: usize) -> usize {
        self.offsets[place].into()
    }

    pub(super) const fn of(fields: &[Field], abi: Abi) -> Self {
        assert!(fields.len() <= MAX_FIELDS, "raise MAX_FIELDS");
        let mut layout = Self { size: 0, end: 0, alignment: 1, offsets: [0; MAX_FIELDS] };
        let mut place = 0;
        while place < fields.len() {
            let (bytes, alignment) = size_and_alignment(&fields[place].ty, abi);
            let begin = layout.end.next_multiple_of(alignment);
            assert!(begin <= u16::MAX as usize, "an offset has 16 bits");
            layout.offsets[place] = begin as u16;
            layout.end = begin + bytes;
            if alignment > layout.alignment {
                layout.alignment = alignment;
            }
            place += 1;
        }
        layout.size = layout.end.next_multiple_of(layout.alignment);
        layout
    }
}

impl Type {
    /// How a number stands in memory that is one, or that a function shows as one of 4 bytes.
    pub(super) fn as_number(&self) -> Option<Width> {
        match self {
            Self::Number(width, _) => Some(*width),
            Self::Custom(custom) if custom.size == 4 => Some(Width::I32),
            _ => None,
        }
    }
}

impl Struct {
    /// The description that holds for an ABI.
    pub(super) const fn of_abi(&'static self, abi: Abi) -> &'static Self {
        match (abi, self.compat) {
            (Abi::Compat32, Some(compat)) => compat,
            _ => self,
        }
    }

    pub(super) const fn layout(&self, abi: Abi) -> &Layout {
        match abi {
            Abi::Native => &self.native,
            Abi::Compat32 => &self.compat32,
        }
    }

    /// A member by its index, and where it begins, in bytes.
    pub(super) fn member(&self, place: usize, abi: Abi) -> Option<(usize, &'static Field)> {
        let field = self.fields.get(place)?;
        Some((self.layout(abi).offset(place), field))
    }

    /// Where each member begins, in bytes.
    pub(super) fn offsets(&self, abi: Abi) -> impl Iterator<Item = (usize, &'static Field)> {
        let offsets = self.layout(abi).offsets.iter().map(|offset| usize::from(*offset));
        offsets.zip(self.fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::{Meaning, Struct, field, param};

    const fn number(width: Width) -> Type {
        Type::Number(width, Meaning::Plain)
    }

    static MIXED: Struct = Struct::of(&[
        field("a", number(Width::U8)),
        field("b", number(Width::U64)),
        field("c", Type::Path),
        field("d", Type::Chars(3)),
        field("e", number(Width::U16)),
    ]);

    #[test]
    fn members_stand_where_c_puts_them() {
        let offsets = |abi| MIXED.offsets(abi).map(|(offset, _)| offset).collect::<Vec<_>>();
        assert_eq!(offsets(Abi::Native), [0, 8, 16, 24, 28]);
        assert_eq!(size_of_type(&Type::Struct(&MIXED), Abi::Native), 32);
        assert_eq!(offsets(Abi::Compat32), [0, 4, 12, 16, 20]);
        assert_eq!(size_of_type(&Type::Struct(&MIXED), Abi::Compat32), 24);
    }

    #[test]
    fn numbers_are_read_as_wide_as_they_are() {
        let bytes = [0xfe, 0xff, 0xff, 0xff, 1, 2, 3, 4];
        assert_eq!(Width::I32.read(&bytes, Abi::Native) as i64, -2);
        assert_eq!(Width::U16.read(&bytes, Abi::Native), 0xfffe);
        assert_eq!(Width::Be16.read(&bytes, Abi::Native), 0xfeff);
        assert_eq!(Width::Word.read(&bytes, Abi::Compat32), 0xffff_fffe);
        assert_eq!(Width::U64.read(&bytes[..2], Abi::Native), 0xfffe);
        assert_eq!(Width::I32.narrow(0x1_0000_0001, Abi::Native), 1);
    }

    #[test]
    fn arguments_of_64_bits_take_two_registers_where_one_has_32() {
        let params = [param("fd", number(Width::I32)), param("offset", number(Width::I64))];
        let after = |abi| register(&params, 2, abi);
        assert_eq!((after(Abi::Native), after(Abi::Compat32)), (2, 3));
        let pair = [0xffff_fffe, 0x1];
        assert_eq!(Width::I64.argument(&pair, Abi::Compat32), 0x1_ffff_fffe);
        assert_eq!(Width::I64.argument(&pair, Abi::Native), 0xffff_fffe);
        assert_eq!(Width::LowHigh.argument(&pair, Abi::Native), 0xffff_fffe);
        assert_eq!(Width::HighLow.argument(&pair, Abi::Compat32), 0xffff_fffe_0000_0001);
        assert_eq!(Width::I64.argument(&pair[..1], Abi::Compat32), 0xffff_fffe);
    }
}
