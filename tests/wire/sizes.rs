//! Messages that are too large, either way: refused in words that help, at no great cost.

use super::{
    ask::{fields, item, may, project, reason},
    raw::{Raw, framed},
    server::{Server, Store},
};
use rolegate::grpc::proto::{BatchCheckRequest, BatchCheckResponse};
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
        let head = raw.grpc("/rolegate.v1.AuthorizationService/BatchCheck");
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

/// A user with twelve roles of long names on one project.
fn with_long_names() -> String {
    let mut site = String::from("version: 1\nusers: [{id: ann}]\nroles:\n");
    let id = |n: usize| format!("{}{n:02}", "r".repeat(250));
    let actions = rolegate::rbac::action::Action::ALL.map(rolegate::rbac::action::Action::name).join(", ");
    for n in 0..12 {
        let _ = writeln!(site, "  - {{id: {0}, label: {0}, actions: [{actions}]}}", id(n));
    }
    let ids: Vec<_> = (0..12).map(id).collect();
    let ids = ids.join(", ");
    let _ = writeln!(
        site,
        "groups:\n  - {{id: neuro, offers: [{ids}], projects: [{{id: scans, label: Scans, permissions: {{ann: [{ids}]}}}}]}}"
    );
    site
}

#[tokio::test]
async fn an_answer_too_large_for_a_message_is_refused_with_what_to_ask_instead() {
    let server = Server::start(&Store::with_site(&with_long_names())).await;
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
