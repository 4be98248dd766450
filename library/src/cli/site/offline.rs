//! Applying to and exporting from a store's file, without a server. A server on the same file notices at once.

use crate::{
    admin::site_replies,
    cli::{exit::Failure, init::failure, local::using},
    engine::write::{WriteOptions, Written},
    grpc::proto::ApplySiteResponse,
    site::{self, Document, apply::Options, export},
    store::{
        Store,
        auth::Actor,
        error::Result,
        location::Location,
        postgres::Access,
        setup,
        write::{WriteContext, WriteRules, WriteTx},
    },
};
use tonic::Code;

/// Applies a document, with the options that a server would get, and by the rules that it would go by.
///
/// # Errors
/// When the store cannot be used, the document is at fault, or a rule refuses.
pub(in crate::cli) async fn apply(
    store: &Location,
    document: &str,
    how: WriteOptions,
    options: Options,
    rules: WriteRules,
) -> std::result::Result<Vec<ApplySiteResponse>, Failure> {
    let file = Document::parse(document)
        .map_err(|problem| Failure::rpc(Code::InvalidArgument, format!("document: {problem}")))
        .map_err(|failure| failure.with_field("document"))?;
    let written = using(store, Access::Write, async |store| write(store, file, how, options, rules).await);
    Ok(site_replies(written.await.map_err(|error| failure(&error))?))
}

async fn write(
    store: &dyn Store,
    file: Document,
    how: WriteOptions,
    options: Options,
    rules: WriteRules,
) -> Result<Written<site::apply::Applied>> {
    let context = WriteContext { expected_revision: how.expected_revision, ..setup::operator(rules) };
    let mut w = WriteTx::begin(store, context).await?;
    let base = w.base();
    let value = site::apply::apply(&mut w, file, options).await?;
    let head = if how.dry_run { base } else { w.commit().await? };
    Ok(Written { value, token: head.token(), base_revision: base.revision })
}

/// Writes the whole site as a document.
///
/// # Errors
/// When the store cannot be used.
pub(super) async fn export(store: &Location) -> std::result::Result<String, Failure> {
    let exported = using(store, Access::Read, async |store| {
        export::export(&mut store.read().await?, Actor::Operator).await
    });
    exported.await.map_err(|error| failure(&error))
}
