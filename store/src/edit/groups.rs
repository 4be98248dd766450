//! Groups.

use super::super::{change::Subject, error::Result, tx::Arg::Text, write::WriteTx};
use rolegate_rbac::{
    level::{GroupAction, SiteAction},
    refusal::Refusal,
    text::{GroupId, Label, UserId},
};

/// How many projects a refusal names.
const FIRST: usize = 5;

/// Makes a group.
///
/// # Errors
/// As all edits: refused by the rules, or the store failed.
pub async fn create(w: &mut WriteTx, id: &GroupId, label: &Label) -> Result<()> {
    w.permit_on_site(SiteAction::GroupsManage).await?;
    let group = Subject::Group(id.clone());
    w.made(&group).await?;
    let revision = w.revision_arg();
    let sql = "INSERT INTO groups (id, label, revision) VALUES ($1, $2, $3)";
    w.tx.run(sql, &[Text(id.as_str()), Text(label.as_str()), revision]).await?;
    w.touch(group);
    Ok(())
}

/// Renames a group.
pub async fn rename(w: &mut WriteTx, id: &GroupId, label: &Label) -> Result<()> {
    w.permit_on_group(id, GroupAction::GroupSettingsManage).await?;
    let group = Subject::Group(id.clone());
    w.edited(&group).await?;
    let sql = "UPDATE groups SET label = $2 WHERE id = $1 AND label <> $2";
    if w.tx.run(sql, &[Text(id.as_str()), Text(label.as_str())]).await? > 0 {
        w.changed(group).await?;
    }
    Ok(())
}

/// Deletes a group that has no projects, with its members, offers and template.
pub async fn delete(w: &mut WriteTx, id: &GroupId) -> Result<()> {
    w.permit_on_site(SiteAction::GroupsManage).await?;
    let group = Subject::Group(id.clone());
    w.edited(&group).await?;
    let labels =
        w.tx.rows("SELECT label FROM projects WHERE group_id = $1 ORDER BY label", &[Text(id.as_str())])
            .await?;
    if !labels.is_empty() {
        let first =
            labels.iter().take(FIRST).map(|row| row.parsed(0, Label::parse)).collect::<Result<_, _>>()?;
        return Err(Refusal::GroupHasProjects { count: labels.len() as u64, first }.into());
    }
    let members =
        w.tx.rows("SELECT user_id FROM group_members WHERE group_id = $1", &[Text(id.as_str())]).await?;
    for row in members {
        w.touch(Subject::User(row.parsed(0, UserId::parse)?));
    }
    w.tx.run("DELETE FROM groups WHERE id = $1", &[Text(id.as_str())]).await?;
    w.touch(group);
    Ok(())
}
