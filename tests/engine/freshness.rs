//! How fresh answers are, what an engine does without its store, and what unknown ids cost.

use crate::{
    kit::{
        Running, allowed, ask, at_least, fast, on_demand, patient, query, running, try_through, until, wish,
        write_through,
    },
    support::{Made, head, opened, raw, say, sqlite, vacuum_into, write},
};
use rolegate::{
    engine::{Engine, Settings, answer::Wish, error::EngineError, freshness::Freshness},
    rbac::action::Action::FilesDownload,
    store::{
        Store,
        error::{Error, StoreError},
        opening::Awaited,
        revision::{Epoch, Token},
    },
};
use std::{sync::Arc, time::Duration};

async fn scene() -> Made {
    let made = sqlite().await;
    let edits = [
        say::new_user("ann"),
        say::new_user("bob"),
        say::new_group("g"),
        say::bare_project("p", "g"),
        say::permit("p", "ann", "ro"),
        say::permit("p", "bob", "ro"),
    ];
    write(&*made.store, edits).await;
    made
}

fn question(who: &str) -> rolegate::engine::answer::Query {
    query(who, "p", FilesDownload)
}

fn hurried(freshness: Freshness) -> Wish {
    Wish { wait: Duration::from_millis(50), ..wish(freshness) }
}

#[tokio::test]
async fn an_answer_is_at_least_as_new_as_the_token_that_came_with_the_question() {
    let made = scene().await;
    let engine = running(Arc::clone(&made.store), patient()).await;
    let elsewhere = opened(&made.path).await;
    for roles in ["rw", "ro", "admin"] {
        let revoked = write(&*elsewhere, [say::no_permit("p", "ann")]).await.token();
        let answer = at_least(&engine, &question("ann"), revoked).await;
        assert!(!allowed(&answer) && answer.unwrap().token.revision >= revoked.revision);
        write(&*elsewhere, [say::permit("p", "ann", roles)]).await;
        // No token, but the head as it is now.
        assert!(allowed(&ask(&engine, &question("ann"), wish(Freshness::FullyCurrent)).await));
    }
}

#[tokio::test]
async fn tokens_from_elsewhere_and_from_the_future_are_refused() {
    let made = scene().await;
    let engine = running(Arc::clone(&made.store), patient()).await;
    let here = head(&*made.store).await.token();
    let foreign = Token { epoch: Epoch::random().unwrap(), revision: 1 };
    assert_eq!(at_least(&engine, &question("ann"), foreign).await, Err(EngineError::OtherEpoch));
    let future = Freshness::AtLeast(Token { revision: here.revision + 1, ..here });
    let behind = EngineError::Behind { wanted: here.revision + 1, applied: here.revision };
    assert_eq!(ask(&engine, &question("ann"), hurried(future)).await, Err(behind));
}

#[tokio::test]
async fn without_its_follower_an_engine_falls_silent_and_recovers() {
    let made = scene().await;
    let settings = Settings { max_staleness: Duration::from_millis(300), ..patient() };
    let mut engine = running(Arc::clone(&made.store), settings).await;
    engine.stop_following();
    until("the engine falls silent", || !engine.is_serving()).await;
    let silent = fast(&engine, &question("ann")).await;
    assert!(matches!(silent, Err(EngineError::Stale { .. })), "{silent:?}");
    engine.follow_again();
    until("the engine serves again", || engine.is_serving()).await;
    assert!(allowed(&fast(&engine, &question("ann")).await));
}

#[tokio::test]
async fn an_engine_that_never_read_its_store_answers_nothing() {
    let made = scene().await;
    let engine = Engine::new(Arc::clone(&made.store), patient());
    assert_eq!(fast(&engine, &question("ann")).await, Err(EngineError::NotReady));
}

#[tokio::test]
async fn an_engine_whose_store_is_still_awaited_answers_nothing_until_it_has_come() {
    let made = scene().await;
    let awaited = Arc::new(Awaited::default());
    let mut engine = Running::over(Engine::new(Arc::clone(&awaited) as Arc<dyn Store>, patient()));
    until("the follower has looked", || engine.stats().store_errors.get() > 0).await;
    assert!(!engine.is_serving());
    assert_eq!(fast(&engine, &question("ann")).await, Err(EngineError::NotReady));
    assert!(matches!(awaited.write().await, Err(StoreError::Unavailable(_))));
    awaited.arrive(Arc::clone(&made.store));
    // Another one does not take its place.
    awaited.arrive(sqlite().await.store);
    engine.follow_again();
    until("the engine serves", || engine.is_serving()).await;
    assert!(allowed(&fast(&engine, &question("ann")).await));
}

#[tokio::test]
async fn while_the_store_is_away_only_what_is_in_memory_is_answered() {
    let made = scene().await;
    let engine = running(Arc::clone(&made.store), on_demand()).await;
    assert!(allowed(&fast(&engine, &question("ann")).await));
    let away = made.folder.path().join("away.db");
    std::fs::rename(&made.path, &away).unwrap();
    assert!(allowed(&fast(&engine, &question("ann")).await));
    assert_eq!(fast(&engine, &question("bob")).await, Err(EngineError::StoreUnavailable));
    let current = ask(&engine, &question("ann"), wish(Freshness::FullyCurrent)).await;
    assert_eq!(current, Err(EngineError::StoreUnavailable));
    std::fs::rename(&away, &made.path).unwrap();
    assert!(allowed(&fast(&engine, &question("bob")).await));
}

/// Replaces the store's file in some way by a backup in which `ann` holds nothing.
async fn restored_by(put: impl FnOnce(&std::path::Path, &std::path::Path)) {
    let made = sqlite().await;
    let early = [say::new_user("ann"), say::new_group("g"), say::bare_project("p", "g")];
    write(&*made.store, early).await;
    let backup = made.folder.path().join("backup.db");
    vacuum_into(&made.path, &backup).await;
    write(&*made.store, [say::permit("p", "ann", "ro")]).await;
    let engine = running(Arc::clone(&made.store), patient()).await;
    let granted = at_least(&engine, &question("ann"), head(&*made.store).await.token()).await;
    assert!(allowed(&granted));
    put(&backup, &made.path);
    until("the engine rebuilds", || engine.stats().rebuilds.get() > 1).await;
    let answer = fast(&engine, &question("ann")).await;
    assert!(!allowed(&answer));
    assert_ne!(answer.unwrap().token.epoch, granted.as_ref().unwrap().token.epoch);
    let old = at_least(&engine, &question("ann"), granted.unwrap().token).await;
    assert_eq!(old, Err(EngineError::OtherEpoch));
    let written = write_through(&engine, say::permit("p", "ann", "ro")).await;
    assert!(allowed(&at_least(&engine, &question("ann"), written).await));
    assert_eq!(head(&*opened(&made.path).await).await.token(), written);
}

#[tokio::test]
async fn nothing_is_written_into_a_history_that_went_back_before_that_is_found_out() {
    let made = scene().await;
    let engine = running(Arc::clone(&made.store), patient()).await;
    write_through(&engine, say::permit("p", "ann", "rw")).await;
    engine.stop_following();
    // As files do that are put back while the store is away.
    let back = "DELETE FROM changes WHERE revision = (SELECT revision FROM store); \
                UPDATE store SET revision = revision - 1, \
                stamp = (SELECT stamp FROM changes ORDER BY revision DESC LIMIT 1)";
    sqlx::raw_sql(back).execute(&mut raw(&made.path).await).await.unwrap();
    let before = head(&*made.store).await;
    let refused = try_through(&engine, say::no_permit("p", "ann")).await;
    assert!(matches!(refused, Err(Error::Store(StoreError::Unavailable(_)))), "{refused:?}");
    assert_eq!(head(&*made.store).await, before, "a token of this write would be taken for one of the past");
}

#[tokio::test]
async fn a_backup_renamed_over_the_store_starts_a_new_epoch_here_too() {
    restored_by(|backup, path| std::fs::rename(backup, path).unwrap()).await;
}

#[tokio::test]
async fn a_backup_copied_to_where_the_store_was_deleted_does_as_well() {
    restored_by(|backup, path| {
        std::fs::remove_file(path).unwrap();
        std::fs::copy(backup, path).unwrap();
    })
    .await;
}

async fn loads_of(engine: &Running, who: &str) -> u64 {
    let before = engine.stats().loads.get();
    assert!(!allowed(&fast(engine, &question(who)).await));
    engine.stats().loads.get() - before
}

#[tokio::test]
async fn invented_ids_do_not_drive_the_store() {
    let made = scene().await;
    let engine = running(Arc::clone(&made.store), patient()).await;
    for n in 0..50 {
        assert_eq!(loads_of(&engine, &format!("nobody-{n}")).await, 0, "everything is known ahead");
    }
    let engine = running(Arc::clone(&made.store), on_demand()).await;
    assert!(loads_of(&engine, "new").await > 0);
    assert_eq!(loads_of(&engine, "new").await, 0, "it is remembered that there is none");
    write_through(&engine, say::new_user("new")).await;
    write_through(&engine, say::permit("p", "new", "ro")).await;
    assert!(allowed(&fast(&engine, &question("new")).await));
    let few = Settings { unknown_lookups_per_second: 1, ..on_demand() };
    let engine = running(Arc::clone(&made.store), few).await;
    let mut refused = 0;
    for n in 0..20 {
        let answer = ask(&engine, &question(&format!("nobody-{n}")), hurried(Freshness::Fast)).await;
        refused += u32::from(answer == Err(EngineError::TooManyUnknown));
    }
    assert!(refused >= 10, "{refused} of 20");
    assert!(engine.stats().throttled.get() >= u64::from(refused));
}

#[tokio::test]
async fn one_load_serves_everyone_who_waits_for_it() {
    let made = scene().await;
    let engine = running(Arc::clone(&made.store), on_demand()).await;
    assert!(allowed(&fast(&engine, &question("bob")).await));
    let (before, ann) = (engine.stats().loads.get(), question("ann"));
    let all = futures_util::future::join_all((0..100).map(|_| fast(&engine, &ann))).await;
    assert!(all.iter().all(allowed));
    assert_eq!(engine.stats().loads.get() - before, 1);
}

#[tokio::test]
async fn a_batch_is_answered_as_so_many_checks_whatever_is_loaded_ahead() {
    let made = scene().await;
    write(&*made.store, (0..30).map(|n| say::new_user(&format!("u{n}")))).await;
    write(&*made.store, (0..30).step_by(3).map(|n| say::permit("p", &format!("u{n}"), "ro"))).await;
    let plenty = Settings { unknown_lookups_per_second: u32::MAX, ..on_demand() };
    let (ahead, later) =
        (running(Arc::clone(&made.store), patient()).await, running(Arc::clone(&made.store), plenty).await);
    let queries = (0..1000).map(|n| query(&format!("u{}", n % 40), ["p", "q"][n % 7 % 2], FilesDownload));
    let queries = queries.collect::<Vec<_>>();
    let mut answers = Vec::new();
    for engine in [&later, &ahead] {
        let batch = engine.check_many(&queries, wish(Freshness::Fast)).await.unwrap();
        let batch: Vec<_> = batch.value.into_iter().map(|one| one.unwrap().decision).collect();
        for (query, one) in queries.iter().zip(&batch) {
            assert_eq!(fast(engine, query).await.unwrap().value, *one);
        }
        answers.push(batch);
    }
    assert!(answers[0] == answers[1] && answers[0].iter().any(|one| one.is_allowed()));
}

/// Whoever holds a turn while a batch is decided gives it up for the store alone: what was decided must not wait for another.
#[tokio::test]
async fn a_batch_says_that_it_waits_if_memory_does_not_answer_it_and_only_then() {
    let made = scene().await;
    let engine = running(Arc::clone(&made.store), on_demand()).await;
    let queries = vec![question("ann"); 1_000];
    let says_so = async |wish| {
        let mut waits = false;
        let batch = engine.check_many_untold(&queries, wish, || waits = true).await.unwrap();
        assert!(batch.value.iter().all(|one| one.is_ok()));
        waits
    };
    for explain in [false, true] {
        let from_memory = Wish { explain, ..wish(Freshness::Fast) };
        assert_eq!(says_so(from_memory).await, !explain, "the first time, it is loaded");
        assert!(!says_so(from_memory).await);
        assert!(says_so(Wish { explain, ..wish(Freshness::FullyCurrent) }).await);
    }
}

/// A call that needed the store and failed was not "answered from memory".
#[tokio::test]
async fn a_failed_look_up_is_no_answer_from_memory() {
    let made = sqlite().await;
    write(&*made.store, [say::new_user("ann"), say::new_group("g"), say::bare_project("p", "g")]).await;
    let engine = running(Arc::clone(&made.store), on_demand()).await;
    std::fs::rename(&made.path, made.folder.path().join("away.db")).unwrap();
    let before = engine.stats().hits.get();
    assert_eq!(fast(&engine, &query("ann", "p", FilesDownload)).await, Err(EngineError::StoreUnavailable));
    assert_eq!(engine.stats().hits.get() - before, 0);
}

/// A token of an epoch that is not known here, while the store cannot be looked at: nobody can tell whether that epoch is
/// past or to come, and a caller that is told "restored since: drop the token" asks again without it and gets a stale yes.
#[tokio::test]
async fn a_token_of_an_epoch_to_come_is_not_refused_for_good_while_the_store_is_away() {
    let made = sqlite().await;
    let edits = [
        say::new_user("ann"),
        say::new_group("g"),
        say::bare_project("p", "g"),
        say::permit("p", "ann", "ro"),
    ];
    write(&*made.store, edits).await;
    let engine = running(Arc::clone(&made.store), patient()).await;
    let question = query("ann", "p", FilesDownload);
    assert!(allowed(&fast(&engine, &question).await));
    let away = made.folder.path().join("away.db");
    std::fs::rename(&made.path, &away).unwrap();
    let errors = engine.stats().store_errors.get();
    until("the store is seen to be away", || engine.stats().store_errors.get() > errors).await;
    // Elsewhere the epoch was renewed, and the grant revoked under it.
    let revoked = Token { epoch: Epoch::random().unwrap(), revision: 9 };
    let hurried = Wish { wait: Duration::from_secs(3), ..wish(Freshness::AtLeast(revoked)) };
    let answer = ask(&engine, &question, hurried).await;
    assert_ne!(answer, Err(EngineError::OtherEpoch), "no look has found the store since the token came");
}
