//! The `rstrace` command. All of it is in the library beside, which `opensnoop` shares.

fn main() -> std::process::ExitCode {
    rstrace_cli::rstrace()
}
