//! Compiles the contract for the load and for the no-op server, neither of which takes anything of rolegate's own.

use std::error::Error;

const CONTRACT: [&str; 1] = ["rolegate/v1/authorization.proto"];
const FOLDER: &str = "../../proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={FOLDER}");
    let descriptors = protox::compile(CONTRACT, [FOLDER])?;
    tonic_prost_build::configure().build_client(false).compile_fds(descriptors)?;
    Ok(())
}
