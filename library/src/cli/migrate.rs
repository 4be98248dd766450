//! `rolegate migrate`: a store's schema, and its epoch.

use super::{exit::Failure, init::failure, local::using, output::Report};
use crate::{config::StoreArgs, store::postgres::Access};
use clap::Args;
use serde_json::json;

/// The arguments of `migrate`.
#[derive(Args, Debug)]
pub(crate) struct MigrateArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// Give the store a new epoch too, so that no revision token from before is compared with what comes after: for a
    /// store that was restored, where rolegate cannot find that out by itself
    #[arg(long)]
    new_epoch: bool,
}

/// Brings a store's schema up to date.
///
/// # Errors
/// The store cannot be reached or changed.
pub(crate) async fn migrate(args: MigrateArgs) -> Result<Report, Failure> {
    let store = args.store.location()?;
    store.migrate().await.map_err(|error| failure(&error.into()))?;
    let used = using(&store, Access::Write, async |store| {
        let head = store.read().await?.head();
        if args.new_epoch {
            store.renew_epoch(head.epoch).await?;
        }
        Ok(store.read().await?.head())
    });
    let head = used.await.map_err(|error| failure(&error))?;
    let text = format!("{store} is up to date, at revision {} of epoch {}\n", head.revision, head.epoch);
    let json =
        json!({ "store": store.to_string(), "revision": head.revision, "epoch": head.epoch.to_string() });
    Ok(Report::new(text, json))
}
