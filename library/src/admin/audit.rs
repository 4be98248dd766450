//! The audit.

use super::{call::Call, request};
use crate::{
    grpc::{
        convert::{BadField, maybe_text, quoted},
        proto::*,
        size::Room,
    },
    rbac::text::Label,
    store::{
        audit::{ID_DIGITS, revision_of_entry},
        read::{self, audit::AuditFilter},
    },
};
use serde_json::json;
use tonic::Status;

/// What of an entry is never left out, in bytes: that there was or is no such object, for one.
const SMALL_PART: usize = 1 << 10;

pub(super) async fn list(call: Call<ListAuditRequest>) -> Result<ListAuditResponse, Status> {
    let asked = &call.message;
    let mut page = request::page(asked.page_size, &asked.page_token)?;
    if page.after.is_none() {
        page.after = asked.after.as_deref().map(entry_id).transpose()?;
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
    let (entries, next_page_token) = call.reply(page, |found| within(call.reply_bytes, entry(found)));
    let [oldest, newest] = [reach.oldest, reach.newest].map(Option::unwrap_or_default);
    Ok(ListAuditResponse { entries, next_page_token, epoch: reach.epoch, oldest, newest })
}

fn entry_id(id: &str) -> Result<String, BadField> {
    let problem = || format!("is an entry's id of {ID_DIGITS} digits, and {} is none", quoted(id));
    revision_of_entry(id).map_or_else(|| Err(BadField::malformed("after", problem())), |_| Ok(id.to_owned()))
}

/// The entry as it fits into a reply of so many bytes. One that is larger by itself leaves out what does not fit, and says how much
/// that is: it must not keep those that come after it from being read.
fn within(bytes: usize, mut entry: AuditEntry) -> AuditEntry {
    if Room::in_reply(bytes).takes(&entry) {
        return entry;
    }
    for part in [&mut entry.before, &mut entry.after] {
        if part.len() > SMALL_PART {
            *part = json!({ "left_out_bytes": part.len() }).to_string();
        }
    }
    entry
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

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message as _;

    #[test]
    fn an_entry_that_fits_is_whole_and_a_larger_one_says_what_it_leaves_out() {
        let most = 1 << 20;
        let made = |bytes| AuditEntry {
            id: "1".to_owned(),
            before: "null".to_owned(),
            after: "x".repeat(bytes),
            ..AuditEntry::default()
        };
        assert_eq!(within(most, made(most / 2)), made(most / 2));
        for bytes in [most - 1_024, most, most * 10] {
            let told = within(most, made(bytes));
            assert_eq!((told.id.as_str(), told.before.as_str()), ("1", "null"));
            assert_eq!(told.after, format!("{{\"left_out_bytes\":{bytes}}}"));
            assert!(told.encoded_len() < 1_024);
        }
        let both = AuditEntry { before: "x".repeat(most), ..made(most) };
        assert!(within(most, both).encoded_len() < 1_024);
    }
}
