//! What the documents show is what works.

use crate::{
    gears::prepared,
    scene::{serving, socket},
    server::{Server, Store},
};
use std::process::{Command, Output};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A server with the sample site.
async fn sample() -> (Store, Server) {
    let site = std::fs::read_to_string(format!("{ROOT}/examples/demo-site.yaml")).unwrap();
    let store = Store::with_site(&site);
    let server = serving(&store).await;
    (store, server)
}

/// Runs a script to its end, beside the server.
async fn works(mut script: Command, store: &Store) {
    script.env("DOCUMENT", format!("{ROOT}/docs/clients.md")).env("SOCKET", socket(store));
    let done = tokio::task::spawn_blocking(move || script.output().unwrap()).await.unwrap();
    succeeds(&done);
    assert!(String::from_utf8_lossy(&done.stdout).contains("all that is shown works"), "{done:?}");
}

fn succeeds(done: &Output) {
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[tokio::test]
async fn what_is_shown_in_python_and_for_grpcurl_works() {
    let (store, server) = sample().await;
    let (python, stubs) = prepared();
    let flags = ["python", "grpc_python"].map(|kind| format!("--{kind}_out={}", stubs.display()));
    let made = Command::new(python)
        .args(["-m", "grpc_tools.protoc", "-I", &format!("{ROOT}/proto"), "rolegate/v1/role_admin.proto"])
        .args(flags)
        .output();
    succeeds(&made.unwrap());
    let mut script = Command::new(python);
    script.args(["-B", &format!("{ROOT}/tests/examples/by_hand.py")]).env("PYTHONPATH", stubs);
    script.env("PORT", server.questions.trim_start_matches("http://"));
    script.env("ADMIN", server.admin.trim_start_matches("http://")).env("KEY", &store.key);
    works(script, &store).await;
}

#[tokio::test]
async fn what_is_shown_for_node_works() {
    let (store, _server) = sample().await;
    let packages = ["@grpc/grpc-js@1.14.7", "@grpc/proto-loader@0.8.1"];
    let made = Command::new(format!("{ROOT}/scripts/node-clients")).args(packages).output().unwrap();
    succeeds(&made);
    let mut script = Command::new("node");
    script.arg(format!("{ROOT}/tests/examples/by_hand.js")).env("PROTOS", format!("{ROOT}/proto"));
    script.env("MODULES", String::from_utf8(made.stdout).unwrap().trim());
    works(script, &store).await;
}

#[test]
fn what_is_shown_in_rust_is_what_the_example_does() {
    let read = |path: &str| std::fs::read_to_string(format!("{ROOT}/{path}")).unwrap();
    let (document, example) = (read("docs/clients.md"), read("examples/download-service/src/authorize.rs"));
    let shown: Vec<_> =
        document.split("```rust\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(!shown.is_empty());
    for line in shown.iter().flat_map(|block| block.lines()) {
        assert!(example.contains(line.trim()), "{line}");
    }
}
