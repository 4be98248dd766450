//! The callers beside a sidecar as `deploy/kubernetes` sets it up, with the variables that its examples set.

use crate::{
    gears::Runner,
    scene::SITE,
    server::{Server, Store, until},
    service::Service,
};
use std::fs;

const COMPONENT: &str = include_str!("../../deploy/kubernetes/sidecar/kustomization.yaml");
const VIEWER: &str = include_str!("../../deploy/kubernetes/examples/viewer/deployment.yaml");
const JOB: &str = include_str!("../../deploy/kubernetes/examples/gear-runner/job.yaml");
const FILE: &str = "/projects/scans/files/a.dcm";
const KEY: &str = "0123456789abcdef0123456789abcdef0123456789ab";
/// What is the test's own, since it has no database and no ports that are settled.
const OTHERS: [&str; 4] = ["STORE_PASSWORD_FILE", "ADMIN_LISTEN", "METRICS_LISTEN", "LOG_FORMAT"];

/// A setting of a pod, with its files in the store's folder.
fn moved(value: &str, store: &Store) -> String {
    value
        .replace("/run/secrets/rolegate-caller/key", store.beside("key").to_str().unwrap())
        .replace("/run/rolegate/questions.sock", store.beside("questions.sock").to_str().unwrap())
        .replace("0.0.0.0:7700", "127.0.0.1:0")
}

/// A server with the component's settings, once callers must show this key.
async fn sidecar(store: &Store, key: &str) -> Server {
    fs::write(store.beside("key"), format!("{key}\n")).unwrap();
    let mut flags = Vec::new();
    for literal in COMPONENT.lines().filter_map(|line| line.trim().strip_prefix("- ROLEGATE_")) {
        let (name, value) = literal.split_once('=').unwrap();
        if !OTHERS.contains(&name) {
            flags.extend([format!("--{}", name.to_lowercase().replace('_', "-")), moved(value, store)]);
        }
    }
    Server::start_with(store, &flags.iter().map(String::as_str).collect::<Vec<_>>()).await
}

/// The variables that a manifest sets for its caller.
fn variables(manifest: &str, store: &Store) -> Vec<(String, String)> {
    let lines: Vec<_> = manifest.lines().map(str::trim).collect();
    let pairs = lines.windows(2).filter_map(|pair| {
        let value = pair[1].strip_prefix("value: ")?;
        Some((pair[0].strip_prefix("- name: ")?.to_owned(), moved(value, store)))
    });
    let pairs: Vec<_> = pairs.collect();
    assert!(!pairs.is_empty(), "it sets none");
    pairs
}

#[tokio::test]
async fn both_callers_get_answers_from_the_sidecar_of_the_manifests() {
    let store = Store::with_site(SITE);
    let _sidecar = sidecar(&store, KEY).await;
    let service = Service::start_in(&variables(VIEWER, &store), "20000");
    assert_eq!(service.get("ann", FILE).await.text(), "scan a");
    assert_eq!(service.get("bob", FILE).await.status, 403);
    let mut runner = Runner::start_in(&store, &variables(JOB, &store), &[], "exit 3");
    assert_eq!(runner.ended().await, 3, "{}", runner.said());
}

#[tokio::test]
async fn a_caller_without_the_key_gets_nothing() {
    let store = Store::with_site(SITE);
    let _sidecar = sidecar(&store, KEY).await;
    let all = variables(VIEWER, &store);
    let (keyless, _) = all.split_at(all.iter().position(|(name, _)| name == "ROLEGATE_KEY_FILE").unwrap());
    assert_eq!(Service::start_in(keyless, "20000").get("ann", FILE).await.status, 503);
    let service = Service::start_in(&all, "20000");
    fs::remove_file(store.beside("key")).unwrap();
    assert_eq!(service.get("ann", FILE).await.status, 503);
    let mut runner = Runner::start_in(&store, keyless, &[], "touch started");
    assert_eq!(runner.ended().await, 64, "{}", runner.said());
    assert!(!store.beside("started").exists());
}

#[tokio::test]
async fn a_changed_key_is_shown_with_the_next_question() {
    let store = Store::with_site(SITE);
    let first = sidecar(&store, KEY).await;
    let service = Service::start_in(&variables(VIEWER, &store), "20000");
    assert_eq!(service.get("ann", FILE).await.status, 200);
    drop(first);
    let _second = sidecar(&store, &KEY.replace('0', "x")).await;
    assert_eq!(service.decides("ann", FILE).await.status, 200);
}

#[tokio::test]
async fn keys_are_changed_without_a_gap_and_without_a_restart() {
    let store = Store::with_site(SITE);
    let sidecar = sidecar(&store, KEY).await;
    let service = Service::start_in(&variables(VIEWER, &store), "20000");
    let new = KEY.replace('0', "x");
    for (step, keys) in
        [format!("{KEY}\n{new}\n"), format!("\n {new}\r\n{KEY}\n"), new.clone()].iter().enumerate()
    {
        fs::write(store.beside("new"), keys).unwrap();
        fs::rename(store.beside("new"), store.beside("key")).unwrap();
        until("the sidecar has other keys", async || {
            assert_eq!(service.get("ann", FILE).await.status, 200, "a gap");
            sidecar.logs.count("other keys") > step
        })
        .await;
    }
    assert_eq!(service.get("ann", FILE).await.text(), "scan a");
}
