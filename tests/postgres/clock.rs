//! The time of day jumps, as when a machine's clock is set: freshness goes by a clock that nobody sets.

use crate::{
    scene::{DATABASE, IMPATIENT, Scene, download, sees_writes},
    server::{Server, rolegate, until},
};
use std::{fs, path::PathBuf};
use tonic_health::pb::health_check_response::ServingStatus;

/// What makes a process believe another time of day; its other clocks go on as they are.
fn library() -> PathBuf {
    let found = fs::read_dir("/usr/lib")
        .unwrap()
        .flatten()
        .map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    found.into_iter().find(|path| path.exists()).expect("libfaketime is installed")
}

#[tokio::test]
async fn a_jump_of_the_time_of_day_changes_no_answer_and_no_age() {
    let scene = Scene::new();
    let folder = tempfile::tempdir().unwrap();
    let time = folder.path().join("time");
    let jump = |by: &str| fs::write(&time, by).unwrap();
    jump("+0");
    let store = scene.at_port("rolegate_sidecar", scene.cluster.port);
    let mut command =
        rolegate(["serve", "--log-format", "json", "--listen", "127.0.0.1:0", "--store", &store]);
    command.args(["--metrics-listen", "127.0.0.1:0", "--admin-listen", "off"]).args(IMPATIENT);
    command.env("LD_PRELOAD", library()).env("FAKETIME_TIMESTAMP_FILE", &time);
    command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let sidecar = Server::run(command).await;
    sidecar.becomes(ServingStatus::Serving).await;
    let control = scene.control().await;
    let (mut questions, mut admin) = (sidecar.questions().await, scene.admin(&control).await);
    for (by, year) in
        [("+20y", "\"timestamp\":\"204"), ("-20y", "\"timestamp\":\"200"), ("+0", "\"timestamp\":\"202")]
    {
        jump(by);
        let lines = sidecar.logs.text().lines().count();
        let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'rolegate_sidecar'";
        scene.cluster.sql(DATABASE, cut);
        until("the log shows the other time", async || {
            sidecar.logs.text().lines().skip(lines).any(|line| line.contains(year))
        })
        .await;
        sees_writes(&mut questions, &mut admin).await;
        let age = questions.check(download("ann")).await.unwrap().into_inner().data_age.unwrap();
        assert!((0..5).contains(&age.seconds), "{by}: {age:?}");
    }
}
