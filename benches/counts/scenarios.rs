//! What is counted.

use crate::site::{PROJECTS_OF_A_USER, USERS, engine, project_of, user};
use http_body_util::{BodyExt as _, Full};
use rolegate::{
    engine::{
        Engine,
        answer::{Query, Wish},
        freshness::Freshness,
    },
    grpc::{
        authorization::{Authorization, Limits},
        bearer::CallerGate,
        edge::Edge,
        front, proto,
    },
    rbac::{
        action::{Action, ActionName},
        decide::{Facts, decide},
        grants::Grants,
        level::SiteRole,
        question::{ProjectAsk, Question},
        role::{ProjectGrant, RoleTable},
        text::{GroupId, ProjectId, RoleId, UserId},
    },
    telemetry::{answers::Taking, calls::Calls, metrics::Metrics},
};
use std::{hint::black_box, path::Path, sync::Arc, time::Duration};
use tonic::body::Body;

/// How many answers each scenario gives while it is counted.
pub(crate) const ANSWERS: usize = 2_000;
const BATCH: usize = 1_000;

/// The scenarios. Those of batches are counted for each item.
pub(crate) const ALL: [&str; 6] =
    ["decide.hit", "engine.hit", "engine.negative", "engine.batch", "grpc.check", "grpc.batch"];

/// Gives a scenario's answers, most of them where instructions are counted.
pub(crate) async fn run(name: &str, store: &Path) {
    match name {
        "decide.hit" => decide_hit().await,
        "engine.hit" => engine_check(&engine(store).await, true).await,
        "engine.negative" => engine_check(&engine(store).await, false).await,
        "engine.batch" => engine_batch(&engine(store).await).await,
        "grpc.check" => grpc_check(engine(store).await).await,
        "grpc.batch" => grpc_batch(engine(store).await).await,
        other => panic!("there is no scenario `{other}`"),
    }
}

/// What runs in here is counted. The first rounds, in which things are made that last, are not.
async fn after_warming_up(mut round: impl AsyncFnMut(usize), rounds: usize) {
    for number in 0..10 {
        round(number).await;
    }
    counted_stretch(&mut round, rounds);
}

#[inline(never)]
fn counted_stretch(round: &mut impl AsyncFnMut(usize), rounds: usize) {
    for number in 0..rounds {
        // Whatever is asked here is answered without waiting.
        let answered = futures_util::FutureExt::now_or_never(round(number));
        assert!(answered.is_some(), "an answer from memory had to wait");
    }
}

fn query(number: usize, is_known: bool) -> Query {
    let name = if is_known { user(number) } else { format!("nobody{number}@site.example") };
    let project = ProjectId::parse(&project_of(number % USERS, number)).unwrap();
    let ask = ProjectAsk::Action(ActionName::Current(Action::FilesDownload));
    Query { user: UserId::parse(&name).unwrap(), question: Question::Project(project, ask) }
}

fn wish() -> Wish {
    Wish { freshness: Freshness::Fast, explain: false, wait: Duration::from_secs(3_600) }
}

async fn decide_hit() {
    let (roles, group) = (RoleTable::with_custom([]), GroupId::parse("imaging").unwrap());
    let grant = |n| ProjectGrant {
        project: ProjectId::parse(&project_of(0, n)).unwrap(),
        role: RoleId::parse("rw").unwrap(),
    };
    let held = (0..PROJECTS_OF_A_USER).map(grant).collect();
    let grants = Grants::new(UserId::parse(&user(0)).unwrap(), true, SiteRole::User, Vec::new(), held);
    let facts = Facts { user: Some(&grants), group_of_project: Some(&group), ..Facts::default() };
    let ask = ProjectAsk::Action(ActionName::Current(Action::FilesDownload));
    let questions: Vec<_> =
        grants.projects().map(|(project, _)| Question::Project(project.clone(), ask.clone())).collect();
    let round = async |number: usize| {
        let question = &questions[number % questions.len()];
        assert!(black_box(decide(black_box(question), &roles, &facts)).is_allowed());
    };
    after_warming_up(round, ANSWERS).await;
}

async fn engine_check(engine: &Engine, is_known: bool) {
    let (queries, wish): (Vec<_>, _) = ((0..ANSWERS).map(|n| query(n, is_known)).collect(), wish());
    let round = async |number: usize| {
        let answer = engine.check(&queries[number], wish).await.unwrap();
        assert_eq!(answer.value.decision.is_allowed(), is_known);
    };
    after_warming_up(round, ANSWERS).await;
}

async fn engine_batch(engine: &Engine) {
    let (queries, wish): (Vec<_>, _) = ((0..BATCH).map(|n| query(n, true)).collect(), wish());
    // A long batch lets others have their turn: it is driven on until it is answered.
    let round = async |_| {
        let mut batch = std::pin::pin!(engine.check_many(&queries, wish));
        let answers = loop {
            if let Some(answers) = futures_util::FutureExt::now_or_never(batch.as_mut()) {
                break answers.unwrap().value;
            }
        };
        assert!(answers.iter().all(|answer| answer.as_ref().unwrap().decision.is_allowed()));
    };
    after_warming_up(round, ANSWERS / BATCH).await;
}

/// Everything that a call passes but the transport.
struct Front {
    calls: Calls,
    taking: Taking,
    edge: Edge,
    service: front::Front,
}

impl Front {
    fn new(engine: Engine) -> Self {
        let time = Duration::from_secs(3_600);
        let limits = Limits { batch_items: BATCH, reply_bytes: 4 << 20, time };
        Self {
            calls: Calls::new(Arc::new(Metrics::new(engine.clone())), 16, 16, 4 << 20),
            taking: Taking::default(),
            edge: Edge { time, time_with_key: time, callers: CallerGate::default(), keys: None },
            service: front::Front::new(Authorization::new(engine, limits), 4 << 20),
        }
    }

    async fn call<M: prost::Message + Default>(&self, method: &str, message: &[u8]) -> M {
        let request = http::Request::post(format!("http://here/rolegate.v1.AuthorizationService/{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Body::new(Full::new(message.to_vec().into())))
            .unwrap();
        let answer = |request| self.edge.answer(request, |request| self.service.answer(request));
        let admitted = self.calls.admit(request, &self.taking).ok().unwrap();
        let response = self.calls.around(admitted, &self.taking, answer).await;
        let body = response.into_body().collect().await.unwrap().to_bytes();
        M::decode(&body[5..]).unwrap()
    }
}

/// A message as it is sent: a byte that says "not compressed", and its length in four, come first.
fn framed(message: &impl prost::Message) -> Vec<u8> {
    let mut framed = vec![0];
    framed.extend(u32::try_from(message.encoded_len()).unwrap().to_be_bytes());
    message.encode(&mut framed).unwrap();
    framed
}

fn project(number: usize) -> Option<proto::Resource> {
    let place = proto::resource::Place::Project(project_of(number % USERS, number));
    Some(proto::Resource { place: Some(place) })
}

async fn grpc_check(engine: Engine) {
    let front = Front::new(engine);
    let question = |number| proto::CheckRequest {
        user: user(number),
        resource: project(number),
        question: Some(proto::check_request::Question::Action("files_download".to_owned())),
        ..Default::default()
    };
    let messages: Vec<_> = (0..ANSWERS).map(|number| framed(&question(number))).collect();
    let round = async |number: usize| {
        let reply: proto::CheckResponse = front.call("Check", &messages[number]).await;
        assert_eq!(reply.decision(), proto::Decision::Allow);
    };
    after_warming_up(round, ANSWERS).await;
}

async fn grpc_batch(engine: Engine) {
    let front = Front::new(engine);
    let item = |number| proto::BatchCheckItem {
        user: Some(user(number)),
        resource: project(number),
        ..Default::default()
    };
    let action = proto::batch_check_request::DefaultQuestion::DefaultAction("files_download".to_owned());
    let message = framed(&proto::BatchCheckRequest {
        default_question: Some(action),
        items: (0..BATCH).map(item).collect(),
        ..Default::default()
    });
    let round = async |_| {
        let mut call = std::pin::pin!(front.call("BatchCheck", &message));
        let reply: proto::BatchCheckResponse = loop {
            if let Some(reply) = futures_util::FutureExt::now_or_never(call.as_mut()) {
                break reply;
            }
        };
        assert_eq!(reply.outcomes.len(), BATCH);
    };
    after_warming_up(round, ANSWERS / BATCH).await;
}
