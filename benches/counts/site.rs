//! The site that is asked about: small enough to load under valgrind, and shaped like a large one.

use rolegate::{
    engine::{Engine, Settings},
    site::{self, Document, apply::Options},
    store::{
        setup,
        sqlite::SqliteStore,
        write::{WriteRules, WriteTx},
    },
};
use std::{fmt::Write as _, path::Path, sync::Arc};

pub(crate) const USERS: usize = 200;
pub(crate) const PROJECTS: usize = 100;
/// Each user is on these many projects, one after another from a place that depends on the user.
pub(crate) const PROJECTS_OF_A_USER: usize = 20;

pub(crate) fn user(number: usize) -> String {
    format!("user{:04}@site.example", number % USERS)
}

/// The project that is the user's `n`th.
pub(crate) fn project_of(user: usize, n: usize) -> String {
    format!("{:024x}", 0x5f00 + (user + n % PROJECTS_OF_A_USER) % PROJECTS)
}

pub(crate) async fn create(store: &Path) {
    let mut text = "version: 1\nusers:\n".to_owned();
    (0..USERS).for_each(|number| writeln!(text, "- id: {}", user(number)).unwrap());
    text.push_str("groups:\n- id: imaging\n  projects:\n");
    for project in 0..PROJECTS {
        writeln!(text, "  - label: p{project}\n    id: {:024x}\n    permissions:", 0x5f00 + project).unwrap();
        let is_on = |user: &usize| (project + USERS - user) % PROJECTS < PROJECTS_OF_A_USER;
        (0..USERS).filter(is_on).for_each(|number| writeln!(text, "      {}: [rw]", user(number)).unwrap());
    }
    let file = Document::parse(text).unwrap();
    SqliteStore::create(store, async |store: &SqliteStore| {
        let mut w = WriteTx::begin(store, setup::operator(WriteRules::default())).await?;
        site::apply::apply(&mut w, file, Options::default()).await?;
        w.commit().await
    })
    .await
    .unwrap();
}

/// An engine that has loaded the site, and goes on following it.
pub(crate) async fn engine(store: &Path) -> Engine {
    let engine = Engine::new(Arc::new(SqliteStore::open(store).await.unwrap()), Settings::default());
    let follower = engine.clone();
    tokio::spawn(async move { follower.follow().await });
    while !engine.is_serving() {
        tokio::task::yield_now().await;
    }
    engine
}
