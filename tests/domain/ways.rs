//! The ways to a yes, found by making every change, alone and in pairs, to a whole site, and deciding again. And what the
//! steps say.

use rolegate::rbac::{
    action::Action,
    decide::decide,
    gear::GearAccess,
    level::{GroupAction, GroupRole, SiteAction, SiteRole},
    question::{Operation, ProjectAsk, Question},
    role::{Role, RoleActions, RoleTable},
    text::{GroupId, Label, ProjectId, RoleId, UserId},
    why::{Change, Explanation, explain, scene::Scene},
    world::{World, WorldUser},
};
use std::{sync::mpsc, time::Duration};

/// Only a search that tries pair after pair takes so long.
const PATIENCE: Duration = Duration::from_secs(120);

/// What an explanation looks at, of a whole site.
pub(crate) fn scene(world: &World, user: &UserId, question: &Question) -> Scene {
    let grants = world.grants().remove(user);
    let facts = world.facts(grants.as_ref(), question);
    let named = projects(question).into_iter().filter_map(|id| world.projects.get_key_value(id));
    let offers = named.map(|(id, project)| (id.clone(), world.groups[&project.group].offers.clone()));
    Scene {
        roles: world.role_table(),
        group_of_project: facts.group_of_project.cloned(),
        group_exists: facts.group_exists,
        destination_exists: facts.destination_exists,
        gear: facts.gear.cloned(),
        offers: offers.collect(),
        user: grants,
    }
}

fn projects(question: &Question) -> Vec<&ProjectId> {
    match question {
        Question::Project(project, ask) => {
            let mut all = vec![project];
            all.extend(ask.destination_project().filter(|to| *to != project));
            all
        }
        Question::Site(_) | Question::Group(..) => Vec::new(),
    }
}

fn groups<'a>(world: &'a World, question: &'a Question) -> Vec<&'a GroupId> {
    let mut all = match question {
        Question::Site(_) => Vec::new(),
        Question::Group(group, _) => vec![group],
        Question::Project(project, ask) => {
            let own = world.projects.get(project).map(|project| &project.group);
            own.into_iter().chain(ask.destination_group()).collect()
        }
    };
    all.retain(|group| world.groups.contains_key(*group));
    all.dedup();
    all
}

fn make(change: &Change, world: &mut World) {
    match change.clone() {
        // Random sites name users that there are not; whoever is made holds nothing.
        Change::CreateUser(user) => {
            world.groups.values_mut().for_each(|group| group.members.retain(|member, _| *member != user));
            world
                .projects
                .values_mut()
                .for_each(|project| project.permissions.retain(|holder, _| *holder != user));
            world.users.insert(user, WorldUser { site_role: SiteRole::User, enabled: true });
        }
        Change::EnableUser(user) => {
            world.users.entry(user).and_modify(|user| user.enabled = true);
        }
        Change::SetSiteRole(user, role) => {
            world.users.entry(user).and_modify(|user| user.site_role = role);
        }
        Change::SetGroupRole(user, group, role) => {
            world.groups.get_mut(&group).unwrap().members.insert(user, role);
        }
        Change::AddProjectRole(user, project, role) => {
            let permissions = &mut world.projects.get_mut(&project).unwrap().permissions;
            permissions.entry(user).or_default().insert(role);
        }
        Change::OpenGear(user, gear) => {
            if let Some(GearAccess::Restricted { users, .. }) = world.gears.get_mut(&gear) {
                users.insert(user);
            }
        }
    }
}

/// Whether these changes make it a yes. None of them changes what a role allows.
pub(crate) fn suffice<'c>(
    roles: &RoleTable,
    world: &World,
    user: &UserId,
    question: &Question,
    changes: impl Iterator<Item = &'c Change>,
) -> bool {
    let mut world = world.clone();
    changes.for_each(|change| make(change, &mut world));
    let grants = world.grants();
    decide(question, roles, &world.facts(grants.get(user), question)).is_allowed()
}

/// A site as far as it bears on what one user may do, so that little is copied for every change that is tried.
fn of_one_user(world: &World, user: &UserId) -> World {
    let mut world = world.clone();
    world.roles.clear();
    world.users.retain(|other, _| other == user);
    for group in world.groups.values_mut() {
        group.members.retain(|member, _| member == user);
        group.template.clear();
    }
    for project in world.projects.values_mut() {
        project.permissions.retain(|holder, _| holder == user);
    }
    world
}

/// Every role that could be given where the question looks, the least powerful first, whether it helps or not.
fn roles_to_give(world: &World, user: &UserId, question: &Question) -> Vec<Change> {
    let mut all = Vec::new();
    if let Question::Site(_) = question {
        all.extend(SiteRole::ALL.iter().map(|role| {
            let weight = SiteAction::ALL.iter().filter(|action| role.may(**action)).count();
            (weight, Change::SetSiteRole(user.clone(), *role))
        }));
    }
    for group in groups(world, question) {
        all.extend(GroupRole::ALL.iter().map(|role| {
            let weight = GroupAction::ALL.iter().filter(|action| role.may(**action)).count();
            (weight, Change::SetGroupRole(user.clone(), group.clone(), *role))
        }));
    }
    for (id, project) in projects(question).into_iter().filter_map(|id| world.projects.get_key_value(id)) {
        let offers = &world.groups[&project.group].offers;
        for role in world.role_table().iter().filter(|role| role.built_in || offers.contains(&role.id)) {
            let weight = Action::ALL.iter().filter(|action| role.actions.mask().contains(**action)).count();
            all.push((weight, Change::AddProjectRole(user.clone(), id.clone(), role.id.clone())));
        }
    }
    all.sort();
    all.into_iter().map(|(_, change)| change).collect()
}

/// The sets of changes that are enough, and would not be without one of them; small ones first.
pub(crate) fn by_trying(world: &World, user: &UserId, question: &Question) -> Vec<Vec<Change>> {
    let (roles, tried_on) = (world.role_table(), of_one_user(world, user));
    let yes = |way: &[Change]| suffice(&roles, &tried_on, user, question, way.iter());
    if yes(&[]) {
        return Vec::new();
    }
    let account = match world.users.get(user) {
        None => vec![Change::CreateUser(user.clone())],
        Some(user_) if !user_.enabled => vec![Change::EnableUser(user.clone())],
        Some(_) => Vec::new(),
    };
    let gear = match question {
        Question::Project(_, ask) => ask.gear().map(|gear| Change::OpenGear(user.clone(), gear.clone())),
        Question::Site(_) | Question::Group(..) => None,
    };
    let given = roles_to_give(world, user, question);
    let alone = given.iter().map(|one| vec![one.clone()]);
    let pairs = given
        .iter()
        .enumerate()
        .flat_map(|(at, one)| given.iter().skip(at + 1).map(move |other| vec![one.clone(), other.clone()]));
    let mut ways = Vec::new();
    for given in std::iter::once(Vec::new()).chain(alone).chain(pairs) {
        let plain: Vec<Change> = account.iter().cloned().chain(given).collect();
        let opened: Vec<Change> = plain.iter().chain(&gear).cloned().collect();
        let Some(way) = [plain, opened].into_iter().find(|way| yes(way)) else { continue };
        let without = |at: usize| {
            let mut less = way.clone();
            less.remove(at);
            less
        };
        if (0..way.len()).all(|at| !yes(&without(at))) {
            ways.push(way);
        }
    }
    ways
}

fn id<T, E: std::fmt::Debug>(parse: fn(&str) -> Result<T, E>, text: &str) -> T {
    parse(text).unwrap()
}

/// The question that takes two actions: to delete a file of whatever origin.
fn delete_a_file() -> Question {
    let operation = Operation::FileDelete { origin: None };
    Question::Project(id(ProjectId::parse, "scans"), ProjectAsk::Operation(operation))
}

/// A project that offers so many roles with each half of what it takes to delete a file.
fn offering(count: usize) -> Scene {
    let mut scene = Scene { group_of_project: Some(id(GroupId::parse, "lab")), ..Scene::default() };
    let role = |action: &str, nth: usize| Role {
        id: id(RoleId::parse, &format!("{action}-{nth:05}")),
        label: id(Label::parse, &format!("{action} {nth}")),
        actions: RoleActions::from_names([action]),
        built_in: false,
    };
    let roles: Vec<Role> = (0..count)
        .flat_map(|nth| {
            ["files_delete_device_data", "files_delete_non_device_data"].map(|name| role(name, nth))
        })
        .collect();
    let offers = roles.iter().map(|role| role.id.clone()).collect();
    scene.offers.insert(id(ProjectId::parse, "scans"), offers);
    scene.roles = rolegate::rbac::role::RoleTable::with_custom(roles);
    scene
}

/// Explains on a thread of its own, so that a search without end is seen.
fn patiently(scene: Scene, question: Question) -> Explanation {
    let (found, waiting) = mpsc::channel();
    std::thread::spawn(move || found.send(explain(&scene, &id(UserId::parse, "ann"), &question)));
    waiting.recv_timeout(PATIENCE).expect("the search comes to an end")
}

#[test]
fn thousands_of_roles_make_millions_of_ways_which_are_counted_and_not_tried() {
    let explained = patiently(offering(3_000), delete_a_file());
    let added = |way: &[Change]| {
        let roles = way.iter().filter_map(|change| match change {
            Change::AddProjectRole(_, _, role) => Some(role.to_string()),
            _ => None,
        });
        roles.collect::<Vec<_>>()
    };
    let told: Vec<_> = explained.ways.iter().map(|way| added(way)).collect();
    assert_eq!(told.len(), 20);
    assert_eq!(told[..2], [vec!["rw".to_owned()], vec!["admin".to_owned()]]);
    for (nth, way) in told[2..].iter().enumerate() {
        let other = format!("files_delete_non_device_data-{nth:05}");
        assert_eq!(*way, ["files_delete_device_data-00000".to_owned(), other]);
    }
    assert_eq!(explained.ways_left_out, 2 + 3_000 * 3_000 - 20);
}

#[test]
fn roles_that_all_give_the_same_half_make_no_way() {
    let mut scene = offering(3_000);
    let half = |role: &RoleId| role.as_str().starts_with("files_delete_device_data");
    scene.offers.values_mut().for_each(|offers| offers.retain(half));
    let explained = patiently(scene, delete_a_file());
    assert_eq!((explained.ways.len(), explained.ways_left_out), (2, 0), "{:?}", explained.ways);
}

#[test]
fn the_steps_tell_of_a_missing_place_to_an_unknown_user_too_and_of_no_role_in_plain_words() {
    let user = id(UserId::parse, "ann");
    let explained = explain(&Scene::default(), &user, &delete_a_file());
    let found: Vec<_> = explained.steps.iter().map(|step| (step.passes, step.found.as_str())).collect();
    assert_eq!(
        found,
        [(false, "there is no user `ann`"), (false, "the project `scans` is not there")],
        "the first decides, and the next is in the way as well"
    );
    let mut scene = offering(0);
    let grants = |projects| {
        rolegate::rbac::grants::Grants::new(user.clone(), true, SiteRole::User, Vec::new(), projects)
    };
    scene.user = Some(grants(Vec::new()));
    let found = |scene: &Scene| explain(scene, &user, &delete_a_file()).steps.pop().unwrap().found;
    assert_eq!(
        found(&scene),
        "`files_delete_non_device_data` on the project `scans`: the user holds no role there"
    );
    let role = id(RoleId::parse, "ro");
    let project = id(ProjectId::parse, "scans");
    scene.user = Some(grants(vec![rolegate::rbac::role::ProjectGrant { project, role }]));
    assert_eq!(
        found(&scene),
        "`files_delete_non_device_data` on the project `scans`: the user holds the role ro there, which does not grant it"
    );
}
