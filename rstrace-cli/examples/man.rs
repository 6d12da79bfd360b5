//! Writes the OPTIONS sections of the manual pages from the definitions of the options; the other sections are written
//! by hand and stay. With `--check` nothing is written, and it fails if a page is not what it would be.
//!
//! `cargo xtask man` runs it.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::{Arg, ArgAction, Command};

/// The pages in docs/man, in the order of [`rstrace_cli::grammars`].
const PAGES: [&str; 2] = ["rstrace.1", "opensnoop.8"];

/// What the section begins with.
const BEGIN: &str = ".SH OPTIONS\n";
/// Behind it, for whoever would change it there.
const NOTE: &str = ".\\\" Written by `cargo xtask man` from the definitions of the options.\n";

fn main() -> ExitCode {
    let is_check = std::env::args().any(|word| word == "--check");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/man");
    let mut status = ExitCode::SUCCESS;
    for (mut command, page) in rstrace_cli::grammars().into_iter().zip(PAGES) {
        command.build();
        if let Err(error) = update(&command, &folder.join(page), is_check) {
            eprintln!("docs/man/{page}: {error}");
            status = ExitCode::FAILURE;
        }
    }
    status
}

fn update(command: &Command, page: &Path, is_check: bool) -> Result<(), String> {
    let text = std::fs::read_to_string(page).map_err(|error| error.to_string())?;
    let written =
        with_options(&text, &section(command)).ok_or("it has no section OPTIONS, or nothing behind it")?;
    match is_check {
        _ if written == text => Ok(()),
        true => Err("its options are not those of the command: run `cargo xtask man`".to_owned()),
        false => std::fs::write(page, written).map_err(|error| error.to_string()),
    }
}

/// A page with this for its section OPTIONS.
fn with_options(page: &str, section: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let behind = &rest[rest.find(".SH ")?..];
    Some(format!("{before}{BEGIN}{NOTE}{section}{behind}"))
}

/// The options by their groups, both in the order of the help.
fn section(command: &Command) -> String {
    let mut headings: Vec<Option<&str>> = Vec::new();
    for arg in command.get_arguments() {
        if !headings.contains(&heading(arg)) {
            headings.push(heading(arg));
        }
    }
    let mut section = String::new();
    for group in headings {
        let _ = writeln!(section, ".SS {}", group.unwrap_or("Others"));
        for arg in command.get_arguments().filter(|arg| heading(arg) == group) {
            option(&mut section, arg);
        }
    }
    section
}

fn heading(arg: &Arg) -> Option<&str> {
    arg.get_help_heading()
}

fn option(section: &mut String, arg: &Arg) {
    section.push_str(".TP\n");
    section.push_str(&head(arg));
    section.push('\n');
    let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
    paragraphs(section, &help);
    let values = arg.get_possible_values();
    let told: Vec<_> = values.iter().filter(|value| !value.is_hide_set()).collect();
    if !takes_value(arg) || told.is_empty() {
        return;
    }
    section.push_str(".RS\n");
    for value in told {
        let _ = writeln!(section, ".TP\n.B {}", escaped(value.get_name()));
        let help = value.get_help().map(ToString::to_string).unwrap_or_default();
        let is_default = arg.get_default_values().iter().any(|default| default == value.get_name());
        paragraphs(section, if is_default { format!("{help}; the default") } else { help }.trim());
    }
    section.push_str(".RE\n");
}

/// Its names, as they are typed: `-o FILE, --output=FILE`.
fn head(arg: &Arg) -> String {
    let value = arg.get_value_names().unwrap_or_default().join(" ");
    if arg.is_positional() {
        return format!("\\fI{}\\fR [\\fIARG\\fR]...", escaped(&value));
    }
    let is_optional = arg.is_require_equals_set();
    let is_rest = !is_optional && arg.get_num_args().is_some_and(|range| range.max_values() > 1);
    let between = |between| if is_rest { " " } else { between };
    let rest = if is_rest { "..." } else { "" };
    let named = |name: String, between: &str| match (takes_value(arg), is_optional) {
        (false, _) => name,
        (true, false) => format!("{name}{between}{}{rest}", variable(&value)),
        (true, true) => format!("{name}[={}]", variable(&value)),
    };
    let mut names = Vec::new();
    // a value that may be left out goes with the long name only
    let short = arg.get_short().map(|short| format!("\\fB\\-{short}\\fR"));
    names.extend(short.map(|name| if is_optional { name } else { named(name, " ") }));
    let long = arg.get_long().map(|long| format!("\\fB{}\\fR", escaped(&format!("--{long}"))));
    names.extend(long.map(|name| named(name, between("="))));
    names.join(", ")
}

fn takes_value(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append)
}

/// What stands for a value: its words in italics, brackets and what is between as they are.
fn variable(value: &str) -> String {
    let mut written = String::new();
    let mut is_word = false;
    for c in value.chars() {
        let is_letter = c.is_alphanumeric();
        if is_letter != is_word {
            written.push_str(if is_letter { "\\fI" } else { "\\fR" });
            is_word = is_letter;
        }
        written.push_str(&escaped(&c.to_string()));
    }
    if is_word { written + "\\fR" } else { written }
}

/// Paragraphs of a doc comment; each sentence has a line of its own.
fn paragraphs(section: &mut String, text: &str) {
    for (place, paragraph) in text.split("\n\n").filter(|paragraph| !paragraph.is_empty()).enumerate() {
        if place > 0 {
            section.push_str(".br\n");
        }
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            line.push_str(word);
            line.push(' ');
        }
        let line = marked(line.trim_end());
        // of a sentence roff wants to know where it ends
        let lines = line.replace(". ", ".\n");
        let end = if lines.ends_with('.') || lines.is_empty() { "" } else { "." };
        let _ = writeln!(section, "{}{end}", protected(&lines));
    }
}

/// What stands between backticks, and options, in bold.
fn marked(text: &str) -> String {
    let mut written = String::new();
    for (place, piece) in text.split('`').enumerate() {
        if place % 2 == 1 {
            let _ = write!(written, "\\fB{}\\fR", escaped(piece));
            continue;
        }
        for word in piece.split_inclusive(' ') {
            let begin = word.find(|c: char| !matches!(c, '(' | '[')).unwrap_or(0);
            let (before, name) = word.split_at(begin);
            let letters = name.trim_start_matches('-');
            if name.len() == letters.len() || !letters.starts_with(|c: char| c.is_ascii_alphabetic()) {
                written.push_str(&word.replace('\\', "\\e"));
                continue;
            }
            let end = name.find(|c: char| c != '-' && !c.is_ascii_alphanumeric()).unwrap_or(name.len());
            let (name, behind) = name.split_at(end);
            let _ = write!(written, "{before}\\fB{}\\fR{behind}", escaped(name));
        }
    }
    written
}

/// As it is typed: a hyphen is a minus.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-")
}

/// No line is taken for a request.
fn protected(lines: &str) -> String {
    let lines = lines.split('\n').map(|line| match line.starts_with(['.', '\'']) {
        true => format!("\\&{line}"),
        false => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_by_hand_stays() {
        let page = ".SH NAME\na\n.SH OPTIONS\nold\n.TP\nmore\n.SH FILES\nb\n";
        let written = with_options(page, "new\n").expect("a page");
        assert_eq!(written, format!(".SH NAME\na\n.SH OPTIONS\n{NOTE}new\n.SH FILES\nb\n"));
        assert_eq!(with_options(&written, "new\n"), Some(written.clone()));
        assert_eq!(with_options(".SH NAME\n", ""), None);
    }

    #[test]
    fn options_and_words_in_backticks_are_bold() {
        let mut section = String::new();
        paragraphs(&mut section, "Not a pre-exec: with -o, `a-b` (--json).\nAt -1\n\nMore");
        let expected =
            "Not a pre-exec: with \\fB\\-o\\fR, \\fBa\\-b\\fR (\\fB\\-\\-json\\fR).\nAt -1.\n.br\nMore.\n";
        assert_eq!(section, expected);
        assert_eq!(protected(".x\n'y"), "\\&.x\n\\&'y");
    }

    #[test]
    fn an_option_s_head_has_all_that_is_typed() {
        let of = |arg: Arg| {
            let mut command = Command::new("c").arg(arg);
            command.build();
            head(command.get_arguments().next().expect("one"))
        };
        let output = Arg::new("o").short('o').long("output").value_name("FILE");
        assert_eq!(of(output), "\\fB\\-o\\fR \\fIFILE\\fR, \\fB\\-\\-output\\fR=\\fIFILE\\fR");
        let set =
            Arg::new("t").short('r').long("times").value_name("A[,B]").num_args(0..=1).require_equals(true);
        assert_eq!(of(set), "\\fB\\-r\\fR, \\fB\\-\\-times\\fR[=\\fIA\\fR[,\\fIB\\fR]]");
        let rest = Arg::new("e").long("exec").value_name("COMMAND").num_args(0..);
        assert_eq!(of(rest), "\\fB\\-\\-exec\\fR \\fICOMMAND\\fR...");
        assert_eq!(of(Arg::new("q").short('q').action(ArgAction::Count)), "\\fB\\-q\\fR");
    }
}
