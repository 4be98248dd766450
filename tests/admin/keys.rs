//! The rules on API keys, over the wire, and where their secrets must not be.

use super::{
    calls::{as_user, by_hand, done, refused, sample_site},
    server::{ROOT, Server},
};
use rolegate::grpc::proto::*;
use tonic::Code;

fn key(user: &str) -> CreateApiKeyRequest {
    CreateApiKeyRequest { user: user.to_owned(), label: "laptop".to_owned(), ..Default::default() }
}

#[tokio::test]
async fn a_secret_is_shown_once_and_the_store_keeps_only_a_hash() {
    let mut server = Server::start_with(&["--log", "trace"]);
    let made = done(server.root().create_api_key(key(ROOT)).await);
    let (secret, id) = (made.secret, made.key.unwrap().id);
    let random = secret.rsplit('_').next().unwrap().to_owned();
    assert!(secret.starts_with(&format!("rgk_{id}_")) && random.len() == 64);
    let mut himself = server.admin(&secret);
    let list = ListApiKeysRequest { user: ROOT.into(), ..Default::default() };
    let listed = format!("{:?}", done(himself.list_api_keys(list).await));
    assert!(listed.contains(&id) && !listed.contains(&random));
    let metrics = server.metrics();
    let exported = String::from_utf8(server.cli(&["export"]).stdout).unwrap();
    server.stop().await;
    let log = server.log();
    let root_random = server.key.rsplit('_').next().unwrap().to_owned();
    for (what, text) in [("metrics", &metrics), ("export", &exported), ("log", &log)] {
        assert!(!text.contains(&random) && !text.contains(&root_random), "a secret is in the {what}");
    }
    for entry in std::fs::read_dir(server.folder()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for secret in [&random, &root_random] {
            assert!(!bytes.windows(64).any(|part| part == secret.as_bytes()), "a secret is in a file");
        }
    }
}

#[tokio::test]
async fn anyone_makes_lists_and_revokes_their_own_keys_and_nobody_elses() {
    let server = sample_site();
    let rosa = "rosa@demo.example";
    let mut herself = as_user(&server, rosa).await;
    let made = done(herself.create_api_key(key(rosa)).await).key.unwrap();
    assert_eq!((made.user.as_str(), made.label.as_str(), made.expires_at), (rosa, "laptop", None));
    let list = ListApiKeysRequest { user: rosa.into(), ..Default::default() };
    assert_eq!(done(herself.list_api_keys(list.clone()).await).keys.len(), 2);
    let revoke = RevokeApiKeyRequest { id: made.id, ..Default::default() };
    done(herself.revoke_api_key(revoke.clone()).await);
    let no = refused(server.root().revoke_api_key(revoke.clone()).await);
    no.is(Code::NotFound, "NOT_FOUND", "no API key");

    // Another's key, and one that does not exist, look the same.
    let of_walt = done(server.root().create_api_key(key("walt@demo.example")).await).key.unwrap();
    let theirs =
        refused(herself.revoke_api_key(RevokeApiKeyRequest { id: of_walt.id, ..Default::default() }).await);
    theirs.is(Code::PermissionDenied, "NOT_PERMITTED", "`users_manage` on the site");
    assert_eq!(refused(herself.revoke_api_key(revoke).await), theirs);
    assert_eq!(refused(herself.create_api_key(key("walt@demo.example")).await), theirs);
    assert_eq!(refused(herself.create_api_key(key("nobody@demo.example")).await), theirs);
    done(herself.get_user(GetUserRequest { id: rosa.into() }).await);
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_even_by_its_own_doing() {
    let server = Server::start();
    let made = done(server.root().create_api_key(key(ROOT)).await);
    let mut with_it = server.admin(&made.secret);
    let revoke = RevokeApiKeyRequest { id: made.key.unwrap().id, ..Default::default() };
    done(with_it.revoke_api_key(revoke).await);
    let no = refused(with_it.list_users(ListUsersRequest::default()).await);
    no.is(Code::Unauthenticated, "UNAUTHENTICATED", "a valid API key is needed");
}

#[tokio::test]
async fn a_key_ends_when_it_says() {
    let server = Server::start();
    let at = |seconds: i64, nanos: i32| CreateApiKeyRequest {
        expires_at: Some(prost_types::Timestamp { seconds, nanos }),
        ..key(ROOT)
    };
    for (seconds, nanos) in [(1, 0), (0, 0), (-5, 0), (1 << 40, -1), (1 << 40, 1_000_000_000)] {
        let no = refused(server.root().create_api_key(at(seconds, nanos)).await);
        assert_eq!((no.code, no.fields), (Code::InvalidArgument, vec!["expires_at".to_owned()]));
    }
    let made = done(server.root().create_api_key(at(1 << 40, 0)).await);
    assert_eq!(made.key.as_ref().unwrap().expires_at.unwrap().seconds, 1 << 40);
    let mut with_it = server.admin(&made.secret);
    done(with_it.list_users(ListUsersRequest::default()).await);
    let mut store = by_hand(&server.store()).await;
    sqlx::query("UPDATE api_keys SET expires_at = 1000 WHERE id = $1")
        .bind(made.key.unwrap().id)
        .execute(&mut store)
        .await
        .unwrap();
    let no = refused(with_it.list_users(ListUsersRequest::default()).await);
    no.is(Code::Unauthenticated, "UNAUTHENTICATED", "a valid API key is needed");
}

#[tokio::test]
async fn a_key_needs_a_label_and_a_user() {
    let server = Server::start();
    let nameless = CreateApiKeyRequest { label: String::new(), ..key(ROOT) };
    let no = refused(server.root().create_api_key(nameless).await);
    assert_eq!((no.code, no.fields), (Code::InvalidArgument, vec!["label".to_owned()]));
    let no = refused(server.root().create_api_key(key("nobody")).await);
    no.is(Code::NotFound, "NOT_FOUND", "no user `nobody`");
}

#[tokio::test]
async fn a_user_may_have_so_many_keys_and_no_more() {
    let server = Server::start();
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 98)
               INSERT INTO api_keys (id, user_id, label, secret_hash, created_at)
               SELECT printf('%012d', i), $1, 'old', x'00', 1 FROM n";
    sqlx::query(sql).bind(ROOT).execute(&mut by_hand(&server.store()).await).await.unwrap();
    let last = done(server.root().create_api_key(key(ROOT)).await).key.unwrap();
    let no = refused(server.root().create_api_key(key(ROOT)).await);
    assert_eq!(
        (no.code, no.message.as_str()),
        (Code::FailedPrecondition, "the user has 100 API keys, which is the most: revoke one first")
    );
    done(server.root().revoke_api_key(RevokeApiKeyRequest { id: last.id, ..Default::default() }).await);
    done(server.root().create_api_key(key(ROOT)).await);
}
