//! The `opensnoop` command. All of it is in the library beside, which `rstrace` shares.

fn main() -> std::process::ExitCode {
    rstrace_cli::opensnoop::main()
}
