//! The follower: one task that keeps the view in step with the store.

use super::{Engine, cache::Cache, freshness::Beginning, left::LeftEpochs, view::View};
use rolegate_rbac::role::RoleTable;
use rolegate_store::{
    change::Change,
    error::StoreError,
    feed::{self, CatchUp},
    load,
    retry::{BackOff, Trouble},
    revision::Head,
    tx::Tx,
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{runtime::Handle, time::Instant};

/// Pauses between attempts while the store is away.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl Engine {
    /// Follows the store for ever. To be held by whoever runs the engine: without it nothing is answered for long.
    pub async fn follow(&self) {
        // Whoever follows a second time does so beside the first: what runs there already goes on.
        let _ = self.shared.home.set(Handle::current());
        let mut trouble = Trouble::default();
        let mut back_off = BackOff::new(FIRST_PAUSE, LONGEST_PAUSE);
        let mut left = LeftEpochs::default();
        loop {
            let began = self.shared.pulse.begin();
            let look = self.look(began, &mut left).await;
            self.shared.pulse.beat(began, look.is_ok());
            match look {
                Ok(()) => {
                    back_off.start_over();
                    if let Some(away) = trouble.is_over() {
                        tracing::info!(away_ms = away.as_millis(), "following the role store again");
                    }
                    self.next_cause().await;
                }
                Err(error) => {
                    self.shared.stats.store_errors.bump();
                    if let Some(error) = trouble.goes_on(&error) {
                        let age_ms = self.age().map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
                        tracing::error!(error, age_ms, "cannot follow the role store; trying again");
                    }
                    tokio::time::sleep(back_off.pause()).await;
                }
            }
        }
    }

    /// Waits for a reason to look again: a hint, a caller who wants to know, or time.
    async fn next_cause(&self) {
        tokio::select! {
            // One cause is as good as another; drawing lots would only keep a simulation from being played again.
            biased;
            () = self.shared.store.changed() => {}
            () = self.shared.nudge.notified() => {}
            () = tokio::time::sleep(jittered(self.shared.settings.poll_interval)) => {}
        }
    }

    /// Looks at the store once and brings the view in line with it.
    async fn look(&self, began: Beginning, left: &mut LeftEpochs) -> Result<(), StoreError> {
        let store = &self.shared.store;
        store.refresh().await?;
        let mut tx = store.read_first().await?;
        let Some(view) = self.shared.published.current() else {
            self.rebuild(&mut tx, "first load").await?;
            self.shared.pulse.confirm(began);
            return Ok(());
        };
        let found = match feed::catch_up(&mut tx, view.head).await? {
            // What was loaded ahead of the view came from a history that is lost.
            CatchUp::Next { changes, .. } if view.cache.apply(&changes).is_err() => CatchUp::Forked,
            found => found,
        };
        let unvouched = tx.unvouched().map(str::to_owned);
        match (found, unvouched) {
            (CatchUp::Next { head, changes, roles }, unvouched) => {
                drop(tx);
                self.advance(&view, head, &changes, roles);
                if let Some(server) = unvouched
                    && let Err(error) = store.vouch(&server).await
                {
                    // The next look tries again, and until then nothing is written; what is read is as good as ever.
                    tracing::warn!(%error, "cannot vouch for the role store's history yet");
                }
            }
            (CatchUp::TooFarBehind, None) => {
                self.rebuild(&mut tx, "too far behind the change history").await?;
            }
            (CatchUp::OtherEpoch, None) => self.enter_epoch(tx, left, view.head).await?,
            // Or nobody can tell whether the history is the one that was known.
            (CatchUp::Forked | CatchUp::TooFarBehind | CatchUp::OtherEpoch, _) => {
                self.leave_forked(tx, left, view.head).await?;
            }
        }
        self.shared.pulse.confirm(began);
        Ok(())
    }

    /// The store has another epoch. One that was left before may only be entered where its history goes on from there.
    async fn enter_epoch(&self, mut tx: Tx, left: &mut LeftEpochs, last: Head) -> Result<(), StoreError> {
        if let Some(before) = left.furthest(tx.head().epoch)
            && matches!(feed::catch_up(&mut tx, before).await?, CatchUp::Forked)
        {
            return self.leave_forked(tx, left, last).await;
        }
        left.leave(last);
        self.rebuild(&mut tx, "the store has another epoch").await
    }

    /// The store's epoch stands for a history that it is not, or not any more: it must have another.
    async fn leave_forked(&self, tx: Tx, left: &mut LeftEpochs, last: Head) -> Result<(), StoreError> {
        let store = &self.shared.store;
        let forked = tx.head().epoch;
        drop(tx);
        left.leave(last);
        store.renew_epoch(forked).await?;
        self.rebuild(&mut store.read_first().await?, "the store's history went back or forked").await
    }

    /// Moves the view forward. Fences first, then the view: see the [`fenced`](super::fenced) cache.
    fn advance(&self, view: &View, head: Head, changes: &[Change], roles: Option<RoleTable>) {
        if changes.is_empty() {
            return;
        }
        for change in changes {
            view.cache.raise_fences(change);
            self.shared.stats.changes.bump();
        }
        let roles = match roles {
            Some(roles) => {
                self.note_unknown_actions(&roles, Some(&view.roles));
                Arc::new(roles)
            }
            None => Arc::clone(&view.roles),
        };
        self.publish(View { head, roles, cache: Arc::clone(&view.cache) });
    }

    /// Builds a new view beside the old one, and swaps.
    async fn rebuild(&self, tx: &mut Tx, why: &str) -> Result<(), StoreError> {
        let started = Instant::now();
        let settings = &self.shared.settings;
        let head = tx.head();
        let roles = load::roles(tx).await?;
        let mut cache = Cache::new(settings, head, self.shared.stats.evictions.clone());
        let size = load::size(tx).await?;
        let preloaded = settings.preload && Cache::fits(settings, &size);
        if preloaded {
            cache.fill(head.revision, load::everything(tx).await?);
        }
        self.note_unknown_actions(&roles, None);
        self.shared.stats.rebuilds.bump();
        self.publish(View { head, roles: Arc::new(roles), cache: Arc::new(cache) });
        let (took_ms, epoch) = (started.elapsed().as_millis(), head.epoch);
        tracing::info!(why, %epoch, revision = head.revision, users = size.users, grants = size.project_grants, preloaded, took_ms, "role store loaded");
        Ok(())
    }

    fn publish(&self, view: View) {
        self.shared.stats.revision.set(view.head.revision);
        self.shared.published.publish(view);
    }

    /// Names that roles hold and this binary does not know grant nothing: each is logged once, and counted.
    fn note_unknown_actions(&self, roles: &RoleTable, before: Option<&RoleTable>) {
        let now = unknown_actions(roles);
        let before = before.map(unknown_actions).unwrap_or_default();
        for name in now.difference(&before) {
            tracing::warn!(
                action = name,
                "a role holds an action that this version does not know: it grants nothing"
            );
        }
        self.shared.stats.unknown_actions.set(now.len() as u64);
    }
}

fn unknown_actions(roles: &RoleTable) -> BTreeSet<String> {
    roles.iter().flat_map(|role| role.actions.unknown()).map(str::to_owned).collect()
}

/// A tenth more or less, so that many followers do not look in step.
fn jittered(pause: Duration) -> Duration {
    let part = getrandom::u32().map_or(1.0, |random| 0.9 + f64::from(random) / f64::from(u32::MAX) * 0.2);
    pause.mul_f64(part)
}
