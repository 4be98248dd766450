//! Compiles the protos in pure Rust: no system protoc is needed.

use prost::Message as _;
use prost_types::{FileDescriptorSet, MethodDescriptorProto};
use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

const QUESTIONS: &str = "rolegate/v1/authorization.proto";
const ADMIN: &str = "rolegate/v1/role_admin.proto";
const ADMINISTRATION: &str = "rolegate.v1.RoleAdminService";
const CODEC: &str = "crate::grpc::codec::GuardedCodec";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=../proto");
    let descriptors = protox::compile([QUESTIONS, ADMIN], ["../proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("rolegate.v1.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().codec_path(CODEC).compile_fds(descriptors.clone())?;
    calls(&descriptors, &out.join("calls.rs"))?;
    served(&descriptors, &out.join("served"))
}

/// The calls of one message each way, each with its service.
fn unary(descriptors: &FileDescriptorSet) -> impl Iterator<Item = (String, &MethodDescriptorProto)> {
    let services =
        descriptors.file.iter().flat_map(|file| file.service.iter().map(move |service| (file, service)));
    let methods = services.flat_map(|(file, service)| {
        let name = format!("{}.{}", file.package(), service.name());
        service.method.iter().map(move |method| (name.clone(), method))
    });
    methods.filter(|(_, method)| !method.client_streaming() && !method.server_streaming())
}

/// Says which message asks for what, and what answers it.
fn calls(descriptors: &FileDescriptorSet, out: &Path) -> Result<(), Box<dyn Error>> {
    let mut code = String::new();
    for (service, method) in unary(descriptors) {
        let [asked, answer] = [method.input_type(), method.output_type()]
            .map(|name| name.rsplit('.').next().unwrap_or_default());
        writeln!(
            code,
            "impl crate::grpc::rpc::Rpc for {asked} {{ type Reply = {answer}; const PATH: &'static str = \"/{service}/{}\"; }}",
            method.name()
        )?;
    }
    Ok(fs::write(out, code)?)
}

/// The services once more, as they are served: batches come in unread, and their replies go out as bytes; so does all of
/// administration that is one message each way.
fn served(descriptors: &FileDescriptorSet, folder: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    let mut services = tonic_prost_build::configure()
        .build_client(false)
        .codec_path(CODEC)
        .out_dir(folder)
        .extern_path(".rolegate.v1", "crate::grpc::proto")
        .extern_path(".rolegate.v1.BatchCheckRequest", "crate::grpc::batch::Unread")
        .extern_path(".rolegate.v1.BatchCheckResponse", "crate::grpc::batch::Reply");
    for (_, method) in unary(descriptors).filter(|(service, _)| service == ADMINISTRATION) {
        for message in [method.input_type(), method.output_type()] {
            services = services.extern_path(message, "crate::grpc::rpc::Encoded");
        }
    }
    Ok(services.compile_fds(descriptors.clone())?)
}
