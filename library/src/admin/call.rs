//! One authenticated call of an administrator.

use super::request;
use crate::{
    engine::{
        Engine,
        write::{WriteOptions, Written},
    },
    grpc::{of_store, rpc::Encoded, size::Room},
    store::{
        auth::Actor,
        error::{Error, Result as StoreResult, StoreError},
        read::{Listed, Page},
        tx::Tx,
        write::WriteTx,
    },
};
use futures_util::future::BoxFuture;
use prost::Message;
use tonic::Status;

/// Who calls, and with what.
pub(super) struct Call<T> {
    pub(super) engine: Engine,
    pub(super) actor: Actor,
    pub(super) message: T,
    /// The most bytes that a reply may take.
    pub(super) reply_bytes: usize,
}

impl Call<Encoded> {
    /// The same with its message, read.
    pub(super) fn decoded<M: Message + Default>(self) -> Result<Call<M>, Status> {
        let Self { engine, actor, message, reply_bytes } = self;
        Ok(Call { engine, actor, message: message.read()?, reply_bytes })
    }
}

impl<T> Call<T> {
    /// Reads in one snapshot.
    pub(super) async fn read<V: Send>(
        &self,
        read: impl for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, StoreResult<V>> + Send,
    ) -> Result<V, Status> {
        self.engine.read(&self.actor, read).await.map_err(of_store)
    }

    /// Writes, if the object is at the expected revision.
    pub(super) async fn write<V: Send + 'static>(
        &self,
        expected_revision: Option<u64>,
        edit: impl for<'w> FnOnce(&'w mut WriteTx) -> BoxFuture<'w, StoreResult<V>> + Send + 'static,
    ) -> Result<Written<V>, Status> {
        self.write_with(WriteOptions { expected_revision, dry_run: false }, edit).await
    }

    /// Writes, or tries out.
    pub(super) async fn write_with<V: Send + 'static>(
        &self,
        options: WriteOptions,
        edit: impl for<'w> FnOnce(&'w mut WriteTx) -> BoxFuture<'w, StoreResult<V>> + Send + 'static,
    ) -> Result<Written<V>, Status> {
        self.engine.write(self.actor.clone(), options, edit).await.map_err(of_store)
    }

    /// A page's items as protobuf, as many as fit into a reply, and the token of the next page.
    pub(super) fn reply<R: Listed, M: Message>(
        &self,
        page: Page<R>,
        convert: impl Fn(R) -> M,
    ) -> (Vec<M>, String) {
        let mut room = Room::in_reply(self.reply_bytes);
        let (mut messages, mut last) = (Vec::new(), String::new());
        for item in page.items {
            let id = item.id().to_owned();
            let message = convert(item);
            // One that is too large alone is left to the check of the whole reply.
            if !room.takes(&message) && !messages.is_empty() {
                return (messages, request::page_token(Some(&last)));
            }
            messages.push(message);
            last = id;
        }
        (messages, request::page_token(page.next.as_deref()))
    }
}

/// What an edit has just written must be there.
pub(super) fn just_written<T>(found: Option<T>) -> StoreResult<T> {
    found.ok_or_else(|| Error::Store(StoreError::Corrupt("what was just written is not there".to_owned())))
}
