//! How long an answer from memory takes: `cargo bench --bench check`.
//!
//! Prints figures of this machine, and asserts only a ratio within one run: a question of a batch must not cost more
//! than a single one.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark is read by people")]

use rolegate::{
    engine::{
        Engine, Settings,
        answer::{Query, Wish},
        freshness::Freshness,
    },
    rbac::{
        action::{Action, ActionName},
        question::{ProjectAsk, Question},
        text::{ProjectId, UserId},
    },
    site::{self, Document, apply::Options},
    store::{
        setup,
        sqlite::SqliteStore,
        write::{WriteRules, WriteTx},
    },
};
use std::{fmt::Write as _, hint::black_box, sync::Arc, time::Duration};
use tokio::time::Instant;

const USERS: usize = 1_000;
const PROJECTS: usize = 200;
const PROJECTS_OF_A_USER: usize = 20;
const QUESTIONS: usize = 1_000;
const ROUNDS: usize = 200;

/// A site in which every user is on some of the projects.
fn site_file() -> String {
    let mut text = "version: 1\nusers:\n".to_owned();
    (0..USERS).for_each(|user| writeln!(text, "- id: u{user}@bench.example").unwrap());
    text.push_str("groups:\n- id: g\n  projects:\n");
    for project in 0..PROJECTS {
        writeln!(text, "  - label: p{project}\n    id: {project:024}\n    permissions:").unwrap();
        for user in
            (0..USERS).filter(|user| (project + PROJECTS - user % PROJECTS) % PROJECTS < PROJECTS_OF_A_USER)
        {
            writeln!(text, "      u{user}@bench.example: [rw]").unwrap();
        }
    }
    text
}

fn queries() -> Vec<Query> {
    let ask = ProjectAsk::Action(ActionName::Current(Action::FilesDownload));
    let query = |n: usize| Query {
        user: UserId::parse(&format!("u{}@bench.example", n * 7 % USERS)).unwrap(),
        question: Question::Project(
            ProjectId::parse(&format!("{:024}", n * 13 % PROJECTS)).unwrap(),
            ask.clone(),
        ),
    };
    (0..QUESTIONS).map(query).collect()
}

fn wish() -> Wish {
    Wish { freshness: Freshness::Fast, explain: false, deadline: Instant::now() + Duration::from_secs(60) }
}

fn per_question(started: Instant) -> u128 {
    started.elapsed().as_nanos() / (ROUNDS * QUESTIONS) as u128
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bench.db");
    let file = Document::parse(site_file()).unwrap();
    SqliteStore::create(&path, async |store: &SqliteStore| {
        let mut w = WriteTx::begin(store, setup::operator(WriteRules::default())).await?;
        site::apply::apply(&mut w, &file, Options::default()).await?;
        w.commit().await
    })
    .await
    .unwrap();
    let engine = Engine::new(Arc::new(SqliteStore::open(&path).await.unwrap()), Settings::default());
    let follower = tokio::spawn({
        let engine = engine.clone();
        async move { engine.follow().await }
    });
    while !engine.is_serving() {
        tokio::task::yield_now().await;
    }

    let queries = queries();
    let started = Instant::now();
    for _ in 0..ROUNDS {
        for query in &queries {
            black_box(engine.check(query, wish()).await.unwrap());
        }
    }
    let single = per_question(started);
    let started = Instant::now();
    for _ in 0..ROUNDS {
        black_box(engine.check_many(&queries, wish()).await.unwrap());
    }
    let batched = per_question(started);
    follower.abort();

    println!("a single check from memory:   {single} ns");
    println!("a question of a batch of {QUESTIONS}: {batched} ns");
    println!("loads after the start: {}", engine.stats().loads.get());
    assert!(batched <= single, "a question of a batch costs more than a single one");
}
