//! casbin.

use super::verify;
use crate::{
    Result,
    measure::Subject,
    site::{Ask, Site, project_id, user_id},
};
use casbin::{CoreApi as _, DefaultModel, Enforcer, MgmtApi as _};
use rolegate::rbac::{action::Action, role::BuiltIn};

/// Its model of roles with domains: a project is a domain.
const RULE_AN_ACTION: &str = "\
[request_definition]
r = sub, dom, act
[policy_definition]
p = sub, act
[role_definition]
g = _, _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.act == p.act && g(r.sub, p.sub, r.dom)
";

/// The same with its roles of resources, used on actions: it reads all rules, and so has three.
const ACTION_GROUPS: &str = "\
[request_definition]
r = sub, dom, act
[policy_definition]
p = sub, act
[role_definition]
g = _, _, _
g2 = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g(r.sub, p.sub, r.dom) && g2(r.act, p.act)
";

/// How what roles may do is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A rule for each action of each role.
    RuleAnAction,
    /// A rule for each role, about a group of actions.
    ActionGroups,
}

/// An enforcer with everything in memory, and the questions.
pub struct Prepared {
    way: Way,
    enforcer: Enforcer,
    questions: Vec<Request>,
}

/// A question as an enforcer takes it.
type Request = (String, String, &'static str);

impl Prepared {
    /// Prepares everything, and verifies answers.
    pub fn new(way: Way, site: Site, hits: &[Ask], mixed: &[Ask]) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let enforcer = runtime.block_on(enforcer(way, site))?;
        let prepared = Self { way, enforcer, questions: hits.iter().map(request).collect() };
        verify(way.name(), site, mixed, |ask| prepared.answer(&request(ask)))?;
        Ok(prepared)
    }

    fn answer(&self, (user, project, action): &Request) -> Result<bool> {
        Ok(self.enforcer.enforce((user.as_str(), project.as_str(), *action))?)
    }

    /// Asks it.
    pub fn subject(&self) -> Subject<'_> {
        Subject::asking(self.way.name(), &self.questions, |question| self.answer(question))
    }
}

impl Way {
    const fn name(self) -> &'static str {
        match self {
            Self::RuleAnAction => "casbin, a rule an action",
            Self::ActionGroups => "casbin, groups of actions",
        }
    }
}

fn request(ask: &Ask) -> Request {
    (user_id(ask.user), project_id(ask.project), ask.action.name())
}

async fn enforcer(way: Way, site: Site) -> Result<Enforcer> {
    let model = match way {
        Way::RuleAnAction => RULE_AN_ACTION,
        Way::ActionGroups => ACTION_GROUPS,
    };
    let mut enforcer = Enforcer::new(DefaultModel::from_str(model).await?, ()).await?;
    match way {
        Way::RuleAnAction => {
            enforcer.add_policies(held_actions()).await?;
        }
        Way::ActionGroups => {
            enforcer.add_policies(BuiltIn::ALL.map(|role| vec![role.name().into(); 2]).into()).await?;
            let groups = held_actions().into_iter().map(|rule| rule.into_iter().rev().collect());
            enforcer.add_named_grouping_policies("g2", groups.collect()).await?;
        }
    }
    let held = |user| site.held(user).map(move |(n, role)| grant(user, n, role));
    enforcer.add_grouping_policies((0..site.users).flat_map(held).collect()).await?;
    Ok(enforcer)
}

fn grant(user: usize, project: usize, role: BuiltIn) -> Vec<String> {
    vec![user_id(user), role.name().to_owned(), project_id(project)]
}

/// Every role with every action that it holds.
fn held_actions() -> Vec<Vec<String>> {
    let held = |role: BuiltIn| {
        let actions = Action::ALL.into_iter().filter(move |action| role.mask().contains(*action));
        actions.map(move |action| vec![role.name().to_owned(), action.name().to_owned()])
    };
    BuiltIn::ALL.into_iter().flat_map(held).collect()
}
