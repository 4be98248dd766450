//! Unix sockets: their permissions, what a crash leaves behind, and what belongs to somebody else.

use super::{
    ask::{may, project},
    server::{Server, Store, channel, run},
    site::SITE,
};
use rolegate::grpc::proto::{Decision, authorization_service_client::AuthorizationServiceClient};
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

/// A server on a TCP port and a socket.
async fn start(store: &Store, socket: &Path, more: &[&str]) -> Server {
    let listen = format!("127.0.0.1:0,unix:{}", socket.display());
    let mut flags = vec!["--listen", &listen];
    flags.extend(more);
    Server::start_with(store, &flags).await
}

async fn decision(address: &str) -> Decision {
    let mut questions = AuthorizationServiceClient::new(channel(address).await);
    let answer = questions.check(may("ann", project("scans"), "files_download")).await.unwrap();
    answer.into_inner().decision()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_port_and_a_socket_answer_alike_and_the_socket_is_not_for_everyone() {
    let store = Store::with_site(SITE);
    let socket = store.beside("rolegate.sock");
    let server = start(&store, &socket, &[]).await;
    assert_eq!(mode(&socket), 0o660);
    assert_eq!(decision(&server.questions).await, Decision::Allow);
    assert_eq!(decision(&format!("unix:{}", socket.display())).await, Decision::Allow);
    let health = run(["healthcheck", "--server", &format!("unix:{}", socket.display())]);
    assert!(health.status.success(), "{health:?}");
}

#[tokio::test]
async fn what_a_killed_server_left_is_replaced() {
    let store = Store::with_site(SITE);
    let socket = store.beside("rolegate.sock");
    start(&store, &socket, &[]).await.kill();
    assert!(socket.exists(), "a killed server cannot clean up");
    let _server = start(&store, &socket, &["--unix-socket-mode", "0600"]).await;
    assert_eq!(mode(&socket), 0o600);
    assert_eq!(decision(&format!("unix:{}", socket.display())).await, Decision::Allow);
    let left: Vec<_> = fs::read_dir(store.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with("rolegate.") && name != "site.yaml")
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_server_that_ends_takes_its_socket_with_it_and_no_other() {
    let store = Store::with_site(SITE);
    let (socket, taken_over) = (store.beside("rolegate.sock"), store.beside("other.sock"));
    let listen = format!("unix:{}", taken_over.display());
    let mut server = start(&store, &socket, &["--admin-listen", &listen]).await;
    fs::remove_file(&taken_over).unwrap();
    let _theirs = std::os::unix::net::UnixListener::bind(&taken_over).unwrap();
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.logs.text());
    assert!(!socket.exists() && taken_over.exists());
}

#[tokio::test]
async fn a_live_socket_and_a_file_are_left_alone() {
    let store = Store::with_site(SITE);
    let socket = store.beside("rolegate.sock");
    let _first = start(&store, &socket, &[]).await;
    let file = store.beside("file");
    fs::write(&file, "precious").unwrap();
    for taken in [&socket, &file] {
        let listen = format!("unix:{}", taken.display());
        let second = run(["serve", "--store", store.text(), "--listen", &listen, "--admin-listen", "off"]);
        let said = String::from_utf8_lossy(&second.stderr).into_owned();
        assert!(second.status.code() == Some(1) && said.contains(&listen), "{said}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    assert_eq!(decision(&format!("unix:{}", socket.display())).await, Decision::Allow);
}
