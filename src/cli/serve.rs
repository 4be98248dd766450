//! `rolegate serve`: from a configuration to a running server, and to its exit code.

use super::{
    Cli, demo, environment,
    exit::{Exit, Failure},
    output,
};
use crate::{
    config::{Config, ServeArgs},
    server::{self, Listeners, ServerError},
    store::{Store, error::StoreError, sqlite::SqliteStore},
    telemetry,
};
use clap::CommandFactory as _;
use std::{fmt::Write as _, io::Write as _, path::Path, pin::pin, sync::Arc, time::Duration};

/// Pauses between attempts to open a store that cannot be reached.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Serves until it is asked to stop.
///
/// # Errors
/// When the configuration cannot be used.
pub(crate) async fn serve(args: ServeArgs) -> Result<Exit, Failure> {
    environment::refuse_unknown(&Cli::command(), std::env::vars_os())?;
    let (check_only, demo) = (args.check_config, args.demo);
    let mut config = args.into_config()?;
    if check_only {
        print(&summary(&config));
        return Ok(Exit::Success);
    }
    telemetry::start_logs(&config.log, config.log_format)?;
    Ok(match start(&mut config, demo).await {
        Ok(()) => Exit::Success,
        Err(error) => {
            output::print_error(&format!("error: {error}\n"));
            Exit::No
        }
    })
}

async fn start(config: &mut Config, demo: bool) -> Result<(), String> {
    let mut stop = pin!(server::signalled());
    // Before the demo's store is touched: another demo may be running on it.
    let listeners = Listeners::bind(config).await.map_err(|error| error.to_string())?;
    let demo_key = match demo {
        true => Some(demo::prepare(config).await.map_err(|error| error.to_string())?),
        false => None,
    };
    let opened = tokio::select! {
        opened = open(&config.store) => opened.map_err(|error| error.to_string())?,
        // Asked to stop while the store is still away.
        () = &mut stop => return Ok(()),
    };
    announce(config, &listeners);
    if let Some(key) = demo_key {
        print(&demo::welcome(&listeners, &key));
    }
    let served = server::run(config.clone(), opened, listeners, stop).await;
    served.map_err(|error: ServerError| error.to_string())
}

/// Opens the store. One that cannot be reached may come back; one that is no store, or broken, will not.
async fn open(path: &Path) -> Result<Arc<dyn Store>, StoreError> {
    let mut pause = FIRST_PAUSE;
    loop {
        match SqliteStore::open(path).await {
            Ok(store) => return Ok(Arc::new(store)),
            Err(StoreError::Unavailable(why)) => {
                tracing::error!(
                    why,
                    pause_ms = pause.as_millis(),
                    "cannot open the role store; trying again"
                );
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(error) => return Err(error),
        }
    }
}

fn announce(config: &Config, listeners: &Listeners) {
    for listener in &listeners.authorization {
        if let Ok(address) = listener.address() {
            tracing::info!(%address, "answering questions");
            if !address.is_local() && config.callers.is_open() {
                tracing::warn!(%address, "INSECURE: anyone who can reach this address may ask who may do what");
            }
        }
    }
    if let Some(Ok(address)) = listeners.admin.as_ref().map(server::Listener::address) {
        tracing::info!(%address, "serving administrators");
        if !address.is_local() {
            tracing::warn!(%address, "API keys travel to this address unencrypted: put it behind a TLS proxy");
        }
    }
    if let Some(Ok(address)) = listeners.metrics.as_ref().map(server::Listener::address) {
        tracing::info!(%address, "serving metrics");
    }
}

/// What a configuration comes to. Secrets are not in it.
fn summary(config: &Config) -> String {
    let listen: Vec<_> = config.listen.iter().map(ToString::to_string).collect();
    let or_off = |address: &Option<_>| address.as_ref().map_or("off".to_owned(), ToString::to_string);
    let callers = if config.callers.is_open() { "anyone who can connect" } else { "holders of a caller key" };
    let mut text = String::from("the configuration is good\n");
    let lines = [
        ("store", config.store.display().to_string()),
        ("listen", listen.join(", ")),
        ("callers", callers.to_owned()),
        ("admin_listen", or_off(&config.admin_listen)),
        ("metrics_listen", or_off(&config.metrics_listen)),
        ("max_staleness", format!("{:?}", config.engine.max_staleness)),
        ("cache_bytes", config.engine.cache_bytes.to_string()),
        ("batch_items", config.limits.batch_items.to_string()),
    ];
    for (key, value) in lines {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {key:<15} {value}");
    }
    text
}

fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    // A reader who has gone away does not stop a server.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
