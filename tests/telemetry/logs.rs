//! Log lines for programs are what programs can read.

use super::{
    ask::{may, project},
    exposition::busy,
    http::get,
    server::{Server, Store, finish, rolegate, until},
    site::SITE,
};

/// What a server says that is started, misused, loses its store, finds it again, and is ended.
async fn a_life(store: &Store, mut server: Server) -> String {
    let odd = may("\"\n{}", project("scans\\\""), "files_\u{1}");
    server.questions().await.check(odd).await.unwrap_err();
    std::fs::rename(&store.path, store.beside("away.db")).unwrap();
    until("it is said", async || server.logs.contain("cannot follow the role store")).await;
    std::fs::rename(store.beside("away.db"), &store.path).unwrap();
    until("it is over", async || server.logs.contain("following the role store again")).await;
    get(&server.metrics, "/metrics").await;
    server.terminate();
    assert!(server.ended().await.success());
    until("its last word has come", async || server.logs.contain("stopped")).await;
    server.logs.text()
}

#[tokio::test]
async fn every_line_for_programs_is_one_object_with_a_time_a_level_and_a_message() {
    let store = Store::with_site(SITE);
    let said = a_life(&store, busy(&store).await).await;
    assert!(said.lines().count() >= 6, "{said}");
    for line in said.lines() {
        let line: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let time: Result<jiff::Timestamp, _> = line["timestamp"].as_str().unwrap().parse();
        assert!(
            time.is_ok() && line["fields"]["message"].is_string() && line["target"].is_string(),
            "{line}"
        );
        assert!(["ERROR", "WARN", "INFO", "DEBUG"].contains(&line["level"].as_str().unwrap()), "{line}");
    }
}

#[test]
fn lines_for_people_are_text_and_hold_no_colours_when_nobody_watches() {
    let mut command = rolegate(["serve", "--store", "/nonexistent/rolegate.db", "--listen", "127.0.0.1:0"]);
    command.args(["--admin-listen", "off"]);
    let ended = finish(command);
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("INFO") && said.contains("listening for questions"), "{said}");
    assert!(!said.contains('\u{1b}') && !said.contains("{\""), "{said}");
}
