//! Keeping a store in step with a platform: read it at an interval, and apply what it holds.

use crate::{
    aside::aside,
    engine::{
        Engine,
        write::{WriteOptions, Written},
    },
    platform::{
        import::{Notes, site_file},
        source::{Progress, Source, SourceError},
    },
    rbac::{impact::AccessChange, text::UserId},
    site::{
        Document, SiteFile, UserEntry,
        apply::{Applied, Options, apply},
        to_yaml,
    },
    store::{
        auth::Actor,
        error::{Error, Result as StoreResult, StoreError},
        load, read,
        write::WriteTx,
    },
};
use std::{sync::Arc, time::Duration};

/// How many changes to what people may do are told one by one.
const MOST_TOLD: usize = 1_000;
/// From this many users or projects on, half of them do not vanish at once: rather, the platform tells us a part only.
const MANY: u64 = 10;

/// Which platform to follow, and how.
#[derive(Clone)]
pub struct FollowPlatform {
    /// Where it is, with a key for it.
    pub source: Arc<Source>,
    /// The pause between two looks.
    pub interval: Duration,
    /// Users who stay, whether the platform has them or not.
    pub keep: Vec<UserId>,
}

/// Why the store is not in step with the platform.
#[derive(Debug, thiserror::Error)]
enum OutOfStep {
    #[error("the platform cannot be read: {0}")]
    Unread(#[from] SourceError),
    #[error("what the platform holds cannot be applied: {0}")]
    Unapplied(#[from] Error),
    #[error("{0}")]
    Other(String),
}

/// Follows for ever.
pub(super) async fn follow(engine: Engine, platform: FollowPlatform) {
    let mut told = None;
    loop {
        match step(&engine, &platform).await {
            Ok(notes) => {
                if told.as_ref() != Some(&notes) {
                    for note in notes.lines() {
                        tracing::warn!(note, "the platform does not come over as it stands");
                    }
                    told = Some(notes);
                }
            }
            Err(error) => {
                tracing::error!(%error, "the role store is not in step with the platform; trying again");
            }
        }
        tokio::time::sleep(platform.interval).await;
    }
}

async fn step(engine: &Engine, platform: &FollowPlatform) -> Result<Notes, OutOfStep> {
    let source = Arc::clone(&platform.source);
    let required = engine.required_actions();
    let reading = aside(move || Ok::<_, SourceError>(site_file(source.read(&mut Silent)?, required)));
    let (file, notes) = reading.await.map_err(|cut| OutOfStep::Other(cut.to_string()))??;
    let keep = platform.keep.clone();
    let written = engine
        .write(Actor::Operator, WriteOptions::default(), move |w| {
            Box::pin(async move { bring_in_step(w, file, &keep).await })
        })
        .await?;
    tell(&written);
    Ok(notes)
}

async fn bring_in_step(w: &mut WriteTx, mut file: SiteFile, keep: &[UserId]) -> StoreResult<Applied> {
    refuse_a_part(w, &file).await?;
    for id in keep {
        // Whoever can make users on the platform must not change who administers rolegate.
        if let Some(user) = read::users::find(w.reading(), id).await? {
            file.users.retain(|other| other.id != id.as_str());
            let site_role = user.site_role.name().to_owned();
            file.users.push(UserEntry { id: id.to_string(), site_role, disabled: !user.enabled });
        }
    }
    let document = aside(move || to_yaml(&file).and_then(Document::parse)).await?;
    let document = document.map_err(StoreError::NotOurs)?;
    apply(w, document, Options { prune: true, report: true, keep_unknown: true }).await
}

/// A key that has lost its rights is shown less and less, and not refused: what it does not see must not be deleted.
async fn refuse_a_part(w: &mut WriteTx, file: &SiteFile) -> StoreResult<()> {
    let before = load::size(w.reading()).await?;
    let projects = file.groups.iter().map(|group| group.projects.len() as u64).sum();
    for (what, held, found) in
        [("users", before.users, file.users.len() as u64), ("projects", before.projects, projects)]
    {
        if held >= MANY && found < held / 2 {
            let part = format!(
                "the platform tells of {found} {what}, and {held} are known: taken for a part, and left alone; if it is so, \
                 run `rolegate import flywheel --prune`"
            );
            return Err(StoreError::NotOurs(part).into());
        }
    }
    Ok(())
}

fn tell(written: &Written<Applied>) {
    let applied = &written.value;
    if applied.steps.is_empty() {
        return;
    }
    for step in &applied.steps {
        let (verb, object, detail) = (step.verb(), step.object(), step.detail());
        tracing::info!(verb, object, detail, "changed as the platform did");
    }
    for AccessChange { user, place, gained, lost, superuser } in applied.access_changes.iter().take(MOST_TOLD)
    {
        let (gained, lost) = (gained.join(", "), lost.join(", "));
        tracing::info!(%user, ?place, gained, lost, superuser, "access has changed");
    }
    let (changes, accesses) = (applied.steps.len(), applied.access_changes.len());
    tracing::info!(changes, accesses, token = %written.token, "in step with the platform");
}

/// Nobody watches.
struct Silent;

impl Progress for Silent {
    fn begins(&mut self, _: &'static str) {}

    fn read(&mut self, _: usize) {}

    fn kept(&mut self, _: &str) -> Option<String> {
        None
    }

    fn keep(&mut self, _: &str, _: &str) {}
}
