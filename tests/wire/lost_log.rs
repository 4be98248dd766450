//! A decision log whose file is taken away, and that can have no other one yet.

use super::{
    decision_log::{ask, lines_of, numbers},
    http::metric,
    server::{Server, Store, until},
    site::SITE,
};
use std::fs;

async fn errors(server: &Server) -> f64 {
    metric(&server.metrics, "rolegate_decision_log_errors_total").await
}

#[tokio::test]
async fn nothing_is_written_to_a_file_that_was_deleted() {
    for when_full in ["block", "drop"] {
        let store = Store::with_site(SITE);
        let folder = store.beside("logs");
        let path = folder.join("decisions.log");
        fs::create_dir(&folder).unwrap();
        let mut flags = vec!["--decision-log", path.to_str().unwrap(), "--decision-log-queue", "4KiB"];
        flags.extend(["--check-timeout", "300ms", "--decision-log-when-full", when_full]);
        let mut server = Server::start_with(&store, &flags).await;
        let mut questions = server.questions().await;
        ask(&mut questions, "ann").await.unwrap();
        until("it is written", async || fs::read_to_string(&path).unwrap().ends_with('\n')).await;
        fs::remove_dir_all(&folder).unwrap();
        for _ in 0..10 {
            let answered = ask(&mut questions, "ann").await;
            assert_eq!(answered.is_err(), when_full == "block", "{answered:?}");
        }
        until("it is counted", async || errors(&server).await > 0.0).await;
        until("it is told", async || server.logs.contain("the decision log cannot be written")).await;
        assert!(!server.logs.contain("can be written again"));
        fs::create_dir(&folder).unwrap();
        until("it is written again", async || path.exists() && ask(&mut questions, "bob").await.is_ok())
            .await;
        drop(questions);
        server.terminate();
        assert!(server.ended().await.success());
        assert!(server.logs.contain("can be written again"));
        // The first line went with the first file.
        let numbers = numbers(&lines_of(&path));
        assert_eq!(numbers, (2..=*numbers.last().unwrap()).collect::<Vec<_>>(), "{when_full}");
    }
}

#[tokio::test]
async fn a_file_that_was_moved_away_is_written_to_until_there_is_a_successor_and_that_is_told_once() {
    let store = Store::with_site(SITE);
    let [path, moved] = ["decisions.log", "decisions.log.1"].map(|name| store.beside(name));
    let mut server = Server::start_with(&store, &["--decision-log", path.to_str().unwrap()]).await;
    let mut questions = server.questions().await;
    fs::rename(&path, &moved).unwrap();
    fs::write(&path, "something else").unwrap();
    let mut asked = 0;
    until("it was missed twice", async || {
        ask(&mut questions, "ann").await.unwrap();
        asked += 1;
        errors(&server).await > 1.0
    })
    .await;
    until("it is told", async || server.logs.contain("the decision log cannot be opened anew")).await;
    assert_eq!(server.logs.count("the decision log cannot be opened anew"), 1);
    assert!(!server.logs.contain("can be written again"));
    fs::remove_file(&path).unwrap();
    until("there is a successor", async || {
        ask(&mut questions, "bob").await.unwrap();
        asked += 1;
        path.exists()
    })
    .await;
    drop(questions);
    server.terminate();
    assert!(server.ended().await.success());
    assert!(server.logs.contain("can be written again"));
    let numbers = [moved, path].map(|path| numbers(&lines_of(&path))).concat();
    assert_eq!(numbers, (1..=asked).collect::<Vec<_>>());
}
