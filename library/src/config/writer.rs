//! The settings that every writer of a store goes by: a server, and a command that writes to the store's file itself.

use super::{ConfigError, settings::ServeArgs};
use crate::store::write::WriteRules;
use std::path::PathBuf;

/// Set on each argument: a heading for all would go on over those that follow.
const HEADING: &str = "With --store";

/// Those settings as arguments of such a command. Each is the server's own, under the same names and by the same
/// precedence.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct WriterArgs {
    /// The server's file of settings, of which only those of this heading count
    #[arg(long, value_name = "FILE", help_heading = HEADING, env = "ROLEGATE_CONFIG")]
    config: Option<PathBuf>,
    /// Actions that every custom role must hold beside the nine that always are, separated by commas
    #[arg(long, value_name = "NAMES", help_heading = HEADING, env = "ROLEGATE_REQUIRED_ACTIONS")]
    required_actions: Option<String>,
    /// How many revisions of change history to keep [default: 10000]
    #[arg(long, value_name = "N", help_heading = HEADING, env = "ROLEGATE_CHANGE_HISTORY")]
    change_history: Option<u64>,
    /// How many revisions of the audit to keep [default: 1000000]
    #[arg(long, value_name = "N", help_heading = HEADING, env = "ROLEGATE_AUDIT_KEEP")]
    audit_keep: Option<u64>,
}

impl WriterArgs {
    /// Reads the file, if there is one, and checks what a writer goes by.
    ///
    /// # Errors
    /// One setting that cannot be used, by its key.
    pub fn into_rules(self) -> Result<WriteRules, ConfigError> {
        let Self { config, required_actions, change_history, audit_keep } = self;
        ServeArgs { config, required_actions, change_history, audit_keep, ..ServeArgs::default() }
            .into_rules()
    }
}
