//! A long random history, answered while it happens and recomputed from nothing afterwards.

use crate::{
    kit::{PATIENCE, Running, patient, query, running, seed, wish},
    random::Random,
    support::{Edit, actions, gear, group, opened, project, restricted, say, snapshot, sqlite, user, write},
};
use rolegate::{
    engine::{Settings, answer::Query, freshness::Freshness, write::WriteOptions},
    rbac::{
        action::Action::{FilesDownload, FilesMove, ProjectPermissionsManage, TagsManage},
        decide::{Decision, decide},
        grants::Grants,
        level::{GroupAction, GroupRole, SiteAction, SiteRole},
        question::{GroupAsk, Operation, ProjectAsk, Question},
        role::RoleTable,
        text::UserId,
        world::World,
    },
    store::{Store, auth::Actor, error::Error, revision::Token},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
};

const WRITES: usize = 500;
const BATCH: usize = 12;

pub(crate) fn random_edit(random: &mut Random) -> Edit {
    let (who, place, team) = (random.name("u", 6), random.name("p", 5), random.name("g", 2));
    let (custom, tool) = (random.name("r", 3), random.name("t", 2));
    let held = ["rw", "ro", "admin", "r0", "r1 ro", "r2"][random.below(6)];
    match random.below(28) {
        0 | 1 => say::new_user(&who),
        2 => say::drop_user(&who),
        3 => say::enable(&who, random.below(3) > 0),
        4 => say::site_role(&who, [SiteRole::User, SiteRole::SiteAdmin][random.below(2)]),
        5 | 6 => say::member(&team, &who, [GroupRole::Admin, GroupRole::ReadOnly][random.below(2)]),
        7 => say::no_member(&team, &who),
        8 | 9 => say::new_project(&place, &team),
        10 => say::drop_project(&place),
        11 => say::new_role(&custom, &custom, actions(&["tags_manage"])),
        12 | 13 => say::new_actions(
            &custom,
            actions([&["files_download"][..], &["files_move"], &[]][random.below(3)]),
        ),
        14 => say::drop_role(&custom),
        15 => say::offer(&team, &custom),
        16 => say::withdraw(&team, &custom),
        17 => say::template(&team, &who, held, random.below(2) == 0),
        18 => say::no_template(&team, &who, random.below(2) == 0),
        19 => say::new_gear(&tool),
        20 => say::set_gear(&tool, restricted(&place, &who)),
        21 => say::drop_gear(&tool),
        22 | 23 => say::no_permit(&place, &who),
        24 => say::new_group(&team),
        _ => say::permit(&place, &who, held),
    }
}

pub(crate) fn random_query(random: &mut Random) -> Query {
    let (who, place) = (random.name("u", 7), random.name("p", 6));
    let action = [FilesDownload, FilesMove, TagsManage, ProjectPermissionsManage][random.below(4)];
    let question = match random.below(10) {
        0 => Question::Site(SiteAction::UsersManage),
        1 => Question::Group(
            group(&random.name("g", 3)),
            GroupAsk::Action(
                [GroupAction::GroupSettingsView, GroupAction::GroupRolesManage][random.below(2)],
            ),
        ),
        2 => {
            let destination = Some(project(&random.name("p", 6)));
            Question::Project(project(&place), ProjectAsk::Operation(Operation::FileMove { destination }))
        }
        3 => {
            let run = Operation::JobRun { gear: gear(&random.name("t", 3)), analysis: Some(false) };
            Question::Project(project(&place), ProjectAsk::Operation(run))
        }
        _ => return query(&who, &place, action),
    };
    Query { user: user(&who), question }
}

/// What random edits begin with.
pub(crate) async fn start(db: &dyn Store) {
    let start = [say::new_admin("root"), say::new_group("g0"), say::new_group("g1"), say::new_gear("t0")];
    write(db, start).await;
    write(db, (0..6).map(|n| say::new_user(&format!("u{n}")))).await;
    write(db, (0..4).map(|n| say::bare_project(&format!("p{n}"), "g0"))).await;
}

/// One revision, recomputed from nothing.
pub(crate) struct Past {
    world: World,
    grants: BTreeMap<UserId, Grants>,
    roles: RoleTable,
}

impl Past {
    pub(crate) fn of(world: World) -> Self {
        Self { grants: world.grants(), roles: world.role_table(), world }
    }

    pub(crate) fn decide(&self, query: &Query) -> Decision {
        let facts = self.world.facts(self.grants.get(&query.user), &query.question);
        decide(&query.question, &self.roles, &facts)
    }
}

/// What one call was told.
struct Told {
    queries: Vec<Query>,
    decisions: Vec<Decision>,
    token: Token,
    /// What the answer must be at least as new as: the token asked for, and those of calls that had ended before.
    at_least: u64,
}

#[derive(Default)]
struct Course {
    is_over: AtomicBool,
    /// The newest revision that a writer has been told of.
    written: AtomicU64,
    told: Mutex<Vec<Told>>,
}

async fn keep_asking(
    engine: rolegate::engine::Engine,
    newest: Arc<AtomicU64>,
    course: Arc<Course>,
    seed: u64,
) {
    let mut random = Random(seed);
    let epoch = engine.check(&random_query(&mut random), wish(Freshness::Fast)).await.unwrap().token.epoch;
    while !course.is_over.load(SeqCst) {
        let size = if random.below(4) == 0 { BATCH } else { 1 };
        let queries: Vec<_> = (0..size).map(|_| random_query(&mut random)).collect();
        let mut at_least = newest.load(SeqCst);
        let freshness = match random.below(4) {
            0 => {
                let revision = course.written.load(SeqCst);
                at_least = at_least.max(revision);
                Freshness::AtLeast(Token { epoch, revision })
            }
            1 => {
                at_least = at_least.max(course.written.load(SeqCst));
                Freshness::FullyCurrent
            }
            _ => Freshness::Fast,
        };
        let answer = engine.check_many(&queries, wish(freshness)).await.unwrap();
        newest.fetch_max(answer.token.revision, SeqCst);
        let decisions = answer.value.into_iter().map(|one| one.unwrap().decision).collect();
        course.told.lock().unwrap().push(Told { queries, decisions, token: answer.token, at_least });
        tokio::task::yield_now().await;
    }
}

async fn play(engine: &Running, db: &dyn Store, course: &Course, seed: u64) -> (BTreeMap<u64, Past>, usize) {
    let (mut random, mut refused) = (Random(seed), 0);
    let first = db.read().await.unwrap().head().revision;
    let mut pasts = BTreeMap::from([(first, Past::of(snapshot(db).await))]);
    for _ in 0..WRITES {
        let edit = random_edit(&mut random);
        let run = edit.clone();
        let done = engine.write(Actor::Operator, WriteOptions::default(), move |w| {
            Box::pin(async move { run.run(w).await })
        });
        match done.await {
            Ok(written) => {
                pasts.entry(written.token.revision).or_insert(Past::of(snapshot(db).await));
                course.written.store(written.token.revision, SeqCst);
            }
            Err(Error::Refused(_)) => refused += 1,
            Err(Error::Store(error)) => panic!("{edit:?}: {error}"),
        }
    }
    (pasts, refused)
}

#[expect(clippy::print_stdout, reason = "the seed, to play a failure again")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_of_a_long_random_history_is_the_recomputed_one() {
    let seed = seed();
    println!("ROLEGATE_TEST_SEED={seed}");
    let made = sqlite().await;
    start(&*made.store).await;
    let plenty = u32::MAX;
    let small = Settings { history: 8, unknown_lookups_per_second: plenty, ..patient() };
    let tiny = Settings { cache_bytes: 3_000, absent_entries: 3, preload: false, ..small.clone() };
    let one = running(Arc::clone(&made.store), small).await;
    let two = running(opened(&made.path).await, tiny).await;
    let course = Arc::new(Course::default());
    let mut askers = Vec::new();
    for engine in [&one, &two] {
        let newest = Arc::new(AtomicU64::new(0));
        for n in 0..2 {
            let asking =
                keep_asking(engine.engine.clone(), Arc::clone(&newest), Arc::clone(&course), seed ^ (n + 1));
            askers.push(tokio::spawn(asking));
        }
    }
    let played = tokio::time::timeout(PATIENCE, play(&one, &*made.store, &course, seed)).await;
    course.is_over.store(true, SeqCst);
    for asker in askers {
        asker.await.unwrap();
    }
    let (pasts, refused) = played.unwrap();
    assert!(refused < WRITES * 3 / 4, "most edits are to take effect, and {refused} were refused");
    let told = std::mem::take(&mut *course.told.lock().unwrap());
    let mut allows = 0;
    for told in &told {
        let at = told.token.revision;
        assert!(at >= told.at_least, "ROLEGATE_TEST_SEED={seed}: asked for {}, told {at}", told.at_least);
        let past =
            pasts.get(&at).unwrap_or_else(|| panic!("ROLEGATE_TEST_SEED={seed}: nobody wrote revision {at}"));
        for (query, decision) in told.queries.iter().zip(&told.decisions) {
            assert_eq!(
                past.decide(query),
                *decision,
                "ROLEGATE_TEST_SEED={seed}: {query:?} at revision {at}"
            );
            allows += usize::from(decision.is_allowed());
        }
    }
    println!(
        "{} answers, {allows} allows, {} revisions, {} loads, {} rebuilds",
        told.len(),
        pasts.len(),
        two.stats().loads.get(),
        two.stats().rebuilds.get()
    );
    assert!(allows > 0 && told.len() > 100);
}
