//! `rolegate audit`: who changed what.

use super::{
    connect::{Admin, AdminArgs},
    exit::Failure,
    init::failure,
    local::using,
    output::{Format, Report, Show},
    time,
};
use crate::{
    config::DirectStoreArgs,
    grpc::{
        admin::audit_entry,
        proto::{AuditEntry, ListAuditRequest},
    },
    store::{
        auth::Actor,
        location::Location,
        postgres::Access,
        read::{
            PageRequest,
            audit::{AuditFilter, list},
        },
    },
};
use clap::Args;
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
    #[arg(long, value_name = "USER")]
    by: Option<String>,
    /// Only changes of this user, role, group, project or gear, or that name it
    #[arg(long, value_name = "ID")]
    of: Option<String>,
    /// Go on with changes as they are made, a line each
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

/// Where the audit is read.
enum Source {
    Server(Box<Admin>),
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
        ..ListAuditRequest::default()
    };
    let mut all = Vec::new();
    loop {
        let page = source.page(&request).await?;
        let is_end = page.is_empty();
        request.after = page.last().map(|entry| entry.id.clone()).or(request.after);
        if !args.follow {
            all.extend(page);
        } else if !print(&page, format) {
            // Whoever read it has gone.
            return Ok(Report::raw(""));
        }
        match (is_end, args.follow) {
            (true, false) => return Ok(Report::list(&all)),
            (true, true) => tokio::time::sleep(LOOK_EVERY).await,
            (false, _) => {}
        }
    }
}

impl Source {
    /// The entries that come next; none if there are no more.
    async fn page(&mut self, request: &ListAuditRequest) -> Result<Vec<AuditEntry>, Failure> {
        match self {
            Self::Server(admin) => {
                let page = admin.call(async |client| client.list_audit(request.clone()).await).await?;
                Ok(page.entries)
            }
            Self::Store(store) => {
                let filter = AuditFilter {
                    by: request.by.clone(),
                    of: request.of.clone(),
                    since: request.since.map(|since| since.seconds),
                };
                let page = PageRequest { size: usize::from(PAGE), after: request.after.clone() };
                let read = using(store, Access::Read, async |store| {
                    list(&mut store.read().await?, &Actor::Operator, &filter, &page).await
                });
                let found = read.await.map_err(|error| failure(&error))?;
                Ok(found.items.into_iter().map(audit_entry).collect())
            }
        }
    }
}

/// Prints entries a line each. Says whether somebody still reads.
fn print(entries: &[AuditEntry], format: Format) -> bool {
    let mut out = std::io::stdout().lock();
    let line = |entry: &AuditEntry| match format {
        Format::Json => entry.json().to_string(),
        Format::Table => entry.cells().join("  "),
    };
    entries.iter().all(|entry| writeln!(out, "{}", line(entry)).is_ok()) && out.flush().is_ok()
}

/// A part of an entry, which is JSON.
fn part(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

impl Show for AuditEntry {
    const NOUN: &'static str = "entry";
    const COLUMNS: &'static [&'static str] =
        &["REVISION", "TIME", "BY", "WITH", "WHAT", "OF", "BEFORE", "AFTER"];

    fn cells(&self) -> Vec<String> {
        let what = match (self.before.as_str(), self.after.as_str()) {
            ("null", _) => "created",
            (_, "null") => "deleted",
            _ => "changed",
        };
        vec![
            self.revision.to_string(),
            self.changed_at.map_or_else(|| "-".to_owned(), time::rfc3339),
            self.by.clone(),
            self.credential.clone(),
            format!("{what} {}", self.kind),
            self.subject.clone(),
            self.before.clone(),
            self.after.clone(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id, "revision": self.revision, "changed_at": self.changed_at.map(time::rfc3339),
            "by": self.by, "credential": self.credential, "kind": self.kind, "subject": self.subject,
            "before": part(&self.before), "after": part(&self.after),
        })
    }
}
