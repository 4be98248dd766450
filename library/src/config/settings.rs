//! Every setting once: as a flag, as an environment variable, and as a key of the file.

use super::{
    Address, Config, ConfigError, DEFAULT_LISTEN, LogFormat,
    contradictions::{
        refuse_idle_transport, refuse_late_warning, refuse_log_in_store, refuse_open_door, refuse_orphan,
        refuse_twice,
    },
    stores::{self, DEFAULT_STORE, DEMO_STORE},
    traces::traces,
    values::{address, addresses, bytes, duration, log_lines, within},
};
use crate::{
    admin::PIECE,
    decision_log::settings::{DecisionLogSettings, Destination, WhenFull, Which},
    engine::Settings,
    grpc::authorization::{Limits, MOST_BATCH_ITEMS},
    net::connection::ConnectionLimits,
    platform::source::Source,
    rbac::{action::ActionName, custom_role::RequiredActions, mask::ActionMask, text::UserId},
    server::{caller_keys::CallerKeyFile, platform::FollowPlatform},
    store::{
        audit::DEFAULT_AUDIT,
        location::Location,
        write::{DEFAULT_HISTORY, WriteRules},
    },
};
use serde::Deserialize;
use std::{fs, num::NonZero, path::PathBuf, sync::Arc, time::Duration};

/// Below this, a busy moment would look like a store that has gone away.
const SHORTEST_STALENESS: Duration = Duration::from_millis(100);

/// A platform is read whole each time.
const SHORTEST_FOLLOW: Duration = Duration::from_secs(1);

/// Above the largest piece of a site file, either way, with room for what goes around it.
const SMALLEST_MESSAGE: u64 = 4 * PIECE as u64;

macro_rules! settings {
    ($($(#[doc = $doc:literal])* $(#[clap($($clap:tt)*)])? $key:ident: $type:ty = $env:literal, $value:literal;)*) => {
        /// The arguments of `serve`.
        #[derive(clap::Args, Clone, Debug, Default)]
        pub struct ServeArgs {
            /// A file of settings (TOML; the keys are the flags' names with underscores)
            #[arg(long, value_name = "FILE", env = "ROLEGATE_CONFIG")]
            pub config: Option<PathBuf>,
            /// Check the configuration, say what it comes to, and end
            #[arg(long)]
            pub check_config: bool,
            /// Serve a sample site from ./data/demo.db, and print commands to try
            #[arg(long, conflicts_with = "store")]
            pub demo: bool,
            $($(#[doc = $doc])* #[arg(long, env = $env, value_name = $value, $($($clap)*)?)] pub $key: Option<$type>,)*
        }

        /// The same settings in a file.
        #[derive(Deserialize, Default)]
        #[serde(deny_unknown_fields)]
        struct File {
            $($key: Option<$type>,)*
        }

        impl ServeArgs {
            /// Takes from the file what neither a flag nor the environment says.
            fn over(self, file: File) -> Self {
                Self { $($key: self.$key.or(file.$key),)* ..self }
            }
        }
    };
}

settings! {
    /// The role store: a file, or a database as postgres://USER@HOST/DATABASE [default: ./data/rolegate.db]
    #[clap(hide_env_values = true)]
    store: String = "ROLEGATE_STORE", "STORE";
    /// A file that holds the database's password and nothing else
    store_password_file: PathBuf = "ROLEGATE_STORE_PASSWORD_FILE", "FILE";
    /// Where questions are answered: ADDRESS:PORT or unix:PATH, several separated by commas [default: 127.0.0.1:7700]
    listen: String = "ROLEGATE_LISTEN", "ADDRESS";
    /// Where administrators are served, or `off` [default: 127.0.0.1:7701]
    admin_listen: String = "ROLEGATE_ADMIN_LISTEN", "ADDRESS";
    /// Where the platform's own clients are served, over HTTP under /api, such as 127.0.0.1:7703, or `off`; for a server that
    /// has an admin listener [default: off]
    http_listen: String = "ROLEGATE_HTTP_LISTEN", "ADDRESS";
    /// A platform to keep the store in step with, as https://HOST: what it does not have is deleted here
    follow_flywheel: String = "ROLEGATE_FOLLOW_FLYWHEEL", "URL";
    /// A file that holds the API key of one of that platform's site admins and nothing else
    follow_key_file: PathBuf = "ROLEGATE_FOLLOW_KEY_FILE", "FILE";
    /// How often to look at that platform [default: 60s]
    follow_interval: String = "ROLEGATE_FOLLOW_INTERVAL", "TIME";
    /// Users who stay whether that platform has them or not, such as rolegate's own administrators, separated by commas
    follow_keep: String = "ROLEGATE_FOLLOW_KEEP", "USERS";
    /// Where metrics (Prometheus), /healthz and /readyz are served over HTTP, or `off` [default: off]
    metrics_listen: String = "ROLEGATE_METRICS_LISTEN", "ADDRESS";
    /// A file of keys, one a line, one of which callers must show as `authorization: Bearer KEY`; a change of it counts from
    /// the next second on
    caller_key_file: PathBuf = "ROLEGATE_CALLER_KEY_FILE", "FILE";
    /// Answer anyone who can reach a listener that is not local, without a key
    #[clap(num_args = 0..=1, default_missing_value = "true")]
    insecure_allow_any_caller: bool = "ROLEGATE_INSECURE_ALLOW_ANY_CALLER", "BOOL";
    /// The permissions of Unix sockets, in octal [default: 0660]
    unix_socket_mode: String = "ROLEGATE_UNIX_SOCKET_MODE", "MODE";
    /// The ids of the users whose processes may connect to Unix sockets, separated by commas [default: all whom
    /// unix-socket-mode lets in]
    socket_uids: String = "ROLEGATE_SOCKET_UIDS", "UIDS";
    /// The certificate of the TCP listeners for questions, administrators and the platform's clients, in PEM, with those
    /// between it and its authority; they then speak TLS and nothing else
    tls_cert_file: PathBuf = "ROLEGATE_TLS_CERT_FILE", "FILE";
    /// The private key of that certificate, in PEM
    tls_key_file: PathBuf = "ROLEGATE_TLS_KEY_FILE", "FILE";
    /// The authorities, in PEM, by one of which clients' certificates must be signed; clients must then show one
    tls_client_ca_file: PathBuf = "ROLEGATE_TLS_CLIENT_CA_FILE", "FILE";
    /// How often to look whether the TLS files have changed [default: 30s]
    tls_reload_interval: String = "ROLEGATE_TLS_RELOAD_INTERVAL", "TIME";
    /// Refuse to decide when the store was last confirmed longer ago than this [default: 30s]
    max_staleness: String = "ROLEGATE_MAX_STALENESS", "TIME";
    /// Warn in the log past this age, at most max-staleness [default: 5s, or max-staleness if that is shorter]
    warn_staleness: String = "ROLEGATE_WARN_STALENESS", "TIME";
    /// How much memory the cache of grants may take [default: 64MiB]
    cache_bytes: String = "ROLEGATE_CACHE_BYTES", "BYTES";
    /// Load everything at start if it fits into the cache [default: true]
    preload: bool = "ROLEGATE_PRELOAD", "BOOL";
    /// Look-ups of unknown ids a second before further ones wait [default: 500]
    unknown_lookups_per_second: u32 = "ROLEGATE_UNKNOWN_LOOKUPS_PER_SECOND", "N";
    /// The most items in a batch [default: 1000, at most 10000]
    batch_items: usize = "ROLEGATE_BATCH_ITEMS", "N";
    /// The longest a check may take; a caller's shorter deadline wins [default: 1s]
    check_timeout: String = "ROLEGATE_CHECK_TIMEOUT", "TIME";
    /// The largest message, in or out; at least 1MiB, so that every piece of a site file fits [default: 4MiB]
    message_bytes: String = "ROLEGATE_MESSAGE_BYTES", "BYTES";
    /// How many threads answer questions [default: one for each core there is, at most 8]
    threads: usize = "ROLEGATE_THREADS", "N";
    /// The most connections to one listener [default: 1024]
    max_connections: usize = "ROLEGATE_MAX_CONNECTIONS", "N";
    /// The most concurrent calls on one connection [default: 100]
    max_streams: u32 = "ROLEGATE_MAX_STREAMS", "N";
    /// How long a client may take to say that it speaks HTTP/2, TLS handshake included [default: 10s]
    greeting_timeout: String = "ROLEGATE_GREETING_TIMEOUT", "TIME";
    /// Close a connection on which no call begins for so long (at the latest after twice as long) [default: 5m]
    idle_timeout: String = "ROLEGATE_IDLE_TIMEOUT", "TIME";
    /// Cut off a client that has not taken in a piece of an answer for so long (at the latest after twice as long)
    /// [default: 15s]
    answer_timeout: String = "ROLEGATE_ANSWER_TIMEOUT", "TIME";
    /// The most calls in flight over all connections [default: 4096]
    max_calls: usize = "ROLEGATE_MAX_CALLS", "N";
    /// How long calls in flight may take to end at shutdown [default: 10s]
    drain_timeout: String = "ROLEGATE_DRAIN_TIMEOUT", "TIME";
    /// Whether the servers describe their protos to tools such as grpcurl [default: true]
    reflection: bool = "ROLEGATE_REFLECTION", "BOOL";
    /// Actions that every custom role must hold beside the nine that always are, separated by commas
    required_actions: String = "ROLEGATE_REQUIRED_ACTIONS", "NAMES";
    /// How many revisions of change history to keep [default: 10000]
    change_history: u64 = "ROLEGATE_CHANGE_HISTORY", "N";
    /// Where spans of calls are sent, in OTLP over gRPC, such as http://127.0.0.1:4317, or `off` [default: off]
    otlp_endpoint: String = "ROLEGATE_OTLP_ENDPOINT", "URL";
    /// Which share of the traces that begin here is recorded, from 0 to 1; callers who send a traceparent decide for
    /// themselves [default: 0.1]
    otlp_sample_ratio: f64 = "ROLEGATE_OTLP_SAMPLE_RATIO", "SHARE";
    /// How many revisions of the audit to keep, which says who changed what [default: 1000000]
    audit_keep: u64 = "ROLEGATE_AUDIT_KEEP", "N";
    /// Where every decision is written down, one JSON object a line: a file, `stdout`, or `off` [default: off]
    decision_log: String = "ROLEGATE_DECISION_LOG", "FILE";
    /// Which decisions: `all`, `denials` (and errors), or by chance a share of all, as `sampled:0.01` [default: all]
    decision_log_which: String = "ROLEGATE_DECISION_LOG_WHICH", "WHICH";
    /// How much of the decision log may wait in memory to be written [default: 8MiB]
    decision_log_queue: String = "ROLEGATE_DECISION_LOG_QUEUE", "BYTES";
    /// When that is full: leave records out and say so, or let callers wait; `block` answers nothing before it is written
    /// [default: drop]
    #[clap(value_enum)]
    decision_log_when_full: WhenFull = "ROLEGATE_DECISION_LOG_WHEN_FULL", "WHAT";
    /// Which log lines are written, such as `info`, `off` or `warn,rolegate=debug` [default: info]
    log: String = "ROLEGATE_LOG", "FILTER";
    /// How log lines look [default: text]
    #[clap(value_enum)]
    log_format: LogFormat = "ROLEGATE_LOG_FORMAT", "FORMAT";
}

impl ServeArgs {
    /// Reads the file, if there is one, and checks everything.
    ///
    /// # Errors
    /// One setting that cannot be used, by its key.
    pub fn into_config(self) -> Result<Config, ConfigError> {
        self.with_file()?.check()
    }

    /// The same for those who only write to the store.
    pub(super) fn into_rules(self) -> Result<WriteRules, ConfigError> {
        self.with_file()?.rules()
    }

    fn with_file(self) -> Result<Self, ConfigError> {
        let file = match &self.config {
            Some(path) => read_file(path)?,
            None => File::default(),
        };
        Ok(self.over(file))
    }

    fn check(self) -> Result<Config, ConfigError> {
        let engine = self.engine()?;
        let listen = addresses("listen", self.listen.as_deref().unwrap_or(DEFAULT_LISTEN))?;
        let admin_listen =
            self.optional_listener("admin_listen", self.admin_listen.as_deref(), "127.0.0.1:7701")?;
        let metrics_listen =
            self.optional_listener("metrics_listen", self.metrics_listen.as_deref(), "off")?;
        let http_listen = self.optional_listener("http_listen", self.http_listen.as_deref(), "off")?;
        refuse_orphan(&http_listen, &admin_listen)?;
        let others = [
            ("admin_listen", &admin_listen),
            ("http_listen", &http_listen),
            ("metrics_listen", &metrics_listen),
        ];
        refuse_twice(&listen, &others)?;
        let log = log_lines("log", self.log.as_deref().unwrap_or("info"))?;
        let (store, decision_log) = (self.store()?, self.decision_log()?);
        refuse_log_in_store(&decision_log, &store)?;
        let caller_key_file = self.caller_keys()?;
        let insecure_callers = self.insecure_allow_any_caller.unwrap_or(false);
        let (tls, socket_uids) = (self.tls()?, self.socket_uids()?);
        refuse_open_door(&listen, &CallerKeyFile::gate_of(caller_key_file.as_ref()), &tls, insecure_callers)?;
        refuse_idle_transport(&listen, &others, &tls, &socket_uids)?;
        let batch_items = within("batch_items", self.batch_items.unwrap_or(1_000), 1, MOST_BATCH_ITEMS)?;
        let message_bytes = self.message_bytes()?;
        let time = self.time("check_timeout", &self.check_timeout, "1s")?;
        Ok(Config {
            platform: self.platform(&admin_listen)?,
            http_listen,
            admin_listen,
            metrics_listen,
            limits: Limits { batch_items, reply_bytes: message_bytes, time },
            connections: self.connections()?,
            message_bytes,
            threads: within("threads", self.threads.unwrap_or_else(usual_threads), 1, 1_024)?,
            calls_in_flight: within("max_calls", self.max_calls.unwrap_or(4_096), 1, 1 << 20)?,
            reflection: self.reflection.unwrap_or(true),
            drain: self.time("drain_timeout", &self.drain_timeout, "10s")?,
            unix_socket_mode: self.socket_mode()?,
            socket_uids,
            tls,
            decision_log,
            log,
            traces: traces(self.otlp_endpoint.as_deref(), self.otlp_sample_ratio)?,
            log_format: self.log_format.unwrap_or_default(),
            store,
            listen,
            caller_key_file,
            insecure_callers,
            engine,
        })
    }

    fn platform(&self, admin: &Option<Address>) -> Result<Option<FollowPlatform>, ConfigError> {
        let (key, needed) = ("follow_flywheel", "follow_key_file");
        let Some(address) = &self.follow_flywheel else {
            let orphan = self.follow_key_file.is_some() || self.follow_keep.is_some();
            let problem =
                || ConfigError::new(key, "must be given with the other settings that begin with `follow_`");
            return if orphan { Err(problem()) } else { Ok(None) };
        };
        if admin.is_none() {
            let problem = "is for a server that has an admin listener: another one writes nothing";
            return Err(ConfigError::new(key, problem));
        }
        let Some(file) = &self.follow_key_file else {
            return Err(ConfigError::new(needed, format!("must be given with `{key}`")));
        };
        let secret = fs::read_to_string(file)
            .map_err(|error| ConfigError::new(needed, format!("`{}`: {error}", file.display())))?;
        let source =
            Source::new(address, &secret).map_err(|error| ConfigError::new(key, error.to_string()))?;
        let keep = self.follow_keep.as_deref().unwrap_or_default();
        let keep = keep.split(',').map(str::trim).filter(|id| !id.is_empty()).map(|id| {
            UserId::parse(id).map_err(|error| ConfigError::new("follow_keep", format!("`{id}` {error}")))
        });
        let interval = self.time("follow_interval", &self.follow_interval, "60s")?;
        let interval = within("follow_interval", interval, SHORTEST_FOLLOW, Duration::from_secs(86_400))?;
        Ok(Some(FollowPlatform { source: Arc::new(source), interval, keep: keep.collect::<Result<_, _>>()? }))
    }

    fn store(&self) -> Result<Location, ConfigError> {
        if self.demo && self.store.is_some() {
            return Err(ConfigError::new("store", "cannot be used with `--demo`, which has its own"));
        }
        let text = self.store.as_deref().unwrap_or(if self.demo { DEMO_STORE } else { DEFAULT_STORE });
        stores::location(text, self.store_password_file.as_deref())
    }

    fn engine(&self) -> Result<Settings, ConfigError> {
        let usual = Settings::default();
        let WriteRules { required, history, audit } = self.rules()?;
        let cache_bytes = bytes("cache_bytes", self.cache_bytes.as_deref().unwrap_or("64MiB"))?;
        let unknown = self.unknown_lookups_per_second.unwrap_or(usual.unknown_lookups_per_second);
        let max_staleness = self.time("max_staleness", &self.max_staleness, "30s")?;
        let max_staleness =
            within("max_staleness", max_staleness, SHORTEST_STALENESS, Duration::from_secs(86_400))?;
        let warn_staleness = self.time("warn_staleness", &self.warn_staleness, "5s")?;
        Ok(Settings {
            max_staleness,
            // A store that is there must be seen well within the limit, or it would seem to come and go.
            poll_interval: usual.poll_interval.min(max_staleness / 4),
            warn_staleness: match self.warn_staleness {
                Some(_) => refuse_late_warning(warn_staleness, max_staleness)?,
                None => warn_staleness.min(max_staleness),
            },
            cache_bytes: within("cache_bytes", cache_bytes, 64 << 10, 1 << 40)?,
            preload: self.preload.unwrap_or(usual.preload),
            unknown_lookups_per_second: within("unknown_lookups_per_second", unknown, 1, 1_000_000)?,
            required,
            history,
            audit,
            ..usual
        })
    }

    fn decision_log(&self) -> Result<Option<DecisionLogSettings>, ConfigError> {
        let (key, text) = ("decision_log_which", self.decision_log_which.as_deref().unwrap_or("all"));
        let problem = "must be `all`, `denials`, or `sampled:` and a share above 0 and up to 1";
        let which = Which::parse(text).ok_or_else(|| ConfigError::new(key, problem))?;
        let key = "decision_log_queue";
        let most = bytes(key, self.decision_log_queue.as_deref().unwrap_or("8MiB"))?;
        let queue_bytes = usize::try_from(within(key, most, 4 << 10, 1 << 30)?).unwrap_or(usize::MAX);
        let when_full = self.decision_log_when_full.unwrap_or_default();
        let problem = |problem| Err(ConfigError::new("decision_log", problem));
        let destination = match self.decision_log.as_deref() {
            None | Some("off") => return Ok(None),
            Some("") => return problem("must be a file, `stdout` or `off`"),
            Some("stdout") if self.demo => {
                return problem("must be a file with `--demo`, which prints what to try to stdout");
            }
            Some(text) => Destination::parse(text),
        };
        Ok(Some(DecisionLogSettings { destination, which, queue_bytes, when_full }))
    }

    fn message_bytes(&self) -> Result<usize, ConfigError> {
        let key = "message_bytes";
        let most = bytes(key, self.message_bytes.as_deref().unwrap_or("4MiB"))?;
        Ok(usize::try_from(within(key, most, SMALLEST_MESSAGE, 256 << 20)?).unwrap_or(usize::MAX))
    }

    fn rules(&self) -> Result<WriteRules, ConfigError> {
        let history = self.change_history.unwrap_or(DEFAULT_HISTORY);
        let history = within("change_history", history, 1, 100_000_000)?;
        let audit = within("audit_keep", self.audit_keep.unwrap_or(DEFAULT_AUDIT), 1, 1_000_000_000)?;
        Ok(WriteRules { required: self.required()?, history, audit })
    }

    fn required(&self) -> Result<RequiredActions, ConfigError> {
        let names = self.required_actions.as_deref().unwrap_or_default();
        let mut more = ActionMask::EMPTY;
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let problem = || ConfigError::new("required_actions", format!("unknown action `{name}`"));
            more |= ActionName::parse(name).ok_or_else(problem)?.mask();
        }
        Ok(RequiredActions::with(more))
    }

    fn connections(&self) -> Result<ConnectionLimits, ConfigError> {
        Ok(ConnectionLimits {
            connections: within("max_connections", self.max_connections.unwrap_or(1_024), 1, 1 << 20)?,
            streams: within("max_streams", self.max_streams.unwrap_or(100), 1, 1 << 16)?,
            greeting: self.time("greeting_timeout", &self.greeting_timeout, "10s")?,
            idle: self.time("idle_timeout", &self.idle_timeout, "5m")?,
            taking: self.time("answer_timeout", &self.answer_timeout, "15s")?,
        })
    }

    pub(super) fn time(
        &self,
        key: &str,
        text: &Option<String>,
        usual: &str,
    ) -> Result<Duration, ConfigError> {
        let time = duration(key, text.as_deref().unwrap_or(usual))?;
        within(key, time, Duration::from_millis(1), Duration::from_secs(86_400))
    }

    fn optional_listener(
        &self,
        key: &str,
        text: Option<&str>,
        usual: &str,
    ) -> Result<Option<Address>, ConfigError> {
        match text.unwrap_or(usual) {
            "off" => Ok(None),
            text => address(key, text).map(Some),
        }
    }
}

fn read_file(path: &PathBuf) -> Result<File, ConfigError> {
    let name = path.display().to_string();
    let text =
        fs::read_to_string(path).map_err(|error| ConfigError::new("config", format!("`{name}`: {error}")))?;
    toml::from_str(&text).map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let at = before.matches('\n').count();
        let key = text.lines().nth(at).and_then(key_of_line).unwrap_or("config");
        let problem = error.message().lines().next().unwrap_or_default();
        ConfigError::new(key, format!("{name}, line {}: {problem}", at + 1))
    })
}

/// The key that a line of a file sets, if it does.
fn key_of_line(line: &str) -> Option<&str> {
    let key = line.split(['=', ']']).next()?.trim_matches(['[', ' ', '\t', '"']);
    (!key.is_empty()).then_some(key)
}

/// One for each core that this process may use. Few callers keep more than eight busy.
fn usual_threads() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get).min(8)
}
