//! Named constants by their numbers, alone or with the names as comments.

use super::{Lines, Token, put};
use crate::cli::shown::Constants;
use crate::output::errno;
use rstrace_core::describe::{Item, named};
use rstrace_core::event::Value;
use rstrace_core::flags::{Choices, FlagPart, PackedNumber};
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
                // permissions stay apart
                Some(mode) => {
                    let flags = packed.flags(bits);
                    let rest = bits & !mode.mask();
                    if rest != 0 {
                        self.commented(Value::Flags(flags), true, |out| named::hex(out, rest));
                        self.push("|");
                    }
                    self.value(Value::Mode(bits & mode.mask()));
                }
                None => self.commented(value, true, |out| named::hex(out, bits)),
            },
            Value::Choice(number, choices) => {
                self.commented(value, choices.name(number).is_some(), |out| choice(out, number, choices));
            }
            Value::Signal(number) => {
                self.commented(value, (1..=64).contains(&number), |out| put!(out, "{number}"));
            }
            Value::Signals(set) => self.signals(set, Self::signal_by_number),
            Value::Named(number, constant) => self.paint_constant(|out, with_names| match constant.verbose {
                _ if !with_names => (constant.raw)(out, number),
                Some(write) => write(out, number),
                None => named::commented(out, number, constant.raw, constant.named),
            }),
            Value::DirFd(fd @ libc::AT_FDCWD, None) => self.commented(value, true, |out| put!(out, "{fd}")),
            _ => return false,
        }
        true
    }

    /// Appends a part of what a result stands for. What has a name of its own is a constant by its name in any case, and
    /// so are signals.
    pub(super) fn glossed(&mut self, item: Item<'_>) {
        match item.value {
            Value::Object(_) | Value::Flags(_) | Value::Choice(..) if item.name.is_empty() => {
                self.value(item.value);
            }
            value => self.by_name(value),
        }
    }

    fn by_name(&mut self, value: Value<'_>) {
        let style = std::mem::replace(&mut self.limits.constants, Constants::Abbrev);
        self.value(value);
        self.limits.constants = style;
    }

    fn paint_constant(&mut self, write: impl FnOnce(&mut Vec<u8>, bool)) {
        let with_names = self.limits.constants == Constants::Verbose;
        self.paint(Token::Value, |out| write(out, with_names));
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
        self.paint_constant(|out, with_names| {
            put!(out, "{number}");
            if with_names {
                put!(out, " /* ");
                errno::signal_in_set(out, number);
                put!(out, " */");
            }
        });
    }
}

/// Those of which numbers are shown in decimal anyway, where they have no name, stay so.
fn choice(out: &mut Vec<u8>, number: u64, choices: &Choices) {
    match choices.unknown {
        "" if choices.name(number).is_none() => put!(out, "{}", number as i64),
        // a negative one of 32 bits
        _ if number >> 32 == u64::from(u32::MAX) => named::hex(out, u64::from(number as u32)),
        _ => named::hex(out, number),
    }
}
