//! The options that choose among the calls of the target.

use clap::{ArgMatches, Args};
use std::ffi::OsString;
use std::path::PathBuf;

/// Which calls.
#[derive(Debug, Default, Args)]
pub struct Filters {
    /// Show only calls that access this path: by an argument, or by a descriptor of it
    ///
    /// A descriptor counts if its file has the path then. It can be repeated.
    #[arg(short = 'P', long = "trace-path", value_name = "PATH", help_heading = "Filtering")]
    pub paths: Vec<PathBuf>,

    /// Show only calls with one of these descriptors for an argument: 3,5 or all others by !, all, none
    ///
    /// Numbers with commas between; also as `-e trace-fds=`SET. With -P, one of the two is enough.
    #[arg(long, value_name = "SET", help_heading = "Filtering")]
    pub trace_fds: Vec<String>,

    /// Show only calls that ended so: successful, failed, unfinished, unavailable, detached, or all others by !
    ///
    /// In `unfinished` ones their thread ended, in `detached` ones tracing did; `unavailable` are none. Also as `-e
    /// status=`SET. The last of this, -z and -Z counts.
    #[arg(long, value_name = "SET", help_heading = "Filtering")]
    pub status: Option<String>,

    /// Show only calls that returned no error
    #[arg(short = 'z', long, help_heading = "Filtering")]
    pub successful_only: bool,

    /// Show only calls that returned an error
    ///
    /// Interrupted ones too.
    #[arg(short = 'Z', long, help_heading = "Filtering")]
    pub failed_only: bool,

    /// Show only calls that failed with one of these errors: ENOENT,EACCES or all others by !
    #[arg(long, value_name = "SET", help_heading = "Filtering")]
    pub errno: Option<String>,

    /// Show only calls that took at least so long: 10ms, 500us, 1s
    ///
    /// A call whose entry was not seen is shown.
    #[arg(long, value_name = "TIME", help_heading = "Filtering")]
    pub duration: Option<String>,

    /// Show only the calls of threads with this name, or with one that begins or ends so: NAME, NAME*, *NAME, *NAME*
    ///
    /// Without another target: of all processes.
    #[arg(long, value_name = "NAME", help_heading = "Filtering")]
    pub comm: Option<OsString>,

    /// Show only the calls of processes in this cgroup (of version 2), and those below: its folder
    ///
    /// Without another target: of all processes.
    #[arg(long, value_name = "PATH", help_heading = "Filtering")]
    pub cgroup: Option<PathBuf>,

    /// End after so many calls; a command goes on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    #[arg(help_heading = "Tracing")]
    pub count: Option<u64>,

    /// Likewise, and say so
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    #[arg(conflicts_with = "count", help_heading = "Tracing")]
    pub syscall_limit: Option<u64>,

    /// End after so many seconds; a command goes on
    #[arg(long = "for", value_name = "SECONDS", help_heading = "Tracing")]
    pub seconds: Option<String>,

    /// What the last of -z, -Z, --status and -e status= says, and which of them that is.
    #[arg(skip)]
    pub last_status: Option<(&'static str, String)>,
}

impl Filters {
    /// Finds out which of the options that say the same came last. `exprs`: the values of `-e`.
    pub fn find_last_status(&mut self, matches: &ArgMatches, exprs: &[String]) {
        let mut said = Vec::new();
        let mut note = |index: Option<usize>, option, set: &str| {
            said.extend(index.map(|index| (index, (option, set.to_owned()))));
        };
        let last = |id| matches.indices_of(id).and_then(|mut indices| indices.next_back());
        note(last("successful_only").filter(|_| self.successful_only), "-z ", "successful");
        note(last("failed_only").filter(|_| self.failed_only), "-Z ", "failed");
        if let Some(set) = &self.status {
            note(last("status"), "--status=", set);
        }
        for (expr, index) in exprs.iter().zip(matches.indices_of("exprs").into_iter().flatten()) {
            if let Some(set) = expr.strip_prefix("status=") {
                note(Some(index), "-e status=", set);
            }
        }
        self.last_status = said.into_iter().max_by_key(|(index, _)| *index).map(|(_, last)| last);
    }
}
