//! Writers that really run at once, on one store opened twice.

use crate::support::*;
use rolegate::{
    rbac::level::SiteRole,
    store::{
        Store,
        auth::Actor,
        error::Error,
        revision::Head,
        write::{DEFAULT_HISTORY, WriteTx},
    },
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::SeqCst},
};

const ROUNDS: usize = 15;

struct Race {
    fresh: Fresh,
    stores: [Arc<dyn Store>; 2],
    start: Head,
    effective: Arc<AtomicU64>,
}

impl Race {
    async fn after(fresh: Fresh, edits: impl IntoIterator<Item = Edit>) -> Self {
        let start = write(&*fresh.store, edits).await;
        let stores = [fresh.again().await, fresh.again().await];
        Self { fresh, stores, start, effective: Arc::default() }
    }

    /// Runs these edits all at once, on one store and the other in turn; tells which were accepted.
    async fn run(&self, edits: Vec<Edit>) -> Vec<bool> {
        let tasks: Vec<_> = edits
            .into_iter()
            .enumerate()
            .map(|(at, edit)| {
                let (store, effective) = (Arc::clone(&self.stores[at % 2]), Arc::clone(&self.effective));
                tokio::spawn(async move {
                    let mut w =
                        match WriteTx::begin(&*store, context(&Actor::Operator, None, DEFAULT_HISTORY)).await
                        {
                            Ok(w) => w,
                            Err(error) => panic!("{edit:?}: {error}"),
                        };
                    match edit.run(&mut w).await {
                        Ok(()) => {}
                        Err(Error::Refused(_)) => return false,
                        Err(Error::Store(error)) => panic!("{edit:?}: {error}"),
                    }
                    effective.fetch_add(u64::from(w.is_change()), SeqCst);
                    w.commit().await.unwrap();
                    true
                })
            })
            .collect();
        let mut accepted = Vec::new();
        for task in tasks {
            accepted.push(task.await.unwrap());
        }
        accepted
    }

    /// Every effective write is one revision, with one record, in order and without gaps.
    async fn judge(&self) {
        let now = head(&*self.fresh.store).await;
        assert_eq!(now.revision - self.start.revision, self.effective.load(SeqCst));
        let changes = changes_since(&*self.fresh.store, self.start).await;
        let revisions: Vec<_> = changes.iter().map(|change| change.revision).collect();
        assert_eq!(revisions, (self.start.revision + 1..=now.revision).collect::<Vec<_>>());
        assert!(changes.iter().all(|change| !change.subjects.is_empty()));
    }
}

pub(crate) async fn two_admins_who_demote_each_other_leave_one(fresh: Fresh) {
    let race = Race::after(fresh, [say::new_admin("ann"), say::new_admin("bob")]).await;
    for _ in 0..ROUNDS {
        let demote = |who| say::site_role(who, SiteRole::User);
        let accepted = race.run(vec![demote("ann"), demote("bob"), say::enable("ann", false)]).await;
        assert!(accepted.contains(&true));
        let world = snapshot(&*race.fresh.store).await;
        let admins =
            world.users.values().filter(|user| user.enabled && user.site_role == SiteRole::SiteAdmin);
        assert_eq!(admins.count(), 1);
        let promote = |who| say::site_role(who, SiteRole::SiteAdmin);
        assert_eq!(race.run(vec![promote("ann"), promote("bob"), say::enable("ann", true)]).await, [true; 3]);
    }
    race.judge().await;
}

pub(crate) async fn a_role_is_never_assigned_where_it_is_not_offered(fresh: Fresh) {
    let scene = [say::new_user("ann"), say::new_group("g"), say::bare_project("p", "g")];
    let race = Race::after(fresh, scene).await;
    for round in 0..ROUNDS {
        let take_away = [say::withdraw("g", "c"), say::drop_role("c")][round % 2].clone();
        race.run(vec![say::new_role("c", "c", actions(&[]))]).await;
        race.run(vec![say::offer("g", "c")]).await;
        let assign = [say::permit("p", "ann", "c"), say::template("g", "ann", "c", true)];
        race.run(vec![take_away, assign[round / 2 % 2].clone()]).await;
        let world = snapshot(&*race.fresh.store).await;
        let offered = world.groups[&group("g")].offers.contains(&role("c"));
        let on_project = world.projects[&project("p")].permissions.values().flatten();
        let in_template = world.groups[&group("g")].template.values().flatten();
        assert!(offered || on_project.chain(in_template).next().is_none(), "{world:?}");
        race.run(vec![say::no_permit("p", "ann"), say::no_template("g", "ann", true)]).await;
    }
    race.judge().await;
}

pub(crate) async fn a_project_is_never_made_in_a_group_that_goes(fresh: Fresh) {
    let race = Race::after(fresh, []).await;
    for _ in 0..ROUNDS {
        assert_eq!(race.run(vec![say::new_group("g")]).await, [true]);
        race.run(vec![say::drop_group("g"), say::bare_project("p", "g")]).await;
        let world = snapshot(&*race.fresh.store).await;
        assert_eq!(world.projects.is_empty(), world.groups.is_empty(), "one of the two has won: {world:?}");
        race.run(vec![say::drop_project("p")]).await;
        race.run(vec![say::drop_group("g")]).await;
    }
    race.judge().await;
}

pub(crate) async fn writers_who_hang_up_leave_the_store_whole_and_writable(fresh: Fresh) {
    let race = Race::after(fresh, [say::new_group("g")]).await;
    for round in 0..60 {
        let store = Arc::clone(&race.stores[round % 2]);
        let writing = tokio::spawn(async move {
            write(
                &*store,
                [say::rename_group("g", &format!("g{round}")), say::new_user(&format!("u{round}"))],
            )
            .await
        });
        for _ in 0..round * 3 {
            tokio::task::yield_now().await;
        }
        writing.abort();
        let _ = writing.await;
    }
    // Whatever was cut off is whole or absent, and the next writer gets its turn.
    let last = write(&*race.stores[0], [say::new_user("last-a")]).await;
    let last_too = write(&*race.stores[1], [say::new_user("last-b")]).await;
    assert_eq!(last.revision + 1, last_too.revision);
    let changes = changes_since(&*race.fresh.store, race.start).await;
    assert_eq!(changes.len() as u64, last_too.revision - race.start.revision);
}
