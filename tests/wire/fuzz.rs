//! Thousands of broken requests: each gets a gRPC error or a valid answer, and the server does not mind.

use super::{
    ask::{item, may, may_operate, operation, project},
    random::Random,
    raw::{BATCH_CHECK, CHECK, Raw, Reply, framed},
    server::{Server, Store},
    site::SITE,
};
use futures_util::future::join_all;
use http::StatusCode;
use prost::Message as _;
use rolegate::grpc::proto::{
    BatchCheckRequest, BatchCheckResponse, CheckResponse, CreateRoleRequest, Decision,
    GetEffectiveActionsRequest, GetEffectiveActionsResponse, Operation, SetProjectPermissionRequest,
    batch_check_outcome::Outcome,
};
use tonic::Code;

const ROUNDS: usize = 150;
const AT_ONCE: usize = 32;

/// What a broken request may end with. Above all not UNKNOWN, which is what a server says that lost its way.
const ERRORS: [Code; 6] = [
    Code::InvalidArgument,
    Code::Internal,
    Code::ResourceExhausted,
    Code::Unimplemented,
    Code::Unauthenticated,
    Code::NotFound,
];

/// A path, and a valid message for it.
type Valid = (&'static str, Vec<u8>);

fn valid_questions() -> Vec<Valid> {
    let check = may("ann", project("scans"), "files_download");
    let job = Operation { gear: Some("open".to_owned()), analysis: Some(true), ..operation("job.run") };
    let job = may_operate("bob", project("scans"), job);
    let items = vec![item(check.clone()), item(job.clone())];
    let batch = BatchCheckRequest { items, explain: true, ..BatchCheckRequest::default() };
    let effective = GetEffectiveActionsRequest {
        user: "ann".to_owned(),
        resource: Some(project("scans")),
        freshness: None,
    };
    vec![
        (CHECK, check.encode_to_vec()),
        (CHECK, job.encode_to_vec()),
        (BATCH_CHECK, batch.encode_to_vec()),
        ("/rolegate.v1.AuthorizationService/GetEffectiveActions", effective.encode_to_vec()),
        ("/grpc.health.v1.Health/Check", Vec::new()),
    ]
}

/// Writes, without a key: to be refused, whatever they say.
fn valid_writes() -> Vec<Valid> {
    let role = CreateRoleRequest { label: "Mine".to_owned(), ..CreateRoleRequest::default() };
    let permission = SetProjectPermissionRequest {
        project: "scans".to_owned(),
        user: "bob".to_owned(),
        roles: vec!["admin".to_owned()],
        expected_revision: None,
    };
    vec![
        ("/rolegate.v1.RoleAdminService/CreateRole", role.encode_to_vec()),
        ("/rolegate.v1.RoleAdminService/SetProjectPermission", permission.encode_to_vec()),
    ]
}

fn broken(random: &mut Random, valid: &[u8]) -> Vec<u8> {
    let mut message = valid.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(message.len() + 1);
        match random.below(7) {
            0 => message.truncate(at),
            1 => message.insert(at, random.byte()),
            2 => message.extend_from_within(at..),
            3 => message = random.bytes(200),
            4 => message.splice(at..at, [0xff; 9]).for_each(drop),
            _ if at < message.len() => message[at] ^= 1 << random.below(8),
            _ => {}
        }
    }
    message
}

/// Mostly a proper frame, so that the message itself is looked at.
fn broken_frame(random: &mut Random, message: &[u8]) -> Vec<u8> {
    let mut frame = framed(message);
    match random.below(20) {
        0 => frame[0] = random.byte(),
        1 => frame[1 + random.below(4)] = random.byte(),
        2 => frame.truncate(random.below(frame.len())),
        3 => frame.extend(random.bytes(20)),
        _ => {}
    }
    frame
}

#[tokio::test]
async fn broken_questions_get_an_error_or_a_valid_answer() {
    let store = Store::with_site(SITE);
    let mut server = Server::start(&store).await;
    let address = server.questions.clone();
    survives(&mut server, &address, &valid_questions(), ROUNDS).await;
}

#[tokio::test]
async fn broken_writes_without_a_key_change_nothing() {
    let store = Store::with_site(SITE);
    let mut server = Server::start(&store).await;
    let before = server.questions().await.check(may("ann", project("scans"), "files_download")).await;
    let address = server.admin.clone();
    survives(&mut server, &address, &valid_writes(), ROUNDS / 5).await;
    let after = server.questions().await.check(may("ann", project("scans"), "files_download")).await;
    assert_eq!(before.unwrap().into_inner().revision_token, after.unwrap().into_inner().revision_token);
}

async fn survives(server: &mut Server, address: &str, valid: &[Valid], rounds: usize) {
    let mut random = Random::seeded();
    let raw = Raw::connect(address).await;
    for _ in 0..rounds {
        let requests: Vec<Valid> = (0..AT_ONCE)
            .map(|_| {
                let (path, message) = &valid[random.below(valid.len())];
                let message = broken(&mut random, message);
                (*path, broken_frame(&mut random, &message))
            })
            .collect();
        let sent = requests.iter().map(|(path, frame)| raw.send(raw.grpc(path), frame.clone()));
        for ((path, frame), reply) in requests.iter().zip(join_all(sent).await) {
            judge(path, frame, &reply.unwrap_or_else(|error| panic!("{path} {frame:02x?}: {error}")));
        }
    }
    // The very same connection goes on.
    let (path, message) = &valid[0];
    let reply = raw.send(raw.grpc(path), framed(message)).await.unwrap();
    judge(path, message, &reply);
    assert!(server.is_running() && !server.logs.contain("panicked"), "{}", server.logs.text());
}

fn judge(path: &str, frame: &[u8], reply: &Reply) {
    let what = || format!("{path} {frame:02x?}: {reply:?}");
    assert_eq!(reply.http, StatusCode::OK, "{}", what());
    let code = reply.code.unwrap_or_else(|| panic!("{}", what()));
    assert!(code == Code::Ok || ERRORS.contains(&code), "{}", what());
    for inner in ["Protobuf", "Request", "rolegate.v1", "prost", "wire type", "varint"] {
        assert!(!reply.message.contains(inner), "tells of its insides: {}", what());
    }
    if code == Code::Ok {
        assert!(is_valid(path, reply.body.get(5..).unwrap_or_else(|| panic!("{}", what()))), "{}", what());
    }
}

/// Whether a reply says something, and says it as promised.
fn is_valid(path: &str, message: &[u8]) -> bool {
    let decided = |decision: i32| [Decision::Allow.into(), Decision::Deny.into()].contains(&decision);
    match path.rsplit('/').next().unwrap() {
        "Check" if path == CHECK => decided(CheckResponse::decode(message).unwrap().decision),
        "BatchCheck" => {
            let outcomes = BatchCheckResponse::decode(message).unwrap().outcomes;
            outcomes.into_iter().all(|outcome| match outcome.outcome.unwrap() {
                Outcome::Answer(answer) => decided(answer.decision),
                Outcome::Error(error) => error.code != 0,
            })
        }
        "GetEffectiveActions" => {
            !GetEffectiveActionsResponse::decode(message).unwrap().revision_token.is_empty()
        }
        "Check" => true,
        _ => false,
    }
}
