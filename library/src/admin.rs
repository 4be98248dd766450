//! `rolegate.v1.RoleAdminService`: every call is handled beside its noun, for whoever was found out to call.

mod audit;
mod call;
mod explain;
mod gears;
mod groups;
mod keys;
mod members;
mod objects;
mod offers;
mod permissions;
mod projects;
mod request;
mod roles;
mod site;
mod templates;
mod users;

use crate::{
    engine::Engine,
    grpc::{
        bearer,
        proto::*,
        rpc::{Encoded, Rpc},
        served::role_admin_service_server::RoleAdminService,
        size::fits,
    },
    store::auth::Actor,
};
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

    /// The reply to such a request.
    fn reply<R: Rpc>(&self, reply: R::Reply) -> Result<Response<Encoded>, Status> {
        let reply = fits(reply, self.reply_bytes, "raise `message_bytes`, here and in the client")?;
        Ok(Response::new(Encoded::of(&reply)))
    }
}

/// Writes the service out: one line a call, and no way around authentication. What a call asks is told by its name.
macro_rules! calls {
    ($($name:ident = $handler:path;)*) => { pastey::paste! {
        #[tonic::async_trait]
        impl RoleAdminService for RoleAdmin {
            $(async fn $name(&self, request: Request<Encoded>) -> Result<Response<Encoded>, Status> {
                let reply = $handler(self.authenticated(request)?.decoded::<[<$name:camel Request>]>()?).await?;
                self.reply::<[<$name:camel Request>]>(reply)
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
    } };
}

calls! {
    create_role = roles::create;
    get_role = roles::get;
    list_roles = roles::list;
    update_role = roles::update;
    delete_role = roles::delete;
    offer_role = offers::offer;
    withdraw_role = offers::withdraw;
    list_offered_roles = offers::list;
    create_group = groups::create;
    get_group = groups::get;
    list_groups = groups::list;
    update_group = groups::update;
    delete_group = groups::delete;
    set_group_member = members::set;
    remove_group_member = members::remove;
    list_group_members = members::list;
    set_template_entry = templates::set;
    remove_template_entry = templates::remove;
    list_template_entries = templates::list;
    create_project = projects::create;
    get_project = projects::get;
    list_projects = projects::list;
    update_project = projects::update;
    delete_project = projects::delete;
    set_project_permission = permissions::set;
    remove_project_permission = permissions::remove;
    list_project_permissions = permissions::list;
    create_user = users::create;
    get_user = users::get;
    list_users = users::list;
    update_user = users::update;
    delete_user = users::delete;
    create_gear = gears::create;
    get_gear = gears::get;
    list_gears = gears::list;
    set_gear_access = gears::set_access;
    delete_gear = gears::delete;
    create_api_key = keys::create;
    list_api_keys = keys::list;
    explain = explain::explain;
    list_audit = audit::list;
    revoke_api_key = keys::revoke;
}
