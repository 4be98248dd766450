//! The site file: a whole site as one declarative document, in YAML or JSON.

pub mod apply;
pub mod export;
mod lines;
pub mod plan;
pub mod report;
pub mod step;

use crate::rbac::text::{GroupId, Label, UserId};
use lines::Place;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
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

/// A site file together with its text, so that what is wrong with it can be told by its line.
#[derive(Clone, Debug)]
pub struct Document {
    file: SiteFile,
    text: String,
}

impl Document {
    /// Reads a site file and keeps its text.
    ///
    /// # Errors
    /// As [`parse`].
    pub fn parse(text: impl Into<String>) -> Result<Self, String> {
        let text = text.into();
        Ok(Self { file: parse(&text)?, text })
    }

    /// The whole of it, to find places in.
    const fn whole(&self) -> Place<'_> {
        Place::whole(self.text.as_str())
    }

    /// Where it has a role.
    fn role(&self, label: &Label) -> Option<Place<'_>> {
        let nth = self.file.roles.iter().position(|entry| entry.label == label.as_str())?;
        Some(self.whole().entry("roles", nth, label.as_str()))
    }

    /// Where it has a user in a group's template.
    fn template(&self, group: &GroupId, user: &UserId) -> Option<Place<'_>> {
        Some(self.group(group)?.1.part("template").of(user.as_str()))
    }

    /// Where it has a user on a project.
    fn permission(&self, group: &GroupId, label: &Label, user: &UserId) -> Option<Place<'_>> {
        let (entry, place) = self.group(group)?;
        let nth = entry.projects.iter().position(|entry| entry.label == label.as_str())?;
        Some(place.entry("projects", nth, label.as_str()).part("permissions").of(user.as_str()))
    }

    fn group(&self, id: &GroupId) -> Option<(&GroupEntry, Place<'_>)> {
        let mut groups = self.file.groups.iter().enumerate();
        let (nth, entry) = groups.find(|(_, entry)| entry.id == id.as_str())?;
        Some((entry, self.whole().entry("groups", nth, id.as_str())))
    }
}

/// Reads a site file.
///
/// # Errors
/// Says what is wrong, with line and column: unknown keys are refused, and so are duplicate ones.
pub fn parse(text: &str) -> Result<SiteFile, String> {
    let file: SiteFile = read(text)?;
    if file.version != FORMAT_VERSION {
        let (place, found) = (Place::whole(text).at("version"), file.version);
        return Err(format!(
            "{place}version {found} is not known here; this server reads version {FORMAT_VERSION}"
        ));
    }
    Ok(file)
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let options = serde_saphyr::options! {
        with_snippet: false,
        budget: serde_saphyr::budget! { max_events: MOST_EVENTS, max_nodes: MOST_NODES },
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| match error {
        // Its own words are for programmers.
        serde_saphyr::Error::DuplicateMappingKey { key, location } => {
            let key = key.map_or_else(String::new, |key| format!(" `{key}`"));
            let (line, column) = (location.line(), location.column());
            format!(
                "duplicate key{key} at line {line}, column {column}: a key may stand only once; remove one"
            )
        }
        error => error.to_string(),
    })
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
