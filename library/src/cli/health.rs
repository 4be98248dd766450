//! `rolegate healthcheck`, for probes of containers.

use super::{
    connect::{CONNECTION, CallArgs, ServerArgs, parse_address},
    exit::{Exit, Failure},
    output::Report,
};
use crate::config::{Address, DEFAULT_LISTEN, addresses};
use clap::Args;
use serde_json::json;
use std::{
    env,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};

/// The variables by which a server is told where it listens, and that it speaks TLS there.
const LISTEN: &str = "ROLEGATE_LISTEN";
const CERTIFICATE: &str = "ROLEGATE_TLS_CERT_FILE";

/// The arguments of `healthcheck`.
#[derive(Args, Debug)]
pub(crate) struct HealthArgs {
    /// The server to ask: http://HOST:PORT, https://HOST:PORT or unix:PATH [default: where ROLEGATE_LISTEN says that the
    /// server of this environment listens, or else http://127.0.0.1:7700]
    #[arg(long, value_name = "ADDRESS", env = "ROLEGATE_SERVER", help_heading = CONNECTION)]
    #[arg(value_parser = parse_address)]
    server: Option<String>,
    #[command(flatten)]
    call: CallArgs,
    /// Ask for this service alone, by its full name
    #[arg(long, value_name = "SERVICE", default_value = "")]
    service: String,
}

/// Asks whether the server is serving.
///
/// # Errors
/// When it cannot be asked.
pub(crate) async fn healthcheck(args: HealthArgs) -> Result<Report, Failure> {
    let HealthArgs { server, call, service } = args;
    let Some(server) = server else {
        let beside = beside()?;
        let hint = beside.hint();
        let asked = ask(ServerArgs::at(beside.address, call), service).await;
        return asked.map_err(|failure| if hint.is_some() { failure.with_hint(hint) } else { failure });
    };
    ask(ServerArgs::at(server, call), service).await
}

async fn ask(server: ServerArgs, service: String) -> Result<Report, Failure> {
    let server = server.connect().await?;
    let request = HealthCheckRequest { service };
    let answer = server.call(request).await?;
    Ok(report(answer.status))
}

/// The server that was given the same environment.
fn beside() -> Result<Beside, Failure> {
    let listen = env::var_os(LISTEN).map(|listen| listen.to_string_lossy().into_owned());
    let has_tls = env::var_os(CERTIFICATE).is_some_and(|file| !file.is_empty());
    Beside::of(listen.as_deref().unwrap_or(DEFAULT_LISTEN), has_tls)
}

/// Where such a server is asked.
#[derive(Debug, PartialEq, Eq)]
struct Beside {
    address: String,
    has_tls: bool,
}

impl Beside {
    /// The first port that it listens on, on this machine; a socket if there is no port, or if ports speak TLS: on a socket
    /// it needs no certificate that is good for this machine.
    fn of(listen: &str, has_tls: bool) -> Result<Self, Failure> {
        let all = addresses("listen", listen)?;
        let port = all.iter().find_map(|address| match address {
            Address::Tcp(address) => Some(*address),
            Address::Unix(_) => None,
        });
        let socket = all.iter().find(|address| matches!(address, Address::Unix(_)));
        match (port, socket) {
            (Some(port), _) if port.port() == 0 => Err(Failure::usage(format!(
                "{LISTEN} leaves the port open (`{port}`): say which it is with --server (ROLEGATE_SERVER)"
            ))),
            (Some(port), None) if has_tls => {
                Ok(Self { address: format!("https://{}", on_this_machine(port)), has_tls })
            }
            (Some(port), _) if !has_tls => {
                Ok(Self { address: format!("http://{}", on_this_machine(port)), has_tls })
            }
            (_, Some(socket)) => Ok(Self { address: socket.to_string(), has_tls: false }),
            _ => Err(Failure::usage(format!("{LISTEN} names no address: give --server (ROLEGATE_SERVER)"))),
        }
    }

    /// What to do where asking came to nothing.
    fn hint(&self) -> Option<&'static str> {
        self.has_tls.then_some(
            "its ports speak TLS (ROLEGATE_TLS_CERT_FILE): give --server (ROLEGATE_SERVER) as https://NAME:PORT with a name \
             of its certificate, --tls-ca, and where it demands a certificate --tls-cert and --tls-key",
        )
    }
}

/// Where a port is reached from here: one that is open to all addresses has none of its own.
fn on_this_machine(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn report(status: i32) -> Report {
    let status = ServingStatus::try_from(status).unwrap_or(ServingStatus::Unknown);
    let exit = if status == ServingStatus::Serving { Exit::Success } else { Exit::No };
    let name = status.as_str_name();
    Report::new(format!("{name}\n"), json!({ "status": name })).with_exit(exit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_serving_is_success() {
        assert_eq!(report(1).exit(), Exit::Success);
        for status in [0, 2, 3, 99] {
            assert_eq!(report(status).exit(), Exit::No, "{status}");
        }
    }

    #[test]
    fn the_server_of_the_same_environment_is_asked_where_it_listens() {
        for (listen, has_tls, wanted) in [
            ("127.0.0.1:7700", false, "http://127.0.0.1:7700"),
            ("0.0.0.0:7800", false, "http://127.0.0.1:7800"),
            ("[::]:7800", false, "http://[::1]:7800"),
            ("10.1.2.3:7800", false, "http://10.1.2.3:7800"),
            ("unix:/run/q.sock, localhost:7800,0.0.0.0:7900", false, "http://127.0.0.1:7800"),
            ("unix:/run/q.sock", false, "unix:/run/q.sock"),
            ("unix:/run/q.sock", true, "unix:/run/q.sock"),
            ("0.0.0.0:7800,unix:/run/q.sock", true, "unix:/run/q.sock"),
            ("0.0.0.0:7800", true, "https://127.0.0.1:7800"),
        ] {
            let found = Beside::of(listen, has_tls).ok().map(|beside| beside.address);
            assert_eq!(found.as_deref(), Some(wanted), "{listen} {has_tls}");
        }
        for listen in ["", "7700", "0.0.0.0:0", "unix:"] {
            assert!(Beside::of(listen, false).is_err(), "{listen}");
        }
    }
}
