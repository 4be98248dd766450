//! The site file: a whole site as one declarative document, in YAML or JSON.

pub mod apply;
pub mod export;
pub mod plan;
pub mod report;
pub mod step;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The only version of the format so far.
pub const FORMAT_VERSION: u32 = 1;

/// How many keys, values and lists a file may have: more than any site, and few enough to hold in memory. What is small
/// and grows when read, such as aliases of aliases, meets the reader's own tighter limits.
const MOST_NODES: usize = 5_000_000;
const MOST_EVENTS: usize = 3 * MOST_NODES;

/// A whole site: its custom roles, people, groups with their projects, and gears.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteFile {
    /// The format's version: 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// Custom project roles. The built-in `admin`, `rw` and `ro` are always there and are not listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<RoleEntry>,
    /// Everyone who may hold anything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<UserEntry>,
    /// Groups, with their projects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupEntry>,
    /// Gears.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gears: Vec<GearEntry>,
}

/// A custom project role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleEntry {
    /// Absent: the role of that label, or a new one under an id of the store's making.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Unique on the site.
    pub label: String,
    /// Action names, current or older; must hold the required ones.
    pub actions: Vec<String>,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserEntry {
    /// An e-mail address by custom.
    pub id: String,
    /// `site_admin`, `developer`, `user`, or a name kept for the platform. Absent: `user`.
    #[serde(default = "plain_user", skip_serializing_if = "is_plain_user")]
    pub site_role: String,
    /// A disabled user is denied everything.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
}

fn plain_user() -> String {
    "user".to_owned()
}

fn is_plain_user(role: &String) -> bool {
    role == "user"
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupEntry {
    /// Short and chosen by its maker.
    pub id: String,
    /// For people. Absent: the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The custom roles offered to the group, by label or id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<String>,
    /// Members and their group roles: `admin`, `rw` or `ro`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub members: BTreeMap<String, String>,
    /// The project template: users and their project roles, by label or id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub template: BTreeMap<String, Vec<String>>,
    /// The group's projects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub projects: Vec<ProjectEntry>,
}

/// A project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectEntry {
    /// Absent: the project of that label in the group, or a new one under an id of the store's making.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Unique in its group.
    pub label: String,
    /// Users and their one or more project roles, by label or id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub permissions: BTreeMap<String, Vec<String>>,
}

/// A gear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GearEntry {
    /// Unique on the site.
    pub name: String,
    /// Absent: open to all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restricted: Option<RestrictionEntry>,
}

/// Whom a restricted gear is open to; with both lists empty it is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestrictionEntry {
    /// Projects in which anyone may run it, by id or as `group/label`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub projects: Vec<String>,
    /// Users who may run it anywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
}

/// Reads a site file.
///
/// # Errors
/// Says what is wrong, with line and column: unknown keys are refused, and so are duplicate ones.
pub fn parse(text: &str) -> Result<SiteFile, String> {
    let options = serde_saphyr::options! {
        with_snippet: false,
        budget: serde_saphyr::budget! { max_events: MOST_EVENTS, max_nodes: MOST_NODES },
    };
    let file: SiteFile =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())?;
    if file.version != FORMAT_VERSION {
        return Err(format!(
            "version {} is not known here; this server reads version {FORMAT_VERSION}",
            file.version
        ));
    }
    Ok(file)
}

/// The JSON Schema of site files, for editors and for checks before an apply.
#[must_use]
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(SiteFile)
}

/// Writes a site file as YAML.
///
/// # Errors
/// Says why the file cannot be written as YAML.
pub fn to_yaml(file: &SiteFile) -> Result<String, String> {
    serde_saphyr::to_string(file).map_err(|error| error.to_string())
}
