//! What the outside sees of a running server: log lines, metrics and traces.

pub mod answers;
pub mod calls;
pub mod connections;
pub mod doors;
pub mod intake;
pub mod metrics;
mod places;
pub mod rejections;
pub mod requests;
mod room;
mod tally;
pub(crate) mod told;
pub mod traces;

use crate::config::{ConfigError, LogFormat};
use tracing_subscriber::EnvFilter;

/// Checks which log lines are to be written.
///
/// # Errors
/// The filter cannot be read.
pub fn check_filter(filter: &str) -> Result<(), ConfigError> {
    EnvFilter::try_new(filter).map(drop).map_err(|error| ConfigError::new("log", error.to_string()))
}

/// Starts writing log lines to standard error.
///
/// # Errors
/// The filter cannot be read.
pub fn start_logs(filter: &str, format: LogFormat) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(filter).map_err(|error| ConfigError::new("log", error.to_string()))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Started twice in one process (tests do), the first start stands.
    let _ = match format {
        LogFormat::Text => lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    Ok(())
}
