//! The `rstrace` command.
fn main() {}
