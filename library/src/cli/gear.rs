//! `rolegate gear`: gears, and whom they are open to.

use super::{
    connect::{AdminArgs, Link},
    exit::Failure,
    objects::ExpectedArgs,
    output::Report,
    page::{self, LimitArgs},
};
use crate::grpc::proto::{
    CreateGearRequest, DeleteGearRequest, GearRestriction, GetGearRequest, ListGearsRequest, OpenToAll,
    SetGearAccessRequest, set_gear_access_request::Access,
};
use clap::{ArgGroup, Args, Subcommand};

/// The arguments of `gear`.
#[derive(Args, Debug)]
pub(crate) struct GearArgs {
    #[command(flatten)]
    admin: AdminArgs,
    #[command(subcommand)]
    command: GearCommand,
}

#[derive(Subcommand, Debug)]
enum GearCommand {
    /// List all gears
    #[command(after_help = "Examples:\n  rolegate gear list")]
    List(LimitArgs),
    /// Show one gear
    #[command(after_help = "Examples:\n  rolegate gear get bids-fmriprep")]
    Get {
        /// The gear's name
        gear: String,
    },
    /// Register a gear, open to all
    #[command(after_help = "Examples:\n  rolegate gear register bids-fmriprep")]
    Register(OneGear),
    /// Open a gear to the given projects and users only, replacing those it was open to
    #[command(after_help = "Examples:\n  \
        rolegate gear restrict bids-fmriprep --project 5f2b6c0e9d1a4b3c8e7f6a5d --user ann@example.com\n  \
        rolegate gear restrict bids-fmriprep --closed")]
    Restrict(RestrictArgs),
    /// Open a gear to all
    #[command(after_help = "Examples:\n  rolegate gear open bids-fmriprep")]
    Open(OneGear),
    /// Delete a gear
    #[command(after_help = "Examples:\n  rolegate gear delete bids-fmriprep")]
    Delete(OneGear),
}

#[derive(Args, Debug)]
struct OneGear {
    /// The gear's name
    gear: String,
    #[command(flatten)]
    expected: ExpectedArgs,
}

#[derive(Args, Debug)]
#[command(group = ArgGroup::new("whom").args(["project", "user", "closed"]).required(true).multiple(true))]
struct RestrictArgs {
    #[command(flatten)]
    at: OneGear,
    /// A project in which it may be run; repeat for more
    #[arg(long, value_name = "PROJECT")]
    project: Vec<String>,
    /// A user who may run it; repeat for more
    #[arg(long, value_name = "USER")]
    user: Vec<String>,
    /// Close it to all but site admins
    #[arg(long, conflicts_with_all = ["project", "user"])]
    closed: bool,
}

/// Runs a command on gears.
///
/// # Errors
/// When the server refuses or does not answer.
pub(crate) async fn run(args: GearArgs) -> Result<Report, Failure> {
    let admin = &args.admin.connect().await?;
    match args.command {
        GearCommand::List(limit) => list(admin, limit).await,
        GearCommand::Get { gear } => get(admin, gear).await,
        GearCommand::Register(at) => register(admin, at).await,
        GearCommand::Restrict(args) => {
            let lists = GearRestriction { projects: args.project, users: args.user };
            set_access(admin, args.at, Access::Restricted(lists)).await
        }
        GearCommand::Open(at) => set_access(admin, at, Access::OpenToAll(OpenToAll {})).await,
        GearCommand::Delete(at) => delete(admin, at).await,
    }
}

async fn list(admin: &Link, limit: LimitArgs) -> Result<Report, Failure> {
    let gears = page::all(admin, limit, |page_size, page_token| ListGearsRequest { page_size, page_token });
    Ok(gears.await?.report())
}

async fn get(admin: &Link, name: String) -> Result<Report, Failure> {
    let found = admin.call(GetGearRequest { name }).await?;
    Report::one(found.gear)
}

async fn register(admin: &Link, at: OneGear) -> Result<Report, Failure> {
    let request = CreateGearRequest { name: at.gear, expected_revision: at.expected.expected_revision };
    let made = admin.call(request).await?;
    Report::written(made.gear, &made.revision_token)
}

async fn set_access(admin: &Link, at: OneGear, access: Access) -> Result<Report, Failure> {
    let expected_revision = at.expected.expected_revision;
    let request = SetGearAccessRequest { name: at.gear, access: Some(access), expected_revision };
    let done = admin.call(request).await?;
    Report::written(done.gear, &done.revision_token)
}

async fn delete(admin: &Link, at: OneGear) -> Result<Report, Failure> {
    let what = format!("deleted gear `{}`", at.gear);
    let request = DeleteGearRequest { name: at.gear, expected_revision: at.expected.expected_revision };
    let done = admin.call(request).await?;
    Ok(Report::done(&what, &done.revision_token))
}
