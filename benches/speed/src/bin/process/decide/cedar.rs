//! cedar-policy.

use super::verify;
use crate::{
    Result,
    measure::Subject,
    site::{Ask, Site, project_id, user_id},
};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression,
};
use rolegate::rbac::{action::Action, role::BuiltIn};
use std::{
    collections::{HashMap, HashSet},
    str::FromStr as _,
};

/// How a user's roles are told. Both are ways of Cedar's own documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A user has a set of projects for each role.
    Sets,
    /// A project names a team for each role, and a user is in teams.
    Teams,
}

/// The policies, the entities that come with each user's requests, and the requests.
pub struct Prepared {
    way: Way,
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Vec<Entities>,
    requests: Vec<(usize, Request)>,
}

impl Prepared {
    /// Prepares everything, and verifies answers.
    pub fn new(way: Way, site: Site, hits: &[Ask], mixed: &[Ask]) -> Result<Self> {
        let prepared = Self {
            way,
            authorizer: Authorizer::new(),
            policies: PolicySet::from_str(&policies(way))?,
            entities: (0..site.users).map(|user| entities(way, site, user)).collect::<Result<_>>()?,
            requests: hits.iter().map(|ask| Ok((ask.user, request(ask)?))).collect::<Result<_>>()?,
        };
        verify(way.name(), site, mixed, |ask| Ok(prepared.answer(&(ask.user, request(ask)?))))?;
        Ok(prepared)
    }

    fn answer(&self, (user, request): &(usize, Request)) -> bool {
        let response = self.authorizer.is_authorized(request, &self.policies, &self.entities[*user]);
        response.decision() == Decision::Allow
    }

    /// Asks it.
    pub fn subject(&self) -> Subject<'_> {
        Subject::asking(self.way.name(), &self.requests, |request| self.answer(request))
    }
}

impl Way {
    const fn name(self) -> &'static str {
        match self {
            Self::Sets => "cedar-policy, sets of projects",
            Self::Teams => "cedar-policy, teams of projects",
        }
    }
}

/// A policy for each role.
fn policies(way: Way) -> String {
    let policy = |role: BuiltIn| {
        let role = role.name();
        let holds = match way {
            Way::Sets => format!("principal.{role}.contains(resource)"),
            Way::Teams => format!("principal in resource.{role}"),
        };
        format!("permit(principal, action in Action::\"{role}\", resource) when {{ {holds} }};")
    };
    BuiltIn::ALL.map(policy).concat()
}

fn uid(kind: &str, id: &str) -> Result<EntityUid> {
    Ok(EntityUid::from_type_name_and_id(EntityTypeName::from_str(kind)?, EntityId::from_str(id)?))
}

fn project(n: usize) -> Result<EntityUid> {
    uid("Project", &project_id(n))
}

fn team(n: usize, role: BuiltIn) -> Result<EntityUid> {
    uid("Team", &format!("{}/{}", project_id(n), role.name()))
}

fn request(ask: &Ask) -> Result<Request> {
    let (user, action) = (uid("User", &user_id(ask.user))?, uid("Action", ask.action.name())?);
    Ok(Request::new(user, action, project(ask.project)?, Context::empty(), None)?)
}

/// What comes with a user's requests: the user, what the user's projects say, and the actions' groups.
fn entities(way: Way, site: Site, user: usize) -> Result<Entities> {
    let mut entities = actions()?;
    match way {
        Way::Sets => entities.push(user_with_sets(site, user)?),
        Way::Teams => {
            let teams = site.held(user).map(|(n, role)| team(n, role)).collect::<Result<_>>()?;
            entities.push(Entity::new_no_attrs(uid("User", &user_id(user))?, teams));
            for n in site.held(user).map(|(n, _)| n) {
                entities.push(project_with_teams(n)?);
            }
        }
    }
    Ok(Entities::from_entities(entities, None)?)
}

fn user_with_sets(site: Site, user: usize) -> Result<Entity> {
    let set = |role: BuiltIn| -> Result<(String, RestrictedExpression)> {
        let held = site.held(user).filter(|(_, held)| *held == role);
        let projects: Vec<_> = held
            .map(|(n, _)| Ok(RestrictedExpression::new_entity_uid(project(n)?)))
            .collect::<Result<_>>()?;
        Ok((role.name().to_owned(), RestrictedExpression::new_set(projects)))
    };
    let sets: HashMap<_, _> = BuiltIn::ALL.into_iter().map(set).collect::<Result<_>>()?;
    Ok(Entity::new(uid("User", &user_id(user))?, sets, HashSet::new())?)
}

fn project_with_teams(n: usize) -> Result<Entity> {
    let named = |role: BuiltIn| -> Result<(String, RestrictedExpression)> {
        Ok((role.name().to_owned(), RestrictedExpression::new_entity_uid(team(n, role)?)))
    };
    let teams: HashMap<_, _> = BuiltIn::ALL.into_iter().map(named).collect::<Result<_>>()?;
    Ok(Entity::new(project(n)?, teams, HashSet::new())?)
}

/// Every action, in the group of each role that holds it.
fn actions() -> Result<Vec<Entity>> {
    let action = |action: Action| {
        let holders = BuiltIn::ALL.into_iter().filter(|role| role.mask().contains(action));
        let groups = holders.map(|role| uid("Action", role.name())).collect::<Result<_>>()?;
        Ok(Entity::new_no_attrs(uid("Action", action.name())?, groups))
    };
    Action::ALL.into_iter().map(action).collect()
}
