//! API keys. A key belongs to its user: making and revoking one changes the user.

use super::super::{
    auth::ApiKey,
    change::Subject,
    error::Result,
    read::keys::KeyRecord,
    tx::{
        Arg,
        Arg::{Bytes, Int, Text},
    },
    write::{WriteTx, unix_seconds},
};
use rolegate_rbac::{
    level::SiteAction,
    refusal::{Kind, Refusal},
    text::{Label, UserId},
};

/// How many keys a user may have: everyone may make their own, and each is a write to the store.
const MOST_KEYS: u64 = 100;

/// Makes a key for a user. The whole key is in the result and nowhere else.
///
/// # Errors
/// As all edits: refused by the rules, or the store failed.
pub async fn create(
    w: &mut WriteTx,
    user: &UserId,
    label: &Label,
    expires_at: Option<i64>,
) -> Result<(KeyRecord, ApiKey)> {
    let now = unix_seconds();
    if expires_at.is_some_and(|at| at <= now) {
        let problem = "must lie in the future".to_owned();
        return Err(Refusal::Malformed { field: "expires_at", problem }.into());
    }
    w.permit_self_or_users_manage(user).await?;
    w.edited(&Subject::User(user.clone())).await?;
    refuse_too_many(w, user).await?;
    let key = ApiKey::generate()?;
    let sql = "INSERT INTO api_keys (id, user_id, label, secret_hash, created_at, expires_at)
               VALUES ($1, $2, $3, $4, $5, $6)";
    let hash = key.hash();
    let expires = expires_at.map_or(Arg::Null, Int);
    let args = [Text(key.id()), Text(user.as_str()), Text(label.as_str()), Bytes(&hash), Int(now), expires];
    w.tx.run(sql, &args).await?;
    w.changed(Subject::User(user.clone())).await?;
    let id = key.id().to_owned();
    Ok((KeyRecord { id, user: user.clone(), label: label.clone(), created_at: now, expires_at }, key))
}

async fn refuse_too_many(w: &mut WriteTx, user: &UserId) -> Result<()> {
    let row = w.tx.row("SELECT COUNT(*) FROM api_keys WHERE user_id = $1", &[Text(user.as_str())]).await?;
    let held = row.map_or(Ok(0), |row| row.count(0))?;
    if held < MOST_KEYS { Ok(()) } else { Err(Refusal::TooManyKeys { most: MOST_KEYS }.into()) }
}

/// Revokes a key at once.
pub async fn revoke(w: &mut WriteTx, id: &str) -> Result<()> {
    let row = w.tx.row("SELECT user_id FROM api_keys WHERE id = $1", &[Text(id)]).await?;
    let owner = row.map(|row| row.parsed(0, UserId::parse)).transpose()?;
    match &owner {
        Some(owner) => w.permit_self_or_users_manage(owner).await?,
        None => w.permit_on_site(SiteAction::UsersManage).await?,
    }
    let owner = owner.ok_or_else(|| Refusal::NotFound { kind: Kind::Key, id: id.to_owned() })?;
    w.edited(&Subject::User(owner.clone())).await?;
    w.tx.run("DELETE FROM api_keys WHERE id = $1", &[Text(id)]).await?;
    w.changed(Subject::User(owner)).await
}
