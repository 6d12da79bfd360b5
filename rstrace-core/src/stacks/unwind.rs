//! From a frame to its caller, by the tables of `.eh_frame`. Without a table for a place nothing is guessed.

use gimli::{
    BaseAddresses, CfaRule, CieOrFde, EhFrame, EhFrameOffset, Encoding, EndianSlice, EvaluationResult,
    Expression, LittleEndian, Location, Register, RegisterRule, UnwindContext, UnwindSection, Value, X86_64,
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
        self.find(address, registers, context, read).unwrap_or(Caller::Unknown)
    }

    fn find(
        &self,
        address: u64,
        registers: &Registers,
        context: &mut UnwindContext<usize>,
        read: &dyn Fn(u64) -> Option<u64>,
    ) -> Option<Caller> {
        let frames = EhFrame::new(&self.section, LittleEndian);
        let place = self.functions.partition_point(|(begin, _)| *begin <= address).checked_sub(1)?;
        let entry =
            frames.fde_from_offset(&self.bases, self.functions[place].1, EhFrame::cie_from_offset).ok()?;
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
