//! Settings that are good one by one, and not together.

use super::{Address, ConfigError};
use crate::{
    decision_log::settings::{DecisionLogSettings, Destination},
    grpc::bearer::CallerGate,
    net::tls::Tls,
    store::{file_identity::FileIdentity, location::Location, sqlite},
};
use std::{
    fs,
    path::{Path, PathBuf, absolute},
    time::Duration,
};

/// One address cannot serve two purposes. Port 0 is another one each time.
pub(super) fn refuse_twice(
    listen: &[Address],
    others: &[(&'static str, &Option<Address>)],
) -> Result<(), ConfigError> {
    let asking = listen.iter().map(|address| ("listen", address));
    let others = others.iter().filter_map(|(key, address)| address.as_ref().map(|address| (*key, address)));
    let mut seen: Vec<&Address> = Vec::new();
    for (key, address) in asking.chain(others) {
        let any_port = matches!(address, Address::Tcp(address) if address.port() == 0);
        if !any_port && seen.contains(&address) {
            return Err(ConfigError::new(key, format!("{address} is named twice")));
        }
        seen.push(address);
    }
    Ok(())
}

/// Whoever can reach the authorization service can learn who may do what, so that what keeps strangers out must be said,
/// and said once.
pub(super) fn refuse_open_door(
    listen: &[Address],
    callers: &CallerGate,
    tls: &Option<Tls>,
    insecure: bool,
) -> Result<(), ConfigError> {
    let certificates = tls.as_ref().is_some_and(Tls::asks_for_certificates);
    match listen.iter().find(|address| !address.is_local()) {
        Some(open) if callers.is_open() && !certificates && !insecure => {
            let problem = format!(
                "{open} can be reached from other machines: set `caller_key_file` or `tls_client_ca_file`, or \
                 `insecure_allow_any_caller = true` if something else keeps strangers out"
            );
            Err(ConfigError::new("listen", problem))
        }
        _ if insecure && !callers.is_open() => {
            let problem =
                "cannot be used with `caller_key_file`: either callers show a key, or anyone may ask";
            Err(ConfigError::new("insecure_allow_any_caller", problem))
        }
        _ if insecure && certificates => {
            let problem = "cannot be used with `tls_client_ca_file`: either callers show a certificate, or anyone may ask";
            Err(ConfigError::new("insecure_allow_any_caller", problem))
        }
        _ => Ok(()),
    }
}

/// What protects nothing is believed to protect something: TLS where no port would speak it, and a list of users where
/// there is no Unix socket.
pub(super) fn refuse_idle_transport(
    listen: &[Address],
    others: &[(&'static str, &Option<Address>)],
    tls: &Option<Tls>,
    uids: &[u32],
) -> Result<(), ConfigError> {
    let others = others.iter().filter_map(|(key, address)| Some((*key, address.as_ref()?)));
    let all: Vec<_> = listen.iter().map(|address| ("listen", address)).chain(others).collect();
    let is_port = |address: &Address| matches!(address, Address::Tcp(_));
    // Metrics are told in plain text.
    if tls.is_some() && !all.iter().any(|(key, address)| *key != "metrics_listen" && is_port(address)) {
        let problem = "is for TCP listeners, and there are only Unix sockets, which need no TLS";
        return Err(ConfigError::new("tls_cert_file", problem));
    }
    if !uids.is_empty() && all.iter().all(|(_, address)| is_port(address)) {
        return Err(ConfigError::new("socket_uids", "is for Unix sockets, and there is none"));
    }
    Ok(())
}

/// A server without an admin listener is a sidecar, which writes nothing.
pub(super) fn refuse_orphan(http: &Option<Address>, admin: &Option<Address>) -> Result<(), ConfigError> {
    if http.is_some() && admin.is_none() {
        let problem = "is for a server that has an admin listener: set `admin_listen`, or this to `off`";
        return Err(ConfigError::new("http_listen", problem));
    }
    Ok(())
}

/// A warning that comes only after the refusals that it should announce is a slip.
pub(super) fn refuse_late_warning(warn: Duration, most: Duration) -> Result<Duration, ConfigError> {
    if warn > most {
        let problem = format!("must be at most `max_staleness`, which is {most:?}, and is {warn:?}");
        return Err(ConfigError::new("warn_staleness", problem));
    }
    Ok(warn)
}

/// Lines at the end of the store's file, or of those beside it that belong to it, would be its end.
pub(super) fn refuse_log_in_store(
    log: &Option<DecisionLogSettings>,
    store: &Location,
) -> Result<(), ConfigError> {
    let (Some(Destination::File(log)), Location::File(store)) =
        (log.as_ref().map(|log| &log.destination), store)
    else {
        return Ok(());
    };
    let [itself, beside @ ..] = sqlite::files(store);
    let whose = if is_one_file(log, &itself) {
        "that of `store`"
    } else if beside.iter().any(|file| is_one_file(log, file)) {
        "one that belongs to `store`"
    } else {
        return Ok(());
    };
    let problem = format!("`{}` is {whose}: name another file", log.display());
    Err(ConfigError::new("decision_log", problem))
}

/// Whether two paths name one file, be it there or not.
fn is_one_file(one: &Path, other: &Path) -> bool {
    match (FileIdentity::of(one), FileIdentity::of(other)) {
        (Ok(one), Ok(other)) => one == other,
        (Err(_), Err(_)) => place(one) == place(other),
        _ => false,
    }
}

/// A path from the root, by whatever way its folder is named.
fn place(path: &Path) -> Option<PathBuf> {
    let path = absolute(path).ok()?;
    let folder = path.parent()?;
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
    Some(folder.join(path.file_name()?))
}
