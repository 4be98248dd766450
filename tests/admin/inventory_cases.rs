//! One valid request a call of the administration, on the sample site, and what it takes to make it. In an order in
//! which no call takes away what a later one needs.

use super::calls::{DATA_IMPORTER, GEAR_DEVELOPER, HEART_IMAGING, MEMORY_STUDY, with_required};
use prost::Message;
use rolegate::grpc::proto::*;

/// An API key of `ada@demo.example` that tests put into the store by hand.
pub const KNOWN_KEY: &str = "abcdefabcdef";

/// What a call takes.
pub enum Takes {
    /// Any enabled user.
    AnyEnabled,
    /// The right that the refusal names so.
    Right(&'static str),
}

pub struct Case {
    pub method: &'static str,
    /// A request that a site admin gets through.
    pub body: Vec<u8>,
    pub takes: Takes,
    /// The same about things that do not exist.
    pub unknown: Vec<Vec<u8>>,
}

fn open(method: &'static str, body: impl Message) -> Case {
    Case { method, body: body.encode_to_vec(), takes: Takes::AnyEnabled, unknown: Vec::new() }
}

/// A call about things of which the first list exists and the others do not.
fn guarded<M: Message, const N: usize>(
    method: &'static str,
    right: &'static str,
    ids: [&str; N],
    request: impl Fn([String; N]) -> M,
) -> Case {
    let body = request(ids.map(str::to_owned)).encode_to_vec();
    let without = |nth: usize| {
        let mut ids = ids.map(str::to_owned);
        ids[nth] = "0e0e0e0e0e0e".to_owned();
        request(ids).encode_to_vec()
    };
    Case { method, body, takes: Takes::Right(right), unknown: (0..N).map(without).collect() }
}

const NEURO: &str = "neuro";
const ADA: &str = "ada@demo.example";
const WALT: &str = "walt@demo.example";
const ROSA: &str = "rosa@demo.example";

pub fn cases() -> Vec<Case> {
    reads().into_iter().chain(creations()).chain(changes()).chain(deletions()).collect()
}

fn reads() -> Vec<Case> {
    vec![
        open("GetRole", GetRoleRequest { id: GEAR_DEVELOPER.to_owned() }),
        open("ListRoles", ListRolesRequest::default()),
        guarded("ListOfferedRoles", "`group_roles_view` on the group", [NEURO], |[group]| {
            ListOfferedRolesRequest { group, ..Default::default() }
        }),
        guarded("GetGroup", "`group_settings_view` on the group", [NEURO], |[id]| GetGroupRequest { id }),
        open("ListGroups", ListGroupsRequest::default()),
        guarded("ListGroupMembers", "`group_roles_view` on the group", [NEURO], |[group]| {
            ListGroupMembersRequest { group, ..Default::default() }
        }),
        guarded("ListTemplateEntries", "`project_template_view` on the group", [NEURO], |[group]| {
            ListTemplateEntriesRequest { group, ..Default::default() }
        }),
        guarded("GetProject", "`containers_view_metadata` on the project", [MEMORY_STUDY], |[id]| {
            GetProjectRequest { id }
        }),
        open("ListProjects", ListProjectsRequest::default()),
        guarded(
            "ListProjectPermissions",
            "`project_permissions_view` on the project",
            [MEMORY_STUDY],
            |[project]| ListProjectPermissionsRequest { project, ..Default::default() },
        ),
        guarded("GetUser", "`users_manage` on the site", [ADA], |[id]| GetUserRequest { id }),
        guarded("ListUsers", "`users_manage` on the site", [], |[]| ListUsersRequest::default()),
        guarded("GetGear", "`gears_restrict` on the site", ["dicom-qc"], |[name]| GetGearRequest { name }),
        guarded("ListGears", "`gears_restrict` on the site", [], |[]| ListGearsRequest::default()),
        guarded("ListApiKeys", "`users_manage` on the site", [ADA], |[user]| ListApiKeysRequest {
            user,
            ..Default::default()
        }),
        guarded("Explain", "a site admin", [], |[]| ExplainRequest {
            check: Some(CheckRequest {
                user: ADA.into(),
                resource: Some(Resource { place: Some(resource::Place::Project(MEMORY_STUDY.into())) }),
                question: Some(check_request::Question::Action("files_download".into())),
                ..Default::default()
            }),
        }),
        guarded("ListAudit", "a site admin", [], |[]| ListAuditRequest::default()),
        guarded("ExportSite", "a site admin", [], |[]| ExportSiteRequest {}),
    ]
}

fn creations() -> Vec<Case> {
    vec![
        guarded("CreateRole", "`custom_roles_manage` on the site", ["Tagger"], |[label]| CreateRoleRequest {
            label,
            actions: with_required(&["tags_manage"]),
            ..Default::default()
        }),
        guarded("CreateGroup", "`groups_manage` on the site", ["onco"], |[id]| CreateGroupRequest {
            id,
            label: "Oncology".to_owned(),
            ..Default::default()
        }),
        guarded("CreateProject", "`group_projects_create` on the group", [NEURO], |[group]| {
            CreateProjectRequest { group, label: "Stroke".to_owned(), ..Default::default() }
        }),
        guarded("CreateUser", "`users_manage` on the site", ["new@demo.example"], |[id]| CreateUserRequest {
            id,
            ..Default::default()
        }),
        guarded("CreateGear", "`gears_upload` on the site", ["defacer"], |[name]| CreateGearRequest {
            name,
            ..Default::default()
        }),
        guarded("CreateApiKey", "`users_manage` on the site", [ADA], |[user]| CreateApiKeyRequest {
            user,
            label: "laptop".to_owned(),
            ..Default::default()
        }),
    ]
}

fn changes() -> Vec<Case> {
    vec![
        guarded("UpdateRole", "`custom_roles_manage` on the site", [DATA_IMPORTER], |[id]| {
            UpdateRoleRequest { id, label: Some("Importer".to_owned()), ..Default::default() }
        }),
        guarded(
            "OfferRole",
            "`custom_roles_manage` on the site",
            ["cardio", GEAR_DEVELOPER],
            |[group, role]| OfferRoleRequest { group, role, ..Default::default() },
        ),
        guarded(
            "WithdrawRole",
            "`custom_roles_manage` on the site",
            ["cardio", GEAR_DEVELOPER],
            |[group, role]| WithdrawRoleRequest { group, role, ..Default::default() },
        ),
        guarded("UpdateGroup", "`group_settings_manage` on the group", [NEURO], |[id]| UpdateGroupRequest {
            id,
            label: "Neurology".to_owned(),
            ..Default::default()
        }),
        guarded("SetGroupMember", "`group_roles_manage` on the group", [NEURO, ROSA], |[group, user]| {
            SetGroupMemberRequest { group, user, role: GroupRole::Rw.into(), ..Default::default() }
        }),
        guarded(
            "SetTemplateEntry",
            "`project_template_manage` on the group",
            [NEURO, WALT, "rw"],
            |[group, user, role]| SetTemplateEntryRequest {
                group,
                user,
                roles: vec![role],
                propagate: true,
                ..Default::default()
            },
        ),
        guarded(
            "UpdateProject",
            "`settings_modify` on the project or `group_projects_settings_manage` on its group",
            [MEMORY_STUDY],
            |[id]| UpdateProjectRequest { id, label: "Memory".to_owned(), ..Default::default() },
        ),
        guarded(
            "SetProjectPermission",
            "`project_permissions_manage` on the project",
            [MEMORY_STUDY, ROSA, GEAR_DEVELOPER],
            |[project, user, role]| SetProjectPermissionRequest {
                project,
                user,
                roles: vec![role],
                ..Default::default()
            },
        ),
        guarded("UpdateUser", "`users_manage` on the site", [ROSA], |[id]| UpdateUserRequest {
            id,
            disabled: Some(true),
            ..Default::default()
        }),
        guarded("SetGearAccess", "`gears_restrict` on the site", ["dicom-qc", ROSA], |[name, user]| {
            let lists = GearRestriction { projects: Vec::new(), users: vec![user] };
            let access = Some(set_gear_access_request::Access::Restricted(lists));
            SetGearAccessRequest { name, access, ..Default::default() }
        }),
        guarded("ApplySite", "a site admin", [], |[]| ApplySiteRequest {
            document: "version: 1\n".to_owned(),
            ..Default::default()
        }),
    ]
}

fn deletions() -> Vec<Case> {
    vec![
        guarded("RevokeApiKey", "`users_manage` on the site", [KNOWN_KEY], |[id]| RevokeApiKeyRequest {
            id,
            ..Default::default()
        }),
        guarded("RemoveGroupMember", "`group_roles_manage` on the group", [NEURO, ROSA], |[group, user]| {
            RemoveGroupMemberRequest { group, user, ..Default::default() }
        }),
        guarded(
            "RemoveTemplateEntry",
            "`project_template_manage` on the group",
            [NEURO, WALT],
            |[group, user]| RemoveTemplateEntryRequest { group, user, propagate: true, ..Default::default() },
        ),
        guarded(
            "RemoveProjectPermission",
            "`project_permissions_manage` on the project",
            [MEMORY_STUDY, ROSA],
            |[project, user]| RemoveProjectPermissionRequest { project, user, ..Default::default() },
        ),
        guarded(
            "DeleteProject",
            "`containers_delete_project` on the project or `group_projects_delete` on its group",
            [HEART_IMAGING],
            |[id]| DeleteProjectRequest { id, ..Default::default() },
        ),
        guarded("DeleteRole", "`custom_roles_manage` on the site", ["deletable"], |[id]| DeleteRoleRequest {
            id,
            ..Default::default()
        }),
        guarded("DeleteGroup", "`groups_manage` on the site", ["deletable"], |[id]| DeleteGroupRequest {
            id,
            ..Default::default()
        }),
        guarded("DeleteGear", "`gears_upload` on the site", ["dicom-qc"], |[name]| DeleteGearRequest {
            name,
            ..Default::default()
        }),
        guarded("DeleteUser", "`users_manage` on the site", [ROSA], |[id]| DeleteUserRequest {
            id,
            ..Default::default()
        }),
    ]
}
