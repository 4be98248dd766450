//! `rolegate role`: custom roles, and the groups they are offered to.

use super::{
    access,
    connect::{AdminArgs, Link},
    exit::Failure,
    objects::ExpectedArgs,
    output::{self, Report, Show},
    page::{self, LimitArgs},
    role_ref,
};
use crate::{
    grpc::proto::{
        CreateRoleRequest, DeleteRoleRequest, ListOfferedRolesRequest, ListRolesRequest, OfferRoleRequest,
        Role, RoleActions, UpdateRoleRequest, UpdateRoleResponse, WithdrawRoleRequest,
    },
    rbac::action::Action,
};
use clap::{ArgGroup, Args, Subcommand};
use serde_json::json;
use std::fmt::Write as _;
use tonic::Code;

/// The arguments of `role`.
#[derive(Args, Debug)]
pub(crate) struct RoleArgs {
    #[command(flatten)]
    admin: AdminArgs,
    #[command(subcommand)]
    command: RoleCommand,
}

#[derive(Subcommand, Debug)]
enum RoleCommand {
    /// List all project roles, the built-in ones included
    #[command(after_help = "Examples:\n  rolegate role list\n  rolegate role list --output json")]
    List(LimitArgs),
    /// Show one role with its actions
    #[command(after_help = "Examples:\n  rolegate role get rw\n  rolegate role get \"Gear developer\"")]
    Get {
        /// The role's id or label
        role: String,
    },
    /// Make a custom role
    #[command(after_help = "Examples:\n  \
        rolegate role create --label \"Tagger\" --with-required --action tags_manage,notes_manage\n  \
        rolegate role create --label \"Viewer\" --with-required --action files_view_contents")]
    Create(CreateArgs),
    /// Change a custom role, for all its holders at once
    #[command(after_help = "Examples:\n  \
        rolegate role update \"Tagger\" --add-action files_download --dry-run\n  \
        rolegate role update \"Tagger\" --add-action files_download --remove-action notes_manage\n  \
        rolegate role update \"Tagger\" --label \"Annotator\" --expected-revision 41")]
    Update(UpdateArgs),
    /// Delete a custom role that is assigned nowhere
    #[command(after_help = "Examples:\n  rolegate role delete \"Tagger\"")]
    Delete {
        /// The role's id or label
        role: String,
        #[command(flatten)]
        expected: ExpectedArgs,
    },
    /// Offer a custom role to a group, so that it can be assigned there
    #[command(after_help = "Examples:\n  rolegate role offer \"Tagger\" --group neuro")]
    Offer(OfferArgs),
    /// Take an offer back
    #[command(after_help = "Examples:\n  rolegate role withdraw \"Tagger\" --group neuro")]
    Withdraw(OfferArgs),
    /// List the custom roles offered to a group
    #[command(after_help = "Examples:\n  rolegate role offered --group neuro")]
    Offered {
        /// The group's id
        #[arg(long, value_name = "GROUP")]
        group: String,
        #[command(flatten)]
        limit: LimitArgs,
    },
}

#[derive(Args, Debug)]
struct CreateArgs {
    /// The label, unique on the site
    #[arg(long, value_name = "LABEL")]
    label: String,
    /// An action that the role holds; repeat, or separate by commas
    #[arg(long, value_name = "ACTION", value_delimiter = ',')]
    action: Vec<String>,
    /// Also hold the actions that every custom role must hold
    #[arg(long)]
    with_required: bool,
    /// The id; the server makes one if it is left out
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    #[command(flatten)]
    expected: ExpectedArgs,
}

#[derive(Args, Debug)]
#[command(group = ArgGroup::new("change").args(["label", "action", "add_action", "remove_action"])
    .required(true).multiple(true))]
struct UpdateArgs {
    /// The role's id or label
    role: String,
    /// The new label
    #[arg(long, value_name = "LABEL")]
    label: Option<String>,
    /// An action of the whole new list; repeat, or separate by commas
    #[arg(long, value_name = "ACTION", value_delimiter = ',', conflicts_with_all = ["add_action", "remove_action"])]
    action: Vec<String>,
    /// An action to add to those held; repeat, or separate by commas
    #[arg(long, value_name = "ACTION", value_delimiter = ',')]
    add_action: Vec<String>,
    /// An action to take from those held; repeat, or separate by commas
    #[arg(long, value_name = "ACTION", value_delimiter = ',')]
    remove_action: Vec<String>,
    /// Change nothing; say who would gain or lose which actions where
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    expected: ExpectedArgs,
}

#[derive(Args, Debug)]
struct OfferArgs {
    /// The role's id or label
    role: String,
    /// The group's id
    #[arg(long, value_name = "GROUP")]
    group: String,
    #[command(flatten)]
    expected: ExpectedArgs,
}

/// Runs a command on roles.
///
/// # Errors
/// When the server refuses or does not answer.
pub(crate) async fn run(args: RoleArgs) -> Result<Report, Failure> {
    let admin = &args.admin.connect().await?;
    match args.command {
        RoleCommand::List(limit) => list(admin, limit).await,
        RoleCommand::Get { role } => Report::one(Some(role_ref::resolve(admin, &role).await?)),
        RoleCommand::Create(args) => create(admin, args).await,
        RoleCommand::Update(args) => update(admin, args).await,
        RoleCommand::Delete { role, expected } => delete(admin, &role, expected).await,
        RoleCommand::Offer(args) => offer(admin, args).await,
        RoleCommand::Withdraw(args) => withdraw(admin, args).await,
        RoleCommand::Offered { group, limit } => offered(admin, &group, limit).await,
    }
}

async fn list(admin: &Link, limit: LimitArgs) -> Result<Report, Failure> {
    let roles = page::all(admin, limit, |page_size, page_token| ListRolesRequest { page_size, page_token });
    Ok(roles.await?.report())
}

async fn create(admin: &Link, args: CreateArgs) -> Result<Report, Failure> {
    let required = Action::ALL.into_iter().filter(|action| args.with_required && action.is_required());
    let mut actions: Vec<String> = required.map(|action| action.name().to_owned()).collect();
    actions.extend(args.action);
    let expected_revision = args.expected.expected_revision;
    let request = CreateRoleRequest { label: args.label, actions, id: args.id, expected_revision };
    let made = admin.call(request).await?;
    Report::written(made.role, &made.revision_token)
}

async fn update(admin: &Link, args: UpdateArgs) -> Result<Report, Failure> {
    let role = role_ref::resolve(admin, &args.role).await?;
    let request = update_request(&role, args)?;
    let dry_run = request.dry_run;
    let done = admin.call(request).await?;
    if dry_run { report_dry_run(done) } else { Report::written(done.role, &done.revision_token) }
}

/// What to ask for, given the role as it was read.
fn update_request(role: &Role, args: UpdateArgs) -> Result<UpdateRoleRequest, Failure> {
    let edits = !args.add_action.is_empty() || !args.remove_action.is_empty();
    let names = match (edits, args.action.is_empty()) {
        (true, _) => Some(edited(role, args.add_action, &args.remove_action)?),
        (false, false) => Some(args.action),
        (false, true) => None,
    };
    // A list computed from what was read holds only while the role is still what was read.
    let read = edits.then_some(role.revision);
    Ok(UpdateRoleRequest {
        id: role.id.clone(),
        label: args.label,
        actions: names.map(|names| RoleActions { names }),
        expected_revision: args.expected.expected_revision.or(read),
        dry_run: args.dry_run,
    })
}

fn edited(role: &Role, add: Vec<String>, remove: &[String]) -> Result<Vec<String>, Failure> {
    if let Some(name) = remove.iter().find(|name| !role.actions.contains(name)) {
        let what = format!("role `{}` does not hold `{name}` by that name", role.label);
        return Err(Failure::rpc(Code::FailedPrecondition, what).with_field("remove_action"));
    }
    let mut names: Vec<String> = role.actions.iter().filter(|name| !remove.contains(name)).cloned().collect();
    for name in add {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

fn report_dry_run(done: UpdateRoleResponse) -> Result<Report, Failure> {
    let json = json!({
        "dry_run": true, "role": output::present(done.role)?.json(),
        "access_changes": access::json(&done.access_changes),
        "access_changes_left_out": done.access_changes_left_out, "revision_token": done.revision_token,
    });
    let mut text = access::text(&done.access_changes);
    if done.access_changes_left_out > 0 {
        let _ =
            writeln!(text, "and {} further changes, too many for one reply", done.access_changes_left_out);
    }
    let report = Report::new(text, json);
    Ok(report.with_note("a dry run: nothing was changed"))
}

async fn delete(admin: &Link, role: &str, expected: ExpectedArgs) -> Result<Report, Failure> {
    let role = role_ref::resolve(admin, role).await?;
    let request = DeleteRoleRequest { id: role.id, expected_revision: expected.expected_revision };
    let done = admin.call(request).await?;
    Ok(Report::done(&format!("deleted role `{}`", role.label), &done.revision_token))
}

async fn offer(admin: &Link, args: OfferArgs) -> Result<Report, Failure> {
    let role = role_ref::resolve(admin, &args.role).await?;
    let what = format!("offered role `{}` to group `{}`", role.label, args.group);
    let expected_revision = args.expected.expected_revision;
    let request = OfferRoleRequest { group: args.group, role: role.id, expected_revision };
    let done = admin.call(request).await?;
    Ok(Report::done(&what, &done.revision_token))
}

async fn withdraw(admin: &Link, args: OfferArgs) -> Result<Report, Failure> {
    let role = role_ref::resolve(admin, &args.role).await?;
    let what = format!("withdrew role `{}` from group `{}`", role.label, args.group);
    let expected_revision = args.expected.expected_revision;
    let request = WithdrawRoleRequest { group: args.group, role: role.id, expected_revision };
    let done = admin.call(request).await?;
    Ok(Report::done(&what, &done.revision_token))
}

async fn offered(admin: &Link, group: &str, limit: LimitArgs) -> Result<Report, Failure> {
    let roles = page::all(admin, limit, |page_size, page_token| ListOfferedRolesRequest {
        group: group.to_owned(),
        page_size,
        page_token,
    });
    Ok(roles.await?.report())
}

#[cfg(test)]
#[path = "role/tests.rs"]
mod tests;
