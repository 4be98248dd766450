//! What travels over the platform's HTTP contract, named as it names things.
//!
//! Ids are `_id` there. Whatever a message holds beside what is read here is let pass: clients send whole objects back.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// Null stands for nothing, where platforms leave a list out.
fn or_nothing<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(value: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(value)?.unwrap_or_default())
}

/// A project role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Role {
    /// The id.
    #[serde(rename = "_id")]
    pub id: String,
    /// For people; unique on the site.
    pub label: String,
    /// What it may do, by current names.
    #[serde(default, deserialize_with = "or_nothing")]
    pub actions: Vec<String>,
    /// Which of the built-in roles it is; null for a custom role.
    #[serde(default)]
    pub default_flywheel_role: Option<String>,
    /// Whether anyone holds it, on a project or in a template.
    #[serde(default, deserialize_with = "or_nothing")]
    pub in_use: bool,
}

/// A custom role to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct NewRole {
    /// For people; unique on the site.
    pub label: String,
    /// What it may do; older names stand for the current ones.
    pub actions: Vec<String>,
}

/// A change to a custom role; what is absent stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct RoleUpdate {
    /// The new label.
    pub label: Option<String>,
    /// The new actions, in place of the old ones.
    pub actions: Option<Vec<String>>,
}

/// A role by its id: bare, or as an object.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum RoleReference {
    /// The id alone.
    Bare(String),
    /// An object that holds it.
    Object(Id),
}

impl RoleReference {
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Bare(id) | Self::Object(Id { id }) => id,
        }
    }
}

/// The id of what was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Id {
    /// The id.
    #[serde(rename = "_id")]
    pub id: String,
}

/// How many things were changed.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Modified {
    /// How many.
    pub modified: u64,
}

impl Modified {
    pub(super) const ONE: Self = Self { modified: 1 };
    pub(super) const NONE: Self = Self { modified: 0 };
}

/// How many things were deleted.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Deleted {
    /// How many.
    pub deleted: u64,
}

impl Deleted {
    pub(super) const ONE: Self = Self { deleted: 1 };
}

/// A user's roles on a project, or in a group's template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RolePermission {
    /// The user.
    #[serde(rename = "_id")]
    pub id: String,
    /// The roles, by id.
    #[serde(deserialize_with = "or_nothing")]
    pub role_ids: Vec<String>,
}

/// The roles that a user is to have, in place of those held.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct RoleIds {
    /// The roles, by id.
    pub role_ids: Vec<String>,
}

/// What a member of a group may do there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AccessLevel {
    /// View.
    Ro,
    /// Change settings.
    Rw,
    /// Manage.
    Admin,
}

/// A user's role in a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessPermission {
    /// The user.
    #[serde(rename = "_id")]
    pub id: String,
    /// The role.
    pub access: AccessLevel,
}

/// The role in a group that a user is to have.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
pub struct Access {
    /// The role.
    pub access: AccessLevel,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Group {
    /// The id.
    #[serde(rename = "_id")]
    pub id: String,
    /// For people.
    #[serde(default)]
    pub label: Option<String>,
    /// Its members.
    #[serde(default, deserialize_with = "or_nothing")]
    pub permissions: Vec<AccessPermission>,
    /// What its new projects start with.
    #[serde(default, deserialize_with = "or_nothing")]
    pub permissions_template: Vec<RolePermission>,
    /// The custom roles that it is offered, by id.
    #[serde(default, deserialize_with = "or_nothing")]
    pub roles: Vec<String>,
    /// When it last changed.
    #[serde(default, deserialize_with = "or_nothing")]
    pub revision: u64,
}

/// A group to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct NewGroup {
    /// The id, chosen by its maker.
    #[serde(rename = "_id")]
    pub id: String,
    /// For people; the id if absent.
    pub label: Option<String>,
}

/// A change to a group; what is absent stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct LabelUpdate {
    /// The new label.
    pub label: Option<String>,
}

/// A project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Project {
    /// The id.
    #[serde(rename = "_id")]
    pub id: String,
    /// Unique in its group.
    pub label: String,
    /// The group that it belongs to.
    pub group: String,
    /// What it is part of.
    #[serde(default)]
    pub parents: Parents,
    /// Who is on it.
    #[serde(default, deserialize_with = "or_nothing")]
    pub permissions: Vec<RolePermission>,
    /// When it last changed.
    #[serde(default, deserialize_with = "or_nothing")]
    pub revision: u64,
}

/// What something is part of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Parents {
    /// The group.
    #[serde(default)]
    pub group: Option<String>,
}

/// A project to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct NewProject {
    /// Unique in the group.
    pub label: String,
    /// The group that it is to belong to, for good.
    pub group: String,
    /// Who else is on it from the start.
    #[serde(default, deserialize_with = "or_nothing")]
    pub permissions: Vec<RolePermission>,
}

/// Where to look: a group, then a project's label or `<id:ID>`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct Path {
    /// Segment by segment.
    pub path: Vec<String>,
}

/// Something that was found.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "container_type", rename_all = "lowercase")]
pub enum Node {
    /// A group.
    Group(Group),
    /// A project.
    Project(Project),
}

/// What lies along a path, and below it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Resolved {
    /// What lies along it.
    pub path: Vec<Node>,
    /// What lies below it.
    pub children: Vec<Node>,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// The id.
    #[serde(rename = "_id")]
    pub id: String,
    /// The e-mail address, which the id is by custom.
    #[serde(default)]
    pub email: Option<String>,
    /// The one site role.
    #[serde(default, deserialize_with = "or_nothing")]
    pub roles: Vec<String>,
    /// Whether the user may do nothing for now.
    #[serde(default)]
    pub disabled: Option<bool>,
}

/// A user to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct NewUser {
    /// The id, an e-mail address by custom.
    #[serde(rename = "_id")]
    pub id: String,
    /// The one site role; `user` if absent.
    pub roles: Option<Vec<String>>,
    /// Whether the user may do nothing for now.
    pub disabled: Option<bool>,
}

/// A change to a user; what is absent stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct UserUpdate {
    /// The new site role.
    pub roles: Option<Vec<String>>,
    /// Whether the user may do nothing from now on.
    pub disabled: Option<bool>,
}

/// Who calls.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CurrentUser {
    /// The id.
    #[serde(rename = "_id")]
    pub id: String,
    /// The id again.
    pub user_id: String,
    /// The e-mail address, which the id is by custom.
    pub email: String,
    /// The one site role.
    pub roles: Vec<String>,
    /// Whether the user may do everything.
    pub root: bool,
    /// Whether the user may do nothing for now.
    pub disabled: bool,
    /// The keys, without their secrets.
    pub api_keys: Vec<KeyInfo>,
}

/// Who calls, in short.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuthStatus {
    /// Where the call comes from.
    pub origin: Origin,
    /// The user.
    pub user_id: String,
    /// Whether the user may do everything.
    pub user_is_admin: bool,
    /// Always false: devices have no keys here.
    pub is_device: bool,
    /// The one site role.
    pub roles: Vec<String>,
}

/// Where a call comes from.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Origin {
    /// Always `user`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The user.
    pub id: String,
}

/// A key to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct NewKey {
    /// What it is for.
    pub label: String,
    /// When it ends, in RFC 3339.
    pub expires_at: Option<String>,
}

/// A key without its secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct KeyInfo {
    /// The readable part, by which it is revoked.
    #[serde(rename = "_id")]
    pub id: String,
    /// The same: clients that know no id of a key read it here.
    pub key: String,
    /// What it is for.
    pub label: String,
    /// When it was made, in RFC 3339.
    pub created: String,
    /// When it ends, in RFC 3339; null for never.
    pub expires_at: Option<String>,
}

/// A key that was made.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MadeKey {
    /// What it is.
    #[serde(flatten)]
    pub info: KeyInfo,
    /// The whole key, shown this once.
    pub unencrypted_secret: String,
}

/// A gear and whom it is open to.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct GearSeries {
    /// The name.
    #[serde(rename = "_id")]
    pub id: String,
    /// The name.
    pub name: String,
    /// Whom it is open to, if it is restricted.
    #[serde(default, deserialize_with = "or_nothing")]
    pub permissions: GearPermissions,
    /// Whether it is open to those alone.
    #[serde(default, deserialize_with = "or_nothing")]
    pub is_restricted: bool,
}

/// Whom a gear is open to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GearPermissions {
    /// On these projects, by id.
    #[serde(default, deserialize_with = "or_nothing")]
    pub projects: Vec<String>,
    /// For these users.
    #[serde(default, deserialize_with = "or_nothing")]
    pub users: Vec<String>,
}

/// A gear, as lists tell of it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct GearDoc {
    /// Names this version of the gear; there is only one here.
    #[serde(rename = "_id")]
    pub id: String,
    /// The gear itself.
    pub gear: GearName,
}

/// What a gear is called.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct GearName {
    /// The name.
    pub name: String,
}

/// A project or a user that a gear is to be open to.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct GearItem {
    /// The id.
    pub id: String,
}

/// What runs here.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Version {
    /// The name of the document.
    #[serde(rename = "_id")]
    pub id: String,
    /// The schema of the store.
    pub database: u64,
    /// rolegate's version.
    pub release: String,
    /// The same.
    pub flywheel_release: String,
}

/// How the site is set up, as far as it is told.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SiteConfig {
    /// Its name.
    pub site: Site,
    /// What is switched on.
    pub features: Features,
}

/// The site.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Site {
    /// For people.
    pub name: String,
}

/// What is switched on.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Features {
    /// Gears can be restricted to projects and users.
    pub gear_access: bool,
}

/// Why a request was refused, or failed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Failure {
    /// For people.
    pub message: String,
    /// The status, again.
    pub status_code: u16,
    /// For programs.
    pub detail: Detail,
}

/// Why, for programs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Detail {
    /// The same words as over gRPC, such as `ROLE_IN_USE`.
    pub reason: String,
}
