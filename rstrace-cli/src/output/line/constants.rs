//! Named constants by their numbers, alone or with the names as comments.

use super::{Lines, Token, put};
use crate::output::errno;
use rstrace_core::describe::{Constants, Item, named};
use rstrace_core::event::Value;
use rstrace_core::flags::{FlagPart, PackedNumber};
use std::io::Write;

impl Lines {
    /// Appends a value by its number, if it is a constant that may have a name: whether it is.
    pub(super) fn by_number(&mut self, value: Value<'_>) -> bool {
        match value {
            Value::Flags(flags) => {
                let is_named = flags.parts().any(|part| matches!(part, FlagPart::Name(_)));
                self.commented(value, is_named || flags.set.choice.is_some(), |out| {
                    named::hex(out, flags.bits)
                });
            }
            Value::Packed(bits, packed) => match packed.numbers.iter().find(|n| **n == PackedNumber::Mode) {
                // the numbers stay apart
                Some(mode) => {
                    let flags = packed.flags(bits);
                    if flags.bits != 0 {
                        self.value(Value::Flags(flags));
                        self.push("|");
                    }
                    for number in packed.numbers {
                        if let PackedNumber::Shifted { mask, shift, name } = number
                            && bits & mask != 0
                        {
                            self.notation(Token::Value, |out| {
                                put!(out, "{}<<", (bits & mask) >> shift);
                                out.constant(|out| put!(out, "{shift}"), |out| out.push_text(name));
                            });
                            self.push("|");
                        }
                    }
                    self.value(Value::Mode(bits & mode.mask()));
                }
                None => self.commented(value, true, |out| named::hex(out, bits)),
            },
            Value::Choice(number, choices) => {
                self.commented(value, choices.name(number).is_some(), |out| {
                    choices.write_number(out, number)
                });
            }
            Value::Signal(number) => {
                self.commented(value, (1..=64).contains(&number), |out| put!(out, "{number}"));
            }
            Value::Signals(set) => self.signals(set, Self::signal_by_number),
            Value::DirFd(fd @ libc::AT_FDCWD, None) => self.commented(value, true, |out| put!(out, "{fd}")),
            _ => return false,
        }
        true
    }

    /// Whether a part of what a result stands for is but another notation of the number.
    pub(super) fn says_nothing(&self, item: &Item<'_>) -> bool {
        let is_result = matches!(item.value, Value::Flags(_) | Value::Named(..)) && item.name.is_empty();
        is_result && self.limits.constants == Constants::Raw
    }

    /// Appends a part of what a result stands for. Constants are shown by their names in any case, save for those in
    /// structures and sets.
    pub(super) fn glossed(&mut self, item: Item<'_>) {
        match item.value {
            Value::Object(_) | Value::Named(..) if item.name.is_empty() => self.value(item.value),
            Value::Signals(_) => self.value(item.value),
            value => self.by_name(value),
        }
    }

    fn by_name(&mut self, value: Value<'_>) {
        let style = std::mem::replace(&mut self.limits.constants, Constants::Abbrev);
        self.value(value);
        self.limits.constants = style;
    }

    /// Appends a number, and if that is wanted its name behind it, or what is shown of one without a name.
    fn commented(&mut self, value: Value<'_>, is_named: bool, number: impl FnOnce(&mut Vec<u8>)) {
        match (self.limits.constants, is_named) {
            (Constants::Verbose, false) => self.by_name(value),
            (Constants::Verbose, true) => {
                self.paint(Token::Value, number);
                self.push(" /* ");
                self.by_name(value);
                self.push(" */");
            }
            _ => self.paint(Token::Value, number),
        }
    }

    fn signal_by_number(&mut self, number: u8) {
        self.notation(Token::Value, |out| {
            out.constant(|out| put!(out, "{number}"), |out| errno::signal_in_set(out, number));
        });
    }
}
