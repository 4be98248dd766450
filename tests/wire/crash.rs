//! A server that is killed while it writes: what it acknowledged is there, and what it did not is whole or absent.

use super::{
    ask::{at_least, may, project},
    random::Random,
    server::{Admin, Questions, Server, Store, until},
    site::SITE,
};
use rolegate::grpc::proto::{
    CheckRequest, CreateUserRequest, Decision, GetUserRequest, ListProjectPermissionsRequest,
    RemoveProjectPermissionRequest, SetProjectPermissionRequest,
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tonic::Code;

const ROUNDS: usize = 20;

#[tokio::test]
async fn every_acknowledged_write_survives_and_the_rest_is_whole_or_absent() {
    let mut random = Random::seeded();
    let store = Store::with_site(SITE);
    let mut acknowledged = Written::default();
    let mut newest = String::new();
    for round in 0..ROUNDS {
        let mut server = Server::start(&store).await;
        let admin = server.administrator(&store.key).await;
        check_all(&mut admin.clone(), &acknowledged, &newest).await;
        ask_all(&mut server.questions().await, &acknowledged, &newest).await;
        let count = Arc::new(AtomicUsize::new(0));
        let writing = tokio::spawn(write_until_gone(admin, round, Arc::clone(&count)));
        let enough = 1 + random.below(12);
        until("some writes are through", async || count.load(Ordering::Relaxed) >= enough).await;
        server.kill();
        let (written, token) = writing.await.unwrap();
        assert!(token > newest, "revisions go on where they were: {newest} and then {token}");
        acknowledged.granted.extend(written.granted);
        acknowledged.revoked.extend(written.revoked);
        newest = token;
    }
    let server = Server::start(&store).await;
    check_all(&mut server.administrator(&store.key).await, &acknowledged, &newest).await;
    ask_all(&mut server.questions().await, &acknowledged, &newest).await;
}

/// What was acknowledged, and is not touched any more.
#[derive(Default)]
struct Written {
    granted: Vec<String>,
    revoked: Vec<String>,
}

/// Makes users, puts them on a project, and takes every other one off again, until the server is gone; says what was
/// acknowledged, and the last token.
async fn write_until_gone(mut admin: Admin, round: usize, count: Arc<AtomicUsize>) -> (Written, String) {
    let (mut written, mut token) = (Written::default(), String::new());
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
        if n % 2 == 0 {
            written.granted.push(id);
        } else {
            let (project, user) = ("scans".to_owned(), id.clone());
            let revoke = RemoveProjectPermissionRequest { project, user, expected_revision: None };
            let Ok(revoked) = admin.remove_project_permission(revoke).await else { break };
            token = revoked.into_inner().revision_token;
            written.revoked.push(id);
        }
        count.fetch_add(1, Ordering::Relaxed);
    }
    (written, token)
}

/// Tokens from before are honoured, and no answer is older than what was acknowledged, whether it is asked for or not.
async fn ask_all(questions: &mut Questions, acknowledged: &Written, newest: &str) {
    let wanted = [(&acknowledged.granted, Decision::Allow), (&acknowledged.revoked, Decision::Deny)];
    for (users, decision) in wanted {
        for user in users {
            for freshness in [None, at_least(newest)] {
                let question = CheckRequest { freshness, ..may(user, project("scans"), "files_download") };
                let answer = questions.check(question).await.unwrap().into_inner();
                assert_eq!(answer.decision(), decision, "{user} at {newest}");
                assert!(*answer.revision_token >= *newest, "{} and before {newest}", answer.revision_token);
            }
        }
    }
}

async fn check_all(admin: &mut Admin, acknowledged: &Written, newest: &str) {
    let all = ListProjectPermissionsRequest {
        project: "scans".to_owned(),
        page_size: 1_000,
        ..ListProjectPermissionsRequest::default()
    };
    let permissions = admin.list_project_permissions(all).await.unwrap().into_inner().permissions;
    for id in &acknowledged.granted {
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
