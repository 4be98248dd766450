//! Writes, and what administrators read: handed to the store, and seen here before they are answered.

use super::{Engine, error::EngineError, view::View};
use futures_util::future::BoxFuture;
use rolegate_rbac::custom_role::RequiredActions;
use rolegate_store::{
    auth::{self, Actor, ApiKey},
    error::{Error, Result, StoreError},
    revision::{Head, Token},
    tx::Tx,
    write::{WriteContext, WriteTx},
};
use std::time::Duration;
use tokio::{sync::oneshot, time::Instant};

/// How long a reply waits for the write to be seen here. The write is committed by then; a server that cannot see it in
/// this time is on its way to refusing all questions.
const VISIBLE_WITHIN: Duration = Duration::from_secs(5);

/// What a write wants beside the edit itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct WriteOptions {
    /// The revision at which the edit's object must last have changed.
    pub expected_revision: Option<u64>,
    /// Judge and do everything, and then leave no trace.
    pub dry_run: bool,
}

/// A write that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written<T> {
    /// What the edit made of it.
    pub value: T,
    /// A revision that contains the write; for a dry run, the one it was judged at.
    pub token: Token,
    /// The store's revision before the write.
    pub base_revision: u64,
}

/// An edit that keeps what it comes to elsewhere. What runs it is not made anew for each kind of edit then, of which there are
/// hundreds: that would take more than half a MiB.
type Edit = Box<dyn for<'w> FnOnce(&'w mut WriteTx) -> BoxFuture<'w, Result<()>> + Send>;

fn keeping<T: Send + 'static>(
    edit: impl for<'w> FnOnce(&'w mut WriteTx) -> BoxFuture<'w, Result<T>> + Send + 'static,
    keep: oneshot::Sender<T>,
) -> Edit {
    Box::new(|write| {
        let edited = edit(write);
        Box::pin(async {
            // Whoever wanted to know may have hung up.
            let _ = keep.send(edited.await?);
            Ok(())
        })
    })
}

fn cut_short() -> Error {
    Error::Store(StoreError::Unavailable("the write was cut short".to_owned()))
}

impl Engine {
    /// What every custom role must hold.
    #[must_use]
    pub fn required_actions(&self) -> RequiredActions {
        self.shared.settings.required
    }

    /// Finds out whose key this is.
    ///
    /// # Errors
    /// The key is not valid, its user is disabled, or the store failed.
    pub async fn authenticate(&self, key: &ApiKey) -> Result<Actor> {
        auth::authenticate(&mut self.shared.store.read().await?, key).await
    }

    /// Reads for an administrator, straight from the store, in one snapshot in which their key still holds.
    ///
    /// # Errors
    /// The key does not hold any more, and those of the reading function.
    pub async fn read<T: Send>(
        &self,
        actor: &Actor,
        read: impl for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send,
    ) -> Result<T> {
        let mut tx = self.shared.store.read().await?;
        actor.confirm(&mut tx).await?;
        read(&mut tx).await
    }

    /// Runs an edit in the store's write transaction, commits it, and waits until it is seen here, so that whoever
    /// gets the reply reads their own write. Goes on to its end even if the caller hangs up.
    ///
    /// # Errors
    /// Those of the edit; then nothing has changed.
    pub async fn write<T: Send + 'static>(
        &self,
        actor: Actor,
        options: WriteOptions,
        edit: impl for<'w> FnOnce(&'w mut WriteTx) -> BoxFuture<'w, Result<T>> + Send + 'static,
    ) -> Result<Written<T>> {
        let (keep, kept) = oneshot::channel();
        let Written { value: (), token, base_revision } =
            self.write_to_the_end(actor, options, keeping(edit, keep)).await?;
        // It is there: the write has come to its end.
        let unknown =
            |_| Error::Store(StoreError::OutcomeUnknown("what the write came to is lost".to_owned()));
        let value = kept.await.map_err(unknown)?;
        Ok(Written { value, token, base_revision })
    }

    async fn write_to_the_end(&self, actor: Actor, options: WriteOptions, edit: Edit) -> Result<Written<()>> {
        let engine = self.clone();
        let write = async move { engine.run_write(actor, options, edit).await };
        self.shared.writes.spawn(write).await.unwrap_or_else(|_| Err(cut_short()))
    }

    async fn run_write(&self, actor: Actor, options: WriteOptions, edit: Edit) -> Result<Written<()>> {
        let settings = &self.shared.settings;
        let context = WriteContext {
            actor,
            expected_revision: options.expected_revision,
            required: settings.required,
            history: settings.history,
            audit: settings.audit,
        };
        let mut write = WriteTx::begin(&*self.shared.store, context).await?;
        let base = write.base();
        self.refuse_forked(base)?;
        edit(&mut write).await?;
        if options.dry_run {
            return Ok(Written { value: (), token: base.token(), base_revision: base.revision });
        }
        let token = write.commit().await?.token();
        match self.wait_for_token(token, Instant::now() + VISIBLE_WITHIN).await {
            Ok(()) => {}
            // It went into a store that was taken away under it.
            Err(EngineError::OtherEpoch) => {
                let what = "the store was replaced while this was written; look at it before trying again";
                return Err(Error::Store(StoreError::OutcomeUnknown(what.to_owned())));
            }
            Err(error) => {
                tracing::warn!(%error, revision = token.revision, "a committed write is not yet seen here");
                let what = format!("the write is committed ({token}), but is not seen here yet");
                return Err(Error::Store(StoreError::OutcomeUnknown(what)));
            }
        }
        Ok(Written { value: (), token, base_revision: base.revision })
    }

    /// Refuses to write into a history that went back, before the follower has found that out and the epoch is renewed:
    /// what is written there would bear a token of the history that is lost, which the view has long passed.
    fn refuse_forked(&self, base: Head) -> Result<(), StoreError> {
        let is_lost = |view: &View| view.head.epoch == base.epoch && !base.goes_on_from(view.head);
        if !self.shared.published.current().is_some_and(|view| is_lost(&view)) {
            return Ok(());
        }
        self.shared.nudge.notify_one();
        let what = "its history went back: trying again helps once that has been dealt with";
        Err(StoreError::Unavailable(what.to_owned()))
    }

    /// Waits for writes in progress to come to their end, and closes the store.
    pub async fn finish(&self) {
        self.shared.writes.close();
        self.shared.writes.wait().await;
        self.shared.store.close().await;
    }
}
