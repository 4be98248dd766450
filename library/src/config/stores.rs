//! Which store is meant, and the password for it.

use super::ConfigError;
use crate::store::location::{Location, shows_password};
use std::{fs, path::Path, path::PathBuf};

/// The store of whoever names none.
pub(super) const DEFAULT_STORE: &str = "data/rolegate.db";

/// The store of the demo.
pub(crate) const DEMO_STORE: &str = "data/demo.db";

/// The store that a command uses by itself, as arguments.
#[derive(clap::Args, Clone, Debug)]
pub struct StoreArgs {
    /// The role store: a file, or a database as postgres://USER@HOST/DATABASE
    #[arg(long, value_name = "STORE", env = "ROLEGATE_STORE", hide_env_values = true, default_value = DEFAULT_STORE)]
    store: String,
    /// A file that holds the database's password and nothing else
    #[arg(long, value_name = "FILE", env = "ROLEGATE_STORE_PASSWORD_FILE")]
    store_password_file: Option<PathBuf>,
}

impl StoreArgs {
    /// Where the store is.
    ///
    /// # Errors
    /// The store or its password's file makes no sense.
    pub fn location(&self) -> Result<Location, ConfigError> {
        location(&self.store, self.store_password_file.as_deref())
    }
}

/// The store that a command may use by itself, instead of asking a server, as arguments.
#[derive(clap::Args, Clone, Debug)]
pub struct DirectStoreArgs {
    /// Use this store directly, as an operator with access to it, instead of asking a server
    #[arg(long, value_name = "STORE", help_heading = "Connection")]
    store: Option<String>,
    /// A file that holds the database's password and nothing else
    #[arg(long, value_name = "FILE", help_heading = "Connection", env = "ROLEGATE_STORE_PASSWORD_FILE")]
    store_password_file: Option<PathBuf>,
}

impl DirectStoreArgs {
    /// Where the store is; `None` if a server is to be asked.
    ///
    /// # Errors
    /// As [`StoreArgs::location`].
    pub fn location(&self) -> Result<Option<Location>, ConfigError> {
        let file = self.store_password_file.as_deref();
        self.store.as_deref().map(|store| location(store, file)).transpose()
    }
}

/// Reads a store, with a password that a file holds.
pub(super) fn location(text: &str, password_file: Option<&Path>) -> Result<Location, ConfigError> {
    let is_argument = |argument: std::ffi::OsString| argument.to_string_lossy().contains(text);
    if shows_password(text) && std::env::args_os().any(is_argument) {
        let problem = "holds a password, which everyone on this machine can read in the list of processes: use \
                       `store_password_file`, or the variables ROLEGATE_STORE or PGPASSWORD";
        return Err(ConfigError::new("store", problem));
    }
    let location = Location::parse(text).map_err(|problem| ConfigError::new("store", problem))?;
    let Some(file) = password_file else { return Ok(location) };
    let password = fs::read_to_string(file)
        .map_err(|error| ConfigError::new("store_password_file", format!("`{}`: {error}", file.display())))?;
    match password.trim_end_matches(['\r', '\n']) {
        "" => Err(ConfigError::new("store_password_file", format!("`{}` is empty", file.display()))),
        password => Ok(location.with_password(password)),
    }
}
