//! The decision worlds of `tests/worlds`, run through the pure function.

use super::{
    site_world::{Memory, reason_name},
    world_file::{self, Expected, ExpectedAnswer, ExpectedDecision, QuestionCase, What, WorldFile},
};
use rolegate::rbac::{
    custom_role::{RequiredActions, faults_of_actions},
    level::SiteRole,
    question::OPERATION_NAMES,
    role::{BuiltIn, RoleActions},
    world::Permissions,
};
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn every_question_of_every_world_gets_its_answer() {
    let wrong: Vec<String> = world_file::all().iter().flat_map(wrong_answers).collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn wrong_answers(world: &WorldFile) -> Vec<String> {
    let memory = Memory::of(&world.site);
    let judge = |(n, case): (usize, &QuestionCase)| {
        let wrong = fault(&memory, case)?;
        Some(format!("{} question {}: {:?}\n    {wrong}", world.name, n + 1, case.asked))
    };
    world.questions.iter().enumerate().filter_map(judge).collect()
}

/// What is wrong with the answer, if anything is.
fn fault(memory: &Memory, case: &QuestionCase) -> Option<String> {
    match (&case.expected, memory.decide(&case.asked)) {
        (Expected::Error(expected), Err(error)) if *expected == error => None,
        (Expected::Answer(expected), Ok(decision)) => {
            let missing: Vec<&str> = decision.missing().names().collect();
            let allowed = expected.decision == ExpectedDecision::Allow;
            let reason = reason_name(decision.reason());
            if decision.is_allowed() != allowed || reason != expected.reason || missing != expected.missing {
                return Some(format!("expected {expected:?}, got {reason}, missing {missing:?}"));
            }
            wrong_grants(memory, case, expected)
        }
        (expected, got) => Some(format!("expected {expected:?}, got {got:?}")),
    }
}

fn wrong_grants(memory: &Memory, case: &QuestionCase, expected: &ExpectedAnswer) -> Option<String> {
    let mut expected = expected.granted_by.clone()?;
    let mut granting = memory.granting(&case.asked).unwrap();
    expected.sort();
    granting.sort();
    (expected != granting).then(|| format!("expected to be granted by {expected:?}, was by {granting:?}"))
}

/// Whether the worlds hold, for every operation, what must not be forgotten.
#[test]
fn every_operation_is_asked_with_an_allow_a_lack_and_no_role() {
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for case in world_file::all().into_iter().flat_map(|world| world.questions) {
        if let (What::Operation(operation), Expected::Answer(answer)) = (case.asked.what, case.expected) {
            seen.entry(operation.name).or_default().insert(answer.reason);
        }
    }
    for name in OPERATION_NAMES {
        for reason in ["granted_by_role", "lacking_action", "no_role", "site_admin"] {
            assert!(
                seen.get(name).is_some_and(|seen| seen.contains(reason)),
                "{name} lacks a case of {reason}"
            );
        }
    }
    let reasons: BTreeSet<&String> = seen.values().flatten().collect();
    let of_operations = reasons.len();
    // Unknown groups come with `project.create`; every reason there is can be had by asking operations.
    assert_eq!(of_operations, 11, "{reasons:?}");
}

/// Worlds are to be fed to real stores, which refuse a site that breaks the rules.
#[test]
fn every_world_is_a_sound_site() {
    for world in world_file::all() {
        let site = &world.site;
        for role in &site.roles {
            let actions = RoleActions::from_names(role.actions.iter().map(String::as_str));
            let faults = faults_of_actions(&actions, RequiredActions::default(), &RoleActions::default());
            assert!(faults.is_empty(), "{}: {}: {faults}", world.name, role.label);
        }
        let memory = Memory::of(site);
        let users = &memory.world.users;
        let rules = |role: SiteRole, enabled: bool| role == SiteRole::SiteAdmin && enabled;
        assert!(
            users.values().any(|user| rules(user.site_role, user.enabled)),
            "{}: no site admin",
            world.name
        );
        for group in memory.world.groups.values() {
            assert!(group.members.keys().all(|id| users.contains_key(id)), "{}: {group:?}", world.name);
        }
        let offered = |permissions: &Permissions, group| {
            let roles = permissions.values().flatten();
            let offers: &BTreeSet<_> = &memory.world.groups[group].offers;
            roles.into_iter().all(|role| BuiltIn::from_id(role.as_str()).is_some() || offers.contains(role))
        };
        for project in memory.world.projects.values() {
            assert!(offered(&project.permissions, &project.group), "{}: {project:?}", world.name);
            assert!(
                project.permissions.keys().all(|id| users.contains_key(id)),
                "{}: {project:?}",
                world.name
            );
        }
    }
}
