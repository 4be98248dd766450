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
        load::{Everything, Size},
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
/// What an entry, and a grant within one, usually take: to judge whether a whole site fits before it is loaded.
const USUAL_ENTRY: u64 = 320;
const USUAL_GRANT: u64 = 90;

/// How the room is shared out: grants need most, projects come next, the rest is small.
struct Room {
    users: u64,
    projects: u64,
    others: u64,
}

impl Room {
    const fn of(bytes: u64) -> Self {
        Self { users: bytes / 8 * 5, projects: bytes / 4, others: bytes / 16 }
    }
}

impl Cache {
    /// An empty cache for views from a revision on.
    pub(super) fn new(settings: &Settings, since: u64) -> Self {
        let (room, absent) = (Room::of(settings.cache_bytes), settings.absent_entries);
        Self {
            users: Fenced::new(room.users, absent, since, |id, grants| {
                ENTRY_OVERHEAD + id.as_str().len() + weight(grants)
            }),
            projects: Fenced::new(room.projects, absent, since, |id, group| {
                ENTRY_OVERHEAD + id.as_str().len() + group.as_str().len() + ID_OVERHEAD
            }),
            groups: Fenced::new(room.others, absent, since, |id, ()| ENTRY_OVERHEAD + id.as_str().len()),
            gears: Fenced::new(room.others, absent, since, |name, gear| {
                ENTRY_OVERHEAD + name.as_str().len() + gear_weight(gear)
            }),
        }
    }

    /// Whether a whole site is likely to fit, by what its things usually take.
    pub(super) fn fits(settings: &Settings, size: &Size) -> bool {
        let room = Room::of(settings.cache_bytes);
        let users = size.users * USUAL_ENTRY + (size.project_grants + size.group_grants) * USUAL_GRANT;
        users <= room.users
            && size.projects * USUAL_ENTRY <= room.projects
            && size.groups * USUAL_ENTRY <= room.others
            && size.gears * USUAL_ENTRY + size.gear_entries * USUAL_GRANT <= room.others
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

    /// What everything held weighs.
    pub(super) fn bytes(&self) -> u64 {
        self.users.bytes() + self.projects.bytes() + self.groups.bytes() + self.gears.bytes()
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
