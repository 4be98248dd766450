//! Compiles the protos in pure Rust: no system protoc is needed. Says where functions lie in the release.

use prost_types::{FileDescriptorSet, MethodDescriptorProto};
use std::{
    collections::BTreeSet,
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

const QUESTIONS: &str = "rolegate/v1/authorization.proto";
const ADMIN: &str = "rolegate/v1/role_admin.proto";
const DESCRIPTION: &str = "src/platform/api/openapi.json";
const ADMINISTRATION: &str = "rolegate.v1.RoleAdminService";
const CODEC: &str = "crate::grpc::codec::GuardedCodec";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile([QUESTIONS, ADMIN], ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("rolegate.v1.bin"), prost_bytes(&descriptors))?;
    tonic_prost_build::configure().codec_path(CODEC).compile_fds(descriptors.clone())?;
    calls(&descriptors, &out.join("calls.rs"))?;
    served(&descriptors, &out.join("served"))?;
    describe(&out.join("openapi.json"))?;
    lay_out(&out.join("layout.ld"))
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
        let message = |name: &str| name.rsplit('.').next().map(str::to_owned).unwrap_or_default();
        let (asked, answer) = (message(method.input_type()), message(method.output_type()));
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

/// What describes the API over HTTP, as it is sent: not as it is read, for half of that is room at the start of lines.
fn describe(sent: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={DESCRIPTION}");
    Ok(fs::write(sent, fs::read_to_string(DESCRIPTION)?.lines().map(str::trim_start).collect::<String>())?)
}

/// Lays what a server executes between its start and its first answers beside each other: the kernel maps much around whatever
/// is touched of a program, which should be more of the same. `layout/observe.py` finds out what that is.
fn lay_out(script: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=layout/started.txt");
    println!("cargo:rerun-if-env-changed=RELEASE_LAYOUT");
    let is = |name, value| env::var(name).is_ok_and(|set| set == value);
    // Not all linkers read scripts: whoever uses such a one goes without.
    if !is("PROFILE", "release") || !is("CARGO_CFG_TARGET_OS", "linux") || is("RELEASE_LAYOUT", "off") {
        return Ok(());
    }
    let list = fs::read_to_string("layout/started.txt")?;
    let names = || list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    // What compilers take for unlikely to be called has sections with names of another kind.
    let place = |name: &str| format!("*(.text.{name} .text.unlikely.{name})\n");
    // First those that are known by their hashes; then all that have their names but for those. With another compiler, and of
    // what has other types now, only the latter are found: the same and much more, less dense.
    let known = names().map(place);
    let alike = names().filter_map(without_hash).collect::<BTreeSet<_>>();
    let alike = alike.iter().map(|name| place(&format!("{name}17h*")));
    let places: String = known.chain(alike).collect();
    fs::write(script, format!("SECTIONS {{ .text.started : {{\n{places}}} }} INSERT BEFORE .text;\n"))?;
    println!("cargo:rustc-link-arg-bins=-T{}", script.to_str().ok_or("the path of the build must be text")?);
    Ok(())
}

/// A function's name without its hash, if it has one: 16 digits at its end, but for what tells namesakes apart.
fn without_hash(name: &str) -> Option<&str> {
    let (name, hash) = name.strip_suffix(".*").unwrap_or(name).strip_suffix('E')?.rsplit_once("17h")?;
    (hash.len() == 16).then_some(name)
}

fn prost_bytes(descriptors: &impl prost::Message) -> Vec<u8> {
    descriptors.encode_to_vec()
}
