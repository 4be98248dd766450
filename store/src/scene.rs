//! What an explanation looks at, and nothing else of the site.

use super::{
    error::StoreError,
    load,
    tx::{Arg::Text, Tx},
};
use rolegate_rbac::{
    question::{ProjectAsk, Question},
    text::{GroupId, ProjectId, RoleId, UserId},
    why::scene::Scene,
};
use std::collections::BTreeSet;

type Result<T> = std::result::Result<T, StoreError>;

/// Reads all that bears on a question.
///
/// # Errors
/// The store cannot be read, or holds what it must not.
pub async fn scene(tx: &mut Tx, user: &UserId, question: &Question) -> Result<Scene> {
    let mut scene =
        Scene { roles: load::roles(tx).await?, user: load::user(tx, user).await?, ..Scene::default() };
    match question {
        Question::Site(_) => {}
        Question::Group(group, _) => scene.group_exists = load::group(tx, group).await?,
        Question::Project(project, ask) => {
            scene.group_of_project = project_of(tx, &mut scene, project).await?;
            destination(tx, &mut scene, ask).await?;
            if let Some(gear) = ask.gear() {
                scene.gear = load::gear(tx, gear).await?;
            }
        }
    }
    Ok(scene)
}

async fn destination(tx: &mut Tx, scene: &mut Scene, ask: &ProjectAsk) -> Result<()> {
    if let Some(project) = ask.destination_project() {
        scene.destination_exists = project_of(tx, scene, project).await?.is_some();
    }
    if let Some(group) = ask.destination_group() {
        scene.destination_exists = load::group(tx, group).await?;
    }
    Ok(())
}

/// The group of a project, if there is such a project; what the group is offered goes into the scene.
async fn project_of(tx: &mut Tx, scene: &mut Scene, project: &ProjectId) -> Result<Option<GroupId>> {
    let group = load::project(tx, project).await?;
    if let Some(group) = &group {
        scene.offers.insert(project.clone(), offers(tx, group).await?);
    }
    Ok(group)
}

async fn offers(tx: &mut Tx, group: &GroupId) -> Result<BTreeSet<RoleId>> {
    let sql = "SELECT role_id FROM role_offers WHERE group_id = $1";
    let rows = tx.rows(sql, &[Text(group.as_str())]).await?;
    rows.iter().map(|row| row.parsed(0, RoleId::parse)).collect()
}
