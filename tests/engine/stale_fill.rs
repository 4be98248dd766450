//! Loads that read before a change and store after it, driven step by step.

use crate::{
    kit::{
        Gate, Running, allowed, ask, ask_held_up, at_least, fast, on_demand, patient, query, running, until,
        wish, write_through,
    },
    support::{Made, context, head, opened, raw, say, sqlite, vacuum_into, write, write_with},
};
use rolegate::{
    engine::{
        answer::{Query, Wish},
        error::EngineError,
        freshness::Freshness,
    },
    rbac::action::Action::FilesDownload,
    store::{
        auth::Actor,
        revision::Head,
        write::{DEFAULT_HISTORY, WriteTx},
    },
};
use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

/// A site where `ann` and `bob` hold `rw` on `p`; an engine behind a gate that holds nothing of `ann` yet.
async fn scene() -> (Made, Arc<Gate>, Running, Query) {
    let made = sqlite().await;
    write(
        &*made.store,
        [
            say::new_user("ann"),
            say::new_user("bob"),
            say::new_group("g"),
            say::bare_project("p", "g"),
            say::permit("p", "ann", "rw"),
            say::permit("p", "bob", "rw"),
        ],
    )
    .await;
    let gate = Gate::before(Arc::clone(&made.store));
    let engine = running(gate.clone(), on_demand()).await;
    // The project is in memory from here on: only users are loaded at the gate.
    assert!(allowed(&fast(&engine, &query("bob", "p", FilesDownload)).await));
    (made, gate, engine, query("ann", "p", FilesDownload))
}

#[tokio::test]
async fn a_load_that_began_before_a_revocation_cannot_bring_the_grant_back() {
    let (_made, gate, engine, question) = scene().await;
    let mut old = ask_held_up(&engine, &question);
    gate.arrival().await;
    let revoked = write_through(&engine, say::no_permit("p", "ann")).await;
    gate.let_pass(1);
    // The old load stores what it read. Whoever asked must not be content with it, and is stopped at loading again:
    // what is in the cache from here on is the old value.
    tokio::select! {
        answer = &mut old => panic!("answered from before the revocation: {answer:?}"),
        () = gate.arrival() => old.abort(),
    }
    assert!(old.await.unwrap_err().is_cancelled());
    assert!(!allowed(&fast(&engine, &question).await));
    let answer = at_least(&engine, &question, revoked).await;
    assert!(!allowed(&answer));
    assert!(answer.unwrap().token.revision >= revoked.revision);
}

#[tokio::test]
async fn whoever_joined_the_old_load_is_not_answered_from_it() {
    let (_made, gate, engine, question) = scene().await;
    let old = ask_held_up(&engine, &question);
    gate.arrival().await;
    let mut joined = pin!(fast(&engine, &question));
    assert!(is_pending(joined.as_mut()).await, "it waits for the load that is under way");
    let loads = engine.stats().loads.get();
    let revoked = write_through(&engine, say::no_permit("p", "ann")).await;
    let mut late = pin!(fast(&engine, &question));
    assert!(is_pending(late.as_mut()).await, "it waits as well, having come after the revocation");
    assert_eq!(engine.stats().loads.get(), loads, "one load for all of them");
    gate.let_pass(8);
    let (old, joined, late) = tokio::join!(old, joined, late);
    for answer in [old.unwrap(), joined, late] {
        assert!(!allowed(&answer));
        assert!(answer.unwrap().token.revision >= revoked.revision);
    }
}

async fn is_pending<T>(mut future: std::pin::Pin<&mut impl Future<Output = T>>) -> bool {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await
}

#[tokio::test]
async fn a_load_that_found_nothing_cannot_hide_what_was_made_since() {
    let (_made, gate, engine, _) = scene().await;
    let question = query("new", "p", FilesDownload);
    let old = ask_held_up(&engine, &question);
    gate.arrival().await;
    write_through(&engine, say::new_user("new")).await;
    write_through(&engine, say::permit("p", "new", "ro")).await;
    gate.let_pass(8);
    assert!(allowed(&old.await.unwrap()));
    assert!(allowed(&fast(&engine, &question).await));
}

#[tokio::test]
async fn a_load_from_before_a_rebuild_says_nothing_after_it() {
    let (made, gate, mut engine, question) = scene().await;
    let old = ask_held_up(&engine, &question);
    gate.arrival().await;
    engine.stop_following();
    // Short history: the follower will have to rebuild, and raises no fence for what happened in between.
    let short = || context(&Actor::Operator, None, 1);
    let edits = [say::no_permit("p", "ann"), say::new_user("x"), say::new_user("y"), say::new_user("z")];
    for edit in edits {
        write_with(&*made.store, short(), &[edit]).await.unwrap();
    }
    let rebuilds = engine.stats().rebuilds.get();
    engine.follow_again();
    until("the engine rebuilds", || engine.stats().rebuilds.get() > rebuilds).await;
    gate.let_pass(8);
    let answer = old.await.unwrap();
    assert!(!allowed(&answer), "from before the revocation, with the token of after it: {answer:?}");
}

#[tokio::test]
async fn a_load_from_before_a_restore_says_nothing_after_it() {
    let (made, gate, engine, question) = scene().await;
    // The restored store has another history, in which nobody ever granted anything and more has happened.
    let other = sqlite().await;
    let mut w = WriteTx::begin(&*other.store, context(&Actor::Operator, None, 10)).await.unwrap();
    for edit in [say::new_user("ann"), say::new_group("g"), say::bare_project("p", "g")] {
        edit.run(&mut w).await.unwrap();
    }
    w.commit().await.unwrap();
    let far = head(&*made.store).await.revision + 5;
    for revision in 0..far {
        write(&*other.store, [say::rename_group("g", &format!("g{revision}"))]).await;
    }
    let old = ask_held_up(&engine, &question);
    gate.arrival().await;
    let old_epoch = head(&*made.store).await.epoch;
    // A copy in one file, without a log beside it.
    let backup = made.folder.path().join("backup.db");
    vacuum_into(&other.path, &backup).await;
    std::fs::rename(&backup, &made.path).unwrap();
    gate.let_pass(8);
    let answer = old.await.unwrap();
    if let Ok(answer) = &answer {
        assert!(
            !answer.value.is_allowed() || answer.token.epoch == old_epoch,
            "granted in another epoch only: {answer:?}"
        );
    }
    until("the engine answers again", || engine.stats().rebuilds.get() > 1).await;
    let answer = fast(&engine, &question).await;
    assert!(!allowed(&answer));
    let now = head(&*opened(&made.path).await).await;
    assert_ne!(now.epoch, old_epoch);
    assert_eq!(
        now,
        Head { epoch: now.epoch, ..head(&*other.store).await },
        "none of the old file's history is left"
    );
    // What is written from here on is seen by whoever opens the file.
    let written = write_through(&engine, say::permit("p", "ann", "ro")).await;
    assert_eq!(head(&*opened(&made.path).await).await.token(), written);
    assert!(allowed(&fast(&engine, &question).await));
}

/// Keys share fences. In a cache that was loaded whole, a change of one key must not make another one that shares its
/// fence "unknown": it is held, only not usable any more, and must be loaded.
#[tokio::test]
async fn a_change_does_not_make_others_unknown_in_a_complete_cache() {
    let made = sqlite().await;
    write(&*made.store, [say::new_group("g"), say::bare_project("p", "g")]).await;
    let users = (0..3_000).map(|n| format!("u{n}"));
    let edits: Vec<_> = users.flat_map(|id| [say::new_user(&id), say::permit("p", &id, "ro")]).collect();
    write_with(&*made.store, context(&Actor::Operator, None, DEFAULT_HISTORY), &edits).await.unwrap();
    let engine = running(Arc::clone(&made.store), patient()).await;
    let denied = async || {
        let mut denied = Vec::new();
        for n in 0..3_000 {
            let answer = fast(&engine, &query(&format!("u{n}"), "p", FilesDownload)).await.unwrap();
            if !answer.value.is_allowed() {
                denied.push((n, answer.value.reason()));
            }
        }
        denied
    };
    assert_eq!(denied().await, []);
    // A hundred others are changed; nothing of these three thousand is.
    for n in 0..100 {
        write_through(&engine, say::new_user(&format!("other{n}"))).await;
    }
    let (loads, denied) = (engine.stats().loads.get(), denied().await);
    assert_eq!(denied, [], "{} of 3000 are denied, loads {loads}", denied.len());
}

/// What was loaded ahead of the view belongs to a history that may be lost before the view gets there: the follower only
/// compares the stamp of its own revision, so what it goes on with may be another history than the one loaded from.
#[tokio::test]
async fn what_was_loaded_ahead_from_a_history_that_is_lost_grants_nothing() {
    let made = sqlite().await;
    let edits =
        [say::new_user("ann"), say::new_user("bob"), say::new_group("g"), say::bare_project("p", "g")];
    write(&*made.store, edits).await;
    write(&*made.store, [say::permit("p", "bob", "ro")]).await;
    let mut engine = running(Arc::clone(&made.store), on_demand()).await;
    assert!(allowed(&fast(&engine, &query("bob", "p", FilesDownload)).await));
    engine.stop_following();
    write(&*made.store, [say::permit("p", "ann", "ro")]).await;
    let question = query("ann", "p", FilesDownload);
    let hurried = Wish { wait: Duration::from_millis(200), ..wish(Freshness::Fast) };
    let ahead = ask(&engine, &question, hurried).await;
    assert!(matches!(ahead, Err(EngineError::Behind { .. })), "{ahead:?}");
    // The last write is lost, as where files are put back cold, and another one is made in its place.
    let back = "DELETE FROM project_permissions WHERE user_id = 'ann'; \
                DELETE FROM audit WHERE id >= (SELECT format('%016x', revision) FROM store); \
                DELETE FROM changes WHERE revision = (SELECT revision FROM store); \
                UPDATE store SET revision = revision - 1, \
                stamp = (SELECT stamp FROM changes ORDER BY revision DESC LIMIT 1)";
    sqlx::raw_sql(back).execute(&mut raw(&made.path).await).await.unwrap();
    let now = write(&*made.store, [say::new_user("cat")]).await;
    engine.follow_again();
    until("the engine has caught up", || engine.stats().revision.get() >= now.revision).await;
    let answer = fast(&engine, &question).await;
    assert!(!allowed(&answer), "nobody ever granted that in this history: {answer:?}");
}
