//! `rolegate key`: API keys.

use super::{
    connect::{AdminArgs, Link},
    exit::Failure,
    objects::ExpectedArgs,
    output::{self, Report, Show, Table},
    page::{self, LimitArgs},
    time,
};
use crate::grpc::proto::{
    CreateApiKeyRequest, CreateApiKeyResponse, ListApiKeysRequest, RevokeApiKeyRequest,
};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::json;
use std::time::Duration;

/// The arguments of `key`.
#[derive(Args, Debug)]
pub(crate) struct KeyArgs {
    #[command(flatten)]
    admin: AdminArgs,
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Subcommand, Debug)]
enum KeyCommand {
    /// Make an API key; its secret is shown once
    #[command(after_help = "Examples:\n  \
        rolegate key create ann@example.com --label laptop --expires-in 90d\n  \
        rolegate key create ci@example.com --label pipeline --expires-at 2030-01-31T12:00:00Z")]
    Create(CreateArgs),
    /// List a user's API keys, without secrets
    #[command(after_help = "Examples:\n  rolegate key list ann@example.com")]
    List {
        /// The user's id
        user: String,
        #[command(flatten)]
        limit: LimitArgs,
    },
    /// Revoke an API key at once
    #[command(after_help = "Examples:\n  rolegate key revoke k7f3a9")]
    Revoke {
        /// The key's id
        key: String,
        #[command(flatten)]
        expected: ExpectedArgs,
    },
}

#[derive(Args, Debug)]
struct CreateArgs {
    /// The id of the user whose key it will be
    user: String,
    /// What it is for
    #[arg(long, value_name = "LABEL")]
    label: String,
    /// End it after this long, for example 90d
    #[arg(long, value_name = "DURATION", value_parser = time::parse_duration, conflicts_with = "expires_at")]
    expires_in: Option<Duration>,
    /// End it at this time, for example 2030-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time::parse_timestamp)]
    expires_at: Option<Timestamp>,
    #[command(flatten)]
    expected: ExpectedArgs,
}

/// Runs a command on API keys.
///
/// # Errors
/// When the server refuses or does not answer.
pub(crate) async fn run(args: KeyArgs) -> Result<Report, Failure> {
    let admin = &args.admin.connect().await?;
    match args.command {
        KeyCommand::Create(args) => create(admin, args).await,
        KeyCommand::List { user, limit } => list(admin, &user, limit).await,
        KeyCommand::Revoke { key, expected } => revoke(admin, key, expected).await,
    }
}

async fn create(admin: &Link, args: CreateArgs) -> Result<Report, Failure> {
    let expires_at = match args.expires_in {
        Some(duration) => Some(after(Timestamp::now(), duration)?),
        None => args.expires_at,
    };
    let request = CreateApiKeyRequest {
        user: args.user,
        label: args.label,
        expires_at: expires_at.map(time::to_proto),
        expected_revision: args.expected.expected_revision,
    };
    let made = admin.call(request).await?;
    report_created(made)
}

fn after(now: Timestamp, duration: Duration) -> Result<Timestamp, Failure> {
    now.checked_add(duration).map_err(|error| Failure::usage(format!("the key would end too late: {error}")))
}

fn report_created(made: CreateApiKeyResponse) -> Result<Report, Failure> {
    let key = output::present(made.key)?;
    let mut details = key.details();
    details.push(("SECRET", made.secret.clone()));
    details.push(("REVISION TOKEN", made.revision_token.clone()));
    let json = json!({ "key": key.json(), "secret": made.secret, "revision_token": made.revision_token });
    let report = Report::new(Table::of_details(details).to_string(), json);
    Ok(report.with_note("the secret is shown here and never again: keep it now"))
}

async fn list(admin: &Link, user: &str, limit: LimitArgs) -> Result<Report, Failure> {
    let keys = page::all(admin, limit, |page_size, page_token| ListApiKeysRequest {
        user: user.to_owned(),
        page_size,
        page_token,
    });
    Ok(keys.await?.report())
}

async fn revoke(admin: &Link, id: String, expected: ExpectedArgs) -> Result<Report, Failure> {
    let what = format!("revoked key `{id}`");
    let request = RevokeApiKeyRequest { id, expected_revision: expected.expected_revision };
    let done = admin.call(request).await?;
    Ok(Report::done(&what, &done.revision_token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cli::output::Format, grpc::proto::ApiKey};

    #[test]
    fn the_secret_is_printed_in_both_formats() -> Result<(), Failure> {
        let key = Some(ApiKey::default());
        let made = CreateApiKeyResponse { key, secret: "rgk_x".into(), ..CreateApiKeyResponse::default() };
        let report = report_created(made)?;
        assert!(report.render(Format::Table).contains("SECRET          rgk_x\n"));
        assert!(report.render(Format::Json).contains(r#""secret": "rgk_x""#));
        Ok(())
    }

    #[test]
    fn a_duration_counts_from_now() {
        let end = after(Timestamp::UNIX_EPOCH, Duration::from_secs(86_400)).ok();
        assert_eq!(end.map(|end| end.to_string()).as_deref(), Some("1970-01-02T00:00:00Z"));
    }
}
