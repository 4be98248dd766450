//! Corners that no site file can describe.

use rolegate::rbac::{
    action::{Action, ActionName},
    decide::{Facts, Reason, decide},
    explain::{EffectiveActions, effective_actions, granting_roles},
    grants::Grants,
    impact::impact,
    level::{GroupAction, GroupRole, SiteAction, SiteRole},
    mask::ActionMask,
    question::{GroupAsk, ProjectAsk, Question, Resource},
    role::{ProjectGrant, RoleTable},
    text::{GroupId, Label, ProjectId, RoleId, UserId},
    world::{World, WorldGroup, WorldProject, WorldUser},
};
use std::collections::{BTreeMap, BTreeSet};

fn user() -> UserId {
    UserId::parse("ann").unwrap()
}

fn scans() -> ProjectId {
    ProjectId::parse("scans").unwrap()
}

fn neuro() -> GroupId {
    GroupId::parse("neuro").unwrap()
}

fn view_tags() -> Question {
    Question::Project(scans(), ProjectAsk::Action(ActionName::Current(Action::TagsView)))
}

#[test]
fn facts_that_know_nothing_deny_everything() {
    let on_group = Question::Group(neuro(), GroupAsk::ProjectCreate);
    for question in [Question::Site(SiteAction::UsersManage), on_group, view_tags()] {
        let roles = RoleTable::with_custom([]);
        let decision = decide(&question, &roles, &Facts::default());
        assert_eq!((decision.is_allowed(), decision.reason()), (false, Reason::UnknownUser));
        assert!(granting_roles(&question, &roles, &Facts::default()).is_empty());
    }
}

#[test]
fn a_role_that_is_not_in_the_table_grants_nothing_and_is_a_role_all_the_same() {
    let gone = ProjectGrant { project: scans(), role: RoleId::parse("gone").unwrap() };
    let grants = Grants::new(user(), true, SiteRole::User, Vec::new(), vec![gone]);
    let group = neuro();
    let facts = Facts { user: Some(&grants), group_of_project: Some(&group), ..Facts::default() };
    let decision = decide(&view_tags(), &RoleTable::with_custom([]), &facts);
    assert_eq!(decision.reason(), Reason::LackingAction);
    assert!(decision.missing().names().eq(["tags_view"]));
}

#[test]
fn effective_actions_of_unknown_places_are_none_for_site_admins_too() {
    let grants = Grants::new(user(), true, SiteRole::SiteAdmin, Vec::new(), Vec::new());
    let facts = Facts { user: Some(&grants), ..Facts::default() };
    let roles = RoleTable::with_custom([]);
    let at = |resource| effective_actions(&resource, &roles, &facts);
    assert_eq!(at(Resource::Project(scans())), EffectiveActions::Project(ActionMask::EMPTY));
    assert_eq!(at(Resource::Group(neuro())), EffectiveActions::Group(Vec::new()));
    assert_eq!(at(Resource::Site), EffectiveActions::Site(SiteAction::ALL.to_vec()));
}

#[test]
fn grants_of_any_order_are_found() {
    let projects = ["m", "a", "z", "mm", "k"];
    let grant = |id: &str, role| ProjectGrant {
        project: ProjectId::parse(id).unwrap(),
        role: RoleId::parse(role).unwrap(),
    };
    let listed = projects.iter().flat_map(|id| [grant(id, "rw"), grant(id, "ro"), grant(id, "rw")]).collect();
    let groups = ["z", "b", "q"].map(|id| (GroupId::parse(id).unwrap(), GroupRole::ReadOnly)).to_vec();
    let grants = Grants::new(user(), true, SiteRole::User, groups, listed);
    for id in projects {
        let roles: Vec<_> = grants.on_project(id).roles().map(RoleId::as_str).collect();
        assert_eq!(roles, ["ro", "rw"]);
    }
    for (id, role) in [("b", Some(GroupRole::ReadOnly)), ("q", Some(GroupRole::ReadOnly)), ("c", None)] {
        assert_eq!(grants.group_role(&GroupId::parse(id).unwrap()), role);
    }
    assert!(grants.on_project("l").is_empty());
    assert_eq!(grants.projects().count(), 10);
    assert_eq!(grants.roles().count(), 2);
}

#[test]
fn impact_lists_users_by_id_each_with_site_then_groups_then_projects() {
    let users = ["zoe", "ann"].map(|id| UserId::parse(id).unwrap());
    let plain = WorldUser { site_role: SiteRole::User, enabled: true };
    let before = World { users: users.clone().map(|id| (id, plain.clone())).into(), ..World::default() };
    let role = BTreeSet::from([RoleId::parse("ro").unwrap()]);
    let after = World {
        users: users
            .clone()
            .map(|id| (id, WorldUser { site_role: SiteRole::Developer, enabled: true }))
            .into(),
        groups: BTreeMap::from([(
            neuro(),
            WorldGroup {
                label: Label::parse("Neuro").unwrap(),
                members: users.clone().map(|id| (id, GroupRole::ReadOnly)).into(),
                offers: BTreeSet::new(),
                template: BTreeMap::new(),
            },
        )]),
        projects: BTreeMap::from([(
            scans(),
            WorldProject {
                group: neuro(),
                label: Label::parse("Scans").unwrap(),
                permissions: users.clone().map(|id| (id, role.clone())).into(),
            },
        )]),
        ..World::default()
    };
    let changes = impact(&before, &after);
    let order: Vec<_> =
        changes.iter().map(|change| (change.user.to_string(), change.place.clone())).collect();
    let places = [Resource::Site, Resource::Group(neuro()), Resource::Project(scans())];
    let expected =
        ["ann", "zoe"].into_iter().flat_map(|id| places.clone().map(|place| (id.to_owned(), place)));
    assert!(order.into_iter().eq(expected));
    assert_eq!(changes[0].gained, ["gears_upload", "gears_restrict"]);
    assert_eq!(changes[1].gained.len(), GroupAction::ALL.len() - 6);
}

#[test]
fn only_an_enabled_site_admin_is_a_superuser() {
    for role in SiteRole::ALL {
        for enabled in [true, false] {
            let grants = Grants::new(user(), enabled, *role, Vec::new(), Vec::new());
            assert_eq!(grants.is_superuser(), enabled && *role == SiteRole::SiteAdmin, "{role:?} {enabled}");
        }
    }
}
