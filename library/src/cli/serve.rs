//! `rolegate serve`: from a configuration to a running server, and to its exit code.

use super::{
    Cli, demo, environment,
    exit::{Exit, Failure},
};
use crate::{
    config::{Config, ConfigError, ServeArgs},
    decision_log::DecisionLog,
    net::{listen::Listener, tls::Tls},
    server::{self, Listeners, ServerError, logs, open_files, signals},
    store::{opening, postgres::Access},
    telemetry::lines::Lines,
};
use clap::CommandFactory as _;
use std::{
    fmt::Write as _,
    fs::File,
    io::{self, Write as _},
    os::fd::AsFd as _,
    thread,
};

/// Serves until it is asked to stop.
///
/// # Errors
/// When the configuration cannot be used.
pub(crate) async fn serve(args: ServeArgs) -> Result<Exit, Failure> {
    environment::refuse_unknown(&Cli::command(), std::env::vars_os())?;
    let (check_only, demo) = (args.check_config, args.demo);
    let config = args.into_config()?;
    if check_only {
        print(&summary(&config));
        return Ok(Exit::Success);
    }
    let last_lines = logs::start(&config.log, config.log_format)?;
    serve_logged(&config, demo, last_lines.lines()).await
}

async fn serve_logged(config: &Config, demo: bool, lines: &Lines) -> Result<Exit, Failure> {
    signals::outlive();
    let log = decision_log(config)?;
    Ok(match start(config, log, lines, demo).await {
        Ok(()) => Exit::Success,
        Err(error) => {
            // Behind the lines that lead up to it, and as patient with whoever reads them.
            lines.push(format!("error: {error}\n").as_bytes());
            Exit::No
        }
    })
}

/// Opens the decision log, if there is to be one: a server that cannot must not begin to answer.
fn decision_log(config: &Config) -> Result<Option<DecisionLog>, ConfigError> {
    let log = config.decision_log.as_ref().map(DecisionLog::start).transpose();
    log.map_err(|error| ConfigError::new("decision_log", format!("cannot be opened: {error}")))
}

async fn start(config: &Config, log: Option<DecisionLog>, lines: &Lines, demo: bool) -> Result<(), String> {
    let stop = server::signalled();
    // Before the demo's store is touched: another demo may be running on it.
    let listeners = Listeners::bind(config).await.map_err(|error| error.to_string())?;
    let demo_key = match demo {
        true => Some(demo::prepare(config).await.map_err(|error| error.to_string())?),
        false => None,
    };
    let mut config = config.clone();
    config.connections.connections = open_files::share(listeners.count(), config.connections.connections);
    announce(&config, &listeners);
    if let Some(key) = demo_key {
        print_aside(demo::welcome(&listeners, &key)).map_err(|error| error.to_string())?;
    }
    // Whoever serves no administrators writes nothing: a sidecar, whose database may forbid it to.
    let access = if config.admin_listen.is_some() { Access::Write } else { Access::Read };
    let opening = opening::patiently(async || config.store.open(access).await);
    let served = server::run(config.clone(), opening, listeners, log, lines.clone(), stop).await;
    served.map_err(|error: ServerError| error.to_string())
}

/// Whether questions are answered there yet is for health to say.
fn announce(config: &Config, listeners: &Listeners) {
    for listener in &listeners.authorization {
        let Ok(address) = listener.url() else { continue };
        tracing::info!(address, "listening for questions");
        if config.insecure_callers && listener.address().is_ok_and(|address| !address.is_local()) {
            tracing::warn!(address, "INSECURE: anyone who can reach this address may ask who may do what");
        }
    }
    let with_keys = [
        (&listeners.admin, "listening for administrators"),
        (&listeners.http, "listening for the platform's clients"),
    ];
    for (listener, message) in with_keys {
        let Some((listener, Ok(address))) = listener.as_ref().map(|listener| (listener, listener.url()))
        else {
            continue;
        };
        tracing::info!(address, "{message}");
        if !listener.is_private() {
            tracing::warn!(address, "API keys travel to this address unencrypted: set `tls_cert_file`");
        }
    }
    if let Some(Ok(address)) = listeners.metrics.as_ref().map(Listener::url) {
        tracing::info!(address, "listening for metrics");
    }
}

/// What a configuration comes to. Secrets are not in it.
fn summary(config: &Config) -> String {
    let listen: Vec<_> = config.listen.iter().map(ToString::to_string).collect();
    let or_off = |address: &Option<_>| address.as_ref().map_or("off".to_owned(), ToString::to_string);
    let certificates = config.tls.as_ref().is_some_and(Tls::asks_for_certificates);
    let callers = match (config.callers().is_open(), certificates) {
        (true, false) => "anyone who can connect",
        (true, true) => "holders of a client certificate, and local processes by Unix sockets",
        (false, _) => "holders of a caller key",
    };
    let tls = config.tls.as_ref().map_or("off".to_owned(), |tls| tls.files().cert.display().to_string());
    let traces = config.traces.as_ref().map_or("off".to_owned(), |traces| traces.endpoint.uri().to_string());
    let mut text = String::from("the configuration is good\n");
    let lines = [
        ("store", config.store.to_string()),
        ("listen", listen.join(", ")),
        ("callers", callers.to_owned()),
        ("tls_cert_file", tls),
        ("admin_listen", or_off(&config.admin_listen)),
        ("http_listen", or_off(&config.http_listen)),
        ("metrics_listen", or_off(&config.metrics_listen)),
        ("otlp_endpoint", traces),
        ("max_staleness", format!("{:?}", config.engine.max_staleness)),
        ("cache_bytes", config.engine.cache_bytes.to_string()),
        ("decision_log", config.decision_log.as_ref().map_or("off".to_owned(), ToString::to_string)),
        ("batch_items", config.limits.batch_items.to_string()),
    ];
    for (key, value) in lines {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {key:<15} {value}");
    }
    text
}

fn print(text: &str) {
    let mut out = io::stdout().lock();
    // A reader who has gone away is no failure.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints where nobody waits for it. Standard output may be a pipe that nobody reads, which must not stop a server.
fn print_aside(text: String) -> io::Result<()> {
    // Without the standard library's own lock, for which the end of the process would wait.
    let mut out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    thread::Builder::new().name("welcome".to_owned()).spawn(move || {
        // A reader who has gone away does not stop it, either.
        let _ = out.write_all(text.as_bytes());
    })?;
    Ok(())
}
