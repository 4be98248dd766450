//! `rolegate user`: users and their site roles.

use super::{
    connect::{AdminArgs, Link},
    exit::Failure,
    objects::ExpectedArgs,
    output::Report,
    page::{self, LimitArgs},
};
use crate::{
    grpc::proto::{
        CreateUserRequest, DeleteUserRequest, GetUserRequest, ListUsersRequest, UpdateUserRequest,
    },
    rbac::level::SiteRole,
};
use clap::{Args, Subcommand, builder::PossibleValuesParser};

/// The arguments of `user`.
#[derive(Args, Debug)]
pub(crate) struct UserArgs {
    #[command(flatten)]
    admin: AdminArgs,
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Subcommand, Debug)]
enum UserCommand {
    /// List all users
    #[command(after_help = "Examples:\n  rolegate user list\n  rolegate user list --limit 20")]
    List(LimitArgs),
    /// Show one user
    #[command(after_help = "Examples:\n  rolegate user get ann@example.com")]
    Get {
        /// The user's id
        user: String,
    },
    /// Make a user
    #[command(after_help = "Examples:\n  \
        rolegate user create ann@example.com\n  \
        rolegate user create dev@example.com --site-role developer")]
    Create {
        #[command(flatten)]
        at: OneUser,
        /// The site role; `user` if it is left out
        #[arg(long, value_name = "ROLE", value_parser = site_roles())]
        site_role: Option<String>,
        /// Start disabled
        #[arg(long)]
        disabled: bool,
    },
    /// Give a user another site role
    #[command(after_help = "Examples:\n  rolegate user update ann@example.com --site-role site_admin")]
    Update {
        #[command(flatten)]
        at: OneUser,
        /// The new site role
        #[arg(long, value_name = "ROLE", value_parser = site_roles())]
        site_role: String,
    },
    /// Let a disabled user act again, with all roles that they held
    #[command(after_help = "Examples:\n  rolegate user enable ann@example.com")]
    Enable(OneUser),
    /// Deny a user everything; what they hold stays
    #[command(after_help = "Examples:\n  rolegate user disable ann@example.com")]
    Disable(OneUser),
    /// Delete a user with everything they hold
    #[command(after_help = "Examples:\n  rolegate user delete ann@example.com")]
    Delete(OneUser),
}

#[derive(Args, Debug)]
struct OneUser {
    /// The user's id
    user: String,
    #[command(flatten)]
    expected: ExpectedArgs,
}

fn site_roles() -> PossibleValuesParser {
    PossibleValuesParser::new(SiteRole::ALL.iter().map(|role| role.name()))
}

/// Runs a command on users.
///
/// # Errors
/// When the server refuses or does not answer.
pub(crate) async fn run(args: UserArgs) -> Result<Report, Failure> {
    let admin = &args.admin.connect().await?;
    match args.command {
        UserCommand::List(limit) => list(admin, limit).await,
        UserCommand::Get { user } => get(admin, user).await,
        UserCommand::Create { at, site_role, disabled } => create(admin, at, site_role, disabled).await,
        UserCommand::Update { at, site_role } => update(admin, at, Some(site_role), None).await,
        UserCommand::Enable(at) => update(admin, at, None, Some(false)).await,
        UserCommand::Disable(at) => update(admin, at, None, Some(true)).await,
        UserCommand::Delete(at) => delete(admin, at).await,
    }
}

async fn list(admin: &Link, limit: LimitArgs) -> Result<Report, Failure> {
    let users = page::all(admin, limit, |page_size, page_token| ListUsersRequest { page_size, page_token });
    Ok(users.await?.report())
}

async fn get(admin: &Link, id: String) -> Result<Report, Failure> {
    let found = admin.call(GetUserRequest { id }).await?;
    Report::one(found.user)
}

async fn create(
    admin: &Link,
    at: OneUser,
    site_role: Option<String>,
    disabled: bool,
) -> Result<Report, Failure> {
    let expected_revision = at.expected.expected_revision;
    let request = CreateUserRequest { id: at.user, site_role, disabled, expected_revision };
    let made = admin.call(request).await?;
    Report::written(made.user, &made.revision_token)
}

async fn update(
    admin: &Link,
    at: OneUser,
    site_role: Option<String>,
    disabled: Option<bool>,
) -> Result<Report, Failure> {
    let expected_revision = at.expected.expected_revision;
    let request = UpdateUserRequest { id: at.user, site_role, disabled, expected_revision };
    let done = admin.call(request).await?;
    Report::written(done.user, &done.revision_token)
}

async fn delete(admin: &Link, at: OneUser) -> Result<Report, Failure> {
    let what = format!("deleted user `{}`", at.user);
    let request = DeleteUserRequest { id: at.user, expected_revision: at.expected.expected_revision };
    let done = admin.call(request).await?;
    Ok(Report::done(&what, &done.revision_token))
}
