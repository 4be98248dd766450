//! What an engine is asked.

use crate::{
    Result,
    dice::Dice,
    site::{ACTION, Ask, Site, project_id, user_id},
};
use rolegate::{
    engine::{
        Engine,
        answer::{Query, Wish},
        freshness::Freshness,
    },
    rbac::{
        action::ActionName,
        question::{ProjectAsk, Question},
        text::{ProjectId, UserId},
    },
};
use std::time::Duration;

/// How many questions a batch has.
pub const BATCH: usize = 1_000;
/// How many questions of each kind there are at least.
const QUESTIONS: usize = 32_000;
const VERIFIED: usize = 999;

/// Questions of every kind about one site.
pub struct Questions {
    site: Site,
    pub hits: Vec<Query>,
    pub unknown_users: Vec<Query>,
    pub unknown_projects: Vec<Query>,
    /// Whole batches, each of one user, about projects that the user is on and others.
    pub of_one_user: Vec<Query>,
}

impl Questions {
    /// Makes them all.
    pub fn new(site: Site) -> Result<Self> {
        let hits = site.hits(QUESTIONS);
        let elsewhere = |ask: &Ask, users, projects| Ask {
            user: ask.user + users,
            project: ask.project + projects,
            action: ask.action,
        };
        let queries =
            |asks: &mut dyn Iterator<Item = Ask>| asks.map(|ask| query(&ask)).collect::<Result<_>>();
        Ok(Self {
            site,
            unknown_users: queries(&mut hits.iter().map(|ask| elsewhere(ask, site.users, 0)))?,
            unknown_projects: queries(&mut hits.iter().map(|ask| elsewhere(ask, 0, site.projects)))?,
            of_one_user: queries(&mut of_one_user(site).into_iter())?,
            hits: queries(&mut hits.into_iter())?,
        })
    }

    /// Verifies answers of all kinds, and tells how many look-ups at the store one of a known thing took.
    pub async fn verify(&self, engine: &Engine) -> Result<f64> {
        let before = engine.stats().loads.get();
        let mixed = self.site.mixed(VERIFIED);
        for ask in &mixed {
            verify(engine, &query(ask)?, self.site.allows(*ask)).await?;
        }
        let loads = engine.stats().loads.get() - before;
        for query in self.unknown_users.iter().chain(&self.unknown_projects).step_by(QUESTIONS / 10) {
            verify(engine, query, false).await?;
        }
        let batch: Vec<Query> = mixed.iter().map(query).collect::<Result<_>>()?;
        let answers = engine.check_many(&batch, wish()).await?.value;
        for ((ask, query), answer) in mixed.iter().zip(&batch).zip(answers) {
            judge(query, answer?.decision.is_allowed(), self.site.allows(*ask))?;
        }
        Ok(loads as f64 / mixed.len() as f64)
    }
}

async fn verify(engine: &Engine, query: &Query, right: bool) -> Result<()> {
    judge(query, engine.check(query, wish()).await?.value.decision.is_allowed(), right)
}

fn judge(query: &Query, given: bool, right: bool) -> Result<()> {
    if given == right {
        return Ok(());
    }
    Err(format!("the engine answers {given} where {right} is right: {query:?}").into())
}

/// What a caller wants who asks for nothing but the answer.
pub fn wish() -> Wish {
    Wish { freshness: Freshness::Fast, explain: false, wait: Duration::from_secs(600) }
}

fn of_one_user(site: Site) -> Vec<Ask> {
    let mut dice = Dice::new();
    let mut asks = Vec::new();
    for _ in 0..QUESTIONS / BATCH {
        let user = dice.below(site.users);
        for _ in 0..BATCH {
            asks.push(Ask { user, project: dice.below(site.projects), action: ACTION });
        }
    }
    asks
}

fn query(ask: &Ask) -> Result<Query> {
    let project = ProjectId::parse(&project_id(ask.project))?;
    let question = Question::Project(project, ProjectAsk::Action(ActionName::Current(ask.action)));
    Ok(Query { user: UserId::parse(&user_id(ask.user))?, question })
}

/// The same question, in memory of its own.
pub fn anew(query: &Query) -> Query {
    let user = UserId::parse(query.user.as_str()).expect("it was valid before");
    let question = match &query.question {
        Question::Project(project, ask) => {
            let project = ProjectId::parse(project.as_str()).expect("it was valid before");
            Question::Project(project, ask.clone())
        }
        other => other.clone(),
    };
    Query { user, question }
}
