//! Histories that go back or fork: tokens of the old one are refused, never compared, and service goes on with the new.

use crate::{
    ask::at_least,
    proxy::Proxy,
    scene::{DATABASE, IMPATIENT, Scene, download, grant, is_allowed},
    server::{Questions, until},
};
use rolegate::grpc::proto::CheckRequest;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;

/// A token of a history that is over.
async fn is_refused(questions: &mut Questions, token: &str) {
    let asked = CheckRequest { freshness: at_least(token), ..download("bob") };
    let other_epoch = Err((Code::FailedPrecondition, "OTHER_EPOCH".to_owned()));
    until("the old token is refused", async || is_allowed(questions, asked.clone()).await == other_epoch)
        .await;
}

#[tokio::test]
async fn a_database_restored_from_an_older_dump_starts_a_new_epoch() {
    let scene = Scene::new();
    let dump = crate::cluster::folder().join("dump");
    crate::cluster::succeed(scene.cluster.client("pg_dump").args(["-Fc", "-f"]).arg(&dump).arg(DATABASE));
    let (control, sidecar) = (scene.control().await, scene.sidecar(&IMPATIENT).await);
    let (mut admin, mut questions) = (scene.admin(&control).await, sidecar.questions().await);
    let token = grant(&mut admin, "bob", "rw").await;
    let asked = CheckRequest { freshness: at_least(&token), ..download("cat") };
    assert_eq!(is_allowed(&mut questions, asked).await, Ok(false));
    let cat = grant(&mut admin, "cat", "rw").await;
    let asked = CheckRequest { freshness: at_least(&cat), ..download("cat") };
    assert_eq!(is_allowed(&mut questions, asked).await, Ok(true));
    let maintenance = |program: &str| scene.cluster.client(program);
    crate::cluster::succeed(maintenance("dropdb").args(["--force", DATABASE]));
    crate::cluster::succeed(maintenance("createdb").arg(DATABASE));
    crate::cluster::succeed(maintenance("pg_restore").args(["-d", DATABASE]).arg(&dump));
    is_refused(&mut questions, &token).await;
    until("what was granted since is gone", async || {
        is_allowed(&mut questions, download("cat")).await == Ok(false)
    })
    .await;
    // The control plane and the sidecar agree on the new history.
    let token = grant(&mut admin, "cat", "rw").await;
    let asked = CheckRequest { freshness: at_least(&token), ..download("cat") };
    until("it is seen", async || is_allowed(&mut questions, asked.clone()).await == Ok(true)).await;
}

/// Puts a server's older files back: nothing but the history itself tells that it went back.
async fn files_put_back(with_control_plane: bool) {
    let scene = Scene::new();
    scene.cluster.end("fast");
    let copy = scene.cluster.copy_files();
    scene.cluster.start_again();
    let (control, sidecar) = (scene.control().await, scene.sidecar(&IMPATIENT).await);
    let (mut admin, mut questions) = (scene.admin(&control).await, sidecar.questions().await);
    let token = grant(&mut admin, "cat", "rw").await;
    let asked = CheckRequest { freshness: at_least(&token), ..download("cat") };
    assert_eq!(is_allowed(&mut questions, asked).await, Ok(true));
    if !with_control_plane {
        drop(control);
    }
    scene.cluster.end("fast");
    scene.cluster.put_back(&copy);
    scene.cluster.start_again();
    is_refused(&mut questions, &token).await;
    assert_eq!(is_allowed(&mut questions, download("cat")).await, Ok(false));
    let control = scene.control().await;
    let mut admin = scene.admin(&control).await;
    let token = grant(&mut admin, "cat", "rw").await;
    let asked = CheckRequest { freshness: at_least(&token), ..download("cat") };
    if with_control_plane {
        until("it is seen", async || is_allowed(&mut questions, asked.clone()).await == Ok(true)).await;
    } else {
        until("it is seen", async || is_allowed(&mut questions, download("cat")).await == Ok(true)).await;
    }
}

#[tokio::test]
async fn a_server_whose_older_files_are_put_back_gets_a_new_epoch_from_the_control_plane() {
    files_put_back(true).await;
}

#[tokio::test]
async fn a_sidecar_alone_refuses_tokens_of_what_was_taken_back() {
    files_put_back(false).await;
}

#[tokio::test]
async fn a_promoted_standby_goes_on_in_a_new_epoch_and_one_that_is_not_decides_nothing() {
    let scene = Scene::new();
    let standby = scene.cluster.standby();
    let proxy = Proxy::to(scene.cluster.port).await;
    let control = crate::scene::serve(
        &scene.at_port("rolegate_control", proxy.port),
        &["--admin-listen", "127.0.0.1:0"],
    )
    .await;
    let sidecar = scene.sidecar_at(proxy.port, &IMPATIENT).await;
    let (mut admin, mut questions) = (scene.admin(&control).await, sidecar.questions().await);
    let token = grant(&mut admin, "cat", "rw").await;
    let asked = CheckRequest { freshness: at_least(&token), ..download("cat") };
    assert_eq!(is_allowed(&mut questions, asked).await, Ok(true));
    let replayed = "SELECT count(*) FROM project_permissions WHERE user_id = 'cat' AND project_id = 'scans'";
    until("the standby has it", async || standby.sql(DATABASE, replayed) == ["1"]).await;
    scene.cluster.end("kill");
    proxy.stand_for(standby.port);
    // It cannot know how far behind it is: a yes from it could be stale for ever.
    sidecar.becomes(ServingStatus::NotServing).await;
    let stale = is_allowed(&mut questions, download("cat")).await;
    assert_eq!(stale, Err((Code::Unavailable, "STALE".to_owned())), "{}", sidecar.logs.text());
    standby.promote();
    sidecar.becomes(ServingStatus::Serving).await;
    is_refused(&mut questions, &token).await;
    assert_eq!(is_allowed(&mut questions, download("cat")).await, Ok(true));
    control.becomes(ServingStatus::Serving).await;
    let token = grant(&mut admin, "bob", "rw").await;
    let asked = CheckRequest { freshness: at_least(&token), ..download("bob") };
    until("it is seen", async || is_allowed(&mut questions, asked.clone()).await == Ok(true)).await;
}
