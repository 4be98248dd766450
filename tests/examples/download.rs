//! The download service: who gets files, who does not, and what it makes of a rolegate that is away.

use crate::{
    http::{Reply, get},
    scene::{SITE, address, listen, serving},
    server::{Server, Store, run, until},
    service::Service,
};
use rolegate::grpc::proto::{
    BatchCheckRequest, BatchCheckResponse, CheckRequest, CheckResponse, GetEffectiveActionsRequest,
    GetEffectiveActionsResponse, RemoveProjectPermissionRequest,
    authorization_service_server::{AuthorizationService, AuthorizationServiceServer},
};
use std::{
    fs,
    io::Write as _,
    os::unix::net::UnixListener,
    process::{Command, Stdio},
};
use tempfile::TempDir;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Request, Response, Status};

const A: &str = "/projects/scans/files/a.dcm";

fn is_undecided(reply: &Reply) {
    assert_eq!((reply.status, reply.text()), (503, r#"{"error":"not decided; try again"}"#));
    assert!(reply.head.contains("retry-after: 1"), "{}", reply.head);
}

/// Whether all threads of a process stand still.
fn has_stopped(process: u32) -> bool {
    let mut threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    threads.all(|thread| {
        let status = fs::read_to_string(thread.unwrap().path().join("status")).unwrap_or_default();
        status.contains("State:\tT")
    })
}

/// What an archive holds, as everybody's `tar` reads it.
fn unpacked(reply: &Reply) -> Vec<(String, String)> {
    let folder = TempDir::new().unwrap();
    let mut tar = Command::new("tar");
    tar.args(["-xv", "-C"]).arg(folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut tar = tar.spawn().unwrap();
    tar.stdin.take().unwrap().write_all(&reply.body).unwrap();
    let done = tar.wait_with_output().unwrap();
    assert!(done.status.success());
    let names = String::from_utf8(done.stdout).unwrap();
    names
        .lines()
        .map(|name| (name.to_owned(), fs::read_to_string(folder.path().join(name)).unwrap()))
        .collect()
}

#[tokio::test]
async fn whoever_may_gets_the_file_and_whoever_may_not_learns_nothing() {
    let store = Store::with_site(SITE);
    let _server = serving(&store).await;
    let service = Service::start(&address(&store));
    assert_eq!(service.get("ann", A).await.text(), "scan a");
    assert_eq!(service.get("ann", "/projects/scans/files/none").await.status, 404);
    assert_eq!(service.get("ann", "/projects/scans/files/link").await.status, 404, "links are not followed");
    let lacking = service.get("bob", A).await;
    assert_eq!((lacking.status, lacking.text()), (403, r#"{"error":"REASON_LACKING_ACTION"}"#));
    assert_eq!(service.get("bob", "/projects/scans/files/none").await.body, lacking.body);
    let nobody = service.get("cat", A).await;
    assert_eq!((nobody.status, nobody.text()), (403, r#"{"error":"REASON_NO_ROLE"}"#));
    for there_is_none in ["/projects/none/files/a.dcm", "/projects/%2e%2e/files/outside"] {
        assert_eq!(service.get("cat", there_is_none).await, nobody);
    }
    assert_eq!(service.get("stranger", A).await.text(), r#"{"error":"REASON_UNKNOWN_USER"}"#);
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_before_anything_is_asked() {
    let store = Store::with_site(SITE);
    let server = serving(&store).await;
    let service = Service::start(&address(&store));
    assert_eq!(get(&service.url, A, &[]).await.status, 401);
    assert_eq!(get(&service.url, A, &[("x-user", "")]).await.status, 401);
    assert_eq!(get(&service.url, A, &[("x-user", "bob"), ("x-user", "ann")]).await.status, 401);
    for name in ["..%2f..%2foutside", "%2e%2e", ".hidden", "a%5cb", "a%00b", &"x".repeat(101)] {
        let reply = service.get("ann", &format!("/projects/scans/files/{name}")).await;
        assert_eq!(reply.status, 400, "{name}");
    }
    for names in [r#"["../outside"]"#, "[]"] {
        assert_eq!(service.post("ann", "/projects/scans/bulk", names).await.status, 400, "{names}");
    }
    assert_eq!(calls(&server, "AuthorizationService/Check").await, 0);
    assert_eq!(service.get("ann", A).await.status, 200);
    assert_eq!(calls(&server, "AuthorizationService/Check").await, 1);
}

/// How many calls of a method the server has counted.
async fn calls(server: &Server, method: &str) -> u64 {
    let metrics = get(&server.metrics, "/metrics", &[]).await;
    let of_method = format!("{method}\"");
    let lines = metrics
        .text()
        .lines()
        .filter(|line| line.starts_with("rolegate_grpc_calls_total{") && line.contains(&of_method));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

#[tokio::test]
async fn who_may_look_into_single_files_may_not_take_many() {
    let store = Store::with_site(SITE);
    let _server = serving(&store).await;
    let service = Service::start(&address(&store));
    let names = r#"["a.dcm", "b.dcm"]"#;
    assert_eq!(service.get("vic", A).await.text(), "scan a");
    let refused = service.post("vic", "/projects/scans/bulk", names).await;
    assert_eq!((refused.status, refused.text()), (403, r#"{"error":"REASON_LACKING_ACTION"}"#));
    let archive = service.post("ann", "/projects/scans/bulk", names).await;
    let wanted = [("scans/a.dcm", "scan a"), ("scans/b.dcm", "scan b")];
    assert_eq!(unpacked(&archive), wanted.map(|(name, text)| (name.to_owned(), text.to_owned())));
    assert_eq!(service.post("ann", "/projects/scans/bulk", r#"["a.dcm", "none"]"#).await.status, 404);
}

#[tokio::test]
async fn a_download_from_several_projects_is_one_question_and_all_or_nothing() {
    let store = Store::with_site(SITE);
    let server = serving(&store).await;
    let service = Service::start(&address(&store));
    let wanted = r#"{"scans": ["a.dcm"], "other": ["c.dcm"]}"#;
    let archive = service.post("ann", "/bulk", wanted).await;
    let there = [("other/c.dcm", "other c"), ("scans/a.dcm", "scan a")];
    assert_eq!(unpacked(&archive), there.map(|(name, text)| (name.to_owned(), text.to_owned())));
    assert_eq!(service.post("vic", "/bulk", wanted).await.status, 403);
    let more = r#"{"scans": ["a.dcm"], "closed": ["a.dcm"]}"#;
    assert_eq!(service.post("ann", "/bulk", more).await.text(), r#"{"error":"REASON_NO_ROLE"}"#);
    assert_eq!(calls(&server, "AuthorizationService/BatchCheck").await, 3);
    assert_eq!(calls(&server, "AuthorizationService/Check").await, 0);
}

#[tokio::test]
async fn a_revocation_whose_token_is_handed_on_is_obeyed_at_once() {
    let store = Store::with_site(SITE);
    // Whoever changes permissions does so elsewhere: the service's own sidecar learns of it from the store.
    let (writer, _sidecar) = (Server::start(&store).await, serving(&store).await);
    let service = Service::start(&address(&store));
    assert_eq!(service.get("vic", A).await.status, 200);
    let off = RemoveProjectPermissionRequest {
        project: "scans".to_owned(),
        user: "vic".to_owned(),
        expected_revision: None,
    };
    let mut admin = writer.administrator(&store.key).await;
    let token = admin.remove_project_permission(off).await.unwrap().into_inner().revision_token;
    let with = async |user, token: &str| {
        get(&service.url, A, &[("x-user", user), ("x-revision-token", token)]).await.status
    };
    assert_eq!(with("vic", &token).await, 403);
    assert_eq!(with("ann", &token).await, 200);
    assert_eq!(with("ann", "no token").await, 400);
    // A store that was restored since: nothing can be compared with the token, and the newest there is decides.
    let other = Store::with_site(SITE);
    let answer = run([
        "check",
        "--server",
        &Server::start(&other).await.questions,
        "--output",
        "json",
        "--user",
        "ann",
        "--project",
        "scans",
        "--action",
        "files_download",
    ]);
    let answer: serde_json::Value = serde_json::from_slice(&answer.stdout).unwrap();
    let foreign = answer["revision_token"].as_str().unwrap();
    assert_eq!((with("ann", foreign).await, with("vic", foreign).await), (200, 403));
}

#[tokio::test]
async fn without_rolegate_nothing_is_given_out_and_the_same_channel_serves_when_it_is_back() {
    let store = Store::with_site(SITE);
    let service = Service::start_with(&address(&store), "1000");
    is_undecided(&service.get("ann", A).await);
    is_undecided(&service.post("ann", "/bulk", r#"{"scans": ["a.dcm"]}"#).await);
    let mut server = serving(&store).await;
    assert_eq!(service.decides("ann", A).await.text(), "scan a");
    server.kill();
    is_undecided(&service.get("ann", A).await);
    is_undecided(&service.get("ann", "/projects/scans/files/none").await);
    let server = serving(&store).await;
    assert_eq!(service.decides("bob", A).await.status, 403);
    // Stopped as a whole: it neither answers nor hangs up.
    let signal = |name: &str| {
        assert!(Command::new("kill").args([name, &server.id().to_string()]).status().unwrap().success())
    };
    signal("-STOP");
    // Each thread stops when it notices, and answers until then.
    until("all of it has stopped", async || has_stopped(server.id())).await;
    is_undecided(&service.get("ann", A).await);
    signal("-CONT");
    assert_eq!(service.decides("ann", A).await.text(), "scan a");
}

#[tokio::test]
async fn a_rolegate_that_is_not_ready_is_no_yes() {
    let store = Store::with_site(SITE);
    let whole = store.beside("whole.db");
    fs::rename(&store.path, &whole).unwrap();
    drop(UnixListener::bind(&store.path).unwrap());
    let _server = Server::listening(&store, &["--listen", &listen(&store)]).await;
    let service = Service::start(&address(&store));
    is_undecided(&service.get("ann", A).await);
    fs::rename(&whole, &store.path).unwrap();
    assert_eq!(service.decides("ann", A).await.text(), "scan a");
}

/// How many connections the server's socket has.
fn connections(store: &Store) -> usize {
    // What is accepted from a socket goes by the socket's first name, which is in the same folder.
    let folder = store.folder.path().to_str().unwrap();
    let connected = |line: &&str| line.contains(folder) && line.split_whitespace().nth(5) == Some("03");
    fs::read_to_string("/proc/net/unix").unwrap().lines().filter(connected).count()
}

#[tokio::test]
async fn all_requests_share_one_connection() {
    let store = Store::with_site(SITE);
    let _server = serving(&store).await;
    let service = Service::start(&address(&store));
    let asks = (0..64).map(|_| service.get("ann", A));
    let replies = futures_util::future::join_all(asks).await;
    assert!(replies.iter().all(|reply| reply.status == 200));
    assert_eq!(connections(&store), 1);
}

#[tokio::test]
async fn a_connection_that_was_closed_for_want_of_calls_costs_no_request() {
    let store = Store::with_site(SITE);
    let _server = Server::start_with(&store, &["--listen", &listen(&store), "--idle-timeout", "100ms"]).await;
    let service = Service::start(&address(&store));
    for _ in 0..3 {
        assert_eq!(service.get("ann", A).await.status, 200);
        until("the connection is closed", async || connections(&store) == 0).await;
    }
}

/// Answers everything with nothing, as a server never does, and a broken proxy may.
struct Empty;

#[tonic::async_trait]
impl AuthorizationService for Empty {
    async fn check(&self, _: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        Ok(Response::new(Default::default()))
    }

    async fn batch_check(
        &self,
        _: Request<BatchCheckRequest>,
    ) -> Result<Response<BatchCheckResponse>, Status> {
        Ok(Response::new(Default::default()))
    }

    async fn get_effective_actions(
        &self,
        _: Request<GetEffectiveActionsRequest>,
    ) -> Result<Response<GetEffectiveActionsResponse>, Status> {
        Ok(Response::new(Default::default()))
    }
}

#[tokio::test]
async fn an_empty_answer_is_no_yes() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("socket");
    let incoming = UnixListenerStream::new(tokio::net::UnixListener::bind(&path).unwrap());
    let empty = tonic::transport::Server::builder().add_service(AuthorizationServiceServer::new(Empty));
    let _served = tokio::spawn(empty.serve_with_incoming(incoming));
    let service = Service::start(&format!("unix:{}", path.display()));
    is_undecided(&service.get("ann", A).await);
    is_undecided(&service.post("ann", "/bulk", r#"{"scans": ["a.dcm"], "other": ["c.dcm"]}"#).await);
}
