//! `rolegate init`: a new store with its first site admin.

use super::{exit::Failure, output::Report};
use crate::{
    grpc::of_refusal,
    rbac::text::UserId,
    store::{
        error::{Error, StoreError},
        setup,
        sqlite::SqliteStore,
    },
};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use tonic::Code;

/// The arguments of `init`.
#[derive(Args, Debug)]
pub(crate) struct InitArgs {
    /// The store's file; must not exist yet
    #[arg(long, value_name = "FILE", env = "ROLEGATE_STORE", default_value = "data/rolegate.db")]
    store: PathBuf,
    /// The id of the first site admin, an e-mail address by custom
    #[arg(long, value_name = "USER")]
    admin: String,
}

/// Makes a store and its first site admin, and shows the admin's key once.
///
/// # Errors
/// When there is such a file already, or it cannot be written.
pub(crate) async fn init(args: InitArgs) -> Result<Report, Failure> {
    let admin = UserId::parse(&args.admin)
        .map_err(|error| Failure::usage(format!("--admin `{}`: {error}", args.admin)))?;
    let set_up = async |store: &SqliteStore| setup::first_admin(store, &admin, "first key").await;
    let key = SqliteStore::create(&args.store, set_up).await.map_err(|error| failure(&error))?;
    let (path, secret) = (args.store.display().to_string(), key.reveal());
    let text = format!(
        "made {path} with the site admin {admin}\n\nAPI key, shown here and never again:\n  {secret}\n\n\
         next:\n  rolegate serve --store {path}\n  export ROLEGATE_API_KEY=<the key>\n  rolegate user list\n"
    );
    Ok(Report::new(
        text,
        json!({ "store": path, "admin": admin.as_str(), "key_id": key.id(), "secret": secret }),
    ))
}

/// A store that says no is a verdict; one that cannot be reached is none.
pub(crate) fn failure(error: &Error) -> Failure {
    match error {
        Error::Refused(refusal) => of_refusal(refusal).into(),
        Error::Store(error @ StoreError::Unavailable(_)) => {
            Failure::rpc(Code::Unavailable, error.to_string())
        }
        Error::Store(error) => Failure::rpc(Code::FailedPrecondition, error.to_string()),
    }
}
