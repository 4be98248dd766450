//! Requests that make no sense are told so by field, each item of a batch for itself.

use super::{
    ask::{at_least, fields, item, may, may_operate, operation, project, reason, site},
    server::{Questions, Server, Store},
    site::SITE,
};
use rolegate::grpc::proto::{
    self, BatchCheckItem, BatchCheckRequest, CheckRequest, Decision, Freshness, GetEffectiveActionsRequest,
    Operation, Owner, Reason, Resource, batch_check_outcome::Outcome, batch_check_request::DefaultQuestion,
};
use tonic::{Code, Status};

struct Asking {
    questions: Questions,
    _server: Server,
    _store: Store,
}

async fn asking() -> Asking {
    let store = Store::with_site(SITE);
    let server = Server::start(&store).await;
    Asking { questions: server.questions().await, _server: server, _store: store }
}

impl Asking {
    async fn refused(&mut self, request: CheckRequest) -> Status {
        let answered = self.questions.check(request.clone()).await;
        let status = answered.expect_err(&format!("{request:?}"));
        assert_eq!(status.code(), Code::InvalidArgument, "{request:?}: {status:?}");
        status
    }

    /// A request that is refused for this field, alone and as an item of a batch.
    async fn names(&mut self, request: CheckRequest, field: &str, kind: &str) {
        let status = self.refused(request.clone()).await;
        assert_eq!(
            (fields(&status), reason(&status)),
            (vec![field.to_owned()], kind.to_owned()),
            "{request:?}"
        );
        let items = vec![item(request.clone()), item(may("ann", project("scans"), "files_download"))];
        let outcomes = self.batch(BatchCheckRequest { items, ..BatchCheckRequest::default() }).await;
        let [Outcome::Error(error), Outcome::Answer(answer)] = &outcomes[..] else {
            panic!("{request:?}: {outcomes:?}")
        };
        assert_eq!((error.field.as_str(), error.reason.as_str()), (field, kind), "{request:?}");
        assert_eq!((Code::from(error.code), error.message.as_str()), (status.code(), status.message()));
        assert_eq!(answer.decision(), Decision::Allow, "the other item is answered: {request:?}");
    }

    async fn batch(&mut self, request: BatchCheckRequest) -> Vec<Outcome> {
        let answered = self.questions.batch_check(request).await.unwrap().into_inner();
        answered.outcomes.into_iter().map(|outcome| outcome.outcome.unwrap()).collect()
    }
}

fn download() -> CheckRequest {
    may("ann", project("scans"), "files_download")
}

fn operating(operation: Operation) -> CheckRequest {
    may_operate("ann", project("scans"), operation)
}

/// Looking for what a caller may have meant takes long: it must not be had for a few bytes an item.
#[tokio::test]
async fn only_the_first_wrong_names_of_a_batch_are_told_what_they_may_mean() {
    let mut asking = asking().await;
    let wrong = |n: usize| item(may("ann", project("scans"), &format!("files_downlaod{}", n / 10)));
    let items = (0..100).map(wrong).collect();
    let outcomes = asking.batch(BatchCheckRequest { items, ..BatchCheckRequest::default() }).await;
    let problems: Vec<_> = outcomes.iter().map(|outcome| format!("{outcome:?}")).collect();
    assert!(problems.iter().all(|problem| problem.contains("unknown action `files_downlaod")));
    let told = problems.iter().map(|problem| problem.contains("did you mean `files_download`?"));
    assert!(told.eq((0..100).map(|n| n < 80)), "{problems:?}");
}

#[tokio::test]
async fn an_unknown_action_is_named_with_the_likely_meaning() {
    let mut asking = asking().await;
    let status = asking.refused(may("ann", project("scans"), "files_downlaod")).await;
    assert_eq!((fields(&status), reason(&status)), (vec!["action".to_owned()], "UNKNOWN_ACTION".to_owned()));
    assert!(status.message().contains("`files_downlaod`; did you mean `files_download`?"), "{status:?}");
    let status = asking.refused(operating(operation("file.downlod"))).await;
    assert_eq!(fields(&status), ["operation.name"]);
    assert!(status.message().contains("did you mean `file.download`?"), "{status:?}");
    // What is quoted back is bounded and printable.
    let status = asking.refused(may("ann", project("scans"), &"\u{1b}[31mx".repeat(10_000))).await;
    assert!(status.message().len() < 1_000 && !status.message().contains('\u{1b}'), "{status:?}");
}

#[tokio::test]
async fn texts_that_break_the_one_rule_are_named() {
    let mut asking = asking().await;
    let long = "x".repeat(300);
    for bad in ["", " ann", "ann ", "a\nb", "a\u{7f}b", "a\u{85}b", "\u{a0}ann", &long] {
        asking.names(may(bad, project("scans"), "files_download"), "user", "MALFORMED").await;
        asking.names(may("ann", project(bad), "files_download"), "resource.project", "MALFORMED").await;
        // Nor is what does not exist told of before.
        asking.names(may(bad, project("none"), "files_download"), "user", "MALFORMED").await;
        asking.names(may("nobody", project(bad), "files_download"), "resource.project", "MALFORMED").await;
        let group = super::ask::group(bad);
        asking.names(may("ann", group, "group_roles_view"), "resource.group", "MALFORMED").await;
        let bad = || Some(bad.to_owned());
        let to = Operation { destination_project: bad(), ..operation("container.move") };
        asking.names(operating(to), "operation.destination_project", "MALFORMED").await;
        let to = Operation { destination_group: bad(), ..operation("project.copy") };
        asking.names(operating(to), "operation.destination_group", "MALFORMED").await;
        let gear = Operation { gear: bad(), ..operation("job.run") };
        asking.names(operating(gear), "operation.gear", "MALFORMED").await;
    }
    // The longest that is allowed is no fault: nobody of that name is known.
    let answer = asking.questions.check(may(&"é".repeat(128), project("scans"), "files_download")).await;
    assert_eq!(answer.unwrap().into_inner().reason(), Reason::UnknownUser);
}

#[tokio::test]
async fn what_is_absent_or_empty_is_malformed() {
    let mut asking = asking().await;
    asking.names(CheckRequest { question: None, ..download() }, "action", "MALFORMED").await;
    asking.names(may("ann", project("scans"), ""), "action", "MALFORMED").await;
    asking.names(operating(operation("")), "operation.name", "MALFORMED").await;
    asking.names(CheckRequest { resource: None, ..download() }, "resource", "MALFORMED").await;
    let nowhere = Some(Resource { place: None });
    asking.names(CheckRequest { resource: nowhere, ..download() }, "resource", "MALFORMED").await;
    asking.names(may("ann", site(), "files_download"), "action", "WRONG_LEVEL").await;
    asking.names(may_operate("ann", site(), operation("file.view")), "operation.name", "WRONG_LEVEL").await;
}

#[tokio::test]
async fn attributes_that_do_not_fit_are_named() {
    let mut asking = asking().await;
    let owned = |owner| Operation { owner: Some(Owner { owner }), ..operation("annotation.edit") };
    asking.names(operating(owned(None)), "operation.owner", "MALFORMED").await;
    let by = |id: &str| Some(proto::owner::Owner::User(id.to_owned()));
    asking.names(operating(owned(by(""))), "operation.owner.user", "MALFORMED").await;
    let system = Some(proto::owner::Owner::System(proto::SystemOwner {}));
    asking.names(operating(owned(system)), "operation.owner.system", "MALFORMED").await;
    let foreign = Operation { name: "file.view".to_owned(), ..owned(by("ann")) };
    asking.names(operating(foreign), "operation.owner", "MALFORMED").await;
    for origin in [0, 9, -1, i32::MAX, i32::MIN] {
        let delete = Operation { origin: Some(origin), ..operation("file.delete") };
        asking.names(operating(delete), "operation.origin", "MALFORMED").await;
    }
    let foreign = Operation { bulk: Some(false), ..operation("file.view") };
    asking.names(operating(foreign), "operation.bulk", "MALFORMED").await;
    asking.names(operating(operation("job.run")), "operation.gear", "MALFORMED").await;
    let to = "operation.destination_project";
    asking.names(operating(operation("container.move")), to, "MALFORMED").await;
}

#[tokio::test]
async fn garbage_for_a_token_is_malformed_in_every_call() {
    let mut asking = asking().await;
    let epoch = "0".repeat(32);
    let tokens = ["", "x", "rg1", "rg2", &format!("rg1{epoch}"), &format!("rg1{epoch}+00000000000000f")];
    for token in tokens.into_iter().chain(["é".repeat(51).as_str()]) {
        let status = asking.refused(CheckRequest { freshness: at_least(token), ..download() }).await;
        assert_eq!(fields(&status), ["freshness.at_least_token"]);
        let batch = BatchCheckRequest { freshness: at_least(token), ..BatchCheckRequest::default() };
        let status = asking.questions.batch_check(batch).await.unwrap_err();
        assert_eq!(
            (status.code(), fields(&status)),
            (Code::InvalidArgument, vec!["freshness.at_least_token".into()])
        );
        let effective = GetEffectiveActionsRequest {
            user: "ann".to_owned(),
            resource: Some(project("scans")),
            freshness: at_least(token),
        };
        let status = asking.questions.get_effective_actions(effective).await.unwrap_err();
        assert_eq!(
            (status.code(), fields(&status)),
            (Code::InvalidArgument, vec!["freshness.at_least_token".into()])
        );
    }
    let status =
        asking.refused(CheckRequest { freshness: Some(Freshness { want: None }), ..download() }).await;
    assert_eq!(fields(&status), ["freshness"]);
}

#[tokio::test]
async fn a_batch_over_the_limit_is_refused_with_both_numbers_before_any_work() {
    let mut asking = asking().await;
    let of = |n: usize, user: &str| BatchCheckRequest {
        items: vec![item(may(user, project("scans"), "files_download")); n],
        ..BatchCheckRequest::default()
    };
    // Every item is malformed as well; that is not looked at.
    let status = asking.questions.batch_check(of(1_001, "")).await.unwrap_err();
    assert_eq!((status.code(), fields(&status)), (Code::InvalidArgument, vec!["items".to_owned()]));
    assert!(status.message().contains("1001") && status.message().contains("1000"), "{status:?}");
    assert_eq!(asking.batch(of(1_000, "ann")).await.len(), 1_000);
    assert_eq!(asking.batch(of(0, "ann")).await.len(), 0);
}

#[tokio::test]
async fn items_override_the_defaults_of_their_batch() {
    let mut asking = asking().await;
    let nothing = BatchCheckItem::default();
    let bob = BatchCheckItem { user: Some("bob".to_owned()), ..nothing.clone() };
    let view = BatchCheckItem { resource: None, ..item(may("bob", site(), "files_view_metadata")) };
    let elsewhere = BatchCheckItem { resource: Some(project("other")), ..nothing.clone() };
    let empty = BatchCheckItem { user: Some(String::new()), ..nothing.clone() };
    let placeless = BatchCheckItem { resource: Some(Resource { place: None }), ..nothing.clone() };
    let request = BatchCheckRequest {
        default_user: Some("ann".to_owned()),
        default_resource: Some(project("scans")),
        default_question: Some(DefaultQuestion::DefaultAction("tags_manage".to_owned())),
        items: vec![nothing.clone(), bob, view, elsewhere, empty, placeless],
        ..BatchCheckRequest::default()
    };
    let got: Vec<String> = asking.batch(request.clone()).await.iter().map(short).collect();
    let wanted = [
        "allow granted_by_role",
        "deny lacking_action",
        "allow granted_by_role",
        "deny lacking_action",
        "error user",
        "error resource",
    ];
    assert_eq!(got, wanted);
    let bare = BatchCheckRequest { items: vec![nothing], ..BatchCheckRequest::default() };
    assert_eq!(short(&asking.batch(bare.clone()).await[0]), "error user");
    let someone = BatchCheckRequest { default_user: request.default_user, ..bare };
    assert_eq!(short(&asking.batch(someone.clone()).await[0]), "error resource");
    let somewhere = BatchCheckRequest { default_resource: request.default_resource, ..someone };
    assert_eq!(short(&asking.batch(somewhere).await[0]), "error action");
}

fn short(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Answer(answer) => {
            let (decision, reason) = (answer.decision().as_str_name(), answer.reason().as_str_name());
            format!("{decision} {reason}").replace("DECISION_", "").replace("REASON_", "").to_lowercase()
        }
        Outcome::Error(error) => format!("error {}", error.field),
    }
}
