//! Options of how much of a call is shown, and in which notation.

use clap::{ArgMatches, Args, ValueEnum};
use rstrace_core::describe::Constants;

/// How calls are shown.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output format")]
pub struct Shown {
    /// How to show named constants and flags
    #[arg(short = 'X', long = "const-print-style", value_name = "STYLE", value_enum, default_value_t)]
    pub constants: ConstantStyle,

    /// Abbreviate structures and lists of these calls only: -v is --abbrev=none
    ///
    /// Sets of calls are those of `-e trace=`; also as `-e abbrev=`SET.
    #[arg(long, value_name = "SET")]
    pub abbrev: Vec<String>,

    /// Show structures and lists of these calls only, of others their addresses
    ///
    /// Also as `-e verbose=`SET.
    #[arg(long = "verbose", value_name = "SET")]
    pub followed: Vec<String>,

    /// Show these calls undecoded: their arguments and results in hex
    ///
    /// Also as `-e raw=`SET.
    #[arg(long, value_name = "SET")]
    pub raw: Vec<String>,

    /// Dump what is read from these descriptors: 3,5 or all others by !, all, none
    ///
    /// Also as `-e read=`SET.
    #[arg(long, value_name = "SET")]
    pub read: Vec<String>,

    /// Dump what is written to these descriptors
    ///
    /// Also as `-e write=`SET.
    #[arg(long, value_name = "SET")]
    pub write: Vec<String>,
}

/// How named constants are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ConstantStyle {
    /// As numbers
    Raw,
    /// By their names
    #[default]
    Abbrev,
    /// As numbers, and their names as comments
    Verbose,
}

impl From<ConstantStyle> for Constants {
    fn from(style: ConstantStyle) -> Self {
        match style {
            ConstantStyle::Raw => Self::Raw,
            ConstantStyle::Abbrev => Self::Abbrev,
            ConstantStyle::Verbose => Self::Verbose,
        }
    }
}

/// The options that say what `-e` says with these words before the set.
const QUALIFIERS: &[(&str, &str)] = &[
    ("abbrev", "abbrev="),
    ("followed", "verbose="),
    ("raw", "raw="),
    ("read", "read="),
    ("write", "write="),
    ("trace_fds", "trace-fds="),
];

/// All that `-e` and options with the same meaning say, in the order of the command line, as if each were a `-e`.
/// `exprs`: the values of `-e`.
pub fn in_order(matches: &ArgMatches, exprs: &[String]) -> Vec<String> {
    let indices = |id| matches.indices_of(id).into_iter().flatten();
    let mut said: Vec<_> = indices("exprs").zip(exprs.iter().cloned()).collect();
    for (id, qualifier) in QUALIFIERS {
        let sets = matches.get_many::<String>(id).into_iter().flatten();
        said.extend(indices(id).zip(sets.map(|set| format!("{qualifier}{set}"))));
    }
    if matches.get_count("verbose") > 0 {
        said.extend(indices("verbose").next_back().map(|index| (index, "abbrev=none".to_owned())));
    }
    said.sort_by_key(|(index, _)| *index);
    said.into_iter().map(|(_, expr)| expr).collect()
}

#[cfg(test)]
mod tests {
    use crate::cli::Cli;

    #[test]
    fn what_means_the_same_is_in_the_order_of_the_command_line() {
        let words = "rstrace -e raw=read --abbrev=%file -v --raw=all --read 3 -e open --verbose=none \
                     --write=!5 --trace-fds=7 --read=none true";
        let cli = Cli::recognise(words.split_whitespace()).expect("a command line");
        let expected = "raw=read abbrev=%file abbrev=none raw=all read=3 open verbose=none write=!5 trace-fds=7 \
                        read=none";
        assert_eq!(cli.exprs, expected.split_whitespace().collect::<Vec<_>>());
    }
}
