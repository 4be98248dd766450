//! Flags, environment and a file become one validated configuration, before any port is bound.
//!
//! A flag wins over its environment variable, which wins over the file, which wins over the default.

mod contradictions;
mod settings;
mod stores;
mod traces;
mod transport;
mod values;
mod writer;

pub use rolegate_serving::net::address::Address;
pub use settings::ServeArgs;
pub(crate) use stores::DEMO_STORE;
pub use stores::{DirectStoreArgs, StoreArgs};
pub(crate) use values::addresses;
pub use writer::WriterArgs;

use crate::{
    decision_log::settings::DecisionLogSettings,
    engine::Settings,
    grpc::{authorization::Limits, bearer::CallerGate},
    net::{connection::ConnectionLimits, tls::Tls},
    server::{caller_keys::CallerKeyFile, platform::FollowPlatform},
    store::location::Location,
    telemetry::traces::TraceSettings,
};
use std::{sync::Arc, time::Duration};
use tracing_subscriber::filter::Targets;

/// Where questions are answered unless something else is said.
pub(crate) const DEFAULT_LISTEN: &str = "127.0.0.1:7700";

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("configuration: `{key}`: {problem}")]
pub struct ConfigError {
    /// The setting at fault, as the file spells it.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
}

impl ConfigError {
    pub(crate) fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { key: key.into(), problem: problem.into() }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Everything that a server needs to know, checked.
#[derive(Clone)]
pub struct Config {
    /// Where the store is.
    pub store: Location,
    /// Where questions are answered.
    pub listen: Vec<Address>,
    /// Where administrators are served; `None` for a server that serves none.
    pub admin_listen: Option<Address>,
    /// Where the platform's HTTP contract is served.
    pub http_listen: Option<Address>,
    /// Which platform the store is kept in step with.
    pub platform: Option<FollowPlatform>,
    /// Where metrics are served.
    pub metrics_listen: Option<Address>,
    /// Where the keys of those who may ask come from, and are looked for again.
    pub caller_key_file: Option<CallerKeyFile>,
    /// Whether anyone who can reach a non-local listener may ask.
    pub insecure_callers: bool,
    /// What the engine is told.
    pub engine: Settings,
    /// What a caller may ask for at once.
    pub limits: Limits,
    /// What a connection may do.
    pub connections: ConnectionLimits,
    /// The largest message, in bytes, each way.
    pub message_bytes: usize,
    /// How many calls may be in flight, over all connections.
    pub calls_in_flight: usize,
    /// How many threads answer questions.
    pub threads: usize,
    /// Whether servers tell their protos.
    pub reflection: bool,
    /// How long calls in flight may take to end at shutdown.
    pub drain: Duration,
    /// The permissions of Unix sockets.
    pub unix_socket_mode: u32,
    /// The users whose processes may connect to Unix sockets; empty for all whom the permissions let in.
    pub socket_uids: Arc<[u32]>,
    /// What TCP listeners speak; `None` for plain text.
    pub tls: Option<Tls>,
    /// Where spans of calls are sent.
    pub traces: Option<TraceSettings>,
    /// How decisions are logged, if they are.
    pub decision_log: Option<DecisionLogSettings>,
    /// Which log lines are written.
    pub log: Targets,
    /// How they look.
    pub log_format: LogFormat,
}

impl Config {
    /// Who may ask.
    #[must_use]
    pub fn callers(&self) -> CallerGate {
        CallerKeyFile::gate_of(self.caller_key_file.as_ref())
    }
}
