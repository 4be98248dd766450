//! `rolegate.v1.RoleAdminService`: every call is handled beside its noun, for whoever was found out to call.

mod audit;
mod call;
mod explain;
mod gears;
mod groups;
mod keys;
mod members;
mod offers;
mod permissions;
mod projects;
mod roles;
mod site;
mod templates;
mod users;

use super::{
    bearer,
    proto::{role_admin_service_server::RoleAdminService, *},
    size::fits,
};
use crate::{engine::Engine, store::auth::Actor};
pub(crate) use audit::entry as audit_entry;
use call::Call;
pub(crate) use explain::Asked;
use futures_util::stream::BoxStream;
pub(crate) use site::{PIECE, replies as site_replies};
use tonic::{Request, Response, Status, Streaming};

/// Administers the store through the engine.
pub struct RoleAdmin {
    engine: Engine,
    reply_bytes: usize,
}

impl RoleAdmin {
    /// The service over an engine, with replies of at most so many bytes.
    #[must_use]
    pub const fn new(engine: Engine, reply_bytes: usize) -> Self {
        Self { engine, reply_bytes }
    }

    /// Who calls was found out at the edge, before the message was taken in; a call that came another way is refused.
    fn authenticated<T>(&self, request: Request<T>) -> Result<Call<T>, Status> {
        let actor = request.extensions().get::<Actor>().cloned();
        let actor = actor.ok_or_else(|| bearer::unauthenticated("a valid API key is needed"))?;
        Ok(Call {
            engine: self.engine.clone(),
            actor,
            message: request.into_inner(),
            reply_bytes: self.reply_bytes,
        })
    }
}

/// Writes the service out: one line a call, and no way around authentication.
macro_rules! calls {
    ($($name:ident($request:ty) -> $response:ty = $handler:path;)*) => {
        #[tonic::async_trait]
        impl RoleAdminService for RoleAdmin {
            $(async fn $name(&self, request: Request<$request>) -> Result<Response<$response>, Status> {
                let reply = $handler(self.authenticated(request)?).await?;
                fits(reply, self.reply_bytes, "raise `message_bytes`, here and in the client").map(Response::new)
            })*

            type ApplySiteStream = BoxStream<'static, Result<ApplySiteResponse, Status>>;

            async fn apply_site(
                &self,
                request: Request<Streaming<ApplySiteRequest>>,
            ) -> Result<Response<Self::ApplySiteStream>, Status> {
                site::apply(self.authenticated(request)?).await.map(Response::new)
            }

            type ExportSiteStream = BoxStream<'static, Result<ExportSiteResponse, Status>>;

            async fn export_site(
                &self,
                request: Request<ExportSiteRequest>,
            ) -> Result<Response<Self::ExportSiteStream>, Status> {
                site::export(self.authenticated(request)?).await.map(Response::new)
            }
        }
    };
}

calls! {
    create_role(CreateRoleRequest) -> CreateRoleResponse = roles::create;
    get_role(GetRoleRequest) -> GetRoleResponse = roles::get;
    list_roles(ListRolesRequest) -> ListRolesResponse = roles::list;
    update_role(UpdateRoleRequest) -> UpdateRoleResponse = roles::update;
    delete_role(DeleteRoleRequest) -> DeleteRoleResponse = roles::delete;
    offer_role(OfferRoleRequest) -> OfferRoleResponse = offers::offer;
    withdraw_role(WithdrawRoleRequest) -> WithdrawRoleResponse = offers::withdraw;
    list_offered_roles(ListOfferedRolesRequest) -> ListOfferedRolesResponse = offers::list;
    create_group(CreateGroupRequest) -> CreateGroupResponse = groups::create;
    get_group(GetGroupRequest) -> GetGroupResponse = groups::get;
    list_groups(ListGroupsRequest) -> ListGroupsResponse = groups::list;
    update_group(UpdateGroupRequest) -> UpdateGroupResponse = groups::update;
    delete_group(DeleteGroupRequest) -> DeleteGroupResponse = groups::delete;
    set_group_member(SetGroupMemberRequest) -> SetGroupMemberResponse = members::set;
    remove_group_member(RemoveGroupMemberRequest) -> RemoveGroupMemberResponse = members::remove;
    list_group_members(ListGroupMembersRequest) -> ListGroupMembersResponse = members::list;
    set_template_entry(SetTemplateEntryRequest) -> SetTemplateEntryResponse = templates::set;
    remove_template_entry(RemoveTemplateEntryRequest) -> RemoveTemplateEntryResponse = templates::remove;
    list_template_entries(ListTemplateEntriesRequest) -> ListTemplateEntriesResponse = templates::list;
    create_project(CreateProjectRequest) -> CreateProjectResponse = projects::create;
    get_project(GetProjectRequest) -> GetProjectResponse = projects::get;
    list_projects(ListProjectsRequest) -> ListProjectsResponse = projects::list;
    update_project(UpdateProjectRequest) -> UpdateProjectResponse = projects::update;
    delete_project(DeleteProjectRequest) -> DeleteProjectResponse = projects::delete;
    set_project_permission(SetProjectPermissionRequest) -> SetProjectPermissionResponse = permissions::set;
    remove_project_permission(RemoveProjectPermissionRequest) -> RemoveProjectPermissionResponse
        = permissions::remove;
    list_project_permissions(ListProjectPermissionsRequest) -> ListProjectPermissionsResponse
        = permissions::list;
    create_user(CreateUserRequest) -> CreateUserResponse = users::create;
    get_user(GetUserRequest) -> GetUserResponse = users::get;
    list_users(ListUsersRequest) -> ListUsersResponse = users::list;
    update_user(UpdateUserRequest) -> UpdateUserResponse = users::update;
    delete_user(DeleteUserRequest) -> DeleteUserResponse = users::delete;
    create_gear(CreateGearRequest) -> CreateGearResponse = gears::create;
    get_gear(GetGearRequest) -> GetGearResponse = gears::get;
    list_gears(ListGearsRequest) -> ListGearsResponse = gears::list;
    set_gear_access(SetGearAccessRequest) -> SetGearAccessResponse = gears::set_access;
    delete_gear(DeleteGearRequest) -> DeleteGearResponse = gears::delete;
    create_api_key(CreateApiKeyRequest) -> CreateApiKeyResponse = keys::create;
    list_api_keys(ListApiKeysRequest) -> ListApiKeysResponse = keys::list;
    explain(ExplainRequest) -> ExplainResponse = explain::explain;
    list_audit(ListAuditRequest) -> ListAuditResponse = audit::list;
    revoke_api_key(RevokeApiKeyRequest) -> RevokeApiKeyResponse = keys::revoke;
}
