//! `rolegate group`: groups, their members, and their project templates.

use super::{
    connect::{AdminArgs, Link},
    exit::Failure,
    objects::{ExpectedArgs, GroupRoleArg, Holding},
    output::Report,
    page::{self, LimitArgs},
    role_ref,
};
use crate::grpc::proto::{
    CreateGroupRequest, DeleteGroupRequest, GetGroupRequest, GroupRole, ListGroupMembersRequest,
    ListGroupsRequest, ListTemplateEntriesRequest, RemoveGroupMemberRequest, RemoveTemplateEntryRequest,
    SetGroupMemberRequest, SetTemplateEntryRequest, UpdateGroupRequest,
};
use clap::{Args, Subcommand};

/// The arguments of `group`.
#[derive(Args, Debug)]
pub(crate) struct GroupArgs {
    #[command(flatten)]
    admin: AdminArgs,
    #[command(subcommand)]
    command: GroupCommand,
}

#[derive(Subcommand, Debug)]
enum GroupCommand {
    /// List the groups that you may view
    #[command(after_help = "Examples:\n  rolegate group list\n  rolegate group list --limit 20")]
    List(LimitArgs),
    /// Show one group
    #[command(after_help = "Examples:\n  rolegate group get neuro")]
    Get {
        /// The group's id
        group: String,
    },
    /// Make a group
    #[command(after_help = "Examples:\n  rolegate group create neuro --label \"Neuroimaging\"")]
    Create(LabelledArgs),
    /// Give a group another label
    #[command(after_help = "Examples:\n  rolegate group rename neuro --label \"Neurology\"")]
    Rename(LabelledArgs),
    /// Delete a group that has no projects
    #[command(after_help = "Examples:\n  rolegate group delete neuro")]
    Delete {
        /// The group's id
        group: String,
        #[command(flatten)]
        expected: ExpectedArgs,
    },
    /// List a group's members
    #[command(after_help = "Examples:\n  rolegate group members neuro")]
    Members {
        /// The group's id
        group: String,
        #[command(flatten)]
        limit: LimitArgs,
    },
    /// Give a user a role in a group, replacing the one held
    #[command(after_help = "Examples:\n  rolegate group set-member neuro ann@example.com --role admin")]
    SetMember {
        #[command(flatten)]
        at: UserInGroup,
        /// The role to hold
        #[arg(long, value_enum)]
        role: GroupRoleArg,
    },
    /// Take a user's group role away
    #[command(after_help = "Examples:\n  rolegate group remove-member neuro ann@example.com")]
    RemoveMember(UserInGroup),
    /// List a group's project template
    #[command(after_help = "Examples:\n  rolegate group template neuro")]
    Template {
        /// The group's id
        group: String,
        #[command(flatten)]
        limit: LimitArgs,
    },
    /// Set a user's roles in a group's project template
    #[command(after_help = "Examples:\n  \
        rolegate group set-template neuro ann@example.com --role rw\n  \
        rolegate group set-template neuro ann@example.com --role ro --role \"Tagger\" --propagate")]
    SetTemplate {
        #[command(flatten)]
        at: UserInGroup,
        /// The id or label of a project role; repeat for more
        #[arg(long, value_name = "ROLE", required = true)]
        role: Vec<String>,
        /// Also bring every project of the group in line for this user
        #[arg(long)]
        propagate: bool,
    },
    /// Take a user out of a group's project template
    #[command(after_help = "Examples:\n  rolegate group remove-template neuro ann@example.com --propagate")]
    RemoveTemplate {
        #[command(flatten)]
        at: UserInGroup,
        /// Also take the user off every project of the group
        #[arg(long)]
        propagate: bool,
    },
}

#[derive(Args, Debug)]
struct LabelledArgs {
    /// The group's id
    group: String,
    /// The label, for people
    #[arg(long, value_name = "LABEL")]
    label: String,
    #[command(flatten)]
    expected: ExpectedArgs,
}

#[derive(Args, Debug)]
struct UserInGroup {
    /// The group's id
    group: String,
    /// The user's id
    user: String,
    #[command(flatten)]
    expected: ExpectedArgs,
}

/// Runs a command on groups.
///
/// # Errors
/// When the server refuses or does not answer.
pub(crate) async fn run(args: GroupArgs) -> Result<Report, Failure> {
    let admin = &args.admin.connect().await?;
    match args.command {
        GroupCommand::List(limit) => list(admin, limit).await,
        GroupCommand::Get { group } => get(admin, group).await,
        GroupCommand::Create(args) => create(admin, args).await,
        GroupCommand::Rename(args) => rename(admin, args).await,
        GroupCommand::Delete { group, expected } => delete(admin, group, expected).await,
        GroupCommand::Members { group, limit } => members(admin, &group, limit).await,
        GroupCommand::SetMember { at, role } => set_member(admin, at, role).await,
        GroupCommand::RemoveMember(at) => remove_member(admin, at).await,
        GroupCommand::Template { group, limit } => template(admin, &group, limit).await,
        GroupCommand::SetTemplate { at, role, propagate } => set_template(admin, at, &role, propagate).await,
        GroupCommand::RemoveTemplate { at, propagate } => remove_template(admin, at, propagate).await,
    }
}

async fn list(admin: &Link, limit: LimitArgs) -> Result<Report, Failure> {
    let groups = page::all(admin, limit, |page_size, page_token| ListGroupsRequest { page_size, page_token });
    Ok(groups.await?.report())
}

async fn get(admin: &Link, id: String) -> Result<Report, Failure> {
    let found = admin.call(GetGroupRequest { id }).await?;
    Report::one(found.group)
}

async fn create(admin: &Link, args: LabelledArgs) -> Result<Report, Failure> {
    let expected_revision = args.expected.expected_revision;
    let request = CreateGroupRequest { id: args.group, label: args.label, expected_revision };
    let made = admin.call(request).await?;
    Report::written(made.group, &made.revision_token)
}

async fn rename(admin: &Link, args: LabelledArgs) -> Result<Report, Failure> {
    let expected_revision = args.expected.expected_revision;
    let request = UpdateGroupRequest { id: args.group, label: args.label, expected_revision };
    let done = admin.call(request).await?;
    Report::written(done.group, &done.revision_token)
}

async fn delete(admin: &Link, id: String, expected: ExpectedArgs) -> Result<Report, Failure> {
    let what = format!("deleted group `{id}`");
    let request = DeleteGroupRequest { id, expected_revision: expected.expected_revision };
    let done = admin.call(request).await?;
    Ok(Report::done(&what, &done.revision_token))
}

async fn members(admin: &Link, group: &str, limit: LimitArgs) -> Result<Report, Failure> {
    let members = page::all(admin, limit, |page_size, page_token| ListGroupMembersRequest {
        group: group.to_owned(),
        page_size,
        page_token,
    });
    Ok(members.await?.report())
}

async fn set_member(admin: &Link, at: UserInGroup, role: GroupRoleArg) -> Result<Report, Failure> {
    let request = SetGroupMemberRequest {
        group: at.group,
        user: at.user,
        role: GroupRole::from(role).into(),
        expected_revision: at.expected.expected_revision,
    };
    let done = admin.call(request).await?;
    Report::written(done.member, &done.revision_token)
}

async fn remove_member(admin: &Link, at: UserInGroup) -> Result<Report, Failure> {
    let what = format!("removed `{}` from group `{}`", at.user, at.group);
    let expected_revision = at.expected.expected_revision;
    let request = RemoveGroupMemberRequest { group: at.group, user: at.user, expected_revision };
    let done = admin.call(request).await?;
    Ok(Report::done(&what, &done.revision_token))
}

async fn template(admin: &Link, group: &str, limit: LimitArgs) -> Result<Report, Failure> {
    let known = role_ref::known(admin).await?;
    let entries = page::all(admin, limit, |page_size, page_token| ListTemplateEntriesRequest {
        group: group.to_owned(),
        page_size,
        page_token,
    });
    Ok(entries.await?.map(|entry| Holding::template(entry, &known)).report())
}

async fn set_template(
    admin: &Link,
    at: UserInGroup,
    roles: &[String],
    propagate: bool,
) -> Result<Report, Failure> {
    let known = role_ref::known(admin).await?;
    let request = SetTemplateEntryRequest {
        group: at.group,
        user: at.user,
        roles: role_ref::ids(&known, roles)?,
        propagate,
        expected_revision: at.expected.expected_revision,
    };
    let done = admin.call(request).await?;
    let entry = done.entry.map(|entry| Holding::template(entry, &known));
    Report::written(entry, &done.revision_token)
}

async fn remove_template(admin: &Link, at: UserInGroup, propagate: bool) -> Result<Report, Failure> {
    let what = format!("removed `{}` from the template of group `{}`", at.user, at.group);
    let expected_revision = at.expected.expected_revision;
    let request = RemoveTemplateEntryRequest { group: at.group, user: at.user, propagate, expected_revision };
    let done = admin.call(request).await?;
    Ok(Report::done(&what, &done.revision_token))
}
