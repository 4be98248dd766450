//! What one user holds, at every level.

use super::{
    level::{GroupRole, SiteRole},
    mark::{self, Marked},
    mask::ActionMask,
    role::{ProjectGrant, RoleTable},
    text::{GroupId, ProjectId, RoleId, UserId},
};
use std::{collections::HashSet, sync::Arc};
use triomphe::ThinArc;

/// Everything one user holds: the unit that is loaded, cached and decided on. Clones share it.
///
/// All of it is in one piece of memory, but for texts and for what most users have in common: every other piece is a wait.
// INVARIANT: all lists are sorted and free of duplicates: groups and roles by id, projects by mark, id and role. Look-ups may
// halve them, and who holds the same has equal ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grants(ThinArc<Account, Held>);

/// Who holds, and all that is held but the grants on projects.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Account {
    user: UserId,
    enabled: bool,
    site_role: SiteRole,
    groups: Box<[(GroupId, GroupRole)]>,
    /// The roles that are held on any project.
    roles: RoleList,
}

/// A role, with its mark.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct HeldRole {
    id: RoleId,
    mark: u32,
}

type RoleList = Arc<[HeldRole]>;

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
            return Arc::clone(known);
        }
        let list = RoleList::from(list);
        if list.len() <= Self::LONGEST {
            if self.0.len() >= Self::MOST {
                self.0.clear();
            }
            self.0.insert(Arc::clone(&list));
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

/// Memory comes in lines of 64 bytes, on most processors: of so many, nearly all come with one.
const IN_A_LINE: usize = 64 / size_of::<Held>();
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
        let account = Account { user, enabled, site_role, groups: groups.into(), roles };
        Self(ThinArc::from_header_and_iter(account, held.into_iter()))
    }

    fn account(&self) -> &Account {
        &self.0.header.header
    }

    fn held(&self) -> &[Held] {
        &self.0.slice
    }

    /// The same, held by an enabled user.
    #[must_use]
    pub fn enabled(self) -> Self {
        let account = Account { enabled: true, ..self.account().clone() };
        Self(ThinArc::from_header_and_iter(account, self.held().iter().cloned()))
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

    /// Reads where the roles on this project are likely to be found, and judges nothing. What has been read once is near.
    #[must_use]
    pub fn near(&self, project: Marked<'_>) -> usize {
        let likely = mark::likely(self.held(), project.mark());
        likely.iter().step_by(IN_A_LINE).fold(0, |all, held| all ^ held.mark as usize)
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
                    roles: &self.account().roles,
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
        &self.account().groups
    }

    /// All project grants, those on one project beside each other; otherwise in no order that means anything.
    pub fn projects(&self) -> impl Iterator<Item = (&ProjectId, &RoleId)> {
        let role = |held: &Held| self.account().roles.get(held.role as usize);
        self.held().iter().filter_map(move |held| Some((&held.project, &role(held)?.id)))
    }

    /// The roles that are held on any project, each once, by id.
    pub fn roles(&self) -> impl Iterator<Item = &RoleId> {
        self.account().roles.iter().map(|role| &role.id)
    }

    /// How many share the list of these roles, whoever remembers it for others included: its memory is theirs together.
    #[must_use]
    pub fn holders_of_roles(&self) -> usize {
        Arc::strong_count(&self.account().roles)
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
        assert!(Arc::ptr_eq(&ann.account().roles, &ben.account().roles));
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
