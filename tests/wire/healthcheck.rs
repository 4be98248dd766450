//! `rolegate healthcheck` with nothing but the server's own environment, as the image runs it.

use super::{
    certificates::Authority,
    http::get,
    server::{Server, Store, finish, rolegate, until},
    site::SITE,
    tls_client::SERVER_NAMES,
};
use std::process::Output;

/// Asks with these variables and no flags.
fn asked(variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = rolegate(["healthcheck"]);
    command.envs(variables.iter().copied());
    let Output { status, stdout, stderr } = finish(command);
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

#[tokio::test]
async fn it_asks_where_the_servers_own_environment_says() {
    let store = Store::with_site(SITE);
    let socket = format!("unix:{}", store.beside("questions.sock").display());
    let server = Server::start_with(
        &store,
        &["--listen", &format!("0.0.0.0:0,{socket}"), "--insecure-allow-any-caller"],
    )
    .await;
    let port = server.questions.rsplit(':').next().unwrap();
    for listen in [
        format!("0.0.0.0:{port}"),
        format!("localhost:{port}"),
        format!("{socket}, 0.0.0.0:{port}"),
        socket.clone(),
    ] {
        let (code, said) = asked(&[("ROLEGATE_LISTEN", &listen)]);
        assert_eq!((code, said.as_str()), (Some(0), "SERVING\n"), "{listen}");
    }
    let listen = format!("0.0.0.0:{port}");
    let elsewhere = asked(&[("ROLEGATE_LISTEN", &listen), ("ROLEGATE_SERVER", "http://127.0.0.1:1")]);
    assert_eq!(elsewhere.0, Some(2), "what is said outright wins: {elsewhere:?}");
    let (code, said) = asked(&[("ROLEGATE_LISTEN", "0.0.0.0:0")]);
    assert!(code == Some(64) && said.contains("--server"), "{said}");
}

#[tokio::test]
async fn a_server_with_tls_is_asked_by_its_socket_or_by_https_and_never_in_plain_text() {
    let (store, authority) = (Store::with_site(SITE), Authority::new());
    let [cert, key] = authority.server(&SERVER_NAMES).write(store.folder.path(), "server");
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
    let ca = store.beside("ca.crt");
    std::fs::write(&ca, authority.pem()).unwrap();
    let socket = format!("unix:{}", store.beside("questions.sock").display());
    let listen = format!("127.0.0.1:0,{socket}");
    let server =
        Server::listening(&store, &["--listen", &listen, "--tls-cert-file", cert, "--tls-key-file", key])
            .await;
    until("the server is ready", async || get(&server.metrics, "/readyz").await.0 == 200).await;
    let port = server.questions.trim_start_matches("https://");
    let tls = ("ROLEGATE_TLS_CERT_FILE", cert);
    assert_eq!(asked(&[("ROLEGATE_LISTEN", &format!("{port},{socket}")), tls]).0, Some(0));
    let port = ("ROLEGATE_LISTEN", port);
    assert_eq!(asked(&[port, tls, ("ROLEGATE_TLS_CA", ca.to_str().unwrap())]).0, Some(0));
    let (code, said) = asked(&[port, tls]);
    assert!(code == Some(2) && said.contains("--tls-ca") && said.contains("https://NAME:PORT"), "{said}");
}
