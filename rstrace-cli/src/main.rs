//! The `rstrace` command.

mod output;

fn main() {}
