//! Whole sites: apply and export.

use super::{call::Call, objects};
use crate::{
    aside::{CutShort, aside},
    engine::write::{WriteOptions, Written},
    grpc::{convert::BadField, of_store, proto::*},
    site::{self, Document, apply::Applied, export},
};
use futures_util::{StreamExt as _, stream, stream::BoxStream};
use tonic::{Status, Streaming};

/// The largest site file taken, in bytes.
const LARGEST_FILE: usize = 64 * 1024 * 1024;
/// How much of a site file goes into one message, in bytes. The settings leave room for it.
pub(crate) const PIECE: usize = 256 * 1024;

type Replies<T> = BoxStream<'static, Result<T, Status>>;

pub(super) async fn apply(
    mut call: Call<Streaming<ApplySiteRequest>>,
) -> Result<Replies<ApplySiteResponse>, Status> {
    // Who may not apply need not be listened to: a site file is large.
    call.read(|tx| Box::pin(site::apply::permit(tx, call.actor.clone()))).await?;
    let (options, document) = receive(&mut call.message).await?;
    let parsed = aside(move || Document::parse(document)).await.map_err(cut_short)?;
    let file = parsed.map_err(|problem| BadField::malformed("document", problem))?;
    let prune = options.prune;
    let dry_run = options.dry_run;
    let write = WriteOptions { expected_revision: options.expected_revision, dry_run };
    let options = site::apply::Options { prune, report: dry_run, keep_unknown: false };
    let written = call
        .write_with(write, move |w| Box::pin(async move { site::apply::apply(w, file, options).await }))
        .await?;
    let replies = aside(move || replies(written)).await.map_err(cut_short)?;
    Ok(stream::iter(replies.into_iter().map(Ok)).boxed())
}

fn cut_short(cut: CutShort) -> Status {
    of_store(cut.into())
}

/// Gathers the document; the first message has the options.
async fn receive(messages: &mut Streaming<ApplySiteRequest>) -> Result<(ApplySiteRequest, String), Status> {
    let missing = || BadField::malformed("document", "is missing");
    let mut first = messages.message().await?.ok_or_else(missing)?;
    let mut document = std::mem::take(&mut first.document);
    while let Some(mut options) = messages.message().await? {
        let piece = std::mem::take(&mut options.document);
        // Options that come too late must not be lost: a dry run would then be none.
        if options != ApplySiteRequest::default() && options != first {
            return Err(BadField::malformed("options", "belong into the first message").into());
        }
        if document.len() + piece.len() > LARGEST_FILE {
            let problem = format!("is larger than {LARGEST_FILE} bytes");
            return Err(BadField::malformed("document", problem).into());
        }
        document.push_str(&piece);
    }
    Ok((first, document))
}

/// What an apply did, piece by piece, the summary last.
pub(crate) fn replies(written: Written<Applied>) -> Vec<ApplySiteResponse> {
    use apply_site_response::Piece;
    let applied = written.value;
    let summary = ApplySiteSummary {
        revision_token: written.token.to_string(),
        base_revision: written.base_revision,
        changes: applied.steps.len() as u64,
        unmentioned: applied.unmentioned,
    };
    let objects = applied.steps.into_iter().map(|step| {
        let (verb, object, detail) = (step.verb().to_owned(), step.object(), step.detail());
        Piece::ObjectChange(ObjectChange { verb, object, detail })
    });
    let accesses = applied.access_changes.into_iter().map(|c| Piece::AccessChange(objects::access_change(c)));
    let pieces = objects.chain(accesses).chain([Piece::Summary(summary)]);
    pieces.map(|piece| ApplySiteResponse { piece: Some(piece) }).collect()
}

pub(super) async fn export(call: Call<ExportSiteRequest>) -> Result<Replies<ExportSiteResponse>, Status> {
    let actor = call.actor.clone();
    let document = call.read(|tx| Box::pin(export::export(tx, actor))).await?;
    let mut rest = document.as_str();
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let (piece, more) = rest.split_at(rest.floor_char_boundary(PIECE));
        pieces.push(Ok(ExportSiteResponse { document: piece.to_owned() }));
        rest = more;
    }
    Ok(stream::iter(pieces).boxed())
}
