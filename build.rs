//! Compiles the protos in pure Rust: no system protoc is needed.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

const QUESTIONS: &str = "rolegate/v1/authorization.proto";
const ADMIN: &str = "rolegate/v1/role_admin.proto";
const CODEC: &str = "crate::grpc::codec::GuardedCodec";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile([QUESTIONS, ADMIN], ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("rolegate.v1.bin"), prost_bytes(&descriptors))?;
    tonic_prost_build::configure().codec_path(CODEC).compile_fds(descriptors)?;
    served(&out.join("served"))
}

/// The service of questions once more, as it is served: batches come in unread, and their replies go out as bytes.
fn served(folder: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    tonic_prost_build::configure()
        .build_client(false)
        .codec_path(CODEC)
        .out_dir(folder)
        .extern_path(".rolegate.v1", "crate::grpc::proto")
        .extern_path(".rolegate.v1.BatchCheckRequest", "crate::grpc::batch::Unread")
        .extern_path(".rolegate.v1.BatchCheckResponse", "crate::grpc::batch::Reply")
        .compile_fds(protox::compile([QUESTIONS], ["proto"])?)?;
    Ok(())
}

fn prost_bytes(descriptors: &impl prost::Message) -> Vec<u8> {
    descriptors.encode_to_vec()
}
