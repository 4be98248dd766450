//! Applying and exporting site files over the wire, as tests do it.

use super::{
    calls::{REQUIRED, Refused, done, revision},
    server::Server,
};
use rolegate::grpc::proto::{
    AccessChange, ApplySiteRequest, ApplySiteSummary, ExportSiteRequest, apply_site_response::Piece,
};
use tonic::{Code, Status};

/// Applies pieces of a document.
pub async fn send(server: &Server, pieces: Vec<ApplySiteRequest>) -> Result<Vec<Piece>, Refused> {
    let gather = async {
        let mut answers = server.root().apply_site(tokio_stream::iter(pieces)).await?.into_inner();
        let mut pieces = Vec::new();
        while let Some(answer) = answers.message().await? {
            pieces.push(answer.piece.unwrap());
        }
        Ok::<_, Status>(pieces)
    };
    gather.await.map_err(Refused::from)
}

pub async fn apply(server: &Server, document: &str) -> Result<Vec<Piece>, Refused> {
    send(server, vec![ApplySiteRequest { document: document.to_owned(), ..Default::default() }]).await
}

pub async fn prune(server: &Server, document: &str) -> Result<Vec<Piece>, Refused> {
    let request = ApplySiteRequest { document: document.to_owned(), prune: true, ..Default::default() };
    send(server, vec![request]).await
}

pub async fn export(server: &Server) -> String {
    let mut pieces = done(server.root().export_site(ExportSiteRequest {}).await);
    let mut document = String::new();
    while let Some(piece) = pieces.message().await.unwrap() {
        document.push_str(&piece.document);
    }
    document
}

pub fn summary(pieces: &[Piece]) -> ApplySiteSummary {
    match pieces.last() {
        Some(Piece::Summary(summary)) => summary.clone(),
        other => panic!("the last piece is {other:?}"),
    }
}

pub fn words(pieces: &[Piece]) -> Vec<String> {
    let object = |piece: &Piece| match piece {
        Piece::ObjectChange(change) => Some(format!("{} {}: {}", change.verb, change.object, change.detail)),
        _ => None,
    };
    pieces.iter().filter_map(object).collect()
}

pub fn accesses(pieces: &[Piece]) -> Vec<AccessChange> {
    let access = |piece: &Piece| match piece {
        Piece::AccessChange(change) => Some(change.clone()),
        _ => None,
    };
    pieces.iter().filter_map(access).collect()
}

pub fn actions(more: &[&str]) -> String {
    format!("[{}]", REQUIRED.iter().chain(more).copied().collect::<Vec<_>>().join(", "))
}

/// Applies what must be refused for a fault of the document, and changes nothing.
pub async fn fault(server: &Server, document: &str, text: &str) {
    let before = revision(server).await;
    let no = apply(server, document).await.unwrap_err();
    no.is(Code::InvalidArgument, "MALFORMED", text);
    assert_eq!(no.fields, ["document"]);
    assert_eq!(revision(server).await, before);
}
