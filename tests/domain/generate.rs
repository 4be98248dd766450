//! Random sites and questions. Few ids, the same ones for every kind of thing, so that collisions are common.

use super::world_file::{Asked, OperationAsked, Owner, Place, What};
use proptest::{prelude::*, sample};
use rolegate::{
    rbac::{
        action::ActionName,
        level::{GroupAction, SiteAction},
        question::OPERATION_NAMES,
    },
    site::{GearEntry, GroupEntry, ProjectEntry, RestrictionEntry, RoleEntry, SiteFile, UserEntry},
};
use std::collections::BTreeMap;

const IDS: [&str; 3] = ["a", "b", "c"];

/// Actions that operations look at, so that random roles matter to random questions.
const TELLING: [&str; 24] = [
    "files_view_contents",
    "files_download",
    "files_create_bulk",
    "files_create_single",
    "files_create_upload",
    "files_delete_device_data",
    "files_delete_non_device_data",
    "files_move",
    "containers_delete_hierarchy",
    "containers_create_hierarchy",
    "containers_delete_project",
    "copy_by_reference",
    "settings_modify",
    "project_permissions_manage",
    "jobs_manage",
    "jobs_run_cancel",
    "jobs_manage_others",
    "analyses_create_job",
    "annotations_manage",
    "annotations_view_others",
    "annotations_edit_others",
    "annotations_delete_others",
    "form_responses_manage",
    "form_responses_view_others",
];

/// Names that no project role may profit from.
const EMPTY_NAMES: [&str; 4] =
    ["group_projects_create", "group_projects_delete", "users_manage", "action_of_2031"];

fn id() -> impl Strategy<Value = String> {
    sample::select(&IDS[..]).prop_map(str::to_owned)
}

/// An id that may be unknown.
fn any_id() -> impl Strategy<Value = String> {
    prop_oneof![9 => id(), 1 => Just("d".to_owned())]
}

fn project_action() -> impl Strategy<Value = String> {
    let all: Vec<_> = ActionName::all().map(ActionName::name).collect();
    prop_oneof![sample::select(&TELLING[..]), sample::select(all)].prop_map(str::to_owned)
}

fn roles() -> impl Strategy<Value = Vec<RoleEntry>> {
    let actions = || {
        let telling = sample::subsequence(&TELLING[..], 0..=12);
        let others = prop::collection::vec(project_action(), 0..4);
        let empty = sample::subsequence(&EMPTY_NAMES[..], 0..=2);
        (telling, others, empty).prop_map(|(telling, others, empty)| {
            telling.into_iter().chain(empty).map(str::to_owned).chain(others).collect()
        })
    };
    [actions(), actions(), actions()].prop_map(|all: [Vec<String>; 3]| {
        let role = |(id, actions): (&str, _)| RoleEntry {
            id: Some(id.to_owned()),
            label: format!("role {id}"),
            actions,
        };
        IDS.into_iter().zip(all).map(role).collect()
    })
}

fn users() -> impl Strategy<Value = Vec<UserEntry>> {
    let site_role = prop_oneof![
        1 => Just("site_admin"),
        2 => Just("developer"),
        4 => Just("user"),
        1 => sample::select(&["public", "drone", "security_champion"][..]),
    ];
    let user = || prop::option::weighted(0.9, (site_role.clone(), prop::bool::weighted(0.1)));
    [user(), user(), user()].prop_map(|all| {
        let user = |(id, user): (&str, Option<(&str, bool)>)| {
            user.map(|(role, disabled)| UserEntry { id: id.to_owned(), site_role: role.to_owned(), disabled })
        };
        IDS.into_iter().zip(all).filter_map(user).collect()
    })
}

fn members() -> impl Strategy<Value = BTreeMap<String, String>> {
    let role = sample::select(&["admin", "rw", "ro"][..]).prop_map(str::to_owned);
    prop::collection::btree_map(id(), role, 0..3)
}

fn permissions() -> impl Strategy<Value = BTreeMap<String, Vec<String>>> {
    let custom = sample::select(&["a", "b", "c", "role a", "role b", "role c"][..]);
    let role =
        prop_oneof![1 => sample::select(&["admin", "rw", "ro"][..]), 4 => custom].prop_map(str::to_owned);
    prop::collection::btree_map(id(), prop::collection::vec(role, 1..3), 0..4)
}

/// Groups, and each project in one of them or nowhere.
fn groups() -> impl Strategy<Value = Vec<GroupEntry>> {
    let groups = prop::collection::btree_map(id(), members(), 1..=3);
    let project = || (0..4_usize, permissions());
    (groups, [project(), project(), project()]).prop_map(|(groups, projects)| {
        let mut groups: Vec<_> =
            groups.into_iter().map(|(id, members)| GroupEntry { id, members, ..empty_group() }).collect();
        for (id, (at, permissions)) in IDS.into_iter().zip(projects) {
            let entry = ProjectEntry { id: Some(id.to_owned()), label: format!("project {id}"), permissions };
            if let Some(group) = groups.get_mut(at) {
                group.projects.push(entry);
            } else if at < 3 {
                groups[0].projects.push(entry);
            }
        }
        groups
    })
}

fn empty_group() -> GroupEntry {
    GroupEntry {
        id: String::new(),
        label: None,
        offers: Vec::new(),
        members: BTreeMap::new(),
        template: BTreeMap::new(),
        projects: Vec::new(),
    }
}

/// The projects and users that a gear is open to.
type Lists = (Vec<String>, Vec<String>);

/// Access to each gear, if there is such a gear; lists may be empty, and name projects only that there are.
fn gears() -> impl Strategy<Value = Vec<(String, Option<Lists>)>> {
    let list = || sample::subsequence(IDS.map(str::to_owned).to_vec(), 0..=2);
    let gear = || prop::option::weighted(0.9, prop::option::weighted(0.7, (list(), list())));
    [gear(), gear(), gear()].prop_map(|all| {
        IDS.into_iter().zip(all).filter_map(|(id, gear)| Some((id.to_owned(), gear?))).collect()
    })
}

pub(crate) fn site() -> impl Strategy<Value = SiteFile> {
    (roles(), users(), groups(), gears()).prop_map(|(roles, users, groups, gears)| {
        let known = |id: &String| groups.iter().any(|g| g.projects.iter().any(|p| p.id.as_ref() == Some(id)));
        let restricted = |(projects, users): Lists| RestrictionEntry {
            projects: projects.into_iter().filter(known).collect(),
            users,
        };
        let gear = |(name, lists): (_, Option<_>)| GearEntry { name, restricted: lists.map(restricted) };
        let gears = gears.into_iter().map(gear).collect();
        SiteFile { version: 1, roles, users, groups, gears }
    })
}

fn named<T: Copy + std::fmt::Debug + 'static>(
    all: &'static [T],
    name: fn(T) -> &'static str,
) -> impl Strategy<Value = What> {
    sample::select(all).prop_map(move |action| What::Action(name(action).to_owned()))
}

/// A well-formed question, about things that mostly are known.
pub(crate) fn asked() -> impl Strategy<Value = Asked> {
    let at_site = named(SiteAction::ALL, SiteAction::name).prop_map(|what| (Place::Site, what));
    let on_group = (any_id(), named(GroupAction::ALL, GroupAction::name));
    let on_project = (any_id(), project_action());
    let place_and_what = prop_oneof![
        1 => at_site,
        1 => on_group.prop_map(|(id, what)| (Place::Group(id), what)),
        2 => on_project.prop_map(|(id, action)| (Place::Project(id), What::Action(action))),
        8 => operation(),
    ];
    (any_id(), place_and_what).prop_map(|(user, (place, what))| Asked { user, place, what })
}

fn operation() -> impl Strategy<Value = (Place, What)> {
    let origins = ["user", "job", "device", "system", "gear_rule", "task", "user_workspace", "unknown"];
    let origin = prop::option::of(sample::select(origins.to_vec()));
    let owner = prop_oneof![
        1 => Just(None),
        3 => id().prop_map(|id| Some(Owner::User(id))),
        1 => Just(Some(Owner::System)),
    ];
    let flag = prop::option::of(any::<bool>());
    let name = sample::select(OPERATION_NAMES.to_vec());
    (name, any_id(), any_id(), any_id(), flag, origin, owner, any::<bool>()).prop_map(
        |(name, place, to, gear, flag, origin, owner, within)| {
            let mut op = OperationAsked { name: name.to_owned(), ..OperationAsked::default() };
            let place = if name == "project.create" { Place::Group(place) } else { Place::Project(place) };
            match name {
                "file.download" | "file.upload" => op.bulk = flag,
                "file.delete" => op.origin = origin.map(str::to_owned),
                "file.move" if within => {}
                "file.move" | "container.move" => op.destination_project = Some(to),
                "project.copy" => op.destination_group = Some(to),
                "container.delete" => op.has_device_data = flag,
                "job.run" => (op.gear, op.analysis) = (Some(gear), flag),
                "job.cancel" | "job.prioritize" => op.owner = owner,
                _ if name.starts_with("annotation.") || name.starts_with("form_response.") => {
                    op.owner = owner.filter(|owner| *owner != Owner::System);
                }
                _ => {}
            }
            (place, What::Operation(op))
        },
    )
}
