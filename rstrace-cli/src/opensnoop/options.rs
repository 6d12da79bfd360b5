//! What opensnoop's command line asks for, validated: from here on nothing can be wrong with it.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use rstrace_core::{Filter, Loss, MAX_NAME, Name, Statuses, Target};
use rstrace_probes::open::context::{Context, Opens};
use rstrace_probes::open::{SYSCALLS, WantedFlags};

use super::cli::Cli;
use super::table::Columns;
use crate::cli;
use crate::options::{Error, pid_list, refuse, uid};

/// Pages of the buffer at most: what an `int` of the kernel's interface holds.
const MAX_PAGES: u32 = 1 << 18;

/// What to do.
#[derive(Debug)]
pub enum Task {
    /// Say what the machine offers.
    Doctor,
    /// Trace.
    Trace(Box<Options>),
}

/// How to trace.
#[derive(Debug)]
pub struct Options {
    /// For the session.
    pub session: rstrace_core::Options,
    /// Only calls with these flags.
    pub flags: Option<WantedFlags>,
    /// Whether paths are made absolute.
    pub full_path: bool,
    /// What stands in the table; `None`: JSON instead of it.
    pub columns: Option<Columns>,
    /// The file to write to; standard output if there is none.
    pub output: Option<PathBuf>,
    /// Whether more is said.
    pub verbose: bool,
    /// Whether the account is printed.
    pub stats: bool,
    /// Whether a lost open is a failure.
    pub strict: bool,
}

impl Options {
    /// The probe that these options ask for.
    pub fn probe(&self) -> Opens {
        let calls = self.flags.as_ref().map_or_else(|| SYSCALLS.to_vec(), WantedFlags::syscalls);
        Opens::only(&calls, if self.full_path { Context::FullPath } else { Context::Identity })
    }
}

impl Task {
    /// Checks what was recognised on the command line.
    pub fn new(cli: Cli) -> Result<Self, Error> {
        if cli.doctor {
            return Ok(Self::Doctor);
        }
        let flags = if cli.flag_filter.is_empty() { None } else { Some(wanted_flags(&cli.flag_filter)?) };
        let target = target(cli.exec, cli.command, &cli.pids, cli.tid, cli.follow)?;
        let session = rstrace_core::Options {
            callers: false,
            stacks: None,
            pointers: false,
            interrupts: Default::default(),
            let_go: false,
            kill: false,
            counting: None,
            backend: cli.backend.forced(),
            transport: cli.transport.forced(),
            buffer: cli.buffer_pages.map(buffer).transpose()?,
            uid: cli.uid.as_deref().map(|user| uid("-u", user)).transpose()?,
            signals: None,
            loss: loss(cli.loss, &target),
            filter: Filter {
                name: cli.name.map(name).transpose()?,
                // of those that never return it is not known
                statuses: if cli.failed { all_but_successful() } else { Statuses::ALL },
                cgroups: cli.cgroupmap,
                mount_namespaces: cli.mntnsmap,
                args: flags.as_ref().map(WantedFlags::filters).unwrap_or_default(),
                ..Filter::default()
            },
            calls: None,
            duration: cli.duration.as_deref().map(duration).transpose()?,
            target,
        };
        let columns = Columns {
            timestamp: cli.timestamp,
            uid: cli.print_uid,
            tid: cli.tid.is_some(),
            extended: cli.extended_fields,
        };
        Ok(Self::Trace(Box::new(Options {
            session,
            flags,
            full_path: cli.full_path,
            columns: (!cli.json).then_some(columns),
            output: cli.output,
            verbose: cli.verbose,
            stats: cli.stats || cli.verbose,
            strict: cli.strict,
        })))
    }
}

fn target(
    exec: Vec<OsString>,
    command: Vec<OsString>,
    pids: &[String],
    tid: Option<u32>,
    follow: bool,
) -> Result<Target, Error> {
    let runs = !exec.is_empty() || !command.is_empty();
    if runs && (tid.is_some() || !pids.is_empty()) {
        refuse!("a command is traced from its start: leave out -p and -t, or the command");
    }
    if !exec.is_empty() {
        return Ok(Target::Launch {
            argv: exec,
            argv0: None,
            env: Vec::new(),
            user: None,
            follow: true,
            apart: None,
        });
    }
    if runs {
        return Ok(Target::Launch {
            argv: command,
            argv0: None,
            env: Vec::new(),
            user: None,
            follow,
            apart: None,
        });
    }
    let pids = if pids.is_empty() { Vec::new() } else { pid_list(pids)? };
    if let Some(tid) = tid {
        if follow {
            refuse!("--follow is for a command or the processes of -p: leave it out with -t");
        }
        let is_of = |pid: &u32| std::fs::metadata(format!("/proc/{pid}/task/{tid}")).is_ok();
        if !pids.is_empty() && !pids.iter().any(is_of) {
            refuse!("-t {tid} is no thread of the processes of -p");
        }
        return Ok(Target::Thread(tid));
    }
    match (pids.is_empty(), follow) {
        (false, _) => Ok(Target::Processes { pids, follow }),
        (true, false) => Ok(Target::All),
        (true, true) => {
            refuse!("--follow is for a command or the processes of -p: without them all are traced")
        }
    }
}

/// Who is named waits rather than that opens are lost; the whole machine does not.
fn loss(given: Option<cli::Loss>, target: &Target) -> Loss {
    match given {
        Some(cli::Loss::Never) => Loss::Never,
        Some(cli::Loss::Drop) => Loss::Drop,
        None if matches!(target, Target::All) => Loss::Drop,
        None => Loss::Never,
    }
}

fn wanted_flags(names: &[String]) -> Result<WantedFlags, Error> {
    let names: Vec<_> = names.iter().flat_map(|names| names.split(['|', ','])).map(str::trim).collect();
    match WantedFlags::named(&names) {
        Ok(wanted) => Ok(wanted),
        Err(name) => refuse!("-f {}: not a flag of open(2): give O_CREAT, for example", name.escape_debug()),
    }
}

fn name(name: OsString) -> Result<Name, Error> {
    let bytes = name.into_vec();
    if bytes.len() > MAX_NAME {
        let shown = String::from_utf8_lossy(&bytes).escape_debug().to_string();
        refuse!(
            "-n {shown}: the kernel keeps the first {MAX_NAME} bytes of a name: give a part that is no longer"
        );
    }
    Ok(Name { part: bytes, begins: false, ends: false })
}

fn duration(seconds: &str) -> Result<Duration, Error> {
    let parsed = seconds.parse().ok().filter(|seconds| *seconds > 0.0);
    match parsed.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        Some(duration) => Ok(duration),
        None => refuse!("-d {}: give a number of seconds above 0", seconds.escape_debug()),
    }
}

fn all_but_successful() -> Statuses {
    Statuses::of_bits(Statuses::ALL.bits() & !Statuses::SUCCESSFUL.bits())
}

/// Pages to bytes.
fn buffer(pages: u32) -> Result<usize, Error> {
    if !pages.is_power_of_two() || pages > MAX_PAGES {
        refuse!("-b {pages}: give a power of two of pages, at most {MAX_PAGES}");
    }
    // SAFETY: asks for a number.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    Ok(pages as usize * page as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(words: &[&str]) -> Result<Task, Error> {
        Task::new(Cli::recognise(["opensnoop"].iter().chain(words).copied()).expect("a command line"))
    }

    fn options(words: &[&str]) -> Box<Options> {
        match task(words) {
            Ok(Task::Trace(options)) => options,
            other => panic!("{words:?}: {other:?}"),
        }
    }

    fn error(words: &[&str]) -> String {
        task(words).expect_err("refused").to_string()
    }

    #[test]
    fn without_a_target_everything_is_traced() {
        let options = options(&[]);
        assert!(matches!(options.session.target, Target::All));
        assert!(options.session.duration.is_none() && options.session.buffer.is_none());
        assert_eq!(options.columns, Some(Columns::default()));
    }

    #[test]
    fn exec_follows_and_a_command_does_only_if_told() {
        let follows = |words: &[&str]| options(words).session.target.follows();
        assert!(follows(&["--exec", "true"]));
        assert!(!follows(&["true"]));
        assert!(follows(&["--follow", "true"]));
        assert!(follows(&["--follow", "-p", "1"]));
        assert!(!follows(&["-p", "1"]));
    }

    #[test]
    fn a_thread_of_another_process_is_refused() {
        let own = std::process::id().to_string();
        assert!(matches!(options(&["-t", &own, "-p", &own]).session.target, Target::Thread(_)));
        assert!(error(&["-t", "1", "-p", &own]).starts_with("-t 1 is no thread"));
    }

    #[test]
    fn a_duration_may_have_a_fraction() {
        assert_eq!(options(&["-d", "10"]).session.duration, Some(Duration::from_secs(10)));
        assert_eq!(options(&["-d", "0.5"]).session.duration, Some(Duration::from_millis(500)));
        for bad in ["0", "-1", "x", "NaN", "inf", "1e300"] {
            assert!(error(&[&format!("-d{bad}")]).contains("seconds"), "{bad}");
        }
    }

    #[test]
    fn a_buffer_is_a_power_of_two_of_pages() {
        assert_eq!(options(&["-b", "64"]).session.buffer, Some(64 * 4096));
        for bad in ["0", "3", "524288"] {
            assert!(error(&["-b", bad]).starts_with(&format!("-b {bad}: ")));
        }
    }

    #[test]
    fn a_name_that_no_thread_can_have_is_refused() {
        assert_eq!(
            options(&["-n", "123456789012345"]).session.filter.name.map(|name| name.part),
            Some(b"123456789012345".to_vec())
        );
        assert!(error(&["-n", "1234567890123456"]).contains("15 bytes"));
    }

    #[test]
    fn flags_may_be_written_as_they_are_shown() {
        let one = options(&["-f", "O_WRONLY|O_CREAT"]).flags.clone();
        assert_eq!(one, options(&["-f", "O_WRONLY", "-f", "O_CREAT"]).flags);
        assert!(error(&["-f", "WRONLY"]).starts_with("-f WRONLY: not a flag"));
    }

    #[test]
    fn a_command_has_no_other_target() {
        assert!(error(&["-p", "1", "true"]).contains("leave out -p"));
        assert!(error(&["-t", "1", "--exec", "true"]).contains("leave out -p and -t"));
        assert!(error(&["--follow"]).contains("without them all are traced"));
        assert!(error(&["--follow", "-t", "1"]).contains("with -t"));
    }

    #[test]
    fn verbose_is_with_the_account() {
        assert!(options(&["-v"]).stats && options(&["--stats"]).stats && !options(&[]).stats);
    }
}
