//! Ways to run a workload: untraced, under the floor, under rstrace and under each of its peers.

use std::path::Path;

use crate::process;

/// A way to run a workload.
#[derive(Debug)]
pub struct Variant {
    /// How the page calls it.
    pub name: &'static str,
    /// Words in front of the workload's command. [`Words`] stands in for the upper-case ones.
    words: &'static [&'static str],
    /// Whether the tracer and what it traces share one CPU.
    pub pinned: bool,
}

const fn variant(name: &'static str, words: &'static [&'static str]) -> Variant {
    Variant { name, words, pinned: false }
}

const fn pinned(name: &'static str, words: &'static [&'static str]) -> Variant {
    Variant { name, words, pinned: true }
}

/// The program alone.
pub const UNTRACED: &str = "untraced";
/// Empty programs on the hooks that rstrace uses.
pub const FLOOR: &str = "empty programs (the floor)";
/// Everything traced, into a file.
pub const RSTRACE: &str = "rstrace";
/// The same on one CPU.
pub const RSTRACE_PINNED: &str = "rstrace, on one CPU";
/// With its children.
pub const RSTRACE_FOLLOW: &str = "rstrace -f";
/// The same, and rstrace is stopped, so that traced threads are held back at every return.
pub const RSTRACE_STOPPED: &str = "rstrace, on one CPU, stopped";
/// The program alone, on one CPU.
pub const UNTRACED_PINNED: &str = "untraced, on one CPU";
/// A narrow set.
pub const RSTRACE_OPEN: &str = "rstrace -e open";
/// Nothing but counted, with the time that calls took on a CPU.
pub const RSTRACE_COUNT: &str = "rstrace -c";
/// Likewise, by the clock.
pub const RSTRACE_COUNT_WALL: &str = "rstrace -c -w";
/// Likewise, without times.
pub const RSTRACE_COUNT_ALONE: &str = "rstrace -c -U calls,name";
/// Every system call.
pub const STRACE: &str = "strace";
/// The same on one CPU: no other CPU has to be woken up.
pub const STRACE_PINNED: &str = "strace, on one CPU";
/// A narrow set: stops only at the calls asked for.
pub const STRACE_SECCOMP: &str = "strace --seccomp-bpf, open";
/// Every system call.
pub const PERF: &str = "perf trace";
/// The same on one CPU.
pub const PERF_PINNED: &str = "perf trace, on one CPU";
/// A line with number, arguments and result for each call.
pub const BPFTRACE: &str = "bpftrace";

/// Number, three arguments and the result of each call, at its return: as near to rstrace's line as it gets.
const BPFTRACE_PROGRAM: &str = "\
tracepoint:raw_syscalls:sys_enter /pid == cpid/ { \
  @call[tid] = (args->args[0], args->args[1], args->args[2]); } \
tracepoint:raw_syscalls:sys_exit /pid == cpid/ { \
  printf(\"%d %d(%lx, %lx, %lx) = %ld\\n\", tid, args->id, @call[tid].0, @call[tid].1, @call[tid].2, args->ret); \
  delete(@call[tid]); } \
END { clear(@call); }";

/// All of them.
pub const ALL: &[Variant] = &[
    variant(UNTRACED, &[]),
    pinned(UNTRACED_PINNED, &[]),
    variant(FLOOR, &["FLOOR", "--"]),
    variant(RSTRACE, &["RSTRACE", "--stats", "FOLLOW", "-o", "FILE", "--"]),
    pinned(RSTRACE_PINNED, &["RSTRACE", "--stats", "FOLLOW", "-o", "FILE", "--"]),
    variant(RSTRACE_FOLLOW, &["RSTRACE", "--stats", "-f", "-o", "FILE", "--"]),
    pinned(RSTRACE_STOPPED, &["RSTRACE", "--stats", "FOLLOW", "-o", "FILE", "--"]),
    variant(RSTRACE_OPEN, &["RSTRACE", "--stats", "FOLLOW", "-e", "open", "-o", "FILE", "--"]),
    variant(RSTRACE_COUNT, &["RSTRACE", "-c", "FOLLOW", "-o", "FILE", "--"]),
    variant(RSTRACE_COUNT_WALL, &["RSTRACE", "-c", "-w", "FOLLOW", "-o", "FILE", "--"]),
    variant(RSTRACE_COUNT_ALONE, &["RSTRACE", "-c", "-U", "calls,name", "FOLLOW", "-o", "FILE", "--"]),
    variant(STRACE, &["strace", "FOLLOW", "-o", "FILE", "--"]),
    pinned(STRACE_PINNED, &["strace", "FOLLOW", "-o", "FILE", "--"]),
    variant(
        STRACE_SECCOMP,
        &["strace", "-f", "--seccomp-bpf", "-e", "trace=open,openat", "-o", "FILE", "--"],
    ),
    variant(PERF, &["perf", "trace", "-o", "FILE", "--"]),
    pinned(PERF_PINNED, &["perf", "trace", "-o", "FILE", "--"]),
    variant(BPFTRACE, &["bpftrace", "-o", "FILE", "-e", BPFTRACE_PROGRAM, "-c"]),
];

/// What the upper-case words of a variant stand for.
#[derive(Debug)]
pub struct Words<'a> {
    /// The `rstrace` command.
    pub rstrace: &'a str,
    /// The program that attaches empty programs.
    pub floor: &'a str,
    /// Where traces go.
    pub file: &'a str,
    /// Whether children are traced too.
    pub follow: bool,
}

impl Variant {
    /// The whole command line.
    pub fn command(&self, words: &Words<'_>, command: &[String]) -> Vec<String> {
        let mut line: Vec<String> = Vec::new();
        if self.pinned {
            line.extend(["taskset", "-c", "0"].map(str::to_owned));
        }
        line.extend(self.words.iter().filter_map(|&word| match word {
            "RSTRACE" => Some(words.rstrace.to_owned()),
            "FLOOR" => Some(words.floor.to_owned()),
            "FILE" => Some(words.file.to_owned()),
            "FOLLOW" => words.follow.then(|| "-f".to_owned()),
            other => Some(other.to_owned()),
        }));
        if self.name == BPFTRACE {
            // it takes the command as one word, divides it at the spaces, and wants a path
            let program = process::find(&command[0]).map(|path| path.to_string_lossy().into_owned());
            let words = [&[program.unwrap_or_else(|| command[0].clone())], &command[1..]].concat();
            line.push(words.join(" "));
        } else {
            line.extend_from_slice(command);
        }
        line
    }

    /// Whether it prints a table of how many calls there were.
    pub fn counts(&self) -> bool {
        self.words.contains(&"-c") && self.words.first() == Some(&"RSTRACE")
    }

    /// Why it cannot run here, if its program is missing.
    pub fn missing(&self) -> Option<String> {
        let program = *self.words.first()?;
        let is_ours = program.chars().all(char::is_uppercase);
        let found = is_ours || Path::new(program).is_file() || process::find(program).is_some();
        (!found).then(|| format!("{program} is not installed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, follow: bool) -> String {
        let words = Words { rstrace: "/r", floor: "/f", file: "out", follow };
        let variant = ALL.iter().find(|variant| variant.name == name).unwrap();
        variant.command(&words, &["prog".to_owned(), "3".to_owned()]).join("|")
    }

    #[test]
    fn a_command_stands_behind_its_tracer() {
        assert_eq!(line(UNTRACED, false), "prog|3");
        assert_eq!(line(STRACE_PINNED, true), "taskset|-c|0|strace|-f|-o|out|--|prog|3");
        assert_eq!(line(RSTRACE_OPEN, false), "/r|--stats|-e|open|-o|out|--|prog|3");
        assert!(line(BPFTRACE, false).ends_with("|-c|prog 3"));
    }
}
