//! The first writes to a new store.

use super::{
    Store,
    auth::{Actor, ApiKey},
    edit,
    error::{Error, Result, StoreError},
    write::{WriteContext, WriteRules, WriteTx},
};
use rolegate_rbac::{
    level::SiteRole,
    text::{Label, UserId},
};

/// What whoever has the store's file at hand may say of a write: everything is allowed, nothing is expected.
#[must_use]
pub fn operator(rules: WriteRules) -> WriteContext {
    let WriteRules { required, history, audit } = rules;
    WriteContext { actor: Actor::Operator, expected_revision: None, required, history, audit }
}

/// Makes the first site admin and a key for them. There is no default one: without this nobody can administer.
///
/// # Errors
/// The store cannot be written, or has such a user already.
pub async fn first_admin(store: &dyn Store, user: &UserId, key_label: &str) -> Result<ApiKey> {
    let label =
        Label::parse(key_label).map_err(|error| Error::Store(StoreError::Corrupt(error.to_string())))?;
    // Its two edits make no role, and are the first of all history: no rule can bear on them.
    let mut w = WriteTx::begin(store, operator(WriteRules::default())).await?;
    edit::users::create(&mut w, user, SiteRole::SiteAdmin, true).await?;
    let (_, key) = edit::keys::create(&mut w, user, &label, None).await?;
    w.commit().await?;
    Ok(key)
}
