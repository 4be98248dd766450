//! Bringing a store in line with a site file, in one transaction.

use super::{
    Document,
    plan::{Plan, plan},
    report,
    step::Step,
};
use crate::{
    aside::{CutShort, aside},
    rbac::{custom_role::RoleFaults, impact::AccessChange, refusal::Refusal, world::World},
    store::{
        auth::Actor,
        edit::{self, users::UserUpdate},
        error::{Error, Result},
        permit,
        tx::Tx,
        world::world,
        write::WriteTx,
    },
};
use std::collections::BTreeSet;

/// How to apply a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Delete what the file does not name.
    pub prune: bool,
    /// Report who gains or loses what, which takes looking at the whole site twice.
    pub report: bool,
    /// Keep actions that this binary does not know, which grant nothing.
    pub keep_unknown: bool,
}

/// What an apply did, or would do.
#[derive(Debug, Default)]
pub struct Applied {
    /// The changes to objects.
    pub steps: Vec<Step>,
    /// With [`Options::report`]: the changes to what people may do.
    pub access_changes: Vec<AccessChange>,
    /// How many objects the store holds that the file does not name.
    pub unmentioned: u64,
}

/// Demands that the actor is a site admin: whole sites are theirs alone.
///
/// # Errors
/// The actor is none, or the store failed.
pub async fn permit(tx: &mut Tx, actor: Actor) -> Result<()> {
    if permit::is_superuser(tx, &actor).await? {
        Ok(())
    } else {
        Err(Refusal::NotPermitted { takes: "a site admin".to_owned() }.into())
    }
}

/// Plans and does everything, all or nothing. Every step is an edit under the same rules as any other.
///
/// # Errors
/// The writer is no site admin, the store is not at the expected revision, the file is at fault, or a rule refuses a
/// step; nothing has changed then.
pub async fn apply(w: &mut WriteTx, document: Document, options: Options) -> Result<Applied> {
    w.permit_superuser()?;
    w.expect_base()?;
    if options.keep_unknown {
        w.keep_unknown_actions()?;
    }
    let before = world(w.reading()).await?;
    let (before, document, plan) = planned(before, document, options.prune).await?;
    let Plan { steps, unmentioned } = plan?;
    free_labels(w, &before, &steps).await?;
    for step in &steps {
        run(w, step).await.map_err(|error| name_place(error, step, &document))?;
    }
    // Where nothing changes nobody gains or loses anything, and reading a whole site is not free.
    let compared = (options.report && !steps.is_empty()).then_some(before);
    let access_changes = report::access_changes(w, compared).await?;
    Ok(Applied { steps, access_changes, unmentioned })
}

/// The plan for a document, with what it was made of.
async fn planned(
    before: World,
    document: Document,
    prune: bool,
) -> Result<(World, Document, Result<Plan>), CutShort> {
    aside(move || {
        let plan = plan(&before, &document, prune, &mut || Ok(edit::new_id()?));
        (before, document, plan)
    })
    .await
}

/// Labels are unique at every moment, so those that change hands, in a swap for example, are given up before any is
/// taken.
async fn free_labels(w: &mut WriteTx, before: &World, steps: &[Step]) -> Result<()> {
    let of_role = |id| before.roles.get(id).map(|role| &role.label);
    let of_project = |id| before.projects.get(id).map(|project| &project.label);
    let (mut roles, mut projects) = (BTreeSet::new(), BTreeSet::new());
    for step in steps {
        match step {
            Step::CreateRole { id, label, .. } | Step::UpdateRole { id, label, .. } => {
                roles.extend(Some(label).filter(|label| of_role(id) != Some(label)));
            }
            Step::CreateProject { label, .. } | Step::RenameProject { label, .. } => {
                projects.insert(label);
            }
            _ => {}
        }
    }
    for step in steps {
        match step {
            Step::UpdateRole { id, .. } | Step::DeleteRole { id, .. }
                if of_role(id).is_some_and(|label| roles.contains(label)) =>
            {
                edit::roles::give_label_up(w, id).await?;
            }
            Step::RenameProject { id, .. } | Step::DeleteProject { id, .. }
                if of_project(id).is_some_and(|label| projects.contains(label)) =>
            {
                edit::projects::give_label_up(w, id).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Says where in the file the cause stands, of what a rule refuses for what the file says.
fn name_place(error: Error, step: &Step, document: &Document) -> Error {
    match (error, step) {
        (
            Error::Refused(Refusal::Role(faults)),
            Step::CreateRole { label, .. } | Step::UpdateRole { label, .. },
        ) => {
            let place = document.role(label).map(|place| place.to_string());
            Refusal::Role(RoleFaults { place, ..faults }).into()
        }
        (Error::Refused(Refusal::NotOffered { role, group, .. }), step) => {
            let place = match step {
                Step::SetTemplate { user, .. } => document.template(&group, user),
                Step::SetPermission { label, user, .. } => document.permission(&group, label, user),
                _ => None,
            };
            Refusal::NotOffered { role, group, place: place.map(|place| place.to_string()) }.into()
        }
        (error, _) => error,
    }
}

async fn run(w: &mut WriteTx, step: &Step) -> Result<()> {
    match step {
        Step::CreateRole { id, label, actions } => {
            edit::roles::create(w, Some(id.clone()), label, actions).await.map(drop)
        }
        Step::UpdateRole { id, label, actions, .. } => {
            edit::roles::update(w, id, Some(label), Some(actions)).await
        }
        Step::DeleteRole { id, .. } => edit::roles::delete(w, id).await,
        Step::CreateUser { id, site_role, enabled } => edit::users::create(w, id, *site_role, *enabled).await,
        Step::UpdateUser { id, site_role, enabled } => {
            let update = UserUpdate { site_role: Some(*site_role), enabled: Some(*enabled) };
            edit::users::update(w, id, update).await
        }
        Step::DeleteUser { id } => edit::users::delete(w, id).await,
        Step::CreateGroup { id, label } => edit::groups::create(w, id, label).await,
        Step::RenameGroup { id, label } => edit::groups::rename(w, id, label).await,
        Step::DeleteGroup { id } => edit::groups::delete(w, id).await,
        Step::Offer { group, role, .. } => edit::offers::offer(w, group, role).await,
        Step::Withdraw { group, role, .. } => edit::offers::withdraw(w, group, role).await,
        Step::SetMember { group, user, role } => edit::members::set(w, group, user, *role).await,
        Step::RemoveMember { group, user } => edit::members::remove(w, group, user).await,
        Step::SetTemplate { group, user, roles, .. } => {
            edit::templates::set(w, group, user, roles, false).await
        }
        Step::RemoveTemplate { group, user } => edit::templates::remove(w, group, user, false).await,
        Step::CreateProject { id, group, label } => edit::projects::create_bare(w, id, group, label).await,
        Step::RenameProject { id, label } => edit::projects::rename(w, id, label).await,
        Step::DeleteProject { id, .. } => edit::projects::delete(w, id).await,
        Step::SetPermission { project, user, roles, .. } => {
            edit::permissions::set(w, project, user, roles).await
        }
        Step::RemovePermission { project, user, .. } => edit::permissions::remove(w, project, user).await,
        Step::CreateGear { name } => edit::gears::create(w, name).await,
        Step::SetGearAccess { name, access } => edit::gears::set_access(w, name, access).await,
        Step::DeleteGear { name } => edit::gears::delete(w, name).await,
    }
}
