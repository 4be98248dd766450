//! API keys.

use crate::support::*;
use rolegate::{
    rbac::refusal::Refusal,
    store::{
        Store,
        auth::{self, Actor, ApiKey},
        edit::keys,
        write::WriteTx,
    },
};

async fn known(db: &dyn Store, key: &ApiKey) -> rolegate::store::error::Result<Actor> {
    auth::authenticate(&mut db.read().await.unwrap(), key).await
}

pub(crate) async fn only_the_whole_key_of_an_enabled_user_is_taken(db: &dyn Store) {
    write(db, [say::new_user("ann")]).await;
    let (actor, key) = key_of(db, "ann").await;
    assert_eq!(known(db, &key).await.unwrap(), actor);
    let mut wrong = key.reveal();
    let last = if wrong.pop() == Some('0') { '1' } else { '0' };
    wrong.push(last);
    let wrong = ApiKey::parse(&wrong).unwrap();
    assert_eq!(refusal(known(db, &wrong).await, "a wrong secret"), Refusal::Unauthenticated);
    let unknown = ApiKey::generate().unwrap();
    assert_eq!(refusal(known(db, &unknown).await, "an unknown key"), Refusal::Unauthenticated);
    write(db, [say::enable("ann", false)]).await;
    assert!(matches!(refusal(known(db, &key).await, "a disabled user's"), Refusal::NotPermitted { .. }));
    write(db, [say::enable("ann", true)]).await;
    assert_eq!(known(db, &key).await.unwrap(), actor);
    write(db, [say::drop_key(key.id())]).await;
    assert_eq!(refusal(known(db, &key).await, "a revoked key"), Refusal::Unauthenticated);
}

pub(crate) async fn a_key_that_has_expired_is_refused_and_cannot_be_made(db: &dyn Store) {
    write(db, [say::new_user("ann")]).await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let (past, soon) = (i64::try_from(now).unwrap(), i64::try_from(now + 2).unwrap());
    let mut w = WriteTx::begin(db, context(&Actor::Operator, None, 10)).await.unwrap();
    let outcome = keys::create(&mut w, &user("ann"), &label("k"), Some(past)).await;
    assert!(matches!(
        refusal(outcome, "a key from the past"),
        Refusal::Malformed { field: "expires_at", .. }
    ));
    let (_, key) = keys::create(&mut w, &user("ann"), &label("k"), Some(soon)).await.unwrap();
    w.commit().await.unwrap();
    let give_up = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while known(db, &key).await.is_ok() {
        assert!(std::time::Instant::now() < give_up, "the key never expires");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(refusal(known(db, &key).await, "an expired key"), Refusal::Unauthenticated);
}

pub(crate) async fn a_key_is_checked_again_inside_the_write(db: &dyn Store) {
    write(db, [say::new_admin("root"), say::new_admin("ann")]).await;
    let (ann, key) = key_of(db, "ann").await;
    assert_eq!(known(db, &key).await.unwrap(), ann);
    write(db, [say::drop_key(key.id())]).await;
    assert_eq!(refused_as(db, &ann, say::new_user("x")).await, Refusal::Unauthenticated);
    let someone_elses = Actor::Key { user: user("root"), key: key.id().to_owned() };
    assert_eq!(refused_as(db, &someone_elses, say::new_user("x")).await, Refusal::Unauthenticated);
}
