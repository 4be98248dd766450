//! The four kinds of things that decisions look up, each in a fenced cache of its own.

use super::{
    Settings,
    error::EngineError,
    fenced::Fenced,
    lineage::{Forked, Lineage},
    piece::{Kept, Piece},
    stats::Count,
};
use rolegate_rbac::{
    gear::GearAccess,
    grants::Grants,
    text::{GearName, GroupId, ProjectId, UserId},
};
use rolegate_store::{
    change::{Change, Subject},
    load::{Everything, Size},
    revision::Head,
};
use std::{
    borrow::Borrow as _,
    mem::size_of,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The kinds of things that are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Users, with what they hold.
    User,
    /// Projects, with their groups.
    Project,
    /// Groups.
    Group,
    /// Gears, with whom they are open to.
    Gear,
}

impl Kind {
    /// All of them, in their order.
    pub const ALL: [Self; 4] = [Self::User, Self::Project, Self::Group, Self::Gear];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Project => "project",
            Self::Group => "group",
            Self::Gear => "gear",
        }
    }
}

type Project = Kept<ProjectId, GroupId>;
type Group = Kept<GroupId, ()>;
type Gear = Kept<GearName, Arc<GearAccess>>;

/// What is held of one epoch's history.
pub(super) struct Cache {
    pub(super) users: Fenced<Grants>,
    pub(super) projects: Fenced<Project>,
    pub(super) groups: Fenced<Group>,
    pub(super) gears: Fenced<Gear>,
    /// The history that all of it was read from.
    lineage: Mutex<Lineage>,
}

/// What the text of an id costs beside its letters: counters in front of it, and what the allocator takes.
const ID_OVERHEAD: usize = 24;
/// What an entry, and a grant within one, usually take: to judge whether a whole site fits before it is loaded.
const USUAL_ENTRY: u64 = 192;
const USUAL_GRANT: u64 = 24;

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
    /// An empty cache for views from here on.
    pub(super) fn new(settings: &Settings, head: Head, evictions: [Arc<Count>; Kind::ALL.len()]) -> Self {
        let (room, absent) = (Room::of(settings.cache_bytes), settings.absent_entries);
        let [users, projects, groups, gears] = evictions;
        let since = head.revision;
        Self {
            users: Fenced::new(room.users, absent, since, users, user_weight),
            projects: Fenced::new(room.projects, absent, since, projects, project_weight),
            groups: Fenced::new(room.others, absent, since, groups, group_weight),
            gears: Fenced::new(room.others, absent, since, gears, gear_weight),
            lineage: Mutex::new(Lineage::since(head)),
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
    pub(super) fn fill(&mut self, revision: u64, everything: Everything) {
        self.users.fill(revision, everything.users.into_iter().map(|grants| (grants.user().clone(), grants)));
        self.projects.fill(revision, everything.projects);
        self.groups.fill(revision, everything.groups.into_iter().map(|group| (group, ())));
        self.gears.fill(revision, everything.gears.into_iter().map(|(name, gear)| (name, Arc::new(gear))));
    }

    /// A load reads the store here. Say so before what it read is held.
    ///
    /// # Errors
    /// What it read must not be held.
    pub(super) fn saw(&self, head: Head) -> Result<(), EngineError> {
        self.lineage().saw(head)
    }

    /// The view is about to move along these changes. Say so before fences are raised.
    ///
    /// # Errors
    /// What is held is of another history.
    pub(super) fn apply(&self, changes: &[Change]) -> Result<(), Forked> {
        self.lineage().apply(changes)
    }

    fn lineage(&self) -> MutexGuard<'_, Lineage> {
        self.lineage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What everything held weighs.
    pub(super) fn bytes(&self) -> u64 {
        self.users.bytes() + self.projects.bytes() + self.groups.bytes() + self.gears.bytes()
    }

    /// How many things of each kind are held.
    pub(super) fn entries(&self) -> [(Kind, usize); Kind::ALL.len()] {
        [
            (Kind::User, self.users.entries()),
            (Kind::Project, self.projects.entries()),
            (Kind::Group, self.groups.entries()),
            (Kind::Gear, self.gears.entries()),
        ]
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

/// What a thing weighs beside what is told of it: the text of its key, and its place in the table, with a byte of its hash and the
/// room that tables leave free, which is about as much again where there is most of it.
fn entry_weight<P: Piece>(key: &P::Key) -> usize {
    text_weight(key.borrow()) + 2 * (size_of::<P>() + 1)
}

const fn text_weight(text: &str) -> usize {
    text.len() + ID_OVERHEAD
}

/// Many users' grants share the texts of their ids, and lists of roles: each pays its share, as things are when it is taken in.
fn user_weight(id: &UserId, grants: &Grants) -> usize {
    let in_groups = if grants.groups().is_empty() { 0 } else { Grants::GROUPS_BYTES };
    let groups = grants
        .groups()
        .iter()
        .map(|(group, _)| size_of::<(GroupId, u8)>() + text_weight(group.as_str()) / group.holders());
    let projects = grants
        .projects()
        .map(|(project, _)| Grants::GRANT_BYTES + text_weight(project.as_str()) / project.holders());
    let roles = grants.roles().map(|role| Grants::ROLE_BYTES + text_weight(role.as_str()) / role.holders());
    let lists = in_groups + groups.sum::<usize>() + projects.sum::<usize>();
    let roles = roles.sum::<usize>() / grants.holders_of_roles();
    entry_weight::<Grants>(id) + Grants::BYTES + lists + roles
}

fn project_weight(id: &ProjectId, group: &GroupId) -> usize {
    entry_weight::<Project>(id) + text_weight(group.as_str()) / group.holders()
}

fn group_weight(id: &GroupId, (): &()) -> usize {
    entry_weight::<Group>(id)
}

fn gear_weight(name: &GearName, gear: &Arc<GearAccess>) -> usize {
    let listed = match &**gear {
        GearAccess::Open => 0,
        GearAccess::Restricted { projects, users } => {
            let projects = projects.iter().map(|id| id.as_str());
            let texts = projects.chain(users.iter().map(|id| id.as_str()));
            // In a tree, each has a place that is seldom all used.
            texts.map(|text| text_weight(text) + ID_OVERHEAD).sum()
        }
    };
    entry_weight::<Gear>(name) + size_of::<GearAccess>() + listed
}

#[cfg(test)]
mod tests {
    use super::{super::fenced::Entry, *};
    use futures_util::FutureExt as _;
    use rolegate_rbac::{
        level::{GroupRole, SiteRole},
        role::ProjectGrant,
        text::RoleId,
    };
    use rolegate_store::revision::Epoch;

    fn cache() -> Cache {
        let head = Head { epoch: Epoch::parse(&"07".repeat(16)).unwrap(), revision: 0, stamp: 0 };
        Cache::new(&Settings::default(), head, Default::default())
    }

    /// Texts of 250 bytes, each of another letter.
    fn long(letter: char) -> String {
        letter.to_string().repeat(250)
    }

    #[test]
    fn what_nobody_shares_weighs_all_of_its_texts_even_where_it_is_handed_out() {
        let texts =
            |weight: u64, count: u64| assert!((250 * count..275 * count + 300).contains(&weight), "{weight}");
        let cache = cache();
        let (project, group) = (ProjectId::parse(&long('p')).unwrap(), GroupId::parse(&long('g')).unwrap());
        let load = async || Ok::<_, ()>(Entry { as_of: 0, value: Some(group) });
        let _in_use = cache.projects.load(&project, load).now_or_never().unwrap().unwrap();
        texts(cache.bytes(), 2);
        let before = cache.bytes();
        let load = async || {
            let grant = |project, role| ProjectGrant {
                project: ProjectId::parse(&long(project)).unwrap(),
                role: RoleId::parse(&long(role)).unwrap(),
            };
            let groups = vec![(GroupId::parse(&long('h')).unwrap(), GroupRole::Admin)];
            let user = UserId::parse(&long('u')).unwrap();
            let grants =
                Grants::new(user, true, SiteRole::User, groups, vec![grant('q', 'r'), grant('s', 't')]);
            Ok::<_, ()>(Entry { as_of: 0, value: Some(grants) })
        };
        let user = UserId::parse(&long('u')).unwrap();
        let _in_use = cache.users.load(&user, load).now_or_never().unwrap().unwrap();
        texts(cache.bytes() - before, 6);
    }
}
