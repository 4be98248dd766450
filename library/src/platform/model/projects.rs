//! Projects, and where things are found.

use super::{groups::Group, or_nothing, roles::RolePermission};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
