//! The environment variables that the commands know, and those that nobody knows.

use super::{connect::KEY_VARIABLE, exit::Failure};
use crate::grpc::nearest;
use clap::{Arg, Command};
use std::ffi::OsString;

/// What the names of all variables begin with.
const PREFIX: &str = "ROLEGATE_";

/// The variables that these commands' flags can be set by; of one flag, or of all.
pub(super) fn variables_of(command: &Command, flag: Option<&str>) -> Vec<String> {
    let is_meant = |argument: &&Arg| {
        flag.is_none_or(|flag| argument.get_long().is_some_and(|long| flag.strip_prefix("--") == Some(long)))
    };
    let name = |argument: &Arg| argument.get_env().map(|name| name.to_string_lossy().into_owned());
    let own = command.get_arguments().filter(is_meant).filter_map(name);
    own.chain(command.get_subcommands().flat_map(|below| variables_of(below, flag))).collect()
}

/// Refuses a variable that looks like a setting and is none: whoever set it believes that it counts.
///
/// # Errors
/// The first such variable, and the known one that was likely meant.
pub(super) fn refuse_unknown(
    command: &Command,
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<(), Failure> {
    let mut known = variables_of(command, None);
    known.push(KEY_VARIABLE.to_owned());
    let text = |(name, value): (OsString, OsString)| {
        (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
    };
    let is_unknown = |(name, value): &(String, String)| {
        name.starts_with(PREFIX) && !known.contains(name) && !is_service_link(name, value)
    };
    match environment.map(text).find(is_unknown) {
        Some((name, _)) => {
            let message = format!("unknown environment variable `{name}`; {}", advice(&name, &known));
            Err(Failure::usage(message).with_field(name))
        }
        None => Ok(()),
    }
}

fn advice(name: &str, known: &[String]) -> String {
    // What all names share says nothing about which one was meant.
    let own = |name| str::strip_prefix(name, PREFIX).unwrap_or(name);
    match nearest(own(name), known.iter().map(|name| own(name))) {
        Some(near) => format!("did you mean `{PREFIX}{near}`?"),
        None => "unset it, or see `rolegate serve --help` for those that there are".to_owned(),
    }
}

/// Whether Kubernetes sets such a variable in every pod beside a Service whose name begins with `rolegate`:
/// `X_SERVICE_HOST`, `X_SERVICE_PORT`, `X_SERVICE_PORT_NAME`, `X_PORT`, `X_PORT_7700_TCP` and `X_PORT_7700_TCP_ADDR`.
fn is_service_link(name: &str, value: &str) -> bool {
    let is_service = name.ends_with("_SERVICE_HOST") || name.ends_with("_SERVICE_PORT");
    // A setting of somebody's invention would hardly hold an address of this form.
    let is_address = name.ends_with("_PORT") && value.contains("://");
    is_service
        || is_address
        || name.contains("_SERVICE_PORT_")
        || name
            .match_indices("_PORT_")
            .any(|(at, link)| name.get(at + link.len()..).is_some_and(is_port_and_protocol))
}

/// Whether this is what follows `X_PORT_`: `7700_TCP`, or `7700_TCP_ADDR` and its like.
fn is_port_and_protocol(rest: &str) -> bool {
    let mut words = rest.split('_');
    let is_port = words.next().is_some_and(|port| port.parse::<u16>().is_ok());
    let is_protocol = words.next().is_some_and(|protocol| ["TCP", "UDP", "SCTP"].contains(&protocol));
    let is_part = words.next().is_none_or(|part| ["ADDR", "PORT", "PROTO"].contains(&part));
    is_port && is_protocol && is_part && words.next().is_none()
}
