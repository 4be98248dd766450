//! `rolegate import`: what another system holds, taken over.

mod progress;

use super::{
    Cli, environment,
    exit::Failure,
    files,
    output::{Report, printable},
    site::{Outcome, offline},
};
use crate::{
    config::{StoreArgs, WriterArgs},
    engine::write::WriteOptions,
    platform::{
        import::{Notes, site_file},
        source::{Holdings, Source, SourceError},
    },
    site::{apply::Options, to_yaml},
};
use clap::{Args, CommandFactory as _, Subcommand};
use progress::{Kept, Shown};
use serde_json::json;
use std::{fmt::Write as _, path::PathBuf};
use tonic::Code;

/// The arguments of `import`.
#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    #[command(subcommand)]
    from: From,
}

/// Where from.
#[derive(Subcommand, Debug)]
enum From {
    /// Take over the roles, users, groups, projects, permissions, templates and gear restrictions of a platform
    ///
    /// Everything is read first, and then applied to the store in one step or not at all. What the store holds beside it
    /// is left alone, or deleted with --prune. A server on the same store goes by it at once.
    #[command(after_help = "Examples:\n  \
        rolegate import flywheel --from https://site.example.org --key-file key.txt --dry-run\n  \
        rolegate import flywheel --from https://site.example.org --key-file key.txt --resume pages.jsonl\n  \
        rolegate import flywheel --from http://127.0.0.1:7703 --key-file key.txt --store data/copy.db --prune")]
    Flywheel(Box<FlywheelArgs>),
}

#[derive(Args, Debug)]
struct FlywheelArgs {
    /// The platform's address; another rolegate's HTTP listener will do
    #[arg(long, value_name = "URL")]
    from: String,
    /// A file that holds the API key of one of the platform's site admins, and nothing else
    #[arg(long, value_name = "FILE")]
    key_file: String,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    writer: WriterArgs,
    /// Change nothing; say what would change, and who would gain or lose which actions where
    #[arg(long)]
    dry_run: bool,
    /// Also delete what the platform does not have
    #[arg(long)]
    prune: bool,
    /// Refuse if the store stands at any other revision, for example the one that a dry run showed
    #[arg(long, value_name = "N")]
    expected_revision: Option<u64>,
    /// Keep what is read in this file, and go on from there the next time; deleted once everything is applied
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
}

/// Takes over what another system holds.
///
/// # Errors
/// It cannot be read, or cannot be applied; then nothing has changed.
pub(crate) async fn import(args: ImportArgs) -> Result<Report, Failure> {
    let From::Flywheel(args) = args.from;
    // A rule of the server's that is misspelt would be none.
    environment::refuse_unknown(&Cli::command(), std::env::vars_os())?;
    let (store, rules) = (args.store.location()?, args.writer.into_rules()?);
    let source =
        Source::new(&args.from, &files::read_text(&args.key_file)?).map_err(|error| unread(&error))?;
    let kept = Kept::open(args.resume.as_deref(), &args.from)?;
    let (holdings, kept) = read(source, kept).await?;
    let (file, notes) = site_file(holdings, rules.required);
    let document = to_yaml(&file).map_err(Failure::local)?;
    let options = Options { prune: args.prune, report: args.dry_run, keep_unknown: true };
    let write = WriteOptions { expected_revision: args.expected_revision, dry_run: args.dry_run };
    let applied = offline::apply(&store, &document, write, options, rules).await?;
    let outcome = Outcome::read(applied)?;
    if !args.dry_run {
        kept.done();
    }
    Ok(report(&outcome, &notes, args.dry_run, args.prune))
}

/// Reads the platform, in a thread of its own, since reading blocks.
async fn read(source: Source, kept: Kept) -> Result<(Holdings, Kept), Failure> {
    let reading = move || {
        let mut shown = Shown::new(kept);
        let holdings = source.read(&mut shown);
        (holdings, shown.finish())
    };
    let (holdings, kept) =
        tokio::task::spawn_blocking(reading).await.map_err(|error| Failure::local(error.to_string()))?;
    Ok((holdings.map_err(|error| unread(&error))?, kept))
}

fn unread(error: &SourceError) -> Failure {
    let said = error.to_string();
    let said = printable(&said);
    match error {
        SourceError::Address(_) => Failure::usage(said).with_field("from"),
        SourceError::Unanswered { .. } => Failure::rpc(Code::Unavailable, said),
        SourceError::Refused { .. } => Failure::rpc(Code::PermissionDenied, said),
    }
}

fn report(outcome: &Outcome, notes: &Notes, dry_run: bool, prune: bool) -> Report {
    let mut text = outcome.text(dry_run, prune);
    for line in notes.lines() {
        // Writing to a string does not fail.
        let _ = writeln!(text, "note: {}", printable(&line));
    }
    let mut json = outcome.json(dry_run);
    if let Some(outcome) = json.as_object_mut() {
        outcome.insert("notes".to_owned(), json!(notes));
    }
    Report::new(text, json)
}
