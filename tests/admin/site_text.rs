//! The site file as text: mistakes, bombs, size, and its JSON Schema.

use super::{
    calls::{Refused, revision, sample_site},
    server::{Server, command},
};
use rolegate::grpc::proto::{ApplySiteRequest, apply_site_response::Piece};
use serde_json::{Value, json};
use std::fmt::Write as _;
use tonic::{Code, Status};

fn piece(document: &str) -> ApplySiteRequest {
    ApplySiteRequest { document: document.to_owned(), ..Default::default() }
}

async fn send(server: &Server, pieces: Vec<ApplySiteRequest>) -> Result<Option<Piece>, Refused> {
    let gather = async {
        let mut answers = server.root().apply_site(tokio_stream::iter(pieces)).await?.into_inner();
        let mut last = None;
        while let Some(answer) = answers.message().await? {
            last = answer.piece;
        }
        Ok::<_, Status>(last)
    };
    gather.await.map_err(Refused::from)
}

/// Sends what must be refused, and sees that nothing changed and that the server is well.
async fn fault(server: &Server, pieces: Vec<ApplySiteRequest>, texts: &[&str]) {
    let before = revision(server).await;
    let no = send(server, pieces).await.unwrap_err();
    for text in texts {
        no.is(Code::InvalidArgument, "MALFORMED", text);
    }
    assert!(no.message.len() < 2_000, "{}", no.message);
    assert_eq!(revision(server).await, before);
    assert!(send(server, vec![piece("version: 1\n")]).await.is_ok());
}

#[tokio::test]
async fn a_mistake_is_named_with_its_line() {
    let server = Server::start();
    for (document, texts) in [
        ("version: 1\nusers:\n  - id: a\n    sight_role: user\n", &["sight_role", "line 4"][..]),
        ("version: 1\nusers:\n  - id: a\nuzers: []\n", &["uzers", "line 4"]),
        ("version: 1\nusers:\n  - id: a\n    id: b\n", &["duplicate key `id` at line 4", "remove one"]),
        (
            "version: 1\ngroups:\n  - id: g\n    members:\n      a: ro\n      a: rw\n",
            &["duplicate key `a` at line 6", "remove one"],
        ),
        ("version: 1\nusers:\n  - id: a\n   id: b\n", &["line 4"]),
        ("version: 1\nusers: a\n", &["line 2"]),
        ("version: one\n", &["line 1"]),
        ("users: []\nversion: 2\n", &["line 2: version 2 is not known here"]),
        ("users: []\n", &["version"]),
        ("", &["document"]),
        ("version: 1\n---\nversion: 1\n", &["document"]),
        ("version: 1\nusers:\n\t- id: a\n", &["line 3"]),
        ("version: 1\nusers: [{id: a}, {id: b}\n", &["line"]),
    ] {
        fault(&server, vec![piece(document)], texts).await;
    }
}

#[tokio::test]
async fn bombs_are_refused_and_the_server_lives() {
    let server = Server::start();
    let mut laughs = "version: 1\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for nth in 1..12 {
        let before = format!("*a{}, ", nth - 1).repeat(10);
        writeln!(laughs, "a{nth}: &a{nth} [{before}]").unwrap();
    }
    fault(&server, vec![piece(&laughs)], &["document"]).await;
    let inside =
        laughs.replace("version: 1\n", "version: 1\nroles:\n  - label: x\n").replace("\na", "\n    a");
    fault(&server, vec![piece(&inside)], &["document"]).await;
    let deep = 100_000;
    fault(&server, vec![piece(&format!("version: 1\nusers: {}", "[".repeat(deep)))], &["document"]).await;
    let closed = format!("version: 1\nusers: {}{}", "[".repeat(deep), "]".repeat(deep));
    fault(&server, vec![piece(&closed)], &["document"]).await;
    fault(&server, vec![piece(&format!("version: 1\nusers: {}", "{a: ".repeat(deep)))], &["document"]).await;
    fault(&server, vec![piece(&format!("version: 1\nusers:\n  {}", "- ".repeat(deep)))], &["document"]).await;
    fault(&server, vec![piece(&format!("version: 1\nusers: {}", "!!x ".repeat(deep)))], &["document"]).await;
    fault(&server, vec![piece(&"? ".repeat(deep))], &["document"]).await;
}

#[tokio::test]
async fn a_file_may_repeat_itself_with_anchors() {
    let server = Server::start();
    let document = "version: 1\nusers: [{id: a}, {id: b}]\ngroups:\n  - id: g\n    members: &all {a: ro, b: rw}\n  \
                    - id: h\n    members: *all\n";
    assert!(send(&server, vec![piece(document)]).await.is_ok());
}

#[tokio::test]
async fn a_large_document_is_streamed_in_pieces_cut_anywhere() {
    let server = Server::start();
    // More of everything than a reader of small configurations would take.
    let mut document = "version: 1\nusers:\n".to_owned();
    for nth in 0..5_000 {
        writeln!(document, "  - id: user-{nth}-{}", "é".repeat(100)).unwrap();
    }
    let bytes = document.len();
    assert!(bytes > 1 << 20);
    let mut pieces = Vec::new();
    let mut rest = document.as_str();
    while !rest.is_empty() {
        let (head, tail) = rest.split_at(rest.ceil_char_boundary(99_991.min(rest.len())));
        pieces.push(piece(head));
        rest = tail;
    }
    assert!(matches!(send(&server, pieces).await, Ok(Some(Piece::Summary(end))) if end.changes == 5_000));
    // The command line cuts it by itself, both ways.
    let output = server.cli(&["export", "-o", "large.yaml", "--timeout", "1m"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = server.cli(&["apply", "-f", "large.yaml", "--timeout", "1m"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("0 objects changed"), "{text}");
}

#[test]
fn a_file_of_a_large_site_is_read() {
    // 88,000 permissions are more keys and values than a reader made for small files takes.
    let mut document = "version: 1\ngroups:\n  - id: g\n    projects:\n".to_owned();
    for project in 0..800 {
        writeln!(document, "      - label: p{project}\n        permissions:").unwrap();
        for user in 0..110 {
            writeln!(document, "          u{user}: [ro]").unwrap();
        }
    }
    let file = rolegate::site::parse(&document).unwrap();
    assert_eq!(file.groups[0].projects.len(), 800);
}

#[tokio::test]
async fn a_document_over_the_limit_is_refused_before_its_end() {
    let server = Server::start();
    let comment = format!("#{}\n", "x".repeat((1 << 20) - 2));
    let mut pieces = vec![piece("version: 1\n")];
    pieces.extend(std::iter::repeat_n(piece(&comment), 64));
    fault(&server, pieces, &["is larger than 67108864 bytes"]).await;
}

#[tokio::test]
async fn options_that_come_too_late_are_not_lost() {
    let server = Server::start();
    let late = ApplySiteRequest { dry_run: true, ..piece("users: [{id: a}]\n") };
    let before = revision(&server).await;
    let no = send(&server, vec![piece("version: 1\n"), late.clone()]).await.unwrap_err();
    no.is(Code::InvalidArgument, "MALFORMED", "belong into the first message");
    assert_eq!(revision(&server).await, before);
    // The same ones in every message are fine.
    let first = ApplySiteRequest { dry_run: true, ..piece("version: 1\n") };
    assert!(send(&server, vec![first, late]).await.is_ok());
    assert_eq!(revision(&server).await, before);
    let no = send(&server, Vec::new()).await.unwrap_err();
    no.is(Code::InvalidArgument, "MALFORMED", "document: is missing");
}

/// Where the JSON Schema is kept.
const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/site-file.schema.json");

#[test]
fn the_committed_json_schema_is_what_the_command_prints() {
    let output = command().arg("schema").output().unwrap();
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    let kept = std::fs::read_to_string(SCHEMA).unwrap_or_default();
    assert!(printed == kept, "write it anew with `rolegate schema > docs/site-file.schema.json`");
}

#[tokio::test]
async fn the_json_schema_takes_real_site_files_and_refuses_mistakes() {
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(SCHEMA).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let example =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/demo-site.yaml")).unwrap();
    let exported = String::from_utf8(sample_site().cli(&["export"]).stdout).unwrap();
    for text in [&example, &exported] {
        let file: Value = serde_saphyr::from_str(text).unwrap();
        let faults: Vec<_> = validator.iter_errors(&file).map(|error| error.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?}");
    }
    for wrong in [
        json!({}),
        json!({"version": 2}),
        json!({"version": 1, "usrs": []}),
        json!({"version": 1, "users": [{"id": "a", "disabeld": true}]}),
        json!({"version": 1, "roles": [{"label": "x"}]}),
        json!({"version": 1, "groups": [{"id": "g", "template": {"a": "ro"}}]}),
    ] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
        assert!(rolegate::site::parse(&wrong.to_string()).is_err(), "{wrong}");
    }
}
