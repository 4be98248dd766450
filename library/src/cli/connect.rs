//! Calling a server: where it is, who asks, and for how long to wait.

use super::{
    exit::{Failure, innermost},
    time,
    tls::TlsArgs,
};
use crate::grpc::{
    codec::GuardedCodec,
    proto::role_admin_service_client::RoleAdminServiceClient,
    rpc::{Encoded, Rpc},
};
use clap::Args;
use http::uri::PathAndQuery;
use std::{env, fs, path::PathBuf, time::Duration};
use tonic::{
    Code, Request, Status,
    client::Grpc,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};

/// The variable that holds the API key.
pub(super) const KEY_VARIABLE: &str = "ROLEGATE_API_KEY";

/// The heading of these options in help.
pub(super) const CONNECTION: &str = "Connection";

/// How long a call may take unless told otherwise, and how long one that is about a whole site: as long as servers take.
const USUAL_TIME: Duration = Duration::from_secs(5);
const TIME_FOR_A_SITE: Duration = Duration::from_secs(120);

/// How every call is made.
#[derive(Args, Debug)]
pub(crate) struct CallArgs {
    /// Give up on a call after this long, for example 500ms or 2m [default: 5s; 2m for a whole site]
    #[arg(long, global = true, help_heading = CONNECTION, value_name = "DURATION", value_parser = time::parse_duration)]
    timeout: Option<Duration>,
    /// Read the API key from this file instead of ROLEGATE_API_KEY
    ///
    /// The key is taken from this file, or else from the environment variable ROLEGATE_API_KEY. There is no option
    /// for the key itself: every user of the machine could read it in the list of processes.
    #[arg(long, global = true, help_heading = CONNECTION, value_name = "FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    tls: TlsArgs,
}

/// Where questions are asked.
#[derive(Args, Debug)]
pub(crate) struct ServerArgs {
    /// The server that answers questions: http://HOST:PORT, https://HOST:PORT or unix:PATH
    #[arg(long, value_name = "ADDRESS", env = "ROLEGATE_SERVER", default_value = "http://127.0.0.1:7700")]
    #[arg(help_heading = CONNECTION, value_parser = parse_address)]
    server: String,
    #[command(flatten)]
    call: CallArgs,
}

/// Where roles are administered.
#[derive(Args, Debug)]
pub(crate) struct AdminArgs {
    /// The server's admin listener: http://HOST:PORT, https://HOST:PORT or unix:PATH
    #[arg(long, global = true, value_name = "ADDRESS", env = "ROLEGATE_ADMIN_SERVER")]
    #[arg(default_value = "http://127.0.0.1:7701", help_heading = CONNECTION, value_parser = parse_address)]
    admin_server: String,
    #[command(flatten)]
    call: CallArgs,
}

/// The largest reply that a server can be configured to send, in bytes.
const LARGEST_REPLY: usize = 256 << 20;

/// A channel whose requests carry the key and the deadline.
pub(crate) type Calls = InterceptedService<Channel, Outfit>;

impl ServerArgs {
    /// A server at this address.
    pub(crate) const fn at(server: String, call: CallArgs) -> Self {
        Self { server, call }
    }

    /// Connects for questions.
    ///
    /// # Errors
    /// When the key cannot be read or the server not be reached.
    pub(crate) async fn connect(&self) -> Result<Link, Failure> {
        Link::open(&self.server, &self.call, USUAL_TIME, Face::Questions).await
    }
}

impl AdminArgs {
    /// Connects for administration.
    ///
    /// # Errors
    /// When the key cannot be read or the server not be reached.
    pub(crate) async fn connect(&self) -> Result<Link, Failure> {
        self.connect_for(USUAL_TIME).await
    }

    /// The same for a call that is about a whole site.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub(crate) async fn connect_for_a_site(&self) -> Result<Link, Failure> {
        self.connect_for(TIME_FOR_A_SITE).await
    }

    async fn connect_for(&self, usual: Duration) -> Result<Link, Failure> {
        Link::open(&self.admin_server, &self.call, usual, Face::Admin).await
    }
}

/// Which listener is called; the advice after a failure depends on it.
#[derive(Clone, Copy, Debug)]
enum Face {
    Questions,
    Admin,
}

/// An open connection to one of a server's listeners.
pub(crate) struct Link {
    calls: Calls,
    timeout: Duration,
    face: Face,
}

impl Link {
    async fn open(address: &str, args: &CallArgs, usual: Duration, face: Face) -> Result<Self, Failure> {
        let timeout = args.timeout.unwrap_or(usual);
        let outfit = Outfit { bearer: bearer(args.key_file.as_ref())?, timeout };
        let endpoint = Endpoint::from_shared(address.to_owned())
            .map_err(|error| Failure::usage(format!("`{address}` is not an address: {error}")))?;
        let endpoint = args.tls.secure(endpoint, address)?;
        let channel = match tokio::time::timeout(timeout.min(USUAL_TIME), endpoint.connect()).await {
            Ok(Ok(channel)) => Ok(channel),
            Ok(Err(error)) => Err(innermost(&error).unwrap_or_else(|| error.to_string())),
            Err(_) => Err(format!("no connection within {:?}", timeout.min(USUAL_TIME))),
        };
        let channel = channel.map_err(|cause| {
            Failure::rpc(Code::Unavailable, format!("cannot connect to `{address}`: {cause}"))
                .with_hint(Some(connect_hint(face)))
        })?;
        Ok(Self { calls: InterceptedService::new(channel, outfit), timeout, face })
    }

    /// Makes one call within the deadline.
    ///
    /// # Errors
    /// When the server refuses, or does not answer in time.
    pub(crate) async fn call<R: Rpc>(&self, asked: R) -> Result<R::Reply, Failure> {
        let answer = self.in_time(self.exchange(R::PATH, Encoded::of(&asked))).await?;
        answer.read().map_err(|status| self.failure(status))
    }

    /// Makes one call of administration that takes streams, until the end of them, within the deadline.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub(crate) async fn stream<T>(
        &self,
        call: impl AsyncFnOnce(&mut RoleAdminServiceClient<Calls>) -> Result<T, Status>,
    ) -> Result<T, Failure> {
        let client = RoleAdminServiceClient::new(self.calls.clone());
        self.in_time(call(&mut client.max_decoding_message_size(LARGEST_REPLY))).await
    }

    async fn exchange(&self, path: &'static str, asked: Encoded) -> Result<Encoded, Status> {
        let mut calls = Grpc::new(self.calls.clone()).max_decoding_message_size(LARGEST_REPLY);
        calls
            .ready()
            .await
            .map_err(|error| Status::unknown(format!("the connection is not ready: {error}")))?;
        let codec = GuardedCodec::<Encoded, Encoded>::default();
        let answer = calls.unary(Request::new(asked), PathAndQuery::from_static(path), codec).await?;
        Ok(answer.into_inner())
    }

    async fn in_time<T>(&self, call: impl Future<Output = Result<T, Status>>) -> Result<T, Failure> {
        let answer = tokio::time::timeout(self.timeout, call).await;
        let late = || Status::deadline_exceeded(format!("no answer within {:?}", self.timeout));
        answer.unwrap_or_else(|_| Err(late())).map_err(|status| self.failure(status))
    }

    fn failure(&self, status: Status) -> Failure {
        let hint = hint(status.code(), self.face);
        Failure::from(status).with_hint(hint)
    }
}

/// What every request wears.
#[derive(Clone)]
pub(crate) struct Outfit {
    bearer: Option<MetadataValue<Ascii>>,
    timeout: Duration,
}

impl Interceptor for Outfit {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.set_timeout(self.timeout);
        if let Some(bearer) = &self.bearer {
            request.metadata_mut().insert("authorization", bearer.clone());
        }
        Ok(request)
    }
}

/// The key as requests carry it.
fn bearer(file: Option<&PathBuf>) -> Result<Option<MetadataValue<Ascii>>, Failure> {
    let key = match file {
        Some(file) => Some(fs::read_to_string(file).map_err(|error| {
            Failure::local(format!("cannot read the key file `{}`: {error}", file.display()))
        })?),
        None => env::var(KEY_VARIABLE).ok(),
    };
    bearer_of(key.as_deref(), file.is_some())
}

fn bearer_of(key: Option<&str>, from_file: bool) -> Result<Option<MetadataValue<Ascii>>, Failure> {
    let key = key.unwrap_or_default().trim();
    if key.is_empty() {
        return if from_file { Err(Failure::local("the key file is empty")) } else { Ok(None) };
    }
    // The parser's own words could quote the key, so they are not passed on.
    let mut value: MetadataValue<Ascii> = format!("Bearer {key}")
        .parse()
        .map_err(|_| Failure::local("the API key holds characters that no key has"))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// Reads a server's address; a bare `HOST:PORT` means `http://HOST:PORT`.
pub(super) fn parse_address(text: &str) -> Result<String, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        return if path.is_empty() {
            Err("a path must follow `unix:`".to_owned())
        } else {
            Ok(text.to_owned())
        };
    }
    let url = match text.split_once("://") {
        None => format!("http://{text}"),
        Some(("http" | "https", _)) => text.to_owned(),
        Some(_) => return Err("must start with http://, https:// or unix:".to_owned()),
    };
    let uri: http::Uri = url.parse().map_err(|error: http::uri::InvalidUri| error.to_string())?;
    if uri.host().is_none_or(str::is_empty) {
        return Err("a host must follow `http://` or `https://`".to_owned());
    }
    Ok(url)
}

const fn connect_hint(face: Face) -> &'static str {
    match face {
        Face::Questions => {
            "is `rolegate serve` running, and is --server (ROLEGATE_SERVER) right, https:// if it has TLS?"
        }
        Face::Admin => {
            "is `rolegate serve` running with an admin listener, and is --admin-server (ROLEGATE_ADMIN_SERVER) right, \
             https:// if it has TLS?"
        }
    }
}

/// What to do next after such a status, where that is clear.
const fn hint(code: Code, face: Face) -> Option<&'static str> {
    match (code, face) {
        (Code::Unauthenticated, _) => Some("set ROLEGATE_API_KEY or give --key-file"),
        (Code::Unknown, Face::Questions) => Some(
            "a server with TLS wants https://, and a certificate if it demands one (--tls-cert, --tls-key)",
        ),
        (Code::Unknown, Face::Admin) => Some(
            "a server with TLS wants https://, and a certificate if it demands one (--tls-cert, --tls-key); from a server that \
             has just ended, a change may have been made all the same: look before trying again",
        ),
        (Code::Aborted, _) => Some("it has changed since that revision: read it again, then retry"),
        // Whom a server with TLS demands a certificate of in vain, it closes the connection to.
        (Code::Cancelled, Face::Questions) => {
            Some("try again; a server that demands a certificate wants --tls-cert and --tls-key")
        }
        (Code::Cancelled, Face::Admin) => Some(
            "a change may have been made all the same: look before trying again; a server that demands a certificate wants \
             --tls-cert and --tls-key",
        ),
        (Code::DeadlineExceeded, Face::Questions) => Some("try again, with a longer --timeout if need be"),
        (Code::DeadlineExceeded, Face::Admin) => {
            Some("a change may have been made all the same: look before trying again with a longer --timeout")
        }
        (Code::Unimplemented, Face::Admin) => {
            Some("is --admin-server the admin listener, not the one for questions?")
        }
        (Code::Unimplemented, Face::Questions) => {
            Some("is --server the listener for questions, not the admin one?")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_http_or_https_or_unix_or_bare() {
        assert_eq!(parse_address("localhost:7700").as_deref(), Ok("http://localhost:7700"));
        assert_eq!(parse_address("http://[::1]:7700").as_deref(), Ok("http://[::1]:7700"));
        assert_eq!(parse_address("https://host:7700").as_deref(), Ok("https://host:7700"));
        assert_eq!(parse_address("unix:/run/rolegate.sock").as_deref(), Ok("unix:/run/rolegate.sock"));
    }

    #[test]
    fn addresses_that_could_not_work_are_refused() {
        for text in ["", "unix:", "unix://", "http://", "https://", "ftp://host", "a b"] {
            assert!(parse_address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_is_trimmed_and_marked_sensitive() {
        let value = bearer_of(Some("rgk_abc\n"), true).ok().flatten();
        assert_eq!(value.as_ref().and_then(|value| value.to_str().ok()), Some("Bearer rgk_abc"));
        assert!(value.is_some_and(|value| value.is_sensitive()));
    }

    #[test]
    fn an_empty_variable_is_no_key_and_an_empty_file_a_mistake() {
        assert!(matches!(bearer_of(Some(""), false), Ok(None)));
        assert!(bearer_of(Some("\n"), true).is_err());
    }

    #[test]
    fn a_broken_key_is_not_repeated() {
        let words = format!("{:?}", bearer_of(Some("rgk_se\u{1}cret"), false));
        assert!(!words.contains("cret"), "{words}");
    }
}
