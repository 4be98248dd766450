//! What a decision looked at, in its order.

use super::{Scene, Step};
use crate::{
    decide::Holder,
    question::Question,
    requirement::{Need, Requirement},
    text::{ProjectId, RoleId, UserId},
};

/// The steps to a decision. What there is is told whoever asks; what is held, of users alone that there are.
pub(super) fn of(scene: &Scene, user: &UserId, question: &Question) -> Vec<Step> {
    let mut steps = account(scene, user);
    steps.extend(things(scene, question));
    let Some(grants) = &scene.user else { return steps };
    if grants.is_superuser() {
        steps.push(step("site_admin", true, "a site admin may do everything everywhere"));
        return steps;
    }
    let holder = scene.holder(question, grants);
    for clause in Requirement::of(question, user).clauses() {
        let passes = clause.needs().any(|need| holder.meets(need));
        let needs: Vec<_> = clause.needs().map(|need| need_found(&holder, need)).collect();
        steps.push(step("need", passes, needs.join(", or ")));
    }
    steps.extend(gear_access(scene, user, question));
    steps
}

fn step(name: &'static str, passes: bool, found: impl Into<String>) -> Step {
    Step { name, passes, found: found.into() }
}

fn account(scene: &Scene, user: &UserId) -> Vec<Step> {
    let Some(grants) = &scene.user else {
        return vec![step("user", false, format!("there is no user `{user}`"))];
    };
    let role = grants.site_role().name();
    let enabled = grants.is_enabled();
    let is = if enabled { "enabled" } else { "disabled" };
    vec![
        step("user", true, format!("the user `{user}` has the site role {role}")),
        step("enabled", enabled, format!("the user is {is}")),
    ]
}

/// Whether there is what the question names.
fn things(scene: &Scene, question: &Question) -> Vec<Step> {
    match question {
        Question::Site(_) => Vec::new(),
        Question::Group(group, _) => {
            vec![presence("place", format!("the group `{group}`"), scene.group_exists)]
        }
        Question::Project(project, ask) => {
            let destination = ask.has_destination();
            let destination = destination
                .then(|| presence("destination", "the destination".into(), scene.destination_exists));
            let gear = ask.gear();
            let gear = gear.map(|gear| presence("gear", format!("the gear `{gear}`"), scene.gear.is_some()));
            let mut steps = vec![place(scene, project)];
            steps.extend(destination.into_iter().chain(gear));
            steps
        }
    }
}

fn place(scene: &Scene, project: &ProjectId) -> Step {
    match &scene.group_of_project {
        Some(group) => step("place", true, format!("the project `{project}` belongs to the group `{group}`")),
        None => presence("place", format!("the project `{project}`"), false),
    }
}

fn presence(name: &'static str, what: String, there: bool) -> Step {
    step(name, there, format!("{what} {}", if there { "is there" } else { "is not there" }))
}

fn gear_access(scene: &Scene, user: &UserId, question: &Question) -> Option<Step> {
    let Question::Project(project, ask) = question else { return None };
    let access = scene.gear.as_ref().filter(|_| ask.gear().is_some())?;
    Some(match access.is_open_to(project, user) {
        true => step("gear_access", true, "the gear is open here"),
        false => step("gear_access", false, "the gear is open neither here nor to the user"),
    })
}

/// What was found about a need.
fn need_found(holder: &Holder<'_>, need: Need) -> String {
    let (action, place) = sought(holder, need);
    let verdict = if holder.meets(need) { "which grants it" } else { "which does not grant it" };
    let held = match roles_held(holder, need).as_slice() {
        [] => "the user holds no role there".to_owned(),
        [role] => format!("the user holds the role {role} there, {verdict}"),
        roles => format!("the user holds the roles {} there, {verdict}", roles.join(", ")),
    };
    format!("`{action}` on {place}: {held}")
}

/// Which action is needed, and where.
fn sought(holder: &Holder<'_>, need: Need) -> (&'static str, String) {
    match need {
        Need::Site(action) => (action.name(), "the site".to_owned()),
        Need::Group(action) | Need::DestinationGroup(action) => {
            let group = holder.group_of(need);
            (action.name(), group.map_or_else(|| "its group".to_owned(), |id| format!("the group `{id}`")))
        }
        Need::Project(action) | Need::DestinationProject(action) => {
            let project = holder.project_of(need).map(|id| format!("the project `{id}`"));
            (action.name(), project.unwrap_or_default())
        }
    }
}

/// The roles that the user holds where a need is to be met.
fn roles_held(holder: &Holder<'_>, need: Need) -> Vec<String> {
    match need {
        Need::Site(_) => vec![holder.grants.site_role().name().to_owned()],
        Need::Group(_) | Need::DestinationGroup(_) => {
            let role = holder.group_of(need).and_then(|group| holder.grants.group_role(group));
            role.map(|role| role.name().to_owned()).into_iter().collect()
        }
        Need::Project(_) | Need::DestinationProject(_) => {
            let held = holder
                .project_of(need)
                .map(|project| holder.grants.on_project(project.as_str()))
                .unwrap_or_default();
            held.roles().map(|role| label(holder, role)).collect()
        }
    }
}

fn label(holder: &Holder<'_>, id: &RoleId) -> String {
    holder.roles.get(id).map_or_else(|| id.to_string(), |role| role.label.to_string())
}
