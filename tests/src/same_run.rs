//! strace (ptrace) and rstrace (BPF) watch one and the same run: ids and addresses agree, nothing need be
//! normalised but what strace 6.1 prints otherwise than the notation that rstrace follows.

use std::collections::BTreeSet;

use crate::{Line, Program, Rstrace, Scratch, Trace, fixture};

/// `O_EMPTYPATH`, which strace 6.1 does not know.
const O_EMPTYPATH: u64 = 1 << 26;

/// Runs a command that both watch, strace with `-e trace=CALLS`, rstrace with `-e PROBES`: strace's trace, then
/// rstrace's.
///
/// strace starts a gate, which waits until rstrace is attached and then becomes the command.
#[track_caller]
pub fn watch_same_run(command: &[&str], calls: &str, probes: &str) -> (Trace, Trace) {
    let scratch = Scratch::new();
    let file = scratch.at("strace");
    let (gate, calls) = (fixture("gate"), format!("trace={calls}"));
    // -s: it limits the strings and the number of elements of an argv.
    let mut words = vec!["strace", "-f", "-s", "200000", "-e", &calls, "-o", &file, &gate];
    words.extend(command);
    let mut strace = Program::new(&words).with_stdin().start();
    let said = strace.wait_for_stdout("\n");
    let pid = said.trim().strip_prefix("pid ").and_then(|p| p.parse().ok()).expect("the gate says its pid");
    // the backend that sees what strace does; what the others do not is told in backends.rs
    let rstrace =
        Rstrace::tracing(probes).follow().and(&["-s", "200000", "--backend", "tracepoint"]).attach(pid);
    strace.tell(b"\n");
    strace.end_stdin();
    // How the command ends is its own business: traces are compared.
    strace.finish();
    let by_strace = std::fs::read(&file).expect("strace wrote its file");
    let mut by_strace = Trace::parse(&String::from_utf8_lossy(&by_strace));
    by_strace.lines.retain(|l| {
        // The gate's own start was before rstrace was there. Signals are not asked for (with
        // `-e signal=none` the lines of killed processes would be missing too). A thread that died before
        // strace knew in which call has no line.
        let gate_itself = l.text.starts_with(&format!("execve(\"{gate}\""));
        !gate_itself && !l.text.starts_with("--- ") && !l.text.starts_with("???(")
    });
    (by_strace, rstrace.finish().trace)
}

/// Fails the test where two traces of one run differ, line by line for each process.
#[track_caller]
pub fn assert_same_lines(by_strace: &Trace, by_rstrace: &Trace) {
    let (strace, rstrace) = (by_strace.by_pid(), by_rstrace.by_pid());
    let mut differences = Vec::new();
    let pids: BTreeSet<u32> = strace.keys().chain(rstrace.keys()).copied().collect();
    for pid in pids {
        let of = |lines: Option<&Vec<Line>>| -> Vec<Line> {
            let lines = lines.into_iter().flatten();
            // strace hides it with `-o` and a command, rstrace with `-p` must not.
            lines.filter(|l| !l.text.starts_with("[ Process ")).cloned().collect()
        };
        let (ours, theirs) = (of(rstrace.get(&pid)), of(strace.get(&pid)));
        let mut at = 0;
        while at < ours.len().max(theirs.len()) {
            if !same(theirs.get(at), ours.get(at)) {
                let shown = |l: Option<&Line>| l.map_or("(nothing)".to_owned(), |l| cut(&l.text));
                differences.push(format!(
                    "process {pid}, line {}:\n  strace  {}\n  rstrace {}",
                    at + 1,
                    shown(theirs.get(at)),
                    shown(ours.get(at))
                ));
                // What follows is shifted as a rule.
                break;
            }
            at += 1;
        }
    }
    assert!(!by_strace.lines.is_empty(), "strace showed nothing");
    assert!(differences.is_empty(), "{} processes differ:\n{}", differences.len(), differences.join("\n"));
}

fn same(strace: Option<&Line>, rstrace: Option<&Line>) -> bool {
    let (Some(strace), Some(rstrace)) = (strace, rstrace) else { return false };
    let ours = without_newer_names(&rstrace.text);
    if strace.joined || rstrace.joined || ours != rstrace.text {
        // Where the result stands then depends on what else stood on the line.
        let squeeze = |text: &str| text.split(' ').filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ");
        squeeze(&strace.text) == squeeze(&ours)
    } else {
        strace.text == rstrace.text
    }
}

/// With flags that strace 6.1 does not name in the hex rest, as it prints them.
fn without_newer_names(text: &str) -> String {
    let Some(at) = text.find("O_EMPTYPATH") else { return text.to_owned() };
    let outside = |c: char| " ,(){}=".contains(c);
    let start = text[..at].rfind(outside).map_or(0, |p| p + 1);
    let end = text[at..].find(outside).map_or(text.len(), |p| p + at);
    let mut names: Vec<&str> = text[start..end].split('|').filter(|n| *n != "O_EMPTYPATH").collect();
    let rest = names.last().and_then(|n| u64::from_str_radix(n.strip_prefix("0x")?, 16).ok());
    if rest.is_some() {
        names.pop();
    }
    let rest = format!("{:#x}", rest.unwrap_or(0) | O_EMPTYPATH);
    names.push(&rest);
    format!("{}{}{}", &text[..start], names.join("|"), &text[end..])
}

fn cut(text: &str) -> String {
    if text.len() <= 500 {
        return text.to_owned();
    }
    let chars: Vec<char> = text.chars().collect();
    let (start, end) = (&chars[..chars.len().min(300)], &chars[chars.len().saturating_sub(150)..]);
    format!("{} … {}", String::from_iter(start), String::from_iter(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same_texts(strace: &str, rstrace: &str) -> bool {
        std::panic::catch_unwind(|| assert_same_lines(&Trace::parse(strace), &Trace::parse(rstrace))).is_ok()
    }

    #[test]
    fn interruption_makes_no_difference() {
        let strace = "7     open(\"x\", O_RDONLY <unfinished ...>\n8     +++ exited with 0 +++\n\
                      7     <... open resumed>)               = 3\n";
        assert!(same_texts(
            strace,
            "8     +++ exited with 0 +++\n7     open(\"x\", O_RDONLY)              = 3\n"
        ));
    }

    #[test]
    fn padding_makes_a_difference() {
        assert!(!same_texts(
            "7     open(\"x\", O_RDONLY)              = 3\n",
            "7     open(\"x\", O_RDONLY) = 3\n"
        ));
    }

    #[test]
    fn a_missing_line_makes_a_difference() {
        let one = "7     open(\"x\", O_RDONLY)              = 3\n";
        assert!(!same_texts(&format!("{one}{one}"), one));
        assert!(!same_texts(one, &format!("{one}8     +++ exited with 0 +++\n")));
    }

    #[test]
    fn newer_flags_are_put_back_into_the_rest() {
        let old = "open(\".\", O_ACCMODE|FASYNC|0xff80003c, 0600) = 4";
        assert_eq!(
            without_newer_names("open(\".\", O_ACCMODE|O_EMPTYPATH|FASYNC|0xfb80003c, 0600) = 4"),
            old
        );
        assert_eq!(
            without_newer_names("open(\"f\", O_RDONLY|O_EMPTYPATH) = 4"),
            "open(\"f\", O_RDONLY|0x4000000) = 4"
        );
    }
}
