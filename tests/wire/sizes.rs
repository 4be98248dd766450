//! Messages that are too large, either way: refused in words that help, at no great cost.

use super::{
    ask::{fields, item, may, project, reason},
    raw::{BATCH_CHECK, Raw, framed},
    server::{Server, Store},
};
use rolegate::{
    grpc::proto::{BatchCheckRequest, BatchCheckResponse},
    rbac::action::Action,
};
use std::fmt::Write as _;
use tonic::Code;

/// The most memory that a process has held so far, in bytes.
fn peak(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

#[tokio::test]
async fn millions_of_empty_items_are_refused_before_memory_is_spent_on_them() {
    let store = Store::with_site(super::site::SITE);
    let server = Server::start(&store).await;
    // An empty item: the field's number with its kind, and a length of nothing.
    let items = (4 << 20) / 2;
    let message = [5 << 3 | 2, 0].repeat(items);
    let before = peak(&server);
    let raw = Raw::connect(&server.questions).await;
    for _ in 0..3 {
        let head = raw.grpc(BATCH_CHECK);
        let reply = raw.send(head, framed(&message)).await.unwrap();
        assert_eq!(reply.code, Some(Code::InvalidArgument), "{reply:?}");
        let said = reply.message.as_str();
        assert!(
            said.contains(&items.to_string()) && said.contains("10000") && said.starts_with("items"),
            "{said}"
        );
    }
    // The message itself takes 4 MiB, a few times over; two million items would take several hundred.
    assert!(peak(&server) - before < 100 << 20, "{} MiB", (peak(&server) - before) >> 20);
    let answer = server.questions().await.check(may("ann", project("scans"), "files_download")).await;
    assert!(answer.is_ok());
}

/// A server that takes its time: what is tried here is large, and the machine may be busy.
async fn patient(site: &str) -> (Server, Store) {
    let store = Store::with_site(site);
    (Server::start_with(&store, &["--check-timeout", "20s"]).await, store)
}

/// A user who holds all of these roles on one project.
pub(crate) fn with_roles(ids: &[String]) -> String {
    let actions = Action::ALL.map(Action::name).join(", ");
    let mut site = String::from("version: 1\nusers: [{id: ann}]\nroles:\n");
    for id in ids {
        let _ = writeln!(site, "  - {{id: {id}, label: {id}, actions: [{actions}]}}");
    }
    let ids = ids.join(", ");
    let _ = writeln!(
        site,
        "groups:\n  - {{id: neuro, offers: [{ids}], projects: [{{id: scans, label: Scans, permissions: {{ann: [{ids}]}}}}]}}"
    );
    site
}

#[tokio::test]
async fn an_answer_too_large_for_a_message_is_refused_with_what_to_ask_instead() {
    let long_names: Vec<_> = (0..12).map(|n| format!("{}{n:02}", "r".repeat(250))).collect();
    let (server, _store) = patient(&with_roles(&long_names)).await;
    let question = may("ann", project("scans"), "files_download");
    let batch = |explain| BatchCheckRequest {
        items: vec![item(question.clone()); 1_000],
        explain,
        ..BatchCheckRequest::default()
    };
    let mut questions = server.questions().await;
    let refused = questions.batch_check(batch(true)).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::ResourceExhausted, "REPLY_TOO_LARGE".to_owned()));
    assert!(
        refused.message().contains("4194304") && refused.message().contains("fewer items"),
        "{refused:?}"
    );
    assert!(fields(&refused).is_empty());
    let answered: BatchCheckResponse = questions.batch_check(batch(false)).await.unwrap().into_inner();
    assert_eq!(answered.outcomes.len(), 1_000);
}

#[tokio::test]
async fn what_takes_only_names_takes_no_large_messages() {
    let store = Store::with_site(super::site::SITE);
    let server = Server::start(&store).await;
    for address in [&server.questions, &server.admin] {
        let raw = Raw::connect(address).await;
        for path in [
            "/grpc.health.v1.Health/Check",
            "/grpc.health.v1.Health/Watch",
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        ] {
            // The length alone is enough to be refused.
            let reply = raw.send_unfinished(raw.grpc(path), vec![0, 0, 0x3f, 0xff, 0xff]).await.unwrap();
            // Reflection ends the talk without a word.
            let ends = matches!(reply.code, Some(Code::ResourceExhausted | Code::OutOfRange | Code::Ok));
            assert!(ends && reply.body.is_empty(), "{path}: {reply:?}");
        }
    }
}

#[tokio::test]
async fn a_batch_that_takes_long_holds_up_nobody_else() {
    let many: Vec<_> = (0..300).map(|n| format!("role-{n}")).collect();
    let (server, _store) = patient(&with_roles(&many)).await;
    let (mut long, mut short) = (server.questions().await, server.questions().await);
    let batch = BatchCheckRequest {
        items: vec![item(may("ann", project("scans"), "files_download")); 1_000],
        explain: true,
        ..BatchCheckRequest::default()
    };
    let asked = tokio::spawn(async move { long.batch_check(batch).await });
    let mut answered = 0;
    while !asked.is_finished() {
        short.check(may("ann", project("scans"), "files_download")).await.unwrap();
        answered += 1;
    }
    let refused = asked.await.unwrap().unwrap_err();
    assert_eq!(reason(&refused), "REPLY_TOO_LARGE", "{refused:?}");
    assert!(answered > 2, "{answered} questions were answered beside the batch");
}
