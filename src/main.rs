//! The `rolegate` command.

use rolegate::cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(cli) => cli::block_on(cli::run(cli)),
        Err(code) => code,
    }
}
