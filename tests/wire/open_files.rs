//! Servers and the number of files that they may have open.

use super::{
    ask::{may, project},
    attack::{limited, serves},
    http::{get, metric},
    raw::{GREETING, dial},
    server::{Server, Store, run, until},
    site::SITE,
};
use rolegate::grpc::proto::Decision;
use std::{
    process::Command,
    time::{Duration, Instant},
};
use tokio::io::AsyncWriteExt as _;

/// Lets a running server have so many files open and no more.
fn limit_files(server: &Server, most: usize) {
    let (id, limit) = (server.id().to_string(), format!("--nofile={most}:{most}"));
    assert!(Command::new("prlimit").args(["--pid", &id, &limit]).status().unwrap().success());
}

/// The processor time that a process has taken. The kernel counts it in hundredths of a second.
fn processor_time(server: &Server) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.id())).unwrap();
    // What comes after the name, in brackets, is all numbers; utime and stime are the 14th and 15th field.
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let hundredths: u64 = fields.split(' ').skip(11).take(2).map(|time| time.parse::<u64>().unwrap()).sum();
    Duration::from_millis(10 * hundredths)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_file_descriptors_it_goes_on_at_rest_and_takes_callers_again_afterwards() {
    let store = Store::with_site(SITE);
    let server = Server::start_with(&store, &["--greeting-timeout", "1h"]).await;
    let mut questions = server.questions().await;
    limit_files(&server, 64);
    let mut idle = Vec::new();
    while !server.logs.contain("cannot accept a connection") {
        idle.push(dial(&server.questions).await);
        tokio::task::yield_now().await;
        assert!(idle.len() < 900, "descriptors without end");
    }
    let (before, since) = (processor_time(&server), Instant::now());
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (took, of) = (processor_time(&server) - before, since.elapsed());
    assert!(took * 2 < of, "it spins: {took:?} of {of:?}");
    for _ in 0..100 {
        let answer = questions.check(may("bob", project("scans"), "files_download")).await.unwrap();
        assert_eq!(answer.into_inner().decision(), Decision::Deny);
    }
    drop(idle);
    serves(&server.questions).await;
    assert!(
        metric(&server.metrics, "rolegate_connections_failed_total{listener=\"authorization\"}").await >= 1.0
    );
    assert_eq!(server.logs.count("cannot accept a connection"), 1, "{}", server.logs.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_takes_all_the_files_that_it_is_let_have() {
    let store = Store::with_site(SITE);
    let flags = ["--greeting-timeout", "1h", "--max-connections", "300"];
    let server = limited(&["--nofile=64:2048"], &store, &flags).await;
    let mut idle = Vec::new();
    for _ in 0..250 {
        idle.push(dial(&server.questions).await);
    }
    until("all are let in", async || {
        metric(&server.metrics, "rolegate_connections_open{listener=\"authorization\"}").await >= 250.0
    })
    .await;
    serves(&server.questions).await;
    assert!(
        !server.logs.contain("cannot accept") && !server.logs.contain("ulimit"),
        "{}",
        server.logs.text()
    );
}

#[tokio::test]
async fn where_places_are_more_than_files_the_log_says_so_at_start() {
    let store = Store::with_site(SITE);
    for (limit, told) in [("--nofile=1024:1024", 1), ("--nofile=1024:8192", 0)] {
        let server = limited(&[limit], &store, &[]).await;
        // Three listeners of 1,024 places each, and what a server needs beside them.
        let lines = server.logs.count("\"allowed\":1024,\"needed\":3200,\"connections\":298");
        assert_eq!((server.logs.count("ulimit -Hn"), lines), (told, told), "{}", server.logs.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_cannot_take_the_last_file_and_shut_out_probes() {
    let store = Store::with_site(SITE);
    let server = limited(&["--nofile=256:256"], &store, &["--http-listen", "127.0.0.1:0"]).await;
    let mut questions = server.questions().await;
    let mut asked = async || {
        let answer = questions.check(may("bob", project("scans"), "files_download")).await.unwrap();
        answer.into_inner().decision()
    };
    assert_eq!(asked().await, Decision::Deny);
    let mut crowd = Vec::new();
    for address in [&server.questions, &server.admin, &server.http, &server.metrics] {
        for _ in 0..100 {
            let mut stream = dial(address).await;
            // Where HTTP/1 is spoken, they may be gone already.
            let _ = stream.write_all(GREETING).await;
            crowd.push(stream);
        }
    }
    serves(&server.questions).await;
    assert_eq!(get(&server.metrics, "/readyz").await.0, 200);
    let admin = run(["healthcheck", "--server", &server.admin]);
    assert!(admin.status.success(), "{admin:?}");
    // Whoever was answered before them is answered still.
    assert_eq!(asked().await, Decision::Deny);
    assert!(!server.logs.contain("cannot accept"), "{}", server.logs.text());
}
