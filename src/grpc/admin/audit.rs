//! The audit.

use super::{
    super::{
        convert::{maybe_text, request},
        proto::*,
    },
    call::Call,
};
use crate::{
    rbac::text::Label,
    store::read::{self, audit::AuditFilter},
};
use tonic::Status;

pub(super) async fn list(call: Call<ListAuditRequest>) -> Result<ListAuditResponse, Status> {
    let asked = &call.message;
    let mut page = request::page(asked.page_size, &asked.page_token)?;
    if page.after.is_none() {
        page.after = maybe_text("after", asked.after.as_deref(), Label::parse)?.map(|id| id.to_string());
    }
    let filter = AuditFilter {
        by: maybe_text("by", asked.by.as_deref(), Label::parse)?.map(|id| id.to_string()),
        of: maybe_text("of", asked.of.as_deref(), Label::parse)?.map(|id| id.to_string()),
        since: asked.since.map(|since| since.seconds),
    };
    let actor = call.actor.clone();
    let (page, reach) = call
        .read(|tx| {
            Box::pin(async move {
                let found = read::audit::list(tx, &actor, &filter, &page).await?;
                Ok((found, read::audit::reach(tx).await?))
            })
        })
        .await?;
    let (entries, next_page_token) = call.reply(page, entry);
    let [oldest, newest] = [reach.oldest, reach.newest].map(Option::unwrap_or_default);
    Ok(ListAuditResponse { entries, next_page_token, epoch: reach.epoch, oldest, newest })
}

/// An entry as it is sent.
pub(crate) fn entry(entry: read::audit::AuditEntry) -> AuditEntry {
    AuditEntry {
        id: entry.id,
        revision: entry.revision,
        changed_at: Some(prost_types::Timestamp { seconds: entry.changed_at, nanos: 0 }),
        by: entry.actor,
        credential: entry.credential,
        kind: entry.kind,
        subject: entry.subject,
        before: entry.before,
        after: entry.after,
    }
}
