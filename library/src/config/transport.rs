//! Who may connect, and how what travels is protected.

use super::{ConfigError, ServeArgs, values::within};
use crate::{
    net::tls::{Tls, TlsFiles},
    server::caller_keys::CallerKeyFile,
};
use std::{sync::Arc, time::Duration};

/// Every look reads the files.
const SHORTEST_RELOAD: Duration = Duration::from_millis(100);

impl ServeArgs {
    /// Reads the TLS files, if there are any.
    pub(super) fn tls(&self) -> Result<Option<Tls>, ConfigError> {
        let (cert_key, key_key) = ("tls_cert_file", "tls_key_file");
        let (cert, key) = match (&self.tls_cert_file, &self.tls_key_file) {
            (Some(cert), Some(key)) => (cert.clone(), key.clone()),
            (Some(_), None) => return Err(missing(key_key, cert_key)),
            (None, Some(_)) => return Err(missing(cert_key, key_key)),
            (None, None) => return self.without_tls().map(|()| None),
        };
        if self.demo {
            let problem = "cannot be used with `--demo`, which prints commands for plain text";
            return Err(ConfigError::new(cert_key, problem));
        }
        let setting = "tls_reload_interval";
        let interval = self.time(setting, &self.tls_reload_interval, "30s")?;
        let interval = within(setting, interval, SHORTEST_RELOAD, Duration::from_secs(86_400))?;
        let files = TlsFiles { cert, key, client_ca: self.tls_client_ca_file.clone() };
        let tls = Tls::load(files, interval);
        tls.map(Some)
            .map_err(|error| ConfigError::new(error.setting, format!("`{}`: {}", error.file, error.problem)))
    }

    /// Whoever asks for a part of TLS believes that there is some.
    fn without_tls(&self) -> Result<(), ConfigError> {
        let set = [
            ("tls_client_ca_file", self.tls_client_ca_file.is_some()),
            ("tls_reload_interval", self.tls_reload_interval.is_some()),
        ];
        match set.into_iter().find(|(_, is_set)| *is_set) {
            Some((key, _)) => {
                Err(ConfigError::new(key, "must be given with `tls_cert_file` and `tls_key_file`"))
            }
            None => Ok(()),
        }
    }

    /// The keys of callers, if they must show one.
    pub(super) fn caller_keys(&self) -> Result<Option<CallerKeyFile>, ConfigError> {
        let file = self.caller_key_file.clone().map(CallerKeyFile::load).transpose();
        file.map_err(|problem| ConfigError::new("caller_key_file", problem))
    }

    /// The permissions of Unix sockets.
    pub(super) fn socket_mode(&self) -> Result<u32, ConfigError> {
        let text = self.unix_socket_mode.as_deref().unwrap_or("0660");
        let problem =
            || ConfigError::new("unix_socket_mode", format!("`{text}` is no octal mode, such as `0660`"));
        u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777).ok_or_else(problem)
    }

    /// The users who may connect to Unix sockets.
    pub(super) fn socket_uids(&self) -> Result<Arc<[u32]>, ConfigError> {
        let Some(text) = &self.socket_uids else { return Ok(Arc::default()) };
        let uid = |text: &str| {
            let problem =
                || ConfigError::new("socket_uids", format!("`{text}` is no user id, such as `1000`"));
            text.trim().parse().map_err(|_| problem())
        };
        text.split(',').map(uid).collect()
    }
}

fn missing(key: &str, given: &str) -> ConfigError {
    ConfigError::new(key, format!("must be given with `{given}`"))
}
