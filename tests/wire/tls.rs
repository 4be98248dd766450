//! TLS: nobody who should not is answered, nothing is answered in plain text, and certificates change while people talk.

use super::{
    ask::{may, project},
    certificates::{Authority, Pair},
    http::{get, metric},
    server::{PATIENCE, Server, Store, finish, rolegate, until},
    site::SITE,
    tls_client::{SERVER_NAMES, call, handshake, shown, tls12},
};
use rolegate::grpc::proto::{Decision, authorization_service_client::AuthorizationServiceClient};
use std::process::{Command, Output};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tonic::transport::Channel;

/// A server with a certificate of an authority of its own.
pub(crate) struct Secured {
    pub(crate) server: Server,
    pub(crate) store: Store,
    pub(crate) authority: Authority,
    pub(crate) pair: Pair,
}

impl Secured {
    pub(crate) async fn start(flags: &[&str]) -> Self {
        Self::start_for(None, flags).await
    }

    /// One that demands certificates of this authority.
    async fn start_for(clients: Option<&Authority>, flags: &[&str]) -> Self {
        let (store, authority) = (Store::with_site(SITE), Authority::new());
        let pair = authority.server(&SERVER_NAMES);
        let mut paths =
            Vec::from(pair.write(store.folder.path(), "server").map(|path| path.display().to_string()));
        let mut all = vec!["--tls-cert-file", "--tls-key-file"];
        if let Some(clients) = clients {
            let path = store.beside("clients.crt");
            std::fs::write(&path, clients.pem()).unwrap();
            paths.push(path.display().to_string());
            all.push("--tls-client-ca-file");
        }
        std::fs::write(store.beside("ca.crt"), authority.pem()).unwrap();
        let mut all: Vec<&str> = all.into_iter().zip(&paths).flat_map(|(flag, path)| [flag, path]).collect();
        all.extend(flags);
        let server = Server::listening(&store, &all).await;
        until("the server is ready", async || get(&server.metrics, "/readyz").await.0 == 200).await;
        Self { server, store, authority, pair }
    }

    pub(crate) fn address(&self) -> &str {
        self.server.questions.strip_prefix("https://").expect("the log says how to connect")
    }

    async fn channel(&self, identity: Option<&Pair>) -> Result<Channel, tonic::transport::Error> {
        call(&self.server.questions, &self.authority.pem(), identity).await
    }

    /// Asks a question, as a client with a certificate or without.
    async fn answers(&self, identity: Option<&Pair>) -> bool {
        match self.channel(identity).await {
            Ok(channel) => answers(channel).await,
            Err(_) => false,
        }
    }

    async fn refused_handshakes(&self) -> f64 {
        metric(&self.server.metrics, "rolegate_tls_handshakes_failed_total").await
    }

    /// A command that believes this server's authority.
    fn command<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = rolegate(arguments);
        command
            .env("ROLEGATE_SERVER", &self.server.questions)
            .env("ROLEGATE_ADMIN_SERVER", &self.server.admin);
        command.env("ROLEGATE_API_KEY", &self.store.key).env("ROLEGATE_TLS_CA", self.store.beside("ca.crt"));
        command
    }
}

/// Whether a question is answered; the answer must then be right.
pub(crate) async fn answers(channel: Channel) -> bool {
    let mut questions = AuthorizationServiceClient::new(channel);
    let asked = questions.check(may("ann", project("scans"), "files_download"));
    match timeout(PATIENCE, asked).await.expect("an answer or none, in time") {
        Ok(answer) => answer.into_inner().decision() == Decision::Allow,
        Err(_) => false,
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn questions_administrators_and_the_platforms_clients_are_served_over_tls() {
    let secured = Secured::start(&["--http-listen", "127.0.0.1:0"]).await;
    assert!(secured.answers(None).await);
    let check = ["check", "--user", "ann", "--project", "scans", "--action", "files_download"];
    for arguments in [&["healthcheck"][..], &check, &["role", "list"]] {
        let done = finish(secured.command(arguments.iter().copied()));
        assert!(done.status.success(), "{arguments:?}: {}", said(&done));
    }
    let address = secured.server.http.strip_prefix("https://").unwrap();
    let mut stream = handshake(address, &secured.authority.pem(), "localhost", b"http/1.1").await.unwrap();
    let request = format!(
        "GET /api/roles HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: scitran-user {}\r\n\r\n",
        secured.store.key
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 OK"), "{reply}");
    assert!(secured.server.metrics.starts_with("http://"), "monitors hold no certificates");
    assert!(metric(&secured.server.metrics, "rolegate_tls_certificate_seconds_left").await > 86_400.0);
    assert!(!secured.server.logs.contain("unencrypted"), "{}", secured.server.logs.text());
}

#[tokio::test]
async fn clients_of_tls_1_2_are_served_and_a_client_of_another_protocol_is_not() {
    let secured = Secured::start(&[]).await;
    let pem = secured.authority.pem();
    let stream = tls12(secured.address(), &pem).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (_sender, connection) = h2::client::handshake(stream).await.unwrap();
    drop(connection);
    assert!(handshake(secured.address(), &pem, "localhost", b"http/1.1").await.is_err());
}

#[tokio::test]
async fn commands_tell_why_a_server_is_not_to_be_believed() {
    let secured = Secured::start(&[]).await;
    let other = secured.store.beside("other.crt");
    std::fs::write(&other, Authority::new().pem()).unwrap();
    let elsewhere =
        secured.authority.server(&["elsewhere.example"]).write(secured.store.folder.path(), "elsewhere");
    let [cert, key] = elsewhere.each_ref().map(|path| path.to_str().unwrap());
    let misnamed = Server::listening(&secured.store, &["--tls-cert-file", cert, "--tls-key-file", key]).await;
    let cases = [
        (secured.server.questions.clone(), &other, "UnknownIssuer"),
        (misnamed.questions.clone(), &secured.store.beside("ca.crt"), "not valid for name"),
        (secured.server.questions.replace("https", "http"), &secured.store.beside("ca.crt"), "https://"),
        (secured.server.questions.clone(), &secured.store.beside("server.key"), "holds no certificate"),
    ];
    for (server, ca, words) in cases {
        let ca = ca.to_str().unwrap();
        let done = finish(secured.command(["healthcheck", "--server", &server, "--tls-ca", ca]));
        assert!(matches!(done.status.code(), Some(2 | 64)), "{server}: {done:?}");
        assert!(said(&done).contains(words), "{server}: {}", said(&done));
    }
    let mut plain =
        secured.command(["healthcheck", "--server", &secured.server.questions.replace("https", "http")]);
    plain.env_remove("ROLEGATE_TLS_CA");
    let done = finish(plain);
    assert_eq!(done.status.code(), Some(2), "{done:?}");
}

#[tokio::test]
async fn plain_text_and_garbage_are_answered_by_nothing_but_an_alert() {
    let secured = Secured::start(&[]).await;
    let garbage: Vec<u8> = (0..4_096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let spoken: [&[u8]; 3] = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
        b"GET /api/roles HTTP/1.1\r\nHost: x\r\n\r\n",
        &garbage,
    ];
    for said in spoken {
        let mut stream = TcpStream::connect(secured.address()).await.unwrap();
        stream.write_all(said).await.unwrap();
        let mut answer = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the connection is closed");
        // An alert is a record of type 21, and a short one.
        assert!(answer.is_empty() || (answer[0] == 21 && answer.len() < 16), "{answer:?}");
    }
    until("they are counted", async || secured.refused_handshakes().await >= 3.0).await;
    until("they are told", async || secured.server.logs.contain("a TLS handshake failed")).await;
    assert!(secured.answers(None).await);
}

#[tokio::test]
async fn a_handshake_that_stalls_blocks_nobody_and_gives_its_place_back() {
    let flags = ["--threads", "1", "--max-connections", "4", "--greeting-timeout", "1s"];
    let secured = Secured::start(&flags).await;
    // The beginning of a hello that promises more.
    let mut stalled = Vec::new();
    for said in [&b""[..], b"\x16\x03\x01", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"] {
        let mut stream = TcpStream::connect(secured.address()).await.unwrap();
        stream.write_all(said).await.unwrap();
        stalled.push(stream);
    }
    assert!(secured.answers(None).await, "the one place that is left");
    for mut stream in stalled {
        let end = timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await;
        assert!(end.is_ok(), "the connection stays open");
    }
    // Told once the connection is gone.
    until("the log says so", async || secured.server.logs.contain("greeting_timeout")).await;
    assert!(secured.answers(None).await);
}

#[tokio::test]
async fn handshakes_hold_places_and_none_holds_up_the_end() {
    let mut secured = Secured::start(&["--max-connections", "2", "--greeting-timeout", "1s"]).await;
    let mut stalled = Vec::new();
    for _ in 0..2 {
        stalled.push(TcpStream::connect(secured.address()).await.unwrap());
    }
    assert!(secured.answers(None).await, "there is a place again after a while");
    let gone = async |stream: &mut TcpStream| {
        let read = timeout(std::time::Duration::ZERO, stream.read(&mut [0; 1])).await;
        read.is_ok_and(|read| matches!(read, Ok(0) | Err(_)))
    };
    let gone = (gone(&mut stalled[0]).await, gone(&mut stalled[1]).await);
    assert!(gone.0 || gone.1, "more are let in than there are places");
    let _stalled = TcpStream::connect(secured.address()).await.unwrap();
    secured.server.terminate();
    assert_eq!(secured.server.ended().await.code(), Some(0));
    assert!(!secured.server.logs.contain("drain's deadline"), "{}", secured.server.logs.text());
}

#[tokio::test]
async fn whoever_only_looks_whether_the_port_is_open_is_no_failure() {
    let secured = Secured::start(&["--log", "rolegate=debug"]).await;
    drop(TcpStream::connect(secured.address()).await.unwrap());
    until("it is seen", async || secured.server.logs.contain("ended before its TLS handshake")).await;
    assert_eq!(secured.refused_handshakes().await, 0.0);
}

#[tokio::test]
async fn where_clients_must_show_a_certificate_only_good_ones_are_served() {
    let clients = Authority::new();
    let secured = Secured::start_for(Some(&clients), &[]).await;
    assert!(secured.answers(Some(&clients.client())).await);
    let bad = [
        ("none", None),
        ("an expired one", Some(clients.expired_client())),
        ("one of another authority", Some(Authority::new().client())),
        ("one of the server's authority", Some(secured.authority.client())),
        ("one that is for servers", Some(clients.server(&SERVER_NAMES))),
    ];
    for (what, identity) in &bad {
        assert!(!secured.answers(identity.as_ref()).await, "{what}");
    }
    until("they are counted", async || secured.refused_handshakes().await >= 5.0).await;
    let [cert, key] = clients.client().write(secured.store.folder.path(), "client");
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
    let shown = ["--tls-cert", cert, "--tls-key", key];
    for (arguments, code) in [(&shown[..], 0), (&[], 2), (&shown[..2], 64)] {
        let mut arguments = Vec::from(arguments);
        arguments.insert(0, "healthcheck");
        let done = finish(secured.command(arguments));
        assert_eq!(done.status.code(), Some(code), "{}", said(&done));
    }
}

#[tokio::test]
async fn whoever_has_no_certificate_is_not_told_who_may_do_what_on_any_listener() {
    let clients = Authority::new();
    let secured = Secured::start_for(Some(&clients), &["--http-listen", "127.0.0.1:0"]).await;
    for (address, protocol) in [
        (&secured.server.questions, &b"h2"[..]),
        (&secured.server.admin, b"h2"),
        (&secured.server.http, b"http/1.1"),
    ] {
        let address = address.strip_prefix("https://").unwrap();
        let read = async {
            let mut stream = handshake(address, &secured.authority.pem(), "localhost", protocol).await?;
            // The refusal comes with the first bytes: a client of TLS 1.3 is done before the server has looked.
            stream.read_u8().await
        };
        let end = timeout(PATIENCE, read).await.unwrap();
        assert!(
            end.as_ref().is_err_and(|error| error.to_string().contains("CertificateRequired")),
            "{end:?}"
        );
    }
}

#[tokio::test]
async fn what_is_shown_is_the_pair_in_the_files() {
    let secured = Secured::start(&[]).await;
    assert_eq!(shown(secured.address(), &secured.authority.pem()).await.unwrap(), secured.pair.der);
}
