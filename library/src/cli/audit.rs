//! `rolegate audit`: who changed what.

use super::{
    connect::{AdminArgs, Link},
    exit::Failure,
    init::failure,
    local::using,
    output::{self, Format, Report, Show, printable},
    time,
};
use crate::{
    admin::audit_entry,
    config::DirectStoreArgs,
    grpc::proto::{AuditEntry, ListAuditRequest, ListAuditResponse},
    store::{
        audit::{ID_DIGITS, revision_of_entry},
        auth::Actor,
        location::Location,
        postgres::Access,
        read::{
            PageRequest,
            audit::{AuditFilter, list, reach},
        },
    },
};
use clap::{Args, builder::NonEmptyStringValueParser};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{io::Write as _, time::Duration};

/// How many entries to ask for at a time.
const PAGE: u16 = 500;
/// How often to look for more.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The arguments of `audit`.
#[derive(Args, Debug)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    direct: DirectStoreArgs,
    /// Only changes from then on: a time such as 2030-01-31T12:00:00Z, or so long ago, such as 24h
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Timestamp>,
    /// Only changes by this user; `operator` is whoever wrote to the store itself
    #[arg(long, value_name = "USER", value_parser = NonEmptyStringValueParser::new())]
    by: Option<String>,
    /// Only changes of this user, role, group, project or gear, or that name it
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    of: Option<String>,
    /// Only changes after the entry of this id: to go on where an earlier list ended
    #[arg(long, value_name = "ENTRY", value_parser = entry_id)]
    after: Option<String>,
    /// The history that `--after` is of, as the entry told it: should the store have been put back to an earlier state since,
    /// that is told, and then all there is
    #[arg(long, value_name = "EPOCH", requires_all = ["after", "follow"], value_parser = NonEmptyStringValueParser::new())]
    epoch: Option<String>,
    /// Go on with changes as they are made, a line each; what is missing in between is told
    #[arg(long)]
    follow: bool,
}

/// Reads a point in time, or how long ago it was.
fn since(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = time::parse_timestamp(text) {
        return Ok(time);
    }
    let ago = time::parse_duration(text).map_err(|_| "write it as 2030-01-31T12:00:00Z or 24h".to_owned())?;
    Timestamp::now().checked_sub(ago).map_err(|error| error.to_string())
}

fn entry_id(text: &str) -> Result<String, String> {
    let problem =
        || format!("an entry's id has {ID_DIGITS} digits, and is the first thing that is told of it");
    revision_of_entry(text).map(|_| text.to_owned()).ok_or_else(problem)
}

/// Where the audit is read.
enum Source {
    Server(Box<Link>),
    Store(Location),
}

/// Lists who changed what, the oldest first, and goes on if that is wanted.
///
/// # Errors
/// When the server refuses or does not answer, or the store cannot be read.
pub(crate) async fn run(args: AuditArgs, format: Format) -> Result<Report, Failure> {
    let mut source = match args.direct.location()? {
        Some(store) => Source::Store(store),
        None => Source::Server(Box::new(args.admin.connect().await?)),
    };
    let mut request = ListAuditRequest {
        page_size: i32::from(PAGE),
        since: args.since.map(time::to_proto),
        by: args.by,
        of: args.of,
        after: args.after,
        ..ListAuditRequest::default()
    };
    if args.follow {
        return follow(&mut source, request, args.epoch, format).await;
    }
    let mut all = Vec::new();
    loop {
        let page = source.page(&request).await?;
        let Some(last) = page.entries.last() else { return Ok(Report::list::<Told>(&all)) };
        request.after = Some(last.id.clone());
        all.extend(Told::all(page));
    }
}

/// Prints entries as they are made, until nobody reads them any more.
async fn follow(
    source: &mut Source,
    mut request: ListAuditRequest,
    mut epoch: Option<String>,
    format: Format,
) -> Result<Report, Failure> {
    let mut is_away = false;
    loop {
        let page = match source.page(&request).await {
            Ok(page) => page,
            Err(failure) if failure.may_pass() => {
                if !is_away {
                    output::print_error(&format!(
                        "note: going on trying after {}",
                        failure.render(Format::Table)
                    ));
                }
                is_away = true;
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            }
            Err(failure) => return Err(failure),
        };
        is_away = false;
        let gap = gap(epoch.as_deref(), request.after.as_deref(), &page);
        if gap == Some(Gap::OtherHistory) {
            // From its beginning: where it begins to be another one is not known.
            request.after = None;
            epoch = Some(page.epoch);
            if !tell(Gap::OtherHistory, format) {
                return Ok(Report::raw(""));
            }
            continue;
        }
        epoch = Some(page.epoch.clone());
        let (after, is_end) = (seen(request.after, &page), page.entries.is_empty());
        if gap.is_some_and(|gap| !tell(gap, format))
            || !print(Told::all(page).map(|told| line(&told, format)))
        {
            return Ok(Report::raw(""));
        }
        request.after = after;
        if is_end {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Up to which entry all is known, that it was not asked for included, once a page was told.
fn seen(after: Option<String>, page: &ListAuditResponse) -> Option<String> {
    if let Some(last) = page.entries.last() {
        return Some(last.id.clone());
    }
    // A server of an earlier version does not say which is the newest.
    let reach = [&page.newest, &page.oldest].into_iter().filter(|id| !id.is_empty());
    reach.cloned().chain(after).max()
}

/// What a follower was not told.
#[derive(Debug, PartialEq, Eq)]
enum Gap {
    /// The store was put back from a backup: what was told last may not have happened in it.
    OtherHistory,
    /// Entries after the one and before the other are not kept any more.
    NoLongerKept { after: String, before: String },
}

/// What is missing between what was told last and this page.
fn gap(epoch: Option<&str>, after: Option<&str>, page: &ListAuditResponse) -> Option<Gap> {
    // Whoever goes on where they ended may not know of which history that was.
    let is_beyond = after.is_some_and(|after| !page.newest.is_empty() && page.newest.as_str() < after);
    if epoch.is_some_and(|epoch| epoch != page.epoch) || is_beyond {
        return Some(Gap::OtherHistory);
    }
    let (after, oldest) = (after?, Some(page.oldest.as_str()).filter(|oldest| !oldest.is_empty())?);
    // Revisions go up one by one: what follows the last one at once is what comes next.
    let is_missing = oldest > after && revision_of_entry(oldest)? > revision_of_entry(after)? + 1;
    is_missing.then(|| Gap::NoLongerKept { after: after.to_owned(), before: oldest.to_owned() })
}

/// Tells a gap where entries are told, if a machine reads them, and beside them otherwise. Says whether somebody still reads.
fn tell(gap: Gap, format: Format) -> bool {
    let (gap, text) = match gap {
        Gap::OtherHistory => (
            json!({ "cause": "other_history" }),
            "the store was put back to an earlier state; all of its audit follows".to_owned(),
        ),
        Gap::NoLongerKept { after, before } => (
            json!({ "cause": "no_longer_kept", "after": after, "before": before }),
            format!("entries after {after} and before {before} are not kept any more"),
        ),
    };
    match format {
        Format::Json => print([json!({ "gap": gap }).to_string()]),
        Format::Table => {
            output::print_error(&format!("note: {text}\n"));
            true
        }
    }
}

impl Source {
    /// The entries that come next; none if there are no more.
    async fn page(&mut self, request: &ListAuditRequest) -> Result<ListAuditResponse, Failure> {
        match self {
            Self::Server(admin) => admin.call(request.clone()).await,
            Self::Store(store) => {
                let filter = AuditFilter {
                    by: request.by.clone(),
                    of: request.of.clone(),
                    since: request.since.map(|since| since.seconds),
                };
                let page = PageRequest { size: usize::from(PAGE), after: request.after.clone() };
                let read = using(store, Access::Read, async |store| {
                    let mut tx = store.read().await?;
                    let found = list(&mut tx, &Actor::Operator, &filter, &page).await?;
                    Ok((found, reach(&mut tx).await?))
                });
                let (found, reach) = read.await.map_err(|error| failure(&error))?;
                Ok(ListAuditResponse {
                    entries: found.items.into_iter().map(audit_entry).collect(),
                    next_page_token: String::new(),
                    epoch: reach.epoch,
                    oldest: reach.oldest.unwrap_or_default(),
                    newest: reach.newest.unwrap_or_default(),
                })
            }
        }
    }
}

/// An entry, and the history that it is of.
struct Told {
    entry: AuditEntry,
    epoch: String,
}

impl Told {
    /// All on a page.
    fn all(page: ListAuditResponse) -> impl Iterator<Item = Self> {
        let epoch = page.epoch;
        page.entries.into_iter().map(move |entry| Self { entry, epoch: epoch.clone() })
    }
}

/// An entry in a line.
fn line(told: &Told, format: Format) -> String {
    match format {
        Format::Json => told.json().to_string(),
        Format::Table => printable(&told.cells().join("  ")).into_owned(),
    }
}

/// Prints lines. Says whether somebody still reads.
fn print(lines: impl IntoIterator<Item = String>) -> bool {
    let mut out = std::io::stdout().lock();
    lines.into_iter().all(|line| writeln!(out, "{line}").is_ok()) && out.flush().is_ok()
}

/// A part of an entry, which is JSON.
fn part(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

impl Show for Told {
    const NOUN: &'static str = "entry";
    const COLUMNS: &'static [&'static str] =
        &["ENTRY", "REVISION", "TIME", "BY", "WITH", "WHAT", "OF", "BEFORE", "AFTER"];

    fn cells(&self) -> Vec<String> {
        let entry = &self.entry;
        let what = match (entry.before.as_str(), entry.after.as_str()) {
            ("null", _) => "created",
            (_, "null") => "deleted",
            _ => "changed",
        };
        vec![
            entry.id.clone(),
            entry.revision.to_string(),
            entry.changed_at.map_or_else(|| "-".to_owned(), time::rfc3339),
            entry.by.clone(),
            entry.credential.clone(),
            format!("{what} {}", entry.kind),
            entry.subject.clone(),
            entry.before.clone(),
            entry.after.clone(),
        ]
    }

    fn json(&self) -> Value {
        let Self { entry, epoch } = self;
        json!({
            "id": entry.id, "epoch": epoch, "revision": entry.revision,
            "changed_at": entry.changed_at.map(time::rfc3339), "by": entry.by, "credential": entry.credential,
            "kind": entry.kind, "subject": entry.subject, "before": part(&entry.before), "after": part(&entry.after),
        })
    }
}

#[cfg(test)]
mod tests;
