//! Short ways to say edits.

use super::Edit;
use rolegate::rbac::{
    gear::GearAccess,
    level::{GroupRole, SiteRole},
    role::RoleActions,
};

macro_rules! say {
    ($($name:ident($($arg:ident: $type:ty),*) => $edit:expr;)*) => {
        $(pub(crate) fn $name($($arg: $type),*) -> Edit { $edit })*
    };
}

say! {
    new_user(id: &str) => Edit::CreateUser(id.into(), SiteRole::User);
    new_admin(id: &str) => Edit::CreateUser(id.into(), SiteRole::SiteAdmin);
    site_role(id: &str, to: SiteRole) => Edit::UpdateUser(id.into(), Some(to), None);
    enable(id: &str, enabled: bool) => Edit::UpdateUser(id.into(), None, Some(enabled));
    drop_user(id: &str) => Edit::DeleteUser(id.into());
    new_group(id: &str) => Edit::CreateGroup(id.into());
    rename_group(id: &str, to: &str) => Edit::RenameGroup(id.into(), to.into());
    drop_group(id: &str) => Edit::DeleteGroup(id.into());
    member(group: &str, user: &str, role: GroupRole) => Edit::SetMember(group.into(), user.into(), role);
    no_member(group: &str, user: &str) => Edit::RemoveMember(group.into(), user.into());
    offer(group: &str, role: &str) => Edit::Offer(group.into(), role.into());
    withdraw(group: &str, role: &str) => Edit::Withdraw(group.into(), role.into());
    new_role(id: &str, label: &str, held: RoleActions) => Edit::CreateRole(id.into(), label.into(), held);
    relabel(id: &str, label: &str) => Edit::UpdateRole(id.into(), Some(label.into()), None);
    new_actions(id: &str, held: RoleActions) => Edit::UpdateRole(id.into(), None, Some(held));
    drop_role(id: &str) => Edit::DeleteRole(id.into());
    new_project(id: &str, group: &str) => Edit::CreateProject(id.into(), group.into(), true);
    bare_project(id: &str, group: &str) => Edit::CreateProject(id.into(), group.into(), false);
    rename_project(id: &str, to: &str) => Edit::RenameProject(id.into(), to.into());
    drop_project(id: &str) => Edit::DeleteProject(id.into());
    permit(project: &str, user: &str, roles: &str) =>
        Edit::SetPermission(project.into(), user.into(), roles.into());
    no_permit(project: &str, user: &str) => Edit::RemovePermission(project.into(), user.into());
    template(group: &str, user: &str, roles: &str, propagate: bool) =>
        Edit::SetTemplate(group.into(), user.into(), roles.into(), propagate);
    no_template(group: &str, user: &str, propagate: bool) =>
        Edit::RemoveTemplate(group.into(), user.into(), propagate);
    new_gear(name: &str) => Edit::CreateGear(name.into());
    set_gear(name: &str, access: GearAccess) => Edit::SetGear(name.into(), access);
    drop_gear(name: &str) => Edit::DeleteGear(name.into());
    new_key(user: &str) => Edit::CreateKey(user.into());
    drop_key(id: &str) => Edit::RevokeKey(id.into());
}
