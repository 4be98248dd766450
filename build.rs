//! Compiles the protos in pure Rust: no system protoc is needed. Says where functions lie in the release.

use std::{
    collections::BTreeSet,
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

const QUESTIONS: &str = "rolegate/v1/authorization.proto";
const ADMIN: &str = "rolegate/v1/role_admin.proto";
const DESCRIPTION: &str = "src/platform/api/openapi.json";
const CODEC: &str = "crate::grpc::codec::GuardedCodec";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile([QUESTIONS, ADMIN], ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("rolegate.v1.bin"), prost_bytes(&descriptors))?;
    tonic_prost_build::configure().codec_path(CODEC).compile_fds(descriptors)?;
    served(&out.join("served"))?;
    describe(&out.join("openapi.json"))?;
    lay_out(&out.join("layout.ld"))
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
