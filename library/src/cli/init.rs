//! `rolegate init`: a new store with its first site admin.

use super::{exit::Failure, output::Report};
use crate::{
    config::StoreArgs,
    grpc::of_refusal,
    rbac::text::UserId,
    store::{
        error::{Error, StoreError},
        setup,
    },
};
use clap::Args;
use serde_json::json;
use tonic::Code;

/// The arguments of `init`.
#[derive(Args, Debug)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    store: StoreArgs,
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
    let store = args.store.location()?;
    let made = store.create(async |store| setup::first_admin(store, &admin, "first key").await).await;
    let key = made.map_err(|error| failure(&error))?;
    let (path, secret) = (store.to_string(), key.reveal());
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
        Error::Store(
            error @ (StoreError::Unavailable(_) | StoreError::Refused(_) | StoreError::OutcomeUnknown(_)),
        ) => Failure::rpc(Code::Unavailable, error.to_string()),
        Error::Store(error) => Failure::rpc(Code::FailedPrecondition, error.to_string()),
    }
}
