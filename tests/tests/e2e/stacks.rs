//! `-k`: the functions that calls are made from.

use rstrace_tests::{Program, SameRun, Scratch, Trace, fixture, in_vm, needs, rstrace_binary, skip};

/// The frames behind the line of a call, without ` > `.
#[track_caller]
pub fn frames(text: &str, call: &str) -> Vec<String> {
    let mut lines = text.lines().skip_while(|line| !line.contains(call));
    assert!(lines.next().is_some(), "no {call} in\n{text}");
    let frames = lines.map_while(|line| line.strip_prefix(" > "));
    frames.map(str::to_owned).collect()
}

/// The name in `PATH(NAME+0xOFFSET) [0x...]`; of a frame without one what it says.
fn name(frame: &str) -> &str {
    let Some((_, rest)) = frame.split_once('(') else { return frame };
    let name = rest.split_once(')').map_or(rest, |(name, _)| name);
    name.split_once("+0x").map_or(name, |(name, _)| name)
}

fn text(trace: &Trace) -> String {
    trace.lines.iter().map(|line| format!("{}\n", line.text)).collect()
}

pub fn names(frames: &[String]) -> Vec<&str> {
    frames.iter().map(|frame| name(frame)).collect()
}

/// What rstrace says with these options.
pub fn run(words: &[&str]) -> String {
    let binary = rstrace_binary();
    let words = [&[binary.as_str()], words].concat();
    Program::new(&words).run().ended_well().stderr
}

fn traced(calls: &str, program: &str) -> String {
    run(&["-k", "-e", calls, program])
}

pub const CHAIN: [&str; 4] = ["innermost", "middle", "outermost", "main"];

fn assert_chain(text: &str) {
    let frames = frames(text, "getppid(");
    // below it is the C library's syscall(), which may have no name
    assert_eq!(names(&frames)[1..5], CHAIN, "{text}");
}

#[test]
fn a_c_program_without_frame_pointers_shows_its_functions_to_the_bottom() {
    let text = traced("trace=getppid", &fixture("stacks"));
    assert_chain(&text);
    let frames = frames(&text, "getppid(");
    assert_eq!(name(&frames[0]), "syscall", "{text}");
    assert_eq!(name(&frames[frames.len() - 1]), "_start", "{text}");
}

#[test]
fn a_function_pair_and_the_other_transport_have_them_too() {
    for backend in ["auto", "tracepoint"] {
        for transport in ["ring", "perf"] {
            let text = run(&[
                "-k",
                "--backend",
                backend,
                "--transport",
                transport,
                "-e",
                "open",
                &fixture("stacks"),
            ]);
            let frames = frames(&text, "\"/dev/null\"");
            assert_eq!(names(&frames)[1..5], CHAIN, "{text}");
        }
    }
}

#[test]
fn the_first_execve_does_not_show_the_tracer() {
    let words = [&rstrace_binary(), "-k", "-e", "trace=execve", &fixture("gate"), &fixture("exit_code"), "0"];
    let mut running = Program::new(&words).with_stdin().start();
    running.wait_for_stdout("\n");
    running.tell(b"\n");
    let text = running.finish().ended_well().stderr;
    assert_eq!(frames(&text, "execve("), ["the program has not begun"], "{text}");
    let second = text.rfind("execve(").expect("it executes a program");
    let frames = frames(&text[second..], "execve(");
    assert_eq!(name(&frames[frames.len() - 1]), "_start", "{text}");
    assert!(names(&frames).contains(&"main"), "{text}");
}

#[test]
fn so_many_frames_are_shown_at_most() {
    let all = frames(&traced("trace=getppid", &fixture("stacks")), "getppid(");
    let limited = ["-k", "--stack-trace-frame-limit=2", "-e", "trace=getppid", &fixture("stacks")];
    let shown = frames(&run(&limited), "getppid(");
    // and one that says so
    assert_eq!((shown.len(), names(&shown[..2])), (3, names(&all[..2])), "{shown:?}");
    assert!(!shown[2].contains('('), "{shown:?}");
}

#[test]
fn only_lines_have_frames() {
    for (words, message) in [
        (["-c", "-k"], "-k shows frames behind each call, and -c shows none"),
        (["--json", "-k"], "-k is about lines and tables of text"),
    ] {
        let refused = Program::new(&[&[rstrace_binary().as_str()], &words[..], &["true"]].concat()).run();
        assert!(!refused.status.success() && refused.stderr.contains(message), "{}", refused.stderr);
    }
    // a call that is not shown shows no frames either
    let text = run(&["-k", "-Z", "-e", "trace=getppid,execve", &fixture("stacks")]);
    assert!(!text.contains(" > "), "{text}");
}

#[test]
fn what_was_not_captured_and_what_is_in_no_file_says_so() {
    let text = traced("trace=getuid,getgid", &fixture("stacks"));
    let below = frames(&text, "getuid(");
    assert_eq!(names(&below)[1..], ["below_much", "the rest of the stack was not captured"], "{text}");
    let nowhere = frames(&text, "getgid(");
    assert!(nowhere[0].starts_with("//anon() [0x"), "{text}");
    assert_eq!(nowhere[1..], ["the caller can't be told"], "{text}");
}

#[test]
fn the_frames_of_a_call_that_never_returns_follow_the_end() {
    let text = traced("trace=exit_group", &fixture("stacks"));
    assert!(frames(&text, "exit_group(").is_empty(), "{text}");
    let frames = frames(&text, "+++ exited with 0 +++");
    assert_eq!(name(&frames[frames.len() - 1]), "_start", "{text}");
}

#[test]
fn a_process_that_runs_already_shows_its_functions() {
    let program = fixture("stacks");
    let gate = fixture("gate");
    let mut running = Program::new(&[gate.as_str(), program.as_str()]).with_stdin().start();
    running.wait_for_stdout("\n");
    let traced = rstrace_tests::Rstrace::with(&["-k", "-e", "trace=read,getppid"]).attach(running.pid());
    running.tell(b"\n");
    running.end_stdin();
    running.finish().ended_well();
    let trace = traced.finish().ended_well().trace;
    assert_chain(&text(&trace));
}

#[test]
fn a_stripped_program_has_the_names_of_its_debug_link() {
    if in_vm() {
        skip!("there is no objcopy in the virtual machine");
    }
    needs!("objcopy");
    let scratch = Scratch::new();
    let (program, debug) = (scratch.at("program"), scratch.at("program.debug"));
    let run = |words: &[&str]| drop(Program::new(words).run().ended_well());
    run(&["objcopy", "--strip-all", &fixture("stacks"), &program]);
    let without = traced("trace=getppid", &program);
    assert_eq!(names(&frames(&without, "getppid("))[1..5], [""; 4], "{without}");
    run(&["objcopy", "--only-keep-debug", &fixture("stacks"), &debug]);
    run(&["objcopy", &format!("--add-gnu-debuglink={debug}"), &program]);
    assert_chain(&traced("trace=getppid", &program));
}

#[test]
fn a_rust_program_shows_its_functions_demangled_and_inlined() {
    if in_vm() {
        skip!("there is no compiler in the virtual machine");
    }
    needs!("rustc");
    let scratch = Scratch::new();
    let source = scratch.file(
        "deep.rs",
        "#[inline(never)] fn deepest() { std::hint::black_box(std::os::unix::process::parent_id()); }\n\
         #[inline(always)] fn inlined() { deepest(); std::hint::black_box(()); }\n\
         mod within { #[inline(never)] pub fn outer() { super::inlined(); std::hint::black_box(()); } }\n\
         fn main() { within::outer(); std::hint::black_box(()); }\n",
    );
    let program = scratch.at("deep");
    Program::new(&["rustc", "-O", "-g", "-o", &program, &source]).run().ended_well();
    let text = traced("trace=getppid", &program);
    let frames = frames(&text, "getppid(");
    let names = names(&frames);
    let place = names.iter().position(|name| name.contains("deepest")).expect(&text);
    assert_eq!(names[place], "deep::deepest", "{text}");
    assert!(names[place + 1].ends_with("inlined inlined"), "{text}");
    assert_eq!(names[place + 2..place + 4], ["deep::within::outer", "deep::main"], "{text}");
    // of an inlined function too
    let text = run(&["-kk", "-e", "trace=getppid", &program]);
    for call in ["parent_id()", "{ deepest()", "super::inlined()", "{ within::outer()"] {
        let line = line_of(&source, call);
        assert!(text.lines().any(|frame| frame.ends_with(&line)), "{line} {text}");
    }
}

/// A source file and the line of it that holds a text, as `-kk` has it.
fn line_of(source: &str, text: &str) -> String {
    let lines = std::fs::read_to_string(source).expect("a source file");
    let line = lines.lines().position(|line| line.contains(text)).expect(text) + 1;
    format!(" {source}:{line}")
}

#[test]
fn frames_have_their_lines_of_source() {
    if in_vm() {
        skip!("there is no compiler in the virtual machine");
    }
    needs!("cc");
    let scratch = Scratch::new();
    let program = scratch.at("program");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/stacks.c");
    Program::new(&["cc", "-O2", "-g", "-o", &program, source]).run().ended_well();
    let lines = ["syscall(SYS_getppid);", "innermost();", "middle();", "outermost();"]
        .map(|call| line_of(source, call));
    for option in ["-kk", "--stack-trace=source", "--stack-traces=source"] {
        let text = run(&[option, "-e", "trace=getppid", &program]);
        let frames = frames(&text, "getppid(");
        let at = frames.iter().position(|frame| name(frame) == "innermost").expect(&text);
        for ((frame, line), name) in frames[at..].iter().zip(&lines).zip(CHAIN) {
            assert!(frame.contains(name) && frame.ends_with(&format!("]{line}")), "{frame} {line}");
        }
    }
    for option in ["-k", "--stack-trace", "--stack-trace=symbol"] {
        let text = run(&[option, "-e", "trace=getppid", &program]);
        assert!(!text.contains("stacks.c:"), "{text}");
    }
}

/// strace unwinds by ptrace, when the call has returned. It takes the next symbol below an address that stands among
/// those of dynamic linking, so only the program's own names are the same.
#[test]
fn strace_shows_the_same_places_and_the_programs_functions() {
    if in_vm() {
        skip!("there is no compiler in the virtual machine");
    }
    needs!("strace", "cc");
    let scratch = Scratch::new();
    let program = scratch.at("program");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/stacks.c");
    // strace cannot unwind the static one
    Program::new(&["cc", "-O2", "-o", &program, source]).run().ended_well();
    let options = ["-k", "-e", "trace=getppid"];
    let (strace, rstrace) = SameRun::new(&[&program], &options, &options).watch();
    let [strace, rstrace] = [strace, rstrace].map(|trace| text(&trace));
    let (by_strace, by_rstrace) = (frames(&strace, "getppid("), frames(&rstrace, "getppid("));
    assert!(by_strace.len() > 6, "{strace}");
    let places = |frames: &[String]| -> Vec<String> {
        let place = |frame: &String| {
            let (file, rest) = frame.split_once('(').expect("a frame has a name");
            format!("{file} {}", rest.split_once(' ').expect("and an offset").1)
        };
        frames.iter().map(place).collect()
    };
    assert_eq!(places(&by_rstrace), places(&by_strace), "{rstrace}\n{strace}");
    let own = |frames: &[String]| -> Vec<String> {
        frames.iter().filter(|frame| frame.starts_with(&program)).cloned().collect()
    };
    assert_eq!(own(&by_rstrace), own(&by_strace), "{rstrace}\n{strace}");
}
