//! The decision worlds of `tests/worlds`, asked of a server that holds the world's site: one by one, and as one batch.

use super::{
    ask::{fields, item, reason},
    asked,
    server::{Questions, Server, Store},
    world_file::{self, ErrorKind, Expected, ExpectedAnswer, ExpectedDecision, Granting, WorldFile},
};
use rolegate::grpc::proto::{
    ApplySiteRequest, BatchCheckAnswer, BatchCheckError, BatchCheckRequest, CheckResponse, Decision,
    GrantingRole, Level, Reason, batch_check_outcome::Outcome,
};
use tonic::{Code, Status};

/// An answer or an error, in the words of a world's file.
#[derive(Debug, PartialEq, Eq)]
enum Got {
    Answer { allowed: bool, reason: String, missing: Vec<String>, granted_by: Vec<Granting> },
    Error { kind: String, names_a_field: bool },
}

#[tokio::test]
async fn every_world_is_answered_alike_one_by_one_and_as_a_batch() {
    let mut wrong = Vec::new();
    for world in world_file::all() {
        let store = Store::new();
        let server = Server::start(&store).await;
        apply(&server, &store, &world).await;
        wrong.extend(wrong_answers(&world, &mut server.questions().await).await);
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Writes a world through the server. Its answers contain the site by then: whoever writes reads their own write.
async fn apply(server: &Server, store: &Store, world: &WorldFile) {
    let document = serde_saphyr::to_string(&world.site).unwrap();
    let message = ApplySiteRequest { document, ..ApplySiteRequest::default() };
    let mut admin = server.administrator(&store.key).await;
    let mut pieces = admin.apply_site(tokio_stream::iter([message])).await.unwrap().into_inner();
    while pieces.message().await.unwrap().is_some() {}
}

async fn wrong_answers(world: &WorldFile, server: &mut Questions) -> Vec<String> {
    let requests: Vec<_> = world.questions.iter().map(|case| asked::request(&case.asked)).collect();
    let items = requests.iter().cloned().map(item).collect();
    let batch = BatchCheckRequest { items, explain: true, ..BatchCheckRequest::default() };
    let batch = server.batch_check(batch).await.unwrap().into_inner();
    assert_eq!(batch.outcomes.len(), requests.len(), "{}", world.name);
    let mut wrong = Vec::new();
    for ((case, request), outcome) in world.questions.iter().zip(requests).zip(batch.outcomes) {
        let alone = single(server.check(request).await.map(tonic::Response::into_inner));
        let together = of_batch(outcome.outcome.expect("every item has an outcome"));
        if alone != together {
            wrong.push(format!("{}: {:?}\n  alone {alone:?}\n  batch {together:?}", world.name, case.asked));
        }
        if let Some(fault) = fault(&case.expected, &alone) {
            wrong.push(format!("{}: {:?}\n  {fault}", world.name, case.asked));
        }
    }
    wrong
}

fn single(answered: Result<CheckResponse, Status>) -> Got {
    match answered {
        Ok(answer) => {
            assert!(!answer.revision_token.is_empty() && answer.data_age.is_some(), "{answer:?}");
            given(answer.decision, answer.reason, answer.missing_actions, answer.granted_by)
        }
        Err(status) => {
            assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
            Got::Error { kind: reason(&status), names_a_field: fields(&status) != [""; 0] }
        }
    }
}

fn of_batch(outcome: Outcome) -> Got {
    match outcome {
        Outcome::Answer(BatchCheckAnswer { decision, reason, missing_actions, granted_by }) => {
            given(decision, reason, missing_actions, granted_by)
        }
        Outcome::Error(BatchCheckError { code, field, reason, .. }) => {
            assert_eq!(Code::from(code), Code::InvalidArgument);
            Got::Error { kind: reason, names_a_field: !field.is_empty() }
        }
    }
}

fn given(decision: i32, reason: i32, missing: Vec<String>, granted_by: Vec<GrantingRole>) -> Got {
    let decision = Decision::try_from(decision).unwrap();
    assert_ne!(decision, Decision::Unspecified);
    let reason = Reason::try_from(reason).unwrap().as_str_name();
    let mut granted_by: Vec<_> = granted_by.into_iter().map(granting).collect();
    granted_by.sort();
    Got::Answer {
        allowed: decision == Decision::Allow,
        reason: reason.trim_start_matches("REASON_").to_lowercase(),
        missing,
        granted_by,
    }
}

fn granting(role: GrantingRole) -> Granting {
    assert!(!role.label.is_empty(), "{role:?}");
    let level = Level::try_from(role.level).unwrap().as_str_name();
    let level = level.trim_start_matches("LEVEL_").to_lowercase();
    Granting { level, place: role.place, role: role.role }
}

/// What is wrong with an answer, if anything is.
fn fault(expected: &Expected, got: &Got) -> Option<String> {
    let right = match (expected, got) {
        (Expected::Error(expected), Got::Error { kind, names_a_field }) => {
            *names_a_field && names(*expected).contains(&kind.as_str())
        }
        (Expected::Answer(expected), Got::Answer { allowed, reason, missing, granted_by }) => {
            *allowed == (expected.decision == ExpectedDecision::Allow)
                && *reason == expected.reason
                && *missing == expected.missing
                && are_granting(expected, granted_by)
        }
        _ => false,
    };
    (!right).then(|| format!("expected {expected:?}\n  got {got:?}"))
}

const fn names(kind: ErrorKind) -> &'static [&'static str] {
    match kind {
        ErrorKind::Malformed => &["MALFORMED"],
        ErrorKind::UnknownName => &["UNKNOWN_ACTION", "UNKNOWN_OPERATION"],
        ErrorKind::WrongLevel => &["WRONG_LEVEL"],
    }
}

/// Denies name no role; an allow names those that the world lists, or some role where it lists none.
fn are_granting(expected: &ExpectedAnswer, got: &[Granting]) -> bool {
    match (&expected.granted_by, expected.decision) {
        (Some(roles), _) => {
            let mut roles = roles.clone();
            roles.sort();
            roles == got
        }
        (None, ExpectedDecision::Allow) => !got.is_empty(),
        (None, ExpectedDecision::Deny) => got.is_empty(),
    }
}
