//! The commands a person types.
//!
//! Every command turns its arguments into one or more calls and their answers into a `Report`; printing, exit codes
//! and error messages are made in one place each (`output`, `exit`), and so are connections (`connect`).

mod access;
mod actions;
mod audit;
mod batch;
mod check;
mod connect;
mod decision;
mod demo;
mod environment;
mod exit;
mod explain;
mod files;
mod gear;
mod group;
mod health;
mod import;
mod init;
mod key;
mod local;
mod migrate;
mod objects;
mod output;
mod page;
mod project;
mod question;
mod role;
mod role_ref;
mod serve;
mod site;
mod time;
mod tls;
mod usage;
mod user;

use clap::{CommandFactory, Parser, Subcommand};
use exit::{Exit, Failure, Refusal};
use output::{Format, Report};
use std::{ffi::OsString, future::Future, process::ExitCode, time::Duration};

/// Answers who may do what, and keeps the roles that decide it
#[derive(Parser, Debug)]
#[command(name = "rolegate", version, arg_required_else_help = true, after_help = OVERVIEW)]
pub struct Cli {
    /// How results and errors are printed
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        env = output::VARIABLE,
        help_heading = "Output",
        value_name = "FORMAT"
    )]
    output: Format,
    #[command(subcommand)]
    command: Command,
}

const OVERVIEW: &str = "\
Exit codes:
  0   done; for checks: allowed
  1   the answer is no: denied, refused by the server, or not serving
  2   no answer was reached; never to be read as an allow
  64  the command line makes no sense

Examples:
  rolegate check --user ann@example.com --project 5f2b6c0e9d1a4b3c8e7f6a5d --action files_download
  rolegate role list
  rolegate apply -f site.yaml --dry-run";

#[derive(Subcommand, Debug)]
enum Command {
    /// Answer questions, and serve administrators, from a role store
    #[command(after_help = "Examples:\n  \
        rolegate serve --demo\n  \
        rolegate serve --store /var/lib/rolegate/rolegate.db --metrics-listen 127.0.0.1:7702\n  \
        rolegate serve --config /etc/rolegate.toml --check-config\n  \
        rolegate serve --listen unix:/run/rolegate/rolegate.sock --admin-listen off\n\n\
        A flag wins over its environment variable, which wins over the file. Ends with 0 when asked to stop, \
        64 for a configuration that cannot be used, and 1 when it cannot go on.")]
    Serve(Box<crate::config::ServeArgs>),
    /// Make a new role store with its first site admin, and show the admin's API key once
    #[command(after_help = "Examples:\n  rolegate init --admin ann@example.com\n  \
        rolegate init --store /var/lib/rolegate/rolegate.db --admin ann@example.com")]
    Init(init::InitArgs),
    /// Bring a role store's schema up to date: a server never changes that of a database
    #[command(after_help = "Examples:\n  rolegate migrate --store postgres://owner@db.example/roles\n  \
        rolegate migrate --store postgres://owner@db.example/roles --new-epoch")]
    Migrate(migrate::MigrateArgs),
    /// Ask whether a user may do something: exit code 0 yes, 1 no, 2 no decision
    #[command(after_help = "Examples:\n  \
        rolegate check --user ann@example.com --project 5f2b6c0e9d1a4b3c8e7f6a5d --action files_download\n  \
        rolegate check --user ann@example.com --project 5f2b6c0e9d1a4b3c8e7f6a5d --operation file.delete \
        --origin device --explain\n  \
        rolegate check --user ann@example.com --group neuro --action group_projects_create --fully-current\n  \
        rolegate check --user ann@example.com --site --action users_manage --output json")]
    Check(Box<check::CheckArgs>),
    /// Ask many questions at once, answered at one revision
    #[command(after_help = "Examples:\n  \
        rolegate batch-check -f questions.jsonl\n  \
        rolegate batch-check -f - --user ann@example.com --action files_download\n\n\
        A line of such a file:\n  \
        {\"user\": \"ann@example.com\", \"project\": \"p1\", \"operation\": {\"name\": \"file.delete\", \
        \"origin\": \"device\"}}")]
    BatchCheck(Box<batch::BatchArgs>),
    /// Show step by step why a user may do something or not, and what would have to change for a yes
    #[command(after_help = "Examples:\n  \
        rolegate explain ann@example.com files_download --project 5f2b6c0e9d1a4b3c8e7f6a5d\n  \
        rolegate explain ann@example.com --project p1 --operation job.run --gear bids-fmriprep --output json\n  \
        rolegate explain ann@example.com users_manage --site --store /var/lib/rolegate/rolegate.db\n\n\
        Ends as `check` does: 0 yes, 1 no, 2 no decision. Takes a site admin's key, for it shows what others hold.\n\n\
        Never among the ways to a yes are: making the user a site admin, unless the question is about the site; opening a \
        gear to a whole project instead of the user; offering a role to a group; changing what a role holds; making a \
        group, a project or a gear.")]
    Explain(Box<explain::ExplainArgs>),
    /// List everything that a user may do in one place
    #[command(after_help = "Examples:\n  \
        rolegate effective --user ann@example.com --project 5f2b6c0e9d1a4b3c8e7f6a5d\n  \
        rolegate effective --user ann@example.com --site")]
    Effective(check::EffectiveArgs),
    /// Manage custom roles and the groups they are offered to
    #[command(after_help = "Examples:\n  rolegate role list\n  rolegate role offer \"Tagger\" --group neuro")]
    Role(role::RoleArgs),
    /// Manage groups, their members and their project templates
    #[command(after_help = "Examples:\n  rolegate group list\n  rolegate group members neuro")]
    Group(group::GroupArgs),
    /// Manage projects and who is on them
    #[command(after_help = "Examples:\n  rolegate project list --group neuro")]
    Project(project::ProjectArgs),
    /// Manage users and their site roles
    #[command(after_help = "Examples:\n  rolegate user list\n  rolegate user disable ann@example.com")]
    User(user::UserArgs),
    /// Manage gears and whom they are open to
    #[command(after_help = "Examples:\n  rolegate gear list\n  rolegate gear open bids-fmriprep")]
    Gear(gear::GearArgs),
    /// Manage API keys
    #[command(
        after_help = "Examples:\n  rolegate key create ann@example.com --label laptop --expires-in 90d"
    )]
    Key(key::KeyArgs),
    /// Bring the site in line with a site file
    #[command(after_help = "Examples:\n  \
        rolegate apply -f site.yaml --dry-run\n  \
        rolegate apply -f site.yaml --expected-revision 41\n  \
        rolegate apply -f - --prune --timeout 1m")]
    Apply(site::ApplyArgs),
    /// Write the whole site as a site file
    #[command(after_help = "Examples:\n  rolegate export\n  rolegate export -o site.yaml")]
    Export(site::ExportArgs),
    /// List who changed what, and follow it
    #[command(after_help = "Examples:\n  \
        rolegate audit --since 24h\n  rolegate audit --of ann@example.com --output json\n  \
        rolegate audit --follow\n  rolegate audit --by operator --store /var/lib/rolegate/rolegate.db")]
    Audit(audit::AuditArgs),
    /// Take over who may do what from another system
    #[command(after_help = "Examples:\n  \
        rolegate import flywheel --from https://site.example.org --key-file key.txt --dry-run")]
    Import(import::ImportArgs),
    /// Print the JSON Schema of site files; needs no server
    #[command(after_help = "Examples:\n  rolegate schema")]
    Schema,
    /// List the actions that can be asked for; needs no server
    #[command(after_help = "Examples:\n  rolegate actions\n  rolegate actions --level group --output json")]
    Actions(actions::ActionsArgs),
    /// Ask whether the server is serving: exit code 0 yes, 1 no, 2 unreachable
    #[command(
        after_help = "Examples:\n  rolegate healthcheck\n  rolegate healthcheck --server unix:/run/rolegate.sock\n\n\
        Without --server it asks the server that has the same environment, such as that of its container: at the first \
        port of ROLEGATE_LISTEN, on this machine; at a socket of it if there is no port, or if ROLEGATE_TLS_CERT_FILE is \
        set; else at that port by https://."
    )]
    Healthcheck(health::HealthArgs),
    /// Print the completion script of a shell
    #[command(after_help = "Examples:\n  rolegate completions bash")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

impl Command {
    const fn refusal(&self) -> Refusal {
        match self {
            Self::Check(_)
            | Self::Explain(_)
            | Self::BatchCheck(_)
            | Self::Effective(_)
            | Self::Healthcheck(_) => Refusal::NoDecision,
            _ => Refusal::Verdict,
        }
    }

    async fn run(self, format: Format) -> Result<Report, Failure> {
        match self {
            // Has no report: it runs until it is asked to stop.
            Self::Serve(args) => serve::serve(*args).await.map(|exit| Report::raw("").with_exit(exit)),
            Self::Init(args) => init::init(args).await,
            Self::Migrate(args) => migrate::migrate(args).await,
            Self::Check(args) => check::check(*args).await,
            Self::BatchCheck(args) => batch::batch_check(*args).await,
            Self::Explain(args) => explain::explain(*args).await,
            Self::Effective(args) => check::effective(args).await,
            Self::Role(args) => role::run(args).await,
            Self::Group(args) => group::run(args).await,
            Self::Project(args) => project::run(args).await,
            Self::User(args) => user::run(args).await,
            Self::Gear(args) => gear::run(args).await,
            Self::Key(args) => key::run(args).await,
            Self::Apply(args) => site::apply(args).await,
            Self::Export(args) => site::export(args).await,
            Self::Audit(args) => audit::run(args, format).await,
            Self::Import(args) => import::import(args).await,
            Self::Schema => Ok(schema()),
            Self::Actions(args) => Ok(actions::actions(&args)),
            Self::Healthcheck(args) => health::healthcheck(args).await,
            Self::Completions { shell } => Ok(completions(shell)),
        }
    }
}

/// Reads a command line. Help and mistakes are printed here.
///
/// # Errors
/// The exit code with which to end at once: 0 after help, 64 after a mistake.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, ExitCode> {
    let args: Vec<_> = args.into_iter().collect();
    Cli::try_parse_from(&args).map_err(|error| {
        match usage::failure(&error, &args) {
            Some(failure) => output::print_error(&failure.render(usage::format(&args))),
            // There is nobody left to tell when even this cannot be printed.
            None => drop(error.print()),
        }
        exit_of(&error).into()
    })
}

fn exit_of(error: &clap::Error) -> Exit {
    if error.use_stderr() { Exit::Usage } else { Exit::Success }
}

/// Does what a command line says, prints the outcome, and tells the exit code.
pub async fn run(cli: Cli) -> ExitCode {
    let (format, refusal) = (cli.output, cli.command.refusal());
    let printed = cli.command.run(format).await.and_then(|report| report.print(format));
    let exit = printed.unwrap_or_else(|failure| {
        output::print_error(&failure.render(format));
        failure.exit(refusal)
    });
    exit.into()
}

/// How long what a command leaves behind may still take: it has had its time, and nobody waits for it any more.
const LEFT_BEHIND: Duration = Duration::from_millis(500);

/// Runs a command to its end. Work that is still under way then does not keep the process from ending.
pub fn block_on(command: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let code = runtime.block_on(command);
            runtime.shutdown_timeout(LEFT_BEHIND);
            code
        }
        Err(error) => {
            output::print_error(&format!("error: cannot start the runtime: {error}\n"));
            Exit::Unknown.into()
        }
    }
}

fn schema() -> Report {
    Report::raw(format!("{:#}\n", crate::site::schema().as_value()))
}

fn completions(shell: clap_complete::Shell) -> Report {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "rolegate", &mut script);
    Report::raw(String::from_utf8_lossy(&script))
}

#[cfg(test)]
mod tests;
