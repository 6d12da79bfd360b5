//! The `rstrace` command.

mod cli;
mod options;
mod output;

fn main() {}
