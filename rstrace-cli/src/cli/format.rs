//! Options of what a line looks like.

use clap::{ArgAction, Args, ValueEnum};

/// What a line looks like.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output format")]
pub struct Format {
    /// Write objects of JSON, one a line, instead of lines of text
    ///
    /// The first, of the type `start`, says the version of the form, the last, of the type `end`, the account.
    /// Options that are about lines and tables of text (-a, -c, -C, -i, -n, -N, -qq, -r, -t, -T, -x, -X, --color,
    /// --read, --write) are refused with it.
    #[arg(long)]
    pub json: bool,

    /// Show the time before each line: -tt with microseconds, -ttt as seconds since 1970
    ///
    /// It is the time of day; of a call, that of its entry.
    #[arg(short = 't', action = ArgAction::Count)]
    pub time: u8,

    /// Likewise by words: none, time or unix; s, ms, us or ns
    #[arg(long, value_name = "[FORMAT][,PRECISION]", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "time")]
    pub absolute_timestamps: Option<String>,

    /// Show the time since the line before, in s, ms, us (the default) or ns
    #[arg(short = 'r', long, value_name = "PRECISION", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "us")]
    pub relative_timestamps: Option<String>,

    /// Show how long each call took, in s, ms, us (the default) or ns
    #[arg(short = 'T', long, value_name = "PRECISION", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "us")]
    pub syscall_times: Option<String>,

    /// Show the number of each system call
    ///
    /// Other lines have that of the thread's latest call.
    #[arg(short = 'n', long)]
    pub syscall_number: bool,

    /// Show where the program goes on after each system call: its instruction pointer
    ///
    /// Before a signal it is where that found the program.
    #[arg(short = 'i', long)]
    pub instruction_pointer: bool,

    /// Show the stack of the functions that each system call was made from
    ///
    /// It stands behind the call, the innermost function first: ` > FILE(FUNCTION+0xOFFSET) [0xOFFSET-IN-FILE]`. With
    /// -kk its line of source follows, if the file has debug information.
    /// A last line says so where the stack has more frames than are shown. The frames of a call that never returns
    /// stand behind the end of its thread; signals have none.
    #[arg(short = 'k', action = ArgAction::Count)]
    pub stacks: u8,

    /// Likewise by a word
    #[arg(long, alias = "stack-traces", value_name = "KIND", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "symbol")]
    pub stack_trace: Option<StackTrace>,

    /// Show at most so many frames of a stack
    #[arg(long, value_name = "LIMIT", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    pub stack_trace_frame_limit: u32,

    /// Show the name of each argument
    #[arg(short = 'N', long)]
    pub arg_names: bool,

    /// Show what descriptors are: the paths of files, and what others have instead; -yy also devices, the ends of
    /// sockets, and the processes of pidfds
    #[arg(short = 'y', action = ArgAction::Count)]
    pub files: u8,

    /// Likewise by words: path, dev, socket, pidfd, all or none
    ///
    /// With commas between; a `!` before the list stands for all others. Also as `-e decode-fds=`SET.
    #[arg(long, alias = "decode-fd", value_name = "SET", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "path")]
    pub decode_fds: Option<String>,

    /// Show the names of processes and threads behind their ids
    ///
    /// As they are when the call is entered or returns: `kill(815<sleep>, SIGTERM)`.
    #[arg(short = 'Y')]
    pub names: bool,

    /// If ids are those of a PID namespace, show what they are in the initial one too
    ///
    /// That is the one of the ids at the beginning of lines: `kill(2 /* 815 in strace's PID NS */, SIGTERM)`.
    #[arg(long)]
    pub pidns_translation: bool,

    /// Likewise by words: comm (-Y), pidns (--pidns-translation), all or none
    ///
    /// Also as `-e decode-pids=`SET.
    #[arg(long, alias = "decode-pid", value_name = "SET", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "comm")]
    pub decode_pids: Option<String>,

    /// Show the thread's id on every line
    #[arg(long)]
    pub always_show_pid: bool,

    /// Colour the lines: always, never, or on a terminal unless NO_COLOR is set
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    pub color: When,

    /// Write the lines of each thread to a file of its own: that of -o with a dot and its id. -ff is this and -f
    ///
    /// It is refused with -c, -C, --json and a command as -o.
    #[arg(long)]
    pub output_separately: bool,

    /// Append to the file of -o
    #[arg(short = 'A', long)]
    pub output_append_mode: bool,
}

impl Format {
    /// What is shown of stacks, if they are.
    pub fn stack_trace(&self) -> Option<StackTrace> {
        self.stack_trace.or(match self.stacks {
            0 => None,
            1 => Some(StackTrace::Symbol),
            _ => Some(StackTrace::Source),
        })
    }
}

/// What is shown of a frame of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StackTrace {
    /// The file and the function (-k)
    Symbol,
    /// And the line of source (-kk)
    Source,
}

/// When something is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// Where it is of use
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}
