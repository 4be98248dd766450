//! The `rolegate` command.

use mimalloc::MiMalloc;
use rolegate::cli;
use std::process::ExitCode;

#[global_allocator]
static MEMORY: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(cli) => cli::block_on(cli::run(cli)),
        Err(code) => code,
    }
}
