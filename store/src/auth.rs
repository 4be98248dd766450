//! API keys: made, stored hashed, and told apart in constant time.

use super::{
    error::{Result, StoreError},
    load,
    tx::{Arg::Int, Arg::Text, Tx},
    write::unix_seconds,
};
use rolegate_rbac::{grants::Grants, refusal::Refusal, text::UserId};
use sha2::{Digest as _, Sha256};
use std::fmt;
use subtle::ConstantTimeEq as _;

/// Who reads or writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Someone with access to the store itself, on the machine where it is; may do everything.
    Operator,
    /// The user of an API key.
    Key {
        /// Whose key.
        user: UserId,
        /// Which key.
        key: String,
    },
}

impl Actor {
    /// As change records name them.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Operator => "operator".to_owned(),
            Self::Key { user, key } => format!("{user} (key {key})"),
        }
    }

    /// The user who acts; an operator is none.
    #[must_use]
    pub const fn user(&self) -> Option<&UserId> {
        match self {
            Self::Operator => None,
            Self::Key { user, .. } => Some(user),
        }
    }

    /// Makes sure, in this transaction, that the actor's key still holds and that its user is enabled.
    ///
    /// Tells whether the actor may do everything.
    ///
    /// # Errors
    /// The key was revoked or has expired, or its user is disabled.
    pub async fn confirm(&self, tx: &mut Tx) -> Result<bool> {
        let Self::Key { user, key } = self else { return Ok(true) };
        let sql = "SELECT 1 FROM api_keys WHERE id = $1 AND user_id = $2 AND (expires_at IS NULL OR expires_at > $3)";
        let args = [Text(key), Text(user.as_str()), Int(unix_seconds())];
        tx.row(sql, &args).await?.ok_or(Refusal::Unauthenticated)?;
        let grants = load::user(tx, user).await?.filter(Grants::is_enabled);
        let grants = grants.ok_or_else(|| Refusal::NotPermitted { takes: "an enabled user".to_owned() })?;
        Ok(grants.is_superuser())
    }
}

/// A whole API key. Only its maker ever sees one; it prints redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    id: String,
    secret: String,
}

const PREFIX: &str = "rgk";
const ID_BYTES: usize = 6;
const SECRET_BYTES: usize = 32;

impl ApiKey {
    /// A new key: a readable id and 256 random bits.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn generate() -> Result<Self, StoreError> {
        Ok(Self { id: random_hex::<ID_BYTES>()?, secret: random_hex::<SECRET_BYTES>()? })
    }

    /// Reads a key from outside.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('_');
        let (prefix, id, secret) = (parts.next()?, parts.next()?, parts.next()?);
        let well_formed = prefix == PREFIX
            && parts.next().is_none()
            && id.len() == ID_BYTES * 2
            && secret.len() == SECRET_BYTES * 2
            && [id, secret].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()));
        well_formed.then(|| Self { id: id.to_owned(), secret: secret.to_owned() })
    }

    /// The readable part, which names the key everywhere.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The whole key, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{PREFIX}_{}_{}", self.id, self.secret)
    }

    /// What the store keeps. The secret is random through and through, so a plain hash cannot be guessed back.
    pub(super) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.reveal().as_bytes()).into()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}_{}_<redacted>", self.id)
    }
}

/// Random bytes in hexadecimal.
pub(super) fn random_hex<const N: usize>() -> Result<String, StoreError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Finds out whose key this is.
///
/// # Errors
/// [`Refusal::Unauthenticated`] for an unknown, wrong, revoked or expired key, [`Refusal::NotPermitted`] for a disabled
/// user's.
pub async fn authenticate(tx: &mut Tx, key: &ApiKey) -> Result<Actor> {
    let row = tx.row("SELECT user_id, secret_hash FROM api_keys WHERE id = $1", &[Text(&key.id)]).await?;
    // Hash and compare even for an id that does not exist: the time taken must not tell which ids do.
    let stored = row.as_ref().map(|row| row.bytes(1)).transpose()?.unwrap_or_else(|| vec![0; 32]);
    let same = bool::from(stored.ct_eq(&key.hash()));
    let row = row.filter(|_| same).ok_or(Refusal::Unauthenticated)?;
    let actor = Actor::Key { user: row.parsed(0, UserId::parse)?, key: key.id.clone() };
    actor.confirm(tx).await?;
    Ok(actor)
}
