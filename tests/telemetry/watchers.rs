//! The dashboard and the alert rules ask for what the server tells, and the alerts ring when they should.

use super::{
    certificates::Authority,
    exposition::{busy, request},
    scrape::{Scrape, script},
    server::{Server, Store},
    site::SITE,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, process::Command};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/observability");

fn read(file: &str) -> Value {
    let text = std::fs::read_to_string(format!("{FOLDER}/{file}")).unwrap();
    if file.ends_with(".json") {
        return serde_json::from_str(&text).unwrap();
    }
    serde_saphyr::from_str(&text).unwrap()
}

/// All queries in a file, by where they stand.
fn queries(file: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    collect(&read(file), file, &mut found);
    found
}

fn collect(value: &Value, place: &str, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                let place = format!("{place}/{key}");
                match field {
                    Value::String(query) if ["expr", "query", "definition"].contains(&key.as_str()) => {
                        // Of variables, those that choose a data source name no metric.
                        if query != "prometheus" {
                            found.insert(place, query.clone());
                        }
                    }
                    _ => collect(field, &place, found),
                }
            }
        }
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                collect(item, &format!("{place}/{number}"), found);
            }
        }
        _ => {}
    }
}

/// What only a server with TLS tells.
async fn told_with_tls() -> String {
    let store = Store::with_site(SITE);
    let pair = Authority::new().server(&["localhost"]);
    let [certificate, key] = pair.write(store.folder.path(), "server").map(|path| path.display().to_string());
    let server = Server::listening(&store, &["--tls-cert-file", &certificate, "--tls-key-file", &key]).await;
    let told = Scrape::of(&server).await.0;
    let told = told.lines().filter(|line| line.contains("rolegate_tls_certificate"));
    told.flat_map(|line| [line, "\n"]).collect()
}

#[tokio::test]
async fn every_query_names_metrics_that_the_server_tells_with_the_labels_it_asks_about() {
    let store = Store::with_site(SITE);
    let server = busy(&store).await;
    // A request that fails for the store, so that there is one.
    std::fs::rename(&store.path, store.beside("away.db")).unwrap();
    let failing = format!("GET /api/roles HTTP/1.1\r\nAuthorization: Bearer {}", store.key);
    super::server::until("a request has failed", async || {
        request(&server.http, &failing).await.starts_with("HTTP/1.1 5")
    })
    .await;
    let mut all = queries("dashboard.json");
    assert!(all.len() > 20, "{all:?}");
    let alerts = queries("alerts.yaml");
    assert!(alerts.len() > 10, "{alerts:?}");
    all.extend(alerts);
    let metrics = Scrape::of(&server).await.0.replace("# EOF", &format!("{}# EOF", told_with_tls().await));
    let looked_up = script("queries.py", &json!({"metrics": metrics, "queries": all}).to_string());
    assert!(looked_up.trim().parse::<usize>().unwrap() > 25, "{looked_up}");
    // And it would be seen if it were not so.
    for wrong in
        ["rolegate_decision_total", "rate(rolegate_serving[5m])", "rolegate_decisions_total{why=\"x\"}"]
    {
        let given = json!({"metrics": metrics, "queries": {"wrong": wrong}}).to_string();
        assert!(std::panic::catch_unwind(|| script("queries.py", &given)).is_err(), "{wrong}");
    }
}

#[test]
fn alerts_ring_when_they_should_and_not_otherwise() {
    for arguments in [["check", "rules", "alerts.yaml"], ["test", "rules", "alerts_test.yaml"]] {
        let mut tool = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/promtool"));
        let done = tool.args(arguments).current_dir(FOLDER).output().unwrap();
        let said = [done.stdout, done.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
        assert!(done.status.success(), "{said:?}");
    }
}

#[test]
fn every_alert_says_how_bad_it_is_and_is_explained_to_operators() {
    let explained =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/observability.md")).unwrap();
    let rules = read("alerts.yaml");
    for rule in rules["groups"][0]["rules"].as_array().unwrap() {
        let name = rule["alert"].as_str().unwrap();
        let severity = rule["labels"]["severity"].as_str().unwrap();
        assert!(["info", "warning", "critical"].contains(&severity), "{name}");
        for part in ["summary", "description"] {
            assert!(rule["annotations"][part].is_string(), "{name} has no {part}");
        }
        assert!(explained.contains(&format!("`{name}`")), "docs/observability.md does not explain {name}");
    }
}

#[tokio::test]
async fn every_metric_is_explained_to_operators() {
    let store = Store::with_site(SITE);
    let server = busy(&store).await;
    let explained =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/observability.md")).unwrap();
    for family in script("exposition.py", &Scrape::of(&server).await.0).lines() {
        let (kind, name) = family.split_once(' ').unwrap();
        let suffix = match kind {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        assert!(
            explained.contains(&format!("`{name}{suffix}")),
            "docs/observability.md has no {name}{suffix}"
        );
    }
}
