//! `rolegate project`: projects, and who is on them.

use super::{
    connect::{AdminArgs, Link},
    exit::Failure,
    objects::{ExpectedArgs, Holding},
    output::Report,
    page::{self, LimitArgs},
    role_ref,
};
use crate::grpc::proto::{
    CreateProjectRequest, DeleteProjectRequest, GetProjectRequest, ListProjectPermissionsRequest,
    ListProjectsRequest, RemoveProjectPermissionRequest, SetProjectPermissionRequest, UpdateProjectRequest,
};
use clap::{Args, Subcommand};

/// The arguments of `project`.
#[derive(Args, Debug)]
pub(crate) struct ProjectArgs {
    #[command(flatten)]
    admin: AdminArgs,
    #[command(subcommand)]
    command: ProjectCommand,
}

#[derive(Subcommand, Debug)]
enum ProjectCommand {
    /// List the projects whose metadata you may view
    #[command(after_help = "Examples:\n  rolegate project list\n  rolegate project list --group neuro")]
    List {
        /// Only this group's projects
        #[arg(long, value_name = "GROUP")]
        group: Option<String>,
        #[command(flatten)]
        limit: LimitArgs,
    },
    /// Show one project
    #[command(after_help = "Examples:\n  rolegate project get 5f2b6c0e9d1a4b3c8e7f6a5d")]
    Get {
        /// The project's id
        project: String,
    },
    /// Make a project in a group
    #[command(after_help = "Examples:\n  \
        rolegate project create --group neuro --label \"Stroke 2025\"\n  \
        rolegate project create --group neuro --label \"Private\" --without-template")]
    Create(CreateArgs),
    /// Give a project another label
    #[command(
        after_help = "Examples:\n  rolegate project rename 5f2b6c0e9d1a4b3c8e7f6a5d --label \"Stroke\""
    )]
    Rename {
        #[command(flatten)]
        at: OneProject,
        /// The new label, unique in its group
        #[arg(long, value_name = "LABEL")]
        label: String,
    },
    /// Delete a project with its permissions
    #[command(after_help = "Examples:\n  rolegate project delete 5f2b6c0e9d1a4b3c8e7f6a5d")]
    Delete(OneProject),
    /// List who is on a project, and by which roles
    #[command(after_help = "Examples:\n  rolegate project permissions 5f2b6c0e9d1a4b3c8e7f6a5d")]
    Permissions {
        /// The project's id
        project: String,
        #[command(flatten)]
        limit: LimitArgs,
    },
    /// Set a user's roles on a project, replacing those held
    #[command(after_help = "Examples:\n  \
        rolegate project set-permission 5f2b6c0e9d1a4b3c8e7f6a5d ann@example.com --role rw\n  \
        rolegate project set-permission 5f2b6c0e9d1a4b3c8e7f6a5d ann@example.com --role ro --role \"Tagger\"")]
    SetPermission {
        #[command(flatten)]
        at: OneProject,
        /// The user's id
        user: String,
        /// The id or label of a project role; repeat for more
        #[arg(long, value_name = "ROLE", required = true)]
        role: Vec<String>,
    },
    /// Take a user off a project
    #[command(
        after_help = "Examples:\n  rolegate project remove-permission 5f2b6c0e9d1a4b3c8e7f6a5d ann@example.com"
    )]
    RemovePermission {
        #[command(flatten)]
        at: OneProject,
        /// The user's id
        user: String,
    },
}

#[derive(Args, Debug)]
struct CreateArgs {
    /// The id of the group it will belong to
    #[arg(long, value_name = "GROUP")]
    group: String,
    /// The label, unique in the group
    #[arg(long, value_name = "LABEL")]
    label: String,
    /// The id; the server makes one if it is left out
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Start with its maker alone, not with the group's template
    #[arg(long)]
    without_template: bool,
    #[command(flatten)]
    expected: ExpectedArgs,
}

#[derive(Args, Debug)]
struct OneProject {
    /// The project's id
    project: String,
    #[command(flatten)]
    expected: ExpectedArgs,
}

/// Runs a command on projects.
///
/// # Errors
/// When the server refuses or does not answer.
pub(crate) async fn run(args: ProjectArgs) -> Result<Report, Failure> {
    let admin = &args.admin.connect().await?;
    match args.command {
        ProjectCommand::List { group, limit } => list(admin, group.as_ref(), limit).await,
        ProjectCommand::Get { project } => get(admin, project).await,
        ProjectCommand::Create(args) => create(admin, args).await,
        ProjectCommand::Rename { at, label } => rename(admin, at, label).await,
        ProjectCommand::Delete(at) => delete(admin, at).await,
        ProjectCommand::Permissions { project, limit } => permissions(admin, &project, limit).await,
        ProjectCommand::SetPermission { at, user, role } => set_permission(admin, at, user, &role).await,
        ProjectCommand::RemovePermission { at, user } => remove_permission(admin, at, user).await,
    }
}

async fn list(admin: &Link, group: Option<&String>, limit: LimitArgs) -> Result<Report, Failure> {
    let projects = page::all(admin, limit, |page_size, page_token| ListProjectsRequest {
        group: group.cloned(),
        page_size,
        page_token,
    });
    Ok(projects.await?.report())
}

async fn get(admin: &Link, id: String) -> Result<Report, Failure> {
    let found = admin.call(GetProjectRequest { id }).await?;
    Report::one(found.project)
}

async fn create(admin: &Link, args: CreateArgs) -> Result<Report, Failure> {
    let request = CreateProjectRequest {
        group: args.group,
        label: args.label,
        id: args.id,
        without_template: args.without_template,
        expected_revision: args.expected.expected_revision,
    };
    let made = admin.call(request).await?;
    Report::written(made.project, &made.revision_token)
}

async fn rename(admin: &Link, at: OneProject, label: String) -> Result<Report, Failure> {
    let expected_revision = at.expected.expected_revision;
    let request = UpdateProjectRequest { id: at.project, label, expected_revision };
    let done = admin.call(request).await?;
    Report::written(done.project, &done.revision_token)
}

async fn delete(admin: &Link, at: OneProject) -> Result<Report, Failure> {
    let what = format!("deleted project `{}`", at.project);
    let request = DeleteProjectRequest { id: at.project, expected_revision: at.expected.expected_revision };
    let done = admin.call(request).await?;
    Ok(Report::done(&what, &done.revision_token))
}

async fn permissions(admin: &Link, project: &str, limit: LimitArgs) -> Result<Report, Failure> {
    let known = role_ref::known(admin).await?;
    let permissions = page::all(admin, limit, |page_size, page_token| ListProjectPermissionsRequest {
        project: project.to_owned(),
        page_size,
        page_token,
    });
    Ok(permissions.await?.map(|permission| Holding::permission(permission, &known)).report())
}

async fn set_permission(
    admin: &Link,
    at: OneProject,
    user: String,
    roles: &[String],
) -> Result<Report, Failure> {
    let known = role_ref::known(admin).await?;
    let request = SetProjectPermissionRequest {
        project: at.project,
        user,
        roles: role_ref::ids(&known, roles)?,
        expected_revision: at.expected.expected_revision,
    };
    let done = admin.call(request).await?;
    let permission = done.permission.map(|permission| Holding::permission(permission, &known));
    Report::written(permission, &done.revision_token)
}

async fn remove_permission(admin: &Link, at: OneProject, user: String) -> Result<Report, Failure> {
    let what = format!("took `{user}` off project `{}`", at.project);
    let expected_revision = at.expected.expected_revision;
    let request = RemoveProjectPermissionRequest { project: at.project, user, expected_revision };
    let done = admin.call(request).await?;
    Ok(Report::done(&what, &done.revision_token))
}
