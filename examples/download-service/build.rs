//! Makes the client's stubs from the protos, without a system protoc. Elsewhere, copy `proto/` beside the service.

const PROTOS: &str = "../../proto";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed={PROTOS}");
    let contract = protox::compile(["rolegate/v1/authorization.proto"], [PROTOS])?;
    tonic_prost_build::configure().build_server(false).compile_fds(contract)?;
    Ok(())
}
