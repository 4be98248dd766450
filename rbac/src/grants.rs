//! What one user holds, at every level.

use super::{
    level::{GroupRole, SiteRole},
    mark::{self, Marked},
    mask::ActionMask,
    note::Note,
    role::{ProjectGrant, RoleTable},
    text::{GroupId, ProjectId, RoleId, UserId},
};
use std::{
    borrow::Borrow,
    collections::HashSet,
    hash::{Hash, Hasher},
};
use triomphe::{Arc, ThinArc};

/// Memory comes in lines of so many bytes, on most processors.
const LINE: usize = 64;

/// Everything one user holds: the unit that is loaded, cached and decided on. Clones share it.
///
/// All of it is in one piece of memory, but for texts and for what most users have in common: every other piece is a wait.
// INVARIANT: all lists are sorted and free of duplicates: groups and roles by id, projects by mark, id and role. Look-ups may
// halve them, and who holds the same has equal ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grants(ThinArc<Account, Held>);

/// Who holds, and all that is held but the grants on projects. In this order, so that whatever finding it takes is in the first
/// line of memory.
#[repr(C)]
#[derive(Debug)]
struct Account {
    start: Start,
    enabled: bool,
    site_role: SiteRole,
    note: Note,
    /// The roles that are held on any project.
    roles: RoleList,
    user: UserId,
    /// Behind one word: a plain question about a project looks at none of them.
    groups: Option<ThinArc<(), (GroupId, GroupRole)>>,
}

// A count of those who share it stands before it.
const _: () = assert!(size_of::<usize>() + std::mem::offset_of!(Account, roles) <= LINE);

impl Account {
    /// The same, with a blank note.
    fn copied(&self) -> Self {
        let Self { start, enabled, site_role, note: _, roles, user, groups } = self;
        Self {
            start: *start,
            enabled: *enabled,
            site_role: *site_role,
            note: Note::default(),
            roles: roles.clone(),
            user: user.clone(),
            groups: groups.clone(),
        }
    }
}

impl PartialEq for Account {
    fn eq(&self, other: &Self) -> bool {
        let Self { start: _, enabled, site_role, note: _, roles, user, groups } = self;
        *user == other.user
            && (*enabled, *site_role) == (other.enabled, other.site_role)
            && (roles, groups) == (&other.roles, &other.groups)
    }
}

impl Eq for Account {}

/// How a text starts, and how long it is: most ids are told by that alone, without a look at their texts, which lie elsewhere.
#[derive(Clone, Copy, Debug)]
struct Start {
    /// In bytes, as far as that can be said.
    length: u8,
    bytes: [u8; Self::BYTES],
}

impl Start {
    /// Most e-mail addresses are not longer, and there is no room for more in a line of memory.
    const BYTES: usize = 37;

    fn of(text: &str) -> Self {
        let mut bytes = [0; Self::BYTES];
        bytes.iter_mut().zip(text.bytes()).for_each(|(place, byte)| *place = byte);
        Self { length: Self::length(text), bytes }
    }

    fn length(text: &str) -> u8 {
        u8::try_from(text.len()).unwrap_or(u8::MAX)
    }

    /// Whether the text starts so and is as long. If it is short enough, nothing else does.
    fn is_of(&self, text: &str) -> bool {
        let count = text.len().min(Self::BYTES);
        self.length == Self::length(text) && self.bytes.get(..count) == text.as_bytes().get(..count)
    }
}

/// A role, with its mark.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct HeldRole {
    id: RoleId,
    mark: u32,
}

/// Roles, shared by whoever holds the same.
#[derive(Clone, Debug, PartialEq, Eq)]
struct RoleList(ThinArc<(), HeldRole>);

impl RoleList {
    fn roles(&self) -> &[HeldRole] {
        &self.0.slice
    }
}

impl Borrow<[HeldRole]> for RoleList {
    fn borrow(&self) -> &[HeldRole] {
        self.roles()
    }
}

impl Hash for RoleList {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.roles().hash(state);
    }
}

/// The lists of roles that users hold, each once: most users hold one of a few, and a list that many share is near.
#[derive(Debug, Default)]
pub struct RoleLists(HashSet<RoleList>);

impl RoleLists {
    /// So many are remembered. What is forgotten then is not shared with what comes later.
    const MOST: usize = 4_096;
    /// A list that is longer is hardly anyone else's.
    const LONGEST: usize = 8;

    fn shared(&mut self, list: Vec<HeldRole>) -> RoleList {
        if let Some(known) = self.0.get(&*list) {
            return known.clone();
        }
        let list = RoleList(ThinArc::from_header_and_iter((), list.into_iter()));
        if list.roles().len() <= Self::LONGEST {
            if self.0.len() >= Self::MOST {
                self.0.clear();
            }
            self.0.insert(list.clone());
        }
        list
    }
}

/// A role that is held on a project. All that finding it takes is in one place, for every other place is a wait for memory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    /// The project's.
    mark: u32,
    project: ProjectId,
    /// The role's place among those of the user.
    role: u32,
}

/// Of so many, nearly all come with one line.
const IN_A_LINE: usize = LINE / size_of::<Held>();
const _: () = assert!(IN_A_LINE > 0);

/// The roles that a user holds on one project; by default none.
#[derive(Clone, Copy, Debug, Default)]
pub struct OnProject<'a> {
    held: &'a [Held],
    /// Those of the user.
    roles: &'a [HeldRole],
}

impl<'a> OnProject<'a> {
    /// Whether there are none: the user is not on the project.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// The roles, by id.
    pub fn roles(&self) -> impl Iterator<Item = &'a RoleId> {
        self.of_user().map(|role| &role.id)
    }

    /// What the roles come to; those that are not in the table, to nothing.
    #[must_use]
    pub fn mask(&self, table: &RoleTable) -> ActionMask {
        let roles = self.of_user().filter_map(|role| table.marked(role.mark, &role.id));
        roles.fold(ActionMask::EMPTY, |mask, role| mask | role.actions.mask())
    }

    fn of_user(&self) -> impl Iterator<Item = &'a HeldRole> {
        let Self { held, roles } = *self;
        held.iter().filter_map(move |held| roles.get(held.role as usize))
    }
}

impl Grants {
    /// What anyone takes, in bytes, beside the text of the user's id: two counts, and what is not in lists.
    pub const BYTES: usize = 2 * size_of::<usize>() + size_of::<Account>();
    /// What anyone takes who has a role in any group, in bytes, beside that.
    pub const GROUPS_BYTES: usize = 2 * size_of::<usize>();
    /// What a project grant takes, in bytes, beside the text of the project's id.
    pub const GRANT_BYTES: usize = size_of::<Held>();
    /// What one of many roles takes, in bytes, beside the text of its id.
    pub const ROLE_BYTES: usize = size_of::<HeldRole>();

    /// What a user holds, from lists in any order.
    #[must_use]
    pub fn new(
        user: UserId,
        enabled: bool,
        site_role: SiteRole,
        groups: Vec<(GroupId, GroupRole)>,
        projects: Vec<ProjectGrant>,
    ) -> Self {
        Self::sharing(user, enabled, site_role, groups, projects, &mut RoleLists::default())
    }

    /// The same, sharing its list of roles with others who hold the same ones.
    #[must_use]
    pub fn sharing(
        user: UserId,
        enabled: bool,
        site_role: SiteRole,
        mut groups: Vec<(GroupId, GroupRole)>,
        projects: Vec<ProjectGrant>,
        lists: &mut RoleLists,
    ) -> Self {
        groups.sort();
        groups.dedup_by(|a, b| a.0 == b.0);
        let mut roles: Vec<_> = projects.iter().map(|grant| &grant.role).collect();
        roles.sort_unstable();
        roles.dedup();
        let roles: Vec<_> = roles.into_iter().cloned().collect();
        let held = projects.into_iter().filter_map(|ProjectGrant { project, role }| {
            let role = u32::try_from(roles.binary_search(&role).ok()?).ok()?;
            Some(Held { mark: mark::of(project.as_str()), project, role })
        });
        let mut held: Vec<_> = held.collect();
        held.sort_unstable();
        held.dedup();
        let roles = roles.into_iter().map(|id| HeldRole { mark: mark::of(id.as_str()), id });
        let roles = lists.shared(roles.collect());
        let groups = (!groups.is_empty()).then(|| ThinArc::from_header_and_iter((), groups.into_iter()));
        let (start, note) = (Start::of(user.as_str()), Note::default());
        let account = Account { start, enabled, site_role, note, roles, user, groups };
        Self(ThinArc::from_header_and_iter(account, held.into_iter()))
    }

    fn account(&self) -> &Account {
        &self.0.header.header
    }

    fn held(&self) -> &[Held] {
        &self.0.slice
    }

    /// The same with another account, whose note is blank to begin with: in this piece of memory if nobody else holds it.
    fn changed(mut self, change: impl FnOnce(&mut Account)) -> Self {
        let unchanged = self.0.with_arc_mut(|piece| match Arc::get_mut(piece) {
            Some(piece) => {
                let account = piece.header_mut();
                account.note = Note::default();
                change(account);
                None
            }
            None => Some(change),
        });
        let Some(change) = unchanged else { return self };
        let mut account = self.account().copied();
        change(&mut account);
        Self(ThinArc::from_header_and_iter(account, self.held().iter().cloned()))
    }

    /// The same, held by an enabled user.
    #[must_use]
    pub fn enabled(self) -> Self {
        self.changed(|account| account.enabled = true)
    }

    /// The same with a note of whoever keeps them. Whoever shares them already sees nothing of it.
    #[must_use]
    pub fn noted(self, note: Note) -> Self {
        self.changed(|account| account.note = note)
    }

    /// The note of whoever keeps them.
    #[must_use]
    pub fn note(&self) -> &Note {
        &self.account().note
    }

    /// Whether they are this user's: mostly without a look at the text of the id.
    #[must_use]
    pub fn are_of(&self, user: &str) -> bool {
        let Account { start, user: own, .. } = self.account();
        start.is_of(user) && (user.len() <= Start::BYTES || own.as_str() == user)
    }

    /// Whose they are.
    #[must_use]
    pub fn user(&self) -> &UserId {
        &self.account().user
    }

    /// Whether the user is enabled; a disabled one is denied everything.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.account().enabled
    }

    /// The user's one site role.
    #[must_use]
    pub fn site_role(&self) -> SiteRole {
        self.account().site_role
    }

    /// Whether the user may do everything, everywhere: an enabled site admin.
    #[must_use]
    pub fn is_superuser(&self) -> bool {
        self.is_enabled() && matches!(self.site_role(), SiteRole::SiteAdmin)
    }

    /// The user's role in a group.
    #[must_use]
    pub fn group_role(&self, group: &GroupId) -> Option<GroupRole> {
        let at = self.groups().binary_search_by(|(held, _)| held.cmp(group)).ok()?;
        self.groups().get(at).map(|(_, role)| *role)
    }

    /// The user's roles on a project; none when the user is not on it.
    #[must_use]
    pub fn on_project(&self, project: &str) -> OnProject<'_> {
        self.on_marked(Marked::of(project))
    }

    /// Reads whose they are, and where the roles on this project are likely to be found, and judges nothing. What has been read
    /// once is near.
    // The texts of long ids are left out: with a choice whether to read them, all batches among many users took a tenth more time.
    #[must_use]
    pub fn near(&self, project: Marked<'_>) -> usize {
        let (whose, likely) = (&self.account().start, mark::likely(self.held(), project.mark()));
        likely.iter().step_by(IN_A_LINE).fold(whose.length.into(), |all, held| all ^ held.mark as usize)
    }

    /// The same as [`on_project`](Self::on_project) where the project's mark is known already.
    #[must_use]
    pub fn on_marked(&self, project: Marked<'_>) -> OnProject<'_> {
        let (project, mark) = (project.text(), project.mark());
        let all = self.held();
        let mut held = all.get(mark::first(all, mark, |held| held.mark)..);
        // Other projects may bear the same mark. Grants on one project stand beside each other.
        while let Some([one, after @ ..]) = held
            && one.mark == mark
        {
            if one.project.as_str() == project {
                let is_same = |next: &&Held| next.mark == mark && next.project == one.project;
                let count = 1 + after.iter().take_while(is_same).count();
                return OnProject {
                    held: held.and_then(|held| held.get(..count)).unwrap_or_default(),
                    roles: self.account().roles.roles(),
                };
            }
            held = Some(after);
        }
        OnProject::default()
    }

    /// What the user's roles on a project come to.
    #[must_use]
    pub fn project_mask(&self, project: &ProjectId, roles: &RoleTable) -> ActionMask {
        self.on_project(project.as_str()).mask(roles)
    }

    /// All group roles, by group.
    #[must_use]
    pub fn groups(&self) -> &[(GroupId, GroupRole)] {
        self.account().groups.as_ref().map_or(&[], |groups| &groups.slice)
    }

    /// All project grants, those on one project beside each other; otherwise in no order that means anything.
    pub fn projects(&self) -> impl Iterator<Item = (&ProjectId, &RoleId)> {
        let role = |held: &Held| self.account().roles.roles().get(held.role as usize);
        self.held().iter().filter_map(move |held| Some((&held.project, &role(held)?.id)))
    }

    /// The roles that are held on any project, each once, by id.
    pub fn roles(&self) -> impl Iterator<Item = &RoleId> {
        self.account().roles.roles().iter().map(|role| &role.id)
    }

    /// How many share the list of these roles, whoever remembers it for others included: its memory is theirs together.
    #[must_use]
    pub fn holders_of_roles(&self) -> usize {
        ThinArc::strong_count(&self.account().roles.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        action::Action,
        role::{Role, RoleActions},
        text::Label,
    };
    use std::collections::HashMap;

    fn grants(held: &[(&str, &str)]) -> Grants {
        let grant = |(project, role): &(&str, &str)| ProjectGrant {
            project: ProjectId::parse(project).unwrap(),
            role: RoleId::parse(role).unwrap(),
        };
        let projects = held.iter().map(grant).collect();
        Grants::new(UserId::parse("ann").unwrap(), true, SiteRole::User, Vec::new(), projects)
    }

    fn roles_on<'a>(grants: &'a Grants, project: &str) -> Vec<&'a str> {
        grants.on_project(project).roles().map(RoleId::as_str).collect()
    }

    /// Two ids of the same mark.
    fn alike() -> (String, String) {
        let mut marked = HashMap::new();
        let ids = (0..).map(|n| format!("p{n}"));
        ids.into_iter().find_map(|id| Some((marked.insert(mark::of(&id), id.clone())?, id))).unwrap()
    }

    #[test]
    fn projects_whose_marks_are_equal_are_told_apart() {
        let (one, other) = alike();
        assert_eq!(mark::of(&one), mark::of(&other));
        let only_one = grants(&[(&one, "ro")]);
        assert_eq!((roles_on(&only_one, &one), roles_on(&only_one, &other)), (vec!["ro"], vec![]));
        let both = grants(&[(&other, "rw"), (&one, "ro"), (&other, "admin"), ("p", "admin")]);
        assert_eq!((roles_on(&both, &one), roles_on(&both, &other)), (vec!["ro"], vec!["admin", "rw"]));
    }

    #[test]
    fn a_role_whose_mark_is_that_of_another_grants_what_it_holds_itself() {
        let (one, other) = alike();
        let role = |id: &str, action| Role {
            id: RoleId::parse(id).unwrap(),
            label: Label::parse(id).unwrap(),
            actions: RoleActions::from_names([action]),
            built_in: false,
        };
        let mask = |held: &Grants, roles: &RoleTable| held.on_project("p").mask(roles);
        let held = grants(&[("p", &one)]);
        let roles = RoleTable::with_custom([role(&one, "tags_view"), role(&other, "files_download")]);
        assert_eq!(mask(&held, &roles), ActionMask::of(&[Action::TagsView]));
        let without = RoleTable::with_custom([role(&other, "files_download")]);
        assert!(mask(&held, &without).is_empty());
    }

    #[test]
    fn who_holds_the_same_roles_shares_their_list_and_nobody_else_does() {
        let mut lists = RoleLists::default();
        let mut held = |user: &str, roles: &[String]| {
            let grant = |role: &String| ProjectGrant {
                project: ProjectId::parse("p").unwrap(),
                role: RoleId::parse(role).unwrap(),
            };
            let (user, projects) = (UserId::parse(user).unwrap(), roles.iter().map(grant).collect());
            Grants::sharing(user, true, SiteRole::User, Vec::new(), projects, &mut lists)
        };
        let roles: Vec<_> = (0..20).map(|n| format!("r{n}")).collect();
        let (ann, ben, eve) = (held("ann", &roles[..2]), held("ben", &roles[..2]), held("eve", &roles[1..3]));
        assert!(std::ptr::eq(ann.account().roles.roles(), ben.account().roles.roles()));
        assert_eq!((roles_on(&ben, "p"), roles_on(&eve, "p")), (vec!["r0", "r1"], vec!["r1", "r2"]));
        assert_eq!((ben.holders_of_roles(), eve.holders_of_roles()), (3, 2), "the lists' own share counts");
        // A long list is its user's own; and however many there are, only so many are remembered.
        assert_eq!(held("joe", &roles).holders_of_roles(), 1);
        for n in 0..2 * RoleLists::MOST {
            let _ = held("joe", &[format!("only{n}")]);
        }
        assert!(lists.0.len() <= RoleLists::MOST, "{}", lists.0.len());
        assert_eq!(roles_on(&ann, "p"), ["r0", "r1"]);
    }

    #[test]
    fn grants_are_of_the_user_whose_id_is_the_same_to_its_last_byte() {
        let ids = ["a", "ann", "ann@site.example", "ä"].map(str::to_owned).into_iter();
        let long = (35..41).chain([254, 255, 256]).flat_map(|length| {
            // Alike but for where they differ: at the start, at the end, and where what is kept beside the grants ends.
            [0, 36, 37, length - 1].map(|at| {
                let id = (0..length).map(|place| if place == at { 'b' } else { 'a' });
                id.collect::<String>()
            })
        });
        let mut ids: Vec<_> = ids.chain(long).chain((35..41).map(|length| "a".repeat(length))).collect();
        ids.sort_unstable();
        ids.dedup();
        for id in &ids {
            let held = Grants::new(UserId::parse(id).unwrap(), true, SiteRole::User, Vec::new(), Vec::new());
            for other in ids.iter().map(String::as_str).chain([""]) {
                assert_eq!(held.are_of(other), id == other, "{id} and {other}");
            }
        }
    }

    #[test]
    fn a_note_is_seen_by_whoever_notes_and_by_nobody_who_shared_the_grants_before() {
        let held = grants(&[("p", "ro"), ("q", "rw")]);
        let noted = held.clone().noted(Note::new(5, 7));
        assert_eq!((noted.note().as_of(), noted.note().weight(), held.note().as_of()), (5, 7, 0));
        assert_eq!(noted, held, "a note is nothing that is held");
        // Of grants that nobody shares, nothing is copied.
        let place = std::ptr::from_ref(noted.note());
        let noted = noted.noted(Note::new(6, 7));
        assert_eq!((noted.note().as_of(), std::ptr::from_ref(noted.note())), (6, place));
        // What is changed is not what was read.
        let (shared, own) = (noted.clone().enabled(), noted.enabled());
        assert_eq!((shared.note().as_of(), own.note().as_of()), (0, 0));
    }

    #[test]
    fn any_number_of_roles_may_be_held_and_each_is_found() {
        let ids: Vec<_> = (0..9).map(|n| format!("r{n}")).collect();
        for most in 0..ids.len() {
            let held: Vec<_> = ids.iter().take(most).map(|id| ("p", id.as_str())).collect();
            let grants = grants(&held);
            assert_eq!(roles_on(&grants, "p"), ids[..most]);
            assert_eq!(grants.roles().count(), most);
            assert!(grants.projects().map(|(_, role)| role.as_str()).eq(ids.iter().take(most)));
        }
    }
}
