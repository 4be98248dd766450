//! The core against the naive reading, on thousands of random sites.

use super::{
    generate,
    naive::{self, Answer, Change},
    question,
    site_world::{Memory, reason_name, world},
    tables, ways,
    world_file::{Asked, Granting, Place, What},
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{TestCaseResult, TestRunner},
};
use rolegate::{
    rbac::{
        action::Action,
        decide::{Decision, Facts, Reason},
        explain::{EffectiveActions, effective_actions},
        impact::impact,
        level::{GroupAction, SiteAction},
        question::Resource,
        text::{GroupId, ProjectId, UserId},
        why::explain,
    },
    site::SiteFile,
};
use std::collections::BTreeSet;

fn as_naive(decision: &Decision) -> Answer {
    let missing = decision.missing().names().map(str::to_owned).collect();
    Answer { reason: reason_name(decision.reason()), missing }
}

fn agrees(site: &SiteFile, memory: &Memory, asked: &Asked) -> TestCaseResult {
    let decision = memory.decide(asked).unwrap();
    let naive = naive::answer(site, asked);
    prop_assert_eq!(as_naive(&decision), naive, "{:?}", asked);
    prop_assert_eq!(decision.is_allowed(), naive::answer(site, asked).is_allow());
    if decision.is_allowed() {
        prop_assert!(decision.missing().names().next().is_none());
    }
    Ok(())
}

/// Leaving an attribute out allows exactly where every value would.
fn leaving_out_never_helps(memory: &Memory, asked: &Asked) -> TestCaseResult {
    let given = naive::with_every_value(asked);
    let every = given.iter().all(|asked| memory.decide(asked).unwrap().is_allowed());
    prop_assert_eq!(memory.decide(asked).unwrap().is_allowed(), every, "{:?}", asked);
    Ok(())
}

/// The roles named are held, each counts for something, and together they are enough.
fn grants_are_explained(site: &SiteFile, memory: &Memory, asked: &Asked) -> TestCaseResult {
    let decision = memory.decide(asked).unwrap();
    let granting = memory.granting(asked).unwrap();
    if !decision.is_allowed() {
        return Ok(());
    }
    prop_assert!(!granting.is_empty());
    let distinct: BTreeSet<&Granting> = granting.iter().collect();
    prop_assert_eq!(distinct.len(), granting.len());
    let only = stripped(site, &asked.user, |role| granting.contains(role));
    prop_assert!(Memory::of(&only).decide(asked).unwrap().is_allowed(), "{:?} is not enough", granting);
    for role in &granting {
        prop_assert!(is_held(site, &asked.user, role), "{:?} is not held", role);
        let alone = stripped(site, &asked.user, |held| held == role);
        let counts = decision.reason() == Reason::SiteAdmin || naive::holds_something_towards(&alone, asked);
        prop_assert!(counts, "{:?} counts for nothing", role);
    }
    Ok(())
}

fn id_of(site: &SiteFile, role: &str) -> String {
    let custom = site.roles.iter().find(|entry| entry.label == role);
    custom.map_or(role.to_owned(), |entry| entry.id.clone().unwrap())
}

fn held(level: &str, place: &str, role: &str) -> Granting {
    Granting { level: level.to_owned(), place: place.to_owned(), role: role.to_owned() }
}

/// The site with only those of the user's roles that are to be kept.
fn stripped(site: &SiteFile, user: &str, keep: impl Fn(&Granting) -> bool) -> SiteFile {
    let mut site = site.clone();
    let whole = site.clone();
    for entry in site.users.iter_mut().filter(|entry| entry.id == user) {
        if !keep(&held("site", "", &entry.site_role)) {
            entry.site_role = "user".to_owned();
        }
    }
    for group in &mut site.groups {
        let at = group.id.clone();
        group.members.retain(|id, role| id != user || keep(&held("group", &at, role)));
        for project in &mut group.projects {
            let at = project.id.clone().unwrap();
            if let Some(roles) = project.permissions.get_mut(user) {
                roles.retain(|role| keep(&held("project", &at, &id_of(&whole, role))));
            }
            project.permissions.retain(|_, roles| !roles.is_empty());
        }
    }
    site
}

fn is_held(site: &SiteFile, user: &str, role: &Granting) -> bool {
    stripped(site, user, |held| held != role) != *site
        || (role.level == "site"
            && site.users.iter().any(|entry| entry.id == user && entry.site_role == role.role))
}

fn effective(memory: &Memory, user: &str, place: &Place) -> Vec<&'static str> {
    let user = UserId::parse(user).unwrap();
    let mut facts = Facts { user: memory.grants.get(&user), ..Facts::default() };
    let resource = match place {
        Place::Site => Resource::Site,
        Place::Group(id) => Resource::Group(GroupId::parse(id).unwrap()),
        Place::Project(id) => Resource::Project(ProjectId::parse(id).unwrap()),
    };
    match &resource {
        Resource::Site => {}
        Resource::Group(id) => facts.group_exists = memory.world.groups.contains_key(id),
        Resource::Project(id) => {
            facts.group_of_project = memory.world.projects.get(id).map(|project| &project.group);
        }
    }
    match effective_actions(&resource, &memory.roles, &facts) {
        EffectiveActions::Site(actions) => actions.into_iter().map(SiteAction::name).collect(),
        EffectiveActions::Group(actions) => actions.into_iter().map(GroupAction::name).collect(),
        EffectiveActions::Project(mask) => mask.iter().map(Action::name).collect(),
    }
}

fn changes(before: &SiteFile, after: &SiteFile) -> Vec<Change> {
    let names = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    let changes = impact(&world(before), &world(after));
    let mut changes: Vec<_> = changes
        .into_iter()
        .map(|change| Change {
            user: change.user.to_string(),
            place: match change.place {
                Resource::Site => "site".to_owned(),
                Resource::Group(id) => format!("group {id}"),
                Resource::Project(id) => format!("project {id}"),
            },
            gained: names(change.gained),
            lost: names(change.lost),
            superuser: change.superuser,
        })
        .collect();
    changes.sort();
    changes
}

/// An explanation decides as a check does, by its steps as well, and each of its ways leads to a yes, and none without all of
/// its changes.
fn is_explained(memory: &Memory, asked: &Asked) -> TestCaseResult {
    let (user, question) = question::typed(asked).unwrap();
    let explained = explain(&ways::scene(&memory.world, &user, &question), &user, &question);
    prop_assert_eq!(explained.decision, memory.decide(asked).unwrap());
    let all_pass = explained.steps.iter().all(|step| step.passes);
    prop_assert_eq!(all_pass, explained.decision.is_allowed(), "{:?}", explained);
    prop_assert!(explained.ways.is_empty() || !explained.decision.is_allowed());
    let lacks = matches!(
        explained.decision.reason(),
        Reason::NoRole | Reason::LackingAction | Reason::GearRestricted
    );
    prop_assert!(!lacks || !explained.ways.is_empty(), "{:?}", asked);
    for way in &explained.ways {
        let after = |without: Option<usize>| {
            let made = way.iter().enumerate().filter(|(at, _)| Some(*at) != without);
            ways::suffice(&memory.roles, &memory.world, &user, &question, made.map(|(_, change)| change))
        };
        prop_assert!(after(None), "{:?} {:?}", asked, way);
        prop_assert!((0..way.len()).all(|at| !after(Some(at))), "{:?} {:?}", asked, way);
    }
    Ok(())
}

/// The first ways are those that trying everything finds first, and the others are counted.
fn ways_are_those_found_by_trying(memory: &Memory, asked: &Asked) -> TestCaseResult {
    let (user, question) = question::typed(asked).unwrap();
    let explained = explain(&ways::scene(&memory.world, &user, &question), &user, &question);
    let mut tried = ways::by_trying(&memory.world, &user, &question);
    prop_assert_eq!(explained.ways.len() + explained.ways_left_out, tried.len(), "{:?}", asked);
    prop_assert!(explained.ways.len() == 20 || explained.ways_left_out == 0);
    tried.truncate(explained.ways.len());
    prop_assert_eq!(explained.ways, tried, "{:?}", asked);
    Ok(())
}

fn asked_often() -> impl Strategy<Value = Vec<Asked>> {
    prop::collection::vec(generate::asked(), 12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn decisions_agree_with_the_naive_reading(site in generate::site(), all in asked_often()) {
        let memory = Memory::of(&site);
        for asked in all {
            agrees(&site, &memory, &asked)?;
        }
    }

    #[test]
    fn an_attribute_left_out_allows_exactly_where_every_value_would(
        site in generate::site(), all in asked_often(),
    ) {
        let memory = Memory::of(&site);
        for asked in all {
            leaving_out_never_helps(&memory, &asked)?;
        }
    }

    #[test]
    fn an_explanation_decides_alike_and_each_of_its_ways_leads_to_a_yes(
        site in generate::site(), all in asked_often(),
    ) {
        let memory = Memory::of(&site);
        for asked in all {
            is_explained(&memory, &asked)?;
        }
    }

    #[test]
    fn an_allow_names_the_roles_that_grant_it(site in generate::site(), all in asked_often()) {
        let memory = Memory::of(&site);
        for asked in all {
            grants_are_explained(&site, &memory, &asked)?;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn effective_actions_agree_with_every_single_decision(site in generate::site(), asked in generate::asked()) {
        let memory = Memory::of(&site);
        let (user, place) = (asked.user, asked.place);
        let table = match place {
            Place::Site => &tables::SITE,
            Place::Group(_) => &tables::GROUP,
            Place::Project(_) => &tables::PROJECT,
        };
        let is_allowed = |action: &&str| {
            let what = What::Action((*action).to_owned());
            memory.decide(&Asked { user: user.clone(), place: place.clone(), what }).unwrap().is_allowed()
        };
        let allowed: Vec<_> = table.iter().map(|row| row.0).filter(is_allowed).collect();
        prop_assert_eq!(effective(&memory, &user, &place), allowed);
    }

    #[test]
    fn the_ways_to_a_yes_are_those_that_trying_everything_finds(
        site in generate::site(), all in asked_often(),
    ) {
        let memory = Memory::of(&site);
        for asked in all {
            ways_are_those_found_by_trying(&memory, &asked)?;
        }
    }

    #[test]
    fn impact_agrees_with_asking_both_sites_everything(before in generate::site(), after in generate::site()) {
        prop_assert_eq!(changes(&before, &after), naive::impact(&before, &after));
        prop_assert_eq!(changes(&before, &before), vec![]);
    }
}

#[test]
fn random_questions_reach_every_reason() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..400 {
        let site = generate::site().new_tree(&mut runner).unwrap().current();
        for asked in asked_often().new_tree(&mut runner).unwrap().current() {
            seen.insert(naive::answer(&site, &asked).reason);
        }
    }
    assert_eq!(seen.len(), 11, "{seen:?}");
}
