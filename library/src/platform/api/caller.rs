//! Who calls: found out before anything else of a request is looked at.

use super::{Api, failure::Failure};
use crate::{
    engine::{Engine, write::WriteOptions},
    grpc::bearer,
    store::{
        auth::{Actor, ApiKey},
        error::Result as StoreResult,
        tx::Tx,
        write::WriteTx,
    },
};
use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, StatusCode, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use futures_util::future::BoxFuture;
use http_body::Body as _;
use std::time::Duration;

/// The longest that a request may take, its body included.
const LONGEST: Duration = Duration::from_secs(120);

/// Lets those in who show a key, few enough at a time, for so long.
pub(super) async fn admit(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let Ok(_place) = api.places.try_acquire() else {
        return busy("too many requests are being answered; try again later");
    };
    let answer = async {
        match authenticate(&api.engine, request.headers()).await {
            Ok(actor) => {
                let Some(_room) = api.room.take(request.body().size_hint().upper()) else {
                    return busy("too many long bodies are coming in; try again later, or send less at once");
                };
                request.extensions_mut().insert(actor);
                next.run(request).await
            }
            Err(failure) => failure.into_response(),
        }
    };
    let late = || Failure::new(StatusCode::SERVICE_UNAVAILABLE, "DEADLINE", "the request took too long");
    tokio::time::timeout(LONGEST, answer).await.unwrap_or_else(|_| late().into_response())
}

fn busy(why: &str) -> Response {
    Failure::new(StatusCode::SERVICE_UNAVAILABLE, "BUSY", why).into_response()
}

async fn authenticate(engine: &Engine, headers: &HeaderMap) -> Result<Actor, Failure> {
    let key = key(headers).and_then(ApiKey::parse).ok_or_else(Failure::unauthenticated)?;
    Ok(engine.authenticate(&key).await?)
}

/// The key in the one authorization header: clients of the platform call the scheme `scitran-user`, or `Bearer`.
fn key(headers: &HeaderMap) -> Option<&str> {
    let key = bearer::shown(headers, &["scitran-user", "bearer"])?;
    // A whole key as users paste it, with the address in front of the secret.
    Some(key.trim().rsplit(':').next().unwrap_or(key))
}

/// An administrator who calls.
pub(super) struct Caller {
    engine: Engine,
    pub(super) actor: Actor,
}

impl FromRequestParts<Api> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Failure> {
        let actor = parts.extensions.get::<Actor>().cloned().ok_or_else(Failure::unauthenticated)?;
        Ok(Self { engine: api.engine.clone(), actor })
    }
}

impl Caller {
    /// Reads in one snapshot.
    pub(super) async fn read<T: Send>(
        &self,
        read: impl for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, StoreResult<T>> + Send,
    ) -> Result<T, Failure> {
        Ok(self.engine.read(&self.actor, read).await?)
    }

    /// Writes, all or nothing, and waits until it is seen here.
    pub(super) async fn write<T: Send + 'static>(
        self,
        edit: impl for<'w> FnOnce(&'w mut WriteTx) -> BoxFuture<'w, StoreResult<T>> + Send + 'static,
    ) -> Result<T, Failure> {
        Ok(self.engine.write(self.actor, WriteOptions::default(), edit).await?.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header::AUTHORIZATION;

    fn key_of(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().ok()?);
        }
        key(&headers).map(str::to_owned)
    }

    #[test]
    fn both_schemes_of_the_platforms_clients_are_taken() {
        for scheme in ["scitran-user", "Bearer", "bearer", "SCITRAN-USER"] {
            assert_eq!(key_of(&[&format!("{scheme} secret")]).as_deref(), Some("secret"));
        }
        assert_eq!(key_of(&["scitran-user db.example:443:secret"]).as_deref(), Some("secret"));
        for others in [&["Basic c2VjcmV0"][..], &["secret"], &["Bearer a", "Bearer b"], &[]] {
            assert_eq!(key_of(others), None, "{others:?}");
        }
    }
}
