//! Who calls, and their keys.

use super::{
    body::{Body, Segments},
    caller::Caller,
    endpoints::endpoints,
    failure::{Failure, Refusals, text},
    listing::{Listing, read_all},
    names::Vocabulary,
};
use crate::{
    platform::model::{AuthStatus, CurrentUser, Deleted, KeyInfo, MadeKey, NewKey, Origin},
    rbac::{
        level::SiteRole,
        refusal::{Kind, Refusal},
        text::{Label, UserId},
    },
    store::{
        edit,
        read::{self, keys::KeyRecord},
    },
};
use axum::Json;
use jiff::Timestamp;

endpoints!(status, myself, make_key, revoke_key);

/// The user of the key that was shown.
fn user(caller: &Caller) -> Result<UserId, Failure> {
    caller.actor.user().cloned().ok_or_else(Failure::unauthenticated)
}

fn time(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or_default().to_string()
}

fn output(key: KeyRecord) -> KeyInfo {
    KeyInfo {
        key: key.id.clone(),
        id: key.id,
        label: key.label.to_string(),
        created: time(key.created_at),
        expires_at: key.expires_at.map(time),
    }
}

/// Who calls, in short
#[utoipa::path(get, path = "/auth/status", tag = "session", responses((status = 200, body = AuthStatus), Refusals))]
async fn status(caller: Caller, names: Vocabulary) -> Result<Json<AuthStatus>, Failure> {
    let (id, actor) = (user(&caller)?, caller.actor.clone());
    let found = caller.read(|tx| Box::pin(async move { read::users::get(tx, &actor, &id).await })).await?;
    let id = found.id.to_string();
    Ok(Json(AuthStatus {
        origin: Origin { kind: "user".to_owned(), id: id.clone() },
        user_id: id,
        user_is_admin: found.site_role == SiteRole::SiteAdmin,
        is_device: false,
        roles: vec![names.site_role(found.site_role).to_owned()],
    }))
}

/// Who calls
#[utoipa::path(get, path = "/users/self", tag = "session", responses((status = 200, body = CurrentUser), Refusals))]
async fn myself(caller: Caller, names: Vocabulary) -> Result<Json<CurrentUser>, Failure> {
    let (id, actor) = (user(&caller)?, caller.actor.clone());
    let found = caller.read(|tx| {
        Box::pin(async move {
            let keys = read_all!(Listing::default(), page => read::keys::list(tx, &actor, &id, &page));
            Ok((read::users::get(tx, &actor, &id).await?, keys))
        })
    });
    let (found, keys) = found.await?;
    let id = found.id.to_string();
    Ok(Json(CurrentUser {
        user_id: id.clone(),
        email: id.clone(),
        id,
        roles: vec![names.site_role(found.site_role).to_owned()],
        root: found.site_role == SiteRole::SiteAdmin,
        disabled: !found.enabled,
        api_keys: keys.into_iter().map(output).collect(),
    }))
}

/// Make a key for oneself; its secret is shown this once
#[utoipa::path(post, path = "/users/self/key", tag = "session", request_body = NewKey, responses((status = 200, body = MadeKey), Refusals))]
async fn make_key(caller: Caller, Body(new): Body<NewKey>) -> Result<Json<MadeKey>, Failure> {
    let (id, label) = (user(&caller)?, text("label", &new.label, Label::parse)?);
    let expires_at = new.expires_at.as_deref().map(instant).transpose()?;
    let made =
        caller.write(move |w| Box::pin(async move { edit::keys::create(w, &id, &label, expires_at).await }));
    let (record, key) = made.await?;
    Ok(Json(MadeKey { info: output(record), unencrypted_secret: key.reveal() }))
}

/// A point in time as clients write it: RFC 3339, or without an offset, which is UTC then.
fn instant(text: &str) -> Result<i64, Failure> {
    let with_offset = || text.parse::<Timestamp>().or_else(|_| format!("{text}Z").parse());
    let time =
        with_offset().map_err(|_| Failure::malformed("expires_at", "write it as 2030-01-31T12:00:00Z"))?;
    Ok(time.as_second())
}

/// Revoke a key of one's own at once
#[utoipa::path(delete, path = "/users/self/key/{key}", tag = "session", params(("key" = String, Path)), responses((status = 200, body = Deleted), Refusals))]
async fn revoke_key(caller: Caller, Segments(key): Segments<String>) -> Result<Json<Deleted>, Failure> {
    let (id, actor) = (user(&caller)?, caller.actor.clone());
    let revoked = caller.write(move |w| {
        Box::pin(async move {
            let own =
                read_all!(Listing::default(), page => read::keys::list(w.reading(), &actor, &id, &page));
            if !own.iter().any(|own| own.id == key) {
                return Err(Refusal::NotFound { kind: Kind::Key, id: key }.into());
            }
            edit::keys::revoke(w, &key).await
        })
    });
    revoked.await?;
    Ok(Json(Deleted::ONE))
}
