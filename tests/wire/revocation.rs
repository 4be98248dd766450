//! Whoever holds a revocation's token is never told yes, whatever else is going on.

use super::{
    ask::{at_least, item, may, project},
    random::Random,
    server::{Admin, Questions, Server, Store},
    site::SITE,
    world_file,
};
use rolegate::grpc::proto::{
    BatchCheckRequest, CheckRequest, Decision, Freshness, FullyCurrent, RemoveProjectPermissionRequest,
    SetProjectPermissionRequest, batch_check_outcome::Outcome, freshness::Want,
};
use std::collections::BTreeMap;
use tokio::sync::watch;

const ROUNDS: usize = 60;
const ASKERS: usize = 6;

fn download(freshness: Option<Freshness>) -> CheckRequest {
    CheckRequest { freshness, ..may("bob", project("scans"), "files_download") }
}

/// Bob gets a role, or loses it; the token of that write.
async fn write(admin: &mut Admin, may: bool) -> String {
    let (project, user) = ("scans".to_owned(), "bob".to_owned());
    if may {
        let roles = vec!["rw".to_owned()];
        let grant = SetProjectPermissionRequest { project, user, roles, expected_revision: None };
        return admin.set_project_permission(grant).await.unwrap().into_inner().revision_token;
    }
    let revoke = RemoveProjectPermissionRequest { project, user, expected_revision: None };
    admin.remove_project_permission(revoke).await.unwrap().into_inner().revision_token
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_revocation_nobody_with_its_token_is_allowed() {
    let store = Store::with_site(SITE);
    // Two processes on one store: the one that takes the writes, and one that follows.
    let (writer, follower) = (Server::start(&store).await, Server::start(&store).await);
    let start = writer.questions().await.check(download(None)).await.unwrap().into_inner();
    assert_eq!(start.decision(), Decision::Deny);
    let mut history = BTreeMap::from([(start.revision_token.clone(), false)]);
    let (announce, known) = watch::channel(start.revision_token);
    let mut askers = Vec::new();
    for n in 0..ASKERS {
        let server = if n % 2 == 0 { &writer } else { &follower };
        askers.push(tokio::spawn(ask_on(server.questions().await, known.clone())));
    }
    drop(known);
    let (mut admin, mut own) = (writer.administrator(&store.key).await, writer.questions().await);
    for round in 1..=ROUNDS {
        let may = round % 2 == 1;
        let token = write(&mut admin, may).await;
        // Read your own write, without a token.
        let answer = own.check(download(None)).await.unwrap().into_inner();
        assert_eq!(answer.decision() == Decision::Allow, may, "round {round}");
        history.insert(token.clone(), may);
        announce.send_replace(token);
    }
    drop(announce);
    let mut asked = 0;
    for asker in askers {
        for (token, allowed) in asker.await.unwrap() {
            assert_eq!(history.get(&token), Some(&allowed), "at {token}");
            asked += 1;
        }
    }
    assert!(asked > ROUNDS, "{asked} questions say little");
}

/// Asks with the newest token that is known, until there will be no more. What was answered, at which token.
async fn ask_on(mut questions: Questions, mut known: watch::Receiver<String>) -> Vec<(String, bool)> {
    let mut answers: Vec<(String, bool)> = Vec::new();
    while known.has_changed().is_ok() {
        let before = known.borrow_and_update().clone();
        let answer = questions.check(download(at_least(&before))).await.unwrap().into_inner();
        assert!(answer.revision_token >= before, "the answer is as new as was asked for");
        let last = answers.last().map(|(token, _)| token);
        assert!(last <= Some(&answer.revision_token), "tokens of one server never go back");
        answers.push((answer.revision_token.clone(), answer.decision() == Decision::Allow));
    }
    answers
}

#[tokio::test]
async fn a_fully_current_answer_of_a_follower_knows_every_commit() {
    let store = Store::with_site(SITE);
    let (writer, follower) = (Server::start(&store).await, Server::start(&store).await);
    let mut admin = writer.administrator(&store.key).await;
    let mut questions = follower.questions().await;
    for round in 0..20 {
        let role = if round % 2 == 0 { "rw" } else { "looker" };
        let grant = SetProjectPermissionRequest {
            project: "scans".to_owned(),
            user: "bob".to_owned(),
            roles: vec![role.to_owned()],
            expected_revision: None,
        };
        admin.set_project_permission(grant).await.unwrap();
        let current = Some(Freshness { want: Some(Want::FullyCurrent(FullyCurrent {})) });
        let answer = questions.check(download(current)).await.unwrap().into_inner();
        assert_eq!(answer.decision() == Decision::Allow, role == "rw", "round {round}");
    }
}

#[tokio::test]
async fn a_batch_of_a_thousand_is_a_thousand_checks() {
    let mut random = Random::seeded();
    let worlds = world_file::all();
    let world = worlds.iter().find(|world| world.name == "order_of_reasons").unwrap();
    let store = Store::with_site(&serde_saphyr::to_string(&world.site).unwrap());
    let server = Server::start(&store).await;
    let mut questions = server.questions().await;
    // Questions of all worlds, about things of one: most are denied, each for its own reason.
    let cases: Vec<_> = worlds.iter().flat_map(|world| &world.questions).collect();
    let requests: Vec<_> =
        (0..1_000).map(|_| super::asked::request(&cases[random.below(cases.len())].asked)).collect();
    let items = requests.iter().cloned().map(item).collect();
    let batch = BatchCheckRequest { items, explain: true, ..BatchCheckRequest::default() };
    let outcomes = questions.batch_check(batch).await.unwrap().into_inner().outcomes;
    assert_eq!(outcomes.len(), requests.len());
    for (request, outcome) in requests.into_iter().zip(outcomes) {
        match (questions.check(request.clone()).await, outcome.outcome.unwrap()) {
            (Ok(alone), Outcome::Answer(together)) => {
                let alone = alone.into_inner();
                assert_eq!(
                    (alone.decision, alone.reason, alone.missing_actions, alone.granted_by),
                    (together.decision, together.reason, together.missing_actions, together.granted_by),
                    "{request:?}"
                );
            }
            (Err(status), Outcome::Error(error)) => {
                assert_eq!((status.code(), status.message()), (error.code.into(), &*error.message));
            }
            (alone, together) => panic!("{request:?}: alone {alone:?}, together {together:?}"),
        }
    }
}
