//! rolegate's `decide`.

use super::{ROLEGATE, verify};
use crate::{
    Result,
    measure::Subject,
    site::{Ask, Site, project_id, user_id},
};
use rolegate::rbac::{
    action::ActionName,
    decide::{Facts, decide},
    grants::Grants,
    level::SiteRole,
    question::{ProjectAsk, Question},
    role::{BuiltIn, ProjectGrant, RoleTable},
    text::{GroupId, ProjectId, RoleId, TextError, UserId},
};

/// Every user's grants, and the questions.
pub struct Prepared {
    roles: RoleTable,
    group: GroupId,
    users: Vec<Grants>,
    questions: Vec<(usize, Question)>,
}

impl Prepared {
    /// Prepares everything, and verifies answers.
    pub fn new(site: Site, hits: &[Ask], mixed: &[Ask]) -> Result<Self> {
        // As the engine has it: one id for all grants on a project or of a role, and the questions' ids apart from them.
        let ids: Vec<ProjectId> =
            (0..site.projects).map(|n| ProjectId::parse(&project_id(n))).collect::<Result<_, _>>()?;
        let roles: Vec<RoleId> =
            BuiltIn::ALL.iter().map(|role| RoleId::parse(role.name())).collect::<Result<_, _>>()?;
        let prepared = Self {
            roles: RoleTable::with_custom([]),
            group: GroupId::parse("bench")?,
            users: (0..site.users).map(|user| grants(site, user, &ids, &roles)).collect::<Result<_, _>>()?,
            questions: hits.iter().map(|ask| Ok((ask.user, question(ask)?))).collect::<Result<_>>()?,
        };
        verify(ROLEGATE, site, mixed, |ask| Ok(prepared.answer(&(ask.user, question(ask)?))))?;
        Ok(prepared)
    }

    fn answer(&self, (user, question): &(usize, Question)) -> bool {
        self.decide(question, self.users.get(*user))
    }

    fn decide(&self, question: &Question, user: Option<&Grants>) -> bool {
        let facts = Facts { user, group_of_project: Some(&self.group), ..Facts::default() };
        decide(question, &self.roles, &facts).is_allowed()
    }

    /// Asks it.
    pub fn subject(&self) -> Subject<'_> {
        Subject::asking(ROLEGATE, &self.questions, |question| self.answer(question))
    }
}

fn grants(site: Site, user: usize, ids: &[ProjectId], roles: &[RoleId]) -> Result<Grants, TextError> {
    let grant = |(project, role): (usize, BuiltIn)| {
        Ok(ProjectGrant { project: ids[project].clone(), role: roles[role as usize].clone() })
    };
    let projects = site.held(user).map(grant).collect::<Result<_, _>>()?;
    Ok(Grants::new(UserId::parse(&user_id(user))?, true, SiteRole::User, Vec::new(), projects))
}

fn question(ask: &Ask) -> Result<Question> {
    let project = ProjectId::parse(&project_id(ask.project))?;
    Ok(Question::Project(project, ProjectAsk::Action(ActionName::Current(ask.action))))
}
