//! Gears and whom they are open to.

use super::super::{
    change::Subject,
    error::Result,
    load,
    tx::{Arg::Int, Arg::Text},
    write::WriteTx,
};
use rolegate_rbac::{gear::GearAccess, level::SiteAction, text::GearName};

/// Registers a gear, open to all; also under the name of a deleted one.
///
/// # Errors
/// As all edits: refused by the rules, or the store failed.
pub async fn create(w: &mut WriteTx, name: &GearName) -> Result<()> {
    w.permit_on_site(SiteAction::GearsUpload).await?;
    let gear = Subject::Gear(name.clone());
    w.made(&gear).await?;
    let revision = w.revision_arg();
    let sql = "INSERT INTO gears (name, restricted, revision) VALUES ($1, 0, $2)";
    w.tx.run(sql, &[Text(name.as_str()), revision]).await?;
    w.touch(gear);
    Ok(())
}

/// Opens a gear to all, or restricts it to projects and users that exist.
pub async fn set_access(w: &mut WriteTx, name: &GearName, access: &GearAccess) -> Result<()> {
    w.permit_on_site(SiteAction::GearsRestrict).await?;
    let gear = Subject::Gear(name.clone());
    w.existing(&gear).await?;
    if let GearAccess::Restricted { projects, users } = access {
        for project in projects {
            w.existing(&Subject::Project(project.clone())).await?;
        }
        for user in users {
            w.known_user(user).await?;
        }
    }
    w.edited(&gear).await?;
    if load::gear(&mut w.tx, name).await?.as_ref() == Some(access) {
        return Ok(());
    }
    write_access(w, name, access).await?;
    w.changed(gear).await
}

async fn write_access(w: &mut WriteTx, name: &GearName, access: &GearAccess) -> Result<()> {
    let gear = Text(name.as_str());
    let restricted = matches!(access, GearAccess::Restricted { .. });
    w.tx.run("UPDATE gears SET restricted = $2 WHERE name = $1", &[gear, Int(restricted.into())]).await?;
    w.tx.run("DELETE FROM gear_projects WHERE gear = $1", &[gear]).await?;
    w.tx.run("DELETE FROM gear_users WHERE gear = $1", &[gear]).await?;
    if let GearAccess::Restricted { projects, users } = access {
        for project in projects {
            let sql = "INSERT INTO gear_projects (gear, project_id) VALUES ($1, $2)";
            w.tx.run(sql, &[gear, Text(project.as_str())]).await?;
        }
        for user in users {
            let sql = "INSERT INTO gear_users (gear, user_id) VALUES ($1, $2)";
            w.tx.run(sql, &[gear, Text(user.as_str())]).await?;
        }
    }
    Ok(())
}

/// Deletes a gear.
pub async fn delete(w: &mut WriteTx, name: &GearName) -> Result<()> {
    w.permit_on_site(SiteAction::GearsUpload).await?;
    let gear = Subject::Gear(name.clone());
    w.edited(&gear).await?;
    w.tx.run("DELETE FROM gears WHERE name = $1", &[Text(name.as_str())]).await?;
    w.touch(gear);
    Ok(())
}
