//! `-k` of programs whose files are not what they should be: no name is worse than a false one or no trace.

use super::stacks::{CHAIN, frames, names, run};
use rstrace_tests::{Program, Rstrace, Scratch, fixture, in_vm, needs, rstrace_binary, skip};
use std::fs;
use std::ops::Range;

/// Where a section of a 64-bit ELF file is (elf(5)).
#[track_caller]
fn section(elf: &[u8], name: &str) -> Range<usize> {
    let number = |at: usize, len: usize| {
        elf[at..at + len].iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
    };
    let header = |index: usize| number(0x28, 8) + index * number(0x3a, 2);
    let range = |header: usize| number(header + 0x18, 8)..number(header + 0x18, 8) + number(header + 0x20, 8);
    let names = range(header(number(0x3e, 2)));
    let has_name = |index: &usize| {
        let begin = names.start + number(header(*index), 4);
        elf[begin..].starts_with(format!("{name}\0").as_bytes())
    };
    let index = (0..number(0x3c, 2)).find(has_name).unwrap_or_else(|| panic!("no section {name}"));
    range(header(index))
}

/// Numbers in which there is no order, the same ones each time.
fn random() -> impl FnMut() -> u64 {
    let mut random = 1_u64;
    move || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        random >> 33
    }
}

/// A copy of the fixture that was changed.
fn changed(scratch: &Scratch, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> String {
    changed_copy(&fixture("stacks"), scratch, name, change)
}

/// A copy of a program that was changed.
fn changed_copy(program: &str, scratch: &Scratch, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut bytes = fs::read(program).expect("the program can be read");
    change(&mut bytes);
    scratch.program(name, &bytes)
}

#[track_caller]
fn traced(program: &str) -> String {
    let text = run(&["-kk", "-e", "trace=getppid,getuid", program]);
    assert!(!text.contains(|c: char| c != '\n' && c.is_control()), "{text:?}");
    assert!(text.contains("\n+++ exited with 0 +++"), "{text}");
    let of_call = |line: &str| line.contains(')') && (line.starts_with("get") || line.starts_with("+++"));
    assert!(
        text.lines().all(|line| line.starts_with(" > ") || of_call(line) || line.starts_with("+++")),
        "{text}"
    );
    text
}

#[test]
fn a_file_with_garbage_in_it_is_traced_to_its_end() {
    let scratch = Scratch::new();
    let mut next = random();
    for (number, name) in
        [".eh_frame", ".symtab", ".strtab", ".shstrtab"].into_iter().cycle().take(24).enumerate()
    {
        let program = changed(&scratch, &format!("garbage{number}"), |elf| {
            for place in section(elf, name) {
                if next().is_multiple_of(4) {
                    elf[place] = next() as u8;
                }
            }
        });
        traced(&program);
    }
    // what is behind the code: the tables of sections, or nothing
    let cut = changed(&scratch, "cut", |elf| elf.truncate(elf.len() - 100));
    traced(&cut);
    let far = changed(&scratch, "far", |elf| elf[0x28..0x30].fill(0xff));
    assert_eq!(frames(&traced(&far), "getppid(")[1..], ["the caller can't be told"]);
}

#[test]
fn control_characters_in_names_and_paths_are_escaped() {
    let scratch = Scratch::new();
    let program = changed(&scratch, "a\n > \u{1b}[31mb", |elf| {
        let names = section(elf, ".strtab");
        let place =
            elf[names.clone()].windows(10).position(|name| name == b"innermost\0").expect("a function");
        elf[names.start + place..][..9].copy_from_slice(b"in\n\x1b[31m>");
    });
    let text = traced(&program);
    let frames = frames(&text, "getppid(");
    assert!(frames[1].contains(r"/a\n > \33[31mb(in\n\33[31m>+0x"), "{text}");
}

#[test]
fn debug_information_with_garbage_in_it_is_no_danger() {
    if in_vm() {
        skip!("there is no compiler in the virtual machine");
    }
    needs!("cc");
    let scratch = Scratch::new();
    let source =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/stacks.c")).expect("a fixture");
    // the name that its lines have
    let source = source.replace("int main(", "#line 1 \"a\\n > \\033[31mb.c\"\nint main(");
    let (source, program) = (scratch.file("hostile.c", &source), scratch.at("hostile"));
    let fixtures = concat!("-I", env!("CARGO_MANIFEST_DIR"), "/fixtures");
    Program::new(&["cc", "-O2", "-g", "-w", fixtures, "-o", &program, &source]).run().ended_well();
    let text = traced(&program);
    assert!(text.lines().any(|frame| frame.ends_with(r"a\n > \33[31mb.c:12")), "{text}");
    let mut next = random();
    for (number, name) in
        [".debug_line", ".debug_info", ".debug_abbrev", ".debug_str"].into_iter().cycle().take(24).enumerate()
    {
        let changed = changed_copy(&program, &scratch, &format!("hostile{number}"), |elf| {
            for place in section(elf, name) {
                if next().is_multiple_of(16) {
                    elf[place] = next() as u8;
                }
            }
        });
        traced(&changed);
    }
}

#[test]
fn a_debug_link_to_a_fifo_is_left_alone() {
    if in_vm() {
        skip!("there is no objcopy in the virtual machine");
    }
    needs!("objcopy");
    let scratch = Scratch::new();
    let (program, debug) = (scratch.at("program"), scratch.file("program.debug", "debug"));
    Program::new(&["objcopy", &format!("--add-gnu-debuglink={debug}"), &fixture("stacks"), &program])
        .run()
        .ended_well();
    fs::remove_file(&debug).expect("it is there");
    nix::unistd::mkfifo(debug.as_str(), nix::sys::stat::Mode::S_IRWXU).expect("a FIFO can be made");
    assert_eq!(names(&frames(&traced(&program), "getppid("))[1..5], CHAIN);
}

#[test]
fn a_huge_file_has_no_names() {
    let scratch = Scratch::new();
    let program = changed(&scratch, "huge", |_| {});
    Program::new(&["truncate", "-s", "5G", &program]).run().ended_well();
    let text = traced(&program);
    let frames = frames(&text, "getppid(");
    assert!(frames[0].ends_with(']') && names(&frames)[0].is_empty(), "{text}");
    assert_eq!(frames[1..], ["the caller can't be told"], "{text}");
}

#[test]
fn a_file_that_was_deleted_or_replaced_has_no_names() {
    for replaced in [false, true] {
        let scratch = Scratch::new();
        let program = changed_copy(&fixture("gate"), &scratch, "program", |_| {});
        let mut running = Program::new(&[&program, "true"]).with_stdin().start();
        running.wait_for_stdout("\n");
        fs::remove_file(&program).expect("it is there");
        if replaced {
            changed(&scratch, "program", |_| {});
        }
        let traced = Rstrace::with(&["-k", "-e", "trace=read,execve"]).attach(running.pid());
        running.tell(b"\n");
        running.end_stdin();
        running.finish().ended_well();
        let trace = traced.finish().ended_well().trace;
        let text: String = trace.lines.iter().map(|line| format!("{}\n", line.text)).collect();
        let frames = frames(&text, "execve(");
        assert!(frames[0].starts_with(&format!("{program} (deleted)() [0x")), "{text}");
        assert_eq!(frames[1..], ["the caller can't be told"], "{text}");
    }
}

#[test]
fn a_program_that_is_built_anew_has_its_own_names() {
    let scratch = Scratch::new();
    let (program, new) = (changed(&scratch, "program", |_| {}), scratch.at("new"));
    changed(&scratch, "new", |elf| {
        let names = section(elf, ".strtab");
        let place =
            elf[names.clone()].windows(10).position(|name| name == b"innermost\0").expect("a function");
        elf[names.start + place..][..9].copy_from_slice(b"different");
    });
    // written into the same file: the path and the inode stay
    let script = format!("{program}; cat {new} > {program}; {program}");
    let words = [
        rstrace_binary().as_str(),
        "-f",
        "-k",
        "-e",
        "trace=getppid",
        "-e",
        "signal=none",
        "sh",
        "-c",
        &script,
    ]
    .map(str::to_owned);
    let text = Program::new(&words).run().ended_well().stderr;
    let second = text.rfind("getppid(").expect("two calls");
    // the first file may be gone before it was read
    assert!(["innermost", ""].contains(&names(&frames(&text[..second], "getppid("))[1]), "{text}");
    assert_eq!(names(&frames(&text[second..], "getppid("))[1], "different", "{text}");
}
