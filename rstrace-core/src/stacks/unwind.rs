//! From a frame to its caller, by the tables of `.eh_frame`. Without a table for a place nothing is guessed.

use gimli::{
    BaseAddresses, CfaRule, CieOrFde, EhFrame, EhFrameOffset, Encoding, EndianSlice, EvaluationResult,
    Expression, FrameDescriptionEntry, LittleEndian, Location, Register, RegisterRule, UnwindContext,
    UnwindSection, Value, X86_64,
};

/// Bytes of an entry at most, its file is not to be trusted: a function of 100,000 instructions has less.
const MAX_ENTRY: usize = 64 << 10;
/// Steps of an expression at most, likewise: it may go back.
const MAX_STEPS: u32 = 1000;
/// The registers that a function gives back as it found them (psABI), where its table doesn't mention them.
const PRESERVED: [Register; 6] =
    [X86_64::RBX, X86_64::RBP, X86_64::R12, X86_64::R13, X86_64::R14, X86_64::R15];

/// Registers by their numbers in the psABI, as far as they are known.
#[derive(Clone, Copy)]
pub(super) struct Registers([Option<u64>; 17]);

impl Registers {
    /// Where each stands in `struct pt_regs` (asm/ptrace.h), by its number.
    const PLACES: [usize; 17] = [10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0, 16];

    pub fn new(pt_regs: &[u64; 21]) -> Self {
        Self(Self::PLACES.map(|place| Some(pt_regs[place])))
    }

    pub fn get(&self, register: Register) -> Option<u64> {
        *self.0.get(usize::from(register.0))?
    }

    fn set(&mut self, register: Register, value: Option<u64>) {
        if let Some(place) = self.0.get_mut(usize::from(register.0)) {
            *place = value;
        }
    }
}

/// What called a frame.
#[expect(clippy::large_enum_variant, reason = "it is looked at once, and a box would be made for each frame")]
pub(super) enum Caller {
    /// Code that goes on with these registers; or a signal came there.
    Frame { registers: Registers, interrupted: bool },
    /// Nothing did.
    None,
    /// That stands at this address, which can't be read.
    At(u64),
    /// The tables don't tell.
    Unknown,
}

/// The tables of a file.
pub(super) struct Tables {
    section: Box<[u8]>,
    bases: BaseAddresses,
    /// Where each function begins, and its entry.
    functions: Vec<(u64, EhFrameOffset)>,
}

impl Tables {
    /// From `.eh_frame`, its address and that of `.text`.
    pub fn new(section: Box<[u8]>, address: u64, text: u64) -> Self {
        let bases = BaseAddresses::default().set_eh_frame(address).set_text(text);
        let mut functions = Vec::new();
        let frames = EhFrame::new(&section, LittleEndian);
        let mut entries = frames.entries(&bases);
        while let Ok(Some(entry)) = entries.next() {
            let CieOrFde::Fde(entry) = entry else { continue };
            if let Ok(entry) = entry.parse(EhFrame::cie_from_offset)
                && entry.entry_len().max(entry.cie().entry_len()) <= MAX_ENTRY
            {
                functions.push((entry.initial_address(), EhFrameOffset(entry.offset())));
            }
        }
        functions.sort_unstable_by_key(|(begin, _)| *begin);
        Self { section, bases, functions }
    }

    /// What called the frame whose code is at an address of the file and has these registers.
    pub fn caller(
        &self,
        address: u64,
        registers: &Registers,
        context: &mut UnwindContext<usize>,
        read: &dyn Fn(u64) -> Option<u64>,
    ) -> Caller {
        let frames = EhFrame::new(&self.section, LittleEndian);
        let place = self.functions.partition_point(|(begin, _)| *begin <= address).checked_sub(1);
        let entry = place.and_then(|place| {
            let (_, offset) = self.functions[place];
            frames.fde_from_offset(&self.bases, offset, EhFrame::cie_from_offset).ok()
        });
        match entry.filter(|entry| entry.contains(address)) {
            Some(entry) => {
                self.by_entry(&entry, address, registers, context, read).unwrap_or(Caller::Unknown)
            }
            // the psABI's mark of the outermost frame
            None if registers.get(X86_64::RBP) == Some(0) => Caller::None,
            None => Caller::Unknown,
        }
    }

    fn by_entry(
        &self,
        entry: &FrameDescriptionEntry<EndianSlice<'_, LittleEndian>>,
        address: u64,
        registers: &Registers,
        context: &mut UnwindContext<usize>,
        read: &dyn Fn(u64) -> Option<u64>,
    ) -> Option<Caller> {
        let frames = EhFrame::new(&self.section, LittleEndian);
        let row = entry.unwind_info_for_address(&frames, &self.bases, context, address).ok()?;
        let encoding = entry.cie().encoding();
        let evaluate = |expression: &gimli::UnwindExpression<usize>, first| {
            evaluate(expression.get(&frames).ok()?, encoding, first, registers, read)
        };
        let frame = match row.cfa() {
            CfaRule::RegisterAndOffset { register, offset } => {
                registers.get(*register)?.wrapping_add_signed(*offset)
            }
            CfaRule::Expression(expression) => evaluate(expression, None)?,
        };
        let interrupted = entry.is_signal_trampoline();
        // a stack grows down, but that of a signal may be another one
        if frame <= registers.get(X86_64::RSP)? && !interrupted {
            return None;
        }
        let back = entry.cie().return_address_register();
        let mut caller = Registers([None; 17]);
        for register in PRESERVED {
            caller.set(register, registers.get(register));
        }
        caller.set(X86_64::RSP, Some(frame));
        for (register, rule) in row.registers() {
            let stored = match rule {
                RegisterRule::Offset(offset) => Some(frame.wrapping_add_signed(*offset)),
                RegisterRule::Expression(expression) => evaluate(expression, Some(frame)),
                _ => None,
            };
            let value = match rule {
                RegisterRule::Undefined if *register == back => return Some(Caller::None),
                RegisterRule::SameValue => registers.get(*register),
                RegisterRule::ValOffset(offset) => Some(frame.wrapping_add_signed(*offset)),
                RegisterRule::ValExpression(expression) => evaluate(expression, Some(frame)),
                RegisterRule::Register(other) => registers.get(*other),
                _ => stored.and_then(read),
            };
            if let (None, Some(stored), true) = (value, stored, *register == back) {
                return Some(Caller::At(stored));
            }
            caller.set(*register, value);
        }
        Some(match caller.get(back)? {
            0 => Caller::None,
            address => {
                caller.set(X86_64::RA, Some(address));
                Caller::Frame { registers: caller, interrupted }
            }
        })
    }
}

/// The value of an expression that begins with `first` on its stack.
fn evaluate(
    expression: Expression<EndianSlice<'_, LittleEndian>>,
    encoding: Encoding,
    first: Option<u64>,
    registers: &Registers,
    read: &dyn Fn(u64) -> Option<u64>,
) -> Option<u64> {
    let mut evaluation = expression.evaluation(encoding);
    evaluation.set_max_iterations(MAX_STEPS);
    if let Some(first) = first {
        evaluation.set_initial_value(first);
    }
    let mut state = evaluation.evaluate().ok()?;
    loop {
        state = match state {
            EvaluationResult::Complete => break,
            EvaluationResult::RequiresRegister { register, .. } => {
                evaluation.resume_with_register(Value::Generic(registers.get(register)?))
            }
            EvaluationResult::RequiresMemory { address, size: 8, .. } => {
                evaluation.resume_with_memory(Value::Generic(read(address)?))
            }
            _ => return None,
        }
        .ok()?;
    }
    match evaluation.as_result() {
        [piece] => match piece.location {
            Location::Address { address } => Some(address),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What called a function at 0x1000 that pushed nothing, whose entry has these instructions besides.
    fn caller(instructions: [u8; 8]) -> Caller {
        let mut section = vec![16, 0, 0, 0, 0, 0, 0, 0];
        // version, augmentation, factors, return address; frame at the stack pointer + 8, return address below
        section.extend([1, 0, 1, 0x78, 16, 0x0c, 7, 8, 0x90, 1, 0, 0]);
        section.extend([28, 0, 0, 0, 24, 0, 0, 0]);
        section.extend([0x1000_u64, 0x100].map(u64::to_le_bytes).concat());
        section.extend(instructions);
        let tables = Tables::new(section.into(), 0, 0);
        let registers = Registers::new(&[0x7000; 21]);
        tables.caller(0x1010, &registers, &mut UnwindContext::new(), &|address| Some(address + 1))
    }

    #[test]
    fn the_caller_is_where_the_return_address_stands() {
        let Caller::Frame { registers, interrupted: false } = caller([0; 8]) else { panic!("no frame") };
        assert_eq!(registers.get(X86_64::RA), Some(0x7001));
        assert_eq!(registers.get(X86_64::RSP), Some(0x7008));
        assert_eq!((registers.get(X86_64::RBX), registers.get(X86_64::RAX)), (Some(0x7000), None));
    }

    #[test]
    fn an_expression_that_never_ends_tells_nothing() {
        // DW_CFA_def_cfa_expression of DW_OP_skip to itself
        assert!(matches!(caller([0x0f, 3, 0x2f, 0xfd, 0xff, 0, 0, 0]), Caller::Unknown));
    }

    #[test]
    fn a_frame_that_is_not_above_its_callee_is_none() {
        // DW_CFA_def_cfa_offset 0
        assert!(matches!(caller([0x0e, 0, 0, 0, 0, 0, 0, 0]), Caller::Unknown));
    }
}
