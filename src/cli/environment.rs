//! The environment variables that the commands know.

use clap::{Arg, Command};

/// The variables that these commands' flags can be set by; of one flag, or of all.
pub(super) fn variables_of(command: &Command, flag: Option<&str>) -> Vec<String> {
    let is_meant = |argument: &&Arg| {
        flag.is_none_or(|flag| argument.get_long().is_some_and(|long| flag.strip_prefix("--") == Some(long)))
    };
    let name = |argument: &Arg| argument.get_env().map(|name| name.to_string_lossy().into_owned());
    let own = command.get_arguments().filter(is_meant).filter_map(name);
    own.chain(command.get_subcommands().flat_map(|below| variables_of(below, flag))).collect()
}
