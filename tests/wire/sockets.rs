//! Unix sockets: their permissions, what a crash leaves behind, and what belongs to somebody else.

use super::{
    ask::{may, project},
    http::metric,
    server::{Server, Store, channel, finish, rolegate, run, until},
    site::SITE,
};
use rolegate::grpc::proto::{Decision, authorization_service_client::AuthorizationServiceClient};
use std::{
    fs,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        process::CommandExt as _,
    },
    path::Path,
    process::Command,
};

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

#[tokio::test]
async fn a_socket_of_a_server_that_is_too_busy_to_take_anyone_in_is_left_alone() {
    let store = Store::with_site(SITE);
    let path = store.beside("busy.sock");
    let busy = tokio::net::UnixSocket::new_stream().unwrap();
    busy.bind(&path).unwrap();
    let busy = busy.listen(0).unwrap();
    let mut waiting = Vec::new();
    while let Ok(next) = tokio::net::UnixStream::connect(&path).await {
        waiting.push(next);
    }
    let listen = format!("unix:{}", path.display());
    let second = run(["serve", "--store", store.text(), "--listen", &listen, "--admin-listen", "off"]);
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(second.status.code() == Some(1) && said.contains("another server listens on it"), "{said}");
    for _ in waiting {
        busy.accept().await.unwrap();
    }
    assert!(tokio::net::UnixStream::connect(&path).await.is_ok(), "the socket is not theirs any more");
}

/// The user that this test runs as.
fn own_uid() -> u32 {
    fs::metadata("/proc/self").unwrap().uid()
}

#[tokio::test]
async fn only_listed_users_may_connect_to_a_socket() {
    let store = Store::with_site(SITE);
    let socket = store.beside("rolegate.sock");
    let (ours, theirs) = (own_uid().to_string(), (own_uid() + 1).to_string());
    let server = format!("unix:{}", socket.display());
    for (listed, code) in [(ours.clone(), 0), (format!("{theirs}, {ours}"), 0), (theirs, 2)] {
        let process = start(&store, &socket, &["--socket-uids", &listed]).await;
        let health = run(["healthcheck", "--server", &server]);
        assert_eq!(health.status.code(), Some(code), "{listed}: {health:?}");
        let refused = metric(&process.metrics, "rolegate_socket_peers_refused_total").await;
        assert_eq!(refused > 0.0, code != 0, "{listed}");
        assert_eq!(process.logs.contain("refused on a Unix socket"), code != 0, "{}", process.logs.text());
        // The port of the same server is another matter.
        assert_eq!(decision(&process.questions).await, Decision::Allow);
    }
}

#[tokio::test]
#[expect(clippy::print_stderr, reason = "a test that is skipped must say so")]
async fn a_process_of_another_user_is_refused_whatever_the_sockets_mode_says() {
    const NOBODY: u32 = 65_534;
    if own_uid() != 0 {
        eprintln!("skipped: only root can start a process of another user");
        return;
    }
    let store = Store::with_site(SITE);
    let socket = store.beside("rolegate.sock");
    // Where that user can find the program and the socket.
    fs::set_permissions(store.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = store.beside("rolegate.copy");
    fs::copy(rolegate([]).get_program(), &program).unwrap();
    let ask = || {
        let mut command = Command::new(&program);
        command.env_clear().args(["healthcheck", "--server", &format!("unix:{}", socket.display())]);
        finish({
            command.uid(NOBODY).gid(NOBODY);
            command
        })
    };
    for (mode, listed, code) in [("0666", "0", 2), ("0666", "0,65534", 0), ("0660", "0,65534", 2)] {
        let flags = ["--unix-socket-mode", mode, "--socket-uids", listed];
        let process = start(&store, &socket, &flags).await;
        let asked = ask();
        assert_eq!(asked.status.code(), Some(code), "{mode} {listed}: {asked:?}");
        if listed == "0" {
            until("the log names the user", async || process.logs.contain("65534")).await;
        }
    }
}
