//! Rights, judged by the same decision as everyone else's questions, inside the transaction that they guard.

use super::{
    auth::Actor,
    error::{Result, StoreError},
    load,
    tx::Tx,
};
use rolegate_rbac::{
    decide::{Facts, decide},
    level::SiteAction,
    question::Question,
    refusal::Refusal,
    text::UserId,
};

/// Whether the actor may do everything.
///
/// # Errors
/// The store fails.
pub async fn is_superuser(tx: &mut Tx, actor: &Actor) -> Result<bool, StoreError> {
    match actor.user() {
        None => Ok(true),
        Some(user) => Ok(load::user(tx, user).await?.is_some_and(|grants| grants.is_superuser())),
    }
}

/// Demands that the actor may do what the question asks. `takes` says so to a person.
///
/// A superuser passes whether or not the thing exists, and learns of that next; anyone else learns nothing.
pub(super) async fn permit(tx: &mut Tx, actor: &Actor, question: &Question, takes: &str) -> Result<()> {
    if is_allowed(tx, actor, question).await? {
        return Ok(());
    }
    Err(Refusal::NotPermitted { takes: format!("{takes}, or a site admin") }.into())
}

/// Demands a site-level right.
pub(super) async fn permit_on_site(tx: &mut Tx, actor: &Actor, action: SiteAction) -> Result<()> {
    permit(tx, actor, &Question::Site(action), &format!("`{}` on the site", action.name())).await
}

/// Demands that the actor is this user, or holds `users_manage`.
pub(super) async fn permit_self_or_users_manage(tx: &mut Tx, actor: &Actor, user: &UserId) -> Result<()> {
    if actor.user() == Some(user) {
        return Ok(());
    }
    permit_on_site(tx, actor, SiteAction::UsersManage).await
}

/// Whether the actor may do what the question asks.
pub(super) async fn is_allowed(tx: &mut Tx, actor: &Actor, question: &Question) -> Result<bool, StoreError> {
    let Some(user) = actor.user() else { return Ok(true) };
    let Some(grants) = load::user(tx, user).await? else { return Ok(false) };
    if grants.is_superuser() {
        return Ok(true);
    }
    let group_of_project = match question {
        Question::Project(project, _) => load::project(tx, project).await?,
        _ => None,
    };
    let group_exists = match question {
        Question::Group(group, _) => load::group(tx, group).await?,
        _ => false,
    };
    // Rights are asked as plain questions, which have no destination and run no gear.
    let facts = Facts {
        user: Some(&grants),
        group_of_project: group_of_project.as_ref(),
        group_exists,
        ..Facts::default()
    };
    Ok(decide(question, &load::roles(tx).await?, &facts).is_allowed())
}
