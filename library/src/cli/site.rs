//! `rolegate apply` and `rolegate export`: the whole site as one file.

pub(super) mod offline;

use super::{
    Cli, access,
    connect::AdminArgs,
    environment,
    exit::Failure,
    files,
    output::{Report, printable},
};
use crate::{
    admin::PIECE,
    config::{DirectStoreArgs, WriterArgs},
    engine::write::WriteOptions,
    grpc::proto::{
        AccessChange, ApplySiteRequest, ApplySiteResponse, ApplySiteSummary, ExportSiteRequest, ObjectChange,
        apply_site_response::Piece,
    },
    rbac::text::counted,
    site::apply::Options,
};
use clap::{Args, CommandFactory as _};
use serde_json::{Value, json};
use std::{fmt::Write as _, fs, path::PathBuf};
use tonic::{Response, Status, Streaming};

/// The arguments of `apply`.
#[derive(Args, Debug)]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    direct: DirectStoreArgs,
    #[command(flatten)]
    writer: WriterArgs,
    /// The site file, YAML or JSON; `-` reads standard input
    #[arg(short, long, value_name = "FILE")]
    file: String,
    /// Change nothing; say what would change, and who would gain or lose which actions where
    #[arg(long)]
    dry_run: bool,
    /// Also delete the objects that the file does not name
    #[arg(long)]
    prune: bool,
    /// Refuse if the store stands at any other revision, for example the one that a dry run showed
    #[arg(long, value_name = "N")]
    expected_revision: Option<u64>,
}

/// The arguments of `export`.
#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    direct: DirectStoreArgs,
    /// Write to this file instead of standard output
    #[arg(short = 'o', long, value_name = "FILE")]
    to: Option<PathBuf>,
}

/// Brings the site in line with a file.
///
/// # Errors
/// When the file cannot be read, or the server refuses or does not answer.
pub(crate) async fn apply(args: ApplyArgs) -> Result<Report, Failure> {
    let document = files::read_text(&args.file)?;
    let (dry_run, prune) = (args.dry_run, args.prune);
    let first = ApplySiteRequest {
        document: String::new(),
        dry_run,
        prune,
        expected_revision: args.expected_revision,
    };
    let pieces = match args.direct.location()? {
        Some(store) => {
            // A rule of the server's that is misspelt would be none.
            environment::refuse_unknown(&Cli::command(), std::env::vars_os())?;
            let options = Options { prune, report: dry_run, keep_unknown: false };
            let write = WriteOptions { expected_revision: args.expected_revision, dry_run };
            offline::apply(&store, &document, write, options, args.writer.into_rules()?).await?
        }
        None => {
            let messages = tokio_stream::iter(messages(&document, &first));
            let admin = args.admin.connect_for_a_site().await?;
            admin.stream(async |client| collect(client.apply_site(messages).await?).await).await?
        }
    };
    let outcome = Outcome::read(pieces)?;
    Ok(Report::new(outcome.text(dry_run, prune), outcome.json(dry_run)))
}

/// The document in messages that fit, of which the first carries the options.
fn messages(document: &str, first: &ApplySiteRequest) -> Vec<ApplySiteRequest> {
    let mut rest = document;
    let mut messages = Vec::new();
    while messages.is_empty() || !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE));
        let options = if messages.is_empty() { first.clone() } else { ApplySiteRequest::default() };
        messages.push(ApplySiteRequest { document: piece.to_owned(), ..options });
        rest = after;
    }
    messages
}

async fn collect<T>(stream: Response<Streaming<T>>) -> Result<Vec<T>, Status> {
    let mut stream = stream.into_inner();
    let mut items = Vec::new();
    while let Some(item) = stream.message().await? {
        items.push(item);
    }
    Ok(items)
}

/// What an apply changed.
pub(super) struct Outcome {
    objects: Vec<ObjectChange>,
    accesses: Vec<AccessChange>,
    summary: ApplySiteSummary,
}

impl Outcome {
    pub(super) fn read(pieces: Vec<ApplySiteResponse>) -> Result<Self, Failure> {
        let (mut objects, mut accesses, mut summary) = (Vec::new(), Vec::new(), None);
        for piece in pieces {
            match piece.piece {
                Some(Piece::ObjectChange(change)) => objects.push(change),
                Some(Piece::AccessChange(change)) => accesses.push(change),
                Some(Piece::Summary(end)) => summary = Some(end),
                None => {}
            }
        }
        let missing = || {
            Failure::malformed_answer("it ends without a summary, so the site may or may not have changed")
        };
        Ok(Self { objects, accesses, summary: summary.ok_or_else(missing)? })
    }

    pub(super) fn text(&self, dry_run: bool, prune: bool) -> String {
        let mut text = String::new();
        for change in &self.objects {
            let colon = if change.detail.is_empty() { "" } else { ": " };
            let line = format!("{} {}{colon}{}", change.verb, change.object, change.detail);
            let _ = writeln!(text, "{}", printable(&line));
        }
        if dry_run {
            let _ = write!(text, "\naccess changes:\n{}\n", access::text(&self.accesses));
        }
        let _ = writeln!(text, "{}", self.summary_line(dry_run, prune));
        if !dry_run {
            let _ = writeln!(text, "revision token: {}", printable(&self.summary.revision_token));
        }
        text
    }

    fn summary_line(&self, dry_run: bool, prune: bool) -> String {
        let ApplySiteSummary { base_revision, changes, unmentioned, .. } = self.summary;
        let changed = counted(changes, "object", "objects");
        let fate = match (prune, unmentioned) {
            (true, _) => "",
            (false, 1) => " is left alone",
            (false, _) => " are left alone",
        };
        let unmentioned = counted(unmentioned, "object", "objects");
        let unmentioned = format!("{unmentioned} that the file does not name{fate}");
        if dry_run {
            return format!(
                "dry run: {changed} would change, {unmentioned}\n\
                 to apply exactly this, give --expected-revision {base_revision}"
            );
        }
        format!("{changed} changed, {unmentioned}")
    }

    pub(super) fn json(&self, dry_run: bool) -> Value {
        let object = |change: &ObjectChange| json!({ "verb": change.verb, "object": change.object, "detail": change.detail });
        json!({
            "dry_run": dry_run,
            "object_changes": self.objects.iter().map(object).collect::<Value>(),
            "access_changes": access::json(&self.accesses),
            "changes": self.summary.changes,
            "unmentioned": self.summary.unmentioned,
            "base_revision": self.summary.base_revision,
            "revision_token": self.summary.revision_token,
        })
    }
}

/// Writes the whole site as a site file.
///
/// # Errors
/// When the server refuses or does not answer, or the file cannot be written.
pub(crate) async fn export(args: ExportArgs) -> Result<Report, Failure> {
    let document = match args.direct.location()? {
        Some(store) => offline::export(&store).await?,
        None => {
            let admin = args.admin.connect_for_a_site().await?;
            let request = ExportSiteRequest {};
            let pieces =
                admin.stream(async |client| collect(client.export_site(request).await?).await).await?;
            pieces.into_iter().map(|piece| piece.document).collect()
        }
    };
    let Some(file) = args.to else { return Ok(Report::raw(document)) };
    fs::write(&file, &document)
        .map_err(|error| Failure::local(format!("cannot write `{}`: {error}", file.display())))?;
    let json = json!({ "file": file.display().to_string(), "bytes": document.len() });
    Ok(Report::new(format!("wrote `{}`\n", file.display()), json))
}

#[cfg(test)]
mod tests;
