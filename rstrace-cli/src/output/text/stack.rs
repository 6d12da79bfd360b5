//! User stacks, as lines behind that of their call.

use crate::output::line::{Lines, put};
use crate::output::quote::printable;
use rstrace_core::stacks::{Frame, Stack, StackEnd};
use std::io::Write;

/// Writes the frames, each with a line feed before it and, if `sources`, the line of source behind it.
pub fn write(lines: &mut Lines, stack: &Stack, sources: bool) {
    lines.format(|out| {
        stack.frames.iter().for_each(|frame| write_frame(out, frame, sources));
        let end = match stack.end {
            StackEnd::Bottom => return,
            StackEnd::NotCaptured if stack.frames.is_empty() => "the stack was not captured",
            StackEnd::NotCaptured => "the rest of the stack was not captured",
            StackEnd::Unknown => "the caller can't be told",
            StackEnd::Compat32 => "a 32-bit program's stack is not unwound",
            StackEnd::NotBegun => "the program has not begun",
            StackEnd::TooMany => "too many stack frames",
        };
        put!(out, "\n > {end}");
    });
}

fn write_frame(out: &mut Vec<u8>, frame: &Frame, sources: bool) {
    let offset = frame.offset;
    let Some(file) = &frame.file else {
        put!(out, "\n > unexpected_backtracing_error [{offset:#x}]");
        return;
    };
    let begin = |out: &mut Vec<u8>| {
        put!(out, "\n > ");
        printable(out, file);
    };
    for function in frame.functions.iter() {
        begin(out);
        put!(out, "(");
        printable(out, function.name.as_bytes());
        if function.inlined {
            put!(out, " inlined) [{offset:#x}]");
        } else {
            put!(out, "+{:#x}) [{offset:#x}]", frame.in_function);
        }
        if let Some(source) = function.source.as_ref().filter(|_| sources) {
            put!(out, " ");
            printable(out, &source.path);
            put!(out, ":{}", source.line);
        }
    }
    if frame.functions.is_empty() {
        begin(out);
        put!(out, "() [{offset:#x}]");
    }
}
