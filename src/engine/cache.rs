//! The four kinds of things that decisions look up, each in a fenced cache of its own.

use super::{Settings, fenced::Fenced};
use crate::{
    rbac::{
        gear::GearAccess,
        grants::Grants,
        role::ProjectGrant,
        text::{GearName, GroupId, ProjectId, UserId},
    },
    store::{
        change::{Change, Subject},
        load::Everything,
    },
};
use std::{mem::size_of, sync::Arc};

/// What is held of one epoch's history.
pub(super) struct Cache {
    pub(super) users: Fenced<UserId, Arc<Grants>>,
    pub(super) projects: Fenced<ProjectId, GroupId>,
    pub(super) groups: Fenced<GroupId, ()>,
    pub(super) gears: Fenced<GearName, Arc<GearAccess>>,
}

/// What an entry costs beside its contents: the cache's own bookkeeping, and allocation headers.
const ENTRY_OVERHEAD: usize = 200;
/// What an id costs that is not shared: its text and the counters in front of it.
const ID_OVERHEAD: usize = 24;
/// How many bytes a thing takes on average, to judge whether a whole site fits before it is loaded.
const USUAL_BYTES: u64 = 150;

impl Cache {
    /// An empty cache. Grants get most of the room: the other kinds are small.
    pub(super) fn new(settings: &Settings) -> Self {
        let (grants, rest, absent) =
            (settings.cache_bytes / 4 * 3, settings.cache_bytes / 12, settings.absent_entries);
        Self {
            users: Fenced::new(grants, absent, |id, grants| {
                ENTRY_OVERHEAD + id.as_str().len() + weight(grants)
            }),
            projects: Fenced::new(rest, absent, |id, group| {
                ENTRY_OVERHEAD + id.as_str().len() + group.as_str().len() + ID_OVERHEAD
            }),
            groups: Fenced::new(rest, absent, |id, ()| ENTRY_OVERHEAD + id.as_str().len()),
            gears: Fenced::new(rest, absent, |name, gear| {
                ENTRY_OVERHEAD + name.as_str().len() + gear_weight(gear)
            }),
        }
    }

    /// Whether so many things are likely to fit.
    pub(super) fn fits(settings: &Settings, things: u64) -> bool {
        things.saturating_mul(USUAL_BYTES) <= settings.cache_bytes
    }

    /// Fills the cache with everything there is at a revision.
    pub(super) async fn fill(&mut self, revision: u64, everything: Everything) {
        let users = everything.users.into_iter().map(|grants| (grants.user().clone(), Arc::new(grants)));
        self.users.fill(revision, users.collect()).await;
        self.projects.fill(revision, everything.projects).await;
        self.groups.fill(revision, everything.groups.into_iter().map(|group| (group, ())).collect()).await;
        let gears = everything.gears.into_iter().map(|(name, gear)| (name, Arc::new(gear)));
        self.gears.fill(revision, gears.collect()).await;
    }

    /// Raises the fences of everything that a change names. Roles are no entries: their table is replaced whole.
    pub(super) fn raise_fences(&self, change: &Change) {
        for subject in &change.subjects {
            match subject {
                Subject::User(id) => self.users.raise(id, change.revision),
                Subject::Project(id) => self.projects.raise(id, change.revision),
                Subject::Group(id) => self.groups.raise(id, change.revision),
                Subject::Gear(name) => self.gears.raise(name, change.revision),
                Subject::Role(_) => {}
            }
        }
    }
}

fn weight(grants: &Grants) -> usize {
    let groups = grants
        .groups()
        .iter()
        .map(|(group, _)| size_of::<(GroupId, u8)>() + ID_OVERHEAD + group.as_str().len());
    let projects = grants
        .projects()
        .iter()
        .map(|grant| size_of::<ProjectGrant>() + ID_OVERHEAD + grant.project.as_str().len());
    size_of::<Grants>() + groups.sum::<usize>() + projects.sum::<usize>()
}

fn gear_weight(gear: &GearAccess) -> usize {
    match gear {
        GearAccess::Open => 0,
        GearAccess::Restricted { projects, users } => {
            let projects = projects.iter().map(|id| id.as_str().len());
            projects
                .chain(users.iter().map(|id| id.as_str().len()))
                .map(|length| length + 2 * ID_OVERHEAD)
                .sum()
        }
    }
}
