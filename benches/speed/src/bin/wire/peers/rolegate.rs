//! rolegate: its questions as it is asked them, and the server with the site in its store.

use super::Launch;
use crate::{
    contract::{
        BatchCheckItem, BatchCheckRequest, CheckRequest, Resource, batch_check_item,
        batch_check_request::DefaultQuestion, check_request, resource::Place,
    },
    site::{ACTION, Question, Site, make_store, project_id, user_id},
    verdict::Expected,
    work::{Call, Work},
};
use std::{fs, path::Path};

pub(crate) const CHECK: &str = "/rolegate.v1.AuthorizationService/Check";
pub(crate) const BATCH_CHECK: &str = "/rolegate.v1.AuthorizationService/BatchCheck";

/// A server over a store that holds the site. The store stays in the folder and is found there again.
pub(crate) fn launch(name: &str, program: &Path, site: &Site, folder: &Path, more: &[String]) -> Launch {
    let store = folder.join(format!("{}.db", site.name()));
    if !store.exists() {
        eprintln!("  making a store of {} grants for {name}", site.grants());
        let unfinished = store.with_extension("making");
        make_store(program, &unfinished, site);
        fs::rename(unfinished, &store).unwrap();
    }
    over(name, program, &store, folder, more)
}

/// A server over a store that is there.
pub(crate) fn over(name: &str, program: &Path, store: &Path, folder: &Path, more: &[String]) -> Launch {
    let launch = Launch::new(name, program, folder);
    let listen = format!("{},{}", launch.tcp(), launch.unix());
    let store = store.display().to_string();
    let usual = ["serve", "--store", &store, "--listen", &listen, "--admin-listen", "off"];
    launch.arguments(usual).arguments(more)
}

/// Whether it is serving, as orchestrators ask.
pub(crate) fn health() -> Work {
    /// The service of that name, which is the empty one: the server as a whole.
    #[derive(Clone, PartialEq, prost::Message)]
    struct Nothing {}
    const SERVING: &[u8] = &[0x08, 0x01];
    let calls = vec![Call::new(&Nothing {}, Expected::Exactly(SERVING))];
    Work { path: "/grpc.health.v1.Health/Check", calls, items: 1 }
}

pub(crate) fn checks(site: &Site, questions: &[Question]) -> Work {
    let call = |question: &Question| Call::new(&check(*question), Expected::Check(question.answer(site)));
    Work { path: CHECK, calls: questions.iter().map(call).collect(), items: 1 }
}

fn check(question: Question) -> CheckRequest {
    CheckRequest {
        user: user_id(question.user),
        resource: Some(project(question)),
        question: Some(check_request::Question::Action(ACTION.to_owned())),
        ..CheckRequest::default()
    }
}

fn project(question: Question) -> Resource {
    Resource { place: Some(Place::Project(project_id(question.project))) }
}

/// Whether the questions of a batch share what they have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    /// One user and one action for all, and a project each.
    OneUser,
    /// One action for all, and a user and a project each.
    ManyUsers,
    /// Nothing is shared: every item says everything.
    Spelled,
}

pub(crate) fn batches(site: &Site, batches: &[Vec<Question>], shape: Shape) -> Work {
    let call = |questions: &Vec<Question>| {
        let expected = questions.iter().map(|question| question.answer(site)).collect();
        Call::new(&batch(questions, shape), Expected::Batch(expected))
    };
    Work { path: BATCH_CHECK, calls: batches.iter().map(call).collect(), items: batches[0].len() }
}

fn batch(questions: &[Question], shape: Shape) -> BatchCheckRequest {
    let item = |question: &Question| BatchCheckItem {
        user: (shape != Shape::OneUser).then(|| user_id(question.user)),
        resource: Some(project(*question)),
        question: (shape == Shape::Spelled).then(|| batch_check_item::Question::Action(ACTION.to_owned())),
    };
    BatchCheckRequest {
        default_user: (shape == Shape::OneUser).then(|| user_id(questions[0].user)),
        default_question: (shape != Shape::Spelled)
            .then(|| DefaultQuestion::DefaultAction(ACTION.to_owned())),
        items: questions.iter().map(item).collect(),
        ..BatchCheckRequest::default()
    }
}
