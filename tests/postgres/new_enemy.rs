//! The new enemy: somebody whose rights were taken away, and who finds a server that has not heard of it.
//!
//! One task revokes and grants at random, others ask on every server, and each answer is held against the history of
//! writes while it is made. `ROLEGATE_TEST_SECONDS` says how long it goes on, `ROLEGATE_TEST_SEED` what is written,
//! asked and broken; which of it falls together is the machine's choice.

mod asker;
mod course;
mod history;
mod troubles;
mod writer;

use crate::{
    proxy::Proxy,
    random::Random,
    scene::{IMPATIENT, Scene},
    server::{Server, until},
};
use asker::{Asker, Tally};
use course::Course;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use troubles::Troubles;

/// How many ask on each server at a time.
const ASKERS: usize = 2;

fn length() -> Duration {
    let given = std::env::var("ROLEGATE_TEST_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(given.unwrap_or(8))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_is_older_than_what_whoever_asked_knew() {
    play(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_is_older_than_what_whoever_asked_knew_whatever_becomes_of_the_database() {
    play(true).await;
}

async fn play(with_troubles: bool) {
    let mut random = Random::seeded();
    let scene = Scene::with_site(writer::SITE);
    let control = scene.control().await;
    let proxies = [Proxy::to(scene.cluster.port).await, Proxy::to(scene.cluster.port).await];
    // One that knows everything ahead, and one that looks everything up.
    let on_demand = [&IMPATIENT[..], &["--preload", "false"]].concat();
    let sidecars = [
        scene.sidecar_at(proxies[0].port, &IMPATIENT).await,
        scene.sidecar_at(proxies[1].port, &on_demand).await,
    ];
    let servers = [&control, &sidecars[0], &sidecars[1]];
    let course = Course::begin(&mut control.questions().await).await;
    let writing = writer::keep_writing(scene.admin(&control).await, Arc::clone(&course), fork(&mut random));
    let writing = tokio::spawn(writing);
    let mut asking = Vec::new();
    for server in servers {
        asking.extend(ask_on(server, &course, &mut random).await);
    }
    let struck = strike(with_troubles.then_some(Troubles { scene: &scene, proxies: &proxies }), random).await;
    course.end();
    writing.await.unwrap();
    let mut tallies = Vec::new();
    for asking in asking {
        tallies.push(asking.await.unwrap());
    }
    for server in servers {
        resumes(server, &course).await;
    }
    tell(&course, &struck, &tallies);
}

fn fork(random: &mut Random) -> Random {
    Random(random.next())
}

async fn ask_on(
    server: &Server,
    course: &Arc<Course>,
    random: &mut Random,
) -> Vec<tokio::task::JoinHandle<Tally>> {
    let asker = Asker::of(server, course).await;
    (0..ASKERS).map(|_| tokio::spawn(asker.clone().keep_asking(fork(random)))).collect()
}

/// Lets time pass, with troubles or without; how often each has struck.
async fn strike(troubles: Option<Troubles<'_>>, mut random: Random) -> Vec<(&'static str, usize)> {
    let mut struck = Vec::new();
    let Some(troubles) = troubles else {
        tokio::time::sleep(length()).await;
        return struck;
    };
    let start = Instant::now();
    while start.elapsed() < length() {
        let name = troubles.strike(&mut random).await;
        match struck.iter_mut().find(|(known, _)| *known == name) {
            Some((_, times)) => *times += 1,
            None => struck.push((name, 1)),
        }
        tokio::time::sleep(Duration::from_millis(random.below(600) as u64)).await;
    }
    struck
}

/// Once nothing is wrong any more, everything is answered, and as the last write left it.
async fn resumes(server: &Server, course: &Arc<Course>) {
    let mut asker = Asker::of(server, course).await;
    until("service resumes", async || asker.asks_for_everything().await).await;
}

#[expect(clippy::print_stderr, reason = "whoever runs it for long wants to know what was done")]
fn tell(course: &Course, struck: &[(&'static str, usize)], tallies: &[Tally]) {
    let sum = |count: fn(&Tally) -> usize| tallies.iter().map(count).sum::<usize>();
    eprintln!(
        "{} writes; {} answers, {} of them allows; {} refusals; {struck:?}",
        course.writes(),
        sum(|tally| tally.answers),
        sum(|tally| tally.allows),
        sum(|tally| tally.refusals),
    );
    assert!(
        course.writes() > 0 && sum(|tally| tally.answers) > 0,
        "a run in which nothing happens says nothing"
    );
}
