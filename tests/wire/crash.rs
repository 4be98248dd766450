//! A server that is killed while it writes: what it acknowledged is there, and what it did not is whole or absent.

use super::{
    random::Random,
    server::{Admin, Server, Store, until},
    site::SITE,
};
use rolegate::grpc::proto::{
    CreateUserRequest, GetUserRequest, ListProjectPermissionsRequest, SetProjectPermissionRequest,
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tonic::Code;

const ROUNDS: usize = 10;

#[tokio::test]
async fn every_acknowledged_write_survives_and_the_rest_is_whole_or_absent() {
    let mut random = Random::seeded();
    let store = Store::with_site(SITE);
    let mut acknowledged: Vec<String> = Vec::new();
    let mut newest = String::new();
    for round in 0..ROUNDS {
        let mut server = Server::start(&store).await;
        let admin = server.administrator(&store.key).await;
        check_all(&mut admin.clone(), &acknowledged, &newest).await;
        let count = Arc::new(AtomicUsize::new(0));
        let writing = tokio::spawn(write_until_gone(admin, round, Arc::clone(&count)));
        let enough = 1 + random.below(12);
        until("some writes are through", async || count.load(Ordering::Relaxed) >= enough).await;
        server.kill();
        let (written, token) = writing.await.unwrap();
        assert!(token > newest, "revisions go on where they were: {newest} and then {token}");
        acknowledged.extend(written);
        newest = token;
    }
    let server = Server::start(&store).await;
    check_all(&mut server.administrator(&store.key).await, &acknowledged, &newest).await;
}

/// Makes users and puts them on a project until the server is gone; says which were acknowledged, and the last token.
async fn write_until_gone(mut admin: Admin, round: usize, count: Arc<AtomicUsize>) -> (Vec<String>, String) {
    let (mut written, mut token) = (Vec::new(), String::new());
    for n in 0.. {
        let id = format!("user-{round}-{n}");
        let user = CreateUserRequest { id: id.clone(), ..CreateUserRequest::default() };
        let Ok(made) = admin.create_user(user).await else { break };
        token = made.into_inner().revision_token;
        let permission = SetProjectPermissionRequest {
            project: "scans".to_owned(),
            user: id.clone(),
            roles: vec!["ro".to_owned(), "rw".to_owned()],
            expected_revision: None,
        };
        let Ok(set) = admin.set_project_permission(permission).await else { break };
        token = set.into_inner().revision_token;
        written.push(id);
        count.fetch_add(1, Ordering::Relaxed);
    }
    (written, token)
}

async fn check_all(admin: &mut Admin, acknowledged: &[String], newest: &str) {
    let all = ListProjectPermissionsRequest {
        project: "scans".to_owned(),
        page_size: 1_000,
        ..ListProjectPermissionsRequest::default()
    };
    let permissions = admin.list_project_permissions(all).await.unwrap().into_inner().permissions;
    for id in acknowledged {
        let user = admin.get_user(GetUserRequest { id: id.clone() }).await;
        assert!(user.is_ok(), "{id} was acknowledged with {newest} and is lost");
        let permission = permissions.iter().find(|permission| permission.user == *id);
        let mut roles = permission.expect("an acknowledged permission is there").roles.clone();
        roles.sort();
        assert_eq!(roles, ["ro", "rw"], "{id}");
    }
    // Never a part of a write, acknowledged or not.
    for permission in permissions.iter().filter(|permission| permission.user.starts_with("user-")) {
        assert_eq!(permission.roles.len(), 2, "{permission:?}");
    }
    let nobody = admin.get_user(GetUserRequest { id: "nobody".to_owned() }).await;
    assert_eq!(nobody.unwrap_err().code(), Code::NotFound);
}
