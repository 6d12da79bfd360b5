//! Sets of named bits: a table and a value.

/// The names of a flag argument, in the order in which they are shown.
#[derive(Debug, PartialEq, Eq)]
pub struct FlagSet {
    /// A multi-bit value inside the set, shown first even when it is zero: its mask and its names.
    pub choice: Option<(u64, &'static [(u64, &'static str)])>,
    /// Names of one or more bits; the first that matches wins.
    pub names: &'static [(u64, &'static str)],
    /// What stands in the comment when no name matches, without `_???`: `"AT"`.
    pub prefix: &'static str,
}

/// A value of a [`FlagSet`].
#[derive(Debug, Clone, Copy)]
pub struct Flags {
    /// The bits.
    pub bits: u64,
    /// Their names.
    pub set: &'static FlagSet,
}

/// One piece of a [`Flags`] value, as [`Flags::parts`] yields them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagPart {
    /// A name.
    Name(&'static str),
    /// What no name stands for; `true` if nothing at all was named before it.
    Rest(u64, bool),
}

impl Flags {
    /// The names that are set, in order, then the rest if there is one. Zero without a name for it yields nothing.
    pub fn parts(self) -> impl Iterator<Item = FlagPart> {
        let mut left = self.bits;
        let mut first = None;
        if let Some((mask, values)) = self.set.choice {
            let value = self.bits & mask;
            first = values.iter().find(|(bits, _)| *bits == value);
            if first.is_some() {
                left &= !mask;
            }
        }
        let mut names = self.set.names.iter();
        let mut any = first.is_some();
        let mut first = first.map(|(_, name)| FlagPart::Name(name));
        std::iter::from_fn(move || {
            if let Some(part) = first.take() {
                return Some(part);
            }
            for (bits, name) in names.by_ref() {
                if *bits != 0 && left & bits == *bits {
                    left &= !bits;
                    any = true;
                    return Some(FlagPart::Name(name));
                }
            }
            let rest = std::mem::take(&mut left);
            (rest != 0).then_some(FlagPart::Rest(rest, !any))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static SET: FlagSet = FlagSet {
        choice: Some((3, &[(0, "R"), (1, "W"), (2, "RW")])),
        names: &[(0x30, "BOTH"), (0x10, "ONE"), (0x40, "X")],
        prefix: "S",
    };

    fn parts(bits: u64) -> Vec<FlagPart> {
        Flags { bits, set: &SET }.parts().collect()
    }

    #[test]
    fn a_name_of_several_bits_goes_before_its_parts() {
        assert_eq!(parts(0x31), [FlagPart::Name("W"), FlagPart::Name("BOTH")]);
        assert_eq!(parts(0x10), [FlagPart::Name("R"), FlagPart::Name("ONE")]);
    }

    #[test]
    fn what_has_no_name_comes_last() {
        assert_eq!(parts(0x1040), [FlagPart::Name("R"), FlagPart::Name("X"), FlagPart::Rest(0x1000, false)]);
    }
}
