//! Servers whose database is away when they start.

use crate::{
    scene::{Scene, download, is_allowed, listen},
    server::until,
};
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};

#[tokio::test]
async fn a_sidecar_whose_database_is_away_at_start_says_so_and_serves_as_soon_as_it_is_there() {
    let scene = Scene::new();
    scene.cluster.end("fast");
    let store = scene.at_port("rolegate_sidecar", scene.cluster.port);
    let sidecar = listen(&store, &["--admin-listen", "off"]).await;
    until("it is said", async || sidecar.logs.contain("cannot open the role store: not ready")).await;
    let request = HealthCheckRequest { service: String::new() };
    let state = sidecar.health().await.check(request).await.unwrap().into_inner();
    assert_eq!(state.status(), ServingStatus::NotServing);
    let mut questions = sidecar.questions().await;
    let refused = is_allowed(&mut questions, download("ann")).await;
    assert_eq!(refused, Err((Code::Unavailable, "NOT_READY".to_owned())));
    scene.cluster.start_again();
    sidecar.becomes(ServingStatus::Serving).await;
    assert_eq!(is_allowed(&mut questions, download("ann")).await, Ok(true));
    assert_eq!(is_allowed(&mut questions, download("cat")).await, Ok(false));
}
